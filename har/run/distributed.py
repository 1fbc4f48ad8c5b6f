"""Several processes that train one network on one global batch, on ``torch.distributed``; a single one does without.

Every process computes its share of the batch's windows; embeddings are gathered, so that each has the loss of the whole
batch. A gathered tensor passes gradients back to the rows of its own process alone: summed over processes, the
gradients of the weights behind the gathering are those of one process with all windows.
"""

import atexit
import contextlib
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from har.run.constants import ConstantError

Value = TypeVar("Value")

# Longer than anything that one process does while the others wait, such as simulating people. A process that dies is
# noticed at once, by its connections; only one that hangs is waited for so long.
_PATIENCE = timedelta(minutes=60)


class ProcessLostError(RuntimeError):
    """Another process of the run does not answer any more."""


class Processes:
    """The processes of this run, as ``torchrun`` started them, or one alone.

    rank: 0 to count - 1. device: where this process computes; ``cuda`` becomes the GPU of its local rank.

    Raises ``ConstantError`` when this machine has fewer GPUs than processes that want one, or the environment does not
    say which process this is, and ``ProcessLostError`` from every method that talks to the others when one of them is
    gone.
    """

    def __init__(self, device: torch.device) -> None:
        self.count, self.rank = _place_in_group()
        self.device = device
        if self.count == 1:
            if device.index is not None:  # streams and events are those of the current GPU
                torch.cuda.set_device(device)
            return
        if device.index is not None:
            raise ConstantError(f"DEVICE is '{device}' for {self.count} processes; give cuda: each takes its own GPU")
        if device.type == "cuda":
            place, gpus = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
            if place >= gpus:
                raise ConstantError(
                    f"process {place + 1} of this machine finds {gpus} GPU(s), and each needs one of its own; start "
                    f"with --nproc-per-node={gpus}"
                )
            self.device = torch.device("cuda", place)
            torch.cuda.set_device(self.device)
        # Both: tensors go by the fast way of their device, and what hosts tell each other never waits for a GPU.
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        with _talking():
            store, rank, count = next(dist.rendezvous("env://", timeout=_PATIENCE))
            # torchrun's store outlives a restart, and so do the addresses of processes that are gone.
            store = dist.PrefixStore(f"restart_{_restarts()}", store)
            dist.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=_PATIENCE)
        if device.type == "cpu":
            # However this process ends, gloo's threads end before the interpreter does: one that lets go of a tensor
            # later kills the process (SIGABRT). NCCL could wait here for processes that are gone.
            atexit.register(self.close)

    def __str__(self) -> str:
        return f"{self.device}" if self.count == 1 else f"{self.count} processes ({self.device.type})"

    @property
    def command(self) -> str:
        """What starts a script with as many processes."""
        return "python" if self.count == 1 else f"torchrun --standalone --nproc-per-node={self.count}"

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes and tells."""
        return self.rank == 0

    def share(self, rows: int) -> slice:
        """The part of ``rows`` rows that this process computes; the parts differ by one row at most.

        Raises ``ValueError`` when there are fewer rows than processes.
        """
        if rows < self.count:
            raise ValueError(f"{rows} windows cannot be shared among {self.count} processes; expected one for each")
        first, rest = divmod(rows, self.count)
        start = self.rank * first + min(self.rank, rest)
        return slice(start, start + first + (self.rank < rest))

    def gather(self, tensors: Sequence[Tensor], rows: int) -> list[Tensor]:
        """Rows (n, ...) of all processes one below the other, (rows, ...), of several tensors in one go.

        Each is gathered as float32 and comes back in its own type. Tensors that hold all rows already are returned as
        they are.
        """
        if all(len(tensor) == rows for tensor in tensors):
            return list(tensors)
        flat = torch.cat([tensor.float().reshape(len(tensor), -1) for tensor in tensors], dim=1)
        gathered = _GatherRows.apply(flat, self, rows).split([tensor[0].numel() for tensor in tensors], dim=1)
        return [
            part.unflatten(1, tensor.shape[1:]).to(tensor.dtype) if tensor.ndim > 1 else part[:, 0].to(tensor.dtype)
            for part, tensor in zip(gathered, tensors, strict=True)
        ]

    def sum_gradients(self, gradients: Tensor, computed_by_all: nn.Module) -> None:
        """Add up the gradients (V,) of all processes, in place.

        computed_by_all: its parameters, of which ``gradients`` holds the gradients too, come after the gathering: every
        process has their whole gradient already.
        """
        if self.count == 1:
            return
        for parameter in computed_by_all.parameters():
            if parameter.grad is not None:
                parameter.grad.div_(self.count)
        with _talking():
            dist.all_reduce(gradients)

    def copy_from_first(self, values: Tensor) -> None:
        """Overwrite ``values`` by those of the first process."""
        if self.count > 1:
            with _talking():
                dist.broadcast(values, 0)

    def any(self, flag: bool) -> bool:
        """Whether ``flag`` is true in any process."""
        if self.count == 1:
            return flag
        flags = torch.tensor([int(flag)])
        with _talking():
            dist.all_reduce(flags, dist.ReduceOp.MAX)
        return bool(flags.item())

    def on_first(self, work: Callable[[], Value]) -> Value:
        """What ``work`` returns in the first process, which alone does it; plain values and tensors on the CPU.

        An error is raised there, and the others end without a word.
        """
        if self.count == 1:
            return work()
        answer: list[Any] = [None]
        failure: BaseException | None = None
        if self.is_first:
            try:
                answer = [("done", work())]
            except (Exception, SystemExit) as error:  # told to the others, who would wait for ever, and raised below
                answer, failure = [("failed", str(error))], error
        with _talking():
            dist.broadcast_object_list(answer, 0)
        if failure is not None:
            raise failure
        outcome, value = answer[0]
        if outcome == "failed":
            raise SystemExit(1)  # the first process says why
        return value

    @contextlib.contextmanager
    def first_alone(self) -> Iterator[None]:
        """A block that the first process goes through before the others: what it leaves on disk they find.

        Where it fails there, the others end without a word instead of going through it.
        """
        if not self.is_first and self.any(False):
            raise SystemExit(1)
        try:
            yield
        except (Exception, SystemExit):
            if self.is_first:
                self.any(True)
            raise
        if self.is_first:
            self.any(False)

    def close(self) -> None:
        """Leave the group; every process does, at the end."""
        if self.count > 1 and dist.is_initialized():
            dist.destroy_process_group()


class _GatherRows(torch.autograd.Function):
    """Rows (n, V) of all processes; see the top of this file for the gradient."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, processes: Processes, rows: int) -> Tensor:
        ctx.share = processes.share(rows)
        most = -(-rows // processes.count)  # the first processes hold one row more where it does not come out even
        padded = own.new_zeros(most, own.shape[1])
        padded[: len(own)] = own
        parts = [torch.empty_like(padded) for _ in range(processes.count)]
        with _talking():
            dist.all_gather(parts, padded)
        return torch.cat([part[: most - (rank >= rows % processes.count > 0)] for rank, part in enumerate(parts)])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return gradient[ctx.share], None, None


@contextlib.contextmanager
def _talking() -> Iterator[None]:
    """What the others' end looks like from here, in words."""
    try:
        yield
    except RuntimeError as error:
        raise ProcessLostError(
            "another process of this run has ended or does not answer; this one ends too. What the other says here "
            "tells why, unless it was killed. Go on with RESUME from the newest checkpoint, which torchrun "
            "--max-restarts=3 does by itself "
            f"({next(iter(str(error).splitlines()), 'no details')[:200]})"
        ) from error


def _place_in_group() -> tuple[int, int]:
    """(number of processes, rank of this one) as the environment says. Raises ``ConstantError`` where it is unclear."""
    count = _whole_number("WORLD_SIZE", default="1")
    if count <= 1:
        return 1, 0
    if missing := [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if not os.environ.get(name)]:
        raise ConstantError(
            f"WORLD_SIZE is {count} in the environment, and {', '.join(missing)} is not there: torchrun sets all of "
            f"them. Start with torchrun --standalone --nproc-per-node={count}, or unset WORLD_SIZE"
        )
    rank = _whole_number("RANK")
    if rank >= count:
        raise ConstantError(f"RANK is {rank} in the environment and WORLD_SIZE {count}; expected a smaller RANK")
    return count, rank


def _whole_number(name: str, default: str = "") -> int:
    text = os.environ.get(name) or default
    if not text.isdecimal():
        raise ConstantError(f"{name} is {text!r} in the environment; expected a whole number, as torchrun sets it")
    return int(text)


def launch_id() -> str | None:
    """What all processes of one ``torchrun`` share, restarted ones too; None for a process that was started alone."""
    run = os.environ.get("TORCHELASTIC_RUN_ID")
    if run is None or os.environ.get("GROUP_WORLD_SIZE") != "1":
        return run
    # Without --standalone every run is called "none", and a cluster's job may start several under one name. On one
    # machine the process of torchrun, whose children these are, outlives every restart and tells them apart.
    return f"{run}/{socket.gethostname()}/{os.getppid()}"


def was_restarted() -> bool:
    """Whether ``torchrun --max-restarts`` started this process in the place of one that failed."""
    return _restarts() > 0


def _restarts() -> int:
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))
