"""YouTube's arithmetic: tags, chunks and the quota's day."""

from datetime import UTC, datetime, timedelta

import pytest

from clipcast.clock import clock
from clipcast.platforms.youtube.errors import until_pacific_midnight
from clipcast.platforms.youtube.metadata import tags_length
from clipcast.platforms.youtube.rules import CHUNK
from clipcast.sandbox.youtube import rules as youtube_rules


@pytest.mark.parametrize(
    ("tags", "length"),
    [([], 0), (["abc"], 3), (["abc", "de"], 6), (["a b"], 5), (["a b", "c"], 7), (["\u00e9"], 1)],
)
def test_tags_length_counts_commas_and_spaces(tags: list[str], length: int) -> None:
    """Client and simulator count tags alike."""
    assert tags_length(tags) == length
    assert youtube_rules.tags_length(tags) == length


def test_chunk_is_a_multiple_of_262144_bytes() -> None:
    """The resumable protocol requires whole blocks."""
    assert CHUNK % 262_144 == 0


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        (datetime(2026, 7, 1, 6, 0, tzinfo=UTC), datetime(2026, 7, 1, 7, 0, tzinfo=UTC)),
        (datetime(2026, 7, 1, 8, 0, tzinfo=UTC), datetime(2026, 7, 2, 7, 0, tzinfo=UTC)),
        # Days of 25 and 23 hours.
        (datetime(2026, 11, 1, 7, 30, tzinfo=UTC), datetime(2026, 11, 2, 8, 0, tzinfo=UTC)),
        (datetime(2027, 3, 14, 8, 30, tzinfo=UTC), datetime(2027, 3, 15, 7, 0, tzinfo=UTC)),
    ],
)
def test_quota_resets_at_midnight_pacific(monkeypatch: pytest.MonkeyPatch, now: datetime, midnight: datetime) -> None:
    """The wait ends at midnight Pacific, also on days of 23 and 25 hours."""
    monkeypatch.setattr(clock, "now", lambda: now)
    assert until_pacific_midnight() == midnight - now
    assert until_pacific_midnight() > timedelta()
