"""Fills a workspace with very many accounts, clients, clips and posts: 10 000 posts take seconds.

The rows are written by COPY, without triggers and without checks of references, which only a superuser of PostgreSQL
may do. The same sizes give the same rows, but for the times, which lie around now, and the ids.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from itertools import islice
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import JSONB

from clipcast.clock import clock
from clipcast.common.names import name_key
from clipcast.common.timestamps import format_timestamp
from clipcast.database.models import Base
from clipcast.database.models.clips import Clip
from clipcast.database.models.jobs import JobState
from clipcast.database.models.reviews import ReviewState
from clipcast.installation import Installation
from clipcast.jobs.kinds import KINDS, PUBLISH
from clipcast.platforms.errors import MediaRejected, OutcomeUnknown, PublishError, ReconnectNeeded, as_dict
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.drafts import EMPTY

# Names at which pages break: 60 characters without a space, from right to left, with emoji, and with markup.
HARD_NAMES = (
    "Wintergartenbepflanzungsgesellschaftsversammlungsprotokolle",
    "مقهى الميناء الشمالي للقهوة المختصة",
    "👩‍👩‍👧‍👦 Picnic & Co 🧺",
    "<b>Northside</b> Coffee",
)
CLIENTS = ("Harbour Films", "Night Bakery", "Tidepool", "Copper Lantern", "Orchid House", "Blue Door", "Field Notes")
OPENINGS = ("First light over", "Three minutes with", "What nobody says about", "Behind", "A slow morning in", "Ten of")
THINGS = (
    "the harbour",
    "our kitchen",
    "rye bread",
    "the night shift",
    "the garden",
    "a small studio",
    "the north pier",
)
# In the caption of one post in `RARE`, so that a search finds few. No name has it.
RARE_WORD, RARE = "zephyrine", 400
ZONES = ("Europe/Lisbon", "America/Sao_Paulo", "Asia/Tokyo", "UTC")
# Posts that are written at once.
BATCH = 20_000
MEDIA = {
    "container": "mp4", "size": 1_000_000, "duration": 12.0, "width": 1080, "height": 1920, "frame_rate": 30.0,
    "video_codec": "h264", "audio_codec": "aac", "audio_channels": 2, "audio_rate": 48_000, "audio_bit_rate": 128_000,
    "video_bit_rate": 2_000_000,
}  # fmt: skip
LOST = ReconnectNeeded("token_revoked", "The account owner has withdrawn the permission.")
TROUBLES: dict[str, PublishError] = {
    "failed": MediaRejected("video_too_long", "The video is longer than the platform allows."),
    "check": OutcomeUnknown("response_lost", "The platform did not respond, and the video may be live."),
    "held": LOST,
}
# Of an item in each state of a page: its status and that of its job.
ITEMS = {
    "published": ("published", JobState.DONE), "failed": ("failed", JobState.DONE), "check": ("failed", JobState.DONE),
    "held": ("processing", JobState.HELD), "publishing": ("processing", JobState.READY),
    "scheduled": ("pending", JobState.WAITING), "in_review": ("pending", JobState.REVIEW),
}  # fmt: skip
# How many of 1 000 posts that are out, or that wait for their time, are in each state.
PAST = {"failed": 12, "check": 3, "partial": 10, "published": 975}
AHEAD = {"in_review": 30, "changes": 10, "approved": 20, "scheduled": 940}
REVIEWS = {
    "in_review": ReviewState.WAITING, "changes": ReviewState.CHANGES_REQUESTED, "approved": ReviewState.APPROVED,
}  # fmt: skip


@dataclass(frozen=True)
class Sizes:
    """How much of each there is."""

    accounts: int = 300
    clients: int = 40
    clips: int = 400
    posts: int = 10_000
    # Those of the posts that lie within the 15 days before and after now.
    near: int = 1_000
    # The share of the posts with several items.
    several: float = 0.3
    drafts: int = 60
    requests: int = 300


@dataclass(frozen=True)
class Account:
    """An account that posts go to."""

    id: UUID
    client_id: UUID | None
    platform: str
    is_lost: bool


@dataclass(frozen=True)
class SeededPost:
    """A post with an item for each of its accounts, all in one state but for a partly published one."""

    id: UUID
    at: datetime
    state: str
    caption: str
    accounts: Sequence[Account]
    edit_id: UUID


@dataclass
class Seeded:
    """What was written: ids, the oldest first, and the numbers of posts by client and state."""

    clients: list[UUID] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    renders: list[UUID] = field(default_factory=list)
    edit_ids: list[UUID] = field(default_factory=list)
    drafts: list[UUID] = field(default_factory=list)
    requests: list[UUID] = field(default_factory=list)
    # The newest post in each state.
    newest: dict[str, UUID] = field(default_factory=dict)
    # A post to every account.
    large_post: UUID | None = None
    by_client: Counter[tuple[UUID | None, str]] = field(default_factory=Counter)
    # The number of posts by account.
    by_account: Counter[UUID] = field(default_factory=Counter)
    # How many captions contain RARE_WORD.
    rare: int = 0

    def posts(self, *states: str, client: UUID | None = None) -> int:
        """Return the number of posts in these states, or in any; of one client, or of all."""
        return sum(
            number
            for (of, state), number in self.by_client.items()
            if (not states or state in states) and client in (None, of)
        )


async def seed(
    installation: Installation,
    workspace_id: UUID,
    sizes: Sizes | None = None,
    like: Clip | None = None,
    reviewer_id: UUID | None = None,
) -> Seeded:
    """Fill a workspace, and return what it then has. Its own accounts, clips and posts stay.

    With a sandbox, the accounts are those of real platforms, and without one, they are the sandbox's: so no page asks a
    platform about them. The clips have the file and the picture of the clip `like`; without it, they have none. The
    user `reviewer_id` is asked to review.
    """
    plan = _Plan(workspace_id, sizes or Sizes(), like, reviewer_id)
    plan.in_sandbox = installation.settings.sandbox_url is None
    connection = await installation.database.connector.connect()
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            for rows in plan.batches():
                for table, of_table in rows.items():
                    await _copy(connection, Base.metadata.tables[table], of_table)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
    return plan.made


async def _copy(connection: Any, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows, with the defaults of the columns that they leave out."""
    if not rows:
        return
    given = rows[0].keys()
    columns = [one for one in table.columns if one.name in given or (one.default is not None and one.default.has_arg)]
    defaults = [None if one.name in given else _default(one.default) for one in columns]
    is_json = [isinstance(one.type, JSONB) for one in columns]

    def record(row: Mapping[str, Any]) -> tuple[Any, ...]:
        values = (row.get(one.name, default) for one, default in zip(columns, defaults, strict=True))
        return tuple(
            json.dumps(value) if json_ and value is not None else value
            for value, json_ in zip(values, is_json, strict=True)
        )

    await connection.copy_records_to_table(
        table.name, records=map(record, rows), columns=[one.name for one in columns], timeout=None
    )


def _default(default: Any) -> Any:
    return default.arg(None) if default.is_callable else default.arg


Rows = dict[str, list[dict[str, Any]]]


class _Plan:
    """The rows of one workspace, table by table."""

    def __init__(self, workspace_id: UUID, sizes: Sizes, like: Clip | None, reviewer_id: UUID | None) -> None:
        self.workspace_id, self.sizes, self.like, self.reviewer_id = workspace_id, sizes, like, reviewer_id
        self.made, self.chance, self.in_sandbox = Seeded(), Random(17), True
        self.now = clock.now().replace(microsecond=0)
        # The accounts of each client, and those of none.
        self.groups: list[list[Account]] = []

    def batches(self) -> Iterator[Rows]:
        """Yield the rows in an order in which each refers to earlier ones."""
        yield {"clients": list(self._clients()), "posting_times": list(self._posting_times())}
        yield {"connections": list(self._connections())}
        yield self._clips()
        yield {"drafts": list(self._drafts()), "logged_requests": list(self._requests())}
        posts = self._posts()
        while batch := list(islice(posts, BATCH)):
            yield self._rows_of(batch)

    def _id(self, at: datetime) -> UUID:
        """Return an id of version 7 as of an instant."""
        milliseconds, chance = int(at.timestamp() * 1000), self.chance
        return UUID(
            int=milliseconds << 80 | 0x7 << 76 | chance.getrandbits(12) << 64 | 0b10 << 62 | chance.getrandbits(62)
        )

    def _clients(self) -> Iterator[dict[str, Any]]:
        for number in range(self.sizes.clients):
            hard = number < len(HARD_NAMES)
            name = HARD_NAMES[number] if hard else f"{CLIENTS[number % len(CLIENTS)]} {number}"
            id = self._id(self.now - timedelta(days=700))
            self.made.clients.append(id)
            yield {
                "id": id, "workspace_id": self.workspace_id, "name": name, "name_key": name_key(name),
                "color": number % 12 + 1, "timezone": ZONES[number % len(ZONES)],
            }  # fmt: skip

    def _posting_times(self) -> Iterator[dict[str, Any]]:
        for client in self.made.clients:
            for weekday in range(5):
                for at in (time(9, 15), time(18, 30)):
                    yield {"id": self._id(self.now), "client_id": client, "weekday": weekday, "at": at}

    def _connections(self) -> Iterator[dict[str, Any]]:
        """Yield accounts, in turn of each client. Some belong to no client, and the sign-in of some has ended."""
        names = list(PLATFORMS)
        clients: list[UUID | None] = [*self.made.clients, None]
        self.groups = [[] for _ in clients]
        for number in range(self.sizes.accounts):
            client = number % len(clients)
            account = Account(
                self._id(self.now - timedelta(days=600)), clients[client], names[number % len(names)], number % 60 == 59
            )
            self.made.accounts.append(account)
            self.groups[client].append(account)
            handle = f"{'longhandle' * 5}{number:04}" if number % 50 == 0 else f"studio.{number:04}"
            yield {
                "id": account.id, "workspace_id": self.workspace_id, "client_id": account.client_id,
                "platform": account.platform, "account_id": f"seeded-{number}", "username": handle,
                "display_name": HARD_NAMES[number % 4] if number % 10 == 0 else f"Studio {number}", "scopes": [],
                "sandbox": self.in_sandbox, "profile": {}, "tokens": b"", "issued_at": self.now, "renewable": True,
                "status": "needs_reconnect" if account.is_lost else "active",
                "status_reason": LOST.message if account.is_lost else None,
            }  # fmt: skip

    def _clips(self) -> Rows:
        """Return renders of a few clips, so that there are few pictures to make."""
        kept = {} if self.like is None else {
            name: getattr(self.like, name)
            for name in ("storage_key", "thumbnail_key", "size", "sha256", "media", "content_type")
        }  # fmt: skip
        clips: list[dict[str, Any]] = []
        renders: list[dict[str, Any]] = []
        for number in range(self.sizes.clips):
            at = self.now - timedelta(days=500) + timedelta(hours=number)
            if number % 40 == 0:
                clip = {
                    "id": self._id(at), "workspace_id": self.workspace_id, "title": "a",
                    "file_name": f"{HARD_NAMES[0] * 3}.mp4", "content_type": "video/mp4",
                    "status": "ready", "storage_key": "seeded/none.mp4", "size": 1_000_000,
                    "thumbnail_key": None, "sha256": f"{number:064}", "media": MEDIA,
                }  # fmt: skip
                clips.append(clip | kept)
            hard = number % 25 == 0
            name = HARD_NAMES[number // 25 % 4] if hard else f"{THINGS[number % len(THINGS)].capitalize()} {number}"
            if number == self.sizes.clips - 1:
                name = HARD_NAMES[0] * 3
            self.made.renders.append(self._id(at))
            self.made.edit_ids.append(self._id(at))
            renders.append({
                "id": self.made.renders[-1], "edit_setting_id": self.made.edit_ids[-1],
                "workspace_id": self.workspace_id, "clip_id": clips[-1]["id"], "key": f"{number:064}", "name": name,
                "status": "completed", "labels": ["Evergreen"] if number % 9 == 0 else [], "created_at": at,
                "completed_at": at,
            })  # fmt: skip
        return {"clips": clips, "renders": renders}

    def _drafts(self) -> Iterator[dict[str, Any]]:
        """Yield drafts, of which every other one has a time."""
        for number in range(self.sizes.drafts):
            at = self.now + timedelta(days=1 + number % 20, hours=number % 7)
            content = EMPTY | {
                "clips": [str(self.made.edit_ids[number % len(self.made.edit_ids)])],
                "accounts": [str(one.id) for one in self.groups[number % len(self.groups)][:3]],
                "text": self._caption(number),
            }
            if number % 2:
                content |= {"later": True, "at": f"{at:%Y-%m-%dT%H:%M}", "zone": "UTC",
                            "scheduled_at": format_timestamp(at)}  # fmt: skip
            self.made.drafts.append(self._id(self.now))
            yield {"id": self.made.drafts[-1], "workspace_id": self.workspace_id, "content": content}

    def _requests(self) -> Iterator[dict[str, Any]]:
        """Yield requests of an API key, of which every fifth one is refused."""
        body = {"videos": [{"editId": str(self.made.edit_ids[0]), "targets": []}]}
        problem = {"type": "about:blank", "title": "Unprocessable", "status": 422, "code": "invalid_request",
                   "detail": "videos[0].targets has 0 entries; at least 1 is needed.", "errors": []}  # fmt: skip
        for number in range(self.sizes.requests):
            at, refused = self.now - timedelta(minutes=self.sizes.requests - number), number % 5 == 4
            self.made.requests.append(self._id(at))
            yield {
                "id": self.made.requests[-1], "workspace_id": self.workspace_id, "key_id": self.workspace_id,
                "key_name": "Planner", "method": "POST", "path": "/api/v1/posts", "status": 422 if refused else 201,
                "code": "invalid_request" if refused else "", "is_replay": number % 50 == 0, "milliseconds": 12,
                "request_body": json.dumps(body), "response_body": json.dumps(problem if refused else {"ok": True}),
                "created_at": at,
            }  # fmt: skip

    def _caption(self, number: int) -> str:
        words = f"{OPENINGS[number % len(OPENINGS)]} {THINGS[number % len(THINGS)]}, part {number}"
        if number % 97 == 0:
            words = f"{HARD_NAMES[number // 97 % 4]} {words}"
        return words if number % RARE else f"{words}, {RARE_WORD}"

    def _posts(self) -> Iterator[SeededPost]:
        """Yield posts along the time: most are past, `near` of them lie around now, and a few weeks are planned."""
        sizes, chance = self.sizes, self.chance
        near = timedelta(days=30) / max(1, sizes.near)
        far = max(0, sizes.posts - sizes.near)
        past, ahead = range(far - far // 20), range(far // 20)
        times = [self.now - timedelta(days=15) - timedelta(days=500) * (len(past) - one) / len(past) for one in past]
        times += [self.now - timedelta(days=15) + near * number for number in range(min(sizes.near, sizes.posts))]
        times += [self.now + timedelta(days=15) + timedelta(days=45) * (one + 1) / len(ahead) for one in ahead]
        for number, exact in enumerate(times):
            at = exact.replace(second=0, microsecond=0)
            group = self.groups[number % len(self.groups)] or self.made.accounts
            most = min(len(group), chance.randint(2, 8)) if chance.random() < sizes.several else 1
            accounts = chance.sample(group, most)
            yield self._post(number, at, self._state(number, at, accounts), accounts)
        self.made.large_post = self._id(self.now)
        yield SeededPost(
            self.made.large_post, self.now - timedelta(hours=1), "partial", f"{HARD_NAMES[1]} for every account",
            self.made.accounts, self.made.edit_ids[-1],
        )  # fmt: skip

    def _post(self, number: int, at: datetime, state: str, accounts: Sequence[Account]) -> SeededPost:
        post_id = self._id(min(at - timedelta(days=2), self.now))
        return SeededPost(
            post_id, at, state, self._caption(number), accounts, self.made.edit_ids[number % len(self.made.edit_ids)]
        )

    def _state(self, number: int, at: datetime, accounts: Sequence[Account]) -> str:
        since = self.now - at
        if timedelta() < since < timedelta(days=4) and any(one.is_lost for one in accounts):
            return "held"
        if timedelta() <= since < timedelta(minutes=30):
            return "publishing"
        shares = PAST if since > timedelta() else AHEAD
        state = self.chance.choices(list(shares), list(shares.values()))[0]
        return "published" if state == "partial" and len(accounts) < 2 else state

    def _rows_of(self, posts: Iterable[SeededPost]) -> Rows:
        rows: Rows = {"posts": [], "items": [], "jobs": [], "reviews": [], "reviewers": []}
        kind = KINDS[PUBLISH]
        for post in posts:
            self._count(post)
            made = min(post.at - timedelta(days=2), self.now)
            review = REVIEWS.get(post.state)
            rows["posts"].append({
                "id": post.id, "workspace_id": self.workspace_id, "scheduled_at": post.at, "review": review,
                "created_at": made, "updated_at": made,
            })  # fmt: skip
            if review:
                self._add_review(rows, post, made, review)
            for position, account in enumerate(post.accounts):
                state = _state_of_item(post.state, position)
                status, job = ITEMS[state]
                id = self._id(made)
                error = TROUBLES.get(state)
                ended = post.at if status in ("published", "failed") else made
                rows["items"].append({
                    "id": id, "workspace_id": self.workspace_id, "post_id": post.id, "position": position,
                    "edit_id": post.edit_id, "connection_id": account.id, "platform": account.platform,
                    "details": _details(account.platform, post.caption), "goes_at": post.at,
                    "fingerprint": self.chance.getrandbits(63), "status": status,
                    "attempts": 0 if status == "pending" else 1,
                    "error": as_dict(error, format_timestamp(post.at) or "") if error else None,
                    "published_at": post.at + timedelta(seconds=2) if status == "published" else None,
                    "platform_post_id": str(position) if status == "published" else None,
                    "platform_post_url": "https://example.org/v/1" if status == "published" else None,
                    "created_at": made, "updated_at": ended,
                })  # fmt: skip
                rows["jobs"].append({
                    "id": id, "workspace_id": self.workspace_id, "kind": kind.name, "subject_id": id,
                    "platform": account.platform, "queue": kind.queue, "priority": kind.priority, "state": job,
                    "due_at": post.at, "hold_until": self.now + timedelta(days=7) if state == "held" else None,
                    "attempts": 0 if status == "pending" else 1, "created_at": made, "updated_at": ended,
                })  # fmt: skip
        return rows

    def _count(self, post: SeededPost) -> None:
        [*clients] = {one.client_id for one in post.accounts}
        self.made.by_client[clients[0] if len(clients) == 1 else None, post.state] += 1
        self.made.by_account.update(one.id for one in post.accounts)
        self.made.newest[post.state] = post.id
        self.made.rare += RARE_WORD in post.caption

    def _add_review(self, rows: Rows, post: SeededPost, made: datetime, state: ReviewState) -> None:
        id = self._id(made)
        rows["reviews"].append({
            "id": id, "post_id": post.id, "workspace_id": self.workspace_id, "rule": "any", "message": "",
            "requested_by": "Editor", "requested_at": made,
        })  # fmt: skip
        if self.reviewer_id:
            decision = None if state == ReviewState.WAITING else str(state)
            rows["reviewers"].append({
                "id": self._id(made), "review_id": id, "user_id": self.reviewer_id, "decision": decision,
                "decided_at": made if decision else None, "decided_by": "Editor" if decision else None,
            })  # fmt: skip


def _state_of_item(state: str, position: int) -> str:
    """Return the state of an item of a post: every third one of a partly published post failed."""
    if state == "partial":
        return "failed" if position % 3 == 1 else "published"
    return {"changes": "in_review", "approved": "scheduled"}.get(state, state)


def _details(platform: str, caption: str) -> dict[str, str]:
    model = PLATFORMS[platform].metadata
    words = {model.title_field: caption[:90], model.text_field: caption}
    return {name: text for name, text in words.items() if name}
