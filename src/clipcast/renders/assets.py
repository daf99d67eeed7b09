"""Assets: files for edits. Captions (SRT, WebVTT) and watermarks (PNG, WebP) are checked before any edit uses them."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clips.addresses import UPLOAD_LIFETIME
from clipcast.clips.unwanted import delete_unwanted, record_unwanted
from clipcast.common.ids import new_id, parse_id
from clipcast.common.problems import AppError, NotFound, Problem, ValidationFailed
from clipcast.database import page_of
from clipcast.database.hot_queries import Statement, from_session
from clipcast.database.models.submissions import Asset
from clipcast.installation import Installation
from clipcast.platforms.files import PictureRules, is_whole, kind_of, picture_size
from clipcast.renders.captions import CAPTIONS_MAX, CaptionFile, parse_caption_bytes
from clipcast.renders.needed import USED
from clipcast.storage import StorageError

IMAGE_MAX = 5_000_000  # bytes
# Pixels. A larger watermark would take much memory, and no video has as many.
IMAGE_EDGE_MAX = 4096
PICTURE = PictureRules(formats=("png", "webp"), max_bytes=IMAGE_MAX, advice="Upload a picture.")
CAPTIONS, IMAGE = "captions", "image"
# A rendition that is made of the asset, or would have to be made again if its file were lost.
BUSY = Statement(f"""
    SELECT FROM renditions
    WHERE workspace_id = :workspace_id AND inputs @> CAST(:input AS jsonb)
      AND (status IN ('queued', 'active') OR {USED})
    LIMIT 1
""")


@dataclass(frozen=True)
class AssetType:
    """A type of file that edits use."""

    kind: str
    content_type: str
    max_bytes: int


TYPES = {
    ".srt": AssetType(CAPTIONS, "application/x-subrip", CAPTIONS_MAX),
    ".vtt": AssetType(CAPTIONS, "text/vtt", CAPTIONS_MAX),
    ".png": AssetType(IMAGE, "image/png", IMAGE_MAX),
    ".webp": AssetType(IMAGE, "image/webp", IMAGE_MAX),
}


def type_of(asset: Asset) -> AssetType:
    return TYPES[PurePath(asset.file_name).suffix.lower()]


def upload_url(installation: Installation, asset: Asset) -> str:
    """Return the URL that receives the asset's bytes by PUT."""
    token = installation.vault.sign({"asset": str(asset.id)}, UPLOAD_LIFETIME)
    return f"{installation.settings.public_base}/uploads/assets/{token}"


async def start_asset(session: AsyncSession, workspace_id: UUID, file_name: str, file_size: int | None) -> Asset:
    """Create an asset that waits for its bytes. Raises ValidationFailed if its declared size is too large."""
    found = TYPES[PurePath(file_name).suffix.lower()]
    if file_size is not None and file_size > found.max_bytes:
        message = f"The file is too large: {file_size} bytes, maximum {found.max_bytes} bytes. Upload a smaller file."
        raise ValidationFailed([Problem("/file_size", "too_large", message, found.max_bytes, file_size)])
    asset = Asset(workspace_id=workspace_id, kind=found.kind, file_name=file_name, content_type=found.content_type)
    session.add(asset)
    await session.flush()
    return asset


async def get_asset(session: AsyncSession, workspace_id: UUID, asset_id: str, lock: bool = False) -> Asset:
    """Return an asset. Raises NotFound."""
    query = select(Asset).where(Asset.workspace_id == workspace_id, Asset.id == parse_id(asset_id))
    asset = (await session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if asset is None:
        raise NotFound("asset", asset_id)
    return asset


async def list_assets(
    session: AsyncSession, workspace_id: UUID, kind: str | None, offset: int, limit: int
) -> tuple[list[Asset], int]:
    """Return a page of the checked assets, newest first, and the number of all."""
    query = select(Asset).where(Asset.workspace_id == workspace_id, Asset.status == "ready")
    if kind:
        query = query.where(Asset.kind == kind)
    return await page_of(session, query.order_by(Asset.id.desc()), offset, limit)


def completed() -> AppError:
    return AppError(409, "upload_completed", "This upload is complete. Start a new one.")


async def store_asset(installation: Installation, asset_id: UUID, content: bytes) -> str:
    """Store the bytes as the asset's file, and return their SHA-256. Raises AppError 409 if it is complete."""
    async with installation.database.session() as session:
        asset = await session.get(Asset, asset_id)
    if asset is None or asset.status == "ready":
        raise completed()
    key = f"assets/{asset_id}/{new_id()}{PurePath(asset.file_name).suffix.lower()}"
    await installation.storage.put_bytes(key, content)
    digest = hashlib.sha256(content).hexdigest()
    async with installation.database.begin() as session:
        stored = await session.get(Asset, asset_id, with_for_update=True)
        unwanted = key
        if stored is not None and stored.status != "ready":
            unwanted = stored.storage_key
            stored.storage_key, stored.size, stored.sha256, stored.status = key, len(content), digest, "uploaded"
        if unwanted:
            await record_unwanted(session, unwanted)
    if unwanted:
        await delete_unwanted(installation.database, installation.storage, unwanted)
    if unwanted == key:
        raise completed()
    return digest


@dataclass(frozen=True)
class CheckedAsset:
    """The facts of the file under `storage_key`."""

    storage_key: str
    facts: dict[str, Any]


async def check_asset(installation: Installation, workspace_id: UUID, asset_id: str) -> CheckedAsset | None:
    """Check an uploaded file. Return None if the asset is ready already.

    Raises NotFound, AppError 409 without a file, and ValidationFailed with all problems of the file.
    """
    async with installation.database.session() as session:
        asset = await get_asset(session, workspace_id, asset_id)
    if asset.status == "ready":
        return None
    if asset.status == "awaiting":
        raise AppError(409, "upload_missing", "The file has not been uploaded. PUT its bytes to upload_url first.")
    content = await read_asset(installation, asset)
    if asset.kind == CAPTIONS:
        parsed = parse_caption_bytes(content)
        problems, facts = parsed.problems, _facts_of(parsed)
    else:
        problems, facts = _check_image(content)
    if problems:
        raise ValidationFailed([problem.under("/asset_id") for problem in problems])
    return CheckedAsset(asset.storage_key, facts)


def _facts_of(captions: CaptionFile) -> dict[str, Any]:
    return {"count": len(captions.cues), "duration": max((cue.end for cue in captions.cues), default=0.0)}


def _check_image(content: bytes) -> tuple[list[Problem], dict[str, Any]]:
    """Return the problems and facts of a picture. Its pixels are not read."""
    problems, _ = PICTURE.check(content)
    if not problems and not is_whole(content):
        problems = [Problem("", "not_an_image", "The picture is cut off: its file ends early. Save it again.")]
    if problems:
        return problems, {}
    width, height = picture_size(content)
    if (longer := max(width, height)) > IMAGE_EDGE_MAX:
        message = f"The picture is too large: longest side {longer} pixels, maximum {IMAGE_EDGE_MAX} pixels. Resize it."
        problems = [Problem("", "picture_too_large", message, IMAGE_EDGE_MAX, longer)]
    return problems, {"width": width, "height": height, "format": kind_of(content)}


def make_ready(asset: Asset, checked: CheckedAsset | None) -> None:
    """Save the file's facts. Raises AppError 409 if another file was uploaded while this one was checked."""
    if checked is None or asset.status == "ready":
        return
    if asset.storage_key != checked.storage_key:
        message = "Another file was uploaded to this URL in the meantime. Complete the upload again."
        raise AppError(409, "upload_changed", message)
    asset.facts, asset.status = checked.facts, "ready"


async def read_asset(installation: Installation, asset: Asset) -> bytes:
    """Return the bytes of an uploaded asset. Raises AppError 409 if the store lost them."""
    try:
        pieces = [piece async for piece in installation.storage.read(asset.storage_key, 0, asset.size or 0)]
    except StorageError:
        message = "The stored file is missing or incomplete. Start a new upload."
        raise AppError(409, "upload_missing", message) from None
    return b"".join(pieces)


async def delete_asset(session: AsyncSession, asset: Asset) -> str:
    """Delete a locked asset, and return the storage key to delete after the commit.

    Raises AppError 409 while a render that uses it is being made, or a post needs such a render. Finished renders keep
    their result.
    """
    values = {"workspace_id": asset.workspace_id, "input": json.dumps([{"storage_key": asset.storage_key}])}
    if asset.storage_key and await (await from_session(session)).fetch(BUSY, values):
        message = "A render that uses this file is being made, or a post needs it. Delete the file afterwards."
        raise AppError(409, "asset_in_use", message)
    await session.delete(asset)  # a trigger records its object for deletion
    return asset.storage_key
