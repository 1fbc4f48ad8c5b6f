"""What training saved, as a model and a label bank again."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from har.files.home import expand_home
from har.network.alignment import AlignmentModel
from har.network.config import NetworkConfig
from har.network.upgrade import CHECKPOINT_FORMAT, upgraded
from har.run.checkpoint import CheckpointError, load_checkpoint
from har.run.device import usable_device
from har.run.folder import RecordError, read_json, read_yaml, resolve_cache
from har.text.encoder import SentenceEncoder
from har.text.label_bank import LearnableLabelBank
from har.weights.released import released_checkpoint, released_names

# What a checkpoint must hold to be used.
_NEEDED_PRETRAINED = {
    "model": dict, "decoder": dict, "network": dict, "placements": list, "datasets": list, "text_encoder": str,
}  # fmt: skip
_NEEDED = {
    "model": dict, "label_bank": dict, "network": dict, "bank": dict, "placements": list, "labels": list,
    "datasets": list, "text_encoder": str,
}  # fmt: skip


def load_model(
    checkpoint_path: str | Path = "default", device: str | torch.device = "cpu"
) -> tuple[AlignmentModel, dict, Path]:
    """Load ``best.pt`` or ``epoch_*.pt`` of a semantic-alignment run, or a released model by its name.

    Returns the model in evaluation mode on ``device``, the checkpoint (plain values and CPU tensors), and the path of
    the run's ``hyperparameters.json``. Weights are the averaged ones that were validated. Placements that were not in
    training are encoded when ``model.embed`` meets one.

    Raises ``CheckpointError`` for a missing or damaged file, a file that is no alignment checkpoint or holds pickled
    objects (they are never run), a format or architecture that this code does not know, or a damaged
    ``hyperparameters.json``; ``FileNotFoundError`` when that does not lie beside it; ``ValueError`` for a device that
    is none or not there.
    """
    expected = "best.pt or epoch_*.pt of semantic_alignment_train.py"
    return _load(checkpoint_path, device, _NEEDED, expected, "hyperparameters.json")


def load_pretrained_model(checkpoint_path: str | Path, device: str | torch.device) -> tuple[AlignmentModel, dict, Path]:
    """The same for a checkpoint of pretrain.py, whose record of constants is ``config.yaml``.

    Its embeddings belong to no text: there is no label bank, they are for probes, neighbours and a start of training.
    """
    expected = "best.pt, latest.pt or checkpoint_epoch_*.pt of pretrain.py"
    return _load(checkpoint_path, device, _NEEDED_PRETRAINED, expected, "config.yaml")


def load_any_model(checkpoint_path: str | Path, device: str | torch.device) -> tuple[AlignmentModel, dict, Path]:
    """``load_pretrained_model`` or ``load_model``, whichever the checkpoint is for."""
    load = load_pretrained_model if "decoder" in load_checkpoint(checkpoint_at(checkpoint_path)) else load_model
    return load(checkpoint_path, device)


def checkpoint_at(name: str | Path) -> Path:
    """The file of a released model, or the path itself."""
    return released_checkpoint(str(name)) if str(name) in released_names() else expand_home(name)


def _load(
    name: str | Path, device: str | torch.device, needed: Mapping[str, type], expected: str, record: str
) -> tuple[AlignmentModel, dict, Path]:
    device = usable_device(device)
    path = checkpoint_at(name)
    checkpoint = load_checkpoint(path)
    _require(checkpoint, needed, path, expected)
    return _build(checkpoint, path, record, device)


def _require(checkpoint: dict, needed: Mapping[str, type], path: Path, expected: str) -> None:
    missing = [key for key in needed if key not in checkpoint]
    if missing:
        raise CheckpointError(f"{path} holds {_shown(checkpoint)} but no {missing}; expected {expected}")
    for key, kind in needed.items():
        if not isinstance(checkpoint[key], kind):
            raise CheckpointError(
                f"{path}: {key} is a {type(checkpoint[key]).__name__}, not a {kind.__name__}; expected {expected}"
            )
        if kind is list and not all(isinstance(name, str) for name in checkpoint[key]):
            raise CheckpointError(f"{path}: {key} holds other things than names; expected {expected}")


def _shown(checkpoint: dict) -> list[str]:
    return sorted(map(str, checkpoint))[:12]


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
        model = AlignmentModel(NetworkConfig.from_dict(checkpoint["network"]), checkpoint["placements"])
    except (ValueError, TypeError, ArithmeticError, RuntimeError) as error:  # values of another kind or size
        raise CheckpointError(f"{path}: no network can be built from what it says ({error})") from error
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
    where = "the label bank" if hyperparams_path is None else f"the label bank of {Path(hyperparams_path).parent}"
    if "label_bank" not in checkpoint or "bank" not in checkpoint:
        raise CheckpointError(
            f"the checkpoint holds {_shown(checkpoint)} but no label bank; pass what load_model returned"
        )
    device = usable_device(device)
    try:
        bank = LearnableLabelBank(**checkpoint["bank"])
    except (TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        raise CheckpointError(f"{where} was written by another version of the architecture: {error}") from error
    _load_strictly(bank, checkpoint["label_bank"], where)
    bank.attach(_sentence_encoder(checkpoint["text_encoder"], hyperparams_path))
    return bank.to(device).eval()


def _sentence_encoder(name: str, hyperparams_path: str | Path | None) -> SentenceEncoder:
    """Costs nothing until it is asked for a text that its cache does not hold."""
    cache = None
    if hyperparams_path is not None:
        read = read_json if Path(hyperparams_path).suffix == ".json" else read_yaml
        try:
            constants = read(hyperparams_path, "copy it from its run again")
        except RecordError as error:
            raise CheckpointError(str(error)) from error
        cache = constants.get("TEXT_CACHE")
        if not isinstance(cache, str | None):
            raise CheckpointError(f"{hyperparams_path}: TEXT_CACHE is {cache!r}; expected the path of a folder")
    return SentenceEncoder(name, None if cache is None else resolve_cache(cache))


def _load_strictly(module: nn.Module, weights: dict, where: str | Path) -> None:
    # Copying would round them without a word.
    for name, own in module.state_dict().items():
        weight = weights.get(name)
        if isinstance(weight, Tensor) and isinstance(own, Tensor) and weight.dtype != own.dtype:
            raise CheckpointError(f"{where}: {name} is {weight.dtype}; expected {own.dtype}, as it was trained")
    try:
        module.load_state_dict(weights)
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:  # the last two: what is no tensor
        raise CheckpointError(
            f"{where}: the weights belong to another architecture than the checkpoint says ({error})"
        ) from error
