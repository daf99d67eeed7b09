"""One Clipcast installation as a process sees it: settings, database, storage and keys, opened together."""

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
    settings: Settings
    database: Database
    storage: Storage
    vault: Vault
    # The PostgreSQL of the data directory; None with CLIPCAST_DATABASE_URL.
    server: EmbeddedServer | None
    # Where strangers' files are read.
    children: Children = field(default_factory=Children)


@asynccontextmanager
async def open_installation(settings: Settings) -> AsyncIterator[Installation]:
    """Starts what has to be started, brings the database up to date, and closes everything at the end.

    Raises EmbeddedServerError or StorageError when the data directory or the storage cannot be used, VaultError without
    the key that the database belongs to, and DatabaseUnavailable.
    """
    settings.make_data_dir()
    server = None if settings.database_url else EmbeddedServer(settings.data_dir)
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
        with suppress(DatabaseUnavailable):  # until the next time, the clock goes on by itself
            await database.follow_clock()
