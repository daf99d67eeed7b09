"""The API's endpoints of submissions: the clips that a strategy finds in a video, and their renders."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.api.auth import Caller, needs
from clipcast.api.dependencies import InstallationDep
from clipcast.api.endpoints.renders import created
from clipcast.api.idempotency import IdempotentResponse, replay, run_idempotent
from clipcast.api.numbers import PLAIN_NUMBER, PLAIN_WHOLE
from clipcast.api.pagination import PageParams
from clipcast.api.schemas import documented, json_body
from clipcast.clips.facts import facts_of
from clipcast.common.pagination import paged
from clipcast.common.problems import AppError, ProblemDetail
from clipcast.database.models.clips import Clip, Render
from clipcast.database.models.submissions import FoundClip, Submission
from clipcast.installation import Installation
from clipcast.renders import submission_schemas as schemas
from clipcast.renders import submissions as service
from clipcast.renders.repository import PENDING
from clipcast.renders.schemas import RenderCreated
from clipcast.renders.service import create_render, prepare
from clipcast.renders.strategies import FOUND_MAX

router = APIRouter(tags=["Clips and renders"])

Reader = Annotated[Caller, Depends(needs("renders:read"))]
Writer = Annotated[Caller, Depends(needs("renders:write"))]
TOO_MANY_CLIPS = ProblemDetail(
    path="",
    code="too_many_clips",
    message=f"A submission has at most {FOUND_MAX} clips: the rest of the video was not divided. Submit it again, with "
    "a later timeframe.start or a larger min_length.",
    limit=FOUND_MAX,
)
SUBMISSION = "/clips/{video_id}/submissions/{submission_id}"


@router.post(
    "/clips",
    operation_id="submitVideo",
    openapi_extra=documented(schemas.SubmitVideo),
    summary="Find clips in a video",
    status_code=201,
    response_model=schemas.Submitted,
)
async def submit_video(
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.SubmitVideo, json_body(schemas.SubmitVideo)],
) -> Any:
    """Divide a video into clips by a strategy: `whole` (the default), `scenes` or `silence`.

    `GET /templates` describes them. `whole` is completed at once. The others read the file: poll the submission. Its
    clips begin with the changes of the template, if you name one.
    """

    async def act(session: AsyncSession) -> IdempotentResponse:
        made, warnings = await service.submit(session, caller.workspace_id, body)
        shown = schemas.Submitted(
            submission_id=made.id,
            video_id=made.clip_id,
            status=made.status,
            warnings=[ProblemDetail(**one.as_dict()) for one in warnings],
        )
        return IdempotentResponse(201, shown)

    return await run_idempotent(request, installation, caller, act)


@router.get(
    "/clips/{video_id}/submissions",
    operation_id="listSubmissions",
    summary="List a video's submissions",
    response_model=schemas.SubmissionList,
)
async def list_submissions(
    video_id: str, installation: InstallationDep, caller: Reader, page: Annotated[PageParams, Depends()]
) -> Any:
    """List the submissions of a video, newest first."""
    async with installation.database.session() as session:
        found, total = await service.list_submissions(session, caller.workspace_id, video_id, page.offset, page.limit)
        return paged("submissions", await _shown(session, found), page, total)


async def _shown(session: AsyncSession, submissions: list[Submission]) -> list[schemas.SubmissionOut]:
    counts = await service.count_clips(session, submissions)
    limited = await service.limited(session, submissions)
    shown = []
    for one in submissions:
        clip = await session.get_one(Clip, one.clip_id)
        error = one.error or {}
        out = schemas.SubmissionOut(
            submission_id=one.id,
            video_id=one.clip_id,
            strategy_id=one.strategy,
            status=one.status,
            clips_count=counts.get(one.id, 0),
            warnings=[TOO_MANY_CLIPS] if one.id in limited else [],
            queue_position=await service.queue_position(session, one),
            estimated_time=service.estimated_seconds(one, clip),
            error_code=error.get("code"),
            error_message=error.get("message"),
            created_at=one.created_at,
            completed_at=one.completed_at,
        )
        shown.append(out)
    return shown


@router.get(SUBMISSION, operation_id="getSubmission", summary="Get a submission", response_model=schemas.SubmissionOut)
async def get_submission(video_id: str, submission_id: str, installation: InstallationDep, caller: Reader) -> Any:
    """Return a submission with its status and the number of its clips."""
    async with installation.database.session() as session:
        submission = await service.get_submission(session, caller.workspace_id, video_id, submission_id)
        [shown] = await _shown(session, [submission])
        return shown


@router.delete(SUBMISSION, operation_id="deleteSubmission", summary="Delete a submission", status_code=204)
async def delete_submission(video_id: str, submission_id: str, installation: InstallationDep, caller: Writer) -> None:
    """Delete a submission with its clips, and end its analysis. Renders of the clips stay."""
    async with installation.database.begin() as session:
        submission = await service.get_submission(session, caller.workspace_id, video_id, submission_id, lock=True)
        await service.delete_submission(session, submission)


@router.get(
    SUBMISSION + "/clips",
    operation_id="listFoundClips",
    summary="List a submission's clips",
    response_model=schemas.FoundClipList,
)
async def list_found_clips(
    video_id: str,
    submission_id: str,
    installation: InstallationDep,
    caller: Reader,
    min_rating: Annotated[
        Annotated[Annotated[float, Field(ge=0, le=100)], PLAIN_NUMBER] | None,
        Query(description="Clips without a rating are listed anyway."),
    ] = None,
    limit: Annotated[
        Annotated[Annotated[int, Field(ge=1, le=500)], PLAIN_WHOLE] | None,
        Query(description="The most clips. Default: all."),
    ] = None,
) -> Any:
    """List the clips that a submission found, in the order of the video."""
    async with installation.database.session() as session:
        submission = await service.get_submission(session, caller.workspace_id, video_id, submission_id)
        found = await service.list_found(session, submission, min_rating, limit)
        return {"clips": await _shown_clips(installation, session, submission, found)}


async def _shown_clips(
    installation: Installation, session: AsyncSession, submission: Submission, found: list[FoundClip]
) -> list[schemas.FoundClipOut]:
    clip = await session.get_one(Clip, submission.clip_id)
    shown = []
    for one in found:
        render = await session.get(Render, one.render_id) if one.render_id else None
        out = schemas.FoundClipOut(
            id=one.id,
            title=one.title,
            rating=one.rating,
            start_time=one.start_time,
            end_time=one.end_time,
            play_url=service.play_url(installation, clip, one),
            download_url=service.rendered_url(installation, render),
            render_id=str(one.render_id) if one.render_id else None,
            edit=one.edit,
        )
        shown.append(out)
    return shown


@router.post(
    SUBMISSION + "/apply_template",
    operation_id="applyTemplate",
    openapi_extra=documented(schemas.ApplyTemplate),
    summary="Apply a template to clips",
    response_model=schemas.FoundClipList,
)
async def apply_template(
    request: Request,
    video_id: str,
    submission_id: str,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.ApplyTemplate, json_body(schemas.ApplyTemplate)],
) -> Any:
    """Give clips the changes of a template, in place of those they have. Renders that exist stay as they are.

    A strategy changes nothing, so it takes the changes away.
    """

    async def act(session: AsyncSession) -> IdempotentResponse:
        submission = await service.get_submission(session, caller.workspace_id, video_id, submission_id)
        changed = await service.apply_template(
            session, caller.workspace_id, submission, body.template_id, body.clip_ids
        )
        await session.flush()
        shown = await _shown_clips(installation, session, submission, changed)
        return IdempotentResponse(200, schemas.FoundClipList(clips=shown))

    return await run_idempotent(request, installation, caller, act)


@router.delete(
    SUBMISSION + "/clips/{clip_id}", operation_id="deleteFoundClip", summary="Delete a clip", status_code=204
)
async def delete_found_clip(
    video_id: str, submission_id: str, clip_id: str, installation: InstallationDep, caller: Writer
) -> None:
    """Delete a clip of a submission. Its renders stay."""
    async with installation.database.begin() as session:
        submission = await service.get_submission(session, caller.workspace_id, video_id, submission_id)
        await session.delete(await service.get_found(session, submission, clip_id, lock=True))


@router.post(
    SUBMISSION + "/clips/{clip_id}/render",
    operation_id="renderFoundClip",
    summary="Render a clip",
    status_code=202,
    response_model=RenderCreated,
    responses={200: {"model": RenderCreated, "description": "The clip was rendered before."}},
)
async def render_found_clip(
    request: Request, video_id: str, submission_id: str, clip_id: str, installation: InstallationDep, caller: Writer
) -> Any:
    """Render a clip: cut it from the video, with the changes of its template. The request has no body.

    Poll `GET /renders/{render_id}`. Pass `edit_setting_id` as `editId` to `POST /posts`. 409 `render_in_progress`: the
    same clip is being rendered.
    """
    if (replayed := await replay(request, installation, caller)) is not None:
        return replayed
    async with installation.database.session() as session:
        submission = await service.get_submission(session, caller.workspace_id, video_id, submission_id)
        found = await service.get_found(session, submission, clip_id)
        clip = await session.get_one(Clip, submission.clip_id)
    edit = service.edit_of(found, facts_of(clip))
    prepared = await prepare(installation, caller.workspace_id, video_id, edit)
    # An equal render of a caller keeps its name.
    prepared.name = service.render_name(found)

    async def act(session: AsyncSession) -> IdempotentResponse:
        render, cached = await create_render(session, caller.workspace_id, prepared)
        if cached and render.current_status in PENDING:
            message = "This clip is being rendered. Wait until its render is completed."
            raise AppError(409, "render_in_progress", message, more={"render_id": str(render.id)})
        stored = await service.get_found(session, submission, clip_id, lock=True)
        stored.render_id = render.id
        return IdempotentResponse(200 if cached else 202, created(installation, render, cached))

    return await run_idempotent(request, installation, caller, act)
