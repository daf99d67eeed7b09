"""Signing in at Facebook: a person's long-lived token, and the Pages behind it, each with a token of its own.

Facebook itself and Instagram's other way to sign in differ only in what they ask for (Facebook sheet section 1.2).
"""

from typing import Any, ClassVar

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri

from clipcast.common.settings import PlatformApp
from clipcast.platforms.base import Account, Http, Tokens
from clipcast.platforms.errors import InvalidRequest, ReconnectNeeded
from clipcast.platforms.graph import VERSION, Table, graph_checked, long_lived

API = f"https://graph.facebook.com/{VERSION}"
AUTHORIZE = f"https://www.facebook.com/{VERSION}/dialog/oauth"
TOKEN = API + "/oauth/access_token"
PERMISSIONS = API + "/me/permissions"
PAGES = API + "/me/accounts"
# What a person must be allowed to do on a Page for us to publish there.
TASK = "CREATE_CONTENT"


class FacebookLogin:
    """What both share; subclasses say which scopes and fields they want, and what account a Page is."""

    app = "facebook"
    required_scopes: tuple[str, ...]
    optional_scopes: tuple[str, ...] = ()
    # A Page's token has no end, and nothing renews it.
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
                auth_type="rerequest",  # so that what was refused once is asked again
            )
        )

    async def exchange(self, http: Http, app: PlatformApp, redirect_uri: str, code: str, verifier: str) -> Tokens:
        """The person's long-lived token: Page tokens got with it have no end."""
        credentials = {"client_id": app.client_id, "client_secret": app.client_secret}
        form = credentials | {"redirect_uri": redirect_uri, "code": code}
        short = graph_checked(await http.request("token", "POST", TOKEN, form=form), self.codes)
        form = credentials | {"grant_type": "fb_exchange_token", "fb_exchange_token": short["access_token"]}
        long = graph_checked(await http.request("exchange", "POST", TOKEN, form=form), self.codes)
        headers = {"Authorization": f"Bearer {long['access_token']}"}
        answer = graph_checked(await http.request("permissions", "GET", PERMISSIONS, headers=headers), self.codes)
        granted = (entry["permission"] for entry in answer["data"] if entry["status"] == "granted")
        return long_lived(long, tuple(granted))

    async def refresh(self, http: Http, app: PlatformApp, tokens: Tokens) -> Tokens:
        raise ReconnectNeeded("token_refused", "Facebook no longer accepts the Page's token.")

    async def accounts(self, http: Http, tokens: Tokens) -> list[Account]:
        """The accounts of the Pages on which the person may publish; the person's own token is not kept.

        Raises InvalidRequest when there is none.
        """
        accounts: list[Account] = []
        params = {"fields": f"id,tasks,access_token,{self.page_fields}", "limit": "100"}
        while True:
            answer = graph_checked(await http.request("pages", "GET", PAGES, params=params), self.codes)
            for page in answer["data"]:
                if TASK in page.get("tasks", ()):
                    page_tokens = Tokens(page["access_token"], None, None, None, tokens.scopes)
                    accounts += self.accounts_of(page, page_tokens)
            if "next" not in answer.get("paging", {}):
                break
            params["after"] = answer["paging"]["cursors"]["after"]
        if not accounts:
            raise self.nothing_found
        return accounts

    def accounts_of(self, page: dict[str, Any], tokens: Tokens) -> list[Account]:
        """The account that comes with a Page; at most one."""
        raise NotImplementedError

    async def revoke(self, http: Http, app: PlatformApp, tokens: Tokens) -> None:
        raise InvalidRequest(
            "revoke_in_the_app", "Facebook ends a sign-in only with the person's own token, which is not kept.",
            actor="account_owner", fix="Remove the app in the settings of Facebook.",
        )  # fmt: skip
