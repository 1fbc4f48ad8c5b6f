"""What a score has to beat: the commonest label, and a random forest on hand-made features that answers by language.

The forest knows the training labels only. ConSE (Norouzi et al., Zero-Shot Learning by Convex Combination of Semantic
Embeddings, ICLR 2014) makes an open-vocabulary classifier of it: a window x lies where its most probable training
labels t lie in the space of texts s, and is given the candidate whose text is nearest there,

    f(x) = 1/Z sum_t p(t | x) s(t),   Z = sum_t p(t | x),   over the most probable labels t                    (1)

Answers are similarities with the candidates' texts, as the network's are, so the same code scores both.

Shapes: N windows, F features, T training labels, L candidates, D width of a text embedding.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np


def majority_label(true: Sequence[str]) -> str:
    """The most frequent label, of equals the first by name. Raises ``ValueError`` when there is none."""
    if not len(true):
        raise ValueError("no labels; the majority of nothing is unknown")
    return min(Counter(map(str, true)).items(), key=lambda item: (-item[1], item[0]))[0]


def conse_bridge(
    probabilities: np.ndarray, training_texts: np.ndarray, candidate_texts: np.ndarray, top: int = 10
) -> np.ndarray:
    """(N, L) cosines of windows, placed by equation (1) of this file, with the candidates' texts.

    probabilities: (N, T) of the training labels, rows of any positive sum. training_texts: (T, D). candidate_texts:
    (L, D). top: labels that are combined, all where there are fewer; 10 is the paper's ConSE(10). Of equal
    probabilities the first are taken. A combination that cancels out is as far from everything as an unrelated one: 0.

    Raises ``ValueError`` for shapes that do not fit, probabilities that are negative, not finite or all 0 in a row,
    texts that are not finite or have no direction, and ``top`` below 1.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    training, candidates = (np.asarray(t, dtype=np.float64) for t in (training_texts, candidate_texts))
    _check_texts(probabilities, training, candidates)
    if top < 1:
        raise ValueError(f"a combination of {top} labels; expected at least 1")
    bad = ~(np.isfinite(probabilities).all(axis=1) & (probabilities >= 0).all(axis=1) & (probabilities > 0).any(axis=1))
    if bad.any():
        raise ValueError(
            f"{bad.sum()} windows, the first in row {bad.argmax()}, have probabilities that are negative, not finite "
            "or all 0"
        )
    probable = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
    weight = np.zeros_like(probabilities)
    np.put_along_axis(weight, probable, np.take_along_axis(probabilities, probable, axis=1), axis=1)
    place = weight / weight.sum(axis=1, keepdims=True) @ training
    return _unit(place) @ _unit(candidates).T


class ForestReference:
    """A random forest (Breiman, Machine Learning 2001) over training labels, with ConSE to any other label.

    Classes weigh alike in every tree, however rare they are: a window is weighted inversely to the number of its class
    in the tree's sample, much as balanced sampling does for the network. Features may be NaN where something was
    not measured.

    trees: their number. smallest_leaf: fewest windows in a leaf. features_tried: share of the features that each split
    looks at, or "sqrt", the root of their number, the usual choice for classes. jobs: threads that grow and ask trees;
    they change no tree. seed: of the samples and splits.
    """

    def __init__(self, *, trees: int, smallest_leaf: int, features_tried: float | str, jobs: int, seed: int) -> None:
        self.labels: list[str] = []
        # Takes a second to import, and not everyone who imports this module grows a forest.
        from sklearn.ensemble import RandomForestClassifier

        self._forest = RandomForestClassifier(
            n_estimators=trees,
            min_samples_leaf=smallest_leaf,
            max_features=features_tried,
            class_weight="balanced_subsample",
            n_jobs=jobs,
            random_state=seed,
        )

    def fit(
        self, features: np.ndarray, labels: Sequence[str], datasets: Sequence[str] | None = None
    ) -> "ForestReference":
        """Learn from features (N, F) and their labels (N,); afterwards ``labels`` (T,) are sorted by name.

        datasets: (N,) names or ids. If given, the datasets that share a label count alike in it, however many windows
        each has. Raises ``ValueError`` for lengths that do not fit, and for fewer than two labels.
        """
        features, labels = _check_features(features), np.asarray(labels, dtype=str)
        for name, column in (("labels", labels), ("datasets", datasets)):
            if column is not None and len(column) != len(features):
                raise ValueError(f"{len(column)} {name} for {len(features)} windows; give one a window")
        if len(set(labels)) < 2:
            raise ValueError(f"labels {sorted(set(labels))}; a forest needs two or more to tell apart")
        weight = None if datasets is None else _weight_by_dataset(labels, np.asarray(datasets))
        self._forest.fit(features, labels, sample_weight=weight)
        self.labels = self._forest.classes_.tolist()
        return self

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """(N, T) mean over the trees of the share of each of ``labels`` in the leaf of a window (N, F).

        Raises ``ValueError`` before ``fit``, and for another number of features than were learned from.
        """
        if not self.labels:
            raise ValueError("the forest has not learned yet; call fit first")
        features = _check_features(features)
        if features.shape[1] != self._forest.n_features_in_:
            raise ValueError(f"{features.shape[1]} features; the forest learned from {self._forest.n_features_in_}")
        if not len(features):
            return np.zeros((0, len(self.labels)))
        return self._forest.predict_proba(features)

    def similarity(
        self, features: np.ndarray, training_texts: np.ndarray, candidate_texts: np.ndarray, top: int = 10
    ) -> np.ndarray:
        """(N, L) cosines of windows (N, F) with the candidates' texts (L, D), by `conse_bridge`.

        training_texts: (T, D), in the order of ``labels``. Raises ``ValueError`` as `probabilities` and `conse_bridge`.
        """
        return conse_bridge(self.probabilities(features), training_texts, candidate_texts, top)


def _weight_by_dataset(labels: np.ndarray, datasets: np.ndarray) -> np.ndarray:
    """(N,) 1 / (windows of the same label in the same dataset), times a factor that makes each label's mean 1.

    So a label still counts as many windows as it has. Newer versions of scikit-learn draw each tree's sample by these
    weights and older ones multiply by them; the forest balances the classes in either case.
    """
    _, label = np.unique(labels, return_inverse=True)
    _, dataset = np.unique(datasets, return_inverse=True)
    count = np.zeros((label.max() + 1, dataset.max() + 1))
    np.add.at(count, (label, dataset), 1.0)
    of_label = count.sum(axis=1) / (count > 0).sum(axis=1)
    return of_label[label] / count[label, dataset]


def _check_features(features: np.ndarray) -> np.ndarray:
    features = np.asarray(features, dtype=np.float32)
    if features.ndim != 2:
        raise ValueError(f"features of shape {features.shape}; expected (windows, features)")
    if np.isinf(features).any():
        raise ValueError("features hold infinite values; NaN marks what was not measured")
    return features


def _check_texts(probabilities: np.ndarray, training: np.ndarray, candidates: np.ndarray) -> None:
    fits = (
        probabilities.ndim == training.ndim == candidates.ndim == 2
        and probabilities.shape[1] == len(training) > 0
        and training.shape[1] == candidates.shape[1]
        and len(candidates) > 0
    )
    if not fits:
        raise ValueError(
            f"probabilities {probabilities.shape}, training texts {training.shape} and candidates' texts "
            f"{candidates.shape}; expected (N, T), (T, D) and (L, D)"
        )
    for name, texts in (("training", training), ("candidate", candidates)):
        bad = ~(np.isfinite(texts).all(axis=1) & (texts != 0).any(axis=1))
        if bad.any():
            raise ValueError(f"{name} text {bad.argmax()} is not finite or has no direction; encode it again")


def _unit(vectors: np.ndarray) -> np.ndarray:
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, norm, out=np.zeros_like(vectors), where=norm > 0)
