"""The figure of trust shows the curves of the record, and nothing else."""

import numpy as np
import pytest

from har.evaluation.calibration import calibration_scores
from har.plots import trust
from har.plots.trust import plot_trust


def record() -> dict:
    random = np.random.default_rng(0)
    return {
        name: calibration_scores(random.dirichlet(np.full(4, 0.4), 300), random.integers(0, 4, 300))
        for name in ("one window", "recording context")
    }


def test_both_panels_show_the_curves(tmp_path, monkeypatch):
    figures, save_figure = [], trust.save_figure
    monkeypatch.setattr(trust, "save_figure", lambda f, path: figures.append(f) or save_figure(f, path))
    given = record()
    assert plot_trust(given, tmp_path / "trust.png", "belt").is_file()
    reliability, risk = figures[0].axes
    assert len(reliability.lines) == 3 and len(risk.lines) == 2  # with the diagonal
    for line, scores in zip(reliability.lines[1:], given.values(), strict=True):
        curve = scores["reliability"]
        np.testing.assert_allclose(line.get_xydata(), np.column_stack([curve["confidence"], curve["accuracy"]]))
        assert f"ECE {100 * scores['ece']:.1f} %" in line.get_label()
    for line, scores in zip(risk.lines, given.values(), strict=True):
        curve = scores["risk_coverage"]
        np.testing.assert_allclose(line.get_xydata(), np.column_stack([curve["coverage"], curve["risk"]]))


def test_the_same_record_gives_the_same_bytes(tmp_path):
    drawn = [plot_trust(record(), tmp_path / name).read_bytes() for name in ("a.png", "b.png")]
    assert drawn[0] == drawn[1]


def test_nothing_is_refused(tmp_path):
    with pytest.raises(ValueError, match="nothing to draw"):
        plot_trust({}, tmp_path / "trust.png")
