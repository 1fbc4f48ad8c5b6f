"""A port, a certificate, and the server on them until Ctrl-C."""

import asyncio
import errno
import io
import socket

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from har.live.certificate import Certificate
from har.live.protocol import MOST_BYTES

_STOPS_WITHIN_S = 1  # of Ctrl-C, whatever a page does
_UNREAD_BYTES = 256 * 1024  # that the system keeps for a page that does not read
_HTTP_S = 60.0  # a connection may take that is no socket: files are small, and browsers open another one


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens on host and port, 0 for any that is free.

    Raises ``OSError`` with what to do where the port is taken or not allowed, or the host is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNREAD_BYTES)  # connections inherit it
    try:
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        bound.close()
        raise OSError(_why(error, host, port)) from error
    bound.listen()  # who comes before the server is ready waits for it
    return bound


def _why(error: Exception, host: str, port: int) -> str:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return (
            f"port {port} is taken, perhaps by another live server; end that one, or give another port, --port 0 for "
            "any that is free"
        )
    if number == errno.EACCES:
        return f"port {port} is not for everybody; give one above 1023, --port 0 for any that is free"
    if isinstance(error, OverflowError):
        return f"port {port}; expected 0 to 65535"
    return f"cannot serve on {host}:{port} ({error}); give an address of this machine, or 0.0.0.0 for all of them"


class BriefHTTP(AutoHTTPProtocol):
    """HTTP on a connection that ends in time: whoever asks slowly, or nothing, takes no place for ever."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.loop.call_later(_HTTP_S, self._end)

    def _end(self) -> None:
        if self.transport.get_protocol() is self:  # else it is a socket by now
            self.transport.abort()


def server_of(app: ASGIApp, certificate: Certificate | None) -> uvicorn.Server:
    """The server of an application, set up but not running; with a certificate it speaks https."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=BriefHTTP,
            # Requests hold the token, and are logged nowhere.
            access_log=False,
            log_level="warning",
            server_header=False,
            ws_max_size=MOST_BYTES,
            ws_per_message_deflate=False,  # numbers of sensors hardly get shorter by it
            # What a phone behind a proxy says of itself is nobody's proof.
            proxy_headers=False,
            timeout_graceful_shutdown=_STOPS_WITHIN_S,
            ssl_certfile=None if certificate is None else certificate.certificate,
            ssl_keyfile=None if certificate is None else certificate.key,
        )
    )


def serve(app: ASGIApp, bound: socket.socket, certificate: Certificate | None) -> None:
    """Serve until Ctrl-C; pages are told, and what still computes is waited for a second at most."""
    try:
        server_of(app, certificate).run(sockets=[bound])
    except KeyboardInterrupt:
        pass  # it is raised once all has ended in order
    finally:
        bound.close()


def qr_code(address: str) -> str:
    """The address as a QR code of block characters, for a terminal."""
    import segno

    text = io.StringIO()
    segno.make(address, error="l").terminal(text, compact=True)
    return text.getvalue()
