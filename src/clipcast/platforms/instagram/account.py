"""Authorization of Instagram accounts: Instagram Login and the profile (docs/platforms/instagram.md 1.2)."""

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri

from clipcast.common.settings import PlatformApp
from clipcast.platforms.base import Account, Http, Profile, Tokens
from clipcast.platforms.errors import InvalidRequest
from clipcast.platforms.graph import long_lived
from clipcast.platforms.instagram.errors import parse_response, parse_sign_in_response
from clipcast.platforms.instagram.rules import API, HOST, SCOPES

AUTHORIZE = "https://www.instagram.com/oauth/authorize"
TOKEN = "https://api.instagram.com/oauth/access_token"  # noqa: S105 - an address
EXCHANGE = HOST + "/access_token"
REFRESH = HOST + "/refresh_access_token"
ME = API + "/me"


class InstagramOAuth:
    app = "instagram"
    required_scopes: tuple[str, ...] = SCOPES
    optional_scopes: tuple[str, ...] = ()
    renews_itself = True

    def authorize_url(self, app: PlatformApp, redirect_uri: str, state: str, verifier: str) -> str:
        return str(
            prepare_grant_uri(
                AUTHORIZE,
                app.client_id,
                "code",
                redirect_uri=redirect_uri,
                scope=",".join(SCOPES),
                state=state,
                enable_fb_login="0",
                force_reauth="true",  # shows the sign-in page each time, to choose another account
            )
        )

    async def exchange(self, http: Http, app: PlatformApp, redirect_uri: str, code: str, verifier: str) -> Tokens:
        form = {
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "grant_type": "authorization_code",
            "redirect_uri": redirect_uri,
            "code": code,
        }
        short = parse_sign_in_response(await http.request("token", "POST", TOKEN, form=form))
        params = {
            "grant_type": "ig_exchange_token",
            "client_secret": app.client_secret,
            "access_token": short["access_token"],
        }
        long = parse_response(await http.request("exchange", "GET", EXCHANGE, params=params))
        granted = short.get("permissions", "")
        scopes = granted if isinstance(granted, list) else [scope for scope in str(granted).split(",") if scope]
        return long_lived(long, tuple(scopes))

    async def refresh(self, http: Http, app: PlatformApp, tokens: Tokens) -> Tokens:
        """Exchange the long-lived token for a new one. Instagram has no refresh token."""
        params = {"grant_type": "ig_refresh_token", "access_token": tokens.access_token}
        return long_lived(parse_response(await http.request("refresh", "GET", REFRESH, params=params)), tokens.scopes)

    async def accounts(self, http: Http, tokens: Tokens) -> list[Account]:
        params = {"fields": "user_id,username,name,profile_picture_url,account_type"}
        me = parse_response(await http.request("me", "GET", ME, params=params))
        username = str(me["username"])
        # `user_id` is the professional account that publishes; `id` belongs to this app only.
        picture = me.get("profile_picture_url")
        return [Account(Profile(str(me["user_id"]), username, me.get("name") or username, picture), tokens)]

    async def revoke(self, http: Http, app: PlatformApp, tokens: Tokens) -> None:
        raise InvalidRequest(
            "revoke_in_the_app", "Instagram has no request that revokes an authorization.", actor="account_owner",
            fix="Remove the app in Instagram's settings.",
        )  # fmt: skip
