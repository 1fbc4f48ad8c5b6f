"""A whole protocol: what is done, kept, refused and reported, and how it ends before its end."""

import json
import shutil
import signal
from pathlib import Path

import pytest
from sklearn.metrics import accuracy_score, f1_score

from har.protocol.cells import CellError
from har.protocol.plan import STANDARD_STEPS, read_plan
from har.protocol.request import EvaluationError
from har.protocol.run import alone_in
from har.protocol.scoring import read_predictions
from har.run.ending import InterruptedRunError

DATASETS = ("sim_watch", "sim_belt")


def times(out: Path) -> dict[str, int]:
    return {str(p.relative_to(out)): p.stat().st_mtime_ns for p in sorted(out.glob("cells/*/*/cell.json"))}


def files(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in ("report.md", "results.json")}


def scores(true, predicted):
    labels = sorted(set(true))
    return {
        "macro_f1": f1_score(true, predicted, labels=labels, average="macro", zero_division=0.0),
        "accuracy": accuracy_score(true, predicted),
    }


def test_every_cell_is_trained_scored_and_reported(begin):
    out = begin("whole", seeds=[0, 1], references=["forest", "frozen", "ceiling"], jobs=2)
    names = {path.parent.name for path in out.glob("cells/sim_watch/*/cell.json")}
    assert {"model_0", "model_1", "forest_0", "frozen_0"} <= names
    assert any(name.startswith("ceiling_") for name in names)
    assert not list(out.glob("cells/**/best.pt")) and list(out.glob("cells/sim_belt/model_1/training/*/*/epoch_001.pt"))
    record = json.loads((out / "results.json").read_text())
    assert record["missing"] == []
    for dataset in DATASETS:
        rows = record["datasets"][dataset]["rows"]
        for cell, column, row, place in (
            ("model_1", "closed_set", "one_window", 1),
            ("model_0", "closed_set_context", "recording_context", 0),
            ("forest_0", "closed_set", "forest", 0),
            ("frozen_0", "closed_set", "frozen_encoder", 0),
        ):
            table = read_predictions(out / "cells" / dataset / cell / "evaluation" / f"predictions_{dataset}.csv")
            for name, expected in scores(table["label"], table[column]).items():
                assert rows[row]["closed_set"][name]["values"][place] == pytest.approx(expected)
        tables = [read_predictions(p) for p in sorted(out.glob(f"cells/{dataset}/ceiling_*/evaluation/*.csv"))]
        merged = {name: [text for table in tables for text in table[name]] for name in ("label", "closed_set")}
        assert len(merged["label"]) == record["datasets"][dataset]["windows"]
        found = rows["ceiling"]["closed_set"]["accuracy"]["mean"]
        assert found == pytest.approx(accuracy_score(merged["label"], merged["closed_set"]))
    report = (out / "report.md").read_text()
    assert "| ceiling, recording context |" in report and "Not finished" not in report
    assert "![overview](<plots/overview.png>)" in report and (out / "plots" / "overview.png").is_file()
    for dataset, confusions in record["confusions"].items():
        assert (out / "plots" / f"confused_{dataset}.png").is_file() == bool(confusions)


def test_a_failing_cell_stops_the_protocol_which_goes_on_to_the_same_report(begin, protocol, data, heard, tmp_path):
    undisturbed = begin("undisturbed", seeds=[0, 1])
    (data / "fail").write_text("sim_belt/model_1")
    try:
        with pytest.raises(CellError, match=r"cell sim_belt/model_1 failed: .*status 1; .*log.txt") as caught:
            begin("disturbed", seeds=[0, 1])
    finally:
        (data / "fail").unlink()
    out = tmp_path / "disturbed"
    assert caught.value.log_lines[-1] == "the stand-in fails as it was told"
    assert heard.complaints == ["\n".join(caught.value.log_lines)]
    before = times(out)
    assert len(before) == 3 and (out / "cells/sim_belt/model_1/log.txt").is_file()
    (out / "cells/sim_belt/model_1/left_behind").touch()

    protocol(out, report_only=True)
    assert "Not finished yet, so the tables are partial: sim_belt/model_1." in (out / "report.md").read_text()
    protocol(out)  # all else as recorded
    assert before.items() < times(out).items()
    assert not (out / "cells/sim_belt/model_1/left_behind").exists()
    assert files(out) == files(undisturbed)


def test_seeds_datasets_and_references_may_be_added_but_nothing_else_changed(begin, protocol, data):
    out = begin("grows")
    before = times(out)
    protocol(out, seeds=[5], references=["forest"])
    assert before.items() < times(out).items()
    assert read_plan(out).seeds == [0, 5] and set(read_plan(out).references) == {"forest"}
    assert len(times(out)) == 6
    for options, named in (
        ({"steps": 3}, f"STEPS: 3 here, {STANDARD_STEPS} in protocol.json"),
        ({"train": ["--WIDTH=16"]}, "WIDTH: 16 here, 128 in protocol.json"),
    ):
        with pytest.raises(EvaluationError, match=named):
            protocol(out, **options)
    shutil.copytree(data / "sim_belt", data / "another")
    try:
        with pytest.raises(EvaluationError, match=r"PREPARED_DATASETS: .*another"):
            protocol(out)
    finally:
        shutil.rmtree(data / "another")
    assert len(times(out)) == 6


def test_what_changes_no_number_may_change(begin, protocol):
    out = begin("free")
    before = times(out)
    protocol(out, train=["--LOG_EVERY=7 --TEXT_CACHE=elsewhere"], jobs=3)
    assert times(out) == before  # gone on with, and nothing was done again


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"datasets": ["sim_belt"]}, "sim_belt alone to leave out .*needs two at least"),
        ({"datasets": ["sim_belt", "nowhere"]}, "nowhere: not prepared under"),
        ({"references": ["none", "forest"]}, "none alone"),
        ({"steps": 0}, "--steps 0"),
        ({"jobs": 0}, "--jobs 0"),
        ({"train": ["--SEED=3"]}, "--SEED=3: set by the protocol itself"),
        ({"train": ["--NO_SUCH=3"]}, "no constant NO_SUCH"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_runs(begin, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        begin("refused", **options)
    assert not (tmp_path / "refused" / "cells").exists()


def test_one_protocol_at_a_time_in_a_folder(begin, protocol):
    out = begin("alone")
    with alone_in(out), pytest.raises(EvaluationError, match="still at work there"):
        protocol(out)
    protocol(out)


def test_sigterm_ends_a_protocol_that_never_hears_ctrl_c(begin, data, tmp_path):
    """Whatever a non-interactive shell starts in the background ignores SIGINT from its start."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    (data / "end").write_text("sim_belt/model_0")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(InterruptedRunError, match=r"Stopped; [01] of 2 cells are finished\. Go on with\n"):
            begin("ended")
        assert signal.getsignal(signal.SIGTERM) == handlers[signal.SIGTERM]
    finally:
        signal.signal(signal.SIGINT, handlers[signal.SIGINT])
        (data / "end").unlink()
    before = times(tmp_path / "ended")
    assert "cells/sim_belt/model_0/cell.json" not in before
    begin("ended")
    assert len(times(tmp_path / "ended")) == 2 and before.items() <= times(tmp_path / "ended").items()
