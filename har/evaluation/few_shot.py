"""A few labelled windows of a new dataset: what they add to the words of its labels.

The network is frozen. In each draw some windows of a dataset, k a class, are given their labels, and others are named
(har/evaluation/few_shot_draws.py), by classifiers on the network's features with the label text and without
(har/evaluation/few_shot_classifiers.py). k = 0 is the zero-shot prediction itself. What a whole recording tells of each
of its windows may follow, for every k alike.

Shapes: N windows, S support, Q query, L classes, D feature width.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from scipy.special import softmax

from har.evaluation.few_shot_classifiers import (
    CLASSIFIERS,
    GAUSSIAN_PROCESS,
    KERNEL_WIDTH,
    NEAREST,
    NOISE,
    NOISE_OF_OTHERS,
    PRIOR_WINDOWS,
    PROTOTYPE,
    RIDGE,
    RIDGE_PENALTY,
    TEXT_WINDOWS,
    blend,
    centred,
    class_probabilities,
    faded_text,
    gaussian_process,
    nearest_cosines,
    prototype_cosines,
    ridge_probabilities,
)
from har.evaluation.few_shot_draws import SHARED, WEARER, FewShotDraw, divide_people, draw_windows
from har.evaluation.few_shot_report import render_few_shot_report
from har.evaluation.metrics import classification_scores

__all__ = [
    "CLASSIFIERS", "GAUSSIAN_PROCESS", "NEAREST", "PROTOTYPE", "RIDGE", "RIDGE_PENALTY", "SCORES", "TEXT_WINDOWS",
    "ZERO_SHOT", "FewShotDraw", "FewShotProtocol", "FewShotResult", "blend", "centred", "class_probabilities",
    "divide_people", "draw_windows", "nearest_cosines", "prototype_cosines", "render_few_shot_report",
    "ridge_probabilities", "score_few_shot",
]  # fmt: skip

ZERO_SHOT = ("zero-shot", True, 0)
SCORES = ("macro_f1", "accuracy")

# Least probability of a class before windows are named in view of their recording: a regression knows no
# probabilities, and a few windows no certainty.
LEAST_PROBABILITY = 0.05

# One draw: what is learned from and named together, by the name of the part (of a placement or a wearer).
Draws = Callable[[int], Mapping[str, FewShotDraw]]


@dataclass(frozen=True)
class FewShotProtocol:
    """How few-shot scores are taken; ``ValueError`` for values that make no sense.

    shots: numbers k of support windows a class; 0 is always scored besides. draws: of people and windows.
    text_windows: m of `blend`. ridge_penalty: see `ridge_probabilities`. seed: of the draws. kernel_width,
    prior_windows: of `gaussian_process` and `faded_text`. noise, noise_of_others: of windows of the wearer who is
    named, and of other people.
    """

    shots: tuple[int, ...]
    draws: int
    text_windows: float
    ridge_penalty: float
    seed: int = 0
    kernel_width: float = KERNEL_WIDTH
    noise: float = NOISE
    noise_of_others: float = NOISE_OF_OTHERS
    prior_windows: float = PRIOR_WINDOWS

    def __post_init__(self) -> None:
        if not self.shots or list(self.shots) != sorted(set(self.shots)) or self.shots[0] < 1:
            raise ValueError(f"shots {list(self.shots)}; expected growing numbers from 1 on (0 is always scored)")
        if self.draws < 1:
            raise ValueError(f"{self.draws} draws; expected at least 1, usually 20")
        if not self.text_windows > 0:
            raise ValueError(f"a text of {self.text_windows} windows; expected a positive number")
        if not self.prior_windows > 0:
            raise ValueError(f"a prior of {self.prior_windows} windows; expected a positive number")


@dataclass(frozen=True)
class FewShotResult:
    """Scores of a dataset under one protocol over all draws; plain Python values throughout: ``to_dict`` is JSON.

    ``zero_shot`` and every entry of ``rows`` hold ``macro_f1`` and ``accuracy``, each with ``mean``, ``sd`` (over
    draws; None for a single one) and ``draws``, the list of values. Entries of ``rows`` say ``classifier``, ``text``
    (blended with the label text or not) and ``shots``, and hold ``gain``: macro-F1 less that of k = 0 in the same draw.
    ``fewer`` lists classes that had less than k windows: shots, label, fewest windows, draws (of a placement or a
    wearer each for itself). ``left_out`` maps labels
    that were in no draw to their windows. ``windows``, ``people`` and ``labels`` are those of the scored classes.
    """

    dataset: str
    windows: int
    people: int
    labels: list[str]
    zero_shot: dict
    rows: list[dict]
    fewer: list[dict]
    left_out: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    protocol: str = SHARED

    def to_dict(self) -> dict:
        """All fields as a dictionary of plain values."""
        return asdict(self)


def score_few_shot(
    dataset: str,
    features: np.ndarray,
    text_logits: np.ndarray,
    logit_scale: float,
    true: Sequence[str],
    subjects: Sequence[str],
    window_ids: Sequence[str],
    *,
    labels: Sequence[str],
    protocol: FewShotProtocol,
    left_out: Mapping[str, int] | None = None,
    notes: Sequence[str] = (),
    progress: Callable[[int], object] = lambda draws: None,
    in_context: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
    calibrated: Callable[[np.ndarray], np.ndarray] | None = None,
    draws: Draws | None = None,
    name: str = SHARED,
) -> FewShotResult:
    """Score the N windows of one dataset at every number of shots, over the draws of ``protocol``.

    features: (N, D), normalised here. text_logits: (N, L) similarity with the text of each of the candidates
    ``labels`` (L), times ``logit_scale``; the largest is the zero-shot prediction. ``true``, ``subjects`` and
    ``window_ids`` (N,) as in `draw_windows`. Candidates, support and query of each part of a draw hold the same
    classes; labels that no draw can score are left out and noted. Every number of shots, zero included, is scored on
    the same query. ``progress`` is called with 1 after each draw. ``in_context`` makes of rows (Q,) of the N and their
    probabilities (Q, L) those in view of the recordings that hold them; None leaves each window by itself.
    ``calibrated`` makes of the text's probabilities (N, L) of all windows those that the Gaussian process starts from.
    ``draws`` gives the parts of a draw by its number, and ``name`` says of which protocol; by default those of
    `draw_windows`. `WEARER` means that windows are named by those of the same person. Parts are learned and named each
    for itself and scored together.

    Raises ``ValueError`` for shapes and labels that do not fit, features without a direction, logits that are not
    finite, and as ``draws``, `ridge_probabilities` and `gaussian_process`.
    """
    true = [str(t) for t in true]
    windows = _Windows(*_check_arrays(dataset, features, text_logits, true, labels), true, list(labels), logit_scale)
    if draws is None:

        def draws(number: int) -> Mapping[str, FewShotDraw]:
            return {"": draw_windows(true, subjects, window_ids, number, protocol.seed)}

    available: dict[str, list[int]] = {}  # support windows of each class, in the supports that have any
    drawn: dict[str, int] = {}  # draws that score a class
    noise = protocol.noise if name == WEARER else protocol.noise_of_others
    scored: list[dict] = []
    for number in range(protocol.draws):
        try:
            parts = list(draws(number).values())
        except ValueError as error:
            raise type(error)(f"{dataset}: {error}") from error
        scored.append(_score_draw(parts, windows, protocol, in_context, calibrated, noise))
        for part in parts:
            for label, rows in part.support_order.items():
                available.setdefault(label, []).append(len(rows))
        for label in {label for part in parts for label in part.labels}:
            drawn[label] = drawn.get(label, 0) + 1
        progress(1)
    used = [i for i, label in enumerate(true) if label in available]
    dropped = Counter(label for label in true if label not in available)
    return FewShotResult(
        dataset=dataset,
        windows=len(used),
        people=len({str(subjects[i]) for i in used}),
        labels=[label for label in labels if label in available],
        zero_shot={name: _summary([scores[ZERO_SHOT][name] for scores in scored]) for name in SCORES},
        rows=[
            {"classifier": classifier, "text": text, "shots": shots}
            | {name: _summary([scores[classifier, text, shots][name] for scores in scored]) for name in SCORES}
            | {"gain": _summary([s[classifier, text, shots]["macro_f1"] - s[ZERO_SHOT]["macro_f1"] for s in scored])}
            for classifier in CLASSIFIERS
            for text in (True, False)
            for shots in protocol.shots
        ],
        fewer=_fewer(available, protocol.shots),
        left_out=dict(sorted({**(left_out or {}), **dropped}.items())),
        notes=[*notes, *_draw_notes(dropped, drawn, protocol.draws)],
        protocol=name,
    )


@dataclass(frozen=True)
class _Windows:
    """All windows of a dataset: unit-norm features (N, D), text logits (N, L), true labels, and the L candidates."""

    unit_ND: np.ndarray
    text_NL: np.ndarray
    true: list[str]
    labels: list[str]
    logit_scale: float


def _score_draw(
    parts: Sequence[FewShotDraw],
    windows: _Windows,
    protocol: FewShotProtocol,
    in_context: Callable[[np.ndarray, np.ndarray], np.ndarray] | None,
    calibrated: Callable[[np.ndarray], np.ndarray] | None,
    noise: float,
) -> dict[tuple, dict[str, float]]:
    """(classifier, with text, shots) -> scores of one draw, its parts together; ``ZERO_SHOT`` is the key of k = 0."""
    answers: dict[tuple, list[str]] = {}
    for part in parts:
        for key, found_QL in _part_probabilities(part, windows, protocol, calibrated, noise):
            if in_context is not None:
                floor = 0.0 if key == ZERO_SHOT else LEAST_PROBABILITY
                found_QL = in_context(part.query, np.maximum(found_QL, floor))
            answers.setdefault(key, []).extend(part.labels[i] for i in found_QL.argmax(axis=1))
    truth = [windows.true[i] for part in parts for i in part.query]
    labels = list(dict.fromkeys(label for part in parts for label in part.labels))
    return {key: _scores(truth, answer, labels) for key, answer in answers.items()}


def _part_probabilities(
    part: FewShotDraw,
    windows: _Windows,
    protocol: FewShotProtocol,
    calibrated: Callable[[np.ndarray], np.ndarray] | None,
    noise: float,
) -> Iterator[tuple[tuple, np.ndarray]]:
    """Keys of `_score_draw` and the probabilities (Q, L) of one part's query."""
    unit_ND, count = windows.unit_ND, len(part.labels)
    text_NL = softmax(windows.text_NL[:, [windows.labels.index(label) for label in part.labels]], axis=1)
    text_QL = text_NL[part.query]
    prior_NL = text_NL if calibrated is None else calibrated(text_NL)
    yield ZERO_SHOT, text_QL
    for shots in protocol.shots:
        rows, class_S = part.support(shots)
        for text in (True, False):
            prior_SL, prior_QL = (
                faded_text(prior_NL[which], shots, protocol.prior_windows)
                if text
                else np.full((len(which), count), 1 / count)
                for which in (rows, part.query)
            )
            found = gaussian_process(
                unit_ND[rows], class_S, prior_SL, unit_ND[part.query], prior_QL,
                width=protocol.kernel_width, noise=noise,
            )  # fmt: skip
            yield (GAUSSIAN_PROCESS, text, shots), found
        support_SD, query_QD = centred(unit_ND[rows], unit_ND[part.query])
        alone = class_probabilities(
            support_SD,
            class_S,
            query_QD,
            count,
            logit_scale=windows.logit_scale,
            ridge_penalty=protocol.ridge_penalty,
        )
        for classifier, support_QL in alone.items():
            yield (classifier, True, shots), blend(text_QL, support_QL, shots, protocol.text_windows)
            yield (classifier, False, shots), support_QL


def _scores(truth: list[str], answers: list[str], labels: list[str]) -> dict[str, float]:
    scores = classification_scores(truth, answers, labels)
    return {name: scores[name] for name in SCORES}


def _summary(values: list[float]) -> dict:
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "sd": sd, "draws": values}


def _fewer(available: Mapping[str, list[int]], shots: Sequence[int]) -> list[dict]:
    return [
        {"shots": k, "label": label, "fewest": min(counts), "draws": sum(n < k for n in counts)}
        for k in shots
        for label, counts in sorted(available.items())
        if min(counts) < k
    ]


def _draw_notes(dropped: Mapping[str, int], drawn: Mapping[str, int], draws: int) -> list[str]:
    notes = []
    if dropped:
        notes.append(
            "In no draw, because one person alone shows them, their people are needed on one side for other labels, or "
            f"a half of them is missing: {'; '.join(sorted(dropped))}."
        )
    if rare := {label: count for label, count in sorted(drawn.items()) if count < draws}:
        listed = "; ".join(f"{label} ({n})" for label, n in rare.items())
        notes.append(f"In fewer than {draws} draws, because in the others their people were all on one side: {listed}.")
    return notes


def _check_arrays(
    dataset: str, features: np.ndarray, text_logits: np.ndarray, true: Sequence[str], labels: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Unit-norm features (N, D) and logits (N, L), both float64."""
    features = np.asarray(features, dtype=np.float64)
    text = np.asarray(text_logits, dtype=np.float64)
    if features.ndim != 2 or len(features) != len(true) or text.shape != (len(true), len(labels)):
        raise ValueError(
            f"{dataset}: features {features.shape} and text logits {text.shape} for {len(true)} windows and "
            f"{len(labels)} labels; expected (N, D) and (N, L)"
        )
    if strangers := sorted(set(true) - set(labels)):
        raise ValueError(f"{dataset}: true labels {strangers[:5]} are not among the {len(labels)} candidates; add them")
    norm = np.linalg.norm(features, axis=1, keepdims=True)
    bad = ~(np.isfinite(norm[:, 0]) & (norm[:, 0] > 0) & np.isfinite(text).all(axis=1))
    if bad.any():
        raise ValueError(
            f"{dataset}: {bad.sum()} windows, the first in row {bad.argmax()}, have features without a direction "
            "or a text logit that is not finite; leave them out"
        )
    return features / norm, text
