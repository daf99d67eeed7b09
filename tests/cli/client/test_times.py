"""Times as people write them after `--at`."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from clipcast.cli.client.times import NotATime, local_time, parse_at, with_local_times
from clipcast.clock import clock

# A Saturday.
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(clock), "now", lambda self: NOW)


@pytest.fixture
def in_sao_paulo() -> Iterator[None]:
    """Move this machine."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "America/Sao_Paulo"
    time.tzset()
    yield
    del os.environ["TZ"]
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2027-01-24 18:00", "2027-01-24T18:00:00+01:00"),
        ("2027-07-24T18:00:30", "2027-07-24T18:00:30+02:00"),
        ("2027-01-24T18:00:00-03:00", "2027-01-24T22:00:00+01:00"),
        ("2027-01-24t18:00z", "2027-01-24T19:00:00+01:00"),
        ("tomorrow 18:00", "2026-11-29T18:00:00+01:00"),
        ("  Tomorrow   at 6pm ", "2026-11-29T18:00:00+01:00"),
        ("today 23:59", "2026-11-28T23:59:00+01:00"),
        ("13:30", "2026-11-28T13:30:00+01:00"),
        ("fri 9:00", "2026-12-04T09:00:00+01:00"),
        ("saturday 12am", "2026-12-05T00:00:00+01:00"),
        ("sat 13:01", "2026-11-28T13:01:00+01:00"),
        ("sat 13:00", "2026-12-05T13:00:00+01:00"),
        ("2027-1-4 9:00", "2027-01-04T09:00:00+01:00"),
        ("2027-01-24T9:05", "2027-01-24T09:05:00+01:00"),
        ("2027/07/24 6pm", "2027-07-24T18:00:00+02:00"),
        ("24.1.2027 at 18:00", "2027-01-24T18:00:00+01:00"),
        ("24 Jan 18:00", "2027-01-24T18:00:00+01:00"),
        ("Dec. 24th, 2027, 9:30 am", "2027-12-24T09:30:00+01:00"),
        ("29 feb 18:00", "2028-02-29T18:00:00+01:00"),
        ("28 november 14:00", "2026-11-28T14:00:00+01:00"),
        ("18:00 tomorrow", "2026-11-29T18:00:00+01:00"),
        ("9am on friday", "2026-12-04T09:00:00+01:00"),
        ("in 2 hours", "2026-11-28T15:00:00+01:00"),
        ("in an hour", "2026-11-28T14:00:00+01:00"),
        ("in 90 min", "2026-11-28T14:30:00+01:00"),
        ("in 1.5h", "2026-11-28T14:30:00+01:00"),
        ("in 2 weeks", "2026-12-12T13:00:00+01:00"),
        # Instants, not local times: Berlin's clocks are set forward meanwhile.
        ("in 150 days", "2027-04-27T14:00:00+02:00"),
    ],
)
def test_time_is_one_of_the_zone(text: str, expected: str) -> None:
    found = parse_at(text, "Europe/Berlin")
    assert found is not None
    assert found.isoformat() == expected


@pytest.mark.usefixtures("in_sao_paulo")
def test_zone_of_this_machine_is_the_default() -> None:
    assert str(parse_at("tomorrow 18:00")) == "2026-11-29 18:00:00-03:00"
    assert str(parse_at("2027-01-24T18:00Z")) == "2027-01-24 15:00:00-03:00"


@pytest.mark.usefixtures("in_sao_paulo")
def test_instants_of_the_api_are_shown_as_local_times_with_the_zone() -> None:
    text = "It waits until 2027-01-24T21:00:07.000Z. Post a-2027-01-24T21:00:07Z.mp4 is due at 2027-01-24T21:00:00Z."
    assert with_local_times(text) == (
        "It waits until 2027-01-24 18:00:07 America/Sao_Paulo. Post a-2027-01-24T21:00:07Z.mp4 is due at "
        "2027-01-24 18:00 America/Sao_Paulo."
    )
    assert local_time("2027-07-24T18:00:00+00:00", "Europe/Berlin") == "2027-07-24 20:00 Europe/Berlin"


def test_zone_without_a_name_is_shown_by_its_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "<-03>3")
    time.tzset()
    assert local_time("2027-01-24T21:00:00Z") == "2027-01-24 18:00 UTC-03:00"
    monkeypatch.undo()
    time.tzset()


def test_now_means_no_time() -> None:
    assert parse_at("now") is None


@pytest.mark.parametrize(
    ("text", "zone", "part"),
    [
        ("", None, "is not a time"),
        ("soon", None, 'such as "2027-01-24 18:00"'),
        ("2027-01-24", None, "has no time of day"),
        ("18", None, "has no time of day"),
        ("tomorrow 18", None, "has no time of day"),
        ("2027-02-30 18:00", None, "is not a time"),
        ("2020-01-01 9:00", "Europe/Berlin", "is 2020-01-01 09:00 Europe/Berlin, which is not in the future"),
        ("24 jan", None, "has no time of day"),
        ("24/1/2027 18:00", None, "a date such as 2027-01-24"),
        ("31 april 9:00", None, "there is no such day"),
        ("29 feb 2027 9:00", None, "there is no such day"),
        ("in 5 ms", None, "'ms' is no unit of time"),
        ("25:00", None, "0:00 to 23:59"),
        ("13pm", None, "hours 1 to 12"),
        ("someday 9:00", None, "is no day"),
        ("t 9:00", None, "is no day"),
        ("in 3 moons", None, "no unit of time"),
        ("today 11:59", "Europe/London", "not in the future"),
        ("in 0 minutes", None, "not in the future"),
        ("tomorrow 18:00", "Mars/Olympus", "no time zone"),
        ("0001-01-01 00:00", "Asia/Tokyo", "no time of this calendar"),
        ("9999-12-31T23:59-10:00", None, "no time of this calendar"),
        ("9999-12-31T23:59Z", "Asia/Tokyo", "no time of this calendar"),
        ("2027-03-28 02:30", "Europe/Berlin", "2027-03-28T01:30:00+01:00 or 2027-03-28T03:30:00+02:00"),
        ("2027-10-31 02:30", "Europe/Berlin", "2027-10-31T02:30:00+02:00 or 2027-10-31T02:30:00+01:00"),
    ],
)
def test_other_text_is_explained(text: str, zone: str | None, part: str) -> None:
    with pytest.raises(NotATime) as raised:
        parse_at(text, zone)
    assert part in str(raised.value)
