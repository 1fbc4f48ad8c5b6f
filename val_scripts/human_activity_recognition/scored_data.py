"""What the evaluation scripts are asked for: a device, and prepared datasets that the model has not seen."""

from collections.abc import Sequence
from pathlib import Path

import torch

from har.recordings.format import Dataset, prepared_datasets, read_dataset
from har.run.folder import repository_root


class EvaluationError(ValueError):
    """What was asked for cannot be evaluated."""


def choose_device(name: str) -> torch.device:
    """The device of that name; "auto" is the GPU if there is one. Raises ``EvaluationError`` when there is none."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise EvaluationError(f"--device {name}: no device of this name; give auto, cpu, cuda or cuda:N") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise EvaluationError(f"--device {name}: there is no CUDA device here; give auto or cpu")
    return device


def open_datasets(
    names: Sequence[str], data: Path | None, trained_on: Sequence[str], remedy: str = ""
) -> list[Dataset]:
    """The datasets asked for, all checked before any is scored.

    data: their folder, None for ``data/`` of the repository. trained_on: datasets that are refused. remedy: what else
    can be done about it. Raises ``EvaluationError`` for a name given twice, not prepared or trained on.
    """
    root = data or repository_root() / "data"
    if len(set(names)) != len(names):
        raise EvaluationError(f"--datasets {' '.join(names)} names a dataset twice; name each once")
    prepared = prepared_datasets(root)
    if absent := [name for name in names if name not in prepared]:
        raise EvaluationError(
            f"{', '.join(absent)}: not prepared under {root}, which holds {', '.join(prepared) or 'no dataset'}; "
            "prepare_data.py convert makes dataset folders, --data names another place"
        )
    if seen := [name for name in names if name in trained_on]:
        raise EvaluationError(
            f"the model was trained on {', '.join(seen)}, so this would be no score of an unseen dataset; give a "
            f"checkpoint that held it out{remedy}"
        )
    return [read_dataset(root / name) for name in names]
