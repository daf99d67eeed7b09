"""The page of a member's notices in the app, and the bell that counts the unread ones."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from clipcast.common.ids import parse_id
from clipcast.database.models.posts import Post
from clipcast.notices import inbox
from clipcast.posts.drafts import replacements
from clipcast.posts.lines import PostLine, lines_of
from clipcast.web.forms import read_form
from clipcast.web.viewers import Looking, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}/notices")


@router.get("")
async def notices_page(member: Looking, show: str = "", before: Annotated[str, Query(max_length=40)] = "") -> Response:
    """Return the page of the member's notices, newest first."""
    only_unread = show == "unread"
    async with member.installation.database.begin() as session:
        channel_id = await inbox.inbox_of(session, member.user.id, member.workspace.id)
        found = await inbox.list_notices(session, channel_id, only_unread, parse_id(before))
        unread = await inbox.unread(session, member.user.id, member.workspace.id)
        shown = await _with_posts(session, member, found[: inbox.PAGE])
    return member.render(
        "notices.html",
        section="notices",
        notices=shown,
        more=found[inbox.PAGE - 1].id if len(found) > inbox.PAGE else None,
        before=before,
        only_unread=only_unread,
        unread=unread,
    )


async def _with_posts(
    session: AsyncSession, member: Member, found: Sequence[inbox.Shown]
) -> list[tuple[inbox.Shown, PostLine | None]]:
    """Return each notice with the post that it is about, or with the one that replaced it by an edit."""
    mine = member.workspace.id
    ids = {one.post_id for one in found if one.post_id}
    lines = await _lines(session, mine, ids)
    replaced = await replacements(session, mine, ids - lines.keys()) if ids - lines.keys() else {}
    later = await _lines(session, mine, set(replaced.values()))
    shown = []
    for one in found:
        line = lines.get(one.post_id) if one.post_id else None
        if one.post_id in replaced and (line := later.get(replaced[one.post_id])):
            page = one.path.partition("#")[0].replace(str(one.post_id), str(line.id))
            one = replace(one, about=f"“{line.title}”", path=page)
        elif line and not one.title:
            one = replace(one, about=f"“{line.title}”")
        shown.append((one, line))
    return shown


async def _lines(session: AsyncSession, workspace_id: UUID, ids: Collection[UUID]) -> dict[UUID, PostLine]:
    query = select(Post).where(Post.workspace_id == workspace_id, Post.id.in_(ids))
    return {line.id: line for line in await lines_of(session, list(await session.scalars(query)))} if ids else {}


@router.get("/bell")
async def bell(member: Looking, here: bool = False) -> Response:
    """Return the link to the notices, with the number of unread ones. `here`: it is on the page of the notices."""
    return member.render("parts/bell.html", section="notices" if here else "")


@router.post("/read")
async def mark_read(member: Looking, request: Request) -> Response:
    """Mark notices as read: those of the form, or all without any."""
    ids = [id for text in (await read_form(request)).all("id") if (id := parse_id(text))]
    async with member.installation.database.begin() as session:
        channel_id = await inbox.inbox_of(session, member.user.id, member.workspace.id)
        await inbox.mark_read(session, channel_id, ids or None)
    return member.redirect("/notices")


@router.post("/{notice_id}/read")
async def mark_one_read(member: Looking, notice_id: str) -> Response:
    """Mark one notice as read: the page's script sends this when its link is followed."""
    async with member.installation.database.begin() as session:
        channel_id = await inbox.inbox_of(session, member.user.id, member.workspace.id)
        await inbox.mark_read(session, channel_id, [id for id in [parse_id(notice_id)] if id])
    return Response(status_code=204)
