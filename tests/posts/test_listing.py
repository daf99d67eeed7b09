"""The list of posts: numbers of tabs, and statements that are the same for any number of posts."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select

from clipcast.clock import clock
from clipcast.database.models.posts import Post
from clipcast.posts import listing
from clipcast.posts.lines import lines_of
from clipcast.testing.harness import Stage
from tests.posts.many import copy_post

TIKTOK = {"title": "x", "privacyLevel": "SELF_ONLY"}


async def test_tab_counts_are_exact_up_to_the_maximum(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, database = UUID(stage.caller.workspace_id), stage.installation.database
    post = await stage.post(await stage.connect("tiktok"), "tiktok", TIKTOK)
    await stage.run_until_ended()
    now = clock.now()
    await copy_post(database, post, [now - timedelta(days=day) for day in (1, 2, 3)], "published")
    await copy_post(database, post, [now + timedelta(days=1)])
    for most, published in ((10_000, 4), (4, 4), (3, 4), (2, 3)):  # above the maximum: more than that
        monkeypatch.setattr(listing, "COUNTED", most)
        async with database.session() as session:
            counts = await listing.tab_counts(session, workspace)
        assert (counts["published"], counts["scheduled"], counts["needs"]) == (published, 1, 0)


async def test_posts_created_while_tabs_are_counted_do_not_lower_the_published_number(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, database = UUID(stage.caller.workspace_id), stage.installation.database
    post = await stage.post(await stage.connect("tiktok"), "tiktok", TIKTOK)
    await stage.run_until_ended()
    async with database.session() as session:
        execute = session.execute

        async def after_another_post(*arguments: Any, **options: Any) -> Any:
            await copy_post(database, post, [clock.now() + timedelta(days=1)])
            return await execute(*arguments, **options)

        monkeypatch.setattr(session, "execute", after_another_post)
        counts = await listing.tab_counts(session, workspace)
    assert counts["published"] == 1


async def test_pages_of_few_posts_have_their_number_on_each_page(stage: Stage) -> None:
    workspace, database = UUID(stage.caller.workspace_id), stage.installation.database
    connection = await stage.connect("tiktok")
    post = await stage.post(connection, "tiktok", TIKTOK)
    await stage.run_until_ended()
    now = clock.now()
    made = await copy_post(database, post, [now - timedelta(days=day) for day in (1, 2, 3)], "published")
    order = [UUID(post), *made]
    wanted = listing.Wanted(connection_ids=(UUID(connection),))
    async with database.session() as session:
        first = await listing.list_lines(session, workspace, wanted, 2, count=True)
        assert ([one.id for one in first.posts], first.total) == (order[:2], 4)
        later = listing.Wanted(connection_ids=(UUID(connection),), after=first.next)
        rest = await listing.list_lines(session, workspace, later, 2, count=True)
        assert ([one.id for one in rest.posts], rest.total, rest.next) == (order[2:], 4, None)
        ended = listing.Wanted(
            connection_ids=(UUID(connection),), after=listing.Place(now - timedelta(days=9), made[0])
        )
        none = await listing.list_lines(session, workspace, ended, 2, count=True)
        assert (none.posts, none.total) == ([], 4)


async def test_lines_of_any_number_of_posts_are_read_by_the_same_statements(stage: Stage) -> None:
    """Each connection prepares a statement once, so that a page does not pay for it again."""
    database = stage.installation.database
    post = await stage.post(await stage.connect("tiktok"), "tiktok", TIKTOK)
    await copy_post(database, post, [clock.now() + timedelta(days=day) for day in (1, 2)])
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    async with database.session() as session:
        posts = list(await session.scalars(select(Post)))
        event.listen(database.engine.sync_engine, "before_cursor_execute", note)
        try:
            await lines_of(session, posts[:1])
            of_one = statements.copy()
            await lines_of(session, posts)
        finally:
            event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    assert statements[len(of_one) :] == of_one
