"""Exports of Sensor Logger (phone and watch), folder, zip, or one of its tables.

Its Accelerometer has no gravity, which is a table of its own (Gravity) or columns beside it (WristMotion); Android
has both together in TotalAcceleration. Units and signs are those of the app's own reference (UNITS.md, COORDINATES.md,
CROSSPLATFORM.md of tszheichoi/awesome-sensor-logger): m/s^2 on phones, g on watches and for uncalibrated acceleration
of iOS, rad/s; on iOS all accelerations count gravity downwards, unless "Standardise Units & Frames" was on, which makes
everything m/s^2 and upwards. Metadata.csv tells the platform.
"""

import re
from dataclasses import dataclass

from har.readers.assembly import Part, Wearable, assemble
from har.readers.options import Options
from har.readers.reading import Reading
from har.readers.recording import ReaderError, Recording
from har.readers.source import Source, base_name
from har.readers.table import sniff, split
from har.readers.units import Unit, parse_unit, unit_of_weight, weigh

NAME = "sensor_logger"


@dataclass(frozen=True)
class _File:
    """device: phone, watch or head. kind: of columns x, y, z; "" where names tell more. unit: of the acceleration."""

    device: str
    kind: str
    unit: str | None = None


_FILES = {
    "accelerometer": _File("phone", "linear", "m/s^2"), "gravity": _File("phone", "gravity", "m/s^2"),
    "totalacceleration": _File("phone", "acc", "m/s^2"), "accelerometeruncalibrated": _File("phone", "acc"),
    "gyroscope": _File("phone", "gyro", "rad/s"), "gyroscopeuncalibrated": _File("phone", "gyro", "rad/s"),
    "magnetometer": _File("phone", "mag", "uT"), "magnetometeruncalibrated": _File("phone", "mag", "uT"),
    "wristmotion": _File("watch", ""), "headphone": _File("head", ""),
    "watchaccelerometer": _File("watch", "linear"), "watchgravity": _File("watch", "gravity"),
    "watchtotalacceleration": _File("watch", "acc"), "watchaccelerometeruncalibrated": _File("watch", "acc"),
    "watchgyroscope": _File("watch", "gyro", "rad/s"), "watchmagnetometer": _File("watch", "mag", "uT"),
}  # fmt: skip
_PLACEMENT = {"phone": None, "watch": "wrist", "head": "head"}
_HEADER = re.compile(r"^\W*(time|timestamp)\W+seconds_elapsed\W", re.IGNORECASE)


def recognises(source: Source) -> bool:
    """A table with the columns time and seconds_elapsed whose name is one of the app's sensors."""
    return any(_file(name) is not None and _is_table(source, name) for name in source.named(".csv"))


def _file(name: str) -> _File | None:
    # A file that was downloaded twice is "Accelerometer (1).csv".
    stem = re.sub(r"[\s_-]*(\(\d+\))?\.csv$", "", base_name(name), flags=re.IGNORECASE)
    return _FILES.get(re.sub(r"[\s_-]", "", stem).lower())


def _is_table(source: Source, name: str) -> bool:
    first = source.head(name, 400).decode("utf-8-sig", errors="replace").splitlines()[:1]
    return bool(first) and bool(_HEADER.match(first[0]))


def read(source: Source, options: Options) -> Recording:
    """Raises ``ReaderError`` for an export without an accelerometer."""
    notes: list[str] = []
    parts: dict[str, dict[str, Part]] = {}
    metadata = _metadata(source)
    names = {base_name(name): name for name in source.named(".csv") if _file(name) and _is_table(source, name)}
    for name in sorted(names.values(), key=lambda n: ("uncalibrated" in n.lower(), n)):
        if source.size(name) < 2 or not _has_rows(source, name):
            notes.append(f"{base_name(name)} holds no row and is left aside")
            continue
        what = _file(name)
        table = sniff(source, name)
        reading = Reading(table, options, what.kind)
        found = parts.setdefault(what.device, {})
        for place, sensor in enumerate(reading.layout.sensors):
            kind = sensor.kind
            if what.kind == "" and kind == "acc":  # WristMotion: acceleration beside gravity
                sensor.kind = kind = "linear"
            if kind in found or (kind == "acc" and "linear" in found and "uncalibrated" in name.lower()):
                continue  # the calibrated one was read before
            unit = parse_unit(what.unit, {"gyro": "gyro", "mag": "mag"}.get(kind, "acc")) if what.unit else None
            if what.kind == "" and kind == "gyro":
                unit = parse_unit("rad/s", "gyro")
            found[kind] = Part(reading, place, unit=unit)
    wearables = []
    for device, kinds in sorted(parts.items(), key=lambda item: list(_PLACEMENT).index(item[0])):
        if not {"acc", "linear"} & set(kinds):
            if len(parts) == 1:
                raise _alone(source, list(kinds))
            notes.append(f"{', '.join(kinds)} of the {device} left out: there is no accelerometer beside")
            continue
        kept = _units_and_signs(device, kinds, metadata, notes)
        wearables.append(Wearable(kept, _PLACEMENT[device], device))
    if not wearables:
        raise _alone(source, [kind for kinds in parts.values() for kind in kinds])
    return assemble(source.name, wearables, options, notes, source.path)


def _alone(source: Source, kinds: list[str]) -> ReaderError:
    return ReaderError(
        f"{source.path}: Sensor Logger recorded {', '.join(kinds) or 'no sensor of movement'}, and no "
        "accelerometer; expected Accelerometer.csv with Gravity.csv, TotalAcceleration.csv, or WristMotion.csv. Give "
        "the whole export"
    )


def _has_rows(source: Source, name: str) -> bool:
    return source.head(name, 1 << 12).strip().count(b"\n") >= 3


def _metadata(source: Source) -> dict[str, str]:
    for name in source.named("metadata.csv"):
        lines = source.head(name).decode("utf-8-sig", errors="replace").splitlines()
        if len(lines) > 1:
            return {k.strip().lower(): v for k, v in zip(split(lines[0], ","), split(lines[1], ","), strict=False)}
    return {}


def _units_and_signs(device: str, kinds: dict[str, Part], metadata: dict[str, str], notes: list[str]) -> list[Part]:
    """Which parts make the acceleration, in which unit, and which way gravity counts."""
    if "acc" in kinds:
        kinds = {kind: part for kind, part in kinds.items() if kind not in ("linear", "gravity")}
    sums = [kinds[kind] for kind in ("acc", "linear", "gravity") if kind in kinds]
    platform = metadata.get("platform", "").lower()
    standard = metadata.get("standardisation", "").lower() in ("true", "1", "yes")
    unit = sums[0].unit or _unit_of_weight(sums)
    if "gravity" not in kinds and "acc" not in kinds and sums[0].unit is None and unit is not None:
        sums[0].sensor.kind = "acc"  # a watch whose accelerometer reads like gravity has it in
    elif "gravity" not in kinds and "acc" not in kinds:
        notes.append(f"Sensor Logger's acceleration of the {device} is without gravity, and its Gravity is not there")
        if unit is None and platform:
            unit = parse_unit("g" if "ios" in platform and not standard else "m/s^2", "acc")
    if unit is not None:
        for part in sums:
            part.unit = unit
    table = sums[0].reading.table.name.lower()
    # Total acceleration is Android's alone, and so is what a watch of Core Motion never writes: all but WristMotion.
    if "ios" in platform:
        apple, why = not standard, "iOS"
    elif "android" in platform or "total" in table:
        apple, why = False, "Android"
    elif ("wristmotion" in table or "headphone" in table) and unit is not None:
        apple, why = unit.text == "g", "Core Motion in g" if unit.text == "g" else "m/s^2: standardised frames"
    else:
        apple, why = False, ""
        notes.append(
            "no Metadata.csv tells iOS from Android: gravity is taken to count upwards, as on Android. If this is an "
            "iPhone, give unit='-m/s^2'"
        )
    if apple:
        notes.append(f"acceleration of the {device} turned round: {why} counts gravity downwards")
        for part in sums:
            part.sign = -1.0
    elif why:
        notes.append(f"acceleration of the {device} counts gravity upwards ({why}{', standardised' * standard})")
    return list(kinds.values())


def _unit_of_weight(sums: list[Part]) -> Unit | None:
    """g or m/s^2 of watches and uncalibrated acceleration: by what gravity reads, where it is in."""
    weighed = next((part for part in sums if part.kind in ("acc", "gravity")), sums[0])
    rows, rate = weighed.reading.first_rows(weighed.sensor)[1], weighed.reading.rate_of(weighed.sensor)
    told = unit_of_weight(weigh(rows, rate))
    return parse_unit(told, "acc") if told in ("g", "m/s^2") else None
