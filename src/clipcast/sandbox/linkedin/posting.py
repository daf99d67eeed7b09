"""LinkedIn's Videos and Posts APIs (docs/platforms/linkedin.md 2, 5, 8)."""

import hashlib
import itertools
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clipcast.clock import clock
from clipcast.sandbox.faults import Interrupted, body_pieces
from clipcast.sandbox.grants import Grant
from clipcast.sandbox.inputs import asked_number, at_most, form_of, json_object, number, shaped
from clipcast.sandbox.linkedin.oauth import WWW, Authorization, error
from clipcast.sandbox.linkedin.rules import (
    COMMENTARY_MAX,
    MARKED_UP_MAX,
    CaptionsAbout,
    Finalize,
    FinalizeRequest,
    Initialize,
    InitializeRequest,
    PostRequest,
    is_accepted,
    is_srt,
    visible_text,
)
from clipcast.sandbox.simulator import MEDIA_SETTINGS
from clipcast.sandbox.state import Account, Post, Upload

API = "api.linkedin.com"
PART = 4 * 1024 * 1024
CAPTIONS_MAX = 1024 * 1024
UPLOAD_LIFETIME = timedelta(days=30)
DUPLICATE_WINDOW = timedelta(minutes=10)


@dataclass
class Video:
    urn: str
    account_id: str
    size: int
    token: str
    opened_at: datetime
    parts: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    upload: Upload | None = None
    finalized_at: datetime | None = None
    failed: bool = False
    # Whether captions were announced, and the captions that came.
    announces_captions: bool = False
    captions: str | None = None

    @property
    def count(self) -> int:
        return -(-self.size // PART)


class LinkedIn(Authorization):
    """Members, pages, videos and posts."""

    further_requests = ("finalize",)
    default_settings: ClassVar[dict[str, Any]] = {
        "processing_seconds": 2.0,
        "never_finish": False,
        **MEDIA_SETTINGS,
        "refresh_tokens": True,
        "active_versions": ["202608", "202609", "202610", "202611"],
        "members_read_videos": True,
        "omit_post_id": False,
        "listing_delay_seconds": 0.0,
    }
    # `members`: the role of each member on this page. An account without entries is itself a member.
    default_flags: ClassVar[dict[str, Any]] = {"refuses_media": False, "members": {}}

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.videos: dict[str, Video] = {}
        self._numbers = itertools.count(7_200_000_000_000_000_001)

    def routes(self) -> list[Route]:
        return [
            self.route(WWW, "/oauth/v2/accessToken", ["POST"], "token", self.token),
            self.route(WWW, "/oauth/v2/revoke", ["POST"], "revoke", self.revoke),
            self.route(API, "/rest/organizationAcls", ["GET"], "organizations", self.acls),
            self.route(API, "/rest/organizations/{id}", ["GET"], "organization", self.organization),
            self.route(API, "/v2/userinfo", ["GET"], "userinfo", self.userinfo),
            self.route(API, "/rest/videos", ["POST"], "initialize", self.act_on_video),
            self.route(API, "/rest/videos/{urn}", ["GET"], "video_status", self.video_status),
            self.route(WWW, "/dms-uploads/{video}/{part}", ["PUT"], "part", self.part, PART),
            self.route(WWW, "/dms-captions/{video}", ["POST"], "captions", self.take_captions, CAPTIONS_MAX),
            self.route(API, "/rest/posts", ["POST"], "post", self.create_post),
            self.route(API, "/rest/posts", ["GET"], "finder", self.find_posts),
            self.route(API, "/rest/posts/{urn}", ["DELETE"], "delete", self.delete_post),
        ]

    async def request_name(self, request: Request, name: str) -> str:
        if name == "initialize" and request.query_params.get("action") == "finalizeUpload":
            return "finalize"
        return await super().request_name(request, name)

    def new_account(self, username: str, display_name: str) -> Account:
        """Create a member and a page of the member."""
        account_id = hashlib.sha256(username.encode()).hexdigest()[:10]
        account = self._add(account_id, username, display_name, {})
        page_id = str(int(account_id, 16))
        self._add(page_id, f"{username}.company", f"{display_name} Ltd", {account_id: "ADMINISTRATOR"})
        return account

    def _add(self, account_id: str, username: str, display_name: str, members: dict[str, str]) -> Account:
        flags = self.default_flags | {"members": members}
        account = Account(self.platform, account_id, username, display_name, flags)
        self.state.accounts[self.platform, account_id] = account
        return account

    def _pages_of(self, member_id: str) -> list[Account]:
        accounts = (one for one in self.state.accounts.values() if one.platform == self.platform)
        return [account for account in accounts if member_id in account.flags["members"]]

    def _acting_as(self, grant: Grant, urn: object) -> str | None:
        """Return the id of the URN's account if the caller may act for it, or None."""
        if urn == f"urn:li:person:{grant.account_id}" and "w_member_social" in grant.scopes:
            return grant.account_id
        pages = self._pages_of(grant.account_id) if "w_organization_social" in grant.scopes else []
        return next((page.account_id for page in pages if urn == f"urn:li:organization:{page.account_id}"), None)

    async def acls(self, request: Request) -> Response:
        grant = self.caller(request, "rw_organization_admin", "r_organization_admin")
        if isinstance(grant, Response):
            return grant
        if request.query_params.get("q") != "roleAssignee":
            return error(400, "MISSING_FIELD", "q=roleAssignee is required")
        elements = [
            {
                "organization": f"urn:li:organization:{page.account_id}",
                "role": page.flags["members"][grant.account_id],
                "state": "APPROVED",
            }
            for page in self._pages_of(grant.account_id)
        ]
        return JSONResponse({"elements": elements, "paging": {"start": 0, "count": 100}})

    async def organization(self, request: Request) -> Response:
        grant = self.caller(request, "rw_organization_admin", "r_organization_admin")
        if isinstance(grant, Response):
            return grant
        page = self.state.accounts.get((self.platform, request.path_params["id"]))
        if page is None or not page.flags["members"]:
            return error(404, "NOT_FOUND", "The organization is unknown")
        about = {"id": int(page.account_id), "vanityName": page.username, "localizedName": page.display_name}
        return JSONResponse(about)

    async def userinfo(self, request: Request) -> Response:
        grant = self.caller(request, "openid", versioned=False)
        if isinstance(grant, Response):
            return grant
        account = self.account(grant.account_id)
        picture = self.state.avatar_url(WWW, account.username)
        return JSONResponse({"sub": account.account_id, "name": account.username, "picture": picture})

    async def act_on_video(self, request: Request) -> Response:
        grant = self.caller(request, "w_member_social", "w_organization_social")
        if isinstance(grant, Response):
            return grant
        body = await json_object(request)
        if request.query_params.get("action") == "initializeUpload":
            return self._initialize(grant, shaped(Initialize, body).initializeUploadRequest)
        if request.query_params.get("action") == "finalizeUpload":
            return await self._finalize(grant, shaped(Finalize, body).finalizeUploadRequest)
        return error(400, "MISSING_FIELD", "An action is required")

    def _initialize(self, grant: Grant, wanted: InitializeRequest) -> Response:
        account_id = self._acting_as(grant, wanted.owner)
        if account_id is None:
            return error(403, "ACCESS_DENIED", "The owner is not the caller")
        size = wanted.fileSizeBytes
        if not 75_000 <= size <= 500_000_000:
            return error(400, "INVALID_VALUE_FOR_FIELD", "The size is out of range")
        name = secrets.token_urlsafe(12)
        # The token is never empty, so a client that sends an empty one fails.
        video = Video(f"urn:li:video:{name}", account_id, size, secrets.token_urlsafe(8), clock.now())
        video.announces_captions = wanted.uploadCaptions
        self.videos[video.urn] = video
        instructions = [
            {
                "uploadUrl": f"https://{WWW}/dms-uploads/{name}/{n}?upload_id={secrets.token_urlsafe(12)}",
                "firstByte": n * PART,
                "lastByte": min(size, (n + 1) * PART) - 1,
            }
            for n in range(video.count)
        ]
        value = {
            "video": video.urn,
            "uploadToken": video.token,
            "uploadUrlsExpireAt": int((clock.now() + UPLOAD_LIFETIME).timestamp() * 1000),
            "uploadInstructions": instructions,
        }
        if wanted.uploadCaptions:
            value["captionsUploadUrl"] = f"https://{WWW}/dms-captions/{name}?upload_id={secrets.token_urlsafe(12)}"
        return JSONResponse({"value": value})

    async def take_captions(self, request: Request) -> Response:
        """Store the captions of an announced video, before it is finalized."""
        video = self.videos.get(f"urn:li:video:{request.path_params['video']}")
        if video is None or not video.announces_captions:
            return Response("unknown upload", 404)
        form = await form_of(request)
        about, file = form.get("metadata"), form.get("file")
        if not isinstance(about, str) or not isinstance(file, UploadFile):
            return Response("metadata and file are required", 400)
        try:
            CaptionsAbout.model_validate_json(about)
        except ValidationError:
            return Response("the metadata is not that of English captions", 400)
        content = await file.read()
        if not is_srt(content):
            return Response("the file is not SRT", 400)
        video.captions = content.decode()
        return Response(None, 201)

    async def part(self, request: Request) -> Response:
        video = self.videos.get(f"urn:li:video:{request.path_params['video']}")
        part = number(request.path_params["part"])
        if video is None or part is None or part >= video.count:
            return Response("unknown upload", 404)
        if "authorization" in request.headers:
            return Response("an access token was sent to the upload host", 400)
        if clock.now() > video.opened_at + UPLOAD_LIFETIME:
            return Response("the upload url has expired", 403)
        try:
            content = await at_most(body_pieces(request), PART)
        except Interrupted:
            return Response("incomplete", 400)
        if content is None or len(content) != min(video.size, (part + 1) * PART) - part * PART:
            return Response("the part has not its announced length", 400)
        etag = f"/ambry-video/signedId/{hashlib.sha256(content).hexdigest()}"
        video.parts[part] = etag, content
        return Response(None, 200, {"ETag": f'"{etag}"'})

    async def _finalize(self, grant: Grant, wanted: FinalizeRequest) -> Response:
        video = self.videos.get(wanted.video)
        if video is None or not self._owns(grant, video):
            return error(400, "INVALID_VIDEO_ID", "The video is unknown")
        if wanted.uploadToken != video.token:
            return error(400, "INVALID_VALUE_FOR_FIELD", "The uploadToken is wrong")
        if video.finalized_at:
            return Response(None, 200)
        parts = dict(video.parts.values())
        etags = wanted.uploadedPartIds
        if len(etags) != video.count or any(etag not in parts for etag in etags):
            return error(400, "INVALID_VALUE_FOR_FIELD", "Parts are missing")
        video.upload = self.state.new_upload()
        with video.upload.open() as file:
            for etag in etags:  # in the order of the request: a wrong order breaks the video without an error
                video.upload.add(file, parts[etag])
        video.finalized_at = clock.now()
        video.parts = {}
        if self.settings["check_media"]:
            video.failed = not is_accepted(await self.read_upload(video.upload))
        return Response(None, 200)

    async def video_status(self, request: Request) -> Response:
        grant = self.caller(request, "w_member_social", "w_organization_social")
        if isinstance(grant, Response):
            return grant
        if not self.settings["members_read_videos"] and "w_member_social" in grant.scopes:
            return error(403, "ACCESS_DENIED", "Accessing this video resource is forbidden", 100)
        video = self.videos.get(request.path_params["urn"])
        if video is None or not self._owns(grant, video):
            return error(404, "NOT_FOUND", "The video is unknown")
        return JSONResponse({"id": video.urn, "status": self._status(video)})

    def _owns(self, grant: Grant, video: Video) -> bool:
        """Return whether the caller may act for the video's account."""
        kinds = ("person", "organization")
        return any(self._acting_as(grant, f"urn:li:{kind}:{video.account_id}") for kind in kinds)

    def _status(self, video: Video) -> str:
        if video.finalized_at is None:
            return "WAITING_UPLOAD"
        ready_at = video.finalized_at + timedelta(seconds=self.settings["processing_seconds"])
        waits = video.announces_captions and video.captions is None  # announced captions must come
        if clock.now() < ready_at or waits or self.settings["never_finish"]:
            return "PROCESSING"
        failed = video.failed or self.account(video.account_id).flags["refuses_media"]
        return "PROCESSING_FAILED" if failed else "AVAILABLE"

    async def create_post(self, request: Request) -> Response:
        grant = self.caller(request, "w_member_social", "w_organization_social")
        if isinstance(grant, Response):
            return grant
        body = await json_object(request)
        required = ("author", "commentary", "visibility", "distribution", "content", "lifecycleState")
        if missing := [name for name in required if name not in body]:
            return error(400, "MISSING_FIELD", f"{', '.join(missing)}: missing")
        wanted = shaped(PostRequest, body)
        author = self._acting_as(grant, wanted.author)
        if author is None:
            return error(400, "INVALID_URN_ID", "The caller may not write for the author")
        if problem := self._post_problem(wanted, author):
            return problem
        video = self.videos[wanted.content.media.id]
        commentary = visible_text(wanted.commentary)
        for post in self.state.posts_of(self.platform, author):
            recent = post.created_at > clock.now() - DUPLICATE_WINDOW
            if recent and post.caption == commentary and post.metadata["video"] == video.urn:
                return error(422, "DUPLICATE_POST", f"Content is a duplicate of {post.post_id}")
        urn = f"urn:li:ugcPost:{next(self._numbers)}"
        assert video.upload is not None
        self.state.add_post(
            Post(
                self.platform,
                author,
                urn,
                self.state.public_url(WWW, f"/feed/update/{urn}/"),
                commentary,
                wanted.visibility,
                video.upload.path,
                video.upload.sha256,
                video.upload.size,
                clock.now(),
                {"video": video.urn, "title": wanted.content.media.title, "captions": video.captions},
            )
        )
        return Response(None, 201, {} if self.settings["omit_post_id"] else {"x-restli-id": urn})

    def _post_problem(self, wanted: PostRequest, account_id: str) -> Response | None:
        if "organization" in wanted.author and wanted.visibility != "PUBLIC":
            return error(400, "INVALID_VALUE_FOR_FIELD", "A page's posts are PUBLIC")
        if len(wanted.commentary) > MARKED_UP_MAX or len(visible_text(wanted.commentary)) > COMMENTARY_MAX:
            return error(400, "FIELD_LENGTH_TOO_LONG", "The commentary is too long")
        video = self.videos.get(wanted.content.media.id)
        if video is None or video.account_id != account_id:
            return error(400, "INVALID_VIDEO_ID", "The video is unknown")
        status = self._status(video)
        if status == "PROCESSING_FAILED":
            return error(400, "MEDIA_ASSET_PROCESSING_FAILED", "The video could not be processed")
        if status != "AVAILABLE":
            return error(400, "MEDIA_ASSET_WAITING_UPLOAD", "The video is not ready")
        return None

    async def find_posts(self, request: Request) -> Response:
        """List a page's posts, newest first. The token needs the scope to read them."""
        grant = self.caller(request, "r_organization_social")
        if isinstance(grant, Response):
            return grant
        query = request.query_params
        author = self._acting_as(grant, query.get("author"))
        if query.get("q") != "author" or request.headers.get("x-restli-method") != "FINDER" or author is None:
            return error(403, "ACCESS_DENIED", "Not enough permissions to access: r_member_social", 100)
        lag = clock.now() - timedelta(seconds=self.settings["listing_delay_seconds"])
        found = [post for post in self.state.posts_of(self.platform, author)[::-1] if post.created_at <= lag]
        elements = [{"id": post.post_id, "content": {"media": {"id": post.metadata["video"]}}} for post in found][
            : asked_number(request, "count", 10, most=100)
        ]
        return JSONResponse({"elements": elements})

    async def delete_post(self, request: Request) -> Response:
        grant = self.caller(request, "w_member_social", "w_organization_social")
        if isinstance(grant, Response):
            return grant
        post = self.state.posts.get((self.platform, request.path_params["urn"]))
        if post is not None and post.account_id == grant.account_id:
            self.state.remove_post(post)
        return Response(None, 204)
