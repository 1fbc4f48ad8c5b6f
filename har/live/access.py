"""Who may speak to the server: a token in the address, names that the server goes by, and its own page.

The token is a part of the path (``/<token>/``), not of the query or the fragment: relative addresses of scripts and
styles carry it by themselves, so that page, parts and socket are guarded alike, and a fragment would never reach the
server.
"""

import contextlib
import hmac
import ipaddress
import re
import secrets
import socket
from collections.abc import Collection, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TOKEN_BYTES = 16
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
EVERYWHERE = ("0.0.0.0", "::")
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]+))(?::(\d{1,5}))?")


def new_token() -> str:
    """A token that nobody guesses: 128 random bits."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def is_token(given: str, token: str) -> bool:
    """Compared in a time that does not tell how much of it is right."""
    return hmac.compare_digest(given.encode(), token.encode())


def machine_addresses() -> list[str]:
    """Addresses of this machine that others may reach, the one of the usual way out first; no loopback."""
    found: list[str] = []
    for family, somewhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        # Connecting a datagram socket sends nothing: it only asks which address would be used (RFC 5737, RFC 3849).
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as way:
                way.connect((somewhere, 9))
                found.append(way.getsockname()[0])
        except OSError:
            continue  # no network of this family
    with contextlib.suppress(OSError):  # the machine's name may have no address
        found += [entry[4][0] for entry in socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM)]
    usable = [one for one in found if not _is_local(one)]
    return list(dict.fromkeys(usable))


def _is_local(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return parsed.is_loopback or parsed.is_link_local or parsed.is_unspecified


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that binds to it."""
    return host in _LOOPBACK or host.startswith("127.")


def names_of(host: str, bound: str) -> list[str]:
    """The names and addresses under which a page of a server may be opened, the best first.

    host: where it was told to listen, as somebody wrote it; bound: the address that this turned out to be.
    """
    if is_loopback(bound):
        return list(dict.fromkeys([*([host.lower()] if host.lower() in _LOOPBACK else []), bound, *_LOOPBACK]))
    if bound not in EVERYWHERE:
        return list(dict.fromkeys([host.lower(), bound]))
    name = socket.gethostname().lower()
    local = [name, f"{name}.local"] if re.fullmatch(r"[a-z0-9-]+", name) else [name]
    return list(dict.fromkeys([*machine_addresses(), *local, *_LOOPBACK]))


def address(host: str, port: int, token: str, https: bool) -> str:
    """What a browser opens."""
    literal = f"[{host}]" if ":" in host else host
    return f"{'https' if https else 'http'}://{literal}:{port}/{token}/"


class Guard:
    """Middleware: refuses what is asked of another name than the server's own, and what another page asks.

    A page of the web can have its own name point to this machine (DNS rebinding), but then ``Host`` is that name. A
    socket may be opened by any page, and only ``Origin`` tells which (RFC 6455, section 10.2). names: as ``names_of``.
    """

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self.app, self._names = app, {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        secure = scope["scheme"] in ("https", "wss")

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_headers(f"{'wss' if secure else 'ws'}://{host}"))
            await send(message)

        if not self.knows(host):
            host = "invalid"  # what was given is not repeated in a header
            text = "This server does not go by that name: open the address that its terminal shows.\n"
            await PlainTextResponse(text, status_code=421)(scope, receive, send_guarded)
        elif scope["type"] == "websocket" and headers.get("origin") != f"{'https' if secure else 'http'}://{host}":
            text = "The socket is for this server's own page.\n"
            await PlainTextResponse(text, status_code=403)(scope, receive, send_guarded)
        else:
            await self.app(scope, receive, send_guarded)

    def knows(self, host: str) -> bool:
        """Whether a ``Host`` header names this server."""
        found = _HOST.fullmatch(host)
        return found is not None and (found[1] or found[2]).lower() in self._names


def _headers(socket_origin: str) -> Mapping[str, str]:
    # Some browsers do not count a socket of the same server to 'self'. No policy can name an IPv6 address.
    sockets = "" if "[" in socket_origin else f" {socket_origin}"
    return {
        "Content-Security-Policy": (
            f"default-src 'self'; connect-src 'self'{sockets}; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'; object-src 'none'"
        ),
        "Permissions-Policy": "accelerometer=(self), gyroscope=(self), screen-wake-lock=(self), camera=(), "
        "microphone=(), geolocation=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
