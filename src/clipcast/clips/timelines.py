"""The film strip and the peaks of a clip's page: made when somebody first opens it, and deleted with the clip."""

import json
from dataclasses import dataclass
from uuid import UUID

from clipcast.clips.unwanted import delete_unwanted, record_unwanted
from clipcast.common.media import stored_media
from clipcast.database.models.clips import Clip
from clipcast.installation import Installation
from clipcast.rendering.timeline import make_timeline
from clipcast.storage import StorageError

FACTS_MAX = 64 * 1024  # bytes


@dataclass(frozen=True)
class StoredTimeline:
    """The peaks of a clip's sound, and whether `strip_key` holds its film strip."""

    peaks: tuple[int, ...]
    has_strip: bool


def folder(clip_id: UUID) -> str:
    """Return the folder of a clip's objects beside its file and thumbnail."""
    return f"timelines/{clip_id}/"


def strip_key(clip_id: UUID) -> str:
    return folder(clip_id) + "strip.jpg"


def _facts_key(clip_id: UUID) -> str:
    return folder(clip_id) + "timeline.json"


async def timeline_of(installation: Installation, clip: Clip) -> StoredTimeline:
    """Return the timeline of a probed clip. The first call makes it, in a child.

    Raises ChildUnavailable and StorageUnavailable. Raises StorageError if the clip's file is gone.
    """
    try:
        reader = await installation.storage.open(_facts_key(clip.id))
    except StorageError:
        return await _make(installation, clip)
    size = min(reader.size, FACTS_MAX)
    reader.close()
    content = b"".join([piece async for piece in installation.storage.read(_facts_key(clip.id), 0, size)])
    facts = json.loads(content)
    return StoredTimeline(tuple(facts["peaks"]), facts["strip"])


async def _make(installation: Installation, clip: Clip) -> StoredTimeline:
    storage, media = installation.storage, stored_media(clip.media)
    made = await make_timeline(
        installation.children,
        lambda start, end: storage.read(clip.storage_key, start, end),
        media,
        owner=clip.workspace_id,
    )
    if made.strip:
        await storage.put_bytes(strip_key(clip.id), made.strip)
    facts = {"peaks": made.peaks, "strip": bool(made.strip)}
    await storage.put_bytes(_facts_key(clip.id), json.dumps(facts).encode())
    await delete_if_gone(installation, clip.id)
    return StoredTimeline(made.peaks, bool(made.strip))


async def delete_if_gone(installation: Installation, clip_id: UUID) -> None:
    """Delete the objects of a clip that was deleted while they were made. A later deletion finds them by itself."""
    async with installation.database.begin() as session:
        if await session.get(Clip, clip_id) is None:
            await record_unwanted(session, folder(clip_id))
    await delete_unwanted(installation.database, installation.storage, folder(clip_id))
