"""One call from a file to live videos: upload, post and wait."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, cast

from clipcast.sdk import requests
from clipcast.sdk.arguments import (
    accounts_of,
    check_on_duplicate,
    check_piece_bytes,
    check_settings,
    check_wait,
    files_of,
    tags_of,
)
from clipcast.sdk.errors import ClipcastError, DuplicateContent, UsageError, ValidationError
from clipcast.sdk.results import PublishedPost
from clipcast.sdk.sources import File
from clipcast.sdk.transport import Flow, Retries, call
from clipcast.sdk.uploads import PIECE_BYTES, OnProgress, part, upload
from clipcast.sdk.waiting import wait as wait_for

if TYPE_CHECKING:
    from clipcast.sdk.models import CreatePost, PostCreated, ProblemDetail, ValidationResult

# A clip that exists: a completed upload, a render, or anything else with an `edit_setting_id`.
Clip = Mapping[str, Any]
# `platform:@name`, `@name`, a connection's id, or a connection of `list_connections`.
Account = str | Mapping[str, Any]
Duplicates = Literal["allow", "refuse"] | Callable[["Sequence[ProblemDetail]"], bool]
# Stands for a clip that is not uploaded yet.
NO_CLIP = "00000000-0000-0000-0000-000000000000"
DUPLICATE = "duplicate_content"
KEY_REUSED = "idempotency_key_reused"


@dataclass(frozen=True)
class Publication:
    """The arguments of `Clipcast.publish`, which documents them."""

    files: File | Clip | Sequence[File | Clip]
    to: Account | Iterable[Account]
    text: str | None = None
    title: str | None = None
    tags: Sequence[str] | None = None
    settings: Mapping[str, Mapping[str, Any]] | None = None
    at: str | datetime | None = None
    timezone: str | None = None
    wait: bool | float = False
    progress: OnProgress | None = None
    on_duplicate: Duplicates | None = None
    check: bool = True
    idempotency_key: str | None = None
    piece_bytes: int = PIECE_BYTES


def publish(asked: Publication, retries: Retries) -> Flow[PublishedPost]:
    """Do what `Clipcast.publish` says. Raises ClipcastError."""
    key, post_id = asked.idempotency_key or f"sdk-{uuid.uuid4()}", None
    try:
        created = yield from _created(asked, files_of(asked.files), retries, key)
        post_id = created["post_id"]
        if asked.wait is False:
            return PublishedPost.of((yield from call(requests.get_post(post_id), retries)))
        timeout = None if asked.wait is True else float(asked.wait)
        return (yield from wait_for(post_id, retries, timeout))
    except ClipcastError as error:
        # The keys of its requests would not continue the call.
        error.post_id, error.idempotency_key = post_id, key
        raise


def _created(asked: Publication, clips: Sequence[File | Clip], retries: Retries, key: str) -> Flow[PostCreated]:
    """Upload what must be, and create the post, unless an earlier call with the key has created it."""
    body = yield from draft(asked, clips, retries)
    own = part(key, "post")
    if asked.check and any(not _edit_id(clip) for clip in clips):
        result = without_clips((yield from call(requests.validate_post(**body), retries)), clips)
        problems = [one for one in result["errors"] if one["code"] != DUPLICATE]
        # What was valid may not be so any more, such as a time.
        if (problems or result["more_errors"]) and not (asked.idempotency_key and (yield from _is_used(own, retries))):
            _raise_problems(problems, result["more_errors"])
    for number, (clip, video) in enumerate(zip(clips, body["videos"], strict=True)):
        video["editId"] = _edit_id(clip) or (yield from _bring(clip, asked, retries, part(key, f"file-{number}")))
    if asked.on_duplicate not in (None, "allow") and (doubles := (yield from _doubles(body, retries))):
        if asked.idempotency_key and (yield from _is_used(own, retries)):
            # The double may be the post of the earlier call, which may have allowed doubles.
            return (yield from _again(body, own, retries))
        if not (callable(asked.on_duplicate) and asked.on_duplicate(doubles)):
            document = {"code": DUPLICATE, "detail": doubles[0]["message"], "errors": doubles}
            raise DuplicateContent(409, document, {})
        body = _allowing(body)
    return (yield from call(requests.create_post(**body, idempotency_key=own), retries))


def draft(asked: Publication, clips: Sequence[File | Clip], retries: Retries) -> Flow[CreatePost]:
    """Return the body of the post, with NO_CLIP for each clip that must be uploaded. Raises UsageError.

    `clips` are the files as a list: iterators can be read once only.
    """
    accounts, tags = accounts_of(asked.to), tags_of(asked.tags)
    check_settings(asked.settings)
    check_wait(asked.wait)
    check_on_duplicate(asked.on_duplicate)
    check_piece_bytes(asked.piece_bytes)
    if not clips or not accounts:
        raise UsageError("Pass at least one file and at least one account.")
    platforms: dict[str, str] = {}
    # The settings of a platform belong to its accounts only, so the platform of each must be known.
    if asked.settings and any(isinstance(one, str) and not platform_in(one) for one in accounts):
        platforms = yield from _platforms(retries)
    targets = _targets(accounts, asked.settings or {}, platforms)
    body: dict[str, Any] = {
        "videos": [{"editId": _edit_id(clip) or NO_CLIP, "targets": targets} for clip in clips],
    }
    common = {"title": asked.title, "text": asked.text, "tags": tags}
    if common := {name: value for name, value in common.items() if value is not None}:
        body["common"] = common
    if asked.at is not None:
        body["scheduled_at"] = asked.at.isoformat() if isinstance(asked.at, datetime) else asked.at
    if asked.timezone is not None:
        body["timezone"] = asked.timezone
    if asked.on_duplicate == "allow":
        body["allow_duplicate"] = True
    return cast("CreatePost", body)


def validate(asked: Publication, retries: Retries) -> Flow[ValidationResult]:
    """Return the problems of a publication. Upload and create nothing: files that are not uploaded are not checked."""
    clips = files_of(asked.files)
    body = yield from draft(asked, clips, retries)
    return without_clips((yield from call(requests.validate_post(**body), retries)), clips)


def without_clips(result: ValidationResult, clips: Sequence[File | Clip]) -> ValidationResult:
    """Return the result without the problems of clips that are not uploaded yet."""
    absent = {f"/videos/{number}/editId" for number, clip in enumerate(clips) if not _edit_id(clip)}
    errors = [one for one in result["errors"] if not (one["path"] in absent and one["code"] == "not_found")]
    return {**result, "errors": errors, "valid": not errors and not result["more_errors"]}


def platform_in(name: str) -> str:
    """Return the platform of `platform:@name`, in lower case; "" for other names."""
    platform, at, _ = name.partition("@")
    return platform.strip().removesuffix(":").lower() if at and platform.strip().endswith(":") else ""


def _targets(
    accounts: Sequence[Account], settings: Mapping[str, Mapping[str, Any]], platforms: Mapping[str, str]
) -> list[dict[str, Any]]:
    targets, unused, known = [], set(settings), True
    for account in accounts:
        name = account if isinstance(account, str) else str(account["id"])
        platform = platform_in(name) or platforms.get(name.strip().lower(), "")
        if not isinstance(account, str):
            platform = str(account["platform"])
        known &= bool(platform)
        # Those of an account come before those of its platform.
        chosen = {**settings.get(platform, {}), **settings.get(name, {})}
        unused -= {platform, name}
        targets.append({"connectionId": name} | ({"metadata": {platform: chosen}} if chosen and platform else {}))
    # The server reports a name that no platform or several platforms have, with the choices.
    if unused and known:
        names = ", ".join(sorted(unused))
        raise UsageError(f"`settings` has {names}, but no account in `to` is of that platform or has that name.")
    return targets


def _platforms(retries: Retries) -> Flow[dict[str, str]]:
    """Return the platform of each connection by its id, and by `@name` where only one platform has the name."""
    found: dict[str, str] = {}
    page, several = 1, set()
    while True:
        listed = yield from call(requests.list_connections(page=page, limit=100), retries)
        for one in listed["connections"]:
            found[one["id"].lower()] = one["platform"]
            name = f"@{one['username']}".lower()
            if found.setdefault(name, one["platform"]) != one["platform"]:
                several.add(name)
        if not listed["pagination"]["has_next_page"]:
            return {name: platform for name, platform in found.items() if name not in several}
        page += 1


def _bring(clip: File | Clip, asked: Publication, retries: Retries, key: str) -> Flow[str]:
    """Upload a file, or import it from its address, and return its `editId`."""
    if isinstance(clip, Mapping):
        raise UsageError("A clip without `edit_setting_id` cannot be posted. Pass a completed upload or a render.")
    done = yield from upload(clip, retries, progress=asked.progress, piece_bytes=asked.piece_bytes, key=key)
    return done["edit_setting_id"]


def _doubles(body: CreatePost, retries: Retries) -> Flow[list[ProblemDetail]]:
    """Return the problem of each item that went to its account recently."""
    result = yield from call(requests.validate_post(**body), retries)
    return [one for one in (*result["warnings"], *result["errors"]) if one["code"] == DUPLICATE]


def _is_used(key: str, retries: Retries) -> Flow[bool]:
    """Return whether a post was created with the key. An empty body creates nothing, whatever the answer."""
    try:
        yield from call(requests.create_post(**cast("CreatePost", {}), idempotency_key=key), retries)
    except ValidationError as error:
        return error.code == KEY_REUSED
    raise AssertionError("a post without videos is not valid")


def _again(body: CreatePost, key: str, retries: Retries) -> Flow[PostCreated]:
    """Return what was created with the key. Raises ValidationError if that was something else."""
    try:
        return (yield from call(requests.create_post(**body, idempotency_key=key), retries))
    except ValidationError as error:
        if error.code != KEY_REUSED:
            raise
    return (yield from call(requests.create_post(**_allowing(body), idempotency_key=key), retries))


def _allowing(body: CreatePost) -> CreatePost:
    return cast("CreatePost", {**body, "allow_duplicate": True})


def _raise_problems(problems: Sequence[ProblemDetail], more: int) -> None:
    count = len(problems) + more
    detail = f"{count} problem{'s' if count > 1 else ''}; nothing was uploaded."
    document = {"code": "validation_failed", "detail": detail, "errors": problems, "more_errors": more or None}
    raise ValidationError(422, document, {})


def _edit_id(clip: File | Clip) -> str | None:
    return str(clip["edit_setting_id"]) if isinstance(clip, Mapping) and clip.get("edit_setting_id") else None
