"""An exported graph against the network that it comes from."""

import copy
import importlib.util
import json
import math
import runpy

import numpy as np
import pytest
import torch
from scipy.special import i0

from har.export import graph as module
from har.export.graph import INPUTS, WindowGraph
from har.export.package import GRAPH, VOCABULARY, export_package, quantise
from har.export.parity import Window, compare, feed, session_of, windows_of_all_layouts
from har.network.loading import load_label_bank, load_model
from har.run.folder import repository_root

pytest.importorskip("onnxruntime", reason="exporting takes the extra [export]")
EXAMPLE = repository_root() / "val_scripts/human_activity_recognition/recognise_with_onnx.py"
SIX = [f"{kind}_{axis}" for kind in ("acc", "gyro") for axis in "xyz"]


@pytest.fixture(scope="module")
def trained(whole_run):
    model, checkpoint, hyperparams_path = load_model(whole_run[0] / "best.pt", "cpu")
    return model, load_label_bank(checkpoint, "cpu", hyperparams_path)


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    before = copy.deepcopy(trained[0].state_dict())
    export_package(*trained, trained[1].known_labels(), folder, EXAMPLE)
    assert all(torch.equal(before[name], tensor) for name, tensor in trained[0].state_dict().items())
    return folder


def test_the_series_is_the_bessel_function():
    x = torch.linspace(0, 5, 200)
    np.testing.assert_allclose(module._bessel_i0(x**2), i0(x.numpy()), rtol=1e-6)


def test_the_graph_says_what_the_network_says_of_every_layout(trained, exported):
    model, bank = trained
    windows = list(windows_of_all_layouts(150, model))
    assert {len(w.channels) // 3 for w in windows} >= {1, 2, 3, 4} and any(np.isnan(w.signal).any() for w in windows)
    parity = compare(exported / GRAPH, model, bank, bank.known_labels(), windows)
    assert parity.windows == 150 and parity.largest < 1e-4 and parity.same_label == 1.0


def test_another_network_is_noticed(trained, exported):
    """What is compared must be able to differ."""
    other = copy.deepcopy(trained[0])
    with torch.no_grad():
        for parameter in other.encoder.head.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape))
    found = compare(exported / GRAPH, other, trained[1], ["walking", "sitting"], windows_of_all_layouts(5, other))
    assert found.largest > 1e-3


def test_windows_of_one_call_are_the_same_as_one_by_one_and_know_their_body(trained, exported):
    model, _ = trained
    session, rng = session_of(exported / GRAPH), np.random.default_rng(0)
    signal = rng.normal(0, 0.3, (5, 2, 3, 180)).astype(np.float32)
    signal[3, 1] = np.nan
    signal[4] = np.nan
    body = np.zeros((5, 2, 2, 3), dtype=np.float32)
    body[1:, :, 0, 2] = body[1:, :, 1, 0] = 1.0
    fed = {
        "signal": signal, "sampling_rate_hz": np.array([50.0], dtype=np.float32), "body": body,
        "kind": np.tile(np.array([0, 1]), (5, 1)), "device": np.zeros((5, 2), dtype=np.int64),
        "placement": np.zeros((5, 2, model.config.text_width), dtype=np.float32),
    }  # fmt: skip
    together, coverage = session.run(None, fed)
    for i in range(5):
        one = {name: value[i : i + 1] for name, value in fed.items()} | {"sampling_rate_hz": fed["sampling_rate_hz"]}
        alone, _ = session.run(None, one)
        np.testing.assert_allclose(alone[0], together[i], atol=1e-5)
    assert not together[4].any() and coverage[4] == 0
    flat = torch.from_numpy(signal[:4]).movedim(-1, 1).flatten(2)
    devices = [(None, {name: i for i, name in enumerate(SIX)})]
    expected = model._embed_cut(flat, 50.0, devices, torch.from_numpy(body[:4, :1]), 8).detach()
    np.testing.assert_allclose(together[:4] * coverage[:4, None], expected, atol=1e-4)
    assert np.abs(together[0] - together[1]).max() > 1e-3


def test_features_are_those_of_the_network(trained):
    model, _ = trained
    rng = np.random.default_rng(0)
    signal = (rng.normal(0, 0.3, (3, 250, 6)) + np.eye(6)[2]).astype(np.float32)
    sensors = torch.from_numpy(signal).movedim(1, -1).unflatten(1, (2, 3))
    zeros = torch.zeros(3, 2, dtype=torch.int64)
    fed = (
        torch.cat([sensors, torch.full_like(sensors[:1], torch.nan)]), torch.tensor([50.0]),
        torch.tensor([0, 1]).expand(4, -1), torch.cat([zeros, zeros[:1]]),
        torch.zeros(4, 2, model.config.text_width), torch.zeros(4, 2, 2, 3),
    )  # fmt: skip
    with torch.no_grad():
        found = WindowGraph(copy.deepcopy(model), features=True).eval()(*fed)
        plain = WindowGraph(copy.deepcopy(model)).eval()(*fed)
    assert len(plain) == 2 and all(torch.equal(one, other) for one, other in zip(plain, found, strict=False))
    torch.testing.assert_close(found[2][:3], model.embed(signal, 50.0, SIX, layer="features"), atol=1e-4, rtol=0)
    assert not found[2][3].any()


def test_the_example_names_as_the_library_does(trained, exported, tmp_path, capsys):
    model, bank = trained
    spec = importlib.util.spec_from_file_location("example", exported / EXAMPLE.name)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    assert len(EXAMPLE.read_text().splitlines()) <= 66
    about, session = json.loads((exported / VOCABULARY).read_text()), session_of(exported / GRAPH)
    labels = bank.known_labels()
    assert list(about["labels"]) == labels
    t = np.arange(700) / 50  # two windows and a part
    signal = np.random.default_rng(0).normal(0, 0.05, (3, 700, 6)) + np.eye(6)[2]
    signal[..., 2] += 0.3 * np.sin(2 * math.pi * 2 * t)
    signal[1, 100:130] = np.nan
    for placement in (None, model.placements[0]):
        expected = model.embed(signal, 50, SIX, placement)
        found = example.embed(session, about, signal, SIX, 50.0, placement)
        np.testing.assert_allclose(found, expected, atol=1e-5)
        shares = example.classify(about, found, labels)
        np.testing.assert_allclose(shares, bank.classify(expected, labels)[1], atol=1e-4)


def test_eight_bits_are_smaller_and_nearly_the_same(trained, exported):
    model, bank = trained
    path = quantise(exported)
    assert path.stat().st_size < (exported / GRAPH).stat().st_size
    parity = compare(path, model, bank, bank.known_labels(), windows_of_all_layouts(30, model))
    assert 1e-9 < parity.largest < 0.2


def test_feeding_names_every_input(trained):
    window = Window(np.zeros((100, 6), dtype=np.float32), 50.0, SIX)
    assert tuple(feed(window, trained[0])) == INPUTS
    assert isinstance(WindowGraph(copy.deepcopy(trained[0])), torch.nn.Module)


@pytest.mark.parametrize(
    ("text", "rate", "problem"),
    [
        ("acc_x,acc_y,acc_z\n0,0,1\n", None, "give walk.csv"),
        ("acc_x,acc_y,acc_z\n0,0,1\n", "fast", "fast"),
        ("0,0,1\n0,0,1\n", "50", "no field of name acc_x"),
        ("acc_x;acc_y;acc_z\n0;0;1\n", "50", "with commas"),
        ("acc_x,acc_y,acc_z\n0,0,9.8\n0,0,9.8\n", "50", "not in g"),
        ("acc_x,acc_y,acc_z\n0,0,1\n", "-1", "a rate of 0 or none"),
    ],
)
def test_what_the_example_cannot_read_is_one_line(exported, monkeypatch, tmp_path, text, rate, problem):
    (tmp_path / "walk.csv").write_text(text)
    asked = [] if rate is None else [str(tmp_path / "walk.csv"), rate]
    monkeypatch.setattr("sys.argv", ["recognise_with_onnx.py", *asked])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(exported / EXAMPLE.name), run_name="__main__")
    assert problem in str(ended.value) and "\n" not in str(ended.value)
