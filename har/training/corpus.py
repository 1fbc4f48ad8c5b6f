"""The datasets that a training script learns from and holds out, as its constants say."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from har.recordings.corpus import Fallback, open_datasets
from har.recordings.format import Dataset
from har.recordings.simulate import SIMULATED_NAMES, write_simulated_corpus
from har.run.folder import resolve_under_root


def open_corpus(constants: Mapping[str, Any], tell: Callable[[str], object]) -> tuple[list[Dataset], list[Dataset]]:
    """(datasets to learn from, datasets held out), each sorted by name; simulated people where nothing is prepared.

    constants: DATA_ROOT, HELD_OUT_DATASETS and SIMULATED_* of a script, and DATASETS and SIMULATED_BESIDE if it has
    them. tell: receives lines for people. Raises as ``open_datasets`` does.
    """
    return open_datasets(
        resolve_under_root(constants["DATA_ROOT"]),
        constants["HELD_OUT_DATASETS"],
        Fallback(constants["SIMULATED_FOLDER"], constants["SIMULATED_HELD_OUT"], partial(_simulate, constants)),
        tell,
        lambda names: tqdm(names, desc="opening", unit="dataset", leave=False, delay=2),
        only=constants.get("DATASETS", ()),
        beside=SIMULATED_NAMES if constants.get("SIMULATED_BESIDE") else (),
    )


def _simulate(constants: Mapping[str, Any], folder: Path) -> None:
    write_simulated_corpus(
        folder,
        people=constants["SIMULATED_PEOPLE"],
        hours=constants["SIMULATED_HOURS"],
        seed=constants["SIMULATED_SEED"],
        progress=partial(tqdm, desc="simulating", unit="person"),
    )
