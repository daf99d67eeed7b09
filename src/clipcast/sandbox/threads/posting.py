"""Threads' authorization, containers and posts (docs/platforms/threads.md 1, 2, 8)."""

import hashlib
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clipcast.common.timestamps import format_timestamp
from clipcast.sandbox.graph.answers import fields_of, graph_error
from clipcast.sandbox.graph.containers import Container, Containers
from clipcast.sandbox.inputs import asked_number, form_texts
from clipcast.sandbox.media.reading import Reading
from clipcast.sandbox.state import Account, Post
from clipcast.sandbox.threads.rules import SCOPES, create_problem, media_failure

GRAPH, WWW = "graph.threads.net", "www.threads.com"


class Threads(Containers):
    """Profiles, containers and posts."""

    platform = "threads"
    title = "Threads"
    authorize_at = ("threads.com", "/oauth/authorize")
    watch_pages = ("/www.threads.com/@{username}/post/{post_id}",)
    known_scopes = SCOPES
    prefix = "th"
    token_prefix = "THAA"  # noqa: S105 - the start of each token, not a secret
    scope_publish = "threads_content_publish"
    scope_limit = "threads_basic"
    not_ready = (24, 4279009, "The requested resource does not exist: media not found.")
    default_settings: ClassVar[dict[str, Any]] = Containers.container_settings | {
        "testers_only": False,
        # Meta documents 128 kbit/s without a tolerance. A publishing tool found that 126 to 130 kbit/s pass. Whether
        # quiet sound may have less is unknown.
        "check_sound_rate": True,
    }
    default_flags: ClassVar[dict[str, Any]] = Containers.container_flags | {"tester": True}

    def routes(self) -> list[Route]:
        v1 = "/v1.0"
        return [
            self.route(GRAPH, "/oauth/access_token", ["POST"], "token", self.token),
            self.route(GRAPH, "/access_token", ["GET"], "exchange", self.exchange),
            self.route(GRAPH, "/refresh_access_token", ["GET"], "refresh", self.refresh),
            self.route(GRAPH, f"{v1}/debug_token", ["GET"], "debug_token", self.debug_token),
            self.route(GRAPH, f"{v1}/me", ["GET"], "me", self.me),
            self.route(GRAPH, f"{v1}/me/threads", ["GET"], "posts", self.list_posts),
            self.route(GRAPH, f"{v1}/{{user}}/threads", ["POST"], "create", self.create),
            self.route(GRAPH, f"{v1}/{{user}}/threads_publish", ["POST"], "publish", self.publish_container),
            self.route(GRAPH, f"{v1}/{{user}}/threads_publishing_limit", ["GET"], "limit", self.limit),
            self.route(GRAPH, f"{v1}/{{node}}", ["GET"], "status", self.node),
            self.route(GRAPH, f"{v1}/{{node}}", ["DELETE"], "delete", self.delete),
        ]

    def new_account(self, username: str, display_name: str) -> Account:
        number = int(hashlib.sha256(username.encode()).hexdigest()[:15], 16) + 2**53
        account = Account(self.platform, str(number), username, display_name, dict(self.default_flags))
        self.state.accounts[self.platform, account.account_id] = account
        return account

    async def token(self, request: Request) -> Response:
        grant = self.redeem(await form_texts(request))
        if isinstance(grant, str):
            return graph_error(100, grant)
        if self.settings["testers_only"] and not self.account(grant.account_id).flags["tester"]:
            message = "The user has not accepted the invite to test the app."
            return JSONResponse({"error_message": message, "error_code": 1349245}, 400)
        # Threads returns a number, not text, and it exceeds 2^53: a client must not read it as a float.
        return JSONResponse({"access_token": self.issue(grant, long=False), "user_id": int(grant.account_id)})

    async def debug_token(self, request: Request) -> Response:
        grant = self.grants.of_access(f"Bearer {request.query_params.get('input_token', '')}")
        if grant is None:
            return self.dead_token()
        data = {"is_valid": True, "scopes": sorted(grant.scopes), "user_id": grant.account_id, "type": "USER"}
        return JSONResponse({"data": data})

    async def me(self, request: Request) -> Response:
        grant = self.caller(request, "threads_basic")
        if isinstance(grant, Response):
            return grant
        account = self.account(grant.account_id)
        profile = {
            "id": account.account_id,
            "username": account.username,
            "name": account.display_name,
            "threads_profile_picture_url": self.state.avatar_url(WWW, account.username),
        }
        return JSONResponse(fields_of(profile, request))

    async def create(self, request: Request) -> Response:
        grant = self.caller(request, self.scope_publish)
        if isinstance(grant, Response):
            return grant
        if request.path_params["user"] not in (grant.account_id, "me"):
            return graph_error(100, "Unsupported post request.", 33)
        form = await form_texts(request)
        if problem := create_problem(form):
            message, name = problem
            return graph_error(100, f"{name}: {message}" if name else message)
        if "location_id" in form and "threads_location_tagging" not in grant.scopes:
            return graph_error(10, "Application does not have permission for this action (threads_location_tagging).")
        container = await self.make(grant.account_id, form)
        return JSONResponse({"id": container.container_id})

    async def node(self, request: Request) -> Response:
        grant = self.caller(request, "threads_basic")
        if isinstance(grant, Response):
            return grant
        node = request.path_params["node"]
        fields = request.query_params.get("fields", "id").split(",")
        container = self.containers.get(node)
        if container is not None and container.account_id == grant.account_id:
            status = self.status_of(container)
            resource = {"id": node, "status": status}
            if status == "ERROR":
                resource["error_message"] = container.failure or "UNKNOWN"
            return JSONResponse(fields_of(resource, request))
        post = self.state.posts.get((self.platform, node))
        if post is None or post.account_id != grant.account_id:
            return graph_error(100, "Unsupported get request. Object does not exist.", 33)
        if "status" in fields:
            return graph_error(100, "Tried accessing nonexisting field (status)")
        return JSONResponse(fields_of(_shown(post), request))

    async def list_posts(self, request: Request) -> Response:
        grant = self.caller(request, "threads_basic")
        if isinstance(grant, Response):
            return grant
        limit = asked_number(request, "limit", 25, most=100)
        found = self.listed(grant.account_id, asked_number(request, "since", 0))
        return JSONResponse({"data": [fields_of(_shown(post), request) for _, post in found[:limit]]})

    async def delete(self, request: Request) -> Response:
        grant = self.caller(request, "threads_delete")
        if isinstance(grant, Response):
            return grant
        post = self.state.posts.get((self.platform, request.path_params["node"]))
        if post is None or post.account_id != grant.account_id:
            return graph_error(100, "Unsupported delete request.", 33)
        self.state.remove_post(post)
        return JSONResponse({"success": True, "deleted_id": post.post_id})

    def fetch_failure(self) -> str:
        return "FAILED_DOWNLOADING_VIDEO"

    def media_failure(self, media: Reading | None, form: dict[str, str]) -> str | None:
        return media_failure(media, self.settings["check_sound_rate"])

    def restricted(self) -> Response:
        return graph_error(1, "The user is restricted.", 4279013)

    def over_quota(self) -> Response:
        return graph_error(4, "The publishing limit of the profile is reached.")

    def post_of(self, container: Container, account: Account, media_id: str) -> Post:
        form = {key: value for key, value in container.form.items() if key != "video_url"}
        return Post(
            self.platform,
            account.account_id,
            media_id,
            self.state.public_url(WWW, f"/@{account.username}/post/{media_id}"),
            container.form.get("text", ""),
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
        "media_product_type": "THREADS",
        "media_type": "VIDEO",
        "text": post.caption,
        "timestamp": format_timestamp(post.created_at),
        "shortcode": post.post_id,
        "permalink": f"https://{WWW}/{post.url.split('/', 4)[4]}",
    }
