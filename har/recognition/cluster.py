"""Work spread over a Dask cluster, whose workers may come, go and die while it lasts.

Dask does again what a dead worker had in hand, and also what it had finished and not handed over: the work given here
must find out by itself what is finished. ``distributed`` is imported where it is used; it is the extra [cluster].
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, TypeVar

import torch

if TYPE_CHECKING:
    from distributed import Client

_ANSWER_S = 10.0  # for a scheduler to answer
_WORKER_S = 60.0  # for a worker to come where there is none
_LOOK_S = 5.0  # how often to see whether there is still a worker

# A worker with several threads is given as many items at once. They share one model, and PyTorch shares its threads.
_one_at_a_time = threading.Lock()

Item = TypeVar("Item")
Result = TypeVar("Result")


def spread(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    scheduler: str,
    lost: Callable[[Item, str], Result],
) -> Iterator[Result]:
    """Do ``work`` for every item on the workers of the cluster at the address ``scheduler``; yields as they come.

    work: a function that its workers can import, or of plain values; each worker does one item at a time with all of
    its threads. lost: what stands for an item that took several workers with it, given the reason.

    Raises ``ImportError`` without ``distributed``, ``ConnectionError`` where no scheduler answers, where it goes away,
    and where for a minute there is no worker; and what ``work`` raises.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ImportError("a Dask cluster takes distributed: pip install 'har-language[cluster]'") from error
    try:
        client = Client(scheduler, timeout=_ANSWER_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"no Dask scheduler answers at {scheduler}; start one with 'dask scheduler', and give the address that it "
            "prints, such as tcp://10.0.0.1:8786"
        ) from error
    try:
        with _quiet(), client:
            yield from _as_they_come(client, work, items, scheduler, lost)
    except CancelledError as error:
        raise ConnectionError(
            f"the Dask scheduler at {scheduler} went away; when it is there again, the same command goes on"
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Dask tells of lost connections by tracebacks of its own; what matters of them is raised here."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _as_they_come(
    client: "Client",
    work: Callable[[Item], Result],
    items: Sequence[Item],
    scheduler: str,
    lost: Callable[[Item, str], Result],
) -> Iterator[Result]:
    from distributed import KilledWorker, wait

    asked = {client.submit(_alone, work, item, pure=False): item for item in items}
    without_worker_s = 0.0
    while asked:
        try:
            with client.as_current():
                done = wait(list(asked), timeout=_LOOK_S, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            without_worker_s = 0.0 if client.nthreads() else without_worker_s + _LOOK_S
            if without_worker_s >= _WORKER_S:
                raise ConnectionError(
                    f"the Dask scheduler at {scheduler} has had no worker for {_WORKER_S:g} s; start some with "
                    f"'dask worker {scheduler}', then the same command goes on"
                ) from None
            continue
        for future in done:
            item = asked.pop(future)
            try:
                result = future.result()
            except KilledWorker:
                result = lost(item, "each worker that was given it died, mostly for want of memory; see their logs")
            yield result


def _alone(work: Callable[[Item], Result], item: Item) -> Result:
    """On a worker: nothing else beside it, with as many threads as the worker was started with."""
    from distributed import get_worker

    with _one_at_a_time:
        torch.set_num_threads(get_worker().state.nthreads)
        return work(item)
