"""A deploy that changes a program: what an older or newer version began ends as one video, or waits for its version."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from alembic import command
from sqlalchemy import Connection, text

from clipcast import __version__
from clipcast.clock import clock
from clipcast.database.migrate import config_of, upgrade
from clipcast.database.models.jobs import JobState
from clipcast.jobs.claimed import LEASE, ClaimedItem
from clipcast.jobs.journal import Journal
from clipcast.jobs.kinds import NETWORK
from clipcast.jobs.queue import REFUSED_PAUSE, offer, take
from clipcast.jobs.stranded import PATIENCE, sort_stranded
from clipcast.jobs.timeline import Timeline
from clipcast.jobs.versions import Entries, Program
from clipcast.jobs.workers import WorkerFacts, reclaim_expired, register
from clipcast.operations.doctor import _programs
from clipcast.platforms.base import Continue, Published, SavedEntry
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.overview import stuck_items
from clipcast.publishing.programs import runnable_programs
from clipcast.testing.crash_injection import Killed, killed_at
from clipcast.testing.harness import Stage

TEXT = {"text": "Tide"}
Deploy = Callable[..., None]


class Renamed:
    """A Publication that gives each verb of the next version another name."""

    def __init__(self, p: Any) -> None:
        self._p = p

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._p, name)
        if name not in ("step", "send_once", "optional", "time_since", "has_intent"):
            return verb
        return lambda name, *rest, **more: verb(f"{name} 2", *rest, **more)


def rename(entries: Entries) -> Entries:
    return {f"{name} 2": entry for name, entry in entries.items()}


@pytest.fixture(autouse=True)
def first_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the program of Threads the number 1, whatever its number is."""
    monkeypatch.setitem(PLATFORMS, "threads", replace(PLATFORMS["threads"], version=1, continues={}))


@pytest.fixture
def deploy(first_version: None, monkeypatch: pytest.MonkeyPatch) -> Deploy:
    """Return a function that deploys a version of the program of Threads. Version 2 has other names."""
    first = PLATFORMS["threads"]
    assert first.finish is not None
    finish_first = first.finish

    async def publish(p: Any) -> Published:
        return await first.publish(Renamed(p))  # type: ignore[arg-type]

    async def finish(p: Any, published: Published) -> Published:
        return await finish_first(Renamed(p), published)  # type: ignore[arg-type]

    def deployed(version: int, continues: Mapping[int, Continue] | None = None) -> None:
        second = replace(first, publish=publish, finish=finish, version=version, continues=continues or {})
        monkeypatch.setitem(PLATFORMS, "threads", first if version == 1 else second)

    return deployed


async def post(stage: Stage) -> str:
    return await stage.post(await stage.connect("threads"), "threads", TEXT)


async def begin(stage: Stage, request: str) -> str:
    """Post, and let the worker die after the response to this request."""
    post_id = await post(stage)
    with killed_at(request, "after"), pytest.raises(Killed):
        await stage.run_all()
    clock.move(LEASE + timedelta(seconds=1))
    return post_id


async def begin_finish(stage: Stage) -> str:
    """Post without an address, and let the worker die when `finish` has received it."""
    await stage.sandbox.fault("threads", "permalink", "before", "status", status=200, body={"id": "1"})
    post_id = await post(stage)
    await stage.worker.run_due()
    with killed_at("permalink", "after"), pytest.raises(Killed):
        await stage.run_all()
    clock.move(LEASE + timedelta(seconds=1))
    return post_id


async def test_journal_pins_the_program(stage: Stage) -> None:
    post_id = await post(stage)
    assert (await stage.job(post_id)).program is None
    with killed_at("publish", "before"), pytest.raises(Killed):
        await stage.run_all()
    assert (await stage.job(post_id)).program == "threads.publish@1!"


async def test_pin_follows_the_intents(stage: Stage) -> None:
    post_id = await post(stage)
    [claimed] = await stage.claim()
    journal = _journal(stage, claimed)
    pins = []
    for write in (
        journal.finish("container", {}),
        journal.intend("invisible", publishes=False),
        journal.intend("publish", publishes=True),
        journal.withdraw("publish"),
    ):
        await write
        pins.append((await stage.job(post_id)).program)
    assert pins == [f"threads.publish@1{seen}" for seen in ("", "", "!", "")]


async def test_steps_alone_start_over_under_the_new_version(stage: Stage, deploy: Deploy) -> None:
    post_id = await begin(stage, "create")
    row = await stage.job(post_id)
    deploy(2)
    await stage.run_until_ended()
    job, item = await stage.job(post_id), await stage.item(post_id)
    assert (item["status"], item["attempts"], item["error"]) == ("published", 2, None)
    assert (job.round, job.program, job.failures) == (row.round, "threads.publish@2!", 0)
    assert len(await stage.sandbox.posts("threads")) == 1


async def test_saved_steps_start_over_in_a_new_round(stage: Stage, deploy: Deploy) -> None:
    post_id = await begin(stage, "status")
    assert (await stage.job(post_id)).program == "threads.publish@1"
    deploy(2)
    await stage.run_until_ended()
    job, item = await stage.job(post_id), await stage.item(post_id)
    assert (item["status"], item["attempts"], item["error"]) == ("published", 2, None)
    assert (job.round, job.program, job.failures) == (1, "threads.publish@2!", 0)
    assert (await stage.sandbox.requests("threads")).count("create") == 2
    assert len(await stage.sandbox.posts("threads")) == 1


@pytest.mark.parametrize("request_name", ["status", "publish"])
async def test_declared_version_continues(stage: Stage, deploy: Deploy, request_name: str) -> None:
    post_id = await begin(stage, request_name)
    deploy(2, {1: rename})
    await stage.run_until_ended()
    job, item = await stage.job(post_id), await stage.item(post_id)
    assert (item["status"], item["attempts"], item["error"]) == ("published", 2, None)
    assert (job.round, job.program) == (0, "threads.publish@2!")
    assert (await stage.sandbox.requests("threads")).count("create") == 1
    assert len(await stage.sandbox.posts("threads")) == 1


async def test_intent_waits_for_a_worker_that_knows_it(stage: Stage, deploy: Deploy) -> None:
    """Without `CONTINUES`, the item waits, says so after 10 minutes, and goes on when such a worker starts."""
    post_id = await begin(stage, "publish")
    deploy(2)
    await stage.run_until_ended()
    job, item = await stage.job(post_id), await stage.item(post_id)
    assert (job.state, item["status"], item["error"], item["next_attempt_at"]) == ("stranded", "processing", None, None)
    clock.move(PATIENCE + timedelta(seconds=1))
    await stage.worker.run_due()
    error = (await stage.item(post_id))["error"]
    assert (error["class"], error["code"], error["actor"]) == ("transient", "program_unknown", "operator")
    assert error["message"] == (
        "The program threads.publish@1 began this item, and no running worker can continue it. "
        f"Clipcast {__version__} can."
    )
    async with stage.installation.database.session() as session:
        assert [str(one.post_id) for one in await stuck_items(session, UUID(stage.caller.workspace_id))] == [post_id]
    [finding] = [finding async for finding in _programs(stage.installation)]
    assert (finding.verdict, finding.message) == (
        "bad", f"no worker can continue 1 jobs that threads.publish@1 began; Clipcast {__version__} can",
    )  # fmt: skip
    deploy(1)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], item["attempts"], item["error"]) == ("published", 2, None)
    assert len(await stage.sandbox.posts("threads")) == 1


async def test_both_versions_at_once_each_run_what_they_can(stage: Stage, deploy: Deploy) -> None:
    """In a rolling deploy, the workers of the older version end what they began."""
    post_id = await begin(stage, "publish")
    await register(stage.installation.database, WorkerFacts("old:1", "rows", "", {NETWORK: 1}, runnable_programs()))
    deploy(2)
    assert await stage.worker.run_due() == 0
    assert (await stage.job(post_id)).state == JobState.READY
    [finding] = [finding async for finding in _programs(stage.installation)]
    assert (finding.verdict, finding.message) == (
        "advice", f"this version cannot continue 1 jobs that threads.publish@1 began; Clipcast {__version__} can",
    )  # fmt: skip
    deploy(1)
    assert await stage.worker.run_due() == 1


async def test_newer_version_is_left_alone(stage: Stage, deploy: Deploy) -> None:
    deploy(2)
    post_id = await begin(stage, "status")
    deploy(1)
    await stage.run_until_ended()
    assert (await stage.job(post_id)).state == JobState.STRANDED
    deploy(2)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert len(await stage.sandbox.posts("threads")) == 1


@pytest.mark.parametrize("declared", [False, True])
async def test_finish_of_an_older_version_needs_a_declaration(stage: Stage, deploy: Deploy, declared: bool) -> None:
    post_id = await begin_finish(stage)
    deploy(2, {1: rename} if declared else {})
    await stage.run_until_ended()
    clock.move(PATIENCE + timedelta(seconds=1))
    await stage.worker.run_due()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]) == ("published", None)
    assert ("/post/" in item["platform_post_url"]) == declared
    deploy(1)
    await stage.run_until_ended()
    assert "/post/" in (await stage.item(post_id))["platform_post_url"]


async def test_continue_that_loses_the_intent_leaves_the_job(stage: Stage, deploy: Deploy) -> None:
    post_id = await begin(stage, "publish")
    deploy(2, {1: lambda entries: {}})
    await stage.worker.run_due()
    job, item = await stage.job(post_id), await stage.item(post_id)
    assert (job.state, job.program, job.failures) == (JobState.WAITING, "threads.publish@1!", 0)
    assert (item["status"], item["attempts"], item["error"]) == ("processing", 2, None)
    deploy(1)
    await stage.run_until_ended()
    assert len(await stage.sandbox.posts("threads")) == 1


async def test_refused_offer_is_repeated_soon(stage: Stage, deploy: Deploy) -> None:
    post_id, database = await begin(stage, "publish"), stage.installation.database
    await reclaim_expired(database)
    [offered], _ = await offer(database, NETWORK, 5, 0, runnable_programs())
    deploy(2)
    facts = WorkerFacts("new:1", "temporal", "", {NETWORK: 1}, runnable_programs())
    worker = await register(database, facts)
    assert await take(database, worker, offered.job_id, offered.number, runnable_programs()) is None
    clock.move(REFUSED_PAUSE + timedelta(seconds=1))
    await reclaim_expired(database)
    assert (await stage.job(post_id)).state == JobState.READY


async def test_replaced_entries_keep_their_marks(stage: Stage) -> None:
    await post(stage)
    [claimed] = await stage.claim()
    now = clock.now()
    entries = {
        "container": SavedEntry({"id": "1"}, finished_at=now),
        "publish": SavedEntry(None, intended_at=now, exists=True),
        "upload": SavedEntry("etag", intended_at=now, finished_at=now, publishes=False),
    }
    journal = _journal(stage, claimed)
    await journal.finish("old", 1)
    await journal.replace(entries)
    clock.move(LEASE + timedelta(seconds=1))
    await reclaim_expired(stage.installation.database)
    [again] = await stage.claim()
    assert (again.program, _journal(stage, again).saved()) == ("threads.publish@1!", entries)


async def test_worker_strands_nothing_that_another_worker_can_run(stage: Stage, deploy: Deploy) -> None:
    database = stage.installation.database
    post_id = await begin(stage, "publish")
    await reclaim_expired(database)
    old = WorkerFacts("old:1", "rows", "", {NETWORK: 1}, runnable_programs())
    await register(database, old)
    await sort_stranded(database)
    assert (await stage.job(post_id)).state == JobState.READY
    clock.move(LEASE + timedelta(seconds=1))
    await register(database, replace(old, programs={"weed.publish@1": ""}))
    await sort_stranded(database)
    assert (await stage.job(post_id)).state == JobState.STRANDED


@pytest.mark.parametrize(("request_name", "mark"), [("status", ""), ("publish", "!")])
async def test_migration_marks_what_may_be_visible(stage: Stage, request_name: str, mark: str) -> None:
    post_id = await begin(stage, request_name)

    def back(connection: Connection) -> None:
        command.downgrade(config_of(connection), "0020")

    async with stage.installation.database.maintain() as connection:
        await connection.run_sync(back)
        assert await connection.scalar(text("SELECT program FROM jobs")) == "threads.publish@1"
    await upgrade(stage.installation.database)
    assert (await stage.job(post_id)).program == f"threads.publish@1{mark}"


def _journal(stage: Stage, claimed: ClaimedItem) -> Journal:
    timeline, program = Timeline(claimed.attempt_id), Program.of(PLATFORMS["threads"])
    return Journal(stage.installation.database, stage.installation.vault, claimed, timeline, program)
