"""Processes that compute for another one, and end with it."""

import os
import threading
import time
from collections.abc import Callable
from typing import Any

_LOOK_EVERY_S = 1.0
_bound = False


def ending_with(parent: int, work: Callable[..., Any], *arguments: Any) -> Any:
    """What ``work`` returns, in a process that ends by itself once its parent, of that process id, is dead.

    A worker that is writing a result to a process that was killed would wait for ever, with all of its memory. In the
    parent itself nothing is changed.
    """
    global _bound
    if not _bound and os.getpid() != parent:
        _bound = True
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    return work(*arguments)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_S)
    os._exit(1)
