"""AdamW and Muon that never take a step on numbers that are not finite, and never wait for the device to find out."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from har.run.checkpoint import CheckpointError


class GuardedOptimizer:
    """AdamW with gradient clipping for the parameters of ``module`` that learn, and Muon for its hidden matrices.

    AdamW: Loshchilov & Hutter, ICLR 2019. Muon (Jordan et al. 2024) makes the update of a matrix orthogonal, so that
    rare directions learn as fast as frequent ones; it is scaled to the size of AdamW's steps and shares their learning
    rate (Liu et al., arXiv 2502.16982, equation 4). Weight decay acts on matrices only; biases, norms and scales are
    free of it. A step whose loss or gradient is not finite changes nothing, nor does any after it; ``first_bad``
    (0-dim, on the device) holds the number of that step, -1 as long as there is none. The caller reads it whenever it
    may wait for the device.

    module: what is trained; its parameters must lie on their device already. weight_decay: of the matrices.
    clip_norm: largest norm of all gradients together. hidden: the matrices (rows, columns) of ``module`` for Muon; no
    embeddings, whose rows are used one at a time.

    Raises ``ValueError`` when no parameter learns.
    """

    def __init__(
        self, module: nn.Module, weight_decay: float, clip_norm: float, hidden: Iterable[nn.Parameter] = ()
    ) -> None:
        self._learning = [p for p in module.parameters() if p.requires_grad]
        if not self._learning:
            raise ValueError("no parameter requires a gradient: everything is frozen, so there is nothing to train")
        self._clip_norm = clip_norm
        hidden_ids = {id(p) for p in hidden}
        self._hidden = [p for p in self._learning if id(p) in hidden_ids]
        others = [p for p in self._learning if id(p) not in hidden_ids]
        groups = [
            {"params": [p for p in others if p.ndim >= 2], "weight_decay": weight_decay},
            {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
        ]
        self.adamw = torch.optim.AdamW([group for group in groups if group["params"]], fused=True)
        # Set by a gradient scaler as a rule: the fused step looks at found_inf on the device and then does nothing.
        self.adamw.grad_scale = None
        self.muon = None
        if self._hidden:
            self.muon = torch.optim.Muon(self._hidden, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
            for matrix in self._hidden:
                self.muon.state[matrix]["momentum_buffer"] = torch.zeros_like(matrix)
        self.first_bad = torch.full((), -1, dtype=torch.long, device=self._learning[0].device)

    def step(self, loss: Tensor, step: int, learning_rate: float) -> Tensor:
        """Propagate ``loss`` back and update; returns the norm of the gradient before clipping (0-dim)."""
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self._learning, self._clip_norm)
        bad = ~(torch.isfinite(loss.detach()) & torch.isfinite(norm))
        self.first_bad = torch.where((self.first_bad < 0) & bad, step, self.first_bad)
        self.adamw.found_inf = (self.first_bad >= 0).float()
        for group in [*self.adamw.param_groups, *([] if self.muon is None else self.muon.param_groups)]:
            group["lr"] = learning_rate
        self.adamw.step()
        if self.muon is not None:
            self._muon_step()
        for parameter in self._learning:
            parameter.grad = None
        return norm.detach()

    @torch.no_grad()
    def _muon_step(self) -> None:
        """Muon knows no found_inf: what it changed is taken back on the device after a bad step."""
        changed = [*self._hidden, *(self.muon.state[matrix]["momentum_buffer"] for matrix in self._hidden)]
        before = [value.clone() for value in changed]
        self.muon.step()
        for value, old in zip(changed, before, strict=True):
            value.copy_(torch.where(self.first_bad >= 0, old, value))

    def state_dict(self) -> dict:
        """Moments and step counts as ``torch.optim.AdamW`` saves them, those of Muon under "muon" where it is used."""
        return self.adamw.state_dict() | ({} if self.muon is None else {"muon": self.muon.state_dict()})

    def load_state_dict(self, state: dict) -> None:
        """Go on from what ``state_dict`` gave.

        Raises ``CheckpointError`` when Muon was used there and not here, or the other way round.
        """
        kinds = ("AdamW alone", "AdamW and Muon")
        found, expected = "muon" in state, self.muon is not None
        if found != expected:
            raise CheckpointError(
                f"the checkpoint was trained with {kinds[found]}, this version trains with {kinds[expected]}; go on "
                "with the version that wrote it, or start a new run"
            )
        self.adamw.load_state_dict({name: part for name, part in state.items() if name != "muon"})
        if self.muon is not None:
            self.muon.load_state_dict(state["muon"])
