"""Bluesky, and all other servers of the AT protocol that federate with it."""

from clipcast.platforms.base import Platform
from clipcast.platforms.bluesky.account import BlueskySignIn
from clipcast.platforms.bluesky.metadata import BlueskyMetadata
from clipcast.platforms.bluesky.oauth import BlueskyOAuth, sign
from clipcast.platforms.bluesky.options import options
from clipcast.platforms.bluesky.publish import VERSION, publish
from clipcast.platforms.bluesky.rules import DOCS_URL, DOMAINS, MEDIA, OAUTH, PERMISSIONS, QUOTAS

platform = Platform(
    name="bluesky",
    title="Bluesky",
    color="#0f78e6",
    docs_url=DOCS_URL,
    domains=DOMAINS,
    metadata=BlueskyMetadata,
    media=MEDIA,
    quotas=QUOTAS,
    sign_in=BlueskySignIn(),
    other_sign_in_methods={OAUTH: BlueskyOAuth()},
    sign_in_titles={None: "App password", OAUTH: "Sign in at your server"},
    sign=sign,
    permission_titles=PERMISSIONS,
    publish=publish,
    version=VERSION,
    options=options,
    federated=True,
)
