/** One wearer's one device, as it measures: har/recognition/live.py, whose docstrings say what equals what. */

import { LARGEST } from "../units.js";
import { LiveAxes, pieceLength } from "./body_axes.js";
import { newestInContext } from "./context.js";
import { argmax, rint } from "./numbers.js";
import { examine } from "./plausibility.js";
import { LiveSignal } from "./signal.js";
import { LEAST_IN_CONTEXT, LEAST_SHARE, Taught } from "./taught.js";
import { LiveWear } from "./wear.js";

const KEPT_S = 600;
const CALIBRATED_S = 3600;
const BACKLOG_S = 60;
const RENEWED = 16;
const TOGETHER = 32;
const SLACK_S = 1e-6; // of times that were computed
const FIRST_EXAMINED_S = 2;
const EXAMINED = 12; // pieces of a stretch after each of which it is examined, and then after every so many

export class LiveRecogniser {
  #embed;
  #settings;
  #width;
  #channels;
  #gravity;
  #every;
  #signal;
  #axes = new LiveAxes();
  #wear = new LiveWear();
  #taught = new Taught();
  #rows = [];
  #naming = null;
  #cleaned = [];
  #doubts = [];
  #read = null;
  #placement = null;
  #findings = [];
  #version = 0;
  #moment = 0;
  #stretch = null;
  #pieces = 0;
  #wornTo = 0;
  #off = null;
  #newest = null;
  #answered = false;

  /**
   * embed(windows, rate_hz, features): what windows {samples, axes} are turned into, {embedding, features} each; samples
   * are flat rows of channels. settings: window_s, step_s, calibration, unknown_below. channels: acc, then perhaps gyro.
   */
  constructor(embed, settings, channels, gravity) {
    [this.#embed, this.#settings, this.#channels, this.#gravity] = [embed, settings, channels, gravity];
    this.#width = channels.length;
    this.#every = Math.max(1, rint(settings.window_s / 2 / settings.step_s));
    const sensors = Array.from({ length: this.#width / 3 }, (_, s) => [3 * s, 3 * s + 1, 3 * s + 2]);
    this.#signal = new LiveSignal(sensors, KEPT_S + settings.window_s + BACKLOG_S);
  }

  // --- Settings ----------------------------------------------------------------------------------------------------

  get labels() { return this.#naming.labels; }

  get taught() { return this.#taught.labels; }

  /** naming: of the labels; cleaned: these as they are compared; doubts: sentences about them. */
  name(naming, cleaned, doubts = []) {
    [this.#naming, this.#cleaned, this.#doubts] = [naming, cleaned, doubts];
    const used = this.#read !== null;
    this.#read = this.#taught.reader(naming, cleaned);
    if (this.#read !== null && !used) this.#version += 1;
    this.#rows.forEach((row) => this.#nameRow(row));
    this.#answered = false;
  }

  /** What `embed` makes of windows has changed; placement: where the device is worn, or null. */
  placed(placement) {
    this.#placement = placement;
    this.#version += 1;
  }

  get notes() {
    const notes = [...this.#doubts, ...this.#signal.sentences, ...this.#findings.map(({ text }) => text)];
    if (this.#gravity === "removed") notes.push("The accelerometer comes without gravity: postures can hardly be told apart.");
    if (this.#placement === null) notes.push("Nothing is known of where the device is worn; saying so makes the names better.");
    const unasked = this.#taught.labels.filter((label) => !this.#cleaned.includes(label));
    if (unasked.length) notes.push(`Taught, but not among the names asked for: ${unasked.map((one) => `“${one}”`).join(", ")}.`);
    return notes;
  }

  /** Why what was measured cannot be in g and rad/s, or null. */
  get unusable() {
    return this.#findings.filter(({ certain }) => certain).map(({ text }) => text).join("; besides, ") || null;
  }

  /** Keep windows of what was measured from start to stop, on the sender's clock, under a clean label. */
  async teach(label, start_s, stop_s) {
    const { window_s, step_s } = this.#settings;
    if (stop_s - start_s < LEAST_SHARE * window_s) {
      throw new Error(`That is too short to tell anything by; teach for ${window_s} s or more.`);
    }
    await this.#advance();
    const kept = [];
    for (const stretch of this.#signal.stretches) {
      const first_s = stretch.start_s + stretch.keptFrom / stretch.rate_hz;
      const from = Math.max(first_s, start_s - stretch.shift_s);
      const to = Math.min(stretch.stop_s, stop_s - stretch.shift_s);
      if (from >= to) continue;
      // One at each step: windows are named wherever their steps fall.
      const last_s = Math.max(from, to - LEAST_SHARE * window_s);
      const count = Math.ceil((last_s + SLACK_S - from) / step_s);
      const windows = Array.from({ length: count }, (_, i) => {
        const first = stretch.point(from + i * step_s);
        return this.#samples(stretch, first, Math.min(first + this.#length(stretch), stretch.point(to)));
      }).filter((samples) => this.#share(samples) >= LEAST_SHARE);
      const worn = windows.map((samples) => ({ samples, axes: this.#axes.used }));
      if (worn.length) kept.push(...(await this.#embed(worn, stretch.rate_hz)));
    }
    if (!kept.length) {
      throw new Error(`Of that time less than half a window is kept; teach what was done in the last ${KEPT_S / 60} minutes, for ${window_s} s or more.`);
    }
    this.#taught.add(label, kept);
  }

  /** Look again at what the next answer reads, so that it knows at once what was taught. */
  async renewed() {
    if (this.#rows.length) await this.#renew(this.#inPhase().slice(-RENEWED));
  }

  // --- Samples -----------------------------------------------------------------------------------------------------

  /** Rows as they are measured, and seconds of the sender's clock; throws for what nothing worn measures. */
  async add(times, rows) {
    for (const row of rows) {
      row.forEach((value, c) => {
        if (Math.abs(value) > LARGEST[this.#channels[c].split("_")[0]]) {
          throw new RangeError(`The sensors gave ${value}, which nothing worn measures.`);
        }
      });
    }
    this.#signal.add(times, rows);
    const newest = this.#signal.stretches.at(-1);
    if (newest && newest.stop_s - this.#moment * this.#settings.step_s > BACKLOG_S) await this.#advance();
  }

  /** What is being done at the newest step that is complete; null where none is new, and as long as it is `unusable`. */
  async answer() {
    await this.#advance();
    if (this.unusable !== null || this.#answered || this.#newest === null) return null;
    this.#answered = true;
    const last = this.#rows.at(-1);
    const { stretch, moment } = this.#newest;
    if (last?.moment !== moment) return null;
    const { step_s, unknown_below, calibration } = this.#settings;
    const oriented = this.#axes.used[0].some(Boolean);
    const about = { time_s: moment * step_s + stretch.shift_s, oriented, labels: this.labels };
    if (last.off) return { ...about, name: "not worn", confidence: null, known: null, probabilities: this.labels.map(() => null) };
    const found = newestInContext(this.#context(), this.#every * step_s, calibration);
    const best = argmax(found.probabilities);
    const named = !(found.known < unknown_below);
    return { ...about, ...found, name: named ? this.labels[best] : "unknown", confidence: named ? found.probabilities[best] : null };
  }

  /** Windows that overlap by half, back from the last one; of a stretch too short for a window the longest part. */
  #inPhase() {
    const last = this.#rows.at(-1);
    const found = this.#rows.filter((row) => (last.moment - row.moment) % this.#every === 0 && !row.off);
    return found.filter((row, i) => row.whole || row.stretch !== found[i + 1]?.stretch);
  }

  #context() {
    const last = this.#rows.at(-1);
    const at = this.#inPhase();
    const floor = (row) => (this.#read === null ? row.own : row.own.map((share) => Math.max(share, LEAST_IN_CONTEXT)));
    const totals = new Float64Array(last.own.length);
    for (const row of at) floor(row).forEach((share, j) => { totals[j] += share; });
    const near = at.filter((row) => row.start_s > last.start_s - KEPT_S);
    return {
      own: near.map((row) => Array.from(floor(row))),
      margins: near.map((row) => row.margin),
      start_s: near.map((row) => row.start_s),
      attracted: Array.from(totals, (total) => total / at.length),
      count: at.length,
    };
  }

  // --- From step to step -------------------------------------------------------------------------------------------

  async #advance() {
    const { step_s } = this.#settings;
    let waiting = [];
    for (const stretch of this.#signal.stretches) {
      const last = Math.floor(stretch.stop_s / step_s + SLACK_S);
      for (let moment = Math.max(this.#moment, Math.floor(stretch.start_s / step_s)) + 1; moment <= last; moment += 1) {
        [this.#moment, this.#newest, this.#answered] = [moment, { stretch, moment }, false];
        const before = this.#version;
        this.#hear(stretch, moment);
        const stale = this.#rows.some((row) => row.version !== this.#version);
        const alone = stale || before !== this.#version;
        if (alone || waiting.length === TOGETHER) {
          await this.#look(waiting);
          waiting = [];
        }
        waiting.push({ stretch, moment, axes: this.#axes.used, version: this.#version, off: this.#off });
        if (alone) {
          await this.#look(waiting);
          waiting = [];
          await this.#renew(this.#rows.filter((row) => row.version !== this.#version).slice(-RENEWED));
        }
      }
    }
    await this.#look(waiting);
  }

  /** What the samples of one step tell beside its window: axes of the body, wear, what cannot be. */
  #hear(stretch, moment) {
    if (stretch !== this.#stretch) {
      if (this.#stretch !== null) this.#hearPieces(this.#stretch, this.#stretch.complete, true);
      [this.#stretch, this.#pieces, this.#wornTo] = [stretch, 0, 0];
    }
    const time_s = moment * this.#settings.step_s;
    const stop = stretch.point(time_s);
    this.#wear.add(time_s, this.#acceleration(stretch.read(this.#wornTo, stop)));
    this.#off = this.#wear.off() ?? this.#off;
    const first = rint(FIRST_EXAMINED_S * stretch.rate_hz);
    if (this.#wornTo < first && first <= stop) this.#examine([stretch.read(0, stop)], stretch.rate_hz);
    this.#wornTo = stop;
    this.#hearPieces(stretch, stop, false);
  }

  #hearPieces(stretch, stop, ended) {
    const length = pieceLength(stretch.rate_hz);
    while (this.#pieces * length + (ended ? 1 : length) <= stop) {
      const first = this.#pieces * length;
      this.#pieces += 1;
      if (this.#gravity === "included") {
        const piece = new Float32Array(3 * length).fill(NaN);
        piece.set(this.#acceleration(stretch.read(first, Math.min(first + length, stop))));
        if (this.#axes.add(piece, stretch.rate_hz)) this.#version += 1;
      }
      if (this.#pieces > EXAMINED && this.#pieces % EXAMINED && this.unusable === null) continue;
      const kept = Math.ceil(stretch.keptFrom / length);
      const pieces = Array.from({ length: this.#pieces - kept }, (_, i) => stretch.read((kept + i) * length, (kept + i + 1) * length));
      this.#examine(pieces, stretch.rate_hz);
    }
  }

  #examine(windows, rate_hz) {
    if (!windows.some((window) => window.some(Number.isFinite))) return;
    this.#findings = examine(windows, this.#width, rate_hz, this.#gravity, this.#placement);
  }

  #acceleration(samples) {
    if (this.#width === 3) return samples;
    return Float32Array.from({ length: (samples.length / this.#width) * 3 }, (_, i) => samples[Math.floor(i / 3) * this.#width + (i % 3)]);
  }

  #length(stretch) { return Math.max(1, rint(this.#settings.window_s * stretch.rate_hz)); }

  /** A window, filled up with missing samples. */
  #samples(stretch, first, stop) {
    const samples = new Float32Array(this.#length(stretch) * this.#width).fill(NaN);
    samples.set(stretch.read(first, stop));
    return samples;
  }

  /** Of the samples of a window, those at which any sensor is there. */
  #share(samples) {
    let there = 0;
    for (let i = 0; i < samples.length; i += this.#width) {
      const whole = (s) => Number.isFinite(samples[i + s] + samples[i + s + 1] + samples[i + s + 2]);
      there += whole(0) || (this.#width > 3 && whole(3)) ? 1 : 0;
    }
    return (there * this.#width) / samples.length;
  }

  /** The window that ends at a step; in the first seconds of a stretch it begins with it. */
  #window(stretch, moment) {
    const { window_s, step_s } = this.#settings;
    const [stop, length] = [stretch.point(moment * step_s), this.#length(stretch)];
    const start_s = Math.max(moment * step_s - window_s, stretch.start_s);
    return { start_s, whole: stop >= length, samples: this.#samples(stretch, Math.max(stop - length, 0), stop) };
  }

  /** Embed windows that were never looked at; what has no second is passed over. */
  async #look(due) {
    if (!due.length) return;
    for (const rate_hz of new Set(due.map(({ stretch }) => stretch.rate_hz))) {
      const own = due.filter(({ stretch }) => stretch.rate_hz === rate_hz);
      const windows = own.map(({ stretch, moment, axes }) => ({ ...this.#window(stretch, moment), axes }));
      const found = await this.#seen(windows, rate_hz);
      own.forEach(({ stretch, moment, version }, i) => {
        if (!found[i].embedding.some(Boolean)) return;
        const { start_s, whole } = windows[i];
        const row = { moment, stretch: stretch.number, start_s, whole, off: false, version, ...found[i] };
        this.#nameRow(row);
        this.#rows.push(row);
      });
    }
    for (const [start_s, stop_s] of new Set(due.map(({ off }) => off).filter((off) => off !== null))) {
      for (const row of this.#rows) {
        const middle_s = row.start_s + this.#settings.window_s / 2;
        row.off ||= middle_s >= start_s && middle_s < stop_s;
      }
    }
    const most = rint(CALIBRATED_S / this.#settings.step_s);
    if (this.#rows.length > most) this.#rows.splice(0, this.#rows.length - most);
  }

  /** Embeddings of windows, and features where these are of use: the past is looked at again once they are. */
  async #seen(windows, rate_hz) {
    const found = await this.#embed(windows, rate_hz);
    return this.#read === null ? found.map(({ embedding }) => ({ embedding, features: null })) : found;
  }

  #nameRow(row) {
    Object.assign(row, this.#naming.read(row.embedding));
    if (this.#read !== null && row.features !== null) Object.assign(row, this.#read(row.features, row.own, row.margin));
  }

  /** Look again at windows of the past, which were seen under other settings. */
  async #renew(past) {
    const stretches = new Map(this.#signal.stretches.map((stretch) => [stretch.number, stretch]));
    const kept = new Map();
    for (const row of past) {
      row.version = this.#version; // what is not kept stays as it is
      const stretch = stretches.get(row.stretch);
      if (!stretch || stretch.point(row.start_s) < stretch.keptFrom) continue;
      kept.set(stretch.rate_hz, [...(kept.get(stretch.rate_hz) ?? []), row]);
    }
    for (const [rate_hz, rows] of kept) {
      const windows = rows.map((row) => ({ ...this.#window(stretches.get(row.stretch), row.moment), axes: this.#axes.used }));
      const found = await this.#seen(windows, rate_hz);
      rows.forEach((row, i) => this.#nameRow(Object.assign(row, found[i])));
    }
  }
}
