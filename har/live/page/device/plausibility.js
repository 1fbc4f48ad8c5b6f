/**
 * Whether a signal can be what it is said to be: units, gravity, codes for missing samples, sensors that agree, as
 * har/signal/plausibility.py has it, which says why. Left out is what cannot be found in samples of a browser: its rows
 * are whole, and none of them is more than anything worn measures.
 */

import { STANDARD_GRAVITY } from "../units.js";
import { dot, general, mean, median, norm, rint } from "./numbers.js";

const NAMES = { acc: "accelerometer", gyro: "gyroscope" };
const LARGEST_MEDIAN_G = 4;
const LARGEST_MEDIAN_REMOVED_G = 2;
const IN_METRES = `It is probably in m/s^2: divide by ${STANDARD_GRAVITY}`;
const LARGEST_MEAN_G = 7;
const LEAST_WEIGHT_G = 0.35;
const LEAST_WEIGHT_SHARE = 0.35;
const STILL_SHARE = 0.03;
const STILL_RANGE_G = [0.75, 1.3];
const LARGEST_TURN_RATE = 70;
const STILL_TURN_RATE = 0.5;
const AGREEING = 0.6;
const LEAST_AGREEING = 0.03;
const LEAST_QUARTERS = 8;
const MOST_SLOPE = 20;
const CODE_LEAST = { acc: 20, gyro: 50 };
const RANGES_G = [24, 30, 32, 40, 50, 64, 100, 200];
const KNOWN_CODE = 99; // the only one of them that is not beyond what anything worn measures
const MOST_ZERO_SHARE = 0.01;
const LEAST_SHARE = 0.5;
const [STRETCH_S, LEAST_STRETCHES] = [5, 4];
const [LEAST_LIGHT, LIGHT_SHARE] = [3, 0.04];
const SHORTEST_S = 0.25;

const finding = (certain, text) => [{ certain, text }];
const whole = (row) => Number.isFinite(row[0] + row[1] + row[2]);
const largest = (row) => Math.max(Math.abs(row[0]), Math.abs(row[1]), Math.abs(row[2]));
const count = (number) => number.toLocaleString("en-US");
const NOWHERE = [NaN, NaN, NaN];

/**
 * Findings {certain, text} about windows of equal length, flat rows of width channels each: acc, then perhaps gyro.
 * NaN is missing. placement: text or null.
 */
export function examine(windows, width, rate_hz, gravity, placement) {
  const whose = placement ? ` of ${placement}` : "";
  const found = [];
  const looked = {};
  const scaled = [];
  const kinds = width > 3 ? ["acc", "gyro"] : ["acc"];
  const given = Object.fromEntries(kinds.map((kind, s) => [kind, windows.map((window) => rowsOf(window, width, 3 * s))]));
  for (const kind of kinds) {
    const name = NAMES[kind] + whose;
    const [code, isCode] = codeOf(given[kind], kind, name);
    found.push(...isCode);
    // Zeros and codes have sentences of their own; what is left tells the unit.
    const isOdd = (row) => (kind === "acc" && row.every((value) => value === 0)) || row.includes(code);
    looked[kind] = given[kind].map((rows) => rows.map((row) => (isOdd(row) ? NOWHERE : row)));
    let unit = kind === "acc" ? accelerometerUnit(looked.acc, name, rate_hz, gravity) : gyroscopeUnit(looked.gyro, name);
    if (kind === "acc" && !unit.length) unit = minority(looked.acc, name, rate_hz, gravity);
    found.push(...unit);
    if (unit.length) scaled.push(kind);
    if (code === null && !unit.some(({ certain }) => certain)) found.push(...zeros(given[kind], kind, name, given.acc, rate_hz));
  }
  if (kinds.length > 1 && !scaled.length) found.push(...turning(looked.acc, looked.gyro, rate_hz, whose));
  return found;
}

function rowsOf(window, width, first) {
  return Array.from({ length: window.length / width }, (_, t) => window.slice(t * width + first, t * width + first + 3));
}

// --- What is there -------------------------------------------------------------------------------------------------

/** A number that stands for missing samples, or null, and the finding. */
function codeOf(windows, kind, name) {
  const counts = new Map();
  let large = 0;
  for (const value of windows.flatMap((rows) => rows.flatMap((row) => Array.from(row)))) {
    if (!(Math.abs(value) >= CODE_LEAST[kind])) continue;
    large += 1;
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  if (!large) return [null, []];
  const [value, times] = [...counts].sort(([a, m], [b, n]) => n - m || a - b)[0];
  const rows = windows.flat();
  const everywhere = rows.filter((row) => row.every((one) => one === value)).length;
  const known = Math.abs(value) === KNOWN_CODE && times > 1;
  if (times < large / 2 || !(known || 3 * everywhere === times)) return [null, []];
  const read = rows.filter((row) => row.includes(value)).length;
  const first = windows.findIndex((some) => some.some((row) => row.includes(value)));
  const text = `window ${first} holds samples of ${general(value, 6)} of the ${name} (${count(read)} of ${count(rows.length)} in all): a code for missing samples, no measurement. Replace it by NaN`;
  // A blow that is more than the device can measure reads its range on all axes, for a few samples.
  if (kind === "acc" && !known && RANGES_G.includes(value) && read / rows.length < MOST_ZERO_SHARE) {
    return [value, finding(false, `${text}, unless ${general(value, 6)} g is the range of the device, and a blow went beyond`)];
  }
  return [value, finding(true, text)];
}

/** Zeros in place of missing samples. */
function zeros(windows, kind, name, acc, rate_hz) {
  const rows = windows.flat();
  const share = rows.filter((row) => row.every((value) => value === 0)).length / rows.length;
  if (share <= MOST_ZERO_SHARE || (kind !== "acc" && share < 1)) return [];
  if (kind === "gyro") { // many report no rotation at all below a threshold
    const deviations = secondMeans(acc, rate_hz).flatMap(({ deviation }) => deviation).filter(Number.isFinite);
    if (deviations.length && Math.max(...deviations) < STILL_SHARE) return [];
  }
  return finding(false, `the ${name} reads exactly 0 on all axes in ${rint(100 * share)}% of the samples, which nothing worn does: a code for missing samples, or a sensor that is off. Replace them by NaN, or leave its channels out`);
}

// --- Units ---------------------------------------------------------------------------------------------------------

const magnitudes = (windows) => windows.flat().filter(whole).map(norm);

function gyroscopeUnit(windows, name) {
  const sizes = Float64Array.from(magnitudes(windows)).sort();
  if (!sizes.length) return [];
  const at = 0.99 * (sizes.length - 1);
  const below = Math.floor(at);
  const fast = sizes[below] + (at - below) * ((sizes[below + 1] ?? sizes[below]) - sizes[below]);
  if (fast <= LARGEST_TURN_RATE) return [];
  // More than raw counts would be is more than anything worn measures.
  return finding(true, `the ${name} turns at ${general(median(sizes), 3)} rad/s (median) and above ${general(fast, 3)} for a hundredth of the time, and nothing worn turns faster than ${LARGEST_TURN_RATE} rad/s. It is probably in deg/s: multiply by pi / 180`);
}

function accelerometerUnit(windows, name, rate_hz, gravity) {
  const sizes = magnitudes(windows);
  if (!sizes.length) return [];
  const middle = median(sizes);
  const seconds = secondMeans(windows, rate_hz).filter(({ mean: row }) => whole(row))
    .map(({ mean: row, deviation }) => ({ weight: norm(row), deviation: largest(deviation) }));
  const weight = seconds.length ? median(seconds.map((one) => one.weight)) : null;
  let reads = `the ${name} has a median magnitude of ${middle.toFixed(2)}; expected about 1 (g)`;
  if (weight !== null) reads += `. Averaged over a second it is ${general(weight, 2)}`;
  const known = weight ?? middle;
  if (middle > LARGEST_MEDIAN_G && !(LEAST_WEIGHT_SHARE * middle < known && known < LARGEST_MEAN_G)) {
    if (weight !== null && weight < LEAST_WEIGHT_SHARE * middle) {
      const more = gravity === "included" ? ", and give the acceleration with gravity, or say gravity='removed' and expect much less" : "";
      return finding(true, `${reads}: it is not in g, and gravity is missing. ${IN_METRES}${more}`);
    }
    if (middle < 40) return finding(true, `${reads}. Divide m/s^2 by ${STANDARD_GRAVITY}`);
    if (middle > 400) return finding(true, `${reads}. Divide mg by 1000 (or counts by 1024, if that is one g)`);
    const counts = 2 ** rint(Math.log2(middle));
    return finding(true, `${reads}. Divide raw counts by those in one g, which the data sheet gives (about ${count(counts)})`);
  }
  if (weight === null) return [];
  if (gravity === "removed") {
    if (weight > 2 * LEAST_WEIGHT_G) return finding(false, `${reads}: that is gravity, although gravity='removed'; give gravity='included'`);
    if (middle <= LARGEST_MEDIAN_REMOVED_G) return [];
    return finding(false, `the ${name} has a median magnitude of ${middle.toFixed(2)} without gravity, more than all but runs. ${IN_METRES}`);
  }
  if (weight < Math.max(LEAST_WEIGHT_G, LEAST_WEIGHT_SHARE * middle)) {
    return finding(false, `${reads}, with gravity 1 g whatever the wearer does. ${likely(weight, middle)}`);
  }
  const still = seconds.filter((one) => one.deviation < STILL_SHARE * one.weight).map((one) => one.weight);
  const rest = still.length >= 3 ? median(still) : 1;
  if (STILL_RANGE_G[0] < rest && rest < STILL_RANGE_G[1]) return [];
  return finding(false, `the ${name} reads ${rest.toFixed(2)} in still seconds; expected about 1 (g). Is its range or scale another? Then divide by ${general(rest, 3)}`);
}

/** Of an accelerometer that weighs too little. */
function likely(weight, middle) {
  if (weight > 0.09 && weight < 0.115 && weight > 0.9 * middle) {
    return `It was probably divided by ${STANDARD_GRAVITY} twice: multiply by ${STANDARD_GRAVITY}`;
  }
  const removed = "Gravity has probably been removed, and with it what tells postures apart. Give the raw acceleration (Android: accelerometer, not linear acceleration; iOS: userAcceleration + gravity), or say gravity='removed' and expect much less";
  return middle > LARGEST_MEDIAN_REMOVED_G ? `${IN_METRES}. ${removed}` : removed;
}

/** Windows, or stretches of long ones, in another unit or without gravity among others that are right. */
function minority(windows, name, rate_hz, gravity) {
  const length = Math.max(1, Math.min(windows[0].length, rint(STRETCH_S * rate_hz)));
  const each = Math.floor(windows[0].length / length);
  if (windows.length * each < LEAST_STRETCHES || length < Math.max(2, SHORTEST_S * rate_hz)) return [];
  const stretches = windows.flatMap((rows, window) => Array.from({ length: each }, (_, i) => {
    return { window, rows: rows.slice(i * length, (i + 1) * length) };
  })).filter(({ rows }) => rows.filter(whole).length / length > LEAST_SHARE);
  if (stretches.length < LEAST_STRETCHES) return [];
  const second = Math.min(length, rint(rate_hz));
  const weighed = stretches.map(({ window, rows }) => {
    const weights = Array.from({ length: Math.floor(length / second) }, (_, i) => {
      const there = rows.slice(i * second, (i + 1) * second).filter(whole);
      return norm(meanOf(there));
    }).filter(Number.isFinite);
    return { window, lightest: Math.min(...weights), weight: median(weights) };
  });
  const shown = `of ${general(length / rate_hz, 3)} s of the ${name}`;
  const scaled = weighed.filter(({ lightest }) => lightest > LARGEST_MEAN_G);
  if (scaled.length) {
    return finding(scaled.length > 1, `${count(scaled.length)} of ${count(weighed.length)} stretches ${shown} weigh ${general(median(scaled.map((one) => one.weight)), 3)} (averaged over a second), the first in window ${scaled[0].window}, and the others about 1 (g): some are in another unit. Bring all to g first (m/s^2: divide by ${STANDARD_GRAVITY})`);
  }
  const light = weighed.filter(({ weight }) => weight < LEAST_WEIGHT_G);
  if (gravity !== "included" || light.length < LEAST_LIGHT || light.length / weighed.length <= LIGHT_SHARE) return [];
  return finding(false, `${count(light.length)} of ${count(weighed.length)} stretches ${shown} weigh ${general(median(light.map((one) => one.weight)), 2)} (g, averaged over a second), the first in window ${light[0].window}, and the others about 1: of some, gravity has probably been removed, or columns of sensors are exchanged. Give all with gravity`);
}

// --- Sensors that see the same rotation ----------------------------------------------------------------------------

/** The gyroscope's scale against the accelerometer: weight stays where it is while the device turns. */
function turning(acc, gyro, rate_hz, whose) {
  const turns = secondMeans(gyro, rate_hz);
  const tilts = secondMeans(acc, rate_hz).map(({ mean: weight, deviation }, i) => {
    const tilt = norm(cross(turns[i].mean, weight)) / Math.max(norm(weight), 1e-6);
    return largest(deviation) < STILL_SHARE ? tilt : NaN;
  }).filter(Number.isFinite);
  const rate = tilts.length >= 3 ? median(tilts) : 0;
  if (rate > STILL_TURN_RATE) {
    return finding(false, `the gyroscope${whose} tilts at ${general(rate, 2)} rad/s (median) in seconds in which the accelerometer is still. It is probably in deg/s: multiply by pi / 180`);
  }
  const [slope, correlation] = turnSlope(acc, gyro, rate_hz);
  if (!correlation || (1 / MOST_SLOPE < slope && slope < MOST_SLOPE)) return [];
  const unit = slope > 1 ? "converted to rad/s twice: multiply by 180 / pi" : "in deg/s: multiply by pi / 180";
  return finding(false, `the accelerometer sees the device turn ${general(slope, 2)} times as fast as the gyroscope${whose} says (correlation ${correlation.toFixed(2)}). The gyroscope is probably ${unit}`);
}

/** Slope and correlation of the change of the mean acceleration against -w x a, over quarters of a second. */
function turnSlope(acc, gyro, rate_hz) {
  const length = Math.max(1, rint(rate_hz / 4));
  const quarters = Math.floor(acc[0].length / length);
  if (quarters < 3) return [1, 0];
  const [slopes, correlations] = [[], []];
  let enough = 0;
  acc.forEach((rows, window) => {
    const means = (from) => Array.from({ length: quarters }, (_, i) => meanOf(from.slice(i * length, (i + 1) * length)));
    const [a, w] = [means(rows), means(gyro[window])];
    let [both, power, other, there] = [0, 0, 0, 0];
    for (let i = 1; i + 1 < quarters; i += 1) {
      const seen = a[i].map((_, c) => ((a[i + 1][c] - a[i - 1][c]) * rate_hz) / (2 * length));
      const told = cross(w[i], a[i]).map((value) => -value);
      if (!whole(seen) || !whole(told)) continue;
      there += 1;
      both += dot(seen, told);
      power += dot(told, told);
      other += dot(seen, seen);
    }
    if (there < LEAST_QUARTERS || !(power > 0) || !(other > 0)) return;
    enough += 1;
    const correlation = both / Math.sqrt(power * other);
    if (correlation <= AGREEING) return;
    slopes.push(both / power);
    correlations.push(correlation);
  });
  return slopes.length <= LEAST_AGREEING * enough ? [1, 0] : [median(slopes), median(correlations)];
}

/** Means and deviations of the seconds of windows, NaN where half of the samples are missing. */
function secondMeans(windows, rate_hz) {
  const length = Math.min(rint(rate_hz), windows[0].length);
  if (length < Math.max(2, SHORTEST_S * rate_hz)) return [];
  const each = Math.floor(windows[0].length / length);
  return windows.flatMap((rows) => Array.from({ length: each }, (_, i) => {
    const there = rows.slice(i * length, (i + 1) * length).filter(whole);
    if (there.length < length / 2) return { mean: NOWHERE, deviation: NOWHERE };
    const middle = meanOf(there);
    return { mean: middle, deviation: middle.map((value, c) => Math.sqrt(mean(there.map((row) => (row[c] - value) ** 2)))) };
  }));
}

const meanOf = (rows) => [0, 1, 2].map((c) => mean(rows.map((row) => row[c])));

const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
