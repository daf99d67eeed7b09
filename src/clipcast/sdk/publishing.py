"""One call from a file to live videos: upload, post and wait."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import urlsplit

from clipcast.sdk import requests
from clipcast.sdk.errors import DuplicateContent, UsageError, ValidationError
from clipcast.sdk.results import PublishedPost
from clipcast.sdk.sources import File
from clipcast.sdk.transport import Flow, Retries, call
from clipcast.sdk.uploads import PIECE_BYTES, OnProgress, part, upload
from clipcast.sdk.waiting import wait as wait_for

if TYPE_CHECKING:
    from clipcast.sdk.models import CreatePost, ProblemDetail, ValidationResult

# A clip that exists: a completed upload, a render, or anything else with an `edit_setting_id`.
Clip = Mapping[str, Any]
# `platform:@name`, `@name`, a connection's id, or a connection of `list_connections`.
Account = str | Mapping[str, Any]
Duplicates = Literal["allow", "refuse"] | Callable[["Sequence[ProblemDetail]"], bool]
# Stands for a clip that is not uploaded yet.
NO_CLIP = "00000000-0000-0000-0000-000000000000"
DUPLICATE = "duplicate_content"


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
    clips = _several(asked.files)
    body = yield from draft(asked, retries)
    if asked.check and any(not _edit_id(clip) for clip in clips):
        _raise_problems(without_clips((yield from call(requests.validate_post(**body), retries)), clips))
    for number, (clip, video) in enumerate(zip(clips, body["videos"], strict=True)):
        video["editId"] = _edit_id(clip) or (yield from _bring(clip, asked, retries, number))
    if asked.on_duplicate == "allow":
        body = _allowing(body)
    elif asked.on_duplicate is not None:
        body = yield from _decided(body, asked.on_duplicate, retries)
    create = requests.create_post(**body, idempotency_key=part(asked.idempotency_key, "post"))
    created = yield from call(create, retries)
    if asked.wait is False:
        return PublishedPost.of((yield from call(requests.get_post(created["post_id"]), retries)))
    timeout = None if asked.wait is True else float(asked.wait)
    return (yield from wait_for(created["post_id"], retries, timeout))


def draft(asked: Publication, retries: Retries) -> Flow[CreatePost]:
    """Return the body of the post, with NO_CLIP for each clip that must be uploaded. Raises UsageError."""
    clips = _several(asked.files)
    accounts = [asked.to] if isinstance(asked.to, str | Mapping) else list(asked.to)
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
    common = {"title": asked.title, "text": asked.text, "tags": None if asked.tags is None else list(asked.tags)}
    if common := {name: value for name, value in common.items() if value is not None}:
        body["common"] = common
    if asked.at is not None:
        body["scheduled_at"] = asked.at.isoformat() if isinstance(asked.at, datetime) else asked.at
    if asked.timezone is not None:
        body["timezone"] = asked.timezone
    return cast("CreatePost", body)


def validate(asked: Publication, retries: Retries) -> Flow[ValidationResult]:
    """Return the problems of a publication. Upload and create nothing: files that are not uploaded are not checked."""
    body = yield from draft(asked, retries)
    return without_clips((yield from call(requests.validate_post(**body), retries)), _several(asked.files))


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
    targets, unused = [], set(settings)
    for account in accounts:
        name = account if isinstance(account, str) else str(account["id"])
        platform = platform_in(name) or platforms.get(name.strip().lower(), "")
        if not isinstance(account, str):
            platform = str(account["platform"])
        # Those of an account come before those of its platform.
        chosen = {**settings.get(platform, {}), **settings.get(name, {})}
        unused -= {platform, name}
        targets.append({"connectionId": name} | ({"metadata": {platform: chosen}} if chosen and platform else {}))
    if unused:
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
            # The server reports a name of several platforms, with the choices.
            return {name: platform for name, platform in found.items() if name not in several}
        page += 1


def _bring(clip: File | Clip, asked: Publication, retries: Retries, number: int) -> Flow[str]:
    """Upload a file, or import it from its address, and return its `editId`."""
    if isinstance(clip, Mapping):
        raise UsageError("A clip without `edit_setting_id` cannot be posted. Pass a completed upload or a render.")
    key = part(asked.idempotency_key, f"file-{number}")
    if isinstance(clip, str) and urlsplit(clip).scheme in ("http", "https"):
        imported = yield from call(requests.import_video(url=clip, idempotency_key=key), retries)
        return imported["edit_setting_id"]
    done = yield from upload(clip, retries, progress=asked.progress, piece_bytes=asked.piece_bytes, key=key)
    return done["edit_setting_id"]


def _decided(body: CreatePost, decide: Duplicates, retries: Retries) -> Flow[CreatePost]:
    """Return the body, which allows duplicates if the caller wants them. Raises DuplicateContent."""
    result = yield from call(requests.validate_post(**body), retries)
    earlier = [one for one in (*result["warnings"], *result["errors"]) if one["code"] == DUPLICATE]
    if not earlier:
        return body
    if callable(decide) and decide(earlier):
        return _allowing(body)
    document = {"code": DUPLICATE, "detail": earlier[0]["message"], "errors": earlier}
    raise DuplicateContent(409, document, {})


def _allowing(body: CreatePost) -> CreatePost:
    return cast("CreatePost", {**body, "allow_duplicate": True})


def _raise_problems(result: ValidationResult) -> None:
    if result["valid"]:
        return
    count = len(result["errors"]) + result["more_errors"]
    detail = f"{count} problem{'s' if count > 1 else ''}; nothing was uploaded."
    document = {"code": "validation_failed", "detail": detail, "errors": result["errors"]}
    raise ValidationError(422, document | {"more_errors": result["more_errors"] or None}, {})


def _several(files: File | Clip | Sequence[File | Clip]) -> list[File | Clip]:
    if isinstance(files, str | bytes | os.PathLike | Mapping) or hasattr(files, "read"):
        return [cast("File | Clip", files)]
    return list(files)


def _edit_id(clip: File | Clip) -> str | None:
    return str(clip["edit_setting_id"]) if isinstance(clip, Mapping) and clip.get("edit_setting_id") else None
