"""What a worker does for notices: it sends them, and listens for the events that members want."""

from datetime import timedelta
from functools import partial

from clipcast.installation import Installation
from clipcast.jobs.kinds import NOTIFY, NOTIFY_QUEUE
from clipcast.jobs.worker import Background, Part, every
from clipcast.notices.listeners import refresh_listeners
from clipcast.notices.runner import NoticeRunner

# New workspaces are listened for by default. Whoever chooses events is listened for at once.
REFRESH_EVERY = timedelta(seconds=30)


def notices_part(installation: Installation) -> Part:
    """Return what a worker of this installation does for notices."""
    settings, database = installation.settings, installation.database
    refreshing = partial(every, REFRESH_EVERY, partial(refresh_listeners, database, settings))
    return Part(
        runners={NOTIFY: NoticeRunner(settings, database, installation.vault)},
        slots={NOTIFY_QUEUE: settings.worker_slots[NOTIFY_QUEUE]},
        background={"notice_listeners": Background(refreshing)},
        channels={},
    )
