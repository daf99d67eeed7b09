"""When a failed item is tried again, as data: one row per class of error."""

import random
from datetime import timedelta

from clipcast.platforms.errors import PublishError

JITTER = 0.25


MINUTE, HOUR = 60.0, 3600.0

# Seconds before each further try, by class; when they are used up, the item has failed.
DELAYS: dict[str, tuple[float, ...]] = {
    "transient": (1, 2, 4, 8, 16, 32, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR),
    "rate_limited": (MINUTE, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, HOUR, 6 * HOUR, 24 * HOUR),
    # Looked for again, never sent again: `once` asks `find` each time.
    "outcome_unknown": (10, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR, 15 * HOUR),
    "internal": (5, MINUTE, 10 * MINUTE),
    "reconnect": (),
    "invalid": (),
    "media": (),
    "policy": (),
}


def next_try(error: PublishError, failures: int) -> timedelta | None:
    """How long to wait before the next try, or None when there is none.

    `failures` counts those in a row, this one included. What the platform asked for is the least, and nothing is added
    to it. Only our own delays are spread, so that items which failed together do not come back together.
    """
    delays = DELAYS[error.kind]
    if error.final or failures > len(delays):
        return None
    return max(spread(timedelta(seconds=delays[failures - 1])), error.wait or timedelta())


def spread(delay: timedelta) -> timedelta:
    """`delay` and a little more, at random: what failed together does not come back together."""
    return delay * (1 + JITTER * random.random())  # noqa: S311 - spreading, not a secret
