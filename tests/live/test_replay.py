"""A recording in place of a phone."""

import numpy as np
import pytest

from har.live.protocol import read_samples
from har.live.replay import Replay
from har.readers.recording import Device, Piece, Recording

RATE_HZ = 50.0


def recording(*pieces: Piece, channels=("acc_x", "acc_y", "acc_z"), gravity="included") -> Recording:
    return Recording("walk", (Device("left wrist", channels, RATE_HZ, pieces, gravity),))


def piece(start_s: float, seconds: float, channels: int = 3) -> Piece:
    random = np.random.default_rng(int(start_s))
    return Piece(start_s, random.normal(size=(round(seconds * RATE_HZ), channels)).astype(np.float32))


@pytest.mark.parametrize("speed", [1e-300, 0.5, 1, 7, 1000, 1e308])
def test_all_samples_are_played_once_at_their_times(speed):
    first, second = piece(1.0, 3.3), piece(60.0, 2.0)
    first.samples[20:23, 1] = np.nan  # what was not measured is not sent
    batches = list(Replay(recording(first, second), speed).batches())
    times = np.concatenate([batch.time_s for batch in batches])
    samples = np.concatenate([batch.samples for batch in batches])
    there = np.isfinite(first.samples).all(axis=1)
    expected = [1.0 + i / RATE_HZ for i in range(len(first.samples)) if there[i]]
    expected += [60.0 + i / RATE_HZ for i in range(len(second.samples))]
    assert times == pytest.approx(expected) and len(batches) >= 2
    assert np.array_equal(samples, np.concatenate([first.samples[there], second.samples]))
    assert all(len(batch.time_s) <= max(1, 0.1 * speed * RATE_HZ) + 1e-9 for batch in batches)
    # Less than a window at a time, which an answer speaks for.
    assert all(batch.time_s[-1] - batch.time_s[0] < 2.5 for batch in batches)


def test_of_channels_those_that_a_page_has_are_played():
    names = ("mag_x", "acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
    held = piece(0.0, 0.2, 7)
    replay = Replay(recording(held, channels=names))
    assert replay.channels == names[1:]
    assert np.array_equal(np.concatenate([one.samples for one in replay.batches()]), held.samples[:, 1:])


def test_what_cannot_be_played_is_said():
    with pytest.raises(ValueError, match="no accelerometer"):
        Replay(recording(piece(0, 1), channels=("gyro_x", "gyro_y", "gyro_z")))
    for speed in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="above 0"):
            Replay(recording(piece(0, 1)), speed)


def test_a_page_sees_a_recording_as_if_it_were_measured_now(serve_live):
    held = piece(5.0, 4.0)
    live = serve_live(replay=Replay(recording(held, gravity="removed"), 20.0))
    page = live.page()
    hello = page.hear("hello")
    assert (hello["source"], hello["name"], hello["placement"]) == ("replay", "walk", "left wrist")
    assert page.start()["placement"] == "left wrist"
    frames = []
    while True:
        message = page.socket.recv(timeout=10)
        if isinstance(message, bytes):
            frames.append(read_samples(message, 3))
        elif '"ended"' in message:
            break
    assert np.array_equal(np.concatenate([frame.samples for frame in frames]), held.samples)
    (made,) = live.made
    assert np.allclose([row for _, row in made.rows], held.samples) and made.gravity == "removed"
    page.send([0.0], [0, 0, 1])  # there is no phone
    with pytest.raises(Exception, match="4400"):
        page.socket.recv(timeout=5)
        page.socket.recv(timeout=5)


def test_a_recording_that_has_ended_is_played_again_to_a_page_that_comes_back(serve_live):
    live = serve_live(replay=Replay(recording(piece(0.0, 4.0)), 20.0))
    page = live.page()
    session = page.start()["session"]
    page.hear("ended")
    page.socket.close()
    again = live.page()
    assert again.start(session=session)["resumed"]
    again.hear("answer")
    again.hear("ended")
    (made,) = live.made
    times = [time_s for time_s, _ in made.rows]
    assert len(times) == 400 and times[:200] == times[200:]


def test_a_recording_waits_for_a_page_that_is_away(serve_live):
    live = serve_live(replay=Replay(recording(piece(0.0, 30.0)), 10.0))
    page = live.page()
    session = page.start()["session"]
    page.hear("answer")
    page.socket.close()
    again = live.page()
    assert again.start(session=session)["resumed"]
    again.hear("ended")
    (made,) = live.made
    assert len(made.rows) == 1500
