"""What a calibration does to probabilities, and what it must not."""

import math

import numpy as np
import pytest

from har.text.calibration import UNCALIBRATED, Calibration, tempered, with_unknown

FITTED = Calibration(-0.4, (-3.0, 2.0, -0.3), (1.0, 0.5), (2.0, 0.8))


def test_uncalibrated_leaves_probabilities_as_they_are():
    p = np.random.default_rng(0).dirichlet(np.ones(4), 50)
    assert tempered(p, UNCALIBRATED.window_sharpness) is p
    assert tempered(p, UNCALIBRATED.context_sharpness(np.full(50, 0.3), np.arange(50.0))) is p
    # Twenty times as likely: one half exactly at odds of 1 to 19.
    assert UNCALIBRATED.known(np.array([-math.log(19)]), False)[0] == pytest.approx(0.5)


def test_powers_are_those_of_the_formulas():
    assert FITTED.window_sharpness == pytest.approx(math.exp(-0.4))
    found = FITTED.context_sharpness(np.array([1.0, 0.5]), np.array([0.2, 100.0]))
    np.testing.assert_allclose(found, [math.exp(-1) * 1.2**-0.3, math.exp(-2) * 101**-0.3])
    wild = Calibration(50.0, (-50.0, 0.0, 0.0), (0, 1), (0, 1))
    assert wild.window_sharpness == pytest.approx(math.e)
    assert wild.context_sharpness(np.ones(1), np.ones(1))[0] == pytest.approx(math.exp(-4))


def test_known_is_a_logistic_function_of_the_margin():
    margin = np.linspace(-80, 80, 33)
    np.testing.assert_allclose(FITTED.known(margin, False), 1 / (1 + np.exp(-(1 + 0.5 * margin))), atol=1e-12)
    np.testing.assert_allclose(FITTED.known(margin, True), 1 / (1 + np.exp(-(2 + 0.8 * margin))), atol=1e-12)
    # Without any other activity everything is known, however little the margin counts.
    flat = Calibration(0, (0, 0, 0), (0, 0), (0, 0))
    assert flat.known(np.array([np.inf, -np.inf, 5.0]), True).tolist() == [1, 0, 0.5]


def test_a_power_changes_no_order():
    random = np.random.default_rng(1)
    p, power = random.dirichlet(np.full(6, 0.3), 200), random.uniform(0.05, 2.5, 200)
    found = tempered(p, power)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_array_equal(np.argsort(found, axis=1), np.argsort(p, axis=1))
    np.testing.assert_allclose(found, p ** power[:, None] / (p ** power[:, None]).sum(axis=1, keepdims=True))
    sure = tempered(np.array([[1.0, 0.0, 0.0]]), 0.02)
    assert sure[0, 0] > 0.5 and (sure > 0).all()
    assert tempered(np.zeros((0, 3)), 0.5).shape == (0, 3)


def test_the_last_column_is_what_is_left():
    p = np.array([[0.7, 0.3], [0.5, 0.5]])
    np.testing.assert_allclose(with_unknown(p, np.array([1.0, 0.2])), [[0.7, 0.3, 0], [0.1, 0.1, 0.8]])


def test_plain_values_and_back():
    assert Calibration.from_dict(FITTED.to_dict()) == FITTED
    assert Calibration.from_dict(UNCALIBRATED.to_dict()) == UNCALIBRATED


@pytest.mark.parametrize(
    "change",
    [
        {"window": [1.0]},
        {"window": math.nan},
        {"context": [0, 0]},
        {"context": "abc"},
        {"context": [0, 0, True]},
        {"known_window": [0.0, -1.0]},
        {"more": 1},
    ],
)
def test_what_is_no_calibration(change):
    with pytest.raises(ValueError, match="calibration"):
        Calibration.from_dict(FITTED.to_dict() | change)
