"""Scores of held-out windows against scikit-learn and a bank whose answers are known."""

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score

from har.training.validation import closed_set, closing_line, validate


class Index:
    """Six windows of two datasets."""

    datasets, labels = ("first", "second"), ["sitting", "walking", "running"]
    dataset_id = np.array([0, 0, 1, 1, 1, 0])
    label_id = np.array([0, 1, 1, 2, 2, 1])


class Bank:
    """Answers with the label whose number is the embedding, or with the first when it is no candidate."""

    def __init__(self) -> None:
        self.asked = []

    def classify(self, embeddings, labels):
        self.asked.append(list(labels))
        named = [Index.labels[int(number)] for number in embeddings[:, 0]]
        return [name if name in labels else labels[0] for name in named], None


class Model:
    def embed_rows(self, index, rows):
        return torch.tensor([[0.0], [0.0], [1.0], [1.0], [2.0], [1.0]])[rows]


ROWS = np.array([5, 4, 3, 2, 1, 0])
ANSWERS = {"first": (["walking", "walking", "sitting"], ["walking", "sitting", "sitting"]),
           "second": (["running", "running", "walking"], ["running", "walking", "walking"])}  # fmt: skip


def test_every_dataset_is_asked_about_its_own_labels():
    bank = Bank()
    results = closed_set(Index, ROWS, Model().embed_rows(Index, ROWS), bank)
    assert bank.asked == [["sitting", "walking"], ["running", "walking"]]
    for name, (true, predicted) in ANSWERS.items():
        assert results[name]["accuracy"] == pytest.approx(accuracy_score(true, predicted))
        assert results[name]["macro_f1"] == pytest.approx(f1_score(true, predicted, average="macro"))


def test_means_over_datasets_of_the_parts_that_have_windows():
    none = np.zeros(0, dtype=int)
    scores = validate(Model(), Bank(), {"validation": (Index, ROWS), "held_out": (None, none), "empty": (Index, none)})
    assert list(scores) == ["validation"]
    accuracies = [accuracy_score(*answers) for answers in ANSWERS.values()]
    assert scores["validation"]["accuracy"] == pytest.approx(np.mean(accuracies))
    assert [entry["accuracy"] for entry in scores["validation"]["datasets"].values()] == pytest.approx(accuracies)


def test_the_closing_line_is_of_the_best_checkpoint(tmp_path):
    torch.save({"step": 4}, tmp_path / "best.pt")
    lines = [
        '{"step": 4, "split": "train", "loss": 1.0}',
        '{"step": 4, "split": "validation", "macro_f1": 0.25, "accuracy": 0.5, "datasets": {"a": {}}}',
        '{"step": 4, "split": "held_out", "macro_f1": 0.125, "accuracy": 0.25, "datasets": {"b": {}, "c": {}}}',
        '{"step": 8, "split": "validation", "macro_f1": 0.2, "accuracy": 0.75, "datasets": {"a": {}}}',
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(f"{line}\n" for line in lines))
    assert closing_line(tmp_path) == (
        "best.pt is of step 4;  held-out people: macro-F1 0.250, accuracy 0.500;  never seen b, c: macro-F1 0.125, "
        f"accuracy 0.250\nEverything is in {tmp_path}"
    )
