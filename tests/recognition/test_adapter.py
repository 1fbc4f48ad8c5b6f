"""What a person teaches: told apart by few windows, saved, refused for another model."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
import torch

from har.recognition import Adapter, recognise, teach
from har.recognition.adapter import Taught, read_taught, teach_from
from har.recognition.clock import Clock
from har.text.naming import Evidence

from .conftest import LABELS, MovementModel


class Words:
    """Says of a window what its embedding is: the probabilities of the labels, and last that it is none of them."""

    def __init__(self, labels) -> None:
        self.labels = list(labels)

    def __call__(self, embeddings: torch.Tensor) -> Evidence:
        said = embeddings.double() ** 2  # of unit norm, so that squares sum to 1
        return Evidence(said[:, :-1].log(), (said[:, :-1].sum(1) / said[:, -1]).log().numpy())

    def of(self, embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities and margin."""
        logits, margin = self(torch.from_numpy(embeddings))
        return logits.softmax(dim=1).numpy(), margin


def said(*rows) -> np.ndarray:
    return np.sqrt(np.array(rows)).astype(np.float32)


def adapter_of(features: np.ndarray, classes, embeddings: np.ndarray, labels=("a", "b")) -> Adapter:
    return Adapter("digest", list(labels), features.astype(np.float32), np.array(classes), embeddings)


def test_what_was_taught_moves_the_words_where_they_were_wrong_and_the_rest_is_left_to_them():
    """One kept window a name, so that equation (2) can be solved by hand: 1 / 1.002 of what was wrong."""
    kept = said([0.1, 0.1, 0.7, 0.1], [0.0, 1.0, 0.0, 0.0])
    adapter = adapter_of(np.eye(6)[:2], [0, 1], kept)
    words = Words(["a", "b", "other"])
    asked = said([0.1, 0.1, 0.7, 0.1], [0.2, 0.5, 0.2, 0.1], [0.05, 0.05, 0.8, 0.1])
    out, margin = adapter.blended(*words.of(asked), np.eye(6)[[0, 1, 4]], words)
    first = np.array([0.1, 0.1, 0.7, 0.1]) + np.array([0.9, -0.1, -0.7, -0.1]) / 1.002
    first = first.clip(1e-6)
    np.testing.assert_allclose(out[0], first[:3] / first[:3].sum(), atol=1e-6)
    assert margin[0] == pytest.approx(np.log(first[:3].sum() / first[3]), rel=1e-5)
    # Of b the words were sure and right: they stay as they are, and so does what looks like nothing kept.
    np.testing.assert_allclose(out[1:], words.of(asked[1:])[0], atol=1e-6)
    np.testing.assert_allclose(margin[1:], np.log(9), atol=1e-5)
    others = Words(["x", "y", "z"])
    before = others.of(asked)
    assert adapter.blended(*before, np.eye(6)[:3], others) == before


def test_names_that_were_taught_are_asked_for_in_any_order_and_some_of_them():
    random = np.random.default_rng(0)
    features = np.repeat(np.eye(6)[:2], 8, axis=0) + 0.02 * random.normal(size=(16, 6))
    adapter = adapter_of(features, np.repeat([0, 1], 8), said(*[[1e-6, 1e-6, 1e-6, 1.0 - 3e-6]] * 16))
    for labels in (["a", "b", "other"], ["other", "B ", "a"], ["b", "other", "more"]):
        words = Words(labels)
        nothing = said(*[[1 / 3, 1 / 3, 1 / 3 - 1e-6, 1e-6]] * 2)
        out, _ = adapter.blended(*words.of(nothing), np.eye(6)[:2], words)
        np.testing.assert_allclose(out.sum(axis=1), 1)
        cleaned = [label.strip().lower() for label in labels]
        for i, name in enumerate("ab"):
            if name in cleaned:
                assert out[i].argmax() == cleaned.index(name)


class Featured(MovementModel):
    """Features tell sitting with one hand from sitting with the other by a shift that no text knows."""

    def embed_worn(self, worn, batch_size: int = 256, layer: str = "embedding"):
        if layer == "embedding":
            return super().embed_worn(worn, batch_size)
        mean = np.nan_to_num(np.asarray(worn[0].samples)[..., 1]).mean(axis=1)
        shown = super().embed_worn(worn, batch_size).numpy()
        return torch.from_numpy(np.column_stack([mean, np.ones(len(mean)), shown])).float()


def test_teaching_and_naming_by_it(bank, acted, recorded, tmp_path):
    model = Featured()
    samples = acted(("sitting", 120), ("walking", 60), ("sitting", 120))
    samples[: 120 * 20, 1] += 0.3  # leaning to the left
    recording = recorded(samples)
    taught = [Taught(5, 100, "leaning left"), Taught(185, 280, "sitting straight")]
    adapter = teach(recording, taught, model)
    assert adapter.classes.tolist() == [0] * 16 + [1] * 16
    path = adapter.save(tmp_path / "me.npz")
    again = Adapter.load(path)
    assert again.digest() == adapter.digest()
    labels = ["leaning left", "sitting straight", "walking"]
    timeline = recognise(recording, labels, model, bank, adapter=again)
    named = [bout.label for bout in timeline.bouts]
    assert named == ["leaning left", "walking", "sitting straight"]
    assert timeline.settings["adapter"] == adapter.digest()
    with pytest.raises(FileExistsError, match="give another name"):
        adapter.save(path)
    other = Featured()
    other.weight.data += 1
    with pytest.raises(ValueError, match="the features of one mean nothing to the other"):
        recognise(recording, LABELS, other, bank, adapter=again)


@pytest.mark.parametrize("context", [True, False])
def test_made_up_names_win_where_they_were_taught_and_nowhere_else(bank, acted, recorded, context):
    recording = recorded(acted(("sitting", 120), ("walking", 120), ("lying", 120)))
    model = Featured()
    adapter = teach(recording, [Taught(5, 60, "foo"), Taught(125, 180, "bar")], model)
    # Another day, with words that are sure of what they see.
    other = recorded(acted(("lying", 90), ("walking", 90), ("running", 90), ("sitting", 90), seed=5))
    timeline = recognise(other, ["foo", "bar", *LABELS], model, bank, adapter=adapter, context=context)
    assert [bout.label for bout in timeline.bouts] == ["lying", "bar", "running", "foo"]


@pytest.mark.parametrize("context", [True, False])
def test_what_is_not_asked_for_changes_nothing_and_a_note_says_so(bank, acted, recorded, context):
    recording = recorded(acted(("sitting", 120), ("walking", 120), ("lying", 120)))
    model = Featured()
    adapter = teach(recording, [Taught(5, 60, "foo"), Taught(125, 180, "bar baz")], model)
    assert adapter.left_out([*LABELS, "Bar_Baz"]) == ["foo"]
    plain = recognise(recording, LABELS, model, bank, context=context)
    timeline = recognise(recording, LABELS, model, bank, adapter=adapter, context=context)
    np.testing.assert_array_equal(timeline.windows.probabilities, plain.windows.probabilities)
    np.testing.assert_array_equal(timeline.windows.known, plain.windows.known)
    told = "Taught, but not among the names asked for, and so without effect: "
    assert timeline.notes[-1] == f"{told}'foo', 'bar baz'."
    some = recognise(recording, [*LABELS, "foo"], model, bank, adapter=adapter, context=context)
    assert some.notes[-1] == f"{told}'bar baz'."
    assert not any(told in note for note in recognise(recording, None, model, bank, adapter=adapter).notes)


def test_one_label_in_two_spellings_is_one_label(acted, recorded):
    recording = recorded(acted(("sitting", 60)))
    adapter = teach(recording, [Taught(0, 20, "Row Boat"), Taught(15, 40, "row_boat")], Featured())
    once = teach(recording, [Taught(0, 20, "Row Boat"), Taught(15, 40, "Row Boat")], Featured())
    assert adapter.labels == ["Row Boat"]
    assert adapter.digest() == once.digest()


def test_stretches_end_with_the_recording(acted, recorded):
    """What begins before it or never ends teaches what was recorded, and makes no more windows than that has."""
    recording = recorded(acted(("sitting", 60)))
    whole = teach(recording, [Taught(0, 60, "rowing")], Featured())
    for start_s, stop_s in ((-1e300, 1e300), (-3, 1.7e9), (0, 60)):
        assert teach(recording, [Taught(start_s, stop_s, "rowing")], Featured()).digest() == whole.digest()
    with pytest.raises(ValueError, match=r"which goes from 0 to 60 s\?"):
        teach(recording, [Taught(1.7e9, 1.7e9 + 30, "rowing")], Featured())


def test_what_cannot_be_taught(acted, recorded):
    recording = recorded(acted(("sitting", 60)))
    with pytest.raises(ValueError, match="nothing is taught"):
        teach(recording, [], Featured())
    with pytest.raises(ValueError, match="nothing was recorded while 'rowing'"):
        teach(recording, [Taught(0, 30, "sitting"), Taught(500, 600, "rowing")], Featured())
    with pytest.raises(ValueError, match=r"'rowing' is taught by 0\.3 s from 40 s on, which is too short"):
        teach(recording, [Taught(0, 30, "sitting"), Taught(40, 40.3, "rowing")], Featured())
    with pytest.raises(ValueError, match="at the same time"):
        teach(recording, [Taught(0, 30, "sitting"), Taught(29, 40, "rowing")], Featured())
    with pytest.raises(ValueError, match="a timeline itself"):
        teach(recording, [Taught(0, 30, "unknown")], Featured())


def test_errors_of_a_table_name_file_and_line(acted, recorded, tmp_path):
    recording = recorded(acted(("sitting", 60)))
    path = tmp_path / "mine.csv"
    for rows, problem in (
        ("0,30,sitting\n500,600,rowing\n", r"mine\.csv, line 3: nothing was recorded while 'rowing'"),
        ("0,30,sitting\n40,42,rowing\n45,60,rowing\n", r"mine\.csv, line 3: 'rowing' is taught by 2 s from 40 s on"),
        ("59,70,sitting\n", r"mine\.csv, line 2: nothing was recorded .*or less than half a window"),
    ):
        path.write_text(f"start,stop,label\n{rows}")
        with pytest.raises(ValueError, match=problem):
            teach_from(path, recording, Featured())
    path.write_text("start,stop,label\n0,30,sitting\n30,32.5,rowing\n")
    adapter = teach_from(path, recording, Featured())
    assert adapter.classes.tolist() == [0] * 6 + [1]
    again = teach(recording, read_taught(path, Clock(None)), Featured())
    assert adapter.digest() == again.digest()


def test_rows_of_what_is_taught(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("Start, Stop, Label\n0, 12.5, rowing\n20,30, walking\n", encoding="utf-8-sig")
    assert read_taught(path, Clock(None)) == [(0, 12.5, "rowing"), (20, 30, "walking")]
    clock = Clock(datetime(2026, 1, 31, 10, 0, 0, 500))
    expected = [(5 - 0.0005, 12.5, "café"), (50400 - 0.0005, 60000, "rowing")]  # the second on the next day
    text = "start;stop;label\n10:00:05;12,5;café\n00:00:00;60000;rowing\n"
    for encoding in ("utf-8", "utf-16", "utf-16-le", "cp1252"):
        path.write_bytes(text.encode(encoding))
        assert read_taught(path, clock) == expected
    path.write_bytes(b"start,stop,label\r0,5,rowing\r")  # lines end as they did on a Mac
    assert read_taught(path, clock) == [(0, 5, "rowing")]
    path.write_text("start,stop,label\n0,5,rowing,,\n")  # as a spreadsheet writes cells that were wide once
    assert read_taught(path, clock) == [(0, 5, "rowing")]
    for text, problem in (
        ("start,stop,label\n", "has no row"),
        ("start,stop,label\n0,5,a\n10,20,a\n4,8,b\n", "mine.csv, lines 2 and 4: 'a' and 'b'"),
        ("start,stop,label\n0,5,unknown\n", "line 2: .*a timeline itself"),
        ("start,stop,label\n0,nan,a\n", "line 2: 'nan' is no number"),
        ("start,stop,label\n0,soon,a\n", "line 2: 'soon' is neither"),
        ("from,to\n1,2\n", "has the columns from, to"),
        ("start,stop,label\n5,5,a\n", "line 2: from 5 to 5"),
        ("start,stop,label\n5,6,\n", "expected a start, a stop and a label"),
        ("start,stop,label\n0,5,none\n", "line 2: .*says that there is no label"),
        ("start,stop,label\n0,5,walking, fast\n", r"line 2: more cells .*\['fast'\]; put what holds a ','"),
        ("start,stop,label,stop\n0,5,a,6\n", "the column stop more than once"),
        ("start,stop,label\n0,5,a\0\n", "is no text"),
        ("start,stop,label\n5,2026-01-01T00:00,a\n", "line 2: .*tells none"),
        ('start,stop,label\n0,5,"a\n' + 30000 * "5,6,b\n", r"mine.csv: .*is each double quote closed"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=problem):
            read_taught(path, Clock(None))


def test_files_that_are_no_adapter(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no adapter .*; --teach writes one"):
        Adapter.load(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("nothing")
    with pytest.raises(ValueError, match="is no adapter"):
        Adapter.load(tmp_path / "text.npz")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(ValueError, match="is no adapter"):
        Adapter.load(tmp_path / "other.npz")
    np.savez(tmp_path / "objects.npz", format=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="holds pickled objects") as refused:
        Adapter.load(tmp_path / "objects.npz")
    assert "allow_pickle" not in str(refused.value)
    np.savez(tmp_path / "former.npz", format=np.array(1), model=np.array("m"), labels=np.array(["a"]))
    with pytest.raises(ValueError, match="an earlier version wrote it"):
        Adapter.load(tmp_path / "former.npz")
    adapter = adapter_of(np.eye(2), [0, 1], np.eye(2))
    for number, labels in enumerate((["a", "A"], ["a", "unknown"], ["a", "nan"])):
        with pytest.raises(ValueError, match="is no adapter"):
            Adapter.load(replace(adapter, labels=labels).save(tmp_path / f"{number}.npz"))
    broken = replace(adapter, classes=np.array([0, 5]))
    with pytest.raises(ValueError, match="damaged"):
        Adapter.load(broken.save(tmp_path / "broken.npz"))
