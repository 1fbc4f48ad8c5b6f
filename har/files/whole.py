"""Files and folders that appear whole or not at all, though the process may be killed at any moment.

What is being written has a hidden name beside its own, ``.<stem>.<writer>.<8 hex digits>.part<suffix>``, and takes the
place of its own in one step. The writer, ``<machine>-<process id>``, tells what a dead process left from what a living
one is at: whoever writes into a folder removes the former from it.
"""

import contextlib
import ctypes
import errno
import functools
import hashlib
import os
import re
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from har.files.room import room_for

# Where nobody can be asked whether the writer lives, such as on another machine: it is taken for dead when nothing was
# written for so long.
ABANDONED_S = 3600.0

_TEMPORARY_NAME = re.compile(r"\..+?(\.(?P<machine>[0-9a-f]{8})-(?P<process>\d+))?\.[0-9a-f]{8}\.part(\.[^.]+)?")
_EXCHANGE, _AT_CURRENT_FOLDER = 2, -100  # RENAME_EXCHANGE and AT_FDCWD of Linux


def temporary_path(path: Path, suffix: str) -> Path:
    """A hidden name beside ``path`` that nobody else uses, with the suffix of a file; "" for a folder."""
    stem = path.name.removesuffix(suffix)
    return path.with_name(f".{stem}.{_machine()}-{os.getpid()}.{secrets.token_hex(4)}.part{suffix}")


def is_temporary(path: Path) -> bool:
    """Whether ``temporary_path`` made its name."""
    return _TEMPORARY_NAME.fullmatch(path.name) is not None


@contextlib.contextmanager
def atomic_writer(path: str | Path, *, size: int = 0, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` to write to; it replaces ``path`` when the block ends without an error.

    A reader sees the old file or the new one, never a part, even if the process is killed. The temporary name keeps
    the suffix, which numpy and matplotlib look at. On an error nothing is left behind and ``path`` is as it was.

    Args:
        size: bytes that it takes, as far as known, for what is said where there is no room.
        durable: wait until it has reached the disk, so that it outlives a power cut; what can be found out anew need
            not.

    Raises:
        FileNotFoundError: the folder of ``path`` is missing, or the block did not write the temporary file.
        NoRoomError: there is no room for it.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path.name}: the folder {path.parent} does not exist")
    remove_abandoned(path.parent)
    temporary = temporary_path(path, path.suffix)
    try:
        with room_for(path, size, temporary):
            yield temporary
            if not temporary.is_file():
                raise FileNotFoundError(f"nothing was written to {temporary}, which should have become {path.name}")
            if durable:
                _flush_to_disk(temporary, os.O_RDWR)
            os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable and os.name == "posix":
        # The new name itself must survive a power cut; elsewhere a folder cannot be opened for this.
        _flush_to_disk(path.parent, os.O_RDONLY)


def _flush_to_disk(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(path: str | Path, data: bytes | str, *, durable: bool = True) -> None:
    """Write ``data`` (text as UTF-8, line ends as they are) to ``path``, whole or not at all.

    durable, errors: as of ``atomic_writer``.
    """
    content = data.encode() if isinstance(data, str) else data
    with atomic_writer(path, size=len(content), durable=durable) as temporary:
        temporary.write_bytes(content)


@contextlib.contextmanager
def hidden_folder(path: str | Path) -> Iterator[Path]:
    """Yield a new folder beside ``path`` (whose parents are made) to fill, and to be moved away by the block.

    What is still there at the end of the block is removed. Raises ``NoRoomError`` where there is no room.
    """
    path = Path(path)
    with room_for(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path.parent)
    hidden = temporary_path(path, "")
    try:
        with room_for(path):
            hidden.mkdir()
            yield hidden
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def move_folder(new: Path, path: Path) -> bool:
    """Give the folder ``new`` the name ``path`` if nothing but an empty folder has it; whether it got it."""
    try:
        new.rename(path)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY) and not (os.name == "nt" and path.exists()):
            raise
        return False
    return True


def replace_folder(new: Path, path: Path) -> None:
    """Move the folder ``new`` to ``path``; a former folder there is removed.

    Where the system can exchange two names (Linux), ``path`` names one of the two at every moment, and of several
    processes that do so at once the last one's stays. Elsewhere the former folder is moved aside first.
    """
    while not move_folder(new, path):
        if not _exchange(new, path):
            aside = temporary_path(path, "")
            with contextlib.suppress(FileNotFoundError):  # another process was faster
                os.replace(path, aside)
            shutil.rmtree(aside, ignore_errors=True)
            continue
        shutil.rmtree(new, ignore_errors=True)
        return


def _exchange(first: Path, second: Path) -> bool:
    """Exchange the names of two folders in one step; False where this system or disk cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if sys.platform == "linux" else None
    if rename is None:
        return False
    names = (_AT_CURRENT_FOLDER, os.fsencode(first), _AT_CURRENT_FOLDER, os.fsencode(second))
    return rename(*names, _EXCHANGE) == 0


# --- What dead processes left ----------------------------------------------------------------------------------------


def remove_abandoned(folder: Path) -> None:
    """Remove from ``folder`` what processes that are dead had begun to write there.

    What cannot be removed stays: it does no harm.
    """
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if _is_abandoned(path):
                _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def _is_abandoned(path: Path) -> bool:
    name = _TEMPORARY_NAME.fullmatch(path.name)
    if name is None:
        return False
    if name["machine"] == _machine() and not _lives(int(name["process"])):
        return True
    inside = path.rglob("*") if path.is_dir() else ()
    return time.time() - max(_written(one) for one in (path, *inside)) > ABANDONED_S


def _written(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:  # its writer has just moved it
        return time.time()


def _lives(process: int) -> bool:
    if os.name != "posix":  # asking would end it
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        return True
    return True


@functools.cache
def _machine() -> str:
    """What process ids are unique in: this machine since its start, or a container on it."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):  # on Linux
        parts += [Path("/proc/sys/kernel/random/boot_id").read_text(), os.readlink("/proc/self/ns/pid")]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]
