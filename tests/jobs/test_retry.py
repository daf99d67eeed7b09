"""The delays before retries."""

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
def test_permanent_error_has_no_retry(kind: type[PublishError]) -> None:
    assert next_try(kind("x", "x"), 1) is None


@pytest.mark.parametrize("kind", [TransientError, RateLimited, OutcomeUnknown])
def test_transient_error_has_growing_delays_up_to_the_last_retry(kind: type[PublishError]) -> None:
    delays = DELAYS[kind.kind]
    for number, delay in enumerate(delays, 1):
        for _ in range(20):
            tried = next_try(kind("x", "x"), number)
            assert tried is not None
            assert delay <= tried.total_seconds() <= delay * (1 + JITTER)
    assert next_try(kind("x", "x"), len(delays) + 1) is None
    assert list(delays) == sorted(delays)


def test_unknown_outcome_is_reconciled_for_a_day() -> None:
    assert timedelta(hours=22) < timedelta(seconds=sum(DELAYS["outcome_unknown"])) < timedelta(hours=26)


def test_wait_of_the_platform_is_the_minimum_without_jitter() -> None:
    assert next_try(RateLimited("x", "x", wait=timedelta(hours=24)), 1) == timedelta(hours=24)
    longer = next_try(RateLimited("x", "x", wait=timedelta(seconds=5)), 5)
    assert longer is not None
    assert longer >= timedelta(seconds=DELAYS["rate_limited"][4])
