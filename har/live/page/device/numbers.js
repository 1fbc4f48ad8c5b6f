/** Numbers as the recogniser in Python rounds, interpolates and averages them. */

/** To the nearest whole number, halves to the even one (IEEE 754). */
export function rint(value) {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

export function median(values) {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function mean(values) {
  let total = 0;
  for (const value of values) total += value;
  return total / values.length;
}

export function dot(a, b) {
  let total = 0;
  for (let i = 0; i < a.length; i += 1) total += a[i] * b[i];
  return total;
}

export const norm = (vector) => Math.sqrt(dot(vector, vector));

/** Of unit norm; zeros stay zeros. */
export function unit(vector) {
  const length = Math.max(norm(vector), 1e-12);
  return Float64Array.from(vector, (value) => value / length);
}

/** log(sum(exp(values))). */
export function logSumExp(values) {
  const most = Math.max(...values);
  let total = 0;
  for (const value of values) total += Math.exp(value - most);
  return most + Math.log(total);
}

export function softmax(logits) {
  const total = logSumExp(logits);
  return Float64Array.from(logits, (value) => Math.exp(value - total));
}

/** Place of the first of the largest. */
export function argmax(values) {
  let best = 0;
  for (let i = 1; i < values.length; i += 1) if (values[i] > values[best]) best = i;
  return best;
}

/** All values finite. */
export const finite = (values) => values.every(Number.isFinite);

/**
 * Rows at moments, linear between the rows (n, C) at increasing times (n,); beyond the ends, the first or last row.
 * Moments increase.
 */
export function interpolate(moments, times, rows) {
  let j = 0;
  return moments.map((moment) => {
    while (j + 1 < times.length && times[j + 1] <= moment) j += 1;
    if (moment <= times[0] || j === times.length - 1) return Float32Array.from(rows[j]);
    const share = (moment - times[j]) / (times[j + 1] - times[j]);
    return Float32Array.from(rows[j], (value, c) => value + share * (rows[j + 1][c] - value));
  });
}

/** A number in so many digits, as "%g" writes it. */
export function general(value, digits) {
  if (value === 0) return "0";
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  const bare = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  const power = Number(exponent);
  if (power >= -4 && power < digits) return bare(value.toFixed(digits - 1 - power));
  return `${bare(mantissa)}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}
