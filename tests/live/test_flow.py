"""What may come in, and what waits to go out."""

import asyncio

import pytest

from har.live.flow import Allowance, Outbox
from har.live.protocol import DEAF, IDLE, Refusal


def test_an_allowance_is_a_bucket_that_fills_at_its_rate():
    now, given = [0.0], 0
    allowance = Allowance(a_second=10, most=30, clock=lambda: now[0])
    for _ in range(800):  # 100 s of asking for more than there is, in steps without rounding
        now[0] += 0.125
        given += sum(allowance.take() for _ in range(5))
    assert given == int(30 + 10 * (100 - 0.125))  # it was full in the first step
    assert not Allowance(10, 30, lambda: 0.0).take(31) and Allowance(10, 30, lambda: 0.0).take(30)


def waiting(outbox: Outbox, count: int) -> list:
    async def take():
        return [await outbox.get() for _ in range(count)]

    return asyncio.run(take())


def test_of_answers_only_the_newest_waits_and_the_rest_keeps_its_order():
    outbox = Outbox()
    for message in ({"type": "hello"}, {"type": "answer", "n": 1}, {"type": "labels"}, {"type": "answer", "n": 2}):
        outbox.put(message)
    assert waiting(outbox, 3) == [{"type": "hello"}, {"type": "labels"}, {"type": "answer", "n": 2}]


def test_who_reads_slowly_loses_the_oldest_samples_and_no_message():
    outbox = Outbox()
    outbox.put({"type": "hello"})
    for number in range(1000):
        outbox.put(number.to_bytes(2, "big"))
    found = waiting(outbox, 256)
    assert found[0] == {"type": "hello"} and [int.from_bytes(one, "big") for one in found[1:]] == list(range(745, 1000))


def test_who_reads_nothing_is_closed():
    outbox = Outbox()
    for number in range(257):
        outbox.put({"type": "labels", "n": number})
    with pytest.raises(Refusal) as refusal:
        waiting(outbox, 1)
    assert refusal.value.close == DEAF


def test_a_closed_box_tells_why_whoever_waits():
    async def wait_and_close():
        outbox = Outbox()
        task = asyncio.create_task(outbox.get())
        await asyncio.sleep(0)
        outbox.close(Refusal(IDLE))
        await task

    with pytest.raises(Refusal, match="minute"):
        asyncio.run(wait_and_close())
