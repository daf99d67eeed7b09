"""Quillmere's authorization."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clipcast.sandbox.grants import Grant
from clipcast.sandbox.inputs import form_texts
from clipcast.sandbox.simulator import ConsentRefused, ConsentRequest, Simulator, redirect_of

SCOPES = {"profile.read", "video.write"}
WWW = "www.quillmere.example"
ACCESS_SECONDS = 3600


def error(status: int, code: str, message: str) -> Response:
    """Return Quillmere's error document."""
    return JSONResponse({"error": {"code": code, "message": message}}, status)


class Authorization(Simulator):
    """The authorization of apps and the check of their requests."""

    platform = "quillmere"
    title = "Quillmere"
    authorize_at = (WWW, "/oauth/authorize")
    watch_pages = ("/www.quillmere.example/v/{post_id}",)

    def consent_request(self, query: dict[str, str]) -> ConsentRequest:
        if not query.get("client_id") or query.get("response_type") != "code":
            raise ConsentRefused("client_id and response_type=code are required.")
        scopes = tuple(query.get("scope", "").split())
        if not scopes or set(scopes) - SCOPES:
            raise ConsentRefused("scope is not a list of Quillmere's scopes, separated by spaces.")
        redirect_of(query)
        return ConsentRequest(
            query["client_id"], query["redirect_uri"], query.get("state", ""), scopes, None, True, False
        )

    def redirect_parameters(self, code: str, scopes: list[str]) -> dict[str, str]:
        return {"code": code}

    def trouble(self, host: str, path: str, status: int, message: str) -> Response:
        return error(status, "invalid_field" if status == 400 else "not_served", message)

    async def token(self, request: Request) -> Response:
        form = await form_texts(request)
        client = form.get("client_id", "")
        if not self.grants.knows_app(self.platform, client, form.get("client_secret", "")):
            return error(401, "invalid_client", "The app is unknown.")
        if form.get("grant_type") == "refresh_token":
            grant = self.grants.of_refresh(form.get("refresh_token", ""))
            if grant is None or grant.client_id != client:
                return error(400, "invalid_grant", "The refresh token is unknown.")
            return self._issue(grant)
        code = self.grants.redeem(form.get("code", ""))
        if code is None or code.grant.client_id != client or code.redirect_uri != form.get("redirect_uri"):
            return error(400, "invalid_grant", "The code is unknown.")
        return self._issue(code.grant)

    def _issue(self, grant: Grant) -> Response:
        # A refresh token stays valid: a lost response to a refresh does no harm.
        refresh = grant.refresh_token or self.grants.issue_refresh(grant, "qmr_", None)
        return JSONResponse(
            {
                "access_token": self.grants.issue_access(grant, "qma_", ACCESS_SECONDS),
                "refresh_token": refresh,
                "expires_in": ACCESS_SECONDS,
                "scope": " ".join(sorted(grant.scopes)),
            }
        )

    async def revoke(self, request: Request) -> Response:
        grant = self.grants.of_token((await form_texts(request)).get("token", ""))
        if grant is not None and grant.platform == self.platform:
            grant.revoked = True
        return Response(None, 204)

    def caller(self, request: Request, scope: str) -> Grant | Response:
        """Return the grant of the request's token, or an error response."""
        grant = self.grants.of_access(request.headers.get("authorization"))
        if grant is None or grant.platform != self.platform:
            return error(401, "token_expired", "The access token is unknown, expired or revoked.")
        return grant if scope in grant.scopes else error(403, "scope_missing", f"{scope} was not granted.")
