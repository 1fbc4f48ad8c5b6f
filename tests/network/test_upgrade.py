"""Constants of runs of before."""

from har.network.upgrade import upgraded_constants, upgraded_pretraining_constants


def test_what_a_former_version_recorded_is_brought_up():
    recorded = {"EPOCHS": 3, "FIXED_BATCH": False, "SIMULATED_NAMES": ["sim_phone"], "SENSOR_KINDS": ["acc"]}
    assert upgraded_constants(recorded) == {
        "EPOCHS": 3, "PRECISION": "auto", "LOST": [0.0, 0.0], "MIRROR": 0.0, "TEACHERS": [],
        "DISTILLATION_WEIGHT": 1.0, "CORPUS_ON_GPU": "auto",
    }  # fmt: skip
    assert upgraded_pretraining_constants(recorded) == {"EPOCHS": 3, "CORPUS_ON_GPU": "auto"}


def test_what_the_present_records_stays():
    recorded = {"EPOCHS": 3, "PRECISION": "float32", "LOST": [0.5, 0.2], "MIRROR": 0.5, "CORPUS_ON_GPU": "off"}
    recorded |= {"TEACHERS": ["best.pt"], "DISTILLATION_WEIGHT": 2.0}
    assert upgraded_constants(recorded) == recorded == upgraded_pretraining_constants(recorded)
