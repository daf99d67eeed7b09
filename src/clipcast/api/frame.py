"""What surrounds every request: an id, and an answer without internals when our own code fails."""

from collections.abc import Callable

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clipcast.api.problems import ApiError, problem_response
from clipcast.ids import new_id

log = structlog.get_logger()


class Frame:
    """ASGI middleware. Every answer carries `X-Request-Id`, and the log line of an error carries the same.

    `crashed` may answer in another form than a problem document, as people want it.
    """

    def __init__(self, app: ASGIApp, crashed: Callable[[Request, ApiError], Response | None]) -> None:
        self.app = app
        self._crashed = crashed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = str(new_id())
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def framed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self.app(scope, receive, framed)
        except ClientDisconnect:
            log.info("caller_gone", request_id=request_id, method=scope["method"])
        except Exception:
            log.exception("request_failed", request_id=request_id, method=scope["method"])
            if started:
                raise
            error = ApiError(500, "internal_error", "Clipcast met an error of its own. Report the request_id.")
            request = Request(scope, receive)
            response = self._crashed(request, error) or problem_response(request_id, error)
            await response(scope, request.receive, framed)
