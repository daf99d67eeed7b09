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


async def test_pages_of_failed_and_held_posts_are_in_the_order_of_their_times(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = UUID(stage.caller.workspace_id)
    connection = await stage.connect("tiktok")
    post = await stage.post(connection, "tiktok", TIKTOK)
    await stage.run_until_ended()
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
