"""Connecting Facebook Pages: one sign-in of a person opens all Pages of theirs (sheet section 1.2)."""

from typing import Any

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri

from clipcast.platforms.base import Account, Http, Profile, Tokens
from clipcast.platforms.errors import InvalidRequest, ReconnectNeeded
from clipcast.platforms.facebook.errors import checked
from clipcast.platforms.facebook.rules import API, SCOPES, TASK
from clipcast.platforms.graph import long_lived
from clipcast.settings import PlatformApp

AUTHORIZE = "https://www.facebook.com/v26.0/dialog/oauth"
TOKEN = API + "/oauth/access_token"
PERMISSIONS = API + "/me/permissions"
PAGES = API + "/me/accounts"
FIELDS = "id,name,username,tasks,access_token,picture.type(large){url}"


class FacebookOAuth:
    app = "facebook"
    required_scopes: tuple[str, ...] = SCOPES
    # A Page's token has no end, and nothing renews it.
    renews_itself = False

    def authorize_url(self, app: PlatformApp, redirect_uri: str, state: str, verifier: str) -> str:
        return str(
            prepare_grant_uri(
                AUTHORIZE,
                app.client_id,
                "code",
                redirect_uri=redirect_uri,
                scope=",".join(SCOPES),
                state=state,
                auth_type="rerequest",  # so that what was refused once is asked again
            )
        )

    async def exchange(self, http: Http, app: PlatformApp, redirect_uri: str, code: str, verifier: str) -> Tokens:
        """The person's long-lived token: Page tokens got with it have no end."""
        credentials = {"client_id": app.client_id, "client_secret": app.client_secret}
        form = credentials | {"redirect_uri": redirect_uri, "code": code}
        short = checked(await http.request("token", "POST", TOKEN, form=form))
        form = credentials | {"grant_type": "fb_exchange_token", "fb_exchange_token": short["access_token"]}
        long = checked(await http.request("exchange", "POST", TOKEN, form=form))
        headers = {"Authorization": f"Bearer {long['access_token']}"}
        permissions = checked(await http.request("permissions", "GET", PERMISSIONS, headers=headers))["data"]
        granted = (entry["permission"] for entry in permissions if entry["status"] == "granted")
        return long_lived(long, tuple(granted))

    async def refresh(self, http: Http, app: PlatformApp, tokens: Tokens) -> Tokens:
        raise ReconnectNeeded("token_refused", "Facebook no longer accepts the Page's token.")

    async def accounts(self, http: Http, tokens: Tokens) -> list[Account]:
        """The Pages on which the person may publish, each with a token of its own; the person's is not kept.

        Raises InvalidRequest when there is none.
        """
        accounts = []
        params = {"fields": FIELDS, "limit": "100"}
        while True:
            answer = checked(await http.request("pages", "GET", PAGES, params=params))
            accounts += [_account(page, tokens.scopes) for page in answer["data"] if TASK in page.get("tasks", ())]
            paging = answer.get("paging", {})
            if "next" not in paging:
                break
            params["after"] = paging["cursors"]["after"]
        if not accounts:
            raise InvalidRequest(
                "no_page", "There is no Page on which this person may create content.", actor="account_owner",
                fix="Ask an admin of the Page for full control or the content task, then open the link again.",
            )  # fmt: skip
        return accounts

    async def revoke(self, http: Http, app: PlatformApp, tokens: Tokens) -> None:
        raise InvalidRequest(
            "revoke_in_the_app", "Facebook ends a sign-in only with the person's own token, which is not kept.",
            actor="account_owner", fix="Remove the app in the settings of Facebook.",
        )  # fmt: skip


def _account(page: dict[str, Any], scopes: tuple[str, ...]) -> Account:
    name = str(page["name"])
    picture = page.get("picture", {}).get("data", {}).get("url")
    profile = Profile(str(page["id"]), page.get("username") or name, name, picture)
    return Account(profile, Tokens(page["access_token"], None, None, None, scopes))
