"""The datasets that a training script learns from and holds out, as its constants say."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from tqdm import tqdm

from har.labels.groups import group_of, pace_of
from har.recordings.corpus import open_datasets, simulated_people
from har.recordings.digest import dataset_digest
from har.recordings.format import Dataset, DatasetError
from har.recordings.simulate import SIMULATED_NAMES
from har.run.folder import resolve_under_root
from har.windows.index import WindowIndex


def open_corpus(constants: Mapping[str, Any], tell: Callable[[str], object]) -> tuple[list[Dataset], list[Dataset]]:
    """(datasets to learn from, datasets held out), each sorted by name; simulated people where nothing is prepared.

    constants: DATA_ROOT, HELD_OUT_DATASETS and SIMULATED_* of a script, and DATASETS and SIMULATED_BESIDE if it has
    them. tell: receives lines for people. Raises as ``open_datasets`` does.
    """
    return open_datasets(
        resolve_under_root(constants["DATA_ROOT"]),
        constants["HELD_OUT_DATASETS"],
        simulated_people(constants, progress=partial(tqdm, desc="simulating", unit="person")),
        tell,
        lambda names: tqdm(names, desc="opening", unit="dataset", leave=False, delay=2),
        only=constants.get("DATASETS", ()),
        beside=SIMULATED_NAMES if constants.get("SIMULATED_BESIDE") else (),
    )


def learned_from(datasets: Sequence[Dataset]) -> dict[str, Any]:
    """What a resumed run must share: the names of its datasets, and a digest of each in the dict ``data``."""
    return {
        "datasets": [dataset.name for dataset in datasets],
        "data": {dataset.name: dataset_digest(dataset) for dataset in datasets},
    }


def check_learnable(
    index: WindowIndex, train: np.ndarray, validation: np.ndarray, share: float, labels: bool = True
) -> None:
    """Whether there is something to learn from these windows, and somebody to validate on.

    train, validation: (n,) bool. share: of the people, held out for validation. labels: whether activities are learned,
    which takes two of them. Raises ``DatasetError`` that says what is missing; warns where nobody is validated on.
    """
    where, people = ", ".join(index.datasets), len(index.subjects)
    if labels and not (index.label_id >= 0).any():
        raise DatasetError(f"{where}: no window has a label, and activities are learned by them (docs/data_format.md)")
    if not train.any():
        held_out = [index.subjects[i] for i in np.unique(index.subject_id[validation])]
        raise DatasetError(
            f"{where}: nobody is left to learn from. Of {people} people {', '.join(held_out[:8]) or 'none'} "
            f"are held out for validation (VALIDATION_SHARE is {share:g}); prepare recordings of more people, or give "
            "--VALIDATION_SHARE=0"
        )
    learned = np.unique(index.label_id[train & (index.label_id >= 0)])
    names = [index.labels[i] for i in learned]
    if labels and len(names) > 1 and len({(group_of(name), pace_of(name)) for name in names}) < 2:
        raise DatasetError(
            f"{where}: {', '.join(map(repr, names))} say the same (har/labels/groups.py), and one activity is told "
            "from others. Prepare recordings of several activities"
        )
    if labels and len(learned) < 2:
        elsewhere = np.setdiff1d(index.label_id[validation & (index.label_id >= 0)], learned)
        by = [index.subjects[i] for i in np.unique(index.subject_id[validation & np.isin(index.label_id, elsewhere)])]
        remedy = "Prepare recordings of several activities"
        if len(elsewhere):
            others = ", ".join(index.labels[i] for i in elsewhere[:8])
            remedy += (
                f", or give --VALIDATION_SHARE=0: those held out for validation ({', '.join(by[:8])}) alone do {others}"
            )
        only = f"{index.labels[learned[0]]!r} is the only activity" if len(learned) else "there is no activity"
        raise DatasetError(f"{where}: {only} to learn from, and one is told from others. {remedy}")
    if share and not validation.any():
        warnings.warn(
            f"none of the {people} people falls among the {share:.0%} held out for validation, so that best.pt will be "
            "the newest epoch's; prepare recordings of more people, or give a larger VALIDATION_SHARE",
            stacklevel=2,
        )
