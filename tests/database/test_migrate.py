"""Migrations make exactly the tables that the code knows."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from clipcast.database import Database
from clipcast.database.migrate import upgrade
from clipcast.database.models import Base


async def test_the_migrations_and_the_models_agree(database: Database) -> None:
    await upgrade(database)  # a second time does nothing
    async with database.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), Base.metadata)
        )
    assert differences == []
