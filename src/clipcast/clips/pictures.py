"""Small pictures of clips for lists: made of the thumbnail when a page first shows it, and deleted with the clip."""

from hashlib import sha256
from uuid import UUID

from clipcast.clips.timelines import delete_if_gone, folder
from clipcast.installation import Installation
from clipcast.rendering.pictures import make_pictures
from clipcast.storage import StorageError


def picture_version(thumbnail_key: str) -> str:
    """Return what an address of a picture names, so that browsers may keep it: it changes with the thumbnail."""
    return sha256(thumbnail_key.encode()).hexdigest()[:10]


async def picture_key(
    installation: Installation, workspace_id: UUID, clip_id: UUID, thumbnail_key: str, width: int
) -> str | None:
    """Return the storage key of the thumbnail as WebP in this width; None if it is unreadable.

    The first call makes all widths, in a child. Raises ChildUnavailable and StorageUnavailable. Raises StorageError if
    the thumbnail is gone.
    """
    storage = installation.storage
    keys = folder(clip_id) + picture_version(thumbnail_key) + "-{}.webp"
    try:
        (await storage.open(keys.format(width))).close()
        return keys.format(width)
    except StorageError:
        pass
    thumbnail = await storage.open(thumbnail_key)
    size = thumbnail.size
    thumbnail.close()
    made = await make_pictures(
        installation.children, lambda start, end: storage.read(thumbnail_key, start, end), size, owner=workspace_id
    )
    for each, content in made.items():
        await storage.put_bytes(keys.format(each), content)
    await delete_if_gone(installation, clip_id)
    return keys.format(width) if made else None
