"""A worker on another machine, whose link to the database is cut while a video is on its way."""

import asyncio
import time

import pytest

from tests.conformance import linkedin, tiktok, youtube
from tests.conformance.case import Case
from tests.crash.machines import can_make_machines, second_machine
from tests.crash.processes import until, worker_process
from tests.crash.test_matrix import exactly_one_video
from tests.crash.test_processes import arrived, ended
from tests.harness import Stage

pytestmark = pytest.mark.skipif(not can_make_machines(), reason="network namespaces take root and iproute2")
# From the cut to another worker's claim, at most; the rest of the run is the platform's.
TAKE_OVER = 10.0
LEASE = 8.0


@pytest.mark.parametrize("one", [tiktok.CASE, youtube.CASE, linkedin.CASE], ids=lambda one: one.platform)
async def test_a_cut_link_to_the_database(stage: Stage, one: Case) -> None:
    case = one
    connection = await case.connect(stage)
    await stage.sandbox.fault(case.platform, case.irreversible, "after", "delay", seconds=1)
    post_id = await stage.post(connection, case.platform, case.metadata)
    async with second_machine(stage) as machine, machine.worker() as far:
        await arrived(stage)
        machine.database.cut()
        cut_at = time.monotonic()
        async with worker_process(stage, LEASE) as near:

            async def taken_over() -> bool:
                return (await stage.row(post_id)).fence > 1

            await until(taken_over)
            assert time.monotonic() - cut_at < TAKE_OVER + 5  # the aim, and what a slow machine may take
            await ended(stage, post_id)
            near.kill()
        await exactly_one_video(stage, case, post_id)
        sent, row = await stage.sandbox.requests(case.platform), await stage.row(post_id)
        machine.database.mend()
        await asyncio.sleep(2)
        # It had the answer in hand, and neither writes it down late nor sends anything more.
        assert await stage.sandbox.requests(case.platform) == sent
        assert (await stage.row(post_id)).updated_at == row.updated_at
        await exactly_one_video(stage, case, post_id)
        # And it works on by itself.
        again = await stage.post(connection, case.platform, case.metadata)
        await ended(stage, again)
        assert far.returncode is None
        assert (await stage.item(again))["status"] in ("published", "failed")
        assert len(await stage.sandbox.posts(case.platform)) <= 2


async def test_another_machine_works_as_this_one_does(stage: Stage) -> None:
    case = tiktok.CASE
    connection = await case.connect(stage)
    post_id = await stage.post(connection, case.platform, case.metadata)
    async with second_machine(stage) as machine, machine.worker() as far:
        await ended(stage, post_id)
        far.terminate()
        assert await asyncio.wait_for(far.wait(), 15) == 0
    assert (await stage.item(post_id))["status"] == "published"
    assert len(await stage.sandbox.posts(case.platform)) == 1
