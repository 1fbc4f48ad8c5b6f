"""``dataset.json``: what a dataset folder is, and which streams it has."""

import contextlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from numbers import Real
from pathlib import Path

from har.recordings.checksums import FIELD, HEADER, Checksums, header_checksum
from har.recordings.segments import DatasetError
from har.signal.channels import SENSOR_KINDS, UNITS
from har.signal.entry import as_channels, as_rate
from har.signal.plausibility import check_rate

FORMAT_VERSION = 1

# What dataset.json and its streams must hold.
_HEADER_FIELDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("name", "title", "citation", "licence", "source_url"), (str,)),
    "format_version": (int,),
    "streams": (list,),
    "notes": (list, type(None)),
}
_STREAM_FIELDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("name", "device", "placement", "gravity"), (str,)),
    "channels": (list,),
    "sampling_rate_hz": (int, float),
    "accelerometer_range_g": (int, float, type(None)),
    "units": (dict,),
}
_STREAM_NAME = re.compile(r"[a-z0-9][a-z0-9_]*")
_CHANNEL_NAME = re.compile(r"(acc|gyro|mag)_[xyz]")


@dataclass(frozen=True)
class StreamInfo:
    """One device at one placement.

    ``accelerometer_range_g`` is the largest magnitude of one axis that the device can report (None if unknown).
    ``gravity`` is "present" or "removed".
    """

    name: str
    device: str
    placement: str
    channels: tuple[str, ...]
    sampling_rate_hz: float
    gravity: str = "present"
    accelerometer_range_g: float | None = None

    def __post_init__(self) -> None:
        # In plain types, as JSON takes them; what cannot be is for `check`, which says the place.
        with contextlib.suppress(TypeError):
            object.__setattr__(self, "sampling_rate_hz", as_rate(self.sampling_rate_hz))
        with contextlib.suppress(TypeError, ValueError):
            object.__setattr__(self, "channels", tuple(as_channels(self.channels, None)))
        if isinstance(self.accelerometer_range_g, Real) and not isinstance(self.accelerometer_range_g, bool):
            object.__setattr__(self, "accelerometer_range_g", float(self.accelerometer_range_g))

    @property
    def units(self) -> dict[str, str]:
        return {kind: UNITS[kind] for kind in SENSOR_KINDS if any(c.startswith(kind) for c in self.channels)}

    def check(self, where: str) -> None:
        """Raise ``DatasetError`` for a field that no reader could use."""
        for field in ("name", "device", "placement", "gravity"):
            text = getattr(self, field)
            if not isinstance(text, str) or not _is_writable(text):
                raise DatasetError(f"{where}: stream {self.name!r} has {field} {text!r}; expected a string")
        if isinstance(self.channels, str) or not isinstance(self.channels, tuple):
            raise DatasetError(
                f"{where}: stream {self.name!r} has channels {self.channels!r}; expected a list of names such as acc_x"
            )
        if not _STREAM_NAME.fullmatch(self.name):
            raise DatasetError(f"{where}: stream name {self.name!r}; expected lower-case letters, digits and _")
        if not self.placement.strip():
            raise DatasetError(f"{where}: stream {self.name!r} has no placement; name the place on the body in words")
        try:
            check_rate(as_rate(self.sampling_rate_hz))
        except (TypeError, ValueError) as error:
            raise DatasetError(f"{where}: stream {self.name!r}: {error}") from error
        unknown = [c for c in self.channels if not _CHANNEL_NAME.fullmatch(c)]
        if unknown or not self.channels or len(set(self.channels)) != len(self.channels):
            raise DatasetError(
                f"{where}: stream {self.name!r} has channels {list(self.channels)}; expected distinct names out of "
                "acc_x acc_y acc_z gyro_x gyro_y gyro_z mag_x mag_y mag_z"
            )
        for kind in self.units:
            axes = [c for c in self.channels if c.startswith(kind)]
            if len(axes) != 3:
                raise DatasetError(f"{where}: stream {self.name!r} has {axes}; a sensor is a triad of x, y and z")
        largest = self.accelerometer_range_g
        if largest is not None and (isinstance(largest, bool) or not isinstance(largest, Real) or not largest > 0):
            raise DatasetError(
                f"{where}: stream {self.name!r} has accelerometer_range_g {largest!r}; expected a positive number of "
                "g, or None where it is not known"
            )
        if self.gravity not in ("present", "removed"):
            raise DatasetError(
                f"{where}: stream {self.name!r} has gravity {self.gravity!r}; expected present or removed"
            )


def _is_writable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a character
        return False
    return True


def write_header(
    folder: Path,
    name: str,
    streams: Iterable[StreamInfo],
    notes: Sequence[str] = (),
    *,
    title: str,
    citation: str,
    licence: str,
    source_url: str,
    checksums: Mapping[str, str] | None = None,
) -> None:
    """Write the ``dataset.json`` of a dataset called ``name`` into a folder.

    checksums: of the files beside it; its own is added. None: nobody will find out whether they were altered.
    """
    header = {
        "format_version": FORMAT_VERSION,
        "name": name,
        "title": title,
        "citation": citation,
        "licence": licence,
        "source_url": source_url,
        "notes": list(notes),
        "streams": [
            {
                **asdict(info),
                "channels": list(info.channels),
                "sampling_rate_hz": float(info.sampling_rate_hz),
                "units": info.units,
            }
            for info in streams
        ],
    }
    if checksums is not None:
        header[FIELD] = {HEADER: header_checksum(header), **checksums}
    text = json.dumps(header, indent=2, ensure_ascii=False) + "\n"
    (folder / HEADER).write_text(text, encoding="utf-8")


def read_header(folder: Path) -> tuple[dict, Checksums]:
    """The fields of a folder's ``dataset.json``, and what it says of the other files."""
    path = folder / HEADER
    if not path.is_file():
        raise DatasetError(
            f"{path} is missing; {folder} is not a dataset folder (make one with prepare_data.py convert)"
        )
    try:
        header = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise DatasetError(f"{path}, line {error.lineno}: not JSON ({error.msg}); convert the dataset again") from error
    except (ValueError, RecursionError) as error:  # no UTF-8; a number of thousands of digits; brackets as many
        raise DatasetError(f"{path}: not JSON in UTF-8 ({error}); save it so, or convert the dataset again") from error
    if not isinstance(header, dict):
        raise DatasetError(
            f"{path}: {str(header)[:60]!r}; expected an object with the fields {', '.join(_HEADER_FIELDS)}"
        )
    _check_fields({"notes": [], **header}, _HEADER_FIELDS, str(path))
    if header["format_version"] != FORMAT_VERSION:
        raise DatasetError(
            f"{path}: format_version {header['format_version']}; this code reads {FORMAT_VERSION}; convert again"
        )
    if not header["streams"]:
        raise DatasetError(f"{path}: no streams; a dataset holds at least one")
    return header, Checksums(folder, header)


def _check_fields(found: object, expected: dict[str, tuple[type, ...]], where: str) -> None:
    """Refuse JSON that is no object, or one without these fields, or with fields of another type."""
    if not isinstance(found, dict):
        raise DatasetError(f"{where}: {str(found)[:60]!r}; expected an object with the fields {', '.join(expected)}")
    missing = sorted(set(expected) - set(found))
    if missing:
        raise DatasetError(f"{where}: no {missing}; docs/data_format.md lists what it must hold")
    for key, types in expected.items():
        value = found[key]
        if not isinstance(value, types) or isinstance(value, bool):
            names = " or ".join(kind.__name__ for kind in types)
            raise DatasetError(f"{where}: {key} is {str(value)[:60]!r}; expected {names} (docs/data_format.md)")


def stream_info(entry: dict, folder: Path) -> StreamInfo:
    path = folder / HEADER
    names = [field.name for field in fields(StreamInfo)]
    whose = entry.get("name", "?") if isinstance(entry, dict) else "?"
    _check_fields(entry, _STREAM_FIELDS, f"{path}: stream {whose!r}")
    if odd := [name for name in entry["channels"] if not isinstance(name, str)]:
        raise DatasetError(f"{path}: stream {whose!r} has a channel {odd[0]!r}; expected names such as acc_x")
    units = entry["units"]
    info = StreamInfo(**{key: entry[key] for key in names} | {"channels": tuple(entry["channels"])})
    info.check(str(path))
    for kind, expected in info.units.items():
        if units.get(kind) != expected:
            raise DatasetError(
                f"{path}: stream {info.name!r} has unit {units.get(kind)!r} for {kind}; expected {expected!r}: "
                "convert the samples once, in the converter"
            )
    return info
