"""The posts that a draft plans: their times keep the local time where clocks change."""

from copy import deepcopy
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from clipcast.posts import drafts
from clipcast.posts.planning import planned_posts

LISBON = ZoneInfo("Europe/Lisbon")


def content(**more: Any) -> dict[str, Any]:
    return deepcopy(drafts.EMPTY) | {"clips": ["a", "b", "c"], "accounts": ["x"], "later": True} | more


def local(found: list[Any], zone: ZoneInfo = LISBON) -> list[str]:
    """Return the local times of the posts."""
    return [f"{one.scheduled_at.astimezone(zone):%Y-%m-%d %H:%M}" for one in found]


def test_spread_gives_each_clip_a_day_at_the_same_local_time_over_a_clock_change() -> None:
    """Clocks go back in Lisbon on 31 October 2027."""
    found = planned_posts(content(plan="spread", every=1, scheduled_at="2027-10-30T17:00:00Z"), LISBON)
    assert local(found) == ["2027-10-30 18:00", "2027-10-31 18:00", "2027-11-01 18:00"]
    assert [one.clips for one in found] == [("a",), ("b",), ("c",)]
    assert f"{found[1].scheduled_at:%H:%M}" == "18:00"  # UTC: the hour moved with the clocks


def test_spread_leaves_out_clips_without_a_target() -> None:
    left = [["b", "x"]]
    found = planned_posts(content(plan="spread", every=3, scheduled_at="2027-05-01T17:00:00Z", left_out=left), LISBON)
    assert [one.clips for one in found] == [("a",), ("c",)]
    assert local(found) == ["2027-05-01 18:00", "2027-05-04 18:00"]


def test_time_that_clocks_skip_moves_forward_on_that_day_alone() -> None:
    """Clocks go forward in Lisbon from 01:00 to 02:00 on 28 March 2027."""
    found = planned_posts(content(plan="repeat", times=3, scheduled_at="2027-03-27T01:30:00Z"), LISBON)
    assert local(found) == ["2027-03-27 01:30", "2027-03-28 02:30", "2027-03-29 01:30"]


def test_second_of_two_equal_local_times_is_kept_for_the_first_post() -> None:
    found = planned_posts(content(plan="repeat", times=2, scheduled_at="2027-10-31T01:30:00Z"), LISBON)
    assert found[0].scheduled_at == datetime.fromisoformat("2027-10-31T01:30:00+00:00")
    assert local(found) == ["2027-10-31 01:30", "2027-11-01 01:30"]


@pytest.mark.parametrize(
    ("unit", "every", "expected"),
    [
        ("weeks", 2, ["2027-01-31 09:00", "2027-02-14 09:00", "2027-02-28 09:00"]),
        ("months", 1, ["2027-01-31 09:00", "2027-02-28 09:00", "2027-03-31 09:00"]),
        ("months", 11, ["2027-01-31 09:00", "2027-12-31 09:00", "2028-11-30 09:00"]),
    ],
)
def test_repeat_by_unit(unit: str, every: int, expected: list[str]) -> None:
    """A month that is too short has the post on its last day; the next month has the day again."""
    found = planned_posts(
        content(plan="repeat", unit=unit, every=every, times=3, scheduled_at="2027-01-31T09:00:00Z"), LISBON
    )
    assert local(found) == expected
    assert {one.clips for one in found} == {("a", "b", "c")}


@pytest.mark.parametrize(
    "more",
    [{"later": False, "plan": "spread"}, {"plan": "spread"}, {"plan": "repeat", "scheduled_at": None}, {}],
)
def test_draft_without_a_time_is_one_post(more: dict[str, Any]) -> None:
    [only] = planned_posts(content(**more), LISBON)
    assert (only.scheduled_at, only.clips) == (None, ("a", "b", "c"))
