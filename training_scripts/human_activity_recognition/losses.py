"""Losses of stage 1, which learns from recordings without labels, and the masks that hide part of a window.

    reconstruction  hidden patches are predicted from visible ones       MAE, He et al. 2022; PatchTST, Nie et al. 2023
    contrast        a patch finds itself in another view of its window   van den Oord et al. 2018; Chen et al. 2020

A mask is boolean and True names what it is called after: `attention_mask` and `channel_mask` what is real (no padding),
`mae_mask` and `channel_dropout_mask` what was hidden from the encoder. Nothing that stands at a masked position, NaN
included, has an influence on a loss or on a gradient.

Everything is computed in float32, also under autocast and for half-precision inputs (float64 stays float64). Shapes
are checked, values are not: reading a value would make the host wait for the GPU at every step.

Shape suffixes: B windows of a batch, P patches of a window, S samples of a patch, C channels, W feature width,
N = B * P patches of a batch.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

VARIANCE_EPS = 1e-6  # MAE's; as a deviation 0.001 of the signal's unit
SMALLEST_RUNNING_MEAN = 1e-6  # bounds the factor of a part that has been learned completely


def patch_mean_std(targets_BPSC: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (B, P, 1, C) of each patch and channel over its samples.

    The deviation is sqrt(biased variance + VARIANCE_EPS): finite for patches of one sample and for constant ones, whose
    normalised target is then 0. A prediction of normalised targets returns to the signal's unit as
    `prediction * std + mean`.
    """
    mean = targets_BPSC.mean(dim=2, keepdim=True)
    variance = (targets_BPSC - mean).square().mean(dim=2, keepdim=True)
    return mean, (variance + VARIANCE_EPS).sqrt()


class MaskedReconstructionLoss(nn.Module):
    """Mean squared error of the hidden real patches (MAE, He et al., CVPR 2022, section 3).

    Every hidden (patch, channel) position counts the same, whatever the window: the mean over its samples first, then
    the mean over all positions of the batch.

    Args:
        norm_target: compare with targets that are normalised by their own mean and deviation (`patch_mean_std`).
            The loss then does not see the level (gravity) and the amplitude of a patch, only its shape: predicting
            zero costs 1 (less where a patch is almost constant).
    """

    def __init__(self, norm_target: bool = True) -> None:
        super().__init__()
        self.norm_target = norm_target

    def forward(
        self,
        predictions: Tensor,
        targets: Tensor,
        attention_mask: Tensor,
        mae_mask: Tensor,
        channel_mask: Tensor | None = None,
        channel_dropout_mask: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and metrics of one batch.

        Args:
            predictions, targets: (B, P, S, C).
            attention_mask: (B, P), True where a patch is real; or (B, P, C) where channels lack different patches.
            mae_mask: (B, P), True where a patch was hidden; or (B, P, C) where channels had different patches hidden.
            channel_mask: (B, C) or (B, P, C), True where a channel is real. None: all are.
            channel_dropout_mask: (B, C) or (B, P, C), True where a channel was hidden as a whole: all its real patches
                count as hidden. None: none was.

        Returns the scalar loss, exactly 0 with gradients of 0 where nothing real was hidden, and the detached scalars
        `mae_loss`; `num_masked_patches`, the patches (of N) of which at least one real channel was hidden; and
        `mask_ratio`, the hidden share of the real (patch, channel) positions.
        Raises ValueError for shapes and dtypes that do not fit.
        """
        _check_pair("predictions", predictions, "targets", targets, "(B, P, S, C)")
        batch, patches, samples, channels = predictions.shape
        if samples == 0:
            raise ValueError(f"predictions are {tuple(predictions.shape)}; expected patches of at least one sample")
        shape = (batch, patches, channels)
        real_BPC = _real_positions(attention_mask, channel_mask, shape)
        hidden_BPC = _mask_BPC("mae_mask", mae_mask, shape, shared_by=2)
        if channel_dropout_mask is not None:
            hidden_BPC = hidden_BPC | _mask_BPC("channel_dropout_mask", channel_dropout_mask, shape, shared_by=1)
        hidden_BPC = hidden_BPC & real_BPC

        dtype = _precise(predictions.dtype)
        compared_BPSC = hidden_BPC.unsqueeze(2)
        # Selected before any arithmetic: the gradient of what was computed from a NaN is NaN, even if multiplied by
        # zero later.
        predictions_BPSC = torch.where(compared_BPSC, predictions.to(dtype), 0.0)
        targets_BPSC = torch.where(compared_BPSC, targets.to(dtype), 0.0)
        if self.norm_target:
            mean, std = patch_mean_std(targets_BPSC)
            targets_BPSC = (targets_BPSC - mean) / std
        error_BPC = (predictions_BPSC - targets_BPSC).square().mean(dim=2)
        hidden = hidden_BPC.sum()
        loss = error_BPC.sum() / hidden.clamp_min(1)
        metrics = {
            "mae_loss": loss.detach(),
            "num_masked_patches": hidden_BPC.any(dim=2).sum().to(dtype),
            "mask_ratio": hidden.to(dtype) / real_BPC.sum().clamp_min(1),
        }
        return loss, metrics


class PatchContrastiveLoss(nn.Module):
    """InfoNCE between the patches of two views of the same windows, both directions averaged.

    Anchor is patch (b, p) of one view, positive is patch (b, p) of the other (van den Oord et al. 2018; NT-Xent, Chen
    et al. 2020, without candidates of the anchor's own view). Negatives are the patches of *other windows* in the other
    view. The other patches of the anchor's window show the same activity and mostly the same movement: as negatives
    they would be false ones. They stay out of the denominator, or enter it with a weight:

        loss = -log( e(b,p) / (e(b,p) + neighbour_weight * sum of e over the same window + sum of e over other windows))

    with e = exp(cosine / temperature).

    Args:
        temperature: positive and fixed: a learned one could make the task easier instead of the features better.
        neighbour_weight: weight in [0, 1] of another patch of the anchor's window; 1 makes it a full negative.
    """

    def __init__(self, temperature: float = 0.2, neighbour_weight: float = 0.0) -> None:
        super().__init__()
        if not 0 < temperature < math.inf:
            raise ValueError(f"temperature is {temperature}; expected a positive number")
        _check_share("neighbour_weight", neighbour_weight)
        self.temperature = temperature
        self.neighbour_weight = neighbour_weight

    def forward(
        self,
        features_1: Tensor,
        features_2: Tensor,
        attention_mask: Tensor,
        channel_mask: Tensor | None = None,
        mae_mask: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and metrics of one batch; a patch is its mean over real channels, L2-normalised.

        Args:
            features_1, features_2: (B, P, C, W), any norm; the same windows and patches in two views.
            attention_mask: (B, P) or (B, P, C), True where both views have features of a real patch.
            channel_mask: (B, C) or (B, P, C), True where a channel is real. None: all are.
            mae_mask: (B, P) or (B, P, C), True where a patch was hidden and stays out. None: none does.

        Returns the scalar loss and the detached scalars `contrastive_loss` and `patch_accuracy`, the share of anchors
        that are nearer to their positive than to every other patch of the denominator (a tie is a miss).
        Without a valid patch, or with B = 0, loss and gradients are exactly 0; so they are for a single window with
        neighbour_weight 0, which has no negatives.
        Raises ValueError for shapes and dtypes that do not fit.
        """
        _check_pair("features_1", features_1, "features_2", features_2, "(B, P, C, W)")
        shape = tuple(features_1.shape[:3])
        used_BPC = _real_positions(attention_mask, channel_mask, shape)
        if mae_mask is not None:
            used_BPC = used_BPC & ~_mask_BPC("mae_mask", mae_mask, shape, shared_by=2)
        valid_N = used_BPC.any(dim=2).flatten()

        with torch.autocast(device_type=features_1.device.type, enabled=False):
            dtype = _precise(features_1.dtype)
            view_1_NW, view_2_NW = (_patch_vectors(f.to(dtype), used_BPC) for f in (features_1, features_2))
            cosine_NN = view_1_NW @ view_2_NW.T
            log_weight_NN = self._log_weights(valid_N, patches=shape[1], dtype=dtype)
            competitor_NN = log_weight_NN.isfinite().fill_diagonal_(False)
            positive_N = cosine_NN.diagonal()
            terms, hits = [], []
            for similarity_NN in (cosine_NN, cosine_NN.T):
                log_sum_N = torch.logsumexp(similarity_NN / self.temperature + log_weight_NN, dim=1)
                terms.append(log_sum_N - positive_N / self.temperature)
                nearer_NN = (similarity_NN.detach() >= positive_N.detach().unsqueeze(1)) & competitor_NN
                hits.append(nearer_NN.any(dim=1).logical_not())
            anchors = valid_N.sum().clamp_min(1)
            loss = torch.where(valid_N, (terms[0] + terms[1]) / 2, 0.0).sum() / anchors
            accuracy = torch.where(valid_N, (hits[0].to(dtype) + hits[1].to(dtype)) / 2, 0.0).sum() / anchors
        return loss, {"contrastive_loss": loss.detach(), "patch_accuracy": accuracy}

    def _log_weights(self, valid_N: Tensor, patches: int, dtype: torch.dtype) -> Tensor:
        """Logarithm (N, N) of the weight with which column j enters the denominator of anchor i; -inf: not at all."""
        window_N = torch.arange(valid_N.shape[0], device=valid_N.device) // max(patches, 1)
        neighbour = math.log(self.neighbour_weight) if self.neighbour_weight > 0 else -math.inf
        same_window_NN = window_N.unsqueeze(1) == window_N
        log_weight_NN = torch.zeros(same_window_NN.shape, dtype=dtype, device=valid_N.device)
        log_weight_NN = log_weight_NN.masked_fill(same_window_NN, neighbour).masked_fill(~valid_N, -math.inf)
        # Padding anchors too keep one column, their own: the gradient of a row of -inf alone is NaN.
        return log_weight_NN.fill_diagonal_(0.0)


class CombinedPretrainingLoss(nn.Module):
    """Weighted sum of `MaskedReconstructionLoss` and `PatchContrastiveLoss`, on request with balanced scales.

    With `dynamic_balance` each part is divided by the running mean of its own value (no gradient flows through it), so
    that parts contribute by their weights, whatever their units, and continue to do so while one of them falls faster.
    Balanced losses of one scale are the aim of IMTL-L (Liu et al., ICLR 2021); EnCodec's balancer (Défossez et al.
    2022) divides gradients by a running mean in the same manner. Running means are exponential, with the
    bias correction of Adam (Kingma and Ba 2015, section 3). They are updated before they are used, in training mode
    only, and not by a part that is zero (nothing was hidden, nothing to contrast) or not finite; before the first
    update they are 1. They live in buffers, so `state_dict` saves and restores them.

    A balanced loss stays near the sum of the weights however much is learned: judge progress by `mae_loss` and
    `contrastive_loss`.

    Args:
        mae_weight, contrastive_weight: at least 0, not both 0. A part of weight 0 is not computed.
        temperature, neighbour_weight: of the contrast.
        norm_target: of the reconstruction.
        dynamic_balance: divide each part by its running mean.
        ema_decay: in [0, 1); the share of a running mean that an update keeps.
    """

    def __init__(
        self,
        mae_weight: float = 1.0,
        contrastive_weight: float = 1.0,
        temperature: float = 0.2,
        norm_target: bool = True,
        dynamic_balance: bool = False,
        ema_decay: float = 0.99,
        neighbour_weight: float = 0.0,
    ) -> None:
        super().__init__()
        weights = (mae_weight, contrastive_weight)
        if not (all(0 <= weight < math.inf for weight in weights) and sum(weights) > 0):
            found = f"mae_weight {mae_weight}, contrastive_weight {contrastive_weight}"
            raise ValueError(f"{found}; expected finite weights of at least 0, one of them above 0")
        if not 0 <= ema_decay < 1:
            raise ValueError(f"ema_decay is {ema_decay}; expected at least 0 and below 1")
        self.reconstruction = MaskedReconstructionLoss(norm_target)
        self.contrast = PatchContrastiveLoss(temperature, neighbour_weight)
        self.mae_weight = mae_weight
        self.contrastive_weight = contrastive_weight
        self.dynamic_balance = dynamic_balance
        self.ema_decay = ema_decay
        # [reconstruction, contrast]. The mean starts at 0 and is corrected for that by the number of updates.
        self.register_buffer("running_mean", torch.zeros(2))
        self.register_buffer("running_updates", torch.zeros(2, dtype=torch.long))

    def forward(
        self,
        predictions: Tensor | None,
        targets: Tensor | None,
        features_1: Tensor | None,
        features_2: Tensor | None,
        attention_mask: Tensor,
        mae_mask: Tensor,
        channel_mask: Tensor | None = None,
        channel_dropout_mask: Tensor | None = None,
        feature_mask: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and metrics of one batch. Tensors of a part whose weight is 0 may be None.

        Args:
            predictions, targets, attention_mask, mae_mask, channel_mask, channel_dropout_mask: as in
                `MaskedReconstructionLoss.forward`.
            features_1, features_2: as in `PatchContrastiveLoss.forward`.
            feature_mask: where both views have features to contrast. None: at the real patches and channels that were
                not hidden. (B, P) replaces `attention_mask` and `mae_mask` there; hidden channels still stay out.
                (B, P, C) decides alone, and C may then differ from that of the predictions (one feature for a sensor
                of three axes, say).

        Returns the scalar loss, and the metrics of the computed parts with the detached `loss`; with `dynamic_balance`
        also `mae_balance` and `contrastive_balance`, the factors that the parts were multiplied with.
        Raises ValueError for shapes and dtypes that do not fit, and for a missing tensor.
        """
        parts, metrics = {}, {}
        if self.mae_weight > 0:
            _check_given(predictions=predictions, targets=targets)
            masks = (attention_mask, mae_mask, channel_mask, channel_dropout_mask)
            parts["mae"], mae_metrics = self.reconstruction(predictions, targets, *masks)
            metrics |= mae_metrics
        if self.contrastive_weight > 0:
            _check_given(features_1=features_1, features_2=features_2)
            _check_pair("features_1", features_1, "features_2", features_2, "(B, P, C, W)")
            masks = (attention_mask, mae_mask, channel_mask, channel_dropout_mask, feature_mask)
            used_BPC = _positions_to_contrast(*masks, shape=tuple(features_1.shape[:3]))
            parts["contrastive"], contrast_metrics = self.contrast(features_1, features_2, used_BPC)
            metrics |= contrast_metrics
        factors = self._factors(parts)
        loss = sum(factors[name] * part for name, part in parts.items())
        if self.dynamic_balance:
            metrics |= {f"{name}_balance": factor for name, factor in factors.items()}
        return loss, metrics | {"loss": loss.detach()}

    @torch.no_grad()
    def _factors(self, parts: dict[str, Tensor]) -> dict[str, Tensor | float]:
        """What each part is multiplied with; in training mode the running means take the parts in first."""
        weights = {"mae": self.mae_weight, "contrastive": self.contrastive_weight}
        if not self.dynamic_balance:
            return weights
        dtype = self.running_mean.dtype
        nothing = torch.zeros_like(self.running_mean[0])
        values = torch.stack([parts[name].to(dtype) if name in parts else nothing for name in weights])
        if self.training:
            counts = (values > 0) & values.isfinite()
            updated = self.ema_decay * self.running_mean + (1 - self.ema_decay) * values
            self.running_mean.copy_(torch.where(counts, updated, self.running_mean))
            self.running_updates.add_(counts)
        # In float64: 1 - decay ** 1 would lose five digits in float32.
        correction = 1 - self.ema_decay ** self.running_updates.double()
        mean = torch.where(self.running_updates > 0, self.running_mean / correction, 1.0)
        mean = mean.clamp_min(SMALLEST_RUNNING_MEAN)
        return {
            name: (weights[name] / mean[i]).to(parts[name].dtype) for i, name in enumerate(weights) if name in parts
        }


def create_random_mask(
    batch_size: int,
    num_patches: int,
    mask_ratio: float = 0.3,
    attention_mask: Tensor | None = None,
    generator: torch.Generator | None = None,
    device: str | torch.device | None = None,
) -> Tensor:
    """Boolean mask (B, P), True where a patch is to be hidden: a uniformly random subset of each row's real patches.

    A row of n real patches hides exactly round(mask_ratio * n) of them (half to even), with two exceptions, each of one
    patch: at least one real patch stays visible, and at least one is hidden where the ratio is above 0 and n >= 2.

    Args:
        batch_size, num_patches: B and P.
        mask_ratio: share in [0, 1] of the real patches.
        attention_mask: (B, P), True where a patch is real. None: all are.
        generator: source of randomness, on the mask's device (torch raises otherwise). None: torch's global one.
        device: of the result. None: that of `attention_mask`, else that of the generator, else torch's default.

    Raises:
        ValueError: a size below 0, a ratio outside [0, 1], a mask of another shape or dtype.
    """
    valid_BP = _valid_positions(batch_size, num_patches, attention_mask, generator, device, name="attention_mask")
    _check_share("mask_ratio", mask_ratio)
    return _lowest(_random_keys(valid_BP, generator), _hidden_count(valid_BP.sum(dim=1), mask_ratio))


def create_span_mask(
    batch_size: int,
    num_patches: int,
    mask_ratio: float = 0.3,
    span_length_range: tuple[int, int] | int = (2, 4),
    attention_mask: Tensor | None = None,
    generator: torch.Generator | None = None,
    device: str | torch.device | None = None,
) -> Tensor:
    """Boolean mask (B, P) like `create_random_mask`, in contiguous spans (SpanBERT, Joshi et al. 2020).

    A single hidden patch of a periodic movement can be copied from its neighbours; a span has to be understood.

    Each row draws a span length l from the range, both ends included (a number stands for a range of it alone). Its h
    hidden patches form round(h / l) spans, at least one, whose lengths differ by one at most.
    Spans do not overlap, but may touch. They are laid on a ring of the row's real patches in random order among the
    visible patches, and the ring is turned at random. So every real patch is hidden with the same probability, a span
    of length 1 is `create_random_mask`, and one span of a row may go out at the end and come in at the beginning.
    Padding between real patches is stepped over: a span goes on behind it.

    Args, counts and errors are those of `create_random_mask`; also ValueError for an empty range or one below 1.
    """
    valid_BP = _valid_positions(batch_size, num_patches, attention_mask, generator, device, name="attention_mask")
    _check_share("mask_ratio", mask_ratio)
    shortest, longest = (
        (span_length_range, span_length_range) if isinstance(span_length_range, int) else span_length_range
    )
    if not 1 <= shortest <= longest:
        raise ValueError(f"span_length_range is {span_length_range}; expected 1 <= shortest <= longest")
    valid_B = valid_BP.sum(dim=1)
    hidden_B = _hidden_count(valid_B, mask_ratio)
    length_B = shortest
    if longest > shortest:
        length_B = torch.randint(shortest, longest + 1, (batch_size,), generator=generator, device=valid_BP.device)
    spans_B = (hidden_B / length_B).round().long().clamp_min(1).minimum(hidden_B)

    # Slots are the spans and the visible patches of a row; a random choice of slots are the spans.
    slot_P = torch.arange(num_patches, device=valid_BP.device)
    is_slot_BP = slot_P < (spans_B + valid_B - hidden_B).unsqueeze(1)
    order_BP = _ranks(_random_keys(is_slot_BP, generator))
    is_span_BP = order_BP < spans_B.unsqueeze(1)
    divisor_B = spans_B.clamp_min(1)
    length_BP = (hidden_B // divisor_B).unsqueeze(1) + (order_BP < (hidden_B % divisor_B).unsqueeze(1))
    end_BP = torch.where(is_span_BP, length_BP, is_slot_BP.long()).cumsum(dim=1)

    # Slot of each place on the ring, then place of each real patch.
    place_BP = slot_P.expand(batch_size, num_patches).contiguous()
    slot_of_place_BP = torch.searchsorted(end_BP, place_BP, right=True).clamp_max(max(num_patches - 1, 0))
    hidden_place_BP = is_span_BP.gather(1, slot_of_place_BP)
    turn_B = (torch.rand(batch_size, generator=generator, device=valid_BP.device) * valid_B).long()
    rank_BP = valid_BP.cumsum(dim=1) - 1
    ring_BP = (rank_BP + turn_B.unsqueeze(1)) % valid_B.clamp_min(1).unsqueeze(1)
    return hidden_place_BP.gather(1, ring_BP) & valid_BP


def create_channel_dropout_mask(
    batch_size: int,
    num_channels: int,
    dropout_ratio: float = 0.3,
    channel_mask: Tensor | None = None,
    generator: torch.Generator | None = None,
    device: str | torch.device | None = None,
) -> Tensor:
    """Boolean mask (B, C), True where a channel is to be hidden as a whole; padding channels never are.

    A row of n real channels drops dropout_ratio * n of them, rounded down or up at random so that the expected share is
    the ratio even with two channels, but never the last real one.

    Args:
        batch_size, num_channels: B and C.
        dropout_ratio: share in [0, 1] of the real channels.
        channel_mask: (B, C), True where a channel is real. None: all are.
        generator, device: as in `create_random_mask`.

    Raises:
        ValueError: a size below 0, a ratio outside [0, 1], a mask of another shape or dtype.
    """
    real_BC = _valid_positions(batch_size, num_channels, channel_mask, generator, device, name="channel_mask")
    _check_share("dropout_ratio", dropout_ratio)
    real_B = real_BC.sum(dim=1)
    draw_B = torch.rand(batch_size, dtype=torch.float64, generator=generator, device=real_BC.device)
    dropped_B = (dropout_ratio * real_B.double() + draw_B).floor().long().minimum(real_B - 1).clamp_min(0)
    return _lowest(_random_keys(real_BC, generator), dropped_B)


def _hidden_count(valid_B: Tensor, ratio: float) -> Tensor:
    """Patches to hide of each row's valid ones (see `create_random_mask`)."""
    nearest_B = (ratio * valid_B.double()).round().long()
    if ratio > 0:
        nearest_B = nearest_B.clamp_min(1)
    return nearest_B.minimum(valid_B - 1).clamp_min(0)


def _random_keys(allowed: Tensor, generator: torch.Generator | None) -> Tensor:
    """Uniform keys in [0, 1); 2 where not allowed, which is behind all others."""
    keys = torch.rand(allowed.shape, generator=generator, device=allowed.device)
    return keys.masked_fill(~allowed, 2.0)


def _ranks(keys: Tensor) -> Tensor:
    """Position of each key in the sorted row: a permutation even where keys are equal."""
    return keys.argsort(dim=1).argsort(dim=1)


def _lowest(keys: Tensor, count_B: Tensor) -> Tensor:
    """True at the `count` lowest keys of each row."""
    return _ranks(keys) < count_B.unsqueeze(1)


def _patch_vectors(features_BPCW: Tensor, used_BPC: Tensor) -> Tensor:
    """Unit vector (N, W) of each patch; zero where no channel is used."""
    total_BPW = torch.where(used_BPC.unsqueeze(3), features_BPCW, 0.0).sum(dim=2)  # the mean has the same direction
    return F.normalize(total_BPW.flatten(0, 1), dim=-1)


def _positions_to_contrast(
    attention_mask: Tensor,
    mae_mask: Tensor,
    channel_mask: Tensor | None,
    channel_dropout_mask: Tensor | None,
    feature_mask: Tensor | None,
    shape: tuple[int, int, int],
) -> Tensor:
    """Where features (B, P, C) take part in the contrast (see `CombinedPretrainingLoss.forward`)."""
    if feature_mask is None:
        used_BPC = _mask_BPC("attention_mask", attention_mask, shape, shared_by=2)
        used_BPC = used_BPC & ~_mask_BPC("mae_mask", mae_mask, shape, shared_by=2)
    else:
        used_BPC = _mask_BPC("feature_mask", feature_mask, shape, shared_by=2)
        if feature_mask.dim() == 3:
            return used_BPC
    if channel_mask is not None:
        used_BPC = used_BPC & _mask_BPC("channel_mask", channel_mask, shape, shared_by=1)
    if channel_dropout_mask is not None:
        used_BPC = used_BPC & ~_mask_BPC("channel_dropout_mask", channel_dropout_mask, shape, shared_by=1)
    return used_BPC


def _precise(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32


def _real_positions(attention_mask: Tensor, channel_mask: Tensor | None, shape: tuple[int, int, int]) -> Tensor:
    """(B, P, C), True where patch and channel are real."""
    real_BPC = _mask_BPC("attention_mask", attention_mask, shape, shared_by=2)
    return real_BPC if channel_mask is None else real_BPC & _mask_BPC("channel_mask", channel_mask, shape, shared_by=1)


def _mask_BPC(name: str, mask: Tensor, shape: tuple[int, int, int], shared_by: int) -> Tensor:
    """A mask (B, P, C), or one that all patches (dimension 1) or all channels (dimension 2) share, as (B, P, C)."""
    short = tuple(size for dimension, size in enumerate(shape) if dimension != shared_by)
    if mask.dtype != torch.bool or tuple(mask.shape) not in (short, shape):
        raise ValueError(f"{name} is {mask.dtype} {tuple(mask.shape)}; expected torch.bool {short} or {shape}")
    return mask if mask.dim() == 3 else mask.unsqueeze(shared_by).expand(shape)


def _valid_positions(
    batch_size: int,
    positions: int,
    mask: Tensor | None,
    generator: torch.Generator | None,
    device: str | torch.device | None,
    name: str,
) -> Tensor:
    """The given mask of real positions, or one without padding, on the device of the result."""
    shape = (batch_size, positions)
    if min(shape) < 0:
        raise ValueError(f"the mask's shape is {shape}; expected sizes of at least 0")
    if mask is None:
        if device is None and generator is not None:
            device = generator.device
        return torch.ones(shape, dtype=torch.bool, device=device)
    if mask.dtype != torch.bool or tuple(mask.shape) != shape:
        raise ValueError(f"{name} is {mask.dtype} {tuple(mask.shape)}; expected torch.bool {shape}")
    return mask if device is None else mask.to(device)


def _check_pair(name: str, first: Tensor, other_name: str, second: Tensor, layout: str) -> None:
    if first.dim() != 4 or first.shape != second.shape:
        found = f"{name} is {tuple(first.shape)}, {other_name} is {tuple(second.shape)}"
        raise ValueError(f"{found}; expected the same shape {layout}")
    if not (first.is_floating_point() and second.is_floating_point()):
        raise ValueError(f"{name} is {first.dtype}, {other_name} is {second.dtype}; expected floating point")


def _check_share(name: str, share: float) -> None:
    if not 0 <= share <= 1:
        raise ValueError(f"{name} is {share}; expected a share in [0, 1]")


def _check_given(**tensors: Tensor | None) -> None:
    missing = [name for name, tensor in tensors.items() if tensor is None]
    if missing:
        raise ValueError(f"{', '.join(missing)} is None; expected a tensor, or a weight of 0 for that part")
