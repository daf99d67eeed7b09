"""Health, pausing, revoking and removal of connections."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, exists, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.problems import AppError, NotFound
from clipcast.common.vault import VaultError
from clipcast.connections import repository
from clipcast.connections.apps import app_for
from clipcast.connections.status import PAUSED, REMOVED
from clipcast.connections.tokens import unseal
from clipcast.database.models.connections import Connection
from clipcast.database.models.jobs import Job, JobState
from clipcast.database.models.posts import Item
from clipcast.installation import Installation
from clipcast.jobs.queue import requeue_held
from clipcast.jobs.wake import wake_router
from clipcast.platforms.client import account_http, http_of
from clipcast.platforms.errors import PublishError
from clipcast.platforms.registry import PLATFORMS
from clipcast.platforms.responses import understood
from clipcast.platforms.transport import HttpClient

# As the index of the unfinished items has it.
UNFINISHED = text("items.status IN ('pending', 'processing')")
# An authorization that Clipcast cannot renew needs a person this long before its end.
ENDS_SOON = timedelta(days=3)
# Accounts that need a person are counted up to here, and shown as "99+".
NEEDY_MAX = 100


@dataclass(frozen=True)
class Health:
    """The state of a connection for lists of accounts."""

    # Whether the account's owner should act.
    urgent: bool
    last_published_at: datetime | None
    waiting: int
    # The number of waiting items that are due and continue when the account is reconnected or resumed.
    held: int


async def health_of(session: AsyncSession, connections: list[Connection]) -> dict[UUID, Health]:
    """Return the health of each connection by its id."""
    # Of each account apart, by indexes that hold the unfinished and the published items alone.
    last = select(func.max(Item.published_at)).where(
        Item.connection_id == Connection.id, Item.published_at.is_not(None)
    )  # fmt: skip
    open_items = select(func.count()).where(Item.connection_id == Connection.id, UNFINISHED)
    ids = [connection.id for connection in connections]
    columns = (one.correlate(Connection).scalar_subquery() for one in (last, open_items))
    query = select(Connection.id, *columns).where(Connection.id.in_(ids))
    found = {id: (last, waiting) for id, last, waiting in await session.execute(query)}
    # Few jobs of a workspace are held, so that these are found first.
    of_held = select(Item.connection_id, func.count()).join(Job, Job.id == Item.id)
    of_held = of_held.where(Job.workspace_id.in_({one.workspace_id for one in connections}), Job.state == JobState.HELD)
    held = dict(iter(await session.execute(of_held.group_by(Item.connection_id))))
    health = {}
    for connection in connections:
        last, waiting = found.get(connection.id, (None, 0))
        urgent = connection.status == "needs_reconnect" or ends_soon(connection)
        health[connection.id] = Health(urgent, last, waiting, held.get(connection.id, 0))
    return health


def needs_person(now: datetime, spent: Collection[UUID]) -> ColumnElement[bool]:
    """Return the condition of accounts that need a person.

    Their sign-in has ended, or ends soon and cannot be renewed; they are paused while items wait; or a limit of the
    platform is reached, of the accounts `spent`.
    """
    ends_soon = (Connection.status == "active") & ~Connection.renewable & (Connection.signed_in_until < now + ENDS_SOON)
    waiting = exists().where(Item.connection_id == Connection.id, UNFINISHED)
    paused = (Connection.status == "disabled") & waiting
    return (Connection.status == "needs_reconnect") | ends_soon | paused | Connection.id.in_(spent)


def needy_sql(workspace_id: UUID) -> ScalarSelect[int]:
    """Return `count_needy` as an SQL expression."""
    mine = (Connection.workspace_id == workspace_id, Connection.removed_at.is_(None))
    query = select(Connection.id).where(*mine, needs_person(clock.now(), ())).limit(NEEDY_MAX).subquery()
    return select(func.count()).select_from(query).scalar_subquery()


async def count_needy(session: AsyncSession, workspace_id: UUID) -> int:
    """Return the number of accounts that need a person, up to NEEDY_MAX. A limit of a platform ends by itself."""
    return (await session.execute(select(needy_sql(workspace_id)))).scalar_one()


def ends_soon(connection: Connection) -> bool:
    """Return whether the authorization ends soon and Clipcast cannot renew it."""
    end = connection.signed_in_until
    is_near = end is not None and not connection.renewable and end - clock.now() < ENDS_SOON
    return connection.status == "active" and is_near


async def _get(session: AsyncSession, workspace_id: UUID, connection_id: str) -> Connection:
    connection = await repository.get_connection(session, workspace_id, connection_id, lock=True)
    if connection is None:
        raise NotFound("connection", connection_id)
    return connection


async def switch_off(session: AsyncSession, workspace_id: UUID, connection_id: str) -> Connection:
    """Pause the account: items that become due wait until it is resumed. Raises NotFound, or AppError 409."""
    connection = await _get(session, workspace_id, connection_id)
    if connection.status == "disabled":
        raise AppError(409, "connection_disabled", "The account is already paused.")
    connection.status, connection.status_reason = "disabled", PAUSED
    return connection


async def switch_on(session: AsyncSession, workspace_id: UUID, connection_id: str) -> Connection:
    """Resume a paused account: items that waited for it become due. Does not check its tokens.

    Raises NotFound, or AppError 409.
    """
    connection = await _get(session, workspace_id, connection_id)
    if connection.status != "disabled":
        raise AppError(409, "connection_not_disabled", "The account is not paused.")
    connection.status, connection.status_reason = "active", None
    await requeue_held(session, connection.id)
    wake_router(session)
    return connection


async def revoke(installation: Installation, connection: Connection) -> str:
    """End the authorization at the platform, if it offers that. Return the result as a text for the person."""
    platform = PLATFORMS[connection.platform]
    sign_in = platform.sign_in_method(connection.profile.get("way"))
    app = app_for(installation.settings, installation.vault, sign_in)
    if app is None or connection.sandbox != (installation.settings.sandbox_base is not None):
        return (
            f"Clipcast did not end the access at {platform.title}, because this installation is not configured for it."
        )
    try:
        tokens = unseal(installation.vault, connection.tokens)
        async with HttpClient() as client:
            http = account_http(platform, http_of(platform, client, installation.settings), tokens)
            with understood():
                await sign_in.revoke(http, app, tokens)
    except VaultError:
        return f"Clipcast did not end the access at {platform.title}, because it cannot decrypt the tokens."
    except PublishError as error:
        return f"{platform.title}: {error.message} {error.fix}"
    return f"{platform.title} has ended the access."


async def remove(
    installation: Installation, session: AsyncSession, workspace_id: UUID, connection_id: str
) -> Connection:
    """Remove the account and its tokens. Published posts stay; waiting items fail with this reason.

    Raises NotFound.
    """
    connection = await _get(session, workspace_id, connection_id)
    connection.status, connection.status_reason = "disabled", REMOVED
    connection.removed_at = clock.now()
    connection.avatar_key = None
    connection.tokens, connection.renewable = installation.vault.seal(None), False
    connection.tokens_version += 1
    connection.signed_in_until = connection.expires_at = None
    await requeue_held(session, connection.id)
    return connection
