"""The overview: every score and interval at its place, the summary last, nothing else."""

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import imread

from har.plots import overview
from har.plots.overview import Method, Score, plot_overview
from har.plots.style import MUTED

METHODS = (Method("network"), Method("forest", "s"), Method("ceiling", "o", reference=True))
GROUPS = {
    "mean": {"network": Score(0.4, (0.35, 0.45)), "ceiling": Score(0.8)},
    "first": {"network": Score(0.3, (0.2, 0.5)), "forest": Score(0.25), "ceiling": Score(0.7, (0.6, 0.9))},
    "second": {"network": Score(0.5), "ceiling": Score(0.9)},
}


@pytest.fixture
def drawn(monkeypatch) -> list[Figure]:
    """The figures that are saved, kept to be looked into."""
    figures, save_figure = [], overview.save_figure
    monkeypatch.setattr(
        overview, "save_figure", lambda figure, path: figures.append(figure) or save_figure(figure, path)
    )
    return figures


def test_scores_and_intervals_stand_in_the_lines_of_their_group(drawn, tmp_path):
    path = plot_overview(GROUPS, METHODS, tmp_path / "o.png", "Title", "share", summary="mean")
    (axes,) = drawn[0].axes
    order = [label.get_text() for label in axes.get_yticklabels()]
    assert order == ["first", "second", "mean"]
    dots = [line for line in axes.lines if line.get_marker() not in ("None", None, "")]
    bars = [line for line in axes.lines if len(line.get_xdata()) == 2 and line.get_alpha()]
    pitch = axes.get_yticks()[1] - axes.get_yticks()[0]
    for number, group in enumerate(order):
        # The lines of a group lie around its tick, in the order of the methods.
        centre = axes.get_yticks()[number]
        own = [dot for dot in dots if abs(dot.get_ydata()[0] - centre) < pitch / 2]
        assert {dot.get_label(): dot.get_xdata()[0] for dot in own} == pytest.approx(
            {name: 100 * score.value for name, score in GROUPS[group].items()}
        )
        heights = {dot.get_label(): dot.get_ydata()[0] for dot in own}
        assert sorted(heights, key=heights.get) == [m.name for m in METHODS if m.name in heights]
        spans = {heights_of(bar, heights): list(bar.get_xdata()) for bar in bars if heights_of(bar, heights)}
        assert spans == {
            name: pytest.approx([100 * bound for bound in score.interval])
            for name, score in GROUPS[group].items()
            if score.interval
        }
    assert len(dots) == 7 and len(bars) == 3
    assert imread(path).shape[2] >= 3


def heights_of(bar, heights: dict[str, float]) -> str | None:
    return next((name for name, y in heights.items() if y == bar.get_ydata()[0]), None)


def test_references_are_hollow_and_every_method_is_named_once(drawn, tmp_path):
    plot_overview(GROUPS, METHODS, tmp_path / "o.png", summary="mean")
    (axes,) = drawn[0].axes
    for line in axes.lines:
        if line.get_label() in ("network", "forest", "ceiling"):
            hollow = line.get_label() == "ceiling"
            assert (line.get_markerfacecolor() == "white") == hollow
            assert (to_hex(line.get_markeredgecolor()) == to_hex(MUTED)) == hollow
    (legend,) = drawn[0].legends
    assert [text.get_text() for text in legend.get_texts()] == ["network", "forest", "ceiling"]


def test_the_same_scores_give_the_same_bytes(tmp_path):
    one, two = (plot_overview(GROUPS, METHODS, tmp_path / name, summary="mean") for name in ("1.png", "2.png"))
    assert one.read_bytes() == two.read_bytes()


def test_what_cannot_be_drawn_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no scores to draw"):
        plot_overview({"first": {}}, METHODS, tmp_path / "o.png")
    with pytest.raises(ValueError, match=r"scores of \['other'\]"):
        plot_overview({"first": {"other": Score(0.5)}}, METHODS, tmp_path / "o.png")
