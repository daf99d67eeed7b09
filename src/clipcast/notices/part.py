"""What the notices have a worker do: sending, and listening for the events that members want."""

from datetime import timedelta
from functools import partial

from clipcast.common.settings import Settings
from clipcast.common.vault import Vault
from clipcast.database import Database
from clipcast.jobs.kinds import NOTIFY
from clipcast.jobs.worker import Background, Part, every
from clipcast.notices.listeners import refresh_listeners
from clipcast.notices.runner import NoticeRunner

# New workspaces and members are told by default. Whoever chooses something else is listened for at once.
REFRESH_EVERY = timedelta(seconds=30)


def make_part(settings: Settings, database: Database, vault: Vault) -> Part:
    """Return the part of a worker that sends notices. Its queue's slots are those of the webhooks."""
    refresh = partial(every, REFRESH_EVERY, partial(refresh_listeners, database, settings))
    runners = {NOTIFY: NoticeRunner(settings, database, vault)}
    return Part(runners, {}, {"notice_listeners": Background(refresh)}, {})
