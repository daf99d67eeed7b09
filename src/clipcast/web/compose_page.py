"""The compose page: a draft with its problems, counters and previews."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from clipcast.clock import clock
from clipcast.common.containers import ACCEPT
from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError
from clipcast.common.timestamps import format_timestamp, parse_instant
from clipcast.database.models.clients import Client, HashtagSet
from clipcast.database.models.clips import Render
from clipcast.database.models.connections import Connection
from clipcast.platforms.base import Platform
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import drafts, repository
from clipcast.posts.account_checks import check_accounts
from clipcast.posts.conversions import Conversion
from clipcast.posts.duplicates import DUPLICATE
from clipcast.posts.linked_files import check_files
from clipcast.posts.planning import NEXT, REPEAT, SPREAD, UNITS, PlannedPost
from clipcast.posts.preflight import HORIZON, Checked, check_doubles, check_post
from clipcast.posts.repository import posts_near
from clipcast.renders.repository import completed_renditions
from clipcast.web import compose_accounts, edit_conflicts, forms, previews, times
from clipcast.web.caches import caches
from clipcast.web.clip_library import known_media_of
from clipcast.web.composition import Composition, load_composition
from clipcast.web.edit_conflicts import Conflict, Difference, Names
from clipcast.web.field_errors import FieldError, field_errors
from clipcast.web.pages import is_htmx
from clipcast.web.remembering import fields_as_last
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
    replanned: bool = False,
) -> Response:
    """Return the page of a draft. To htmx, return its parts that change: never a field that the page already has.

    `waiting` is the number of the workspace's drafts, `rejected` whether a person tried to send this one in vain, and
    `conflict` another version of it, which was not overwritten. With `asks`, the page asks whether to post doubles.
    `replanned` is whether this one was not sent because the page showed another plan.
    """
    body = composition.body()
    async with member.installation.database.session() as session:
        kept, has_review = await _kept(session, member, composition.content)
        conflict = conflict or await edit_conflicts.of_replaced(session, member, composition.content)
        theirs = await load_composition(member, session, conflict.content) if conflict else composition
    plan = await composition.plan(member, member.installation.database.hot_pool)
    checked = await _check(member, request, composition, body, kept, has_review)
    async with member.installation.database.session() as session:
        conversions = await _conversions(session, member, checked, composition.chosen_clips)
        clients = await clients_of(session, composition.chosen_accounts)
        near = await posts_near(
            session,
            member.workspace.id,
            composition.content["accounts"],
            [one.scheduled_at for one in plan if one.scheduled_at],
            composition.replaces,
        )
    has_times = await composition.have_times(member, member.installation.database.hot_pool)
    problems = _problems(composition, body, checked, plan, rejected)
    doubles = [one for one in problems if one.code == DUPLICATE]
    shown: dict[str, Any] = {
        "draft_id": draft_id,
        "composition": composition,
        "content": composition.content,
        "problems": problems,
        "conversions": conversions,
        "beside": _beside(problems),
        "dots": _dots(composition, problems),
        "counts": counts_of(composition),
        "rejected": rejected,
        "asks": asks and not checked.errors,
        "replanned": replanned,
        "doubles": doubles,
        "preview": previews.of(
            composition.content,
            composition.chosen_clips,
            composition.chosen_accounts,
            composition.preview_account,
            composition.preview_clip,
        ),
        "items": len(drafts.targets(composition.content))
        * (composition.content["times"] if _repeats(composition) else 1),
        "plan": plan,
        "names": {str(one.edit_setting_id): one for one in composition.clips},
        "near": near,
        "clients": clients,
        "titled": [PLATFORMS[name].title for name in composition.platforms if drafts.needs_title(name)],
        "in_review": has_review or checked.rule is not None,
        "has_times": has_times,
        "conflict": conflict,
        "differences": _differences(member, theirs, composition) if conflict else [],
    } | _time(member, composition)
    parts = is_htmx(request)
    has_fields = not parts or composition.shape != composition.shape_shown
    if has_fields:
        shown |= await _fields(member, request, composition)
        shown["as_last"] = await fields_as_last(member, composition.content, composition.chosen_accounts)
        async with member.installation.database.session() as session:
            query = select(HashtagSet).where(HashtagSet.client_id.in_(list(clients))).order_by(HashtagSet.name_key)
            shown["hashtag_sets"] = list(await session.scalars(query)) if clients else []
    if parts:
        response = member.render("compose/changes.html", has_fields=has_fields, **shown)
        if rejected:
            response.headers["HX-Trigger"] = "rejected"
        return response
    async with member.installation.database.session() as session:
        shown |= await compose_accounts.pane(member, session, composition.content["accounts"])
    return member.render(
        "compose.html", section="compose", waiting=waiting, zone_names=times.zone_names(), city_of=times.city_of,
        most=member.installation.settings.max_upload_bytes, accept=ACCEPT, **shown,
    )  # fmt: skip


async def _check(
    member: Member,
    request: Request,
    composition: Composition,
    body: dict[str, Any],
    kept: set[UUID],
    has_review: bool,
) -> Checked:
    """Return what preflight, the accounts and the linked files say of the draft."""
    installation, mine = member.installation, member.workspace.id
    pool, settings = installation.database.hot_pool, installation.settings
    checked = await check_post(pool, mine, body, settings, kept, has_review=has_review)
    checked.warnings += await check_doubles(
        pool, mine, checked, settings, parse_id(composition.content["replaces"] or "")
    )
    cache, files = caches(request)
    accounts = {account.id: account for account in composition.accounts}
    await asyncio.gather(
        check_accounts(installation, checked, accounts, cache.options_of),
        check_files(installation, checked, files.check_file),
    )
    return checked


def _problems(
    composition: Composition, body: dict[str, Any], checked: Checked, plan: list[PlannedPost], rejected: bool
) -> list[FieldError]:
    """Return the problems of the form's own fields, then those of preflight."""
    own = [FieldError(name, message, True) for name, message in composition.problems().items()]
    if message := composition.without_times(plan):
        own.append(FieldError("when", message, True))
    last = plan[-1].scheduled_at if plan else None
    if len(plan) > 1 and last is not None and last > clock.now() + HORIZON:
        own.append(
            FieldError("at", f"The last post would go out after more than {HORIZON.days} days. Plan fewer.", True)
        )
    found = field_errors(composition.content, body, {str(one.id): one for one in composition.accounts}, checked)
    if not body["videos"] and not rejected:
        found = []  # an empty draft shows no problems before a person sends it
    if {"at", "zone"} & set(composition.typed_problems):
        found = [one for one in found if one.field != "at"]  # the typed problem already covers the time
    return own + found


def _time(member: Member, composition: Composition) -> dict[str, Any]:
    """Return what the fields of the time show."""
    content = composition.content
    zone_typed = member.zone.key if content["zone"] is None else content["zone"]
    zone, at = composition.zone(member), content["scheduled_at"]
    at_typed = content["at"] or (times.to_input(parse_instant(at), zone) if at else "")
    return {
        "zone_chosen": zone,
        "zone_typed": zone_typed,
        "at": at_typed,
        "twice": times.comes_twice(at_typed, zone),
        "second": _is_second(content, at_typed, zone),
        "at_shown": f"{times.shown(parse_instant(at), zone)} ({times.ago(parse_instant(at))})" if at else "",
        "when_chosen": (content["plan"] or "later") if content["later"] else "now",
        "units": UNITS,
    }


async def clients_of(session: AsyncSession, accounts: list[Connection]) -> dict[UUID, Client]:
    """Return the clients of these accounts by id."""
    ids = {account.client_id for account in accounts if account.client_id}
    if not ids:
        return {}
    return {client.id: client for client in await session.scalars(select(Client).where(Client.id.in_(ids)))}


async def _fields(member: Member, request: Request, composition: Composition) -> dict[str, Any]:
    """Return what the fields of the platforms need, with the options that they offer each account."""
    cache, _ = caches(request)

    async def offered_by(account: Connection) -> tuple[str, dict[str, Any]]:
        try:
            return str(account.id), await cache.options_of(member.installation, account)
        except AppError:
            return str(account.id), {}

    offered = dict(await asyncio.gather(*map(offered_by, composition.chosen_accounts)))
    return {
        "offered": offered,
        "common_offers": {
            name: _common(PLATFORMS[name], [offered[str(one.id)] for one in accounts])
            for name, accounts in composition.platforms.items()
        },
        "fields": {name: forms.fields_of(PLATFORMS[name].metadata) for name in composition.platforms},
        "forms": forms,
        "media_of": known_media_of,
    }


def _common(platform: Platform[Any], offered: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return the values that all accounts offer for fields that are chosen once for all of them."""
    known = [one for one in offered if one]
    shared = [name for name in platform.metadata.shared_offers if known and all(name in one for one in known)]
    return {name: [value for value in known[0][name] if all(value in one[name] for one in known)] for name in shared}


def _repeats(composition: Composition) -> bool:
    return bool(composition.content["later"]) and composition.content["plan"] == REPEAT


async def _kept(session: AsyncSession, member: Member, content: dict[str, Any]) -> tuple[set[UUID], bool]:
    """Return the ids of the accounts of the post that the draft replaces, and whether that has a review."""
    post = content["replaces"] and await repository.get_post(session, member.workspace.id, content["replaces"])
    if not post:
        return set(), False
    return {item.connection_id for item in await repository.get_items(session, post.id)}, post.review is not None


def _differences(member: Member, theirs: Composition, mine: Composition) -> list[Difference]:
    names = Names(
        {str(clip.edit_setting_id): clip.name for one in (theirs, mine) for clip in one.clips},
        {str(account.id): f"@{account.username}" for one in (theirs, mine) for account in one.accounts},
    )

    def when(content: dict[str, Any]) -> str:
        if not content["later"]:
            return "now"
        at = content["scheduled_at"]
        first = times.shown(parse_instant(at), member.zone) if at else "not chosen"
        every = f"every {content['every']} {content['unit']}"
        if content["plan"] == NEXT:
            return "the next free posting times"
        plans = {SPREAD: f"one clip {every}, from {first}", REPEAT: f"{content['times']} times {every}, from {first}"}
        return plans.get(content["plan"], first)

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


def _dots(composition: Composition, problems: list[FieldError]) -> dict[str, str]:
    """Return `bad` or `warn` for each tab whose fields have a problem, by its name."""
    of_account = {str(account.id): account.platform for account in composition.accounts}
    found: dict[str, str] = {}
    for one in problems:
        kind, _, rest = one.field.partition(".")
        match kind:
            case "platform":
                tab = rest.partition(".")[0]
            case "account":
                tab = of_account.get(rest.partition(".")[0], "")
            case "target":
                tab = of_account.get(rest.partition("/")[2].partition(".")[0], "")
            case "title" | "text" | "clip" if one.field != "clip":
                tab = "all"
            case _:
                continue
        if found.get(tab) != "bad":
            found[tab] = "bad" if one.blocks else "warn"
    return found


def counts_of(composition: Composition) -> dict[str, list[tuple[Platform[Any], forms.Count]]]:
    """Return the lengths of all texts, by the names of their fields, as each platform counts."""
    found: dict[str, list[tuple[Platform[Any], forms.Count]]] = {}
    content = composition.content
    for name, accounts in composition.platforms.items():
        platform, model = PLATFORMS[name], PLATFORMS[name].metadata
        limited = {one.name: one for one in forms.fields_of(model) if one.limits}

        def count(key: str, one: forms.FormField, text: Any, platform: Platform[Any] = platform) -> None:
            if text:
                tightest = max(forms.counts(one, text), key=lambda made: made.used / made.most)
                found.setdefault(key, []).append((platform, tightest))

        for prefix, words in [("", content), *((f"clip.{id}.", its) for id, its in content["by_clip"].items())]:
            for source, its in (("title", model.title_field), ("text", model.text_field)):
                if its in limited:
                    count(prefix + source, limited[its], words.get(source))
        # The fields of the platform show the common texts until they have their own.
        common = {
            its: content[source] for source, its in (("title", model.title_field), ("text", model.text_field)) if its
        }
        own = {f"platform.{name}": common | content["by_platform"].get(name, {})}
        own |= {f"account.{one.id}": content["by_account"].get(str(one.id), {}) for one in accounts}
        cells = {key for one in accounts for key, _ in composition.cells_of(one)}
        own |= {f"target.{key}": its for key, its in content["by_cell"].items() if key in cells}
        for prefix, values in own.items():
            for field_name, value in values.items():
                if field_name in limited:
                    count(f"{prefix}.{field_name}", limited[field_name], value)
    return found
