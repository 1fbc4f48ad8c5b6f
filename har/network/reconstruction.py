"""Learning from recordings without labels: what is hidden from the encoder is drawn by a decoder.

As in masked autoencoders (He et al., CVPR 2022) the encoder sees nothing in place of a hidden patch: to it the samples
are missing, as in any recording with gaps, so that nothing changes when the decoder is thrown away. The decoder is
small, sees the encoder's tokens and one learned token in place of every hidden patch, and has to say what was there.

What is to be reconstructed of a patch are its samples and, if wished, its log power spectrum. Samples hold where
gravity points and how strong the movement is. But of a hidden second of walking nobody can know to a tenth of a second
when the foot touches down: the best guess of its samples is their mean, which teaches nothing about the movement. Its
spectrum can be known.

Shape letters: B batch, S sensor, P patch, T sample, L samples in a patch, F frequencies (0 without spectra), D width.
"""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from har.layers.blocks import TransformerBlock
from har.network.alignment import AlignmentModel
from har.network.config import NetworkConfig
from har.network.encoder import Embeddings, IMUEncoder
from har.network.patches import time_table
from har.network.upgrade import upgraded
from har.run.checkpoint import CheckpointError, load_checkpoint
from har.run.constants import difference
from har.signal.channels import SENSOR_KINDS
from har.windows.batch import SensorWindows


class Reconstruction(NamedTuple):
    """patches (B, P, L + F, S x 3) like `patch_targets`; embeddings of what was visible."""

    patches: Tensor
    embeddings: Embeddings


class PatchDecoder(nn.Module):
    """Tokens of the visible patches -> samples of all patches."""

    def __init__(self, config: NetworkConfig, width: int, depth: int, spectra: bool) -> None:
        super().__init__()
        self.project = nn.Linear(config.width, width)
        self.hidden_token = nn.Parameter(torch.zeros(width))
        self.kind = nn.Embedding(len(SENSOR_KINDS), width)
        self.placement = nn.Linear(config.text_width, width)
        self.register_buffer("time", time_table(config.patches, config.patch_s, width), persistent=False)
        heads = max(1, width // (config.width // config.heads))  # heads as wide as the encoder's
        if width % heads:
            raise ValueError(
                f"decoder width {width} is not divisible by its {heads} heads, which are as wide as the encoder's "
                f"({config.width // config.heads}); give a multiple of that"
            )
        self.blocks = nn.ModuleList(TransformerBlock(width, heads, config.mlp_ratio, 0.0) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.to_targets = nn.Linear(width, 3 * (config.patch_length + spectra * frequencies(config)))

    def forward(
        self, tokens: Tensor, visible: Tensor, hidden: Tensor, windows: SensorWindows, placement_text: Tensor
    ) -> Tensor:
        """tokens (B, S, P + 1, D) and visible (B, S, P + 1) as from ``IMUEncoder.contextual``; hidden (B, S, P).

        Returns (B, P, L + F, S x 3), the axes of sensor s at 3 s, 3 s + 1, 3 s + 2.
        """
        batch, sensors, count, _ = tokens.shape
        inputs = torch.where(visible.unsqueeze(-1), self.project(tokens), self.hidden_token)
        about = self.kind(windows.kind) + self.placement(placement_text)
        inputs = inputs + about.unsqueeze(2)
        inputs = torch.cat([inputs[:, :, :-1] + self.time, inputs[:, :, -1:]], dim=2)
        # Masks may reach over what was never measured: a sensor that a window lacks must not change its patches.
        mask = visible.clone()
        mask[:, :, :-1] |= hidden & windows.valid.unflatten(2, (count - 1, -1)).any(3)
        flat, mask = inputs.flatten(1, 2), mask.flatten(1, 2)
        for block in self.blocks:
            flat = block(flat, mask)
        targets = self.to_targets(self.norm(flat)).view(batch, sensors, count, -1, 3)[:, :, :-1]
        return targets.permute(0, 2, 3, 1, 4).flatten(3)


class MaskedAutoencoder(nn.Module):
    """The model whose encoder is to be trained, and the decoder that trains it.

    spectra: reconstruct the spectrum of each patch beside its samples.
    """

    def __init__(self, model: AlignmentModel, decoder_width: int, decoder_depth: int, spectra: bool) -> None:
        super().__init__()
        self.model, self.spectra = model, spectra
        self.decoder = PatchDecoder(model.config, decoder_width, decoder_depth, spectra)

    def forward(self, windows: SensorWindows, hidden: Tensor) -> Reconstruction:
        """hidden (B, S, P) bool: patches that the encoder does not see."""
        placement_text = self.model.placement_table[windows.placement]
        seen = hide(windows, hidden)
        tokens, visible = self.model.encoder.contextual(seen, placement_text)
        patches = self.decoder(tokens, visible, hidden, windows, placement_text)
        return Reconstruction(patches, self.model.encoder.summarise(tokens, visible))


def hide(windows: SensorWindows, hidden: Tensor) -> SensorWindows:
    """The windows without the samples of the hidden patches (B, S, P): missing, like those of a gap."""
    samples = hidden.repeat_interleave(windows.valid.shape[2] // hidden.shape[2], dim=2)
    return windows.replace(signal=windows.signal.masked_fill(samples.unsqueeze(2), 0.0), valid=windows.valid & ~samples)


def patch_targets(windows: SensorWindows, model: AlignmentModel, spectra: bool) -> tuple[Tensor, Tensor]:
    """What there is to be reconstructed: (B, P, L + F, S x 3), and where it was measured throughout (B, P, S x 3).

    The first L are the samples, divided by the typical magnitude of their kind as on the encoder's own input. The other
    F are their log power spectrum without the mean, scaled to about one unit between a wearer at rest and one who runs.
    """
    config = model.config
    signal = windows.signal / model.encoder.tokens.typical[windows.kind][..., None, None]
    targets = signal.unflatten(3, (config.patches, config.patch_length))  # (B, S, 3, P, L)
    if spectra:
        centred = targets - targets.mean(4, keepdim=True)
        power = torch.fft.rfft(centred.float(), dim=4).abs().square()[..., 1 : 1 + frequencies(config)]
        targets = torch.cat([targets, torch.log(power / config.patch_length + 1e-4) / 5 + 1], dim=4)
    measured = windows.valid.unflatten(2, (config.patches, config.patch_length)).all(3)
    return targets.permute(0, 3, 4, 1, 2).flatten(3), measured.transpose(1, 2).repeat_interleave(3, dim=2)


def frequencies(config: NetworkConfig) -> int:
    """F, frequencies above 0 in the spectrum of a patch."""
    return config.patch_length // 2


def load_pretrained_encoder(encoder: IMUEncoder, path: str | Path) -> None:
    """Give ``encoder`` the weights of stage 1, all of them.

    path: any checkpoint of pretrain.py. Raises ``CheckpointError`` when it is something else, or when its network is
    built otherwise; the message lists what differs. Dropout has no weights and may differ.
    """
    state = load_checkpoint(path)
    if not {"decoder", "network", "model"} <= state.keys():
        raise CheckpointError(
            f"{path} holds {sorted(state)[:12]}; expected best.pt, latest.pt or checkpoint_epoch_*.pt of pretrain.py"
        )
    if lines := difference(encoder.config.to_dict(), state["network"], free=("dropout",)):
        raise CheckpointError(
            f"{path} was pretrained with another network; give both scripts the same constants or pretrain anew:\n  "
            + "\n  ".join(lines)
        )
    state = upgraded(state)
    prefix = "encoder."
    weights = {name.removeprefix(prefix): w for name, w in state["model"].items() if name.startswith(prefix)}
    try:
        encoder.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(f"{path}: the weights are of another architecture than it says ({error})") from error
