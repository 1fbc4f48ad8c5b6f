"""Windows that a live recogniser looked at before, one a step: what of them names the next one.

Shapes: N windows, D embedding width, F feature width, L labels.
"""

import numpy as np
import torch

from har.recognition.adapter import Adapter
from har.text.naming import Naming


class LivePast:
    """The last ``most`` windows in order of time, ``rows`` (N,) with these columns:

    moment, the number of the step that it ends at; stretch, the number of the one that it lies in; start_s, when it
    begins; whole, whether the stretch reaches back to there; off, whether the device was off the body; version, of the
    settings that it was embedded under; margin, over other activities. Beside them ``embedding`` (N, D), ``features``
    (N, F), NaN where unknown, and ``own`` (N, L), the probabilities of each by itself, by the words and by what was
    taught.
    """

    def __init__(self, most: int, embedding_width: int, feature_width: int) -> None:
        size = most + -(-most // 4)
        columns = [("moment", "i8"), ("stretch", "i8"), ("start_s", "f8"), ("whole", "?"), ("off", "?")]
        self._rows = np.zeros(size, [*columns, ("version", "i8"), ("margin", "f4")])
        self._embedding = np.zeros((size, embedding_width), np.float32)
        self._features = np.zeros((size, feature_width), np.float32)
        self._own = np.zeros((size, 0), np.float32)
        self._most, self._first, self._stop = most, 0, 0

    @property
    def rows(self) -> np.ndarray:
        return self._rows[self._first : self._stop]

    @property
    def embedding(self) -> np.ndarray:
        return self._embedding[self._first : self._stop]

    @property
    def features(self) -> np.ndarray:
        return self._features[self._first : self._stop]

    @property
    def own(self) -> np.ndarray:
        return self._own[self._first : self._stop]

    def append(self, embedding: np.ndarray, features: np.ndarray | None, **columns: object) -> None:
        """One more window, to be named next; beyond ``most`` the oldest is forgotten."""
        if self._stop == len(self._rows):
            held = slice(self._first, self._stop)
            for table in (self._rows, self._embedding, self._features, self._own):
                table[: held.stop - held.start] = table[held].copy()
            self._first, self._stop = 0, held.stop - held.start
        for name, value in columns.items():
            self._rows[name][self._stop] = value
        self._embedding[self._stop] = embedding
        self._features[self._stop] = np.nan if features is None else features
        self._stop += 1
        self._first = max(self._first, self._stop - self._most)

    def name(self, naming: Naming, adapter: Adapter | None, rows: np.ndarray | None = None) -> None:
        """Compare windows, all or those at the places ``rows``, with labels."""
        if self._own.shape[1] != len(naming.labels):
            self._own = np.zeros((len(self._own), len(naming.labels)), np.float32)
        rows = np.arange(len(self.rows)) if rows is None else rows
        if not len(rows):
            return
        device = naming.device
        logits, margin = naming(torch.from_numpy(self.embedding[rows]).to(device))
        own = logits.double().softmax(dim=1).cpu().numpy()
        if adapter is not None:
            features = self.features[rows]
            known = np.isfinite(features).all(axis=1)
            if known.any():
                own[known], margin[known] = adapter.blended(own[known], margin[known], features[known], naming, device)
        self.own[rows] = own
        self.rows["margin"][rows] = margin

    def stale(self, version: int) -> bool:
        """Whether any window was seen under other settings than those of a version."""
        return bool((self.rows["version"] != version).any())

    def in_phase(self, every: int) -> np.ndarray:
        """Places of the last window and of those that end ``every`` steps before it, twice as many, and so on.

        Windows that overlap by more are no evidence of their own. Of a stretch too short for a whole window the longest
        part counts. Time off the body does not.
        """
        rows = self.rows
        found = np.flatnonzero(((rows["moment"] - rows["moment"][-1]) % every == 0) & ~rows["off"])
        stretch = rows["stretch"][found]
        longest = np.append(stretch[1:] != stretch[:-1], True)
        return found[rows["whole"][found] | longest]
