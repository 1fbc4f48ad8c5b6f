"""Stage 1, optional: learn from recordings without their labels, on every dataset prepared under DATA_ROOT.

    python pretrain.py                                          train, validate, plot
    python pretrain.py --EPOCHS=2 --SEED=1                      any constant below can be overridden
    python pretrain.py --resume training_output/imu_pretraining/20260131_120000/latest.pt
    torchrun --standalone --nproc-per-node=4 pretrain.py        several processes, the same batches

Parts of each window are hidden and reconstructed from the rest; and a window finds itself, patch by patch, in another
view of it. Every run has a folder of its own with config.yaml, latest.pt, best.pt, checkpoint_epoch_*.pt,
metrics.jsonl, run.json, plots/. It can be killed at any moment and goes on, to the bit, from its latest.pt. What the
result is good for stands in docs/experiments.md; semantic_alignment_train.py takes it as PRETRAINED_ENCODER.
"""

import math
import shlex
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from har.network.alignment import AlignmentModel
from har.network.config import NetworkConfig
from har.network.reconstruction import MaskedAutoencoder, patch_targets
from har.network.upgrade import CHECKPOINT_FORMAT
from har.plots.curves import plot_curves
from har.plots.embedding_map import plot_embedding_map
from har.plots.reconstruction import HiddenPatches, plot_reconstructions
from har.recordings.corpus import Fallback, open_datasets
from har.recordings.format import DatasetError
from har.recordings.simulate import write_simulated_corpus
from har.run.checkpoint import (
    CheckpointError,
    generator_states,
    load_checkpoint,
    plain_state_dict,
    restore_generators,
    save_checkpoint,
)
from har.run.constants import (
    ConstantError,
    check_choices,
    difference,
    joined_arguments,
    override_constants,
    snapshot_constants,
)
from har.run.device import compute_device, still_busy
from har.run.distributed import Processes, ProcessLostError
from har.run.folder import (
    create_run_folder,
    find_resumed_run,
    find_run_folder,
    remove_unfinished,
    resolve_under_root,
    run_record,
    write_json,
    write_yaml,
)
from har.run.interruption import StopRequest
from har.run.log import MetricsLog, RateMeter, explain_bad_step
from har.run.memory import own_memory_mb, return_large_blocks
from har.run.optimizer import GuardedOptimizer
from har.run.schedule import warmup_cosine
from har.run.seed import derive_seed, seed_everything
from har.signal.channels import SENSOR_KINDS
from har.text.encoder import SentenceEncoder
from har.windows.augment import Augmentation, SharedRandom, augment
from har.windows.batch import BatchMaker, SensorWindows, resident_device
from har.windows.index import WindowIndex
from har.windows.sampling import BalancedSampler, BatchLoader, evenly_spaced
from training_scripts.human_activity_recognition.losses import (
    CombinedPretrainingLoss,
    create_channel_dropout_mask,
    create_random_mask,
    create_span_mask,
    patch_mean_std,
)

# ---- data ------------------------------------------------------------------------------------------------------------
DATA_ROOT = "data"  # dataset folders; relative paths start at the repository's root
HELD_OUT_DATASETS = ("mobifall",)  # stage 2 scores on them: not even their unlabelled signals are used
SIMULATED_HELD_OUT = ("sim_belt",)  # the same for the simulated corpus
SIMULATED_PEOPLE = 16  # in each of its datasets
SIMULATED_HOURS = 1.0  # in each of its datasets
SIMULATED_SEED = 0
SIMULATED_FOLDER = "simulated"  # under DATA_ROOT, so that it never mixes with recordings of people
SENSORS = ("acc", "gyro")
WINDOW_S = 5.0  # seconds
STRIDE_S = 2.5
MIN_WINDOW_S = 3.0  # shorter ones leave too few patches to hide some and to see some
SPLIT_SALT = "har"  # the same people are held out as in stage 2
VALIDATION_SHARE = 0.1  # of the people of each dataset
VALIDATION_WINDOWS = 2048  # at most, evenly spaced

# ---- batches and augmentation ----------------------------------------------------------------------------------------
BATCH_SIZE = 256
DATASET_EXPONENT = 0.5  # 1 = datasets by size, 0 = all equal
RANDOM_START = True  # crop: shift a window inside its segment
# What both views of a window share.
ROTATION = 0.5  # share of windows with a random orientation
TILT_RAD = 0.15  # small rotation of the rest
TIME_WARP = 0.0  # largest relative change of tempo
# What differs between them: the device.
SECOND_ROTATION = (
    0.5  # share of windows of which the second view is turned: its mounting must not be what it is known by
)
SCALE = 0.05  # gain of a triad, log-normal
JITTER = (0.03, 0.05, 0.0)  # g, rad/s, uT
GYROSCOPE_DROPOUT = 0.3  # of the second view; the first hides whole sensors to reconstruct them
LOWER_RATES_HZ = (12.5, 16.0)
LOWER_RATE_SHARE = 0.1
PLACEMENT_DROPOUT = 0.3

# ---- what is hidden --------------------------------------------------------------------------------------------------
MASK_RATIO = 0.5  # of the patches of a window, in all its sensors
SPAN_SHARE = 0.5  # of the batches hide neighbouring patches, the others scattered ones
SPAN_PATCHES = 2
CHANNEL_DROPOUT = 0.2  # share of sensors hidden as a whole

# ---- network: as in semantic_alignment_train.py, or its result cannot be used there ----------------------------------
SAMPLING_RATE_HZ = 25.0
PATCH_S = 1.0
STEM_WIDTHS = (32, 64)
WIDTH = 128
DEPTH = 3
HEADS = 4
MLP_RATIO = 2.0
DROPOUT = 0.0
EMBEDDING_WIDTH = 128
TEXT_ENCODER = "all-MiniLM-L6-v2"  # of placements; no label is read
TEXT_CACHE = ".cache/text"
DECODER_WIDTH = 96  # it is thrown away
DECODER_DEPTH = 1

# ---- loss ------------------------------------------------------------------------------------------------------------
MAE_WEIGHT = 1.0
CONTRASTIVE_WEIGHT = 1.0
DYNAMIC_BALANCE = True  # the weights hold for parts of equal size, whatever their scales
BALANCE_DECAY = 0.99
SPECTRUM_TARGET = True  # reconstruct a patch's spectrum beside its samples, whose phase nobody can know
NORM_TARGET = False  # samples only; normalised targets would teach the encoder to ignore gravity and amplitude
TEMPERATURE = 0.2
NEIGHBOUR_WEIGHT = 0.0  # of other patches of the same window as negatives: they show the same movement

# ---- optimisation ----------------------------------------------------------------------------------------------------
SEED = 0
EPOCHS = 4
STEPS_PER_EPOCH = 0  # 0 = as many as one pass over the training windows takes, but not fewer than
LEAST_STEPS_PER_EPOCH = 50  # so that a small corpus is learned too
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.05
WARMUP_SHARE = 0.05  # of all steps
GRADIENT_CLIP = 1.0  # norm

# ---- running ---------------------------------------------------------------------------------------------------------
OUTPUT_ROOT = "training_output"
DEVICE = "auto"  # auto, cpu or cuda
CORPUS_ON_GPU = "auto"  # copy all recordings there: auto (if they take less than half of its free memory), on or off;
#   the last digit of a batch depends on it, so a run that is to be repeated to the bit says on or off
COMPILE = "auto"  # torch.compile: auto (on a GPU), on or off
LOADER_WORKERS = 1  # threads that prepare batches
LOG_EVERY = 20  # steps
SAVE_EVERY = 100  # steps between two writings of latest.pt; every epoch's end writes it too
RESUME = ""  # run folder or checkpoint
STOP_AFTER_EPOCH = 0  # end early, e.g. at a cluster's time limit, and go on with --resume; 0 = never

# What may differ in a resumed run without changing its result.
free_to_change = {
    "RESUME", "STOP_AFTER_EPOCH", "LOG_EVERY", "SAVE_EVERY", "OUTPUT_ROOT", "DATA_ROOT", "TEXT_CACHE",
    "LOADER_WORKERS",
}  # fmt: skip


choices = {
    "DEVICE": ("auto", "cpu", "cuda"), "COMPILE": ("auto", "on", "off"), "CORPUS_ON_GPU": ("auto", "on", "off"),
}  # fmt: skip


class PretrainingBatch(NamedTuple):
    """Clean windows to be reconstructed, two views of them, and what the first must not see (b, P) and (b, S).

    These are the b windows that this process computes; ``windows`` is B, of the whole batch.
    """

    windows: int
    clean: SensorWindows
    first: SensorWindows
    second: SensorWindows
    hidden_patches: Tensor
    hidden_sensors: Tensor

    @property
    def hidden(self) -> Tensor:
        """(b, S, P): patches that the first view must not see, for either reason."""
        return self.hidden_patches.unsqueeze(1) | self.hidden_sensors.unsqueeze(2)


def main(argv: list[str] | None = None) -> Path:
    """Train as the constants say; returns the run folder."""
    argv = joined_arguments(sys.argv[1:] if argv is None else argv)
    override_constants(globals(), argv)
    if NORM_TARGET and SPECTRUM_TARGET:
        raise ConstantError("NORM_TARGET is for samples alone; with it give --SPECTRUM_TARGET=false")
    constants = snapshot_constants(globals())
    check_choices(globals(), choices)
    processes = Processes(compute_device(DEVICE))
    if processes.count > BATCH_SIZE:
        raise ConstantError(f"BATCH_SIZE is {BATCH_SIZE}; expected a window for each of {processes.count} processes")
    device = processes.device
    tell = tqdm.write if processes.is_first else lambda line: None
    seed_everything(SEED)
    return_large_blocks()  # or one batch with all devices decides what the process holds to its end
    sys.setswitchinterval(2e-4)  # seconds; the loader's thread must not keep the interpreter from the network's

    # Data, network, losses.
    with processes.first_alone():
        index, train_rows, validation_rows = open_corpus(tell)
        placements = sorted({stream.info.placement for stream in index.streams})
        encoder = SentenceEncoder(TEXT_ENCODER, resolve_under_root(TEXT_CACHE), device)
        placement_features = encoder.encode(placements).pooled
    learner = Learner(placements, placement_features, processes)
    batches = Batches(index, train_rows, learner.model.placement_row, processes)
    steps_per_epoch = STEPS_PER_EPOCH or max(math.ceil(len(train_rows) / BATCH_SIZE), LEAST_STEPS_PER_EPOCH)
    total_steps = EPOCHS * steps_per_epoch
    step, best_loss = 0, math.inf

    def save(*paths: Path) -> None:
        if not processes.is_first:
            return
        best = best_loss if math.isfinite(best_loss) else None
        progress = {"step": step, "best_loss": best, "constants": constants, "datasets": index.datasets}
        state = learner.checkpoint() | progress
        for path in paths:
            save_checkpoint(path, state)

    def begin(new: Path) -> None:
        write_yaml(new / "config.yaml", constants)
        write_json(new / "run.json", run_record([Path(__file__).name, *argv], str(device)))
        save(new / "latest.pt")

    # A new run folder with its records and a first latest.pt, or the one to go on in.
    def open_run() -> tuple[Path, dict | None]:
        resume = find_resumed_run(RESUME, OUTPUT_ROOT, "imu_pretraining", "latest.pt")
        if resume is None:
            return create_run_folder(OUTPUT_ROOT, "imu_pretraining", begin), None
        folder, state = find_state(resume, constants)
        if state["datasets"] != index.datasets:
            raise SystemExit(f"the run learned from {state['datasets']}; prepared are now {index.datasets}")
        remove_unfinished(folder)
        return folder, state

    folder, state = processes.on_first(open_run)
    if state is not None:
        learner.restore(state)
        step = state["step"]
        best_loss = math.inf if state["best_loss"] is None else state["best_loss"]
    log = None
    if processes.is_first:
        log = MetricsLog(folder / "metrics.jsonl", resume_step=None if state is None else step)
    tell(
        f"{len(train_rows):,} windows of {len(index.datasets)} datasets; "
        f"{sum(p.numel() for p in learner.model.parameters()):,} parameters, and of the decoder "
        f"{sum(p.numel() for p in learner.network.decoder.parameters()):,}; steps {step} to {total_steps} on "
        f"{processes}; {folder}"
    )

    # Loop: train, log, validate, save.
    stop, meter = StopRequest(tell), RateMeter()
    last_step = min(total_steps, STOP_AFTER_EPOCH * steps_per_epoch or total_steps)
    loader = iter(BatchLoader(batches.make, range(step, last_step), LOADER_WORKERS, prefetch=2 * LOADER_WORKERS))
    bar = tqdm(
        total=total_steps, initial=step, unit="step", dynamic_ncols=True, smoothing=0.05, disable=not processes.is_first
    )
    stopping = False
    while step < last_step and not stopping:
        with meter.part("waiting", unless=still_busy(device)):
            batch = next(loader)
        if DROPOUT and processes.rank:  # its own windows have their own; the first goes on as if it were alone
            torch.manual_seed(derive_seed(SEED, "dropout", processes.rank, step))
        rate = LEARNING_RATE * warmup_cosine(step, total_steps, round(WARMUP_SHARE * total_steps))
        metrics = learner.step(step, batch, rate, meter)
        step += 1
        stopping = processes.any(stop.requested)
        meter.count(BATCH_SIZE)
        bar.update()

        epoch_ends, saving = step % steps_per_epoch == 0, step % SAVE_EVERY == 0 or stopping
        logging = epoch_ends or step % LOG_EVERY == 0
        if (logging or saving) and (bad := int(learner.optimizer.first_bad)) >= 0:
            bar.close()
            if not processes.is_first:
                raise SystemExit(1)
            rows = batches.rows(bad)[0]
            recordings = [index.recordings[i] for i in index.recording_id[rows]]
            raise SystemExit(explain_bad_step(folder, bad, [index.describe(row) for row in rows], recordings))
        if logging and log is not None:
            record = {name: float(value) for name, value in metrics.items()} | {
                "learning_rate": rate, "windows_per_s": meter.windows_per_second, **meter.shares(),
                "memory_mb": own_memory_mb(),
            }  # fmt: skip
            log.log({"step": step, "epoch": step / steps_per_epoch, "split": "train", "time": time.time(), **record})
            parts = [f"{name} {record[name]:.3f}" for name in ("mae_loss", "contrastive_loss") if name in record]
            bar.set_postfix_str(", ".join([*parts, f"{record['windows_per_s']:.0f} windows/s"]))
        if logging:
            meter.reset()
        if epoch_ends:
            epoch = step // steps_per_epoch
            scores = processes.on_first(lambda: validate(learner, batches, validation_rows))
            if log is not None:
                log.log({"step": step, "epoch": float(epoch), "split": "validation", **scores})
            # Without people to validate on, the newest epoch counts as the best.
            score = scores.get("loss", -float(epoch))
            improved, best_loss = score < best_loss, min(score, best_loss)
            # latest.pt comes last: a run that dies here repeats the epoch's end and writes the same files again.
            save(
                folder / f"checkpoint_epoch_{epoch:03d}.pt",
                *([folder / "best.pt"] if improved else []),
                folder / "latest.pt",
            )
            told = ", ".join(f"{name} {value:.3f}" for name, value in scores.items())
            tell(f"epoch {epoch}/{EPOCHS}:  held-out people: {told or 'none'}")
            meter.reset()
        elif saving:
            save(folder / "latest.pt")
    bar.close()
    loader.close()
    stop.release()
    processes.close()
    if log is None:
        return folder
    log.close()
    if step < total_steps:
        again = [a for a in argv if not a.startswith(("--RESUME=", "--STOP_AFTER_EPOCH="))]
        print(
            f"Stopped after {step} of {total_steps} steps; everything is saved. Go on with\n"
            f"  {processes.command} {shlex.join([*sys.argv[:1], '--resume', str(folder), *again])}"
        )
        return folder
    draw_plots(folder, learner, batches, validation_rows if len(validation_rows) else train_rows)
    print(
        f"best.pt is of step {load_checkpoint(folder / 'best.pt')['step']} of {total_steps}; take it as "
        f"PRETRAINED_ENCODER of semantic_alignment_train.py\nEverything is in {folder}"
    )
    return folder


def find_state(resume: str | Path, constants: dict) -> tuple[Path, dict]:
    """The folder and the state that ``resume`` names: latest.pt of a run folder, or any checkpoint in it."""
    folder = find_run_folder(resume)
    state = load_checkpoint(folder / Path(resume).name if Path(resume).suffix == ".pt" else folder / "latest.pt")
    if "decoder" not in state:
        raise CheckpointError(f"{resume} is no checkpoint of pretrain.py; it holds {sorted(state)[:12]}")
    if changed := difference(constants, {"CORPUS_ON_GPU": "auto"} | state["constants"], free_to_change):
        raise SystemExit(
            "a run goes on with the constants that it began with; these differ:\n  " + "\n  ".join(changed)
        )
    return folder, state


def open_corpus(tell: Callable[[str], object]) -> tuple[WindowIndex, np.ndarray, np.ndarray]:
    """Windows of all datasets that are not held out, labelled or not; rows to train and to validate on."""
    training, _ = open_datasets(
        resolve_under_root(DATA_ROOT),
        HELD_OUT_DATASETS,
        Fallback(SIMULATED_FOLDER, SIMULATED_HELD_OUT, simulate),
        tell,
        lambda names: tqdm(names, desc="opening", unit="dataset", leave=False, delay=2),
    )
    index = WindowIndex(training, WINDOW_S, STRIDE_S, MIN_WINDOW_S)
    validation = index.split(SPLIT_SALT, VALIDATION_SHARE)
    return index, np.flatnonzero(~validation), evenly_spaced(np.flatnonzero(validation), VALIDATION_WINDOWS)


def simulate(folder: Path) -> None:
    progress = partial(tqdm, desc="simulating", unit="person")
    write_simulated_corpus(
        folder, people=SIMULATED_PEOPLE, hours=SIMULATED_HOURS, seed=SIMULATED_SEED, progress=progress
    )


class Batches:
    """Batches as a pure function of the step, so that a resumed run sees what it would have seen."""

    def __init__(
        self, index: WindowIndex, train_rows: np.ndarray, placement_row: dict[str, int], processes: Processes
    ) -> None:
        self.index, self.processes, self.device = index, processes, processes.device
        dataset = index.dataset_id[train_rows]
        self.sampler = BalancedSampler(train_rows, dataset, np.zeros_like(dataset), DATASET_EXPONENT, 1.0)
        place = resident_device(index, self.device, CORPUS_ON_GPU)
        self.gather = BatchMaker(index, SAMPLING_RATE_HZ, SENSORS, placement_row, resident=place)
        self.shared = Augmentation(rotation=ROTATION, tilt_rad=TILT_RAD, warp=TIME_WARP)
        device_noise = {
            "scale": SCALE, "jitter": JITTER, "rates_hz": LOWER_RATES_HZ, "rate_share": LOWER_RATE_SHARE,
            "placement_dropout": PLACEMENT_DROPOUT,
        }  # fmt: skip
        self.first = Augmentation(**device_noise)
        self.second = Augmentation(gyroscope_dropout=GYROSCOPE_DROPOUT, rotation=SECOND_ROTATION, **device_noise)

    def rows(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the index (B,) and first samples (B,)."""
        generator = np.random.default_rng(derive_seed(SEED, "sampling", step))
        rows = self.sampler.draw(BATCH_SIZE, generator)
        return rows, self.index.shifted_starts(rows, generator) if RANDOM_START else self.index.start[rows]

    def make(self, step: int) -> PretrainingBatch:
        rows, start = self.rows(step)
        return self.views(rows, start, "train", step, self.processes.share(len(rows)))

    @torch.no_grad()
    def views(
        self, rows: np.ndarray, start: np.ndarray, purpose: str, number: int, share: slice = slice(None)
    ) -> PretrainingBatch:
        """Two views of a share of given windows; the randomness depends on (SEED, purpose, number) alone."""
        batch = len(rows)
        clean = self.gather(rows, start, False, share).to(self.device)
        random = {
            name: SharedRandom(
                torch.Generator(self.device).manual_seed(derive_seed(SEED, purpose, name, number)), batch, share
            )
            for name in ("shared", "first", "second")
        }
        clean = augment(clean, self.shared, SAMPLING_RATE_HZ, random["shared"])
        first = augment(clean, self.first, SAMPLING_RATE_HZ, random["first"])
        second = augment(clean, self.second, SAMPLING_RATE_HZ, random["second"])
        # Masks are drawn for the whole batch; what is drawn for one window does not depend on another.
        masking = torch.Generator(self.device).manual_seed(derive_seed(SEED, purpose, "masking", number))
        patches = round(WINDOW_S / PATCH_S)
        present = torch.ones(batch, clean.kind.shape[1], dtype=torch.bool, device=self.device)
        present[share] = clean.valid.any(2)
        measured = torch.ones(batch, patches, dtype=torch.bool, device=self.device)
        measured[share] = clean.valid.unflatten(2, (patches, -1)).any(3).any(1)
        spans = torch.rand((), generator=masking, device=self.device) < SPAN_SHARE
        scattered = create_random_mask(batch, patches, MASK_RATIO, measured, generator=masking)
        together = create_span_mask(batch, patches, MASK_RATIO, SPAN_PATCHES, measured, generator=masking)
        sensors = create_channel_dropout_mask(batch, present.shape[1], CHANNEL_DROPOUT, present, generator=masking)
        hidden = torch.where(spans, together, scattered)
        return PretrainingBatch(batch, clean, first, second, hidden[share], sensors[share])


class Learner:
    """Everything that changes while training, and one step of it."""

    def __init__(self, placements: list[str], placement_features: Tensor, processes: Processes) -> None:
        self.processes, self.device = processes, processes.device
        device = self.device
        config = NetworkConfig(
            SENSORS, SAMPLING_RATE_HZ, WINDOW_S, PATCH_S, STEM_WIDTHS, WIDTH, DEPTH, HEADS, MLP_RATIO,
            EMBEDDING_WIDTH, placement_features.shape[1], DROPOUT,
        )  # fmt: skip
        self.model = AlignmentModel(config, placements, placement_features)
        self.network = MaskedAutoencoder(self.model, DECODER_WIDTH, DECODER_DEPTH, SPECTRUM_TARGET).to(device)
        self.criterion = CombinedPretrainingLoss(
            MAE_WEIGHT, CONTRASTIVE_WEIGHT, TEMPERATURE, NORM_TARGET, DYNAMIC_BALANCE, BALANCE_DECAY, NEIGHBOUR_WEIGHT
        ).to(device)
        compiled = COMPILE == "on" or (COMPILE == "auto" and device.type == "cuda")
        self.forward = torch.compile(self.network) if compiled else self.network
        self.forward_second = torch.compile(self.model) if compiled else self.model
        # As in stage 2: what AdamW learns here is a worse start there than none (docs/experiments.md).
        self.optimizer = GuardedOptimizer(
            self.network, WEIGHT_DECAY, GRADIENT_CLIP, self.model.encoder.hidden_matrices()
        )
        processes.copy_from_first(self.optimizer.flat.values)

    def losses(self, batch: PretrainingBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and metrics of a batch. bfloat16 on a GPU has the range of float32 and needs no gradient scaler."""
        targets, measured = patch_targets(batch.clean, self.model, SPECTRUM_TARGET)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            predicted, first = self.forward(batch.first, batch.hidden)
            second = self.forward_second(batch.second)
        # The window as a whole is contrasted beside its patches.
        both = first.patch_valid & second.patch_valid
        both = torch.cat([both, both.any(1, keepdim=True)], dim=1)
        features = [torch.cat([view.patch, view.window.unsqueeze(1)], dim=1).unsqueeze(2) for view in (first, second)]
        predicted, targets, *features, measured, hidden, hidden_sensors, both = self.processes.gather(
            [predicted, targets, *features, measured, batch.hidden_patches, batch.hidden_sensors, both], batch.windows
        )
        return self.criterion(
            predicted, targets, *features, measured, hidden,
            channel_dropout_mask=hidden_sensors.repeat_interleave(3, dim=1), feature_mask=both.unsqueeze(2),
        )  # fmt: skip

    def step(self, step: int, batch: PretrainingBatch, rate: float, meter: RateMeter) -> dict[str, Tensor]:
        """One update. Nothing here waits for the device."""
        self.network.train()
        self.criterion.train()
        with meter.part("forward"):
            loss, metrics = self.losses(batch)
        with meter.part("backward"):
            loss.backward()
            self.processes.sum_gradients(self.optimizer.gradients, computed_by_all=self.criterion)
        with meter.part("optimiser"):
            norm = self.optimizer.step(loss, step, rate)
        return metrics | {"gradient_norm": norm, "loss": unbalanced(metrics)}

    def checkpoint(self) -> dict:
        """The model for use, and all that a resumed run needs."""
        return {
            "format": CHECKPOINT_FORMAT,
            "model": plain_state_dict(self.model),
            "decoder": plain_state_dict(self.network.decoder),
            "network": self.model.config.to_dict(),
            "placements": self.model.placements,
            "text_encoder": TEXT_ENCODER,
            "training": {
                "criterion": plain_state_dict(self.criterion),
                "optimizer": self.optimizer.state_dict(),
                "generators": generator_states({"default": torch.default_generator}),
            },
        }

    def restore(self, state: dict) -> None:
        """Go on from what ``checkpoint`` returned."""
        self.model.load_state_dict(state["model"])
        self.network.decoder.load_state_dict(state["decoder"])
        training = state["training"]
        self.criterion.load_state_dict(training["criterion"])
        self.optimizer.load_state_dict(training["optimizer"])
        restore_generators({"default": torch.default_generator}, training["generators"])


def unbalanced(metrics: dict[str, Tensor]) -> Tensor:
    """The weighted sum of the parts as they are: the balanced loss stays near its weights however much is learned."""
    weighted = {"mae_loss": MAE_WEIGHT, "contrastive_loss": CONTRASTIVE_WEIGHT}
    return sum(weight * metrics[name] for name, weight in weighted.items() if name in metrics)


@torch.no_grad()
def validate(learner: Learner, batches: Batches, rows: np.ndarray) -> dict[str, float]:
    """Losses on windows of held-out people, the same views and masks every time; {} when nobody is held out."""
    learner.network.eval()
    learner.criterion.eval()
    parts = [part for part in np.array_split(rows, max(1, len(rows) // BATCH_SIZE)) if len(part)]
    totals: dict[str, float] = {}
    for number, part in enumerate(parts):
        batch = batches.views(part, batches.index.start[part], "validation", number)
        _, metrics = learner.losses(batch)
        metrics["loss"] = unbalanced(metrics)
        for name in ("loss", "mae_loss", "contrastive_loss", "patch_accuracy"):
            if name in metrics:
                totals[name] = totals.get(name, 0.0) + float(metrics[name]) * len(part) / len(rows)
    return totals


@torch.no_grad()
def draw_plots(folder: Path, learner: Learner, batches: Batches, rows: np.ndarray) -> None:
    """Curves, hidden patches with their reconstructions, and a map of embeddings by best.pt, of held-out people."""
    learner.restore(load_checkpoint(folder / "best.pt", learner.device))
    learner.network.eval()
    index, plots = batches.index, folder / "plots"
    plot_curves(folder / "metrics.jsonl", plots / "curves.png")

    shown = evenly_spaced(rows, 8)
    batch = batches.views(shown, index.start[shown], "validation", 0)
    hidden = batch.hidden
    predicted, _ = learner.network(batch.first, hidden)
    targets, measured = patch_targets(batch.clean, learner.model, spectra=False)
    predicted = predicted[:, :, : targets.shape[2]]
    if NORM_TARGET:
        mean, deviation = patch_mean_std(targets)
        predicted = predicted * deviation + mean
    typical = learner.model.encoder.tokens.typical[batch.clean.kind].repeat_interleave(3, dim=1)[:, None, None]
    examples = []
    for i, row in enumerate(shown):
        for sensor in range(hidden.shape[1]):
            axes = slice(3 * sensor, 3 * sensor + 3)
            there = measured[i, :, axes].all(1)
            if there.any():
                examples.append(
                    HiddenPatches(
                        title=index.describe(row),
                        kind=SENSOR_KINDS[int(batch.clean.kind[i, sensor])],
                        sampling_rate_hz=SAMPLING_RATE_HZ,
                        true=(targets * typical)[i, :, :, axes].cpu().numpy(),
                        predicted=(predicted * typical)[i, :, :, axes].float().cpu().numpy(),
                        measured=there.cpu().numpy(),
                        hidden=hidden[i, sensor].cpu().numpy(),
                    )
                )
    plot_reconstructions(examples, plots / "reconstructions.png")

    rows = evenly_spaced(rows, 2000)
    embeddings = learner.model.embed_rows(index, rows)
    labels = [index.labels[i] if i >= 0 else "unlabelled" for i in index.label_id[rows]]
    plot_embedding_map(
        embeddings.cpu().numpy(), labels, embeddings.new_zeros(0, embeddings.shape[1]).cpu().numpy(), [],
        plots / "embedding_map.png", "Windows of held-out people; colours are labels that training never saw",
    )  # fmt: skip


if __name__ == "__main__":
    try:
        main()
    except (ConstantError, DatasetError, CheckpointError, FileNotFoundError, ProcessLostError) as error:
        raise SystemExit(f"error: {error}") from None
