"""Which datasets a script works on: prepared ones, or a corpus written once when there are none."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from har.recordings.corpus import Fallback, open_datasets
from har.recordings.format import DatasetError, DatasetWriter, StreamInfo


def write_dataset(folder: Path) -> None:
    """One person, two seconds at rest, in whatever orientation."""
    samples = np.random.default_rng(0).normal(0, 0.005, (50, 3)) + np.array([0.0, 0.6, 0.8])
    with DatasetWriter(folder, title="t", citation="c", licence="l", source_url="u") as writer:
        writer.add_stream(StreamInfo("watch", "test", "left wrist", ("acc_x", "acc_y", "acc_z"), 25.0))
        writer.append("watch", recording="r", subject="p", samples=samples, labels=[("standing", 0, 50)])


def write_datasets(root: Path, names: Sequence[str]) -> None:
    for name in names:
        write_dataset(root / name)


class Corpus:
    """A fallback of three datasets that counts how often it is written."""

    def __init__(self, held_out: Sequence[str] = ("gen_b",)) -> None:
        self.written: list[Path] = []
        self.fallback = Fallback("generated", held_out, self.write)

    def write(self, folder: Path) -> None:
        self.written.append(folder)
        write_datasets(folder, ["gen_c", "gen_a", "gen_b"])


def names(datasets: list) -> list[str]:
    return [dataset.name for dataset in datasets]


def test_prepared_datasets_are_sorted_and_split(tmp_path):
    write_datasets(tmp_path, ["waist", "arm", "phone", "chest"])
    (tmp_path / "notes").mkdir()
    told, corpus = [], Corpus()
    training, held_out = open_datasets(tmp_path, ("phone", "chest"), corpus.fallback, told.append)
    assert (names(training), names(held_out)) == (["arm", "waist"], ["chest", "phone"])
    assert [dataset.folder for dataset in training] == [tmp_path / "arm", tmp_path / "waist"]
    assert training[0].streams["watch"].samples.shape == (50, 3)
    assert (told, corpus.written) == ([], [])


def test_nothing_held_out_is_all_to_learn_from(tmp_path):
    write_datasets(tmp_path, ["waist"])
    training, held_out = open_datasets(tmp_path, (), Corpus().fallback, pytest.fail)
    assert (names(training), held_out) == (["waist"], [])


def test_only_some_are_learned_from_and_those_held_out_stay(tmp_path):
    write_datasets(tmp_path, ["waist", "arm", "phone", "chest"])
    training, held_out = open_datasets(tmp_path, ("phone",), Corpus().fallback, pytest.fail, only=("chest", "arm"))
    assert (names(training), names(held_out)) == (["arm", "chest"], ["phone"])
    with pytest.raises(DatasetError, match="DATASETS asks for head, hip"):
        open_datasets(tmp_path, (), Corpus().fallback, pytest.fail, only=("hip", "arm", "head"))
    with pytest.raises(DatasetError, match="all of them held out"):
        open_datasets(tmp_path, ("arm",), Corpus().fallback, pytest.fail, only=("arm",))


@pytest.mark.parametrize("exists", [True, False])
def test_the_fallback_is_written_once_and_told_every_time(tmp_path, exists):
    root = tmp_path / "data"
    if exists:
        root.mkdir()
    corpus = Corpus()
    for _ in range(2):
        told = []
        # What is held out of recordings of people says nothing about the fallback.
        training, held_out = open_datasets(root, ("mobifall", "gen_a"), corpus.fallback, told.append)
        assert (names(training), names(held_out)) == (["gen_a", "gen_c"], ["gen_b"])
        assert training[0].folder == root / "generated" / "gen_a"
        assert len(told) == 1
        assert f"under {root}:" in told[0] and "gen_a, gen_b, gen_c" in told[0]
    (written,) = corpus.written
    assert written.parent == root and written.name.startswith(".generated.") and not written.exists()


def test_a_fallback_whose_writing_was_interrupted_is_written_again(tmp_path):
    """A process may die between two datasets: what it had written is not taken for the whole corpus."""

    def interrupted(folder: Path) -> None:
        write_datasets(folder, ["gen_a"])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_datasets(tmp_path, (), Fallback("generated", (), interrupted), lambda line: None)
    corpus = Corpus()
    training, held_out = open_datasets(tmp_path, (), corpus.fallback, lambda line: None)
    assert (names(training), names(held_out)) == (["gen_a", "gen_c"], ["gen_b"])
    assert {path.name for path in tmp_path.iterdir()} == {"generated"}


def test_a_written_fallback_is_left_aside_once_something_is_prepared(tmp_path):
    corpus, told = Corpus(), []
    open_datasets(tmp_path, (), corpus.fallback, lambda line: None)
    write_dataset(tmp_path / "waist")
    training, held_out = open_datasets(tmp_path, (), corpus.fallback, told.append)
    assert (names(training), held_out, told) == (["waist"], [], [])


BESIDE = ("gen_a", "gen_b", "gen_c")


def test_the_fallback_is_added_to_what_is_prepared_when_asked_for(tmp_path):
    write_datasets(tmp_path, ["waist", "phone"])
    corpus, told = Corpus(), []
    for _ in range(2):
        training, held_out = open_datasets(tmp_path, ("phone",), corpus.fallback, told.append, beside=BESIDE)
        assert (names(training), names(held_out)) == (["gen_a", "gen_b", "gen_c", "waist"], ["phone"])
        assert training[0].folder == tmp_path / "generated" / "gen_a"
    assert len(corpus.written) == 1
    assert told == ["Beside 2 prepared datasets, simulated people: gen_a, gen_b, gen_c"] * 2
    # With everything prepared held out, the fallback is what is learned from.
    training, held_out = open_datasets(tmp_path, ("phone", "waist"), corpus.fallback, told.append, beside=BESIDE)
    assert (names(training), names(held_out)) == (list(BESIDE), ["phone", "waist"])


def test_nothing_is_added_beside_its_like_or_to_a_choice(tmp_path):
    write_datasets(tmp_path, ["waist", "gen_b"])
    corpus = Corpus()
    training, _ = open_datasets(tmp_path, (), corpus.fallback, pytest.fail, beside=BESIDE)
    assert names(training) == ["gen_b", "waist"]
    training, _ = open_datasets(tmp_path, (), corpus.fallback, pytest.fail, only=("waist",), beside=BESIDE)
    assert (names(training), corpus.written) == (["waist"], [])


def test_two_processes_that_write_it_at_once_get_along(tmp_path):
    corpus = Corpus()

    def slower(folder: Path) -> None:
        open_datasets(tmp_path, (), corpus.fallback, lambda line: None)  # another one begins later and ends earlier
        write_datasets(folder, ["gen_late"])

    training, _ = open_datasets(tmp_path, (), Fallback("generated", (), slower), lambda line: None)
    assert names(training) == ["gen_a", "gen_b", "gen_c"]
    assert {path.name for path in tmp_path.iterdir()} == {"generated"}


def test_what_a_killed_process_left_is_removed_after_a_while(tmp_path):
    old, new = tmp_path / ".generated.01234567.part", tmp_path / ".generated.89abcdef.part"
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (0, 0))
    open_datasets(tmp_path, (), Corpus().fallback, lambda line: None)
    assert new.exists() and not old.exists()


def test_all_held_out_is_an_error_that_names_them(tmp_path):
    write_datasets(tmp_path, ["waist", "arm"])
    with pytest.raises(DatasetError, match=r"\['arm', 'waist'\], all of them held out.*HELD_OUT_DATASETS"):
        open_datasets(tmp_path, ("waist", "arm", "phone"), Corpus().fallback, pytest.fail)


def test_a_name_to_hold_out_that_is_not_prepared_is_told(tmp_path):
    write_datasets(tmp_path, ["waist", "arm"])
    told = []
    training, held_out = open_datasets(tmp_path, ("phone", "arm", "belt"), Corpus().fallback, told.append)
    assert (names(training), names(held_out)) == (["waist"], ["arm"])
    assert told == ["Held out but not prepared, so not scored: belt, phone"]


def test_the_same_is_told_of_the_fallback(tmp_path):
    told = []
    open_datasets(tmp_path, ("phone",), Corpus(held_out=("gen_z", "gen_b")).fallback, told.append)
    assert len(told) == 2
    assert told[1] == "Held out but not prepared, so not scored: gen_z"


def test_progress_sees_every_name_as_it_is_opened(tmp_path):
    write_datasets(tmp_path, ["waist", "arm", "chest"])
    seen = []

    def progress(given: Sequence[str]):
        assert len(given) == 3  # a bar wants to know how many there will be
        for name in given:
            seen.append(name)
            yield name

    training, held_out = open_datasets(tmp_path, ("chest",), Corpus().fallback, pytest.fail, progress)
    assert seen == ["arm", "chest", "waist"]
    assert (names(training), names(held_out)) == (["arm", "waist"], ["chest"])


@pytest.mark.parametrize("held_out", [(), ("arm",)])
def test_a_damaged_dataset_is_an_error_even_when_held_out(tmp_path, held_out):
    write_datasets(tmp_path, ["waist", "arm"])
    (tmp_path / "arm" / "watch.csv").unlink()
    with pytest.raises(DatasetError, match=r"watch\.csv"):
        open_datasets(tmp_path, held_out, Corpus().fallback, pytest.fail)


def test_a_place_that_cannot_be_written_is_named_with_the_constants_that_help(tmp_path):
    def write(folder: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(folder))

    fallback = Fallback("simulated", (), write)
    with pytest.raises(
        DatasetError, match=r"cannot be written to .*simulated \(Read-only file system\).*SIMULATED_FOLDER"
    ):
        open_datasets(tmp_path, (), fallback, list().append)
    assert list(tmp_path.iterdir()) == []
