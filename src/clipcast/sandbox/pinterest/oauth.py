"""Pinterest's authorization (docs/platforms/pinterest.md 1, 8)."""

import base64
from typing import Any, ClassVar
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clipcast.sandbox.grants import Grant
from clipcast.sandbox.inputs import form_texts
from clipcast.sandbox.simulator import ConsentRefused, ConsentRequest, Simulator, redirect_of

SCOPES = {
    "ads:read", "boards:read", "boards:write", "boards:read_secret", "boards:write_secret", "pins:read", "pins:write",
    "pins:read_secret", "pins:write_secret", "user_accounts:read",
}  # fmt: skip
ACCESS_SECONDS = 2_592_000
REFRESH_SECONDS = 5_184_000


def error(status: int, code: int, message: str) -> Response:
    """Return Pinterest's error document."""
    return JSONResponse({"code": code, "message": message}, status)


class Authorization(Simulator):
    """The authorization of apps and the check of their requests."""

    platform = "pinterest"
    title = "Pinterest"
    authorize_at = ("www.pinterest.com", "/oauth/")
    watch_pages = ("/www.pinterest.com/pin/{post_id}/",)
    # Most tests name covers that do not exist.
    quick_settings: ClassVar[dict[str, Any]] = {"processing_seconds": 0, "fetch_covers": False}

    def consent_request(self, query: dict[str, str]) -> ConsentRequest:
        if not query.get("client_id") or query.get("response_type") != "code":
            raise ConsentRefused("client_id and response_type=code are required.")
        scopes = tuple(query.get("scope", "").split(","))
        if unknown := [scope for scope in scopes if scope not in SCOPES]:
            raise ConsentRefused(f"scope: {', '.join(unknown)} is not a comma-separated list of scopes.")
        redirect_of(query)
        return ConsentRequest(
            query["client_id"], query["redirect_uri"], query.get("state", ""), scopes, None, True, False
        )

    def redirect_parameters(self, code: str, scopes: list[str]) -> dict[str, str]:
        return {"code": code}

    def trouble(self, host: str, path: str, status: int, message: str) -> Response:
        return error(status, 1 if status == 400 else status, message)

    async def token(self, request: Request) -> Response:
        client = self._client(request)
        if client is None or not self.grants.knows_app(self.platform, *client):
            return error(401, 2, "Authentication failed.")
        form = await form_texts(request)
        if form.get("grant_type") == "refresh_token":
            grant = self.grants.of_refresh(form.get("refresh_token", ""))
            if grant is None or grant.client_id != client[0]:
                return error(400, 1, "The refresh token is invalid or expired.")
            return self._issue(grant)
        code = self.grants.redeem(form.get("code", ""))
        if form.get("grant_type") != "authorization_code" or code is None or code.grant.client_id != client[0]:
            return error(400, 1, "The code is invalid.")
        if code.redirect_uri != form.get("redirect_uri"):
            return error(400, 1, "The redirect_uri does not match.")
        return self._issue(code.grant)

    def _client(self, request: Request) -> tuple[str, str] | None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            name, _, secret = base64.b64decode(encoded).decode().partition(":")
        except ValueError:
            return None
        return (unquote(name), unquote(secret)) if scheme == "Basic" else None

    def _issue(self, grant: Grant) -> Response:
        return JSONResponse(
            {
                "access_token": self.grants.issue_access(grant, "pina_", ACCESS_SECONDS),
                "refresh_token": self.grants.issue_refresh(grant, "pinr_", REFRESH_SECONDS),
                "expires_in": ACCESS_SECONDS,
                "refresh_token_expires_in": REFRESH_SECONDS,
                "scope": " ".join(sorted(grant.scopes)),
                "token_type": "bearer",
                "response_type": "authorization_code",
            }
        )

    async def revoke(self, request: Request) -> Response:
        return error(403, 7, "Only the tokens of system users can be revoked.")

    def caller(self, request: Request, *scopes: str) -> Any:
        """Return the grant of the request's token, or an error response. The token needs all scopes."""
        grant = self.grants.of_access(request.headers.get("authorization"))
        if grant is None or grant.platform != self.platform:
            return error(401, 2, "Authentication failed.")
        if missing := [scope for scope in scopes if scope not in grant.scopes]:
            return error(403, 7, f"You are not permitted to access that resource ({', '.join(missing)}).")
        return grant
