"""Randomness by purpose: each use has a generator of its own, so that adding one leaves the others as they were."""

import hashlib
import random
from collections.abc import Iterable

import numpy as np
import torch


def derive_seed(seed: int, *parts: int | str) -> int:
    """A seed below 2**63 that depends on ``seed`` and ``parts`` alone: not on order of calls, platform or version.

    It is the first 63 bits of the SHA-256 of ``seed/part/part...``; slashes within a part are escaped.

    Raises:
        TypeError: a part is neither int nor str, or ``seed`` is not an int.
    """
    for value, kinds in ((seed, (int,)), *((part, (int, str)) for part in parts)):
        if type(value) not in kinds:
            expected = " or ".join(kind.__name__ for kind in kinds)
            raise TypeError(f"a seed is derived from {expected}, found {value!r} of type {type(value).__name__}")
    escaped = (str(part).replace("\\", "\\\\").replace("/", "\\/") for part in (seed, *parts))
    digest = hashlib.sha256("/".join(escaped).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def named_generators(seed: int, names: Iterable[str], device: str | torch.device = "cpu") -> dict[str, torch.Generator]:
    """One generator for every purpose in ``names``, seeded by ``derive_seed(seed, name)``.

    Raises:
        ValueError: a name is given twice; two purposes would share their random numbers.
    """
    generators: dict[str, torch.Generator] = {}
    for name in names:
        if name in generators:
            raise ValueError(f"the generator {name!r} is asked for twice: give every purpose a name of its own")
        generators[name] = torch.Generator(device=device).manual_seed(derive_seed(seed, name))
    return generators


def seed_everything(seed: int) -> None:
    """Seed the global generators of torch (all devices), numpy and random.

    For scripts only, once, before the network is built: layers initialise themselves, and dropout draws, from torch's
    global generator. The library takes generators as arguments.

    Raises:
        ValueError: ``seed`` is outside 0 ... 2**32 - 1, the range that all three accept.
    """
    if not 0 <= seed < 2**32:
        raise ValueError(f"the seed must be between 0 and 2**32 - 1, found {seed}")
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (third-party code may draw from the legacy generator)
