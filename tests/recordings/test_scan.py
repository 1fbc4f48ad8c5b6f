"""Dataset folders whose samples cannot be what they are said to be, and folders that were altered behind their back."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from har.recordings import format as module
from har.recordings.format import DatasetError, DatasetWriter, StreamInfo, read_dataset
from har.signal.plausibility import SignalWarning

ACC = ("acc_x", "acc_y", "acc_z")
GYRO = ("gyro_x", "gyro_y", "gyro_z")
HEADER = {"title": "A title", "citation": "Somebody 2020", "licence": "CC BY 4.0", "source_url": "https://example.org"}


def info(name: str = "wrist", channels: tuple[str, ...] = ACC, rate: float = 50.0, **more: object) -> StreamInfo:
    return StreamInfo(name, "tag", "right wrist", channels, rate, **more)


def still(rows: int, width: int = 3, seed: int = 0) -> np.ndarray:
    """Noise of 5 mg around 1 g along y."""
    samples = 0.005 * np.random.default_rng(seed).standard_normal((rows, width))
    samples[:, 1] += 1.0
    return samples


def write(folder: Path) -> Path:
    """A dataset of two streams worn together by two people."""
    with DatasetWriter(folder, **HEADER) as writer:
        writer.add_stream(info())
        writer.add_stream(info("thigh", ACC + GYRO, 25.0, accelerometer_range_g=8.0))
        labels = [("walking", 10, 100), ("sitting", 100, 250)]
        writer.append("wrist", recording="r1", subject="s1", samples=still(300), labels=labels, start_time_s=0.5)
        writer.append("wrist", recording="r2", subject="s2", samples=still(300), labels=[("walking", 0, 300)])
        writer.append("thigh", recording="r1", subject="s1", samples=still(150, 6), labels=[("walking", 0, 50)])
    return folder


# --- examined as signals are ------------------------------------------------------------------------------------------


def walk(seconds: float, rate_hz: float = 50.0, seed: int = 0) -> np.ndarray:
    """Accelerometer in g and gyroscope in rad/s of a device that swings about x while walking, never still."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    angle = 0.5 * np.sin(2 * np.pi * 1.0 * time_s)
    turn = np.gradient(angle, time_s)
    acc = np.stack([0 * angle, np.cos(angle), -np.sin(angle)], 1)
    acc[:, 1] += 0.25 * np.sin(2 * np.pi * 2.0 * time_s)
    gyro = np.stack([turn, 0 * turn, 0 * turn], 1)
    return np.hstack([acc + 0.01 * rng.standard_normal(acc.shape), gyro + 0.01 * rng.standard_normal(gyro.shape)])


def write_walk(folder: Path, samples: np.ndarray, gravity: str = "present") -> Path:
    with DatasetWriter(folder, **HEADER) as writer:
        writer.add_stream(info("wrist", ACC + GYRO, gravity=gravity))
        writer.append("wrist", recording="r", subject="s", samples=samples, labels=[("walking", 0, len(samples))])
    return folder


def test_a_right_recording_is_written_without_a_word(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset = read_dataset(write_walk(tmp_path / "mine", walk(120)))
    np.testing.assert_array_equal(dataset.streams["wrist"].samples, walk(120).astype(np.float32))


SPOILT = {
    "m/s^2, never still": (lambda x: x[:, :3].__imul__(9.80665), "Divide m/s\\^2 by 9.80665"),
    "mg": (lambda x: x[:, :3].__imul__(100), "median magnitude of"),
    "mg beyond every range": (lambda x: x[:, :3].__imul__(1000), "Divide mg by 1000"),
    "-999 in the accelerometer": (
        lambda x: x[1000:1003, :3].fill(-999),
        "samples of -999 .*: a code for missing",
    ),
    "200 rad/s": (lambda x: x[:, 3:].__imul__(200), "nothing worn turns faster than 70 rad/s"),
    "-999 for missing": (lambda x: x[1000:1003, 3:].fill(-999), "code for missing samples"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_cannot_be_is_refused_where_it_is_written_and_read(name, tmp_path):
    spoil, expected = SPOILT[name]
    samples = walk(120)
    spoil(samples)
    with pytest.raises(DatasetError, match=f"mine/wrist.npy: .*{expected}"):
        write_walk(tmp_path / "mine", samples)
    folder = write_walk(tmp_path / "mine", walk(120))
    read_dataset(folder)
    np.save(folder / "wrist.npy", samples.astype(np.float32))
    with pytest.raises(DatasetError, match=f"mine/wrist.npy: .*{expected}"):
        read_dataset(folder)


def test_what_is_unlikely_is_warned_of_once_a_stream_until_it_is_remembered(tmp_path):
    samples = walk(120)
    samples[:, :3] -= samples[:, :3].mean(0)
    with pytest.warns(SignalWarning, match="mine/wrist.npy: .*Gravity has probably been removed") as caught:
        folder = write_walk(tmp_path / "mine", samples)
    assert len(caught) == 1
    with pytest.warns(SignalWarning, match="mine/wrist.npy"):
        read_dataset(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_dataset(folder)  # remembered
        read_dataset(write_walk(tmp_path / "said", samples, gravity="removed"))


def test_a_stream_of_single_samples_is_no_mixture_of_clocks(tmp_path):
    with DatasetWriter(tmp_path / "mine", **HEADER) as writer:
        writer.add_stream(info())
        for number in range(60):
            one = still(1, seed=number)
            writer.append("wrist", recording=f"r{number}", subject="s", samples=one, labels=[("walking", 0, 1)])
    assert len(read_dataset(tmp_path / "mine").streams["wrist"].segments) == 60


def test_other_checks_read_the_samples_through_again(tmp_path, monkeypatch):
    folder = write(tmp_path / "mine")
    scanned = []
    monkeypatch.setattr(module, "scan_samples", lambda stream, path: scanned.append(path.name))
    for digest, expected in (("a", 2), ("a", 2), ("b", 4), ("b", 4)):
        monkeypatch.setattr(module, "source_digest", lambda *_, digest=digest: digest)
        read_dataset(folder)
        assert len(scanned) == expected


# --- folders that were altered ----------------------------------------------------------------------------------------


def altered(content: bytes, first: int, rng: np.random.Generator) -> bytes:
    """Cut off, a bit turned, some bytes less or more, among the first bytes."""
    at = int(rng.integers(first))
    turned = bytes([content[at] ^ 1 << int(rng.integers(8))])
    return (
        content[:at],
        content[:at] + turned + content[at + 1 :],
        content[:at] + content[at + int(rng.integers(1, 8)) :],
        content[:at] + rng.bytes(int(rng.integers(1, 6))) + content[at:],
    )[int(rng.integers(4))]


def test_an_altered_folder_is_read_or_refused_in_words(tmp_path):
    folder = write(tmp_path / "mine")
    whole = {path: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "thigh.npy"}
    refused = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        path = list(whole)[seed % len(whole)]
        # Of the samples only the heading: any other float is one as well.
        first = 128 if path.suffix == ".npy" else len(whole[path])
        path.write_bytes(altered(whole[path], first, rng))
        try:
            dataset = read_dataset(folder, scan=True)
            assert all(label.strip() for label in dataset.labels) and dataset.subjects
        except DatasetError as error:
            assert str(folder) in str(error)
            refused += 1
        path.write_bytes(whole[path])
    assert refused > 150


VALUES = [None, 3, "x", [], {}, [1], {"a": 1}, float("inf"), True, [[]]]


@pytest.mark.parametrize("place", ["dataset", "stream"])
def test_a_field_of_another_type_is_refused_in_words(tmp_path, place):
    folder = write(tmp_path / "mine")
    whole = (folder / "dataset.json").read_text()
    fields = json.loads(whole) if place == "dataset" else json.loads(whole)["streams"][0]
    for key in fields:
        for value in VALUES:
            header = json.loads(whole)
            (header if place == "dataset" else header["streams"][0])[key] = value
            (folder / "dataset.json").write_text(json.dumps(header))
            try:
                assert read_dataset(folder).streams
            except DatasetError as error:
                assert str(folder) in str(error)
    (folder / "dataset.json").write_text("[]")
    with pytest.raises(DatasetError, match=r"dataset.json: '\[\]'; expected an object with the fields name"):
        read_dataset(folder)


def test_one_person_in_another_unit_is_found_among_many(tmp_path):
    """Seven people in g and one in m/s^2, who has a hundredth of the samples."""
    refused = pytest.raises(DatasetError, match=r"stretches of 5 s of the accelerometer .* weigh 9\.\d+ .*another unit")
    with refused, DatasetWriter(tmp_path / "mine", **HEADER) as writer:
        writer.add_stream(info("wrist", ACC + GYRO))
        for person in range(8):
            samples = walk(20.0 if person == 3 else 280.0, seed=person)
            samples[:, :3] *= 9.80665 if person == 3 else 1.0
            labels = [("walking", 0, len(samples))]
            writer.append("wrist", recording=f"r{person}", subject=f"p{person}", samples=samples, labels=labels)
