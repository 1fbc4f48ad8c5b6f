"""The door to recognition: options, lines, exit status."""

import csv
import json
import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import har.readers
from har.readers.recording import Device, Piece, ReaderError, Recording
from har.run.folder import repository_root

SCRIPT = "val_scripts/human_activity_recognition/predict.py"
RATE_HZ = 25.0


def read_rows(path: Path, placement=None, rate_hz=RATE_HZ, calibrate=True, **unknown) -> Recording:
    """In place of the readers: rows of x, y, z in g."""
    if unknown or path.suffix != ".csv":
        raise ReaderError(f"{path} is no recording {unknown or ''}")
    samples = np.loadtxt(path, delimiter=",", dtype=np.float32, ndmin=2)
    device = Device(placement, ("acc_x", "acc_y", "acc_z"), rate_hz, (Piece(0.0, samples),))
    return Recording(path.stem, (device,), source=path, notes=[] if calibrate else ["not calibrated"])


@pytest.fixture
def predict(monkeypatch, whole_run, capsys) -> Callable[..., tuple[int, str, str]]:
    """predict(*arguments) -> exit status and what it printed, with a model that was trained for seconds."""
    monkeypatch.setattr(har.readers, "read_recording", read_rows, raising=False)
    main = runpy.run_path(str(repository_root() / SCRIPT), run_name="predict")["main"]
    main.__globals__["SHOWN_AFTER_S"] = float("inf")  # no bar, however slow the machine

    def run(*arguments: object) -> tuple[int, str, str]:
        status = main([*map(str, arguments), "--checkpoint", str(whole_run[0] / "best.pt")])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def walk(tmp_path) -> Path:
    random, time = np.random.default_rng(0), np.arange(60 * 25) / RATE_HZ
    samples = random.normal(0, 0.02, (len(time), 3)) + np.array([0, 0, 1])
    samples[: len(time) // 2, 2] += 0.4 * np.sin(2 * np.pi * 2 * time[: len(time) // 2])
    np.savetxt(tmp_path / "walk.csv", samples, delimiter=",", fmt="%.4f")
    return tmp_path / "walk.csv"


def test_a_recording_and_names(predict, walk, tmp_path):
    options = ("--placement", "trouser pocket", "--unknown", 0, "--no-calibration", "--rate", 25)
    status, told, complained = predict(walk, "--labels", "walking", "sitting", *options, "--export", "labelstudio")
    assert (status, complained.strip()) == (0, "")
    assert told.splitlines()[-1] == f"Timeline, windows, summary and picture: {tmp_path} (start with walk.html)"
    summary = json.loads((tmp_path / "walk.summary.json").read_text())
    assert set(summary["minutes"]) <= {"walking", "sitting"} and summary["recorded_minutes"] == pytest.approx(1)
    assert summary["notes"][0] == "not calibrated"
    rows = list(csv.DictReader((tmp_path / "walk.timeline.csv").open()))
    assert float(rows[-1]["stop_s"]) == 60 and (tmp_path / "walk.labelstudio.json").is_file()
    for name in summary["minutes"]:
        assert name in told


def test_names_that_may_be_taken_otherwise_are_told_once(predict, walk, tmp_path):
    """Of a file beside the table, of a folder once for all its recordings."""
    status, told, complained = predict(walk, "--labels", "gehen", "sitting", "--out", tmp_path / "one")
    assert status == 0 and complained.startswith("note: 'gehen' is like no activity") and "'gehen' is" not in told
    for name in ("a", "b"):
        (tmp_path / "all" / f"{name}.csv").parent.mkdir(exist_ok=True)
        (tmp_path / "all" / f"{name}.csv").write_bytes(walk.read_bytes())
    for _ in range(2):  # the second time all is there already
        status, _, complained = predict(tmp_path / "all", "--labels", "gehen", "sitting", "--jobs", 1)
        assert (status, complained.count("'gehen' is like no activity")) == (0, 1)


def test_teaching_a_file_and_naming_another_by_it(predict, walk, tmp_path):
    (tmp_path / "mine.txt").write_text("start,stop,label\n0,28,dancing\n32,60,meditating\n")
    me = tmp_path / "me.npz"
    status, told, _ = predict(walk, "--teach", tmp_path / "mine.txt", "--adapter", me, "--out", tmp_path / "taught")
    assert status == 0 and str(me) in told
    options = ("--adapter", me, "--labels", "dancing", "meditating", "--unknown", 0, "--live-like")
    assert predict(walk, *options, "--out", tmp_path / "named")[0] == 0
    rows = list(csv.DictReader((tmp_path / "named" / "walk.timeline.csv").open()))
    # By a model that was trained for seconds, a window here and there is named otherwise.
    for label, (begin, end) in {"dancing": (0, 30), "meditating": (30, 60)}.items():
        spans = [(float(row["start_s"]), float(row["stop_s"])) for row in rows if row["label"] == label]
        assert sum(max(0, min(stop, end) - max(start, begin)) for start, stop in spans) > 0.7 * (end - begin), label
    status, _, complained = predict(
        walk, "--teach", tmp_path / "mine.txt", "--adapter", me, "--out", tmp_path / "again"
    )
    assert status == 2 and "give another name" in complained
    named = predict(walk, "--adapter", me, "--labels", "dancing", "sitting down", "--out", tmp_path / "some")
    assert named[0] == 0 and named[2] == "note: taught, but not among --labels, and so without effect: meditating\n"
    status, _, complained = predict(tmp_path, "--teach", tmp_path / "mine.txt")
    assert status == 2 and "learns from one recording" in complained


def test_a_list_in_one_name_is_taken_as_it_stands_and_a_note_says_what_may_be_meant(predict, walk):
    status, _, complained = predict(walk, "--labels", "sitting, walking upstairs,")
    assert status == 0
    assert complained.strip().endswith("several are parted by blanks: --labels sitting 'walking upstairs'")


def test_a_folder_with_a_file_that_is_none(predict, walk, tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    options = ("--labels", "walking", "sitting", "--jobs", 1, "--out", tmp_path / "out")
    status, told, complained = predict(tmp_path, *options)
    assert status == 2 and "1 of 2 recordings named (0 before)" in told and "notes.txt is no recording" in complained
    assert "error: 1 of the 2 files" in complained.splitlines()[-1]
    assert (tmp_path / "out" / "timelines.csv").is_file() and (tmp_path / "out" / "walk.html").is_file()
    told = predict(tmp_path, *options)[1]
    assert "1 before" in told
    (tmp_path / "notes.txt").unlink()
    assert predict(tmp_path, *options)[0] == 0


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--labels", "walking", "walking"), "must differ"),
        (("--labels", "not worn"), "what a timeline itself says"),
        (("--unknown", 2), "expected at least 0"),
        (("--jobs", 0), "--jobs 0; expected at least 1"),
        (("--jobs", -1), "--jobs -1; expected at least 1"),
        (("--columns", "t"), "is no recording"),
        (("--adapter", "nowhere.npz"), "nowhere.npz"),
    ],
)
def test_what_a_user_can_mend_is_one_line(predict, walk, options, problem):
    status, _, complained = predict(walk, *options)
    assert status == 2 and problem in complained and len(complained.strip().splitlines()) == 1


@pytest.mark.skipif(not hasattr(har.readers, "read_recording"), reason="reads a file, and there are no readers")
def test_a_file_as_an_app_writes_it(run_script, whole_run, walk, tmp_path):
    """The command of the README, in a process of its own."""
    samples = np.loadtxt(walk, delimiter=",")
    table = np.column_stack([np.arange(len(samples)) / RATE_HZ, samples])
    source = tmp_path / "phone.csv"
    np.savetxt(source, table, delimiter=",", fmt="%.4f", header="time,acc_x,acc_y,acc_z", comments="")
    options = ("--labels", "walking", "standing", "--unit", "g", "--checkpoint", whole_run[0] / "best.pt")
    done = run_script(SCRIPT, source, *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("(start with phone.html)")
    assert json.loads((tmp_path / "phone.summary.json").read_text())["recorded_minutes"] == pytest.approx(1, abs=0.01)
    assert run_script(SCRIPT, tmp_path / "nowhere.csv").returncode == 2
