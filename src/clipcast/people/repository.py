"""Queries about users, their sessions, memberships and invitations."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Select, Uuid, bindparam, delete, exists, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.database import page_of
from clipcast.database.models.people import Invitation, Membership, SignInSession, User
from clipcast.database.models.workspaces import Workspace
from clipcast.people.approvers import may_approve


async def anybody(session: AsyncSession) -> bool:
    """Return whether the installation has a user."""
    return bool((await session.execute(select(exists(select(User.id))))).scalar_one())


async def find_user(session: AsyncSession, email: str) -> User | None:
    return (await session.execute(select(User).where(User.email == email))).scalar_one_or_none()


async def list_users(session: AsyncSession) -> list[User]:
    return list((await session.execute(select(User).order_by(User.email))).scalars())


async def find_session(session: AsyncSession, digest: bytes, now: datetime) -> SignInSession | None:
    query = select(SignInSession).where(SignInSession.digest == digest, SignInSession.expires_at > now)
    return (await session.execute(query)).scalar_one_or_none()


async def list_sessions(session: AsyncSession, user_id: UUID, now: datetime) -> list[SignInSession]:
    """Return the sessions that have not expired, the one used last first."""
    query = select(SignInSession).where(SignInSession.user_id == user_id, SignInSession.expires_at > now)
    return list((await session.execute(query.order_by(SignInSession.seen_at.desc()))).scalars())


async def end_sessions(session: AsyncSession, user_id: UUID, besides: UUID | None = None) -> None:
    query = delete(SignInSession).where(SignInSession.user_id == user_id)
    await session.execute(query if besides is None else query.where(SignInSession.id != besides))


async def memberships_of(session: AsyncSession, user_id: UUID) -> list[tuple[Workspace, str]]:
    """Return the workspaces of a user by name, with the user's role in each."""
    return [(workspace, role) for workspace, role, _ in await limited_memberships_of(session, user_id)]


async def limited_memberships_of(
    session: AsyncSession, user_id: UUID
) -> list[tuple[Workspace, str, list[UUID] | None]]:
    """Return `memberships_of`, with the clients that the user sees in each; None: all of them."""
    query = (
        select(Workspace, Membership.role, Membership.client_ids)
        .join(Membership, Membership.workspace_id == Workspace.id)
        .where(Membership.user_id == user_id)
        .order_by(func.lower(Workspace.name), Workspace.id)
    )
    return [(workspace, role, ids) for workspace, role, ids in await session.execute(query)]


async def list_members(
    session: AsyncSession, workspace_id: UUID, offset: int, limit: int
) -> tuple[list[Membership], int]:
    """Return a page of members in the order in which they joined, and the number of all members."""
    query = select(Membership).where(Membership.workspace_id == workspace_id)
    return await page_of(session, query.order_by(Membership.created_at), offset, limit)


async def list_approvers(
    session: AsyncSession, workspace_id: UUID, client_ids: Collection[UUID | None], limit: int
) -> list[Membership]:
    """Return the first members who may approve posts of all these clients; None stands for accounts without one."""
    clients = bindparam("client_ids", list(client_ids), ARRAY(Uuid()))
    able = text(may_approve("CAST(:client_ids AS uuid[])")).bindparams(clients)
    query = select(Membership).where(Membership.workspace_id == workspace_id, able)
    return list(await session.scalars(query.order_by(Membership.created_at).limit(limit)))


async def role_of(session: AsyncSession, user_id: UUID, workspace_id: UUID) -> str | None:
    """Return the role of a user in a workspace, or None for a user who is not a member."""
    query = select(Membership.role).where(Membership.user_id == user_id, Membership.workspace_id == workspace_id)
    return (await session.execute(query)).scalar_one_or_none()


async def lock_members(session: AsyncSession, workspace_id: UUID) -> dict[UUID, Membership]:
    """Lock and return all members of a workspace. The rule that an owner remains concerns all of them."""
    query = select(Membership).where(Membership.workspace_id == workspace_id).with_for_update(of=Membership)
    return {member.user_id: member for member in (await session.execute(query)).scalars()}


def _good_invitations(now: datetime) -> Select[Invitation]:
    """Return the valid invitations. A former owner's are invalid: one of them would let the former owner return."""
    maker = exists().where(
        Membership.user_id == Invitation.maker_id,
        Membership.workspace_id == Invitation.workspace_id,
        Membership.role == "owner",
    )
    return select(Invitation).where(Invitation.expires_at > now, Invitation.maker_id.is_(None) | maker)


async def list_invitations(session: AsyncSession, workspace_id: UUID, now: datetime) -> list[Invitation]:
    query = _good_invitations(now).where(Invitation.workspace_id == workspace_id)
    return list((await session.execute(query.order_by(Invitation.id.desc()))).scalars())


async def find_invitation(session: AsyncSession, digest: bytes, now: datetime, lock: bool) -> Invitation | None:
    query = _good_invitations(now).where(Invitation.digest == digest)
    return (await session.execute(query.with_for_update(of=Invitation) if lock else query)).scalar_one_or_none()


async def get_session(session: AsyncSession, user_id: UUID, session_id: UUID) -> SignInSession | None:
    query = select(SignInSession).where(SignInSession.id == session_id, SignInSession.user_id == user_id)
    return (await session.execute(query)).scalar_one_or_none()
