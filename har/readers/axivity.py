"""Axivity AX3 and AX6, .cwa: a header of 1,024 bytes, then sectors of 512 with samples and a stamp each."""

from collections.abc import Iterator
from urllib.parse import parse_qs

from har.readers.blocks_of_samples import PART_BYTES, Block, blocks, decode, recording
from har.readers.options import Options
from har.readers.recording import ReaderError, Recording
from har.readers.source import Source

NAME = "axivity"
_HEADER, _SECTOR = 1024, 512
_ACC, _GYRO = ("acc_x", "acc_y", "acc_z"), ("gyro_x", "gyro_y", "gyro_z")


def recognises(source: Source) -> bool:
    """A file that begins with the letters MD and its header's length."""
    return _file(source) is not None


def _file(source: Source) -> str | None:
    names = source.names if source.single else source.named(".cwa")
    return next((name for name in names if source.head(name, 4) == b"MD\xfc\x03"), None)


def read(source: Source, options: Options) -> Recording:
    """Raises ``ReaderError`` for a damaged file, and one without samples."""
    name = _file(source)
    where = source.where(name)
    notes: list[str] = []
    if source.size(name) < _HEADER + _SECTOR:
        raise ReaderError(f"{where} holds a header and no raw samples; expected sectors behind. Copy it again")
    if rest := (source.size(name) - _HEADER) % _SECTOR:
        notes.append(f"the last {rest} bytes, a part of a sector, are left out: the file was cut off")
    first = decode(where, source.head(name, _HEADER + 64 * _SECTOR))
    metadata = first["metadata"]
    rate = float(metadata.get("configuration", {}).get("sample_rate_hz", 0))
    fast = first["timeseries"].get("high_frequency", {})
    channels = (*_ACC, *_GYRO) if "gyroscope" in fast else _ACC
    device = metadata.get("device", {})
    notes.append(
        f"Axivity {device.get('hardware_type', '')} {device.get('device_id', '')}, {rate:g} Hz, in g; its clock is "
        "local"
    )
    told = parse_qs(metadata.get("session", {}).get("annotation", ""), errors="replace")
    placement = told.get("_p", [""])[0].strip() or None
    found = _blocks(source, name, len(channels))
    return recording(source, name, found, rate, channels, options, placement, None, notes)


def _blocks(source: Source, name: str, channels: int) -> Iterator[Block]:
    with source.open(name) as stream:
        header = stream.read(_HEADER)
        while part := stream.read(PART_BYTES // _SECTOR * _SECTOR):
            part = part[: len(part) // _SECTOR * _SECTOR]
            if part:
                decoded = decode(source.where(name), header + part)
                yield from (block for block in blocks(decoded) if block.samples.shape[1] == channels)
