"""What a group of processes agrees on, against what one process computes alone; three of them, to be uneven and odd."""

import atexit
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.multiprocessing
from torch import Tensor, nn

from har.run.constants import ConstantError
from har.run.distributed import Processes, ProcessLostError, launch_id, was_restarted
from har.run.flat import FlatParameters
from har.run.folder import repository_root

COUNT, ROWS, WIDTH = 3, 7, 4


def member(count: int, rank: int) -> Processes:
    """A process that has not met the others."""
    processes = object.__new__(Processes)
    processes.count, processes.rank, processes.device = count, rank, torch.device("cpu")
    return processes


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_shares_follow_each_other_and_differ_by_one_row_at_most(count):
    for rows in range(count, 40):
        shares = [range(rows)[member(count, rank).share(rows)] for rank in range(count)]
        assert [row for share in shares for row in share] == list(range(rows))
        assert {len(share) for share in shares} <= {rows // count, -(-rows // count)}
        assert [len(share) for share in shares] == sorted(map(len, shares), reverse=True)


def test_fewer_rows_than_processes_cannot_be_shared():
    with pytest.raises(ValueError, match="2 windows cannot be shared among 3 processes"):
        member(3, 0).share(2)


# --- three processes --------------------------------------------------------------------------------------------------


def whole_tensors() -> list[Tensor]:
    """Of several types and shapes, a row a window; a process knows its own rows alone."""
    random = torch.Generator().manual_seed(1)
    return [
        torch.randn(ROWS, 2, 3, generator=random),
        torch.rand(ROWS, 5, generator=random) > 0.5,
        torch.randint(0, 1000, (ROWS,), generator=random),
        torch.randn(ROWS, generator=random).to(torch.bfloat16),
    ]


def gathered(processes: Processes) -> list[Tensor]:
    mine = processes.share(ROWS)
    return processes.gather([tensor[mine] for tensor in whole_tensors()], ROWS)


def whole_are_returned(processes: Processes) -> bool:
    whole = whole_tensors()
    return all(a is b for a, b in zip(processes.gather(whole, ROWS), whole, strict=True))


class Contrast(nn.Module):
    """A loss in which every row meets every other, with a temperature of its own, as in training."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.5))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        logits = self.scale * nn.functional.normalize(first, dim=1) @ nn.functional.normalize(second, dim=1).T
        return nn.functional.cross_entropy(logits, torch.arange(len(logits)))


def loss_and_gradient(processes: Processes) -> tuple[Tensor, Tensor]:
    torch.manual_seed(2)
    inputs = torch.randn(ROWS, WIDTH)
    network, criterion = nn.ModuleList([nn.Linear(WIDTH, 6), nn.Linear(WIDTH, 6)]), Contrast()
    flat = FlatParameters([*network.parameters(), *criterion.parameters()])
    gradients = flat.collect_gradients()
    mine = inputs[processes.share(ROWS)]
    first, second = processes.gather([layer(mine).tanh() for layer in network], ROWS)
    loss = criterion(first, second)
    loss.backward()
    processes.sum_gradients(gradients, computed_by_all=criterion)
    return loss.detach(), gradients


def flags(processes: Processes) -> list[bool]:
    return [processes.any(False), processes.any(processes.rank == 1), processes.any(True)]


def copied(processes: Processes) -> Tensor:
    values = torch.full((3,), float(processes.rank + 5))
    processes.copy_from_first(values)
    return values


def value_of_the_first(processes: Processes) -> tuple[dict, int]:
    calls = []

    def work() -> dict:
        calls.append(processes.rank)
        return {"rank": processes.rank, "state": torch.arange(3), "none": None}

    return processes.on_first(work), len(calls)


def outcome(call: Callable[[], object]) -> tuple[str, str]:
    try:
        call()
    except (Exception, SystemExit) as error:
        return type(error).__name__, str(error)
    return "nothing", ""


def failures_of_the_first(processes: Processes) -> list[tuple[str, str]]:
    """An error, and the end of a script, inside of what the first does for all, and of what it does before them."""

    def fail(error: BaseException) -> None:
        raise error

    def fail_before_the_others(error: BaseException) -> None:
        with processes.first_alone():
            fail(error if processes.is_first else AssertionError("the others must not get here"))

    errors = [ValueError("no such file"), SystemExit("differs")]
    return [outcome(lambda error=error: processes.on_first(lambda: fail(error))) for error in errors] + [
        outcome(lambda error=error: fail_before_the_others(error)) for error in errors
    ]


def order(processes: Processes, folder: Path) -> bool:
    """Whether a process finds at its start in the block what the first leaves at its end."""
    with processes.first_alone():
        found = (folder / "left").exists()
        if processes.is_first:
            time.sleep(0.2)
            (folder / "left").touch()
    return found


def live(rank: int, port: int, folder: Path) -> None:
    """One of the processes; leaves what it saw in a file. The last one is killed at the end."""
    os.environ.update(WORLD_SIZE=str(COUNT), RANK=str(rank), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    # The first that is registered is the last to run: a process leaves the group before its interpreter ends.
    atexit.register(lambda: (folder / f"{rank}.left").write_text(str(not torch.distributed.is_initialized())))
    processes = Processes(torch.device("cpu"))
    seen = {
        "described": (processes.is_first, str(processes), processes.command),
        "gathered": gathered(processes),
        "whole are returned": whole_are_returned(processes),
        "loss and gradient": loss_and_gradient(processes),
        "flags": flags(processes),
        "copied": copied(processes),
        "value of the first": value_of_the_first(processes),
        "failures of the first": failures_of_the_first(processes),
        "order": order(processes, folder),
    }
    if rank == COUNT - 1:
        torch.save(seen, folder / f"{rank}.pt")
        processes.any(False)
        os.kill(os.getpid(), signal.SIGKILL)
    processes.any(False)  # the last one has saved by now
    # A process that waits for the other survivor alone learns of it when that one ends.
    seen["lost"] = outcome(lambda: gathered(processes))
    torch.save(seen, folder / f"{rank}.pt")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """What each of three processes on gloo saw, by rank."""
    folder = tmp_path_factory.mktemp("group")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = torch.multiprocessing.get_context("spawn")
    group = [context.Process(target=live, args=(rank, port, folder)) for rank in range(COUNT)]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(repository_root())  # a new interpreter gets this path, and finds this file by its name
        for process in group:
            process.start()
    deadline = time.monotonic() + 120
    for process in group:
        process.join(max(0.0, deadline - time.monotonic()))
        process.kill()  # one that hangs; the codes below tell
        process.join()
    assert [process.exitcode for process in group] == [0] * (COUNT - 1) + [-signal.SIGKILL]
    assert [(folder / f"{rank}.left").read_text() for rank in range(COUNT - 1)] == ["True"] * (COUNT - 1)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(COUNT)]


def test_processes_describe_themselves(seen):
    command = "torchrun --standalone --nproc-per-node=3"
    assert [s["described"] for s in seen] == [(rank == 0, "3 processes (cpu)", command) for rank in range(COUNT)]


def test_gathered_rows_are_the_whole_tensor_to_the_bit_in_its_own_type(seen):
    for of_rank in seen:
        for found, expected in zip(of_rank["gathered"], whole_tensors(), strict=True):
            assert found.dtype == expected.dtype and torch.equal(found, expected)
        assert of_rank["whole are returned"]


def test_loss_and_gradient_are_those_of_one_process(seen, monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    loss, gradient = loss_and_gradient(Processes(torch.device("cpu")))
    assert gradient.count_nonzero() > 50
    for of_rank in seen:
        # float32, summed in another order.
        torch.testing.assert_close(of_rank["loss and gradient"][0], loss, rtol=1e-6, atol=0)
        torch.testing.assert_close(of_rank["loss and gradient"][1], gradient, rtol=1e-5, atol=1e-7)
        # Weights stay in step only where every process takes the very same step.
        assert torch.equal(of_rank["loss and gradient"][1], seen[0]["loss and gradient"][1])


def test_a_wish_of_one_is_known_to_all(seen):
    assert all(of_rank["flags"] == [False, True, True] for of_rank in seen)


def test_values_of_the_first_overwrite_those_of_the_others(seen):
    assert all(torch.equal(of_rank["copied"], torch.full((3,), 5.0)) for of_rank in seen)


def test_the_first_works_alone_and_all_have_its_value(seen):
    for rank, of_rank in enumerate(seen):
        value, calls = of_rank["value of the first"]
        assert calls == (rank == 0)
        assert value["rank"] == 0 and value["none"] is None and torch.equal(value["state"], torch.arange(3))


def test_an_error_of_the_first_is_raised_there_and_ends_the_others_without_a_word(seen):
    first = [("ValueError", "no such file"), ("SystemExit", "differs")] * 2
    assert seen[0]["failures of the first"] == first
    assert all(of_rank["failures of the first"] == [("SystemExit", "1")] * 4 for of_rank in seen[1:])


def test_the_others_find_what_the_first_left(seen):
    assert [of_rank["order"] for of_rank in seen] == [False, True, True]


def test_the_end_of_a_process_is_an_error_of_the_others_that_says_what_to_do(seen):
    for of_rank in seen[:-1]:
        error, message = of_rank["lost"]
        assert error == ProcessLostError.__name__
        assert "RESUME" in message and "--max-restarts" in message


# --- one process ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("world_size", [None, "1"])  # started alone, and by torchrun with one process
def test_one_process_needs_no_others(monkeypatch, world_size):
    if world_size is None:
        monkeypatch.delenv("WORLD_SIZE", raising=False)
    else:
        monkeypatch.setenv("WORLD_SIZE", world_size)
    processes = Processes(torch.device("cpu"))
    assert not torch.distributed.is_initialized()
    assert (processes.count, processes.rank, processes.is_first) == (1, 0, True)
    assert (str(processes), processes.command, processes.share(5)) == ("cpu", "python", slice(0, 5))
    whole = whole_tensors()
    assert all(a is b for a, b in zip(processes.gather(whole, ROWS), whole, strict=True))
    layer = nn.Linear(2, 2)
    layer(torch.ones(3, 2)).sum().backward()
    before = layer.weight.grad.clone()
    processes.sum_gradients(layer.weight.grad, computed_by_all=layer)
    values = torch.ones(2)
    processes.copy_from_first(values)
    assert torch.equal(layer.weight.grad, before) and torch.equal(values, torch.ones(2))
    assert (processes.any(True), processes.any(False), processes.on_first(lambda: "value")) == (True, False, "value")
    with pytest.raises(KeyError), processes.first_alone():
        raise KeyError
    processes.close()


GROUP = {"WORLD_SIZE": "2", "RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"RANK": None}, "WORLD_SIZE is 2 in the environment, and RANK is not there"),
        ({"RANK": None, "MASTER_ADDR": "", "MASTER_PORT": None}, "and RANK, MASTER_ADDR, MASTER_PORT is not there"),
        ({"RANK": "2"}, "RANK is 2 in the environment and WORLD_SIZE 2"),
        ({"RANK": "first"}, "RANK is 'first' in the environment; expected a whole number"),
        ({"WORLD_SIZE": "-2"}, "WORLD_SIZE is '-2' in the environment; expected a whole number"),
    ],
)
def test_half_a_group_in_the_environment_is_refused_in_words(monkeypatch, changes, words):
    for name, value in {**GROUP, **changes}.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    with pytest.raises(ConstantError, match=words):
        Processes(torch.device("cpu"))


def test_more_processes_than_gpus_are_refused(monkeypatch):
    for name, value in {**GROUP, "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValueError, match=r"finds 1 GPU\(s\).*--nproc-per-node=1"):
        Processes(torch.device("cuda"))


def test_a_launch_is_named_by_what_survives_its_restarts(monkeypatch):
    for name in ("TORCHELASTIC_RUN_ID", "GROUP_WORLD_SIZE", "TORCHELASTIC_RESTART_COUNT"):
        monkeypatch.delenv(name, raising=False)
    assert launch_id() is None and not was_restarted()
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("GROUP_WORLD_SIZE", "1")
    own = launch_id()
    assert own.startswith("none/") and own.endswith(f"/{os.getppid()}")
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert launch_id() == own and was_restarted()
    monkeypatch.setattr(os, "getppid", lambda: 1)
    assert launch_id() != own  # another torchrun on this machine
    monkeypatch.setenv("GROUP_WORLD_SIZE", "2")  # processes of one run have other parents on other machines
    assert launch_id() == "none"
