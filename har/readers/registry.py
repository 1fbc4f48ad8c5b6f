"""All formats, and how the one of a file is found: by what is in it, the most particular format first."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from har.readers import actigraph, any_csv, axivity, empatica, geneactiv, phyphox, sensor_logger
from har.readers.finishing import finish
from har.readers.options import parse_options
from har.readers.recording import ReaderError, Recording
from har.readers.source import Source

_FORMATS: tuple[ModuleType, ...] = (axivity, geneactiv, actigraph, empatica, sensor_logger, phyphox, any_csv)
_MEASURED = (axivity, geneactiv, actigraph, empatica)  # what an accelerometer measures, never without gravity
READERS: Mapping[str, ModuleType] = {module.NAME: module for module in _FORMATS}


def read_recording(
    path: str | Path,
    placement: str | None = None,
    reader: str | None = None,
    columns: Mapping[str, str | int] | str | None = None,
    unit: str | None = None,
    rate_hz: float | None = None,
    calibrate: bool = True,
) -> Recording:
    """What an app or a device exported, as devices in g (gravity in), rad/s and uT, each on its own even clock.

    path: a file, a folder, or a zip archive. What follows overrides what the files say, or tells what they do not:
    placement, in words; reader, the name of a format (``READERS``), which is found by content otherwise; columns,
    ``{"time": "t", "acc_x": "ax", ...}`` or ``"time=t,acc_x=ax,..."``, by name or by number from 1; unit, such as
    ``"m/s^2"``, ``"g,deg/s"``, ``"64/g"`` (counts in one g), ``"-g"`` (gravity counts downwards, as on iOS); rate_hz,
    samples a second in place of the stamps. calibrate: to 1 g by still periods, where there are enough
    (van Hees et al. 2014).

    Whatever was inferred, converted, repaired or left out stands in ``notes`` of the result. Raises ``ReaderError``, in
    one sentence, for what cannot be read and for what could be read in two ways.
    """
    options = parse_options(placement, columns, unit, rate_hz, calibrate)
    if reader is not None and reader not in READERS:
        raise ReaderError(f"reader is {reader!r}; expected one of {', '.join(READERS)}")
    source = Source(path)
    module = READERS[reader] if reader is not None else next(m for m in _FORMATS if m.recognises(source))
    if reader is not None and not module.recognises(source):
        raise ReaderError(
            f"{source.path} is no recording of the reader {reader!r} ({module.__doc__.splitlines()[0].rstrip('.')}). "
            "Leave reader out to have the format found"
        )
    return finish(module.read(source, options), options, measured=module in _MEASURED)
