"""What a leave-one-dataset-out protocol measures: the datasets, seeds, steps and constants, and the cells they make.

The plan is recorded in the protocol's folder; whoever goes on there does so with the same one. The constants below are
part of the definition, so they stand here and in no script: scores that bear the protocol's name are taken with them.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple, get_origin

from har.protocol.request import EvaluationError
from har.protocol.scoring import choose_windows
from har.recordings.format import prepared_datasets, read_dataset
from har.run.constants import difference, joined_arguments, override_constants, read_constants, snapshot_constants
from har.run.folder import RecordError, read_json, repository_root

PLAN_NAME = "protocol.json"
TRAINING_SCRIPT = "training_scripts/human_activity_recognition/semantic_alignment_train.py"

MODEL, FOREST, FROZEN, CEILING = "model", "forest", "frozen", "ceiling"
FOLDS = 3  # of the ceiling: two thirds of the people train, the others are scored
FOREST_AS_STEPS = 200  # what a forest takes, in training steps, for the estimate of the time that is left

# Phones in pockets, watches, bands and boxes at many places, daily activities each: datasets whose labels name
# activities that some other dataset shows as well. The first seven were left out before the others were converted: the
# report gives their mean beside that over all, so that protocols of then and now compare.
FIRST_LEFT_OUT = ("mobifall", "selfback", "pdiot", "wisdm_phone", "sisfall", "spsw_har", "forth_trace")
LEFT_OUT = (*FIRST_LEFT_OUT, "smartfallmm", "gesture_logs")
SEEDS = (0, 1, 2)
STANDARD_STEPS = 2000  # of a batch each: six to seven minutes a model on one core
CEILING_STEPS = 400  # a single dataset is learned sooner
REFERENCES = (FOREST, FROZEN, CEILING)
REFERENCE_SEED = 0  # of the references that have one

# Constants of the training script that every cell sets itself, and those that change no number.
SET_BY_CELLS = (
    "DATA_ROOT", "OUTPUT_ROOT", "HELD_OUT_DATASETS", "SEED", "EPOCHS", "STEPS_PER_EPOCH", "RESUME", "STOP_AFTER_EPOCH",
)  # fmt: skip
FREE = ("TEXT_CACHE", "LOG_EVERY", "LOADER_WORKERS")


class Cell(NamedTuple):
    """One model: the dataset that it is scored on, what kind it is, and its seed (of a ceiling, the fold)."""

    dataset: str
    what: str
    number: int

    @property
    def name(self) -> str:
        return f"{self.dataset}/{self.what}_{self.number}"


@dataclass(frozen=True, kw_only=True)
class ProtocolRequest:
    """What a protocol is asked for; None (of ``train``: nothing) stands for what its folder records, or the default.

    data: folder of the prepared datasets. references: some of `REFERENCES`, or "none" alone. train: overrides of
    training constants, each text with one or several ``--NAME=value``. jobs: cells at once. report_only: do no cell.
    """

    out: Path
    data: Path | None = None
    datasets: Sequence[str] | None = None
    seeds: Sequence[int] | None = None
    steps: int | None = None
    ceiling_steps: int | None = None
    references: Sequence[str] | None = None
    train: Sequence[str] | None = None
    jobs: int = 1
    report_only: bool = False


@dataclass(frozen=True)
class Plan:
    """What defines the numbers of a protocol; recorded in its folder as ``protocol.json``.

    prepared: names of all datasets under ``data``. train: overrides of training constants, ``--NAME=value``.
    constants: those of the training script with these overrides, without those that every cell sets itself.
    """

    data: str
    datasets: list[str]
    seeds: list[int]
    references: list[str]
    steps: int
    ceiling_steps: int
    prepared: list[str]
    train: list[str]
    constants: dict

    @property
    def window(self) -> tuple[float, float, float]:
        """Seconds of a window, of its stride and of the shortest one."""
        return tuple(self.constants[name] for name in ("WINDOW_S", "STRIDE_S", "MIN_WINDOW_S"))

    def steps_of(self, cell: Cell) -> int:
        """Training steps, the measure of how long a cell takes."""
        return {CEILING: self.ceiling_steps, FOREST: FOREST_AS_STEPS}.get(cell.what, self.steps)


# --- What defines the numbers ----------------------------------------------------------------------------------------


def make_plan(asked: ProtocolRequest) -> Plan:
    """The plan that is asked for, or that of the folder where the request says nothing.

    Raises ``EvaluationError`` for datasets that are not prepared and settings that make no sense or are not those of
    the folder; ``ConstantError`` for overrides that the training script does not know.
    """
    out = asked.out.resolve()
    old = read_plan(out) if (out / PLAN_NAME).exists() else None
    data = asked.data.resolve() if asked.data else Path(old.data) if old else repository_root() / "data"
    prepared = prepared_datasets(data)
    train = split_overrides(asked.train) if asked.train else old.train if old else []
    plan = Plan(
        data=str(data),
        datasets=choose_datasets(asked.datasets, old.datasets if old else [], prepared, data),
        seeds=list(dict.fromkeys([*(old.seeds if old else []), *(asked.seeds or ([] if old else SEEDS))])),
        references=choose_references(asked.references, old.references if old else None),
        steps=first_given(asked.steps, old and old.steps, STANDARD_STEPS),
        ceiling_steps=first_given(asked.ceiling_steps, old and old.ceiling_steps, CEILING_STEPS),
        prepared=prepared,
        train=train,
        constants=training_constants(train),
    )
    if plan.steps < 1 or plan.ceiling_steps < 1:
        raise EvaluationError(f"--steps {plan.steps}, --ceiling-steps {plan.ceiling_steps}; expected at least 1")
    if old and (lines := difference(fixed(plan), fixed(old), FREE, PLAN_NAME)):
        raise EvaluationError(
            f"{out} holds a protocol with other settings: {'; '.join(lines)}. Give those, or another --out (seeds, "
            "datasets and references may be added)"
        )
    return plan


def first_given(*values: int | None) -> int:
    return next(value for value in values if value is not None)


def read_plan(out: Path) -> Plan:
    """The plan that a folder records. Raises ``EvaluationError`` when there is none, or of another version."""
    try:
        plan = Plan(**read_json(out / PLAN_NAME, "give another --out"))
    except FileNotFoundError:
        raise EvaluationError(f"{out} holds no {PLAN_NAME}: no protocol was begun there") from None
    except RecordError as error:
        raise EvaluationError(str(error)) from None
    except TypeError as error:
        raise EvaluationError(f"{out / PLAN_NAME} is no plan that this code reads ({error}); another --out") from None
    # Without checksum, of a former version or another hand: at least of the kinds that are expected.
    for field in fields(Plan):
        kind = get_origin(field.type) or field.type
        if type(getattr(plan, field.name)) is not kind:
            found = type(getattr(plan, field.name)).__name__
            raise EvaluationError(
                f"{out / PLAN_NAME}: {field.name} is a {found}, expected a {kind.__name__}; give another --out"
            )
    return plan


def fixed(plan: Plan) -> dict:
    """Everything that must not change while a protocol goes on."""
    own = {"STEPS": plan.steps, "CEILING_STEPS": plan.ceiling_steps, "PREPARED_DATASETS": plan.prepared}
    return own | plan.constants


def choose_datasets(given: Sequence[str] | None, before: list[str], prepared: list[str], data: Path) -> list[str]:
    """Datasets left out: those of the folder and those given; by default `LEFT_OUT`, as far as prepared."""
    chosen = list(dict.fromkeys([*before, *(given or ())])) or [name for name in LEFT_OUT if name in prepared]
    if absent := [name for name in chosen if name not in prepared]:
        raise EvaluationError(
            f"{', '.join(absent)}: not prepared under {data}, which holds {', '.join(prepared) or 'no dataset'}; "
            "prepare_data.py convert makes dataset folders, --data names another place"
        )
    if len(chosen) < 2:
        raise EvaluationError(
            f"{' '.join(chosen) or 'nothing'} alone to leave out of the datasets under {data} "
            f"({', '.join(prepared) or 'none'}); a mean over datasets needs two at least. Name them with --datasets"
        )
    return chosen


def choose_references(given: Sequence[str] | None, before: list[str] | None) -> list[str]:
    """References of the folder and those given; all by default."""
    if given and "none" in given and len(given) > 1:
        raise EvaluationError(f"--references {' '.join(given)}: give none alone")
    asked = [name for name in given or () if name != "none"]
    if before is None and given is None:
        asked = list(REFERENCES)
    return [name for name in REFERENCES if name in {*asked, *(before or ())}]


def split_overrides(given: Sequence[str]) -> list[str]:
    """``--train`` options, each with one or several ``--NAME=value``, as a list of these."""
    overrides = joined_arguments([argument for text in given for argument in shlex.split(text)])
    if taken := [a for a in overrides if a[2:].partition("=")[0] in SET_BY_CELLS]:
        raise EvaluationError(f"--train {' '.join(taken)}: set by the protocol itself, in every cell; leave it out")
    return overrides


def training_constants(train: list[str]) -> dict:
    """Constants of the training script with overrides, without those that cells set."""
    constants = read_constants(repository_root() / TRAINING_SCRIPT)
    override_constants(constants, train)
    return {name: value for name, value in snapshot_constants(constants).items() if name not in SET_BY_CELLS}


# --- Cells -----------------------------------------------------------------------------------------------------------


def expected_cells(plan: Plan) -> list[Cell]:
    """All cells in the order in which they are done: a first seed everywhere, then references, then the other seeds."""
    first, *others = plan.seeds
    cells = [Cell(dataset, MODEL, first) for dataset in plan.datasets]
    for what in plan.references:
        for dataset in plan.datasets:
            numbers = ceiling_folds(dataset, plan) if what == CEILING else [REFERENCE_SEED]
            cells += [Cell(dataset, what, number) for number in numbers]
    return cells + [Cell(dataset, MODEL, seed) for seed in others for dataset in plan.datasets]


def ceiling_folds(dataset: str, plan: Plan) -> list[int]:
    """Folds that have people to score and people to learn from."""
    windows = choose_windows(read_dataset(Path(plan.data) / dataset), *plan.window)
    folds = []
    for fold in range(FOLDS):
        held_out = windows.index.split(plan.constants["SPLIT_SALT"], fold_share(), fold_start(fold))[windows.rows]
        if held_out.any() and not held_out.all():
            folds.append(fold)
    return folds


def fold_share() -> float:
    """Share of the people that a fold of the ceiling holds out."""
    return 1 / FOLDS


def fold_start(fold: int) -> float:
    """Where the people of a fold begin, as a share."""
    return fold / FOLDS
