"""Two requests, or a request and a worker, at the same time: whatever comes first, nothing unapproved is sent.

Each round makes both at once, in both orders. Then the clock moves past the time of the post and workers run. What the
platform got must be what somebody approved.
"""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from clipcast.clock import clock
from clipcast.database.models.reviews import ReviewLink
from clipcast.jobs.queue import promote
from tests.reviews.conftest import Desk, at_once

ROUNDS = 4


async def titles(desk: Desk) -> set[str]:
    return {post["metadata"]["snippet"]["title"] for post in await desk.stage.sandbox.posts("youtube")}


async def let_time_pass(desk: Desk) -> None:
    clock.move(timedelta(hours=2))
    await desk.stage.run_until_ended(timedelta(hours=6))


async def test_approval_beside_an_edit_sends_no_unseen_words(desk: Desk) -> None:
    for round in range(ROUNDS):
        post = await desk.create(hours=1)
        calls = [desk.approve(post, revision=1), desk.retitle(post, "Unseen")]
        statuses = await at_once(*(calls if round % 2 else reversed(calls)))
        assert set(statuses) <= {200, 409}
        shown = await desk.review(post)
        assert (shown["state"], shown["revision"]) == ("waiting", 2)
    await let_time_pass(desk)
    assert await desk.sent() == 0


@pytest.mark.parametrize("change", ["words", "accounts"])
async def test_edit_beside_the_claim_is_refused_or_holds_the_post(desk: Desk, change: str) -> None:
    """A worker claims an approved post that is due, while somebody changes it."""
    begun = 0
    for _ in range(ROUNDS):
        post = await desk.create(hours=1)
        await desk.approve(post)
        clock.move(timedelta(hours=1, seconds=1))

        async def work() -> None:
            await promote(desk.stage.installation.database)
            await desk.stage.run_all()

        last = (await desk.stage.show(post))["items"][1]["id"]
        if change == "words":
            edit = desk.retitle(post, "Unseen")
        else:
            edit = desk.stage.caller.call("DELETE", f"/posts/{post}/items/{last}")
        edited, _ = await asyncio.gather(edit, work())
        await desk.stage.run_until_ended(timedelta(hours=6))
        shown = await desk.stage.show(post)
        if edited.is_success and shown["status"] == "pending":
            assert shown["review"] == "expired"
        else:  # an item that was published before may be deleted
            begun += 1
            assert shown["status"] == "completed"
            assert edited.status_code == 409 or change == "accounts"
    assert await desk.sent() == 2 * begun
    assert "Unseen" not in await titles(desk)


@pytest.mark.parametrize("other", ["withdraw", "take apart"])
async def test_withdrawal_beside_an_approval_sends_only_what_was_approved_last(desk: Desk, other: str) -> None:
    for round in range(ROUNDS):
        post = await desk.create(hours=1)
        item = (await desk.stage.show(post))["items"][1]["id"]
        withdrawal = desk.act(post, "withdraw")
        deletion = desk.stage.caller.call("DELETE", f"/posts/{post}/items/{item}")
        change = withdrawal if other == "withdraw" else deletion
        (deletion if other == "withdraw" else withdrawal).close()
        calls = [desk.approve(post, revision=1), change]
        await at_once(*(calls if round % 2 else reversed(calls)))
        assert (await desk.review(post))["state"] == ("withdrawn" if other == "withdraw" else "waiting")
    await let_time_pass(desk)
    assert await desk.sent() == 0


async def test_approvals_of_all_reviewers_at_once_release_the_post_once(desk: Desk) -> None:
    post = await desk.create(hours=1, members=["ana@example.org"], links=[desk.link_id], rule="all")
    assert await at_once(desk.approve(post, 0), desk.approve(post, 1), desk.approve(post, 1)) == [200] * 3
    assert (await desk.review(post))["state"] == "approved"
    await let_time_pass(desk)
    assert await desk.sent() == 2


async def test_move_beside_an_approval_sends_at_the_new_time(desk: Desk) -> None:
    for round in range(ROUNDS):
        post = await desk.create(hours=1)
        moved = (clock.now() + timedelta(hours=50)).isoformat()
        calls = [desk.approve(post, revision=1), desk.patch(post, scheduled_at=moved)]
        assert await at_once(*(calls if round % 2 else reversed(calls))) == [200, 200]
    await let_time_pass(desk)
    assert await desk.sent() == 0
    clock.move(timedelta(hours=49))
    await desk.stage.run_until_ended(timedelta(hours=6))
    assert await desk.sent() == 2 * ROUNDS


async def test_link_that_its_people_hold_delays_no_post(desk: Desk) -> None:
    """It lives on with the next post. One that has just been prolonged is not held again."""
    clock.move(timedelta(days=2))
    link = select(ReviewLink).where(ReviewLink.id == UUID(desk.link_id))
    database = desk.stage.installation.database
    async with database.begin() as session:
        held = (await session.scalars(link.with_for_update(key_share=True))).one()
        before = held.expires_at
        await desk.create()
    async with database.session() as session:
        assert (await session.scalars(link)).one().expires_at == before
    await desk.create()
    async with database.session() as session:
        prolonged = (await session.scalars(link)).one().expires_at
    assert prolonged - before > timedelta(days=1)
    await desk.create()
    async with database.session() as session:
        assert (await session.scalars(link)).one().expires_at == prolonged
