/** The device's motion sensors: events of the browser in, samples in g and rad/s out, as the recogniser counts them. */

import { LARGEST, STANDARD_GRAVITY } from "./units.js";

const DEGREE = Math.PI / 180;
const AXES = ["x", "y", "z"];
/**
 * Angular rates about x, y and z. Browsers have always counted them so, and the standard followed them
 * (https://github.com/w3c/deviceorientation/pull/43).
 */
const TURNS = ["alpha", "beta", "gamma"];
const BATCH_MS = 100;
const FIRST_EVENT_MS = 3000;
/** Events that tell which sensors there are: the first ones may lack one that starts later. */
const LOOKED_AT = 6;

/** A sentence for people. */
export class SensorError extends Error {}

/** Why there can be no samples, as a sentence, or null. */
export function obstacle() {
  if (!window.isSecureContext) {
    return "This page is not secure, and browsers give motion sensors to secure pages only. Open its https address; the server has one with --https.";
  }
  if (typeof DeviceMotionEvent === "undefined") {
    return "This browser knows no motion sensors. Open the page on a phone.";
  }
  return null;
}

/** iOS, whatever its browser is called, counts gravity downwards; iPads say that they are Macs. */
export function countsDownwards({ userAgent, maxTouchPoints }) {
  return /iPhone|iPad|iPod/.test(userAgent) || (/Macintosh/.test(userAgent) && maxTouchPoints > 1);
}

/** Ask for permission where that is asked for (iOS, on a tap). Rejects with `SensorError`. */
export async function allow() {
  if (typeof DeviceMotionEvent.requestPermission !== "function") return;
  let answer;
  try {
    answer = await DeviceMotionEvent.requestPermission();
  } catch (error) {
    answer = error.name;
  }
  if (answer !== "granted") {
    throw new SensorError("Motion sensors were not allowed. Close this tab, open the address again and choose Allow.");
  }
}

/**
 * Samples from now on.
 *
 * begin({channels, gravity}) is called once it is known which sensors there are, and take(times, rows) about ten times
 * a second: seconds, and an array of channels each. leftOut(count) is called with the samples so far that nothing worn
 * measures, whenever there are more. Rejects with `SensorError` where no sensor answers. Returns what ends it.
 */
export async function listen(begin, take, leftOut, { userAgent, maxTouchPoints } = navigator) {
  const sign = countsDownwards({ userAgent, maxTouchPoints }) ? -1 : 1;
  const clock = new EventClock();
  const seen = [];
  let layout = null;
  let [times, rows] = [[], []];
  let [impossible, told] = [0, 0];
  let found;
  const first = new Promise((resolve) => { found = resolve; });

  const heard = (event) => {
    if (layout === null) {
      if (!hasAll(event.accelerationIncludingGravity, AXES) && !hasAll(event.acceleration, AXES)) return;
      seen.push(event);
      if (seen.length < LOOKED_AT) return;
      layout = layoutOf(seen);
      begin(layout);
      found();
    }
    const row = rowOf(event, layout, sign);
    if (row === null) return;
    if (!isPossible(row)) {
      impossible += 1;
      return;
    }
    times.push(clock.seconds(event));
    rows.push(row);
  };
  addEventListener("devicemotion", heard);
  const sending = setInterval(() => {
    if (impossible > told) leftOut(told = impossible);
    if (!times.length) return;
    take(times, rows);
    [times, rows] = [[], []];
  }, BATCH_MS);
  const stop = () => {
    removeEventListener("devicemotion", heard);
    clearInterval(sending);
  };
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new SensorError("This device gives no motion data. Open the page on a phone, outside private mode.")), FIRST_EVENT_MS);
  });
  try {
    await Promise.race([first, late]);
  } catch (error) {
    stop();
    throw error;
  }
  return stop;
}

/** How far times may run ahead of the browser's clock, where it stands still between its ticks. */
const MOST_AHEAD_S = 0.1;

/**
 * Times of events in seconds since 1970, so that a page that is loaded again goes on; always increasing. Some browsers
 * make their clocks coarse: events of one tick are as far apart as the browser says that they are.
 */
export class EventClock {
  #last = -Infinity;

  seconds(event) {
    const now = (performance.timeOrigin + event.timeStamp) / 1000;
    const step = this.#last - now < MOST_AHEAD_S ? intervalOf(event) : 1e-3;
    this.#last = now > this.#last ? now : this.#last + step;
    return this.#last;
  }
}

/** Seconds between events: the standard says milliseconds, older Safari wrote seconds. */
export function intervalOf({ interval }) {
  if (!(interval > 0)) return 1 / 60;
  return interval < 1 ? interval : interval / 1000;
}

/** Which sensors answer: most of the events have all their axes. */
export function layoutOf(events) {
  const share = (has) => events.filter(has).length / events.length;
  const gravity = share((event) => hasAll(event.accelerationIncludingGravity, AXES)) > 0.5 ? "included" : "removed";
  const turns = share((event) => hasAll(event.rotationRate, TURNS)) > 0.5;
  const channels = ["acc_x", "acc_y", "acc_z", ...(turns ? ["gyro_x", "gyro_y", "gyro_z"] : [])];
  return { channels, gravity };
}

/** An event as channels in g and rad/s, +1 g on the axis that points up at rest; null where a value is missing. */
export function rowOf(event, { channels, gravity }, sign) {
  const acceleration = gravity === "included" ? event.accelerationIncludingGravity : event.acceleration;
  if (!hasAll(acceleration, AXES)) return null;
  const row = AXES.map((axis) => (sign * acceleration[axis]) / STANDARD_GRAVITY);
  if (channels.length > 3) {
    if (!hasAll(event.rotationRate, TURNS)) return null;
    row.push(...TURNS.map((turn) => event.rotationRate[turn] * DEGREE));
  }
  return Float32Array.from(row);
}

/** Whether something worn can measure a row. */
export const isPossible = (row) => row.every((value, c) => Math.abs(value) <= (c < 3 ? LARGEST.acc : LARGEST.gyro));

function hasAll(reading, names) {
  return reading != null && names.every((name) => Number.isFinite(reading[name]));
}
