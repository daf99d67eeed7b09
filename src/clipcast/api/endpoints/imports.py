"""The API's endpoints that import videos from addresses."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.api.auth import Caller, needs
from clipcast.api.dependencies import InstallationDep
from clipcast.api.idempotency import IdempotentResponse, replay, run_idempotent
from clipcast.api.schemas import documented, json_body
from clipcast.clips import schemas, service
from clipcast.clips.imports import discard_unless_ready, import_video
from clipcast.renders.service import plain_render

router = APIRouter(tags=["Clips and renders"])

Writer = Annotated[Caller, Depends(needs("renders:write"))]
ImportBody = Annotated[schemas.ImportVideo, json_body(schemas.ImportVideo)]


@router.post(
    "/videos/import",
    operation_id="importVideo",
    openapi_extra=documented(schemas.ImportVideo),
    summary="Import a video",
    response_model=schemas.VideoCompleted,
)
async def import_by_address(request: Request, installation: InstallationDep, caller: Writer, body: ImportBody) -> Any:
    """Import the media file of an http or https address, and return its properties like a completed upload.

    To post the video as it is, pass `edit_setting_id` as `editId` to `POST /posts`.

    The response follows when the file has arrived: within 10 minutes, after which the import fails. Send an
    `Idempotency-Key`: then the same request returns the imported video if the connection broke meanwhile. The host must
    be public. The file has the limits of an upload. Pages, such as those of video platforms, are rejected:
    `not_a_media_file`.
    """
    if (replayed := await replay(request, installation, caller)) is not None:
        return replayed
    video_id = await import_video(installation, caller.workspace_id, body)
    try:
        probed = await service.probe_upload(installation, caller.workspace_id, video_id)

        async def act(session: AsyncSession) -> IdempotentResponse:
            clip = await service.get_clip(session, caller.workspace_id, video_id, lock=True)
            service.make_ready(clip, schemas.CompleteUpload(video_id=video_id, file_name=clip.file_name), probed)
            render = await plain_render(session, clip)
            thumbnail = service.thumbnail_url(installation, clip)
            return IdempotentResponse(200, schemas.VideoCompleted.completed(clip, thumbnail, render.edit_setting_id))

        return await run_idempotent(request, installation, caller, act)
    finally:
        # Another request with the same key may have been faster.
        await discard_unless_ready(installation, UUID(video_id))


@router.post(
    "/clips/info",
    operation_id="getVideoInfo",
    openapi_extra=documented(schemas.ImportVideo),
    summary="Import a video and return its properties",
    response_model=schemas.VideoCompleted,
)
async def get_video_info(request: Request, installation: InstallationDep, caller: Writer, body: ImportBody) -> Any:
    """Import the media file of an http or https address. This is `POST /videos/import` by its earlier path."""
    return await import_by_address(request, installation, caller, body)
