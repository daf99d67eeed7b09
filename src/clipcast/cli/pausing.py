"""`clipcast jobs pause`, `resume` and `drain`."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from clipcast.cli.support import fail, run, settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from clipcast.audit.service import Actor
    from clipcast.database.models.jobs import Worker

# What a pause is about, as pauses name it.
QUEUE, PLATFORM, WORKSPACE = KINDS = ("queue", "platform", "workspace")

Name = Annotated[
    str | None,
    typer.Argument(metavar="[QUEUE|PLATFORM|WORKSPACE]", help="Name, or id of a workspace. Instead of an option."),
]
Queue = Annotated[str | None, typer.Option("--queue", help="Queue, such as network.")]
Platform = Annotated[str | None, typer.Option("--platform", help="Platform, such as tiktok.")]
Workspace = Annotated[str | None, typer.Option("--workspace", "-w", help="Workspace: name or id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def pause(
    name: Name = None,
    queue: Queue = None,
    platform: Platform = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Pause the jobs of a queue, a platform or a workspace. Runs that have begun go on.

    Workers start no such job any more after 2 s. The jobs wait until `clipcast jobs resume`.
    """
    wanted, kinds = _wanted(name, queue, platform, workspace)

    async def work() -> tuple[str, str, bool]:
        from clipcast.installation import open_installation
        from clipcast.jobs import pauses

        async with open_installation(settings()) as installation, installation.database.begin() as session:
            kind, target = _only(await _matches(session, wanted, kinds), wanted, kinds)
            is_new = await pauses.pause(session, kind, target, f"clipcast jobs pause on {socket.gethostname()}")
            if is_new:
                await _record(session, "pause", "jobs.paused", kind, target)
            return kind, target, is_new

    kind, target, is_new = run(work())
    if as_json:
        typer.echo(json.dumps({"kind": kind, "name": target, "new": is_new}, indent=1))
    else:
        typer.echo(f"The {kind} {wanted} is paused." if is_new else f"The {kind} {wanted} was paused already.")


def resume(
    name: Name = None,
    queue: Queue = None,
    platform: Platform = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Resume the jobs of a paused queue, platform or workspace. Exit code 1 if it is not paused."""
    wanted, kinds = _wanted(name, queue, platform, workspace)

    async def work() -> tuple[str, str, int | None]:
        from clipcast.installation import open_installation
        from clipcast.jobs import pauses

        async with open_installation(settings()) as installation, installation.database.begin() as session:
            paused = {(one.kind, one.name) for one in await pauses.list_pauses(session)}
            matches = await _matches(session, wanted, kinds)
            # A paused platform may have been removed since, and a paused workspace deleted.
            found = paused & {*matches, *((kind, wanted) for kind in kinds)} or matches
            kind, target = _only(sorted(found), wanted, kinds)
            jobs = await pauses.resume(session, kind, target)
            if jobs is not None:
                await _record(session, "resume", "jobs.resumed", kind, target)
            return kind, target, jobs

    kind, target, jobs = run(work())
    if jobs is None:
        raise fail(f"The {kind} {wanted} is not paused. `clipcast doctor` lists what is.")
    if as_json:
        typer.echo(json.dumps({"kind": kind, "name": target, "jobs": jobs}, indent=1))
    else:
        typer.echo(f"The {kind} {wanted} is resumed. Jobs that were set aside: {jobs}.")


def drain(
    worker: Annotated[
        str | None, typer.Argument(metavar="[WORKER]", help="Name or id of the worker. All workers by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Stop workers: they claim no job, end their guarded requests and hand their jobs over.

    A worker of `clipcast serve` or `clipcast demo` stays stopped until that restarts. Exit code 1 if no worker is
    alive.
    """

    async def work() -> tuple[list[Worker], list[Worker]]:
        from clipcast.audit.service import record_everywhere
        from clipcast.installation import open_installation
        from clipcast.jobs.workers import alive
        from clipcast.jobs.workers import drain as drain_workers

        async with open_installation(settings()) as installation, installation.database.begin() as session:
            drained = await drain_workers(session, worker)
            for one in drained:
                await record_everywhere(session, command_line("drain"), "worker.drained", f"Worker {one.name}")
            return drained, await alive(session)

    drained, found = run(work())
    if not drained and worker is not None and found:
        raise fail(f"There is no live worker {worker!r}. Use one of: {', '.join(one.name for one in found)}.", 2)
    if not drained:
        raise fail("No worker is alive.")
    if as_json:
        typer.echo(json.dumps([{"id": str(one.id), "name": one.name} for one in drained], indent=1))
        return
    for one in drained:
        typer.echo(f"The worker {one.name} stops within 12 s.")
    if all(one.drain for one in found):
        typer.echo(
            "No other worker is alive: all jobs wait until one starts. Run `clipcast worker`, or restart "
            "`clipcast serve` or `clipcast demo`."
        )


def command_line(command: str) -> Actor:
    """Return the command line as an actor, which has no id."""
    from clipcast.audit.service import Actor

    return Actor("command", UUID(int=0), f"clipcast jobs {command}", socket.gethostname())


def _wanted(
    name: str | None, queue: str | None, platform: str | None, workspace: str | None
) -> tuple[str, tuple[str, ...]]:
    """Return the name that the command was given, and the kinds that it may be of."""
    options = zip((queue, platform, workspace, name), (*((kind,) for kind in KINDS), KINDS), strict=True)
    given = [(value, kinds) for value, kinds in options if value is not None]
    if len(given) != 1:
        raise fail("Name one queue, platform or workspace, or use one of: --queue, --platform, --workspace.", 2)
    return given[0]


async def _matches(session: AsyncSession, wanted: str, kinds: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return what can be paused and has this name, each as its kind and the name of its pause."""
    from clipcast.jobs.kinds import ALL_QUEUES
    from clipcast.platforms.registry import PLATFORMS
    from clipcast.workspaces.repository import find_workspaces

    found = [(QUEUE, wanted)] if wanted in ALL_QUEUES else []
    found += [(PLATFORM, wanted)] if wanted in PLATFORMS else []
    found += [(WORKSPACE, str(one.id)) for one in await find_workspaces(session, wanted)]
    return [one for one in found if one[0] in kinds]


def _only(matches: list[tuple[str, str]], wanted: str, kinds: tuple[str, ...]) -> tuple[str, str]:
    """Return the only match. Exit with what to write instead if there is none, or several."""
    from clipcast.jobs.kinds import ALL_QUEUES
    from clipcast.platforms.registry import PLATFORMS

    if len(matches) == 1:
        return matches[0]
    ids = "`clipcast workspaces list` shows the ids"
    found = sorted({kind for kind, _ in matches})
    if len(found) > 1:
        options = " or ".join(f"--{kind}" for kind in found)
        raise fail(f"{wanted!r} is a {' and a '.join(found)}. Use {options}.", 2)
    if found:
        raise fail(f"Several workspaces are named {wanted!r}. {ids}.", 2)
    known = [*(ALL_QUEUES if QUEUE in kinds else ()), *(PLATFORMS if PLATFORM in kinds else ())]
    hints = ([f"Use one of: {', '.join(known)}"] if known else []) + ([ids] if WORKSPACE in kinds else [])
    listed = " or ".join(filter(None, (", ".join(kinds[:-1]), kinds[-1])))
    raise fail(f"There is no {listed} {wanted!r}. {'; '.join(hints)}.", 2)


async def _record(session: AsyncSession, command: str, action: str, kind: str, target: str) -> None:
    """Add the action to the audit log of the workspace, or of all if it concerns them all."""
    from clipcast.audit.service import record, record_everywhere
    from clipcast.workspaces.repository import find_workspaces

    if kind != WORKSPACE:
        await record_everywhere(session, command_line(command), action, f"{kind} {target}")
        return
    for workspace in await find_workspaces(session, target):
        record(session, workspace.id, command_line(command), action, f"{kind} {workspace.name}")
