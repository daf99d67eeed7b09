"""Migration of a database to the current schema, by `clipcast db upgrade` and at every start of a process."""

from pathlib import Path

from sqlalchemy import Connection, text

from clipcast.database import Database

MIGRATIONS = Path(__file__).parent / "migrations"
# An arbitrary number, the same in every process, so that processes that start together migrate one after the other.
MIGRATION_LOCK = 7_236_011


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
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
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
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
