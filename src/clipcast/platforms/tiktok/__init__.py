"""TikTok: Login Kit and the Content Posting API v2."""

from clipcast.platforms.base import Platform
from clipcast.platforms.tiktok.account import TikTokOAuth
from clipcast.platforms.tiktok.metadata import TikTokMetadata
from clipcast.platforms.tiktok.options import options
from clipcast.platforms.tiktok.publish import VERSION, finish, publish
from clipcast.platforms.tiktok.rules import DOCS_URL, DOMAINS, DRAFT, MEDIA, PERMISSIONS, QUOTAS

platform = Platform(
    name="tiktok",
    title="TikTok",
    color="#111214",
    docs_url=DOCS_URL,
    domains=DOMAINS,
    metadata=TikTokMetadata,
    media=MEDIA,
    media_kind_field="post_mode",
    media_kinds={"MEDIA_UPLOAD": DRAFT},
    quotas=QUOTAS,
    sign_in=TikTokOAuth(),
    permission_titles=PERMISSIONS,
    publish=publish,
    version=VERSION,
    options=options,
    # Every creator may post videos of 3 minutes, some longer ones (docs/platforms/tiktok.md).
    kept_options={"maxVideoPostDurationSec": 180},
    finish=finish,
)
