"""Callers that change posts while workers run them: no deadlock, no error of the server, no second video."""

import asyncio
import os
import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from clipcast.clock import clock
from clipcast.database.embedded import EmbeddedServer
from clipcast.jobs import worker as module
from clipcast.jobs.queue import offer, random_place
from clipcast.jobs.workers import reclaim_expired
from clipcast.publishing.programs import runnable_programs
from clipcast.testing.harness import Stage, running

# Calls of each caller; `make prove` repeats them often.
ROUNDS = 40 if "PROVE_EXAMPLES" not in os.environ else 1000
CALLERS = 6
TIKTOK = {"privacyLevel": "PUBLIC_TO_EVERYONE"}

REFUSED = {"data": {}, "error": {"code": "invalid_params", "message": "told by a test", "log_id": "L1"}}


class Changes:
    """A caller that creates and changes posts of two items at random."""

    def __init__(self, stage: Stage, number: int, connections: dict[str, str], edit: str) -> None:
        self._stage, self._edit, self._connections = stage, edit, connections
        self._random = random.Random(number)
        self._number = number
        self._posts: list[str] = []
        self.statuses: Counter[tuple[str, int]] = Counter()

    async def run(self) -> None:
        for round in range(ROUNDS):
            name = self._random.choice(["create", "create", "move", "start", "publish", "retry", "change", "delete"])
            await (self._create(round) if name == "create" or not self._posts else self._change(name, round))

    async def _create(self, round: int) -> None:
        title = {"title": f"{self._number}-{round}"}
        metadata = {"tiktok": TIKTOK | title, "youtube": title}
        targets = [{"connectionId": self._connections[one], "metadata": {one: metadata[one]}} for one in metadata]
        body: dict[str, Any] = {"videos": [{"editId": self._edit, "targets": targets}]}
        if self._random.random() < 0.5:
            body["scheduled_at"] = self._soon()
        response = await self._call("POST", "/posts", body)
        if response.status_code == 201:
            self._posts.append(response.json()["post_id"])

    def _soon(self) -> str:
        return (clock.now() + timedelta(seconds=self._random.choice([30.5, 31, 3600]))).isoformat()

    async def _change(self, name: str, round: int) -> None:
        post = self._random.choice(self._posts)
        match name:
            case "move":
                await self._call("PATCH", f"/posts/{post}", {"scheduled_at": self._soon()})
            case "start":
                await self._call("PATCH", f"/posts/{post}", {"scheduled_at": None})
            case "publish":
                await self._call("POST", f"/posts/{post}/publish")
            case "retry":
                await self._call("POST", f"/posts/{post}/retry")
            case "change":
                item = (await self._stage.caller.get(f"/posts/{post}")).json()["items"][1]["id"]
                change = {"metadata": {"youtube": {"title": f"{self._number}-{round}"}}}
                await self._call("PATCH", f"/posts/{post}/items/{item}", change)
            case "delete":
                if (await self._call("DELETE", f"/posts/{post}")).status_code == 204:
                    self._posts.remove(post)

    async def _call(self, method: str, path: str, body: Any = None) -> Any:
        response = await self._stage.caller.call(method, path, json=body)
        for _ in range(20):
            if response.status_code != 503:  # the database may be too slow for a moment, on a busy machine
                break
            response = await self._stage.caller.call(method, path, json=body)
        self.statuses[method, response.status_code] += 1
        return response


async def test_changes_of_posts_beside_workers(
    stage: Stage, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Change posts while two workers run them, and while heartbeats, reclaims, offers and reconnects change jobs."""
    monkeypatch.setattr(module, "HEARTBEAT", timedelta(seconds=0.05))
    monkeypatch.setattr(module, "RECLAIM_EVERY", timedelta(seconds=0.05))
    logged = server.log.stat().st_size
    connections = {name: await stage.connect(name) for name in ("tiktok", "youtube")}
    edit = await stage.caller.upload(stage.clip)
    for platform, request in (("tiktok", "video_init"), ("youtube", "session")):
        await stage.sandbox.fault(platform, request, "before", "status", status=502, times=40)
    await stage.sandbox.fault("tiktok", "creator_info", "before", "status", status=400, body=REFUSED, times=20)
    callers = [Changes(stage, number, connections, edit) for number in range(CALLERS)]
    async with running(stage.new_worker()), running(stage.new_worker()):
        calling = asyncio.gather(*(one.run() for one in callers))
        while not calling.done():
            clock.move(timedelta(seconds=3))
            await reclaim_expired(stage.installation.database)
            await offer(stage.installation.database, "network", 3, random_place(), runnable_programs())
            await stage.connect("tiktok")
            await asyncio.sleep(0.05)
        await calling
    statuses = sum((one.statuses for one in callers), Counter[tuple[str, int]]())
    assert "deadlock detected" not in server.log.read_text()[logged:]
    assert not [one for one in statuses if one[1] >= 500], statuses
    assert {status for _, status in statuses} >= {200, 201, 202, 204, 409}, statuses
    await stage.sandbox.clear_faults()
    await stage.run_until_ended()
    videos = Counter((post["platform"], post["caption"]) for post in await stage.sandbox.posts())
    assert max(videos.values()) == 1
