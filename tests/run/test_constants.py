import json
import math
from pathlib import Path

import numpy as np
import pytest

from har.run.constants import (
    ConstantError,
    check_choices,
    difference,
    joined_arguments,
    override_constants,
    read_constants,
    snapshot_constants,
)


def script() -> dict:
    """The globals of a script."""
    return {
        "__doc__": "Trains something.",
        "EPOCHS": 4,
        "LEARNING_RATE": 3e-4,
        "AUGMENT": True,
        "DEVICE": "auto",
        "DATA_ROOT": Path("data"),
        "RESUME": None,
        "HELD_OUT_DATASETS": ("mobifall",),
        "RATES_HZ": [25.0, 50.0],
        "WIDTHS": (64, 128),
        "BOUNDS": ((0, 1), (2, 3)),
        "NO_NAMES": (),
        "WEIGHTS": {"acc": 1.0, "gyro": 0.5},
        "_PRIVATE": object(),
        "Network": object,
        "lower": object(),
    }


@pytest.mark.parametrize(
    ("argument", "name", "value"),
    [
        ("--EPOCHS=2", "EPOCHS", 2),
        ("--EPOCHS=-2", "EPOCHS", -2),
        ("--LEARNING_RATE=1e-3", "LEARNING_RATE", 1e-3),
        ("--LEARNING_RATE=3", "LEARNING_RATE", 3.0),
        ("--AUGMENT=false", "AUGMENT", False),
        ("--AUGMENT=No", "AUGMENT", False),
        ("--AUGMENT=0", "AUGMENT", False),
        ("--AUGMENT=1", "AUGMENT", True),
        ("--DEVICE=cuda", "DEVICE", "cuda"),
        ("--DEVICE=a=b", "DEVICE", "a=b"),
        ("--DEVICE=", "DEVICE", ""),
        ("--DEVICE=12", "DEVICE", "12"),
        ("--DATA_ROOT=/data", "DATA_ROOT", Path("/data")),
        ("--RESUME=training_output/run", "RESUME", "training_output/run"),
        ("--RESUME=20250131_235959", "RESUME", "20250131_235959"),
        ("--RESUME=None", "RESUME", None),
        ("--RESUME=12", "RESUME", 12),
        ("--RESUME=(1, 2)", "RESUME", (1, 2)),
        ("--HELD_OUT_DATASETS=mex, pdiot", "HELD_OUT_DATASETS", ("mex", "pdiot")),
        ("--HELD_OUT_DATASETS=('mex',)", "HELD_OUT_DATASETS", ("mex",)),
        ("--HELD_OUT_DATASETS=", "HELD_OUT_DATASETS", ()),
        ("--NO_NAMES=a,b", "NO_NAMES", ("a", "b")),
        ("--NO_NAMES=[1, 'a']", "NO_NAMES", (1, "a")),
        ("--RATES_HZ=20,30.5", "RATES_HZ", [20.0, 30.5]),
        ("--RATES_HZ=(20, 30.5)", "RATES_HZ", [20.0, 30.5]),
        ("--WIDTHS=8", "WIDTHS", (8,)),
        ("--BOUNDS=((4, 5),)", "BOUNDS", ((4, 5),)),
        ("--WEIGHTS={'acc': 2}", "WEIGHTS", {"acc": 2.0}),
    ],
)
def test_a_value_is_typed_like_its_default(argument, name, value):
    namespace, before = script(), script()
    override_constants(namespace, [argument])
    assert namespace[name] == value
    assert type(namespace[name]) is type(value)
    if isinstance(value, list | tuple):
        assert [type(item) for item in namespace[name]] == [type(item) for item in value]
    untouched = before.keys() - {name, "_PRIVATE", "lower"}
    assert {key: namespace[key] for key in untouched} == {key: before[key] for key in untouched}


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--EPOCHS=2.0", ["EPOCHS", "int", "4", "'2.0'"]),
        ("--EPOCHS=two", ["EPOCHS", "int", "'two'"]),
        ("--EPOCHS=True", ["EPOCHS", "int"]),
        ("--EPOCHS=", ["EPOCHS", "int", "''"]),
        ("--LEARNING_RATE=fast", ["LEARNING_RATE", "float", "'fast'"]),
        ("--LEARNING_RATE=nan", ["LEARNING_RATE", "finite"]),
        ("--LEARNING_RATE=inf", ["LEARNING_RATE", "finite"]),
        ("--AUGMENT=2", ["AUGMENT", "bool", "'2'"]),
        ("--AUGMENT=maybe", ["AUGMENT", "bool", "'maybe'"]),
        ("--DATA_ROOT=", ["DATA_ROOT", "path"]),
        ("--WIDTHS=8,big", ["WIDTHS", "'big'", "int"]),
        ("--WIDTHS=(8, 2.5)", ["WIDTHS", "2.5", "int"]),
        ("--WIDTHS=(True,)", ["WIDTHS", "bool", "int"]),
        ("--WIDTHS=(8)", ["WIDTHS", "tuple", "(1,)"]),
        ("--WIDTHS=8,,9", ["WIDTHS", "empty"]),
        ("--BOUNDS=1,2", ["BOUNDS", "nested"]),
        ("--HELD_OUT_DATASETS=[1]", ["HELD_OUT_DATASETS", "int", "str"]),
        ("--WEIGHTS=1", ["WEIGHTS", "dict"]),
        ("--WEIGHTS={'acc': 'a'}", ["WEIGHTS", "str", "float"]),
        ("--epochs=2", ["epochs", "EPOCHS"]),
        ("--EPOCH=2", ["EPOCH", "EPOCHS"]),
        ("--LEARNINGRATE=2", ["LEARNING_RATE"]),
        ("--QQQQ=2", ["QQQQ", "--help"]),
        ("--_PRIVATE=2", ["_PRIVATE"]),
        ("--lower=2", ["lower"]),
        ("--EPOCHS", ["'--EPOCHS'", "--NAME=value"]),
        ("EPOCHS=2", ["'EPOCHS=2'", "--NAME=value"]),
        ("2", ["--NAME=value"]),
    ],
)
def test_a_wrong_argument_is_an_error_that_changes_nothing(argument, words):
    namespace = script()
    before = dict(namespace)
    with pytest.raises(ConstantError) as caught:
        override_constants(
            namespace, ["--LEARNING_RATE=5.0"] * (not argument.startswith("--LEARNING_RATE=")) + [argument]
        )
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert namespace == before


def test_all_arguments_are_applied_and_none_changes_nothing():
    namespace = script()
    override_constants(namespace, [])
    assert snapshot_constants(namespace) == snapshot_constants(script())
    override_constants(namespace, ["--EPOCHS=2", "--DEVICE=cpu", "--AUGMENT=no"])
    assert (namespace["EPOCHS"], namespace["DEVICE"], namespace["AUGMENT"]) == (2, "cpu", False)


def test_a_name_given_twice_is_an_error():
    with pytest.raises(ConstantError, match="EPOCHS is given twice"):
        override_constants(script(), ["--EPOCHS=2", "--EPOCHS=2"])


# --- --name value -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    ["training_output/run/latest.pt", "20250131_235959", "a b", "", "-", "-odd/path.pt", "--EPOCHS=2", "lr=1e-3/a.pt"],
)
def test_a_lower_case_name_takes_the_argument_after_it_whatever_it_is(value):
    namespace, same = script(), script()
    override_constants(namespace, ["--resume", value])
    override_constants(same, [f"--RESUME={value}"])
    assert namespace["RESUME"] == same["RESUME"] == value
    assert {**namespace, "RESUME": None} == {**script(), **{k: namespace[k] for k in ("_PRIVATE", "lower")}}


@pytest.mark.parametrize("name", ["--learning-rate", "--learning_rate"])
def test_a_lower_case_value_is_typed_and_mixes_with_the_other_form(name):
    namespace = script()
    override_constants(namespace, ["--EPOCHS=7", name, "1e-2", "--resume", "run", "--DEVICE=cpu"])
    found = {key: namespace[key] for key in ("EPOCHS", "LEARNING_RATE", "RESUME", "DEVICE")}
    assert found == {"EPOCHS": 7, "LEARNING_RATE": 0.01, "RESUME": "run", "DEVICE": "cpu"}


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--resum", "run"], ["no constant RESUM", "did you mean RESUME?"]),
        (["--learning-rates", "1"], ["no constant LEARNING_RATES", "did you mean LEARNING_RATE?"]),
        (["--lower", "1"], ["no constant LOWER"]),
        (["--resume"], ["'--resume'", "--NAME=value", "--name value"]),
        (["--resume", "run", "--epochs"], ["'--epochs'", "--name value"]),
        (["--epochs", "two"], ["EPOCHS", "int", "'two'"]),
        (["--resume", "a", "--resume", "a"], ["RESUME is given twice"]),
        (["--RESUME=a", "--resume", "b"], ["RESUME is given twice"]),
        (["--resume", "a", "--RESUME=b"], ["RESUME is given twice"]),
        (["--resume", "a", "b"], ["'b'", "--NAME=value"]),
        (["--EPOCHS", "2"], ["'--EPOCHS'", "--NAME=value"]),
        (["--Resume", "a"], ["'--Resume'", "--NAME=value"]),
        (["-resume", "a"], ["'-resume'", "--NAME=value"]),
        (["--resume=a"], ["no constant resume", "did you mean RESUME?"]),
    ],
)
def test_a_wrong_lower_case_argument_is_an_error_that_changes_nothing(argv, words):
    namespace = script()
    before = dict(namespace)
    with pytest.raises(ConstantError) as caught:
        override_constants(namespace, ["--WIDTHS=1,2", *argv])
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert namespace == before


@pytest.mark.parametrize(
    ("argv", "joined"),
    [
        ([], []),
        (["--EPOCHS=2", "--DEVICE=cpu"], ["--EPOCHS=2", "--DEVICE=cpu"]),
        (["--resume", "run", "--EPOCHS=2"], ["--RESUME=run", "--EPOCHS=2"]),
        (["--EPOCHS=2", "--learning-rate", "1"], ["--EPOCHS=2", "--LEARNING_RATE=1"]),
        (["--resume", "--seed", "3"], ["--RESUME=--seed", "3"]),
        (["--resume"], ["--resume"]),
        (["--resume", ""], ["--RESUME="]),
        (["--help"], ["--help"]),
        (["--SEED", "3", "x"], ["--SEED", "3", "x"]),
    ],
)
def test_arguments_are_joined_once_and_for_all(argv, joined):
    given = list(argv)
    assert joined_arguments(argv) == joined
    assert joined_arguments(joined) == joined
    assert argv == given


@pytest.mark.parametrize("argv", [["--help"], ["--EPOCHS=3", "-h"], ["--resume", "--help"]])
def test_help_is_given_wherever_it_is_asked_for(argv):
    with pytest.raises(SystemExit) as caught:
        override_constants(script(), argv)
    assert "--EPOCHS=4  (int)" in caught.value.code


def test_help_lists_every_constant_with_its_default():
    with pytest.raises(SystemExit) as caught:
        override_constants(script(), ["--help"])
    text = caught.value.code
    assert "Trains something." in text
    assert "--EPOCHS=4  (int)" in text
    assert all(name in text for name in script() if name.isupper() and not name.startswith("_"))
    assert "_PRIVATE" not in text


def test_a_snapshot_survives_json_and_shares_nothing_with_the_script():
    namespace = script()
    snapshot = snapshot_constants(namespace)
    assert json.loads(json.dumps(snapshot, allow_nan=False)) == snapshot
    assert snapshot["DATA_ROOT"] == "data"
    assert snapshot["BOUNDS"] == [[0, 1], [2, 3]]
    assert "_PRIVATE" not in snapshot and "lower" not in snapshot and "Network" not in snapshot
    namespace["WEIGHTS"]["acc"] = 9.0
    assert snapshot["WEIGHTS"]["acc"] == 1.0


@pytest.mark.parametrize("value", [object(), {1, 2}, np.float64(1.0), np.arange(2), math.nan, math.inf, {1: 2}, b"x"])
def test_what_cannot_be_recorded_is_an_error(value):
    with pytest.raises(ConstantError, match=r"OUTER\[1\]"):
        snapshot_constants({"OUTER": (1, value)})


def test_difference_names_what_differs_and_nothing_else():
    here = {"EPOCHS": 4, "SEED": 0, "FLAG": True, "NAMES": ("a",), "RATE": 3, "NEW": "x", "DEEP": {"a": [1]}}
    there = {"EPOCHS": 6, "SEED": 0, "FLAG": 1, "NAMES": ["a"], "RATE": 3.0, "OLD": None, "DEEP": {"a": [True]}}
    assert difference(here, there) == [
        "EPOCHS: 4 here, 6 in the checkpoint",
        "FLAG: True here, 1 in the checkpoint",
        "NEW: 'x' here, absent in the checkpoint",
        "DEEP: {'a': [1]} here, {'a': [True]} in the checkpoint",
        "OLD: absent here, None in the checkpoint",
    ]
    assert difference(here, here) == []
    assert difference({"EPOCHS": 4}, {"EPOCHS": 6}, recorded_in="plan.json") == ["EPOCHS: 4 here, 6 in plan.json"]


def test_constants_are_read_without_running_the_script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text("import nothing_like_it\nEPOCHS = 4  # some\nWIDTHS = (8, 16)\nlower = f()\nRATE = -2e-3\n")
    assert read_constants(path) == {"EPOCHS": 4, "WIDTHS": (8, 16), "RATE": -2e-3}
    path.write_text("EPOCHS = 4\nSTEPS = 2 * EPOCHS\n")
    with pytest.raises(ConstantError, match=r"script.py:2: STEPS is no literal"):
        read_constants(path)


def test_constants_that_are_free_to_change_are_no_difference():
    here, there = {"EPOCHS": 4, "RESUME": "run", "WIDTH": 8}, {"EPOCHS": 2, "RESUME": "", "LOG_EVERY": 5, "WIDTH": 8}
    lines = difference(here, there, free=("RESUME", "LOG_EVERY"))
    assert lines == ["EPOCHS: 4 here, 2 in the checkpoint"]


def test_a_value_that_is_no_choice_is_refused_with_the_choices():
    choices = {"COMPILE": ("auto", "on", "off"), "DEVICE": ("auto", "cpu", "cuda")}
    check_choices({"COMPILE": "on", "DEVICE": "cpu", "OTHER": "x"}, choices)
    with pytest.raises(ConstantError, match="DEVICE is 'gpu'; expected one of auto, cpu, cuda"):
        check_choices({"COMPILE": "on", "DEVICE": "gpu"}, choices)
