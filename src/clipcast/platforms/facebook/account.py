"""Authorization of Facebook Pages: Facebook Login, for all Pages of a person (docs/platforms/facebook.md 1.2)."""

from typing import Any

from clipcast.platforms.base import Account, Profile, Tokens
from clipcast.platforms.errors import InvalidRequest
from clipcast.platforms.facebook.errors import CODES
from clipcast.platforms.facebook.rules import SCOPES
from clipcast.platforms.facebook_login import FacebookLogin


class FacebookOAuth(FacebookLogin):
    required_scopes: tuple[str, ...] = SCOPES
    codes = CODES
    page_fields = "name,username,picture.type(large){url}"
    nothing_found = InvalidRequest(
        "no_page", "The person may not create content on any Page.", actor="account_owner",
        fix="Ask an admin of the Page for full control or the content task, then open the link again.",
    )  # fmt: skip

    def accounts_of(self, page: dict[str, Any], tokens: Tokens) -> list[Account]:
        name = str(page["name"])
        picture = page.get("picture", {}).get("data", {}).get("url")
        return [Account(Profile(str(page["id"]), page.get("username") or name, name, picture), tokens)]
