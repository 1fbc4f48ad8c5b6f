"""Finished protocols side by side."""

import json

import pytest

from har.protocol.comparison import compare
from har.protocol.request import EvaluationError


def test_variants_are_compared_and_chosen_without_what_is_scored(begin, protocol, tmp_path, heard):
    weak = begin("weak", seeds=[0, 1], train=["--LEARNING_RATE=0.3"])
    strong = begin("strong", seeds=[0, 1], train=["--LEARNING_RATE=0.8"])
    compare([f"weak={weak}", f"strong={strong}"], tmp_path / "compared", heard.told.append)
    record = json.loads((tmp_path / "compared" / "results.json").read_text())
    assert record["one_window"]["chosen"] == {"sim_belt": "strong", "sim_watch": "strong"}
    means = json.loads((strong / "results.json").read_text())["mean"]
    for row in ("one_window", "recording_context"):
        assert record[row]["nested"]["mean"] == pytest.approx(means[row]["closed_set"]["macro_f1"]["mean"])
        assert record[row]["variants"]["strong"]["sd"] == pytest.approx(means[row]["closed_set"]["macro_f1"]["sd"])
    report = (tmp_path / "compared" / "report.md").read_text()
    assert "**strong**: LEARNING_RATE: 0.8 here, 0.3 in weak" in report
    assert "| *chosen* | strong | strong | (best: strong) |" in report
    assert heard.told[-1] == f"Report and results: {tmp_path / 'compared'} (start with report.md)"

    content = (weak / "results.json").read_text()
    (weak / "results.json").write_text(content.replace('"macro_f1"', '"macro_f2"', 1))
    with pytest.raises(EvaluationError, match=r"weak.results\.json does not hold what was written .* --report-only"):
        compare([f"weak={weak}", f"strong={strong}"], tmp_path / "no", heard.told.append)
    (weak / "results.json").write_text('{"scores": {}}')
    with pytest.raises(EvaluationError, match=r"is not of a protocol \(it holds scores\)"):
        compare([f"weak={weak}", f"strong={strong}"], tmp_path / "no", heard.told.append)
    (weak / "results.json").write_text(content)

    other = begin("other seeds", train=["--LEARNING_RATE=0.8"])
    with pytest.raises(EvaluationError, match=r"other has the seeds \[0\], weak \[0, 1\]"):
        compare([f"weak={weak}", f"other={other}"], tmp_path / "no", heard.told.append)
    (strong / "cells/sim_belt/model_1/cell.json").unlink()
    protocol(strong, report_only=True)
    with pytest.raises(EvaluationError, match="lacks sim_belt/model_1"):
        compare([f"weak={weak}", f"strong={strong}"], tmp_path / "no", heard.told.append)


@pytest.mark.parametrize("given", [["a=x"], ["a=x", "a=y"], ["a", "b=x"]])
def test_a_comparison_needs_two_names(given, tmp_path, heard):
    with pytest.raises(EvaluationError, match="NAME=FOLDER at least twice"):
        compare(given, tmp_path, heard.told.append)
