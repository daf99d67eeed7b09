"""The command palette: actions, pages, accounts, clients and clips by a few letters, and anything by a pasted id."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.database.models.clients import Client
from clipcast.database.models.clips import Clip, Render
from clipcast.database.models.connections import Connection
from clipcast.database.models.jobs import Job
from clipcast.database.models.posts import Item, Post
from clipcast.database.models.requests import LoggedRequest
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.lines import lines_of
from clipcast.posts.listing import Wanted, list_lines
from clipcast.web import times
from clipcast.web.states import STATES
from clipcast.web.viewers import Looking, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

SEARCH_MAX = 100
# The most entries of a group.
GROUP_MAX = 5
# How far the others of a group are counted.
COUNTED = 1000
# The most accounts among which the words of an action are looked for.
LOST_MAX = 100


@dataclass(frozen=True)
class Entry:
    """A line of the palette. `path` is a path of the workspace; `platform` or `icon` is its picture."""

    title: str
    path: str
    icon: str = ""
    platform: str = ""
    role: str = "viewer"
    # Other words by which people look for it.
    words: str = ""
    # What stands behind the title: when, and in which state.
    note: str = ""
    # Whether the path is no path of the workspace, but of the person.
    is_own: bool = False
    # Whether it is not opened, but sent, as a form.
    is_sent: bool = False


ACTIONS = (
    Entry("New post", "/compose", "plus", role="editor", words="compose write publish schedule create"),
    Entry("Upload clips", "/clips", "upload", role="editor", words="video file add"),
    Entry("Connect an account", "/accounts#connect", "plug-connected", role="editor", words="add channel profile"),
    Entry("Create an API key", "/developers/keys", "code", role="owner", words="token"),
    Entry("Create a webhook", "/developers/webhooks", "code", role="owner"),
    Entry("Invite a member", "/settings#members", "user", role="owner", words="team people colleague"),
    Entry("Import posts", "/posts/import", "upload", role="editor", words="csv file spreadsheet bulk"),
    Entry("Export posts", "/posts/export.csv", "download", words="csv file spreadsheet download"),
    Entry("Create a review link", "/review/links", "link", role="editor", words="client approve approval"),
    Entry("Change the theme", "/account#theme", "settings", words="dark light mode colours", is_own=True),
    Entry("Sign out", "/sign-out", "logout", words="log out leave end session", is_own=True, is_sent=True),
)
PAGES = (
    Entry("Overview", "", "home", words="start dashboard"),
    Entry("Calendar", "/calendar", "calendar", words="month week plan"),
    Entry("Posts", "/posts", "send"),
    Entry("Drafts", "/drafts", "edit", role="editor"),
    Entry("Review", "/review", "eye", words="approve approvals"),
    Entry("Review links", "/review/links", "link", words="clients approve"),
    Entry("Clips", "/clips", "movie", words="videos library"),
    Entry("Edit templates", "/templates", "movie", words="renders"),
    Entry("Accounts", "/accounts", "plug-connected", words="connections channels"),
    Entry("Requests", "/developers/requests", "code", role="editor", words="developers log api"),
    Entry("API reference", "/reference", "code", words="developers documentation"),
    Entry("Notifications", "/settings/notifications", "message-circle", words="e-mail chat settings"),
    Entry("Settings", "/settings", "settings", words="workspace members audit log"),
    Entry("Your account", "/account", "user", words="password time zone theme keyboard sessions profile", is_own=True),
    Entry("Jobs", "/jobs", "refresh", role="owner", words="queue workers dead"),
)


@router.get("/palette")
async def search(member: Looking, q: str = "") -> Response:
    """Return the lines for a few letters, or for a pasted id. Without either, return what is newest."""
    typed = " ".join(q.split())[:SEARCH_MAX]
    async with member.installation.database.session() as session:
        if pasted := parse_id(typed):
            groups = {"With this id": await _with_id(session, member.workspace.id, pasted)}
        else:
            groups = {
                "Do": _matching(member, (*ACTIONS, *(await _lost(session, member) if typed else ())), typed),
                "Go to": _matching(member, PAGES, typed) if typed else [],
                "Accounts": await _accounts(session, member.workspace.id, typed) if typed else [],
                "Clients": await _clients(session, member.workspace.id, typed) if typed else [],
                "Posts": await _posts(session, member, typed) if typed else [],
                "Clips": await _clips(session, member.workspace.id, typed),
            }
    return member.render(
        "parts/palette_entries.html", typed=typed, groups={title: found for title, found in groups.items() if found}
    )


def _matching(member: Member, entries: Iterable[Entry], typed: str) -> list[Entry]:
    """Return the entries for the viewer's role that have each of the typed words, best first."""
    wanted = typed.casefold().split()
    found = [
        one
        for one in entries
        if member.may(one.role) and all(word in f"{one.title} {one.words}".casefold() for word in wanted)
    ]
    return sorted(found, key=lambda one: not one.title.casefold().startswith(typed.casefold()))[:GROUP_MAX]


async def _accounts(session: AsyncSession, workspace_id: UUID, typed: str) -> list[Entry]:
    """Return the accounts that have each of the words in a name, or are of a platform with this name."""
    query = select(Connection).where(Connection.workspace_id == workspace_id, Connection.removed_at.is_(None))
    for word in typed.split():
        name = word.removeprefix("@")
        of_platform = [one.name for one in PLATFORMS.values() if word.casefold() in one.title.casefold()]
        query = query.where(
            or_(
                Connection.username.icontains(name, autoescape=True),
                Connection.display_name.icontains(name, autoescape=True),
                Connection.platform.in_(of_platform),
            )
        )
    found = await session.scalars(query.order_by(Connection.username, Connection.id).limit(GROUP_MAX))
    entries = [
        Entry(f"{_title(one.platform)} @{one.username}", f"/posts?account={one.id}", platform=one.platform)
        for one in found
    ]
    return entries + await _rest(session, query, entries, "/accounts", "plug-connected")


async def _rest(
    session: AsyncSession, query: Select[*tuple[Any, ...]], shown: Sequence[Entry], path: str, symbol: str
) -> list[Entry]:
    """Return a line that says how many more there are than a group shows, and opens their page; none without more."""
    if len(shown) < GROUP_MAX:
        return []
    counted = select(func.count()).select_from(query.order_by(None).limit(COUNTED).subquery())
    more = (await session.execute(counted)).scalar_one() - len(shown)
    return [Entry(f"{more} more", path, symbol)] if more > 0 else []


async def _lost(session: AsyncSession, member: Member) -> list[Entry]:
    """Return the accounts whose sign-in has ended, as actions."""
    lost = select(Connection).where(
        Connection.workspace_id == member.workspace.id,
        Connection.removed_at.is_(None),
        Connection.status == "needs_reconnect",
    )
    return [
        Entry(
            f"Reconnect {_title(one.platform)} @{one.username}",
            f"/accounts/{one.id}",
            platform=one.platform,
            role="editor",
            words="account sign-in ended",
        )
        for one in await session.scalars(lost.order_by(Connection.username).limit(LOST_MAX))
    ]


async def _posts(session: AsyncSession, member: Member, typed: str) -> list[Entry]:
    """Return the posts with these words in a caption, a clip's name or a handle, nearest to now first."""
    now = clock.now()
    wanted = Wanted(query=typed, since=now, earliest_first=True), Wanted(query=typed, until=now)
    pages = [await list_lines(session, member.workspace.id, one, GROUP_MAX) for one in wanted]
    posts = {post.id: post for page in pages for post in page.posts}.values()
    nearest = sorted(posts, key=lambda post: abs(post.starts_at - now))[:GROUP_MAX]
    return [
        Entry(
            line.title,
            f"/posts/{line.id}",
            "send",
            line.marks[0].platform if line.marks else "",
            note=f"{STATES[line.state].word} · {times.planned(line.starts_at, member.zone)}",
        )
        for line in await lines_of(session, nearest)
    ]


async def _clips(session: AsyncSession, workspace_id: UUID, typed: str) -> list[Entry]:
    query = select(Render.id, Render.name).where(Render.workspace_id == workspace_id, Render.deleted_at.is_(None))
    if typed:
        query = query.where(Render.name.icontains(typed, autoescape=True))
    found = await session.execute(query.order_by(Render.id.desc()).limit(GROUP_MAX))
    entries = [Entry(name, f"/clips/{id}", "movie") for id, name in found]
    return entries + await _rest(session, query, entries, f"/clips?{urlencode({'q': typed})}", "movie") * bool(typed)


async def _clients(session: AsyncSession, workspace_id: UUID, typed: str) -> list[Entry]:
    query = select(Client).where(Client.workspace_id == workspace_id, Client.name.icontains(typed, autoescape=True))
    found = await session.scalars(query.order_by(Client.name).limit(GROUP_MAX))
    entries = [Entry(one.name, f"/clients/{one.id}/posts", "user") for one in found]
    return entries + await _rest(session, query, entries, "/clients", "users")


async def _with_id(session: AsyncSession, workspace_id: UUID, pasted: UUID) -> list[Entry]:
    """Return what has this id: of a post, an item, a clip, an account, a job or a request."""

    async def first(query: Select[*tuple[Any, ...]]) -> Sequence[Any] | None:
        return (await session.execute(query)).first()

    found: list[Entry] = []
    if await first(select(Post.id).where(Post.workspace_id == workspace_id, Post.id == pasted)):
        found.append(Entry("Open the post", f"/posts/{pasted}", "send"))
    item = select(Item.post_id, Item.id, Item.platform).where(Item.workspace_id == workspace_id)
    job = select(Job.subject_id).where(Job.workspace_id == workspace_id, Job.id == pasted).scalar_subquery()
    if row := await first(item.where(or_(Item.id == pasted, Item.id == job))):
        found.append(Entry("Open the item", f"/posts/{row[0]}#item-{row[1]}", platform=row[2]))
    render = select(Render.id, Render.name).where(Render.workspace_id == workspace_id)
    clip = select(Clip.id).where(Clip.id == pasted).scalar_subquery()
    if row := await first(
        render.where(or_(Render.edit_setting_id == pasted, Render.id == pasted, Render.clip_id == clip))
    ):
        found.append(Entry(f"Open the clip {row[1]}", f"/clips/{row[0]}", "movie"))
    account = select(Connection.platform, Connection.username).where(
        Connection.workspace_id == workspace_id, Connection.id == pasted
    )
    if row := await first(account):
        found.append(Entry(f"Posts of {_title(row[0])} @{row[1]}", f"/posts?account={pasted}", platform=row[0]))
    request = select(LoggedRequest.method, LoggedRequest.path).where(
        LoggedRequest.workspace_id == workspace_id, LoggedRequest.id == pasted
    )
    if row := await first(request):
        found.append(Entry(f"Open the request {row[0]} {row[1]}", f"/developers/requests/{pasted}", "code"))
    return found


def _title(platform: str) -> str:
    return PLATFORMS[platform].title if platform in PLATFORMS else platform
