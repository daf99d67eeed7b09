"""Plans of the import page: kept with what their check found, until their posts are created.

A check or a creation runs in one request, and writes how far it is. Every other request, of any process, can show that.
If the process ends, the plan stays as it was, and can be checked or created again.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from clipcast.audit.service import Actor
from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.plan_text import PlanText, Row
from clipcast.common.problems import AppError, NotFound, Problem, ValidationFailed
from clipcast.database.hot_queries import from_session
from clipcast.database.limits import saver_of
from clipcast.database.models.plans import PlanState, StoredPlan
from clipcast.installation import Installation
from clipcast.posts.plans import service
from clipcast.posts.plans.rows import Known, PlannedPost, file_name, problems_in_cells

# How long a file is kept after its last change.
KEPT = timedelta(days=7)
# A check that has not reported for this time has ended with its process.
SILENCE = timedelta(seconds=30)
# Seconds between the reports of one that takes long.
PULSE = 10.0
# The problems, and the hints, that are kept with their lines. Further ones are counted.
LISTED_MAX = service.LISTED_MAX
RUNNING = (PlanState.CHECKING, PlanState.CREATING)
NAME_MAX = 200
# The most files of a workspace that wait, and that the page lists.
UNFINISHED_MAX = 20
# The names of missing files that are listed.
MISSING_MAX = 500


@dataclass(frozen=True)
class Kind:
    """Problems of the same rule in the same column: one of them, and the number of all."""

    column: str
    code: str
    example: dict[str, Any]
    count: int


def kinds_of(problems: Iterable[dict[str, Any]]) -> list[Kind]:
    """Return the kinds of problems, the most frequent first."""
    numbers = Counter((one.get("column") or "", one["code"]) for one in problems)
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for one in problems:
        first.setdefault((one.get("column") or "", one["code"]), one)
    return [Kind(*key, first[key], number) for key, number in numbers.most_common()]


async def keep(
    session: AsyncSession, workspace_id: UUID, content: bytes, file_name: str, timezone: str, by: str
) -> StoredPlan:
    """Keep a file. Raise ValidationFailed if no row can be read, and AppError 409 if too many are kept."""
    waiting = select(func.count()).where(StoredPlan.workspace_id == workspace_id, StoredPlan.state != PlanState.CREATED)
    if (await session.scalar(waiting) or 0) >= UNFINISHED_MAX:
        message = f"{UNFINISHED_MAX} files wait to be imported, the maximum. Import one of them, or remove it, first."
        raise AppError(409, "too_many_imports", message)
    plan = StoredPlan(
        workspace_id=workspace_id, content=b"", file_name="", timezone=timezone, saved_by=by,
        saved_by_id=saver_of(session), version=0,
    )  # fmt: skip
    change(plan, content=content, file_name=file_name)
    session.add(plan)
    await session.flush()
    return plan


def change(
    plan: StoredPlan,
    content: bytes | None = None,
    file_name: str = "",
    timezone: str | None = None,
    allow_duplicate: bool | None = None,
) -> None:
    """Give a plan another file or other choices, so that it must be checked again.

    Raise ValidationFailed if no row can be read, and AppError 409 if its posts are created, or being created.
    """
    if plan.state == PlanState.CREATED or (plan.state == PlanState.CREATING and is_running(plan)):
        raise AppError(409, "plan_created", "The posts of this file are created. Import another file.")
    if content is not None:
        text = PlanText(content)
        plan.row_count = sum(isinstance(one, Row) for one in text)
        plan.content, plan.file_name = content, " ".join(file_name.split())[:NAME_MAX] or "plan.csv"
    plan.timezone = plan.timezone if timezone is None else timezone
    plan.allow_duplicate = plan.allow_duplicate if allow_duplicate is None else allow_duplicate
    plan.version = (plan.version or 0) + 1
    plan.state, plan.found, plan.done_count = PlanState.NEW, None, 0
    plan.updated_at = clock.now()
    plan.expires_at = clock.now() + KEPT


def is_running(plan: StoredPlan) -> bool:
    """Return whether a request checks the plan, or creates its posts."""
    return plan.state in RUNNING and plan.updated_at > clock.now() - SILENCE


async def list_unfinished(session: AsyncSession, workspace_id: UUID) -> list[StoredPlan]:
    """Return the newest plans whose posts are not created, without their files."""
    query = select(StoredPlan).where(StoredPlan.workspace_id == workspace_id, StoredPlan.state != PlanState.CREATED)
    query = query.options(defer(StoredPlan.content), defer(StoredPlan.found))
    return list(await session.scalars(query.order_by(StoredPlan.id.desc()).limit(UNFINISHED_MAX)))


async def get_plan(session: AsyncSession, workspace_id: UUID, plan_id: str, lock: bool = False) -> StoredPlan:
    """Return the plan. Raise NotFound if the workspace has no such plan."""
    found = parse_id(plan_id)
    plan = await session.get(StoredPlan, found, with_for_update=lock) if found else None
    if plan is None or plan.workspace_id != workspace_id:
        raise NotFound("import", plan_id)
    return plan


async def open_stored(
    installation: Installation, plan: StoredPlan, choose: Callable[[list[Row]], list[Row]] | None = None
) -> service.OpenPlan:
    """Return the plan with its rows, or with those that `choose` returns. Raise ValidationFailed."""
    return await service.open_plan(
        installation, plan.workspace_id, plan.content, plan.timezone, plan.allow_duplicate, True, choose
    )


async def check(installation: Installation, workspace_id: UUID, plan_id: str) -> None:
    """Check all rows, and keep what is found. Do nothing if another request does, or if the posts are created."""
    plan = await _begin(installation, workspace_id, plan_id, PlanState.CHECKING)
    if plan is not None:
        async with _pulse(installation, plan):
            await _check(installation, plan)


async def _check(installation: Installation, plan: StoredPlan) -> None:
    try:
        opened = await open_stored(installation, plan)
    except ValidationFailed as failed:
        await _end(installation, plan, _found(failed.errors, []))
        return
    errors, warnings, missing = list(opened.problems), list[Problem](), dict[str, None]()
    items = at_once = done = 0
    async for stretch in service.fully_checked(opened):
        for planned, checked in stretch:
            errors += [*planned.problems, *problems_in_cells(planned, checked.errors)]
            warnings += problems_in_cells(planned, checked.warnings)
            items += len(checked.items)
            at_once += "scheduled_at" not in planned.body
            missing |= dict.fromkeys(_missing(planned, opened.known))
        done += len(stretch)
        if not await _report(installation, plan, done):
            return  # the file was changed meanwhile
    found = _found(errors, warnings) | {"items": items, "at_once": at_once, "missing": list(missing)[:MISSING_MAX]}
    await _end(installation, plan, found)


async def create(installation: Installation, workspace_id: UUID, plan_id: str, version: int, actor: Actor) -> int:
    """Create the posts of all rows in one transaction, and return their number.

    Do nothing and return 0 if the plan is not as it was checked with this version, or if another request creates them.
    If a row has a problem, keep the problems of all rows, create nothing, and return 0.
    """
    plan = await _begin(installation, workspace_id, plan_id, PlanState.CREATING, version)
    if plan is None:
        return 0
    async with _pulse(installation, plan):
        return await _create(installation, plan, actor)


async def _create(installation: Installation, plan: StoredPlan, actor: Actor) -> int:
    problems: list[Problem] = []
    try:
        opened = await open_stored(installation, plan)
        await service.fetch_addresses(opened)
        async with installation.database.begin() as session:

            async def report(done: int) -> None:
                await _report(installation, plan, done)

            created = await service.create_posts(await from_session(session), opened, actor, report)
            await _finish(session, plan, created.post_count)
        return created.post_count
    except service.RowRejected as rejected:
        problems = (await service.rejection(opened, rejected.problems)).errors
    except ValidationFailed as failed:
        problems = failed.errors
    except BaseException:
        await _end(installation, plan, plan.found or {})
        raise
    await _end(installation, plan, (plan.found or {}) | _found(problems, []))
    return 0


async def _begin(
    installation: Installation, workspace_id: UUID, plan_id: str, state: PlanState, version: int | None = None
) -> StoredPlan | None:
    """Return the plan in its new state, detached; None if it cannot be checked or created now."""
    async with installation.database.begin() as session:
        plan = await get_plan(session, workspace_id, plan_id, lock=True)
        is_checked = plan.version == version and plan.found is not None and not plan.found["errors"]
        if is_running(plan) or plan.state == PlanState.CREATED or (state == PlanState.CREATING and not is_checked):
            return None
        plan.state, plan.done_count, plan.updated_at = state, 0, clock.now()
        await session.flush()
        session.expunge(plan)
        return plan


@asynccontextmanager
async def _pulse(installation: Installation, plan: StoredPlan) -> AsyncIterator[None]:
    """Report every `PULSE` seconds that the check, or the creation, goes on."""
    ended = asyncio.Event()

    async def report() -> None:
        while not ended.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), PULSE)
                return
            # The next report can succeed.
            with suppress(Exception):
                await _report(installation, plan)

    reporting = asyncio.create_task(report())
    try:
        yield
    finally:
        ended.set()
        await reporting


async def _report(installation: Installation, plan: StoredPlan, done: int | None = None) -> bool:
    """Write that it goes on, and how many rows are done. Return False if the plan was changed since it was begun."""
    values: dict[str, Any] = {"updated_at": clock.now()} | ({} if done is None else {"done_count": done})
    async with installation.database.begin() as session:
        same = (StoredPlan.id == plan.id) & (StoredPlan.version == plan.version) & (StoredPlan.state == plan.state)
        query = update(StoredPlan).where(same).values(values)
        return bool((await session.scalars(query.returning(StoredPlan.id))).all())


async def _end(installation: Installation, plan: StoredPlan, found: dict[str, Any]) -> None:
    async with installation.database.begin() as session:
        same = (StoredPlan.id == plan.id) & (StoredPlan.version == plan.version) & (StoredPlan.state == plan.state)
        values = {"state": PlanState.CHECKED, "found": found, "updated_at": clock.now()}
        await session.execute(update(StoredPlan).where(same).values(values))


async def _finish(session: AsyncSession, plan: StoredPlan, posts: int) -> None:
    """Note in the transaction of the posts that they exist. Raise AppError 409 if they exist already."""
    same = (StoredPlan.id == plan.id) & (StoredPlan.version == plan.version) & (StoredPlan.state == PlanState.CREATING)
    values = {"state": PlanState.CREATED, "content": b"", "found": None, "done_count": posts, "updated_at": clock.now()}
    if not (await session.scalars(update(StoredPlan).where(same).values(values).returning(StoredPlan.id))).all():
        raise AppError(409, "plan_created", "The posts of this file are created. Import another file.")


def _found(errors: list[Problem], warnings: list[Problem]) -> dict[str, Any]:
    """Return the problems that were found, as JSON.

    A check adds `items`, the rows without a time (`at_once`), and the files that the library lacks (`missing`).
    """
    errors = sorted(errors, key=lambda one: one.line or 0)
    return {
        "errors": [one.as_dict() for one in errors[:LISTED_MAX]],
        "warnings": [one.as_dict() for one in warnings[:LISTED_MAX]],
        "more_errors": max(0, len(errors) - LISTED_MAX),
        "more_warnings": max(0, len(warnings) - LISTED_MAX),
        "items": 0,
        "at_once": 0,
        "missing": [],
    }


def _missing(planned: PlannedPost, known: Known) -> list[str]:
    names = [file_name(clip) for clip in planned.clips] if planned.source == "files" else []
    return [name for name in names if name not in (known.files or {})]
