"""Windows as arrays, named by words alone, in the form that scikit-learn's tools take."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from har.recognition.names import doubts_about
from har.recognition.recognise import RELEASED, loaded
from har.recognition.vocabulary import check_labels


class ZeroShotRecogniser(ClassifierMixin, BaseEstimator):
    """Classifier of windows (N, T, C) that needs no training: its classes are names.

    labels: names to choose from. sampling_rate_hz, channels, placement, gravity: of the windows, as in
    ``AlignmentModel.embed``. checkpoint: the released model by default.

    ``fit`` looks at no data and is not needed; it is there for tools that call it. Attributes after it, or after the
    first prediction: ``classes_``, the labels in the order that scikit-learn takes for granted, sorted.
    """

    def __init__(
        self,
        labels: Sequence[str],
        sampling_rate_hz: float = 50.0,
        channels: Sequence[str] = ("acc_x", "acc_y", "acc_z"),
        placement: str | None = None,
        gravity: str = "included",
        checkpoint: str = RELEASED,
    ) -> None:
        self.labels = labels
        self.sampling_rate_hz = sampling_rate_hz
        self.channels = channels
        self.placement = placement
        self.gravity = gravity
        self.checkpoint = checkpoint

    def fit(self, X: Any = None, y: Any = None) -> "ZeroShotRecogniser":
        """Take over the labels; raises ``ValueError`` for labels that make no sense."""
        self.classes_ = np.array(sorted(check_labels(self.labels)))
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (N, L) of ``classes_`` in windows (N, T, C); raises as ``AlignmentModel.embed`` does."""
        self.fit()
        model, bank = loaded(str(self.checkpoint))
        for doubt in doubts_about(self.classes_.tolist(), bank):
            warnings.warn(doubt, stacklevel=2)
        embeddings = model.embed(
            X, self.sampling_rate_hz, list(self.channels), placement=self.placement, gravity=self.gravity
        )
        return bank.classify(embeddings, self.classes_.tolist())[1].cpu().numpy()

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest label (N,) of each window."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]
