"""The API's endpoints of clients."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.api.auth import Caller, needs
from clipcast.api.dependencies import InstallationDep
from clipcast.api.idempotency import IdempotentResponse, run_idempotent
from clipcast.api.numbers import PLAIN_WHOLE
from clipcast.api.pagination import PageParams
from clipcast.api.schemas import documented, json_body
from clipcast.audit.service import record
from clipcast.clients import posting_times, repository, schemas, service, slots, time_schemas, words
from clipcast.clients.rule_schemas import ClientReview
from clipcast.common.pagination import paged
from clipcast.common.problems import AppError, NotFound
from clipcast.database.hot_queries import from_session
from clipcast.database.models.posts import Post
from clipcast.posts import queue

router = APIRouter(tags=["Clients"])
Reader = Annotated[Caller, Depends(needs("connections:read"))]
Writer = Annotated[Caller, Depends(needs("posts:write"))]


@router.post(
    "/clients",
    operation_id="createClient",
    openapi_extra=documented(schemas.CreateClient),
    summary="Create a client",
    status_code=201,
    response_model=schemas.ClientDetail,
)
async def create_client(
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.CreateClient, json_body(schemas.CreateClient)],
) -> Any:
    """Create a client: a group of accounts. PATCH /connections/{connection_id} puts an account into it.

    A workspace has at most 500 clients. To pass `review`, a key needs the scope `reviews:decide`, too.
    """

    _require_decider(caller, body.review)

    async def act(session: AsyncSession) -> IdempotentResponse:
        made = await service.create_client(session, caller.workspace_id, body, caller.actor)
        shown = await service.show_client(installation, session, made)
        return IdempotentResponse(201, shown, {"Location": f"/api/v1/clients/{made.id}"})

    return await run_idempotent(request, installation, caller, act)


def _require_decider(caller: Caller, review: ClientReview | None) -> None:
    """Raise AppError 403 unless the key may say who approves: it could otherwise publish without an approval."""
    if review and "reviews:decide" not in caller.scopes:
        message = "To change `review`, the key needs the scope reviews:decide. Use a key that has it."
        raise AppError(403, "scope_missing", message, more={"required_scope": "reviews:decide"})


@router.get("/clients", operation_id="listClients", summary="List clients", response_model=schemas.ClientList)
async def list_clients(installation: InstallationDep, caller: Reader, page: Annotated[PageParams, Depends()]) -> Any:
    """List the workspace's clients by name."""
    async with installation.database.session() as session:
        found, total = await repository.list_clients(session, caller.workspace_id, page.offset, page.limit)
        return paged("clients", await service.show_clients(installation, session, found), page, total)


@router.get(
    "/clients/{client_id}", operation_id="getClient", summary="Get a client", response_model=schemas.ClientDetail
)
async def get_client(client_id: str, installation: InstallationDep, caller: Reader) -> Any:
    """Return a client. `GET /connections?client=` lists its accounts, `GET /posts?client=` its posts."""
    async with installation.database.session() as session:
        client = await repository.get_client(session, caller.workspace_id, client_id)
        return await service.show_client(installation, session, client)


@router.patch(
    "/clients/{client_id}",
    operation_id="updateClient",
    openapi_extra=documented(schemas.UpdateClient),
    summary="Change a client",
    response_model=schemas.ClientDetail,
)
async def update_client(
    client_id: str,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.UpdateClient, json_body(schemas.UpdateClient)],
) -> Any:
    """Change the name, the time zone, the colour, the signature or the reviewers of a client.

    Scheduled posts keep their times, and their reviews. To change `review`, a key needs the scope `reviews:decide`,
    too.
    """
    _require_decider(caller, body.review)
    async with installation.database.begin() as session:
        changed = await service.update_client(session, caller.workspace_id, client_id, body, caller.actor)
        return await service.show_client(installation, session, changed)


@router.delete("/clients/{client_id}", operation_id="deleteClient", summary="Delete a client", status_code=204)
async def delete_client(client_id: str, installation: InstallationDep, caller: Writer) -> None:
    """Delete a client. Its accounts stay, without a client, and so do its posts. Its review links are revoked.

    403 `review_required` if its posts need an approval, unless the key has the scope `reviews:decide`.
    """
    async with installation.database.begin() as session:
        await service.delete_client(session, caller.workspace_id, client_id, caller.actor)


@router.get(
    "/clients/{client_id}/hashtag-sets",
    operation_id="listHashtagSets",
    summary="List hashtag sets",
    response_model=schemas.HashtagSetList,
)
async def list_hashtag_sets(client_id: str, installation: InstallationDep, caller: Reader) -> Any:
    """Return the hashtag sets that the compose page offers for captions of the client's posts: at most 50, by name."""
    async with installation.database.session() as session:
        client = await repository.get_client(session, caller.workspace_id, client_id)
        return {"hashtag_sets": await words.hashtag_sets_of(session, client.id)}


@router.post(
    "/clients/{client_id}/hashtag-sets",
    operation_id="createHashtagSet",
    openapi_extra=documented(schemas.CreateHashtagSet),
    summary="Create a hashtag set",
    status_code=201,
    response_model=schemas.HashtagSetDetail,
)
async def create_hashtag_set(
    client_id: str,
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.CreateHashtagSet, json_body(schemas.CreateHashtagSet)],
) -> Any:
    """Create a hashtag set of the client."""

    async def act(session: AsyncSession) -> IdempotentResponse:
        made = await words.save_hashtag_set(
            session, caller.workspace_id, client_id, None, body.name, " ".join(body.tags), caller.actor
        )
        return IdempotentResponse(201, schemas.HashtagSetDetail.model_validate(made, from_attributes=True))

    return await run_idempotent(request, installation, caller, act)


@router.patch(
    "/clients/{client_id}/hashtag-sets/{set_id}",
    operation_id="updateHashtagSet",
    openapi_extra=documented(schemas.UpdateHashtagSet),
    summary="Change a hashtag set",
    response_model=schemas.HashtagSetDetail,
)
async def update_hashtag_set(
    client_id: str,
    set_id: str,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[schemas.UpdateHashtagSet, json_body(schemas.UpdateHashtagSet)],
) -> Any:
    """Change the name or the hashtags of a set. Captions that have them stay."""
    async with installation.database.begin() as session:
        client = await repository.get_client(session, caller.workspace_id, client_id, lock=True)
        own = await words.get_hashtag_set(session, client.id, set_id)
        if (name := body.name or own.name, tags := body.tags or own.tags) == (own.name, own.tags):
            return own
        return await words.save_hashtag_set(
            session, caller.workspace_id, client_id, set_id, name, " ".join(tags), caller.actor
        )


@router.delete(
    "/clients/{client_id}/hashtag-sets/{set_id}",
    operation_id="deleteHashtagSet",
    summary="Delete a hashtag set",
    status_code=204,
)
async def delete_hashtag_set(client_id: str, set_id: str, installation: InstallationDep, caller: Writer) -> None:
    """Delete a hashtag set. Captions that have its hashtags stay."""
    async with installation.database.begin() as session:
        await words.delete_hashtag_set(session, caller.workspace_id, client_id, set_id, caller.actor)


@router.get(
    "/clients/{client_id}/posting-times",
    operation_id="getPostingTimes",
    summary="Get posting times",
    response_model=time_schemas.PostingTimesOut,
)
async def get_posting_times(client_id: str, installation: InstallationDep, caller: Reader) -> Any:
    """Return the weekly times at which posts of the client go out, those of single accounts, and its paused days."""
    async with installation.database.session() as session:
        client = await repository.get_client(session, caller.workspace_id, client_id)
        return await posting_times.show_times(session, client)


@router.put(
    "/clients/{client_id}/posting-times",
    operation_id="setPostingTimes",
    openapi_extra=documented(time_schemas.SetPostingTimes),
    summary="Replace posting times",
    response_model=time_schemas.PostingTimesOut,
)
async def set_posting_times(
    client_id: str,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[time_schemas.SetPostingTimes, json_body(time_schemas.SetPostingTimes)],
) -> Any:
    """Replace all posting times of a client. Scheduled posts keep their times.

    `POST /posts` with `schedule` takes the next free one. Times are by the clock on the wall: 18:30 stays 18:30 when
    clocks change. A time that the clocks skip moves forward, and one that they show twice counts the first time.
    """
    async with installation.database.begin() as session:
        client = await posting_times.replace_times(session, caller.workspace_id, client_id, body, caller.actor)
        return await posting_times.show_times(session, client)


@router.get(
    "/clients/{client_id}/next-times",
    operation_id="listNextTimes",
    summary="List the next free posting times",
    response_model=time_schemas.NextTimes,
)
async def list_next_times(
    client_id: str,
    installation: InstallationDep,
    caller: Reader,
    count: Annotated[
        Annotated[int, Field(ge=1, le=time_schemas.COUNT_MAX)], PLAIN_WHOLE, Query(description="The most times.")
    ] = 10,
    connection_id: Annotated[
        list[str] | None,
        Query(
            max_length=time_schemas.ACCOUNTS_MAX,
            description="The accounts of the post. Default: all accounts of the client without times of their own.",
        ),
    ] = None,
) -> Any:
    """Return the next posting times that all these accounts have and that none of them has taken.

    Nothing is reserved: `POST /posts` with `schedule` takes the first one that is free then. Times are searched for 365
    days.
    """
    async with installation.database.session() as session:
        client = await repository.get_client(session, caller.workspace_id, client_id)
        accounts = {
            str(one.id): one.id for one in await repository.accounts_of(session, client.workspace_id, client.id)
        }
        if unknown := [id for id in connection_id or () if id not in accounts]:
            raise NotFound("connection of the client", unknown[0])
        executor = await from_session(session)
        times = (await slots.load_times(executor, client.workspace_id, [client.id], accounts.values()))[client.id]
        following = [id for id in accounts.values() if id not in times.own]
        wanted = [accounts[id] for id in connection_id] if connection_id else following
        found = await slots.next_free_times(executor, times, wanted, count)
    shown = [{"posting_time": one.slot_at, "scheduled_at": one.at} for one in found]
    return {"timezone": client.timezone, "times": shown}


@router.get(
    "/clients/{client_id}/queue",
    operation_id="getQueue",
    summary="Get the queue",
    response_model=time_schemas.ClientQueue,
)
async def get_queue(
    client_id: str,
    installation: InstallationDep,
    caller: Reader,
    count: Annotated[
        Annotated[int, Field(ge=1, le=time_schemas.COUNT_MAX)],
        PLAIN_WHOLE,
        Query(description="The most posting times."),
    ] = 10,
) -> Any:
    """Return the next posting times of the client with the posts in them, also those of single accounts.

    An API key that is limited to clients does not get times that only posts over other clients take.
    """
    async with installation.database.session() as session:
        client = await repository.get_client(session, caller.workspace_id, client_id)
        found = await slots.next_slots(await from_session(session), client.workspace_id, client.id, count)
        ids = [id for one in found for id in one.post_ids]
        seen = set(await session.scalars(select(Post.id).where(Post.id.in_(ids)))) if ids else set()
    shown = [
        {"posting_time": one.slot_at, "scheduled_at": one.at, "connection_ids": one.account_ids,
         "post_ids": [id for id in one.post_ids if id in seen]}
        for one in found
        if not one.post_ids or not seen.isdisjoint(one.post_ids)
    ]  # fmt: skip
    return {"timezone": client.timezone, "queue": shown}


@router.post(
    "/clients/{client_id}/queue/swap",
    operation_id="swapPosts",
    openapi_extra=documented(time_schemas.SwapPosts),
    summary="Exchange the times of two posts",
    response_model=time_schemas.PostsSwapped,
)
async def swap_posts(
    client_id: str,
    request: Request,
    installation: InstallationDep,
    caller: Writer,
    body: Annotated[time_schemas.SwapPosts, json_body(time_schemas.SwapPosts)],
) -> Any:
    """Have two pending posts of the client's queue exchange their posting times.

    409 `not_in_queue`: a post is in no posting time. 409 `posting_time_taken`: an account has another post there.
    """

    async def act(session: AsyncSession) -> IdempotentResponse:
        settings = installation.settings
        swapped = await queue.swap_posts(session, caller.workspace_id, client_id, body.post_ids, settings)
        for post in swapped:
            record(session, caller.workspace_id, caller.actor, "post.swapped", f"Post {post.id}", post.id)
        posts = [{"post_id": post.id, "scheduled_at": post.scheduled_at} for post in swapped]
        return IdempotentResponse(200, time_schemas.PostsSwapped.model_validate({"posts": posts}))

    return await run_idempotent(request, installation, caller, act)
