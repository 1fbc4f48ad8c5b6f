"""Masks of pretraining: exact counts, and distributions against enumeration."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch

from training_scripts.human_activity_recognition.losses import (
    create_channel_dropout_mask,
    create_random_mask,
    create_span_mask,
)

ROWS = 200
RATIOS = (0.0, 0.05, 0.15, 0.3, 0.5, 0.6, 0.75, 0.9, 1.0)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def ragged(positions, rows=ROWS, seed=0):
    """Rows with every number of real positions, 0 included, at random places."""
    rng = np.random.default_rng(seed)
    return torch.from_numpy(np.stack([rng.permutation(positions) < n % (positions + 1) for n in range(rows)]))


def patch_masks(*arguments, seed=0):
    """The random mask, then span masks of several lengths, for (rows, patches, ratio[, attention mask])."""
    rows, patches, ratio, *attention = arguments
    yield create_random_mask(rows, patches, ratio, *attention, generator=generator(seed))
    for span_length in (1, 2, 3, 5, 40):
        yield create_span_mask(rows, patches, ratio, span_length, *attention, generator=generator(seed))


def expected_count(ratio, real):
    count = round(ratio * real)
    if ratio > 0:
        count = max(count, 1)
    return max(min(count, real - 1), 0)


@pytest.mark.parametrize("ratio", RATIOS)
def test_patch_masks_hide_exactly_the_ratio_of_real_patches(ratio):
    for patches in (1, 2, 7, 20):
        attention = ragged(patches)
        expected = [expected_count(ratio, real) for real in attention.sum(dim=1).tolist()]
        for mask in patch_masks(ROWS, patches, ratio, attention):
            assert mask.shape == (ROWS, patches)
            assert mask.dtype == torch.bool
            assert not (mask & ~attention).any()
            assert mask.sum(dim=1).tolist() == expected
        for mask in patch_masks(ROWS, patches, ratio):
            assert set(mask.sum(dim=1).tolist()) == {expected_count(ratio, patches)}


def test_patch_masks_are_drawn_anew_for_every_row_and_only_from_the_generator():
    state = torch.get_rng_state()
    for first, again, other in zip(*(patch_masks(ROWS, 20, 0.5, seed=s) for s in (1, 1, 2)), strict=True):
        assert torch.equal(first, again)
        assert not torch.equal(first, other)
    for mask in patch_masks(ROWS, 20, 0.5):
        assert len({tuple(row) for row in mask.tolist()}) >= 15
    source = generator(3)
    assert not torch.equal(create_random_mask(ROWS, 20, 0.5, generator=source), mask)
    assert not torch.equal(source.get_state(), generator(3).get_state())
    create_channel_dropout_mask(ROWS, 6, 0.5, generator=generator())
    assert torch.equal(torch.get_rng_state(), state)


def test_every_real_patch_is_hidden_with_the_same_probability():
    rows, attention = 6000, torch.tensor([True, False, True, True, True, False, True, True, True, True])
    real = int(attention.sum())
    for ratio in (0.3, 0.5, 0.75):
        share = expected_count(ratio, real) / real
        margin = 5 * math.sqrt(share * (1 - share) / rows)
        for mask in patch_masks(rows, 10, ratio, attention.expand(rows, -1)):
            found = mask.double().mean(dim=0)[attention]
            assert (found - share).abs().max() < margin


def _hidden_sets(mask):
    return Counter(tuple(np.flatnonzero(row)) for row in mask.numpy())


def _assert_distribution(found, expected):
    """Observed counts against probabilities: Pearson's statistic, whose mean is the degrees of freedom."""
    rows, freedom = sum(found.values()), len(expected) - 1
    assert set(found) == set(expected)
    statistic = sum((found[key] - rows * p) ** 2 / (rows * p) for key, p in expected.items())
    assert statistic < freedom + 8 * math.sqrt(2 * freedom)


def test_all_subsets_are_equally_likely_in_the_random_mask_and_in_spans_of_one():
    subsets = list(itertools.combinations(range(5), 2))
    expected = {subset: 1 / len(subsets) for subset in subsets}
    _assert_distribution(_hidden_sets(create_random_mask(6000, 5, 0.4, generator=generator())), expected)
    _assert_distribution(_hidden_sets(create_span_mask(6000, 5, 0.4, 1, generator=generator())), expected)


def span_distribution(patches, span_lengths):
    """Probability of every hidden set: all orders of spans and visible patches on a ring, all turns of the ring."""
    blocks = [(length, True) for length in span_lengths] + [(1, False)] * (patches - sum(span_lengths))
    counts = Counter()
    for order in itertools.permutations(range(len(blocks))):
        ring = [hidden for i in order for hidden in [blocks[i][1]] * blocks[i][0]]
        for turn in range(patches):
            counts[tuple(i for i in range(patches) if ring[(i + turn) % patches])] += 1
    total = sum(counts.values())
    return {key: count / total for key, count in counts.items()}


@pytest.mark.parametrize(
    ("patches", "ratio", "span_length", "span_lengths"),
    [
        (8, 0.5, 4, [4]),
        (8, 0.5, 3, [4]),  # 4 / 3 spans: one, of all four
        (8, 0.5, 2, [2, 2]),
        (9, 0.55, 2, [3, 2]),  # 5 / 2 spans: two
        (8, 0.6, 40, [5]),
        (7, 0.7, 2, [3, 2]),
    ],
)
def test_spans_are_laid_at_random_on_a_ring(patches, ratio, span_length, span_lengths):
    expected = span_distribution(patches, span_lengths)
    mask = create_span_mask(8000, patches, ratio, span_length, generator=generator())
    _assert_distribution(_hidden_sets(mask), expected)


def test_a_range_of_span_lengths_is_an_equal_mixture_of_its_lengths():
    """Two to four by default: of four hidden patches the first makes two spans, the others one."""
    mixture = Counter()
    for span_lengths in ([2, 2], [4], [4]):
        for hidden, probability in span_distribution(8, span_lengths).items():
            mixture[hidden] += probability / 3
    _assert_distribution(_hidden_sets(create_span_mask(9000, 8, 0.5, generator=generator())), dict(mixture))


def test_masks_need_no_more_than_a_shape():
    for rows, patches in ((5, 10), (1, 3)):
        for mask in (create_random_mask(rows, patches), create_span_mask(rows, patches)):
            assert mask.shape == (rows, patches)
            assert (mask.sum(1) == round(0.3 * patches)).all()
    assert create_channel_dropout_mask(5, 10).sum(1).tolist() == [3] * 5


def ring_runs(row):
    """Lengths of the runs of True, the first and the last of which are one run if both touch the border."""
    row = list(row)
    if all(row):
        return [len(row)]
    start = row.index(False)
    return [len(list(run)) for hidden, run in itertools.groupby(row[start:] + row[:start]) if hidden]


def test_hidden_runs_are_about_as_long_as_a_span_and_step_over_padding():
    patches, span_length = 24, 4
    attention = ragged(patches, seed=5)
    spans = create_span_mask(ROWS, patches, 0.4, span_length, attention, generator=generator())
    singles = create_random_mask(ROWS, patches, 0.4, attention, generator=generator())
    lengths = {"spans": [], "singles": []}
    for row, single, real in zip(spans, singles, attention, strict=True):
        if not real.any() or not row.any():
            continue
        hidden = int(row.sum())
        count = max(round(hidden / span_length), 1)
        runs = ring_runs(row[real].tolist())
        assert len(runs) <= count
        assert min(runs) >= hidden // count
        lengths["spans"] += runs
        lengths["singles"] += ring_runs(single[real].tolist())
    assert 3.5 < np.mean(lengths["spans"]) < 6  # some touch
    assert np.mean(lengths["singles"]) < 2


@pytest.mark.parametrize("ratio", RATIOS)
def test_channel_dropout_is_exact_to_one_channel_and_leaves_one(ratio):
    channel_mask = ragged(6, rows=700)
    mask = create_channel_dropout_mask(700, 6, ratio, channel_mask, generator=generator())
    assert mask.shape == (700, 6)
    assert mask.dtype == torch.bool
    assert not (mask & ~channel_mask).any()
    for dropped, real in zip(mask.sum(dim=1).tolist(), channel_mask.sum(dim=1).tolist(), strict=True):
        # Rounding errors of ratio * real aside, down or up; never the last one.
        allowed = {math.floor(ratio * real + 1e-9), math.ceil(ratio * real - 1e-9)}
        assert dropped in {max(min(count, real - 1), 0) for count in allowed}


@pytest.mark.parametrize("channels", [2, 3, 6])
@pytest.mark.parametrize("ratio", [0.1, 0.25, 0.5])
def test_channel_dropout_hits_every_channel_with_the_ratio(ratio, channels):
    rows = 6000
    found = create_channel_dropout_mask(rows, channels, ratio, generator=generator()).double().mean(dim=0)
    assert (found - ratio).abs().max() < 5 * math.sqrt(ratio * (1 - ratio) / rows)


def test_masks_are_on_the_device_that_was_asked_for():
    real = torch.ones(3, 4, dtype=torch.bool, device="meta")  # a device without values
    source = generator()
    for create in (create_random_mask, lambda *a, **k: create_span_mask(*a[:3], 2, *a[3:], **k)):
        assert create(3, 4, 0.5).device.type == "cpu"
        with torch.device("meta"):  # the default device
            assert create(3, 4, 0.5, generator=source).device == source.device
        assert create(3, 4, 0.5, real).device.type == "meta"
        assert create(3, 4, 0.5, torch.ones(3, 4, dtype=torch.bool), device="meta").device.type == "meta"
    assert create_channel_dropout_mask(3, 4, 0.5, real).device.type == "meta"
    assert create_channel_dropout_mask(3, 4, 0.5, device="meta").device.type == "meta"


def test_masks_of_no_rows_or_no_positions():
    for shape in ((0, 5), (3, 0), (0, 0)):
        for mask in (*patch_masks(*shape, 0.5), create_channel_dropout_mask(*shape, 0.5)):
            assert mask.shape == shape


def test_wrong_mask_requests_name_what_is_expected():
    wrong = torch.ones(3, 5, dtype=torch.bool)
    for create in (create_random_mask, lambda *a, **k: create_span_mask(*a, 2, **k)):
        for ratio in (-0.1, 1.1, math.nan):
            with pytest.raises(ValueError, match=r"mask_ratio is .*expected a share in"):
                create(3, 4, ratio)
        with pytest.raises(ValueError, match=r"attention_mask is torch.bool \(3, 5\); expected torch.bool \(3, 4\)"):
            create(3, 4, 0.5, attention_mask=wrong)
        with pytest.raises(ValueError, match=r"attention_mask is torch\.float32"):
            create(3, 5, 0.5, attention_mask=wrong.float())
        with pytest.raises(ValueError, match=r"the mask's shape is \(-1, 4\)"):
            create(-1, 4, 0.5)
    for wrong_range in (0, (0, 2), (4, 2)):
        with pytest.raises(ValueError, match=r"span_length_range is .* expected 1 <= shortest <= longest"):
            create_span_mask(3, 4, 0.5, wrong_range)
    with pytest.raises(ValueError, match="dropout_ratio is 2"):
        create_channel_dropout_mask(3, 4, 2)
    with pytest.raises(ValueError, match=r"channel_mask is torch.bool \(3, 5\); expected torch.bool \(3, 4\)"):
        create_channel_dropout_mask(3, 4, 0.5, wrong)
