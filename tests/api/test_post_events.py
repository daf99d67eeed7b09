"""The event stream of a post."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from clipcast.api import post_events
from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database.models.posts import Item
from clipcast.testing.harness import API, Caller, Stage
from tests.api.test_waiting import PATIENCE, hub, make_post, set_item, two_items

__all__ = ["hub"]


class Stream:
    """An open stream, as a client of server-sent events reads it."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self.last_id: str | None = None
        self._lines = response.aiter_lines()

    async def next(self) -> tuple[str, Any]:
        """Return the name and the data of the next event."""
        event: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE):
            async for line in self._lines:
                if not line and "data" in event:
                    self.last_id = event.get("id", self.last_id)
                    return event["event"], json.loads(event["data"])
                name, _, value = line.partition(": ")
                event[name] = value
        raise EOFError

    async def rest(self) -> list[str]:
        """Return the names of the events until the stream ends."""
        names = []
        try:
            while True:
                names.append((await self.next())[0])
        except EOFError:
            return names


@asynccontextmanager
async def opened(stage: Stage, port: int, post_id: str, last_id: str | None = None) -> AsyncIterator[Stream]:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=PATIENCE) as client:
        headers = {"X-Api-Key": stage.caller.key} | ({"Last-Event-ID": last_id} if last_id else {})
        async with client.stream("GET", f"{API}/posts/{post_id}/events", headers=headers) as response:
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            yield Stream(response)


async def test_stream_shows_each_change_and_ends_with_the_post(stage: Stage, port: int) -> None:
    post_id = await make_post(stage)
    async with opened(stage, port, post_id) as stream:
        shown = await stage.show(post_id)
        assert await stream.next() == ("item", shown["items"][0])
        name, post = await stream.next()
        assert (name, post) == ("post", {key: value for key, value in shown.items() if key != "items"})
        first_id = int(stream.last_id or "")
        await set_item(stage, post_id, stage="uploading", progress=5, updated_at=clock.now())
        name, item = await stream.next()
        assert (name, item["stage"], item["progress"]) == ("item", "uploading", 5)
        assert int(stream.last_id or "") > first_id
        await stage.run_until_ended()
        while (event := await stream.next())[0] == "item":
            item = event[1]
        assert item["status"] == "published"
        assert (event[0], event[1]["status"]) == ("post", "completed")
        assert (await stream.next())[0] == "end"
        assert await stream.rest() == []
        ended = {"Last-Event-ID": str(stream.last_id)}
    path = f"/posts/{post_id}/events"
    assert (await stage.caller.call("GET", path, headers=ended)).status_code == 204
    begun = {"Last-Event-ID": str(first_id)}
    assert "event: end" in (await stage.caller.call("GET", path, headers=begun)).text
    async with opened(stage, port, post_id) as again:
        assert await again.rest() == ["item", "post", "end"]


async def test_continued_stream_begins_with_what_has_changed(stage: Stage, port: int) -> None:
    post_id = (await stage.caller.post("/posts", await two_items(stage))).json()["post_id"]
    async with opened(stage, port, post_id) as stream:
        assert [(await stream.next())[0] for _ in range(3)] == ["item", "item", "post"]
    clock.move(2 * post_events.MARGIN)
    last_id = str(int(clock.now().timestamp() * 1000))
    clock.move(2 * post_events.MARGIN)
    ids = [item["id"] for item in (await stage.show(post_id))["items"]]
    async with stage.installation.database.begin() as session:
        (await session.get_one(Item, ids[1])).progress = 3
    async with opened(stage, port, post_id, last_id) as stream:
        name, item = await stream.next()
        assert (name, item["id"], item["progress"]) == ("item", ids[1], 3)
        assert (await stream.next())[0] == "post"
    clock.move(2 * post_events.MARGIN)
    last_id = str(int(clock.now().timestamp() * 1000))
    async with opened(stage, port, post_id, last_id) as stream:
        assert (await stage.caller.call("DELETE", f"/posts/{post_id}")).status_code == 204
        assert await stream.next() == ("end", {"post_id": post_id, "status": "deleted"})
    future = str(int((clock.now() + timedelta(days=1)).timestamp() * 1000))
    for unknown in ("x", future, "9" * 100, "-" + "9" * 30, ""):
        assert post_events.since_of(unknown) is None


async def test_stream_of_an_unknown_or_foreign_post_is_404(
    stage: Stage, installation: Any, http: httpx2.AsyncClient
) -> None:
    other = await Caller.create(installation, http, "Other")
    post_id = await make_post(stage)
    for caller, id in ((other, post_id), (stage.caller, str(new_id())), (stage.caller, "no-id")):
        assert (await caller.get(f"/posts/{id}/events")).status_code == 404


async def test_silent_stream_sends_comments_and_ends_with_its_lifetime(
    stage: Stage, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post_events, "COMMENT_EVERY", 0.01)
    monkeypatch.setattr(post_events, "PAUSE", 0.0)
    monkeypatch.setattr(post_events, "LIFETIME", timedelta(seconds=1).total_seconds())
    post_id = await make_post(stage)
    async with opened(stage, port, post_id) as stream:
        text = "\n".join([line async for line in stream.response.aiter_lines()])
    assert ": alive" in text
    assert "event: end" not in text
