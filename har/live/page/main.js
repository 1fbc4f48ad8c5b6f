/** The page: what is heard from sensors and recogniser, what is shown, and what its person asks for. */

import { Announcer } from "./announce.js";
import { Axes } from "./axes.js";
import { Chips } from "./chips.js";
import { HoldButton } from "./hold.js";
import { Recogniser } from "./recogniser.js";
import { download, moment, Recording } from "./recording.js";
import { allow, listen, obstacle } from "./sensors.js";
import { Strip } from "./strip.js";
import { keepAwake } from "./wake.js";

const BEHIND_S = 3;
/** Without samples for so long, something is wrong with the sensors. */
const SILENT_MS = 4000;
/** A name that is older is no longer shown as what is done now. */
const OLD_MS = 10_000;
const STATES = { connecting: "Connecting …", ready: "Ready", connected: "Connected", lost: "No connection", ended: "Ended" };

/** Names that are none of the words. (A map: any text may be a label, also one that every object has a part of.) */
const NO_LABEL = new Map([
  ["unknown", "None of the words fits what is measured."],
  ["not worn", "It lies too still to be worn."],
]);

const part = (id) => document.getElementById(id);
const recogniser = new Recogniser();
const strip = new Strip(part("strip"), part("legend"));
const axes = new Axes(part("axes"));
const announcer = new Announcer(part("spoken"));
const chips = new Chips(part("chips"), (label) => rename((labels) => labels.filter((other) => other !== label)));

let about = null;
let channels = null;
let stop = null;
let starting = false;
let answered_ms = null;
let recording = null;
let isRecording = false;
/** The recording that is played has ended. */
let over = false;
let latest_s = 0;
let heard_ms = 0;

// --- What is said ------------------------------------------------------------------------------------------------

function say(id, text, bad = false) {
  part(id).textContent = text;
  part(id).dataset.bad = bad;
}

function problem(text, retry = null) {
  part("problem").hidden = !text;
  part("problem-text").textContent = text;
  part("retry").hidden = !retry;
  part("retry").onclick = retry;
}

/** Sentences about the device, which stay, of what was left out, and about the signal, which the recogniser changes. */
const notes = { device: [], leftOut: [], signal: [] };

function note(text) {
  if (!notes.device.includes(text)) notes.device.push(text);
  list();
}

function list() {
  part("notes").replaceChildren(...[...notes.device, ...notes.leftOut, ...notes.signal].map((text) => {
    return Object.assign(document.createElement("li"), { textContent: text });
  }));
}

function show(name, kind, detail, share = 0) {
  part("activity").textContent = name;
  part("activity").dataset.kind = kind;
  part("detail").textContent = detail;
  part("sure-bar").style.width = `${100 * share}%`;
}

function waiting(detail) {
  if (answered_ms === null) show("Listening …", "waiting", detail);
}

// --- The recogniser ----------------------------------------------------------------------------------------------

recogniser.onState(({ state, reason }) => {
  part("connection").dataset.state = state;
  part("connection-text").textContent = recogniser.states?.[state] ?? STATES[state];
  if (state === "connected") {
    problem("");
    if (reason) {
      part("connection-text").textContent = "Connected again";
      say("keep-said", reason);
    }
  } else if (state === "ended") {
    problem(reason, () => location.reload());
    finish();
  } else if (state === "lost") problem(reason, () => recogniser.retry());
});

recogniser.onNaming(named);

recogniser.onNotes((texts) => {
  notes.signal = texts;
  list();
});

recogniser.onUnusable((reason) => {
  const text = reason === null ? "" : sentence(reason);
  // Its numbers change while it lasts, and the notes have the newest: what interrupts a screen reader is said once.
  const kind = (said) => said.replace(/\d[\d.,]*/g, "#");
  if (part("problem").hidden || kind(text) !== kind(part("problem-text").textContent)) problem(text);
});

recogniser.onEnded(() => {
  part("connection-text").textContent = "The recording has ended";
  part("record").disabled = over = true;
  record(false);
});

recogniser.onSamples((times, rows) => took(times, rows));

recogniser.onAnswer((answer) => {
  answered_ms = performance.now();
  const percent = answer.confidence === null ? "" : `${Math.round(100 * answer.confidence)} % sure`;
  const parts = [NO_LABEL.get(answer.name) ?? percent];
  if (!answer.oriented && answer.name !== "not worn") parts.push("not enough movement yet to know how it is worn");
  if (answer.behind_s > BEHIND_S) parts.push(`the computer is ${Math.round(answer.behind_s)} s behind`);
  show(answer.name, NO_LABEL.has(answer.name) ? "unknown" : "known", parts.filter(Boolean).join(" · "), answer.confidence ?? 0);
  chips.heard(answer);
  strip.push(answer.name, answer.time_s);
  announcer.heard(answer.name, answer.time_s);
});

function named(naming) {
  document.body.dataset.started = "";
  chips.show(naming);
  strip.colors = naming.colors;
  if (document.activeElement !== part("placement")) part("placement").value = naming.placement ?? "";
  part("save").disabled = !naming.taught.length;
  part("teach").disabled = false;
  part("record").disabled = over;
}

/** Do what somebody asked for, and say why where it cannot be. */
async function asked(where, work, done = "") {
  say(where, "");
  try {
    await work();
    say(where, done);
    return true;
  } catch (error) {
    say(where, sentence(error.message), true);
    return false;
  }
}

function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(whole) ? whole : `${whole}.`;
}

/** Changes of the words follow one another: each is of those that the one before has left. */
let changed = Promise.resolve();

function inTurn(...change) {
  changed = changed.then(() => asked(...change));
  return changed;
}

const rename = (change) => inTurn("words-said", () => recogniser.setLabels(change(chips.labels)));

// --- Samples -----------------------------------------------------------------------------------------------------

function took(times, rows) {
  heard_ms = performance.now();
  if (over) part("record").disabled = over = false;
  latest_s = times.at(-1);
  axes.push(times, rows);
  if (isRecording && !recording.add(times, rows)) {
    record(false);
    const why = recording.full ? "The recording is as long as the page keeps" : "What is played has begun again";
    say("keep-said", `${why}; download the recording.`, true);
  }
  if (isRecording) part("record").textContent = `Stop (${Math.round(recording.seconds)} s)`;
}

async function start() {
  if (starting) return;
  starting = true;
  problem("");
  part("start").disabled = true;
  show("Listening …", "waiting", "Waiting for the motion sensors.");
  try {
    await allow();
    stop = await listen(begin, (times, rows) => {
      took(times, rows);
      recogniser.add(times, rows);
    }, (count) => {
      notes.leftOut = [`${count} ${count === 1 ? "sample" : "samples"} left out: more than anything worn measures.`];
      list();
    });
    keepAwake(note);
    setInterval(watch, 1000);
  } catch (error) {
    starting = false;
    problem(error.message);
    show("Not started", "waiting", "");
    part("start").disabled = false;
  }
}

async function begin(layout) {
  ({ channels } = layout);
  part("start").hidden = true;
  if (layout.gravity === "removed") {
    note("This browser gives acceleration without gravity: how the phone is held is not seen.");
  }
  if (channels.length < 6) note("This device has no gyroscope; acceleration alone is used.");
  await commence(layout);
}

function commence(layout) {
  waiting("The first answer takes some seconds.");
  return asked("keep-said", () => recogniser.start(about.labels, about.placement, layout));
}

function watch() {
  if (document.hidden || !stop) return;
  const now = performance.now();
  if (now - heard_ms > SILENT_MS) {
    show("No motion data", "waiting", "The sensors have stopped; wake the phone, or load the page again.");
  } else if (answered_ms !== null && now - answered_ms > OLD_MS) {
    show("No answer", "waiting", "Nothing was named in the last seconds.");
  }
}

function finish() {
  stop?.();
  stop = null;
  show("Stopped", "waiting", "");
  for (const id of ["teach", "record"]) part(id).disabled = true;
  record(false);
}

// --- What its person asks for ------------------------------------------------------------------------------------

part("start").addEventListener("click", start);

part("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = part("add-text").value.trim();
  // Meanwhile somebody may have typed the next one.
  if (text && (await rename((labels) => [...labels, text])) && part("add-text").value.trim() === text) part("add-text").value = "";
});

part("place").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = part("placement").value.trim() || null;
  part("placement").blur();
  asked("where-said", () => recogniser.setPlacement(text), text ? "Set." : "Not told.");
});

part("teach").addEventListener("click", () => {
  const open = part("sheet").hidden;
  part("sheet").hidden = !open;
  part("teach").setAttribute("aria-expanded", open);
  part("teach").textContent = open ? "Close" : "Teach";
  say("teach-said", "");
  if (open) part("teach-text").focus();
  else if (hold.running) hold.cancel("");
});

part("teach-form").addEventListener("submit", (event) => {
  event.preventDefault();
  part("hold").focus();
});

const hold = new HoldButton(part("hold"), {
  begin() {
    const label = part("teach-text").value.trim();
    say("teach-said", label ? "" : "Give it a name first.", !label);
    if (!label) part("teach-text").focus();
    return label !== "";
  },
  done(seconds) {
    const label = part("teach-text").value.trim();
    const stop_s = latest_s;
    inTurn("teach-said", () => recogniser.teach(label, stop_s - seconds, stop_s), `Learned “${label}”.`);
  },
  ended(text) { say("teach-said", text, text !== ""); },
});

function record(on) {
  if (on) recording = new Recording(channels);
  isRecording = on;
  part("record").setAttribute("aria-pressed", on);
  part("record").textContent = on ? "Stop (0 s)" : "Record";
  part("download").disabled = on || !recording?.seconds;
}

part("record").addEventListener("click", () => {
  record(!isRecording);
  say("keep-said", isRecording ? "Recording in this page." : `${Math.round(recording.seconds)} s recorded; download them.`);
});

part("download").addEventListener("click", () => {
  download(new Blob([recording.csv()], { type: "text/csv" }), `live-${moment()}.csv`);
});

part("save").addEventListener("click", () => asked("keep-said", async () => {
  download(await recogniser.taught(), `taught-${moment()}.npz`);
}, "Saved; give it to the next start with --adapter."));

addEventListener("pagehide", (event) => { if (!event.persisted) recogniser.close(); });
addEventListener("beforeunload", (event) => { if (isRecording) event.preventDefault(); });

// What lies behind the bar at the bottom can be scrolled to, however high it is.
new ResizeObserver(([{ target }]) => {
  document.documentElement.style.setProperty("--bar", `${target.offsetHeight}px`);
}).observe(document.querySelector(".bar"));

// --- The beginning -----------------------------------------------------------------------------------------------

function fill(id, texts) {
  part(id).replaceChildren(...texts.map((text) => Object.assign(document.createElement("option"), { value: text })));
}

about = await recogniser.about();
fill("suggestions", about.suggestions);
fill("placements", about.placements);
part("placement").value = about.placement ?? "";
if (about.source === "replay") {
  ({ channels } = about);
  document.querySelector("h1").textContent = `Replay: ${about.name}`;
  commence({ channels, gravity: "included" });
} else {
  const reason = obstacle();
  if (reason) {
    problem(reason);
    show("Not available", "waiting", "");
  }
  part("start").hidden = Boolean(reason);
}
