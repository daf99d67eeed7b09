"""The app's pages: their time and weight with 10 000 posts, beside the aims, and their queries with 1 000 000."""

import gc
import gzip
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx2
from sqlalchemy import event

from benchmarks.figures import Figure, percentile
from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.settings import load
from clipcast.database import hot_queries
from clipcast.installation import Installation, open_installation
from clipcast.people.service import person, set_up
from clipcast.server.app import create_app
from clipcast.server.gc_tuning import freeze_startup_objects
from clipcast.testing.seeding import RARE_WORD, Seeded, Sizes, seed

USUAL = Sizes()
# A thousand posts a day around now.
MANY = Sizes(posts=1_000_000, near=30_000, several=0.1, clips=10_000)
# Of two hundred, the 99th percentile is not the maximum.
TIMES, TIMES_OF_MANY = 60, 200
EMAIL, PASSWORD = "owner@example.org", "copper-lantern-47-orchid"
# The time of a query with a million posts, in milliseconds.
QUERY = 100
KB = 1000
Address = Callable[[Seeded, Random], str]


@dataclass(frozen=True)
class Page:
    """A page, the addresses of which are asked for in turn, and its aims."""

    name: str
    path: Address
    # Milliseconds of the server, for 95 of 100 requests.
    aim: float = 150
    # Bytes of its compressed HTML.
    weight: int = 40 * KB


def _day(chance: Random) -> date:
    return (clock.now() + timedelta(days=chance.randint(-20, 10))).date()


def _account(seeded: Seeded, chance: Random) -> str:
    return str(chance.choice(seeded.accounts).id)


def _client(seeded: Seeded, chance: Random) -> str:
    return str(chance.choice(seeded.clients))


def _place(seeded: Seeded, chance: Random) -> str:
    """Return a place in the list of posts: some days or months ago."""
    return f"{(clock.now() - timedelta(days=chance.randint(1, 400))):%Y-%m-%dT%H:%M:%SZ}~{new_id()}"


PAGES = (
    Page("overview", lambda seeded, chance: ""),
    Page("posts", lambda seeded, chance: "/posts"),
    *(
        Page(f"posts: {state}", lambda seeded, chance, state=state: f"/posts?state={state}")
        for state in ("scheduled", "published", "needs")
    ),
    Page("posts: an account", lambda seeded, chance: f"/posts?account={_account(seeded, chance)}"),
    Page("posts: a client", lambda seeded, chance: f"/posts?client={_client(seeded, chance)}"),
    Page("posts: a later page", lambda seeded, chance: f"/posts?after={_place(seeded, chance)}"),
    Page("search: a rare word", lambda seeded, chance: f"/posts?q={RARE_WORD}", 200),
    Page("search: a part number", lambda seeded, chance: f"/posts?q=part+{chance.randint(1, 9999)}", 200),
    Page("search: a frequent word", lambda seeded, chance: "/posts?q=harbour", 200),
    Page("search: a handle", lambda seeded, chance: f"/posts?q=studio.{chance.randint(1, 299):04}", 200),
    Page("calendar: month", lambda seeded, chance: f"/calendar?view=month&at={_day(chance)}"),
    Page("calendar: week", lambda seeded, chance: f"/calendar?view=week&at={_day(chance)}"),
    Page("calendar: list", lambda seeded, chance: f"/calendar?view=list&at={_day(chance)}"),
    Page("calendar: a client", lambda seeded, chance: f"/calendar?view=month&client={_client(seeded, chance)}"),
    Page("accounts", lambda seeded, chance: "/accounts"),
    Page("an account", lambda seeded, chance: f"/accounts/{_account(seeded, chance)}"),
    Page("clients", lambda seeded, chance: "/clients"),
    Page("clips", lambda seeded, chance: "/clips"),
    Page("clips: a search", lambda seeded, chance: f"/clips?q={chance.randint(1, 399)}", 200),
    Page("drafts", lambda seeded, chance: "/drafts"),
    Page("review", lambda seeded, chance: "/review"),
    Page("a post", lambda seeded, chance: f"/posts/{seeded.newest[chance.choice(list(seeded.newest))]}"),
    Page("a post of 300 items", lambda seeded, chance: f"/posts/{seeded.large_post}", weight=30 * KB),
    Page("composing, 300 accounts", lambda seeded, chance: f"/compose/{chance.choice(seeded.drafts)}", weight=25 * KB),
    Page("palette", lambda seeded, chance: f"/palette?q={chance.choice(('har', 'rye', 'studio.01', 'cal'))}", 100),
    Page("requests", lambda seeded, chance: "/developers/requests"),
    Page("settings", lambda seeded, chance: "/settings"),
)


@dataclass
class Watched:
    """The seconds that statements take, with the round trips."""

    seconds: float = 0.0
    _since: list[float] = field(default_factory=list)

    @asynccontextmanager
    async def watch(self, installation: Installation) -> AsyncIterator[None]:
        """Count the statements of SQLAlchemy and the hot ones of this process."""
        engine, fetch = installation.database.engine.sync_engine, hot_queries._fetch

        async def counted(*arguments: Any) -> Any:
            began = time.perf_counter()
            try:
                return await fetch(*arguments)
            finally:
                self.seconds += time.perf_counter() - began

        event.listen(engine, "before_cursor_execute", self._begin)
        event.listen(engine, "after_cursor_execute", self._end)
        hot_queries._fetch = counted
        try:
            yield
        finally:
            hot_queries._fetch = fetch
            event.remove(engine, "before_cursor_execute", self._begin)
            event.remove(engine, "after_cursor_execute", self._end)

    def _begin(self, *_: Any) -> None:
        self._since.append(time.perf_counter())

    def _end(self, *_: Any) -> None:
        self.seconds += time.perf_counter() - self._since.pop()


@dataclass
class Scene:
    """A signed-in browser before a workspace with many posts."""

    browser: httpx2.AsyncClient
    base: str
    seeded: Seeded
    watched: Watched
    # The seconds that the rows took.
    seconds: float

    async def times(self, path: Address, times: int) -> tuple[list[float], list[float], int]:
        """Return the milliseconds of the requests, those of their statements, and the size of the largest answer."""
        chance, taken, queries, size = Random(5), [], [], 0
        for number in range(times + 3):
            address, self.watched.seconds = self.base + path(self.seeded, chance), 0.0
            began = time.perf_counter()
            answer = await self.browser.get(address)
            ended = time.perf_counter()
            assert answer.status_code == 200, (address, answer.status_code)
            if number >= 3:  # the first requests fill caches
                taken.append(1000 * (ended - began))
                queries.append(1000 * self.watched.seconds)
                size = max(size, len(gzip.compress(answer.content, 6)))
        return taken, queries, size


@asynccontextmanager
async def _scene(sizes: Sizes) -> AsyncIterator[Scene]:
    """Serve a new installation in this process, so that the time of statements can be told from that of a page."""
    with tempfile.TemporaryDirectory(prefix="clipcast-bench-") as folder:
        settings = load({}, data_dir=Path(folder), public_url="http://127.0.0.1:8000")
        async with open_installation(settings) as installation:
            async with installation.database.begin() as session:
                user, workspace = await set_up(session, person("Owner", EMAIL, PASSWORD), "Benchmark")
            began = time.perf_counter()
            seeded = await seed(installation, workspace.id, sizes, reviewer_id=user.id)
            seconds = time.perf_counter() - began
            await _settle(installation)
            application, watched = create_app(installation), Watched()
            async with (
                httpx2.AsyncClient(
                    transport=httpx2.ASGITransport(application),
                    base_url=settings.public_base,
                    headers={"Sec-Fetch-Site": "same-origin"},
                ) as browser,
                watched.watch(installation),
            ):
                signed_in = await browser.post("/sign-in", data={"email": EMAIL, "password": PASSWORD})
                assert signed_in.status_code == 303, signed_in.text
                yield Scene(browser, f"/w/{workspace.id}", seeded, watched, seconds)


async def _settle(installation: Installation) -> None:
    """Bring the database and the process to the state of a server that has run for long.

    What the rows left in memory is written, what they changed is vacuumed, as autovacuum does in time, and garbage
    collection excludes them, as it excludes what a server has at its start (gc_tuning.py).
    """
    connection = await installation.database.connector.connect()
    try:
        for statement in ("VACUUM", "CHECKPOINT"):
            await connection.execute(statement)
    finally:
        await connection.close()
    gc.collect()
    freeze_startup_objects()


async def measure() -> list[Figure]:
    figures = []
    async with _scene(USUAL) as scene:
        figures.append(Figure(f"{USUAL.posts} posts are written by COPY", scene.seconds, "s"))
        for page in PAGES:
            taken, _, size = await scene.times(page.path, TIMES)
            figures.append(Figure(f"page: {page.name}, p50", percentile(taken, 0.5), "ms", "the aim", page.aim))
            figures.append(Figure("  p95", percentile(taken, 0.95), "ms", "the aim", page.aim))
            figures.append(Figure("  weight, compressed", size / KB, "KB", "the aim", page.weight / KB))
        figures += await _saving(scene)
    async with _scene(MANY) as scene:
        figures.append(Figure(f"{MANY.posts} posts are written by COPY", scene.seconds, "s"))
        for page in PAGES:
            taken, queries, _ = await scene.times(page.path, TIMES_OF_MANY)
            name = f"queries with {MANY.posts} posts: {page.name}"
            figures.append(Figure(f"{name}, p50", percentile(queries, 0.5), "ms", "the aim", QUERY))
            figures.append(Figure("  p99", percentile(queries, 0.99), "ms", "the aim", QUERY))
            figures.append(Figure("  the whole page, p99", percentile(taken, 0.99), "ms"))
    return figures


async def _saving(scene: Scene) -> list[Figure]:
    """Measure the save of a draft, which a pause in typing causes."""
    account, path = scene.seeded.accounts[0], f"{scene.base}/compose/{scene.seeded.drafts[0]}"
    form = {
        "account": [str(account.id)], "clip": [str(scene.seeded.edit_ids[0])], "title": "T", "when": "now", "at": "",
        "zone": "UTC", "page": str(new_id()), "version": "1",
    }  # fmt: skip
    taken = []
    for number in range(TIMES):
        began = time.perf_counter()
        typed = form | {"text": "A longer caption " * (number % 20)}
        answer = await scene.browser.post(path, data=typed, headers={"HX-Request": "true"})
        taken.append(1000 * (time.perf_counter() - began))
        assert answer.status_code == 200, answer.text
    return [
        Figure("save of a draft, p50", percentile(taken, 0.5), "ms", "the aim", 80),
        Figure("  p95", percentile(taken, 0.95), "ms", "the aim", 80),
    ]
