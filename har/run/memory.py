"""How much memory a process holds for itself."""

from pathlib import Path

_STATUS = Path("/proc/self/status")


def own_memory_mb() -> float | None:
    """Memory in MiB that nobody but this process uses and only its end gives back; None where the system is not Linux.

    It is the field RssAnon of ``/proc/self/status`` (proc(5)): resident pages that no file stands behind. Pages of
    mapped files (RssFile), here recordings and shared libraries, are not in it: they are copies of what is on disk, are
    shared by all processes that map the file, and the system drops them as soon as memory is wanted elsewhere.
    """
    if not _STATUS.is_file():
        return None
    for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name == "RssAnon":
            return int(value.split()[0]) / 1024
    return None  # a system that has the file, but not the field (Linux before 4.5)
