"""`/mcp`: the Model Context Protocol over HTTP, with the same keys, checks and limits as the API."""

import asyncio
from typing import Any, cast

import httpx2
from fastapi import FastAPI, Request
from mcp.server import ServerRequestContext
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, AuthorizationContext
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import Receive, Scope, Send

from clipcast.api.auth import identify, key_of
from clipcast.api.dependencies import installation_of
from clipcast.common.problems import AppError
from clipcast.mcp.api import Api
from clipcast.mcp.operations import Operation, operations_of
from clipcast.mcp.server import make_server
from clipcast.people import oauth
from clipcast.sdk import AsyncClipcast, Retries

PATH = "/mcp"
# Clients of protocols before 2026-07-28 have a session in this process.
SESSIONS_MAX = 2000
# Those of one workspace, so that no other one finds none left.
SESSIONS_OF_WORKSPACE_MAX = 100
# A tool returns what stands in its way, instead of waiting inside the process.
RETRIES = Retries(attempts=1)


class Sessions(StreamableHTTPSessionManager):
    """The sessions of this process, of which each workspace has a share."""

    def _admit_session(self, requestor: AuthorizationContext | None) -> StreamableHTTPServerTransport | None:
        own = requestor and requestor["subject"]
        if sum(owner["subject"] == own for owner in self._session_owners.values()) >= SESSIONS_OF_WORKSPACE_MAX:
            return None
        return super()._admit_session(requestor)


class McpEndpoint:
    """An ASGI application. It starts with its first request, and ends with the process.

    A tool calls the API inside this process, as the client's own request would: a tool can do nothing that the key
    cannot. `RequestMiddleware` has checked Host and Origin.
    """

    def __init__(self) -> None:
        self._sessions: StreamableHTTPSessionManager | None = None
        self._running: asyncio.Task[None] | None = None
        self._operations: dict[str, Operation] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if scope["method"] not in ("POST", "DELETE"):
            # Clipcast sends nothing outside of responses, so there is no stream to open.
            message = f"{scope['method']} is not allowed at this address. Use POST."
            raise AppError(405, "method_not_allowed", message, headers={"Allow": "DELETE, POST"})
        scope["user"] = await self._user(request)
        sessions = await self._started(request)
        await AuthContextMiddleware(sessions.handle_request)(scope, receive, send)

    async def _user(self, request: Request) -> AuthenticatedUser:
        """Return the caller, to whom the session belongs. Raises AppError 401, and says where to authorize."""
        installation = installation_of(request)
        try:
            caller = await identify(request, workspace=request.headers.get("x-workspace-id"))
        except AppError as error:
            if error.status == 401 and oauth.is_offered(installation.settings):
                base = installation.settings.public_base
                where = f'Bearer resource_metadata="{base}/.well-known/oauth-protected-resource{PATH}"'
                error.headers["WWW-Authenticate"] = where
            raise
        token = AccessToken(
            token="", client_id=str(caller.key_id), scopes=sorted(caller.scopes), subject=str(caller.workspace_id)
        )
        return AuthenticatedUser(token)

    async def _started(self, request: Request) -> StreamableHTTPSessionManager:
        if self._sessions is None:
            keys = [installation_of(request).vault.secret("mcp requests")]
            server = make_server(self._find_operations, _api_of, keys)
            self._sessions = Sessions(server, max_sessions=SESSIONS_MAX)
            ready = asyncio.Event()
            self._running = asyncio.create_task(_run(self._sessions, ready))
            await ready.wait()
        return self._sessions

    async def _find_operations(self, context: ServerRequestContext[Any, Any]) -> dict[str, Operation]:
        if not self._operations:
            self._operations = operations_of(_application(context).openapi())
        return self._operations


async def _run(sessions: StreamableHTTPSessionManager, ready: asyncio.Event) -> None:
    async with sessions.run():
        ready.set()
        await asyncio.Event().wait()


def _api_of(context: ServerRequestContext[Any, Any]) -> Api:
    """Return the API as the request's own key reaches it."""
    request = cast(Request, context.request)
    address = (request.client.host, request.client.port) if request.client else ("127.0.0.1", 0)
    transport = httpx2.ASGITransport(_application(context), client=address)
    base = installation_of(request).settings.public_base
    http = httpx2.AsyncClient(transport=transport)
    workspace = request.headers.get("x-workspace-id")
    return Api(AsyncClipcast(key_of(request), base, workspace, retries=RETRIES, http=http))


def _application(context: ServerRequestContext[Any, Any]) -> FastAPI:
    return cast(FastAPI, cast(Request, context.request).app)
