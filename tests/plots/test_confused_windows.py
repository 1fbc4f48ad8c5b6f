"""Windows of a confusion: each is drawn where its title says, on one scale a row, and what is not there is said."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

from har.plots import confused_windows, style
from har.plots.confused_windows import ConfusedWindows, plot_confused_windows
from har.plots.recordings import ExampleWindow
from har.plots.style import save_figure


@pytest.fixture
def drawn(monkeypatch) -> list[Figure]:
    """The figures that are saved, kept to be looked into."""
    figures = []
    monkeypatch.setattr(
        confused_windows, "save_figure", lambda figure, path: figures.append(figure) or save_figure(figure, path)
    )
    return figures


def window(caption: str, size: float = 1.0, rows: int = 100, rate_hz: float = 20.0) -> ExampleWindow:
    samples = size * np.random.default_rng(len(caption)).standard_normal((rows, 3))
    return ExampleWindow("belt", "walking", caption, rate_hz, {"acc": samples, "gyro": samples})


def confusion(true: str, predicted: str, share: float = 0.38, size: float = 1.0, **changes) -> ConfusedWindows:
    windows = {name: window(f"{true} {name}", size) for name in ("recognised", "confused", "other")}
    return ConfusedWindows(true, predicted, share, **windows | changes)


def title_of(axes: Axes) -> str:
    return " ".join(axes.get_title(loc="left").split())


def texts_of(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_every_panel_shows_the_window_that_its_title_names(tmp_path, drawn):
    rows = [confusion("walking upstairs", "walking downstairs"), confusion("sitting", "lying", 0.0041, 0.1)]
    path = plot_confused_windows(rows, tmp_path / "c.png", "mobifall")
    (figure,) = drawn
    pixels = imread(path)
    assert pixels.shape[:2] == tuple((figure.get_size_inches() * style.DPI).astype(int))[::-1]
    assert pixels[..., :3].std() > 0.02 and figure.get_suptitle() == "mobifall"
    assert [title_of(axes) for axes in figure.axes] == [
        "walking upstairs, recognised",
        "walking upstairs, taken for walking downstairs (38 % of its windows)",
        "walking downstairs, recognised",
        "sitting, recognised",
        "sitting, taken for lying (less than 1 % of its windows)",
        "lying, recognised",
    ]
    # What stands in brackets is not torn apart.
    assert figure.axes[4].get_title(loc="left") == "sitting, taken for lying\n(less than 1 % of its windows)"
    expected = [example for row in rows for example in (row.recognised, row.confused, row.other)]
    for axes, example in zip(figure.axes, expected, strict=True):
        lines = {line.get_label(): line for line in axes.lines}
        assert list(lines) == ["x", "y", "z", "magnitude"]
        for axis, name in enumerate("xyz"):
            np.testing.assert_array_equal(lines[name].get_ydata(), example.triads["acc"][:, axis])
        size = np.sqrt((example.triads["acc"] ** 2).sum(axis=1))
        np.testing.assert_allclose(lines["magnitude"].get_ydata(), size)
        assert lines["magnitude"].get_linewidth() < min(lines[name].get_linewidth() for name in "xyz")
        assert lines["x"].get_xdata()[-1] == pytest.approx(99 / 20)
        assert texts_of(axes) == [example.caption]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["x", "y", "z", "magnitude"]


def test_a_row_has_one_scale_that_shows_all_of_it(tmp_path, drawn):
    loud = confusion("running", "jumping", confused=window("loud", 3.0))
    quiet = confusion("sitting", "lying", size=0.01)
    plot_confused_windows([loud, quiet], tmp_path / "c.png")
    ranges = [axes.get_ylim() for axes in drawn[0].axes]
    assert len(set(ranges[:3])) == len(set(ranges[3:])) == 1 and ranges[0] != ranges[3]
    samples = loud.confused.triads["acc"]
    assert ranges[0][0] < samples.min() and ranges[0][1] > np.linalg.norm(samples, axis=1).max()
    low, high = ranges[3]  # rest looks like rest
    assert low <= -1.25 and high >= 1.25
    # Only the first panel of a row bears the axis.
    assert [axes.get_ylabel() for axes in drawn[0].axes] == ["acc (g)", "", ""] * 2
    assert [axes.get_xlabel() for axes in drawn[0].axes] == [""] * 3 + ["time (s)"] * 3


def test_all_panels_span_the_longest_window_whatever_the_rate(tmp_path, drawn):
    row = confusion("throwing", "catching", confused=window("b", 1.0, 40, 20.0), other=window("c", 1.0, 500, 100.0))
    plot_confused_windows([row], tmp_path / "c.png")
    assert [axes.get_xlim() for axes in drawn[0].axes] == [(0, 5.0)] * 3
    ends = [axes.lines[0].get_xdata()[-1] for axes in drawn[0].axes]
    assert ends == pytest.approx([99 / 20, 39 / 20, 499 / 100])


def test_missing_samples_are_gaps(tmp_path, drawn):
    short = window("short")
    short.triads["acc"][60:] = np.nan
    plot_confused_windows([confusion("throwing", "catching", other=short)], tmp_path / "c.png")
    curve = drawn[0].axes[2].lines[3].get_ydata()
    assert np.isfinite(curve[:60]).all() and np.isnan(curve[60:]).all()
    assert np.isfinite(drawn[0].axes[2].get_ylim()).all()


def test_a_panel_without_a_window_says_so(tmp_path, drawn):
    rows = [confusion("standing", "sitting", other=None), confusion("hopping", "skipping", recognised=None)]
    plot_confused_windows(rows, tmp_path / "c.png")
    empty = [i for i, axes in enumerate(drawn[0].axes) if texts_of(axes) == ["no such window"]]
    assert empty == [2, 3]
    for i, title in ((2, "sitting, recognised"), (3, "hopping, recognised")):
        axes = drawn[0].axes[i]
        assert title_of(axes) == title and not axes.lines
        assert not any(side.get_visible() for side in axes.spines.values())
    # The axis of the row stands at the first panel that has one, with numbers, and only there.
    assert [axes.get_ylabel() for axes in drawn[0].axes] == ["acc (g)", "", "", "", "acc (g)", ""]
    numbered = [any(tick.label1.get_visible() for tick in axes.yaxis.get_major_ticks()) for axes in drawn[0].axes]
    assert numbered == [True, False, False, False, True, False]


def test_nothing_but_missing_panels_is_drawn_too(tmp_path, drawn):
    plot_confused_windows([ConfusedWindows("a", "b", 0.5, None, None, None)], tmp_path / "c.png")
    assert [texts_of(axes) for axes in drawn[0].axes] == [["no such window"]] * 3
    assert not drawn[0].legends


@pytest.mark.parametrize(
    "other",
    ["getting up from a chair (without the hands)", "bending forward to lift a heavy box from the floor slowly"],
)
def test_long_titles_stay_over_their_panels(tmp_path, drawn, other):
    label = "picking up an object and then throwing it far away"
    plot_confused_windows([confusion(label, other)], tmp_path / "c.png")
    panels = drawn[0].axes
    assert title_of(panels[1]) == f"{label}, taken for {other} (38 % of its windows)"  # only spaces became new lines
    renderer = drawn[0].canvas.get_renderer()
    boxes = [axes._left_title.get_window_extent(renderer) for axes in panels]
    assert boxes[0].x1 < boxes[1].x0 and boxes[1].x1 < boxes[2].x0 and boxes[2].x1 <= drawn[0].bbox.x1


def test_the_same_windows_give_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        plot_confused_windows([confusion("walking", "running")], tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("triads", "message"),
    [
        ({"gyro": np.zeros((10, 3))}, r"belt, 'walking': acc of shape \(0,\)"),
        ({"acc": np.zeros((10, 2))}, r"acc of shape \(10, 2\)"),
        ({"acc": np.zeros((0, 3))}, r"acc of shape \(0, 3\)"),
        ({"acc": np.full((10, 3), np.nan)}, "not all missing"),
    ],
)
def test_what_cannot_be_drawn_is_refused(tmp_path, triads, message):
    row = confusion("walking", "running", other=ExampleWindow("belt", "walking", "", 20.0, triads))
    with pytest.raises(ValueError, match=message):
        plot_confused_windows([row], tmp_path / "c.png")
    with pytest.raises(ValueError, match="no confusions to draw"):
        plot_confused_windows([], tmp_path / "c.png")
    assert list(tmp_path.iterdir()) == []
