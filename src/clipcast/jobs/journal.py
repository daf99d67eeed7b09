"""The journal: the saved results of a job's steps, each committed before the run continues.

Entries belong to a round of the job. A new round starts the program over. It begins only if nothing of the old round
is or will become visible, or if a caller forces it. A job that follows another one reads that one's entries, too.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from clipcast.clock import clock
from clipcast.common.vault import Vault
from clipcast.database import Database
from clipcast.database.changes import tell
from clipcast.database.hot_queries import Executor, Statement
from clipcast.jobs.claimed import ClaimedItem, LeaseLost
from clipcast.jobs.timeline import WRITE_EVENTS, Timeline
from clipcast.jobs.versions import Entries, Program, pin
from clipcast.platforms.base import PublishWarning, SavedEntry

# The prefix of the name of an entry that holds the warning of an optional step.
LEFT_OUT = "left out: "
# The end of the name of an entry that the platform has rejected a repeated guarded request as a duplicate.
EXISTS = ".exists"

# The entry that pins the file of a round (publishing/conversion.py). It belongs to no program.
RENDITION = "rendition"

# Seconds; less than a lease. A write that takes longer may have been committed: its run ends, and the next run reads
# the journal.
WRITE_TIMEOUT = 5.0
# Every write is one statement. It first locks the job's row, on condition that the fencing token is unchanged. A lock
# costs less than a new version of the row.
HELD = """
    WITH held AS (
        SELECT id, subject_id, program FROM jobs
        WHERE id = :job_id AND fence = :fence AND state = 'running' FOR NO KEY UPDATE
    ), shown AS (
        UPDATE items SET stage = :stage, progress = :progress, updated_at = :now
        FROM held WHERE items.id = held.subject_id
          AND (items.stage, items.progress) IS DISTINCT FROM (CAST(:stage AS varchar), CAST(:progress AS int))
    )
"""
# The first entry of a round, and the first publishing intent, pin the program.
PIN = """
    , pinned AS (
        UPDATE jobs SET program = :program FROM held
        WHERE jobs.id = held.id AND held.program IS DISTINCT FROM CAST(:program AS varchar)
    )
"""
DONE = f", events AS ({WRITE_EVENTS}) SELECT id FROM held"
WRITE = Statement(
    HELD
    + PIN
    + """
    , written AS (
        INSERT INTO journal (item_id, round, name, result, intended_at, finished_at, publishes)
        SELECT id, :round, :name, :result, :intended_at, :finished_at, :publishes FROM held
        ON CONFLICT (item_id, round, name) DO UPDATE SET
            result = excluded.result, intended_at = excluded.intended_at, finished_at = excluded.finished_at
    )
"""
    + DONE,
    WRITE_TIMEOUT,
)
WITHDRAW = Statement(
    HELD
    + PIN
    + ", gone AS (DELETE FROM journal USING held WHERE item_id = held.id AND round = :round AND name = :name)"
    + DONE,
    WRITE_TIMEOUT,
)
TOUCH = Statement(HELD + DONE, WRITE_TIMEOUT)
# The job then has all entries of its own, and reads no other job's.
CLEAR = Statement(
    HELD
    + """
    , gone AS (DELETE FROM journal USING held WHERE item_id = held.id AND round = :round)
    , pinned AS (UPDATE jobs SET program = :program, after_id = NULL FROM held WHERE jobs.id = held.id)
"""
    + DONE,
    WRITE_TIMEOUT,
)


@dataclass
class Entry:
    """One entry of the journal: an intent, a result, or both. `publishes` is False if it makes nothing visible."""

    result: bytes | None
    intended_at: datetime | None
    finished_at: datetime | None
    publishes: bool = True


class Journal:
    """The entries of one job's round, for one run."""

    def __init__(
        self, database: Database, vault: Vault, claimed: ClaimedItem, timeline: Timeline, program: Program
    ) -> None:
        """Read the entries of the claim. Each write pins `program`, the current one."""
        self._database = database
        self._vault = vault
        self._program = program
        self._lease = claimed.lease
        self._timeline = timeline
        self._round = claimed.round
        self._entries = {
            name: Entry(row["result"], row["intended_at"], row["finished_at"], row["publishes"])
            for name, row in claimed.journal.items()
        }
        self._item_id = claimed.item.id
        self.stage = claimed.item.stage
        self.progress = claimed.item.progress
        self._saved = self.stage, self.progress
        self.written_at = clock.monotonic()

    def saved(self) -> Entries:
        """Return the program's entries with their results. Raise VaultError if this process lacks their key."""
        return {
            name: SavedEntry(
                self._vault.open(entry.result) if entry.result is not None else None,
                entry.intended_at,
                entry.finished_at,
                entry.publishes,
                exists=name + EXISTS in self._entries,
            )
            for name, entry in self._entries.items()
            if not name.endswith(EXISTS) and name != RENDITION
        }

    async def replace(self, entries: Entries) -> None:
        """Commit these entries in place of the program's others. Raise LeaseLost if the lease has ended."""
        self._entries = {name: entry for name, entry in self._entries.items() if name == RENDITION}
        for name, saved in entries.items():
            result = None if saved.finished_at is None else self._vault.seal(saved.result)
            self._entries[name] = Entry(result, saved.intended_at, saved.finished_at, saved.publishes)
            if saved.exists:
                self._entries[name + EXISTS] = Entry(self._vault.seal(True), None, saved.intended_at)
        async with self._database.hot_pool.transaction() as transaction:
            await self._execute(CLEAR, {"round": self._round, "program": self._pin()}, transaction)
            for name, entry in self._entries.items():
                values = {"round": self._round, "name": name, "program": self._pin()}
                await self._execute(WRITE, values | vars(entry), transaction)

    def is_begun(self) -> bool:
        """Return whether the program has an entry."""
        return bool(self._entries.keys() - {RENDITION})

    def is_finished(self, name: str) -> bool:
        return name in self._entries and self._entries[name].finished_at is not None

    def is_intended(self, name: str) -> bool:
        return name in self._entries and self._entries[name].intended_at is not None

    def may_be_seen(self) -> bool:
        """Return whether a publishing request may have been sent."""
        return any(entry.intended_at and entry.publishes for entry in self._entries.values())

    def result(self, name: str) -> Any:
        """Return the saved result of a finished entry."""
        sealed = self._entries[name].result
        assert sealed is not None
        return self._vault.open(sealed)

    def time_since(self, name: str) -> timedelta:
        """Return the time since the entry was finished; zero if it is not."""
        finished = self._entries[name].finished_at if name in self._entries else None
        return max(timedelta(), clock.now() - finished) if finished else timedelta()

    def intent_age(self, name: str) -> timedelta:
        """Return the time since the intent was last committed."""
        intended = self._entries[name].intended_at
        assert intended is not None
        return max(timedelta(), clock.now() - intended)

    async def intend(self, name: str, publishes: bool) -> None:
        """Commit the intent. Raise LeaseLost if the lease has ended."""
        await self._write(name, Entry(None, clock.now(), None, publishes))

    async def finish(self, name: str, result: Any) -> None:
        """Commit the result. Raise LeaseLost if the lease has ended."""
        before = self._entries.get(name, Entry(None, None, None))
        await self._write(name, Entry(self._vault.seal(result), before.intended_at, clock.now(), before.publishes))

    def has_warning(self, name: str) -> bool:
        """Return whether the optional step of this name was given up."""
        return self.is_finished(LEFT_OUT + name)

    def warnings(self) -> list[PublishWarning]:
        """Return the warnings of the optional steps that were given up, in the order of their names."""
        return [PublishWarning(**self.result(name)) for name in sorted(self._entries) if name.startswith(LEFT_OUT)]

    async def warn(self, name: str, warning: PublishWarning) -> None:
        """Commit that the optional step of this name was given up. Raise LeaseLost if the lease has ended."""
        self._timeline.add("journal", name, detail=warning.message)
        await self.finish(LEFT_OUT + name, vars(warning))

    async def withdraw(self, name: str) -> None:
        """Delete an intent whose request certainly had no effect. Raise LeaseLost if the lease has ended."""
        self._entries.pop(name, None)
        await self._execute(WITHDRAW, {"round": self._round, "name": name, "program": self._pin()})

    async def touch(self) -> None:
        """Save the stage and the progress alone. Raise LeaseLost if the lease has ended."""
        await self._execute(TOUCH, {})

    async def _write(self, name: str, entry: Entry) -> None:
        seen = self.may_be_seen() or bool(entry.intended_at and entry.publishes)
        values = {"round": self._round, "name": name, "program": pin(self._program, seen)}
        await self._execute(WRITE, values | vars(entry))
        self._entries[name] = entry

    def _pin(self) -> str:
        return pin(self._program, self.may_be_seen())

    async def _execute(self, statement: Statement, values: dict[str, Any], executor: Executor | None = None) -> None:
        self._lease.check()
        shown = self.stage, self.progress
        held = {
            "job_id": self._lease.job_id,
            "fence": self._lease.fence,
            "stage": shown[0],
            "progress": shown[1],
            "now": clock.now(),
            "events": self._timeline.take(),
        }
        executor = executor or self._database.hot_pool
        if not await executor.fetch(statement, held | values):
            raise LeaseLost(str(self._lease.job_id))
        if self._saved != shown:
            self._saved = shown
            tell(executor, self._item_id)
        self.written_at = clock.monotonic()
