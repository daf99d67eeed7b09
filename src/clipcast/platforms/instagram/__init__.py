"""Instagram: Instagram Login (Instagram fetches the clip) or Facebook Login (Clipcast sends its bytes)."""

from clipcast.platforms.base import Platform
from clipcast.platforms.instagram.account import InstagramOAuth
from clipcast.platforms.instagram.by_facebook import InstagramByFacebook
from clipcast.platforms.instagram.metadata import InstagramMetadata
from clipcast.platforms.instagram.options import options
from clipcast.platforms.instagram.publish import CONTINUES, VERSION, finish, publish
from clipcast.platforms.instagram.rules import BY_FACEBOOK, DOCS_URL, DOMAINS, MEDIA, PERMISSIONS, QUOTAS, STORY

platform = Platform(
    name="instagram",
    title="Instagram",
    color="#d0286f",
    docs_url=DOCS_URL,
    domains=DOMAINS,
    metadata=InstagramMetadata,
    media=MEDIA,
    media_kind_field="media_type",
    media_kinds={"STORIES": STORY},
    quotas=QUOTAS,
    sign_in=InstagramOAuth(),
    other_sign_in_methods={BY_FACEBOOK: InstagramByFacebook()},
    sign_in_titles={None: "With Instagram", BY_FACEBOOK: "Through Facebook"},
    permission_titles=PERMISSIONS,
    publish=publish,
    version=VERSION,
    continues=CONTINUES,
    options=options,
    finish=finish,
    fetches_media=lambda account: account.get("way") != BY_FACEBOOK,
)
