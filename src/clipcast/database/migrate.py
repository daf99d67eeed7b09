"""Bringing a database to the current schema: `clipcast db upgrade`, and every start of `clipcast serve`."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from clipcast.database import Database

# Any number: it only has to be the same in every process, so that two which start together migrate one by one.
MIGRATION_LOCK = 7_236_011


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


async def upgrade(database: Database) -> None:
    """Applies every migration that is missing; does nothing on a current database."""

    def apply(connection: Connection) -> None:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    async with database.connect() as connection:
        await connection.run_sync(apply)
