"""How a training script begins and ends: its constants, its processes, what it says."""

import contextlib
import sys
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from tqdm import tqdm

from har.run.constants import (
    ConstantError,
    check_choices,
    joined_arguments,
    override_constants,
    snapshot_constants,
)
from har.run.device import compute_device
from har.run.distributed import Processes
from har.run.memory import return_large_blocks
from har.run.seed import seed_everything

_running: set[int] = set()  # namespaces of sessions that have not ended
_running_lock = threading.Lock()
_AT_LEAST_ONE = ("EPOCHS", "BATCH_SIZE", "LOADER_WORKERS", "LOG_EVERY")
_FOLDERS = ("DATA_ROOT", "OUTPUT_ROOT", "TEXT_CACHE")
_SWITCH_INTERVAL_S = 2e-4  # the loader's thread must not keep the interpreter from the network's


@dataclass(frozen=True)
class Training:
    """What tells the runs of one training script from those of another.

    folder: of its runs, under OUTPUT_ROOT. record: name of the file with its constants (.json or .yaml). checkpoints:
    pattern of the files that a run can go on from; the last one in the order of names is the newest. holds: a key that
    its checkpoints alone have. choices: constants that have few possible values. free_to_change: constants that may
    differ in a resumed run without changing its result. upgraded: the constants of an earlier version's checkpoint as
    the present has them.

    Every script has the constants DATA_ROOT, OUTPUT_ROOT, SEED, EPOCHS, STEPS_PER_EPOCH, LEAST_STEPS_PER_EPOCH,
    BATCH_SIZE, DROPOUT, DEVICE, LOADER_WORKERS, LOG_EVERY, RESUME, STOP_AFTER_EPOCH, HELD_OUT_DATASETS and SIMULATED_*;
    those are read here by their names, and where a script has them TEXT_CACHE, SAVE_EVERY, WAIT_FOR_PARTS, DATASETS and
    SIMULATED_BESIDE.
    """

    folder: str
    record: str
    checkpoints: str
    holds: str
    choices: Mapping[str, tuple[str, ...]]
    free_to_change: Collection[str]
    upgraded: Callable[[dict], dict]


class Session:
    """One call of a training script's ``main``: a block in which its constants are overridden and its processes talk.

    namespace: the script's ``globals()``; at the end of the block its constants are what they were. argv: arguments,
    None for those of the command line. Raises ``ConstantError`` for arguments and values that are none, and while
    another thread of the process is in such a block of the same script.

    Attributes:
        constants: a snapshot of all, for records. argv: the arguments as ``--NAME=value``. processes, device: see
        ``Processes``. script: file name. closing: what is undone at the end of the block, whatever ends it.
    """

    def __init__(self, training: Training, namespace: dict, argv: list[str] | None) -> None:
        self.training, self.script = training, Path(namespace["__file__"]).name
        self.argv = joined_arguments(sys.argv[1:] if argv is None else argv)
        self.closing = contextlib.ExitStack()
        self._namespace = namespace

    def __enter__(self) -> Self:
        namespace = self._namespace
        with self.closing:
            self._claim()
            self.closing.callback(_running.discard, id(namespace))
            self.closing.callback(namespace.update, {name: namespace[name] for name in snapshot_constants(namespace)})
            override_constants(namespace, self.argv)
            self.constants = snapshot_constants(namespace)
            check_choices(namespace, self.training.choices)
            for name in _AT_LEAST_ONE:
                if self.constants[name] < 1:
                    raise ConstantError(f"{name} is {self.constants[name]}; expected 1 at least")
            for name in _FOLDERS:  # before the work that such a run would lose
                if self.constants.get(name) == "":
                    raise ConstantError(f"{name} is an empty text, which is no path; name a folder")
            self.processes = Processes(compute_device(self.constants["DEVICE"]))
            self.closing.callback(self.processes.close)
            batch_size, count = self.constants["BATCH_SIZE"], self.processes.count
            if count > batch_size:
                raise ConstantError(f"BATCH_SIZE is {batch_size}; expected a window for each of {count} processes")
            seed_everything(self.constants["SEED"])
            return_large_blocks()  # or one batch with all devices decides what the process holds to its end
            # Python cuts whole microseconds off: what it gives back would lose one at every session.
            self.closing.callback(sys.setswitchinterval, round(sys.getswitchinterval(), 6))
            sys.setswitchinterval(_SWITCH_INTERVAL_S)
            self.closing = self.closing.pop_all()  # nothing failed: all that is undone at the end of the block
        return self

    def __exit__(self, *exception: object) -> None:
        self.closing.close()

    def _claim(self) -> None:
        with _running_lock:
            if id(self._namespace) in _running:
                raise ConstantError(
                    f"{self.script} is training in another thread of this process, with constants of its own; wait for "
                    "it, or start a process for each"
                )
            _running.add(id(self._namespace))

    @property
    def device(self) -> torch.device:
        return self.processes.device

    def tell(self, line: str) -> None:
        """Say something to people, once for all processes and without disturbing a progress bar."""
        if self.processes.is_first:
            tqdm.write(line)
