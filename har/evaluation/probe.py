"""Linear probe: how much a linear classifier reads from frozen embeddings, with people kept apart."""

from collections.abc import Sequence

import numpy as np

MOST_ITERATIONS = 3000


def people_folds(subjects: Sequence[str], folds: int) -> np.ndarray:
    """(n,) fold of each window: its person's place among all people, sorted by name, modulo the number of folds.

    Raises ``ValueError`` for fewer than two people or folds.
    """
    names, person = np.unique(np.asarray(subjects), return_inverse=True)
    if len(names) < 2 or folds < 2:
        raise ValueError(
            f"{len(names)} people and {folds} folds; a probe learns from some people and is asked about others"
        )
    return person % min(folds, len(names))


def linear_probe(
    embeddings: np.ndarray, labels: Sequence[str], subjects: Sequence[str], folds: int = 5, standardise: bool = True
) -> list[str]:
    """Out-of-fold predictions (n,) of a multinomial logistic regression (L2, C = 1), people never shared.

    embeddings (n, D). standardise: each dimension to zero mean and unit variance over the people learned from, as the
    batch normalisation before the classifier does in He et al. (MAE, 2022, appendix A.1): without it the penalty, not
    the embedding, decides how far directions of little variance count. Raises ``ValueError`` for fewer than two
    people, and when the people learned from in some fold show a single activity.
    """
    # Take a second to import, and not everyone who imports this module fits a probe.
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    embeddings, labels = np.asarray(embeddings, dtype=np.float64), np.asarray(labels)
    fold = people_folds(subjects, folds)
    predicted = np.empty_like(labels)
    for number in range(fold.max() + 1):
        asked = fold == number
        if len(set(labels[~asked])) < 2:
            raise ValueError(
                f"fold {number} would learn from a single activity ({labels[~asked][0]}); a probe needs two or more"
            )
        classifier = LogisticRegression(max_iter=MOST_ITERATIONS)
        if standardise:
            classifier = make_pipeline(StandardScaler(), classifier)
        predicted[asked] = classifier.fit(embeddings[~asked], labels[~asked]).predict(embeddings[asked])
    return predicted.tolist()
