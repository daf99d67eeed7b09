"""Authentication of callers: API keys, their scopes, and the workspace of a request."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer

from clipcast.api.dependencies import installation_of
from clipcast.api.rate_limits import KeyLimiter
from clipcast.audit.service import Actor
from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError
from clipcast.database.limits import limit_to, limited
from clipcast.installation import Installation
from clipcast.workspaces import repository
from clipcast.workspaces.service import SCOPES, digest_of

API_KEY = APIKeyHeader(name="X-Api-Key", auto_error=False, description="An API key of this installation.")
BEARER = HTTPBearer(auto_error=False, description="The same API key as a bearer token.")


@dataclass(frozen=True)
class Caller:
    """The API key behind a request, and the workspace that the request is for."""

    key_id: UUID
    workspace_id: UUID
    scopes: frozenset[str]
    key_name: str = ""
    address: str = ""
    # Whether the key sees some clients only.
    is_limited: bool = False

    @property
    def actor(self) -> Actor:
        """The caller, as the audit log names it."""
        return Actor("key", self.key_id, self.key_name, self.address, "reviews:decide" in self.scopes)


async def identify(
    request: Request,
    _key: Annotated[str | None, Security(API_KEY)] = None,
    _bearer: Annotated[object, Security(BEARER)] = None,
    workspace: Annotated[str | None, Header(alias="X-Workspace-Id", include_in_schema=False)] = None,
) -> Caller:
    """Return the caller of a request. Raises AppError 400, 401, 404 or 429.

    All later dependencies of the request see the part of the workspace that the key is limited to.
    """
    key, installation = key_of(request), installation_of(request)
    if not key:
        raise _unauthorized("The request has no API key. Send one in X-Api-Key or as a bearer token.")
    found = await repository.find_key(installation.database, digest_of(key))
    if found is None or not found.usable_at(clock.now()):
        raise _unauthorized("The API key is wrong, expired or revoked. Send a valid one.")
    await _count(request, installation, found.key_id)
    workspaces = found.workspaces
    if workspace is not None:
        chosen = parse_id(workspace)
        if chosen not in workspaces:
            message = f"This API key has no access to workspace {workspace[:100]}. Use another key."
            raise AppError(404, "not_found", message)
    elif len(workspaces) == 1:
        chosen = next(iter(workspaces))
    else:
        listed = [{"id": str(id), "name": name} for id, name in workspaces.items()]
        raise AppError(
            400, "workspace_required",
            "This API key has access to several workspaces. Name one of them in X-Workspace-Id.",
            more={"workspaces": listed},
        )  # fmt: skip
    assert chosen is not None
    address = request.client.host if request.client else ""
    caller = Caller(found.key_id, chosen, found.scopes, found.name, address, found.client_ids is not None)
    request.state.caller = caller  # for the request log
    if found.client_ids is not None:
        limit = limit_to(found.client_ids, found.key_id)
        request.state.installation = replace(installation, database=limited(installation.database, limit))
    return caller


def key_of(request: Request) -> str:
    """Return the API key of a request; "" without one."""
    if key := request.headers.get("x-api-key", ""):
        return key
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else ""


def _unauthorized(message: str) -> AppError:
    return AppError(401, "unauthorized", message, headers={"WWW-Authenticate": "Bearer"})


def needs(scope: str) -> Callable[..., Awaitable[Caller]]:
    """Return the dependency of an operation that needs `scope`. It raises AppError 403 if the key lacks the scope."""
    assert scope in SCOPES

    async def check(caller: Annotated[Caller, Depends(identify)]) -> Caller:
        if scope not in caller.scopes:
            message = f"This API key lacks the scope {scope}. Use a key that has it."
            raise AppError(403, "scope_missing", message, more={"required_scope": scope})
        return caller

    return check


async def _count(request: Request, installation: Installation, key_id: UUID) -> None:
    limiter: KeyLimiter = request.app.state.rate_limiter
    limit = installation.settings.rate_limit_per_minute
    if wait := await limiter.take(installation.database.hot_pool, key_id.bytes, limit):
        raise AppError(
            429, "rate_limited", f"This API key has used its {limit} requests per minute. Try again in {wait} s.",
            headers={"Retry-After": str(wait)},
        )  # fmt: skip
