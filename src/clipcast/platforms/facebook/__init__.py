"""Facebook: Reels and videos of Pages."""

from clipcast.platforms.base import Platform
from clipcast.platforms.facebook.account import FacebookOAuth
from clipcast.platforms.facebook.metadata import FacebookMetadata
from clipcast.platforms.facebook.publish import VERSION, finish, publish
from clipcast.platforms.facebook.rules import DOCS_URL, DOMAINS, MEDIA, PERMISSIONS, QUOTAS, REEL

platform = Platform(
    name="facebook",
    title="Facebook",
    color="#0866ff",
    docs_url=DOCS_URL,
    domains=DOMAINS,
    metadata=FacebookMetadata,
    media=MEDIA,
    media_kind_field="media_type",
    media_kinds={"REELS": REEL},
    quotas=QUOTAS,
    sign_in=FacebookOAuth(),
    permission_titles=PERMISSIONS,
    publish=publish,
    version=VERSION,
    finish=finish,
)
