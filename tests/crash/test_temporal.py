"""The crash matrix with a real Temporal server. `make test` runs a part of it, `make prove ENGINE=temporal` all of it.

With `--engine temporal`, tests/crash/test_processes.py runs with a Temporal server, too: for every request.
"""

import asyncio

import pytest

from clipcast.jobs.claimed import LEASE as USUAL_LEASE
from clipcast.testing.case import Case
from clipcast.testing.checks import exactly_one_video
from clipcast.testing.harness import Stage
from tests.conftest import Temporal
from tests.crash import test_processes as matrix
from tests.crash.processes import arrived, worker_process
from tests.crash.test_processes import ended
from tests.tcp_proxy import tcp_proxy

pytestmark = pytest.mark.default_methods
# Seconds: longer than usual in tests, because the server needs the processor as well.
LEASE = 3.0
# Seconds for which the platform does not respond, while the test breaks Temporal.
BUSY = 1.0


@pytest.mark.parametrize("when", ["before", "after"])
async def test_worker_killed_during_a_request_leaves_one_video(
    stage: Stage, case: Case, connection: str, temporal: Temporal, when: str
) -> None:
    await matrix.test_worker_killed_during_a_request_leaves_one_video(
        stage, case, connection, case.irreversible, when, temporal.engine
    )


async def test_worker_killed_between_response_and_commit_leaves_one_video(
    stage: Stage, case: Case, connection: str, temporal: Temporal
) -> None:
    await matrix.test_worker_killed_between_response_and_commit_leaves_one_video(
        stage, case, connection, case.irreversible, temporal.engine
    )


async def test_frozen_worker_neither_sends_nor_writes_after_its_lease(
    stage: Stage, case: Case, connection: str, temporal: Temporal
) -> None:
    await matrix.test_frozen_worker_neither_sends_nor_writes_after_its_lease(
        stage, case, connection, case.irreversible, temporal.engine
    )


async def test_other_worker_reclaims_the_item_of_a_killed_one(
    stage: Stage, case: Case, connection: str, temporal: Temporal
) -> None:
    """Kill one of two workers. Temporal brings the item to the other one."""
    await stage.sandbox.fault(case.platform, case.irreversible, "after", "delay", seconds=60)
    post_id = await stage.post(connection, case.platform, case.metadata)
    async with worker_process(stage, LEASE, temporal.engine) as first:
        await arrived(stage)
        async with worker_process(stage, LEASE, temporal.engine):
            first.kill()
            await ended(stage, post_id)
    await exactly_one_video(stage, case, post_id)


async def test_two_workers_run_each_item_once(stage: Stage, case: Case, connection: str, temporal: Temporal) -> None:
    edit = await stage.caller.upload(stage.clip)
    posts = [await stage.post(connection, case.platform, case.metadata, edit) for _ in range(6)]
    lease = USUAL_LEASE.total_seconds()
    async with worker_process(stage, lease, temporal.engine), worker_process(stage, lease, temporal.engine):
        await ended(stage, posts[-1])
    items = [await stage.item(one) for one in posts]
    assert {(item["status"], item["attempts"]) for item in items} == {("published", 1)}
    assert len(await stage.sandbox.posts(case.platform)) == len(posts)


async def test_worker_continues_after_a_restart_of_the_database(
    stage: Stage, case: Case, connection: str, temporal: Temporal
) -> None:
    await matrix.test_worker_continues_after_a_restart_of_the_database(
        stage, case, connection, case.irreversible, temporal.engine
    )


@pytest.mark.parametrize("way", ["cut", "hang"])
async def test_worker_cut_off_from_temporal_publishes_one_video(
    stage: Stage, case: Case, connection: str, temporal: Temporal, way: str
) -> None:
    """The run goes on without the link. What is posted meanwhile begins when the link is back."""
    await stage.sandbox.fault(case.platform, case.irreversible, "after", "delay", seconds=BUSY)
    post_id = await stage.post(connection, case.platform, case.metadata)
    async with (
        tcp_proxy(temporal.server.port) as proxy,
        worker_process(stage, LEASE, temporal.engine_at(proxy.port)) as process,
    ):
        await arrived(stage)
        getattr(proxy, way)()
        await asyncio.sleep(BUSY)
        proxy.restore()
        await ended(stage, post_id)
        assert process.is_alive()
    await exactly_one_video(stage, case, post_id)


@pytest.mark.parametrize("wiped", [False, True])
async def test_killed_server_leaves_one_video(
    stage: Stage, case: Case, connection: str, own_temporal: Temporal, wiped: bool
) -> None:
    """Kill the server while a worker publishes, and kill that worker, too. All go on when the server is back."""
    server = own_temporal.server
    await stage.sandbox.fault(case.platform, case.irreversible, "after", "delay", seconds=60)
    post_id = await stage.post(connection, case.platform, case.metadata)
    async with worker_process(stage, LEASE, own_temporal.engine) as first:
        await arrived(stage)
        server.kill()
        if wiped:
            server.wipe()
        first.kill()
        async with worker_process(stage, LEASE, own_temporal.engine):
            await server.start()
            await ended(stage, post_id)
    await exactly_one_video(stage, case, post_id)


@pytest.mark.parametrize("mutant", ["without the journal", "without reconciling"])
async def test_worker_without_a_safeguard_publishes_two_videos(
    stage: Stage, case: Case, connection: str, temporal: Temporal, mutant: str
) -> None:
    """Prove that the matrix can fail: Temporal itself does not prevent a second video."""
    if mutant == "without reconciling" and not case.looked_for:
        pytest.skip("the platform itself prevents a second video")
    await stage.sandbox.fault(case.platform, case.irreversible, "after", "delay", seconds=60)
    await stage.post(connection, case.platform, case.metadata)
    async with worker_process(stage, LEASE, temporal.engine, mutant) as first:
        await arrived(stage)
        first.kill()
    async with worker_process(stage, LEASE, temporal.engine, mutant):
        await ended(stage, "")
    assert len(await stage.sandbox.posts(case.platform)) == 2
