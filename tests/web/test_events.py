"""Server-sent events: an open page learns of changes, of its own workspace alone, and ends when the server stops."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from clipcast.common.ids import new_id
from clipcast.database.models.clips import Clip
from clipcast.database.models.renditions import Rendition
from clipcast.installation import Installation
from clipcast.testing.harness import Caller, Stage
from clipcast.web import events


class Listening:
    """An open page."""

    def __init__(self, installation: Installation, workspace_id: str, posts: list[str] = []) -> None:  # noqa: B006
        self.state = SimpleNamespace(stopping=False)
        request: Any = SimpleNamespace(app=SimpleNamespace(state=self.state))
        member: Any = SimpleNamespace(installation=installation, workspace=SimpleNamespace(id=UUID(workspace_id)))
        self._events = events._changes(request, member, [UUID(post) for post in posts])

    async def next(self) -> str:
        return await asyncio.wait_for(anext(self._events), 10)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LOOK_EVERY", 0.01)


async def test_open_page_gets_an_event_when_its_post_changes(stage: Stage) -> None:
    connection = await stage.connect("tiktok")
    post = await stage.post(connection, "tiktok", {"title": "x", "privacyLevel": "SELF_ONLY"})
    page = Listening(stage.installation, stage.caller.workspace_id, [post])
    assert (await page.next()).startswith("retry:")
    await stage.worker.run_due()
    assert (await page.next()).startswith("event: changed")


async def test_change_in_another_workspace_sends_no_event(stage: Stage, installation: Installation, http: Any) -> None:
    other = await Caller.create(installation, http, "Other")
    page = Listening(installation, other.workspace_id)
    await page.next()
    await stage.connect("tiktok")
    page_waits = asyncio.create_task(page.next())
    await asyncio.sleep(0.1)
    assert not page_waits.done() or not page_waits.result().startswith("event")
    page.state.stopping = True
    with pytest.raises(StopAsyncIteration):
        await page_waits


async def test_new_post_sends_an_event(stage: Stage) -> None:
    page = Listening(stage.installation, stage.caller.workspace_id, [str(new_id())])
    await page.next()
    connection = await stage.connect("tiktok")
    assert (await page.next()).startswith("event: changed")
    await stage.post(connection, "tiktok", {"title": "x", "privacyLevel": "SELF_ONLY"})
    assert (await page.next()).startswith("event: changed")


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
    assert (await page.next()).startswith("event: changed")
    for progress in (10, 11):
        async with installation.database.begin() as session:
            await session.execute(update(Rendition).values(progress=progress))
        assert (await page.next()).startswith("event: changed")
