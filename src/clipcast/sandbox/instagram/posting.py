"""Instagram's authorization, containers and posts (docs/platforms/instagram.md 1, 2, 8)."""

import hashlib
from typing import Any, ClassVar

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp
from clipcast.sandbox.grants import Grant
from clipcast.sandbox.graph.answers import fields_of, graph_error
from clipcast.sandbox.graph.containers import FETCHER, Container, Containers
from clipcast.sandbox.graph.rupload import FILE_MAX, RUPLOAD, receive_rest, rupload_error
from clipcast.sandbox.graph.versions import VERSION
from clipcast.sandbox.inputs import asked_number, form_texts
from clipcast.sandbox.instagram.rules import SCOPES, create_problem, media_failure
from clipcast.sandbox.media.reading import Reading
from clipcast.sandbox.state import Account, Post

GRAPH, OAUTH, WWW = "graph.instagram.com", "api.instagram.com", "www.instagram.com"
FACEBOOK_GRAPH = "graph.facebook.com"
# The scopes of Facebook Login that correspond to those of Instagram Login.
FACEBOOK_SCOPES = {
    "instagram_business_basic": "instagram_basic",
    "instagram_business_content_publish": "instagram_content_publish",
}


class InstagramId(Convertor[str]):
    """An id of Instagram. Its pattern separates it from Facebook's ids on the host that both share."""

    regex = "17[0-9]{15}"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("instagram", InstagramId())


class Instagram(Containers):
    """Professional accounts, containers, Reels and Stories."""

    platform = "instagram"
    title = "Instagram"
    authorize_at = (WWW, "/oauth/authorize")
    watch_pages = ("/www.instagram.com/{kind}/{post_id}/",)
    profile_pages = ("/www.instagram.com/{username}/",)
    # Most tests name covers that do not exist.
    further_requests = ("permalink", "upload_status")
    quick_settings: ClassVar[dict[str, Any]] = {"processing_seconds": 0, "fetch_covers": False}
    known_scopes = SCOPES
    prefix = "ig"
    token_prefix = "IGAA"  # noqa: S105 - the start of each token, not a secret
    scope_publish = "instagram_business_content_publish"
    scope_limit = "instagram_business_content_publish"
    not_ready = (9007, 2207027, "Media ID is not available.")
    default_settings: ClassVar[dict[str, Any]] = Containers.container_settings | {
        "publish_quota": 50,
        "wrapped_token": False,
        # True: containers of Instagram Login accept bytes, too. The documentation is contradictory (0.3).
        "bytes_everywhere": False,
        # True: the simulator fetches covers from their addresses.
        "fetch_covers": True,
        # Meta announced 5 in December 2025. The reference still states 30.
        "hashtag_limit": 30,
    }
    default_flags: ClassVar[dict[str, Any]] = Containers.container_flags | {"blocks_but_posts": False}

    def routes(self) -> list[Route]:
        return [
            self.route(OAUTH, "/oauth/access_token", ["POST"], "token", self.token),
            self.route(GRAPH, "/access_token", ["GET"], "exchange", self.exchange),
            self.route(GRAPH, "/refresh_access_token", ["GET"], "refresh", self.refresh),
            self.route(GRAPH, f"{VERSION}/me", ["GET"], "me", self.me),
            self.route(RUPLOAD, f"/ig-api-upload{VERSION}/{{node}}", ["POST"], "bytes", self.receive, FILE_MAX),
            *(
                self.route(host, VERSION + path, methods, name, endpoint)
                for host in (GRAPH, FACEBOOK_GRAPH)
                for path, methods, name, endpoint in (
                    ("/{user:instagram}/media", ["POST"], "create", self.create),
                    ("/{user:instagram}/media", ["GET"], "posts", self.list_posts),
                    ("/{user:instagram}/stories", ["GET"], "posts", self.list_posts),
                    ("/{user:instagram}/media_publish", ["POST"], "publish", self.publish),
                    ("/{user:instagram}/content_publishing_limit", ["GET"], "limit", self.limit),
                    ("/{node:instagram}", ["GET"], "status", self.node),
                )
            ),
        ]

    async def request_name(self, request: Request, name: str) -> str:
        container = self.containers.get(request.path_params.get("node", ""))
        if name == "status" and container is not None and container.resumable and container.whole_at is None:
            return "upload_status"
        return await super().request_name(request, name)

    def trouble(self, host: str, path: str, status: int, message: str) -> Response:
        if host == RUPLOAD:
            return rupload_error("InvalidRequestError", message, status)
        if host == OAUTH:
            return JSONResponse({"error_type": "OAuthException", "code": 400, "error_message": message}, 400)
        return super().trouble(host, path, status, message)

    def caller(self, request: Request, scope: str) -> Any:
        """Return the grant of the request's token, or an error response.

        On Facebook's host, the token of a Page acts for the Instagram account that is linked to the Page.
        """
        if not request.scope["path"].startswith((f"/{FACEBOOK_GRAPH}/", f"/{RUPLOAD}/")):
            return super().caller(request, scope)
        header = request.headers.get("authorization", "").replace("OAuth ", "Bearer ")
        page = self.grants.of_access(header)
        if page is None or page.platform != "facebook" or not header.startswith("Bearer EAAP"):
            return self.dead_token()
        if FACEBOOK_SCOPES[scope] not in page.scopes:
            return graph_error(10, f"Application does not have permission for this action ({scope}).")
        username = self.state.accounts["facebook", page.account_id].username
        accounts = (one for one in self.state.accounts.values() if one.platform == self.platform)
        linked = next((one for one in accounts if one.username == username), None)
        if linked is None:
            return graph_error(100, "Unsupported request. Object does not exist.", 33)
        return Grant(self.platform, linked.account_id, page.client_id, page.scopes)

    async def receive(self, request: Request) -> Response:
        """Receive the bytes of a resumable container."""
        grant = self.caller(request, self.scope_publish)
        if isinstance(grant, Response) or not request.headers["authorization"].startswith("OAuth "):
            return rupload_error("NotAuthorizedError", "The token is missing or wrong.")
        container = self.containers.get(request.path_params["node"])
        if container is None or container.account_id != grant.account_id or not container.resumable:
            return rupload_error("ResourceNotFound", "There is no such upload.", 404)
        error = await receive_rest(request, container.upload)
        if error is not None:
            return error
        container.size, container.whole_at = container.upload.size, clock.now()
        await self.probe_file(container)
        return JSONResponse({"success": True, "message": "Upload successful."})

    def new_account(self, username: str, display_name: str) -> Account:
        number = 17_841_400_000_000_000 + int(hashlib.sha256(username.encode()).hexdigest()[:10], 16)
        account = Account(self.platform, str(number), username, display_name, dict(self.default_flags))
        self.state.accounts[self.platform, account.account_id] = account
        return account

    async def token(self, request: Request) -> Response:
        grant = self.redeem(await form_texts(request))
        if isinstance(grant, str):
            body = {"error_type": "OAuthException", "code": 400, "error_message": grant}
            return JSONResponse(body, 400)
        scoped = str(int(grant.account_id) - 10_000_000_000)
        issued = {
            "access_token": self.issue(grant, long=False),
            "user_id": int(scoped),
            "permissions": ",".join(sorted(grant.scopes)),
        }
        return JSONResponse({"data": [issued]} if self.settings["wrapped_token"] else issued)

    async def me(self, request: Request) -> Response:
        grant = self.caller(request, "instagram_business_basic")
        if isinstance(grant, Response):
            return grant
        account = self.account(grant.account_id)
        profile = {
            "id": str(int(account.account_id) - 10_000_000_000),
            "user_id": account.account_id,
            "username": account.username,
            "name": account.display_name,
            "account_type": "MEDIA_CREATOR",
            "profile_picture_url": self.state.avatar_url(WWW, account.username),
        }
        return JSONResponse(fields_of(profile, request))

    async def create(self, request: Request) -> Response:
        grant = self.caller(request, self.scope_publish)
        if isinstance(grant, Response):
            return grant
        if request.path_params["user"] != grant.account_id:
            return graph_error(100, "Unsupported post request. Object does not exist.", 33)
        form = await form_texts(request)
        if problem := create_problem(form, self.settings["hashtag_limit"]):
            code, subcode, message = problem
            return graph_error(code, message, subcode)
        by_facebook = request.scope["path"].startswith(f"/{FACEBOOK_GRAPH}/")
        if form.get("upload_type") and not (by_facebook or self.settings["bytes_everywhere"]):
            return graph_error(100, "upload_type is for Facebook Login only.")
        cover = form.get("cover_url")
        if cover and self.settings["fetch_covers"] and await self.state.fetch(cover, FETCHER):
            return graph_error(9004, "The media could not be fetched from this URI.", 2207052)
        container = await self.make(grant.account_id, form)
        body = {"id": container.container_id}
        if container.resumable:
            version = request.path_params["version"]
            body["uri"] = f"https://{RUPLOAD}/ig-api-upload/{version}/{container.container_id}"
        return JSONResponse(body)

    async def publish(self, request: Request) -> Response:
        response = await self.publish_container(request)
        grant = self.caller(request, self.scope_publish)
        if not isinstance(grant, Response) and self.account(grant.account_id).flags["blocks_but_posts"]:
            # The post is live all the same (docs/platforms/instagram.md 0.5).
            return graph_error(4, "Action is blocked.", 2207051)
        return response

    async def node(self, request: Request) -> Response:
        grant = self.caller(request, "instagram_business_basic")
        if isinstance(grant, Response):
            return grant
        node = request.path_params["node"]
        container = self.containers.get(node)
        if container is not None and container.account_id == grant.account_id:
            status = self.status_of(container)
            sentence = (
                f"{status}: the video failed with error code {container.failure}" if status == "ERROR" else status
            )
            about = {"id": node, "status_code": status, "status": sentence}
            if container.resumable:
                whole = container.whole_at is not None
                phase = {"status": "complete" if whole else "in_progress", "bytes_transferred": container.upload.size}
                about["video_status"] = {"uploading_phase": phase, "processing_phase": {"status": "in_progress"}}
            return JSONResponse(fields_of(about, request))
        post = self.state.posts.get((self.platform, node))
        if post is None or post.account_id != grant.account_id:
            return graph_error(100, "Unsupported get request. Object does not exist.", 33)
        return JSONResponse(fields_of(_shown(post), request))

    async def list_posts(self, request: Request) -> Response:
        grant = self.caller(request, "instagram_business_basic")
        if isinstance(grant, Response):
            return grant
        kind = "STORIES" if request.scope["path"].endswith("/stories") else "REELS"
        found = self.listed(grant.account_id, asked_number(request, "since", 0))
        posts = [fields_of(_shown(post), request) for c, post in found if c.form["media_type"] == kind]
        return JSONResponse({"data": posts})

    def fetch_failure(self) -> str:
        return "2207077"

    def media_failure(self, media: Reading | None, form: dict[str, str]) -> str | None:
        return media_failure(media, form)

    def restricted(self) -> Response:
        return graph_error(25, "The account is restricted.", 2207050)

    def over_quota(self) -> Response:
        return graph_error(9, "The daily publishing limit is reached.", 2207042)

    def post_of(self, container: Container, account: Account, media_id: str) -> Post:
        form = {key: value for key, value in container.form.items() if key not in ("video_url", "upload_type")}
        kind = "stories" if form["media_type"] == "STORIES" else "reel"
        return Post(
            self.platform,
            account.account_id,
            media_id,
            self.state.public_url(WWW, f"/{kind}/{media_id}/"),
            form.get("caption", ""),
            "public",
            container.upload.path,
            container.upload.sha256,
            container.upload.size,
            self.published_at[media_id],
            form,
        )


def _shown(post: Post) -> dict[str, Any]:
    return {
        "id": post.post_id,
        "media_type": "VIDEO",
        "media_product_type": "STORY" if post.metadata["media_type"] == "STORIES" else "REELS",
        "caption": post.caption,
        "timestamp": format_timestamp(post.created_at),
        "shortcode": post.post_id,
        "permalink": f"https://{WWW}/{post.url.split('/', 4)[4]}",
    }
