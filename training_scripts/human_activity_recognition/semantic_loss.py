"""Contrastive losses that align window embeddings with the text embeddings of their labels.

All variants share one similarity (`prototype_logits`) and one notion of "same label" (`label_cosine`); they differ in
the targets they draw from it and in the function that compares logits with targets:

    hard    InfoNCE, the diagonal is the only positive          van den Oord et al. 2018; CLIP, Radford et al. 2021
    soft    InfoNCE against a distribution over similar labels  (InfoNCELoss, below)
    supcon  every column of the anchor's label is a positive    Khosla et al. 2020, eq. 2 (L_out)
    siglip  every pair is a binary decision                     Zhai et al. 2023, algorithm 1

Everything is computed in float32, also under autocast and for half-precision inputs (float64 stays float64). Shapes
are checked, values are not: reading a value would make the host wait for the GPU at every step.

Shape suffixes: B batch, Q queue, N = B + Q columns, K prototypes of a label, D embedding width, T target width.
"""

import math
from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

VARIANTS = ("hard", "soft", "supcon", "siglip")
SAME_LABEL_COSINE = 1.0 - 1e-4  # frozen embeddings of one text agree to rounding; of two texts they are farther apart
BATCH = ("imu_embeddings", "text_embeddings", "text_targets")  # arguments that share the batch's rows
QUEUE = ("imu_queue", "text_queue", "queue_targets")  # and the queue's
MIN_LOGIT_SCALE, MAX_LOGIT_SCALE = 1.0, 100.0  # the upper bound is CLIP's; below 1 the logits carry no information


class _ClampedExp(torch.autograd.Function):
    """exp(x) clamped to the allowed scales, with a gradient that can always lead back inside.

    The gradient of a plain clamp is zero outside the bounds: once an optimiser step overshoots, the parameter never
    moves again. Here only the part of the gradient that points further outside is dropped (projected gradient).
    """

    @staticmethod
    def forward(ctx, log_scale: Tensor) -> Tensor:
        scale = log_scale.exp().clamp(MIN_LOGIT_SCALE, MAX_LOGIT_SCALE)
        ctx.save_for_backward(log_scale, scale)
        return scale

    @staticmethod
    def backward(ctx, grad_scale: Tensor) -> Tensor:
        log_scale, scale = ctx.saved_tensors
        grad = grad_scale * scale
        leaves_above = (log_scale >= math.log(MAX_LOGIT_SCALE)) & (grad < 0)  # descent adds -grad
        leaves_below = (log_scale <= math.log(MIN_LOGIT_SCALE)) & (grad > 0)
        return torch.where(leaves_above | leaves_below, torch.zeros_like(grad), grad)


def prototype_logits(imu_BD: Tensor, text_NKD: Tensor, scale: Tensor) -> Tensor:
    """Logits (B, N) of unit-norm windows with labels of K unit-norm prototypes each.

    logit = log mean_k exp(scale * cosine_k): the log-likelihood of the window, up to a constant, under an equal mixture
    of K von Mises-Fisher densities with concentration `scale` (Banerjee et al. 2005, JMLR 6). A window has to be near
    one prototype, not near all of them as with their mean, and every prototype learns from the windows that it
    explains, where a maximum would starve the losers. The order of prototypes is irrelevant; K = 1 is scale * cosine.
    """
    labels, prototypes, width = text_NKD.shape
    logits_BNK = (scale * imu_BD @ text_NKD.reshape(-1, width).T).unflatten(1, (labels, prototypes))
    if prototypes == 1:
        return logits_BNK.squeeze(2)
    return torch.logsumexp(logits_BNK, dim=2) - math.log(prototypes)


def distillation_loss(
    imu_BD: Tensor, text_NKD: Tensor, scale: Tensor, teachers: Iterable[tuple[Tensor, Tensor, Tensor]]
) -> Tensor:
    """How far the windows' probabilities over N texts are from what teachers make of them, in nats, mean over B.

    The Kullback-Leibler divergence from the normalised geometric mean of the teachers' softmax(logits) to the
    student's: the windows-to-texts half of contrastive relational distillation (Yang et al., CLIP-KD, CVPR 2024,
    eq. 4 and 5), with several teachers. Each teacher is (windows (B, D'), texts (N, K', D'), scale); embeddings are of
    unit norm, no gradient flows into a teacher.
    """
    dtype = torch.float64 if imu_BD.dtype == torch.float64 else torch.float32
    with torch.autocast(device_type=imu_BD.device.type, enabled=False):
        learned_BN = prototype_logits(imu_BD.to(dtype), text_NKD.to(dtype), scale.to(dtype)).log_softmax(dim=1)
        with torch.no_grad():
            logits = [prototype_logits(*(part.to(dtype) for part in teacher)) for teacher in teachers]
            taught_BN = torch.stack(logits).mean(dim=0).log_softmax(dim=1)
        return F.kl_div(learned_BN, taught_BN, reduction="batchmean", log_target=True)


@torch.no_grad()
def label_cosine(text_targets_BT: Tensor, queue_targets_QT: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine (B, N) of the anchors' labels with the labels of all columns [batch, queue], and the same-label mask."""
    # A GPU may multiply float32 matrices in TF32, whose rounding is larger than the same-label threshold.
    exact = torch.float64 if text_targets_BT.is_cuda else text_targets_BT.dtype
    anchors = F.normalize(text_targets_BT.to(exact), dim=-1)
    columns = torch.cat([anchors, F.normalize(queue_targets_QT.to(exact), dim=-1)])
    cosine_BN = anchors @ columns.T
    own_column = torch.eye(*cosine_BN.shape, dtype=torch.bool, device=cosine_BN.device)
    same_label_BN = (cosine_BN >= SAME_LABEL_COSINE) | own_column  # a label is itself even where its target is zero
    return cosine_BN.to(text_targets_BT.dtype), same_label_BN


@torch.no_grad()
def alignment_metrics(
    similarity_BN: Tensor,
    same_label_BN: Tensor,
    undecided_BN: Tensor,
    scale: Tensor,
    loss_imu_to_text: Tensor,
    loss_text_to_imu: Tensor,
) -> dict[str, Tensor]:
    """Detached scalars that describe one step; similarities are those of windows with [batch, queue] texts.

    Pairs of the same label are positives, all others negatives, but for undecided ones. Where batch and queue hold one
    label only there is no negative: `negative_similarity` is then 0, the cosine of unrelated directions, and the gap is
    measured from there.
    `logit_scale` is the scale in use (1 / temperature, clamped); the parameter is its logarithm.
    """
    pairs = {"positive_similarity": same_label_BN, "negative_similarity": ~(same_label_BN | undecided_BN)}
    metrics = {name: (similarity_BN * mask).sum() / mask.sum().clamp_min(1) for name, mask in pairs.items()}
    metrics["similarity_gap"] = metrics["positive_similarity"] - metrics["negative_similarity"]
    metrics |= {"loss": (loss_imu_to_text + loss_text_to_imu) / 2, "logit_scale": scale.detach()}
    return metrics | {"loss_imu_to_text": loss_imu_to_text.detach(), "loss_text_to_imu": loss_text_to_imu.detach()}


class InfoNCELoss(nn.Module):
    """Symmetric InfoNCE between windows and label texts, with a queue and with soft targets.

    With `use_soft_targets`, row i of the target over the columns [batch, queue] is

        (1 - w) * uniform over the columns of label i  +  w * softmax_j(cosine(label_i, label_j) / soft temperature)

    with w = `soft_target_weight`. The same rule covers batch and queue and both directions, so neither a second window
    of the anchor's label nor a queued synonym is pushed away. Without it the diagonal is the only positive and every
    queue column a negative, as in CLIP and MoCo.

    Labels are of different detail: a window of "lying" may show "lying on the back". Such *undecided* columns leave the
    sums of their row, in the targets as in the softmax: the window is neither drawn to the text nor pushed away from
    it, as candidate labels are treated in learning from partial labels (Cour, Sapp & Taskar, JMLR 12, 2011).

    Args:
        temperature: initial temperature in [0.01, 1]; the parameter `logit_scale` learns log(1 / temperature). The
            scale in use is clamped to [1, 100], the parameter itself is left alone (see `_ClampedExp`).
        use_soft_targets: soft targets, or the diagonal alone.
        soft_target_temperature: temperature of the label-similarity softmax.
        soft_target_weight: w in [0, 1]; 0 is supervised-contrastive across modalities.
    """

    def __init__(
        self,
        temperature: float = 0.1,
        use_soft_targets: bool = True,
        soft_target_temperature: float = 0.5,
        soft_target_weight: float = 0.5,
    ) -> None:
        super().__init__()
        if not 1 / MAX_LOGIT_SCALE <= temperature <= 1 / MIN_LOGIT_SCALE:
            raise ValueError(f"temperature is {temperature}; expected {1 / MAX_LOGIT_SCALE} to {1 / MIN_LOGIT_SCALE}")
        if not (soft_target_temperature > 0 and 0 <= soft_target_weight <= 1):
            found = f"soft_target_temperature {soft_target_temperature}, soft_target_weight {soft_target_weight}"
            raise ValueError(f"{found}; expected a positive temperature and a weight in [0, 1]")
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / temperature)))
        self.use_soft_targets = use_soft_targets
        self.soft_target_temperature = soft_target_temperature
        self.soft_target_weight = soft_target_weight

    @property
    def scale(self) -> Tensor:
        """The multiplicative scale in use, detached: 1 / temperature, clamped."""
        return self.logit_scale.detach().exp().clamp(MIN_LOGIT_SCALE, MAX_LOGIT_SCALE)

    def forward(
        self,
        imu_embeddings: Tensor,
        text_embeddings: Tensor,
        imu_queue: Tensor | None = None,
        text_queue: Tensor | None = None,
        return_metrics: bool = False,
        *,
        text_targets: Tensor | None = None,
        queue_targets: Tensor | None = None,
        undecided: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean of the window-to-text and the text-to-window loss.

        Args:
            imu_embeddings: (B, D), any norm: embeddings are L2-normalised here.
            text_embeddings: (B, D), or (B, K, D) for K prototypes of each label (see `prototype_logits`).
            imu_queue: (Q, D) windows of earlier steps, Q may be 0; extra columns for the texts.
            text_queue: (Q, D) or (Q, K, D), their texts; extra columns for the windows.
            return_metrics: also return `alignment_metrics`, and `target_entropy` (nats) where targets are soft.
            text_targets: (B, T) frozen embeddings of the labels, which decide what is the same and what is similar.
                Without them the detached text embeddings serve (mean over prototypes). Training should pass them:
                learned texts drift, so that a queued text no longer equals the fresh text of its own label.
            queue_targets: (Q, T) the same for the queue; given exactly when both queue and text_targets are.
            undecided: two bool tensors (B, N) over the columns [batch, queue]: texts j that may be true of window i
                too, and windows j of which text i may be true. Columns of the anchor's own label are never undecided.

        Returns the scalar loss and the metrics (an empty dict unless asked for). No gradient flows into targets.
        Raises ValueError for an empty batch, for shapes, widths, types or devices that do not fit, for half a queue.
        """
        tensors = (imu_embeddings, text_embeddings, text_targets, imu_queue, text_queue, queue_targets)
        _check_inputs({name: t for name, t in zip(BATCH + QUEUE, tensors, strict=True) if t is not None})
        dtype = torch.float64 if imu_embeddings.dtype == torch.float64 else torch.float32
        with torch.autocast(device_type=imu_embeddings.device.type, enabled=False):
            scale = _ClampedExp.apply(self.logit_scale.to(dtype))
            imu_BD = F.normalize(imu_embeddings.to(dtype), dim=-1)
            text_BKD = _unit_prototypes(text_embeddings.to(dtype))
            queued_imu_QD = imu_BD[:0] if imu_queue is None else F.normalize(imu_queue.to(dtype), dim=-1)
            queued_text_QKD = text_BKD[:0] if text_queue is None else _unit_prototypes(text_queue.to(dtype))
            logits_BB = prototype_logits(imu_BD, text_BKD, scale)
            imu_to_text_BN = torch.cat([logits_BB, prototype_logits(imu_BD, queued_text_QKD, scale)], dim=1)
            text_to_imu_BN = torch.cat([logits_BB.T, prototype_logits(queued_imu_QD, text_BKD, scale).T], dim=1)
            if text_targets is None:
                text_targets, queue_targets = text_BKD.mean(dim=1), queued_text_QKD.mean(dim=1)
            elif queue_targets is None:
                queue_targets = text_targets[:0]
            cosine_BN, same_label_BN = label_cosine(text_targets.to(dtype), queue_targets.to(dtype))
            undecided_texts_BN, undecided_windows_BN = _check_undecided(undecided, same_label_BN)
            targets = self._targets(cosine_BN, same_label_BN, undecided_texts_BN)
            to_text = self._direction_loss(imu_to_text_BN, targets, undecided_texts_BN)
            window_targets = self._targets(cosine_BN, same_label_BN, undecided_windows_BN)
            to_imu = self._direction_loss(text_to_imu_BN, window_targets, undecided_windows_BN)
            loss = (to_text + to_imu) / 2
            if not return_metrics:
                return loss, {}
            metrics = alignment_metrics(
                imu_to_text_BN / scale, same_label_BN, undecided_texts_BN, scale, to_text, to_imu
            )
            if self.use_soft_targets:
                metrics["target_entropy"] = torch.special.entr(targets).sum(dim=1).mean()
            return loss, metrics

    def _targets(self, cosine_BN: Tensor, same_label_BN: Tensor, undecided_BN: Tensor) -> Tensor:
        """Target distribution (B, N) over the columns [batch, queue] of one direction; without a graph."""
        if not self.use_soft_targets:
            return torch.eye(*cosine_BN.shape, dtype=cosine_BN.dtype, device=cosine_BN.device)
        hard_BN = F.normalize(same_label_BN.to(cosine_BN.dtype), p=1, dim=1)
        decided_BN = cosine_BN.masked_fill(undecided_BN, -math.inf)
        soft_BN = torch.softmax(decided_BN / self.soft_target_temperature, dim=1)
        return torch.lerp(hard_BN, soft_BN, self.soft_target_weight)

    def _direction_loss(self, logits_BN: Tensor, targets_BN: Tensor, undecided_BN: Tensor) -> Tensor:
        # Finite, because a target of 0 times a logarithm of -inf is NaN.
        lowest = torch.finfo(logits_BN.dtype).min / 4
        return F.cross_entropy(logits_BN.masked_fill(undecided_BN, lowest), targets_BN)


class SigLIPLoss(InfoNCELoss):
    """Sigmoid loss: every pair is a binary decision, pairs of the same label are the positives.

    -1/B sum_ij log sigmoid(z_ij (scale * cosine_ij + bias)), z = +1 for the same label, else -1 (Zhai et al. 2023,
    algorithm 1), in both directions because each has its own queue. The learned `logit_bias` starts at -10, so that
    the many negatives do not dominate the first steps.
    """

    def __init__(self, temperature: float = 0.1, initial_bias: float = -10.0) -> None:
        super().__init__(temperature, use_soft_targets=False)
        self.logit_bias = nn.Parameter(torch.tensor(float(initial_bias)))

    def _targets(self, cosine_BN: Tensor, same_label_BN: Tensor, undecided_BN: Tensor) -> Tensor:
        return same_label_BN.to(cosine_BN.dtype)

    def _direction_loss(self, logits_BN: Tensor, targets_BN: Tensor, undecided_BN: Tensor) -> Tensor:
        logits_BN = logits_BN + self.logit_bias.to(logits_BN.dtype)
        decided_BN = (~undecided_BN).to(logits_BN.dtype)
        loss = F.binary_cross_entropy_with_logits(logits_BN, targets_BN, weight=decided_BN, reduction="sum")
        return loss / logits_BN.shape[0]


class SemanticAlignmentLoss(nn.Module):
    """One of the `VARIANTS` (see the top of this file) behind the call of `InfoNCELoss`.

    Args:
        temperature: initial temperature of every variant, in [0.01, 1].
        variant: one of `VARIANTS`.
        soft_target_temperature, soft_target_weight: of "soft"; the other variants ignore them.
    """

    def __init__(
        self,
        temperature: float = 0.1,
        variant: str = "soft",
        soft_target_temperature: float = 0.5,
        soft_target_weight: float = 0.5,
    ) -> None:
        super().__init__()
        if variant not in VARIANTS:
            raise ValueError(f"unknown loss variant {variant!r}; known: {', '.join(VARIANTS)}")
        self.variant = variant
        if variant == "siglip":
            self.criterion = SigLIPLoss(temperature)
        else:  # soft targets of weight 0 are the supervised-contrastive ones
            weight = soft_target_weight if variant == "soft" else 0.0
            self.criterion = InfoNCELoss(temperature, variant != "hard", soft_target_temperature, weight)

    @property
    def logit_scale(self) -> nn.Parameter:
        return self.criterion.logit_scale

    @property
    def scale(self) -> Tensor:
        """The multiplicative scale in use, detached: 1 / temperature, clamped."""
        return self.criterion.scale

    def forward(self, *args: Any, **kwargs: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """Call and results of `InfoNCELoss.forward`, whichever the variant."""
        return self.criterion(*args, **kwargs)


def _unit_prototypes(text: Tensor) -> Tensor:
    """(N, D) or (N, K, D) -> unit-norm (N, K, D)."""
    return F.normalize(text.unsqueeze(1) if text.dim() == 2 else text, dim=-1)


def _check_undecided(undecided: tuple[Tensor, Tensor] | None, same_label_BN: Tensor) -> tuple[Tensor, Tensor]:
    """Texts and windows that are undecided, (B, N) each, without the pairs of one label; none where not given."""
    if undecided is None:
        return torch.zeros_like(same_label_BN), torch.zeros_like(same_label_BN)
    for name, pairs in zip(("texts", "windows"), undecided, strict=True):
        if pairs.dtype != torch.bool or pairs.shape != same_label_BN.shape or pairs.device != same_label_BN.device:
            raise ValueError(
                f"undecided {name} are {pairs.dtype} {tuple(pairs.shape)} on {pairs.device}; expected torch.bool "
                f"{tuple(same_label_BN.shape)} (batch, batch and queue) on {same_label_BN.device}"
            )
    texts, windows = undecided
    return texts & ~same_label_BN, windows & ~same_label_BN


def _check_inputs(given: dict[str, Tensor]) -> None:
    """Shapes, widths and devices of the tensors that were passed, by argument name; values are never read."""
    shapes = ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in given.items())
    imu = given["imu_embeddings"]

    def require(holds: bool, expected: str) -> None:
        if not holds:
            raise ValueError(f"{expected}; got {shapes}")

    for name, tensor in given.items():
        ranks = (2, 3) if name in ("text_embeddings", "text_queue") else (2,)
        require(tensor.dim() in ranks, f"{name} has {tensor.dim()} dimensions, expected {' or '.join(map(str, ranks))}")
        require(tensor.is_floating_point(), f"{name} is {tensor.dtype}, expected floating point")
        require(tensor.device == imu.device, f"{name} is on {tensor.device}, imu_embeddings on {imu.device}")
        require(0 not in tensor.shape[1:], f"{name} has a dimension of size 0")
        if not name.endswith("targets"):
            require(tensor.shape[-1] == imu.shape[1], f"{name} differs from imu_embeddings in width D")
    require(imu.shape[0] > 0, "the batch is empty, expected at least one window")
    require(("imu_queue" in given) == ("text_queue" in given), "imu_queue and text_queue go together")
    for group in (BATCH, QUEUE):
        require(len({given[n].shape[0] for n in group if n in given}) <= 1, f"{', '.join(group)} differ in rows")
    if "queue_targets" in given:
        require("text_targets" in given and "imu_queue" in given, "queue_targets need text_targets and the queues")
        require(len({given[n].shape[1] for n in ("text_targets", "queue_targets")}) == 1, "targets differ in width T")
    elif "text_targets" in given and "imu_queue" in given:
        require(given["imu_queue"].shape[0] == 0, "text_targets need queue_targets for the rows of the queue")
