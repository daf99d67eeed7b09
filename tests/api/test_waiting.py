"""Requests that wait for a change."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import select, update

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Database, watchers
from clipcast.database.changes import tell
from clipcast.database.models.posts import Item
from clipcast.database.models.renditions import Rendition
from clipcast.database.watchers import Watchers
from clipcast.jobs.pauses import PLATFORM, pause, resume
from clipcast.platforms.errors import TransientError, as_dict
from clipcast.posts.watching import POST
from clipcast.testing.harness import API, Caller, Stage, some_day
from tests.conformance import bluesky, tiktok

PATIENCE = 60.0


@pytest.fixture(autouse=True)
async def hub(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watchers]:
    """Give each test watchers of its own."""
    made = Watchers(database.hot_pool, database.connect_for_notifications)
    monkeypatch.setattr(database, "watchers", made)
    yield made
    assert not any((made._rows, made._named, made._watches, made._of_workspace))
    await made.close()


async def until_watched(hub: Watchers, number: int = 1) -> None:
    """Wait until so many watch, and their rows have been observed."""
    async with asyncio.timeout(PATIENCE):
        while len(hub._watches) < number or not all(row.observed.done() for row in hub._rows.values()):
            await asyncio.sleep(0.005)


@asynccontextmanager
async def waiting(hub: Watchers, caller: Caller, path: str) -> AsyncIterator[Awaitable[httpx2.Response]]:
    """Send a request that waits, and await it at the end of the block."""
    task = asyncio.create_task(caller.get(path))
    await until_watched(hub)
    yield task
    await asyncio.wait_for(task, PATIENCE)


async def set_item(of: Stage, post_id: str, **values: Any) -> None:
    """Change the columns of the items of a post."""
    async with of.installation.database.begin() as session:
        found = update(Item).where(Item.post_id == UUID(post_id)).values(**values).returning(Item.id)
        tell(session, *await session.scalars(found))


async def make_post(stage: Stage) -> str:
    return await stage.post(await tiktok.CASE.connect(stage), "tiktok", tiktok.CASE.metadata)


async def two_items(stage: Stage) -> dict[str, Any]:
    """Return the body of a post of one clip to two platforms."""
    targets = [
        {"connectionId": await case.connect(stage), "metadata": {case.platform: case.metadata}}
        for case in (tiktok.CASE, bluesky.CASE)
    ]
    return {"videos": [{"editId": await stage.caller.upload(stage.clip), "targets": targets}]}


async def test_request_is_answered_by_the_change_and_holds_no_connection(
    stage: Stage, hub: Watchers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchers, "POLL", 3600.0)
    post_id, database = await make_post(stage), stage.installation.database
    async with waiting(hub, stage.caller, f"/posts/{post_id}?wait=60") as response:
        await asyncio.wait_for(hub.listens.wait(), PATIENCE)
        assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        before = hub._rows[POST, UUID(post_id)].seen
        await set_item(stage, post_id, progress=5, stage="uploading", updated_at=clock.now())
        async with asyncio.timeout(PATIENCE):
            while hub._rows[POST, UUID(post_id)].seen == before:
                await asyncio.sleep(0.005)
        assert not response.done()  # type: ignore[attr-defined]
        await stage.run_until_ended()
    shown = (await response).json()
    assert shown["status"] == "completed"
    assert shown["items"][0]["status"] == "published"


async def test_ended_unknown_and_foreign_posts_are_answered_at_once(
    stage: Stage, installation: Any, http: httpx2.AsyncClient
) -> None:
    other = await Caller.create(installation, http, "Other")
    post_id = await make_post(stage)
    for id, caller in ((post_id, other), (str(new_id()), stage.caller), ("no-id", stage.caller)):
        answer = await asyncio.wait_for(caller.get(f"/posts/{id}?wait=60"), PATIENCE)
        assert answer.status_code == 404
    assert (await stage.caller.get(f"/posts/{post_id}?wait=0.01")).json()["status"] == "processing"
    await stage.run_until_ended()
    answer = await asyncio.wait_for(stage.caller.get(f"/posts/{post_id}?wait=60"), PATIENCE)
    assert answer.json()["status"] == "completed"
    assert answer.headers["etag"] == '"1"'


@pytest.mark.parametrize(
    "query", ["wait=61", "wait=1_0", "wait=-1", "wait=nan", "wait=inf", "wait=soon", "wait=1&seen=" + 101 * "x"]
)
async def test_wrong_wait_is_rejected(caller: Caller, query: str) -> None:
    for path in ("posts", "renders"):
        assert (await caller.get(f"/{path}/{new_id()}?{query}")).status_code == 422


async def test_no_change_between_two_requests_is_missed(stage: Stage) -> None:
    """Each change is made at another instant of the next request."""
    post_id = await make_post(stage)
    seen = (await stage.show(post_id))["state_tag"]
    for number in range(40):
        code = f"code_{number}"
        request = stage.caller.get(f"/posts/{post_id}", params={"wait": 60, "seen": seen})
        error = as_dict(TransientError(code, "m"), "2026-12-24T21:00:00.000Z")

        async def change(number: int = number, error: dict[str, Any] = error) -> None:
            for _ in range(number):
                await asyncio.sleep(0)
            await set_item(stage, post_id, error=error)

        answer, _ = await asyncio.wait_for(asyncio.gather(request, change()), PATIENCE)
        shown = answer.json()
        assert shown["items"][0]["error"]["code"] == code
        assert shown["state_tag"] != seen
        seen = shown["state_tag"]


async def test_tag_of_a_post_is_that_of_its_observation(stage: Stage, hub: Watchers) -> None:
    """Otherwise a request with `seen` would not wait."""

    async def check(post_id: str) -> str:
        shown = await stage.show(post_id)
        async with hub.watch(UUID(stage.caller.workspace_id), [(POST, UUID(post_id))]) as watch:
            seen = watch.seen(UUID(post_id))
        assert seen is not None
        assert (seen.state, seen.is_final) == (
            shown["state_tag"],
            shown["status"] in ("completed", "partial", "failed"),
        )
        return str(seen.state)

    body = await two_items(stage)
    later = body | {"scheduled_at": f"{some_day()}T10:00:00Z"}
    scheduled, now = [(await stage.caller.post("/posts", one)).json()["post_id"] for one in (later, body)]
    tags = [await check(scheduled), await check(now)]
    async with stage.installation.database.begin() as session:
        await pause(session, PLATFORM, "tiktok", "an operator")
    await stage.worker.run_due()
    assert (await stage.item(now))["error"]["code"] == "paused_by_operator"
    tags.append(await check(now))
    async with stage.installation.database.begin() as session:
        await resume(session, PLATFORM, "tiktok")
    await stage.run_until_ended(timedelta(hours=1))
    tags.append(await check(now))
    assert len(set(tags)) == 4


async def test_render_is_answered_when_its_status_changes(
    stage: Stage, hub: Watchers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchers, "POLL", 3600.0)
    caller = stage.caller
    await caller.upload(stage.clip)
    video_id = (await caller.get("/renders")).json()["renders"][0]["video_id"]
    render_id = (await caller.post("/renders", {"video_id": video_id, "speed": 2})).json()["render_id"]
    path = f"/renders/{render_id}"
    async with waiting(hub, caller, f"{path}?wait=60") as response:
        await asyncio.wait_for(hub.listens.wait(), PATIENCE)
        async with stage.installation.database.begin() as session:
            rendition = (await session.scalars(select(Rendition))).one()
            rendition.status = "active"
    shown = (await response).json()
    assert (shown["status"], shown["state_tag"]) == ("active", "active")
    answer = await asyncio.wait_for(caller.get(path, params={"wait": 60, "seen": "queued"}), PATIENCE)
    assert answer.json()["status"] == "active"
    async with waiting(hub, caller, f"{path}?wait=60&seen=active") as response:
        assert (await caller.call("DELETE", path)).status_code == 204
    assert (await response).json()["status"] == "cancelled"
    answer = await asyncio.wait_for(caller.get(path, params={"wait": 60, "seen": "cancelled"}), PATIENCE)
    assert answer.json()["status"] == "cancelled"


async def test_deleted_post_ends_the_wait(stage: Stage, hub: Watchers) -> None:
    post_id = await make_post(stage)
    async with waiting(hub, stage.caller, f"/posts/{post_id}?wait=60") as response:
        assert (await stage.caller.call("DELETE", f"/posts/{post_id}")).status_code == 204
    assert (await response).status_code == 404


async def test_caller_that_disconnects_leaves_nothing_behind(stage: Stage, hub: Watchers, port: int) -> None:
    post_id = await make_post(stage)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"GET {API}/posts/{post_id}?wait=60 HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Api-Key: {stage.caller.key}\r\n\r\n"
    writer.write(head.encode())
    await until_watched(hub)
    writer.close()
    async with asyncio.timeout(PATIENCE):
        while hub._watches:
            await asyncio.sleep(0.005)


async def test_process_that_stops_answers_those_who_wait(stage: Stage, hub: Watchers, port: int) -> None:
    post_id = await make_post(stage)
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=PATIENCE) as client:
        headers = {"X-Api-Key": stage.caller.key}
        both = [client.get(f"{API}/posts/{post_id}{path}", headers=headers) for path in ("?wait=60", "/events")]
        tasks = [asyncio.create_task(one) for one in both]
        await until_watched(hub, 2)
        hub.stop()
        waited, streamed = await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE)
    assert waited.json()["status"] == "processing"
    assert "event: item" in streamed.text
    assert "event: end" not in streamed.text


async def test_more_requests_wait_than_the_database_has_connections(stage: Stage, hub: Watchers, clip: Path) -> None:
    connection, edit = await tiktok.CASE.connect(stage), await stage.caller.upload(clip)
    post_ids = [await stage.post(connection, "tiktok", tiktok.CASE.metadata, edit) for _ in range(10)]
    tasks = [asyncio.create_task(stage.caller.get(f"/posts/{id}?wait=60")) for id in post_ids for _ in range(7)]
    await until_watched(hub, 70)
    for post_id in post_ids:
        await set_item(stage, post_id, status="failed")
    answers = await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE)
    assert {answer.json()["status"] for answer in answers} == {"failed"}
