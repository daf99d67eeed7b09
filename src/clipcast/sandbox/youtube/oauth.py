"""Google's authorization and the quota units of each call (docs/platforms/youtube.md 1, 4, 8)."""

import base64
import hashlib
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clipcast.clock import clock
from clipcast.sandbox.faults import Faults
from clipcast.sandbox.grants import Grant, Grants
from clipcast.sandbox.inputs import form_texts
from clipcast.sandbox.simulator import ConsentRefused, ConsentRequest, Simulator, redirect_of
from clipcast.sandbox.state import SandboxState
from clipcast.sandbox.youtube.rules import SCOPES, error

OAUTH = "oauth2.googleapis.com"
PACIFIC = ZoneInfo("America/Los_Angeles")
SEVEN_DAYS = 7 * 86_400
MAX_LIVE_TOKENS = 100


class Authorization(Simulator):
    """The authorization of apps, and the check of their requests and quotas."""

    platform = "youtube"
    title = "YouTube"
    authorize_at = ("accounts.google.com", "/o/oauth2/v2/auth")
    watch_pages = ("/www.youtube.com/watch",)
    quick_settings: ClassVar[dict[str, Any]] = {"processing_seconds": 0, "quotas": False}

    def __init__(self, state: SandboxState, grants: Grants, faults: Faults) -> None:
        super().__init__(state, grants, faults)
        self._spent: dict[tuple[str, str], int] = {}

    def consent_request(self, query: dict[str, str]) -> ConsentRequest:
        if not query.get("client_id") or query.get("response_type") != "code":
            raise ConsentRefused("client_id and response_type=code are required.")
        scopes = tuple(query.get("scope", "").split(" "))
        if unknown := [scope for scope in scopes if scope not in SCOPES]:
            raise ConsentRefused(f"invalid_scope: {', '.join(unknown)}")
        redirect = redirect_of(query)
        local = redirect.hostname in ("localhost", "127.0.0.1", "::1")
        if redirect.fragment or (redirect.scheme != "https" and not local):
            raise ConsentRefused("redirect_uri_mismatch: https is required, except for localhost.")
        challenge = query.get("code_challenge")
        if challenge and query.get("code_challenge_method") != "S256":
            raise ConsentRefused("code_challenge_method must be S256.")
        return ConsentRequest(
            query["client_id"],
            query["redirect_uri"],
            query.get("state", ""),
            scopes,
            challenge,
            query.get("access_type") == "offline" and self._gives_refresh_token(query),
            len(scopes) > 1,
        )

    def _gives_refresh_token(self, query: dict[str, str]) -> bool:
        """Return whether the consent issues a refresh token.

        A repeated consent does so only with `prompt=consent` (docs/platforms/youtube.md 1.1).
        """
        before = any(grant.client_id == query["client_id"] and not grant.revoked for grant in self._grants())
        return not before or "consent" in query.get("prompt", "").split(" ")

    def _grants(self) -> list[Grant]:
        return [grant for grant in self.grants.all if grant.platform == self.platform]

    def redirect_parameters(self, code: str, scopes: list[str]) -> dict[str, str]:
        return {"code": code, "scope": " ".join(scopes)}

    def trouble(self, host: str, path: str, status: int, message: str) -> Response:
        if host == OAUTH:
            return _oauth_error(status, "invalid_request", message)
        reason = {404: "notFound", 405: "httpMethodNotAllowed", 413: "uploadTooLarge"}.get(status, "badRequest")
        return self._error(status, reason, message, "global")

    async def token(self, request: Request) -> Response:
        form = await form_texts(request)
        client = form.get("client_id", "")
        if not self.grants.knows_app(self.platform, client, form.get("client_secret", "")):
            return _oauth_error(401, "invalid_client", "The OAuth client was not found.")
        if form.get("grant_type") == "refresh_token":
            grant = self.grants.of_refresh(form.get("refresh_token", ""))
            if grant is None or grant.client_id != client:
                return _oauth_error(400, "invalid_grant", "Token has been expired or revoked.")
            return self._issue(grant, self.settings["refresh_returns_token"])
        if form.get("grant_type") != "authorization_code":
            return _oauth_error(400, "unsupported_grant_type", "Invalid grant_type.")
        code = self.grants.redeem(form.get("code", ""))
        if code is None or code.grant.client_id != client:
            return _oauth_error(400, "invalid_grant", "Malformed auth code.")
        if code.redirect_uri != form.get("redirect_uri"):
            return _oauth_error(400, "redirect_uri_mismatch", "Bad Request")
        if code.challenge and code.challenge != _s256(form.get("code_verifier", "")):
            return _oauth_error(400, "invalid_grant", "Invalid code verifier.")
        return self._issue(code.grant, code.offline)

    def _issue(self, grant: Grant, with_refresh: bool) -> Response:
        seconds = self.settings["access_token_seconds"]
        body: dict[str, Any] = {
            "access_token": self.grants.issue_access(grant, "ya29.", seconds),
            "expires_in": seconds,
            "scope": " ".join(sorted(grant.scopes)),
            "token_type": "Bearer",
        }
        if with_refresh:
            life = SEVEN_DAYS if self.settings["testing_mode"] else None
            body["refresh_token"] = self.grants.issue_refresh(grant, "1//", life)
            self._drop_oldest(grant)
        return JSONResponse(body)

    def _drop_oldest(self, new: Grant) -> None:
        """Revoke the oldest refresh tokens of the account and app beyond 100, as Google does without notice."""
        live = [
            grant
            for grant in self._grants()
            if (grant.account_id, grant.client_id) == (new.account_id, new.client_id) and not grant.revoked
        ]
        for grant in live[:-MAX_LIVE_TOKENS]:
            grant.revoked = True

    async def revoke(self, request: Request) -> Response:
        grant = self.grants.of_token((await form_texts(request)).get("token", ""))
        if grant is None or grant.revoked:
            return _oauth_error(400, "invalid_token", "Token expired or revoked")
        # Google ends all of the person's grants to the whole project (docs/platforms/youtube.md 1.4).
        self.grants.revoke(self.platform, grant.account_id)
        return JSONResponse({})

    def _allow(self, request: Request, scopes: set[str], cost: int, bucket: str = "general_quota") -> Any:
        """Return the account of the request's token, or an error response. Rejected requests use quota, too."""
        grant = self._bearer(request)
        if grant is None:
            return self._error(401, "authError", "Invalid Credentials", "global")
        day = clock.now().astimezone(PACIFIC).date().isoformat()
        key = bucket, day
        if self.settings["quotas"] and self._spent.get(key, 0) + cost > self.settings[bucket]:
            return self._error(
                self.settings["quota_status"], "quotaExceeded", "The quota is exceeded.", "youtube.quota"
            )
        self._spent[key] = self._spent.get(key, 0) + cost
        if not grant.scopes & scopes:
            return self._error(403, "insufficientPermissions", "Request had insufficient authentication scopes.")
        account = self.account(grant.account_id)
        if account.flags["suspended"]:
            return self._error(403, "authenticatedUserAccountSuspended", "The account is suspended.")
        return account

    def _bearer(self, request: Request) -> Grant | None:
        grant = self.grants.of_access(request.headers.get("authorization"))
        return grant if grant is not None and grant.platform == self.platform else None

    def _error(self, status: int, reason: str, message: str, domain: str = "youtube") -> Response:
        return error(status, reason, message, domain, self.settings["error_style"])


def _oauth_error(status: int, code: str, description: str) -> Response:
    return JSONResponse({"error": code, "error_description": description}, status)


def _s256(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
