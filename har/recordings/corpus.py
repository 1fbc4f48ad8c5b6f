"""The datasets that a script works on: all that are prepared, or a corpus that is written when there are none."""

import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from har.recordings.format import Dataset, DatasetError, prepared_datasets, read_dataset


class Fallback(NamedTuple):
    """What is used when nothing is prepared.

    folder: its place under the data folder, so that it never mixes with recordings of people. held_out: datasets of it
    that are held out. write: called with a folder to fill, which then gets that place, unless it has been done before.
    """

    folder: str
    held_out: Sequence[str]
    write: Callable[[Path], object]


def open_datasets(
    root: Path,
    held_out: Sequence[str],
    fallback: Fallback,
    tell: Callable[[str], object],
    progress: Callable[[Sequence[str]], Iterable[str]] = lambda names: names,
    only: Sequence[str] = (),
) -> tuple[list[Dataset], list[Dataset]]:
    """(datasets to learn from, datasets held out) of those prepared under ``root``, each sorted by name.

    tell: receives a line for people when the fallback is used, and when a dataset to hold out is not there. progress:
    wraps the names while they are opened. only: learn from no others; empty stands for all. Raises ``DatasetError``
    when a dataset is damaged, one of ``only`` is not there, or nothing is left to learn from.
    """
    names = prepared_datasets(root)
    if not names:
        prepared_root, root, held_out = root, root / fallback.folder, fallback.held_out
        if not prepared_datasets(root):
            _write_whole(root, fallback.write)
        names = prepared_datasets(root)
        tell(f"No dataset is prepared under {prepared_root}: training on simulated people: {', '.join(names)}")
    if only:
        if absent := sorted(set(only) - set(names)):
            raise DatasetError(f"{root} holds {names}; DATASETS asks for {', '.join(absent)} (prepare_data.py list)")
        names = [name for name in names if name in {*only, *held_out}]
    if not set(names) - set(held_out):
        raise DatasetError(
            f"{root} holds {names}, all of them held out; prepare others (prepare_data.py list) or change "
            "HELD_OUT_DATASETS"
        )
    if missing := sorted(set(held_out) - set(names)):
        tell(f"Held out but not prepared, so not scored: {', '.join(missing)}")
    datasets = {name: read_dataset(root / name) for name in progress(names)}
    return (
        [dataset for name, dataset in datasets.items() if name not in held_out],
        [dataset for name, dataset in datasets.items() if name in held_out],
    )


def _write_whole(folder: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a hidden folder that gets its name when complete: half of it would pass for the whole."""
    hidden = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(hidden, ignore_errors=True)
    hidden.mkdir(parents=True)
    write(hidden)
    if folder.exists():
        folder.rmdir()  # empty, or else it holds something that nobody here wrote: an error
    hidden.rename(folder)
