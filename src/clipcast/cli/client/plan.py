"""`clipcast post --csv`: a plan whose files are uploaded, and whose rows become posts together or not at all."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from clipcast.cli.client import live, repeats
from clipcast.cli.client.post import CONTINUES, DUPLICATE, REPEAT, confirm_duplicates, file_name
from clipcast.cli.client.problems import LIST_ACCOUNTS
from clipcast.cli.client.session import FAILED, OK, Refused, Session, about, count, place_of, say, table
from clipcast.cli.client.settings import settings_of
from clipcast.common.cells import read_list

if TYPE_CHECKING:
    from clipcast.sdk import PublishedPost

# The lines of a dry run that are printed. `--json` has all.
SHOWN_MAX = 200


def post_plan(
    opened: Session, path: Path, timezone: str | None, wait: bool, dry_run: bool, allow_duplicate: bool, yes: bool
) -> None:
    """Check the plan and its files, upload them, and create all posts or none."""
    allowed = allow_duplicate or yes
    client, content = opened.client, _content(path)
    files, missing = files_of(content, path.parent)
    asked: dict[str, Any] = {"plan": content.decode("utf-8", "replace"), "timezone": timezone}
    asked |= {"url": opened.url, "caller": opened.caller}
    command = repeats.begin(asked, sorted(files.values()), None, allow_duplicate=allow_duplicate)
    if command.sent is None or dry_run:
        # Everything but the files is checked before the first byte of a file is sent.
        checked: Any = client.create_posts_from_plan(
            content, dry_run=True, timezone=timezone, allow_duplicate=allowed or None
        )
        _check(checked, missing, may_ask=not dry_run)
        if dry_run:
            _show_warnings(checked)
            opened.result(dict(checked) | {"dry_run": True}, _planned(checked["rows"]))
            return
    if (allow := command.sent) is None:
        edit_ids = _upload(opened, files, command)
        final = _with_edit_ids(content, edit_ids)
        checked = client.create_posts_from_plan(final, dry_run=True, timezone=timezone, allow_duplicate=allowed or None)
        checked = _by_files(checked, content)
        _check(checked, [], may_ask=True)
        _show_warnings(checked)
        doubles = [one for one in [*checked["warnings"], *checked["errors"]] if one["code"] == DUPLICATE]
        allow = allowed or confirm_duplicates([_line(one) for one in doubles], doubles)
    else:
        say(CONTINUES)
        edit_ids = command.clips
        final = _with_edit_ids(content, edit_ids)
    opened.on_interrupt = f"Stopped. The posts may exist. {REPEAT}"
    opened.on_loss = f"The posts may exist. {REPEAT}"
    with command.sending(allow, edit_ids):
        created: Any = client.create_posts_from_plan(
            final, timezone=timezone, allow_duplicate=allow or None, idempotency_key=command.id
        )
    ended = _wait(opened, created["posts"]) if wait else {}
    command.end()
    rows = []
    for post in created["posts"]:
        done = ended.get(post["post_id"])
        status, urls = (done.status, " ".join(done.urls)) if done else (post["status"], "")
        rows.append([f"line {post['line']}", status, post["post_id"], post["scheduled_at"] or "now", urls])
    head = f"Created {count(created['post_count'], 'post')}, {count(created['item_count'], 'item')}."
    data = dict(created) | ({"ended": [done.data for done in ended.values()]} if wait else {})
    opened.result(data, [head, *table(rows)])
    raise typer.Exit(OK if all(done.published for done in ended.values()) else FAILED)


def _check(checked: Any, missing: list[dict[str, Any]], may_ask: bool) -> None:
    """Raise Refused with all problems of a plan, and those of its files, if it has any."""
    # A workspace can refuse duplicates. A person can allow them nevertheless.
    errors = [one for one in checked["errors"] if one["code"] != DUPLICATE or not may_ask]
    errors = sorted([*errors, *missing], key=lambda problem: problem["line"])
    if errors or checked["more_errors"]:
        details = [f"  {_line(problem)}" for problem in errors]
        details += [f"  and {checked['more_errors']} more"] if checked["more_errors"] else []
        error = {"code": "validation_failed", "message": "Nothing was posted.", "errors": errors}
        data = {"error": error, "valid": False, "errors": errors, "more_errors": checked["more_errors"]}
        raise Refused("Nothing was posted.", details=details, data=data)


def _show_warnings(checked: Any) -> None:
    for warning in checked["warnings"]:
        if warning["code"] != DUPLICATE:
            say(f"Note: {_line(warning)}", typer.colors.YELLOW)


def _content(path: Path) -> bytes:
    from clipcast.common.plan_text import BYTES_MAX

    try:
        with path.open("rb") as file:
            # The size of a device or a pipe is unknown.
            content = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from None
    if len(content) > BYTES_MAX:
        raise Refused(f"{path} has more than {BYTES_MAX} bytes. Divide the plan.")
    return content


def files_of(content: bytes, folder: Path) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Return the paths of a plan's files by the names in its cells, and a problem for each that cannot be read.

    Names are relative to the plan's folder. Lines that cannot be read have no files: the server reports them.
    """
    found: dict[str, str] = {}
    problems: list[dict[str, Any]] = []
    for line, names in _names_of(content):
        for name in names:
            path = os.path.join(folder, os.path.expanduser(name))
            if reason := _why_unreadable(path):
                message = f"{name!r} {reason}. Files are relative to the folder of the plan."
                problems.append({"line": line, "column": "files", "code": "no_file", "message": message})
            found[name] = path
    return found, problems


def _names_of(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield the line of each row that can be read, and the names of its files."""
    from clipcast.common.plan_text import PlanText, Row
    from clipcast.common.problems import ValidationFailed

    try:
        text = PlanText(content)
    except ValidationFailed:
        return
    text.columns = [name.lower() for name in text.columns]
    for row in text:
        if isinstance(row, Row):
            yield row.line, read_list(row.cells.get("files", ""))


def _by_files(checked: Any, content: bytes) -> dict[str, Any]:
    """Return the result with the plan's own column and files in place of the edit ids that were put in."""
    names = {line: ", ".join(found) for line, found in _names_of(content) if found}

    def own(problem: Any) -> Any:
        if problem.get("column") != "edit_id" or problem["line"] not in names:
            return problem
        return {**problem, "column": "files", "message": f"{names[problem['line']]}: {problem['message']}"}

    listed = {name: [own(one) for one in checked[name]] for name in ("errors", "warnings")}
    return {**checked, **listed}


def _why_unreadable(path: str) -> str | None:
    if not os.path.exists(path):
        return "does not exist"
    if not os.path.isfile(path):
        return "is no file"
    if not os.access(path, os.R_OK):
        return "cannot be read"
    return None if os.path.getsize(path) else "is empty"


def _upload(opened: Session, files: Mapping[str, str], command: repeats.Repeatable) -> dict[str, str]:
    """Upload each file once. Return the edit ids by the names in the cells."""
    edit_ids: dict[str, str] = {}
    uploaded: dict[str, str] = {}
    command.save()
    opened.on_loss = REPEAT
    with live.upload_bars(opened.as_json) as bar:
        for name, path in files.items():
            real = os.path.realpath(path)
            opened.on_interrupt = f"Stopped. Uploaded {count(len(uploaded), 'file')}, and posted nothing. {REPEAT}"
            if real not in uploaded:
                key = repeats.upload_key(opened.url, opened.caller, path)
                with about(name):
                    video = opened.client.upload(path, name=file_name(path), progress=bar(), idempotency_key=key)
                uploaded[real] = video["edit_setting_id"]
            edit_ids[name] = uploaded[real]
    return edit_ids


def _with_edit_ids(content: bytes, edit_ids: Mapping[str, str]) -> bytes:
    """Return the plan with edit ids in place of files. Every row keeps its lines."""
    from clipcast.common.plan_text import declared_separator, separator_of

    if not edit_ids:
        return content
    text = content.decode("utf-8-sig")
    made = io.StringIO()
    writer = csv.writer(made, delimiter=",", lineterminator="\n")
    header: list[str] = []
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator_of(text), strict=True)
    if declared_separator(text):
        next(rows)
        writer.writerow([])
    for cells in rows:
        if not header and any(cell.strip() for cell in cells):
            header = [name.strip().lower() for name in cells]
            cells = [*cells, *([] if "edit_id" in header else ["edit_id"])]
        elif "files" in header and len(cells) > (at := header.index("files")) and (names := read_list(cells[at])):
            into = header.index("edit_id") if "edit_id" in header else len(header)
            cells = [*cells, *[""] * (into + 1 - len(cells))]
            cells[into], cells[at] = ";".join(edit_ids[name] for name in names), ""
        writer.writerow(cells)
    return made.getvalue().encode()


def _wait(opened: Session, posts: Sequence[Mapping[str, Any]]) -> dict[str, PublishedPost]:
    """Wait for the posts that are due now. Return each by its id, without those that are deleted meanwhile."""
    from clipcast.sdk import NotFound

    due = [post["post_id"] for post in posts if post["scheduled_at"] is None]
    opened.on_loss = "The posts exist, and Clipcast goes on with them: `clipcast posts list`."
    opened.on_interrupt = f"Stopped waiting. {opened.on_loss}"
    ended: dict[str, PublishedPost] = {}
    for post_id in due:
        try:
            done = opened.client.wait(post_id)
        except NotFound:
            say(f"{post_id} was deleted.")
            continue
        ended[post_id] = done
        if not opened.as_json:
            say(f"{len(ended)} of {len(due)}: {post_id} is {done.status}.")
            for item in done.items:
                if note := live.note_of(item):
                    say(f"  {item.account}: {note}")
    return ended


def _planned(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    shown = [
        [
            f"line {row['line']}",
            row["scheduled_at"] or "now",
            item["platform"],
            item["clip"],
            settings_of(item["metadata"][item["platform"]]),
        ]
        for row in rows
        for item in row["items"]
    ]
    lines = table(shown[:SHOWN_MAX]) if shown else []
    more = [f"and {len(shown) - SHOWN_MAX} more (--json lists all)"] if len(shown) > SHOWN_MAX else []
    head = f"Valid: {count(len(rows), 'post')}, {count(len(shown), 'item')}. Nothing was sent."
    return [head, *lines, *more]


def _line(problem: Mapping[str, Any]) -> str:
    known = problem["column"] == "to" and problem["code"] == "not_found" if problem.get("column") else False
    return f"{place_of(problem)}: {problem['message']}" + (f" {LIST_ACCOUNTS}" if known else "")
