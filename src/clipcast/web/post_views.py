"""The saved views and the labels of the list of posts."""

from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from clipcast.common.problems import AppError, ValidationFailed
from clipcast.posts import labels, views
from clipcast.web.forms import read_form
from clipcast.web.posts import FILTERS
from clipcast.web.viewers import Editing, Looking

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}/posts")


@router.post("/views")
async def save_view(member: Looking, request: Request) -> Response:
    """Save the filters of the list under a name, for the member or for all."""
    form = await read_form(request)
    chosen = [(name, value) for name, value in parse_qsl(form.one("query")) if name in FILTERS]
    for_all = form.one("for_all") == "on"
    if for_all and not member.may("editor"):
        raise AppError(403, "role_missing", "This needs the role editor. Save the view for yourself.")
    if for_all and member.is_limited:
        raise AppError(403, "limited_to_clients", "You see some clients only. Save the view for yourself.")
    try:
        async with member.installation.database.begin() as session:
            view = await views.save_view(
                session, member.workspace.id, None if for_all else member.user.id, form.line("name"), urlencode(chosen)
            )
            if for_all:
                member.record(session, "view.saved", view.name, view.id)
            address = f"/posts?{view.query}"
    except ValidationFailed as failed:
        raise AppError(422, failed.code, " ".join(problem.message for problem in failed.errors)) from None
    return member.redirect(address)


@router.post("/views/{view_id}/delete")
async def delete_view(member: Looking, view_id: str) -> Response:
    """Remove a view: a member's own, or, for editors, one of all members."""
    async with member.installation.database.begin() as session:
        view = await views.delete_view(session, member.workspace.id, member.user.id, view_id)
        if view.user_id is None:
            if not member.may("editor"):
                raise AppError(403, "role_missing", "This needs the role editor. Ask an editor to remove the view.")
            member.record(session, "view.deleted", view.name)
        query = view.query
    return member.redirect(f"/posts?{query}")


@router.post("/labels/{label_id}/delete")
async def delete_label(member: Editing, label_id: str) -> Response:
    """Delete a label. The posts that have it stay."""
    async with member.installation.database.begin() as session:
        await labels.delete_label(session, member.workspace.id, label_id, member.actor)
    return member.redirect("/posts")
