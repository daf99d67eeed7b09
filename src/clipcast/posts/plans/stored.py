"""Plans of the import page: kept with what their check found, until their posts are created.

A check or a creation runs in one process, and writes how far it is. Every request, of any process, can show that.
If the process ends, the plan stays as it was, and can be checked or created again.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from clipcast.audit.service import Actor
from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.plan_text import PlanText, Row
from clipcast.common.problems import AppError, NotFound, Problem, ValidationFailed
from clipcast.database.hot_queries import from_session
from clipcast.database.limits import count_all, saver_of
from clipcast.database.models.plans import PlanLine, PlanState, StoredPlan
from clipcast.installation import Installation
from clipcast.posts.plans import service
from clipcast.posts.plans.lines import HINTS, PROBLEMS, replace_lines
from clipcast.posts.plans.rows import PlannedPost, file_name, problems_in_cells

# How long a file is kept after its last change.
KEPT = timedelta(days=7)
# A check that has not reported for this time has ended with its process.
SILENCE = timedelta(seconds=30)
# Seconds between the reports of one that takes long.
PULSE = 10.0
# The problems, and the hints, that are kept with their lines. Further ones are counted.
LISTED_MAX = service.LISTED_MAX
# The kinds of problems that are kept.
KINDS_MAX = 20
RUNNING = (PlanState.CHECKING, PlanState.CREATING)
# Large files take long. Further ones wait, so that they leave connections to the database for other requests.
AT_ONCE = asyncio.Semaphore(2)
NAME_MAX = 200
# The most files of a workspace that wait, and that the page lists.
UNFINISHED_MAX = 20
# The names of missing files that are listed.
MISSING_MAX = 500


def _kinds_of(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Return the column, the code, the number and one message of each kind of problem, the most frequent first."""
    numbers, messages = Counter[tuple[str, str]](), dict[tuple[str, str], str]()
    for one in problems:
        kind = one.column or "", one.code
        numbers[kind] += 1
        messages.setdefault(kind, one.message)
    return [
        {"column": kind[0], "code": kind[1], "count": number, "message": messages[kind]}
        for kind, number in numbers.most_common(KINDS_MAX)
    ]


async def keep(
    session: AsyncSession, workspace_id: UUID, content: bytes, file_name: str, timezone: str, by: str
) -> StoredPlan:
    """Keep a file. Raise ValidationFailed if no row can be read, and AppError 409 if too many are kept."""
    mine = select(StoredPlan.id).where(StoredPlan.workspace_id == workspace_id)
    if await count_all(session, mine.where(StoredPlan.state != PlanState.CREATED)) >= UNFINISHED_MAX:
        message = (
            f"{UNFINISHED_MAX} files of the workspace wait to be imported, the maximum. "
            "Import one of them, or remove it, first."
        )
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
        # A row that cannot be read is one of the file, too.
        plan.row_count = sum(isinstance(one, Row) or one.code != "too_many_rows" for one in text)
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


def is_checked(plan: StoredPlan) -> bool:
    """Return whether `found` is what a check found, in the form of this release: an earlier one has no `kinds`."""
    return plan.found is not None and "kinds" in plan.found


async def list_unfinished(session: AsyncSession, workspace_id: UUID) -> list[StoredPlan]:
    """Return the newest plans whose posts are not created, without their files."""
    query = select(StoredPlan).where(StoredPlan.workspace_id == workspace_id, StoredPlan.state != PlanState.CREATED)
    query = query.options(defer(StoredPlan.content), defer(StoredPlan.found))
    return list(await session.scalars(query.order_by(StoredPlan.id.desc()).limit(UNFINISHED_MAX)))


async def get_plan(session: AsyncSession, workspace_id: UUID, plan_id: str, lock: bool = False) -> StoredPlan:
    """Return the plan without its `content`, which cannot be read. Raise NotFound if there is no such plan."""
    found = parse_id(plan_id)
    parts = [defer(StoredPlan.content, raiseload=True)]
    plan = await session.get(StoredPlan, found, with_for_update=lock, options=parts) if found else None
    if plan is None or plan.workspace_id != workspace_id:
        raise NotFound("import", plan_id)
    return plan


async def open_stored(installation: Installation, plan: StoredPlan) -> service.OpenPlan:
    """Return the plan with its rows. Raise ValidationFailed, and NotFound if it was removed."""
    async with installation.database.session() as session:
        content = await session.scalar(select(StoredPlan.content).where(StoredPlan.id == plan.id))
    if content is None:
        raise NotFound("import", str(plan.id))
    return await service.open_plan(
        installation, plan.workspace_id, content, plan.timezone, plan.allow_duplicate, from_library=True
    )


async def open_lines(installation: Installation, plan: StoredPlan, shown: Iterable[PlanLine]) -> service.OpenPlan:
    """Return the plan with these rows of its last check alone, without its file."""
    rows = [Row(one.line, one.cells or {}) for one in shown]
    return await service.open_rows(installation, plan.workspace_id, rows, plan.timezone, plan.allow_duplicate)


async def check(installation: Installation, plan: StoredPlan) -> None:
    """Check all rows of a plan that `begin` returned, and keep what is found.

    What prevents it is raised, and kept as `failed` instead of what the check before found.
    """
    async with _pulse(installation, plan):
        try:
            async with AT_ONCE:
                await _check(installation, plan)
        except BaseException as error:
            await _return(installation, plan, error, {})
            raise


async def _check(installation: Installation, plan: StoredPlan) -> None:
    try:
        opened = await open_stored(installation, plan)
    except ValidationFailed as failed:
        await _end(installation, plan, failed.errors)
        return
    errors, warnings, missing = list(opened.problems), list[Problem](), dict[str, None]()
    items = at_once = done = 0
    of_accounts = set[tuple[str, str]]()
    async for stretch in service.fully_checked(opened):
        for planned, checked in stretch:
            errors += [*planned.problems, *problems_in_cells(planned, checked.errors)]
            warnings += planned.hints
            for hint in problems_in_cells(planned, checked.warnings):
                # What concerns an account is said once, not in each of its rows.
                if hint.column != "to" or (hint.code, hint.message) not in of_accounts:
                    warnings.append(hint)
                if hint.column == "to":
                    of_accounts.add((hint.code, hint.message))
            items += len(checked.items)
            at_once += "scheduled_at" not in planned.body
            missing |= dict.fromkeys(_missing(planned))
        done += len(stretch)
        if not await _report(installation, plan, done):
            return  # the file was changed meanwhile
    more = {"items": items, "at_once": at_once, "missing": list(missing)[:MISSING_MAX]}
    await _end(installation, plan, errors, warnings, opened.rows, more)


async def create(installation: Installation, plan: StoredPlan, actor: Actor) -> int:
    """Create the posts of all rows of a plan that `begin` returned in one transaction, and return their number.

    If a row has a problem, keep the problems of all rows, create nothing, and return 0. What else prevents it is
    raised, and kept as `failed` of what was found.
    """
    async with _pulse(installation, plan):
        return await _create(installation, plan, actor)


async def _create(installation: Installation, plan: StoredPlan, actor: Actor) -> int:
    rows: list[Row] = []
    try:
        async with AT_ONCE:
            opened = await open_stored(installation, plan)
            rows = opened.rows
            if not service.rows_with_addresses(opened):
                return await _create_posts(installation, plan, opened, actor)
        # Addresses can take an hour. Other files need not wait for them.
        await service.fetch_addresses(opened)
        async with AT_ONCE:
            return await _create_posts(installation, plan, opened, actor)
    except service.RowRejected as rejected:
        problems = (await service.rejection(opened, rejected.problems)).errors
    except ValidationFailed as failed:
        problems = failed.errors
    except BaseException as error:
        await _return(installation, plan, error, plan.found or {})
        raise
    await _end(installation, plan, problems, [], rows, plan.found or {})
    return 0


async def _create_posts(installation: Installation, plan: StoredPlan, opened: service.OpenPlan, actor: Actor) -> int:
    async def report(done: int) -> None:
        await _report(installation, plan, done)

    async with installation.database.begin() as session:
        created = await service.create_posts(await from_session(session), opened, actor, report)
        await _finish(session, plan, created.post_count)
    return created.post_count


async def begin(
    installation: Installation, workspace_id: UUID, plan_id: str, state: PlanState, version: int | None = None
) -> StoredPlan | None:
    """Return the plan, detached and without its file, as one that is being checked or created from now on.

    Return None if another request does that, if the posts are created, or, before a creation, if the plan is not as it
    was checked with this version. Raise NotFound.
    """
    async with installation.database.begin() as session:
        plan = await get_plan(session, workspace_id, plan_id, lock=True)
        is_ready = plan.version == version and is_checked(plan) and not (plan.found or {})["errors"]
        if is_running(plan) or plan.state == PlanState.CREATED or (state == PlanState.CREATING and not is_ready):
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
    async with installation.database.begin() as session:
        return await _set(session, plan, {} if done is None else {"done_count": done})


async def _end(
    installation: Installation,
    plan: StoredPlan,
    errors: list[Problem],
    warnings: Sequence[Problem] = (),
    rows: Iterable[Row] = (),
    more: Mapping[str, Any] | None = None,
) -> None:
    """Keep what a check found, with its rows, unless the plan was changed since it was begun."""
    errors = sorted(errors, key=lambda one: one.line or 0)
    found = {"items": 0, "at_once": 0, "missing": [], **(more or {}), "failed": "", **summary_of(errors, warnings)}
    async with installation.database.begin() as session:
        if await _set(session, plan, {"state": PlanState.CHECKED, "found": found}):
            await replace_lines(session, plan.id, rows, errors[:LISTED_MAX], warnings[:LISTED_MAX])


async def _return(installation: Installation, plan: StoredPlan, error: BaseException, found: Mapping[str, Any]) -> None:
    """Have a plan with what was `found` before, and the reason why its check, or its creation, has ended."""
    why = error.detail if isinstance(error, AppError) else "The server could not finish."
    async with installation.database.begin() as session:
        await _set(session, plan, {"state": PlanState.CHECKED, "found": {**found, "failed": why}})


async def _set(session: AsyncSession, plan: StoredPlan, values: dict[str, Any]) -> bool:
    """Change a plan that is as it was begun. Return False if it was changed meanwhile."""
    same = (StoredPlan.id == plan.id) & (StoredPlan.version == plan.version) & (StoredPlan.state == plan.state)
    query = update(StoredPlan).where(same).values({"updated_at": clock.now()} | values)
    return bool((await session.scalars(query.returning(StoredPlan.id))).all())


async def _finish(session: AsyncSession, plan: StoredPlan, posts: int) -> None:
    """Note in the transaction of the posts that they exist. Raise AppError 409 if they exist already."""
    values = {"state": PlanState.CREATED, "content": b"", "found": None, "done_count": posts}
    if not await _set(session, plan, values):
        raise AppError(409, "plan_created", "The posts of this file are created. Import another file.")
    await replace_lines(session, plan.id, (), (), ())


def summary_of(errors: Sequence[Problem], warnings: Sequence[Problem]) -> dict[str, Any]:
    """Return what was found, as JSON: numbers, and the kinds of problems. The lines have the problems themselves.

    `_end` adds `items`, the rows without a time (`at_once`), and the files that the library lacks (`missing`).
    `_return` adds why no post was created (`failed`), or keeps only why the rows could not be checked.
    """
    return {
        "errors": len(errors),
        "warnings": len(warnings),
        "problem_rows": len({one.line or 1 for one in errors}),
        "hint_rows": len({one.line or 1 for one in warnings}),
        "kinds": {PROBLEMS: _kinds_of(errors), HINTS: _kinds_of(warnings)},
    }


def _missing(planned: PlannedPost) -> list[str]:
    clips = enumerate(planned.clips) if planned.source == "files" else ()
    return [file_name(clip) for number, clip in clips if planned.is_pending(number)]
