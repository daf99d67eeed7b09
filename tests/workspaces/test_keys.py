"""API keys and workspaces: creation, look-up and lists, on a real database."""

from datetime import timedelta
from uuid import uuid4

from sqlalchemy import text

from clipcast.clock import clock
from clipcast.database import Database
from clipcast.workspaces import repository
from clipcast.workspaces.service import (
    KEY_PREFIX,
    SCOPES,
    create_key,
    create_workspace,
    digest_of,
    new_secret,
    revoke,
)


async def test_key_is_stored_as_digest_and_hint_only(database: Database) -> None:
    """No column of the key's row contains the key; the hint is its last 4 characters."""
    async with database.begin() as session:
        workspace = await create_workspace(session, "Studio")
        key, secret = await create_key(session, "n8n", [workspace.id])
    async with database.connect() as connection:
        [row] = (await connection.execute(text("SELECT to_jsonb(api_keys)::text FROM api_keys"))).scalars()
    assert secret not in row
    assert secret.removeprefix(KEY_PREFIX) not in row
    assert (key.hint, key.digest) == (secret[-4:], digest_of(secret))


def test_new_keys_are_long_and_differ() -> None:
    """A key has the prefix that secret scanners find, and at least 256 random bits."""
    keys = {new_secret() for _ in range(100)}
    assert len(keys) == 100
    assert all(key.startswith(KEY_PREFIX) and len(key.removeprefix(KEY_PREFIX)) >= 43 for key in keys)


async def test_chosen_secret_becomes_the_key(database: Database) -> None:
    """The demo shows a key that it created before the installation existed."""
    secret = new_secret()
    async with database.begin() as session:
        workspace = await create_workspace(session, "Studio")
        key, returned = await create_key(session, "demo", [workspace.id], secret=secret)
    found = await repository.find_key(database, digest_of(secret))
    assert returned == secret
    assert found is not None
    assert found.key_id == key.id


async def test_found_key_has_its_scopes_and_all_its_workspaces(database: Database) -> None:
    """One query returns the key's name, scopes and workspaces, and none of other keys."""
    async with database.begin() as session:
        one, two, three = [await create_workspace(session, name) for name in ("One", "Two", "Three")]
        _, first = await create_key(session, "first", [one.id, two.id], ("posts:read",))
        _, second = await create_key(session, "second", [three.id])
        await create_key(session, "without", [])
    found = await repository.find_key(database, digest_of(first))
    assert found is not None
    assert (found.name, found.scopes) == ("first", frozenset({"posts:read"}))
    assert found.workspaces == {one.id: "One", two.id: "Two"}
    other = await repository.find_key(database, digest_of(second))
    assert other is not None
    assert (other.scopes, other.workspaces) == (frozenset(SCOPES), {three.id: "Three"})
    assert await repository.find_key(database, digest_of("clipcast_unknown")) is None


async def test_key_without_a_workspace_is_not_found(database: Database) -> None:
    """A key whose workspaces are gone has access to nothing."""
    async with database.begin() as session:
        _, secret = await create_key(session, "without", [])
    assert await repository.find_key(database, digest_of(secret)) is None


async def test_key_is_usable_until_it_expires_or_is_revoked(database: Database) -> None:
    """The instant of expiry is the first at which the key does not work."""
    end = clock.now() + timedelta(days=1)
    async with database.begin() as session:
        workspace = await create_workspace(session, "Studio")
        key, secret = await create_key(session, "key", [workspace.id], expires_at=end)
    found = await repository.find_key(database, digest_of(secret))
    assert found is not None
    assert found.usable_at(end - timedelta(microseconds=1))
    assert not found.usable_at(end)
    async with database.begin() as session:
        stored = await repository.get_key(session, str(key.id))
        assert stored is not None
        revoke(stored)
    revoked = await repository.find_key(database, digest_of(secret))
    assert revoked is not None
    assert not revoked.usable_at(clock.now())


async def test_second_revocation_keeps_the_first_time(database: Database) -> None:
    """The audit of a leaked key needs the time at which the key stopped working."""
    async with database.begin() as session:
        workspace = await create_workspace(session, "Studio")
        key, _ = await create_key(session, "key", [workspace.id])
        revoke(key)
        first = key.revoked_at
        clock.move(timedelta(hours=1))
        revoke(key)
    assert key.revoked_at == first


async def test_workspaces_are_found_by_id_or_exact_name(database: Database) -> None:
    """Names need not be unique: the caller decides what several matches mean."""
    async with database.begin() as session:
        first, second = [await create_workspace(session, "Studio") for _ in range(2)]
        # A name that is another workspace's id matches both.
        third = await create_workspace(session, str(first.id))
    async with database.session() as session:

        async def found(name_or_id: str) -> set[object]:
            return {one.id for one in await repository.find_workspaces(session, name_or_id)}

        assert await found("Studio") == {first.id, second.id}
        assert await found(str(second.id)) == {second.id}
        assert await found(str(first.id)) == {first.id, third.id}
        for unknown in ("studio", "Stud", "", str(uuid4()), "%"):
            assert await found(unknown) == set(), unknown
        assert [one.id for one in await repository.list_workspaces(session)] == [first.id, second.id, third.id]


async def test_keys_of_a_workspace_exclude_those_of_others(database: Database) -> None:
    """A workspace's owner sees and revokes the keys that have access to it, and no other."""
    async with database.begin() as session:
        mine, other = [await create_workspace(session, name) for name in ("Mine", "Other")]
        keys = [(await create_key(session, f"key {n}", [mine.id]))[0] for n in range(3)]
        shared, _ = await create_key(session, "shared", [mine.id, other.id])
        foreign, _ = await create_key(session, "foreign", [other.id])
    async with database.session() as session:
        page, total = await repository.list_keys_of(session, mine.id, 1, 2)
        assert (total, [key.name for key in page]) == (4, ["key 2", "key 1"])
        for key in (*keys, shared):
            found = await repository.get_key_of(session, mine.id, str(key.id))
            assert found is not None
            assert found.id == key.id
        for unknown in (str(foreign.id), str(uuid4()), "nonsense", ""):
            assert await repository.get_key_of(session, mine.id, unknown) is None, unknown


async def test_operators_list_names_the_workspaces_of_every_key(database: Database) -> None:
    """The list has one entry for a key, however many workspaces it has access to."""
    async with database.begin() as session:
        one, two = [await create_workspace(session, name) for name in ("One", "Two")]
        await create_key(session, "both", [two.id, one.id])
        await create_key(session, "second", [two.id])
    async with database.session() as session:
        listed = [(key.name, names) for key, names in await repository.list_keys(session)]
        assert listed == [("both", ["One", "Two"]), ("second", ["Two"])]
        for unknown in ("nonsense", str(uuid4())):
            assert await repository.get_key(session, unknown) is None
