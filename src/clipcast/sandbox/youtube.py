"""YouTube simulated: Google OAuth 2.0 and the YouTube Data API v3 (sheet section 8)."""

import base64
import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clipcast.clock import clock
from clipcast.instants import show
from clipcast.sandbox.faults import Interrupted, body_pieces
from clipcast.sandbox.grants import Grant
from clipcast.sandbox.media import probe_file
from clipcast.sandbox.simulator import ConsentRefused, ConsentRequest, Simulator
from clipcast.sandbox.world import Account, Post, Upload
from clipcast.sandbox.youtube_rules import (
    BLOCK,
    CATEGORIES,
    INSERT_SCOPES,
    READ_SCOPES,
    SCOPES,
    STATUS_FIELDS,
    THUMBNAIL_MAX,
    UNASSIGNABLE,
    WRITE_SCOPES,
    error,
    parse_time,
    snippet_problem,
    status_problem,
)

ACCOUNTS, OAUTH, API = "accounts.google.com", "oauth2.googleapis.com", "www.googleapis.com"
WWW = "www.youtube.com"
PACIFIC = ZoneInfo("America/Los_Angeles")
SEVEN_DAYS = 7 * 86_400
MAX_LIVE_TOKENS = 100


@dataclass
class Session:
    """A resumable upload. Once it has ended it repeats its answer for ever."""

    upload_id: str
    account_id: str
    parts: list[str]
    resource: dict[str, Any]
    size: int
    content_type: str
    file_name: str
    upload: Upload
    opened_at: datetime
    final: tuple[int, dict[str, Any]] | None = None


@dataclass
class Video:
    video_id: str
    account_id: str
    snippet: dict[str, Any]
    status: dict[str, Any]
    recording: dict[str, Any]
    file_name: str
    upload: Upload
    created_at: datetime
    duration: float
    readable: bool
    # Set when the outcome is decided: `failed`, `rejected` with its reason.
    outcome: tuple[str, str] | None = None
    thumbnail: str | None = None
    thumbnail_sets: list[datetime] = field(default_factory=list)


class YouTube(Simulator):
    platform = "youtube"
    title = "YouTube"
    authorize_at = (ACCOUNTS, "/o/oauth2/v2/auth")
    default_settings: ClassVar[dict[str, Any]] = {
        "processing_seconds": 2.0,
        "access_token_seconds": 3600,
        "refresh_returns_token": False,
        "testing_mode": False,
        "final_status": 201,
        "session_seconds": SEVEN_DAYS,
        "session_gone_status": 404,
        "moved_location": False,
        "gap_status": 308,
        "uploads_delay_seconds": 0.0,
        "forced_private": False,
        "reject_duplicates": False,
        "check_media": True,
        "never_finish": False,
        "upload_quota": 100,
        "general_quota": 10_000,
        "quota_status": 403,
        "quotas": True,
        "error_style": "json",
    }
    default_flags: ClassVar[dict[str, Any]] = {
        "no_channel": False,
        "other_channel": None,
        "phone_verified": True,
        "upload_limit_reached": False,
        "suspended": False,
        "outcome": None,
    }

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.sessions: dict[str, Session] = {}
        self.videos: dict[str, Video] = {}
        self.playlists: dict[str, tuple[str, list[str]]] = {}
        self._spent: dict[tuple[str, str], int] = {}

    def routes(self) -> list[Route]:
        v3 = "/youtube/v3"
        return [
            self.route(OAUTH, "/token", ["POST"], "token", self.token),
            self.route(OAUTH, "/revoke", ["POST"], "revoke", self.revoke),
            self.route(API, f"{v3}/channels", ["GET"], "channels", self.channels),
            self.route(API, f"{v3}/videoCategories", ["GET"], "categories", self.categories),
            self.route(API, f"/upload{v3}/videos", ["POST"], "session", self.open_session),
            self.route(API, f"/upload{v3}/videos", ["PUT"], "bytes", self.bytes),
            self.route(API, f"{v3}/videos", ["GET"], "videos", self.list_videos),
            self.route(API, f"{v3}/videos", ["PUT"], "videos_update", self.update_video),
            self.route(API, f"{v3}/videos", ["DELETE"], "videos_delete", self.delete_video),
            self.route(API, f"/upload{v3}/thumbnails/set", ["POST"], "thumbnail", self.set_thumbnail),
            self.route(API, f"{v3}/playlistItems", ["GET"], "playlist_items", self.list_playlist_items),
            self.route(API, f"{v3}/playlistItems", ["POST"], "playlist_insert", self.insert_playlist_item),
        ]

    def new_account(self, username: str, display_name: str) -> Account:
        digest = base64.urlsafe_b64encode(hashlib.sha256(username.encode()).digest()).decode()
        account = Account(self.platform, f"UC{digest[:22]}", username, display_name, dict(self.default_flags))
        self.world.accounts[self.platform, account.account_id] = account
        self.playlists["PL" + digest[:16]] = (account.account_id, [])
        return account

    # OAuth

    def consent_request(self, query: dict[str, str]) -> ConsentRequest:
        if not query.get("client_id") or query.get("response_type") != "code":
            raise ConsentRefused("client_id and response_type=code are required.")
        scopes = tuple(query.get("scope", "").split(" "))
        if unknown := [scope for scope in scopes if scope not in SCOPES]:
            raise ConsentRefused(f"invalid_scope: {', '.join(unknown)}")
        redirect = urlsplit(query.get("redirect_uri", ""))
        local = redirect.hostname in ("localhost", "127.0.0.1", "::1")
        if redirect.fragment or not redirect.hostname or (redirect.scheme != "https" and not local):
            raise ConsentRefused("redirect_uri_mismatch: https is required, except for localhost.")
        challenge = query.get("code_challenge")
        if challenge and query.get("code_challenge_method") != "S256":
            raise ConsentRefused("code_challenge_method must be S256.")
        return ConsentRequest(
            query["client_id"],
            query["redirect_uri"],
            query.get("state", ""),
            scopes,
            challenge,
            query.get("access_type") == "offline" and self._gives_refresh_token(query),
            len(scopes) > 1,
        )

    def _gives_refresh_token(self, query: dict[str, str]) -> bool:
        """A repeated consent gives one only when the page was shown on request (sheet 1.1)."""
        before = any(grant.client_id == query["client_id"] and not grant.revoked for grant in self._grants())
        return not before or "consent" in query.get("prompt", "").split(" ")

    def _grants(self) -> list[Grant]:
        return [grant for grant in self.grants.all if grant.platform == self.platform]

    def redirect_parameters(self, code: str, scopes: list[str]) -> dict[str, str]:
        return {"code": code, "scope": " ".join(scopes)}

    async def request_name(self, request: Request, name: str) -> str:
        if name == "token" and b"grant_type=refresh_token" in await request.body():
            return "refresh"
        if name == "bytes" and request.headers.get("content-range", "").startswith("bytes */"):
            return "session_status"
        return name

    async def token(self, request: Request) -> Response:
        form = {key: str(value) for key, value in (await request.form()).items()}
        client = form.get("client_id", "")
        if not self.grants.knows_app(self.platform, client, form.get("client_secret", "")):
            return _oauth_error(401, "invalid_client", "The OAuth client was not found.")
        if form.get("grant_type") == "refresh_token":
            grant = self.grants.of_refresh(form.get("refresh_token", ""))
            if grant is None or grant.client_id != client:
                return _oauth_error(400, "invalid_grant", "Token has been expired or revoked.")
            return self._issue(grant, self.settings["refresh_returns_token"])
        if form.get("grant_type") != "authorization_code":
            return _oauth_error(400, "unsupported_grant_type", "Invalid grant_type.")
        code = self.grants.redeem(form.get("code", ""))
        if code is None or code.grant.client_id != client:
            return _oauth_error(400, "invalid_grant", "Malformed auth code.")
        if code.redirect_uri != form.get("redirect_uri"):
            return _oauth_error(400, "redirect_uri_mismatch", "Bad Request")
        if code.challenge and code.challenge != _s256(form.get("code_verifier", "")):
            return _oauth_error(400, "invalid_grant", "Invalid code verifier.")
        return self._issue(code.grant, code.offline)

    def _issue(self, grant: Grant, with_refresh: bool) -> Response:
        seconds = self.settings["access_token_seconds"]
        answer: dict[str, Any] = {
            "access_token": self.grants.issue_access(grant, "ya29.", seconds),
            "expires_in": seconds,
            "scope": " ".join(sorted(grant.scopes)),
            "token_type": "Bearer",
        }
        if with_refresh:
            life = SEVEN_DAYS if self.settings["testing_mode"] else None
            answer["refresh_token"] = self.grants.issue_refresh(grant, "1//", life)
            self._drop_oldest(grant)
        return JSONResponse(answer)

    def _drop_oldest(self, new: Grant) -> None:
        """Google keeps 100 refresh tokens per account and app, and drops the oldest without a word."""
        live = [
            grant
            for grant in self._grants()
            if (grant.account_id, grant.client_id) == (new.account_id, new.client_id) and not grant.revoked
        ]
        for grant in live[:-MAX_LIVE_TOKENS]:
            grant.revoked = True

    async def revoke(self, request: Request) -> Response:
        form = await request.form()
        grant = self.grants.of_token(str(form.get("token", "")))
        if grant is None or grant.revoked:
            return _oauth_error(400, "invalid_token", "Token expired or revoked")
        # All of the user's grants to the whole project end together (sheet 1.4).
        self.grants.revoke(self.platform, grant.account_id)
        return JSONResponse({})

    # Reading

    async def channels(self, request: Request) -> Response:
        account = self._allow(request, READ_SCOPES, 1)
        if isinstance(account, Response):
            return account
        if request.query_params.get("mine") != "true":
            return self._error(400, "missingRequiredParameter", "No filter selected.")
        if account.flags["no_channel"]:
            return JSONResponse({"items": []})
        verified = account.flags["phone_verified"]
        channel = {
            "id": account.flags["other_channel"] or account.account_id,
            "snippet": {
                "title": account.display_name,
                "customUrl": f"@{account.username}",
                "thumbnails": {"medium": {"url": self.world.public_url(WWW, f"/@{account.username}/avatar.svg")}},
            },
            "contentDetails": {"relatedPlaylists": {"uploads": uploads_of(account.account_id)}},
            "status": {"longUploadsStatus": "allowed" if verified else "eligible"},
        }
        return JSONResponse({"items": [_parts(channel, request)]})

    async def categories(self, request: Request) -> Response:
        account = self._allow(request, READ_SCOPES, 1)
        if isinstance(account, Response):
            return account
        items = [
            {"id": number, "snippet": {"title": title, "assignable": number in CATEGORIES}}
            for number, title in (CATEGORIES | UNASSIGNABLE).items()
        ]
        return JSONResponse({"items": items})

    async def list_videos(self, request: Request) -> Response:
        account = self._allow(request, READ_SCOPES, 1)
        if isinstance(account, Response):
            return account
        if "part" not in request.query_params or "id" not in request.query_params:
            return self._error(400, "missingRequiredParameter", "part and id are required.")
        self.settle()
        wanted = request.query_params["id"].split(",")
        mine = [self.videos[id] for id in wanted if id in self.videos]
        mine = [video for video in mine if video.account_id == account.account_id]
        return JSONResponse({"items": [_parts(self._resource(video), request) for video in mine]})

    def _resource(self, video: Video) -> dict[str, Any]:
        processed = self._is_processed(video)
        upload_status = video.outcome[0] if video.outcome else "processed" if processed else "uploaded"
        status = {"uploadStatus": upload_status} | video.status
        if video.outcome:
            status["failureReason" if upload_status == "failed" else "rejectionReason"] = video.outcome[1]
        ending = "failed" if video.outcome else "succeeded" if processed else "processing"
        processing = {"processingStatus": ending}
        if ending == "processing":
            share = str(secrets.randbelow(100))  # it may go down, too (sheet 2.4)
            processing["processingProgress"] = {"partsTotal": "100", "partsProcessed": share, "timeLeftMs": "1000"}  # type: ignore[assignment]
        return {
            "kind": "youtube#video",
            "id": video.video_id,
            "snippet": video.snippet | {"channelId": video.account_id, "publishedAt": show(video.created_at)},
            "status": status,
            "processingDetails": processing,
            "contentDetails": {"duration": f"PT{int(video.duration)}S"},
            "fileDetails": {"fileName": video.file_name, "fileSize": str(video.upload.size)},
            "recordingDetails": video.recording,
        }

    async def list_playlist_items(self, request: Request) -> Response:
        account = self._allow(request, READ_SCOPES, 1)
        if isinstance(account, Response):
            return account
        query = request.query_params
        playlist = query.get("playlistId", "")
        if playlist == uploads_of(account.account_id):
            seen = clock.now() - timedelta(seconds=self.settings["uploads_delay_seconds"])
            mine = [v for v in self.videos.values() if v.account_id == account.account_id and v.created_at <= seen]
            ids = [video.video_id for video in sorted(mine, key=lambda v: v.created_at, reverse=True)]
        elif playlist in self.playlists:
            ids = self.playlists[playlist][1]
        else:
            return self._error(404, "playlistNotFound", "The playlist cannot be found.", "youtube.playlistItem")
        if wanted := query.get("videoId"):
            ids = [id for id in ids if id == wanted]
        limit = int(query.get("maxResults", "5"))
        items = [
            {"id": f"{playlist}.{n}", "contentDetails": {"videoId": id}, "snippet": {"playlistId": playlist}}
            for n, id in enumerate(ids[:limit])
        ]
        return JSONResponse({"items": [_parts(item, request) for item in items]})

    # Uploading

    async def open_session(self, request: Request) -> Response:
        account = self._allow(request, INSERT_SCOPES, 1, "upload_quota")
        if isinstance(account, Response):
            return account
        query, headers = request.query_params, request.headers
        if query.get("uploadType") != "resumable" or not query.get("part"):
            return self._error(400, "missingRequiredParameter", "uploadType=resumable and part are required.")
        if not headers.get("content-type", "").startswith("application/json"):
            return self._error(400, "badRequest", "The metadata must be application/json.")
        size, kind = headers.get("x-upload-content-length", ""), headers.get("x-upload-content-type", "")
        if not size.isdigit() or not (kind.startswith("video/") or kind == "application/octet-stream"):
            return self._error(400, "badRequest", "X-Upload-Content-Length and -Type are required.")
        if int(size) == 0:
            return self._error(400, "mediaBodyRequired", "The request does not include the video content.")
        if account.flags["upload_limit_reached"]:
            return self._error(400, "uploadLimitExceeded", "The user has exceeded the number of videos.")
        resource = await _json(request)
        parts = query["part"].split(",")
        if extra := set(resource) - set(parts):
            return self._error(400, "unexpectedPart", f"part does not name {', '.join(sorted(extra))}.")
        status = resource.get("status", {})
        if problem := snippet_problem(resource.get("snippet")) or status_problem(status):
            return self._error(400, *problem)
        upload_id = secrets.token_urlsafe(40)
        self.sessions[upload_id] = Session(
            upload_id,
            account.account_id,
            parts,
            resource,
            int(size),
            kind,
            headers.get("slug", "unknown"),
            self.world.new_upload(),
            clock.now(),
        )
        return Response(None, 200, {"Location": self._location(upload_id)})

    def _location(self, upload_id: str) -> str:
        return f"https://{API}/upload/youtube/v3/videos?uploadType=resumable&upload_id={upload_id}"

    async def bytes(self, request: Request) -> Response:
        session = self.sessions.get(request.query_params.get("upload_id", ""))
        life = timedelta(seconds=self.settings["session_seconds"])
        if session is None or clock.now() > session.opened_at + life:
            return Response("Not Found", self.settings["session_gone_status"])
        grant = self._bearer(request)
        if grant is None or grant.account_id != session.account_id:
            return self._error(401, "authError", "Invalid Credentials", "global")
        asked = request.headers.get("content-range")
        if asked is not None and asked.startswith("bytes */"):
            if asked != f"bytes */{session.size}":
                return self._error(400, "badRequest", "Failed to parse Content-Range header.")
            return self._answer(session)
        if session.final:
            return self._answer(session)
        return await self._receive(request, session, asked)

    async def _receive(self, request: Request, session: Session, asked: str | None) -> Response:
        match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", asked or f"bytes 0-{session.size - 1}/{session.size}")
        if match is None or int(match[3]) != session.size or int(match[2]) >= session.size:
            return self._error(400, "badRequest", "Failed to parse Content-Range header.")
        first, last = int(match[1]), int(match[2])
        length = last - first + 1
        if request.headers.get("content-length") != str(length):
            return self._error(400, "badRequest", "Content-Length does not match Content-Range.")
        if last + 1 < session.size and length % BLOCK:
            return self._error(400, "badRequest", "The chunk size must be a multiple of 256 KiB.")
        if request.headers.get("content-type") != session.content_type:
            return self._error(400, "badRequest", "Content-Type differs from X-Upload-Content-Type.")
        if first != session.upload.size:  # an overlap or a gap: nothing of it is kept
            async for _ in request.stream():
                pass
            if self.settings["gap_status"] == 308:
                return self._answer(session)
            return self._error(400, "badRequest", "The range does not follow the stored bytes.")
        with session.upload.open() as file:
            try:
                async for piece in body_pieces(request):
                    session.upload.add(file, piece)
            except Interrupted:
                pass  # whatever arrived is kept, aligned or not (sheet 2.3)
        if session.upload.size == session.size:
            await self._create(session)
        return self._answer(session)

    def _answer(self, session: Session) -> Response:
        if session.final:
            status, body = session.final
            return JSONResponse(body, status)
        headers = {}
        if session.upload.size:
            name = secrets.choice(("Range", "range"))
            headers[name] = f"bytes=0-{session.upload.size - 1}"
        if self.settings["moved_location"]:
            headers["Location"] = self._location(session.upload_id) + "&moved=1"
        return Response(None, 308, headers)

    async def _create(self, session: Session) -> None:
        """A video appears exactly when its last byte is stored."""
        media = await probe_file(session.upload.path) if self.settings["check_media"] else None
        readable = media is not None or not self.settings["check_media"]
        status = {"privacyStatus": "public"} | session.resource.get("status", {})  # the default is public
        if self.settings["forced_private"]:
            status["privacyStatus"] = "private"
        video = Video(
            secrets.token_urlsafe(8)[:11],
            session.account_id,
            {"categoryId": "22"} | session.resource["snippet"],
            status,
            session.resource.get("recordingDetails", {}),
            session.file_name,
            session.upload,
            clock.now(),
            media.duration if media else 0,
            readable,
        )
        duplicate = any(
            other.account_id == video.account_id and other.upload.sha256 == video.upload.sha256
            for other in self.videos.values()
        )
        video.outcome = self._outcome(video, duplicate)
        self.videos[video.video_id] = video
        self._show(video)
        resource = self._resource(video)
        kept = {key: value for key, value in resource.items() if key in ("kind", "id", *session.parts)}
        session.final = self.settings["final_status"], kept

    def _outcome(self, video: Video, duplicate: bool) -> tuple[str, str] | None:
        """How the processing will end, when it will end badly."""
        flags = self.account(video.account_id).flags
        if flags["outcome"]:
            return tuple(flags["outcome"])
        if not video.readable:
            return "failed", "invalidFile"
        if video.duration > 900 and not flags["phone_verified"]:
            return "rejected", "length"
        if duplicate and self.settings["reject_duplicates"]:
            return "rejected", "duplicate"
        return None

    def _is_processed(self, video: Video) -> bool:
        ready_at = video.created_at + timedelta(seconds=self.settings["processing_seconds"])
        return clock.now() >= ready_at and not self.settings["never_finish"]

    def settle(self) -> None:
        """Flips what is due to be published at its time."""
        for video in self.videos.values():
            at = parse_time(video.status.get("publishAt"))
            if at and at <= clock.now():
                video.status.pop("publishAt")
                video.status["privacyStatus"] = "public"
                self._show(video)

    def _show(self, video: Video) -> None:
        """The video as the sandbox lists it."""
        snippet = video.snippet
        self.world.add_post(
            Post(
                self.platform,
                video.account_id,
                video.video_id,
                self.world.public_url(WWW, f"/watch?v={video.video_id}"),
                snippet["title"],
                video.status["privacyStatus"],
                video.upload.path,
                video.upload.sha256,
                video.upload.size,
                video.created_at,
                {"snippet": snippet, "status": video.status, "thumbnail": video.thumbnail},
            )
        )

    # After the upload

    async def update_video(self, request: Request) -> Response:
        account = self._allow(request, WRITE_SCOPES, 50)
        if isinstance(account, Response):
            return account
        body = await _json(request)
        video = self.videos.get(str(body.get("id")))
        if video is None or video.account_id != account.account_id:
            return self._error(404, "videoNotFound", "The video cannot be found.", "youtube.video")
        if request.query_params.get("part") != "status":
            return self._error(400, "invalidVideoMetadata", "The sandbox updates part=status.")
        status = body.get("status")
        if problem := status_problem(status):
            return self._error(400, *problem)
        assert isinstance(status, dict)
        # The whole part is replaced: what is left out goes back to its default (sheet 2.7).
        video.status = {"privacyStatus": "public"} | {k: v for k, v in status.items() if k in STATUS_FIELDS}
        if self.settings["forced_private"]:
            video.status["privacyStatus"] = "private"
        self.settle()
        self._show(video)
        return JSONResponse(_parts(self._resource(video), request))

    async def delete_video(self, request: Request) -> Response:
        account = self._allow(request, WRITE_SCOPES, 50)
        if isinstance(account, Response):
            return account
        video = self.videos.get(request.query_params.get("id", ""))
        if video is None or video.account_id != account.account_id:
            return self._error(404, "videoNotFound", "The video cannot be found.", "youtube.video")
        self.forget(video.video_id)
        return Response(None, 204)

    def forget(self, video_id: str) -> None:
        self.videos.pop(video_id)
        self.world.posts.pop((self.platform, video_id), None)

    async def set_thumbnail(self, request: Request) -> Response:
        account = self._allow(request, INSERT_SCOPES, 50)
        if isinstance(account, Response):
            return account
        video = self.videos.get(request.query_params.get("videoId", ""))
        if video is None or video.account_id != account.account_id:
            return self._error(404, "videoNotFound", "The video cannot be found.", "youtube.thumbnail")
        if not account.flags["phone_verified"]:
            return self._error(403, "forbidden", "The channel may not set thumbnails.", "youtube.thumbnail")
        image = await request.body()
        if not image:
            return self._error(400, "mediaBodyRequired", "The request does not include the image.")
        is_image = image.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n"))
        if not is_image or len(image) > THUMBNAIL_MAX:
            return self._error(400, "invalidImage", "The provided image content is invalid.")
        if self._is_processed(video) and video.outcome is None:  # before that it is taken, and not applied
            video.thumbnail = hashlib.sha256(image).hexdigest()
            self._show(video)
        return JSONResponse({"kind": "youtube#thumbnailSetResponse", "items": []})

    async def insert_playlist_item(self, request: Request) -> Response:
        account = self._allow(request, WRITE_SCOPES, 50)
        if isinstance(account, Response):
            return account
        snippet = (await _json(request)).get("snippet", {})
        owner, ids = self.playlists.get(snippet.get("playlistId"), (None, []))
        if owner is None:
            return self._error(404, "playlistNotFound", "The playlist cannot be found.", "youtube.playlistItem")
        if owner != account.account_id:
            return self._error(403, "playlistItemsNotAccessible", "The playlist belongs to another channel.")
        video_id = snippet.get("resourceId", {}).get("videoId")
        if video_id not in self.videos:
            return self._error(404, "videoNotFound", "The video cannot be found.", "youtube.playlistItem")
        if len(ids) >= 5000:
            return self._error(403, "playlistContainsMaximumNumberOfVideos", "The playlist is full.")
        ids.append(video_id)
        return JSONResponse({"kind": "youtube#playlistItem", "snippet": snippet})

    # Limits

    def _allow(self, request: Request, scopes: set[str], cost: int, bucket: str = "general_quota") -> Any:
        """The account behind the request, or the answer that refuses it. Refused requests cost as well."""
        grant = self._bearer(request)
        if grant is None:
            return self._error(401, "authError", "Invalid Credentials", "global")
        day = clock.now().astimezone(PACIFIC).date().isoformat()
        key = bucket, day
        if self.settings["quotas"] and self._spent.get(key, 0) + cost > self.settings[bucket]:
            return self._error(
                self.settings["quota_status"], "quotaExceeded", "The quota is exceeded.", "youtube.quota"
            )
        self._spent[key] = self._spent.get(key, 0) + cost
        if not grant.scopes & scopes:
            return self._error(403, "insufficientPermissions", "Request had insufficient authentication scopes.")
        account = self.account(grant.account_id)
        if account.flags["suspended"]:
            return self._error(403, "authenticatedUserAccountSuspended", "The account is suspended.")
        return account

    def _bearer(self, request: Request) -> Grant | None:
        grant = self.grants.of_access(request.headers.get("authorization"))
        return grant if grant is not None and grant.platform == self.platform else None

    def _error(self, status: int, reason: str, message: str, domain: str = "youtube") -> Response:
        return error(status, reason, message, domain, self.settings["error_style"])


def uploads_of(account_id: str) -> str:
    return "UU" + account_id.removeprefix("UC")


def _parts(resource: dict[str, Any], request: Request) -> dict[str, Any]:
    """Only what `part` names, and what is always there."""
    parts = request.query_params.get("part", "").split(",")
    return {key: value for key, value in resource.items() if key in ("kind", "id", *parts)}


async def _json(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _oauth_error(status: int, code: str, description: str) -> Response:
    return JSONResponse({"error": code, "error_description": description}, status)


def _s256(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
