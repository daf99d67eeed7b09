"""Server-sent events: an open page learns of changes, of its own workspace alone, and ends when the server stops."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Database, watchers
from clipcast.database.models.clips import Clip
from clipcast.database.models.posts import Draft
from clipcast.database.models.renditions import Rendition
from clipcast.database.models.requests import LoggedRequest
from clipcast.database.watchers import Kind, Watchers
from clipcast.installation import Installation
from clipcast.posts import drafts
from clipcast.posts.watching import DRAFT, POST
from clipcast.testing.harness import Caller, Stage
from clipcast.web import events


class Listening:
    """An open page."""

    def __init__(
        self,
        installation: Installation,
        workspace_id: str,
        posts: list[str] = [],  # noqa: B006
        draft: str = "",
        kind: Kind = events.WORKSPACE,
    ) -> None:
        member: Any = SimpleNamespace(installation=installation, workspace=SimpleNamespace(id=UUID(workspace_id)))
        rows = [(POST, UUID(post)) for post in posts] + [(DRAFT, UUID(id)) for id in (draft,) if id]
        self._events = events._changes(member, rows, kind)

    async def next(self) -> str:
        return await asyncio.wait_for(anext(self._events), 60)

    async def changed(self, id: str) -> None:
        """Wait for an event that names this id."""
        while id not in await self.next():
            pass


@pytest.fixture(autouse=True)
async def hub(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watchers]:
    """Give each test watchers of its own, which poll often."""
    monkeypatch.setattr(events, "PAUSE", 0.0)
    monkeypatch.setattr(watchers, "POLL", 0.01)
    made = Watchers(database.hot_pool, database.connect_for_notifications)
    monkeypatch.setattr(database, "watchers", made)
    yield made
    await made.close()


async def test_page_of_requests_gets_an_event_when_one_is_logged(stage: Stage) -> None:
    workspace_id = UUID(stage.caller.workspace_id)
    page = Listening(stage.installation, stage.caller.workspace_id, kind=events.WITH_REQUESTS)
    assert (await page.next()).startswith("retry:")
    async with stage.installation.database.begin() as session:
        session.add(
            LoggedRequest(
                id=new_id(), workspace_id=workspace_id, key_id=new_id(), key_name="n8n", method="POST", path="/posts",
                status=422, code="validation_failed", is_replay=False, milliseconds=3, created_at=clock.now(),
            )
        )  # fmt: skip
    await page.changed(str(workspace_id))


async def test_open_page_gets_an_event_when_its_post_changes(stage: Stage) -> None:
    connection = await stage.connect("tiktok")
    post = await stage.post(connection, "tiktok", {"title": "x", "privacyLevel": "SELF_ONLY"})
    page = Listening(stage.installation, stage.caller.workspace_id, [post])
    assert (await page.next()).startswith("retry:")
    await stage.worker.run_due()
    await page.changed(post)


async def test_change_in_another_workspace_sends_no_event(
    stage: Stage, installation: Installation, http: Any, hub: Watchers
) -> None:
    other = await Caller.create(installation, http, "Other")
    connection = await stage.connect("tiktok")
    post = await stage.post(connection, "tiktok", {"title": "x", "privacyLevel": "SELF_ONLY"})
    own, page = (
        Listening(installation, stage.caller.workspace_id, [post]),
        Listening(installation, other.workspace_id, [post]),
    )
    assert [(await one.next())[:5] for one in (own, page)] == ["retry"] * 2
    page_waits = asyncio.create_task(page.next())
    await stage.worker.run_due()
    await own.changed(post)
    assert not page_waits.done()
    hub.stop()
    with pytest.raises(StopAsyncIteration):
        await page_waits


async def test_new_post_sends_an_event(stage: Stage) -> None:
    page = Listening(stage.installation, stage.caller.workspace_id, [str(new_id())])
    await page.next()
    connection = await stage.connect("tiktok")
    await page.changed(stage.caller.workspace_id)
    await stage.post(connection, "tiktok", {"title": "x", "privacyLevel": "SELF_ONLY"})
    await page.changed(stage.caller.workspace_id)


async def test_save_and_deletion_of_a_draft_send_events(stage: Stage, installation: Installation) -> None:
    draft, workspace_id = new_id(), UUID(stage.caller.workspace_id)
    page = Listening(installation, stage.caller.workspace_id, draft=str(draft))
    await page.next()  # it is not stored yet
    for _ in range(2):
        async with installation.database.begin() as session:
            await drafts.save_draft(session, workspace_id, draft, drafts.EMPTY)
        await page.changed(str(draft))
    async with installation.database.begin() as session:
        await session.delete(await session.get_one(Draft, draft))
    await page.changed(str(draft))


async def test_changes_that_people_make_are_told_at_once(
    stage: Stage, hub: Watchers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without waiting for the next look: of the words and the rule of a client."""
    monkeypatch.setattr(watchers, "POLL", 3600.0)
    caller = stage.caller
    client = (await caller.post("/clients", {"name": "Alba", "timezone": "UTC"})).json()["id"]
    page = Listening(stage.installation, caller.workspace_id)
    await page.next()
    await hub.listens.wait()
    link = (await caller.post("/review-links", {"name": "Alba", "client_id": client})).json()["id"]
    await page.changed(caller.workspace_id)
    for body in ({"signature": "Alba, by the sea"}, {"review": {"rule": "any", "links": [link]}}):
        assert (await caller.call("PATCH", f"/clients/{client}", json=body)).status_code == 200
        await page.changed(caller.workspace_id)


async def test_progress_of_a_clip_that_is_made_sends_an_event(
    stage: Stage, caller: Caller, installation: Installation, clip: Path
) -> None:
    await caller.upload(clip)
    async with installation.database.session() as session:
        video_id = (await session.execute(select(Clip.id))).scalar_one()
    page = Listening(installation, caller.workspace_id)
    await page.next()
    made = await caller.post("/renders", {"video_id": str(video_id), "speed": 2})
    assert made.status_code == 202
    await page.changed(caller.workspace_id)
    for progress in (10, 11):
        async with installation.database.begin() as session:
            await session.execute(update(Rendition).values(progress=progress))
        await page.changed(caller.workspace_id)
