"""YouTube's channels, videos, thumbnails and playlists (docs/platforms/youtube.md 2.4 to 2.7, 8)."""

import base64
import hashlib
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clipcast.clock import clock
from clipcast.sandbox.faults import Faults
from clipcast.sandbox.grants import Grants
from clipcast.sandbox.inputs import asked_number, json_object, shaped
from clipcast.sandbox.knobs import Count, Status
from clipcast.sandbox.simulator import MEDIA_KINDS, MEDIA_SETTINGS
from clipcast.sandbox.state import Account, SandboxState
from clipcast.sandbox.youtube.captions import CAPTIONS_MAX, Track, problem_of, read_upload
from clipcast.sandbox.youtube.oauth import OAUTH, SEVEN_DAYS
from clipcast.sandbox.youtube.rules import (
    CATEGORIES,
    INSERT_SCOPES,
    READ_SCOPES,
    STATUS_FIELDS,
    THUMBNAIL_MAX,
    UNASSIGNABLE,
    VIDEO_MAX,
    WRITE_SCOPES,
    status_problem,
)
from clipcast.sandbox.youtube.uploads import API, WWW, Uploads


class ResourceId(BaseModel):
    videoId: str


class ItemSnippet(BaseModel):
    playlistId: str
    resourceId: ResourceId


class PlaylistItem(BaseModel):
    """A request to add a video to a playlist."""

    snippet: ItemSnippet


class YouTube(Uploads):
    """The requests of a channel, except uploads."""

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
        **MEDIA_SETTINGS,
        "never_finish": False,
        # The maximum of videos that a channel may upload in 24 h; None: only the project's quota limits them.
        "channel_uploads_per_day": None,
        "playlist_size": 5000,
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
        "thumbnail_limit_reached": False,
        "suspended": False,
        "outcome": None,
    }
    kinds: ClassVar[dict[str, Any]] = MEDIA_KINDS | {
        "final_status": Status,
        "session_gone_status": Status,
        "gap_status": Status,
        "quota_status": Status,
        "error_style": Literal["json", "bare", "text"],
        "channel_uploads_per_day": Count | None,
        "other_channel": str | None,
        "outcome": Annotated[list[str], Field(min_length=2, max_length=2)] | None,
    }

    def __init__(self, state: SandboxState, grants: Grants, faults: Faults) -> None:
        super().__init__(state, grants, faults)
        self.playlists: dict[str, tuple[str, list[str]]] = {}

    def routes(self) -> list[Route]:
        v3 = "/youtube/v3"
        return [
            self.route(OAUTH, "/token", ["POST"], "token", self.token),
            self.route(OAUTH, "/revoke", ["POST"], "revoke", self.revoke),
            self.route(API, f"{v3}/channels", ["GET"], "channels", self.channels),
            self.route(API, f"{v3}/videoCategories", ["GET"], "categories", self.categories),
            self.route(API, f"/upload{v3}/videos", ["POST"], "session", self.open_session),
            self.route(API, f"/upload{v3}/videos", ["PUT"], "bytes", self.bytes, VIDEO_MAX),
            self.route(API, f"{v3}/playlists", ["GET"], "playlists", self.list_playlists),
            self.route(API, f"{v3}/videos", ["GET"], "videos", self.list_videos),
            self.route(API, f"{v3}/videos", ["PUT"], "videos_update", self.update_video),
            self.route(API, f"{v3}/videos", ["DELETE"], "videos_delete", self.delete_video),
            self.route(API, f"/upload{v3}/thumbnails/set", ["POST"], "thumbnail", self.set_thumbnail, THUMBNAIL_MAX),
            self.route(API, f"/upload{v3}/captions", ["POST"], "captions", self.insert_captions, CAPTIONS_MAX),
            self.route(API, f"{v3}/playlistItems", ["GET"], "playlist_items", self.list_playlist_items),
            self.route(API, f"{v3}/playlistItems", ["POST"], "playlist_insert", self.insert_playlist_item),
        ]

    def new_account(self, username: str, display_name: str) -> Account:
        digest = base64.urlsafe_b64encode(hashlib.sha256(username.encode()).digest()).decode()
        account = Account(self.platform, f"UC{digest[:22]}", username, display_name, dict(self.default_flags))
        self.state.accounts[self.platform, account.account_id] = account
        self.playlists["PL" + digest[:16]] = (account.account_id, [])
        return account

    def watched_post(self, request: Request) -> str:
        return request.query_params.get("v", "")

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
                "thumbnails": {"medium": {"url": self.state.avatar_url(WWW, account.username)}},
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
        self.apply_due_changes()
        ids = request.query_params["id"].split(",")
        mine = [self.videos[id] for id in ids if id in self.videos]
        mine = [video for video in mine if video.account_id == account.account_id]
        return JSONResponse({"items": [_parts(self._resource(video), request) for video in mine]})

    async def list_playlists(self, request: Request) -> Response:
        account = self._allow(request, READ_SCOPES, 1)
        if isinstance(account, Response):
            return account
        mine = [id for id, (owner, _) in self.playlists.items() if owner == account.account_id]
        items = [{"id": id, "snippet": {"title": f"Playlist {n}"}} for n, id in enumerate(mine, 1)]
        return JSONResponse({"items": [_parts(item, request) for item in items]})

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
        limit = asked_number(request, "maxResults", 5, most=50)
        if wanted := query.get("videoId"):
            ids = [id for id in ids if id == wanted]
        items = [
            {"id": f"{playlist}.{n}", "contentDetails": {"videoId": id}, "snippet": {"playlistId": playlist}}
            for n, id in enumerate(ids[:limit])
        ]
        return JSONResponse({"items": [_parts(item, request) for item in items]})

    async def update_video(self, request: Request) -> Response:
        account = self._allow(request, WRITE_SCOPES, 50)
        if isinstance(account, Response):
            return account
        body = await json_object(request)
        video = self.videos.get(str(body.get("id")))
        if video is None or video.account_id != account.account_id:
            return self._error(404, "videoNotFound", "The video cannot be found.", "youtube.video")
        if request.query_params.get("part") != "status":
            return self._error(400, "invalidVideoMetadata", "The sandbox updates part=status.")
        status: Any = body.get("status")
        if problem := status_problem(status):
            return self._error(400, *problem)
        # YouTube replaces the whole part. An omitted field returns to its default (docs/platforms/youtube.md 2.7).
        video.status = {"privacyStatus": "public"} | {k: v for k, v in status.items() if k in STATUS_FIELDS}
        if self.settings["forced_private"]:
            video.status["privacyStatus"] = "private"
        self.apply_due_changes()
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
        self.state.posts.pop((self.platform, video_id), None)

    async def set_thumbnail(self, request: Request) -> Response:
        account = self._allow(request, INSERT_SCOPES, 50)
        if isinstance(account, Response):
            return account
        video = self.videos.get(request.query_params.get("videoId", ""))
        if video is None or video.account_id != account.account_id:
            return self._error(404, "videoNotFound", "The video cannot be found.", "youtube.thumbnail")
        if not account.flags["phone_verified"]:
            return self._error(403, "forbidden", "The channel may not set thumbnails.", "youtube.thumbnail")
        if account.flags["thumbnail_limit_reached"]:
            return self._error(429, "uploadRateLimitExceeded", "Too many thumbnails were set.", "youtube.thumbnail")
        image = await request.body()
        if not image:
            return self._error(400, "mediaBodyRequired", "The request does not include the image.")
        is_image = image.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n"))
        if not is_image:
            return self._error(400, "invalidImage", "The provided image content is invalid.")
        if self._is_processed(video) and video.outcome is None:  # YouTube accepts an earlier one without effect
            video.thumbnail = hashlib.sha256(image).hexdigest()
            self._show(video)
        return JSONResponse({"kind": "youtube#thumbnailSetResponse", "items": []})

    async def insert_captions(self, request: Request) -> Response:
        """Add a track. A video has one of a language and name."""
        account = self._allow(request, WRITE_SCOPES, 400)
        if isinstance(account, Response):
            return account
        query = request.query_params
        if "snippet" not in query.get("part", "").split(","):
            return self._error(400, "missingRequiredParameter", "part=snippet is required.")
        sent = read_upload(request.headers.get("content-type", ""), await request.body())
        if query.get("uploadType") != "multipart" or sent is None:
            return self._error(400, "badRequest", "The sandbox takes uploadType=multipart, JSON and a file.")
        track, content = shaped(Track, sent[0]).snippet, sent[1]
        video = self.videos.get(track.videoId)
        if video is None or video.account_id != account.account_id:
            return self._error(404, "videoNotFound", "The video cannot be found.", "youtube.caption")
        if problem := problem_of(track, content):
            return self._error(400, *problem, "youtube.caption")
        key = f"{track.language} {track.name}".strip()
        if key in video.captions:
            return self._error(409, "captionExists", "The video has this caption track already.", "youtube.caption")
        video.captions[key] = content.decode("utf-8", "replace")
        self._show(video)
        return JSONResponse({"kind": "youtube#caption", "id": f"{track.videoId}.{key}", "snippet": track.model_dump()})

    async def insert_playlist_item(self, request: Request) -> Response:
        account = self._allow(request, WRITE_SCOPES, 50)
        if isinstance(account, Response):
            return account
        item = shaped(PlaylistItem, await json_object(request)).snippet
        owner, ids = self.playlists.get(item.playlistId, (None, []))
        if owner is None:
            return self._error(404, "playlistNotFound", "The playlist cannot be found.", "youtube.playlistItem")
        if owner != account.account_id:
            return self._error(403, "playlistItemsNotAccessible", "The playlist belongs to another channel.")
        video_id = item.resourceId.videoId
        if video_id not in self.videos:
            return self._error(404, "videoNotFound", "The video cannot be found.", "youtube.playlistItem")
        if len(ids) >= self.settings["playlist_size"]:
            return self._error(403, "playlistContainsMaximumNumberOfVideos", "The playlist is full.")
        ids.append(video_id)
        return JSONResponse({"kind": "youtube#playlistItem", "snippet": item.model_dump()})


def uploads_of(account_id: str) -> str:
    return "UU" + account_id.removeprefix("UC")


def _parts(resource: dict[str, Any], request: Request) -> dict[str, Any]:
    """Select the parts that the query's `part` names, and the kind and id, which are always present."""
    parts = request.query_params.get("part", "").split(",")
    return {key: value for key, value in resource.items() if key in ("kind", "id", *parts)}
