"""HTTP on the wire, as uvicorn speaks it, with the limits that uvicorn does not have.

A client may take only so long for a request's head, and only so many bytes: otherwise a few connections that never end
hold the server's memory and sockets. A body that nobody waits for any more is read for a short time only.
"""

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_TIMEOUT = 15.0
HEAD_BYTES_MAX = 64 * 1024
# After the response: clients that send a body whole before they read should still see what was wrong with it.
REST_TIMEOUT = 15.0


class LimitedProtocol(HttpToolsProtocol):
    """For `uvicorn.Config(http=...)`."""

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
            self._refuse(431)
        elif self._is_idle() and self._due is None and self.timeout_keep_alive_task is None:
            self._arm(HEAD_TIMEOUT)  # what came was no request, and it ended uvicorn's own wait for the next one

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
        self._unset_keepalive_if_required()  # a message is coming, and its own time runs
        if not self._is_in_head:
            self._arm(REST_TIMEOUT)

    def _is_idle(self) -> bool:
        return not self._is_in_message and (self.cycle is None or self.cycle.response_complete)

    def _adopt_target_host(self) -> None:
        """`GET http://host/path` names the host that is meant, whatever Host says (RFC 9112, 3.2.2)."""
        target = httptools.parse_url(self.url)
        host = (target.host or b"") + (b":%d" % target.port if target.port else b"")
        self.headers[:] = [(name, value) for name, value in self.headers if name != b"host"] + [(b"host", host)]

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._due = self.loop.call_later(seconds, self._too_late)

    def _disarm(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _too_late(self) -> None:
        self._due = None
        if self.transport.is_closing():
            return
        if self._is_in_message and self._is_in_head:
            self._refuse(408)
        else:
            self.transport.close()

    def _refuse(self, status: int) -> None:
        """Answer a request of which only a part has come."""
        self._disarm()
        self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()


def limits() -> dict[str, Any]:
    """Return the arguments of `uvicorn.Config` with which an API is served."""
    return {"http": LimitedProtocol, "ws": "none", "proxy_headers": False, "server_header": False}
