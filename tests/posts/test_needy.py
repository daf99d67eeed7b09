"""The posts that need a person: as pages and as numbers, in the order of their times."""

from datetime import timedelta
from uuid import UUID

import pytest

from clipcast.clock import clock
from clipcast.posts import listing, needy
from clipcast.testing.harness import Stage
from tests.posts.many import copy_post

TIKTOK = {"title": "x", "privacyLevel": "SELF_ONLY"}
ERROR = {"class": "policy", "code": "x", "message": "No"}


async def published(stage: Stage) -> tuple[UUID, str, str]:
    """Return the workspace, the account and the id of a published post."""
    connection = await stage.connect("tiktok")
    post = await stage.post(connection, "tiktok", TIKTOK)
    await stage.run_until_ended()
    return UUID(stage.caller.workspace_id), connection, post


async def test_pages_of_failed_and_held_posts_are_in_the_order_of_their_times(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, connection, post = await published(stage)
    now = clock.now()
    times = [now - timedelta(days=day) for day in (3, 1, 2, 5)]
    failed = await copy_post(stage.installation.database, post, times, "failed", ERROR)
    await copy_post(stage.installation.database, post, [now - timedelta(days=4)], "published")
    async with stage.installation.database.session() as session:
        order = [failed[1], failed[2], failed[0], failed[3]]
        wanted = listing.Wanted("needs")
        first = await listing.list_lines(session, workspace, wanted, 3, count=True)
        assert ([one.id for one in first.posts], first.total) == (order[:3], 4)
        rest = await listing.list_lines(session, workspace, listing.Wanted("needs", after=first.next), 3)
        assert ([one.id for one in rest.posts], rest.next) == (order[3:], None)
        span = listing.Wanted("needs", since=now - timedelta(days=2.5), until=now - timedelta(days=1.5))
        within = await listing.list_lines(session, workspace, span, 3, count=True)
        assert ([one.id for one in within.posts], within.total) == ([failed[2]], 1)
        assert (await listing.tab_counts(session, workspace))["needs"] == 4
        assert await needy.failed_count(session, workspace, 10, [UUID(connection)]) == 4
        assert await needy.failed_count(session, workspace, 10, []) == 0
        assert await needy.failed_count(session, workspace, 2) == 3  # more than two
        # Too many to sort: a walk along the times finds the same.
        monkeypatch.setattr(needy, "SORTED_MAX", 2)
        monkeypatch.setattr(needy, "HELD_MAX", 0)
        assert await needy.page(session, workspace, 3) is None
        many = await listing.list_lines(session, workspace, wanted, 3)
        assert [one.id for one in many.posts] == order[:3]
        # None of those that are sorted fits the days or the place.
        monkeypatch.setattr(needy, "SORTED_MAX", 0)
        days = listing.Wanted("needs", since=now - timedelta(days=2.5))
        fitting = await listing.list_lines(session, workspace, days, 3)
        assert [one.id for one in fitting.posts] == order[:2]


async def test_many_failed_posts_are_found_along_the_times_or_sorted_with_the_same_result(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, _, post = await published(stage)
    now = clock.now()
    # Of the failed posts, the one that was made first is the latest. One lies ahead.
    times = [now + timedelta(days=1), *(now - timedelta(days=day) for day in (2, 4, 6))]
    failed = await copy_post(stage.installation.database, post, times, "failed", ERROR)
    others = [now - timedelta(days=day) for day in (1, 3, 5)]
    await copy_post(stage.installation.database, post, others, "published")
    monkeypatch.setattr(needy, "SORTED_AT_ONCE", 1)
    async with stage.installation.database.session() as session:
        assert await needy.page(session, workspace, 3) == failed[:3]
        after = times[2], failed[2]
        assert await needy.page(session, workspace, 3, after=after) == failed[3:]
        assert await needy.page(session, workspace, 9, now - timedelta(days=5), now) == failed[1:3]
        # The walk ends before it has found enough.
        monkeypatch.setattr(needy, "WALKED_MAX", 2)
        assert await needy.page(session, workspace, 3) == failed[:3]
        # More than are sorted for sure: the ids are not cut to those of the first posts.
        monkeypatch.setattr(needy, "SORTED_MAX", 2)
        assert await needy.page(session, workspace, 9) == failed


@pytest.mark.parametrize("at_once", [0, 9])
async def test_too_many_posts_to_sort_are_filtered_by_time_beyond_the_first_ones(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Only the first posts are read to be sorted. The page does not end because none of them fits."""
    workspace = UUID(stage.caller.workspace_id)
    post = await stage.post(await stage.connect("tiktok"), "tiktok", TIKTOK)
    await stage.run_until_ended()
    now = clock.now()
    times = [now - timedelta(days=day) for day in (6, 5, 3, 2, 1)]
    failed = await copy_post(stage.installation.database, post, times, "failed", ERROR)
    monkeypatch.setattr(needy, "SORTED_AT_ONCE", at_once)
    monkeypatch.setattr(needy, "SORTED_MAX", 0)
    monkeypatch.setattr(needy, "HELD_MAX", 1)
    async with stage.installation.database.session() as session:
        since = now - timedelta(days=4)
        assert await needy.page(session, workspace, 9, since) is None
        found = await listing.list_lines(session, workspace, listing.Wanted("needs", since=since), 9)
        assert [one.id for one in found.posts] == failed[:1:-1]
        # The same number of posts as are sorted, and counted.
        monkeypatch.setattr(needy, "SORTED_MAX", 4)
        assert await needy.page(session, workspace, 9, since) == failed[:1:-1]
        assert await needy.count(session, workspace, 9, now - timedelta(days=7)) == 5
