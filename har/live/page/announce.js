/** What a screen reader says: an activity that has lasted, once. */

const LASTED_S = 2;

export class Announcer {
  #region;
  #said = null;
  #name = null;
  #since_s = 0;

  constructor(region) { this.#region = region; }

  heard(name, time_s) {
    if (name !== this.#name || time_s < this.#since_s) [this.#name, this.#since_s] = [name, time_s];
    if (name === this.#said || time_s - this.#since_s < LASTED_S) return;
    this.#said = name;
    this.#region.textContent = name;
  }
}
