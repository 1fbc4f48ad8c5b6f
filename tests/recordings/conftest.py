"""Original files of the public datasets, from the folder that the environment variable HAR_RAW_SAMPLES names."""

import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from har.recordings.convert import converter
from har.recordings.convert.common import convert_dataset
from har.signal.plausibility import SignalWarning


@pytest.fixture
def original_files() -> Callable[[str], Path]:
    """Name of a dataset -> the folder with some of its original files; the test is skipped where there are none."""

    def folder(name: str) -> Path:
        root = os.environ.get("HAR_RAW_SAMPLES")
        if not root:
            pytest.skip("HAR_RAW_SAMPLES names no folder with original files")
        return Path(root) / name

    return folder


@pytest.fixture
def convert_twice(tmp_path: Path) -> Callable[[str, Path], Path]:
    """Name and raw folder of a dataset -> its dataset folder, after a second conversion gave identical bytes."""

    def convert(name: str, raw: Path) -> Path:
        folders = [tmp_path / "converted" / time / name for time in ("once", "twice")]
        for folder in folders:
            convert_dataset(converter(name), raw, folder)
        first, second = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
        assert first and first == second
        return folders[0]

    return convert


@pytest.fixture(autouse=True)
def plain_numbers() -> Iterator[None]:
    """What is said of the few lines of a fixture, which are no movement, matters to those alone who expect it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SignalWarning)
        yield
