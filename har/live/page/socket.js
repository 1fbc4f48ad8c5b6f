/** A recogniser on a server, through a socket: docs/live.md has the protocol. */

const WAITS_MS = [500, 1000, 2000, 4000, 5000];
const REPLY = { start: "started", labels: "labels", placement: "placement", teach: "taught", save: "adapter" };
/** What trying again at once would not change: the page, its address, its sensors, or another page. */
const FINAL = new Set([4400, 4401, 4409, 4422, 4429]);
const HIDDEN_IS_FINE = 4440;
/** A page at rest loses its place, and takes another one when its person starts. */
const AT_REST = 4408;
const MOST_ROWS = 1024;
const LOST = "The connection to the computer is lost. Trying again …";
const SILENT = "The computer is silent. Trying again …";
/**
 * Of a network that is gone nobody tells. So many ticks without a word, and the socket is given up; while it begins,
 * the computer may have more to do. Ticks are counted, not time: a page that was asleep has words to read first.
 */
const TICK_MS = 1000;
const [MOST_SILENT, MOST_SILENT_BEFORE] = [5, 20];

export class SocketRecogniser {
  #socket = null;
  #hello = null;
  #asked = new Map();
  #attempt = 0;
  #timer = null;
  #start = null;
  /** The server has greeted on this socket: before that the session may not begin. */
  #ready = false;
  /** The session has begun on this socket: before that nothing else may be said. */
  #begun = false;
  /** Words were asked for, and the connection went before the answer came: the session knows what became of it. */
  #unheard = false;
  #closed = false;
  #silent = 0;
  #heard = {};
  #first;
  #store = `har-live-session ${location.pathname}`;
  #memory = {};

  constructor() {
    try {
      this.#memory = JSON.parse(sessionStorage.getItem(this.#store)) ?? {};
    } catch { /* As below. */ }
    this.#first = new Promise((resolve) => { this.#hello = resolve; });
    setInterval(() => this.#tick(), TICK_MS);
    addEventListener("online", () => this.retry());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.retry(); });
    addEventListener("pageshow", (event) => { if (event.persisted) this.retry(); });
  }

  onNaming(heard) { this.#heard.naming = heard; }
  onAnswer(heard) { this.#heard.answer = heard; }
  onSamples(heard) { this.#heard.samples = heard; }
  onState(heard) { this.#heard.state = heard; }
  onNotes(heard) { this.#heard.notes = heard; }
  onUnusable(heard) { this.#heard.unusable = heard; }
  onEnded(heard) { this.#heard.ended = heard; }

  about() {
    this.#connect();
    return this.#first;
  }

  /** Where there is no connection just now, the session begins with the next one. */
  async start(labels, placement, sensors) {
    this.#start = { labels, placement, ...sensors };
    if (this.#ready) await this.#begin();
    else this.retry();
  }

  add(times, rows) {
    if (!this.#begun || this.#socket.readyState !== WebSocket.OPEN) return;
    for (let first = 0; first < times.length; first += MOST_ROWS) {
      this.#socket.send(frame(times.slice(first, first + MOST_ROWS), rows.slice(first, first + MOST_ROWS)));
    }
  }

  async setLabels(labels) { return this.#ask({ type: "labels", labels }); }
  async setPlacement(placement) { return this.#ask({ type: "placement", placement }); }
  async teach(label, start_s, stop_s) { return this.#ask({ type: "teach", label, start_s, stop_s }); }

  async taught() {
    const { data } = await this.#ask({ type: "save" });
    return new Blob([Uint8Array.from(atob(data), (one) => one.charCodeAt(0))]);
  }

  retry() {
    if (this.#closed || (this.#socket && this.#socket.readyState <= WebSocket.OPEN)) return;
    this.#attempt = 0;
    this.#connect();
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close(1000);
  }

  #tick() {
    if (!(this.#socket?.readyState <= WebSocket.OPEN)) return;
    this.#silent += 1;
    if (this.#silent > (this.#begun ? MOST_SILENT : MOST_SILENT_BEFORE)) {
      Object.assign(this.#socket, { onmessage: null, onclose: null });
      this.#socket.close();
      this.#lost({ reason: SILENT });
    } else if (this.#begun && this.#silent > 1) this.#socket.send(JSON.stringify({ type: "ping" }));
  }

  #connect() {
    clearTimeout(this.#timer);
    [this.#ready, this.#begun, this.#silent] = [false, false, 0];
    const address = new URL("socket", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => { if (socket === this.#socket) this.#lost(event); };
    this.#socket = socket;
  }

  #receive(data) {
    this.#silent = 0;
    if (data instanceof ArrayBuffer) {
      this.#heard.samples(...unframe(data));
      return;
    }
    const message = JSON.parse(data);
    if (message.type === "pong") return;
    if (message.type === "hello") this.#greeted(message);
    else if (message.type === "answer") this.#heard.answer(message);
    else if (message.type === "notes") this.#heard.notes(message.notes);
    else if (message.type === "unusable") this.#heard.unusable(message.reason);
    else if (message.type === "ended") this.#heard.ended();
    else if (message.type === "refused") {
      this.#named(message);
      this.#settle(message.asked, (asked) => asked.reject(new Error(message.reason)));
    } else {
      if (message.type === "started") this.#began(message);
      this.#named(message);
      const asked = Object.keys(REPLY).find((kind) => REPLY[kind] === message.type);
      this.#settle(asked, (waiting) => waiting.resolve(message));
    }
  }

  #greeted(about) {
    this.#attempt = 0;
    this.#ready = true;
    const { labels = about.labels, placement = about.placement } = this.#kept();
    this.#hello({ ...about, labels, placement });
    // Why it does not go on, the state tells.
    if (this.#start) this.#begin().catch(() => {});
    else this.#heard.state({ state: "connected", reason: "" });
  }

  /** Begin, or go on with the session before, so that what was learned of its wearer is not lost. */
  #begin() {
    const { labels, placement, channels, gravity } = this.#start;
    const { session = null } = this.#kept();
    return this.#ask({ type: "start", labels, placement, channels, gravity, session });
  }

  #began(message) {
    this.#begun = true;
    this.#keep({ session: message.session });
    const other = JSON.stringify(message.labels) !== JSON.stringify(this.#start.labels);
    if (this.#unheard && message.resumed && other) this.setLabels(message.labels).catch(() => {});
    this.#unheard = false;
    this.#heard.state({ state: "connected", reason: message.resumed ? "Connected again, nothing was forgotten." : "" });
  }

  #named(naming) {
    const { labels, placement } = naming;
    if (!this.#start || !labels) return;
    Object.assign(this.#start, { labels, placement });
    this.#keep({ labels, placement });
    this.#heard.naming(naming);
  }

  /** What outlives a page that is loaded again in its tab: the session, and what is named in it. */
  #kept() { return this.#memory; }

  #keep(more) {
    Object.assign(this.#memory, more);
    try {
      sessionStorage.setItem(this.#store, JSON.stringify(this.#memory));
    } catch { /* A browser that keeps nothing for pages: it lasts as long as this one. */ }
  }

  #ask(message) {
    return new Promise((resolve, reject) => {
      if (this.#socket?.readyState !== WebSocket.OPEN || !(this.#begun || message.type === "start")) {
        reject(new Error("There is no connection just now; try again when there is."));
        return;
      }
      this.#settle(message.type, (former) => former.reject(new Error("Another one came after it.")));
      this.#asked.set(message.type, { resolve, reject });
      this.#socket.send(JSON.stringify(message));
    });
  }

  #settle(kind, how) {
    const asked = this.#asked.get(kind);
    this.#asked.delete(kind);
    if (asked) how(asked);
  }

  #lost(event) {
    const atRest = this.#ready && !this.#start && event.code === AT_REST;
    this.#ready = this.#begun = false;
    this.#unheard ||= this.#asked.has("labels") || this.#asked.has("teach");
    const why = event.reason || LOST;
    for (const kind of [...this.#asked.keys()]) this.#settle(kind, (asked) => asked.reject(new Error(why)));
    if (this.#closed) return;
    if (FINAL.has(event.code)) {
      this.#heard.state({ state: "ended", reason: event.reason });
      return;
    }
    if (atRest) {
      this.#heard.state({ state: "ready", reason: "" });
      return;
    }
    if (event.code === HIDDEN_IS_FINE && document.hidden) {
      this.#heard.state({ state: "lost", reason: "Paused while the screen was off." });
      return;
    }
    this.#heard.state({ state: "lost", reason: why });
    const wait = WAITS_MS[Math.min(this.#attempt, WAITS_MS.length - 1)];
    this.#attempt += 1;
    this.#timer = setTimeout(() => this.#connect(), wait);
  }
}

/** uint32 n, uint32 C, n float64 times, n · C float32 samples; browsers run on little-endian machines. */
function frame(times, rows) {
  const [count, width] = [times.length, rows[0].length];
  const buffer = new ArrayBuffer(8 + count * (8 + 4 * width));
  new Uint32Array(buffer, 0, 2).set([count, width]);
  new Float64Array(buffer, 8, count).set(times);
  const samples = new Float32Array(buffer, 8 + 8 * count, count * width);
  rows.forEach((row, place) => samples.set(row, place * width));
  return buffer;
}

function unframe(buffer) {
  const [count, width] = new Uint32Array(buffer, 0, 2);
  const samples = new Float32Array(buffer, 8 + 8 * count, count * width);
  const rows = Array.from({ length: count }, (_, place) => samples.subarray(place * width, (place + 1) * width));
  return [Array.from(new Float64Array(buffer, 8, count)), rows];
}
