"""Names, tokens and addresses."""

import socket

import pytest
import segno

from har.live import access
from har.live.access import Guard, address, is_loopback, is_token, machine_addresses, names_of, new_token
from har.live.serving import bind, qr_code


def test_a_token_is_compared_whole():
    token = new_token()
    assert len(token) >= 22 and new_token() != token
    assert is_token(token, token)
    for other in ("", token[:-1], token + "a", token.swapcase(), "ä"):
        assert not is_token(other, token)


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("192.0.2.7", True), ("192.0.2.7:8765", True), ("WALKER.local:1", True), ("[2001:db8::7]:8765", True),
        ("192.0.2.8", False), ("192.0.2.7.evil.example", False), ("evil@192.0.2.7", False), ("192.0.2.7:", False),
        ("2001:db8::7", False), ("192.0.2.7:123456", False), ("192.0.2.7\n", False), ("", False),
    ],
)  # fmt: skip
def test_a_guard_knows_its_own_names(host, known):
    assert Guard(None, ["192.0.2.7", "walker.local", "2001:db8::7"]).knows(host) is known


def test_names_follow_from_where_the_server_listens(monkeypatch):
    monkeypatch.setattr(access, "machine_addresses", lambda: ["192.0.2.7", "2001:db8::7"])
    monkeypatch.setattr(socket, "gethostname", lambda: "Walker")
    assert names_of("0.0.0.0") == [
        "192.0.2.7",
        "2001:db8::7",
        "walker",
        "walker.local",
        "localhost",
        "127.0.0.1",
        "::1",
    ]
    assert names_of("192.0.2.7") == ["192.0.2.7"]
    assert names_of("127.0.0.1") == ["127.0.0.1", "localhost", "::1"]
    assert is_loopback("localhost") and is_loopback("127.1.2.3") and not is_loopback("0.0.0.0")


def test_addresses_of_the_machine_are_such_as_others_reach():
    assert not [one for one in machine_addresses() if one.startswith(("127.", "169.254.", "fe80")) or one == "::1"]


def test_an_address_can_be_opened_and_drawn():
    assert address("192.0.2.7", 1, "t", True) == "https://192.0.2.7:1/t/"
    assert address("2001:db8::7", 2, "t", False) == "http://[2001:db8::7]:2/t/"
    url = address("192.0.2.7", 8765, new_token(), True)
    lines = qr_code(url).splitlines()
    # Two rows of modules a line, and a quiet zone of four on both sides.
    across = len(segno.make(url, error="l").matrix) + 8
    assert len(lines) == -(-across // 2) and {len(line) for line in lines if line} == {across}


def test_a_port_that_is_taken_or_none_is_said():
    with bind("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port} is taken.*--port 0"):
            bind("127.0.0.1", port)
    with pytest.raises(OSError, match="expected 0 to 65535"):
        bind("127.0.0.1", 70000)
    with pytest.raises(OSError, match=r"192\.0\.2\.7.*0\.0\.0\.0"):
        bind("192.0.2.7", 0)
