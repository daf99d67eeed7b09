"""The counters of the platforms' quotas in PostgreSQL, common to all workers.

The state of a quota is one row. This process decides its concurrent charges in one transaction, so that an account or
app with many runs does not become a queue.
"""

import asyncio
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp
from clipcast.database import Database
from clipcast.database.hot_queries import Statement, Transaction
from clipcast.platforms.errors import RateLimited
from clipcast.platforms.quota import Budget, Quota

Key = tuple[str, str]
Row = Mapping[str, Any]
T = TypeVar("T")

SELECT = """
    SELECT quotas.* FROM quotas
    JOIN unnest(CAST(:subjects AS text[]), CAST(:names AS text[])) AS wanted(subject, name) USING (subject, name)
"""
# All workers lock rows in this order, so that they cannot deadlock.
LOCK = Statement(SELECT + "ORDER BY subject, name FOR UPDATE OF quotas")
READ = Statement(SELECT)

BEGIN = Statement("""
    INSERT INTO quotas (subject, name, state)
    SELECT subject, name, '{}' FROM unnest(CAST(:subjects AS text[]), CAST(:names AS text[])) AS wanted(subject, name)
    ORDER BY subject, name ON CONFLICT DO NOTHING
""")

# Saves all rows, or no row if another process has changed one since its version. The commit does not wait for the disk:
# if the database crashes at this moment, it loses a count, and the platform counts as well.
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

# Locks rows in the order of LOCK.
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

# Seconds for which a process gathers charges of a row that other processes change, too. A decision about such a row
# takes four round trips, however many charges it is about.
GATHER = 0.005
# The most rows that a process caches.
CACHED_MAX = 10_000


@dataclass(frozen=True)
class CachedRow:
    """A row as this process last saved it. `alone`: no other process had changed it since the save before."""

    row: Row
    alone: bool


class QuotaExceeded(RateLimited):
    """A quota is used up. The request was not sent."""


@dataclass(frozen=True)
class Allowance:
    """A quota of one account or app: the subject of its row, and its limit in this installation."""

    subject: str
    quota: Quota
    limit: int | None
    title: str

    @property
    def key(self) -> Key:
        return self.subject, self.quota.name

    def to_error(self, until: datetime, limit: int | None) -> QuotaExceeded:
        """Return the error of a request that exceeds the quota until that instant."""
        whose = "the app" if self.quota.of_app else "the account"
        number = f" ({limit} per {self.quota.window})" if limit else ""
        return QuotaExceeded(
            "quota_spent",
            f"{self.title}: quota `{self.quota.name}` of {whose}{number} is used up until {format_timestamp(until)}.",
            fix="The item continues then. If the platform lifts the limit earlier, retry the item.",
            wait=max(until - clock.now(), timedelta(seconds=1)),
            rejected=True,
        )


Charges = Mapping[Allowance, int]


class QuotaCounters:
    """Quota counters with this process's row cache."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # If no other process changes a cached row, its next change takes one round trip instead of four.
        self._cache: dict[Key, CachedRow] = {}
        self._requests: list[tuple[Charges, asyncio.Future[None]]] = []
        self._deciding: asyncio.Task[None] | None = None

    async def charge(self, charges: Charges) -> None:
        """Consume all of the charges, or nothing. Raise QuotaExceeded if a quota does not suffice."""
        decision = asyncio.get_running_loop().create_future()
        self._requests.append((charges, decision))
        if self._deciding is None:
            self._deciding = asyncio.create_task(self._decide_all())
        await decision

    async def read(self, allowances: tuple[Allowance, ...]) -> dict[Key, Budget]:
        """Return the current budgets, without a lock or a write."""
        keys = {one.key: one for one in allowances}
        return _budgets(await self._database.hot_pool.fetch(READ, _parameters(keys)), keys)

    async def change(self, allowances: tuple[Allowance, ...], act: Callable[[Budget], None]) -> dict[Key, Budget]:
        """Apply `act` to each budget, commit, and return the budgets."""

        def act_on_all(budgets: dict[Key, Budget]) -> dict[Key, Budget]:
            for budget in budgets.values():
                act(budget)
            return budgets

        return await self._change({one.key: one for one in allowances}, act_on_all)

    async def _decide_all(self) -> None:
        """Decide all requests, and those that arrive meanwhile, until none is left. Never raise."""
        while self._requests:
            if any(self._is_shared(one.key) for charges, _ in self._requests for one in charges):
                await asyncio.sleep(GATHER)
            requests, self._requests = self._requests, []
            try:
                errors: list[BaseException | None] = await self._decide([charges for charges, _ in requests])
            except Exception as error:
                errors = [error] * len(requests)
            for (_, decision), rejection in zip(requests, errors, strict=True):
                if decision.done():
                    continue  # the caller was cancelled
                if rejection is None:
                    decision.set_result(None)
                else:
                    decision.set_exception(rejection)
        self._deciding = None

    async def _decide(self, requests: list[Charges]) -> list[BaseException | None]:
        def charge_all(budgets: dict[Key, Budget]) -> list[BaseException | None]:
            return [_charge(charges, budgets) for charges in requests]

        return await self._change({one.key: one for charges in requests for one in charges}, charge_all)

    async def _change(self, allowances: dict[Key, Allowance], act: Callable[[dict[Key, Budget]], T]) -> T:
        """Apply `act` to the budgets, commit, and return its result.

        If the cached rows are stale, `act` runs again with current budgets, and the second result counts.
        """
        if all(key in self._cache and self._cache[key].alone for key in allowances):
            cached = [self._cache[key].row for key in allowances]
            budgets = _budgets(cached, allowances)
            result = act(budgets)
            if saved := await self._database.hot_pool.fetch(SAVE, {"rows": _rows(budgets, cached)}):
                self._cache_rows(budgets, saved, set(budgets))
                return result
        async with self._database.hot_pool.transaction() as transaction:
            found = await _lock(transaction, allowances)
            budgets = _budgets(found, allowances)
            result = act(budgets)
            saved = await transaction.fetch(SAVE, {"rows": _rows(budgets, found)})
        # A row that other processes change, too, would usually be stale in the cache.
        alone = {_key(row) for row in found if row["version"] == self._cached_version(_key(row))}
        self._cache_rows(budgets, saved, alone)
        return result

    def _is_shared(self, key: Key) -> bool:
        return key in self._cache and not self._cache[key].alone

    def _cached_version(self, key: Key) -> int | None:
        return self._cache[key].row["version"] if key in self._cache else None

    def _cache_rows(self, budgets: dict[Key, Budget], saved: Iterable[Row], alone: set[Key]) -> None:
        if len(self._cache) > CACHED_MAX:
            self._cache.clear()
        for row in saved:
            key = _key(row)
            state = {"state": budgets[key].dump(), "spent_until": budgets[key].spent_until}
            self._cache[key] = CachedRow(dict(row) | state, key in alone)


async def reopen_quotas(session: AsyncSession, connection_ids: Collection[UUID]) -> None:
    """Delete the blocks that platforms have reported for these accounts and their apps, so that a retry is sent."""
    await session.execute(REOPEN, {"connection_ids": list(connection_ids)})


def _charge(charges: Charges, budgets: Mapping[Key, Budget]) -> QuotaExceeded | None:
    """Apply the charges of one request, or return the error that says when to come back."""
    now = clock.now()
    for one, units in charges.items():
        budget = budgets[one.key]
        if not budget.allows(units, now):
            return one.to_error(budget.promise(units, now), budget.limit)
    for one, units in charges.items():
        budgets[one.key].use(units, now)
    return None


async def _lock(transaction: Transaction, allowances: Mapping[Key, Allowance]) -> list[asyncpg.Record]:
    """Lock the rows of these keys until the transaction ends, insert missing ones, and return all."""
    parameters = _parameters(allowances)
    rows = await transaction.fetch(LOCK, parameters)
    if len(rows) < len(allowances):
        await transaction.fetch(BEGIN, parameters)
        rows = await transaction.fetch(LOCK, parameters)
    return rows


def _parameters(keys: Collection[Key]) -> dict[str, list[str]]:
    """Return the parameters of statements about these rows."""
    return {"subjects": [subject for subject, _ in keys], "names": [name for _, name in keys]}


def _key(row: Row) -> Key:
    return row["subject"], row["name"]


def _budgets(rows: Iterable[Row], allowances: Mapping[Key, Allowance]) -> dict[Key, Budget]:
    """Return the budgets of these rows. A quota without a row is unused."""
    now = clock.now()
    found = {_key(row): (row["state"], row["spent_until"]) for row in rows}
    return {key: Budget.load(one.quota, one.limit, *found.get(key, ({}, None)), now) for key, one in allowances.items()}


def _rows(budgets: Mapping[Key, Budget], before: Iterable[Row]) -> str:
    """Return the rows to save as JSON, each with the version on which it is based."""
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
