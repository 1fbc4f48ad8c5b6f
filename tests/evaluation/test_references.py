"""What a score has to beat: ConSE against a slow loop over its formula, the forest against closed forms."""

import numpy as np
import pytest

from har.evaluation.references import ForestReference, _weight_by_dataset, conse_bridge, majority_label

FOREST = {"trees": 60, "smallest_leaf": 1, "features_tried": "sqrt", "jobs": 1, "seed": 0}


def problem(seed: int = 0, windows: int = 30, training: int = 12, candidates: int = 5, width: int = 8):
    """Probabilities (N, T), training texts (T, D) and candidates' texts (L, D), of all lengths."""
    draw = np.random.default_rng(seed)
    probabilities = draw.dirichlet(np.full(training, 0.5), windows)
    return probabilities, draw.normal(size=(training, width)), draw.normal(0, 2, (candidates, width))


# --- Majority --------------------------------------------------------------------------------------------------------


def test_the_majority_is_the_commonest_label_and_of_equals_the_first_by_name():
    assert majority_label(["walking", "sitting", "walking", "lying"]) == "walking"
    assert majority_label(["walking", "sitting", "sitting", "walking", "lying"]) == "sitting"
    assert majority_label(np.array(["b", "a"])) == "a"
    with pytest.raises(ValueError, match="no labels"):
        majority_label([])


# --- ConSE -----------------------------------------------------------------------------------------------------------


def slow_conse(probabilities, training, candidates, top):
    """Equations (1) and (2) of the paper, one window and one label after the other."""
    result = np.zeros((len(probabilities), len(candidates)))
    for n, row in enumerate(probabilities):
        ranked = sorted(range(len(row)), key=lambda t: -row[t])[:top]
        normaliser = sum(row[t] for t in ranked)
        place = [sum(row[t] * training[t][d] for t in ranked) / normaliser for d in range(training.shape[1])]
        for c, text in enumerate(candidates):
            product = sum(a * b for a, b in zip(place, text, strict=True))
            result[n, c] = product / (sum(a * a for a in place) ** 0.5 * sum(b * b for b in text) ** 0.5)
    return result


@pytest.mark.parametrize("top", [1, 3, 10, 12, 50])
def test_conse_is_what_its_formula_says(top):
    found = conse_bridge(*problem(), top)
    assert found.shape == (30, 5)
    np.testing.assert_allclose(found, slow_conse(*problem(), top), atol=1e-12)
    assert top != 10 or (found == conse_bridge(*problem())).all()  # as many as in the paper


def test_a_certain_window_is_as_near_to_a_candidate_as_its_label_is():
    _, training, candidates = problem()
    unit = [texts / np.linalg.norm(texts, axis=1, keepdims=True) for texts in (training, candidates)]
    np.testing.assert_allclose(conse_bridge(np.eye(12), training, candidates), unit[0] @ unit[1].T, atol=1e-12)
    # Asked for its training labels it answers what it knows.
    assert (conse_bridge(np.eye(12), training, training).argmax(axis=1) == np.arange(12)).all()


def test_two_equally_probable_labels_meet_half_way():
    texts = np.eye(3)
    found = conse_bridge([[0.4, 0.4, 0.2]], texts, [[1, 1, 0], [0, 0, 1], [1, 0, 0]], top=2)
    np.testing.assert_allclose(found, [[1.0, 0.0, np.sqrt(0.5)]], atol=1e-12)


def test_only_the_proportions_among_the_top_labels_count():
    probabilities, training, candidates = problem()
    expected = conse_bridge(probabilities, training, candidates, 3)
    for size in (7.0, 1e-200):
        found = conse_bridge(size * probabilities, training, 0.1 * candidates, 3)
        np.testing.assert_allclose(found, expected, atol=1e-12)
    rest = np.where(probabilities < np.sort(probabilities)[:, [-3]], 0.0, probabilities)
    np.testing.assert_allclose(conse_bridge(rest, training, candidates, 3), expected, atol=1e-12)


def test_orders_of_windows_labels_and_candidates_do_not_matter():
    probabilities, training, candidates = problem()
    draw = np.random.default_rng(1)
    n, t, c = (draw.permutation(size) for size in (30, 12, 5))
    found = conse_bridge(probabilities[np.ix_(n, t)], training[t], candidates[c], 4)
    np.testing.assert_allclose(found, conse_bridge(probabilities, training, candidates, 4)[np.ix_(n, c)], atol=1e-12)


def test_labels_that_cancel_are_near_nothing():
    assert conse_bridge([[0.5, 0.5]], [[1.0, 0.0], [-1.0, 0.0]], np.eye(2)).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"probabilities": np.ones((3, 11))}, r"probabilities \(3, 11\), training texts \(12, 8\)"),
        ({"probabilities": np.ones(12)}, r"expected \(N, T\), \(T, D\) and \(L, D\)"),
        ({"candidate_texts": np.ones((5, 7))}, r"candidates' texts \(5, 7\)"),
        ({"candidate_texts": np.ones((0, 8))}, r"candidates' texts \(0, 8\)"),
        (
            {"candidate_texts": np.vstack([np.ones(8), np.zeros(8)])},
            "candidate text 1 is not finite or has no direction",
        ),
        ({"training_texts": np.full((12, 8), np.nan)}, "training text 0 is not finite"),
        ({"probabilities": np.vstack([np.ones(12), np.zeros(12)])}, "1 windows, the first in row 1, .*all 0"),
        ({"probabilities": np.vstack([np.ones(12), np.eye(12)[0] - 0.1])}, "first in row 1, .*negative"),
        ({"probabilities": np.full((2, 12), np.nan)}, "2 windows, the first in row 0, .*not finite"),
        ({"top": 0}, "a combination of 0 labels"),
    ],
)
def test_conse_refuses_what_has_no_answer(changes, message):
    probabilities, training, candidates = problem()
    arguments = {"probabilities": probabilities, "training_texts": training, "candidate_texts": candidates} | changes
    with pytest.raises(ValueError, match=message):
        conse_bridge(**arguments)


# --- Forest ----------------------------------------------------------------------------------------------------------


def clouds(each: int = 40, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Features (N, 4) of three activities around three corners, some of them not measured."""
    draw = np.random.default_rng(seed)
    names = ["walking", "lying", "running"]
    labels = [names[i] for i in draw.integers(3, size=3 * each)]
    features = draw.normal(0, 0.3, (len(labels), 4))
    features[np.arange(len(labels)), [names.index(label) for label in labels]] += 2.0
    features[draw.random(len(labels)) < 0.3, 3] = np.nan
    return features, labels


def test_a_forest_recognises_windows_that_it_has_not_seen():
    forest = ForestReference(**FOREST).fit(*clouds())
    assert forest.labels == ["lying", "running", "walking"]
    features, labels = clouds(seed=1)
    probabilities = forest.probabilities(features)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    right = [forest.labels[i] == label for i, label in zip(probabilities.argmax(axis=1), labels, strict=True)]
    assert np.mean(right) > 0.95


def test_similarity_is_conse_of_the_probabilities():
    forest = ForestReference(**FOREST).fit(*clouds())
    features, labels = clouds(seed=1)
    _, training, candidates = problem(training=3)
    for top in (1, 2):
        found = forest.similarity(features, training, candidates, top)
        np.testing.assert_array_equal(found, conse_bridge(forest.probabilities(features), training, candidates, top))
    # Words for the same three activities in another order: the forest names them all the same.
    words = ["strolling", "resting on the back", "jogging"]
    text = {"walking": 0, "strolling": 0, "lying": 1, "resting on the back": 1, "running": 2, "jogging": 2}
    found = forest.similarity(
        features, np.eye(3)[[text[t] for t in forest.labels]], np.eye(3)[[text[w] for w in words]]
    )
    assert np.mean(found.argmax(axis=1) == [text[label] for label in labels]) > 0.95


def test_the_seed_decides_and_the_jobs_do_not():
    features, labels = clouds()
    asked = np.random.default_rng(2).normal(1, 1, (50, 4))
    first = ForestReference(**FOREST).fit(features, labels).probabilities(asked)
    np.testing.assert_allclose(
        ForestReference(**FOREST | {"jobs": 2}).fit(features, labels).probabilities(asked), first, atol=1e-12
    )
    assert (ForestReference(**FOREST | {"seed": 1}).fit(features, labels).probabilities(asked) != first).any()


def test_rare_activities_weigh_as_much_as_frequent_ones():
    """Where features say nothing, a tree is one leaf with the share of each class."""
    labels = ["walking"] * 300 + ["falling"] * 30
    forest = ForestReference(**FOREST).fit(np.zeros((330, 2)), labels)
    np.testing.assert_allclose(forest.probabilities(np.zeros((1, 2))), [[0.5, 0.5]], atol=1e-6)


def test_datasets_count_alike_in_a_label_that_they_share():
    """900 windows of walking at 0 in one dataset, 100 at 1 in another, 250 of sitting at 1: by hand 1/11 and 1/3.

    Balanced, a window of walking weighs 1250 / (2 * 1000) = 0.625 and one of sitting 2.5, 625 all together. At 1
    walking has 62.5. If both datasets count alike, half of all walking, 312.5, lies there.
    """
    features = np.repeat([[0.0], [1.0], [1.0]], [900, 100, 250], axis=0)
    labels, datasets = (
        np.repeat(["walking", "walking", "sitting"], [900, 100, 250]),
        np.repeat([7, 3, 7], [900, 100, 250]),
    )
    for given, expected in ((None, 1 / 11), (datasets, 1 / 3)):
        forest = ForestReference(**FOREST).fit(features, labels, given)
        assert forest.probabilities(np.ones((1, 1)))[0, 1] == pytest.approx(expected, abs=0.015)


def test_weights_by_dataset_keep_the_number_of_each_label():
    """What a version of scikit-learn makes of the weights differs: some draw by them, some multiply by them."""
    labels = np.repeat(["walking", "walking", "sitting", "lying", "lying"], [8, 2, 5, 3, 3])
    datasets = np.repeat([0, 1, 1, 0, 2], [8, 2, 5, 3, 3])
    expected = np.repeat([5 / 8, 5 / 2, 1.0, 1.0, 1.0], [8, 2, 5, 3, 3])
    np.testing.assert_allclose(_weight_by_dataset(labels, datasets), expected)


def test_the_forest_is_as_large_as_asked():
    """One feature tells the two activities apart, four say nothing."""
    draw = np.random.default_rng(0)
    labels = ["lying"] * 60 + ["walking"] * 60
    features = np.column_stack([np.repeat([0.0, 1.0], 60), draw.normal(size=(120, 4))])
    asked = np.column_stack([np.repeat([0.0, 1.0], 20), draw.normal(size=(40, 4))])
    grown = {"plain": {}, "seven": {"trees": 7}, "leaf": {"smallest_leaf": 61}, "all": {"features_tried": 1.0}}
    found = {
        name: ForestReference(**FOREST | changes).fit(features, labels).probabilities(asked)[:, 1]
        for name, changes in grown.items()
    }
    assert found["all"].tolist() == [0.0] * 20 + [1.0] * 20  # every tree finds the feature at once
    assert 0 < np.abs(found["plain"] - found["all"]).max() < 0.5
    for name, trees in (("seven", 7), ("plain", 60)):
        np.testing.assert_allclose(trees * found[name], np.round(trees * found[name]), atol=1e-9)  # pure leaves vote
    assert np.abs(7 * found["plain"] - np.round(7 * found["plain"])).max() > 0.1
    np.testing.assert_allclose(found["leaf"], 0.5, atol=1e-9)  # too few windows for any split


def test_no_windows_have_no_probabilities():
    forest = ForestReference(**FOREST).fit(*clouds())
    assert forest.probabilities(np.zeros((0, 4))).shape == (0, 3)


def test_a_forest_refuses_what_does_not_fit():
    features, labels = clouds()
    with pytest.raises(ValueError, match="call fit first"):
        ForestReference(**FOREST).probabilities(features)
    for arguments, message in (
        ((features, labels[1:]), "119 labels for 120 windows"),
        ((features, labels, ["d"]), "1 datasets for 120 windows"),
        ((features, ["walking"] * 120), "two or more"),
        ((features[0], labels), "shape"),
        ((np.full((120, 4), np.inf), labels), "infinite"),
    ):
        with pytest.raises(ValueError, match=message):
            ForestReference(**FOREST).fit(*arguments)
    with pytest.raises(ValueError, match="3 features; the forest learned from 4"):
        ForestReference(**FOREST).fit(features, labels).probabilities(features[:, :3])
    with pytest.raises(ValueError, match=r"training texts \(2, 8\)"):
        ForestReference(**FOREST).fit(features, labels).similarity(features, np.ones((2, 8)), np.ones((4, 8)))
