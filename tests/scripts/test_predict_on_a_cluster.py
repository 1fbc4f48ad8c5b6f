"""A folder of recordings spread over a Dask cluster: two processes, of which one is killed while it works."""

import csv
import json
import logging
import os
import runpy
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import har.readers
from har.recognition import cluster, files
from har.recognition.recognise import RELEASED, loaded
from har.run.folder import repository_root

SCRIPT = "val_scripts/human_activity_recognition/predict.py"
NAMES = ("a", "b", "c", "d", "e", "f")
VICTIM = "c"
RATE_HZ = 25.0


@pytest.fixture
def main() -> Callable[..., int]:
    return runpy.run_path(str(repository_root() / SCRIPT), run_name="predict")["main"]


@pytest.fixture
def folder(tmp_path) -> Path:
    """Six recordings of half a minute, one of them below, and a file that is none."""
    random, time_s = np.random.default_rng(0), np.arange(30 * 25) / RATE_HZ
    (tmp_path / "in" / "below").mkdir(parents=True)
    for number, name in enumerate(NAMES):
        samples = random.normal(0, 0.02, (len(time_s), 3)) + np.array([0, 0, 1])
        samples[:, 2] += 0.1 * number * np.sin(2 * np.pi * 2 * time_s)
        path = tmp_path / "in" / ("below" if name == "f" else "") / f"{name}.csv"
        table = np.column_stack([time_s, samples])
        np.savetxt(path, table, delimiter=",", fmt="%.4f", header="time (s),acc_x (g),acc_y (g),acc_z (g)", comments="")
    (tmp_path / "in" / "notes.txt").write_text("not a recording")
    return tmp_path / "in"


def cluster_of(distributed: ModuleType, n_workers: int, processes: bool = True) -> AbstractContextManager:
    """Processes on this machine, each of which is started anew when it dies."""
    quiet = {"dashboard_address": None, "silence_logs": logging.CRITICAL}
    return distributed.LocalCluster(n_workers=n_workers, threads_per_worker=1, processes=processes, **quiet)


def written(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_nothing_is_lost_and_nothing_done_twice_where_a_worker_is_killed(folder, tmp_path, monkeypatch, capsys):
    distributed = pytest.importorskip("distributed", reason="the extra [cluster] is not installed")
    log, held, out = (tmp_path / name for name in ("log", "held", "out"))
    log.mkdir()
    out.mkdir()
    read_recording, slow = har.readers.read_recording, VICTIM

    def read(path, **given):
        """Notes who reads what; the first to read the victim begins a file, says who it is and waits to be killed.

        It imports what it needs: workers get it by value, as they do not import tests.
        """
        import os
        import time
        from pathlib import Path

        from har.files.whole import temporary_path

        note = Path(log, f"{path.name}.{time.monotonic_ns()}")
        note.write_text(str(os.getpid()))
        if path.stem == slow and not held.exists():
            temporary_path(Path(out, f"{slow}.timeline.csv"), ".csv").write_text("half")
            note.with_suffix(".held").write_text(str(os.getpid()))
            note.with_suffix(".held").rename(held)
            time.sleep(600)
        return read_recording(path, **given)

    def kill() -> None:
        until = time.monotonic() + 60
        while not held.exists() and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(int(held.read_text()), signal.SIGKILL)

    monkeypatch.setattr(har.readers, "read_recording", read)
    main = runpy.run_path(str(repository_root() / SCRIPT), run_name="predict")["main"]
    monkeypatch.chdir(tmp_path)
    options = ["in", "--labels", "walking", "sitting", "--placement", "waist", "--out", "out"]
    with cluster_of(distributed, 2) as workers:
        killer = threading.Thread(target=kill)
        killer.start()
        status = main([*options, "--scheduler", workers.scheduler_address])
        killer.join()
    told, complained = capsys.readouterr()
    # The text among them is told by the status too.
    assert status == 2 and f"error: 1 of the {len(NAMES) + 1} files of in could not be named" in complained
    assert f"{len(NAMES)} of {len(NAMES) + 1} recordings named (0 before)" in told
    readings = [path.name.split(".")[0] for path in log.iterdir()]
    assert sorted(readings) == sorted([*NAMES, VICTIM, "notes"])
    assert len({path.read_text() for path in log.iterdir()}) >= 2
    sources = [*(f"{name}.csv" for name in NAMES[:5]), "below/f.csv"]
    rows = list(csv.DictReader((out / files.TABLE_NAME).open()))
    assert sorted(row["recording"] for row in rows) == [*sorted(sources), "notes.txt"]
    assert [row["recording"] for row in rows if row["problem"]] == ["notes.txt"]
    by_cluster = written(out)
    assert len(by_cluster) == 5 * len(NAMES) + 1 and not any(".part" in name for name in by_cluster)

    # One process by itself writes the same, and finds nothing to do where the cluster was.
    monkeypatch.setattr(har.readers, "read_recording", read_recording)
    main = runpy.run_path(str(repository_root() / SCRIPT), run_name="predict")["main"]
    assert main([*options, "--jobs", "1"]) == 2
    assert f"({len(NAMES)} before)" in capsys.readouterr().out
    assert main([*options[:-1], "alone", "--jobs", "1"]) == 2
    alone = written(tmp_path / "alone")
    assert alone.keys() == by_cluster.keys()
    for name in NAMES[:5]:
        one, other = (json.loads(side[f"{name}.summary.json"])["minutes"] for side in (alone, by_cluster))
        assert one == other


def test_what_another_worker_has_finished_is_not_done_again(folder):
    """A worker that dies takes with it the answers that it has not handed over, and Dask asks for them again."""
    request, job = files.Request(labels=("walking", "sitting")), files.job_of(folder / "a.csv", None)
    reads = []

    def read(path, **given):
        reads.append(path)
        return har.readers.read_recording(path, **given)

    asked = (job, request, read, RELEASED, None)
    first = files._outcome(*asked, unless_finished=True)
    assert files._outcome(*asked, unless_finished=True).summary == json.loads(json.dumps(first.summary))
    assert len(reads) == 1
    job.output(".html").unlink()
    files._outcome(*asked, unless_finished=True)
    assert len(reads) == 2 and files.finished(job, files.made_from(job, request, loaded(RELEASED)[0], None))


def test_nobody_listens(main, folder, capsys, monkeypatch):
    pytest.importorskip("distributed", reason="the extra [cluster] is not installed")
    monkeypatch.setattr(cluster, "_ANSWER_S", 1.0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        for wrong in (address, "nowhere://x"):
            assert main([str(folder), "--scheduler", wrong]) == 2
            complained = capsys.readouterr().err.strip()
            assert f"no Dask scheduler answers at {wrong}" in complained and len(complained.splitlines()) == 1
    assert {path.name for path in folder.iterdir()} == {*(f"{name}.csv" for name in NAMES[:5]), "below", "notes.txt"}


def test_a_cluster_without_workers_is_not_waited_for(folder, monkeypatch):
    distributed = pytest.importorskip("distributed", reason="the extra [cluster] is not installed")
    monkeypatch.setattr(cluster, "_LOOK_S", 0.1)
    monkeypatch.setattr(cluster, "_WORKER_S", 0.3)
    with (
        distributed.LocalCluster(
            n_workers=0, processes=False, dashboard_address=None, silence_logs=logging.CRITICAL
        ) as workers,
        pytest.raises(ConnectionError, match=r"has had no worker for 0\.3 s"),
    ):
        list(cluster.spread(abs, [1], workers.scheduler_address, lambda item, why: 0))


def test_a_scheduler_that_goes_away():
    dask = pytest.importorskip("dask", reason="the extra [cluster] is not installed")
    distributed = pytest.importorskip("distributed", reason="the extra [cluster] is not installed")
    soon = {"distributed.comm.timeouts.connect": "1s"}
    with dask.config.set(soon), cluster_of(distributed, 1, processes=False) as workers:
        results = cluster.spread(lambda item: time.sleep(item) or item, [0, 4], workers.scheduler_address, print)
        assert next(results) == 0
        workers.sync(workers.scheduler.close)
        with pytest.raises(ConnectionError, match="went away; when it is there again, the same command goes on"):
            next(results)


def test_what_kills_every_worker_is_named_and_the_rest_done():
    dask = pytest.importorskip("dask", reason="the extra [cluster] is not installed")
    distributed = pytest.importorskip("distributed", reason="the extra [cluster] is not installed")

    def work(item: int) -> int:
        if item == 1:
            os._exit(1)
        return 10 * item

    twice = {"distributed.scheduler.allowed-failures": 1}
    with dask.config.set(twice), cluster_of(distributed, 2) as workers:
        done = list(cluster.spread(work, [0, 1], workers.scheduler_address, lambda item, why: (item, why)))
    (lost,) = [one for one in done if isinstance(one, tuple)]
    assert lost[0] == 1 and "for want of memory" in lost[1]
    assert [one for one in done if one is not lost] == [0]


def test_without_distributed(main, folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main([str(folder), "--scheduler", "tcp://127.0.0.1:1"]) == 2
    complained = capsys.readouterr().err.strip()
    assert "pip install 'har-language[cluster]'" in complained and len(complained.splitlines()) == 1
