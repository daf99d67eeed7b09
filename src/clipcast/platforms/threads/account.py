"""Authorization of Threads profiles: OAuth with a long-lived token, and the profile (docs/platforms/threads.md 1)."""

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri

from clipcast.common.settings import PlatformApp
from clipcast.platforms.base import Account, Http, Profile, Tokens
from clipcast.platforms.errors import InvalidRequest
from clipcast.platforms.graph import long_lived
from clipcast.platforms.threads.errors import parse_response
from clipcast.platforms.threads.rules import API, HOST, OPTIONAL_SCOPES, SCOPES

AUTHORIZE = "https://threads.com/oauth/authorize"
TOKEN = HOST + "/oauth/access_token"
EXCHANGE = HOST + "/access_token"
REFRESH = HOST + "/refresh_access_token"
ME = API + "/me"
DEBUG = API + "/debug_token"


class ThreadsOAuth:
    app = "threads"
    required_scopes: tuple[str, ...] = SCOPES
    optional_scopes: tuple[str, ...] = OPTIONAL_SCOPES
    renews_itself = True

    def authorize_url(self, app: PlatformApp, redirect_uri: str, state: str, verifier: str) -> str:
        return str(
            prepare_grant_uri(
                AUTHORIZE,
                app.client_id,
                "code",
                redirect_uri=redirect_uri,
                scope=",".join(SCOPES + app.extra_scopes),
                state=state,
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
        short = parse_response(await http.request("token", "POST", TOKEN, form=form))["access_token"]
        params = {"grant_type": "th_exchange_token", "client_secret": app.client_secret, "access_token": short}
        long = parse_response(await http.request("exchange", "GET", EXCHANGE, params=params))
        params = {"access_token": long["access_token"], "input_token": long["access_token"]}
        token = parse_response(await http.request("debug_token", "GET", DEBUG, params=params))["data"]
        return long_lived(long, tuple(token["scopes"]))

    async def refresh(self, http: Http, app: PlatformApp, tokens: Tokens) -> Tokens:
        """Exchange the long-lived token for a new one. Threads has no refresh token."""
        params = {"grant_type": "th_refresh_token", "access_token": tokens.access_token}
        return long_lived(parse_response(await http.request("refresh", "GET", REFRESH, params=params)), tokens.scopes)

    async def accounts(self, http: Http, tokens: Tokens) -> list[Account]:
        params = {"fields": "id,username,name,threads_profile_picture_url"}
        me = parse_response(await http.request("me", "GET", ME, params=params))
        username = str(me["username"])
        picture = me.get("threads_profile_picture_url")
        return [Account(Profile(str(me["id"]), username, me.get("name") or username, picture), tokens)]

    async def revoke(self, http: Http, app: PlatformApp, tokens: Tokens) -> None:
        raise InvalidRequest(
            "revoke_in_the_app", "Threads has no request that revokes an authorization.", actor="account_owner",
            fix="Remove the app in Threads' settings.",
        )  # fmt: skip
