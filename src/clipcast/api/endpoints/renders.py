"""The API's endpoints of renders."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.api.auth import Caller, needs
from clipcast.api.dependencies import InstallationDep
from clipcast.api.idempotency import IdempotentResponse, replay, run_idempotent
from clipcast.api.pagination import PageParams
from clipcast.api.schemas import documented, read_fields, read_json
from clipcast.api.waiting import SeenTag, WaitSeconds, wait_for_change
from clipcast.clips.unwanted import delete_unwanted
from clipcast.common.pagination import paged
from clipcast.common.problems import AppError, Problem, ValidationFailed
from clipcast.database.models.clips import Render
from clipcast.installation import Installation
from clipcast.jobs.workers import count_slots
from clipcast.renders import repository, schemas, service
from clipcast.renders.ahead import order_ahead, unknown_platforms
from clipcast.renders.edit_schemas import RenderBody
from clipcast.renders.watching import RENDER

router = APIRouter(tags=["Clips and renders"])

Reader = Annotated[Caller, Depends(needs("renders:read"))]
Writer = Annotated[Caller, Depends(needs("renders:write"))]


@router.post(
    "/renders",
    operation_id="createRender",
    openapi_extra=documented(RenderBody),
    summary="Create a render",
    status_code=202,
    response_model=schemas.RenderCreated,
    responses={200: {"model": schemas.RenderCreated, "description": "The same render exists, or is being made."}},
)
async def create_render(
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    raw: Annotated[Any, Depends(read_json)],
) -> Any:
    """Make a video postable: as it is, or changed.

    Only `video_id` is required. Without changes, the render is the uploaded file bit for bit, and completes at once.
    Otherwise call `GET /renders/{render_id}?wait=30`. A render under way can be posted already: its items wait for it.
    Pass `edit_setting_id` as `editId` to `POST /posts`.

    422 lists all problems. 429 `render_queue_full`: 200 renders of the workspace wait or are being made.
    """
    if (replayed := await replay(request, installation, caller)) is not None:
        return replayed
    body, problems, wrong = read_fields(RenderBody, raw)
    problems += unknown_platforms(body.conform_for)
    try:
        prepared = await service.prepare(installation, caller.workspace_id, body.video_id, body.edit(), problems, wrong)
    except AppError as error:
        if problems and not error.errors:
            problems.append(Problem("/video_id", error.code, error.detail))
            raise ValidationFailed(problems) from None
        raise

    async def act(session: AsyncSession) -> IdempotentResponse:
        render, cached = await service.create_render(session, caller.workspace_id, prepared, body.name)
        await order_ahead(session, render, body.conform_for)
        return IdempotentResponse(200 if cached else 202, created(installation, render, cached))

    return await run_idempotent(request, installation, caller, act)


def created(installation: Installation, render: Render, cached: bool) -> schemas.RenderCreated:
    """Return the response of an order."""
    return schemas.RenderCreated(
        render_id=render.id,
        edit_setting_id=render.edit_setting_id,
        status=render.current_status,
        output_resolution=render.output_resolution,
        from_cache=cached,
        download_url=service.download_url(installation, render) if render.current_status == "completed" else None,
        warnings=schemas.warnings_of(render),
    )


@router.get("/renders", operation_id="listRenders", summary="List renders", response_model=schemas.RenderList)
async def list_renders(
    installation: InstallationDep,
    caller: Reader,
    page: Annotated[PageParams, Depends()],
    status: Annotated[schemas.StatusFilter | None, Query(description="Only renders with this status.")] = None,
) -> Any:
    """List the workspace's renders, newest first."""
    async with installation.database.session() as session:
        renders, total = await repository.list_renders(session, caller.workspace_id, status, page.offset, page.limit)
        return paged("renders", [schemas.RenderOut.of(render) for render in renders], page, total)


@router.get(
    "/renders/limits",
    operation_id="getRenderLimits",
    summary="Get render limits",
    response_model=schemas.RenderLimits,
)
async def get_render_limits(installation: InstallationDep, caller: Reader) -> Any:
    """Return the renders under way and the limits of this installation, which has no plan.

    Renders beyond `max_concurrent` wait.
    """
    async with installation.database.session() as session:
        counts = await repository.count_pending(session, caller.workspace_id)
        most = await count_slots(session, installation.settings.renderer_slots)
    return {
        "usage": {
            "active_count": counts["active"],
            "queued_count": counts["queued"],
            "total_pending": sum(counts.values()),
            "max_concurrent": most,
        },
        "plan": {
            "video_quality": "original",
            "watermark": False,
            "priority_processing": True,
            "max_concurrent_renders": most,
            "render_expiry_hours": 0,
        },
    }


@router.get(
    "/renders/{render_id}", operation_id="getRender", summary="Get a render", response_model=schemas.RenderDetail
)
async def get_render(
    render_id: str,
    request: Request,
    installation: InstallationDep,
    caller: Reader,
    wait: WaitSeconds = 0,
    seen: SeenTag = "",
) -> Any:
    """Return a render with its progress, its place in the queue, its file and its error.

    With `wait=30`, the response comes as soon as the render's status or error changes. It comes at once if the render
    has ended, and after 30 s in any case.
    """
    await wait_for_change(request, caller, RENDER, render_id, wait, seen)
    async with installation.database.session() as session:
        render = await service.get_render(session, caller.workspace_id, render_id)
        waits = render.rendition is not None and render.rendition.status == "queued"
        position = await repository.queue_position(session, render.rendition) if waits and render.rendition else None
        ahead = await repository.renditions_ahead(session, render.id)
        return schemas.RenderDetail.detailed(render, position, ahead)


@router.get(
    "/renders/{render_id}/download",
    operation_id="downloadRender",
    summary="Get a render's download address",
    response_model=schemas.Download,
)
async def download_render(render_id: str, installation: InstallationDep, caller: Reader) -> Any:
    """Return a signed address of the file. It needs no API key, supports `Range` and works for 6 hours.

    409 `render_not_completed`: there is no file yet. 409 `render_expired`: the file was deleted to save space.
    """
    async with installation.database.session() as session:
        render = await service.get_render(session, caller.workspace_id, render_id)
        return {"url": service.download_url(installation, render), "filename": service.file_of(render).name}


@router.delete(
    "/renders/{render_id}", operation_id="deleteRender", summary="Cancel or delete a render", status_code=204
)
async def delete_render(render_id: str, installation: InstallationDep, caller: Writer) -> None:
    """Cancel a render that waits or is being made; delete any other, with its file.

    A cancelled render stays in the list as `cancelled`. Addresses of a deleted file stop working at once. A render
    without changes takes its video with it, unless the video has other renders or submissions.

    409 `render_in_use`: a post uses the render. 409 `video_in_use`: a render of another video that uses it is being
    made.
    """
    async with installation.database.begin() as session:
        render = await service.get_render(session, caller.workspace_id, render_id, lock=True)
        keys = await service.delete_render(session, render)
    if keys:
        await delete_unwanted(installation.database, installation.storage, *keys)
