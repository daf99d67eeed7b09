"""The kinds of jobs, as data: one row each."""

from collections.abc import Mapping
from dataclasses import dataclass

from clipcast.jobs.retry import DELAYS

NETWORK = "network"
# Jobs that were running when workers died. Each runs alone, in a process of its own (publishing/quarantine.py).
QUARANTINE = "quarantine"

PUBLISH = "publish"
FINISH = "finish"


@dataclass(frozen=True)
class Kind:
    """How the jobs of a kind run and retry."""

    name: str
    # The queue has slots of its own in each worker, so that no queue delays another.
    queue: str
    # Within its workspace and queue: the lowest number first.
    priority: int
    # Seconds before each retry, by class of error.
    delays: Mapping[str, tuple[float, ...]]


KINDS = {
    kind.name: kind
    for kind in (
        Kind(FINISH, NETWORK, 4, DELAYS),
        Kind(PUBLISH, NETWORK, 5, DELAYS),
    )
}
# The kinds whose subject is an item.
ITEM_KINDS = (PUBLISH, FINISH)
QUEUES = tuple(dict.fromkeys(kind.queue for kind in KINDS.values()))
# The queues of all jobs: a job in quarantine has left the queue of its kind.
ALL_QUEUES = (*QUEUES, QUARANTINE)
