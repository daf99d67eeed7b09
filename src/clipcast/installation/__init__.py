"""A Clipcast installation: the settings, database, storage and keys of a process, opened together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from clipcast.common.settings import Settings
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.common.vault import Vault
from clipcast.database import Database
from clipcast.database.embedded import EmbeddedServer
from clipcast.database.migrate import upgrade
from clipcast.installation.secret_key import unlock
from clipcast.rendering.children import Children
from clipcast.storage import Storage

FOLLOW_CLOCK_EVERY = 60.0


@dataclass(frozen=True)
class Installation:
    """The opened parts of an installation."""

    settings: Settings
    database: Database
    storage: Storage
    vault: Vault
    # The PostgreSQL of the data directory; None with CLIPCAST_DATABASE_URL.
    server: EmbeddedServer | None
    # The child processes that read uploaded files.
    children: Children = field(default_factory=Children)


@asynccontextmanager
async def open_installation(settings: Settings) -> AsyncIterator[Installation]:
    """Open the installation: start the embedded server, apply migrations, and close all parts at the end.

    Raise EmbeddedServerError or StorageError if the data directory or the storage cannot be used, VaultError if the
    database belongs to another key, and DatabaseUnavailable.
    """
    server = None if settings.database_url else EmbeddedServer(settings.data_dir)
    if server:
        server.check_owner()
    settings.make_data_dir()
    try:
        url = server.acquire() if server else settings.database_url
        assert url is not None
        database = Database(
            url,
            settings.database_pool_size,
            settings.database_hot_pool_size,
            "none" if server else settings.database_pooler,
            settings.database_direct_url,
        )
        try:
            await upgrade(database)
            await database.follow_clock()
            following = asyncio.create_task(_keep_time(database))
            try:
                yield Installation(
                    settings,
                    database,
                    Storage(settings.storage_url, settings.data_dir),
                    await unlock(settings, database),
                    server,
                )
            finally:
                following.cancel()
        finally:
            await database.close()
    finally:
        if server:
            server.release()


async def _keep_time(database: Database) -> None:
    while True:
        await asyncio.sleep(FOLLOW_CLOCK_EVERY)
        with suppress(DatabaseUnavailable):  # the clock runs on its own until the next call
            await database.follow_clock()
