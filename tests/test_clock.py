"""The clock follows the database, and nothing else."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from clipcast import clock as module
from clipcast.clock import Clock

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Host:
    """A machine whose clocks a test sets."""

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


def test_time_passes(host: Host) -> None:
    clock = Clock()
    assert clock.now() == NOON
    host.passes(timedelta(minutes=5))
    assert clock.now() == NOON + timedelta(minutes=5)


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(hours=1), timedelta(days=400)])
def test_a_host_whose_clock_is_set_changes_nothing(host: Host, jump: timedelta) -> None:
    clock = Clock()
    before = clock.monotonic()
    host.wall += jump
    assert clock.now() == NOON
    assert clock.monotonic() == before


def test_the_databases_present_is_adopted(host: Host) -> None:
    """A host that is three minutes behind publishes with everybody else, and not three minutes late."""
    clock = Clock()
    clock.follow(NOON + timedelta(minutes=3))
    assert clock.now() == NOON + timedelta(minutes=3)
    before = clock.monotonic()
    host.passes(timedelta(seconds=10))
    assert clock.now() == NOON + timedelta(minutes=3, seconds=10)
    clock.follow(NOON)  # even backwards; leases are not counted by this clock
    assert (clock.now(), clock.monotonic()) == (NOON, before + 10)


def test_tests_move_both(host: Host) -> None:
    clock = Clock()
    clock.move(timedelta(hours=2))
    assert (clock.now(), clock.monotonic()) == (NOON + timedelta(hours=2), 1000 + 7200)
    clock.reset()
    assert clock.now() == NOON
