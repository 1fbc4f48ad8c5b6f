"""What training saved, as a model and a label bank again."""

import json
from pathlib import Path

import torch
import yaml
from torch import nn

from har.files.home import expand_home
from har.network.alignment import AlignmentModel
from har.network.config import NetworkConfig
from har.network.upgrade import CHECKPOINT_FORMAT, upgraded
from har.run.checkpoint import CheckpointError, load_checkpoint
from har.run.folder import resolve_cache
from har.text.encoder import SentenceEncoder
from har.text.label_bank import LearnableLabelBank

_NEEDED_PRETRAINED = ("model", "decoder", "network", "placements", "datasets", "text_encoder")
_NEEDED = ("model", "label_bank", "network", "bank", "placements", "labels", "datasets", "text_encoder")


def load_model(checkpoint_path: str | Path, device: str | torch.device) -> tuple[AlignmentModel, dict, Path]:
    """Load ``best.pt`` or ``epoch_*.pt`` of a semantic-alignment run.

    Returns the model in evaluation mode on ``device``, the checkpoint (plain values and CPU tensors), and the path of
    the run's ``hyperparameters.json``. Weights are the averaged ones that were validated. Placements that were not in
    training are encoded when ``model.embed`` meets one.

    Raises ``CheckpointError`` for a missing or damaged file, a file that is no alignment checkpoint or holds pickled
    objects (they are never run), a format or architecture that this code does not know, or a damaged
    ``hyperparameters.json``; ``FileNotFoundError`` when that does not lie beside it.
    """
    path = expand_home(checkpoint_path)
    checkpoint = load_checkpoint(path)
    _require(checkpoint, _NEEDED, path, "best.pt or epoch_*.pt of semantic_alignment_train.py")
    return _build(checkpoint, path, "hyperparameters.json", device)


def load_pretrained_model(checkpoint_path: str | Path, device: str | torch.device) -> tuple[AlignmentModel, dict, Path]:
    """The same for a checkpoint of pretrain.py, whose record of constants is ``config.yaml``.

    Its embeddings belong to no text: there is no label bank, they are for probes, neighbours and a start of training.
    """
    path = expand_home(checkpoint_path)
    checkpoint = load_checkpoint(path)
    _require(checkpoint, _NEEDED_PRETRAINED, path, "best.pt, latest.pt or checkpoint_epoch_*.pt of pretrain.py")
    return _build(checkpoint, path, "config.yaml", device)


def load_any_model(checkpoint_path: str | Path, device: str | torch.device) -> tuple[AlignmentModel, dict, Path]:
    """``load_pretrained_model`` or ``load_model``, whichever the checkpoint is for."""
    load = load_pretrained_model if "decoder" in load_checkpoint(expand_home(checkpoint_path)) else load_model
    return load(checkpoint_path, device)


def _require(checkpoint: dict, needed: tuple[str, ...], path: Path, expected: str) -> None:
    missing = [key for key in needed if key not in checkpoint]
    if missing:
        raise CheckpointError(f"{path} holds {sorted(checkpoint)[:12]} but no {missing}; expected {expected}")


def _build(checkpoint: dict, path: Path, record: str, device: str | torch.device) -> tuple[AlignmentModel, dict, Path]:
    checkpoint = upgraded(checkpoint)
    if checkpoint.get("format") != CHECKPOINT_FORMAT:
        raise CheckpointError(
            f"{path} has format {checkpoint.get('format')}, this code reads {CHECKPOINT_FORMAT}; use the version that "
            "wrote it"
        )
    hyperparams_path = path.parent / record
    if not hyperparams_path.is_file():
        raise FileNotFoundError(
            f"{hyperparams_path} is missing; keep the checkpoint together with the files of its run folder"
        )
    try:
        config = NetworkConfig.from_dict(checkpoint["network"])
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from error
    model = AlignmentModel(config, checkpoint["placements"])
    _load_strictly(model, checkpoint["model"], path)
    model.sentence_encoder = _sentence_encoder(checkpoint["text_encoder"], hyperparams_path)
    return model.to(device).eval(), checkpoint, hyperparams_path


def load_label_bank(
    checkpoint: dict, device: str | torch.device, hyperparams_path: str | Path | None = None
) -> LearnableLabelBank:
    """The label bank of a loaded checkpoint, in evaluation mode on ``device``.

    Training labels need nothing else; any other string is encoded by the sentence encoder of training when it comes.
    ``hyperparams_path`` (from ``load_model``) tells where that encoder's cache lies; without it texts are encoded anew.

    Raises ``CheckpointError`` for a checkpoint without a label bank or with one of another architecture.
    """
    if "label_bank" not in checkpoint or "bank" not in checkpoint:
        raise CheckpointError(
            f"the checkpoint holds {sorted(checkpoint)[:12]} but no label bank; pass what load_model returned"
        )
    try:
        bank = LearnableLabelBank(**checkpoint["bank"])
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"the label bank was written by another version of the architecture: {error}") from error
    _load_strictly(bank, checkpoint["label_bank"], "the label bank")
    bank.attach(_sentence_encoder(checkpoint["text_encoder"], hyperparams_path))
    return bank.to(device).eval()


def _sentence_encoder(name: str, hyperparams_path: str | Path | None) -> SentenceEncoder:
    """Costs nothing until it is asked for a text that its cache does not hold."""
    cache = None
    if hyperparams_path is not None:
        try:
            text = Path(hyperparams_path).read_text(encoding="utf-8")
            constants = json.loads(text) if Path(hyperparams_path).suffix == ".json" else yaml.safe_load(text)
        except (ValueError, yaml.YAMLError) as error:
            raise CheckpointError(f"{hyperparams_path} is damaged ({error}); copy it from its run again") from error
        if not isinstance(constants, dict):
            raise CheckpointError(f"{hyperparams_path} holds a {type(constants).__name__}; expected a run's constants")
        cache = constants.get("TEXT_CACHE")
    return SentenceEncoder(name, None if cache is None else resolve_cache(cache))


def _load_strictly(module: nn.Module, weights: dict, where: str | Path) -> None:
    try:
        module.load_state_dict(weights)
    except (RuntimeError, ValueError) as error:
        raise CheckpointError(
            f"{where}: the weights belong to another architecture than the checkpoint says ({error})"
        ) from error
