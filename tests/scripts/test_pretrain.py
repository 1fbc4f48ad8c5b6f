"""Stage 1 as users run it: outputs, resuming to the bit whatever kills it, and what stage 2 makes of the result."""

import ast
import json
import random
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from har.network.alignment import AlignmentModel
from har.network.config import NetworkConfig
from har.recordings.format import DatasetWriter, StreamInfo, read_dataset
from har.recordings.simulate import SIMULATED_NAMES
from har.run.folder import repository_root
from har.run.log import read_metrics
from val_scripts.human_activity_recognition.model_loading import load_any_model, load_pretrained_model

FOLDER = "training_scripts/human_activity_recognition"
SCRIPT, ALIGNMENT = f"{FOLDER}/pretrain.py", f"{FOLDER}/semantic_alignment_train.py"
PROBE = "val_scripts/human_activity_recognition/evaluate_probe.py"
KILLS, STEPS = 10, 60
UNFINISHED = {"EPOCHS": 2, "STOP_AFTER_EPOCH": 1}  # stopped before the end, so that no plots take their time


def run_folder(output_root: Path, kind: str = "imu_pretraining") -> Path:
    (folder,) = (output_root / kind).glob("[!.]*")
    return folder


def final_state(folder: Path, name: str = "latest.pt") -> dict:
    state = torch.load(folder / name, weights_only=True)
    # RESUME and STOP_AFTER_EPOCH differ, and with them the digest of it all.
    del state["constants"], state["content_sha256"]
    return state


def defaults(script: str) -> dict[str, object]:
    """The UPPER_CASE constants of a script as they stand in its source."""
    tree = ast.parse((repository_root() / script).read_text())
    constants = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.targets[0].id.isupper():
            constants[node.targets[0].id] = ast.literal_eval(node.value)
    return constants


def test_run_folder_holds_what_the_readme_says(whole_pretraining):
    folder, output = whole_pretraining
    names = {path.name for path in folder.iterdir()}
    epochs = {f"checkpoint_epoch_{epoch:03d}.pt" for epoch in (1, 2, 3)}
    assert names == {"config.yaml", "latest.pt", "best.pt", "metrics.jsonl", "run.json", "plots"} | epochs
    plots = {path.name for path in (folder / "plots").iterdir()}
    assert plots == {"curves.png", "reconstructions.png", "embedding_map.png"}
    assert yaml.safe_load((folder / "config.yaml").read_text())["MASK_RATIO"] == defaults(SCRIPT)["MASK_RATIO"]
    assert json.loads((folder / "run.json").read_text())["argv"][0] == "pretrain.py"
    assert str(folder) in output.splitlines()[-1]


def test_metrics_cover_training_and_held_out_people(whole_pretraining):
    records = read_metrics(whole_pretraining[0] / "metrics.jsonl")
    train = [r for r in records if r["split"] == "train"]
    assert [r["step"] for r in train] == list(range(2, STEPS + 1, 2))
    needed = {"loss", "mae_loss", "contrastive_loss", "patch_accuracy", "mask_ratio", "learning_rate", "gradient_norm"}
    assert {*needed, "memory_mb"} <= train[0].keys()
    assert [r["step"] for r in records if r["split"] == "validation"] == [20, 40, 60]


def test_it_learns_on_held_out_people_and_best_is_the_lowest_loss(whole_pretraining):
    folder, _ = whole_pretraining
    losses = {r["step"]: r["loss"] for r in read_metrics(folder / "metrics.jsonl") if r["split"] == "validation"}
    assert losses[60] < losses[20]
    assert torch.load(folder / "best.pt", weights_only=True)["step"] == min(losses, key=losses.get)


def test_the_held_out_dataset_is_not_learned_from(whole_pretraining):
    assert torch.load(whole_pretraining[0] / "best.pt", weights_only=True)["datasets"] == ["sim_phone", "sim_watch"]


# --- going on ---------------------------------------------------------------------------------------------------------


def test_three_epochs_equal_two_and_one(whole_pretraining, run_script, pretraining_arguments, tmp_path, same_state):
    constants = pretraining_arguments(OUTPUT_ROOT=tmp_path)
    first = run_script(SCRIPT, *constants, "--STOP_AFTER_EPOCH=2")
    assert first.returncode == 0, first.stderr
    folder = run_folder(tmp_path)
    assert f"--RESUME={folder}" in first.stdout
    assert not (folder / "checkpoint_epoch_003.pt").exists()
    second = run_script(SCRIPT, *constants, "--resume", folder / "latest.pt")
    assert second.returncode == 0, second.stderr
    for name in ("latest.pt", "best.pt", "checkpoint_epoch_003.pt"):
        assert same_state(final_state(folder, name), final_state(whole_pretraining[0], name)), name
    keys = ("step", "split", "loss", "mae_loss", "contrastive_loss")
    logs = [
        [{k: r.get(k) for k in keys} for r in read_metrics(f / "metrics.jsonl")] for f in (folder, whole_pretraining[0])
    ]
    assert logs[0] == logs[1]


def test_an_older_checkpoint_repeats_what_came_after_it(
    whole_pretraining, run_script, pretraining_arguments, tmp_path, same_state
):
    constants = pretraining_arguments(OUTPUT_ROOT=tmp_path)
    assert run_script(SCRIPT, *constants, "--STOP_AFTER_EPOCH=2").returncode == 0
    folder = run_folder(tmp_path)
    done = run_script(SCRIPT, *constants, "--resume", folder / "checkpoint_epoch_001.pt")
    assert done.returncode == 0, done.stderr
    assert same_state(final_state(folder), final_state(whole_pretraining[0]))
    steps = [r["step"] for r in read_metrics(folder / "metrics.jsonl") if r["split"] == "train"]
    assert steps == list(range(2, STEPS + 1, 2))


def test_killed_at_ten_random_moments_it_ends_as_if_undisturbed(
    whole_pretraining, pretraining_arguments, start_script, run_script, tmp_path, same_state
):
    """SIGKILL leaves no chance to clean up; latest.pt is written after every step, so that some kills hit its writing.

    The first kill comes somewhere in the start-up, the others a random moment after the run has reached a random step:
    while stepping, validating, saving, or, at the last step, drawing. However fast the machine is, they are spread.
    """
    constants = pretraining_arguments(OUTPUT_ROOT=tmp_path)
    seed = int(time.time())
    moments = random.Random(seed)
    targets = sorted(moments.randint(1, STEPS) for _ in range(KILLS - 1))
    reached = []
    for target in [0, *targets]:
        started = list((tmp_path / "imu_pretraining").glob("[!.]*"))
        resume = ["--resume", str(started[0])] if started else []
        process = start_script(SCRIPT, *constants, *resume)
        if target:
            wait_for_step(process, tmp_path, target, reached[-1])
        time.sleep(moments.uniform(0, 0.05 if target else 0.5))
        process.kill()
        _, errors = process.communicate(timeout=60)
        assert process.returncode in (-9, 0), errors
        steps = [final_state(folder)["step"] for folder in (tmp_path / "imu_pretraining").glob("[!.]*")]
        assert len(steps) <= 1
        reached.append(steps[0] if steps else 0)
    assert reached == sorted(reached) and len(set(reached)) > 3, (seed, targets, reached)
    folder = run_folder(tmp_path)
    done = run_script(SCRIPT, *constants, "--resume", folder)
    assert done.returncode == 0, (seed, done.stderr)
    for name in ("latest.pt", "best.pt", "checkpoint_epoch_002.pt"):
        assert same_state(final_state(folder, name), final_state(whole_pretraining[0], name)), (seed, reached, name)
    assert not list(folder.glob(".*")), "what a killed process had begun to write is removed"


def wait_for_step(process: subprocess.Popen, output_root: Path, target: int, step: int) -> None:
    """Return when latest.pt has been replaced often enough to hold step ``target``, or when the process has ended."""

    def written() -> int:
        return sum(path.stat().st_mtime_ns for path in (output_root / "imu_pretraining").glob("[!.]*/latest.pt"))

    last, deadline = written(), time.time() + 120
    while step < target and process.poll() is None and time.time() < deadline:
        if (now := written()) != last:
            last, step = now, step + 1
        time.sleep(0.001)


def test_resuming_with_other_constants_is_refused_and_lists_them(
    whole_pretraining, run_script, pretraining_arguments, tmp_path
):
    constants = pretraining_arguments(OUTPUT_ROOT=tmp_path, MASK_RATIO=0.25, LEARNING_RATE=0.5)
    done = run_script(SCRIPT, *constants, "--resume", whole_pretraining[0])
    assert done.returncode != 0
    assert f"MASK_RATIO: 0.25 here, {defaults(SCRIPT)['MASK_RATIO']} in the checkpoint" in done.stderr
    assert "LEARNING_RATE: 0.5 here" in done.stderr and "OUTPUT_ROOT" not in done.stderr


def test_resuming_from_something_else_is_an_error(whole_run, run_script, pretraining_arguments, tmp_path):
    done = run_script(SCRIPT, *pretraining_arguments(OUTPUT_ROOT=tmp_path), "--resume", whole_run[0] / "best.pt")
    assert done.returncode != 0 and "no checkpoint of pretrain.py" in done.stderr
    done = run_script(SCRIPT, *pretraining_arguments(OUTPUT_ROOT=tmp_path), "--resume", tmp_path / "nowhere.pt")
    assert done.returncode != 0 and "nowhere.pt" in done.stderr and "Traceback" not in done.stderr


# --- data -------------------------------------------------------------------------------------------------------------


def test_recordings_without_any_label_are_learned_from(run_script, pretraining_arguments, tmp_path, same_state):
    generator = np.random.default_rng(0)
    info = StreamInfo("watch", "test", "left wrist", ("acc_x", "acc_y", "acc_z"), 25.0)
    with DatasetWriter(tmp_path / "data" / "mine", title="t", citation="c", licence="l", source_url="u") as writer:
        writer.add_stream(info)
        for person in range(3):
            samples = generator.normal(0, 0.005, (1500, 3)) + np.array([0.0, 0.0, 1.0])
            writer.append(
                "watch", recording=f"r{person}", subject=f"p{person}", samples=samples, labels=[("", 0, 1500)]
            )
    changes = {"DATA_ROOT": tmp_path / "data", "OUTPUT_ROOT": tmp_path, "EPOCHS": 1, "VALIDATION_SHARE": 0.0}
    done = run_script(SCRIPT, *pretraining_arguments(**changes))
    assert done.returncode == 0, done.stderr
    # Nobody to validate on: the newest epoch is the best, and the pictures show the people learned from.
    folder = run_folder(tmp_path)
    assert same_state(final_state(folder, "best.pt"), final_state(folder))
    assert (folder / "plots" / "reconstructions.png").exists()


def test_without_prepared_data_it_says_so_and_simulates_people(run_script, pretraining_arguments, tmp_path):
    changes = {"DATA_ROOT": tmp_path / "none", "OUTPUT_ROOT": tmp_path, "EPOCHS": 1, "STEPS_PER_EPOCH": 2}
    done = run_script(SCRIPT, *pretraining_arguments(**changes), "--SIMULATED_PEOPLE=4", "--SIMULATED_HOURS=0.02")
    assert done.returncode == 0, done.stderr
    assert "No dataset is prepared" in done.stdout
    assert final_state(run_folder(tmp_path))["datasets"] == sorted(set(SIMULATED_NAMES) - {"sim_belt"})


@pytest.mark.parametrize(
    "changes",
    [
        {"NORM_TARGET": "true", "SPECTRUM_TARGET": "false", "EPOCHS": 1},  # normalised patches are drawn otherwise
        {"CONTRASTIVE_WEIGHT": 0.0},
        {"MAE_WEIGHT": 0.0},
        {"DYNAMIC_BALANCE": "false"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_every_form_of_the_loss_trains(changes, run_script, pretraining_arguments, tmp_path):
    short = {"EPOCHS": 2, "STOP_AFTER_EPOCH": 1, "STEPS_PER_EPOCH": 3}
    done = run_script(SCRIPT, *pretraining_arguments(OUTPUT_ROOT=tmp_path, **short | changes))
    assert done.returncode == 0, done.stderr
    assert (run_folder(tmp_path) / "best.pt").exists()


def test_targets_that_exclude_each_other_are_an_error(run_script, pretraining_arguments, tmp_path):
    done = run_script(SCRIPT, *pretraining_arguments(OUTPUT_ROOT=tmp_path, NORM_TARGET="true"))
    assert done.returncode != 0 and "--SPECTRUM_TARGET=false" in done.stderr
    assert not (tmp_path / "imu_pretraining").exists()


def test_a_non_finite_step_stops_training_and_keeps_latest(run_script, pretraining_arguments, tmp_path):
    done = run_script(SCRIPT, *pretraining_arguments(OUTPUT_ROOT=tmp_path, LEARNING_RATE=1e30))
    assert done.returncode != 0 and "not finite at step" in done.stderr
    state = final_state(run_folder(tmp_path))
    assert all(weights.isfinite().all() for weights in state["model"].values())


# --- what becomes of the result ---------------------------------------------------------------------------------------


def test_both_scripts_build_the_same_network_and_simulate_the_same_people_by_default():
    pretraining, alignment = defaults(SCRIPT), defaults(ALIGNMENT)
    shared = [
        "SENSORS", "SAMPLING_RATE_HZ", "WINDOW_S", "PATCH_S", "STEM_WIDTHS", "WIDTH", "DEPTH", "HEADS", "MLP_RATIO",
        "EMBEDDING_WIDTH", "DROPOUT", "TEXT_ENCODER", "SIMULATED_PEOPLE", "SIMULATED_HOURS", "SIMULATED_SEED",
        "SIMULATED_FOLDER", "SIMULATED_HELD_OUT",
    ]  # fmt: skip
    assert {name: pretraining[name] for name in shared} == {name: alignment[name] for name in shared}
    assert pretraining["HELD_OUT_DATASETS"] == alignment["HELD_OUT_DATASETS"]
    assert pretraining["SPLIT_SALT"] == alignment["SPLIT_SALT"]


def test_alignment_starts_from_the_pretrained_encoder(whole_pretraining, run_script, arguments, tmp_path):
    """At a learning rate of 0 every weight of the encoder stays what stage 1 made it."""
    best = whole_pretraining[0] / "best.pt"
    changes = {"OUTPUT_ROOT": tmp_path, "PRETRAINED_ENCODER": best, "LEARNING_RATE": 0.0}
    done = run_script(ALIGNMENT, *arguments(**UNFINISHED, **changes))
    assert done.returncode == 0, done.stderr
    start = torch.load(best, weights_only=True)["model"]
    end = torch.load(run_folder(tmp_path, "semantic_alignment") / "best.pt", weights_only=True)["model"]
    encoder = [name for name in start if name.startswith("encoder.")]
    assert len(encoder) > 20
    assert all(torch.equal(start[name], end[name]) for name in encoder)


def test_a_frozen_encoder_keeps_its_weights_and_the_head_learns(whole_pretraining, run_script, arguments, tmp_path):
    best = whole_pretraining[0] / "best.pt"
    changes = {"OUTPUT_ROOT": tmp_path, "PRETRAINED_ENCODER": best, "FREEZE_ENCODER": "true"}
    done = run_script(ALIGNMENT, *arguments(**UNFINISHED, **changes))
    assert done.returncode == 0, done.stderr
    start = torch.load(best, weights_only=True)["model"]
    end = torch.load(run_folder(tmp_path, "semantic_alignment") / "epoch_001.pt", weights_only=True)
    for name, weights in start.items():
        if name.startswith(("encoder.tokens", "encoder.blocks", "encoder.norm")):
            assert torch.equal(weights, end["model"][name]), name
            assert torch.equal(weights, end["training"]["trained"][f"used.model.{name}"]), name
    assert not torch.equal(start["encoder.head.layers.0.weight"], end["model"]["encoder.head.layers.0.weight"])


def test_an_encoder_of_another_architecture_is_refused(whole_pretraining, run_script, arguments, tmp_path):
    changes = {"OUTPUT_ROOT": tmp_path, "PRETRAINED_ENCODER": whole_pretraining[0] / "best.pt", "WIDTH": 32}
    done = run_script(ALIGNMENT, *arguments(**changes))
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert "width: 32 here, 16 in the checkpoint" in done.stderr
    assert not list(tmp_path.glob("semantic_alignment/*/best.pt"))


def test_stage_one_loads_for_use(whole_pretraining, whole_run):
    folder, _ = whole_pretraining
    model, checkpoint, record = load_pretrained_model(folder / "best.pt", "cpu")
    assert record == folder / "config.yaml" and not model.training
    built = AlignmentModel(NetworkConfig.from_dict(checkpoint["network"]), checkpoint["placements"])
    built.load_state_dict(checkpoint["model"])
    signal = np.random.default_rng(0).normal(0.5, 0.3, (3, 100, 3))
    found = model.embed(signal, 20.0, ["acc_x", "acc_y", "acc_z"], checkpoint["placements"][0])
    torch.testing.assert_close(
        found, built.embed(signal, 20.0, ["acc_x", "acc_y", "acc_z"], checkpoint["placements"][0])
    )
    assert torch.equal(load_any_model(folder / "latest.pt", "cpu")[0].placement_table, model.placement_table)
    assert "labels" in load_any_model(whole_run[0] / "best.pt", "cpu")[1]


def test_the_probe_writes_what_it_tells(whole_run, run_script, small_corpus, tmp_path):
    """An alignment checkpoint probes like one of stage 1."""
    best = whole_run[0] / "best.pt"
    done = run_script(PROBE, "--checkpoint", best, "--datasets", "sim_belt", "--data", small_corpus, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "probe.json").read_text())["datasets"]["sim_belt"]
    assert result["people"] == 4 and set(result["scores"]) == {"trained", "random 0", "random 1", "random 2"}
    chance = 1 / len(read_dataset(small_corpus / "sim_belt", scan=False).labels)
    for way in ("standardised", "as they are"):
        trained = result["scores"]["trained"][way]
        assert f"trained {100 * trained['macro_f1']:.1f} " in done.stdout
    trained = result["scores"]["trained"]["standardised"]
    assert trained["accuracy"] > 2 * chance
    assert trained["interval"][0] <= trained["macro_f1"] <= trained["interval"][1]


def test_the_probe_refuses_what_was_trained_on(whole_pretraining, run_script, small_corpus, tmp_path):
    where = ["--data", small_corpus, "--out", tmp_path]
    done = run_script(PROBE, "--checkpoint", whole_pretraining[0] / "best.pt", "--datasets", "sim_phone", *where)
    assert done.returncode == 2 and "trained on sim_phone" in done.stderr
