"""Quarantined jobs: each has one process, however many workers look for it."""

import asyncio
import subprocess
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import update

from clipcast.clock import clock
from clipcast.database.models.jobs import Job, JobState
from clipcast.jobs.kinds import QUARANTINE
from clipcast.publishing import quarantine
from clipcast.publishing.quarantine import Quarantine
from clipcast.publishing.worker import Worker
from clipcast.testing.harness import Stage

METADATA = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}
WORKERS = 8


class Processes:
    """The processes that quarantines start. With `script`, they run that instead."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, script: str = "") -> None:
        self.started: list[list[str]] = []
        self._script = script
        stand_in = SimpleNamespace(Popen=self._start, PIPE=subprocess.PIPE)
        monkeypatch.setattr(quarantine, "subprocess", stand_in)
        monkeypatch.setattr(quarantine, "LOOK_EVERY", 0.05)

    def _start(self, command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        self.started.append(command)
        return subprocess.Popen([command[0], "-c", self._script] if self._script else command, **options)


async def quarantined(stage: Stage) -> str:
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", METADATA)
    async with stage.installation.database.begin() as session:
        await session.execute(update(Job).values(queue=QUARANTINE, crash_count=2))
    return post_id


def look(stage: Stage, number: int) -> list[asyncio.Task[None]]:
    """Start the quarantines of so many workers."""
    one = stage.installation
    settings = one.settings.model_copy(update={"secret_key": "k" * 32})
    workers = [Worker(settings, one.database, one.storage, one.vault) for _ in range(number)]
    return [asyncio.create_task(Quarantine(settings, one.database, worker.slots).run()) for worker in workers]


async def end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_many_workers_start_one_process_for_one_job(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    processes = Processes(monkeypatch)
    post_id = await quarantined(stage)
    tasks = look(stage, WORKERS)
    async with asyncio.timeout(60):
        while (await stage.job(post_id)).state != JobState.DONE:
            await asyncio.sleep(0.05)
    await end(tasks)
    assert (await stage.item(post_id))["status"] == "published"
    assert len(processes.started) == 1


@pytest.mark.parametrize("script", ["raise SystemExit(3)", "pass"])
async def test_job_that_a_process_did_not_take_is_ready_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    """Whether the process failed or found nothing: its end is no death of a worker that ran the job."""
    processes = Processes(monkeypatch, script)
    post_id = await quarantined(stage)
    tasks = look(stage, 1)
    async with asyncio.timeout(60):
        while len(processes.started) < 2:
            await asyncio.sleep(0.02)
    await end(tasks)
    job = await stage.job(post_id)
    assert (job.state, job.crash_count, job.attempts) == (JobState.READY, 2, 0)


async def test_stopping_worker_withdraws_its_offer(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    processes = Processes(monkeypatch, "import time; time.sleep(60)")
    post_id = await quarantined(stage)
    tasks = look(stage, WORKERS)
    async with asyncio.timeout(60):
        while not processes.started:
            await asyncio.sleep(0.02)
    assert (await stage.job(post_id)).state == JobState.OFFERED
    offered_until = (await stage.job(post_id)).offered_until
    assert offered_until is not None
    assert offered_until > clock.now()
    await end(tasks)
    assert (await stage.job(post_id)).state == JobState.READY
