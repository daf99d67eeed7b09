"""A client that sends arbitrary requests to a sandbox, and the shapes of the platforms' errors."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlencode

import httpx2
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.routing import Route

from clipcast.clock import clock
from clipcast.platforms.registry import PLATFORMS
from clipcast.sandbox.app import create_sandbox, host_of
from clipcast.sandbox.bluesky.identity import PDS_DID
from clipcast.sandbox.bluesky.repo import UPLOAD_BLOB
from clipcast.sandbox.bluesky.video import LIMITS, VIDEO_DID
from clipcast.sandbox.facebook import oauth as facebook
from clipcast.sandbox.grants import Grant
from clipcast.sandbox.instagram import rules as instagram
from clipcast.sandbox.linkedin import oauth as linkedin
from clipcast.sandbox.pinterest import oauth as pinterest
from clipcast.sandbox.threads import rules as threads
from clipcast.sandbox.tiktok import rules as tiktok
from clipcast.sandbox.youtube import rules as youtube
from tests.sandbox.requests import FORM, Identifiers, RequestParts, valid_requests

SCOPES: dict[str, Any] = {
    "tiktok": tiktok.SCOPES,
    "youtube": youtube.SCOPES,
    "instagram": instagram.SCOPES,
    "threads": threads.SCOPES,
    "pinterest": pinterest.SCOPES,
    "linkedin": linkedin.MEMBER_SCOPES | linkedin.PAGE_SCOPES,
    "facebook": facebook.SCOPES,
}
QUICK = {"processing_seconds": 0, "check_media": False, "rate_limits": False, "quotas": False}


def _scopes_of(platform: str) -> set[str]:
    """Return the scopes of this file, or else those that the platform's client asks for."""
    methods = PLATFORMS[platform].sign_in_methods.values()
    return set(
        SCOPES.get(platform) or {scope for one in methods for scope in (*one.required_scopes, *one.optional_scopes)}
    )


def routes_of(app: Starlette) -> dict[str, Route]:
    """Return each route of the application by its name and path."""
    return {f"{route.name} {route.path}": route for route in app.routes if isinstance(route, Route)}


@dataclass(frozen=True)
class Response:
    """A response of the application."""

    status_code: int
    headers: Headers
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode(errors="replace")

    @property
    def is_success(self) -> bool:
        return 200 <= self.status_code < 300

    def json(self) -> Any:
        return json.loads(self.content)


class FuzzClient:
    """A client of a sandbox without a server. It has a token for one account of each platform.

    It calls the application directly: httpx2's client and transport take longer than the application itself.
    """

    def __init__(self) -> None:
        self.app = create_sandbox("http://127.0.0.1:1")
        self.state, self.simulators = self.app.state.sandbox, self.app.state.simulators
        self.state.client = httpx2.AsyncClient(transport=httpx2.MockTransport(_public_file))
        self._loop = asyncio.new_event_loop()
        for values in self.state.settings.values():
            values |= {name: value for name, value in QUICK.items() if name in values}
        self._settings = {platform: dict(values) for platform, values in self.state.settings.items()}
        self._flags = {key: dict(account.flags) for key, account in self.state.accounts.items()}
        people = {platform: simulator.people()[0].account_id for platform, simulator in self.simulators.items()}
        self.identifiers = Identifiers(people, self._ids)
        self._tokens = {name: self._authorize(name, people[name]) for name in self.simulators}
        self.routes = routes_of(self.app)
        for _ in range(2):  # requests of the second round name objects that the first one created
            for route in self.routes.values():
                for parts in valid_requests(route.name, self.identifiers):
                    if not set(route.methods or ()) & {"GET", "DELETE"}:
                        self.send(route, parts)
        self.reset()

    def close(self) -> None:
        self._loop.close()
        self.state.close()

    def reset(self) -> None:
        """Undo the changes of the control routes."""
        self.simulators["tiktok"].faults.pending.clear()
        for platform, values in self._settings.items():
            self.state.settings[platform] = dict(values)
        for key, flags in self._flags.items():
            self.state.accounts[key].flags = dict(flags)
        clock.reset()

    def _ids(self, place: str) -> list[str]:
        """List the ids in a table of a simulator."""
        platform, table = place.split(".")
        return [key for key in getattr(self.simulators[platform], table) if isinstance(key, str)]

    def ids_of(self, route: Route) -> list[str]:
        """List the ids that the parameters of the route's path can be."""
        platform = route.name.partition(".")[0]
        if platform not in self.simulators:
            return ["tiktok", self.identifiers.accounts["tiktok"]]
        tables = [table for table in vars(self.simulators[platform]).values() if isinstance(table, dict)]
        return [
            self.identifiers.accounts[platform],
            *(key for table in tables for key in table if isinstance(key, str)),
        ]

    def _authorize(self, platform: str, account_id: str) -> list[str]:
        simulator = self.simulators[platform]
        if platform == "bluesky":
            grant = Grant(platform, account_id, "", frozenset({"com.atproto.appPass"}))
            session, life = simulator._tokens(grant, "r" * 32), 10**6
            claims = {"iss": account_id, "exp": int(clock.now().timestamp()) + life}
            services = [
                simulator.sign_for(account_id, claims | {"aud": audience, "lxm": method})
                for audience, method in ((PDS_DID, UPLOAD_BLOB), (VIDEO_DID, LIMITS))
            ]
            return [session["accessJwt"], session["refreshJwt"], *services]
        grant = Grant(platform, account_id, "app", frozenset(_scopes_of(platform)))
        tokens = [simulator.grants.issue_access(grant, "token", 10**8)]
        if platform == "facebook":
            page = simulator._page(grant, account_id, "Page", "harbour.films", [])
            tokens.append(page["access_token"])
        return tokens

    def tokens_for(self, route: Route) -> list[str]:
        """List the values of Authorization that the route can accept."""
        platform = route.name.partition(".")[0]
        tokens = [*self._tokens.get(platform, []), *(self._tokens["facebook"] if platform == "instagram" else [])]
        scheme = "OAuth" if route.path.startswith("/rupload.") else "Bearer"
        return [f"{scheme} {token}" for token in tokens] or [""]

    def send(
        self, route: Route, parts: RequestParts, values: list[str] | None = None, content: bytes | None = None
    ) -> Response:
        """Send a request, with `values` for the path's parameters.

        A request without Authorization is sent with each token, until one succeeds.
        """
        if "Authorization" in parts.headers or route.name.endswith(".chunk"):
            return self._send(route, parts, {}, values, content)
        for authorization in self.tokens_for(route):
            response = self._send(route, parts, {"Authorization": authorization}, values, content)
            if response.is_success or response.status_code >= 500:
                break
        return response

    def _send(
        self, route: Route, parts: RequestParts, more: dict[str, str], values: list[str] | None, content: bytes | None
    ) -> Response:
        headers = parts.headers | more
        body = parts.content
        if parts.json is not None:
            headers = {"Content-Type": "application/json; charset=UTF-8"} | headers
            body = json.dumps(parts.json).encode("utf-8", "surrogatepass")
        elif parts.form is not None:
            headers = {"Content-Type": FORM} | headers
            body = urlencode(parts.form, errors="surrogatepass").encode()
        if content is not None:
            body = content
        method = min(set(route.methods or {"GET"}) - {"HEAD"})
        if not {"Content-Length", "Transfer-Encoding"} & set(headers) and (body or method in ("POST", "PUT", "PATCH")):
            headers["Content-Length"] = str(len(body))
        path = self._path(route, values)
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "server": ("sandbox", None),
            "client": ("127.0.0.1", 1),
            "root_path": "",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": urlencode(parts.query, errors="surrogatepass").encode(),
            "headers": [
                (name.lower().encode(), value.encode("utf-8", "surrogatepass"))
                for name, value in ({"Host": "sandbox"} | headers).items()
            ],
        }
        return self._loop.run_until_complete(self._call(scope, body))

    async def _call(self, scope: dict[str, Any], body: bytes) -> Response:
        """Call the application. Raises the exception of a handler that fails."""
        requests = iter([{"type": "http.request", "body": body, "more_body": False}])
        ended = asyncio.Event()
        status, headers, content = 0, list[tuple[bytes, bytes]](), b""

        async def receive() -> Any:
            if (message := next(requests, None)) is not None:
                return message
            await ended.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            nonlocal status, headers, content
            if message["type"] == "http.response.start":
                status, headers = message["status"], list(message["headers"])
            else:
                content += message.get("body", b"")
                if not message.get("more_body"):
                    ended.set()

        await self.app(scope, receive, send)
        assert ended.is_set()
        return Response(status, Headers(raw=headers), content)

    def _path(self, route: Route, values: list[str] | None) -> str:
        platform, path = route.name.partition(".")[0], route.path
        account = self.identifiers.accounts.get(platform, "x")
        usual = {"version": "v27.0", "user": account, "page": account, "part": "0", "platform": "tiktok"}
        for index, name in enumerate(route.param_convertors):
            value = values[index % len(values)] if values else usual.get(name) or self.ids_of(route)[-1]
            start = path.index("{" + name)
            path = path[:start] + quote(value, safe="", errors="surrogatepass") + path[path.index("}", start) + 1 :]
        return path


def _public_file(request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200 if request.url.path.endswith((".mp4", ".png")) else 404, content=b"video")


def is_well_formed(route_path: str, response: Response) -> bool:
    """Return whether an error response has its platform's own shape."""
    host = host_of(route_path)
    if host == "pinterest-media-upload.s3-accelerate.amazonaws.com":
        return response.text.startswith("<?xml") and "<Code>" in response.text
    if host == "www.googleapis.com" and response.text == "Not Found":
        return True  # an unknown upload session
    if not _has_known_shape(host):
        return isinstance(response.json(), dict) if "json" in response.headers.get("content-type", "") else True
    if response.headers.get("content-type") == "application/json":
        return _is_shaped(host, response.json())
    return not host.startswith(APIS) and "/xrpc/" not in route_path


# Hosts whose errors are never a page or plain text.
APIS = ("open.tiktokapis", "www.googleapis", "oauth2.googleapis", "api.", "graph.", "rupload.", "plc.")


def _has_known_shape(host: str) -> bool:
    """Return whether this file lists the errors of the host's platform."""
    domains = [domain for name in (*SCOPES, "bluesky") for domain in PLATFORMS[name].domains]
    return host == "__sandbox" or any(f".{host}".endswith(f".{domain}") for domain in (*domains, "amazonaws.com"))


def _is_shaped(host: str, body: Any) -> bool:
    error = body.get("error")
    flat = isinstance(error, str) and isinstance(body.get("error_description"), str)
    if host in ("graph.facebook.com", "graph.instagram.com", "graph.threads.net", "www.googleapis.com"):
        named = isinstance(error, dict) and isinstance(error["code"], int) and isinstance(error["message"], str)
        return named or "error_message" in body
    if host == "api.instagram.com":
        return {"error_type", "code", "error_message"} <= set(body)
    if host == "rupload.facebook.com":
        return {"type", "message", "retriable"} == set(body["debug_info"])
    if host == "open.tiktokapis.com":
        enveloped = isinstance(error, dict) and {"code", "message", "log_id"} == set(error) and body["data"] == {}
        return enveloped or (flat and "log_id" in body)
    if host == "api.pinterest.com":
        return {"code", "message"} == set(body)
    if host == "api.linkedin.com":
        return {"status", "serviceErrorCode", "code", "message"} == set(body)
    if host == "plc.directory":
        return {"message"} == set(body)
    if host == "__sandbox":
        return isinstance(body.get("detail"), str)
    return flat or (isinstance(error, str) and isinstance(body.get("message"), str))
