"""A trained checkpoint as one that is given to others: what using it takes and nothing of its training."""

from collections.abc import Sequence
from pathlib import Path

from har.network.loading import checkpoint_at, load_label_bank, load_model
from har.run.checkpoint import CheckpointError, load_checkpoint, plain_state_dict, save_checkpoint
from har.run.folder import write_json
from har.text.calibration import Calibration
from har.weights.released import CARD

# What a checkpoint keeps: the weights, what they are of, what they were trained on.
KEPT = (
    "format", "network", "bank", "placements", "labels", "text_encoder", "window_s", "stride_s", "min_window_s", "step",
    "datasets",
)  # fmt: skip
TEXT_CACHE = ".cache/text"  # of whoever uses it, as that of the training script
# Constants that name places on one machine; the others tell people how it was trained.
_PLACES = ("DATA_ROOT", "OUTPUT_ROOT", "TEXT_CACHE", "RESUME", "PRETRAINED_ENCODER", "TEACHERS", "DEVICE")


def release(checkpoint: Path, weights: Path, constants: Path, vocabulary: Sequence[str]) -> None:
    """Write a checkpoint of a semantic-alignment run without its training, and the constants of that.

    vocabulary: labels whose embeddings are stored beside those of training, so that naming them takes no text encoder.
    Raises as ``load_model`` does.
    """
    model, state, record = load_model(checkpoint, "cpu")
    bank = load_label_bank(state, "cpu", record)
    bank.remember([*state["labels"], *vocabulary])
    own = {key: state[key] for key in KEPT if key in state}
    told = {name: value for name, value in state["constants"].items() if name not in _PLACES}
    write_json(constants, told | {"TEXT_CACHE": TEXT_CACHE})
    save_checkpoint(weights, own | {"model": plain_state_dict(model), "label_bank": plain_state_dict(bank)})


def store_calibration(checkpoint: str | Path, calibration: Calibration) -> None:
    """Put a calibration into a checkpoint; all else in it stays.

    Raises as ``load_checkpoint`` does, and ``CheckpointError`` for one without a label bank and for a released model,
    whose file its card vouches for.
    """
    path = calibratable(checkpoint)
    state = load_checkpoint(path)
    stored = state.get("label_bank", {}).get("_extra_state")
    if stored is None:
        raise CheckpointError(f"{path} holds no label bank; give a checkpoint of semantic_alignment_train.py")
    stored["calibration"] = calibration.to_dict()
    save_checkpoint(path, state)


def calibratable(checkpoint: str | Path) -> Path:
    """The path of a checkpoint whose calibration may be changed; ``CheckpointError`` for a released model."""
    path = checkpoint_at(checkpoint)
    if (path.parent / CARD).is_file():
        raise CheckpointError(
            f"{path} is a released model, whose card tells the digest of its file; calibrate the best.pt of its run "
            "and release that again with release_model.py"
        )
    return path
