"""Databases of their own for tests that change the schema."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from clipcast.database import Database
from clipcast.database.embedded import EmbeddedServer
from clipcast.database.migrate import upgrade

# A database of the current form, of which new ones are copies. Migrations take longer than a copy.
TEMPLATE = "current"


@asynccontextmanager
async def new_database(server: EmbeddedServer) -> AsyncIterator[Database]:
    """Make a database of the current form, and delete it at the end."""
    url, name = server.acquire(), f"test_{uuid4().hex}"
    here = Database(url)
    connection = await here.connector.connect()
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", TEMPLATE):
            await connection.execute(f"CREATE DATABASE {TEMPLATE}")
            template = Database(_of(url, TEMPLATE))
            await upgrade(template)
            await template.close()
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        database = Database(_of(url, name))
        yield database
        await database.close()
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        connection.terminate()
        await here.close()


def _of(url: str, name: str) -> str:
    return url.replace("/postgres?", f"/{name}?")
