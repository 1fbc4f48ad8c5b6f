"""Files in, files out: one recording with all that is written of it, and folders of recordings, to be gone on with.

What is written lies beside the source, or in a folder of its own: tables, a summary, a page and a picture. The summary
says what all of it was made from and comes last, so that it tells what is finished.
"""

import contextlib
import csv
import errno
import hashlib
import io
import json
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from har.network.alignment import AlignmentModel
from har.readers.recording import Recording
from har.recognition.adapter import Adapter, is_teaching, model_digest
from har.recognition.annotation import EXPORTS
from har.recognition.outputs import bouts_table, label_columns, save_windows
from har.recognition.page import save_page
from har.recognition.picture import save_picture
from har.recognition.recognise import RELEASED, loaded, recognise
from har.recognition.timeline import Timeline
from har.recognition.vocabulary import RESERVED
from har.run.folder import write_atomically, write_json
from har.text.calibration import UNKNOWN_BELOW
from har.text.label_bank import LearnableLabelBank

_FORMAT = "har timeline 1"
WINDOW_FORMATS = ("csv", "parquet")
ADAPTER = ".adapter.npz"
_TIMELINE, _SUMMARY, _PAGE, _PICTURE = ".timeline.csv", ".summary.json", ".html", ".timeline.png"
# Files of which an app exports several for one recording: Sensor Logger, phyphox, Empatica.
_EXPORTED = ("accelerometer.csv", "totalacceleration.csv", "wristmotion.csv", "meta/time.csv", "acc.csv")

TABLE_NAME = "timelines.csv"  # of a folder of recordings
_TABLE_HEAD, _PROBLEM = ("recording", "start", "recorded", "unknown", "not worn", "gaps"), "problem"

Read = Callable[..., Recording]  # `har.readers.read_recording`


@dataclass(frozen=True)
class Request:
    """What is asked of every recording.

    labels: None for the everyday ones. reading: arguments of `read_recording` beside the path. out: a folder, None for
    beside each recording. windows: format of their table. exports: of ``EXPORTS``. The rest as in `recognise`.
    """

    labels: tuple[str, ...] | None = None
    reading: dict[str, Any] = field(default_factory=dict)
    out: Path | None = None
    context: bool = True
    unknown_below: float = UNKNOWN_BELOW
    windows: str = "csv"
    exports: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.windows not in WINDOW_FORMATS:
            raise ValueError(f"windows as {self.windows!r}; expected one of {', '.join(WINDOW_FORMATS)}")
        if unknown := [name for name in self.exports if name not in EXPORTS]:
            raise ValueError(f"no export {', '.join(unknown)}; there are {', '.join(EXPORTS)}")

    def plain(self) -> dict[str, Any]:
        """What decides on the outputs, as plain values."""
        return {
            "labels": None if self.labels is None else list(self.labels),
            "reading": dict(self.reading),
            "context": self.context,
            "unknown_below": self.unknown_below,
            "windows": self.windows,
            "exports": list(self.exports),
        }


@dataclass(frozen=True)
class Job:
    """A recording to be named, and where what is written of it lies: ``stem`` and an ending each."""

    source: Path
    folder: Path
    stem: str

    def output(self, suffix: str) -> Path:
        return self.folder / f"{self.stem}{suffix}"


def job_of(source: Path, out: Path | None) -> Job:
    """The job of one recording, a file or an export's folder."""
    stem = source.stem if source.is_file() else source.name
    return Job(source, source.parent if out is None else out, stem)


def jobs_in(folder: Path, out: Path | None) -> list[Job]:
    """All recordings below a folder, in order: files, and folders that an app exported as one recording.

    Hidden files, what is written of recordings, what teaches names, and links to folders are passed over; a file that
    is linked to is done once. Recordings of a folder that share a name but for their ending keep it in the names of
    their outputs.
    """
    sources = _once(list(_sources(folder)))
    jobs = []
    for source in sources:
        alike = [other for other in sources if other.parent == source.parent and other.stem == source.stem]
        target = source.parent if out is None else out / source.parent.relative_to(folder)
        jobs.append(Job(source, target, source.name if len(alike) > 1 or source.is_dir() else source.stem))
    return jobs


def is_export(folder: Path) -> bool:
    """Whether the files of a folder are one recording, as apps export it."""
    names = {path.name.lower() for path in folder.iterdir()}
    return any(name in names for name in _EXPORTED if "/" not in name) or (folder / "meta" / "time.csv").is_file()


def _sources(folder: Path) -> Iterator[Path]:
    if is_export(folder):
        yield folder
        return
    paths = sorted(folder.iterdir())
    written = set()
    for summary in paths:
        if summary.name.endswith(_SUMMARY) and (record := _record_in(summary)) is not None:
            written |= {summary.name, *record["outputs"]}
    for path in paths:
        if path.name.startswith("."):
            continue
        if path.is_dir():
            if not path.is_symlink():  # may lead back to where it lies
                yield from _sources(path)
        elif path.name not in written and not _is_table(path) and not is_teaching(path):
            yield path


def _once(sources: Sequence[Path]) -> list[Path]:
    """Without links to files that are there themselves, or by an earlier link."""
    seen = {path.resolve() for path in sources if not path.is_symlink()}
    kept = []
    for path in sources:
        if path.is_symlink():
            if (target := path.resolve()) in seen:
                continue
            seen.add(target)
        kept.append(path)
    return kept


def _is_table(path: Path) -> bool:
    """Whether a file is what `save_outcomes` writes."""
    if path.name != TABLE_NAME:
        return False
    with path.open("rb") as file:
        head = ",".join(_TABLE_HEAD).encode()
        return file.read(len(head)) == head


# --- One recording ---------------------------------------------------------------------------------------------------


def made_from(job: Job, request: Request, model: AlignmentModel, adapter: Adapter | None) -> dict[str, Any]:
    """What decides on the outputs of a job, as plain values: the same gives the same outputs."""
    return {
        "source": digest_of(job.source),
        "request": json.loads(json.dumps(request.plain())),
        "model": model_digest(model),
        "adapter": None if adapter is None else adapter.digest(),
    }


def digest_of(source: Path) -> str:
    """Hash of a file, or of all files of a folder with their names."""
    files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in files:
        if source.is_dir():
            digest.update(f"\0{path.relative_to(source).as_posix()}\0".encode())
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def finished(job: Job, made: dict[str, Any]) -> dict[str, Any] | None:
    """The summary of a job whose outputs are all there and were made from the same; None otherwise."""
    record = _record(job)
    if record is None or not record.get("complete") or record.get("made_from") != made:
        return None
    return record if all((job.folder / name).is_file() for name in record["outputs"]) else None


def _record(job: Job) -> dict[str, Any] | None:
    """What the summary beside a job's outputs says, None where there is none of ours."""
    return _record_in(job.output(_SUMMARY))


def _record_in(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get("format") == _FORMAT else None


def write_outputs(timeline: Timeline, job: Job, request: Request, made: dict[str, Any]) -> dict[str, Any]:
    """Write all of a timeline; returns the summary.

    Raises ``FileExistsError`` before anything is written, where a file would be replaced that was not written by an
    earlier prediction of this recording.
    """
    windows = f".windows.{request.windows}"
    suffixes = [_TIMELINE, windows, _PAGE, _PICTURE, *(EXPORTS[name][0] for name in request.exports)]
    outputs = [job.output(suffix) for suffix in suffixes]
    before = _record(job)
    own = set() if before is None else {*before["outputs"], job.output(_SUMMARY).name}
    for path in (*outputs, job.output(_SUMMARY)):
        if path.resolve() == job.source.resolve():
            raise FileExistsError(f"{path} is the recording itself; give another folder to write into (--out)")
        if path.exists() and path.name not in own:
            raise FileExistsError(
                f"{path} exists, and no earlier prediction wrote it; move it away, or give another folder (--out)"
            )
    names = [path.name for path in outputs]
    begun = {"format": _FORMAT, "complete": False, "outputs": sorted({*names, *(own - {job.output(_SUMMARY).name})})}
    with writing_into(job.folder):
        write_json(job.output(_SUMMARY), begun)
    for name in own - {*names, job.output(_SUMMARY).name}:  # of other options
        (job.folder / name).unlink(missing_ok=True)
    write_atomically(job.output(_TIMELINE), bouts_table(timeline))
    save_windows(timeline, job.output(windows))
    save_page(timeline, job.output(_PAGE))
    save_picture(timeline, job.output(_PICTURE))
    for name in request.exports:
        suffix, write = EXPORTS[name]
        write(timeline, job.output(suffix))
    summary = {"format": _FORMAT, "complete": True, "outputs": names, "made_from": made, **timeline.summary()}
    write_json(job.output(_SUMMARY), summary)
    return summary


@contextlib.contextmanager
def writing_into(folder: Path) -> Iterator[None]:
    """Make the folder; raises ``PermissionError`` that names it where it may not be made, or nothing written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise PermissionError(f"{folder} cannot be written into; give another folder (--out)") from error


def predict_one(
    job: Job,
    request: Request,
    read: Read,
    model: AlignmentModel,
    bank: LearnableLabelBank,
    adapter: Adapter | None = None,
    progress: Callable[[int, int], object] = lambda done, total: None,
    recording: Recording | None = None,
) -> dict[str, Any]:
    """Read, name and write one recording; returns its summary. recording: what was read already."""
    made = made_from(job, request, model, adapter)
    recording = read(job.source, **request.reading) if recording is None else recording
    timeline = recognise(
        recording,
        request.labels,
        model,
        bank,
        adapter=adapter,
        context=request.context,
        unknown_below=request.unknown_below,
        progress=progress,
    )
    return write_outputs(timeline, job, request, made)


# --- Many recordings -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """How it went with a recording: its summary, or why there is none. earlier: it was finished before."""

    source: Path
    summary: dict[str, Any] | None
    error: str = ""
    earlier: bool = False


def predict_many(
    jobs: Sequence[Job],
    request: Request,
    read: Read,
    checkpoint: str,
    adapter: Adapter | None = None,
    processes: int = 1,
    scheduler: str | None = None,
) -> Iterator[Outcome]:
    """Name recordings, in several processes with a share of the cores each; yields the outcomes as they come.

    scheduler: address of a Dask cluster whose workers name them instead; they see the same files under the same paths.
    What is finished, by the same source, settings, model and adapter, is not done again. A recording that cannot be
    read or named does not keep the others from it. Raises as ``har.recognition.cluster.spread`` does.
    """
    model, _ = loaded(checkpoint)
    if adapter is not None:
        adapter.check(model)
    waiting = []
    for job in jobs:
        try:
            before = finished(job, made_from(job, request, model, adapter))
        except OSError as error:
            yield _problem(job, " ".join(str(error).split()))
            continue
        if before is None:
            waiting.append(job)
        else:
            yield Outcome(job.source, before, earlier=True)
    if scheduler is not None:
        if waiting:
            yield from _on_cluster(waiting, request, read, checkpoint, adapter, scheduler)
        return
    if processes == 1 or len(waiting) < 2:
        for job in waiting:
            yield _outcome(job, request, read, checkpoint, adapter)
        return
    from joblib import Parallel, delayed

    threads = max(1, torch.get_num_threads() // processes)
    work = (delayed(_outcome)(job, request, read, checkpoint, adapter, threads) for job in waiting)
    with _deaf_to_interrupts():
        outcomes = Parallel(n_jobs=processes, return_as="generator_unordered")(work)
    yield from outcomes


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Processes that are started here pass over Ctrl-C, which a terminal sends to all: this one ends them."""
    if threading.current_thread() is not threading.main_thread():  # which alone may set handlers
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _on_cluster(
    jobs: Sequence[Job], request: Request, read: Read, checkpoint: str, adapter: Adapter | None, scheduler: str
) -> Iterator[Outcome]:
    from har.recognition.cluster import spread

    # The workers' current folder is another one.
    given = {job.source.absolute(): job.source for job in jobs}
    absolute = [replace(job, source=job.source.absolute(), folder=job.folder.absolute()) for job in jobs]
    work = partial(
        _outcome,
        request=request,
        read=read,
        checkpoint=checkpoint if checkpoint == RELEASED else str(Path(checkpoint).absolute()),
        adapter=adapter,
        unless_finished=True,
    )
    for outcome in spread(work, absolute, scheduler, _problem):
        yield replace(outcome, source=given[outcome.source])


def _outcome(
    job: Job,
    request: Request,
    read: Read,
    checkpoint: str,
    adapter: Adapter | None,
    threads: int | None = None,
    unless_finished: bool = False,
) -> Outcome:
    """unless_finished: somebody may have finished it since it was asked for."""
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        model, bank = loaded(checkpoint)
        summary = finished(job, made_from(job, request, model, adapter)) if unless_finished else None
        summary = summary or predict_one(job, request, read, model, bank, adapter)
    except (ValueError, OSError) as error:
        return _problem(job, " ".join(str(error).split()))
    return Outcome(job.source, summary)


def _problem(job: Job, reason: str) -> Outcome:
    named = str(job.source) in reason
    return Outcome(job.source, None, reason if named else f"{job.source}: {reason}")


def outcomes_table(outcomes: Sequence[Outcome], folder: Path) -> str:
    """The text of a CSV file: one row a recording, minutes in all and of each name, and what went wrong."""
    outcomes = sorted(outcomes, key=lambda one: one.source)  # they come in any order
    summaries = [outcome.summary for outcome in outcomes if outcome.summary is not None]
    names = list(dict.fromkeys(name for summary in summaries for name in summary["minutes"]))
    names = [name for name in names if name not in RESERVED]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*_TABLE_HEAD, *label_columns(names, [*_TABLE_HEAD, _PROBLEM]), _PROBLEM])
    for outcome in outcomes:
        summary = outcome.summary or {}
        totals = [summary.get(f"{what}_minutes") for what in ("recorded", "unknown", "not_worn", "gap")]
        minutes = [summary.get("minutes", {}).get(name, 0.0 if summary else None) for name in names]
        numbers = ["" if value is None else f"{value:.3f}" for value in (*totals, *minutes)]
        start = summary.get("start") or ""
        table.writerow([outcome.source.relative_to(folder).as_posix(), start, *numbers, outcome.error])
    return text.getvalue()


def save_outcomes(outcomes: Sequence[Outcome], folder: Path, path: Path) -> Path:
    """Write `outcomes_table`; raises ``FileExistsError`` where another file would be replaced."""
    if path.is_file() and not _is_table(path):
        raise FileExistsError(
            f"{path} exists and is no table of timelines; move it away, or give another folder (--out)"
        )
    with writing_into(path.parent):
        write_atomically(path, outcomes_table(outcomes, folder))
    return path
