"""The server as a page meets it: what is served to whom, what a session keeps, and why sockets are closed."""

import base64
import contextlib
import json
import socket
import threading
import time
from http.client import HTTPConnection

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from har.live import protocol, serving
from har.live.server import page_files
from har.live.sessions import Settings
from har.recognition.adapter import Adapter
from har.recognition.colors import colors_of
from tests.live.conftest import CHANNELS


def get(live, path: str, **headers: str):
    """(status, headers, body) of one request."""
    connection = HTTPConnection("127.0.0.1", live.port, timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return found


def closed(page, within_s: float = 10) -> protocol.Close:
    """How the server closes the socket."""
    with pytest.raises(ConnectionClosed) as ending:
        while True:
            page.socket.recv(timeout=within_s)
    return protocol.Close(ending.value.rcvd.code, ending.value.rcvd.reason)


# --- The page's files --------------------------------------------------------------------------------------------


def test_the_page_and_its_parts_are_served_whole_with_their_headers(serve_live):
    live = serve_live()
    files = page_files()
    assert {"index.html", "style.css", "main.js", "recogniser.js", "icon.svg"} <= files.keys()
    for name, content in [("", files["index.html"]), *files.items()]:
        status, headers, body = get(live, f"/{live.token}/{name}")
        assert (status, body) == (200, content)
        assert headers["x-content-type-options"] == "nosniff" and headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer" and "server" not in headers
        assert headers["content-security-policy"].startswith(
            f"default-src 'self'; connect-src 'self' ws://127.0.0.1:{live.port}; "
        )
    assert headers["content-type"] in ("text/css; charset=utf-8", "image/svg+xml", "text/javascript; charset=utf-8")


def test_the_page_needs_nothing_but_the_server():
    for name, content in page_files().items():
        text = content.decode()
        for word in ("https://", "http://", "//cdn", "@import", "url(", "style=", 'onclick="'):
            lines = [line for line in text.splitlines() if word in line and "github.com" not in line]
            assert not [line for line in lines if "www.w3.org/2000/svg" not in line], (name, word)


@pytest.mark.parametrize("path", ["/", "/wrong/", "/wrong", "/wrong/main.js", "//main.js"])
def test_without_the_token_nothing_is_served(serve_live, path):
    live = serve_live()
    status, _, body = get(live, path)
    assert status in (403, 404) and b"<html" not in body and b"import" not in body


@pytest.mark.parametrize("name", ["missing.js", "../server.py", "..%2fserver.py", "%2e%2e/server.py", "socket"])
def test_nothing_but_the_page_is_served(serve_live, name):
    live = serve_live()
    status, _, body = get(live, f"/{live.token}/{name}")
    assert status == 404 and b"import" not in body


def test_an_address_without_its_last_slash_leads_to_the_page(serve_live):
    live = serve_live()
    status, headers, _ = get(live, f"/{live.token}")
    assert status == 307 and headers["location"] == f"/{live.token}/"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::1", "a b", ""])
def test_another_name_is_refused_for_page_and_socket(serve_live, host):
    live = serve_live()
    assert get(live, f"/{live.token}/", Host=host)[0] in (400, 421)
    if host and " " not in host:
        with pytest.raises(InvalidStatus) as refusal:
            live.page(additional_headers={"Host": host}, origin=f"http://{host}")
        assert refusal.value.response.status_code in (400, 421)


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "https://127.0.0.1", "http://127.0.0.1:1"])
def test_a_socket_of_another_page_is_refused(serve_live, origin):
    live = serve_live()
    with pytest.raises(InvalidStatus) as refusal:
        live.page(origin=origin)
    assert refusal.value.response.status_code == 403
    live.page().hear("hello")  # its own is not


# --- A session ---------------------------------------------------------------------------------------------------


def test_samples_in_names_out(serve_live):
    live = serve_live(labels=("walking", "standing"))
    page = live.page()
    hello = page.hear("hello")
    assert (hello["version"], hello["source"], hello["labels"]) == (1, "sensors", ["walking", "standing"])
    started = page.start(labels=["running", "sitting"], placement="left wrist", gravity="removed")
    assert started["labels"] == ["running", "sitting"] and started["placement"] == "left wrist"
    assert started["colors"] == colors_of(["running", "sitting", "unknown", "not worn"]) and not started["resumed"]
    assert page.hear("notes")["notes"] == ["a note"]
    page.send([0.0, 0.02], [0, 0, 1], [1, 0.5, 1])
    answer = page.hear("answer")
    assert answer == {
        "type": "answer", "time_s": 0.02, "name": "sitting", "confidence": 0.9, "known": 0.8, "oriented": False,
        "labels": ["running", "sitting"], "probabilities": [0.1, 0.9], "behind_s": 0.0,
    }  # fmt: skip
    (made,) = live.made
    assert made.rows == [(0.0, [0, 0, 1]), (0.02, [1, 0.5, 1])]
    assert (list(made.channels), made.gravity) == (["acc_x", "acc_y", "acc_z"], "removed")


def test_words_places_and_teaching(serve_live, tmp_path):
    page = serve_live().page()
    page.start()
    page.say("labels", labels=["juggling", "sitting"])
    assert page.hear("labels")["labels"] == ["juggling", "sitting"]
    page.say("placement", placement="backpack")
    assert page.hear("placement")["placement"] == "backpack"
    page.say("save")
    assert page.hear("refused") | {"colors": {}} == {
        "type": "refused", "asked": "save", "reason": "nothing was taught yet", "labels": ["juggling", "sitting"],
        "colors": {}, "placement": "backpack", "taught": [],
    }  # fmt: skip
    page.say("teach", label="tea ceremony", start_s=1.0, stop_s=6.0)
    taught = page.hear("taught")
    assert (taught["labels"], taught["taught"]) == (["juggling", "sitting", "tea ceremony"], ["tea ceremony"])
    page.say("save")
    (tmp_path / "me.npz").write_bytes(base64.b64decode(page.hear("adapter")["data"]))
    assert Adapter.load(tmp_path / "me.npz").labels == ["tea ceremony"]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"type": "labels", "labels": ["impossible"]}, "no word for that"),
        ({"type": "labels", "labels": ["a", "a"]}, "more than once"),
        ({"type": "teach", "label": "a", "start_s": 0, "stop_s": 1}, "too short"),
        ({"type": "placement", "placement": "a" * 100}, "one line"),
    ],
)
def test_what_cannot_be_met_is_said_and_changes_nothing(serve_live, message, words):
    page = serve_live(labels=("walking", "standing")).page()
    page.start()
    page.socket.send(json.dumps(message))
    refused = page.hear("refused")
    assert words in refused["reason"] and refused["asked"] == message["type"]
    assert (refused["labels"], refused["placement"], refused["taught"]) == (["walking", "standing"], None, [])
    page.send([0.0], [0, 0, 1])
    assert page.hear("answer")["labels"] == ["walking", "standing"]


def test_samples_that_cannot_be_are_said_for_as_long_as_they_come(serve_live):
    page = serve_live().page()
    page.start()
    page.send([0.0], [99, 0, 1])
    assert page.hear("unusable")["reason"] == "gravity points nowhere"
    page.send([0.1], [1, 0, 1])
    assert page.hear("unusable")["reason"] is None


def test_a_page_that_comes_back_hears_why_samples_cannot_be_named(serve_live):
    live = serve_live()
    page = live.page()
    session = page.start()["session"]
    page.send([0.0], [99, 0, 1])
    page.hear("unusable")
    page.socket.close()
    again = live.page()
    assert again.start(session=session)["resumed"]
    assert again.hear("unusable")["reason"] == "gravity points nowhere"


def test_a_session_goes_on_after_the_connection_was_lost(serve_live):
    live = serve_live(labels=("walking", "standing"))
    page = live.page()
    session = page.start()["session"]
    page.say("teach", label="juggling", start_s=0, stop_s=5)
    page.hear("taught")
    page.socket.close()
    again = live.page()
    resumed = again.start(session=session)
    assert resumed["resumed"] and resumed["session"] == session and resumed["taught"] == ["juggling"]
    assert resumed["labels"] == ["walking", "standing", "juggling"] and len(live.made) == 1
    again.send([9.0], [2, 0, 1])
    assert again.hear("answer")["name"] == "juggling"
    # Words that were changed without a connection come with the start.
    again.socket.close()
    third = live.page()
    third.start(session=session, labels=["juggling"], placement="hand")
    assert third.hear("placement")["labels"] == ["juggling"] and live.made[0].placement == "hand"


def test_other_sensors_and_unknown_sessions_begin_anew(serve_live):
    live = serve_live()
    page = live.page()
    session = page.start()["session"]
    page.socket.close()
    assert not live.page().start(session=session, gravity="removed")["resumed"]
    assert not live.page().start(session="guessed")["resumed"] and len(live.made) == 3


def test_a_session_is_forgotten_after_its_time(serve_live):
    live = serve_live(kept_s=0.2)
    page = live.page()
    session = page.start()["session"]
    page.socket.close()
    time.sleep(0.6)
    assert not live.page().start(session=session)["resumed"]


def test_a_second_page_takes_the_session_over(serve_live):
    live = serve_live(clients=1)
    first = live.page()
    session = first.start()["session"]
    second = live.page()
    assert second.start(session=session)["resumed"]
    assert closed(first) == protocol.TAKEN_OVER
    time.sleep(0.2)  # that the first one leaves does not end what the second one has
    second.send([0.0], [0, 0, 1])
    assert second.hear("answer")["name"]


# --- Why sockets are closed ----------------------------------------------------------------------------------------


def test_a_wrong_token_is_said(serve_live):
    live = serve_live()
    assert closed(live.page(path="wrong/socket")) == protocol.WRONG_TOKEN
    assert live.made == []


@pytest.mark.parametrize("first", ["labels", "samples", "nonsense", "labels of start"])
def test_the_first_message_is_a_start(serve_live, first):
    page = serve_live().page()
    if first == "samples":
        page.send([0.0], [0, 0, 1])
    elif first == "labels":
        page.say("labels", labels=["walking"])
    elif first == "nonsense":
        page.socket.send("nonsense")
    else:
        page.say("start", labels=["a", "a"], placement=None, channels=["acc_x", "acc_y", "acc_z"], gravity="included",
                 session=None)  # fmt: skip
    assert closed(page).code == protocol.MALFORMED.code


@pytest.mark.parametrize("later", ["start", "unknown", "six axes", "nan", "cut", "text"])
def test_what_is_no_message_closes(serve_live, later):
    page = serve_live().page()
    page.start()
    frames = {
        "six axes": protocol.write_samples(np.zeros(1), np.zeros((1, 6))),
        "nan": protocol.write_samples(np.zeros(1), np.full((1, 3), np.nan)),
        "cut": protocol.write_samples(np.zeros(1), np.zeros((1, 3)))[:-2],
        "text": "walking",
        "unknown": json.dumps({"type": "delete"}),
        "start": json.dumps(
            {"type": "start", "labels": None, "placement": None, "channels": ["acc_x", "acc_y", "acc_z"],
             "gravity": "included", "session": None}
        ),
    }  # fmt: skip
    page.socket.send(frames[later])
    ending = closed(page)
    assert ending.code == protocol.MALFORMED.code and ending.reason.startswith(protocol.MALFORMED.reason)


def test_a_frame_that_is_too_large_closes(serve_live):
    page = serve_live().page()
    page.start()
    page.socket.send(bytes(protocol.MOST_BYTES + 1))
    assert closed(page).code == protocol.TOO_BIG.code


@pytest.mark.parametrize("what", ["messages", "samples"])
def test_a_flood_closes(serve_live, what):
    page = serve_live(messages_a_second=1, messages_at_once=5, samples_a_second=1, samples_at_once=100).page()
    page.start()
    with contextlib.suppress(ConnectionClosed):  # the server may be faster than the flood
        for number in range(10):
            if what == "messages":
                page.say("placement", placement="hand")
            else:
                page.send(number + np.arange(50) / 50, *np.zeros((50, 3)))
    assert closed(page) == protocol.FLOOD


def test_a_connection_that_never_becomes_a_socket_is_closed(serve_live, monkeypatch):
    monkeypatch.setattr(serving, "_HTTP_S", 0.5)
    live = serve_live()
    page = live.page()
    page.start()
    address = ("127.0.0.1", live.port)
    with socket.create_connection(address, 10) as silent, socket.create_connection(address, 10) as slow:
        slow.sendall(f"GET /{live.token}/ HTTP/1.1\r\nHost: ".encode())
        assert silent.recv(1) == slow.recv(1) == b""
    page.send([0.0], [1, 0, 1])  # a socket stays
    assert page.hear("answer")["name"] == "standing"


def test_silence_closes(serve_live):
    live = serve_live(idle_s=0.3, start_within_s=0.3)
    assert closed(live.page()) == protocol.NO_START
    page = live.page()
    page.start()
    for number in range(4):
        time.sleep(0.15)
        page.send([number], [0, 0, 1])
    assert closed(page) == protocol.IDLE


def test_a_page_that_never_reads_loses_its_place_soon(serve_live):
    live = serve_live(clients=1, deaf_s=0.5, messages_a_second=1e6, messages_at_once=1e6)
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", live.port))
        host = f"127.0.0.1:{live.port}"
        head = [
            f"GET /{live.token}/socket HTTP/1.1", f"Host: {host}", f"Origin: http://{host}", "Upgrade: websocket",
            "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {'A' * 22}==",
        ]  # fmt: skip
        raw.sendall("\r\n".join([*head, "", ""]).encode())
        assert raw.recv(512).startswith(b"HTTP/1.1 101")

        def say(kind: str, **fields) -> None:  # a masked frame of text, RFC 6455, section 5.2
            text = json.dumps({"type": kind, **fields}).encode()
            raw.sendall(b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text)

        padding = "a" * 80
        say("start", labels=None, placement=padding, channels=CHANNELS, gravity="included", session=None)

        def ask() -> None:  # as long as the server reads; it reads no more of who reads nothing
            with contextlib.suppress(ConnectionError):
                while True:
                    say("labels", labels=[f"{n} {padding}"[:80] for n in "abcdefghijklmnopqrstuvwxyz" * 2])

        asking = threading.Thread(target=ask)
        asking.start()
        until = time.monotonic() + 25  # by its own pings the server would notice after forty seconds
        refused = 0
        try:
            while not live.made:  # it has the place
                assert time.monotonic() < until
                time.sleep(0.01)
            while True:
                page = live.page()
                page.say("start", labels=None, placement=None, channels=CHANNELS, gravity="included", session=None)
                try:
                    page.hear("started")
                    break
                except ConnectionClosed:
                    refused += 1
                    assert time.monotonic() < until
                    time.sleep(0.1)
        finally:
            with contextlib.suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)
            asking.join()
        assert refused > 0


def test_a_sign_of_life_comes_at_once_and_asking_for_it_is_silence(serve_live):
    live = serve_live(idle_s=0.6)
    page = live.page()
    page.start()
    live.made[0].answers_in_s = live.made[0].reads_in_s = 1.0
    page.send([0.0], [0, 0, 1])
    page.say("labels", labels=["juggling"])
    page.say("ping")
    page.hear("pong", within_s=0.5)
    with pytest.raises(ConnectionClosed) as ending:
        for _ in range(20):
            page.say("ping")
            page.hear("pong")
            time.sleep(0.1)
    assert ending.value.rcvd.code == protocol.IDLE.code
    early = live.page()
    early.say("ping")
    assert closed(early).code == protocol.MALFORMED.code


def test_more_pages_than_the_server_takes(serve_live):
    live = serve_live(clients=2)
    first, second, third = live.page(), live.page(), live.page()
    first.start()
    second.start()
    third.say("start", labels=None, placement=None, channels=["acc_x", "acc_y", "acc_z"], gravity="included",
              session=None)  # fmt: skip
    assert closed(third) == protocol.FULL
    first.socket.close()
    time.sleep(0.2)
    live.page().start()
    waiting = [live.page() for _ in range(2)]  # sockets that never start are bounded as well
    for page in waiting:
        page.hear("hello")
    assert closed(live.page()) == protocol.FULL


def test_a_mistake_ends_its_session_alone_and_is_logged(serve_live, caplog):
    live = serve_live()
    other, page = live.page(), live.page()
    other.start()
    session = page.start()["session"]
    page.send([0.0], [66, 0, 1])
    assert closed(page) == protocol.BROKEN
    assert "ZeroDivisionError" in caplog.text and live.token not in caplog.text
    other.send([0.0], [1, 0, 1])
    assert other.hear("answer")["name"] == "standing"
    time.sleep(0.2)
    assert not live.page().start(session=session)["resumed"]


def test_a_mistake_before_there_is_a_session_is_said_and_logged(serve_live, caplog):
    def broken(labels, **given):
        raise ZeroDivisionError("a mistake")

    live = serve_live(make=broken)
    page = live.page()
    page.say("start", labels=None, placement=None, channels=["acc_x", "acc_y", "acc_z"], gravity="included",
             session=None)  # fmt: skip
    assert closed(page) == protocol.BROKEN
    assert "ZeroDivisionError" in caplog.text and live.token not in caplog.text


@pytest.mark.parametrize(
    "settings",
    [
        {"labels": tuple(f"activity {n}" for n in range(protocol.MOST_LABELS + 1))},
        {"labels": ("a" * 81,)},
        {"placement": "a" * 81},
        {"placement": "a\0b"},
    ],
)
def test_what_no_page_could_send_back_is_no_setting(settings):
    with pytest.raises(ValueError, match=r"64|80"):
        Settings(**settings)


def test_pages_are_told_when_the_server_stops(serve_live):
    live = serve_live()
    page = live.page()
    page.start()
    begun = threading.Thread(target=live.stop)
    begun.start()
    assert closed(page).code == 1012  # the server's own word for it, RFC 6455 registry
    begun.join()


# --- Computing -----------------------------------------------------------------------------------------------------


def test_who_falls_behind_keeps_all_samples_skips_answers_and_is_told(serve_live):
    live = serve_live()
    page = live.page()
    page.start()
    page.send([0.0], [0, 0, 1])
    page.hear("answer")
    (made,) = live.made
    made.answers_in_s = 0.4
    for number in range(1, 41):  # a second of batches, each with two seconds of samples
        page.send(2 * number + np.arange(20) / 10, *np.full((20, 3), number % 8))
        time.sleep(0.025)
    answers = []
    while not answers or answers[-1]["time_s"] < 81.9 - 1e-6:
        answers.append(page.hear("answer"))
    assert len(made.rows) == 1 + 40 * 20 and [row[0] for row in made.rows] == sorted(row[0] for row in made.rows)
    assert len(answers) < 10 and made.answered == len(answers) + 1
    assert max(answer["behind_s"] for answer in answers) > 5 and answers[-1]["behind_s"] == 0


def test_a_slow_session_holds_no_other_up(serve_live):
    live = serve_live(threads=2)
    slow, quick = live.page(), live.page()
    slow.start()
    quick.start()
    live.made[0].answers_in_s = 3.0
    slow.send([0.0], [0, 0, 1])
    time.sleep(0.2)
    for number in range(5):
        quick.send([number], [number, 0, 1])
        quick.hear("answer", within_s=2.5)
    assert live.made[0].busy  # it is still at its first one


def test_answers_go_on_while_words_are_encoded(serve_live):
    live = serve_live(labels=("walking", "standing"))
    page, other = live.page(), live.page()
    page.start()
    other.start()
    for made in live.made:
        made.reads_in_s = 1.0
    page.say("labels", labels=["juggling", "standing"])
    page.say("placement", placement="a" * 100)
    page.say("placement", placement="hand")
    for number in range(5):
        for one in (page, other):
            one.send([number], [0, 0, 1])
            assert one.hear("answer")["labels"] == ["walking", "standing"]
    assert page.hear("labels")["labels"] == ["juggling", "standing"]
    # In the order in which they were asked for, what cannot be met among them.
    assert page.hear("refused")["asked"] == "placement"
    assert page.hear("placement")["placement"] == "hand"


def test_what_a_page_asked_for_is_done_though_it_goes_meanwhile(serve_live):
    live = serve_live(labels=("walking", "standing"))
    page = live.page()
    session = page.start()["session"]
    live.made[0].reads_in_s = 0.5
    page.say("labels", labels=["juggling"])
    time.sleep(0.2)
    page.socket.close()
    time.sleep(0.6)
    assert live.page().start(session=session, labels=["juggling"])["labels"] == ["juggling"]
    assert live.made[0].labels == ("juggling",)
