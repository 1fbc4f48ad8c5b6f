"""Zero-shot results of one dataset: what was predicted, against what was done.

Two questions are asked of every window:

closed set
    Which of the dataset's own labels is it? The prediction is the nearest of these; only the same label is right.
open set
    Which of all training labels is it? Datasets word their activities differently, so the answer is scored through
    the synonym groups of `har.labels.groups`: it is right when ``matches(answer, truth)`` holds. For class-wise scores
    both sides become groups. The truth becomes its group; a right answer becomes the truth's group (whether it is a
    synonym, or an accepted coarser, finer or partial statement); a wrong answer becomes its own group. The averages run
    over the groups that occur in the truth. ``strict`` counts answers of the very same group alone.

A true label that no training label can match is *not reachable* in the open set: its windows
stay in and count as wrong.

Both may be asked twice: of *one window*, embedded on its own, and with its *recording context*, embedded with what the
whole unlabelled recording tells. The windows and the scores are the same.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from har.evaluation.metrics import SCORES, bootstrap_interval, classification_scores
from har.labels.groups import group_of, matches, normalise

# How a dataset's label relates to the training labels, from near to far.
SAME_PHRASE, SYNONYM, RELATED, NOT_REACHABLE = "same phrase", "synonym", "coarser or finer", "no"

ANSWERS_SHOWN = 3


@dataclass(frozen=True)
class ZeroShotResult:
    """Scores of one dataset; plain Python values throughout, so that ``to_dict`` is JSON.

    ``closed_set`` is the dictionary of `classification_scores` with ``people`` and ``intervals`` (score name -> [low,
    high], or None for a single person). ``open_set`` holds the same scores, ``strict`` with those of the narrow
    reading, ``reachable_share`` (of the windows), and ``answers``: true label -> training label -> windows.
    ``per_placement`` maps a placement to its own ``closed_set`` and ``open_set`` scores. ``per_activity`` has one
    entry a label, best F1 first. ``majority_share`` is the accuracy of always naming the most frequent label.
    ``left_out`` maps labels that were not scored to their windows. ``context`` holds ``closed_set``, ``open_set`` and
    ``per_placement`` of the predictions with recording context, None where there are none; all else is of one window.
    ``events``: what was named how ("one window", "recording context") -> `EventCounts` as a dictionary.
    ``trust``: the same -> `calibration_scores` of the closed set with ``unknown``: ``auroc``, the mean (None where no
    activity can be left out), and ``activities``, as `leave_one_activity_out` gives them.
    """

    dataset: str
    windows: int
    people: int
    labels: list[str]
    majority_share: float
    closed_set: dict
    open_set: dict
    per_placement: dict[str, dict]
    per_activity: list[dict]
    not_reachable: list[str]
    left_out: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    context: dict | None = None
    events: dict[str, dict] | None = None
    trust: dict[str, dict] | None = None

    def to_dict(self) -> dict:
        """All fields as a dictionary of plain values."""
        return asdict(self)


def score_zero_shot(
    dataset: str,
    true: Sequence[str],
    closed_set: Sequence[str],
    open_set: Sequence[str],
    subjects: Sequence[str],
    placements: Sequence[str],
    *,
    labels: Sequence[str],
    training_labels: Sequence[str],
    context: tuple[Sequence[str], Sequence[str]] | None = None,
    left_out: Mapping[str, int] | None = None,
    notes: Sequence[str] = (),
    events: Mapping[str, dict] | None = None,
    trust: Mapping[str, dict] | None = None,
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> ZeroShotResult:
    """Score the N windows of one dataset.

    ``true``, ``closed_set`` and ``open_set`` (N,) are label phrases; the second comes from ``labels`` (the dataset's
    own, those scored), the third from ``training_labels``. ``subjects`` and ``placements`` (N,) are names. ``context``
    holds closed-set and open-set predictions of the same windows with recording context. Every interval starts from
    ``default_rng(seed)``, so scores of the same windows share their draws.

    Raises ``ValueError`` for unequal lengths, no windows, or a label outside the set that it must come from.
    """
    columns = {
        "closed-set predictions": closed_set,
        "open-set predictions": open_set,
        "subjects": subjects,
        "placements": placements,
    }
    chosen = [("closed", closed_set, labels), ("open", open_set, training_labels)]
    if context is not None:
        columns |= {"closed-set predictions in context": context[0], "open-set predictions in context": context[1]}
        chosen += [("closed", context[0], labels), ("open", context[1], training_labels)]
    for name, column in columns.items():
        if len(column) != len(true):
            raise ValueError(f"{dataset}: {len(column)} {name} for {len(true)} true labels; give one a window")
    for name, column, allowed in chosen:
        if strangers := sorted(set(column) - set(allowed)):
            raise ValueError(
                f"{dataset}: {name}-set predictions {strangers[:5]} are not among the {len(allowed)} candidates; "
                "score with the labels that were chosen from"
            )
    true, closed_set, open_set = list(true), list(closed_set), list(open_set)
    subjects, placements = [str(s) for s in subjects], list(placements)

    def scores(rows: np.ndarray, closed_set: list, open_set: list) -> dict:
        part = [[column[i] for i in rows] for column in (true, closed_set, open_set, subjects)]
        return {
            "closed_set": _with_intervals(part[0], part[1], part[3], list(labels), draws, level, seed),
            "open_set": _open_set_scores(part[0], part[2], part[3], draws, level, seed),
        }

    def everywhere(closed_set: list, open_set: list) -> dict:
        placed = {
            place: _compact(scores(np.flatnonzero([p == place for p in placements]), closed_set, open_set))
            for place in sorted(set(placements))
        }
        return scores(np.arange(len(true)), closed_set, open_set) | {"per_placement": placed}

    overall = everywhere(closed_set, open_set)
    relation = {label: relation_to_training(label, training_labels) for label in labels}
    people = len(set(subjects))
    answers = {label: Counter() for label in labels}
    for truth, answer in zip(true, open_set, strict=True):
        answers[truth][answer] += 1
    overall["open_set"] |= {
        "reachable_share": sum(relation[t] != NOT_REACHABLE for t in true) / len(true),
        "answers": {label: dict(_ranked(count)) for label, count in answers.items()},
    }
    notes = list(notes)
    if people == 1:
        notes.append("One person only: no interval over people can be given.")
    return ZeroShotResult(
        dataset=dataset,
        windows=len(true),
        people=people,
        labels=list(labels),
        majority_share=max(Counter(true).values()) / len(true),
        closed_set=overall["closed_set"],
        open_set=overall["open_set"],
        per_placement=overall["per_placement"],
        per_activity=_activities(true, subjects, overall["closed_set"], answers, relation),
        not_reachable=[label for label in labels if relation[label] == NOT_REACHABLE],
        left_out=dict(left_out or {}),
        notes=notes,
        context=None if context is None else everywhere(*map(list, context)),
        events=None if events is None else dict(events),
        trust=None if trust is None else dict(trust),
    )


def relation_to_training(label: str, training_labels: Sequence[str]) -> str:
    """How near training came to ``label``: "same phrase", "synonym", "coarser or finer" (or a part of it), or "no"."""
    if normalise(label) in {normalise(t) for t in training_labels}:
        return SAME_PHRASE
    if any(matches(t, label, strict=True) for t in training_labels):
        return SYNONYM
    if any(matches(t, label) for t in training_labels):
        return RELATED
    return NOT_REACHABLE


def open_set_groups(true: Sequence[str], predicted: Sequence[str], strict: bool = False) -> tuple[list[str], list[str]]:
    """Truth and answers as synonym groups; an answer that ``matches`` its truth becomes the truth's group."""
    groups = {phrase: group_of(phrase) for phrase in {*true, *predicted}}
    pairs = list(zip(true, predicted, strict=True))
    answered = {(t, p): groups[t] if matches(p, t, strict=strict) else groups[p] for t, p in set(pairs)}
    return [groups[t] for t in true], [answered[pair] for pair in pairs]


def _open_set_scores(true: list, predicted: list, subjects: list, draws: int, level: float, seed: int) -> dict:
    truth, answers = open_set_groups(true, predicted)
    groups = sorted({*truth, *answers})
    scores = _with_intervals(truth, answers, subjects, groups, draws, level, seed)
    # Which phrase was answered says more than which group; `answers` of the result takes the matrix's place.
    scores = {key: value for key, value in scores.items() if key not in ("labels", "confusion", "outside")}
    truth, answers = open_set_groups(true, predicted, strict=True)
    strict = classification_scores(truth, answers, sorted({*truth, *answers}))
    scores["per_class"] = {group: row for group, row in scores["per_class"].items() if row["support"]}
    return scores | {"strict": {name: strict[name] for name in SCORES}}


def _with_intervals(
    true: list, predicted: list, subjects: list, labels: list, draws: int, level: float, seed: int
) -> dict:
    scores = classification_scores(true, predicted, labels)
    intervals = {}
    for name in SCORES:
        interval = bootstrap_interval(true, predicted, subjects, name, draws, level, np.random.default_rng(seed))
        intervals[name] = None if interval is None else list(interval)
    return scores | {"people": len(set(subjects)), "intervals": intervals}


def _compact(scores: dict) -> dict:
    """The scores of a placement without matrices; those of the whole dataset have them."""
    dropped = ("labels", "confusion", "outside")
    return {kind: {key: value for key, value in part.items() if key not in dropped} for kind, part in scores.items()}


def _activities(true: list, subjects: list, closed_set: dict, answers: dict, relation: dict) -> list[dict]:
    """One entry a label, sorted by F1, labels without windows last."""
    people = {label: set() for label in relation}
    for truth, subject in zip(true, subjects, strict=True):
        people[truth].add(subject)
    entries = []
    for i, label in enumerate(closed_set["labels"]):
        scores = closed_set["per_class"][label]
        row = zip(closed_set["labels"], closed_set["confusion"][i], strict=True)
        wrong = Counter({other: n for other, n in row if other != label and n})
        hits = sum(n for answer, n in answers[label].items() if matches(answer, label))
        entries.append(
            {
                "label": label,
                "windows": scores["support"],
                "people": len(people[label]),
                **{name: scores[name] for name in ("precision", "recall", "f1")},
                "confused_with": [[other, n / scores["support"]] for other, n in _ranked(wrong)[:ANSWERS_SHOWN]],
                "open_set_recall": hits / scores["support"] if scores["support"] else None,
                "open_set_answers": [
                    [answer, n / scores["support"]] for answer, n in _ranked(answers[label])[:ANSWERS_SHOWN]
                ],
                "in_training": relation[label],
            }
        )
    return sorted(entries, key=lambda entry: (entry["f1"] is None, -(entry["f1"] or 0.0), entry["label"]))


def _ranked(count: Counter) -> list[tuple[str, int]]:
    """Most frequent first, equals by name, so that nothing depends on the order of the windows."""
    return sorted(count.items(), key=lambda item: (-item[1], item[0]))
