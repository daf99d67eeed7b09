"""When a delivery is sent again, and when a webhook that does not respond is paused and disabled."""

from datetime import timedelta

from clipcast.jobs.retry import spread

# After the attempt of the same place in this list, the delivery waits so long. After the last one, it has failed.
WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
RETRY_AFTER_MAX = timedelta(hours=24)
# After so many failures in a row, a webhook that does not respond is left alone for growing pauses.
FAILURES_MAX = 3
PAUSE_MIN, PAUSE_MAX = timedelta(seconds=5), timedelta(minutes=10)
# A webhook is disabled when it has failed for this time, and an event has told it so long before.
DISABLED_AFTER, WARNING = timedelta(days=5), timedelta(days=1)
WARNED_AFTER = DISABLED_AFTER - WARNING


def next_wait(attempts: int, retry_after: timedelta | None) -> timedelta | None:
    """Return the time until the next attempt, after `attempts` of them; None if no attempt is left."""
    if attempts > len(WAITS):
        return None
    return max(spread(WAITS[attempts - 1]), bounded(retry_after))


def bounded(retry_after: timedelta | None) -> timedelta:
    """Return the wait that a receiver asked for, within bounds."""
    return min(retry_after or timedelta(), RETRY_AFTER_MAX)


def pause_after(failures: int) -> timedelta:
    """Return for how long a webhook is left alone after so many failures in a row."""
    if failures < FAILURES_MAX:
        return timedelta()
    return spread(min(PAUSE_MIN * 2 ** min(failures - FAILURES_MAX, 10), PAUSE_MAX))
