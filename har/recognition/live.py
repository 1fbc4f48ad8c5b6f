"""What is being done now: the recording context without the future.

A window ends at each step of a live recording. It is named as the last window of the recording up to then would be
(har/recognition/recognise.py): with what the past tells of how the device lies against the body, of what labels
attract, and of what was done before. Shapes: n rows, C channels, L labels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from har.evaluation.few_shot import LEAST_PROBABILITY
from har.labels.wording import clean_label
from har.network.alignment import AlignmentModel, WornWindows
from har.recognition.adapter import LEAST_SHARE, Adapter, Taught, check_taught, model_digest
from har.recognition.live_axes import LiveAxes
from har.recognition.live_past import LivePast
from har.recognition.live_signal import LiveSignal, Stretch
from har.recognition.live_wear import LiveWear
from har.recognition.names import doubts_about
from har.recognition.naming import named_alone, newest_in_context
from har.recognition.recognise import RELEASED, check_unknown_below, loaded
from har.recognition.spans import Span, inside, share_there
from har.recognition.vocabulary import NOT_WORN, UNKNOWN, check_labels
from har.signal.channels import parse_devices, triads
from har.signal.plausibility import GRAVITY, beyond, examine
from har.text.calibration import UNKNOWN_BELOW
from har.text.label_bank import LearnableLabelBank
from har.text.naming import Naming
from har.windows.body_axes import piece_length

KEPT_S = 600.0  # of samples: to look at again where the axes turn, and to teach from; the chain reads as far back
_CALIBRATED_S = 3600.0  # of measured time, whose windows tell what labels attract
_RENEWED = 16  # windows of the past that are looked at again, at most, with each new one
_TOGETHER = 32  # windows embedded at once, where many are due
_BACKLOG_S = 60.0  # that is measured before it is looked at though nobody asks
_ROWS = 4096  # taken in at once
_FIRST_EXAMINED_S = 2.0
_SLACK_S = 1e-6  # of times that were computed
_EXAMINED = 12  # pieces of a stretch after each of which it is examined, and then after every so many


@dataclass(frozen=True)
class LiveAnswer:
    """What is being done at a moment.

    time_s: end of the window, in the sender's clock. probabilities: (L,) of the labels in the context of the past, with
    the sum 1. known: probability that one of them is meant. name: one of the labels, "unknown", or "not worn", where
    probabilities and known are NaN. confidence: the probability of the name, None where it is no label. oriented:
    whether the body's up is known by now; False: there was not enough movement yet.
    """

    time_s: float
    labels: tuple[str, ...]
    probabilities: np.ndarray
    known: float
    name: str
    confidence: float | None
    oriented: bool


class LiveRecogniser:
    """One wearer's one device, as it measures. Not thread-safe: one caller at a time.

    labels, model, bank, adapter, context, unknown_below: as in ``recognise``. placement, channels, gravity: as in
    ``har.readers.recording.Device``. step_s: seconds from answer to answer.

    Raises ``ValueError`` for what makes no sense, and as ``load_model`` does.
    """

    def __init__(
        self,
        labels: Sequence[str],
        model: AlignmentModel | None = None,
        bank: LearnableLabelBank | None = None,
        *,
        placement: str | None = None,
        channels: Sequence[str] = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"),
        gravity: str = "included",
        adapter: Adapter | None = None,
        context: bool = True,
        unknown_below: float = UNKNOWN_BELOW,
        step_s: float = 0.5,
    ) -> None:
        if (model is None) != (bank is None):
            raise ValueError("give both a model and its label bank, or neither for the released ones")
        self._model, self._bank = loaded(RELEASED) if model is None else (model, bank)
        self._window_s = self._model.config.window_s
        if not 0 < step_s <= self._window_s / 2:
            raise ValueError(f"step_s {step_s}; expected more than 0 and at most half a window, {self._window_s / 2} s")
        if gravity not in GRAVITY:
            raise ValueError(f"gravity is {gravity!r}; expected one of {', '.join(GRAVITY)}")
        self._sensors = dict(triads(channels))
        if len(parse_devices(channels, None)) != 1 or not set(self._sensors) & set(self._model.config.sensors):
            raise ValueError(
                f"channels {list(channels)}; expected those of one device, with one of the sensors "
                f"{', '.join(self._model.config.sensors)} that the network knows"
            )
        if adapter is not None:
            adapter.check(self._model)
        self._channels, self._gravity, self._context = tuple(channels), gravity, context
        self._unknown_below, self._step_s = check_unknown_below(unknown_below), step_s
        self._every = max(1, round(self._window_s / 2 / step_s))
        self._stride_s = self._every * step_s
        self._signal = LiveSignal(channels, KEPT_S + self._window_s + _BACKLOG_S)
        self._axes, self._wear = LiveAxes(), LiveWear()
        widths = self._model.config.embedding_width, self._model.config.width
        self._past = LivePast(round(_CALIBRATED_S / step_s), *widths)
        self._adapter, self._version, self._moment = adapter, 0, 0
        self._placement: str | None = None
        self._stretch: Stretch | None = None  # that is looked at
        self._pieces = self._worn_to = 0  # of it
        self._off: Span | None = None  # the last time that the device was off the body
        self._newest: tuple[Stretch, int] | None = None  # the last moment, while it waits for an answer
        self._answered = False
        self._findings: list[str] = []
        self._doubts: list[str] = []
        self._refusal = ""
        self._naming: Naming | None = None
        self._featured = False  # whether features of windows are of use
        self.set_labels(labels)
        self.set_placement(placement)

    # --- Settings -----------------------------------------------------------------------------------------------------

    def read(self, labels: Sequence[str] = (), placement: str | None = None) -> None:
        """Encode words that are to be set, which takes longest of it; another thread may do so meanwhile.

        Raises ``ValueError`` for labels and a placement that cannot be set.
        """
        if labels:
            self._bank.encode(check_labels(labels))
        if placement is not None:
            self._model.placement_feature(placement)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self._naming.labels)

    def set_labels(self, labels: Sequence[str]) -> None:
        """Names to choose from from now on; what was seen before is read again under them."""
        names = check_labels(labels)
        naming = Naming(self._bank, names)
        self._doubts = doubts_about(names, self._bank, () if self._adapter is None else self._adapter.labels)
        self._naming = naming
        featured, self._featured = self._featured, self._used is not None
        self._version += self._featured and not featured  # the past was seen without what is of use now
        self._past.name(self._naming, self._used)
        self._answered = False

    @property
    def placement(self) -> str | None:
        return self._placement

    def set_placement(self, text: str | None) -> None:
        """Where the device is worn, in words, None where unknown: also for what is kept of the past."""
        if text is not None and not (isinstance(text, str) and text.strip()):
            raise ValueError(f"placement is {text!r}; expected where the device is worn, in words, or None")
        former, self._placement = self._placement, text
        try:
            self._embed(np.zeros((0, self._model.window_samples(50.0), len(self._channels)), np.float32), 50.0)
        except ValueError:
            self._placement = former
            raise
        self._version += text != former

    @property
    def adapter(self) -> Adapter | None:
        """What was given and taught; its ``save`` writes it."""
        return self._adapter

    def teach(self, label: str, start_s: float, stop_s: float) -> None:
        """Learn a label from what was measured from start to stop, in seconds of the sender's clock as it goes now.

        The label is then among the labels. A window begins at each step of that time: a few seconds hold one whole
        window, and windows are named wherever their steps fall.

        Raises ``ValueError`` for less than half a window, for a label that `check_labels` refuses, and where less than
        half a window is kept of that time.
        """
        check_labels([label])
        check_taught(Taught(start_s, stop_s, label), self._window_s)
        self._advance()
        found: list[list[np.ndarray]] = [[], []]
        for stretch in self._signal.stretches:
            first_s = stretch.start_s + stretch.kept_from / stretch.rate_hz
            span = max(first_s, start_s - stretch.shift_s), min(stretch.stop_s, stop_s - stretch.shift_s)
            if span[0] >= span[1]:
                continue
            length, stop = self._model.window_samples(stretch.rate_hz), stretch.point(span[1])
            last_s = max(span[0], span[1] - LEAST_SHARE * self._window_s)
            begins = [stretch.point(one) for one in np.arange(span[0], last_s + _SLACK_S, self._step_s)]
            samples = np.stack([_padded(stretch.read(a, min(a + length, stop)), length) for a in begins])
            samples = samples[share_there(samples, self._sensors.values()) >= LEAST_SHARE]
            for layer, part in zip(found, self._embed(samples, stretch.rate_hz, features=True), strict=True):
                layer.append(part)
        embeddings, features = (np.concatenate(layer) if layer else np.zeros((0, 1)) for layer in found)
        if not len(embeddings):
            raise ValueError(
                f"of these {stop_s - start_s:g} s less than {LEAST_SHARE * self._window_s:g} s were measured and are "
                f"kept; teach what was done in the last {KEPT_S / 60:g} minutes, for {self._window_s:g} s or more"
            )
        before = self._adapter or Adapter.empty(model_digest(self._model), features.shape[1], embeddings.shape[1])
        self._adapter = before.extended(label, features, embeddings)
        known = {clean_label(one) for one in self.labels}
        self.set_labels(self.labels if clean_label(label) in known else [*self.labels, label])
        if len(self._past.rows):  # so that it is named at once
            self._renew(self._past.in_phase(self._every)[-_RENEWED:])

    @property
    def _used(self) -> Adapter | None:
        """The adapter, where anything that it was taught is asked for."""
        labels = [] if self._naming is None else self._naming.labels
        if self._adapter is None or len(self._adapter.left_out(labels)) == len(self._adapter.labels):
            return None
        return self._adapter

    @property
    def notes(self) -> list[str]:
        """What is doubtful about the names, odd about the signal by now, lost of it, and taken for granted."""
        notes = [*self._doubts, *self._signal.counts.sentences(), *self._findings]
        if "acc" not in self._sensors:
            notes.append("There is no accelerometer: postures cannot be told, nor whether the device is worn.")
        elif self._gravity == "removed":
            notes.append("The accelerometer comes without gravity: postures can hardly be told apart.")
        if self._placement is None:
            notes.append("Nothing is known of where the device is worn; saying so makes the names better.")
        if self._adapter is not None and (unasked := self._adapter.left_out(self.labels)):
            notes.append(f"Taught, but not among the names asked for: {', '.join(map(repr, unasked))}.")
        return notes

    # --- Samples ------------------------------------------------------------------------------------------------------

    def add(self, time_s: Sequence[float] | np.ndarray, samples: np.ndarray) -> None:
        """Rows as they are measured: (n,) seconds of the sender's clock, and (n, C) in g and rad/s, NaN = missing.

        Steps may be uneven, and rows lost. A row that comes later than its stamp is left out; where the clock goes back
        by more than a second, or nothing comes for so long, the past ends in a gap. Raises ``ValueError`` for other
        shapes and for values that nothing worn measures, with nothing taken in, and for stamps that are no seconds.
        """
        time_s, samples = np.asarray(time_s, dtype=np.float64), np.asarray(samples, dtype=np.float32)
        if not len(time_s) and not samples.size:
            return
        if time_s.ndim != 1 or samples.shape != (len(time_s), len(self._channels)):
            raise ValueError(
                f"times of shape {time_s.shape} and samples of shape {samples.shape}; expected (n,) and "
                f"(n, {len(self._channels)}), for the channels {', '.join(self._channels)}"
            )
        for kind, axes in self._sensors.items():
            if found := beyond(samples[None], axes, kind):
                raise ValueError(found[0].text)
        for first in range(0, len(time_s), _ROWS):
            rows = slice(first, first + _ROWS)
            self._signal.add(time_s[rows], samples[rows])
            if self._behind_s() > _BACKLOG_S:
                self._advance()

    def _behind_s(self) -> float:
        if not self._signal.stretches:
            return 0.0
        return self._signal.stretches[-1].stop_s - self._moment * self._step_s

    def answer(self) -> LiveAnswer | None:
        """What is being done at the newest step that is complete; None before enough is there, and where none is new.

        A change of labels makes the newest step new. Raises ``ValueError`` as long as what was measured cannot be in
        the units of a ``Device``, in the words of har/signal/plausibility.py.
        """
        self._advance()
        if self._refusal:
            raise ValueError(self._refusal)
        if self._answered or self._newest is None:
            return None
        self._answered = True
        stretch, moment = self._newest
        rows = self._past.rows
        if not len(rows) or rows["moment"][-1] != moment:
            return None
        time_s, labels = moment * self._step_s + stretch.shift_s, self.labels
        oriented = bool(self._axes.used[0].any())
        if rows["off"][-1]:
            return LiveAnswer(time_s, labels, np.full(len(labels), np.nan), np.nan, NOT_WORN, None, oriented)
        probabilities, known = self._in_context() if self._context else self._alone()
        best = int(probabilities.argmax())
        if known < self._unknown_below:
            return LiveAnswer(time_s, labels, probabilities, known, UNKNOWN, None, oriented)
        return LiveAnswer(time_s, labels, probabilities, known, labels[best], float(probabilities[best]), oriented)

    def _in_context(self) -> tuple[np.ndarray, float]:
        at = self._past.in_phase(self._every)
        own = self._past.own[at]
        if self._used is not None:
            own = np.maximum(own, LEAST_PROBABILITY)
        read = at[self._past.rows["start_s"][at] > self._past.rows["start_s"][-1] - KEPT_S]
        last = slice(len(at) - len(read), None)
        rows = self._past.rows[read]
        return newest_in_context(
            own[last], rows["margin"], rows["start_s"], own, self._stride_s, self._naming.calibration
        )

    def _alone(self) -> tuple[np.ndarray, float]:
        found, known = named_alone(self._past.own[-1:], self._past.rows["margin"][-1:], self._naming.calibration)
        return found[0], float(known[0])

    # --- From step to step --------------------------------------------------------------------------------------------

    def _due(self) -> Iterator[tuple[Stretch, int]]:
        """Steps that are complete and were not looked at, in order."""
        for stretch in self._signal.stretches:
            first = max(self._moment, int(np.floor(stretch.start_s / self._step_s))) + 1
            for moment in range(first, int(np.floor(stretch.stop_s / self._step_s + _SLACK_S)) + 1):
                yield stretch, moment

    def _advance(self) -> None:
        """Look at what is due; a step depends on nothing that comes after it."""
        waiting: list[_Due] = []
        for stretch, moment in self._due():
            self._moment, self._newest, self._answered = moment, (stretch, moment), False
            version = self._version
            self._hear(stretch, moment)
            stale = self._past.stale(self._version)
            if version != self._version or stale or len(waiting) == _TOGETHER:
                self._look(waiting)
                waiting = []
            waiting.append(_Due(stretch, moment, self._axes.used, self._version, self._off))
            if stale or version != self._version:
                self._look(waiting)
                waiting = []
                self._renew(np.flatnonzero(self._past.rows["version"] != self._version)[-_RENEWED:])
        self._look(waiting)

    def _hear(self, stretch: Stretch, moment: int) -> None:
        """What the samples of one step tell beside its window: axes of the body, wear, what cannot be."""
        if stretch is not self._stretch:
            if self._stretch is not None:
                self._hear_pieces(self._stretch, self._stretch.complete, ended=True)
            self._stretch, self._pieces, self._worn_to = stretch, 0, 0
        stop = stretch.point(moment * self._step_s)
        if "acc" in self._sensors:
            self._wear.add(moment * self._step_s, stretch.read(self._worn_to, stop)[:, self._sensors["acc"]])
            self._off = self._wear.off() or self._off
        if self._worn_to < round(_FIRST_EXAMINED_S * stretch.rate_hz) <= stop:
            self._examine(stretch.read(0, stop)[None], stretch.rate_hz)
        self._worn_to = stop
        self._hear_pieces(stretch, stop)

    def _hear_pieces(self, stretch: Stretch, stop: int, ended: bool = False) -> None:
        length = piece_length(stretch.rate_hz)
        while self._pieces * length + (1 if ended else length) <= stop:
            first = self._pieces * length
            piece = _padded(stretch.read(first, min(first + length, stop)), length)
            self._pieces += 1
            if self._context and self._gravity == "included" and "acc" in self._sensors:
                self._version += self._axes.add(piece[:, self._sensors["acc"]], stretch.rate_hz)
            if self._pieces <= _EXAMINED or self._pieces % _EXAMINED == 0 or self._refusal:
                kept = -(-stretch.kept_from // length)
                pieces = [stretch.read(n * length, (n + 1) * length) for n in range(kept, self._pieces)]
                self._examine(np.stack(pieces), stretch.rate_hz)

    def _examine(self, windows: np.ndarray, rate_hz: float) -> None:
        if not np.isfinite(windows).any():
            return
        found = examine(windows, parse_devices(self._channels, self._placement), rate_hz, self._gravity)
        self._findings = [finding.text for finding in found]
        self._refusal = "; besides, ".join(finding.text for finding in found if finding.certain)

    def _window(self, stretch: Stretch, moment: int) -> tuple[float, bool, np.ndarray]:
        """When the window that ends at a step begins, whether it is whole, and its samples (T, C).

        In the first seconds of a stretch it begins with it, as the only window of a short recording does.
        """
        stop, length = stretch.point(moment * self._step_s), self._model.window_samples(stretch.rate_hz)
        first = max(stop - length, 0)
        start_s = max(moment * self._step_s - self._window_s, stretch.start_s)
        return start_s, stop >= length, _padded(stretch.read(first, stop), length)

    def _look(self, due: Sequence["_Due"]) -> None:
        """Embed windows that were never looked at; what has no second is passed over."""
        if not due:
            return
        windows = [self._window(one.stretch, one.moment) for one in due]
        appended = 0
        for rate_hz in dict.fromkeys(one.stretch.rate_hz for one in due):
            which = [n for n, one in enumerate(due) if one.stretch.rate_hz == rate_hz]
            samples, axes = np.stack([windows[n][2] for n in which]), np.stack([due[n].axes for n in which])
            layers = self._embed(samples, rate_hz, axes, self._used is not None)
            for n, *found in zip(which, *layers, strict=True):
                start_s, whole, _ = windows[n]
                if found[0].any():
                    self._past.append(
                        found[0], found[1] if found[1:] else None,
                        moment=due[n].moment, stretch=due[n].stretch.number, start_s=start_s, whole=whole,
                        off=False, version=due[n].version,
                    )  # fmt: skip
                    appended += 1
        rows, count = self._past.rows, len(self._past.rows)
        for off in {one.off for one in due} - {None}:
            rows["off"] |= inside(rows["start_s"] + self._window_s / 2, [off])
        self._past.name(self._naming, self._used, np.arange(max(0, count - appended), count))

    def _renew(self, places: np.ndarray) -> None:
        """Look again at windows at these places of the past, which were seen under other settings."""
        rows = self._past.rows
        rows["version"][places] = self._version  # what is not kept stays as it is
        numbers = {stretch.number: stretch for stretch in self._signal.stretches}
        kept: dict[float, list[int]] = {}
        for place in places.tolist():
            stretch = numbers.get(int(rows["stretch"][place]))
            if stretch is not None and stretch.point(rows["start_s"][place]) >= stretch.kept_from:
                kept.setdefault(stretch.rate_hz, []).append(place)
        for rate_hz, at in kept.items():
            windows = [self._window(numbers[int(rows["stretch"][n])], int(rows["moment"][n]))[2] for n in at]
            layers = self._embed(np.stack(windows), rate_hz, self._axes.used, self._used is not None)
            self._past.embedding[at] = layers[0]
            if layers[1:]:
                self._past.features[at] = layers[1]
            self._past.name(self._naming, self._used, np.array(at))

    def _embed(
        self, samples: np.ndarray, rate_hz: float, axes: np.ndarray | None = None, features: bool = False
    ) -> list[np.ndarray]:
        """Embeddings (n, D), and features (n, F) where they are wanted, of windows (n, T, C)."""
        axes = self._axes.used if axes is None else axes
        worn = WornWindows(samples, rate_hz, self._channels, self._placement, axes)
        layers = ("embedding", "features") if features else ("embedding",)
        return [found.cpu().numpy() for found in self._model.embed_worn_layers([worn], layers)]


class _Due(NamedTuple):
    """A step to look at, with what was known by then: axes of the body, and the last time off it."""

    stretch: Stretch
    moment: int
    axes: np.ndarray
    version: int
    off: Span | None


def _padded(samples: np.ndarray, length: int) -> np.ndarray:
    """(length, C): samples (n, C), and after them missing ones."""
    missing = np.full((length - len(samples), samples.shape[1]), np.nan, dtype=np.float32)
    return np.concatenate([samples, missing])
