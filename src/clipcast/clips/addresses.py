"""Signed URLs for uploads and downloads, which need no API key."""

from datetime import timedelta
from uuid import UUID

from clipcast.common.settings import Settings
from clipcast.common.vault import Vault
from clipcast.database.models.clips import Clip
from clipcast.jobs.claimed import ClipFacts

# Of an upload's address, after its issue and after the last bytes; and at most for an upload that has not ended.
UPLOAD_LIFETIME, ABANDONED_UPLOAD = timedelta(hours=2), timedelta(days=2)
DOWNLOAD_LIFETIME = timedelta(hours=6)
# A media container of Meta lives 24 h and may fetch its video late.
ROUND_LIFETIME = timedelta(hours=24)


def clip_id_of(key: str) -> str:
    """Return the id of the clip whose file or thumbnail has this storage key: `clips/ID/...` or `thumbnails/ID.jpg`."""
    return key.split("/")[1].removesuffix(".jpg") if "/" in key else ""


def upload_url(settings: Settings, vault: Vault, clip: Clip) -> str:
    """Return the URL that receives the clip's bytes by PUT."""
    return f"{settings.public_base}/uploads/{vault.sign({'put': str(clip.id)}, UPLOAD_LIFETIME)}"


def file_url(
    settings: Settings,
    vault: Vault,
    key: str,
    file_name: str,
    content_type: str,
    size: int,
    lifetime: timedelta = DOWNLOAD_LIFETIME,
) -> str:
    """Return the URL of a stored object, which supports Range. A `size` of -1 is looked up at each request."""
    claim = {"get": key, "name": file_name, "type": content_type, "size": size}
    return f"{settings.public_base}/files/{vault.sign(claim, lifetime)}"


def round_url(settings: Settings, vault: Vault, clip: ClipFacts, item_id: UUID, number: int) -> str:
    """Return the URL from which a platform fetches an item's clip. It is valid until the item's round ends."""
    claim = {
        "get": clip.storage_key,
        "name": clip.file_name,
        "type": clip.content_type,
        "size": clip.size,
        "item": str(item_id),
        "round": number,
    }
    return f"{settings.public_base}/files/{vault.sign(claim, ROUND_LIFETIME)}"
