"""The queue of a client: posts exchange their times, move to posting times, and leave paused days."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from clipcast.clients.posting_times import set_paused
from clipcast.clients.times import Days
from clipcast.clock import clock
from clipcast.common.problems import AppError
from clipcast.common.timestamps import format_timestamp, parse_instant
from clipcast.database.models.clients import Client
from clipcast.database.models.posts import Item
from clipcast.posts.moving import move_post
from clipcast.posts.queue import leave_paused_days, move_back, move_to_next_time
from clipcast.testing.harness import Caller, Stage
from clipcast.workspaces.service import create_key
from tests.posts.test_schedule import Desk


@pytest.fixture
def desk(stage: Stage) -> Desk:
    return Desk(stage)


async def swap(desk: Desk, *ids: str) -> Any:
    return await desk.caller.post(f"/clients/{desk.client}/queue/swap", {"post_ids": ids})


async def times_of(desk: Desk, *ids: str) -> list[str]:
    return [(await desk.stage.show(id))["scheduled_at"] for id in ids]


async def test_two_posts_exchange_their_times(desk: Desk) -> None:
    """They stay in the queue, at the instants of each other, and the audit log names them."""
    await desk.open("youtube", jitter_minutes=5)
    one, other = [(await desk.post(title=title))["post_id"] for title in ("One", "Other")]
    before = await times_of(desk, one, other)
    response = await swap(desk, one, other)
    assert response.status_code == 200, response.text
    assert [post["scheduled_at"] for post in response.json()["posts"]] == before[::-1]
    assert await times_of(desk, one, other) == before[::-1]
    queue = (await desk.caller.get(f"/clients/{desk.client}/queue", params={"count": 3})).json()["queue"]
    assert [entry["post_ids"] for entry in queue] == [[other], [one], []]
    assert [entry["scheduled_at"] for entry in queue[:2]] == before
    both = await asyncio.gather(swap(desk, one, other), swap(desk, other, one))
    assert [response.status_code for response in both] == [200, 200]
    assert await times_of(desk, one, other) == before[::-1]


async def test_posts_that_cannot_exchange_their_times_stay(desk: Desk) -> None:
    await desk.open("youtube", "youtube:tidepool")
    first, second = desk.accounts
    one = (await desk.post(first, second, title="One"))["post_id"]
    other = (await desk.post(first, title="Other"))["post_id"]
    third = (await desk.post(second, title="Third"))["post_id"]
    before = await times_of(desk, one, other, third)
    assert before[1] == before[2]
    taken = await swap(desk, one, other)  # the second account has the third post at that time
    assert (taken.status_code, taken.json()["code"]) == (409, "posting_time_taken")
    at = format_timestamp(clock.now() + timedelta(days=9, hours=1))
    body = desk.body(first, title="Free") | {"scheduled_at": at, "schedule": None}
    free = (await desk.caller.post("/posts", body)).json()["post_id"]
    outside = await swap(desk, free, other)
    assert (outside.status_code, outside.json()["code"]) == (409, "not_in_queue")
    assert (await swap(desk, one, one)).status_code == 422
    assert (await swap(desk, one, "nonsense")).status_code == 404
    assert await times_of(desk, one, other, third) == before


async def test_scheduled_post_moves_to_the_next_posting_time(desk: Desk) -> None:
    await desk.open("youtube")
    workspace, settings = UUID(desk.caller.workspace_id), desk.stage.installation.settings
    [shown] = await desk.preview(1)
    at = format_timestamp(clock.now() + timedelta(days=9, hours=1))
    post = (await desk.caller.post("/posts", desk.body() | {"scheduled_at": at, "schedule": None})).json()["post_id"]
    async with desk.stage.installation.database.begin() as session:
        assert format_timestamp((await move_to_next_time(session, workspace, post, settings)).at) == shown
    assert await times_of(desk, post) == [shown]
    assert (await desk.preview(1))[0] > shown
    await desk.give("youtube", None)
    async with desk.stage.installation.database.session() as session:
        with pytest.raises(AppError, match="no_posting_time"):
            await move_to_next_time(session, workspace, post, settings)


async def test_posting_time_takes_one_clip_of_an_account(desk: Desk) -> None:
    """A post with several clips stays at its time, instead of taking the posting time from itself."""
    await desk.open("youtube")
    workspace, settings = UUID(desk.caller.workspace_id), desk.stage.installation.settings
    [shown] = await desk.preview(1)
    at = format_timestamp(clock.now() + timedelta(days=9, hours=1))
    body = desk.body() | {"scheduled_at": at, "schedule": None}
    body["videos"] += [body["videos"][0] | {"editId": await desk.caller.upload(desk.stage.clip, "other.mp4")}]
    made = await desk.caller.post("/posts", body)
    assert made.status_code == 201, made.text
    post = made.json()["post_id"]
    async with desk.stage.installation.database.session() as session:
        with pytest.raises(AppError, match="several_clips"):
            await move_to_next_time(session, workspace, post, settings)
    assert await times_of(desk, post) == [at]
    assert await desk.preview(1) == [shown]


async def test_post_that_moves_back_is_in_its_posting_time_again(desk: Desk) -> None:
    """Only in the one that the accounts still have, at the instant that belongs to it."""
    await desk.open("youtube", jitter_minutes=5)
    workspace, settings = UUID(desk.caller.workspace_id), desk.stage.installation.settings
    post = (await desk.post())["post_id"]

    async def away_and_back(later: timedelta = timedelta()) -> datetime | None:
        """Return the posting time in which the post then is. `later`: the wrong one that is asked for."""
        async with desk.stage.installation.database.begin() as session:
            at = clock.now() + timedelta(days=20)
            away = await move_post(session, workspace, post, lambda _: at, settings)
            assert away.before
            slot_at = away.slot_at and away.slot_at + later
            back = await move_back(session, workspace, post, away.before, slot_at, settings)
            assert (back.at, back.version) == (away.before, away.version + 1)
            return await session.scalar(select(Item.slot_at).where(Item.post_id == UUID(post)))

    before = await times_of(desk, post)
    slot = await away_and_back()
    assert slot
    assert await times_of(desk, post) == before
    assert await away_and_back() == slot
    await desk.times(["11:00"])
    assert await away_and_back() is None
    await desk.times(["18:30"], jitter_minutes=5)
    async with desk.stage.installation.database.begin() as session:
        await session.execute(update(Item).values(slot_at=slot))
    assert await away_and_back(timedelta(days=1)) is None
    assert await times_of(desk, post) == before


async def test_posts_leave_days_that_are_paused(desk: Desk) -> None:
    """They go to the next free times in their order; posts of other times stay."""
    await desk.open("youtube", times=["11:00", "18:30"])
    posts = [(await desk.post(title=f"Tide {n}"))["post_id"] for n in range(4)]
    before = await times_of(desk, *posts)
    day = parse_instant(before[1]).date()
    async with desk.stage.installation.database.begin() as session:
        client = await session.get_one(Client, UUID(desk.client))
        await set_paused(session, client, [Days(day, day)])
        moved = await leave_paused_days(session, client, Days(day, day), desk.stage.installation.settings)
    on_day = [id for id, at in zip(posts, before, strict=True) if parse_instant(at).date() == day]
    assert moved == len(on_day) > 0
    after = await times_of(desk, *on_day)
    assert after == sorted(after)
    assert min(after) > max(before)
    stayed = {id: at for id, at in zip(posts, before, strict=True) if id not in on_day}
    assert await times_of(desk, *stayed) == list(stayed.values())


async def limited(desk: Desk) -> Caller:
    """Return a caller with a key that sees the desk's client only."""
    async with desk.stage.installation.database.begin() as session:
        workspace = UUID(desk.caller.workspace_id)
        _, key = await create_key(session, "ours", [workspace], client_ids=[UUID(desk.client)])
    return replace(desk.caller, key=key)


async def leave(desk: Desk, account: str) -> None:
    """Give an account to another client."""
    other = (await desk.caller.post("/clients", {"name": "Other", "timezone": "UTC"})).json()["id"]
    await desk.give(account, other)


async def test_posts_that_a_key_does_not_see_take_their_times_and_repeat(desk: Desk) -> None:
    """A post over another client, too, is neither beside another one nor posted again; its id is not told."""
    await desk.open("youtube", "youtube:tidepool")
    ours, theirs = desk.accounts
    await leave(desk, theirs)
    shown = await desk.preview(2, ours)
    both = desk.body(ours, theirs) | {"scheduled_at": shown[0], "schedule": None}
    hidden = (await desk.caller.post("/posts", both)).json()["post_id"]
    caller = await limited(desk)
    assert (await caller.get(f"/posts/{hidden}")).status_code == 404
    checked = await caller.post("/posts/validate", desk.body(ours))
    assert checked.status_code == 200, checked.text
    [warning] = [one for one in checked.json()["warnings"] if one["code"] == "duplicate_content"]
    assert "are in a post that you do not see, which is due" in warning["message"]
    assert warning.get("earlier") is None
    assert hidden not in checked.text
    assert (await caller.post("/posts", desk.body(ours, title="Ours"))).json()["scheduled_at"] == shown[1]
    queue = await caller.get(f"/clients/{desk.client}/queue", params={"count": 2})
    assert [one["scheduled_at"] for one in queue.json()["queue"]] == shown[1:]
    assert hidden not in queue.text


async def test_exchange_finds_a_post_that_the_key_does_not_see(desk: Desk) -> None:
    await desk.open("youtube", "youtube:tidepool", "youtube:night_bakery")
    first, second, third = desk.accounts
    one = (await desk.post(first, second, title="One"))["post_id"]
    other = (await desk.post(first, title="Other"))["post_id"]
    await desk.post(second, third, title="Third")
    before = await times_of(desk, one, other)
    await leave(desk, third)
    swapped = await (await limited(desk)).post(f"/clients/{desk.client}/queue/swap", {"post_ids": [one, other]})
    assert (swapped.status_code, swapped.json()["code"]) == (409, "posting_time_taken")
    assert await times_of(desk, one, other) == before
