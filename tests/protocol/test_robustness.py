"""Windows measured again and named in other words, with the released model on a small made-up dataset."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from har.evaluation.leave_one_out import Bootstrap
from har.evaluation.paraphrases import WORDINGS
from har.labels.groups import matches
from har.network.loading import load_label_bank, load_model
from har.protocol.perturbations import Perturbation, at_rate, change_rate, gap, lost, placed, turned, without
from har.protocol.request import Console, EvaluationError
from har.protocol.robustness import CONTROL, RobustnessRequest, evaluate_robustness
from har.protocol.scoring import ScoredWindows, choose_windows
from har.protocol.words import (
    CONTEXT,
    ONE_WINDOW,
    Namer,
    WordsAsked,
    distractor_draws,
    name_in_other_words,
    wording_draws,
)
from har.protocol.worn_again import embed_worn_again, rows_of_wearers
from har.recordings.format import DatasetWriter, StreamInfo, read_dataset

SIX = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
SECONDS = 66.0
# Seconds of each label; what lies between is unlabelled, and the last is shorter than a window.
LABELLED = (("walking", 0.0, 33.0), ("sitting", 36.0, 56.0), ("jogging", 56.0, 63.0), ("jumping", 63.0, 66.0))


def movement(rate_hz: float, person: int) -> np.ndarray:
    """(n, 6): steps along gravity, rest, faster steps, below 6 Hz throughout."""
    time_s = np.arange(round(SECONDS * rate_hz)) / rate_hz
    random = np.random.default_rng(person)
    up = random.normal(size=3)
    up /= np.linalg.norm(up)
    size = np.interp(time_s, [0, 33, 36, 55, 57, 66], [0.3, 0.3, 0.01, 0.01, 0.8, 0.8])
    steps = size * np.sin(2 * np.pi * np.where(time_s < 50, 1.9, 2.8) * time_s)
    phase = 2 * np.pi * random.uniform(0.5, 6, 6) * time_s[:, None] + random.uniform(0, 6, 6)
    sway = 0.3 * size[:, None] * np.sin(phase)
    return np.concatenate([up * (1 + steps)[:, None], np.zeros((len(time_s), 3))], axis=1) + sway


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    with DatasetWriter(root / "two_places", title="t", citation="c", licence="l", source_url="u") as writer:
        for stream, placement, channels, rate_hz in (
            ("watch", "right wrist", SIX, 50.0), ("phone", "trouser pocket", SIX[:3], 25.0)
        ):  # fmt: skip
            writer.add_stream(StreamInfo(stream, "made up", placement, channels, rate_hz))
            for person in range(3):
                labels = [(label, round(a * rate_hz), round(b * rate_hz)) for label, a, b in LABELLED]
                samples = movement(rate_hz, person)[:, : len(channels)]
                for number in range(2):
                    name = f"r{person}{number}"
                    writer.append(stream, recording=name, subject=f"p{person}", samples=samples, labels=labels)
    return root


@pytest.fixture(scope="module")
def model():
    return load_model("default", "cpu")[0]


@pytest.fixture(scope="module")
def bank():
    _, checkpoint, hyperparams_path = load_model("default", "cpu")
    return load_label_bank(checkpoint, "cpu", hyperparams_path)


@pytest.fixture(scope="module")
def windows(data) -> ScoredWindows:
    return choose_windows(read_dataset(data / "two_places"), 5.0, 2.5, 1.0)


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=5e-6, rtol=0)


def test_unchanged_windows_are_embedded_as_ever(model, windows):
    found = embed_worn_again(model, windows, CONTROL, 0)
    rows = rows_of_wearers(windows)
    assert len(rows) > len(windows.rows) and not found.changed and found.seen.all()
    close(found.one_window, model.embed_rows(windows.index, rows))
    close(found.in_context, model.embed_rows_in_context(windows.index, rows))
    assert (found.in_context - found.one_window).norm(dim=1).max() > 0.01  # the recordings tell which way is up


def test_a_rate_that_holds_all_there_is_changes_next_to_nothing(model, windows):
    before = embed_worn_again(model, windows, CONTROL, 0)
    fast, slow = (embed_worn_again(model, windows, Perturbation("r", "", at_rate(hz)), 0) for hz in (100.0, 5.0))
    assert fast.changed
    assert (fast.one_window * before.one_window).sum(1).min() > 0.999
    assert (slow.one_window * before.one_window).sum(1).min() < 0.98


def test_windows_at_another_rate_are_cut_at_the_same_moments(model, windows, data):
    """Against windows cut by hand out of each recording at its new rate."""
    found = embed_worn_again(model, windows, Perturbation("r", "", at_rate(40.0)), 0)
    index = windows.index
    for at in range(0, len(found.rows), 7):
        row = int(found.rows[at])
        stream = index.streams[index.stream_id[row]]
        rate_hz, run = stream.info.sampling_rate_hz, round(SECONDS * stream.info.sampling_rate_hz)
        first = index.start[row] // run * run
        recording = change_rate(np.asarray(stream.samples[first : first + run]), rate_hz, 40.0)
        start = round((index.start[row] - first) / rate_hz * 40)
        stop = min(start + 200, int(np.ceil((index.segment_stop[row] - first) / rate_hz * 40)))
        signal = recording[start:stop]
        expected = model.embed(signal, 40.0, stream.info.channels, stream.info.placement)
        close(found.one_window[at], expected[0])


def test_context_turns_with_the_device(model, windows):
    """Up is found again however a person mounts the device: what goes along the body's axes stays what it was."""
    once = embed_worn_again(model, windows, Perturbation("t", "", turned("device")), 0)
    each = embed_worn_again(model, windows, Perturbation("w", "", windows_turned=True), 0)
    assert (once.in_context - once.one_window).norm(dim=1).max() > 0.01
    close(each.in_context, each.one_window)  # a recording of windows that turn tells nothing
    assert (each.one_window - once.one_window).norm(dim=1).median() > 1e-3


def test_shifted_windows_stay_within_their_segments(model, windows):
    found = embed_worn_again(model, windows, Perturbation("s", "", shift_s=0.5), 0)
    index, rows = windows.index, found.rows
    rate_hz = np.array([s.info.sampling_rate_hz for s in index.streams])[index.stream_id[rows]]
    later = index.start[rows] + 5.5 * rate_hz <= index.segment_stop[rows] + 0.5
    earlier = index.start[rows] - 0.5 * rate_hz >= index.segment_start[rows] - 0.5
    assert np.array_equal(found.seen, later | earlier) and not found.seen.all()
    start = np.rint(index.start[rows] + np.where(later, 0.5, -0.5) * rate_hz).astype(int)
    for at in np.flatnonzero(found.seen)[::5]:
        info = index.streams[index.stream_id[rows[at]]].info
        signal = index.read(rows[at : at + 1], start[at : at + 1])
        close(found.one_window[at : at + 1], model.embed(signal, info.sampling_rate_hz, info.channels, info.placement))


def test_what_is_told_and_what_is_there(model, windows):
    index, rows = windows.index, rows_of_wearers(windows)
    unsaid = embed_worn_again(model, windows, Perturbation("u", "", placed(None)), 0)
    bare = embed_worn_again(model, windows, Perturbation("g", "", without("gyro")), 0)
    for at in range(0, len(rows), 9):
        info = index.streams[index.stream_id[rows[at]]].info
        signal, rate_hz = index.read(rows[at : at + 1]), info.sampling_rate_hz
        close(unsaid.one_window[at : at + 1], model.embed(signal, rate_hz, info.channels))
        expected = model.embed(signal[..., :3], rate_hz, SIX[:3], info.placement)
        close(bare.one_window[at : at + 1], expected)
    assert bare.changed
    holes = embed_worn_again(model, windows, Perturbation("l", "", lost(0.3)), 0)
    again = embed_worn_again(model, windows, Perturbation("l", "", lost(0.3)), 0)
    other = embed_worn_again(model, windows, Perturbation("l", "", lost(0.3)), 1)
    assert torch.equal(holes.one_window, again.one_window) and not torch.equal(holes.one_window, other.one_window)
    half = embed_worn_again(model, windows, Perturbation("g", "", gap(30.0)), 0)
    assert 0.2 < (~half.seen).mean() < 0.5


def test_windows_of_another_length_are_refused(model, data):
    long = choose_windows(read_dataset(data / "two_places"), 10.0, 2.5, 1.0)
    with pytest.raises(EvaluationError, match=r"windows of 10.0 s; the network's are 5.0 s"):
        embed_worn_again(model, long, CONTROL, 0)


# --- words ------------------------------------------------------------------------------------------------------------


def test_every_wording_is_drawn_as_often():
    labels = ["walking", "sitting", "jumping"]
    draws = wording_draws(labels, 10, 0)
    for label in labels:
        used = [text for texts in draws for text, own in texts.items() if own == label]
        assert sorted(used) == sorted(2 * WORDINGS[label]) and set(used[:5]) == set(WORDINGS[label])
    assert wording_draws(["walking"], 10, 0) == [
        {text: own for text, own in texts.items() if own == "walking"} for texts in draws
    ]
    assert wording_draws(labels, 10, 1) != draws


def test_distractors_mean_none_of_the_labels_and_no_two_the_same():
    training = load_model("default", "cpu")[1]["labels"]
    labels = ["walking upstairs", "sitting", "jogging"]
    draws = distractor_draws(labels, training, 10, 5, 0)
    for texts in draws:
        others = [text for text in texts if text not in labels]
        assert len(others) == 10 and set(others) <= set(training) and all(text == own for text, own in texts.items())
        pairs = [(a, b) for a in others for b in (*labels, *others) if a != b]
        assert not any(matches(a, b) or matches(b, a) for a, b in pairs)
    assert len({tuple(texts) for texts in draws}) == 5
    with pytest.raises(EvaluationError, match=r"only \d+ training labels differ from all labels; 500"):
        distractor_draws(labels, training, 500, 1, 0)


def test_own_words_are_named_as_ever_and_others_are_compared_with_them(model, bank, windows):
    namer = Namer(windows, embed_worn_again(model, windows, CONTROL, 0), bank)
    own = {label: label for label in windows.candidates}
    index, rows = windows.index, rows_of_wearers(windows)
    alone = bank.classify(model.embed_rows(index, windows.rows), windows.candidates)[0]
    which = (index.start_time_s[rows], index.recording_id[rows], index.wearer_id[rows])
    context = bank.classify_recording(model.embed_rows_in_context(index, rows), windows.candidates, *which)[0]
    assert namer.name(own, ONE_WINDOW) == alone
    assert namer.name(own, CONTEXT) == [context[i] for i in np.searchsorted(rows, windows.rows)]
    asked = WordsAsked(5, 10, 2, 0)
    found = name_in_other_words(windows, namer, ["cycling", *load_model()[1]["labels"]], asked, Bootstrap(50))
    scores = found[ONE_WINDOW]["wordings"]
    assert len(scores["scores"]) == 5 and scores["score"] == pytest.approx(np.mean(scores["scores"]))
    assert {entry["label"] for entry in found[ONE_WINDOW]["worst_wordings"]} == set(windows.candidates)
    for entry in found[ONE_WINDOW]["worst_wordings"]:
        texts = {entry["wording"] if label == entry["label"] else label: label for label in windows.candidates}
        named = namer.name(texts, ONE_WINDOW)
        right = np.mean([a == b for a, b in zip(named, windows.true, strict=True)])
        assert entry["accuracy"] == pytest.approx(right)


# --- as a whole -------------------------------------------------------------------------------------------------------


def evaluate(data: Path, out: Path, **changes: object) -> dict:
    told = []
    console = Console(told.append, told.append, lambda **options: _NoBar())
    perturbations = [Perturbation("fast", "100 Hz", at_rate(100.0), lossless=True)]
    perturbations += [Perturbation("lost", "lost", lost(0.3)), Perturbation("never", "never there", without("mag"))]
    request = {"checkpoint": "default", "datasets": ["two_places"], "data": data, "out": out, "device": "cpu"}
    asked = RobustnessRequest(**(request | changes))
    evaluate_robustness(asked, perturbations, WordsAsked(3, 5, 1, 0), Bootstrap(50), 0, console)
    return json.loads((out / "results.json").read_text())


class _NoBar:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def update(self, windows: int) -> None:
        pass


def test_results_report_and_figure(data, tmp_path):
    found = evaluate(data, tmp_path / "out", people=2)
    assert set(found["mean"]) == set(found["signals"]["two_places"]) == {"fast", "lost"}
    assert found["mean"]["fast"]["one_window"]["people"] == 2
    report = (tmp_path / "out" / "report.md").read_text()
    assert "| 100 Hz | 1 |" in report and "never there" not in report and "(<plots/robustness.png>)" in report
    assert (tmp_path / "out" / "plots" / "robustness.png").stat().st_size > 10_000
    assert "## What is asked in other words" in report and "### Worst wordings" in report
    words = evaluate(data, tmp_path / "words", people=2, parts=["words"])
    assert words["words"] == found["words"] and not words["mean"]
    assert not (tmp_path / "words" / "plots").exists()


def test_what_cannot_be_measured_is_refused(data, tmp_path):
    with pytest.raises(EvaluationError, match="not prepared"):
        evaluate(data, tmp_path, datasets=["absent"])
    for people in (0, -1):
        with pytest.raises(EvaluationError, match=f"--people {people}; expected at least 1"):
            evaluate(data, tmp_path, people=people)
    assert not list(tmp_path.iterdir())
