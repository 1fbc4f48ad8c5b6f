"""Whether a signal can be what it is said to be."""

import math

from torch import Tensor

from har.signal.channels import Devices

# Rest reads 1 g; a resting median beyond this is m/s^2 or counts.
_LARGEST_MEDIAN_G = 4.0
_LARGEST_SAMPLE = 1e5


def check_rate(sampling_rate_hz: float) -> None:
    """Raises ``ValueError`` for a rate below 1 Hz or not finite."""
    if not (math.isfinite(sampling_rate_hz) and sampling_rate_hz >= 1.0):
        raise ValueError(f"sampling_rate_hz is {sampling_rate_hz}; expected at least 1 Hz (not a period in seconds)")


def check_samples(signal: Tensor, devices: Devices) -> None:
    """Refuse a signal (N, T, C) whose samples nothing worn measures, NaN aside.

    Raises ``ValueError`` that names the window or the device, what was found and what to do.
    """
    beyond = signal.abs() > _LARGEST_SAMPLE
    if beyond.any():
        row = int(beyond.flatten(1).any(1).int().argmax())
        raise ValueError(
            f"window {row} holds samples of {float(signal[row][beyond[row]].abs().max()):.3g}; nothing worn measures "
            "that in g, rad/s or uT. Mark missing samples with NaN"
        )
    for place, columns in devices:
        axes = [column for name, column in columns.items() if name.startswith("acc")]
        if axes and signal.numel():
            magnitude = signal[..., axes].square().sum(-1).sqrt().nanmedian()
            if magnitude > _LARGEST_MEDIAN_G:
                raise ValueError(
                    f"the accelerometer of {place or 'the device'} has a median magnitude of {float(magnitude):.2f}; "
                    "expected about 1 (g). "
                    "Divide m/s^2 by 9.80665"
                )
