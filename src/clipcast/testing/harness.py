"""Helpers for tests: a caller, the sandbox's controls, and a stage with accounts and a worker."""

import asyncio
import fcntl
import os
import random
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
from sqlalchemy import delete, func, select

from clipcast.cli.browser import consent
from clipcast.clock import clock
from clipcast.connections.links import make_link
from clipcast.database.models.jobs import Job, JobState
from clipcast.database.models.jobs import Worker as WorkerRow
from clipcast.database.models.posts import Item
from clipcast.installation import Installation
from clipcast.jobs.claimed import ClaimedItem
from clipcast.jobs.kinds import AVATAR, NETWORK, RENDITION_KINDS
from clipcast.jobs.queue import claim, random_place
from clipcast.jobs.workers import WorkerFacts, register
from clipcast.platforms.base import OAuth
from clipcast.platforms.registry import PLATFORMS
from clipcast.publishing.programs import runnable_programs
from clipcast.publishing.worker import Worker
from clipcast.renders.renderer import Renderer
from clipcast.sandbox.state import SandboxState
from clipcast.testing.shortcuts import authorize, store_clip
from clipcast.workspaces.service import SCOPES, create_key, create_workspace

ACCOUNT = "harbour.films"
API = "/api/v1"
SOME_DAY = (clock.now() + timedelta(days=200)).date()


def _ports() -> Iterator[int]:
    """Yield ports of this process: those of the processes of a test run differ, and runs begin anywhere."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    mine = range(20_000 + worker % 16, 32_000, 16)
    first = random.randrange(len(mine))
    return cycle((*mine[first:], *mine[:first]))


PORTS = _ports()
# The files of the ports that this process has reserved.
RESERVED: dict[int, int] = {}


def some_day(later: int = 0) -> str:
    """Return a date for which posts can be scheduled whenever the tests run, moved by `later` days.

    It is the same for all tests of a process, so a test may run over midnight.
    """
    return (SOME_DAY + timedelta(days=later)).isoformat()


def free_port() -> int:
    """Return a port at which nothing listens, for a server that needs its number before it starts.

    It is below those that the system gives to connections, so nothing takes it meanwhile, nor while a server restarts.
    Other runs of tests on this machine leave it to this process, as long as it lives.
    """
    for port in PORTS:
        with socket.socket() as probe, suppress(OSError):
            if port not in RESERVED:
                RESERVED[port] = _reserve(port)
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("PORTS never ends")


def _reserve(port: int) -> int:
    """Lock the file of a port until this process ends, and return its descriptor. Raise OSError if another holds it."""
    folder = Path(tempfile.gettempdir()) / f"clipcast-test-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    file = os.open(folder / str(port), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise
    return file


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[Worker]:
    """Run a worker beside the test until the end of the block."""
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    try:
        yield worker
    finally:
        stop.set()
        await task


@dataclass
class Sandbox:
    """The running sandbox with its control endpoints."""

    client: httpx2.AsyncClient
    state: SandboxState
    simulators: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.client.base_url).rstrip("/")

    async def posts(self, platform: str | None = None) -> list[dict[str, Any]]:
        params = {"platform": platform} if platform else None
        found: list[dict[str, Any]] = (await self.client.get("/__sandbox/posts", params=params)).json()
        return found

    async def settings(self, **platforms: dict[str, Any]) -> None:
        response = await self.client.patch("/__sandbox/settings", json=platforms)
        assert response.status_code == 200, response.text

    async def fault(self, platform: str, request: str, when: str, kind: str, **more: Any) -> None:
        fault = {"platform": platform, "request": request, "when": when, "kind": kind} | more
        response = await self.client.post("/__sandbox/faults", json=fault)
        assert response.status_code == 201, response.text

    async def clear_faults(self) -> None:
        await self.client.delete("/__sandbox/faults")

    async def account(self, platform: str, username: str = ACCOUNT) -> dict[str, Any]:
        accounts = (await self.client.get("/__sandbox/accounts")).json()
        return next(a for a in accounts if a["platform"] == platform and a["username"] == username)

    async def change_account(self, platform: str, **changes: Any) -> None:
        account = await self.account(platform)
        path = f"/__sandbox/accounts/{platform}/{account['account_id']}"
        response = await self.client.patch(path, json=changes)
        assert response.status_code == 200, response.text

    async def requests(self, platform: str) -> list[str]:
        """Return the names of the requests that the platform received, in order."""
        found = (await self.client.get("/__sandbox/requests", params={"platform": platform})).json()
        return [request["request"] for request in found]

    async def forget_requests(self) -> None:
        await self.client.delete("/__sandbox/requests")


@dataclass
class Caller:
    """A caller of the API with a key."""

    http: httpx2.AsyncClient
    key: str
    workspace_id: str

    @classmethod
    async def create(
        cls, installation: Installation, http: httpx2.AsyncClient, workspace: str, scopes: tuple[str, ...] = SCOPES
    ) -> "Caller":
        async with installation.database.begin() as session:
            made = await create_workspace(session, workspace)
            _, key = await create_key(session, "test", [made.id], scopes)
        return cls(http, key, str(made.id))

    async def call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {"X-Api-Key": self.key} | options.pop("headers", {})
        return await self.http.request(method, API + path, headers=headers, **options)

    async def get(self, path: str, **options: Any) -> httpx2.Response:
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> httpx2.Response:
        return await self.call("POST", path, json=body, **options)

    async def upload(self, path: Path, name: str = "clip.mp4") -> str:
        """Upload a file, create its render, and return its `editId`."""
        content = path.read_bytes()
        started = (await self.post("/videos/upload", {"file_name": name, "file_size": len(content)})).json()
        stored = await self.http.put(started["upload_url"], content=content)
        assert stored.status_code == 200, stored.text
        done = await self.post("/videos/upload/complete", {"video_id": started["video_id"], "file_name": name})
        assert done.status_code == 200, done.text
        render = await self.post("/renders", {"video_id": started["video_id"]})
        return str(render.json()["edit_setting_id"])


class _Renderer(Renderer):
    """A renderer whose runs may be long: on a busy machine, a conversion takes longer than a lease."""

    async def run_due(self, more: Mapping[str, int] | None = None, keeps_lease: bool = True) -> int:
        return await super().run_due(more, keeps_lease)


@dataclass
class Stage:
    """A caller with a clip and accounts, and a worker that runs only when the test calls it."""

    installation: Installation
    caller: Caller
    sandbox: Sandbox
    clip: Path
    worker: Worker = field(init=False)
    renderer: Renderer = field(init=False)

    def __post_init__(self) -> None:
        self.worker = self.new_worker()
        self.renderer = self.new_renderer()

    def new_worker(self) -> Worker:
        return Worker(
            self.installation.settings, self.installation.database, self.installation.storage, self.installation.vault
        )

    def new_renderer(self) -> Renderer:
        return _Renderer(self.installation.settings, self.installation.database, self.installation.storage)

    async def close(self) -> None:
        await self.worker.close()
        await self.renderer.close()

    async def connect(
        self,
        platform: str,
        username: str = ACCOUNT,
        sign_in_method: str | None = None,
        connected: str | None = None,
        with_picture: bool = False,
    ) -> str:
        """Authorize as `username`, connect its account or the one named `connected`, and return the connection's id.

        The job that fetches the account's picture stays `with_picture` alone: the stage's worker does not run it.
        """
        link = make_link(self.installation, UUID(self.caller.workspace_id), platform, sign_in_method)
        if isinstance(PLATFORMS[platform].sign_in_method(sign_in_method), OAuth):
            connections = await authorize(self.installation, self.sandbox.simulators, link, username)
            found = [(one.username, str(one.id)) for one in connections]
        else:
            await self._fill_in(link, username)
            listed = (await self.caller.get("/connections", params={"platform": platform})).json()["connections"]
            found = [(one["username"], str(one["id"])) for one in listed]
        if not with_picture:
            async with self.installation.database.begin() as session:
                await session.execute(delete(Job).where(Job.kind == AVATAR))
        return next(id for name, id in found if name == (connected or username))

    async def _fill_in(self, link: str, username: str) -> None:
        """Fill in the forms behind a connect link."""
        async with httpx2.AsyncClient(
            mounts={self.installation.settings.public_base: self.caller.http._transport},
            follow_redirects=True,
            trust_env=False,
        ) as browser:
            page = await consent(browser, link, username)
        assert page.status_code == 200, page.text

    async def store(self, path: Path) -> str:
        """Store a file as `Caller.upload` does, and return the `editId` of its render."""
        return await store_clip(self.installation, UUID(self.caller.workspace_id), path)

    async def post(self, connection: str, platform: str, metadata: dict[str, Any], edit: str | None = None) -> str:
        """Create a post of the clip for one account and return the post's id."""
        edit = edit or await self.store(self.clip)
        target = {"connectionId": connection, "metadata": {platform: metadata}}
        response = await self.caller.post("/posts", {"videos": [{"editId": edit, "targets": [target]}]})
        assert response.status_code == 201, response.text
        return str(response.json()["post_id"])

    async def show(self, post_id: str) -> dict[str, Any]:
        shown: dict[str, Any] = (await self.caller.get(f"/posts/{post_id}")).json()
        return shown

    async def item(self, post_id: str) -> dict[str, Any]:
        item: dict[str, Any] = (await self.show(post_id))["items"][0]
        return item

    async def row(self, post_id: str) -> Item:
        async with self.installation.database.session() as session:
            found = await session.execute(select(Item).where(Item.post_id == UUID(str(post_id))).limit(1))
            return found.scalar_one()

    async def job(self, post_id: str) -> Job:
        """Return the job that publishes the post's first item."""
        async with self.installation.database.session() as session:
            return await session.get_one(Job, (await self.row(post_id)).id)

    async def next_event(self) -> datetime | None:
        """Return when the next job becomes due, or one of an offer or a dead worker ready; None if there is none.

        The stage's worker fetches no pictures, which a migration orders as well.
        """
        timed = Job.state.in_((JobState.WAITING, JobState.HELD, JobState.READY))
        ends = (
            select(func.min(Job.due_at)).where(timed, Job.kind != AVATAR),
            select(func.min(Job.offered_until)).where(Job.state == JobState.OFFERED),
            select(func.min(WorkerRow.lease_until)).where(WorkerRow.id == Job.worker_id, Job.state == JobState.RUNNING),
        )
        async with self.installation.database.session() as session:
            return await session.scalar(select(func.least(*(one.scalar_subquery() for one in ends))))

    async def claim(self, limit: int = 10, queue: str = NETWORK) -> list[ClaimedItem]:
        """Claim ready jobs as a new worker, which never runs them."""
        database = self.installation.database
        worker = await register(database, WorkerFacts("test", "rows", "", {queue: limit}, runnable_programs()))
        found = await claim(database, worker, queue, limit, random_place(), runnable_programs())
        return [job for job in found.jobs if isinstance(job, ClaimedItem)]

    async def run_due(self) -> int:
        """Run the items that are due now, or else the conversions. Return their number."""
        if number := await self.worker.run_due():
            return number
        conversions = select(Job.id).where(Job.kind.in_(RENDITION_KINDS), Job.state.not_in(("done", "dead")))
        async with self.installation.database.session() as session:
            is_idle = (await session.scalars(conversions.limit(1))).first() is None
        return 0 if is_idle else await self.renderer.run_due()

    async def run_all(self) -> None:
        """Run the items that are due now, and those that become due by that."""
        while await self.run_due():
            pass

    async def run_until_ended(self, most: timedelta = timedelta(days=3), least: timedelta = timedelta()) -> None:
        """Run the worker, moving the clock to the next due time, until nothing is due or `most` has passed.

        The clock moves by `least` at a time or more, which skips some of many requests for a state.
        """
        moved = timedelta()
        for _ in range(3000):
            if await self.worker.run_due():
                continue
            due = await self.next_event()
            if due is None:
                return
            if due <= clock.now() and await self.renderer.run_due():
                continue
            step = max(due - clock.now(), least) + timedelta(milliseconds=5)
            moved += step
            if moved > most:
                return
            clock.move(step)
        raise AssertionError("items were still due after 3000 runs")
