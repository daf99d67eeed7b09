"""Conversions for platforms: what has to be made of a render's file before an item can be published."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.media import FactsUnreadable, Media, stored_media
from clipcast.connections.options import known_limits
from clipcast.database.after_commit import after_commit
from clipcast.database.changes import tell
from clipcast.database.hot_queries import Call, Executor, Statement
from clipcast.jobs.claimed import OF_FILE
from clipcast.platforms.registry import PLATFORMS
from clipcast.rendering.planner import Plan, estimate_seconds, plan
from clipcast.renders.renditions import FOR_A_POST, FOR_A_POST_SOON, Input, Order, Source, ensure

log = structlog.get_logger()

# The conversions for a scheduled post start this long before it.
AHEAD = timedelta(hours=24)
SOON = timedelta(hours=1)
# `items.conform` of an item whose file is sent as it is.
NEVER = "never"

ITEMS = Statement(f"""
    SELECT items.id, items.post_id, items.platform, items.details, items.rendition_id AS ordered, posts.workspace_id,
           (SELECT profile FROM connections WHERE connections.id = items.connection_id) AS profile,
           posts.scheduled_at, clips.id AS clip_id, renditions.id AS rendition_id, renditions.key AS rendition_key,
           {OF_FILE["storage_key"]} AS storage_key, {OF_FILE["size"]} AS size, {OF_FILE["sha256"]} AS sha256,
           CASE WHEN renditions.id IS NULL THEN clips.media
                ELSE coalesce(renditions.media, renditions.expected) END AS media
    FROM items
    JOIN posts ON posts.id = items.post_id
    JOIN renders ON renders.edit_setting_id = items.edit_id
    JOIN clips ON clips.id = renders.clip_id
    LEFT JOIN renditions ON renditions.id = renders.rendition_id
    WHERE items.post_id = ANY(:post_ids) AND items.status IN ('pending', 'processing') AND items.conform <> 'never'
      AND items.attempts = 0
""")
POSTS = Statement("""
    SELECT DISTINCT items.post_id FROM renders JOIN items ON items.edit_id = renders.edit_setting_id
    WHERE renders.rendition_id = :rendition_id AND items.status IN ('pending', 'processing') AND items.attempts = 0
""")
# A worker that has begun the item says itself what it needs.
ASSIGN = Statement("""
    UPDATE items SET rendition_id = CAST(mine.rendition_id AS uuid), updated_at = :now
    FROM jsonb_to_recordset(CAST(:pairs AS jsonb)) AS mine(item_id uuid, rendition_id text)
    WHERE items.id = mine.item_id AND items.attempts = 0
      AND items.rendition_id IS DISTINCT FROM CAST(mine.rendition_id AS uuid)
""")


@dataclass(frozen=True)
class SourceFile:
    """The file of a render: of its rendition, which may not be made yet, or of its clip."""

    workspace_id: UUID
    clip_id: UUID
    rendition_id: UUID | None
    rendition_key: str | None
    storage_key: str | None
    size: int | None
    sha256: str | None
    media: Media


def plan_for(media: Media, platform: str, details: Mapping[str, Any]) -> Plan:
    """Return the plan for a file on a platform with this metadata. Raise ValueError for invalid metadata."""
    found = PLATFORMS[platform]
    return plan(media, found.media_for(found.metadata.model_validate(details)))


def limits_may_forbid(
    platform: str, details: Mapping[str, Any], limits: Mapping[str, Any] | None, planned: Plan
) -> bool:
    """Return whether the account's own limits forbid the result of a plan, or are unknown (None) and could.

    Then a worker asks for them before it orders a conversion.
    """
    found = PLATFORMS[platform]
    judged = found.kept_options if limits is None else limits
    return bool(judged and found.metadata.model_validate(details).check_limits(judged, planned.output))


def order_of(file: SourceFile, planned: Plan, due_at: datetime, priority: int = FOR_A_POST_SOON) -> Order:
    """Return the order of a plan that converts the file."""
    assert planned.recipe is not None
    estimate = estimate_seconds(file.media, planned.recipe)
    if file.rendition_id is not None:
        assert file.rendition_key is not None
        source = Source(file.rendition_id, file.rendition_key)
        return Order(
            file.workspace_id, file.clip_id, (), planned.recipe, due_at, planned.output, source, priority, estimate
        )
    assert file.storage_key is not None
    assert file.size is not None
    assert file.sha256 is not None
    inputs = (Input(file.storage_key, file.size, file.sha256, file.media.duration),)
    return Order(
        file.workspace_id, file.clip_id, inputs, planned.recipe, due_at, planned.output, None, priority, estimate
    )


async def order_conversions(executor: Executor, *post_ids: UUID) -> None:
    """Order what the items of posts need that no worker has begun. Raise DatabaseUnavailable.

    It is no part of a post: without it, the items order the same when they run.
    """
    now = clock.now()
    orders: dict[UUID, Order | None] = {}
    posts: set[UUID] = set()
    for row in await executor.fetch(ITEMS, {"post_ids": list(post_ids)}):
        orders[row["id"]] = _order(row, now)
        posts.add(row["post_id"])
    wanted = {id: order for id, order in orders.items() if order is not None}
    made = dict(zip(wanted, await ensure(executor, list(wanted.values())), strict=True))
    pairs = [{"item_id": str(id), "rendition_id": str(made[id].id) if id in made else None} for id in orders]
    if pairs:
        await executor.fetch(ASSIGN, {"pairs": json.dumps(pairs), "now": now})
    for post_id in posts:
        tell(executor, post_id)


async def order_conversions_again(executor: Executor, rendition_id: UUID) -> None:
    """Order what posts need of the file of their render, which is made now. Raise DatabaseUnavailable.

    It may differ from what was expected: a trim at a key frame starts earlier, and parts of a file differ in size.
    """
    for row in await executor.fetch(POSTS, {"rendition_id": rendition_id}):
        await order_conversions(executor, row["post_id"])


async def _order_conversions(executor: Executor, post_id: UUID) -> None:
    await order_conversions(executor, post_id)


ORDER_CONVERSIONS = Call(_order_conversions)


def order_conversions_after_commit(session: AsyncSession | Executor, post_id: UUID) -> None:
    """Order what the items of a post need, soon after the next commit. Best effort."""
    values = {"post_id": post_id}
    if isinstance(session, AsyncSession):
        after_commit(session, ORDER_CONVERSIONS, values)
    else:
        session.after_commit(ORDER_CONVERSIONS, values)


def _order(row: Mapping[str, Any], now: datetime) -> Order | None:
    """Return what an item needs, or None: nothing, or what its run will find out."""
    if row["media"] is None or row["platform"] not in PLATFORMS:
        return None
    names = ("workspace_id", "clip_id", "rendition_id", "rendition_key", "storage_key", "size", "sha256")
    try:
        file = SourceFile(**{name: row[name] for name in names}, media=stored_media(row["media"]))
        planned = plan_for(file.media, row["platform"], row["details"])
    except (FactsUnreadable, ValueError) as error:
        log.error("conversion_not_planned", item_id=str(row["id"]), reason=str(error))
        return None
    if planned.recipe is None:
        return None
    starts_at = row["scheduled_at"] or now
    is_soon = starts_at <= now + SOON
    limits = known_limits(row["profile"] or {})
    # A later post has the time for a conversion that its account may forbid.
    if limits is None and not is_soon:
        limits = {}
    if limits_may_forbid(row["platform"], row["details"], limits, planned):
        return None
    priority = FOR_A_POST_SOON if is_soon else FOR_A_POST
    return order_of(file, planned, max(now, starts_at - AHEAD), priority)
