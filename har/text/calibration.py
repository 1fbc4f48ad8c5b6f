"""How far probabilities of labels are to be believed: few numbers, fitted on datasets that a network has not seen.

Shapes: N windows, L labels.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

UNKNOWN = "unknown"
# A window is called unknown where it is likelier than not that none of the labels is meant.
UNKNOWN_BELOW = 0.5
_LOG_SHARPNESS = (-4.0, 1.0)  # bounds: a power of a fiftieth, at which nothing is known any more, to 2.7
_SMALLEST = 1e-30


@dataclass(frozen=True)
class Calibration:
    """Powers to which probabilities are raised (1 / temperature; Guo et al., ICML 2017), and the odds of being known.

    window: the logarithm of the power for a window by itself, whatever it is asked about: nothing that was tried tells
    windows of a dataset that is named badly from those of one that is named well (docs/experiments/trust.md).

    context: (a, b, c), of a window named in view of its recording: the logarithm is a + b A + c log(1 + D / d). A is
    the share of the wearer's windows that get the same answer without the others; D the seconds that an activity lasts
    there, d those from window to window: the chain over time takes windows as independent evidence, and they are not.

    known_window, known_context: (a, b), the logarithm of the odds that one of the labels is meant is a + b m. m is how
    much better the nearest label fits than the nearest other activity (``har.text.naming.known_margin``), in context
    averaged over neighbours.

    A power changes no answer: of two labels the likelier one stays it. Raises ``ValueError`` for another number of
    coefficients, some that are not finite, and evidence that would speak against itself (b < 0 of the odds).
    """

    window: float
    context: tuple[float, float, float]
    known_window: tuple[float, float]
    known_context: tuple[float, float]

    def __post_init__(self) -> None:
        if not _is_number(self.window):
            raise ValueError(f"calibration: window is {self.window!r}; expected a finite number")
        object.__setattr__(self, "window", float(self.window))
        for name, count in (("context", 3), ("known_window", 2), ("known_context", 2)):
            given = getattr(self, name)
            if not isinstance(given, tuple | list) or len(given) != count or not all(map(_is_number, given)):
                raise ValueError(f"calibration: {name} is {given!r}; expected {count} finite numbers")
            object.__setattr__(self, name, tuple(float(value) for value in given))
        if self.known_window[1] < 0 or self.known_context[1] < 0:
            raise ValueError(f"calibration: the better a label fits, the less it would be known ({self})")

    @property
    def window_sharpness(self) -> float:
        """Power for a window by itself."""
        return math.exp(_clipped(self.window))

    def context_sharpness(self, agreement: np.ndarray, lasting: np.ndarray) -> np.ndarray:
        """Power (N,) in context, from A and D / d of the class' description (N,)."""
        a, b, c = self.context
        return np.exp(_clipped(a + b * np.asarray(agreement) + c * np.log1p(lasting)))

    def known(self, margin: np.ndarray, in_context: bool) -> np.ndarray:
        """Probability (N,) that one of the labels is meant, from the margin m (N,)."""
        a, b = self.known_context if in_context else self.known_window
        with np.errstate(invalid="ignore"):
            odds = np.where(np.isinf(margin), margin, a + b * np.asarray(margin))
        return 0.5 * (1 + np.tanh(0.5 * odds))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for a checkpoint or JSON."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> "Calibration":
        """The inverse of `to_dict`; raises ``ValueError`` for what is none."""
        expected = {field.name for field in fields(cls)}
        if not isinstance(given, Mapping) or set(given) != expected:
            raise ValueError(f"calibration {given!r}; expected {', '.join(sorted(expected))}")
        return cls(**given)


def tempered(probabilities: np.ndarray, sharpness: float | np.ndarray) -> np.ndarray:
    """Probabilities (N, L) to the power of a sharpness (one, or (N,)), each row with the sum 1 again."""
    power = np.broadcast_to(np.asarray(sharpness, dtype=np.float64), len(probabilities))[:, None]
    if (power == 1).all():
        return probabilities
    log = power * np.log(np.maximum(probabilities, _SMALLEST))
    found = np.exp(log - log.max(axis=1, keepdims=True, initial=-np.inf))
    return found / found.sum(axis=1, keepdims=True)


def with_unknown(probabilities: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(N, L + 1): probabilities (N, L) where one of the labels is meant, and last that none is; known (N,)."""
    return np.concatenate([known[:, None] * probabilities, 1 - known[:, None]], axis=1)


def _clipped(log_sharpness: Any) -> Any:
    return np.clip(log_sharpness, *_LOG_SHARPNESS)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


# Of a network that nothing was fitted for: probabilities as they come, unknown where the nearest other activity is
# twenty times as likely as the nearest label.
UNCALIBRATED = Calibration(0.0, (0.0, 0.0, 0.0), (math.log(19), 1.0), (math.log(19), 1.0))

# What training writes into its checkpoints: fitted on nine datasets that the released model has not seen
# (docs/experiments/trust.md). `fit_calibration.py` fits it to any other checkpoint.
STANDARD = Calibration(-0.669, (-1.902, 1.589, -0.156), (0.981, 0.2565), (1.222, 0.3857))
