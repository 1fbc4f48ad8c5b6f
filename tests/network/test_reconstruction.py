"""What is hidden must not be seen, what is drawn must stand in its place, and the encoder must learn from it.

Shape letters: B batch, S sensor, P patch, T sample, L samples in a patch, D width.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from har.network.alignment import AlignmentModel
from har.network.config import NetworkConfig
from har.network.encoder import Embeddings, IMUEncoder
from har.network.patches import time_table
from har.network.reconstruction import (
    MaskedAutoencoder,
    PatchDecoder,
    hide,
    load_pretrained_encoder,
    patch_targets,
)
from har.network.upgrade import CHECKPOINT_FORMAT
from har.run.checkpoint import CheckpointError, plain_state_dict, save_checkpoint
from har.windows.batch import SensorWindows

FIELDS = ("signal", "valid", "kind", "location", "placement", "rate_hz", "body")
TYPICAL = (1.0, 3.0, 50.0)  # g, rad/s, uT
DECODER_WIDTH = 24  # unlike the encoder's, so that a mix-up of the two cannot go unseen


@pytest.fixture
def features() -> Tensor:
    """Sentence embeddings of two placements."""
    return F.normalize(torch.tensor([[0.9, -0.3, 0.1, 0.4, -0.8, 0.2], [-0.5, 0.7, 0.6, -0.1, 0.3, -0.9]]), dim=1)


@pytest.fixture
def autoencoder(config: NetworkConfig, scramble: Callable, features: Tensor) -> MaskedAutoencoder:
    model = AlignmentModel(config, ["wrist", "belt"], features)
    return scramble(MaskedAutoencoder(model, DECODER_WIDTH, 2, spectra=False))


def test_with_spectra_the_decoder_draws_as_many_values_as_there_are_targets(config, features, windows, hidden):
    network = MaskedAutoencoder(AlignmentModel(config, ["wrist", "belt"], features), DECODER_WIDTH, 1, spectra=True)
    assert network(windows, hidden).patches.shape == patch_targets(windows, network.model, spectra=True)[0].shape


@pytest.fixture
def windows(make_windows) -> SensorWindows:
    """3 windows: accelerometer and gyroscope at the wrist, the same at the belt."""
    return make_windows().replace(placement=torch.tensor([[1, 1, 2, 2]]).expand(3, 4).clone())


@pytest.fixture
def hidden() -> Tensor:
    """(B, S, P): another choice in each window; a whole sensor in the second; nothing of the belt in the third."""
    hidden = torch.zeros(3, 4, 4, dtype=torch.bool)
    hidden[0, :, 1] = True
    hidden[0, 2, 3] = True
    hidden[1, 1] = True
    hidden[1, 0, 0] = True
    hidden[2, 0, 2:] = True
    return hidden


def samples_of(patches_BSP: Tensor) -> Tensor:
    """(B, S, P) -> (B, S, T) of 25 samples a patch, one by one."""
    return torch.stack([patches_BSP[..., t // 25] for t in range(100)], dim=-1)


def by_sensor(patches: Tensor) -> Tensor:
    """(B, P, L, S x 3) -> (B, S, P, L, 3)."""
    batch, count, length, channels = patches.shape
    out = torch.empty(batch, channels // 3, count, length, 3)
    for s in range(channels // 3):
        for a in range(3):
            out[:, s, :, :, a] = patches[:, :, :, 3 * s + a]
    return out


def reorder_sensors(windows: SensorWindows, order: Tensor) -> SensorWindows:
    return SensorWindows(**{name: getattr(windows, name)[:, order] for name in FIELDS})


def add_missing_sensors(windows: SensorWindows, count: int) -> SensorWindows:
    """As a batch holds them when another window of it has more sensors; at a place that has a text, to be seen."""
    batch, _, length = windows.valid.shape
    return SensorWindows(
        signal=torch.cat([windows.signal, torch.zeros(batch, count, 3, length)], dim=1),
        valid=torch.cat([windows.valid, torch.zeros(batch, count, length, dtype=torch.bool)], dim=1),
        kind=torch.cat([windows.kind, torch.ones(batch, count, dtype=torch.long)], dim=1),
        location=torch.cat([windows.location, torch.zeros(batch, count, dtype=torch.long)], dim=1),
        placement=torch.cat([windows.placement, torch.full((batch, count), 2)], dim=1),
        rate_hz=torch.cat([windows.rate_hz, torch.ones(batch, count)], dim=1),
        body=torch.cat([windows.body, torch.zeros(batch, count, 2, 3)], dim=1),
    )


def assert_same_embeddings(found: Embeddings, expected: Embeddings) -> None:
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


# --- hiding -----------------------------------------------------------------------------------------------------------


def test_spectra_of_sines_have_their_closed_form(autoencoder, windows):
    """Amplitude a at k turns a patch of L samples has power (a L / 2)^2 there and none elsewhere, whatever the mean."""
    time = torch.arange(100, dtype=torch.float64) / 25
    turns, amplitude = torch.tensor([1.0, 4.0, 12.0]), torch.tensor([0.5, 1.5, 0.05])
    sines = amplitude[:, None] * torch.sin(2 * math.pi * turns[:, None] * time) + torch.tensor([[1.0], [-0.3], [0.0]])
    typical = torch.tensor(TYPICAL)[windows.kind][..., None, None]
    same = windows.replace(signal=(sines * typical).float())
    targets, _ = patch_targets(same, autoencoder.model, spectra=True)
    assert targets.shape == (3, 4, 25 + 12, 12)
    torch.testing.assert_close(targets[:, :, :25], patch_targets(same, autoencoder.model, spectra=False)[0])
    for axis in range(3):
        for k in range(1, 13):
            power = (amplitude[axis] * 25 / 2) ** 2 if k == turns[axis] else 0.0
            expected = math.log(power / 25 + 1e-4) / 5 + 1
            found = by_sensor(targets)[:, :, :, 24 + k, axis]
            torch.testing.assert_close(found, torch.full_like(found, expected), atol=1e-3, rtol=0)


def test_hidden_samples_are_missing_and_all_others_as_they_were(windows, hidden, mask_out):
    keep = ~samples_of(hidden)
    before = windows.signal.clone()
    found = hide(windows, hidden)
    assert torch.equal(found.valid, keep)
    for b, s, t in keep.nonzero().tolist():
        assert torch.equal(found.signal[b, s, :, t], windows.signal[b, s, :, t])
    assert not found.signal[~keep.unsqueeze(2).expand_as(found.signal)].any()
    assert all(torch.equal(getattr(found, name), getattr(windows, name)) for name in FIELDS[2:])
    # The same as a recording with a gap, and what was given is not changed.
    gap = mask_out(windows, keep)
    assert all(torch.equal(getattr(found, name), getattr(gap, name)) for name in FIELDS)
    assert torch.equal(windows.signal, before) and windows.valid.all()


def test_what_was_missing_before_stays_missing(windows, hidden, mask_out):
    keep = torch.ones_like(windows.valid)
    keep[:, :, 60:] = False
    assert torch.equal(hide(mask_out(windows, keep), hidden).valid, keep & ~samples_of(hidden))


@pytest.mark.parametrize("content", [0.0, 7.0, torch.inf, torch.nan])
def test_what_is_hidden_cannot_be_known(autoencoder, windows, hidden, content):
    """To the bit, in every sensor: not by the tokens, nor by gravity, nor by the spectrum of what is visible."""
    expected = autoencoder(windows, hidden)
    under = samples_of(hidden).unsqueeze(2)
    changed = windows.replace(signal=windows.signal.masked_fill(under, content))
    found = autoencoder(changed, hidden)
    assert torch.equal(found.patches, expected.patches)
    assert all(torch.equal(a, b) for a, b in zip(found.embeddings, expected.embeddings, strict=True))
    # The same change in what is visible does show.
    if content == 7.0:
        seen = autoencoder(windows.replace(signal=windows.signal.masked_fill(~under, content)), hidden)
        assert ((seen.patches - expected.patches).abs().amax((1, 2, 3)) > 1e-2).all()


def test_every_hidden_patch_is_drawn_from_every_sensor_that_is_visible(autoencoder, windows):
    hidden = torch.zeros(3, 4, 4, dtype=torch.bool)
    hidden[:, 0] = True
    expected = by_sensor(autoencoder(windows, hidden).patches)[:, 0]
    for sensor in (1, 2, 3):
        signal = windows.signal.clone()
        signal[:, sensor] = signal[:, sensor].flip(-1)
        found = by_sensor(autoencoder(windows.replace(signal=signal), hidden).patches)[:, 0]
        assert ((found - expected).abs().amax((2, 3)) > 1e-3).all()


def test_with_nothing_hidden_the_embeddings_are_the_models_own(autoencoder, windows, hidden):
    nothing = torch.zeros_like(hidden)
    assert_same_embeddings(autoencoder(windows, nothing).embeddings, autoencoder.model(windows))
    # With something hidden, those of a recording with gaps.
    gaps = autoencoder.model(hide(windows, hidden))
    assert_same_embeddings(autoencoder(windows, hidden).embeddings, gaps)
    assert ((gaps.window - autoencoder.model(windows).window).norm(dim=1) > 1e-3).all()


# --- what the decoder draws, and where --------------------------------------------------------------------------------


def test_targets_are_the_signal_in_typical_units_at_the_place_of_each_sample(autoencoder, windows):
    targets, measured = patch_targets(windows, autoencoder.model, spectra=False)
    assert targets.shape == (3, 4, 25, 12) and measured.shape == (3, 4, 12)
    for s in range(4):
        for a in range(3):
            back = targets[:, :, :, 3 * s + a].reshape(3, 100)
            for b in range(3):
                expected = windows.signal[b, s, a] / TYPICAL[windows.kind[b, s]]
                torch.testing.assert_close(back[b], expected, atol=1e-6, rtol=1e-6)
    assert measured.all()


def test_a_patch_counts_as_measured_when_every_sample_is(autoencoder, windows):
    valid = windows.valid.clone()
    valid[0, 1, 30] = False  # one sample of the second patch
    valid[1, 2] = False
    valid[2, :, 75:] = False
    _, measured = patch_targets(windows.replace(valid=valid), autoencoder.model, spectra=False)
    for b in range(3):
        for p in range(4):
            for s in range(4):
                expected = bool(valid[b, s, 25 * p : 25 * p + 25].all())
                assert measured[b, p, 3 * s : 3 * s + 3].tolist() == [expected] * 3


def test_a_decoder_without_blocks_equals_a_loop_over_its_tokens(config, scramble, windows, hidden, features):
    """Sample l of axis a of sensor s in patch p stands at [b, p, l, 3 s + a], and nothing comes from elsewhere."""
    decoder = scramble(PatchDecoder(config, DECODER_WIDTH, depth=0, spectra=False))
    tokens = torch.linspace(-2, 2, 3 * 4 * 5 * 16).sin().view(3, 4, 5, 16)
    visible = torch.ones(3, 4, 5, dtype=torch.bool)
    visible[:, :, :-1] = ~hidden
    table = torch.cat([torch.zeros(1, 6), features])
    found = decoder(tokens, visible, hidden, windows, table[windows.placement])
    assert found.shape == (3, 4, 25, 12)
    for b in range(3):
        for s in range(4):
            about = decoder.kind.weight[windows.kind[b, s]] + decoder.placement(table[windows.placement[b, s]])
            for p in range(4):
                token = decoder.hidden_token if hidden[b, s, p] else decoder.project(tokens[b, s, p])
                numbers = decoder.to_targets(decoder.norm(token + about + decoder.time[p]))
                for a in range(3):
                    expected = torch.stack([numbers[3 * sample + a] for sample in range(25)])
                    torch.testing.assert_close(found[b, p, :, 3 * s + a], expected, atol=1e-5, rtol=1e-5)


def test_the_decoder_attends_to_hidden_and_visible_tokens_and_to_no_others(config, scramble, windows, features):
    decoder = scramble(PatchDecoder(config, DECODER_WIDTH, depth=2, spectra=False))
    tokens = torch.linspace(-2, 2, 3 * 4 * 5 * 16).sin().view(3, 4, 5, 16)
    hidden, visible = torch.zeros(3, 4, 4, dtype=torch.bool), torch.ones(3, 4, 5, dtype=torch.bool)
    hidden[:, 0, 1] = True
    visible[:, 0, 1] = False
    visible[:, 2, 3] = False  # neither: hardly measured
    visible[:, 3] = False
    places = torch.cat([torch.zeros(1, 6), features])[windows.placement]

    def drawn(tokens: Tensor, decoder: PatchDecoder = decoder) -> Tensor:
        return by_sensor(decoder(tokens, visible, hidden, windows, places))

    expected = drawn(tokens)
    for s, p in ((2, 3), (3, 0), (3, 4), (0, 1)):
        changed = tokens.clone()
        changed[:, s, p] += 3.0
        assert torch.equal(drawn(changed), expected), "what stands at a token that is not visible means nothing"
    for s, p in ((0, 0), (1, 3), (2, 4)):
        changed = tokens.clone()
        changed[:, s, p] += 3.0
        assert ((drawn(changed) - expected)[:, 0, 1].abs().amax((1, 2)) > 1e-3).all()
    # What is hidden is attended to as well: the decoder knows what else it has to draw.
    with torch.no_grad():
        decoder.hidden_token += torch.linspace(-3, 3, DECODER_WIDTH)
    assert ((drawn(tokens) - expected)[:, 1].abs().amax((1, 2, 3)) > 1e-3).all()


def test_predictions_follow_their_sensors_into_any_order(autoencoder, windows, hidden):
    order = torch.tensor([2, 0, 3, 1])
    expected = by_sensor(autoencoder(windows, hidden).patches)
    found = by_sensor(autoencoder(reorder_sensors(windows, order), hidden[:, order]).patches)
    torch.testing.assert_close(found, expected[:, order], atol=1e-4, rtol=1e-4)
    targets, _ = patch_targets(windows, autoencoder.model, spectra=False)
    reordered, _ = patch_targets(reorder_sensors(windows, order), autoencoder.model, spectra=False)
    assert torch.equal(by_sensor(reordered), by_sensor(targets)[:, order])
    apart = expected[:, :, None] - expected[:, None]
    assert (apart.abs().amax((0, 3, 4, 5)) + torch.eye(4) > 1e-2).all()  # no two sensors are drawn alike


def test_patches_that_are_hidden_are_told_apart_by_their_time_alone(autoencoder, windows):
    hidden = torch.zeros(3, 4, 4, dtype=torch.bool)
    hidden[:, 1] = True
    drawn = by_sensor(autoencoder(windows, hidden).patches)[:, 1]
    for p in range(4):
        for q in range(p):
            assert ((drawn[:, p] - drawn[:, q]).abs().amax((1, 2)) > 1e-3).all()


def test_encoder_and_decoder_read_the_same_clock(config, autoencoder):
    assert torch.equal(autoencoder.decoder.time, time_table(config.patches, config.patch_s, DECODER_WIDTH))
    same = PatchDecoder(config, config.width, depth=1, spectra=False)
    assert torch.equal(same.time, autoencoder.model.encoder.tokens.time)
    # Half a second a patch is another table: the clock counts seconds, not patches.
    faster = PatchDecoder(replace(config, patch_s=0.2), DECODER_WIDTH, depth=1, spectra=False)
    torch.testing.assert_close(faster.time[5], autoencoder.decoder.time[1])


# --- rows, padding, nothing at all ------------------------------------------------------------------------------------


def test_windows_of_a_batch_do_not_know_of_each_other(autoencoder, windows, hidden):
    expected = autoencoder(windows, hidden)
    for row in range(3):
        part = slice(row, row + 1)
        found = autoencoder(windows[part], hidden[part])
        torch.testing.assert_close(found.patches, expected.patches[part], atol=1e-4, rtol=1e-4)
        assert_same_embeddings(found.embeddings, Embeddings(*(value[part] for value in expected.embeddings)))
    assert ((expected.patches[1:] - expected.patches[:1]).abs().amax((1, 2, 3)) > 1e-2).all()


@pytest.mark.parametrize("over_missing", [False, True])
def test_sensors_that_are_missing_change_nothing_even_where_they_are_hidden(autoencoder, windows, hidden, over_missing):
    """A window is drawn the same whatever other windows of its batch have; masks reach over missing sensors too."""
    expected = autoencoder(windows, hidden)
    extra = torch.full((3, 2, 4), over_missing)
    extra[:, :, 0] = False
    found = autoencoder(add_missing_sensors(windows, 2), torch.cat([hidden, extra], dim=1))
    torch.testing.assert_close(found.patches[..., :12], expected.patches, atol=1e-4, rtol=1e-4)
    assert_same_embeddings(found.embeddings, expected.embeddings)


def test_hiding_a_patch_that_was_never_measured_changes_nothing(autoencoder, windows, hidden, mask_out):
    keep = torch.ones_like(windows.valid)
    keep[0, 0, 50:75] = False
    keep[2, :, 75:] = False
    windows, more = mask_out(windows, keep), hidden.clone()
    more[0, 0, 2] = more[2, :, 3] = True
    expected, found = autoencoder(windows, hidden), autoencoder(windows, more)
    there = keep.unflatten(2, (4, 25)).all(3)
    drawn = by_sensor(found.patches)[there]
    torch.testing.assert_close(drawn, by_sensor(expected.patches)[there], atol=1e-4, rtol=1e-4)
    assert_same_embeddings(found.embeddings, expected.embeddings)


@pytest.mark.parametrize("over_missing", [False, True])
def test_what_is_missing_and_what_is_not_at_all_finite(autoencoder, windows, hidden, mask_out, over_missing):
    """A missing sensor, a window of which all is hidden, and one without a sample: finite values and gradients."""
    keep = torch.ones_like(windows.valid)
    keep[0, 1] = False
    keep[2] = False
    windows, hidden = mask_out(windows, keep), hidden.clone()
    hidden[1] = True
    hidden[2] = over_missing
    autoencoder.train()
    found = autoencoder(windows, hidden)
    seen = found.embeddings
    assert torch.isfinite(found.patches).all() and all(torch.isfinite(value).all() for value in seen)
    assert not seen.patch_valid[1:].any() and not seen.features[1:].any()
    (found.patches.square().mean() + seen.window[:, 0].sum() + seen.patch[..., 0].sum()).backward()
    for name, parameter in autoencoder.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name


def test_a_reconstruction_teaches_encoder_decoder_and_hidden_token(autoencoder, windows, hidden):
    autoencoder.train()
    targets, measured = patch_targets(windows, autoencoder.model, spectra=False)
    chosen = hidden.transpose(1, 2).repeat_interleave(3, dim=2) & measured
    found = autoencoder(windows, hidden)
    error = (found.patches - targets).square().mean(2)[chosen].mean()
    error.backward()
    idle = {name for name, p in autoencoder.named_parameters() if p.grad is None or not p.grad.any()}
    # Pooling and head summarise what was visible; only the embeddings pass through them.
    assert idle and all(name.startswith(("model.encoder.pool.", "model.encoder.head.")) for name in idle)
    assert autoencoder.decoder.hidden_token.grad.any()


# --- stage 1's result for stage 2 -------------------------------------------------------------------------------------


def checkpoint_of(autoencoder: MaskedAutoencoder) -> dict:
    """What load_pretrained_encoder looks at in a checkpoint of stage 1, and some of what else lies there."""
    return {
        "format": CHECKPOINT_FORMAT, "step": 3,
        "model": plain_state_dict(autoencoder.model),
        "decoder": plain_state_dict(autoencoder.decoder),
        "network": autoencoder.model.config.to_dict(),
    }  # fmt: skip


def test_an_encoder_gets_all_weights_of_stage_1_and_no_others(tmp_path, config, autoencoder, windows):
    save_checkpoint(tmp_path / "best.pt", checkpoint_of(autoencoder))
    encoder = IMUEncoder(config).eval()
    pretrained = autoencoder.model.encoder
    assert not torch.equal(encoder.head.layers[0].weight, pretrained.head.layers[0].weight)
    load_pretrained_encoder(encoder, tmp_path / "best.pt")
    found, expected = encoder.state_dict(), pretrained.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    places = autoencoder.model.placement_table[windows.placement]
    assert torch.equal(encoder(windows, places).window, pretrained(windows, places).window)


def test_another_network_is_refused_and_what_differs_is_listed(tmp_path, config, autoencoder):
    save_checkpoint(tmp_path / "best.pt", checkpoint_of(autoencoder))
    encoder = IMUEncoder(replace(config, width=32, sensors=("acc",)))
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    with pytest.raises(CheckpointError) as caught:
        load_pretrained_encoder(encoder, tmp_path / "best.pt")
    lines = [line.strip() for line in str(caught.value).splitlines()[1:]]
    assert lines == [
        "sensors: ['acc'] here, ['acc', 'gyro'] in the checkpoint",
        "width: 32 here, 16 in the checkpoint",
    ]
    assert all(torch.equal(encoder.state_dict()[name], value) for name, value in before.items())


@pytest.mark.parametrize("absent", ["decoder", "network"])
def test_a_checkpoint_of_another_kind_is_refused(tmp_path, config, autoencoder, absent):
    """An alignment checkpoint has a network and a label bank, but no decoder."""
    state = checkpoint_of(autoencoder) | {"bank": {"temperature": torch.ones(())}}
    del state[absent]
    save_checkpoint(tmp_path / "best.pt", state)
    with pytest.raises(CheckpointError, match=r"'bank'.*expected best\.pt, latest\.pt or checkpoint_epoch"):
        load_pretrained_encoder(IMUEncoder(config), tmp_path / "best.pt")


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None])
def test_any_other_file_is_refused(tmp_path, config, content):
    if content is not None:
        (tmp_path / "best.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"best\.pt"):
        load_pretrained_encoder(IMUEncoder(config), tmp_path / "best.pt")


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path, config, autoencoder, share):
    save_checkpoint(tmp_path / "best.pt", checkpoint_of(autoencoder))
    whole = (tmp_path / "best.pt").read_bytes()
    (tmp_path / "best.pt").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(CheckpointError, match="truncated"):
        load_pretrained_encoder(IMUEncoder(config), tmp_path / "best.pt")


@pytest.mark.parametrize("change", ["one absent", "one too many", "one of another shape"])
def test_weights_that_do_not_fit_are_refused(tmp_path, config, autoencoder, change):
    state = checkpoint_of(autoencoder)
    if change == "one absent":
        del state["model"]["encoder.norm.bias"]
    elif change == "one too many":
        state["model"]["encoder.extra"] = torch.zeros(1)
    else:
        state["model"]["encoder.norm.bias"] = torch.zeros(3)
    save_checkpoint(tmp_path / "best.pt", state)
    with pytest.raises(CheckpointError, match=r"another architecture than it says"):
        load_pretrained_encoder(IMUEncoder(config), tmp_path / "best.pt")
