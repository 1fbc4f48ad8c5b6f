"""How trials are made: two at once, each in a folder of its own, with an account of its processes."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

from har.endurance.losses import LossError, check_nobody_left
from har.endurance.outcome import Outcome
from har.endurance.scripts import Ended, ForkedScripts

AT_ONCE = 2  # trials
PATIENCE_S = 180.0  # for a script that takes seconds

Trial = TypeVar("Trial")


class TrainingScript(NamedTuple):
    """A training of seconds.

    name: for people. script: path under the repository's root. checkpoints: pattern of the files that its runs go on
    from. constants: all that differ from the script's own, places aside.
    """

    name: str
    script: str
    checkpoints: str
    constants: Mapping[str, object]

    def arguments(self, **places: object) -> list[str]:
        return [f"--{name}={value}" for name, value in {**self.constants, **places}.items()]


class Account:
    """Runs the scripts of one trial in its folder, and keeps account of the memory that they take."""

    def __init__(self, scripts: ForkedScripts, folder: Path) -> None:
        self.scripts, self.folder, self.peak_mb = scripts, folder, 0.0

    def run(self, script: str, *arguments: object, **options: object) -> Ended:
        """As ``ForkedScripts.run``; ``LossError`` for a script that does not end, or ends with a traceback."""
        try:
            ended = self.scripts.run(script, *arguments, cwd=self.folder, timeout=PATIENCE_S, **options)
        except subprocess.TimeoutExpired:
            raise LossError(f"{Path(script).name} did not end within {PATIENCE_S:.0f} s") from None
        self.peak_mb = max(self.peak_mb, ended.peak_mb)
        if "Traceback" in ended.stderr:
            raise LossError(f"{Path(script).name} ended with a traceback: {ended.stderr.strip().splitlines()[-1]}")
        return ended

    def succeed(self, script: str, *arguments: object, **options: object) -> Ended:
        """The same for a script that must come to its end."""
        ended = self.run(script, *arguments, **options)
        if ended.status != 0:
            raise LossError(f"{Path(script).name} ended with status {ended.status}: {last_line(ended.stderr)}")
        return ended


def outcomes(
    kind: str,
    trials: Iterable[tuple[str, Trial]],
    attempt: Callable[[Account, Trial], str],
    scripts: ForkedScripts,
    work: Path,
) -> Iterator[Outcome]:
    """Outcomes of the trials, described ones, in their order; two are made at once, each in an empty folder.

    attempt: makes a trial and returns how it ended; raises ``LossError``. The folder of a trial that loses stays.
    """

    def one(number: int, described: str, trial: Trial) -> Outcome:
        folder = work / f"{number:03d}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        account, began, loss = Account(scripts, folder), time.monotonic(), ""
        try:
            ended = attempt(account, trial)
            check_nobody_left(folder)
        except LossError as error:
            ended, loss = "lost", str(error)
        seconds = time.monotonic() - began
        if not loss:
            shutil.rmtree(folder)
        return Outcome(kind, described, loss, ended, seconds, account.peak_mb)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = [pool.submit(one, number, *trial) for number, trial in enumerate(trials)]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


def last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "nothing said")
