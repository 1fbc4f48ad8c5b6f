"""The linear probe: people apart, every window answered once, by the classifier that scikit-learn calls the same."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from har.evaluation.probe import linear_probe, people_folds


def windows(people: int = 7, each: int = 24, noise: float = 0.6) -> tuple[np.ndarray, list[str], list[str]]:
    """Three activities around three directions in eight dimensions of very different size; people in mixed order."""
    generator = np.random.default_rng(0)
    subjects = [f"p{generator.integers(people)}" for _ in range(people * each)]
    labels = [("walking", "sitting", "lying")[generator.integers(3)] for _ in subjects]
    centres = {"walking": 0, "sitting": 1, "lying": 2}
    embeddings = generator.normal(0, noise, (len(labels), 8))
    embeddings[np.arange(len(labels)), [centres[label] for label in labels]] += 1.0
    return embeddings * np.geomspace(1, 1e-3, 8), labels, subjects


def test_folds_keep_people_whole_and_are_even_whatever_the_order():
    _, _, subjects = windows()
    fold = people_folds(subjects, 3)
    of_person = {name: {int(f) for s, f in zip(subjects, fold, strict=True) if s == name} for name in set(subjects)}
    assert all(len(found) == 1 for found in of_person.values())
    sizes = np.bincount([found.pop() for found in of_person.values()])
    assert sizes.max() - sizes.min() <= 1 and len(sizes) == 3
    order = np.random.default_rng(1).permutation(len(subjects))
    assert (people_folds([subjects[i] for i in order], 3) == fold[order]).all()
    assert set(people_folds(["b", "a", "b"], 5)) == {0, 1}  # no more folds than people


@pytest.mark.parametrize("standardise", [True, False])
def test_predictions_are_those_of_cross_validation_over_people(standardise):
    embeddings, labels, subjects = windows()
    classifier = LogisticRegression(max_iter=3000)
    if standardise:
        classifier = make_pipeline(StandardScaler(), classifier)
    folds = PredefinedSplit(people_folds(subjects, 4))
    expected = cross_val_predict(classifier, embeddings, np.array(labels), cv=folds)
    assert linear_probe(embeddings, labels, subjects, 4, standardise) == expected.tolist()


def test_scale_matters_only_to_embeddings_as_they_are():
    embeddings, labels, subjects = windows()
    scaled = embeddings * np.geomspace(1e-2, 1e3, 8)
    assert linear_probe(scaled, labels, subjects) == linear_probe(embeddings, labels, subjects)
    plain = [linear_probe(e, labels, subjects, standardise=False) for e in (embeddings, scaled)]
    assert plain[0] != plain[1]


def test_separable_activities_are_all_found():
    embeddings, labels, subjects = windows(noise=0.01)
    assert linear_probe(embeddings, labels, subjects) == labels


def test_too_few_people_or_activities_are_errors():
    embeddings, labels, _ = windows()
    with pytest.raises(ValueError, match="1 people and 5 folds"):
        linear_probe(embeddings, labels, ["p"] * len(labels))
    with pytest.raises(ValueError, match=r"single activity \(sitting\)"):
        linear_probe(np.eye(4), ["walking", "walking", "walking", "sitting"], ["a", "a", "a", "b"])
