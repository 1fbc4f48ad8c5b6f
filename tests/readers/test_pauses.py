"""A phyphox experiment that was paused: what follows comes as much later as the pause was long."""

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from har.readers import ReaderError, read_recording

HEADER = '"event","experiment time","system time","system time text"'
START_S = 1709632800.0


def export(folder: Path, events: list[str], first_s: float = 0.0) -> Path:
    (folder / "meta").mkdir(parents=True)
    (folder / "meta" / "time.csv").write_text("\n".join([HEADER, *events, ""]))
    time_s = first_s + np.arange(1500) / 50
    rows = [f"{t:.4f},{0.2 * np.sin(9 * t):.5f},0.1,9.81" for t in time_s]
    header = '"Time (s)","Acceleration x (m/s^2)","Acceleration y (m/s^2)","Acceleration z (m/s^2)"'
    (folder / "Accelerometer.csv").write_text("\n".join([header, *rows, ""]))
    return folder


def event(what: str, at_s: float, system_s: float) -> str:
    return f'"{what}",{at_s},{START_S + system_s},"2024-03-05 12:00:00.000 UTC+02:00"'


def test_a_pause_is_a_gap_of_its_length(tmp_path: Path):
    events = [event("START", 0, 0), event("PAUSE", 10, 10), event("START", 10, 310), event("PAUSE", 20, 320)]
    events += [event("START", 20, 323.5), event("PAUSE", 30, 333.5)]
    recording = read_recording(export(tmp_path / "walk", events))
    (device,) = recording.devices
    assert [(piece.start_s, len(piece.samples)) for piece in device.pieces] == [(0, 500), (310, 500), (323.5, 500)]
    assert recording.start_time == dt.datetime.fromtimestamp(START_S, dt.UTC)
    assert "the experiment was paused at 10 s for 300 s: a gap" in recording.notes


def test_samples_that_begin_after_a_pause_begin_then(tmp_path: Path):
    events = [event("START", 0, 0), event("PAUSE", 10, 10), event("START", 10, 310)]
    recording = read_recording(export(tmp_path / "walk", events, first_s=12.0))
    assert [piece.start_s for piece in recording.devices[0].pieces] == [0]
    assert recording.start_time == dt.datetime.fromtimestamp(START_S + 312, dt.UTC)


def test_a_pause_of_unknown_length_is_refused(tmp_path: Path):
    events = [event("START", 0, 0), '"START",10.0,,"x"']
    with pytest.raises(ReaderError, match="2 starts and not the times of all"):
        read_recording(export(tmp_path / "walk", events))
