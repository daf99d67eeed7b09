"""Pinterest: OAuth and the API v5."""

from clipcast.platforms.base import Platform
from clipcast.platforms.pinterest.account import PinterestOAuth
from clipcast.platforms.pinterest.metadata import PinterestMetadata
from clipcast.platforms.pinterest.options import options
from clipcast.platforms.pinterest.publish import VERSION, publish
from clipcast.platforms.pinterest.rules import DOCS_URL, DOMAINS, MEDIA, PERMISSIONS, QUOTAS

platform = Platform(
    name="pinterest",
    title="Pinterest",
    color="#c8081e",
    docs_url=DOCS_URL,
    domains=DOMAINS,
    metadata=PinterestMetadata,
    media=MEDIA,
    quotas=QUOTAS,
    sign_in=PinterestOAuth(),
    permission_titles=PERMISSIONS,
    publish=publish,
    version=VERSION,
    options=options,
)
