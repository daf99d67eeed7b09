"""The page of the jobs: dead ones, paused things, live workers, and who may act on them."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database.models.audit import AuditEntry
from clipcast.database.models.jobs import Job, JobState, Worker
from clipcast.installation import Installation
from clipcast.jobs.claimed import LEASE
from clipcast.jobs.kinds import AVATAR, NETWORK, QUARANTINE
from clipcast.jobs.pauses import PLATFORM, WORKSPACE, list_pauses, pause
from clipcast.jobs.queue import claim, random_place
from clipcast.jobs.workers import WorkerFacts, reclaim_expired, register
from clipcast.publishing.programs import runnable_programs
from clipcast.workspaces.service import create_workspace
from tests.web.conftest import Visitor, form


async def send(owner: Visitor, desk: dict[str, Any]) -> None:
    sent = await owner.post(f"./compose/{new_id()}/send", form(desk))
    assert sent.is_success, sent.text


async def make_dead(installation: Installation) -> None:
    """Have the ready job end three workers."""
    database = installation.database
    for queue in (NETWORK, NETWORK, QUARANTINE):
        worker = await register(database, WorkerFacts("host:1", "rows", "", {queue: 1}, runnable_programs()))
        found = await claim(database, worker, queue, 1, random_place(), runnable_programs())
        assert len(found.jobs) == 1
        clock.move(LEASE + timedelta(seconds=1))
        await reclaim_expired(database)


async def only_job(installation: Installation) -> Job:
    async with installation.database.session() as session:
        return (await session.scalars(select(Job).where(Job.kind != AVATAR))).one()


async def begin(installation: Installation, kind: str, name: str) -> None:
    async with installation.database.begin() as session:
        await pause(session, kind, name, "the test")


async def paused(installation: Installation) -> list[str]:
    async with installation.database.session() as session:
        return [one.name for one in await list_pauses(session)]


async def test_dead_job_is_shown_with_its_reason_and_retried(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    assert "No job is dead." in (await owner.get("./jobs")).text
    await send(owner, desk)
    await make_dead(installation)
    job = await only_job(installation)
    page = (await owner.get("./jobs")).text
    assert ">Publish on TikTok</a>" in page
    assert "3 workers died while they ran this item" in page
    assert f"/jobs/{job.id}/retry" in page
    assert (await owner.post(f"./jobs/{job.id}/retry")).headers["location"].endswith("/jobs#dead")
    assert (await only_job(installation)).state == JobState.READY
    assert "No job is dead." in (await owner.get("./jobs")).text
    async with installation.database.session() as session:
        entries = list(await session.scalars(select(AuditEntry).where(AuditEntry.action == "item.retried")))
    assert [(one.actor_kind, one.subject_id) for one in entries] == [("user", job.id)]


async def test_job_of_another_workspace_is_not_found(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    await send(owner, desk)
    await make_dead(installation)
    async with installation.database.begin() as session:
        other = await create_workspace(session, "Other")
        await session.execute(update(Job).values(workspace_id=other.id))
    job = await only_job(installation)
    assert "No job is dead." in (await owner.get("./jobs")).text
    assert (await owner.post(f"./jobs/{job.id}/retry")).status_code == 404


async def test_owner_of_all_workspaces_resumes_what_is_paused(owner: Visitor, installation: Installation) -> None:
    await begin(installation, PLATFORM, "tiktok")
    await begin(installation, WORKSPACE, owner.base.rsplit("/", 1)[1])
    page = (await owner.get("./jobs")).text
    assert "TikTok, in all workspaces" in page
    assert "The workspace Night Bakery" in page
    await owner.post("./jobs/resume", {"kind": PLATFORM, "name": "tiktok"})
    assert await paused(installation) == [owner.base.rsplit("/", 1)[1]]
    assert "TikTok, in all workspaces" not in (await owner.get("./jobs")).text
    assert "jobs.resumed" in (await owner.get("./settings")).text


async def test_owner_of_some_workspaces_only_sees_what_is_paused(owner: Visitor, installation: Installation) -> None:
    """A pause can concern the workspaces of other people, so their owners may not end it."""
    async with installation.database.begin() as session:
        other = await create_workspace(session, "Somebody's")
    await begin(installation, PLATFORM, "tiktok")
    await begin(installation, WORKSPACE, str(other.id))
    page = (await owner.get("./jobs")).text
    assert "The operator of this installation ends pauses." in page
    assert "/jobs/resume" not in page
    assert "Somebody" not in page
    assert (await owner.post("./jobs/resume", {"kind": PLATFORM, "name": "tiktok"})).status_code == 403
    assert len(await paused(installation)) == 2


async def test_item_and_its_lists_say_that_it_is_paused(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    await send(owner, desk)
    error = {
        "code": "paused_by_operator", "message": "The operator paused publishing to TikTok.", "class": "transient",
        "retryable": True, "actor": "operator", "fix": "No action is needed.", "docs_url": None, "platform": None,
        "at": "2026-01-01T00:00:00.000Z",
    }  # fmt: skip
    async with installation.database.begin() as session:
        await session.execute(update(Job).values(state=JobState.PAUSED, error=error))
    listed = (await owner.get("./posts")).text
    assert "paused by the operator" in listed
    post = listed.split('<tr id="post-')[1].split('"')[0]
    page = (await owner.get(f"./posts/{post}")).text
    assert "The operator paused publishing to TikTok." in page
    assert "No action is needed." in page
    assert "Paused by the operator" in page


async def test_stranded_jobs_counts_and_workers_are_shown(
    owner: Visitor, desk: dict[str, Any], installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No worker is running" in (await owner.get("./jobs")).text
    await send(owner, desk)
    facts = WorkerFacts("host:1", "rows", "1.2.3", {NETWORK: 4}, {})
    await register(installation.database, facts)
    async with installation.database.begin() as session:
        await session.execute(update(Job).values(state=JobState.STRANDED, program="tiktok.publish@9"))
        await session.execute(update(Worker).values(free={NETWORK: 3}, drain=True))
    page = (await owner.get("./jobs")).text
    assert "<code>tiktok.publish@9</code>" in page
    assert 'data-column="Without a worker">1<' in page
    for part in ("host:1 <small>(stopping)", "1.2.3", "network: 3 of 4"):
        assert part in page
    monkeypatch.setattr("clipcast.web.jobs.COUNTED_MAX", 0)
    assert 'data-column="Without a worker">over 0<' in (await owner.get("./jobs")).text
