/** What names are taken for, and which of them are doubtful: har/text/meanings.py and har/recognition/names.py. */

import { dot, logSumExp, unit } from "./numbers.js";
import { cleanLabel } from "./words.js";

const CLEAR_SHARE = 0.5;
const SAME_SHARE = 0.8;
const POSSIBLE_SHARE = 0.2;
const MOST = 3; // activities that are named
const NEGATION = new RegExp(
  "^(not?|non|never|without)\\b(?!\\W+(mov|motion|activ))|^non[a-z]+ing\\b|n['\u2019]t\\b"
  + "|\\b(other than|anything but|everything but|except|apart from)\\b",
);

export class Names {
  #words;
  #regression;

  /** regression: activities, weights (a vector an activity), biases, centre and least_evidence. */
  constructor(words, regression) { [this.#words, this.#regression] = [words, regression]; }

  /** Log odds of every activity, against none, for a text by its sentence embedding. */
  scores(sentence) {
    const { weights, biases, centre } = this.#regression;
    const input = unit(Float64Array.from(sentence, (value, i) => value - centre[i]));
    return weights.map((weight, i) => dot(weight, input) + biases[i]);
  }

  /** What a text is taken for, by its sentence embedding. */
  meaning(sentence) {
    const { activities, least_evidence } = this.#regression;
    const scores = this.scores(sentence);
    const evidence = logSumExp(scores);
    const shares = scores.map((score) => Math.exp(score - evidence));
    const order = [...shares.keys()].sort((one, other) => shares[other] - shares[one]);
    const alike = (one, other) => this.#words.matches(one, other) || this.#words.matches(other, one);
    const sure = shares.reduce((sum, share, i) => sum + (alike(activities[i], activities[order[0]]) ? share : 0), 0);
    const likely = order.slice(0, MOST);
    return {
      activities: likely.map((i) => activities[i]), shares: likely.map((i) => shares[i]), sure, strange: evidence < least_evidence,
    };
  }

  /** Sentences about labels that may be taken otherwise than they are meant; meanings: of those that were not read. */
  doubts(labels, meanings) {
    const doubts = labels.map((label, i) => this.#doubt(label, meanings[i]));
    const sentences = doubts.flat();
    const same = new Map();
    labels.forEach((label, i) => {
      const meant = doubts[i].length ? null : this.#meant(label, meanings[i]);
      if (meant === null) return;
      const key = JSON.stringify([this.#words.groupOf(meant), this.#words.paceOf(meant)]);
      same.set(key, [...(same.get(key) ?? []), `“${label}”`]);
    });
    for (const names of [...same.values()].filter((one) => one.length > 1)) {
      const listed = `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
      sentences.push(`${listed} mean the same to the model: which of them it names is chance, and their times belong together.`);
    }
    return sentences;
  }

  #doubt(label, meaning) {
    if (!meaning) return [];
    if (NEGATION.test(cleanLabel(label))) {
      return [`“${label}” says what is not done, and the model reads past that: it takes it for “${meaning.activities[0]}”. Name what is done instead; what fits none of the names is “unknown”.`];
    }
    if (clear(meaning)) return [];
    if (meaning.strange) {
      return [`“${label}” is like no activity that the model has read of, and it reads English alone: it takes it for “${meaning.activities[0]}” rather than anything else. Say it in other words, or teach it, where that is wrong.`];
    }
    const likely = meaning.activities.map((name, i) => `“${name}” (${Math.round(100 * meaning.shares[i])}%)`);
    return [`“${label}” is in words that the model has not read: it takes them for ${likely.join(", ")} or something else. Say it more plainly, or teach it, where none of these is meant.`];
  }

  #meant(label, meaning) {
    if (!meaning) return label;
    return meaning.shares[0] >= SAME_SHARE ? meaning.activities[0] : null;
  }
}

const clear = (meaning) => !meaning.strange && meaning.sure >= CLEAR_SHARE;

/** The activities that a text may well mean, the likeliest first; none where it is strange, or nothing is known of it. */
export function possible(meaning) {
  if (!meaning || meaning.strange) return [];
  return meaning.activities.filter((_, i) => i === 0 || meaning.shares[i] >= POSSIBLE_SHARE);
}
