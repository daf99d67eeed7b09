"""What every item does while the storage of clips is away."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from clipcast.clock import clock
from clipcast.common.unavailable import StorageUnavailable
from clipcast.storage import Storage
from clipcast.testing.case import Case
from clipcast.testing.checks import only_post
from clipcast.testing.harness import Stage


@pytest.mark.parametrize("first", [0, 1000], ids=["from_the_start", "from_the_middle_of_the_file"])
async def test_item_waits_through_a_day_without_storage_and_is_then_published(
    stage: Stage, case: Case, connection: str, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    post_id = await stage.post(connection, case.platform, case.metadata)
    whole, given = Storage.read, [first]

    async def read(self: Storage, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        async for piece in whole(self, key, start, start + (given.pop() if given else 0)):
            yield piece
        raise StorageUnavailable(f"{key} cannot be read (ConnectTimeout)")

    monkeypatch.setattr(Storage, "read", read)
    until = clock.now() + timedelta(days=1)
    while clock.now() < until:
        await stage.run_all()
        clock.move(timedelta(minutes=20))
    item = await stage.item(post_id)
    assert (item["status"], item["error"]["class"], item["error"]["actor"]) == ("processing", "transient", "operator")
    assert item["error"]["code"] in ("storage_unavailable", "fetch_failed")
    assert await stage.sandbox.posts(case.platform) == []
    monkeypatch.undo()
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]) == ("published", None)
    await only_post(stage, case)
