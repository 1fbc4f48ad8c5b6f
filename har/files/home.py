"""Paths that begin with ``~``."""

from pathlib import Path


def expand_home(path: str | Path) -> Path:
    """``path`` with ``~`` as the user's home folder.

    Raises ``FileNotFoundError`` where nobody knows which folder that is: HOME is not set, and the system does not list
    the user, as in a container.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise FileNotFoundError(
            f"{path}: ~ stands for a home folder, and none is known (HOME is not set); give the whole path"
        ) from None
