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

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from har.network.alignment import AlignmentModel
from har.network.config import NetworkConfig
from har.network.reconstruction import MaskedAutoencoder, patch_targets
from har.network.upgrade import CHECKPOINT_FORMAT, upgraded_pretraining_constants
from har.plots.reconstruction import HiddenPatches
from har.run.checkpoint import generator_states, load_checkpoint, plain_state_dict, restore_generators
from har.run.constants import ConstantError
from har.run.distributed import Processes
from har.run.ending import exit_status
from har.run.folder import resolve_cache
from har.run.log import RateMeter
from har.run.optimizer import GuardedOptimizer
from har.run.schedule import warmup_cosine
from har.run.seed import derive_seed
from har.text.encoder import SentenceEncoder
from har.training.corpus import check_learnable, learned_from, open_corpus
from har.training.loop import Loop
from har.training.reconstruction import draw_pretraining, hidden_patches
from har.training.run import find_state, open_run
from har.training.session import Session, Training
from har.windows.augment import Augmentation, SharedRandom, augment
from har.windows.batch import BatchMaker, SensorWindows, resident_device
from har.windows.index import WindowIndex
from har.windows.sampling import BalancedSampler, evenly_spaced
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
DEVICE = "auto"  # auto, cpu, cuda or cuda:N
CORPUS_ON_GPU = "auto"  # copy all recordings there: auto (if they take less than half of its free memory), on or off;
#   the last digit of a batch depends on it, so a run that is to be repeated to the bit says on or off
COMPILE = "auto"  # torch.compile: auto (on a GPU), on or off
LOADER_WORKERS = 1  # threads that prepare batches
LOG_EVERY = 20  # steps
SAVE_EVERY = 100  # steps between two writings of latest.pt; every epoch's end writes it too
RESUME = ""  # run folder or checkpoint
STOP_AFTER_EPOCH = 0  # end early, e.g. at a cluster's time limit, and go on with --resume; 0 = never

training = Training(
    folder="imu_pretraining",
    record="config.yaml",
    checkpoints="latest.pt",
    holds="decoder",
    choices={
        "COMPILE": ("auto", "on", "off"), "CORPUS_ON_GPU": ("auto", "on", "off"),
    },
    free_to_change={
        "RESUME", "STOP_AFTER_EPOCH", "LOG_EVERY", "SAVE_EVERY", "OUTPUT_ROOT", "DATA_ROOT", "TEXT_CACHE",
        "LOADER_WORKERS",
    },
    upgraded=upgraded_pretraining_constants,
)  # fmt: skip


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
    with Session(training, globals(), argv) as session:
        return train(session)


def train(session: Session) -> Path:
    """Open what is prepared, reconstruct and contrast windows, validate, save, draw."""
    if NORM_TARGET and SPECTRUM_TARGET:
        raise ConstantError("NORM_TARGET is for samples alone; with it give --SPECTRUM_TARGET=false")
    processes, found = session.processes, find_state(session)

    # Windows of all datasets that are not held out, labelled or not; placements as text.
    with processes.first_alone():
        learned, _ = open_corpus(session.constants, session.tell)
        index = WindowIndex(learned, WINDOW_S, STRIDE_S, MIN_WINDOW_S)
        validation = index.split(SPLIT_SALT, VALIDATION_SHARE)
        check_learnable(index, ~validation, validation, VALIDATION_SHARE, labels=False)
        train_rows = np.flatnonzero(~validation)
        validation_rows = evenly_spaced(np.flatnonzero(validation), VALIDATION_WINDOWS)
        placements = sorted({stream.info.placement for stream in index.streams})
        encoder = SentenceEncoder(TEXT_ENCODER, resolve_cache(TEXT_CACHE), session.device)
        placement_features = encoder.encode(placements).pooled

    # Network and losses; and the folder that they are saved in.
    learner = Learner(placements, placement_features, processes)
    batches = Batches(index, train_rows, learner.model.placement_row, processes)
    run = open_run(session, found, learner, learned_from(learned), {"best_loss": None}, first=("latest.pt",))
    loop = Loop(run, batches, len(train_rows), {name: name for name in ("mae_loss", "contrastive_loss")})
    sizes = [sum(p.numel() for p in part.parameters()) for part in (learner.model, learner.network.decoder)]
    session.tell(
        f"{len(train_rows):,} windows of {len(index.datasets)} datasets; {sizes[0]:,} parameters, and of the decoder "
        f"{sizes[1]:,}; steps {run.step} to {loop.total_steps} on {processes}; {run.folder}"
    )

    # Loop: train, log, validate, save.
    for step, batch in loop:
        rate = LEARNING_RATE * warmup_cosine(step, loop.total_steps, round(WARMUP_SHARE * loop.total_steps))
        metrics = learner.step(step, batch, rate, loop.meter)
        loop.count(metrics, rate, learner.optimizer.first_bad)
        if loop.epoch_ends:
            scores = processes.on_first(lambda: validate(learner, batches, validation_rows))
            loop.log_scores({"validation": scores})
            # Without people to validate on, the newest epoch counts as the best.
            loss, best = scores.get("loss", -float(loop.epoch)), run.progress["best_loss"]
            improved = best is None or loss < best
            run.progress["best_loss"] = loss if improved else best
            # latest.pt comes last: a run that dies here repeats the epoch's end and writes the same files again.
            run.save(f"checkpoint_epoch_{loop.epoch:03d}.pt", *(["best.pt"] if improved else []), "latest.pt")
            told = ", ".join(f"{name} {value:.3f}" for name, value in scores.items())
            session.tell(f"epoch {loop.epoch}/{EPOCHS}:  held-out people: {told or 'none'}")
        elif loop.saving:
            run.save("latest.pt")

    if loop.finish():
        learner.restore(load_checkpoint(run.folder / "best.pt", session.device))
        rows = validation_rows if len(validation_rows) else train_rows
        draw_pretraining(run.folder, learner.model, index, rows, reconstructed(learner, batches, rows))
        session.tell(
            f"best.pt is of step {load_checkpoint(run.folder / 'best.pt')['step']} of {loop.total_steps}; take it as "
            f"PRETRAINED_ENCODER of semantic_alignment_train.py\nEverything is in {run.folder}"
        )
    return run.folder


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
        matrices = self.model.encoder.hidden_matrices()
        self.optimizer = GuardedOptimizer(self.network, WEIGHT_DECAY, GRADIENT_CLIP, matrices)
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
def reconstructed(learner: Learner, batches: Batches, rows: np.ndarray) -> list[HiddenPatches]:
    """What the network makes of the hidden patches of some windows, beside what was measured."""
    learner.network.eval()
    index, shown = batches.index, evenly_spaced(rows, 8)
    batch = batches.views(shown, index.start[shown], "validation", 0)
    predicted, _ = learner.network(batch.first, batch.hidden)
    targets, measured = patch_targets(batch.clean, learner.model, spectra=False)
    predicted = predicted[:, :, : targets.shape[2]]
    if NORM_TARGET:
        mean, deviation = patch_mean_std(targets)
        predicted = predicted * deviation + mean
    kind = batch.clean.kind
    typical = learner.model.encoder.tokens.typical[kind].repeat_interleave(3, dim=1)[:, None, None]
    titles, samples = [index.describe(row) for row in shown], (targets * typical, predicted * typical)
    return hidden_patches(titles, SAMPLING_RATE_HZ, kind, *samples, measured, batch.hidden)


if __name__ == "__main__":
    sys.exit(exit_status(main, print, lambda text: print(text, file=sys.stderr)))
