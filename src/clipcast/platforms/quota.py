"""What platforms allow of each request in a span of time, as data, and the arithmetic of what is left.

A platform's `rules.py` lists its quotas. The core counts every request against them before it is sent, over all
workers together, and lets an item wait for its turn instead of running into a refusal; see jobs/quotas.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

# A platform's own figure may not yet show the requests of so long before it was read.
SETTLES = timedelta(minutes=2)
# How long such a figure is worth anything: others use the account, too.
REPORT_LIFE = timedelta(hours=1)
# Rolling windows are counted in steps of a 1440th: a minute for a day, never less than a second.
STEPS = 1440


def next_midnight(zone: ZoneInfo, at: datetime) -> datetime:
    """When the day of the zone ends in which `at` lies."""
    # Arithmetic on the clock of the wall: such a day may have 23 or 25 hours.
    tomorrow = at.astimezone(zone) + timedelta(days=1)
    return tomorrow.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)


@dataclass(frozen=True)
class Quota:
    """`limit` units for each account, or for the whole app, in a rolling window or in a day of a time zone."""

    name: str
    per: timedelta | ZoneInfo
    # Units by request. A request of 0 takes nothing, but is pointless where nothing is left.
    charges: Mapping[str, int] = field(hash=False)
    # None: the platform publishes no number; nothing is left once it has said so.
    limit: int | None = None
    of_app: bool = False
    # A request that the platform refuses does not count.
    refunded: bool = False
    # Only for accounts that signed in the usual way.
    default_method_only: bool = False

    def ends(self, at: datetime) -> int:
        """When what is used at this instant counts no more, in seconds since 1970; never too early."""
        if isinstance(self.per, ZoneInfo):
            return int(next_midnight(self.per, at).timestamp())
        step = max(1, int(self.per.total_seconds()) // STEPS)
        return (int((at + self.per).timestamp()) // step + 1) * step

    @property
    def window(self) -> str:
        """`minute`, `24 hours`, or the day of a time zone, in words."""
        if isinstance(self.per, ZoneInfo):
            return f"day ({self.per.key})"
        seconds = int(self.per.total_seconds())
        unit, size = next((unit, size) for unit, size in UNITS if seconds % size == 0)
        return unit if seconds == size else f"{seconds // size} {unit}s"


UNITS = (("hour", 3_600), ("minute", 60), ("second", 1))


@dataclass(frozen=True)
class Report:
    """A platform's own figures: units used, units allowed, and when they were read."""

    used: int
    limit: int
    at: float


@dataclass
class Budget:
    """What one account, or the app, has used of one quota. All keys are seconds since 1970."""

    quota: Quota
    configured: int | None
    # Units by when they count no more.
    uses: dict[int, int] = field(default_factory=dict)
    # Units by when somebody who had to wait was told to come back.
    promised: dict[int, int] = field(default_factory=dict)
    # The platform's own figures, and when they were read.
    reported: Report | None = None
    # The platform said that nothing is left before then.
    spent_until: datetime | None = None

    @classmethod
    def load(
        cls, quota: Quota, limit: int | None, state: Mapping[str, Any], spent_until: datetime | None, now: datetime
    ) -> "Budget":
        """What `dump` made of it, without what counts no more."""
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
        """The state as JSON, `spent_until` left out."""
        reported = vars(self.reported) if self.reported else None
        return {"uses": self.uses, "promised": self.promised, "reported": reported}

    @property
    def limit(self) -> int | None:
        """What the operator said; else what the platform said, or documents."""
        if self.configured is not None and self.configured != self.quota.limit:
            return self.configured
        return self.reported.limit if self.reported else self.configured

    def used(self, now: datetime) -> int:
        """Units that count now: ours, or the platform's figure and ours since then, whichever is more."""
        seconds = now.timestamp()
        ours = sum(units for ends, units in self.uses.items() if ends > seconds)
        if self.reported is None:
            return ours
        unseen = self.quota.ends(datetime.fromtimestamp(self.reported.at, UTC) - SETTLES)
        return max(ours, self.reported.used + sum(units for ends, units in self.uses.items() if ends > unseen))

    def allows(self, units: int, now: datetime) -> bool:
        """Whether so many may be used now. A request of 0 units needs one to be left."""
        if self.spent_until is not None and now < self.spent_until:
            return False
        return self.limit is None or self.used(now) + max(units, 1) <= self.limit

    def use(self, units: int, now: datetime) -> None:
        ends = self.quota.ends(now)
        self.uses[ends] = max(0, self.uses.get(ends, 0) + units)

    def refund(self, units: int, used_at: datetime) -> None:
        ends = self.quota.ends(used_at)
        self.uses[ends] = max(0, self.uses.get(ends, 0) - units)

    def free_at(self, units: int, now: datetime) -> datetime:
        """When so many that nobody was promised are free; an instant after `now`."""
        if self.spent_until is not None and now < self.spent_until:
            return self.spent_until
        assert self.limit is not None
        seconds = now.timestamp()
        ending = {ends: units for ends, units in self.uses.items() if ends > seconds}
        # What others used is known only as a number.
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
        """`free_at`, kept for whoever asks."""
        at = self.free_at(units, now)
        key = int(at.timestamp())
        self.promised[key] = self.promised.get(key, 0) + max(units, 1)
        return at

    def report(self, used: int, limit: int, now: datetime) -> None:
        """Takes over the platform's figures."""
        self.reported = Report(used, limit, now.timestamp())
