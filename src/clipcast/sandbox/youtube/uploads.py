"""YouTube's resumable uploads and their videos (docs/platforms/youtube.md 2.1 to 2.4, 8)."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp
from clipcast.sandbox.faults import Faults, Interrupted, body_pieces
from clipcast.sandbox.grants import Grants
from clipcast.sandbox.inputs import CONTENT_RANGE, json_object, number
from clipcast.sandbox.media.reading import Reading
from clipcast.sandbox.state import Account, Post, SandboxState, Upload
from clipcast.sandbox.youtube.oauth import Authorization
from clipcast.sandbox.youtube.rules import (
    BLOCK,
    INSERT_SCOPES,
    PARTS,
    VIDEO_MAX,
    media_failure,
    parse_time,
    snippet_problem,
    status_problem,
)

API, WWW = "www.googleapis.com", "www.youtube.com"


@dataclass
class Session:
    """A resumable upload. After its end it repeats its final response."""

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
    # The failure with which processing will end: `failed` or `rejected`, and the reason.
    outcome: tuple[str, str] | None = None
    thumbnail: str | None = None
    # Of the captions, by language and name.
    captions: dict[str, str] = field(default_factory=dict)


class Uploads(Authorization):
    """Upload sessions and the videos that they create."""

    further_requests = ("session_status",)

    def __init__(self, state: SandboxState, grants: Grants, faults: Faults) -> None:
        super().__init__(state, grants, faults)
        self.sessions: dict[str, Session] = {}
        self.videos: dict[str, Video] = {}

    async def request_name(self, request: Request, name: str) -> str:
        if name == "bytes" and request.headers.get("content-range", "").startswith("bytes */"):
            return "session_status"
        return await super().request_name(request, name)

    async def open_session(self, request: Request) -> Response:
        account = self._allow(request, INSERT_SCOPES, 1, "upload_quota")
        if isinstance(account, Response):
            return account
        query, headers = request.query_params, request.headers
        if query.get("uploadType") != "resumable" or not query.get("part"):
            return self._error(400, "missingRequiredParameter", "uploadType=resumable and part are required.")
        if not headers.get("content-type", "").startswith("application/json"):
            return self._error(400, "badRequest", "The metadata must be application/json.")
        length, kind = number(headers.get("x-upload-content-length")), headers.get("x-upload-content-type", "")
        is_video = kind.startswith("video/") or kind == "application/octet-stream"
        if length is None or length > VIDEO_MAX or not is_video:
            return self._error(400, "badRequest", "X-Upload-Content-Length and -Type are required.")
        if length == 0:
            return self._error(400, "mediaBodyRequired", "The request does not include the video content.")
        if account.flags["upload_limit_reached"] or self._uploaded_enough(account):
            return self._error(400, "uploadLimitExceeded", "The user has exceeded the number of videos.")
        resource = await json_object(request)
        parts = query["part"].split(",")
        if unknown := set(parts) - PARTS:
            return self._error(400, "unknownPart", f"There is no part {', '.join(sorted(unknown))}.")
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
            length,
            kind,
            headers.get("slug", "unknown"),
            self.state.new_upload(),
            clock.now(),
        )
        return Response(None, 200, {"Location": self._location(upload_id)})

    def _uploaded_enough(self, account: Account) -> bool:
        limit = self.settings["channel_uploads_per_day"]
        if limit is None:
            return False
        day_ago = clock.now() - timedelta(hours=24)
        mine = (one for one in self.videos.values() if one.account_id == account.account_id)
        return sum(video.created_at > day_ago for video in mine) >= int(limit)

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
        content_range = request.headers.get("content-range")
        if content_range is not None and content_range.startswith("bytes */"):
            if content_range != f"bytes */{session.size}":
                return self._error(400, "badRequest", "Failed to parse Content-Range header.")
            return self._session_response(session)
        if session.final:
            return self._session_response(session)
        return await self._receive(request, session, content_range)

    async def _receive(self, request: Request, session: Session, content_range: str | None) -> Response:
        match = CONTENT_RANGE.fullmatch(content_range or f"bytes 0-{session.size - 1}/{session.size}")
        if match is None or int(match[3]) != session.size or not int(match[1]) <= int(match[2]) < session.size:
            return self._error(400, "badRequest", "Failed to parse Content-Range header.")
        first, last = int(match[1]), int(match[2])
        length = last - first + 1
        if request.headers.get("content-length") != str(length):
            return self._error(400, "badRequest", "Content-Length does not match Content-Range.")
        if last + 1 < session.size and length % BLOCK:
            return self._error(400, "badRequest", "The chunk size must be a multiple of 256 KiB.")
        if request.headers.get("content-type") != session.content_type:
            return self._error(400, "badRequest", "Content-Type differs from X-Upload-Content-Type.")
        if first != session.upload.size:  # YouTube keeps no byte of a range that overlaps or leaves a gap
            async for _ in request.stream():
                pass
            if self.settings["gap_status"] == 308:
                return self._session_response(session)
            return self._error(400, "badRequest", "The range does not follow the stored bytes.")
        with session.upload.open() as file:
            try:
                async for piece in body_pieces(request):
                    session.upload.add(file, piece)
            except Interrupted:
                pass  # YouTube may keep any part of a failed chunk (docs/platforms/youtube.md 2.3)
        if session.upload.size == session.size:
            await self._create(session)
        return self._session_response(session)

    def _session_response(self, session: Session) -> Response:
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
        """Create the video of a complete upload and set the session's final response."""
        media = await self.read_upload(session.upload) if self.settings["check_media"] else None
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
        )
        duplicate = self.settings["reject_duplicates"] and any(
            other.account_id == video.account_id and other.upload.sha256 == video.upload.sha256
            for other in self.videos.values()
        )
        video.outcome = self._outcome(video.account_id, media, duplicate)
        self.videos[video.video_id] = video
        self._show(video)
        resource = self._resource(video)
        kept = {key: value for key, value in resource.items() if key in ("kind", "id", *session.parts)}
        session.final = self.settings["final_status"], kept

    def _outcome(self, account_id: str, media: Reading | None, duplicate: bool) -> tuple[str, str] | None:
        """Return the failure with which the video's processing will end, or None."""
        flags = self.account(account_id).flags
        if flags["outcome"]:
            return tuple(flags["outcome"])
        failure = media_failure(media, flags["phone_verified"]) if self.settings["check_media"] else None
        return failure or (("rejected", "duplicate") if duplicate else None)

    def _is_processed(self, video: Video) -> bool:
        ready_at = video.created_at + timedelta(seconds=self.settings["processing_seconds"])
        return clock.now() >= ready_at and not self.settings["never_finish"]

    def apply_due_changes(self) -> None:
        """Publish the videos whose `publishAt` has passed."""
        for video in self.videos.values():
            at = parse_time(video.status.get("publishAt"))
            if at and at <= clock.now():
                video.status.pop("publishAt")
                video.status["privacyStatus"] = "public"
                self._show(video)

    def _show(self, video: Video) -> None:
        """Add the video to the state's posts, or update its entry."""
        snippet = video.snippet
        self.state.add_post(
            Post(
                self.platform,
                video.account_id,
                video.video_id,
                self.state.public_url(WWW, f"/watch?v={video.video_id}"),
                snippet["title"],
                video.status["privacyStatus"],
                video.upload.path,
                video.upload.sha256,
                video.upload.size,
                video.created_at,
                {
                    "snippet": snippet,
                    "status": video.status,
                    "thumbnail": video.thumbnail,
                    "captions": dict(video.captions),
                },
            )
        )

    def _resource(self, video: Video) -> dict[str, Any]:
        processed = self._is_processed(video)
        upload_status = video.outcome[0] if video.outcome else "processed" if processed else "uploaded"
        status = {"uploadStatus": upload_status} | video.status
        if video.outcome:
            status["failureReason" if upload_status == "failed" else "rejectionReason"] = video.outcome[1]
        ending = "failed" if video.outcome else "succeeded" if processed else "processing"
        processing = {"processingStatus": ending}
        if ending == "processing":
            share = str(secrets.randbelow(100))  # on YouTube it may decrease (docs/platforms/youtube.md 2.4)
            processing["processingProgress"] = {"partsTotal": "100", "partsProcessed": share, "timeLeftMs": "1000"}  # type: ignore[assignment]
        return {
            "kind": "youtube#video",
            "id": video.video_id,
            "snippet": video.snippet
            | {"channelId": video.account_id, "publishedAt": format_timestamp(video.created_at)},
            "status": status,
            "processingDetails": processing,
            "contentDetails": {"duration": f"PT{int(video.duration)}S"},
            "fileDetails": {"fileName": video.file_name, "fileSize": str(video.upload.size)},
            "recordingDetails": video.recording,
        }
