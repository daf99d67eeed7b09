"""LinkedIn's authorization (docs/platforms/linkedin.md 1, 8)."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clipcast.sandbox.grants import Grant
from clipcast.sandbox.inputs import form_texts
from clipcast.sandbox.simulator import ConsentRefused, ConsentRequest, Simulator, redirect_of
from clipcast.sandbox.state import Account

MEMBER_SCOPES = {"openid", "profile", "email", "w_member_social"}
# The scopes of the Community Management API. An app with this product can have no other.
PAGE_SCOPES = {"w_organization_social", "r_organization_social", "rw_organization_admin", "r_organization_admin"}
WWW = "www.linkedin.com"
ACCESS_SECONDS = 5_184_000
REFRESH_SECONDS = 31_536_000


def error(status: int, code: str, message: str, service: int = 0) -> Response:
    """Return LinkedIn's error document."""
    return JSONResponse({"status": status, "serviceErrorCode": service, "code": code, "message": message}, status)


class Authorization(Simulator):
    """The authorization of apps and the check of their requests."""

    platform = "linkedin"
    title = "LinkedIn"
    authorize_at = (WWW, "/oauth/v2/authorization")
    watch_pages = ("/www.linkedin.com/feed/update/{post_id}/",)

    def consent_request(self, query: dict[str, str]) -> ConsentRequest:
        if not query.get("client_id") or query.get("response_type") != "code" or not query.get("state"):
            raise ConsentRefused("client_id, response_type=code and state are required.")
        scopes = tuple(query.get("scope", "").split(" "))
        if unknown := [scope for scope in scopes if scope not in MEMBER_SCOPES | PAGE_SCOPES]:
            raise ConsentRefused(f"unauthorized_scope_error: {', '.join(unknown)}")
        if set(scopes) & MEMBER_SCOPES and set(scopes) & PAGE_SCOPES:
            raise ConsentRefused("unauthorized_scope_error: an app of this product has no other.")
        if redirect_of(query).fragment:
            raise ConsentRefused("The redirect_uri does not match the registered value.")
        # A person grants all scopes or none.
        return ConsentRequest(query["client_id"], query["redirect_uri"], query["state"], scopes, None, True, False)

    def redirect_parameters(self, code: str, scopes: list[str]) -> dict[str, str]:
        return {"code": code}

    def trouble(self, host: str, path: str, status: int, message: str) -> Response:
        if path.startswith(f"/{WWW}/dms-uploads/"):
            return Response(message, status)
        if host == WWW:
            return JSONResponse({"error": "invalid_request", "error_description": message}, status)
        codes = {404: "RESOURCE_NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "REQUEST_ENTITY_TOO_LARGE"}
        return error(status, codes.get(status, "BAD_REQUEST"), message)

    async def token(self, request: Request) -> Response:
        form = await form_texts(request)
        client = form.get("client_id", "")
        if not self.grants.knows_app(self.platform, client, form.get("client_secret", "")):
            return _oauth_error("invalid_client", "Client authentication failed")
        if form.get("grant_type") == "refresh_token":
            grant = self.grants.of_refresh(form.get("refresh_token", ""))
            if grant is None or grant.client_id != client:
                return _oauth_error("invalid_grant", "The provided refresh token is invalid")
            return self._issue(grant)
        code = self.grants.redeem(form.get("code", ""))
        if form.get("grant_type") != "authorization_code" or code is None or code.grant.client_id != client:
            return _oauth_error("invalid_request", "The authorization code is invalid or expired")
        if code.redirect_uri != form.get("redirect_uri"):
            return _oauth_error("invalid_request", "The redirect_uri does not match")
        if self.settings["refresh_tokens"]:
            self.grants.issue_refresh(code.grant, "AQW", REFRESH_SECONDS)
        return self._issue(code.grant)

    def _issue(self, grant: Grant) -> Response:
        body: dict[str, Any] = {
            "access_token": self.grants.issue_access(grant, "AQX", ACCESS_SECONDS),
            "expires_in": ACCESS_SECONDS,
            "scope": ",".join(sorted(grant.scopes)),
            "token_type": "Bearer",
        }
        if grant.refresh_token:  # it lives 365 days from the first consent; a refresh does not extend it
            body |= {"refresh_token": grant.refresh_token, "refresh_token_expires_in": REFRESH_SECONDS}
        return JSONResponse(body)

    async def revoke(self, request: Request) -> Response:
        grant = self.grants.of_token((await form_texts(request)).get("token", ""))
        if grant:
            grant.revoked = True
        return JSONResponse({})

    def people(self) -> list[Account]:
        return [account for account in super().people() if not account.flags["members"]]

    def caller(self, request: Request, *scopes: str, versioned: bool = True) -> Any:
        """Return the grant of the request's token, or an error response. The token needs one of the scopes."""
        version = request.headers.get("linkedin-version")
        if versioned and version not in self.settings["active_versions"]:
            return error(426, "NONEXISTENT_VERSION", f"Requested version {version} is not active")
        if versioned and request.headers.get("x-restli-protocol-version") != "2.0.0":
            return error(400, "MISSING_FIELD", "X-Restli-Protocol-Version: 2.0.0 is required")
        grant = self.grants.of_access(request.headers.get("authorization"))
        if grant is None or grant.platform != self.platform:
            return error(401, "REVOKED_ACCESS_TOKEN", "The token used in the request has been revoked", 65601)
        if not grant.scopes.intersection(scopes):
            return error(403, "ACCESS_DENIED", f"Not enough permissions to access: {scopes[0]}", 100)
        return grant


def _oauth_error(code: str, description: str) -> Response:
    return JSONResponse({"error": code, "error_description": description}, 400)
