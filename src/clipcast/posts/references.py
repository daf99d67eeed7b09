"""What a workspace has of the clips and accounts that a body names. Every POST /posts asks for it: hot statements."""

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

log = structlog.get_logger()

RENDERS = Statement("""
    SELECT renders.edit_setting_id, CAST(clips.media AS text) AS media
    FROM renders JOIN clips ON clips.id = renders.clip_id
    WHERE renders.workspace_id = :workspace_id AND renders.edit_setting_id = ANY(:ids)
""")

CONNECTIONS = Statement("""
    SELECT id, platform, CAST(profile AS text) AS profile, scopes, sandbox, status, status_reason, renewable,
           signed_in_until
    FROM connections
    WHERE workspace_id = :workspace_id AND id = ANY(:ids) AND removed_at IS NULL
""")


@dataclass(frozen=True)
class KnownRender:
    edit_setting_id: UUID
    media: Media | None
    # What the probe found is stored in a shape that this version does not know, so `media` is None.
    is_unreadable: bool = False


@dataclass(frozen=True)
class KnownConnection:
    """Of a connection, what decides whether something may be posted to it. The columns are those of the table."""

    id: UUID
    platform: str
    profile: dict[str, Any]
    scopes: list[str]
    sandbox: bool
    status: str
    status_reason: str | None
    renewable: bool
    signed_in_until: datetime | None


@dataclass(frozen=True)
class References:
    renders: dict[UUID, KnownRender]
    connections: dict[UUID, KnownConnection]
    settings: Settings


async def load_known(
    sender: Executor,
    workspace_id: UUID,
    edit_ids: Collection[UUID],
    connection_ids: Collection[UUID],
    settings: Settings,
) -> References:
    renders = await sender.fetch(RENDERS, {"workspace_id": workspace_id, "ids": list(edit_ids)})
    connections = await sender.fetch(CONNECTIONS, {"workspace_id": workspace_id, "ids": list(connection_ids)})
    return References(
        {id: _known_render(id, facts) for id, facts in renders},
        {row["id"]: KnownConnection(**dict(row) | {"profile": from_json(row["profile"])}) for row in connections},
        settings,
    )


def _known_render(edit_id: UUID, facts: str | None) -> KnownRender:
    try:
        return KnownRender(edit_id, stored_media(from_json(facts)) if facts else None)
    except FactsUnreadable as error:
        log.error("clip_not_read", edit_id=str(edit_id), reason=str(error))
        return KnownRender(edit_id, None, is_unreadable=True)
