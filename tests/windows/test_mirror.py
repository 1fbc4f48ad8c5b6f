"""The mirror image of a wearer, against bodies that move in a mirrored world."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from har.labels.sides import has_side, on_no_side, on_other_side
from har.windows.augment import SharedRandom
from har.windows.batch import SensorWindows
from har.windows.mirror import Mirror

LABELS = ["walking", "lying on the left side", "waving"]
PLACEMENTS = {"left wrist": 1, "right wrist": 2, "left ankle": 3, "ankle": 4, "right thigh": 5, "chest": 6}
ALWAYS = Mirror(1.0, LABELS, PLACEMENTS, "cpu")
RATE_HZ, LENGTH = 1000.0, 60


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def windows_of(batch: int = 12, knows: int = 2) -> SensorWindows:
    """Accelerometer, gyroscope and magnetometer of one device and an accelerometer of another, with missing samples.

    knows: 2 for up and ahead, 1 for up alone, 0 for neither.
    """
    random = generator(1)
    valid = torch.rand(batch, 4, LENGTH, generator=random) > 0.2
    axes = torch.linalg.qr(torch.randn(batch, 2, 3, 3, generator=random))[0].mT[:, :, :2].repeat_interleave(2, dim=1)
    axes = axes[:, [0, 0, 1, 3]]  # sensors of the first device agree
    axes[:, 1:3] = axes[:, :1]
    axes[:, :, knows:] = 0.0
    return SensorWindows(
        torch.randn(batch, 4, 3, LENGTH, generator=random).masked_fill(~valid.unsqueeze(2), 0.0), valid,
        torch.tensor([0, 1, 2, 0]).repeat(batch, 1), torch.tensor([0, 0, 0, 1]).repeat(batch, 1),
        torch.tensor([1, 1, 1, 6]).repeat(batch, 1), torch.full((batch, 4), 50.0), axes,
    )  # fmt: skip


def same(a: SensorWindows, b: SensorWindows) -> bool:
    return all(torch.equal(getattr(a, field.name), getattr(b, field.name)) for field in fields(a))


def measured(turn: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Specific force in g and rate of turn in rad/s (T - 2, 3) of a device with axes ``turn`` (T, 3, 3) in the world at
    ``place`` (T, 3) in metres, by differences of what neighbours in time have."""
    force = (place[2:] - 2 * place[1:-1] + place[:-2]) * RATE_HZ**2 / 9.80665 + np.array([0.0, 0.0, 1.0])
    force = np.einsum("tij,ti->tj", turn[1:-1], force)
    between = Rotation.from_matrix(np.swapaxes(turn[:-2], 1, 2) @ turn[2:])  # of two steps, in the device's axes
    return force, between.as_rotvec() * RATE_HZ / 2


def test_windows_are_what_devices_measure_on_bodies_in_a_mirror():
    """World: x ahead, y left, z up; in the mirror y is turned round. A mirrored device has its own left turned round,
    as a mirror makes a left hand of a right one."""
    time = np.arange(LENGTH + 2) / RATE_HZ
    path = np.stack([np.sin(9 * time), np.cos(7 * time) + time, 0.3 * np.sin(20 * time)], axis=1)
    angles = np.stack([2 * np.sin(5 * time), 1.5 * time, 0.7 * np.cos(11 * time)], axis=1)
    turn = Rotation.from_euler("zyx", angles).as_matrix()
    mounted = Rotation.random(random_state=3).as_matrix()  # up and ahead of the body in the device's axes, as rows
    up, ahead = mounted[2], mounted[0]
    left = np.cross(up, ahead)
    world, device = np.diag([1.0, -1.0, 1.0]), np.eye(3) - 2 * np.outer(left, left)

    signal = np.stack(measured(turn, path)).transpose(0, 2, 1)
    windows = SensorWindows(
        torch.tensor(signal)[None], torch.ones(1, 2, LENGTH, dtype=torch.bool), torch.tensor([[0, 1]]),
        torch.zeros(1, 2, dtype=torch.long), torch.zeros(1, 2, dtype=torch.long), torch.full((1, 2), RATE_HZ),
        torch.tensor(np.stack([up, ahead])).expand(1, 2, -1, -1),
    )  # fmt: skip
    found = ALWAYS(windows, np.zeros(1, dtype=int), generator())
    mirrored = np.stack(measured(world @ turn @ device, path @ world)).transpose(0, 2, 1)
    np.testing.assert_allclose(found.signal[0].numpy(), mirrored, atol=1e-6)
    torch.testing.assert_close(found.body, windows.body)
    assert np.abs(mirrored - signal).max() > 1


@pytest.mark.parametrize("knows", [0, 1, 2])
def test_a_mirror_turns_round_what_is_level_and_leaves_what_is_known(knows):
    windows = windows_of(knows=knows)
    found = ALWAYS(windows, np.zeros(12, dtype=int), generator())
    for field in ("valid", "kind", "location", "rate_hz"):
        assert torch.equal(getattr(found, field), getattr(windows, field))
    torch.testing.assert_close(found.body, windows.body)  # by which posture is told
    torch.testing.assert_close(found.signal.norm(dim=2), windows.signal.norm(dim=2))
    axial = torch.tensor([1.0, -1.0, -1.0, 1.0])[:, None, None]
    matrix = axial * torch.linalg.lstsq(windows.signal.mT, found.signal.mT).solution.mT
    torch.testing.assert_close(matrix[:, 0], matrix[:, 1], atol=1e-5, rtol=0)  # one device, one mirror
    torch.testing.assert_close(matrix[:, 0], matrix[:, 2], atol=1e-5, rtol=0)
    torch.testing.assert_close(matrix @ matrix, torch.eye(3).expand_as(matrix), atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(matrix), -torch.ones(12, 4), atol=1e-5, rtol=0)
    if knows == 0:
        torch.testing.assert_close(matrix, torch.diag(torch.tensor([-1.0, 1, 1])).expand_as(matrix), atol=1e-5, rtol=0)
    else:
        assert (matrix[:, 0] - matrix[:, 3]).abs().amax(dim=(1, 2)).min() > 1e-3  # each device has its own
    if knows == 1:  # level, and another one each time
        again = ALWAYS(windows, np.zeros(12, dtype=int), generator(1))
        assert not torch.allclose(again.signal, found.signal)
    assert (found.signal.movedim(2, -1)[~found.valid] == 0).all()


def test_activities_with_a_side_stay_and_of_the_others_the_share():
    mirror = Mirror(0.3, LABELS, PLACEMENTS, "cpu")
    windows = windows_of(6000)
    label = np.arange(6000) % 3
    found = mirror(windows, label, generator())
    turned = (found.signal != windows.signal).flatten(1).any(dim=1).numpy()
    assert not turned[label == 1].any()
    assert turned[label != 1].mean() == pytest.approx(0.3, abs=0.03)
    assert (found.placement[turned] == torch.tensor([2, 2, 2, 6])).all()
    rest = torch.from_numpy(np.flatnonzero(~turned))
    assert same(found[rest], windows[rest])


def test_placements_on_one_side_become_those_on_the_other():
    """Of a side that nobody wears one on, the place without a side, or unknown."""
    windows = windows_of(7).replace(placement=torch.arange(7)[:, None].expand(7, 4))
    found = ALWAYS(windows, np.zeros(7, dtype=int), generator())
    assert found.placement[:, 0].tolist() == [0, 2, 1, 4, 4, 0, 6]
    none = Mirror(1.0, LABELS, {}, "cpu")(
        windows.replace(placement=torch.zeros(7, 4, dtype=torch.long)), [0] * 7, generator()
    )
    assert not none.placement.any()


def test_no_share_draws_nothing():
    windows, random = windows_of(), generator()
    state = random.get_state()
    assert same(Mirror(0.0, LABELS, PLACEMENTS, "cpu")(windows, np.zeros(12, dtype=int), random), windows)
    assert torch.equal(random.get_state(), state)


@pytest.mark.parametrize("share", [slice(0, 19), slice(19, 37), slice(5, 6)])
def test_a_share_of_a_batch_is_mirrored_as_in_the_whole(share):
    mirror, label = Mirror(0.5, LABELS, PLACEMENTS, "cpu"), np.arange(37) % 3
    for knows in (0, 1, 2):
        windows = windows_of(37, knows)
        whole = mirror(windows, label, generator(5))
        part = mirror(windows[share], label[share], SharedRandom(generator(5), 37, share))
        assert same(part, whole[share]) and not same(whole, windows)


@pytest.mark.parametrize(
    ("label", "sided"),
    [
        ("walking", False), ("Lying on the LEFT side", True), ("swiping right", True), ("lying left", True),
        ("drawing a circle clockwise", True), ("drawing a counter-clockwise circle", True), ("counterclockwise", True),
        ("drawing the letter s", True), ("writing", True), ("drawing a circle", False),
        ("putting things upright", False), ("leaving leftovers", False), ("swinging a tennis racket forehand", False),
    ],
)  # fmt: skip
def test_labels_with_a_side(label, sided):
    assert has_side(label) is sided


def test_sides_of_places():
    assert [on_other_side(text) for text in ("left wrist", "right upper arm", "chest", "upright chair")] == [
        "right wrist", "left upper arm", "chest", "upright chair",
    ]  # fmt: skip
    assert [on_no_side(text) for text in ("left wrist", "right upper arm", "chest")] == ["wrist", "upper arm", "chest"]
