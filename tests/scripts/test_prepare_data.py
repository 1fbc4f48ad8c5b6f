"""prepare_data.py: list, convert, check, and what it says when something is wrong."""

import runpy
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from har.recordings.convert import NAMES
from har.recordings.format import DatasetWriter, StreamInfo, read_dataset
from har.recordings.simulate import SIMULATED_NAMES

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "data_scripts" / "human_activity_recognition" / "prepare_data.py"

Answer = tuple[int, str, str]


@pytest.fixture
def prepare(capsys, monkeypatch) -> Callable[..., Answer]:
    """Run the script in this process: arguments -> exit status, stdout, stderr."""
    monkeypatch.setenv("COLUMNS", "80")
    main = runpy.run_path(str(SCRIPT))["main"]

    def run(*arguments: object) -> Answer:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return status, out, err

    return run


def write_mex(
    folder: Path, subjects: tuple[str, ...] = ("01", "02"), exercises: tuple[str, ...] = ("01", "05")
) -> Path:
    """Six seconds of 1 g along z at 100 Hz in the layout of mex."""
    rng = np.random.default_rng(0)
    for subject in subjects:
        for exercise in exercises:
            path = folder / "act" / subject / f"{exercise}_act_1.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = [0, 0, 1] + 0.005 * rng.standard_normal((601, 3))
            stamps = [f"2018-11-08 11:34:{i // 100:02d}.{i % 100:02d}0000" for i in range(601)]
            path.write_text(
                "".join(f"{t},{x:.6f},{y:.6f},{z:.6f}\n" for t, (x, y, z) in zip(stamps, rows, strict=True))
            )
    return folder


def write_chest(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "1.csv").write_text("".join(f"{i},2048,2420,2048,{1 + i // 104}\n" for i in range(416)))
    return folder


def zip_folder(folder: Path, archive: Path) -> Path:
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*.csv")):
            file.write(path, folder.name / path.relative_to(folder))
    return archive


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# --- list -------------------------------------------------------------------------------------------------------------


def test_list_fits_a_terminal_and_says_what_is_prepared(prepare, tmp_path):
    prepare("convert", "mex", "--raw", write_mex(tmp_path / "raw"), "--out", tmp_path / "out")
    status, out, _ = prepare("list", "--out", tmp_path / "out")
    lines = out.splitlines()
    rows = {line.split()[0]: line for line in lines if line.split() and line.split()[0] in NAMES and line[0] != " "}
    assert status == 0 and list(rows) == list(NAMES)
    assert rows["mex"].endswith(" yes") and rows["sphere"].endswith(" no")
    assert " 30 " in rows["mex"] and "original files" in rows["mex"] and "published layout" in rows["uci_har"]
    assert f"1 of {len(NAMES)} prepared in {tmp_path / 'out'}" in out
    # Only a web address may be wider than the terminal: cut, it would not open.
    assert all(len(line) <= 100 for line in lines if "://" not in line)
    assert lines[lines.index(rows["mex"]) + 1 :][:3] == [
        "    worn at: thigh",
        "    licence: CC BY 4.0",
        "    get it: https://archive.ics.uci.edu/dataset/500/",
    ]


def test_list_names_a_dataset_of_ones_own(prepare, tmp_path):
    with DatasetWriter(tmp_path / "own", title="T", citation="C", licence="L", source_url="U") as writer:
        writer.add_stream(StreamInfo("ankle", "tag", "ankle", ("acc_x", "acc_y", "acc_z"), 50.0))
        writer.append("ankle", recording="r", subject="s", samples=np.tile([0.0, 0.0, 1.0], (100, 1)), labels=[])
    _, out, _ = prepare("list", "--out", tmp_path)
    assert "by no converter of this repository: own" in out
    # Nothing but an unlabelled stream: there is nothing to draw, and that is no error.
    status, out, _ = prepare("check", "own", "--out", tmp_path, "--plots", tmp_path / "plots")
    assert status == 0 and "(unlabelled)" in out and list((tmp_path / "plots").iterdir()) == []


# --- convert ----------------------------------------------------------------------------------------------------------


def test_folder_and_archive_give_identical_bytes(prepare, tmp_path):
    raw = write_mex(tmp_path / "raw" / "mex")
    archive = zip_folder(raw, tmp_path / "anything.zip")
    for out, source in (("a", raw), ("b", archive), ("c", tmp_path / "raw"), ("c", tmp_path / "raw")):
        status, said, _ = prepare("convert", "mex", "--raw", source, "--out", tmp_path / out)
        assert status == 0
        assert "mex: 2 people, 0.0 h in 1 stream(s), 2 activities" in said
        assert said.splitlines()[-2:] == [
            f"prepared in {tmp_path / out}: mex",
            f"next: prepare_data.py check mex --out {tmp_path / out}",
        ]
    assert bytes_of(tmp_path / "a" / "mex") == bytes_of(tmp_path / "b" / "mex") == bytes_of(tmp_path / "c" / "mex")
    assert read_dataset(tmp_path / "a" / "mex").subjects == ["s01", "s02"]


def test_all_takes_what_is_there(prepare, tmp_path):
    zip_folder(write_mex(tmp_path / "mex"), tmp_path / "mex.zip")
    shutil.rmtree(tmp_path / "mex")
    write_chest(tmp_path / "chest_mounted")
    status, out, _ = prepare("convert", "all", "--raw", tmp_path, "--out", tmp_path / "out")
    assert status == 0
    assert sorted(path.name for path in (tmp_path / "out").glob("[a-z]*")) == ["chest_mounted", "mex"]
    assert f"prepared in {tmp_path / 'out'}: chest_mounted, mex" in out
    assert "nothing in" in out and "utd_mhad" in out


def test_errors_are_one_line_and_status_2(prepare, tmp_path):
    raw = write_mex(tmp_path / "raw" / "mex")
    (tmp_path / "broken.zip").write_bytes(zip_folder(raw, tmp_path / "good.zip").read_bytes()[:500])
    (tmp_path / "empty").mkdir()
    out = tmp_path / "out"
    cases = [
        (("convert", "mexx", "--raw", raw, "--out", out), "no converter for 'mexx'; did you mean 'mex'?"),
        (("convert", "mex", "--raw", tmp_path / "nowhere", "--out", out), "does not exist"),
        (("convert", "mex", "--raw", tmp_path / "empty", "--out", out), "no file matches"),
        (
            ("convert", "mex", "--raw", tmp_path / "broken.zip", "--out", out),
            "neither a folder nor a tar or zip archive",
        ),
        (("convert", "mex", "sphere", "--raw", tmp_path / "raw", "--out", out), "nothing there for sphere"),
        (("convert", "all", "--raw", tmp_path / "empty", "--out", out), "nothing there for chest_mounted"),
        (("check", "mex", "--out", out), "no dataset 'mex'"),
    ]
    for arguments, expected in cases:
        status, said, complaint = prepare(*arguments)
        assert status == 2 and complaint.startswith("error: ") and expected in complaint
        assert complaint.count("\n") == 1 and "Traceback" not in complaint + said
    assert not out.exists() or not list(out.iterdir())


def test_a_failed_conversion_leaves_the_earlier_one(prepare, tmp_path):
    raw = write_mex(tmp_path / "raw")
    prepare("convert", "mex", "--raw", raw, "--out", tmp_path / "out")
    before = bytes_of(tmp_path / "out" / "mex")
    (raw / "act" / "02" / "05_act_1.csv").write_text("")
    status, _, complaint = prepare("convert", "mex", "--raw", raw, "--out", tmp_path / "out")
    assert status == 2 and "05_act_1.csv" in complaint
    assert bytes_of(tmp_path / "out" / "mex") == before
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".checked", "mex"]


# --- check ------------------------------------------------------------------------------------------------------------


def test_check_counts_and_draws(prepare, tmp_path):
    prepare("convert", "mex", "--raw", write_mex(tmp_path / "raw"), "--out", tmp_path / "out")
    status, out, _ = prepare("check", "mex", "--out", tmp_path / "out", "--plots", tmp_path / "plots")
    assert status == 0
    assert "2 people, 4 recordings, 4 segments, 0.01 h" in out
    assert "rest magnitude 1.00" in out
    minutes = [line.split() for line in out.splitlines() if line.startswith("pressing")]
    # Two people, 6.01 s each: 0.2 minutes.
    assert minutes == [["pressing", "the", "chest", "up", "while", "lying", "on", "the", "stomach", "2", "0.2"]]
    picture = tmp_path / "plots" / "mex.png"
    assert picture.read_bytes().startswith(b"\x89PNG") and str(picture) in out
    assert set(bytes_of(tmp_path / "out" / "mex")) == {"dataset.json", "thigh.npy", "thigh.csv"}


def test_check_names_a_damaged_file(prepare, tmp_path):
    prepare("convert", "mex", "--raw", write_mex(tmp_path / "raw"), "--out", tmp_path / "out")
    file = tmp_path / "out" / "mex" / "thigh.npy"
    np.save(file, 9.80665 * np.load(file))
    status, _, complaint = prepare("check", "mex", "--out", tmp_path / "out", "--plots", tmp_path / "plots")
    assert status == 2 and "thigh.npy: the accelerometer of thigh has a median magnitude of 9.8" in complaint
    status, _, complaint = prepare("check", "mx", "--out", tmp_path / "out")
    assert status == 2 and "did you mean 'mex'?" in complaint


def test_the_script_runs_from_any_folder(tmp_path):
    def run(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([sys.executable, str(SCRIPT), *arguments], cwd=tmp_path, capture_output=True, text=True)

    listing = run("list")
    assert listing.returncode == 0, listing.stderr
    assert f"prepared in {ROOT / 'data'}" in listing.stdout
    failed = run("convert", "mex", "--raw", "nowhere", "--out", str(tmp_path / "out"))
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr == "error: nowhere does not exist; give the folder or the archive with the raw files\n"


# --- simulate ---------------------------------------------------------------------------------------------------------


def test_simulated_people_are_written_checked_and_drawn(prepare, tmp_path):
    arguments = ("--people", "2", "--hours", "0.02", "--seed", "1", "--out", tmp_path / "out")
    status, said, complaint = prepare("simulate", *arguments)
    assert status == 0, complaint
    for name in SIMULATED_NAMES:
        assert f"{name}: 2 people" in said
        assert read_dataset(tmp_path / "out" / name).subjects == ["p01", "p02"]
    assert f"next: prepare_data.py check {SIMULATED_NAMES[0]} --out {tmp_path / 'out'}" in said
    status, said, complaint = prepare("check", "sim_belt", "--out", tmp_path / "out", "--plots", tmp_path / "plots")
    assert status == 0 and "rest magnitude" in said, complaint
    with DatasetWriter(tmp_path / "out" / "mine", title="T", citation="C", licence="L", source_url="U") as writer:
        writer.add_stream(StreamInfo("belt", "tag", "waist", ("acc_x", "acc_y", "acc_z"), 50.0))
        for number, label in enumerate(read_dataset(tmp_path / "out" / "sim_belt").labels):
            samples = np.tile([0.0, 0.0, 1.0], (300, 1))
            writer.append("belt", recording=f"r{number}", subject="s", samples=samples, labels=[(label, 0, 300)])
    where = ("--out", tmp_path / "out", "--plots", tmp_path / "plots")
    status, said, complaint = prepare("draw", "walking", "sitting", *where)
    assert status == 0, complaint
    for figure in ("simulated.png", "simulated_and_mine.png"):
        assert (tmp_path / "plots" / figure).read_bytes().startswith(b"\x89PNG") and figure in said
    assert "simulated_and_sim_belt" not in said


def test_impossible_simulations_are_one_line_and_status_2(prepare, tmp_path):
    for arguments, expected in (
        (("simulate", "--people", "0", "--out", tmp_path), "0 people"),
        (("simulate", "--hours", "-1", "--out", tmp_path), "more than 0 hours"),
        (("draw", "walkin", "--plots", tmp_path), "no activity 'walkin'; did you mean 'walking'?"),
    ):
        status, said, complaint = prepare(*arguments)
        assert status == 2 and complaint.startswith("error: ") and expected in complaint
        assert complaint.count("\n") == 1 and "Traceback" not in complaint + said
