"""`clipcast jobs`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from clipcast.cli import pausing
from clipcast.cli.support import fail, run, settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from clipcast.database.models.jobs import Attempt, JournalEntry
    from clipcast.operations.jobs import FoundJob

app = typer.Typer(help="Look at jobs, retry and pause them, and stop workers.", no_args_is_help=True)

JobId = Annotated[str, typer.Argument(metavar="ID", help="Id of the job. The job that publishes an item has its id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("list")
def list_(
    state: Annotated[str | None, typer.Option(help="State, such as dead. `failed`: done, but the item failed.")] = None,
    kind: Annotated[str | None, typer.Option(help="Kind, such as publish.")] = None,
    queue: Annotated[str | None, typer.Option(help="Queue, such as network.")] = None,
    platform: Annotated[str | None, typer.Option(help="Platform, such as tiktok.")] = None,
    workspace: Annotated[str | None, typer.Option("--workspace", "-w", help="Workspace: name or id.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The most jobs to list.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the jobs that are not done, the newest trouble first, after their numbers by queue and state."""
    from clipcast.jobs.kinds import ALL_QUEUES, KINDS
    from clipcast.operations.jobs import STATES, JobFilter, count_jobs, list_jobs
    from clipcast.platforms.registry import PLATFORMS

    _require("state", state, STATES)
    _require("kind", kind, KINDS)
    _require("queue", queue, ALL_QUEUES)
    _require("platform", platform, PLATFORMS)
    chosen = settings()

    async def work() -> tuple[list[tuple[str, str, int]], list[FoundJob]]:
        from clipcast.installation import open_installation

        async with open_installation(chosen) as installation, installation.database.session() as session:
            workspace_id = await _workspace_id(session, workspace) if workspace else None
            found = await list_jobs(session, JobFilter(state, kind, queue, platform, workspace_id), limit)
            return await count_jobs(session), found

    counts, found = run(work())
    if as_json:
        shown = [{"queue": queue, "state": state, "jobs": number} for queue, state, number in counts]
        _print_json({"counts": shown, "jobs": [_summary(one) for one in found]})
        return
    for name, state_name, number in counts:
        typer.echo(f"{name}: {number} {state_name}")
    if not found:
        typer.echo("No job matches.")
        return
    _print_table([_columns(one) for one in found])


@app.command()
def show(job_id: JobId, as_json: AsJson = False) -> None:
    """Show one job: its columns, its attempts, the last entries of its journal, and why it is dead."""

    async def work() -> tuple[FoundJob, list[Attempt], list[JournalEntry]]:
        from clipcast.installation import open_installation
        from clipcast.operations.jobs import attempts_of, last_entries

        async with open_installation(settings()) as installation, installation.database.session() as session:
            found = await _find(session, job_id)
            return found, await attempts_of(session, found.job), await last_entries(session, found.job)

    found, attempts, entries = run(work())
    shown = _details(found) | {
        "attempts": [_attempt(one) for one in attempts],
        "journal": [_entry(one) for one in entries],
    }
    if as_json:
        _print_json(shown)
        return
    for name, value in shown.items():
        if isinstance(value, list | dict):
            typer.echo(f"{_words(name)}:" if value else f"{_words(name)}: none")
            for line in _lines(value):
                typer.echo(f"  {line}")
        elif value is not None:
            typer.echo(f"{_words(name)}: {_plain(value)}")


@app.command()
def retry(
    job_id: JobId,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Publish an item of unknown outcome without a look at the platform: can duplicate it."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Retry a dead job, one whose item failed, or one that waits for its next attempt. Exit code 1 for any other.

    A retry also lifts the limit for which the account's jobs wait: the platform is asked again.
    """

    async def work() -> FoundJob:
        from clipcast.common.problems import AppError
        from clipcast.installation import open_installation
        from clipcast.operations.jobs import retry_job

        async with open_installation(settings()) as installation, installation.database.begin() as session:
            found = await _find(session, job_id)
            try:
                await retry_job(session, found, force, pausing.command_line("retry"))
            except AppError as error:
                raise fail(error.detail) from None
            await session.flush()
            # The job's state and its pause, as they are now.
            return await _find(session, job_id)

    found = run(work())
    if as_json:
        _print_json(_summary(found))
    else:
        typer.echo(f"The job {found.job.id} is {found.job.state}. {found.why}".strip())


app.command()(pausing.pause)
app.command()(pausing.resume)
app.command()(pausing.drain)


def _require(what: str, name: str | None, known: Iterable[str]) -> None:
    """Exit with the known names if `name` is none of them."""
    if name is not None and name not in known:
        raise fail(f"There is no {what} {name!r}. Use one of: {', '.join(known)}.", 2)


async def _workspace_id(session: AsyncSession, name_or_id: str) -> UUID:
    from clipcast.workspaces.repository import find_workspaces

    found = await find_workspaces(session, name_or_id)
    if len(found) != 1:
        problem = "Several workspaces are named" if found else "There is no workspace"
        raise fail(f"{problem} {name_or_id!r}. `clipcast workspaces list` shows the ids.", 2)
    return found[0].id


async def _find(session: AsyncSession, job_id: str) -> FoundJob:
    from clipcast.operations.jobs import find_job

    found = await find_job(session, job_id)
    if found is None:
        raise fail(f"There is no job {job_id!r}. `clipcast jobs list` shows the ids.", 2)
    return found


def _summary(found: FoundJob) -> dict[str, Any]:
    job = found.job
    return {
        "id": job.id,
        "state": found.state,
        "kind": job.kind,
        "platform": job.platform,
        "queue": job.queue,
        "workspace_id": job.workspace_id,
        "workspace": found.workspace,
        "post_id": found.item.post_id if found.item else None,
        "due_at": job.due_at,
        "updated_at": job.updated_at,
        "why": found.why,
    }


def _details(found: FoundJob) -> dict[str, Any]:
    from clipcast.database.models.jobs import JobState

    job, item = found.job, found.item
    return _summary(found) | {
        "item_status": item.status if item else None,
        "item_id": item.id if item else None,
        "worker": found.worker.name if found.worker else None,
        "worker_id": job.worker_id,
        "priority": job.priority,
        "program": job.program,
        "round": job.round,
        "claims": job.fence,
        "offers": job.offers,
        "offered_until": job.offered_until,
        "attempt": job.attempts,
        "continues_attempt": job.continues_attempt,
        "failures_in_a_row": job.failures,
        "worker_deaths": job.crash_count,
        "follows_job": job.after_id,
        "hold_until": job.hold_until,
        "created_at": job.created_at,
        "evidence": job.error if job.state == JobState.DEAD else None,
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    names = ("number", "worker", "started_at", "ended_at", "decision", "reason")
    return {name: getattr(attempt, name) for name in names}


def _entry(entry: JournalEntry) -> dict[str, Any]:
    return {"name": entry.name, "intended_at": entry.intended_at, "finished_at": entry.finished_at}


def _columns(found: FoundJob) -> list[str]:
    job = found.job
    return [str(job.id), found.state, job.kind, job.platform or "-", job.queue, found.workspace, found.why]


def _print_table(rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo("  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip())


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _lines(value: list[dict[str, Any]] | dict[str, Any]) -> Iterable[str]:
    if isinstance(value, dict):
        return [f"{_words(name)}: {_plain(part)}" for name, part in value.items() if part is not None]
    return ["; ".join(f"{_words(name).lower()} {_plain(part)}" for name, part in one.items() if part) for one in value]


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=1, default=_plain))


def _plain(value: Any) -> str:
    from clipcast.common.timestamps import format_timestamp

    return format_timestamp(value) or "" if isinstance(value, datetime) else str(value)
