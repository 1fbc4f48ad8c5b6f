"""How long phones wait for the answers of the whole server: samples in at the pace of sensors, names out."""

import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TextIO

import numpy as np
from websockets.sync.client import ClientConnection, connect

from har.benchmark.live import STEP_S, phones_of, spread, walked
from har.live.protocol import write_samples
from har.run.folder import repository_root

SCRIPT = "val_scripts/human_activity_recognition/live.py"
_CHANNELS = ["acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"]
_LABELS = ["walking", "standing", "sitting"]
_BATCH_S = 0.1  # as the page's
_WORD_EVERY_S = 2.0
_LAST_ANSWER_S = 2.0  # that is waited for


@dataclass
class _Heard:
    """What a phone heard: seconds from the last sample of a window to its answer, and from a new word to its taking."""

    lags_s: list[float] = field(default_factory=list)
    words_s: list[float] = field(default_factory=list)


def server_figures(
    checkpoint: str,
    phones: int,
    rate_hz: float,
    seconds: float,
    words: Sequence[str],
    progress: Callable[[float], object] = lambda second: None,
) -> dict[str, Any]:
    """Milliseconds from the last sample of a window to its answer, of one phone and of several at once.

    The server is ``live.py`` in a process of its own, the phones are threads of this one, on the same machine; each
    sends ten batches a second for so many seconds. words: that one of them adds, one after another, in the second half
    of the time. progress: called with the seconds that went by. Raises ``RuntimeError`` where the server does not
    start.
    """
    figures: dict[str, Any] = {}
    for count in dict.fromkeys((1, phones)):
        with _served(checkpoint, count) as url:
            heard = _listened(url, count, rate_hz, seconds, words, progress)
        lags_ms = 1000 * np.array([lag for one in heard for lag in one.lags_s])
        words_ms = 1000 * np.array([word for one in heard for word in one.words_s])
        of = f"{phones_of(count)} and the server"
        figures[f"{of}, answers of those due"] = len(lags_ms) * STEP_S / (count * seconds)
        figures |= spread(f"{of}, lag", lags_ms)
        if len(words_ms):
            figures |= spread(f"{of}, a new word", words_ms, ["median", "longest"])
    return figures


@contextmanager
def _served(checkpoint: str, clients: int) -> Iterator[str]:
    """The address of a server that runs meanwhile."""
    command = [sys.executable, "-u", str(repository_root() / SCRIPT), "--port", "0"]
    command += ["--clients", str(clients), "--checkpoint", checkpoint]
    with tempfile.TemporaryFile("w+") as errors:  # a pipe that nobody reads meanwhile would fill up and block it
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            yield _address_told(server, errors)
        finally:
            server.terminate()  # not by Ctrl-C, which is ignored by what a shell runs in its background
            server.communicate()


def _address_told(server: subprocess.Popen, errors: TextIO) -> str:
    """The address that a server prints once it is ready."""
    url, told = None, []
    for line in server.stdout:
        told.append(line)
        if found := re.search(r"http://\S+", line):
            url = found[0]
        if line.startswith("Ctrl-C"):
            break
    if url is None:
        server.wait()
        errors.seek(0)
        raise RuntimeError(f"{SCRIPT} did not start: {errors.read().strip() or ''.join(told)}")
    return url


def _listened(
    url: str, phones: int, rate_hz: float, seconds: float, words: Sequence[str], progress: Callable[[float], object]
) -> list[_Heard]:
    time_s, samples = walked(rate_hz, seconds)
    heard = [_Heard() for _ in range(phones)]
    problems: list[Exception] = []

    def run(place: int) -> None:
        try:
            _phone(url, heard[place], time_s, samples, words if place == 0 else ())
        except Exception as error:  # of a thread, told by the one that waits for it
            problems.append(error)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(phones)]
    for thread in threads:
        thread.start()
        time.sleep(STEP_S / phones)  # people do not begin at once
    while any(thread.is_alive() for thread in threads):
        time.sleep(1)
        progress(1)
    if problems:
        raise RuntimeError(f"a phone was not served: {problems[0]}") from problems[0]
    return heard


def _phone(url: str, heard: _Heard, time_s: np.ndarray, samples: np.ndarray, words: Sequence[str]) -> None:
    origin = url[: url.index("/", len("http://"))]
    with connect(url.replace("http", "ws", 1) + "socket", origin=origin) as socket:
        start = {"labels": _LABELS, "placement": "trouser pocket", "channels": _CHANNELS, "gravity": "included"}
        socket.send(json.dumps({"type": "start", "session": None, **start}))
        asked: list[float] = []  # when each word was sent
        began = time.monotonic()
        hearing = threading.Thread(target=_hear, args=(socket, heard, began, asked))
        hearing.start()
        sent = 0
        while sent < len(time_s):
            now = time.monotonic() - began
            stop = int(np.searchsorted(time_s, now))
            if stop > sent:
                socket.send(write_samples(time_s[sent:stop], samples[sent:stop]))
                sent = stop
            due = int(max(0.0, now - time_s[-1] / 2) / _WORD_EVERY_S)
            if len(asked) < min(due, len(words)) and len(heard.words_s) == len(asked):
                asked.append(time.monotonic())
                socket.send(json.dumps({"type": "labels", "labels": [*_LABELS, words[len(asked) - 1]]}))
            time.sleep(_BATCH_S)
        time.sleep(_LAST_ANSWER_S)
    hearing.join()


def _hear(socket: ClientConnection, heard: _Heard, began: float, asked: Sequence[float]) -> None:
    for message in socket:
        now = time.monotonic()
        told = json.loads(message)
        if told["type"] == "answer":
            heard.lags_s.append(now - began - told["time_s"])
        elif told["type"] == "labels":
            heard.words_s.append(now - asked[-1])
