"""How long a live answer takes: rows of half a second in, a name out, with minutes of past."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import numpy as np
import torch

from har.network.loading import load_label_bank, load_model
from har.recognition.live import LiveRecogniser
from har.recognition.vocabulary import EVERYDAY_LABELS

STEP_S = 0.5
_RENEWING = 20  # answers while the past is looked at again
_QUANTILES = {"median": 0.5, "95 in 100": 0.95, "longest": 1.0}
_STEPS_HZ, _JITTER_S = 1.8, 2e-3


def live_figures(
    checkpoint: str,
    phones: int,
    rate_hz: float,
    past_s: float,
    answers: int,
    progress: Callable[[Iterable[int]], Iterable[int]] = lambda rounds: rounds,
) -> dict[str, Any]:
    """Milliseconds of ``add`` and ``answer`` on one thread, of one phone and of several one after the other.

    past_s: what each has measured before. answers: of each that are timed. A round is an answer of each phone; while it
    takes less than half a second, none of them falls behind. CPU time is what remains of a time on a machine where
    nothing else runs. Besides, of one phone: other labels, by which its past is read again, and another placement,
    under which it is looked at again beside the answers that follow.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model, held, path = load_model(checkpoint, "cpu")
        bank = load_label_bank(held, "cpu", path)
        # A step is complete with the row after it: so each part completes one.
        ends_s = past_s + STEP_S * (0.5 + np.arange(answers + _RENEWING + 1))
        time_s, samples = walked(rate_hz, ends_s[-1])
        rows = [slice(*pair) for pair in np.searchsorted(time_s, np.stack([ends_s[:-1], ends_s[1:]], axis=1))]
        figures: dict[str, Any] = {}
        for count in dict.fromkeys((1, phones)):
            lives = [LiveRecogniser(EVERYDAY_LABELS, model, bank, placement="trouser pocket") for _ in range(count)]
            for live in lives:
                live.add(time_s[: rows[0].start], samples[: rows[0].start])
                live.answer()
            spent, computed = _answered(lives, time_s, samples, rows[:answers], progress)
            of = phones_of(count)
            figures |= spread(f"{of}, an answer", spent) | spread(f"{of}, an answer, CPU time", computed, ["median"])
            if count > 1:
                figures |= spread(f"{of}, a round", spent.sum(axis=1), ["median", "longest"])
        began = time.perf_counter()
        lives[0].set_labels(EVERYDAY_LABELS[1:])
        figures["other labels, ms"] = 1000 * (time.perf_counter() - began)
        lives[0].set_placement("left wrist")
        spent, _ = _answered(lives[:1], time_s, samples, rows[answers:])
        return figures | spread("another placement, an answer", spent, ["median"])
    finally:
        torch.set_num_threads(threads)


def phones_of(count: int) -> str:
    """So many phones, as rows name them."""
    return "one phone" if count == 1 else f"{count} phones"


def spread(of: str, times_ms: np.ndarray, quantiles: Collection[str] = tuple(_QUANTILES)) -> dict[str, float]:
    """A row for each of the quantiles of times, named after what they are of."""
    return {f"{of}, {name}, ms": float(np.quantile(times_ms, _QUANTILES[name])) for name in quantiles}


def _answered(
    lives: Sequence[LiveRecogniser],
    time_s: np.ndarray,
    samples: np.ndarray,
    rows: Sequence[slice],
    progress: Callable[[Iterable[int]], Iterable[int]] = lambda rounds: rounds,
) -> tuple[np.ndarray, np.ndarray]:
    """Milliseconds and those of CPU time, (rounds, phones) each, of the rows of each round."""
    spent, computed = np.zeros((2, len(rows), len(lives)))
    for number in progress(range(len(rows))):
        for place, live in enumerate(lives):
            began, busy = time.perf_counter(), time.thread_time()
            live.add(time_s[rows[number]], samples[rows[number]])
            live.answer()
            spent[number, place] = 1000 * (time.perf_counter() - began)
            computed[number, place] = 1000 * (time.thread_time() - busy)
    return spent, computed


def walked(rate_hz: float, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """A phone in the pocket of somebody who walks and stands in turn, by uneven stamps: (n,) s, (n, 6)."""
    random = np.random.default_rng(0)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    swing = 0.3 * (time_s % 120 < 60)
    samples = 0.02 * random.standard_normal((len(time_s), 6))
    samples[:, 1] += 1 + swing * np.cos(2 * np.pi * _STEPS_HZ * time_s)
    samples[:, 2] += 0.5 * swing * np.sin(2 * np.pi * _STEPS_HZ * time_s)
    samples[:, 3] += 2 * swing * np.sin(np.pi * _STEPS_HZ * time_s)
    return time_s + random.uniform(-_JITTER_S, _JITTER_S, len(time_s)), samples.astype(np.float32)
