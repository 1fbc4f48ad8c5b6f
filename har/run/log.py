"""The log of a run: one JSON object a line in ``metrics.jsonl``, and the meters that feed it."""

import contextlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

from har.files.room import room_for
from har.run.folder import (
    RecordError,
    require_plain,
    with_checksum,
    without_checksum,
    write_atomically,
    write_json,
)


class MetricsLog:
    """Appends records to a ``metrics.jsonl`` file; every line is on its way to the disk when ``log`` returns.

    A line ends with a ``checksum`` of its own, by which reading finds a number that is not the one that was written.

    Args:
        path: the file. Its folder must exist.
        resume_step: the step that a resumed run continues from. Lines of later steps, written before the interruption,
            and a torn last line are dropped; the run will write them again.

    Raises:
        FileExistsError: the file has lines already and ``resume_step`` is not given.
        RecordError: a line other than the last is not a record, or not what was written; the message names it.
        ValueError: ``resume_step`` is negative.
    """

    def __init__(self, path: str | Path, resume_step: int | None = None):
        self.path = Path(path)
        if resume_step is not None:
            _keep_until(self.path, resume_step)
        elif self.path.exists() and self.path.stat().st_size:
            raise FileExistsError(f"{self.path} holds the log of a run already: give resume_step to continue it")
        # Without a buffer: what could not be written is not tried again when the log is closed.
        self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115 (closed by close)

    def log(self, record: dict) -> None:
        """Append one record: plain values, among them the non-negative integer ``step``.

        Raises:
            TypeError: a value is no plain Python value (a tensor, a numpy scalar), or ``step`` is missing.
            ValueError: a number is not finite, or the log is closed. Nothing is written in either case.
            NoRoomError: there is no room for the line, of which a part may have been written.
        """
        require_plain(record)
        if not isinstance(record, dict) or not _is_step(record.get("step")):
            raise TypeError(f"a record is a dict with a whole number 'step' of at least 0, found {record!r}")
        line = (json.dumps(with_checksum(record), ensure_ascii=False, allow_nan=False) + "\n").encode()
        with room_for(self.path):
            while line:
                line = line[self._file.write(line) :]

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def read_metrics(path: str | Path) -> list[dict]:
    """All records of a log, also of a run that is still writing: a torn last line is left out.

    Raises:
        FileNotFoundError: there is no such file.
        RecordError: another line is not a record, or not the one that was written; the message names it.
    """
    return [record for _, record in _whole_lines(Path(path))]


def _is_step(value: object) -> bool:
    return type(value) is int and value >= 0


def _whole_lines(path: Path) -> list[tuple[bytes, dict]]:
    """Every line, as bytes and as record, up to a torn last one."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing; give the log of a run, or its folder") from None
    except OSError as error:
        raise RecordError(f"{path} cannot be read ({error.strerror}); give the log of a run") from error
    kept = []
    for number, line in enumerate(lines, start=1):
        if not line.endswith(b"\n"):
            break
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):  # not JSON, or not UTF-8
            record = None
        if not isinstance(record, dict) or not _is_step(record.get("step")):
            raise RecordError(
                f"{path}, line {number}: expected a JSON object with a whole number 'step', found {line[:80]!r}. "
                "Remove the line"
            )
        kept.append((line, without_checksum(record, f"{path}, line {number}", "remove the line")))
    return kept


def _keep_until(path: Path, resume_step: int) -> None:
    if not _is_step(resume_step):
        raise ValueError(f"resume_step must be a whole number of at least 0, found {resume_step!r}")
    if not path.exists():
        return
    kept = [line for line, record in _whole_lines(path) if record["step"] <= resume_step]
    write_atomically(path, b"".join(kept))


class RateMeter:
    """Windows per second, and what the time was spent on, since the last ``reset``.

    Args:
        clock: a monotonic clock in seconds.
        wait: called at the end of every part: where a GPU works on while its host goes on, parts are those of the host
            unless this waits for it.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter, wait: Callable[[], object] | None = None):
        self._clock, self._wait = clock, wait
        self.reset()

    def reset(self) -> None:
        """Start a new interval."""
        self._start = self._clock()
        self._spent: dict[str, float] = {}
        self._windows = 0

    def count(self, windows: int) -> None:
        """Add ``windows`` windows that have been processed."""
        self._windows += windows

    @contextlib.contextmanager
    def part(self, name: str, unless: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Time spent in this block belongs to the part ``name``, unless ``unless()`` holds at its end."""
        start = self._clock()
        try:
            yield
        finally:
            if self._wait is not None:
                self._wait()
            spent = 0.0 if unless() else self._clock() - start
            self._spent[name] = self._spent.get(name, 0.0) + spent

    @property
    def windows_per_second(self) -> float:
        """Windows counted a second; 0 as long as the clock has not moved."""
        elapsed = self._clock() - self._start
        return self._windows / elapsed if elapsed > 0 else 0.0

    def shares(self) -> dict[str, float]:
        """``<name>_share`` of every part in the time of the interval, 0 to 1; 0 as long as the clock has not moved."""
        elapsed = self._clock() - self._start
        return {f"{name}_share": spent / elapsed if elapsed > 0 else 0.0 for name, spent in self._spent.items()}


def explain_bad_step(folder: Path, step: int, windows: Sequence[str], recordings: Sequence[str]) -> str:
    """What to tell when the loss or gradient of a step is not finite; lists the batch in ``bad_step_<step>.json``.

    windows: one description a window of the batch. recordings: the recording of each.
    """
    path = folder / f"bad_step_{step}.json"
    write_json(path, {"step": step, "windows": list(windows)})
    names = sorted(set(recordings))
    count = f"{len(names)} recording{'s' if len(names) > 1 else ''}"
    return (
        f"The loss or its gradient is not finite at step {step}; the weights are those of before. The batch came from "
        f"{count}, among them {', '.join(names[:8])}; {path} lists every window. Look at these "
        "recordings (prepare_data.py check), lower LEARNING_RATE, or go on from the last checkpoint with RESUME."
    )


def format_seconds(seconds: float) -> str:
    """A duration for people: ``0:07``, ``12:05``, ``1:02:05``; rounded to whole seconds.

    Raises:
        ValueError: negative or not finite.
    """
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(f"a duration must be finite and not negative, found {seconds}")
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
