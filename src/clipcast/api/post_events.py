"""The event stream of a post: each change of its items, as the API shows them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pydantic import RootModel

from clipcast.clock import clock
from clipcast.common.problems import NotFound
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.database.models.posts import Item
from clipcast.installation import Installation
from clipcast.posts import repository, service
from clipcast.posts.schemas import PostOut
from clipcast.posts.watching import POST

MEDIA_TYPE = "text/event-stream"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
# Seconds after which a silent stream sends a comment: proxies close silent connections.
COMMENT_EVERY = 15.0
# The stream ends after this time (seconds). The next one checks the key again.
LIFETIME = 600.0
# Seconds between two readings of the post: the changes of this time are sent together.
PAUSE = 0.1
# A row is written with the time before its commit. A stream that continues therefore begins so much earlier.
MARGIN = timedelta(seconds=60)
FINAL = ("completed", "partial", "failed")
# The end of the id of an event `end`.
ENDED = "-end"


class PostEvents(RootModel[str]):
    """A stream of server-sent events. The data of `item` is an Item; that of `post` and `end` a Post without items."""


EXAMPLE = """retry: 2000

event: item
data: {"id": "0198c7a4-9f64-7b11-a3c2-5d6e7f809102", "status": "published", "progress": 100}

event: post
data: {"post_id": "0198c7a4-9f63-7a24-8b1d-3c4d5e6f7a8b", "status": "completed"}

id: 1798146000000-end
event: end
data: {"post_id": "0198c7a4-9f63-7a24-8b1d-3c4d5e6f7a8b", "status": "completed"}

"""


def since_of(last_event_id: str | None) -> datetime | None:
    """Return the time from which a stream continues; None if it begins, or if the id is none of ours."""
    read_at = _read_at(last_event_id)
    return read_at - MARGIN if read_at else None


def _read_at(last_event_id: str | None) -> datetime | None:
    """Return when the post was read for an event; None if the id is none of ours, such as one of the future."""
    try:
        found = datetime.fromtimestamp(int((last_event_id or "").removesuffix(ENDED)) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return found if found <= clock.now() + MARGIN else None


async def has_all(installation: Installation, workspace_id: UUID, post_id: UUID, last_event_id: str | None) -> bool:
    """Return whether the client with this id has received `end`, and nothing has changed since.

    Raise NotFound.
    """
    read_at = _read_at(last_event_id)
    if not read_at or not str(last_event_id).endswith(ENDED):
        return False
    shown, rows = await _Reader(installation, workspace_id, post_id, None).show()
    return shown.status in FINAL and all(_changed_at(row) <= read_at for row in rows)


async def post_events(
    installation: Installation, workspace_id: UUID, post_id: UUID, since: datetime | None
) -> AsyncIterator[str]:
    """Yield the post and its items as they are, or those changed since then, and every change until all have ended.

    The last event of each reading has the id: who continues from it has received the whole reading.
    """
    yield "retry: 2000\n\n"
    reader = _Reader(installation, workspace_id, post_id, since)
    now = asyncio.get_running_loop().time
    ends_at = now() + LIFETIME
    # A database that does not respond ends the stream, and the client opens it again.
    with suppress(DatabaseUnavailable):
        async with installation.database.watchers.watch(workspace_id, [(POST, post_id)]) as watch:
            while not watch.is_over and now() < ends_at:
                if text := await reader.read():
                    yield text
                if reader.is_over:
                    return
                await asyncio.sleep(PAUSE)
                while not await watch.next(min(COMMENT_EVERY, max(0.0, ends_at - now()))):
                    if watch.is_over or now() >= ends_at:
                        return
                    yield ": alive\n\n"


class _Reader:
    """What a stream has sent, by the hash of each event's data."""

    def __init__(self, installation: Installation, workspace_id: UUID, post_id: UUID, since: datetime | None) -> None:
        self._installation = installation
        self._workspace_id = workspace_id
        self._post_id = post_id
        self._since = since
        self._items: dict[str, int] = {}
        self._post = 0
        self._number = 0
        self.is_over = False

    async def read(self) -> str:
        """Read the post and return the events of all that has changed. Raise DatabaseUnavailable."""
        number = int(clock.now().timestamp() * 1000)
        try:
            shown, rows = await self.show()
        except NotFound:
            self.is_over = True
            return f'event: end\ndata: {{"post_id": "{self._post_id}", "status": "deleted"}}\n\n'
        events = []
        for item, row in zip(shown.items, rows, strict=True):
            data = item.model_dump_json()
            is_new = item.id not in self._items and (self._since is None or _changed_at(row) >= self._since)
            if is_new or (item.id in self._items and self._items[item.id] != hash(data)):
                events.append(("item", data))
            self._items[item.id] = hash(data)
        post = shown.model_dump_json(exclude={"items"})
        head = hash(shown.model_dump_json(include={"status", "scheduled_at", "item_count", "version"}))
        if self._post != head and (self._post or self._since is None or events):
            events.append(("post", post))
        self._post = head
        if shown.status in FINAL:
            self.is_over = True
            events.append(("end", post))
        if not events:
            return ""
        self._number = max(self._number + 1, number)
        texts = [f"event: {name}\ndata: {data}\n" for name, data in events]
        ended = ENDED if self.is_over else ""
        return "\n".join([*texts[:-1], f"id: {self._number}{ended}\n{texts[-1]}\n"])

    async def show(self) -> tuple[PostOut, list[Item]]:
        """Return the post and the rows of its items. Raise NotFound."""
        async with self._installation.database.session() as session:
            post = await service.get_post(session, self._workspace_id, str(self._post_id))
            items = await repository.get_items(session, post.id)
            if not items:  # its last item is being deleted
                raise NotFound("post", str(self._post_id))
            show = await service.showing(self._installation, session, items)
            return PostOut.with_items(post, items, [show(item) for item in items]), items


def _changed_at(item: Item) -> datetime:
    """Return when anything last changed that an item shows; now while its file is being made."""
    changed = [item.updated_at, item.job.updated_at]
    if item.rendition is not None:
        changed.append(item.rendition.completed_at or clock.now())
    return max(changed)
