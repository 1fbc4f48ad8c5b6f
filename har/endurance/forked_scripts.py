"""A process that has imported what scripts import from others, and forks one of its own for each script.

Lines of JSON come in on standard input, and one answer to each goes out: an order, the keywords of ``become``, is
answered by a process id; a process id by null as long as it runs, then by its exit status and its largest memory in MB.
"""

import atexit
import gc
import importlib
import json
import os
import resource
import runpy
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

# Packages of others alone: every script imports this repository's own modules itself.
PACKAGES = (
    "torch", "torch._dynamo", "torch.distributed", "numpy", "scipy.cluster.hierarchy", "scipy.signal", "scipy.special",
    "sklearn.decomposition", "sklearn.ensemble", "sklearn.linear_model", "sklearn.manifold", "sklearn.metrics",
    "sklearn.pipeline", "sklearn.preprocessing", "matplotlib.backends.backend_agg", "matplotlib.collections",
    "matplotlib.figure", "sentence_transformers", "tqdm", "yaml",
)  # fmt: skip

# Events of Python's own (sys.addaudithook) that change files, their first argument being the path.
_CHANGES = frozenset(("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.link", "os.symlink"))
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def become(script: str, arguments: list[str], cwd: str, stdout: str, stderr: str, watched: dict | None) -> None:
    """Go on as ``python script arguments`` in the folder ``cwd``, with its output in two files.

    watched: keywords of ``watch``.
    """
    for descriptor, path, mode in ((0, os.devnull, "r"), (1, stdout, "w"), (2, stderr, "w")):
        with open(path, mode) as file:
            os.dup2(file.fileno(), descriptor)
    os.chdir(cwd)
    sys.argv = [script, *arguments]
    if watched is not None:
        watch(**watched)
    runpy.run_path(script, run_name="__main__")


def watch(folder: str, number: int, act: str, after_s: float, room: int, counted: str) -> None:
    """Count the changes of files below a folder, and do something just before the one of that number.

    act: "kill" this process by SIGKILL ``after_s`` seconds later; "limit" files to ``room`` bytes; "fill" the disk of
    the folder up to ``room`` bytes. counted: file that the count is written to at the end, "" for none.
    """
    acts: dict[str, Callable[[], None]] = {
        "kill": lambda: kill_soon(after_s), "limit": lambda: limit_files(room), "fill": lambda: fill_disk(folder, room),
    }  # fmt: skip
    count, acting = 0, False

    def look(event: str, arguments: tuple) -> None:
        nonlocal count, acting
        if acting or not is_change(event, arguments, folder):
            return
        count += 1
        if count == number:
            acting = True
            acts[act]()
            acting = False

    sys.addaudithook(look)
    if counted:
        atexit.register(lambda: Path(counted).write_text(str(count)))


def is_change(event: str, arguments: tuple, folder: str) -> bool:
    if event == "open":
        path, _, flags = arguments
        if not flags & _WRITING:
            return False
    elif event in _CHANGES:
        path = arguments[0]
    else:
        return False
    return isinstance(path, str | bytes | os.PathLike) and os.path.abspath(os.fsdecode(path)).startswith(folder)


def kill_soon(after_s: float) -> None:
    if not after_s:
        os.kill(os.getpid(), signal.SIGKILL)
    timer = threading.Timer(after_s, os.kill, (os.getpid(), signal.SIGKILL))
    timer.daemon = True
    timer.start()


def limit_files(room: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def fill_disk(folder: str, room: int) -> None:
    state = os.statvfs(folder)
    descriptor = os.open(os.path.join(folder, "filler"), os.O_CREAT | os.O_WRONLY)
    os.posix_fallocate(descriptor, 0, max(1, state.f_bavail * state.f_bsize - room))
    os.close(descriptor)


def main() -> None:
    for name in PACKAGES:
        importlib.import_module(name)
    # A collector that visits every object would copy the memory that a new process shares with this one.
    gc.collect()
    gc.freeze()
    with open(1, "w", closefd=False) as answers:
        for line in iter(sys.stdin.readline, ""):
            order = json.loads(line)
            if isinstance(order, int):
                pid, status, used = os.wait4(order, os.WNOHANG)
                answer = [os.waitstatus_to_exitcode(status), used.ru_maxrss / 1024] if pid else None
            else:
                answer = os.fork()
                if answer == 0:
                    return become(**order)
            answers.write(json.dumps(answer) + "\n")
            answers.flush()
    return None


if __name__ == "__main__":
    main()
