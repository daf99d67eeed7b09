"""The overview: what needs a person, today, the next days, the last 30 days, and a new workspace's first steps."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from clipcast.clients.slots import slots_between
from clipcast.clock import clock
from clipcast.common.containers import TITLES
from clipcast.common.settings import Settings
from clipcast.common.words import listed
from clipcast.connections.repository import of_client
from clipcast.database import among
from clipcast.database.hot_queries import from_session
from clipcast.database.models.clients import Client
from clipcast.database.models.clips import Clip
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Item, Post
from clipcast.people import repository
from clipcast.platforms.base import OAuth, Platform, app_of
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import listing, needy, overview
from clipcast.posts.lines import PostLine, lines_of
from clipcast.posts.preflight import is_reachable
from clipcast.posts.states import item_state
from clipcast.posts.status import RETRIED
from clipcast.web import times
from clipcast.web.charts import bars
from clipcast.web.pages import render
from clipcast.web.viewers import Looking, Member, SignInNeeded, find_viewer

router = APIRouter(include_in_schema=False)

# The lines of Needs you, and the accounts of the next days.
NEEDS_SHOWN = 7
ROWS_AHEAD = 8


@dataclass(frozen=True)
class Step:
    """A line of the first steps."""

    done: bool
    title: str
    hint: str
    path: str


@router.get("/")
async def start(request: Request) -> Response:
    """Redirect to the person's first workspace, to the sign-in, or to the first run."""
    viewer = await find_viewer(request)
    if viewer is None:
        async with request.app.state.installation.database.session() as session:
            return RedirectResponse("/sign-in" if await repository.anybody(session) else "/setup", 303)
    if viewer.workspaces:
        return RedirectResponse(f"/w/{viewer.workspaces[0][0].id}", 303)
    message = "You belong to no workspace. Ask an owner of one for an invitation."
    return render(request, "error.html", {"title": "No workspace", "message": message, "viewer": viewer})


@router.get("/developers/keys")
async def keys(request: Request) -> Response:
    """Redirect to the API keys of the first workspace that the person owns: programs name an address without its id.

    Raises SignInNeeded.
    """
    viewer = await find_viewer(request)
    if viewer is None:
        raise SignInNeeded
    owned = (workspace for workspace, role in viewer.workspaces if role == "owner")
    found = next(owned, None) or next((workspace for workspace, _ in viewer.workspaces), None)
    return RedirectResponse(f"/w/{found.id}/developers/keys" if found else "/", 303)


@dataclass(frozen=True)
class NeedyPost:
    """A post that needs a person: its line, and the newest item that says why."""

    line: PostLine
    item: Item
    state: str

    @property
    def can_retry(self) -> bool:
        """Whether the same clip and words may succeed later. Other errors want another clip or other words first."""
        return self.state == "failed" and self.item.error is not None and self.item.error["class"] in RETRIED


@dataclass(frozen=True)
class AheadRow:
    """The posts of a client, or of an account of no client, and its free posting times, by days from today."""

    platform: str | None
    name: str
    client: Client | None = None
    posts: dict[int, set[UUID]] = field(default_factory=dict)
    free: dict[int, list[datetime]] = field(default_factory=dict)

    @property
    def days(self) -> list[tuple[int, list[datetime]]]:
        """The number of posts and the free times of each day."""
        return [(len(self.posts.get(day, ())), self.free.get(day, [])) for day in range(overview.AHEAD)]

    @property
    def free_times(self) -> int:
        return sum(map(len, self.free.values()))


@router.get("/w/{page:path}/")
async def without_slash(request: Request, page: str) -> RedirectResponse:
    """Redirect to the page whose address this is but for the slash at its end."""
    path = "/w/" + page.rstrip("/")
    return RedirectResponse(f"{path}?{request.url.query}" if request.url.query else path, 308)


@router.get("/w/{workspace_id}")
async def overview_page(member: Looking) -> Response:
    """Return the overview of a workspace."""
    mine, zone = member.workspace.id, member.zone
    day = clock.now().astimezone(zone).date()
    midnight, ends = cast("tuple[datetime, datetime]", times.day(str(day), zone))
    async with member.installation.database.session() as session:
        has_posts = await _has(session, Post, mine)
        if not (has_posts or await _has(session, Connection, mine)):
            return await _new_workspace(member, session)
        accounts = await _accounts(member, session)
        lost = await overview.lost_accounts(session, mine, overview.NEEDY, accounts)
        stuck = await overview.stuck_items(session, mine, accounts)
        unapproved = await overview.stuck_reviews(session, mine, accounts)
        failed = await needy.failed_count(session, mine, listing.COUNTED, accounts)
        today = await overview.today(session, mine, midnight, ends, accounts)
        days = await overview.by_day(session, mine, zone, accounts)
        late = await overview.lateness(session, mine, accounts)
        ahead = await overview.days_ahead(session, mine, zone, accounts)
        rows = await _rows_ahead(member, session, ahead, day)
        items = overview.needy_items(stuck, {account.id for account, _ in lost})
        posts = {
            post.id: post for post in (*await _posts(session, mine, items), *unapproved, *today.past, *today.ahead)
        }
        lines = {line.id: line for line in await lines_of(session, list(posts.values()))}
        of_person = [NeedyPost(lines[id], item, item_state(item)) for id, item in items.items() if id in lines]
        waiting = overview.waiting_count(one.item for one in of_person)
        # Only an empty list names the next post.
        is_named = not (lost or of_person or unapproved) or not (today.past or today.ahead)
        following = await overview.next_post(session, mine, accounts) if is_named else None
        total = len(lost) + len(unapproved) + failed + waiting
        unapproved = unapproved[: max(0, NEEDS_SHOWN - len(lost))]
        return member.render(
            "overview.html",
            section="overview",
            title=times.day_title(day, zone).partition(", ")[2],
            lost=lost,
            unapproved=[lines[post.id] for post in unapproved],
            needy=of_person[: max(0, NEEDS_SHOWN - len(lost) - len(unapproved))],
            needs=total,
            needs_shown=NEEDS_SHOWN,
            today=today,
            past=[lines[post.id] for post in today.past],
            to_come=[lines[post.id] for post in today.ahead],
            ahead=rows[:ROWS_AHEAD],
            free_times=sum(row.free_times for row in rows),
            ahead_is_more=ahead.is_more,
            ahead_days=[day + timedelta(days=number) for number in range(overview.AHEAD)],
            days=days,
            chart=bars(days),
            published=sum(one.published for one in days),
            failed=sum(one.failed for one in days),
            late=late,
            following=times.near(following.starts_at, zone) if following else "",
            ready=await _ready_accounts(session, mine, accounts),
            # The last of the first steps is done: those before it need no help.
            steps=[] if has_posts else await _checklist(member, session),
            by_id={one.id: one for one in member.clients},
            time_of=lambda at: f"{at.astimezone(zone):%Y-%m-%dT%H:%M}",
        )


async def _new_workspace(member: Member, session: AsyncSession) -> Response:
    """Return the overview of a workspace without accounts and posts: its first steps, and what can be connected."""
    settings = member.installation.settings

    def state_of(one: Platform[Any]) -> str:
        if not isinstance(one.sign_in, OAuth):
            return "No app needed"
        return "Ready" if app_of(settings, one.sign_in) else "Needs an app"

    platforms = [(one, state_of(one)) for one in PLATFORMS.values()]
    steps = await _checklist(member, session)
    return member.render("overview_new.html", section="overview", steps=steps, offered=platforms)


async def _accounts(member: Member, session: AsyncSession) -> list[UUID] | None:
    """Return the accounts of the client that the address names; None without one."""
    if not member.chosen_client:
        return None
    query = select(Connection.id).where(Connection.workspace_id == member.workspace.id)
    return list(await session.scalars(query.where(of_client(member.chosen_client))))


async def _posts(session: AsyncSession, workspace_id: UUID, ids: Collection[UUID]) -> list[Post]:
    return list(await session.scalars(select(Post).where(Post.workspace_id == workspace_id, among(Post.id, ids))))


async def _rows_ahead(member: Member, session: AsyncSession, ahead: overview.Ahead, first: date) -> list[AheadRow]:
    """Return the clients, and the accounts of no client: those with the most posts in the next days first."""
    query = select(Connection.id, Connection.client_id, Connection.platform, Connection.username)
    accounts = query.where(
        Connection.workspace_id == member.workspace.id,
        among(Connection.id, ahead.by_account),
        Connection.removed_at.is_(None),
    )
    clients: dict[UUID | None, Client] = {client.id: client for client in member.clients}
    rows: dict[UUID, AheadRow] = {}
    for id, client_id, platform, username in await session.execute(accounts):
        of_account, client = ahead.by_account[id], clients.get(client_id)
        row = AheadRow(None, client.name, client) if client else AheadRow(platform, f"@{username}")
        row = rows.setdefault(client.id if client else id, row)
        for day, posts in of_account.items():
            row.posts.setdefault((day - first).days, set()).update(posts)
    wanted = [client for client in member.clients if member.chosen_client in ("", str(client.id))]
    until = cast("tuple[datetime, datetime]", times.day(str(first + timedelta(days=overview.AHEAD)), member.zone))[0]
    ids = [client.id for client in wanted]
    slots = (
        await slots_between(await from_session(session), member.workspace.id, ids, clock.now(), until) if ids else []
    )
    for slot in slots:
        client, away = clients[slot.client_id], (slot.at.astimezone(member.zone).date() - first).days
        if slot.account_ids and not slot.post_ids and away < overview.AHEAD:
            row = rows.setdefault(client.id, AheadRow(None, client.name, client))
            row.free.setdefault(away, []).append(slot.at)
    return sorted(rows.values(), key=lambda row: (-sum(map(len, row.posts.values())), row.name))


async def _ready_accounts(session: AsyncSession, workspace_id: UUID, accounts: list[UUID] | None) -> int:
    """Return the number of accounts that can publish now."""
    mine = [Connection.workspace_id == workspace_id]
    if accounts is not None:
        mine.append(among(Connection.id, accounts))
    query = select(func.count()).where(*mine, Connection.status == "active", Connection.removed_at.is_(None))
    return (await session.execute(query)).scalar_one()


async def _has(session: AsyncSession, table: type[Clip] | type[Connection] | type[Post], workspace_id: UUID) -> bool:
    return bool((await session.execute(select(exists().where(table.workspace_id == workspace_id)))).scalar_one())


async def _checklist(member: Member, session: AsyncSession) -> list[Step]:
    """Return the first steps of a new workspace that this member can take, in order."""
    if not member.may("editor"):
        return []
    mine = member.workspace.id
    return [
        *(_operators_steps(member.installation.settings) if member.may("owner") else ()),
        Step(
            await _has(session, Connection, mine), "Connect an account", "One of yours, or send a client a link.",
            "/accounts",
        ),
        Step(await _has(session, Clip, mine), "Upload a clip", f"{TITLES}.", "/clips"),
        Step(await _has(session, Post, mine), "Publish a post", "Now, or at a time that you choose.", "/compose"),
    ]  # fmt: skip


def _operators_steps(settings: Settings) -> tuple[Step, ...]:
    """Return the steps that are taken in the installation's settings."""
    needing = [one for one in PLATFORMS.values() if isinstance(one.sign_in, OAuth)]
    others = [one.title for one in PLATFORMS.values() if one not in needing]
    fetching = [one.title for one in PLATFORMS.values() if one.fetches_media({})]
    return (
        Step(
            any(app_of(settings, one.sign_in) for one in needing), "Configure an app at a platform",
            f"You need none for {listed(others)}. " * bool(others) + "Choose another platform to see its steps.",
            "/accounts/connect",
        ),
        Step(
            is_reachable(settings), "Make this installation reachable",
            f"{listed(fetching)} fetch clips from CLIPCAST_PUBLIC_URL: an https address on the internet.",
            "/accounts",
        ),
    )  # fmt: skip
