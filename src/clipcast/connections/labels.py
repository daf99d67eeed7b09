"""Labels of accounts. Callers of these functions commit."""

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.common import labels
from clipcast.common.names import name_key
from clipcast.database.models.connections import Connection


async def list_labels(session: AsyncSession, workspace_id: UUID) -> list[tuple[str, int]]:
    """Return the labels of the workspace's accounts by name, each with the number of its accounts."""
    label = func.unnest(Connection.labels).label("label")
    mine = Connection.workspace_id == workspace_id
    each = select(label).where(mine, Connection.removed_at.is_(None)).subquery()
    rows = await session.execute(select(each.c.label, func.count()).group_by(each.c.label))
    return sorted(((name, count) for name, count in rows), key=lambda one: name_key(one[0]))


async def clean_labels(session: AsyncSession, workspace_id: UUID, typed: Iterable[str]) -> list[str]:
    """Return labels without repetitions, each as the workspace spells it already. Raise ValidationFailed."""
    return labels.clean_labels(typed, [name for name, _ in await list_labels(session, workspace_id)])


async def lock_accounts(session: AsyncSession, workspace_id: UUID, ids: Collection[UUID]) -> list[Connection]:
    """Return the workspace's accounts with these ids, locked."""
    query = select(Connection).where(
        Connection.workspace_id == workspace_id, Connection.id.in_(ids), Connection.removed_at.is_(None)
    )
    return list(await session.scalars(query.order_by(Connection.id).with_for_update()))


def set_labels(accounts: Iterable[Connection], wanted: Mapping[UUID, list[str]]) -> dict[UUID, list[str]]:
    """Give locked accounts these labels, by the account's id. Return those that each had before, of those that change.

    Raise ValidationFailed if an account would have too many.
    """
    before = {}
    for one in accounts:
        if one.id in wanted and wanted[one.id] != one.labels:
            labels.check_number(wanted[one.id], f"@{one.username}")
            before[one.id], one.labels = list(one.labels), wanted[one.id]
    return before
