"""The robustness script on a real, tiny run."""

import json
from pathlib import Path

SCRIPT = "val_scripts/human_activity_recognition/evaluate_robustness.py"


def test_every_change_that_can_be_made_is_measured(whole_run, small_corpus: Path, run_script, tmp_path: Path):
    out = tmp_path / "report"
    what = ("--checkpoint", whole_run[0] / "best.pt", "--datasets", "sim_belt", "--data", small_corpus, "--out", out)
    done = run_script(SCRIPT, *what, "--people", 1, "--parts", "signals", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert str(out) in done.stdout.splitlines()[-1]
    results = json.loads((out / "results.json").read_text())
    found, changes = results["signals"]["sim_belt"], results["settings"]["changes"]
    names = {change["name"] for change in changes}
    assert len(names) == len({change["title"] for change in changes}) == len(changes) >= 20
    # A belt is at no wrist, and measures at 100 Hz already.
    impossible = {"mirrored", "rate_100"}
    assert names - set(found) - {"gap", "clipped_2g", "clipped_4g"} == impossible
    assert all(0 <= row["moved"] <= 1 and row["interval"] is None for rows in found.values() for row in rows.values())
    assert found["rate_50"]["one_window"]["moved"] < 0.05


def test_what_cannot_be_asked_ends_with_one_line(small_corpus: Path, run_script, tmp_path: Path):
    what = ("--checkpoint", "default", "--datasets", "sim_belt", "--data", small_corpus, "--out", tmp_path / "out")
    done = run_script(SCRIPT, *what, "--device", "cpu")
    assert done.returncode == 2 and "the model was trained on sim_belt" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and not (tmp_path / "out").exists()
