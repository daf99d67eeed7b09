"""Outages: items wait for an unavailable storage or database, and fail on values that cannot be stored."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from clipcast.clock import clock
from clipcast.common.unavailable import DatabaseUnavailable, StorageUnavailable
from clipcast.jobs.journal import Journal
from clipcast.jobs.outcomes import ItemOutcomes
from clipcast.storage import Storage, StorageError
from clipcast.testing.harness import Stage

TIKTOK = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}


def take_storage_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every read of the storage fail until `undo`."""

    async def read(self: Storage, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        raise StorageUnavailable(f"{key} cannot be read (ConnectTimeout)")
        yield b""

    monkeypatch.setattr(Storage, "read", read)


async def test_item_waits_for_storage_for_a_day_and_is_then_published(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = await stage.post(await stage.connect("tiktok"), "tiktok", TIKTOK)
    take_storage_away(monkeypatch)
    until = clock.now() + timedelta(days=1)
    runs = 0
    while clock.now() < until:
        runs += await stage.worker.run_due()
        clock.move(timedelta(minutes=20))
    assert runs > 50
    item = await stage.item(post)
    assert item["status"] == "processing"
    assert {name: item["error"][name] for name in ("code", "class", "actor", "retryable")} == {
        "code": "storage_unavailable", "class": "transient", "actor": "operator", "retryable": True,
    }  # fmt: skip
    assert item["attempts"] == 1
    monkeypatch.undo()
    await stage.run_until_ended()
    item = await stage.item(post)
    assert (item["status"], item["error"]) == ("published", None)
    assert len(await stage.sandbox.posts("tiktok")) == 1


async def test_storage_failure_within_the_last_chunk_leaves_no_unknown_outcome(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = await stage.post(await stage.connect("tiktok"), "tiktok", TIKTOK)
    whole = Storage.read

    async def cut(self: Storage, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        async for piece in whole(self, key, start, end):
            yield piece[:1000]
            raise StorageUnavailable("gone")

    monkeypatch.setattr(Storage, "read", cut)
    for _ in range(30):
        await stage.worker.run_due()
        clock.move(timedelta(minutes=10))
    item = await stage.item(post)
    assert (item["status"], item["error"]["code"]) == ("processing", "storage_unavailable")
    monkeypatch.undo()
    await stage.run_until_ended()
    assert (await stage.item(post))["status"] == "published"
    assert len(await stage.sandbox.posts("tiktok")) == 1


async def test_damaged_clip_ends_the_item_as_an_internal_error(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    post = await stage.post(await stage.connect("tiktok"), "tiktok", TIKTOK)

    async def missing(self: Storage, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        raise StorageError(f"{key} is missing")
        yield b""

    monkeypatch.setattr(Storage, "read", missing)
    await stage.run_until_ended()
    error = (await stage.item(post))["error"]
    assert (error["code"], error["class"], error["actor"]) == ("clip_damaged", "internal", "operator")
    monkeypatch.undo()
    await stage.caller.post(f"/posts/{post}/items/{(await stage.item(post))['id']}/retry")
    await stage.run_until_ended()
    assert (await stage.item(post))["status"] == "published"


async def test_value_rejected_by_the_database_fails_the_item(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    post = await stage.post(await stage.connect("tiktok"), "tiktok", TIKTOK)
    before = Journal.finish

    async def finish(self: Journal, name: str, result: object) -> None:
        self.stage = "a\x00b"
        await before(self, name, result)

    monkeypatch.setattr(Journal, "finish", finish)
    await stage.worker.run_due()
    item = await stage.item(post)
    assert (item["status"], item["error"]["code"], item["error"]["class"]) == ("failed", "value_refused", "internal")
    assert "invalid byte sequence" in item["error"]["message"]


async def test_outcome_that_cannot_be_saved_fails_the_item_as_unknown(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = await stage.post(await stage.connect("tiktok"), "tiktok", TIKTOK)

    async def published(*_: object) -> None:
        raise TypeError("cannot be written")

    async def failed(self: ItemOutcomes, claimed, timeline, error, *more) -> None:  # type: ignore[no-untyped-def]
        if error.code == "internal_error" and not error.final:
            raise TypeError("nor can this")
        await before(self, claimed, timeline, error, *more)

    before = ItemOutcomes.failed
    monkeypatch.setattr(ItemOutcomes, "published", published)
    monkeypatch.setattr(ItemOutcomes, "failed", failed)
    for _ in range(5):
        await stage.run_until_ended()
    item = await stage.item(post)
    assert (item["status"], item["error"]["class"]) == ("failed", "outcome_unknown")
    assert len(await stage.sandbox.posts("tiktok")) == 1


async def test_finish_outcome_that_cannot_be_saved_leaves_the_item_published(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = await stage.post(await stage.connect("threads"), "threads", {"text": "Tide"})
    before, calls = ItemOutcomes.finished, [0]

    async def finished(self: ItemOutcomes, claimed, timeline, result, warnings, why) -> None:  # type: ignore[no-untyped-def]
        calls[0] += 1
        if calls[0] == 1:
            raise TypeError("cannot be written")
        await before(self, claimed, timeline, result, warnings, why)

    async def retry_finish(*_: object) -> None:
        raise TypeError("nor can this")

    monkeypatch.setattr(ItemOutcomes, "finished", finished)
    monkeypatch.setattr(ItemOutcomes, "retry_finish", retry_finish)
    await stage.run_until_ended()
    item = await stage.item(post)
    assert (item["status"], item["error"]) == ("published", None)


async def test_value_rejected_by_the_database_after_a_guarded_request_is_outcome_unknown(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = await stage.post(await stage.connect("facebook"), "facebook", {"description": "Tide"})
    before = Journal.finish

    async def finish(self: Journal, name: str, result: object) -> None:
        self.stage = "a\x00b" if name == "finish" else self.stage
        await before(self, name, result)

    monkeypatch.setattr(Journal, "finish", finish)
    await stage.run_until_ended()
    item = await stage.item(post)
    assert (item["status"], item["error"]["code"], item["error"]["class"]) == (
        "failed", "outcome_unknown", "outcome_unknown",
    )  # fmt: skip
    assert (await stage.sandbox.requests("facebook")).count("finish") == 1
    monkeypatch.undo()
    await stage.caller.post(f"/posts/{post}/items/{item['id']}/retry")
    await stage.run_until_ended()
    assert (await stage.item(post))["status"] == "published"
    assert (await stage.sandbox.requests("facebook")).count("finish") == 1


async def test_database_failure_in_a_run_leaves_the_item_due_after_its_lease(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = await stage.post(await stage.connect("tiktok"), "tiktok", TIKTOK)
    intend = Journal.intend

    async def away(self: Journal, name: str, publishes: bool) -> None:
        raise DatabaseUnavailable("the server is starting up", "57P03")

    monkeypatch.setattr(Journal, "intend", away)
    await stage.worker.run_due()
    item = await stage.item(post)
    assert (item["status"], item["error"]) == ("processing", None)
    monkeypatch.setattr(Journal, "intend", intend)
    await stage.run_until_ended()
    assert (await stage.item(post))["status"] == "published"
