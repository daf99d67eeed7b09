"""What a worker does for webhooks: it routes events, runs the jobs of webhooks, and deletes old events."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from clipcast.installation import Installation
from clipcast.jobs.kinds import DELIVER, DELIVER_QUEUE, REDELIVER_QUEUE
from clipcast.jobs.wake import EVENTS_CHANNEL
from clipcast.jobs.worker import Background, Part, every
from clipcast.webhooks.retention import delete_old
from clipcast.webhooks.router import Follower, Router
from clipcast.webhooks.runner import DeliverRunner

DELETE_EVERY = timedelta(minutes=10)
# Seconds before the deletion restarts after a failure.
DELETE_PAUSE = 60.0


def webhooks_part(installation: Installation, followers: Sequence[Follower] = ()) -> Part:
    """Return what a worker of this installation does for webhooks. `followers` get the events, too."""
    router = Router(installation, followers)
    slots = installation.settings.worker_slots[DELIVER_QUEUE]
    deleting = partial(every, DELETE_EVERY, partial(delete_old, installation.database))
    return Part(
        runners={DELIVER: DeliverRunner(installation)},
        slots={DELIVER_QUEUE: slots, REDELIVER_QUEUE: slots},
        background={"events": Background(router.run), "old_events": Background(deleting, DELETE_PAUSE)},
        channels={EVENTS_CHANNEL: router.woken},
    )
