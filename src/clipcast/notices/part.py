"""What a worker does for notices: it sends them, and listens for the events that members want."""

from datetime import timedelta
from functools import partial

from clipcast.installation import Installation
from clipcast.jobs.kinds import NOTIFY
from clipcast.jobs.worker import Background, Part, every
from clipcast.notices.listeners import refresh_listeners
from clipcast.notices.runner import NoticeRunner

# New workspaces are listened for by default. Whoever chooses events is listened for at once.
REFRESH_EVERY = timedelta(seconds=30)


def notices_part(installation: Installation) -> Part:
    """Return what a worker of this installation does for notices. Their queue has slots for webhooks already."""
    settings, database = installation.settings, installation.database
    refreshing = partial(every, REFRESH_EVERY, partial(refresh_listeners, database, settings))
    return Part(
        runners={NOTIFY: NoticeRunner(settings, database, installation.vault)},
        slots={},
        background={"notice_listeners": Background(refreshing)},
        channels={},
    )
