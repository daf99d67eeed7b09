"""Connections and platforms over HTTP. Connecting itself happens in a browser: see web/connect.py."""

from functools import cache
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from clipcast.api.auth import Caller, identify, needs
from clipcast.api.dependencies import get_installation
from clipcast.api.pagination import PageParams
from clipcast.common.pagination import Pagination, paged
from clipcast.common.problems import NotFound
from clipcast.common.timestamps import format_timestamp
from clipcast.connections import repository
from clipcast.connections.options import options_of, quotas_of
from clipcast.database.models.connections import Connection
from clipcast.installation import Installation
from clipcast.platforms.base import Platform
from clipcast.platforms.registry import PLATFORMS

router = APIRouter(tags=["Connections"])
InstallationDep = Annotated[Installation, Depends(get_installation)]
Reader = Annotated[Caller, Depends(needs("connections:read"))]


class ConnectionOut(BaseModel):
    id: str
    platform: str
    account_id: str
    username: str
    display_name: str
    avatar_url: str | None
    status: Literal["active", "needs_reconnect", "disabled"]
    scopes: list[str]
    expires_at: str | None
    created_at: str


class ConnectionList(BaseModel):
    connections: list[ConnectionOut]
    pagination: Pagination


class QuotaOut(BaseModel):
    name: Annotated[str, Field(description="What CLIPCAST_QUOTAS calls it, after the platform's name.")]
    scope: Literal["account", "app"]
    window: Annotated[str, Field(description="`minute`, `24 hours`, or a day of a time zone.")]
    limit: Annotated[int | None, Field(description="null: the platform publishes no number.")]
    used: int
    remaining: int | None
    free_at: Annotated[str | None, Field(description="When there is some again; null while some is left.")]


class ConnectionOptions(BaseModel):
    platform: str
    options: dict[str, Any]
    quotas: list[QuotaOut]


class PlatformOut(BaseModel):
    name: str
    title: str
    docs_url: str
    metadata_schema: dict[str, Any]
    media: Annotated[
        dict[str, Any],
        Field(
            description="Limits of the file: what breaks one is an error in preflight, "
            "or a warning where `soft` names the limit."
        ),
    ]
    media_by_kind: Annotated[
        dict[str, dict[str, dict[str, Any]]],
        Field(
            description="Where the limits depend on a metadata field: the field, its values, and the limits of each."
        ),
    ]


class PlatformList(BaseModel):
    platforms: list[PlatformOut]


def show_connection(connection: Connection) -> dict[str, Any]:
    return {
        "id": str(connection.id),
        "platform": connection.platform,
        "account_id": connection.account_id,
        "username": connection.username,
        "display_name": connection.display_name,
        "avatar_url": connection.avatar_url,
        "status": connection.status,
        "scopes": connection.scopes,
        "expires_at": format_timestamp(connection.expires_at),
        "created_at": format_timestamp(connection.created_at),
    }


@router.get(
    "/connections",
    operation_id="listConnections",
    summary="List connections",
    response_model=ConnectionList,
)
async def list_connections(
    installation: InstallationDep,
    caller: Reader,
    page: Annotated[PageParams, Depends()],
    platform: Annotated[Literal[tuple(PLATFORMS)] | None, Query()] = None,  # type: ignore[valid-type]
) -> Any:
    """The workspace's connected accounts, newest first.

    `needs_reconnect` means that the account's owner must connect it again, `disabled` that it is paused in the app:
    items that come due wait for either. The API does not connect accounts: people do that in the app, or with a link
    from `clipcast connect`.
    """
    async with installation.database.session() as session:
        found, total = await repository.list_connections(
            session, caller.workspace_id, platform, page.offset, page.limit
        )
    return paged("connections", [show_connection(connection) for connection in found], page, total)


@router.get(
    "/connections/{connection_id}",
    operation_id="getConnection",
    summary="Get a connection",
    response_model=ConnectionOut,
)
async def get_connection(connection_id: str, installation: InstallationDep, caller: Reader) -> Any:
    """One connected account."""
    async with installation.database.session() as session:
        connection = await repository.get_connection(session, caller.workspace_id, connection_id)
    if connection is None:
        raise NotFound("connection", connection_id)
    return show_connection(connection)


@router.get(
    "/connections/{connection_id}/options",
    operation_id="getConnectionOptions",
    summary="Get what an account offers now",
    response_model=ConnectionOptions,
)
async def get_connection_options(connection_id: str, installation: InstallationDep, caller: Reader) -> Any:
    """Asks the platform, now: TikTok's privacy levels and switches, YouTube's categories and playlists, Pinterest's
    boards, what Instagram, Threads and Bluesky have left of the day. Each list is named after the metadata field that
    it fills. `quotas` is what Clipcast counts: how much of each of the platform's limits is used, for this account or
    for the whole app, and when there is some again.

    409 `connection_not_usable` when the account must be connected again; 503 when the platform does not answer.
    """
    async with installation.database.session() as session:
        connection = await repository.get_connection(session, caller.workspace_id, connection_id)
    if connection is None:
        raise NotFound("connection", connection_id)
    options = await options_of(installation, connection)
    return {"platform": connection.platform, "options": options, "quotas": await quotas_of(installation, connection)}


@router.get("/platforms", operation_id="listPlatforms", summary="List platforms", response_model=PlatformList)
async def list_platforms(_: Annotated[Caller, Depends(identify)]) -> Any:
    """Each platform with the JSON Schema of its metadata and its limits for a file's picture, sound and layout.

    Sizes are bytes, durations seconds, edges pixels as shown, rates per second, bit rates bits per second, aspects
    width divided by height. null means that no limit is known. Preflight checks by these limits.
    """
    return _platforms()


@cache
def _platforms() -> dict[str, Any]:
    """Made once: nothing in it changes while the process runs."""
    return {
        "platforms": [
            {
                "name": platform.name,
                "title": platform.title,
                "docs_url": platform.docs_url,
                "metadata_schema": platform.metadata.model_json_schema(by_alias=True),
                "media": platform.media.as_dict(),
                "media_by_kind": _by_kind(platform),
            }
            for platform in PLATFORMS.values()
        ]
    }


def _by_kind(platform: Platform[Any]) -> dict[str, Any]:
    if platform.media_kind_field is None:
        return {}
    name = platform.metadata.model_fields[platform.media_kind_field].alias or platform.media_kind_field
    return {name: {kind: rules.as_dict() for kind, rules in platform.media_kinds.items()}}
