"""Hand-made features of windows, for a reference that learns without a network.

The classic statistics of activity recognition (Bao & Intille, Pervasive 2004: mean, energy, correlation; Figo et al.,
Pers. Ubiquit. Comput. 2010, for a survey) of six signals that do not depend on how a device is mounted: the magnitude
of the accelerometer and its components along and across the window's mean gravity (Mizell, ISWC 2003; Yang, IMCE
2009), and the same three of the gyroscope. Windows of all streams are brought to one rate first, so that neither do
features depend on the device's own. What was not measured is NaN, which the trees of scikit-learn route on either side
(since 1.4): the gyroscope's features where there is none, all features along and across where gravity has no direction.

Magnetometers are left aside: which way north lies says nothing about an activity.

Shapes: N windows, T samples at the common rate, K components of a signal, F features.
"""

from collections.abc import Callable

import numpy as np
import torch

from har.signal.channels import triads
from har.signal.cutting import to_triads
from har.windows.index import WindowIndex
from har.windows.resample import resample

# The lowest rate of the public datasets: a higher one would give faster devices frequencies that slower ones lack.
RATE_HZ = 20.0
# Sway and slow gestures, steps (a walk has 1.5 to 2.5 a second, a run about 3), impacts. Resampling to 20 Hz passes all
# up to 7 Hz and 0.8 of a swing of 8 Hz; beyond, streams of another rate would differ.
BANDS_HZ = {"slow": (0.3, 1.0), "step": (1.0, 3.5), "impact": (3.5, 8.0)}

SIGNALS = ("acc_magnitude", "acc_along", "acc_across", "gyro_magnitude", "gyro_along", "gyro_across")
# Of each signal, in g or rad/s. change: mean absolute change per second. crossings: of the mean, per second.
# dominant_hz and dominant_share: the strongest frequency and its share of the variance. *_energy: variance within a
# band. periodicity: the highest peak of the autocorrelation beyond lag 0, at most 1.
STATISTICS = (
    "mean", "std", "p10", "p50", "p90", "iqr", "change", "crossings", "dominant_hz", "dominant_share",
    *(f"{band}_energy" for band in BANDS_HZ), "periodicity",
)  # fmt: skip
# Pearson correlations of two signals.
CORRELATED = (("acc_along", "acc_across"), ("acc_magnitude", "gyro_magnitude"))
FEATURE_NAMES = (
    *(f"{signal}_{statistic}" for signal in SIGNALS for statistic in STATISTICS),
    *(f"{first}_with_{second}" for first, second in CORRELATED),
)

_SMALLEST_GRAVITY_G = 0.1  # a mean acceleration below has no direction to speak of
# A signal that deviates less, in g or rad/s, is a number that was rounded: no device is that silent. It has neither a
# frequency nor crossings, which would be those of the rounding.
_SMALLEST_DEVIATION = 1e-4
_PEAK_HALF_WIDTH_HZ = 0.4  # half a main lobe of a Hann taper of five seconds: all of a pure tone
_PERIODS_S = (0.25, 2.5)  # from hurried steps to slow repetitions of an exercise
_ROWS_READ = 2048  # windows in memory at once, at the device's own rate


def window_features(
    index: WindowIndex,
    rows: np.ndarray,
    progress: Callable[[int], object] = lambda windows: None,
    rate_hz: float = RATE_HZ,
) -> np.ndarray:
    """(N, F) float32 features of windows of any streams of an index, in the order of ``rows``; NaN = not measured.

    Columns are ``FEATURE_NAMES``. Missing samples, such as the tail of a short segment, are in no statistic. progress:
    called with the number of windows just read. rate_hz: of all windows before anything is computed.

    Raises ``ValueError`` for a rate that cannot hold ``BANDS_HZ``, and for a stream with neither an accelerometer nor a
    gyroscope.
    """
    highest_hz = max(high for _, high in BANDS_HZ.values())
    if not (np.isfinite(rate_hz) and rate_hz >= 2 * highest_hz):
        raise ValueError(f"rate_hz is {rate_hz}; features up to {highest_hz} Hz need at least {2 * highest_hz} Hz")
    length = max(1, round(index.window_s * rate_hz))
    features = np.full((len(rows), len(FEATURE_NAMES)), np.nan, dtype=np.float32)
    for stream_id in np.unique(index.stream_id[rows]):
        stream = index.streams[stream_id]
        info = stream.info
        sensors = [(kind, columns) for kind, columns in triads(info.channels) if kind in ("acc", "gyro")]
        if not sensors:
            raise ValueError(
                f"{stream.dataset}/{info.name} has channels {list(info.channels)}; features need an accelerometer or a "
                "gyroscope"
            )
        at = np.flatnonzero(index.stream_id[rows] == stream_id)
        for part in np.array_split(at, -(-len(at) // _ROWS_READ)):
            samples = index.read(rows[part])
            measured = {}
            for kind, columns in sensors:
                signal, valid = resample(*to_triads(samples, columns), info.sampling_rate_hz, rate_hz, length)
                measured[kind] = signal.to(torch.float64).numpy(), valid.numpy()
            features[part] = _features(measured, len(part), rate_hz, info.gravity == "present")
            progress(len(part))
    return features


def _features(
    measured: dict[str, tuple[np.ndarray, np.ndarray]], windows: int, rate_hz: float, has_gravity: bool
) -> np.ndarray:
    """(N, F) of N windows; measured: sensor kind -> signal (N, 3, T), zero where missing, and what is there (N, T)."""
    up, upright = np.zeros((windows, 3)), np.zeros(windows, dtype=bool)
    if "acc" in measured and has_gravity:
        signal, valid = measured["acc"]
        gravity = _mean(signal, valid[:, None])
        length = np.linalg.norm(gravity, axis=1)
        upright = length > _SMALLEST_GRAVITY_G
        up = gravity / np.maximum(length, _SMALLEST_GRAVITY_G)[:, None]

    blocks = {name: np.full((windows, len(STATISTICS)), np.nan) for name in SIGNALS}
    # One missing sample stands for as many as the other signal has.
    nothing = np.zeros((windows, 1)), np.zeros((windows, 1), dtype=bool)
    values = dict.fromkeys(SIGNALS, nothing)
    for kind, (signal, valid) in measured.items():
        there = valid.any(axis=1)
        along = np.einsum("nkt,nk->nt", signal, up)
        across = signal - along[:, None] * up[:, :, None]
        # The size of a vector goes up and down twice in a swing to and fro, so frequencies are those of its components.
        for name, components, known in (
            ("magnitude", np.linalg.norm(signal, axis=1)[:, None], there),
            ("along", along[:, None], there & upright),
            ("across", across, there & upright),
        ):
            size = components[:, 0] if components.shape[1] == 1 else np.linalg.norm(components, axis=1)
            values[f"{kind}_{name}"] = size, valid & known[:, None]
            statistics = _statistics(size, components, valid, rate_hz)
            blocks[f"{kind}_{name}"] = np.where(known[:, None], statistics, np.nan)
    correlations = [_correlation(*values[first], *values[second]) for first, second in CORRELATED]
    return np.column_stack([*blocks.values(), *correlations]).astype(np.float32)


def _statistics(size: np.ndarray, components: np.ndarray, valid: np.ndarray, rate_hz: float) -> np.ndarray:
    """(N, statistics) of a signal: its ``size`` (N, T) in time and its ``components`` (N, K, T) in frequency."""
    mean = _mean(size, valid)
    centred = np.where(valid, size - mean[:, None], 0.0)
    deviation = np.sqrt(_mean(centred**2, valid))
    p10, p25, p50, p75, p90 = _percentiles(size, valid, (10, 25, 50, 75, 90)).T
    pairs = valid[:, 1:] & valid[:, :-1]
    change = _mean(np.abs(np.diff(size, axis=1)), pairs) * rate_hz
    above = centred > 0
    crossings = _mean((above[:, 1:] != above[:, :-1]).astype(float), pairs) * rate_hz
    found = {
        "mean": mean, "std": deviation, "p10": p10, "p50": p50, "p90": p90, "iqr": p75 - p25, "change": change,
        "crossings": np.where(deviation > _SMALLEST_DEVIATION, crossings, 0.0),
        **_frequencies(components, valid, rate_hz),
    }  # fmt: skip
    return np.stack([found[name] for name in STATISTICS], axis=1)


def _frequencies(components: np.ndarray, valid: np.ndarray, rate_hz: float) -> dict[str, np.ndarray]:
    """Spectral statistics (N,) of a signal (N, K, T), from the spectrum and autocorrelation summed over components."""
    count = valid.sum(axis=1)
    mean = _mean(components, valid[:, None])
    centred = np.where(valid[:, None], components - mean[:, :, None], 0.0)
    variance = _mean((centred**2).sum(axis=1), valid)
    still = variance <= _SMALLEST_DEVIATION**2

    # Long enough for lags that do not wrap around, and for a frequency between two waves that fit the window.
    length = 2 ** int(np.ceil(np.log2(2 * valid.shape[1])))
    frequency = np.fft.rfftfreq(length, 1 / rate_hz)
    # A Hann taper as long as what is there of each window: without one, a slow drift leaks into all bands.
    place = np.cumsum(valid, axis=1) - 0.5
    taper = np.where(valid, np.sin(np.pi * place / np.maximum(count, 1)[:, None]) ** 2, 0.0)
    power = (np.abs(np.fft.rfft(centred * taper[:, None], length)) ** 2).sum(axis=1)
    power /= np.maximum(power.sum(axis=1, keepdims=True), np.finfo(float).tiny)

    lowest_hz = min(low for low, _ in BANDS_HZ.values())
    highest_hz = max(high for _, high in BANDS_HZ.values())
    moving = (frequency >= lowest_hz) & (frequency <= highest_hz)
    dominant_hz = frequency[np.where(moving, power, -1.0).argmax(axis=1)]
    near = np.abs(frequency - dominant_hz[:, None]) <= _PEAK_HALF_WIDTH_HZ
    found = {"dominant_hz": dominant_hz, "dominant_share": (power * near).sum(axis=1)}
    for band, (low, high) in BANDS_HZ.items():
        found[f"{band}_energy"] = variance * power[:, (frequency >= low) & (frequency < high)].sum(axis=1)
    found["periodicity"] = _periodicity(centred, valid, variance, length, rate_hz)
    return {name: np.where(still, 0.0, value) for name, value in found.items()}


def _periodicity(
    centred: np.ndarray, valid: np.ndarray, variance: np.ndarray, length: int, rate_hz: float
) -> np.ndarray:
    """(N,) highest local maximum of the autocorrelation at a lag within ``_PERIODS_S``, in [0, 1]; 0 without one.

    Each lag is averaged over the pairs of samples that are there, at least half of the window's.
    """
    shift = np.arange(valid.shape[1])
    spectrum = (np.abs(np.fft.rfft(centred, length)) ** 2).sum(axis=1)
    product = np.fft.irfft(spectrum, length)[:, shift]
    pairs = np.fft.irfft(np.abs(np.fft.rfft(valid.astype(float), length)) ** 2, length)[:, shift].round()
    correlation = product / np.maximum(pairs, 1) / np.maximum(variance, np.finfo(float).tiny)[:, None]
    peak = np.zeros(valid.shape, dtype=bool)
    peak[:, 1:-1] = (correlation[:, 1:-1] > correlation[:, :-2]) & (correlation[:, 1:-1] >= correlation[:, 2:])
    peak &= (shift / rate_hz >= _PERIODS_S[0]) & (shift / rate_hz <= _PERIODS_S[1])
    peak &= pairs >= valid.sum(axis=1, keepdims=True) / 2
    return np.clip(np.where(peak, correlation, 0.0).max(axis=1), 0.0, 1.0)


def _mean(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Mean of what is there along the last axis, 0 where nothing is."""
    return np.where(valid, values, 0.0).sum(axis=-1) / np.maximum(valid.sum(axis=-1), 1)


def _percentiles(values: np.ndarray, valid: np.ndarray, percent: tuple[int, ...]) -> np.ndarray:
    """(N, len(percent)) percentiles of what is there, linear between two samples as ``numpy.percentile``'s."""
    ordered = np.sort(np.where(valid, values, np.inf), axis=1)
    last = np.maximum(valid.sum(axis=1) - 1, 0)[:, None]
    position = last * np.asarray(percent) / 100
    below = np.floor(position).astype(int)
    low = np.take_along_axis(ordered, below, axis=1)
    high = np.take_along_axis(ordered, np.minimum(below + 1, last), axis=1)
    # Nothing there: infinity everywhere, which must not meet itself in a difference.
    low, high = (np.where(np.isfinite(side), side, 0.0) for side in (low, high))
    return low + (high - low) * (position - below)


def _correlation(
    first: np.ndarray, first_valid: np.ndarray, second: np.ndarray, second_valid: np.ndarray
) -> np.ndarray:
    """(N,) Pearson correlation of two signals (N, T) where both are there; 0 where one is still, NaN without any."""
    valid = first_valid & second_valid
    first, second = (np.where(valid, s - _mean(s, valid)[:, None], 0.0) for s in (first, second))
    deviations = [np.sqrt(_mean(s**2, valid)) for s in (first, second)]
    moving = np.minimum(*deviations) > _SMALLEST_DEVIATION
    product = np.where(moving, deviations[0] * deviations[1], 1.0)
    found = np.where(moving, _mean(first * second, valid) / product, 0.0)
    return np.where(valid.any(axis=1), found, np.nan)
