"""Setup, sign-in, sessions, invitations and roles, on a real database."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from clipcast.clock import clock
from clipcast.database import Database
from clipcast.database.models.people import Invitation, Membership, SignInSession, User
from clipcast.people import repository, service
from clipcast.people.service import INVITATION_LIFETIME, SEEN_EVERY, SESSION_LIFETIME, NotAllowed, Person, person
from clipcast.workspaces.service import create_workspace

pytestmark = pytest.mark.usefixtures("cheap_passwords")

PASSWORD, OTHER = "copper-lantern-47-orchid", "plinth-orbit-93-walnut"


def newcomer(name: str = "owner") -> Person:
    return person(name.title(), f"{name}@example.org", PASSWORD)


async def set_up(database: Database) -> tuple[User, UUID]:
    """Create the installation's owner with a workspace."""
    async with database.begin() as session:
        user, workspace = await service.set_up(session, newcomer(), "Studio")
    return user, workspace.id


async def join(database: Database, workspace_id: UUID, name: str, role: str) -> User:
    """Create a user who joins the workspace by an invitation of the operator."""
    async with database.begin() as session:
        token = await service.invite(session, workspace_id, role, name)
        return (await service.join_as_new(session, token, newcomer(name)))[0]


async def roles(database: Database, workspace_id: UUID) -> dict[str, str]:
    async with database.session() as session:
        members, total = await repository.list_members(session, workspace_id, 0, 50)
    assert total == len(members)
    return {member.user.email.partition("@")[0]: member.role for member in members}


async def invitations(database: Database) -> int:
    async with database.session() as session:
        return int((await session.execute(select(func.count()).select_from(Invitation))).scalar_one())


# Setup


def test_entered_name_and_address_are_normalized() -> None:
    """Spaces around the name and the address are removed; the address is in lower case."""
    entered = person("  Ada\u202e ", " Ada@Example.ORG\n", "  spaces stay ")
    assert (entered.name, entered.email, entered.password) == ("Ada", "ada@example.org", "  spaces stay ")
    assert "spaces stay" not in repr(entered)


@pytest.mark.parametrize(
    ("name", "email", "fields"),
    [
        ("Ada", "ada@example.org", []),
        ("", "ada", ["name", "email"]),
        ("x" * 101, "a b@example.org", ["name", "email"]),
        ("Ada", "ada@example.org\x00", ["email"]),
        ("x" * 100, "a" * 64 + "@" + "b" * 189, []),
        ("Ada", "a" * 65 + "@example.org", ["email"]),
        ("Ada", "ada@@example.org", ["email"]),
    ],
)
def test_invalid_fields_of_a_new_user_are_all_reported(name: str, email: str, fields: list[str]) -> None:
    """Every invalid field gets its own problem, at once."""
    assert [problem.path for problem in Person(name, email, PASSWORD).problems()] == fields


def test_password_with_a_part_of_the_address_is_weak() -> None:
    """The parts of the user's name and address are guesses for the password."""
    entered = Person("Ada", "marguerite.lindqvist@example.org", "lindqvist-2026")
    assert [problem.path for problem in entered.problems()] == ["password"]


async def test_first_user_owns_workspaces_created_before(database: Database) -> None:
    """Workspaces from the command line become the first user's, beside the new one."""
    async with database.begin() as session:
        before = await create_workspace(session, "Made before")
    user, workspace_id = await set_up(database)
    async with database.session() as session:
        found = await repository.memberships_of(session, user.id)
    assert [(one.id, role) for one, role in found] == [(before.id, "owner"), (workspace_id, "owner")]


async def test_parallel_setups_create_one_owner(database: Database) -> None:
    """Of several browsers that set up one installation at the same time, one succeeds."""

    async def attempt(number: int) -> bool:
        try:
            async with database.begin() as session:
                await service.set_up(session, newcomer(f"user{number}"), f"Workspace {number}")
        except NotAllowed:
            return False
        return True

    assert sorted(await asyncio.gather(*(attempt(number) for number in range(4)))) == [False] * 3 + [True]
    async with database.session() as session:
        assert len(await repository.list_users(session)) == 1


# Passwords and sessions


async def test_sign_in_ignores_case_and_spaces_of_the_address(database: Database) -> None:
    """Browsers and people add both to an address."""
    user, _ = await set_up(database)
    async with database.session() as session:
        assert (await service.check_password(session, "  OWNER@example.org ", PASSWORD)).id == user.id


async def test_sign_in_does_not_reveal_which_users_exist(database: Database) -> None:
    """A wrong password and an unknown address get the same message."""
    await set_up(database)
    messages = set()
    async with database.session() as session:
        for email, password in (("owner@example.org", OTHER), ("other@example.org", PASSWORD), ("", "")):
            with pytest.raises(NotAllowed) as caught:
                await service.check_password(session, email, password)
            messages.add(str(caught.value))
    assert len(messages) == 1


async def test_session_is_extended_at_most_once_within_the_precision(database: Database) -> None:
    """Requests within SEEN_EVERY do not write to the session's row; later ones extend its lifetime."""
    user, _ = await set_up(database)
    async with database.begin() as session:
        token = service.sign_in(session, user, "192.0.2.1", "Browser")

    async def use() -> SignInSession:
        async with database.begin() as session:
            found = await service.session_of(session, token)
            assert found is not None
            return found

    created = await use()
    clock.move(SEEN_EVERY - timedelta(seconds=5))
    assert (await use()).seen_at == created.seen_at
    clock.move(timedelta(seconds=10))
    used = await use()
    assert used.seen_at - created.seen_at >= SEEN_EVERY
    assert used.expires_at == used.seen_at + SESSION_LIFETIME


async def test_session_stores_no_token_and_bounded_texts(database: Database) -> None:
    """The row holds a digest of the token; long addresses and agents are cut."""
    user, _ = await set_up(database)
    async with database.begin() as session:
        token = service.sign_in(session, user, "a" * 500, "b" * 500)
    async with database.session() as session:
        [row] = await repository.list_sessions(session, user.id, clock.now())
        assert token.encode() not in row.digest
        assert (len(row.address), len(row.agent)) == (100, 300)
        assert await service.session_of(session, token + "x") is None
        assert await service.session_of(session, "") is None


async def test_weak_new_password_changes_nothing(database: Database) -> None:
    """The old password and all sessions remain valid."""
    user, _ = await set_up(database)
    async with database.begin() as session:
        token = service.sign_in(session, user, "", "")
    with pytest.raises(NotAllowed, match="easy to guess"):
        async with database.begin() as session:
            await service.set_password(session, await session.get_one(User, user.id), user.email)
    async with database.session() as session:
        await service.check_password(session, user.email, PASSWORD)
        assert await service.session_of(session, token) is not None


@pytest.mark.parametrize("password", ["tidewrack123", "Velvetgrove-2024"])
async def test_new_password_of_words_of_the_person_is_rejected_as_at_the_first_sign_in(
    database: Database, password: str
) -> None:
    """Single words of the name and of the address are guesses."""
    someone = person("Tidewrack Pottery", "studio@velvetgrove.example", password)
    [problem] = someone.problems()
    async with database.begin() as session:
        user = User(email=someone.email, name=someone.name, password_hash="-")
        with pytest.raises(NotAllowed) as error:
            await service.set_password(session, user, password)
    assert str(error.value) == problem.message


async def test_password_set_by_the_operator_ends_every_session(database: Database) -> None:
    """A forgotten password may be a stolen one: no browser stays signed in."""
    user, _ = await set_up(database)
    async with database.begin() as session:
        tokens = [service.sign_in(session, user, "", "") for _ in range(3)]
    async with database.begin() as session:
        await service.set_password(session, await session.get_one(User, user.id), OTHER)
    async with database.session() as session:
        assert [await service.session_of(session, token) for token in tokens] == [None] * 3
        assert (await service.check_password(session, user.email, OTHER)).id == user.id


async def test_sessions_are_listed_by_last_use_without_ended_ones(database: Database) -> None:
    """The list of a user's sessions begins with the one used last and holds no other user's."""
    user, workspace_id = await set_up(database)
    other = await join(database, workspace_id, "other", "viewer")
    async with database.begin() as session:
        service.sign_in(session, user, "ended", "")
    clock.move(SESSION_LIFETIME + timedelta(minutes=1))
    async with database.begin() as session:
        early = service.sign_in(session, user, "early", "")
        service.sign_in(session, other, "other", "")
    clock.move(timedelta(hours=1))
    async with database.begin() as session:
        service.sign_in(session, user, "late", "")

    async def addresses() -> list[str]:
        async with database.session() as session:
            return [one.address for one in await repository.list_sessions(session, user.id, clock.now())]

    assert await addresses() == ["late", "early"]
    clock.move(timedelta(hours=1))
    async with database.begin() as session:
        await service.session_of(session, early)
    assert await addresses() == ["early", "late"]


# Invitations


async def test_invitation_expires_after_its_lifetime(database: Database) -> None:
    """A link that nobody used within 7 days gives no access any more."""
    _, workspace_id = await set_up(database)
    async with database.begin() as session:
        token = await service.invite(session, workspace_id, "editor", "x" * 200)
    clock.move(INVITATION_LIFETIME - timedelta(minutes=1))
    async with database.session() as session:
        found = await service.look_at_invitation(session, token)
        assert (found.role, len(found.note)) == ("editor", 100)
        assert len(await repository.list_invitations(session, workspace_id, clock.now())) == 1
    clock.move(timedelta(minutes=2))
    async with database.session() as session:
        with pytest.raises(NotAllowed, match="expired"):
            await service.look_at_invitation(session, token)
        assert await repository.list_invitations(session, workspace_id, clock.now()) == []


async def test_operators_invitation_needs_no_owner(database: Database) -> None:
    """The command line can invite an owner into a workspace that has no member."""
    async with database.begin() as session:
        workspace = await create_workspace(session, "Empty")
    await join(database, workspace.id, "first", "owner")
    assert await roles(database, workspace.id) == {"first": "owner"}


async def test_member_cannot_use_up_an_invitation(database: Database) -> None:
    """An owner who opens the own link gets an error, and the link stays valid for the other person."""
    user, workspace_id = await set_up(database)
    async with database.begin() as session:
        token = await service.invite(session, workspace_id, "viewer", "", user)
    for _ in range(2):
        with pytest.raises(NotAllowed, match="member of this workspace already"):
            async with database.begin() as session:
                await service.join(session, token, user)
    assert await roles(database, workspace_id) == {"owner": "owner"}
    async with database.begin() as session:
        await service.join_as_new(session, token, newcomer("other"))
    assert await roles(database, workspace_id) == {"owner": "owner", "other": "viewer"}
    assert await invitations(database) == 0


async def test_address_in_use_leaves_the_invitation_valid(database: Database) -> None:
    """A new user with another user's address is rejected, and can correct the address."""
    _, workspace_id = await set_up(database)
    async with database.begin() as session:
        token = await service.invite(session, workspace_id, "editor", "")
    with pytest.raises(NotAllowed, match="already exists"):
        async with database.begin() as session:
            await service.join_as_new(session, token, newcomer("owner"))
    async with database.begin() as session:
        await service.join_as_new(session, token, newcomer("other"))
    assert await roles(database, workspace_id) == {"owner": "owner", "other": "editor"}


async def test_parallel_users_of_one_invitation_add_one_member(database: Database) -> None:
    """Two people who open the same link at the same time: one joins, the other gets an error."""
    _, workspace_id = await set_up(database)
    async with database.begin() as session:
        token = await service.invite(session, workspace_id, "editor", "")

    async def attempt(name: str) -> bool:
        try:
            async with database.begin() as session:
                await service.join_as_new(session, token, newcomer(name))
        except NotAllowed:
            return False
        return True

    assert sorted(await asyncio.gather(attempt("one"), attempt("two"), attempt("three"))) == [False, False, True]
    assert len(await roles(database, workspace_id)) == 2


# Roles


async def test_owners_who_remove_each_other_leave_one(database: Database) -> None:
    """Two owners who demote each other at the same time cannot leave the workspace without an owner."""
    first, workspace_id = await set_up(database)
    second = await join(database, workspace_id, "second", "owner")

    async def demote(user_id: UUID, role: str | None) -> bool:
        try:
            async with database.begin() as session:
                await service.change_role(session, workspace_id, user_id, role)
        except NotAllowed:
            return False
        return True

    assert sorted(await asyncio.gather(demote(first.id, "viewer"), demote(second.id, None))) == [False, True]
    assert list((await roles(database, workspace_id)).values()).count("owner") == 1


async def test_change_of_role_is_limited_to_members_of_the_workspace(database: Database) -> None:
    """A member of another workspace is not a member of this one."""
    user, workspace_id = await set_up(database)
    async with database.begin() as session:
        second = await service.open_workspace(session, user, "Second")
    other = await join(database, second.id, "other", "editor")
    async with database.begin() as session:
        for user_id in (other.id, uuid4()):
            with pytest.raises(NotAllowed, match="no such member"):
                await service.change_role(session, workspace_id, user_id, "owner")
    assert await roles(database, second.id) == {"owner": "owner", "other": "editor"}


async def test_removed_member_keeps_other_workspaces(database: Database) -> None:
    """Removal ends the membership of one workspace only."""
    user, workspace_id = await set_up(database)
    other = await join(database, workspace_id, "other", "editor")
    async with database.begin() as session:
        second = await service.open_workspace(session, other, "Second")
    async with database.begin() as session:
        removed = await service.change_role(session, workspace_id, other.id, None)
        assert isinstance(removed, Membership)
    async with database.session() as session:
        assert await repository.role_of(session, other.id, workspace_id) is None
        assert await repository.role_of(session, other.id, second.id) == "owner"
        assert await repository.role_of(session, user.id, second.id) is None


async def test_workspaces_of_a_user_are_sorted_by_name_ignoring_case(database: Database) -> None:
    """Names that differ only in case stand beside each other."""
    user, _ = await set_up(database)
    async with database.begin() as session:
        for name in ("beta", "Alpha", "Zulu", "alpha"):
            await service.open_workspace(session, user, name)
    async with database.session() as session:
        found = [workspace.name for workspace, _ in await repository.memberships_of(session, user.id)]
    assert found == ["Alpha", "alpha", "beta", "Studio", "Zulu"]
