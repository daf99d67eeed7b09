"""The overview: what needs a person, today, the next days, the last 30 days, and a new workspace's first steps."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import cast
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from clipcast.clients.repository import all_clients
from clipcast.clock import clock
from clipcast.common.containers import TITLES
from clipcast.common.words import listed
from clipcast.connections.repository import connections_by_id
from clipcast.database.models.clips import Clip
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Item, Post
from clipcast.jobs.workers import alive
from clipcast.people import repository
from clipcast.platforms.base import OAuth, app_of
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import listing, overview
from clipcast.posts.lines import PostLine, lines_of
from clipcast.posts.preflight import is_reachable
from clipcast.posts.states import item_state
from clipcast.posts.status import RETRIED
from clipcast.web import times
from clipcast.web.charts import bars
from clipcast.web.pages import render
from clipcast.web.viewers import Looking, Member, find_viewer

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
    """The posts of a client, or of an account of no client, by the number of days from today."""

    platform: str | None
    name: str
    color: int | None = None
    client_id: UUID | None = None
    posts: dict[int, set[UUID]] = field(default_factory=dict)

    @property
    def numbers(self) -> list[int]:
        """The number of posts of each day."""
        return [len(self.posts.get(day, ())) for day in range(overview.AHEAD)]


@router.get("/w/{workspace_id}")
async def overview_page(member: Looking) -> Response:
    """Return the overview of a workspace."""
    mine, zone = member.workspace.id, member.zone
    day = clock.now().astimezone(zone).date()
    midnight, ends = cast("tuple[datetime, datetime]", times.day(str(day), zone))
    async with member.installation.database.session() as session:
        lost = await overview.lost_accounts(session, mine, overview.NEEDY)
        stuck = await overview.stuck_items(session, mine)
        failed = await listing.failed_count(session, mine)
        today = await overview.today(session, mine, midnight, ends)
        days = await overview.by_day(session, mine, zone)
        late = await overview.lateness(session, mine)
        ahead = await overview.days_ahead(session, mine, zone)
        following = await overview.next_post(session, mine)
        needy = await _needy_posts(session, mine, stuck, {account.id for account, _ in lost})
        waiting = overview.waiting_count(one.item for one in needy)
        total = len(lost) + failed + waiting
        return member.render(
            "overview.html",
            section="overview",
            title=times.day_title(day, zone).partition(", ")[2],
            lost=lost,
            needy=needy[: max(0, NEEDS_SHOWN - len(lost))],
            needs=total,
            needs_shown=NEEDS_SHOWN,
            today=today,
            past=await lines_of(session, today.past),
            to_come=await lines_of(session, today.ahead),
            ahead=await _rows_ahead(session, mine, ahead, day),
            ahead_is_more=ahead.is_more,
            ahead_days=[day + timedelta(days=number) for number in range(overview.AHEAD)],
            days=days,
            chart=bars(days),
            published=sum(one.published for one in days),
            failed=sum(one.failed for one in days),
            late=late,
            following=times.near(following.starts_at, zone) if following else "",
            ready=await _ready_accounts(session, mine),
            workers=await alive(session),
            checklist=await _checklist(member, session),
        )


async def _needy_posts(
    session: AsyncSession, workspace_id: UUID, stuck: list[Item], lost: set[UUID]
) -> list[NeedyPost]:
    """Return the posts of these items, each once, without those that only wait for a lost account."""
    newest = overview.needy_items(stuck, lost)
    query = select(Post).where(Post.workspace_id == workspace_id, Post.id.in_(list(newest)))
    lines = {line.id: line for line in await lines_of(session, list(await session.scalars(query)))}
    return [NeedyPost(lines[id], item, item_state(item)) for id, item in newest.items() if id in lines]


async def _rows_ahead(session: AsyncSession, workspace_id: UUID, ahead: overview.Ahead, first: date) -> list[AheadRow]:
    """Return the clients with the most posts in the next days, and the accounts of no client."""
    accounts = await connections_by_id(session, workspace_id, list(ahead.by_account))
    clients = {client.id: client for client in await all_clients(session, workspace_id)}
    rows: dict[UUID, AheadRow] = {}
    for id, of_account in ahead.by_account.items():
        if (account := accounts.get(id)) is None:
            continue
        client = clients.get(account.client_id) if account.client_id else None
        of_client = AheadRow(None, client.name, client.color, client.id) if client else None
        row = of_client or AheadRow(account.platform, f"@{account.username}")
        row = rows.setdefault(client.id if client else id, row)
        for day, posts in of_account.items():
            row.posts.setdefault((day - first).days, set()).update(posts)
    return sorted(rows.values(), key=lambda row: (-sum(row.numbers), row.name))[:ROWS_AHEAD]


async def _ready_accounts(session: AsyncSession, workspace_id: UUID) -> int:
    """Return the number of accounts that can publish now."""
    mine = Connection.workspace_id == workspace_id
    query = select(func.count()).where(mine, Connection.status == "active", Connection.removed_at.is_(None))
    return (await session.execute(query)).scalar_one()


async def _checklist(member: Member, session: AsyncSession) -> list[Step]:
    """Return the first steps of a new workspace, in order."""
    settings, mine = member.installation.settings, member.workspace.id

    async def has(table: type[Clip] | type[Connection] | type[Post]) -> bool:
        return bool((await session.execute(select(exists().where(table.workspace_id == mine)))).scalar_one())

    needing = [one for one in PLATFORMS.values() if isinstance(one.sign_in, OAuth)]
    others = [one.title for one in PLATFORMS.values() if one not in needing]
    fetching = [one.title for one in PLATFORMS.values() if one.fetches_media({})]
    return [
        Step(
            any(app_of(settings, one.sign_in) for one in needing), "Configure an app at a platform",
            f"You need none for {listed(others)}. " * bool(others)
            + "docs/how-to/ has a page for each platform. `clipcast doctor` checks the settings.",
            "/connections",
        ),
        Step(
            is_reachable(settings), "Make this installation reachable",
            f"{listed(fetching)} fetch clips from CLIPCAST_PUBLIC_URL: an https address on the internet.",
            "/connections",
        ),
        Step(await has(Connection), "Connect an account", "One of yours, or send a client a link.", "/connections"),
        Step(await has(Clip), "Upload a clip", f"{TITLES}.", "/clips"),
        Step(await has(Post), "Publish a post", "Now, or at a time that you choose.", "/compose"),
    ]  # fmt: skip
