"""A few labelled windows of a new dataset: what they add to the words of its labels.

The network is frozen. In each draw people are divided into two halves; k windows a class of the one half, the support,
are given their labels, and the windows of the other half, the query, are named. Windows are described by the network's
features, which its embedding is computed from, less their mean over the support and of unit norm (SimpleShot: Wang et
al., arXiv 1911.04623). Three classifiers estimate the probability of each class from the support:

ridge
    Ridge regression of the support to one-hot targets with an unpenalised intercept, closed form. Its predictions
    sum to 1 over the classes; they may leave [0, 1].
prototype
    Softmax of the cosines with the normalised mean of each class's support (prototypical networks: Snell, Swersky &
    Zemel, NeurIPS 2017, eq. 1 and 2; unit-norm prototypes and a scale as in Gidaris & Komodakis, CVPR 2018).
nearest
    Softmax of the cosines with the nearest support window of each class.

The softmaxes have the scale (1 / temperature) that training gave the label texts. Each classifier also comes blended
with the label text, as few-shot adapters of CLIP add the zero-shot prediction (Tip-Adapter: Zhang et al., ECCV 2022):

    score = m / (m + k) * softmax(zero-shot logits) + k / (m + k) * probabilities of the support            (1)

The text counts as m support windows, and fades as k grows by the rule of the MAP adaptation of means with relevance
factor m (Reynolds, Quatieri & Dunn, Digital Signal Processing 2000, eq. 14). Probabilities rather than logits are
blended: where the text cannot decide, its softmax is flat and leaves the decision to the support. k = 0 is the
zero-shot prediction itself. What a whole recording tells of each of its windows may follow, for every k alike.

Shapes: N windows, S support, Q query, L classes, P people, D feature width.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from scipy.special import softmax

from har.evaluation.metrics import classification_scores

RIDGE, PROTOTYPE, NEAREST = "ridge", "prototype", "nearest"
CLASSIFIERS = (RIDGE, PROTOTYPE, NEAREST)
ZERO_SHOT = ("zero-shot", True, 0)
SCORES = ("macro_f1", "accuracy")

# Chosen on selfback and spsw_har by models that never saw them; penalties from 0.02 to 0.1 change the mean of seven
# datasets by half a point at most.
TEXT_WINDOWS = 2.0  # m: labelled windows a class that the label text counts as
RIDGE_PENALTY = 0.05  # on unit-norm features: a direction needs a twentieth of one window's energy to count

# Least probability of a class before windows are named in view of their recording: a regression knows no
# probabilities, and a few windows no certainty.
LEAST_PROBABILITY = 0.05

# Divisions of people tried in a draw before the one that serves most classes is taken. The first serves all where
# most people show most classes.
_TRIES = 50


# --- Drawing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FewShotDraw:
    """One draw: whose windows are learned from, in which order they get their labels, and which windows are named.

    ``support_order`` maps each class that is scored to the rows of all its windows of support people, in the order of
    the draw. ``query`` holds the rows of the windows of these classes by all other people.
    """

    support_order: dict[str, np.ndarray]
    query: np.ndarray

    @property
    def labels(self) -> list[str]:
        """The classes of this draw: those learned from, those scored and those chosen from."""
        return list(self.support_order)

    def support(self, shots: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows (S,) of the first ``shots`` windows a class (all where there are fewer), and their classes (S,).

        More shots include the windows of fewer shots, so that a curve over k follows one growing support. Classes are
        places in ``labels``. Raises ``ValueError`` for fewer than one shot.
        """
        if shots < 1:
            raise ValueError(f"a support of {shots} windows a class; expected at least 1 (0 is the zero-shot row)")
        parts = [rows[:shots] for rows in self.support_order.values()]
        return np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(part) for part in parts])


def divide_people(shows_LP: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """(P,) bool, True for the half of the people that becomes the support: ``P // 2`` of them, chosen at random.

    shows_LP: bool, whether class l has windows of person p. Stratified: class by class, from the one that the fewest
    people show (equals in random order), a random person of it goes to each side that has none yet; the others fill
    the halves. Rare classes may so make the support a little larger than a half. A class cannot be served when its
    people were all needed on one side for rarer classes, and never when a single person shows it.
    """
    order = generator.permutation(shows_LP.shape[1])
    support, query = np.zeros((2, shows_LP.shape[1]), dtype=bool)
    shuffled_LP = generator.permutation(shows_LP)
    for shown_P in shuffled_LP[np.argsort(shuffled_LP.sum(axis=1), kind="stable")]:
        shown = order[shown_P[order]]
        if len(shown) < 2:
            continue
        for side in (support, query):
            free = shown[~(support | query)[shown]]
            if not side[shown].any() and len(free):
                side[free[0]] = True
    free = order[~(support | query)[order]]
    support[free[: max(0, shows_LP.shape[1] // 2 - support.sum())]] = True
    return support


def draw_windows(
    labels: Sequence[str], subjects: Sequence[str], window_ids: Sequence[str], draw: int, seed: int = 0
) -> FewShotDraw:
    """Support and query number ``draw`` of the N windows: a pure function of the windows, ``seed`` and ``draw``.

    ``labels`` and ``subjects`` (N,) are names; ``window_ids`` (N,) tell windows apart, whatever their order: the same
    windows in another order give the same draw. Windows of a class are drawn uniformly out of those of all support
    people. Of some tens of divisions of the people (`divide_people`) the first is taken that gives every class which
    two or more people show a person on both sides, or else the one that serves most classes; only the classes served
    are in the draw.

    Raises ``ValueError`` for unequal lengths, repeated ids, fewer than two people, and when fewer than two classes are
    served.
    """
    for name, column in (("subjects", subjects), ("window ids", window_ids)):
        if len(column) != len(labels):
            raise ValueError(f"{len(column)} {name} for {len(labels)} labels; give one a window")
    ids, canonical = np.unique(np.asarray(window_ids, dtype=str), return_index=True)
    if len(ids) != len(window_ids):
        (twice, times), *_ = Counter(map(str, window_ids)).most_common(1)
        raise ValueError(f"window id {twice!r} stands for {times} windows; give each window an id of its own")
    people, person = np.unique(np.asarray(subjects, dtype=str), return_inverse=True)
    if len(people) < 2:
        raise ValueError(
            f"{len(labels)} windows of {len(people)} person(s); support and query need different people, at least two"
        )
    classes, class_of = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    shows_LP = np.zeros((len(classes), len(people)), dtype=bool)
    shows_LP[class_of, person] = True

    generator = np.random.default_rng((seed, draw))
    drawn_order = canonical[generator.permutation(len(ids))]
    support_P, served_L = _best_division(shows_LP, generator)
    if served_L.sum() < 2:
        raise ValueError(
            f"{served_L.sum()} of {len(classes)} classes ({', '.join(classes)}) are shown by people on both sides; "
            "telling classes apart needs two that two or more people show"
        )
    learned = drawn_order[support_P[person[drawn_order]]]
    named = canonical[~support_P[person[canonical]]]
    return FewShotDraw(
        {str(classes[i]): learned[class_of[learned] == i] for i in np.flatnonzero(served_L)},
        named[served_L[class_of[named]]],
    )


def _best_division(shows_LP: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """People of the support (P,) and the classes served (L,), both bool."""
    possible = (shows_LP.sum(axis=1) > 1).sum()
    best = None
    for _ in range(_TRIES):
        support_P = divide_people(shows_LP, generator)
        served_L = shows_LP[:, support_P].any(axis=1) & shows_LP[:, ~support_P].any(axis=1)
        if best is None or served_L.sum() > best[1].sum():
            best = support_P, served_L
        if served_L.sum() == possible:
            break
    return best


# --- Classifiers -----------------------------------------------------------------------------------------------------


def ridge_probabilities(
    support_SD: np.ndarray, class_S: np.ndarray, query_QD: np.ndarray, classes: int, penalty: float
) -> np.ndarray:
    """(Q, L) predictions of a ridge regression from the features to one-hot classes.

    Minimises sum_s |y_s - b - W' x_s|^2 + penalty |W|^2 over W (D, L) and b (L,): with centred X and Y,
    W = (X'X + penalty I)^-1 X'Y (Hoerl & Kennard, Technometrics 1970). Raises ``ValueError`` unless penalty > 0.
    """
    if not penalty > 0:
        raise ValueError(f"ridge penalty {penalty}; expected a positive one: few windows leave the weights open")
    target_SL = np.eye(classes)[class_S]
    centre_D, share_L = support_SD.mean(axis=0), target_SL.mean(axis=0)
    centred_SD = support_SD - centre_D
    gram_DD = centred_SD.T @ centred_SD + penalty * np.eye(support_SD.shape[1])
    weights_DL = np.linalg.solve(gram_DD, centred_SD.T @ (target_SL - share_L))
    return share_L + (query_QD - centre_D) @ weights_DL


def prototype_cosines(support_SD: np.ndarray, class_S: np.ndarray, query_QD: np.ndarray, classes: int) -> np.ndarray:
    """(Q, L) cosines of unit-norm windows with the normalised mean of each class's support."""
    total_LD = np.zeros((classes, support_SD.shape[1]))
    np.add.at(total_LD, class_S, support_SD)
    # Opposite windows may cancel; a class without a direction is as far from everything as an unrelated one.
    return query_QD @ _directions(total_LD).T


def nearest_cosines(support_SD: np.ndarray, class_S: np.ndarray, query_QD: np.ndarray, classes: int) -> np.ndarray:
    """(Q, L) cosines of unit-norm windows with the nearest support window of each class; every class needs one."""
    cosine_QS = query_QD @ support_SD.T
    return np.stack([cosine_QS[:, class_S == i].max(axis=1) for i in range(classes)], axis=1)


def centred(support_SD: np.ndarray, query_QD: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Support and query less the mean of the support, of unit norm; the mean itself becomes zero."""
    mean_D = support_SD.mean(axis=0)
    return _directions(support_SD - mean_D), _directions(query_QD - mean_D)


def _directions(rows_ND: np.ndarray) -> np.ndarray:
    """Rows of unit norm; those of zeros stay zeros."""
    norm_N1 = np.linalg.norm(rows_ND, axis=1, keepdims=True)
    return np.divide(rows_ND, norm_N1, out=np.zeros_like(rows_ND), where=norm_N1 > 0)


def class_probabilities(
    support_SD: np.ndarray,
    class_S: np.ndarray,
    query_QD: np.ndarray,
    classes: int,
    *,
    logit_scale: float,
    ridge_penalty: float,
) -> dict[str, np.ndarray]:
    """Classifier -> (Q, L) its probabilities of the classes 0 ... L-1, each of which ``class_S`` (S,) holds."""
    problem = support_SD, class_S, query_QD, classes
    return {
        RIDGE: ridge_probabilities(*problem, ridge_penalty),
        PROTOTYPE: softmax(logit_scale * prototype_cosines(*problem), axis=1),
        NEAREST: softmax(logit_scale * nearest_cosines(*problem), axis=1),
    }


def blend(text_QL: np.ndarray, support_QL: np.ndarray, shots: int, text_windows: float) -> np.ndarray:
    """Scores (Q, L) by equation (1) of this file, from the probabilities of the text and of the support.

    text_windows is m; 0 leaves the support alone, to the bit, and no shots leave the text alone. Raises ``ValueError``
    when both are 0 or one is negative.
    """
    if shots < 0 or text_windows < 0 or shots + text_windows == 0:
        raise ValueError(f"{shots} shots and a text of {text_windows} windows; expected a positive sum of two counts")
    weight = text_windows / (text_windows + shots)
    return weight * text_QL + (1 - weight) * support_QL


# --- Scores ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FewShotProtocol:
    """How few-shot scores are taken; ``ValueError`` for values that make no sense.

    shots: numbers k of support windows a class; 0 is always scored besides. draws: of people and windows.
    text_windows: m of equation (1). ridge_penalty: see `ridge_probabilities`. seed: of the draws.
    """

    shots: tuple[int, ...]
    draws: int
    text_windows: float
    ridge_penalty: float
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.shots or list(self.shots) != sorted(set(self.shots)) or self.shots[0] < 1:
            raise ValueError(f"shots {list(self.shots)}; expected growing numbers from 1 on (0 is always scored)")
        if self.draws < 1:
            raise ValueError(f"{self.draws} draws; expected at least 1, usually 20")
        if not self.text_windows > 0:
            raise ValueError(f"a text of {self.text_windows} windows; expected a positive number")


@dataclass(frozen=True)
class FewShotResult:
    """Scores of one dataset over all draws; plain Python values throughout, so that ``to_dict`` is JSON.

    ``zero_shot`` and every entry of ``rows`` hold ``macro_f1`` and ``accuracy``, each with ``mean``, ``sd`` (over
    draws; None for a single one) and ``draws``, the list of values. Entries of ``rows`` say ``classifier``, ``text``
    (blended with the label text or not) and ``shots``, and hold ``gain``: macro-F1 less that of k = 0 in the same draw.
    ``fewer`` lists classes that had less than k windows: shots, label, fewest windows, draws. ``left_out`` maps labels
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
) -> FewShotResult:
    """Score the N windows of one dataset at every number of shots, over the draws of ``protocol``.

    features: (N, D), normalised here. text_logits: (N, L) similarity with the text of each of the candidates
    ``labels`` (L), times ``logit_scale``; the largest is the zero-shot prediction. ``true``, ``subjects`` and
    ``window_ids`` (N,) as in `draw_windows`. Candidates, support and query of a draw hold the same classes; labels
    that no draw can score are left out and noted. Every number of shots, zero included, is scored on the same query.
    ``progress`` is called with 1 after each draw. ``in_context`` makes of rows (Q,) of the N and their probabilities
    (Q, L) those in view of the recordings that hold them; None leaves each window by itself.

    Raises ``ValueError`` for shapes and labels that do not fit, features without a direction, logits that are not
    finite, and as `draw_windows` and `ridge_probabilities`.
    """
    true = [str(t) for t in true]
    unit_ND, text_NL = _check_arrays(dataset, features, text_logits, true, labels)
    column = {label: i for i, label in enumerate(labels)}
    available: dict[str, list[int]] = {}  # support windows of each class, in the draws that score it
    scored: list[dict] = []
    for number in range(protocol.draws):
        try:
            draw = draw_windows(true, subjects, window_ids, number, protocol.seed)
        except ValueError as error:
            raise ValueError(f"{dataset}: {error}") from error
        text_QL = text_NL[np.ix_(draw.query, [column[label] for label in draw.labels])]
        truth = [true[i] for i in draw.query]
        scored.append(_score_draw(draw, unit_ND, softmax(text_QL, axis=1), truth, logit_scale, protocol, in_context))
        for label, rows in draw.support_order.items():
            available.setdefault(label, []).append(len(rows))
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
        notes=[*notes, *_draw_notes(dropped, available, protocol.draws)],
    )


def _score_draw(
    draw: FewShotDraw,
    unit_ND: np.ndarray,
    text_QL: np.ndarray,
    truth: list[str],
    logit_scale: float,
    protocol: FewShotProtocol,
    in_context: Callable[[np.ndarray, np.ndarray], np.ndarray] | None,
) -> dict[tuple, dict[str, float]]:
    """(classifier, with text, shots) -> scores of one draw; ``ZERO_SHOT`` is the key of k = 0."""

    def named(found_QL: np.ndarray) -> dict[str, float]:
        if in_context is not None:
            found_QL = in_context(draw.query, np.maximum(found_QL, LEAST_PROBABILITY))
        return _scores(truth, found_QL, draw.labels)

    zero_shot_QL = text_QL if in_context is None else in_context(draw.query, text_QL)
    scores = {ZERO_SHOT: _scores(truth, zero_shot_QL, draw.labels)}
    for shots in protocol.shots:
        rows, class_S = draw.support(shots)
        support_SD, query_QD = centred(unit_ND[rows], unit_ND[draw.query])
        found = class_probabilities(
            support_SD,
            class_S,
            query_QD,
            len(draw.labels),
            logit_scale=logit_scale,
            ridge_penalty=protocol.ridge_penalty,
        )
        for classifier, support_QL in found.items():
            scores[classifier, True, shots] = named(blend(text_QL, support_QL, shots, protocol.text_windows))
            scores[classifier, False, shots] = named(support_QL)
    return scores


def _scores(truth: list[str], scores_QL: np.ndarray, labels: list[str]) -> dict[str, float]:
    scores = classification_scores(truth, [labels[i] for i in scores_QL.argmax(axis=1)], labels)
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


def _draw_notes(dropped: Mapping[str, int], available: Mapping[str, list[int]], draws: int) -> list[str]:
    notes = []
    if dropped:
        notes.append(
            "In no draw, because one person alone shows them or their people are needed on one side for other labels: "
            f"{'; '.join(sorted(dropped))}."
        )
    if rare := {label: len(counts) for label, counts in sorted(available.items()) if len(counts) < draws}:
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


# --- Report ----------------------------------------------------------------------------------------------------------

HOW_TO_READ = """\
Percentages, mean ± standard deviation over {draws} draws. Each draw divides the people into two halves: *k* windows a
class of the one half are labelled, all windows of the other half are named out of the dataset's own labels. Every
column is scored on the same windows; *k* = 0 is the zero-shot prediction. *With text*: blended with the label text,
whose weight is that of {text_windows:g} labelled windows a class. The deviation is that of choosing other people and
windows of the same dataset; draws share people, so it is no confidence interval of the mean."""

TABLES = {
    "macro_f1": "Macro-F1",
    "accuracy": "Accuracy",
    "gain": "Gain in macro-F1 over k = 0 in the same draw",
}


def render_few_shot_report(
    results: Sequence[FewShotResult], settings: Mapping, figures: Mapping[str, Sequence[str]] | None = None
) -> str:
    """The text of ``report.md``: settings, then each dataset's notes, tables and figures.

    ``settings`` holds plain values, what was evaluated and how (``shots``, ``draws``, ``text_windows``, ...); all are
    written down, a key that ends in ``_s`` as seconds. ``figures`` maps a dataset to image paths relative to the
    report.
    Raises ``ValueError`` when there are no results.
    """
    if not results:
        raise ValueError("no results to report; score at least one dataset")
    parts = ["# A few labelled windows", "\n".join(f"- {_setting(*item)}" for item in settings.items())]
    parts.append(HOW_TO_READ.format(draws=settings["draws"], text_windows=settings["text_windows"]))
    for result in results:
        parts.append(f"## {result.dataset}")
        parts.append("\n".join(f"- {remark}" for remark in _remarks(result)))
        for name, title in TABLES.items():
            parts += [f"### {title}", _score_table(result, settings["shots"], name)]
        # Angle brackets keep a path with spaces one path.
        parts += [f"![few-shot curves](<{path}>)" for path in (figures or {}).get(result.dataset, ())]
    return "\n\n".join(parts) + "\n"


def _setting(key: str, value: object) -> str:
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value)) or "none"
    return f"{key.removesuffix('_s').replace('_', ' ')}: {value}{' s' if key.endswith('_s') else ''}"


def _remarks(result: FewShotResult) -> list[str]:
    labels = "; ".join(result.labels)
    remarks = [f"{result.windows} windows of {result.people} people; {len(result.labels)} labels: {labels}."]
    remarks += result.notes
    if result.left_out:
        listed = "; ".join(f"{label or 'unlabelled'} ({n})" for label, n in result.left_out.items())
        remarks.append(f"Left out, {sum(result.left_out.values())} windows: {listed}.")
    for shots in sorted({entry["shots"] for entry in result.fewer}):
        listed = "; ".join(
            f"{entry['label']} (down to {entry['fewest']}, {entry['draws']} draws)"
            for entry in result.fewer
            if entry["shots"] == shots
        )
        remarks.append(f"Fewer than {shots} windows in the support, all were taken: {listed}.")
    return remarks


def _score_table(result: FewShotResult, shots: Sequence[int], name: str) -> str:
    """One row a classifier with and without text, one column a number of shots; k = 0 has no gain over itself."""
    found = {(row["classifier"], row["text"], row["shots"]): row[name] for row in result.rows}
    zero = [result.zero_shot[name]] if name in result.zero_shot else []
    head = ["classifier", *["*k* = 0" for _ in zero], *[f"*k* = {k}" for k in shots]]
    lines = [head, ["---"] * len(head)]
    for classifier in CLASSIFIERS:
        for text in (True, False):
            start = [_mean_and_sd(summary) if text else "-" for summary in zero]
            cells = [_mean_and_sd(found[classifier, text, k]) for k in shots]
            lines.append([f"{classifier}, with text" if text else classifier, *start, *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _mean_and_sd(summary: Mapping) -> str:
    sd = "" if summary["sd"] is None else f" ± {100 * summary['sd']:.1f}"
    return f"{100 * summary['mean']:.1f}{sd}"
