"""The migrations."""

import asyncio
import re
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, event, select, text

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Database
from clipcast.database.embedded import EmbeddedServer
from clipcast.database.migrate import DatabaseTooNew, config_of, newest_revision, upgrade
from clipcast.database.migrations.locking import lock
from clipcast.database.models import Base
from clipcast.database.models.people import Membership, User
from clipcast.database.models.plans import StoredPlan
from clipcast.database.models.posts import Draft
from clipcast.database.models.workspaces import Workspace
from tests.database.databases import new_database

# The tables of which the transaction of the connection writes rows, or changes the form.
WRITTEN = text("""
    SELECT DISTINCT relname FROM pg_locks JOIN pg_class ON pg_class.oid = relation
    WHERE pid = pg_backend_pid() AND relkind = 'r' AND relnamespace = 'public'::regnamespace
      AND mode IN ('RowExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'AccessExclusiveLock')
""")
TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'")
FORMER_SAVERS = import_module("clipcast.database.migrations.versions.0060_former_savers")
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


def migrated(connection: Connection, revision: str) -> tuple[list[set[str]], set[str]]:
    """Migrate, and return the tables of each `lock`, and those of before that the migrations wrote or changed."""
    locks = list[set[str]]()

    def note(*values: Any) -> None:
        if found := re.findall(r"LOCK TABLE (.+) IN", values[2]):
            locks.append({name for names in found for name in names.split(", ")})

    before = set(connection.scalars(TABLES))
    event.listen(connection, "before_cursor_execute", note)
    command.upgrade(config_of(connection), revision)
    event.remove(connection, "before_cursor_execute", note)
    return locks, set(connection.scalars(WRITTEN)) & before


async def test_migrations_lock_all_tables_that_they_change_at_once(server: EmbeddedServer) -> None:
    """Each one by itself, and all after a release together: a wait with locks can deadlock, and stops publishing."""
    async with new_database(server) as database:
        async with database.maintain() as connection:
            await connection.run_sync(lambda sync: command.downgrade(config_of(sync), "0057"))
        async with database.connect() as connection:
            [first, *_], changed = await connection.run_sync(migrated, "0062")
        assert changed == first == {"webhooks", "inbox_notices", "connections", "stored_plans", *FORMER_SAVERS.TABLES}
        async with database.maintain() as connection:
            await connection.run_sync(migrated, "0063")
        async with database.connect() as connection:
            [first, *_], changed = await connection.run_sync(migrated, "head")
        assert changed <= first, changed
        async with database.maintain() as connection:
            await connection.run_sync(lambda sync: command.downgrade(config_of(sync), "0057"))
        for number in range(58, int(newest_revision()) + 1):
            async with database.maintain() as connection:
                locks, changed = await connection.run_sync(migrated, f"{number:04}")
                assert not changed or (len(locks) == 1 and changed <= locks[0]), (number, locks, changed)


async def test_rows_of_limited_members_from_before_ids_are_theirs_again(database: Database) -> None:
    """By the name, if only one member of the workspace has it, and joined before."""
    names = {"Ana": True, "Bo": True, "Owner": False}
    now = clock.now()
    async with database.begin() as session:
        workspace = Workspace(name="Agency")
        users = {name: User(email=f"{name}@example.org", name=name, password_hash="x") for name in (*names, "Ana II")}
        users["Ana II"].name = "Ana"
        session.add_all([workspace, *users.values()])
        await session.flush()
        mine = {"workspace_id": workspace.id}
        for name, user in users.items():
            limit = [new_id()] if names.get(name, True) else None
            session.add(Membership(user_id=user.id, role="editor", client_ids=limit, created_at=now, **mine))
        for made_at in (now, now - timedelta(seconds=1)):
            session.add_all(Draft(content={}, saved_by=name, created_at=made_at, **mine) for name in (*names, ""))
        plan = {"content": b"x", "file_name": "plan.csv", "timezone": "UTC", "expires_at": now}
        session.add(StoredPlan(saved_by="Bo", created_at=now, **plan, **mine))
        ids = {user.id: name for name, user in users.items()}

    def migrate(connection: Connection) -> None:
        with Operations.context(MigrationContext.configure(connection)):
            FORMER_SAVERS.upgrade()

    async with database.connect() as connection:
        await connection.run_sync(migrate)
        found = (await connection.execute(select(Draft.saved_by, Draft.created_at < now, Draft.saved_by_id))).all()
        files = (await connection.execute(select(StoredPlan.saved_by_id))).scalars().all()
    given = {(name, is_older): id and ids[id] for name, is_older, id in found}
    assert given == {(name, is_older): None for name in (*names, "") for is_older in (True, False)} | {
        ("Bo", False): "Bo"
    }
    assert files == [None]


async def test_database_of_a_newer_release_is_refused_with_its_revision(database: Database) -> None:
    async with database.begin() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseTooNew, match="revision 9999"):
        await upgrade(database)
    async with database.begin() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = :newest"), {"newest": newest_revision()})
