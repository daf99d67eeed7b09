"""Stored objects that no row names any more.

The transaction that removes the last name records the object. After the commit, the same process deletes it. If the
storage does not respond, the workers' housekeeping deletes it later. In the storage of another database it stays.
"""

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.unavailable import DatabaseUnavailable, StorageUnavailable
from clipcast.database import Database
from clipcast.database.models.clips import UnwantedObject
from clipcast.installation.storage_mark import may_delete
from clipcast.storage import Storage

log = structlog.get_logger()
AT_ONCE, FAILURES_BORNE = 1000, 3


async def record_unwanted(session: AsyncSession, *keys: str) -> None:
    """Record objects or folders (`.../`) for deletion. No row may name them any more."""
    rows = [{"key": key, "created_at": clock.now()} for key in keys]
    if rows:
        await session.execute(insert(UnwantedObject).values(rows).on_conflict_do_nothing())


async def delete_unwanted(database: Database, storage: Storage, *keys: str) -> None:
    """Delete these objects, or without `keys` some recorded ones. Objects that cannot be deleted stay recorded."""
    async with database.session() as session:
        # In random order, so that objects which the storage always rejects do not block the others.
        query = select(UnwantedObject.key).order_by(func.random()).limit(AT_ONCE)
        found = (await session.execute(query.where(UnwantedObject.key.in_(keys)) if keys else query)).scalars().all()
    if not found or not await _may_delete(database, storage):
        return
    deleted: list[str] = []
    failures = 0
    for key in found:
        if failures == FAILURES_BORNE:
            break  # the storage does not respond, and each request waits for its timeout
        try:
            await (storage.delete_all(key) if key.endswith("/") else storage.delete(key))
        except StorageUnavailable as error:
            log.warning("object_left_behind", key=key, error=str(error))
            failures += 1
        else:
            deleted.append(key)
    if deleted:
        async with database.begin() as session:
            await session.execute(delete(UnwantedObject).where(UnwantedObject.key.in_(deleted)))


async def _may_delete(database: Database, storage: Storage) -> bool:
    try:
        return await may_delete(database, storage)
    except (StorageUnavailable, DatabaseUnavailable) as error:
        log.warning("objects_left_behind", error=str(error))
        return False
