"""Videos that are imported from an address, streamed from a public host into the storage."""

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import PurePosixPath
from urllib.parse import unquote
from uuid import UUID

from yarl import URL

from clipcast.clips.schemas import ImportVideo, StartUpload, clean_file_name
from clipcast.clips.service import get_clip, new_storage_key, receive, start_upload
from clipcast.clips.unwanted import delete_unwanted, record_unwanted
from clipcast.common.containers import CONTAINERS, CONTENT_TYPE_OF_SUFFIX
from clipcast.common.problems import AppError, Problem, ValidationFailed
from clipcast.common.unavailable import StorageUnavailable
from clipcast.database.models.clips import Clip
from clipcast.installation import Installation
from clipcast.platforms.errors import InvalidRequest, PublishError
from clipcast.platforms.public_fetch import PublicFetcher
from clipcast.platforms.transport import HttpClient, Incoming

# Seconds for the whole file.
IMPORT_TIME = 600.0
NAME_MAX = 200
SUFFIX_OF_TYPE = {one.content_type: one.suffixes[0] for one in CONTAINERS}
FIX = "Send the http or https address of a media file on a public host."
PAGES = ("text/html", "application/xhtml+xml")


async def import_video(installation: Installation, workspace_id: UUID, body: ImportVideo) -> str:
    """Store the media file of an address as an uploaded clip, and return the clip's id. It still needs a probe.

    Raises ValidationFailed with a problem of `/url` if the address is not public, is not a media file, or its file is
    too large. Raises AppError 503 if its server does not respond properly now. Then nothing is stored.
    """
    try:
        async with HttpClient() as client:
            fetcher = PublicFetcher(client, installation.settings.sandbox_base)
            async with fetcher.stream(body.url, IMPORT_TIME) as response:
                _check(installation, response)
                return await _store(installation, workspace_id, response, body.file_name or _name_of(response))
    except InvalidRequest as error:
        raise _invalid(error.code, f"{error.message} {FIX}") from None
    except PublishError as error:
        raise AppError(503, "fetch_failed", error.message, headers={"Retry-After": "30"}) from None


def _invalid(code: str, message: str, limit: int | None = None, actual: int | None = None) -> ValidationFailed:
    return ValidationFailed([Problem("/url", code, message, limit, actual)])


def _check(installation: Installation, response: Incoming) -> None:
    """Raise ValidationFailed for a page, and for a file that is too large by its head."""
    kind = _type_of(response)
    if kind in PAGES:
        message = (
            "This address returns a web page, not a media file. Give the address of the file itself. Clipcast does "
            "not download from pages of video platforms, because their terms forbid it."
        )
        raise _invalid("not_a_media_file", message)
    length = response.headers.get("content-length", "")
    limit = installation.settings.max_upload_bytes
    if length.isascii() and length.isdigit() and int(length[:19]) > limit:
        message = f"The file is larger than {limit} bytes, the maximum. Import a smaller file."
        raise _invalid("file_too_large", message, limit, int(length[:19]))


def _type_of(response: Incoming) -> str:
    return response.headers.get("content-type", "").split(";")[0].strip().lower()


def _name_of(response: Incoming) -> str:
    """Return the file's name by its address, with the ending of a video."""
    name = clean_file_name(unquote(URL(response.url).path))[-NAME_MAX:] or "video"
    if PurePosixPath(name).suffix.lower() in CONTENT_TYPE_OF_SUFFIX:
        return name
    return f"{name}{SUFFIX_OF_TYPE.get(_type_of(response), '.mp4')}"


async def _store(installation: Installation, workspace_id: UUID, response: Incoming, file_name: str) -> str:
    async with installation.database.begin() as session:
        clip = await start_upload(installation, session, workspace_id, StartUpload(file_name=file_name))
    key = new_storage_key(clip)
    try:
        size, sha256 = await receive(installation, clip, key, _pieces(response))
        async with installation.database.begin() as session:
            stored = await get_clip(session, workspace_id, str(clip.id), lock=True)
            stored.storage_key, stored.size, stored.sha256, stored.status = key, size, sha256, "uploaded"
    except BaseException as error:
        await _forget(installation, clip, key)
        if isinstance(error, AppError) and error.status in (413, 415):
            raise _invalid(error.code, error.detail) from None
        raise
    return str(clip.id)


async def _pieces(response: Incoming) -> AsyncIterator[bytes]:
    async for piece in response.pieces():
        yield bytes(piece)


async def _forget(installation: Installation, clip: Clip, key: str) -> None:
    with suppress(StorageUnavailable):
        await installation.storage.delete(key)
    async with installation.database.begin() as session:
        stored = await session.get(Clip, clip.id, with_for_update=True)
        if stored is not None:
            await session.delete(stored)
        await record_unwanted(session, key)


async def discard_unless_ready(installation: Installation, clip_id: UUID) -> None:
    """Delete an imported clip and its file, if it cannot be used."""
    async with installation.database.begin() as session:
        clip = await session.get(Clip, clip_id, with_for_update=True)
        if clip is None or clip.status == "ready":
            return
        key = clip.storage_key
        await session.delete(clip)
        await record_unwanted(session, key)
    await delete_unwanted(installation.database, installation.storage, key)
