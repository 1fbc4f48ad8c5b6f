"""The steps of a training one after the other, with all that is kept account of in between."""

import math
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from har.run.device import still_busy
from har.run.interruption import StopRequest
from har.run.log import MetricsLog, RateMeter, explain_bad_step
from har.run.memory import own_memory_mb
from har.run.seed import derive_seed
from har.training.run import Run
from har.windows.index import WindowIndex
from har.windows.sampling import BatchLoader


class NotFiniteError(ValueError):
    """A step's loss or gradient was not finite; the message names recordings and what to do."""


class Batches(Protocol):
    """Batches as a pure function of the step, so that a resumed run sees what it would have seen."""

    index: WindowIndex

    def rows(self, step: int) -> tuple[np.ndarray, ...]:
        """Rows of the index (B,) first."""

    def make(self, step: int) -> Any:
        """The batch of that step, made in a thread of its own."""


class Loop:
    """Iterating gives (step, batch) from where the run stands to its end, or until somebody wants it to stop.

        for step, batch in loop:
            metrics = ...                        # one update; loop.logging says whether its metrics will be looked at
            loop.count(metrics, rate, first_bad)
            if loop.epoch_ends: ...              # validate, loop.log_scores, loop.run.save
            elif loop.saving: ...                # loop.run.save

    windows: number of training windows, for the length of an epoch. shown: word -> metric, at the progress bar.

    Attributes:
        meter: of the rate and of the parts of a step. total_steps: of the whole training. logging: whether the present
        step is one of those that are logged. epoch_ends, epoch: after the step that was counted. saving: whether its
        state is to be saved though no epoch ends.
    """

    def __init__(self, run: Run, batches: Batches, windows: int, shown: Mapping[str, str]) -> None:
        self.run, self._batches, self._shown = run, batches, shown
        self._session, self._processes, self._constants = run.session, run.session.processes, run.session.constants
        constants = self._constants
        one_pass = math.ceil(windows / constants["BATCH_SIZE"])
        self._epoch_steps = constants["STEPS_PER_EPOCH"] or max(one_pass, constants["LEAST_STEPS_PER_EPOCH"])
        self.total_steps = constants["EPOCHS"] * self._epoch_steps
        self.last_step = min(self.total_steps, constants["STOP_AFTER_EPOCH"] * self._epoch_steps or self.total_steps)
        waits = constants.get("WAIT_FOR_PARTS") and self._session.device.type == "cuda"
        self.meter = RateMeter(wait=torch.cuda.synchronize if waits else None)
        self.logging = self.saving = self.stopping = self.epoch_ends = False
        self._log = None
        if self._processes.is_first:
            self._log = MetricsLog(run.folder / "metrics.jsonl", resume_step=run.step if run.resumed else None)
            self._session.closing.callback(self._log.close)

    @property
    def epoch(self) -> int:
        """The epoch that the run is in, or at whose end it is, from 1."""
        return math.ceil(self.run.step / self._epoch_steps)

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        run, constants, processes, closing = self.run, self._constants, self._processes, self._session.closing
        self._stop = StopRequest(self._session.tell)
        closing.callback(self._stop.release)
        workers = constants["LOADER_WORKERS"]
        steps = range(run.step, self.last_step)
        loader = iter(BatchLoader(self._batches.make, steps, workers, prefetch=2 * workers))
        closing.callback(loader.close)
        self._bar = tqdm(
            total=self.total_steps, initial=run.step, unit="step", dynamic_ncols=True, smoothing=0.05,
            disable=not processes.is_first,
        )  # fmt: skip
        closing.callback(self._bar.close)
        while run.step < self.last_step and not self.stopping:
            if self.epoch_ends:
                self.meter.reset()  # validating and saving is no training
            # A batch that comes while a GPU has work to do was not waited for.
            with self.meter.part("waiting", unless=still_busy(self._session.device)):
                batch = next(loader)
            if constants["DROPOUT"] and processes.rank:  # its own windows have their own; the first is as if alone
                torch.manual_seed(derive_seed(constants["SEED"], "dropout", processes.rank, run.step))
            self.epoch_ends = (run.step + 1) % self._epoch_steps == 0
            self.logging = self.epoch_ends or (run.step + 1) % constants["LOG_EVERY"] == 0
            yield run.step, batch
        self._bar.close()
        loader.close()
        self._stop.release()

    def count(self, metrics: Mapping[str, Tensor], learning_rate: float, first_bad: Tensor) -> None:
        """The step is done: log it if it is one of those, and look whether a step was bad where its state is used.

        first_bad: the first step whose loss or gradient was not finite, or -1. Raises ``NotFiniteError`` for it, and
        writes which windows it had; the other processes end without a word.
        """
        run, constants = self.run, self._constants
        run.step += 1
        self.stopping = self._processes.any(self._stop.requested)
        every = constants.get("SAVE_EVERY")
        self.saving = not self.epoch_ends and (self.stopping or bool(every and run.step % every == 0))
        self.meter.count(constants["BATCH_SIZE"])
        self._bar.update()
        if (self.logging or self.saving) and (bad := int(first_bad)) >= 0:
            self._refuse(bad)
        if not self.logging:
            return
        if self._log is not None:
            record = {name: float(value) for name, value in metrics.items()} | {
                "learning_rate": learning_rate, "windows_per_s": self.meter.windows_per_second,
                **self.meter.shares(), "memory_mb": own_memory_mb(),
            }  # fmt: skip
            if self._session.device.type == "cuda":
                record["gpu_memory_mb"] = torch.cuda.max_memory_allocated() / 2**20
            at = {"step": run.step, "epoch": run.step / self._epoch_steps, "split": "train", "time": time.time()}
            self._log.log(at | record)
            parts = [f"{word} {record[name]:.3f}" for word, name in self._shown.items() if name in record]
            self._bar.set_postfix_str(", ".join([*parts, f"{record['windows_per_s']:.0f} windows/s"]))
        self.meter.reset()

    def log_scores(self, scores: Mapping[str, Mapping[str, Any]]) -> None:
        """Scores of each split at the end of an epoch."""
        for split, values in scores.items():
            self.log({"epoch": float(self.epoch), "split": split, **values})

    def log(self, record: dict) -> None:
        """A record of the present step."""
        if self._log is not None:
            self._log.log({"step": self.run.step, **record})

    def finish(self) -> bool:
        """Part from the other processes; whether this one has still to tell of a training that has come to its end.

        A training that was stopped says how to go on.
        """
        self._processes.close()
        if self._log is None:
            return False
        self._log.close()
        if self.run.step == self.total_steps:
            return True
        arguments = [a for a in self._session.argv if not a.startswith(("--RESUME=", "--STOP_AFTER_EPOCH="))]
        command = shlex.join([*sys.argv[:1], f"--RESUME={self.run.folder}", *arguments])
        self._session.tell(
            f"Stopped after {self.run.step} of {self.total_steps} steps; everything is saved. Go on with\n"
            f"  {self._processes.command} {command}"
        )
        return False

    def _refuse(self, bad: int) -> None:
        self._bar.close()
        if not self._processes.is_first:
            raise SystemExit(1)
        rows, index = self._batches.rows(bad)[0], self._batches.index
        recordings = [index.recordings[i] for i in index.recording_id[rows]]
        raise NotFiniteError(explain_bad_step(self.run.folder, bad, [index.describe(row) for row in rows], recordings))
