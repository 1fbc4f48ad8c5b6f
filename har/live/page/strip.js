/** The last two minutes as a coloured strip, named in words too. */

import { color, drawn, fitted, inkOn } from "./canvas.js";

const SHOWN_S = 120;
/** An answer speaks for the time since the one before, as far as its window of five seconds reaches. */
const LONGEST_ANSWER_S = 5;
const MARGIN_PX = 6;

export class Strip {
  #cells = [];
  #colors = {};
  #canvas;
  #legend;
  #redraw;

  constructor(canvas, legend) {
    [this.#canvas, this.#legend] = [canvas, legend];
    this.#redraw = drawn(() => this.#draw(), 10);
    addEventListener("resize", this.#redraw);
    document.addEventListener("visibilitychange", this.#redraw);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", this.#redraw);
  }

  set colors(colors) {
    this.#colors = { ...this.#colors, ...colors };
    this.#redraw();
  }

  push(name, time_s) {
    // A recording that is played again begins anew.
    if (this.#cells.length && time_s < this.#cells.at(-1).stop_s) this.#cells = [];
    const last = this.#cells.at(-1);
    const from = last && time_s - last.stop_s < LONGEST_ANSWER_S ? last.stop_s : time_s - 0.5;
    if (last && last.name === name && from === last.stop_s) last.stop_s = time_s;
    else this.#cells.push({ name, start_s: from, stop_s: time_s });
    while (this.#cells[0].stop_s < time_s - SHOWN_S) this.#cells.shift();
    this.#redraw();
  }

  /** Seconds of each name in what is shown, the longest first. */
  seconds() {
    const end = this.#cells.at(-1)?.stop_s ?? 0;
    const total = new Map();
    for (const { name, start_s, stop_s } of this.#cells) {
      total.set(name, (total.get(name) ?? 0) + stop_s - Math.max(start_s, end - SHOWN_S));
    }
    return [...total].sort((a, b) => b[1] - a[1]);
  }

  #draw() {
    const { context, width, height } = fitted(this.#canvas);
    const end = this.#cells.at(-1)?.stop_s ?? 0;
    const at = (time_s) => Math.max(0, width * (1 - (end - time_s) / SHOWN_S));
    context.font = "600 13px system-ui, sans-serif";
    context.textBaseline = "middle";
    for (const { name, start_s, stop_s } of this.#cells) {
      const [left, right] = [at(start_s), at(stop_s)];
      const fill = this.#colors[name] ?? "#808080";
      context.fillStyle = fill;
      context.fillRect(left, 0, right - left, height);
      context.fillStyle = color("--card");
      if (left > 0) context.fillRect(left, 0, 1, height);
      if (context.measureText(name).width + 2 * MARGIN_PX > right - left) continue;
      context.fillStyle = inkOn(fill);
      context.fillText(name, left + MARGIN_PX, height / 2);
    }
    this.#describe();
  }

  #describe() {
    const parts = this.seconds();
    const text = parts.map(([name, seconds]) => `${name} ${inWords(seconds)}`);
    this.#canvas.setAttribute("aria-label", text.length ? `Last two minutes: ${text.join(", ")}` : "Nothing yet");
    this.#legend.replaceChildren(...parts.map(([name, seconds]) => {
      const item = document.createElement("li");
      const swatch = document.createElement("span");
      swatch.className = "swatch";
      swatch.style.background = this.#colors[name] ?? "#808080";
      item.append(swatch, `${name} ${inWords(seconds)}`);
      return item;
    }));
  }
}

export function inWords(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ""}`;
}
