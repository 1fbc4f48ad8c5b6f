"""How much may come in, and what goes out to a page that reads slowly."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from har.live.protocol import DEAF, Refusal

_MOST_WAITING = 256  # messages to a page that does not read them


class Allowance:
    """A token bucket: ``most`` at once, and ``a_second`` from then on."""

    def __init__(self, a_second: float, most: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._a_second, self._most, self._clock = a_second, most, clock
        self._left, self._at = most, clock()

    def take(self, count: float = 1) -> bool:
        """Whether so many may come now; they are counted if so."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._a_second)
        self._at = now
        if count > self._left:
            return False
        self._left -= count
        return True


class Outbox:
    """What waits to be sent to one page, in order; of answers only the newest waits, in the place of the former.

    Of samples of a replayed recording the oldest are left out where the page reads too slowly; one that does not even
    read what it asked for is closed.
    """

    def __init__(self) -> None:
        self._waiting: deque[dict[str, Any] | bytes] = deque()
        self._filled = asyncio.Event()
        self._refusal: Refusal | None = None

    def put(self, message: dict[str, Any] | bytes) -> None:
        if isinstance(message, dict) and message["type"] == "answer":
            self._waiting = deque(one for one in self._waiting if isinstance(one, bytes) or one["type"] != "answer")
        if len(self._waiting) >= _MOST_WAITING:
            oldest = next((place for place, one in enumerate(self._waiting) if isinstance(one, bytes)), None)
            if oldest is None:
                self.close(Refusal(DEAF))
                return
            del self._waiting[oldest]
        self._waiting.append(message)
        self._filled.set()

    def close(self, refusal: Refusal) -> None:
        """Nothing more is sent; ``get`` raises this."""
        self._refusal = refusal
        self._filled.set()

    async def get(self) -> dict[str, Any] | bytes:
        """The next message; raises the ``Refusal`` that the box was closed by."""
        while True:
            if self._refusal is not None:
                raise self._refusal
            if self._waiting:
                return self._waiting.popleft()
            self._filled.clear()
            await self._filled.wait()
