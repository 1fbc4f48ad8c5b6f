"""The page under odd words, quick fingers, clocks that go back, and browsers and computers that keep silent."""

import time

import numpy as np
import pytest

from har.live.replay import Replay
from har.readers.recording import Device, Piece, Recording
from tests.live.conftest import ScriptedRecogniser
from tests.live.test_browser import FLAT, G, begin, text, until, wait_for


def words_of(page) -> list[str]:
    return page.locator(".chip .name").all_text_contents()


def add(page, word: str) -> None:
    page.fill("#add-text", word)
    page.press("#add-text", "Enter")


def teach(page, word: str) -> None:
    """By a tap: three seconds and five later it is asked for."""
    until(page, lambda: page.is_enabled("#teach"))
    page.click("#teach")
    page.fill("#teach-text", word)
    page.click("#hold")
    wait_for(page, "#hold-text", "Begins in")


def test_words_that_mean_something_to_a_browser_are_words(serve_live, open_page):
    """Parts that every object of the language has, and markup."""
    words = ["constructor", "__proto__", "toString", "<img src=x onerror=document.title=1>"]
    page = open_page(serve_live(labels=tuple(words)), width=360)
    title = page.title()
    for place, word in enumerate(words):
        if place:
            page.evaluate("([rows]) => move(rows, 60)", [[[place * G, 0.0, G]]])
        else:
            begin(page)
        wait_for(page, "#activity", word)
        assert text(page, "#detail").startswith("90 % sure")
        assert page.get_attribute("#activity", "data-kind") == "known"
    page.wait_for_timeout(300)
    assert words_of(page) == words and page.title() == title and page.locator("main img").count() == 0
    assert all(word in text(page, "#legend") for word in words)


def test_words_that_are_changed_quickly_are_all_changed(serve_live, open_page):
    class Slow(ScriptedRecogniser):
        def set_labels(self, labels):
            time.sleep(0.4)
            super().set_labels(labels)

    page = open_page(serve_live(make=Slow, labels=("walking", "standing", "sitting", "lying")))
    begin(page)
    until(page, lambda: len(words_of(page)) == 4)
    for word in ("walking", "sitting"):
        page.click(f"button[aria-label='Remove {word}']")
    for word in ("juggling", "knitting"):
        add(page, word)
    until(page, lambda: len(words_of(page)) == 4 and page.input_value("#add-text") == "")
    assert words_of(page) == ["standing", "lying", "juggling", "knitting"] and text(page, "#words-said") == ""


@pytest.mark.parametrize("name", ["walking", "standing"])
def test_a_strip_whose_clock_goes_back_begins_anew(serve_live, open_page, name):
    page = open_page(serve_live())
    seconds = page.evaluate(
        """async (name) => {
          const { Strip } = await import('./strip.js');
          const strip = new Strip(document.getElementById('strip'), document.createElement('ul'));
          for (let step = 0; step < 600; step += 1) strip.push('walking', 1000 + step / 2);
          for (const time_s of [3, 3.5, 4]) strip.push(name, time_s);
          return strip.seconds();
        }""",
        name,
    )
    assert seconds == [[name, 1.5]]


def test_a_word_that_is_typed_while_another_is_taught_leaves_that_one(serve_live, open_page):
    class Slow(ScriptedRecogniser):
        def teach(self, *given):
            time.sleep(1.5)
            super().teach(*given)

    page = open_page(serve_live(make=Slow, labels=("walking", "standing")))
    begin(page)
    teach(page, "juggling")
    until(page, lambda: "Hold for 5 s" in text(page, "#hold-text"), within_s=20)  # it is asked for
    add(page, "knitting")
    until(page, lambda: len(words_of(page)) == 4)
    assert words_of(page) == ["walking", "standing", "juggling", "knitting"]
    assert text(page, "#teach-said") == "Learned “juggling”." and text(page, "#words-said") == ""


def test_what_was_taught_stays_though_the_connection_went_before_it_was_said(serve_live, open_page):
    live = serve_live(labels=("walking", "standing"))
    page = open_page(live, url="about:blank")
    opened: list = []

    def through(route) -> None:
        opened.append(route)
        server = route.connect_to_server()
        server.on_message(
            lambda message: route.close(code=4000) if '"taught","label"' in message else route.send(message)
        )

    page.route_web_socket("**/socket", through)
    page.goto(live.url)
    begin(page)
    teach(page, "juggling")
    wait_for(page, "#teach-said", "connection")
    until(page, lambda: words_of(page) == ["walking", "standing", "juggling"])
    page.wait_for_timeout(500)
    assert words_of(page) == list(live.made[0].labels) == ["walking", "standing", "juggling"]
    assert len(opened) == 2 and len(live.made) == 1


@pytest.mark.parametrize("greeted_in_ms", [0, 600])
def test_a_page_at_rest_loses_its_place_without_a_word(serve_live, open_page, greeted_in_ms):
    """Somebody reads it first, or the browser asks for the sensors; nothing is wrong."""
    live = serve_live(start_within_s=1.5)
    page = open_page(live, url="about:blank")
    opened, sent = [], []

    def through(route) -> None:
        opened.append(route)
        server = route.connect_to_server()
        route.on_message(lambda message: (sent.append(message), server.send(message)))
        server.on_message(lambda message: (page.wait_for_timeout(greeted_in_ms), route.send(message)))

    page.route_web_socket("**/socket", through)
    page.goto(live.url)
    page.evaluate("""window.said = '';
      const problem = document.getElementById('problem-text');
      new MutationObserver(() => { said += problem.textContent; }).observe(problem, { childList: true });""")
    wait_for(page, "#connection-text", "Ready")
    page.wait_for_timeout(3_000)
    assert len(opened) == 1 and page.evaluate("said") == "" and text(page, "#activity") == "Ready"
    begin(page)
    wait_for(page, "#activity", "walking")
    assert len(opened) == 2 and text(page, "#keep-said") == "" and text(page, "#connection-text") == "Connected"
    assert sum('"start"' in message for message in sent if isinstance(message, str)) == 1


def test_a_recording_holds_no_time_twice(serve_live, open_page):
    page = open_page(serve_live())
    kept = page.evaluate("""async () => {
      const { Recording } = await import('./recording.js');
      const recording = new Recording(['acc_x']);
      const row = new Float32Array(1);
      const taken = [[5, 6], [7, 8], [0, 1], [8, 9], [9, 10]].map((times) => recording.add(times, [row, row]));
      const lines = recording.csv().trim().split('\\n').slice(1);
      return [taken, recording.full, lines.map((line) => Number(line.split(',')[0]))];
    }""")
    assert kept == [[True, True, False, False, True], False, [5, 6, 7, 8, 9, 10]]


def test_a_key_that_is_held_down_begins_once(serve_live, open_page):
    page = open_page(serve_live())
    begin(page)
    page.click("#teach")
    page.fill("#teach-text", "juggling")
    page.focus("#hold")
    for _ in range(6):  # a key that is down already repeats
        page.keyboard.down("Enter")
        page.wait_for_timeout(30)
        assert "Begins in 3 s" in text(page, "#hold-text")
    page.keyboard.up("Enter")
    page.keyboard.press("Enter")
    wait_for(page, "#teach-said", "Stopped.")


def test_a_browser_that_keeps_nothing_is_enough(serve_live, open_page):
    live = serve_live(labels=("walking", "standing"))
    page = open_page(live, url="about:blank")
    page.context.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', { get() { throw new DOMException('no', 'SecurityError'); } })"
    )
    page.goto(live.url)
    begin(page, [[2 * G, 0.0, G]])
    add(page, "juggling")
    wait_for(page, "#activity", "juggling")


def test_a_name_that_is_old_is_not_shown_as_what_is_done_now(serve_live, open_page):
    live = serve_live()
    page = open_page(live, url="about:blank")
    silent = False

    def through(route) -> None:
        server = route.connect_to_server()
        server.on_message(lambda message: None if silent and '"answer"' in message else route.send(message))

    page.route_web_socket("**/socket", through)
    page.goto(live.url)
    begin(page, FLAT)
    wait_for(page, "#activity", "walking")
    silent = True
    wait_for(page, "#activity", "No answer", within_s=20)
    assert text(page, "#connection-text") == "Connected"  # a computer that is slow is there all the same
    silent = False
    wait_for(page, "#activity", "walking")
    assert len(live.made) == 1


def test_a_connection_that_nobody_closes_is_given_up_and_goes_on_anew(serve_live, open_page):
    """As of a phone that leaves its network: what it sends is swallowed, and no frame ever closes the socket."""
    live = serve_live(labels=("walking", "standing"))
    page = open_page(live, url="about:blank")
    dead: list = []
    opened: list = []

    def through(route) -> None:
        number = len(opened)
        opened.append(route)
        server = route.connect_to_server()
        route.on_message(lambda message: None if number in dead else server.send(message))
        server.on_message(lambda message: None if number in dead else route.send(message))
        route.on_close(lambda code, reason: None)
        server.on_close(lambda code, reason: None if number in dead else route.close(code=code, reason=reason))

    page.route_web_socket("**/socket", through)
    page.goto(live.url)
    begin(page, FLAT)
    wait_for(page, "#activity", "walking")
    dead.append(0)
    wait_for(page, "#problem-text", "silent", within_s=9)
    assert page.get_attribute("#connection", "data-state") == "lost"
    wait_for(page, "#connection-text", "Connected again")
    page.evaluate("([rows]) => move(rows, 60)", [[[G, 0.0, G]]])
    wait_for(page, "#activity", "standing")
    assert len(opened) == 2 and len(live.made) == 1  # the session of before


@pytest.mark.parametrize("state", ["without answers", "without samples"])
def test_a_connection_on_which_there_is_nothing_to_say_stays(serve_live, open_page, state):
    class Silent(ScriptedRecogniser):
        def answer(self):
            found = super().answer()
            return None if state == "without answers" else found

    page = open_page(serve_live(make=Silent))
    begin(page, FLAT)
    wait_for(page, "#connection-text", "Connected")
    page.evaluate("window.lost = []; new MutationObserver(() => lost.push(document.getElementById('connection').dataset"
                  ".state)).observe(document.getElementById('connection'), { attributes: true })")  # fmt: skip
    if state == "without samples":
        page.evaluate("stopMoving()")
    page.wait_for_timeout(8_000)
    # That it is connected may be written once more.
    assert set(page.evaluate("lost")) <= {"connected"} and text(page, "#connection-text") == "Connected"


def test_after_the_end_of_a_recording_there_is_nothing_to_record_until_it_is_played_again(serve_live, open_page):
    rows = np.tile(np.array([[0, 0, 1]], np.float32), (300, 1))
    device = Device("left wrist", ("acc_x", "acc_y", "acc_z"), 50.0, (Piece(0.0, rows),))
    live = serve_live(replay=Replay(Recording("x" * 200, (device,)), 2.0), clients=1)
    page = open_page(live, width=360)
    wait_for(page, "#connection-text", "The recording has ended")
    add(page, "juggling")
    until(page, lambda: "juggling" in words_of(page))
    assert page.is_disabled("#record") and page.is_enabled("#teach")
    assert page.evaluate("document.documentElement.scrollWidth") == 360  # the name is long
    other = open_page(live)
    wait_for(other, "#problem-text", "As many devices")
    other.close()  # it asks again by itself, and would have the place while the page is loaded
    page.reload()
    # Where the server hears of the new connection before it knows of the old one's end, the page asks again.
    wait_for(page, "#activity", "walking")
    until(page, lambda: page.is_enabled("#record"))
    assert "juggling" in words_of(page)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_page_at_an_address_of_either_kind(serve_live, open_page, host):
    try:
        live = serve_live(host=host)
    except OSError as error:  # such as a container without IPv6
        pytest.skip(str(error))
    page = open_page(live)
    begin(page)
    wait_for(page, "#activity", "walking")


def test_a_page_whose_session_goes_on_elsewhere_shows_no_activity(serve_live, open_page):
    live = serve_live()
    page = open_page(live)
    begin(page)
    wait_for(page, "#activity", "walking")
    second = page.context.new_page()
    second.goto(live.url)
    kept = page.evaluate("Object.entries(sessionStorage)[0]")
    assert kept[0].startswith("har-live-session")
    second.evaluate("(entry) => sessionStorage.setItem(...entry)", kept)  # as a tab that is duplicated has it
    second.reload()
    begin(second)
    wait_for(second, "#activity", "walking")
    wait_for(page, "#problem-text", "another tab")
    assert text(page, "#activity") == "Stopped" and page.is_disabled("#record")
