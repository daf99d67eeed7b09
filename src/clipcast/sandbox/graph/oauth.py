"""Meta's authorization: a code, a token of 1 h, and a token of 60 days that the app can refresh."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clipcast.clock import clock
from clipcast.sandbox.faults import Faults
from clipcast.sandbox.grants import Grant, Grants
from clipcast.sandbox.graph.answers import graph_error, graph_trouble
from clipcast.sandbox.simulator import ConsentRefused, ConsentRequest, Simulator, redirect_of
from clipcast.sandbox.state import SandboxState

DAY = timedelta(days=1)
LONG_SECONDS = 5_183_944
SHORT_SECONDS = 3600


class MetaAuthorization(Simulator):
    """The authorization of Meta's platforms. Each platform declares its own names."""

    known_scopes: ClassVar[frozenset[str]]
    prefix: ClassVar[str]  # of grant types: th, ig, fb
    token_prefix: ClassVar[str]
    redirect_fragment = "#_"

    def __init__(self, state: SandboxState, grants: Grants, faults: Faults) -> None:
        super().__init__(state, grants, faults)
        # The time at which each token was issued, and whether it is long-lived.
        self._issued: dict[str, tuple[datetime, bool]] = {}

    def consent_request(self, query: dict[str, str]) -> ConsentRequest:
        if not query.get("client_id") or query.get("response_type") != "code" or not query.get("state"):
            raise ConsentRefused("client_id, response_type=code and state are required.")
        scopes = tuple(query.get("scope", "").replace(" ", ",").split(","))
        if unknown := [scope for scope in scopes if scope not in self.known_scopes]:
            raise ConsentRefused(f"Invalid scopes: {', '.join(unknown)}")
        redirect = redirect_of(query)
        if redirect.scheme != "https" and redirect.hostname != "127.0.0.1":
            raise ConsentRefused("redirect_uri must be https (the sandbox takes http://127.0.0.1, too).")
        return ConsentRequest(query["client_id"], query["redirect_uri"], query["state"], scopes, None, True, True)

    def redirect_parameters(self, code: str, scopes: list[str]) -> dict[str, str]:
        return {"code": code}

    def trouble(self, host: str, path: str, status: int, message: str) -> Response:
        return graph_trouble(path, status, message)

    def redeem(self, form: dict[str, str]) -> Grant | str:
        """Exchange a code for its grant. Returns an error message if the request is invalid."""
        if form.get("grant_type") != "authorization_code":
            return "Invalid grant_type."
        if not self.grants.knows_app(self.platform, form.get("client_id", ""), form.get("client_secret", "")):
            return "Error validating client secret."
        code = self.grants.redeem(form.get("code", ""))
        if code is None or code.grant.client_id != form["client_id"]:
            return "This authorization code has been used or has expired."
        if code.redirect_uri != form.get("redirect_uri"):
            return "The redirect_uri is not identical to the one used in the OAuth dialog request."
        return code.grant

    def issue(self, grant: Grant, long: bool) -> str:
        seconds = LONG_SECONDS if long else SHORT_SECONDS
        token = self.grants.issue_access(grant, self.token_prefix, seconds)
        self._issued[token] = clock.now(), long
        return token

    async def exchange(self, request: Request) -> Response:
        query = request.query_params
        token = query.get("access_token", "")
        grant = self.grants.of_access(f"Bearer {token}")
        if query.get("grant_type") != f"{self.prefix}_exchange_token" or grant is None:
            return self.dead_token()
        if not self.grants.knows_app(self.platform, grant.client_id, query.get("client_secret", "")):
            return graph_error(1, "Error validating client secret.")
        return self._long(grant)

    async def refresh(self, request: Request) -> Response:
        query = request.query_params
        token = query.get("access_token", "")
        grant = self.grants.of_access(f"Bearer {token}")
        issued, long = self._issued.get(token, (clock.now(), False))
        if query.get("grant_type") != f"{self.prefix}_refresh_token" or grant is None or not long:
            return self.dead_token()
        if clock.now() - issued < DAY:
            return graph_error(10, "A token can be refreshed once it is 24 hours old.")
        return self._long(grant)

    def _long(self, grant: Grant) -> Response:
        token = self.issue(grant, long=True)
        return JSONResponse({"access_token": token, "token_type": "bearer", "expires_in": LONG_SECONDS})

    def dead_token(self) -> Response:
        return graph_error(190, "Error validating access token: the session has been invalidated.", 460)

    def caller(self, request: Request, scope: str) -> Any:
        """Return the grant of the request's token, or an error response.

        The token may be in a header or a parameter.
        """
        header = request.headers.get("authorization") or f"Bearer {request.query_params.get('access_token', '')}"
        grant = self.grants.of_access(header)
        if grant is None or grant.platform != self.platform:
            return self.dead_token()
        if scope not in grant.scopes:
            return graph_error(10, f"Application does not have permission for this action ({scope}).")
        return grant
