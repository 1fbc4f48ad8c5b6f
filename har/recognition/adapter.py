"""A few labelled stretches of one person's recording: what they add to the words, as a small file.

The network is frozen. Windows of the stretches are kept as features and embeddings, and change what the words say of
windows that look like them by the Gaussian process that few-shot scores are taken with
(har/evaluation/few_shot_classifiers.py has the equations and their sources), with a narrower kernel: labels that nobody
taught have no windows to defend them.

Shapes: S windows kept, D feature width, E embedding width, N windows to name, L labels asked for.
"""

import csv
import hashlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import expit

from har.evaluation.few_shot_classifiers import gaussian_process
from har.labels.wording import clean_label
from har.network.alignment import AlignmentModel
from har.readers.recording import Device, Recording
from har.recognition.clock import Clock
from har.recognition.embedding import BodyAxes, WindowPlan, embed_plan, surveyed
from har.recognition.spans import samples_of, share_there, stretches, windows_of
from har.recognition.vocabulary import check_labels
from har.run.folder import atomic_writer
from har.signal.channels import triads
from har.text.naming import Naming

_FORMAT = 2
_COLUMNS = ("start", "stop", "label")
_HEAD_BYTES = 256  # that tell a teaching table
# Windows of a label that are kept, evenly over its stretches: more were never measured to help.
_MOST_WINDOWS = 16
# Cosine distance from a kept window at which it counts by 1 / e. Of the same activity of the same person most windows
# lie within 0.03 and nearly all within 0.06 (docs/recognition.md has what other widths cost).
_WIDTH = 0.02
# Sure of what was taught: from 0.1 down to this names come out alike, but taught names that differ by little only here.
_NOISE = 0.002
# Share of a window that has to be there to teach.
LEAST_SHARE = 0.5
_LEAST_PROBABILITY = 1e-6  # a regression knows no probabilities, and may fall below zero


class Taught(NamedTuple):
    """A stretch of a recording, in seconds on its clock, and what was done in it."""

    start_s: float
    stop_s: float
    label: str


@dataclass(frozen=True)
class Adapter:
    """What a person taught a model: features (S, D) and embeddings (S, E) of windows, and which label each shows (S,).

    model: digest of the model that they are of.
    """

    model: str
    labels: list[str]
    features: np.ndarray
    classes: np.ndarray
    embeddings: np.ndarray

    def check(self, model: AlignmentModel) -> None:
        """Raises ``ValueError`` for another model than the one that was taught."""
        if (found := model_digest(model)) != self.model:
            raise ValueError(
                f"the adapter was taught to the model {self.model[:12]}, and this is the model {found[:12]}: the "
                "features of one mean nothing to the other. Teach it again, or give the former model"
            )

    def left_out(self, labels: Sequence[str]) -> list[str]:
        """What was taught and is none of these labels, in the same words: where they are asked for, it changes nothing.

        Other words are another label: who taught "climbing" need not mean all that may be called so.
        """
        asked = {clean_label(label) for label in labels}
        return [label for label in self.labels if clean_label(label) not in asked]

    def digest(self) -> str:
        """Hash of all it holds."""
        parts = [self.model.encode(), *(label.encode() for label in self.labels)]
        parts += [
            self.features.astype("<f4").tobytes(),
            self.embeddings.astype("<f4").tobytes(),
            self.classes.astype("<i8").tobytes(),
        ]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()

    def blended(
        self,
        probabilities: np.ndarray,
        margin: np.ndarray,
        features: np.ndarray,
        naming: Naming,
        device: torch.device | str = "cpu",
    ) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities (N, L) and margin over other activities (N,) by the words, with what was taught.

        probabilities, margin: what ``naming`` says of the windows; features: (N, D) of the same windows. device: where
        ``naming`` computes. What the words say of the kept windows, and the odds, whose logarithm the margin is, that
        they mean none of these, is where the Gaussian process starts from: what was taught moves the words where they
        were wrong about windows that look alike, also under names that they know nothing of. Windows that look like
        none of the kept are left to the words.
        """
        cleaned = [clean_label(label) for label in naming.labels]
        known = [i for i, label in enumerate(self.labels) if clean_label(label) in cleaned]
        if not known:
            return probabilities, margin
        rows = np.isin(self.classes, known)
        column_S = np.array([cleaned.index(clean_label(self.labels[i])) for i in self.classes[rows]])
        kept = naming(torch.from_numpy(_unit(self.embeddings[rows])).to(device))
        found = gaussian_process(
            _unit(self.features[rows].astype(np.float64)),
            column_S,
            _with_none(kept.logits.double().softmax(dim=1).cpu().numpy(), kept.margin),
            _unit(features.astype(np.float64)),
            _with_none(probabilities, margin),
            width=_WIDTH,
            noise=_NOISE,
        ).clip(_LEAST_PROBABILITY)
        named = found[:, :-1].sum(axis=1)
        return found[:, :-1] / named[:, None], np.log(named / found[:, -1])

    @classmethod
    def empty(cls, model: str, feature_width: int, embedding_width: int) -> "Adapter":
        """One that was taught nothing yet, to be `extended`."""
        features, embeddings = (np.zeros((0, width), np.float32) for width in (feature_width, embedding_width))
        return cls(model, [], features, np.zeros(0, np.int64), embeddings)

    def extended(self, label: str, features: np.ndarray, embeddings: np.ndarray) -> "Adapter":
        """With windows (n, D) and (n, E) of one more label, or more of one; as many are kept as by ``teach``."""
        cleaned = [clean_label(one) for one in self.labels]
        labels = self.labels if clean_label(label) in cleaned else [*self.labels, label]
        number = [clean_label(one) for one in labels].index(clean_label(label))
        classes = np.append(self.classes, np.full(len(features), number))
        rows = [np.flatnonzero(classes == one) for one in range(len(labels))]
        kept = np.concatenate([own[_some(len(own))] for own in rows])
        pairs = (self.features, features), (self.embeddings, embeddings)
        features, embeddings = (np.concatenate(pair).astype(np.float32)[kept] for pair in pairs)
        return Adapter(self.model, labels, features, classes[kept], embeddings)

    def save(self, path: str | Path) -> Path:
        """Write it, whole or not at all. Raises ``FileExistsError`` where there is a file already."""
        path = Path(path)
        if path.suffix != ".npz":
            raise ValueError(f"{path}: an adapter is written as .npz; give a name that ends so")
        if path.exists():
            raise FileExistsError(f"{path} exists; give another name, or remove it to teach anew")
        with atomic_writer(path) as temporary:
            np.savez(
                temporary,
                format=np.array(_FORMAT),
                model=np.array(self.model),
                labels=np.array(self.labels),
                features=self.features.astype(np.float32),
                embeddings=self.embeddings.astype(np.float32),
                classes=self.classes.astype(np.int64),
            )
        return path

    @classmethod
    def load(cls, path: str | Path) -> "Adapter":
        """Read one; raises ``ValueError`` for a file that is none, ``FileNotFoundError`` where there is none."""
        if not Path(path).exists():
            raise FileNotFoundError(f"there is no adapter {path}; --teach writes one")
        try:
            with np.load(path, allow_pickle=False) as file:
                held = {name: file[name] for name in file.files}
                number = int(held["format"])
                if number == 1:
                    raise ValueError(
                        "an earlier version wrote it, which kept too little of each window; teach it again"
                    )
                labels, features, classes = check_labels(held["labels"].tolist()), held["features"], held["classes"]
                model, embeddings = str(held["model"]), held["embeddings"]
        except (KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
            # NumPy's own words advise to load what could run code.
            reason = "it holds pickled objects, or is no .npz" if "pickle" in str(error) else error
            raise ValueError(f"{path} is no adapter ({reason}); give one that --teach has written") from error
        whole = all(part.ndim == 2 and len(part) == classes.size for part in (features, embeddings))
        whole = whole and classes.ndim == 1 and classes.dtype.kind in "iu"
        whole = whole and np.isfinite(features).all() and np.isfinite(embeddings).all()
        if number != _FORMAT or not whole or set(classes.tolist()) != set(range(len(labels))):
            raise ValueError(f"{path} is an adapter of another format, or damaged; teach it again")
        return cls(model, labels, features, classes, embeddings)


def teach(
    recording: Recording, taught: Sequence[Taught], model: AlignmentModel, where: Sequence[str] | None = None
) -> Adapter:
    """Learn from labelled stretches of a recording.

    where: what errors call each stretch, its file and line, say. Labels that are the same once cleaned are one label,
    written as it is first. Of a stretch those windows teach that are at least half there; what reaches beyond the
    recording teaches nothing. Raises ``ValueError`` for no stretch, for labels that `check_labels` refuses, for
    stretches of different labels that overlap, for a stretch that is shorter than half a window, and for a label of
    which nothing was recorded, or too little; and as ``recognise`` does for the recording.
    """
    if not taught:
        raise ValueError("nothing is taught; give at least one stretch with start, stop and label")
    names = [f"{name}: " for name in where] if where is not None else [""] * len(taught)
    written: dict[str, str] = {}  # label once cleaned -> as it is written first
    for one in taught:
        written.setdefault(clean_label(one.label), one.label)
    labels = check_labels(written.values())
    taught = [one._replace(label=written[clean_label(one.label)]) for one in taught]
    if (pair := _contradiction(taught)) is not None:
        raise ValueError(
            f"taught at the same time: {names[pair[0]]}{taught[pair[0]]} and {names[pair[1]]}{taught[pair[1]]}; give "
            "each moment one label"
        )
    window_s = model.config.window_s
    for stretch, name in zip(taught, names, strict=True):
        check_taught(stretch, window_s, name)
    devices = [surveyed(device, model.config.sensors) for device in recording.devices if device.pieces]
    axes = [BodyAxes(one) for one in devices]
    parts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {label: [] for label in labels}
    spans = stretches(recording)
    first_s, last_s = (spans[0][0], spans[-1][1]) if spans else (0.0, 0.0)
    for stretch in taught:
        # Times since 1970, say, would make windows by the million.
        recorded = max(stretch.start_s, first_s), min(stretch.stop_s, last_s)
        if recorded[0] >= recorded[1]:
            continue
        inside = [one.cropped_to(recorded) for one in devices]
        start_s, borders = windows_of(recorded, window_s, window_s)
        there = np.max([_share(one.device, start_s, model) for one in inside], axis=0) > LEAST_SHARE - 1e-3
        plan = WindowPlan(start_s, borders[:-1], borders[1:], there)
        for _, found in embed_plan(model, inside, plan, axes, ("embedding", "features")):
            embeddings, features = (part.cpu().numpy() for part in found)
            parts[stretch.label].append((features, embeddings))
    features, embeddings, classes = [], [], []
    for number, label in enumerate(labels):
        rows = [np.concatenate(layer) for layer in zip(*parts[label], strict=True)]
        if not rows or not len(rows[0]):
            told = "".join(name for one, name in zip(taught, names, strict=True) if one.label == label)
            raise ValueError(
                f"{told}nothing was recorded while {label!r} was taught, or less than half a window; do its times "
                f"belong to this recording, which goes from {first_s:g} to {last_s:g} s?"
            )
        some = _some(len(rows[0]))
        features.append(rows[0][some])
        embeddings.append(rows[1][some])
        classes += [number] * len(some)
    kept = [np.concatenate(layer).astype(np.float32) for layer in (features, embeddings)]
    return Adapter(model_digest(model), labels, kept[0], np.array(classes), kept[1])


def _share(device: Device, start_s: np.ndarray, model: AlignmentModel) -> np.ndarray:
    """(N,) share of the windows that begin at (N,) in which a sensor that the network knows was measured."""
    samples = samples_of(device, start_s, model.window_samples(device.sampling_rate_hz))
    return share_there(samples, [axes for kind, axes in triads(device.channels) if kind in model.config.sensors])


def check_taught(stretch: Taught, window_s: float, where: str = "") -> None:
    """Raises ``ValueError`` for a stretch too short to tell anything by."""
    if (seconds := stretch.stop_s - stretch.start_s) < LEAST_SHARE * window_s:
        raise ValueError(
            f"{where}{stretch.label!r} is taught by {seconds:g} s from {stretch.start_s:g} s on, which is too short "
            f"to tell anything by; give a stretch of at least {LEAST_SHARE * window_s:g} s, better "
            f"{window_s:g} s or more, or leave it out"
        )


def _some(count: int) -> np.ndarray:
    """Places of the windows of a label that are kept, of so many."""
    return np.unique(np.linspace(0, count - 1, min(count, _MOST_WINDOWS)).round().astype(int))


def teach_from(path: str | Path, recording: Recording, model: AlignmentModel) -> Adapter:
    """``teach`` by the rows of a CSV file (`read_taught`), which errors name."""
    rows, lines = _rows_of(Path(path), Clock(recording.start_time))
    return teach(recording, rows, model, [f"{path}, line {line}" for line in lines])


def read_taught(path: str | Path, clock: Clock) -> list[Taught]:
    """Rows start, stop, label of a CSV file: seconds from the start of the recording, or times of day (ISO 8601).

    Commas, semicolons (with decimal commas) or tabs part the columns; the text is UTF-8, UTF-16 or Windows-1252.
    Raises ``ValueError`` that names file and row, for other columns, no row, rows of more cells than the head, times
    that are none, labels that `check_labels` refuses, stretches that end before they begin, and stretches of different
    labels that overlap.
    """
    return _rows_of(Path(path), clock)[0]


def _rows_of(path: Path, clock: Clock) -> tuple[list[Taught], list[int]]:
    """What is taught, and the line of each."""
    text = _decoded(path.read_bytes())
    if text is None:
        raise ValueError(f"{path} is no text in UTF-8, UTF-16 or Windows-1252; save it as CSV in UTF-8")
    try:
        table = _table_of(text)
        found = [(table.line_num, row) for row in table]
    except csv.Error as error:  # a cell of more than 128 KiB, as a quote that is left open makes one
        raise ValueError(
            f"{path}: {error}; is it a table of what is taught, and is each double quote closed?"
        ) from error
    columns, delimiter = table.fieldnames, table.reader.dialect.delimiter
    if not set(_COLUMNS) <= set(columns):
        raise ValueError(f"{path} has the columns {', '.join(columns) or 'none'}; expected {', '.join(_COLUMNS)}")
    if twice := [name for name in _COLUMNS if columns.count(name) > 1]:
        raise ValueError(f"{path} has the column {twice[0]} more than once; leave one")
    rows: list[Taught] = []
    lines: list[int] = []
    for line, row in found:
        where = f"{path}, line {line}"
        texts = [(row[name] or "").strip() for name in _COLUMNS]
        if not all(texts):
            raise ValueError(f"{where}: {row}; expected a start, a stop and a label")
        if any(cell.strip() for cell in row.get(None, ())):
            raise ValueError(
                f"{where}: more cells than the head has columns, beyond them {row[None]}; put what holds a "
                f"{delimiter!r} into double quotes"
            )
        try:
            check_labels(texts[2:])
            times = [text.replace(",", ".") if delimiter == ";" else text for text in texts[:2]]
            start_s, stop_s = map(clock.seconds, times)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        if not start_s < stop_s:
            raise ValueError(f"{where}: from {texts[0]} to {texts[1]}; expected a stop after the start")
        rows.append(Taught(start_s, stop_s, texts[2]))
        lines.append(line)
    if not rows:
        raise ValueError(f"{path} has no row below its head; give at least one start, stop and label")
    if (pair := _contradiction(rows)) is not None:
        one, other = pair
        raise ValueError(
            f"{path}, lines {lines[one]} and {lines[other]}: {rows[one].label!r} and {rows[other].label!r} are taught "
            "at the same time; give each moment one label"
        )
    return rows, lines


def is_teaching(path: Path) -> bool:
    """Whether a file is an adapter, or a table of nothing but what is taught: neither is a recording."""
    try:
        if path.suffix == ".npz":
            with zipfile.ZipFile(path) as file:
                return {f"{field.name}.npy" for field in fields(Adapter)} <= set(file.namelist())
        with path.open("rb") as file:
            text = _decoded(file.read(_HEAD_BYTES))
    except (OSError, zipfile.BadZipFile):
        return False
    return text is not None and set(_table_of(text).fieldnames) == set(_COLUMNS)


def _table_of(text: str) -> csv.DictReader:
    """The rows by the cleaned names of their columns."""
    lines = io.StringIO(text, newline=None)
    delimiter = max(",;\t", key=lines.readline().count)
    lines.seek(0)
    table = csv.DictReader(lines, skipinitialspace=True, delimiter=delimiter)
    table.fieldnames = [name.strip().lower() for name in table.fieldnames or []]
    return table


def _decoded(data: bytes) -> str | None:
    """A text of UTF-8, UTF-16 or Windows-1252; None for what is none."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\0" in data[:2]:
        encodings = ["utf-16-be" if data[0] == 0 else "utf-16-le"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:  # which workbooks hold
            return text
    return None


def _contradiction(taught: Sequence[Taught]) -> tuple[int, int] | None:
    """Places of two stretches that overlap under different labels."""
    reach: dict[str, int] = {}  # label -> which of its stretches so far lasts longest
    for place in sorted(range(len(taught)), key=lambda i: taught[i].start_s):
        one, own = taught[place], clean_label(taught[place].label)
        for label, other in reach.items():
            if label != own and taught[other].stop_s > one.start_s:
                return min(place, other), max(place, other)
        if own not in reach or taught[reach[own]].stop_s < one.stop_s:
            reach[own] = place
    return None


def _with_none(probabilities_NL: np.ndarray, margin_N: np.ndarray) -> np.ndarray:
    """(N, L + 1): of each label, and that none of them is meant."""
    return np.column_stack([probabilities_NL * expit(margin_N)[:, None], expit(-margin_N)])


def _unit(rows_ND: np.ndarray) -> np.ndarray:
    return rows_ND / np.maximum(np.linalg.norm(rows_ND, axis=1, keepdims=True), 1e-12)


def model_digest(model: AlignmentModel) -> str:
    """Hash of a model's weights: which model it is, wherever its file lies."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
