"""Users: setup, sign-in, sessions, roles and invitations. The callers of these functions commit."""

import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.audit.service import Actor, record
from clipcast.clock import clock
from clipcast.common.names import tidy_name
from clipcast.common.problems import Problem
from clipcast.database.limits import require_whole
from clipcast.database.locks import TAKE, Lock
from clipcast.database.models.people import Invitation, Membership, SignInSession, User
from clipcast.database.models.workspaces import Workspace
from clipcast.people import repository
from clipcast.people.passwords import hashed, matches, weakness
from clipcast.workspaces.service import create_workspace, digest_of

# Viewers read. Reviewers also approve posts. Editors also post and connect accounts. Owners also manage members, keys
# and the workspace; they see all clients.
ROLES = ("viewer", "reviewer", "editor", "owner")
SESSION_LIFETIME = timedelta(days=30)
# The precision of `seen_at`, so that not every request writes to the database.
SEEN_EVERY = timedelta(minutes=5)
INVITATION_LIFETIME = timedelta(days=7)
NAME_MAX = 100
NO_NAME = f"Give a name of at most {NAME_MAX} characters."
EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,189}")


class NotAllowed(Exception):
    """A rejected action. The message is for the person at the browser: the reason and the fix."""


@dataclass(frozen=True)
class Person:
    """The name, e-mail address and password that a new user entered."""

    name: str
    email: str
    password: str = field(repr=False)

    def problems(self) -> list[Problem]:
        """Return a problem for each invalid field."""
        found = []
        if not 0 < len(self.name) <= NAME_MAX:
            found.append(Problem("name", "invalid", NO_NAME))
        if not EMAIL.fullmatch(self.email):
            found.append(Problem("email", "invalid", "Give an e-mail address such as name@example.org."))
        if weak := weakness(self.password, _personal_words(self.name, self.email)):
            found.append(Problem("password", "too_weak", weak))
        return found


def _personal_words(name: str, email: str) -> list[str]:
    """Return the words that a guesser of this person's password tries first."""
    words = [name, email, *re.split(r"[\W_]+", f"{name} {email}"), "clipcast"]
    return [word for word in words if word]


def person(name: str, email: str, password: str) -> Person:
    """Return the entered values: a tidied name, and the address in lower case and without surrounding spaces."""
    return Person(tidy_name(name), email.strip().lower(), password)


async def set_up(session: AsyncSession, owner: Person, workspace: str) -> tuple[User, Workspace]:
    """Create the first user and a workspace. Raises NotAllowed if a user exists.

    The user also becomes the owner of all workspaces that were created on the command line before.
    """
    await session.execute(TAKE, {"lock": Lock.SETUP})
    if await repository.anybody(session):
        raise NotAllowed("This installation already has an owner. Sign in, or ask an owner for an invitation.")
    user = await _add(session, owner)
    made = await create_workspace(session, workspace)
    await session.flush()
    await session.execute(
        text("INSERT INTO memberships (user_id, workspace_id, role, created_at) "
             "SELECT :user, id, 'owner', :now FROM workspaces"),
        {"user": user.id, "now": clock.now()},
    )  # fmt: skip
    return user, made


async def _add(session: AsyncSession, person: Person) -> User:
    user = User(email=person.email, name=person.name, password_hash=await hashed(person.password))
    session.add(user)
    await session.flush()
    return user


async def check_password(session: AsyncSession, email: str, password: str) -> User:
    """Return the user with this e-mail address and password. Raises NotAllowed, which does not name the wrong one."""
    user = await repository.find_user(session, email.strip().lower())
    if not await matches(user.password_hash if user else None, password) or user is None:
        raise NotAllowed("The e-mail address or the password is wrong.")
    return user


async def change_password(session: AsyncSession, user: User, old: str, new: str, besides: UUID) -> None:
    """Change the password and end every session except `besides`. Raises NotAllowed."""
    if not await matches(user.password_hash, old):
        raise NotAllowed("The current password is wrong.")
    await set_password(session, user, new, besides)


async def set_password(session: AsyncSession, user: User, new: str, besides: UUID | None = None) -> None:
    """Set the password and end every session except `besides`. Raises NotAllowed for a weak password."""
    if weak := weakness(new, _personal_words(user.name, user.email)):
        raise NotAllowed(weak)
    user.password_hash = await hashed(new)
    await repository.end_sessions(session, user.id, besides)


def sign_in(session: AsyncSession, user: User, address: str, agent: str) -> str:
    """Create a session and return the token for the browser's cookie."""
    token = secrets.token_urlsafe(32)
    session.add(
        SignInSession(
            digest=digest_of(token),
            user_id=user.id,
            address=address[:100],
            agent=agent[:300],
            expires_at=clock.now() + SESSION_LIFETIME,
        )
    )
    return token


async def session_of(session: AsyncSession, token: str) -> SignInSession | None:
    """Return the session of a token and extend its lifetime. Return None if it has ended or never existed."""
    now = clock.now()
    found = await repository.find_session(session, digest_of(token), now)
    if found is not None and now - found.seen_at > SEEN_EVERY:
        found.seen_at, found.expires_at = now, now + SESSION_LIFETIME
    return found


async def open_workspace(session: AsyncSession, user: User, name: str) -> Workspace:
    """Create a workspace with `user` as its owner."""
    workspace = await create_workspace(session, name)
    session.add(Membership(user_id=user.id, workspace_id=workspace.id, role="owner"))
    return workspace


async def change_workspace(
    session: AsyncSession, workspace_id: UUID, actor: Actor, changes: Mapping[str, str]
) -> Workspace:
    """Change settings of a workspace, such as `duplicates`, record those that differ, and return it."""
    require_whole(session, "change the workspace")
    workspace = await session.get_one(Workspace, workspace_id)
    changed = {name: value for name, value in changes.items() if getattr(workspace, name) != value}
    for name, value in changed.items():
        setattr(workspace, name, value)
    if changed:
        record(session, workspace.id, actor, "workspace.changed", workspace.name, workspace.id, **changed)
    return workspace


async def invite(
    session: AsyncSession,
    workspace_id: UUID,
    role: str,
    note: str,
    maker: User | None = None,
    client_ids: Collection[UUID] | None = None,
) -> str:
    """Create an invitation for one person and return its token.

    `client_ids` are the clients that the person will see; None for all. The invitation is valid while `maker` is an
    owner of the workspace. `maker` is None for the operator's.
    """
    token = secrets.token_urlsafe(32)
    session.add(
        Invitation(
            digest=digest_of(token),
            workspace_id=workspace_id,
            role=role,
            client_ids=None if client_ids is None or role == "owner" else sorted(client_ids),
            maker_id=maker and maker.id,
            note=note[:NAME_MAX],
            expires_at=clock.now() + INVITATION_LIFETIME,
        )
    )
    return token


async def look_at_invitation(session: AsyncSession, token: str, lock: bool = False) -> Invitation:
    """Return the invitation of a token. Raises NotAllowed if it is wrong, used or expired, or its maker is no owner."""
    found = await repository.find_invitation(session, digest_of(token), clock.now(), lock)
    if found is None:
        raise NotAllowed("This invitation is wrong, was used already or has expired. Ask for a new one.")
    return found


async def join(session: AsyncSession, token: str, user: User) -> Invitation:
    """Make `user` a member and use up the invitation. Raises NotAllowed, also for a member of the workspace."""
    invitation = await look_at_invitation(session, token, lock=True)
    if user.id in await repository.lock_members(session, invitation.workspace_id):
        raise NotAllowed("You are a member of this workspace already.")
    role, clients = invitation.role, invitation.client_ids
    session.add(Membership(user_id=user.id, workspace_id=invitation.workspace_id, role=role, client_ids=clients))
    await session.delete(invitation)
    return invitation


async def join_as_new(session: AsyncSession, token: str, newcomer: Person) -> tuple[User, Invitation]:
    """Create a user who joins the workspace. Raises NotAllowed for an invalid invitation or an address in use."""
    await look_at_invitation(session, token, lock=True)
    if await repository.find_user(session, newcomer.email):
        raise NotAllowed("A user with this e-mail address already exists. Sign in first, then open the link again.")
    user = await _add(session, newcomer)
    return user, await join(session, token, user)


async def change_role(session: AsyncSession, workspace_id: UUID, user_id: UUID, role: str | None) -> Membership:
    """Change a member's role, or remove the member if `role` is None. Raises NotAllowed if no owner would remain."""
    members = await repository.lock_members(session, workspace_id)
    member = members.get(user_id)
    if member is None:
        raise NotAllowed("There is no such member.")
    owners = [one for one in members.values() if one.role == "owner" and one is not member]
    if member.role == "owner" and role != "owner" and not owners:
        raise NotAllowed("A workspace needs an owner. Make another member an owner first.")
    if role is None:
        await session.delete(member)
    else:
        member.role = role
        if role == "owner":
            member.client_ids = None
    return member


async def limit_member(
    session: AsyncSession, workspace_id: UUID, user_id: UUID, client_ids: Collection[UUID] | None
) -> Membership:
    """Limit a member to some clients; None to all. Raises NotAllowed for an owner."""
    member = (await repository.lock_members(session, workspace_id)).get(user_id)
    if member is None:
        raise NotAllowed("There is no such member.")
    if member.role == "owner" and client_ids is not None:
        raise NotAllowed("Owners see all clients. Choose another role first.")
    member.client_ids = None if client_ids is None else sorted(client_ids)
    return member
