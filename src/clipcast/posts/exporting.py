"""Posts as the rows of a table: one row for each item, page after page of a list."""

import json
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from clipcast.database import Database
from clipcast.database.limits import SEES_ALL
from clipcast.database.models.clients import Client
from clipcast.database.models.clips import Render
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Item, Post
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.labels import labels_of
from clipcast.posts.listing import Wanted, list_lines
from clipcast.posts.plans.rows import read_accounts
from clipcast.posts.states import item_state, post_state
from clipcast.reviews.states import shown_state

# The posts that are read at once.
POSTS_OF_PAGE = 200


@dataclass(frozen=True)
class ExportedItem:
    """An item with what a person needs of its post. `state` is one of posts/states.py."""

    post: Post
    item: Item
    # The account as a plan names it.
    account: str
    client: str
    clip: str
    labels: tuple[str, ...]
    state: str

    @property
    def texts(self) -> dict[str, str]:
        """The title and the caption, by these names."""
        model = PLATFORMS[self.item.platform].metadata if self.item.platform in PLATFORMS else None
        fields = {"title": model.title_field, "text": model.text_field} if model else {}
        return {name: str(self.item.details.get(field) or "") for name, field in fields.items() if field}

    @property
    def other_metadata(self) -> dict[str, Any]:
        """The metadata beside the title, the caption and the hashtags."""
        model = PLATFORMS[self.item.platform].metadata if self.item.platform in PLATFORMS else None
        shown = {"tags", *((model.title_field, model.text_field) if model else ())}
        return {name: value for name, value in self.item.details.items() if name not in shown and value is not None}

    @property
    def error(self) -> str:
        """What went wrong, and what to do, in words."""
        known = self.item.shown_error or {}
        return " ".join(str(known[name]) for name in ("message", "fix") if known.get(name))


async def exported(database: Database, workspace_id: UUID, wanted: Wanted) -> AsyncIterator[list[ExportedItem]]:
    """Yield the items of all posts that match, in the order of the list. Each page is read by itself."""
    place = wanted.after
    async with database.session() as session:
        shared = await _shared_names(session, workspace_id)
    while True:
        async with database.session() as session:
            page = await list_lines(session, workspace_id, replace(wanted, after=place), POSTS_OF_PAGE)
            yield await _items_of(session, page.posts, shared)
        if page.next is None:
            return
        place = page.next


async def _shared_names(session: AsyncSession, workspace_id: UUID) -> set[tuple[str, str]]:
    """Return the platforms and names, in lower case, that several accounts have."""
    name = func.lower(Connection.username)
    query = select(Connection.platform, name).where(
        Connection.workspace_id == workspace_id, Connection.removed_at.is_(None)
    )
    query = query.group_by(Connection.platform, name).having(func.count() > 1)
    return {(platform, name) for platform, name in await session.execute(query.execution_options(**SEES_ALL))}


def _account_cell(connection: Connection, shared: Collection[tuple[str, str]]) -> str:
    """Return the cell from which a plan reads the account: its name, or its id if several have the name."""
    if (connection.platform, connection.username.lower()) in shared:
        return str(connection.id)
    name = f"{connection.platform}:@{connection.username}"
    return name if read_accounts(name) == [name] else json.dumps([name], ensure_ascii=False)


async def _items_of(
    session: AsyncSession, posts: Sequence[Post], shared: Collection[tuple[str, str]]
) -> list[ExportedItem]:
    ids = [post.id for post in posts]
    query = select(Item, Render.name, Client.name).join(Render, Render.edit_setting_id == Item.edit_id, isouter=True)
    query = query.join(Connection, Connection.id == Item.connection_id).outerjoin(
        Client, Client.id == Connection.client_id
    )
    query = query.where(Item.post_id.in_(ids)).order_by(Item.position, Item.id)
    of_post: dict[UUID, list[tuple[Item, str | None, str | None]]] = {id: [] for id in ids}
    for item, clip, client in await session.execute(query.options(joinedload(Item.connection), joinedload(Item.job))):
        of_post[item.post_id].append((item, clip, client))
    labels = await labels_of(session, ids)
    return [
        ExportedItem(
            post,
            item,
            _account_cell(item.connection, shared),
            client or "",
            clip or "",
            tuple(labels.get(post.id, ())),
            _state(post, item),
        )
        for post in posts
        for item, clip, client in of_post[post.id]
    ]


def _state(post: Post, item: Item) -> str:
    """Return the state of an item; that of its post's review while it waits for it."""
    state = item_state(item)
    return post_state({state: 1}, shown_state(post)) if state == "scheduled" else state
