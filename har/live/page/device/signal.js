/**
 * Samples as a device sends them, with stamps of its clock -> stretches on uniform grids: har/recognition/live_signal.py.
 *
 * The clock of a live recording counts from the first sample. It goes on where the sender's clock is set back.
 */

import { UniformGrid } from "./grid.js";
import { finite, general, mean, median, rint } from "./numbers.js";

/** Samples missing for no longer are missing samples of a window; more is a gap, which ends what is done. */
const BRIDGED_S = 1;
/** That rows may be late; further back, a clock was set. */
const MOST_BACKWARDS_S = 1;
const RATE_S = 2;
const SAME_RATE = 0.02;
const SNAP = 1e-3;
const [LEAST_GAP_S, LEAST_GAP_PERIODS] = [0.25, 3];
const [LOWEST_RATE_HZ, HIGHEST_RATE_HZ] = [1, 20_000];
/** Nothing is known of how long a clock was away when it was set back: long enough to be a gap. */
const SET_BACK_S = 2 * BRIDGED_S;
const FIRST_ROWS = 4096;
/** Rows in a row, each a gap away from the next: their stamps are no seconds. */
const LONE_ROWS = 8;
/** Of a worn device, to tell the unit of stamps by. */
const USUAL_HZ = 50;
const MOST_STEP_RATIO = 4;
const UNITS = [["minutes", 60], ["ms", 1e-3], ["us", 1e-6], ["ns", 1e-9]];
/** From stamp to stamp, three thousand years: in any unit that stamps are in. */
const FARTHEST_S = 1e11;

/** Positive steps in s -> Hz: their mean without lost samples and gaps, a whole number where it nearly is. */
export function rateOfSteps(steps) {
  const middle = median(steps);
  const usual = steps.filter((step) => step > 0.5 * middle && step < 1.5 * middle);
  // Samples that are handed over late make up for early ones, and all count.
  const own = usual.length > 0.8 * steps.length ? usual : steps.filter((step) => step < 5 * middle);
  const rate = 1 / mean(own);
  const whole = rint(rate);
  return whole && Math.abs(rate / whole - 1) < SNAP ? whole : rint(rate * 1000) / 1000;
}

/** Refuse increasing stamps whose median step is far from the period of a rate: `check_step` of har/signal/clocks.py. */
function checkStep(times, rate_hz) {
  if (times.length < 3) return;
  const step = median(times.slice(1).map((time, i) => time - times[i]));
  const fits = (ratio) => 1 / MOST_STEP_RATIO <= ratio && ratio <= MOST_STEP_RATIO;
  if (fits(step * rate_hz)) return;
  const found = UNITS.find(([, size]) => fits(step * rate_hz * size));
  const way = found && (found[1] > 1 ? `multiply by ${general(found[1], 6)}` : `divide by ${general(1 / found[1], 6)}`);
  const likely = found ? `they are in ${found[0]}: ${way}` : `is the rate ${general(1 / step, 6)} Hz, or are stamps rounded or lost?`;
  throw new RangeError(`the median step of the time stamps is ${general(step, 6)}; expected about ${general(1 / rate_hz, 6)} s at ${general(rate_hz, 6)} Hz: ${likely}`);
}

/** Samples without a gap of more than a second, on a grid of one rate. */
export class Stretch {
  #kept;
  #width;
  #first = 0;
  #samples;

  constructor(number, start_s, shift_s, rate_hz, width, kept_s) {
    Object.assign(this, { number, start_s, shift_s, rate_hz, complete: 0, closed: false });
    [this.#kept, this.#width] = [rint(kept_s * rate_hz), width];
    this.#samples = new Float32Array(FIRST_ROWS * width).fill(NaN);
  }

  get stop_s() { return this.start_s + this.complete / this.rate_hz; }

  /** The first point that can still be read. */
  get keptFrom() { return this.#first; }

  /** The point nearest to a time on the clock of the recording. */
  point(time_s) { return rint((time_s - this.start_s) * this.rate_hz); }

  /** Rows of a sensor from a point on; what is older than is kept gives way. */
  write(point, columns, rows) {
    const stop = point + rows.length - this.#first;
    const room = this.#samples.length / this.#width;
    if (stop > room) {
      const forgotten = Math.max(0, this.complete - this.#kept - this.#first);
      const needed = stop - forgotten;
      const held = this.#samples.subarray(forgotten * this.#width);
      this.#samples = new Float32Array((needed < 0.75 * room ? room : 2 * needed) * this.#width).fill(NaN);
      this.#samples.set(held);
      this.#first += forgotten;
    }
    rows.forEach((row, i) => columns.forEach((column, c) => {
      this.#samples[(point - this.#first + i) * this.#width + column] = row[c];
    }));
  }

  /** Rows of points that are complete, one after the other; NaN outside of what was measured or is kept. */
  read(first, stop) {
    const out = new Float32Array((stop - first) * this.#width).fill(NaN);
    const [a, b] = [Math.max(first, this.#first), Math.min(stop, this.complete)];
    if (a < b) {
      const part = this.#samples.subarray((a - this.#first) * this.#width, (b - this.#first) * this.#width);
      out.set(part, (a - first) * this.#width);
    }
    return out;
  }
}

export class LiveSignal {
  /** In order of time, those of the last `kept_s` seconds. */
  stretches = [];
  #counts = new Map();
  #width;
  #sensors;
  #kept_s;
  #shift_s = null;
  #stamp = null;
  #lone = [];
  #latest = -Infinity;
  #led = -Infinity;
  #waiting = [[], []];
  #grids = null;
  #reached = [];
  #heard = [];
  #gap_s = 0;

  /** sensors: columns of each sensor, the first one leads. */
  constructor(sensors, kept_s) {
    [this.#sensors, this.#kept_s] = [sensors, kept_s];
    this.#width = sensors.flat().length;
  }

  get sentences() {
    return [...this.#counts].filter(([, times]) => times).map(([sentence, times]) => `${times.toLocaleString("en-US")} ${sentence}`);
  }

  /** Rows in the order in which they were measured, with seconds of the sender's clock. */
  add(times, rows) {
    const told = times.map((time, i) => i).filter((i) => Number.isFinite(times[i]));
    this.#count("samples without a time left out", times.length - told.length);
    this.#checkSteps(told.map((i) => times[i]));
    let [kept, keptRows, late] = [[], [], 0];
    for (const i of told) {
      this.#shift_s ??= times[i];
      let own = times[i] - this.#shift_s;
      const highest = Math.max(this.#latest, kept.at(-1) ?? -Infinity);
      if (own < highest - MOST_BACKWARDS_S) {
        this.#forwards(kept, keptRows);
        [kept, keptRows] = [[], []];
        this.#count("times that the clock was set back", 1);
        this.#end();
        this.#shift_s = times[i] - (this.#latest + SET_BACK_S);
        own = times[i] - this.#shift_s;
      } else if (own < highest) {
        late += 1;
        continue;
      }
      kept.push(own);
      keptRows.push(rows[i]);
    }
    this.#count("samples that come later than their time stamps, left out", late);
    this.#forwards(kept, keptRows);
  }

  #checkSteps(stamps) {
    const far = stamps.find((stamp, i) => Math.abs(stamp - (i ? stamps[i - 1] : this.#stamp ?? stamp)) > FARTHEST_S);
    if (far !== undefined) throw new RangeError(`a time stamp is ${general(far, 6)}, ages away from the one before; give seconds`);
    this.#stamp = stamps.at(-1) ?? this.#stamp;
  }

  /** Rows in order of time, on the clock of the recording, from gap to gap of the leading sensor. */
  #forwards(times, rows) {
    if (!times.length) return;
    this.#latest = times.at(-1);
    let first = 0;
    times.forEach((time, i) => {
      if (!finite(this.#sensors[0].map((column) => rows[i][column]))) return;
      if (Number.isFinite(this.#led) && time - this.#led > BRIDGED_S) {
        this.#goOn(times.slice(first, i), rows.slice(first, i));
        this.#end();
        first = i;
      }
      this.#led = time;
    });
    this.#goOn(times.slice(first), rows.slice(first));
  }

  #goOn(times, rows) {
    if (this.#grids !== null) {
      this.#feed(times, rows);
      return;
    }
    this.#waiting[0].push(...times);
    this.#waiting[1].push(...rows);
    const [all, allRows] = this.#waiting;
    const led = all.filter((_, i) => finite(this.#sensors[0].map((column) => allRows[i][column])));
    if (!led.length || led.at(-1) - led[0] < RATE_S) return;
    [this.#waiting, this.#lone] = [[[], []], []];
    const stop = led.findIndex((time) => time >= led[0] + RATE_S);
    this.#begin(led.slice(0, stop + 1));
    this.#feed(all, allRows);
  }

  /** A stretch, whose rate is that of its first rows. */
  #begin(first) {
    const steps = first.slice(1).map((time, i) => time - first[i]).filter((step) => step > 0);
    let rate_hz = rateOfSteps(steps);
    if (!(rate_hz >= LOWEST_RATE_HZ && rate_hz <= HIGHEST_RATE_HZ)) {
      checkStep(first, USUAL_HZ);
      throw new RangeError(`The sensors seem to measure ${rate_hz} times a second, which nothing worn does.`);
    }
    const before = this.stretches.at(-1)?.rate_hz ?? rate_hz;
    if (Math.abs(rate_hz / before - 1) < SAME_RATE) rate_hz = before;
    else this.#count(`times that the rate changed, lastly to ${rate_hz} Hz`, 1);
    this.#gap_s = Math.max(LEAST_GAP_S, LEAST_GAP_PERIODS / rate_hz);
    this.#grids = this.#sensors.map(() => new UniformGrid(rate_hz, this.#gap_s, (...told) => this.#count(...told)));
    this.#reached = this.#sensors.map(() => 0);
    this.#heard = this.#sensors.map(() => -Infinity);
    const number = (this.stretches.at(-1)?.number ?? -1) + 1;
    this.stretches.push(new Stretch(number, first[0], this.#shift_s, rate_hz, this.#width, this.#kept_s));
  }

  #feed(times, rows) {
    const stretch = this.stretches.at(-1);
    this.#sensors.forEach((columns, number) => {
      const [own, ownRows] = [[], []];
      times.forEach((time, i) => {
        const row = columns.map((column) => rows[i][column]);
        if (time < stretch.start_s || !finite(row)) return;
        own.push(time - stretch.start_s);
        ownRows.push(row);
      });
      if (!own.length) return;
      this.#take(number, this.#grids[number].add(own, ownRows));
      this.#heard[number] = own.at(-1);
    });
    // A sensor that is silent for longer has a gap there, whatever comes.
    const heard = this.#reached.filter((_, i) => this.#heard[0] - this.#heard[i] <= this.#gap_s || i === 0);
    stretch.complete = Math.max(stretch.complete, Math.min(...heard));
    while (this.stretches[0].closed && this.stretches[0].stop_s < stretch.stop_s - this.#kept_s) this.stretches.shift();
  }

  #take(number, parts) {
    for (const { first, rows } of parts) {
      if (first !== null) this.#reached[number] = first;
      this.stretches.at(-1).write(this.#reached[number], this.#sensors[number], rows);
      this.#reached[number] += rows.length;
    }
  }

  /** The leading sensor has a gap, or the clock was set back. */
  #end() {
    if (this.#grids === null) {
      this.#lonely(this.#waiting[0]);
      this.#count("samples between two gaps, too few to tell their rate, left out", this.#waiting[0].length);
      this.#waiting = [[], []];
      return;
    }
    this.#grids.forEach((grid, number) => this.#take(number, grid.close()));
    Object.assign(this.stretches.at(-1), { complete: this.#reached[0], closed: true });
    this.#grids = null;
  }

  /** Stamps each of which is a gap away from the next are in another unit than seconds. */
  #lonely(times) {
    this.#lone.push(...times);
    if (this.#lone.length < LONE_ROWS) return;
    const lone = this.#lone;
    this.#lone = [];
    if (median(lone.slice(1).map((time, i) => time - lone[i])) > BRIDGED_S) checkStep(lone, USUAL_HZ);
  }

  #count(sentence, times) {
    if (times) this.#counts.set(sentence, (this.#counts.get(sentence) ?? 0) + times);
  }
}
