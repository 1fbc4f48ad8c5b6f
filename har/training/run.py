"""The folder of a run: made new, or the one to go on in, and what is saved in it."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from har.recordings.format import DatasetError
from har.run.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from har.run.constants import ConstantError, difference
from har.run.distributed import was_restarted
from har.run.folder import (
    create_run_folder,
    find_resumed_run,
    find_run_folder,
    remove_left_by_dead_runs,
    remove_unfinished,
    run_record,
    write_json,
    write_yaml,
)
from har.run.log import read_metrics
from har.training.session import Session

BEST = "best.pt"  # what a run leaves for use


class Learner(Protocol):
    """Everything that changes while training."""

    def checkpoint(self) -> dict:
        """Tensors and plain values for use, and all that a resumed run needs."""

    def restore(self, state: dict) -> None:
        """Go on from what ``checkpoint`` returned."""


class Run:
    """Where a run stands: its folder, the steps done, and the script's own progress (best score) in ``progress``."""

    def __init__(
        self, session: Session, learner: Learner, learned_from: Mapping[str, Any], progress: Mapping[str, Any]
    ) -> None:
        self.session, self.learner = session, learner
        self.learned_from, self.progress = dict(learned_from), dict(progress)
        self.folder, self.step, self.resumed = Path(), 0, False

    def save(self, *names: str, instead_of: str = "") -> None:
        """Write the learner and the progress into these files of the folder; the first process does.

        instead_of: pattern of the files that these take the place of.
        """
        if not self.session.processes.is_first:
            return
        self._save(self.folder, names)
        for former in self.folder.glob(instead_of) if instead_of else ():
            former.unlink()

    def _save(self, folder: Path, names: tuple[str, ...]) -> None:
        own = {"step": self.step, "constants": self.session.constants}
        state = self.learner.checkpoint() | self.learned_from | self.progress | own
        for name in names:
            save_checkpoint(folder / name, state)

    def create(self, first: tuple[str, ...]) -> None:
        """A new folder, named when its records, and checkpoints of the names ``first``, lie in it."""
        session, kind = self.session, self.session.training

        def fill(new: Path) -> None:
            write = write_yaml if kind.record.endswith(".yaml") else write_json
            write(new / kind.record, session.constants)
            write_json(new / "run.json", run_record([session.script, *session.argv], str(session.device)))
            if first:
                self._save(new, first)

        self.folder = session.processes.on_first(
            lambda: create_run_folder(session.constants["OUTPUT_ROOT"], kind.folder, fill)
        )

    def go_on(self, folder: Path, state: dict) -> None:
        """In that folder from that state. Raises ``DatasetError`` when it was trained on something else."""
        for name, present in self.learned_from.items():
            if name not in state:  # of a former version, which did not look
                continue
            if isinstance(present, dict):
                changed = [key for key in present if state[name].get(key) != present[key]]
                if changed:
                    raise DatasetError(
                        f"the run learned from another {', '.join(changed)} than is prepared now: other people, "
                        "segments, labels or samples. Prepare the same data again, or start a new run"
                    )
            elif state[name] != present:
                raise DatasetError(f"the run learned from the {name} {state[name]}; prepared are now {present}")
        if self.session.processes.is_first:
            for own in (folder, *folder.glob("plots")):
                remove_unfinished(own)
            remove_left_by_dead_runs(folder.parent)
        self.learner.restore(state)
        self.folder, self.step, self.resumed = folder, state["step"], True
        saved = {name: state[name] for name in self.progress}
        if saved != self.progress and (damage := _damage_of(folder / BEST)):
            warnings.warn(f"{damage}. It is made anew by the best of the epochs to come", stacklevel=2)
        else:
            self.progress = saved


def _damage_of(path: Path) -> str:
    """What is wrong with a checkpoint, "" where nothing is."""
    try:
        load_checkpoint(path)
    except CheckpointError as error:
        return str(error)
    return ""


def find_state(session: Session) -> tuple[Path, dict] | None:
    """Folder and checkpoint to go on from, as RESUME says; None for a new run. Nothing is written.

    RESUME names a run folder, whose newest checkpoint counts, or any checkpoint in one. Where torchrun has started this
    run anew, the folder that it had is the one. Raises ``FileNotFoundError`` and ``CheckpointError`` when there is
    nothing to go on from, ``ConstantError`` when constants differ that the result depends on.
    """
    return session.processes.on_first(lambda: _find_state(session))


def _find_state(session: Session) -> tuple[Path, dict] | None:
    kind, constants = session.training, session.constants
    resume = find_resumed_run(constants["RESUME"], constants["OUTPUT_ROOT"], kind.folder, kind.checkpoints)
    if resume is None:
        return None
    folder = find_run_folder(resume)
    # Names sort by epoch; an interrupted epoch comes after the last whole one.
    found = [folder / Path(resume).name] if Path(resume).suffix == ".pt" else sorted(folder.glob(kind.checkpoints))
    if was_restarted() and (named := Path(constants["RESUME"])).suffix == ".pt":
        found = _as_far_as_logged(folder, [folder / named.name, *found], constants["LOG_EVERY"])
    if not found:
        raise CheckpointError(
            f"{folder} holds no {kind.checkpoints} yet: there is nothing to go on from; start anew without RESUME"
        )
    state = load_checkpoint(found[-1])
    if kind.holds not in state:
        raise CheckpointError(f"{found[-1]} is no checkpoint of {session.script}; it holds {sorted(state)[:12]}")
    if changed := difference(constants, kind.upgraded(state["constants"]), kind.free_to_change):
        raise ConstantError(
            "a run goes on with the constants that it began with; these differ:\n  " + "\n  ".join(changed)
        )
    return folder, state


def _as_far_as_logged(folder: Path, checkpoints: list[Path], log_every: int) -> list[Path]:
    """The first of the checkpoints, and those of the others that its log leads to.

    A run that went on from an older checkpoint has cut its log there; what a former attempt has saved of later steps
    still lies in the folder, and going on from that would leave a hole in the log.
    """
    log = folder / "metrics.jsonl"
    logged = max((record["step"] for record in read_metrics(log)), default=0) if log.exists() else 0
    first, *others = checkpoints
    return [first, *(path for path in others if load_checkpoint(path)["step"] < logged + log_every)]


def open_run(
    session: Session,
    found: tuple[Path, dict] | None,
    learner: Learner,
    learned_from: Mapping[str, Any],
    progress: Mapping[str, Any],
    first: tuple[str, ...] = (),
) -> Run:
    """A new run with its folder, or the one that was ``found`` by ``find_state``.

    learned_from: plain values that a resumed run must share, such as the names of the datasets and, in a dict, their
    digests; they are saved.
    progress: what the script saves besides, at its start. first: checkpoints that a new folder begins with.
    """
    run = Run(session, learner, learned_from, progress)
    if found is None:
        run.create(first)
    else:
        run.go_on(*found)
    return run
