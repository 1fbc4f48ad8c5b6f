"""Resampling: analytic signals, scipy's filters, and missing samples that stay missing."""

import math

import numpy as np
import pytest
import torch
from scipy.signal import resample_poly

from har.windows.resample import output_length, resample

RATES_HZ = (20.0, 25.0, 50.0, 51.2, 52.0, 100.0, 200.0)
SECONDS = 6.0
EDGE = 16  # output samples at 25 Hz within reach of a border: six zero crossings of the sinc at 20 Hz


def triad(frequency_hz: float, rate_hz: float, seconds: float = SECONDS) -> torch.Tensor:
    """(3, T): three phases of a unit sine."""
    time_s = torch.arange(round(seconds * rate_hz), dtype=torch.float64) / rate_hz
    phase = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64)[:, None]
    return torch.sin(2 * math.pi * frequency_hz * time_s + phase).float()


def everywhere(signal: torch.Tensor) -> torch.Tensor:
    return torch.ones(*signal.shape[:-2], signal.shape[-1], dtype=torch.bool)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("frequency_hz", [0.3, 1.7, 4.0, 6.5])
def test_a_band_limited_signal_lands_on_its_analytic_values(rate_hz, frequency_hz):
    signal = triad(frequency_hz, rate_hz)
    found, valid = resample(signal, everywhere(signal), rate_hz, 25.0)
    assert found.shape == (3, 150) and valid.shape == (150,) and bool(valid.all())
    inner = slice(EDGE, -EDGE)
    torch.testing.assert_close(found[:, inner], triad(frequency_hz, 25.0)[:, inner], atol=0.008, rtol=0)


@pytest.mark.parametrize("rate_hz", [50.0, 100.0, 200.0])
@pytest.mark.parametrize("frequency_hz", [2.0, 8.0, 15.0, 17.0, 21.0, 24.5])
def test_tones_pass_or_vanish_as_in_scipy(rate_hz, frequency_hz):
    """Outside both filters' transition bands, around the Nyquist rate of 12.5 Hz, the two differ by below 0.3 %."""
    signal = triad(frequency_hz, rate_hz)
    found, _ = resample(signal, everywhere(signal), rate_hz, 25.0)
    expected = resample_poly(signal.numpy(), 25, round(rate_hz), axis=1)
    inner = slice(2 * EDGE, -2 * EDGE)
    np.testing.assert_allclose(found[:, inner], expected[:, inner], atol=0.003)
    assert np.abs(expected[:, inner]).max() == pytest.approx(1.0 if frequency_hz < 12.5 else 0.0, abs=0.01)


def test_raising_the_rate_makes_no_image_tones():
    signal = triad(3.0, 10.0)
    found, _ = resample(signal, everywhere(signal), 10.0, 50.0)
    spectrum = torch.fft.rfft(found[0, 50:250] * torch.hann_window(200)).abs()
    tone, image = 3 * 200 // 50, (10 - 3) * 200 // 50
    assert spectrum.argmax() == tone and spectrum[image] < 0.005 * spectrum[tone]


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("rate_out_hz", [10.0, 25.0])
def test_a_constant_is_exact_also_at_borders_and_beside_missing_samples(rate_hz, rate_out_hz):
    random = np.random.default_rng(0)
    length = round(SECONDS * rate_hz)
    gravity = torch.tensor([0.3, -0.9, 0.2])[:, None].expand(3, length)
    valid = torch.ones(4, length, dtype=torch.bool)
    valid[1, length // 3 : length // 2] = False
    valid[2, : length // 5] = valid[2, -length // 7 :] = False
    valid[3] = torch.from_numpy(random.random(length) < 0.8)
    found, there = resample(gravity.expand(4, 3, length), valid, rate_hz, rate_out_hz)
    assert there.float().mean(1).min() > 0.6
    expected = torch.tensor([0.3, -0.9, 0.2])[:, None].expand_as(found) * there.unsqueeze(1)
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=0)


@pytest.mark.parametrize(("rate_hz", "rate_out_hz"), [(20, 25), (50, 25), (100, 25), (25, 25), (25, 10)])
def test_missing_blocks_stay_missing_and_nothing_else_goes(rate_hz, rate_out_hz):
    signal = triad(1.0, rate_hz)
    valid = everywhere(signal)
    first, stop = round(2.0 * rate_hz), round(3.5 * rate_hz)
    valid[first:stop] = False
    found, there = resample(signal, valid, rate_hz, rate_out_hz)
    time_s = torch.arange(len(there)) / rate_out_hz
    gap_start_s, gap_stop_s = (first - 1) / rate_hz, stop / rate_hz  # the last valid sample before and the first after
    grain_s = max(1 / rate_hz, 1 / rate_out_hz)
    inside = (time_s > gap_start_s + grain_s) & (time_s < gap_stop_s - grain_s)
    outside = (time_s <= gap_start_s + 1e-6) | (time_s >= gap_stop_s - 1e-6)
    assert inside.sum() > 10 and not there[inside].any()
    assert there[outside & (time_s <= (len(valid) - 1) / rate_hz)].all()
    assert (found[:, ~there] == 0).all()


@pytest.mark.parametrize("rate_hz", [20.0, 25.0, 52.0, 100.0])
@pytest.mark.parametrize("hidden", [1e6, math.nan, math.inf])
def test_values_under_the_mask_have_no_influence(rate_hz, hidden):
    signal = triad(1.3, rate_hz).repeat(5, 1, 1)
    valid = torch.from_numpy(np.random.default_rng(1).random((5, signal.shape[-1])) < 0.6)
    valid[0] = False
    spoiled = torch.where(valid.unsqueeze(1), signal, hidden)
    clean, clean_valid = resample(signal, valid, rate_hz, 25.0)
    found, there = resample(spoiled, valid, rate_hz, 25.0)
    assert torch.equal(found, clean) and torch.equal(there, clean_valid)
    assert there[1:].any() and not there[0].any()


def test_it_is_the_normalised_convolution_of_its_docstring():
    """Against a double loop in float64: a Kaiser-windowed sinc (numpy's), averaged over the valid samples."""
    random = np.random.default_rng(2)
    rate_in, rate_out, length = 40.0, 25.0, 60
    signal, valid = random.standard_normal((3, length)), random.random(length) < 0.75
    cutoff = 0.45 * rate_out
    reach = 6 / (2 * cutoff)
    bell = np.kaiser(200001, 5.0)
    expected, there = np.zeros((3, 38)), np.zeros(38, dtype=bool)
    for j in range(38):
        total, mass = np.zeros(3), 0.0
        for i in np.flatnonzero(valid):
            lag = j / rate_out - i / rate_in
            if abs(lag) <= reach:
                weight = np.sinc(2 * cutoff * lag) * bell[round((lag / reach + 1) * 100000)] * 2 * cutoff / rate_in
                total, mass = total + weight * signal[:, i], mass + weight
        there[j] = mass > 0.4
        expected[:, j] = total / mass if there[j] else 0.0
    found, found_valid = resample(
        torch.from_numpy(signal).float(), torch.from_numpy(valid), rate_in, rate_out, length_out=38
    )
    assert 20 < there.sum() < 38  # both cases occur
    np.testing.assert_array_equal(found_valid, there)
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_both_grids_start_at_the_same_moment():
    """A slope has no delay: at 100 and at 25 Hz it has the same value at the same time."""
    time_s = torch.arange(600) / 100
    found, _ = resample(time_s.expand(3, -1), torch.ones(600, dtype=torch.bool), 100.0, 25.0)
    torch.testing.assert_close(found[0, EDGE:-EDGE], (torch.arange(150) / 25)[EDGE:-EDGE], atol=1e-4, rtol=0)


def test_windows_of_a_batch_do_not_mix():
    signal = torch.randn(2, 4, 3, 100, generator=torch.Generator().manual_seed(0))
    valid = torch.rand(2, 4, 100, generator=torch.Generator().manual_seed(1)) < 0.8
    found, there = resample(signal, valid, 50.0, 25.0)
    assert found.shape == (2, 4, 3, 50) and there.shape == (2, 4, 50)
    order = torch.tensor([2, 0, 3, 1])
    again, there_again = resample(signal[:, order], valid[:, order], 50.0, 25.0)
    torch.testing.assert_close(again, found[:, order])
    assert torch.equal(there_again, there[:, order])
    for b in range(2):
        for s in range(4):
            alone, _ = resample(signal[b, s], valid[b, s], 50.0, 25.0)
            torch.testing.assert_close(alone, found[b, s], atol=1e-5, rtol=1e-5)


def test_equal_rates_are_filtered_as_all_others_are():
    """The same signal at its own rate and, interpolated without loss, at four times it: one result."""
    random = np.random.default_rng(3)
    spectrum = np.fft.rfft(random.standard_normal((3, 400)), axis=1)
    spectrum[:, 184:] = 0.0  # from 11.5 Hz on: a tone near 12.5 Hz and its mirror image are hardly told apart at 25 Hz
    own = np.fft.irfft(spectrum, 400, axis=1)
    four_times = np.fft.irfft(np.pad(spectrum, ((0, 0), (0, 3 * 200))), 1600, axis=1) * 4
    found, there = resample(torch.from_numpy(own).float(), None, 25.0, 25.0)
    expected, _ = resample(torch.from_numpy(four_times).float(), None, 100.0, 25.0)
    inner = slice(EDGE, -EDGE)
    assert there.all()
    torch.testing.assert_close(found[:, inner], expected[:, inner], atol=0.02, rtol=0)
    assert np.abs(found[:, inner].numpy() - own[:, inner]).max() > 0.3  # there was something to take away


def test_the_output_ends_where_it_is_asked_to():
    assert (output_length(260, 52.0, 25.0), output_length(100, 20.0, 25.0)) == (125, 125)
    assert output_length(1, 100.0, 25.0) == 1
    signal = triad(1.0, 50.0, seconds=2.0)
    found, there = resample(signal, everywhere(signal), 50.0, 25.0, length_out=125)
    assert there[:50].all() and not there[51:].any() and (found[:, 51:] == 0).all()
    shorter, _ = resample(signal, everywhere(signal), 50.0, 25.0, length_out=30)
    torch.testing.assert_close(shorter, found[:, :30])


@pytest.mark.parametrize("bad", [0.0, -25.0, math.inf, math.nan])
def test_rates_must_be_positive(bad):
    signal = torch.zeros(3, 10)
    with pytest.raises(ValueError, match="input sampling rate"):
        resample(signal, everywhere(signal), bad, 25.0)
    with pytest.raises(ValueError, match="output sampling rate"):
        resample(signal, everywhere(signal), 25.0, bad)


@pytest.mark.parametrize("rate_in", [20.0, 25.0, 52.0, 100.0, 200.0])
def test_no_mask_equals_a_mask_without_a_missing_sample(rate_in):
    signal = torch.randn(5, 2, 3, round(5 * rate_in), generator=torch.Generator().manual_seed(1))
    expected, there = resample(signal, torch.ones(5, 2, signal.shape[-1], dtype=torch.bool), rate_in, 25.0, 125)
    found, found_there = resample(signal, None, rate_in, 25.0, 125)
    assert torch.equal(found_there, there)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
