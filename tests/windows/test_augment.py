"""Augmentations: identities at strength 0, physics, distributions, and missing samples that stay missing."""

import math
from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
import torch
from scipy import stats

from har.windows.augment import (
    Augmentation,
    SharedRandom,
    augment,
    blur_body,
    drop_placement,
    drop_sensors,
    jitter,
    lose_samples,
    lower_rate,
    random_rotations,
    rotate,
    scale,
    shorten,
    small_rotations,
    time_warp,
)
from har.windows.batch import SensorWindows

RATE_HZ, LENGTH = 25.0, 125
# Up and ahead of two devices, at locations 0 and 1, orthonormal: (4, 2, 3).
AXES = torch.tensor([[[0.1, 0.9, 0.3], [0.5, 0.1, 0.2]], [[-0.5, 0.2, 0.4], [0.3, 0.9, -0.1]]])
BODY = torch.linalg.qr(AXES.mT)[0].mT[[0, 0, 1, 1]]
STRONG = Augmentation(
    rotation=0.5, tilt_rad=0.2, scale=0.2, jitter=(0.1, 0.2, 0.3), warp=0.3, shorten=0.4, shortest_s=1.0,
    gyroscope_dropout=0.4, sensor_dropout=0.3, rates_hz=(20.0, 10.0), rate_share=0.7, lost=(0.6, 0.5),
    placement_dropout=0.5,    body_dropout=0.4, ahead_dropout=0.3, body_error_rad=(0.1, 0.2),
)  # fmt: skip

AUGMENTATIONS: dict[str, Callable[[SensorWindows, torch.Generator], SensorWindows]] = {
    "rotate": lambda w, g: rotate(w, 0.5, 0.2, g),
    "scale": lambda w, g: scale(w, 0.2, g),
    "jitter": lambda w, g: jitter(w, (0.1, 0.2, 0.3), g),
    "time_warp": lambda w, g: time_warp(w, 0.3, g),
    "shorten": lambda w, g: shorten(w, 0.4, 25, g),
    "drop_sensors": lambda w, g: drop_sensors(w, 0.4, 0.3, g),
    "lower_rate": lambda w, g: lower_rate(w, (20.0, 10.0), 0.7, RATE_HZ, g),
    "lose_samples": lambda w, g: lose_samples(w, (0.6, 0.5), RATE_HZ, g),
    "drop_placement": lambda w, g: drop_placement(w, 0.5, g),
    "blur_body": lambda w, g: blur_body(w, 0.4, 0.3, (0.1, 0.2), g),
    "augment": lambda w, g: augment(w, STRONG, RATE_HZ, g),
}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def windows_of(signal: torch.Tensor, valid: torch.Tensor | None = None, **more: torch.Tensor) -> SensorWindows:
    """Windows (B, S, 3, T) of acc, gyro, acc, mag at locations 0, 0, 1, 1 (as many of them as the signal has)."""
    batch, sensors, _, length = signal.shape
    if valid is None:
        valid = torch.ones(batch, sensors, length, dtype=torch.bool)
    values = {
        "kind": torch.tensor([0, 1, 0, 2])[:sensors].expand(batch, -1).clone(),
        "location": torch.tensor([0, 0, 1, 1])[:sensors].expand(batch, -1).clone(),
        "placement": torch.tensor([4, 4, 5, 5])[:sensors].expand(batch, -1).clone(),
        "rate_hz": torch.tensor([50.0, 50.0, 12.5, 12.5])[:sensors].expand(batch, -1).clone(),
        "body": BODY[:sensors].expand(batch, -1, -1, -1).clone(),
    } | more
    return SensorWindows(signal=signal.masked_fill(~valid.unsqueeze(2), 0.0), valid=valid, **values)


def noise(batch: int, sensors: int = 4, length: int = LENGTH, seed: int = 9) -> torch.Tensor:
    return torch.randn(batch, sensors, 3, length, generator=generator(seed))


def gappy(batch: int = 40, sensors: int = 4) -> SensorWindows:
    """Noise with short tails, gaps and whole sensors missing."""
    random = generator(8)
    valid = torch.ones(batch, sensors, LENGTH, dtype=torch.bool)
    valid[::3, :, 90:] = False
    valid[1::4, 1, 30:50] = False
    valid[torch.rand(batch, sensors, generator=random) < 0.25] = False
    return windows_of(noise(batch, sensors), valid)


def tone(frequency_hz: float, batch: int, sensors: int = 2, phase: float = 0.4) -> torch.Tensor:
    """(B, S, 3, T): the same sine everywhere, time counted from the window's centre."""
    time_s = (torch.arange(LENGTH) - (LENGTH - 1) / 2) / RATE_HZ
    return torch.sin(2 * math.pi * frequency_hz * time_s + phase).expand(batch, sensors, 3, -1).clone()


def same(one: SensorWindows, other: SensorWindows) -> bool:
    return all(torch.equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(SensorWindows))


def copy_of(windows: SensorWindows) -> SensorWindows:
    return windows.replace(**{f.name: getattr(windows, f.name).clone() for f in fields(SensorWindows)})


# --- what all have in common ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "off",
    [
        lambda w, g: rotate(w, 0.0, 0.0, g),
        lambda w, g: scale(w, 0.0, g),
        lambda w, g: jitter(w, (0.0, 0.0, 0.0), g),
        lambda w, g: time_warp(w, 0.0, g),
        lambda w, g: shorten(w, 0.0, 25, g),
        lambda w, g: drop_sensors(w, 0.0, 0.0, g),
        lambda w, g: lower_rate(w, (), 1.0, RATE_HZ, g),
        lambda w, g: lower_rate(w, (10.0,), 0.0, RATE_HZ, g),
        lambda w, g: lose_samples(w, (0.0, 1.0), RATE_HZ, g),
        lambda w, g: lose_samples(w, (0.5, 0.0), RATE_HZ, g),
        lambda w, g: drop_placement(w, 0.0, g),
        lambda w, g: blur_body(w, 0.0, 0.0, (0.0, 0.0), g),
        lambda w, g: augment(w, Augmentation(), RATE_HZ, g),
    ],
)
def test_strength_0_is_the_identity_and_draws_nothing(off):
    windows, random = gappy(), generator()
    state = random.get_state()
    assert same(off(windows, random), windows)
    assert torch.equal(random.get_state(), state)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_missing_samples_stay_missing_and_zero(name):
    windows = gappy()
    found = AUGMENTATIONS[name](windows, generator())
    assert found.signal.shape == windows.signal.shape and found.valid.shape == windows.valid.shape
    assert found.valid.dtype == torch.bool and found.valid.any()
    assert not found.valid[~windows.valid.any(dim=2)].any()  # sensors that were not there
    if name not in ("time_warp", "augment"):  # these move samples in time
        assert not (found.valid & ~windows.valid).any()
    assert (found.signal.movedim(2, -1)[~found.valid] == 0).all()
    assert torch.isfinite(found.signal).all()


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_the_generator_alone_decides_and_the_input_stays_as_it_was(name):
    windows = gappy()
    before = copy_of(windows)
    one = AUGMENTATIONS[name](windows, generator(1))
    assert same(windows, before)
    torch.manual_seed(123)  # the global state has no part in it
    assert same(one, AUGMENTATIONS[name](windows, generator(1)))
    assert not same(one, AUGMENTATIONS[name](windows, generator(2)))
    assert not same(one, windows)


def test_kinds_and_locations_are_never_changed():
    windows = gappy()
    found = augment(windows, STRONG, RATE_HZ, generator())
    assert torch.equal(found.kind, windows.kind) and torch.equal(found.location, windows.location)


# --- rotation ---------------------------------------------------------------------------------------------------------


def test_random_rotations_are_uniform_on_so3():
    matrices = random_rotations(torch.randn(20_000, 4, generator=generator()))
    identity = torch.eye(3).expand_as(matrices)
    torch.testing.assert_close(matrices @ matrices.mT, identity, atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(matrices), torch.ones(20_000), atol=1e-5, rtol=0)
    deviation = math.sqrt(1 / 3 / 20_000)  # of the mean of an entry
    assert matrices.mean(0).abs().max() < 5 * deviation
    trace = matrices.diagonal(dim1=1, dim2=2).sum(1)
    # Under Haar measure the trace has mean 0 and mean square 1; the angle has density (1 - cos) / pi.
    assert trace.mean().item() == pytest.approx(0.0, abs=5 / math.sqrt(20_000))
    assert trace.square().mean().item() == pytest.approx(1.0, abs=0.06)
    angle = torch.arccos(((trace - 1) / 2).clamp(-1, 1)).double().numpy()
    assert stats.kstest(angle, lambda a: (a - np.sin(a)) / np.pi).pvalue > 1e-3
    for column in matrices[:, :, 0].T.double().numpy():  # where the x axis goes is uniform on the sphere (Archimedes)
        assert stats.kstest(column, stats.uniform(-1, 2).cdf).pvalue > 1e-3


def test_small_rotations_are_gaussian_rotation_vectors():
    """Against the matrix exponential of the skew matrix of each vector, drawn again with the same generator."""
    matrices = small_rotations(torch.randn(5000, 3, generator=generator(3)), 0.15)
    vector = (torch.randn(5000, 3, generator=generator(3)) * 0.15).double()
    skew = torch.zeros(5000, 3, 3, dtype=torch.float64)
    for (row, column), axis in (((2, 1), 0), ((0, 2), 1), ((1, 0), 2)):
        skew[:, row, column], skew[:, column, row] = vector[:, axis], -vector[:, axis]
    torch.testing.assert_close(matrices.double(), torch.linalg.matrix_exp(skew), atol=1e-5, rtol=0)
    angle = torch.arccos(((matrices.diagonal(dim1=1, dim2=2).sum(1) - 1) / 2).clamp(-1, 1))
    assert (angle / 0.15).square().mean().item() == pytest.approx(3.0, abs=0.15)
    torch.testing.assert_close(
        small_rotations(torch.randn(4, 3, generator=generator()), 0.0), torch.eye(3).expand(4, 3, 3)
    )


@pytest.mark.parametrize(("share", "tilt_rad"), [(1.0, 0.0), (0.0, 0.4), (0.5, 0.1)])
def test_rotation_turns_each_device_by_one_matrix(share, tilt_rad):
    windows = windows_of(noise(30))
    found = rotate(windows, share, tilt_rad, generator())
    torch.testing.assert_close(found.signal.norm(dim=2), windows.signal.norm(dim=2))
    # Angles between accelerometer and gyroscope of one device are kept at every moment ...
    for a, b in ((0, 1), (2, 3)):
        before = (windows.signal[:, a] * windows.signal[:, b]).sum(1)
        torch.testing.assert_close((found.signal[:, a] * found.signal[:, b]).sum(1), before, atol=2e-5, rtol=1e-4)
    # ... by the one matrix that least squares finds, a rotation and no reflection.
    matrix = torch.linalg.lstsq(windows.signal.mT, found.signal.mT).solution.mT
    torch.testing.assert_close(matrix[:, 0], matrix[:, 1], atol=1e-4, rtol=0)
    torch.testing.assert_close(matrix[:, 2], matrix[:, 3], atol=1e-4, rtol=0)
    torch.testing.assert_close(torch.linalg.det(matrix), torch.ones(30, 4), atol=1e-4, rtol=0)
    for axis in range(2):
        turned = (matrix @ BODY[:, axis].unsqueeze(-1)).squeeze(-1)
        torch.testing.assert_close(found.body[:, :, axis], turned, atol=1e-4, rtol=0)
    different = matrix[:, [0, 2]].reshape(60, 9)
    assert torch.cdist(different, different).add(10 * torch.eye(60)).min() > 1e-3  # of every window and location


def test_the_share_of_fully_turned_windows():
    windows = windows_of(torch.tensor([0.0, 0.0, 1.0])[:, None].expand(4000, 4, 3, 2).clone())
    upright = rotate(windows, 0.3, 0.02, generator()).signal[:, :, 2, 0] > 0.98  # full turns leave 1 % of them so
    for location in (0, 2):
        turned = 1 - upright[:, location].float().mean().item()
        assert turned == pytest.approx(0.3 * 0.99, abs=0.03)
    # A window is turned fully at all its locations or at none.
    assert (upright[:, 0] == upright[:, 2]).float().mean() > 0.98
    full_only = rotate(windows, 0.3, 0.0, generator())
    assert (full_only.signal == windows.signal).flatten(1).all(1).float().mean().item() == pytest.approx(0.7, abs=0.03)


# --- scale, jitter ----------------------------------------------------------------------------------------------------


def test_scale_multiplies_a_triad_by_one_gain():
    windows = windows_of(noise(2000, length=4).abs() + 0.1)
    gain = scale(windows, 0.2, generator()).signal / windows.signal
    one = gain[:, :, :1, :1]
    torch.testing.assert_close(gain, one.expand_as(gain), atol=0, rtol=1e-5)
    logarithm = one.flatten().log().double().numpy()
    assert stats.kstest(logarithm, stats.norm(0, 0.2).cdf).pvalue > 1e-3
    across = np.corrcoef(one[:, :, 0, 0].T.numpy())
    assert np.abs(across - np.eye(4)).max() < 0.1  # each triad its own


def test_jitter_is_white_noise_of_a_level_of_its_own_per_triad():
    deviation = (0.1, 0.5, 3.0)
    windows = windows_of(noise(400, length=400))
    added = (jitter(windows, deviation, generator()).signal - windows.signal).double()
    level = added.flatten(2).std(dim=2)
    for sensor, kind in enumerate((0, 1, 0, 2)):
        relative = (level[:, sensor] / deviation[kind]).numpy()
        assert relative.max() < 1.1 and stats.kstest(relative, stats.uniform(0, 1).cdf).pvalue > 1e-3
    unit = added / level[:, :, None, None]
    assert unit.mean().abs() < 0.01
    assert (unit[..., 1:] * unit[..., :-1]).mean().abs() < 0.01  # white in time
    assert (unit[:, :, 0] * unit[:, :, 1]).mean().abs() < 0.01  # independent axes
    assert stats.kurtosis(unit.flatten()[::50].numpy()) == pytest.approx(0.0, abs=0.2)


def test_jitter_leaves_kinds_without_deviation_alone():
    windows = gappy()
    found = jitter(windows, (0.0, 0.5, 0.0), generator())
    gyroscope = windows.kind == 1
    assert torch.equal(found.signal[~gyroscope], windows.signal[~gyroscope])
    assert (found.signal[gyroscope] != windows.signal[gyroscope]).any()


# --- time warp --------------------------------------------------------------------------------------------------------


def factors(windows: SensorWindows, found: SensorWindows) -> torch.Tensor:
    """Tempo factors as seen from outside: what a gyroscope that read 1 reads now."""
    centre = windows.signal.shape[-1] // 2
    return (found.signal[:, 1, 0, centre] / windows.signal[:, 1, 0, centre]).double()


def test_time_warp_is_linear_interpolation_at_one_tempo():
    signal = noise(50)
    signal[:, 1] = 1.0
    windows = windows_of(signal)
    found = time_warp(windows, 0.3, generator())
    factor = factors(windows, found)
    assert factor.min() < 0.75 and factor.max() > 1.25 and (factor - 1).abs().max() <= 0.3 + 1e-6
    assert stats.kstest(factor.numpy(), stats.uniform(0.7, 0.6).cdf).pvalue > 1e-3
    moment, centre = np.arange(LENGTH), (LENGTH - 1) / 2
    for b in range(50):
        position = centre + (moment - centre) * float(factor[b])
        inside = (position >= 0) & (position <= LENGTH - 1)
        for s, gain in enumerate((1.0, float(factor[b]), 1.0, 1.0)):
            np.testing.assert_array_equal(found.valid[b, s], inside)
            for axis in range(3):
                expected = gain * np.interp(position, moment, signal[b, s, axis].double()) * inside
                np.testing.assert_allclose(found.signal[b, s, axis], expected, atol=2e-4)


def test_time_warp_changes_tempo_and_rate_of_turn_alike():
    """A body swinging by a sin(2 pi f t) turns at a rate that grows with f: both sensors must tell the same story."""
    frequency_hz = 0.5
    signal = tone(frequency_hz, 40)
    signal[:, 1, 1:] = 1.0  # two of the gyroscope's axes show the factor
    signal[:, 1, 0] = 1.0
    found = time_warp(windows_of(signal), 0.25, generator())
    factor = factors(windows_of(signal), found)
    swing = time_warp(windows_of(tone(frequency_hz, 40)), 0.25, generator())
    for b in range(40):
        inside = found.valid[b, 0]
        expected = tone(frequency_hz * float(factor[b]), 1)[0, 0, 0]
        torch.testing.assert_close(swing.signal[b, 0, 0, inside], expected[inside], atol=0.003, rtol=0)
        torch.testing.assert_close(
            swing.signal[b, 1, 2, inside], (factor[b] * expected[inside]).float(), atol=0.004, rtol=0
        )


def test_time_warp_next_to_missing_samples_invents_nothing():
    windows = gappy()
    marked = windows.signal.masked_fill(~windows.valid.unsqueeze(2), math.inf)
    found = time_warp(windows.replace(signal=marked), 0.3, generator())
    assert torch.isfinite(found.signal).all()
    clean = time_warp(windows, 0.3, generator())
    assert same(found, clean) and clean.valid.sum() > 0.7 * windows.valid.sum()


def test_a_barely_warped_window_keeps_its_ends():
    windows = windows_of(noise(3))
    found = time_warp(windows, 1e-12, generator())
    assert found.valid.all()
    torch.testing.assert_close(found.signal, windows.signal, atol=1e-4, rtol=0)


def test_shorten_keeps_a_first_part_of_a_share_of_the_windows():
    windows = windows_of(noise(4000, sensors=2))
    found = shorten(windows, 0.4, 25, generator())
    kept = found.valid.sum(2)
    assert torch.equal(kept[:, 0], kept[:, 1])  # the sensors of a window end together
    moment = torch.arange(LENGTH)
    assert torch.equal(found.valid, moment < kept.unsqueeze(2))
    torch.testing.assert_close(found.signal, windows.signal * found.valid.unsqueeze(2))
    shortened = kept[:, 0] < LENGTH
    assert abs(float(shortened.float().mean()) - 0.4) < 4 * math.sqrt(0.4 * 0.6 / 4000) + 0.4 / (LENGTH - 25)
    lengths = kept[shortened, 0].double()
    assert lengths.min() >= 25
    assert stats.kstest(lengths.numpy() - 0.5, stats.uniform(25, 100).cdf).statistic < 0.05


# --- leaving out ------------------------------------------------------------------------------------------------------


def test_the_last_present_sensor_is_never_dropped():
    windows = gappy(400)
    found = drop_sensors(windows, 1.0, 1.0, generator())
    before, after = windows.valid.any(2), found.valid.any(2)
    assert (before.sum(1) == 0).any() and (before.sum(1) > 1).any()
    assert torch.equal(after.sum(1), before.any(1).long())
    assert not (after & ~before).any()
    assert torch.equal(found.valid, windows.valid & after.unsqueeze(2))  # whole triads, nothing in part
    survivors = after[before.all(1)].float().mean(0)
    assert survivors.min() > 0.1  # any of the four
    half = drop_sensors(windows, 0.5, 0.5, generator()).valid.any(2)
    assert torch.equal(half.any(1), before.any(1)) and half.sum() < 0.7 * before.sum()


@pytest.mark.parametrize(("gyroscope", "others"), [(0.3, 0.0), (0.0, 0.3), (0.4, 0.2), (1.0, 0.0)])
def test_shares_of_dropped_sensors(gyroscope, others):
    """A gyroscope is dropped with its share exactly, unless nothing would be left."""
    windows = windows_of(noise(8000, sensors=2, length=2))
    present = drop_sensors(windows, gyroscope, others, generator()).valid.any(2).float().mean(0)
    both = gyroscope * others  # then one of the two survives
    tolerance = 5 * math.sqrt(0.25 / 8000)
    assert 1 - present[0].item() == pytest.approx(others - both / 2, abs=both / 2 + tolerance)
    assert 1 - present[1].item() == pytest.approx(gyroscope - both / 2, abs=both / 2 + tolerance)
    assert (2 - present.sum()).item() == pytest.approx(gyroscope + others - both, abs=tolerance)


def test_sensors_drop_independently():
    windows = windows_of(noise(8000, length=2))
    gone = ~drop_sensors(windows, 0.5, 0.2, generator()).valid.any(2)
    for a, b in ((0, 2), (0, 1), (1, 3)):
        product = gone[:, a].float().mean() * gone[:, b].float().mean()
        assert (gone[:, a] & gone[:, b]).float().mean().item() == pytest.approx(product.item(), abs=0.02)


def test_placement_is_hidden_for_whole_windows():
    windows = windows_of(noise(4000, length=2))
    found = drop_placement(windows, 0.3, generator()).placement
    hidden = (found == 0).all(1)
    assert hidden.float().mean().item() == pytest.approx(0.3, abs=0.03)
    assert torch.equal(found[~hidden], windows.placement[~hidden])
    assert (drop_placement(windows, 1.0, generator()).placement == 0).all()


# --- lower rate -------------------------------------------------------------------------------------------------------


def test_lower_rate_removes_what_that_rate_cannot_carry():
    low, high = tone(1.5, 6), tone(9.0, 6)
    windows = windows_of(low + high)
    found = lower_rate(windows, (10.0,), 1.0, RATE_HZ, generator())
    inner = slice(20, -20)
    torch.testing.assert_close(found.signal[..., inner], low[..., inner], atol=0.02, rtol=0)
    assert (windows.signal - low)[..., inner].abs().max() > 0.9
    assert found.valid[..., :-3].all()  # the last sample at 10 Hz is older than the last at 25 Hz
    assert (found.rate_hz == 10.0).all()


def test_lower_rate_tells_the_lower_of_both_rates_for_a_share_of_the_windows():
    windows = windows_of(noise(3000, length=30))
    found = lower_rate(windows, (20.0, 10.0), 0.6, RATE_HZ, generator())
    changed = (found.signal != windows.signal).flatten(1).any(1)
    assert changed.sum() == 1800
    told = found.rate_hz[:, 0]
    assert torch.equal(told != 50.0, changed)
    assert (told == 20.0).sum() == (told == 10.0).sum() == 900
    # Any windows of the batch, whatever stands before or after them.
    position = np.flatnonzero(told.numpy() == 10.0) / 3000
    assert stats.kstest(position, stats.uniform(0, 1).cdf).pvalue > 1e-3
    # Sensors 2 and 3 were sampled at 12.5 Hz: a device does not get faster.
    assert torch.equal(found.rate_hz[:, 2], told.clamp_max(12.5))
    assert torch.equal(found.valid[~changed], windows.valid[~changed])


def test_lower_rate_keeps_gravity_exactly_beside_gaps():
    gravity = torch.tensor([0.1, -0.7, 0.7])[:, None].expand(20, 4, 3, LENGTH)
    windows = windows_of(gravity.clone(), gappy(20).valid)
    found = lower_rate(windows, (20.0, 12.5), 1.0, RATE_HZ, generator())
    torch.testing.assert_close(found.signal, gravity * found.valid.unsqueeze(2), atol=1e-5, rtol=0)
    assert found.valid.sum() > 0.9 * windows.valid.sum()


# --- how devices lie against the body ---------------------------------------------------------------------------------


def test_body_axes_are_hidden_from_whole_windows():
    windows = windows_of(noise(4000, length=2))
    windows.body[0] = 0.0
    found = blur_body(windows, 0.3, 0.2, (0.0, 0.0), generator()).body
    hidden = ~found.any(3)  # (B, S, 2)
    assert torch.equal(hidden.any(1), hidden.all(1))
    assert hidden[0].all()  # what is not known stays unknown
    no_up, no_ahead = hidden[1:, 0].unbind(1)
    assert not (no_up & ~no_ahead).any()
    assert no_up.float().mean().item() == pytest.approx(0.3, abs=0.03)
    assert no_ahead[~no_up].float().mean().item() == pytest.approx(0.2, abs=0.03)
    torch.testing.assert_close(found[~hidden], windows.body[~hidden])


def test_body_axes_are_turned_a_little_one_turn_a_device():
    windows = windows_of(noise(4000, length=2))
    tilted = blur_body(windows, 0.0, 0.0, (0.05, 0.0), generator()).body
    assert torch.equal(tilted[:, 0], tilted[:, 1]) and torch.equal(tilted[:, 2], tilted[:, 3])
    torch.testing.assert_close(tilted @ tilted.mT, torch.eye(2).expand(4000, 4, 2, 2), atol=1e-5, rtol=0)
    # A rotation vector of deviation s per axis moves a direction by s along each of the two axes across it.
    for location, axis in ((0, 0), (2, 0), (0, 1), (2, 1)):
        angle = torch.acos((tilted[:, location, axis] @ BODY[location, axis]).clamp(-1, 1))
        assert angle.square().mean().sqrt().item() == pytest.approx(0.05 * math.sqrt(2), rel=0.05)
    apart = (tilted[:, 0, 0] - BODY[0, 0]).norm(dim=1) - (tilted[:, 2, 0] - BODY[2, 0]).norm(dim=1)
    assert apart.abs().mean() > 0.01  # of its own for each device
    # The second error turns ahead alone, about up.
    turned = blur_body(windows, 0.0, 0.0, (0.0, 0.1), generator()).body
    torch.testing.assert_close(turned[:, :, 0], windows.body[:, :, 0])
    left = torch.linalg.cross(BODY[:, 0], BODY[:, 1])
    angle = torch.atan2((turned[:, :, 1] * left).sum(2), (turned[:, :, 1] * BODY[:, 1]).sum(2))
    assert angle[:, 0].std().item() == pytest.approx(0.1, rel=0.05)
    torch.testing.assert_close(angle[:, 0], angle[:, 1])
    assert (angle[:, 0] - angle[:, 2]).abs().mean() > 0.05


def test_lost_samples_are_missing_and_what_remains_is_nearly_as_it_was():
    """Slow tones pass the filter: where there is a sample it is near the truth, whichever neighbours were lost."""
    whole = tone(0.5, 2000, sensors=4)
    windows = windows_of(whole)
    found = lose_samples(windows, (0.5, 0.4), RATE_HZ, generator())
    touched = (found.signal != windows.signal).flatten(1).any(1)
    assert touched.sum() == 800
    error = (found.signal - whole).abs().amax(2)[found.valid]
    assert error.max() < 0.35 and error.mean() < 0.01
    missing = 1 - found.valid[touched].float().mean(2)
    assert torch.equal(missing[:, 0], missing[:, 1])  # one device's sensors
    assert (missing[:, 0] - missing[:, 2]).abs().max() > 0.05  # devices of their own
    assert missing.mean().item() == pytest.approx(0.25, abs=0.02)  # a uniform share of up to a half
    # Half of the windows lose packets of ten samples, the others single ones: by the length of the gaps.
    gaps = (found.valid[touched, 0, 1:] != found.valid[touched, 0, :-1]).sum(1) / (2 * LENGTH * missing[:, 0])
    assert 0.4 < (gaps[missing[:, 0] > 0.1] < 0.15).float().mean() < 0.6


# --- all together -----------------------------------------------------------------------------------------------------


def test_augment_applies_each_by_its_own_strength():
    """Switching on one alone equals calling it alone: no strength reaches another augmentation's argument."""
    windows = gappy()
    alone = {
        "rotate": Augmentation(rotation=0.5, tilt_rad=0.2),
        "scale": Augmentation(scale=0.2),
        "jitter": Augmentation(jitter=(0.1, 0.2, 0.3)),
        "time_warp": Augmentation(warp=0.3),
        "shorten": Augmentation(shorten=0.4, shortest_s=1.0),
        "drop_sensors": Augmentation(gyroscope_dropout=0.4, sensor_dropout=0.3),
        "lower_rate": Augmentation(rates_hz=(20.0, 10.0), rate_share=0.7),
        "lose_samples": Augmentation(lost=(0.6, 0.5)),
        "drop_placement": Augmentation(placement_dropout=0.5),
        "blur_body": Augmentation(body_dropout=0.4, ahead_dropout=0.3, body_error_rad=(0.1, 0.2)),
    }
    for name, strength in alone.items():
        assert same(augment(windows, strength, RATE_HZ, generator(4)), AUGMENTATIONS[name](windows, generator(4))), name


@pytest.mark.parametrize("share", [slice(0, 19), slice(19, 37), slice(5, 6), slice(0, 37)])
def test_a_share_of_a_batch_is_augmented_as_in_the_whole(share):
    """What several processes make of their shares is what one makes of the batch, to the bit."""
    random = torch.Generator().manual_seed(0)
    batch, sensors, length = 37, 4, 125
    valid = torch.rand(batch, sensors, length, generator=random) > 0.1
    signal = torch.randn(batch, sensors, 3, length, generator=random).masked_fill(~valid.unsqueeze(2), 0.0)
    windows = SensorWindows(
        signal, valid, torch.randint(0, 3, (batch, sensors), generator=random),
        torch.tensor([0, 0, 1, 1]).expand(batch, -1).contiguous(), torch.ones(batch, sensors, dtype=torch.long),
        torch.full((batch, sensors), 50.0), torch.randn(batch, sensors, 2, 3, generator=random),
    )  # fmt: skip
    whole = augment(windows, STRONG, RATE_HZ, generator(5))
    part = augment(windows[share], STRONG, RATE_HZ, SharedRandom(generator(5), batch, share))
    for field in fields(whole):
        assert torch.equal(getattr(part, field.name), getattr(whole, field.name)[share]), field.name
    assert not torch.equal(whole.signal, windows.signal)
