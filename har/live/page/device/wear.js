/** Whether a device is off the body by now: har/recognition/live_wear.py, by the rule of har/recognition/non_wear.py. */

const MINUTE_S = 60;
const HOUR_MIN = 60;
const LARGEST_DEVIATION_G = 0.013;
const LARGEST_RANGE_G = 0.05;
const STILL_AXES = 2;
const LEAST_SHARE = 0.5;

class Minute {
  lowest = [NaN, NaN, NaN];
  highest = [NaN, NaN, NaN];
  total = [0, 0, 0];
  squares = [0, 0, 0];
  there = 0;
  heard = 0;

  add(row) {
    this.heard += 1;
    if (!row.every(Number.isFinite)) return;
    this.there += 1;
    row.forEach((value, c) => {
      if (!(this.lowest[c] <= value)) this.lowest[c] = value;
      if (!(this.highest[c] >= value)) this.highest[c] = value;
      this.total[c] += value;
      this.squares[c] += value * value;
    });
  }
}

export class LiveWear {
  #now = 0;
  #now_s = 0;
  #minutes = Array.from({ length: HOUR_MIN + 1 }, () => new Minute());

  /** Samples of one step that ends at a time: flat rows x, y, z in g, NaN = missing. */
  add(time_s, samples) {
    const minute = Math.ceil(time_s / MINUTE_S - 1e-9) - 1;
    this.#now_s = time_s;
    const passed = Math.min(minute - this.#now, HOUR_MIN + 1);
    if (passed) {
      this.#minutes = [...this.#minutes.slice(passed), ...Array.from({ length: passed }, () => new Minute())];
      this.#now = minute;
    }
    const last = this.#minutes.at(-1);
    for (let i = 0; i < samples.length; i += 3) last.add([samples[i], samples[i + 1], samples[i + 2]]);
  }

  /** Start and stop of when it was not worn, up to now, as the last hour tells, or null; the present minute counts. */
  off() {
    const still = [0, 1].filter((first) => lies(this.#minutes.slice(first, first + HOUR_MIN)));
    // The hour has to be over without the present minute, of which a moment may have passed.
    if (still[0] !== 0 || this.#minutes.some(({ there }) => !there)) return null;
    const start_s = (this.#now - HOUR_MIN) * MINUTE_S;
    return [start_s, Math.min(start_s + (HOUR_MIN + still.at(-1)) * MINUTE_S, this.#now_s)];
  }
}

/** Whether a device lies still in an hour of minutes. */
function lies(minutes) {
  if (minutes.some(({ there, heard }) => there < LEAST_SHARE * heard || !there)) return false;
  const mean = (of) => minutes.reduce((sum, minute) => sum + of(minute), 0) / minutes.length;
  const axes = [0, 1, 2].filter((c) => {
    const range = Math.max(...minutes.map(({ highest }) => highest[c])) - Math.min(...minutes.map(({ lowest }) => lowest[c]));
    const middle = mean(({ total, there }) => total[c] / there);
    const square = mean(({ squares, there }) => squares[c] / there);
    return Math.sqrt(Math.max(square - middle ** 2, 0)) < LARGEST_DEVIATION_G && range < LARGEST_RANGE_G;
  });
  return axes.length >= STILL_AXES;
}
