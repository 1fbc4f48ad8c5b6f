/** A button that is held for five seconds, or tapped: then it waits for three, with time to put the phone away. */

const HELD_S = 5;
const LEAD_S = 3;
/** A press this short is a tap. */
const TAP_MS = 350;

export class HoldButton {
  #button;
  #text;
  #fill;
  #at = null;
  #pressed = 0;
  #hands = null;
  #frame = 0;
  #timer = 0;

  /**
   * begin(): whether it may begin. done(seconds): it was held, the last `seconds` are meant. ended(text): it was not,
   * and why.
   */
  constructor(button, { begin, done, ended }) {
    this.#button = button;
    [this.#fill, this.#text] = button.querySelectorAll("span");
    Object.assign(this, { begin, done, ended });
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      if (this.#at !== null) this.cancel("Stopped.");
      else if (this.begin()) {
        button.setPointerCapture(event.pointerId);
        this.#run("held", 0);
      }
    });
    button.addEventListener("pointerup", () => this.#released());
    button.addEventListener("pointercancel", () => { if (this.#hands === "held") this.cancel("The touch was interrupted; try again, or tap once."); });
    // A key that is held down presses again and again.
    button.addEventListener("keydown", (event) => { if (event.repeat) event.preventDefault(); });
    // Keys, and whoever taps for a screen reader, have no pointer.
    button.addEventListener("click", (event) => {
      if (event.detail !== 0) return;
      if (this.#at !== null) this.cancel("Stopped.");
      else if (this.begin()) this.#run("tapped", LEAD_S);
    });
    addEventListener("keydown", (event) => { if (event.key === "Escape" && this.#at !== null) this.cancel("Stopped."); });
  }

  get running() { return this.#at !== null; }

  cancel(text) {
    this.#end();
    this.ended(text);
  }

  #released() {
    if (this.#hands !== "held" || this.#at === null) return;
    if (performance.now() - this.#pressed < TAP_MS) this.#run("tapped", LEAD_S);
    else this.cancel(`Let go too early: hold it for ${HELD_S} s, or tap once.`);
  }

  #run(hands, lead_s) {
    this.#end();
    this.#hands = hands;
    this.#pressed = performance.now();
    this.#at = this.#pressed + 1000 * lead_s;
    // A timer ends it, because nothing is drawn while the screen is off.
    this.#timer = setTimeout(() => {
      this.#end();
      navigator.vibrate?.([80, 60, 80]);
      this.done(HELD_S);
    }, 1000 * (lead_s + HELD_S));
    if (lead_s) setTimeout(() => { if (this.#hands === hands) navigator.vibrate?.(80); }, 1000 * lead_s);
    this.#draw();
  }

  #draw() {
    const passed = (performance.now() - this.#at) / 1000;
    this.#fill.style.transform = `scaleX(${Math.min(1, Math.max(0, passed / HELD_S))})`;
    const left = Math.ceil(passed < 0 ? -passed : HELD_S - passed);
    this.#text.textContent = passed < 0 ? `Begins in ${left} s – tap to stop` : `${left} s more …`;
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #end() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    [this.#at, this.#hands] = [null, null];
    this.#fill.style.transform = "scaleX(0)";
    this.#text.textContent = `Hold for ${HELD_S} s`;
  }
}
