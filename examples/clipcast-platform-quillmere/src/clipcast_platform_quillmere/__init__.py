"""Quillmere, a platform that does not exist: OAuth 2.0 and an API for videos."""

from clipcast.platforms.base import Platform
from clipcast_platform_quillmere.account import QuillmereOAuth
from clipcast_platform_quillmere.metadata import QuillmereMetadata
from clipcast_platform_quillmere.publish import VERSION, publish
from clipcast_platform_quillmere.rules import DOCS_URL, DOMAINS, MEDIA, QUOTAS

platform = Platform(
    name="quillmere",
    title="Quillmere",
    docs_url=DOCS_URL,
    domains=DOMAINS,
    metadata=QuillmereMetadata,
    media=MEDIA,
    quotas=QUOTAS,
    sign_in=QuillmereOAuth(),
    publish=publish,
    version=VERSION,
)
