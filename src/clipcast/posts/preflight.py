"""Preflight: it finds all problems of all items of a post before anything is saved or sent.

The same checks serve POST /posts/validate, POST /posts and PATCH /posts/{id}. They read the unparsed body, so that a
malformed field in one place does not hide other problems.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from clipcast.clients.rule_schemas import NONE
from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.media import Media
from clipcast.common.problems import Problem
from clipcast.common.settings import Settings
from clipcast.common.timestamps import format_timestamp, parse_instant
from clipcast.common.validation import problems_of
from clipcast.connections.status import why_unusable
from clipcast.database.hot_queries import Executor
from clipcast.platforms.metadata import Metadata
from clipcast.platforms.network import is_public
from clipcast.platforms.registry import PLATFORMS
from clipcast.platforms.render_defaults import left_out, with_cover
from clipcast.posts.conversions import AUTO, CONFORMS, Conversion, conversion_of, plan_of
from clipcast.posts.duplicates import REFUSE, Scope, Sent, find_doubles, fingerprint_of
from clipcast.posts.references import ReferencedConnection, ReferencedRender, References, load_references
from clipcast.posts.schedule import find_slot, wants_slot
from clipcast.posts.schemas import MAX_TARGETS, MAX_VIDEOS, CreatePost
from clipcast.posts.shorthand import common_texts, resolve_accounts, with_texts
from clipcast.posts.spellings import respell_post
from clipcast.reviews.requests import Request, check_request, request_by_rules
from clipcast.reviews.schemas import ReviewRequest

HORIZON = timedelta(days=365)


@dataclass(frozen=True)
class Planned:
    """An item that may be created."""

    edit_id: UUID
    connection_id: UUID
    platform: str
    details: dict[str, Any]
    conform: str
    # The path of its target, and what its doubles share (posts/duplicates.py).
    path: str
    fingerprint: int | None


@dataclass(frozen=True)
class Target:
    """A target with an existing account and valid metadata. It may have other problems."""

    path: str
    connection: ReferencedConnection
    metadata: Metadata
    # The file that the platform gets, as far as it is known.
    media: Media | None


@dataclass
class Findings:
    """The errors and warnings of a check, and the conversions that cure further errors."""

    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    conversions: list[Conversion] = field(default_factory=list)


@dataclass
class Checked(Findings):
    """The result for a body of POST /posts. `items` is complete only if there are no errors."""

    items: list[Planned] = field(default_factory=list)
    scheduled_at: datetime | None = None
    # The posting time of its accounts that it wants.
    slot_at: datetime | None = None
    # Whether its workspace refuses doubles, and whether the body allows them.
    refuses_duplicates: bool = False
    allows_duplicates: bool = False
    # The targets with an existing account and valid metadata.
    targets: list[Target] = field(default_factory=list)
    # Who must approve the post before it is sent; None without a review.
    review: Request | None = None
    # The same by the rules of its clients.
    rule: Request | None = None


async def check_post(
    executor: Executor,
    workspace_id: UUID,
    body: Any,
    settings: Settings,
    kept: Collection[UUID] = (),
    take_slot: bool = False,
    has_review: bool = False,
    may_skip_review: bool = False,
) -> Checked:
    """Check a whole body of POST /posts. `kept` holds the connections of the post that it replaces.

    `has_review` says that the replaced post has a review, which stays. With `take_slot`, the posting time that the body
    wants stays free until the executor's transaction ends. `may_skip_review` says that the caller may publish without
    the approval that a client wants.
    """
    body, problems = respell_post(body)
    checked = Checked(errors=problems + check_form(CreatePost, body))
    if isinstance(body, dict):
        checked.scheduled_at = check_time(body.get("scheduled_at"), checked)
        checked.allows_duplicates = body.get("allow_duplicate") is True
    targets = list(targets_of(body))
    written = {f"{path}/connectionId": target.get("connectionId") for _, path, _, _, target, _ in targets}
    account_ids, unresolved = await resolve_accounts(executor, workspace_id, written)
    checked.errors += unresolved
    faulty_accounts = {problem.path for problem in unresolved}
    written |= account_ids
    edit_ids = {id for _, _, edit, *_ in targets if (id := parse_id(edit))}
    connection_ids = {id for value in written.values() if (id := parse_id(value))}
    references = await load_references(executor, workspace_id, edit_ids, connection_ids, settings)
    if isinstance(body, dict):
        wanted = body.get("review")
        await _check_review(executor, workspace_id, wanted, references, checked, kept, has_review, may_skip_review)
    if wants_slot(body):
        accounts = references.connections.values()
        slot, problems = await find_slot(executor, workspace_id, body, accounts, take_slot)
        checked.errors += problems
        checked.scheduled_at, checked.slot_at = (slot.at, slot.slot_at) if slot else (None, None)
    starts_at = checked.scheduled_at or clock.now()
    checked.refuses_duplicates = any(one.duplicates == REFUSE for one in references.connections.values())
    seen: Counter[tuple[UUID, UUID]] = Counter()
    faulty_edits: set[str] = set()
    for video_path, path, edit, conform, target, texts in targets:
        render = references.renders.get(parse_id(edit)) if parse_id(edit) else None  # type: ignore[arg-type]
        if problem := edit_problem(render, edit, f"{video_path}/editId"):
            checked.errors += [problem] if video_path not in faulty_edits else []
            faulty_edits.add(video_path)
        if f"{path}/connectionId" in faulty_accounts:
            continue
        connection_id = parse_id(written[f"{path}/connectionId"])
        if connection_id in references.connections:
            platform = PLATFORMS[references.connections[connection_id].platform]
            target = with_texts(target | {"connectionId": str(connection_id)}, platform, texts)
        is_kept = connection_id in kept
        conform = conform if conform in CONFORMS else render.conform if render else AUTO
        item, sound = check_target(references, render, target, path, starts_at, checked, is_kept, conform)
        checked.targets += [sound] if sound else []
        if item is None:
            continue
        seen[item.edit_id, item.connection_id] += 1
        if seen[item.edit_id, item.connection_id] > 1:
            checked.errors.append(
                Problem(
                    path,
                    "not_unique",
                    "Another target of this post has the same clip and connection. Remove one of them.",
                )
            )
            continue
        checked.items.append(item)
    for conversion in checked.conversions:
        checked.warnings += conversion.warnings(checked.scheduled_at)
    return checked


async def _check_review(
    executor: Executor,
    workspace_id: UUID,
    wanted: Any,
    references: References,
    checked: Checked,
    kept: Collection[UUID],
    has_review: bool,
    may_skip_review: bool,
) -> None:
    """Add who must approve the post, as the body says it or by the rules of its clients, with the problems of this."""
    accounts = references.connections.values()
    clients = {one.client_id for one in accounts}
    if wanted is not None:
        try:
            request = ReviewRequest.model_validate(wanted)
        except ValidationError:
            return  # `check_form` reports it
        checked.review, problems = await check_request(
            executor, workspace_id, request, "/review", clients, may_skip_review
        )
        checked.errors += problems
        return
    ruled = [one for one in accounts if one.client_id and one.review_rule not in (None, NONE)]
    if all(one.id in kept for one in ruled) and (has_review or not ruled):
        return
    checked.rule, problems = await request_by_rules(executor, workspace_id, clients)
    checked.errors += problems


async def check_doubles(
    executor: Executor, workspace_id: UUID, checked: Checked, settings: Settings, without: UUID | None = None
) -> list[Problem]:
    """Return a problem for each item of a checked body that repeats another one, unless the body allows doubles.

    Items of the post `without` do not count.
    """
    if checked.allows_duplicates:
        return []
    return await find_doubles(executor, sent(checked), scope_of(workspace_id, checked, settings, without))


def sent(checked: Checked) -> list[Sent]:
    """Return the items of a checked body for the search of doubles."""
    return [Sent(item.path, item.connection_id, item.fingerprint) for item in checked.items]


def scope_of(workspace_id: UUID, checked: Checked, settings: Settings, without: UUID | None = None) -> Scope:
    """Return where the doubles of a checked body are searched."""
    return Scope(workspace_id, checked.scheduled_at or clock.now(), settings, without)


def check_form(model: type[BaseModel], body: Any) -> list[Problem]:
    """Return the problems of missing, unknown and malformed fields."""
    try:
        model.model_validate(body)
    except ValidationError as error:
        return problems_of(error, model)
    return []


def check_time(value: Any, found: Findings) -> datetime | None:
    """Return the instant of a well-formed `scheduled_at`, or None. Add the problem of its value to `found`."""
    if not isinstance(value, str):
        return None
    try:
        instant = parse_instant(value)
    except PydanticCustomError:
        return None  # `check_form` reports it
    now = clock.now()
    if instant <= now:
        message = f"It is {format_timestamp(now)} now. Give a time in the future, or none to publish now."
        found.errors.append(Problem("/scheduled_at", "in_the_past", message, format_timestamp(now), value))
    elif instant > now + HORIZON:
        days = math.ceil((instant - now) / timedelta(days=1))
        message = f"The time is {days} days ahead, maximum {HORIZON.days}. Choose an earlier time."
        found.errors.append(Problem("/scheduled_at", "too_far", message, format_timestamp(now + HORIZON), value))
    return instant


def check_target(
    references: References,
    render: ReferencedRender | None,
    target: dict[str, Any],
    path: str,
    starts_at: datetime,
    found: Findings,
    kept: bool = False,
    conform: str = AUTO,
) -> tuple[Planned | None, Target | None]:
    """Check one target and add its problems to `found`.

    Return the item that it would create, if it has no error, and the target, if its account exists and its metadata is
    valid. With `kept`, the item already had this account. Problems of the account are then warnings: a person can fix
    them until the item is due, and meanwhile the item can be changed. With `conform` auto, the file is judged as it
    will be after its conversion. The cover and captions of the render count where the metadata gives none.
    """
    before = len(found.errors)
    name = target.get("connectionId")
    connection = references.connections.get(parse_id(name)) if parse_id(name) else None  # type: ignore[arg-type]
    if connection is None:
        if isinstance(name, str):
            found.errors.append(Problem(f"{path}/connectionId", "not_found", _no("connection", name)))
        return None, None
    about_account = found.warnings if kept else found.errors
    about_account += _connection_problems(references, connection, starts_at, path, found)
    details = target.get("metadata") or {}
    if not isinstance(details, dict):
        return None, None
    platform = PLATFORMS[connection.platform]
    misplaced = [name for name in details if name != platform.name]
    found.errors += [_wrong_platform(f"{path}/metadata", name, platform.name) for name in misplaced]
    own = details.get(platform.name)
    metadata = None
    # Fields under another platform's name are not missing, but in the wrong place.
    if own is not None or not misplaced:
        try:
            metadata = platform.metadata.model_validate({} if own is None else own)
        except ValidationError as error:
            found.errors += problems_of(error, platform.metadata, f"{path}/metadata/{platform.name}")
    if metadata is not None:
        problems = metadata.check_scopes(connection.scopes)
        found.errors += [problem.under(f"{path}/metadata/{platform.name}") for problem in problems]
    installed = connection.platform in PLATFORMS
    media = render.media if render else None
    if render is not None and media is not None and installed:
        planned = plan_of(media, platform, metadata, conform)
        found.errors += [problem.under(path) for problem in planned.problems]
        found.warnings += [problem.under(path) for problem in planned.warnings]
        conversion = conversion_of(path, platform, metadata, render.edit_setting_id, media, planned)
        found.conversions += [conversion] if conversion else []
        media = planned.output
        if metadata is not None:
            captions = (render.captions_size, render.captions_language)
            left = left_out(platform.title, metadata, render.cover_at, *captions)
            found.warnings += [problem.under(path) for problem in left]
            metadata = with_cover(metadata, render.cover_at, media.duration)
            errors, warnings = metadata.check(media, starts_at, connection.profile)
            found.errors += [problem.under(f"{path}/metadata/{platform.name}") for problem in errors]
            found.warnings += [problem.under(f"{path}/metadata/{platform.name}") for problem in warnings]
    sound = Target(path, connection, metadata, media) if metadata is not None and installed else None
    if render is None or len(found.errors) > before:
        return None, sound
    fingerprint = fingerprint_of(render.content, metadata) if render.content and metadata is not None else None
    return Planned(render.edit_setting_id, connection.id, platform.name, own or {}, conform, path, fingerprint), sound


def edit_problem(render: ReferencedRender | None, edit: Any, path: str) -> Problem | None:
    """Return the problem of the render that an `editId` names, independent of any target."""
    if render is None:
        return Problem(path, "not_found", _no("render", edit)) if isinstance(edit, str) else None
    if render.is_unreadable:
        message = "The stored facts of this clip cannot be read, so it cannot be checked. Upload the clip again."
        return Problem(path, "clip_unreadable", message)
    return None


def missing_renders(body: dict[str, Any], edit_ids: set[UUID]) -> list[Problem]:
    """Return the problems of a checked body whose renders `edit_ids` were deleted after the check."""
    body, _ = respell_post(body)
    return [
        Problem(f"/videos/{v}/editId", "not_found", _no("render", video["editId"]))
        for v, video in enumerate(body["videos"])
        if parse_id(video["editId"]) in edit_ids
    ]


def targets_of(body: Any) -> Iterator[tuple[str, str, Any, Any, dict[str, Any], dict[str, Any]]]:
    """Yield each well-formed target.

    The values are its video's path, its own path, the clip's `editId` and `conform`, itself, and the texts that it
    shares with others.
    """
    videos = body.get("videos") if isinstance(body, dict) else None
    for v, video in enumerate(videos[:MAX_VIDEOS] if isinstance(videos, list) else []):
        targets = video.get("targets") if isinstance(video, dict) else None
        if not isinstance(targets, list):
            continue
        edit, conform, texts = video.get("editId"), video.get("conform"), common_texts(body, video)
        for t, target in enumerate(targets[:MAX_TARGETS]):
            if isinstance(target, dict):
                yield f"/videos/{v}", f"/videos/{v}/targets/{t}", edit, conform, target, texts


def _connection_problems(
    references: References, connection: ReferencedConnection, starts_at: datetime, path: str, found: Findings
) -> list[Problem]:
    """Return the errors of the account itself. Add its warnings to `found`."""
    problems: list[Problem] = []
    where, platform = f"{path}/connectionId", PLATFORMS[connection.platform]
    if connection.platform not in PLATFORMS:
        message = (
            f"The platform {platform.title} is not installed. "
            "The operator must install its package and restart Clipcast."
        )
        problems.append(Problem(where, "platform_not_installed", message))
    end = connection.signed_in_until
    if connection.status == "active" and end is not None and end <= starts_at:
        message = (
            f"The authorization at {platform.title} ends at {format_timestamp(end)}. "
            "Connect the account again before then."
        )
        # Clipcast can probably renew it before then.
        into = found.warnings if connection.renewable else problems
        into.append(Problem(where, "sign_in_ends_before", message, format_timestamp(end), format_timestamp(starts_at)))
    required = platform.sign_in_method(connection.profile.get("way")).required_scopes
    if missing := [scope for scope in required if scope not in connection.scopes]:
        message = f"The account lacks required permissions: {', '.join(missing)}. Connect it again and allow all."
        problems.append(Problem(where, "scope_missing", message, list(required), connection.scopes))
    if connection.sandbox != (references.settings.sandbox_url is not None):
        kind, used = ("a sandbox", "real platforms") if connection.sandbox else ("a real", "the sandbox")
        message = f"This is {kind} connection, but Clipcast uses {used}. Choose another."
        problems.append(Problem(where, "sandbox_mismatch", message))
    if connection.status != "active":
        message = " ".join(why_unusable(connection.status, connection.status_reason))
        problems.append(Problem(where, f"connection_{connection.status}", message))
    if platform.fetches_media(connection.profile) and not is_reachable(references.settings):
        problems.append(_not_reachable(where, connection.platform))
    return problems


def is_reachable(settings: Settings) -> bool:
    """Return whether a platform can fetch from CLIPCAST_PUBLIC_URL. The sandbox fetches from this machine."""
    if settings.sandbox_url is not None:
        return True
    host = settings.public_url.host or ""
    try:
        return settings.public_url.scheme == "https" and is_public(host.strip("[]"))
    except ValueError:  # a name, not an address
        return settings.public_url.scheme == "https" and "." in host and not host.endswith((".local", ".internal"))


def _not_reachable(path: str, platform: str) -> Problem:
    title = PLATFORMS[platform].title
    message = f"{title} fetches the clip from Clipcast, but CLIPCAST_PUBLIC_URL is not a public https URL. Set it."
    return Problem(path, "public_url_not_reachable", message)


def _wrong_platform(path: str, name: str, wanted: str) -> Problem:
    field_path = f"{path}/" + name.replace("~", "~0").replace("/", "~1")
    if name in PLATFORMS:
        message = f"The connection is a {wanted} account. Move its metadata to {wanted!r}."
        return Problem(field_path, "wrong_platform", message)
    return Problem(field_path, "unknown_field", f"There is no platform {name[:60]!r}. Use {wanted!r}.")


def _no(kind: str, name: str) -> str:
    return f"There is no {kind} {name[:60]!r} in this workspace."
