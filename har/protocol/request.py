"""What evaluations are asked for (a checkpoint, a device, datasets that it has not seen), and how they tell of it."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from har.files.home import given_path
from har.recordings.format import Dataset, prepared_datasets, read_dataset
from har.run.folder import repository_root


class EvaluationError(ValueError):
    """What was asked for cannot be evaluated."""


@dataclass(frozen=True)
class Console:
    """Where an evaluation tells what it does; whoever starts one decides.

    tell: takes results, a line or several. complain: takes what went wrong. progress: makes bars, called like ``tqdm``.
    """

    tell: Callable[[str], object]
    complain: Callable[[str], object]
    progress: Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class EvaluationRequest:
    """What every evaluation of a checkpoint is asked for: the options of `evaluation_parser`.

    data: folder of the prepared datasets, None for ``data/`` of the repository. falls: score falls as well.
    """

    checkpoint: Path
    datasets: Sequence[str]
    out: Path
    data: Path | None = None
    device: str = "auto"
    falls: bool = False


def evaluation_parser(description: str | None) -> argparse.ArgumentParser:
    """A command line with what every evaluation is asked for."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True, type=given_path, help="a .pt file in its run folder")
    parser.add_argument("--datasets", required=True, nargs="+", metavar="NAME", help="prepared datasets to score")
    parser.add_argument("--out", required=True, type=given_path, help="folder to write into (made if absent)")
    parser.add_argument("--data", type=given_path, help="folder of the prepared datasets (data/ of the repository)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    parser.add_argument("--falls", action="store_true", help="falls as well")
    return parser


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
