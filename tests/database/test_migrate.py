"""The migrations."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from clipcast.database import Database
from clipcast.database.migrate import DatabaseTooNew, newest_revision, upgrade
from clipcast.database.models import Base

# The columns of `items` that stay for one release, for processes of the release before.
FORMER_COLUMNS = {"due_at", "lease_until", "fence", "continues_attempt", "reconnect_by", "round", "failures"}


async def test_migrations_create_the_tables_of_the_models(database: Database) -> None:
    await upgrade(database)  # a second time does nothing
    async with database.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), Base.metadata)
        )
    removed = {(one[0], one[3].name) for one in differences if one[2] == "items"}
    assert removed == {("remove_column", name) for name in FORMER_COLUMNS}
    assert len(differences) == len(removed)


async def test_database_of_a_newer_release_is_refused_with_its_revision(database: Database) -> None:
    async with database.begin() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseTooNew, match="revision 9999"):
        await upgrade(database)
    async with database.begin() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = :newest"), {"newest": newest_revision()})
