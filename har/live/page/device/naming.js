/** Windows beside the texts of labels and of other activities: har/text/naming.py. */

import { dot, logSumExp, softmax } from "./numbers.js";

export class Naming {
  #own;
  #others;
  #scale;

  /** own, others: prototypes, an array of vectors a label. scale: by which cosines are multiplied. */
  constructor(labels, own, others, scale) {
    this.labels = labels;
    [this.#own, this.#others, this.#scale] = [own, others, scale];
  }

  /** Of one window by itself: probabilities of the labels, and by how much the best fits better than any other. */
  read(embedding) {
    const logits = this.#own.map((prototypes) => this.#logit(embedding, prototypes));
    const other = this.#others.map((prototypes) => this.#logit(embedding, prototypes));
    const margin = other.length ? Math.max(...logits) - Math.max(...other) : Infinity;
    return { own: Float32Array.from(softmax(logits)), margin: Math.fround(margin) };
  }

  /** A soft maximum over the prototypes of a label. */
  #logit(embedding, prototypes) {
    return logSumExp(prototypes.map((one) => this.#scale * dot(embedding, one))) - Math.log(prototypes.length);
  }
}
