"""The arithmetic of quotas: rolling windows, days of a time zone, promises."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from clipcast.common.settings import Settings, SettingsError, load
from clipcast.platforms.quota import SETTLES, Budget, Quota
from clipcast.platforms.registry import PLATFORMS, check_names

MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 11, 25, 12, 0, 0, 250_000, tzinfo=UTC)
PACIFIC = Quota("uploads", ZoneInfo("America/Los_Angeles"), {"session": 1}, limit=3)
ROLLING = Quota("uploads", MINUTE, {"init": 1}, limit=3)


def used(quota: Quota, *instants: datetime) -> Budget:
    budget = Budget(quota, quota.limit)
    for at in instants:
        budget.use(1, at)
    return budget


def test_rolling_window_never_exceeds_limit() -> None:
    """At any instant, at most 3 uses lie within 60 s."""
    budget, taken, now = Budget(ROLLING, 3), list[datetime](), NOON
    for _ in range(2000):
        if budget.allows(1, now):
            budget.use(1, now)
            taken.append(now)
        now += timedelta(milliseconds=317)
    assert len(taken) > 20
    assert all(later - first > MINUTE for first, later in zip(taken, taken[3:], strict=False))


def test_rolling_window_is_free_after_first_use_ends() -> None:
    budget = used(ROLLING, NOON, NOON + timedelta(seconds=10), NOON + timedelta(seconds=20))
    now = NOON + timedelta(seconds=30)
    free_at = budget.free_at(1, now)
    assert not budget.allows(1, free_at - timedelta(seconds=2))
    assert budget.allows(1, free_at)
    assert MINUTE < free_at - NOON <= MINUTE + timedelta(seconds=1)


def test_waiting_items_are_promised_different_windows() -> None:
    """7 waiting items get 3, 3 and 1 units of the next windows."""
    budget = used(ROLLING, *[NOON] * 3)
    promised = [budget.promise(1, NOON) for _ in range(7)]
    waits = [round((at - NOON).total_seconds() / 60) for at in promised]
    assert waits == [1, 1, 1, 2, 2, 2, 3]


@pytest.mark.parametrize(
    ("at", "midnight"),
    [
        ("2026-11-25T12:00:00+00:00", "2026-11-26T08:00:00+00:00"),  # standard time
        ("2026-07-01T12:00:00+00:00", "2026-07-02T07:00:00+00:00"),  # daylight saving time
        ("2026-03-08T09:30:00+00:00", "2026-03-09T07:00:00+00:00"),  # 23 hours: the clocks go forward
        ("2026-10-31T12:00:00+00:00", "2026-11-01T07:00:00+00:00"),
        ("2026-11-01T07:30:00+00:00", "2026-11-02T08:00:00+00:00"),  # 25 hours: the clocks go back
        ("2026-11-01T09:30:00+00:00", "2026-11-02T08:00:00+00:00"),  # in the repeated hour
    ],
)
def test_daily_quota_resets_at_midnight_of_its_zone(at: str, midnight: str) -> None:
    now, then = datetime.fromisoformat(at), datetime.fromisoformat(midnight)
    budget = used(PACIFIC, now, now, now)
    assert not budget.allows(1, now)
    assert budget.free_at(1, now) == then
    assert not budget.allows(1, then - timedelta(seconds=1))
    assert budget.allows(3, then)


def test_clock_set_back_frees_no_units() -> None:
    budget = used(ROLLING, NOON, NOON, NOON)
    earlier = NOON - timedelta(minutes=30)
    assert not budget.allows(1, earlier)
    assert budget.free_at(1, earlier) > earlier


def test_request_above_remaining_units_is_not_allowed() -> None:
    units = Quota("units", MINUTE, {"update": 50}, limit=100)
    budget = used(units, *[NOON] * 60)
    assert budget.allows(40, NOON)
    assert not budget.allows(50, NOON)


def test_reported_figure_includes_use_outside_clipcast() -> None:
    quota = Quota("posts", timedelta(days=1), {"publish": 1})
    budget = Budget(quota, None)
    assert budget.allows(1, NOON)
    budget.report(49, 50, NOON)
    assert (budget.used(NOON), budget.limit) == (49, 50)
    budget.use(1, NOON + timedelta(seconds=1))
    # The figure may lack this use, also when it is read again shortly after.
    assert not budget.allows(1, NOON + timedelta(seconds=2))
    budget.report(49, 50, NOON + timedelta(seconds=3))
    assert not budget.allows(1, NOON + timedelta(seconds=4))
    later = NOON + SETTLES * 2 + timedelta(minutes=1)
    budget.report(49, 50, later)
    assert budget.allows(1, later)


def test_reported_figure_expires_after_an_hour() -> None:
    quota = Quota("posts", timedelta(days=1), {"publish": 1})
    budget = Budget(quota, None)
    budget.report(50, 50, NOON)
    assert budget.free_at(1, NOON) == NOON + timedelta(hours=1)
    then = NOON + timedelta(hours=1, seconds=1)
    assert Budget.load(quota, None, budget.dump(), None, then).allows(1, then)


def test_operators_limit_overrides_platforms_limit() -> None:
    quota = Quota("posts", timedelta(days=1), {"publish": 1}, limit=250)
    assert (Budget(quota, 15).limit, Budget(quota, None).limit) == (15, None)
    budget = Budget(quota, 15)
    budget.report(0, 250, NOON)
    assert budget.limit == 15


def test_refund_frees_units_of_their_window() -> None:
    budget = used(ROLLING, NOON, NOON, NOON)
    budget.refund(1, NOON)
    assert budget.allows(1, NOON)
    assert not budget.allows(2, NOON)
    budget.refund(5, NOON)
    assert budget.used(NOON) == 0


def test_dump_and_load_restore_budget() -> None:
    budget = used(ROLLING, NOON, NOON)
    budget.promise(2, NOON)
    budget.report(2, 3, NOON)
    again = Budget.load(ROLLING, 3, budget.dump(), NOON + MINUTE, NOON)
    assert (again.uses, again.promised, again.reported) == (budget.uses, budget.promised, budget.reported)
    assert again.free_at(1, NOON) == NOON + MINUTE
    much_later = NOON + timedelta(days=2)
    assert Budget.load(ROLLING, 3, budget.dump(), NOON + MINUTE, much_later) == Budget(ROLLING, 3)


def test_every_quota_has_unique_name_and_reachable_limit() -> None:
    for platform in PLATFORMS.values():
        names = [quota.name for quota in platform.quotas]
        assert len(names) == len(set(names)) > 0
        assert all(quota.limit is None or quota.limit >= max(quota.charges.values()) for quota in platform.quotas)


def settings(value: str) -> Settings:
    return load({"CLIPCAST_QUOTAS": value})


def test_quota_setting_is_parsed() -> None:
    loaded = settings("youtube.uploads=500, tiktok.posts=15 pinterest.writes=none")
    assert loaded.quotas == {"youtube.uploads": 500, "tiktok.posts": 15, "pinterest.writes": None}
    check_names(loaded)


@pytest.mark.parametrize("value", ["youtube.uploads", "youtube.uploads=0", "youtube.uploads=many", "uploads=5"])
def test_invalid_quota_setting_raises_settings_error(value: str) -> None:
    with pytest.raises(SettingsError, match=r"CLIPCAST_QUOTAS: write .* as PLATFORM\.QUOTA=NUMBER"):
        settings(value)


def test_unknown_quotas_are_all_reported() -> None:
    with pytest.raises(SettingsError) as error:
        check_names(settings("youtube.upload=5,youtube.units=10,myspace.posts=1"))
    assert str(error.value).splitlines() == [
        "CLIPCAST_QUOTAS: there is no quota youtube.upload. Did you mean youtube.uploads?",
        "CLIPCAST_QUOTAS: youtube.units must be at least 400, which one request takes.",
        "CLIPCAST_QUOTAS: there is no quota myspace.posts. docs/platforms.md lists them.",
    ]
