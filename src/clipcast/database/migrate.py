"""Bringing a database to the current schema: `clipcast db upgrade`, and every start of a process."""

from pathlib import Path

from sqlalchemy import Connection, text

from clipcast.database import Database

MIGRATIONS = Path(__file__).parent / "migrations"
# Any number: it only has to be the same in every process, so that two which start together migrate one by one.
MIGRATION_LOCK = 7_236_011


class DatabaseTooNew(Exception):
    """A newer release has migrated the database. This release cannot use it."""


def newest_revision() -> str:
    """Return the revision of this release. Migrations are named after their revision, which counts up."""
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
    # Imported here: a process that starts on a current database does not pay for it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
