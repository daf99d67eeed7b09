"""The import page: a CSV file is checked, shown row by row as it would be posted, and becomes posts at one press."""

import asyncio
import csv
import io
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.background import BackgroundTask
from starlette.responses import Response

from clipcast.api.pagination import PageNumber
from clipcast.api.schemas import read_bounded
from clipcast.clips.pictures import picture_version
from clipcast.clock import clock
from clipcast.common.cells import join_list
from clipcast.common.csv_text import safe_cell
from clipcast.common.ids import parse_id
from clipcast.common.plan_text import BYTES_MAX, ROWS_MAX, Row
from clipcast.common.problems import AppError, ValidationFailed
from clipcast.connections.repository import list_choices
from clipcast.database.models.clips import Clip, Render
from clipcast.database.models.plans import PlanLine, PlanState, StoredPlan
from clipcast.database.models.renditions import Rendition
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.lines import MARKS_MAX, PICTURES_MAX, Picture
from clipcast.posts.plans import stored
from clipcast.posts.plans.lines import ANY, HINTS, PROBLEMS, findings, other_lines, page_of_rows
from clipcast.posts.plans.rows import PlannedPost, accounts_of, clips_of
from clipcast.posts.preflight import Checked
from clipcast.posts.titles import first_line
from clipcast.web import times
from clipcast.web.edit_conflicts import version_in
from clipcast.web.forms import FilledForm, read_form, title_of_field
from clipcast.web.pages import is_htmx
from clipcast.web.said import in_words
from clipcast.web.viewers import Editing, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}/posts/import")

CSV = "text/csv"
# The rows of a page, and the lines that are no rows.
ROWS = 50
ELSEWHERE_MAX = 50
# Seconds after which a request responds although its check, or its creation, goes on.
PATIENCE = 1.0
# The names of the columns' cells on pages.
COLUMNS = {
    "files": "Clip", "clip": "Clip", "edit_id": "Clip", "url": "Address", "to": "Accounts", "title": "Title",
    "text": "Caption", "tags": "Hashtags", "at": "Time", "timezone": "Time zone", "": "Row",
}  # fmt: skip
# Kinds of problems whose code is not plain enough.
KINDS_IN_WORDS = {
    "too_far": "too far ahead", "unknown_timezone": "no such zone", "required": "missing",
    "not_uploaded": "not in the library", "wrong_type": "cannot be read", "scope_missing": "permission missing",
    "not_looked_at": "not checked", "sandbox_mismatch": "of other platforms",
    "connection_needs_reconnect": "sign-in ended", "connection_disabled": "paused", "connection_removed": "removed",
    "connection_not_usable": "not usable", "ambiguous_clip": "several of this name", "scheduled_at_missing": "missing",
    "offset_missing": "zone missing", "offset_mismatch": "not the time of its zone", "render_deleted": "deleted",
    "local_time_ambiguous": "comes twice", "public_url_not_reachable": "not reachable from the internet",
    "address_not_public": "not public",
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
        names = list(await session.scalars(query.order_by(Render.id.desc()).limit(10)))
    # The file has no columns of an export, so that an apostrophe before such a name would belong to it.
    names = [name for name in names if safe_cell(name) == name]
    to = [f"{one.platform}:@{one.username}" for one in accounts[:2]] or ["bluesky:@your.name"]
    required = dict(one for account in accounts[:2] for one in _required(account.platform))
    tomorrow = datetime.combine(clock.now().astimezone(member.zone).date() + timedelta(days=1), time(18))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["files", "to", "title", "text", "tags", "at", "timezone", *required])
    for number, name in enumerate([*names, "my-clip.mp4", "another-clip.mp4"][:2]):
        at = f"{tomorrow + timedelta(days=number):%Y-%m-%d %H:%M}"
        words = [f"Title {number + 1}", f"Caption {number + 1}", "harbour; morning"]
        writer.writerow([join_list([name]), "; ".join(to), *words, at, member.zone.key, *required.values()])
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
        form.add_problem("text", in_words(failed.errors[0].message))
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
async def plan_page(member: Editing, plan_id: str, show: str = "", kind: str = "", page: PageNumber = 1) -> Response:
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
    }
    if not stored.is_checked(plan) or plan.state == PlanState.CREATED or stored.is_running(plan):
        failed = (plan.found or {}).get("failed", "")
        return member.render("import_plan.html", **context, found=None, failed=failed)
    return member.render("import_plan.html", **context, **await _found(member, plan, show, kind, page))


async def _found(member: Member, plan: StoredPlan, show: str, kind: str, page: int) -> dict[str, Any]:
    """Return what the page shows of a checked import."""
    # The release before kept no `failed`.
    found = {"failed": ""} | (plan.found or {})
    show = show if show in (ANY, PROBLEMS, HINTS) else PROBLEMS if found["errors"] else ANY
    column, _, code = kind.partition(":")
    wanted = (column, code) if code and show != ANY else None
    mine = member.workspace.id
    async with member.installation.database.session() as session:
        listed = await page_of_rows(session, plan.id, show, wanted, page, ROWS)
        elsewhere = await other_lines(session, plan.id, ELSEWHERE_MAX)
    opened = await stored.open_lines(member.installation, plan, listed.lines)
    rows = [one async for one in opened.checked(may_wait=True)]
    async with member.installation.database.session() as session:
        pictures = await _pictures(session, mine, [planned for planned, _ in rows])
    return {
        "found": found,
        "show": show,
        "kind": kind if wanted else "",
        "rows": [
            _shown(member, planned, checked, pictures, line)
            for (planned, checked), line in zip(rows, listed.lines, strict=True)
        ],
        "pages": max(1, -(-listed.total // ROWS)),
        "page": page,
        "elsewhere": [one | {"line": line.line} for line in elsewhere.lines for one in line.problems or ()],
        "more_elsewhere": elsewhere.total - len(elsewhere.lines),
        "kinds": found["kinds"][HINTS if show == HINTS else PROBLEMS],
        "columns": COLUMNS,
        "column_title": _column_title,
        "kinds_in_words": KINDS_IN_WORDS,
        "query": lambda **values: urlencode({key: value for key, value in values.items() if value}),
        "can_create": not found["errors"] and bool(plan.row_count),
    }


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
    line: PlanLine,
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
        line.problems or [],
        line.hints or [],
    )


def _column_title(name: str) -> str:
    """Return what people call a column: `Pinterest: Board` for `pinterest.boardId`, which a file may lack."""
    platform, dot, field_name = name.partition(".")
    if dot and platform in PLATFORMS:
        return f"{PLATFORMS[platform].title}: {title_of_field(PLATFORMS[platform].metadata, field_name)}"
    return COLUMNS.get(name, name)


def _own_text(row: Row) -> str:
    """Return a caption that the row has in a column of one platform."""
    return next((cell for name, cell in row.cells.items() if name.endswith((".text", ".caption", ".description"))), "")


@router.get("/{plan_id}/progress")
async def progress(member: Editing, plan_id: str) -> Response:
    """Return how far a check or a creation is; when it has ended, have htmx load the page anew."""
    async with member.installation.database.session() as session:
        plan = await stored.get_plan(session, member.workspace.id, plan_id)
    response = member.render("parts/import_progress.html", plan=plan, path=f"/posts/import/{plan.id}")
    if not stored.is_running(plan) and plan.state != PlanState.NEW:
        response.headers["HX-Refresh"] = "true"
    return response


@router.post("/{plan_id}/check")
async def check(member: Editing, request: Request, plan_id: str) -> Response:
    """Check all rows, and go to the page, which shows the progress until that is done."""
    plan = await stored.begin(member.installation, member.workspace.id, plan_id, PlanState.CHECKING)
    return await _run(member, request, plan_id, stored.check(member.installation, plan) if plan else None)


async def _run(member: Member, request: Request, plan_id: str, work: Coroutine[Any, Any, None] | None) -> Response:
    """Begin a work, and go to the page when it is done, or after `PATIENCE`. The work goes on after the response."""
    response = _done(member, request, plan_id)
    if work is None:
        return response
    running = asyncio.create_task(work)
    await asyncio.wait([running], timeout=PATIENCE)
    if running.done():
        await running
    else:
        response.background = BackgroundTask(_end_of, running)
    return response


async def _end_of(running: asyncio.Task[None]) -> None:
    await running


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
    """Create the posts of all rows together, and go to the page, which shows the progress until that is done.

    If one cannot be created, the page shows all problems.
    """
    form = await read_form(request)
    version = version_in(form.one("version")) or 0
    plan = await stored.begin(member.installation, member.workspace.id, plan_id, PlanState.CREATING, version)
    return await _run(member, request, plan_id, _create(member, plan) if plan else None)


async def _create(member: Member, plan: StoredPlan) -> None:
    made = await stored.create(member.installation, plan, member.actor)
    if made:
        async with member.installation.database.begin() as session:
            member.record(session, "posts.imported", f"{made} posts", None, posts=made)


@router.post("/{plan_id}/delete")
async def delete(member: Editing, plan_id: str) -> Response:
    """Remove an import. Posts that it created stay."""
    async with member.installation.database.begin() as session:
        await session.delete(await stored.get_plan(session, member.workspace.id, plan_id, lock=True))
    return member.redirect("/posts/import")


@router.get("/{plan_id}/problems.csv")
async def problems_file(member: Editing, plan_id: str) -> Response:
    """Return all problems and hints as a file, by line and column."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["line", "column", "kind", "rule", "message", "limit", "actual"])
    async with member.installation.database.session() as session:
        plan = await stored.get_plan(session, member.workspace.id, plan_id)
        async for line in findings(session, plan.id):
            for kind, found in (("problem", line.problems), ("hint", line.hints)):
                for one in found or ():
                    cells = (
                        line.line,
                        one["column"],
                        kind,
                        one["code"],
                        one["message"],
                        one["limit"],
                        one.get("actual"),
                    )
                    writer.writerow([safe_cell(cell) for cell in cells])
    return csv_response(member, "\ufeff" + text.getvalue(), "clipcast-import-problems.csv")


def _done(member: Member, request: Request, plan_id: str) -> Response:
    return _go(member, request, f"/posts/import/{plan_id}")
