"""GENEActiv .bin: lines of a header, then pages of text, each with its time and 300 samples in hexadecimal."""

import re
from collections.abc import Iterator
from datetime import timedelta, timezone

from har.readers.blocks_of_samples import PART_BYTES, Block, blocks, decode, recording
from har.readers.layout import placement_of
from har.readers.options import Options
from har.readers.recording import ReaderError, Recording
from har.readers.source import Source

NAME = "geneactiv"
_BEGIN, _PAGE = b"Device Identity", b"Recorded Data"


def recognises(source: Source) -> bool:
    """A file that begins with the words Device Identity."""
    return _file(source) is not None


def _file(source: Source) -> str | None:
    names = source.names if source.single else source.named(".bin")
    return next((name for name in names if source.head(name, len(_BEGIN)) == _BEGIN), None)


def read(source: Source, options: Options) -> Recording:
    """Raises ``ReaderError`` for a damaged file, and one without samples."""
    name = _file(source)
    where = source.where(name)
    head = source.head(name, 1 << 16)
    if _PAGE not in head:
        raise ReaderError(f"{where} holds a header and no raw samples; expected pages of them. Copy it again")
    text = head[: head.index(_PAGE)].decode("latin-1")
    rate = re.search(r"Measurement Frequency:\s*([\d.]+)", text)
    if not rate or not float(rate[1]):
        raise ReaderError(f"{where} tells no measurement frequency in its header; expected it. Give a whole file")
    zone = re.search(r"Time Zone:\s*GMT\s*([+-])(\d{2}):(\d{2})", text)
    offset = timedelta(hours=int(zone[2]), minutes=int(zone[3])) * (-1 if zone[1] == "-" else 1) if zone else None
    place = re.search(r"Device Location Code:([^\r\n\0]*)", text)
    placement = placement_of(place[1]) if place else None
    serial = re.search(r"Serial Code:\s*(\S+)", text)
    notes = [f"GENEActiv {serial[1] if serial else ''}, {float(rate[1]):g} Hz, in g by its own calibration"]
    found = _blocks(source, name)
    acc = ("acc_x", "acc_y", "acc_z")
    return recording(
        source,
        name,
        found,
        float(rate[1]),
        acc,
        options,
        placement,
        timezone(offset) if offset is not None else None,
        notes,
    )


def _blocks(source: Source, name: str) -> Iterator[Block]:
    """Pages, some at a time, behind the header each time."""
    with source.open(name) as stream:
        waiting = stream.read(PART_BYTES)
        first = waiting.index(_PAGE)
        header, waiting = waiting[:first], waiting[first:]
        while waiting:
            more = stream.read(PART_BYTES)
            # Whole pages: the last one may go on in what is read next.
            last = waiting.rfind(_PAGE) if more else len(waiting)
            if last:
                yield from blocks(decode(source.where(name), header + waiting[:last]))
            waiting = waiting[last:] + more
