"""The back-off, as numbers."""

from datetime import timedelta

import pytest

from clipcast.jobs.retry import DELAYS, JITTER, next_try
from clipcast.platforms.errors import (
    InvalidRequest,
    MediaRejected,
    OutcomeUnknown,
    PolicyRejected,
    PublishError,
    RateLimited,
    ReconnectNeeded,
    TransientError,
)


@pytest.mark.parametrize("kind", [InvalidRequest, MediaRejected, PolicyRejected, ReconnectNeeded])
def test_what_will_not_get_better_is_not_tried_again(kind: type[PublishError]) -> None:
    assert next_try(kind("x", "x"), 1) is None


@pytest.mark.parametrize("kind", [TransientError, RateLimited, OutcomeUnknown])
def test_delays_grow_and_end(kind: type[PublishError]) -> None:
    delays = DELAYS[kind.kind]
    for number, delay in enumerate(delays, 1):
        for _ in range(20):
            tried = next_try(kind("x", "x"), number)
            assert tried is not None
            assert delay <= tried.total_seconds() <= delay * (1 + JITTER)
    assert next_try(kind("x", "x"), len(delays) + 1) is None
    assert list(delays) == sorted(delays)


def test_an_unknown_outcome_is_looked_for_during_a_day() -> None:
    assert timedelta(hours=22) < timedelta(seconds=sum(DELAYS["outcome_unknown"])) < timedelta(hours=26)


def test_what_the_platform_asks_for_is_the_least_and_nothing_is_added() -> None:
    assert next_try(RateLimited("x", "x", wait=timedelta(hours=24)), 1) == timedelta(hours=24)
    longer = next_try(RateLimited("x", "x", wait=timedelta(seconds=5)), 5)
    assert longer is not None
    assert longer >= timedelta(seconds=DELAYS["rate_limited"][4])
