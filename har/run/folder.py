"""Run folders and the files in them: they lie under the repository's root, and appear whole or not at all."""

import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import warnings
import zlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import platformdirs
import torch
import yaml

from har.files.home import expand_home
from har.files.whole import atomic_writer as atomic_writer  # parts of a run folder, to be imported from here
from har.files.whole import hidden_folder, is_temporary, move_folder, remove_abandoned
from har.files.whole import write_atomically as write_atomically
from har.run.distributed import launch_id, was_restarted

# The record of constants that marks a run folder: of alignment and of pretraining.
RECORD_NAMES = ("hyperparameters.json", "config.yaml")

# Of a record: the checksum of all its other fields.
CHECKSUM_FIELD = "checksum"


class NoRepositoryError(FileNotFoundError):
    """The package does not lie in its repository."""


class RecordError(ValueError):
    """A record (JSON, YAML) cannot be used; the message names the file, what is wrong with it, and what to do."""


def repository_root() -> Path:
    """The folder that holds pyproject.toml and the ``har`` package.

    Raises:
        NoRepositoryError: the package was installed as a copy, away from its repository.
    """
    return _root_of(Path(__file__).resolve().parents[1])


def _root_of(package_folder: Path) -> Path:
    root = package_folder.parent
    if not (root / "pyproject.toml").is_file():
        raise NoRepositoryError(
            f"{root}, where the package {package_folder.name} lies, has no pyproject.toml: this is not the repository. "
            "Install in place with 'pip install -e .' from the repository's root, or give absolute paths"
        )
    return root


def resolve_under_root(path: str | Path) -> Path:
    """``path`` as an absolute path; a relative one starts at the repository's root, not at the current folder."""
    path = expand_home(path)
    return path if path.is_absolute() else repository_root() / path


def resolve_cache(path: str | Path) -> Path:
    """``path`` of a cache as an absolute path; a relative one starts at the repository's root.

    Where the package was installed away from its repository, it is a folder of that name in the user's cache folder, or
    in the system's temporary one where the user has no home.
    """
    try:
        return resolve_under_root(path)
    except NoRepositoryError:
        try:
            folder = platformdirs.user_cache_path("har-language")
        except RuntimeError:  # no home folder is known
            folder = Path(tempfile.gettempdir(), "har-language")
        return folder / Path(path).name


def create_run_folder(
    output_root: str | Path, kind: str, fill: Callable[[Path], object], now: datetime | None = None
) -> Path:
    """Make ``<output_root>/<kind>/<YYYYmmdd_HHMMSS>`` with ``plots/`` and all that ``fill`` writes, and return it.

    The folder appears with its first files in it or, if the process dies before, not at all. It is never used twice:
    runs started in the same second get ``_1``, ``_2``, ... appended.

    Args:
        output_root: relative paths start at the repository's root.
        kind: one folder name, for example ``semantic_alignment``.
        fill: called with a folder to write the run's records into, before the folder has got its name.
        now: the time to name the folder after, by default the present local time.

    Raises:
        ValueError: ``kind`` is not a plain folder name.
    """
    if kind in ("", ".", "..") or Path(kind).name != kind:
        raise ValueError(f"kind must be one folder name such as 'semantic_alignment', found {kind!r}")
    parent = resolve_under_root(output_root) / kind
    remove_left_by_dead_runs(parent)
    stamp = (now or datetime.now()).strftime("%Y%m%d_%H%M%S")
    folder, attempt = parent / stamp, 0
    with hidden_folder(folder) as hidden:
        (hidden / "plots").mkdir()
        fill(hidden)
        while not move_folder(hidden, folder):  # another process has taken the name
            attempt += 1
            folder = parent / f"{stamp}_{attempt}"
    return folder


def remove_left_by_dead_runs(parent: Path) -> None:
    """Remove from all run folders in ``parent`` the files that dead processes had begun to write."""
    for folder in (parent, *parent.glob("[!.]*/"), *parent.glob("[!.]*/plots/")):
        remove_abandoned(folder)


def find_run_folder(path: str | Path) -> Path:
    """The run folder that ``path`` names: the folder itself or any checkpoint (``.pt``) in it.

    A relative path is looked for under the current folder, then under the repository's root.

    Raises:
        FileNotFoundError: there is nothing at ``path``, or no record of constants beside it.
        ValueError: ``path`` is a file, but not a checkpoint.
    """
    given = expand_home(path)
    candidates = [given.absolute()] if given.is_absolute() else [given.absolute(), repository_root() / given]
    found = next((candidate for candidate in candidates if candidate.exists()), None)
    if found is None:
        tried = " and ".join(dict.fromkeys(str(candidate) for candidate in candidates))
        raise FileNotFoundError(f"no run folder or checkpoint at {tried}: give a folder made by a training script")
    if found.is_file() and found.suffix != ".pt":
        raise ValueError(f"{found} is neither a run folder nor a checkpoint (.pt)")
    folder = found if found.is_dir() else found.parent
    if not any((folder / name).is_file() for name in RECORD_NAMES):
        raise FileNotFoundError(
            f"{folder} is no run folder: it has neither {' nor '.join(RECORD_NAMES)}. "
            "Give the folder that a training script made; keep its files together when copying a checkpoint"
        )
    return folder


def find_resumed_run(resume: str | Path, output_root: str | Path, kind: str, checkpoints: str) -> str | Path | None:
    """What to go on from: what ``resume`` names, None for "" where the run is new.

    Where torchrun has started this run anew, it is the folder of the run, which holds what came after ``resume``.
    Arguments as in ``find_restarted_run``. Raises as ``find_run_folder`` does.
    """
    if not was_restarted():
        return resume or None
    return find_run_folder(resume) if resume else find_restarted_run(output_root, kind, checkpoints)


def find_restarted_run(output_root: str | Path, kind: str, checkpoints: str) -> Path | None:
    """The newest run folder that this ``torchrun`` made before it restarted, None without a checkpoint in any.

    output_root, kind: as in ``create_run_folder``. checkpoints: pattern of the names to go on from.
    """
    found = []
    for record in (resolve_under_root(output_root) / kind).glob("[!.]*/run.json"):
        try:
            launch = read_json(record, "the run is passed over in looking for the one to go on with").get("launch")
        except RecordError as error:
            warnings.warn(str(error), stacklevel=2)
            continue
        if launch is not None and launch == launch_id() and any(record.parent.glob(checkpoints)):
            found.append(record.parent)
    return max(found, key=lambda folder: (folder / "run.json").stat().st_mtime, default=None)


def remove_unfinished(folder: Path) -> None:
    """Remove the files that a killed process had begun to write in ``folder``; nobody else may be writing there."""
    for path in folder.iterdir():
        if is_temporary(path) and path.is_file():
            path.unlink()


def write_json(path: str | Path, obj: object, *, checked: bool = False) -> None:
    """Write plain Python values as indented JSON, keys in their given order.

    checked: ``obj`` is a dict whose numbers enter results; a last field, ``checksum``, lets ``read_json`` find out
    whether they are still those that were written.

    Raises:
        TypeError, ValueError: see :func:`require_plain` and :func:`with_checksum`.
    """
    require_plain(obj)
    written = with_checksum(obj) if checked else obj
    write_atomically(path, json.dumps(written, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_yaml(path: str | Path, obj: object) -> None:
    """Write plain Python values as block-style YAML, keys in their given order.

    Raises:
        TypeError, ValueError: see :func:`require_plain`.
    """
    require_plain(obj)
    write_atomically(path, yaml.safe_dump(obj, sort_keys=False, allow_unicode=True, width=120))


def read_json(path: str | Path, remedy: str) -> dict:
    """The dict that ``write_json`` wrote, without its checksum.

    remedy: what to do about a damaged file, as the end of a sentence.

    Raises:
        FileNotFoundError: there is no such file.
        RecordError: it is unreadable, no JSON, no dict, or not what was written, where it says what that was.
    """
    return _read_record(path, "JSON", json.loads, (ValueError,), remedy)


def read_yaml(path: str | Path, remedy: str) -> dict:
    """The same for what ``write_yaml`` wrote."""
    # The parser has no words of its own for some malformed scalars: 2020-13-45 is a ValueError, an empty !!int more.
    damage = (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
    return _read_record(path, "YAML", yaml.safe_load, damage, remedy)


def _read_record(
    path: str | Path, language: str, parse: Callable[[str], object], damage: tuple[type[Exception], ...], remedy: str
) -> dict:
    try:
        record = parse(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing; {remedy}") from None
    except OSError as error:
        raise RecordError(f"{path} cannot be read ({error.strerror}); {remedy}") from error
    except (UnicodeDecodeError, RecursionError, *damage) as error:
        raise RecordError(f"{path} is damaged: it is no {language} ({_one_line(error)}); {remedy}") from error
    if not isinstance(record, dict):
        raise RecordError(f"{path} holds a {type(record).__name__}, expected named values; {remedy}")
    return without_checksum(record, str(path), remedy)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def with_checksum(record: dict) -> dict:
    """``record`` and, as its last field, the CRC-32 of its JSON with sorted keys.

    Raises:
        ValueError: it has a field of that name already.
    """
    if CHECKSUM_FIELD in record:
        raise ValueError(f"the field {CHECKSUM_FIELD!r} of a record is made when it is written; name yours otherwise")
    return {**record, CHECKSUM_FIELD: _json_crc32(record)}


def without_checksum(record: dict, where: str, remedy: str) -> dict:
    """What ``with_checksum`` was given; a record without checksum as it is.

    Raises:
        RecordError: the checksum is that of other values; the message begins with ``where`` and ends with ``remedy``.
    """
    if CHECKSUM_FIELD not in record:
        return record
    written = {key: value for key, value in record.items() if key != CHECKSUM_FIELD}
    if record[CHECKSUM_FIELD] != _json_crc32(written):
        raise RecordError(f"{where} does not hold what was written (its checksum differs); {remedy}")
    return written


def _json_crc32(record: dict) -> str:
    return f"{zlib.crc32(json.dumps(record, sort_keys=True).encode()):08x}"


def require_plain(value: object, where: str = "") -> None:
    """Check that ``value`` holds nothing but what JSON and YAML give back unchanged (a tuple comes back as a list).

    Raises:
        TypeError: a value or key of another type, numpy scalars and tensors included; the message names its place.
        ValueError: a float that is not finite, which JSON has no word for.
    """
    place = where or "the top level"
    if type(value) is float and not math.isfinite(value):
        raise ValueError(f"{place} is {value}: only finite numbers can be written, use None for 'no value'")
    if value is None or type(value) in (bool, int, float, str):
        return
    if type(value) in (list, tuple):
        for index, item in enumerate(value):
            require_plain(item, f"{where}[{index}]")
        return
    if type(value) is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise TypeError(f"{place} has the key {key!r} of type {type(key).__name__}: only strings can be keys")
            require_plain(item, f"{where}.{key}" if where else key)
        return
    raise TypeError(
        f"{place} is of type {type(value).__module__}.{type(value).__name__}: convert it to a plain Python value first "
        "(float(x), x.tolist(), str(path))"
    )


def run_record(argv: list[str], device: str | torch.device) -> dict:
    """What is needed to repeat a run beside its constants: commit, versions, device, command, threads, start time.

    ``git`` is ``{"commit": ..., "dirty": ...}``, or None when the repository is not a git checkout (or has no commit,
    or git is not installed).
    """
    return {
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "argv": list(argv),
        "launch": launch_id(),
        "git": git_state(repository_root()),
        "versions": {
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "numpy": str(np.__version__),
            "cuda": torch.version.cuda,
        },
        "platform": platform.platform(),
        "device": str(device),
        "device_name": _device_name(torch.device(device)),
        "threads": torch.get_num_threads(),
    }


def git_state(folder: Path) -> dict | None:
    """Commit and dirty flag of the git checkout whose top level is ``folder``, None if there is none."""
    top_level = _git(folder, "rev-parse", "--show-toplevel")
    # A folder unpacked inside someone else's checkout must not be recorded as that checkout's commit.
    if top_level is None or Path(top_level).resolve() != folder.resolve():
        return None
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    status = _git(folder, "status", "--porcelain")
    if commit is None or status is None:
        return None
    return {"commit": commit, "dirty": status != ""}


def _git(folder: Path, *arguments: str) -> str | None:
    # Recording must not take the lock that a user's own git command may be waiting for.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        result = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=30, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() if result.returncode == 0 else None


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if sys.platform == "linux":
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
