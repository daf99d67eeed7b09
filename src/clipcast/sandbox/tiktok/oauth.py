"""TikTok's authorization and profile (docs/platforms/tiktok.md 1, 8)."""

import hashlib
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clipcast.sandbox.grants import Grant
from clipcast.sandbox.inputs import form_texts
from clipcast.sandbox.simulator import ConsentRefused, ConsentRequest, Simulator, redirect_of
from clipcast.sandbox.tiktok.answers import error, log_id, ok
from clipcast.sandbox.tiktok.rules import AVATAR_LIFETIME, SCOPES, redirect_problem

API, WWW = "open.tiktokapis.com", "www.tiktok.com"


class Authorization(Simulator):
    """The authorization of apps and the check of their requests."""

    platform = "tiktok"
    title = "TikTok"
    authorize_at = (WWW, "/v2/auth/authorize/")
    # These characters must be encoded, so a client that does not decode the code fails.
    code_tail = "*1!"
    watch_pages = ("/www.tiktok.com/@{username}/video/{post_id}",)
    quick_settings: ClassVar[dict[str, Any]] = {"processing_seconds": 0, "moderation_seconds": 0, "rate_limits": False}

    def consent_request(self, query: dict[str, str]) -> ConsentRequest:
        if "client_id" in query or not query.get("client_key"):
            raise ConsentRefused("client_key: TikTok calls it client_key, not client_id.")
        if query.get("response_type") != "code" or not query.get("state"):
            raise ConsentRefused("response_type must be code, and state is required.")
        scopes = tuple(query.get("scope", "").split(","))
        if unknown := [scope for scope in scopes if scope not in SCOPES]:
            raise ConsentRefused(f"scope: {', '.join(unknown)} is not a comma-separated list of TikTok scopes.")
        redirect = query.get("redirect_uri", "")
        parts = redirect_of(query)
        if problem := redirect_problem(redirect, parts):
            raise ConsentRefused(f"redirect_uri: {problem}")
        desktop = parts.scheme == "http" or parts.hostname in ("localhost", "127.0.0.1")
        challenge = query.get("code_challenge")
        if desktop and (not challenge or query.get("code_challenge_method") != "S256"):
            raise ConsentRefused("code_challenge with code_challenge_method=S256 is required for Desktop apps.")
        return ConsentRequest(
            query["client_key"], redirect, query["state"], scopes, challenge if desktop else None, True, True
        )

    def redirect_parameters(self, code: str, scopes: list[str]) -> dict[str, str]:
        # TikTok encodes the code, and the query is encoded once more around it (docs/platforms/tiktok.md 1.1).
        return {"code": code.replace("*", "%2A").replace("!", "%21"), "scopes": ",".join(scopes)}

    def trouble(self, host: str, path: str, status: int, message: str) -> Response:
        if host != API:
            return Response(message, status)
        if path.startswith(f"/{API}/v2/oauth/"):
            return JSONResponse(_flat("invalid_request", message), status)
        code = {404: "unsupported_path", 405: "unsupported_path"}.get(status, "invalid_params")
        return error(status, code, message)

    async def token(self, request: Request) -> Response:
        form = await self._form(request)
        if isinstance(form, Response):
            return form
        if not self.grants.knows_app(self.platform, form.get("client_key", ""), form.get("client_secret", "")):
            return self._oauth_error("invalid_client", "Client key or secret is incorrect.")
        if form.get("grant_type") == "refresh_token":
            grant = self.grants.of_refresh(form.get("refresh_token", ""))
            if grant is None or grant.client_id != form["client_key"]:
                return self._oauth_error("invalid_grant", "Refresh token is invalid or expired.")
            return self._issue(grant)
        if form.get("grant_type") != "authorization_code":
            return self._oauth_error("unsupported_grant_type", "Grant type is not supported.")
        code = self.grants.redeem(form.get("code", ""))
        if code is None or code.grant.client_id != form["client_key"]:
            return self._oauth_error("invalid_grant", "Authorization code is invalid or expired.")
        if code.redirect_uri != form.get("redirect_uri"):
            return self._oauth_error("invalid_grant", "Redirect_uri is not matched with the one of the code.")
        verifier = form.get("code_verifier", "")
        # The challenge is the hex digest, not RFC 7636's base64url (docs/platforms/tiktok.md 1.1).
        if code.challenge and code.challenge != hashlib.sha256(verifier.encode()).hexdigest():
            return self._oauth_error("invalid_request", "Code verifier or code challenge is invalid.")
        return self._issue(code.grant)

    def _issue(self, grant: Grant) -> Response:
        access, refresh = self.settings["access_token_seconds"], self.settings["refresh_token_seconds"]
        return JSONResponse(
            {
                "access_token": self.grants.issue_access(grant, "act.", access),
                "expires_in": access,
                "refresh_token": self.grants.issue_refresh(grant, "rft.", refresh),
                "refresh_expires_in": refresh,
                "open_id": grant.account_id,
                "scope": ",".join(sorted(grant.scopes)),
                "token_type": "Bearer",
            }
        )

    async def revoke(self, request: Request) -> Response:
        form = await self._form(request)
        if isinstance(form, Response):
            return form
        if not self.grants.knows_app(self.platform, form.get("client_key", ""), form.get("client_secret", "")):
            return self._oauth_error("invalid_client", "Client key or secret is incorrect.")
        grant = self.grants.of_access(f"Bearer {form.get('token', '')}")
        if grant is None:
            return self._oauth_error("invalid_request", "The token is invalid.")
        grant.revoked = True
        return JSONResponse({})

    async def _form(self, request: Request) -> dict[str, str] | Response:
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return self._oauth_error("invalid_request", "Only application/x-www-form-urlencoded is accepted.")
        return await form_texts(request)

    def _oauth_error(self, code: str, description: str) -> Response:
        return JSONResponse(_flat(code, description), self.settings["oauth_error_status"])

    async def user_info(self, request: Request) -> Response:
        grant = self._grant(request)
        if grant is None:
            return error(401, "access_token_invalid", "The access token is invalid or not found in the request.")
        fields = request.query_params.get("fields", "").split(",")
        needs = {"username": "user.info.profile"}
        for name in fields:
            if needs.get(name, "user.info.basic") not in grant.scopes:
                return error(401, "scope_not_authorized", f"The user did not authorize the scope of {name}.")
        account = self.account(grant.account_id)
        profile = {
            "open_id": account.account_id,
            "union_id": "union" + account.account_id,
            "avatar_url": self.state.avatar_url(WWW, account.username, AVATAR_LIFETIME),
            "display_name": account.display_name,
            "username": account.username,
        }
        return ok({"user": {name: profile[name] for name in fields if name in profile}})

    def _grant(self, request: Request, scope: str | None = None) -> Any:
        """Return the grant of the request's token.

        If it has none or lacks `scope`, return an error response, or None if the caller passes no `scope`.
        """
        grant = self.grants.of_access(request.headers.get("authorization"))
        if grant is not None and grant.platform != self.platform:
            grant = None
        if scope is None:
            return grant
        if grant is None:
            return error(401, "access_token_invalid", "The access token is invalid or not found in the request.")
        if scope not in grant.scopes:
            return error(401, "scope_not_authorized", f"The user did not authorize the scope {scope}.")
        return grant


def _flat(code: str, description: str) -> dict[str, str]:
    return {"error": code, "error_description": description, "log_id": log_id()}
