import json
import math

import numpy as np
import pytest
import torch

from har.run.folder import RecordError
from har.run.log import MetricsLog, RateMeter, explain_bad_step, format_seconds, read_metrics


def write(path, steps):
    with MetricsLog(path) as log:
        for step in steps:
            log.log({"step": step, "loss": 1 / (step + 1), "split": "train"})


def test_every_line_is_there_at_once_and_reads_back(tmp_path):
    path = tmp_path / "metrics.jsonl"
    log = MetricsLog(path)
    log.log({"step": 0, "loss": 0.1 + 0.2, "parts": {"imu": [1, None, True]}, "note": "π\u2028\n"})
    assert read_metrics(path) == [
        {"step": 0, "loss": 0.1 + 0.2, "parts": {"imu": [1, None, True]}, "note": "π\u2028\n"}
    ]
    log.log({"step": 1})
    assert [record["step"] for record in read_metrics(path)] == [0, 1]
    log.close()
    with pytest.raises(ValueError, match="closed"):
        log.log({"step": 2})


@pytest.mark.parametrize(
    ("record", "error"),
    [
        ({"step": 1, "loss": math.nan}, ValueError),
        ({"step": 1, "loss": {"imu": math.inf}}, ValueError),
        ({"step": 1, "loss": torch.tensor(1.0)}, TypeError),
        ({"step": 1, "loss": np.float64(1.0)}, TypeError),
        ({"loss": 1.0}, TypeError),
        ({"step": 1.0}, TypeError),
        ({"step": True}, TypeError),
        ({"step": -1}, TypeError),
        ([1], TypeError),
    ],
)
def test_a_record_that_is_refused_leaves_no_trace(tmp_path, record, error):
    with MetricsLog(tmp_path / "metrics.jsonl") as log:
        log.log({"step": 0})
        with pytest.raises(error):
            log.log(record)
    assert read_metrics(tmp_path / "metrics.jsonl") == [{"step": 0}]


@pytest.mark.parametrize("torn", [b"", b'{"step": 9, "lo', b'{"step": 2}', b"\xc3"])
def test_a_resumed_log_equals_an_uninterrupted_one(tmp_path, torn):
    write(tmp_path / "whole.jsonl", range(6))
    path = tmp_path / "metrics.jsonl"
    write(path, range(5))
    with open(path, "ab") as file:
        file.write(torn)
    assert [record["step"] for record in read_metrics(path)] == [0, 1, 2, 3, 4]
    with MetricsLog(path, resume_step=2) as log:
        assert [record["step"] for record in read_metrics(path)] == [0, 1, 2]
        for step in range(3, 6):
            log.log({"step": step, "loss": 1 / (step + 1), "split": "train"})
    assert path.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert {other.name for other in tmp_path.iterdir()} == {"whole.jsonl", "metrics.jsonl"}


def test_the_log_of_another_run_is_not_written_into(tmp_path):
    write(tmp_path / "metrics.jsonl", [0])
    with pytest.raises(FileExistsError, match="resume_step"):
        MetricsLog(tmp_path / "metrics.jsonl")
    assert len(read_metrics(tmp_path / "metrics.jsonl")) == 1


def test_a_resume_without_a_log_starts_one(tmp_path):
    with MetricsLog(tmp_path / "metrics.jsonl", resume_step=3) as log:
        log.log({"step": 4})
    assert read_metrics(tmp_path / "metrics.jsonl") == [{"step": 4}]
    with pytest.raises(ValueError, match="resume_step"):
        MetricsLog(tmp_path / "metrics.jsonl", resume_step=-1)


@pytest.mark.parametrize("line", ["{torn", "[1]", '{"loss": 1}', ""])
def test_a_bad_line_in_the_middle_is_named(tmp_path, line):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 0}\n' + line + '\n{"step": 2}\n')
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"metrics\.jsonl, line 2"):
        read_metrics(path)
    with pytest.raises(ValueError, match=r"metrics\.jsonl, line 2"):
        MetricsLog(path, resume_step=1)
    assert path.read_bytes() == before


def test_every_line_is_json_for_others(tmp_path):
    write(tmp_path / "metrics.jsonl", range(3))
    lines = (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["loss"] for line in lines] == [1.0, 1 / 2, 1 / 3]


def test_a_number_that_was_not_written_is_found(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write(path, range(3))
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"loss": 0.5', b'"loss": 0.6'))
    for use in (read_metrics, lambda p: MetricsLog(p, resume_step=2)):
        with pytest.raises(
            RecordError, match=r"metrics\.jsonl, line 2 does not hold what was written .*remove the line"
        ):
            use(path)
    lines = [json.loads(line) for line in content.splitlines()]
    path.write_text("".join(json.dumps({k: v for k, v in line.items() if k != "checksum"}) + "\n" for line in lines))
    assert [record["loss"] for record in read_metrics(path)] == [1.0, 1 / 2, 1 / 3]  # as former versions wrote it


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_rates_and_shares_come_from_the_clock():
    clock = Clock()
    meter = RateMeter(clock)
    with meter.part("waiting"):
        pass
    assert (meter.windows_per_second, meter.shares()) == (0.0, {"waiting_share": 0.0})
    with meter.part("waiting"):
        clock.now += 1.0
    clock.now += 1.0
    with meter.part("forward"):
        clock.now += 1.0
    meter.count(300)
    with pytest.raises(KeyError), meter.part("waiting"):  # a part that fails has taken its time too
        clock.now += 1.0
        raise KeyError
    meter.count(100)
    assert (meter.windows_per_second, meter.shares()) == (100.0, {"waiting_share": 0.5, "forward_share": 0.25})
    meter.reset()
    clock.now += 4.0
    meter.count(2)
    assert (meter.windows_per_second, meter.shares()) == (0.5, {})


def test_a_part_ends_when_the_device_has_done_it():
    """The host is through in 1 s, its GPU 2 s later: with ``wait`` these belong to the part that asked for them."""
    clock = Clock()

    def wait() -> None:
        clock.now += 2.0

    meter = RateMeter(clock, wait)
    with meter.part("forward"):
        clock.now += 1.0
    clock.now += 3.0
    assert meter.shares() == {"forward_share": 0.5}


def test_a_bad_step_is_explained_and_its_batch_listed(tmp_path):
    recordings = ["b", "a", "b", *(f"r{i:02d}" for i in range(9))]
    windows = [f"mine/{name}, walking, {5 * i} s" for i, name in enumerate(recordings)]
    message = explain_bad_step(tmp_path, 17, windows, recordings)
    (listed,) = tmp_path.iterdir()
    assert listed.name == "bad_step_17.json"
    # Every window in the order of the batch; the message names eight recordings, each once.
    assert json.loads(listed.read_text(encoding="utf-8")) == {"step": 17, "windows": windows}
    assert "not finite at step 17" in message and str(listed) in message
    assert "from 11 recordings, among them a, b, r00, r01, r02, r03, r04, r05;" in message
    assert "r06" not in message
    assert all(remedy in message for remedy in ("prepare_data.py check", "LEARNING_RATE", "RESUME"))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00"),
        (7.4, "0:07"),
        (59.6, "1:00"),
        (725, "12:05"),
        (3599.7, "1:00:00"),
        (3725, "1:02:05"),
        (1e5, "27:46:40"),
    ],
)
def test_a_duration_is_written_for_people(seconds, text):
    assert format_seconds(seconds) == text


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf])
def test_what_is_no_duration_is_refused(seconds):
    with pytest.raises(ValueError, match="duration"):
        format_seconds(seconds)
