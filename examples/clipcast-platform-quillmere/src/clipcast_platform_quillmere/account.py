"""Authorization of Quillmere accounts: OAuth 2.0 and the profile."""

from typing import Any

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri

from clipcast.common.settings import PlatformApp
from clipcast.platforms.base import Account, Http, Profile, Tokens
from clipcast.platforms.http import expires
from clipcast_platform_quillmere.errors import parse_oauth_response, parse_response
from clipcast_platform_quillmere.rules import API, SCOPES, WWW

AUTHORIZE = WWW + "/oauth/authorize"
TOKEN = API + "/oauth/token"
REVOKE = API + "/oauth/revoke"
ME = API + "/me"


class QuillmereOAuth:
    app = "quillmere"
    required_scopes: tuple[str, ...] = SCOPES
    optional_scopes: tuple[str, ...] = ()
    renews_itself = False

    def authorize_url(self, app: PlatformApp, redirect_uri: str, state: str, verifier: str) -> str:
        return str(
            prepare_grant_uri(
                AUTHORIZE, app.client_id, "code", redirect_uri=redirect_uri, scope=" ".join(SCOPES), state=state
            )
        )

    async def exchange(self, http: Http, app: PlatformApp, redirect_uri: str, code: str, verifier: str) -> Tokens:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return _tokens(parse_oauth_response(await http.request("token", "POST", TOKEN, form=form | _client(app))))

    async def refresh(self, http: Http, app: PlatformApp, tokens: Tokens) -> Tokens:
        form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token or ""}
        return _tokens(parse_oauth_response(await http.request("refresh", "POST", TOKEN, form=form | _client(app))))

    async def accounts(self, http: Http, tokens: Tokens) -> list[Account]:
        me = parse_response(await http.request("me", "GET", ME))
        return [Account(Profile(str(me["id"]), str(me["name"]), str(me["display_name"])), tokens)]

    async def revoke(self, http: Http, app: PlatformApp, tokens: Tokens) -> None:
        parse_response(await http.request("revoke", "POST", REVOKE, form={"token": tokens.access_token}))


def _client(app: PlatformApp) -> dict[str, str]:
    return {"client_id": app.client_id, "client_secret": app.client_secret}


def _tokens(body: dict[str, Any]) -> Tokens:
    return Tokens(
        access_token=body["access_token"],
        refresh_token=body["refresh_token"],
        expires_at=expires(body["expires_in"]),
        refresh_expires_at=None,
        scopes=tuple(str(body["scope"]).split()),
    )
