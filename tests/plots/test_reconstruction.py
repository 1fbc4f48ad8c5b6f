"""The figure of hidden patches: what was there, what was drawn in its place, and nothing that was not measured."""

from dataclasses import replace

import matplotlib.colors
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

from har.plots import reconstruction
from har.plots.reconstruction import MOST_DRAWN, HiddenPatches, plot_reconstructions
from har.plots.style import DPI, color_of

PATCHES, LENGTH, RATE_HZ = 5, 10, 20.0


def example(title: str = "a window", kind: str = "acc", seed: int = 0) -> HiddenPatches:
    """Patches 1, 2 and 4 hidden; 3 and 4 not measured. Truth below 1, prediction above 2."""
    generator = np.random.default_rng(seed)
    shape = (PATCHES, LENGTH, 3)
    return HiddenPatches(
        title, kind, RATE_HZ, generator.uniform(0, 1, shape), generator.uniform(2, 3, shape),
        measured=np.array([True, True, True, False, False]), hidden=np.array([False, True, True, False, True]),
    )  # fmt: skip


@pytest.fixture
def drawn(monkeypatch) -> list[Figure]:
    """The figures that are saved, kept to be looked into."""
    figures, save_figure = [], reconstruction.save_figure
    monkeypatch.setattr(reconstruction, "save_figure", lambda f, path: figures.append(f) or save_figure(f, path))
    return figures


def points(axes: Axes, axis: int, bold: bool) -> set[tuple[float, float]]:
    """All points that show in the colour of an axis, in thin or bold lines."""
    width = max(line.get_linewidth() for line in axes.lines)
    return {
        (round(float(x), 6), float(y))
        for line in axes.lines
        if line.get_color() == color_of(axis) and (line.get_linewidth() == width) is bold
        for x, y in line.get_xydata()
        if np.isfinite(y)
    }


def at_their_time(patches: np.ndarray, chosen: list[int], axis: int) -> set[tuple[float, float]]:
    return {
        (round((p * LENGTH + sample) / RATE_HZ, 6), float(patches[p, sample, axis]))
        for p in chosen
        for sample in range(LENGTH)
    }


def test_the_truth_shows_where_it_was_measured_and_predictions_in_measured_hidden_patches(tmp_path, drawn):
    one = example()
    path = plot_reconstructions([one], tmp_path / "r.png", "a title")
    (figure,) = drawn
    (axes,) = figure.axes
    for axis in range(3):
        assert points(axes, axis, bold=False) == at_their_time(one.true, [0, 1, 2], axis)
        assert points(axes, axis, bold=True) == at_their_time(one.predicted, [1, 2], axis)
    assert figure.get_suptitle() == "a title"
    pixels = imread(path)
    assert pixels.shape[:2] == tuple((figure.get_size_inches() * DPI).astype(int)[::-1])
    assert pixels[..., :3].std() > 0.02


def test_bold_lines_lie_in_shaded_patches_alone_and_end_with_them(tmp_path, drawn):
    plot_reconstructions([example()], tmp_path / "r.png")
    axes = drawn[0].axes[0]
    shaded = sorted((patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches)
    last = (LENGTH - 1) / RATE_HZ
    np.testing.assert_allclose(shaded, [(0.5, 0.5 + last), (1.0, 1.0 + last)])
    bold = [line for line in axes.lines if line.get_linewidth() > 1 and np.isfinite(line.get_ydata()).any()]
    spans = sorted({(line.get_xdata().min(), line.get_xdata().max()) for line in bold})
    np.testing.assert_allclose(spans, shaded)  # neighbours are not joined: they are predicted each for itself
    assert len(bold) == 6
    faces = {matplotlib.colors.to_hex(patch.get_facecolor()) for patch in axes.patches}
    assert faces == {reconstruction.GRID}


def test_each_window_has_its_title_its_unit_and_its_time(tmp_path, drawn):
    kinds = ("acc", "gyro", "mag", "acc")
    long = "a recording of a very long name, walking up the stairs with both hands full, at 12.5 s, trouser pocket"
    windows = [example(f"window {i}", kind, i) for i, kind in enumerate(kinds)] + [example(long)]
    plot_reconstructions(windows, tmp_path / "r.png")
    axes = drawn[0].axes
    assert [a.get_ylabel() for a in axes] == ["g", "rad/s", "µT", "g", "g"]
    titles = [a.get_title(loc="left") for a in axes]
    assert titles[:4] == [f"window {i}" for i in range(4)]
    assert titles[4].replace("\n", " ") == long
    assert all(len(line) <= reconstruction.TITLE_WIDTH for line in titles[4].split("\n"))
    # Time is named under the last window of each column: three columns, five windows.
    assert [a.get_xlabel() for a in axes] == ["", "", "s", "s", "s"]
    assert all(a.get_xlim() == (0, (PATCHES * LENGTH - 1) / RATE_HZ) for a in axes)
    for window, a in zip(windows, axes, strict=True):
        assert points(a, 0, bold=False) == at_their_time(window.true, [0, 1, 2], 0)


def test_at_most_so_many_are_drawn_the_first_ones(tmp_path, drawn):
    plot_reconstructions([example(f"window {i}") for i in range(MOST_DRAWN + 3)], tmp_path / "r.png")
    titles = [a.get_title(loc="left") for a in drawn[0].axes]
    assert titles == [f"window {i}" for i in range(MOST_DRAWN)]


def test_a_window_with_nothing_hidden_shows_the_truth_alone(tmp_path, drawn):
    one = replace(example(), hidden=np.zeros(PATCHES, dtype=bool), measured=np.ones(PATCHES, dtype=bool))
    plot_reconstructions([one], tmp_path / "r.png")
    axes = drawn[0].axes[0]
    assert not axes.patches
    assert all(line.get_linewidth() < 1 for line in axes.lines if np.isfinite(line.get_ydata()).any())
    assert points(axes, 2, bold=False) == at_their_time(one.true, [0, 1, 2, 3, 4], 2)


def test_nothing_to_draw_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no reconstructions to draw"):
        plot_reconstructions([], tmp_path / "r.png")
    assert list(tmp_path.iterdir()) == []


def test_the_same_windows_give_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        plot_reconstructions([example()], tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
