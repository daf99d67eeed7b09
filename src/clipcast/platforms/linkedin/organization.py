"""Authorization of LinkedIn pages: a member signs in with the Community Management app (docs/platforms/linkedin.md 1).

LinkedIn allows no other product beside Community Management, so this sign-in method has its own app.
"""

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri

from clipcast.common.settings import PlatformApp
from clipcast.platforms.base import Account, Http, Profile, Tokens
from clipcast.platforms.errors import InvalidRequest
from clipcast.platforms.linkedin.account import AUTHORIZE, LinkedInOAuth
from clipcast.platforms.linkedin.errors import parse_response
from clipcast.platforms.linkedin.rules import API, ORGANIZATION, ORGANIZATION_SCOPES

# The roles with which a member may publish on a page.
ROLES = ("ADMINISTRATOR", "CONTENT_ADMIN", "DIRECT_SPONSORED_CONTENT_POSTER")


class LinkedInOrganizationOAuth(LinkedInOAuth):
    app = "linkedin_organization"
    required_scopes: tuple[str, ...] = ORGANIZATION_SCOPES

    def authorize_url(self, app: PlatformApp, redirect_uri: str, state: str, verifier: str) -> str:
        scope = " ".join(ORGANIZATION_SCOPES)
        return str(
            prepare_grant_uri(AUTHORIZE, app.client_id, "code", redirect_uri=redirect_uri, scope=scope, state=state)
        )

    async def accounts(self, http: Http, tokens: Tokens) -> list[Account]:
        """Return the pages on which the member may publish. Raise InvalidRequest if there is none."""
        params = {"q": "roleAssignee", "state": "APPROVED", "count": "100"}
        listed = parse_response(await http.request("organizations", "GET", f"{API}/organizationAcls", params=params))
        urns = [entry["organization"] for entry in listed["elements"] if entry.get("role") in ROLES]
        if not urns:
            raise InvalidRequest(
                "no_page", "The member may not publish on any page.", actor="account_owner",
                fix="Ask an administrator of the page for the role content admin, then open the link again.",
            )  # fmt: skip
        return [Account(await _profile(http, urn.rsplit(":", 1)[1]), tokens) for urn in dict.fromkeys(urns)]


async def _profile(http: Http, organization_id: str) -> Profile:
    found = parse_response(await http.request("organization", "GET", f"{API}/organizations/{organization_id}"))
    name = str(found.get("localizedName") or organization_id)
    return Profile(organization_id, found.get("vanityName") or name, name, details={"way": ORGANIZATION})
