"""Connecting LinkedIn pages: a member signs in with the operator's Community Management app (sheet section 1).

That product may be the only one of an app, so it is an app of its own beside the one with which members sign in.
"""

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri

from clipcast.common.settings import PlatformApp
from clipcast.platforms.base import Account, Http, Profile, Tokens
from clipcast.platforms.errors import InvalidRequest
from clipcast.platforms.linkedin.account import AUTHORIZE, LinkedInOAuth
from clipcast.platforms.linkedin.errors import parse_response
from clipcast.platforms.linkedin.rules import API, ORGANIZATION, ORGANIZATION_SCOPES

# What a member must be on a page to publish there.
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
        """The pages on which the member may publish. Raises InvalidRequest when there is none."""
        params = {"q": "roleAssignee", "state": "APPROVED", "count": "100"}
        answer = parse_response(await http.request("organizations", "GET", f"{API}/organizationAcls", params=params))
        urns = [entry["organization"] for entry in answer["elements"] if entry.get("role") in ROLES]
        if not urns:
            raise InvalidRequest(
                "no_page", "There is no page on which this member may publish.", actor="account_owner",
                fix="Ask an administrator of the page for the role content admin, then open the link again.",
            )  # fmt: skip
        return [Account(await _profile(http, urn.rsplit(":", 1)[1]), tokens) for urn in dict.fromkeys(urns)]


async def _profile(http: Http, organization_id: str) -> Profile:
    found = parse_response(await http.request("organization", "GET", f"{API}/organizations/{organization_id}"))
    name = str(found.get("localizedName") or organization_id)
    return Profile(organization_id, found.get("vanityName") or name, name, details={"way": ORGANIZATION})
