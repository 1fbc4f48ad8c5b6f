"""What files of wearable devices share: blocks of samples, each with a time stamp, decoded part by part by actfast."""

import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from har.readers.counts import Counts
from har.readers.options import Options
from har.readers.recording import Device, Piece, ReaderError, Recording
from har.readers.source import Source
from har.readers.store import Store
from har.signal.clocks import UniformGrid

PART_BYTES = 1 << 22  # of a file that is decoded at a time: a week does not fit into memory with its stamps
_MOST_STRETCHED = 0.25  # of a block's length, that its clock may be fast or slow; beyond, samples are lost
_MAX_GAP_S = 0.25
_NANO = 1e9


class Block(NamedTuple):
    """Samples (n, C) float32 that were stamped together, and when the first one was taken: ns since 1970, local."""

    time_ns: int
    samples: np.ndarray


def decode(where: str, data: bytes) -> dict[str, Any]:
    """What actfast makes of a file's bytes. Raises ``ReaderError`` in its words, and where it is not installed."""
    try:
        import actfast  # only files of devices need it
    except ImportError as error:
        raise ReaderError(
            f"{where} is read with the package actfast, which is not installed: pip install 'har-language[devices]'"
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part"
        path.write_bytes(data)
        try:
            return actfast.read(path)
        except (ValueError, OSError, OverflowError) as error:
            raise ReaderError(f"{where} is damaged: {error}. Copy it from the device again") from error
        except BaseException as error:
            # What Rust does not expect arrives as an exception that no `except Exception` sees.
            if type(error).__name__ != "PanicException":
                raise
            raise ReaderError(
                f"{where} is damaged: the decoder stopped at it. Copy it from the device again"
            ) from error


def blocks(decoded: dict[str, Any]) -> Iterator[Block]:
    """The blocks of a part: samples between one stamp of the slow sensors and the next."""
    fast, slow = (decoded["timeseries"].get(name, {}) for name in ("high_frequency", "low_frequency"))
    if "acceleration" not in fast or not len(fast["acceleration"]):
        return
    samples = fast["acceleration"]
    if "gyroscope" in fast:
        samples = np.hstack([samples, fast["gyroscope"] * np.float32(np.pi / 180)])
    starts = np.flatnonzero(np.isin(fast["datetime"], slow["datetime"])) if "datetime" in slow else np.zeros(1, int)
    if not len(starts) or starts[0]:
        starts = np.r_[0, starts]
    for first, stop in zip(starts, [*starts[1:], len(samples)], strict=True):
        yield Block(int(fast["datetime"][first]), samples[first:stop])


def evenly(found: Iterable[Block], rate_hz: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blocks -> times (n,) in s since the first one, and samples (n, C).

    Clocks of samples are a little fast or slow, and stamps of blocks are not: the samples of a block are spread evenly
    up to the next one, unless some were lost in between.
    """
    before: Block | None = None
    zero = 0
    for block in found:
        if before is None:
            zero = block.time_ns
        else:
            yield _spread(before, zero, (block.time_ns - before.time_ns) / _NANO, rate_hz), before.samples
        before = block
    if before is not None:
        yield _spread(before, zero, None, rate_hz), before.samples


def _spread(block: Block, zero: int, length_s: float | None, rate_hz: float) -> np.ndarray:
    nominal = len(block.samples) / rate_hz
    if length_s is None or not abs(length_s - nominal) < _MOST_STRETCHED * nominal:
        length_s = nominal
    return (block.time_ns - zero) / _NANO + np.arange(len(block.samples)) * (length_s / len(block.samples))


def recording(
    source: Source,
    name: str,
    found: Iterable[Block],
    rate_hz: float,
    channels: tuple[str, ...],
    options: Options,
    placement: str | None,
    zone: tzinfo | None,
    notes: list[str],
) -> Recording:
    """Blocks as a recording of one device.

    Raises ``ReaderError`` where there is none: a file without raw samples is no empty recording.
    """
    rate = options.rate_hz or rate_hz
    if "acc" in options.units:
        raise ReaderError(f"{source.where(name)} tells its unit by itself; leave unit out")
    if not 1 <= rate <= 20_000:
        raise ReaderError(f"{source.where(name)}: its rate is {rate:g} Hz; expected 1 to 20,000. Give rate_hz")
    store, counts = Store(len(channels)), Counts()
    grid = UniformGrid(rate, max(_MAX_GAP_S, 3 / rate), counts, on_lattice=True)
    blocks_of_file = iter(found)
    first = next(blocks_of_file, None)
    if first is not None:
        for times, samples in _batches(evenly(chain([first], blocks_of_file), rate)):
            store.take(grid.add(times, samples), rate)
    store.take(grid.close(), rate)
    runs = store.runs()
    if not runs:
        raise ReaderError(
            f"{source.where(name)} holds no raw samples of the accelerometer; expected them at {rate:g} Hz. Was "
            "the device set to store epochs only, or was the file cut off?"
        )
    notes += counts.sentences()
    pieces = tuple(Piece(run.first / rate, run.samples) for run in runs)
    start_time = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=first.time_ns // 1000)).replace(tzinfo=zone)
    device = Device(placement, channels, rate, pieces)
    return Recording(source.name, (device,), start_time, tuple(notes), source.path)


def _batches(found: Iterable[tuple[np.ndarray, np.ndarray]], rows: int = 1 << 17) -> Iterator[tuple[np.ndarray, ...]]:
    """Blocks of a few samples put together: a grid's work is by the call."""
    waiting: list[tuple[np.ndarray, np.ndarray]] = []
    count = 0
    for times, samples in found:
        waiting.append((times, samples))
        count += len(times)
        if count >= rows:
            yield tuple(np.concatenate(part) for part in zip(*waiting, strict=True))
            waiting, count = [], 0
    if count:
        yield tuple(np.concatenate(part) for part in zip(*waiting, strict=True))
