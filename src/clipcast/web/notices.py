"""The page of a member's notices in the app, and the bell that counts the unread ones."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from clipcast.common.ids import parse_id
from clipcast.notices import inbox
from clipcast.web.forms import read_form
from clipcast.web.viewers import Looking

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}/notices")


@router.get("")
async def notices_page(member: Looking, show: str = "", before: Annotated[str, Query(max_length=40)] = "") -> Response:
    """Return the page of the member's notices, newest first."""
    only_unread = show == "unread"
    async with member.installation.database.begin() as session:
        channel_id = await inbox.inbox_of(session, member.user.id, member.workspace.id)
        found = await inbox.list_notices(session, channel_id, only_unread, parse_id(before))
        unread = await inbox.unread(session, member.user.id, member.workspace.id)
    return member.render(
        "notices.html",
        section="notices",
        notices=found[: inbox.PAGE],
        more=found[inbox.PAGE - 1].id if len(found) > inbox.PAGE else None,
        before=before,
        only_unread=only_unread,
        unread=unread,
    )


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
