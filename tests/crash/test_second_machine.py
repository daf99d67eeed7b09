"""A worker on another machine, whose link to the database is cut while it publishes."""

import asyncio
import sys
import time
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from clipcast.clock import clock
from clipcast.database.models.jobs import Attempt, Worker
from clipcast.jobs.claimed import LEASE
from clipcast.testing.case import Case
from clipcast.testing.checks import exactly_one_video
from clipcast.testing.harness import Stage
from clipcast.testing.loop_time import move_loop_time
from tests.conformance import linkedin, tiktok, youtube
from tests.crash.network_namespaces import can_make_machines, second_machine
from tests.crash.processes import START, arrived, until, worker_process
from tests.crash.test_processes import ended

pytestmark = pytest.mark.skipif(not can_make_machines(), reason="network namespaces take root and iproute2")
# The most time from the end of a lease to another worker's claim.
RECLAIM_WITHIN = timedelta(seconds=10)
# Longer than any time-out, without which the worker would hang for 15 minutes.
SILENCE = 20.0
# The most seconds from the end of the silence to the end of the item: a new connection, a lease, the rest of the run.
CONTINUES_WITHIN = 40.0
# The longest that a statement may hang, on a slow machine.
DETECTED_WITHIN = 20.0
PROBE = """
import asyncio, os, sys, time
from sqlalchemy import text
from clipcast.database import Database
from clipcast.database.hot_queries import Statement
from clipcast.common.unavailable import DatabaseUnavailable

ONE = Statement("SELECT 1")

async def main():
    database = Database(os.environ["CLIPCAST_DATABASE_URL"])
    notifications, gone = await database.connect_for_notifications(), asyncio.Event()
    notifications.add_termination_listener(lambda _: gone.set())
    await notifications.add_listener("clipcast_due", lambda *_: None)

    async def hot():
        await database.hot_pool.fetch(ONE, {})

    async def session():
        async with database.begin() as session:
            await session.execute(text("SELECT 1"))

    await hot(), await session()
    print("connected", flush=True)
    await asyncio.to_thread(sys.stdin.readline)

    async def timed(name, act):
        began = time.monotonic()
        try:
            await act()
        except DatabaseUnavailable:
            pass
        print(name, time.monotonic() - began, flush=True)

    await asyncio.gather(timed("hot", hot), timed("session", session), timed("notifications", gone.wait))
    os._exit(0)

asyncio.run(main())
"""


async def holder(stage: Stage, post_id: str) -> Worker:
    """Return the worker that runs the job."""
    async with stage.installation.database.session() as session:
        return await session.get_one(Worker, (await stage.job(post_id)).worker_id)


@pytest.mark.parametrize("one", [tiktok.CASE, youtube.CASE, linkedin.CASE], ids=lambda one: one.platform)
async def test_cut_link_to_the_database_lets_another_worker_reclaim_the_item(stage: Stage, one: Case) -> None:
    case = one
    connection = await case.connect(stage)
    await stage.sandbox.fault(case.platform, case.irreversible, "after", "delay", seconds=60)
    post_id = await stage.post(connection, case.platform, case.metadata)
    async with second_machine(stage) as machine, machine.worker() as far:
        await arrived(stage)
        machine.database.cut()
        move_loop_time(60)  # the response comes
        cut_at = clock.now()
        lease_until = (await holder(stage, post_id)).lease_until
        assert lease_until < cut_at + LEASE + timedelta(seconds=1)
        async with worker_process(stage, LEASE.total_seconds()) as near:

            async def taken_over() -> bool:
                return (await stage.job(post_id)).fence > 1

            await until(taken_over, 60)
            # By the times of the workers, so that the start of a process does not count.
            async with stage.installation.database.session() as session:
                claimed = await session.scalar(select(func.max(Attempt.started_at)))
                begun = await session.scalar(select(func.max(Worker.started_at)))
            assert lease_until <= claimed < max(lease_until, begun) + RECLAIM_WITHIN
            await ended(stage, post_id)
            near.kill()
        await exactly_one_video(stage, case, post_id)
        sent, row = await stage.sandbox.requests(case.platform), await stage.row(post_id)
        machine.database.restore()
        await asyncio.sleep(2)
        # The worker had received the response. It neither saves it late nor sends anything more.
        assert await stage.sandbox.requests(case.platform) == sent
        assert (await stage.row(post_id)).updated_at == row.updated_at
        await exactly_one_video(stage, case, post_id)
        # It also continues to run other items.
        again = await stage.post(connection, case.platform, case.metadata)
        await ended(stage, again)
        assert far.returncode is None
        assert (await stage.item(again))["status"] in ("published", "failed")
        assert len(await stage.sandbox.posts(case.platform)) <= 2


async def test_worker_on_another_machine_publishes(stage: Stage) -> None:
    case = tiktok.CASE
    connection = await case.connect(stage)
    post_id = await stage.post(connection, case.platform, case.metadata)
    async with second_machine(stage) as machine, machine.worker() as far:
        await ended(stage, post_id)
        far.terminate()
        assert await asyncio.wait_for(far.wait(), START) == 0
    assert (await stage.item(post_id))["status"] == "published"
    assert len(await stage.sandbox.posts(case.platform)) == 1


async def test_silent_database_host_stops_publishing_until_it_responds(stage: Stage) -> None:
    """Stop publishing while all packets to the database are dropped, and continue afterwards.

    No connection is reset, so only the worker's own time-outs detect the silence. It is the only worker.
    """
    case = tiktok.CASE
    connection = await case.connect(stage)
    await stage.sandbox.fault(case.platform, case.irreversible, "after", "delay", seconds=60)
    post_id = await stage.post(connection, case.platform, case.metadata)
    async with second_machine(stage) as machine, machine.worker() as far:
        await arrived(stage)
        machine.database.silence()
        move_loop_time(60)
        await asyncio.sleep(SILENCE)
        sent = await stage.sandbox.requests(case.platform)
        await asyncio.sleep(2)
        # The worker cannot confirm its last write, so it sends nothing more.
        assert await stage.sandbox.requests(case.platform) == sent
        machine.database.unsilence()
        back_at = time.monotonic()
        await ended(stage, post_id)
        assert time.monotonic() - back_at < CONTINUES_WITHIN
        assert far.returncode is None
        assert (await stage.item(post_id))["status"] == "published"
        assert len(await stage.sandbox.posts(case.platform)) == 1


async def test_statement_to_a_silent_host_ends_within_seconds(stage: Stage) -> None:
    """Time both pools and the connection for notifications on the machine that is cut off."""
    async with second_machine(stage) as machine:
        process = await asyncio.create_subprocess_exec(
            "ip", "netns", "exec", machine.namespace, sys.executable, "-c", PROBE,
            env=machine.environ, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout
        assert await asyncio.wait_for(process.stdout.readline(), 60) == b"connected\n"
        machine.database.silence()
        assert process.stdin
        process.stdin.write(b"go\n")
        output, _ = await asyncio.wait_for(process.communicate(), 90)
    took = dict(line.split() for line in output.decode().splitlines())
    assert set(took) == {"hot", "session", "notifications"}
    assert all(float(seconds) < DETECTED_WITHIN for seconds in took.values()), took
