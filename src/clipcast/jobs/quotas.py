"""Meters that count requests against the platforms' quotas before they are sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field

from clipcast.clock import clock
from clipcast.common.schemas import Meanings, Timestamp
from clipcast.common.settings import Settings
from clipcast.database import Database
from clipcast.jobs.quota_counters import Allowance, Key, QuotaCounters
from clipcast.platforms.base import Http, Platform
from clipcast.platforms.quota import Budget
from clipcast.platforms.responses import Response

K = TypeVar("K")


class Quotas:
    """The quotas of one installation: the operator's limits, and the counters that all meters use."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._limits = settings.quotas
        self._prefix = subject_prefix(settings)
        self._counters = QuotaCounters(database)

    def meter(
        self,
        platform: Platform[Any],
        account_id: str,
        profile: Mapping[str, Any],
        closed: Mapping[str, str] | None = None,
    ) -> "Meter":
        """Return the meter of one account.

        `closed` holds, by quota, the instant until which the platform has reported it as used up.
        """
        allowances = tuple(
            Allowance(
                self._prefix + (platform.name if quota.of_app else f"{platform.name} {account_id}"),
                quota,
                self._limits.get(f"{platform.name}.{quota.name}", quota.limit),
                platform.title,
            )
            for quota in platform.quotas
            if not (quota.default_method_only and profile.get("way"))
        )
        return Meter(self._counters, allowances, closed or {})

    async def usage_of(self, meters: Mapping[K, "Meter"]) -> dict[K, "Usage"]:
        """Return what lists show of many accounts, with one query."""
        now = clock.now()
        wanted = {one.key: one for meter in meters.values() for one in meter.allowances}
        budgets = await self._counters.read(tuple(wanted.values()))
        shown = {key: _show(one, budgets[key], now) for key, one in wanted.items()}
        return {name: _usage(meter, shown) for name, meter in meters.items()}


class QuotaOut(BaseModel):
    """The used and the remaining units of a quota, as the API shows them."""

    name: Annotated[
        str, Field(description="The quota's name in CLIPCAST_QUOTAS, after the platform's name.", examples=["posts"])
    ]
    scope: Annotated[
        Literal["account", "app"],
        Meanings({"account": "Each account has its own.", "app": "All accounts of the installation share it."}),
        Field(description="Whose uses count."),
    ]
    window: Annotated[str, Field(description="`minute`, `24 hours`, or a day of a time zone.", examples=["24 hours"])]
    limit: Annotated[int | None, Field(description="null: the platform publishes no number.", examples=[15])]
    used: Annotated[int, Field(description="The uses within the window.", examples=[4])]
    remaining: Annotated[int | None, Field(description="The uses that are left; null without a limit.", examples=[11])]
    free_at: Annotated[
        Timestamp | None,
        Field(description="When the quota allows a use again; null while it allows one.", examples=[None]),
    ]


@dataclass(frozen=True)
class Usage:
    """What lists show of an account's quotas.

    `posts` is its number of posts, if a limit is known. `spent` is the quota that stays used up the longest, if one is.
    """

    posts: QuotaOut | None
    spent: QuotaOut | None


class Meter:
    """A counter of one account's requests, and of its app's."""

    def __init__(self, counters: QuotaCounters, allowances: tuple[Allowance, ...], closed: Mapping[str, str]) -> None:
        self._counters = counters
        self.allowances = allowances
        self._closed = closed

    async def consume(self, request: str) -> None:
        """Consume the units of this request. Raise QuotaExceeded if a quota is used up, or the platform said so."""
        now = clock.now()
        charges = {}
        for one in self.allowances:
            units = one.quota.charges.get(request)
            if units is None:
                continue
            until = self._closed.get(one.quota.name)
            if until and datetime.fromisoformat(until) > now:
                raise one.to_error(datetime.fromisoformat(until), None)
            if units:
                charges[one] = units
        if charges:
            await self._counters.charge(charges)

    async def refund(self, request: str, consumed_at: datetime) -> None:
        """Return the units of a rejected request, for quotas that do not count those."""
        refunded = tuple(one for one in self.allowances if one.quota.refunded and one.quota.charges.get(request))
        for one in refunded:
            units = one.quota.charges[request]
            await self._counters.change((one,), lambda budget, units=units: budget.refund(units, consumed_at))  # type: ignore[misc]

    async def update(self, quota: str, used: int, limit: int) -> None:
        """Replace the count by the platform's figures. Raise QuotaExceeded if nothing is left by them."""
        now = clock.now()

        def act(budget: Budget) -> None:
            budget.report(used, limit, now)

        for one, budget in await self._change(quota, act):
            if not budget.allows(0, now):
                raise one.to_error(budget.free_at(1, now), budget.limit)

    async def block_until(self, quota: str, wait: timedelta) -> None:
        """Record that the platform has reported the quota as used up for this time."""
        until = clock.now() + wait

        def act(budget: Budget) -> None:
            budget.spent_until = until

        await self._change(quota, act)

    async def show(self) -> list[QuotaOut]:
        """Return the used and the remaining units of each quota, as the API shows them."""
        now = clock.now()
        budgets = await self._counters.read(self.allowances)
        return [_show(one, budgets[one.key], now) for one in self.allowances]

    async def _change(self, quota: str, act: Callable[[Budget], None]) -> list[tuple[Allowance, Budget]]:
        named = tuple(one for one in self.allowances if one.quota.name == quota)
        budgets = await self._counters.change(named, act) if named else {}
        return [(one, budgets[one.key]) for one in named]


class MeteredHttp:
    """Counted requests that are not part of a publication."""

    def __init__(self, http: Http, meter: Meter) -> None:
        self._http = http
        self._meter = meter

    async def request(self, name: str, method: str, url: str, **options: Any) -> Response:
        await self._meter.consume(name)
        return await self._http.request(name, method, url, **options)


def subject_prefix(settings: Settings) -> str:
    """Return the prefix of all subjects: it separates the sandbox's quotas from the platforms'."""
    return "sandbox " if settings.sandbox_base else ""


def _usage(meter: Meter, shown: Mapping[Key, QuotaOut]) -> Usage:
    posts = (shown[one.key] for one in meter.allowances if one.quota.of_posts)
    spent = [found for one in meter.allowances if (found := shown[one.key]).free_at]
    last = max(spent, key=lambda one: one.free_at or "", default=None)
    return Usage(next((one for one in posts if one.limit is not None), None), last)


def _show(one: Allowance, budget: Budget, now: datetime) -> QuotaOut:
    used, spent = budget.used(now), not budget.allows(0, now)
    left = None if budget.limit is None else max(0, budget.limit - used)
    return QuotaOut(
        name=one.quota.name,
        scope="app" if one.quota.of_app else "account",
        window=one.quota.window,
        limit=budget.limit,
        used=used,
        remaining=0 if spent else left,
        free_at=budget.free_at(1, now) if spent else None,
    )
