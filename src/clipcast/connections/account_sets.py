"""Sets of accounts: saved under a name, and chosen together."""

from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.problems import Problem, ValidationFailed
from clipcast.database.limits import SEES_ALL, count_all
from clipcast.database.models.account_sets import AccountSet

# The most sets of a workspace.
SETS_MAX = 50


async def list_sets(session: AsyncSession, workspace_id: UUID) -> list[AccountSet]:
    """Return the workspace's sets by name."""
    query = select(AccountSet).where(AccountSet.workspace_id == workspace_id).order_by(AccountSet.name).limit(SETS_MAX)
    return list((await session.scalars(query)).all())


async def save_set(session: AsyncSession, workspace_id: UUID, name: str, connection_ids: list[UUID]) -> None:
    """Save the accounts under a name. A set of this name gets these accounts. Raise ValidationFailed."""
    named = select(AccountSet.id).where(AccountSet.workspace_id == workspace_id, AccountSet.name == name)
    taken = await session.scalar(named.execution_options(**SEES_ALL))
    if taken and await session.scalar(named) is None:
        message = "A set that you do not see has this name. Choose another name."
        raise ValidationFailed([Problem("/name", "not_unique", message)])
    mine = select(AccountSet.id).where(AccountSet.workspace_id == workspace_id)
    if taken is None and (number := await count_all(session, mine)) >= SETS_MAX:
        message = f"The workspace has {number} account sets, maximum {SETS_MAX}. Delete one first."
        raise ValidationFailed([Problem("/name", "too_long", message, SETS_MAX, number)])
    row = {"id": new_id(), "workspace_id": workspace_id, "name": name, "connection_ids": connection_ids}
    statement = insert(AccountSet).values(row | {"created_at": clock.now()})
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[AccountSet.workspace_id, AccountSet.name], set_={"connection_ids": connection_ids}
        )
    )


async def members_of(session: AsyncSession, workspace_id: UUID, set_id: UUID | None) -> list[UUID]:
    """Return the ids of a set's accounts; none if the workspace has no such set."""
    query = select(AccountSet.connection_ids).where(AccountSet.workspace_id == workspace_id, AccountSet.id == set_id)
    return (await session.execute(query)).scalar_one_or_none() or []


async def delete_set(session: AsyncSession, workspace_id: UUID, set_id: UUID | None) -> None:
    """Delete a set, if the workspace has it."""
    await session.execute(delete(AccountSet).where(AccountSet.workspace_id == workspace_id, AccountSet.id == set_id))
