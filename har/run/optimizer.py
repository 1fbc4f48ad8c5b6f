"""AdamW and Muon that never take a step on numbers that are not finite, and never wait for the device to find out."""

import copy
from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from har.run.checkpoint import CheckpointError
from har.run.flat import FlatParameters
from har.run.muon import GuardedMuon, orthogonal_dtype

_BETAS = (0.9, 0.999)  # of AdamW's moments
_EPSILON = 1e-8


class _AdamwPart(NamedTuple):
    """Parameters that AdamW changes alike: views (V,) of one tensor each, the count of their steps, and their decay."""

    values: Tensor
    gradients: Tensor
    first_moment: Tensor
    second_moment: Tensor
    steps: Tensor
    decay: float


class GuardedOptimizer:
    """AdamW with gradient clipping for the parameters of ``module`` that learn, and Muon for its hidden matrices.

    AdamW: Loshchilov & Hutter, ICLR 2019. Muon (Jordan et al. 2024) makes the update of a matrix orthogonal, so that
    rare directions learn as fast as frequent ones; it is scaled to the size of AdamW's steps and shares their learning
    rate (Liu et al., arXiv 2502.16982, equation 4). Weight decay acts on matrices only; biases, norms and scales are
    free of it. A step whose loss or gradient is not finite changes nothing, nor does any after it; ``first_bad``
    (0-dim, on the device) holds the number of that step, -1 as long as there is none. The caller reads it whenever it
    may wait for the device.

    The parameters lie side by side in ``flat`` from now on: a step is a dozen operations, however many there are. A
    parameter that a loss does not reach has a gradient of zero.

    module: what is trained; its parameters must lie on their device already. weight_decay: of the matrices.
    clip_norm: largest norm of all gradients together. hidden: the matrices (rows, columns) of ``module`` for Muon; no
    embeddings, whose rows are used one at a time. dtype: of the orthogonalisation; None asks ``orthogonal_dtype``.

    Raises ``ValueError`` when no parameter learns.
    """

    def __init__(
        self,
        module: nn.Module,
        weight_decay: float,
        clip_norm: float,
        hidden: Iterable[nn.Parameter] = (),
        dtype: torch.dtype | None = None,
    ) -> None:
        self.module, self._clip_norm = module, clip_norm
        learning = [p for p in module.parameters() if p.requires_grad]
        if not learning:
            raise ValueError("no parameter requires a gradient: everything is frozen, so there is nothing to train")
        device = learning[0].device
        hidden_ids = {id(p) for p in hidden}
        self._hidden = [p for p in learning if id(p) in hidden_ids]
        others = [p for p in learning if id(p) not in hidden_ids]
        self._kinds = [[p for p in others if p.ndim >= 2], [p for p in others if p.ndim < 2]]
        # Hidden matrices of one shape lie together, then all that decay, then all that do not.
        by_shape = sorted(self._hidden, key=lambda p: tuple(p.shape))
        self.flat = FlatParameters([*by_shape, *self._kinds[0], *self._kinds[1]])
        self._stacks, first = [], 0
        for _, members in groupby(by_shape, key=lambda p: tuple(p.shape)):
            last = first + len(list(members))
            self._stacks.append((first, last))
            first = last
        self.gradients = self.flat.collect_gradients()
        self._gradient_places = [(p, p.grad.data_ptr()) for p in self.flat.parameters]
        # Laid out as the weights: AdamW's two moments; for hidden matrices the first is the momentum of Muon.
        self._first_moment, self._second_moment = (torch.zeros_like(self.flat.values) for _ in range(2))
        self.muon = None
        if self._hidden:
            weights, momenta = self._stacked(self.flat.values), self._stacked(self._first_moment)
            self.muon = GuardedMuon(weights, momenta, weight_decay, dtype or orthogonal_dtype(device))
        self._adamw_parts = self._cut_for_adamw(first, weight_decay)
        self.first_bad = torch.full((), -1, dtype=torch.long, device=device)

    @torch.no_grad()
    def step(self, loss: Tensor, step: int, learning_rate: float) -> Tensor:
        """Update by the gradients of ``loss``, and set them to zero; returns their norm before clipping (0-dim)."""
        if any(p.grad is None or p.grad.data_ptr() != place for p, place in self._gradient_places):
            raise RuntimeError(
                "a parameter's gradient is not the one that this optimizer made for it; leave gradients and types as "
                "they are between two steps (no zero_grad, no .to), step() sets gradients to zero"
            )
        norm = self.gradients.norm()
        bad = ~(torch.isfinite(loss.detach()) & torch.isfinite(norm))
        self.first_bad = torch.where((self.first_bad < 0) & bad, step, self.first_bad)
        keep = (self.first_bad < 0).to(norm.dtype)
        self.gradients.mul_((self._clip_norm / (norm + 1e-6)).clamp_max(1.0))
        # Set by a gradient scaler as a rule: the fused step looks at it on the device and then does nothing.
        found_inf = (self.first_bad >= 0).float()
        for part in self._adamw_parts:
            # torch's step without its class, which imports its compiler: two seconds and 70 MB of every start.
            adamw(
                [part.values], [part.gradients], [part.first_moment], [part.second_moment], [], [part.steps],
                fused=True, capturable=part.values.is_cuda, found_inf=found_inf, amsgrad=False, beta1=_BETAS[0],
                beta2=_BETAS[1], lr=learning_rate, weight_decay=part.decay, eps=_EPSILON, maximize=False,
            )  # fmt: skip
        if self.muon is not None:
            self.muon.step(self._stacked(self.gradients), learning_rate, keep)
        self.gradients.zero_()
        return norm

    def _stacked(self, flat: Tensor) -> list[Tensor]:
        """Hidden matrices of one shape each (N, rows, columns), of a tensor that is laid out as the weights."""
        return [self.flat.stack(flat, *stack) for stack in self._stacks]

    def _cut_for_adamw(self, first: int, weight_decay: float) -> list[_AdamwPart]:
        """All parameters from number ``first`` on: those that decay and those that do not, as far as there are any."""
        parts = []
        laid_out = (self.flat.values, self.gradients, self._first_moment, self._second_moment)
        for kind, decay in zip(self._kinds, (weight_decay, 0.0), strict=True):
            if kind:
                last = first + len(kind)
                views = (self.flat.part(flat, first, last) for flat in laid_out)
                parts.append(_AdamwPart(*views, torch.zeros((), device=self.gradients.device), decay))
                first = last
        return parts

    def _moments(self) -> dict[str, dict[int, dict[str, Tensor]]]:
        """Of "adamw" and "muon": number of the parameter among theirs -> what is remembered of it, by name; views."""
        place = {id(p): number for number, p in enumerate(self.flat.parameters)}
        first, second = self.flat.split(self._first_moment), self.flat.split(self._second_moment)
        others = [place[id(p)] for kind in self._kinds for p in kind]
        hidden = [place[id(p)] for p in self._hidden]
        return {
            "adamw": {n: {"exp_avg": first[i], "exp_avg_sq": second[i]} for n, i in enumerate(others)},
            "muon": {n: {"momentum_buffer": first[i]} for n, i in enumerate(hidden)},
        }

    def state_dict(self) -> dict:
        """Moments and step counts of each parameter as ``torch.optim.AdamW`` names them, of Muon under "muon"."""
        moments = self._moments()
        adamw_state = moments["adamw"].items()
        state: dict = {"state": {n: {"step": self._adamw_parts[0].steps, **moment} for n, moment in adamw_state}}
        return state | ({} if self.muon is None else {"muon": {"state": moments["muon"]}})

    def load_state_dict(self, state: dict) -> None:
        """Go on from what ``state_dict`` gave, or from what ``torch.optim.AdamW`` and ``torch.optim.Muon`` gave.

        A parameter that the state says nothing of begins with zeros, as in torch one that no gradient reached. Raises
        ``CheckpointError`` when Muon was used there and not here, or the other way round, or for parameters that are
        not here or of another shape.
        """
        kinds = ("AdamW alone", "AdamW and Muon")
        found, expected = "muon" in state, self.muon is not None
        if found != expected:
            raise CheckpointError(
                f"the checkpoint was trained with {kinds[found]}, this version trains with {kinds[expected]}; go on "
                "with the version that wrote it, or start a new run"
            )
        moments = self._moments()
        _take_over(moments["adamw"], state["state"])
        if found:
            _take_over(moments["muon"], state["muon"]["state"])
        taken = max((float(part["step"]) for part in state["state"].values()), default=0.0)
        for part in self._adamw_parts:
            part.steps.fill_(taken)


def _take_over(own: dict[int, dict[str, Tensor]], saved: dict[int, dict[str, Tensor]]) -> None:
    """Copy saved moments into one's own; zeros where nothing is saved: torch has none of what no gradient reached."""
    foreign = [
        number
        for number, parts in saved.items()
        if number not in own
        or any(name not in parts or parts[name].shape != value.shape for name, value in own[number].items())
    ]
    if foreign:
        raise CheckpointError(
            f"the optimizer's state of parameters {foreign[:8]} in the checkpoint fits none of this network; go on "
            "with the version that wrote it, or start a new run"
        )
    for number, parts in own.items():
        for name, value in parts.items():
            if number in saved:
                value.copy_(saved[number][name])
            else:
                value.zero_()


class WeightAverage:
    """Exponential moving average of the weights that an optimizer changes (Polyak & Juditsky 1992), in ``module``.

    module: a copy of the optimizer's, which is what is validated and used. updates: how many there were; the first
    copies. decay: share of the former average that stays.
    """

    def __init__(self, optimizer: GuardedOptimizer, decay: float) -> None:
        self.module, self.updates = copy.deepcopy(optimizer.module).requires_grad_(False), 0
        self._decay, self._source = decay, optimizer.flat
        names = {id(p): name for name, p in optimizer.module.named_parameters()}
        own = dict(self.module.named_parameters())
        self._flat = FlatParameters([own[names[id(p)]] for p in optimizer.flat.parameters])

    @torch.no_grad()
    def update(self) -> None:
        """Take in the present weights."""
        self._flat.values.lerp_(self._source.values, 1.0 if self.updates == 0 else 1 - self._decay)
        self.updates += 1
