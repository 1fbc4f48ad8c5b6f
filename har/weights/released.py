"""Where the released models lie: a folder each, with the weights and the records that training left beside them."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent
WEIGHTS, CONSTANTS, CARD = "model.pt", "hyperparameters.json", "card.json"


def released_names() -> list[str]:
    """Names of the models that ``load_model`` finds without a path."""
    return sorted(path.parent.name for path in FOLDER.glob(f"*/{WEIGHTS}"))


def released_checkpoint(name: str) -> Path:
    """The checkpoint of a released model. Raises ``FileNotFoundError`` that says which there are."""
    path = FOLDER / name / WEIGHTS
    if name not in released_names():
        raise FileNotFoundError(
            f"no released model {name!r}; there are {', '.join(released_names()) or 'none'} in {FOLDER}. Give one of "
            "these, or the path of a checkpoint"
        )
    return path
