"""Parts of a recording side by side, and how a device lies against the body that was put on anew."""

from dataclasses import replace

import numpy as np
import torch

from har.readers.recording import Device, Piece
from har.recognition import embedding
from har.recognition.embedding import BodyAxes, SurveyedDevice, embed_plan, plan_windows, surveyed
from har.windows.body_axes import cut_pieces, gravity_and_movement, session_axes

from .conftest import CHANNELS


def walked(up: np.ndarray, ahead: np.ndarray, seconds: float, rate_hz: float = 50.0, seed: int = 0) -> np.ndarray:
    """(T, 3): forward acceleration leads the vertical one by a quarter of a step."""
    step = 1.8 * np.arange(round(seconds * rate_hz))[:, None] / rate_hz
    noise = 0.01 * np.random.default_rng(seed).standard_normal((len(step), 3))
    vertical, forwards = 0.28 * np.cos(2 * np.pi * step), 0.2 * np.cos(2 * np.pi * (step + 0.25))
    return (up * (1 + vertical) + forwards * ahead + noise).astype(np.float32)


def test_a_device_that_is_put_on_anew_tells_for_each_time():
    x, y, z = np.eye(3)
    first, second = walked(x, y, 120), walked(-z, x, 120, seed=1)
    sensors = ("acc", "gyro")
    alike = Device("wrist", CHANNELS, 50.0, (Piece(0.0, first), Piece(500.0, first)))
    anew = Device("wrist", CHANNELS, 50.0, (Piece(0.0, first), Piece(500.0, second)))
    expected = [session_axes(cut_pieces(samples, 50.0), 50.0) for samples in (first, second)]
    assert all(axes.any(axis=1).all() for axes in expected)
    whole = BodyAxes(surveyed(alike, sensors)).at(np.array([10.0, 510.0]))
    np.testing.assert_allclose(whole, [expected[0]] * 2, atol=1e-2)
    found = BodyAxes(surveyed(anew, sensors)).at(np.array([0.0, 119.0, 300.0, 500.0, 600.0]))
    np.testing.assert_allclose(found, [expected[0]] * 3 + [expected[1]] * 2, atol=1e-6)
    assert BodyAxes(surveyed(anew, sensors)).anew_s == [500.0] and not BodyAxes(surveyed(alike, sensors)).anew_s
    # Not worn in between is as good as not recording, and neither is needed.
    joint = Device("wrist", CHANNELS, 50.0, (Piece(0.0, np.concatenate([first, second])),))
    taken_off = SurveyedDevice(joint, surveyed(joint, sensors).survey, [(119.0, 121.0)])
    for one in (taken_off, surveyed(joint, sensors)):
        body = BodyAxes(one)
        np.testing.assert_allclose(body.at(np.array([50.0, 200.0]))[:, 0], [x, -z], atol=0.1)
        assert body.anew_s == [120.0]


def test_a_change_lies_where_the_device_was_turned_or_put_on():
    """Sitting before and after: the walking tells that it was turned, tilt or the time off the body tell when."""
    x, y, z = np.eye(3)
    still = np.tile(0.6 * x + 0.8 * y, (round(200 * 50.0), 1)).astype(np.float32)
    turn = np.stack([-x, y, -z])  # upside down
    before, after = walked(x, z, 120), walked(x, z, 120, seed=1) @ turn
    samples = np.concatenate([before, still, still @ turn, after]).astype(np.float32)
    device = Device("wrist", CHANNELS, 50.0, (Piece(0.0, samples),))
    one = surveyed(device, ("acc", "gyro"))
    assert BodyAxes(one).anew_s == [320.0]
    off = replace(one, off=[(310.0, 340.0)])
    assert len(BodyAxes(off).anew_s) == 1 and 310.0 <= BodyAxes(off).anew_s[0] <= 340.0
    # A time off the body that would make the wearer sit upside down is another one.
    assert BodyAxes(replace(one, off=[(150.0, 180.0)])).anew_s == [320.0]
    # Nobody walks afterwards: nothing tells, and the axes of before stay.
    cut = replace(one, device=replace(device, pieces=(Piece(0.0, samples[: round(520 * 50.0)]),)))
    assert not BodyAxes(cut).anew_s
    np.testing.assert_allclose(BodyAxes(cut).at(np.array([400.0]))[0, 0], x, atol=0.05)


def test_each_wearing_time_tells_for_itself_where_a_turn_was_found():
    """Whether the others agree with each other or not, and also where it has too few steps to be a turn."""
    x, y, z = np.eye(3)
    for seconds, amplitude in ((120, 2.5), (25, 1.0)):
        # Running is none of the walking that tells of turns; 25 s of walking are too few.
        last = amplitude * (walked(z, y, seconds) - z) + z
        parts = walked(x, y, 120), walked(-x, y, 120, seed=1), last.astype(np.float32)
        pieces = tuple(Piece(1000.0 * number, part) for number, part in enumerate(parts))
        body = BodyAxes(surveyed(Device("pocket", CHANNELS, 50.0, pieces), ("acc", "gyro")))
        assert body.anew_s == [1000.0]
        np.testing.assert_allclose(body.at(np.array([60.0, 1060.0, 2010.0]))[:, 0], [x, -x, z], atol=0.1)


def test_many_short_pieces_are_looked_at_together(monkeypatch):
    calls = []
    monkeypatch.setattr(
        embedding, "gravity_and_movement", lambda *given: calls.append(1) or gravity_and_movement(*given)
    )
    pieces = tuple(Piece(3.0 * number, walked(np.eye(3)[0], np.eye(3)[1], 1)) for number in range(500))
    body = BodyAxes(surveyed(Device("pocket", CHANNELS, 50.0, pieces), ("acc", "gyro")))
    assert not body.anew_s and len(calls) <= 5


def test_parts_side_by_side_are_the_parts_in_order(model, acted, recorded, monkeypatch):
    """However many are embedded at a time: the same rows, numbers and progress; a model that trains goes on to."""
    recording = recorded(acted(("walking", 90), ("sitting", 90), ("running", 90)))
    devices = [surveyed(recording.devices[0], model.config.sensors)]
    plan = plan_windows(recording, devices, 5.0, 2.5)
    ((rows, (whole,)),) = embed_plan(model, devices, plan, [None])
    assert rows.tolist() == list(range(len(plan.start_s)))
    monkeypatch.setattr(embedding, "_ROWS_READ", 7)
    before, done = torch.get_num_threads(), []
    try:
        torch.set_num_threads(3)
        model.train()
        parts = list(embed_plan(model, devices, plan, [None], progress=done.append))
        assert model.training and torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert np.concatenate([part for part, _ in parts]).tolist() == rows.tolist()
    assert torch.equal(torch.cat([found for _, (found,) in parts]), whole)
    assert sum(done) == len(rows) and len(done) == -(-len(rows) // 7)
