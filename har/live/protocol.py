"""What travels over the socket between page and server: message types, their bounds, and why a socket is closed.

Text frames hold one JSON object with a ``type``; binary frames hold samples. docs/live.md lists both for whoever writes
another page or another server.

A frame of samples, little endian: uint32 n, uint32 C, n float64 times in seconds, n · C float32 samples, row by row,
in g and rad/s. All of them are finite; what a sensor did not measure is not sent.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from har.recognition.vocabulary import check_labels
from har.signal.plausibility import LARGEST

VERSION = 1

MOST_BYTES = 64 * 1024  # of a frame
MOST_ROWS = 1024  # of a frame of samples
MOST_LABELS = 64
MOST_CHARACTERS = 80  # of a label or a placement
LONGEST_TEACHING_S = 60.0

ACCELEROMETER = ("acc_x", "acc_y", "acc_z")
CHANNELS = (ACCELEROMETER, (*ACCELEROMETER, "gyro_x", "gyro_y", "gyro_z"))
GRAVITY = ("included", "removed")

_HEAD_BYTES = 8


class Close(NamedTuple):
    """Code of a closed socket (4000 to 4999 are for applications, RFC 6455, section 7.4.2), and a sentence."""

    code: int
    reason: str


TOO_BIG = Close(1009, f"A message was larger than {MOST_BYTES // 1024} KiB.")
BROKEN = Close(1011, "The server made a mistake; its terminal has the details.")
MALFORMED = Close(4400, "The page sent what the server does not understand.")
WRONG_TOKEN = Close(4401, "This address is no longer valid: scan the code in the server's terminal again.")
NO_START = Close(4408, "The page did not start in time.")
TAKEN_OVER = Close(4409, "The session goes on in another tab or on another device.")
UNSUITABLE = Close(4422, "The sensors of this device cannot be used.")
FLOOD = Close(4429, "More messages or samples came than the server takes.")
IDLE = Close(4440, "Nothing came from the page for a minute.")
DEAF = Close(4441, "The page does not read what it is sent.")
FULL = Close(4503, "As many devices are connected as the server takes; close one of them.")
CLOSES = (
    TOO_BIG, BROKEN, MALFORMED, WRONG_TOKEN, NO_START, TAKEN_OVER, UNSUITABLE, FLOOD, IDLE, DEAF, FULL,
)  # fmt: skip
_MOST_REASON_BYTES = 123  # what a frame that closes can hold, RFC 6455, section 5.5


class Refusal(Exception):
    """The socket is closed for this."""

    def __init__(self, close: Close, detail: str = "") -> None:
        super().__init__(f"{close.reason} {detail}".strip())
        self.close = close

    @property
    def reason(self) -> str:
        """The sentence, as long as a frame that closes can hold."""
        return str(self).encode()[:_MOST_REASON_BYTES].decode(errors="ignore")


class Start(NamedTuple):
    """The first message: what is to be named, by which sensors. session: one to go on with, None for a new one."""

    labels: tuple[str, ...] | None
    placement: str | None
    channels: tuple[str, ...]
    gravity: str
    session: str | None


class SetLabels(NamedTuple):
    labels: tuple[str, ...]


class SetPlacement(NamedTuple):
    placement: str | None


class Teach(NamedTuple):
    """From ``start_s`` to ``stop_s``, on the clock of the samples, ``label`` was done."""

    label: str
    start_s: float
    stop_s: float


class SaveTaught(NamedTuple):
    """Asks for what was taught, as a file."""


class Ping(NamedTuple):
    """Asks for a sign of life."""


@dataclass(frozen=True)
class Samples:
    """time_s: (n,) float64, never decreasing. samples: (n, C) float32."""

    time_s: np.ndarray
    samples: np.ndarray


Message = Start | SetLabels | SetPlacement | Teach | SaveTaught | Ping


class Unmet(ValueError):
    """A request that is well formed cannot be met; the sentence is for the person who made it, and nothing closes.

    asked: the type of the message.
    """

    asked: str | None = None


def read_text(text: str) -> Message:
    """The message in a text frame.

    Raises ``Refusal`` for what is no message of this protocol, and ``Unmet`` for labels and placements that a person
    typed and that cannot be used.
    """
    if len(text.encode(errors="replace")) > MOST_BYTES:
        raise Refusal(TOO_BIG)
    try:
        # Python would read NaN and Infinity, which no JSON has.
        given = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refusal(MALFORMED, "It is no JSON.") from error
    if not isinstance(given, dict) or not isinstance(given.get("type"), str):
        raise Refusal(MALFORMED, "It has no type.")
    kind = given.pop("type")
    if kind not in _READERS:
        raise Refusal(MALFORMED, f"Its type is {kind[:20]!r}.")
    fields, read = _READERS[kind]
    if set(given) != set(fields):
        raise Refusal(MALFORMED, f"{kind!r} has the fields {', '.join(fields) or 'none'}.")
    try:
        return read(given)
    except Unmet as reason:
        reason.asked = kind
        raise


def read_samples(frame: bytes, channels: int) -> Samples:
    """The samples in a binary frame. Raises ``Refusal`` for any other length, number of channels, or values."""
    if len(frame) > MOST_BYTES:
        raise Refusal(TOO_BIG)
    if len(frame) < _HEAD_BYTES:
        raise Refusal(MALFORMED, "Samples are cut.")
    rows, columns = (int(number) for number in np.frombuffer(frame, "<u4", 2))
    if columns != channels or not 1 <= rows <= MOST_ROWS:
        raise Refusal(MALFORMED, f"{rows} samples of {columns} axes; expected 1 to {MOST_ROWS} of {channels}.")
    if len(frame) != _HEAD_BYTES + rows * (8 + 4 * columns):
        raise Refusal(MALFORMED, "Samples are cut or too many.")
    time_s = np.frombuffer(frame, "<f8", rows, _HEAD_BYTES)
    samples = np.frombuffer(frame, "<f4", rows * columns, _HEAD_BYTES + 8 * rows).reshape(rows, columns)
    if not (np.isfinite(time_s).all() and np.isfinite(samples).all()):
        raise Refusal(MALFORMED, "A sample or its time is no finite number.")
    if (time_s[1:] < time_s[:-1]).any():
        raise Refusal(MALFORMED, "Times of samples go back.")
    largest = np.repeat([LARGEST["acc"], LARGEST["gyro"]], 3)[:columns]
    if (np.abs(samples) > largest).any():
        raise Refusal(MALFORMED, f"Beyond {LARGEST['acc']:g} g or {LARGEST['gyro']:g} rad/s.")
    return Samples(time_s, samples)


def write_samples(time_s: np.ndarray, samples: np.ndarray) -> bytes:
    """A binary frame of samples (n, C) at times (n,), as ``read_samples`` reads it."""
    head = np.array(samples.shape, "<u4").tobytes()
    return head + np.asarray(time_s, "<f8").tobytes() + np.ascontiguousarray(samples, "<f4").tobytes()


def check_typed(labels: Any) -> tuple[str, ...]:
    """Labels of a message. Raises ``Refusal`` for what is no list of texts, ``Unmet`` for texts that are no labels."""
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise Refusal(MALFORMED, "Labels are a list of texts.")
    if len(labels) > MOST_LABELS:
        raise Unmet(f"{len(labels)} words are more than the {MOST_LABELS} that can be told apart at once; remove some")
    try:
        checked = tuple(check_labels(labels))
    except ValueError as error:
        raise Unmet(str(error)) from error
    if long := [label for label in checked if len(label) > MOST_CHARACTERS]:
        raise Unmet(f"“{long[0][:20]}…” is longer than {MOST_CHARACTERS} characters; say it in fewer")
    return checked


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def check_placement(given: Any) -> str | None:
    """A placement of a message, None where nothing is said. Raises as ``check_typed``."""
    if given is None:
        return None
    if not isinstance(given, str):
        raise Refusal(MALFORMED, "A placement is a text or null.")
    text = " ".join(given.split())
    if len(text) > MOST_CHARACTERS or not text.isprintable():
        raise Unmet(f"a placement is one line of at most {MOST_CHARACTERS} characters")
    return text or None


def _start(given: dict[str, Any]) -> Start:
    channels = given["channels"]
    if not isinstance(channels, list) or channels not in [list(known) for known in CHANNELS]:
        raise Refusal(MALFORMED, "Channels are three axes of acc, and of gyro.")
    if given["gravity"] not in GRAVITY:
        raise Refusal(MALFORMED, "Gravity is included or removed.")
    if not (given["session"] is None or (isinstance(given["session"], str) and len(given["session"]) <= 64)):
        raise Refusal(MALFORMED, "A session is a text or null.")
    labels = None if given["labels"] is None else check_typed(given["labels"])
    return Start(labels, check_placement(given["placement"]), tuple(channels), given["gravity"], given["session"])


def _teach(given: dict[str, Any]) -> Teach:
    start_s, stop_s = _number(given["start_s"]), _number(given["stop_s"])
    if not (math.isfinite(start_s) and math.isfinite(stop_s) and 0 < stop_s - start_s <= LONGEST_TEACHING_S):
        raise Refusal(MALFORMED, f"Teaching lasts up to {LONGEST_TEACHING_S:g} s.")
    (label,) = check_typed([given["label"]])
    return Teach(label, start_s, stop_s)


def _number(given: Any) -> float:
    if not isinstance(given, int | float) or isinstance(given, bool):
        raise Refusal(MALFORMED, "Times are numbers.")
    try:
        return float(given)
    except OverflowError as error:  # whole numbers of JSON have no bound
        raise Refusal(MALFORMED, "Times are numbers of seconds.") from error


_READERS: dict[str, tuple[tuple[str, ...], Callable[[dict[str, Any]], Message]]] = {
    "start": (("labels", "placement", "channels", "gravity", "session"), _start),
    "labels": (("labels",), lambda given: SetLabels(check_typed(given["labels"]))),
    "placement": (("placement",), lambda given: SetPlacement(check_placement(given["placement"]))),
    "teach": (("label", "start_s", "stop_s"), _teach),
    "save": ((), lambda given: SaveTaught()),
    "ping": ((), lambda given: Ping()),
}
