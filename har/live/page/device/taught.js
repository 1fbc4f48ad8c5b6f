/**
 * What a person taught: windows that are kept, and what they change of what the words say of windows that look alike.
 * har/recognition/adapter.py has the method and where its numbers come from, har/evaluation/few_shot_classifiers.py the
 * equations of the Gaussian process.
 */

import { dot, rint, unit } from "./numbers.js";

const MOST_WINDOWS = 16;
const WIDTH = 0.02;
const NOISE = 0.002;
const LEAST_PROBABILITY = 1e-6;
/** Least probability of a label before windows are named in view of each other. */
export const LEAST_IN_CONTEXT = 0.05;
/** Share of a window that has to be there to teach. */
export const LEAST_SHARE = 0.5;

export class Taught {
  /** Clean label -> windows {features, embedding}. */
  #windows = new Map();

  get labels() { return [...this.#windows.keys()]; }

  /** With windows of one more label, or more of one; evenly, not too many of each. */
  add(label, windows) {
    const all = [...(this.#windows.get(label) ?? []), ...windows];
    const count = Math.min(all.length, MOST_WINDOWS);
    const places = Array.from({ length: count }, (_, i) => (count > 1 ? rint((i * (all.length - 1)) / (count - 1)) : 0));
    this.#windows.set(label, all.filter((_, i) => places.includes(i)));
  }

  /** What is read of a window with these features; null where nothing that was taught is asked for. */
  reader(naming, cleaned) {
    const kept = [...this.#windows].filter(([label]) => cleaned.includes(label));
    const support = kept.flatMap(([label, windows]) => windows.map((window) => ({ ...window, label })));
    if (!support.length) return null;
    const features = support.map((window) => unit(window.features));
    const wrong = support.map(({ label, embedding }) => {
      const { own, margin } = naming.read(unit(embedding));
      return withNone(own, margin).map((share, j) => (cleaned[j] === label ? 1 : 0) - share);
    });
    const gram = features.map((one, i) => features.map((other, j) => kernel(one, other) + (i === j ? NOISE : 0)));
    const weights = solve(gram, wrong);
    return (found, own, margin) => {
      const looks = unit(found);
      const likeness = features.map((one) => kernel(looks, one));
      const shares = withNone(own, margin).map((share, j) => {
        return Math.max(share + likeness.reduce((sum, like, s) => sum + like * weights[s][j], 0), LEAST_PROBABILITY);
      });
      const none = shares.pop();
      const named = shares.reduce((a, b) => a + b, 0);
      return { own: Float32Array.from(shares, (share) => share / named), margin: Math.fround(Math.log(named / none)) };
    };
  }
}

const kernel = (one, other) => Math.exp((dot(one, other) - 1) / WIDTH);

/** Of each label, and last that none of them is meant. */
function withNone(own, margin) {
  const some = 1 / (1 + Math.exp(-margin));
  return [...Array.from(own, (share) => share * some), 1 - some];
}

/** X of A X = B, by elimination with the largest pivot. */
export function solve(matrix, right) {
  const rows = matrix.map((row, i) => [...row, ...right[i]]);
  const count = rows.length;
  for (let k = 0; k < count; k += 1) {
    let pivot = k;
    for (let i = k + 1; i < count; i += 1) if (Math.abs(rows[i][k]) > Math.abs(rows[pivot][k])) pivot = i;
    [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
    for (let i = k + 1; i < count; i += 1) {
      const by = rows[i][k] / rows[k][k];
      if (by) for (let j = k; j < rows[i].length; j += 1) rows[i][j] -= by * rows[k][j];
    }
  }
  for (let k = count - 1; k >= 0; k -= 1) {
    for (let j = count; j < rows[k].length; j += 1) {
      for (let i = k + 1; i < count; i += 1) rows[k][j] -= rows[k][i] * rows[i][j];
      rows[k][j] /= rows[k][k];
    }
  }
  return rows.map((row) => row.slice(count));
}
