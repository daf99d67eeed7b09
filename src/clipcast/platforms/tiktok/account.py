"""Authorization of TikTok accounts: Login Kit OAuth and the profile (docs/platforms/tiktok.md 1)."""

import hashlib
from typing import Any
from urllib.parse import unquote, urlsplit

from authlib.common.urls import add_params_to_uri

from clipcast.common.settings import PlatformApp
from clipcast.platforms.base import Account, Http, Profile, Tokens
from clipcast.platforms.errors import TransientError
from clipcast.platforms.http import expires
from clipcast.platforms.responses import Response
from clipcast.platforms.tiktok.errors import oauth_error, parse_response
from clipcast.platforms.tiktok.rules import API, SCOPES

AUTHORIZE = "https://www.tiktok.com/v2/auth/authorize/"
TOKEN = API + "/v2/oauth/token/"
REVOKE = API + "/v2/oauth/revoke/"
USER_INFO = API + "/v2/user/info/"
LOOPBACK = ("localhost", "127.0.0.1")


class TikTokOAuth:
    app = "tiktok"
    required_scopes: tuple[str, ...] = SCOPES
    optional_scopes: tuple[str, ...] = ()
    renews_itself = False

    def authorize_url(self, app: PlatformApp, redirect_uri: str, state: str, verifier: str) -> str:
        pkce: dict[str, str] = {}
        if _is_desktop(redirect_uri):
            # TikTok's PKCE is the hex digest, not RFC 7636's base64url (docs/platforms/tiktok.md 1.1).
            challenge = hashlib.sha256(verifier.encode()).hexdigest()
            pkce = {"code_challenge": challenge, "code_challenge_method": "S256"}
        parameters = {
            "client_key": app.client_id,
            "response_type": "code",
            "scope": ",".join(SCOPES),
            "redirect_uri": redirect_uri,
            "state": state,
            "disable_auto_auth": "1",  # shows the consent page each time, to choose another account
        }
        return str(add_params_to_uri(AUTHORIZE, list((parameters | pkce).items())))

    async def exchange(self, http: Http, app: PlatformApp, redirect_uri: str, code: str, verifier: str) -> Tokens:
        form = {"grant_type": "authorization_code", "code": unquote(code), "redirect_uri": redirect_uri}
        if _is_desktop(redirect_uri):
            form["code_verifier"] = verifier
        return _tokens(await _token_call(http, "token", TOKEN, app, form))

    async def refresh(self, http: Http, app: PlatformApp, tokens: Tokens) -> Tokens:
        form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token or ""}
        return _tokens(await _token_call(http, "refresh", TOKEN, app, form))

    async def accounts(self, http: Http, tokens: Tokens) -> list[Account]:
        response = await http.request(
            "user_info",
            "GET",
            USER_INFO,
            params={"fields": "open_id,union_id,avatar_url,display_name,username"},
        )
        user = parse_response(response)["user"]
        profile = Profile(user["open_id"], user["username"], user["display_name"], user.get("avatar_url"))
        return [Account(profile, tokens)]

    async def revoke(self, http: Http, app: PlatformApp, tokens: Tokens) -> None:
        await _token_call(http, "revoke", REVOKE, app, {"token": tokens.access_token})


async def _token_call(http: Http, name: str, url: str, app: PlatformApp, form: dict[str, str]) -> dict[str, Any]:
    credentials = {"client_key": app.client_id, "client_secret": app.client_secret}
    response = await http.request(name, "POST", url, form=credentials | form)
    body = _json(response)
    # TikTok does not document the HTTP status of OAuth errors: the body decides (docs/platforms/tiktok.md 1.5).
    if "error" in body or (url == TOKEN and "access_token" not in body):
        raise oauth_error(response, body)
    return body


def _json(response: Response) -> dict[str, Any]:
    if not response.content and response.is_success:
        return {}
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise TransientError("platform_unavailable", f"TikTok responded with {response.status_code} without JSON.")
    return body


def _tokens(body: dict[str, Any]) -> Tokens:
    return Tokens(
        access_token=body["access_token"],
        refresh_token=body.get("refresh_token"),
        expires_at=expires(body.get("expires_in")),
        refresh_expires_at=expires(body.get("refresh_expires_in")),
        scopes=tuple(scope for scope in str(body.get("scope", "")).split(",") if scope),
    )


def _is_desktop(redirect_uri: str) -> bool:
    """Return whether TikTok treats the address as Desktop, which requires PKCE: loopback addresses only."""
    return urlsplit(redirect_uri).hostname in LOOPBACK
