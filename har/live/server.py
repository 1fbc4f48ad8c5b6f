"""The web application: the page's files, and the socket that samples and answers go through."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from har.live import protocol
from har.live.access import Guard, is_token
from har.live.flow import Allowance, Outbox
from har.live.protocol import BROKEN, Ping, Refusal, Samples, Start, Unmet
from har.live.session import Recogniser, Session
from har.live.sessions import PLACEMENTS, Sessions, Settings
from har.recognition.vocabulary import EVERYDAY_LABELS

_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_INDEX = "index.html"
_MOST_ASKED = 8  # that wait to be done; a page that asks for more is not read meanwhile
_CLOSES_WITHIN_S = 1.0
_SOCKETS_A_CLIENT = 2  # a page that comes back may do so before its former socket is known to be dead


@dataclass(frozen=True)
class Bounds:
    """messages, samples: of one page, a second and at once. idle_s, start_within_s: until a silent page is closed.
    deaf_s: until one is that does not read.
    """

    messages_a_second: float = 40.0
    messages_at_once: float = 200.0
    samples_a_second: float = 500.0
    samples_at_once: float = 5000.0
    idle_s: float = 60.0
    start_within_s: float = 10.0
    deaf_s: float = 10.0


_log = logging.getLogger(__name__)
_SETTINGS, _BOUNDS = Settings(), Bounds()


def page_files() -> dict[str, bytes]:
    """The files of the page, by name."""
    folder = resources.files("har.live") / "page"
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name.rpartition(".")[2] in _TYPES}


def live_app(
    make: Callable[..., Recogniser],
    token: str,
    names: Collection[str],
    settings: Settings = _SETTINGS,
    bounds: Bounds = _BOUNDS,
    threads: int = 1,
) -> Starlette:
    """The application.

    make: as ``Sessions``. token: as ``har.live.access.new_token``; names: under which it may be opened. threads: of
    the pool that recognises, beside one that encodes words; the event loop never computes.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="live")
    words = ThreadPoolExecutor(1, thread_name_prefix="words")
    sessions, files = Sessions(make, settings, pool, words), page_files()
    sockets = 0

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        sessions.end()
        for executor in (pool, words):
            executor.shutdown(wait=False, cancel_futures=True)

    async def file(request: Request) -> Response:
        if not is_token(request.path_params["token"], token):
            return PlainTextResponse(protocol.WRONG_TOKEN.reason + "\n", status_code=403)
        name = request.path_params.get("name") or _INDEX
        if name not in files:
            return PlainTextResponse("There is no such file.\n", status_code=404)
        return Response(files[name], media_type=_TYPES[name.rpartition(".")[2]])

    async def without_token(request: Request) -> Response:
        return PlainTextResponse("The address lacks its token: open the whole one of the terminal.\n", status_code=403)

    async def with_slash(request: Request) -> Response:
        if not is_token(request.path_params["token"], token):
            return PlainTextResponse(protocol.WRONG_TOKEN.reason + "\n", status_code=403)
        return RedirectResponse(f"/{token}/")

    async def socket(websocket: WebSocket) -> None:
        nonlocal sockets
        await websocket.accept()
        # A browser shows its page nothing of a handshake that was refused; the reason of a close it does.
        if not is_token(websocket.path_params["token"], token):
            await websocket.close(*protocol.WRONG_TOKEN)
            return
        if sockets >= _SOCKETS_A_CLIENT * settings.clients:
            await websocket.close(*protocol.FULL)
            return
        sockets += 1
        try:
            await Connection(websocket, sessions, bounds).run()
        finally:
            sockets -= 1

    return Starlette(
        routes=[
            Route("/", without_token),
            Route("/{token}", with_slash),
            Route("/{token}/", file),
            WebSocketRoute("/{token}/socket", socket),
            Route("/{token}/{name}", file),
        ],
        middleware=[Middleware(Guard, names=names)],
        lifespan=lifespan,
    )


class Connection:
    """One socket, from its first message to its end."""

    def __init__(self, websocket: WebSocket, sessions: Sessions, bounds: Bounds) -> None:
        self._websocket, self._sessions, self._bounds = websocket, sessions, bounds
        self._outbox = Outbox()
        self._messages = Allowance(bounds.messages_a_second, bounds.messages_at_once)
        self._samples = Allowance(bounds.samples_a_second, bounds.samples_at_once)
        self._asked: asyncio.Queue[tuple[Session, protocol.Message | Unmet]] = asyncio.Queue(_MOST_ASKED)

    async def run(self) -> None:
        """Serve the page until it goes, or is refused."""
        self._outbox.put(hello(self._sessions.settings))
        tasks = {asyncio.create_task(work()) for work in (self._receive, self._obey, self._send)}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except Refusal as refusal:
            await self._close(refusal)
        except WebSocketDisconnect:
            pass
        except Exception:
            _log.exception("a socket of the live page ended by a mistake")
            await self._close(Refusal(BROKEN))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _close(self, refusal: Refusal) -> None:
        # The page may have been faster, or does not read even this.
        with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
            async with asyncio.timeout(_CLOSES_WITHIN_S):
                await self._websocket.close(refusal.close.code, refusal.reason)

    async def _send(self) -> None:
        while True:
            message = await self._outbox.get()
            try:
                async with asyncio.timeout(self._bounds.deaf_s):
                    if isinstance(message, bytes):
                        await self._websocket.send_bytes(message)
                    else:
                        await self._websocket.send_json(message)
            except TimeoutError:
                raise Refusal(protocol.DEAF) from None

    async def _obey(self) -> None:
        """Do what the page asks, one thing after the other, while its samples are read."""
        while True:
            session, asked = await self._asked.get()
            if isinstance(asked, Unmet):
                session.refuse(asked)
            else:
                # What was begun is ended though the page goes meanwhile, which leaves the session of one piece.
                await asyncio.shield(session.handle(asked))

    async def _receive(self) -> None:
        session = await self._started()
        try:
            # A page that watches a recording has nothing to send.
            idle_s = None if session.replay is not None else self._bounds.idle_s
            while True:
                try:
                    # asyncio.wait_for of Python 3.11 loses a cancellation that comes as its work ends, and where a page
                    # floods it always ends.
                    async with asyncio.timeout(idle_s):
                        message = await self._next(session)
                except TimeoutError:
                    raise Refusal(protocol.IDLE) from None
                except Unmet as reason:
                    await self._asked.put((session, reason))
                    continue
                if isinstance(message, Start):
                    raise Refusal(protocol.MALFORMED, "It has started already.")
                if not isinstance(message, Samples):
                    await self._asked.put((session, message))
                elif session.replay is None:
                    session.add(message)
                else:
                    raise Refusal(protocol.MALFORMED, "A recording is being played here.")
        finally:
            self._sessions.leave(session, self._outbox)

    async def _started(self) -> Session:
        try:
            async with asyncio.timeout(self._bounds.start_within_s):
                start = await self._next(None)
        except TimeoutError:
            raise Refusal(protocol.NO_START) from None
        except Unmet as reason:
            raise Refusal(protocol.MALFORMED, str(reason)) from reason
        if not isinstance(start, Start):
            raise Refusal(protocol.MALFORMED, "The first message is no start.")
        return await self._sessions.join(start, self._outbox)

    async def _next(self, session: Session | None) -> protocol.Message | Samples:
        """The next message of the page; to one that only asks whether anybody is there, all of them are silence."""
        message = await self._read(session)
        while session is not None and isinstance(message, Ping):
            session.tell({"type": "pong"})
            message = await self._read(session)
        return message

    async def _read(self, session: Session | None) -> protocol.Message | Samples:
        frame = await self._websocket.receive()
        if frame["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(frame["code"])
        if not self._messages.take():
            raise Refusal(protocol.FLOOD)
        if frame.get("text") is not None:
            return protocol.read_text(frame["text"])
        if session is None:
            raise Refusal(protocol.MALFORMED, "The first message is no start.")
        samples = protocol.read_samples(frame["bytes"], len(session.channels))
        if not self._samples.take(len(samples.time_s)):
            raise Refusal(protocol.FLOOD)
        return samples


def hello(settings: Settings) -> dict[str, Any]:
    """The first message of the server: what a page can choose from before it starts."""
    replay = settings.replay
    return {
        "type": "hello",
        "version": protocol.VERSION,
        "source": "sensors" if replay is None else "replay",
        "name": None if replay is None else replay.name,
        "labels": list(settings.labels),
        "suggestions": list(EVERYDAY_LABELS),
        "placement": settings.placement if replay is None else settings.placement or replay.device.placement,
        "placements": list(PLACEMENTS),
        "channels": None if replay is None else list(replay.channels),
        "kept_s": settings.kept_s,
    }
