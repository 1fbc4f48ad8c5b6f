"""How much memory a process holds for itself, and what it gives back."""

import ctypes
from pathlib import Path

# Above all blocks of a batch of 128 windows of one device each, whose steps must stay fast; below those of a batch with
# all devices of a body, which comes once in twenty steps and takes half a gigabyte.
LARGE_BLOCK_BYTES = 5 << 20
_M_MMAP_THRESHOLD = -3  # <malloc.h> of glibc

_STATUS = Path("/proc/self/status")


def return_large_blocks(at_least: int = LARGE_BLOCK_BYTES) -> bool:
    """Let the process give blocks of memory of that many bytes back to the system as soon as they are freed.

    glibc does so at first, but takes every large block that was freed for a reason to keep larger ones (mallopt(3),
    M_MMAP_THRESHOLD), so that a single large batch decides what a process holds to its end. Returns False where
    the C library is another and nothing was changed.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl, macOS; Windows cannot open the program itself
        return False
    return mallopt(ctypes.c_int(_M_MMAP_THRESHOLD), ctypes.c_int(at_least)) == 1


def own_memory_mb() -> float | None:
    """Memory in MiB that nobody but this process uses and only its end gives back; None where the system is not Linux.

    It is the field RssAnon of ``/proc/self/status`` (proc(5)): resident pages that no file stands behind. Pages of
    mapped files (RssFile), here recordings and shared libraries, are not in it: they are copies of what is on disk, are
    shared by all processes that map the file, and the system drops them as soon as memory is wanted elsewhere.
    """
    own = resident_bytes("RssAnon").get("RssAnon")  # Linux before 4.5 has the file, but not the field
    return None if own is None else own / 2**20


def resident_bytes(*names: str) -> dict[str, int]:
    """Fields of ``/proc/self/status`` (proc(5)) that hold sizes, in bytes; those that the system does not have are left
    out, all of them where it is not Linux."""
    if not _STATUS.is_file():
        return {}
    lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return {name: 1024 * int(fields[name].split()[0]) for name in names if name in fields}
