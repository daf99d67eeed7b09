"""The search for orphans: stored objects that no row names. It looks at a few pages of the store at a time."""

import re
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from uuid import UUID

import structlog

from clipcast.clock import clock
from clipcast.common.unavailable import StorageUnavailable
from clipcast.database import Database
from clipcast.database.hot_queries import Statement
from clipcast.storage import Storage, StoredObject

log = structlog.get_logger()

# What rows with these ids name, by the folder of the objects. A name that ends in a slash is a folder.
NAMES = {
    "timelines/": Statement("SELECT 'timelines/' || id || '/' AS name FROM clips WHERE id = ANY(:ids)"),
    "thumbnails/": Statement("SELECT thumbnail_key AS name FROM clips WHERE id = ANY(:ids)"),
    "uploads/": Statement("SELECT 'uploads/' || id || '/' AS name FROM clips WHERE id = ANY(:ids)"),
    "avatars/": Statement("SELECT avatar_key AS name FROM connections WHERE id = ANY(:ids)"),
    "assets/": Statement("SELECT storage_key AS name FROM assets WHERE id = ANY(:ids)"),
    "clips/": Statement("SELECT storage_key AS name FROM clips WHERE id = ANY(:ids)"),
}
# Objects of another form are not Clipcast's.
OF_A_ROW = re.compile(r"[a-z]+/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})[/.]")
# No row names an object until it is whole, so that younger ones are spared.
AGE = timedelta(days=7)
PAGES_AT_ONCE = 10
# More orphans than this, and than other objects on the page: the store is probably that of another database.
ORPHANS_BORNE = 20


class OrphanSearch:
    """A search that goes on where it ended, and starts over at the end of the store. Any number may run."""

    def __init__(self, database: Database, storage: Storage) -> None:
        self._database = database
        self._storage = storage
        self._pages = self._all()

    async def step(self) -> list[str]:
        """Delete the orphans of the next pages, and return their keys.

        Raise DatabaseUnavailable and StorageUnavailable. The next step then starts over.
        """
        deleted: list[str] = []
        try:
            for _ in range(PAGES_AT_ONCE):
                folder, page = await anext(self._pages)
                deleted += await self._delete_orphans(folder, page)
        except StopAsyncIteration:
            self._pages = self._all()
        except StorageUnavailable:
            self._pages = self._all()
            raise
        return deleted

    async def _all(self) -> AsyncIterator[tuple[str, Sequence[StoredObject]]]:
        for folder in NAMES:
            async for page in self._storage.pages(folder):
                yield folder, page

    async def _delete_orphans(self, folder: str, page: Sequence[StoredObject]) -> list[str]:
        before = clock.now() - AGE
        owners = {
            one.key: UUID(found[1]) for one in page if one.modified_at < before and (found := OF_A_ROW.match(one.key))
        }
        if not owners:
            return []
        rows = await self._database.hot_pool.fetch(NAMES[folder], {"ids": list(set(owners.values()))})
        names = {row["name"] for row in rows}
        orphans = [key for key, owner in owners.items() if not {key, f"{folder}{owner}/"} & names]
        if most_are_foreign(len(orphans), len(owners)):
            log.warning("orphans_left", folder=folder, number=len(orphans), reason="most objects belong to no row")
            return []
        for key in orphans:
            log.info("orphan_deleted", key=key)
            await self._storage.delete(key)
        return orphans


def most_are_foreign(orphans: int, objects: int) -> bool:
    """Return whether so many objects belong to no row that the store is probably that of another database."""
    return orphans > max(ORPHANS_BORNE, objects - orphans)
