"""Authorization of LinkedIn members: OAuth 2.0 and the profile (docs/platforms/linkedin.md 1)."""

from typing import Any

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri

from clipcast.common.settings import PlatformApp
from clipcast.platforms.base import Account, Http, Profile, Tokens
from clipcast.platforms.http import expires
from clipcast.platforms.linkedin.errors import parse_oauth_response, parse_response
from clipcast.platforms.linkedin.rules import SCOPES

AUTHORIZE = "https://www.linkedin.com/oauth/v2/authorization"
TOKEN = "https://www.linkedin.com/oauth/v2/accessToken"  # noqa: S105 - an address
REVOKE = "https://www.linkedin.com/oauth/v2/revoke"
USERINFO = "https://api.linkedin.com/v2/userinfo"


class LinkedInOAuth:
    app = "linkedin"
    required_scopes: tuple[str, ...] = SCOPES
    optional_scopes: tuple[str, ...] = ()
    renews_itself = False  # LinkedIn gives refresh tokens only to approved apps

    def authorize_url(self, app: PlatformApp, redirect_uri: str, state: str, verifier: str) -> str:
        return str(
            prepare_grant_uri(
                AUTHORIZE, app.client_id, "code", redirect_uri=redirect_uri, scope=" ".join(SCOPES), state=state
            )
        )

    async def exchange(self, http: Http, app: PlatformApp, redirect_uri: str, code: str, verifier: str) -> Tokens:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return _tokens(await _token_call(http, "token", TOKEN, app, form), None)

    async def refresh(self, http: Http, app: PlatformApp, tokens: Tokens) -> Tokens:
        form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token or ""}
        return _tokens(await _token_call(http, "refresh", TOKEN, app, form), tokens)

    async def accounts(self, http: Http, tokens: Tokens) -> list[Account]:
        user = parse_response(await http.request("userinfo", "GET", USERINFO))
        name = str(user.get("name") or user["sub"])
        return [Account(Profile(str(user["sub"]), name, name, user.get("picture")), tokens)]

    async def revoke(self, http: Http, app: PlatformApp, tokens: Tokens) -> None:
        await _token_call(http, "revoke", REVOKE, app, {"token": tokens.access_token})


async def _token_call(http: Http, name: str, url: str, app: PlatformApp, form: dict[str, str]) -> dict[str, Any]:
    credentials = {"client_id": app.client_id, "client_secret": app.client_secret}
    return parse_oauth_response(await http.request(name, "POST", url, form=form | credentials), url == TOKEN)


def _tokens(body: dict[str, Any], before: Tokens | None) -> Tokens:
    refresh_expires_at = expires(body.get("refresh_token_expires_in"))
    scopes = str(body.get("scope", "")).replace(",", " ").split()
    return Tokens(
        access_token=body["access_token"],
        refresh_token=body.get("refresh_token") or (before.refresh_token if before else None),
        expires_at=expires(body.get("expires_in")),
        refresh_expires_at=refresh_expires_at or (before.refresh_expires_at if before else None),
        scopes=tuple(scopes) or (before.scopes if before else ()),
    )
