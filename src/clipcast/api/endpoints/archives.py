"""The API's endpoints of archives of renders, and the signed addresses from which they are downloaded."""

import asyncio
from collections.abc import Generator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from clipcast.api.auth import Caller, needs
from clipcast.api.dependencies import InstallationDep
from clipcast.api.idempotency import IdempotentResponse, run_idempotent
from clipcast.api.schemas import documented, json_body
from clipcast.clips.addresses import DOWNLOAD_LIFETIME
from clipcast.common.problems import AppError
from clipcast.database.models.clips import BulkDownload
from clipcast.installation import Installation
from clipcast.renders import archive_schemas as schemas
from clipcast.renders import archives

router = APIRouter(tags=["Clips and renders"])
downloads = APIRouter(include_in_schema=False)

Reader = Annotated[Caller, Depends(needs("renders:read"))]

# The archives that one process sends at a time: each holds a part of a file, and sometimes a thread.
SENT_AT_ONCE = 8
BUSY_PAUSE = 30  # seconds, for Retry-After
# The seconds in which a reader must take the next piece.
STALLED = 60.0
# The requests to the storage at a time, before the first byte is sent.
LOOKS_AT_ONCE = 8


@router.post(
    "/renders/bulk-download",
    operation_id="createBulkDownload",
    openapi_extra=documented(schemas.StartBulkDownload),
    summary="Download several renders",
    status_code=202,
    response_model=schemas.BulkDownloadOut,
)
async def create_bulk_download(
    request: Request,
    installation: InstallationDep,
    caller: Reader,
    body: Annotated[schemas.StartBulkDownload, json_body(schemas.StartBulkDownload)],
) -> Any:
    """Download up to 100 renders as one ZIP archive.

    Poll `GET /renders/bulk-download/{job_id}` until `download_url` is there: at once, unless a render is still being
    made. Renders without a file are listed as `missing`. 422 lists the ids that do not exist.
    """

    async def act(session: Any) -> IdempotentResponse:
        made = await archives.create_bulk_download(session, caller.workspace_id, body.render_ids)
        return IdempotentResponse(202, _shown(installation, made, await archives.contents_of(session, made)))

    return await run_idempotent(request, installation, caller, act)


@router.get(
    "/renders/bulk-download/{job_id}",
    operation_id="getBulkDownload",
    summary="Get a download of several renders",
    response_model=schemas.BulkDownloadOut,
)
async def get_bulk_download(job_id: str, installation: InstallationDep, caller: Reader) -> Any:
    """Return the state of a download, with the archive's address when all renders have ended.

    The archive is a ZIP64 file whose videos are not compressed. It contains what exists when its download begins. An id
    works for 24 hours, then 404.
    """
    async with installation.database.session() as session:
        made = await archives.get_bulk_download(session, caller.workspace_id, job_id)
        return _shown(installation, made, await archives.contents_of(session, made))


def _shown(installation: Installation, made: BulkDownload, contents: archives.Contents) -> schemas.BulkDownloadOut:
    url = None
    if is_ready := contents.status == "completed":
        token = installation.vault.sign({"archive": str(made.id)}, DOWNLOAD_LIFETIME)
        url = f"{installation.settings.public_base}/archives/{token}"
    return schemas.BulkDownloadOut(
        job_id=made.id,
        status=contents.status,
        progress=contents.progress,
        file_count=len(contents.entries),
        size=archives.archive_size(contents) if is_ready else None,
        download_url=url,
        filename=_file_name(made),
        missing=[schemas.MissingRender.model_validate(vars(one)) for one in contents.missing],
        expires_at=made.expires_at,
    )


def _file_name(made: BulkDownload) -> str:
    return f"clips-{made.created_at:%Y%m%d-%H%M%S}.zip"


@downloads.api_route("/archives/{token}", methods=["GET", "HEAD"])
async def fetch_archive(token: str, request: Request, installation: InstallationDep) -> Response:
    """Send the archive of a signed address. Raises AppError 403, 404, 409 or 503."""
    claim = installation.vault.verify(token)
    if claim is None or "archive" not in claim:
        raise AppError(403, "file_url_expired", "The file address is wrong or has expired. Request a new one.")
    async with installation.database.session() as session:
        made = await archives.get_bulk_download(session, None, claim["archive"])
        contents = await archives.contents_of(session, made)
    # Before the status is sent: a lost file becomes an entry of the report, not a cut-off archive.
    contents = archives.without(contents, await _lost(installation, contents))
    if contents.status == "processing" or not contents.entries:
        message = (
            "This download has no archive now. GET /renders/bulk-download/{job_id} shows which renders have no file."
        )
        raise AppError(409, "render_not_completed", message)
    headers = {
        "Content-Type": "application/zip",
        "Content-Length": str(archives.archive_size(contents)),
        "Content-Disposition": f'attachment; filename="{_file_name(made)}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    if request.method == "HEAD":
        return Response(headers=headers)
    return ArchiveResponse(archives.stream_archive(installation.storage, contents), headers)


async def _lost(installation: Installation, contents: archives.Contents) -> set[str]:
    """Return the storage keys of the entries whose objects are missing."""
    slots = asyncio.Semaphore(LOOKS_AT_ONCE)

    async def exists(key: str) -> bool:
        async with slots:
            return await installation.storage.has(key)

    keys = [one.key for one in contents.entries]
    return {key for key, found in zip(keys, await asyncio.gather(*map(exists, keys)), strict=True) if not found}


class ArchiveResponse(StreamingResponse):
    """A response that reads its pieces in threads. It ends when the reader leaves or stalls, and frees its file."""

    sending = 0

    def __init__(self, pieces: Generator[bytes, None, None], headers: dict[str, str]) -> None:
        super().__init__(pieces, headers=headers)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if ArchiveResponse.sending >= SENT_AT_ONCE:
            message = f"{SENT_AT_ONCE} archives are being downloaded. Try again in {BUSY_PAUSE} s."
            raise AppError(503, "downloads_busy", message, headers={"Retry-After": str(BUSY_PAUSE)})

        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(STALLED):
                await send(message)

        ArchiveResponse.sending += 1
        try:
            await super().__call__(scope, receive, send_in_time)
        except TimeoutError:
            raise ClientDisconnect from None
        finally:
            ArchiveResponse.sending -= 1
            self._pieces.close()
