"""Composing a post: a draft that is saved as it is typed, checked as POST /posts checks, and sent as that sends."""

import asyncio
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from clipcast.api.pagination import PageParams
from clipcast.clips.repository import list_renders, renders_by_edit_id
from clipcast.common.ids import new_id, parse_id
from clipcast.common.pagination import pagination
from clipcast.common.problems import AppError, NotFound, Problem, ValidationFailed
from clipcast.common.timestamps import format_timestamp, parse_instant
from clipcast.common.versions import VersionMismatch, if_version
from clipcast.connections.options import OptionsCache
from clipcast.connections.repository import CHOICES, connections_by_id, list_choices
from clipcast.database.hot_queries import from_session
from clipcast.database.models.clips import Render
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Draft
from clipcast.platforms.base import Platform
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import drafts, repository, service
from clipcast.posts.account_checks import check_accounts
from clipcast.posts.linked_files import FilesCache, check_files
from clipcast.posts.preflight import check_post
from clipcast.web import edit_conflicts, forms, previews, times
from clipcast.web.clips import fits_of
from clipcast.web.edit_conflicts import Conflict, Difference, Names
from clipcast.web.field_errors import FieldError, field_errors
from clipcast.web.stored import DATA_TROUBLE, unreadable
from clipcast.web.viewers import Editing, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

# Clips to choose from; those that were chosen are there, too.
CLIPS_SHOWN = 24
# A form of as many clips and accounts as a post may have; each cell is two fields.
FIELDS_MAX = 20_000


@dataclass
class Desk:
    """What is on the compose page: the draft's content, and what it speaks of."""

    content: dict[str, Any]
    clips: list[Render] = field(default_factory=list)
    accounts: list[Connection] = field(default_factory=list)
    # There are clips that are not among these; and what their names were searched for.
    older: bool = False
    find: str = ""
    # What is wrong with what was typed, by the field's name, whatever preflight says.
    typed_problems: dict[str, str] = field(default_factory=dict)
    # Which opened page this is, and the draft's version that it has read, or saved.
    page: str = ""
    version: int = 0

    @property
    def chosen_clips(self) -> list[Render]:
        by_id = {str(clip.edit_setting_id): clip for clip in self.clips}
        return [by_id[id] for id in self.content["clips"] if id in by_id]

    @property
    def chosen_accounts(self) -> list[Connection]:
        by_id = {str(account.id): account for account in self.accounts}
        return [by_id[id] for id in self.content["accounts"] if id in by_id]

    @property
    def gone_clips(self) -> list[str]:
        """Chosen ones that there are no longer. They stay chosen until somebody unticks them: nothing is left out
        without a word."""
        known = {str(clip.edit_setting_id) for clip in self.clips}
        return [id for id in self.content["clips"] if id not in known]

    @property
    def gone_accounts(self) -> list[str]:
        known = {str(account.id) for account in self.accounts}
        return [id for id in self.content["accounts"] if id not in known]

    def cells_of(self, account: Connection) -> list[tuple[str, Render]]:
        """The account's targets: the name of each in the draft, and its clip."""
        return [(drafts.cell(str(clip.edit_setting_id), str(account.id)), clip) for clip in self.chosen_clips]

    @property
    def platforms(self) -> dict[str, list[Connection]]:
        """The chosen accounts by platform, in the platforms' own order."""
        chosen = self.chosen_accounts
        found = {name: [one for one in chosen if one.platform == name] for name in PLATFORMS}
        return {name: accounts for name, accounts in found.items() if accounts}

    def problems(self) -> dict[str, str]:
        """What is wrong with the draft itself, by the field's name; a post cannot be made of it."""
        found = {}
        if gone := self.gone_clips:
            found["clip"] = f"{_number(len(gone), 'chosen clip')} not here any more. Untick what was deleted."
        if gone := self.gone_accounts:
            found["account"] = f"{_number(len(gone), 'chosen account')} not connected any more. Untick what is gone."
        return found | self.typed_problems

    def body(self) -> dict[str, Any]:
        return drafts.body(self.content, {str(account.id): account for account in self.accounts})


def _number(count: int, what: str) -> str:
    return f"1 {what} is" if count == 1 else f"{count} {what}s are"


async def _desk(
    member: Member,
    session: AsyncSession,
    content: dict[str, Any],
    problems: dict[str, str] | None = None,
    find: str = "",
) -> Desk:
    mine = member.workspace.id
    newest, total = await list_renders(session, mine, "completed", 0, CLIPS_SHOWN, find)
    chosen = await renders_by_edit_id(session, mine, [id for text in content["clips"] if (id := parse_id(text))])
    clips = [*(one for one in chosen.values() if one.id not in {clip.id for clip in newest}), *newest]
    accounts = await list_choices(session, mine)
    listed = {str(account.id) for account in accounts}
    others = [id for text in content["accounts"] if text not in listed and (id := parse_id(text))]
    accounts = [*(await connections_by_id(session, mine, others)).values(), *accounts]
    return Desk(content, clips, accounts, total > len(newest), find, problems or {})


@router.get("/compose")
async def compose_page(member: Editing, clip: str | None = None, at: str | None = None) -> Response:
    """A new draft, which begins to exist once something is typed."""
    query = urlencode({name: value for name, value in (("clip", clip), ("at", at)) if value})
    return RedirectResponse(f"{member.base}/compose/{new_id()}" + (f"?{query}" if query else ""), 303)


@router.get("/drafts")
async def drafts_page(member: Editing, page: Annotated[PageParams, Depends()]) -> Response:
    async with member.installation.database.session() as session:
        found, total = await drafts.list_drafts(session, member.workspace.id, page.offset, page.limit)
    return member.render(
        "drafts.html", section="compose", drafts=found, read=drafts.read, pagination=pagination(page, total)
    )


@router.get("/compose/{draft_id}")
async def draft_page(
    member: Editing, draft_id: str, request: Request, clip: str | None = None, at: str | None = None
) -> Response:
    async with member.installation.database.session() as session:
        draft = await session.get(Draft, _id(draft_id))
        if draft is not None and draft.workspace_id != member.workspace.id:
            raise NotFound("draft", draft_id)
        if draft is not None and draft.post_id:
            return member.redirect(f"/posts/{draft.post_id}")
        _, waiting = await drafts.list_drafts(session, member.workspace.id, 0, 1)
    try:
        content = drafts.read(draft.content) if draft else _begin(clip, at)
        async with member.installation.database.session() as session:
            desk = await _desk(member, session, content, _read_time(member, content))
        desk.page, desk.version = str(new_id()), draft.version if draft else 0
        return await _show(member, request, desk, draft_id, waiting)
    except DATA_TROUBLE:
        if draft is None:
            raise
        return unreadable(member, "draft", draft.content, "/drafts", f"/compose/{draft.id}/delete")


def _begin(clip: str | None, at: str | None) -> dict[str, Any]:
    """The content of a new draft, with what the address asks for."""
    content = deepcopy(drafts.EMPTY) | {"clips": [clip[:40]] if clip else []}
    return content | ({"later": True, "at": at[:40]} if at else {})


@router.post("/compose/{draft_id}")
async def save(member: Editing, draft_id: str, request: Request) -> Response:
    """Keeps what was typed, and shows what it comes to."""
    try:
        async with member.installation.database.begin() as session:
            desk = await _save(member, session, draft_id, request)
    except drafts.DraftConflict as conflict:
        return await _show_conflict(member, request, draft_id, conflict.stored)
    return await _show(member, request, desk, draft_id)


@router.post("/compose/{draft_id}/send")
async def send(member: Editing, draft_id: str, request: Request) -> Response:
    """Makes the post. Asked twice, it answers with the same one: a draft is posted once."""
    try:
        async with member.installation.database.begin() as session:
            desk = await _save(member, session, draft_id, request)
            post_id = await _send(member, session, draft_id, desk)
    except drafts.DraftConflict as conflict:
        return await _show_conflict(member, request, draft_id, conflict.stored)
    except (ValidationFailed, ReplacedMeanwhile):
        async with member.installation.database.begin() as session:
            desk = await _save(member, session, draft_id, request)
        return await _show(member, request, desk, draft_id, refused=True)
    return _to_post(member, post_id)


@router.post("/compose/{draft_id}/fork")
async def fork(member: Editing, draft_id: str, request: Request) -> Response:
    """Keep what was typed as a draft of its own, beside the one that somebody else has saved or sent."""
    async with member.installation.database.begin() as session:
        desk = await _typed(member, session, request)
        stored = await session.get(Draft, _id(draft_id))
        if stored is not None and stored.post_id is not None:
            desk.content |= {"replaces": None, "replaces_version": None}
        made = await drafts.new_draft(session, member.workspace.id, desk.content)
        made.saved_by = member.user.name
    return Response(status_code=204, headers={"HX-Redirect": f"{member.base}/compose/{made.id}"})


class ReplacedMeanwhile(Exception):
    """The scheduled post that a draft is to replace was changed, replaced or deleted since it was read."""


def _to_post(member: Member, post_id: object) -> Response:
    return Response(status_code=204, headers={"HX-Redirect": f"{member.base}/posts/{post_id}"})


async def _show_conflict(member: Member, request: Request, draft_id: str, stored: Draft) -> Response:
    """The page with both texts. A draft that was sent leads to its post, unless this page has typed something else."""
    async with member.installation.database.session() as session:
        desk = await _typed(member, session, request)
    conflict = edit_conflicts.of_draft(stored)
    own = not desk.page or stored.saved_from == desk.page
    if stored.post_id and (own or not edit_conflicts.differs(conflict.content, desk.content)):
        return _to_post(member, stored.post_id)
    return await _show(member, request, desk, draft_id, conflict=conflict)


async def _send(member: Member, session: AsyncSession, draft_id: str, desk: Desk) -> str:
    """Raises ValidationFailed, ReplacedMeanwhile, or AppError 409 when the post that it replaces has begun."""
    if problems := desk.problems():
        raise ValidationFailed([Problem(name, "invalid", message) for name, message in problems.items()])
    mine, kept = member.workspace.id, set[UUID]()
    if replaced := desk.content["replaces"]:
        condition = if_version(desk.content["replaces_version"])
        try:
            kept = await service.withdraw_post(session, mine, replaced, condition)
        except (NotFound, VersionMismatch) as error:
            raise ReplacedMeanwhile from error
        await session.flush()
    settings = member.installation.settings
    created = await service.create_post(await from_session(session), mine, desk.body(), settings, kept=kept)
    draft = await drafts.get_draft(session, mine, draft_id)  # locked since it was saved
    draft.post_id = UUID(created.post_id)
    names = ", ".join(f"{PLATFORMS[one.platform].title} @{one.username}" for one in desk.chosen_accounts)
    action = "post.replaced" if replaced else "post.created"
    member.record(session, action, names, draft.post_id, scheduled_at=created.scheduled_at)
    return str(draft.post_id)


@router.post("/compose/{draft_id}/delete")
async def delete(member: Editing, draft_id: str) -> Response:
    async with member.installation.database.begin() as session:
        await session.delete(await drafts.get_draft(session, member.workspace.id, draft_id, lock=True))
    return member.redirect("/drafts")


def _id(draft_id: str) -> UUID:
    if (found := parse_id(draft_id)) is None:
        raise NotFound("draft", draft_id)
    return found


async def _save(member: Member, session: AsyncSession, draft_id: str, request: Request) -> Desk:
    """Raises DraftConflict when another page has saved or sent the draft; `over` names the version to overwrite."""
    desk = await _typed(member, session, request)
    read = edit_conflicts.version_in(request.query_params.get("over", ""))
    edit = drafts.Edit(desk.version if read is None else read, desk.page, member.user.name) if desk.page else None
    desk.version = await drafts.save_draft(session, member.workspace.id, _id(draft_id), desk.content, edit)
    return desk


async def _typed(member: Member, session: AsyncSession, request: Request) -> Desk:
    """The page as it was filled in."""
    form = await forms.typed_form(request, FIELDS_MAX)
    cells = set(form.all("cell"))
    content = deepcopy(drafts.EMPTY) | {
        "clips": list(dict.fromkeys(form.all("clip"))),
        "accounts": list(dict.fromkeys(form.all("account"))),
        "left_out": [pair.split("/") for pair in form.all("cell.shown") if pair not in cells],
        "title": form.one("title"),
        "text": form.one("text"),
        "own": form.all("own"),
        "later": form.one("when") == "later",
        "at": form.line("at"),
        "zone": form.line("zone"),
        "second": form.one("at.second") == "on",
    }
    # What somebody chose who was told that the post is another by now wins over what the page says.
    chosen = request.query_params.get if "replaces" in request.query_params else form.line
    content |= edit_conflicts.replaces_fields(chosen("replaces") or "", chosen("replaces_version") or "")
    if form.one("when") not in ("now", "later"):
        form.refuse("when", "Choose whether it goes out now or at a time.")
    problems = _read_time(member, content) | form.problems
    zone = None if "zone" in problems else times.zone_named(content["zone"])
    for clip in content["clips"]:
        words = {name: text for name in ("title", "text") if (text := form.one(f"clip.{clip}.{name}"))}
        if words:
            content["by_clip"][clip] = words
    desk = await _desk(member, session, content, problems, form.one("find").strip())
    desk.page, desk.version = form.line("page")[:40], edit_conflicts.version_in(form.line("version")) or 0
    for name, accounts in desk.platforms.items():
        fields = forms.fields_of(PLATFORMS[name].metadata)
        if said := forms.read(fields, form.values, f"platform.{name}", zone):
            content["by_platform"][name] = said
        for account in accounts:
            if own := forms.read(fields, form.values, f"account.{account.id}", zone, inherits=True):
                content["by_account"][str(account.id)] = own
            for cell, _ in desk.cells_of(account):
                if own := forms.read(fields, form.values, f"target.{cell}", zone, inherits=True):
                    content["by_cell"][cell] = own
    return desk


def _read_time(member: Member, content: dict[str, Any]) -> dict[str, str]:
    """Work out the instant that the draft's local time means; return what is wrong with it, by the field's name.

    What was typed stays as it is. A zone that there is not is never replaced by another one: the post would go out at
    another time than was meant.
    """
    typed = member.zone.key if content["zone"] is None else content["zone"]
    try:
        zone = times.read_zone(typed)
    except ValueError as error:
        content["scheduled_at"] = None
        return {"zone": str(error)}
    if content["at"]:
        try:
            content["scheduled_at"] = format_timestamp(times.from_input(content["at"], zone, content["second"]))
        except ValueError as error:
            content["scheduled_at"] = None
            return {"at": str(error)} if content["later"] else {}
    return {}


async def _show(
    member: Member,
    request: Request,
    desk: Desk,
    draft_id: str,
    waiting: int = 0,
    refused: bool = False,
    conflict: Conflict | None = None,
) -> Response:
    """The page. `conflict`: another text of the draft, which was not overwritten."""
    state, body = request.app.state, desk.body()
    async with member.installation.database.session() as session:
        kept = await _kept(session, member, desk.content)
        conflict = conflict or await edit_conflicts.of_replaced(session, member, desk.content)
        theirs = await _desk(member, session, conflict.content) if conflict else desk
    if not hasattr(state, "options"):
        state.options, state.files = OptionsCache(), FilesCache()
    cache: OptionsCache = state.options
    checked = await check_post(
        member.installation.database.hot_pool, member.workspace.id, body, member.installation.settings, kept
    )
    await asyncio.gather(
        check_accounts(
            member.installation, checked, {account.id: account for account in desk.accounts}, cache.options_of
        ),
        check_files(member.installation, checked, state.files.check_file),
    )

    async def offered_by(account: Connection) -> tuple[str, dict[str, Any]]:
        try:
            return str(account.id), await cache.options_of(member.installation, account)
        except AppError:
            return str(account.id), {}

    offered = dict(await asyncio.gather(*map(offered_by, desk.chosen_accounts)))
    own = [FieldError(name, message, True) for name, message in desk.problems().items()]
    problems = field_errors(desk.content, body, {str(one.id): one for one in desk.accounts}, checked)
    if not body["videos"] and not refused:
        problems = []  # nothing is wrong with what is not begun
    if {"at", "zone"} & set(desk.typed_problems):
        problems = [one for one in problems if one.field != "at"]  # what is wrong with the time is said already
    problems = own + problems
    zone_typed = member.zone.key if desk.content["zone"] is None else desk.content["zone"]
    zone = times.zone_named(zone_typed, member.zone.key)
    at = desk.content["scheduled_at"]
    at_typed = desk.content["at"] or (times.to_input(parse_instant(at), zone) if at else "")
    return member.render(
        "compose.html",
        section="compose",
        draft_id=draft_id,
        desk=desk,
        content=desk.content,
        offered=offered,
        fields={name: forms.fields_of(PLATFORMS[name].metadata) for name in desk.platforms},
        forms=forms,
        fits={str(one.edit_setting_id): fits_of(one) for one in desk.clips},
        problems=problems,
        beside=_beside(problems),
        refused=refused,
        counts=_counts(desk),
        previews=previews.of(desk.content, desk.chosen_clips, desk.chosen_accounts),
        zone_chosen=zone,
        zone_typed=zone_typed,
        zone_names=times.zone_names(),
        city_of=times.city_of,
        at=at_typed,
        twice=times.comes_twice(at_typed, zone),
        second=_is_second(desk.content, at_typed, zone),
        at_shown=f"{times.shown(parse_instant(at), zone)} ({times.ago(parse_instant(at))})" if at else "",
        curl=previews.curl(member.installation.settings.public_base, body),
        items=len(drafts.targets(desk.content)),
        waiting=waiting,
        conflict=conflict,
        differences=_differences(member, theirs, desk) if conflict else [],
        accounts_max=CHOICES,
    )


async def _kept(session: AsyncSession, member: Member, content: dict[str, Any]) -> set[UUID]:
    """The accounts of the post that is being edited."""
    if not content["replaces"]:
        return set()
    post = await repository.get_post(session, member.workspace.id, content["replaces"])
    return {item.connection_id for item in await repository.get_items(session, post.id)} if post else set()


def _differences(member: Member, theirs: Desk, mine: Desk) -> list[Difference]:
    names = Names(
        {str(clip.edit_setting_id): clip.name for desk in (theirs, mine) for clip in desk.clips},
        {str(one.id): f"@{one.username}" for desk in (theirs, mine) for one in desk.accounts},
    )

    def when(content: dict[str, Any]) -> str:
        if not content["later"]:
            return "now"
        at = content["scheduled_at"]
        return times.shown(parse_instant(at), member.zone) if at else "not chosen"

    return edit_conflicts.differences(theirs.content, mine.content, names, when)


def _is_second(content: dict[str, Any], at: str, zone: ZoneInfo) -> bool:
    """Whether the second of two equal local times is chosen."""
    twice = times.comes_twice(at, zone)
    return content["second"] or bool(twice and content["scheduled_at"] == format_timestamp(twice[1]))


def _beside(problems: list[FieldError]) -> dict[str, list[FieldError]]:
    """What is wrong, by the name of the field that it is about."""
    found: dict[str, list[FieldError]] = {}
    for problem in problems:
        found.setdefault(problem.field, []).append(problem)
    return found


def _counts(desk: Desk) -> dict[str, list[tuple[Platform[Any], forms.Count]]]:
    """How long the shared title and text are, for each chosen platform as it counts."""
    found: dict[str, list[tuple[Platform[Any], forms.Count]]] = {}
    sources = {"": desk.content} | desk.content["by_clip"]
    for key, words in sources.items():
        for name in desk.platforms:
            platform = PLATFORMS[name]
            model = platform.metadata
            by_name = {one.name: one for one in forms.fields_of(model)}
            for source, its in (("title", model.title_field), ("text", model.text_field)):
                if its:
                    prefix = f"clip.{key}." if key else ""
                    counted = forms.counts(by_name[its], words.get(source, ""))
                    found.setdefault(prefix + source, []).extend((platform, count) for count in counted)
    return found
