"""The advisory locks: each has a number of its own, and all are in one module."""

from pathlib import Path

import clipcast
from clipcast.database.locks import Lock

SOURCE = Path(clipcast.__file__).parent
# The windows of the queues: their numbers are hashes of 64 bits.
OF_HASHES = "jobs/engines/temporal/feeder.py"


def test_locks_have_different_numbers() -> None:
    assert len({lock.value for lock in Lock.__members__.values()}) == len(Lock.__members__) == 4


def test_locks_are_taken_by_the_module_alone() -> None:
    takers = {str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py") if "pg_advisory" in path.read_text()}
    assert takers == {"database/locks.py", OF_HASHES}
