"""The few-shot figure: every mean and band of the record at its place, and nothing else."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

from har.plots import few_shot
from har.plots.few_shot import plot_few_shot, plot_few_shot_protocols, shots_position
from har.plots.style import DPI

SHOTS = (1, 2, 4, 3)
NAMES = ("ridge", "nearest")
WITH, ALONE, ZERO = "with label text", "labelled windows alone", "zero-shot"


def summary(mean: float, sd: float | None) -> dict:
    return {"mean": mean, "sd": sd, "draws": [mean]}


def record(sd: float | None = 0.05) -> dict:
    """Every value differs: classifier, text, shots and score can be told from it."""
    rows = [
        {
            "classifier": name, "text": text, "shots": k,
            "macro_f1": summary(0.2 + 0.1 * n + 0.05 * text + 0.01 * k, sd and sd + 0.001 * k),
            "accuracy": summary(0.5 + 0.1 * n + 0.05 * text + 0.01 * k, sd and sd + 0.002 * k),
        }
        for n, name in enumerate(NAMES)
        for text in (True, False)
        for k in SHOTS
    ]  # fmt: skip
    return {"zero_shot": {"macro_f1": summary(0.15, sd), "accuracy": summary(0.45, sd)}, "rows": rows}


@pytest.fixture
def drawn(monkeypatch) -> list[Figure]:
    """The figures that are saved, kept to be looked into."""
    figures, save_figure = [], few_shot.save_figure
    monkeypatch.setattr(few_shot, "save_figure", lambda f, path: figures.append(f) or save_figure(f, path))
    return figures


def curves(axes: Axes) -> dict[str, np.ndarray]:
    return {str(line.get_label()): np.asarray(line.get_xydata(), dtype=float) for line in axes.lines}


def expected(score: str, classifier: str, text: bool) -> list[tuple[float, float, float]]:
    """(position, mean, sd) of a curve, from k = 0 on where it has the text."""
    result = record()
    points = [(0, result["zero_shot"][score])] if text else []
    points += [(r["shots"], r[score]) for r in result["rows"] if (r["classifier"], r["text"]) == (classifier, text)]
    return sorted((0.0 if k == 0 else 1 + np.log2(k), s["mean"], s["sd"]) for k, s in points)


@pytest.mark.parametrize("score", ["macro_f1", "accuracy"])
def test_a_panel_shows_a_classifier_with_and_without_text_against_zero_shot(tmp_path, drawn, score):
    path = plot_few_shot(record(), tmp_path / "f.png", "a title", score)
    (figure,) = drawn
    assert figure.get_suptitle() == "a title"
    assert [axes.get_title(loc="left") for axes in figure.axes] == list(NAMES)
    assert [axes.get_ylabel() for axes in figure.axes] == [few_shot.TITLES[score], ""]
    for axes, name in zip(figure.axes, NAMES, strict=True):
        found = curves(axes)
        assert set(found) == {WITH, ALONE, ZERO}
        assert found[ZERO][:, 1].tolist() == [record()["zero_shot"][score]["mean"]] * 2
        bands = {band.get_facecolor()[0][:3].tobytes(): band.get_paths()[0].vertices for band in axes.collections}
        assert len(bands) == 2
        for label, text in ((WITH, True), (ALONE, False)):
            points = expected(score, name, text)
            np.testing.assert_allclose(found[label], [(x, mean) for x, mean, _ in points])
            (line,) = (line for line in axes.lines if line.get_label() == label)
            color = few_shot.color_of((WITH, ALONE).index(label))
            assert line.get_color() == color
            edge = bands[np.array(matplotlib_rgb(color)).tobytes()]
            corners = {(round(x, 9), round(mean + side * sd, 9)) for x, mean, sd in points for side in (-1, 1)}
            assert {(round(float(x), 9), round(float(y), 9)) for x, y in edge} == corners
    pixels = imread(path)
    assert pixels.shape[:2] == tuple((figure.get_size_inches() * DPI).astype(int)[::-1])
    assert pixels[..., :3].std() > 0.02


def matplotlib_rgb(color: str) -> tuple[float, float, float]:
    return tuple(int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))


def test_the_axis_doubles_from_one_on_and_names_every_k(tmp_path, drawn):
    assert [shots_position(k) for k in (0, 1, 2, 4, 16)] == [0, 1, 2, 3, 5]
    plot_few_shot(record(), tmp_path / "f.png")
    for axes in drawn[0].axes:
        assert [t.get_text() for t in axes.get_xticklabels()] == ["0", "1", "2", "3", "4"]
        np.testing.assert_allclose(axes.get_xticks(), [0, 1, 2, 1 + np.log2(3), 3])
        low, high = axes.get_xlim()
        assert low < 0 and high > 3 and axes.get_ylim()[0] == 0
    (legend,) = drawn[0].legends
    assert [t.get_text() for t in legend.get_texts()] == [ZERO, WITH, ALONE]


def test_a_single_draw_has_no_band(tmp_path, drawn):
    plot_few_shot(record(sd=None), tmp_path / "f.png")
    assert all(not axes.collections and len(axes.lines) == 3 for axes in drawn[0].axes)


def test_the_same_record_gives_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        plot_few_shot(record(), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_what_cannot_be_drawn_is_refused(tmp_path):
    with pytest.raises(ValueError, match="score 'recall' is unknown; expected one of macro_f1, accuracy"):
        plot_few_shot(record(), tmp_path / "f.png", score="recall")
    with pytest.raises(ValueError, match="no rows"):
        plot_few_shot(record() | {"rows": []}, tmp_path / "f.png")
    assert list(tmp_path.iterdir()) == []


def test_a_curve_a_protocol_starts_at_its_zero_shot_score(tmp_path, drawn):
    other = record()
    other["zero_shot"]["macro_f1"]["mean"] = 0.3
    plot_few_shot_protocols({"shared": record(), "own": other}, tmp_path / "f.png", "a title")
    (axes,) = drawn[0].axes
    want = np.array([point[:2] for point in expected("macro_f1", NAMES[0], True)])
    np.testing.assert_allclose(curves(axes)["shared"], want)
    np.testing.assert_allclose(curves(axes)["own"], np.vstack([[0.0, 0.3], want[1:]]))
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0", "1", "2", "3", "4"]
    with pytest.raises(ValueError, match="score 'recall' is unknown"):
        plot_few_shot_protocols({"shared": record()}, tmp_path / "f.png", score="recall")
    with pytest.raises(ValueError, match="nothing to draw"):
        plot_few_shot_protocols({}, tmp_path / "f.png")
