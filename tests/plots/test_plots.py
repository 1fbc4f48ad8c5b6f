"""Figures: their size, what is drawn where, that the same data gives the same bytes, and what they refuse."""

import ast
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from sklearn.decomposition import PCA

from har.plots import confusion, curves, embedding_map, similarity, style
from har.plots.confusion import plot_confusion
from har.plots.curves import plot_curves, running_mean
from har.plots.embedding_map import plot_embedding_map, project
from har.plots.similarity import plot_similarity, similarity_order
from har.plots.style import save_figure, shorten_distinctly


@pytest.fixture
def drawn(monkeypatch) -> list[Figure]:
    """The figures that are saved, kept to be looked into."""
    figures = []

    def keep(figure, out_path):
        figures.append(figure)
        return save_figure(figure, out_path)

    for module in (confusion, curves, embedding_map, similarity):
        monkeypatch.setattr(module, "save_figure", keep)
    return figures


def assert_picture(path, figure):
    """The file is a picture of the figure's size in pixels, and not a blank one."""
    pixels = imread(path)
    width, height = (figure.get_size_inches() * style.DPI).astype(int)
    assert pixels.shape[:2] == (height, width)
    assert pixels[..., :3].std() > 0.02
    assert sorted(p.name for p in path.parent.iterdir() if ".part" in p.name) == []


# --- Confusion -------------------------------------------------------------------------------------------------------


def test_confusion_shows_row_shares_and_counts(tmp_path, drawn):
    path = plot_confusion([[6, 2, 0], [0, 0, 0], [1, 0, 999]], ["a", "b", "c"], tmp_path / "c.png", "title")
    (figure,) = drawn
    assert_picture(path, figure)
    axes = figure.axes[0]
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.75, 0.25, 0], [0, 0, 0], [0.001, 0, 0.999]])
    assert [t.get_text() for t in axes.get_yticklabels()] == ["a (8)", "b (0)", "c (1000)"]
    written = {(round(t.get_position()[1]), round(t.get_position()[0])): [] for t in axes.texts}
    for text in axes.texts:
        written[round(text.get_position()[1]), round(text.get_position()[0])].append(text.get_text())
    assert written == {(0, 0): ["75", "6"], (0, 1): ["25", "2"], (2, 0): ["<1", "1"], (2, 2): ["100", "999"]}


def test_confusion_of_many_labels_drops_what_would_be_unreadable(tmp_path, drawn):
    for size in (confusion.COUNTS_UP_TO + 1, confusion.SHARES_UP_TO + 1):
        plot_confusion(np.eye(size), [f"label {i}" for i in range(size)], tmp_path / "c.png")
    middle, large = drawn
    assert {t.get_text() for t in middle.axes[0].texts} == {"100"}
    assert len(large.axes[0].texts) == 0


def test_confusion_takes_other_columns_than_rows(tmp_path, drawn):
    plot_confusion([[1, 2, 3]], ["a"], tmp_path / "c.png", column_labels=["x", "y", "z"])
    assert [t.get_text() for t in drawn[0].axes[0].get_xticklabels()] == ["x", "y", "z"]


@pytest.mark.parametrize(
    ("matrix", "labels"),
    [([[1, 2]], ["a"]), ([[1]], ["a", "b"]), ([], []), ([[-1]], ["a"]), ([[np.nan]], ["a"])],
)
def test_confusion_refuses_wrong_matrices(tmp_path, matrix, labels):
    with pytest.raises(ValueError, match="confusion matrix"):
        plot_confusion(matrix, labels, tmp_path / "c.png")
    assert list(tmp_path.iterdir()) == []


# --- Similarity ------------------------------------------------------------------------------------------------------


def test_similarity_puts_alike_labels_side_by_side(tmp_path, drawn):
    rng = np.random.default_rng(0)
    centres = np.linalg.qr(rng.normal(size=(8, 8)))[0][:3]
    family = np.array([0, 1, 2] * 4)
    embeddings = centres[family] + 0.1 * rng.normal(size=(12, 8))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    matrix = embeddings @ embeddings.T
    order = similarity_order(matrix)
    assert sorted(order) == list(range(12))
    changes = sum(family[i] != family[j] for i, j in pairwise(order))
    assert changes == 2  # each family is one block; in the given order there are 11 changes

    path = plot_similarity(matrix, [f"label {i}" for i in range(12)], tmp_path / "s.png")
    assert_picture(path, drawn[0])
    axes = drawn[0].axes[0]
    names = [t.get_text() for t in axes.get_yticklabels()]
    assert names == [t.get_text() for t in axes.get_xticklabels()] == [f"label {i}" for i in order]
    np.testing.assert_allclose(axes.images[0].get_array(), matrix[np.ix_(order, order)])
    assert axes.images[0].get_clim() == (-1, 1)


def test_similarity_of_one_label_is_drawn(tmp_path, drawn):
    assert_picture(plot_similarity(np.ones((1, 1)), ["walking"], tmp_path / "s.png"), drawn[0])


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.ones((2, 3)), "shape"),
        (np.ones((3, 3)), "shape"),
        (np.array([[1, 0.5], [0.2, 1]]), "symmetric"),
        (np.array([[1, 2], [2, 1]]), "outside"),
        (np.array([[1, np.nan], [np.nan, 1]]), "finite"),
    ],
)
def test_similarity_refuses_wrong_matrices(tmp_path, matrix, message):
    with pytest.raises(ValueError, match=message):
        plot_similarity(matrix, ["a", "b"], tmp_path / "s.png")


# --- Embedding map ---------------------------------------------------------------------------------------------------


def embeddings_of(labels, seed=0, width=12):
    """Unit embeddings: windows near the text of their label."""
    rng = np.random.default_rng(seed)
    texts = np.linalg.qr(rng.normal(size=(width, width)))[0][: len(set(labels))]
    order = sorted(set(labels))
    windows = texts[[order.index(label) for label in labels]] + 0.1 * rng.normal(size=(len(labels), width))
    return windows / np.linalg.norm(windows, axis=1, keepdims=True), texts, order


def test_map_by_pca_shows_the_principal_components(tmp_path, drawn):
    labels = ["walking", "sitting", "running"] * 10
    windows, texts, names = embeddings_of(labels)
    path = plot_embedding_map(windows, labels, texts, names, tmp_path / "m.png", method="pca")
    assert_picture(path, drawn[0])
    expected = PCA(2, svd_solver="full").fit_transform(np.concatenate([windows, texts]))
    axes = drawn[0].axes[0]
    dots = {tuple(c.get_facecolor()[0][:3]): np.asarray(c.get_offsets()) for c in axes.collections[:-1]}
    diamonds = axes.collections[-1]
    np.testing.assert_allclose(diamonds.get_offsets(), expected[30:])
    for i, name in enumerate(names):
        # A label's dots have the colour of its diamond.
        own = dots[tuple(diamonds.get_facecolor()[i][:3])]
        np.testing.assert_allclose(own, expected[[k for k, label in enumerate(labels) if label == name]])
    assert "PCA; 30 windows" in axes.get_title(loc="left")


def test_map_by_tsne_keeps_windows_at_their_text(tmp_path, drawn):
    labels = ["walking", "sitting", "running"] * 12
    windows, texts, names = embeddings_of(labels)
    plane, how = project(np.concatenate([windows, texts]), "tsne", seed=0)
    distances = np.linalg.norm(plane[:36, None] - plane[None, 36:], axis=-1)
    assert [names[i] for i in distances.argmin(axis=1)] == labels
    assert how["name"].startswith("t-SNE")


def test_map_writes_every_name_without_covering_another(tmp_path, drawn):
    names = [f"activity number {i}" for i in range(12)]
    rng = np.random.default_rng(1)
    texts = 1.0 + 0.05 * rng.normal(size=(12, 4))
    plot_embedding_map(rng.normal(size=(12, 4)), names, texts, names, tmp_path / "m.png", method="pca")
    axes = drawn[0].axes[0]
    assert sorted(t.get_text() for t in axes.texts) == sorted(names)
    boxes = [t.get_window_extent(drawn[0].canvas.get_renderer()) for t in axes.texts]
    covered = [(i, j) for i in range(12) for j in range(i) if embedding_map._overlap(boxes[i], boxes[j]) > 1.0]
    assert covered == []


def test_map_draws_a_seeded_choice_of_many_windows(tmp_path, drawn, monkeypatch):
    monkeypatch.setattr(embedding_map, "MOST_WINDOWS", 20)
    labels = ["walking", "sitting"] * 30
    windows, texts, names = embeddings_of(labels)
    files = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        path = plot_embedding_map(windows, labels, texts, names, tmp_path / f"{name}.png", method="pca", seed=seed)
        files.append(path.read_bytes())
    assert sum(len(c.get_offsets()) for c in drawn[0].axes[0].collections[:-1]) == 20
    assert "20 of 60 windows" in drawn[0].axes[0].get_title(loc="left")
    assert files[0] == files[1] != files[2]


def test_map_without_texts_names_each_label_at_the_middle_of_its_windows(tmp_path, drawn, monkeypatch):
    labels = ["walking", "sitting", "running", "walking"] * 6
    windows, _, _ = embeddings_of(labels)
    named = []
    monkeypatch.setattr(embedding_map, "_name_points", lambda figure, axes, *given: named.append(given))
    plot_embedding_map(windows, labels, np.zeros((0, 12)), [], tmp_path / "m.png", method="pca")
    ((places, texts),) = named
    expected = PCA(2, svd_solver="full").fit_transform(windows)
    assert list(texts) == ["running", "sitting", "walking"]
    for name, place in zip(texts, places, strict=True):
        own = np.sort(expected[[k for k, label in enumerate(labels) if label == name]], axis=0)
        np.testing.assert_allclose(place, (own[len(own) // 2 - 1] + own[len(own) // 2]) / 2)  # 6 or 12 windows
    # Every window is a dot, and there are no diamonds, nor any word of them.
    axes = drawn[0].axes[0]
    assert sum(len(c.get_offsets()) for c in axes.collections) == 24
    colors = {tuple(c.get_facecolor()[0]) for c in axes.collections if len(c.get_offsets())}
    assert len(colors) == 3
    assert axes.get_title(loc="left") == "PCA; 24 windows (dots)"


@pytest.mark.parametrize("labels", [["walking", "sitting"] * 6, ["walking"] * 12])
def test_map_without_texts_writes_each_name_once_near_its_windows(tmp_path, drawn, labels):
    windows, _, _ = embeddings_of(labels)
    path = plot_embedding_map(windows, labels, np.zeros((0, 12)), [], tmp_path / "m.png", method="pca")
    assert_picture(path, drawn[0])
    axes = drawn[0].axes[0]
    assert sorted(t.get_text() for t in axes.texts) == sorted(set(labels))
    plane = PCA(2, svd_solver="full").fit_transform(windows)
    middles = {name: np.median(plane[[label == name for label in labels]], axis=0) for name in set(labels)}
    for text in axes.texts:
        nearest = min(middles, key=lambda name: np.linalg.norm(text.get_position() - middles[name]))
        assert nearest == text.get_text()


def test_map_with_texts_names_the_texts_and_no_other_label(tmp_path, drawn):
    stairs = "walking up a flight of winding stairs "
    labels = ["running", stairs + "in a hurry", stairs + "without haste"] * 8
    windows, texts, names = embeddings_of(labels)
    plot_embedding_map(windows, labels, texts[:2], names[:2], tmp_path / "m.png", method="pca")
    axes = drawn[0].axes[0]
    # Among the texts the first words tell a label; only what is written has to be told apart.
    assert sorted(t.get_text() for t in axes.texts) == shorten_distinctly(names[:2], 34)
    assert shorten_distinctly(names, 34)[:2] != shorten_distinctly(names[:2], 34)
    assert axes.get_title(loc="left") == "PCA; 24 windows (dots), 2 label texts (diamonds)"
    assert len(axes.collections[-1].get_offsets()) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window_labels": ["a"]}, "window embeddings of shape"),
        ({"window_labels": [], "window_embeddings": np.ones((0, 4))}, "window embeddings of shape"),
        ({"text_labels": []}, r"text embeddings of shape \(2, 4\)"),
        ({"text_embeddings": np.ones((0, 4))}, r"text embeddings of shape \(0, 4\)"),
        ({"text_embeddings": np.ones(0), "text_labels": []}, r"text embeddings of shape \(0,\)"),
        ({"text_embeddings": np.ones((0, 5)), "text_labels": []}, "4 wide"),
        ({"text_embeddings": np.full((2, 4), np.nan)}, "text embedding 0 is not finite"),
        ({"text_embeddings": np.ones((2, 3, 4))}, "text embeddings of shape"),
        ({"text_embeddings": np.ones((2, 5))}, "4 wide"),
        ({"window_embeddings": np.full((4, 4), np.nan)}, "window embedding 0 is not finite"),
        ({"method": "umap"}, "tsne, pca"),
    ],
)
def test_map_refuses_what_does_not_fit(tmp_path, changes, message):
    arguments = {
        "window_embeddings": np.eye(4), "window_labels": ["a", "b"] * 2,
        "text_embeddings": np.eye(4)[:2], "text_labels": ["a", "b"],
    } | changes  # fmt: skip
    with pytest.raises(ValueError, match=message):
        plot_embedding_map(out_path=tmp_path / "m.png", **arguments)


# --- Curves ----------------------------------------------------------------------------------------------------------


def write_log(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def lines_of(axes):
    """Legend name -> (steps, values) of the bold curves of a panel."""
    named = [line for line in axes.lines if not line.get_label().startswith("_")]
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in named}


def test_curves_have_a_panel_for_each_key_and_a_line_for_each_split(tmp_path, drawn):
    losses = [5.0, 4.0, 3.0, 2.0, 1.0]
    records = [{"step": s, "epoch": s // 3, "loss": loss, "learning_rate": 0.1 * s} for s, loss in enumerate(losses)]
    records += [{"step": 4, "split": split, "loss": 1.5, "macro_f1": 0.4} for split in ("held_out", "validation")]
    records += [{"step": 2, "split": "validation", "loss": 2.5}]
    records.sort(key=lambda record: record["step"])
    write_log(tmp_path / "metrics.jsonl", records)
    path = plot_curves(tmp_path, tmp_path / "curves.png", "a run")
    (figure,) = drawn
    assert_picture(path, figure)
    panels = {axes.get_title(loc="left"): axes for axes in figure.axes}
    assert list(panels) == ["Loss", "Macro-F1", "Learning rate"]
    assert lines_of(panels["Loss"]) == {
        "training": ([0, 1, 2, 3, 4], [5.0, 4.0, 3.0, 2.0, 1.0]),
        "validation (held-out people)": ([2, 4], [2.5, 1.5]),
        "held-out dataset": ([4], [1.5]),
    }
    # An epoch ends where others than the training windows were scored; the end of the run needs no line.
    dotted = [line.get_xdata()[0] for line in panels["Loss"].lines if line.get_label().startswith("_")]
    assert dotted == [2]


def test_pretraining_has_panels_of_its_own(tmp_path, drawn):
    """Parts of its loss, in the units of each, from zero where zero is the best or the worst there can be."""
    values = {"loss": 3.0, "mae_loss": 0.5, "contrastive_loss": 2.5, "patch_accuracy": 0.75}
    records = [{"step": step, **{key: value / step for key, value in values.items()}} for step in (1, 2, 3)]
    records.append({"step": 3, "split": "validation", "mae_loss": 0.9, "patch_accuracy": 0.5})
    plot_curves(write_log(tmp_path / "metrics.jsonl", records), tmp_path / "curves.png")
    panels = {axes.get_title(loc="left"): axes for axes in drawn[0].axes}
    titles = {
        "loss": "Loss", "mae_loss": "Reconstruction", "contrastive_loss": "Contrast of patches",
        "patch_accuracy": "Patches that find themselves",
    }  # fmt: skip
    assert list(panels) == list(titles.values())
    for key, title in titles.items():
        assert lines_of(panels[title])["training"] == ([1, 2, 3], [values[key] / step for step in (1, 2, 3)])
    validated = {"Reconstruction": 0.9, "Patches that find themselves": 0.5}
    for title, axes in panels.items():
        others = {name: line for name, line in lines_of(axes).items() if name != "training"}
        expected = {"validation (held-out people)": ([3], [validated[title]])} if title in validated else {}
        assert others == expected
        assert bool(axes.get_ylim()[0] == 0) is (title in validated)
    assert panels["Reconstruction"].get_ylabel() == "mean squared error"
    assert panels["Patches that find themselves"].get_ylabel() == "share"


def test_long_curves_are_smoothed_and_keep_their_raw_values(tmp_path, drawn):
    values = np.sin(np.arange(200)).tolist()
    log = write_log(tmp_path / "log.jsonl", [{"step": i, "loss": v} for i, v in enumerate(values)])
    plot_curves(log, tmp_path / "curves.png")
    raw, smooth = drawn[0].axes[0].lines
    assert list(raw.get_ydata()) == values
    np.testing.assert_allclose(smooth.get_ydata(), running_mean(values, 5))


def test_running_mean_equals_a_loop():
    values = np.random.default_rng(0).normal(size=30)
    for width in (1, 3, 7, 61):
        slow = [np.mean(values[max(0, i - width // 2) : i + width // 2 + 1]) for i in range(30)]
        np.testing.assert_allclose(running_mean(values, width), slow)
    with pytest.raises(ValueError, match="odd"):
        running_mean(values, 4)


def test_curves_need_a_log_with_something_to_draw(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such log"):
        plot_curves(tmp_path, tmp_path / "curves.png")
    log = write_log(tmp_path / "metrics.jsonl", [{"step": 1, "note": "nothing", "loss": None}])
    with pytest.raises(ValueError, match="nothing to draw"):
        plot_curves(log, tmp_path / "curves.png")


# --- Style -----------------------------------------------------------------------------------------------------------


def test_same_data_gives_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        plot_confusion([[3, 1], [0, 2]], ["walking", "running"], tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_no_figure_is_drawn_through_pyplot():
    """pyplot holds global state and may start a display."""
    for path in Path(style.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
        names = {name for node in imports for name in [getattr(node, "module", None), *(a.name for a in node.names)]}
        assert not {name for name in names if name and "pyplot" in name}, path


def test_figures_refuse_other_names_and_missing_folders(tmp_path):
    with pytest.raises(ValueError, match=r"\.png"):
        plot_confusion([[1]], ["a"], tmp_path / "c.pdf")
    with pytest.raises(FileNotFoundError, match="absent"):
        plot_confusion([[1]], ["a"], tmp_path / "absent" / "c.png")


def test_shortened_names_stay_distinct():
    assert shorten_distinctly(["walking", "sitting"], 10) == ["walking", "sitting"]
    names = ["walking upstairs slowly", "walking upstairs quickly", "sitting"]
    short = shorten_distinctly(names, 14)
    assert len(set(short)) == 3
    assert all(len(name) <= 14 for name in short)
