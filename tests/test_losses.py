"""Pretraining losses against loops in plain floats, independent libraries, closed forms and properties."""

import math

import numpy as np
import pytest
import torch
from info_nce import InfoNCE
from pytorch_metric_learning.losses import NTXentLoss
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from training_scripts.human_activity_recognition.losses import (
    VARIANCE_EPS,
    CombinedPretrainingLoss,
    MaskedReconstructionLoss,
    PatchContrastiveLoss,
    create_channel_dropout_mask,
    create_random_mask,
    create_span_mask,
    patch_mean_std,
)

WINDOWS, PATCHES, SAMPLES, CHANNELS, WIDTH = 4, 5, 6, 3, 7
TEMPERATURE = 0.2
RECONSTRUCTION = ("predictions", "targets", "attention_mask", "mae_mask", "channel_mask", "channel_dropout_mask")
CONTRAST = ("features_1", "features_2", "attention_mask", "channel_mask", "mae_mask")
COMBINED = (*RECONSTRUCTION[:2], *CONTRAST[:2], *RECONSTRUCTION[2:], "feature_mask")


def make_batch(seed=0, per_channel=False, **changes):
    """Arguments by name; windows differ in length and in channels. `per_channel`: all masks are (B, P, C)."""
    rng = np.random.default_rng(seed)

    def normal(*shape):
        return torch.from_numpy(rng.normal(size=shape))

    def chosen(share, *shape):
        return torch.from_numpy(rng.random(shape) < share)

    everywhere = (WINDOWS, PATCHES, CHANNELS)
    per_patch, channel = (everywhere, everywhere) if per_channel else ((WINDOWS, PATCHES), (WINDOWS, CHANNELS))
    batch = {
        "predictions": normal(WINDOWS, PATCHES, SAMPLES, CHANNELS),
        "targets": normal(WINDOWS, PATCHES, SAMPLES, CHANNELS) * 0.5 + 1.0,
        "features_1": normal(WINDOWS, PATCHES, CHANNELS, WIDTH),
        "features_2": normal(WINDOWS, PATCHES, CHANNELS, WIDTH),
        "attention_mask": chosen(0.8, *per_patch),
        "mae_mask": chosen(0.4, *per_patch),
        "channel_mask": chosen(0.7, *channel),
        "channel_dropout_mask": chosen(0.3, *channel),
        "feature_mask": None,
    }
    batch["attention_mask"][:, :2] = True  # two patches and one channel of every window are real
    batch["channel_mask"][..., 0] = True
    return batch | changes


def call(criterion, names, batch):
    return criterion(**{name: batch[name] for name in names})


def values(metrics):
    return {name: float(value) for name, value in metrics.items()}


def spread(mask, shared_by):
    """A mask as (B, P, C), whichever its rank; None is True everywhere."""
    if mask is None:
        return torch.ones(WINDOWS, PATCHES, CHANNELS, dtype=torch.bool)
    if mask.dim() == 2:
        mask = mask[:, :, None] if shared_by == "channels" else mask[:, None, :]
    return mask.expand(WINDOWS, PATCHES, CHANNELS)


def real_positions(batch):
    return spread(batch["attention_mask"], "channels") & spread(batch["channel_mask"], "patches")


# ---- The oracles: formulas as loops over plain Python floats -------------------------------------------------------


def reconstruction_oracle(batch, norm_target):
    real, hidden = real_positions(batch), spread(batch["mae_mask"], "channels")
    if batch["channel_dropout_mask"] is not None:
        hidden = hidden | spread(batch["channel_dropout_mask"], "patches")
    errors, patches = [], set()
    for b, p, c in (hidden & real).nonzero().tolist():
        target = [float(batch["targets"][b, p, s, c]) for s in range(SAMPLES)]
        if norm_target:
            mean = sum(target) / SAMPLES
            variance = sum((x - mean) ** 2 for x in target) / SAMPLES
            target = [(x - mean) / math.sqrt(variance + 1e-6) for x in target]
        prediction = [float(batch["predictions"][b, p, s, c]) for s in range(SAMPLES)]
        errors.append(sum((x - y) ** 2 for x, y in zip(prediction, target, strict=True)) / SAMPLES)
        patches.add((b, p))
    loss, share = sum(errors) / len(errors), len(errors) / int(real.sum())
    return {"mae_loss": loss, "num_masked_patches": len(patches), "mask_ratio": share}


def _cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a) * sum(x * x for x in b))


def contrast_oracle(batch, temperature, neighbour_weight):
    used, views = real_positions(batch), [{}, {}]
    if batch["mae_mask"] is not None:
        used = used & ~spread(batch["mae_mask"], "channels")
    for b, p in used.any(dim=2).nonzero().tolist():
        for view, name in zip(views, ("features_1", "features_2"), strict=True):
            rows = batch[name][b, p, used[b, p]].tolist()
            view[b, p] = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    terms, hits = [], []
    for anchors, candidates in (views, views[::-1]):
        for (b, p), anchor in anchors.items():
            positive = _cosine(anchor, candidates[b, p])
            denominator, nearest = math.exp(positive / temperature), True
            for (other_b, other_p), candidate in candidates.items():
                weight = neighbour_weight if other_b == b else 1.0
                if (other_b, other_p) == (b, p) or weight == 0:
                    continue
                cosine = _cosine(anchor, candidate)
                denominator += weight * math.exp(cosine / temperature)
                nearest = nearest and cosine < positive
            terms.append(math.log(denominator) - positive / temperature)
            hits.append(nearest)
    return {"contrastive_loss": sum(terms) / len(terms), "patch_accuracy": sum(hits) / len(hits)}


MASK_CHANGES = [
    {},
    {"channel_mask": None},
    {"channel_dropout_mask": None},
    {"channel_mask": None, "channel_dropout_mask": None},
    {"mae_mask": torch.zeros(WINDOWS, PATCHES, dtype=torch.bool)},  # hidden by whole channels alone
]


@pytest.mark.parametrize("changes", MASK_CHANGES)
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("norm_target", [False, True])
def test_reconstruction_agrees_with_the_loops(norm_target, per_channel, changes):
    batch = make_batch(1, per_channel, **changes)
    loss, metrics = call(MaskedReconstructionLoss(norm_target), RECONSTRUCTION, batch)
    assert values(metrics) == pytest.approx(reconstruction_oracle(batch, norm_target), rel=1e-12)
    assert loss.item() == metrics["mae_loss"].item()


@pytest.mark.parametrize("neighbour_weight", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("hidden", [True, False])
@pytest.mark.parametrize("per_channel", [False, True])
def test_contrast_agrees_with_the_double_loop(per_channel, hidden, neighbour_weight):
    batch = make_batch(2, per_channel, **({} if hidden else {"mae_mask": None, "channel_mask": None}))
    # Related views, so that some anchors find their positive and some do not.
    batch["features_2"] = batch["features_1"] + 0.8 * batch["features_2"]
    loss, metrics = call(PatchContrastiveLoss(TEMPERATURE, neighbour_weight), CONTRAST, batch)
    expected = contrast_oracle(batch, TEMPERATURE, neighbour_weight)
    assert values(metrics) == pytest.approx(expected, rel=1e-12)
    assert 0.2 < expected["patch_accuracy"] < 1
    assert loss.item() == metrics["contrastive_loss"].item()


# ---- Independent libraries ------------------------------------------------------------------------------------------


def info_nce(anchors, candidates):
    return InfoNCE(temperature=TEMPERATURE)(anchors, candidates)


def nt_xent(anchors, candidates):
    labels = torch.arange(len(anchors))
    return NTXentLoss(temperature=TEMPERATURE)(anchors, labels, ref_emb=candidates, ref_labels=labels.clone())


@pytest.mark.parametrize("reference", [info_nce, nt_xent])
def test_one_patch_a_window_agrees_with_independent_libraries(reference):
    rng = np.random.default_rng(4)
    views = [torch.from_numpy(rng.normal(size=(6, WIDTH))).requires_grad_() for _ in range(2)]
    real = torch.ones(6, 1, dtype=torch.bool)
    found, _ = PatchContrastiveLoss(TEMPERATURE)(*(view.view(6, 1, 1, WIDTH) for view in views), real)
    expected = (reference(*views) + reference(*views[::-1])) / 2
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=0)
    for one, other in zip(torch.autograd.grad(found, views), torch.autograd.grad(expected, views), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-12)


# ---- Padding and hidden positions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("filler", [math.nan, math.inf, 1e30])
def test_what_stands_at_padding_has_no_influence(filler, per_channel):
    batch = make_batch(7, per_channel)
    empty = ~real_positions(batch)
    assert empty.any()
    criterion = CombinedPretrainingLoss(neighbour_weight=0.5)
    names = ("predictions", "targets", "features_1", "features_2")
    found = {}
    for filled in (False, True):
        tensors = {}
        for name in names:
            positions = empty.unsqueeze(2 if name in ("predictions", "targets") else 3)
            tensors[name] = batch[name].masked_fill(positions, filler if filled else 0.0).requires_grad_()
        loss, metrics = call(criterion, COMBINED, batch | tensors)
        found[filled] = (metrics, torch.autograd.grad(loss, list(tensors.values())))
    assert found[True][0] == found[False][0]  # to the bit
    for with_filler, without in zip(found[True][1], found[False][1], strict=True):
        assert torch.equal(with_filler, without)


def test_appended_padding_changes_nothing():
    batch = make_batch(8)
    longer = dict(batch)
    for name in RECONSTRUCTION[:4] + CONTRAST[:2]:
        value = batch[name]
        extra = value.new_full((WINDOWS, 2, *value.shape[2:]), name != "attention_mask")
        longer[name] = torch.cat([value, extra], dim=1)
    _, expected = call(CombinedPretrainingLoss(neighbour_weight=0.5), COMBINED, batch)
    _, found = call(CombinedPretrainingLoss(neighbour_weight=0.5), COMBINED, longer)
    assert values(found) == pytest.approx(values(expected), rel=1e-12)


def test_visible_patches_do_not_enter_the_reconstruction():
    batch = make_batch(9, channel_dropout_mask=None)
    predictions = batch["predictions"].requires_grad_()
    visible = ~batch["mae_mask"]
    batch["targets"][visible] = math.nan
    loss, _ = call(MaskedReconstructionLoss(), RECONSTRUCTION, batch)
    (gradient,) = torch.autograd.grad(loss, predictions)
    hidden = batch["mae_mask"][:, :, None] & real_positions(batch)
    assert torch.equal(gradient.abs().sum(dim=2) > 0, hidden)


def test_hidden_patches_stay_out_of_the_contrast_as_if_removed():
    batch = make_batch(10, channel_mask=None)
    _, found = call(PatchContrastiveLoss(), CONTRAST, batch)
    real = batch["attention_mask"] & ~batch["mae_mask"]
    _, expected = PatchContrastiveLoss()(batch["features_1"], batch["features_2"], real)
    assert found == expected
    assert values(found) != values(PatchContrastiveLoss()(*[batch[name] for name in CONTRAST[:3]])[1])


# ---- Gradients ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("neighbour_weight", "norm_target"), [(0.0, True), (0.4, False)])
def test_gradcheck(neighbour_weight, norm_target):
    batch = {name: value if value is None else value[:2] for name, value in make_batch(11).items()}
    criterion = CombinedPretrainingLoss(0.7, 1.3, norm_target=norm_target, neighbour_weight=neighbour_weight)
    names = ("predictions", "targets", "features_1", "features_2")

    def loss_of(*tensors):
        return call(criterion, COMBINED, batch | dict(zip(names, tensors, strict=True)))[0]

    assert torch.autograd.gradcheck(loss_of, [batch[name].clone().requires_grad_() for name in names])


def assert_exactly_zero(loss, *leaves):
    """A loss of 0 that is still a function of the leaves: their gradients are zeros, not None."""
    loss.backward()
    assert loss.item() == 0.0
    for leaf in leaves:
        assert torch.equal(leaf.grad, torch.zeros_like(leaf))


def random_features(*shape):
    rng = np.random.default_rng(13)
    return [torch.from_numpy(rng.normal(size=(*shape, CHANNELS, WIDTH))).requires_grad_() for _ in range(2)]


def test_nothing_hidden_gives_exactly_zero_and_zero_gradients():
    none_hidden = {"mae_mask": torch.zeros(WINDOWS, PATCHES, dtype=torch.bool), "channel_dropout_mask": None}
    all_padding = {"attention_mask": torch.zeros(WINDOWS, PATCHES, dtype=torch.bool)}
    for changes, patches in ((none_hidden, PATCHES), (all_padding, PATCHES), ({}, 0)):
        for norm_target in (False, True):
            batch = make_batch(12, **changes)
            for name in RECONSTRUCTION[:4]:
                batch[name] = batch[name][:, :patches]
            batch["predictions"].requires_grad_()
            loss, metrics = call(MaskedReconstructionLoss(norm_target), RECONSTRUCTION, batch)
            assert_exactly_zero(loss, batch["predictions"])
            assert values(metrics) == {"mae_loss": 0.0, "num_masked_patches": 0.0, "mask_ratio": 0.0}


@pytest.mark.parametrize("shape", [(0, PATCHES), (WINDOWS, 0), (0, 0), (WINDOWS, PATCHES)])
@pytest.mark.parametrize("neighbour_weight", [0.0, 0.5])
def test_a_contrast_without_valid_patches_is_exactly_zero_with_gradients_intact(neighbour_weight, shape):
    features = random_features(*shape)
    loss, metrics = PatchContrastiveLoss(TEMPERATURE, neighbour_weight)(*features, torch.zeros(shape, dtype=torch.bool))
    assert_exactly_zero(loss, *features)
    assert values(metrics) == {"contrastive_loss": 0.0, "patch_accuracy": 0.0}


def test_a_single_window_has_no_negatives():
    features = random_features(1, PATCHES)
    loss, metrics = PatchContrastiveLoss()(*features, torch.ones(1, PATCHES, dtype=torch.bool))
    assert_exactly_zero(loss, *features)
    assert metrics["patch_accuracy"].item() == 1.0


# ---- Closed forms and properties of the reconstruction -------------------------------------------------------------


def test_predicting_zero_costs_the_normalised_variance():
    batch = make_batch(15)
    hidden = torch.ones(WINDOWS, PATCHES, dtype=torch.bool)
    variance = batch["targets"].numpy().var(axis=2)
    zeros = torch.zeros_like(batch["targets"])
    loss, metrics = MaskedReconstructionLoss()(zeros, batch["targets"], hidden, hidden)
    assert loss.item() == pytest.approx((variance / (variance + VARIANCE_EPS)).mean(), rel=1e-12)
    assert metrics["mask_ratio"].item() == 1.0
    raw, _ = MaskedReconstructionLoss(norm_target=False)(zeros, batch["targets"], hidden, hidden)
    assert raw.item() == pytest.approx(np.square(batch["targets"].numpy()).mean(), rel=1e-12)


def test_normalised_targets_do_not_see_level_and_amplitude_and_raw_ones_do():
    batch = make_batch(16)
    other = batch | {"targets": batch["targets"] * 3.0 - 5.0}
    for norm_target in (True, False):
        criterion = MaskedReconstructionLoss(norm_target)
        first, second = (call(criterion, RECONSTRUCTION, b)[0].item() for b in (batch, other))
        assert (first == pytest.approx(second, rel=1e-4)) == norm_target


def test_the_statistics_lead_back_from_normalised_targets():
    targets = make_batch(17)["targets"]
    targets[0, 0] = 4.0  # constant
    mean, std = patch_mean_std(targets)
    assert mean.shape == std.shape == (WINDOWS, PATCHES, 1, CHANNELS)
    hidden = torch.ones(WINDOWS, PATCHES, dtype=torch.bool)
    perfect = (targets - mean) / std
    assert MaskedReconstructionLoss()(perfect, targets, hidden, hidden)[0].item() == 0.0
    torch.testing.assert_close(perfect * std + mean, targets, rtol=1e-12, atol=0)
    assert torch.equal(perfect[0, 0], torch.zeros_like(perfect[0, 0]))
    one_sample = targets[:, :, :1]
    torch.testing.assert_close(patch_mean_std(one_sample)[1], torch.full_like(one_sample, 1e-3))


# ---- Closed forms and properties of the contrast --------------------------------------------------------------------


@pytest.mark.parametrize("patches", [1, 3])
def test_identical_views_of_orthogonal_windows(patches):
    features = torch.eye(WINDOWS, WIDTH, dtype=torch.float64)[:, None, None].repeat(1, patches, CHANNELS, 1)
    real = torch.ones(WINDOWS, patches, dtype=torch.bool)
    loss, metrics = PatchContrastiveLoss(TEMPERATURE)(features, features, real)
    negatives = (WINDOWS - 1) * patches
    assert loss.item() == pytest.approx(math.log(1 + negatives * math.exp(-1 / TEMPERATURE)), rel=1e-12)
    assert metrics["patch_accuracy"].item() == 1.0
    # Opposite views: the positive is the only candidate with a cosine of -1.
    loss, metrics = PatchContrastiveLoss(TEMPERATURE)(features, -features, real)
    assert loss.item() == pytest.approx(math.log(1 + negatives * math.exp(1 / TEMPERATURE)), rel=1e-12)
    assert metrics["patch_accuracy"].item() == 0.0


@pytest.mark.parametrize("neighbour_weight", [0.0, 0.25, 1.0])
def test_equal_features_give_the_log_of_the_number_of_candidates(neighbour_weight):
    features = torch.ones(WINDOWS, PATCHES, CHANNELS, 4, dtype=torch.float64)
    real = torch.ones(WINDOWS, PATCHES, dtype=torch.bool)
    real[0, 1:] = False  # a window of one patch
    loss, metrics = PatchContrastiveLoss(TEMPERATURE, neighbour_weight)(features, features, real)
    long = math.log(1 + (PATCHES - 1) * neighbour_weight + 1 + (WINDOWS - 2) * PATCHES)
    short = math.log(1 + (WINDOWS - 1) * PATCHES)
    anchors = (WINDOWS - 1) * PATCHES
    assert loss.item() == pytest.approx((anchors * long + short) / (anchors + 1), rel=1e-12)
    assert metrics["patch_accuracy"].item() == 0.0  # a tie is a miss


def test_patches_of_the_same_window_are_pushed_apart_only_with_a_weight():
    """Two patches of one window in the same place, a second window elsewhere: what moves the first patch away?"""
    base = torch.eye(4, dtype=torch.float64)
    second = torch.stack([base[[0, 1]], base[[2, 3]]])[:, :, None]
    push = {}
    for weight in (0.0, 0.2, 1.0):
        first = second.clone().requires_grad_()
        loss, _ = PatchContrastiveLoss(TEMPERATURE, weight)(first, second, torch.ones(2, 2, dtype=torch.bool))
        (gradient,) = torch.autograd.grad(loss, first)
        descent = -gradient[0, 0, 0]
        push[weight] = descent[1].item()  # along the other patch of the window
        assert descent[2] < 0  # away from the other window
    assert push[0.0] == 0.0
    assert push[1.0] < push[0.2] < 0


def test_the_order_of_windows_patches_and_channels_is_irrelevant():
    batch = make_batch(20, per_channel=True)
    windows, patches, channels = [2, 0, 3, 1], [4, 2, 0, 1, 3], [1, 2, 0]
    shuffled = {name: value[windows][:, patches] for name, value in batch.items() if value is not None}
    for name, value in shuffled.items():
        shuffled[name] = value[:, :, channels] if name in CONTRAST + RECONSTRUCTION[2:] else value[..., channels]
    criterion = CombinedPretrainingLoss(neighbour_weight=0.5)
    expected, found = (values(call(criterion, COMBINED, b)[1]) for b in (batch, batch | shuffled))
    assert found == pytest.approx(expected, rel=1e-12)


# ---- Precision, and what is not read --------------------------------------------------------------------------------


def _converted(batch, dtype):
    return {n: v.to(dtype) if v is not None and v.is_floating_point() else v for n, v in batch.items()}


def test_float32_inside_autocast_and_for_half_precision():
    batch = _converted(make_batch(21), torch.bfloat16)
    criterion = CombinedPretrainingLoss(neighbour_weight=0.5)
    expected, _ = call(criterion, COMBINED, _converted(batch, torch.float32))
    with torch.autocast("cpu", torch.bfloat16):
        under_autocast, metrics = call(criterion, COMBINED, _converted(batch, torch.float32))
        half, _ = call(criterion, COMBINED, batch)
    assert under_autocast.dtype == half.dtype == torch.float32
    assert under_autocast.item() == half.item() == expected.item()
    assert {value.dtype for value in metrics.values()} == {torch.float32}
    double, _ = call(criterion, COMBINED, _converted(batch, torch.float64))
    assert double.dtype == torch.float64
    assert expected.item() == pytest.approx(double.item(), rel=1e-5)


@pytest.mark.parametrize("dynamic_balance", [False, True])
def test_metrics_are_detached_scalars_and_no_value_is_read(dynamic_balance):
    with FakeTensorMode():  # tensors without values: whoever reads one gets an error
        predictions = torch.randn(WINDOWS, PATCHES, SAMPLES, CHANNELS, requires_grad=True)
        features = torch.randn(WINDOWS, PATCHES, CHANNELS, WIDTH, requires_grad=True)
        real = torch.rand(WINDOWS, PATCHES) < 0.5
        criterion = CombinedPretrainingLoss(dynamic_balance=dynamic_balance)
        hidden = create_span_mask(WINDOWS, PATCHES, 0.5, 2, real) | create_random_mask(WINDOWS, PATCHES, 0.5, real)
        dropped = create_channel_dropout_mask(WINDOWS, CHANNELS, 0.5)
        masks = {"attention_mask": real, "mae_mask": hidden, "channel_dropout_mask": dropped}
        loss, metrics = criterion(predictions, predictions.detach(), features, features, **masks)
        loss.backward()
        with pytest.raises(DataDependentOutputException):
            loss.item()
    names = {"mae_loss", "num_masked_patches", "mask_ratio", "contrastive_loss", "patch_accuracy", "loss"}
    assert set(metrics) == names | ({"mae_balance", "contrastive_balance"} if dynamic_balance else set())
    assert all(m.dim() == 0 and not m.requires_grad for m in metrics.values())


# ---- The combination ------------------------------------------------------------------------------------------------


def test_the_combination_is_the_weighted_sum_of_its_parts():
    batch = make_batch(22)
    criterion = CombinedPretrainingLoss(0.5, 3.0, temperature=0.3, norm_target=False, neighbour_weight=0.25)
    loss, metrics = call(criterion, COMBINED, batch)
    reconstruction = call(MaskedReconstructionLoss(norm_target=False), RECONSTRUCTION, batch)[1]
    channels = batch["channel_mask"] & ~batch["channel_dropout_mask"]
    contrast = call(PatchContrastiveLoss(0.3, 0.25), CONTRAST, batch | {"channel_mask": channels})[1]
    total = 0.5 * reconstruction["mae_loss"] + 3.0 * contrast["contrastive_loss"]
    assert values(metrics) == pytest.approx(values(reconstruction | contrast | {"loss": total}), rel=1e-12)
    assert loss.item() == metrics["loss"].item()


@pytest.mark.parametrize("balanced", [False, True])
def test_a_weight_of_zero_switches_a_part_off(balanced):
    batch = make_batch(23)
    without_contrast = batch | {"features_1": None, "features_2": None}
    loss, metrics = call(CombinedPretrainingLoss(2.0, 0.0, dynamic_balance=balanced), COMBINED, without_contrast)
    expected = call(MaskedReconstructionLoss(), RECONSTRUCTION, batch)[0].item()
    assert loss.item() == pytest.approx(2.0 if balanced else 2 * expected)
    assert not {"contrastive_loss", "patch_accuracy", "contrastive_balance"} & set(metrics)

    criterion = CombinedPretrainingLoss(0.0, 2.0, dynamic_balance=balanced)
    loss, metrics = call(criterion, COMBINED, batch | {"predictions": None, "targets": None})
    assert loss.item() == pytest.approx(2.0 if balanced else 2 * metrics["contrastive_loss"].item())
    assert not {"mae_loss", "num_masked_patches", "mask_ratio", "mae_balance"} & set(metrics)


def test_a_feature_mask_decides_what_is_contrasted():
    batch = make_batch(24)
    rng = np.random.default_rng(24)
    per_patch = torch.from_numpy(rng.random((WINDOWS, PATCHES)) < 0.7)
    criterion, contrast = CombinedPretrainingLoss(0.0, 1.0), PatchContrastiveLoss()
    views = (batch["features_1"], batch["features_2"])
    channels = batch["channel_mask"] & ~batch["channel_dropout_mask"]

    # None: real patches and channels that were not hidden.
    expected = contrast(*views, batch["attention_mask"], channels, batch["mae_mask"])[0]
    assert call(criterion, COMBINED, batch)[0].item() == expected.item()
    # For each patch: instead of the attention mask and the hidden patches.
    expected = contrast(*views, per_patch, channels)[0]
    assert call(criterion, COMBINED, batch | {"feature_mask": per_patch})[0].item() == expected.item()
    # For each patch and feature: alone; the features may be those of sensors, fewer than the channels.
    per_sensor = torch.from_numpy(rng.random((WINDOWS, PATCHES, 2)) < 0.7)
    sensors = {"features_1": views[0][:, :, :2], "features_2": views[1][:, :, :2], "feature_mask": per_sensor}
    expected = contrast(*(view[:, :, :2] for view in views), per_sensor)[0]
    assert call(criterion, COMBINED, batch | sensors)[0].item() == expected.item()


class ScalarBalance:
    """The running means in plain floats, from the definition: a weighted mean whose weights sum to one."""

    def __init__(self, decay):
        self.decay, self.history = decay, {"mae": [], "contrastive": []}

    def factor(self, name, weight, value=None):
        history = self.history[name]
        if value is not None and value > 0:
            history.append(value)
        if not history:
            return weight
        weights = [self.decay ** (len(history) - 1 - i) for i in range(len(history))]
        return weight / (sum(w * x for w, x in zip(weights, history, strict=True)) / sum(weights))


def _check_balance_step(criterion, scalar, batch):
    loss, metrics = call(criterion, COMBINED, batch)
    found = values(metrics)
    total = 0.0
    for name, weight in (("mae", 2.0), ("contrastive", 0.5)):
        factor = scalar.factor(name, weight, found[f"{name}_loss"] if criterion.training else None)
        assert found[f"{name}_balance"] == pytest.approx(factor, rel=1e-5)
        total += factor * found[f"{name}_loss"]
    assert loss.item() == pytest.approx(total, rel=1e-5)
    return found


def test_the_balance_agrees_with_a_scalar_computation_and_survives_a_restart():
    settings = {"mae_weight": 2.0, "contrastive_weight": 0.5, "dynamic_balance": True, "ema_decay": 0.9}
    criterion, scalar = CombinedPretrainingLoss(**settings), ScalarBalance(0.9)
    criterion.eval()
    before = _check_balance_step(criterion, scalar, make_batch(30))
    assert (before["mae_balance"], before["contrastive_balance"]) == (2.0, 0.5)  # no update yet
    criterion.train()
    first = _check_balance_step(criterion, scalar, make_batch(30))
    assert first["loss"] == pytest.approx(2.5, rel=1e-6)  # every part is its own running mean
    for step in range(4):
        _check_balance_step(criterion, scalar, make_batch(31 + step))

    # A part that is exactly zero, or not finite, does not enter its running mean; the other part does.
    none_hidden = {"mae_mask": torch.zeros(WINDOWS, PATCHES, dtype=torch.bool), "channel_dropout_mask": None}
    _check_balance_step(criterion, scalar, make_batch(35, **none_hidden))
    state = {name: value.clone() for name, value in criterion.state_dict().items()}
    call(criterion, COMBINED, make_batch(36) | {"predictions": make_batch()["predictions"] * math.nan})
    assert torch.equal(criterion.running_mean[0], state["running_mean"][0])
    assert not torch.equal(criterion.running_mean[1], state["running_mean"][1])
    assert criterion.running_updates.tolist() == [5, 7]

    restored = CombinedPretrainingLoss(**settings)
    restored.load_state_dict(state)
    for step in range(3):
        restored.eval()
        _check_balance_step(restored, scalar, make_batch(40 + step))
        restored.train()
        _check_balance_step(restored, scalar, make_batch(50 + step))


def test_no_gradient_flows_through_the_balance():
    batch = make_batch(25)
    criterion = CombinedPretrainingLoss(dynamic_balance=True, ema_decay=0.5)
    call(criterion, COMBINED, make_batch(26))
    leaves = [batch[name].requires_grad_() for name in ("predictions", "features_1")]
    loss, metrics = call(criterion, COMBINED, batch)
    factors = (metrics["mae_balance"], metrics["contrastive_balance"])
    parts = [CombinedPretrainingLoss(1.0, 0.0), CombinedPretrainingLoss(0.0, 1.0)]
    for leaf, found, factor, part in zip(leaves, torch.autograd.grad(loss, leaves), factors, parts, strict=True):
        (gradient,) = torch.autograd.grad(call(part, COMBINED, batch)[0], leaf)
        torch.testing.assert_close(found, factor * gradient, rtol=1e-10, atol=0)


# ---- Errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"targets": lambda x: x[:, :4]}, r"is \(4, 5, 6, 3\), targets is \(4, 4, 6, 3\); expected the same"),
        ({"features_2": lambda x: x[..., :5]}, r"features_1 is \(4, 5, 3, 7\), features_2 is \(4, 5, 3, 5\)"),
        ({"features_1": lambda x: x[:, :, 0], "features_2": lambda x: x[:, :, 0]}, r"same shape \(B, P, C, W\)"),
        ({"predictions": lambda x: x.long()}, r"predictions is torch.int64, .*expected floating point"),
        ({"predictions": lambda x: x[:, :, :0], "targets": lambda x: x[:, :, :0]}, "at least one sample"),
        ({"attention_mask": lambda x: x.float()}, r"torch.float32 \(4, 5\); expected torch.bool \(4, 5\)"),
        ({"mae_mask": lambda x: x[:, :3]}, r"mae_mask is .*\(4, 3\); expected torch.bool \(4, 5\) or \(4, 5, 3\)"),
        ({"channel_mask": lambda x: x[:2]}, r"channel_mask is .*\(2, 3\); expected torch.bool \(4, 3\) or"),
        ({"channel_dropout_mask": lambda x: x.T}, r"channel_dropout_mask is .*\(3, 4\); expected torch.bool \(4, 3\)"),
        ({"feature_mask": lambda x: torch.ones(4, 4, dtype=torch.bool)}, r"feature_mask is torch.bool \(4, 4\)"),
        ({"predictions": lambda x: None}, "predictions is None; expected a tensor, or a weight of 0"),
        ({"features_1": lambda x: None, "features_2": lambda x: None}, "features_1, features_2 is None"),
    ],
)
def test_wrong_inputs_name_what_was_found(changes, message):
    batch = make_batch(80)
    batch |= {name: change(batch[name]) for name, change in changes.items()}
    with pytest.raises(ValueError, match=message):
        call(CombinedPretrainingLoss(), COMBINED, batch)


def test_wrong_settings_name_what_is_expected():
    for temperature in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match=r"temperature is .*expected a positive number"):
            PatchContrastiveLoss(temperature)
    for weight in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match=r"neighbour_weight is .*expected a share in"):
            CombinedPretrainingLoss(neighbour_weight=weight)
    for weights in ((0.0, 0.0), (-1.0, 2.0), (1.0, math.nan), (math.inf, 1.0)):
        with pytest.raises(ValueError, match="expected finite weights of at least 0, one of them above 0"):
            CombinedPretrainingLoss(*weights)
    for decay in (-0.1, 1.0, math.nan):
        with pytest.raises(ValueError, match=r"ema_decay is .*expected at least 0 and below 1"):
            CombinedPretrainingLoss(ema_decay=decay)
