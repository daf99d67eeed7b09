"""The Temporal engine with a real Temporal server. The rows decide; Temporal only brings them to the workers."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import ActivityExecution, ActivityExecutionStatus, ActivityFailureError, Client
from temporalio.worker import Worker as Poller

from clipcast.clock import clock
from clipcast.database.hot_queries import Statement
from clipcast.jobs import queue
from clipcast.jobs.engines.temporal import feeder
from clipcast.jobs.engines.temporal.connection import TemporalUnavailable, connect
from clipcast.jobs.engines.temporal.engine import TemporalEngine
from clipcast.jobs.queue import Offer, offer, random_place, take
from clipcast.platforms.registry import PLATFORMS
from clipcast.publishing.programs import runnable_programs
from clipcast.publishing.worker import Worker
from clipcast.testing.harness import Stage, running
from clipcast.testing.loop_time import move_loop_time
from tests.conftest import Temporal
from tests.crash.processes import arrived, until
from tests.tcp_proxy import tcp_proxy

PLATFORM = "bluesky"
PROGRAMS = runnable_programs()
METADATA = dict(PLATFORMS[PLATFORM].metadata.example)
# The request that a test delays, so that it finds the run under way.
SLOW = "part"


def worker_of(stage: Stage, engine: str, **settings: Any) -> Worker:
    installation = stage.installation
    changed = installation.settings.model_copy(update={"engine": engine, **settings})
    return Worker(changed, installation.database, installation.storage, installation.vault)


async def client_of(stage: Stage, engine: str) -> Client:
    return await connect(stage.installation.settings.model_copy(update={"engine": engine}), "test")


async def post(stage: Stage, scheduled_at: str | None = None) -> str:
    target = {"connectionId": await stage.connect(PLATFORM), "metadata": {PLATFORM: METADATA}}
    videos = [{"editId": await stage.caller.upload(stage.clip), "targets": [target]}]
    response = await stage.caller.post("/posts", {"videos": videos, "scheduled_at": scheduled_at})
    assert response.status_code == 201, response.text
    return str(response.json()["post_id"])


class Log:
    """The lines that the engine logs, in place of structlog."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def error(self, event: str, **values: Any) -> None:
        self.lines.append({"event": event, **values})

    warning = info = error

    def of(self, event: str) -> list[dict[str, Any]]:
        return [one for one in self.lines if one["event"] == event]

    async def has(self, event: str) -> None:
        """Wait until the event is logged."""

        async def is_logged() -> bool:
            return bool(self.of(event))

        await until(is_logged)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    log = Log()
    monkeypatch.setattr("clipcast.jobs.engines.temporal.engine.log", log)
    monkeypatch.setattr(feeder, "log", log)
    return log


def later(time: timedelta) -> str:
    return (clock.now() + time).isoformat()


async def published(stage: Stage, *posts: str) -> None:
    """Wait until the posts are published, and check that there is one video for each."""

    async def are_published() -> bool:
        return all([(await stage.row(one)).status == "published" for one in posts])

    await until(are_published, 60)
    assert len(await stage.sandbox.posts(PLATFORM)) == len(posts)


async def states(stage: Stage) -> list[str]:
    async with stage.installation.database.connect() as connection:
        return list((await connection.execute(text("SELECT state FROM jobs ORDER BY id"))).scalars())


async def activities(client: Client, temporal: Temporal, number: int = 1) -> list[ActivityExecution]:
    """Return the test's activities, the newest first, when there are at least `number`."""
    found: list[ActivityExecution] = []

    async def are_listed() -> bool:
        query = f"TaskQueue = '{temporal.prefix}.network'"
        found[:] = [one async for one in client.list_activities(query)]
        return len(found) >= number

    await until(are_listed)
    return found


async def test_post_is_published_by_an_activity(stage: Stage, temporal: Temporal) -> None:
    async with running(worker_of(stage, temporal.engine)):
        post_id = await post(stage)
        await published(stage, post_id)
    client = await client_of(stage, temporal.engine)
    shown = await activities(client, temporal)
    assert {one.status for one in shown} == {ActivityExecutionStatus.COMPLETED}
    assert await client.get_activity_handle(shown[-1].activity_id).result() == "done"
    described = await client.get_activity_handle(shown[-1].activity_id).describe()
    assert described.raw_input is None  # the id says it all: Temporal stores nothing of a post


async def test_hundreds_of_jobs_are_offered_a_few_at_a_time(
    stage: Stage, temporal: Temporal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest waits in the database, where it can be edited and where its order is decided."""
    connection = await stage.connect(PLATFORM)
    edit = await stage.caller.upload(stage.clip)
    posts = [await stage.post(connection, PLATFORM, METADATA, edit) for _ in range(40)]
    most = 0
    start_activity = feeder.Feeder._start_activity

    async def counted(self: feeder.Feeder, *arguments: Any) -> None:
        nonlocal most
        most = max(most, (await states(stage)).count("offered"))
        await start_activity(self, *arguments)

    monkeypatch.setattr(feeder.Feeder, "_start_activity", counted)
    async with running(worker_of(stage, temporal.engine, worker_concurrency=4)):
        await published(stage, *posts)
    assert 0 < most <= 4 * feeder.OFFERS_PER_SLOT


async def test_canceled_activity_hands_its_job_over(stage: Stage, temporal: Temporal) -> None:
    await stage.sandbox.fault(PLATFORM, SLOW, "before", "delay", seconds=20)
    client = await client_of(stage, temporal.engine)
    async with running(worker_of(stage, temporal.engine)):
        post_id = await post(stage)
        await arrived(stage)
        [first] = await activities(client, temporal)
        await client.get_activity_handle(first.activity_id).cancel()
        await published(stage, post_id)
        shown = await activities(client, temporal, 2)
    assert ActivityExecutionStatus.CANCELED in {one.status for one in shown}


async def test_run_goes_on_if_temporal_loses_its_activity(
    stage: Stage, temporal: Temporal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminated activity ends in Temporal only. One run publishes the post."""
    monkeypatch.setattr("clipcast.jobs.engines.temporal.activities.HEARTBEAT_EVERY", 0.2)
    await stage.sandbox.fault(PLATFORM, SLOW, "before", "delay", seconds=60)
    client = await client_of(stage, temporal.engine)
    async with running(worker_of(stage, temporal.engine)):
        post_id = await post(stage)
        await arrived(stage)
        job = await stage.job(post_id)
        id = feeder.activity_id(Offer(job.id, job.fence - 1, job.offers, job.workspace_id, job.kind, None, 0))
        await client.get_activity_handle(id).terminate(reason="test")
        await asyncio.sleep(1)  # in which heartbeats say that the activity has ended
        move_loop_time(60)
        await published(stage, post_id)
    assert (await stage.item(post_id))["attempts"] == 1
    assert (await stage.sandbox.requests(PLATFORM)).count(SLOW) == 1


async def test_activity_of_another_offer_is_superseded(stage: Stage, temporal: Temporal) -> None:
    """An offer that was edited, taken or repeated meanwhile starts nothing, and an activity of a stranger fails."""
    post_id = await post(stage, later(timedelta(hours=1)))
    clock.move(timedelta(hours=1))
    await queue.promote(stage.installation.database)
    [old], _ = await offer(stage.installation.database, "network", 1, random_place(), PROGRAMS)
    client = await client_of(stage, temporal.engine)
    changed = await stage.caller.call("PATCH", f"/posts/{post_id}", json={"scheduled_at": later(timedelta(days=1))})
    assert changed.status_code == 200, changed.text

    async def start(id: str) -> Any:
        handle = await client.start_activity(
            feeder.ACTIVITY,
            id=id,
            task_queue=f"{temporal.prefix}.network",
            start_to_close_timeout=timedelta(seconds=60),
        )
        return await handle.result()

    async with running(worker_of(stage, temporal.engine)):
        assert await start(feeder.activity_id(old)) == "superseded"
        with pytest.raises(ActivityFailureError) as error:
            await start("by hand")
    assert "Start no activity by hand" in str(error.value.__cause__)
    assert await states(stage) == ["waiting"]
    assert (await stage.item(post_id))["attempts"] == 0


async def test_without_the_number_of_the_offer_a_stale_one_would_be_taken(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prove that `take` needs the number: without it, a job runs by an offer that a later one replaced."""
    await post(stage)
    database = stage.installation.database
    worker = worker_of(stage, "rows")
    await worker.slots.open()
    [old], _ = await offer(database, "network", 1, random_place(), PROGRAMS)
    await queue.withdraw(database, [old])
    [new], _ = await offer(database, "network", 1, random_place(), PROGRAMS)
    assert (new.job_id, new.number) == (old.job_id, old.number + 1)
    assert await take(database, worker.slots.lease, old.job_id, old.number, PROGRAMS) is None
    unnumbered = Statement(queue.TAKE.named.replace("AND offers = :offers", "AND :offers > 0"))
    monkeypatch.setattr(queue, "TAKE", unnumbered)
    assert await take(database, worker.slots.lease, old.job_id, old.number, PROGRAMS) is not None
    await worker.slots.close()
    await worker.close()


async def test_withdrawn_offer_is_ready_at_once_unless_a_worker_took_it(stage: Stage) -> None:
    await post(stage)
    database = stage.installation.database
    worker = worker_of(stage, "rows")
    await worker.slots.open()
    [one], _ = await offer(database, "network", 1, random_place(), PROGRAMS)
    assert await states(stage) == ["offered"]
    await queue.withdraw(database, [one])
    assert await states(stage) == ["ready"]
    [one], _ = await offer(database, "network", 1, random_place(), PROGRAMS)
    assert await take(database, worker.slots.lease, one.job_id, one.number, PROGRAMS) is not None
    await queue.withdraw(database, [one])
    assert await states(stage) == ["running"]
    await worker.slots.close()
    await worker.close()


async def test_search_attributes_are_used_when_the_server_knows_them(
    stage: Stage, own_temporal: Temporal, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeder, "WITHOUT_ATTRIBUTES", 0.0)  # ask again with each activity
    server = own_temporal.server
    server.kill()
    server.wipe()
    server.with_attributes = False
    await server.start()
    client = await client_of(stage, own_temporal.engine)
    async with running(worker_of(stage, own_temporal.engine)) as worker:
        health = await worker.engine.health()
        assert "lacks the search attributes ClipcastKind, ClipcastPlatform and ClipcastWorkspace" in health.advice[0][0]
        first = await post(stage)
        await published(stage, first)
        keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
        names = dict.fromkeys(feeder.ATTRIBUTES, keyword)
        request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=names)
        await client.operator_service.add_search_attributes(request)
        second = await post(stage)
        await published(stage, first, second)

        async def found() -> bool:
            query = f"ClipcastPlatform = '{PLATFORM}' AND ClipcastWorkspace = '{stage.caller.workspace_id}'"
            return bool([one async for one in client.list_activities(query)])

        third = await post(stage)
        await published(stage, first, second, third)
        await until(found)
        assert not (await worker.engine.health()).advice
    assert log.of("temporal_search_attributes_missing")


@pytest.mark.parametrize("wiped", [False, True])
async def test_server_that_dies_delays_posts_and_loses_none(
    stage: Stage, own_temporal: Temporal, log: Log, wiped: bool
) -> None:
    """Posts are accepted while Temporal is away. A run under way goes on, the others begin when it is back."""
    server = own_temporal.server
    await stage.sandbox.fault(PLATFORM, SLOW, "before", "delay", seconds=60)
    async with running(worker_of(stage, own_temporal.engine)):
        first = await post(stage)
        await arrived(stage)
        server.kill()
        second = await post(stage)
        move_loop_time(60)
        await published(stage, first)  # while the server is away
        await log.has("temporal_unavailable")
        if wiped:
            server.wipe()
        await server.start()
        await published(stage, first, second)
        await log.has("temporal_available")
    reasons = [one["reason"] for one in log.of("temporal_unavailable")]
    assert len(reasons) <= 3, reasons  # each state once, not each try
    assert (await stage.item(first))["attempts"] == (await stage.item(second))["attempts"] == 1


async def test_worker_starts_without_the_server_and_goes_on_by_itself(
    stage: Stage, own_temporal: Temporal, log: Log
) -> None:
    own_temporal.server.kill()
    async with running(worker_of(stage, own_temporal.engine)) as worker:
        post_id = await post(stage)
        await log.has("temporal_unavailable")
        health = await worker.engine.health()
        assert (health.reachable, health.backlog) == (False, 1)
        assert "Connection refused" in health.detail
        await own_temporal.server.start()
        await published(stage, post_id)
        assert (await worker.engine.health()).reachable


async def register(client: Client, namespace: str) -> None:
    request = RegisterNamespaceRequest(namespace=namespace)
    request.workflow_execution_retention_period.FromTimedelta(timedelta(days=1))
    await client.workflow_service.register_namespace(request)


async def test_missing_namespace_is_named_and_used_once_it_exists(
    stage: Stage, own_temporal: Temporal, log: Log
) -> None:
    client = await client_of(stage, own_temporal.engine)
    absent = own_temporal.engine.replace("/clipcast?", "/absent?")
    async with running(worker_of(stage, absent)):
        post_id = await post(stage)
        await log.has("temporal_unavailable")
        await register(client, "absent")
        await published(stage, post_id)
    [line] = log.of("temporal_unavailable")
    assert line["reason"].endswith("Create it: temporal operator namespace create --namespace absent")


async def test_server_that_comes_back_without_the_namespace_delays_posts(
    stage: Stage, own_temporal: Temporal, log: Log
) -> None:
    server = own_temporal.server
    async with running(worker_of(stage, own_temporal.engine)):
        await published(stage, first := await post(stage))
        server.kill()
        server.wipe()
        server.namespace = "another"
        await server.start()
        second = await post(stage)
        await log.has("temporal_unavailable")
        await register(await client_of(stage, server.engine), "clipcast")
        await published(stage, first, second)
    assert "the server has no namespace clipcast" in log.of("temporal_unavailable")[-1]["reason"]


@pytest.mark.parametrize("way", ["cut", "hang"])
async def test_link_to_temporal_that_breaks_delays_posts(stage: Stage, temporal: Temporal, way: str) -> None:
    await stage.sandbox.fault(PLATFORM, SLOW, "before", "delay", seconds=60)
    async with tcp_proxy(temporal.server.port) as proxy, running(worker_of(stage, temporal.engine_at(proxy.port))):
        first = await post(stage)
        await arrived(stage)
        getattr(proxy, way)()
        second = await post(stage)
        move_loop_time(60)
        await published(stage, first)  # without the link
        proxy.restore()
        await published(stage, first, second)
    assert (await stage.item(first))["attempts"] == (await stage.item(second))["attempts"] == 1


async def test_server_that_does_not_respond_is_reported(
    stage: Stage, temporal: Temporal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clipcast.jobs.engines.temporal.connection.CONNECT_TIMEOUT", timedelta(seconds=0.5))
    async with tcp_proxy(temporal.server.port) as proxy:
        proxy.hang()
        with pytest.raises(TemporalUnavailable, match="does not respond within"):
            await client_of(stage, temporal.engine_at(proxy.port))


async def test_poller_that_ends_for_good_is_replaced_and_runs_go_on(
    stage: Stage, temporal: Temporal, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that rejects the credentials of a poller ends it. The worker's runs do not depend on pollers."""
    monkeypatch.setattr("clipcast.jobs.engines.temporal.engine.POLLER_PAUSE", timedelta(seconds=0.2))
    run, revoked = Poller.run, asyncio.Event()

    async def revocable(self: Poller) -> None:
        ending = asyncio.create_task(revoked.wait())
        running = asyncio.create_task(run(self))
        await asyncio.wait({running, ending}, return_when=asyncio.FIRST_COMPLETED)
        if ending.done() and not running.done():
            revoked.clear()
            raise RuntimeError("Poll failure: PermissionDenied")
        ending.cancel()
        await running

    monkeypatch.setattr(Poller, "run", revocable)
    await stage.sandbox.fault(PLATFORM, SLOW, "before", "delay", seconds=60)
    async with running(worker_of(stage, temporal.engine)):
        first = await post(stage)
        await arrived(stage)
        revoked.set()
        await log.has("temporal_unavailable")
        second = await post(stage)
        move_loop_time(60)
        await published(stage, first, second)
        await log.has("temporal_available")
    assert log.of("temporal_unavailable")[0]["reason"] == "polling ended: Poll failure: PermissionDenied"
    assert (await stage.item(first))["attempts"] == (await stage.item(second))["attempts"] == 1


async def test_worker_stops_at_once_without_the_server(stage: Stage, own_temporal: Temporal) -> None:
    """The client would repeat its calls for 20 s. The job of the run is ready for other workers."""
    await stage.sandbox.fault(PLATFORM, SLOW, "before", "delay", seconds=60)
    async with asyncio.timeout(90):
        async with running(worker_of(stage, own_temporal.engine)):
            await post(stage)
            await arrived(stage)
            own_temporal.server.kill()
            stopped_at = clock.monotonic()
    assert await states(stage) == ["ready"]
    assert clock.monotonic() - stopped_at < 20


async def test_workers_with_both_engines_share_a_database(stage: Stage, temporal: Temporal) -> None:
    connection = await stage.connect(PLATFORM)
    edit = await stage.caller.upload(stage.clip)
    async with (
        running(worker_of(stage, temporal.engine, worker_concurrency=2)),
        running(worker_of(stage, "rows", worker_concurrency=2)),
    ):
        posts = [await stage.post(connection, PLATFORM, METADATA, edit) for _ in range(20)]
        await published(stage, *posts)
    assert {(await stage.item(one))["attempts"] for one in posts} == {1}


async def test_engine_is_switched_while_posts_are_under_way(stage: Stage, temporal: Temporal) -> None:
    """A rolling restart in both directions: what one engine left, the other continues."""
    connection = await stage.connect(PLATFORM)
    edit = await stage.caller.upload(stage.clip)
    posts: list[str] = []
    for engine in (temporal.engine, "rows", temporal.engine, "rows"):
        await stage.sandbox.fault(PLATFORM, SLOW, "before", "delay", seconds=60)
        async with running(worker_of(stage, engine, worker_concurrency=2)):
            posts += [await stage.post(connection, PLATFORM, METADATA, edit) for _ in range(4)]
            await arrived(stage)
            move_loop_time(60)
    await stage.sandbox.clear_faults()
    clock.move(queue.OFFER_LIFETIME)
    async with running(worker_of(stage, "rows")):
        await published(stage, *posts)


async def test_engine_reports_offers_that_no_worker_took(stage: Stage, temporal: Temporal) -> None:
    await post(stage)
    await offer(stage.installation.database, "network", 1, random_place(), PROGRAMS)
    clock.move(timedelta(seconds=40))
    settings = stage.installation.settings.model_copy(update={"engine": temporal.engine})
    health = await TemporalEngine(settings, stage.installation.database).health()
    assert (health.reachable, health.backlog) == (True, 1)
    assert timedelta(seconds=40) <= health.oldest < timedelta(seconds=60)


def test_activity_ids_hold_no_secret() -> None:
    one = queue.Offer(UUID(int=1), 2, 3, UUID(int=4), "publish", "tiktok", 5)
    assert feeder.activity_id(one) == "00000000-0000-0000-0000-000000000001.2.3"
    assert json.dumps(list(feeder.ATTRIBUTES)) == '["ClipcastKind", "ClipcastPlatform", "ClipcastWorkspace"]'
