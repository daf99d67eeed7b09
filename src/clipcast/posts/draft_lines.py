"""Drafts as lists show them, beside posts."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, Text, cast, exists, func, literal, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY, JSONPATH
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clips.pictures import picture_version
from clipcast.common.ids import parse_id
from clipcast.common.timestamps import parse_instant
from clipcast.connections.repository import connections_by_id
from clipcast.database import among, page_of
from clipcast.database.models.clients import Client
from clipcast.database.models.clips import Render
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Draft
from clipcast.posts import drafts
from clipcast.posts.captions import FIELDS
from clipcast.posts.lines import MARKS_MAX, PICTURES_MAX, Mark, Picture, PostLine
from clipcast.posts.listing import escaped
from clipcast.posts.titles import first_line
from clipcast.renders.repository import renders_by_edit_id

log = structlog.get_logger()

# The names of captions in a draft's content, then that of titles.
SAID = sorted(FIELDS, key=lambda name: name == "title")


async def search(
    session: AsyncSession,
    workspace_id: UUID,
    words: str,
    offset: int,
    limit: int,
    connection_ids: Collection[UUID] | None = None,
) -> tuple[list[Draft], int]:
    """Return a page of the unsent drafts, newest first, and the number of all.

    With words, only those that have them, in this order, in a caption or title, or in the name of a clip or an account.
    With `connection_ids`, only those for one of these accounts.
    """
    query = drafts.unsent(workspace_id)
    if connection_ids is not None:
        chosen = literal([str(id) for id in connection_ids], ARRAY(Text))
        query = query.where(Draft.content["accounts"].has_any(chosen))
    if words.strip():
        pattern = f"%{'%'.join(escaped(word) for word in words.split())}%"
        clips = select(cast(Render.edit_setting_id, Text)).where(
            Render.workspace_id == workspace_id, Render.name.ilike(pattern)
        )
        handles = Connection.username.ilike(pattern) | Connection.display_name.ilike(pattern)
        accounts = select(cast(Connection.id, Text)).where(Connection.workspace_id == workspace_id, handles)
        said = [_says(name, pattern) for name in SAID]
        # The database finds the ids once for all drafts.
        clip, account = (func.array(ids.scalar_subquery(), type_=ARRAY(Text)) for ids in (clips, accounts))
        has = Draft.content["clips"].has_any(clip), Draft.content["accounts"].has_any(account)
        query = query.where(or_(*said, *has))
    return await page_of(session, query.order_by(Draft.id.desc()), offset, limit)


def _says(name: str, pattern: str) -> ColumnElement[bool]:
    """Return whether a text of this name in a draft's content, for all accounts or for some, is like the pattern."""
    texts = func.jsonb_path_query_array(Draft.content, cast(f"$.**.{name}", JSONPATH))
    said = func.jsonb_array_elements_text(texts, type_=Text).column_valued("said")
    return exists(select(true()).where(said.ilike(pattern)))


async def draft_lines(
    session: AsyncSession, workspace_id: UUID, found: Sequence[Draft]
) -> list[tuple[PostLine, list[Connection]]]:
    """Return the line of each draft with its connected accounts, in order. Leave out and log unreadable drafts."""
    readable = [(draft, content) for draft in found if (content := _content(draft)) is not None]
    account_ids = {id for _, content in readable for text in content["accounts"] if (id := parse_id(text))}
    edit_ids = {id for _, content in readable for text in content["clips"] if (id := parse_id(text))}
    accounts = await connections_by_id(session, workspace_id, list(account_ids)) if account_ids else {}
    renders = await renders_by_edit_id(session, workspace_id, list(edit_ids)) if edit_ids else {}
    named = {one.client_id for one in accounts.values() if one.client_id}
    query = select(Client).where(among(Client.id, named))
    clients = {one.id: one for one in await session.scalars(query)} if named else {}
    lines = []
    for draft, content in readable:
        own = [accounts[id] for text in content["accounts"] if (id := parse_id(text)) in accounts]
        clips = [renders[id] for text in content["clips"] if (id := parse_id(text)) in renders]
        at = planned_at(content)
        of = {one.client_id for one in own}
        client_id = of.pop() if len(of) == 1 else None
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
            clients.get(client_id) if client_id else None,
            len(of) > 1,
            author=draft.saved_by,
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
    of_some = [one for name in ("by_clip", "by_platform", "by_account", "by_cell") for one in content[name].values()]
    words = [str(one[name]) for one in (content, *of_some) for name in SAID if one.get(name)]
    return first_line(*words, clips[0].name if clips else "Draft without a clip")


def _picture(render: Render) -> Picture:
    thumbnail = (render.rendition and render.rendition.thumbnail_key) or render.clip.thumbnail_key
    return Picture(render.id, render.name, picture_version(thumbnail) if thumbnail else "")
