"""`AlignmentModel.embed`: raw recordings of any rate, length, channels and placement."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F

from har.network.alignment import AlignmentModel, WornWindows
from har.recordings.format import DatasetWriter, StreamInfo, read_dataset
from har.signal.plausibility import SignalWarning
from har.text.encoder import TextFeatures
from har.windows.batch import SensorWindows
from har.windows.body_axes import body_axes
from har.windows.index import WindowIndex
from har.windows.resample import resample

SIX = ["acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"]
THREE = SIX[:3]
PLACEMENTS = ["wrist", "trouser pocket"]


@pytest.fixture
def model(config, scramble) -> AlignmentModel:
    features = F.normalize(torch.randn(2, 6, generator=torch.Generator().manual_seed(1)), dim=-1)
    return scramble(AlignmentModel(config, PLACEMENTS, features))


class OneVector:
    """A sentence encoder that knows one vector per text."""

    def __init__(self, **vectors: torch.Tensor) -> None:
        self.vectors = vectors
        self.asked: list[str] = []

    def encode(self, texts):
        self.asked += texts
        pooled = torch.stack([self.vectors[text] for text in texts])
        return TextFeatures(pooled[:, None], torch.ones(len(texts), 1, dtype=torch.bool), pooled)


def motion(
    rate_hz: float, seconds: float, count: int = 4, channels: int = 6, highest_hz: float = 5.0, seed: int = 0
) -> np.ndarray:
    """(N, T, C) float64: sums of sines up to `highest_hz` around gravity, the same motion at every rate."""
    generator = np.random.default_rng(seed)
    time = np.arange(round(rate_hz * seconds)) / rate_hz
    shape = (count, 1, channels, 5)
    frequency, phase = generator.uniform(0.3, highest_hz, shape), generator.uniform(0, 2 * np.pi, shape)
    amplitude = generator.uniform(0, 0.4, shape) * generator.uniform(0.2, 1.5, (count, 1, 1, 1))
    signal = (amplitude * np.sin(2 * np.pi * frequency * time[:, None, None] + phase)).sum(-1)
    signal[..., :3] += generator.normal(size=(count, 1, 3)) * 0.2 + [0.3, 0.2, 0.9]
    return signal


def filtered(triads: torch.Tensor, valid: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Triads (..., 3, T) at the network's own rate as it is shown them, and what is there of them (..., T)."""
    return resample(triads, valid, 25.0, 25.0)


def assert_same_embeddings(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)


# --- what comes out ---------------------------------------------------------------------------------------------------


def test_embeds_what_forward_embeds(model, config):
    """At the network's own rate and length nothing is left for `embed` to do but to filter and to fill in the batch."""
    signal = motion(25, 4)
    triads = torch.tensor(signal, dtype=torch.float32).unflatten(2, (2, 3)).permute(0, 2, 3, 1)
    windows = SensorWindows(
        signal=filtered(triads)[0],
        valid=torch.ones(4, 2, 100, dtype=torch.bool),
        kind=torch.tensor([[0, 1]]).expand(4, 2),
        location=torch.zeros(4, 2, dtype=torch.long),
        placement=torch.full((4, 2), 2),
        rate_hz=torch.full((4, 2), 25.0),
    )
    with torch.no_grad():
        expected = model(windows)
        unknown = model(windows.replace(placement=torch.zeros(4, 2, dtype=torch.long)))
    found = model.embed(signal, 25, SIX, "trouser pocket")
    assert_same_embeddings(found, expected.window)
    assert_same_embeddings(model.embed(signal, 25, SIX), unknown.window)
    assert found.shape == (4, config.embedding_width)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.norm(dim=1), torch.ones(4))
    assert (expected.window - unknown.window).norm(dim=1).min() > 0.01
    features = model.embed(signal, 25, SIX, "trouser pocket", layer="features")
    assert_same_embeddings(features, F.normalize(expected.features, dim=1))
    # The head reads them before they get unit norm.
    assert_same_embeddings(F.normalize(model.encoder.head(expected.features), dim=1), found)


def test_a_window_alone_as_in_a_batch_and_as_a_tensor(model):
    signal = motion(50, 4)
    expected = model.embed(signal, 50, SIX)
    assert torch.pdist(expected).min() > 0.01
    for row in range(4):
        assert_same_embeddings(model.embed(signal[row], 50, SIX), expected[row : row + 1])
    assert_same_embeddings(model.embed(torch.tensor(signal), 50, SIX), expected)
    assert_same_embeddings(model.embed(torch.tensor(signal[2]), 50, SIX), expected[2:3])


@pytest.mark.parametrize("batch_size", [1, 3, 4, 100])
def test_batch_size_does_not_matter(model, batch_size):
    signal = motion(50, 5)
    assert_same_embeddings(model.embed(signal, 50, SIX, batch_size=batch_size), model.embed(signal, 50, SIX))


def test_no_windows_give_no_embeddings(model, config):
    found = model.embed(np.zeros((0, 80, 6)), 50, SIX, "wrist")
    assert found.shape == (0, config.embedding_width)
    assert found.dtype == torch.float32


def test_embeddings_can_be_learned_from(model):
    embeddings = model.embed(motion(25, 4), 25, SIX)
    classifier = torch.nn.Linear(12, 3)
    F.cross_entropy(classifier(embeddings), torch.tensor([0, 1, 2, 0])).backward()
    assert classifier.weight.grad.any()
    assert not embeddings.requires_grad


@pytest.mark.parametrize("training", [True, False])
def test_training_mode_is_restored_and_dropout_off(model, training):
    for block in model.encoder.blocks:
        block.dropout.p = 0.5
    signal = motion(25, 4)
    expected = model.eval().embed(signal, 25, SIX)
    model.train(training)
    assert_same_embeddings(model.embed(signal, 25, SIX), expected)
    assert model.training is training
    with pytest.raises(ValueError, match="no patch"), pytest.warns(SignalWarning, match="no sample at all"):
        model.embed(np.full((1, 100, 6), np.nan), 25, SIX)
    assert model.training is training


# --- numbers of any type ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8, np.int32, ">f4"])
def test_any_type_of_numbers(model, dtype):
    # Multiples of 1/8 are exact in half precision; whole numbers for the integers.
    signal = np.round(motion(25, 4) * 8) / 8 if np.dtype(dtype).kind == "f" else np.round(motion(25, 4) * 2)
    assert_same_embeddings(model.embed(signal.astype(dtype), 25, SIX), model.embed(signal, 25, SIX))


def test_views_and_read_only_arrays_as_memory_maps_give_them(model, recwarn):
    signal = motion(25, 4).astype(np.float32)
    expected = model.embed(signal[:, ::-1].copy(), 25, SIX)
    assert_same_embeddings(model.embed(signal[:, ::-1], 25, SIX), expected)
    frozen = signal[:, ::-1].copy()
    frozen.flags.writeable = False
    assert_same_embeddings(model.embed(frozen, 25, SIX), expected)
    assert [str(warning.message) for warning in recwarn] == []


def test_the_signal_is_left_as_it_was(model):
    signal = motion(25, 4).astype(np.float32)
    signal[0, 10:20] = np.nan
    before = signal.copy()
    model.embed(signal, 25, SIX)
    np.testing.assert_array_equal(signal, before)


# --- channels and placements ------------------------------------------------------------------------------------------


def test_channels_in_any_order_with_their_names(model):
    signal = motion(50, 4)
    expected = model.embed(signal, 50, SIX)
    for order in ([3, 4, 5, 0, 1, 2], [4, 1, 0, 5, 2, 3]):
        assert_same_embeddings(model.embed(signal[..., order], 50, [SIX[i] for i in order]), expected)
    wrong_names = model.embed(signal[..., [1, 0, 2, 3, 4, 5]], 50, SIX)
    assert (wrong_names - expected).norm(dim=1).min() > 1e-3


def test_sensors_of_a_kind_not_trained_on_are_left_aside(model):
    signal = motion(50, 4, channels=9)
    signal[..., 6:] *= 40  # uT
    names = [*SIX, "mag_x", "mag_y", "mag_z"]
    assert_same_embeddings(model.embed(signal, 50, names), model.embed(signal[..., :6], 50, SIX))
    with pytest.raises(ValueError, match=r"mag_x.*none of the sensors \['acc', 'gyro'\]"):
        model.embed(signal[..., 6:], 50, names[6:])


def test_one_device_named_in_its_channels(model):
    signal = motion(50, 4)
    assert_same_embeddings(
        model.embed(signal, 50, [f"wrist/{name}" for name in SIX]), model.embed(signal, 50, SIX, "wrist")
    )


def test_several_devices(model):
    """Their order is of no account; each has its own placement and its own gravity."""
    signal = motion(50, 4, channels=12)
    signal[..., 6:9] += [-0.8, 0.5, 0.3]
    names = [f"{place}/{name}" for place in ("wrist", "trouser pocket") for name in SIX]
    expected = model.embed(signal, 50, names)
    order = np.random.default_rng(0).permutation(12)
    assert_same_embeddings(model.embed(signal[..., order], 50, [names[i] for i in order]), expected)

    triads = torch.tensor(signal[:, ::2], dtype=torch.float32)  # every second sample, for the network's own rate
    windows = SensorWindows(
        signal=filtered(triads.unflatten(2, (4, 3)).permute(0, 2, 3, 1))[0],
        valid=torch.ones(4, 4, 100, dtype=torch.bool),
        kind=torch.tensor([[0, 1, 0, 1]]).expand(4, 4),
        location=torch.tensor([[0, 0, 1, 1]]).expand(4, 4),
        placement=torch.tensor([[1, 1, 2, 2]]).expand(4, 4),
        rate_hz=torch.full((4, 4), 25.0),
    )
    with torch.no_grad():
        assert_same_embeddings(model.embed(signal[:, ::2], 25, names), model(windows).window)
        apart = model(windows.replace(location=torch.zeros(4, 4, dtype=torch.long))).window
    assert (model.embed(signal[:, ::2], 25, names) - apart).norm(dim=1).min() > 1e-3
    swapped = model.embed(signal, 50, names[6:] + names[:6])
    assert (swapped - expected).norm(dim=1).min() > 1e-3


def test_placements_outside_the_table_go_through_the_sentence_encoder(model):
    signal = motion(25, 4)
    vector = F.normalize(torch.arange(1.0, 7.0), dim=0)
    model.sentence_encoder = OneVector(**{"left ankle": vector})
    found = model.embed(signal, 25, SIX, "left ankle")
    assert model.sentence_encoder.asked == ["left ankle"]
    with torch.no_grad():
        model.placement_table[1] = vector
    assert_same_embeddings(found, model.embed(signal, 25, SIX, "wrist"))  # from the table, without a question
    assert model.sentence_encoder.asked == ["left ankle"]


def test_an_unknown_placement_without_sentence_encoder_is_an_error(model):
    with pytest.raises(ValueError, match=r"'left ankle'.*\['wrist', 'trouser pocket'\].*None"):
        model.embed(motion(25, 4), 25, SIX, "left ankle")


# --- rates ------------------------------------------------------------------------------------------------------------


def test_the_same_motion_at_25_50_and_100_hz_lands_on_the_same_embedding(model):
    """Up to the borders, where the resampling has one half of its kernel only: well below the distance of motions."""
    at = {rate: model.embed(motion(rate, 4), rate, SIX, "wrist") for rate in (25, 50, 100)}
    others = torch.pdist(at[25]).min()
    for rate in (50, 100):
        assert F.cosine_similarity(at[rate], at[25]).min() > 0.999
        assert (at[rate] - at[25]).norm(dim=1).max() < 0.3 * others


def test_what_a_low_rate_cannot_show_is_filtered_out(model):
    """40 Hz, which would appear as 10 Hz among every fourth of the samples at 100 Hz, leaves no trace."""
    signal = motion(100, 4)
    time = np.arange(400)[:, None] / 100
    noisy = signal + 0.5 * np.sin(2 * np.pi * 40 * time)
    trace = model.embed(noisy, 100, SIX) - model.embed(signal, 100, SIX)
    alias = model.embed(noisy[:, ::4], 25, SIX) - model.embed(signal[:, ::4], 25, SIX)
    assert trace.norm(dim=1).max() < 0.3 * alias.norm(dim=1).min()


# --- lengths and gaps -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [25, 50, 100])
def test_a_missing_tail_equals_a_shorter_signal(model, rate):
    signal = motion(rate, 4)
    signal[:, 3 * rate :] = np.nan
    assert_same_embeddings(model.embed(signal, rate, SIX), model.embed(signal[:, : 3 * rate], rate, SIX))


def test_a_sensor_that_is_nan_throughout_equals_one_that_is_not_there(model):
    signal = motion(50, 4)
    signal[..., 3:] = np.nan
    with pytest.warns(SignalWarning, match="the gyroscope has no sample at all"):
        found = model.embed(signal, 50, SIX)
    assert_same_embeddings(found, model.embed(signal[..., :3], 50, THREE))
    one_axis = motion(50, 4)
    one_axis[..., 4] = np.nan  # a sample is there when all of its axes are
    with pytest.warns(SignalWarning, match="the gyroscope has no sample in gyro_y"):
        found = model.embed(one_axis, 50, SIX)
    assert_same_embeddings(found, model.embed(signal[..., :3], 50, THREE))


def test_gaps_are_masked(model):
    signal = motion(25, 4)
    signal[:, 20:30, 1] = np.nan
    signal[:, 70:, 5] = np.nan
    valid = torch.ones(4, 2, 100, dtype=torch.bool)
    valid[:, 0, 20:30], valid[:, 1, 70:] = False, False
    triads = torch.tensor(signal, dtype=torch.float32).unflatten(2, (2, 3)).permute(0, 2, 3, 1)
    shown, valid = filtered(triads, valid)
    windows = SensorWindows(
        signal=shown,
        valid=valid,
        kind=torch.tensor([[0, 1]]).expand(4, 2),
        location=torch.zeros(4, 2, dtype=torch.long),
        placement=torch.zeros(4, 2, dtype=torch.long),
        rate_hz=torch.full((4, 2), 25.0),
    )
    with torch.no_grad():
        expected = model(windows).window
        as_zeros = model(windows.replace(valid=torch.ones_like(valid))).window
    assert_same_embeddings(model.embed(signal, 25, SIX), expected)
    assert (expected - as_zeros).norm(dim=1).min() > 1e-3


def test_a_long_signal_is_the_mean_of_its_windows_weighted_by_what_they_hold(model):
    signal = motion(25, 10)  # two windows and a half
    pieces = [model.embed(signal[:, start : start + 100], 25, SIX) for start in (0, 100, 200)]
    expected = F.normalize(pieces[0] + pieces[1] + 0.5 * pieces[2], dim=-1)
    assert_same_embeddings(model.embed(signal, 25, SIX), expected)
    assert (expected - pieces[0]).norm(dim=1).min() > 1e-3

    # A tail of less than half a patch says nothing; neither does a window in which all is missing.
    assert_same_embeddings(model.embed(signal[:, :212], 25, SIX), F.normalize(pieces[0] + pieces[1], dim=-1))
    gap = signal.copy()
    gap[:, 100:200] = np.nan
    assert_same_embeddings(model.embed(gap, 25, SIX), F.normalize(pieces[0] + 0.5 * pieces[2], dim=-1))


def test_a_short_signal_is_padded_with_missing_samples(model):
    signal = motion(25, 4)
    padded = signal.copy()
    padded[:, 30:] = np.nan
    assert_same_embeddings(model.embed(signal[:, :30], 25, SIX), model.embed(padded, 25, SIX))
    assert torch.isfinite(model.embed(signal[:, :13], 25, SIX)).all()
    with pytest.raises(ValueError, match=r"window 0 has no patch of 1.0 s.*longer"):
        model.embed(signal[:, :12], 25, SIX)


def test_a_window_without_a_valid_second_is_named(model):
    signal = motion(25, 4)
    signal[2, :, 0] = np.nan
    signal[2, ::2, 4] = np.nan
    signal[2, 1::3, 5] = np.nan
    with pytest.raises(ValueError, match=r"window 2 has no patch"):
        model.embed(signal, 25, SIX)


def test_the_window_is_named_by_its_row_in_the_whole_signal(model):
    signal = motion(25, 4)
    signal[3] = np.nan
    with pytest.raises(ValueError, match="window 3"):
        model.embed(signal, 25, SIX, batch_size=2)


# --- what makes no sense ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "names"),
    [
        ((100,), SIX),
        ((1, 2, 100, 6), SIX),
        ((4, 6, 100), SIX),
        ((4, 100, 3), SIX),
        ((100, 6), THREE),
        ((4, 0, 6), SIX),
        ((0, 6), SIX),
    ],
)
def test_wrong_shapes_are_named(model, shape, names):
    with pytest.raises(ValueError) as error:
        model.embed(np.zeros(shape), 25, names)
    assert f"shape {shape}" in str(error.value)
    assert f"(N, T, {len(names)})" in str(error.value)


@pytest.mark.parametrize(
    ("names", "placement", "message"),
    [
        (SIX[:5], None, r"gyro_x.*gyro_y.*of the device lack an axis"),
        ([*(f"wrist/{n}" for n in THREE), "belt/acc_x", "belt/acc_y"], None, r"acc_x.*acc_y.*of belt lack an axis"),
        ([*THREE, "acc_x"], None, "'acc_x' is given twice"),
        (["wrist/acc_x", *THREE, "wrist/acc_x"], None, "'wrist/acc_x' is given twice"),
        (["ax", "ay", "az"], None, "channel 'ax'; expected acc_x"),
        (["acc_x", "acc_y", "acc_w"], None, "channel 'acc_w'"),
        (["acc_x", "acc_y", "acc_"], None, "channel 'acc_'"),
        (["baro_x", "baro_y", "baro_z"], None, "channel 'baro_x'"),
        ([f"wrist/{n}" for n in THREE], "wrist", "names its placement.*placement=None"),
        ([], None, "expected a list"),
        ("acc_x", None, "expected a list"),
    ],
)
def test_wrong_channels_are_named(model, names, placement, message):
    with pytest.raises(ValueError, match=message):
        model.embed(np.ones((2, 100, len(names))) / 2, 25, names, placement)


def test_only_the_layers_that_there_are(model):
    with pytest.raises(ValueError, match=r"layer 'head'; expected one of embedding, features"):
        model.embed(motion(25, 4), 25, SIX, layer="head")


@pytest.mark.parametrize("rate", [0, -50.0, math.nan, math.inf])
def test_wrong_rates(model, rate):
    with pytest.raises(ValueError, match="sampling_rate_hz"):
        model.embed(motion(25, 4), rate, SIX)


@pytest.mark.parametrize(("sample", "said"), [(-np.inf, "inf"), (1e30, r"1e\+30")])
def test_impossible_samples_name_their_window(model, sample, said):
    signal = motion(25, 4)
    signal[2, 50, 4] = sample
    with pytest.raises(ValueError, match=rf"window 2 holds samples of {said}.*NaN"):
        model.embed(signal, 25, SIX)


def test_acceleration_in_metres_per_second_squared(model):
    signal = motion(25, 4)
    signal[..., :3] *= 9.80665
    with pytest.raises(
        ValueError, match=r"accelerometer of wrist has a median magnitude of \d+\.\d+; expected about 1.*9\.80665"
    ):
        model.embed(signal, 25, [f"wrist/{name}" for name in SIX])
    signal[..., :3] /= 9.80665
    signal[:, :40, :3] *= 9  # a fall may be violent for a while, and gyroscopes may be fast
    signal[..., 3:] *= 30
    assert torch.isfinite(model.embed(signal, 25, SIX)).all()


@pytest.mark.parametrize(
    "signal", [np.ones((4, 100, 6), bool), np.full((4, 100, 6), "1"), np.ones((4, 100, 6), complex)]
)
def test_other_things_than_numbers(model, signal):
    with pytest.raises(ValueError, match="dtype"):
        model.embed(signal, 25, SIX)


# --- whole recordings -------------------------------------------------------------------------------------------------

UP, AHEAD = np.array([0.48, 0.6, -0.64]), np.array([0.8, 0.0, 0.6])


def walk_and_rest(rate_hz: float = 25.0, walk_s: float = 30.0, rest_s: float = 10.0) -> np.ndarray:
    """(T, 6): steps along UP, led by pushes along AHEAD, then rest with gravity across; the gyroscope turns slowly."""
    time_s = np.arange(round((walk_s + rest_s) * rate_hz)) / rate_hz
    step = 2 * np.pi * 1.8 * time_s[:, None]
    walk = UP * (1 + 0.3 * np.sin(step)) + 0.2 * AHEAD * np.cos(step)
    acceleration = np.where(time_s[:, None] < walk_s, walk, np.cross(UP, [0.0, 0.0, 1.0]) / 0.768)
    return np.hstack([acceleration, 0.3 * np.sin(time_s[:, None] * [1.0, 0.7, 0.3])])


def windows_knowing(model, signal: np.ndarray, body: np.ndarray) -> torch.Tensor:
    """What forward makes of windows (N, 100, 6) at 25 Hz whose device lies so against the body."""
    triads = torch.tensor(signal, dtype=torch.float32).unflatten(2, (2, 3)).permute(0, 2, 3, 1)
    shape = triads.shape[:2]
    windows = SensorWindows(
        signal=filtered(triads)[0], valid=torch.ones(*shape, 100, dtype=torch.bool),
        kind=torch.tensor([[0, 1]]).expand(shape),
        location=torch.zeros(shape, dtype=torch.long), placement=torch.full(shape, 2),
        rate_hz=torch.full(shape, 25.0), body=torch.tensor(body, dtype=torch.float32).expand(*shape, 2, 3),
    )  # fmt: skip
    with torch.no_grad():
        return model(windows).window


def test_windows_of_a_recording_know_how_the_device_lies_against_the_body(model):
    signal = walk_and_rest()
    found = model.embed_recording(signal, 25, SIX, "trouser pocket")
    np.testing.assert_allclose(found.body["trouser pocket"], [UP, AHEAD], atol=2e-3)
    np.testing.assert_allclose(found.start_s, np.arange(0, 36.1, 2))  # half a window of four seconds
    np.testing.assert_allclose(found.stop_s, found.start_s + 4)
    windows = np.stack([signal[round(s * 25) : round(s * 25) + 100] for s in found.start_s])
    assert_same_embeddings(found.embeddings, windows_knowing(model, windows, found.body["trouser pocket"]))
    alone = model.embed(windows, 25, SIX, "trouser pocket")
    assert (found.embeddings - alone).norm(dim=1).min() > 1e-3


def test_without_movement_a_recording_is_its_windows(model):
    signal = walk_and_rest(walk_s=0, rest_s=22)
    found = model.embed_recording(signal, 25, SIX, "wrist", stride_s=3)
    assert not found.body["wrist"].any()
    np.testing.assert_allclose(found.start_s, [0, 3, 6, 9, 12, 15, 18])
    windows = np.stack([signal[round(s * 25) : round(s * 25) + 100] for s in found.start_s])
    assert_same_embeddings(found.embeddings, model.embed(windows, 25, SIX, "wrist"))


def test_the_last_window_ends_with_the_recording_and_a_short_one_is_padded(model):
    signal = walk_and_rest(walk_s=0, rest_s=9.4)
    found = model.embed_recording(signal, 25, SIX)
    np.testing.assert_allclose(found.start_s, [0, 2, 4, 5.4])
    assert found.stop_s[-1] == pytest.approx(9.4)
    short = model.embed_recording(signal[:60], 25, SIX)
    np.testing.assert_allclose((*short.start_s, *short.stop_s), (0, 2.4))
    assert_same_embeddings(short.embeddings, model.embed(signal[:60], 25, SIX))


def test_windows_inside_a_gap_are_left_out(model):
    signal = walk_and_rest()
    signal[250:500] = np.nan  # from 10 to 20 s
    found = model.embed_recording(signal, 25, SIX)
    np.testing.assert_allclose(found.start_s, [0, 2, 4, 6, 8, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36])
    assert torch.isfinite(found.embeddings).all()
    empty = np.full((500, 6), np.nan)
    with pytest.raises(ValueError, match="no window of the recording"), pytest.warns(SignalWarning, match="no sample"):
        model.embed_recording(empty, 25, SIX)


def test_a_recording_whose_device_was_turned_on_the_way_is_told(model):
    walk = walk_and_rest(walk_s=60, rest_s=20)
    turned = walk @ np.kron(np.eye(2), [[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    with pytest.warns(SignalWarning, match=r"at trouser pocket seems to have been .* about 80 s: walking") as found:
        model.embed_recording(np.concatenate([walk, turned]), 25, SIX, "trouser pocket")
    assert [warning.filename for warning in found] == [__file__]


def test_every_device_of_a_recording_has_a_direction_of_its_own(model):
    signal = walk_and_rest()
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    turn *= np.linalg.det(turn)
    turned = signal[:, :3] @ turn
    channels = [f"wrist/{n}" for n in SIX] + [f"trouser pocket/{n}" for n in THREE]
    found = model.embed_recording(np.hstack([signal, turned]), 25, channels)
    np.testing.assert_allclose(found.body["wrist"], [UP, AHEAD], atol=2e-3)
    np.testing.assert_allclose(found.body["trouser pocket"], np.stack([UP, AHEAD]) @ turn, atol=2e-3)
    gyroscope_alone = model.embed_recording(signal[:, 3:], 25, SIX[3:])
    assert not gyroscope_alone.body[None].any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"signal": np.zeros((2, 100, 6))}, r"shape \(2, 100, 6\); expected one recording \(T, 6\)"),
        ({"signal": np.zeros((0, 6))}, "T > 0"),
        *(
            ({"stride_s": stride}, "stride_s is .*; expected a number of seconds above 0")
            for stride in (0, "2", np.nan)
        ),
        *(
            ({"batch_size": size}, "batch_size is .*; expected a whole number")
            for size in (0, -1, 2.5, None, "8", True)
        ),
        *(
            ({"placement": place}, "placement is .*; expected where the device is")
            for place in ("", " ", np.nan, pd.NA)
        ),
        ({"placement": ["wrist"]}, r"placement is \['wrist'\]; expected"),
        ({"sampling_rate_hz": 0.02}, "not a period"),
        ({"signal": np.full((100, 6), 9.81)}, "Divide m/s"),
    ],
)
def test_recordings_that_make_no_sense_are_refused(model, arguments, message):
    given = {"signal": walk_and_rest(), "sampling_rate_hz": 25, "channels": SIX} | arguments
    with pytest.raises(ValueError, match=message):
        model.embed_recording(**given)


def test_rows_in_context_are_windows_that_know_their_recording(model, tmp_path):
    """Two recordings of one person: the second, at rest, knows from the first which way is up."""
    walk, rest = walk_and_rest(), walk_and_rest(walk_s=0, rest_s=12)
    with DatasetWriter(tmp_path / "d", title="t", citation="c", licence="l", source_url="u") as writer:
        writer.add_stream(StreamInfo("phone", "test", "trouser pocket", tuple(SIX), 25.0))
        for name, samples, labels in (
            ("walk", walk, [("walking", 0, 750), ("lying", 800, 1000)]),  # two seconds stay unlabelled
            ("rest", rest, [("lying", 0, 300)]),
        ):
            writer.append("phone", recording=name, subject="ann", samples=samples, labels=labels)
    index = WindowIndex([read_dataset(tmp_path / "d")], 4.0, 2.0, 1.0)
    rows = np.random.default_rng(0).permutation(index.labelled_rows())
    found = model.embed_rows_in_context(index, rows)
    (axes,) = body_axes(index)
    np.testing.assert_allclose(axes[0], [UP, AHEAD], atol=2e-3)
    np.testing.assert_array_equal(axes[1], axes[0])
    for i in range(len(rows)):
        samples = index.read(rows[i : i + 1])
        if np.isfinite(samples).all():
            assert_same_embeddings(found[i : i + 1], windows_knowing(model, samples, axes[0]))
    np.testing.assert_array_equal(model.embed_rows_in_context(index, rows[:0]).shape, (0, 12))


# --- the forms in which people have a signal, and what is wrong with it -----------------------------------------------


def test_tables_masks_and_other_rates_are_the_same_signal(model):
    signal = motion(50, 1)[0]
    expected = model.embed(signal, 50, SIX)
    table = pd.DataFrame(signal, columns=SIX).assign(label="walking")
    mask = np.zeros(signal.shape, dtype=bool)
    mask[30:60] = True
    gappy = np.where(mask, np.nan, signal)
    assert_same_embeddings(model.embed(table, np.float32(50), SIX), expected)
    assert_same_embeddings(model.embed(table[SIX], np.array(50)), expected)
    assert_same_embeddings(model.embed(np.ma.array(signal, mask=mask), 50, SIX), model.embed(gappy, 50, SIX))
    for found in (model.embed_recording(table[SIX], 50), model.embed_recording(table, 50, pd.Index(SIX))):
        assert_same_embeddings(found.embeddings, model.embed_recording(signal, 50, SIX).embeddings)


def test_what_is_unlikely_is_said_once_a_call_at_the_callers_line(model):
    t = np.arange(250) / 50
    removed = np.zeros((3, 250, 3))
    removed[..., 2] = 0.3 * np.sin(2 * np.pi * 2 * t)
    for embed, given in ((model.embed, removed), (model.embed_recording, removed[0])):
        with pytest.warns(SignalWarning, match="Gravity has probably been removed") as caught:
            embed(given, 50, THREE)
        assert len(caught) == 1 and caught[0].filename == __file__
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            embed(given, 50, THREE, gravity="removed")


def test_a_model_in_half_precision_is_refused_in_a_sentence(model):
    half, partly = (AlignmentModel(model.config, model.placements).eval() for _ in range(2))
    half.half()
    partly.encoder.half()
    for other in (half, partly):
        with pytest.raises(ValueError, match=r"weights are torch\.float16; it embeds in float32: model\.float\(\)"):
            other.embed(motion(25, 1), 25, SIX)


def test_windows_begin_at_samples_however_small_the_stride(model):
    found = model.embed_recording(walk_and_rest()[:110], 25, SIX, stride_s=1e-9)
    np.testing.assert_array_equal(found.start_s, np.arange(11) / 25)


def test_rows_of_datasets_are_not_judged_window_by_window(model, tmp_path):
    """What a dataset holds is looked at as a whole when it is read; a window in which a wrist spins is none of ours."""
    with DatasetWriter(tmp_path / "mine", title="t", citation="c", licence="l", source_url="u") as writer:
        writer.add_stream(StreamInfo("watch", "test", "wrist", tuple(THREE), 25.0))
        samples = np.random.default_rng(0).normal(0, 0.01, (1000, 3)) + np.array([0.0, 0.0, 1.0])
        turn = 2 * np.pi * 3 * np.arange(125) / 25
        samples[:125] = np.stack([np.sin(turn), np.cos(turn), 0 * turn], 1)
        writer.append("watch", recording="r", subject="p", samples=samples, labels=[("turning", 0, 1000)])
    index = WindowIndex([read_dataset(tmp_path / "mine")], 5.0, 5.0, 5.0)
    with pytest.warns(SignalWarning):
        model.embed(samples[:125], 25, THREE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = model.embed_rows(index, np.arange(len(index)))
    assert len(found) == 8 and torch.isfinite(found).all()


# --- Windows of devices that were worn together -----------------------------------------------------------------------


def test_windows_as_they_were_worn_are_those_of_the_recording(model):
    """One device: the same as `embed_recording`, whose body axes are given. Missing windows become zeros."""
    signal = motion(25, 60, count=1)[0]
    found = model.embed_recording(signal, 25, SIX, "wrist")
    rows = np.rint(found.start_s * 25).astype(int)[:, None] + np.arange(100)
    worn = WornWindows(signal[rows].astype(np.float32), 25.0, SIX, "wrist", found.body["wrist"])
    assert_same_embeddings(model.embed_worn([worn], batch_size=7), found.embeddings)
    missing = worn._replace(samples=np.full_like(worn.samples, np.nan))
    assert not model.embed_worn([missing]).any()
    with pytest.raises(ValueError, match=r"expected the same number of each device, with \[100, 50\] samples"):
        model.embed_worn([worn, worn._replace(sampling_rate_hz=12.5)])


def test_several_layers_of_one_pass_are_those_of_a_pass_each(model, monkeypatch):
    passes = []
    forward = model.encoder.forward
    monkeypatch.setattr(model.encoder, "forward", lambda *given: passes.append(1) or forward(*given))
    axes = np.zeros((2, 3), dtype=np.float32)
    for count in (0, 1, 9):
        samples = motion(25, 4, count=9)[:count].astype(np.float32)
        worn = WornWindows(samples, 25.0, SIX, "wrist", axes)
        passes.clear()
        found = model.embed_worn_layers([worn], ("features", "embedding"), batch_size=4)
        assert len(passes) == -(-count // 4)
        for layer, part in zip(("features", "embedding"), found, strict=True):
            torch.testing.assert_close(part, model.embed_worn([worn], 4, layer), rtol=0, atol=0)
    with pytest.raises(ValueError, match="expected one of"):
        model.embed_worn_layers([worn], ("embedding", "tokens"))


def test_devices_with_rates_of_their_own_are_embedded_together(model):
    """As `embed` of both at one rate; a device that recorded nothing is as if it were not there."""
    left, right = motion(25, 4, count=3, seed=1), motion(25, 4, count=3, seed=2)
    channels = [f"wrist/{name}" for name in SIX] + [f"trouser pocket/{name}" for name in SIX]
    expected = model.embed(np.concatenate([left, right], axis=2), 25, channels)
    nowhere = np.zeros((2, 3), dtype=np.float32)
    worn = [
        WornWindows(samples.astype(np.float32), 25.0, SIX, place, nowhere)
        for samples, place in ((left, "wrist"), (right, "trouser pocket"))
    ]
    assert_same_embeddings(model.embed_worn(worn), expected)
    faster = worn[1]._replace(samples=motion(50, 4, count=3, seed=2).astype(np.float32), sampling_rate_hz=50.0)
    cosine = (model.embed_worn([worn[0], faster]) * expected).sum(1)
    assert (cosine > 0.99).all()
    silent = worn[1]._replace(samples=np.full_like(worn[1].samples, np.nan))
    assert_same_embeddings(model.embed_worn([worn[0], silent]), model.embed_worn(worn[:1]))
