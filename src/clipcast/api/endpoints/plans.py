"""The API's endpoint of plans: CSV files with one post per row."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from clipcast.api.auth import Caller, needs
from clipcast.api.dependencies import InstallationDep
from clipcast.api.idempotency import IdempotentResponse, replay, run_idempotent
from clipcast.api.schemas import documented, read_bounded
from clipcast.common.plan_text import BYTES_MAX
from clipcast.common.problems import AppError
from clipcast.database.hot_queries import from_session
from clipcast.posts.plans import schemas, service

router = APIRouter(tags=["Posts"])

CSV = "text/csv"
Writer = Annotated[Caller, Depends(needs("posts:write"))]
# A large plan takes seconds. Further ones wait, so that they leave connections to the database for other requests.
AT_ONCE = asyncio.Semaphore(2)


@router.post(
    "/posts/csv",
    operation_id="createPostsFromPlan",
    openapi_extra=documented(schemas.Plan, CSV),
    summary="Create posts from a CSV",
    status_code=201,
    response_model=schemas.PlanCreated,
    responses={200: {"model": schemas.PlanChecked, "description": "A dry run: every row as it would be posted."}},
)
async def create_posts_from_plan(
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    dry_run: Annotated[
        bool, Query(description="Check every row, show it as it would be posted, and create nothing.")
    ] = False,
    timezone: Annotated[
        str | None,
        Query(max_length=100, description="The IANA name of the time zone of times without an offset."),
    ] = None,
    allow_duplicate: Annotated[
        bool,
        Query(description="Create posts although the same clip and words went to the same account recently."),
    ] = False,
) -> Response:
    """Create one post for each row of a CSV: all posts together, or none.

    The first line names the columns. `edit_id`, `clip` (a `video_id`) or `url` names the row's clips, and `to` its
    accounts, such as `bluesky:@harbour.films`; `;` separates several. `title`, `text` and `tags` fill each platform's
    own fields. `at` is the time, and `timezone` its zone. A column such as `youtube.privacyStatus` fills one field of a
    platform. Empty cells count as left out. At most 10 000 rows, 10 MB, 50 000 items and 20 addresses.

    If a row has a problem, Clipcast creates nothing and returns all problems of all rows, each with its `line` and
    `column` (422). A dry run returns them with status 200. It accepts a column `files`, which only `clipcast post
    --csv` can upload, and does not fetch addresses.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != CSV:
        raise AppError(415, "unsupported_media_type", f"Send the body as {CSV}.")
    content = request.state.body = await read_bounded(request, BYTES_MAX)
    async with AT_ONCE:
        if not dry_run and (replayed := await replay(request, installation, caller)) is not None:
            return replayed
        plan = await service.open_plan(installation, caller.workspace_id, content, timezone, allow_duplicate)
        if dry_run:
            checked = await service.check_plan(plan)
            return Response(checked.model_dump_json(exclude_none=False), media_type="application/json")
        await service.fetch_addresses(plan)

        async def act(session: AsyncSession) -> IdempotentResponse:
            created = await service.create_posts(await from_session(session), plan, caller.actor)
            return IdempotentResponse(201, created)

        try:
            return await run_idempotent(request, installation, caller, act)
        except service.RowRejected as rejected:
            raise await service.rejection(plan, rejected.problems) from None
