"""The API's endpoints of connections and platforms. People connect accounts in a browser: see web/connect.py."""

from functools import cache
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from clipcast.api.auth import Caller, identify, needs
from clipcast.api.dependencies import InstallationDep
from clipcast.api.pagination import PageParams
from clipcast.api.schemas import documented, json_body
from clipcast.clients import service as clients
from clipcast.common.pagination import Pagination, paged
from clipcast.common.problems import NotFound
from clipcast.common.schemas import UUID, Body, Meanings
from clipcast.connections import repository
from clipcast.connections.options import options_of, quotas_of
from clipcast.connections.schemas import PLATFORM, ConnectionOut
from clipcast.jobs.quotas import QuotaOut
from clipcast.platforms.base import Platform
from clipcast.platforms.registry import PLATFORMS

router = APIRouter(tags=["Connections"])
Reader = Annotated[Caller, Depends(needs("connections:read"))]
Writer = Annotated[Caller, Depends(needs("posts:write"))]
# The filter of lists by client.
ClientFilter = Annotated[
    str | None,
    Query(
        max_length=50,
        description="Only those of this client: its id, or `none` for those without one.",
        examples=["0198c7a4-6a0e-7cc1-9c5e-1f2d3c4b5a69"],
    ),
]


class ConnectionList(BaseModel):
    """A page of the workspace's connected accounts."""

    connections: Annotated[list[ConnectionOut], Field(description="Newest first.")]
    pagination: Annotated[Pagination, Field(description="The position of this page.")]


class UpdateConnection(Body):
    """A change of a connection."""

    client_id: Annotated[
        Annotated[str, Field(json_schema_extra=UUID)] | None, Field(description="The client that gets it; null: none.")
    ]


class ConnectionOptions(BaseModel):
    """What an account offers now."""

    platform: Annotated[str, PLATFORM]
    options: Annotated[
        dict[str, Any],
        Field(
            description="Lists of values, by the metadata field that each fills.",
            examples=[{"categoryId": [{"id": "22", "title": "People & Blogs"}]}],
        ),
    ]
    quotas: Annotated[list[QuotaOut], Field(description="The platform's limits that Clipcast counts.")]


class PlatformOut(BaseModel):
    """A platform and its rules."""

    name: Annotated[str, PLATFORM]
    title: Annotated[str, Field(description="The name that people read.", examples=["YouTube"])]
    docs_url: Annotated[
        str,
        Field(description="The platform's documentation.", examples=["https://developers.google.com/youtube/v3/docs"]),
    ]
    metadata_schema: Annotated[
        dict[str, Any],
        Field(
            description="The JSON Schema of an item's metadata.",
            examples=[{"type": "object", "properties": {"title": {"type": "string"}}}],
        ),
    ]
    media: Annotated[
        dict[str, Any],
        Field(
            description="Limits of the file. For a file that exceeds one, preflight returns an error, or a warning "
            "if `soft` names the limit.",
            examples=[{"max_size": 256000000000, "max_duration": 43200}],
        ),
    ]
    media_by_kind: Annotated[
        dict[str, dict[str, dict[str, Any]]],
        Field(
            description="Limits that depend on a metadata field: the field, its values, and the limits of each value.",
            examples=[{"mediaType": {"REELS": {"max_duration": 90}}}],
        ),
    ]


class PlatformList(BaseModel):
    """All platforms."""

    platforms: Annotated[list[PlatformOut], Field(description="In alphabetical order.")]


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
    platform: Annotated[
        Annotated[
            Literal[tuple(PLATFORMS)],  # type: ignore[valid-type]
            Meanings({name: f"{platform.title} accounts." for name, platform in PLATFORMS.items()}),
        ]
        | None,
        Query(description="Only accounts of this platform."),
    ] = None,
    client: ClientFilter = None,
) -> Any:
    """List the workspace's connected accounts, newest first.

    `needs_reconnect`: the account's owner must connect the account again. `disabled`: a person paused the account in
    the app. In both states, items that come due wait. The API does not connect accounts. People connect them in the
    app, or with a link from `clipcast connect`.
    """
    async with installation.database.session() as session:
        found, total = await repository.list_connections(
            session, caller.workspace_id, platform, page.offset, page.limit, client
        )
    return paged("connections", [ConnectionOut.model_validate(connection) for connection in found], page, total)


@router.get(
    "/connections/{connection_id}",
    operation_id="getConnection",
    summary="Get a connection",
    response_model=ConnectionOut,
)
async def get_connection(connection_id: str, installation: InstallationDep, caller: Reader) -> Any:
    """Return a connected account."""
    async with installation.database.session() as session:
        connection = await repository.get_connection(session, caller.workspace_id, connection_id)
    if connection is None:
        raise NotFound("connection", connection_id)
    return ConnectionOut.model_validate(connection)


@router.patch(
    "/connections/{connection_id}",
    operation_id="updateConnection",
    openapi_extra=documented(UpdateConnection),
    summary="Give an account to a client",
    response_model=ConnectionOut,
)
async def update_connection(
    connection_id: str,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[UpdateConnection, json_body(UpdateConnection)],
) -> Any:
    """Give a connected account to a client, or to none. Scheduled posts keep their times.

    403 `review_required`: posts of its client need an approval, and the key lacks the scope `reviews:decide`.
    """
    async with installation.database.begin() as session:
        await clients.assign_accounts(session, caller.workspace_id, body.client_id, [connection_id], caller.actor)
        connection = await repository.get_connection(session, caller.workspace_id, connection_id)
        return ConnectionOut.model_validate(connection)


@router.get(
    "/connections/{connection_id}/options",
    operation_id="getConnectionOptions",
    summary="Get the options of an account",
    response_model=ConnectionOptions,
)
async def get_connection_options(connection_id: str, installation: InstallationDep, caller: Reader) -> Any:
    """Request the account's current options from the platform.

    `options`: TikTok's privacy levels and switches, YouTube's categories and playlists, Pinterest's boards, and the
    posts that Instagram, Threads and Bluesky still allow today. Each list has the name of the metadata field that it
    fills.

    `quotas`: the use of each platform limit that Clipcast counts, for this account or for the whole app.

    409 `connection_not_usable`: the account must be connected again. 503: the platform does not respond.
    """
    async with installation.database.session() as session:
        connection = await repository.get_connection(session, caller.workspace_id, connection_id)
    if connection is None:
        raise NotFound("connection", connection_id)
    options = await options_of(installation, connection)
    quotas = await quotas_of(installation, connection)
    return ConnectionOptions(platform=connection.platform, options=options, quotas=quotas)


@router.get("/platforms", operation_id="listPlatforms", summary="List platforms", response_model=PlatformList)
async def list_platforms(_: Annotated[Caller, Depends(identify)]) -> Any:
    """List the platforms with the JSON Schema of their metadata and their limits for a file's picture, sound, layout.

    Units: sizes in bytes, durations in seconds, edges in displayed pixels, rates per second, bit rates in bits per
    second. An aspect is the width divided by the height. null: no limit is known. Preflight checks these limits.
    """
    return _platforms()


@cache
def _platforms() -> PlatformList:
    """Return the list of platforms, which is constant while the process runs."""
    platforms = [
        PlatformOut(
            name=platform.name,
            title=platform.title,
            docs_url=platform.docs_url,
            metadata_schema=platform.metadata.model_json_schema(by_alias=True),
            media=platform.media.as_dict(),
            media_by_kind=_by_kind(platform),
        )
        for platform in PLATFORMS.values()
    ]
    return PlatformList(platforms=platforms)


def _by_kind(platform: Platform[Any]) -> dict[str, Any]:
    if platform.media_kind_field is None:
        return {}
    name = platform.metadata.model_fields[platform.media_kind_field].alias or platform.media_kind_field
    return {name: {kind: rules.as_dict() for kind, rules in platform.media_kinds.items()}}
