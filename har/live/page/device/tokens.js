/**
 * A phrase as the sentence encoder reads it: WordPiece, uncased (Devlin et al., NAACL 2019; Wu et al., arXiv:1609.08144).
 */

const MOST_LETTERS = 100;
const MOST_TOKENS = 256;
const IDEOGRAPHS = /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;
const SPACE = /\p{White_Space}/u;
const CONTROL = /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\ufffd]/u;
const MARK = /\p{Mn}/gu;
/** ASCII that is neither letter nor number counts as punctuation too. */
const PUNCTUATION = /[\p{P}!-/:-@[-`{-~]/u;

export class Tokenizer {
  #numbers;

  /** words: the vocabulary, in order of its numbers. */
  constructor(words) { this.#numbers = new Map(words.map((word, number) => [word, number])); }

  /** Numbers of the tokens, with those that begin and end a text. */
  encode(text) {
    const tokens = splitWords(text).flatMap((word) => this.#pieces(word)).slice(0, MOST_TOKENS - 2);
    return ["[CLS]", ...tokens, "[SEP]"].map((token) => this.#numbers.get(token));
  }

  /** The longest pieces that are known, from the left; one unknown makes the word unknown. */
  #pieces(word) {
    const letters = [...word];
    if (letters.length > MOST_LETTERS) return ["[UNK]"];
    const pieces = [];
    for (let first = 0; first < letters.length;) {
      let stop = letters.length;
      let piece;
      do {
        piece = (first ? "##" : "") + letters.slice(first, stop).join("");
        if (this.#numbers.has(piece)) break;
        stop -= 1;
      } while (stop > first);
      if (stop === first) return ["[UNK]"];
      pieces.push(piece);
      first = stop;
    }
    return pieces;
  }
}

/** Lower-case words without accents; punctuation and ideographs stand by themselves. */
function splitWords(text) {
  const clean = Array.from(text, (letter) => {
    if (CONTROL.test(letter)) return "";
    return SPACE.test(letter) ? " " : letter;
  }).join("").replace(IDEOGRAPHS, " $& ");
  const plain = clean.normalize("NFD").replace(MARK, "");
  const lower = Array.from(plain, (letter) => letter.toLowerCase()).join("");
  const words = [""];
  for (const letter of lower) {
    if (SPACE.test(letter)) words.push("");
    else if (PUNCTUATION.test(letter)) words.push(letter, "");
    else words[words.length - 1] += letter;
  }
  return words.filter(Boolean);
}
