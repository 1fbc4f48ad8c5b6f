"""The way of a label, end to end: published code -> phrase -> segment -> window -> training -> answer in words.

A dataset whose codes begin at 2 is where an index by code would go wrong by one, and stay unnoticed in every loss.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from har.recordings.convert.common import ACC, DatasetCard, Notes, Run, convert_dataset, phrase_of
from har.recordings.format import StreamInfo, read_dataset
from har.windows.index import WindowIndex
from val_scripts.human_activity_recognition.model_loading import load_label_bank, load_model

RATE_HZ, SECONDS, PEOPLE = 25.0, 40, 8
PHRASES = {2: "standing", 3: "walking", 4: "jogging"}
MOVEMENT = {2: (0.0, 1.0), 3: (0.25, 1.8), 4: (1.0, 2.8)}  # amplitude in g, steps a second


def write_raw(folder: Path) -> None:
    """One text file a person: x, y, z in g and the code; the codes in another order for every person."""
    random = np.random.default_rng(0)
    time_s = np.arange(int(SECONDS * RATE_HZ)) / RATE_HZ
    for person in range(PEOPLE):
        parts = []
        for code in np.roll(list(PHRASES), person):
            amplitude, steps_hz = MOVEMENT[int(code)]
            tempo = steps_hz * (1 + 0.05 * random.standard_normal())
            samples = random.normal(0, 0.005, (len(time_s), 3)) + np.array([0.0, 0.0, 1.0])
            samples[:, 2] += amplitude * np.sin(2 * np.pi * tempo * time_s)
            samples[:, 0] += 0.3 * amplitude * np.sin(np.pi * tempo * time_s)
            parts.append(np.hstack([samples, np.full((len(time_s), 1), code)]))
        np.savetxt(folder / f"p{person}.txt", np.vstack(parts), fmt="%.5f")


def read_raw(source: Path, notes: Notes) -> Iterator[Run]:
    table = np.loadtxt(source)
    codes = table[:, 3].astype(int)
    borders = [0, *(np.flatnonzero(np.diff(codes)) + 1), len(codes)]
    labels = [
        (phrase_of(PHRASES, int(codes[first]), source), int(first), int(last)) for first, last in pairwise(borders)
    ]
    yield Run("watch", source.stem, source.stem, table[:, :3], labels)


@pytest.fixture(scope="module")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    raw, root = tmp_path_factory.mktemp("raw"), tmp_path_factory.mktemp("coded")
    write_raw(raw)
    converter = SimpleNamespace(
        CARD=DatasetCard("t", "c", "l", "u", PEOPLE, ("wrist",), "25 Hz", 3, "original files"),
        STREAMS=(StreamInfo("watch", "test", "wrist", ACC, RATE_HZ),),
        sources=lambda folder: sorted(folder.glob("*.txt")),
        read=read_raw,
    )
    convert_dataset(converter, raw, root / "coded")
    return root


def test_every_window_carries_the_phrase_of_its_movement(data_root):
    index = WindowIndex([read_dataset(data_root / "coded")], 5.0, 2.5, 1.0)
    for code, phrase in PHRASES.items():
        rows = np.flatnonzero(index.label_id == index.labels.index(phrase))
        assert len(rows) == PEOPLE * 15
        spread = index.read(rows)[..., 2].std(axis=1)
        np.testing.assert_allclose(spread, MOVEMENT[code][0] / np.sqrt(2), atol=0.03)


def test_the_answers_in_words_are_right(data_root, run_script, arguments, tmp_path):
    changes = {"DATA_ROOT": data_root, "OUTPUT_ROOT": tmp_path, "EPOCHS": 1, "STEPS_PER_EPOCH": 150, "LOG_EVERY": 50}
    script = "training_scripts/human_activity_recognition/semantic_alignment_train.py"
    done = run_script(script, *arguments(**changes, VALIDATION_SHARE=0.5, LEARNING_RATE=0.005, EMA_DECAY=0.9))
    assert done.returncode == 0, done.stderr
    (best,) = tmp_path.rglob("best.pt")
    model, checkpoint, hyperparams_path = load_model(best, "cpu")
    bank = load_label_bank(checkpoint, "cpu", hyperparams_path)
    assert checkpoint["labels"] == sorted(PHRASES.values())
    index = WindowIndex([read_dataset(data_root / "coded")], 5.0, 2.5, 1.0)
    held_out = np.flatnonzero(index.split("har", 0.5))
    truth = [index.labels[i] for i in index.label_id[held_out]]
    # In another order than that of training, to be answered by name.
    answers, _ = bank.classify(model.embed_rows(index, held_out), ["walking", "jogging", "standing"])
    assert len(truth) >= 45
    assert np.mean([a == t for a, t in zip(answers, truth, strict=True)]) > 0.9
