"""Authorization of Pinterest accounts: OAuth and the profile (docs/platforms/pinterest.md 1)."""

from typing import Any

from authlib.oauth2.auth import encode_client_secret_basic
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri

from clipcast.common.settings import PlatformApp
from clipcast.platforms.base import Account, Http, Profile, Tokens
from clipcast.platforms.errors import InvalidRequest
from clipcast.platforms.http import expires
from clipcast.platforms.pinterest.errors import parse_oauth_response, parse_response
from clipcast.platforms.pinterest.rules import API, SCOPES

AUTHORIZE = "https://www.pinterest.com/oauth/"
TOKEN = API + "/oauth/token"
USER = API + "/user_account"


class PinterestOAuth:
    app = "pinterest"
    required_scopes: tuple[str, ...] = SCOPES
    optional_scopes: tuple[str, ...] = ()
    renews_itself = False

    def authorize_url(self, app: PlatformApp, redirect_uri: str, state: str, verifier: str) -> str:
        return str(
            prepare_grant_uri(
                AUTHORIZE, app.client_id, "code", redirect_uri=redirect_uri, scope=",".join(SCOPES), state=state
            )
        )

    async def exchange(self, http: Http, app: PlatformApp, redirect_uri: str, code: str, verifier: str) -> Tokens:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "continuous_refresh": "true",
        }
        return _tokens(await _token_call(http, "token", app, form), None)

    async def refresh(self, http: Http, app: PlatformApp, tokens: Tokens) -> Tokens:
        form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token or ""}
        return _tokens(await _token_call(http, "refresh", app, form), tokens)

    async def accounts(self, http: Http, tokens: Tokens) -> list[Account]:
        user = parse_response(await http.request("user_account", "GET", USER))
        username = str(user["username"])
        name = user.get("business_name") or username
        return [Account(Profile(str(user["id"]), username, name, user.get("profile_image")), tokens)]

    async def revoke(self, http: Http, app: PlatformApp, tokens: Tokens) -> None:
        raise InvalidRequest(
            "revoke_in_the_app", "Pinterest has no request that revokes a person's authorization.",
            actor="account_owner", fix="Remove the app in Pinterest's settings.",
        )  # fmt: skip


async def _token_call(http: Http, name: str, app: PlatformApp, form: dict[str, str]) -> dict[str, Any]:
    credentials = encode_client_secret_basic(_Client(app), "POST", TOKEN, {}, "")[1]
    return parse_oauth_response(await http.request(name, "POST", TOKEN, form=form, headers=dict(credentials)))


class _Client:
    """The app's credentials as Authlib reads them."""

    def __init__(self, app: PlatformApp) -> None:
        self.client_id = app.client_id
        self.client_secret = app.client_secret


def _tokens(body: dict[str, Any], before: Tokens | None) -> Tokens:
    scopes = str(body.get("scope", "")).replace(" ", ",").split(",")
    return Tokens(
        access_token=body["access_token"],
        # Each refresh returns a new refresh token with a new expiry (docs/platforms/pinterest.md 0.5).
        refresh_token=body.get("refresh_token") or (before.refresh_token if before else None),
        expires_at=expires(body.get("expires_in")),
        refresh_expires_at=expires(body.get("refresh_token_expires_in")),
        scopes=tuple(scope for scope in scopes if scope) or (before.scopes if before else ()),
    )
