"""The door to the live page: what it prints, how it ends, and what it refuses in one line."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from websockets.sync.client import connect

import har.live
from har.live.protocol import read_samples
from har.run.folder import repository_root

SCRIPT = repository_root() / "val_scripts" / "human_activity_recognition" / "live.py"


@pytest.fixture
def walk(tmp_path) -> Path:
    random, time_s = np.random.default_rng(0), np.arange(40 * 50) / 50
    samples = random.normal(0, 0.02, (len(time_s), 3)) + np.array([0, 0, 1])
    samples[:, 2] += 0.4 * np.sin(2 * np.pi * 2 * time_s)
    rows = [f"{t:.3f},{x:.4f},{y:.4f},{z:.4f}" for t, (x, y, z) in zip(time_s, samples, strict=True)]
    (tmp_path / "walk.csv").write_text("\n".join(["time (s),acc x (g),acc y (g),acc z (g)", *rows]))
    return tmp_path / "walk.csv"


@pytest.fixture
def start(whole_run, tmp_path) -> Iterator[Callable[..., tuple[subprocess.Popen, list[str]]]]:
    """start(*arguments) -> the process and what it has printed once it serves, with a model trained for seconds."""
    processes = []

    def start_it(*arguments: object) -> tuple[subprocess.Popen, list[str]]:
        command = [sys.executable, "-u", SCRIPT, "--port", "0", "--checkpoint", whole_run[0] / "best.pt", *arguments]
        # Not the folder of settings of whoever runs the tests.
        environment = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "PYTHONPATH": str(repository_root())}
        processes.append(
            subprocess.Popen(
                list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
            )
        )
        lines = []
        for line in processes[-1].stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("Ctrl-C"):
                return processes[-1], lines
        raise AssertionError(processes[-1].stderr.read())

    yield start_it
    for process in processes:
        process.kill()
        process.communicate()


def test_a_recording_is_played_to_a_page_until_ctrl_c(start, walk):
    process, lines = start("--replay", walk, "--speed", 20, "--labels", "walking", "sitting", "--unknown", 0)
    (url,) = [line for line in lines if line.startswith("http://127.0.0.1:")]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{22}/", url)
    assert any("Only this machine" in line for line in lines) and any("Plays walk" in line for line in lines)
    assert sum("█" in line for line in lines) > 10
    start_message = {
        "type": "start", "labels": None, "placement": None, "channels": ["acc_x", "acc_y", "acc_z"],
        "gravity": "included", "session": None,
    }  # fmt: skip
    rows, kinds = 0, []
    with connect(url.replace("http", "ws") + "socket", origin=url[: url.index("/", 8)]) as socket:
        socket.send(json.dumps(start_message))
        while "ended" not in kinds:
            message = socket.recv(timeout=60)
            if isinstance(message, bytes):
                rows += len(read_samples(message, 3).time_s)
            else:
                kinds.append(json.loads(message)["type"])
                if kinds[-1] == "answer":
                    answer = json.loads(message)
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "Ended.\n"
    assert rows == 2000 and answer["name"] in ("walking", "sitting") and answer["labels"] == ["walking", "sitting"]
    assert process.wait(30) == 0 and process.stderr.read() == ""


def test_https_shows_the_fingerprint_and_keeps_its_files_in_the_users_folder(start, tmp_path):
    _, lines = start("--https", "--host", "0.0.0.0")
    (url,) = [line for line in lines if line.startswith("https://")]
    assert "127.0.0.1" not in url or len(lines) > 10
    (fingerprint,) = [line for line in lines if re.fullmatch(r"([0-9A-F]{2}:){31}[0-9A-F]{2}", line)]
    kept = tmp_path / "config" / "har-language" / "live"
    assert sorted(path.name for path in kept.iterdir()) == ["certificate.pem", "key.pem"]
    _, again = start("--https", "--host", "0.0.0.0")
    assert fingerprint in again


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--clients", "0"), "at least 1 page"),
        (("--port", "70000"), "0 to 65535"),
        (("--host", "192.0.2.7"), "0.0.0.0"),
        (("--labels", "walking", "Walking"), "more than once"),
        (("--replay", "missing.csv"), "missing.csv"),
        (("--replay", "WALK", "--speed", "0"), "above 0"),
        (("--adapter", "missing.npz"), "missing.npz"),
        (("--checkpoint", "missing.pt", "--port", "0"), "missing.pt"),
    ],
)
def test_what_cannot_be_is_one_line(run_script, walk, arguments, words):
    given = [walk if one == "WALK" else one for one in arguments]
    done = run_script("val_scripts/human_activity_recognition/live.py", *given)
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: ") and words in line


def test_without_the_extra_the_command_that_helps_is_named(monkeypatch):
    monkeypatch.setattr(har.live, "find_spec", lambda name: None if name == "segno" else object())
    with pytest.raises(ImportError, match=r"needs segno: pip install 'har-language\[live\]'"):
        har.live.check_installed()
