/**
 * The newest window in view of those before it: har/text/recording_context.py, har/recognition/naming.py and
 * har/text/calibration.py. Windows are arrays of probabilities, one a label, in order of the times at which they begin.
 */

import { argmax, mean, median } from "./numbers.js";

const CALIBRATION = 0.75;
/** Seconds of recording at which what labels attract in it is trusted by half. */
const HALF_CALIBRATED_S = 240;
const DURATIONS_S = Array.from({ length: 11 }, (_, i) => 2 ** (i - 1));
const SMALLEST = 1e-30;
const SHORTEST_S = 0.01;
const NEIGHBOURS = 2;
const LOG_SHARPNESS = [-4, 1];

/** What the chain says of the last window, and how far its windows bear each other out. */
export function readNewest(probabilities, start_s, attracted, calibration) {
  const weights = attracted.map((share) => Math.max(share, SMALLEST) ** calibration);
  const divided = probabilities.map((row) => row.map((value, j) => value / weights[j]));
  const labels = weights.length;
  const steps = start_s.slice(1).map((time, i) => time - start_s[i]);
  const forwards = steps.filter((step) => step > 0);
  const step_s = forwards.length ? median(forwards) : 1;
  if (labels === 1) return { probabilities: [1], agreement: 1, lasting: DURATIONS_S[0] / step_s };
  const own = divided.map((row) => {
    const total = row.reduce((a, b) => a + b, 0);
    return row.map((value) => Math.max(value / total, SMALLEST));
  });
  const stays = (duration_s) => steps.map((step) => Math.exp((-Math.max(step, SHORTEST_S) * labels) / (labels - 1) / duration_s));
  const filters = DURATIONS_S.map((duration_s) => filter(own, stays(duration_s)));
  const likeliest = argmax(filters.map(({ likelihood }) => likelihood));
  const { forward } = filters[likeliest];
  const smoothed = smooth(own, forward, stays(DURATIONS_S[likeliest]));
  const same = divided.filter((row, i) => argmax(row) === argmax(smoothed[i])).length;
  return { probabilities: forward.at(-1), agreement: same / own.length, lasting: DURATIONS_S[likeliest] / step_s };
}

function normalised(row) {
  const total = row.reduce((a, b) => a + b, 0);
  return [row.map((value) => value / total), total];
}

function filter(own, stays) {
  const forward = [normalised(own[0])[0]];
  let likelihood = 0;
  for (let i = 1; i < own.length; i += 1) {
    const [k, change] = [stays[i - 1], (1 - stays[i - 1]) / own[i].length];
    const [state, scale] = normalised(own[i].map((value, j) => value * (forward[i - 1][j] * k + change)));
    forward.push(state);
    likelihood += Math.log(scale);
  }
  return { forward, likelihood };
}

function smooth(own, forward, stays) {
  const smoothed = Array(own.length);
  let backward = own[0].map(() => 1);
  for (let i = own.length - 1; i >= 0; i -= 1) {
    smoothed[i] = backward.map((value, j) => value * forward[i][j]);
    if (!i) break;
    const [following] = normalised(backward.map((value, j) => value * own[i][j]));
    const [k, change] = [stays[i - 1], (1 - stays[i - 1]) / own[i].length];
    backward = following.map((value) => k * value + change);
  }
  return smoothed;
}

/** Mean of the last of values with up to two neighbours before it, not across gaps. */
export function amongNeighbours(values, start_s, step_s) {
  const last = values.length - 1;
  const near = [values[last]];
  for (let shift = 1; shift <= NEIGHBOURS && shift <= last; shift += 1) {
    if (start_s[last] - start_s[last - shift] < (NEIGHBOURS + 0.5) * step_s) near.push(values[last - shift]);
  }
  return mean(near);
}

const clipped = (log) => Math.exp(Math.min(Math.max(log, LOG_SHARPNESS[0]), LOG_SHARPNESS[1]));

/** Probability that one of the labels is meant, from the margin and the two coefficients of its odds. */
export function known(margin, [a, b]) {
  const odds = Number.isFinite(margin) ? a + b * margin : margin;
  return 0.5 * (1 + Math.tanh(0.5 * odds));
}

/** Probabilities to the power of a sharpness, with the sum 1 again. */
export function tempered(probabilities, sharpness) {
  if (sharpness === 1) return Array.from(probabilities);
  const logs = Array.from(probabilities, (value) => sharpness * Math.log(Math.max(value, SMALLEST)));
  const most = Math.max(...logs);
  return normalised(logs.map((value) => Math.exp(value - most)))[0];
}

/**
 * What is said of the last window: probabilities of the labels, and that one of them is meant.
 *
 * own, margins, start_s: of as much of the past as the chain reads. attracted: mean probabilities of these windows and
 * of those before that only calibrate, `count` in all. calibration: as har/text/calibration.py writes it.
 */
export function newestInContext({ own, margins, start_s, attracted, count }, stride_s, calibration) {
  const seconds = count * stride_s;
  const reading = readNewest(own, start_s, attracted, (CALIBRATION * seconds) / (seconds + HALF_CALIBRATED_S));
  const [a, b, c] = calibration.context;
  const sharpness = clipped(a + b * reading.agreement + c * Math.log1p(reading.lasting));
  const near = amongNeighbours(margins.slice(-3), start_s.slice(-3), stride_s);
  return { probabilities: tempered(reading.probabilities, sharpness), known: known(near, calibration.known_context) };
}
