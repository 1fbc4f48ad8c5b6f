import hashlib
import random

import numpy as np
import pytest
import torch

from har.run.seed import derive_seed, named_generators, seed_everything


def test_a_generator_depends_on_its_name_and_nothing_else():
    first = named_generators(7, ["sampling", "masking"])
    second = named_generators(7, ["augmentation", "masking", "sampling"])
    torch.rand(100, generator=second["augmentation"])
    for name in first:
        assert torch.equal(torch.rand(5, generator=first[name]), torch.rand(5, generator=second[name]))


def test_seeds_are_the_first_63_bits_of_the_hash():
    bits = int(hashlib.sha256(b"7/sampling").hexdigest(), 16) >> (256 - 63)
    assert derive_seed(7, "sampling") == bits
    assert named_generators(7, ["sampling"])["sampling"].initial_seed() == bits
    assert derive_seed(7, "epoch", 3) == int(hashlib.sha256(b"7/epoch/3").hexdigest(), 16) >> 193


def test_other_seeds_and_parts_give_other_seeds():
    parts = [
        (),
        ("a",),
        ("b",),
        ("a", "b"),
        ("a/b",),
        ("a\\", "b"),
        ("a\\/b",),
        ("a", ""),
        ("", "a"),
        (1,),
        (1, 2),
        (12,),
    ]
    seeds = {derive_seed(seed, *part) for seed in range(20) for part in parts}
    assert len(seeds) == 20 * len(parts)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_wrong_parts_and_names_are_refused():
    for seed, part in [(1, 2.0), (1, None), (1, True), (1.0, "a"), ("1", "a")]:
        with pytest.raises(TypeError, match="derived from"):
            derive_seed(seed, part)
    with pytest.raises(ValueError, match="'sampling' is asked for twice"):
        named_generators(0, ["sampling", "masking", "sampling"])


def test_naming_generators_leaves_the_global_ones_alone():
    before = torch.get_rng_state(), random.getstate()
    named_generators(3, ["a"])
    assert torch.equal(torch.get_rng_state(), before[0]) and random.getstate() == before[1]


def test_all_global_generators_are_seeded():
    def draw() -> tuple[float, ...]:
        return torch.rand(()).item(), float(np.random.random()), random.random()  # noqa: NPY002 (what is seeded)

    states = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        seed_everything(2**32 - 1)
        first = draw()
        second = draw()
        seed_everything(2**32 - 1)
        assert draw() == first
        assert all(a != b for a, b in zip(first, second, strict=True))
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        random.setstate(states[2])


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(ValueError, match="between 0 and"):
        seed_everything(seed)
