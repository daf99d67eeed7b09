"""The import page: a CSV file is checked, shown row by row as it would be posted, and becomes posts at one press."""

import asyncio
import csv
import io
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from clipcast.api.numbers import PLAIN_WHOLE
from clipcast.api.schemas import read_bounded
from clipcast.clips.pictures import picture_version
from clipcast.clock import clock
from clipcast.common.csv_text import safe_cell
from clipcast.common.ids import parse_id
from clipcast.common.plan_text import BYTES_MAX, ROWS_MAX, Row
from clipcast.common.problems import AppError, ValidationFailed
from clipcast.connections.repository import list_choices
from clipcast.database.models.clips import Clip, Render
from clipcast.database.models.plans import PlanState, StoredPlan
from clipcast.database.models.renditions import Rendition
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.lines import MARKS_MAX, PICTURES_MAX, Picture
from clipcast.posts.plans import stored
from clipcast.posts.plans.rows import PlannedPost, accounts_of, clips_of
from clipcast.posts.preflight import Checked
from clipcast.posts.titles import first_line
from clipcast.web import times
from clipcast.web.forms import FilledForm, read_form
from clipcast.web.pages import is_htmx
from clipcast.web.viewers import Editing, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}/posts/import")

CSV = "text/csv"
# The rows of a page, and the kinds of problems that are listed.
ROWS = 50
KINDS = 20
# Large files take seconds. Further ones wait, so that they leave connections to the database for other requests.
AT_ONCE = asyncio.Semaphore(2)
ANY, PROBLEMS, HINTS = "all", "problems", "hints"
# The names of the columns' cells on pages.
COLUMNS = {
    "files": "Clip", "clip": "Clip", "edit_id": "Clip", "url": "Address", "to": "Accounts", "title": "Title",
    "text": "Caption", "tags": "Hashtags", "at": "Time", "timezone": "Time zone", "": "Row",
}  # fmt: skip


@dataclass(frozen=True)
class ShownMark:
    """An account of a row."""

    platform: str
    username: str


@dataclass(frozen=True)
class ShownRow:
    """A row as it would be posted, with its problems and hints."""

    line: int
    title: str
    # Of a row without a caption, which shows the name of its clip.
    has_caption: bool
    pictures: list[Picture]
    clips: int
    marks: list[ShownMark]
    accounts: int
    # Accounts that the row names, and that are not found.
    unknown: list[str]
    at: datetime | None
    # The time as the row has it, in a zone that is not the viewer's.
    written: str
    is_now: bool
    problems: list[dict[str, Any]] = field(default_factory=list)
    hints: list[dict[str, Any]] = field(default_factory=list)


@router.get("")
async def import_page(member: Editing) -> Response:
    """Return the page that takes a file, with the files that are not imported yet."""
    return await _start(member)


async def _start(member: Member, form: FilledForm | None = None) -> Response:
    async with member.installation.database.session() as session:
        waiting = await stored.list_unfinished(session, member.workspace.id)
        accounts = await list_choices(session, member.workspace.id)
    return member.render(
        "import.html",
        422 if form else 200,
        section="posts",
        waiting=waiting,
        has_accounts=bool(accounts),
        form=form or FilledForm({}),
        zone_names=times.zone_names(),
        city_of=times.city_of,
        rows_max=ROWS_MAX,
        bytes_max=BYTES_MAX,
        kept=stored.KEPT,
    )


@router.get("/template.csv")
async def template(member: Editing) -> Response:
    """Return a file to begin with: the columns, and two rows for accounts of the workspace."""
    async with member.installation.database.session() as session:
        accounts = await list_choices(session, member.workspace.id)
        query = select(Render.name).where(Render.workspace_id == member.workspace.id, Render.deleted_at.is_(None))
        names = list(await session.scalars(query.order_by(Render.id.desc()).limit(2)))
    to = [f"{one.platform}:@{one.username}" for one in accounts[:2]] or ["bluesky:@your.name"]
    required = dict(one for account in accounts[:2] for one in _required(account.platform))
    tomorrow = datetime.combine(clock.now().astimezone(member.zone).date() + timedelta(days=1), time(18))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["files", "to", "title", "text", "tags", "at", "timezone", *required])
    for number, name in enumerate([*names, "my-clip.mp4", "another-clip.mp4"][:2]):
        at = f"{tomorrow + timedelta(days=number):%Y-%m-%d %H:%M}"
        words = [f"Title {number + 1}", f"Caption {number + 1}", "harbour; morning"]
        writer.writerow([name, "; ".join(to), *words, at, member.zone.key, *required.values()])
    # The mark tells Excel that the file is UTF-8.
    return csv_response(member, "\ufeff" + text.getvalue(), "clipcast-import.csv")


def _required(platform: str) -> Iterator[tuple[str, str]]:
    """Yield the columns that a platform's posts must have, beside the words, with a value each."""
    model = PLATFORMS[platform].metadata
    schema = model.model_json_schema(by_alias=True)
    for name in schema.get("required", ()):
        if name not in (model.title_field, model.text_field):
            yield f"{platform}.{name}", str((schema["properties"][name].get("enum") or [""])[0])


def csv_response(member: Member, text: str, name: str) -> Response:
    """Return a file to download."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    response = Response(text, media_type=f"{CSV}; charset=utf-8", headers=headers)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@router.post("")
async def keep(member: Editing, request: Request, name: str = "") -> Response:
    """Keep a file that the page's script sends as it is, or a text of the form, and go to its page."""
    return await _keep(member, request, name, None)


@router.post("/{plan_id}/file")
async def replace_file(member: Editing, request: Request, plan_id: str, name: str = "") -> Response:
    """Replace the file of an import, and go to its page."""
    return await _keep(member, request, name, plan_id)


async def _keep(member: Member, request: Request, name: str, plan_id: str | None) -> Response:
    content, form = await _sent(request)
    try:
        async with member.installation.database.begin() as session:
            if plan_id:
                plan = await stored.get_plan(session, member.workspace.id, plan_id, lock=True)
                stored.change(plan, content, name)
            else:
                plan = await stored.keep(session, member.workspace.id, content, name, member.zone.key, member.user.name)
    except ValidationFailed as failed:
        if form is None or plan_id:
            raise
        form.add_problem("text", failed.errors[0].message)
        return await _start(member, form)
    return _go(member, request, f"/posts/import/{plan.id}")


async def _sent(request: Request) -> tuple[bytes, FilledForm | None]:
    """Return the file of a request, and its form if it is one. Raises AppError 413 or 422."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == CSV:
        return await read_bounded(request, BYTES_MAX), None
    form = await read_form(request)
    return form.one("text").encode(), form


def _go(member: Member, request: Request, path: str) -> Response:
    if is_htmx(request):
        return Response(status_code=204, headers={"HX-Redirect": member.base + path})
    return member.redirect(path)


@router.get("/{plan_id}")
async def plan_page(
    member: Editing, plan_id: str, show: str = "", kind: str = "", page: Annotated[int, PLAIN_WHOLE] = 1
) -> Response:
    """Return an import: its progress, or its rows with their problems, `ROWS` a page.

    `show` is `all`, `problems` or `hints`; without it, those with problems, if there are some. `kind` is a column and a
    code, as `to:not_found`.
    """
    async with member.installation.database.session() as session:
        plan = await stored.get_plan(session, member.workspace.id, plan_id)
    context: dict[str, Any] = {
        "section": "posts",
        "plan": plan,
        "path": f"/posts/import/{plan.id}",
        "is_running": stored.is_running(plan),
        "zone_names": times.zone_names(),
        "city_of": times.city_of,
        "bytes_max": BYTES_MAX,
        "own_request": "",
    }
    if plan.found is None or plan.state == PlanState.CREATED or stored.is_running(plan):
        return member.render("import_plan.html", **context, found=None)
    return member.render("import_plan.html", **context, **await _found(member, plan, show, kind, page))


async def _found(member: Member, plan: StoredPlan, show: str, kind: str, page: int) -> dict[str, Any]:
    """Return what the page shows of a checked import."""
    found = plan.found or {}
    problems, hints = _by_line(found["errors"]), _by_line(found["warnings"])
    show = show if show in (ANY, PROBLEMS, HINTS) else PROBLEMS if problems else ANY
    lines = {PROBLEMS: problems, HINTS: hints}.get(show)
    column, _, code = kind.partition(":")
    wanted: set[int] | None
    if kind and lines is not None:
        wanted = {
            line for line, its in lines.items()
            if any((one.get("column") or "") == column and one["code"] == code for one in its)
        }  # fmt: skip
    else:
        wanted = None if lines is None else set(lines)
    chosen = _Chosen(wanted, page)
    opened = await stored.open_stored(member.installation, plan, chosen)
    rows = [one async for one in opened.checked(may_wait=True)]
    async with member.installation.database.session() as session:
        pictures = await _pictures(session, member.workspace.id, [planned for planned, _ in rows])
    shown = [_shown(member, planned, checked, pictures, problems, hints) for planned, checked in rows]
    # Problems of lines that are no rows: of the columns' names, or of text that cannot be read.
    elsewhere = [one for line, its in problems.items() if line not in chosen.lines for one in its]
    kinds = stored.kinds_of(found["errors"] if show != HINTS else found["warnings"])
    return {
        "found": found,
        "show": show,
        "kind": kind if wanted is not None and kind else "",
        "rows": shown,
        "pages": max(1, -(-chosen.total // ROWS)),
        "page": page,
        "matching": chosen.total,
        "problem_rows": len(problems),
        "hint_rows": len(hints),
        "elsewhere": elsewhere,
        "kinds": kinds[:KINDS],
        "columns": COLUMNS,
        "query": lambda **values: urlencode({key: value for key, value in values.items() if value}),
        "can_create": not problems and bool(plan.row_count),
    }


class _Chosen:
    """Chooses the rows of a page among those of the wanted lines, and counts them all."""

    def __init__(self, wanted: Collection[int] | None, page: int) -> None:
        self._wanted = wanted
        self._page = page
        self.total = 0
        self.lines: set[int] = set()

    def __call__(self, rows: list[Row]) -> list[Row]:
        self.lines = {row.line for row in rows}
        matching = rows if self._wanted is None else [row for row in rows if row.line in self._wanted]
        self.total = len(matching)
        first = (max(1, self._page) - 1) * ROWS
        return matching[first : first + ROWS]


def _by_line(problems: Sequence[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for one in problems:
        found[one.get("line") or 1].append({"column": "", "limit": None} | one)
    return dict(found)


async def _pictures(session: AsyncSession, workspace_id: UUID, rows: Sequence[PlannedPost]) -> dict[str, Picture]:
    """Return the pictures of the rows' clips by `editId`."""
    wanted = {id for row in rows for video in row.body["videos"] if (id := parse_id(video["editId"]))}
    thumbnail = func.coalesce(Rendition.thumbnail_key, Clip.thumbnail_key)
    query = select(Render.edit_setting_id, Render.id, Render.name, thumbnail).join(Clip, Clip.id == Render.clip_id)
    query = query.outerjoin(Rendition, Rendition.id == Render.rendition_id)
    query = query.where(Render.workspace_id == workspace_id, Render.edit_setting_id.in_(wanted))
    return {
        str(edit_id): Picture(id, name, picture_version(key) if key else "")
        for edit_id, id, name, key in await session.execute(query)
    }


def _shown(
    member: Member,
    planned: PlannedPost,
    checked: Checked,
    pictures: Mapping[str, Picture],
    problems: Mapping[int, list[dict[str, Any]]],
    hints: Mapping[int, list[dict[str, Any]]],
) -> ShownRow:
    row, body = planned.row, planned.body
    clips = [pictures.get(video["editId"]) for video in body["videos"]]
    named = next((one.name for one in clips if one), "") or (clips_of(row)[1] or [""])[0]
    marks = list(dict.fromkeys(ShownMark(one.connection.platform, one.connection.username) for one in checked.targets))
    names = accounts_of(row)
    caption = row.cells.get("text") or row.cells.get("title") or _own_text(row)
    zone, at = body.get("timezone"), body.get("scheduled_at")
    return ShownRow(
        row.line,
        first_line(caption, named),
        bool(caption.strip()),
        [one for one in clips if one][:PICTURES_MAX],
        len(clips),
        marks[:MARKS_MAX],
        len(names),
        [] if marks else names,
        checked.scheduled_at,
        f"{at} {zone}" if at and zone and zone != member.zone.key else "",
        "scheduled_at" not in body,
        problems.get(row.line, []),
        hints.get(row.line, []),
    )


def _own_text(row: Row) -> str:
    """Return a caption that the row has in a column of one platform."""
    return next((cell for name, cell in row.cells.items() if name.endswith((".text", ".caption", ".description"))), "")


@router.get("/{plan_id}/progress")
async def progress(member: Editing, plan_id: str, own: bool = False) -> Response:
    """Return how far a check or a creation is; when it has ended, have htmx load the page anew.

    A page whose `own` request checks or creates goes on by the response to that.
    """
    async with member.installation.database.session() as session:
        plan = await stored.get_plan(session, member.workspace.id, plan_id)
    path = f"/posts/import/{plan.id}"
    response = member.render("parts/import_progress.html", plan=plan, path=path, own_request="?own=true" if own else "")
    if not own and not stored.is_running(plan) and plan.state != PlanState.NEW:
        response.headers["HX-Refresh"] = "true"
    return response


@router.post("/{plan_id}/check")
async def check(member: Editing, request: Request, plan_id: str) -> Response:
    """Check all rows. Ends when that is done; the page shows the progress meanwhile."""
    async with AT_ONCE:
        await stored.check(member.installation, member.workspace.id, plan_id)
    return _done(member, request, plan_id)


@router.post("/{plan_id}/choices")
async def choose(member: Editing, request: Request, plan_id: str) -> Response:
    """Change the time zone of times without one, and whether posts may repeat others."""
    form = await read_form(request)
    try:
        zone = times.read_zone(form.line("zone")).key
    except ValueError as error:
        raise AppError(422, "validation_failed", str(error)) from None
    async with member.installation.database.begin() as session:
        plan = await stored.get_plan(session, member.workspace.id, plan_id, lock=True)
        stored.change(plan, timezone=zone, allow_duplicate=form.one("allow_duplicate") == "on")
    return _done(member, request, plan_id)


@router.post("/{plan_id}/create")
async def create(member: Editing, request: Request, plan_id: str) -> Response:
    """Create the posts of all rows together. If one cannot be created, the page shows all problems."""
    form = await read_form(request)
    version = int(form.one("version")) if form.one("version").isdecimal() else 0
    async with AT_ONCE:
        made = await stored.create(member.installation, member.workspace.id, plan_id, version, member.actor)
    if made:
        async with member.installation.database.begin() as session:
            member.record(session, "posts.imported", f"{made} posts", None, posts=made)
    return _done(member, request, plan_id)


@router.post("/{plan_id}/delete")
async def delete(member: Editing, plan_id: str) -> Response:
    """Remove an import. Posts that it created stay."""
    async with member.installation.database.begin() as session:
        await session.delete(await stored.get_plan(session, member.workspace.id, plan_id, lock=True))
    return member.redirect("/posts/import")


@router.get("/{plan_id}/problems.csv")
async def problems_file(member: Editing, plan_id: str) -> Response:
    """Return all problems and hints as a file, by line and column."""
    async with member.installation.database.session() as session:
        plan = await stored.get_plan(session, member.workspace.id, plan_id)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["line", "column", "kind", "rule", "message", "limit", "actual"])
    for kind, name in (("problem", "errors"), ("hint", "warnings")):
        for one in (plan.found or {}).get(name, []):
            limit, actual = one.get("limit"), one.get("actual")
            cells = [one.get("line"), one.get("column", ""), kind, one["code"], one["message"], limit, actual]
            writer.writerow([safe_cell(cell) for cell in cells])
    return csv_response(member, "\ufeff" + text.getvalue(), "clipcast-import-problems.csv")


def _done(member: Member, request: Request, plan_id: str) -> Response:
    return _go(member, request, f"/posts/import/{plan_id}")
