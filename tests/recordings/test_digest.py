"""A digest stays the same wherever a dataset lies, and changes with what is in it."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from har.recordings.digest import dataset_digest
from har.recordings.format import DatasetWriter, StreamInfo, read_dataset

INFO = StreamInfo("watch", "test", "left wrist", ("acc_x", "acc_y", "acc_z"), 25.0)


def written(folder, *, info=INFO, people=3, label="walking", spoiled=None):
    generator = np.random.default_rng(0)
    with DatasetWriter(folder, title="t", citation="c", licence="l", source_url="u") as writer:
        writer.add_stream(info)
        for person in range(people):
            samples = generator.normal(0, 0.005, (500, 3)) + np.array([0.0, 0.0, 1.0])
            if spoiled == person:
                samples += 0.01
            writer.append(
                "watch", recording=f"r{person}", subject=f"p{person}", samples=samples, labels=[(label, 0, 250)]
            )
    return dataset_digest(read_dataset(folder))


def test_it_is_the_same_for_a_copy_and_for_the_same_data_written_again(tmp_path):
    first = written(tmp_path / "a" / "mine")
    assert written(tmp_path / "b" / "mine") == first
    shutil.copytree(tmp_path / "a" / "mine", tmp_path / "c" / "other_name")
    assert dataset_digest(read_dataset(tmp_path / "c" / "other_name")) == first


@pytest.mark.parametrize(
    "change",
    [{"people": 2}, {"label": "running"}, {"spoiled": 1}, {"info": replace(INFO, sampling_rate_hz=50.0)},
     {"info": replace(INFO, placement="right wrist")}],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_it_changes_with_people_labels_samples_and_what_is_said_of_a_stream(tmp_path, change):
    assert written(tmp_path / "b" / "mine", **change) != written(tmp_path / "a" / "mine")
