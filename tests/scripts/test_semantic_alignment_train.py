"""The training script as users run it: outputs, resuming to the bit, interruption, bad data, wrong arguments."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from har.recordings.format import DatasetWriter, StreamInfo
from har.recordings.simulate import SIMULATED_NAMES
from har.run.folder import repository_root
from har.run.log import read_metrics

SCRIPT = "training_scripts/human_activity_recognition/semantic_alignment_train.py"
# A file of a run, below the output root; not in a folder that is still hidden, which may get its name meanwhile.
WRITTEN = "semantic_alignment/[!.]*/{}"
UNFINISHED = {"EPOCHS": 2, "STOP_AFTER_EPOCH": 1}  # stopped before the end, so that no plots take their time


def run_folder(output_root: Path) -> Path:
    (folder,) = (output_root / "semantic_alignment").iterdir()
    return folder


def final_state(folder: Path) -> dict:
    state = torch.load(folder / "epoch_004.pt", weights_only=True)
    # RESUME and STOP_AFTER_EPOCH differ, and with them the digest of it all.
    del state["constants"], state["content_sha256"]
    return state


def test_run_folder_holds_what_the_readme_says(whole_run):
    folder, output = whole_run
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "hyperparameters.json", "run.json", "metrics.jsonl", "plots", "best.pt",
        "epoch_001.pt", "epoch_002.pt", "epoch_003.pt", "epoch_004.pt",
    }  # fmt: skip
    plots = {path.name for path in (folder / "plots").iterdir()}
    assert plots == {"curves.png", "confusion_sim_belt.png", "embedding_map.png", "label_similarity.png"}
    assert json.loads((folder / "hyperparameters.json").read_text())["WIDTH"] == 16
    assert str(folder) in output.splitlines()[-1]


def test_metrics_cover_training_held_out_people_and_the_held_out_dataset(whole_run):
    records = read_metrics(whole_run[0] / "metrics.jsonl")
    assert {r["split"] for r in records} == {"train", "validation", "held_out"}
    train = [r for r in records if r["split"] == "train"]
    assert [r["step"] for r in train] == list(range(2, 17, 2))
    assert {"loss", "similarity_gap", "windows_per_s", "waiting_share", "memory_mb", "learning_rate"} <= train[0].keys()
    held_out = [r for r in records if r["split"] == "held_out"]
    assert all(list(r["datasets"]) == ["sim_belt"] for r in held_out) and len(held_out) == 4


def test_best_is_chosen_on_held_out_people_and_never_on_the_held_out_dataset(whole_run):
    folder, _ = whole_run
    scores = {r["step"]: r["macro_f1"] for r in read_metrics(folder / "metrics.jsonl") if r["split"] == "validation"}
    best = torch.load(folder / "best.pt", weights_only=True)
    assert best["step"] == max(scores, key=lambda step: (scores[step], -step))
    assert best["datasets"] == ["sim_phone", "sim_watch"]


def test_what_a_run_goes_on_from_is_written_after_the_best(whole_run):
    """Killed between the two, it repeats the epoch's end; the other way round best.pt would never be written."""
    folder, _ = whole_run
    best = folder / "best.pt"
    step = torch.load(best, weights_only=True)["step"]
    (epoch,) = (path for path in folder.glob("epoch_*.pt") if torch.load(path, weights_only=True)["step"] == step)
    assert best.stat().st_mtime_ns < epoch.stat().st_mtime_ns


def test_four_epochs_equal_two_and_two(whole_run, run_script, arguments, tmp_path, same_state):
    constants = arguments(OUTPUT_ROOT=tmp_path)
    first = run_script(SCRIPT, *constants, "--STOP_AFTER_EPOCH=2")
    assert first.returncode == 0, first.stderr
    folder = run_folder(tmp_path)
    assert not (folder / "epoch_003.pt").exists()
    assert f"--RESUME={folder}" in first.stdout
    second = run_script(SCRIPT, *constants, f"--RESUME={folder}")
    assert second.returncode == 0, second.stderr
    assert same_state(final_state(folder), final_state(whole_run[0]))
    keys = ("step", "split", "loss", "macro_f1")
    logs = [[{k: r.get(k) for k in keys} for r in read_metrics(f / "metrics.jsonl")] for f in (folder, whole_run[0])]
    assert logs[0] == logs[1]


def test_ctrl_c_saves_and_the_resumed_run_ends_the_same(whole_run, run_script, arguments, tmp_path, same_state):
    constants = arguments(OUTPUT_ROOT=tmp_path)
    process = subprocess.Popen(
        [sys.executable, str(repository_root() / SCRIPT), *constants], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.time() + 200
    while not any(tmp_path.glob(WRITTEN.format("epoch_001.pt"))) and process.poll() is None and time.time() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors.decode()
    folder = run_folder(tmp_path)
    if not (folder / "epoch_004.pt").exists():  # a fast machine may have finished
        assert f"--RESUME={folder}" in output.decode()
        done = run_script(SCRIPT, *constants, f"--RESUME={folder}")
        assert done.returncode == 0, done.stderr
    assert same_state(final_state(folder), final_state(whole_run[0]))
    assert not list(folder.glob("*interrupted*"))


def test_resuming_with_other_constants_is_refused_and_lists_them(whole_run, run_script, arguments, tmp_path):
    done = run_script(SCRIPT, *arguments(OUTPUT_ROOT=tmp_path, LEARNING_RATE=0.5, RESUME=whole_run[0]))
    assert done.returncode != 0
    assert "LEARNING_RATE: 0.5 here, 0.002 in the checkpoint" in done.stderr
    assert "OUTPUT_ROOT" not in done.stderr


def test_unknown_constant_names_the_nearest(run_script):
    done = run_script(SCRIPT, "--EPOCH=3")
    assert done.returncode != 0 and "did you mean EPOCHS" in done.stderr


def write_dataset(folder: Path, *, labels: list[str]) -> None:
    """Six people with one recording each: still in its first half, waving in its second."""
    generator = np.random.default_rng(0)
    info = StreamInfo("watch", "test", "left wrist", ("acc_x", "acc_y", "acc_z"), 25.0)
    with DatasetWriter(folder, title="t", citation="c", licence="l", source_url="u") as writer:
        writer.add_stream(info)
        for person in range(6):
            samples = generator.normal(0, 0.005, (1500, 3)) + np.array([0.0, 0.0, 1.0])
            samples[750:] += np.sin(np.arange(750) * 0.6)[:, None]
            writer.append(
                "watch",
                recording=f"recording{person}",
                subject=f"p{person}",
                samples=samples,
                labels=[(labels[0], 0, 750), (labels[1], 750, 1500)],
            )


def test_a_non_finite_step_stops_training_and_names_the_recordings(run_script, arguments, tmp_path):
    """The first update of an absurd learning rate throws the weights off; the second step is the one to blame."""
    write_dataset(tmp_path / "data" / "mine", labels=["standing", "waving"])
    changes = {"DATA_ROOT": tmp_path / "data", "OUTPUT_ROOT": tmp_path, "VALIDATION_SHARE": 0.0, "LEARNING_RATE": 1e30}
    done = run_script(SCRIPT, *arguments(**changes))
    assert done.returncode != 0
    assert "not finite at step 1" in done.stderr and "mine/recording" in done.stderr
    (listed,) = tmp_path.rglob("bad_step_1.json")
    windows = json.loads(listed.read_text())["windows"]
    assert len(windows) == 32 and all(line.startswith("mine/recording") for line in windows)


def test_without_people_to_validate_on_the_newest_epoch_is_the_best(run_script, arguments, tmp_path):
    write_dataset(tmp_path / "data" / "mine", labels=["standing", "waving"])
    changes = {"DATA_ROOT": tmp_path / "data", "OUTPUT_ROOT": tmp_path, "VALIDATION_SHARE": 0.0, "EPOCHS": 2}
    done = run_script(SCRIPT, *arguments(**changes))
    assert done.returncode == 0, done.stderr
    folder = run_folder(tmp_path)
    assert torch.load(folder / "best.pt", weights_only=True)["step"] == 2 * 4
    assert {path.name for path in (folder / "plots").iterdir()} == {"curves.png", "label_similarity.png"}


def test_datasets_all_held_out_is_an_error(run_script, arguments, tmp_path):
    write_dataset(tmp_path / "data" / "mine", labels=["standing", "waving"])
    changes = {"DATA_ROOT": tmp_path / "data", "OUTPUT_ROOT": tmp_path, "HELD_OUT_DATASETS": "mine"}
    done = run_script(SCRIPT, *arguments(**changes))
    assert done.returncode != 0 and "all of them held out" in done.stderr


def test_without_prepared_data_it_says_so_and_simulates_people(run_script, arguments, tmp_path):
    changes = {"DATA_ROOT": tmp_path / "none", "OUTPUT_ROOT": tmp_path / "out", "EPOCHS": 1, "STEPS_PER_EPOCH": 2}
    done = run_script(SCRIPT, *arguments(**changes, SIMULATED_PEOPLE=4, SIMULATED_HOURS=0.02))
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if "No dataset is prepared" in line]
    assert len(said) == 1 and "sim_phone" in said[0]
    best = torch.load(run_folder(tmp_path / "out") / "best.pt", weights_only=True)
    assert best["datasets"] == sorted(set(SIMULATED_NAMES) - {"sim_belt"})
    simulated = {path.name for path in (tmp_path / "none" / "simulated").glob("sim_*")}
    assert simulated == set(SIMULATED_NAMES)


def test_simulated_people_join_what_is_prepared_and_a_choice_leaves_them_out(run_script, arguments, tmp_path):
    """The one dataset is held out: simulated people alone are learned from, and the real ones scored."""
    write_dataset(tmp_path / "data" / "mine", labels=["standing", "waving"])
    changes = {"DATA_ROOT": tmp_path / "data", "EPOCHS": 1, "STEPS_PER_EPOCH": 2, "SIMULATED_BESIDE": True}
    changes |= {"SIMULATED_PEOPLE": 2, "SIMULATED_HOURS": 0.02}
    done = run_script(SCRIPT, *arguments(**changes, OUTPUT_ROOT=tmp_path / "a", HELD_OUT_DATASETS="mine"))
    assert done.returncode == 0, done.stderr
    best = torch.load(run_folder(tmp_path / "a") / "best.pt", weights_only=True)
    assert best["datasets"] == sorted(SIMULATED_NAMES)
    assert "never seen mine" in done.stdout
    done = run_script(SCRIPT, *arguments(**changes, OUTPUT_ROOT=tmp_path / "b", DATASETS="mine", HELD_OUT_DATASETS=""))
    assert done.returncode == 0, done.stderr
    assert torch.load(run_folder(tmp_path / "b") / "best.pt", weights_only=True)["datasets"] == ["mine"]


@pytest.mark.parametrize("variant", ["hard", "supcon", "siglip"])
def test_every_loss_variant_trains(variant, run_script, arguments, tmp_path):
    changes = {"OUTPUT_ROOT": tmp_path, "LOSS_VARIANT": variant, "PROTOTYPES": 1, "QUEUE_SIZE": 0}
    done = run_script(SCRIPT, *arguments(**UNFINISHED, **changes))
    assert done.returncode == 0, done.stderr
    assert (run_folder(tmp_path) / "best.pt").exists()


def test_pairs_that_a_label_leaves_open_are_left_out_of_the_loss(run_script, arguments, tmp_path):
    """The same weights and batch; with fewer texts and windows to tell apart the loss can only be smaller."""
    losses = []
    for value in (True, False):
        once = {"STEPS_PER_EPOCH": 1, "LOG_EVERY": 1, "LOSS_VARIANT": "hard", "UNDECIDED_PAIRS": value}
        done = run_script(SCRIPT, *arguments(OUTPUT_ROOT=tmp_path / str(value), **UNFINISHED, **once))
        assert done.returncode == 0, done.stderr
        metrics = read_metrics(run_folder(tmp_path / str(value)) / "metrics.jsonl")
        losses.append(next(record["loss"] for record in metrics if record["split"] == "train"))
    assert losses[0] < losses[1] - 1e-4


def test_a_network_comes_nearer_to_its_teachers(whole_run, run_script, arguments, tmp_path):
    """Another seed than the teacher's, whose windows and texts it has to tell apart in the same way."""
    best = whole_run[0] / "best.pt"
    changes = {
        "TEACHERS": f"('{best}',)",
        "DISTILLATION_WEIGHT": 30.0,
        "SEED": 1,
        "STEPS_PER_EPOCH": 30,
        "LOG_EVERY": 1,
    }
    done = run_script(SCRIPT, *arguments(OUTPUT_ROOT=tmp_path, **UNFINISHED, **changes))
    assert done.returncode == 0, done.stderr
    metrics = read_metrics(run_folder(tmp_path) / "metrics.jsonl")
    apart = [record["distillation"] for record in metrics if record["split"] == "train"]
    assert 0 < np.mean(apart[-5:]) < 0.5 * np.mean(apart[:2])


def test_a_teacher_that_is_not_there_is_an_error(run_script, arguments, tmp_path):
    done = run_script(SCRIPT, *arguments(OUTPUT_ROOT=tmp_path / "out", TEACHERS=f"('{tmp_path / 'best.pt'}',)"))
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert str(tmp_path / "best.pt") in done.stderr
    assert not list(tmp_path.glob("out/semantic_alignment/*/*.pt"))


def test_switched_off_augmentations_leave_only_the_windows(run_script, arguments, tmp_path):
    """With every augmentation off two seeds of sampling see the same kind of data: the run works and learns."""
    off = {
        name: 0.0
        for name in (
            "ROTATION", "TILT_RAD", "SCALE", "TIME_WARP", "GYROSCOPE_DROPOUT", "SENSOR_DROPOUT", "LOWER_RATE_SHARE",
            "PLACEMENT_DROPOUT", "JOINT_SHARE",
        )
    }  # fmt: skip
    changes = {"OUTPUT_ROOT": tmp_path, "JITTER": "0,0,0", "RANDOM_START": "false", "STEPS_PER_EPOCH": 30}
    done = run_script(SCRIPT, *arguments(**off, **UNFINISHED, **changes))
    assert done.returncode == 0, done.stderr
    losses = [r["loss"] for r in read_metrics(run_folder(tmp_path) / "metrics.jsonl") if r["split"] == "train"]
    assert losses[-1] < losses[0]


def test_killed_while_writing_leaves_whole_checkpoints(arguments, tmp_path):
    """SIGKILL at any moment: every .pt that is there loads."""
    constants = arguments(OUTPUT_ROOT=tmp_path)
    process = subprocess.Popen(
        [sys.executable, str(repository_root() / SCRIPT), *constants],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.time() + 200
    while not any(tmp_path.glob(WRITTEN.format("epoch_*.pt"))) and time.time() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    checkpoints = list(tmp_path.glob(WRITTEN.format("epoch_*.pt")))
    assert checkpoints
    assert all(torch.load(path, weights_only=True)["format"] == 2 for path in checkpoints)
