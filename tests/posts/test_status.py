"""A post's status, in Python and in SQL."""

import itertools

import pytest
from sqlalchemy import String, literal, select, union_all

from clipcast.database import Database
from clipcast.posts.status import post_status, post_status_sql

STATUSES = ("pending", "processing", "published", "failed")


@pytest.mark.parametrize(
    ("items", "status"),
    [
        (("pending", "pending"), "pending"),
        (("processing", "pending"), "processing"),
        (("published", "pending"), "processing"),
        (("failed", "pending"), "processing"),
        (("published", "processing"), "processing"),
        (("published", "published"), "completed"),
        (("published", "failed"), "partial"),
        (("failed", "failed"), "failed"),
    ],
)
def test_post_status_of_items(items: tuple[str, ...], status: str) -> None:
    assert post_status(items) == status


async def test_post_status_sql_equals_post_status_for_all_combinations(database: Database) -> None:
    expression = str(post_status_sql().compile(compile_kwargs={"literal_binds": True})).replace("items.", "")
    async with database.connect() as connection:
        for items in itertools.combinations_with_replacement(STATUSES, 3):
            rows = union_all(*(select(literal(status, String).label("status")) for status in items)).subquery()
            query = f"SELECT {expression} FROM ({rows.select().compile(compile_kwargs={'literal_binds': True})}) AS i"
            found = (await connection.exec_driver_sql(query)).scalar_one()
            assert found == post_status(items), items
