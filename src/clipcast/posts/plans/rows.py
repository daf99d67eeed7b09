"""Rows of a plan as bodies of POST /posts, and the problems of those bodies as problems of cells."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from clipcast.common.cells import parse_cell, read_list, split_list
from clipcast.common.plan_text import Row, problem_at
from clipcast.common.problems import Problem
from clipcast.common.timestamps import format_timestamp
from clipcast.common.validation import closest, pointer_part
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.schemas import MAX_TARGETS, MAX_VIDEOS

# Where a row's clips come from. A row fills one of these columns.
SOURCES = ("edit_id", "clip", "url", "files")
TEXTS = ("title", "text", "tags")
OR_SHARED = {name: f" or {name}" for name in TEXTS}
COLUMNS = (*SOURCES, "to", *TEXTS, "at", "timezone")
# The columns that an export has for people. A plan may have them, and does not read them.
EXPORTED = (
    "post_id", "item_id", "client", "platform", "account", "clip_name", "state", "labels", "made_by", "created_at",
    "published_at", "address", "error",
)  # fmt: skip
# Stands for a clip that is not there yet. No render has it.
PENDING = str(UUID(int=0))
# Spreadsheets write 2027-01-24 9:00.
LONE_HOUR = re.compile(r"(?<=^\d{4}-\d\d-\d\d[ T])(?=\d:\d\d)")
# In a cell without `;`, an account begins after a space: a name such as `facebook:@Harbour Films` stays whole.
NEXT_ACCOUNT = re.compile(r"\s+(?=(?:[a-z0-9]+:)?@\S|[0-9a-f]{8}-[0-9a-f]{4}-)", re.IGNORECASE)


@dataclass
class Known:
    """What the cells of a plan name: connections by account as written, with their platforms, and renders by clip."""

    accounts: dict[str, str] = field(default_factory=dict)
    platforms: dict[str, str] = field(default_factory=dict)
    renders: dict[str, str] = field(default_factory=dict)
    # Of addresses whose files are imported.
    imported: dict[str, str] = field(default_factory=dict)
    # Of files, by the name of a clip in the library; None: they are not searched there.
    files: dict[str, str] | None = None
    # Of the names of several clips: their number, and since when the library has the one that is taken.
    doubled: dict[str, tuple[int, datetime]] = field(default_factory=dict)

    def render_of_file(self, clip: str) -> str:
        """Return the render of the clip with this name, or of the file with this path; PENDING without one."""
        files = self.files or {}
        return files.get(clip) or files.get(file_name(clip), PENDING)

    def doubles_of_file(self, clip: str) -> tuple[int, datetime] | None:
        """Return how many clips have the name by which `render_of_file` takes one, if several."""
        return self.doubled.get(clip if clip in (self.files or {}) else file_name(clip))


@dataclass(frozen=True)
class PlannedPost:
    """A row as a body of POST /posts, with the problems of its cells."""

    row: Row
    body: dict[str, Any]
    problems: list[Problem]
    # The column of the clips, and the clips as the row names them.
    source: str
    clips: list[str]
    # What prevents nothing.
    hints: list[Problem] = field(default_factory=list)

    def is_pending(self, number: int) -> bool:
        """Return whether the clip with this number is not there yet."""
        return bool(self.body["videos"][number]["editId"] == PENDING)


def check_columns(names: list[str], line: int) -> tuple[list[str], list[Problem]]:
    """Return the columns in their usual spelling, "" in place of wrong ones, and the problems of their names."""
    problems, columns = [], list[str]()
    for name in names:
        platform, dot, field_name = name.partition(".")
        plain = f"{platform.strip().lower()}{dot}{field_name}"
        if plain and plain in columns:
            message = f"Two columns are named {name[:40]!r}. Remove one of them."
            problem: Problem | None = problem_at(line, name[:100], "duplicate_column", message)
        else:
            problem = _column_problem(plain, line)
        problems += [problem] if problem else []
        columns.append("" if problem else plain)
    if "to" not in columns:
        message = "The column `to` is missing. Add it: the accounts of each row, such as bluesky:@harbour.films."
        problems.append(problem_at(line, "to", "required", message))
    if not set(SOURCES) & set(columns):
        message = f"There is no column of clips. Add one of {', '.join(SOURCES)}."
        problems.append(problem_at(line, SOURCES[0], "required", message))
    return columns, problems


def _column_problem(name: str, line: int) -> Problem | None:
    if name in COLUMNS or name in EXPORTED:
        return None
    platform, dot, field_name = name.partition(".")
    if not name:
        return problem_at(line, "", "unknown_column", "A column has no name. Name it, or remove it.")
    if dot and platform in PLATFORMS:
        fields = list(_schema(platform).get("properties", {}))
        if field_name in fields:
            return None
        near = closest(field_name, fields)
        advice = f"Did you mean {platform}.{near}?" if near else "Remove it."
    else:
        near = closest(name, [*COLUMNS, *PLATFORMS])
        advice = f"Did you mean {near!r}?" if near else f"Use {', '.join(COLUMNS)}, or PLATFORM.FIELD."
    return problem_at(line, name[:100], "unknown_column", f"There is no column {name[:40]!r}. {advice}")


def accounts_of(row: Row) -> list[str]:
    """Return the accounts of a row, as it names them."""
    return read_accounts(row.cells.get("to", "").strip())


def read_accounts(cell: str) -> list[str]:
    """Return the accounts of a cell, as it names them."""
    return read_list(cell) if ";" in cell or cell.startswith("[") else NEXT_ACCOUNT.split(cell) if cell else []


def clips_of(row: Row) -> tuple[str, list[str]]:
    """Return the column of a row's clips, and the clips; "" if the row names none."""
    name = next((name for name in SOURCES if name in row.cells), "")
    return name, read_list(row.cells.get(name, ""))


def plan_post(row: Row, known: Known, timezone: str | None, may_wait: bool) -> PlannedPost:
    """Return the body of a row. With `may_wait`, files and addresses that are not there yet are no problem."""
    problems: list[Problem] = []
    filled = [name for name in SOURCES if name in row.cells]
    if len(filled) > 1:
        message = f"The row names its clips in {' and '.join(filled)}. Fill one of these columns."
        problems.append(problem_at(row.line, filled[1], "ambiguous_field", message))
    source, clips = clips_of(row)
    if source == "files" and (name := row.cells[source].strip()) in (known.files or ()):
        clips = [name]  # a name with `;` in it
    if not clips:
        source = source or SOURCES[0]
        message = f"The row has no clip. Fill one of {', '.join(SOURCES)}."
        problems.append(problem_at(row.line, source, "required", message))
    if source == "files" and known.files is not None:
        missing = [file_name(clip) for clip in clips if known.render_of_file(clip) == PENDING]
        problems += [
            problem_at(row.line, source, "not_uploaded", f"The library has no clip {name[:60]!r}. Upload it.")
            for name in missing
        ]
    elif source == "files" and not may_wait:
        message = "The server cannot read your files. Give their edit_id, or use `clipcast post --csv`."
        problems.append(problem_at(row.line, source, "not_uploaded", message))
    if not (accounts := accounts_of(row)):
        message = "The row has no account. Fill `to`, such as bluesky:@harbour.films."
        problems.append(problem_at(row.line, "to", "required", message))
    for column, values, limit in ((source, clips, MAX_VIDEOS), ("to", accounts, MAX_TARGETS)):
        if len(values) > limit:
            message = f"Too many: there are {len(values)}, maximum {limit}. Divide the row."
            problems.append(problem_at(row.line, column, "too_long", message, limit, len(values)))
            del values[limit:]
    metadata = _metadata(row, known, accounts, problems)
    edit_ids = [_edit_id(source, clip, known) for clip in clips]
    problems += [
        problem_at(row.line, source, "not_found", f"There is no clip {clip[:60]!r} in this workspace.")
        for clip, id in zip(clips, edit_ids, strict=True)
        if id == PENDING and source == "clip"
    ]
    targets = [
        {"connectionId": known.accounts.get(name, name)} | metadata.get(known.platforms.get(name, ""), {})
        for name in accounts
    ]
    body: dict[str, Any] = {"videos": [{"editId": id, "targets": targets} for id in edit_ids]}
    if common := {name: row.cells[name] for name in TEXTS if name in row.cells}:
        body["common"] = common | ({"tags": _tags(common["tags"])} if "tags" in common else {})
    if at := LONE_HOUR.sub("0", row.cells.get("at", "").strip()):
        body["scheduled_at"] = at
    if zone := row.cells.get("timezone", "").strip() or (timezone if at and not _has_offset(at) else None):
        body["timezone"] = zone
    return PlannedPost(row, body, problems, source, clips, list(_doubles(row, source, clips, known)))


def _doubles(row: Row, source: str, clips: list[str], known: Known) -> Iterator[Problem]:
    """Yield a hint for each file of which the library has several clips."""
    for clip in clips if source == "files" else ():
        if found := known.doubles_of_file(clip):
            number, newest = found
            message = (
                f"The library has {number} clips {file_name(clip)[:60]!r}. The newest is taken, of "
                f"{format_timestamp(newest)}. For another, write its edit_id."
            )
            yield problem_at(row.line, source, "ambiguous_clip", message, actual=number)


def file_name(path: str) -> str:
    """Return the name of a file without its folders."""
    return path.replace("\\", "/").rpartition("/")[2]


def _edit_id(source: str, clip: str, known: Known) -> str:
    if source == "edit_id":
        return clip
    if source == "files":
        return known.render_of_file(clip)
    return {"clip": known.renders, "url": known.imported}.get(source, {}).get(clip, PENDING)


def _tags(cell: str) -> list[str]:
    tags = read_list(cell)
    if tags == split_list(cell):  # no JSON
        tags = split_list(cell.replace(",", ";"))
    return [tag.removeprefix("#") for tag in tags]


def _has_offset(at: str) -> bool:
    """Return whether a time needs no time zone."""
    return at[-1:] in "zZ]" or bool(re.search(r"[+-]\d\d:?\d\d$", at))


def _metadata(row: Row, known: Known, accounts: list[str], problems: list[Problem]) -> dict[str, dict[str, Any]]:
    """Return the `metadata` of a target by its platform, from the cells of `PLATFORM.FIELD`."""
    of_row = {known.platforms[name] for name in accounts if name in known.platforms}
    found: dict[str, dict[str, Any]] = {}
    for name, cell in row.cells.items():
        platform, dot, field_name = name.partition(".")
        if not dot or platform not in PLATFORMS:
            continue
        schema = _schema(platform)
        try:
            value = parse_cell(cell, schema["properties"][field_name], schema.get("$defs", {}))
        except ValueError as error:
            problems.append(problem_at(row.line, name, "wrong_type", str(error), actual=cell[:40]))
            continue
        if platform in of_row:
            found.setdefault(platform, {})[field_name] = value
        elif of_row:
            message = f"The row has no {platform} account. Empty this cell, or add the account to `to`."
            problems.append(problem_at(row.line, name, "wrong_platform", message))
    return {platform: {"metadata": {platform: values}} for platform, values in found.items()}


@cache
def _schema(platform: str) -> Mapping[str, Any]:
    schema: dict[str, Any] = PLATFORMS[platform].metadata.model_json_schema(by_alias=True)
    return schema


def problems_in_cells(planned: PlannedPost, problems: list[Problem]) -> Iterator[Problem]:
    """Yield the problems of a row's body as problems of its cells, each once.

    Those of clips that are not there yet are left out, and those of numbers, which `plan_post` has reported.
    """
    seen: set[tuple[str, str, str]] = set()
    for problem in problems:
        parts = problem.path.split("/")[1:]
        if parts[-1] in ("videos", "targets") or (parts[-1] == "editId" and planned.is_pending(int(parts[1]))):
            continue
        column, subject = _cell_of(planned, parts)
        text = f"{problem.message} {_advice(problem.code, column)}".rstrip()
        is_named = not subject or column.startswith(f"{subject.lower()}.") or subject in text
        message = text if is_named else f"{subject}: {text}"
        if (column, problem.code, message) in seen:
            continue
        seen.add((column, problem.code, message))
        path = f"/{planned.row.line}/{pointer_part(column)}" if column else f"/{planned.row.line}"
        yield dataclasses.replace(problem, path=path, message=message, line=planned.row.line, column=column or None)


def _advice(code: str, column: str) -> str:
    """Return what repairs a cell, where the message of POST /posts does not say it in words of a plan."""
    platform, _, name = column.partition(".")
    if code == "required" and name:
        return f"Fill the column {column}{OR_SHARED.get(_shared(platform).get(name, ''), '')}."
    if code == "required":
        return f"Fill the column {column}."
    if code == "not_found" and column == "edit_id":
        return "Use the edit id of an upload or a render."
    if code in ("offset_missing", "invalid_time"):
        return "Or write a local time such as 2026-12-24 18:00, and fill the column timezone."
    return ""


def _cell_of(planned: PlannedPost, parts: list[str]) -> tuple[str, str]:
    """Return the column of a path in a row's body, and whose rule is broken: a platform, an account, or ""."""
    match parts:
        case ["scheduled_at", *_]:
            return "at", ""
        case ["timezone", *_]:
            return "timezone", ""
        case ["common", name, *_]:
            return name, ""
        case ["videos", _, "targets", _, "metadata", platform, name, *_] if platform in PLATFORMS:
            return _column_of(planned.row, platform, name), PLATFORMS[platform].title
        case ["videos", _, "targets", number, *rest]:
            return "to" if rest else planned.source, accounts_of(planned.row)[int(number)]
        case ["videos", *_]:
            return planned.source, ""
    return "", ""


def _column_of(row: Row, platform: str, name: str) -> str:
    """Return the column that fills a platform's field in this row, or would fill it."""
    column = f"{platform}.{name}"
    if column not in row.cells and (common := _shared(platform).get(name)) in row.cells:
        return str(common)
    return column


def _shared(platform: str) -> dict[str | None, str]:
    """Return the columns that fill a platform's field together with those of the others, by the field."""
    model = PLATFORMS[platform].metadata
    return {model.title_field: "title", model.text_field: "text", "tags": "tags"}
