"""Few-shot scores: draws by their properties, classifiers against loops and closed forms, scores against scikit-learn.

Shapes: N windows, S support, Q query, L classes, D width.
"""

import json
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.metrics import accuracy_score, f1_score

from har.evaluation.few_shot import (
    CLASSIFIERS,
    GAUSSIAN_PROCESS,
    NEAREST,
    PROTOTYPE,
    RIDGE,
    FewShotProtocol,
    blend,
    centred,
    class_probabilities,
    divide_people,
    draw_windows,
    nearest_cosines,
    prototype_cosines,
    render_few_shot_report,
    ridge_probabilities,
    score_few_shot,
)
from har.text.encoder import TextFeatures
from har.text.label_bank import LearnableLabelBank, prototype_similarity

PROTOCOL = FewShotProtocol(shots=(1, 2, 4), draws=3, text_windows=2.0, ridge_penalty=0.1)
SCALE = 7.0

# Who shows what: of "rare" two people, of "lonely" one, windows of unequal counts.
SHOWN = {"sitting": "abcdef", "walking": "abcdef", "running": "bcdf", "rare": "ae", "lonely": "c"}


def corpus(shown=SHOWN, most=6):
    """Labels, subjects and ids: person number p shows 1 + (p + l) % most windows of class number l."""
    rows = [
        (label, person, f"{person}/{label}/{i}")
        for l_number, (label, people) in enumerate(shown.items())
        for person in people
        for i in range(1 + (ord(person) + l_number) % most)
    ]
    return tuple(map(list, zip(*rows, strict=True)))


def unit(rows: int, width: int, seed: int = 0) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=(rows, width))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def problem(seed: int = 0):
    """Support, classes and query of three classes with 3, 2 and 1 windows, in no order."""
    return unit(6, 5, seed), np.array([0, 1, 0, 2, 1, 0]), unit(8, 5, seed + 100), 3


# --- Drawing ---------------------------------------------------------------------------------------------------------


def test_support_and_query_never_share_a_person_and_k_is_exact():
    labels, subjects, ids = corpus()
    for number in range(2000):
        draw = draw_windows(labels, subjects, ids, number)
        # "rare" has two people and is always served; "lonely" has one and never is.
        assert draw.labels == ["rare", "running", "sitting", "walking"]
        helpers = {subjects[i] for rows in draw.support_order.values() for i in rows}
        assert len(helpers) == 3
        query = [i for i, person in enumerate(subjects) if person not in helpers and labels[i] != "lonely"]
        assert sorted(draw.query.tolist()) == query
        assert {labels[i] for i in query} == set(draw.labels)
        previous = set()
        for shots in (1, 2, 5, 1000):
            rows, class_of = draw.support(shots)
            taken = Counter(draw.labels[c] for c in class_of)
            assert len(set(rows.tolist())) == len(rows) and previous <= set(rows.tolist())
            previous = set(rows.tolist())
            for label in draw.labels:
                there = sum(subjects[i] in helpers for i, other in enumerate(labels) if other == label)
                assert taken[label] == min(shots, there)
            assert [labels[i] for i in rows] == [draw.labels[c] for c in class_of]
            assert rows.tolist() == [i for order in draw.support_order.values() for i in order[:shots]]


def test_people_and_windows_are_drawn_evenly():
    """Ten people: each is learned from in half of the draws, each window of a class that all show equally often.

    That one of them alone shows another class, which is never scored, puts him or her on no side.
    """
    everybody = "0123456789"
    labels, subjects, ids = corpus({"a": everybody, "b": everybody, "lonely": "0"}, most=1)
    draws, first, people = 2000, Counter(), Counter()
    for number in range(draws):
        draw = draw_windows(labels, subjects, ids, number)
        people.update({subjects[i] for rows in draw.support_order.values() for i in rows})
        first.update(draw.support(1)[0].tolist())
    # Five standard deviations of a binomial count.
    assert all(abs(people[p] - draws / 2) < 5 * math.sqrt(draws / 4) for p in everybody)
    scored = [i for i, label in enumerate(labels) if label != "lonely"]
    assert all(abs(first[i] - draws / 10) < 5 * math.sqrt(draws * 0.09) for i in scored)
    assert sum(first.values()) == 2 * draws


def test_a_draw_is_a_pure_function_of_the_windows_whatever_their_order():
    labels, subjects, ids = (np.array(column) for column in corpus())
    mixed = np.random.default_rng(3).permutation(len(ids))
    different = 0
    for number in range(30):
        one = draw_windows(labels, subjects, ids, number)
        two = draw_windows(labels[mixed], subjects[mixed], ids[mixed], number)
        assert one.labels == two.labels
        assert ids[one.query].tolist() == ids[mixed][two.query].tolist()
        for shots in (1, 3):
            assert ids[one.support(shots)[0]].tolist() == ids[mixed][two.support(shots)[0]].tolist()
        others = draw_windows(labels, subjects, ids, number + 1), draw_windows(labels, subjects, ids, number, seed=1)
        different += sum(o.support(2)[0].tolist() != one.support(2)[0].tolist() for o in others)
    assert different > 50


def test_every_class_of_two_or_more_people_is_on_both_sides_where_that_is_possible():
    """Pairs of people that chain the classes together: only alternating divisions serve all of them."""
    shown = {"p": "ab", "q": "bc", "r": "cd", "s": "de", "t": "abcde"}
    labels, subjects, ids = corpus(shown)
    for number in range(300):
        draw = draw_windows(labels, subjects, ids, number)
        assert draw.labels == sorted(shown)
        helpers = {subjects[i] for rows in draw.support_order.values() for i in rows}
        assert helpers in ({"a", "c", "e"}, {"b", "d"})


def test_classes_that_no_division_can_serve_together_take_turns():
    """Three people, each class shown by another two: any division leaves one class on one side."""
    labels, subjects, ids = corpus({"x": "ab", "y": "bc", "z": "ac"})
    found = Counter(tuple(draw_windows(labels, subjects, ids, number).labels) for number in range(300))
    assert set(found) == {("x", "y"), ("x", "z"), ("y", "z")} and min(found.values()) > 30


def test_division_takes_half_of_the_people():
    for people in range(2, 12):
        for seed in range(20):
            support = divide_people(np.ones((4, people), dtype=bool), np.random.default_rng(seed))
            assert support.sum() == max(1, people // 2)


def test_draws_refuse_what_cannot_be_drawn():
    labels, subjects, ids = corpus()
    with pytest.raises(ValueError, match="1 subjects"):
        draw_windows(labels, ["a"], ids, 0)
    with pytest.raises(ValueError, match="2 window ids"):
        draw_windows(labels, subjects, ids[:2], 0)
    with pytest.raises(ValueError, match=f"'{ids[3]}' stands for 2 windows"):
        draw_windows(labels, subjects, [*ids[:-1], ids[3]], 0)
    with pytest.raises(ValueError, match="at least two"):
        draw_windows(labels, ["a"] * len(labels), ids, 0)
    with pytest.raises(ValueError, match="needs two that two or more people show"):
        draw_windows(*corpus({"x": "abc", "y": "a", "z": "b"}), 0)
    with pytest.raises(ValueError, match="0 windows a class"):
        draw_windows(labels, subjects, ids, 0).support(0)


# --- Classifiers -----------------------------------------------------------------------------------------------------


def test_ridge_by_hand():
    """Two opposite windows: the slope is x'y / (x'x + penalty) = 1 / (2 + penalty), the intercept 1/2."""
    support, class_of = np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([0, 1])
    query = np.array([[1.0, 0.0], [0.0, 1.0], [-0.6, 0.8]])
    found = ridge_probabilities(support, class_of, query, 2, penalty=0.5)
    np.testing.assert_allclose(found, [[0.9, 0.1], [0.5, 0.5], [0.26, 0.74]])


def test_ridge_is_that_of_scikit_learn():
    for seed, penalty in ((0, 0.01), (1, 1.0), (2, 30.0)):
        support, class_of, query, classes = problem(seed)
        reference = Ridge(alpha=penalty).fit(support, np.eye(classes)[class_of]).predict(query)
        found = ridge_probabilities(support, class_of, query, classes, penalty)
        np.testing.assert_allclose(found, reference, atol=1e-10)
        np.testing.assert_allclose(found.sum(axis=1), 1.0)
    with pytest.raises(ValueError, match="penalty 0"):
        ridge_probabilities(*problem(), 0.0)


def test_prototypes_by_hand():
    support = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    query = np.array([[1.0, 0.0], [0.6, 0.8]])
    found = prototype_cosines(support, np.array([0, 0, 1, 2, 2]), query, 3)
    half = math.sqrt(0.5)  # the third class cancels out and has no direction
    np.testing.assert_allclose(found, [[half, -1.0, 0.0], [1.4 * half, -0.6, 0.0]], atol=1e-12)


def test_nearest_is_the_double_loop():
    support, class_of, query, classes = problem()
    found = nearest_cosines(support, class_of, query, classes)
    for q, window in enumerate(query):
        for c in range(classes):
            cosines = [sum(window * support[s]) for s in range(len(support)) if class_of[s] == c]
            assert found[q, c] == pytest.approx(max(cosines))


def test_probabilities_are_softmaxes_at_the_given_scale():
    support, class_of, query, classes = problem()
    found = class_probabilities(support, class_of, query, classes, logit_scale=SCALE, ridge_penalty=0.3)
    assert (GAUSSIAN_PROCESS, *found) == CLASSIFIERS
    np.testing.assert_allclose(found[RIDGE], ridge_probabilities(support, class_of, query, classes, 0.3))
    for name, cosines in ((PROTOTYPE, prototype_cosines), (NEAREST, nearest_cosines)):
        for row, cosine in zip(found[name], cosines(support, class_of, query, classes), strict=True):
            weights = [math.exp(SCALE * c) for c in cosine]
            np.testing.assert_allclose(row, np.array(weights) / sum(weights))


def test_what_the_whole_support_shares_is_taken_away():
    support, query = unit(6, 4, 1) + 5.0, unit(3, 4, 2) + 5.0
    here, there = centred(support, query)
    np.testing.assert_allclose(np.linalg.norm(here, axis=1), 1.0)
    for row, before in zip(there, query, strict=True):
        away = before - sum(support) / len(support)
        np.testing.assert_allclose(row, away / math.sqrt(sum(away * away)))
    same, mean = centred(np.ones((2, 3)), np.ones((1, 3)))
    assert not same.any() and not mean.any()  # no direction, and no division by zero


def test_text_weighs_as_many_windows_as_it_counts():
    text, support = np.array([[0.9, 0.1]]), np.array([[0.2, 0.8]])
    # Three windows of text and one of support: (3 * 0.9 + 1 * 0.2) / 4.
    np.testing.assert_allclose(blend(text, support, 1, 3.0), [[0.725, 0.275]])
    np.testing.assert_allclose(blend(text, support, 12, 3.0), [[0.34, 0.66]])
    random = unit(4, 3)
    assert np.array_equal(blend(random, -random, 0, 2.0), random)
    assert np.array_equal(blend(random, -random, 5, 0.0), -random)
    for shots, windows in ((0, 0.0), (-1, 2.0), (3, -1.0)):
        with pytest.raises(ValueError, match="positive sum of two counts"):
            blend(text, support, shots, windows)


# --- Scores ----------------------------------------------------------------------------------------------------------


def noisy_problem(seed: int = 0, width: int = 5):
    """Windows around one direction a class, and text logits that are right more often than not."""
    labels, subjects, ids = corpus()
    names = sorted(SHOWN)
    class_of = np.array([names.index(label) for label in labels])
    rng = np.random.default_rng(seed)
    features = unit(len(names), width, seed)[class_of] + 0.4 * rng.normal(size=(len(labels), width))
    logits = SCALE * (0.3 * np.eye(len(names))[class_of] + 0.3 * rng.normal(size=(len(labels), len(names))))
    return features, logits, labels, subjects, ids, names


def score(features, logits, labels, subjects, ids, names, protocol=PROTOCOL, **changes):
    return score_few_shot(
        "tiny", features, logits, SCALE, labels, subjects, ids, labels=names, protocol=protocol, **changes
    )


def test_scores_are_those_of_a_plain_loop():
    features, logits, labels, subjects, ids, names = noisy_problem()
    found = score(features, logits, labels, subjects, ids, names)
    expected = {}
    for number in range(PROTOCOL.draws):
        draw = draw_windows(labels, subjects, ids, number)
        columns = [names.index(label) for label in draw.labels]
        truth = [labels[i] for i in draw.query]

        def add(key, chosen, draw=draw, truth=truth):
            answers = [draw.labels[c] for c in chosen]
            macro = f1_score(truth, answers, labels=draw.labels, average="macro", zero_division=0.0)
            expected.setdefault(key, []).append((macro, accuracy_score(truth, answers)))

        add("zero-shot", [np.argmax(logits[i, columns]) for i in draw.query])
        for shots in PROTOCOL.shots:
            rows, class_of = draw.support(shots)
            mean = normed(features[rows]).mean(axis=0)
            support = normed(normed(features[rows]) - mean)
            ridge = Ridge(alpha=0.1).fit(support, np.eye(len(columns))[class_of])
            centres = [support[class_of == c].sum(axis=0) for c in range(len(columns))]
            answers = {(name, text): [] for name in CLASSIFIERS for text in (True, False)}
            for i in draw.query:
                window = normed(normed(features[i : i + 1]) - mean)[0]
                near = [max(support[class_of == c] @ window) for c in range(len(columns))]
                evidence = {
                    RIDGE: ridge.predict(window[None])[0],
                    PROTOTYPE: softmax([SCALE * (c @ window) / math.sqrt(c @ c) for c in centres]),
                    NEAREST: softmax([SCALE * value for value in near]),
                }
                text = softmax(logits[i, columns])
                for with_text in (True, False):
                    values = plain_gaussian_process(features, logits[:, columns], rows, class_of, i, shots, with_text)
                    answers[GAUSSIAN_PROCESS, with_text].append(np.argmax(values))
                for name, values in evidence.items():
                    answers[name, False].append(np.argmax(values))
                    answers[name, True].append(np.argmax(2.0 * text + shots * values))
            for (name, text), chosen in answers.items():
                add((name, text, shots), chosen)
    assert found.zero_shot["macro_f1"]["draws"] == pytest.approx([macro for macro, _ in expected["zero-shot"]])
    assert found.zero_shot["accuracy"]["draws"] == pytest.approx([share for _, share in expected["zero-shot"]])
    assert len(found.rows) == len(expected) - 1
    for row in found.rows:
        pairs = expected[row["classifier"], row["text"], row["shots"]]
        gains = [pair[0] - zero[0] for pair, zero in zip(pairs, expected["zero-shot"], strict=True)]
        for name, values in (("macro_f1", [m for m, _ in pairs]), ("accuracy", [a for _, a in pairs]), ("gain", gains)):
            assert row[name]["draws"] == pytest.approx(values)
            assert row[name]["mean"] == pytest.approx(sum(values) / 3)
            mean = sum(values) / 3
            assert row[name]["sd"] == pytest.approx(math.sqrt(sum((v - mean) ** 2 for v in values) / 2))


def plain_gaussian_process(features, logits, rows, class_of, query, shots, with_text):
    """Equations (1) to (3) window by window, with NumPy's inverse."""

    def prior(i):
        weight = 4.0 / (4.0 + shots) if with_text else 0.0
        return weight * softmax(logits[i]) + (1 - weight) / logits.shape[1]

    def kernel(i, j):
        one, other = normed(features[i : i + 1])[0], normed(features[j : j + 1])[0]
        return math.exp(-(1 - one @ other) / 0.125)

    gram = np.array([[kernel(i, j) + 1.0 * (i == j) for j in rows] for i in rows])
    wrong = np.array([np.eye(logits.shape[1])[c] - prior(i) for i, c in zip(rows, class_of, strict=True)])
    return prior(query) + np.array([kernel(query, j) for j in rows]) @ np.linalg.inv(gram) @ wrong


def test_recordings_see_every_k_and_may_change_every_answer():
    features, logits, labels, subjects, ids, names = noisy_problem()
    alone, seen = score(features, logits, labels, subjects, ids, names), []

    def unchanged(query: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        seen.append((query, probabilities))
        return probabilities

    def always_right(query: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        return np.array(
            [[labels[i] == name for name in sorted({labels[j] for j in query})] for i in query], dtype=float
        )

    assert score(features, logits, labels, subjects, ids, names, in_context=unchanged) == alone
    rows_of_a_draw = 1 + len(PROTOCOL.shots) * len(CLASSIFIERS) * 2
    assert len(seen) == PROTOCOL.draws * rows_of_a_draw
    for number in range(PROTOCOL.draws):
        query = draw_windows(labels, subjects, ids, number).query
        text, *others = seen[number * rows_of_a_draw : (number + 1) * rows_of_a_draw]
        np.testing.assert_allclose(text[1].sum(axis=1), 1)
        assert all((rows == query).all() for rows, _ in (text, *others))
        assert min(probabilities.min() for _, probabilities in others) == 0.05  # nothing is impossible
    right = score(features, logits, labels, subjects, ids, names, in_context=always_right)
    assert right.zero_shot["macro_f1"]["mean"] == 1
    assert {row["macro_f1"]["mean"] for row in right.rows} == {1}


def normed(rows: np.ndarray) -> np.ndarray:
    return rows / np.sqrt((rows * rows).sum(axis=1))[:, None]


def softmax(values) -> np.ndarray:
    weights = np.array([math.exp(value) for value in values])
    return weights / weights.sum()


def test_the_order_of_windows_and_of_candidates_changes_nothing():
    features, logits, labels, subjects, ids, names = noisy_problem()
    mixed = np.random.default_rng(1).permutation(len(ids))
    one = score(features, logits, labels, subjects, ids, names)
    columns = [np.array(column)[mixed].tolist() for column in (labels, subjects, ids)]
    two = score(features[mixed], logits[mixed], *columns, names)
    assert one == two
    back = score(features, logits[:, ::-1], labels, subjects, ids, names[::-1])
    assert replace(back, labels=one.labels) == one


@pytest.mark.parametrize("prototypes", [1, 3])
def test_zero_shots_are_what_the_label_bank_classifies(prototypes):
    class Words:
        fingerprint = "words:1"

        def encode(self, texts):
            rows = np.stack([np.random.default_rng(list(text.encode())).normal(size=12) for text in texts])
            pooled = torch.tensor(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=torch.float32)
            return TextFeatures(pooled[:, None], torch.ones(len(texts), 1, dtype=torch.bool), pooled)

    shown = {name: people for name, people in SHOWN.items() if name != "lonely"}
    labels, subjects, ids = corpus(shown)
    generator = torch.Generator().manual_seed(0)
    bank = LearnableLabelBank(12, 8, prototypes, num_heads=2, text_encoder=Words(), generator=generator)
    windows = torch.tensor(unit(len(labels), 8), dtype=torch.float32)
    names = sorted(shown)
    texts = bank.encode(names).reshape(len(names), -1, 8)
    logits = bank.logit_scale * prototype_similarity(windows, texts, bank.logit_scale)
    found = score(windows.numpy(), logits.numpy(), labels, subjects, ids, names)
    for number, value in enumerate(found.zero_shot["accuracy"]["draws"]):
        query = draw_windows(labels, subjects, ids, number).query
        answers, probabilities = bank.classify(windows[query], names)
        assert value == pytest.approx(accuracy_score([labels[i] for i in query], answers))
        # The same windows, chosen from with a margin that float32 keeps.
        top = probabilities.topk(2, dim=1).values
        assert float((top[:, 0] - top[:, 1]).min()) > 1e-6


def test_separable_classes_are_told_apart_by_one_window_and_by_right_texts():
    _, _, labels, subjects, ids, names = noisy_problem()
    class_of = np.array([names.index(label) for label in labels])
    corners, flat = 3.0 * np.eye(5)[class_of], np.zeros((len(labels), 5))
    learned = score(corners, flat, labels, subjects, ids, names)
    assert learned.zero_shot["accuracy"]["mean"] < 0.5
    assert all(row["macro_f1"]["draws"] == [1.0] * 3 == row["accuracy"]["draws"] for row in learned.rows)
    # Windows that say nothing: all the same direction, so that only the text decides.
    told = score(np.ones((len(labels), 5)), 50.0 * np.eye(5)[class_of], labels, subjects, ids, names)
    for row in told.rows:
        assert row["accuracy"]["mean"] == 1.0 if row["text"] else row["accuracy"]["mean"] < 0.5
        assert row["gain"]["mean"] == 0.0 if row["text"] else row["gain"]["mean"] < -0.5


def test_what_was_left_out_and_what_was_short_is_said():
    features, logits, labels, subjects, ids, names = noisy_problem()
    ticks = []
    said = {"left_out": {"": 4}, "notes": ["a note"], "progress": ticks.append}
    protocol = replace(PROTOCOL, shots=(1, 3, 5))
    found = score(features, logits, labels, subjects, ids, names, protocol, **said)
    assert ticks == [1, 1, 1]
    assert found.labels == ["rare", "running", "sitting", "walking"]
    assert found.windows == sum(label != "lonely" for label in labels) and found.people == 6
    assert found.left_out == {"": 4, "lonely": labels.count("lonely")}
    assert found.notes[0] == "a note" and "lonely" in found.notes[1] and len(found.notes) == 2
    # Who labels "rare" is a or e: 1 + (97 + 3) % 6 = 5 windows, or 1 + (101 + 3) % 6 = 3.
    chosen = [len(draw_windows(labels, subjects, ids, n).support_order["rare"]) for n in range(3)]
    assert set(chosen) == {3, 5}
    short = [entry for entry in found.fewer if entry["label"] == "rare"]
    assert short == [{"shots": 5, "label": "rare", "fewest": 3, "draws": chosen.count(3)}]
    assert {entry["shots"] for entry in found.fewer} == {5} and "sitting" not in {e["label"] for e in found.fewer}
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False)) == found.to_dict()


def test_labels_that_take_turns_are_noted():
    shown = {"x": "ab", "y": "bc", "z": "ac"}
    labels, subjects, ids = corpus(shown)
    found = score(unit(len(ids), 4), unit(len(ids), 3), labels, subjects, ids, sorted(shown))
    counts = Counter(label for n in range(3) for label in draw_windows(labels, subjects, ids, n).labels)
    (note,) = found.notes
    assert "fewer than 3 draws" in note
    assert all((f"{label} ({n})" in note) is (n < 3) for label, n in counts.items())


def test_a_single_draw_has_no_deviation():
    found = score(*noisy_problem(), protocol=replace(PROTOCOL, draws=1))
    assert found.zero_shot["macro_f1"]["sd"] is None and all(row["gain"]["sd"] is None for row in found.rows)


def test_a_dataset_of_one_person_is_refused_by_name():
    features, logits, labels, subjects, ids, names = noisy_problem()
    with pytest.raises(ValueError, match=f"tiny: {len(ids)} windows of 1 person"):
        score(features, logits, labels, ["a"] * len(subjects), ids, names)


def test_arrays_that_do_not_fit_are_refused():
    features, logits, labels, subjects, ids, names = noisy_problem()
    with pytest.raises(ValueError, match=r"expected \(N, D\) and \(N, L\)"):
        score(features[:-1], logits, labels, subjects, ids, names)
    with pytest.raises(ValueError, match=r"expected \(N, D\) and \(N, L\)"):
        score(features, logits[:, :-1], labels, subjects, ids, names)
    with pytest.raises(ValueError, match=r"\['walking'\] are not among the 5 candidates"):
        score(features, logits, labels, subjects, ids, [*names[:-1], "flying"])
    for value in (0.0, np.nan):
        broken = features.copy()
        broken[[4, 7]] = value
        with pytest.raises(ValueError, match="2 windows, the first in row 4"):
            score(broken, logits, labels, subjects, ids, names)
    broken = logits.copy()
    broken[5, 2] = -np.inf
    with pytest.raises(ValueError, match="1 windows, the first in row 5"):
        score(features, broken, labels, subjects, ids, names)


@pytest.mark.parametrize(
    "changes",
    [{"shots": ()}, {"shots": (0, 1)}, {"shots": (2, 1)}, {"shots": (2, 2)}, {"draws": 0}, {"text_windows": 0.0}],
)
def test_protocols_without_sense_are_refused(changes):
    with pytest.raises(ValueError, match=r"expected (growing numbers|at least 1|a positive number)"):
        replace(PROTOCOL, **changes)


# --- Report ----------------------------------------------------------------------------------------------------------


def test_the_report_shows_every_mean_and_deviation():
    found = score(*noisy_problem(), left_out={"": 4})
    settings = {"window_s": 5.0, "trained_on": ["p", "q"], "shots": [1, 2, 4], "draws": 3, "text_windows": 2.0}
    settings |= {"prior_windows": 4.0, "gap_s": 5.0}
    text = render_few_shot_report([found], settings, {"tiny": ["plots/a b.png"]})
    assert "- window: 5.0 s" in text and "- trained on: p, q" in text and "(<plots/a b.png>)" in text
    assert "unlabelled (4)" in text and "lonely (2)" in text and "rare (down to 3" in text
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    overview, *tables = tables
    first = [row for row in found.rows if row["classifier"] == GAUSSIAN_PROCESS and row["text"]]
    assert overview.splitlines()[2].split(" | ")[2:] == [
        f"{100 * r['macro_f1']['mean']:.1f} ± {100 * r['macro_f1']['sd']:.1f}{' |' * (r is first[-1])}" for r in first
    ]
    assert len(tables) == 3
    for name, table in zip(("macro_f1", "accuracy", "gain"), tables, strict=True):
        lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
        start = [] if name == "gain" else ["*k* = 0"]
        assert lines[0] == ["classifier", *start, "*k* = 1", "*k* = 2", "*k* = 4"]
        assert len(lines) == 2 + 8 and {len(line) for line in lines} == {len(lines[0])}
        for line in lines[2:]:
            classifier, _, with_text = line[0].partition(", ")
            rows = [r for r in found.rows if r["classifier"] == classifier and r["text"] is bool(with_text)]
            cells = [f"{100 * r[name]['mean']:.1f} ± {100 * r[name]['sd']:.1f}" for r in rows]
            zero = found.zero_shot["macro_f1" if name == "gain" else name]
            first = [f"{100 * zero['mean']:.1f} ± {100 * zero['sd']:.1f}" if with_text else "-"] * len(start)
            assert line[1:] == [*first, *cells]
    with pytest.raises(ValueError, match="no results"):
        render_few_shot_report([], settings)
