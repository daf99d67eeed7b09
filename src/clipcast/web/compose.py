"""Composing a post: a draft that is saved as it is typed, checked as POST /posts checks, and sent as that sends."""

import asyncio
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from clipcast.api.pagination import PageParams, pagination
from clipcast.api.problems import ApiError, NotFound, ValidationFailed
from clipcast.clips.models import Render
from clipcast.clips.repository import list_renders, renders_by_edit_id
from clipcast.connections.models import Connection
from clipcast.connections.options import OptionsCache
from clipcast.connections.repository import list_choices
from clipcast.database.direct import within
from clipcast.ids import new_id, parse_id
from clipcast.instants import parse_instant, show
from clipcast.platforms.base import Platform
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import drafts, service
from clipcast.posts.live import check_accounts
from clipcast.posts.models import Draft
from clipcast.posts.preflight import check_post
from clipcast.web import forms, previews, times
from clipcast.web.clips import fits, media_of
from clipcast.web.places import Place, placed
from clipcast.web.viewers import Editing, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

# Clips to choose from; those that were chosen are there, too.
CLIPS_SHOWN = 24
DRAFTS_SHOWN = 20


@dataclass
class Desk:
    """What is on the compose page: the draft's content, and what it speaks of."""

    content: dict[str, Any]
    clips: list[Render] = field(default_factory=list)
    accounts: list[Connection] = field(default_factory=list)
    # There are clips that are not among these; and what their names were searched for.
    older: bool = False
    find: str = ""

    @property
    def chosen_clips(self) -> list[Render]:
        by_id = {str(clip.edit_setting_id): clip for clip in self.clips}
        return [by_id[id] for id in self.content["clips"] if id in by_id]

    @property
    def chosen_accounts(self) -> list[Connection]:
        by_id = {str(account.id): account for account in self.accounts}
        return [by_id[id] for id in self.content["accounts"] if id in by_id]

    @property
    def platforms(self) -> dict[str, list[Connection]]:
        """The chosen accounts by platform, in the platforms' own order."""
        chosen = self.chosen_accounts
        found = {name: [one for one in chosen if one.platform == name] for name in PLATFORMS}
        return {name: accounts for name, accounts in found.items() if accounts}

    def body(self) -> dict[str, Any]:
        return drafts.body(self.content, {str(account.id): account for account in self.accounts})


async def _desk(member: Member, session: AsyncSession, content: dict[str, Any], find: str = "") -> Desk:
    mine = member.workspace.id
    newest, total = await list_renders(session, mine, "completed", 0, CLIPS_SHOWN, find)
    chosen = await renders_by_edit_id(session, mine, [id for text in content["clips"] if (id := parse_id(text))])
    clips = [*(one for one in chosen.values() if one.id not in {clip.id for clip in newest}), *newest]
    accounts = await list_choices(session, mine)
    return Desk(content, clips, accounts, total > len(newest), find)


@router.get("/compose")
async def compose_page(member: Editing, clip: str | None = None, at: str | None = None) -> Response:
    """A new draft, which begins to exist once something is typed."""
    query = "&".join(f"{name}={value}" for name, value in (("clip", clip), ("at", at)) if value)
    return RedirectResponse(f"{member.base}/compose/{new_id()}" + (f"?{query}" if query else ""), 303)


@router.get("/drafts")
async def drafts_page(member: Editing, page: Annotated[PageParams, Depends()]) -> Response:
    async with member.here.database.session() as session:
        found, total = await drafts.list_drafts(session, member.workspace.id, page.offset, page.limit)
    return member.render("drafts.html", section="compose", drafts=found, pagination=pagination(page, total))


@router.get("/compose/{draft_id}")
async def draft_page(
    member: Editing, draft_id: str, request: Request, clip: str | None = None, at: str | None = None
) -> Response:
    async with member.here.database.session() as session:
        draft = await session.get(Draft, _id(draft_id))
        if draft is not None and draft.workspace_id != member.workspace.id:
            raise NotFound("draft", draft_id)
        if draft is not None and draft.post_id:
            return member.redirect(f"/posts/{draft.post_id}")
        content = deepcopy(drafts.EMPTY) | (draft.content if draft else {})
        if draft is None:
            content["clips"] = [clip] if clip and parse_id(clip) else []
            if at and (instant := times.from_input(at, member.zone)):
                content |= {"later": True, "scheduled_at": show(instant)}
        desk = await _desk(member, session, content)
        _, waiting = await drafts.list_drafts(session, member.workspace.id, 0, 1)
    return await _show(member, request, desk, draft_id, waiting)


@router.post("/compose/{draft_id}")
async def save(member: Editing, draft_id: str, request: Request) -> Response:
    """Keeps what was typed, and shows what it comes to."""
    async with member.here.database.begin() as session:
        desk = await _save(member, session, draft_id, request)
    return await _show(member, request, desk, draft_id)


@router.post("/compose/{draft_id}/send")
async def send(member: Editing, draft_id: str, request: Request) -> Response:
    """Makes the post. Asked twice, it answers with the same one: a draft is posted once."""
    try:
        async with member.here.database.begin() as session:
            if (post_id := await _posted(member, session, draft_id)) is None:
                desk = await _save(member, session, draft_id, request)
                post_id = await _send(member, session, draft_id, desk)
    except ValidationFailed:
        async with member.here.database.begin() as session:
            desk = await _save(member, session, draft_id, request)
        return await _show(member, request, desk, draft_id, refused=True)
    except NotFound:
        # Somebody sent it in this very moment, before it was saved for the first time.
        async with member.here.database.begin() as session:
            post_id = await _posted(member, session, draft_id)
        if post_id is None:
            raise
    return Response(status_code=204, headers={"HX-Redirect": f"{member.base}/posts/{post_id}"})


async def _posted(member: Member, session: AsyncSession, draft_id: str) -> str | None:
    """The post that the draft became. Locks the draft, so that one of two that send it at once is the first."""
    query = select(Draft.post_id).where(Draft.id == _id(draft_id), Draft.workspace_id == member.workspace.id)
    found = (await session.execute(query.with_for_update())).scalar_one_or_none()
    return str(found) if found else None


async def _send(member: Member, session: AsyncSession, draft_id: str, desk: Desk) -> str:
    """Raises ValidationFailed, or ApiError 409 when the post that it replaces has begun."""
    if replaced := desk.content["replaces"]:
        await service.withdraw_post(session, member.workspace.id, replaced)
        await session.flush()
    settings = member.here.settings
    created = await service.create_post(await within(session), member.workspace.id, desk.body(), settings)
    draft = await drafts.get_draft(session, member.workspace.id, draft_id)  # locked since it was saved
    draft.post_id = UUID(created["post_id"])
    names = ", ".join(f"{PLATFORMS[one.platform].title} @{one.username}" for one in desk.chosen_accounts)
    action = "post.replaced" if replaced else "post.created"
    member.record(session, action, names, draft.post_id, scheduled_at=created["scheduled_at"])
    return str(draft.post_id)


@router.post("/compose/{draft_id}/delete")
async def delete(member: Editing, draft_id: str) -> Response:
    async with member.here.database.begin() as session:
        await session.delete(await drafts.get_draft(session, member.workspace.id, draft_id, lock=True))
    return member.redirect("/drafts")


def _id(draft_id: str) -> UUID:
    if (found := parse_id(draft_id)) is None:
        raise NotFound("draft", draft_id)
    return found


async def _save(member: Member, session: AsyncSession, draft_id: str, request: Request) -> Desk:
    desk = await _typed(member, session, request)
    await drafts.save_draft(session, member.workspace.id, _id(draft_id), desk.content)
    return desk


async def _typed(member: Member, session: AsyncSession, request: Request) -> Desk:
    """The page as it was filled in."""
    form = await request.form()
    typed = {name: [str(value) for value in form.getlist(name)] for name in form}

    def one(name: str) -> str:
        return typed.get(name, [""])[-1].replace("\r\n", "\n").replace("\x00", "")

    zone = times.zone_named(one("zone"), member.zone.key)
    at = times.from_input(one("at"), zone) if one("at") else None
    cells = set(typed.get("cell", []))
    content = deepcopy(drafts.EMPTY) | {
        "clips": list(dict.fromkeys(typed.get("clip", []))),
        "accounts": list(dict.fromkeys(typed.get("account", []))),
        "left_out": [pair.split("/") for pair in typed.get("cell.shown", []) if pair not in cells],
        "title": one("title"),
        "text": one("text"),
        "own": typed.get("own", []),
        "later": one("when") == "later",
        "scheduled_at": show(at),
        "zone": zone.key,
        "replaces": one("replaces") or None,
    }
    for clip in content["clips"]:
        words = {name: text for name in ("title", "text") if (text := one(f"clip.{clip}.{name}"))}
        if words:
            content["by_clip"][clip] = words
    desk = await _desk(member, session, content, one("find").strip())
    for name, accounts in desk.platforms.items():
        fields = forms.fields_of(PLATFORMS[name].metadata)
        if said := forms.read(fields, typed, f"platform.{name}", zone):
            content["by_platform"][name] = said
        for account in accounts:
            if own := forms.read(fields, typed, f"account.{account.id}", zone, inherits=True):
                content["by_account"][str(account.id)] = own
    return desk


async def _show(
    member: Member, request: Request, desk: Desk, draft_id: str, waiting: int = 0, refused: bool = False
) -> Response:
    state, body = request.app.state, desk.body()
    if not hasattr(state, "options"):
        state.options = OptionsCache()
    cache: OptionsCache = state.options
    checked = await check_post(member.here.database.direct, member.workspace.id, body, member.here.settings)
    await check_accounts(member.here, checked, {account.id: account for account in desk.accounts}, cache.options_of)

    async def offered_by(account: Connection) -> tuple[str, dict[str, Any]]:
        try:
            return str(account.id), await cache.options_of(member.here, account)
        except ApiError:
            return str(account.id), {}

    offered = dict(await asyncio.gather(*map(offered_by, desk.chosen_accounts)))
    problems = placed(desk.content, body, {str(one.id): one for one in desk.accounts}, checked)
    if not body["videos"] and not refused:
        problems = []  # nothing is wrong with what is not begun
    zone = times.zone_named(desk.content["zone"], member.zone.key)
    at = desk.content["scheduled_at"]
    return member.render(
        "compose.html",
        section="compose",
        draft_id=draft_id,
        desk=desk,
        content=desk.content,
        offered=offered,
        fields={name: forms.fields_of(PLATFORMS[name].metadata) for name in desk.platforms},
        forms=forms,
        fits={str(one.edit_setting_id): fits(media) for one in desk.clips if (media := media_of(one))},
        problems=problems,
        beside=_beside(problems),
        refused=refused,
        counts=_counts(desk),
        previews=previews.of(desk.content, desk.chosen_clips, desk.chosen_accounts),
        zone_chosen=zone,
        zone_names=times.zone_names(),
        at=times.to_input(parse_instant(at), zone) if at else "",
        at_shown=f"{times.shown(parse_instant(at), zone)} ({times.ago(parse_instant(at))})" if at else "",
        curl=previews.curl(member.here.settings.public_base, body),
        items=len(drafts.targets(desk.content)),
        waiting=waiting,
    )


def _beside(problems: list[Place]) -> dict[str, list[Place]]:
    """What is wrong, by the name of the field that it is about."""
    found: dict[str, list[Place]] = {}
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
