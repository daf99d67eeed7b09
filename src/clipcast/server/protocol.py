"""uvicorn's HTTP protocol, with limits that uvicorn lacks.

A request's head has a limit of time and of bytes. Otherwise, a few connections that never end would occupy the server's
memory and sockets. After the response, the server reads the rest of the body for a short time only.
"""

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_TIMEOUT = 15.0
HEAD_BYTES_MAX = 64 * 1024
# Seconds after the response in which the server reads on. Some clients send the whole body before they read an error.
REST_TIMEOUT = 15.0


class LimitedProtocol(HttpToolsProtocol):
    """The protocol class for `uvicorn.Config(http=...)`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_size = 0
        self._is_in_head = True
        self._is_in_message = False
        self._due: asyncio.TimerHandle | None = None
        self._arm(HEAD_TIMEOUT)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_in_head:
            self._head_size += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._is_in_head and self._head_size > HEAD_BYTES_MAX:
            self._reject(431)
        elif self._is_idle() and self._due is None and self.timeout_keep_alive_task is None:
            self._arm(HEAD_TIMEOUT)  # the bytes started no request, but ended uvicorn's own keep-alive timeout

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_message = True
        self._arm(HEAD_TIMEOUT)

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._disarm()
        if not self.url.startswith((b"/", b"*")):
            self._adopt_target_host()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._is_in_head, self._is_in_message, self._head_size = True, False, 0
        self._disarm()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing() or not self._is_in_message:
            return
        self._unset_keepalive_if_required()  # a message is arriving, and has its own timeout
        if not self._is_in_head:
            self._arm(REST_TIMEOUT)

    def _is_idle(self) -> bool:
        return not self._is_in_message and (self.cycle is None or self.cycle.response_complete)

    def _adopt_target_host(self) -> None:
        """Replace Host by the host of `GET http://host/path`, which has precedence (RFC 9112, 3.2.2)."""
        target = httptools.parse_url(self.url)
        host = (target.host or b"") + (b":%d" % target.port if target.port else b"")
        self.headers[:] = [(name, value) for name, value in self.headers if name != b"host"] + [(b"host", host)]

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._due = self.loop.call_later(seconds, self._on_timeout)

    def _disarm(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _on_timeout(self) -> None:
        self._due = None
        if self.transport.is_closing():
            return
        if self._is_in_message and self._is_in_head:
            self._reject(408)
        else:
            self.transport.close()

    def _reject(self, status: int) -> None:
        """Send a response to a request whose head is incomplete, and close the connection."""
        self._disarm()
        self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()


def limits() -> dict[str, Any]:
    """Return the arguments of `uvicorn.Config` that enforce the limits."""
    return {"http": LimitedProtocol, "ws": "none", "proxy_headers": False, "server_header": False}
