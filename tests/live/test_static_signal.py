"""The recogniser of the static page, function by function, beside the Python that it follows: signal, axes, context."""

from pathlib import Path

import numpy as np
import pytest
import torch

from har.readers.reading import rate_of_steps
from har.recognition.adapter import Adapter
from har.recognition.live_axes import LiveAxes
from har.recognition.live_signal import LiveSignal
from har.recognition.live_wear import LiveWear
from har.recognition.naming import newest_in_context
from har.recordings.simulate import simulate_bouts
from har.signal.channels import parse_devices
from har.signal.clocks import ClockError
from har.signal.plausibility import examine
from har.text.calibration import STANDARD
from har.text.naming import prototype_similarity
from har.windows.body_axes import cut_pieces
from tests.live.node import in_node, plain

SIX = [f"{kind}_{axis}" for kind in ("acc", "gyro") for axis in "xyz"]


def odd_rows(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Jittered times with lost and doubled rows, gaps, a sensor that pauses, and a clock that is set back."""
    rng = np.random.default_rng(seed)
    rate = rng.choice([20.0, 31.25, 50.0, 60.0])
    times = 1000 + np.arange(round(60 * rate)) / rate + rng.uniform(-0.3, 0.3, round(60 * rate)) / rate
    times = np.sort(times)
    samples = np.cumsum(rng.normal(size=(len(times), 6)), axis=0).astype(np.float32) / 100
    samples[round(20 * rate) : round(22 * rate), 3:] = np.nan
    samples[rng.random(len(times)) < 0.02] = np.nan
    times[round(40 * rate) :] -= 500.0  # a clock set back
    times[rng.integers(1, len(times), 5)] = np.nan
    kept = rng.random(len(times)) > 0.05
    kept[round(10 * rate) : round(10.6 * rate)] = False
    kept[round(30 * rate) : round(33 * rate)] = False
    kept[round(33.2 * rate) : round(36 * rate)] = False
    again = np.flatnonzero(kept)
    again = np.insert(again, 200, again[[199, 190]])  # one doubled, one late
    return times[again], samples[again]


@pytest.mark.parametrize("seed", range(4))
def test_rows_become_the_same_stretches(tmp_path: Path, seed: int):
    times, samples = odd_rows(seed)
    borders = np.sort(np.random.default_rng(seed).integers(0, len(times), 60)).tolist()
    live = LiveSignal(SIX, 30.0)
    for first, last in zip([0, *borders], [*borders, len(times)], strict=True):
        live.add(times[first:last], samples[first:last])
    body = """
      const nan = (value) => value ?? NaN;
      const live = new LiveSignal([[0, 1, 2], [3, 4, 5]], 30);
      const rows = given.samples.map((row) => row.map(nan));
      const edges = [0, ...given.borders, rows.length];
      for (let i = 0; i + 1 < edges.length; i += 1) {
        live.add(given.times.slice(edges[i], edges[i + 1]).map(nan), rows.slice(edges[i], edges[i + 1]));
      }
      return live.stretches.map((s) => [s.number, s.start_s, s.shift_s, s.rate_hz, s.complete, s.closed, s.keptFrom,
        Array.from(s.read(0, s.complete))]);
    """
    given = {"times": plain(times), "samples": plain(samples), "borders": borders}
    found = in_node(body, given, tmp_path, signal="LiveSignal")
    assert len(found) == len(live.stretches) > 1
    for one, stretch in zip(found, live.stretches, strict=True):
        assert one[0] == stretch.number and one[5] == stretch.closed and one[6] == stretch.kept_from
        np.testing.assert_allclose(one[1:5], [stretch.start_s, stretch.shift_s, stretch.rate_hz, stretch.complete])
        expected = stretch.read(0, stretch.complete)
        values = np.array([np.nan if value is None else value for value in one[7]]).reshape(expected.shape)
        np.testing.assert_allclose(values, expected, rtol=1e-6, atol=1e-6)


def test_rates_of_steps_are_the_same(tmp_path: Path):
    rng = np.random.default_rng(0)
    steps = [rng.gamma(5, 1 / (5 * rate), 100) for rate in (12.5, 25, 50, 59.98, 100.3)]
    steps += [np.tile([0.001, 0.001, 0.058], 30), np.full(50, 1 / 50.01)]
    found = in_node("return given.map(rateOfSteps);", plain(steps), tmp_path, signal="rateOfSteps")
    np.testing.assert_allclose(found, [rate_of_steps(one) for one in steps], rtol=1e-9)


@pytest.mark.parametrize("activity", ["walking", "running"])
def test_body_axes_are_the_same_piece_by_piece(tmp_path: Path, activity: str):
    """Mounted anew half-way, with samples lost; still and moving."""
    recording = simulate_bouts([(activity, 90.0), ("standing", 20.0), (activity, 60.0)], seed=1)
    rate, samples = recording.sampling_rate_hz, np.array(recording.samples[:, :3], dtype=np.float32)
    turned = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]], dtype=np.float32)
    samples = np.concatenate([samples, samples @ turned])
    rng = np.random.default_rng(0)
    samples[rng.random(len(samples)) < 0.001] = np.nan
    for first in rng.integers(0, len(samples), 6):
        samples[first : first + round(0.4 * rate)] = np.nan
    pieces = cut_pieces(samples, rate)
    axes, expected = LiveAxes(), []
    for piece in pieces:
        changed = axes.add(piece, rate)
        expected.append([bool(changed), axes.found.tolist()])
    body = """
      const axes = new LiveAxes();
      return given.pieces.map((piece) => {
        const flat = Float32Array.from(piece.flat(), (value) => value ?? NaN);
        return [axes.add(flat, given.rate), axes.found];
      });
    """
    found = in_node(body, {"pieces": plain(pieces), "rate": rate}, tmp_path, body_axes="LiveAxes")
    assert [one[0] for one in found] == [one[0] for one in expected] and sum(one[0] for one in found) >= 2
    np.testing.assert_allclose([one[1] for one in found], [one[1] for one in expected], atol=1e-5)


def test_who_lays_a_device_down_is_told_at_the_same_minute(tmp_path: Path):
    rng = np.random.default_rng(0)
    spread = np.repeat([0.1, 0.002, 0.1, 0.002], [5 * 120, 61 * 120, 2 * 120, 20 * 120])
    steps = [rng.normal([0, 0, 1], size, (5, 3)).astype(np.float32) for size in spread]
    wear, expected = LiveWear(), []
    for number, samples in enumerate(steps, start=1):
        wear.add(number / 2, samples)
        expected.append(wear.off() and list(wear.off()))
    body = """
      const wear = new LiveWear();
      return given.map((rows, i) => { wear.add((i + 1) / 2, Float32Array.from(rows.flat())); return wear.off(); });
    """
    found = in_node(body, plain(steps), tmp_path, wear="LiveWear")
    assert found == expected
    assert any(expected) and not all(expected)


@pytest.mark.parametrize(("count", "labels"), [(1, 3), (2, 2), (40, 5), (240, 8), (60, 1)])
def test_the_newest_window_is_read_alike(tmp_path: Path, count: int, labels: int):
    rng = np.random.default_rng(count)
    names = np.repeat(rng.integers(0, labels, count), 7)[:count]
    own = rng.dirichlet(np.ones(labels), count) + 0.6 * np.eye(labels)[names]
    own /= own.sum(axis=1, keepdims=True)
    start_s = np.cumsum(rng.choice([2.5, 2.5, 2.5, 30.0], count))
    margins, attracted = rng.normal(2, 3, count), np.concatenate([rng.dirichlet(np.ones(labels), 300), own])
    probabilities, known = newest_in_context(own, margins, start_s, attracted, 2.5, STANDARD)
    given = {
        "own": own, "margins": margins, "start_s": start_s, "attracted": attracted.mean(axis=0),
    }  # fmt: skip
    body = "return newestInContext(given.past, 2.5, given.calibration);"
    past = {name: plain(value) for name, value in given.items()} | {"count": len(attracted)}
    found = in_node(body, {"past": past, "calibration": STANDARD.to_dict()}, tmp_path, context="newestInContext")
    np.testing.assert_allclose(found["probabilities"], probabilities, atol=1e-9)
    assert found["known"] == pytest.approx(known, abs=1e-9)


def test_windows_are_named_alike_and_taught_alike(tmp_path: Path):
    """Against the functions that the adapter itself calls, with all of the past and the odds of the words."""
    rng = np.random.default_rng(0)

    def units(*shape: int) -> np.ndarray:
        values = rng.normal(size=shape)
        return values / np.linalg.norm(values, axis=-1, keepdims=True)

    windows, own, others = units(30, 16), units(4, 2, 16), units(7, 2, 16)
    features = units(30, 8) * 0.1 + units(1, 8)
    scale = 20.0

    class Words:
        labels = ("one", "two", "three", "four")

        def __call__(self, embeddings):
            parts = (torch.from_numpy(part) for part in (own, others))
            logits, other = (scale * prototype_similarity(embeddings.double(), part, scale) for part in parts)
            return type("Evidence", (), {"logits": logits, "margin": (logits.amax(1) - other.amax(1)).numpy()})

    words = Words()
    evidence = words(torch.from_numpy(windows))
    adapter = Adapter.empty("model", 8, 16).extended("two", features[:20], windows[:20])
    adapter = adapter.extended("four", features[20:24], windows[20:24])
    before = evidence.logits.softmax(dim=1).numpy()
    probabilities, margin = adapter.blended(before, evidence.margin, features, words)
    body = """
      const naming = new Naming(given.labels, given.own, given.others, given.scale);
      const taught = new Taught();
      const kept = given.windows.map((embedding, i) => ({ embedding, features: given.features[i] }));
      taught.add("two", kept.slice(0, 20));
      taught.add("four", kept.slice(20, 24));
      const read = taught.reader(naming, given.labels);
      return kept.map(({ embedding, features }) => {
        const { own, margin } = naming.read(embedding);
        const after = read(features, own, margin);
        return [Array.from(own), margin, Array.from(after.own), after.margin];
      });
    """
    given = {"labels": list(words.labels), "own": own, "others": others, "windows": windows, "features": features}
    given = {name: plain(value) for name, value in given.items()} | {"scale": scale}
    found = in_node(body, given, tmp_path, naming="Naming", taught="Taught")
    for column, expected in enumerate((before, evidence.margin, probabilities, margin)):
        np.testing.assert_allclose([one[column] for one in found], expected, atol=2e-3 if column == 3 else 1e-4)
    assert np.abs(probabilities - before).max() > 0.5
    assert len(adapter.features) == 16 + 4


def test_equations_are_solved(tmp_path: Path):
    rng = np.random.default_rng(0)
    matrix, right = rng.normal(size=(12, 12)), rng.normal(size=(12, 3))
    matrix[0, 0] = 0.0
    found = in_node("return solve(...given);", [plain(matrix), plain(right)], tmp_path, taught="solve")
    np.testing.assert_allclose(found, np.linalg.solve(matrix, right), atol=1e-9)


def test_halves_go_to_the_even_number(tmp_path: Path):
    values = [0.5, 1.5, 2.5, -0.5, -1.5, 12.49999, 12.5, 13.5, 1e9 + 0.5]
    assert in_node("return given.map(rint);", values, tmp_path, numbers="rint") == [round(value) for value in values]


# --- What cannot be ---------------------------------------------------------------------------------------------------


def signals() -> dict[str, tuple[np.ndarray, str, str | None]]:
    """Windows (N, T, C), gravity and place: right ones, and those that are wrong in each way that is known."""
    rng, rate = np.random.default_rng(0), 50.0
    time = np.arange(125) / rate
    right = np.zeros((16, 125, 6))
    tilt = 0.5 * np.sin(2 * np.pi * 0.4 * time + np.arange(16)[:, None])
    right[..., 1], right[..., 2] = np.sin(tilt), np.cos(tilt)
    right[..., 3] = np.gradient(tilt, time, axis=1)
    right += 0.003 * rng.standard_normal(right.shape)
    still = np.zeros((8, 125, 6))
    still[..., 2] = 1.0
    still += 0.002 * rng.standard_normal(still.shape)
    moved = 0.4 * rng.standard_normal((8, 125, 6))

    def scaled(signal, acc=1.0, gyro=1.0, windows=slice(None)):
        out = signal.copy()
        out[windows, :, :3] *= acc
        out[windows, :, 3:] *= gyro
        return out

    def with_value(signal, value, share, columns=slice(0, 3)):
        out = signal.copy()
        rows = rng.random(out.shape[:2]) < share
        out[..., columns] = np.where(rows[..., None], value, out[..., columns])
        return out

    holes = right.copy()
    holes[3:6, 10:90] = np.nan
    turned = still.copy()
    turned[..., 3:] += [20.0, 0.0, 0.0]
    return {
        "right": (right, "included", "hand"),
        "three axes": (right[..., :3], "included", None),
        "holes": (holes, "included", None),
        "metres": (scaled(right, 9.80665), "included", "left wrist"),
        "metres without gravity": (scaled(moved, 9.80665 * 1.5), "included", None),
        "metres, removed": (scaled(moved, 9.80665 * 1.5), "removed", None),
        "some metres": (scaled(right, 9.80665, windows=slice(4, 9)), "included", None),
        "one of metres": (scaled(right, 9.80665, windows=slice(4, 5)), "included", None),
        "counts": (scaled(right, 128), "included", None),
        "twice divided": (scaled(right, 1 / 9.80665), "included", None),
        "no gravity": (moved, "included", "waist"),
        "strong without gravity": (scaled(moved, 4.0), "included", None),
        "strong, removed": (scaled(moved, 4.0), "removed", None),
        "gravity though removed": (right, "removed", None),
        "removed": (scaled(moved, 0.2), "removed", None),
        "some without gravity": (scaled(right, 0.1, windows=slice(0, 5)), "included", None),
        "another range": (scaled(still, 0.5), "included", None),
        "degrees": (scaled(right, gyro=180 / np.pi), "included", "hand"),
        "fast degrees": (scaled(right, gyro=180), "included", None),
        "degrees while still": (turned, "included", None),
        "radians twice": (scaled(right, gyro=np.pi / 180), "included", None),
        "a code": (with_value(right, 99.0, 0.05), "included", None),
        "a code of the gyroscope": (with_value(right, -250.0, 0.05, slice(3, 6)), "included", "chest"),
        "the range": (with_value(right, 32.0, 0.004), "included", None),
        "often the range": (with_value(right, 32.0, 0.05), "included", None),
        "zeros": (with_value(right, 0.0, 0.1), "included", None),
        "a gyroscope that is off": (scaled(right, gyro=0.0), "included", None),
        "a gyroscope that is off while still": (scaled(still, gyro=0.0), "included", None),
        "one short window": (scaled(right, 9.80665)[:1, :100], "included", None),
        "too short": (right[:, :5], "included", None),
    }


def test_what_cannot_be_is_found_in_the_same_words(tmp_path: Path):
    cases = signals()
    given = []
    for signal, gravity, place in cases.values():
        windows = signal.astype(np.float32).reshape(len(signal), -1)
        given.append([plain(windows), signal.shape[2], 50.0, gravity, place])
    body = """
      const window = (values) => Float32Array.from(values, (value) => value ?? NaN);
      return given.map(([windows, ...more]) => examine(windows.map(window), ...more));
    """
    found = in_node(body, given, tmp_path, plausibility="examine")
    said = set()
    for (name, (signal, gravity, place)), one in zip(cases.items(), found, strict=True):
        devices = parse_devices(SIX[: signal.shape[2]], place)
        expected = examine(signal.astype(np.float32), devices, 50.0, gravity)
        assert [(each["certain"], each["text"]) for each in one] == [tuple(each) for each in expected], name
        said |= {" ".join(word for word in text.split() if word.isalpha())[:90] for _, text in expected}
    assert len(said) >= 17 and not found[0] and not found[1] and not found[2]


@pytest.mark.parametrize("digits", [2, 3, 6])
def test_numbers_are_written_as_python_writes_them(tmp_path: Path, digits: int):
    values = [
        0.0,
        1.0,
        9.80665,
        0.0001234567,
        0.00001234567,
        123456.7,
        999999.6,
        1e6,
        1.5e9,
        -250.0,
        0.1 + 0.2,
        57.29578,
    ]
    found = in_node(f"return given.map((value) => general(value, {digits}));", values, tmp_path, numbers="general")
    assert found == [f"{value:.{digits}g}" for value in values]


@pytest.mark.parametrize("kind", ["ms", "us", "ages away", "lonely ms"])
def test_stamps_that_are_no_seconds_are_refused_in_the_same_words(tmp_path: Path, kind: str):
    times = np.arange(300) / 50.0
    times = {"ages away": times + 2e11 * (times > 3), "us": 1e6 * times}.get(kind, 1e3 * times)
    times = 1e3 * np.arange(300) / 0.5 if kind == "lonely ms" else times
    samples = np.tile(np.array([[0, 0, 1.0]]), (len(times), 1))
    with pytest.raises(ClockError) as expected:
        LiveSignal(SIX[:3], 30.0).add(times, samples)
    body = """
      const live = new LiveSignal([[0, 1, 2]], 30);
      try { live.add(given.times, given.samples); } catch (error) { return error.message; }
      return null;
    """
    found = in_node(body, {"times": plain(times), "samples": plain(samples)}, tmp_path, signal="LiveSignal")
    assert found == str(expected.value)
