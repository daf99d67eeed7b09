"""The API's endpoints of reviews and review links."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.api.auth import Caller, needs
from clipcast.api.dependencies import InstallationDep
from clipcast.api.idempotency import IdempotentResponse, run_idempotent
from clipcast.api.pagination import PageParams
from clipcast.api.schemas import documented, json_body
from clipcast.clients.repository import get_client
from clipcast.common.pagination import paged
from clipcast.common.problems import Problem, ValidationFailed
from clipcast.common.timestamps import known_zones
from clipcast.database.models.reviews import ReviewState
from clipcast.posts import reviewing
from clipcast.reviews import links, repository, schemas
from clipcast.reviews.states import ShownState

router = APIRouter(tags=["Reviews"])
Reader = Annotated[Caller, Depends(needs("posts:read"))]
Writer = Annotated[Caller, Depends(needs("posts:write"))]
Decider = Annotated[Caller, Depends(needs("reviews:decide"))]
KEY = "key"


@router.get("/reviews", operation_id="listReviews", summary="List reviews", response_model=schemas.ReviewList)
async def list_reviews(
    installation: InstallationDep,
    caller: Reader,
    page: Annotated[PageParams, Depends()],
    state: Annotated[ShownState | None, Query(description="Only reviews in this state.")] = None,
) -> Any:
    """List the posts that were sent for review, the newest first."""
    async with installation.database.session() as session:
        found, total = await repository.list_reviews(session, caller.workspace_id, state, page.offset, page.limit)
        return paged("reviews", await reviewing.list_summaries(session, found), page, total)


@router.get(
    "/posts/{post_id}/review", operation_id="getReview", summary="Get a review", response_model=schemas.ReviewOut
)
async def get_review(post_id: str, installation: InstallationDep, caller: Reader) -> Any:
    """Return a post's review: its state, who is asked, what each decided about the present revision, and the comments.

    Only an approved post is sent. A change of its clips, accounts or words asks all reviewers again; a new time does
    not.
    """
    async with installation.database.session() as session:
        return await reviewing.show_review(session, caller.workspace_id, post_id)


@router.post(
    "/posts/{post_id}/review",
    operation_id="sendForReview",
    openapi_extra=documented(schemas.ReviewRequest),
    summary="Send a post for review",
    response_model=schemas.ReviewOut,
)
async def send_for_review(
    post_id: str,
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.ReviewRequest, json_body(schemas.ReviewRequest)],
) -> Any:
    """Send a `pending` post for review, or send it again to these reviewers. It is not sent before its approval.

    To create a post that is in review from the beginning, pass `review` to `POST /posts`.

    If a client of the post has a rule of review, the post must still need the approval of its reviewers: of one of
    them, or of each. 422 `weaker_review` otherwise. Keys with the scope `reviews:decide` can ask whomever they want.
    """

    async def act(session: AsyncSession) -> IdempotentResponse:
        await reviewing.send_for_review(session, caller.workspace_id, post_id, body, caller.actor)
        return IdempotentResponse(200, await _shown(session, caller, post_id))

    return await run_idempotent(request, installation, caller, act)


@router.post(
    "/posts/{post_id}/review/withdraw",
    operation_id="withdrawReview",
    summary="Withdraw a review",
    response_model=schemas.ReviewOut,
)
async def withdraw_review(post_id: str, request: Request, installation: InstallationDep, caller: Writer) -> Any:
    """Ask nobody any more. The post stays `pending` and is not sent.

    Send it for review again, or delete the review to publish it without an approval. 409 `post_not_pending`: it has
    begun.
    """

    async def act(session: AsyncSession) -> IdempotentResponse:
        await reviewing.withdraw_review(session, caller.workspace_id, post_id, caller.actor)
        return IdempotentResponse(200, await _shown(session, caller, post_id))

    return await run_idempotent(request, installation, caller, act)


@router.delete(
    "/posts/{post_id}/review",
    operation_id="deleteReview",
    summary="Publish without a review",
    status_code=204,
)
async def delete_review(post_id: str, installation: InstallationDep, caller: Decider) -> None:
    """Delete a review with its comments. The post is then sent at its time, or now if it has none, without an approval.

    409 `review_expired`: its time has passed. Give it a new time first.
    """
    async with installation.database.begin() as session:
        await reviewing.remove_review(session, caller.workspace_id, post_id, caller.actor)


@router.post(
    "/posts/{post_id}/review/approve",
    operation_id="approveReview",
    openapi_extra=documented(schemas.ApproveReview),
    summary="Approve a post",
    response_model=schemas.ReviewOut,
)
async def approve_review(
    post_id: str,
    request: Request,
    installation: InstallationDep,
    caller: Decider,
    body: Annotated[schemas.ApproveReview, json_body(schemas.ApproveReview)],
) -> Any:
    """Approve a revision for one of its reviewers, whom your system has asked.

    An approved post is sent at its time, or now if it has none. If its time has passed, nothing is sent late:
    `needs_time` is true, and the post waits for a new time. 409 `review_changed`: the post has another revision.
    """

    async def act(session: AsyncSession) -> IdempotentResponse:
        await reviewing.decide(
            session, caller.workspace_id, post_id, body.reviewer_id, ReviewState.APPROVED, body.revision, caller.actor
        )
        return IdempotentResponse(200, await _shown(session, caller, post_id))

    return await run_idempotent(request, installation, caller, act)


@router.post(
    "/posts/{post_id}/review/request-changes",
    operation_id="requestChanges",
    openapi_extra=documented(schemas.RequestChanges),
    summary="Request changes of a post",
    response_model=schemas.ReviewOut,
)
async def request_changes(
    post_id: str,
    request: Request,
    installation: InstallationDep,
    caller: Decider,
    body: Annotated[schemas.RequestChanges, json_body(schemas.RequestChanges)],
) -> Any:
    """Record what one of the reviewers wants to be changed. The text becomes a comment that all reviewers see."""

    async def act(session: AsyncSession) -> IdempotentResponse:
        await reviewing.request_changes(
            session, caller.workspace_id, post_id, body.reviewer_id, body.revision, body.text, caller.actor, KEY
        )
        return IdempotentResponse(200, await _shown(session, caller, post_id))

    return await run_idempotent(request, installation, caller, act)


@router.post(
    "/posts/{post_id}/review/comments",
    operation_id="createReviewComment",
    openapi_extra=documented(schemas.NewComment),
    summary="Comment on a post in review",
    status_code=201,
    response_model=schemas.CommentOut,
)
async def create_review_comment(
    post_id: str,
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.NewComment, json_body(schemas.NewComment)],
) -> Any:
    """Add a comment to the review of a post. A review takes at most 300."""

    async def act(session: AsyncSession) -> IdempotentResponse:
        added = await reviewing.add_comment(
            session, caller.workspace_id, post_id, caller.actor, KEY, body.text, body.at_second, body.public
        )
        return IdempotentResponse(201, schemas.CommentOut.model_validate(added))

    return await run_idempotent(request, installation, caller, act)


@router.post(
    "/review-links",
    operation_id="createReviewLink",
    openapi_extra=documented(schemas.CreateReviewLink),
    summary="Create a review link",
    status_code=201,
    response_model=schemas.ReviewLinkCreated,
)
async def create_review_link(
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.CreateReviewLink, json_body(schemas.CreateReviewLink)],
) -> Any:
    """Create a link for people without a sign-in. Its page shows the posts that are sent for review with it.

    It works for 14 days after the last post that is sent with it, for any number of posts. The response holds its
    address, which is shown once. With `client_id`, it shows posts of this client only.
    """
    if body.timezone not in known_zones():
        message = f"The time zone {body.timezone[:60]!r} does not exist. Send an IANA name such as Europe/Lisbon."
        raise ValidationFailed([Problem("/timezone", "unknown_timezone", message)])

    async def act(session: AsyncSession) -> IdempotentResponse:
        client = await get_client(session, caller.workspace_id, body.client_id) if body.client_id else None
        made, url = await links.create_link(
            session, installation.settings, caller.workspace_id, body.name, body.timezone, caller.actor,
            client.id if client else None,
        )  # fmt: skip
        return IdempotentResponse(201, schemas.ReviewLinkCreated.model_validate(vars(made) | {"url": url}))

    return await run_idempotent(request, installation, caller, act)


@router.get(
    "/review-links",
    operation_id="listReviewLinks",
    summary="List review links",
    response_model=schemas.ReviewLinkList,
)
async def list_review_links(installation: InstallationDep, caller: Reader) -> Any:
    """List the links that have not ended, the newest first, without their addresses."""
    async with installation.database.session() as session:
        return {"links": await links.list_links(session, caller.workspace_id)}


@router.delete(
    "/review-links/{link_id}", operation_id="revokeReviewLink", summary="Revoke a review link", status_code=204
)
async def revoke_review_link(link_id: str, installation: InstallationDep, caller: Writer) -> None:
    """End a review link at once. Its page is 404 from now on."""
    async with installation.database.begin() as session:
        await links.revoke_link(session, caller.workspace_id, link_id, caller.actor)


async def _shown(session: AsyncSession, caller: Caller, post_id: str) -> schemas.ReviewOut:
    await session.flush()
    return await reviewing.show_review(session, caller.workspace_id, post_id)
