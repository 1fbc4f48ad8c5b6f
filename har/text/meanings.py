"""What a name in somebody's own words is taken for, and how sure that is.

``har/labels`` says each activity in some fifty wordings. From these a multinomial logistic regression on frozen
sentence embeddings has learned which activity a text means, and what is like none from other activities and from words
drawn by lot out of the text encoder's own vocabulary. It says of a text that nobody has read, "loping along" or
"gehen", what it is like, and whether it is like anything; and a label that training has not read leans on what it means
(``known_labels.py``).

The regression is kept beside this file; ``val_scripts/human_activity_recognition/fit_meanings.py`` makes it and prints
what it is worth.

Shapes: C activities, L texts, W text width.
"""

import functools
import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from har.files.whole import atomic_writer
from har.labels.groups import group_of, groups_match, pace_of
from har.labels.others import OTHER_ACTIVITIES
from har.labels.wording import CALLED, PARAPHRASES, clean_label, has_paraphrases, ways_to_say
from har.text.encoder import TextEncoder

MEANINGS = Path(__file__).with_name("meanings.npz")

# Even odds. Of wordings that the regression has not learned from and gives less, about half are taken for another
# activity; fit_meanings.py prints it.
CLEAR_SHARE = 0.5

# Of an activity that a text may well mean (docs/experiments/words.md).
POSSIBLE_SHARE = 0.2

# The inverse strength of the penalty: of 10, 30, 100 and 300 the one under which wordings left out are likeliest
# (docs/experiments/words.md).
_INVERSE_PENALTY = 30.0
_TURNS = 5  # parts that wordings are left out in
# Share of the wordings left out, and yet taken rightly, whose evidence lies below what counts as like anything.
_STRANGE = 0.05
_OF_NO_ACTIVITY = 1000  # texts of each kind


@dataclass(frozen=True)
class Meaning:
    """What one text is taken for.

    Attributes:
        activities: the likeliest first, by the name of one of their wordings.
        shares: how likely each of them is, if it is any; all activities together have 1.
        sure: the share of the likeliest and of all that are the same, coarser, finer or partial statements.
        evidence: logarithm of the odds that it is any activity, against none.
        strange: it is like no activity.
    """

    activities: tuple[str, ...]
    shares: tuple[float, ...]
    sure: float
    evidence: float
    strange: bool

    @property
    def possible(self) -> tuple[str, ...]:
        """The activities that it may well mean, the likeliest first; none where it is strange."""
        well = [i for i, share in enumerate(self.shares) if i == 0 or share >= POSSIBLE_SHARE]
        return () if self.strange else tuple(self.activities[i] for i in well)

    @property
    def clear(self) -> bool:
        """Whether it is likely enough what is meant."""
        return not self.strange and self.sure >= CLEAR_SHARE


@dataclass(frozen=True)
class Meanings:
    """The regression: ``activities`` (C), ``weight`` (C, W) and ``bias`` (C), on embeddings less ``centre`` (W).

    Scores are logarithms of odds against no activity, whose own score is subtracted from all.
    encoder: fingerprint of the text encoder. tables: digest of the words of ``har/labels`` that it was learned from.
    least_evidence: below it a text is strange.
    """

    activities: tuple[str, ...]
    centre: np.ndarray
    weight: np.ndarray
    bias: np.ndarray
    least_evidence: float
    encoder: str
    tables: str

    def scores(self, pooled_LW: np.ndarray) -> np.ndarray:
        """(L, C) of unit-norm sentence embeddings."""
        return _inputs(pooled_LW, self.centre) @ self.weight.T.astype(np.float32) + self.bias

    def read(self, pooled_LW: np.ndarray, most: int = 3) -> list[Meaning]:
        """What each text is taken for, with the ``most`` likeliest activities."""
        shares_LC, sure_L, evidence_L = _judged(self.scores(pooled_LW), self.activities)
        order_LC = np.argsort(-shares_LC, axis=1, kind="stable")[:, :most]
        return [
            Meaning(
                tuple(self.activities[i] for i in order), tuple(shares[order].tolist()), sure, evidence,
                evidence < self.least_evidence,
            )
            for order, shares, sure, evidence in zip(
                order_LC, shares_LC, sure_L.tolist(), evidence_L.tolist(), strict=True
            )
        ]  # fmt: skip

    def columns(self, labels: Sequence[str]) -> list[int | None]:
        """The activity that each label names, by its number; None for one that the regression has not learned."""
        number = {_named(activity): i for i, activity in enumerate(self.activities)}
        return [number.get(_named(label)) for label in labels]

    def save(self, path: Path) -> None:
        """Write a file for ``load``; it appears whole or not at all."""
        with atomic_writer(path) as temporary:
            np.savez_compressed(
                temporary, activities=np.array(self.activities), centre=self.centre, weight=self.weight, bias=self.bias,
                least_evidence=self.least_evidence, encoder=self.encoder, tables=self.tables,
            )  # fmt: skip

    @classmethod
    def load(cls, path: Path = MEANINGS) -> "Meanings":
        with np.load(path, allow_pickle=False) as held:
            return cls(
                tuple(held["activities"].tolist()), held["centre"], held["weight"], held["bias"],
                float(held["least_evidence"]), str(held["encoder"]), str(held["tables"]),
            )  # fmt: skip


def _named(label: str) -> tuple[str, str | None]:
    """Synonym group and pace: what makes two labels one activity."""
    return group_of(label), pace_of(label)


def _judged(scores_LC: np.ndarray, activities: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares (L, C), how sure the likeliest is (L,) and evidence (L,), as `Meaning` has them."""
    scores_LC = scores_LC.astype(np.float64)
    evidence_L = np.logaddexp.reduce(scores_LC, axis=1)
    shares_LC = np.exp(scores_LC - evidence_L[:, None])
    return shares_LC, sureness(shares_LC, activities), evidence_L


def sureness(shares_LC: np.ndarray, activities: Sequence[str]) -> np.ndarray:
    """(L,) the share of each text's likeliest activity and of those that are statements of the same."""
    return (shares_LC * _alike(tuple(activities))[shares_LC.argmax(axis=1)]).sum(axis=1)


@functools.cache
def _alike(activities: tuple[str, ...]) -> np.ndarray:
    """(C, C) whether two activities are the same, or one a coarser, finer or partial statement of the other."""
    groups = [group_of(activity) for activity in activities]
    counts = np.array([[groups_match(one, other) for other in groups] for one in groups])
    return counts | counts.T


def meanings_of(labels: Iterable[str], encoder: TextEncoder | None, read: Iterable[str] = ()) -> dict[str, Meaning]:
    """What each label is taken for that training can have read in no words.

    read: cleaned labels that it has read as they are. Empty without an encoder, or with one of which nothing is known.
    """
    read = frozenset(read)
    unread = [label for label in labels if not (clean_label(label) in read or has_paraphrases(label))]
    if not unread or encoder is None or (meanings := meanings_by(encoder)) is None:
        return {}
    pooled = encoder.encode([clean_label(label) for label in unread]).pooled
    return dict(zip(unread, meanings.read(pooled.cpu().numpy()), strict=True))


def meanings_by(encoder: TextEncoder) -> Meanings | None:
    """The regression that is kept beside this file, if it was learned with this encoder."""
    meanings = _kept()
    return meanings if meanings.encoder == encoder.fingerprint else None


@functools.cache
def _kept() -> Meanings:
    return Meanings.load()


# --- Learning ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wordings:
    """Every wording of an activity: ``texts`` (P), which activity each means (P,), and the names of these (C)."""

    texts: tuple[str, ...]
    meant: np.ndarray
    activities: tuple[str, ...]

    @classmethod
    def of_tables(cls) -> "Wordings":
        """Those of ``har/labels``: labels of one synonym group and pace are one activity."""
        labels: dict[tuple[str, str | None], list[str]] = {}
        for label in sorted({*PARAPHRASES, *CALLED}):
            labels.setdefault(_named(label), []).append(label)
        # An activity goes by the name of its group, where it has no pace, or else by the shortest.
        names = [min(of, key=lambda label: (label != group, len(label))) for (group, _), of in labels.items()]
        read = [dict.fromkeys(text for label in of for text in (label, *ways_to_say(label))) for of in labels.values()]
        meant = np.repeat(np.arange(len(read)), [len(texts) for texts in read])
        return cls(tuple(text for texts in read for text in texts), meant, tuple(names))

    def digest(self) -> str:
        """Hash of the texts, of what they mean, and of the other activities."""
        held = json.dumps([self.activities, self.texts, self.meant.tolist(), OTHER_ACTIVITIES])
        return hashlib.sha256(held.encode()).hexdigest()

    def right(self, taken: Sequence[int] | np.ndarray, true: Sequence[str]) -> np.ndarray:
        """(N,) whether activities by their number mean the true labels, or are coarser, finer or partial statements."""
        pairs = zip(taken, true, strict=True)
        return np.array([groups_match(group_of(self.activities[i]), group_of(label)) for i, label in pairs])


@dataclass(frozen=True)
class LeftOut:
    """What wordings are taken for by a regression that has not learned from them: (P,) each, as in `Meaning`."""

    taken: np.ndarray
    sure: np.ndarray
    evidence: np.ndarray


def of_no_activity(vocabulary: Iterable[str], wordings: Wordings) -> list[str]:
    """Texts that mean none of the activities: one half other activities, again and again, the other half made by lot.

    Made of a text encoder's vocabulary (pieces that go on begin with "##") are single words, made-up words of two or
    three pieces, which foreign ones look like to an encoder of English, and rows of two to four words; none of a word
    of the wordings.
    """
    said = {word for text in wordings.texts for word in re.findall(r"\w+", text.lower())}
    known = sorted(vocabulary)
    words = [word for word in known if word.isalpha() and len(word) > 2 and word not in said]
    begins = [word for word in known if word.isalpha() and 2 <= len(word) <= 4]
    goes_on = [word[2:] for word in known if word.startswith("##") and word[2:].isalpha() and len(word) > 3]
    lot = np.random.default_rng(0)
    one = [words[i] for i in lot.integers(len(words), size=_OF_NO_ACTIVITY)]
    made_up = [
        begins[lot.integers(len(begins))]
        + "".join(goes_on[i] for i in lot.integers(len(goes_on), size=lot.integers(1, 3)))
        for _ in range(_OF_NO_ACTIVITY)
    ]
    several = [
        " ".join(words[i] for i in lot.integers(len(words), size=lot.integers(2, 5))) for _ in range(_OF_NO_ACTIVITY)
    ]
    drawn = [*one, *made_up, *several]
    return [*drawn, *itertools.islice(itertools.cycle(OTHER_ACTIVITIES), len(drawn))]


def fit_meanings(wordings: Wordings, nothing: Sequence[str], encoder: TextEncoder) -> tuple[Meanings, LeftOut]:
    """Learn what texts mean, and what that is worth on wordings that are left out in `_TURNS` parts, drawn by lot.

    nothing: texts that mean no activity.
    """
    count = len(wordings.activities)
    pooled = encoder.encode([*wordings.texts, *nothing]).pooled.numpy()
    meant = np.concatenate([wordings.meant, np.full(len(nothing), count)])
    turn = np.random.default_rng(0).integers(_TURNS, size=len(wordings.texts))
    taken, sure, evidence = np.zeros(len(turn), np.int64), np.zeros(len(turn)), np.zeros(len(turn))
    for part in range(_TURNS):
        out = np.flatnonzero(turn == part)
        centre, weight, bias = _fit(np.delete(pooled, out, axis=0), np.delete(meant, out), count)
        scores = _inputs(pooled[out], centre) @ weight.T + bias
        shares, sure[out], evidence[out] = _judged(scores, wordings.activities)
        taken[out] = shares.argmax(axis=1)
    right = wordings.right(taken, [wordings.activities[meant] for meant in wordings.meant])
    centre, weight, bias = _fit(pooled, meant, count)
    meanings = Meanings(
        wordings.activities, centre, weight.astype(np.float16), bias, float(np.quantile(evidence[right], _STRANGE)),
        encoder.fingerprint, wordings.digest(),
    )  # fmt: skip
    return meanings, LeftOut(taken, sure, evidence)


def _fit(pooled: np.ndarray, meant: np.ndarray, activities: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centre (W,), weight (C, W) and bias (C,); an activity that no text means has a score that nothing reaches.

    ``meant`` is C where a text means no activity.
    """
    from sklearn.linear_model import LogisticRegression  # takes a second, and naming needs none of it

    centre = pooled[meant < activities].mean(axis=0)
    found = LogisticRegression(C=_INVERSE_PENALTY, class_weight="balanced", max_iter=1000)
    found.fit(_inputs(pooled, centre), meant)
    weight, bias = np.zeros((activities + 1, pooled.shape[1]), np.float32), np.full(activities + 1, -1e4, np.float32)
    weight[found.classes_], bias[found.classes_] = found.coef_, found.intercept_
    return centre, weight[:-1] - weight[-1], bias[:-1] - bias[-1]


def _inputs(pooled: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """(N, W) what makes texts differ, unit norm."""
    differences = pooled - centre
    return differences / np.linalg.norm(differences, axis=1, keepdims=True)
