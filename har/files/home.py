"""Paths as people give them: none at all, and those that begin with ``~``."""

import argparse
from pathlib import Path


class NoPathError(ValueError, argparse.ArgumentTypeError):
    """An empty text stands where a path should, as of a variable of the shell that is not set."""


def given_path(text: str) -> Path:
    """A path that somebody gave, and the ``type`` of an argument that is one.

    Raises ``NoPathError`` for an empty text, which Python takes for the current folder.
    """
    if not text:
        raise NoPathError("an empty text is no path; name a file or a folder, . for the current one")
    return Path(text)


def expand_home(path: str | Path) -> Path:
    """``path`` with ``~`` as the user's home folder.

    Raises ``NoPathError`` as `given_path` does, and ``FileNotFoundError`` where nobody knows which folder that is: HOME
    is not set, and the system does not list the user, as in a container.
    """
    try:
        return given_path(str(path)).expanduser()
    except RuntimeError:
        raise FileNotFoundError(
            f"{path}: ~ stands for a home folder, and none is known (HOME is not set); give the whole path"
        ) from None
