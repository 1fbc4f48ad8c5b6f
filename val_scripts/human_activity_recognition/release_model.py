"""Make of a trained checkpoint a model that others load by its name, and the tables of its card.

    python val_scripts/human_activity_recognition/release_model.py \\
        --checkpoint training_output/semantic_alignment/20260131_120000/best.pt --out har/weights/default \\
        --scores evaluation/results.json

Written to the folder of --out: model.pt (weights, labels, the embeddings of these and of the default vocabulary;
nothing of the training), hyperparameters.json and card.json, with what it was trained on and what it reaches. The
README.md beside that folder, if there is one, gets its tables anew. --scores is what evaluate_zero_shot.py wrote.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from har.files.home import given_path
from har.network.release import release
from har.recognition.vocabulary import EVERYDAY_LABELS
from har.recordings.format import Dataset, read_dataset
from har.run.checkpoint import load_checkpoint
from har.run.ending import exit_status
from har.run.folder import resolve_under_root, write_atomically, write_json
from har.weights.card import fill_card, score_table, training_table
from har.weights.released import CARD, CONSTANTS, WEIGHTS


def main(argv: Sequence[str] | None = None) -> int:
    """Release as the command line says; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True, type=given_path, help="best.pt or epoch_*.pt in its run folder")
    parser.add_argument("--out", required=True, type=given_path, help="folder to write into (made if absent)")
    parser.add_argument("--scores", type=given_path, help="results.json of datasets that the model has not seen")
    parser.add_argument("--data", type=given_path, help="folder of the training datasets (data/ of the repository)")
    arguments = parser.parse_args(argv)
    return exit_status(partial(release_model, arguments), print, partial(print, file=sys.stderr))


def release_model(arguments: argparse.Namespace) -> None:
    out, data = arguments.out.resolve(), arguments.data or resolve_under_root("data")
    scores = {} if arguments.scores is None else scores_of(arguments.scores)
    state = load_checkpoint(arguments.checkpoint)
    if seen := [name for name in scores if name in state["datasets"]]:
        raise ValueError(f"{arguments.scores} scores {', '.join(seen)}, which the model was trained on; leave it out")
    out.mkdir(parents=True, exist_ok=True)
    release(arguments.checkpoint, out / WEIGHTS, out / CONSTANTS, EVERYDAY_LABELS)
    card = {
        "weights_sha256": hashlib.sha256((out / WEIGHTS).read_bytes()).hexdigest(),
        "steps": state["step"],
        "labels": state["labels"],
        "vocabulary": list(EVERYDAY_LABELS),
        "trained_on": [facts_of(read_dataset(data / name)) for name in state["datasets"]],
        "scores": scores,
    }
    write_json(out / CARD, card)
    text = out.parent / "README.md"
    if text.is_file():
        tables = {"training": training_table(card["trained_on"]), "scores": score_table(scores)}
        write_atomically(text, fill_card(text.read_text(encoding="utf-8"), tables))
    print(f"{(out / WEIGHTS).stat().st_size / 1e6:.1f} MB of weights, constants and {CARD}: {out}")


def facts_of(dataset: Dataset) -> dict:
    streams = dataset.streams.values()
    seconds = sum(float((s.segments.stop - s.segments.start).sum()) / s.info.sampling_rate_hz for s in streams)
    return {
        "name": dataset.name, "title": dataset.title, "licence": dataset.licence, "source_url": dataset.source_url,
        "people": len(dataset.subjects), "hours": round(seconds / 3600, 2), "activities": len(dataset.labels),
        "placements": sorted({stream.info.placement for stream in streams}),
    }  # fmt: skip


def scores_of(path: Path) -> dict:
    """Dataset -> what the card tells of it, from a ``results.json``; raises ``ValueError`` for another file."""
    try:
        results = json.loads(path.read_text(encoding="utf-8"))["datasets"]
        return {
            name: {
                "people": of["people"],
                "activities": len(of["labels"]),
                **{key: _score(of if key == "window" else of["context"]) for key in ("window", "context")},
            }
            for name, of in results.items()
        }
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(
            f"{path} is no results.json of evaluate_zero_shot.py with --context ({type(error).__name__}: {error})"
        ) from error


def _score(of: dict) -> dict:
    closed = of["closed_set"]
    interval = (closed.get("intervals") or {}).get("macro_f1")
    return {"macro_f1": closed["macro_f1"], "accuracy": closed["accuracy"], "interval": interval}


if __name__ == "__main__":
    sys.exit(main())
