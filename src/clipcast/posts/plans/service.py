"""Plans: all rows become posts in one transaction, or none does. Every fault of every row is reported."""

import asyncio
from bisect import bisect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from clipcast.audit.service import Actor
from clipcast.clock import clock
from clipcast.common.csv_text import plain_cell
from clipcast.common.ids import parse_id
from clipcast.common.plan_text import PlanText, Row, problem_at
from clipcast.common.problems import AppError, Problem, ValidationFailed
from clipcast.database.hot_queries import Call, Executor, Follower, Statement, Transaction
from clipcast.installation import Installation
from clipcast.posts import references, repository, shorthand
from clipcast.posts.duplicates import DUPLICATE, find_doubles_of_each
from clipcast.posts.plans.asking import Asking
from clipcast.posts.plans.imports import import_addresses
from clipcast.posts.plans.rows import (
    EXPORTED,
    Known,
    PlannedPost,
    accounts_of,
    check_columns,
    clips_of,
    file_name,
    plan_post,
    problems_in_cells,
)
from clipcast.posts.plans.schemas import PlanChecked, PlanCreated, PlannedItem, PlannedRow, RowPost
from clipcast.posts.preflight import Checked, check_post, sent
from clipcast.posts.references import load_references
from clipcast.posts.service import Made, create_post
from clipcast.renders import conforming

CheckedRow = tuple[PlannedPost, Checked]
# The time and the line of each item of a plan, in order, by what its doubles share.
Earlier = dict[tuple[UUID, int], list[tuple[datetime, int]]]
# The problems that a response lists. It counts the others.
LISTED_MAX = 10_000
ITEMS_MAX = 50_000
# Rows that are read at a stretch, before other requests have their turn, and whose doubles are searched together.
STRETCH = 200
# The characters of posts, as JSON, that one statement inserts: some hundred items.
INSERTED_MAX = 200_000

# The clips of the library with these names, or made of files with these names as they are; of several, the newest.
FILES = Statement("""
    SELECT DISTINCT ON (wanted.name) wanted.name, CAST(edit_setting_id AS text) AS edit_id, renders.created_at,
           count(*) OVER (PARTITION BY wanted.name) AS number
    FROM renders JOIN clips ON clips.id = renders.clip_id
    CROSS JOIN LATERAL (
        SELECT name, bool_or(fits) AS fits
        FROM (VALUES (clips.file_name, renders.key = ''), (renders.name, true)) AS either(name, fits) GROUP BY name
    ) AS wanted
    WHERE renders.workspace_id = :workspace_id AND renders.deleted_at IS NULL AND clips.status = 'ready'
      AND (clips.file_name = ANY(:names) OR renders.name = ANY(:names))
      AND wanted.name = ANY(:names) AND wanted.fits
    ORDER BY wanted.name, renders.id DESC
""")
RENDERS = Statement("""
    SELECT CAST(clip_id AS text) AS clip_id, CAST(edit_setting_id AS text) AS edit_id FROM renders
    WHERE workspace_id = :workspace_id AND clip_id = ANY(:ids) AND key = ''
""")


class Remembering:
    """An executor for all rows of a plan, which name the same renders and accounts again and again.

    It reads each of them once. It inserts posts together: when there are many, before another statement, which may read
    them, and by `insert`. What is to follow the commit, it passes on together, by `follow`.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._found: dict[tuple[str, str], list[Any]] = {}
        self._following: dict[tuple[Any, ...], tuple[Follower, Mapping[str, Any]]] = {}
        self._post_ids: list[UUID] = []
        self._posts: list[Any] = []

    async def fetch(self, statement: Statement, values: Mapping[str, Any]) -> list[Any]:
        if statement is repository.ADD:
            self._posts.append(values)
            if sum(len(one["posts"]) for one in self._posts) > INSERTED_MAX:
                await self.insert()
            return []
        if statement not in (references.RENDERS, references.CONNECTIONS, shorthand.ACCOUNTS):
            await self.insert()
            return await self._executor.fetch(statement, values)
        key = statement.name, repr(values)
        if key not in self._found:
            self._found[key] = await self._executor.fetch(statement, values)
        return self._found[key]

    async def insert(self) -> None:
        """Insert the posts that wait. Raise RowRejected if a render was deleted after the check."""
        if not self._posts:
            return
        posts, self._posts = self._posts, []
        try:
            await self._executor.fetch(repository.ADD, repository.joined(posts))
        except asyncpg.ForeignKeyViolationError as error:
            if error.constraint_name != repository.ITEM_RENDER:
                raise
            raise RowRejected([]) from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        await self.insert()
        async with self._executor.transaction() as within:
            yield within

    def after_commit(self, statement: Follower, values: Mapping[str, Any]) -> None:
        if statement is conforming.ORDER_CONVERSIONS:
            self._post_ids.append(values["post_id"])
        else:
            self._following[statement.name, *values.items()] = statement, values

    def follow(self) -> None:
        """Have everything follow the commit that was asked for, each once."""
        for statement, values in self._following.values():
            self._executor.after_commit(statement, values)
        self._executor.after_commit(ORDER_CONVERSIONS, {"post_ids": tuple(self._post_ids)})


async def _order_conversions(executor: Executor, post_ids: tuple[UUID, ...]) -> None:
    for start in range(0, len(post_ids), STRETCH):
        await conforming.order_conversions(executor, *post_ids[start : start + STRETCH])


ORDER_CONVERSIONS = Call(_order_conversions)


@dataclass
class OpenPlan:
    """A plan that was read: its rows, the problems of those that cannot be read, and what the others name."""

    installation: Installation
    workspace_id: UUID
    timezone: str | None
    allow_duplicate: bool = False
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    # Whether the column `files` names clips of the library.
    from_library: bool = False
    # The columns that the plan lacks. Its rows do not report that once more.
    absent: frozenset[str | None] = frozenset()
    known: Known = field(default_factory=Known)

    async def posts(self, may_wait: bool) -> AsyncIterator[PlannedPost]:
        """Yield each row as a post. With `may_wait`, clips may be missing that are to be uploaded or imported."""
        for row in self.rows:
            await asyncio.sleep(0)
            planned = plan_post(row, self.known, self.timezone, may_wait)
            planned.problems[:] = [problem for problem in planned.problems if problem.column not in self.absent]
            if self.allow_duplicate:
                planned.body["allow_duplicate"] = True
            yield planned

    async def checked(self, may_wait: bool) -> AsyncIterator[tuple[PlannedPost, Checked]]:
        """Yield each row as a post, with the result of its check."""
        executor = Remembering(self.installation.database.hot_pool)
        async for planned in self.posts(may_wait):
            yield planned, await check_post(executor, self.workspace_id, planned.body, self.installation.settings)


async def open_plan(
    installation: Installation,
    workspace_id: UUID,
    content: bytes,
    timezone: str | None,
    allow_duplicate: bool = False,
    from_library: bool = False,
) -> OpenPlan:
    """Read a plan. `timezone` applies to times without an offset in rows without a `timezone`.

    With `from_library`, the column `files` names clips of the library, or the files of which they were made.

    Cells of a column whose name is wrong are left out, and the name is a problem. Raise ValidationFailed if no row can
    be read: the text is not UTF-8, or empty.
    """
    plan = OpenPlan(installation, workspace_id, timezone, allow_duplicate, from_library=from_library)
    text = PlanText(content)
    text.columns, plan.problems = check_columns(text.columns, text.header_line)
    plan.absent = frozenset(problem.column for problem in plan.problems if problem.code == "required")
    items, is_export = 0, not set(EXPORTED).isdisjoint(text.columns)
    for number, found in enumerate(text):
        if number % STRETCH == 0:
            await asyncio.sleep(0)
        if isinstance(found, Problem):
            plan.problems.append(found)
            continue
        items += len(clips_of(found)[1]) * len(accounts_of(found))
        if items > ITEMS_MAX:
            message = f"The plan has more than {ITEMS_MAX} items. Send the rows from here on as another plan."
            plan.problems.append(problem_at(found.line, "", "too_many_items", message, ITEMS_MAX))
            break
        # An export has an apostrophe before what a table would calculate.
        cells = {name: plain_cell(cell) for name, cell in found.cells.items()} if is_export else found.cells
        plan.rows.append(Row(found.line, cells))
    if not plan.rows and not plan.problems:
        message = "The plan has no row below the names of its columns. Add one."
        plan.problems.append(problem_at(text.header_line, "", "plan_empty", message))
    plan.known = await _known(plan)
    return plan


async def open_rows(
    installation: Installation, workspace_id: UUID, rows: list[Row], timezone: str, allow_duplicate: bool
) -> OpenPlan:
    """Return a plan with these rows of one that was read before. Its `files` are clips of the library."""
    plan = OpenPlan(installation, workspace_id, timezone, allow_duplicate, rows, from_library=True)
    plan.known = await _known(plan)
    return plan


async def _known(plan: OpenPlan) -> Known:
    """Return the accounts and clips that the rows name, loaded at once."""
    installation, pool = plan.installation, plan.installation.database.hot_pool
    written = {name: name for row in plan.rows for name in accounts_of(row)}
    ids, _ = await shorthand.resolve_accounts(pool, plan.workspace_id, written)
    ids |= {name: name for name in written if parse_id(name)}
    connection_ids = {id for value in ids.values() if (id := parse_id(value))}
    found = await load_references(pool, plan.workspace_id, (), connection_ids, installation.settings)
    platforms = {str(id): connection.platform for id, connection in found.connections.items()}
    clips = {
        id for row in plan.rows for source, names in [clips_of(row)] if source == "clip"
        for name in names if (id := parse_id(name))
    }  # fmt: skip
    renders = await pool.fetch(RENDERS, {"workspace_id": plan.workspace_id, "ids": list(clips)})
    files = await _files(plan) if plan.from_library else []
    return Known(
        accounts=ids,
        platforms={name: platforms[id] for name, id in ids.items() if id in platforms},
        renders={row["clip_id"]: row["edit_id"] for row in renders},
        files={row["name"]: row["edit_id"] for row in files} if plan.from_library else None,
        doubled={row["name"]: (row["number"], row["created_at"]) for row in files if row["number"] > 1},
    )


async def _files(plan: OpenPlan) -> list[Any]:
    """Return the clips of the library that the rows name: of each name the newest, and the number of all."""
    cells = {row.cells["files"].strip(): clips_of(row) for row in plan.rows if "files" in row.cells}
    clips = {clip for source, of_cell in cells.values() if source == "files" for clip in of_cell}
    names = {*cells, *clips, *map(file_name, clips)}
    values = {"workspace_id": plan.workspace_id, "names": list(names)}
    return list(await plan.installation.database.hot_pool.fetch(FILES, values)) if names else []


async def check_plan(plan: OpenPlan) -> PlanChecked:
    """Check every row as POST /posts/validate does, and create nothing.

    Files and addresses that are not there yet are not checked.
    """
    errors, warnings, rows = list(plan.problems), list[Problem](), []
    async for stretch in fully_checked(plan):
        for planned, checked in stretch:
            errors += [*planned.problems, *problems_in_cells(planned, checked.errors)]
            warnings += [*planned.hints, *problems_in_cells(planned, checked.warnings)]
            rows.append(_shown(planned, checked))
    errors.sort(key=lambda problem: problem.line or 0)
    return PlanChecked(
        valid=not errors,
        rows=rows,
        errors=_details(errors),
        warnings=_details(warnings),
        more_errors=max(0, len(errors) - LISTED_MAX),
        more_warnings=max(0, len(warnings) - LISTED_MAX),
    )


async def fully_checked(plan: OpenPlan) -> AsyncIterator[list[CheckedRow]]:
    """Yield the rows with the results of all checks, `STRETCH` at a time."""
    accounts = {id for name in plan.known.platforms if (id := parse_id(plan.known.accounts[name]))}
    asking = await Asking.of(plan.installation, plan.workspace_id, accounts)
    earlier: Earlier = {}
    async for stretch in _stretches(plan.checked(may_wait=True)):
        await _add_doubles(plan, stretch, earlier)
        for _, checked in stretch:
            await asking.check(checked)
        yield stretch


async def _stretches(rows: AsyncIterator[CheckedRow]) -> AsyncIterator[list[CheckedRow]]:
    """Yield the rows, STRETCH at a time."""
    stretch: list[CheckedRow] = []
    async for one in rows:
        stretch.append(one)
        if len(stretch) == STRETCH:
            yield stretch
            stretch = []
    if stretch:
        yield stretch


async def _add_doubles(plan: OpenPlan, rows: Sequence[CheckedRow], earlier: Earlier) -> None:
    """Add to each row a problem for each item that repeats one of another post, or of an earlier row."""
    settings = plan.installation.settings
    requests = [
        ([] if checked.allows_duplicates else sent(checked), checked.scheduled_at or clock.now()) for _, checked in rows
    ]
    found = await find_doubles_of_each(plan.installation.database.hot_pool, requests, settings)
    for (planned, checked), doubles in zip(rows, found, strict=True):
        doubles += _doubles_of_rows(planned, checked, settings.duplicate_window, earlier)
        (checked.errors if checked.refuses_duplicates else checked.warnings).extend(doubles)


def _doubles_of_rows(planned: PlannedPost, checked: Checked, window: timedelta, earlier: Earlier) -> list[Problem]:
    """Return a problem for each item that repeats one of an earlier row, and add the items to `earlier`."""
    problems = []
    at = checked.scheduled_at or clock.now()
    for one in [] if checked.allows_duplicates else sent(checked):
        if one.fingerprint is None:
            continue
        others = earlier.setdefault((one.connection_id, one.fingerprint), [])
        own = at, planned.row.line
        place = bisect(others, own)
        # Those next to it in time are the closest.
        near = [line for then, line in others[max(0, place - 1) : place + 1] if abs(at - then) < window]
        if near:
            message = f"The same clip and words go to this account by line {min(near)} of the plan."
            problems.append(Problem(one.path, DUPLICATE, message))
        others.insert(place, own)
    return problems


def _details(problems: list[Problem]) -> list[Any]:
    return [problem.as_dict() for problem in problems[:LISTED_MAX]]


def _shown(planned: PlannedPost, checked: Checked) -> PlannedRow:
    items = []
    for target in checked.targets:
        platform = target.connection.platform
        metadata = target.metadata.model_dump(mode="json", by_alias=True, exclude_unset=True)
        clip = planned.clips[int(target.path.split("/")[2])]
        items.append(
            PlannedItem(
                clip=clip, connection_id=str(target.connection.id), platform=platform, metadata={platform: metadata}
            )
        )
    return PlannedRow.model_validate({"line": planned.row.line, "scheduled_at": checked.scheduled_at, "items": items})


def rows_with_addresses(plan: OpenPlan) -> list[Row]:
    """Return the rows whose clips are to be imported from addresses."""
    return [row for row in plan.rows if clips_of(row)[0] == "url"]


async def fetch_addresses(plan: OpenPlan) -> None:
    """Import the files of the rows' addresses, if the plan has no other problem.

    Raise ValidationFailed with all problems of the plan, or those of the addresses.
    """
    rows = rows_with_addresses(plan)
    if not rows:
        return
    if not (checked := await check_plan(plan)).valid:
        raise failed([Problem(**vars(error)) for error in checked.errors])
    wanted = list(dict.fromkeys(address for row in rows for address in clips_of(row)[1]))
    plan.known.imported, errors = await import_addresses(plan.installation, plan.workspace_id, wanted)
    problems = [
        problem_at(row.line, "url", errors[address].code, errors[address].message)
        for row in rows
        for address in clips_of(row)[1]
        if address in errors
    ]
    if problems:
        raise failed(problems)


class RowRejected(Exception):
    """A row has a problem, so the transaction must be rolled back. The problems of the other rows are not known yet."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems)
        self.problems = problems


async def create_posts(
    executor: Executor, plan: OpenPlan, actor: Actor | None, report: Callable[[int], Awaitable[None]] | None = None
) -> PlanCreated:
    """Create a post for each row in the caller's transaction. Raise RowRejected at the first row with a problem.

    Then roll back, and collect all problems with `rejection`. `report` gets the number of done rows now and then.
    """
    posts, settings, remembering = [], plan.installation.settings, Remembering(executor)
    made = Made(actor, "csv")
    if plan.problems:
        raise RowRejected([])
    async for planned in plan.posts(may_wait=False):
        if planned.problems:
            raise RowRejected([])
        try:
            created = await create_post(remembering, plan.workspace_id, planned.body, settings, actor=actor, made=made)
        except AppError as error:
            own = list(problems_in_cells(planned, error.errors))
            raise RowRejected(own or [problem_at(planned.row.line, "", error.code, error.detail)]) from None
        posts.append(RowPost.model_construct(line=planned.row.line, **vars(created)))
        if report and len(posts) % STRETCH == 0:
            await report(len(posts))
    await remembering.insert()
    remembering.follow()
    return PlanCreated(post_count=len(posts), item_count=sum(post.item_count for post in posts), posts=posts)


async def rejection(plan: OpenPlan, known: list[Problem]) -> ValidationFailed:
    """Return the error with the problems of all rows, and those that are `known`. Call it outside of a transaction."""
    problems = list(plan.problems)
    async for planned, checked in plan.checked(may_wait=False):
        problems += [*planned.problems, *problems_in_cells(planned, checked.errors)]
    cells = {(problem.line, problem.column, problem.code) for problem in problems}
    return failed(problems + [one for one in known if (one.line, one.column, one.code) not in cells])


def failed(problems: list[Problem]) -> ValidationFailed:
    """Return the error of a plan with these problems, by line. It lists more than other errors do."""
    problems = sorted(problems, key=lambda problem: problem.line or 0)
    error = ValidationFailed(problems)
    error.errors = problems[:LISTED_MAX]
    more = len(problems) - LISTED_MAX
    error.more = {"more_errors": more} if more > 0 else {}
    lines = len({problem.line for problem in problems})
    found = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    error.detail = f"{found} in {'1 line' if lines == 1 else f'{lines} lines'} of the plan; nothing was created."
    return error
