"""Times as people read and type them, also where clocks change."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from clipcast.clock import clock
from clipcast.web.times import ago, comes_twice, day, from_input, read_zone, shown, to_input, zone_named, zone_names

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


def test_from_input_of_a_time_that_comes_twice_is_the_one_that_is_meant() -> None:
    twice = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert comes_twice("2026-10-25T01:30", LISBON) == twice
    assert (from_input("2026-10-25T01:30", LISBON), from_input("2026-10-25T01:30", LISBON, True)) == twice
    assert comes_twice("2026-10-25T02:30", LISBON) is None
    assert comes_twice("soon", LISBON) is None


def test_from_input_of_a_time_that_clocks_skip_is_refused() -> None:
    with pytest.raises(ValueError, match=r"There is no 01:30 on 29 Mar 2026 in Europe/Lisbon.*such as 02:30"):
        from_input("2026-03-29T01:30", LISBON)


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2026-13-01T00:00", "0001-01-01T00:00x", "9999-12-31T23:59:59.x", "2026-05-01T10:00+03:00"]
)
def test_from_input_of_what_is_no_local_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"Choose a day and a time\."):
        from_input(text, LISBON)


def test_to_input_shows_seconds_only_where_there_are_some() -> None:
    assert to_input(datetime(2027, 3, 1, 12, 34, 56, tzinfo=UTC), LISBON) == "2027-03-01T12:34:56"
    assert to_input(datetime(2027, 3, 1, 12, 34, 56, 789000, tzinfo=UTC), LISBON) == "2027-03-01T12:34:56.789"


def test_far_away() -> None:
    assert ago(clock.now() - timedelta(minutes=3, seconds=5)) == "3 minutes ago"
    assert ago(clock.now() + timedelta(days=1, hours=1)) == "in 1 day"
    assert ago(clock.now() - timedelta(seconds=2)) == "just now"


@pytest.mark.parametrize("name", [None, "", "../../etc/passwd", "Mars/Olympus", "\x00"])
def test_a_zone_that_is_none(name: str | None) -> None:
    assert zone_named(name).key == "UTC"
    assert zone_named(name, "Europe/Lisbon") == LISBON


@pytest.mark.parametrize("name", ["Asia/Tokyo", "UTC", "Etc/UTC", "US/Pacific"])
def test_read_zone_takes_every_name_that_there_is(name: str) -> None:
    assert read_zone(name).key == name


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("Tokyo", "Asia/Tokyo"), ("são paulo", "America/Sao_Paulo"), ("New York", "America/New_York"),
     ("asia/tokyo", "Asia/Tokyo"), ("Lisbom", "Europe/Lisbon"), ("buenos aires", "America/Argentina/Buenos_Aires")],
)  # fmt: skip
def test_read_zone_of_a_city_names_its_zone_and_takes_none(typed: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f"There is no time zone .* Did you mean .*{meant}"):
        read_zone(typed)


@pytest.mark.parametrize("typed", ["", "Mars/Olympus", "\x00", "../../etc/passwd", "posixrules", "+03:00", "x" * 5000])
def test_read_zone_of_nonsense_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="from the list"):
        read_zone(typed)


def test_zones_to_choose_from() -> None:
    assert "Europe/Lisbon" in zone_names()
    assert "posixrules" not in zone_names()


def test_a_day_is_as_long_as_it_is_there() -> None:
    paris = ZoneInfo("Europe/Paris")
    begins, ends = day("2026-03-29", paris) or pytest.fail("a day")
    assert (begins.isoformat(), ends - begins) == ("2026-03-28T23:00:00+00:00", timedelta(hours=23))
    for nonsense in ("", "soon", "2026-02-30", "9999-12-31", "0001-01-01"):
        assert day(nonsense, ZoneInfo("Pacific/Auckland")) is None, nonsense


def test_zones_are_known_on_a_system_without_zone_files() -> None:
    """A minimal container has none: every page answered 500 there."""
    program = "from clipcast.web import times; print(times.zone_named('Asia/Tokyo'), len(times.zone_names()) > 300)"
    ran = subprocess.run([sys.executable, "-c", program], env={"PYTHONTZPATH": ""}, capture_output=True, text=True)
    assert ran.stdout == "Asia/Tokyo True\n", ran.stderr
