"""The middleware of every request: checks before the body is read, a request id, and errors without internals."""

from collections.abc import Awaitable, Callable

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clipcast.api.dependencies import installation_of
from clipcast.api.problems import ServiceUnavailable, problem_response
from clipcast.api.schemas import read_bounded
from clipcast.common.ids import new_id
from clipcast.common.problems import AppError
from clipcast.common.unavailable import Unavailable
from clipcast.server.bodies import TimedBody, replay, require_few_fields, require_text
from clipcast.server.hosts import require_known_host
from clipcast.server.proxies import client_of

log = structlog.get_logger()

SAFE = ("GET", "HEAD", "OPTIONS")
UPLOADS = "/uploads/"


class RequestMiddleware:
    """ASGI middleware. Every response has an `X-Request-Id`, which the log line of an error repeats.

    `admit` returns how many bytes of a form the middleware reads; it raises an AppError to reject the form. `show`
    returns the page for an error, or None for a program, which gets a problem document.
    """

    def __init__(
        self,
        app: ASGIApp,
        admit: Callable[[Request], Awaitable[int]],
        show: Callable[[Request, AppError], Response | None],
    ) -> None:
        self.app = app
        self._admit = admit
        self._show = show

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = str(new_id())
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self.app(scope, await self._checked(scope, receive), send_with_id)
        except ClientDisconnect:
            log.info("caller_gone", request_id=request_id, method=scope["method"])
        except Exception as error:
            if isinstance(error, Unavailable):
                log.error(f"{error.layer}_unavailable", request_id=request_id, method=scope["method"], error=str(error))
                error = ServiceUnavailable(error)
            elif not isinstance(error, AppError):
                log.exception("request_failed", request_id=request_id, method=scope["method"])
                detail = f"Internal error. Report request_id {request_id} to the operator."
                error = AppError(500, "internal_error", detail)
            if started:
                raise
            response = self._show(Request(scope), error) or problem_response(request_id, error)
            await response(scope, receive, send_with_id)

    async def _checked(self, scope: Scope, receive: Receive) -> Receive:
        """Check a request before its body is read, and return its `receive`. Raises AppError, also those of `admit`."""
        settings = installation_of(Request(scope)).settings
        headers, path = scope["headers"], scope["path"]
        if scope["client"]:
            address, is_https = client_of(scope["client"][0], headers, settings.trusted_proxies)
            scope["client"] = (address, scope["client"][1])
            scope["scheme"] = "https" if is_https else scope["scheme"]
        hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
        require_known_host(path, hosts, settings)
        require_text(scope.get("raw_path") or path.encode(), "path")
        require_text(scope["query_string"], "query string")
        timed = TimedBody(receive, path.startswith(UPLOADS))
        if scope["method"] in SAFE or path.startswith(("/api/", UPLOADS)):
            return timed
        request = Request(scope)
        limit = await self._admit(request)
        kind = next((value for name, value in headers if name == b"content-type"), b"").split(b";")[0].strip().lower()
        if kind.startswith(b"multipart/"):
            raise AppError(415, "unsupported_media_type", "Send forms as application/x-www-form-urlencoded.")
        if kind != b"application/x-www-form-urlencoded":
            return timed
        body = await read_bounded(Request(scope, timed), limit)
        require_few_fields(body)
        # For signed-in people, clipcast.web.forms removes NUL and names the field.
        require_text(body, "form", may_hold_nul=hasattr(request.state, "viewer"))
        return replay(body, timed)
