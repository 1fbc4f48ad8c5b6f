"""A process that has imported what scripts import from others, and forks one of its own for each script.

Lines of JSON come in on standard input, and one answer to each goes out: an order, the keywords of ``become``, is
answered by a process id, a process id by its exit status, null as long as it runs.
"""

import gc
import importlib
import json
import os
import runpy
import sys
from pathlib import Path

# Packages of others alone: every script imports this repository's own modules itself.
PACKAGES = (
    "torch", "torch._dynamo", "torch.distributed", "numpy", "scipy.cluster.hierarchy", "scipy.signal", "scipy.special",
    "sklearn.decomposition", "sklearn.ensemble", "sklearn.linear_model", "sklearn.manifold", "sklearn.metrics",
    "sklearn.pipeline", "sklearn.preprocessing", "matplotlib.backends.backend_agg", "matplotlib.collections",
    "matplotlib.figure", "sentence_transformers", "tqdm", "yaml",
)  # fmt: skip


def become(script: str, arguments: list[str], cwd: str, stdout: str, stderr: str) -> None:
    """Go on as ``python script arguments`` in the folder ``cwd``, with its output in two files."""
    for descriptor, path, mode in ((0, os.devnull, "r"), (1, stdout, "w"), (2, stderr, "w")):
        with open(path, mode) as file:
            os.dup2(file.fileno(), descriptor)
    os.chdir(cwd)
    sys.argv = [script, *arguments]
    sys.path[0] = str(Path(script).parent)
    runpy.run_path(script, run_name="__main__")


def main() -> None:
    for name in PACKAGES:
        importlib.import_module(name)
    # A collector that visits every object would copy the memory that a new process shares with this one.
    gc.collect()
    gc.freeze()
    for line in iter(sys.stdin.readline, ""):
        order = json.loads(line)
        if isinstance(order, int):
            pid, status = os.waitpid(order, os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if answer == 0:
                return become(**order)
        print(json.dumps(answer), flush=True)
    return None


if __name__ == "__main__":
    main()
