"""Files in, files out: what is written, what is never replaced, and what is not done twice."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from har.readers.recording import ReaderError
from har.recognition import Adapter, files
from har.recognition.files import Job, Request, job_of, jobs_in, predict_many, predict_one, save_outcomes

from .conftest import LABELS


@pytest.fixture
def read(recorded):
    """A reader of rows of x, y, z; counts what it read."""

    def read_rows(path: Path, **given):
        read_rows.paths.append(path)
        if path.suffix != ".csv":
            raise ReaderError(f"{path} is no table")
        samples = np.loadtxt(path, delimiter=",", dtype=np.float32)
        return recorded(samples, name=path.stem, source=path, **given)

    read_rows.paths = []
    return read_rows


@pytest.fixture
def folder(tmp_path, acted) -> Path:
    """Two recordings, one below, and a file that is none."""
    (tmp_path / "in" / "b").mkdir(parents=True)
    for number, path in enumerate(("in/one.csv", "in/b/two.csv")):
        np.savetxt(tmp_path / path, acted(("walking", 30), ("sitting", 30 + 30 * number)), delimiter=",", fmt="%.4f")
    (tmp_path / "in" / "read me.txt").write_text("not a recording")
    return tmp_path / "in"


@pytest.fixture(autouse=True)
def this_model(monkeypatch, model, bank):
    monkeypatch.setattr(files, "loaded", lambda checkpoint: (model, bank))


def written(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def run(folder, request, read, processes: int = 1) -> list[files.Outcome]:
    return list(predict_many(jobs_in(folder, request.out), request, read, "default", None, processes))


def test_one_recording_becomes_five_files(folder, read, model, bank, tmp_path):
    request = Request(labels=tuple(LABELS), out=tmp_path / "out", exports=("labelstudio",))
    summary = predict_one(job_of(folder / "one.csv", request.out), request, read, model, bank)
    names = {"one.html", "one.labelstudio.json", "one.summary.json", "one.timeline.csv", "one.timeline.png"}
    assert written(tmp_path / "out") == names | {"one.windows.csv"}
    assert json.loads((tmp_path / "out" / "one.summary.json").read_text()) == json.loads(json.dumps(summary))
    assert summary["minutes"] == pytest.approx({"walking": 0.5, "sitting": 0.5}, abs=0.05)
    before = {name: (tmp_path / "out" / name).read_bytes() for name in names}
    predict_one(job_of(folder / "one.csv", request.out), request, read, model, bank)
    assert before == {name: (tmp_path / "out" / name).read_bytes() for name in names}
    # Other options take the place of their own files, and of none else.
    (tmp_path / "out" / "mine.txt").write_text("mine")
    predict_one(job_of(folder / "one.csv", request.out), Request(out=request.out), read, model, bank)
    assert written(tmp_path / "out") == names - {"one.labelstudio.json"} | {"one.windows.csv", "mine.txt"}


def test_files_of_others_are_never_replaced(folder, read, model, bank):
    request, job = Request(labels=tuple(LABELS)), job_of(folder / "one.csv", None)
    (folder / "one.html").write_text("somebody's")
    with pytest.raises(FileExistsError, match="no earlier prediction wrote it"):
        predict_one(job, request, read, model, bank)
    assert (folder / "one.html").read_text() == "somebody's" and not (folder / "one.timeline.csv").exists()
    source = folder / "x.timeline.csv"
    source.write_bytes((folder / "one.csv").read_bytes())
    with pytest.raises(FileExistsError, match="the recording itself"):
        predict_one(Job(source, folder, "x"), request, read, model, bank)


def test_a_folder_is_gone_on_with(folder, read, tmp_path):
    request = Request(labels=tuple(LABELS))
    first = run(folder, request, read)
    assert {outcome.source.name: outcome.error != "" for outcome in first} == {
        "one.csv": False, "two.csv": False, "read me.txt": True,
    }  # fmt: skip
    assert "b/two.html" in written(folder)
    table = save_outcomes(first, folder, folder / files.TABLE_NAME)
    rows = {row["recording"]: row for row in csv.DictReader(table.open())}
    assert float(rows["b/two.csv"]["recorded"]) == pytest.approx(1.5) and "no table" in rows["read me.txt"]["problem"]
    assert float(rows["b/two.csv"]["walking"]) + float(rows["b/two.csv"]["sitting"]) == pytest.approx(1.5)

    def done_again(request) -> list[str]:
        read.paths.clear()
        outcomes = run(folder, request, read)
        assert len(outcomes) == 3
        return [path.name for path in read.paths if path.suffix == ".csv"]

    assert done_again(request) == []  # what was written is no source either
    (folder / "b" / "two.html").unlink()
    assert done_again(request) == ["two.csv"]
    with (folder / "one.csv").open("a") as file:
        file.write("0,0,1\n")
    assert done_again(request) == ["one.csv"]
    assert sorted(done_again(Request(labels=("walking",)))) == ["one.csv", "two.csv"]
    (folder / "b" / "timelines.csv").write_text("mine")
    with pytest.raises(FileExistsError, match="no table of timelines"):
        save_outcomes(first, folder, folder / "b" / "timelines.csv")


def test_a_killed_prediction_is_not_finished(folder, read, model, bank, monkeypatch):
    request, job = Request(labels=tuple(LABELS)), job_of(folder / "one.csv", None)
    monkeypatch.setattr(files, "save_page", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        predict_one(job, request, read, model, bank)
    monkeypatch.undo()
    assert files.finished(job, files.made_from(job, request, model, None)) is None
    predict_one(job, request, read, model, bank)
    assert files.finished(job, files.made_from(job, request, model, None)) is not None


def test_recordings_of_a_folder(tmp_path):
    for name in ("a.csv", "a.json", ".hidden", "Phone/Accelerometer.csv", "Phone/Gyroscope.csv", "p/meta/time.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    jobs = {job.source.relative_to(tmp_path).as_posix(): job for job in jobs_in(tmp_path, tmp_path / "out")}
    assert {name: job.stem for name, job in jobs.items()} == {
        "a.csv": "a.csv", "a.json": "a.json", "Phone": "Phone", "p": "p",
    }  # fmt: skip
    assert jobs["Phone"].folder == tmp_path / "out"
    with pytest.raises(ValueError, match="there are labelstudio, elan"):
        Request(exports=("praat",))


def test_a_table_of_recordings_has_each_column_once(folder):
    minutes = {"start": 1.0, "gaps": 2.0, "gaps (label)": 3.0, "problem": 4.0}
    table = files.outcomes_table([files.Outcome(folder / "one.csv", {"minutes": minutes})], folder)
    (row,) = csv.DictReader(table.splitlines())
    assert len(row) == len(next(csv.reader(table.splitlines())))
    names = ["start (label)", "gaps (label)", "gaps (label) (label)", "problem (label)"]
    assert [float(row[name]) for name in names] == [1, 2, 3, 4] and row["problem"] == ""


def test_what_teaches_is_no_recording(tmp_path):
    some = np.zeros((1, 2), np.float32)
    Adapter("digest", ["a"], some, np.array([0]), some).save(tmp_path / "me.npz")
    np.savez(tmp_path / "samples.npz", features=some)
    (tmp_path / "broken.npz").write_bytes(b"PK")
    for name, text in (
        ("mine.csv", "\ufeffStop;Start;Label \n5;0;walking\n"),
        ("head.txt", "start\tstop\tlabel"),
        ("labelled.csv", "start,stop,label,acc_x,acc_y,acc_z\n0,1,walking,0,0,1\n"),
        ("plain.csv", "time,x,y,z\n0,0,0,1\n"),
        ("empty.csv", ""),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = {job.source.name for job in jobs_in(tmp_path, None)}
    assert found == {"samples.npz", "broken.npz", "labelled.csv", "plain.csv", "empty.csv"}


def test_links_and_files_that_no_prediction_wrote(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("b/z.csv", "mine.timeline.csv", "timelines.csv", "done.html", "other.html"):
        (tmp_path / name).write_text("x")
    (tmp_path / "done.summary.json").write_text(json.dumps({"format": "har timeline 1", "outputs": ["done.html"]}))
    (tmp_path / "b" / "up").symlink_to(tmp_path)
    (tmp_path / "a.csv").symlink_to(tmp_path / "b" / "z.csv")
    found = {job.source.relative_to(tmp_path).as_posix() for job in jobs_in(tmp_path, None)}
    assert found == {"b/z.csv", "mine.timeline.csv", "timelines.csv", "other.html"}


def test_a_file_that_may_not_be_read_does_not_stop_the_others(folder, read, monkeypatch):
    digest_of = files.digest_of

    def refused(path):
        if path.name == "one.csv":
            raise PermissionError(13, "Permission denied", str(path))
        return digest_of(path)

    monkeypatch.setattr(files, "digest_of", refused)
    outcomes = {outcome.source.name: outcome for outcome in run(folder, Request(labels=tuple(LABELS)), read)}
    assert "Permission denied" in outcomes["one.csv"].error and outcomes["two.csv"].summary is not None


def test_a_folder_that_cannot_be_written_into_is_named(folder, read, model, bank, monkeypatch):
    def refused(path, *_):
        raise PermissionError(13, "Permission denied", f"{path}.1234")

    monkeypatch.setattr(files, "write_json", refused)
    with pytest.raises(PermissionError, match=r"in cannot be written into; give another folder \(--out\)"):
        predict_one(job_of(folder / "one.csv", None), Request(labels=tuple(LABELS)), read, model, bank)
