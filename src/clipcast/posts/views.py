"""Saved views: filters of the list of posts under a name, of one person or of all members."""

from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.common.ids import parse_id
from clipcast.common.names import name_key, require_name
from clipcast.common.problems import NotFound, Problem, ValidationFailed
from clipcast.database.models.lists import SavedView

NAME_MAX = 60
QUERY_MAX = 1000
# The most views of a person, and of all members.
VIEWS_MAX = 30


async def list_views(session: AsyncSession, workspace_id: UUID, user_id: UUID) -> list[SavedView]:
    """Return the views that a person sees, by name."""
    mine = or_(SavedView.user_id == user_id, SavedView.user_id.is_(None))
    found = await session.scalars(select(SavedView).where(SavedView.workspace_id == workspace_id, mine))
    return sorted(found, key=lambda one: (one.name_key, one.user_id is None))


async def save_view(
    session: AsyncSession, workspace_id: UUID, user_id: UUID | None, name: str, query: str
) -> SavedView:
    """Save filters under a name, also under one that exists. Raise ValidationFailed."""
    name = require_name(name, NAME_MAX)
    if len(query) > QUERY_MAX:
        message = f"The filters are too long: {len(query)} characters, maximum {QUERY_MAX}. Choose fewer."
        raise ValidationFailed([Problem("/query", "too_long", message, QUERY_MAX, len(query))])
    owner = SavedView.user_id == user_id if user_id else SavedView.user_id.is_(None)
    mine = select(SavedView).where(SavedView.workspace_id == workspace_id, owner)
    view = (await session.scalars(mine.where(SavedView.name_key == name_key(name)))).first()
    if view is None:
        number = await session.scalar(select(func.count()).select_from(mine.subquery())) or 0
        if number >= VIEWS_MAX:
            message = f"There are {number} saved views, maximum {VIEWS_MAX}. Remove one first."
            raise ValidationFailed([Problem("/name", "too_many_views", message, VIEWS_MAX, number)])
        view = SavedView(workspace_id=workspace_id, user_id=user_id, name_key=name_key(name))
        session.add(view)
    view.name, view.query = name, query
    await session.flush()
    return view


async def delete_view(session: AsyncSession, workspace_id: UUID, user_id: UUID, view_id: str) -> SavedView:
    """Remove a view that the person sees. Raise NotFound."""
    found = parse_id(view_id)
    view = await session.get(SavedView, found) if found else None
    if view is None or view.workspace_id != workspace_id or view.user_id not in (user_id, None):
        raise NotFound("view", view_id)
    await session.delete(view)
    return view
