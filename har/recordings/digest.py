"""What a dataset holds, in one short word: for telling later whether it is still the same."""

import hashlib
import json
from dataclasses import asdict

import numpy as np

from har.recordings.format import Dataset

_SAMPLED_ROWS = 4096  # of each stream, evenly spaced: a signal that was computed in another way differs everywhere


def dataset_digest(dataset: Dataset) -> str:
    """Hex digest of what a dataset says of its streams, of all segments, and of samples spread over each stream.

    The same on every machine and in every place, whatever the files' times. It is no checksum: a change of single
    samples need not show.
    """
    digest = hashlib.sha256()
    for name, stream in dataset.streams.items():
        digest.update(json.dumps([asdict(stream.info), len(stream.samples)]).encode())
        digest.update((dataset.folder / f"{name}.csv").read_bytes())
        rows = np.linspace(0, max(0, len(stream.samples) - 1), min(len(stream.samples), _SAMPLED_ROWS)).astype(int)
        digest.update(np.ascontiguousarray(stream.samples[rows]).tobytes())
    return digest.hexdigest()[:16]
