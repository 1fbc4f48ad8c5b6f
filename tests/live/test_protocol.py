"""Frames of the socket: what is written is read, and nothing else is."""

import json
import re

import numpy as np
import pytest

from har.live import protocol
from har.live.protocol import (
    CHANNELS,
    CLOSES,
    MALFORMED,
    MOST_BYTES,
    MOST_LABELS,
    MOST_ROWS,
    TOO_BIG,
    Ping,
    Refusal,
    SaveTaught,
    SetLabels,
    SetPlacement,
    Start,
    Teach,
    Unmet,
    read_samples,
    read_text,
    write_samples,
)
from har.run.folder import repository_root

START = {"labels": ["walking"], "placement": " left  wrist ", "channels": list(CHANNELS[0]), "gravity": "removed"}


@pytest.mark.parametrize("channels", [3, 6])
@pytest.mark.parametrize("rows", [1, 2, MOST_ROWS])
def test_samples_come_back_to_the_bit(rows: int, channels: int):
    random = np.random.default_rng(rows)
    time_s = 1.7e9 + np.sort(random.uniform(0, 10, rows))
    samples = random.normal(size=(rows, channels)).astype(np.float32)
    frame = write_samples(time_s, samples)
    found = read_samples(frame, channels)
    assert np.array_equal(found.time_s, time_s) and np.array_equal(found.samples, samples)
    assert len(frame) == 8 + rows * (8 + 4 * channels) <= MOST_BYTES


def frame_of(time_s=(0.0, 0.1), samples=((0, 0, 1), (0, 0, 1)), head=None) -> bytes:
    frame = write_samples(np.array(time_s), np.array(samples, np.float32))
    return frame if head is None else np.array(head, "<u4").tobytes() + frame[8:]


@pytest.mark.parametrize(
    ("frame", "close"),
    [
        (b"", MALFORMED),
        (frame_of()[:-1], MALFORMED),
        (frame_of() + b"\0", MALFORMED),
        (frame_of(head=(3, 3)), MALFORMED),
        (frame_of(head=(2**32 - 1, 3)), MALFORMED),
        (np.array((0, 3), "<u4").tobytes(), MALFORMED),
        (frame_of(samples=np.zeros((2, 6))), MALFORMED),
        (frame_of(time_s=np.arange(1025), samples=np.zeros((1025, 3))), MALFORMED),
        (frame_of(time_s=(0, np.nan)), MALFORMED),
        (frame_of(time_s=(0, np.inf)), MALFORMED),
        (frame_of(time_s=(0.1, 0)), MALFORMED),
        (frame_of(time_s=(1.7e308, -1.7e308)), MALFORMED),
        (frame_of(samples=((0, 0, 1), (0, 0, np.nan))), MALFORMED),
        (frame_of(samples=((0, 0, 1), (0, -np.inf, 0))), MALFORMED),
        (frame_of(samples=((0, 0, 1), (0, 251, 0))), MALFORMED),
        (bytes(MOST_BYTES + 1), TOO_BIG),
    ],
)
def test_other_samples_are_refused(frame: bytes, close):
    with pytest.raises(Refusal) as refusal:
        read_samples(frame, 3)
    assert refusal.value.close == close


def test_messages_are_read():
    def read(kind, **fields):
        return read_text(json.dumps({"type": kind, **fields}))

    expected = Start(("walking",), "left wrist", CHANNELS[0], "removed", None)
    assert read("start", **START, session=None) == expected
    assert read("start", **START | {"labels": None, "placement": ""}, session="a") == expected._replace(
        labels=None, placement=None, session="a"
    )
    assert read("labels", labels=["walking", "Äpfel pflücken"]) == SetLabels(("walking", "Äpfel pflücken"))
    assert read("placement", placement=None) == SetPlacement(None)
    assert read("teach", label="juggling", start_s=1, stop_s=6.5) == Teach("juggling", 1.0, 6.5)
    assert read("save") == SaveTaught() and read("ping") == Ping()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "3",
        "null",
        '"start"',
        "{}",
        '{"type": 3}',
        '{"type": "format disk"}',
        '{"type": "save", "more": 1}',
        '{"type": "labels"}',
        '{"type": "labels", "labels": "walking"}',
        '{"type": "labels", "labels": [1]}',
        '{"type": "labels", "labels": {"walking": 1}}',
        '{"type": "placement", "placement": 3}',
        '{"type": "teach", "label": "a", "start_s": NaN, "stop_s": 5}',
        '{"type": "teach", "label": "a", "start_s": -Infinity, "stop_s": 5}',
        '{"type": "teach", "label": "a", "start_s": 1e999, "stop_s": 5}',
        '{"type": "teach", "label": "a", "start_s": true, "stop_s": 5}',
        '{"type": "teach", "label": "a", "start_s": 1' + "0" * 400 + ', "stop_s": 5}',
        '{"type": "teach", "label": "a", "start_s": 1' + "0" * 5000 + ', "stop_s": 5}',
        '{"type": "teach", "label": "a", "start_s": 5, "stop_s": 5}',
        '{"type": "teach", "label": "a", "start_s": 0, "stop_s": 61}',
        json.dumps({"type": "start", **START, "channels": ["acc_x"], "session": None}),
        json.dumps({"type": "start", **START, "channels": "acc_x", "session": None}),
        json.dumps({"type": "start", **START, "gravity": "perhaps", "session": None}),
        json.dumps({"type": "start", **START, "gravity": ["included"], "session": None}),
        json.dumps({"type": "start", **START, "session": 4}),
        json.dumps({"type": "start", **START, "session": "a" * 65}),
        "[" * 30_000,
    ],
)
def test_what_is_no_message_is_refused(text: str):
    with pytest.raises(Refusal) as refusal:
        read_text(text)
    assert refusal.value.close == MALFORMED


def test_a_message_that_is_too_large_is_refused_before_it_is_read():
    with pytest.raises(Refusal) as refusal:
        read_text('{"type": "labels", "labels": ["' + "ä" * (MOST_BYTES // 2) + '"]}')
    assert refusal.value.close == TOO_BIG


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"type": "labels", "labels": []}, "no labels"),
        ({"type": "labels", "labels": ["a", "A"]}, "more than once"),
        ({"type": "labels", "labels": ["unknown"]}, "unknown"),
        ({"type": "labels", "labels": ["two\nlines"]}, "line break"),
        ({"type": "labels", "labels": ["\N{RUNNER}"]}, "in words"),
        ({"type": "labels", "labels": ["a" * 81]}, "80 characters"),
        ({"type": "labels", "labels": ["\ud800" + "a" * 80]}, "half a character"),
        ({"type": "placement", "placement": "\ud800"}, "one line"),
        ({"type": "labels", "labels": [f"activity {n}" for n in range(MOST_LABELS + 1)]}, "65 words"),
        ({"type": "placement", "placement": "a" * 81}, "80 characters"),
        ({"type": "teach", "label": " ", "start_s": 0, "stop_s": 5}, "label"),
    ],
)
def test_what_a_person_typed_is_told_and_closes_nothing(message: dict, words: str):
    with pytest.raises(Unmet, match=words) as unmet:
        read_text(json.dumps(message))
    assert unmet.value.asked == message["type"]
    assert str(unmet.value).encode()  # it can be sent


def test_reasons_fit_into_the_frame_that_closes():
    assert len({close.code for close in CLOSES}) == len(CLOSES)
    assert all(len(close.reason.encode()) <= 123 and close.reason.endswith(".") for close in CLOSES)
    long = Refusal(MALFORMED, "ä" * 200).reason
    assert len(long.encode()) <= 123 and long.startswith(MALFORMED.reason)


def test_the_page_of_the_protocol_tells_all_of_it():
    text = (repository_root() / "docs" / "live.md").read_text(encoding="utf-8")
    for close in CLOSES:
        assert f"| {close.code} | {close.reason} |" in text
    kinds = set(re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE))
    assert kinds == {*protocol._READERS, "hello", "started", "answer", "taught", "adapter", "refused", "unusable",
                     "notes", "ended"}  # fmt: skip
    for bound in (MOST_ROWS, MOST_LABELS, protocol.MOST_CHARACTERS, MOST_BYTES // 1024):
        assert f"{bound:,}" in text
