/** Samples that somebody asked to keep: in this page, until they are downloaded as a table that predict.py reads. */

/** Half an hour at 60 Hz; as text about ten megabytes. */
const MOST_ROWS = 30 * 60 * 60;
const UNITS = { acc: "g", gyro: "rad/s" };

export class Recording {
  #times = [];
  #rows = [];

  constructor(channels) { this.channels = channels; }

  /** Whether all of them are kept. Those are not that come before the ones that are, as when a recording is played again. */
  add(times, rows) {
    if (this.#times.length && times[0] <= this.#times.at(-1)) return false;
    const room = Math.max(0, MOST_ROWS - this.#times.length);
    this.#times.push(...times.slice(0, room));
    this.#rows.push(...rows.slice(0, room));
    return times.length <= room;
  }

  get full() { return this.#times.length >= MOST_ROWS; }

  get seconds() { return this.#times.length ? this.#times.at(-1) - this.#times[0] : 0; }

  /** Times are in seconds since 1970 where the clock is the phone's; those of a recording begin where it does. */
  csv() {
    const head = ["time (s)", ...this.channels.map((name) => `${name} (${UNITS[name.split("_")[0]]})`)];
    const lines = this.#times.map((time, place) => [time.toFixed(4), ...Array.from(this.#rows[place], (value) => value.toFixed(5))]);
    return [head, ...lines].map((cells) => cells.join(",")).join("\n") + "\n";
  }
}

/** Have the browser save a file. */
export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** 2026-03-29-1405 */
export function moment(date = new Date()) {
  const two = (number) => String(number).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}`;
}
