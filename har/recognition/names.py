"""What is doubtful about names that somebody chose: sentences for people, before the answers are believed."""

import re
from collections.abc import Iterable, Sequence

from har.labels.groups import group_of, pace_of
from har.labels.wording import clean_label
from har.recognition.words import listed
from har.text.arguments import clean_labels
from har.text.label_bank import LearnableLabelBank
from har.text.meanings import Meaning, meanings_of

# Share from which another wording counts as a name of the activity: nine in ten are (docs/experiments/words.md).
_SAME_SHARE = 0.8

# What sentence encoders read past: to them "not walking" is walking. That nothing moves is no such name.
_NEGATION = re.compile(
    r"^(not?|non|never|without)\b(?!\W+(mov|motion|activ))|^non[a-z]+ing\b|n['\u2019]t\b"
    r"|\b(other than|anything but|everything but|except|apart from)\b"
)


def doubts_about(labels: Sequence[str], bank: LearnableLabelBank, taught: Iterable[str] = ()) -> list[str]:
    """Sentences about names that may be taken otherwise than they are meant; none where all is well.

    Names are doubtful that are like no activity, that may be taken for several, that say what is not done, and two of
    them that mean the same. labels: what is asked for, in any words. taught: labels that an adapter has examples of,
    which may be called anything.
    """
    taught = frozenset(clean_labels([*taught])) if taught else frozenset()
    untaught = [label for label, clean in zip(labels, clean_labels(labels), strict=True) if clean not in taught]
    meanings = meanings_of(untaught, bank.text_encoder, bank.known_labels())
    doubts = {label: _doubt(label, meanings.get(label)) for label in untaught}
    sentences = [text for text in doubts.values() if text]
    same: dict[tuple[str, str | None], list[str]] = {}
    for label in untaught:
        meant = None if doubts[label] else _meant(label, meanings.get(label))
        if meant is not None:
            same.setdefault((group_of(meant), pace_of(meant)), []).append(label)
    sentences += [
        f"{listed([repr(label) for label in names])} mean the same to the model: which of them it names is chance, and "
        "their times belong together."
        for names in same.values()
        if len(names) > 1
    ]
    return sentences


def _doubt(label: str, meaning: Meaning | None) -> str:
    """One sentence about a label that is not clear; empty for a label that is."""
    if meaning is None:
        return ""
    if _NEGATION.search(clean_label(label)):
        return (
            f"{label!r} says what is not done, and the model reads past that: it takes it for "
            f'{meaning.activities[0]!r}. Name what is done instead; what fits none of the names is "unknown".'
        )
    if meaning.clear:
        return ""
    if meaning.strange:
        return (
            f"{label!r} is like no activity that the model has read of, and it reads English alone: it takes it for "
            f"{meaning.activities[0]!r} rather than anything else. Say it in other words, or teach it, where that is "
            "wrong."
        )
    likely = [f"{name!r} ({share:.0%})" for name, share in zip(meaning.activities, meaning.shares, strict=True)]
    return (
        f"{label!r} is in words that the model has not read: it takes them for {', '.join(likely)} or something else. "
        "Say it more plainly, or teach it, where none of these is meant."
    )


def _meant(label: str, meaning: Meaning | None) -> str | None:
    """By what name the activity goes that a clear label means, None where that is not sure enough."""
    if meaning is None:
        return label
    return meaning.activities[0] if meaning.shares[0] >= _SAME_SHARE else None
