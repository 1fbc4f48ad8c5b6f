"""The estimator: what `classify` says, through scikit-learn's own tools."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import accuracy_score, roc_auc_score

from har.recognition import ZeroShotRecogniser, estimator

from .conftest import SENTENCES

LABELS = ["walking", "sitting", "lying"]


class Arrays:
    """Embeds windows by which axis is the largest, and names axes in turn."""

    def embed(self, X, rate_hz, channels, placement, gravity):
        assert (rate_hz, channels, placement, gravity) == (25.0, ["acc_x", "acc_y", "acc_z"], "wrist", "included")
        return torch.from_numpy(np.asarray(X).mean(axis=1))

    text_encoder = SENTENCES

    def known_labels(self):
        return LABELS

    def classify(self, embeddings, labels):
        return None, embeddings.softmax(dim=1)[:, [LABELS.index(label) for label in labels]]


def test_windows_are_named_by_scikit_learns_rules(monkeypatch):
    monkeypatch.setattr(estimator, "loaded", lambda checkpoint: (Arrays(), Arrays()))
    X = np.random.default_rng(0).normal(size=(20, 125, 3))
    recogniser = clone(ZeroShotRecogniser(LABELS, 25.0, placement="wrist"))
    expected = [LABELS[i] for i in X.mean(axis=1).argmax(axis=1)]
    assert recogniser.predict(X).tolist() == expected  # without fit
    assert accuracy_score(expected, recogniser.fit(X, expected).predict(X)) == recogniser.score(X, expected) == 1
    np.testing.assert_allclose(recogniser.predict_proba(X).sum(axis=1), 1)
    assert recogniser.classes_.tolist() == sorted(LABELS) and recogniser.get_params()["placement"] == "wrist"
    found = recogniser.predict_proba(X)
    assert recogniser.classes_[found.argmax(axis=1)].tolist() == expected
    assert roc_auc_score(expected, found, multi_class="ovr") > 0.8  # takes the columns for sorted
    with pytest.raises(ValueError, match="must differ"):
        ZeroShotRecogniser(["a", "A"]).fit()


def test_a_prediction_warns_of_a_name_that_is_not_understood(monkeypatch):
    monkeypatch.setattr(estimator, "loaded", lambda checkpoint: (Arrays(), Arrays()))
    monkeypatch.setitem(globals(), "LABELS", ["walking", "gehen", "lying"])
    monkeypatch.setattr(Arrays, "known_labels", lambda self: ["walking", "lying"])
    X = np.zeros((1, 125, 3))
    recogniser = ZeroShotRecogniser(LABELS, 25.0, placement="wrist")
    with pytest.warns(UserWarning, match="'gehen' is like no activity"):
        recogniser.predict(X)
