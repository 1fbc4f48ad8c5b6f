"""Align IMU embeddings with activity text, on every dataset prepared under DATA_ROOT.

    python semantic_alignment_train.py                          train, validate, plot
    python semantic_alignment_train.py --EPOCHS=2 --SEED=1      any constant below can be overridden
    python semantic_alignment_train.py --RESUME=training_output/semantic_alignment/20260131_120000
    torchrun --standalone --nproc-per-node=4 semantic_alignment_train.py       several processes, the same batches

People are simulated and used beside what is prepared, or alone where nothing is; the README says what to expect. Every
run has a folder of its own with hyperparameters.json, epoch_*.pt, best.pt, metrics.jsonl, run.json, plots/.
"""

import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from har.labels.groups import group_of, is_fall
from har.network.alignment import AlignmentModel
from har.network.config import NetworkConfig
from har.network.reconstruction import load_pretrained_encoder
from har.network.upgrade import CHECKPOINT_FORMAT, upgraded_constants
from har.run.checkpoint import generator_states, load_checkpoint, plain_state_dict, restore_generators
from har.run.device import repeated_s
from har.run.distributed import Processes
from har.run.ending import exit_status
from har.run.folder import resolve_cache, resolve_under_root
from har.run.log import RateMeter
from har.run.optimizer import GuardedOptimizer, WeightAverage
from har.run.schedule import warmup_cosine
from har.run.seed import derive_seed
from har.text.encoder import SentenceEncoder, TextFeatures
from har.text.label_bank import LearnableLabelBank, PhrasingTable
from har.training.corpus import check_learnable, learned_from, open_corpus
from har.training.loop import Loop
from har.training.run import find_state, open_run
from har.training.session import Session, Training
from har.training.teachers import Teachers
from har.training.validation import closing_line, draw_alignment, validate
from har.windows.augment import Augmentation, SharedRandom, augment
from har.windows.batch import BatchMaker, SensorWindows, resident_device, to_device
from har.windows.body_axes import body_axes
from har.windows.index import WindowIndex
from har.windows.mirror import Mirror
from har.windows.sampling import BalancedSampler, evenly_spaced
from training_scripts.human_activity_recognition.memory_bank import MemoryBank
from training_scripts.human_activity_recognition.semantic_loss import SemanticAlignmentLoss, distillation_loss

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
MIRROR = 0.5  # share of windows of the wearer's mirror image, unless the activity has a side
SCALE = 0.05  # gain of a triad, log-normal; larger would blur 1 g
JITTER = (0.03, 0.05, 0.0)  # g, rad/s, uT
TIME_WARP = 0.1  # largest relative change of tempo
SHORTEN = 0.3  # share of windows of which only a first part stays: length must not tell the activity
GYROSCOPE_DROPOUT = 0.3  # many test devices have none
SENSOR_DROPOUT = 0.05
LOWER_RATES_HZ = (12.5, 16.0)  # simulated device rates below the network's own
LOWER_RATE_SHARE = 0.1
LOST = (0.5, 0.2)  # largest share of samples lost, as by a radio link, and share of windows that lose any
PLACEMENT_DROPOUT = 0.3  # placement may be unknown at inference
BODY_DROPOUT = 0.4  # share of windows that do not know how they lie against the body: one on its own does not
AHEAD_DROPOUT = 0.1  # share of the others that know only up: ahead takes regular walking to be found
BODY_ERROR_RAD = (0.1, 0.3)  # of up, per axis, and of ahead; people lean and devices slip

# ---- network ---------------------------------------------------------------------------------------------------------
SAMPLING_RATE_HZ = 25.0  # human movement lies below 10 Hz, and every dataset reaches it
PATCH_S = 1.0
STEM_WIDTHS = (32, 64)
WIDTH = 128  # of the transformer
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

# ---- earlier runs ----------------------------------------------------------------------------------------------------
PRETRAINED_ENCODER = None  # stage 1: best.pt or latest.pt of pretrain.py; measured: no gain at equal total time
FREEZE_ENCODER = False  # learn the pooling, the head and the label bank only
TEACHERS = ()  # best.pt of earlier runs, or "default", the released model: their mean is learned beside the labels
DISTILLATION_WEIGHT = 1.0  # of that

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
LEARNING_RATE = 2e-3  # at its highest
WEIGHT_DECAY = 0.05
WARMUP_SHARE = 0.05  # of all steps
GRADIENT_CLIP = 1.0  # norm
EMA_DECAY = 0.995  # of the averaged weights, which are what is validated and saved for use

# ---- running ---------------------------------------------------------------------------------------------------------
OUTPUT_ROOT = "training_output"
DEVICE = "auto"  # auto, cpu, cuda or cuda:N
PRECISION = "auto"  # of the network: bfloat16 (auto: on a GPU) or float32
CORPUS_ON_GPU = "auto"  # auto (if half of its free memory holds them), on or off: a batch's last digit depends on it
COMPILE = "auto"  # torch.compile: auto (on a GPU), on or off
REPEATED_STEPS = 0  # only to measure speed: so often is the last step repeated on its batch, as a graph on a GPU, and
WAIT_FOR_PARTS = False  # whether the host waits for a GPU after each part of a step, so that their shares are true
LOADER_WORKERS = 1  # threads that prepare batches; on a CPU more of them only compete with the network
LOG_EVERY = 20  # steps
RESUME = ""  # run folder or checkpoint
STOP_AFTER_EPOCH = 0  # end early, e.g. at a cluster's time limit, and go on with RESUME; 0 = never

training = Training(
    folder="semantic_alignment",
    record="hyperparameters.json",
    checkpoints="epoch_*.pt",
    holds="label_bank",
    choices={
        "PRECISION": ("auto", "bfloat16", "float32"), "LOSS_VARIANT": ("hard", "soft", "supcon", "siglip"),
        "COMPILE": ("auto", "on", "off"), "CORPUS_ON_GPU": ("auto", "on", "off"),
    },
    free_to_change={
        "RESUME", "STOP_AFTER_EPOCH", "LOG_EVERY", "OUTPUT_ROOT", "DATA_ROOT", "TEXT_CACHE", "LOADER_WORKERS",
        "REPEATED_STEPS", "WAIT_FOR_PARTS",
    },
    upgraded=upgraded_constants,
)  # fmt: skip


class Corpus(NamedTuple):
    """Windows to learn from, and those of the datasets held out."""

    index: WindowIndex
    train_rows: np.ndarray
    validation_rows: np.ndarray
    held_out: WindowIndex | None
    held_out_rows: np.ndarray
    body: list[np.ndarray]  # axes, of the streams of the index
    learned_from: dict  # what a resumed run must share

    @classmethod
    def opened(cls, session: Session) -> "Corpus":
        """Every prepared dataset, or simulated people when there is none; people held out for validation."""
        learned, held_out = open_corpus(session.constants, session.tell)
        index = WindowIndex(learned, WINDOW_S, STRIDE_S, MIN_WINDOW_S)
        labelled, validation = index.label_id >= 0, index.split(SPLIT_SALT, VALIDATION_SHARE, VALIDATION_FROM)
        train = labelled & ~validation & ~index.split(f"{SPLIT_SALT}/labelled", 1 - LABELLED_SHARE)
        check_learnable(index, train, labelled & validation, VALIDATION_SHARE)
        held_out_index = WindowIndex(held_out, WINDOW_S, STRIDE_S, MIN_WINDOW_S) if held_out else None
        # The headline figure is of daily activities; falls are another task (evaluate_zero_shot.py --falls).
        scored = held_out_index.labelled_rows(lambda label: not is_fall(label)) if held_out else np.zeros(0, dtype=int)
        samples = sum(len(stream.samples) for stream in index.streams)
        with tqdm(total=samples, desc="body axes", unit="sample", unit_scale=True, leave=False, delay=2) as bar:
            body = body_axes(index, bar.update)
        validated = evenly_spaced(np.flatnonzero(labelled & validation), VALIDATION_WINDOWS)
        scored = evenly_spaced(scored, VALIDATION_WINDOWS)
        return cls(index, np.flatnonzero(train), validated, held_out_index, scored, body, learned_from(learned))

    @property
    def scored(self) -> dict[str, tuple[WindowIndex | None, np.ndarray]]:
        """What is scored after every epoch: index and rows of held-out people, and of held-out datasets."""
        return {"validation": (self.index, self.validation_rows), "held_out": (self.held_out, self.held_out_rows)}


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
    with Session(training, globals(), argv) as session:
        return train(session)


def train(session: Session) -> Path:
    """Open what is prepared, align windows with the words of their labels, validate, save, draw."""
    processes, device, found = session.processes, session.device, find_state(session)

    # Data and text: everything memory-mapped or cached.
    with processes.first_alone():
        corpus = Corpus.opened(session)
        encoder = SentenceEncoder(TEXT_ENCODER, resolve_cache(TEXT_CACHE), device)
        labels = [corpus.index.labels[i] for i in np.unique(corpus.index.label_id[corpus.train_rows])]
        table = PhrasingTable(encoder, labels).to(device)

    # Network, label bank, loss, memory bank, averaged weights; and the folder that they are saved in.
    learner = Learner(corpus, encoder, table, processes)
    batches = Batches(corpus, table, learner.model.placement_row, processes)
    learned_from = corpus.learned_from | learner.teachers.learned_from | {"labels": labels}
    run = open_run(session, found, learner, learned_from, progress={"best_score": -1.0})
    loop = Loop(run, batches, len(corpus.train_rows), shown={"loss": "loss", "gap": "similarity_gap"})
    session.tell(
        f"{len(corpus.train_rows):,} windows of {len(corpus.index.datasets)} datasets, {len(labels)} labels; "
        f"{sum(p.numel() for p in learner.model.parameters()):,} parameters; {loop.total_steps} steps on {processes}"
    )

    # Loop: train, log, validate, save.
    for step, batch in loop:
        rate = LEARNING_RATE * warmup_cosine(step, loop.total_steps, round(WARMUP_SHARE * loop.total_steps))
        metrics = learner.step(step, batch, rate, loop.logging, loop.meter)
        loop.count(metrics, rate, learner.optimizer.first_bad)
        if loop.epoch_ends:
            scores = processes.on_first(lambda: validate(*learner.users(), corpus.scored))
            loop.log_scores(scores)
            # Without people to validate on, the newest epoch counts as the best.
            score = scores["validation"]["macro_f1"] if "validation" in scores else float(loop.epoch)
            best = ["best.pt"] if score > run.progress["best_score"] else []
            run.progress["best_score"] = max(score, run.progress["best_score"])
            # The epoch comes last: a run that dies here repeats the epoch's end and writes the same best.pt again.
            run.save(*best, f"epoch_{loop.epoch:03d}.pt", instead_of="epoch_*_interrupted.pt")
            told = (f"{s} macro-F1 {v['macro_f1']:.3f} accuracy {v['accuracy']:.3f}" for s, v in scores.items())
            session.tell(f"epoch {loop.epoch}/{EPOCHS}:  {',  '.join(told)}")
        elif loop.saving:
            run.save(f"epoch_{loop.epoch:03d}_interrupted.pt")
    if REPEATED_STEPS and loop.epoch_ends and not loop.stopping:
        again_s = repeated_s(lambda: learner.step(step, batch, rate, True, RateMeter()), REPEATED_STEPS, device)
        loop.log({"split": "repeated", "step_s": again_s})

    if loop.finish():
        learner.restore(load_checkpoint(run.folder / "best.pt", device))
        split = "held_out" if len(corpus.held_out_rows) else "validation"
        index, rows = corpus.scored[split]
        whose = "held-out people" if split == "validation" else f"{', '.join(index.datasets)} and their labels"
        draw_alignment(run.folder, *learner.users(), labels, index, rows, f"Windows of {whose}")
        session.tell(closing_line(run.folder))
    return run.folder


class Batches:
    """Batches as a pure function of the step, so that a resumed run sees what it would have seen."""

    def __init__(self, corpus: Corpus, table: PhrasingTable, placements: dict[str, int], processes: Processes) -> None:
        index, rows = corpus.index, corpus.train_rows
        self.index, self.table, self.processes = index, table, processes
        self.label_row = np.array([table.labels.index(own) if own in table.labels else -1 for own in index.labels])
        group_id = np.unique([group_of(label) for label in index.labels], return_inverse=True)[1]
        self.sampler = BalancedSampler(
            rows, index.dataset_id[rows], group_id[index.label_id[rows]], DATASET_EXPONENT, GROUP_EXPONENT
        )
        self.mirror = Mirror(MIRROR, table.labels, placements, processes.device)
        place = resident_device(index, processes.device, CORPUS_ON_GPU)
        self.gather = BatchMaker(index, SAMPLING_RATE_HZ, SENSORS, placements, corpus.body, place)
        self.strength = Augmentation(
            ROTATION, TILT_RAD, SCALE, JITTER, TIME_WARP, SHORTEN, MIN_WINDOW_S, GYROSCOPE_DROPOUT, SENSOR_DROPOUT,
            LOWER_RATES_HZ, LOWER_RATE_SHARE, LOST, PLACEMENT_DROPOUT, BODY_DROPOUT, AHEAD_DROPOUT, BODY_ERROR_RAD,
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
        random, label = SharedRandom(random, len(rows), share), self.label_row[self.index.label_id[rows]]
        windows = augment(self.mirror(windows, label[share], random), self.strength, SAMPLING_RATE_HZ, random)
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
        self.undecided = table.undecided() & UNDECIDED_PAIRS
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
        self.teachers = Teachers(TEACHERS, self.model, TEXT_ENCODER, DISTILLATION_WEIGHT)
        self.bank = LearnableLabelBank(**self.bank_sizes).to(device)
        self.bank.centre_on(table.pooled_mean)
        self.criterion = SemanticAlignmentLoss(TEMPERATURE, LOSS_VARIANT, SOFT_TARGET_TEMPERATURE, SOFT_TARGET_WEIGHT)
        self.queue = None
        if QUEUE_SIZE:
            self.queue = MemoryBank(
                QUEUE_SIZE, EMBEDDING_WIDTH, device, target_dim=1, target_dtype=torch.long, prototypes=PROTOTYPES
            )
        self.used = nn.ModuleDict({"model": self.model, "bank": self.bank})
        self.trained = nn.ModuleDict({"used": self.used, "criterion": self.criterion}).to(device)
        compiled = COMPILE == "on" or (COMPILE == "auto" and device.type == "cuda")
        self.forward, self.compare = (torch.compile(p) if compiled else p for p in (self.model, self.criterion))
        hidden = self.model.encoder.hidden_matrices()
        self.optimizer = GuardedOptimizer(self.trained, WEIGHT_DECAY, GRADIENT_CLIP, hidden)
        processes.copy_from_first(self.optimizer.flat.values)
        self.averaged = WeightAverage(self.optimizer, EMA_DECAY)

    def step(self, step: int, batch: TrainingBatch, rate: float, logged: bool, meter: RateMeter) -> dict[str, Tensor]:
        """One update; returns the loss's metrics and the gradient norm when asked for. Nothing waits for the device."""
        with meter.part("forward"):
            loss, metrics, imu, text = self.loss(batch, logged)
        with meter.part("backward"):
            loss.backward()
            self.processes.sum_gradients(self.optimizer.gradients, computed_by_all=self.criterion)
        with meter.part("optimiser"):
            norm = self.optimizer.step(loss, step, rate)
            self.averaged.update()
        if self.queue is not None:
            self.queue.update(imu.detach(), text.detach(), batch.label[:, None], check=False)
        return metrics | {"gradient_norm": norm} if logged else {}

    def loss(self, batch: TrainingBatch, logged: bool) -> tuple[Tensor, dict[str, Tensor], Tensor, Tensor]:
        """Loss and metrics of the whole batch, with the embeddings of its windows and of their texts."""
        self.model.train()
        half = PRECISION == "bfloat16" or (PRECISION == "auto" and self.device.type == "cuda")
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            imu = self.forward(batch.windows).window
            text = self.bank(*batch.text)[batch.text_row]
        taught = self.teachers.embed(batch.windows, batch.text, batch.text_row)
        imu, text, *taught = self.processes.gather([imu, text, *taught], len(batch.label))
        queued_imu = queued_text = queued_targets = None
        column_label = batch.label
        if self.queue is not None and len(self.queue):
            queued_imu, queued_text = self.queue.get_queue_embeddings()
            queued_label = self.queue.get_queue_targets()[:, 0]
            queued_targets = self.targets[queued_label]
            column_label = torch.cat([batch.label, queued_label])
        undecided = tuple(pairs[batch.label][:, column_label] for pairs in (self.undecided, self.undecided.T))
        # The compiler makes one program for each number of columns: it is asked when the queue has all of its own.
        compare = self.compare if self.queue is None or self.queue.is_full else self.criterion
        loss, metrics = compare(
            imu, text, queued_imu, queued_text, logged,
            text_targets=self.targets[batch.label], queue_targets=queued_targets, undecided=undecided,
        )  # fmt: skip
        if TEACHERS:
            apart = distillation_loss(imu, text, self.criterion.scale, self.teachers.paired(taught))
            loss, metrics = loss + self.teachers.weight * apart, metrics | {"distillation": apart.detach()}
        return loss, metrics, imu, text

    def users(self) -> tuple[AlignmentModel, LearnableLabelBank]:
        """The averaged network and label bank, ready for use."""
        model, bank = self.averaged.module["used"]["model"], self.averaged.module["used"]["bank"]
        bank.set_logit_scale(self.criterion.scale)
        bank.calibrate()
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


if __name__ == "__main__":
    sys.exit(exit_status(main, print, partial(print, file=sys.stderr)))
