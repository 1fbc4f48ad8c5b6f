"""A few labelled stretches of one person's recording: what they add to the words, as a small file.

The network is frozen. Windows of the stretches are kept as features, and other windows are told apart by a ridge
regression on them, blended with the words (har/evaluation/few_shot.py has the equations and their sources). How much a
window looks like what was taught is told by its nearest kept one.

Shapes: S windows kept, D feature width, C labels taught, N windows to name, L labels asked for.
"""

import csv
import hashlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from har.evaluation.few_shot import RIDGE_PENALTY, TEXT_WINDOWS, centred, nearest_cosines, ridge_probabilities
from har.labels.wording import clean_label
from har.network.alignment import AlignmentModel
from har.readers.recording import Recording
from har.recognition.clock import Clock
from har.recognition.embedding import BodyAxes, WindowPlan, embed_plan, surveyed
from har.recognition.spans import windows_of
from har.recognition.vocabulary import check_labels
from har.run.folder import atomic_writer

_FORMAT = 1
_COLUMNS = ("start", "stop", "label")
# Windows of a label that are kept, evenly over its stretches: more were never measured to help.
_MOST_WINDOWS = 16
# Cosine distance from the nearest kept window at which a window looks like it by exp(-1/2). Of the same activity of the
# same person most lie within 0.03 and nearly all within 0.06 (docs/recognition.md has what other widths cost).
_LIKE_WITHIN = 0.03


class Taught(NamedTuple):
    """A stretch of a recording, in seconds on its clock, and what was done in it."""

    start_s: float
    stop_s: float
    label: str


@dataclass(frozen=True)
class Adapter:
    """What a person taught a model: features (S, D) of windows, and which of the C labels each shows (S,).

    model: digest of the model that the features are of.
    """

    model: str
    labels: list[str]
    features: np.ndarray
    classes: np.ndarray

    def check(self, model: AlignmentModel) -> None:
        """Raises ``ValueError`` for another model than the one that was taught."""
        if (found := model_digest(model)) != self.model:
            raise ValueError(
                f"the adapter was taught to the model {self.model[:12]}, and this is the model {found[:12]}: the "
                "features of one mean nothing to the other. Teach it again, or give the former model"
            )

    def digest(self) -> str:
        """Hash of all it holds."""
        parts = [self.model.encode(), *(label.encode() for label in self.labels)]
        parts += [self.features.astype("<f4").tobytes(), self.classes.astype("<i8").tobytes()]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()

    def blended(
        self, probabilities: np.ndarray, margin: np.ndarray, features: np.ndarray, labels: Sequence[str]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities (N, L) and margin over other activities (N,) by the words, with what was taught.

        features: (N, D) of the same windows. A window that looks like a kept one, by g = exp(-d^2 / 2w^2) of the cosine
        distance d from the nearest, takes the share g k / (k + m) of its probability from the words of all labels and
        gives it to those that k windows like it were taught, since the words count as m = `TEXT_WINDOWS` windows: words
        that know nothing of a made-up name do not count against it. What the words gave the taught labels besides is
        shared out among these by words and support. Elsewhere g vanishes, and the words decide. The doubt whether any
        label is meant, the other side of the odds that the margin is the logarithm of, shrinks alike, where what was
        taught is named.
        """
        cleaned = [clean_label(label) for label in labels]
        known = [i for i, label in enumerate(self.labels) if clean_label(label) in cleaned]
        if not known:
            return probabilities, margin
        column = [cleaned.index(clean_label(self.labels[i])) for i in known]
        rows = np.isin(self.classes, known)
        class_S = np.searchsorted(known, self.classes[rows])
        kept_SD, found_ND = self.features[rows].astype(np.float64), features.astype(np.float64)
        nearest = nearest_cosines(_unit(kept_SD), class_S, _unit(found_ND), len(known)).max(axis=1, keepdims=True)
        alike = np.exp(-0.5 * ((1 - nearest) / _LIKE_WITHIN) ** 2)
        support_SD, query_ND = centred(kept_SD, found_ND)
        support = np.ones((len(query_ND), 1))
        if len(known) > 1:
            support = ridge_probabilities(support_SD, class_S, query_ND, len(known), RIDGE_PENALTY).clip(0)
            support /= np.maximum(support.sum(axis=1, keepdims=True), 1e-12)
        count = np.bincount(class_S, minlength=len(known))
        windows = support @ count[:, None]
        taken = alike * windows / (windows + TEXT_WINDOWS)
        out = probabilities * (1 - taken)
        mass = out[:, column].sum(axis=1, keepdims=True)
        words = out[:, column] / np.maximum(mass, 1e-12)
        weight = TEXT_WINDOWS / (TEXT_WINDOWS + count)
        among = weight * words + (1 - weight) * support
        out[:, column] = mass * among / np.maximum(among.sum(axis=1, keepdims=True), 1e-12) + taken * support
        shown = out[:, column] @ count
        # The doubt 1 / (1 + e^m) becomes e^-u, and the odds of being known e^u - 1.
        u = np.logaddexp(0.0, margin) + np.log1p(shown / TEXT_WINDOWS)
        return out, u + np.log(-np.expm1(-u))

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
                classes=self.classes.astype(np.int64),
            )
        return path

    @classmethod
    def load(cls, path: str | Path) -> "Adapter":
        """Read one; raises ``ValueError`` for a file that is none, ``FileNotFoundError`` where there is none."""
        try:
            with np.load(path, allow_pickle=False) as file:
                held = {name: file[name] for name in ("format", "model", "labels", "features", "classes")}
        except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
            # NumPy's own words advise to load what could run code.
            reason = "it holds pickled objects, or is no .npz" if "pickle" in str(error) else error
            raise ValueError(f"{path} is no adapter ({reason}); give one that --teach has written") from error
        labels, features, classes = held["labels"].tolist(), held["features"], held["classes"]
        whole = features.ndim == 2 and classes.shape == features.shape[:1] and np.isfinite(features).all()
        if int(held["format"]) != _FORMAT or not whole or set(classes.tolist()) != set(range(len(labels))):
            raise ValueError(f"{path} is an adapter of another format, or damaged; teach it again")
        return cls(str(held["model"]), labels, features, classes)


def teach(recording: Recording, taught: Sequence[Taught], model: AlignmentModel) -> Adapter:
    """Learn from labelled stretches of a recording.

    Raises ``ValueError`` for no stretch, for labels that `check_labels` refuses, for stretches of different labels that
    overlap, and for a label of which nothing was recorded, or too little; and as ``recognise`` does for the recording.
    """
    if not taught:
        raise ValueError("nothing is taught; give at least one stretch with start, stop and label")
    labels = check_labels(list(dict.fromkeys(one.label for one in taught)))
    if (pair := _contradiction(taught)) is not None:
        raise ValueError(
            f"taught at the same time: {taught[pair[0]]} and {taught[pair[1]]}; give each moment one label"
        )
    devices = [surveyed(device, model.config.sensors) for device in recording.devices if device.pieces]
    axes = [BodyAxes(one) for one in devices]
    parts: dict[str, list[np.ndarray]] = {label: [] for label in labels}
    for stretch in taught:
        inside = [one.cropped_to((stretch.start_s, stretch.stop_s)) for one in devices]
        window_s = model.config.window_s
        start_s, borders = windows_of((stretch.start_s, stretch.stop_s), window_s, window_s)
        plan = WindowPlan(start_s, borders[:-1], borders[1:], np.ones(len(start_s), dtype=bool))
        for _, (embeddings, features) in embed_plan(model, inside, plan, axes, ("embedding", "features")):
            there = (embeddings.abs().amax(dim=1) > 0).cpu().numpy()
            parts[stretch.label].append(features.cpu().numpy()[there])
    kept, classes = [], []
    for number, label in enumerate(labels):
        rows = np.concatenate(parts[label])
        if not len(rows):
            longest = max((one for one in taught if one.label == label), key=lambda one: one.stop_s - one.start_s)
            seconds, least = longest.stop_s - longest.start_s, model.config.window_s
            if seconds < least:
                raise ValueError(
                    f"{label!r} is taught by {seconds:g} s from {longest.start_s:g} s on, which is too short, or "
                    f"was not recorded; give a stretch of at least {least:g} s"
                )
            raise ValueError(f"nothing was recorded while {label!r} was taught; do its times belong to this recording?")
        some = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _MOST_WINDOWS)).round().astype(int))
        kept.append(rows[some])
        classes += [number] * len(some)
    return Adapter(model_digest(model), labels, np.concatenate(kept).astype(np.float32), np.array(classes))


def read_taught(path: str | Path, clock: Clock) -> list[Taught]:
    """Rows start, stop, label of a CSV file: seconds from the start of the recording, or times of day (ISO 8601).

    Commas, semicolons (with decimal commas) or tabs part the columns; the text is UTF-8, UTF-16 or Windows-1252.
    Raises ``ValueError`` that names file and row, for other columns, no row, times that are none, labels that
    `check_labels` refuses, stretches that end before they begin, and stretches of different labels that overlap.
    """
    path = Path(path)
    text = _text_of(path)
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    table = csv.DictReader(io.StringIO(text), skipinitialspace=True, delimiter=delimiter)
    columns = [name.strip().lower() for name in table.fieldnames or []]
    if not set(_COLUMNS) <= set(columns):
        raise ValueError(f"{path} has the columns {', '.join(columns) or 'none'}; expected {', '.join(_COLUMNS)}")
    table.fieldnames = columns
    rows: list[Taught] = []
    lines: list[int] = []
    for row in table:
        where = f"{path}, line {table.line_num}"
        texts = [(row[name] or "").strip() for name in _COLUMNS]
        if not all(texts):
            raise ValueError(f"{where}: {row}; expected a start, a stop and a label")
        try:
            check_labels(texts[2:])
            times = [text.replace(",", ".") if delimiter == ";" else text for text in texts[:2]]
            start_s, stop_s = map(clock.seconds, times)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        if not start_s < stop_s:
            raise ValueError(f"{where}: from {texts[0]} to {texts[1]}; expected a stop after the start")
        rows.append(Taught(start_s, stop_s, texts[2]))
        lines.append(table.line_num)
    if not rows:
        raise ValueError(f"{path} has no row below its head; give at least one start, stop and label")
    if (pair := _contradiction(rows)) is not None:
        one, other = pair
        raise ValueError(
            f"{path}, lines {lines[one]} and {lines[other]}: {rows[one].label!r} and {rows[other].label!r} are taught "
            "at the same time; give each moment one label"
        )
    return rows


def _text_of(path: Path) -> str:
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\0" in data[:2]:
        encodings = ["utf-16-be" if data[0] == 0 else "utf-16-le"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ValueError(f"{path} is no text in UTF-8, UTF-16 or Windows-1252; save it as CSV in UTF-8")


def _contradiction(taught: Sequence[Taught]) -> tuple[int, int] | None:
    """Places of two stretches that overlap under different labels."""
    reach: dict[str, int] = {}  # label -> which of its stretches so far lasts longest
    for place in sorted(range(len(taught)), key=lambda i: taught[i].start_s):
        one = taught[place]
        for label, other in reach.items():
            if label != one.label and taught[other].stop_s > one.start_s:
                return min(place, other), max(place, other)
        if one.label not in reach or taught[reach[one.label]].stop_s < one.stop_s:
            reach[one.label] = place
    return None


def _unit(rows_ND: np.ndarray) -> np.ndarray:
    return rows_ND / np.maximum(np.linalg.norm(rows_ND, axis=1, keepdims=True), 1e-12)


def model_digest(model: AlignmentModel) -> str:
    """Hash of a model's weights: which model it is, wherever its file lies."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
