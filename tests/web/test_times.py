"""Times as people read and type them, also where clocks change."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from clipcast.clock import clock
from clipcast.web.times import (
    ago,
    comes_twice,
    day,
    days_in_words,
    from_input,
    read_zone,
    shown,
    to_input,
    zone_named,
    zone_names,
)

PAULO, LISBON = ZoneInfo("America/Sao_Paulo"), ZoneInfo("Europe/Lisbon")


def test_shown_time_names_its_zone() -> None:
    instant = datetime(2099, 7, 1, 17, 30, tzinfo=UTC)
    assert shown(instant, LISBON) == "1 Jul 2099, 18:30 WEST"
    assert shown(instant, PAULO) == "1 Jul 2099, 14:30 -03"
    assert shown(clock.now(), ZoneInfo("UTC")).count(",") == 1


@pytest.mark.parametrize("zone", [PAULO, LISBON, ZoneInfo("Asia/Kathmandu")])
def test_to_input_and_from_input_are_inverse(zone: ZoneInfo) -> None:
    instant = datetime(2027, 3, 1, 12, 34, tzinfo=UTC)
    assert from_input(to_input(instant, zone), zone) == instant


def test_from_input_of_a_time_that_occurs_twice_returns_the_selected_instant() -> None:
    twice = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert comes_twice("2026-10-25T01:30", LISBON) == twice
    assert (from_input("2026-10-25T01:30", LISBON), from_input("2026-10-25T01:30", LISBON, True)) == twice
    assert comes_twice("2026-10-25T02:30", LISBON) is None
    assert comes_twice("soon", LISBON) is None


def test_from_input_of_a_time_that_clocks_skip_raises() -> None:
    with pytest.raises(ValueError, match=r"01:30 does not exist on 29 Mar 2026 in Europe/Lisbon.*such as 02:30"):
        from_input("2026-03-29T01:30", LISBON)


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2026-13-01T00:00", "0001-01-01T00:00x", "9999-12-31T23:59:59.x", "2026-05-01T10:00+03:00"]
)
def test_from_input_of_invalid_text_raises(text: str) -> None:
    with pytest.raises(ValueError, match=r"Choose a day and a time\."):
        from_input(text, LISBON)


def test_to_input_shows_seconds_only_if_they_are_not_zero() -> None:
    assert to_input(datetime(2027, 3, 1, 12, 34, 56, tzinfo=UTC), LISBON) == "2027-03-01T12:34:56"
    assert to_input(datetime(2027, 3, 1, 12, 34, 56, 789000, tzinfo=UTC), LISBON) == "2027-03-01T12:34:56.789"


def test_ago_uses_the_largest_unit() -> None:
    assert ago(clock.now() - timedelta(minutes=3, seconds=5)) == "3 minutes ago"
    assert ago(clock.now() + timedelta(days=1, hours=1)) == "in 1 day"
    assert ago(clock.now() - timedelta(seconds=2)) == "just now"


@pytest.mark.parametrize("name", [None, "", "../../etc/passwd", "Mars/Olympus", "\x00"])
def test_zone_named_by_invalid_names_is_utc(name: str | None) -> None:
    assert zone_named(name).key == "UTC"
    assert zone_named(name, "Europe/Lisbon") == LISBON


@pytest.mark.parametrize("name", ["Asia/Tokyo", "UTC", "Etc/UTC", "US/Pacific"])
def test_read_zone_accepts_every_iana_name(name: str) -> None:
    assert read_zone(name).key == name


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("Tokyo", "Asia/Tokyo"), ("são paulo", "America/Sao_Paulo"), ("New York", "America/New_York"),
     ("asia/tokyo", "Asia/Tokyo"), ("Lisbom", "Europe/Lisbon"), ("buenos aires", "America/Argentina/Buenos_Aires")],
)  # fmt: skip
def test_read_zone_of_a_city_suggests_its_zone_and_raises(typed: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f"The time zone .* Did you mean .*{meant}"):
        read_zone(typed)


@pytest.mark.parametrize("typed", ["", "Mars/Olympus", "\x00", "../../etc/passwd", "posixrules", "+03:00", "x" * 5000])
def test_read_zone_of_nonsense_raises(typed: str) -> None:
    with pytest.raises(ValueError, match="from the list"):
        read_zone(typed)


def test_zone_names_contain_cities_and_no_system_files() -> None:
    assert "Europe/Lisbon" in zone_names()
    assert "posixrules" not in zone_names()


def test_day_has_the_length_of_its_zone() -> None:
    paris = ZoneInfo("Europe/Paris")
    begins, ends = day("2026-03-29", paris) or pytest.fail("a day")
    assert (begins.isoformat(), ends - begins) == ("2026-03-28T23:00:00+00:00", timedelta(hours=23))
    for nonsense in ("", "soon", "2026-02-30", "9999-12-31", "0001-01-01"):
        assert day(nonsense, ZoneInfo("Pacific/Auckland")) is None, nonsense


def test_zones_exist_on_a_system_without_zone_files() -> None:
    """A minimal container has no zone files; its pages must not return 500."""
    program = "from clipcast.web import times; print(times.zone_named('Asia/Tokyo'), len(times.zone_names()) > 300)"
    ran = subprocess.run([sys.executable, "-c", program], env={"PYTHONTZPATH": ""}, capture_output=True, text=True)
    assert ran.stdout == "Asia/Tokyo True\n", ran.stderr


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        ("", "", ""),
        ("2098-11-24", "", "From 24 Nov 2098"),
        ("", "2098-11-30", "To 30 Nov 2098"),
        ("2098-11-24", "2098-11-24", "24 Nov 2098"),
        ("2098-11-24", "2098-11-30", "24 – 30 Nov 2098"),
        ("2098-11-24", "2098-12-02", "24 Nov 2098 – 2 Dec 2098"),
        ("2098-11-24", "2099-11-30", "24 Nov 2098 – 30 Nov 2099"),
    ],
)
def test_days_in_words_names_the_year_if_it_is_another_one(since: str, until: str, words: str) -> None:
    assert days_in_words(since, until, LISBON) == words


def test_days_in_words_of_this_year_leave_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2098, 5, 1, tzinfo=UTC))
    assert days_in_words("2098-11-24", "2098-12-02", LISBON) == "24 Nov – 2 Dec"
