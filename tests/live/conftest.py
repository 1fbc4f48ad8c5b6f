"""A live server on a port of its own, with a recogniser whose answers are known by construction."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import uvicorn
from websockets.sync.client import ClientConnection, connect

from har.live.access import address, names_of, new_token
from har.live.protocol import write_samples
from har.live.server import Bounds, live_app
from har.live.serving import bind, server_of
from har.live.sessions import Settings
from har.recognition.adapter import Adapter
from har.recognition.live import LiveAnswer
from tests.live.browser import INSECURE, MOVE, launched

CHANNELS = ["acc_x", "acc_y", "acc_z"]


class ScriptedRecogniser:
    """Names by its last sample: the label at the place that acc_x tells. All that was done to it is in ``calls``."""

    made: list["ScriptedRecogniser"]

    def __init__(self, labels: Sequence[str], *, placement: str | None, channels: Sequence[str], gravity: str) -> None:
        self.labels, self.placement, self.channels, self.gravity = tuple(labels), placement, channels, gravity
        self.adapter: Adapter | None = None
        self.notes = ["a note"]
        self.rows: list[tuple[float, list[float]]] = []
        self.calls: list[Any] = []
        self.answered = 0
        self.busy = False
        self.answers_in_s = self.reads_in_s = 0.0

    def add(self, time_s: np.ndarray, samples: np.ndarray) -> None:
        assert not self.busy, "two jobs of a session at a time"
        self.busy = True
        if (samples == 66).any():
            raise ZeroDivisionError("a mistake")
        self.rows += zip(time_s.tolist(), samples.tolist(), strict=True)

    def answer(self) -> LiveAnswer | None:
        time.sleep(self.answers_in_s)
        self.busy = False
        if not self.rows:
            return None
        time_s, row = self.rows[-1]
        if row[0] == 99:
            raise ValueError("gravity points nowhere")
        self.answered += 1
        best = int(row[0]) % len(self.labels)
        probabilities = np.full(len(self.labels), 0.1)
        probabilities[best] = 0.9
        return LiveAnswer(time_s, self.labels, probabilities, 0.8, self.labels[best], 0.9, len(self.rows) > 5)

    def read(self, labels: Sequence[str] = (), placement: str | None = None) -> None:
        time.sleep(self.reads_in_s)
        if "impossible" in labels:
            raise ValueError("no word for that")

    def set_labels(self, labels: Sequence[str]) -> None:
        self.labels = tuple(labels)

    def set_placement(self, placement: str | None) -> None:
        self.placement = placement

    def teach(self, label: str, start_s: float, stop_s: float) -> None:
        if stop_s - start_s < 2:
            raise ValueError("too short")
        self.calls.append((label, start_s, stop_s))
        if label not in self.labels:
            self.labels = (*self.labels, label)
        self.adapter = Adapter("0" * 64, [label], np.ones((1, 2), np.float32), np.zeros(1, int), np.ones((1, 3)))


class Page:
    """One socket to a server, as a page has it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.seen: list[dict[str, Any]] = []

    def say(self, kind: str, **fields: Any) -> None:
        self.socket.send(json.dumps({"type": kind, **fields}))

    def start(self, **changes: Any) -> dict[str, Any]:
        whole = {"labels": None, "placement": None, "channels": CHANNELS, "gravity": "included", "session": None}
        self.say("start", **(whole | changes))
        return self.hear("started")

    def send(self, time_s: Sequence[float], *rows: Sequence[float]) -> None:
        self.socket.send(write_samples(np.array(time_s), np.array(rows)))

    def hear(self, kind: str, within_s: float = 10.0) -> dict[str, Any]:
        """The next message of a type; those before it are passed over, and kept in ``seen``."""
        until = time.monotonic() + within_s
        while True:
            message = self.socket.recv(timeout=max(0.0, until - time.monotonic()))
            if isinstance(message, bytes):
                continue
            self.seen.append(json.loads(message))
            if self.seen[-1]["type"] == kind:
                return self.seen[-1]


@pytest.fixture
def serve_live() -> Iterator[Callable[..., SimpleNamespace]]:
    """serve_live(clients=…, idle_s=…, …) -> a running server: url, port, token, made recognisers, page()."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []
    sockets = ExitStack()

    def serve(make: Callable[..., Any] | None = None, threads: int = 2, port: int = 0, **options: Any):
        made: list[ScriptedRecogniser] = []

        def scripted(labels: Sequence[str], **given: Any) -> ScriptedRecogniser:
            made.append(ScriptedRecogniser(labels, **given))
            return made[-1]

        settings = Settings(**{name: options.pop(name) for name in list(options) if hasattr(Settings, name)})
        certificate, host = options.pop("certificate", None), options.pop("host", "127.0.0.1")
        token = options.pop("token", new_token())
        bound, bounds = bind(host, port), Bounds(**options)
        app = live_app(make or scripted, token, [*names_of(host, host), INSECURE], settings, bounds, threads)
        server = server_of(app, certificate)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[bound])))
        thread.start()
        running.append((server, thread))
        port = bound.getsockname()[1]

        def page(path: str | None = None, **given: Any) -> Page:
            socket = f"ws://127.0.0.1:{port}/{path or token + '/socket'}"
            given = {"origin": f"http://127.0.0.1:{port}", "open_timeout": 10} | given
            return Page(sockets.enter_context(connect(socket, **given)))

        def stop() -> None:
            server.should_exit = True
            thread.join(10)

        url = address(host, port, token, https=False)
        return SimpleNamespace(url=url, port=port, token=token, made=made, page=page, stop=stop)

    yield serve
    sockets.close()
    for server, thread in running:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with launched() as browser:
        yield browser


@pytest.fixture
def open_page(browser) -> Iterator[Callable]:
    """open_page(live, width=…, …) -> a page whose mistakes fail the test."""
    contexts, faults = [], []

    def open_it(live, url: str | None = None, width: int = 390, height: int = 844, **given):
        context = browser.new_context(viewport={"width": width, "height": height}, **given)
        contexts.append(context)
        context.add_init_script(MOVE)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if "Content Security" in line.text else None)
        page.goto(url or live.url)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert faults == []
