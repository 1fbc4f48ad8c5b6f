/**
 * What words mean to each other, by the tables of har/labels/: which are one activity, which are a coarser or finer
 * statement of it, and how else it may be said. The tables come with the vocabulary.
 */

const SEPARATORS = /[_\-./\\]+/g;
const ARTICLES = ["a", "an", "the"];
const HUMPS = /(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g;

/** As Python folds case, but for letters of few scripts. */
export function foldCase(text) {
  return Array.from(text, (letter) => (letter === "ı" ? letter : letter.toUpperCase().toLowerCase())).join("");
}

export const normalise = (text) => foldCase(text).trim().split(/\s+/u).join(" ");

/** An identifier as a phrase: "WALKING_UPSTAIRS" and "walkingUpstairs" are "walking upstairs". */
export function cleanLabel(label) {
  const phrase = normalise(label);
  return phrase.includes(" ") ? phrase : normalise(label.trim().replace(SEPARATORS, " ").replace(HUMPS, " "));
}

export class Words {
  #tables;
  #groups = new Map();
  #pace;
  #paces;
  #circumstances;

  constructor(tables) {
    this.#tables = tables;
    for (const [name, phrases] of Object.entries(tables.groups)) {
      for (const phrase of [name, ...phrases]) this.#groups.set(this.#words(phrase).join(" "), name);
    }
    this.#pace = new Set(tables.pace_words);
    this.#paces = Object.entries(tables.paces);
    this.#circumstances = new Set(tables.circumstance_words);
  }

  /** Lower-case words without punctuation, hyphens and articles. */
  #words(phrase) {
    const text = normalise(phrase).replace(/['’]/g, "");
    const words = text.match(/[\p{L}\p{N}_]+/gu) ?? [];
    const kept = words.filter((word) => !ARTICLES.includes(word));
    if (kept.length) return kept;
    return words.length ? words : [text];
  }

  /** The synonym group of a phrase; its own where it is in none. */
  groupOf(phrase) {
    const words = this.#words(phrase);
    const known = (some) => this.#groups.get(some.join(" "));
    const without = words.filter((word) => !this.#pace.has(word));
    const found = known(words) ?? known(without);
    if (found !== undefined) return found;
    const how = without.join(" ");
    const at = how.indexOf(" and falling");
    const fall = at < 0 ? without : ["falling", ...how.slice(at + " and falling".length).split(" ").filter(Boolean)];
    const stop = fall.findIndex((word) => this.#circumstances.has(word));
    const motion = known(stop < 0 ? fall : fall.slice(0, stop));
    return this.#tables.fall_groups.includes(motion) ? motion : normalise(phrase);
  }

  /** The pace that a phrase states, null where it states none. */
  paceOf(phrase) {
    const words = this.#words(phrase);
    return this.#paces.find(([, named]) => words.some((word) => named.includes(word)))?.[0] ?? null;
  }

  /** Whether a phrase counts as right for a true one: the same, coarser, finer, or a part of it. */
  matches(predicted, truth) {
    const [one, other] = [this.groupOf(predicted), this.groupOf(truth)];
    return one === other || (this.#tables.accepted[other] ?? []).includes(one);
  }

  /** Of each synonym group of the known activities the first, where it says something else than all of the labels. */
  otherActivities(known, labels) {
    const first = new Map();
    for (const activity of known) {
      const group = this.groupOf(activity);
      if (!first.has(group)) first.set(group, activity);
    }
    return [...first.values()].filter((one) => !labels.some((label) => this.matches(one, label) || this.matches(label, one)));
  }

  /** Of a clean label: its own, or those of its group; undefined where neither is described. */
  #paraphrases(phrase) {
    const { paraphrases } = this.#tables;
    const key = [phrase, this.groupOf(phrase)].find((one) => Object.hasOwn(paraphrases, one));
    return paraphrases[key];
  }

  hasParaphrases(phrase) { return this.#paraphrases(phrase) !== undefined; }

  /** A clean label, templates around it, and paraphrases where the table knows the activity. */
  phrasings(phrase) {
    const { verb_templates, noun_templates } = this.#tables;
    const templates = phrase.split(" ")[0].endsWith("ing") ? verb_templates : noun_templates;
    const said = templates.map((template) => template.replace("{}", () => phrase));
    return [...new Set([phrase, ...said, ...(this.#paraphrases(phrase) ?? [])])];
  }
}

const [MOST_LABELS, MOST_CHARACTERS] = [64, 80];
const RESERVED = ["unknown", "not worn"];
const NO_VALUE = ["", "nan", "-nan", "na", "n/a", "<na>", "#n/a", "#na", "nat", "none", "null", "1.#qnan"];

/** Throws the sentence that says why labels cannot be chosen from. */
export function checkLabels(labels) {
  const refuse = (reason) => { throw new Error(reason); };
  if (!labels.length) refuse("There are no words to choose from; name at least one activity.");
  if (labels.length > MOST_LABELS) {
    refuse(`${labels.length} words are more than the ${MOST_LABELS} that can be told apart at once; remove some.`);
  }
  for (const label of labels) {
    const clean = cleanLabel(label);
    if ([...label].length > MOST_CHARACTERS) refuse(`“${label.slice(0, 20)}…” is longer than ${MOST_CHARACTERS} characters; say it in fewer.`);
    if (/\p{Cc}/u.test(label)) refuse(`“${label}” holds a line break or a control character; write it as one line of text.`);
    if (NO_VALUE.includes(label.trim().toLowerCase())) refuse(`“${label}” says that there is no label; leave it out.`);
    if (!/\p{L}/u.test(clean)) refuse(`“${label}” holds no letter; name an activity.`);
    if (RESERVED.includes(clean)) refuse(`“${label}” is what the page itself says; leave it out.`);
  }
  const cleaned = labels.map(cleanLabel);
  const twice = labels.find((_, i) => cleaned.indexOf(cleaned[i]) !== i);
  if (twice !== undefined) refuse(`“${twice}” is there already.`);
}
