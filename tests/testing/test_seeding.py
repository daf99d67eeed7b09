"""The seeded workspace: its rows refer to rows, its numbers are true, and lists of it use indexes."""

from uuid import UUID

from sqlalchemy import func, select

from clipcast.database.models import Base
from clipcast.database.models.posts import Item, Post
from clipcast.installation import Installation
from clipcast.posts.listing import Wanted, list_lines, tab_counts
from clipcast.testing.harness import Caller
from clipcast.testing.seeding import RARE_WORD, Sizes, seed

SIZES = Sizes(posts=3000, near=600)


async def test_seeded_rows_refer_to_rows_and_are_counted(installation: Installation, caller: Caller) -> None:
    workspace = UUID(caller.workspace_id)
    seeded = await seed(installation, workspace, SIZES)
    async with installation.database.connect() as connection:
        for table in Base.metadata.sorted_tables:
            for key in table.foreign_keys:
                column, other = key.parent, key.column
                lost = select(func.count()).where(column.is_not(None), ~column.in_(select(other)))
                assert (await connection.execute(lost)).scalar_one() == 0, key
        statuses = select(Item.status, func.count(func.distinct(Item.post_id))).group_by(Item.status)
        by_status = dict(iter(await connection.execute(statuses)))
        assert (await connection.execute(select(func.count()).select_from(Post))).scalar_one() == SIZES.posts + 1
    assert seeded.posts() == SIZES.posts + 1
    assert by_status["failed"] == seeded.posts("failed", "check", "partial")
    assert by_status["published"] == seeded.posts("published", "partial")
    assert by_status["pending"] == seeded.posts("scheduled", "in_review", "changes", "approved")
    async with installation.database.session() as session:
        counts = await tab_counts(session, workspace)
        found = await list_lines(session, workspace, Wanted(query=RARE_WORD), 50, count=True)
    assert counts["needs"] == seeded.posts("failed", "check", "partial", "held")
    assert found.total == seeded.rare > 0
    for client in seeded.clients[:2]:
        assert seeded.posts(client=client) > 0
