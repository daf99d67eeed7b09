"""The migrations."""

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, text

from clipcast.database import Database
from clipcast.database.migrate import DatabaseTooNew, newest_revision, upgrade
from clipcast.database.migrations.locking import lock
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


async def test_migration_lets_others_pass_while_it_waits_for_a_table(database: Database) -> None:
    """A long transaction holds a row. Statements that come after the migration's begin are not blocked behind it."""

    def locked(connection: Connection) -> None:
        with Operations.context(MigrationContext.configure(connection)):
            lock(referenced="workspaces", changed="jobs, items")

    async def migrate() -> None:
        async with database.connect() as connection:
            await connection.run_sync(locked)
            held = text(
                "SELECT count(*) FROM pg_locks WHERE granted AND relation = 'jobs'::regclass AND mode LIKE 'Acc%E%'"
            )
            assert (await connection.execute(held)).scalar_one() == 1

    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'jobs'::regclass")
    async with database.begin() as holder, database.begin() as other:
        await holder.execute(text("LOCK TABLE jobs IN ROW EXCLUSIVE MODE"))
        migration = asyncio.create_task(migrate())
        while not (await other.execute(waits)).scalar_one():
            await asyncio.sleep(0)
        await other.execute(text("SELECT count(*) FROM jobs"))
        await other.rollback()
        assert not migration.done()
    await migration


async def test_database_of_a_newer_release_is_refused_with_its_revision(database: Database) -> None:
    async with database.begin() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseTooNew, match="revision 9999"):
        await upgrade(database)
    async with database.begin() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = :newest"), {"newest": newest_revision()})
