/** Words of one's own -> prototypes: the exported sentence encoder, and what the label bank makes of it. */

import { dot, softmax, unit } from "./numbers.js";

/** har/text/known_labels.py: how far a label that training read in no words leans on those that it read. */
const KNOWN_SHARE = 0.8;
const TEMPERATURE = 0.03;

export class TextEncoder {
  #run;
  #tokenizer;
  #words;
  #known;
  #names;

  /**
   * run(tokens): of one phrase, {prototypes, sentence}. known: {prototypes, sentences, columns} of the labels that the
   * bank remembers; columns: the activity of each among those that names (a Names) tells apart, null for none.
   */
  constructor(run, tokenizer, words, known, names) {
    [this.#run, this.#tokenizer, this.#words, this.#known, this.#names] = [run, tokenizer, words, known, names];
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

  /** How much a text leans on each known label: by likeness, and by its meaning where that is known of a label. */
  #weights(sentence) {
    const { sentences, columns } = this.#known;
    const weights = softmax(sentences.map((one) => dot(one, sentence) / TEMPERATURE));
    const learned = [...columns.keys()].filter((i) => columns[i] !== null);
    if (!learned.length) return weights;
    const count = new Map();
    for (const i of learned) count.set(columns[i], (count.get(columns[i]) ?? 0) + 1);
    const shares = softmax(this.#names.scores(sentence));
    const meant = learned.map((i) => shares[columns[i]] / count.get(columns[i]));
    const mass = learned.reduce((total, i) => total + weights[i], 0);
    const unnamed = 1 - meant.reduce((total, share) => total + share, 0);
    learned.forEach((i, place) => { weights[i] = mass * meant[place] + unnamed * weights[i]; });
    return weights;
  }

  #leaning(own, sentence) {
    const weights = this.#weights(sentence);
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
