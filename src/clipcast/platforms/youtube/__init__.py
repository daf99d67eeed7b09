"""YouTube: Google OAuth 2.0 and the YouTube Data API v3."""

from clipcast.platforms.base import Platform
from clipcast.platforms.youtube.account import YouTubeOAuth
from clipcast.platforms.youtube.metadata import YouTubeMetadata
from clipcast.platforms.youtube.options import options
from clipcast.platforms.youtube.publish import CONTINUES, VERSION, finish, publish
from clipcast.platforms.youtube.rules import DOCS_URL, DOMAINS, MEDIA, PERMISSIONS, QUOTAS

platform = Platform(
    name="youtube",
    title="YouTube",
    color="#e8000b",
    docs_url=DOCS_URL,
    domains=DOMAINS,
    metadata=YouTubeMetadata,
    media=MEDIA,
    quotas=QUOTAS,
    sign_in=YouTubeOAuth(),
    permission_titles=PERMISSIONS,
    publish=publish,
    version=VERSION,
    continues=CONTINUES,
    options=options,
    finish=finish,
)
