"""The API's endpoints of posts and their items."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import StreamingResponse

from clipcast.api import post_events
from clipcast.api.auth import Caller, needs
from clipcast.api.dependencies import InstallationDep
from clipcast.api.endpoints.connections import ClientFilter
from clipcast.api.idempotency import IdempotentResponse, run_idempotent
from clipcast.api.pagination import PageParams
from clipcast.api.preconditions import if_match
from clipcast.api.schemas import documented, json_body, read_json, streamed
from clipcast.api.waiting import SeenTag, WaitSeconds, wait_for_change
from clipcast.audit.service import record
from clipcast.common.ids import parse_id
from clipcast.common.pagination import paged
from clipcast.common.problems import PROBLEMS_MAX
from clipcast.common.settings import Settings
from clipcast.common.versions import IfMatch, etag_of
from clipcast.connections.repository import connections_by_id
from clipcast.database.hot_queries import Executor, from_session
from clipcast.installation import Installation
from clipcast.posts import editing, repository, schemas, service
from clipcast.posts.account_checks import check_accounts
from clipcast.posts.clients import clients_of
from clipcast.posts.conversions import listed
from clipcast.posts.labels import get_label
from clipcast.posts.linked_files import check_files
from clipcast.posts.preflight import check_doubles, check_post
from clipcast.posts.spellings import respell_item, respell_patch
from clipcast.posts.status import STATUS_MEANINGS, PostStatus
from clipcast.posts.watching import POST

router = APIRouter(tags=["Posts"])

Reader = Annotated[Caller, Depends(needs("posts:read"))]
Writer = Annotated[Caller, Depends(needs("posts:write"))]
Condition = Annotated[IfMatch | None, Depends(if_match)]
AllowDuplicate = Annotated[
    bool,
    Query(description="Allow what the workspace refuses: the same clip and words again for an account."),
]
CREATED = {
    "post_id": "0198c7a4-9f63-7a24-8b1d-3c4d5e6f7a8b",
    "item_count": 2,
    "status": "pending",
    "scheduled_at": "2026-12-24T21:00:00.000Z",
}


async def _shown(installation: Installation, caller: Caller, response: Response, post_id: str) -> schemas.PostOut:
    async with installation.database.session() as session:
        shown = await service.show_post(
            installation, session, await service.get_post(session, caller.workspace_id, post_id)
        )
    response.headers.update(_versioned(shown.version))
    return shown


async def _shown_item(
    installation: Installation, caller: Caller, response: Response, post_id: str, item_id: str
) -> schemas.ItemOut:
    async with installation.database.session() as session:
        shown = await service.show_one_item(installation, session, caller.workspace_id, post_id, item_id)
    response.headers.update(_versioned(shown.version))
    return shown


def _guard(installation: Installation, allow_duplicate: bool) -> Settings | None:
    """Return the settings if the workspace may refuse doubles."""
    return None if allow_duplicate else installation.settings


def _versioned(version: int) -> dict[str, str]:
    """Return the headers of a response that has a version. `no-store`: status and progress change without it."""
    return {"ETag": etag_of(version), "Cache-Control": "no-store"}


def _record(session: AsyncSession, caller: Caller, action: str, subject: str, post_id: str, **details: Any) -> None:
    """Record an action of an API key in the audit log."""
    record(session, caller.workspace_id, caller.actor, action, subject, parse_id(post_id), **details)


@router.post(
    "/posts",
    operation_id="createPost",
    openapi_extra=documented(schemas.CreatePost),
    summary="Create a post",
    status_code=201,
    response_model=schemas.PostCreatedInPart | schemas.PostCreated,
    responses={201: {"description": "The post exists.", "content": {"application/json": {"example": CREATED}}}},
)
async def create_post(
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[Any, Depends(read_json)],
    partial: Annotated[
        bool, Query(description="Create the valid items, and return the problems of the others.")
    ] = False,
) -> Response:
    """Publish many clips to many accounts, now or at `scheduled_at`: one item per (video, target).

    Clipcast publishes every item exactly once. You track, retry and delete each item separately. If any item has a
    problem, Clipcast creates nothing and returns all problems of all items (422). Send an `Idempotency-Key`: then
    repeating the request after a lost response never creates a second post.

    409 `duplicate_content`: the workspace refuses that the same clip and words go to an account twice within 48 hours.
    `errors` names the earlier posts. `allow_duplicate` publishes them nevertheless.
    """

    async def act(sender: Executor) -> IdempotentResponse:
        created = await service.create_post(
            sender, caller.workspace_id, body, installation.settings, partial, caller.actor
        )
        return IdempotentResponse(201, created, {"Location": f"/api/v1/posts/{created.post_id}", "ETag": etag_of(1)})

    async def act_within(session: AsyncSession) -> IdempotentResponse:
        return await act(await from_session(session))

    # Without a key, one statement writes everything, so it needs no transaction.
    return await run_idempotent(request, installation, caller, act_within, lambda: act(installation.database.hot_pool))


@router.post(
    "/posts/validate",
    operation_id="validatePost",
    openapi_extra=documented(schemas.CreatePost),
    summary="Validate a post",
    response_model=schemas.Validated,
)
async def validate_post(installation: InstallationDep, caller: Writer, body: Annotated[Any, Depends(read_json)]) -> Any:
    """Check the body of `POST /posts` and return all problems of all items. Create nothing.

    Unlike `POST /posts`, this also requests each account's current options from its platform: privacy levels, boards,
    the rest of the day's limit. If a platform does not respond, the result contains a warning.

    The same clip and words for an account within 48 hours are a warning `duplicate_content`, which names the earlier
    post; an error if the workspace refuses that.

    It also requests the linked files of covers, thumbnails and subtitles. A file whose server does not respond is a
    warning. A file that does not exist, that is in a private network, or that has the wrong type or size is an error.
    """
    executor, settings = installation.database.hot_pool, installation.settings
    may_skip_review = caller.actor.may_skip_review
    checked = await check_post(executor, caller.workspace_id, body, settings, may_skip_review=may_skip_review)
    doubles = await check_doubles(executor, caller.workspace_id, checked, settings)
    (checked.errors if checked.refuses_duplicates else checked.warnings).extend(doubles)
    async with installation.database.session() as session:
        connections = await connections_by_id(
            session, caller.workspace_id, [one.connection.id for one in checked.targets]
        )
    await asyncio.gather(check_accounts(installation, checked, connections), check_files(installation, checked))
    return {
        "valid": not checked.errors,
        "errors": [problem.as_dict() for problem in checked.errors[:PROBLEMS_MAX]],
        "warnings": [problem.as_dict() for problem in checked.warnings[:PROBLEMS_MAX]],
        "more_errors": max(0, len(checked.errors) - PROBLEMS_MAX),
        "more_warnings": max(0, len(checked.warnings) - PROBLEMS_MAX),
        "conversions": listed(checked.conversions),
    }


@router.get("/posts", operation_id="listPosts", summary="List posts", response_model=schemas.PostList)
async def list_posts(
    installation: InstallationDep,
    caller: Reader,
    page: Annotated[PageParams, Depends()],
    status: Annotated[
        Annotated[PostStatus, STATUS_MEANINGS] | None, Query(description="Only posts with this status.")
    ] = None,
    client: ClientFilter = None,
    label: Annotated[
        str | None,
        Query(
            max_length=50,
            description="Only posts with this label: its id. 404 if there is no such label.",
            examples=["0198c7a4-6a0e-7cc1-9c5e-1f2d3c4b5a69"],
        ),
    ] = None,
) -> Any:
    """List the workspace's posts, newest first, without their items."""
    async with installation.database.session() as session:
        label_id = (await get_label(session, caller.workspace_id, label)).id if label else None
        wanted = repository.PostFilter(status, client=client, label_id=label_id)
        rows, total = await repository.list_posts(session, caller.workspace_id, wanted, page.offset, page.limit)
        clients = await clients_of(session, [row[0].id for row in rows])
    shown = [schemas.PostSummary.of(*row, clients.get(row[0].id)) for row in rows]
    return paged("posts", shown, page, total)


@router.get("/posts/{post_id}", operation_id="getPost", summary="Get a post", response_model=schemas.PostOut)
async def get_post(
    post_id: str,
    request: Request,
    installation: InstallationDep,
    caller: Reader,
    response: Response,
    wait: WaitSeconds = 0,
    seen: SeenTag = "",
) -> Any:
    """Return a post with all its items: each one's status, its address on the platform, or its error and who must act.

    With `wait=30`, the response comes as soon as the post's status, or the status or error of an item, changes. It
    comes at once if all items have ended, and after 30 s in any case. Changes of stage and progress do not end the
    wait; `GET /posts/{post_id}/events` sends them.

    `ETag` names the post's version. Send it as `If-Match` with a change: if the post has been edited since, Clipcast
    changes nothing.
    """
    await wait_for_change(request, caller, POST, post_id, wait, seen)
    return await _shown(installation, caller, response, post_id)


@router.get(
    "/posts/{post_id}/events",
    operation_id="streamPostEvents",
    summary="Follow a post",
    response_class=StreamingResponse,
    responses=streamed(post_events.PostEvents, post_events.EXAMPLE),
)
async def stream_post_events(
    post_id: str,
    installation: InstallationDep,
    caller: Reader,
    last_event_id: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """Stream a post's changes as server-sent events, until all its items have ended.

    The stream begins with all items and the post. Then `item` comes with each change of an item, and `post` with each
    change of the post's status, time or number of items. `end` comes last, when the post is final or was deleted.

    A stream ends after 10 minutes at the latest. Continue it with the header `Last-Event-ID`: everything that has
    changed since comes first. Clients of server-sent events do this by themselves. After `end`, a client that continues
    gets 204, which ends it, until anything changes.
    """
    async with installation.database.session() as session:
        post = await service.get_post(session, caller.workspace_id, post_id)
    installation.database.watchers.require_place(caller.workspace_id)
    if await post_events.has_all(installation, caller.workspace_id, post.id, last_event_id):
        return Response(status_code=204)
    events = post_events.post_events(installation, caller.workspace_id, post.id, post_events.since_of(last_event_id))
    return StreamingResponse(events, media_type=post_events.MEDIA_TYPE, headers=post_events.HEADERS)


@router.get(
    "/posts/{post_id}/items/{item_id}",
    operation_id="getPostItem",
    summary="Get an item",
    response_model=schemas.ItemOut,
)
async def get_post_item(
    post_id: str, item_id: str, installation: InstallationDep, caller: Reader, response: Response
) -> Any:
    """Return an item of a post. `ETag` names the item's own version."""
    return await _shown_item(installation, caller, response, post_id, item_id)


@router.patch(
    "/posts/{post_id}/items/{item_id}",
    operation_id="updatePostItem",
    openapi_extra=documented(schemas.ItemChange),
    summary="Update an item",
    response_model=schemas.ItemOut,
)
async def update_post_item(
    post_id: str,
    item_id: str,
    installation: InstallationDep,
    caller: Writer,
    response: Response,
    condition: Condition,
    body: Annotated[schemas.ItemChange, json_body(schemas.ItemChange, respell_item)],
    allow_duplicate: AllowDuplicate = False,
) -> Any:
    """Change an item while its post is `pending`, or while the item waits for its next attempt and has sent nothing.

    409 `post_not_editable` otherwise.

    422 `weaker_review` if the post's review is less than the rule of a new account's client needs. Keys with the scope
    `reviews:decide` can move the item there nevertheless.

    `metadata` replaces all of the item's metadata. With `If-Match`, Clipcast changes the item only if it has that
    version; edits of the post's other items do not matter.
    """
    async with installation.database.begin() as session:
        if await editing.update_item(
            session, caller.workspace_id, post_id, item_id, body, installation.settings, condition, not allow_duplicate,
            caller.actor,
        ):  # fmt: skip
            _record(session, caller, "item.updated", f"Item {item_id}", post_id)
    return await _shown_item(installation, caller, response, post_id, item_id)


@router.get(
    "/posts/{post_id}/items/{item_id}/attempts",
    operation_id="listPostItemAttempts",
    summary="List an item's attempts",
    response_model=schemas.AttemptList,
)
async def list_post_item_attempts(post_id: str, item_id: str, installation: InstallationDep, caller: Reader) -> Any:
    """List an item's attempts: each request with its time and response, and each decision with its reason."""
    async with installation.database.session() as session:
        return {"attempts": await service.show_attempts(session, caller.workspace_id, post_id, item_id)}


@router.patch(
    "/posts/{post_id}",
    operation_id="updatePost",
    openapi_extra=documented(schemas.UpdatePost),
    summary="Update a post",
    response_model=schemas.PostOut,
)
async def update_post(
    post_id: str,
    installation: InstallationDep,
    caller: Writer,
    response: Response,
    condition: Condition,
    body: Annotated[schemas.UpdatePost, json_body(schemas.UpdatePost, respell_patch)],
    allow_duplicate: AllowDuplicate = False,
) -> Any:
    """Change a post while it is `pending`. `scheduled_at: null` publishes it now. 409 `post_not_editable` afterwards.

    After publishing has begun, you can still change and move the items that wait for their next attempt and have sent
    nothing: items whose quota is used up, or whose platform does not respond.

    422 `weaker_review` if the post's review is less than the rule of a new account's client needs. Keys with the scope
    `reviews:decide` can move items there nevertheless.

    `metadata` replaces all of an item's metadata. If anything has a problem, Clipcast changes nothing. With `If-Match`,
    it changes the post only if the post has that version; without it, the last change wins.
    """
    async with installation.database.begin() as session:
        if await editing.update_post(
            session, caller.workspace_id, post_id, body, installation.settings, condition, not allow_duplicate,
            caller.actor,
        ):  # fmt: skip
            _record(session, caller, "post.updated", f"Post {post_id}", post_id)
    return await _shown(installation, caller, response, post_id)


@router.post(
    "/posts/{post_id}/publish",
    operation_id="publishPost",
    summary="Publish a post now",
    response_model=schemas.PostOut,
)
async def publish_post(
    post_id: str,
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    condition: Condition,
    allow_duplicate: AllowDuplicate = False,
) -> Any:
    """Publish a `pending` post now, or the items of a started post that wait for their next attempt.

    409 `post_not_pending`: the post has neither.
    """

    async def act(session: Any) -> IdempotentResponse:
        await service.publish_post(
            session, caller.workspace_id, post_id, condition, _guard(installation, allow_duplicate)
        )
        _record(session, caller, "post.published_now", f"Post {post_id}", post_id)
        post = await service.get_post(session, caller.workspace_id, post_id)
        await session.flush()
        return IdempotentResponse(200, await service.show_post(installation, session, post), _versioned(post.version))

    return await run_idempotent(request, installation, caller, act)


@router.post(
    "/posts/{post_id}/items/{item_id}/retry",
    operation_id="retryPostItem",
    summary="Retry a failed item",
    status_code=202,
    response_model=schemas.ItemOut,
)
async def retry_post_item(
    post_id: str,
    item_id: str,
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    condition: Condition,
    force: Annotated[
        bool, Query(description="Send an item of unknown outcome again, without looking for it on the platform first.")
    ] = False,
    allow_duplicate: AllowDuplicate = False,
) -> Any:
    """Retry an item now that failed, or that waits for its next attempt. 409 `item_not_failed` for any other item.

    If the item waits for a quota, Clipcast asks the platform again. The account's other items that wait follow. If its
    conversion waits for space, the conversion looks for it at once.

    If the item failed as `outcome_unknown`, Clipcast first looks for it on the platform. `force=true` sends it again
    without looking, which can publish a second video.
    """

    async def act(session: Any) -> IdempotentResponse:
        await service.retry_item(
            session, caller.workspace_id, post_id, item_id, force, condition, _guard(installation, allow_duplicate)
        )
        _record(session, caller, "item.retried", f"Item {item_id}", post_id, force=force)
        shown = await service.show_one_item(installation, session, caller.workspace_id, post_id, item_id)
        return IdempotentResponse(202, shown, _versioned(shown.version))

    return await run_idempotent(request, installation, caller, act)


@router.post(
    "/posts/{post_id}/retry",
    operation_id="retryPost",
    summary="Retry a post's failed items",
    status_code=202,
    response_model=schemas.PostRetried,
)
async def retry_post(
    post_id: str,
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    condition: Condition,
    allow_duplicate: AllowDuplicate = False,
) -> Any:
    """Retry all failed items of the post. `retried` lists them; `skipped` lists the other items, each with a reason.

    If an item failed as `outcome_unknown`, Clipcast first looks for it on the platform (`reconciles_first`). To send
    such an item without looking, retry it alone with `force=true`. If an item's account is paused or must be
    reconnected, the item waits. 409 `no_failed_items`: no item of the post has failed.
    """

    async def act(session: Any) -> IdempotentResponse:
        done = await service.retry_post(
            session, caller.workspace_id, post_id, condition, _guard(installation, allow_duplicate)
        )
        _record(session, caller, "post.retried", f"Post {post_id}", post_id, items=len(done.retried))
        return IdempotentResponse(202, done)

    return await run_idempotent(request, installation, caller, act)


@router.delete(
    "/posts/{post_id}/items/{item_id}",
    operation_id="deletePostItem",
    summary="Delete an item",
    status_code=204,
)
async def delete_post_item(
    post_id: str, item_id: str, installation: InstallationDep, caller: Writer, condition: Condition
) -> None:
    """Delete Clipcast's record of the item. A live video stays live. Deleting the last item deletes the post.

    409 `item_in_progress`: a worker is publishing the item.
    """
    async with installation.database.begin() as session:
        await service.delete_item(session, caller.workspace_id, post_id, item_id, condition)
        _record(session, caller, "item.deleted", f"Item {item_id}", post_id)


@router.delete("/posts/{post_id}", operation_id="deletePost", summary="Delete a post", status_code=204)
async def delete_post(post_id: str, installation: InstallationDep, caller: Writer, condition: Condition) -> None:
    """Delete Clipcast's record of the post and its items. Live videos stay live.

    409 `item_in_progress`: a worker is publishing an item.
    """
    async with installation.database.begin() as session:
        await service.delete_post(session, caller.workspace_id, post_id, condition)
        _record(session, caller, "post.deleted", f"Post {post_id}", post_id)
