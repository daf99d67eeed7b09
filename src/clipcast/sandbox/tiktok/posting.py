"""TikTok's Content Posting API v2 (docs/platforms/tiktok.md 2 to 5, 8)."""

import hashlib
import itertools
import secrets
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from clipcast.clock import clock
from clipcast.sandbox.faults import Interrupted, body_pieces
from clipcast.sandbox.grants import Grant
from clipcast.sandbox.inputs import CONTENT_RANGE, json_object
from clipcast.sandbox.knobs import Seconds, Status
from clipcast.sandbox.simulator import MEDIA_KINDS, MEDIA_SETTINGS
from clipcast.sandbox.state import Account, Post, Upload
from clipcast.sandbox.tiktok.answers import error, ok
from clipcast.sandbox.tiktok.oauth import API, WWW, Authorization
from clipcast.sandbox.tiktok.rules import (
    AVATAR_LIFETIME,
    CONTENT_TYPES,
    INBOX_SECONDS,
    LAST_MAX,
    UPLOAD_LIFETIME,
    chunks_problem,
    media_failure,
    post_info_problem,
    privacy_options,
    query_problem,
)

UPLOADS = "open-upload.tiktokapis.com"
MINUTE, DAY = timedelta(minutes=1), timedelta(hours=24)


@dataclass
class Task:
    """A publication in progress. Its `publish_id` identifies it to the app."""

    publish_id: str
    account_id: str
    client_id: str
    draft: bool
    post_info: dict[str, Any]
    pulled: bool
    # Sizes in bytes of the file and of each chunk but the last; 0 if TikTok pulls the file.
    size: int
    chunk_size: int
    chunk_count: int
    upload: Upload
    opened_at: datetime
    received_at: datetime | None = None
    fail_reason: str | None = None
    # The `fail_reason` with which the file's processing will end.
    media_failure: str | None = None
    post_id: str | None = None
    # True: the creator has posted or discarded the draft.
    handled: bool = False
    # True while a chunk arrives. The upload host rejects a second request at the same time.
    busy: bool = False
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def complete(self) -> bool:
        return not self.pulled and self.upload.size == self.size


class TikTok(Authorization):
    """Publishing: tasks, their chunks, processing, posts."""

    default_settings: ClassVar[dict[str, Any]] = {
        "processing_seconds": 2.0,
        "moderation_seconds": 1.0,
        "access_token_seconds": 7200,
        "refresh_token_seconds": 15_552_000,
        "oauth_error_status": 400,
        "audited": True,
        "active_user_cap": 5,
        "daily_post_cap": 15,
        "draft_cap": 5,
        "rate_limits": True,
        "stored_range_status": 416,
        "scalar_post_id": False,
        "publish_id_seconds": None,
        "never_finish": False,
        **MEDIA_SETTINGS,
        "verified_prefixes": [],
    }
    default_flags: ClassVar[dict[str, Any]] = {
        "private": False,
        "banned": False,
        "daily_cap_reached": False,
        "comment_disabled": False,
        "duet_disabled": False,
        "stitch_disabled": False,
        "max_duration": 600,
        "fail_reason": None,
    }
    kinds: ClassVar[dict[str, Any]] = MEDIA_KINDS | {
        "oauth_error_status": Status,
        "stored_range_status": Status,
        "publish_id_seconds": Seconds | None,
        "fail_reason": str | None,
    }

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.tasks: dict[str, Task] = {}
        self._by_key: dict[str, Task] = {}
        self._by_account: dict[str, deque[Task]] = defaultdict(deque)  # oldest first
        self._unsettled: dict[str, Task] = {}
        self._numbers = itertools.count(7_300_000_000_000_000_001)
        self._posting_users: dict[str, datetime] = {}

    def routes(self) -> list[Route]:
        post = "/v2/post/publish"
        return [
            self.route(API, "/v2/oauth/token/", ["POST"], "token", self.token),
            self.route(API, "/v2/oauth/revoke/", ["POST"], "revoke", self.revoke),
            self.route(API, "/v2/user/info/", ["GET"], "user_info", self.user_info),
            self.route(API, f"{post}/creator_info/query/", ["POST"], "creator_info", self.creator_info),
            self.route(API, f"{post}/video/init/", ["POST"], "video_init", self.video_init),
            self.route(API, f"{post}/inbox/video/init/", ["POST"], "inbox_init", self.inbox_init),
            self.route(API, f"{post}/status/fetch/", ["POST"], "status", self.status),
            self.route(API, f"{post}/cancel/", ["POST"], "cancel", self.cancel),
            self.route(UPLOADS, "/video/", ["PUT"], "chunk", self.chunk, LAST_MAX),
        ]

    def new_account(self, username: str, display_name: str) -> Account:
        digest = hashlib.sha256(username.encode()).hexdigest()
        account = Account(self.platform, f"-000{digest[:32]}", username, display_name, dict(self.default_flags))
        self.state.accounts[self.platform, account.account_id] = account
        return account

    def acts(self) -> dict[str, Callable[[Account], None]]:
        return super().acts() | {"inbox_emptied": self._empty_inbox}

    async def creator_info(self, request: Request) -> Response:
        grant = self._grant(request, "video.publish")
        if isinstance(grant, Response):
            return grant
        if limited := self._limited(request, "creator_info", 20):
            return limited
        if problem := await query_problem(request):
            return error(400, "invalid_params", problem)
        account = self.account(grant.account_id)
        if blocked := self._blocked(account):
            return error(200, *blocked)  # TikTok returns these with 200 (docs/platforms/tiktok.md 2.1)
        flags = account.flags
        return ok(
            {
                "creator_avatar_url": self.state.avatar_url(WWW, account.username, AVATAR_LIFETIME),
                "creator_username": account.username,
                "creator_nickname": account.display_name,
                "privacy_level_options": privacy_options(flags["private"], self.settings["audited"]),
                "comment_disabled": flags["comment_disabled"],
                "duet_disabled": flags["duet_disabled"] or flags["private"],
                "stitch_disabled": flags["stitch_disabled"] or flags["private"],
                "max_video_post_duration_sec": flags["max_duration"],
            }
        )

    async def video_init(self, request: Request) -> Response:
        grant = self._grant(request, "video.publish")
        if isinstance(grant, Response):
            return grant
        if limited := self._limited(request, "video_init", 6):
            return limited
        body = await json_object(request)
        info: Any = body.get("post_info")
        if problem := post_info_problem(info):
            return error(400, "invalid_params", problem)
        account = self.account(grant.account_id)
        if info.get("privacy_level") not in privacy_options(account.flags["private"], self.settings["audited"]):
            return error(403, "privacy_level_option_mismatch", "Please check the options of the creator.")
        if not self.settings["audited"] and not account.flags["private"]:
            code = "unaudited_client_can_only_post_to_private_accounts"
            return error(403, code, "Please review our integration guidelines.")
        if blocked := self._blocked(account) or self._user_cap(account):
            return error(403, *blocked)
        return self._open(grant, body.get("source_info"), info, draft=False)

    async def inbox_init(self, request: Request) -> Response:
        grant = self._grant(request, "video.upload")
        if isinstance(grant, Response):
            return grant
        if limited := self._limited(request, "inbox_init", 6):
            return limited
        body = await json_object(request)
        if set(body) - {"source_info"}:
            return error(400, "invalid_params", "The inbox takes source_info only.")
        if len(self._pending_drafts(grant.account_id)) >= self.settings["draft_cap"]:
            code = "spam_risk_too_many_pending_share"
            return error(403, code, "The creator has too many pending drafts.")
        return self._open(grant, body.get("source_info"), {}, draft=True)

    def _open(self, grant: Grant, source: Any, info: dict[str, Any], draft: bool) -> Response:
        pulled = isinstance(source, dict) and source.get("source") == "PULL_FROM_URL"
        if pulled:
            url = str(source.get("video_url", ""))
            if not any(url.startswith(prefix) for prefix in self.settings["verified_prefixes"]):
                return error(403, "url_ownership_unverified", "Please review our URL ownership verification rules.")
        elif problem := chunks_problem(source):
            return error(400, "invalid_params", problem)
        letter = "inbox" if draft else "pub"
        publish_id = f"v_{letter}_{'url' if pulled else 'file'}~v2-1.{next(self._numbers)}"
        task = Task(
            publish_id,
            grant.account_id,
            grant.client_id,
            draft,
            dict(info),
            pulled,
            0 if pulled else source["video_size"],
            0 if pulled else source["chunk_size"],
            0 if pulled else source["total_chunk_count"],
            self.state.new_upload(),
            clock.now(),
        )
        self.tasks[publish_id] = self._unsettled[publish_id] = self._by_key[task.key] = task
        self._by_account[task.account_id].append(task)
        data = {"publish_id": publish_id}
        if not pulled:
            query = f"?upload_id={next(self._numbers)}&upload_token={task.key}"
            data["upload_url"] = f"https://{UPLOADS}/video/{query}"
        return ok(data)

    async def chunk(self, request: Request) -> Response:
        task = self._by_key.get(request.query_params.get("upload_token", ""))
        if task is None:
            return Response("no such upload", 404)
        if "authorization" in request.headers:
            return Response("an access token was sent to the upload host", 400)
        if clock.now() > task.opened_at + UPLOAD_LIFETIME:
            return Response("the upload url has expired", 403)
        match = CONTENT_RANGE.fullmatch(request.headers.get("content-range", ""))
        if request.headers.get("content-type") not in CONTENT_TYPES or match is None:
            return Response("Content-Type and Content-Range are required", 400)
        first, last, total = map(int, match.groups())
        length = last - first + 1
        if total != task.size or request.headers.get("content-length") != str(length):
            return Response("Content-Length, Content-Range and video_size differ", 400)
        if task.busy or first > task.upload.size:
            return self._progress(task, 416)
        if first < task.upload.size:
            return self._progress(task, self.settings["stored_range_status"])
        chunk, count = task.chunk_size, task.chunk_count
        if length != (chunk if first // chunk < count - 1 else total - (count - 1) * chunk):
            return Response("the chunk has not the announced size", 400)
        if not await self._store(request, task, length):
            return Response("the body does not match Content-Length", 400)
        return self._progress(task, 201 if task.complete else 206)

    async def _store(self, request: Request, task: Task, length: int) -> bool:
        """Store the chunk, whole or not at all. Returns whether it was stored."""
        task.busy = True
        mark = task.upload.mark()
        try:
            with task.upload.open() as file:
                async for piece in body_pieces(request):
                    task.upload.add(file, piece)
        except Interrupted:
            task.upload.rewind(mark)
            return False
        except BaseException:
            task.upload.rewind(mark)
            raise
        finally:
            task.busy = False
        if task.upload.size - mark[0] != length:
            task.upload.rewind(mark)
            return False
        if task.complete:
            task.received_at = clock.now()
            if self.settings["check_media"]:
                limit = INBOX_SECONDS if task.draft else self.account(task.account_id).flags["max_duration"]
                task.media_failure = media_failure(await self.read_upload(task.upload), limit)
        return True

    def _progress(self, task: Task, status: int) -> Response:
        return Response(None, status, {"Content-Range": f"bytes 0-{max(0, task.upload.size - 1)}/{task.size}"})

    async def status(self, request: Request) -> Response:
        grant = self._grant(request)
        if grant is None or not grant.scopes & {"video.publish", "video.upload"}:
            return error(401, "access_token_invalid", "The access token is invalid.")
        if limited := self._limited(request, "status", 30):
            return limited
        self.apply_due_changes()
        task = self._task(grant, await json_object(request))
        if isinstance(task, Response):
            return task
        data: dict[str, Any] = {"status": self._status(task), "uploaded_bytes": task.upload.size}
        if task.fail_reason:
            data["fail_reason"] = task.fail_reason
        if ids := self._public_ids(task):
            data["publicaly_available_post_id"] = ids[0] if self.settings["scalar_post_id"] else ids
        return ok(data)

    async def cancel(self, request: Request) -> Response:
        grant = self._grant(request)
        if grant is None:
            return error(401, "access_token_invalid", "The access token is invalid.")
        self.apply_due_changes()
        task = self._task(grant, await json_object(request))
        if isinstance(task, Response):
            return task
        if not task.pulled or task.post_id or task.fail_reason:
            return error(400, "publish_not_cancellable", "The publication is already final.")
        task.fail_reason = "publish_cancelled"
        return ok({})

    def _task(self, grant: Grant, body: dict[str, Any]) -> Task | Response:
        task = self.tasks.get(str(body.get("publish_id")))
        kept = self.settings["publish_id_seconds"]
        if task is None or (kept is not None and clock.now() > task.opened_at + timedelta(seconds=kept)):
            return error(400, "invalid_publish_id", "The publish_id does not exist.")
        if (task.account_id, task.client_id) != (grant.account_id, grant.client_id):
            code = "token_not_authorized_for_specified_publish_id"
            return error(400, code, "The publish_id belongs to another user or app.")
        return task

    def apply_due_changes(self) -> None:
        """End the tasks whose processing is complete: as a post, a delivered draft or a failure."""
        for task in list(self._unsettled.values()):
            if task.post_id or task.fail_reason:
                del self._unsettled[task.publish_id]
                continue
            if task.pulled and clock.now() > task.opened_at + UPLOAD_LIFETIME:
                task.fail_reason = "video_pull_failed"  # the simulator does not fetch addresses
            if task.received_at is None or self.settings["never_finish"]:
                continue
            if clock.now() < task.received_at + timedelta(seconds=self.settings["processing_seconds"]):
                continue
            account = self.account(task.account_id)
            revoked = account.account_id not in self.grants.users_of(self.platform)
            task.fail_reason = (
                account.flags["fail_reason"] or task.media_failure or ("auth_removed" if revoked else None)
            )
            if task.fail_reason is None:
                self._publish(task, account)

    def _publish(self, task: Task, account: Account) -> None:
        task.post_id = str(next(self._numbers))
        assert task.received_at is not None
        info = task.post_info
        self.state.add_post(
            Post(
                self.platform,
                account.account_id,
                task.post_id,
                self.state.public_url(WWW, f"/@{account.username}/video/{task.post_id}"),
                info.get("title", ""),
                "DRAFT" if task.draft else info["privacy_level"],
                Path(task.upload.path),
                task.upload.sha256,
                task.upload.size,
                task.received_at,
                info,
            )
        )

    def _status(self, task: Task) -> str:
        if task.fail_reason:
            return "FAILED"
        if task.post_id:
            return "SEND_TO_USER_INBOX" if task.draft else "PUBLISH_COMPLETE"
        return "PROCESSING_DOWNLOAD" if task.pulled else "PROCESSING_UPLOAD"

    def _public_ids(self, task: Task) -> list[int]:
        """Return the post's id if the post is public and its moderation is complete."""
        if task.post_id is None or task.received_at is None or task.draft:
            return []
        seconds = self.settings["processing_seconds"] + self.settings["moderation_seconds"]
        public = task.post_info["privacy_level"] == "PUBLIC_TO_EVERYONE"
        return [int(task.post_id)] if public and clock.now() >= task.received_at + timedelta(seconds=seconds) else []

    # Limits

    def _limited(self, request: Request, name: str, limit: int) -> Response | None:
        key = self.platform, name, request.headers["authorization"]
        if self.settings["rate_limits"] and not self.state.windows.hit(key, limit, MINUTE):
            return error(429, "rate_limit_exceeded", "The API rate limit was exceeded.")
        return None

    def _recent(self, account_id: str) -> list[Task]:
        tasks = self._by_account[account_id]
        while tasks and tasks[0].opened_at <= clock.now() - DAY:
            tasks.popleft()
        return list(tasks)

    def _pending_drafts(self, account_id: str) -> list[Task]:
        recent = self._recent(account_id)
        return [task for task in recent if task.draft and task.fail_reason is None and not task.handled]

    def _empty_inbox(self, account: Account) -> None:
        """Complete all pending drafts, as if the creator had posted or discarded them."""
        for task in self._pending_drafts(account.account_id):
            task.handled = True

    def _blocked(self, account: Account) -> tuple[str, str] | None:
        posts = sum(not task.draft and task.complete for task in self._recent(account.account_id))
        if account.flags["banned"]:
            return "spam_risk_user_banned_from_posting", "The user is banned from making new posts."
        if account.flags["daily_cap_reached"] or posts >= self.settings["daily_post_cap"]:
            return "spam_risk_too_many_posts", "The daily post cap of the user is reached."
        return None

    def _user_cap(self, account: Account) -> tuple[str, str] | None:
        if self.settings["audited"]:
            return None
        users = {user: at for user, at in self._posting_users.items() if at > clock.now() - DAY}
        self._posting_users = users
        if account.account_id not in users and len(users) >= self.settings["active_user_cap"]:
            return "reached_active_user_cap", "The daily quota for active publishing users is reached."
        users.setdefault(account.account_id, clock.now())
        return None
