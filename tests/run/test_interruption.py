"""A first signal is a wish, a second one an order, and handlers are given back."""

import os
import signal

import pytest

from har.run.interruption import StopRequest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_is_remembered_and_the_second_interrupts(number):
    told: list[str] = []
    stop = StopRequest(told.append)
    try:
        assert not stop.requested
        os.kill(os.getpid(), number)
        assert stop.requested and len(told) == 1
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    finally:
        stop.release()


def test_release_gives_the_handlers_back():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    stop = StopRequest(lambda text: None)
    assert signal.getsignal(signal.SIGINT) != before[signal.SIGINT]
    stop.release()
    assert {number: signal.getsignal(number) for number in before} == before
