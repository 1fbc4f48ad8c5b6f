"""Records (JSON, YAML, logs, caches) that were damaged: refused in words, or what is found by them stays the same."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

from har.endurance.damage import ANY_BYTES, FOLDER, Damage, Files, changed, generator, in_a_copy, pick, read_files
from har.endurance.damaged_checkpoints import same, use
from har.endurance.damaged_datasets import content_of, write_walks
from har.endurance.outcome import Outcome
from har.endurance.small_model import CHANNELS, LABELS, PLACEMENTS, RandomWords, write_run
from har.endurance.trials import RIGHT, SilentChangeError, outcomes
from har.evaluation.report import RESULTS_NAME
from har.network.loading import load_pretrained_model
from har.protocol.cells import RECORD_NAME, cell_folder, crc32_of, predictions_path, read_cell_predictions, read_record
from har.protocol.comparison import read_results
from har.protocol.plan import MODEL, PLAN_NAME, Cell, Plan, read_plan
from har.protocol.scoring import WINDOW_COLUMNS
from har.recordings.format import read_dataset
from har.run.folder import find_restarted_run, write_json
from har.run.log import MetricsLog, read_metrics
from har.text.encoder import SentenceEncoder

KIND = "damaged record"
_NUMBER = 3  # of this kind, for its generators
_CELL = Cell("walks", MODEL, 0)
_FINDING, _CODE = "finding", "code"
_LAUNCH = "launch 7"
_WRITTEN_S = 1_767_225_600  # 2026
_TEXTS = ["walking", "sitting still"]


class _Read(NamedTuple):
    """A record and what is found by it: paths of its files, a function of the folder, whether results are equal."""

    files: tuple[str, ...]
    read: Callable[[Path], object]
    equal: Callable[[object, object], bool] = same


def damaged_records(count: int, seed: int, work: Path) -> Iterator[Outcome]:
    """``count`` trials in ``work``, each with what it came to; the same for the same ``seed``."""
    whole = work / "whole"
    write_records(whole)
    files = read_files(whole)
    records = records_of(files)
    right = [record.read(whole) for record in records]

    def trials() -> Iterator:
        for number in range(count):
            rng, which = generator(seed, _NUMBER, number), number % len(records)
            damage = pick(DAMAGES, rng)(files, pick(records[which].files, rng), rng)
            yield in_a_copy(KIND, number, damage, whole, work, _compared(records[which], right[which]))

    yield from outcomes(trials())


def _compared(record: _Read, right: object) -> Callable[[Path], str]:
    def act(folder: Path) -> str:
        found = record.read(folder)
        if not record.equal(found, right):
            raise SilentChangeError(f"found {str(found)[:100]}, which was {str(right)[:100]}")
        return RIGHT

    return act


# --- the records ------------------------------------------------------------------------------------------------------


def write_records(folder: Path) -> None:
    """One of every record that is read again: of a protocol, of runs, beside a dataset, of texts."""
    protocol, run = folder / "protocol", folder / "runs" / "alignment" / "20260101_000000"
    plan = Plan(
        data="/data", datasets=["walks", "sits"], seeds=[0, 1], references=["none"], steps=200, ceiling_steps=40,
        prepared=["sits", "walks"], train=["--WIDTH=16"], constants={"WIDTH": 16, "LEARNING_RATE": 3e-4},
    )  # fmt: skip
    predictions = predictions_path(protocol, _CELL)
    predictions.parent.mkdir(parents=True)
    rows = [("wrist", "r1", "anna", "left wrist", 2.5 * i, "walking", pick(LABELS, np.random.default_rng(i)))
            for i in range(40)]  # fmt: skip
    lines = [(*WINDOW_COLUMNS, "closed_set"), *rows]
    predictions.write_text("".join(",".join(map(str, line)) + "\n" for line in lines), encoding="utf-8")
    git = {"commit": "0123456789abcdef", "dirty": False}
    record = {**_CELL._asdict(), "seconds": [12.5, 3.1], "git": git, "predictions_crc32": crc32_of(predictions)}
    write_json(cell_folder(protocol, _CELL) / RECORD_NAME, record, checked=True)
    write_json(protocol / PLAN_NAME, asdict(plan), checked=True)
    scores = {"macro_f1": {"values": [0.71234, 0.69876], "mean": 0.70555}, "accuracy": {"values": [0.8, 0.75]}}
    results = {"settings": {"seeds": [0, 1]}, "missing": [], "datasets": {"walks": {"rows": {"one_window": scores}}}}
    write_json(protocol / RESULTS_NAME, results, checked=True)
    write_run(run)
    write_json(run / "run.json", {"started": "2026-01-01T00:00:00", "launch": _LAUNCH, "git": git, "threads": 2})
    with MetricsLog(run / "metrics.jsonl") as log:
        for step in range(20):
            log.log({"step": step, "split": "train", "loss": 1 / (step + 1), "learning_rate": 3e-4})
    write_walks(folder / "data" / "walks")
    for path in (folder / "data" / "walks").iterdir():
        os.utime(path, (_WRITTEN_S, _WRITTEN_S))  # what is remembered names it
    dataset = read_dataset(folder / "data" / "walks")
    dataset.memory.remember(_FINDING, _CODE, {"up": np.arange(6.0).reshape(2, 3)})
    _Encoder(cache_folder=folder / "text").encode(_TEXTS)


def records_of(files: Files) -> list[_Read]:
    """What is read, and how."""

    def of(ending: str) -> tuple[str, ...]:
        found = tuple(name for name in files if name.endswith(ending))
        if not found:
            raise FileNotFoundError(f"no record was written that ends with {ending}; found {', '.join(files)}")
        return found

    run = Path(of("best.pt")[0]).parent
    return [
        _Read(of(PLAN_NAME), lambda f: asdict(read_plan(f / "protocol"))),
        _Read(of(RESULTS_NAME), lambda f: read_results(f / "protocol")),
        _Read(of(RECORD_NAME), lambda f: read_record(f / "protocol", _CELL)),
        _Read((*of("predictions_walks.csv"), *of(RECORD_NAME)), lambda f: read_cell_predictions(f / "protocol", _CELL)),
        _Read(of("run.json"), _restarted, lambda found, right: found in (right, None)),
        _Read(of("hyperparameters.json"), lambda f: use(f / run / "best.pt")),
        _Read(of("config.yaml"), lambda f: _embedded(f / run / "latest.pt")),
        _Read(of("metrics.jsonl"), lambda f: read_metrics(f / run / "metrics.jsonl"), _is_beginning),
        _Read(of("metrics.jsonl"), lambda f: _resumed(f / run / "metrics.jsonl"), _is_beginning),
        _Read(of(".checked/walks.json"), lambda f: content_of(read_dataset(f / "data" / "walks"))),
        _Read(of(f".checked/walks.{_FINDING}"), _recalled, lambda found, right: found is None or same(found, right)),
        _Read(of(".safetensors"), lambda f: list(_Encoder(cache_folder=f / "text").encode(_TEXTS))),
    ]


def _restarted(folder: Path) -> str | None:
    os.environ |= {"TORCHELASTIC_RUN_ID": _LAUNCH, "GROUP_WORLD_SIZE": "2"}
    try:
        found = find_restarted_run(folder / "runs", "alignment", "*.pt")
    finally:
        del os.environ["TORCHELASTIC_RUN_ID"], os.environ["GROUP_WORLD_SIZE"]
    return found and found.name


def _embedded(checkpoint: Path) -> np.ndarray:
    model, _, _ = load_pretrained_model(checkpoint, "cpu")
    return model.embed(np.ones((1, 100, 6)), sampling_rate_hz=50.0, channels=CHANNELS, placement=PLACEMENTS[0])


def _resumed(log: Path) -> list[dict]:
    MetricsLog(log, resume_step=10).close()
    return read_metrics(log)


def _is_beginning(found: list, right: list) -> bool:
    """A log that ends early is that of a run that was stopped there, of which there may be one at any line."""
    return found == right[: len(found)]


def _recalled(folder: Path) -> Mapping | None:
    return read_dataset(folder / "data" / "walks").memory.recall(_FINDING, _CODE)


class _Encoder(SentenceEncoder):
    """Computes in no time what it does not find in its cache."""

    def _compute(self, texts: list[str]) -> list[tuple[Tensor, Tensor]]:
        found = RandomWords().encode(texts)
        rows = zip(found.tokens, found.mask, found.pooled, strict=True)
        return [(tokens[mask].clone(), pooled.clone()) for tokens, mask, pooled in rows]


# --- damages ----------------------------------------------------------------------------------------------------------


def any_bytes(files: Files, name: str, rng: np.random.Generator) -> Damage:
    return changed(files, name, pick(ANY_BYTES, rng), rng)


def digit(files: Files, name: str, rng: np.random.Generator) -> Damage:
    """Another digit in the place of one: what no look at the form can find."""
    content = bytearray(files[name])
    places = [at for at, byte in enumerate(content) if chr(byte).isdigit()]
    if not places:
        return any_bytes(files, name, rng)
    at = int(pick(places, rng))
    content[at] = int(pick([byte for byte in b"0123456789" if byte != content[at]], rng))
    return Damage(f"{name}: byte {at} is {chr(content[at])!r}", {name: bytes(content)})


def value(files: Files, name: str, rng: np.random.Generator) -> Damage:
    """A value of a JSON object replaced, or removed with its name."""
    try:
        record = json.loads(files[name])
    except ValueError:  # YAML, a table, a log, a cache
        return digit(files, name, rng)
    key = pick([key for key in sorted(record) if key != "checksum"], rng)
    del record[key]
    other = pick((None, -1, 10**400, "x", [], {}, [[0]], True, "removed"), rng)
    if other != "removed":
        record[key] = other
    return Damage(f"{name}: {key} is {str(other)[:9]}", {name: json.dumps(record).encode()})


def letter(files: Files, name: str, rng: np.random.Generator) -> Damage:
    content = bytearray(files[name])
    at = int(rng.integers(len(content)))
    content[at] = int(pick(b"abcxyzAZ_-\"'{}[]:,#\n\t\\&*!|>%@", rng))
    return Damage(f"{name}: byte {at} is {chr(content[at])!r}", {name: bytes(content)})


def foreign(files: Files, name: str, rng: np.random.Generator) -> Damage:
    others = (
        b"[" * 100_000, b'{"a": ' * 100_000, b"null\n", b"[]\n", b'{"a": ' + b"9" * 5000 + b"}\n", b"\xff\xfe\x00",
        b"a: !!python/object/apply:os.system ['exit']\n", b"a: &a [*a, *a]\n", b"{}\n", b"\n" * 100,
    )  # fmt: skip
    number = int(rng.integers(len(others)))
    return Damage(f"{name}: {others[number][:40]!r}", {name: others[number]})


def encoding(files: Files, name: str, rng: np.random.Generator) -> Damage:
    how = pick(("utf-16", "utf-8-sig", "utf-32", "cp500"), rng)
    return Damage(f"{name}: saved as {how}", {name: files[name].decode("latin-1").encode(how)})


def no_file(files: Files, name: str, rng: np.random.Generator) -> Damage:
    what = pick((None, FOLDER), rng)
    return Damage(f"{name}: {'removed' if what is None else 'a folder in its place'}", {name: what})


DAMAGES = (any_bytes, any_bytes, any_bytes, digit, digit, value, letter, foreign, encoding, no_file)
