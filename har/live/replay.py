"""A recording of a file, streamed into a session as if its device were being worn now."""

import asyncio
import itertools
from collections.abc import Iterator

import numpy as np

from har.live.protocol import CHANNELS, MOST_ROWS, Samples, write_samples
from har.live.session import Session
from har.readers.recording import Device, Recording

_BATCH_S = 0.1  # of real time
_LONGEST_GAP_S = 3.0  # of real time that is waited where nothing was recorded
# A recording that runs faster than it can be computed waits, rather than to skip answers: what a job takes at once,
# both together, is less than a window, so that answers leave no gap between them.
_MOST_BATCH_S = 2.0
_MOST_BACKLOG_S = 2.5


class Replay:
    """One device of a recording, as a page would send it.

    speed: seconds of the recording in one of the server. Of several devices the first with an accelerometer is played.
    Raises ``ValueError`` where there is none, and for a speed that is not positive.
    """

    def __init__(self, recording: Recording, speed: float = 1.0) -> None:
        if not (np.isfinite(speed) and speed > 0):
            raise ValueError(f"speed {speed:g}; expected seconds of the recording in one second, above 0")
        fitting = [one for one in recording.devices if one.pieces and set(CHANNELS[0]) <= set(one.channels)]
        if not fitting:
            raise ValueError(f"{recording.name} has no accelerometer; give a recording of one")
        self.name, self.speed, self.device = recording.name, speed, fitting[0]
        self.channels = next(known for known in reversed(CHANNELS) if set(known) <= set(self.device.channels))
        self._columns = [self.device.channels.index(name) for name in self.channels]

    def batches(self) -> Iterator[Samples]:
        """The whole device, in the batches in which it is sent. Rows of which a value is missing are left out."""
        seconds = min(_MOST_BATCH_S, _BATCH_S * self.speed)
        rows = max(1, min(MOST_ROWS, round(seconds * self.device.sampling_rate_hz)))
        for piece in self.device.pieces:
            for first in range(0, len(piece.samples), rows):
                samples = np.asarray(piece.samples[first : first + rows])[:, self._columns]
                there = np.isfinite(samples).all(axis=1)
                time_s = piece.start_s + (first + np.arange(len(samples))) / self.device.sampling_rate_hz
                if there.any():
                    yield Samples(time_s[there], samples[there].astype(np.float32))

    async def play(self, session: Session) -> None:
        """Stream it, at its speed; while no page is there it pauses. After the last answer it tells that it ended."""
        loop = asyncio.get_running_loop()
        next_at = loop.time()
        for batch, after in itertools.pairwise(itertools.chain(self.batches(), (None,))):
            while session.outbox is None or session.backlog_s > _MOST_BACKLOG_S:
                await asyncio.sleep(_BATCH_S)
                next_at = loop.time()
            await asyncio.sleep(next_at - loop.time())
            session.add(batch)
            session.tell(write_samples(batch.time_s, batch.samples))
            if after is not None:
                next_at += min(float(after.time_s[0] - batch.time_s[0]) / self.speed, _LONGEST_GAP_S)
        await session.settle()
        session.tell({"type": "ended"})


def describe(device: Device) -> str:
    """The device in a few words, for the terminal."""
    where = device.placement or "a place that the file does not tell"
    return f"{where}, {device.sampling_rate_hz:g} Hz, {device.stop_s - device.start_s:.0f} s"
