/** A recogniser on the device itself, in a worker: the seam of recogniser.js without a server. */

import { offerText } from "./offer.js";

export class DeviceRecogniser {
  /** What the page says of it. */
  states = { connecting: "Loading …", connected: "On this device", ended: "Ended" };
  #worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  #asked = new Map();
  #number = 0;
  #heard = {};

  constructor() {
    this.#worker.onmessage = ({ data }) => this.#receive(data);
    this.#worker.onerror = (event) => this.#ended(event.message || "This browser cannot run the page's program; try a newer one.");
  }

  onNaming(heard) { this.#heard.naming = heard; }
  onAnswer(heard) { this.#heard.answer = heard; }
  onSamples() {}
  onState(heard) { this.#heard.state = heard; }
  onNotes(heard) { this.#heard.notes = heard; }
  onUnusable(heard) { this.#heard.unusable = heard; }
  onEnded() {}

  async about() {
    navigator.serviceWorker?.register(new URL("../offline.js", import.meta.url)).catch((error) => {
      console.warn(`The page needs a network at its next start: ${error.message}`);
    });
    const about = await this.#ask("open").catch((error) => {
      this.#ended(error.message);
      throw error;
    });
    offerText(about.text_megabytes, (progress) => this.#text(progress));
    this.#heard.state?.({ state: "connected", reason: "" });
    return about;
  }

  async start(labels, placement, sensors) { return this.#ask("start", { labels, placement, ...sensors }); }

  add(times, rows) { this.#worker.postMessage({ kind: "samples", times, rows }); }

  async setLabels(labels) { return this.#ask("labels", { labels }); }
  async setPlacement(placement) { return this.#ask("placement", { placement }); }
  async teach(label, start_s, stop_s) { return this.#ask("teach", { label, start_s, stop_s }); }
  async taught() { throw new Error("What was taught here stays in this page."); }

  retry() {}

  close() { this.#worker.terminate(); }

  async #text(progress) {
    this.#heard.progress = progress;
    await this.#ask("text");
  }

  #ask(kind, given = {}) {
    return new Promise((resolve, reject) => {
      this.#number += 1;
      this.#asked.set(this.#number, { resolve, reject });
      this.#worker.postMessage({ kind, id: this.#number, ...given });
    });
  }

  #receive(data) {
    if (data.kind === "answer") this.#heard.answer(data.answer);
    else if (data.kind === "notes") this.#heard.notes(data.notes);
    else if (data.kind === "unusable") this.#heard.unusable(data.reason);
    else if (data.kind === "progress") this.#heard.progress(data.share);
    else if (data.kind === "ended") this.#ended(data.reason);
    else {
      const { resolve, reject } = this.#asked.get(data.id);
      this.#asked.delete(data.id);
      if (data.naming) this.#heard.naming(data.naming);
      if (data.error === undefined) resolve(data.found);
      else reject(new Error(data.error));
    }
  }

  #ended(reason) {
    for (const { reject } of this.#asked.values()) reject(new Error(reason));
    this.#asked.clear();
    this.#heard.state?.({ state: "ended", reason });
  }
}
