"""The windows of a dataset as other devices would have measured them, embedded.

Shapes: N windows, T samples, C channels, R runs of a stream.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from har.network.alignment import AlignmentModel, WornWindows
from har.protocol.perturbations import Draw, Perturbation, Run, in_axes, random_rotation
from har.protocol.request import EvaluationError
from har.protocol.scoring import ScoredWindows
from har.windows.body_axes import axes_of_recordings, cut_pieces
from har.windows.index import WindowIndex

_ROWS_READ = 2048  # windows in memory at once


@dataclass(frozen=True)
class Embedded:
    """Windows ``rows`` (N,) of an index, embedded twice: (N, D) each on its own, and in view of the recording.

    Zeros where no second of a window is there. changed: whether the change could be made to any stream.
    """

    rows: np.ndarray
    one_window: Tensor
    in_context: Tensor
    changed: bool

    @property
    def seen(self) -> np.ndarray:
        """(N,) bool: of which windows anything is there."""
        return (self.one_window.abs().amax(1) > 0).cpu().numpy()


def rows_of_wearers(windows: ScoredWindows) -> np.ndarray:
    """Rows (N,) of all windows of the people that are scored, whatever they do: what the recording context is of."""
    wearer = windows.index.wearer_id
    return np.flatnonzero(np.isin(wearer, wearer[windows.rows]))


def embed_worn_again(
    model: AlignmentModel,
    windows: ScoredWindows,
    change: Perturbation,
    seed: int,
    progress: Callable[[int], object] = lambda windows: None,
) -> Embedded:
    """Embed the windows of `rows_of_wearers` after a change.

    A change that does nothing gives, up to rounding, what ``embed_rows`` and ``embed_rows_in_context`` give. progress:
    called with the number of windows just embedded. Raises ``EvaluationError`` for windows of another length than the
    network's.
    """
    index, rows = windows.index, rows_of_wearers(windows)
    if index.window_s != model.config.window_s:
        raise EvaluationError(f"windows of {index.window_s} s; the network's are {model.config.window_s} s")
    one_window, in_context = (torch.zeros(len(rows), model.config.embedding_width) for _ in range(2))
    changed = False
    for stream_id in np.unique(index.stream_id[rows]):
        at = np.flatnonzero(index.stream_id[rows] == stream_id)
        stream = _ChangedStream(index, int(stream_id), rows[at], change, seed)
        changed |= stream.is_changed
        parts = np.array_split(np.arange(len(at)), -(-len(at) // _ROWS_READ))
        for part in parts:
            for text, own in stream.cut(part, model.window_samples(stream.rate_hz)).items():
                to = torch.from_numpy(at[own.at])
                one_window[to] = in_context[to] = model.embed_worn([own.worn(text, stream, known=False)]).cpu()
                told = np.flatnonzero(own.body.any(axis=(1, 2)))
                if len(told):
                    worn = own.worn(text, stream, known=True, chosen=told)
                    in_context[to[torch.from_numpy(told)]] = model.embed_worn([worn]).cpu()
            progress(len(part))
    return Embedded(rows, one_window, in_context, changed)


@dataclass(frozen=True)
class _Cut:
    """Windows ``at`` of a stream: samples (n, T, C) and body axes (n, 2, 3)."""

    at: np.ndarray
    samples: np.ndarray
    body: np.ndarray

    def worn(
        self, text: str | None, stream: "_ChangedStream", known: bool, chosen: np.ndarray | slice = slice(None)
    ) -> WornWindows:
        samples, body = self.samples[chosen], self.body[chosen]
        return WornWindows(samples, stream.rate_hz, stream.channels, text, body if known else np.zeros_like(body))


class _ChangedStream:
    """One stream of an index with its runs changed, and where the windows ``rows`` lie in them."""

    def __init__(self, index: WindowIndex, stream_id: int, rows: np.ndarray, change: Perturbation, seed: int) -> None:
        info, samples = index.streams[stream_id].info, index.streams[stream_id].samples
        recording_id, first, stop = index.runs(stream_id)
        run_of = np.searchsorted(first, index.start[rows], side="right") - 1
        needed = np.unique(run_of)
        subject = dict(zip(run_of.tolist(), index.subject_id[rows].tolist(), strict=True))
        self._runs, self.is_changed = [], bool(change.windows_turned or change.shift_s)
        for number in needed.tolist():
            person, recording = index.subjects[subject[number]], index.recordings[recording_id[number]]
            names = {"device": person, "recording": recording, "run": f"{recording}/{first[number]}"}
            draw = _draws(seed, f"{change.name}/{info.name}", names)
            own = np.array(samples[first[number] : stop[number]])
            run = Run(own, info.sampling_rate_hz, tuple(info.channels), info.placement)
            self._runs.append(change.change(run, draw))
            self.is_changed |= self._runs[-1] is not run
        self.rate_hz, self.channels = self._runs[0].rate_hz, self._runs[0].channels
        self._change, self._seed, self._index, self._rows = change, seed, index, rows
        self._run = np.searchsorted(needed, run_of)
        self._places = np.array([len(run.samples) for run in self._runs])
        self._samples = np.concatenate([run.samples for run in self._runs])
        self._offset = np.cumsum(self._places) - self._places
        self._locate(first[run_of], info.sampling_rate_hz)
        person = np.array([subject[number] for number in needed.tolist()])
        self._body = self._axes(person, recording_id[needed], info.gravity)

    def _locate(self, run_first: np.ndarray, rate_in: float) -> None:
        """First and last rows (N,) of each window among the changed samples, and whether it is looked at at all."""
        index, rows = self._index, self._rows
        start_s = (index.start[rows] - run_first) / rate_in
        lowest_s, stop_s = (
            (column[rows] - run_first) / rate_in for column in (index.segment_start, index.segment_stop)
        )
        shift_s, window_s = self._change.shift_s, index.window_s
        self._kept = np.ones(len(rows), dtype=bool)
        if shift_s:
            slack = 0.5 / rate_in
            later, earlier = start_s + shift_s + window_s <= stop_s + slack, start_s - shift_s >= lowest_s - slack
            start_s = start_s + np.where(later, shift_s, -shift_s)
            self._kept = later | earlier
        self._start = np.rint(start_s * self.rate_hz).astype(np.int64)
        # A sample belongs to the segment in which its moment lies.
        self._stop = np.minimum(np.ceil(stop_s * self.rate_hz - 1e-6).astype(np.int64), self._places[self._run])

    def _axes(self, person: np.ndarray, recording: np.ndarray, gravity: str) -> np.ndarray:
        """(R, 2, 3): how the device lies against the body in each run."""
        body = np.zeros((len(self._runs), 2, 3), dtype=np.float32)
        columns = self._runs[0].columns.get("acc")
        if columns is None or gravity != "present" or self._change.windows_turned:
            return body
        for one in np.unique(person):
            own = np.flatnonzero(person == one)
            pieces = [cut_pieces(self._runs[run].samples[:, columns], self.rate_hz) for run in own]
            of_piece = np.repeat(recording[own], [len(cut) for cut in pieces])
            found = axes_of_recordings(np.concatenate(pieces), of_piece, self.rate_hz)
            body[own] = np.stack([found[number] for number in recording[own].tolist()])
        return body

    def cut(self, part: np.ndarray, length: int) -> dict[str | None, _Cut]:
        """Windows ``part``, positions among the stream's, by the placement that is told of them."""
        run = self._run[part]
        rows = self._start[part, None] + np.arange(length)
        inside = (rows >= 0) & (rows < self._stop[part, None]) & self._kept[part, None]
        samples = self._samples[self._offset[run, None] + np.clip(rows, 0, self._places[run, None] - 1)]
        samples[~inside] = np.nan
        if self._change.windows_turned:
            matrices = np.stack([self._rotation(row) for row in self._rows[part].tolist()])
            samples = in_axes(samples, list(self._runs[0].columns.values()), matrices)
        told = np.array([self._runs[number].placement for number in run], dtype=object)
        chosen = {text: np.flatnonzero(told == text) for text in dict.fromkeys(told.tolist())}
        return {text: _Cut(part[at], samples[at], self._body[run[at]]) for text, at in chosen.items()}

    def _rotation(self, row: int) -> np.ndarray:
        return random_rotation(np.random.default_rng([self._seed, row]))


def _draws(seed: int, what: str, names: dict[str, str]) -> Draw:
    def draw(level: str) -> np.random.Generator:
        return np.random.default_rng([seed, *f"{what}/{level}/{names[level]}".encode()])

    return draw
