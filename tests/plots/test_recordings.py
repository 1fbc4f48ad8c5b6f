"""The figure of example windows: every window is drawn, in its unit, and bad input is refused."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from har.plots import recordings
from har.plots.recordings import ExampleWindow, plot_example_windows


def window(stream: str, label: str, rows: int = 50, kinds: tuple[str, ...] = ("acc",)) -> ExampleWindow:
    rng = np.random.default_rng(rows)
    return ExampleWindow(stream, label, "s01", 25.0, {kind: rng.standard_normal((rows, 3)) for kind in kinds})


def drawn(monkeypatch, tmp_path, windows) -> Figure:
    """The figure instead of its file."""
    figures = []
    monkeypatch.setattr(recordings, "save_figure", lambda figure, path: figures.append(figure) or path)
    plot_example_windows(windows, tmp_path / "a.png", "title")
    return figures[0]


def test_every_window_is_drawn_once_with_its_samples(monkeypatch, tmp_path):
    windows = [window("wrist", f"activity {i}", 20 + i, ("acc", "gyro")) for i in range(6)] + [
        window("chest", "walking", 90)
    ]
    figure = drawn(monkeypatch, tmp_path, windows)
    axes = [a for part in figure.subfigs for a in part.axes if a.lines]
    assert [len(part.axes) for part in figure.subfigs] == [16, 4]
    assert len(axes) == 6 * 2 + 1
    for example in windows:
        titled = [a for a in axes if a.get_title(loc="left") == example.label]
        assert len(titled) == 1
        lines = titled[0].lines
        np.testing.assert_array_equal(np.stack([line.get_ydata() for line in lines], axis=1), example.triads["acc"])
        assert lines[0].get_xdata()[-1] == pytest.approx((len(example.triads["acc"]) - 1) / 25)
        low, high = titled[0].get_ylim()
        assert low < example.triads["acc"].min() and high > example.triads["acc"].max()
    assert {a.get_ylabel() for a in axes} == {"", "acc (g)", "gyro (rad/s)"}


def test_rest_looks_like_rest(monkeypatch, tmp_path):
    quiet = ExampleWindow("wrist", "lying", "s01", 25.0, {"acc": np.full((30, 3), 0.01)})
    figure = drawn(monkeypatch, tmp_path, [quiet])
    low, high = figure.subfigs[0].axes[0].get_ylim()
    assert low <= -1.25 and high >= 1.25


def test_the_same_windows_give_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        plot_example_windows([window("wrist", "a very long activity phrase that needs two lines")], tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        ([], "no window"),
        ([ExampleWindow("wrist", "x", "s", 25.0, {"acc": np.zeros((10, 2))})], r"acc of shape \(10, 2\)"),
        ([ExampleWindow("wrist", "x", "s", 25.0, {"acc": np.zeros((0, 3))})], r"acc of shape \(0, 3\)"),
        ([ExampleWindow("wrist", "x", "s", 25.0, {"pressure": np.zeros((10, 3))})], "pressure of shape"),
    ],
)
def test_what_cannot_be_drawn_is_refused(tmp_path, windows, expected):
    with pytest.raises(ValueError, match=expected):
        plot_example_windows(windows, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []
