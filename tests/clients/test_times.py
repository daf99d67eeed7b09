"""Posting times by the clock on the wall: zones, clock changes, paused days."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipcast.clients.times import Days, PostingTime, instants_between, varied, window_of
from clipcast.common.ids import new_id

BERLIN = ZoneInfo("Europe/Berlin")
SUNDAY = 6


def walls(zone: str, at: str, since: str, until: str, weekday: int = SUNDAY) -> list[str]:
    """Return the instants of a weekly time in UTC."""
    times = [PostingTime(weekday, time.fromisoformat(at))]
    span = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (since, until))
    return [f"{one:%m-%d %H:%M}" for one in instants_between(times, ZoneInfo(zone), *span)]


@pytest.mark.parametrize(
    ("zone", "at", "since", "until", "instants"),
    [
        # The clocks change on 28 March 2027 and on 31 October 2027.
        ("Europe/Berlin", "18:30", "2027-03-20", "2027-04-05", ["03-21 17:30", "03-28 16:30", "04-04 16:30"]),
        ("Europe/Berlin", "02:30", "2027-03-20", "2027-04-05", ["03-21 01:30", "03-28 01:30", "04-04 00:30"]),
        ("Europe/Berlin", "02:30", "2027-10-23", "2027-11-08", ["10-24 00:30", "10-31 00:30", "11-07 01:30"]),
        # By half an hour, and at midnight.
        ("Australia/Lord_Howe", "02:15", "2026-10-03", "2026-10-05", ["10-03 15:45"]),
        ("America/Santiago", "00:30", "2026-09-05", "2026-09-07", ["09-06 04:30"]),
        ("Pacific/Kiritimati", "23:59", "2027-01-01", "2027-01-05", ["01-03 09:59"]),
        ("America/Los_Angeles", "23:59", "2027-01-01", "2027-01-05", ["01-04 07:59"]),
    ],
)
def test_time_stays_on_the_wall_when_clocks_change(
    zone: str, at: str, since: str, until: str, instants: list[str]
) -> None:
    """A skipped time moves forward: 02:30 is 03:30, which is 01:30 UTC. A repeated one counts the first time."""
    assert walls(zone, at, since, until) == instants


def test_two_times_that_a_gap_makes_one_count_once() -> None:
    times = [PostingTime(SUNDAY, time(2, 30)), PostingTime(SUNDAY, time(3, 30)), PostingTime(SUNDAY, time(3))]
    since = datetime(2027, 3, 28, tzinfo=UTC)
    found = list(instants_between(times, BERLIN, since, since + timedelta(days=1)))
    assert [f"{one.astimezone(BERLIN):%H:%M}" for one in found] == ["03:00", "03:30"]


def test_paused_days_are_days_of_the_client() -> None:
    """23:30 in Auckland on the day before the pause is already on the paused day in UTC terms, and stays."""
    times = [PostingTime(day, time(0, 30)) for day in range(7)]
    zone, since = ZoneInfo("Pacific/Auckland"), datetime(2026, 12, 23, tzinfo=UTC)
    paused = [Days(date(2026, 12, 24), date(2026, 12, 26))]
    found = instants_between(times, zone, since, since + timedelta(days=6), paused)
    assert [one.astimezone(zone).day for one in found] == [27, 28, 29]


CLOCK = st.times().map(lambda at: at.replace(second=0, microsecond=0))


@given(
    zone=st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu", "UTC"]),
    times=st.sets(st.builds(PostingTime, st.integers(0, 6), CLOCK)),
    since=st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),
    length=st.timedeltas(timedelta(0), timedelta(days=40)),
    cut=st.floats(0, 1),
)  # fmt: skip
def test_spans_that_adjoin_give_the_same_as_the_whole(
    zone: str, times: set[PostingTime], since: datetime, length: timedelta, cut: float
) -> None:
    """No instant is lost or doubled at the border, all are in order, and all are within the span."""
    where, middle, until = ZoneInfo(zone), since + length * cut, since + length
    whole = list(instants_between(times, where, since, until))
    parts = [*instants_between(times, where, since, middle), *instants_between(times, where, middle, until)]
    assert parts == whole == sorted(set(whole))
    assert all(since <= one < until for one in whole)


def test_variation_is_the_same_for_whom_it_was_shown_and_stays_within_its_minutes() -> None:
    client, first = new_id(), datetime(2026, 12, 1, 18, 30, tzinfo=UTC)
    instants = [first + timedelta(days=day) for day in range(200)]
    later = [varied(one, client, 5) - one for one in instants]
    assert later == [varied(one.astimezone(BERLIN), client, 5) - one for one in instants]
    assert min(later) >= timedelta(0)
    assert max(later) < window_of(5)
    assert len(set(later)) > 50
    assert varied(first, client, 0) == first
