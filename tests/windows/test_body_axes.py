"""Up and ahead of worn devices: synthetic wearers whose mounting is known."""

import json
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest

from har.recordings.format import STANDARD_GRAVITY, DatasetWriter, StreamInfo, read_dataset
from har.recordings.simulate.anthropometry import draw_person
from har.recordings.simulate.clips import FRAME_HZ
from har.recordings.simulate.locomotion import Going, gait_clip
from har.recordings.simulate.sensors import PLACEMENTS, Looseness, ideal_signals
from har.recordings.simulate.skeleton import CHANNEL, forward_kinematics, root_path
from har.windows.body_axes import (
    _bridged,
    _change,
    _least_changes,
    ahead_direction,
    body_axes,
    cut_pieces,
    gravity_and_movement,
    lead_of_walking,
    mountings,
    session_axes,
    session_axes_of_parts,
    upright_direction,
)
from har.windows.index import WindowIndex

RATE_HZ = 20.0
UP = np.array([0.6, -0.64, 0.48])  # in the device's axes, unit norm
ACROSS = np.array([0.8, 0.48, -0.36])  # perpendicular to it


def altered_on_purpose(folder: Path) -> None:
    """As docs/data_format.md says: without the checksums of what stood there before."""
    header = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    del header["checksums"]
    (folder / "dataset.json").write_text(json.dumps(header), encoding="utf-8")


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
    pieces[1, 51:] = np.nan  # of the third second most is there
    pieces[2, 50:] = np.nan  # of the third no more than half
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


# --- ahead ------------------------------------------------------------------------------------------------------------


def walking(
    up: np.ndarray,
    ahead: np.ndarray,
    seconds: float = 5.0,
    steps_hz: float = 1.8,
    lead: float = 0.25,
    vertical_g: float = 0.2,
    forwards_g: float = 0.15,
    rate_hz: float = 50.0,
) -> np.ndarray:
    """(T, 3): the forward acceleration leads the vertical one by ``lead`` of a step."""
    step = steps_hz * np.arange(round(seconds * rate_hz))[:, None] / rate_hz
    vertical, forwards = np.cos(2 * np.pi * step), np.cos(2 * np.pi * (step + lead))
    return up * (1 + np.sqrt(2) * vertical_g * vertical) + np.sqrt(2) * forwards_g * forwards * ahead


@pytest.mark.parametrize("lead", [0.25, 0.1, 0.0, -0.25])
def test_the_lead_is_the_sine_of_the_phase(lead):
    """Quadrature of two waves of one frequency: sin(2 pi lead), whatever their amplitudes."""
    pieces = np.stack([walking(UP, ACROSS, lead=lead), walking(UP, ACROSS, lead=lead, forwards_g=0.4, vertical_g=0.1)])
    found, walks = lead_of_walking(pieces, UP, 50.0)
    assert walks.all()
    np.testing.assert_allclose(found, np.tile(np.sin(2 * np.pi * lead) * ACROSS, (2, 1)), atol=0.02)


@pytest.mark.parametrize(
    "changes",
    [
        {"steps_hz": 2.8},  # running
        {"vertical_g": 0.6},
        {"vertical_g": 0.02},  # standing
        {"steps_hz": 0.7},  # slow exercise
    ],
)
def test_what_is_no_walking_does_not_count(changes):
    pieces = walking(UP, ACROSS, **changes)[None]
    assert not lead_of_walking(pieces, UP, 50.0)[1].any()


def test_pieces_with_missing_samples_and_noise_do_not_count_as_walking():
    gap = walking(UP, ACROSS)
    gap[100:106] = np.nan
    noise = UP + np.random.default_rng(0).normal(0, 0.2, (250, 3))
    _, walks = lead_of_walking(np.stack([gap, noise]), UP, 50.0)
    assert not walks.any()


def test_ahead_is_the_mean_lead_across_up():
    lead = np.stack([0.6 * ACROSS + 0.1 * UP, 0.8 * ACROSS, 0.7 * ACROSS, -9.0 * ACROSS])
    walks = np.array([True, True, True, False])
    found = ahead_direction(lead, walks, UP)
    np.testing.assert_allclose(found, ACROSS, atol=1e-6)
    assert ahead_direction(lead[:2], walks[:2], UP) is None  # too few
    assert ahead_direction(0.2 * lead, walks, UP) is None  # too weak
    both_ways = np.stack([ACROSS] * 6 + [-0.1 * ACROSS] * 4)
    assert ahead_direction(both_ways, np.ones(10, dtype=bool), UP) is None  # four in ten say the opposite


@pytest.mark.parametrize("rate_hz", [20.0, 50.0, 100.0])
def test_axes_turn_with_the_device_and_hold_at_any_rate(rate_hz):
    acceleration = walking(UP, ACROSS, 31.0, rate_hz=rate_hz)
    found = session_axes(cut_pieces(acceleration, rate_hz), rate_hz)
    np.testing.assert_allclose(found, [UP, ACROSS], atol=0.01)
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    turn *= np.linalg.det(turn)
    turned = session_axes(cut_pieces(acceleration @ turn, rate_hz), rate_hz)
    np.testing.assert_allclose(turned, found @ turn, atol=1e-3)


def test_without_up_there_is_no_ahead():
    assert not session_axes(cut_pieces(worn(UP, 30, 0.0), RATE_HZ), RATE_HZ).any()


def test_with_up_there_need_be_no_ahead():
    found = session_axes(cut_pieces(worn(UP, 30, 0.3), RATE_HZ), RATE_HZ)  # steps without a push
    np.testing.assert_allclose(found, [UP, np.zeros(3)], atol=1e-5)


@pytest.mark.parametrize("placement", ["chest", "lower back", "right thigh", "right front pocket"])
def test_simulated_walkers_are_found_to_look_ahead(placement):
    """Where the body's ahead is known: x of the segment's frame while walking on the flat. A thigh that moves as hard
    as in running may stay unknown."""
    place, known = PLACEMENTS[placement], 0
    for number in range(5):
        rng = np.random.default_rng([7, number])
        person = draw_person(rng)
        clip = gait_clip(person, Going(turns_per_minute=0.0, curving_rad_s=0.0), 3000, rng)
        pose = forward_kinematics(clip.angles, person.height_m)
        heading = clip.angles[:, CHANNEL["heading"]]
        root = root_path(pose, heading, clip.velocity, clip.support, person.height_m, FRAME_HZ)
        still = Looseness()
        force, _ = ideal_signals(pose, root, clip.impacts, place, np.eye(3), still, person.height_m, rng)
        up, ahead = session_axes(cut_pieces(force / STANDARD_GRAVITY, FRAME_HZ), FRAME_HZ)
        assert up @ [0.0, 0.0, 1.0] > 0.9
        assert not ahead.any() or ahead @ [1.0, 0.0, 0.0] > 0.9
        known += bool(ahead.any())
    assert known >= 4


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
    return read_index(tmp_path)


def read_index(root: Path, *names: str, window_s: float = 5.0, min_window_s: float = 1.0) -> WindowIndex:
    return WindowIndex([read_dataset(root / name) for name in names or ("d",)], window_s, window_s / 2, min_window_s)


def test_a_session_that_agrees_knows_it_everywhere_and_others_recording_by_recording(index):
    phone, watch = (table[:, 0] for table in body_axes(index))
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


def test_labels_and_their_borders_change_nothing(index, tmp_path):
    expected = body_axes(index)
    path = tmp_path / "d" / "phone.csv"
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    halves = []
    for row in rows:
        recording, subject, _, start, stop, time_s = row.split(",")
        middle = (int(start) + int(stop)) // 2
        halves.append(f"{recording},{subject},,{start},{middle},{time_s}")
        later_s = float(time_s) + (middle - int(start)) / RATE_HZ
        halves.append(f"{recording},{subject},sleeping,{middle},{stop},{later_s}")
    path.write_text("\n".join([header, *halves]) + "\n", encoding="utf-8")
    altered_on_purpose(path.parent)
    for found, table in zip(body_axes(read_index(tmp_path)), expected, strict=True):
        np.testing.assert_array_equal(found, table)


def test_runs_are_the_stretches_without_a_gap(index):
    recording_id, start, stop = index.runs(0)
    names = [index.recordings[i].split("/")[1] for i in recording_id]
    assert dict(zip(names, (stop - start).tolist(), strict=True))["dea_errand"] == 400  # eight labels, one run
    assert len(names) == len(set(names)) == 7


def test_every_sample_is_counted(index):
    samples = sum(len(stream.samples) for stream in index.streams)
    for _ in ("found", "remembered"):
        seen = []
        body_axes(index, seen.append)
        assert sum(seen) == samples


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
    assert not np.concatenate(body_axes(index)).any()


# --- remembered -------------------------------------------------------------------------------------------------------


def kept(root: Path) -> Path:
    return root / ".checked" / "d.body_axes"


def count_sessions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that gets an entry for each wearing session or recording that is looked at anew."""
    looked = []
    monkeypatch.setattr(
        "har.windows.body_axes.session_axes",
        lambda pieces, rate: looked.append(len(pieces)) or session_axes(pieces, rate),
    )
    return looked


def assert_equal_tables(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    assert len(found) == len(expected)
    for table, other in zip(found, expected, strict=True):
        assert table.dtype == other.dtype
        np.testing.assert_array_equal(table, other)


def test_what_is_remembered_is_what_was_found_to_the_bit(index, tmp_path, monkeypatch):
    looked = count_sessions(monkeypatch)
    found = body_axes(index)
    assert looked and kept(tmp_path).is_file()
    looked.clear()
    assert_equal_tables(body_axes(read_index(tmp_path)), found)
    assert looked == []
    kept(tmp_path).unlink()
    assert_equal_tables(body_axes(read_index(tmp_path)), found)
    assert looked


def test_other_windows_and_other_datasets_find_the_same_remembered(index, tmp_path, monkeypatch):
    found = dict(zip(index.recordings, np.stack(body_axes(index), axis=1), strict=True))
    with DatasetWriter(tmp_path / "a", title="t", citation="c", licence="l", source_url="u") as writer:
        writer.add_stream(StreamInfo("phone", "test", "waist", ("acc_x", "acc_y", "acc_z"), RATE_HZ))
        samples = worn(ACROSS, 30, 0.3)
        writer.append("phone", recording="ann_walk", subject="ann", samples=samples, labels=[])
    body_axes(read_index(tmp_path, "a"))
    looked = count_sessions(monkeypatch)
    for other in (read_index(tmp_path, "a", "d", window_s=2.0, min_window_s=2.0), read_index(tmp_path, window_s=11.0)):
        own = [number for number, stream in enumerate(other.streams) if stream.dataset == "d"]
        tables = body_axes(other)
        for row, name in enumerate(other.recordings):
            if name in found:
                np.testing.assert_array_equal([tables[number][row] for number in own], found[name])
    assert looked == []
    # Recordings too short for any window are part of the session all the same.
    kept(tmp_path).unlink()
    again = body_axes(read_index(tmp_path, window_s=11.0, min_window_s=11.0))
    assert_equal_tables([np.stack(list(found.values()))[:, number] for number in range(2)], again)


def test_another_file_is_looked_at_anew(index, tmp_path, monkeypatch):
    before = body_axes(index)
    samples = np.load(tmp_path / "d" / "watch.npy")
    np.save(tmp_path / "d" / "watch.npy", samples[:, [0, 1, 2, 4, 5, 3]])
    altered_on_purpose(tmp_path / "d")
    phone, watch = body_axes(read_index(tmp_path))
    np.testing.assert_array_equal(phone, before[0])
    np.testing.assert_allclose(watch, before[1][:, :, [1, 2, 0]], atol=1e-6)
    assert not np.array_equal(watch, before[1])


def test_other_code_looks_anew(index, monkeypatch):
    body_axes(index)
    looked = count_sessions(monkeypatch)
    monkeypatch.setattr("har.windows.body_axes.source_digest", lambda *packages: "changed")
    body_axes(index)
    assert looked


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "foreign", "a folder"])
def test_a_damaged_memory_is_found_out_anew_and_replaced(index, tmp_path, monkeypatch, damage):
    found = body_axes(index)
    content = kept(tmp_path).read_bytes()
    if damage == "flipped":
        kept(tmp_path).write_bytes(content[:-30] + bytes([content[-30] ^ 1]) + content[-29:])
    elif damage == "a folder":
        kept(tmp_path).unlink()
        kept(tmp_path).mkdir()
    else:
        kept(tmp_path).write_bytes({"cut": content[: len(content) // 2], "empty": b"", "foreign": b"PK" * 50}[damage])
    looked = count_sessions(monkeypatch)
    if damage == "a folder":
        with pytest.warns(UserWarning, match="could not be remembered"):
            assert_equal_tables(body_axes(index), found)
    else:
        assert_equal_tables(body_axes(index), found)
        assert kept(tmp_path).read_bytes() == content
    assert looked
    assert [path.name for path in (tmp_path / ".checked").iterdir() if path.name.endswith(".part")] == []


def test_a_place_that_cannot_be_written_warns_once_for_all_datasets(index, tmp_path):
    expected = body_axes(index)
    for path in (tmp_path / ".checked").iterdir():
        path.unlink()
    (tmp_path / ".checked").rmdir()
    (tmp_path / ".checked").write_text("in the way")
    with pytest.warns(UserWarning, match="could not be remembered") as caught:
        assert_equal_tables(body_axes(index), expected)
    assert len(caught) == 1


def test_axes_of_parts_are_those_of_the_whole():
    """A recording that is read a few pieces at a time; parts in which nobody walks, and none at all."""
    steps_hz = np.linspace(1.6, 2.2, 6)
    moving = [walking(UP, ACROSS, steps_hz=rate, lead=0.2 + 0.02 * i) for i, rate in enumerate(steps_hz)]
    pieces = np.stack([*moving, *np.tile(UP, (4, 250, 1))])
    whole = session_axes(pieces, 50.0)
    assert whole.any(axis=1).all()
    parts = np.array_split(pieces, 5)
    np.testing.assert_allclose(session_axes_of_parts(parts, 50.0), whole, atol=1e-6)
    assert not session_axes_of_parts([], 50.0).any()


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_scattered_losses_hide_neither_up_nor_ahead(share):
    """As a radio link loses samples: nearly every second lacks some, and the axes stay within a few degrees."""
    whole = np.stack([walking(UP, ACROSS) for _ in range(8)])
    lossy = whole.copy()
    lossy[np.random.default_rng(0).random(lossy.shape[:2]) < share] = np.nan
    found, truth = session_axes(lossy, 50.0), session_axes(whole, 50.0)
    assert (np.sum(found * truth, axis=1) > np.cos(np.deg2rad(5))).all()


def test_bridged_pieces_are_straight_lines_over_short_gaps():
    pieces = np.random.default_rng(1).normal(size=(3, 20, 3))
    gappy = pieces.copy()
    gappy[1, [0, 7, 8, 19]] = np.nan
    gappy[2, 3:6] = np.nan
    found, whole = _bridged(gappy, longest=2)
    assert whole.tolist() == [True, True, False]
    np.testing.assert_array_equal(found[0], pieces[0])
    np.testing.assert_allclose(found[1, 7], pieces[1, 6] + (pieces[1, 9] - pieces[1, 6]) / 3)
    np.testing.assert_array_equal(found[1, [0, 19]], pieces[1, [1, 18]])
    assert not found[2].any()


@pytest.mark.parametrize("seed", range(20))
def test_the_path_of_least_cost_is_the_best_of_all(seed):
    rng = np.random.default_rng(seed)
    count, columns, change = int(rng.integers(1, 7)), int(rng.integers(1, 4)), float(rng.integers(0, 4))
    cost = rng.integers(0, 3, (count, columns))

    def total(path: tuple[int, ...]) -> float:
        steps = sum(cost[row, column] for row, column in enumerate(path))
        return steps + change * sum(one != other for one, other in pairwise(path))

    best = min(total(path) for path in product(range(columns), repeat=count))
    assert total(tuple(_least_changes(cost, change).tolist())) == best


def noisy(direction: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    found = direction + 0.1 * rng.standard_normal((count, 3))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_mountings_go_by_walking_that_points_elsewhere():
    rng = np.random.default_rng(0)
    direction = np.concatenate([noisy(one, 20, rng) for one in (UP, ACROSS, UP, ACROSS)])
    never = np.zeros(80, dtype=bool)

    def found(walks: object, put_on: np.ndarray = never, moving: np.ndarray = ~never) -> list[int]:
        return mountings(direction, moving, np.array(walks), put_on).tolist()

    assert found(~never) == [20, 40, 60]
    # A posture in which one moves is no walking, however often it comes back.
    assert found(np.repeat([True, False, True, False], 20)) == []
    # More than half a minute of walking has to point elsewhere; twice that where it points back again afterwards.
    for count, anew in ((6, []), (7, [20])):
        assert found([True] * 20 + [True] * count + [False] * (60 - count)) == anew
    for count, changes in ((12, 0), (13, 2)):
        walks = [True] * (20 + count) + [False] * (20 - count) + [True] * 20 + [False] * 20
        assert len(found(walks)) == changes
    # A change is looked for where the device was put on, unless that is against what the wearer's tilt says.
    walks = [True] * 20 + [False] * 40 + [True] * 20
    for put_on, begins in ((20, {20}), (60, {60}), (25, {20, 60}), (50, {20, 60})):
        (begin,) = found(walks, np.arange(80) == put_on)
        assert begin in begins
    # No piece, none that walks, one direction.
    assert mountings(np.zeros((0, 3)), never[:0], never[:0], never[:0]).shape == (0,)
    assert found(never) == [] and not len(mountings(noisy(UP, 80, rng), ~never, ~never, never))


def test_what_looks_like_walking_is_no_turn_where_one_stands_as_before():
    """A minute of walking, two of rowing that looks like it, and then still: upright as before, or as the turn says."""
    rng = np.random.default_rng(4)
    moving = np.array([True] * 36 + [False] * 20)
    never = np.zeros(56, dtype=bool)
    for rest, turned in ((UP, []), (ACROSS, [12]), (-UP, [12])):
        direction = np.concatenate([noisy(UP, 12, rng), noisy(ACROSS, 24, rng), noisy(rest, 20, rng)])
        assert mountings(direction, moving, moving, never).tolist() == turned
    # What comes after a turn that was none is compared with what was before it.
    direction = np.concatenate([noisy(one, 20, rng) for one in (UP, ACROSS, UP, -UP)])
    walks = np.repeat([True, True, False, True], 20)
    assert mountings(direction, walks, walks, np.zeros(80, dtype=bool)).tolist() == [60]


def test_mountings_do_not_depend_on_how_the_device_is_turned():
    rng = np.random.default_rng(1)
    matrix = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    direction = np.concatenate([noisy(one, count, rng) for one, count in ((UP, 30), (ACROSS, 20), (-UP, 20))])
    walks, put_on = rng.random(70) < 0.9, rng.random(70) < 0.1
    found = mountings(direction, walks, walks, put_on)
    assert len(found) == 2
    assert (mountings(direction @ matrix.T, walks, walks, put_on) == found).all()


def tilt_in_all(direction: np.ndarray, moment: int) -> float:
    """By how much a wearer tilts from piece to piece whose device points up by UP before a moment, by ACROSS after."""
    up = [UP if number < moment else ACROSS for number in range(len(direction))]
    angle = [float(np.arccos(np.clip(piece @ own, -1, 1))) for piece, own in zip(direction, up, strict=True)]
    return sum(abs(one - other) for one, other in pairwise(angle))


def test_a_change_is_where_the_wearer_tilts_least():
    """Against a loop over all moments of a random path of the trunk, seen by a device that is turned on the way."""
    rng = np.random.default_rng(3)
    for _ in range(50):
        count = int(rng.integers(3, 12))
        direction = noisy(UP, count, rng) + rng.standard_normal((count, 3))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        direction[1 : count - 1][rng.random(count - 2) < 0.2] = 0.0  # nothing is known of some pieces
        put_on = rng.random(count) < 0.3
        found = _change(direction, np.stack([UP, ACROSS]), put_on)
        assert 1 <= found < count
        if direction.any(axis=1).all():
            cost = [tilt_in_all(direction, moment) - np.pi / 4 * put_on[moment] for moment in range(1, count)]
            assert cost[found - 1] == pytest.approx(min(cost))


def test_each_piece_may_have_its_own_up():
    rng = np.random.default_rng(2)
    pieces = np.stack([worn(UP, 5, 0.2), worn(ACROSS, 5, 0.2), worn(UP, 5, 0.0)]) + 0.02 * rng.standard_normal(
        (3, 100, 3)
    )
    own = np.stack([UP, ACROSS, UP])
    leads, walks = lead_of_walking(pieces, own, RATE_HZ)
    assert walks.tolist() == [True, True, False]
    for number, up in enumerate(own):
        lead, walk = lead_of_walking(pieces[number : number + 1], up, RATE_HZ)
        np.testing.assert_allclose(leads[number], lead[0], atol=1e-12)
        assert walks[number] == walk[0]
