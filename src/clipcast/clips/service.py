"""Uploads and probing of clips."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import PurePath
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clips import repository
from clipcast.clips.addresses import file_url
from clipcast.clips.schemas import CompleteUpload, StartUpload, Video
from clipcast.common.containers import CONTENT_TYPE_OF_SUFFIX, CONTENT_TYPES, SNIFFED, SNIFFED_LEAST, TITLES, family_of
from clipcast.common.ids import new_id
from clipcast.common.media import Media, known_media
from clipcast.common.problems import AppError, NotFound, Problem, ValidationFailed
from clipcast.database.models.clips import Clip
from clipcast.installation import Installation
from clipcast.rendering.children import ChildUnavailable
from clipcast.rendering.errors import UnreadableMedia
from clipcast.rendering.examine import examine
from clipcast.storage import StorageError

log = structlog.get_logger()


def require_video(head: bytes) -> None:
    """Raise AppError 415 unless a file with these first `SNIFFED` bytes is a video."""
    if family_of(head) is None:
        message = f"The file is not {TITLES}. Upload a file in one of these formats."
        raise AppError(415, "unsupported_media_type", message)


async def start_upload(
    installation: Installation, session: AsyncSession, workspace_id: UUID, body: StartUpload
) -> Clip:
    """Create a clip that waits for its bytes. Raises ValidationFailed if its declared size is too large."""
    limit = installation.settings.max_upload_bytes
    if body.file_size is not None and body.file_size > limit:
        message = f"The file is too large: {body.file_size} bytes, maximum {limit} bytes. Upload a smaller file."
        raise ValidationFailed([Problem("/file_size", "too_large", message, limit, body.file_size)])
    suffix = PurePath(body.file_name).suffix.lower()
    clip = Clip(
        workspace_id=workspace_id,
        file_name=body.file_name,
        title=PurePath(body.file_name).stem,
        content_type=CONTENT_TYPE_OF_SUFFIX[suffix],
        declared_size=body.file_size,
        storage_key="",
    )
    session.add(clip)
    await session.flush()
    return clip


def new_storage_key(clip: Clip) -> str:
    return f"clips/{clip.id}/{new_id()}{PurePath(clip.file_name).suffix.lower()}"


def size_limit(installation: Installation, clip: Clip) -> int:
    """Return the maximum size of the clip's file in bytes: its declared size, or the installation's limit."""
    return installation.settings.max_upload_bytes if clip.declared_size is None else clip.declared_size


def too_large(installation: Installation, clip: Clip) -> AppError:
    """Return the error of an upload that exceeds `size_limit`."""
    limit = size_limit(installation, clip)
    if clip.declared_size is None:
        message = f"The file is larger than {limit} bytes, the maximum. Upload a smaller file."
        return AppError(413, "file_too_large", message)
    message = f"The upload exceeds the declared `file_size` of {limit} bytes. Start again with the right size."
    return AppError(413, "file_too_large", message)


async def receive(installation: Installation, clip: Clip, key: str, pieces: AsyncIterator[bytes]) -> tuple[int, str]:
    """Stream the bytes into the storage. Return their number and SHA-256 (hexadecimal).

    Raises AppError, and stores nothing, if the size differs from the declared one or the bytes are not a video.
    """
    digest = hashlib.sha256()
    size, limit = 0, size_limit(installation, clip)

    async def checked() -> AsyncIterator[bytes]:
        nonlocal size
        head = b""
        async for piece in pieces:
            size += len(piece)
            if size > limit:
                raise too_large(installation, clip)
            if len(head) < SNIFFED:
                head += piece[:SNIFFED]
                if len(head) >= SNIFFED:
                    require_video(head)
            digest.update(piece)
            yield piece
        if clip.declared_size is not None and size < clip.declared_size:
            raise AppError(
                400, "upload_incomplete",
                f"The upload is incomplete: {size} bytes, declared {clip.declared_size}. Upload the whole file again.",
            )  # fmt: skip
        if SNIFFED_LEAST <= len(head) < SNIFFED:
            require_video(head)

    await installation.storage.put(key, checked())
    return size, digest.hexdigest()


@dataclass(frozen=True)
class ProbedFile:
    """The properties of the file under `storage_key`, and the key of its thumbnail."""

    storage_key: str
    media: Media
    thumbnail_key: str | None


async def probe_upload(installation: Installation, workspace_id: UUID, clip_id: str) -> ProbedFile | None:
    """Probe an uploaded file and store its thumbnail. Return None if the clip is ready already.

    Raises NotFound, and AppError: 409 without a file, 422 for an invalid file, 503 if probing does not work.
    """
    async with installation.database.session() as session:
        clip = await get_clip(session, workspace_id, clip_id)
    if clip.status == "awaiting":
        raise AppError(409, "upload_missing", "The file has not been uploaded. PUT its bytes to upload_url first.")
    if clip.status == "ready":
        return None
    try:
        examined = await examine(
            installation.children,
            lambda start, end: installation.storage.read(clip.storage_key, start, end),
            clip.size or 0,
            owner=workspace_id,
        )
    except UnreadableMedia as error:
        problem = Problem("/video_id", error.code, error.message, error.limit, error.actual)
        raise ValidationFailed([problem]) from None
    except StorageError:
        message = "The stored file is missing or incomplete. Start a new upload."
        raise AppError(409, "upload_missing", message) from None
    except ChildUnavailable as error:
        raise AppError(503, "media_unavailable", str(error), headers={"Retry-After": "10"}) from error
    _check_duration(installation, examined.media.duration)
    if not examined.thumbnail:
        return ProbedFile(clip.storage_key, examined.media, None)
    thumbnail_key = f"thumbnails/{clip.id}.jpg"
    await installation.storage.put_bytes(thumbnail_key, examined.thumbnail)
    return ProbedFile(clip.storage_key, examined.media, thumbnail_key)


def _check_duration(installation: Installation, duration: float) -> None:
    """Raise ValidationFailed if a clip lasts longer than CLIPCAST_MAX_CLIP_DURATION."""
    limit = int(installation.settings.max_clip_duration.total_seconds())
    if duration > limit:
        message = f"The video is too long: {duration:.0f} s, maximum {limit} s. Shorten it."
        raise ValidationFailed([Problem("/video_id", "too_long_to_convert", message, limit, duration)])


async def get_clip(session: AsyncSession, workspace_id: UUID, clip_id: str, lock: bool = False) -> Clip:
    clip = await repository.get_clip(session, workspace_id, clip_id, lock)
    if clip is None:
        raise NotFound("video", clip_id)
    return clip


def make_ready(clip: Clip, body: CompleteUpload, probed: ProbedFile | None) -> None:
    """Save the file's properties. The content type comes from the file, not from its name.

    Raises AppError 409 if another file was uploaded while this one was probed.
    """
    if probed is not None and clip.status != "ready":
        if clip.storage_key != probed.storage_key:
            message = "Another file was uploaded to this URL in the meantime. Complete the upload again."
            raise AppError(409, "upload_changed", message)
        clip.media = vars(probed.media)
        clip.content_type = CONTENT_TYPES.get(probed.media.container, clip.content_type)
        clip.thumbnail_key = probed.thumbnail_key
        clip.status = "ready"
    if body.file_name is not None:
        clip.file_name, clip.title = body.file_name, PurePath(body.file_name).stem


def show_clip(installation: Installation, clip: Clip) -> Video:
    """Return the clip with a signed URL of its thumbnail."""
    return Video.of(clip, thumbnail_url(installation, clip))


def show_clips(installation: Installation, clips: list[Clip]) -> list[Video]:
    """Return the clips whose stored properties can be read. The log names the others."""
    readable = [clip for clip in clips if known_media(clip.media)]
    if lost := [str(clip.id) for clip in clips if clip not in readable]:
        log.error("clips_not_read", clip_ids=lost)
    return [show_clip(installation, clip) for clip in readable]


def thumbnail_url(installation: Installation, clip: Clip) -> str | None:
    if clip.thumbnail_key is None:
        return None
    return file_url(installation.settings, installation.vault, clip.thumbnail_key, "thumbnail.jpg", "image/jpeg", -1)
