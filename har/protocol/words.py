"""One dataset named in other words: how much the choice of words decides.

Windows are embedded once; only the list of texts that they are named out of changes, and answers are compared as the
labels that these texts stand for.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from har.evaluation.leave_one_out import Bootstrap
from har.evaluation.metrics import classification_scores
from har.evaluation.paraphrases import DETAILED, WORDINGS
from har.evaluation.robustness import PairedScore, mean_of_draws, paired_score
from har.labels.groups import matches
from har.protocol.request import EvaluationError
from har.protocol.scoring import ScoredWindows
from har.protocol.worn_again import Embedded
from har.text.label_bank import LearnableLabelBank

ONE_WINDOW, CONTEXT = "one_window", "recording_context"


@dataclass(frozen=True)
class WordsAsked:
    """How many draws there are: of a wording for each label, and of ``distractors`` other activities; their seed."""

    draws: int
    distractors: int
    distractor_draws: int
    seed: int


class Namer:
    """Names the scored windows of a dataset, embedded once, out of any list of texts."""

    def __init__(self, windows: ScoredWindows, embedded: Embedded, bank: LearnableLabelBank) -> None:
        self._bank, index = bank, windows.index
        seen = embedded.seen
        rows = embedded.rows[seen]
        self._one_window, self._in_context = embedded.one_window[seen], embedded.in_context[seen]
        self._which = index.start_time_s[rows], index.recording_id[rows], index.wearer_id[rows]
        place = np.full(len(embedded.rows), -1)
        place[seen] = np.arange(len(rows))
        self._place = place[np.searchsorted(embedded.rows, windows.rows)]

    def name(self, texts: Mapping[str, str], row: str) -> list[str | None]:
        """texts: what is asked -> the label that it stands for. row: ``ONE_WINDOW`` or ``CONTEXT``. Returns the labels
        (N,) of the scored windows, None where nothing of a window is there."""
        if row == ONE_WINDOW:
            found, _ = self._bank.classify(self._one_window, list(texts))
        else:
            found, _ = self._bank.classify_recording(self._in_context, list(texts), *self._which)
        return [None if place < 0 else texts[found[place]] for place in self._place]


def name_in_other_words(
    windows: ScoredWindows,
    namer: Namer,
    training_labels: Sequence[str],
    asked: WordsAsked,
    bootstrap: Bootstrap,
) -> dict:
    """Scores of one dataset named by `WORDINGS`, by `DETAILED` and among distractors, against its own words.

    Returns row (``ONE_WINDOW``, ``CONTEXT``) -> ``wordings``, ``detailed``, ``distractors``, each a `PairedScore` as a
    dictionary (``wordings`` and ``distractors`` the mean over draws, with ``sd``, ``lowest`` and ``highest`` of their
    scores), and for one window ``worst_wordings``. Raises ``EvaluationError`` for a label without wordings.
    """
    check_wordings(windows)
    labels = windows.candidates
    draws = wording_draws(labels, asked.draws, asked.seed)
    among = distractor_draws(labels, training_labels, asked.distractors, asked.distractor_draws, asked.seed)
    found = {}
    for row in (ONE_WINDOW, CONTEXT):
        own = namer.name({label: label for label in labels}, row)

        def compared(texts: Mapping[str, str], row: str = row, own: list = own) -> PairedScore:
            return paired_score(windows.dataset, windows.true, own, namer.name(texts, row), windows.subjects, bootstrap)

        found[row] = {
            "wordings": mean_of_draws([compared(texts) for texts in draws], bootstrap.level),
            "detailed": compared({DETAILED[label]: label for label in labels}).to_dict(),
            "distractors": mean_of_draws([compared(texts) for texts in among], bootstrap.level),
        }
    found[ONE_WINDOW]["worst_wordings"] = _worst_wordings(windows, namer)
    return found


def check_wordings(windows: ScoredWindows) -> None:
    """Raises ``EvaluationError`` for a label without wordings."""
    if absent := [label for label in windows.candidates if label not in WORDINGS or label not in DETAILED]:
        raise EvaluationError(
            f"{windows.dataset}: no other wordings of {', '.join(map(repr, absent))}; add them to "
            "har/evaluation/paraphrases.py, or leave the words out with --parts signals"
        )


def wording_draws(labels: Sequence[str], draws: int, seed: int) -> list[dict[str, str]]:
    """Lists of texts -> labels, each label in one of its wordings, drawn by its name and the seed alone.

    Each five draws in turn use every wording of a label once.
    """
    order = {
        label: np.concatenate(
            [
                np.random.default_rng([seed, turn, *label.encode()]).permutation(len(WORDINGS[label]))
                for turn in range(-(-draws // len(WORDINGS[label])))
            ]
        )
        for label in labels
    }
    return [{WORDINGS[label][order[label][draw]]: label for label in labels} for draw in range(draws)]


def distractor_draws(
    labels: Sequence[str], training_labels: Sequence[str], count: int, draws: int, seed: int
) -> list[dict[str, str]]:
    """The labels, and ``count`` training labels that are true of none of them and of which no two mean the same."""
    others = [
        other for other in training_labels if not any(matches(other, own) or matches(own, other) for own in labels)
    ]
    lists = []
    for draw in range(draws):
        chosen: list[str] = []
        for i in np.random.default_rng([seed, draw]).permutation(len(others)):
            if not any(matches(others[i], known) or matches(known, others[i]) for known in chosen):
                chosen.append(others[i])
        if len(chosen) < count:
            raise EvaluationError(f"only {len(chosen)} training labels differ from all labels; {count} were asked for")
        lists.append({text: text for text in (*labels, *chosen[:count])})
    return lists


def _worst_wordings(windows: ScoredWindows, namer: Namer) -> list[dict]:
    """For each label that has windows: what becomes of them when it alone is called by its worst wording."""
    labels, support = windows.candidates, Counter(windows.true)
    own = _scores(windows, namer, {label: label for label in labels})
    entries = []
    for label in labels:
        if not support[label]:
            continue
        tried = {
            wording: _scores(windows, namer, {wording if other == label else other: other for other in labels})
            for wording in WORDINGS[label]
        }
        worst = min(tried, key=lambda wording: tried[wording]["accuracy"])
        recall = {name: scores["per_class"][label]["recall"] for name, scores in (("own", own), *tried.items())}
        entries.append(
            {
                "label": label,
                "windows": support[label],
                "recall": recall.pop("own"),
                "recall_by_wording": recall,
                "wording": worst,
                "accuracy": tried[worst]["accuracy"],
                "accuracy_of_own_words": own["accuracy"],
            }
        )
    return entries


def _scores(windows: ScoredWindows, namer: Namer, texts: Mapping[str, str]) -> dict:
    named = namer.name(texts, ONE_WINDOW)
    there = [i for i, answer in enumerate(named) if answer is not None]
    return classification_scores([windows.true[i] for i in there], [named[i] for i in there], windows.candidates)
