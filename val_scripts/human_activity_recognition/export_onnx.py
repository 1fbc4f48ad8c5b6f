"""Export a trained network for runtimes without PyTorch, and compare both.

    python val_scripts/human_activity_recognition/export_onnx.py --checkpoint best.pt --out exported
    python exported/recognise_with_onnx.py walk.csv 50 "trouser pocket"         needs onnxruntime and NumPy alone

Written to the folder of --out: model.onnx (free numbers of windows, sensors and samples), vocabulary.json (embeddings
of the labels), recognise_with_onnx.py, parity.json (what the comparison found) and, with --int8, model.int8.onnx.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tqdm import tqdm

from har.export.package import GRAPH, export_package, quantise
from har.export.parity import compare, windows_of_all_layouts
from har.files.home import given_path
from har.network.loading import load_label_bank, load_model
from har.run.ending import exit_status
from har.run.folder import write_json

EXAMPLE = Path(__file__).with_name("recognise_with_onnx.py")
PARITY_WINDOWS = 1000
LARGEST_DISTANCE = 1e-4  # 1 - cosine of what the graph and the network say of the same window


def main(argv: Sequence[str] | None = None) -> int:
    """Export as the command line says; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default="default", help="a .pt file (default: the released model)")
    parser.add_argument("--out", required=True, type=given_path, help="folder to write into (made if absent)")
    parser.add_argument("--labels", nargs="+", metavar="NAME", help="labels to store (default: all that it remembers)")
    parser.add_argument("--int8", action="store_true", help="a graph with weights of eight bits as well")
    parser.add_argument("--windows", type=int, default=PARITY_WINDOWS, metavar="N", help="windows to compare")
    arguments = parser.parse_args(argv)
    return exit_status(partial(export, arguments), print, partial(print, file=sys.stderr))


def export(arguments: argparse.Namespace) -> None:
    if arguments.windows < 1:
        raise ValueError(f"--windows {arguments.windows}; expected 1 at least")
    model, checkpoint, hyperparams_path = load_model(arguments.checkpoint, "cpu")
    bank = load_label_bank(checkpoint, "cpu", hyperparams_path)
    labels = arguments.labels or bank.known_labels()
    out = arguments.out.resolve()
    print("tracing the network, which takes a while", flush=True)
    export_package(model, bank, labels, out, EXAMPLE)
    graphs = [out / GRAPH, *([quantise(out)] if arguments.int8 else [])]
    found = {}
    for graph in graphs:
        windows = windows_of_all_layouts(arguments.windows, model)
        bar = tqdm(windows, total=arguments.windows, desc=graph.name, unit="window", leave=False, delay=2)
        parity = compare(graph, model, bank, labels, bar)
        megabytes = round(graph.stat().st_size / 1e6, 2)
        found[graph.name] = {**parity._asdict(), "megabytes": megabytes}
        print(
            f"{graph.name}: {megabytes} MB; in {parity.windows} windows of all layouts 1 - cosine is "
            f"{parity.largest:.1e} at most, {parity.median:.1e} in the middle; same label: {parity.same_label:.1%}"
        )
    write_json(out / "parity.json", found)
    if found[GRAPH]["largest"] > LARGEST_DISTANCE:
        raise ValueError(
            f"{out / GRAPH} differs from the network by {found[GRAPH]['largest']:.1e} (1 - cosine), expected "
            f"{LARGEST_DISTANCE:g} at most: do not use it; torch and onnx may not go together in these versions"
        )
    print(f"graph, vocabulary, example and parity.json: {out}")


if __name__ == "__main__":
    sys.exit(main())
