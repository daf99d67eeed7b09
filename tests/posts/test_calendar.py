"""The calendar's queries: bounded, along an index, and right at the edges of days."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import update

from clipcast.clock import clock
from clipcast.database.models.posts import Draft, Post
from clipcast.posts import drafts
from clipcast.posts.calendar import (
    DAY_MAX,
    DRAFTS_MAX,
    LOOSE_MAX,
    READ_MAX,
    Wanted,
    days_of,
    loose_drafts,
    planned_drafts,
    posts_of,
)
from clipcast.testing.harness import Stage
from tests.database.plans import fill_table, of_many, plan_of
from tests.posts.many import copy_post

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


async def test_days_are_bounded_and_read_along_an_index(stage: Stage) -> None:
    connection = await stage.connect("tiktok")
    other = await stage.connect("youtube")
    first = await stage.post(connection, "tiktok", {"title": "x", "privacyLevel": "SELF_ONLY"})
    database, mine = stage.installation.database, UUID(stage.caller.workspace_id)
    day = clock.now().replace(hour=0, minute=0, second=0, microsecond=0) + 40 * DAY
    # The last instant before the day, its first, the busy noon, its last, and the first of the next.
    edges = [day - timedelta(milliseconds=1), day, day + DAY - timedelta(milliseconds=1), day + DAY]
    busy = [day + 12 * HOUR + timedelta(seconds=second) for second in range(3 * READ_MAX)]
    await copy_post(database, first, [*edges, *busy])
    spans = [(day + number * DAY, day + (number + 1) * DAY) for number in (-1, 0, 1, 2)]
    async with database.session() as session:
        await fill_table(session, Post, 3000, workspace_id=of_many, scheduled_at=lambda row: day + row * HOUR)
        plan, days = await plan_of(session, lambda: days_of(session, mine, spans, Wanted()))
        assert "ix_posts_workspace_id_starts_at" in plan
        assert "Seq Scan on posts" not in plan
        assert [len(one.posts) for one in days] == [1, DAY_MAX, 1, 0]
        assert [one.is_whole for one in days] == [True, False, True, True]
        found = {
            post.id: post.starts_at for post in await posts_of(session, [id for one in days for id, _ in one.posts])
        }
        times = [found[id] for id, _ in days[1].posts]
        assert times == sorted(times)
        assert (times[0], found[days[0].posts[0][0]], found[days[2].posts[0][0]]) == (day, edges[0], edges[3])
        assert {state for one in days for _, state in one.posts} == {"scheduled"}
        # With a filter, a bounded number of posts is examined.
        for wanted, number in (
            (Wanted(platform="tiktok"), DAY_MAX), (Wanted(connection_id=UUID(other)), 0),
            (Wanted(client="none"), DAY_MAX), (Wanted(state="failed"), 0),
        ):  # fmt: skip
            _, whole, *_ = await days_of(session, mine, spans, wanted)
            assert (len(whole.posts), whole.is_whole) == (number, False), wanted
        assert await days_of(session, UUID(int=1), spans, Wanted()) == [type(one)() for one in days]


async def test_post_published_at_once_is_on_the_day_of_its_creation(stage: Stage) -> None:
    connection = await stage.connect("tiktok")
    post = await stage.post(connection, "tiktok", {"title": "x", "privacyLevel": "SELF_ONLY"})
    database, mine = stage.installation.database, UUID(stage.caller.workspace_id)
    async with database.begin() as session:
        created: datetime = (
            await session.scalars(update(Post).values(scheduled_at=None).returning(Post.created_at))
        ).one()
    async with database.session() as session:
        [day] = await days_of(session, mine, [(created, created + HOUR)], Wanted())
        assert [(str(id), state) for id, state in day.posts] == [(post, "publishing")]
        [before] = await days_of(session, mine, [(created - HOUR, created)], Wanted())
        assert before.posts == []


async def test_drafts_are_those_with_a_time_and_those_without(stage: Stage) -> None:
    database, mine = stage.installation.database, UUID(stage.caller.workspace_id)
    day = clock.now().replace(hour=0, minute=0, second=0, microsecond=0) + 40 * DAY

    def content(at: datetime | None, **more: Any) -> dict[str, Any]:
        planned = {"later": True, "scheduled_at": f"{at:%Y-%m-%dT%H:%M:%S.000Z}"} if at else {}
        return drafts.EMPTY | planned | more

    kept = [content(day), content(day + 23 * HOUR)]
    others = [
        content(day - HOUR), content(day + DAY), content(day + HOUR, later=False),
        content(day + HOUR, replaces=str(mine)),
    ]  # fmt: skip
    loose = [content(None) for _ in range(LOOSE_MAX + 3)]
    async with database.begin() as session:
        made = [Draft(workspace_id=mine, content=one) for one in [*kept, *others, *loose]]
        session.add_all([*made, Draft(workspace_id=mine, content=content(day + HOUR), post_id=mine)])
    async with database.session() as session:
        others_content = [content(day + hour * HOUR) for hour in range(48)]
        await fill_table(session, Draft, 3000, workspace_id=of_many, content=lambda row: others_content[row % 48])
        plan, found = await plan_of(session, lambda: planned_drafts(session, mine, day, day + DAY))
        assert "ix_drafts_workspace_id_scheduled_at" in plan
        assert [one.content["scheduled_at"] for one in found] == [one["scheduled_at"] for one in kept]
        assert len(found) <= DRAFTS_MAX
        without = await loose_drafts(session, mine)
        assert len(without) == LOOSE_MAX
        assert all(not one.content["later"] for one in without)
        assert await planned_drafts(session, UUID(int=1), day, day + DAY) == []
        assert await loose_drafts(session, UUID(int=1)) == []
