"""Migration of a database to the current schema, by `clipcast db upgrade` and at every start of a process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from clipcast.database import Database
from clipcast.database.locks import TAKE, Lock

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"


class DatabaseTooNew(Exception):
    """A newer release has migrated the database. This release cannot use it."""


def newest_revision() -> str:
    """Return the newest revision of this release. The names of migrations begin with their numbered revisions."""
    return max(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("0*.py"))


async def upgrade(database: Database) -> None:
    """Apply every missing migration. Change nothing in a current database.

    Raises DatabaseTooNew if a newer release has migrated the database.
    """
    async with database.maintain() as connection:
        await connection.execute(TAKE, {"lock": Lock.MIGRATION})
        current, newest = await connection.run_sync(_current_revision), newest_revision()
        if current is not None and current > newest:
            raise DatabaseTooNew(
                f"A newer Clipcast has migrated this database to revision {current}; this one knows revisions up to "
                f"{newest}. Install the newer release, or restore a backup from before the upgrade."
            )
        if current != newest:
            await connection.run_sync(_apply)


def _current_revision(connection: Connection) -> str | None:
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar_one() is None:
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return revision


def _apply(connection: Connection) -> None:
    # Imported late, so that a process on a current database does not load Alembic.
    from alembic import command

    command.upgrade(config_of(connection), "head")


def config_of(connection: Connection) -> Config:
    """Return the configuration with which Alembic's commands migrate by an open connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
