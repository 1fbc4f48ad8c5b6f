"""ActiGraph: .gt3x archives of both generations, and the raw CSV of ActiLife with its ten header lines.

.gt3x holds info.txt and either log.bin, records with a stamp of a second each (ActiGraph's GT3X file format), or, from
NEO devices, activity.bin, samples alone (NHANES GT3X file format). Samples are packed to 12 bits in the order y, x, z
(Activity) or x, y, z (Activity3), or stand as 16 bits in the order x, y, z (Activity2).
"""

import io
import re
import struct
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import IO

import numpy as np

from har.readers.assembly import assemble, wearables_of
from har.readers.blocks_of_samples import Block, recording
from har.readers.counts import Counts
from har.readers.options import Options
from har.readers.reading import Reading
from har.readers.recording import ReaderError, Recording
from har.readers.source import DAMAGED_ARCHIVE, Source
from har.readers.table import sniff

NAME = "actigraph"
_SEPARATOR = 0x1E
_ACTIVITY, _EVENT, _ACTIVITY2, _ACTIVITY3 = 0, 3, 26, 27
_SLEEP = b"\x08"  # of an event: samples are left out as long as the device lies still
_TICKS_1970 = 621_355_968_000_000_000  # of 100 ns since the year 1
_NANO = 1_000_000_000
_NEO_COUNTS_A_G = 341.0
_COUNTS_A_G = {"NEO": 341.0, "CLE": 341.0, "MRA": 256.0, "MOS": 256.0, "TAS": 256.0}  # by serial number
_NEO_PART = 9 * (1 << 17)  # bytes: two samples each nine
_CSV = re.compile(r"Data (?:Table )?File Created By ActiGraph", re.IGNORECASE)
_AXES = ("acc_x", "acc_y", "acc_z")


def recognises(source: Source) -> bool:
    """An archive with info.txt and log.bin or activity.bin, or the first line of ActiLife's CSV."""
    return source.single and (_is_archive(source) or _is_csv(source))


def _is_archive(source: Source) -> bool:
    return source.head(source.names[0], 4) == b"PK\x03\x04"


def _is_csv(source: Source) -> bool:
    return bool(_CSV.search(source.head(source.names[0], 200).decode("utf-8", errors="replace")))


def read(source: Source, options: Options) -> Recording:
    """Raises ``ReaderError`` for a damaged file, and for one without raw samples."""
    if _is_csv(source):
        return _read_csv(source, options)
    name = source.names[0]
    try:
        with zipfile.ZipFile(source.path) as archive:
            return _read_archive(source, name, archive, options)
    except ReaderError:
        raise
    except (*DAMAGED_ARCHIVE, KeyError, OSError) as error:
        raise ReaderError(f"{source.path} is damaged ({error}). Download it from the device again") from error


# --- .gt3x ------------------------------------------------------------------------------------------------------------


def _read_archive(source: Source, name: str, archive: zipfile.ZipFile, options: Options) -> Recording:
    lines = archive.read("info.txt").decode("utf-8-sig", errors="replace").splitlines()
    info = {key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    try:
        rate = float(info["sample rate"])
    except (KeyError, ValueError) as error:
        raise ReaderError(
            f"{source.path}: info.txt tells no sample rate; expected one. Download the file again"
        ) from error
    serial = info.get("serial number", "")
    notes = [f"ActiGraph {info.get('device type', '')} {serial}, {rate:g} Hz; its clock is local"]
    damage = Counts()
    if "log.bin" in archive.namelist():
        scale = _number(info.get("acceleration scale")) or _COUNTS_A_G.get(serial[:3].upper(), 256.0)
        with archive.open("log.bin") as stream:
            found = _log_blocks(stream, 1 / scale, damage)
            result = recording(source, name, found, rate, _AXES, options, _placement(info), _zone(info), notes)
    else:
        ticks = info.get("start date", "")
        if not ticks.isdigit():
            raise ReaderError(f"{source.path}: info.txt tells no start; expected one. Download the file again")
        start = (int(ticks) - _TICKS_1970) * 100
        with archive.open("activity.bin") as stream:
            found = _neo_samples(stream, start, rate)
            result = recording(source, name, found, rate, _AXES, options, _placement(info), _zone(info), notes)
    return Recording(
        result.name, result.devices, result.start_time, (*result.notes, *damage.sentences()), result.source
    )


def _number(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0


def _placement(info: dict[str, str]) -> str | None:
    words = [info.get(key, "").lower() for key in ("side", "limb")]
    known = [word for word in words if word and word not in ("n/a", "null", "undefined", "other")]
    return " ".join(known) if known and words[1] in known else None


def _zone(info: dict[str, str]) -> timezone | None:
    match = re.fullmatch(r"([+-]?)(\d{1,2}):(\d{2}):\d{2}", info.get("timezone", ""))
    if not match:
        return None
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-offset if match[1] == "-" else offset)


def _log_blocks(stream: IO[bytes], scale: float, damage: Counts) -> Iterator[Block]:
    """Records of samples, one a second as a rule."""
    reader = io.BufferedReader(stream, 1 << 20)
    while header := reader.read(8):
        if len(header) < 8:
            damage.add("records at the end are cut off")
            return
        separator, kind, stamp, size = struct.unpack("<BBIH", header)
        if separator != _SEPARATOR:
            damage.add("places where the log is damaged; what follows is left out")
            return
        payload = reader.read(size + 1)
        if len(payload) < size + 1:
            damage.add("records at the end are cut off")
            return
        payload, check = payload[:-1], payload[-1]
        if kind == _EVENT and payload == _SLEEP:
            damage.add("times the device slept while it lay still: gaps")
        if kind not in (_ACTIVITY, _ACTIVITY2, _ACTIVITY3) or size < 6:
            continue  # a record of one byte says that the device was docked
        if np.bitwise_xor.reduce(np.frombuffer(header + payload, np.uint8)) ^ 0xFF != check:
            damage.add("records with a wrong checksum left out")
            continue
        if kind == _ACTIVITY2:
            counts = np.frombuffer(payload[: size // 6 * 6], "<i2").reshape(-1, 3)
        else:
            counts = unpack_12_bits(payload)
            counts = counts[:, [1, 0, 2]] if kind == _ACTIVITY else counts
        yield Block(stamp * _NANO, counts * np.float32(scale))


def unpack_12_bits(data: bytes) -> np.ndarray:
    """Bytes -> (n, 3) int16 of the signed 12-bit numbers in them, most significant bits first."""
    raw = np.frombuffer(data, np.uint8)
    raw = np.pad(raw, (0, -len(raw) % 3)).reshape(-1, 3).astype(np.int16)
    pairs = np.stack([raw[:, 0] << 4 | raw[:, 1] >> 4, (raw[:, 1] & 15) << 8 | raw[:, 2]], 1).reshape(-1)
    numbers = pairs[: len(data) * 8 // 36 * 3]
    return np.where(numbers > 2047, numbers - 4096, numbers).astype(np.int16).reshape(-1, 3)


def _neo_samples(stream: IO[bytes], start_ns: int, rate: float) -> Iterator[Block]:
    row = 0
    reader = io.BufferedReader(stream, 1 << 20)
    while part := reader.read(_NEO_PART):
        counts = unpack_12_bits(part)[:, [1, 0, 2]]
        if len(counts):
            yield Block(start_ns + round(row / rate * _NANO), counts / np.float32(_NEO_COUNTS_A_G))
        row += len(counts)


# --- CSV --------------------------------------------------------------------------------------------------------------


def _read_csv(source: Source, options: Options) -> Recording:
    name = source.names[0]
    head = source.head(name, 1 << 12).decode("utf-8", errors="replace")
    period = re.search(r"Epoch Period \(hh:mm:ss\)\s+(\d+):(\d+):(\d+)", head)
    if period and any(int(part) for part in period.groups()):
        raise ReaderError(
            f"{source.path} holds counts for each epoch of {':'.join(period.groups())} and no raw samples; "
            "expected the raw data of ActiLife's 'Raw data export', or the .gt3x file"
        )
    rate = re.search(r"\bat (\d+(?:\.\d+)?) Hz", head)
    notes = ["ActiGraph CSV of ActiLife, in g"]
    reading = Reading(sniff(source, name), options, "acc", float(rate[1]) if rate else None)
    if reading.clock is not None and (form := _date_order(head)):
        reading.decide_dates(form)
    wearables = wearables_of([reading], notes)
    return assemble(source.name, wearables, options, notes, source.path, _csv_start(head))


def _date_order(head: str) -> str:
    form = re.search(r"date format ([Mdy/.-]+)", head)
    order = "".join(dict.fromkeys(letter.lower() for letter in form[1] if letter in "Mdy")) if form else ""
    return order if order in ("dmy", "mdy") else ""


def _csv_start(head: str) -> datetime | None:
    form = re.search(r"date format ([Mdy/.-]+)", head)
    day = re.search(r"Start Date\s+(\d+)[/.-](\d+)[/.-](\d+)", head)
    time = re.search(r"Start Time\s+(\d+):(\d+):(\d+)", head)
    if not (form and day and time):
        return None
    order = [letter for letter in dict.fromkeys(form[1]) if letter in "Mdy"]
    parts = dict(zip(order, map(int, day.groups()), strict=False))
    try:
        return datetime(parts["y"], parts["M"], parts["d"], *map(int, time.groups()))
    except (KeyError, ValueError):
        return None
