"""The page in a real browser, with motion sensors that the test moves."""

import math
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from har.readers import read_recording
from har.recognition.adapter import Adapter
from har.recognition.live import LiveRecogniser
from har.recognition.recognise import RELEASED, loaded
from har.recordings.simulate import simulate_bouts
from tests.live.browser import CONTRASTS, INSECURE, IPHONE
from tests.live.conftest import ScriptedRecogniser

G = 9.80665
FLAT = [[0.0, 0.0, G]]  # face up at rest, as Chromium counts


def begin(page, rows=FLAT, hz: float = 60, **more) -> None:
    """Move the device, and tap Start."""
    page.evaluate("([rows, hz, more]) => move(rows, hz, more)", [rows, hz, more])
    page.click("#start")
    until(page, lambda: page.is_hidden("#start"))


def text(page, selector: str) -> str:
    return page.inner_text(selector).strip()


def until(page, holds: Callable[[], bool], within_s: float = 15) -> None:
    """Wait for what holds. (Playwright's own way to wait evaluates texts, which the page's policy forbids.)"""
    last = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < last, page.inner_text("main")
        page.wait_for_timeout(50)


def wait_for(page, selector: str, words: str, within_s: float = 15) -> None:
    until(page, lambda: words.lower() in (page.text_content(selector) or "").lower(), within_s)


# --- Sensors -------------------------------------------------------------------------------------------------------


def test_the_browsers_own_sensors_come_in_g_and_radians_about_the_same_axes(serve_live, open_page):
    live = serve_live()
    page = open_page(live)
    sensors = page.context.new_cdp_session(page)
    readings = {"accelerometer": (1.0, 2.0, 9.4), "linear-acceleration": (0.0, 0.0, 0.0), "gyroscope": (0.5, 1.0, -2.0)}
    for kind in readings:
        metadata = {"available": True, "minimumFrequency": 1, "maximumFrequency": 60}
        sensors.send("Emulation.setSensorOverrideEnabled", {"enabled": True, "type": kind, "metadata": metadata})
    page.click("#start")
    for step in range(20):
        for kind, (x, y, z) in readings.items():
            # Sensors tell what changes.
            reading = {"xyz": {"x": x, "y": y, "z": z + 0.2 * (step % 2)}}
            sensors.send("Emulation.setSensorOverrideReadings", {"type": kind, "reading": reading})
        time.sleep(0.05)
    wait_for(page, "#activity", "walking")
    (made,) = live.made
    assert made.channels == ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z") and made.gravity == "included"
    rows = np.array([row for _, row in made.rows])
    assert rows[:, 0] == pytest.approx(1 / G, abs=0.02) and rows[:, 1] == pytest.approx(2 / G, abs=0.02)
    assert rows[:, 2].min() > 9.3 / G and rows[:, 2].max() < 9.7 / G
    # Browsers round to 0.1 deg/s.
    assert rows[5:, 3] == pytest.approx(0.5, abs=0.01) and rows[5:, 4] == pytest.approx(1.0, abs=0.01)
    assert (np.abs(rows[5:, 5] + 1.9) < 0.12).all()
    times = np.array([time_s for time_s, _ in made.rows])
    assert (np.diff(times) > 0).all() and abs(times[-1] - time.time()) < 60


def test_an_iphone_asks_first_and_counts_downwards(serve_live, open_page):
    live = serve_live()
    page = open_page(live, user_agent=IPHONE, has_touch=True, is_mobile=True)
    page.evaluate(
        "window.asked = 0; DeviceMotionEvent.requestPermission = async () => { asked += 1; return 'granted'; }"
    )
    begin(page, [[-G, 0.0, -2 * G, math.degrees(1), 0.0, math.degrees(-2)]])
    wait_for(page, "#activity", "standing")
    assert page.evaluate("asked")
    assert np.array(live.made[0].rows[-1][1]) == pytest.approx([1, 0, 2, 1, 0, -2], abs=1e-5)


@pytest.mark.parametrize(
    "answer", ["async () => 'denied'", "async () => { throw new DOMException('no', 'NotAllowedError'); }"]
)
def test_permission_that_is_not_given_is_said(serve_live, open_page, answer):
    page = open_page(serve_live(), user_agent=IPHONE)
    page.evaluate(f"() => {{ DeviceMotionEvent.requestPermission = {answer}; }}")
    page.click("#start")
    wait_for(page, "#problem-text", "not allowed")
    assert page.is_enabled("#start")


def test_a_device_without_sensors_is_said(serve_live, open_page):
    page = open_page(serve_live())
    # A desktop sends one event without values.
    page.evaluate("setTimeout(() => dispatchEvent(new DeviceMotionEvent('devicemotion', {})), 200)")
    page.click("#start")
    wait_for(page, "#problem-text", "no motion data")


def test_a_page_that_is_not_secure_is_said(serve_live, open_page):
    live = serve_live()
    page = open_page(live, url=live.url.replace("127.0.0.1", INSECURE))
    wait_for(page, "#problem-text", "--https")
    assert page.is_hidden("#start")


def test_gravity_and_gyroscope_that_are_missing_are_said(serve_live, open_page):
    live = serve_live()
    page = open_page(live)
    begin(page, [[G, 0.0, 0.0]], removed=True)
    wait_for(page, "#notes", "without gravity")
    wait_for(page, "#notes", "no gyroscope")
    wait_for(page, "#activity", "standing")
    assert (live.made[0].gravity, len(live.made[0].channels)) == ("removed", 3)


def test_a_glitch_of_a_sensor_is_left_out_and_counted(serve_live, open_page):
    live = serve_live()
    page = open_page(live)
    still = [0.0, 0.0, G, 0.0, 0.0, 0.0]
    glitches = [[3000.0, 0.0, G, 0.0, 0.0, 0.0], [0.0, 0.0, 1e300, 0.0, 0.0, 0.0], [0.0, 0.0, G, 0.0, 0.0, -3e4]]
    largest = [250 * G * 0.9999, 0.0, G, 22900.0, 0.0, 0.0]
    begin(page, [*[still] * 30, *glitches, largest])
    wait_for(page, "#notes", "3 samples left out")
    wait_for(page, "#notes", "6 samples left out")
    wait_for(page, "#activity", "walking")
    assert text(page, "#connection-text") == "Connected" and page.is_hidden("#problem")
    rows = np.abs([row for _, row in live.made[0].rows])
    assert 249 < rows[:, :3].max() <= 250 and 399 < rows[:, 3:].max() <= 400


def test_times_increase_where_the_clock_is_coarse_or_tells_seconds(serve_live, open_page):
    page = open_page(serve_live())
    found = page.evaluate("""async () => {
      const { EventClock, intervalOf, countsDownwards } = await import('./sensors.js');
      const coarse = new EventClock(), fast = new EventClock(), ticks = [], ahead = [];
      for (let i = 0; i < 600; i += 1) ticks.push(coarse.seconds({ timeStamp: 100 * Math.floor(i / 6), interval: 16 }));
      // Six times as many events as the interval tells.
      for (let i = 0; i < 600; i += 1) ahead.push(fast.seconds({ timeStamp: 100 * Math.floor(i / 36), interval: 16 }));
      const agents = [['iPad', 5], ['Macintosh', 5], ['Macintosh', 0], ['Android', 5]];
      return { ticks, ahead, origin: performance.timeOrigin / 1000,
        intervals: [16, 0.016, 0, undefined, NaN].map((interval) => intervalOf({ interval })),
        down: agents.map(([userAgent, maxTouchPoints]) => countsDownwards({ userAgent, maxTouchPoints })) };
    }""")
    ticks, ahead = np.array(found["ticks"]) - found["origin"], np.array(found["ahead"]) - found["origin"]
    assert np.abs(ticks - np.arange(600) / 60).max() < 0.02 and (np.diff(ticks) > 0.01).all()
    assert (np.diff(ahead) > 0).all() and np.abs(ahead - np.arange(600) / 360).max() < 0.25
    assert found["intervals"] == pytest.approx([0.016, 0.016, 1 / 60, 1 / 60, 1 / 60])
    assert found["down"] == [True, True, False, False]


# --- With the released model -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def released() -> Callable[..., LiveRecogniser]:
    model, bank = loaded(RELEASED)
    return partial(LiveRecogniser, model=model, bank=bank)


def test_a_walk_is_named_in_words_that_were_typed(serve_live, open_page, released):
    simulated = simulate_bouts([("walking", 40)], seed=1)
    samples = simulated.samples[250:1750].astype(float)
    rows = np.concatenate([samples[:, :3] * G, np.degrees(samples[:, 3:6])], axis=1)
    live = serve_live(make=released, labels=("sitting", "lying", "cycling"), placement="trouser pocket")
    page = open_page(live)
    begin(page, rows.tolist(), hz=simulated.sampling_rate_hz, uneven=True)
    page.fill("#add-text", "going for a walk")
    page.press("#add-text", "Enter")
    page.wait_for_selector(".chip:has-text('going for a walk')")
    wait_for(page, "#activity", "going for a walk", within_s=60)
    wait_for(page, "#detail", "% sure")
    wait_for(page, "#legend", "going for a walk")


# --- Words, teaching, keeping ----------------------------------------------------------------------------------------


def test_words_are_added_and_removed(serve_live, open_page):
    page = open_page(serve_live(labels=("walking", "standing")))
    begin(page)
    wait_for(page, "#chips", "standing")
    page.fill("#add-text", "juggling")
    page.click("#add button")
    until(page, lambda: page.locator(".chip").count() == 3)
    for word, said in (("impossible", "No word for that."), ("Walking", "more than once")):
        page.fill("#add-text", word)
        page.click("#add button")
        wait_for(page, "#words-said", said)
    names = page.locator(".chip .name")
    assert names.all_inner_texts() == ["walking", "standing", "juggling"]
    assert page.input_value("#add-text") == "Walking"  # what was refused can be mended
    page.click("button[aria-label='Remove walking']")
    until(page, lambda: page.locator(".chip").count() == 2)
    page.click("button[aria-label='Remove standing']")
    until(page, lambda: page.locator(".chip").count() == 1)
    assert page.is_disabled("button[aria-label='Remove juggling']")
    wait_for(page, "#activity", "juggling")


def test_the_place_is_told(serve_live, open_page):
    live = serve_live()
    page = open_page(live)
    begin(page)
    page.fill("#placement", "left wrist")
    page.press("#placement", "Enter")
    wait_for(page, "#where-said", "Set.")
    assert live.made[0].placement == "left wrist"


@pytest.mark.parametrize("hands", ["hold", "tap", "key"])
def test_teaching_by_holding_by_a_tap_and_by_a_key(serve_live, open_page, tmp_path, hands):
    live = serve_live(labels=("walking", "standing"))
    page = open_page(live)
    begin(page, [[2 * G, 0.0, 0.0]])
    wait_for(page, "#activity", "walking")
    page.click("#teach")
    page.click("#hold")
    wait_for(page, "#teach-said", "Give it a name first.")
    page.fill("#teach-text", "juggling")
    if hands == "hold":
        page.hover("#hold")
        page.mouse.down()
        page.wait_for_timeout(1000)
        page.mouse.up()
        wait_for(page, "#teach-said", "Let go too early")
        page.mouse.down()
    elif hands == "tap":
        page.click("#hold")
        wait_for(page, "#hold-text", "Begins in")
        page.keyboard.press("Escape")
        wait_for(page, "#teach-said", "Stopped.")
        page.click("#hold")
    else:
        page.press("#teach-text", "Enter")
        page.keyboard.press("Enter")
    wait_for(page, "#teach-said", "Learned “juggling”.")
    page.mouse.up()
    wait_for(page, "#activity", "juggling")
    ((label, start_s, stop_s),) = live.made[0].calls
    assert label == "juggling" and stop_s - start_s == pytest.approx(5, abs=1e-6)
    # What was taught is what was just measured.
    assert 0 <= live.made[0].rows[-1][0] - stop_s < 3
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(tmp_path / "taught.npz")
    assert Adapter.load(tmp_path / "taught.npz").labels == ["juggling"]


def test_a_recording_that_was_downloaded_is_read_back(serve_live, open_page, tmp_path):
    live = serve_live()
    page = open_page(live)
    time_s = np.arange(240) / 60
    wave = np.stack([np.sin(7 * time_s), np.cos(9 * time_s), 1 + 0.3 * np.sin(11 * time_s)], axis=1)
    turns = np.stack([np.sin(5 * time_s), 0.2 * np.cos(3 * time_s), np.sin(2 * time_s)], axis=1)
    begin(page, np.concatenate([wave * G, np.degrees(turns)], axis=1).tolist())
    wait_for(page, "#connection-text", "Connected")
    page.click("#record")
    page.wait_for_timeout(6000)
    page.click("#record")
    with page.expect_download() as download:
        page.click("#download")
    assert download.value.suggested_filename.startswith("live-")
    download.value.save_as(tmp_path / "live.csv")
    recording = read_recording(tmp_path / "live.csv")
    (device,) = recording.devices
    assert device.channels == ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z")
    assert abs(recording.start_time.timestamp() - time.time()) < 120 and device.gravity == "included"
    sent = np.array([[at, *row] for at, row in live.made[0].rows])
    origin = recording.start_time.timestamp()
    for piece in device.pieces:
        at = origin + piece.start_s + np.arange(len(piece.samples)) / device.sampling_rate_hz
        inside = (at > sent[0, 0]) & (at < sent[-1, 0])
        for axis in range(6):
            expected = np.interp(at[inside], sent[:, 0], sent[:, 1 + axis])
            assert np.abs(piece.samples[inside, axis] - expected).max() < 0.05
    assert 4 < recording.duration_s < 9


def test_a_recording_is_bounded(serve_live, open_page):
    page = open_page(serve_live())
    kept = page.evaluate("""async () => {
      const { Recording } = await import('./recording.js');
      const recording = new Recording(['acc_x']);
      const row = new Float32Array(1);
      const room = [];
      for (let i = 0; i < 12; i += 1) {
        const times = Array.from({ length: 10_000 }, (_, place) => i * 10_000 + place);
        room.push(recording.add(times, times.map(() => row)));
      }
      return [room, recording.seconds, recording.csv().split('\\n').length];
    }""")
    assert kept == [[True] * 10 + [False] * 2, 107_999, 108_000 + 2]


def test_a_screen_reader_hears_an_activity_once_it_has_lasted(serve_live, open_page):
    page = open_page(serve_live())
    heard = page.evaluate("""async () => {
      const { Announcer } = await import('./announce.js');
      const region = document.createElement('p'), said = [];
      const announcer = new Announcer(region);
      const names = ['a', 'a', 'a', 'a', 'b', 'a', 'a', 'a', 'a', 'a', 'b', 'b', 'b', 'b', 'b', 'a'];
      names.forEach((name, step) => { announcer.heard(name, step / 2); said.push(region.textContent); });
      return said;
    }""")
    # The second "a" of steps 5 to 9 is what was said already.
    assert heard == [""] * 9 + ["a"] * 5 + ["b"] * 2
    assert page.get_attribute("#spoken", "aria-live") == "polite"


# --- What goes wrong -------------------------------------------------------------------------------------------------


def test_a_lost_connection_goes_on_with_the_same_session(serve_live, open_page):
    live = serve_live(labels=("walking", "standing"))
    page = open_page(live, url="about:blank")
    routes = []

    def through(route) -> None:
        route.connect_to_server()
        routes.append(route)

    page.route_web_socket("**/socket", through)
    page.goto(live.url)
    begin(page, [[G, 0.0, G]])
    wait_for(page, "#activity", "standing")
    routes[0].close(code=4000)
    wait_for(page, "#problem-text", "Trying again")
    wait_for(page, "#connection-text", "Connected")
    assert page.is_hidden("#problem") and len(routes) == 2 and len(live.made) == 1
    wait_for(page, "#keep-said", "nothing was forgotten")
    rows = len(live.made[0].rows)
    page.wait_for_timeout(600)
    assert len(live.made[0].rows) > rows
    page.reload()  # and when it is loaded again
    begin(page, [[G, 0.0, G]])
    wait_for(page, "#activity", "standing")
    assert len(live.made) == 1


def test_samples_wait_for_the_session_to_begin(serve_live, open_page):
    """Also where the greeting takes longer than the next batch of samples."""
    live = serve_live()
    page = open_page(live, url="about:blank")
    sent, routes = [], []

    def slowly(route) -> None:
        server = route.connect_to_server()
        route.on_message(lambda message: (sent.append((len(routes), message)), server.send(message)))
        server.on_message(lambda message: (page.wait_for_timeout(300), route.send(message)))
        routes.append(route)

    page.route_web_socket("**/socket", slowly)
    page.goto(live.url)
    begin(page)
    wait_for(page, "#activity", "walking")
    routes[0].close(code=4000)
    wait_for(page, "#connection-text", "again")
    until(page, lambda: any(number == 2 and isinstance(message, bytes) for number, message in sent))
    assert '"start"' in next(message for number, message in sent if number == 2)


def test_a_server_that_comes_back_is_found_with_the_words_that_were_typed(serve_live, open_page):
    live = serve_live(labels=("walking", "standing"))
    page = open_page(live)
    begin(page, [[2 * G, 0.0, G]])
    page.fill("#add-text", "juggling")
    page.press("#add-text", "Enter")
    wait_for(page, "#activity", "juggling")
    live.stop()
    wait_for(page, "#problem-text", "connection to the computer is lost")
    page.fill("#add-text", "knitting")
    page.press("#add-text", "Enter")
    wait_for(page, "#words-said", "no connection")
    again = serve_live(labels=("walking", "standing"), port=live.port, token=live.token)
    wait_for(page, "#connection-text", "Connected")
    page.wait_for_timeout(500)
    assert again.made[0].labels == ("walking", "standing", "juggling") and again.made[0].rows


def test_a_token_of_yesterday_is_said(serve_live, open_page):
    live = serve_live()
    page = open_page(live)
    begin(page)
    live.stop()
    serve_live(port=live.port)
    wait_for(page, "#problem-text", "scan the code")
    assert text(page, "#connection-text") == "Ended" and page.is_visible("#retry")
    assert page.goto(live.url).status == 403
    page.goto("about:blank")


def test_samples_that_cannot_be_are_said_until_they_can(serve_live, open_page):
    page = open_page(serve_live())
    begin(page, [[99 * G, 0.0, G]])
    wait_for(page, "#problem-text", "Gravity points nowhere.")
    page.evaluate("([rows]) => move(rows, 60)", [FLAT])
    until(page, lambda: page.is_hidden("#problem"))


def test_why_samples_cannot_be_is_said_once_while_its_numbers_change(serve_live, open_page):
    """It interrupts a screen reader."""

    class Measuring(ScriptedRecogniser):
        def answer(self):
            self.busy = False
            if not self.rows:
                return None
            unit = "m/s^2" if self.rows[-1][1][0] < 50 else "counts"
            raise ValueError(f"a median of {1 + len(self.rows) / 7:.2f}, in {unit}")

    page = open_page(serve_live(make=Measuring))
    begin(page)
    wait_for(page, "#problem-text", "A median of")
    page.evaluate("""window.said = [];
      const problem = document.getElementById('problem-text');
      new MutationObserver(() => said.push(problem.textContent)).observe(problem, { childList: true });""")
    page.wait_for_timeout(1500)
    assert page.evaluate("said") == [] and page.is_visible("#problem")
    page.evaluate("([rows]) => move(rows, 60)", [[[60 * G, 0.0, G]]])
    wait_for(page, "#problem-text", "in counts.")
    assert len(page.evaluate("said")) == 1


def test_a_screen_that_cannot_be_kept_on_is_said(serve_live, open_page):
    page = open_page(serve_live())
    page.evaluate("Object.defineProperty(Navigator.prototype, 'wakeLock', { get: () => window.lock })")
    page.evaluate("() => { window.lock = { request: async (kind) => { window.locked = kind; } }; }")
    begin(page)
    until(page, lambda: page.evaluate("window.locked") == "screen")
    page.evaluate("() => { window.lock.request = async () => { throw new DOMException('low battery'); }; }")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    wait_for(page, "#notes", "did not let the page keep the screen on")


def test_sensors_that_stop_are_said(serve_live, open_page):
    page = open_page(serve_live())
    begin(page)
    wait_for(page, "#activity", "walking")
    page.evaluate("stopMoving()")
    wait_for(page, "#activity", "No motion data")


# --- How it looks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(360, 640), (390, 844), (1280, 800)])
def test_everything_can_be_read_and_pressed(serve_live, open_page, tmp_path, width, height, scheme):
    page = open_page(serve_live(), width=width, height=height, color_scheme=scheme, reduced_motion="reduce")
    begin(page, [[4 * G, 0.0, G]])
    wait_for(page, "#activity", "running")
    page.fill("#add-text", "a name that is so long that it takes more than one line of a narrow screen")
    page.press("#add-text", "Enter")
    until(page, lambda: page.locator(".chip").count() == 9)
    page.click("#teach")
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    low = [(html, round(contrast, 2)) for html, contrast in page.evaluate(CONTRASTS) if contrast < 4.5]
    assert low == []
    sizes = page.evaluate(
        "[...document.querySelectorAll('button, input')].filter((one) => one.checkVisibility())"
        ".map((one) => [one.outerHTML.slice(0, 60), one.offsetWidth, one.offsetHeight])"
    )
    assert len(sizes) > 14 and [size for size in sizes if min(size[1:]) < 44] == []
    picture = tmp_path / "page.png"
    page.screenshot(path=picture)
    assert picture.stat().st_size > 10_000
    # Both canvases are drawn, and sharp, once the page comes to it.
    drawn = (
        "(id) => { const c = document.getElementById(id); const data = c.getContext('2d')"
        ".getImageData(0, 0, c.width, c.height).data; return [c.width / c.clientWidth, data.some((v) => v)]; }"
    )
    for canvas in ("strip", "axes"):
        until(page, lambda canvas=canvas: page.evaluate(drawn, canvas) == [1, True])
    assert "running" in page.get_attribute("#strip", "aria-label")
