"""Facebook's authorization: tokens of people and tokens of Pages (docs/platforms/facebook.md 1)."""

import hashlib
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clipcast.sandbox.faults import Faults
from clipcast.sandbox.grants import Grant, Grants
from clipcast.sandbox.graph.answers import graph_error
from clipcast.sandbox.graph.oauth import LONG_SECONDS, MetaAuthorization
from clipcast.sandbox.graph.versions import VERSION
from clipcast.sandbox.inputs import asked_number, form_texts
from clipcast.sandbox.state import Account, SandboxState

WWW = "www.facebook.com"
SCOPES = frozenset(
    {
        "pages_show_list",
        "pages_read_engagement",
        "pages_manage_posts",
        "business_management",
        "read_insights",
        "public_profile",
        "instagram_basic",
        "instagram_content_publish",
    }
)
# Pages that every person of the sandbox has: one without a username, and one with read access only.
SHARED = ("100200300400500", "Harbour Collective")
READ_ONLY = ("100200300400501", "Reading Circle")
# The token of a Page does not expire. In seconds.
FOR_EVER = 100 * 365 * 24 * 3600


class Authorization(MetaAuthorization):
    """People and their Pages. The id of a person is the id of the person's own Page."""

    platform = "facebook"
    title = "Facebook"
    authorize_at = (WWW, f"{VERSION}/dialog/oauth")
    watch_pages = ("/www.facebook.com/{kind}/{post_id}/",)
    known_scopes = SCOPES
    prefix = "fb"
    token_prefix = "EAAU"  # noqa: S105 - the start of each token of a person, not a secret
    redirect_fragment = "#_=_"
    default_flags: ClassVar[dict[str, Any]]

    def __init__(self, state: SandboxState, grants: Grants, faults: Faults) -> None:
        super().__init__(state, grants, faults)
        # The tokens of Pages, with the grant of the person from which each derives.
        self._page_tokens: dict[str, Grant] = {}
        self._add(SHARED[0], "", SHARED[1])

    def new_account(self, username: str, display_name: str) -> Account:
        return self._add(str(100_000_000_000_000 + int(_digest(username)[:11], 16)), username, display_name)

    def _add(self, account_id: str, username: str, display_name: str) -> Account:
        account = Account(self.platform, account_id, username, display_name, dict(self.default_flags))
        self.state.accounts[self.platform, account_id] = account
        return account

    def people(self) -> list[Account]:
        return [account for account in super().people() if account.account_id != SHARED[0]]

    async def token(self, request: Request) -> Response:
        """Exchange a code for a token, or a valid token for a long-lived one. Both use this address."""
        form = dict(request.query_params) | await form_texts(request)
        if form.get("grant_type") == "fb_exchange_token":
            return self._exchange(form)
        grant = self.redeem({"grant_type": "authorization_code"} | form)
        if isinstance(grant, str):
            return graph_error(100, grant, 36009)
        return JSONResponse({"access_token": self.issue(grant, long=False), "token_type": "bearer", "expires_in": 3600})

    def _exchange(self, form: dict[str, str]) -> Response:
        token = form.get("fb_exchange_token", "")
        grant = self.grants.of_access(f"Bearer {token}")
        if grant is None or token in self._page_tokens:
            return self.dead_token()
        if not self.grants.knows_app(self.platform, form.get("client_id", ""), form.get("client_secret", "")):
            return graph_error(1, "Error validating client secret.")
        body = {"access_token": self.issue(grant, long=True), "token_type": "bearer", "expires_in": LONG_SECONDS}
        return JSONResponse(body)

    async def permissions(self, request: Request) -> Response:
        grant = self._person(request)
        if isinstance(grant, Response):
            return grant
        if request.method == "DELETE":
            grant.revoked = True
            for token, person in self._page_tokens.items():
                page = self.grants.of_token(token)
                if person is grant and page is not None:
                    page.revoked = True
            return JSONResponse({"success": True})
        granted = [{"permission": scope, "status": "granted"} for scope in sorted(grant.scopes)]
        declined = [{"permission": scope, "status": "declined"} for scope in sorted(SCOPES - grant.scopes)]
        return JSONResponse({"data": granted + declined})

    async def list_pages(self, request: Request) -> Response:
        """List the person's Pages, two per response, so that a client without paging misses one."""
        grant = self._person(request)
        if isinstance(grant, Response):
            return grant
        if "pages_show_list" not in grant.scopes:
            return JSONResponse({"data": []})
        own = self.account(grant.account_id)
        pages = [
            self._page(grant, *READ_ONLY, "", ["ANALYZE"]),
            self._page(grant, *SHARED, "", ["ANALYZE", "CREATE_CONTENT"]),
            self._page(grant, own.account_id, own.display_name, own.username, ["CREATE_CONTENT", "MANAGE"]),
        ]
        start = asked_number(request, "after", 0, most=1000)
        end = start + 2
        fields = request.query_params.get("fields", "id,name,access_token,tasks").split(",")
        shown = {name.split("{")[0].split(".")[0] for name in fields} | {"id"}
        data = [{key: value for key, value in page.items() if key in shown} for page in pages[start:end]]
        body: dict[str, Any] = {"data": data, "paging": {"cursors": {"before": str(start), "after": str(end)}}}
        if end < len(pages):
            body["paging"]["next"] = (
                f"https://graph.facebook.com{request.scope['path'].split('.com', 1)[1]}?after={end}"
            )
        return JSONResponse(body)

    def _page(self, person: Grant, page_id: str, name: str, username: str, tasks: list[str]) -> dict[str, Any]:
        """Return a Page as an entry of the list, with a new token.

        If the person allowed it, the entry names the Instagram account with the same username.
        """
        grant = Grant(self.platform, page_id, person.client_id, person.scopes)
        self.grants.all.append(grant)
        token = self.grants.issue_access(grant, "EAAP", FOR_EVER)
        self._page_tokens[token] = person
        page: dict[str, Any] = {"id": page_id, "name": name, "access_token": token, "tasks": tasks}
        picture = self.state.avatar_url(WWW, username or "page")
        accounts = self.state.accounts.values()
        linked = next(
            (one for one in accounts if username and (one.platform, one.username) == ("instagram", username)), None
        )
        if linked is not None and "instagram_basic" in person.scopes:
            about = {"id": linked.account_id, "username": username, "name": linked.display_name}
            page |= {"instagram_business_account": about | {"profile_picture_url": picture}}
        return page | {"picture": {"data": {"url": picture}}} | ({"username": username} if username else {})

    def _person(self, request: Request) -> Grant | Response:
        grant, token = self._bearer(request)
        if grant is None:
            return self.dead_token()
        if token in self._page_tokens:
            return graph_error(2500, "An active access token of a person must be used.")
        return grant

    def page_caller(
        self, request: Request, page_id: str | None, scope: str, scheme: str = "bearer"
    ) -> Grant | Response:
        """Return the grant of the Page whose token the request has, or an error response."""
        grant, token = self._bearer(request, scheme)
        if grant is None:
            return self.dead_token()
        if token not in self._page_tokens:
            return graph_error(100, "No permission to publish the video.")
        if page_id not in (None, grant.account_id):
            return graph_error(100, "Unsupported post request. Object does not exist.", 33)
        if scope not in grant.scopes:
            return graph_error(200, f"({scope}) permission is needed.", status=403)
        return grant

    def _bearer(self, request: Request, scheme: str = "bearer") -> tuple[Grant | None, str]:
        found, _, token = request.headers.get("authorization", "").partition(" ")
        token = token if found.lower() == scheme else request.query_params.get("access_token", "")
        grant = self.grants.of_access(f"Bearer {token}")
        return (grant if grant and grant.platform == self.platform else None), token


def _digest(username: str) -> str:
    return hashlib.sha256(username.encode()).hexdigest()
