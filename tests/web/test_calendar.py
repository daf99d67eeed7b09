"""The calendar: every post of a span, or how many more there are."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database.models.jobs import Job
from clipcast.database.models.posts import Item, Post
from clipcast.installation import Installation
from clipcast.posts.repository import CALENDAR_DAY_MAX
from tests.web.conftest import Visitor, form


async def add(installation: Installation, post: UUID, times: list[datetime]) -> None:
    """Add copies of a post at these times."""
    async with installation.database.begin() as session:
        [item] = (await session.execute(select(Item).where(Item.post_id == post))).scalars()
        rows = [(new_id(), at) for at in times]
        await session.execute(
            insert(Post), [{"id": id, "workspace_id": item.workspace_id, "scheduled_at": at} for id, at in rows]
        )
        more = {"workspace_id": item.workspace_id, "position": 0, "edit_id": item.edit_id, "details": {},
                "connection_id": item.connection_id, "platform": item.platform}  # fmt: skip
        items = [{"id": new_id(), "post_id": id} | more for id, _ in rows]
        await session.execute(insert(Item), items)
        of_job = {
            "workspace_id": item.workspace_id,
            "kind": "publish",
            "queue": "network",
            "priority": 5,
            "state": "done",
        }
        jobs = [
            {"id": one["id"], "subject_id": one["id"], "due_at": at} for one, (_, at) in zip(items, rows, strict=True)
        ]
        await session.execute(insert(Job), [job | of_job for job in jobs])


async def span(owner: Visitor, start: str, end: str) -> list[dict[str, Any]]:
    answer = await owner.get(f"./calendar/posts?start={start}&end={end}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_day_with_many_posts_counts_the_further_ones_and_links_to_them(
    owner: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    """Three thousand posts on one day hide no posts of the days around it."""
    await owner.post("/account/zone", {"zone": "America/Sao_Paulo"})
    day = (clock.now() + timedelta(days=40)).date()
    first = (await owner.post(f"./compose/{new_id()}/send", form(desk))).headers["hx-redirect"]
    # 01:00 UTC is still the day before in São Paulo.
    night = datetime(day.year, day.month, day.day, 1, tzinfo=UTC)
    noon = night + timedelta(hours=14)
    busy = [noon + timedelta(seconds=second) for second in range(3000)]
    await add(installation, UUID(first.rsplit("/", 1)[1]), [night, *busy, noon + timedelta(days=1)])
    events = await span(owner, f"{day - timedelta(days=2)}T00:00:00Z", f"{day + timedelta(days=3)}T00:00:00Z")
    [more] = [one for one in events if one["status"] == "more"]
    assert (more["start"], more["allDay"], more["editable"]) == (str(day), True, False)
    assert more["title"] == f"{3000 - CALENDAR_DAY_MAX} more posts: show all of this day"
    posts = [one for one in events if one["status"] != "more"]
    # The first ones of the busy day, and the whole of the others.
    assert len(posts) == CALENDAR_DAY_MAX + 2
    assert [one["start"] for one in posts] == sorted(one["start"] for one in posts)
    assert posts[0]["start"].startswith(f"{day}T01:00")
    assert posts[-1]["start"].startswith(str(day + timedelta(days=1)))
    listed = await owner.get(more["url"])
    assert "of 150" in listed.text  # pages of 20


async def test_invalid_span_is_rejected(owner: Visitor) -> None:
    for start, end in (("soon", "later"), ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")):
        answer = await owner.client.get(owner._at(f"./calendar/posts?start={start}&end={end}"), headers=owner.headers)
        assert answer.status_code == 422
