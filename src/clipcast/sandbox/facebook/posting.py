"""Facebook's Reels and Page videos (docs/platforms/facebook.md 2, 4, 5, 8)."""

import itertools
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp
from clipcast.sandbox.facebook.chunks import CHUNK, FILE_UNUSABLE, UNUSABLE_MESSAGE, Chunks
from clipcast.sandbox.facebook.oauth import WWW, Authorization
from clipcast.sandbox.facebook.rules import finish_problem, media_failure, usage
from clipcast.sandbox.graph.answers import fields_of, graph_error
from clipcast.sandbox.graph.containers import FETCHER
from clipcast.sandbox.graph.rupload import FILE_MAX, RUPLOAD, receive_rest, rupload_error
from clipcast.sandbox.graph.versions import VERSION
from clipcast.sandbox.inputs import asked_number, form_of, form_texts, number
from clipcast.sandbox.knobs import Count
from clipcast.sandbox.simulator import MEDIA_KINDS, MEDIA_SETTINGS
from clipcast.sandbox.state import Post, Upload

GRAPH = "graph.facebook.com"
DAY = timedelta(hours=24)
THUMBNAIL_MAX = 10_000_000
PHASE = re.compile(rb'upload_phase(?:=|"\r\n\r\n)(\w+)')


@dataclass
class Video:
    """A video id with its bytes. The finish request sets `form`; publishing sets `published_at`."""

    video_id: str
    page_id: str
    kind: str  # reel, video
    upload: Upload
    # The announced size. A reel's first bytes or a Page video's start request state it.
    size: int | None = None
    session: str = ""
    form: dict[str, str] | None = None
    finished_at: datetime | None = None
    published_at: datetime | None = None
    failure: int | None = None
    vertical: bool = False

    @property
    def is_whole(self) -> bool:
        return self.size is not None and self.upload.size == self.size

    @property
    def scheduled_for(self) -> datetime | None:
        seconds = (self.form or {}).get("scheduled_publish_time")
        return datetime.fromtimestamp(int(seconds), UTC) if seconds else None

    @property
    def is_draft(self) -> bool:
        form = self.form or {}
        published = form.get("published", "true") == "true" or "scheduled_publish_time" in form
        return form.get("video_state") == "DRAFT" or (self.kind == "video" and not published)


class Facebook(Authorization):
    """Pages, their videos and the processing of videos."""

    further_requests = ("chunk", "finish", "upload_status")
    default_settings: ClassVar[dict[str, Any]] = {
        "processing_seconds": 2.0,
        "never_finish": False,
        **MEDIA_SETTINGS,
        # During this time after a finish request, the status does not show that it was received.
        "finish_lag_seconds": 0.0,
        "listing_delay_seconds": 0.0,
        "listing_readable": True,
        "reels_per_day": 30,
        "refuse_duplicates": False,
        # True: a vertical Page video stays a draft until a person shares it (0.6).
        "draft_trap": False,
    }
    default_flags: ClassVar[dict[str, Any]] = {
        # The error code of the next videos, and their number; None: all videos.
        "media_failure": None,
        "media_failure_times": None,
        "not_published": None,
        "unreadable": False,
    }
    kinds: ClassVar[dict[str, Any]] = MEDIA_KINDS | {
        "media_failure": Count | None,
        "media_failure_times": Count | None,
        "not_published": str | None,
    }

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.videos: dict[str, Video] = {}
        self.numbers = itertools.count(1_200_000_000_000_001)

    def routes(self) -> list[Route]:
        chunks = Chunks(self)
        return [
            self.route(GRAPH, f"{VERSION}/oauth/access_token", ["GET", "POST"], "token", self.token),
            self.route(GRAPH, f"{VERSION}/me/permissions", ["GET", "DELETE"], "permissions", self.permissions),
            self.route(GRAPH, f"{VERSION}/me/accounts", ["GET"], "accounts", self.list_pages),
            self.route(GRAPH, f"{VERSION}/{{page}}/video_reels", ["POST"], "start", self.act_on_reel),
            self.route(GRAPH, f"{VERSION}/{{page}}/video_reels", ["GET"], "list", self.list_videos),
            self.route(GRAPH, f"{VERSION}/{{page}}/videos", ["POST"], "start_video", chunks.act, 2 * CHUNK),
            self.route(GRAPH, f"{VERSION}/{{page}}/videos", ["GET"], "list", self.list_videos),
            self.route(RUPLOAD, "/video-upload/{video}", ["POST"], "bytes", self.receive, FILE_MAX),
            self.route(RUPLOAD, f"/video-upload{VERSION}/{{video}}", ["POST"], "bytes", self.receive, FILE_MAX),
            self.route(
                GRAPH, f"{VERSION}/{{video}}/thumbnails", ["POST"], "thumbnail", self.set_thumbnail, 2 * THUMBNAIL_MAX
            ),
            self.route(GRAPH, f"{VERSION}/{{video}}/collaborators", ["POST"], "collaborator", self.invite),
            self.route(GRAPH, f"{VERSION}/{{video}}", ["GET"], "status", self.show_video),
            self.route(GRAPH, f"{VERSION}/{{video}}", ["DELETE"], "delete", self.delete_video),
        ]

    def trouble(self, host: str, path: str, status: int, message: str) -> Response:
        if host == RUPLOAD:
            return rupload_error("InvalidRequestError", message, status)
        return super().trouble(host, path, status, message)

    async def request_name(self, request: Request, name: str) -> str:
        if name in ("start", "start_video") and request.method == "POST":
            phase = PHASE.search(await request.body())
            return {b"transfer": "chunk", b"finish": "finish"}.get(phase[1] if phase else b"", name)
        if name == "status" and not self._is_whole(request.path_params["video"]):
            return "upload_status"
        return await super().request_name(request, name)

    def _is_whole(self, video_id: str) -> bool:
        return video_id in self.videos and self.videos[video_id].is_whole

    async def act_on_reel(self, request: Request) -> Response:
        page_id = request.path_params["page"]
        grant = self.page_caller(request, page_id, "pages_manage_posts")
        if isinstance(grant, Response):
            return grant
        form = await form_texts(request)
        match form.get("upload_phase"):
            case "start":
                video = self.new_video(page_id, "reel")
                # Live responses have an address with a version or without. A client must accept both.
                version = f"/{request.path_params['version']}" if int(video.video_id) % 2 else ""
                url = f"https://{RUPLOAD}/video-upload{version}/{video.video_id}"
                return JSONResponse({"video_id": video.video_id, "upload_url": url}, headers=usage(page_id))
            case "finish":
                return self.finish(page_id, self.videos.get(form.get("video_id", "")), form)
        return graph_error(100, "upload_phase must be start or finish.")

    def new_video(self, page_id: str, kind: str) -> Video:
        video = Video(str(next(self.numbers)), page_id, kind, self.state.new_upload())
        self.videos[video.video_id] = video
        return video

    async def receive(self, request: Request) -> Response:
        video = self.videos.get(request.path_params["video"])
        grant = self.page_caller(request, video.page_id if video else None, "pages_manage_posts", "oauth")
        if isinstance(grant, Response):
            return rupload_error("NotAuthorizedError", "The token is missing or wrong.", 401)
        if video is None or video.kind != "reel":
            return rupload_error("ResourceNotFound", "There is no such upload.", 404)
        if "file_url" in request.headers:
            return await self._fetch(video, request.headers["file_url"])
        error = await receive_rest(request, video.upload)
        if error is not None:
            return error
        video.size = video.upload.size
        await self.probe_file(video)
        return JSONResponse({"success": True})

    async def _fetch(self, video: Video, url: str) -> Response:
        if ".fbcdn.net" in url:
            return rupload_error("ProcessingFailedError", "The address is one of Facebook's own.")
        mark = video.upload.mark()
        with video.upload.open() as file:
            failure = await self.state.fetch(url, FETCHER, lambda piece: video.upload.add(file, piece), FILE_MAX)
        if failure:
            video.upload.rewind(mark)
            return rupload_error("ProcessingFailedError", f"The address cannot be fetched: {failure}.")
        video.size = video.upload.size
        await self.probe_file(video)
        return JSONResponse({"success": True})

    async def probe_file(self, video: Video) -> None:
        """Read the file and set the failure with which its processing will end."""
        media = await self.read_upload(video.upload)
        video.vertical = media is not None and media.height > media.width
        if self.settings["check_media"]:
            video.failure = media_failure(video.kind, media)

    def finish(self, page_id: str, video: Video | None, form: dict[str, str]) -> Response:
        """Accept the request to publish. Only the status shows the outcome (docs/platforms/facebook.md 0.4)."""
        if video is None or video.page_id != page_id:
            return graph_error(100, "video_id is required.")
        if problem := finish_problem(video.kind, form):
            return graph_error(100, problem)
        if not video.is_whole:
            return graph_error(6000, "The video is not uploaded completely.")
        if video.form is not None:
            return JSONResponse({"success": True})  # a video id becomes at most one post
        before = [one.form["description"] for one in self._finished(page_id) if one.form and "description" in one.form]
        if self.settings["refuse_duplicates"] and before[-1:] == [form.get("description")]:
            return graph_error(506, "Duplicate status message.")
        limit = self.settings["reels_per_day"]
        if video.kind == "reel" and not self.state.windows.hit(("reels", page_id), limit, DAY):
            return graph_error(613, "The Page has published as many reels as a day allows.")
        video.form, video.finished_at = form, clock.now()
        video.failure = self._injected_failure(page_id) or video.failure
        self.apply_due_changes()
        return JSONResponse({"success": True}, headers=usage(page_id))

    def _injected_failure(self, page_id: str) -> int | None:
        flags = self.account(page_id).flags
        failure: int | None = flags["media_failure"]
        if failure is not None and flags["media_failure_times"] is not None:
            flags["media_failure_times"] -= 1
            if flags["media_failure_times"] <= 0:
                flags |= {"media_failure": None, "media_failure_times": None}
        return failure

    def _finished(self, page_id: str) -> list[Video]:
        return [video for video in self.videos.values() if video.page_id == page_id and video.finished_at]

    def apply_due_changes(self) -> None:
        for video in self.videos.values():
            if video.published_at is None and (at := self._goes_live_at(video)) is not None and at <= clock.now():
                video.published_at = at
                self._post(video)

    def _goes_live_at(self, video: Video) -> datetime | None:
        """Return the time at which the video becomes visible, or None if it stays invisible."""
        if video.finished_at is None or self.settings["never_finish"] or video.failure or video.is_draft:
            return None
        if self.account(video.page_id).flags["not_published"]:
            return None
        if video.kind == "video" and video.vertical and self.settings["draft_trap"]:
            return None
        return max(self._processed_at(video), video.scheduled_for or video.finished_at)

    def _processed_at(self, video: Video) -> datetime:
        assert video.finished_at is not None
        lag = self.settings["processing_seconds"] + self.settings["finish_lag_seconds"]
        return video.finished_at + timedelta(seconds=lag)

    def _post(self, video: Video) -> None:
        assert video.form is not None
        assert video.published_at is not None
        metadata = {key: value for key, value in video.form.items() if key not in ("upload_phase", "access_token")}
        kind = "reel" if video.kind == "reel" else "watch"
        self.state.add_post(
            Post(
                self.platform,
                video.page_id,
                video.video_id,
                self.state.public_url(WWW, f"/{kind}/{video.video_id}/"),
                video.form.get("description", ""),
                "public",
                video.upload.path,
                video.upload.sha256,
                video.upload.size,
                video.published_at,
                metadata,
            )
        )

    async def show_video(self, request: Request) -> Response:
        self.apply_due_changes()
        video = self.videos.get(request.path_params["video"])
        grant = self.page_caller(request, None, "pages_read_engagement")
        if isinstance(grant, Response):
            return grant
        if video is None or video.page_id != grant.account_id or self.account(video.page_id).flags["unreadable"]:
            return graph_error(100, "Unsupported get request. Object does not exist.", 33)
        resource: dict[str, Any] = {"id": video.video_id, "published": False, "status": self._status(video)}
        if (self.platform, video.video_id) in self.state.posts:
            kind = "reel" if video.kind == "reel" else "watch"
            relative = f"/{kind}/{video.video_id}/"
            # Facebook sometimes omits the host.
            resource["permalink_url"] = relative if int(video.video_id) % 3 else f"https://{WWW}{relative}"
            resource["published"] = True
            resource["post_id"] = f"{video.page_id}_{video.video_id}"
        if video.scheduled_for and video.published_at is None:
            resource["scheduled_publish_time"] = int(video.scheduled_for.timestamp())
        return JSONResponse(fields_of(resource, request), headers=usage(video.page_id))

    def _status(self, video: Video) -> dict[str, Any]:
        """Return the phases of the video, with either spelling of the byte count (docs/platforms/facebook.md 0.10)."""
        bytes_name = "bytes_transferred" if int(video.video_id) % 2 else "bytes_transfered"
        uploading: dict[str, Any] = {
            "status": "complete" if video.is_whole else "in_progress",
            bytes_name: video.upload.size,
        }
        if video.upload.size == 0:
            uploading["status"] = "not_started"
        processing: dict[str, Any] = {"status": "not_started"}
        publishing: dict[str, Any] = {"status": "not_started"}
        status: dict[str, Any] = {"video_status": "upload_complete" if video.is_whole else "uploading"}
        lag = timedelta(seconds=self.settings["finish_lag_seconds"])
        if video.finished_at and clock.now() >= video.finished_at + lag:
            self._show_finished(video, status, processing, publishing)
        return status | {
            "uploading_phase": uploading,
            "processing_phase": processing,
            "publishing_phase": publishing,
            "copyright_check_status": {"status": "complete", "matches_found": False},
        }

    def _show_finished(
        self, video: Video, status: dict[str, Any], processing: dict[str, Any], publishing: dict[str, Any]
    ) -> None:
        if clock.now() < self._processed_at(video) or self.settings["never_finish"]:
            status["video_status"] = processing["status"] = "in_progress"
            status["video_status"] = "processing"
            return
        if failure := video.failure:
            # On Facebook, `video_status` can remain `processing` after a phase has failed (2.4).
            status["video_status"] = "processing"
            problem = {"code": failure, "message": "The sandbox set this error."}
            if failure == FILE_UNUSABLE:
                problem |= {"code": 6000, "error_subcode": failure, "message": UNUSABLE_MESSAGE}
            processing |= {"status": "error"} | ({"errors": [problem]} if failure % 2 else {"error": problem})
            return
        status["video_status"], processing["status"] = "ready", "complete"
        if reason := self.account(video.page_id).flags["not_published"]:
            publishing |= {"status": "error", "errors": [{"code": 368, "message": reason}]}
        elif video.published_at is not None:
            publishing |= {
                "status": "complete",
                "publish_status": "published",
                "publish_time": format_timestamp(video.published_at),
            }
        elif video.scheduled_for:
            publishing |= {"status": "complete", "publish_status": "scheduled"}
        else:
            publishing |= {"status": "complete", "publish_status": "draft"}

    async def list_videos(self, request: Request) -> Response:
        self.apply_due_changes()
        page_id = request.path_params["page"]
        grant = self.page_caller(request, page_id, "pages_read_engagement")
        if isinstance(grant, Response):
            return grant
        if not self.settings["listing_readable"]:
            return graph_error(100, "Unsupported get request.")
        since = asked_number(request, "since", 0)
        seen = clock.now() - timedelta(seconds=self.settings["listing_delay_seconds"])
        kind = "reel" if request.scope["path"].endswith("video_reels") else "video"
        found = [
            {"id": video.video_id, "description": (video.form or {}).get("description", "")}
            for video in reversed(self._finished(page_id))
            if video.kind == kind
            and (self.platform, video.video_id) in self.state.posts
            and video.published_at is not None
            and since <= video.published_at.timestamp()
            and video.published_at <= seen
        ]
        return JSONResponse({"data": found})

    async def set_thumbnail(self, request: Request) -> Response:
        grant = self.page_caller(request, None, "pages_manage_posts")
        if isinstance(grant, Response):
            return grant
        post = self.state.posts.get((self.platform, request.path_params["video"]))
        form = await form_of(request)
        source = form.get("source")
        if post is None or source is None or isinstance(source, str) or form.get("is_preferred") != "true":
            return graph_error(100, "source and is_preferred are required.")
        if len(await source.read()) > THUMBNAIL_MAX:
            return graph_error(100, "The picture is too large.")
        post.metadata["thumbnail"] = source.filename
        return JSONResponse({"success": True})

    async def invite(self, request: Request) -> Response:
        grant = self.page_caller(request, None, "pages_manage_posts")
        if isinstance(grant, Response):
            return grant
        post = self.state.posts.get((self.platform, request.path_params["video"]))
        target = request.query_params.get("target_id", "")
        if post is None or number(target) is None:
            return graph_error(100, "target_id is required.")
        if not self.state.windows.hit(("collaborators", grant.account_id), 10, DAY):
            return graph_error(613, "At most 10 invitations a day.")
        post.metadata.setdefault("collaborators", []).append(target)
        return JSONResponse({"success": True})

    async def delete_video(self, request: Request) -> Response:
        self.apply_due_changes()
        video = self.videos.get(request.path_params["video"])
        grant = self.page_caller(request, video.page_id if video else None, "pages_manage_posts")
        if isinstance(grant, Response):
            return grant
        if video is None:
            return graph_error(100, "Object does not exist.", 33)
        del self.videos[video.video_id]
        self.state.posts.pop((self.platform, video.video_id), None)
        return JSONResponse({"success": True})
