"""Stored secrets after a rotation of the key: they are encrypted again, and none is lost in silence."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import LargeBinary, literal, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from structlog.testing import CapturingLogger

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.settings import Settings, load
from clipcast.common.vault import Vault
from clipcast.database import Database
from clipcast.database.models import Base
from clipcast.database.models.connections import ConnectAttempt, Connection
from clipcast.database.models.events import Webhook
from clipcast.database.models.jobs import Job, JournalEntry
from clipcast.database.models.notices import PushKey
from clipcast.database.models.posts import Item
from clipcast.database.models.requests import IdempotentResponseRow
from clipcast.installation import sealed
from clipcast.installation.sealed import COLUMNS, count_sealed, seal_again
from clipcast.installation.secret_key import unlock
from clipcast.jobs.kinds import FINISH, NETWORK
from clipcast.testing.harness import Stage
from tests.database.plans import fill_table, plan_of

OLD, NEW = "k" * 32, "n" * 32
# Columns of bytes that no key has encrypted: digests, names, fingerprints of requests, and the file of a plan.
NOT_SEALED = {"digest", "fingerprint", "name", "content", "state_digest"}


def having(data_dir: Path, key: str) -> Settings:
    return load({}, data_dir=data_dir, secret_key=key)


def test_every_column_of_bytes_is_sealed_or_known_not_to_be() -> None:
    known = {one.column for one in COLUMNS}
    found = {
        getattr(mapper.class_, attribute.key)
        for mapper in Base.registry.mappers
        for attribute in mapper.column_attrs
        for kind in [attribute.columns[0].type]
        if isinstance(kind.item_type if isinstance(kind, ARRAY) else kind, LargeBinary)
    }
    assert {str(one) for one in found if one.key not in NOT_SEALED} == {str(one) for one in known}


async def fill(stage: Stage, vault: Vault) -> None:
    """Store secrets of most kinds, some in more than one row."""
    await stage.post(await stage.connect("tiktok"), "tiktok", {"title": "T", "privacyLevel": "SELF_ONLY"})
    workspace = stage.caller.workspace_id
    async with stage.installation.database.begin() as session:
        for number in range(3):
            session.add(
                IdempotentResponseRow(
                    workspace_id=workspace, key=str(number), fingerprint=b"", sealed=vault.seal({"number": number}),
                    created_at=clock.now(),
                )
            )  # fmt: skip
        session.add(PushKey(private=vault.seal("private")))
        until = [clock.now() + timedelta(hours=1), clock.now() + timedelta(hours=2)]
        session.add(
            Webhook(
                workspace_id=workspace, url="https://example.org", secret=vault.seal("now"), former_until=until[1],
                former_secret=vault.seal("before"), older_secrets=[vault.seal("a"), vault.seal("b")], older_until=until,
            )
        )  # fmt: skip
        session.add(
            ConnectAttempt(
                state_digest=b"1", workspace_id=workspace, platform="tiktok", redirect_uri="", sealed=vault.seal({}),
                expires_at=until[0],
            )
        )  # fmt: skip


async def webhook_of(stage: Stage) -> Webhook:
    async with stage.installation.database.session() as session:
        return (await session.scalars(select(Webhook))).one()


async def test_rotation_encrypts_all_again(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "AT_ONCE", 2)
    database = stage.installation.database
    old = await unlock(having(tmp_path, OLD), database)
    await fill(stage, old)
    changed_at = (await webhook_of(stage)).updated_at
    clock.move(timedelta(minutes=1))
    both = await unlock(having(tmp_path, f"{OLD},{NEW}"), database)
    assert (await seal_again(database, both)).former.total() == 0
    turned = await unlock(having(tmp_path, f"{NEW},{OLD}"), database)
    expected = {
        "accounts": 1, "webhooks": 1, "former secrets of webhooks": 2, "saved responses": 3, "keys of push messages": 1,
        "unfinished authorizations": 1,
    }  # fmt: skip
    assert (await count_sealed(database, turned)).former == expected
    # A process that has not been restarted yet changes nothing back.
    await seal_again(database, turned)
    await seal_again(database, both)
    report = await count_sealed(database, turned)
    assert (report.former.total(), report.lost.total()) == (0, 0)
    new = await unlock(having(tmp_path, NEW), database)
    webhook = await webhook_of(stage)
    opened = [new.open(one) for one in (webhook.secret, webhook.former_secret or b"", *webhook.older_secrets)]
    assert opened == ["now", "before", "a", "b"]
    assert webhook.updated_at == changed_at
    assert (await count_sealed(database, new)).lost.total() == 0


async def test_key_that_is_missing_is_named(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = stage.installation.database
    old = await unlock(having(tmp_path, OLD), database)
    await fill(stage, old)
    await unlock(having(tmp_path, f"{NEW},{OLD}"), database)
    new = await unlock(having(tmp_path, NEW), database)
    log = CapturingLogger()
    monkeypatch.setattr(sealed, "log", log)
    report = await seal_again(database, new)
    assert (report.lost["webhooks"], report.lost["accounts"], report.missing_keys) == (1, 1, old.fingerprints)
    [said] = log.calls
    assert (said.method_name, said.args, said.kwargs["former_keys"]) == (
        "error", ("secret_key_missing",), old.fingerprints,
    )  # fmt: skip
    assert "webhooks: 1" in said.kwargs["secrets"]
    # What has ended needs no key.
    clock.move(timedelta(hours=3))
    report = await count_sealed(database, new)
    assert "former secrets of webhooks" not in report.lost
    assert "unfinished authorizations" not in report.lost
    assert (await count_sealed(database, Vault([NEW, OLD]))).missing_keys == []


async def test_journal_of_an_item_that_can_go_on_is_encrypted_again(stage: Stage, tmp_path: Path) -> None:
    database = stage.installation.database
    vault = await unlock(having(tmp_path, OLD), database)
    post = await stage.post(await stage.connect("tiktok"), "tiktok", {"title": "T", "privacyLevel": "SELF_ONLY"})
    item = (await stage.item(post))["id"]
    async with database.begin() as session:
        session.add(JournalEntry(job_id=item, round=1, name="begin", result=vault.seal({"id": 1}), publishes=False))
    turned = await unlock(having(tmp_path, f"{NEW},{OLD}"), database)
    assert (await count_sealed(database, turned)).former["results of steps"] == 1
    await seal_again(database, turned)
    async with database.session() as session:
        entry = (await session.scalars(select(JournalEntry))).one()
    assert Vault([NEW]).open(entry.result or b"") == {"id": 1}


async def test_journal_is_needed_by_unfinished_jobs_and_failed_items(stage: Stage, tmp_path: Path) -> None:
    """The job that finishes a published item reads the journal of the job before."""
    database = stage.installation.database
    vault = await unlock(having(tmp_path, OLD), database)
    post = await stage.post(await stage.connect("tiktok"), "tiktok", {"title": "T", "privacyLevel": "SELF_ONLY"})
    item = UUID((await stage.item(post))["id"])
    finish, mine = new_id(), UUID(stage.caller.workspace_id)
    async with database.begin() as session:
        session.add(JournalEntry(job_id=item, round=1, name="begin", result=vault.seal({"id": 1}), publishes=False))
        session.add(
            Job(
                id=finish, workspace_id=mine, kind=FINISH, subject_id=item, queue=NETWORK, priority=1, state="waiting",
                due_at=clock.now(), after_id=item,
            )
        )  # fmt: skip
    turned = await unlock(having(tmp_path, f"{NEW},{OLD}"), database)
    for status, of_item, of_finish, number in (
        ("published", "done", "waiting", 1), ("published", "done", "done", 0), ("failed", "done", "done", 1),
        ("failed", "dead", "done", 1), ("processing", "blocked", "done", 1),
    ):  # fmt: skip
        async with database.begin() as session:
            (await session.get_one(Item, item)).status = status
            (await session.get_one(Job, item)).state = of_item
            (await session.get_one(Job, finish)).state = of_finish
        assert (await count_sealed(database, turned)).former["results of steps"] == number, (status, of_finish)


async def test_jobs_that_can_go_on_are_read_along_an_index(database: Database) -> None:
    ids = [new_id() for _ in range(3000)]

    def one_in_ten(rare: str, usual: str) -> Callable[[int], str]:
        return lambda row: usual if row % 10 else rare

    async with database.session() as session:
        await fill_table(session, Item, len(ids), id=ids.__getitem__, status=one_in_ten("failed", "published"))
        await fill_table(
            session, Job, 2 * len(ids), id=lambda row: ids[row] if row < len(ids) else new_id(),
            state=lambda row: "done" if row < len(ids) or row % 10 else "waiting",
        )  # fmt: skip
        for (query, order), index in zip(sealed.GOING_ON, ("uq_jobs_unfinished", "ix_items_failed"), strict=True):
            after = [literal("a" if key is Job.kind else new_id(), key.type) for key in order]
            page = query.where(tuple_(*order) > tuple_(*after)).order_by(*order).limit(10)
            plan, _ = await plan_of(session, lambda page=page: session.execute(page))
            assert f"using {index}" in plan
            assert "Sort" not in plan


async def test_nobody_looks_again_until_a_rotation(stage: Stage, tmp_path: Path) -> None:
    database = stage.installation.database
    old, both = await unlock(having(tmp_path, OLD), database), Vault([OLD, NEW])
    await fill(stage, old)

    async def lose() -> None:
        async with database.begin() as session:
            (await session.scalars(select(Webhook))).one().secret = Vault(["x" * 32]).seal("")

    await seal_again(database, both)
    await lose()
    assert (await seal_again(database, old)).lost.total() == 1
    async with database.begin() as session:
        (await session.scalars(select(Webhook))).one().secret = old.seal("")
    assert (await seal_again(database, old)).lost.total() == 0
    await lose()
    assert (await count_sealed(database, old)).lost.total() == 0
    assert (await count_sealed(database, both)).lost.total() == 1
    for keys in (f"{NEW},{OLD}", f"{OLD},{NEW}", OLD):
        vault = await unlock(having(tmp_path, keys), database)
        assert (await count_sealed(database, vault)).lost.total() == 1


async def test_value_that_changes_meanwhile_is_kept(stage: Stage, tmp_path: Path) -> None:
    """A refresh may write new tokens between the reading and the writing."""
    database = stage.installation.database
    await unlock(having(tmp_path, OLD), database)
    connection = await stage.connect("tiktok")
    turned = await unlock(having(tmp_path, f"{NEW},{OLD}"), database)
    report = sealed.Report()
    async for column, found in sealed._others(database, turned, report):
        newer = turned.seal({"access_token": "newer"})
        async with database.begin() as session:
            (await session.get_one(Connection, connection)).tokens = newer
        assert not await sealed._replace(database, turned, column, found)
    async with database.session() as session:
        assert turned.open((await session.get_one(Connection, connection)).tokens) == {"access_token": "newer"}
