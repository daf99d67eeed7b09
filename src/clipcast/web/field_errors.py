"""Preflight's problems on the compose page: each beside the field that supplied the rejected value."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clipcast.common.problems import Problem
from clipcast.common.timestamps import parse_instant
from clipcast.connections.status import why_unusable
from clipcast.database.models.connections import Connection
from clipcast.platforms.metadata import Metadata
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import drafts
from clipcast.posts.conversions import WILL_BE_CONVERTED
from clipcast.posts.duplicates import DUPLICATE
from clipcast.posts.preflight import Checked
from clipcast.web.forms import FormField, fields_of, title_of_field
from clipcast.web.said import in_words
from clipcast.web.times import ago

NOT_READ = ("invalid_time", "offset_missing")
UNUSABLE = ("connection_disabled", "connection_needs_reconnect")
TARGET = re.compile(r"/videos/(\d+)/targets/(\d+)(?:/metadata/([a-z]+)(?:/([^/]+))?)?")


@dataclass(frozen=True)
class FieldError:
    """A problem in words for people. `field` is the name of a form's field."""

    field: str
    message: str
    blocks: bool
    code: str = ""


def field_errors(
    content: dict[str, Any], body: dict[str, Any], accounts: dict[str, Connection], checked: Checked
) -> list[FieldError]:
    """Return every problem once, errors before warnings."""
    found = [_place(content, body, accounts, problem, True) for problem in checked.errors]
    # The page lists conversions by themselves.
    warnings = (problem for problem in checked.warnings if problem.code != WILL_BE_CONVERTED)
    found += [_place(content, body, accounts, problem, False) for problem in warnings]
    return list(dict.fromkeys(found))


def _place(
    content: dict[str, Any], body: dict[str, Any], accounts: dict[str, Connection], problem: Problem, blocks: bool
) -> FieldError:
    match = TARGET.match(problem.path)
    if match is None and "review" in body and problem.path.startswith("/review"):
        return FieldError("reviewers", problem.message, blocks)
    if match is None:
        return FieldError(*_of_the_whole(problem), blocks)
    video = body["videos"][int(match[1])]
    account = accounts[video["targets"][int(match[2])]["connectionId"]]
    platform = PLATFORMS[account.platform]
    name = match[4]
    handle = f"{platform.title} @{account.username}"
    if problem.code == DUPLICATE:
        return FieldError("cell", _double(handle, problem.earlier), False, DUPLICATE)
    if problem.code in UNUSABLE:
        # The page says who can do what about it.
        reason = in_words(why_unusable(account.status, account.status_reason)[0])
        return FieldError(f"account.{account.id}", f"{handle}: {reason}", blocks, problem.code)
    if name is None:
        where = "cell" if match[3] is None and "connectionId" not in problem.path else f"account.{account.id}"
        return FieldError(where, f"{handle}: {in_words(problem.message, account.platform)}", blocks)
    field = _source(content, video["editId"], account, name)
    about = handle if field.startswith(("account.", "target.")) else platform.title
    label = _within(title_of_field(platform.metadata, name))
    if problem.code == "required":
        chosen = name in platform.metadata.offered_fields or _field(platform.metadata, name).kind == "choice"
        return FieldError(field, f"{about}: {'choose' if chosen else 'fill in the'} {label}.", blocks)
    if problem.code in NOT_READ:
        return FieldError(field, f"{about}, {label}: Choose a day and a time that exist in the zone.", blocks)
    said = in_words(problem.message.removeprefix(f"{name} "), account.platform)
    if problem.message.startswith(f"{name} "):  # the message begins with the field's name in the API
        return FieldError(field, f"{about}: {label} {said}", blocks)
    return FieldError(field, f"{about}, {label}: {said}", blocks)


def _within(label: str) -> str:
    """Return a label as it is within a sentence: `who can watch`, but `AI labels` and `YouTube publishes it at`."""
    first = label.partition(" ")[0]
    is_name = not first[1:].islower() or any(first == one.title for one in PLATFORMS.values())
    return label if is_name else label[0].lower() + label[1:]


def _field(model: type[Metadata], name: str) -> FormField:
    return next(one for one in fields_of(model) if one.name == name)


def _double(handle: str, earlier: Mapping[str, Any] | None) -> str:
    """Return the sentence about an earlier post of the same clip and caption."""
    if earlier is None:
        return f"Two of these clips are the same, with one caption, for {handle}."
    when = ago(parse_instant(earlier["at"]))
    if earlier["status"] == "published":
        return f"You posted this clip with this caption to {handle} {when}."
    if earlier["status"] == "failed":
        return f"You sent this clip with this caption to {handle} {when}, and it may be live."
    return f"You already have a post of this clip with this caption for {handle}, due {when}."


def _source(content: dict[str, Any], clip: str, account: Connection, name: str) -> str:
    """Return the form's field that supplied the value of a metadata field, or that could supply one."""
    model = PLATFORMS[account.platform].metadata
    cell = drafts.cell(clip, str(account.id))
    if name in content["by_cell"].get(cell, {}):
        return f"target.{cell}.{name}"
    is_own = name in model.offered_fields and name not in model.shared_offers
    if name in content["by_account"].get(str(account.id), {}) or is_own:
        return f"account.{account.id}.{name}"
    if name in content["by_platform"].get(account.platform, {}):
        return f"platform.{account.platform}.{name}"
    for source, its in (("title", model.title_field), ("text", model.text_field)):
        if name == its:
            return f"clip.{clip}.{source}" if content["by_clip"].get(clip, {}).get(source) else source
    return f"platform.{account.platform}.{name}"


def _of_the_whole(problem: Problem) -> tuple[str, str]:
    if problem.path == "/videos":
        return "clip", "Choose at least one clip and one account."
    if problem.path == "/scheduled_at":
        missing = problem.code in ("wrong_type", "invalid_time", "required")
        said = "This time has passed. Choose a later one." if problem.code == "in_the_past" else problem.message
        return "at", "Choose a day and a time." if missing else said
    return "clip", problem.message
