"""Fits how far a network's probabilities are to be believed, on datasets that it has not seen.

What is reported of a dataset is found by a calibration that was fitted to the others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from har.evaluation.calibration import calibration_scores
from har.evaluation.rejection import known_auroc
from har.evaluation.report import ALONE, IN_CONTEXT, markdown_table, percent
from har.network.loading import load_label_bank, load_model
from har.network.release import calibratable, store_calibration
from har.protocol.evidence import Answered, Evidence, LeftOut, embed_windows, gather
from har.protocol.request import Console, EvaluationError, EvaluationRequest, open_datasets
from har.protocol.scoring import choose_windows
from har.protocol.zero_shot import ZeroShotRequest, training_facts, window_lengths
from har.run.device import compute_device
from har.run.folder import write_atomically, write_json
from har.text.calibration import UNCALIBRATED, UNKNOWN_BELOW, Calibration, tempered

CALIBRATION_NAME, TABLE_NAME = "calibration.json", "calibration.md"
SHOWN = ("accuracy", "ece", "ece_equal_mass", "nll", "brier", "aurc")


@dataclass(frozen=True)
class Fit:
    """How a calibration is fitted.

    lists: shorter lists of a dataset's labels that count, all together, as much as its whole list. most_windows: of a
    list that take part, drawn. known_lost: share of the known windows that may be called unknown, on the mean over
    datasets. penalty: on the squares of the coefficients of standardised features. seed: of what is drawn.
    """

    lists: int
    most_windows: int
    known_lost: float
    penalty: float
    seed: int


def fit_calibration(asked: EvaluationRequest, fit: Fit, store: bool, console: Console) -> None:
    """Fit to the datasets asked for, and write what was found, and what it is worth, to ``asked.out``.

    store: into the checkpoint itself as well. Raises ``EvaluationError`` for fewer than two datasets and for some that
    were trained on, and as `load_model`.
    """
    device = compute_device(asked.device, "--device")
    if store:
        calibratable(asked.checkpoint)
    model, checkpoint, record = load_model(asked.checkpoint, device)
    if len(asked.datasets) < 2:
        raise EvaluationError("one dataset tells nothing of others; give at least two that were not trained on")
    trained_on, _ = training_facts(checkpoint, asked.checkpoint)
    datasets = open_datasets(asked.datasets, asked.data, trained_on)
    bank = load_label_bank(checkpoint, device, record)
    window = window_lengths(ZeroShotRequest(**vars(asked)), checkpoint)
    evidence = {}
    for dataset in datasets:
        embedded = embed_windows(choose_windows(dataset, *window, asked.falls), model, console, IN_CONTEXT)
        rng = np.random.default_rng([fit.seed, *dataset.name.encode()])
        evidence[dataset.name] = gather(embedded, bank, fit.lists, rng)
    found = fitted(list(evidence.values()), fit)
    scores = {
        name: scores_of(evidence[name], fitted([of for other, of in evidence.items() if other != name], fit))
        for name in evidence
    }
    asked.out.mkdir(parents=True, exist_ok=True)
    settings = {"checkpoint": str(asked.checkpoint), "datasets": list(evidence), **vars(fit)}
    write_json(asked.out / CALIBRATION_NAME, {"settings": settings, "calibration": found.to_dict(), "datasets": scores})
    write_atomically(asked.out / TABLE_NAME, render_scores(scores, found))
    if store:
        store_calibration(asked.checkpoint, found)
        console.tell(f"Stored in {asked.checkpoint}")
    console.tell(f"Calibration and what it is worth: {asked.out.resolve()} (start with {TABLE_NAME})")


# --- The fit ---------------------------------------------------------------------------------------------------------


def fitted(evidence: Sequence[Evidence], fit: Fit) -> Calibration:
    """The calibration that datasets agree on, each with the same weight."""
    return Calibration(
        window=fitted_power([of.window for of in evidence], no_features, fit)[0],
        context=fitted_power([of.context for of in evidence], context_features, fit),
        known_window=fitted_known([of.window_left_out for of in evidence], fit),
        known_context=fitted_known([of.context_left_out for of in evidence], fit),
    )


def no_features(answered: Answered) -> np.ndarray:
    """(n, 0): `Calibration.window_sharpness` depends on nothing."""
    return np.zeros((len(answered.truth), 0))


def context_features(answered: Answered) -> np.ndarray:
    """(n, 2): what `Calibration.context_sharpness` depends on."""
    return np.column_stack([answered.agreement, np.log1p(answered.lasting)])


def fitted_power(
    datasets: Sequence[Sequence[Answered]], features_of: Callable[[Answered], np.ndarray], fit: Fit
) -> tuple[float, ...]:
    """Coefficients, the constant first, of the logarithm of the power under which truths are likeliest.

    Each dataset is a sequence of lists of labels, the whole one first, which weighs as much as all others together.
    """
    parts = []
    rng = np.random.default_rng(fit.seed)
    for lists in datasets:
        for number, answered in enumerate(lists):
            rows = rng.permutation(len(answered.truth))[: fit.most_windows]
            share = 1.0 if len(lists) == 1 else 0.5 if number == 0 else 0.5 / (len(lists) - 1)
            log_p = answered.log_p[rows]
            weight = np.full(len(rows), share / len(rows) / len(datasets))
            parts.append((log_p, answered.truth[rows], features_of(answered)[rows], weight))
    features = np.concatenate([part[2] for part in parts])
    weights = np.concatenate([part[3] for part in parts])
    mean = weights @ features
    spread = np.sqrt(weights @ (features - mean) ** 2)
    spread[spread < 1e-9] = 1.0  # a feature that is the same everywhere takes part in nothing
    parts = [(log_p, truth, (x - mean) / spread, weight) for log_p, truth, x, weight in parts]

    def loss(coefficients: np.ndarray) -> tuple[float, np.ndarray]:
        total, gradient = fit.penalty * (coefficients[1:] ** 2).sum(), np.zeros(len(coefficients))
        gradient[1:] = 2 * fit.penalty * coefficients[1:]
        for log_p, truth, x, weight in parts:
            power = np.exp(np.clip(coefficients[0] + x @ coefficients[1:], -8.0, 3.0))
            scaled, own = power[:, None] * log_p, np.arange(len(truth))
            norm = np.logaddexp.reduce(scaled, axis=1)
            total += weight @ (norm - scaled[own, truth])
            expected = (np.exp(scaled - norm[:, None]) * log_p).sum(axis=1)
            slope = weight * power * (expected - log_p[own, truth])
            gradient += np.concatenate([[slope.sum()], slope @ x])
        return total, gradient

    found = _minimised(loss, 1 + features.shape[1])
    slopes = found[1:] / spread
    return (float(found[0] - slopes @ mean), *map(float, slopes))


def fitted_known(datasets: Sequence[Sequence[LeftOut]], fit: Fit) -> tuple[float, float]:
    """Constant and slope of the log odds that a window is known, from its margin.

    The slope is that of a logistic regression in which known and unknown windows weigh the same, and so do datasets.
    With the constant the odds are even where `Fit.known_lost` of the known windows fall below, on the mean over
    datasets: nobody knows how much a user does that is not asked about.
    """
    datasets = [cases for cases in datasets if cases]
    if not datasets:
        return UNCALIBRATED.known_window
    parts, known = [], []
    rng = np.random.default_rng(fit.seed)
    for cases in datasets:
        known.append(np.concatenate([case.margin[case.known] for case in cases]))
        for case in cases:
            for which in (True, False):
                margin = rng.permutation(case.margin[case.known == which])[: fit.most_windows]
                weight = 0.5 / len(margin) / len(cases) / len(datasets)
                parts.append((margin, np.full(len(margin), float(which)), np.full(len(margin), weight)))
    margin, truth, weight = (np.concatenate(column) for column in zip(*parts, strict=True))

    def loss(coefficients: np.ndarray) -> tuple[float, np.ndarray]:
        odds = coefficients[0] + coefficients[1] * margin
        error = weight * (0.5 * (1 + np.tanh(0.5 * odds)) - truth)
        return weight @ (np.logaddexp(0, odds) - truth * odds), np.array([error.sum(), error @ margin])

    slope = max(0.0, float(_minimised(loss, 2)[1]))
    return -slope * threshold(known, fit.known_lost), slope


def threshold(datasets: Sequence[np.ndarray], share: float) -> float:
    """The value below which this share lies, on the mean over datasets (n,)."""
    low, high = min(map(np.min, datasets)), max(map(np.max, datasets))
    for _ in range(60):  # halvings: to the last bit
        middle = (low + high) / 2
        below = np.mean([(values < middle).mean() for values in datasets])
        low, high = (middle, high) if below < share else (low, middle)
    return float(low)


def _minimised(loss: Callable[[np.ndarray], tuple[float, np.ndarray]], count: int) -> np.ndarray:
    # Takes a second to import, which no other evaluation should wait for.
    from scipy.optimize import minimize

    found = minimize(loss, np.zeros(count), jac=True, method="L-BFGS-B")
    if not np.isfinite(found.x).all():
        raise EvaluationError(f"the calibration does not converge ({found.message})")
    return found.x


# --- What it is worth ------------------------------------------------------------------------------------------------


def scores_of(evidence: Evidence, calibration: Calibration) -> dict:
    """``one window`` and ``recording context`` -> ``before`` and ``after`` (`calibration_scores`, accuracy), and
    ``unknown``: activities, auroc of the largest probability and of the margin, share of known and of left-out windows
    called unknown (None where no activity can be left out)."""
    sharpness = {
        ALONE: lambda answered: calibration.window_sharpness,
        IN_CONTEXT: lambda answered: calibration.context_sharpness(answered.agreement, answered.lasting),
    }
    named = {ALONE: evidence.window[0], IN_CONTEXT: evidence.context[0]}
    left_out = {ALONE: evidence.window_left_out, IN_CONTEXT: evidence.context_left_out}
    found = {}
    for how, answered in named.items():
        p = np.exp(answered.log_p)
        accuracy = {"accuracy": float((p.argmax(axis=1) == answered.truth).mean())}
        after = tempered(p, sharpness[how](answered))
        found[how] = {
            "before": accuracy | calibration_scores(p, answered.truth),
            "after": accuracy | calibration_scores(after, answered.truth),
            "unknown": _unknown_scores(left_out[how], calibration, how == IN_CONTEXT),
        }
    return found


def _unknown_scores(cases: Sequence[LeftOut], calibration: Calibration, in_context: bool) -> dict | None:
    if not cases:
        return None
    called = [calibration.known(case.margin, in_context) < UNKNOWN_BELOW for case in cases]
    return {
        "activities": len(cases),
        "auroc_largest": float(np.mean([known_auroc(case.known, case.largest) for case in cases])),
        "auroc": float(np.mean([known_auroc(case.known, case.margin) for case in cases])),
        "known_called_unknown": float(np.mean([c[case.known].mean() for c, case in zip(called, cases, strict=True)])),
        "left_out_called_unknown": float(
            np.mean([c[~case.known].mean() for c, case in zip(called, cases, strict=True)])
        ),
    }


HOW_TO_READ = """\
Of each dataset by a calibration that was fitted to the others; before -> after. Percent but for NLL (nats), Brier (0 to
2) and AUROC. *Equal mass*: bins of as many windows each. *AURC*: mean share wrong among the surest windows, over all
shares of them. *Unknown*: each activity is left out of the labels in turn; AUROC of the largest probability -> of how
well the nearest label fits beside the nearest other activity, and what is called unknown."""


def render_scores(scores: Mapping[str, Mapping], calibration: Calibration) -> str:
    """The text of ``calibration.md``."""
    parts = ["# Calibration", HOW_TO_READ]
    for how in (ALONE, IN_CONTEXT):
        parts += [f"## {how[0].upper()}{how[1:]}", _probabilities_table(scores, how), _unknown_table(scores, how)]
    lines = "\n".join(f"- {name}: {value}" for name, value in calibration.to_dict().items())
    return "\n\n".join([*parts, "## Fitted to all of them", lines]) + "\n"


def _probabilities_table(scores: Mapping[str, Mapping], how: str) -> str:
    def row(name: str, pairs: Sequence[tuple[dict, dict]]) -> list[str]:
        mean = {key: [np.mean([pair[i][key] for pair in pairs]) for i in (0, 1)] for key in SHOWN}
        cells = [f"{percent(mean[key][0])} -> {percent(mean[key][1])}" for key in ("ece", "ece_equal_mass")]
        cells += [f"{mean[key][0]:.3f} -> {mean[key][1]:.3f}" for key in ("nll", "brier")]
        return [name, percent(mean["accuracy"][0]), *cells, f"{percent(mean['aurc'][0])} -> {percent(mean['aurc'][1])}"]

    pairs = {name: (of[how]["before"], of[how]["after"]) for name, of in scores.items()}
    rows = [row(name, [pair]) for name, pair in pairs.items()] + [row("*mean*", list(pairs.values()))]
    return markdown_table(["dataset", "accuracy", "ECE", "ECE, equal mass", "NLL", "Brier", "AURC"], rows)


def _unknown_table(scores: Mapping[str, Mapping], how: str) -> str:
    found = {name: of[how]["unknown"] for name, of in scores.items() if of[how]["unknown"]}
    if not found:
        return "No activity can be left out."

    def row(name: str, which: Sequence[dict]) -> list[str]:
        mean = {key: float(np.mean([of[key] for of in which])) for key in which[0]}
        called = [percent(mean[key]) for key in ("known_called_unknown", "left_out_called_unknown")]
        count = str(sum(of["activities"] for of in which))
        return [name, count, f"{mean['auroc_largest']:.3f} -> {mean['auroc']:.3f}", *called]

    rows = [row(name, [of]) for name, of in found.items()] + [row("*mean*", list(found.values()))]
    head = ["dataset", "activities left out", "AUROC", "known called unknown", "left out called unknown"]
    return markdown_table(head, rows)
