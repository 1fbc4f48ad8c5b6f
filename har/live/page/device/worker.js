/** Recognises away from what is shown: everything asked for in order, samples that wait all at once. */

import * as runtime from "../runtime/ort.wasm.min.mjs";
import { Colors } from "./colors.js";
import { LiveRecogniser } from "./live.js";
import { Names, possible } from "./names.js";
import { Naming } from "./naming.js";
import { TextEncoder as OwnWords } from "./text.js";
import { Tokenizer } from "./tokens.js";
import { checkLabels, cleanLabel, Words } from "./words.js";

const MODEL = new URL("../model/", import.meta.url);
const MOST_WAITING = 60_000;
const KINDS = ["acc", "gyro", "mag"];

runtime.env.wasm.numThreads = 1; // threads would take headers that few servers send
runtime.env.wasm.wasmPaths = new URL("../runtime/", import.meta.url).href;

let about;
let words;
let names = null;
let colors;
let network = null;
let ownWords = null;
let recogniser = null;
let placement = null;
let placed = null;

// --- Files -------------------------------------------------------------------------------------------------------

async function file(name, progress = () => {}) {
  const response = await fetch(new URL(name, MODEL));
  if (!response.ok) throw new Error(`The file ${name} could not be loaded (${response.status}); try again.`);
  const total = Number(response.headers.get("content-length"));
  const parts = [];
  let size = 0;
  for (const reader = response.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    size += value.length;
    if (total) progress(size / total);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

const text = async (name) => new TextDecoder().decode(await file(name));
const session = (bytes) => runtime.InferenceSession.create(bytes, { executionProviders: ["wasm"] });

/** Rows of a table of the vocabulary. */
function tableOf(numbers, { first, rows, width }) {
  return Array.from({ length: rows }, (_, i) => numbers.subarray(first + i * width, first + (i + 1) * width));
}

async function open() {
  about = JSON.parse(await text("vocabulary.json"));
  const numbers = new Float32Array((await file("vocabulary.f32")).buffer);
  for (const [name, table] of Object.entries(about.tables)) about[name] = tableOf(numbers, table);
  words = new Words(about.words);
  if (about.meaning_weights) {
    names = new Names(words, {
      ...about.meanings, weights: about.meaning_weights, biases: about.meaning_biases[0], centre: about.meaning_centre[0],
    });
  }
  colors = new Colors(about.colors, words);
  return about.page;
}

/** Prototypes of a label of the vocabulary. */
const prototypesOf = (number) => about.prototypes.slice(number * about.prototypes_a_label, (number + 1) * about.prototypes_a_label);

async function loadText() {
  const [bytes, vocabulary] = await Promise.all([
    file("text.onnx", (share) => postMessage({ kind: "progress", share })), text("text_tokens.txt"),
  ]);
  const encoder = await session(bytes);
  const run = async (tokens) => {
    const input = new runtime.Tensor("int64", BigInt64Array.from(tokens, BigInt), [1, tokens.length]);
    const { prototypes, sentence } = await encoder.run({ tokens: input });
    return { prototypes: tableOf(prototypes.data, { first: 0, rows: prototypes.dims[0], width: prototypes.dims[1] }), sentence: sentence.data };
  };
  const known = {
    prototypes: Array.from({ length: about.known }, (_, i) => prototypesOf(i)), sentences: about.sentences,
    columns: about.meanings.columns,
  };
  ownWords = new OwnWords(run, new Tokenizer(vocabulary.split("\n")), words, known, names);
}

// --- Words -------------------------------------------------------------------------------------------------------

function needText(phrase) {
  return new Error(`“${phrase}” is not among the words that are here already. Choose one that is suggested, or load the text encoder below.`);
}

const learned = new Map();

async function prototypes(clean) {
  const number = about.labels.indexOf(clean);
  if (number >= 0) return prototypesOf(number);
  if (!learned.has(clean)) {
    if (ownWords === null) throw needText(clean);
    learned.set(clean, await ownWords.label(clean));
  }
  return learned.get(clean);
}

const understood = new Map();

/** What a clean label is taken for that was not read; undefined for one that was, and where nothing is known of it. */
async function meaningOf(clean) {
  if (about.labels.slice(0, about.known).includes(clean) || words.hasParaphrases(clean)) return undefined;
  if (Object.hasOwn(about.meant, clean)) return about.meant[clean];
  if (names === null || ownWords === null) return undefined;
  if (!understood.has(clean)) understood.set(clean, names.meaning(await ownWords.sentence(clean)));
  return understood.get(clean);
}

/** Sentences about names that may be taken otherwise than they are meant; what was taught may be called anything. */
async function doubtsAbout(labels, taught) {
  const asked = labels.filter((label) => !taught.includes(cleanLabel(label)));
  const meanings = [];
  for (const label of asked) meanings.push(await meaningOf(cleanLabel(label)));
  return names === null ? [] : names.doubts(asked, meanings);
}

async function naming(labels, taught) {
  checkLabels(labels);
  const cleaned = labels.map(cleanLabel);
  const own = [];
  for (const clean of cleaned) own.push(await prototypes(clean));
  const meant = [];
  for (const clean of cleaned) meant.push(...possible(await meaningOf(clean)));
  const others = words.otherActivities(about.labels.slice(0, about.known), [...cleaned, ...meant]);
  const other = others.map((label) => prototypesOf(about.labels.indexOf(label)));
  return [new Naming(labels, own, other, about.scale), cleaned, await doubtsAbout(labels, taught)];
}

async function placementOf(said) {
  const number = about.placements.indexOf(said);
  if (said === null) return null;
  if (number >= 0) return about.places[number];
  if (ownWords === null) throw needText(said);
  return ownWords.sentence(said);
}

async function named() {
  return { labels: recogniser.labels, placement, taught: recogniser.taught, colors: await colors.of([...recogniser.labels, "unknown", "not worn"]) };
}

// --- Windows -----------------------------------------------------------------------------------------------------

/** What the network makes of windows {samples, axes}: see har/export/graph.py. */
async function embed(channels, windows, rate_hz) {
  const [count, width, sensors] = [windows.length, channels.length, channels.length / 3];
  const length = windows[0].samples.length / width;
  const signal = new Float32Array(count * width * length);
  const body = new Float32Array(count * sensors * 6);
  windows.forEach(({ samples, axes }, n) => {
    for (let c = 0; c < width; c += 1) for (let t = 0; t < length; t += 1) signal[(n * width + c) * length + t] = samples[t * width + c];
    for (let s = 0; s < sensors; s += 1) body.set(axes.flat(), (n * sensors + s) * 6);
  });
  const kinds = Array.from({ length: sensors }, (_, s) => BigInt(KINDS.indexOf(channels[3 * s].split("_")[0])));
  const place = new Float32Array(count * sensors * about.text_width);
  if (placed !== null) for (let i = 0; i < count * sensors; i += 1) place.set(placed, i * about.text_width);
  const { Tensor } = runtime;
  const found = await network.run({
    signal: new Tensor("float32", signal, [count, sensors, 3, length]),
    sampling_rate_hz: new Tensor("float32", Float32Array.of(rate_hz), [1]),
    kind: new Tensor("int64", BigInt64Array.from({ length: count * sensors }, (_, i) => kinds[i % sensors]), [count, sensors]),
    device: new Tensor("int64", new BigInt64Array(count * sensors), [count, sensors]),
    placement: new Tensor("float32", place, [count, sensors, about.text_width]),
    body: new Tensor("float32", body, [count, sensors, 2, 3]),
  });
  const rows = ({ data, dims }) => tableOf(data, { first: 0, rows: dims[0], width: dims[1] });
  const features = rows(found.window_features);
  return rows(found.window_embedding).map((embedding, n) => ({ embedding: embedding.slice(), features: features[n].slice() }));
}

// --- What is asked for -------------------------------------------------------------------------------------------

const CHANGES = {
  async start({ labels, placement: said, channels, gravity }) {
    network ??= await session(await file("model.onnx"));
    [placed, placement] = [await placementOf(said), said];
    const { window_s, step_s, calibration, unknown_below } = about;
    const fresh = new LiveRecogniser((...given) => embed(channels, ...given), { window_s, step_s, calibration, unknown_below }, channels, gravity);
    fresh.name(...(await naming(labels, [])));
    fresh.placed(placement);
    recogniser = fresh;
  },

  async labels({ labels }) { recogniser.name(...(await naming(labels, recogniser.taught))); },

  async placement({ placement: said }) {
    const text = said === null ? null : said.trim().split(/\s+/u).join(" ") || null;
    const found = await placementOf(text);
    if (text === placement) return;
    [placed, placement] = [found, text];
    recogniser.placed(placement);
  },

  async teach({ label, start_s, stop_s }) {
    const clean = cleanLabel(label);
    const { labels } = recogniser;
    const known = labels.some((one) => cleanLabel(one) === clean);
    const next = await naming(known ? labels : [...labels, label], [...recogniser.taught, clean]);
    await recogniser.teach(clean, start_s, stop_s);
    recogniser.name(...next);
    await recogniser.renewed();
  },
};

const DO = {
  ...CHANGES,
  open,
  async text() { if (ownWords === null) await loadText(); },
};

// --- One thing after the other -----------------------------------------------------------------------------------

const asked = [];
let waiting = [[], []];
let working = false;
let told = { notes: "[]", unusable: null };

onmessage = ({ data }) => {
  if (data.kind === "samples") {
    waiting[0].push(...data.times);
    waiting[1].push(...data.rows);
    const many = waiting[0].length - MOST_WAITING;
    if (many > 0) waiting = waiting.map((column) => column.slice(many));
  } else asked.push(data);
  work();
};

async function work() {
  if (working) return;
  working = true;
  while (asked.length || waiting[0].length) {
    try {
      await step();
    } catch (error) {
      // Samples that cannot be, or a mistake: nothing that comes after would be right.
      postMessage({ kind: "ended", reason: error.message });
      return;
    }
  }
  working = false;
}

async function reply(request) {
  const said = { kind: "reply", id: request.id };
  try {
    said.found = await DO[request.kind](request);
  } catch (error) {
    said.error = error.message;
  }
  if (recogniser !== null && request.kind in CHANGES) said.naming = await named();
  postMessage(said);
}

async function step() {
  const [times, rows] = waiting;
  waiting = [[], []];
  if (recogniser !== null && times.length) await recogniser.add(times, rows);
  const request = asked.shift();
  if (request) await reply(request);
  if (recogniser === null) return;
  const answer = await recogniser.answer();
  if (answer !== null) {
    const behind_s = waiting[0].length ? waiting[0].at(-1) - waiting[0][0] : 0;
    postMessage({ kind: "answer", answer: { ...answer, behind_s } });
  }
  const { notes, unusable } = recogniser;
  if (unusable !== told.unusable) postMessage({ kind: "unusable", reason: unusable });
  if (JSON.stringify(notes) !== told.notes) postMessage({ kind: "notes", notes });
  told = { notes: JSON.stringify(notes), unusable };
}
