"""The clock follows the database's time only."""

import time
from datetime import UTC, datetime, timedelta
from math import inf

import pytest

from clipcast import clock as module
from clipcast.clock import STEP, Clock

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Host:
    """A host whose clocks a test sets."""

    wall = NOON
    monotonic = 1000.0

    def passes(self, span: timedelta) -> None:
        self.wall += span
        self.monotonic += span.total_seconds()


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host()

    class Wall(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return host.wall

    monkeypatch.setattr(module, "datetime", Wall)
    monkeypatch.setattr(time, "clock_gettime", lambda which: host.monotonic)
    return host


def test_clock_counts_on_by_the_monotonic_clock(host: Host) -> None:
    clock = Clock()
    assert clock.now() == NOON
    host.passes(timedelta(minutes=5))
    assert clock.now() == NOON + timedelta(minutes=5)


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(hours=1), timedelta(days=400)])
def test_change_of_the_hosts_clock_changes_nothing(host: Host, jump: timedelta) -> None:
    """An operator or NTP can set the host's clock at any time."""
    clock = Clock()
    before = clock.monotonic()
    host.wall += jump
    assert clock.now() == NOON
    assert clock.monotonic() == before


def test_clock_continues_from_the_databases_time(host: Host) -> None:
    """A host whose clock is 3 min late publishes at the same time as the others."""
    clock = Clock()
    clock.follow(NOON + timedelta(minutes=3))
    assert clock.now() == NOON + timedelta(minutes=3)
    before = clock.monotonic()
    host.passes(timedelta(seconds=10))
    assert clock.now() == NOON + timedelta(minutes=3, seconds=10)
    clock.follow(NOON)  # backwards, too; `monotonic` does not follow
    assert (clock.now(), clock.monotonic()) == (NOON, before + 10)


@pytest.mark.parametrize("sign", [1, -1])
def test_larger_difference_is_a_step(host: Host, sign: int) -> None:
    clock = Clock()
    host.passes(timedelta(minutes=1))
    assert not clock.follow(host.wall + sign * STEP, steps_only=True)
    assert (clock.now(), clock.stepped_at) == (host.wall, -inf)
    beyond = host.wall + sign * (STEP + timedelta(seconds=1))
    assert clock.follow(beyond, steps_only=True)
    assert (clock.now(), clock.stepped_at) == (beyond, clock.monotonic())


def test_moved_time_is_no_step(host: Host) -> None:
    clock = Clock()
    clock.move(timedelta(hours=2))
    assert not clock.follow(host.wall)


def test_move_changes_instants_and_monotonic_seconds(host: Host) -> None:
    clock = Clock()
    clock.move(timedelta(hours=2))
    assert (clock.now(), clock.monotonic()) == (NOON + timedelta(hours=2), 1000 + 7200)
    clock.reset()
    assert clock.now() == NOON
