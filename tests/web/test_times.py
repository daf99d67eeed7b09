"""Times as people read and type them, also where clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from clipcast.clock import clock
from clipcast.web.times import ago, day, from_input, shown, to_input, zone_named, zone_names

PAULO, LISBON = ZoneInfo("America/Sao_Paulo"), ZoneInfo("Europe/Lisbon")


def test_the_zone_is_named() -> None:
    instant = datetime(2099, 7, 1, 17, 30, tzinfo=UTC)
    assert shown(instant, LISBON) == "1 Jul 2099, 18:30 WEST"
    assert shown(instant, PAULO) == "1 Jul 2099, 14:30 -03"
    assert shown(clock.now(), ZoneInfo("UTC")).count(",") == 1


@pytest.mark.parametrize("zone", [PAULO, LISBON, ZoneInfo("Asia/Kathmandu")])
def test_what_is_shown_can_be_typed(zone: ZoneInfo) -> None:
    instant = datetime(2027, 3, 1, 12, 34, tzinfo=UTC)
    assert from_input(to_input(instant, zone), zone) == instant


def test_where_clocks_change() -> None:
    # 01:30 comes twice when summer time ends; the first is meant. It is skipped when it begins.
    assert from_input("2026-10-25T01:30", LISBON) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert from_input("2026-03-29T01:30", LISBON) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01T00:00", "0001-01-01T00:00x", "9999-12-31T23:59:59.x"])
def test_what_is_no_time(text: str) -> None:
    assert from_input(text, LISBON) is None


def test_far_away() -> None:
    assert ago(clock.now() - timedelta(minutes=3, seconds=5)) == "3 minutes ago"
    assert ago(clock.now() + timedelta(days=1, hours=1)) == "in 1 day"
    assert ago(clock.now() - timedelta(seconds=2)) == "just now"


@pytest.mark.parametrize("name", [None, "", "../../etc/passwd", "Mars/Olympus", "\x00"])
def test_a_zone_that_is_none(name: str | None) -> None:
    assert zone_named(name).key == "UTC"
    assert zone_named(name, "Europe/Lisbon") == LISBON


def test_zones_to_choose_from() -> None:
    assert "Europe/Lisbon" in zone_names()
    assert "posixrules" not in zone_names()


def test_a_day_is_as_long_as_it_is_there() -> None:
    paris = ZoneInfo("Europe/Paris")
    begins, ends = day("2026-03-29", paris) or pytest.fail("a day")
    assert (begins.isoformat(), ends - begins) == ("2026-03-28T23:00:00+00:00", timedelta(hours=23))
    for nonsense in ("", "soon", "2026-02-30", "9999-12-31", "0001-01-01"):
        assert day(nonsense, ZoneInfo("Pacific/Auckland")) is None, nonsense
