"""A cell of the protocol without a network: a random forest on hand-made features, bridged by sentence embeddings.

It learns from the windows that the networks learn from, and names the same windows of the left-out dataset.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from har.evaluation.references import ForestReference, conse_bridge
from har.labels.groups import group_of
from har.labels.wording import phrasings
from har.protocol.plan import Plan
from har.protocol.request import Console
from har.protocol.scoring import (
    CLOSED_SET,
    OPEN_SET,
    choose_windows,
    predictions_name,
    predictions_table,
)
from har.recordings.corpus import open_datasets, simulated_people
from har.recordings.format import Dataset, read_dataset
from har.recordings.simulate import SIMULATED_NAMES
from har.run.folder import resolve_cache, write_atomically
from har.run.seed import derive_seed
from har.text.encoder import SentenceEncoder
from har.windows.features import window_features
from har.windows.index import WindowIndex
from har.windows.sampling import BalancedSampler

# --- The forest ----------------------------------------------------------------------------------------------------
TREES = 200  # more change little; these take 1.6 GB
SMALLEST_LEAF = 5  # 2 takes twice the memory
FEATURES_TRIED = "sqrt"  # the usual choice for classes
TRAINING_WINDOWS = 40_000  # drawn at most, balanced as for the networks; a window drawn twice counts once


def score_forest(plan: Plan, dataset: str, seed: int, out: Path, console: Console) -> None:
    """Train on all datasets but the one that is scored, name its windows and write them to the folder ``out``."""
    scored = choose_windows(read_dataset(Path(plan.data) / dataset), *plan.window)
    index = WindowIndex(training_datasets(plan, dataset, console.tell), *plan.window)
    rows, labels = training_rows(index, plan.constants, seed)
    features = features_of(index, rows, "training windows", console)
    threads = int(os.environ.get("OMP_NUM_THREADS") or 1)
    forest = ForestReference(
        trees=TREES,
        smallest_leaf=SMALLEST_LEAF,
        features_tried=FEATURES_TRIED,
        jobs=threads,
        seed=derive_seed(seed, "forest") % 2**32,
    )
    forest.fit(features, [index.labels[i] for i in index.label_id[rows]], index.dataset_id[rows])

    encoder = SentenceEncoder(plan.constants["TEXT_ENCODER"], resolve_cache(plan.constants["TEXT_CACHE"]))
    probabilities = forest.probabilities(features_of(scored.index, scored.rows, dataset, console))
    training_texts = text_embeddings(encoder, forest.labels)
    predictions = {}
    for column, candidates in ((CLOSED_SET, scored.candidates), (OPEN_SET, labels)):
        similarity = conse_bridge(probabilities, training_texts, text_embeddings(encoder, candidates))
        predictions[column] = [candidates[i] for i in similarity.argmax(axis=1)]
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / predictions_name(dataset), predictions_table(scored, predictions))
    console.tell(
        f"forest of {len(rows)} windows and {len(forest.labels)} labels: {len(scored.rows)} windows of {dataset}"
    )


def training_datasets(plan: Plan, left_out: str, tell: Callable[[str], object]) -> list[Dataset]:
    """What the networks learn from that are scored on ``left_out``: simulated people beside real ones, if they do.

    tell: takes what is worth knowing about the choice.
    """
    constants = plan.constants

    training, _ = open_datasets(
        Path(plan.data),
        [left_out],
        simulated_people(constants),
        tell,
        only=constants["DATASETS"],
        beside=SIMULATED_NAMES if constants["SIMULATED_BESIDE"] else (),
    )
    return training


def training_rows(index: WindowIndex, constants: dict, seed: int) -> tuple[np.ndarray, list[str]]:
    """Rows (n,) to learn from, drawn as the networks' batches are, and all labels that could have been drawn."""
    held_out = index.split(*(constants[name] for name in ("SPLIT_SALT", "VALIDATION_SHARE", "VALIDATION_FROM")))
    rows = np.flatnonzero((index.label_id >= 0) & ~held_out)
    labels = [index.labels[i] for i in np.unique(index.label_id[rows])]
    number = {name: i for i, name in enumerate(sorted({group_of(label) for label in index.labels}))}
    group = np.array([number[group_of(label)] for label in index.labels])[index.label_id[rows]]
    sampler = BalancedSampler(
        rows, index.dataset_id[rows], group, constants["DATASET_EXPONENT"], constants["GROUP_EXPONENT"]
    )
    generator = np.random.default_rng(derive_seed(seed, "forest windows"))
    return np.unique(sampler.draw(min(TRAINING_WINDOWS, len(rows)), generator)), labels


def features_of(index: WindowIndex, rows: np.ndarray, name: str, console: Console) -> np.ndarray:
    with console.progress(total=len(rows), desc=f"features, {name}", unit="windows") as bar:
        return window_features(index, rows, bar.update)


def text_embeddings(encoder: SentenceEncoder, labels: Sequence[str]) -> np.ndarray:
    """(L, D) unit-norm mean over the phrasings of each label."""
    texts = [phrasings(label) for label in labels]
    pooled = encoder.encode([text for phrases in texts for text in phrases]).pooled.numpy()
    begins = np.cumsum([0, *(len(phrases) for phrases in texts[:-1])])
    total = np.add.reduceat(pooled, begins, axis=0)
    return total / np.linalg.norm(total, axis=1, keepdims=True)
