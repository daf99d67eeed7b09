"""LinkedIn: OAuth 2.0, the Videos API and the Posts API, for members and pages."""

from clipcast.platforms.base import Platform
from clipcast.platforms.linkedin.account import LinkedInOAuth
from clipcast.platforms.linkedin.metadata import LinkedInMetadata
from clipcast.platforms.linkedin.organization import LinkedInOrganizationOAuth
from clipcast.platforms.linkedin.publish import CONTINUES, VERSION, publish
from clipcast.platforms.linkedin.rules import (
    API_VERSION,
    DOCS_URL,
    DOMAINS,
    MEDIA,
    ORGANIZATION,
    PERMISSIONS,
    QUOTAS,
    headers,
)

platform = Platform(
    name="linkedin",
    title="LinkedIn",
    color="#0a66c2",
    docs_url=DOCS_URL,
    domains=DOMAINS,
    metadata=LinkedInMetadata,
    media=MEDIA,
    quotas=QUOTAS,
    sign_in=LinkedInOAuth(),
    other_sign_in_methods={ORGANIZATION: LinkedInOrganizationOAuth()},
    sign_in_titles={None: "Yourself", ORGANIZATION: "A page"},
    permission_titles=PERMISSIONS,
    publish=publish,
    version=VERSION,
    continues=CONTINUES,
    settings=(API_VERSION,),
    headers=headers,
)
