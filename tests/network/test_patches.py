"""What the network is shown of a window, against loops in float64."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from har.network.config import NetworkConfig
from har.network.patches import PatchTokens, _through_products

TYPICAL = (1.0, 3.0, 50.0)  # g, rad/s, uT


def rotations(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(7)
    matrix, _ = torch.linalg.qr(torch.randn(count, 3, 3, generator=generator))
    return matrix * torch.linalg.det(matrix)[:, None, None]


def invariants_oracle(windows) -> np.ndarray:
    """(B, S, 3, T): magnitude, component along gravity, magnitude across it; sample by sample."""
    signal, valid = windows.signal.double().numpy(), windows.valid.numpy()
    kind, location = windows.kind.tolist(), windows.location.tolist()
    out = np.zeros(signal.shape)
    for b in range(signal.shape[0]):
        for s in range(signal.shape[1]):
            gravity = np.zeros(3)
            for other in range(signal.shape[1]):
                if kind[b][other] == 0 and location[b][other] == location[b][s] and valid[b, other].any():
                    gravity += signal[b, other][:, valid[b, other]].mean(axis=1)
            length = np.linalg.norm(gravity)
            direction = gravity / length if length else gravity
            for t in np.flatnonzero(valid[b, s]):
                sample = signal[b, s, :, t] / TYPICAL[kind[b][s]]
                along = sample @ direction
                out[b, s, :, t] = np.linalg.norm(sample), along, np.linalg.norm(sample - along * direction)
    return out


def body_oracle(windows) -> np.ndarray:
    """(B, S, 4, T): along the body's up, magnitude across it, along ahead, along left; sample by sample."""
    signal, body = windows.signal.double().numpy(), windows.body.double().numpy()
    out = np.zeros((*signal.shape[:2], 4, signal.shape[3]))
    for b, s, t in zip(*np.nonzero(windows.valid.numpy()), strict=True):
        sample = signal[b, s, :, t] / TYPICAL[int(windows.kind[b, s])]
        up, ahead = body[b, s]
        if up.any():
            along = sample @ up
            left = np.linalg.det(np.stack([up, ahead, sample]))  # sample . (up x ahead)
            out[b, s, :, t] = along, np.linalg.norm(sample - along * up), sample @ ahead, left
    return out


def log_power_oracle(invariants: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """(B, S, 3, bins): the discrete Fourier transform written out."""
    length = invariants.shape[-1]
    time = np.arange(length)
    power = np.zeros((*invariants.shape[:3], length // 2))
    for b, s in np.ndindex(*valid.shape[:2]):
        there = valid[b, s]
        if not there.any():
            continue
        # A Hann window over the samples that are there, wherever they stand.
        place = np.cumsum(there) - 0.5
        taper = 0.5 - 0.5 * np.cos(2 * np.pi * place / there.sum())
        for i in range(3):
            series = np.where(there, invariants[b, s, i] - invariants[b, s, i][there].mean(), 0) * taper
            for k in range(1, length // 2 + 1):
                power[b, s, i, k - 1] = abs((series * np.exp(-2j * np.pi * k * time / length)).sum()) ** 2 / there.sum()
    return np.log(power + 1e-5) / 5 + 1


def seen(tokens: PatchTokens, windows, places=None) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """What goes into the convolutions (B, S, P, 11, T) and the spectrum's layer (B, S, 3, bins), tokens and mask."""
    inputs = {}
    hooks = [
        module.register_forward_hook(lambda _, given, __, name=name: inputs.update({name: given[0].detach()}))
        for name, module in (("stem", tokens.stem), ("spectrum", tokens.spectrum))
    ]
    batch, sensors = windows.kind.shape
    found, valid = tokens(windows, torch.zeros(batch, sensors, 6) if places is None else places)
    for hook in hooks:
        hook.remove()
    return inputs["stem"].unflatten(0, (batch, sensors, -1)), inputs["spectrum"].unflatten(2, (3, -1)), found, valid


@pytest.fixture
def tokens(config, scramble) -> PatchTokens:
    return scramble(PatchTokens(config))


@pytest.fixture
def windows(make_windows, mask_out):
    """Accelerometers, gyroscopes and a magnetometer at two locations, with gaps, one accelerometer missing."""
    windows = make_windows(kinds=(0, 1, 2, 0, 1), locations=(0, 0, 0, 1, 1))
    keep = torch.rand(windows.valid.shape, generator=torch.Generator().manual_seed(5)) < 0.8
    keep[1, 3] = False  # the gyroscope beside it has to do without gravity
    keep[2, 0, 40:] = False
    windows.body[2] = 0.0  # nobody knows which way is up
    windows.body[1, :3, 1] = 0.0  # one device knows up, but not ahead
    return mask_out(windows, keep)


def test_inputs_are_axes_invariants_and_mask_of_every_patch(config, tokens, windows):
    patches, _, _, _ = seen(tokens, windows)
    invariants, of_body = invariants_oracle(windows), body_oracle(windows)
    for b, s, p in np.ndindex(3, 5, config.patches):
        part = slice(p * 25, (p + 1) * 25)
        expected = [
            windows.signal[b, s, :, part].numpy() / TYPICAL[int(windows.kind[b, s])],
            invariants[b, s, :, part],
            windows.valid[b, s, None, part].numpy(),
            of_body[b, s, :, part],
        ]
        np.testing.assert_allclose(patches[b, s, p].numpy(), np.concatenate(expected), atol=2e-4)
    missing = patches[..., 6:7, :] == 0
    assert not (patches * missing).any()  # zero exactly, whatever keeps the roots away from 0
    assert not patches[2, :, :, 7:].any()


def test_spectrum_is_the_tapered_fourier_transform_of_the_invariants(tokens, windows):
    _, spectrum, _, _ = seen(tokens, windows)
    expected = log_power_oracle(invariants_oracle(windows), windows.valid.numpy())
    np.testing.assert_allclose(spectrum.numpy(), expected, atol=2e-4)


def test_a_common_rotation_changes_the_axes_but_not_the_invariants(tokens, windows):
    turn = rotations(2)[windows.location]  # one for each location
    turned = windows.replace(signal=turn @ windows.signal, body=windows.body @ turn.mT)
    patches, spectrum, _, _ = seen(tokens, windows)
    patches_after, spectrum_after, _, _ = seen(tokens, turned)
    torch.testing.assert_close(patches_after[..., 3:, :], patches[..., 3:, :], atol=1e-4, rtol=0)
    torch.testing.assert_close(spectrum_after, spectrum, atol=1e-4, rtol=1e-4)
    assert (patches_after[..., :3, :] - patches[..., :3, :]).abs().mean() > 0.1


def test_rotating_the_gyroscope_alone_changes_what_lies_along_gravity(tokens, make_windows):
    windows = make_windows()
    gyro = (windows.kind == 1)[..., None, None]
    turned = windows.replace(signal=torch.where(gyro, rotations(1) @ windows.signal, windows.signal))
    before, after = (seen(tokens, w)[0][:, :, :, 3:6] for w in (windows, turned))
    torch.testing.assert_close(after[:, :, :, 0], before[:, :, :, 0], atol=1e-4, rtol=0)  # the magnitude stays
    assert (after[:, 1, :, 1] - before[:, 1, :, 1]).abs().mean() > 0.1
    torch.testing.assert_close(after[:, 0], before[:, 0])


def test_along_and_across_make_up_the_magnitude(tokens, windows):
    magnitude, along, across = seen(tokens, windows)[0][..., 3:6, :].unbind(-2)
    torch.testing.assert_close(along.square() + across.square(), magnitude.square(), atol=1e-4, rtol=1e-4)


def test_gravity_comes_from_the_accelerometer_of_the_same_location(tokens, make_windows):
    windows = make_windows(kinds=(0, 1, 0, 1), locations=(0, 0, 1, 1))
    signal = windows.signal.clone()
    signal[:, 2] = -signal[:, 2].flip(1)
    before, after = (seen(tokens, w)[0][:, :, :, 3:6] for w in (windows, windows.replace(signal=signal)))
    torch.testing.assert_close(after[:, :2], before[:, :2], atol=0, rtol=0)
    assert (after[:, 3] - before[:, 3])[:, :, 1].abs().mean() > 0.1


def test_without_accelerometer_nothing_is_along_gravity(tokens, make_windows):
    windows = make_windows(kinds=(1, 0), locations=(0, 1))
    magnitude, along, across = seen(tokens, windows)[0][:, 0, :, 3:6].unbind(-2)
    assert not along.any()
    torch.testing.assert_close(across, magnitude)


@pytest.mark.parametrize("cycles", [3, 10, 31])
def test_spectrum_of_a_sine_peaks_in_its_bin(config, tokens, make_windows, cycles):
    windows = make_windows(kinds=(0,), locations=(0,), batch=1)
    phase = 2 * torch.pi * cycles * torch.arange(config.window_length) / config.window_length
    signal = torch.zeros_like(windows.signal)
    signal[0, 0, 2] = 1 + 0.3 * torch.sin(phase)  # along gravity
    _, spectrum, _, _ = seen(tokens, windows.replace(signal=signal))
    magnitude, along, across = spectrum[0, 0]
    assert int(magnitude.argmax()) == int(along.argmax()) == cycles - 1  # bin 0 is one cycle a window
    assert across.max() < along.max() - 1
    # Hann: a sine of amplitude a gives (a T / 4)^2 at its bin, divided by the T samples.
    power = np.exp(5 * (along[cycles - 1].item() - 1))
    assert power == pytest.approx(0.3**2 * config.window_length / 16, rel=0.05)


@pytest.mark.parametrize(("rate", "patch_s", "least"), [(25.0, 1.0, 13), (20.0, 1.0, 10)])
def test_a_patch_counts_when_half_of_its_samples_are_there(config, scramble, make_windows, rate, patch_s, least):
    tokens = scramble(PatchTokens(replace(config, sampling_rate_hz=rate, patch_s=patch_s)))
    windows = make_windows(kinds=(0, 1), locations=(0, 0), batch=1)
    length = round(rate * patch_s)
    valid = torch.zeros(1, 2, 4 * length, dtype=torch.bool)
    valid[0, 0, length : length + least] = True
    valid[0, 0, 3 * length : 3 * length + least - 1] = True
    valid[0, 1, -(least - 1) :] = True
    windows = windows.replace(signal=windows.signal[..., : 4 * length] * valid.unsqueeze(2), valid=valid)
    _, _, _, present = seen(tokens, windows)
    # The last token, the spectrum, is there when any patch is.
    assert present[0].tolist() == [[False, True, False, False, True], [False] * 5]


def test_what_is_under_the_mask_of_a_whole_patch_reaches_no_other_token(tokens, make_windows, mask_out):
    windows = make_windows(batch=3)
    keep = torch.ones_like(windows.valid)
    keep[:, :, 50:75] = False
    windows = mask_out(windows, keep)
    _, _, found, present = seen(tokens, windows)
    _, _, dirty, _ = seen(tokens, windows.replace(signal=windows.signal + 100.0 * ~keep.unsqueeze(2)))
    assert present[0, 0].tolist() == [True, True, False, True, True]
    torch.testing.assert_close(dirty[present], found[present], atol=0, rtol=0)
    assert not torch.equal(dirty[~present], found[~present])


def test_a_patch_without_gravity_depends_on_its_own_samples_only(tokens, make_windows):
    windows = make_windows(kinds=(1,), locations=(0,))
    changed = windows.replace(signal=windows.signal.clone())
    changed.signal[..., 25:50] += 1.0
    difference = (seen(tokens, windows)[2] - seen(tokens, changed)[2]).abs().amax(dim=(0, 1, 3))
    assert (difference > 1e-3).tolist() == [False, True, False, False, True]


def test_equal_patches_differ_by_their_time_alone(config, tokens, make_windows):
    windows = make_windows(kinds=(1,), locations=(0,))
    patch = windows.signal[..., :25].repeat(1, 1, 1, 4)
    found = seen(tokens, windows.replace(signal=patch))[2][:, 0, :4]
    frequencies = np.exp(-np.log(100.0) * np.arange(0, config.width, 2) / config.width)
    angle = np.arange(4)[:, None] * config.patch_s * frequencies
    expected = torch.tensor(np.concatenate([np.sin(angle), np.cos(angle)], axis=1), dtype=torch.float32)
    expected = (expected - expected[:1]).expand_as(found)
    torch.testing.assert_close(found - found[:, :1], expected, atol=1e-5, rtol=1e-5)


def test_kind_placement_and_rate_are_added_to_every_token_of_a_sensor(tokens, make_windows):
    windows = make_windows()
    places = torch.randn(3, 4, 6, generator=torch.Generator().manual_seed(3))
    plain, told = seen(tokens, windows)[2], seen(tokens, windows, places)[2]
    shift = places @ tokens.placement.weight.T
    torch.testing.assert_close(told - plain, shift.unsqueeze(2).expand_as(plain), atol=1e-4, rtol=1e-4)

    slow, own = (windows.replace(rate_hz=torch.full((3, 4), hz)) for hz in (12.5, 25.0))
    shift = (seen(tokens, slow)[2] - seen(tokens, own)[2]).flatten(0, 2)
    # Half the network's rate is one octave lower.
    torch.testing.assert_close(shift, -tokens.rate.weight.sum(1).expand_as(shift), atol=1e-4, rtol=1e-4)


def test_rates_above_the_networks_own_look_alike_and_those_two_octaves_below_too(tokens, make_windows):
    def at(rate_hz: float) -> torch.Tensor:
        return seen(tokens, make_windows().replace(rate_hz=torch.full((3, 4), rate_hz)))[2]

    torch.testing.assert_close(at(0.5), at(6.25))
    torch.testing.assert_close(at(800.0), at(25.0), rtol=0, atol=0)
    assert not torch.allclose(at(6.25), at(12.5))


def test_invariants_stay_precise_under_bfloat16_autocast(tokens, windows):
    patches, spectrum, _, _ = seen(tokens, windows)
    with torch.autocast("cpu", torch.bfloat16):
        patches_bf16, spectrum_bf16, _, _ = seen(tokens, windows)
    torch.testing.assert_close(patches_bf16, patches, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(spectrum_bf16, spectrum, atol=1e-4, rtol=1e-4)


def test_every_token_of_a_device_is_marked_by_what_is_known_of_it(tokens, make_windows):
    """Known or not makes a difference even where the device moves so that nothing shows: a mark beside the samples."""
    windows = make_windows()
    spectra = []  # these see nothing of the body's axes
    for known in (0, 1, 2):
        body = windows.body * (torch.arange(2) < known)[:, None]
        spectra.append(seen(tokens, windows.replace(body=body))[2][..., -1, :])
    for number, mark in enumerate((tokens.up_mark, tokens.ahead_mark)):
        assert mark.abs().max() > 0.01
        torch.testing.assert_close(spectra[number + 1] - spectra[number], mark.expand(3, 4, -1), atol=1e-5, rtol=0)


def test_the_stem_as_products_is_the_stem():
    """What a GPU computes in place of convolutions, values and gradients."""
    config = NetworkConfig(("acc",), 25.0, 5.0, 1.0, (8, 16), 16, 1, 2, 2.0, 8, 4, 0.0)
    stem = PatchTokens(config).stem
    patches = torch.randn(6, 11, 25, requires_grad=True)
    found = {}
    for name, compute in (("convolutions", stem), ("products", lambda x: _through_products(stem, x))):
        output = compute(patches)
        found[name] = [output, *torch.autograd.grad(output.square().sum(), [patches, *stem.parameters()])]
    for own, other in zip(found["products"], found["convolutions"], strict=True):
        torch.testing.assert_close(own, other, atol=1e-4, rtol=1e-4)
