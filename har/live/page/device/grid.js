/** Uneven times -> gap-free runs on a uniform grid: har/signal/clocks.py, `UniformGrid` on its lattice. */

import { interpolate } from "./numbers.js";

/** Of a period: a row beside a point of the lattice belongs to it. */
const LATTICE_SLACK = 0.05;

export class UniformGrid {
  #rate_hz;
  #max_gap_s;
  #count;
  #time = null;
  #row = null;
  #next = 0;
  #rows = 0;
  #begun = false;

  /** count(sentence, times): it was left something out. */
  constructor(rate_hz, max_gap_s, count) {
    [this.#rate_hz, this.#max_gap_s, this.#count] = [rate_hz, max_gap_s, count];
  }

  /** Finite rows in order of time -> parts of runs, {first, rows}: first is the point of a new run, or null. */
  add(times, rows) {
    [times, rows] = this.#fresh(times, rows);
    if (this.#time !== null) [times, rows] = [[this.#time, ...times], [this.#row, ...rows]];
    const borders = [0];
    for (let i = 1; i < times.length; i += 1) if (times[i] - times[i - 1] > this.#max_gap_s) borders.push(i);
    borders.push(times.length);
    this.#count(`gaps longer than ${this.#max_gap_s} s at which a recording is split`, borders.length - 2);
    const parts = [];
    for (let i = 0; i + 1 < borders.length; i += 1) {
      if (i) parts.push(...this.close());
      parts.push(...this.#goOn(times.slice(borders[i], borders[i + 1]), rows.slice(borders[i], borders[i + 1])));
    }
    return parts;
  }

  /** End the run. */
  close() {
    const parts = [];
    if (this.#rows === 1) this.#count("single samples between two gaps left out", 1);
    else if (this.#time !== null) {
      const last = Math.floor(this.#time * this.#rate_hz + LATTICE_SLACK);
      if (last >= this.#next) parts.push(this.#points([this.#time], [this.#row], last));
    }
    this.#time = this.#row = null;
    [this.#rows, this.#begun] = [0, false];
    return parts;
  }

  #goOn(times, rows) {
    if (!times.length) return [];
    if (this.#time === null) {
      this.#rows = 0;
      this.#next = Math.ceil(times[0] * this.#rate_hz - LATTICE_SLACK);
    }
    this.#rows += times.length - (this.#time === null ? 0 : 1);
    [this.#time, this.#row] = [times.at(-1), rows.at(-1)];
    const last = Math.floor(times.at(-1) * this.#rate_hz);
    return this.#rows > 1 && last >= this.#next ? [this.#points(times, rows, last)] : [];
  }

  #points(times, rows, last) {
    const moments = Array.from({ length: last + 1 - this.#next }, (_, i) => (this.#next + i) / this.#rate_hz);
    const first = this.#begun ? null : this.#next;
    [this.#begun, this.#next] = [true, last + 1];
    return { first, rows: interpolate(moments, times, rows) };
  }

  /** Of rows with the same time the first one stays. */
  #fresh(times, rows) {
    const kept = times.map((time, i) => i).filter((i) => times[i] > (i ? times[i - 1] : this.#time ?? -Infinity));
    this.#count("samples with a repeated time stamp left out", times.length - kept.length);
    return [kept.map((i) => times[i]), kept.map((i) => rows[i])];
  }
}
