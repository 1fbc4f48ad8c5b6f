"""Fits of how far probabilities are to be believed: what made the answers is found again."""

import json
import shutil

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from har.evaluation.calibration import expected_calibration_error
from har.network.loading import load_label_bank, load_model
from har.protocol.calibration import (
    Fit,
    context_features,
    fitted_known,
    fitted_power,
    no_features,
    render_scores,
    scores_of,
    threshold,
)
from har.protocol.evidence import Answered, Evidence, LeftOut
from har.run.checkpoint import load_checkpoint
from har.text.calibration import UNCALIBRATED, Calibration
from har.weights.released import released_checkpoint

FIT = Fit(lists=3, most_windows=4000, known_lost=0.1, penalty=1e-6, seed=0)
SCRIPT = "val_scripts/human_activity_recognition/fit_calibration.py"


def answered(power, seed: int, labels: int = 5, agreement=None, lasting=None) -> Answered:
    """Truths that are drawn from the probabilities to that power."""
    random = np.random.default_rng(seed)
    count = 6000
    log_p = np.log(random.dirichlet(np.full(labels, 0.4), count) + 1e-9)
    log_p -= np.logaddexp.reduce(log_p, axis=1)[:, None]
    true = np.exp(np.broadcast_to(power, count)[:, None] * log_p)
    true /= true.sum(axis=1, keepdims=True)
    truth = (true.cumsum(axis=1) < random.random(count)[:, None]).sum(axis=1)
    return Answered(log_p, np.minimum(truth, labels - 1), agreement, lasting)


@pytest.mark.parametrize("power", [0.3, 1.0, 1.8])
def test_the_power_that_made_the_answers_is_found(power):
    (found,) = fitted_power([[answered(power, 0)], [answered(power, 1, labels=9)]], no_features, FIT)
    assert found == pytest.approx(np.log(power), abs=0.05)


def test_what_the_power_depends_on_is_found():
    """And a calibration with it brings the error of the calibration near none."""
    random = np.random.default_rng(2)
    made = Calibration(0.0, (-2.0, 1.5, -0.2), (0, 1), (0, 1))
    datasets = []
    for seed in range(4):
        agreement, lasting = random.uniform(0.3, 1.0, 6000), random.uniform(0.1, 200.0, 6000)
        power = made.context_sharpness(agreement, lasting)
        datasets.append([answered(power, seed, 5 + seed, agreement, lasting)])
    found = fitted_power(datasets, context_features, FIT)
    np.testing.assert_allclose(found, made.context, atol=0.25)
    evidence = Evidence([datasets[0][0]], datasets[0], [], [])
    scores = scores_of(evidence, Calibration(0.0, found, (0, 1), (0, 1)))["recording context"]
    assert scores["before"]["ece"] > 0.15 and scores["after"]["ece"] < 0.03
    assert scores["after"]["accuracy"] == scores["before"]["accuracy"] and scores["unknown"] is None


def test_shorter_lists_count_as_much_as_the_whole_one():
    whole, short = answered(1.5, 3), answered(0.4, 4)
    (alone,) = fitted_power([[whole]], no_features, FIT)
    (among,) = fitted_power([[whole, short]], no_features, FIT)
    (twice,) = fitted_power([[whole, short, short]], no_features, FIT)
    assert among < alone and twice == pytest.approx(among, abs=0.02)


def cases(seed: int, shift: float = 0.0) -> list[LeftOut]:
    random = np.random.default_rng(seed)
    known = random.random(900) < 0.8
    margin = random.normal(np.where(known, 3.0, 0.0) + shift, 2.0)
    return [LeftOut(margin, known, random.random(900))]


def test_known_is_a_logistic_regression_that_loses_what_it_may():
    datasets = [cases(0), cases(1, shift=1.0)]
    constant, slope = fitted_known(datasets, FIT)
    margin, known = (np.concatenate([of[0][i] for of in datasets]) for i in (0, 1))
    of = np.repeat([0, 1], 900)
    weight = np.ones(1800)
    for dataset in (0, 1):
        for which in (True, False):
            rows = (of == dataset) & (known == which)
            weight[rows] = 0.25 / rows.sum()
    expected = LogisticRegression(C=1e9, tol=1e-10, max_iter=500).fit(margin[:, None], known, weight * 1800)
    assert slope == pytest.approx(expected.coef_[0, 0], rel=1e-3)
    called = [Calibration(0, (0, 0, 0), (constant, slope), (0, 0)).known(c[0].margin, False) < 0.5 for c in datasets]
    lost = [c[of[0].known].mean() for c, of in zip(called, datasets, strict=True)]
    assert np.mean(lost) == pytest.approx(0.1, abs=0.002)
    # Dropped evidence says nothing, and nothing is fitted to none.
    assert fitted_known([[], []], FIT) == UNCALIBRATED.known_window
    inverse = [[LeftOut(-case.margin, case.known, case.largest) for case in of] for of in datasets]
    assert fitted_known(inverse, FIT) == (0.0, 0.0)


def test_the_threshold_is_that_of_all_values_tried():
    random = np.random.default_rng(5)
    datasets = [random.normal(size=70), random.normal(2, 1, 300)]
    found = threshold(datasets, 0.2)
    tried = sorted(np.concatenate(datasets))
    share = [np.mean([(values < value).mean() for values in datasets]) for value in tried]
    assert found == pytest.approx(tried[int(np.searchsorted(share, 0.2)) - 1], abs=1e-9)


def test_the_table_holds_the_scores():
    evidence = Evidence(
        [answered(0.5, 6)], [answered(0.5, 7, agreement=np.ones(6000), lasting=np.ones(6000))], cases(3), cases(4)
    )
    made = Calibration(np.log(0.5), (np.log(0.5), 0, 0), (0.5, 1), (0.5, 1))
    scores = scores_of(evidence, made)
    text = render_scores({"belt": scores, "wrist": scores}, made)
    for how in ("one window", "recording context"):
        before, after = (scores[how][which]["ece"] for which in ("before", "after"))
        assert after < 0.03 < before and f"| {100 * before:.1f} -> {100 * after:.1f} |" in text
        assert f"-> {scores[how]['unknown']['auroc']:.3f} |" in text
    p = np.exp(evidence.window[0].log_p)
    right = p.argmax(axis=1) == evidence.window[0].truth
    assert scores["one window"]["before"]["ece"] == expected_calibration_error(p.max(axis=1), right)


@pytest.fixture(scope="module")
def two_unseen(small_corpus, tmp_path_factory):
    """The small corpus with its unseen dataset twice, under another name."""
    root = tmp_path_factory.mktemp("two") / "data"
    shutil.copytree(small_corpus, root)
    shutil.copytree(root / "sim_belt", root / "sim_other")
    path = root / "sim_other" / "dataset.json"
    header = json.loads(path.read_text()) | {"name": "sim_other"}
    path.write_text(json.dumps({key: value for key, value in header.items() if key != "checksums"}))
    return root


def test_the_command_fits_and_stores(run_script, whole_run, two_unseen, tmp_path):
    """What it writes is what the checkpoint then says; the weights stay, and so do the answers."""
    run = tmp_path / "run"
    shutil.copytree(whole_run[0], run)
    asked = ("--checkpoint", run / "best.pt", "--data", two_unseen, "--out", tmp_path / "out")
    before = load_checkpoint(run / "best.pt")
    done = run_script(SCRIPT, *asked, "--datasets", "sim_belt", "sim_other", "--store")
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "out" / "calibration.json").read_text())
    assert set(record["datasets"]) == {"sim_belt", "sim_other"}
    model, checkpoint, constants = load_model(run / "best.pt", "cpu")
    bank = load_label_bank(checkpoint, "cpu", constants)
    assert bank.calibration == Calibration.from_dict(record["calibration"])
    for name, weight in before["model"].items():
        assert (model.state_dict()[name] == weight).all()
    # A dataset that is there twice is predicted by the other: fitted to the one, it fits both.
    scores = record["datasets"]["sim_belt"]["one window"]
    assert scores["after"]["nll"] <= scores["before"]["nll"] + 1e-9
    assert scores["after"]["accuracy"] == scores["before"]["accuracy"]


@pytest.mark.parametrize(
    ("datasets", "problem"),
    [(["sim_belt"], "one dataset tells nothing"), (["sim_belt", "sim_watch"], "was trained on sim_watch")],
)
def test_what_cannot_be_fitted(run_script, whole_run, small_corpus, tmp_path, datasets, problem):
    asked = ("--checkpoint", whole_run[0] / "best.pt", "--data", small_corpus, "--out", tmp_path / "out")
    done = run_script(SCRIPT, *asked, "--datasets", *datasets)
    assert done.returncode == 2 and problem in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_released_model_is_not_changed(run_script, two_unseen, tmp_path):
    asked = ("--checkpoint", "default", "--data", two_unseen, "--out", tmp_path / "out")
    before = released_checkpoint("default").read_bytes()
    done = run_script(SCRIPT, *asked, "--datasets", "sim_belt", "sim_other", "--store")
    assert done.returncode == 2 and "is a released model, whose card tells the digest" in done.stderr
    assert released_checkpoint("default").read_bytes() == before and not (tmp_path / "out").exists()
