"""The delays before retries, as data: one row per class of error."""

import random
from datetime import timedelta

from clipcast.platforms.errors import PublishError

JITTER = 0.25

MINUTE, HOUR = 60.0, 3600.0

# Seconds before each retry, by class. After the last one, the item has failed.
DELAYS: dict[str, tuple[float, ...]] = {
    "transient": (1, 2, 4, 8, 16, 32, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR),
    "rate_limited": (MINUTE, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, HOUR, 6 * HOUR, 24 * HOUR),
    # Each retry only reconciles: `send_once` calls `reconcile` and does not send.
    "outcome_unknown": (10, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR, 15 * HOUR),
    "internal": (5, MINUTE, 10 * MINUTE),
    "reconnect": (),
    "invalid": (),
    "media": (),
    "policy": (),
}


def next_try(error: PublishError, failures: int) -> timedelta | None:
    """Return the wait before the next attempt, or None if there is none.

    `failures` is the number of failures in a row, this one included. The wait that the platform requires is the
    minimum, without jitter. Only Clipcast's own delays have jitter.
    """
    delays = DELAYS[error.kind]
    if error.final or failures > len(delays):
        return None
    return max(spread(timedelta(seconds=delays[failures - 1])), error.wait or timedelta())


def spread(delay: timedelta) -> timedelta:
    """Return `delay` plus up to 25 %, at random, so that items that failed together do not retry together."""
    return delay * (1 + JITTER * random.random())  # noqa: S311 - spreading, not a secret
