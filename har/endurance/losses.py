"""What must be right after a trial, whatever happened in it."""

import contextlib
import hashlib
import itertools
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import torch
import yaml

from har.files.whole import is_temporary
from har.recordings.format import DatasetError, read_dataset
from har.run.checkpoint import CheckpointError, load_checkpoint
from har.run.folder import RECORD_NAMES
from har.run.log import read_metrics

LONGEST_FAREWELL_S = 5.0  # of processes that a script has started, after its end
PLACES = ("DATA_ROOT", "OUTPUT_ROOT", "TEXT_CACHE", "RESUME")  # constants that name one
MEASURED = ("time", "windows_per_s", "memory_mb")  # by clocks and meters: never twice the same


class LossError(AssertionError):
    """Something was lost or is wrong; the message says what."""


def check_whole(folder: Path) -> None:
    """Every file below ``folder`` can be read, those aside that were never given their name.

    Raises ``LossError`` for the first that cannot.
    """
    readers: dict[str, Callable[[Path], object]] = {
        ".pt": load_checkpoint, ".jsonl": read_metrics, ".png": _check_picture, ".safetensors": _check_named_by_content,
        ".json": lambda path: json.loads(path.read_text(encoding="utf-8")),
        ".yaml": lambda path: yaml.safe_load(path.read_text(encoding="utf-8")),
    }  # fmt: skip
    for path in sorted(folder.rglob("*")):
        if any(is_temporary(part) for part in (path, *path.relative_to(folder).parents)) or path.is_dir():
            continue
        try:
            if path.suffix in readers:
                readers[path.suffix](path)
            if path.name == "dataset.json":
                read_dataset(path.parent, scan=False)
        except (OSError, ValueError, yaml.YAMLError, CheckpointError, DatasetError) as error:
            raise LossError(f"{path} cannot be read: {error}") from error


def _check_picture(path: Path) -> None:
    if not path.read_bytes().endswith(b"IEND\xaeB`\x82"):
        raise ValueError("no PNG, or one without its end")


def _check_named_by_content(path: Path) -> None:
    if hashlib.sha256(path.read_bytes()).hexdigest() != path.stem:
        raise ValueError("its bytes are not those that were written")


def check_nothing_left(folder: Path) -> None:
    """Nothing half-written is below ``folder``, not even under a hidden name. Raises ``LossError``."""
    left = [path for path in folder.rglob("*") if is_temporary(path)]
    if left:
        raise LossError(f"left behind: {', '.join(map(str, left[:3]))}")


def check_nobody_left(folder: Path) -> None:
    """No process works in ``folder`` any more, or soon. Raises ``LossError``."""
    deadline = time.monotonic() + LONGEST_FAREWELL_S
    while left := _processes_in(folder):
        if time.monotonic() > deadline:
            raise LossError(f"{len(left)} processes are left behind: {', '.join(map(str, left))}")
        time.sleep(0.1)


def _processes_in(folder: Path) -> list[int]:
    """Ids of the processes whose current folder is ``folder`` or below it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            if Path(os.readlink(process / "cwd")).is_relative_to(folder):
                found.append(int(process.name))
    return found


def run_folders(output_root: Path) -> list[Path]:
    """The run folders below, in the order in which they were made."""
    records = itertools.chain.from_iterable(output_root.glob(f"*/[!.]*/{name}") for name in RECORD_NAMES)
    return sorted((record.parent for record in records), key=lambda folder: (folder / "run.json").stat().st_mtime_ns)


def check_same_run(found: Path, expected: Path) -> None:
    """The files of two runs have the same names; checkpoints and logs the same values, to the bit.

    Constants that name places are left out, and so is what clocks and meters measured. Raises ``LossError``.
    """
    names = [
        sorted(str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()) for run in (found, expected)
    ]
    if names[0] != names[1]:
        raise LossError(f"{found} holds {sorted(set(names[0]) ^ set(names[1]))} or lacks them")
    for name in names[0]:
        if name.endswith(".pt"):
            values = [load_checkpoint(run / name) for run in (found, expected)]
            for value in values:
                value["constants"] = {key: v for key, v in value["constants"].items() if key not in PLACES}
        elif name.endswith(".jsonl"):
            values = [_logged(run / name) for run in (found, expected)]
        else:
            continue
        if place := first_difference(*values):
            raise LossError(f"{found / name} differs from the run that nothing happened to in {place}")


def _logged(path: Path) -> list[dict]:
    def kept(name: str) -> bool:
        return name not in MEASURED and not name.endswith("_share")

    return [{name: value for name, value in record.items() if kept(name)} for record in read_metrics(path)]


def first_difference(found: object, expected: object, where: str = "value") -> str:
    """The place of the first difference of two nested values, tensors to the bit; "" where there is none."""
    if type(found) is not type(expected):
        return where
    if isinstance(found, torch.Tensor):
        alike = found.dtype == expected.dtype and found.shape == expected.shape
        return "" if alike and found.numpy().tobytes() == expected.numpy().tobytes() else where
    if isinstance(found, dict):
        if list(found) != list(expected):
            return where
        parts = ((key, found[key], expected[key]) for key in found)
    elif isinstance(found, list | tuple):
        if len(found) != len(expected):
            return where
        parts = ((index, *pair) for index, pair in enumerate(zip(found, expected, strict=True)))
    else:
        return "" if found == expected else where
    return next((place for key, a, b in parts if (place := first_difference(a, b, f"{where}[{key!r}]"))), "")


def contents(folder: Path) -> dict[str, bytes]:
    """Relative path -> bytes of every file below that is no leftover."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(is_temporary(part) for part in (path, *path.relative_to(folder).parents))
    }
