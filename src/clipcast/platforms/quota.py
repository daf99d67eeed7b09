"""Quotas of platforms as data, and the arithmetic of their units.

A platform's `rules.py` lists its quotas. Before each request, the core counts it against them, for all workers
together. If a quota is used up, the item waits instead of having its request rejected; see jobs/quotas.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

# A platform's own figure may lack the requests of this long before it was read.
SETTLES = timedelta(minutes=2)
# The time after which such a figure is out of date: others use the account, too.
REPORT_LIFE = timedelta(hours=1)
# The steps of a rolling window: a day has steps of 1 minute; no step is shorter than 1 s.
STEPS = 1440


def next_midnight(zone: ZoneInfo, at: datetime) -> datetime:
    """Return the next midnight in the zone after `at`."""
    # Computed in local time: a day can have 23 or 25 hours.
    tomorrow = at.astimezone(zone) + timedelta(days=1)
    return tomorrow.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)


@dataclass(frozen=True)
class Quota:
    """A limit of units for each account, or for the whole app, in a rolling window or a day of a time zone."""

    name: str
    per: timedelta | ZoneInfo
    # Units by request name. A request of 0 units consumes none, but waits if none is left.
    charges: Mapping[str, int] = field(hash=False)
    # None: the platform publishes no number. The quota is used up once an error of the platform says so.
    limit: int | None = None
    of_app: bool = False
    # Whether a request that the platform rejects does not count.
    refunded: bool = False
    # Whether a unit is a post, so that pages show how many are left.
    of_posts: bool = False
    # Whether the quota exists only for accounts of the default sign-in method.
    default_method_only: bool = False

    def ends(self, at: datetime) -> int:
        """Return the time at which units used at `at` no longer count, in seconds since 1970; never too early."""
        if isinstance(self.per, ZoneInfo):
            return int(next_midnight(self.per, at).timestamp())
        step = max(1, int(self.per.total_seconds()) // STEPS)
        return (int((at + self.per).timestamp()) // step + 1) * step

    @property
    def window(self) -> str:
        """The window in words, such as `minute`, `24 hours` or the day of a time zone."""
        if isinstance(self.per, ZoneInfo):
            return f"day ({self.per.key})"
        seconds = int(self.per.total_seconds())
        unit, size = next((unit, size) for unit, size in UNITS if seconds % size == 0)
        return unit if seconds == size else f"{seconds // size} {unit}s"


UNITS = (("hour", 3_600), ("minute", 60), ("second", 1))


@dataclass(frozen=True)
class Report:
    """A platform's own figures: units used, units allowed, and the time they were read."""

    used: int
    limit: int
    at: float


@dataclass
class Budget:
    """The use of one quota by one account or by the app. All keys are seconds since 1970."""

    quota: Quota
    configured: int | None
    # Units by the time at which they no longer count.
    uses: dict[int, int] = field(default_factory=dict)
    # Units promised to waiting items, by the time of their next run.
    promised: dict[int, int] = field(default_factory=dict)
    reported: Report | None = None
    # Until then the quota is used up, by an error of the platform.
    spent_until: datetime | None = None

    @classmethod
    def load(
        cls, quota: Quota, limit: int | None, state: Mapping[str, Any], spent_until: datetime | None, now: datetime
    ) -> "Budget":
        """Restore a `dump`, without units that no longer count."""
        seconds = now.timestamp()
        uses, promised = (
            {int(at): units for at, units in state.get(name, {}).items() if int(at) > seconds and units}
            for name in ("uses", "promised")
        )
        reported = Report(**state["reported"]) if state.get("reported") else None
        if reported is not None and seconds - reported.at > REPORT_LIFE.total_seconds():
            reported = None
        return cls(quota, limit, uses, promised, reported, spent_until if spent_until and spent_until > now else None)

    def dump(self) -> dict[str, Any]:
        """Return the state as JSON, without `spent_until`."""
        reported = vars(self.reported) if self.reported else None
        return {"uses": self.uses, "promised": self.promised, "reported": reported}

    @property
    def limit(self) -> int | None:
        """The operator's limit, else the limit that the platform reported, else the documented one."""
        if self.configured is not None and self.configured != self.quota.limit:
            return self.configured
        return self.reported.limit if self.reported else self.configured

    def used(self, now: datetime) -> int:
        """Return the units that count now: Clipcast's, or the platform's figure plus Clipcast's since, if more."""
        seconds = now.timestamp()
        ours = sum(units for ends, units in self.uses.items() if ends > seconds)
        if self.reported is None:
            return ours
        unseen = self.quota.ends(datetime.fromtimestamp(self.reported.at, UTC) - SETTLES)
        return max(ours, self.reported.used + sum(units for ends, units in self.uses.items() if ends > unseen))

    def allows(self, units: int, now: datetime) -> bool:
        """Return whether `units` may be used now. A request of 0 units needs 1 unit left."""
        if self.spent_until is not None and now < self.spent_until:
            return False
        return self.limit is None or self.used(now) + max(units, 1) <= self.limit

    def use(self, units: int, now: datetime) -> None:
        """Count units as used at `now`."""
        ends = self.quota.ends(now)
        self.uses[ends] = max(0, self.uses.get(ends, 0) + units)

    def refund(self, units: int, used_at: datetime) -> None:
        """Give back units that were used at `used_at`."""
        ends = self.quota.ends(used_at)
        self.uses[ends] = max(0, self.uses.get(ends, 0) - units)

    def free_at(self, units: int, now: datetime) -> datetime:
        """Return the instant, after `now`, at which `units` are free that no waiting item was promised."""
        if self.spent_until is not None and now < self.spent_until:
            return self.spent_until
        assert self.limit is not None
        seconds = now.timestamp()
        ending = {ends: units for ends, units in self.uses.items() if ends > seconds}
        # Units used outside Clipcast: the platform reports their number, not their times.
        taken = max(0, self.used(now) - sum(ending.values()))
        for at, promised in self.promised.items():
            if at > seconds:
                then = self.quota.ends(datetime.fromtimestamp(at, UTC))
                ending[then] = ending.get(then, 0) + promised
        left = self.limit - taken - sum(ending.values()) - max(units, 1)
        free_at = now + timedelta(seconds=1)
        for ends in sorted(ending):
            if left >= 0:
                break
            left += ending[ends]
            free_at = max(free_at, datetime.fromtimestamp(ends, UTC))
        return free_at if left >= 0 else now + REPORT_LIFE

    def promise(self, units: int, now: datetime) -> datetime:
        """Return `free_at` and reserve the units for the waiting item."""
        at = self.free_at(units, now)
        key = int(at.timestamp())
        self.promised[key] = self.promised.get(key, 0) + max(units, 1)
        return at

    def report(self, used: int, limit: int, now: datetime) -> None:
        """Record the platform's own figures."""
        self.reported = Report(used, limit, now.timestamp())
