"""Counting requests against the platforms' quotas, over all workers together.

A quota's state is one row, changed under its lock. What many runs of this process ask for at the same time is decided
in one transaction, so that an account or app which everybody uses does not become a queue of its own.
"""

import asyncio
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import httpx2
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.settings import Settings
from clipcast.common.timestamps import format_timestamp
from clipcast.database import Database
from clipcast.database.hot_queries import Statement, Transaction
from clipcast.platforms.base import Http, Platform
from clipcast.platforms.errors import RateLimited
from clipcast.platforms.quota import Budget, Quota

Key = tuple[str, str]

SELECT = """
    SELECT quotas.* FROM quotas
    JOIN unnest(CAST(:subjects AS text[]), CAST(:names AS text[])) AS wanted(subject, name) USING (subject, name)
"""
# Always in this order: no two workers wait for each other.
LOCK = Statement(SELECT + "ORDER BY subject, name FOR UPDATE OF quotas")
READ = Statement(SELECT)

BEGIN = Statement("""
    INSERT INTO quotas (subject, name, state)
    SELECT subject, name, '{}' FROM unnest(CAST(:subjects AS text[]), CAST(:names AS text[])) AS wanted(subject, name)
    ORDER BY subject, name ON CONFLICT DO NOTHING
""")

# All of them, or none where somebody has changed one since that version. The commit is not waited for until it is on
# disk: what a database that dies in this very moment forgets is a count, and the platform counts as well.
SAVE = Statement("""
    WITH new AS (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb))
            AS new(subject text, name text, state jsonb, spent_until timestamptz, version bigint)
    ), unchanged AS (
        SELECT 1 FROM quotas JOIN new USING (subject, name) WHERE quotas.version = new.version
        ORDER BY subject, name FOR UPDATE OF quotas
    )
    UPDATE quotas SET state = new.state, spent_until = new.spent_until, version = new.version + 1 FROM new
    WHERE quotas.subject = new.subject AND quotas.name = new.name
      AND (SELECT count(*) FROM unchanged) = (SELECT count(*) FROM new)
    RETURNING quotas.subject, quotas.name, quotas.version,
              set_config('synchronous_commit', 'off', true)
""")

# Locked in the order of LOCK.
REOPEN = text("""
    WITH of AS (
        SELECT CASE WHEN sandbox THEN 'sandbox ' ELSE '' END || platform AS app, account_id
        FROM connections WHERE id = ANY(:connection_ids)
    ), spent AS (
        SELECT subject, name FROM quotas
        WHERE subject IN (SELECT app FROM of UNION SELECT app || ' ' || account_id FROM of)
          AND spent_until IS NOT NULL
        ORDER BY subject, name FOR UPDATE
    )
    UPDATE quotas SET spent_until = NULL, version = version + 1 FROM spent
    WHERE quotas.subject = spent.subject AND quotas.name = spent.name
""")


Row = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class CachedRow:
    """A row as this process saved it, and whether nobody else had changed it since the time before."""

    row: Row
    alone: bool


class QuotaExceeded(RateLimited):
    """Nothing is left of a quota. The request was not sent."""


@dataclass(frozen=True)
class Allowance:
    """A quota of one account, or of the app: where it is kept, and how much it is in this installation."""

    subject: str
    quota: Quota
    limit: int | None
    title: str

    @property
    def key(self) -> Key:
        return self.subject, self.quota.name

    def spent(self, until: datetime, limit: int | None) -> QuotaExceeded:
        """The error of a request that is one too many."""
        whose = "the app" if self.quota.of_app else "the account"
        number = f" ({limit} per {self.quota.window})" if limit else ""
        return QuotaExceeded(
            "quota_spent",
            f"{self.title}: quota `{self.quota.name}` of {whose}{number} is used up until {format_timestamp(until)}.",
            fix="Nothing to do: the item continues then. If the limit was lifted before, retry the item now.",
            wait=max(until - clock.now(), timedelta(seconds=1)),
            rejected=True,
        )


Charges = Mapping[Allowance, int]

# Rows that a process remembers at most.
REMEMBERED = 10_000


class Quotas:
    """The books, as one process keeps them."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._limits = settings.quotas
        self._where = subject_prefix(settings)
        self._database = database
        # What this process saved last. Where nobody else changes it, the next change is one trip instead of four.
        self._last: dict[Key, CachedRow] = {}
        self._asked: list[tuple[Charges, asyncio.Future[None]]] = []
        self._deciding: asyncio.Task[None] | None = None

    def meter(
        self,
        platform: Platform[Any],
        account_id: str,
        profile: Mapping[str, Any],
        closed: Mapping[str, str] | None = None,
    ) -> "Meter":
        """The meter of one account. `closed`: until when the platform has said that nothing is left, by quota."""
        allowances = tuple(
            Allowance(
                self._where + (platform.name if quota.of_app else f"{platform.name} {account_id}"),
                quota,
                self._limits.get(f"{platform.name}.{quota.name}", quota.limit),
                platform.title,
            )
            for quota in platform.quotas
            if not (quota.default_method_only and profile.get("way"))
        )
        return Meter(self, allowances, closed or {})

    async def take(self, charges: Charges) -> None:
        """Takes all of them, or none. Raises QuotaSpent."""
        answer = asyncio.get_running_loop().create_future()
        self._asked.append((charges, answer))
        if self._deciding is None:
            self._deciding = asyncio.create_task(self._decide_all())
        await answer

    async def read(self, allowances: tuple[Allowance, ...]) -> dict[Key, Budget]:
        """The budgets as they are. Takes no lock and writes nothing."""
        keys = {one.key: one for one in allowances}
        return _budgets(await self._database.hot_pool.fetch(READ, _named(keys)), keys)

    async def change(self, allowances: tuple[Allowance, ...], act: Callable[[Budget], None]) -> dict[Key, Budget]:
        """The budgets, after `act` was done to each."""

        def act_on_all(budgets: dict[Key, Budget]) -> dict[Key, Budget]:
            for budget in budgets.values():
                act(budget)
            return budgets

        return await self._change({one.key: one for one in allowances}, act_on_all)

    async def _decide_all(self) -> None:
        """Decides what is asked for, and what was asked for meanwhile, until nothing is. Never raises."""
        while self._asked:
            asked, self._asked = self._asked, []
            try:
                refusals: list[BaseException | None] = await self._decide([charges for charges, _ in asked])
            except Exception as error:
                refusals = [error] * len(asked)
            for (_, answer), refusal in zip(asked, refusals, strict=True):
                if answer.done():
                    continue  # whoever asked is gone
                if refusal is None:
                    answer.set_result(None)
                else:
                    answer.set_exception(refusal)
        self._deciding = None

    async def _decide(self, asked: list[Charges]) -> list[BaseException | None]:
        def book(budgets: dict[Key, Budget]) -> list[BaseException | None]:
            return [_booked(charges, budgets) for charges in asked]

        return await self._change({one.key: one for charges in asked for one in charges}, book)

    async def _change(self, allowances: dict[Key, Allowance], act: Callable[[dict[Key, Budget]], T]) -> T:
        """Commits what `act` makes of the budgets. It may be done twice, to other budgets; the last result counts."""
        if all(key in self._last and self._last[key].alone for key in allowances):
            remembered = [self._last[key].row for key in allowances]
            budgets = _budgets(remembered, allowances)
            result = act(budgets)
            if saved := await self._database.hot_pool.fetch(SAVE, {"rows": _rows(budgets, remembered)}):
                self._remember(budgets, saved, set(budgets))
                return result
        async with self._database.hot_pool.transaction() as transaction:
            found = await _locked(transaction, allowances)
            budgets = _budgets(found, allowances)
            result = act(budgets)
            saved = await transaction.fetch(SAVE, {"rows": _rows(budgets, found)})
        # Where others change a row, too, what this process remembers of it would be wrong most of the time.
        alone = {_key(row) for row in found if row["version"] == self._version(_key(row))}
        self._remember(budgets, saved, alone)
        return result

    def _version(self, key: Key) -> int | None:
        return self._last[key].row["version"] if key in self._last else None

    def _remember(self, budgets: dict[Key, Budget], saved: Iterable[Row], alone: set[Key]) -> None:
        if len(self._last) > REMEMBERED:
            self._last.clear()
        for row in saved:
            key = _key(row)
            state = {"state": budgets[key].dump(), "spent_until": budgets[key].spent_until}
            self._last[key] = CachedRow(dict(row) | state, key in alone)


class Meter:
    """Counts the requests of one account."""

    def __init__(self, quotas: Quotas, allowances: tuple[Allowance, ...], closed: Mapping[str, str]) -> None:
        self._quotas = quotas
        self._allowances = allowances
        self._closed = closed

    async def consume(self, request: str) -> None:
        """Takes what this request costs. Raises QuotaSpent where nothing is left, or the platform has said so."""
        now = clock.now()
        charges = {}
        for one in self._allowances:
            units = one.quota.charges.get(request)
            if units is None:
                continue
            until = self._closed.get(one.quota.name)
            if until and datetime.fromisoformat(until) > now:
                raise one.spent(datetime.fromisoformat(until), None)
            if units:
                charges[one] = units
        if charges:
            await self._quotas.take(charges)

    async def refund(self, request: str, spent_at: datetime) -> None:
        """Gives back what a refused request does not cost."""
        back = tuple(one for one in self._allowances if one.quota.refunded and one.quota.charges.get(request))
        for one in back:
            units = one.quota.charges[request]
            await self._quotas.change((one,), lambda budget, units=units: budget.refund(units, spent_at))  # type: ignore[misc]

    async def learn(self, quota: str, used: int, limit: int) -> None:
        """Takes over the platform's own figures. Raises QuotaSpent when by them nothing is left."""
        now = clock.now()

        def act(budget: Budget) -> None:
            budget.report(used, limit, now)

        for one, budget in await self._change(quota, act):
            if not budget.allows(0, now):
                raise one.spent(budget.free_at(1, now), budget.limit)

    async def block_until(self, quota: str, wait: timedelta) -> None:
        """The platform has said that nothing is left for so long."""
        until = clock.now() + wait

        def act(budget: Budget) -> None:
            budget.spent_until = until

        await self._change(quota, act)

    async def show(self) -> list[dict[str, Any]]:
        """What is used and left of each quota now, for people."""
        now = clock.now()
        budgets = await self._quotas.read(self._allowances)
        return [_shown(one, budgets[one.key], now) for one in self._allowances]

    async def _change(self, quota: str, act: Callable[[Budget], None]) -> list[tuple[Allowance, Budget]]:
        named = tuple(one for one in self._allowances if one.quota.name == quota)
        budgets = await self._quotas.change(named, act) if named else {}
        return [(one, budgets[one.key]) for one in named]


class MeteredHttp:
    """Requests that are no part of a publication, counted as well."""

    def __init__(self, http: Http, meter: Meter) -> None:
        self._http = http
        self._meter = meter

    async def request(self, name: str, method: str, url: str, **options: Any) -> httpx2.Response:
        await self._meter.consume(name)
        return await self._http.request(name, method, url, **options)


def subject_prefix(settings: Settings) -> str:
    """The sandbox's quotas are not the platforms'."""
    return "sandbox " if settings.sandbox_base else ""


async def reopen_quotas(session: AsyncSession, connection_ids: Collection[UUID]) -> None:
    """Forget what the platforms said to be used up, for these accounts and their apps: somebody wants to try again."""
    await session.execute(REOPEN, {"connection_ids": list(connection_ids)})


def _booked(charges: Charges, budgets: Mapping[Key, Budget]) -> QuotaExceeded | None:
    """Books the charges of one request; or else why not, with a time to come back."""
    now = clock.now()
    for one, units in charges.items():
        budget = budgets[one.key]
        if not budget.allows(units, now):
            return one.spent(budget.promise(units, now), budget.limit)
    for one, units in charges.items():
        budgets[one.key].use(units, now)
    return None


def _shown(one: Allowance, budget: Budget, now: datetime) -> dict[str, Any]:
    used, spent = budget.used(now), not budget.allows(0, now)
    left = None if budget.limit is None else max(0, budget.limit - used)
    return {
        "name": one.quota.name,
        "scope": "app" if one.quota.of_app else "account",
        "window": one.quota.window,
        "limit": budget.limit,
        "used": used,
        "remaining": 0 if spent else left,
        "free_at": format_timestamp(budget.free_at(1, now)) if spent else None,
    }


async def _locked(transaction: Transaction, allowances: Mapping[Key, Allowance]) -> list[asyncpg.Record]:
    """The rows of these keys, which nobody else can change before the transaction ends."""
    wanted = _named(allowances)
    rows = await transaction.fetch(LOCK, wanted)
    if len(rows) < len(allowances):
        await transaction.fetch(BEGIN, wanted)
        rows = await transaction.fetch(LOCK, wanted)
    return rows


def _named(keys: Collection[Key]) -> dict[str, list[str]]:
    """The parameters of statements about these rows."""
    return {"subjects": [subject for subject, _ in keys], "names": [name for _, name in keys]}


def _key(row: Row) -> Key:
    return row["subject"], row["name"]


def _budgets(rows: Iterable[Row], allowances: Mapping[Key, Allowance]) -> dict[Key, Budget]:
    """The budgets of these rows; a quota that has none yet is unused."""
    now = clock.now()
    found = {_key(row): (row["state"], row["spent_until"]) for row in rows}
    return {key: Budget.load(one.quota, one.limit, *found.get(key, ({}, None)), now) for key, one in allowances.items()}


def _rows(budgets: Mapping[Key, Budget], before: Iterable[Row]) -> str:
    """What is to be saved, each with the version that it was made from."""
    versions = {_key(row): row["version"] for row in before}
    rows = [
        {
            "subject": key[0],
            "name": key[1],
            "state": budget.dump(),
            "spent_until": format_timestamp(budget.spent_until),
            "version": versions[key],
        }
        for key, budget in budgets.items()
    ]
    return json.dumps(rows)
