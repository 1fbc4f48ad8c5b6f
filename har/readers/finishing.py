"""What is done to every recording, whatever it was read from: placement, gravity, plausibility, calibration."""

from dataclasses import replace

import numpy as np

from har.readers.calibration import apply, fit, still_periods
from har.readers.options import Options
from har.readers.recording import Device, ReaderError, Recording
from har.readers.units import weigh
from har.signal.plausibility import LEAST_WEIGHT_G, examine

_WINDOW_S, _MOST_WINDOWS = 5.0, 400  # looked at for plausibility, evenly spread
_MANY_PIECES, _SHORT_S = 20, 2.0  # of a recording whose clock is not that of its samples
_STEADY_G, _STEADY_SHARES = (0.8, 1.25), (0.05, 0.95)  # of magnitudes: gravity that turns, and little else
_LEAST_CALIBRATED_S = 3600.0  # a shorter recording has no stillness in all directions


def finish(recording: Recording, options: Options, measured: bool = False) -> Recording:
    """measured: by a device that stores what its accelerometer measures, which is never without gravity.

    Raises ``ReaderError`` for samples that cannot be what the file says they are.
    """
    notes = list(recording.notes)
    devices = _placed(recording.devices, options, notes)
    finished = []
    for device in devices:
        whose = f" of the device at the {device.placement}" if len(devices) > 1 and device.placement else ""
        windows = some_windows(device)
        weight = weigh(windows[..., :3].reshape(-1, 3), device.sampling_rate_hz).known
        light = weight is not None and weight < LEAST_WEIGHT_G
        if light and not measured and not _is_steady(windows):
            device = replace(device, gravity="removed")
            notes.append(
                f"the acceleration{whose} is without gravity: its mean over a second is {weight:.2g} g. Postures "
                "cannot be told apart by it; record the accelerometer with gravity if the app can"
            )
        parsed = [(device.placement, {name: column for column, name in enumerate(device.channels)})]
        findings = examine(windows, parsed, device.sampling_rate_hz, device.gravity)
        if certain := [finding.text for finding in findings if finding.certain]:
            raise ReaderError(f"{recording.source}: {'; besides, '.join(certain)}")
        notes += [f"to be doubted: {finding.text}" for finding in findings]
        lengths = [len(piece.samples) / device.sampling_rate_hz for piece in device.pieces]
        if len(lengths) > _MANY_PIECES and np.median(lengths) < _SHORT_S:
            notes.append(
                f"to be doubted: the recording{whose} falls into {len(lengths):,} pieces of {np.median(lengths):.2g} s "
                "(median). If its stamps are of when rows were written, give rate_hz"
            )
        if options.calibrate and device.gravity == "included":
            _calibrate(device, whose, notes)
        finished.append(device)
    return replace(recording, devices=tuple(finished), notes=tuple(notes))


def _is_steady(windows: np.ndarray) -> bool:
    """Whether the magnitude stays about 1 g, however its direction turns within a second."""
    magnitudes = np.linalg.norm(windows[..., :3], axis=-1)
    low, high = np.nanquantile(magnitudes, _STEADY_SHARES)
    return _STEADY_G[0] < low and high < _STEADY_G[1]


def some_windows(device: Device) -> np.ndarray:
    """(N, T, C) windows of five seconds, evenly spread over all pieces; shorter ones are filled up with NaN."""
    length = max(2, round(_WINDOW_S * device.sampling_rate_hz))
    counts = [max(1, len(piece.samples) // length) for piece in device.pieces]
    borders = np.concatenate([[0], np.cumsum(counts)])
    chosen = np.unique(np.linspace(0, borders[-1] - 1, min(borders[-1], _MOST_WINDOWS)).astype(int))
    windows = np.full((len(chosen), length, len(device.channels)), np.nan, np.float32)
    for row, window in enumerate(chosen.tolist()):
        at = int(np.searchsorted(borders, window, side="right")) - 1
        first = (window - int(borders[at])) * length
        part = device.pieces[at].samples[first : first + length]
        windows[row, : len(part)] = part
    return windows


def _placed(devices: tuple[Device, ...], options: Options, notes: list[str]) -> tuple[Device, ...]:
    if options.placement is None:
        return devices
    open_places = [k for k, device in enumerate(devices) if device.placement is None]
    if len(devices) == 1:
        at = 0
    elif len(open_places) == 1:
        at = open_places[0]
    else:
        places = ", ".join(repr(device.placement) for device in devices)
        raise ReaderError(
            f"placement is {options.placement!r}, and the recording has {len(devices)} devices ({places}); "
            "expected one whose place is not known. Leave placement out"
        )
    known = devices[at].placement
    if known and known != options.placement:
        notes.append(f"worn at the {options.placement}, as told; the file says {known}")
    return tuple(replace(d, placement=options.placement) if k == at else d for k, d in enumerate(devices))


def _calibrate(device: Device, whose: str, notes: list[str]) -> None:
    if device.stop_s - device.start_s < _LEAST_CALIBRATED_S:
        return
    found = fit(still_periods(device.pieces, device.sampling_rate_hz))
    if isinstance(found, str):
        notes.append(f"the accelerometer{whose} is not calibrated: {found}")
        return
    apply(found, device.pieces)
    notes.append(
        f"the accelerometer{whose} is calibrated to 1 g by {found.periods} still periods (van Hees et al. 2014): mean "
        f"distance {found.error_before_g:.4f} g before, {found.error_after_g:.4f} g after; scales "
        f"{found.scale.round(4).tolist()}, offsets {found.offset.round(4).tolist()} g"
    )
