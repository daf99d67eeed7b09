"""The page of a post: its items as a grid of accounts and clips, and one item beside it with what can be done."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from clipcast.audit.service import newest_about
from clipcast.clips.pictures import picture_version
from clipcast.common.ids import parse_id
from clipcast.common.media import known_media
from clipcast.common.problems import NotFound
from clipcast.database.models.clients import Client
from clipcast.database.models.clips import Render
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Item, Post
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import repository, reviewing, service
from clipcast.posts.drafts import successor_of
from clipcast.posts.lines import Picture
from clipcast.posts.schemas import AttemptOut
from clipcast.posts.states import ITEM_STATES, NEEDY, item_state, post_state, progress_note
from clipcast.posts.status import post_status, waits_to_be_tried
from clipcast.posts.titles import title_of
from clipcast.renders.repository import renders_by_edit_id
from clipcast.renders.service import output_of
from clipcast.reviews.states import shown_state
from clipcast.web import fits, times
from clipcast.web.charts import shares
from clipcast.web.forms import FilledForm, FormField, fields_of, label_of
from clipcast.web.pages import DIGEST, digest, is_htmx
from clipcast.web.viewers import Looking, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

# With more items, the page opens on those that need a person; with more accounts, it has a search.
MANY_ITEMS = 100
MANY_ACCOUNTS = 20
TABS = {"story": "What happened", "caption": "Caption", "developer": "Developer"}
# The order of the counts.
COUNTED = ("published", "failed", "check", "held", "waiting", "paused", "publishing", "scheduled")
# The `actor` of an error, as a sentence.
ACTORS = {
    "nobody": "It continues automatically.",
    "caller": "You must change the post.",
    "account_owner": "The account owner must act.",
    "operator": "The operator of this installation must act.",
    "platform": "The platform must act.",
}


@dataclass(frozen=True)
class Cell:
    """An item in the grid."""

    item: Item
    state: str
    is_shown: bool

    @property
    def at(self) -> datetime | None:
        """The time that the cell shows: when it was published, or goes on."""
        return self.item.published_at if self.state == "published" else self.item.next_attempt_at


@dataclass
class Row:
    """An account, with its items by clip."""

    account: Connection
    cells: list[list[Cell]]

    @property
    def needy(self) -> int:
        """The number of its items that need a person."""
        return sum(cell.state in NEEDY for cells in self.cells for cell in cells)


@dataclass(frozen=True)
class RowGroup:
    """The accounts of a client, or of none."""

    client: Client | None
    rows: list[Row]

    @property
    def key(self) -> str:
        return str(self.client.id) if self.client else "none"

    @property
    def needy(self) -> int:
        return sum(row.needy for row in self.rows)


@dataclass(frozen=True)
class Grid:
    """The items of a post: accounts as rows, clips as columns, and what of them is shown."""

    clips: list[Picture]
    groups: list[RowGroup]
    counts: dict[str, int]
    show: str
    find: str = ""
    accounts: int = 0
    # Whether a phone hides what is published, as something needs a person.
    folds: bool = False

    @property
    def rows(self) -> list[Row]:
        """The accounts, in the order of their groups."""
        return [row for group in self.groups for row in group.rows]

    @property
    def needy(self) -> int:
        """The number of items that need a person."""
        return sum(self.counts.get(state, 0) for state in NEEDY)

    @property
    def shape(self) -> str:
        """What decides which rows and columns there are."""
        parts = [self.show, self.find, *(str(clip.render_id) for clip in self.clips)]
        return digest(" ".join([*parts, *(str(row.account.id) for row in self.rows)]))


@dataclass(frozen=True)
class Word:
    """A field of an item's metadata, in words."""

    label: str
    value: str


@dataclass(frozen=True)
class Panel:
    """The chosen item, and the tab that is open."""

    item: Item
    state: str
    tab: str
    render: Render | None
    caption: list[Word] = field(default_factory=list)
    attempts: list[AttemptOut] = field(default_factory=list)
    # What the platform takes, and what its file is, if the platform rejected the file.
    limits: str = ""

    @property
    def running(self) -> int:
        """The number of the attempt that runs; 0 if none does."""
        last = self.attempts[-1] if self.attempts else None
        return last.number if last and not last.decision and self.item.status == "processing" else 0


@dataclass(frozen=True)
class Known:
    """What a browser has of the page: the shape of its grid, and the digests of its rows."""

    shape: str
    rows: list[str]

    @classmethod
    def of(cls, request: Request) -> "Known | None":
        """Return what the request says of its page; None for a page that is opened."""
        shape, rows = (request.headers.get(f"clipcast-{name}", "") for name in ("shape", "rows"))
        known = [rows[at : at + DIGEST] for at in range(0, len(rows), DIGEST)]
        return cls(shape, known) if is_htmx(request) and shape else None


@dataclass(frozen=True)
class Look:
    """What of the post the address asks for: an item, its tab, a state, and words of an account's name."""

    item: str = ""
    tab: str = "story"
    show: str = ""
    find: str = ""


@router.get("/posts/{post_id}")
async def post_page(
    member: Looking,
    post_id: str,
    changed: bool = False,
    item: str = "",
    tab: str = "story",
    show: str = "",
    find: str = "",
) -> Response:
    """Return a post's page. `changed` shows that an action did nothing, because the post had changed.

    If an edited post has replaced this one, redirect to it. If somebody removed it, the page says who and when.
    """
    try:
        return await render_post(member, post_id, changed=changed, look=Look(item, tab, show, find))
    except NotFound:
        async with member.installation.database.session() as session:
            successor = await successor_of(session, member.workspace.id, post_id)
            removal = None if successor else await newest_about(session, member.workspace.id, f"Post {post_id}")
        if removal is not None and removal.action == "post.deleted":
            return member.render("post_gone.html", 404, section="posts", entry=removal)
        if successor is None:
            raise
        return member.redirect(f"/posts/{successor.post_id}" + ("?changed=true" if changed else ""))


async def render_post(
    member: Member, post_id: str, form: FilledForm | None = None, changed: bool = False, look: Look | None = None
) -> Response:
    """Return a post's page. `form` is a filled-in form for another time, with its problems."""
    look = look or Look()
    async with member.installation.database.session() as session:
        post = await service.get_post(session, member.workspace.id, post_id)
        items = await repository.get_items(session, post.id)
        renders = await renders_by_edit_id(session, member.workspace.id, [item.edit_id for item in items])
        chosen = _chosen(items, look)
        show_item = await service.showing(member.installation, session, [chosen])
        attempts = [AttemptOut.of(*one) for one in await repository.attempts_of(session, chosen.id)]
        failed_before = await repository.failed_before(session, post.id)
        is_stuck = post.review is not None and await reviewing.is_stuck(session, member.workspace.id, post.id)
    grid = _grid(items, renders, look, member.clients)
    known = Known.of(member.request)
    if known and len(known.rows) != len(grid.rows):
        known = Known("", [])
    state = post_state(grid.counts, shown_state(post))
    scheduled = times.to_input(post.scheduled_at, member.zone) if post.scheduled_at else ""
    typed = form.line("at") if form else scheduled
    first = items[0]
    render = renders.get(chosen.edit_id)
    tab = look.tab if look.tab in TABS else "story"
    limits = _limits(chosen, render)
    panel = Panel(chosen, item_state(chosen), tab, render, caption_of(chosen), attempts, limits)
    retried = [item for item in items if item.status == "failed" and item.connection.removed_at is None]
    own = {"show": look.show if look.show else "", "find": grid.find}
    return member.render(
        "post/changes.html" if known else "post.html",
        known=known,
        section="posts",
        post=post,
        title=title_of(first.platform, first.details, renders[first.edit_id].name if first.edit_id in renders else ""),
        items=items,
        api_status=post_status(item.status for item in items),
        state=state,
        is_stuck=is_stuck,
        note=progress_note(state, grid.counts),
        grid=grid,
        counted=[name for name in COUNTED if grid.counts.get(name)],
        share_bar=shares({name: grid.counts.get(name, 0) for name in COUNTED}),
        lateness=_lateness(post, items, failed_before),
        panel=panel,
        shown=show_item,
        tabs_of_item=TABS,
        fixes=fixes,
        query={name: value for name, value in own.items() if value},
        here=urlencode({"item": str(chosen.id), "tab": tab} | {name: value for name, value in own.items() if value}),
        many_accounts=grid.accounts > MANY_ACCOUNTS,
        account_fixes=account_fixes(member, items),
        changed=changed,
        failed=len(retried),
        # Of these, those that are looked for first.
        unclear=sum(item_state(item) == "check" for item in retried),
        client=_client_of(items, member.clients),
        actors=ACTORS if member.may("editor") else ACTORS | {"caller": "An editor must change the post."},
        scheduled=typed,
        twice=times.comes_twice(typed, member.zone),
        second=_is_second(member, post.scheduled_at),
        form=form or FilledForm({}),
        call=f"{member.installation.settings.public_base}/api/v1/posts/{post.id}",
        status=422 if form else 200,
    )


def _chosen(items: Sequence[Item], look: Look) -> Item:
    """Return the item that the address names; else the first that needs a person, or the first."""
    id = parse_id(look.item)
    named = [item for item in items if item.id == id]
    needy = [item for item in items if item_state(item) in NEEDY]
    return (named or needy or [items[0]])[0]


def _grid(items: Sequence[Item], renders: Mapping[UUID, Render], look: Look, clients: Sequence[Client]) -> Grid:
    """Return the items by account and clip, in the order of the post, and the accounts by client."""
    states = {item.id: item_state(item) for item in items}
    counts = Counter(states.values())
    needy = any(counts[state] for state in NEEDY)
    show = look.show if look.show in (*ITEM_STATES, "needs", "all") else ""
    show = show or ("needs" if len(items) > MANY_ITEMS and needy else "all")
    wanted = {"all": ITEM_STATES, "needs": NEEDY}.get(show, (show,))
    edits = list(dict.fromkeys(item.edit_id for item in items))
    accounts = dict.fromkeys(item.connection_id for item in items)
    find = look.find.strip().removeprefix("@").casefold() if len(accounts) > MANY_ACCOUNTS else ""
    rows: dict[UUID, Row] = {}
    for item in items:
        row = rows.setdefault(item.connection_id, Row(item.connection, [[] for _ in edits]))
        row.cells[edits.index(item.edit_id)].append(Cell(item, states[item.id], states[item.id] in wanted))
    shown = [row for row in rows.values() if any(cell.is_shown for cells in row.cells for cell in cells)]
    if find:
        shown = [row for row in shown if find in f"{row.account.username} {row.account.display_name}".casefold()]
    return Grid(
        [_picture(renders.get(edit)) for edit in edits],
        _groups(shown, clients),
        dict(counts),
        show,
        find,
        len(accounts),
        needy and not look.show,
    )


def _groups(rows: Sequence[Row], clients: Sequence[Client]) -> list[RowGroup]:
    """Return the rows by client, those without one last."""
    by_client: dict[UUID | None, list[Row]] = {client.id: [] for client in clients} | {None: []}
    for row in rows:
        by_client[row.account.client_id if row.account.client_id in by_client else None].append(row)
    named = {client.id: client for client in clients}
    return [RowGroup(named[id] if id else None, own) for id, own in by_client.items() if own]


def _client_of(items: Sequence[Item], clients: Sequence[Client]) -> Client | None:
    """Return the client of all these items; None for accounts of several clients, or of none."""
    ids = {item.connection.client_id for item in items}
    return next((client for client in clients if ids == {client.id}), None)


def _picture(render: Render | None) -> Picture:
    if render is None:
        return Picture(UUID(int=0), "Deleted clip")
    thumbnail = (render.rendition and render.rendition.thumbnail_key) or render.clip.thumbnail_key
    return Picture(render.id, render.name, picture_version(thumbnail) if thumbnail else "")


def _lateness(post: Post, items: Sequence[Item], retried: set[UUID]) -> str:
    """Return how long after its time the post was live: the median and the slowest item; empty before that.

    Items that a person retried after they had failed do not count.
    """
    late = [
        (item.published_at - (post.scheduled_at or post.started_at or item.created_at)).total_seconds()
        for item in items
        if item.published_at is not None and item.id not in retried
    ]
    if not late:
        return ""
    slowest = f", slowest {_seconds(max(late))}" if len(late) > 1 else ""
    return f"Live {_seconds(median(late))} after due{slowest}"


def _limits(item: Item, render: Render | None) -> str:
    """Return what the platform takes beside what the item's file is; empty unless the platform rejected the file.

    The rules of a platform that is not installed now are unknown, so that there is nothing to say either.
    """
    error = item.shown_error
    if not isinstance(error, Mapping) or error.get("class") != "media" or not error.get("platform"):
        return ""
    if item.platform not in PLATFORMS:
        return ""
    media = known_media(item.rendition.media) if item.rendition else output_of(render) if render else None
    taken = fits.rules_in_words(PLATFORMS[item.platform], item.details)
    return f"{taken} This file: {fits.file_in_words(media)}." if media else taken


def _seconds(number: float) -> str:
    """Return a span in words: `1.8 s`, `12 min`, `3 h`."""
    if number < 120:
        return f"{max(0, number):.1f} s"
    return f"{number / 60:.0f} min" if number < 7200 else f"{number / 3600:.0f} h"


def caption_of(item: Item) -> list[Word]:
    """Return the metadata of an item in words, its text first."""
    if item.platform not in PLATFORMS or not isinstance(item.details, dict):
        return []
    model = PLATFORMS[item.platform].metadata
    fields = {one.name: one for one in fields_of(model)}
    first = [name for name in (model.title_field, model.text_field) if name]
    names = sorted(item.details, key=lambda name: first.index(name) if name in first else len(first))
    return [Word(label_of(name), in_words(fields.get(name), item.details[name])) for name in names]


def in_words(one: FormField | None, value: Any) -> str:
    """Return a value of metadata as people read it."""
    if isinstance(value, bool):
        return "Yes" if value != bool(one and one.is_opposite) else "No"
    if isinstance(value, list):
        return ", ".join(in_words(one, each) for each in value) or "None"
    if isinstance(value, dict):
        inner = {each.name: each for each in one.fields} if one else {}
        return "; ".join(f"{label_of(name)}: {in_words(inner.get(name), each)}" for name, each in value.items())
    if value is None or value == "":
        return "Empty"
    return one.title_of(str(value)) if one else str(value)


def _is_second(member: Member, scheduled_at: datetime | None) -> bool:
    """Return whether the time is the second of two equal local times, where clocks go back."""
    return scheduled_at is not None and scheduled_at.astimezone(member.zone).fold == 1


def fixes(member: Member, item: Item) -> list[dict[str, str]]:
    """Return the buttons for an item that has an error, the most likely fix first."""
    error = item.shown_error
    if error is None or not member.may("editor") or item.status == "published":
        return []
    found = []
    platform = PLATFORMS[item.platform]
    if error["class"] == "reconnect" and item.connection.removed_at is None:
        found.append(_account_fix(item.connection))
    retry = f"/posts/{item.post_id}/items/{item.id}/retry"
    if waits_to_be_tried(item):
        found.append({"kind": "post", "path": retry, "title": "Try now"})
    if item.status != "failed":
        return found
    if error["class"] in ("invalid", "policy", "media"):
        found.append(
            {"kind": "post", "path": f"/posts/{item.post_id}/items/{item.id}/edit", "title": "Edit and post again"}
        )
    if error["class"] == "outcome_unknown":
        found.append({"kind": "post", "path": retry, "title": f"Look for it on {platform.title}"})
        there = f"/posts/{item.post_id}/items/{item.id}/published"
        found.append({"kind": "ask", "path": there, "title": "It is there"})
        found.append({
            "kind": "post", "path": f"{retry}?force=true", "title": "It is not: send again",
"confirm": f"Check the account on {platform.title} first. If the video is live, this publishes a second one.",
        })  # fmt: skip
    else:
        found.append({"kind": "post", "path": retry, "title": "Try again"})
    return found


def account_fixes(member: Member, items: list[Item]) -> list[dict[str, str]]:
    """Return the fixes for unusable accounts of items that have not begun, each account once."""
    if not member.may("editor"):
        return []
    lost = {item.connection_id: item.connection for item in items if item.status == "pending"}
    return [
        _account_fix(one) | {"name": f"{PLATFORMS[one.platform].title} @{one.username}", "status": one.status}
        for one in lost.values()
        if one.status != "active" and one.removed_at is None
    ]


def _account_fix(connection: Connection) -> dict[str, str]:
    """Return the link that resumes or reconnects an account."""
    if connection.status == "disabled":
        return {
            "kind": "link",
            "path": f"/accounts/{connection.id}",
            "title": f"Resume @{connection.username}",
        }
    query = {"expects": str(connection.id), "way": connection.profile.get("way")}
    path = f"/accounts/new/{connection.platform}?"
    return {
        "kind": "link",
        "path": path + urlencode({name: value for name, value in query.items() if value}),
        "title": f"Reconnect @{connection.username}",
    }
