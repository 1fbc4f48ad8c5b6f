"""Stick figures and comparisons: every figure and every sample is drawn, and bad input is refused."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from har.plots import bodies
from har.plots.bodies import FilmedMovement, plot_bodies, plot_side_by_side, project
from har.plots.recordings import ExampleWindow

FRAMES = 60


def movement(label: str = "walking", **changes: object) -> FilmedMovement:
    time = np.linspace(0, 1, FRAMES)
    joints = {
        "pelvis": np.stack([time, 0 * time, 1.0 + 0 * time], axis=1),
        "head": np.stack([time, 0 * time, 1.6 + 0 * time], axis=1),
        "l_foot": np.stack([time, 0.1 + 0 * time, 0.1 * time], axis=1),
        "l_tip": np.stack([time + 0.1, 0.1 + 0 * time, 0.1 * time], axis=1),
        "r_foot": np.stack([time, -0.1 + 0 * time, 0.3 + 0 * time], axis=1),
        "r_tip": np.stack([time + 0.1, -0.1 + 0 * time, 0.3 + 0 * time], axis=1),
    }
    bones = (("pelvis", "head"), ("l_foot", "l_tip"), ("r_foot", "r_tip"))
    acceleration = {
        name: np.random.default_rng(k).normal(0, 1, (FRAMES, 3)) for k, name in enumerate(("waist", "wrist"))
    }
    return replace(FilmedMovement(label, 50.0, joints, bones, acceleration), **changes)


def drawn(monkeypatch, tmp_path, plot, *arguments, **named) -> Figure:
    """The figure instead of its file."""
    figures = []
    monkeypatch.setattr(bodies, "save_figure", lambda figure, path: figures.append(figure) or path)
    plot(*arguments, tmp_path / "a.png", **named)
    return figures[0]


def test_projection_keeps_up_up_and_looks_from_the_left():
    up = project(np.array([0, 0, 1.0]))
    assert up[0] == 0 and up[1] > 0.9
    ahead, left = project(np.array([1.0, 0, 0])), project(np.array([0, 1.0, 0]))
    assert ahead[0] > 0.8 and abs(ahead[1]) < 0.1
    assert left[0] < 0 and left[1] < 0  # what is nearer to the viewer appears lower
    assert project(np.zeros((4, 5, 3))).shape == (4, 5, 2)


def test_every_phase_and_bone_is_drawn_in_the_colour_of_its_side(monkeypatch, tmp_path):
    figure = drawn(monkeypatch, tmp_path, plot_bodies, [movement(), movement("running")], phases=4)
    titled = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert [axes.get_title(loc="left") for axes in titled] == ["walking", "running"]
    for axes in titled:
        counts = {to_hex(c.get_color()[0]): len(c.get_segments()) for c in axes.collections}
        assert counts == {to_hex(bodies.RIGHT): 4, to_hex(bodies.MIDDLE): 4, to_hex(bodies.LEFT): 4}
        (spine,) = [c for c in axes.collections if to_hex(c.get_color()[0]) == to_hex(bodies.MIDDLE)]
        feet = np.array([segment[0] for segment in spine.get_segments()])
        assert np.all(np.diff(feet[:, 0]) > 0.8 * bodies.FIGURE_SPACING_M)
        low, high = axes.get_ylim()
        assert low < 0 and high >= 2.0


def test_the_lowest_point_stands_on_the_ground_unless_it_may_fly(monkeypatch, tmp_path):
    for grounded, rises in ((True, False), (False, True)):
        figure = drawn(monkeypatch, tmp_path, plot_bodies, [movement(grounded=grounded)], phases=5)
        (left,) = [c for c in figure.axes[0].collections if to_hex(c.get_color()[0]) == to_hex(bodies.LEFT)]
        across = project(np.array([0.0, 0.1, 0.0]))[1]
        heights = np.array([segment[0][1] for segment in left.get_segments()]) - across
        steps = np.ptp(heights + np.sin(bodies.ELEVATION_RAD) * np.sin(bodies.AZIMUTH_RAD) * np.linspace(0.1, 0.9, 5))
        assert (steps > 0.05) == rises


def test_signals_are_the_magnitudes_of_each_placement(monkeypatch, tmp_path):
    shown = movement()
    figure = drawn(monkeypatch, tmp_path, plot_bodies, [shown], phases=3)
    lines = {
        line.get_label(): line for axes in figure.axes for line in axes.lines if line.get_label() in shown.acceleration
    }
    assert set(lines) == {"waist", "wrist"}
    for name, line in lines.items():
        np.testing.assert_allclose(line.get_ydata(), np.linalg.norm(shown.acceleration[name], axis=1))
        assert line.get_xdata()[-1] == pytest.approx((FRAMES - 1) / 50)
        low, high = line.axes.get_ylim()
        assert low <= 0.4 + 1e-9 and high >= 1.6 and high > line.get_ydata().max()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"acceleration": {"waist": np.zeros((5, 3))}}, r"shapes \[\(5, 3\), \(60, 3\)\]"),
        ({"bones": (("pelvis", "tail"),)}, r"bones end in \['tail'\]"),
        ({"bones": ()}, "bones end in"),
        ({"joints": {"pelvis": np.zeros((60, 2))}}, r"\(60, 2\)"),
    ],
)
def test_what_cannot_be_drawn_is_refused(changes, expected, tmp_path):
    with pytest.raises(ValueError, match=expected):
        plot_bodies([movement(**changes)], tmp_path / "a.png")
    with pytest.raises(ValueError, match="0 movements"):
        plot_bodies([], tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def window(label: str, kinds: tuple[str, ...] = ("acc", "gyro"), rows: int = 40, scale: float = 1.0) -> ExampleWindow:
    rng = np.random.default_rng(rows)
    return ExampleWindow(f"w: at {label}", label, "p1", 25.0, {k: scale * rng.normal(0, 1, (rows, 3)) for k in kinds})


def test_pairs_stand_beside_each_other_on_one_scale(monkeypatch, tmp_path):
    pairs = [(window("walking"), window("going", rows=50, scale=9.0)), (window("sitting", ("acc",)), window("sitting"))]
    figure = drawn(monkeypatch, tmp_path, plot_side_by_side, pairs)
    grid = np.array(figure.axes).reshape(3, 2)  # two sensors of the first pair, the common one of the second
    for row, (pair, kind) in enumerate(((pairs[0], "acc"), (pairs[0], "gyro"), (pairs[1], "acc"))):
        assert grid[row, 0].get_ylim() == grid[row, 1].get_ylim()
        for axes, shown in zip(grid[row], pair, strict=True):
            np.testing.assert_array_equal(
                np.stack([line.get_ydata() for line in axes.lines], axis=1), shown.triads[kind]
            )
    assert grid[0, 1].get_title(loc="left").startswith("going") and grid[1, 1].get_title(loc="left") == ""
    with pytest.raises(ValueError, match="no pairs"):
        plot_side_by_side([], tmp_path / "a.png")
    with pytest.raises(ValueError, match="a sensor in common"):
        plot_side_by_side([(window("a", ("acc",)), window("b", ("gyro",)))], tmp_path / "a.png")


def test_the_same_movements_give_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        plot_bodies([movement()], tmp_path / name, "title")
        plot_side_by_side([(window("a"), window("b"))], tmp_path / f"pair_{name}")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "pair_a.png").read_bytes() == (tmp_path / "pair_b.png").read_bytes()
