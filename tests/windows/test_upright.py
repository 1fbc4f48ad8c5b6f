"""Which way is up: synthetic wearers whose mounting is known."""

from pathlib import Path

import numpy as np
import pytest

from har.recordings.format import DatasetWriter, StreamInfo, read_dataset
from har.windows.index import WindowIndex
from har.windows.upright import gravity_and_movement, upright_direction, upright_directions

RATE_HZ = 20.0
UP = np.array([0.6, -0.64, 0.48])  # in the device's axes, unit norm
ACROSS = np.array([0.8, 0.48, -0.36])  # perpendicular to it


def worn(direction: np.ndarray, seconds: float, movement_g: float, rate_hz: float = RATE_HZ) -> np.ndarray:
    """(T, 3): gravity along ``direction`` and steps twice a second along it."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return direction * (1 + movement_g * np.sqrt(2) * np.sin(2 * np.pi * 2 * time_s))[:, None]


def test_direction_and_movement_of_pieces():
    still, walking, slow = worn(UP, 5, 0.0), worn(ACROSS, 5, 0.3), worn(UP, 5, 0.04)
    pause = worn(UP, 5, 0.3)
    pause[40:60] = UP  # the third second
    direction, moving = gravity_and_movement(np.stack([still, walking, slow, pause]), RATE_HZ)
    np.testing.assert_allclose(direction, [UP, ACROSS, UP, UP], atol=1e-6)
    assert moving.tolist() == [False, True, False, False]


def test_missing_samples_are_not_looked_at():
    pieces = np.stack([worn(UP, 5, 0.3)] * 4)
    pieces[1, 60:] = np.nan  # three seconds are there
    pieces[2, 59:] = np.nan  # less than three
    pieces[3, 5:, 1] = np.nan  # one axis is enough; not a second is left
    direction, moving = gravity_and_movement(pieces, RATE_HZ)
    np.testing.assert_allclose(direction[:3], [UP] * 3, atol=1e-6)
    assert not direction[3].any()
    assert moving.tolist() == [True, True, False, False]


def test_free_fall_has_no_direction():
    direction, moving = gravity_and_movement(np.full((1, 100, 3), 0.01), RATE_HZ)
    assert not direction.any() and not moving.any()


def test_up_is_the_direction_of_most_moving_pieces():
    direction = np.stack([UP] * 8 + [ACROSS] * 2 + [-UP] * 20)
    moving = np.array([True] * 10 + [False] * 20)
    np.testing.assert_allclose(upright_direction(direction, moving), UP, atol=1e-6)
    # A swinging limb: the mean over the swing.
    swing = np.linspace(-0.4, 0.4, 21)
    around = np.cos(swing)[:, None] * UP + np.sin(swing)[:, None] * ACROSS
    np.testing.assert_allclose(upright_direction(around, np.ones(21, dtype=bool)), UP, atol=1e-6)


@pytest.mark.parametrize(
    ("directions", "moving"),
    [
        ([UP] * 2, [True] * 2),  # too few
        ([UP] * 9, [True] * 2 + [False] * 7),
        ([UP] * 6 + [ACROSS] * 4, [True] * 10),  # 60 % agree
        ([UP] * 3 + [-UP] * 3, [True] * 6),  # the median vanishes
    ],
)
def test_up_is_unknown_where_little_moves_or_pieces_disagree(directions, moving):
    assert upright_direction(np.array(directions), np.array(moving)) is None


# --- of whole datasets ------------------------------------------------------------------------------------------------

REMOUNTED = -UP

# (stream, recording, subject, [(direction of gravity, movement in g, seconds, label), ...])
RUNS = [
    ("phone", "walk", "ann", [(UP, 0.3, 20, "walking")]),
    ("phone", "lie", "ann", [(ACROSS, 0.0, 12, "lying")]),  # only sits still: knows it from the walk
    ("phone", "walk", "bob", [(UP, 0.3, 20, "walking"), (ACROSS, 0.0, 6, "lying")]),
    ("phone", "again", "bob", [(REMOUNTED, 0.3, 20, "walking"), (ACROSS, 0.0, 6, "lying")]),
    ("phone", "rest", "bob", [(ACROSS, 0.0, 12, "lying")]),  # of a person whose recordings disagree
    ("phone", "rest", "cem", [(ACROSS, 0.0, 30, "lying")]),  # of one who never walks
    ("phone", "errand", "dea", [(UP, 0.3, 2.5, label) for label in ("walking", "turning around") * 4]),
    ("watch", "walk", "ann", [(ACROSS, 0.3, 20, "walking")]),
]


@pytest.fixture
def index(tmp_path: Path) -> WindowIndex:
    channels = ("gyro_x", "gyro_y", "gyro_z", "acc_x", "acc_y", "acc_z")
    with DatasetWriter(tmp_path / "d", title="t", citation="c", licence="l", source_url="u") as writer:
        for name in ("phone", "watch"):
            writer.add_stream(StreamInfo(name, "test", "somewhere", channels, RATE_HZ))
        for stream, recording, subject, parts in RUNS:
            samples = np.concatenate([worn(direction, seconds, g) for direction, g, seconds, _ in parts])
            ends = np.cumsum([round(seconds * RATE_HZ) for _, _, seconds, _ in parts]).tolist()
            labels = [(part[3], start, end) for part, start, end in zip(parts, [0, *ends], ends, strict=False)]
            samples = np.hstack([np.full_like(samples, 7.0), samples])
            name = f"{subject}_{recording}"
            writer.append(stream, recording=name, subject=subject, samples=samples, labels=labels)
    return WindowIndex([read_dataset(tmp_path / "d")], 5.0, 2.5, 1.0)


def test_a_session_that_agrees_knows_it_everywhere_and_others_recording_by_recording(index):
    phone, watch = upright_directions(index)
    found = {name.split("/")[1]: phone[i] for i, name in enumerate(index.recordings)}
    expected = {
        "ann_walk": UP, "ann_lie": UP, "bob_walk": UP, "bob_again": REMOUNTED, "bob_rest": np.zeros(3),
        "cem_rest": np.zeros(3), "dea_errand": UP,
    }  # fmt: skip
    assert set(found) == set(expected)
    for name, direction in expected.items():
        np.testing.assert_allclose(found[name], direction, atol=1e-5, err_msg=name)
    known = {name.split("/")[1] for i, name in enumerate(index.recordings) if watch[i].any()}
    assert known == {"ann_walk"}
    np.testing.assert_allclose(watch[index.recordings.index("d/ann_walk")], ACROSS, atol=1e-5)


def test_labels_and_their_borders_change_nothing(index, monkeypatch):
    expected = upright_directions(index)
    index.label_id = np.full_like(index.label_id, -1)
    for found, table in zip(upright_directions(index), expected, strict=True):
        np.testing.assert_array_equal(found, table)


def test_runs_are_the_stretches_without_a_gap(index):
    recording_id, start, stop = index.runs(0)
    names = [index.recordings[i].split("/")[1] for i in recording_id]
    assert dict(zip(names, (stop - start).tolist(), strict=True))["dea_errand"] == 400  # eight labels, one run
    assert len(names) == len(set(names)) == 7


def test_every_sample_is_counted(index):
    seen = []
    upright_directions(index, seen.append)
    samples = sum(len(stream.samples) for stream in index.streams)
    assert samples <= sum(seen) < samples + 100 * len(RUNS)  # pieces reach past the end of their run


def test_gravity_removed_or_no_accelerometer_leaves_it_unknown(tmp_path: Path):
    with DatasetWriter(tmp_path / "d", title="t", citation="c", licence="l", source_url="u") as writer:
        axes = ("x", "y", "z")
        writer.add_stream(
            StreamInfo("linear", "test", "waist", tuple(f"acc_{a}" for a in axes), RATE_HZ, gravity="removed")
        )
        writer.add_stream(StreamInfo("turns", "test", "waist", tuple(f"gyro_{a}" for a in axes), RATE_HZ))
        for name in ("linear", "turns"):
            samples = worn(UP, 30, 0.3)
            writer.append(name, recording="r", subject="ann", samples=samples, labels=[("walking", 0, len(samples))])
    index = WindowIndex([read_dataset(tmp_path / "d")], 5.0, 2.5, 1.0)
    assert not np.concatenate(upright_directions(index)).any()
