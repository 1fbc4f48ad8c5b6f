/** Words of one's own -> prototypes: the exported sentence encoder, and what the label bank makes of it. */

import { dot, softmax, unit } from "./numbers.js";

/** har/text/known_labels.py: how far a label that training read in no words leans on those that it read. */
const KNOWN_SHARE = 0.5;
const TEMPERATURE = 0.03;

export class TextEncoder {
  #run;
  #tokenizer;
  #words;
  #known;

  /**
   * run(tokens): of one phrase, {prototypes, sentence}. known: {prototypes, sentences} of the labels that the bank
   * remembers.
   */
  constructor(run, tokenizer, words, known) {
    [this.#run, this.#tokenizer, this.#words, this.#known] = [run, tokenizer, words, known];
  }

  /** Sentence embedding of a phrase, unit norm. */
  async sentence(text) { return (await this.#run(this.#tokenizer.encode(text))).sentence; }

  /** Prototypes of a clean label. */
  async label(phrase) {
    const said = [];
    for (const text of this.#words.phrasings(phrase)) said.push(await this.#run(this.#tokenizer.encode(text)));
    const own = said[0].prototypes.map((_, k) => unit(sum(said.map(({ prototypes }) => prototypes[k]))));
    return this.#words.hasParaphrases(phrase) ? own : this.#leaning(own, said[0].sentence);
  }

  #leaning(own, sentence) {
    const weights = softmax(this.#known.sentences.map((one) => dot(one, sentence) / TEMPERATURE));
    return own.map((vector, k) => {
      const nearest = unit(sum(this.#known.prototypes.map((one, i) => one[k].map((value) => value * weights[i]))));
      return unit(vector.map((value, i) => (1 - KNOWN_SHARE) * value + KNOWN_SHARE * nearest[i]));
    });
  }
}

function sum(vectors) {
  const total = new Float64Array(vectors[0].length);
  for (const vector of vectors) vector.forEach((value, i) => { total[i] += value; });
  return total;
}
