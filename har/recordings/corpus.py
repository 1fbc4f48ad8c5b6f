"""The datasets that a script works on: all that are prepared, or a corpus that is written when there are none."""

import contextlib
import errno
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from har.files.whole import hidden_folder, move_folder
from har.recordings.format import Dataset, DatasetError, prepared_datasets, read_dataset
from har.recordings.simulate import write_simulated_corpus


class Fallback(NamedTuple):
    """What is used when nothing is prepared, or beside what is.

    folder: its place under the data folder, so that it never mixes with recordings of people. held_out: datasets of it
    that are held out when it is all there is. write: called with a folder to fill, which then gets that place, unless
    it has been done before.
    """

    folder: str
    held_out: Sequence[str]
    write: Callable[[Path], object]


def simulated_people(constants: Mapping[str, Any], **options: Any) -> Fallback:
    """People simulated as the constants SIMULATED_* of a script say; options: further ones of the writer."""

    def write(folder: Path) -> None:
        people, hours, seed = (constants[f"SIMULATED_{name}"] for name in ("PEOPLE", "HOURS", "SEED"))
        write_simulated_corpus(folder, people=people, hours=hours, seed=seed, **options)

    return Fallback(constants["SIMULATED_FOLDER"], constants["SIMULATED_HELD_OUT"], write)


def open_datasets(
    root: Path,
    held_out: Sequence[str],
    fallback: Fallback,
    tell: Callable[[str], object],
    progress: Callable[[Sequence[str]], Iterable[str]] = lambda names: names,
    only: Sequence[str] = (),
    beside: Sequence[str] = (),
) -> tuple[list[Dataset], list[Dataset]]:
    """(datasets to learn from, datasets held out) of those prepared under ``root``, each sorted by name.

    tell: receives a line for people when the fallback is used, and when a dataset to hold out is not there. progress:
    wraps the names while they are opened. only: learn from no others; empty stands for all. beside: names of the
    fallback's datasets where these are added to what is prepared (if none of them is, and ``only`` names no others).
    Raises ``DatasetError`` when a dataset is damaged, one of ``only`` is not there, or nothing is left to learn from.
    """
    folders = {name: root / name for name in prepared_datasets(root)}
    alone = not folders
    if alone or (beside and not only and not set(beside) & set(folders)):
        written = root / fallback.folder
        if not prepared_datasets(written):
            try:
                _write_whole(written, fallback.write)
            except OSError as error:
                raise DatasetError(
                    f"simulated people cannot be written to {written} ({error.strerror or error}); name another place "
                    "by --SIMULATED_FOLDER (an absolute path), or do without them by --SIMULATED_BESIDE=false"
                ) from error
        added = {name: written / name for name in prepared_datasets(written)}
        if alone:
            held_out = fallback.held_out
            tell(f"No dataset is prepared under {root}: training on simulated people: {', '.join(added)}")
        else:
            tell(f"Beside {len(folders)} prepared datasets, simulated people: {', '.join(added)}")
        folders |= added
    names = sorted(folders)
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
    datasets = {name: read_dataset(folders[name]) for name in progress(names)}
    return (
        [dataset for name, dataset in datasets.items() if name not in held_out],
        [dataset for name, dataset in datasets.items() if name in held_out],
    )


def _write_whole(folder: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a hidden folder that gets its name when complete: half of it would pass for the whole.

    Where several processes begin at once each writes its own, and the first to end is the one that counts.
    """
    with hidden_folder(folder) as hidden:
        write(hidden)
        with contextlib.suppress(OSError):
            folder.rmdir()  # an empty one: not every system puts another in its place
        if not move_folder(hidden, folder) and not prepared_datasets(folder):
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), str(folder))  # by something of somebody's own
