/** Acceleration along three axes, scrolling. */

import { color, drawn, fitted } from "./canvas.js";

const SHOWN_S = 10;
const LEAST_G = 1.5;
/** Told apart by their dashes and their names too. */
const LINES = [["x", []], ["y", [7, 4]], ["z", [2, 3]]];

export class Axes {
  #times = [];
  #rows = [];
  #canvas;
  #redraw;

  constructor(canvas) {
    this.#canvas = canvas;
    // Movement on the page is for those who did not ask for less of it.
    this.#redraw = drawn(() => this.#draw(), matchMedia("(prefers-reduced-motion: reduce)").matches ? 2 : 20);
    addEventListener("resize", this.#redraw);
  }

  push(times, rows) {
    if (this.#times.length && times[0] < this.#times.at(-1)) [this.#times, this.#rows] = [[], []];
    this.#times.push(...times);
    this.#rows.push(...rows);
    const gone = this.#times.findIndex((time) => time >= times.at(-1) - SHOWN_S);
    this.#times.splice(0, gone);
    this.#rows.splice(0, gone);
    this.#redraw();
  }

  #draw() {
    const { context, width, height } = fitted(this.#canvas);
    const [left, right] = [30, 16];
    const most = Math.ceil(2 * Math.max(LEAST_G, ...this.#rows.map((row) => Math.max(Math.abs(row[0]), Math.abs(row[1]), Math.abs(row[2]))))) / 2;
    const y = (g) => (height / 2) * (1 - (0.94 * g) / most);
    const end = this.#times.at(-1) ?? 0;
    const x = (time) => left + (width - left - right) * (1 - (end - time) / SHOWN_S);
    context.font = "12px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.textAlign = "right";
    const step = most > 6 ? 4 : most > 3 ? 2 : 1;
    for (let g = -Math.floor(most / step) * step; g <= most; g += step) {
      context.strokeStyle = color("--line");
      context.beginPath();
      context.moveTo(left, y(g));
      context.lineTo(width - right, y(g));
      context.stroke();
      context.fillStyle = color("--muted");
      context.fillText(`${g}`.replace("-", "−"), left - 6, y(g));
    }
    context.textAlign = "left";
    context.lineWidth = 1.8;
    const names = [];
    LINES.forEach(([name, dash], axis) => {
      context.strokeStyle = color(`--${name}`);
      context.setLineDash(dash);
      context.beginPath();
      this.#rows.forEach((row, place) => {
        // A line over a gap would invent what was not measured.
        const gap = place && this.#times[place] - this.#times[place - 1] > 0.25;
        context[place && !gap ? "lineTo" : "moveTo"](x(this.#times[place]), y(row[axis]));
      });
      context.stroke();
      if (this.#rows.length) names.push([name, y(this.#rows.at(-1)[axis])]);
    });
    context.setLineDash([]);
    context.font = "600 13px system-ui, sans-serif";
    for (const [name, at] of apart(names, 13, height)) {
      context.fillStyle = color(`--${name}`);
      context.fillText(name, width - right + 5, at);
    }
  }
}

/** Names at heights that do not overlap. */
function apart(names, least, height) {
  const sorted = names.sort((a, b) => a[1] - b[1]);
  sorted.forEach((one, place) => {
    const above = place ? sorted[place - 1][1] + least : least / 2;
    one[1] = Math.max(one[1], above);
  });
  for (let place = sorted.length - 1; place >= 0; place -= 1) {
    const below = place + 1 < sorted.length ? sorted[place + 1][1] - least : height - least / 2;
    sorted[place][1] = Math.min(sorted[place][1], below);
  }
  return sorted;
}
