"""Quillmere's videos: created, uploaded, processed, published once."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clipcast.clock import clock
from clipcast.sandbox.faults import Interrupted, body_pieces
from clipcast.sandbox.inputs import json_object, shaped
from clipcast.sandbox.media import read_media
from clipcast.sandbox.state import Account, Post, Upload
from clipcast_platform_quillmere.sandbox.oauth import WWW, Authorization, error

API = "api.quillmere.example"
FILE_MAX = 300_000_000


class NewVideo(BaseModel):
    bytes: int = Field(gt=0, le=FILE_MAX)


class Publication(BaseModel):
    caption: str = Field(max_length=280)
    audience: Literal["everyone", "followers"]


@dataclass
class Video:
    id: str
    account_id: str
    size: int
    upload: Upload | None = None
    uploaded_at: datetime | None = None
    failed: bool = False
    url: str | None = None


class Quillmere(Authorization):
    """Accounts and videos."""

    default_settings: ClassVar[dict[str, Any]] = {"processing_seconds": 2.0, "never_finish": False, "check_media": True}
    default_flags: ClassVar[dict[str, Any]] = {"refuses_media": False}

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.videos: dict[str, Video] = {}

    def routes(self) -> list[Route]:
        return [
            self.route(API, "/v1/oauth/token", ["POST"], "token", self.token),
            self.route(API, "/v1/oauth/revoke", ["POST"], "revoke", self.revoke),
            self.route(API, "/v1/me", ["GET"], "me", self.me),
            self.route(API, "/v1/videos", ["POST"], "create", self.create),
            self.route(API, "/v1/videos/{id}", ["GET"], "status", self.status),
            self.route(API, "/v1/videos/{id}/file", ["PUT"], "file", self.receive, FILE_MAX),
            self.route(API, "/v1/videos/{id}/publish", ["POST"], "publish", self.publish),
        ]

    def new_account(self, username: str, display_name: str) -> Account:
        account_id = "qm" + hashlib.sha256(username.encode()).hexdigest()[:12]
        account = Account(self.platform, account_id, username, display_name, dict(self.default_flags))
        self.state.accounts[self.platform, account_id] = account
        return account

    async def me(self, request: Request) -> Response:
        grant = self.caller(request, "profile.read")
        if isinstance(grant, Response):
            return grant
        account = self.account(grant.account_id)
        names = {"name": account.username, "display_name": account.display_name}
        return JSONResponse({"id": account.account_id} | names)

    async def create(self, request: Request) -> Response:
        grant = self.caller(request, "video.write")
        if isinstance(grant, Response):
            return grant
        wanted = shaped(NewVideo, await json_object(request))
        video = Video(secrets.token_hex(8), grant.account_id, wanted.bytes)
        self.videos[video.id] = video
        return JSONResponse({"id": video.id}, 201)

    async def receive(self, request: Request) -> Response:
        video = self._video(request)
        if isinstance(video, Response):
            return video
        if video.url is not None:
            return error(409, "already_published", "The video was published.")
        upload = self.state.new_upload()
        try:
            with upload.open() as file:
                async for piece in body_pieces(request):
                    upload.add(file, piece)
        except Interrupted:
            return error(400, "bad_file", "The file is incomplete.")
        if upload.size != video.size:
            return error(400, "bad_file", "The file has not the announced size.")
        video.upload, video.uploaded_at = upload, clock.now()
        if self.settings["check_media"]:
            video.failed = await read_media(upload) is None
        return Response(None, 204)

    async def status(self, request: Request) -> Response:
        video = self._video(request)
        if isinstance(video, Response):
            return video
        return JSONResponse({"id": video.id, "status": self._status(video)} | ({"url": video.url} if video.url else {}))

    async def publish(self, request: Request) -> Response:
        video = self._video(request)
        if isinstance(video, Response):
            return video
        wanted = shaped(Publication, await json_object(request))
        if self._status(video) != "ready" or video.upload is None:
            return error(409, "not_ready", f"The video is {self._status(video)}.")
        video.url = f"https://{WWW}/v/{video.id}"
        self.state.add_post(
            Post(
                self.platform,
                video.account_id,
                video.id,
                self.state.public_url(WWW, f"/v/{video.id}"),  # the sandbox serves the page
                wanted.caption,
                wanted.audience,
                video.upload.path,
                video.upload.sha256,
                video.upload.size,
                clock.now(),
                {},
            )
        )
        return JSONResponse({"id": video.id, "url": video.url})

    def _video(self, request: Request) -> Video | Response:
        """Return the video of the path, or an error response to a caller that does not own it."""
        grant = self.caller(request, "video.write")
        if isinstance(grant, Response):
            return grant
        video = self.videos.get(request.path_params["id"])
        if video is None or video.account_id != grant.account_id:
            return error(404, "unknown_video", "The account has no such video.")
        return video

    def _status(self, video: Video) -> str:
        if video.url is not None:
            return "published"
        if video.uploaded_at is None:
            return "empty"
        if video.failed or self.account(video.account_id).flags["refuses_media"]:
            return "failed"
        ready_at = video.uploaded_at + timedelta(seconds=self.settings["processing_seconds"])
        return "processing" if clock.now() < ready_at or self.settings["never_finish"] else "ready"
