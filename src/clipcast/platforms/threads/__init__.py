"""Threads: its own OAuth and the Threads API v1.0."""

from clipcast.platforms.base import Platform
from clipcast.platforms.threads.account import ThreadsOAuth
from clipcast.platforms.threads.metadata import ThreadsMetadata
from clipcast.platforms.threads.options import options
from clipcast.platforms.threads.publish import CONTINUES, VERSION, finish, publish
from clipcast.platforms.threads.rules import DOCS_URL, DOMAINS, MEDIA, PERMISSIONS, QUOTAS

platform = Platform(
    name="threads",
    title="Threads",
    color="#111214",
    docs_url=DOCS_URL,
    domains=DOMAINS,
    metadata=ThreadsMetadata,
    media=MEDIA,
    quotas=QUOTAS,
    sign_in=ThreadsOAuth(),
    permission_titles=PERMISSIONS,
    publish=publish,
    version=VERSION,
    continues=CONTINUES,
    options=options,
    finish=finish,
    fetches_media=lambda account: True,
)
