"""A first signal is a wish, a later second one an order, and handlers are given back."""

import os
import signal
import threading

import pytest

from har.run.interruption import StopRequest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_is_remembered_and_the_second_interrupts(number):
    told: list[str] = []
    now = [100.0]
    stop = StopRequest(told.append, lambda: now[0])
    try:
        assert not stop.requested
        os.kill(os.getpid(), number)
        assert stop.requested and len(told) == 1
        # The same Ctrl-C, from the terminal and from whoever passes it on.
        for moment in (100.0, 100.9, 101.0):
            now[0] = moment
            os.kill(os.getpid(), number)
        assert stop.requested and len(told) == 1
        now[0] = 101.1
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


def test_in_another_thread_signals_stay_those_of_the_main_thread():
    before, made = signal.getsignal(signal.SIGINT), []
    thread = threading.Thread(target=lambda: made.append(StopRequest(lambda text: None)))
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGINT) == before
    made[0].release()
    assert not made[0].requested
