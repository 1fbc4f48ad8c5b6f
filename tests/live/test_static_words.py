"""Words of the static page beside the Python that they follow: what they mean to each other, tokens, prototypes."""

from pathlib import Path

import numpy as np
import pytest

from har.labels.groups import GROUPS, group_of, matches, pace_of
from har.labels.wording import PARAPHRASES, clean_label, has_paraphrases, phrasings
from har.live.device_files import color_tables, word_tables
from har.network.loading import load_label_bank, load_model
from har.recognition.colors import colors_of
from har.recognition.names import doubts_about
from har.recognition.vocabulary import EVERYDAY_LABELS, check_labels
from har.text.encoder import SentenceEncoder
from har.text.meanings import Meanings, meanings_of
from har.text.naming import other_activities
from tests.live.node import in_node, plain

PHRASES = [*GROUPS, *PARAPHRASES, *(phrase for group in GROUPS.values() for phrase in group)]
# What people may type: other scripts, cases, punctuation, emoji, identifiers.
TYPED = [
    "WalkingUpstairs", "walking_upstairs", "HTTPServerMaintenance", "walking--up/stairs", "  Walking   Slowly ",
    "the walking", "a", "quickly sitting down on a low height chair and getting up", "slipping and falling forward",
    "falling forward while walking", "stumbling and falling", "petting the neighbour's cat", "Straße fegen", "ΟΔΟΣ",
    "Café au lait trinken", "naïve Übung", "滑冰", "スキー", "스케이트 타기", "катание на лыжах", "juggling 🤹🏽 balls",
    "jump-rope (double)", "e\u0301tirer", "3km run", "x" * 120 + " running", "don't move", "walk\u00a0fast", "tai-chi!",
    "don’t sit", "½ squat", "walking\u200bfast", "\u202ewalking", "ﬁtness", "İstanbul turu", "sit—stand", "a_b c_d",
    "東京 run東京run", "🚶", "constructor", "hasOwnProperty",
]  # fmt: skip


def test_phrases_mean_the_same(tmp_path: Path):
    phrases = [*PHRASES, *TYPED]
    body = """
      const words = new Words(given.tables);
      return given.phrases.map((phrase) => {
        const clean = cleanLabel(phrase);
        return [clean, words.groupOf(phrase), words.phrasings(clean), words.hasParaphrases(clean),
          words.paceOf(phrase)];
      });
    """
    found = in_node(body, {"tables": word_tables(), "phrases": phrases}, tmp_path, words="Words, cleanLabel")
    for one, phrase in zip(found, phrases, strict=True):
        clean = clean_label(phrase) if phrase != "🚶" else phrase
        if phrase == "🚶":  # no letter: refused before
            continue
        said = list(phrasings(clean))
        assert one == [clean, group_of(phrase), said, has_paraphrases(clean), pace_of(phrase)]


def test_other_activities_and_matches_are_the_same(tmp_path: Path):
    known = list(GROUPS)
    asked = [
        ["walking"],
        list(EVERYDAY_LABELS),
        ["falling", "slipping and falling"],
        ["juggling"],
        ["stairs", "sitting"],
    ]
    pairs = [(one, other) for one in PHRASES[::23] for other in PHRASES[::29]]
    body = """
      const words = new Words(given.tables);
      return [given.asked.map((labels) => words.otherActivities(given.known, labels)),
        given.pairs.map(([one, other]) => words.matches(one, other))];
    """
    given = {"tables": word_tables(), "known": known, "asked": asked, "pairs": pairs}
    others, matched = in_node(body, given, tmp_path, words="Words")
    assert others == [other_activities(known, labels) for labels in asked]
    assert matched == [matches(*pair) for pair in pairs] and 0 < sum(matched) < len(matched)


DOUBTED = [
    "walking", "gehen", "playing piano", "push-ups", "gym", "nap", "taking a nap", "Standing", "stand",
    "walking slowly", "walking fast", "stairs up", "walking upstairs", "walk upstairs", "loping along",
    "going for a run", "stock market", "not running", "Non-walking", "anything but sitting",
    "nonwalking", "isn\u2019t running", "not moving", "no walking",
]  # fmt: skip


def regression_of(meanings: Meanings) -> dict:
    return {
        "activities": meanings.activities, "least_evidence": meanings.least_evidence,
        "weights": plain(meanings.weight), "biases": plain(meanings.bias), "centre": plain(meanings.centre),
    }  # fmt: skip


def test_the_same_names_are_doubtful_for_the_same_reasons(tmp_path: Path):
    meanings = Meanings.load()
    encoder = SentenceEncoder()

    class Bank:
        text_encoder = encoder

        def known_labels(self) -> list[str]:
            return []

    body = """
      const words = new Words(given.tables);
      const names = new Names(words, given.regression);
      const meanings = given.sentences.map((one) => one === null ? undefined : names.meaning(one));
      return [meanings.map((one) => one ?? null), names.doubts(given.labels, meanings), meanings.map(possible)];
    """
    unread = [None if has_paraphrases(label) else clean_label(label) for label in DOUBTED]
    given = {
        "tables": word_tables(), "labels": DOUBTED,
        "sentences": [None if text is None else plain(encoder.encode([text]).pooled[0]) for text in unread],
        "regression": regression_of(meanings),
    }  # fmt: skip
    found, told, meant = in_node(body, given, tmp_path, words="Words", names="Names, possible")
    expected = meanings_of(DOUBTED, encoder)
    assert meant == [list(expected[label].possible) if label in expected else [] for label in DOUBTED]
    assert {len(one) for one in meant} > {0, 1}
    assert [one is not None for one in found] == [label in expected for label in DOUBTED] and len(expected) > 8
    for label, one in zip(DOUBTED, found, strict=True):
        if one is not None:
            assert tuple(one["activities"]) == expected[label].activities
            np.testing.assert_allclose(
                [*one["shares"], one["sure"]], [*expected[label].shares, expected[label].sure], rtol=1e-4
            )
            assert one["strange"] == expected[label].strange
    doubts = [text.replace("'", '"') for text in doubts_about(DOUBTED, Bank())]
    assert [text.replace("“", '"').replace("”", '"') for text in told] == doubts
    assert sum("like no activity" in text for text in told) > 2 and sum("mean the same" in text for text in told) > 1


def test_cases_are_folded_alike_in_the_scripts_of_europe(tmp_path: Path):
    letters = [chr(code) for code in (*range(0x20, 0x530), *range(0x1E00, 0x2000)) if chr(code).isprintable()]
    found = in_node("return given.map(foldCase);", letters, tmp_path, words="foldCase")
    wrong = [one for one, folded in zip(letters, found, strict=True) if folded != one.casefold()]
    # Two forms of a letter for subscript iota, which nobody types.
    assert len(wrong) <= 0.03 * len(letters), wrong


@pytest.mark.parametrize(
    "labels", [[], ["12"], ["walking", "Walking"], ["unknown"], ["a\nb"], ["nan"], ["running", "not worn"], ["🚶"]]
)
def test_what_is_no_label_is_refused_there_too(tmp_path: Path, labels: list[str]):
    with pytest.raises(ValueError):
        check_labels(labels)
    body = "try { checkLabels(given); return null; } catch (error) { return error.message; }"
    assert in_node(body, labels, tmp_path, words="checkLabels")
    assert in_node(body, ["walking", "jumping jacks"], tmp_path, words="checkLabels") is None


def test_colors_are_the_same(tmp_path: Path):
    names = [*EVERYDAY_LABELS[:9], "strolling", "juggling", "tai chi", "滑冰", "knitting", "unknown", "not worn"]
    body = """
      if (!globalThis.crypto) globalThis.crypto = (await import("node:crypto")).webcrypto;
      return new Colors(given.colors, new Words(given.words)).of(given.names);
    """
    given = {"colors": color_tables(), "words": word_tables(), "names": names}
    assert in_node(body, given, tmp_path, colors="Colors", words="Words") == colors_of(names)


@pytest.fixture(scope="module")
def bank():
    _, checkpoint, hyperparams_path = load_model("default", "cpu")
    return load_label_bank(checkpoint, "cpu", hyperparams_path)


def test_tokens_are_those_of_the_encoder(tmp_path: Path, bank):
    """Of all ways in which activities are described, and of odd texts."""
    tokenizer = bank.text_encoder.loaded().tokenizer
    vocabulary = [word for word, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])]
    texts = list(dict.fromkeys(said for phrase in PHRASES for said in phrasings(phrase))) + TYPED
    texts += ["supercalifragilisticexpialidocious", "a\tb\nc", "\ufffdx\x00y\x85z", "word " * 400]
    letters = [chr(code) for code in range(0x20, 0x30000) if not 0xD800 <= code < 0xE000]
    whole = len(texts)
    texts += [f"a{letter}b" for letter in letters]
    body = """
      const tokenizer = new Tokenizer(given.vocabulary);
      return given.texts.map((text) => tokenizer.encode(text));
    """
    found = in_node(body, {"vocabulary": vocabulary, "texts": texts}, tmp_path, tokens="Tokenizer")
    expected = tokenizer(texts, truncation=True, max_length=256)["input_ids"]
    assert whole > 2000 and found[:whole] == expected[:whole]
    # Letters that came to Unicode after the tables of the one or before those of the other.
    wrong = [
        letter for letter, one, other in zip(letters, found[whole:], expected[whole:], strict=True) if one != other
    ]
    assert len(wrong) < 0.005 * len(letters) and min(wrong) > "\u0600"


def test_words_become_the_same_prototypes(tmp_path: Path, bank, monkeypatch):
    """With what the encoder in Python says of each phrase in place of the exported one."""
    labels = ["juggling", "strolling", "petting a cat", "tai chi", "shadow boxing"]
    known = bank.known_labels()
    texts = list(dict.fromkeys(said for label in labels for said in phrasings(label)))
    own = bank.encode(texts, paraphrase=False)
    pooled = bank.text_encoder.encode(texts).pooled
    body = """
      const words = new Words(given.tables);
      const run = async (text) => given.run[text];
      const found = [];
      const none = given.columns.map(() => null);
      for (const [columns, names] of [[given.columns, new Names(words, given.regression)], [none, null]]) {
        const encoder = new TextEncoder(run, { encode: (text) => text }, words, { ...given.known, columns }, names);
        const prototypes = [];
        for (const label of given.labels) prototypes.push((await encoder.label(label)).map((one) => Array.from(one)));
        found.push(prototypes);
      }
      return found;
    """
    run = {text: {"prototypes": plain(own[i]), "sentence": plain(pooled[i])} for i, text in enumerate(texts)}
    remembered = {
        "prototypes": plain(bank.encode(known).reshape(len(known), -1, bank.width)),
        "sentences": plain(bank.text_encoder.encode(known).pooled),
    }
    meanings = Meanings.load()
    given = {
        "tables": word_tables(), "run": run, "known": remembered, "labels": labels, "columns": meanings.columns(known),
        "regression": regression_of(meanings),
    }  # fmt: skip
    by_meaning, by_likeness = in_node(body, given, tmp_path, text="TextEncoder", words="Words", names="Names")
    np.testing.assert_allclose(by_meaning, bank.encode(labels).numpy(), atol=1e-5)
    monkeypatch.setattr("har.text.label_bank.meanings_by", lambda encoder: None)  # as with another text encoder
    np.testing.assert_allclose(by_likeness, bank.encode(labels).numpy(), atol=1e-5)
    assert np.abs(np.array(by_meaning) - by_likeness).max() > 0.05 and None in given["columns"]
    assert {has_paraphrases(label) for label in labels} == {True, False}
