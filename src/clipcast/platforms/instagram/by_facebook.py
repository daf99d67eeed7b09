"""Authorization of Instagram accounts that are linked to a Page: Facebook Login (docs/platforms/instagram.md 1.3).

Clipcast sends their clips as bytes, so CLIPCAST_PUBLIC_URL need not be reachable from the internet.
"""

from typing import Any

from clipcast.platforms.base import Account, Profile, Tokens
from clipcast.platforms.errors import InvalidRequest
from clipcast.platforms.facebook_login import FacebookLogin
from clipcast.platforms.instagram.errors import CODES
from clipcast.platforms.instagram.rules import BY_FACEBOOK, FACEBOOK_SCOPES

LINKED = "instagram_business_account"


class InstagramByFacebook(FacebookLogin):
    required_scopes: tuple[str, ...] = FACEBOOK_SCOPES
    codes = CODES
    page_fields = f"{LINKED}{{id,username,name,profile_picture_url}}"
    nothing_found = InvalidRequest(
        "no_account", "None of this person's Pages has a professional Instagram account on which they may publish.",
        actor="account_owner", fix="Link the account to a Page in Instagram's settings, then open the link again.",
    )  # fmt: skip

    def accounts_of(self, page: dict[str, Any], tokens: Tokens) -> list[Account]:
        linked = page.get(LINKED)
        if not linked:
            return []
        username, details = str(linked["username"]), {"way": BY_FACEBOOK}
        picture = linked.get("profile_picture_url")
        return [Account(Profile(str(linked["id"]), username, linked.get("name") or username, picture, details), tokens)]
