"""The quarantine: a job whose runs have ended two workers runs alone, in a process of its own.

If that process dies, too, the job is dead: this job ends its workers, and none of its neighbours did.

A worker offers the job to its new process. Other workers see no ready job then, and start none.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from clipcast import __version__
from clipcast.common.ids import new_id
from clipcast.common.logs import configure
from clipcast.common.settings import Settings
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.database import Database
from clipcast.database.hot_queries import Statement
from clipcast.installation import open_installation
from clipcast.jobs.claimed import HEARTBEAT
from clipcast.jobs.engines.rows import RowsEngine
from clipcast.jobs.kinds import QUARANTINE
from clipcast.jobs.queue import Offer, offer, random_place, take, withdraw
from clipcast.jobs.quotas import subject_prefix
from clipcast.jobs.slots import WorkerSlots
from clipcast.jobs.workers import WorkerFacts, reclaim_expired
from clipcast.publishing.programs import runnable_programs
from clipcast.publishing.runner import Runner

log = structlog.get_logger()

# Seconds between two looks for quarantined jobs.
LOOK_EVERY = 1.0
# The time in which a child takes the job that its worker offers.
TAKEN_WITHIN = timedelta(seconds=30)
# Seconds in which a child ends: after it is told to stop, and after its worker has ended.
STOP_GRACE = 10.0
# Seconds between two looks whether the child has ended.
WAIT_STEP = 0.1
# Linux counts the peak memory in KiB, macOS in bytes.
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024

REGISTERED = Statement("SELECT FROM workers WHERE id = :id")


class Quarantine:
    """The one slot of a worker for quarantined jobs."""

    def __init__(self, settings: Settings, database: Database, slots: WorkerSlots) -> None:
        self._settings = settings
        self._database = database
        self._slots = slots

    async def run(self) -> None:
        """Run the quarantined jobs, one at a time, for as long as the worker runs."""
        while True:
            if not self._slots.orders.pauses.has_queue(QUARANTINE):
                programs = self._slots.facts.programs
                offers, _ = await offer(self._database, QUARANTINE, 1, random_place(), programs, TAKEN_WITHIN)
                for offered in offers:
                    await self._run_one(offered)
            await asyncio.sleep(LOOK_EVERY)

    async def _run_one(self, offered: Offer) -> None:
        worker_id = new_id()
        # The settings hold secrets, so they are neither arguments nor environment variables.
        settings = self._settings.model_copy(update={"database_url": self._database.url})
        arguments = [str(worker_id), str(offered.job_id), str(offered.number)]
        child = subprocess.Popen(  # noqa: S603, ASYNC220 - our own interpreter, and the start does not wait for it
            [sys.executable, "-m", "clipcast.publishing.quarantine", *arguments],
            stdin=subprocess.PIPE,
        )
        assert child.stdin is not None
        child.stdin.write(settings.model_dump_json().encode())
        child.stdin.close()
        watching = asyncio.create_task(self._end_without_lease(child.pid, worker_id))
        try:
            code, peak_memory = await _end_of(child.pid)
        except asyncio.CancelledError:
            child.terminate()  # the child hands its job over
            try:
                async with asyncio.timeout(STOP_GRACE):
                    await _end_of(child.pid)
            except TimeoutError:
                child.kill()  # it hangs: its lease ends by itself
                await _end_of(child.pid)
            raise
        finally:
            watching.cancel()
            with suppress(DatabaseUnavailable):  # the offer then ends by itself
                await withdraw(self._database, [offered])
        if code:
            evidence = _evidence(code, peak_memory)
            log.error("quarantined_run_died", **evidence)
            await reclaim_expired(self._database, worker_id, evidence)

    async def _end_without_lease(self, pid: int, worker_id: UUID) -> None:
        """Kill the child if it does not end after its worker did: it hangs, and its job is no longer its own."""
        registered = False
        while True:
            await asyncio.sleep(LOOK_EVERY)
            with suppress(DatabaseUnavailable):
                found = bool(await self._database.hot_pool.fetch(REGISTERED, {"id": worker_id}))
                if registered and not found:
                    await asyncio.sleep(STOP_GRACE)
                    os.kill(pid, signal.SIGKILL)
                    return
                registered = found


async def _end_of(pid: int) -> tuple[int, int]:
    """Wait for the end of a child. Return its exit code, negative for a signal, and its peak memory in bytes."""
    while True:
        ended, status, usage = os.wait4(pid, os.WNOHANG)  # noqa: ASYNC222 - it does not wait
        if ended:
            return os.waitstatus_to_exitcode(status), usage.ru_maxrss * MAXRSS_UNIT
        await asyncio.sleep(WAIT_STEP)


def _evidence(code: int, peak_memory: int) -> Mapping[str, Any]:
    """Return what is known about the end of a process. A negative `code` is a signal's number."""
    known = {one.value: one.name for one in signal.Signals}
    name = known.get(-code, f"signal {-code}") if code < 0 else None
    return {"signal": name, "exit_code": code if code >= 0 else None, "peak_memory_bytes": peak_memory}


async def run_alone(settings: Settings, worker_id: UUID, job_id: UUID, offers: int) -> None:
    """Run one quarantined job, by the number of its offer, as the worker of this id. SIGTERM hands it over."""
    async with open_installation(settings) as installation:
        database = installation.database
        runner = Runner(installation.settings, database, installation.storage, installation.vault)
        name = f"{socket.gethostname()}:{os.getpid()}"
        facts = WorkerFacts(name, RowsEngine.name, __version__, {QUARANTINE: 1}, runnable_programs())
        slots = WorkerSlots(database, facts, runner.run, subject_prefix(settings))
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        await slots.open(worker_id)
        beating = asyncio.create_task(_beat(slots))
        try:
            job = None
            if not stopped.is_set():
                job = await take(database, slots.lease, job_id, offers, facts.programs, name, slots.quotas_of)
            if job is not None:
                run = slots.start(job)
                await asyncio.wait(
                    {run, stopping := asyncio.create_task(stopped.wait())}, return_when=asyncio.FIRST_COMPLETED
                )
                stopping.cancel()
                run.cancel()  # a run that has ended ignores it
                await asyncio.gather(run, return_exceptions=True)
        finally:
            beating.cancel()
            await runner.close()
            await slots.close()


async def _beat(slots: WorkerSlots) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT.total_seconds())
        try:
            await slots.beat()
        except Exception as error:  # without heartbeats, the lease ends and the job counts as one that kills workers
            log.error("lease_not_renewed", error=str(error))


def main() -> None:
    """Run the process of one quarantined job: the settings on standard input, the rest as arguments."""
    settings = Settings.model_validate_json(sys.stdin.buffer.read())
    configure(settings.log_level)
    worker_id, job_id, offers = sys.argv[1:]
    asyncio.run(run_alone(settings, UUID(worker_id), UUID(job_id), int(offers)))


if __name__ == "__main__":
    main()
