"""The recogniser of the static page as a whole, beside the one in Python: a network that names by movement, in both."""

from pathlib import Path

import numpy as np
import pytest

from har.live.device_files import word_tables
from har.recognition.live import LiveRecogniser
from tests.live.node import in_node, plain
from tests.recognition.conftest import CHANNELS, KNOWN, LABELS, RATE_HZ, AxisBank, MovementModel, acted

__all__ = ["acted"]  # a fixture

# MovementModel and AxisBank of tests/recognition/conftest.py.
NETWORK = """
const embed = async (windows, rate_hz) => windows.map(({ samples }) => {
  const rows = [];
  for (let i = 0; i < samples.length; i += 3) {
    const row = Array.from(samples.slice(i, i + 3));
    if (row.every(Number.isFinite)) rows.push(row);
  }
  const embedding = new Float32Array(8);
  if (rows.length >= 10) {
    const sizes = rows.map((row) => Math.hypot(...row));
    const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
    const middle = mean(sizes);
    const deviation = Math.sqrt(mean(sizes.map((size) => (size - middle) ** 2)));
    const still = Math.abs(mean(rows.map((row) => row[2]))) > 0.7 ? 1 : 0;
    embedding[deviation < 0.05 ? still : deviation < 0.6 ? 2 : deviation < 2 ? 3 : 4] = 1;
  }
  return { embedding, features: embedding.slice() };
});
const axis = (label) => [Float64Array.from({ length: 8 }, (_, i) => {
  return given.known.includes(label) ? Number(i === given.known.indexOf(label)) : 8 ** -0.5;
})];
const words = new Words(given.tables);
const others = (labels) => words.otherActivities(given.known, labels).map(axis);
const naming = (labels) => new Naming(labels, labels.map(axis), others(labels), 12);
const live = new LiveRecogniser(embed, { ...given.settings, step_s: 0.5 }, given.channels, "included");
live.name(naming(given.labels), given.labels);
live.placed(null);
const [answers, unusable] = [[], []];
for (const { times, rows, labels, taught } of given.parts) {
  await live.add(times, rows.map((row) => row.map((value) => value ?? NaN)));
  if (labels) live.name(naming(labels), labels);
  if (taught) {
    await live.teach(...taught);
    const more = live.labels.includes(taught[0]) ? live.labels : [...live.labels, taught[0]];
    live.name(naming(more), more);
    await live.renewed();
  }
  answers.push(await live.answer());
  unusable.push(live.unusable);
}
return { answers, unusable, notes: live.notes };
"""


@pytest.fixture
def together(tmp_path: Path):
    """together(time_s, samples, {part: labels}, {part: (label, start, stop)}) -> answers in Python, and in node."""

    def run(time_s, samples, renamed=None, taught=None, every_s: float = 0.5):
        renamed, taught = renamed or {}, taught or {}
        live = LiveRecogniser(LABELS, MovementModel(), AxisBank(), channels=CHANNELS)
        borders = np.searchsorted(time_s, np.arange(time_s[0] + every_s, time_s[-1], every_s)).tolist()
        parts, expected, unusable = [], [], []
        for number, (first, last) in enumerate(zip([0, *borders], [*borders, len(time_s)], strict=True)):
            live.add(time_s[first:last], samples[first:last])
            if number in renamed:
                live.set_labels(renamed[number])
            if number in taught:
                live.teach(*taught[number])
            try:
                expected.append(live.answer())
                unusable.append(None)
            except ValueError as error:
                expected.append(None)
                unusable.append(str(error))
            part = {"times": plain(time_s[first:last]), "rows": plain(samples[first:last])}
            parts.append(part | {"labels": renamed.get(number), "taught": taught.get(number)})
        given = {
            "parts": parts, "labels": LABELS, "known": KNOWN, "channels": CHANNELS, "tables": word_tables(),
            "settings": {"window_s": 5.0, "calibration": AxisBank.calibration.to_dict(), "unknown_below": 0.5},
        }  # fmt: skip
        found = in_node(NETWORK, given, tmp_path, live="LiveRecogniser", naming="Naming", words="Words")
        assert found["unusable"] == unusable
        return expected, found["answers"], live.notes, found["notes"]

    return run


def check(expected, found) -> set[str]:
    """All answers are the same, to rounding; returns the names that were given."""
    assert [one is None for one in expected] == [one is None for one in found]
    for one, other in zip(expected, found, strict=True):
        if one is None:
            continue
        assert (other["time_s"], other["name"], other["oriented"]) == (one.time_s, one.name, one.oriented)
        assert other["labels"] == list(one.labels)
        if one.name == "not worn":
            assert other["confidence"] is None and other["known"] is None
            continue
        np.testing.assert_allclose(other["probabilities"], one.probabilities, atol=1e-5)
        assert other["known"] == pytest.approx(one.known, abs=1e-5)
        assert other["confidence"] == (None if one.confidence is None else pytest.approx(one.confidence, abs=1e-5))
    return {one.name for one in expected if one is not None}


def test_what_changes_in_between_changes_the_same(together, acted):
    """Gaps, lost samples, other labels, a label that is taught, and a clock that is set back."""
    samples = acted(("walking", 40), ("sitting", 30), ("running", 20), ("lying", 30), ("shaking", 15), ("walking", 30))
    time_s = 1e9 + np.arange(len(samples)) / RATE_HZ
    lost = np.random.default_rng(0).random(len(time_s)) < 0.05
    lost[round(75 * RATE_HZ) : round(78 * RATE_HZ)] = True
    samples[round(20 * RATE_HZ) : round(21 * RATE_HZ)] = np.nan
    time_s, samples = time_s[~lost], samples[~lost]
    renamed = {150: ["walking", "juggling", "lying"], 200: [*LABELS, "cycling"]}
    taught = {110: ("hopping", 1e9 + 48, 1e9 + 54), 250: ("walking", 1e9 + 112, 1e9 + 124)}
    expected, found, notes, told = together(time_s, samples, renamed, taught)
    names = check(expected, found)
    assert {"walking", "sitting", "running", "lying", "unknown"} <= names
    assert len(notes) == len(told)


def test_a_device_on_the_table_is_not_worn_from_the_same_moment_on(together, acted):
    samples = acted(("walking", 120), ("on the table", 64 * 60), ("walking", 120))
    time_s = np.arange(len(samples)) / RATE_HZ
    expected, found, _, _ = together(time_s, samples, every_s=2.5)
    assert check(expected, found) >= {"not worn", "walking", "sitting"}


def test_what_cannot_be_is_told_from_the_same_moment_on_until_it_can(together, acted):
    """Half a minute in m/s^2, as long in g, which is no better until a gap begins another stretch."""
    samples = acted(("walking", 30), ("sitting", 30), ("walking", 30))
    samples[: round(30 * RATE_HZ)] *= 9.80665
    time_s = np.arange(len(samples)) / RATE_HZ
    time_s[round(60 * RATE_HZ) :] += 5.0
    expected, found, notes, told = together(time_s, samples)
    named = check(expected, found)
    assert notes == told and "walking" in named
    assert [one is None for one in expected].index(False) == pytest.approx((60 + 5 + 2) / 0.5, abs=3)


def test_what_is_odd_is_noted_in_the_same_words(together, acted):
    samples = acted(("walking", 30), ("sitting", 30))
    samples[..., 2] -= 1.0
    expected, found, notes, told = together(np.arange(len(samples)) / RATE_HZ, samples)
    check(expected, found)
    assert notes == told and "Gravity has probably been removed" in " ".join(notes)
