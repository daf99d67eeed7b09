"""Instants as callers write them."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from clipcast.instants import parse_instant, show


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-12-24T18:00:00-03:00", datetime(2026, 12, 24, 21, tzinfo=UTC)),
        ("2026-12-24T18:00:00Z", datetime(2026, 12, 24, 18, tzinfo=UTC)),
        ("2026-12-24T18:00:00.250+05:30", datetime(2026, 12, 24, 12, 30, 0, 250_000, tzinfo=UTC)),
    ],
)
def test_parse(text: str, instant: datetime) -> None:
    assert parse_instant(text) == instant


@given(st.text())
def test_nothing_but_an_instant_or_our_error(text: str) -> None:
    with suppress(PydanticCustomError):
        assert parse_instant(text).tzinfo is UTC


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)))
def test_what_is_shown_can_be_read(instant: datetime) -> None:
    shown = show(instant)
    assert shown is not None
    assert shown.endswith("Z")
    assert abs((parse_instant(shown) - instant).total_seconds()) < 0.001
