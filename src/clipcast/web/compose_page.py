"""The compose page: a draft with its problems, counters and previews."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError
from clipcast.common.timestamps import format_timestamp, parse_instant
from clipcast.connections.options import OptionsCache
from clipcast.connections.repository import CHOICES
from clipcast.database.models.clips import Render
from clipcast.database.models.connections import Connection
from clipcast.platforms.base import Platform
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import drafts, repository
from clipcast.posts.account_checks import check_accounts
from clipcast.posts.conversions import Conversion
from clipcast.posts.duplicates import DUPLICATE
from clipcast.posts.linked_files import FilesCache, check_files
from clipcast.posts.preflight import Checked, check_doubles, check_post
from clipcast.renders.repository import completed_renditions
from clipcast.web import edit_conflicts, forms, previews, times
from clipcast.web.clips import fits_of
from clipcast.web.composition import Composition, load_composition
from clipcast.web.edit_conflicts import Conflict, Difference, Names
from clipcast.web.field_errors import FieldError, field_errors
from clipcast.web.viewers import Member


async def show(
    member: Member,
    request: Request,
    composition: Composition,
    draft_id: str,
    waiting: int = 0,
    rejected: bool = False,
    conflict: Conflict | None = None,
    asks: bool = False,
) -> Response:
    """Return the page of a draft.

    `waiting` is the number of the workspace's drafts, `rejected` whether a person tried to send this one in vain, and
    `conflict` another version of it, which was not overwritten. With `asks`, the page asks whether to post doubles.
    """
    state, body = request.app.state, composition.body()
    async with member.installation.database.session() as session:
        kept = await _kept(session, member, composition.content)
        conflict = conflict or await edit_conflicts.of_replaced(session, member, composition.content)
        theirs = await load_composition(member, session, conflict.content) if conflict else composition
    if not hasattr(state, "options"):
        state.options, state.files = OptionsCache(), FilesCache()
    cache: OptionsCache = state.options
    checked = await check_post(
        member.installation.database.hot_pool, member.workspace.id, body, member.installation.settings, kept
    )
    doubles = await check_doubles(
        member.installation.database.hot_pool,
        member.workspace.id,
        checked,
        member.installation.settings,
        parse_id(composition.content["replaces"] or ""),
    )
    checked.warnings += doubles
    await asyncio.gather(
        check_accounts(
            member.installation, checked, {account.id: account for account in composition.accounts}, cache.options_of
        ),
        check_files(member.installation, checked, state.files.check_file),
    )

    async with member.installation.database.session() as session:
        conversions = await _conversions(session, member, checked, composition.chosen_clips)

    async def offered_by(account: Connection) -> tuple[str, dict[str, Any]]:
        try:
            return str(account.id), await cache.options_of(member.installation, account)
        except AppError:
            return str(account.id), {}

    offered = dict(await asyncio.gather(*map(offered_by, composition.chosen_accounts)))
    own = [FieldError(name, message, True) for name, message in composition.problems().items()]
    problems = field_errors(composition.content, body, {str(one.id): one for one in composition.accounts}, checked)
    if not body["videos"] and not rejected:
        problems = []  # an empty draft shows no problems before a person sends it
    if {"at", "zone"} & set(composition.typed_problems):
        problems = [one for one in problems if one.field != "at"]  # the typed problem already covers the time
    problems = own + problems
    zone_typed = member.zone.key if composition.content["zone"] is None else composition.content["zone"]
    zone = times.zone_named(zone_typed, member.zone.key)
    at = composition.content["scheduled_at"]
    at_typed = composition.content["at"] or (times.to_input(parse_instant(at), zone) if at else "")
    return member.render(
        "compose.html",
        section="compose",
        draft_id=draft_id,
        composition=composition,
        content=composition.content,
        offered=offered,
        fields={name: forms.fields_of(PLATFORMS[name].metadata) for name in composition.platforms},
        forms=forms,
        fits={str(one.edit_setting_id): fits_of(one) for one in composition.clips},
        problems=problems,
        conversions=conversions,
        beside=_beside(problems),
        rejected=rejected,
        asks=asks and bool(doubles) and not checked.errors,
        doubles=[one for one in problems if one.code == DUPLICATE],
        counts=_counts(composition),
        previews=previews.of(composition.content, composition.chosen_clips, composition.chosen_accounts),
        zone_chosen=zone,
        zone_typed=zone_typed,
        zone_names=times.zone_names(),
        city_of=times.city_of,
        at=at_typed,
        twice=times.comes_twice(at_typed, zone),
        second=_is_second(composition.content, at_typed, zone),
        at_shown=f"{times.shown(parse_instant(at), zone)} ({times.ago(parse_instant(at))})" if at else "",
        curl=previews.curl(member.installation.settings.public_base, body),
        items=len(drafts.targets(composition.content)),
        waiting=waiting,
        conflict=conflict,
        differences=_differences(member, theirs, composition) if conflict else [],
        accounts_max=CHOICES,
    )


async def _kept(session: AsyncSession, member: Member, content: dict[str, Any]) -> set[UUID]:
    """Return the ids of the accounts of the post that the draft replaces."""
    if not content["replaces"]:
        return set()
    post = await repository.get_post(session, member.workspace.id, content["replaces"])
    return {item.connection_id for item in await repository.get_items(session, post.id)} if post else set()


def _differences(member: Member, theirs: Composition, mine: Composition) -> list[Difference]:
    names = Names(
        {str(clip.edit_setting_id): clip.name for one in (theirs, mine) for clip in one.clips},
        {str(account.id): f"@{account.username}" for one in (theirs, mine) for account in one.accounts},
    )

    def when(content: dict[str, Any]) -> str:
        if not content["later"]:
            return "now"
        at = content["scheduled_at"]
        return times.shown(parse_instant(at), member.zone) if at else "not chosen"

    return edit_conflicts.differences(theirs.content, mine.content, names, when)


def _is_second(content: dict[str, Any], at: str, zone: ZoneInfo) -> bool:
    """Return whether the second of two equal local times is chosen."""
    twice = times.comes_twice(at, zone)
    return content["second"] or bool(twice and content["scheduled_at"] == format_timestamp(twice[1]))


@dataclass
class Made:
    """The titles of the platforms for which files are made, and the names of the clips whose files exist, by id."""

    titles: list[str] = field(default_factory=list)
    files: dict[UUID, str] = field(default_factory=dict)


async def _conversions(session: AsyncSession, member: Member, checked: Checked, clips: list[Render]) -> dict[str, Made]:
    """Return for whom each conversion is made, by what it makes."""
    renders = {render.edit_setting_id: render for render in clips}
    keys = {one.path: _key(one, renders[one.edit_id]) for one in checked.conversions if one.edit_id in renders}
    existing = await completed_renditions(session, member.workspace.id, set(keys.values()))
    found: dict[str, Made] = {}
    for one in checked.conversions:
        made = found.setdefault(one.summary, Made())
        made.titles += [one.platform.title] if one.platform.title not in made.titles else []
        if id := existing.get(keys.get(one.path, "")):
            made.files[id] = renders[one.edit_id].name
    return found


def _key(conversion: Conversion, render: Render) -> str:
    """Return the name of the conversion's result in the workspace (renders/conforming.py)."""
    source = render.rendition.key if render.rendition else render.clip.sha256 or ""
    return conversion.recipe.key(source)


def _beside(problems: list[FieldError]) -> dict[str, list[FieldError]]:
    """Return the problems by the name of their field. The page lists hints about the file elsewhere."""
    found: dict[str, list[FieldError]] = {}
    for problem in problems:
        if not problem.blocks and problem.field == "cell":
            continue
        found.setdefault(problem.field, []).append(problem)
    return found


def _counts(composition: Composition) -> dict[str, list[tuple[Platform[Any], forms.Count]]]:
    """Return the lengths of the shared title and text, for each chosen platform in its own unit."""
    found: dict[str, list[tuple[Platform[Any], forms.Count]]] = {}
    sources = {"": composition.content} | composition.content["by_clip"]
    for key, words in sources.items():
        for name in composition.platforms:
            platform = PLATFORMS[name]
            model = platform.metadata
            by_name = {one.name: one for one in forms.fields_of(model)}
            for source, its in (("title", model.title_field), ("text", model.text_field)):
                if its:
                    prefix = f"clip.{key}." if key else ""
                    counted = forms.counts(by_name[its], words.get(source, ""))
                    found.setdefault(prefix + source, []).extend((platform, count) for count in counted)
    return found
