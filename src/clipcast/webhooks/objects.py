"""The objects that the body of an event holds beside its facts: the same as the API shows."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from clipcast.connections.schemas import ConnectionOut
from clipcast.database.models.clips import Render
from clipcast.database.models.connections import Connection
from clipcast.database.models.events import Event
from clipcast.database.models.posts import Item, Post
from clipcast.installation import Installation
from clipcast.posts.clients import clients_of
from clipcast.posts.schemas import ItemOut, PostOut
from clipcast.posts.service import showing
from clipcast.posts.status import post_status_sql
from clipcast.renders.schemas import RenderOut
from clipcast.webhooks.events import (
    TYPES,
    ActionFacts,
    ConnectionFacts,
    EndFacts,
    ItemFacts,
    PostFacts,
    RenderFacts,
    ReviewFacts,
)  # fmt: skip

# A body holds the items of a post with at most so many.
ITEMS_MAX = 50
# The object of each kind of facts: its name in the body.
ITEM, POST, CONNECTION, RENDER = "item", "post", "connection", "render"
OBJECTS = {
    ItemFacts: ITEM, ActionFacts: ITEM, EndFacts: POST, PostFacts: POST, ReviewFacts: POST,
    ConnectionFacts: CONNECTION, RenderFacts: RENDER,
}  # fmt: skip


def no_object(event: Event) -> dict[str, None]:
    """Return null under the name of the object of such an event; nothing for types that have none."""
    name = _name_of(event)
    return {name: None} if name else {}


def _name_of(event: Event) -> str | None:
    known = TYPES.get(event.type)
    return OBJECTS.get(known.facts) if known else None


async def objects_of(
    installation: Installation, session: AsyncSession, events: Collection[Event]
) -> dict[UUID, dict[str, Any]]:
    """Return, by event, the object for its body under its name: None if the row is gone; none for other events."""
    wanted: dict[str, set[UUID]] = defaultdict(set)
    of_event: dict[UUID, tuple[str, UUID | None]] = {}
    for event in events:
        if name := _name_of(event):
            id: UUID | None = getattr(event, f"{name}_id")
            of_event[event.id] = name, id
            if id is not None:
                wanted[name].add(id)
    found: dict[str, Mapping[UUID, BaseModel]] = {
        CONNECTION: await _connections(session, wanted[CONNECTION]),
        RENDER: await _renders(session, wanted[RENDER]),
    }
    found[POST], whole = await _posts(session, wanted[POST])
    items = await _items(session, wanted[ITEM], {post.id for post in whole})
    if items:
        show = await showing(installation, session, items)
        shown = {item.id: show(item) for item in items}
        found[ITEM] = shown
        found[POST] = {**found[POST], **_with_items(whole, items, shown)}
    return {id: {name: found.get(name, {}).get(row) if row else None} for id, (name, row) in of_event.items()}


def _with_items(posts: list[Post], items: list[Item], shown: Mapping[UUID, ItemOut]) -> dict[UUID, PostOut]:
    by_post: dict[UUID, list[Item]] = defaultdict(list)
    for item in sorted(items, key=lambda item: item.position):
        by_post[item.post_id].append(item)
    return {
        post.id: PostOut.with_items(post, by_post[post.id], [shown[item.id] for item in by_post[post.id]])
        for post in posts
        if by_post[post.id]
    }


async def _items(session: AsyncSession, ids: set[UUID], post_ids: set[UUID]) -> list[Item]:
    if not ids and not post_ids:
        return []
    query = select(Item).where(Item.id.in_(ids) | Item.post_id.in_(post_ids))
    loaded = query.options(joinedload(Item.connection), joinedload(Item.job), joinedload(Item.rendition))
    return list(await session.scalars(loaded))


async def _posts(session: AsyncSession, ids: set[UUID]) -> tuple[dict[UUID, PostOut], list[Post]]:
    """Return the large posts without their items, and the rows of the others."""
    if not ids:
        return {}, []
    number, changed_at = func.count(), func.max(Item.updated_at)
    query = select(Post, post_status_sql(), number, changed_at).join(Item, Item.post_id == Post.id)
    rows = list(await session.execute(query.where(Post.id.in_(ids)).group_by(Post.id)))
    clients = await clients_of(session, [post.id for post, _, count, _ in rows if count > ITEMS_MAX])
    large = {
        post.id: PostOut.without_items(post, status, count, changed, clients.get(post.id))
        for post, status, count, changed in rows
        if count > ITEMS_MAX
    }
    return large, [post for post, _, count, _ in rows if count <= ITEMS_MAX]


async def _connections(session: AsyncSession, ids: set[UUID]) -> dict[UUID, ConnectionOut]:
    if not ids:
        return {}
    rows = await session.scalars(select(Connection).where(Connection.id.in_(ids), Connection.removed_at.is_(None)))
    return {row.id: ConnectionOut.model_validate(row) for row in rows}


async def _renders(session: AsyncSession, ids: set[UUID]) -> dict[UUID, RenderOut]:
    if not ids:
        return {}
    return {row.id: RenderOut.of(row) for row in await session.scalars(select(Render).where(Render.id.in_(ids)))}
