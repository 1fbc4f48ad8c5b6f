"""What a person teaches: told apart by few windows, saved, refused for another model."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
import torch

from har.recognition import Adapter, recognise, teach
from har.recognition.adapter import Taught, read_taught
from har.recognition.clock import Clock

from .conftest import LABELS, MovementModel


def adapter_of(features: np.ndarray, classes, labels=("a", "b")) -> Adapter:
    return Adapter("digest", list(labels), features.astype(np.float32), np.array(classes))


def test_taught_names_are_told_apart_by_the_windows_and_the_rest_is_left_to_the_words():
    random = np.random.default_rng(0)
    centres = np.eye(6)[:2]
    adapter = adapter_of(np.repeat(centres, 8, axis=0) + 0.05 * random.normal(size=(16, 6)), np.repeat([0, 1], 8))
    words = np.array([[0.0002, 0.0002, 0.9996], [0.2, 0.6, 0.2], [0.05, 0.05, 0.9]])
    shown = np.stack([*centres, np.eye(6)[4]])
    odds = np.full(3, np.log(0.01 / 0.99))
    out, margin = adapter.blended(words, odds, shown, ["a", "b", "other"])
    np.testing.assert_allclose(out.sum(axis=1), 1)
    assert out[:2].argmax(axis=1).tolist() == [0, 1]
    # The words count as two windows against the eight of each name, also where they know nothing of it.
    assert out[0, 2] == pytest.approx(0.2, abs=0.02) and out[0, 0] == pytest.approx(0.8, abs=0.05)
    assert out[2, 2] == pytest.approx(0.9)  # looks like nothing that was taught
    assert margin[0] > 0 and margin[2] < 0
    # The doubt shrinks by 2 / (2 + windows taught, as far as they are named).
    taught = out[:, :2] @ [8, 8]
    np.testing.assert_allclose(1 / (1 + np.exp(margin)), 0.99 * 2 / (2 + taught))
    same, before = adapter.blended(words, odds, np.zeros((3, 6)), ["x", "y", "z"])
    assert same is words and before is odds


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


def test_what_cannot_be_taught(acted, recorded):
    recording = recorded(acted(("sitting", 60)))
    with pytest.raises(ValueError, match="nothing is taught"):
        teach(recording, [], Featured())
    with pytest.raises(ValueError, match="nothing was recorded while 'rowing'"):
        teach(recording, [Taught(0, 30, "sitting"), Taught(500, 600, "rowing")], Featured())
    with pytest.raises(ValueError, match=r"'rowing' is taught by 0\.3 s from 40 s on"):
        teach(recording, [Taught(0, 30, "sitting"), Taught(40, 40.3, "rowing")], Featured())
    with pytest.raises(ValueError, match="at the same time"):
        teach(recording, [Taught(0, 30, "sitting"), Taught(29, 40, "rowing")], Featured())
    with pytest.raises(ValueError, match="a timeline itself"):
        teach(recording, [Taught(0, 30, "unknown")], Featured())


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
    for text, problem in (
        ("start,stop,label\n", "has no row"),
        ("start,stop,label\n0,5,a\n10,20,a\n4,8,b\n", "mine.csv, lines 2 and 4: 'a' and 'b'"),
        ("start,stop,label\n0,5,unknown\n", "line 2: .*a timeline itself"),
        ("start,stop,label\n0,nan,a\n", "line 2: 'nan' is no number"),
        ("start,stop,label\n0,soon,a\n", "line 2: 'soon' is neither"),
        ("from,to\n1,2\n", "has the columns from, to"),
        ("start,stop,label\n5,5,a\n", "line 2: from 5 to 5"),
        ("start,stop,label\n5,6,\n", "expected a start, a stop and a label"),
        ("start,stop,label\n5,2026-01-01T00:00,a\n", "line 2: .*tells none"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=problem):
            read_taught(path, Clock(None))


def test_files_that_are_no_adapter(tmp_path):
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
    adapter = adapter_of(np.eye(2), [0, 1])
    broken = replace(adapter, classes=np.array([0, 5]))
    with pytest.raises(ValueError, match="damaged"):
        Adapter.load(broken.save(tmp_path / "broken.npz"))
