"""Instants in callers' forms."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from clipcast.common.timestamps import format_timestamp, parse_instant, resolve_local


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-12-24T18:00:00-03:00", datetime(2026, 12, 24, 21, tzinfo=UTC)),
        ("2026-12-24T18:00:00Z", datetime(2026, 12, 24, 18, tzinfo=UTC)),
        ("2026-12-24T18:00:00.250+05:30", datetime(2026, 12, 24, 12, 30, 0, 250_000, tzinfo=UTC)),
        ("2026-12-24t18:00:00z", datetime(2026, 12, 24, 18, tzinfo=UTC)),
        ("2026-12-24 18:00:00Z", datetime(2026, 12, 24, 18, tzinfo=UTC)),
        ("2026-12-24T18:00:00-03:00[America/Sao_Paulo]", datetime(2026, 12, 24, 21, tzinfo=UTC)),
        ("2026-12-24T18:00:00-03:00[!America/Sao_Paulo][u-ca=gregory]", datetime(2026, 12, 24, 21, tzinfo=UTC)),
        ("2026-12-24T21:00:00Z[America/Sao_Paulo]", datetime(2026, 12, 24, 21, tzinfo=UTC)),
    ],
)
def test_instant_in_any_form_is_parsed(text: str, instant: datetime) -> None:
    assert parse_instant(text) == instant


@given(st.text())
def test_any_text_gives_an_instant_or_a_custom_error(text: str) -> None:
    """No text makes the parser raise another exception."""
    with suppress(PydanticCustomError):
        assert parse_instant(text).tzinfo is UTC


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)))
def test_formatted_timestamp_is_parsed_to_the_same_instant(instant: datetime) -> None:
    shown = format_timestamp(instant)
    assert shown is not None
    assert shown.endswith("Z")
    assert abs((parse_instant(shown) - instant).total_seconds()) < 0.001


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2026-12-24T18:00:00", "offset_missing"),
        ("2026-12-24T18:00:00[America/Sao_Paulo]", "offset_missing"),
        ("2026-12-24T18:00:00-02:00[America/Sao_Paulo]", "offset_mismatch"),
        ("2026-12-24T18:00:00-03:00[America/Atlantis]", "unknown_timezone"),
        ("2026-12-24T18:00:00-03:00[../../etc/passwd]", "unknown_timezone"),
        ("2026-12-24T18:00:00Z[!u-ca=hebrew]", "invalid_time"),
        ("2026-12-24T18:00:00Z[UTC][UTC]", "invalid_time"),
        ("2026-12-24T18:00:00Z[]", "invalid_time"),
        ("0001-01-01T00:00:00+14:00", "invalid_time"),
        ("9999-12-31T23:59:59-14:00", "invalid_time"),
        ("tomorrow", "invalid_time"),
        ("2026-12-24", "invalid_time"),
        ("2026-12-24T18:00:00Z" + " " * 200, "invalid_time"),
        (None, "invalid_time"),
        (1798135200, "invalid_time"),
    ],
)
def test_value_that_is_no_instant_has_an_error_code(text: object, code: str) -> None:
    with pytest.raises(PydanticCustomError) as error:
        parse_instant(text)
    assert error.value.type == code


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2027-02-30 18:00", "There is no day 2027-02-30: 2027-02 has 28 days. Correct the day."),
        ("2027-02-28 18:61", "This is not a time."),
        ("2027-13-01 18:00", "This is not a time."),
    ],
)
def test_day_that_its_month_does_not_have_is_named(text: str, said: str) -> None:
    with pytest.raises(PydanticCustomError) as error:
        resolve_local(text, "Europe/Berlin")
    assert error.value.message().startswith(said)


def test_local_time_in_a_zone_is_resolved() -> None:
    assert resolve_local("2026-07-01T09:00", "Europe/Berlin") == datetime(2026, 7, 1, 7, tzinfo=UTC)
    assert resolve_local("2026-12-01t09:00:00", "Europe/Berlin") == datetime(2026, 12, 1, 8, tzinfo=UTC)
    assert resolve_local("2026-12-01T09:00:00+01:00", "Europe/Berlin") == datetime(2026, 12, 1, 8, tzinfo=UTC)
    assert resolve_local("2026-12-01T08:00:00Z", "Europe/Berlin") == datetime(2026, 12, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "code", "expected"),
    [
        ("2026-03-29T02:30", "Europe/Berlin", "local_time_missing",
         ["2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00"]),
        ("2026-10-25T02:30", "Europe/Berlin", "local_time_ambiguous",
         ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"]),
        ("2026-12-01T09:00:00+03:00", "Europe/Berlin", "offset_mismatch", ["2026-12-01T07:00:00+01:00"]),
        ("2026-12-01T09:00", "Berlin", "unknown_timezone", ["Berlin", "America/Sao_Paulo"]),
        ("2026-12-01T09:00", "europe/berlin", "unknown_timezone", ["Did you mean Europe/Berlin?"]),
        ("2026-12-01T09:00", "America/New York", "unknown_timezone", ["Did you mean America/New_York?"]),
        ("2026-12-01T09:00", "", "unknown_timezone", ["There is no time zone without a name."]),
        ("2026-12-01T09:00", "America", "unknown_timezone", []),
        ("2026-12-01T09:00", 5, "unknown_timezone", []),
        ("2026-12-01T09:00", "localtime", "unknown_timezone", []),
        ("2026-12-01T09:00", "right/Europe/Berlin", "unknown_timezone", []),
        ("2026-12-01", "Europe/Berlin", "invalid_time", ["time of day"]),
        ("2026-12-01T09:00[Europe/Paris]", "Europe/Berlin", "timezone_mismatch", ["Europe/Paris"]),
        ("soon", "Europe/Berlin", "invalid_time", []),
        ("9999-12-31T23:59", "America/Sao_Paulo", "invalid_time", []),
    ],
)  # fmt: skip
def test_invalid_local_time_names_valid_forms(text: str, zone: object, code: str, expected: list[str]) -> None:
    with pytest.raises(PydanticCustomError) as error:
        resolve_local(text, zone)
    assert error.value.type == code
    for reading in expected:
        assert reading in error.value.message()
        if "T" in reading and code.startswith("local_time"):
            parse_instant(reading)
