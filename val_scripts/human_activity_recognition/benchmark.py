"""How fast training and inference are on this machine, each figure as measured in this run.

    python benchmark.py                     on what is prepared under data/, or simulated people
    python benchmark.py --STEPS=200         any constant below can be overridden
    python benchmark.py --device cuda       a GPU with batches of several sizes, eager and compiled
    python benchmark.py --processes 2       two processes of one thread against one of two
    python benchmark.py --scaling           how the cost of a corpus grows with it (docs/scaling.md)
    python benchmark.py --onnx              the exported network beside PyTorch, one window on one core
    python benchmark.py --live              answers to one phone and to several, by the recogniser and by the server
    python benchmark.py --quick             the GPU's table on any device, with sizes that only show that it works

Training runs as users run it, in a process of its own. At its end the last step is repeated on its batch, on a GPU as a
captured graph: what it costs without data and host. All files go to OUTPUT_ROOT/benchmark.
"""

import sys
import tempfile
from functools import partial
from pathlib import Path

import torch
from tqdm import tqdm

from har.benchmark.inference import inference_figures, onnx_figures, simulation_figures
from har.benchmark.live import live_figures
from har.benchmark.scaling import SIZES, scaling_figures, scaling_table
from har.benchmark.training import device_rows, markdown_table, process_figures, train, training_figures
from har.run.constants import ConstantError, check_choices, joined_arguments, override_constants
from har.run.device import compute_device
from har.run.ending import exit_status
from har.run.folder import resolve_cache, resolve_under_root, write_json

DATA_ROOT = "data"
TEXT_CACHE = ".cache/text"  # of the training script
OUTPUT_ROOT = "training_output"
DEVICE = "auto"
STEPS = 120  # of a training
LOG_EVERY = 20  # steps; the first interval warms up and does not count
RUNS = 3  # a machine's speed drifts
REPEATED_STEPS = 40
PROCESSES = 1
SCALING, QUICK, ONNX, LIVE = False, False, False, False
CHECKPOINT = "default"  # that is exported or answers: the released model, or a path
LATENCY_RUNS = 100
SIMULATED_HOURS = 0.25  # in each simulated dataset
WINDOW_S, WINDOW_HZ = 5.0, 50.0  # of the window whose latency is measured, accelerometer and gyroscope
PHONES, PHONE_HZ, PAST_S, ANSWERS, SERVED_S = 10, 60.0, 600.0, 60, 40.0  # live; browsers report 60 times a second
NEW_WORDS = ("juggling", "tea ceremony", "knitting a scarf", "wrestling a bear", "painting a fence", "raking leaves")
GPU_BATCHES, GPU_STEPS = (128, 1024, 8192), 200
QUICK_BATCHES, QUICK_STEPS, QUICK_LOG_EVERY = (16, 24), 8, 2


def main(argv: list[str] | None = None) -> dict:
    """Run a benchmark, print its table and write it to a file; returns the figures."""
    argv = sys.argv[1:] if argv is None else argv
    switches = ("--scaling", "--quick", "--onnx", "--live")
    override_constants(globals(), joined_arguments([f"{a.upper()}=true" if a in switches else a for a in argv]))
    check_arguments()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory(prefix="har-benchmark-") as folder:
        scratch = Path(folder)
        if SCALING:
            name, rows = "scaling", scaling_figures(SIZES, scratch, partial(tqdm, desc="corpora", unit="corpus"))
            table, figures = scaling_table(rows), {"rows": rows}
        elif QUICK or device().type == "cuda":
            name, rows = "device", device_table(scratch)
            table, figures = markdown_table(rows), {"device": device_name(), "rows": rows}
        else:
            name, measure = ("onnx", exported) if ONNX else ("live", answered) if LIVE else ("benchmark", one_machine)
            if PROCESSES > 1:
                name, measure = "processes", several
            figures = measure(scratch)
            figures = {"CPU capability": torch.backends.cpu.get_cpu_capability()} | figures
            width = max(map(len, figures))
            table = "\n".join(f"{n:<{width}}  {v if isinstance(v, str) else f'{v:,.4g}'}" for n, v in figures.items())
    path = resolve_under_root(OUTPUT_ROOT) / "benchmark" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, figures)
    print(f"{table}\nWritten to {path}")
    return figures


def check_arguments() -> None:
    """Raises ``ConstantError`` for what would end without a figure."""
    check_choices(globals(), {"DEVICE": ("auto", "cpu", "cuda")})
    counts = {n: globals()[n] for n in ("RUNS", "PROCESSES", "REPEATED_STEPS", "LATENCY_RUNS", "PHONES", "ANSWERS")}
    if min(counts.values()) < 1 or STEPS <= LOG_EVERY:
        raise ConstantError(
            f"{counts}, STEPS {STEPS}, LOG_EVERY {LOG_EVERY}; expected 1 at least, and more steps than LOG_EVERY, "
            "whose first interval warms up"
        )
    if SCALING + QUICK + ONNX + LIVE + (PROCESSES > 1) > 1:
        raise ConstantError(
            "--scaling, --quick, --onnx, --live and --processes are benchmarks of their own; give one of them"
        )


def device() -> torch.device:
    return compute_device(DEVICE)


def device_name() -> str:
    return torch.cuda.get_device_name() if device().type == "cuda" else torch.backends.cpu.get_cpu_capability()


def common() -> dict:
    """Constants of every training here."""
    return {
        "DATA_ROOT": resolve_under_root(DATA_ROOT), "TEXT_CACHE": resolve_cache(TEXT_CACHE), "DEVICE": device().type,
        "STEPS_PER_EPOCH": STEPS, "LOG_EVERY": LOG_EVERY,
    }  # fmt: skip


def one_machine(scratch: Path) -> dict:
    """Training, inference and simulation on this machine."""
    overrides = common() | {"REPEATED_STEPS": REPEATED_STEPS}
    runs = [train(scratch / str(n), overrides) for n in tqdm(range(RUNS), desc="training", unit="process")]
    threads = {"threads": float(torch.get_num_threads())}
    embedding = inference_figures(runs[0].folder / "best.pt", device(), WINDOW_S, WINDOW_HZ, LATENCY_RUNS)
    return training_figures(runs) | embedding | simulation_figures(scratch / "people", SIMULATED_HOURS) | threads


def exported(scratch: Path) -> dict:
    """The network as an ONNX graph beside PyTorch."""
    return onnx_figures(CHECKPOINT, scratch / "exported", WINDOW_S, WINDOW_HZ, LATENCY_RUNS)


def answered(scratch: Path) -> dict:
    """Answers to phones while they measure: of the recogniser alone, and of the server with all that is between."""
    from har.benchmark.live_server import server_figures  # takes the extra [live]

    alone = live_figures(CHECKPOINT, PHONES, PHONE_HZ, PAST_S, ANSWERS, partial(tqdm, desc="answers", unit="round"))
    return alone | server_figures(CHECKPOINT, PHONES, PHONE_HZ, SERVED_S, NEW_WORDS, tqdm(unit="s").update)


def several(scratch: Path) -> dict:
    """Several processes beside one."""
    return process_figures(scratch, common(), PROCESSES, RUNS, partial(tqdm, desc="training", unit="run"))


def device_table(scratch: Path) -> list[dict]:
    """Rows of the GPU's table, or of its quick form."""
    batches, steps = (QUICK_BATCHES, QUICK_STEPS) if QUICK else (GPU_BATCHES, GPU_STEPS)
    overrides = common() | ({"LOG_EVERY": QUICK_LOG_EVERY} if QUICK else {})
    progress = partial(tqdm, desc="training", unit="run")
    return device_rows(scratch, overrides, batches, steps, device().type == "cuda", progress)


if __name__ == "__main__":
    sys.exit(exit_status(main, print, partial(print, file=sys.stderr)))
