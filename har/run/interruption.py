"""Ending a long run between two steps, with everything saved."""

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

_SAME_WISH_S = 1.0


class StopRequest:
    """Turns Ctrl-C (SIGINT) and SIGTERM into a wish, ``requested``, that the loop looks at between steps.

    A second signal raises ``KeyboardInterrupt`` at once, unless it comes within a second of the first: torchrun passes
    on the Ctrl-C that the terminal has sent to its processes already. ``notice`` is told what happens, for people.
    ``release`` puts the former handlers back. Signals belong to the main thread: in another nothing is requested.
    """

    def __init__(self, notice: Callable[[str], object], clock: Callable[[], float] = time.monotonic) -> None:
        self.requested, self._clock, self._since = False, clock, 0.0
        self._notice = notice
        numbers = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
        self._before = {number: signal.signal(number, self._request) for number in numbers}

    def release(self) -> None:
        """Give the signals back to whoever handled them before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _request(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            if self._clock() - self._since > _SAME_WISH_S:
                raise KeyboardInterrupt
            return
        self.requested, self._since = True, self._clock()
        self._notice("Stopping after this step ... (once more to stop at once, losing what came since the last save)")
