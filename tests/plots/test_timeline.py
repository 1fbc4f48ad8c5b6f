"""The picture of a timeline: every span has its colour in its place."""

import numpy as np
import pytest
from matplotlib.image import imread

from har.plots.timeline import Row, plot_timeline

COLORS = {"walking": "#ff0000", "sitting": "#0000ff"}


def columns_of(picture: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    """Columns of pixels that hold much of a colour."""
    return np.flatnonzero((np.abs(picture[..., :3] - np.array(color)) < 0.02).all(axis=2).sum(axis=0) > 20)


def test_days_below_each_other_in_their_colours(tmp_path):
    days = [Row("Mon", [(0, 12, "walking"), (18, 24, "sitting")]), Row("Tue", [(0, 12, "walking")])]
    path = plot_timeline(days, COLORS, (0.0, 24.0), tmp_path / "days.png", "a week", "", {0.0: "0", 24.0: "24"})
    picture = imread(path)
    red, blue = columns_of(picture, (1, 0, 0)), columns_of(picture, (0, 0, 1))
    width = (blue[-1] - red[0]) / 24  # pixels an hour
    assert len(red) == pytest.approx(12 * width, abs=3) and len(blue) == pytest.approx(6 * width, abs=3)
    assert blue[0] - red[-1] == pytest.approx(6 * width, abs=3)  # white where nothing was recorded


def test_a_signal_lies_over_its_spans(tmp_path):
    time = np.linspace(0, 10, 200)
    lowest = np.repeat(np.sin(time)[:, None], 3, axis=1) - 0.1
    row = Row("waist", [(0, 10, "walking")], (time, lowest, lowest + 0.2), "acceleration (g)")
    with_signal = imread(plot_timeline([row], COLORS, (0.0, 10.0), tmp_path / "a.png"))
    # Four tenths of red on white.
    assert len(columns_of(with_signal, (1, 0.6, 0.6))) > 0.7 * with_signal.shape[1]
    assert not np.array_equal(with_signal, imread(plot_timeline([row], COLORS, (0.0, 5.0), tmp_path / "b.png")))


def test_nothing_to_draw(tmp_path):
    with pytest.raises(ValueError, match="no rows to draw"):
        plot_timeline([], COLORS, (0.0, 1.0), tmp_path / "x.png")


def test_letters_that_the_font_lacks_are_boxes_without_a_warning(tmp_path, recwarn):
    rows = [Row("Mon", [(0, 12, "\N{RUNNER}"), (12, 24, "\N{CJK UNIFIED IDEOGRAPH-5750}")])]
    colors = {"\N{RUNNER}": "#ff0000", "\N{CJK UNIFIED IDEOGRAPH-5750}": "#0000ff"}
    assert plot_timeline(rows, colors, (0.0, 24.0), tmp_path / "days.png").is_file()
    assert not recwarn.list
