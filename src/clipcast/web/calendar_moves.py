"""Moves on the calendar: by dragging, by keyboard or in the dialog, and their Undo."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from clipcast.clients.repository import accounts_of
from clipcast.clients.slots import ClientTimes, load_times, next_free_times
from clipcast.clients.times import PostingTime
from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError, NotFound, ValidationFailed
from clipcast.common.timestamps import Instant, format_timestamp
from clipcast.common.versions import VersionMismatch, if_version
from clipcast.database.hot_queries import from_session
from clipcast.database.models.connections import Connection
from clipcast.posts import moving, service
from clipcast.posts.clients import only_client
from clipcast.posts.draft_lines import draft_lines
from clipcast.posts.drafts import get_draft
from clipcast.posts.lines import PostLine, lines_of
from clipcast.posts.moving import BEGUN, Moved
from clipcast.posts.queue import move_back
from clipcast.posts.repository import get_items
from clipcast.web import times
from clipcast.web.said import in_words
from clipcast.web.viewers import Editing, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

NOON = time(12)
FREE_OFFERED = 4
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
Kind = Literal["posts", "drafts"]


class Move(BaseModel):
    """Where to move: to a day at the same time of day, to a local time, to an instant, or to no time at all."""

    day: date | None = None
    at: Annotated[str, Field(max_length=40)] = ""
    # Of a local time that occurs twice: whether the second one is meant.
    second: bool | None = None
    instant: Instant | None = None
    # Of an Undo: the posting time that the post had at the instant.
    slot_at: Instant | None = None
    # Of a free time: the client that it is of.
    free_of: UUID | None = None
    # The version that the page shows.
    version: int | None = None


@router.get("/calendar/{kind}/{id}/move")
async def move_dialog(member: Editing, kind: Kind, id: str) -> Response:
    """Return the content of the dialog that moves a post or a draft. Raises NotFound."""
    async with member.installation.database.session() as session:
        line, accounts = await _line_of(session, member.workspace.id, kind, id)
        free = await _free_times(member, session, accounts)
    shown = line.scheduled_at or clock.now() + DAY
    return member.render(
        "parts/calendar_move.html",
        line=line,
        local=shown.astimezone(member.zone),
        free=free,
        path=f"{member.base}/calendar/{kind}/{id}/move",
    )


async def _line_of(
    session: AsyncSession, workspace_id: UUID, kind: Kind, id: str
) -> tuple[PostLine, Sequence[Connection]]:
    """Return the line of a post or a draft, and its accounts. Raise NotFound."""
    if kind == "drafts":
        [found] = await draft_lines(session, workspace_id, [await get_draft(session, workspace_id, id)])
        return found
    post = await service.get_post(session, workspace_id, id)
    [line] = await lines_of(session, [post])
    return line, [item.connection for item in await get_items(session, post.id)]


async def _free_times(member: Member, session: AsyncSession, accounts: Sequence[Connection]) -> list[datetime]:
    """Return the next free times of the client of these accounts; none if they are of no client, or of several."""
    client_id = only_client([account.client_id for account in accounts] or [None])
    if client_id is None:
        return []
    executor, ids = await from_session(session), [account.id for account in accounts]
    clients = await load_times(executor, member.workspace.id, [client_id], ids)
    return [free.at for free in await next_free_times(executor, clients[client_id], ids, FREE_OFFERED)]


@router.post("/calendar/{kind}/{id}/move")
async def move(member: Editing, kind: Kind, id: str, body: Move) -> Response:
    """Move a scheduled post or a draft; return a notice with Undo.

    Raises AppError with a sentence for people; then nothing has changed.
    """
    chosen: list[datetime | None] = []

    def choose(before: datetime | None) -> datetime | None:
        chosen.append(_time_of(member, body, before))
        return chosen[-1]

    try:
        async with member.installation.database.begin() as session:
            moved = await _move(member, session, kind, id, body, choose)
    except ValidationFailed as failed:
        message = in_words(" ".join(problem.message for problem in failed.errors))
        raise AppError(422, failed.code, times.localized(message, member.zone)) from None
    except AppError as error:
        raise _in_words(member, error, chosen[-1] if chosen else body.instant) from None
    return member.render("parts/moved.html", moved=moved, path=f"{member.base}/calendar/{kind}/{id}/move")


async def _move(member: Member, session: AsyncSession, kind: Kind, id: str, body: Move, choose: moving.Choice) -> Moved:
    mine, version = member.workspace.id, if_version(body.version)
    settings = member.installation.settings
    if body.free_of and body.instant:
        await _require_own_time(member, session, kind, id, body.free_of, body.instant)
    if kind == "posts" and body.instant:
        moved = await move_back(session, mine, id, body.instant, body.slot_at, settings, version)
    elif kind == "posts":
        moved = await moving.move_post(session, mine, id, choose, settings, version)
    else:
        moved = await moving.move_draft(session, mine, id, choose, member.zone, member.actor, version)
    what = "post" if kind == "posts" else "draft"
    member.record(
        session, f"{what}.rescheduled", f"{what.capitalize()} {id}", parse_id(id),
        scheduled_at=format_timestamp(moved.at),
    )  # fmt: skip
    return moved


async def _require_own_time(
    member: Member, session: AsyncSession, kind: Kind, id: str, client_id: UUID, at: datetime
) -> None:
    """Raise AppError 409 unless all accounts of a post or a draft have this posting time of the client.

    A draft without accounts may take any.
    """
    _, accounts = await _line_of(session, member.workspace.id, kind, id)
    ids = [account.id for account in accounts]
    of_client = [account.id for account in await accounts_of(session, member.workspace.id, client_id)]
    executor = await from_session(session)
    found = (await load_times(executor, member.workspace.id, [client_id], {*ids, *of_client})).get(client_id)
    is_own = all(account.client_id == client_id for account in accounts)
    if is_own and found and _has(found, found.of_accounts(ids), at):
        return
    name = next((client.name for client in member.clients if client.id == client_id), "another client")
    what = "post" if kind == "posts" else "draft"
    if found and _has(found, found.times.union(*(found.own.get(id, ()) for id in of_client)), at):
        message = f"This is a posting time of {name}, but not of the accounts of this {what}. Nothing was moved."
    else:
        message = f"{name} has no posting time at this instant any more. Nothing was moved."
    raise AppError(409, "other_posting_time", message)


def _has(client: ClientTimes, times: Collection[PostingTime], at: datetime) -> bool:
    """Return whether one of these times of a client is now at this instant."""
    return any(client.free_time(one).at == at for one in client.between(times, at - HOUR, at + HOUR))


def _time_of(member: Member, body: Move, before: datetime | None) -> datetime | None:
    """Return the time that is wanted for what now has the time `before`. Raises AppError 422."""
    try:
        if body.instant:
            return body.instant
        if body.day:
            return _same_time_on(member, body.day, before)
        if not body.at:
            return None
        if body.second is None and times.comes_twice(body.at, member.zone):
            message = "Clocks go back then, so this time occurs twice. Choose one of the two."
            raise AppError(422, "occurs_twice", message)
        return times.from_input(body.at, member.zone, bool(body.second))
    except ValueError as error:
        raise AppError(422, "no_such_time", str(error)) from None


def _same_time_on(member: Member, day: date, before: datetime | None) -> datetime:
    """Return the instant of the same time of day on another day. What had no time gets noon, or the next full hour."""
    now = clock.now().astimezone(member.zone)
    local = before.astimezone(member.zone) if before else None
    wanted = datetime.combine(day, local.time() if local else NOON)
    if local is None and day == now.date() and now.time() >= NOON:
        wanted = now.replace(tzinfo=None, minute=0, second=0, microsecond=0) + HOUR
    return times.from_input(wanted.isoformat(), member.zone, local is not None and local.fold == 1)


def _in_words(member: Member, error: AppError, at: datetime | None) -> AppError:
    """Return an error of a move with the words of the page."""
    if isinstance(error, VersionMismatch):
        message = "Somebody changed this meanwhile, so it was not moved. The calendar shows it as it is now."
    elif isinstance(error, NotFound):
        message = "This was removed or replaced meanwhile, so it was not moved."
    elif error.code == BEGUN:
        message = "Publishing of this post has begun, so it stays where it is."
    elif error.code == "in_the_past" and at:
        message = f"{times.passed(at, member.zone)} Nothing was moved."
    else:
        return error
    return AppError(error.status, error.code, message)
