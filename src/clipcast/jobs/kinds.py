"""The kinds of jobs, as data: one row each."""

from dataclasses import dataclass

from clipcast.common.settings import QUEUES

NETWORK = "network"
# Deliveries of events to webhooks. Those to hosts that do not respond have slots of their own, as many.
DELIVER_QUEUE, REDELIVER_QUEUE = "deliver", "redeliver"
# Messages to members, and requests to hosts for which no post waits.
NOTIFY_QUEUE = "notify"
# Encoding, encoding for a long time, and the copying of streams into another file: seconds never wait for minutes, nor
# minutes for hours.
CPU, LONG, COPY = "cpu", "long", "remux"
RENDERER_QUEUES = (CPU, LONG, COPY)
# Jobs that were running when workers died. Each runs alone, in a process of its own (publishing/quarantine.py).
QUARANTINE = "quarantine"

PUBLISH = "publish"
FINISH = "finish"
RENDER = "render"
REMUX = "remux"
# Finds the clips of a submission.
ANALYZE = "analyze"
# Sends the due deliveries of a webhook. The job has the webhook's id.
DELIVER = "deliver"
# Sends the notices that wait in a channel of a member. Its subject is the channel.
NOTIFY = "notify"
# Fetches the picture of an account, which is its subject.
AVATAR = "avatar"


@dataclass(frozen=True)
class Kind:
    """Where and in which order the jobs of a kind run."""

    name: str
    # The queue has slots of its own in each worker, so that no queue delays another. Long jobs of `cpu` are in `long`.
    queue: str
    # Within its workspace and queue: the lowest number first.
    priority: int


KINDS = {
    kind.name: kind
    for kind in (
        Kind(FINISH, NETWORK, 4),
        Kind(PUBLISH, NETWORK, 5),
        Kind(RENDER, CPU, 5),
        Kind(REMUX, COPY, 5),
        Kind(ANALYZE, CPU, 6),
        Kind(DELIVER, DELIVER_QUEUE, 5),
        Kind(NOTIFY, NOTIFY_QUEUE, 5),
        Kind(AVATAR, NOTIFY_QUEUE, 6),
    )
}
# The kinds whose subject is an item.
ITEM_KINDS = (PUBLISH, FINISH)
# The kinds whose subject is a rendition. Such a job has the rendition's id.
RENDITION_KINDS = (RENDER, REMUX)
# The kinds whose jobs never die: no run of them can end a worker, so that others ended those that ran them.
UNDYING = (DELIVER, NOTIFY, AVATAR)
# The queues of all jobs: a job in the last two has left the queue of its kind.
ALL_QUEUES = (*QUEUES, REDELIVER_QUEUE, QUARANTINE)
