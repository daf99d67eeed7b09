"""The page of the jobs: what waits, is dead, paused or has no worker, and the live workers. Owners see it."""

from typing import Annotated

from fastapi import APIRouter, Form
from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from clipcast.common.problems import AppError, NotFound
from clipcast.database.models.jobs import JobState, Pause
from clipcast.database.models.workspaces import Workspace
from clipcast.jobs.pauses import PLATFORM, WORKSPACE, list_pauses, resume
from clipcast.jobs.workers import alive
from clipcast.operations.jobs import JobFilter, count_jobs_of, find_job, list_jobs, retry_job
from clipcast.platforms.registry import PLATFORMS
from clipcast.web.viewers import Member, Owning

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

SHOWN_MAX = 50
# The page counts no further.
COUNTED_MAX = 1000
# The columns of the counts.
STATES = ("waiting", "ready", "running", "held", "paused", "stranded", "dead")


@router.get("/jobs")
async def jobs_page(member: Owning) -> Response:
    """Return the page. Its jobs are the workspace's own; workers and pauses concern all workspaces."""
    mine = member.workspace.id
    async with member.installation.database.session() as session:
        counts: dict[str, dict[str, int]] = {}
        for queue, state, number in await count_jobs_of(session, mine, COUNTED_MAX):
            counts.setdefault(queue, dict.fromkeys(STATES, 0))[_shown_state(state)] += number
        return member.render(
            "jobs.html",
            section="jobs",
            states=STATES,
            counts=counts,
            most_counted=COUNTED_MAX,
            dead=await list_jobs(session, JobFilter(JobState.DEAD, workspace_id=mine), SHOWN_MAX),
            stranded=await list_jobs(session, JobFilter(JobState.STRANDED, workspace_id=mine), SHOWN_MAX),
            most_shown=SHOWN_MAX,
            pauses=[(pause, _about(pause, member)) for pause in await list_pauses(session) if _sees(member, pause)],
            may_resume=await _owns_all(session, member),
            workers=await alive(session),
        )


@router.post("/jobs/{job_id}/retry")
async def retry(member: Owning, job_id: str) -> Response:
    """Retry a dead job."""
    async with member.installation.database.begin() as session:
        found = await find_job(session, job_id)
        if found is None or found.job.workspace_id != member.workspace.id:
            raise NotFound("job", job_id)
        await retry_job(session, found, False, member.actor)
    return member.redirect("/jobs#dead")


@router.post("/jobs/resume")
async def resume_paused(member: Owning, kind: Annotated[str, Form()], name: Annotated[str, Form()]) -> Response:
    """End a pause. It may concern all workspaces, so the member must own them all."""
    async with member.installation.database.begin() as session:
        if not await _owns_all(session, member):
            message = "The operator of this installation ends pauses. Ask the operator, or an owner of all workspaces."
            raise AppError(403, "role_missing", message)
        if await resume(session, kind, name) is not None:
            member.record(session, "jobs.resumed", f"{kind} {name}")
    return member.redirect("/jobs#paused")


async def _owns_all(session: AsyncSession, member: Member) -> bool:
    """Return whether the member is an owner of every workspace of the installation."""
    owned = [workspace.id for workspace, role in member.workspaces if role == "owner"]
    return not await session.scalar(select(exists().where(Workspace.id.not_in(owned))))


def _sees(member: Member, pause: Pause) -> bool:
    """Return whether the pause concerns the member: it is of their workspaces, or of all."""
    return pause.kind != WORKSPACE or pause.name in {str(workspace.id) for workspace, _ in member.workspaces}


def _about(pause: Pause, member: Member) -> str:
    """Return what is paused, in words."""
    if pause.kind == WORKSPACE:
        names = {str(workspace.id): workspace.name for workspace, _ in member.workspaces}
        return f"The workspace {names[pause.name]}"
    if pause.kind == PLATFORM:
        title = PLATFORMS[pause.name].title if pause.name in PLATFORMS else pause.name
        return f"{title}, in all workspaces"
    return f"The queue {pause.name}, in all workspaces"


def _shown_state(state: str) -> str:
    """Return the column of a state. An offered job is ready; one that is blocked or in review waits."""
    return {"offered": "ready", "blocked": "waiting", "review": "waiting"}.get(state, state)
