"""What is said where there is no room for a file: which one, how much is missing, what to do."""

import contextlib
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

try:
    import resource
except ImportError:  # not on Windows, where no limit is set for files
    resource = None

# No space on the disk, none in the quota, and larger than files may be (a limit of the process or of the file system).
_NO_ROOM = (errno.ENOSPC, errno.EFBIG, *((errno.EDQUOT,) if hasattr(errno, "EDQUOT") else ()))


class NoRoomError(OSError):
    """There is no room for a file: ``filename`` names it, ``strerror`` says what is missing and what to do."""


def is_no_room(error: OSError) -> bool:
    """Whether it tells of a lack of space."""
    return error.errno in _NO_ROOM


@contextlib.contextmanager
def room_for(path: str | Path, size: int = 0, temporary: Path | None = None) -> Iterator[None]:
    """A block that writes ``path``: where there is no room, ``NoRoomError`` says so; other errors pass through.

    size: bytes that it takes, as far as known. temporary: where it is written to, by default ``path`` itself.
    """
    try:
        yield
    except OSError as error:
        if not is_no_room(error) or isinstance(error, NoRoomError):
            raise
        written = _size_of(Path(temporary or path))
        raise NoRoomError(error.errno, explain_no_room(error, path, size, written), str(path)) from error


def explain_no_room(error: OSError, path: str | Path, size: int = 0, written: int = 0) -> str:
    """What is missing for ``path``, of which ``written`` bytes of ``size`` (0: not known) were written."""
    taken = f"it takes {_megabytes(size)}" if size else f"{_megabytes(written)} of it were written"
    if error.errno == errno.EFBIG:
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0] if resource else -1
        allowed = "of this file system" if limit < 0 or limit == resource.RLIM_INFINITY else _megabytes(limit)
        reason = f"it is larger than files may be ({allowed}; ulimit -f shows a limit): {taken}"
    else:
        folder = next(place for place in (Path(path).absolute(), *Path(path).absolute().parents) if place.is_dir())
        whose = "the disk is full" if error.errno == errno.ENOSPC else "the quota is used up"
        reason = f"{whose}: {taken}, {_megabytes(shutil.disk_usage(folder).free)} are free"
    return f"{reason}. What stood there before is as it was; make room or name another place, then start again"


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # not even begun
        return 0


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size:,} bytes"
