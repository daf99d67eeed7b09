"""Changes of posting times, for the API and the app. Callers of these functions commit."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.audit.service import Actor, record
from clipcast.clients import repository
from clipcast.clients.time_schemas import (
    AccountTimes,
    Pause,
    PostingTimesOut,
    SetPostingTimes,
    WeeklyTime,
)  # fmt: skip
from clipcast.clients.times import Days, PostingTime
from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.problems import Problem, ValidationFailed
from clipcast.database.models.clients import Client, PausedDays, PostingTimeRow


async def show_times(session: AsyncSession, client: Client) -> PostingTimesOut:
    """Return all posting times of a client as the API shows them."""
    times, own = await load_own_times(session, client)
    paused = await paused_days_of(session, client.id)
    return PostingTimesOut(
        times=_shown(times),
        jitter_minutes=client.jitter_minutes,
        paused=[Pause(first_day=one.first_day, last_day=one.last_day) for one in paused],
        accounts=[AccountTimes(connection_id=str(id), times=_shown(own[id])) for id in sorted(own)],
        timezone=client.timezone,
    )


async def load_own_times(
    session: AsyncSession, client: Client
) -> tuple[set[PostingTime], dict[UUID, set[PostingTime]]]:
    """Return the times of a client, and those of its accounts that have times of their own."""
    accounts = [account.id for account in await repository.accounts_of(session, client.workspace_id, client.id)]
    query = select(PostingTimeRow).where(
        (PostingTimeRow.client_id == client.id) | PostingTimeRow.connection_id.in_(accounts)
    )
    times: set[PostingTime] = set()
    own: dict[UUID, set[PostingTime]] = defaultdict(set)
    for row in await session.scalars(query):
        (own[row.connection_id] if row.connection_id else times).add(PostingTime(row.weekday, row.at))
    return times, dict(own)


async def paused_days_of(session: AsyncSession, client_id: UUID) -> list[PausedDays]:
    """Return the paused days of a client by date."""
    query = select(PausedDays).where(PausedDays.client_id == client_id)
    return list(await session.scalars(query.order_by(PausedDays.first_day, PausedDays.id)))


async def count_times(session: AsyncSession, client_ids: Collection[UUID]) -> dict[UUID, int]:
    """Return the number of posting times a week of each client that has any."""
    query = select(PostingTimeRow.client_id, func.count()).where(PostingTimeRow.client_id.in_(client_ids))
    rows = await session.execute(query.group_by(PostingTimeRow.client_id))
    return {id: number for id, number in rows if id is not None}


async def replace_times(
    session: AsyncSession, workspace_id: UUID, client_id: str, body: SetPostingTimes, actor: Actor
) -> Client:
    """Replace all posting times of a client. Posts keep their times. Raise NotFound or ValidationFailed."""
    client = await repository.get_client(session, workspace_id, client_id, lock=True)
    accounts = {str(one.id): one.id for one in await repository.accounts_of(session, workspace_id, client.id)}
    problems = _repeated(body.times, "/times")
    seen: set[str] = set()
    for number, one in enumerate(body.accounts):
        path = f"/accounts/{number}"
        problems += _repeated(one.times, f"{path}/times")
        if one.connection_id not in accounts:
            message = f"The client has no account '{one.connection_id[:60]}'. Give it to the client first."
            problems.append(Problem(f"{path}/connection_id", "not_found", message))
        elif one.connection_id in seen:
            message = "The body names this account twice. Send its times together."
            problems.append(Problem(f"{path}/connection_id", "not_unique", message))
        seen.add(one.connection_id)
    if problems:
        raise ValidationFailed(problems)
    own = {accounts[one.connection_id]: {time.as_time() for time in one.times} for one in body.accounts}
    await set_times(session, client, {one.as_time() for one in body.times})
    for id in accounts.values():
        await set_account_times(session, id, own.get(id, set()))
    await set_paused(session, client, [Days(one.first_day, one.last_day) for one in body.paused])
    client.jitter_minutes = body.jitter_minutes
    changed(session, client, actor)
    return client


def changed(session: AsyncSession, client: Client, actor: Actor) -> None:
    """Record a change of posting times."""
    client.updated_at = clock.now()
    record(session, client.workspace_id, actor, "client.times_changed", client.name, client.id)


async def set_times(session: AsyncSession, client: Client, times: Collection[PostingTime]) -> None:
    """Replace the times of a client."""
    await session.execute(delete(PostingTimeRow).where(PostingTimeRow.client_id == client.id))
    session.add_all(PostingTimeRow(client_id=client.id, weekday=one.weekday, at=one.at) for one in times)
    await session.flush()


async def set_account_times(session: AsyncSession, account_id: UUID, times: Collection[PostingTime]) -> None:
    """Replace an account's own times. Without any, it has those of its client."""
    await session.execute(delete(PostingTimeRow).where(PostingTimeRow.connection_id == account_id))
    session.add_all(PostingTimeRow(connection_id=account_id, weekday=one.weekday, at=one.at) for one in times)
    await session.flush()


async def set_paused(session: AsyncSession, client: Client, paused: Iterable[Days]) -> None:
    """Replace the paused days of a client."""
    await session.execute(delete(PausedDays).where(PausedDays.client_id == client.id))
    session.add_all(
        PausedDays(id=new_id(), client_id=client.id, first_day=one.first, last_day=one.last) for one in paused
    )
    await session.flush()


def _shown(times: Iterable[PostingTime]) -> list[WeeklyTime]:
    return [WeeklyTime.of(one) for one in sorted(times)]


def _repeated(times: Collection[WeeklyTime], path: str) -> list[Problem]:
    seen: set[PostingTime] = set()
    problems = []
    for number, one in enumerate(times):
        if (time := one.as_time()) in seen:
            message = f"{one.weekday.capitalize()} {one.at:%H:%M} is there twice. Remove one."
            problems.append(Problem(f"{path}/{number}", "not_unique", message))
        seen.add(time)
    return problems
