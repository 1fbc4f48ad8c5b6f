/**
 * How a device lies against the body as far as its wearer has moved by now: har/recognition/live_axes.py, with the part
 * of har/windows/body_axes.py that it asks. Pieces are flat arrays of rows x, y, z in g, NaN = missing.
 */

import { argmax, dot, mean, median, norm, rint } from "./numbers.js";

const PIECE_S = 5;
const LEAST_MOVEMENT_G = 0.05;
const LEAST_THERE = 0.5;
const LEAST_SECONDS = 3;
const LEAST_PIECES = 3;
const WITHIN = Math.cos((35 * Math.PI) / 180);
const LEAST_AGREEMENT = 0.7;

const STEPS_HZ = [1.3, 2.5];
const WALKING_G = [0.05, 0.4];
const LONGEST_GAP_S = 0.1;
const LEAST_STEP_SHARE = 0.35;
const LEAST_LEAD = 0.2;
const LEAST_SAME_SIDE = 0.65;
const MOVEMENT_HZ = [0.5, 8];

const MOST_PIECES = 120;
const MOUNTED_ANEW = 3;
const TURNED = Math.cos((5 * Math.PI) / 180);
const UNKNOWN = [0, 0, 0];

/** Samples in a piece. */
export const pieceLength = (rate_hz) => Math.max(1, rint(PIECE_S * rate_hz));

const float32 = (vector) => Array.from(vector, Math.fround);
const scaled = (vector, by) => vector.map((value) => value * by);
const total = (vectors) => vectors.reduce((sum, one) => sum.map((value, c) => value + one[c]), [0, 0, 0]);

function deviation(values) {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}

/** Mean direction of a piece, unit norm, and whether its wearer moves all the time. */
export function gravityAndMovement(piece, rate_hz) {
  const rows = Array.from({ length: piece.length / 3 }, (_, i) => Array.from(piece.subarray(3 * i, 3 * i + 3)));
  const there = rows.filter((row) => row.every(Number.isFinite));
  const sum = scaled(total(there), 1 / Math.max(there.length, 1));
  const length = norm(sum);
  const second = Math.max(1, rint(rate_hz));
  let [counted, lively] = [0, true];
  for (let first = 0; first + second <= rows.length; first += second) {
    const known = rows.slice(first, first + second).filter((row) => row.every(Number.isFinite));
    if (known.length <= LEAST_THERE * second) continue;
    counted += 1;
    lively &&= deviation(known.map(norm)) >= LEAST_MOVEMENT_G;
  }
  const direction = length > 0.1 && counted ? float32(scaled(sum, 1 / length)) : UNKNOWN;
  return { direction, moving: counted >= LEAST_SECONDS && lively && length > 0.1 };
}

/** Up in the device's axes, from the directions of pieces that move; null where they are few or disagree. */
export function uprightDirection(directions) {
  if (directions.length < LEAST_PIECES) return null;
  const middle = [0, 1, 2].map((c) => median(directions.map((one) => one[c])));
  const length = norm(middle);
  if (length < 0.1) return null;
  const close = directions.filter((one) => dot(one, middle) / length >= WITHIN);
  if (close.length < LEAST_AGREEMENT * directions.length) return null;
  const sum = total(close);
  return float32(scaled(sum, 1 / norm(sum)));
}

/** Rows of a piece with gaps of a fraction of a step filled in between; null where more is missing. */
function bridged(piece, rate_hz) {
  const count = piece.length / 3;
  const there = [];
  for (let i = 0; i < count; i += 1) if (Number.isFinite(piece[3 * i] + piece[3 * i + 1] + piece[3 * i + 2])) there.push(i);
  if (there.length === count) return Float64Array.from(piece);
  const longest = rint(LONGEST_GAP_S * rate_hz);
  const edges = [-1, ...there, count];
  if (edges.slice(1).some((edge, i) => edge - edges[i] - 1 > longest)) return null;
  const rows = Float64Array.from(piece);
  let k = 0;
  for (let i = 0; i < count; i += 1) {
    while (k + 1 < there.length && there[k + 1] <= i) k += 1;
    const [a, b] = [there[k], there[Math.min(k + 1, there.length - 1)]];
    const share = b > a ? Math.min(1, Math.max(0, (i - a) / (b - a))) : 0;
    for (let c = 0; c < 3; c += 1) rows[3 * i + c] = piece[3 * a + c] + share * (piece[3 * b + c] - piece[3 * a + c]);
  }
  return rows;
}

/** Fourier coefficients of a real signal at the whole numbers of turns from 0 to `most`. */
function spectrum(signal, most) {
  const { length } = signal;
  return Array.from({ length: most + 1 }, (_, k) => {
    let [real, imaginary] = [0, 0];
    for (let i = 0; i < length; i += 1) {
      const angle = (2 * Math.PI * ((k * i) % length)) / length;
      real += signal[i] * Math.cos(angle);
      imaginary -= signal[i] * Math.sin(angle);
    }
    return [real, imaginary];
  });
}

/** Where the horizontal acceleration leads the vertical one at the rate of the steps; null where nobody walks. */
export function leadOfWalking(piece, up, rate_hz) {
  const rows = bridged(piece, rate_hz);
  if (rows === null) return null;
  const count = rows.length / 3;
  const vertical = Float64Array.from({ length: count }, (_, i) => dot(rows.subarray(3 * i, 3 * i + 3), up));
  const strength = deviation(vertical);
  if (!(strength > WALKING_G[0] && strength < WALKING_G[1])) return null;
  const taper = Float64Array.from({ length: count }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (count - 1)));
  const centred = (values) => {
    const middle = mean(values);
    return values.map((value, i) => (value - middle) * taper[i]);
  };
  const hz = (k) => (k * rate_hz) / count;
  const most = Math.min(count >> 1, Math.ceil((MOVEMENT_HZ[1] * count) / rate_hz) + 1);
  const along = spectrum(centred(vertical), most);
  const power = along.map(([real, imaginary]) => real ** 2 + imaginary ** 2);
  const steps = power.map((value, k) => (hz(k) >= STEPS_HZ[0] && hz(k) <= STEPS_HZ[1] ? value : -1));
  if (Math.max(...steps) < 0) return null;
  const peak = argmax(steps);
  const near = [peak - 1, peak, peak + 1].filter((k) => k >= 0 && k <= most);
  const movement = power.filter((_, k) => hz(k) > MOVEMENT_HZ[0] && hz(k) < MOVEMENT_HZ[1]).reduce((a, b) => a + b, 0);
  const stepPower = near.reduce((sum, k) => sum + power[k], 0);
  if (!(stepPower > LEAST_STEP_SHARE * movement)) return null;
  const across = [0, 1, 2].map((c) => spectrum(centred(vertical.map((value, i) => rows[3 * i + c] - value * up[c])), peak + 1));
  let acrossPower = 0;
  const lead = across.map((one) => near.reduce((sum, k) => {
    acrossPower += one[k][0] ** 2 + one[k][1] ** 2;
    return sum + one[k][1] * along[k][0] - one[k][0] * along[k][1];
  }, 0));
  return scaled(lead, 1 / Math.sqrt(acrossPower * stepPower + 1e-12));
}

/** Ahead, across `up`, from leads of pieces that walk; null where they are few or do not agree on a side. */
export function aheadDirection(leads, up) {
  if (leads.length < LEAST_PIECES) return null;
  const middle = scaled(total(leads), 1 / leads.length);
  const sameSide = leads.filter((lead) => dot(lead, middle) > 0).length / leads.length;
  if (norm(middle) < LEAST_LEAD || sameSide < LEAST_SAME_SIDE) return null;
  const level = middle.map((value, c) => value - dot(middle, up) * up[c]);
  return float32(scaled(level, 1 / norm(level)));
}

export class LiveAxes {
  /** Up and ahead in the device's axes, zeros where unknown; `used` follows `found` in steps. */
  found = [UNKNOWN, UNKNOWN];
  used = [UNKNOWN, UNKNOWN];
  #pieces = [];

  /** Look at one more piece; returns whether `used` changed. */
  add(piece, rate_hz) {
    const { direction, moving } = gravityAndMovement(piece, rate_hz);
    if (!moving) return false;
    this.#pieces.push({ direction, piece, rate_hz });
    if (this.#pieces.length > MOST_PIECES) this.#pieces.shift();
    if (this.#mountedAnew()) this.#pieces.splice(0, this.#pieces.length - MOUNTED_ANEW);
    this.found = this.#axes();
    if (!turned(this.used, this.found)) return false;
    this.used = this.found;
    return true;
  }

  /** Whether the newest pieces agree with each other, and each of them points elsewhere than what is known. */
  #mountedAnew() {
    const up = this.found[0];
    if (this.#pieces.length < 2 * MOUNTED_ANEW || !up.some(Boolean)) return false;
    const newest = this.#pieces.slice(-MOUNTED_ANEW).map(({ direction }) => direction);
    return uprightDirection(newest) !== null && newest.every((one) => dot(one, up) < WITHIN);
  }

  #axes() {
    const up = uprightDirection(this.#pieces.map(({ direction }) => direction));
    if (up === null) return [UNKNOWN, UNKNOWN];
    const upright = this.#pieces.filter(({ direction }) => dot(direction, up) > WITHIN);
    const leads = upright.map(({ piece, rate_hz }) => leadOfWalking(piece, up, rate_hz)).filter((lead) => lead !== null);
    return [up, aheadDirection(leads, up) ?? UNKNOWN];
  }
}

/** Whether a direction became known or unknown, or turned by enough to matter. */
function turned(one, other) {
  return one.some((direction, i) => {
    const known = direction.some(Boolean);
    if (known !== other[i].some(Boolean)) return true;
    return known && dot(direction, other[i]) < TURNED;
  });
}
