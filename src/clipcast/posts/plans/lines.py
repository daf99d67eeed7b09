"""The lines of a stored plan as its last check found them: a page of them needs neither the file nor all findings.

All run in the caller's transaction and never commit.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, insert, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.common.plan_text import Row
from clipcast.common.problems import Problem
from clipcast.database import page_of
from clipcast.database.models.plans import PlanLine

# The lines that one statement inserts or reads.
AT_ONCE = 1_000
# Which lines a page shows: all rows, or those with problems or with hints.
ANY, PROBLEMS, HINTS = "all", "problems", "hints"


@dataclass(frozen=True)
class Page:
    """Rows of a plan, and the number of all that match."""

    lines: Sequence[PlanLine]
    total: int


def as_json(problem: Problem) -> dict[str, Any]:
    """Return a problem as lines keep it: it always has a column, and "" is the whole row."""
    return {"column": "", "limit": None} | problem.as_dict()


def by_line(problems: Iterable[Problem]) -> dict[int, list[dict[str, Any]]]:
    """Return problems as JSON by their lines. Those without one are of the first."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for one in problems:
        found[one.line or 1].append(as_json(one))
    return dict(found)


async def replace_lines(
    session: AsyncSession, plan_id: UUID, rows: Iterable[Row], problems: Iterable[Problem], hints: Iterable[Problem]
) -> None:
    """Keep these rows and findings in place of the former ones."""
    await session.execute(delete(PlanLine).where(PlanLine.plan_id == plan_id))
    cells, wrong, noted = {row.line: row.cells for row in rows}, by_line(problems), by_line(hints)
    parts: dict[str, Mapping[int, Any]] = {"cells": cells, "problems": wrong, "hints": noted}
    values = [
        {"plan_id": plan_id, "line": line} | {name: of_lines.get(line) for name, of_lines in parts.items()}
        for line in sorted({*cells, *wrong, *noted})
    ]
    for start in range(0, len(values), AT_ONCE):
        await session.execute(insert(PlanLine), values[start : start + AT_ONCE])


async def page_of_rows(
    session: AsyncSession, plan_id: UUID, show: str, kind: tuple[str, str] | None, page: int, size: int
) -> Page:
    """Return a page of rows by line. `kind` is the column and the code of the problems, or hints, that are wanted."""
    findings = {PROBLEMS: PlanLine.problems, HINTS: PlanLine.hints}.get(show)
    wanted: ColumnElement[bool] = true()
    if findings is not None:
        wanted = findings.contains([{"column": kind[0], "code": kind[1]}]) if kind else findings.is_not(None)
    found = select(PlanLine).where(PlanLine.plan_id == plan_id, PlanLine.cells.is_not(None), wanted)
    return Page(*await page_of(session, found.order_by(PlanLine.line), (page - 1) * size, size))


async def other_lines(session: AsyncSession, plan_id: UUID, most: int) -> Page:
    """Return the first lines that are no rows: of the columns' names, or of text that cannot be read."""
    found = select(PlanLine).where(PlanLine.plan_id == plan_id, PlanLine.cells.is_(None))
    return Page(*await page_of(session, found.order_by(PlanLine.line), 0, most))


async def findings(session: AsyncSession, plan_id: UUID) -> AsyncIterator[PlanLine]:
    """Yield the lines with problems or hints."""
    query = select(PlanLine).where(PlanLine.plan_id == plan_id)
    query = query.where(PlanLine.problems.is_not(None) | PlanLine.hints.is_not(None)).order_by(PlanLine.line)
    async for line in await session.stream_scalars(query.execution_options(yield_per=AT_ONCE)):
        yield line
