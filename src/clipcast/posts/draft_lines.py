"""Drafts as lists show them, beside posts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clips.pictures import picture_version
from clipcast.common.ids import parse_id
from clipcast.common.timestamps import parse_instant
from clipcast.connections.repository import connections_by_id
from clipcast.database.models.clips import Render
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Draft
from clipcast.posts import drafts
from clipcast.posts.lines import MARKS_MAX, PICTURES_MAX, Mark, Picture, PostLine
from clipcast.posts.titles import first_line
from clipcast.renders.repository import renders_by_edit_id

log = structlog.get_logger()


async def draft_lines(
    session: AsyncSession, workspace_id: UUID, found: Sequence[Draft]
) -> list[tuple[PostLine, list[Connection]]]:
    """Return the line of each draft with its connected accounts, in order. Leave out and log unreadable drafts."""
    readable = [(draft, content) for draft in found if (content := _content(draft)) is not None]
    account_ids = {id for _, content in readable for text in content["accounts"] if (id := parse_id(text))}
    edit_ids = {id for _, content in readable for text in content["clips"] if (id := parse_id(text))}
    accounts = await connections_by_id(session, workspace_id, list(account_ids)) if account_ids else {}
    renders = await renders_by_edit_id(session, workspace_id, list(edit_ids)) if edit_ids else {}
    lines = []
    for draft, content in readable:
        own = [accounts[id] for text in content["accounts"] if (id := parse_id(text)) in accounts]
        clips = [renders[id] for text in content["clips"] if (id := parse_id(text)) in renders]
        at = planned_at(content)
        line = PostLine(
            draft.id,
            draft.version,
            at,
            at or draft.created_at,
            _title(content, clips),
            "draft",
            {},
            [Mark(one.platform, one.username, "draft", 1, 0) for one in own[:MARKS_MAX]],
            len(own),
            [_picture(one) for one in clips[:PICTURES_MAX]],
            len(clips),
        )
        lines.append((line, own))
    return lines


def planned_at(content: dict[str, Any]) -> datetime | None:
    """Return the time for which a draft is planned; None without one."""
    return parse_instant(content["scheduled_at"]) if content["later"] and content["scheduled_at"] else None


def _content(draft: Draft) -> dict[str, Any] | None:
    try:
        return drafts.read(draft.content)
    except drafts.DraftUnreadable:
        log.exception("entry_not_shown", what="A draft", draft_id=str(draft.id))
        return None


def _title(content: dict[str, Any], clips: Sequence[Render]) -> str:
    texts = [content, *content["by_clip"].values(), *content["by_platform"].values(), *content["by_account"].values()]
    words = [str(one[name]) for one in texts for name in ("text", "title") if one.get(name)]
    return first_line(*words, clips[0].name if clips else "Draft without a clip")


def _picture(render: Render) -> Picture:
    thumbnail = (render.rendition and render.rendition.thumbnail_key) or render.clip.thumbnail_key
    return Picture(render.id, render.name, picture_version(thumbnail) if thumbnail else "")
