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
    response_model=schemas.Video,
)
async def complete_upload(
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.CompleteUpload, json_body(schemas.CompleteUpload)],
) -> Any:
    """Inspect the uploaded file and return its properties. Properties in the request are hints only.

    You can repeat the request. 409 `upload_missing`: the file has not arrived. 422: the file cannot be used, with
    `not_a_video`, `file_cut_off`, `video_codec_unknown`, `encrypted`, `no_picture`, `too_many_pixels`,
    `too_many_samples`, `too_many_streams`, `too_long_to_convert` (`CLIPCAST_MAX_CLIP_DURATION`), or `media_unreadable`
    if reading it takes too much memory or time.
    """
    looked = await service.probe_upload(installation, caller.workspace_id, body.video_id)

    async def act(session: Any) -> IdempotentResponse:
        clip = await service.get_clip(session, caller.workspace_id, body.video_id, lock=True)
        service.make_ready(clip, body, looked)
        return IdempotentResponse(200, service.show_clip(installation, clip))

    return await run_idempotent(request, installation, caller, act)


@router.post(
    "/renders",
    operation_id="createRender",
    openapi_extra=documented(schemas.CreateRender),
    summary="Create a render",
    status_code=202,
    response_model=schemas.RenderCreated,
    responses={200: {"model": schemas.RenderCreated, "description": "The same render exists already."}},
)
async def create_render(
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.CreateRender, json_body(schemas.CreateRender)],
) -> Any:
    """Make a clip postable. Without a transformation, the render is the uploaded file, and completes at once.

    Pass `edit_setting_id` as `editId` to `POST /posts`.
    """

    async def act(session: Any) -> IdempotentResponse:
        render, cached = await service.create_render(session, caller.workspace_id, body)
        shown = schemas.RenderCreated(
            render_id=render.id,
            edit_setting_id=render.edit_setting_id,
            status=render.status,
            output_resolution=render.output_resolution,
            from_cache=cached,
            download_url=service.download_url(installation, render),
        )
        return IdempotentResponse(200 if cached else 202, shown)

    return await run_idempotent(request, installation, caller, act)


@router.get("/renders", operation_id="listRenders", summary="List renders", response_model=schemas.RenderList)
async def list_renders(
    installation: InstallationDep,
    caller: Reader,
    page: Annotated[PageParams, Depends()],
    status: Annotated[str | None, Query(pattern="^(queued|active|completed|failed|cancelled|expired)$")] = None,
) -> Any:
    """List the workspace's renders, newest first."""
    async with installation.database.session() as session:
        renders, total = await repository.list_renders(session, caller.workspace_id, status, page.offset, page.limit)
    return paged("renders", [schemas.RenderOut.model_validate(render) for render in renders], page, total)


@router.get(
    "/renders/limits",
    operation_id="getRenderLimits",
    summary="Get render limits",
    response_model=schemas.RenderLimits,
)
async def get_render_limits(installation: InstallationDep, caller: Reader) -> Any:
    """Return the renders in progress and the limits of this installation, which has no plan."""
    return {
        "usage": {
            "active_count": 0,
            "queued_count": 0,
            "total_pending": 0,
            "max_concurrent": installation.settings.worker_concurrency,
        },
        "plan": {
            "video_quality": "original",
            "watermark": False,
            "priority_processing": True,
            "max_concurrent_renders": installation.settings.worker_concurrency,
            "render_expiry_hours": schemas.RENDER_EXPIRY_HOURS,
        },
    }


@router.get("/renders/{render_id}", operation_id="getRender", summary="Get a render", response_model=schemas.RenderOut)
async def get_render(render_id: str, installation: InstallationDep, caller: Reader) -> Any:
    """Return a render with its progress."""
    async with installation.database.session() as session:
        render = await service.get_render(session, caller.workspace_id, render_id)
        return schemas.RenderOut.model_validate(render)


@router.get(
    "/renders/{render_id}/download",
    operation_id="downloadRender",
    summary="Get a render's download address",
    response_model=schemas.Download,
)
async def download_render(render_id: str, installation: InstallationDep, caller: Reader) -> Any:
    """Return a signed address of the file. It needs no API key, supports `Range` and works for 6 hours."""
    async with installation.database.session() as session:
        render = await service.get_render(session, caller.workspace_id, render_id)
        return {
            "url": service.download_url(installation, render),
            "filename": schemas.clean_file_name(render.clip.file_name),
        }


@router.delete("/renders/{render_id}", operation_id="deleteRender", summary="Delete a render", status_code=204)
async def delete_render(render_id: str, installation: InstallationDep, caller: Writer) -> None:
    """Delete the render, its video and its file. Addresses of the file stop working at once.

    409 `render_in_use`: a post uses the render.
    """
    async with installation.database.begin() as session:
        render = await service.get_render(session, caller.workspace_id, render_id, lock=True)
        keys = await service.delete_render(session, render)
    await delete_unwanted(installation.database, installation.storage, *keys)
