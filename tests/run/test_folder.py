import contextlib
import json
import math
import os
import platform
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from har.files.whole import temporary_path
from har.run import folder
from har.run.folder import (
    NoRepositoryError,
    RecordError,
    atomic_writer,
    create_run_folder,
    find_restarted_run,
    find_resumed_run,
    find_run_folder,
    git_state,
    read_json,
    read_yaml,
    remove_unfinished,
    repository_root,
    resolve_cache,
    resolve_under_root,
    run_record,
    write_atomically,
    write_json,
    write_yaml,
)

NOON = datetime(2025, 1, 31, 12, 0, 5)


def nothing(made: Path) -> None:
    """A run without records."""


def test_the_root_is_the_folder_of_this_repository(monkeypatch, tmp_path):
    root = Path(__file__).resolve().parents[2]
    monkeypatch.chdir(tmp_path)
    assert repository_root() == root
    assert resolve_under_root("data") == root / "data"
    assert resolve_under_root(tmp_path / "data") == tmp_path / "data"


def test_a_copy_away_from_its_repository_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setattr(folder, "__file__", str(tmp_path / "har" / "run" / "folder.py"))
    with pytest.raises(FileNotFoundError, match="pip install -e"):
        repository_root()


def test_a_run_folder_is_named_after_the_time_and_never_reused(tmp_path):
    folders = [create_run_folder(tmp_path / "out", "semantic_alignment", nothing, NOON) for _ in range(3)]
    names = ["20250131_120005", "20250131_120005_1", "20250131_120005_2"]
    assert folders == [tmp_path / "out" / "semantic_alignment" / name for name in names]
    assert all((made / "plots").is_dir() for made in folders)


def test_runs_started_at_once_get_folders_of_their_own(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: create_run_folder(tmp_path, "run", nothing, NOON), range(24)))
    assert len(set(folders)) == 24


def test_a_run_folder_appears_with_its_records_or_not_at_all(tmp_path):
    def record(made: Path) -> None:
        assert not list(tmp_path.glob("run/[!.]*"))
        (made / "config.yaml").write_text("SEED: 0")

    made = create_run_folder(tmp_path, "run", record, NOON)
    assert {path.name for path in made.iterdir()} == {"config.yaml", "plots"}

    def fail(made: Path) -> None:
        (made / "config.yaml").write_text("SEED")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create_run_folder(tmp_path, "run", fail, NOON)
    assert list((tmp_path / "run").iterdir()) == [made]


def test_a_relative_output_root_starts_at_the_repository(monkeypatch, tmp_path):
    monkeypatch.setattr(folder, "repository_root", lambda: tmp_path)
    assert create_run_folder("training_output", "run", nothing, NOON).parent == tmp_path / "training_output" / "run"


@pytest.mark.parametrize("kind", ["", ".", "..", "a/b", "/a"])
def test_a_kind_is_one_folder_name(tmp_path, kind):
    with pytest.raises(ValueError, match="folder name"):
        create_run_folder(tmp_path, kind, nothing, NOON)


def test_a_run_folder_is_found_by_itself_or_by_a_checkpoint(tmp_path, monkeypatch):
    run = create_run_folder(tmp_path / "out", "run", nothing, NOON)
    (run / "best.pt").write_bytes(b"x")
    with pytest.raises(FileNotFoundError, match=r"hyperparameters\.json"):
        find_run_folder(run)
    write_json(run / "hyperparameters.json", {})
    assert find_run_folder(run) == run
    assert find_run_folder(str(run / "best.pt")) == run
    monkeypatch.chdir(run)
    assert find_run_folder("best.pt") == run
    monkeypatch.chdir("/")
    monkeypatch.setattr(folder, "repository_root", lambda: tmp_path)
    assert find_run_folder("out/run/20250131_120005") == run
    with pytest.raises(FileNotFoundError, match="no run folder or checkpoint"):
        find_run_folder("out/run/elsewhere")
    with pytest.raises(ValueError, match="neither a run folder nor a checkpoint"):
        find_run_folder(run / "hyperparameters.json")


def test_a_pretraining_run_is_known_by_its_yaml(tmp_path):
    write_yaml(tmp_path / "config.yaml", {})
    assert find_run_folder(tmp_path) == tmp_path


def test_the_new_file_replaces_the_old_one_at_the_end(tmp_path):
    path = tmp_path / "best.bin"
    path.write_bytes(b"old")
    with atomic_writer(path) as temporary:
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old"
        assert temporary.parent == tmp_path and temporary.suffix == ".bin"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "best.bin"
    path.write_bytes(b"old")
    with pytest.raises(error), atomic_writer(path) as temporary:
        temporary.write_bytes(b"half of the n")
        raise error
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_not_written_or_has_no_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing was written"), atomic_writer(tmp_path / "a"):
        pass
    with pytest.raises(FileNotFoundError, match="does not exist"):
        write_atomically(tmp_path / "missing" / "a", "text")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_process_leaves_the_old_file(tmp_path):
    path = tmp_path / "best.bin"
    path.write_bytes(b"old")
    program = (
        "import sys, time\n"
        "from har.run.folder import atomic_writer\n"
        "with atomic_writer(sys.argv[1]) as temporary:\n"
        "    temporary.write_bytes(b'half of the n')\n"
        "    print('writing', flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    # The half-written file does not look like a checkpoint of the run.
    assert [other.name for other in tmp_path.iterdir() if not other.name.startswith(".")] == ["best.bin"]
    assert len(list(tmp_path.iterdir())) == 2
    remove_unfinished(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_begun_to_be_written_is_removed_and_nothing_else(tmp_path):
    kept = {
        "best.pt", "latest.pt", "config.yaml", "metrics.jsonl", ".hidden", ".gitignore", "part.pt", "a.part.pt",
        ".my.partner.txt", ".part", ".notes.part.pt", ".best.0123456.part.pt", ".best.0123ABCD.part.pt",
        ".best.01234567.part.pt.bak", "best.01234567.part.pt",
    }  # fmt: skip
    (tmp_path / "plots").mkdir()
    (tmp_path / ".20250131_120005.01234567.part").mkdir()
    for name in (*kept, "plots/.curves.01234567.part.png"):
        (tmp_path / name).write_text(name)
    before = set(tmp_path.rglob("*"))
    with contextlib.ExitStack() as stack:
        # As if the process had been killed here, while it wrote all of these.
        for name in ("latest.pt", "best.pt", "checkpoint_epoch_001.pt", "config.yaml", "a.b.pt", "bare"):
            stack.enter_context(atomic_writer(tmp_path / name)).write_text("half of the n")
        assert len(set(tmp_path.rglob("*"))) == len(before) + 6
        remove_unfinished(tmp_path)
        assert set(tmp_path.rglob("*")) == before
        stack.pop_all()  # a writer that ended would miss what it has begun
    assert all((tmp_path / name).read_text() == name for name in kept)
    remove_unfinished(tmp_path)  # nothing to do
    assert set(tmp_path.rglob("*")) == before


def test_files_get_the_usual_permissions(tmp_path):
    (tmp_path / "ordinary").write_text("")
    write_atomically(tmp_path / "atomic", "")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_text_is_written_as_it_is(tmp_path):
    write_atomically(tmp_path / "a.txt", "5 µs\r\nnext\n")
    assert (tmp_path / "a.txt").read_bytes() == "5 µs\r\nnext\n".encode()


@pytest.mark.parametrize(("write", "read"), [(write_json, json.loads), (write_yaml, yaml.safe_load)])
def test_a_record_reads_back_with_its_order(tmp_path, write, read):
    record = {"z": 1, "a": [1.5e-7, True, None, "naïve: no"], "m": {"off": "yes", "1": ()}}
    write(tmp_path / "record", record)
    loaded = read((tmp_path / "record").read_text(encoding="utf-8"))
    assert loaded == {**record, "m": {"off": "yes", "1": []}}
    assert list(loaded) == ["z", "a", "m"]


@pytest.mark.parametrize("write", [write_json, write_yaml])
@pytest.mark.parametrize(
    ("value", "error"),
    [
        (math.nan, ValueError),
        (-math.inf, ValueError),
        (np.float64(1.0), TypeError),
        (torch.tensor(1.0), TypeError),
        (Path("a"), TypeError),
        ({1: 2}, TypeError),
    ],
)
def test_what_does_not_survive_is_refused_by_its_place(tmp_path, write, value, error):
    with pytest.raises(error, match=r"^losses\.parts\[1\]"):
        write(tmp_path / "record", {"losses": {"parts": [0.0, value]}})
    assert list(tmp_path.iterdir()) == []


def test_a_checked_record_tells_every_change_of_it(tmp_path):
    path, record = tmp_path / "a.json", {"name": "Gänge", "score": 0.125, "parts": [1, None, {"a": True}]}
    write_json(path, record, checked=True)
    assert read_json(path, "-") == record and list(json.loads(path.read_text(encoding="utf-8")))[-1] == "checksum"
    content = path.read_bytes()
    path.write_text(json.dumps(dict(reversed(json.loads(content).items()))))
    assert read_json(path, "-") == record  # the same values, formatted by another program
    noticed = 0
    for place in range(8 * len(content)):
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        try:
            assert {k: v for k, v in read_json(path, "do it again").items() if k in record} == record
        except RecordError as error:
            noticed += 1
            assert str(error).startswith(str(path)) and str(error).endswith("; do it again")
    assert noticed > 7 * len(content)  # what is not, is white space or the name of the field
    with pytest.raises(ValueError, match="'checksum' of a record is made when it is written"):
        write_json(path, {"checksum": "0"}, checked=True)


@pytest.mark.parametrize(
    ("read", "content", "message"),
    [
        (read_json, b'{"a": 1', "is damaged: it is no JSON"),
        (read_json, b"\xff", "is damaged: it is no JSON"),
        (read_json, b"[" * 100_000, "is damaged: it is no JSON"),
        (read_json, b"[1]", "holds a list"),
        (read_yaml, b"a: [1", "is damaged: it is no YAML"),
        (read_yaml, b"a: 2020-13-45", "is damaged: it is no YAML"),
        (read_yaml, b'a: !!int ""', "is damaged: it is no YAML"),
        (read_yaml, b"a: !!python/name:os.system", "is damaged: it is no YAML"),
        (read_yaml, b"", "holds a NoneType"),
    ],
)
def test_a_damaged_record_is_one_sentence(tmp_path, read, content, message):
    path = tmp_path / "record"
    with pytest.raises(FileNotFoundError, match="record is missing; fetch it again"):
        read(path, "fetch it again")
    path.write_bytes(content)
    with pytest.raises(RecordError) as caught:
        read(path, "fetch it again")
    text = str(caught.value)
    assert text.startswith(f"{path} {message}") and text.endswith("; fetch it again") and "\n" not in text
    path.unlink()
    path.mkdir()
    with pytest.raises(RecordError, match=r"cannot be read .*; fetch it again"):
        read(path, "fetch it again")


def test_the_run_record_says_what_ran(tmp_path):
    record = run_record(["train.py", "--EPOCHS=2"], "cpu")
    assert record["argv"] == ["train.py", "--EPOCHS=2"]
    assert record["versions"]["torch"] == torch.__version__
    assert record["versions"]["numpy"] == np.__version__
    assert record["versions"]["python"] == platform.python_version()
    assert record["threads"] == torch.get_num_threads()
    assert (record["device"], bool(record["device_name"])) == ("cpu", True)
    assert datetime.fromisoformat(record["started"]).tzinfo is not None
    write_json(tmp_path / "run.json", record)
    assert json.loads((tmp_path / "run.json").read_text(encoding="utf-8")) == record


def git(where: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    command = ["git", *identity, "-C", str(where), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_git_state_is_the_commit_and_whether_it_is_all(tmp_path, monkeypatch):
    assert git_state(tmp_path) is None
    try:
        git(tmp_path, "init")
    except FileNotFoundError:
        pytest.skip("git is not installed")
    assert git_state(tmp_path) is None  # no commit yet
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "--no-verify", "-m", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert git_state(tmp_path) == {"commit": commit, "dirty": False}
    (tmp_path / "a").write_text("2")
    assert git_state(tmp_path) == {"commit": commit, "dirty": True}
    (tmp_path / "inner").mkdir()
    assert git_state(tmp_path / "inner") is None
    monkeypatch.setenv("PATH", "")
    assert git_state(tmp_path) is None


# --- runs that torchrun starts anew -----------------------------------------------------------------------------------


def launched(output_root: Path, launch: str | None, second: int, *checkpoints: str) -> Path:
    """A run folder of one launch, as old as it is said to be."""

    def fill(new: Path) -> None:
        write_json(new / "hyperparameters.json", {})
        write_json(new / "run.json", {"launch": launch})
        for name in checkpoints:
            (new / name).touch()

    made = create_run_folder(output_root, "semantic_alignment", fill)
    os.utime(made / "run.json", (second, second))
    return made


@pytest.fixture
def restarted(monkeypatch):
    """This process is one of several machines' run "job1", started anew."""
    for name, value in (("RUN_ID", "job1"), ("RESTART_COUNT", "1")):
        monkeypatch.setenv(f"TORCHELASTIC_{name}", value)
    monkeypatch.setenv("GROUP_WORLD_SIZE", "2")


def test_a_restarted_run_is_the_newest_of_its_launch_that_has_a_checkpoint(tmp_path, restarted):
    where = (tmp_path, "semantic_alignment", "epoch_*.pt")
    assert find_restarted_run(*where) is None
    launched(tmp_path, "job1", 10, "epoch_001.pt")
    newest = launched(tmp_path, "job1", 20, "epoch_001.pt")
    launched(tmp_path, "job1", 30, ".epoch_001.0123abcd.part.pt", "best.pt")  # died before its first whole checkpoint
    launched(tmp_path, "job2", 40, "epoch_001.pt")
    launched(tmp_path, None, 50, "epoch_001.pt")
    assert find_restarted_run(*where) == newest


def test_a_process_that_was_started_alone_finds_no_restarted_run(tmp_path, monkeypatch):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    launched(tmp_path, None, 10, "epoch_001.pt")
    assert find_restarted_run(tmp_path, "semantic_alignment", "epoch_*.pt") is None


def test_the_record_of_a_run_names_its_launch(restarted):
    assert run_record([], "cpu")["launch"] == "job1"


def test_what_to_go_on_from(tmp_path, monkeypatch, restarted):
    """A restarted run must not throw away what came after the checkpoint that it once began with."""
    where = (tmp_path, "semantic_alignment", "epoch_*.pt")
    own = launched(tmp_path, "job1", 10, "epoch_001.pt")
    other = launched(tmp_path, None, 20, "epoch_001.pt", "epoch_002.pt")
    assert find_resumed_run("", *where) == own
    assert find_resumed_run(str(other / "epoch_001.pt"), *where) == other
    with pytest.raises(FileNotFoundError):
        find_resumed_run(str(tmp_path / "nowhere"), *where)
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "0")
    assert find_resumed_run("", *where) is None
    assert find_resumed_run(str(other / "epoch_001.pt"), *where) == str(other / "epoch_001.pt")


def test_a_cache_lies_under_the_root_or_in_the_users_own_where_there_is_none(tmp_path, monkeypatch):
    assert resolve_cache(".cache/text") == repository_root() / ".cache" / "text"
    assert resolve_cache(tmp_path / "text") == tmp_path / "text"

    def nowhere() -> Path:
        raise NoRepositoryError("installed as a copy")

    monkeypatch.setattr(folder, "repository_root", nowhere)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert resolve_cache(".cache/text").name == "text"
    assert "har-language" in resolve_cache(".cache/text").parts
    assert resolve_cache(tmp_path / "text") == tmp_path / "text"


def test_a_new_run_removes_what_dead_ones_left_in_any_of_them(tmp_path):
    """Killed before its first checkpoint, a run is never gone on with: nobody else would remove it."""
    former = create_run_folder(tmp_path, "lessons", lambda folder: None)
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    for place in (former / "epoch_001.pt", former / "plots" / "curves.png", former.parent / "20260131_120000"):
        own = temporary_path(place, place.suffix)
        own.with_name(own.name.replace(f"-{os.getpid()}.", f"-{process.pid}.")).write_text("half")
    living = temporary_path(former / "best.pt", ".pt")
    living.write_text("half")
    new = create_run_folder(tmp_path, "lessons", lambda folder: None)
    found = {path.relative_to(former.parent) for path in former.parent.rglob("*") if ".part" in path.name}
    assert found == {living.relative_to(former.parent)} and new != former


@pytest.fixture
def homeless(monkeypatch):
    """Without HOME, as a user whom the system does not list: in a container that runs as any number."""

    def nobody(number: int) -> None:
        raise KeyError(number)

    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)


def test_without_a_home_folder_only_paths_that_need_one_are_refused(tmp_path, monkeypatch, homeless):
    assert resolve_under_root("data") == repository_root() / "data"
    assert resolve_cache(".cache/text") == repository_root() / ".cache" / "text"
    for resolve in (resolve_under_root, resolve_cache, find_run_folder):
        with pytest.raises(FileNotFoundError, match="~/data: ~ stands for a home folder, and none is known"):
            resolve("~/data")

    def nowhere() -> Path:
        raise NoRepositoryError("installed as a copy")

    monkeypatch.setattr(folder, "repository_root", nowhere)
    found = resolve_cache(".cache/text")
    assert found.is_absolute() and found.parts[-2:] == ("har-language", "text")
