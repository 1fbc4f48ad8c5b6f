"""One wearer's device while it sends: samples wait, a recogniser works on them in a thread, answers go to the page.

The event loop only hands things on. A session has at most one job in the pool at a time, which takes all samples that
wait: whoever falls behind keeps every sample and skips answers. Words are encoded before the job that sets them, in a
thread of their own, which all sessions share as they share the encoder: answers go on meanwhile.
"""

import asyncio
import base64
import logging
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from har.live.flow import Outbox
from har.live.protocol import (
    BROKEN,
    MALFORMED,
    MOST_LABELS,
    Message,
    Refusal,
    Samples,
    SaveTaught,
    SetLabels,
    SetPlacement,
    Start,
    Teach,
    Unmet,
)
from har.recognition.adapter import Adapter
from har.recognition.colors import colors_of
from har.recognition.live import LiveAnswer
from har.recognition.vocabulary import RESERVED

MOST_WAITING = 60_000  # samples: two minutes of the fastest device; older ones are left out, as a gap

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class Recogniser(Protocol):
    """What a session needs of ``har.recognition.live.LiveRecogniser``; one caller at a time."""

    labels: Sequence[str]
    placement: str | None
    adapter: Adapter | None
    notes: Sequence[str]

    def add(self, time_s: np.ndarray, samples: np.ndarray) -> None: ...

    def answer(self) -> LiveAnswer | None: ...

    def read(self, labels: Sequence[str] = (), placement: str | None = None) -> None: ...  # beside all others

    def set_labels(self, labels: Sequence[str]) -> None: ...

    def set_placement(self, placement: str | None) -> None: ...

    def teach(self, label: str, start_s: float, stop_s: float) -> None: ...


class Session:
    """A recogniser and what waits for it. All methods are called on the event loop.

    identity: what a page gives to go on with it. start: what it began with. pool: where it computes. words: the one
    thread that encodes.
    """

    def __init__(self, identity: str, start: Start, recogniser: Recogniser, pool: Executor, words: Executor) -> None:
        self.identity, self.channels, self.gravity = identity, start.channels, start.gravity
        self.labels, self.placement = tuple(recogniser.labels), recogniser.placement
        self._recogniser, self._pool, self._words = recogniser, pool, words
        self._commands = asyncio.Lock()  # one follows another
        self._batches: list[Samples] = []
        self._asked: deque[tuple[Callable[[], Any], asyncio.Future]] = deque()
        self._work: asyncio.Task | None = None
        self._notes = list(recogniser.notes)
        self._unusable: str | None = None
        self.outbox: Outbox | None = None
        self.left_by: Outbox | None = None  # the page that went last
        self.failed = False
        self.replay: asyncio.Task | None = None

    # --- The page -----------------------------------------------------------------------------------------------------

    def attach(self, outbox: Outbox, resumed: bool) -> None:
        """Talk to this page from now on."""
        self.outbox = outbox
        self.tell({"type": "started", "session": self.identity, "resumed": resumed, **self._named()})
        self.tell({"type": "notes", "notes": self._notes})
        if self._unusable is not None:  # this page has not heard of it
            self.tell({"type": "unusable", "reason": self._unusable})

    def tell(self, message: dict[str, Any] | bytes) -> None:
        """Send it to the page, if there is one."""
        if self.outbox is not None:
            self.outbox.put(message)

    def end(self) -> None:
        """Nothing is computed any more."""
        for task in (self.replay, self._work):
            if task is not None:
                task.cancel()

    # --- What comes in ------------------------------------------------------------------------------------------------

    def add(self, samples: Samples) -> None:
        """Samples of the device."""
        self._batches.append(samples)
        while sum(len(batch.time_s) for batch in self._batches) > MOST_WAITING:
            del self._batches[0]
        self._wake()

    async def settle(self) -> None:
        """Wait until all that came has been looked at, and told of."""
        while self._work is not None and not self._work.done():
            await asyncio.wait([self._work])

    @property
    def backlog_s(self) -> float:
        """Seconds of samples that wait."""
        return sum(float(batch.time_s[-1] - batch.time_s[0]) for batch in self._batches)

    async def handle(self, message: Message) -> None:
        """Do what a page asks and tell it; what cannot be done is told as a sentence."""
        try:
            async with self._commands:
                await self._do(message)
        except Unmet as reason:
            reason.asked = _ASKED[type(message)]
            self.refuse(reason)

    def refuse(self, reason: Unmet) -> None:
        """Say that something asked for cannot be met; all stays as it was."""
        self.tell({"type": "refused", "asked": reason.asked, "reason": str(reason), **self._named()})

    async def _do(self, message: Message) -> None:
        if isinstance(message, SetLabels):
            await self._read(message.labels)
            await self._ask(lambda: self._recogniser.set_labels(message.labels))
            self.labels = message.labels
            self.tell({"type": "labels", **self._named()})
        elif isinstance(message, SetPlacement):
            await self._read(placement=message.placement)
            await self._ask(lambda: self._recogniser.set_placement(message.placement))
            self.placement = message.placement
            self.tell({"type": "placement", **self._named()})
        elif isinstance(message, Teach):
            if len(self.labels) >= MOST_LABELS:
                raise Unmet(f"there are {MOST_LABELS} words to choose from already; remove one first")
            await self._read([message.label])
            await self._ask(lambda: self._recogniser.teach(message.label, message.start_s, message.stop_s))
            self.labels = tuple(self._recogniser.labels)
            self.tell({"type": "taught", "label": message.label, **self._named()})
        elif isinstance(message, SaveTaught):
            if self._recogniser.adapter is None:
                raise Unmet("nothing was taught yet")
            data = await self._ask(lambda: file_of(self._recogniser.adapter))
            self.tell({"type": "adapter", "data": base64.b64encode(data).decode()})
        else:
            raise TypeError(f"{message!r} is nothing that a started session is asked")

    def _named(self) -> dict[str, Any]:
        """Labels, their colours, and what else the page shows of the state."""
        adapter = self._recogniser.adapter
        return {
            "labels": list(self.labels),
            "colors": colors_of([*self.labels, *RESERVED]),
            "placement": self.placement,
            "taught": [] if adapter is None else list(adapter.labels),
        }

    # --- Computing ----------------------------------------------------------------------------------------------------

    async def _read(self, labels: Sequence[str] = (), placement: str | None = None) -> None:
        """Have words encoded, so that the job which sets them finds them."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._words, self._recogniser.read, labels, placement)
        except ValueError as error:
            raise Unmet(str(error)) from error

    async def _ask(self, command: Callable[[], _T]) -> _T:
        """Have the recogniser do something, after the samples that came before."""
        done = asyncio.get_running_loop().create_future()
        self._asked.append((command, done))
        self._wake()
        return await done

    def _wake(self) -> None:
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._batches or self._asked:
            batches, self._batches = self._batches, []
            command, done = self._asked.popleft() if self._asked else (None, None)
            try:
                found = await loop.run_in_executor(self._pool, self._compute, batches, command)
            except ValueError as error:  # the protocol has looked at all that a page can send
                self._fail(Refusal(MALFORMED, str(error)), done)
                return
            except Exception:
                _log.exception("a session of the live page ended by a mistake")
                self._fail(Refusal(BROKEN), done)
                return
            if done is not None and not done.done():
                if isinstance(found.outcome, Unmet):
                    done.set_exception(found.outcome)
                else:
                    done.set_result(found.outcome)
            self._report(found)

    def _report(self, found: "_Found") -> None:
        if found.answer is not None:
            self.tell(answer_message(found.answer, self.backlog_s))
        if found.unusable != self._unusable:
            self._unusable = found.unusable
            self.tell({"type": "unusable", "reason": self._unusable})
        if found.notes != self._notes:
            self._notes = found.notes
            self.tell({"type": "notes", "notes": self._notes})

    def _compute(self, batches: list[Samples], command: Callable[[], Any] | None) -> "_Found":
        """In a thread of the pool: all that waited, a command, and the newest answer."""
        if batches:
            time_s = np.concatenate([batch.time_s for batch in batches])
            self._recogniser.add(time_s, np.concatenate([batch.samples for batch in batches]))
        outcome = answer = unusable = None
        if command is not None:
            try:
                outcome = command()
            except ValueError as error:  # labels and stretches that it cannot use are no fault of the samples
                outcome = Unmet(str(error))
        try:
            answer = self._recogniser.answer()
        except ValueError as error:  # what the sensors give cannot be, which may end
            unusable = str(error)
        return _Found(answer, outcome, unusable, list(self._recogniser.notes))

    def _fail(self, refusal: Refusal, done: asyncio.Future | None) -> None:
        self.failed = True
        if self.outbox is not None:
            self.outbox.close(refusal)
        for waiting in (done, *(one for _, one in self._asked)):
            if waiting is not None and not waiting.done():
                waiting.set_exception(refusal)
        self._asked.clear()


class _Found(NamedTuple):
    """What a job found. unusable: why the samples cannot be named, None where they can."""

    answer: LiveAnswer | None
    outcome: Any
    unusable: str | None
    notes: list[str]


_ASKED = {SetLabels: "labels", SetPlacement: "placement", Teach: "teach", SaveTaught: "save"}


def answer_message(answer: LiveAnswer, behind_s: float) -> dict[str, Any]:
    """What a page is told of an answer. behind_s: seconds of samples that waited when it was ready."""
    return {
        "type": "answer",
        "time_s": answer.time_s,
        "name": answer.name,
        "confidence": None if answer.confidence is None else _plain(answer.confidence),
        "known": _plain(answer.known),
        "oriented": bool(answer.oriented),
        "labels": list(answer.labels),
        "probabilities": [_plain(value) for value in answer.probabilities],
        "behind_s": round(behind_s, 2),
    }


def _plain(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None


def file_of(adapter: Adapter) -> bytes:
    """An adapter as the file that ``Adapter.save`` writes."""
    with tempfile.TemporaryDirectory() as folder:
        return adapter.save(Path(folder) / "taught.npz").read_bytes()
