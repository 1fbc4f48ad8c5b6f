"""Ending a long run between two steps, with everything saved."""

import signal
from collections.abc import Callable
from types import FrameType


class StopRequest:
    """Turns Ctrl-C (SIGINT) and SIGTERM into a wish, ``requested``, that the loop looks at between steps.

    A second signal raises ``KeyboardInterrupt`` at once. ``notice`` is told what happens, for people. To be made in the
    main thread; ``release`` puts the former handlers back.
    """

    def __init__(self, notice: Callable[[str], object]) -> None:
        self.requested = False
        self._notice = notice
        self._before = {number: signal.signal(number, self._request) for number in (signal.SIGINT, signal.SIGTERM)}

    def release(self) -> None:
        """Give the signals back to whoever handled them before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _request(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        self._notice("Stopping after this step ... (once more to stop at once, losing what came since the last save)")
