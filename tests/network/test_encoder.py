"""What must not change an embedding, and what must."""

import ast
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from har.network.alignment import AlignmentModel
from har.network.config import NetworkConfig
from har.network.encoder import Embeddings, IMUEncoder
from har.text.label_bank import LearnableLabelBank
from har.windows.batch import SensorWindows

ROOT = Path(__file__).resolve().parents[2]
TEXT_WIDTH_MINILM = 384


@pytest.fixture
def windows(make_windows, mask_out) -> SensorWindows:
    """3 windows of 4 sensors, with a hole, a missing gyroscope and a short window."""
    windows = make_windows()
    keep = torch.ones_like(windows.valid)
    keep[0, 0, 30:60] = False
    keep[1, 1] = False
    keep[2, :, 60:] = False
    return mask_out(windows, keep)


@pytest.fixture
def places() -> torch.Tensor:
    return F.normalize(torch.randn(3, 4, 6, generator=torch.Generator().manual_seed(2)), dim=-1)


def assert_same(found: Embeddings, expected: Embeddings, rows: slice = slice(None)) -> None:
    torch.testing.assert_close(found.window, expected.window[rows], atol=1e-5, rtol=0)
    torch.testing.assert_close(found.patch, expected.patch[rows], atol=1e-5, rtol=0)
    torch.testing.assert_close(found.features, expected.features[rows], atol=1e-4, rtol=1e-4)
    assert torch.equal(found.patch_valid, expected.patch_valid[rows])


def assert_apart(found: Embeddings, expected: Embeddings) -> None:
    """Every window's embedding has moved, by a hundred times what `same` lets pass."""
    assert ((found.window - expected.window).norm(dim=1) > 1e-3).all()


def test_embeddings_have_unit_norm_and_one_patch_per_second(config, encoder, windows, places):
    out = encoder(windows, places)
    assert out.window.shape == (3, config.embedding_width)
    assert out.patch.shape == (3, config.patches, config.embedding_width)
    assert out.features.shape == (3, config.width)
    torch.testing.assert_close(out.window.norm(dim=-1), torch.ones(3))
    torch.testing.assert_close(out.patch.norm(dim=-1), torch.ones(3, 4))
    # 100 samples make 4 patches; 60 samples are two and less than half of a third.
    assert out.patch_valid.tolist() == [[True] * 4, [True] * 4, [True, True, False, False]]
    assert (out.window @ out.window.T - torch.eye(3)).max() < 0.999  # different windows, different embeddings


def test_patch_is_valid_when_any_sensor_measured_it(encoder, make_windows, mask_out):
    windows = make_windows(batch=1)
    keep = torch.zeros_like(windows.valid)
    keep[0, 0, :25] = True
    keep[0, 3, 62:75] = True  # 13 of 25 samples
    keep[0, 2, 75:87] = True  # 12 of 25
    out = encoder(mask_out(windows, keep), torch.zeros(1, 4, 6))
    assert out.patch_valid.tolist() == [[True, False, True, False]]


def test_sensors_that_are_missing_change_nothing(encoder, windows, places):
    def with_missing(kind: int, location: int) -> tuple[SensorWindows, torch.Tensor]:
        extra = {
            "signal": torch.zeros(3, 2, 3, 100), "valid": torch.zeros(3, 2, 100, dtype=torch.bool),
            "kind": torch.full((3, 2), kind), "location": torch.full((3, 2), location),
            "placement": torch.full((3, 2), 1), "rate_hz": torch.ones(3, 2), "body": torch.zeros(3, 2, 2, 3),
        }  # fmt: skip
        joined = SensorWindows(**{name: torch.cat([value, getattr(windows, name)], 1) for name, value in extra.items()})
        return joined, torch.cat([torch.randn(3, 2, 6), places], dim=1)

    expected = encoder(windows, places)
    for kind, location in ((0, 0), (0, 1), (1, 0), (2, 5)):
        assert_same(encoder(*with_missing(kind, location)), expected)


def test_a_masked_tail_changes_nothing_whatever_lies_under_it(encoder, windows, places):
    tail = torch.zeros_like(windows.valid)
    tail[..., 75:] = True
    cut = windows.replace(valid=windows.valid & ~tail, signal=windows.signal.masked_fill(tail.unsqueeze(2), 0.0))
    expected = encoder(cut, places)
    for value in (50.0, -3.0):
        assert_same(encoder(cut.replace(signal=cut.signal + value * tail.unsqueeze(2)), places), expected)
    assert_apart(encoder(windows[:2], places[:2]), Embeddings(*(value[:2] for value in expected)))


def test_the_order_of_sensors_and_the_numbers_of_locations_change_nothing(encoder, windows, places):
    expected = encoder(windows, places)
    order = torch.tensor([2, 0, 3, 1])
    permuted = SensorWindows(**{f.name: getattr(windows, f.name)[:, order] for f in fields(windows)})
    assert_same(encoder(permuted, places[:, order]), expected)
    assert_same(encoder(windows.replace(location=1 - windows.location), places), expected)


@pytest.mark.parametrize("field", ["signal", "kind", "location", "rate_hz", "body", "places"])
def test_what_is_measured_and_where_matters(encoder, make_windows, places, field):
    windows = make_windows()
    expected = encoder(windows, places)
    order = torch.tensor([1, 0, 2, 3]) if field in ("kind", "signal") else torch.tensor([2, 3, 0, 1])
    if field == "places":
        changed = encoder(windows, places[:, order])
    elif field == "location":
        # The gyroscopes change sides: each is split along the gravity of the other accelerometer.
        changed = encoder(windows.replace(location=torch.tensor([[0, 1, 1, 0]]).expand(3, 4)), places)
    elif field == "body":
        changed = encoder(windows.replace(body=torch.zeros(3, 4, 2, 3)), places)
    elif field == "rate_hz":
        changed = encoder(windows.replace(rate_hz=windows.rate_hz.mul(0.25)), places)
    else:
        changed = encoder(windows.replace(**{field: getattr(windows, field)[:, order]}), places)
    assert_apart(changed, expected)


def test_windows_of_a_batch_do_not_know_of_each_other(encoder, windows, places):
    expected = encoder(windows, places)
    for row in range(3):
        assert_same(encoder(windows[row : row + 1], places[row : row + 1]), expected, slice(row, row + 1))
    order = torch.tensor([2, 0, 1])
    assert_same(encoder(windows[order], places[order]), Embeddings(*(value[order] for value in expected)))


def test_a_patch_embedding_is_the_head_of_the_mean_over_sensors_that_measured_it(encoder, windows, places):
    states = []
    hook = encoder.norm.register_forward_hook(lambda module, given, out: states.append(out))
    out = encoder(windows, places)
    hook.remove()
    tokens = states[0].view(3, 4, 5, -1)
    for b in range(3):
        for p in range(4):
            measured = [
                tokens[b, s, p] for s in range(4) if windows.valid[b, s, p * 25 : p * 25 + 25].float().mean() >= 0.5
            ]
            if measured:
                expected = F.normalize(encoder.head(torch.stack(measured).mean(0)), dim=-1)
                torch.testing.assert_close(out.patch[b, p], expected, atol=1e-5, rtol=1e-5)


def test_what_is_known_of_each_token_sums_up_to_the_embeddings(config, encoder, windows, places):
    tokens, valid = encoder.contextual(windows, places)
    assert tokens.shape == (3, 4, config.patches + 1, config.width)
    measured = windows.valid.unflatten(2, (4, 25)).float().mean(3) >= 0.5
    assert torch.equal(valid, torch.cat([measured, measured.any(2, keepdim=True)], dim=2))
    found, expected = encoder.summarise(tokens, valid), encoder(windows, places)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    # What stands at tokens that were not measured has no say; all others do, the spectra in the window alone.
    noise = torch.linspace(-9, 9, config.width)
    assert_same(encoder.summarise(torch.where(valid.unsqueeze(-1), tokens, noise), valid), expected)
    spectra = tokens.clone()
    spectra[:, :, -1] = noise
    changed = encoder.summarise(spectra, valid)
    assert_apart(changed, expected)
    assert torch.equal(changed.patch, expected.patch)


def test_frozen_below_the_head_exactly_pooling_and_head_are_trained(encoder, windows, places):
    encoder.freeze_below_head()
    trained = {name for name, parameter in encoder.named_parameters() if parameter.requires_grad}
    summarising = ("pool.", "head.")
    assert trained == {name for name, _ in encoder.named_parameters() if name.startswith(summarising)}
    assert {name.split(".")[0] for name in trained} == {"pool", "head"}
    out = encoder(windows, places)
    (out.window[:, 0].sum() + out.patch[..., 0].sum()).backward()
    assert {name for name, p in encoder.named_parameters() if p.grad is not None and p.grad.any()} == trained


def test_hidden_matrices_are_those_that_mix_features(encoder):
    names = {id(p): name for name, p in encoder.named_parameters()}
    found = {names[id(p)] for p in encoder.hidden_matrices()}
    matrices = {name for name, p in encoder.named_parameters() if p.ndim == 2}
    assert matrices - found == {
        "tokens.kind.weight", "tokens.rate.weight", "tokens.placement.weight", "pool.queries",
    }  # fmt: skip
    assert found < matrices and len(found) == len(encoder.hidden_matrices())


def test_a_window_without_any_sample_stays_finite_and_leaves_the_others_alone(encoder, windows, places, mask_out):
    expected = encoder(windows, places)
    keep = torch.ones_like(windows.valid)
    keep[1] = False
    out = encoder(mask_out(windows, keep), places)
    assert all(torch.isfinite(value).all() for value in out)
    assert not out.patch_valid[1].any()
    assert not out.features[1].any()  # nothing was measured, nothing is said
    rest = torch.tensor([0, 2])
    assert_same(Embeddings(*(value[rest] for value in out)), Embeddings(*(value[rest] for value in expected)))


def test_gradients_are_finite_beside_missing_sensors_and_silence(encoder, windows, places, mask_out):
    keep = torch.ones_like(windows.valid)
    keep[0] = False  # one window without anything
    windows = mask_out(windows, keep)
    windows.signal[1, 2:] = 0.0  # sensors that are there and read zero
    windows.signal.requires_grad_(True)
    encoder.train()
    out = encoder(windows, places)
    target = torch.randn(out.window.shape, generator=torch.Generator().manual_seed(4))
    ((out.window * target).sum() + out.patch.square().sum(-1).sqrt().sum() + out.patch[..., 0].sum()).backward()
    for name, parameter in encoder.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any(), f"{name} learns nothing"
    assert torch.isfinite(windows.signal.grad).all()
    assert not windows.signal.grad[0].any()


def test_bfloat16_autocast_is_close_to_float32(encoder, windows, places):
    expected = encoder(windows, places)
    with torch.autocast("cpu", torch.bfloat16):
        out = encoder(windows, places)
    # bfloat16 has 8 bits of mantissa: some 0.4 % a product, averaged over the channels of a few layers.
    assert F.cosine_similarity(out.window.float(), expected.window).min() > 0.999
    assert F.cosine_similarity(out.patch.float(), expected.patch, dim=-1).min() > 0.999
    assert torch.equal(out.patch_valid, expected.patch_valid)


def test_the_model_compiles_as_one_graph(config, scramble, windows):
    """Traced whole and run by autograd's own kernels: a graph break or a changed result shows without a C compiler."""
    model = scramble(AlignmentModel(replace(config, depth=1), ["wrist", "belt"], torch.randn(2, 6)))
    windows = windows.replace(placement=torch.tensor([[0, 0, 1, 2]]).expand(3, 4))
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    try:
        found, expected = compiled(windows), model(windows)
        assert_same(found, expected)
        gradients = []
        for out in (found, expected):
            model.zero_grad()
            out.window[:, 0].sum().backward()
            gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
        torch.testing.assert_close(*gradients, atol=1e-5, rtol=1e-4)
    finally:
        torch._dynamo.reset()


def script_constants() -> dict:
    """The constants of the training script, read and not run."""
    source = ROOT / "training_scripts" / "human_activity_recognition" / "semantic_alignment_train.py"
    constants = {}
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper():
            constants[node.targets[0].id] = ast.literal_eval(node.value)
    return constants


def test_the_default_network_has_at_most_two_million_parameters():
    values = script_constants()
    names = NetworkConfig.__dataclass_fields__.keys() - {"text_width"}
    config = NetworkConfig(text_width=TEXT_WIDTH_MINILM, **{name: values[name.upper()] for name in names})
    bank = LearnableLabelBank(TEXT_WIDTH_MINILM, config.embedding_width, values["PROTOTYPES"], values["BANK_HEADS"])
    modules = (IMUEncoder(config), bank)
    count = sum(parameter.numel() for module in modules for parameter in module.parameters())
    assert 100_000 < count <= 2_000_000
