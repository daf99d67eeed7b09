"""Instagram: the Instagram API with Instagram Login."""

from clipcast.platforms.base import Platform
from clipcast.platforms.instagram.account import InstagramOAuth
from clipcast.platforms.instagram.metadata import InstagramMetadata
from clipcast.platforms.instagram.options import options
from clipcast.platforms.instagram.publish import finish, publish
from clipcast.platforms.instagram.rules import DOCS_URL, DOMAINS, MEDIA

platform = Platform(
    name="instagram",
    title="Instagram",
    docs_url=DOCS_URL,
    domains=DOMAINS,
    metadata=InstagramMetadata,
    media=MEDIA,
    sign_in=InstagramOAuth(),
    publish=publish,
    options=options,
    finish=finish,
    fetches_media=lambda account: True,
)
