"""All sessions of a server: who may begin one, who goes on with which, and when one is forgotten."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from har.live.flow import Outbox
from har.live.protocol import (
    FULL,
    TAKEN_OVER,
    UNSUITABLE,
    Refusal,
    SetLabels,
    SetPlacement,
    Start,
    check_placement,
    check_typed,
)
from har.live.replay import Replay
from har.live.session import Recogniser, Session

# Few enough to read on a phone, and what one worn device tells best; any others are typed.
FIRST_LABELS = (
    "walking", "standing", "sitting", "lying", "running", "walking upstairs", "walking downstairs", "cycling",
)  # fmt: skip
# Where a phone or a watch is worn most.
PLACEMENTS = (
    "trouser pocket", "jacket pocket", "hand", "left wrist", "right wrist", "waist", "chest", "upper arm", "ankle",
    "backpack",
)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """labels: what a page begins with; placement: likewise. clients: pages at a time. kept_s: how long a session waits
    for its page to come back. replay: a recording in place of the page's sensors.

    Raises ``ValueError`` for labels and a placement that no page could send back, such as too many or too long ones.
    """

    labels: tuple[str, ...] = FIRST_LABELS
    placement: str | None = None
    clients: int = 10
    kept_s: float = 60.0
    replay: Replay | None = None

    def __post_init__(self) -> None:
        check_typed(list(self.labels))
        check_placement(self.placement)
        if self.placement is None and self.replay is not None:
            check_placement(self.replay.device.placement)


class Sessions:
    """Sessions by identity. All methods are called on the event loop.

    make: ``make(labels, placement=…, channels=…, gravity=…)`` is a new recogniser; it encodes words, and is called in
    the thread for them. pool, words: as of a ``Session``.
    """

    def __init__(self, make: Callable[..., Recogniser], settings: Settings, pool: Executor, words: Executor) -> None:
        self.settings = settings
        self._make, self._pool, self._words = make, pool, words
        self._held: dict[str, Session] = {}
        self._opening = 0

    @property
    def connected(self) -> int:
        """Sessions that a page is on, those included that begin just now."""
        return self._opening + sum(session.outbox is not None for session in self._held.values())

    async def join(self, start: Start, outbox: Outbox) -> Session:
        """The session that a page goes on with, or a new one, attached to its outbox.

        Raises ``Refusal`` where there are too many, and where the recogniser refuses what it is to work on.
        """
        if self.settings.replay is not None:
            device = self.settings.replay.device
            start = start._replace(channels=self.settings.replay.channels, gravity=device.gravity)
            if start.placement is None:
                start = start._replace(placement=device.placement)
        known = self._held.get(start.session) if start.session is not None else None
        if (
            known is not None
            and not known.failed
            and (known.channels, known.gravity) == (start.channels, start.gravity)
        ):
            return await self._go_on(known, start, outbox)
        if self.connected >= self.settings.clients:
            raise Refusal(FULL)
        session = await self._open(start)
        session.attach(outbox, resumed=False)
        self._play(session)
        return session

    def _play(self, session: Session) -> None:
        """Begin the recording, if there is one; one that has ended begins again."""
        if self.settings.replay is not None and (session.replay is None or session.replay.done()):
            session.replay = asyncio.create_task(self.settings.replay.play(session))

    async def _go_on(self, session: Session, start: Start, outbox: Outbox) -> Session:
        if session.outbox is None and self.connected >= self.settings.clients:
            raise Refusal(FULL)
        if session.outbox is not None:  # the former socket may be dead without knowing it yet
            session.outbox.close(Refusal(TAKEN_OVER))
        session.attach(outbox, resumed=True)
        try:
            if start.labels is not None and start.labels != session.labels:
                await session.handle(SetLabels(start.labels))
            if start.placement != session.placement:
                await session.handle(SetPlacement(start.placement))
        except BaseException:  # the page went meanwhile, or the session failed
            self.leave(session, outbox)
            raise
        self._play(session)
        return session

    async def _open(self, start: Start) -> Session:
        self._opening += 1
        try:
            labels: Sequence[str] = self.settings.labels if start.labels is None else start.labels
            placement = self.settings.placement if start.placement is None else start.placement

            def make() -> Recogniser:
                return self._make(labels, placement=placement, channels=start.channels, gravity=start.gravity)

            try:
                recogniser = await asyncio.get_running_loop().run_in_executor(self._words, make)
            except ValueError as error:
                raise Refusal(UNSUITABLE, str(error)) from error
        finally:
            self._opening -= 1
        session = Session(secrets.token_urlsafe(16), start, recogniser, self._pool, self._words)
        self._held[session.identity] = session
        waiting = [one for one in self._held.values() if one.outbox is None and one is not session]
        if len(waiting) > self.settings.clients:
            self._forget(waiting[0])
        return session

    def leave(self, session: Session, outbox: Outbox) -> None:
        """A page is gone; its session waits for it, unless another page has taken it over."""
        if session.outbox is not outbox:
            return
        session.outbox, session.left_by = None, outbox
        if session.failed:
            self._forget(session)
        else:
            asyncio.get_running_loop().call_later(self.settings.kept_s, self._forget_left, session, outbox)

    def _forget_left(self, session: Session, outbox: Outbox) -> None:
        if session.outbox is None and session.left_by is outbox:
            self._forget(session)

    def _forget(self, session: Session) -> None:
        session.end()
        self._held.pop(session.identity, None)

    def end(self) -> None:
        """The server stops."""
        for session in list(self._held.values()):
            self._forget(session)
