"""The API's endpoints of clips and renders."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from clipcast.api.auth import Caller, needs
from clipcast.api.dependencies import InstallationDep
from clipcast.api.idempotency import IdempotentResponse, run_idempotent
from clipcast.api.pagination import PageParams
from clipcast.api.schemas import documented, json_body
from clipcast.clips import repository, schemas, service
from clipcast.clips.addresses import UPLOAD_LIFETIME, upload_url
from clipcast.clips.unwanted import delete_unwanted
from clipcast.common.pagination import paged
from clipcast.renders.service import delete_clip, plain_render

router = APIRouter(tags=["Clips and renders"])

Reader = Annotated[Caller, Depends(needs("renders:read"))]
Writer = Annotated[Caller, Depends(needs("renders:write"))]


@router.post(
    "/videos/upload",
    operation_id="startUpload",
    openapi_extra=documented(schemas.StartUpload),
    summary="Start an upload",
    response_model=schemas.UploadStarted,
)
async def start_upload(
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.StartUpload, json_body(schemas.StartUpload)],
) -> Any:
    """Create a video and return the signed address to which you send the file with one `PUT`.

    The address needs no API key and works for 2 hours. A file has at most 2 GB by default
    (`CLIPCAST_MAX_UPLOAD_BYTES`).
    """

    async def act(session: Any) -> IdempotentResponse:
        clip = await service.start_upload(installation, session, caller.workspace_id, body)
        seconds = int(UPLOAD_LIFETIME.total_seconds())
        return IdempotentResponse(
            200,
            schemas.UploadStarted(
                video_id=clip.id,
                upload_url=upload_url(installation.settings, installation.vault, clip),
                expires_in=seconds,
            ),
        )

    return await run_idempotent(request, installation, caller, act)


@router.post(
    "/videos/upload/complete",
    operation_id="completeUpload",
    openapi_extra=documented(schemas.CompleteUpload),
    summary="Complete an upload",
    response_model=schemas.VideoCompleted,
)
async def complete_upload(
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.CompleteUpload, json_body(schemas.CompleteUpload)],
) -> Any:
    """Inspect the uploaded file and return its properties. Properties in the request are hints only.

    To post the video as it is, pass `edit_setting_id` as `editId` to `POST /posts`.

    You can repeat the request. 409 `upload_missing`: the file has not arrived. 422: the file cannot be used, with
    `not_a_video`, `file_cut_off`, `video_codec_unknown`, `encrypted`, `no_picture`, `too_many_pixels`,
    `too_many_samples`, `too_many_streams`, `too_long_to_convert` (`CLIPCAST_MAX_CLIP_DURATION`), or `media_unreadable`
    if reading it takes too much memory or time.
    """
    looked = await service.probe_upload(installation, caller.workspace_id, body.video_id)

    async def act(session: Any) -> IdempotentResponse:
        clip = await service.get_clip(session, caller.workspace_id, body.video_id, lock=True)
        service.make_ready(clip, body, looked)
        render = await plain_render(session, clip)
        thumbnail = service.thumbnail_url(installation, clip)
        return IdempotentResponse(200, schemas.VideoCompleted.completed(clip, thumbnail, render.edit_setting_id))

    return await run_idempotent(request, installation, caller, act)


@router.get("/clips", operation_id="listVideos", summary="List videos", response_model=schemas.VideoList)
async def list_videos(
    installation: InstallationDep,
    caller: Reader,
    page: Annotated[PageParams, Depends()],
    sort: Annotated[
        str, Query(max_length=50, description="`oldest` lists the oldest first, anything else the newest.")
    ] = "newest",
) -> Any:
    """List the workspace's videos whose upload is complete: the library of source files."""
    oldest_first = sort.lower() in ("oldest", "created_at", "asc")
    async with installation.database.session() as session:
        found, total = await repository.list_clips(session, caller.workspace_id, oldest_first, page.offset, page.limit)
    return paged("clips", service.show_clips(installation, found), page, total)


@router.delete("/clips/{video_id}", operation_id="deleteVideo", summary="Delete a video", status_code=204)
async def delete_video(video_id: str, installation: InstallationDep, caller: Writer) -> None:
    """Delete a video with its renders, submissions and files. Renders under way are cancelled.

    409 `render_in_use`: a post uses a render of the video. 409 `video_in_use`: a render of another video that uses it
    is being made.
    """
    async with installation.database.begin() as session:
        clip = await service.get_clip(session, caller.workspace_id, video_id, lock=True)
        keys = await delete_clip(session, clip)
    await delete_unwanted(installation.database, installation.storage, *keys)
