"""What a storage holds for its callers."""

from clipcast.installation.storage_mark import KEY
from clipcast.storage import Storage


async def objects(storage: Storage) -> list[tuple[str, int]]:
    """Return the keys and sizes of all objects but the mark."""
    return [(key, size) for key, size in await storage.list("") if key != KEY]
