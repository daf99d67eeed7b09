"""The sandbox without a server, with somebody signed in everywhere: for those who send it whatever comes to mind."""

import asyncio
import json
from typing import Any
from urllib.parse import quote, urlencode

import httpx2
from starlette.applications import Starlette
from starlette.routing import Route

from clipcast.clock import clock
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
from tests.sandbox.requests import FORM, Known, Sent, in_order

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


def routes_of(app: Starlette) -> dict[str, Route]:
    """Every route of the application by its name and path."""
    return {f"{route.name} {route.path}": route for route in app.routes if isinstance(route, Route)}


class Strangers:
    def __init__(self) -> None:
        self.app = create_sandbox("http://127.0.0.1:1")
        self.state, self.simulators = self.app.state.sandbox, self.app.state.simulators
        self.state.client = httpx2.AsyncClient(transport=httpx2.MockTransport(_elsewhere))
        self._client = httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app), base_url="http://sandbox")
        self._loop = asyncio.new_event_loop()
        for values in self.state.settings.values():
            values |= {name: value for name, value in QUICK.items() if name in values}
        self._settings = {platform: dict(values) for platform, values in self.state.settings.items()}
        self._flags = {key: dict(account.flags) for key, account in self.state.accounts.items()}
        people = {platform: simulator.people()[0].account_id for platform, simulator in self.simulators.items()}
        self.known = Known(people, self._ids)
        self._tokens = {name: self._sign_in(name, people[name]) for name in self.simulators}
        self.routes = routes_of(self.app)
        for _ in range(2):  # what the first round makes, the second can name
            for route in self.routes.values():
                for sent in in_order(route.name, self.known):
                    if not set(route.methods or ()) & {"GET", "DELETE"}:
                        self.send(route, sent)
        self.delete_expired()

    def close(self) -> None:
        self._loop.run_until_complete(self._client.aclose())
        self._loop.close()
        self.state.close()

    def delete_expired(self) -> None:
        """Undoes what the control routes have done."""
        self.simulators["tiktok"].faults.pending.clear()
        for platform, values in self._settings.items():
            self.state.settings[platform] = dict(values)
        for key, flags in self._flags.items():
            self.state.accounts[key].flags = dict(flags)
        clock.reset()

    def _ids(self, where: str) -> list[str]:
        """The ids in one of a simulator's tables."""
        platform, table = where.split(".")
        return [key for key in getattr(self.simulators[platform], table) if isinstance(key, str)]

    def ids_of(self, route: Route) -> list[str]:
        """What the parameters of the route's path may be."""
        platform = route.name.partition(".")[0]
        if platform not in self.simulators:
            return ["tiktok", self.known.accounts["tiktok"]]
        tables = [table for table in vars(self.simulators[platform]).values() if isinstance(table, dict)]
        return [self.known.accounts[platform], *(key for table in tables for key in table if isinstance(key, str))]

    def _sign_in(self, platform: str, account_id: str) -> list[str]:
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
        grant = Grant(platform, account_id, "app", frozenset(SCOPES[platform]))
        tokens = [simulator.grants.issue_access(grant, "token", 10**8)]
        if platform == "facebook":
            page = simulator._page(grant, account_id, "Page", "harbour.films", [])
            tokens.append(page["access_token"])
        return tokens

    def tokens_for(self, route: Route) -> list[str]:
        """The values of Authorization that are worth a try."""
        platform = route.name.partition(".")[0]
        tokens = [*self._tokens.get(platform, []), *(self._tokens["facebook"] if platform == "instagram" else [])]
        scheme = "OAuth" if route.path.startswith("/rupload.") else "Bearer"
        return [f"{scheme} {token}" for token in tokens] or [""]

    def send(
        self, route: Route, sent: Sent, values: list[str] | None = None, content: bytes | None = None
    ) -> httpx2.Response:
        """Sends it, with `values` for the path's parameters; without Authorization every token is tried in turn."""
        if "Authorization" in sent.headers or route.name.endswith(".chunk"):
            return self._send(route, sent, {}, values, content)
        for authorization in self.tokens_for(route):
            answer = self._send(route, sent, {"Authorization": authorization}, values, content)
            if answer.is_success or answer.status_code >= 500:
                break
        return answer

    def _send(
        self, route: Route, sent: Sent, more: dict[str, str], values: list[str] | None, content: bytes | None
    ) -> httpx2.Response:
        headers = sent.headers | more
        body = sent.content
        if sent.json is not None:
            headers = {"Content-Type": "application/json; charset=UTF-8"} | headers
            body = json.dumps(sent.json).encode("utf-8", "surrogatepass")
        elif sent.form is not None:
            headers = {"Content-Type": FORM} | headers
            body = urlencode(sent.form, errors="surrogatepass").encode()
        raw = [(name.encode(), value.encode("utf-8", "surrogatepass")) for name, value in headers.items()]
        query = urlencode(sent.query, errors="surrogatepass").encode()
        url = httpx2.URL("http://sandbox" + self._path(route, values), query=query)
        method = min(set(route.methods or {"GET"}) - {"HEAD"})
        request = httpx2.Request(method, url, headers=raw, content=body if content is None else content)
        return self._loop.run_until_complete(self._client.send(request))

    def _path(self, route: Route, values: list[str] | None) -> str:
        platform, path = route.name.partition(".")[0], route.path
        account = self.known.accounts.get(platform, "x")
        usual = {"version": "v27.0", "user": account, "page": account, "part": "0", "platform": "tiktok"}
        for index, name in enumerate(route.param_convertors):
            value = values[index % len(values)] if values else usual.get(name, self.ids_of(route)[-1])
            start = path.index("{" + name)
            path = path[:start] + quote(value, safe="", errors="surrogatepass") + path[path.index("}", start) + 1 :]
        return path


def _elsewhere(request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200 if request.url.path.endswith((".mp4", ".png")) else 404, content=b"video")


def is_well_formed(route_path: str, answer: httpx2.Response) -> bool:
    """Whether a refusal has its platform's own shape."""
    host = host_of(route_path)
    if host == "pinterest-media-upload.s3-accelerate.amazonaws.com":
        return answer.text.startswith("<?xml") and "<Code>" in answer.text
    if host == "www.googleapis.com" and answer.text == "Not Found":
        return True  # an upload session that is gone
    if answer.headers.get("content-type") == "application/json":
        return _is_shaped(host, answer.json())
    return not host.startswith(APIS) and "/xrpc/" not in route_path


# Hosts that never answer with a page or plain text.
APIS = ("open.tiktokapis", "www.googleapis", "oauth2.googleapis", "api.", "graph.", "rupload.", "plc.")


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
