"""Pictures of accounts: fetched after the account is connected, kept in small, and deleted with it."""

import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from PIL import Image
from pydantic import AnyHttpUrl
from sqlalchemy import delete, select

from clipcast.clips.unwanted import delete_unwanted
from clipcast.clock import clock
from clipcast.connections import avatar_runner, manage
from clipcast.connections.avatar_runner import avatars_part
from clipcast.connections.avatars import order_avatar
from clipcast.database.models.connections import Connection
from clipcast.database.models.jobs import Job, JobState
from clipcast.database.models.workspaces import Workspace
from clipcast.installation import Installation
from clipcast.jobs.retry import DELAYS
from clipcast.platforms.public_fetch import PublicFetcher
from clipcast.publishing.worker import Worker
from clipcast.rendering.children import Children
from clipcast.storage import Storage
from clipcast.testing.harness import Stage
from tests.platforms.raw_server import head, raw_server


def picture(colour: str = "#c81414", kind: str = "PNG") -> bytes:
    content = io.BytesIO()
    Image.new("RGBA" if kind == "PNG" else "RGB", (300, 200), colour).save(content, kind)
    return content.getvalue()


def answer(content: bytes) -> bytes:
    return head(f"Content-Length: {len(content)}", "Connection: close") + content


@pytest.fixture
async def worker(stage: Stage) -> AsyncIterator[Worker]:
    one = stage.installation
    worker = Worker(one.settings, one.database, one.storage, one.vault, [avatars_part(one)])
    yield worker
    await worker.close()


@pytest.fixture
async def account(stage: Stage) -> UUID:
    return UUID(await stage.connect("tiktok", with_picture=True))


async def row_of(installation: Installation, id: UUID) -> Connection:
    async with installation.database.session() as session:
        return await session.get_one(Connection, id)


async def job_of(installation: Installation, id: UUID) -> Job | None:
    async with installation.database.session() as session:
        return (await session.scalars(select(Job).where(Job.subject_id == id))).one_or_none()


async def stored(storage: Storage, key: str) -> bytes:
    reader = await storage.open(key)
    try:
        return reader.read()
    finally:
        reader.close()


async def order(installation: Installation, id: UUID, address: str | None) -> None:
    """Give the account another address, and have its picture fetched, as a new sign-in does."""
    async with installation.database.begin() as session:
        connection = await session.get_one(Connection, id)
        connection.avatar_url = address
        await order_avatar(session, connection)


async def fetch(installation: Installation, trusted: str) -> None:
    """Run a worker whose sandbox is at `trusted`."""
    settings = installation.settings.model_copy(update={"sandbox_url": AnyHttpUrl(trusted)})
    mine = replace(installation, settings=settings)
    worker = Worker(settings, mine.database, mine.storage, mine.vault, [avatars_part(mine)])
    await worker.run_due()
    await worker.close()


async def is_stored(installation: Installation, key: str | None) -> bool:
    await delete_unwanted(installation.database, installation.storage)
    return key is not None and await installation.storage.has(key)


async def test_picture_follows_the_account_until_it_is_removed(stage: Stage, worker: Worker, account: UUID) -> None:
    installation, keys = stage.installation, []
    # Nobody has waited for it.
    assert (await row_of(installation, account)).avatar_key is None
    await worker.run_due()
    connected = await row_of(installation, account)
    assert connected.avatar_key is not None
    with Image.open(io.BytesIO(await stored(installation.storage, connected.avatar_key))) as small:
        assert (small.format, small.size, small.mode) == ("WEBP", (96, 96), "RGB")
    assert await job_of(installation, account) is None
    # Connected again, it is fetched again: the same picture keeps its address.
    assert UUID(await stage.connect("tiktok", with_picture=True)) == account
    assert (await job_of(installation, account)) is not None
    await worker.run_due()
    assert (await row_of(installation, account)).avatar_key == connected.avatar_key
    for content in (picture(), picture("#00000000"), picture(kind="JPEG"), picture(kind="WEBP")):
        async with raw_server(answer(content)) as server:
            await order(installation, account, server + "/me")
            await fetch(installation, server)
        keys.append((await row_of(installation, account)).avatar_key)
    assert [await is_stored(installation, key) for key in (connected.avatar_key, *keys[:-1])] == [False] * 4
    assert await is_stored(installation, keys[-1])
    async with installation.database.begin() as session:
        await manage.remove(installation, session, UUID(stage.caller.workspace_id), str(account))
    assert not await is_stored(installation, keys[-1])
    # A picture that is not on the platform any more goes, too.
    assert UUID(await stage.connect("tiktok", with_picture=True)) == account
    await worker.run_due()
    key = (await row_of(installation, account)).avatar_key
    assert await is_stored(installation, key)
    await order(installation, account, None)
    assert (await row_of(installation, account)).avatar_key is None
    assert not await is_stored(installation, key)


async def test_picture_is_the_middle_on_white(stage: Stage, account: UUID) -> None:
    whole = Image.new("RGBA", (300, 100), "#0000ff")
    whole.paste("#00000000", (100, 0, 200, 100))
    content = io.BytesIO()
    whole.save(content, "PNG")
    async with raw_server(answer(content.getvalue())) as server:
        await order(stage.installation, account, server + "/me")
        await fetch(stage.installation, server)
    key = (await row_of(stage.installation, account)).avatar_key
    assert key
    with Image.open(io.BytesIO(await stored(stage.installation.storage, key))) as small:
        assert small.resize((1, 1)).getpixel((0, 0)) == (255, 255, 255)


async def test_picture_of_deleted_workspace_is_deleted(stage: Stage, worker: Worker, account: UUID) -> None:
    await worker.run_due()
    key = (await row_of(stage.installation, account)).avatar_key
    async with stage.installation.database.begin() as session:
        await session.execute(delete(Workspace).where(Workspace.id == UUID(stage.caller.workspace_id)))
    assert not await is_stored(stage.installation, key)


async def test_what_is_no_picture_of_a_public_host_leaves_the_initials(stage: Stage, account: UUID) -> None:
    large = head("Content-Length: 2000001", "Connection: close") + b"\0" * 2_000_001
    for response in (
        head("Content-Length: 0", "Connection: close", status="404 Not Found"),
        answer(b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
        answer(picture()[:-40]),
        large,
        head("Location: http://127.0.0.1:1/me", "Content-Length: 0", "Connection: close", status="302 Found"),
    ):
        async with raw_server(response) as server:
            await order(stage.installation, account, server + "/me")
            await fetch(stage.installation, server)
        assert await job_of(stage.installation, account) is None, response[:60]
    async with raw_server(answer(picture())) as server:
        await order(stage.installation, account, server + "/me")
        await fetch(stage.installation, "http://127.0.0.1:1")
    assert await job_of(stage.installation, account) is None
    assert (await row_of(stage.installation, account)).avatar_key is None


async def test_failure_that_may_pass_is_tried_again_a_few_times(stage: Stage, account: UUID) -> None:
    installation, failed = stage.installation, head("Content-Length: 0", "Connection: close", status="503 Busy")
    async with raw_server(failed) as server:
        await order(installation, account, server + "/me")
        await fetch(installation, server)
        waiting = await job_of(installation, account)
        assert waiting is not None
        assert (waiting.state, waiting.failures) == (JobState.WAITING, 1)
        # Who connects the account does not wait.
        await order(installation, account, server + "/me")
        again = await job_of(installation, account)
        assert again is not None
        assert (again.id, again.state, again.failures) == (waiting.id, JobState.READY, 0)
        tries = 0
        while await job_of(installation, account) is not None:
            await fetch(installation, server)
            clock.move(timedelta(hours=2))
            tries += 1
        assert tries == 1 + len(DELAYS["transient"])
    async with raw_server(answer(picture())) as server:
        await order(installation, account, server + "/me")
        await fetch(installation, server)
    assert (await row_of(installation, account)).avatar_key


async def test_address_that_changes_meanwhile_is_fetched(
    stage: Stage, account: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation, made = stage.installation, avatar_runner.make_avatar
    async with raw_server(answer(picture())) as server:

        async def change(children: Children, content: bytes, owner: object) -> bytes:
            monkeypatch.setattr(avatar_runner, "make_avatar", made)
            await order(installation, account, server + "/new")
            return await made(children, content, owner)

        monkeypatch.setattr(avatar_runner, "make_avatar", change)
        await order(installation, account, server + "/old")
        await fetch(installation, server)
        job = await job_of(installation, account)
        assert job is not None
        assert job.state == JobState.READY
        assert (await row_of(installation, account)).avatar_key is None
        assert await installation.storage.list(f"avatars/{account}/") != []
        await delete_unwanted(installation.database, installation.storage)
        assert await installation.storage.list(f"avatars/{account}/") == []
        await fetch(installation, server)
        key = (await row_of(installation, account)).avatar_key
        # The same picture at the former address is the copy that the account has: it stays.
        monkeypatch.setattr(avatar_runner, "make_avatar", change)
        await order(installation, account, server + "/old")
        await fetch(installation, server)
        assert await job_of(installation, account) is not None
        assert await is_stored(installation, key)
        await fetch(installation, server)
    assert (await row_of(installation, account)).avatar_key == key


async def test_address_that_changes_during_a_failing_run_is_fetched_at_once(
    stage: Stage, account: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation, fetched = stage.installation, PublicFetcher.fetch
    failed = head("Content-Length: 0", "Connection: close", status="503 Busy")
    async with raw_server(failed) as server:
        await order(installation, account, server + "/old")
        await fetch(installation, server)
        clock.move(timedelta(hours=2))

        async def change(fetcher: PublicFetcher, *args: Any, **named: Any) -> bytes:
            await order(installation, account, server + "/new")
            return await fetched(fetcher, *args, **named)

        monkeypatch.setattr(PublicFetcher, "fetch", change)
        await fetch(installation, server)
    job = await job_of(installation, account)
    assert job is not None
    assert (job.state, job.failures, job.error) == (JobState.READY, 0, None)
