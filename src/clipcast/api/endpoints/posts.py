"""Posts over HTTP."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.api.auth import Caller, needs
from clipcast.api.dependencies import get_installation
from clipcast.api.idempotency import IdempotentResponse, run_idempotent
from clipcast.api.pagination import PageParams
from clipcast.api.preconditions import if_match
from clipcast.api.schemas import documented, json_body, read_json
from clipcast.audit.service import record
from clipcast.common.ids import parse_id
from clipcast.common.pagination import paged
from clipcast.common.problems import PROBLEMS_MAX
from clipcast.common.versions import IfMatch, etag_of
from clipcast.connections.repository import connections_by_id
from clipcast.database.hot_queries import Executor, from_session
from clipcast.installation import Installation
from clipcast.posts import editing, repository, schemas, service
from clipcast.posts.account_checks import check_accounts
from clipcast.posts.linked_files import check_files
from clipcast.posts.preflight import check_post
from clipcast.posts.spellings import respell_item, respell_patch
from clipcast.posts.status import PostStatus

router = APIRouter(tags=["Posts"])

InstallationDep = Annotated[Installation, Depends(get_installation)]
Reader = Annotated[Caller, Depends(needs("posts:read"))]
Writer = Annotated[Caller, Depends(needs("posts:write"))]
Condition = Annotated[IfMatch | None, Depends(if_match)]


async def _shown(installation: Installation, caller: Caller, response: Response, post_id: str) -> dict[str, Any]:
    async with installation.database.session() as session:
        shown = await service.show_post(session, await service.get_post(session, caller.workspace_id, post_id))
    response.headers.update(_versioned(shown["version"]))
    return shown


async def _shown_item(
    installation: Installation, caller: Caller, response: Response, post_id: str, item_id: str
) -> dict[str, Any]:
    async with installation.database.session() as session:
        shown = await service.show_one_item(session, caller.workspace_id, post_id, item_id)
    response.headers.update(_versioned(shown["version"]))
    return shown


def _versioned(version: int) -> dict[str, str]:
    """The headers of what has a version. Nobody may keep it: status and progress change without the version."""
    return {"ETag": etag_of(version), "Cache-Control": "no-store"}


def _record(session: AsyncSession, caller: Caller, action: str, subject: str, post_id: str, **details: Any) -> None:
    """Writes what a key did into the audit log."""
    record(session, caller.workspace_id, caller.actor, action, subject, parse_id(post_id), **details)


@router.post(
    "/posts",
    operation_id="createPost",
    openapi_extra=documented(schemas.CreatePost),
    summary="Create a post",
    status_code=201,
    response_model=schemas.PostCreatedInPart | schemas.PostCreated,
)
async def create_post(
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[Any, Depends(read_json)],
    partial: Annotated[bool, Query(description="Creates the good items and answers the problems of the rest.")] = False,
) -> Response:
    """Publishes many clips to many accounts, now or at `scheduled_at`: one item per (video, target).

    Every item is published exactly once and tracked, retried and removed on its own. All problems of all items are
    answered at once (422), and then nothing is created. Send an `Idempotency-Key` so that repeating the request after
    a lost answer never creates a second post.
    """

    async def act(sender: Executor) -> IdempotentResponse:
        created = await service.create_post(
            sender, caller.workspace_id, body, installation.settings, partial, caller.actor
        )
        return IdempotentResponse(201, created, {"Location": f"/api/v1/posts/{created['post_id']}", "ETag": etag_of(1)})

    async def act_within(session: AsyncSession) -> IdempotentResponse:
        return await act(await from_session(session))

    # It writes by one statement, which needs no transaction around it unless the key's answer is stored with it.
    return await run_idempotent(request, installation, caller, act_within, lambda: act(installation.database.hot_pool))


@router.post(
    "/posts/validate",
    operation_id="validatePost",
    openapi_extra=documented(schemas.CreatePost),
    summary="Validate a post",
    response_model=schemas.Validated,
)
async def validate_post(installation: InstallationDep, caller: Writer, body: Annotated[Any, Depends(read_json)]) -> Any:
    """Checks the body of POST /posts without creating anything: all problems of all items at once.

    Beside what POST /posts checks, this asks the platforms what each account offers now: privacy levels, boards, what
    is left of the day. An account that cannot be asked is a warning. It also looks at the files behind addresses of
    covers, thumbnails and subtitles: one that cannot be reached now is a warning; one that is not there, in a private
    network or of the wrong kind or size is an error.
    """
    checked = await check_post(installation.database.hot_pool, caller.workspace_id, body, installation.settings)
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
    }


@router.get("/posts", operation_id="listPosts", summary="List posts", response_model=schemas.PostList)
async def list_posts(
    installation: InstallationDep,
    caller: Reader,
    page: Annotated[PageParams, Depends()],
    status: Annotated[PostStatus | None, Query()] = None,
) -> Any:
    """The workspace's posts, newest first, without their items."""
    wanted = repository.PostFilter(status)
    async with installation.database.session() as session:
        rows, total = await repository.list_posts(session, caller.workspace_id, wanted, page.offset, page.limit)
    return paged("posts", [service.show_summary(*row) for row in rows], page, total)


@router.get("/posts/{post_id}", operation_id="getPost", summary="Get a post", response_model=schemas.PostOut)
async def get_post(post_id: str, installation: InstallationDep, caller: Reader, response: Response) -> Any:
    """One post with all its items: where each stands, where it can be watched, or what went wrong and who must act.

    `ETag` names the version of what callers may edit. Send it as `If-Match` with a change, so that the change is made
    only if nobody has edited the post meanwhile.
    """
    return await _shown(installation, caller, response, post_id)


@router.get(
    "/posts/{post_id}/items/{item_id}",
    operation_id="getPostItem",
    summary="Get an item",
    response_model=schemas.ItemOut,
)
async def get_post_item(
    post_id: str, item_id: str, installation: InstallationDep, caller: Reader, response: Response
) -> Any:
    """One item of a post, as in the post. `ETag` names the item's own version."""
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
) -> Any:
    """Changes one item while its post is `pending`, or while it waits for its next attempt and has sent nothing.

    409 `post_not_editable` otherwise.

    `metadata` replaces the old one whole. With `If-Match`, the item is changed only if its version is the one named;
    another item of the post may have been edited meanwhile.
    """
    async with installation.database.begin() as session:
        await editing.update_item(
            session, caller.workspace_id, post_id, item_id, body, installation.settings, condition
        )
        _record(session, caller, "item.updated", f"Item {item_id}", post_id)
    return await _shown_item(installation, caller, response, post_id, item_id)


@router.get(
    "/posts/{post_id}/items/{item_id}/attempts",
    operation_id="listPostItemAttempts",
    summary="List an item's attempts",
    response_model=schemas.AttemptList,
)
async def list_post_item_attempts(post_id: str, item_id: str, installation: InstallationDep, caller: Reader) -> Any:
    """The timeline of an item: what was sent when, what came back, what was decided and why."""
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
) -> Any:
    """Changes a post while it is `pending`; `scheduled_at: null` publishes now. 409 `post_not_editable` afterwards.

    Of a post that has begun, the items that wait for their next attempt (a limit is used up, the platform is away) and
    have sent nothing can still be changed and moved.

    An item's `metadata` replaces the old one whole. All or nothing: with any problem nothing is changed. With
    `If-Match`, the post is changed only if its version is the one named; without it, the last change wins.
    """
    async with installation.database.begin() as session:
        await editing.update_post(session, caller.workspace_id, post_id, body, installation.settings, condition)
        _record(session, caller, "post.updated", f"Post {post_id}", post_id)
    return await _shown(installation, caller, response, post_id)


@router.post(
    "/posts/{post_id}/publish",
    operation_id="publishPost",
    summary="Publish a post now",
    response_model=schemas.PostOut,
)
async def publish_post(
    post_id: str, request: Request, installation: InstallationDep, caller: Writer, condition: Condition
) -> Any:
    """Starts a pending post now, also a scheduled one, or what of a begun one waits for its next attempt.

    409 `post_not_pending` when neither is the case.
    """

    async def act(session: Any) -> IdempotentResponse:
        await service.publish_post(session, caller.workspace_id, post_id, condition)
        _record(session, caller, "post.published_now", f"Post {post_id}", post_id)
        post = await service.get_post(session, caller.workspace_id, post_id)
        await session.flush()
        return IdempotentResponse(200, await service.show_post(session, post), _versioned(post.version))

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
        bool, Query(description="Sends an item of unknown outcome again without looking for it first.")
    ] = False,
) -> Any:
    """Retries an item that failed, or that waits for its next attempt, now. 409 `item_not_failed` for any other.

    An item that waits for a platform's limit asks the platform again; the account's other items that wait follow.

    An item that failed as `outcome_unknown` is first looked for on the platform; only `force=true` sends it again
    unseen, which may make a second video.
    """

    async def act(session: Any) -> IdempotentResponse:
        await service.retry_item(session, caller.workspace_id, post_id, item_id, force, condition)
        _record(session, caller, "item.retried", f"Item {item_id}", post_id, force=force)
        shown = await service.show_one_item(session, caller.workspace_id, post_id, item_id)
        return IdempotentResponse(202, shown, _versioned(shown["version"]))

    return await run_idempotent(request, installation, caller, act)


@router.post(
    "/posts/{post_id}/retry",
    operation_id="retryPost",
    summary="Retry a post's failed items",
    status_code=202,
    response_model=schemas.PostRetried,
)
async def retry_post(
    post_id: str, request: Request, installation: InstallationDep, caller: Writer, condition: Condition
) -> Any:
    """Retries all failed items of the post: `retried` lists them, `skipped` lists the other items and why.

    Nothing is sent blindly: an item that failed as `outcome_unknown` is first looked for on the platform
    (`reconciles_first`). To send such an item again without looking, retry it alone with `force=true`. An item whose
    account is paused or must be reconnected waits for that. 409 `no_failed_items` when no item has failed.
    """

    async def act(session: Any) -> IdempotentResponse:
        done = await service.retry_post(session, caller.workspace_id, post_id, condition)
        _record(session, caller, "post.retried", f"Post {post_id}", post_id, items=len(done["retried"]))
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
    """Removes our record of the item, never the live video. Deleting the last item deletes the post.

    409 `item_in_progress` while it is being published.
    """
    async with installation.database.begin() as session:
        await service.delete_item(session, caller.workspace_id, post_id, item_id, condition)
        _record(session, caller, "item.deleted", f"Item {item_id}", post_id)


@router.delete("/posts/{post_id}", operation_id="deletePost", summary="Delete a post", status_code=204)
async def delete_post(post_id: str, installation: InstallationDep, caller: Writer, condition: Condition) -> None:
    """Removes our record of the post and its items, never the live videos. 409 while an item is being published."""
    async with installation.database.begin() as session:
        await service.delete_post(session, caller.workspace_id, post_id, condition)
        _record(session, caller, "post.deleted", f"Post {post_id}", post_id)
