"""AdamW that never takes a step on numbers that are not finite, and never waits for the device to find out."""

import torch
from torch import Tensor, nn


class GuardedAdamW:
    """AdamW (Loshchilov & Hutter, ICLR 2019) with gradient clipping, for the parameters of ``module`` that learn.

    Weight decay acts on matrices only; biases, norms and scales are free of it. A step whose loss or gradient is not
    finite changes nothing, nor does any after it; ``first_bad`` (0-dim, on the device) holds the number of that step,
    -1 as long as there is none. The caller reads it whenever it may wait for the device.

    module: what is trained; its parameters must lie on their device already. weight_decay: of the matrices.
    clip_norm: largest norm of all gradients together.

    Raises ``ValueError`` when no parameter learns.
    """

    def __init__(self, module: nn.Module, weight_decay: float, clip_norm: float) -> None:
        self._learning = [p for p in module.parameters() if p.requires_grad]
        if not self._learning:
            raise ValueError("no parameter requires a gradient: everything is frozen, so there is nothing to train")
        self._clip_norm = clip_norm
        groups = [
            {"params": [p for p in self._learning if p.ndim >= 2], "weight_decay": weight_decay},
            {"params": [p for p in self._learning if p.ndim < 2], "weight_decay": 0.0},
        ]
        self.adamw = torch.optim.AdamW([group for group in groups if group["params"]], fused=True)
        # Set by a gradient scaler as a rule: the fused step looks at found_inf on the device and then does nothing.
        self.adamw.grad_scale = None
        self.first_bad = torch.full((), -1, dtype=torch.long, device=self._learning[0].device)

    def step(self, loss: Tensor, step: int, learning_rate: float) -> Tensor:
        """Propagate ``loss`` back and update; returns the norm of the gradient before clipping (0-dim)."""
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self._learning, self._clip_norm)
        bad = ~(torch.isfinite(loss.detach()) & torch.isfinite(norm))
        self.first_bad = torch.where((self.first_bad < 0) & bad, step, self.first_bad)
        self.adamw.found_inf = (self.first_bad >= 0).float()
        for group in self.adamw.param_groups:
            group["lr"] = learning_rate
        self.adamw.step()
        self.adamw.zero_grad()
        return norm.detach()

    def state_dict(self) -> dict:
        """Moments and step counts, as ``torch.optim.AdamW`` saves them."""
        return self.adamw.state_dict()

    def load_state_dict(self, state: dict) -> None:
        """Go on from what ``state_dict`` gave."""
        self.adamw.load_state_dict(state)
