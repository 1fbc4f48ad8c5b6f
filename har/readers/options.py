"""What a user says about a recording that its files do not say, or say wrongly."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from har.readers.recording import ReaderError
from har.readers.units import Unit, parse_unit
from har.signal.plausibility import check_rate

_SENSORS = ("acc", "gyro", "mag", "gravity")
COLUMN_NAMES = ("time", *(f"{sensor}_{axis}" for sensor in _SENSORS for axis in "xyz"))


@dataclass(frozen=True)
class Options:
    """Overrides of `read_recording`, checked.

    columns: ``time``, ``acc_x`` ... ``gravity_z`` -> the name of a column, or its number from 1. units: by sensor kind.
    """

    placement: str | None = None
    columns: Mapping[str, str | int] = field(default_factory=dict)
    units: Mapping[str, Unit] = field(default_factory=dict)
    rate_hz: float | None = None
    calibrate: bool = True


def parse_options(
    placement: str | None,
    columns: Mapping[str, str | int] | str | None,
    unit: str | None,
    rate_hz: float | None,
    calibrate: bool,
) -> Options:
    """Raises ``ReaderError`` for what is no override: an unknown column, unit or rate."""
    if placement is not None and not (isinstance(placement, str) and placement.strip()):
        raise ReaderError(f"placement is {placement!r}; expected words such as 'trouser pocket', or None")
    try:
        if rate_hz is not None:
            check_rate(float(rate_hz))
    except (TypeError, ValueError) as error:
        raise ReaderError(f"rate_hz is {rate_hz!r}; expected samples a second, such as 50 ({error})") from error
    return Options(
        placement.strip() if placement else None,
        _columns(columns),
        _units(unit),
        None if rate_hz is None else float(rate_hz),
        bool(calibrate),
    )


def _columns(columns: Mapping[str, str | int] | str | None) -> dict[str, str | int]:
    if columns is None:
        return {}
    if isinstance(columns, str):
        pairs = [pair.partition("=") for pair in columns.split(",") if pair.strip()]
        if any(not sign or not value.strip() for _, sign, value in pairs):
            raise ReaderError(f"columns is {columns!r}; expected pairs such as time=t,acc_x=ax,acc_y=ay,acc_z=az")
        columns = {key.strip(): value.strip() for key, _, value in pairs}
    if not isinstance(columns, Mapping):
        raise ReaderError(f'columns is {columns!r}; expected a mapping such as {{"time": "t", "acc_x": "ax"}}')
    if unknown := sorted(str(key) for key in columns if key not in COLUMN_NAMES):
        raise ReaderError(f"columns names {unknown[0]!r}; expected some of {', '.join(COLUMN_NAMES)}")
    for key, value in columns.items():
        if isinstance(value, bool) or not isinstance(value, str | int) or (isinstance(value, int) and value < 1):
            raise ReaderError(f"columns[{key!r}] is {value!r}; expected the name of a column, or its number from 1")
    for sensor in _SENSORS:
        axes = [axis for axis in "xyz" if f"{sensor}_{axis}" in columns]
        if axes and len(axes) < 3:
            missing = ", ".join(f"{sensor}_{axis}" for axis in "xyz" if axis not in axes)
            raise ReaderError(f"columns lacks {missing}; a sensor has x, y and z")
    return dict(columns)


def _units(unit: str | None) -> dict[str, Unit]:
    """``"m/s^2"``, ``"g,deg/s"``: each unit belongs to one kind of sensor."""
    found: dict[str, Unit] = {}
    for text in [] if unit is None else str(unit).split(","):
        # A unit of the accelerometer is looked for first: "mg" and "g" are never gauss here, which is written "gauss".
        parsed = next((u for kind in ("acc", "gyro", "mag") if (u := parse_unit(text, kind)) is not None), None)
        if parsed is None:
            raise ReaderError(
                f"unit is {text.strip()!r}; expected g, mg, m/s^2 or counts in one g such as '64/g'; rad/s or deg/s; "
                "uT, nT or gauss; several after commas, and a minus in front where gravity counts downwards ('-g')"
            )
        found[parsed.kind] = parsed
    return found
