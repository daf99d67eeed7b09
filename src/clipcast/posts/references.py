"""The renders and connections that a body names. Every POST /posts loads them, so the statements are hot."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from pydantic_core import from_json

from clipcast.common.media import FactsUnreadable, Media, stored_media
from clipcast.common.settings import Settings
from clipcast.database.hot_queries import Executor, Statement
from clipcast.jobs.claimed import OF_RENDER
from clipcast.posts.conversions import AUTO

log = structlog.get_logger()

RENDERS = Statement(f"""
    SELECT renders.edit_setting_id,
           CAST(CASE WHEN renditions.id IS NULL THEN clips.media
                     ELSE coalesce(renditions.media, renditions.expected) END AS text) AS media,
           coalesce(nullif(renders.key, ''), clips.sha256) AS content,
           {OF_RENDER["cover_at"]} AS cover_at, {OF_RENDER["captions_size"]} AS captions_size,
           {OF_RENDER["captions_language"]} AS captions_language, workspaces.conform
    FROM renders JOIN clips ON clips.id = renders.clip_id LEFT JOIN renditions ON renditions.id = renders.rendition_id
    JOIN workspaces ON workspaces.id = renders.workspace_id
    WHERE renders.workspace_id = :workspace_id AND renders.edit_setting_id = ANY(:ids)
""")  # noqa: S608 - constants of another file

CONNECTIONS = Statement("""
    SELECT connections.id, platform, CAST(profile AS text) AS profile, scopes, sandbox, status, status_reason,
           renewable, signed_in_until, username, client_id, workspaces.duplicates,
           (SELECT review_rule FROM clients WHERE clients.id = connections.client_id) AS review_rule
    FROM connections JOIN workspaces ON workspaces.id = connections.workspace_id
    WHERE workspace_id = :workspace_id AND connections.id = ANY(:ids) AND removed_at IS NULL
""")


@dataclass(frozen=True)
class ReferencedRender:
    """A render that a body names, as far as preflight needs it."""

    edit_setting_id: UUID
    media: Media | None
    # The stored media facts have a shape that this version cannot read, so `media` is None.
    is_unreadable: bool = False
    # What names its bytes: the SHA-256 of the clip, or of the clip and its changes.
    content: str | None = None
    # The time of its cover in seconds, and the bytes and language of the captions that posts send beside the video.
    cover_at: float | None = None
    captions_size: int | None = None
    captions_language: str | None = None
    # The workspace's choice, for videos that do not say it.
    conform: str = AUTO


@dataclass(frozen=True)
class ReferencedConnection:
    """A connection that a body names: the columns that decide whether it can be published to."""

    id: UUID
    platform: str
    profile: dict[str, Any]
    scopes: list[str]
    sandbox: bool
    status: str
    status_reason: str | None
    renewable: bool
    signed_in_until: datetime | None
    username: str
    client_id: UUID | None
    # What its workspace does about doubles.
    duplicates: str
    # The rule of review of its client (clients/review_rules.py); None without a client.
    review_rule: str | None = None


@dataclass(frozen=True)
class References:
    """The existing renders and connections of the workspace that a body names, by id."""

    renders: dict[UUID, ReferencedRender]
    connections: dict[UUID, ReferencedConnection]
    settings: Settings


async def load_references(
    executor: Executor,
    workspace_id: UUID,
    edit_ids: Collection[UUID],
    connection_ids: Collection[UUID],
    settings: Settings,
) -> References:
    renders = await executor.fetch(RENDERS, {"workspace_id": workspace_id, "ids": list(edit_ids)})
    connections = await executor.fetch(CONNECTIONS, {"workspace_id": workspace_id, "ids": list(connection_ids)})
    return References(
        {row["edit_setting_id"]: _referenced_render(**dict(row)) for row in renders},
        {row["id"]: ReferencedConnection(**dict(row) | {"profile": from_json(row["profile"])}) for row in connections},
        settings,
    )


def _referenced_render(edit_setting_id: UUID, media: str | None, **more: Any) -> ReferencedRender:
    try:
        return ReferencedRender(edit_setting_id, stored_media(from_json(media)) if media else None, **more)
    except FactsUnreadable as error:
        log.error("clip_not_read", edit_id=str(edit_setting_id), reason=str(error))
        return ReferencedRender(edit_setting_id, None, is_unreadable=True)
