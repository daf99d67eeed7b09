"""The worker with everything that it does.

It publishes, delivers events to webhooks, sends notices to members, looks for posts that are not approved in time, and
fetches pictures of accounts.
"""

from functools import partial

from clipcast.connections.avatar_runner import avatars_part
from clipcast.installation import Installation
from clipcast.notices.fan_out import fan_out
from clipcast.notices.part import notices_part
from clipcast.publishing.worker import Worker
from clipcast.reviews.late import reviews_part
from clipcast.webhooks.part import webhooks_part


def make_worker(installation: Installation) -> Worker:
    """Return a worker of this installation."""
    tell_members = partial(fan_out, has_mail=installation.settings.smtp is not None)
    parts = [
        webhooks_part(installation, [tell_members]),
        notices_part(installation),
        reviews_part(installation),
        avatars_part(installation),
    ]
    return Worker(installation.settings, installation.database, installation.storage, installation.vault, parts)
