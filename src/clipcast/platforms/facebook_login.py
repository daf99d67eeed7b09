"""Facebook Login: a person's long-lived token, and that person's Pages, each with a token of its own.

Facebook and Instagram's sign-in method `facebook` share it; they differ in their scopes and fields
(docs/platforms/facebook.md 1.2).
"""

from typing import Any, ClassVar

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri

from clipcast.common.settings import PlatformApp
from clipcast.platforms.base import Account, Http, Tokens
from clipcast.platforms.errors import InvalidRequest, ReconnectNeeded
from clipcast.platforms.graph import VERSION, Table, long_lived, parse_graph_response

API = f"https://graph.facebook.com/{VERSION}"
AUTHORIZE = f"https://www.facebook.com/{VERSION}/dialog/oauth"
TOKEN = API + "/oauth/access_token"
PERMISSIONS = API + "/me/permissions"
PAGES = API + "/me/accounts"
# The task that a person needs on a Page so that Clipcast can publish there.
TASK = "CREATE_CONTENT"


class FacebookLogin:
    """The shared part. A subclass names its scopes and fields, and maps a Page to an account."""

    app = "facebook"
    required_scopes: tuple[str, ...]
    optional_scopes: tuple[str, ...] = ()
    # A Page's token does not expire, and no request renews it.
    renews_itself = False
    codes: ClassVar[Table]
    page_fields: ClassVar[str]
    nothing_found: ClassVar[InvalidRequest]

    def authorize_url(self, app: PlatformApp, redirect_uri: str, state: str, verifier: str) -> str:
        return str(
            prepare_grant_uri(
                AUTHORIZE,
                app.client_id,
                "code",
                redirect_uri=redirect_uri,
                scope=",".join(self.required_scopes),
                state=state,
                auth_type="rerequest",  # the page asks again for permissions that the person once declined
            )
        )

    async def exchange(self, http: Http, app: PlatformApp, redirect_uri: str, code: str, verifier: str) -> Tokens:
        """Exchange the consent page's code for the person's long-lived token: its Page tokens do not expire."""
        credentials = {"client_id": app.client_id, "client_secret": app.client_secret}
        form = credentials | {"redirect_uri": redirect_uri, "code": code}
        short = parse_graph_response(await http.request("token", "POST", TOKEN, form=form), self.codes)
        form = credentials | {"grant_type": "fb_exchange_token", "fb_exchange_token": short["access_token"]}
        long = parse_graph_response(await http.request("exchange", "POST", TOKEN, form=form), self.codes)
        headers = {"Authorization": f"Bearer {long['access_token']}"}
        permissions = parse_graph_response(
            await http.request("permissions", "GET", PERMISSIONS, headers=headers), self.codes
        )
        granted = (entry["permission"] for entry in permissions["data"] if entry["status"] == "granted")
        return long_lived(long, tuple(granted))

    async def refresh(self, http: Http, app: PlatformApp, tokens: Tokens) -> Tokens:
        """Raise ReconnectNeeded: Facebook has no refresh for a Page's token."""
        raise ReconnectNeeded("token_refused", "Facebook no longer accepts the Page's token.")

    async def accounts(self, http: Http, tokens: Tokens) -> list[Account]:
        """Return the accounts of the Pages on which the person may publish, without the person's own token.

        Raises InvalidRequest if there is none.
        """
        accounts: list[Account] = []
        params = {"fields": f"id,tasks,access_token,{self.page_fields}", "limit": "100"}
        while True:
            listed = parse_graph_response(await http.request("pages", "GET", PAGES, params=params), self.codes)
            for page in listed["data"]:
                if TASK in page.get("tasks", ()):
                    page_tokens = Tokens(page["access_token"], None, None, None, tokens.scopes)
                    accounts += self.accounts_of(page, page_tokens)
            if "next" not in listed.get("paging", {}):
                break
            params["after"] = listed["paging"]["cursors"]["after"]
        if not accounts:
            raise self.nothing_found
        return accounts

    def accounts_of(self, page: dict[str, Any], tokens: Tokens) -> list[Account]:
        """Return the account of a Page: one or none."""
        raise NotImplementedError

    async def revoke(self, http: Http, app: PlatformApp, tokens: Tokens) -> None:
        """Raise InvalidRequest: only the person's own token, which Clipcast does not keep, can revoke."""
        raise InvalidRequest(
            "revoke_in_the_app",
            "Facebook revokes an authorization only with the person's own token, which Clipcast does not keep.",
            actor="account_owner", fix="Remove the app in Facebook's settings.",
        )  # fmt: skip
