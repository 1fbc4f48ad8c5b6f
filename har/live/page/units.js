/** What is measured in, and what nothing worn measures more of: such a value is a glitch of the sensor (har/signal/plausibility.py). */

export const STANDARD_GRAVITY = 9.80665; // m/s^2 in one g
export const LARGEST = { acc: 250, gyro: 400 }; // g, rad/s
