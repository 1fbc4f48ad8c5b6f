"""Every form in which people have a signal, against the plain array of the same numbers."""

import datetime
import decimal
import fractions

import numpy as np
import pandas as pd
import pytest
import torch

from har.signal.entry import as_channels, as_rate, as_signal

NAMES = ["acc_x", "acc_y", "acc_z"]
PLAIN = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


def frame() -> pd.DataFrame:
    return pd.DataFrame(PLAIN, columns=NAMES)


@pytest.mark.parametrize(
    "given",
    [
        PLAIN,
        PLAIN.astype(np.float64),
        PLAIN.astype(">f8"),
        np.asfortranarray(PLAIN),
        PLAIN[::-1][::-1],
        PLAIN.tolist(),
        torch.from_numpy(PLAIN),
        torch.from_numpy(PLAIN).double().requires_grad_(),
        np.ma.array(PLAIN),
        frame(),
        frame().assign(time=pd.Timestamp(0), label="walking")[["label", "acc_z", "time", "acc_x", "acc_y"]],
        frame().astype("Float64"),
        frame().astype(object),
        PLAIN.astype(object),
    ],
    ids=lambda given: type(given).__name__,
)
def test_the_same_numbers_whatever_holds_them(given):
    signal = as_signal(given, NAMES)
    assert signal.dtype == torch.float32 and not signal.requires_grad
    np.testing.assert_array_equal(signal.numpy(), PLAIN)


def test_nothing_is_copied_that_need_not_be_and_nothing_that_is_given_changes():
    assert as_signal(PLAIN, NAMES).data_ptr() == PLAIN.ctypes.data
    read_only = PLAIN.copy()
    read_only.flags.writeable = False
    as_signal(read_only, NAMES).zero_()
    np.testing.assert_array_equal(read_only, PLAIN)


def test_what_is_masked_or_absent_is_missing():
    mask = np.random.default_rng(1).random(PLAIN.shape) < 0.5
    table = frame().astype("Float64").mask(mask)
    rows = [np.ma.array(row, mask=hidden) for row, hidden in zip(PLAIN, mask, strict=True)]
    np.testing.assert_array_equal(as_signal(rows, NAMES).numpy(), np.where(mask, np.float32(np.nan), PLAIN))
    as_objects = np.where(mask, None, PLAIN.astype(object))
    for given in (np.ma.array(PLAIN, mask=mask), table, as_objects, pd.DataFrame(as_objects, columns=NAMES)):
        np.testing.assert_array_equal(as_signal(given, NAMES).numpy(), np.where(mask, np.float32(np.nan), PLAIN))
    counts = np.arange(120).reshape(40, 3)
    found = as_signal(np.ma.array(counts, mask=mask), NAMES).numpy()
    np.testing.assert_array_equal(found, np.where(mask, np.nan, counts))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.array([["a", "b", "c"]]), "expected numbers"),
        (np.array([[1, "2", 2]], dtype=object), "signal holds '2'; expected numbers"),
        (torch.from_numpy(PLAIN).to_sparse(), r"sparse tensor .* give signal.to_dense"),
        (PLAIN + 1j, "expected numbers"),
        (torch.zeros(3, 3, device="meta"), "signal is a meta tensor"),
        ([[1.0, 2.0], [1.0]], "a list of rows of several lengths"),
        (torch.from_numpy(PLAIN) > 0, "expected numbers"),
        (PLAIN > 0, "expected numbers"),
        (frame().rename(columns={"acc_y": "ay"}), "has the columns acc_x, ay, acc_z; expected acc_y once"),
        (pd.concat([frame(), frame()], axis=1), "expected acc_x, acc_y, acc_z once each"),
        (frame().assign(acc_y="walking"), "column acc_y (holds 'walking'|has dtype str); expected numbers"),
        (frame().assign(acc_y=True), "column acc_y has dtype bool; expected numbers"),
        (frame().assign(acc_y=pd.Timestamp(7)), r"column acc_y has dtype datetime64\[.*\]; expected numbers"),
        (frame().assign(acc_y=pd.Timestamp(7, tz="UTC")), "column acc_y holds Timestamp.*; expected numbers"),
        (frame().assign(acc_y=pd.array([True] * 40, dtype="boolean")), "column acc_y has dtype bool; expected numbers"),
    ],
)
def test_what_holds_no_numbers_is_refused_in_a_sentence(given, words):
    with pytest.raises(ValueError, match=words):
        as_signal(given, NAMES)


@pytest.mark.parametrize(
    "given",
    [
        NAMES,
        tuple(NAMES),
        pd.Index(NAMES),
        pd.Series(NAMES, index=[7, 1, 3]),
        np.array(NAMES),
        dict.fromkeys(NAMES),
        iter(NAMES),
    ],
)
def test_channels_in_the_order_of_iteration(given):
    assert as_channels(given, PLAIN) == NAMES


def test_a_table_names_its_own_channels():
    assert as_channels(None, frame()) == NAMES


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (None, TypeError, "channels is None; give the names"),
        ("acc_x", ValueError, "expected a list of names"),
        (3, ValueError, "expected a list of names"),
        ([], ValueError, "channels is empty"),
        (set(NAMES), TypeError, "no order"),
        ([*NAMES, 4], TypeError, "channels hold 4 of type int"),
    ],
)
def test_channels_that_are_none_are_refused(given, error, words):
    with pytest.raises(error, match=words):
        as_channels(given, PLAIN)


@pytest.mark.parametrize(
    "given",
    [
        50,
        50.0,
        np.float32(50),
        np.float64(50),
        np.int16(50),
        np.array(50.0),
        np.array([50]),
        torch.tensor(50.0),
        fractions.Fraction(50),
        decimal.Decimal(50),
    ],
    ids=lambda given: type(given).__name__,
)
def test_any_real_number_is_a_rate(given):
    rate = as_rate(given)
    assert rate == 50 and type(rate) is float


@pytest.mark.parametrize(
    "given", ["50", None, True, 50 + 0j, [50.0], np.array([50.0, 50.0]), datetime.timedelta(seconds=1)]
)
def test_what_is_no_number_is_no_rate(given):
    with pytest.raises(TypeError, match=r"sampling_rate_hz is .* expected a number of samples a second, such as 50\.0"):
        as_rate(given)
