"""A page that a phone opens, and the server behind it: samples in, names of activities out, while they happen."""

from importlib.util import find_spec

_NEEDED = ("cryptography", "segno", "starlette", "uvicorn", "websockets")


def check_installed() -> None:
    """Raises ``ImportError``, with the command that helps, where a package of the extra ``live`` is missing."""
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise ImportError(f"the live page needs {', '.join(missing)}: pip install 'har-language[live]'")
