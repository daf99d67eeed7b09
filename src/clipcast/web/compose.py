"""Drafts: Clipcast saves them as a person types, checks them as POST /posts does, and sends them once."""

from copy import deepcopy
from dataclasses import replace
from itertools import groupby
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from markupsafe import escape
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import JSONResponse, RedirectResponse, Response

from clipcast.api.numbers import PLAIN_WHOLE
from clipcast.clips.library import UNPOSTED, LibraryFilter, list_library
from clipcast.common.ids import new_id, parse_id
from clipcast.common.problems import NotFound, ValidationFailed
from clipcast.common.timestamps import parse_instant
from clipcast.connections.account_rows import list_account_rows
from clipcast.database.models.clips import Render
from clipcast.database.models.posts import Draft
from clipcast.posts import drafts, post_templates
from clipcast.posts.duplicates import DuplicateContent
from clipcast.posts.last_settings import drop_defaults
from clipcast.posts.planning import NEXT, POSTS_MAX
from clipcast.posts.reviewing import clients_of_accounts
from clipcast.posts.schemas import MAX_TARGETS
from clipcast.renders.repository import list_renders, renders_by_edit_id
from clipcast.web import compose_accounts, compose_page, compose_templates, edit_conflicts, previews, times
from clipcast.web.clip_library import known_media_of
from clipcast.web.clips import fits_of
from clipcast.web.composition import (
    FIELDS_MAX,
    Composition,
    choose_time,
    load_composition,
    read_composition,
    read_time,
)
from clipcast.web.forms import read_form
from clipcast.web.pages import headers
from clipcast.web.remembering import remember
from clipcast.web.reviews import review_choices
from clipcast.web.sending import PlanChanged, ReplacedMeanwhile, path_of_made, send_draft, sent_path
from clipcast.web.stored import DATA_TROUBLE, unreadable
from clipcast.web.viewers import Editing, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")
router.include_router(compose_accounts.router)
router.include_router(compose_templates.router)

# The most clips of a draft that fills free posting times.
Fill = Annotated[Annotated[int, Field(ge=0, le=POSTS_MAX)], PLAIN_WHOLE, Query()]
# The library offers the newest clips, and finds older ones by name.
CLIPS_SHOWN = 24


@router.get("/compose")
async def new_draft(
    member: Editing, clip: str | None = None, at: str | None = None, client: str | None = None, fill: Fill = 0
) -> Response:
    """Redirect to a new draft. It is stored when a person first types something."""
    given = {"clip": clip, "at": at, "client": client, "fill": fill}
    query = urlencode({name: value for name, value in given.items() if value})
    return RedirectResponse(f"{member.base}/compose/{new_id()}" + (f"?{query}" if query else ""), 303)


@router.get("/compose/library/clips")
async def library(member: Editing, find: Annotated[str, Query(max_length=200)] = "", edit: str = "") -> Response:
    """Return the newest clips whose names contain the text, to choose from; only the clip `edit` if it is given."""
    mine = member.workspace.id
    async with member.installation.database.session() as session:
        if edit:
            one = parse_id(edit)
            clips = list((await renders_by_edit_id(session, mine, [one] if one else [])).values())
            total = len(clips)
        else:
            clips, total = await list_renders(session, mine, "completed", 0, CLIPS_SHOWN, find.strip())
    return member.render(
        "compose/library.html",
        clips=clips,
        days=_by_day(clips, find.strip(), member.zone),
        find=find.strip(),
        more=total - len(clips),
        media_of=known_media_of,
    )


def _by_day(clips: list[Render], find: str, zone: ZoneInfo) -> list[tuple[str, list[Render]]]:
    """Return the clips under the day on which they came; all under one heading if a search found them."""
    if find:
        return [("Found", clips)] if clips else []
    days = groupby(clips, lambda one: one.created_at.astimezone(zone).date())
    return [(times.day_title(day, zone), list(of_day)) for day, of_day in days]


@router.post("/compose/{draft_id}/reviewers")
async def reviewers(member: Editing, request: Request) -> Response:
    """Return who can approve posts to the chosen accounts, with what the form has chosen of them."""
    form = await read_form(request, FIELDS_MAX)
    accounts = [id for text in form.all("account") if (id := parse_id(text))]
    async with member.installation.database.session() as session:
        offered = await review_choices(session, member, await clients_of_accounts(session, accounts))
    return member.render("compose/reviewers.html", form=form, **offered)


@router.get("/compose/{draft_id}")
async def draft_page(
    member: Editing,
    draft_id: str,
    request: Request,
    clip: str | None = None,
    at: str | None = None,
    client: str | None = None,
    fill: Fill = 0,
) -> Response:
    """Return the compose page of a draft. A draft that was sent redirects to its post."""
    async with member.installation.database.session() as session:
        draft = await session.get(Draft, _id(draft_id))
        if draft is not None and draft.workspace_id != member.workspace.id:
            raise NotFound("draft", draft_id)
        if draft is not None and draft.post_id:
            return member.redirect(sent_path(draft))
        waiting = await drafts.number_of_unsent(session, member.workspace.id)
    try:
        async with member.installation.database.session() as session:
            content = drafts.read(draft.content) if draft else await _begin(member, session, clip, at, client, fill)
        if draft is None:
            (await remember(member, request, content["accounts"], content["accounts"])).fill(content)
        async with member.installation.database.session() as session:
            composition = await load_composition(member, session, content, read_time(member, content))
            await choose_time(member, session, composition)
        composition.page, composition.version = str(new_id()), draft.version if draft else 0
        return await compose_page.show(member, request, composition, draft_id, waiting=waiting)
    except DATA_TROUBLE:
        if draft is None:
            raise
        return unreadable(member, "draft", draft.content, "/drafts", f"/compose/{draft.id}/delete")


async def _begin(
    member: Member, session: AsyncSession, clip: str | None, at: str | None, client: str | None, fill: int
) -> dict[str, Any]:
    """Return the content of a new draft: the clip, the time and the client's usable accounts that the address names.

    With `fill`, at most so many clips that were not posted yet go out at the next free posting times.
    """
    content = deepcopy(drafts.EMPTY) | {"clips": [clip[:40]] if clip else []}
    if client and (client_id := parse_id(client)):
        rows = await list_account_rows(session, member.workspace.id)
        chosen = [str(one.id) for one in rows if one.client_id == client_id and one.status == "active"]
        content["accounts"] = chosen[:MAX_TARGETS]
    if fill:
        unposted, _ = await list_library(session, member.workspace.id, LibraryFilter(UNPOSTED), None, fill)
        content["clips"] = [str(one.edit_setting_id) for one in reversed(unposted)]
        return content | {"later": True, "plan": NEXT}
    return content | ({"later": True, "at": _local(at, member.zone)} if at else {"auto_when": True})


def _local(at: str, zone: ZoneInfo) -> str:
    """Return a time with an offset as a local time in the zone, and any other text as it is."""
    try:
        return times.to_input(parse_instant(at), zone)
    except ValueError:
        return at[:40]


@router.post("/compose/{draft_id}")
async def save(member: Editing, draft_id: str, request: Request) -> Response:
    """Save the form. Return the checks, the counters and the preview, and the fields if others are needed."""
    try:
        async with member.installation.database.begin() as session:
            composition = await _save(member, session, draft_id, request)
    except drafts.DraftConflict as conflict:
        return await _show_conflict(member, request, draft_id, conflict.stored)
    return await compose_page.show(member, request, composition, draft_id)


@router.post("/compose/{draft_id}/send")
async def send(member: Editing, draft_id: str, request: Request, again: bool = False) -> Response:
    """Create the post. A repeated request returns the same post: a draft is posted once.

    The page first asks whether to post the same clip and words again for an account. `again` confirms it. With the
    query parameter `review`, the form's reviewers must approve it first. If the posts would not be those that the page
    showed, nothing is created: the page shows the new plan.
    """
    try:
        async with member.installation.database.begin() as session:
            composition = await _save(member, session, draft_id, request)
            draft = await drafts.get_draft(session, member.workspace.id, draft_id)  # saving has locked it
            made = await send_draft(member, session, draft, composition, again)
            path = await path_of_made(member, session, draft, made)
    except drafts.DraftConflict as conflict:
        return await _show_conflict(member, request, draft_id, conflict.stored)
    except (ValidationFailed, ReplacedMeanwhile, PlanChanged, DuplicateContent) as error:
        async with member.installation.database.begin() as session:
            composition = await _save(member, session, draft_id, request)
        asks, replanned = isinstance(error, DuplicateContent), isinstance(error, PlanChanged)
        rejected = not (asks or replanned)
        return await compose_page.show(
            member, request, composition, draft_id, rejected=rejected, asks=asks, replanned=replanned
        )
    return _to(member, path)


@router.post("/compose/{draft_id}/use/{template_id}")
async def use_template(member: Editing, draft_id: str, template_id: str, request: Request) -> Response:
    """Save the form with the words, accounts and settings of a template, and show the draft anew."""
    try:
        async with member.installation.database.begin() as session:
            composition = await _save(member, session, draft_id, request)
            template = await post_templates.get_template(session, member.workspace.id, template_id)
        content = post_templates.with_template(composition.content, template.content)
        (await remember(member, request, content["accounts"], content["accounts"])).fill(content)
        drop_defaults(content)
        async with member.installation.database.begin() as session:
            # As another page: a save of the page that is left finds another version.
            edit = drafts.Edit(composition.version, str(new_id()), member.user.name, member.user.id)
            await drafts.save_draft(session, member.workspace.id, _id(draft_id), content, edit)
    except drafts.DraftConflict as conflict:
        return await _show_conflict(member, request, draft_id, conflict.stored)
    return _to(member, f"/compose/{draft_id}")


@router.post("/compose/{draft_id}/grid")
async def grid(member: Editing, request: Request) -> Response:
    """Return the grid of the chosen clips and accounts."""
    async with member.installation.database.session() as session:
        composition = await read_composition(member, session, request)
    fits = {str(one.edit_setting_id): fits_of(one) for one in composition.clips}
    return member.render("compose/grid.html", composition=composition, content=composition.content, fits=fits)


@router.post("/compose/{draft_id}/curl")
async def curl(member: Editing, request: Request) -> Response:
    """Return the post as a curl command, as text."""
    async with member.installation.database.session() as session:
        composition = await read_composition(member, session, request)
    shown = previews.curl(member.installation.settings.public_base, composition.body())
    return Response(escape(shown), media_type="text/html", headers=headers())


@router.post("/compose/{draft_id}/fork")
async def fork(member: Editing, draft_id: str, request: Request) -> Response:
    """Save the form as a new draft, beside the one that another person saved, sent or deleted."""
    return _to(member, await _fork(member, draft_id, request))


@router.post("/compose/{draft_id}/holds")
async def holds(member: Editing, draft_id: str, request: Request) -> Response:
    """Return whether the draft has, or had, the content of this form, and whether it is gone otherwise. Change nothing.

    No list shows a draft that was deleted, sent or never stored.
    """
    async with member.installation.database.session() as session:
        composition = await read_composition(member, session, request)
        stored = await _stored(member, session, draft_id)
    found = stored is not None and _holds(stored, composition)
    is_gone = not found and (stored is None or stored.post_id is not None)
    return JSONResponse({"holds": found, "is_gone": is_gone}, headers=headers())


@router.post("/compose/{draft_id}/newer")
async def newer(member: Editing, draft_id: str, request: Request) -> Response:
    """Return the page with both versions if another page has changed the draft, or the post that it replaces.

    Otherwise return 204. Change nothing.
    """
    form = await read_form(request, FIELDS_MAX)
    version = edit_conflicts.version_in(form.line("version")) or 0
    async with member.installation.database.session() as session:
        stored = await _stored(member, session, draft_id)
        if stored is None:
            is_newer = version > 0
        else:
            is_newer = stored.saved_from != form.line("page") and (stored.version, stored.post_id) != (version, None)
        if not is_newer and not form.line("replaces"):
            return Response(status_code=204, headers=headers())
        composition = await read_composition(member, session, request)
        conflict = await edit_conflicts.of_replaced(session, member, composition.content)
    if is_newer:
        content = composition.content
        conflict = edit_conflicts.of_draft(stored, member.user.id) if stored else edit_conflicts.of_deleted(content)
    if conflict is None:
        return Response(status_code=204, headers=headers())
    conflict = replace(conflict, has_unsaved=False)
    return await compose_page.show(member, request, composition, draft_id, conflict=conflict)


@router.post("/compose/{draft_id}/restore")
async def restore(member: Editing, draft_id: str, request: Request) -> Response:
    """Save a form that its page could not send before it was left; return the path and the version of its draft.

    A form that the draft has, or had when its page last saved it, changes nothing. If another page has saved, sent or
    deleted the draft meanwhile, any other form becomes a new draft.
    """
    path = f"/compose/{draft_id}"
    try:
        async with member.installation.database.begin() as session:
            composition = await read_composition(member, session, request)
            stored = await _stored(member, session, draft_id)
            if stored is not None and _holds(stored, composition):
                version = stored.version
            else:
                version = (await _save(member, session, draft_id, request)).version
    except drafts.DraftConflict:
        path, version = await _fork(member, draft_id, request), 1
    return JSONResponse({"path": member.base + path, "version": version}, headers=headers())


async def _stored(member: Member, session: AsyncSession, draft_id: str) -> Draft | None:
    query = select(Draft).where(Draft.workspace_id == member.workspace.id, Draft.id == _id(draft_id))
    return (await session.scalars(query)).one_or_none()


def _holds(stored: Draft, composition: Composition) -> bool:
    """Return whether the draft has this content, or had it when its page last saved it."""
    content = composition.content
    return stored.content == content or drafts.has_saved(stored, composition.page, content)


async def _fork(member: Member, draft_id: str, request: Request) -> str:
    """Save the form as a new draft, and return its path."""
    async with member.installation.database.begin() as session:
        composition = await read_composition(member, session, request)
        stored = await session.get(Draft, _id(draft_id))
        if stored is not None and stored.post_id is not None:
            composition.content |= {"replaces": None, "replaces_version": None}
        made = await drafts.new_draft(session, member.workspace.id, composition.content)
        made.saved_by, made.author_id = member.user.name, member.user.id
    return f"/compose/{made.id}"


def _to(member: Member, path: str) -> Response:
    return Response(status_code=204, headers={"HX-Redirect": member.base + path})


async def _show_conflict(member: Member, request: Request, draft_id: str, stored: Draft | None) -> Response:
    """Return the page with both versions. A draft that was sent redirects to its post, unless this page differs."""
    async with member.installation.database.session() as session:
        composition = await read_composition(member, session, request)
    if stored is None:
        deleted = edit_conflicts.of_deleted(composition.content)
        return await compose_page.show(member, request, composition, draft_id, conflict=deleted)
    conflict = edit_conflicts.of_draft(stored, member.user.id)
    own = not composition.page or stored.saved_from == composition.page
    if stored.post_id and (own or not edit_conflicts.differs(conflict.content, composition.content)):
        return _to(member, sent_path(stored))
    return await compose_page.show(member, request, composition, draft_id, conflict=conflict)


@router.post("/compose/{draft_id}/delete")
async def delete(member: Editing, draft_id: str) -> Response:
    """Delete the draft. One that was sent stays, for the Undo of its posts, and redirects to them."""
    async with member.installation.database.begin() as session:
        draft = await drafts.get_draft(session, member.workspace.id, draft_id, lock=True)
        if draft.post_id is not None:
            return member.redirect(sent_path(draft))
        await session.delete(draft)
    return member.redirect("/drafts")


def _id(draft_id: str) -> UUID:
    if (found := parse_id(draft_id)) is None:
        raise NotFound("draft", draft_id)
    return found


async def _save(member: Member, session: AsyncSession, draft_id: str, request: Request) -> Composition:
    """Save the form to the draft. The query parameter `over` names a version to overwrite.

    Raises DraftConflict if another page has saved, sent or deleted the draft.
    """
    composition = await read_composition(member, session, request)
    read = edit_conflicts.version_in(request.query_params.get("over", ""))
    edit = None
    if composition.page:
        version = composition.version if read is None else read
        edit = drafts.Edit(version, composition.page, member.user.name, member.user.id)
    version = await drafts.save_draft(session, member.workspace.id, _id(draft_id), composition.content, edit)
    composition.version = version
    return composition
