"""The page without a server, in a real browser: answers as the recogniser in Python gives them, and own words."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from har.live import runtime
from har.live.device_files import MODEL, TEXT, TOKENS, VOCABULARY
from har.live.sessions import FIRST_LABELS
from har.live.static import write_static
from har.recognition.live import LiveRecogniser
from har.recognition.recognise import RELEASED, loaded
from har.recordings.simulate import SimulatedRecording, simulate_bouts
from tests.live.browser import MOVE, launched
from tests.live.test_browser import FLAT, G, begin, text, until

pytest.importorskip("onnxscript", reason="a static page takes the extra [export]")

# Samples in parts of half a second, each answered before the next is given.
REPLAYED = """async ({ times, rows, labels, placement, channels, taught }) => {
  const { Recogniser } = await import('./recogniser.js');
  const one = new Recogniser();
  const answers = [];
  one.onAnswer((answer) => answers.push(answer));
  one.onNotes(() => {});
  one.onNaming(() => {});
  await one.about();
  await one.start(labels, placement, { channels, gravity: 'included' });
  for (let i = 0; i < times.length; i += 1) {
    one.add(times[i], rows[i].map((row) => Float32Array.from(row)));
    await one.setPlacement(placement);
    if (i === taught?.after) await one.teach(taught.label, taught.start_s, taught.stop_s);
  }
  one.close();
  return answers;
}"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path | None:
    """The runtime's package, in the cache afterwards."""
    try:
        runtime.write_runtime(tmp_path_factory.mktemp("runtime") / "runtime")
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def folder(archive, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("static") / "page"
    sizes = write_static(folder, *loaded(RELEASED), FIRST_LABELS, "trouser pocket")
    found = {file.relative_to(folder).as_posix(): file.stat().st_size for file in folder.rglob("*") if file.is_file()}
    assert sizes == found
    return folder


@pytest.fixture(scope="module")
def address(folder) -> Iterator[str]:
    with served(folder) as address:
        yield address


@contextmanager
def served(folder: Path) -> Iterator[str]:
    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *given) -> None:
            super().__init__(*given, directory=str(folder))

        def log_message(self, *given) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with launched() as browser:
        yield browser


@pytest.fixture
def open_page(browser, address) -> Iterator[Callable]:
    """open_page() -> the page, whose mistakes and whose requests to anywhere else fail the test."""
    contexts, faults = [], []

    def open_it():
        context = browser.new_context(viewport={"width": 390, "height": 844})
        contexts.append(context)
        context.add_init_script(MOVE)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        page.on("request", lambda sent: None if sent.url.startswith((address, "blob:")) else faults.append(sent.url))
        page.goto(address)
        page.wait_for_selector("#start:not([hidden])")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert faults == []


def irregular(recording: SimulatedRecording) -> tuple[np.ndarray, np.ndarray]:
    """Times since 1970 and samples as browsers give them: unevenly, some lost, and none for three seconds."""
    rng, rate_hz = np.random.default_rng(0), recording.sampling_rate_hz
    count = len(recording.samples)
    time_s = 1.7e9 + (np.arange(count) + rng.uniform(-0.2, 0.2, count)) / rate_hz
    lost = rng.random(count) < 0.02
    lost[round(60 * rate_hz) : round(63 * rate_hz)] = True
    return time_s[~lost], np.asarray(recording.samples[~lost], dtype=np.float32)


def compared(page, recording: SimulatedRecording, taught: dict | None = None) -> float:
    """Share of the moments at which the page names as the recogniser in Python.

    Probabilities agree too, but where two durations of the chain are as likely as each other: rounding decides there.
    """
    time_s, samples = irregular(recording)
    borders = np.searchsorted(time_s, np.arange(time_s[0] + 0.5, time_s[-1], 0.5)).tolist()
    parts = [slice(first, last) for first, last in zip([0, *borders], [*borders, len(time_s)], strict=True)]
    if taught is not None:
        stop_s = float(time_s[parts[taught["after"]].stop - 1])
        taught = {**taught, "start_s": stop_s - 12, "stop_s": stop_s}
    live = LiveRecogniser(FIRST_LABELS, placement="trouser pocket", channels=recording.channels)
    expected = {}
    for number, part in enumerate(parts):
        live.add(time_s[part], samples[part])
        if (found := live.answer()) is not None:
            expected[found.time_s] = found
        if taught is not None and number == taught["after"]:
            live.teach(taught["label"], taught["start_s"], taught["stop_s"])
            found = live.answer()
            expected[found.time_s] = found
    given = {
        "times": [time_s[part].tolist() for part in parts], "rows": [samples[part].tolist() for part in parts],
        "labels": list(FIRST_LABELS), "placement": "trouser pocket", "channels": list(recording.channels),
        "taught": taught,
    }  # fmt: skip
    answers = {answer["time_s"]: answer for answer in page.evaluate(REPLAYED, given)}
    assert len(expected) > 100 and answers.keys() == expected.keys()
    apart = []
    for time, one in expected.items():
        apart.append(np.abs(np.subtract(answers[time]["probabilities"], one.probabilities)).max())
        assert answers[time]["oriented"] == one.oriented and answers[time]["labels"] == list(one.labels)
    assert np.mean(np.array(apart) < 5e-3) >= 0.98
    assert len({one.name for one in expected.values()}) >= 4 and len({one.oriented for one in expected.values()}) == 2
    return float(np.mean([answers[time]["name"] == one.name for time, one in expected.items()]))


BOUTS = [("standing", 10.0), ("walking", 35.0), ("sitting", 20.0), ("walking upstairs", 15.0), ("running", 20.0)]


def test_a_replayed_recording_is_named_as_in_python_before_and_after_something_is_taught(open_page):
    """A name that is known already, so that no words of one's own are needed."""
    taught = {"after": 100, "label": "shuffling"}
    assert compared(open_page(), simulate_bouts(BOUTS, seed=4), taught) >= 0.99


def test_the_page_runs_on_the_device(open_page):
    page = open_page()
    assert text(page, "#connection") == "On this device" and page.is_hidden("#save")
    begin(page, FLAT)
    until(page, lambda: "sure" in text(page, "#detail") or "fits" in text(page, "#detail"), 60)
    page.fill("#add-text", "invoicing")
    page.click("#add button")
    until(page, lambda: "load the text encoder" in text(page, "#words-said"))
    page.fill("#add-text", "Jumping Jacks")
    page.click("#add button")
    until(page, lambda: "Jumping Jacks" in text(page, "#chips"))
    assert "MB" in text(page, "#load-text")
    page.click("#load-text")
    until(page, lambda: "Any words" in text(page, "#words-said"), 60)
    page.fill("#add-text", "invoicing")
    page.click("#add button")
    until(page, lambda: "invoicing" in text(page, "#chips"))
    until(page, lambda: "“invoicing” is" in text(page, "#notes"))  # nothing that training has read of
    page.fill("#placement", "tied to a balloon")
    page.click("#place button")
    until(page, lambda: text(page, "#where-said") == "Set.")


def test_samples_that_cannot_be_are_said_and_single_ones_are_left_out(open_page):
    page = open_page()
    begin(page, [[0.0, 0.0, 9.8 * G]])
    until(page, lambda: "Divide m/s^2 by 9.80665" in text(page, "#problem-text"), 60)
    assert text(page, "#connection") == "On this device"
    page = open_page()
    begin(page, [*FLAT * 30, [3000.0, 0.0, G]])
    until(page, lambda: "samples left out" in text(page, "#notes"), 60)
    until(page, lambda: "sure" in text(page, "#detail") or "fits" in text(page, "#detail"), 60)
    assert page.is_hidden("#problem")


def test_it_works_without_a_network_once_it_was_loaded(browser, folder):
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(60_000)
    with served(folder) as address:
        page.goto(address)
        page.evaluate("navigator.serviceWorker.ready.then(() => null)")
        assert page.evaluate("caches.keys()") != []
    page.reload()
    page.wait_for_selector("#start:not([hidden])")
    assert text(page, "#connection") == "On this device"
    context.close()


def test_words_of_ones_own_mean_the_same(open_page, folder):
    """The exported encoder keeps its matrices in half precision; what it says of a word stays what Python says."""
    import onnxruntime

    _, bank = loaded(RELEASED)
    tokenizer = bank.text_encoder.loaded().tokenizer
    session = onnxruntime.InferenceSession(folder / "model" / TEXT, providers=["CPUExecutionProvider"])
    phrases = [
        "invoicing",
        "petting a cat",
        "rowing on a lake",
        "a person is invoicing",
        "Schlittschuh laufen",
        "knitting",
    ]
    own = bank.encode(phrases, paraphrase=False)
    sentences = bank.text_encoder.encode(phrases).pooled
    for phrase, expected, sentence in zip(phrases, own, sentences, strict=True):
        prototypes, found = session.run(None, {"tokens": np.array([tokenizer(phrase)["input_ids"]])})
        assert torch.cosine_similarity(torch.from_numpy(prototypes), expected).min() > 0.99999
        assert torch.cosine_similarity(torch.from_numpy(found), sentence, dim=0) > 0.99999


def test_the_folder_holds_what_its_page_asks_for(folder):
    names = {file.relative_to(folder).as_posix() for file in folder.rglob("*")}
    assert {f"model/{name}" for name in (MODEL, TEXT, TOKENS, VOCABULARY)} <= names
    assert {f"runtime/{name}" for name in (*runtime.FILES, "LICENSE.txt")} <= names and "socket.js" not in names
    page = json.loads((folder / "model" / VOCABULARY).read_text("utf-8"))["page"]
    assert page["labels"] == list(FIRST_LABELS) and page["placement"] == "trouser pocket"
    assert "Content-Security-Policy" in (folder / "index.html").read_text("utf-8")
    with pytest.raises(FileExistsError, match="holds something"):
        write_static(folder, *loaded(RELEASED), FIRST_LABELS)


def test_another_package_is_refused(tmp_path: Path):
    other = tmp_path / "onnxruntime-web.tgz"
    other.write_bytes(b"something else")
    with pytest.raises(ValueError, match="SHA-512"):
        runtime.write_runtime(tmp_path / "runtime", other)
    with pytest.raises(FileNotFoundError, match="npm pack"):
        runtime.write_runtime(tmp_path / "runtime", tmp_path / "missing.tgz")
    assert not (tmp_path / "runtime").exists()


@pytest.mark.parametrize("problem", ["no npm", "no network", "no time"])
def test_without_npm_or_a_network_it_says_what_helps(problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho no network >&2\n" + ("exec sleep 60\n" if problem == "no time" else "exit 1\n"))
    npm.chmod(0o755)
    cache = tmp_path / "cache"
    monkeypatch.setattr(runtime, "resolve_cache", lambda path: cache)
    monkeypatch.setattr(runtime.shutil, "which", lambda name: None if problem == "no npm" else str(npm))
    monkeypatch.setattr(runtime, "_TIMEOUT_S", 0.5 if problem == "no time" else 60.0)
    said = {"no npm": "there is no npm", "no network": r"\(no network\)", "no time": "timed out"}[problem]
    with pytest.raises(FileNotFoundError, match=rf"{said}.*npm pack onnxruntime-web@.*--runtime"):
        runtime.write_runtime(tmp_path / "runtime")
    assert list(tmp_path.iterdir()) == [npm]
