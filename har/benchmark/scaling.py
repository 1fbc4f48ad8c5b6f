"""What a corpus costs before a network sees it: memory a window, seconds to open, microseconds to draw a batch.

Corpora are generated: real dataset folders whose samples are holes in sparse files, so that ten million windows take
some megabytes on disk. Each is opened and drawn from in a fresh process by the code that training uses. What is not
measured is the disk: holes are read at the speed of memory.
"""

import ctypes
import gc
import multiprocessing
import statistics
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch

from har.recordings.format import StreamInfo, prepared_datasets, read_dataset, write_header
from har.recordings.segments import write_segments
from har.run.memory import resident_bytes
from har.signal.plausibility import SignalWarning
from har.windows.batch import BatchMaker
from har.windows.index import WindowIndex
from har.windows.sampling import BalancedSampler

SIZES = (10**5, 10**6, 10**7)  # windows
WINDOW_S, STRIDE_S, SHORTEST_S = 5.0, 2.5, 1.0
BATCH = 128  # windows

# The generated corpora: devices of everyday rates, worn together; segments of 11, 13, … 29 windows; a day a person.
DATASETS = 4
DEVICES = (
    StreamInfo("wrist", "watch", "left wrist", tuple(f"{k}_{a}" for k in ("acc", "gyro") for a in "xyz"), 50.0),
    StreamInfo("thigh", "tag", "right thigh", tuple(f"acc_{a}" for a in "xyz"), 25.0),
)
LABELS = 24  # a dataset; the k-th most frequent is 1 / k times as frequent as the first
DAY_S = 86400.0
LEAST_PEOPLE = 10  # a dataset; small corpora have shorter days
HELD_OUT = 0.1  # of the people, for validation
EXPONENTS = (0.5, 0.5)  # of datasets and of label groups

_BATCHES_DRAWN, _BATCHES_GATHERED = 2000, 50
_MOST_SCANNED = 3 * 2**30  # bytes of samples; the first reading of more is not measured but computed from its rate


def write_sparse_corpus(root: Path, windows: int, seed: int = 0) -> None:
    """Write dataset folders with exactly so many windows under ``root``; their samples are holes that read zero.

    Raises ``ValueError`` when there are too few windows for every stream and person.
    """
    if windows < 1000:
        raise ValueError(f"a corpus of {windows} windows; expected 1000 at least, some for each person and stream")
    card = {"title": "Generated", "citation": "", "licence": "CC0-1.0", "source_url": ""}
    share = np.diff(np.linspace(0, windows, DATASETS * len(DEVICES) + 1).round().astype(int))
    for number, of_dataset in enumerate(share.reshape(DATASETS, len(DEVICES))):
        folder = root / f"generated_{number}"
        folder.mkdir(parents=True)
        for info, count in zip(DEVICES, of_dataset.tolist(), strict=True):
            # One seed for all devices of a dataset: they are worn together and see the same activities.
            rows = _write_stream(folder, info, count, np.random.default_rng([seed, number]))
            np.lib.format.open_memmap(
                folder / f"{info.name}.npy", mode="w+", dtype="<f4", shape=(rows, len(info.channels))
            )
        write_header(folder, folder.name, DEVICES, ["samples are holes: all zero"], **card)


def _write_stream(folder: Path, info: StreamInfo, windows: int, generator: np.random.Generator) -> int:
    """Write the segments of a stream that come to so many windows; returns how many samples they span."""
    size = 11 + 2 * generator.integers(0, 10, windows // 11 + 1)
    label = generator.choice(LABELS, len(size), p=(1 / np.arange(1, LABELS + 1)) / (1 / np.arange(1, LABELS + 1)).sum())
    size = size[: np.searchsorted(np.cumsum(size), windows) + 1]
    size[-1] -= size.sum() - windows
    seconds = WINDOW_S + STRIDE_S * (size - 1)
    start_s = np.cumsum(seconds) - seconds
    person = (start_s // min(DAY_S, seconds.sum() / LEAST_PEOPLE)).astype(int)
    since_s = start_s - start_s[np.searchsorted(person, person)]
    stop = np.cumsum(np.ceil(seconds * info.sampling_rate_hz).astype(int))
    start = np.concatenate([[0], stop[:-1]])
    table = zip(
        (f"p{i:06}_day" for i in person.tolist()),
        (f"p{i:06}" for i in person.tolist()),
        (f"activity {i:02}" for i in label[: len(size)].tolist()),
        start.tolist(), stop.tolist(), since_s.tolist(), strict=True,
    )  # fmt: skip
    write_segments(folder / f"{info.name}.csv", table)
    return int(stop[-1])


def scaling_figures(
    sizes: Sequence[int], scratch: Path, progress: Callable[[Sequence[int]], Iterable[int]] = lambda sizes: sizes
) -> list[dict]:
    """What a corpus of each size (windows) costs: one dictionary a size, see ``measure``.

    scratch: an empty folder on a file system with sparse files. progress: wraps the sizes while they are measured.
    Works on Linux, which tells a process what memory is its own.
    """
    figures = []
    for windows in progress(sizes):
        root = Path(scratch) / str(windows)
        write_sparse_corpus(root, windows)
        # Spawned, not forked: memory and caches of the measuring process begin empty.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            figures.append(process.submit(measure, root).result())
    return figures


def measure(root: Path) -> dict:
    """Open the corpus under ``root`` as training does and draw from it; call it in a fresh process.

    Bytes: ``segment_bytes``, ``row_bytes``, ``sampler_bytes`` are kept in arrays, ``held_bytes`` is by how much the
    process's own memory grew for good, ``peak_bytes`` by how much at most. Seconds: ``read_s`` (folders, with all
    checks but those of samples), ``index_s``, ``sampler_s`` (rows to train on and sampler), ``scan_s`` (reading all
    samples through, done once for a folder; None beyond 3 GiB). Microseconds, medians: ``draw_us`` for a batch,
    ``start_us`` for random first samples, ``gather_us`` for copying it out of the page cache and resampling it.
    """
    torch.set_num_threads(1)  # as in a thread of BatchLoader
    gc.collect()
    _return_free_memory()
    before = resident_bytes("VmRSS", "RssAnon")
    _forget_peak()
    began = time.perf_counter()
    datasets = [read_dataset(root / name, scan=False) for name in prepared_datasets(root)]
    read = time.perf_counter()
    index = WindowIndex(datasets, WINDOW_S, STRIDE_S, SHORTEST_S)
    indexed = time.perf_counter()
    del datasets
    rows, sampler = _drawn_from(index)
    ready = time.perf_counter()
    # No sample was touched so far: what grew beside the process's own memory is program code.
    peak = resident_bytes("VmHWM")["VmHWM"] - before["VmRSS"]
    gc.collect()
    _return_free_memory()
    held = resident_bytes("RssAnon")["RssAnon"] - before["RssAnon"]
    sample_bytes = sum(stream.samples.nbytes for stream in index.streams)
    return {
        "windows": len(index),
        "train_windows": len(rows),
        "segments": len(index.segments),
        "people": len(index.subjects),
        "sample_bytes": sample_bytes,
        "segment_bytes": index.nbytes,
        "row_bytes": rows.nbytes,
        "sampler_bytes": sampler.nbytes,
        "held_bytes": held,
        "peak_bytes": peak,
        "base_bytes": before["RssAnon"],
        "read_s": read - began,
        "index_s": indexed - read,
        "sampler_s": ready - indexed,
        **_batch_times_us(index, sampler),
        "scan_s": _scan_s(root) if sample_bytes <= _MOST_SCANNED else None,
    }


def _drawn_from(index: WindowIndex) -> tuple[np.ndarray, BalancedSampler]:
    rows = np.flatnonzero((index.label_id >= 0) & ~index.split("scaling", HELD_OUT))
    return rows, BalancedSampler(rows, index.dataset_id[rows], index.label_id[rows], *EXPONENTS)


def _batch_times_us(index: WindowIndex, sampler: BalancedSampler) -> dict[str, float]:
    generator, gather = np.random.default_rng(0), BatchMaker(index, 50.0, ("acc", "gyro"), {})
    draw, start, read, batches = [], [], [], []
    for _ in range(_BATCHES_DRAWN):
        began = time.perf_counter()
        rows = sampler.draw(BATCH, generator)
        drawn = time.perf_counter()
        batches.append((rows, index.shifted_starts(rows, generator)))
        start.append(time.perf_counter() - drawn)
        draw.append(drawn - began)
    for batch in batches[:_BATCHES_GATHERED]:
        gather(*batch)  # brings its samples into the page cache
        began = time.perf_counter()
        gather(*batch)
        read.append(time.perf_counter() - began)
    medians = {"draw_us": draw, "start_us": start, "gather_us": read}
    return {name: 1e6 * statistics.median(seconds) for name, seconds in medians.items()}


def _scan_s(root: Path) -> float:
    names = prepared_datasets(root)
    without = time.perf_counter()
    for name in names:
        read_dataset(root / name, scan=False)
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SignalWarning)  # the samples are holes in a file, which read as zeros
        for name in names:
            read_dataset(root / name, scan=True)
    return time.perf_counter() - began - (began - without)


def _return_free_memory() -> None:
    """What the allocator keeps for later, tens of megabytes at times, is not held by anything."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # the GNU C library's
        trim(0)


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # proc(5): resets VmHWM to VmRSS


def scaling_table(figures: Sequence[dict]) -> str:
    """The figures as a table in Markdown, a column a corpus."""

    def kept(f: dict) -> int:
        return f["segment_bytes"] + f["row_bytes"] + f["sampler_bytes"]

    def opening(f: dict) -> float:
        return f["read_s"] + f["index_s"] + f["sampler_s"]

    lines: list[tuple[str, Callable[[dict], str]]] = [
        ("windows", lambda f: f"{f['windows']:,}"),
        ("segments", lambda f: f"{f['segments']:,}"),
        ("people", lambda f: f"{f['people']:,}"),
        ("samples, GB (holes)", lambda f: f"{f['sample_bytes'] / 1e9:.2f}"),
        ("**kept in memory, bytes a window**", lambda f: f"**{kept(f) / f['windows']:.1f}**"),
        ("… table of segments", lambda f: f"{f['segment_bytes'] / f['windows']:.1f}"),
        ("… rows to train on", lambda f: f"{f['row_bytes'] / f['windows']:.1f}"),
        ("… sampler", lambda f: f"{f['sampler_bytes'] / f['windows']:.1f}"),
        ("own memory: lasting growth, bytes a window", lambda f: f"{f['held_bytes'] / f['windows']:.1f}"),
        ("own memory: lasting growth, MB", lambda f: f"{f['held_bytes'] / 1e6:.1f}"),
        ("own memory: largest growth while opening, MB", lambda f: f"{f['peak_bytes'] / 1e6:.1f}"),
        ("**to open, s**", lambda f: f"**{opening(f):.2f}**"),
        ("… folders and checks", lambda f: f"{f['read_s']:.2f}"),
        ("… index", lambda f: f"{f['index_s']:.2f}"),
        ("… rows and sampler", lambda f: f"{f['sampler_s']:.2f}"),
        ("first opening: all samples read through, s", lambda f: "" if f["scan_s"] is None else f"{f['scan_s']:.1f}"),
        (f"**to draw a batch of {BATCH}, µs**", lambda f: f"**{f['draw_us']:.0f}**"),
        ("random first samples of a batch, µs", lambda f: f"{f['start_us']:.0f}"),
        ("to copy and resample a batch in the page cache, µs", lambda f: f"{f['gather_us']:,.0f}"),
    ]
    rows = [f"| {title} | " + " | ".join(cell(f) for f in figures) + " |" for title, cell in lines]
    return "\n".join([rows[0], "|---|" + "---:|" * len(figures), *rows[1:]])
