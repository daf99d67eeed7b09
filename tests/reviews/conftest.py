"""A post of two items for review, and the calls of those who review it."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

from clipcast.clock import clock
from clipcast.database.models.people import Membership, User
from clipcast.testing.harness import Stage

EMAIL = "ana@example.org"


def in_hours(hours: float) -> str:
    return (clock.now() + timedelta(hours=hours)).isoformat()


@dataclass
class Desk:
    """The calls about the reviews of one workspace, which has a member and a review link."""

    stage: Stage
    edit: str
    accounts: list[str]
    link_id: str
    link_path: str

    def body(self, hours: float | None = 72, **more: Any) -> dict[str, Any]:
        targets = [{"connectionId": id, "metadata": {"youtube": {"title": "Tide"}}} for id in self.accounts]
        at = {"scheduled_at": in_hours(hours)} if hours is not None else {}
        return {"videos": [{"editId": self.edit, "targets": targets}]} | at | more

    async def create(self, hours: float | None = 72, **review: Any) -> str:
        """Create a post in review, by default by the link, and return its id."""
        body = self.body(hours, review=review or {"links": [self.link_id]})
        made = await self.stage.caller.post("/posts", body)
        assert made.status_code == 201, made.text
        assert made.json()["status"] == "pending"
        return str(made.json()["post_id"])

    async def review(self, post_id: str) -> dict[str, Any]:
        shown = await self.stage.caller.get(f"/posts/{post_id}/review")
        assert shown.status_code == 200, shown.text
        return shown.json()  # type: ignore[no-any-return]

    async def act(self, post_id: str, action: str, body: Any = None) -> httpx2.Response:
        return await self.stage.caller.post(f"/posts/{post_id}/review/{action}", body)

    async def approve(self, post_id: str, number: int = 0, revision: int | None = None) -> httpx2.Response:
        """Approve for the reviewer of this number, by default the present revision."""
        shown = await self.review(post_id)
        wanted = {"reviewer_id": shown["reviewers"][number]["id"], "revision": revision or shown["revision"]}
        return await self.act(post_id, "approve", wanted)

    async def patch(self, post_id: str, **body: Any) -> httpx2.Response:
        return await self.stage.caller.call("PATCH", f"/posts/{post_id}", json=body)

    async def retitle(self, post_id: str, title: str) -> httpx2.Response:
        item = (await self.stage.show(post_id))["items"][0]["id"]
        return await self.patch(post_id, items=[{"id": item, "metadata": {"youtube": {"title": title}}}])

    async def sent(self) -> int:
        """Return how many videos the platform has."""
        return len(await self.stage.sandbox.posts("youtube"))


@pytest.fixture
async def desk(stage: Stage) -> Desk:
    caller = stage.caller
    edit = await caller.upload(stage.clip)
    accounts = [await stage.connect("youtube", name) for name in ("harbour.films", "tidepool")]
    async with stage.installation.database.begin() as session:
        user = User(email=EMAIL, name="Ana", password_hash="-")
        session.add(user)
        await session.flush()
        session.add(Membership(user_id=user.id, workspace_id=UUID(caller.workspace_id), role="editor"))
    link = await caller.post("/review-links", {"name": "Casa Verde", "timezone": "Europe/Lisbon"})
    assert link.status_code == 201, link.text
    made = link.json()
    return Desk(stage, edit, accounts, made["id"], made["url"].removeprefix(stage.installation.settings.public_base))


async def at_once(*calls: Awaitable[httpx2.Response]) -> list[int]:
    """Make calls at the same time and return their statuses."""
    return [response.status_code for response in await asyncio.gather(*calls)]
