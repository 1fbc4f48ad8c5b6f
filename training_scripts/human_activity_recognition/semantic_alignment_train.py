"""Align IMU embeddings with activity text, on every dataset prepared under DATA_ROOT.

    python semantic_alignment_train.py                          train, validate, plot
    python semantic_alignment_train.py --EPOCHS=2 --SEED=1      any constant below can be overridden
    python semantic_alignment_train.py --RESUME=training_output/semantic_alignment/20260131_120000
    torchrun --standalone --nproc-per-node=4 semantic_alignment_train.py       several processes, the same batches

People are simulated and used beside what is prepared, or alone where nothing is. What to expect, and how long it takes,
stands in the README. Every run has a folder of its own with hyperparameters.json, epoch_*.pt, best.pt, metrics.jsonl,
run.json, plots/.
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
from torch import Tensor, nn
from tqdm import tqdm

from har.evaluation.metrics import classification_scores
from har.labels.groups import group_of, is_fall
from har.network.alignment import AlignmentModel
from har.network.config import NetworkConfig
from har.network.reconstruction import load_pretrained_encoder
from har.network.upgrade import CHECKPOINT_FORMAT, upgraded_constants
from har.plots.confusion import plot_confusion
from har.plots.curves import plot_curves
from har.plots.embedding_map import plot_embedding_map
from har.plots.similarity import plot_similarity
from har.recordings.corpus import Fallback, open_datasets
from har.recordings.format import DatasetError
from har.recordings.simulate import SIMULATED_NAMES, write_simulated_corpus
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
from har.run.device import compute_device, repeated_s, still_busy
from har.run.distributed import Processes, ProcessLostError
from har.run.folder import (
    create_run_folder,
    find_resumed_run,
    find_run_folder,
    remove_unfinished,
    resolve_under_root,
    run_record,
    write_json,
)
from har.run.interruption import StopRequest
from har.run.log import MetricsLog, RateMeter, explain_bad_step, read_metrics
from har.run.memory import own_memory_mb, return_large_blocks
from har.run.optimizer import GuardedOptimizer, WeightAverage
from har.run.schedule import warmup_cosine
from har.run.seed import derive_seed, seed_everything
from har.text.encoder import SentenceEncoder, TextFeatures
from har.text.label_bank import LearnableLabelBank, PhrasingTable
from har.windows.augment import Augmentation, SharedRandom, augment
from har.windows.batch import BatchMaker, SensorWindows, resident_device, to_device
from har.windows.body_axes import body_axes
from har.windows.index import WindowIndex
from har.windows.sampling import BalancedSampler, BatchLoader, evenly_spaced
from training_scripts.human_activity_recognition.memory_bank import MemoryBank
from training_scripts.human_activity_recognition.semantic_loss import SemanticAlignmentLoss

# ---- data ------------------------------------------------------------------------------------------------------------
DATA_ROOT = "data"  # dataset folders; relative paths start at the repository's root
DATASETS = ()  # train on these alone; () = on all that are prepared and not held out
HELD_OUT_DATASETS = ("mobifall",)  # never trained on, never used to choose anything: only scored
SIMULATED_BESIDE = True  # simulated people beside recordings of real ones; measured: transfer gains most from them
SIMULATED_HELD_OUT = ("sim_belt",)  # held out where simulated people are all there is
SIMULATED_PEOPLE = 16  # in each of its datasets
SIMULATED_HOURS = 1.0  # in each of its datasets
SIMULATED_SEED = 0
SIMULATED_FOLDER = "simulated"  # under DATA_ROOT, so that it never mixes with recordings of people
SENSORS = ("acc", "gyro")  # magnetometers disturb more than they tell indoors
WINDOW_S = 5.0  # seconds; long enough for three strides and most transitions
STRIDE_S = 2.5
MIN_WINDOW_S = 1.0  # shorter segments are left out; a transition takes one to two seconds
SPLIT_SALT = "har"  # changes who is held out
VALIDATION_SHARE = 0.1  # of the people of each training dataset
VALIDATION_FROM = 0.0  # where that share of the people begins; starts a share apart make a cross-validation
LABELLED_SHARE = 1.0  # of the remaining people; the others' labels are not used: what few labels cost
VALIDATION_WINDOWS = 3000  # at most, evenly spaced: enough for +-1 point, and quick

# ---- batches and augmentation ----------------------------------------------------------------------------------------
BATCH_SIZE = 128  # measured: twice as many steps of half the windows transfer better at equal cost
DATASET_EXPONENT = 0.5  # 1 = datasets by size, 0 = all equal
GROUP_EXPONENT = 0.5  # the same for label groups inside a dataset
JOINT_SHARE = 0.05  # of the batches hold all devices that a person wore at once
RANDOM_START = True  # crop: shift a window inside its segment
ROTATION = 0.5  # share of windows with a random orientation; the rest keeps what the mounting says about posture
TILT_RAD = 0.15  # small rotation of the rest: nobody mounts a device twice alike
SCALE = 0.05  # gain of a triad, log-normal; larger would blur 1 g
JITTER = (0.03, 0.05, 0.0)  # g, rad/s, uT
TIME_WARP = 0.1  # largest relative change of tempo
SHORTEN = 0.3  # share of windows of which only a first part stays: length must not tell the activity
GYROSCOPE_DROPOUT = 0.3  # many test devices have none
SENSOR_DROPOUT = 0.05
LOWER_RATES_HZ = (12.5, 16.0)  # simulated device rates below the network's own
LOWER_RATE_SHARE = 0.1
PLACEMENT_DROPOUT = 0.3  # placement may be unknown at inference
BODY_DROPOUT = 0.4  # share of windows that do not know how they lie against the body: one on its own does not
AHEAD_DROPOUT = 0.1  # share of the others that know only up: ahead takes regular walking to be found
BODY_ERROR_RAD = (0.1, 0.3)  # of up, per axis, and of ahead; people lean and devices slip

# ---- network ---------------------------------------------------------------------------------------------------------
SAMPLING_RATE_HZ = 25.0  # human movement lies below 10 Hz, and every dataset reaches it
PATCH_S = 1.0
STEM_WIDTHS = (32, 64)
WIDTH = 128
DEPTH = 3
HEADS = 4
MLP_RATIO = 2.0
DROPOUT = 0.0  # augmentation regularises; dropout cost a tenth of the speed
EMBEDDING_WIDTH = 128

# ---- text ------------------------------------------------------------------------------------------------------------
TEXT_ENCODER = "all-MiniLM-L6-v2"  # or any sentence-transformers model or folder on disk
TEXT_CACHE = ".cache/text"
PROTOTYPES = 2  # embeddings a label
BANK_HEADS = 4

# ---- stage 1 ---------------------------------------------------------------------------------------------------------
PRETRAINED_ENCODER = None  # best.pt or latest.pt of pretrain.py; measured: no gain at equal total time
FREEZE_ENCODER = False  # learn the pooling, the head and the label bank only

# ---- loss and memory bank --------------------------------------------------------------------------------------------
LOSS_VARIANT = "soft"  # hard, soft, supcon or siglip
TEMPERATURE = 0.1  # initial; learned
SOFT_TARGET_TEMPERATURE = 0.1  # of the similarities between label groups (centred, so that most lie near 0)
SOFT_TARGET_WEIGHT = 0.5
UNDECIDED_PAIRS = True  # leave out pairs that may be true for all that their labels say: lying, and lying on the back
QUEUE_SIZE = 512  # 0 = no memory bank

# ---- optimisation ----------------------------------------------------------------------------------------------------
SEED = 0
EPOCHS = 8
STEPS_PER_EPOCH = 0  # 0 = as many as one pass over the training windows takes, but not fewer than
LEAST_STEPS_PER_EPOCH = 50  # so that a small corpus is learned too
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.05
WARMUP_SHARE = 0.05  # of all steps
GRADIENT_CLIP = 1.0  # norm
EMA_DECAY = 0.995  # of the averaged weights, which are what is validated and saved for use

# ---- running ---------------------------------------------------------------------------------------------------------
OUTPUT_ROOT = "training_output"
DEVICE = "auto"  # auto, cpu or cuda
PRECISION = "auto"  # of the network: bfloat16 (auto: on a GPU) or float32
CORPUS_ON_GPU = "auto"  # copy all recordings there: auto (if they take less than half of its free memory), on or off;
#   the last digit of a batch depends on it, so a run that is to be repeated to the bit says on or off
COMPILE = "auto"  # torch.compile: auto (on a GPU), on or off
REPEATED_STEPS = 0  # only to measure speed: so often is the last step repeated on its batch, as a graph on a GPU, and
WAIT_FOR_PARTS = False  # whether the host waits for a GPU after each part of a step, so that their shares are true
LOADER_WORKERS = 1  # threads that prepare batches; on a CPU more of them only compete with the network
LOG_EVERY = 20  # steps
RESUME = ""  # run folder or checkpoint
STOP_AFTER_EPOCH = 0  # end early, e.g. at a cluster's time limit, and go on with RESUME; 0 = never

# What may differ in a resumed run without changing its result.
free_to_change = {
    "RESUME", "STOP_AFTER_EPOCH", "LOG_EVERY", "OUTPUT_ROOT", "DATA_ROOT", "TEXT_CACHE", "LOADER_WORKERS",
    "REPEATED_STEPS", "WAIT_FOR_PARTS",
}  # fmt: skip


choices = {
    "DEVICE": ("auto", "cpu", "cuda"), "PRECISION": ("auto", "bfloat16", "float32"), "COMPILE": ("auto", "on", "off"),
    "CORPUS_ON_GPU": ("auto", "on", "off"), "LOSS_VARIANT": ("hard", "soft", "supcon", "siglip"),
}  # fmt: skip


class Corpus(NamedTuple):
    """Windows to learn from, and those of the datasets held out."""

    index: WindowIndex
    train_rows: np.ndarray
    validation_rows: np.ndarray
    held_out: WindowIndex | None
    held_out_rows: np.ndarray
    body: list[np.ndarray]  # axes, of the streams of the index


class TrainingBatch(NamedTuple):
    """Windows that this process computes, and the labels' rows in the table (B,) of all windows of the batch.

    text: features of the distinct labels of the own windows, text_row: the row in these of each own window.
    """

    windows: SensorWindows
    label: Tensor
    text: TextFeatures
    text_row: Tensor


def main(argv: list[str] | None = None) -> Path:
    """Train as the constants say; returns the run folder."""
    argv = joined_arguments(sys.argv[1:] if argv is None else argv)
    override_constants(globals(), argv)
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
    folder, state = processes.on_first(lambda: open_run_folder(constants, argv, device))

    # Data and text: everything memory-mapped or cached.
    with processes.first_alone():
        corpus = open_corpus(tell)
        encoder = SentenceEncoder(TEXT_ENCODER, resolve_under_root(TEXT_CACHE), device)
        labels = [corpus.index.labels[i] for i in np.unique(corpus.index.label_id[corpus.train_rows])]
        table = PhrasingTable(encoder, labels).to(device)

    # Network, label bank, loss, memory bank, averaged weights.
    learner = Learner(corpus, encoder, table, processes)
    batches = Batches(corpus, table, learner.model.placement_row, processes)
    one_pass = math.ceil(len(corpus.train_rows) / BATCH_SIZE)
    steps_per_epoch = STEPS_PER_EPOCH or max(one_pass, LEAST_STEPS_PER_EPOCH)
    total_steps = EPOCHS * steps_per_epoch
    step, best_score = 0, -1.0
    if state is not None:
        for name, present in (("datasets", corpus.index.datasets), ("labels", labels)):
            if state[name] != present:
                raise SystemExit(f"the run was trained on the {name} {state[name]}; prepared are now {present}")
        step, best_score = state["step"], state["best_score"]
        learner.restore(state)
    log = None
    if processes.is_first:
        log = MetricsLog(folder / "metrics.jsonl", resume_step=None if state is None else step)
    tell(
        f"{len(corpus.train_rows):,} windows of {len(corpus.index.datasets)} datasets, {len(labels)} labels; "
        f"{sum(p.numel() for p in learner.model.parameters()):,} parameters; {total_steps} steps on {processes}"
    )

    def save(*paths: Path) -> None:
        if not processes.is_first:
            return
        progress = {"step": step, "best_score": best_score, "constants": constants, "datasets": corpus.index.datasets}
        state = learner.checkpoint() | progress
        for path in paths:
            save_checkpoint(path, state)

    # Loop: train, log, validate, save.
    stop, meter = (
        StopRequest(tell),
        RateMeter(wait=torch.cuda.synchronize if WAIT_FOR_PARTS and device.type == "cuda" else None),
    )
    last_step = min(total_steps, STOP_AFTER_EPOCH * steps_per_epoch or total_steps)
    loader = iter(BatchLoader(batches.make, range(step, last_step), LOADER_WORKERS, prefetch=2 * LOADER_WORKERS))
    bar = tqdm(
        total=total_steps, initial=step, unit="step", dynamic_ncols=True, smoothing=0.05, disable=not processes.is_first
    )
    batch, stopping = None, False
    while step < last_step and not stopping:
        # A batch that comes while a GPU has work to do was not waited for.
        with meter.part("waiting", unless=still_busy(device)):
            batch = next(loader)
        if DROPOUT and processes.rank:  # its own windows have their own; the first goes on as if it were alone
            torch.manual_seed(derive_seed(SEED, "dropout", processes.rank, step))
        epoch_ends = (step + 1) % steps_per_epoch == 0
        logging = epoch_ends or (step + 1) % LOG_EVERY == 0
        rate = LEARNING_RATE * warmup_cosine(step, total_steps, round(WARMUP_SHARE * total_steps))
        metrics = learner.step(step, batch, rate, logging, meter)
        step += 1
        stopping = processes.any(stop.requested)
        meter.count(BATCH_SIZE)
        bar.update()

        if (logging or stopping) and (bad := int(learner.optimizer.first_bad)) >= 0:
            bar.close()
            if not processes.is_first:
                raise SystemExit(1)
            rows, index = batches.rows(bad)[0], corpus.index
            recordings = [index.recordings[i] for i in index.recording_id[rows]]
            raise SystemExit(explain_bad_step(folder, bad, [index.describe(row) for row in rows], recordings))
        if logging and log is not None:
            record = {name: float(value) for name, value in metrics.items()} | {
                "learning_rate": rate, "windows_per_s": meter.windows_per_second, **meter.shares(),
                "memory_mb": own_memory_mb(),
            }  # fmt: skip
            if device.type == "cuda":
                record["gpu_memory_mb"] = torch.cuda.max_memory_allocated() / 2**20
            log.log({"step": step, "epoch": step / steps_per_epoch, "split": "train", "time": time.time(), **record})
            bar.set_postfix_str(
                f"loss {record['loss']:.3f}, gap {record['similarity_gap']:.3f}, {record['windows_per_s']:.0f} "
                "windows/s"
            )
        if logging:
            meter.reset()

        if epoch_ends:
            epoch = step // steps_per_epoch
            scores = processes.on_first(lambda: validate(learner, corpus))
            for split, values in scores.items() if log is not None else ():
                log.log({"step": step, "epoch": float(epoch), "split": split, **values})
            # Without people to validate on, the newest epoch counts as the best.
            score = scores["validation"]["macro_f1"] if "validation" in scores else float(epoch)
            improved, best_score = score > best_score, max(score, best_score)
            save(folder / f"epoch_{epoch:03d}.pt", *([folder / "best.pt"] if improved else []))
            if processes.is_first:
                for interrupted in folder.glob("epoch_*_interrupted.pt"):
                    interrupted.unlink()
            tell(
                f"epoch {epoch}/{EPOCHS}:  "
                + ",  ".join(
                    f"{split} macro-F1 {v['macro_f1']:.3f} accuracy {v['accuracy']:.3f}" for split, v in scores.items()
                )
            )
            meter.reset()
    bar.close()
    loader.close()
    stop.release()
    if REPEATED_STEPS and batch is not None and step == last_step and not stopping:
        again_s = repeated_s(lambda: learner.step(step, batch, rate, True, RateMeter()), REPEATED_STEPS, device)
        if log is not None:
            log.log({"step": step, "split": "repeated", "step_s": again_s})
    processes.close()
    if log is None:
        return folder
    log.close()
    if step < total_steps:
        if step % steps_per_epoch:
            save(folder / f"epoch_{step // steps_per_epoch + 1:03d}_interrupted.pt")
        again = [a for a in argv if not a.startswith(("--RESUME=", "--STOP_AFTER_EPOCH="))]
        print(
            f"Stopped after {step} of {total_steps} steps; everything is saved. Go on with\n"
            f"  {processes.command} {shlex.join([*sys.argv[:1], f'--RESUME={folder}', *again])}"
        )
        return folder
    draw_plots(folder, learner, corpus)
    print(closing_line(folder))
    return folder


def open_run_folder(constants: dict, argv: list[str], device: torch.device) -> tuple[Path, dict | None]:
    """A new run folder with its records, or the one that RESUME names with the state to go on from.

    Where torchrun has started this run anew, the folder that it had is the one.
    """
    resume = find_resumed_run(RESUME, OUTPUT_ROOT, "semantic_alignment", "epoch_*.pt")
    if resume is None:

        def records(new: Path) -> None:
            write_json(new / "hyperparameters.json", constants)
            write_json(new / "run.json", run_record([Path(__file__).name, *argv], str(device)))

        return create_run_folder(OUTPUT_ROOT, "semantic_alignment", records), None
    folder = find_run_folder(resume)
    given = folder / Path(resume).name if Path(resume).suffix == ".pt" else None
    candidates = sorted(folder.glob("epoch_*.pt"))
    if given is None and not candidates:
        raise SystemExit(f"{folder} holds no epoch_*.pt yet: there is nothing to go on from; start anew without RESUME")
    # Names sort by epoch; an interrupted epoch comes after the last whole one.
    state = load_checkpoint(given or candidates[-1])
    if changed := difference(constants, upgraded_constants(state["constants"]), free_to_change):
        raise SystemExit(
            "a run goes on with the constants that it began with; these differ:\n  " + "\n  ".join(changed)
        )
    remove_unfinished(folder)
    return folder, state


def open_corpus(tell: Callable[[str], object]) -> Corpus:
    """Every prepared dataset, or simulated people when there is none; people held out for validation."""
    training, held_out = open_datasets(
        resolve_under_root(DATA_ROOT),
        HELD_OUT_DATASETS,
        Fallback(SIMULATED_FOLDER, SIMULATED_HELD_OUT, simulate),
        tell,
        lambda names: tqdm(names, desc="opening", unit="dataset", leave=False, delay=2),
        DATASETS,
        SIMULATED_NAMES if SIMULATED_BESIDE else (),
    )
    index = WindowIndex(training, WINDOW_S, STRIDE_S, MIN_WINDOW_S)
    held_out_index = WindowIndex(held_out, WINDOW_S, STRIDE_S, MIN_WINDOW_S) if held_out else None
    # The headline figure is of daily activities; falls are another task (evaluate_zero_shot.py --falls).
    scored = None if held_out_index is None else held_out_index.labelled_rows(lambda label: not is_fall(label))
    samples = sum(len(stream.samples) for stream in index.streams)
    with tqdm(total=samples, desc="body axes", unit="sample", unit_scale=True, leave=False, delay=2) as bar:
        body = body_axes(index, bar.update)
    labelled, validation = index.label_id >= 0, index.split(SPLIT_SALT, VALIDATION_SHARE, VALIDATION_FROM)
    known = ~index.split(f"{SPLIT_SALT}/labelled", 1 - LABELLED_SHARE)
    return Corpus(
        index,
        np.flatnonzero(labelled & known & ~validation),
        evenly_spaced(np.flatnonzero(labelled & validation), VALIDATION_WINDOWS),
        held_out_index,
        np.zeros(0, dtype=int) if held_out_index is None else evenly_spaced(scored, VALIDATION_WINDOWS),
        body,
    )


def simulate(folder: Path) -> None:
    progress = partial(tqdm, desc="simulating", unit="person")
    write_simulated_corpus(
        folder, people=SIMULATED_PEOPLE, hours=SIMULATED_HOURS, seed=SIMULATED_SEED, progress=progress
    )


class Batches:
    """Batches as a pure function of the step, so that a resumed run sees what it would have seen."""

    def __init__(
        self, corpus: Corpus, table: PhrasingTable, placement_row: dict[str, int], processes: Processes
    ) -> None:
        index, rows = corpus.index, corpus.train_rows
        self.index, self.table, self.processes = index, table, processes
        row_of = {label: row for row, label in enumerate(table.labels)}
        self.label_row = np.array([row_of.get(label, -1) for label in index.labels])
        groups = {name: number for number, name in enumerate(sorted({group_of(label) for label in table.labels}))}
        group_id = np.array([groups.get(group_of(label), -1) for label in index.labels])
        self.sampler = BalancedSampler(
            rows, index.dataset_id[rows], group_id[index.label_id[rows]], DATASET_EXPONENT, GROUP_EXPONENT
        )
        self.gather = BatchMaker(
            index,
            SAMPLING_RATE_HZ,
            SENSORS,
            placement_row,
            corpus.body,
            resident_device(index, processes.device, CORPUS_ON_GPU),
        )
        self.strength = Augmentation(
            ROTATION, TILT_RAD, SCALE, JITTER, TIME_WARP, SHORTEN, MIN_WINDOW_S, GYROSCOPE_DROPOUT, SENSOR_DROPOUT,
            LOWER_RATES_HZ, LOWER_RATE_SHARE, PLACEMENT_DROPOUT, BODY_DROPOUT, AHEAD_DROPOUT, BODY_ERROR_RAD,
        )  # fmt: skip

    def rows(self, step: int) -> tuple[np.ndarray, np.ndarray, bool]:
        """Rows of the index (B,), first samples (B,), and whether the wearers' other devices are added."""
        generator = np.random.default_rng(derive_seed(SEED, "sampling", step))
        rows = self.sampler.draw(BATCH_SIZE, generator)
        start = self.index.shifted_starts(rows, generator) if RANDOM_START else self.index.start[rows]
        return rows, start, generator.random() < JOINT_SHARE

    @torch.no_grad()
    def make(self, step: int) -> TrainingBatch:
        device, (rows, start, joint) = self.processes.device, self.rows(step)
        share = self.processes.share(len(rows))
        windows = self.gather(rows, start, joint, share).to(device)
        random = torch.Generator(device).manual_seed(derive_seed(SEED, "augmentation", step))
        windows = augment(windows, self.strength, SAMPLING_RATE_HZ, SharedRandom(random, len(rows), share))
        label = self.label_row[self.index.label_id[rows]]
        # Wordings are drawn for the labels of the whole batch, and used for those of the own windows.
        distinct, text_row = np.unique(label, return_inverse=True)
        wording = torch.Generator().manual_seed(derive_seed(SEED, "wording", step))
        own, text_row = np.unique(text_row[share], return_inverse=True)
        text = self.table.draw(torch.from_numpy(distinct), wording, torch.from_numpy(own))
        label, text_row = (to_device(torch.from_numpy(rows), device) for rows in (label, text_row))
        return TrainingBatch(windows, label, text, text_row)


class Learner:
    """Everything that changes while training, and one step of it."""

    def __init__(self, corpus: Corpus, encoder: SentenceEncoder, table: PhrasingTable, processes: Processes) -> None:
        self.encoder, self.table, self.processes, self.device = encoder, table, processes, processes.device
        device = self.device
        self.targets = table.group_targets()
        self.undecided = table.undecided() if UNDECIDED_PAIRS else None
        text_width = table.pooled_mean.shape[1]
        placements = sorted({stream.info.placement for stream in corpus.index.streams})
        config = NetworkConfig(
            SENSORS, SAMPLING_RATE_HZ, WINDOW_S, PATCH_S, STEM_WIDTHS, WIDTH, DEPTH, HEADS, MLP_RATIO,
            EMBEDDING_WIDTH, text_width, DROPOUT,
        )  # fmt: skip
        self.model = AlignmentModel(config, placements, encoder.encode(placements).pooled).to(device)
        if PRETRAINED_ENCODER is not None and not RESUME:  # a resumed run has its weights from its checkpoint
            load_pretrained_encoder(self.model.encoder, resolve_under_root(PRETRAINED_ENCODER))
        if FREEZE_ENCODER:
            self.model.encoder.freeze_below_head()
        self.bank_sizes = {
            "text_width": table.tokens.shape[-1], "pooled_width": text_width, "width": EMBEDDING_WIDTH,
            "num_prototypes": PROTOTYPES, "num_heads": BANK_HEADS,
        }  # fmt: skip
        self.bank = LearnableLabelBank(**self.bank_sizes).to(device)
        self.bank.centre_on(table.pooled_mean)
        self.criterion = SemanticAlignmentLoss(
            TEMPERATURE, LOSS_VARIANT, SOFT_TARGET_TEMPERATURE, SOFT_TARGET_WEIGHT
        ).to(device)
        self.queue = None
        if QUEUE_SIZE:
            self.queue = MemoryBank(
                QUEUE_SIZE, EMBEDDING_WIDTH, device, target_dim=1, target_dtype=torch.long, prototypes=PROTOTYPES
            )
        self.used = nn.ModuleDict({"model": self.model, "bank": self.bank})
        self.trained = nn.ModuleDict({"used": self.used, "criterion": self.criterion})
        compiled = COMPILE == "on" or (COMPILE == "auto" and device.type == "cuda")
        self.forward, self.compare = (
            torch.compile(part) if compiled else part for part in (self.model, self.criterion)
        )
        self.optimizer = GuardedOptimizer(
            self.trained, WEIGHT_DECAY, GRADIENT_CLIP, self.model.encoder.hidden_matrices()
        )
        processes.copy_from_first(self.optimizer.flat.values)
        self.averaged = WeightAverage(self.optimizer, EMA_DECAY)

    def step(
        self, step: int, batch: TrainingBatch, rate: float, with_metrics: bool, meter: RateMeter
    ) -> dict[str, Tensor]:
        """One update; returns the loss's metrics and the gradient norm when asked for. Nothing waits for the device."""
        with meter.part("forward"):
            loss, metrics, imu, text = self.loss(batch, with_metrics)
        with meter.part("backward"):
            loss.backward()
            self.processes.sum_gradients(self.optimizer.gradients, computed_by_all=self.criterion)
        with meter.part("optimiser"):
            norm = self.optimizer.step(loss, step, rate)
            self.averaged.update()
        if self.queue is not None:
            self.queue.update(imu.detach(), text.detach(), batch.label[:, None], check=False)
        return metrics | {"gradient_norm": norm} if with_metrics else {}

    def loss(self, batch: TrainingBatch, with_metrics: bool) -> tuple[Tensor, dict[str, Tensor], Tensor, Tensor]:
        """Loss and metrics of the whole batch, with the embeddings of its windows and of their texts."""
        self.model.train()
        half = PRECISION == "bfloat16" or (PRECISION == "auto" and self.device.type == "cuda")
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            imu = self.forward(batch.windows).window
            text = self.bank(*batch.text)[batch.text_row]
        imu, text = self.processes.gather([imu, text], len(batch.label))
        queued_imu = queued_text = queued_targets = None
        column_label = batch.label
        if self.queue is not None and len(self.queue):
            queued_imu, queued_text = self.queue.get_queue_embeddings()
            queued_label = self.queue.get_queue_targets()[:, 0]
            queued_targets = self.targets[queued_label]
            column_label = torch.cat([batch.label, queued_label])
        undecided = None
        if self.undecided is not None:
            undecided = tuple(pairs[batch.label][:, column_label] for pairs in (self.undecided, self.undecided.T))
        # The compiler makes one program for each number of columns: it is asked when the queue has all of its own.
        compare = self.compare if self.queue is None or self.queue.is_full else self.criterion
        loss, metrics = compare(
            imu, text, queued_imu, queued_text, with_metrics,
            text_targets=self.targets[batch.label], queue_targets=queued_targets, undecided=undecided,
        )  # fmt: skip
        return loss, metrics, imu, text

    def users(self) -> tuple[AlignmentModel, LearnableLabelBank]:
        """The averaged network and label bank, ready for use."""
        model, bank = self.averaged.module["used"]["model"], self.averaged.module["used"]["bank"]
        bank.set_logit_scale(self.criterion.scale)
        model.sentence_encoder = self.encoder  # for placements that only held-out datasets have
        return model.eval(), bank.attach(self.encoder).eval()

    def checkpoint(self) -> dict:
        """Averaged weights for use, and all that a resumed run needs."""
        model, bank = self.users()
        bank.remember(self.table.labels)
        return {
            "format": CHECKPOINT_FORMAT,
            "model": plain_state_dict(model),
            "label_bank": plain_state_dict(bank),
            "network": model.config.to_dict(),
            "placements": model.placements,
            "labels": self.table.labels,
            "text_encoder": TEXT_ENCODER,
            "bank": self.bank_sizes,
            "window_s": WINDOW_S,
            "stride_s": STRIDE_S,
            "min_window_s": MIN_WINDOW_S,
            "training": {
                "trained": plain_state_dict(self.trained),
                "averages": self.averaged.updates,
                "optimizer": self.optimizer.state_dict(),
                "queue": None if self.queue is None else self.queue.state_dict(),
                "generators": generator_states({"default": torch.default_generator}),
            },
        }

    def restore(self, state: dict) -> None:
        """Go on from what ``checkpoint`` returned."""
        model, bank = self.averaged.module["used"]["model"], self.averaged.module["used"]["bank"]
        model.load_state_dict(state["model"])
        bank.load_state_dict(state["label_bank"])
        training = state["training"]
        self.trained.load_state_dict(training["trained"])
        self.averaged.updates = training["averages"]
        self.optimizer.load_state_dict(training["optimizer"])
        if self.queue is not None:
            self.queue.load_state_dict(training["queue"])
        restore_generators({"default": torch.default_generator}, training["generators"])


def closed_set(index: WindowIndex, rows: np.ndarray, embeddings: Tensor, bank: LearnableLabelBank) -> dict[str, dict]:
    """Scores of each dataset among the labels that it was asked about."""
    results = {}
    for dataset_id in np.unique(index.dataset_id[rows]):
        mine = np.flatnonzero(index.dataset_id[rows] == dataset_id)
        truth = [index.labels[i] for i in index.label_id[rows[mine]]]
        labels = sorted(set(truth))
        predicted, _ = bank.classify(embeddings[torch.from_numpy(mine).to(embeddings.device)], labels)
        results[index.datasets[dataset_id]] = classification_scores(truth, predicted, labels)
    return results


def validate(learner: Learner, corpus: Corpus) -> dict[str, dict]:
    """Closed-set scores, means over datasets: of held-out people ("validation") and datasets ("held_out")."""
    model, bank = learner.users()
    scores = {}
    for split, index, rows in (
        ("validation", corpus.index, corpus.validation_rows),
        ("held_out", corpus.held_out, corpus.held_out_rows),
    ):
        if len(rows):
            results = closed_set(index, rows, model.embed_rows(index, rows), bank)
            names = ("macro_f1", "accuracy")
            scores[split] = {name: float(np.mean([r[name] for r in results.values()])) for name in names}
            scores[split]["datasets"] = {d: {name: r[name] for name in names} for d, r in results.items()}
    return scores


def draw_plots(folder: Path, learner: Learner, corpus: Corpus) -> None:
    """Curves, and what best.pt makes of the held-out data (of the held-out people where no dataset is held out)."""
    learner.restore(load_checkpoint(folder / "best.pt", learner.device))
    model, bank = learner.users()
    plots = folder / "plots"
    plot_curves(folder / "metrics.jsonl", plots / "curves.png")
    held_out = len(corpus.held_out_rows) > 0
    index = corpus.held_out if held_out else corpus.index
    rows = corpus.held_out_rows if held_out else corpus.validation_rows
    labels = learner.table.labels
    if len(rows):
        embeddings = model.embed_rows(index, rows)
        for name, result in closed_set(index, rows, embeddings, bank).items():
            title = f"{name}: macro-F1 {result['macro_f1']:.3f}, accuracy {result['accuracy']:.3f}"
            plot_confusion(result["confusion"], result["labels"], plots / f"confusion_{name}.png", title)
        truth = [index.labels[i] for i in index.label_id[rows]]
        shown = sorted(set(truth))
        texts = bank.encode(shown).reshape(len(shown), PROTOTYPES, -1).mean(1)
        texts = nn.functional.normalize(texts, dim=-1)
        plot_embedding_map(
            embeddings.cpu().numpy(), truth, texts.cpu().numpy(), shown, plots / "embedding_map.png",
            f"Windows of {', '.join(index.datasets)} and their labels" if held_out else "Windows of held-out people",
        )  # fmt: skip
    texts = nn.functional.normalize(bank.encode(labels).reshape(len(labels), PROTOTYPES, -1).mean(1), dim=-1)
    plot_similarity((texts @ texts.T).clamp(-1, 1).cpu().numpy(), labels, plots / "label_similarity.png")


def closing_line(folder: Path) -> str:
    """What best.pt reaches, and where everything is."""
    best_step = load_checkpoint(folder / "best.pt")["step"]
    parts = []
    for record in read_metrics(folder / "metrics.jsonl"):
        if record["step"] == best_step and record["split"] in ("validation", "held_out"):
            who = (
                "held-out people" if record["split"] == "validation" else "never seen " + ", ".join(record["datasets"])
            )
            parts.append(f"{who}: macro-F1 {record['macro_f1']:.3f}, accuracy {record['accuracy']:.3f}")
    return f"best.pt is of step {best_step}" + "".join(f";  {part}" for part in parts) + f"\nEverything is in {folder}"


if __name__ == "__main__":
    try:
        main()
    except (ConstantError, DatasetError, CheckpointError, FileNotFoundError, ProcessLostError) as error:
        raise SystemExit(f"error: {error}") from None
