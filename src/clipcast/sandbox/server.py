"""The sandbox's server: uvicorn, extended to cut connections, which ASGI cannot do."""

from typing import Any, cast

import uvicorn
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from clipcast.sandbox.faults import Reset

TRANSPORT = "clipcast.transport"


class CuttableProtocol(HttpToolsProtocol):
    """The HTTP protocol that passes the connection's transport to the application."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast(dict[str, Any], self.scope)[TRANSPORT] = self.transport


class CutOnReset:
    """The ASGI middleware that cuts the connection on Reset, without a response."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except Reset:
            scope[TRANSPORT].abort()
        except ClientDisconnect:
            pass  # the caller's process ended, as workers do in the crash tests


def make_server(app: ASGIApp, host: str, port: int, **options: Any) -> uvicorn.Server:
    config = uvicorn.Config(
        CutOnReset(app),
        host=host,
        port=port,
        http=CuttableProtocol,
        ws="none",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=2,
        **{"log_level": "warning", "lifespan": "on"} | options,
    )
    return uvicorn.Server(config)
