"""Jobs as an operator sees them."""

from collections import namedtuple
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update

from clipcast.audit.service import Actor
from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.problems import AppError
from clipcast.database.hot_queries import Statement
from clipcast.database.models.audit import AuditEntry
from clipcast.database.models.jobs import Job, JobState
from clipcast.database.models.posts import Item
from clipcast.database.models.renditions import Rendition
from clipcast.database.models.submissions import Submission
from clipcast.jobs.claimed import LEASE
from clipcast.jobs.dead_letter import CRASHES_MAX
from clipcast.jobs.kinds import ANALYZE, FINISH, NETWORK, QUARANTINE, RENDER
from clipcast.jobs.pauses import PLATFORM, QUEUE, WORKSPACE, pause
from clipcast.jobs.workers import reclaim_expired
from clipcast.operations.jobs import (
    FAILED,
    JobFilter,
    count_jobs,
    count_jobs_of,
    find_job,
    last_entries,
    list_jobs,
    retry_job,
)
from clipcast.renders import space
from clipcast.renders.analysis import START as start_analysis
from clipcast.renders.runner import START as start_rendition
from clipcast.testing.harness import Stage
from tests.renders.orders import kill_renderer
from tests.renders.videos import upload_video

TIKTOK = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}
OPERATOR = Actor("command", UUID(int=0), "clipcast jobs retry", "host")


async def crash(stage: Stage, queue: str) -> None:
    assert await stage.claim(queue=queue)
    clock.move(LEASE + timedelta(seconds=1))
    await reclaim_expired(stage.installation.database)


async def dead_post(stage: Stage) -> str:
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", TIKTOK)
    for queue in (NETWORK, NETWORK, QUARANTINE):
        await crash(stage, queue)
    return post_id


async def refused_post(stage: Stage) -> str:
    """Publish a post that its platform rejects."""
    connection = await stage.connect("tiktok")
    refusal = {"error": {"code": "invalid_params", "message": "No."}}
    await stage.sandbox.fault("tiktok", "video_init", "before", "status", status=400, body=refusal)
    post_id = await stage.post(connection, "tiktok", TIKTOK)
    await stage.run_until_ended()
    await stage.sandbox.clear_faults()
    return post_id


async def states(stage: Stage, wanted: JobFilter, limit: int = 10) -> list[str]:
    async with stage.installation.database.session() as session:
        return [one.state for one in await list_jobs(session, wanted, limit)]


async def retry(stage: Stage, job_id: UUID, force: bool = False) -> None:
    async with stage.installation.database.begin() as session:
        found = await find_job(session, str(job_id))
        assert found is not None
        await retry_job(session, found, force, OPERATOR)


async def test_list_has_trouble_first_and_no_job_that_is_done(stage: Stage) -> None:
    done = await stage.post(await stage.connect("tiktok"), "tiktok", TIKTOK)
    await stage.run_until_ended()
    assert (await stage.item(done))["status"] == "published"
    dead = await dead_post(stage)
    connection = await stage.connect("youtube", "harbour.films")
    for _ in range(2):
        await stage.post(connection, "youtube", {"title": "Tide", "privacyStatus": "public"})
    assert await states(stage, JobFilter()) == [JobState.DEAD, JobState.READY, JobState.READY]
    assert await states(stage, JobFilter(), limit=1) == [JobState.DEAD]
    assert await states(stage, JobFilter(state="done")) == ["done"]
    assert await states(stage, JobFilter(platform="youtube")) == [JobState.READY] * 2
    assert await states(stage, JobFilter(queue=QUARANTINE)) == [JobState.DEAD]
    assert await states(stage, JobFilter(kind=FINISH)) == []
    assert await states(stage, JobFilter(workspace_id=(await stage.job(dead)).id)) == []
    async with stage.installation.database.session() as session:
        counts = await count_jobs(session)
    assert counts == [(NETWORK, "ready", 2), (QUARANTINE, "dead", 1)]


@pytest.mark.parametrize("state", [state for state in JobState if state != JobState.DONE])
async def test_counts_of_a_workspace_end_above_a_bound(stage: Stage, state: JobState) -> None:
    mine, other = UUID(stage.caller.workspace_id), UUID(int=1)
    connection, edit = await stage.connect("tiktok"), await stage.caller.upload(stage.clip)
    for _ in range(3):
        await stage.post(connection, "tiktok", TIKTOK, edit)
    async with stage.installation.database.begin() as session:
        await session.execute(update(Job).values(state=state))
    async with stage.installation.database.session() as session:
        assert await count_jobs_of(session, mine, 5) == [(NETWORK, state, 3)]
        assert await count_jobs_of(session, mine, 1) == [(NETWORK, state, 2)]
        assert await count_jobs_of(session, other, 5) == []


@pytest.mark.parametrize("kind", [QUEUE, PLATFORM, WORKSPACE])
async def test_job_of_what_is_paused_says_so(stage: Stage, kind: str) -> None:
    await stage.post(await stage.connect("tiktok"), "tiktok", TIKTOK)
    name = {QUEUE: NETWORK, PLATFORM: "tiktok", WORKSPACE: stage.caller.workspace_id}[kind]
    async with stage.installation.database.begin() as session:
        # Two pauses make no second line of the job, and others' none at all.
        for of, one in ((kind, name), (PLATFORM, "bluesky"), (WORKSPACE, str(new_id())), (QUEUE, QUARANTINE)):
            await pause(session, of, one, "somebody")
            clock.move(timedelta(seconds=1))
        if kind != QUEUE:
            await pause(session, QUEUE, NETWORK, "another")
    async with stage.installation.database.session() as session:
        [found] = await list_jobs(session, JobFilter(), 10)
        shown_name = found.workspace if kind == WORKSPACE else name
        assert found.why.startswith(f"The {kind} {shown_name} is paused since 2")
        assert found.why.endswith(", by somebody.")
        shown = await find_job(session, str(found.job.id))
        assert shown is not None
        assert shown.why == found.why


async def test_dead_job_says_why_and_a_running_one_where(stage: Stage) -> None:
    job_id = (await stage.job(await dead_post(stage))).id
    async with stage.installation.database.session() as session:
        dead = await find_job(session, str(job_id))
        assert dead is not None
        assert (dead.workspace, dead.worker) == ("Workspace", None)
        assert dead.why.startswith("3 workers died while")
        assert await find_job(session, "nothing") is None
        assert await find_job(session, str(UUID(int=1))) is None
    await retry(stage, job_id)
    await stage.claim()
    async with stage.installation.database.session() as session:
        running = await find_job(session, str(job_id))
        assert running is not None
        assert (running.state, running.why) == ("running", "on test")


async def test_last_entries_have_the_newest_first(stage: Stage) -> None:
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", TIKTOK)
    await stage.run_all()
    async with stage.installation.database.session() as session:
        entries = await last_entries(session, await stage.job(post_id))
    times = [entry.finished_at or entry.intended_at for entry in entries]
    assert times == sorted(times, reverse=True)
    assert entries[-1].name == "init"


async def test_retry_of_a_dead_job_publishes_its_item_and_is_audited(stage: Stage) -> None:
    post_id = await dead_post(stage)
    job_id = (await stage.job(post_id)).id
    await retry(stage, job_id)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    async with stage.installation.database.session() as session:
        [entry] = await session.scalars(select(AuditEntry).where(AuditEntry.action == "item.retried"))
    assert (entry.actor_kind, entry.subject_id) == ("command", job_id)
    with pytest.raises(AppError, match="item_not_failed"):
        await retry(stage, job_id)


async def test_retry_of_a_failed_item_makes_its_job_ready(stage: Stage) -> None:
    post_id = await refused_post(stage)
    assert await states(stage, JobFilter(state=FAILED)) == [FAILED]
    job_id = (await stage.job(post_id)).id
    await retry(stage, job_id)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"


async def test_retry_of_a_dead_finish_keeps_the_video_live(stage: Stage) -> None:
    """Run the steps after publishing again, without their earlier warning."""
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", TIKTOK)
    await stage.worker.run_due()
    while (await stage.item(post_id))["status"] != "published":
        clock.move(timedelta(seconds=10))
        await stage.worker.run_due()
    async with stage.installation.database.begin() as session:
        item = (await session.scalars(select(Item))).one()
        finish = Job(
            workspace_id=item.workspace_id, kind=FINISH, subject_id=item.id, platform="tiktok", queue=QUARANTINE,
            priority=4, state=JobState.DEAD, due_at=clock.now(), after_id=item.id, crash_count=3,
        )  # fmt: skip
        session.add(finish)
        item.warnings = [
            {"code": "unfinished", "message": "", "fix": ""},
            {"code": "ignored", "message": "", "fix": ""},
        ]
    await retry(stage, finish.id)
    async with stage.installation.database.session() as session:
        again = await session.get_one(Job, finish.id)
        assert (again.state, again.queue, again.crash_count) == (JobState.READY, NETWORK, 0)
    shown = await stage.item(post_id)
    assert (shown["status"], [one["code"] for one in shown["warnings"]]) == ("published", ["ignored"])
    with pytest.raises(AppError, match="Only a dead job"):
        await retry(stage, finish.id)


async def test_retry_of_a_waiting_finish_runs_it_now(stage: Stage) -> None:
    """It continues its attempt, and what it did."""
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", TIKTOK)
    while (await stage.item(post_id))["status"] != "published":
        clock.move(timedelta(seconds=10))
        await stage.worker.run_due()
    async with stage.installation.database.begin() as session:
        item = (await session.scalars(select(Item))).one()
        await session.execute(update(Job).where(Job.kind == FINISH).values(state=JobState.DONE))
        finish = Job(
            workspace_id=item.workspace_id, kind=FINISH, subject_id=item.id, platform="tiktok", queue=NETWORK,
            priority=4, state=JobState.WAITING, due_at=clock.now() + timedelta(hours=1), after_id=item.id, failures=2,
            attempts=1, continues_attempt=True,
        )  # fmt: skip
        session.add(finish)
    await retry(stage, finish.id)
    async with stage.installation.database.session() as session:
        again = await session.get_one(Job, finish.id)
    assert (again.state, again.failures, again.continues_attempt) == (JobState.READY, 0, True)
    assert again.due_at <= clock.now()


async def rendered(stage: Stage) -> tuple[str, UUID]:
    """Order a render, and return its id and its job's."""
    video_id = await upload_video(stage.caller, stage.clip, "harbour.mp4")
    made = (await stage.caller.post("/renders", {"video_id": video_id, "speed": 1.25})).json()["render_id"]
    async with stage.installation.database.session() as session:
        return made, (await session.scalars(select(Job.id).where(Job.kind == RENDER))).one()


async def test_retry_of_a_render_that_waits_for_space_runs_it_now(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, job_id = await rendered(stage)
    with pytest.raises(AppError, match="Only a dead job"):
        await retry(stage, job_id)
    disk = namedtuple("disk", "total used free")
    with monkeypatch.context() as full:
        full.setattr(space.shutil, "disk_usage", lambda folder: disk(100 * 2**30, 0, 2**20))
        await stage.renderer.run_due()
    async with stage.installation.database.session() as session:
        waiting = await session.get_one(Job, job_id)
        assert (waiting.state, (waiting.error or {})["code"]) == (JobState.WAITING, "disk_full")
    await retry(stage, job_id)
    async with stage.installation.database.session() as session:
        again = await session.get_one(Job, job_id)
    assert (again.state, again.failures, again.due_at <= clock.now()) == (JobState.READY, 0, True)


async def test_retry_of_a_dead_render_shows_no_earlier_failure(stage: Stage) -> None:
    render_id, job_id = await rendered(stage)
    for _ in range(CRASHES_MAX):
        await kill_renderer(stage, RENDER)
    shown = (await stage.caller.get(f"/renders/{render_id}")).json()
    assert (shown["status"], shown["error"]["code"]) == ("failed", "conversion_crashed")
    await retry(stage, job_id)
    shown = (await stage.caller.get(f"/renders/{render_id}")).json()
    assert (shown["status"], shown["error"], shown["completed_at"], shown["progress"]) == ("queued", None, None, 0)


async def test_retry_of_a_dead_analysis_shows_no_earlier_failure(stage: Stage) -> None:
    video_id = await upload_video(stage.caller, stage.clip, "harbour.mp4")
    submitted = (await stage.caller.post("/clips", {"video_id": video_id, "strategy_id": "scenes"})).json()
    for _ in range(CRASHES_MAX):
        await kill_renderer(stage, ANALYZE)
    path = f"/clips/{video_id}/submissions/{submitted['submission_id']}"
    assert (await stage.caller.get(path)).json()["error_code"] == "analysis_failed"
    await retry(stage, UUID(submitted["submission_id"]))
    shown = (await stage.caller.get(path)).json()
    assert (shown["status"], shown["error_code"], shown["completed_at"]) == ("queued", None, None)


@pytest.mark.parametrize(("start", "table"), [(start_rendition, Rendition), (start_analysis, Submission)])
async def test_begun_run_has_no_end_of_an_earlier_one(
    stage: Stage, start: Statement, table: type[Rendition | Submission]
) -> None:
    """Whatever made the job ready again, such as a process of another release."""
    video_id = await upload_video(stage.caller, stage.clip, "harbour.mp4")
    await stage.caller.post("/renders", {"video_id": video_id, "speed": 1.25})
    await stage.caller.post("/clips", {"video_id": video_id, "strategy_id": "scenes"})
    ended = {"status": "failed", "error": {"code": "conversion_crashed"}, "completed_at": clock.now()}
    async with stage.installation.database.begin() as session:
        await session.execute(update(table).values(ended))
        id = (await session.scalars(select(table.id))).one()
        await session.execute(update(Job).where(Job.id == id).values(state="running", fence=1))
    values = {"id": id, "now": clock.now(), "job_id": id, "fence": 1}
    assert await stage.installation.database.hot_pool.fetch(start, values)
    async with stage.installation.database.session() as session:
        begun = await session.get_one(table, id)
    assert (begun.error, begun.completed_at) == (None, None)
