"""The overview: due posts, items that need a person, the last 30 days, and a new workspace's first steps."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from clipcast.clock import clock
from clipcast.common.containers import TITLES
from clipcast.common.words import listed
from clipcast.database.models.clips import Clip
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Post
from clipcast.jobs.workers import alive
from clipcast.people import repository
from clipcast.platforms.base import OAuth, app_of
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import overview
from clipcast.posts.preflight import is_reachable
from clipcast.web.pages import render
from clipcast.web.viewers import Looking, Member, find_viewer

router = APIRouter(include_in_schema=False)


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


@router.get("/w/{workspace_id}")
async def overview_page(member: Looking) -> Response:
    """Return the overview of a workspace."""
    now = clock.now()
    async with member.installation.database.session() as session:
        due = await overview.due_next(session, member.workspace.id)
        stuck = await overview.stuck_items(session, member.workspace.id)
        days = await overview.by_day(session, member.workspace.id, member.zone)
        waiting, running = await overview.queue_depth(session, member.workspace.id, now)
        lost = select(Connection).where(
            Connection.workspace_id == member.workspace.id,
            Connection.status == "needs_reconnect",
            Connection.removed_at.is_(None),
        )
        return member.render(
            "overview.html",
            section="overview",
            due=due,
            stuck=stuck,
            days=days,
            waiting=waiting,
            running=running,
            workers=await alive(session),
            lost=list(await session.scalars(lost.limit(overview.NEEDY))),
            most_shown=overview.NEEDY,
            checklist=await _checklist(member, session),
        )


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
