"""Scripts in processes of their own that begin at once: copies of one that has imported torch and the like."""

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple, Self

from har.run.folder import repository_root

if sys.platform == "linux":
    import fcntl

_LOOK_EVERY_S = 0.005
_PIPE_BYTES = 1 << 20


class Watch(NamedTuple):
    """What happens to a script just before the change of that number that it makes to files below a folder.

    number: from 1; 0 for none. act: "kill" it by SIGKILL ``after_s`` seconds later, "limit" files to ``room`` bytes, or
    "fill" the folder's disk up to ``room`` bytes by a file ``filler``. counted: file that the number of all changes is
    written to at the end, "" for none.
    """

    folder: str
    number: int = 0
    act: str = "kill"
    after_s: float = 0.0
    room: int = 0
    counted: str = ""


class Ended(NamedTuple):
    """A process that has come to its end; status is negative for a signal."""

    status: int
    stdout: str
    stderr: str
    peak_mb: float


class ForkedScript:
    """A script that runs in a process of its own; what ``subprocess.Popen`` offers and is needed."""

    def __init__(self, pid: int, args: list[str], server: "ForkedScripts", outputs: "_Outputs") -> None:
        self.pid, self.args, self.returncode, self.peak_mb = pid, args, None, 0.0
        self._server, self._outputs = server, outputs

    def poll(self) -> int | None:
        """Its exit status, None as long as it runs."""
        if self.returncode is None and (answer := self._server.ask(self.pid)) is not None:
            self.returncode, self.peak_mb = answer
        return self.returncode

    def kill(self) -> None:
        """End it by SIGKILL."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Both outputs, once it has ended. Raises ``subprocess.TimeoutExpired``, after it was killed."""
        deadline = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > deadline:
                self.kill()
                raise subprocess.TimeoutExpired(self.args, timeout)
            time.sleep(_LOOK_EVERY_S)
        return self._outputs.read()


class ForkedScripts:
    """A block in which scripts are started as copies of one process, which ends with the block. On Linux alone.

    folder: for their outputs. threads: of PyTorch in each; on networks that small several wait for each other longer
    than they compute, by a hundred times where a core is busy with something else. Any thread may start scripts.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._folder, self._threads = folder, threads
        self._lock, self._numbers = threading.Lock(), itertools.count()
        self._server: subprocess.Popen | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.communicate()

    def _started(self) -> subprocess.Popen:
        # Without a folder of its own at the front of the path, where a script's own folder will not stand either.
        command = [sys.executable, "-P", "-m", "har.endurance.forked_scripts"]
        environment = os.environ | {"OMP_NUM_THREADS": str(self._threads)}
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def ask(self, order: dict | int) -> int | list | None:
        """The server's answer to an order."""
        with self._lock:
            if self._server is None:
                self._server = self._started()
            self._server.stdin.write(json.dumps(order) + "\n")
            self._server.stdin.flush()
            return json.loads(self._server.stdout.readline())

    def start(
        self,
        script: str | Path,
        *arguments: object,
        cwd: Path | None = None,
        watch: Watch | None = None,
        piped: bool = False,
    ) -> ForkedScript:
        """Start ``python script arguments``; a relative path begins at the repository's root.

        piped: its output goes into pipes (of a megabyte) instead of files, whose size may be limited.
        """
        with self._lock:
            number = next(self._numbers)
        outputs = _Outputs(self._folder / f"{number}.stdout", self._folder / f"{number}.stderr", piped)
        args = [str(script), *map(str, arguments)]
        order = {
            "script": str(repository_root() / script), "arguments": args[1:], "cwd": str(cwd or Path.cwd()),
            "stdout": str(outputs.paths[0]), "stderr": str(outputs.paths[1]),
            "watched": None if watch is None else watch._asdict(),
        }  # fmt: skip
        return ForkedScript(self.ask(order), args, self, outputs)

    def run(
        self,
        script: str | Path,
        *arguments: object,
        cwd: Path,
        timeout: float,
        watch: Watch | None = None,
        piped: bool = False,
        killed_after_s: float | None = None,
    ) -> Ended:
        """Start a script and wait for its end, which a SIGKILL may be. Raises ``subprocess.TimeoutExpired``."""
        process = self.start(script, *arguments, cwd=cwd, watch=watch, piped=piped)
        if killed_after_s is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(killed_after_s)
        stdout, stderr = process.communicate(timeout)
        return Ended(process.returncode, stdout, stderr, process.peak_mb)


class _Outputs:
    """Standard output and error of one process, in files or pipes at two paths."""

    def __init__(self, stdout: Path, stderr: Path, piped: bool) -> None:
        self.paths = (stdout, stderr)
        self._pipes: list[int] = []
        self._contents: tuple[str, str] | None = None
        for path in self.paths:
            if not piped:
                path.touch()  # a process that is killed at once has not come to make it
                continue
            # Open for both ends, so that nobody waits for anybody; it is read when the process has ended.
            os.mkfifo(path)
            self._pipes.append(os.open(path, os.O_RDWR | os.O_NONBLOCK))
            fcntl.fcntl(self._pipes[-1], fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def read(self) -> tuple[str, str]:
        if self._contents is None:
            first, second = map(_drain, self._pipes) if self._pipes else map(Path.read_bytes, self.paths)
            self._contents = first.decode(errors="replace"), second.decode(errors="replace")
        return self._contents


def _drain(pipe: int) -> bytes:
    content = b""
    with contextlib.suppress(BlockingIOError):  # empty
        while True:
            content += os.read(pipe, _PIPE_BYTES)
    os.close(pipe)
    return content
