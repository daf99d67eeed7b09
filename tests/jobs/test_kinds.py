"""The kinds of jobs."""

from clipcast.common.settings import QUEUES
from clipcast.jobs.kinds import KINDS, LONG


def test_every_kind_has_a_queue_that_workers_can_serve() -> None:
    assert {kind.queue for kind in KINDS.values()} | {LONG} == set(QUEUES)
