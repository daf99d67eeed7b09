"""Server-sent events: an open page learns of changes, of its own workspace alone, and ends when the server stops."""

import asyncio
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from clipcast.common.ids import new_id
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
