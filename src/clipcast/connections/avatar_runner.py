"""The run of a job `avatar`: it fetches the picture of an account and stores a small copy."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import structlog

from clipcast.clock import clock
from clipcast.common.unavailable import Unavailable
from clipcast.connections.avatars import is_of, new_key
from clipcast.database.changes import tell
from clipcast.database.hot_queries import Statement, Transaction
from clipcast.database.models.jobs import JobState
from clipcast.installation import Installation
from clipcast.jobs.claimed import ClaimedJob
from clipcast.jobs.kinds import AVATAR, NOTIFY_QUEUE
from clipcast.jobs.retry import next_try
from clipcast.jobs.runs import delete_job, end_job, lock_job, run_to_decision
from clipcast.jobs.wake import wake_workers
from clipcast.jobs.worker import Part
from clipcast.platforms.errors import InvalidRequest, PublishError, TransientError
from clipcast.platforms.public_fetch import PublicFetcher
from clipcast.platforms.transport import HttpClient
from clipcast.rendering.logos import BYTES_MAX, NotAPicture, make_avatar

log = structlog.get_logger()

# Seconds for the whole file, including redirects.
FETCH_TIME = 20.0

FIND = Statement("SELECT avatar_url, avatar_key FROM connections WHERE id = :id AND removed_at IS NULL")
LOCK = Statement("SELECT avatar_url FROM connections WHERE id = :id AND removed_at IS NULL FOR NO KEY UPDATE")
KEEP = Statement("UPDATE connections SET avatar_key = :key, updated_at = :now WHERE id = :id")
UNWANTED = Statement("INSERT INTO unwanted_objects (key, created_at) VALUES (:key, :now) ON CONFLICT DO NOTHING")


class AvatarRunner:
    """The resources that all runs share."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        # A platform, or a server of the account's owner, named the hosts.
        self._client = HttpClient(named=True)
        self._fetcher = PublicFetcher(self._client, installation.settings.sandbox_base)

    async def close(self) -> None:
        await self._client.close()

    def may_end(self, task: asyncio.Task[None]) -> bool:
        """Return False: another worker fetches the picture again."""
        return False

    async def run(self, claimed: ClaimedJob) -> None:
        """Run `claimed` to a decision. Save every error as its outcome; raise only CancelledError."""
        run = _Run(self._installation, self._fetcher, claimed.subject_id)
        await run_to_decision(claimed, run.decide, run)


class _Run:
    """One run, for the address that the account has at its beginning."""

    def __init__(self, installation: Installation, fetcher: PublicFetcher, connection_id: UUID) -> None:
        self._installation = installation
        self._pool = installation.database.hot_pool
        self._fetcher = fetcher
        self._id = connection_id
        self._address: str | None = None
        # The copy that the account has at the beginning.
        self._key: str | None = None

    async def decide(self, claimed: ClaimedJob) -> None:
        """Fetch and store the picture. A failure that may pass is tried again, by the delays of retry.py."""
        found = await self._pool.fetch(FIND, {"id": self._id})
        self._address, self._key = (found[0]["avatar_url"], found[0]["avatar_key"]) if found else (None, None)
        if self._address is None:
            await self._end(claimed, None)
            return
        claimed.lease.check()
        try:
            await self._end(claimed, await self._copied(self._address, self._key, claimed.workspace_id))
        except PublishError as error:
            delay = next_try(error, claimed.failures + 1)
            await (self.failed(claimed, error) if delay is None else self.again(claimed, delay, error))

    async def _copied(self, address: str, key: str | None, owner: UUID) -> str:
        """Return the key of the stored copy: `key`, if that is the same picture. Raise PublishError."""
        children, storage = self._installation.children, self._installation.storage
        try:
            made = await make_avatar(children, await self._fetcher.fetch(address, BYTES_MAX, seconds=FETCH_TIME), owner)
            if key is not None and is_of(key, self._id, made) and await storage.has(key):
                return key
            key = new_key(self._id, made)
            await storage.put_bytes(key, made)
        except NotAPicture as error:
            raise InvalidRequest("fetch_failed", f"{address}: {error}") from error
        except Unavailable as error:
            raise TransientError("fetch_failed", str(error)) from error
        return key

    async def failed(self, claimed: ClaimedJob, error: PublishError) -> None:
        """Give up until the account is connected again. It keeps the picture that it has, or its initials."""
        log.warning("avatar_not_fetched", connection_id=str(self._id), error=str(error))
        await self._end(claimed, None)

    async def again(
        self, claimed: ClaimedJob, delay: timedelta = timedelta(), error: PublishError | None = None
    ) -> None:
        """Run the job again after `delay`; at once if the account has another address by now. Raise LeaseLost."""
        async with self._pool.transaction() as transaction:
            if await self._is_outdated(transaction, claimed):
                await self._run_anew(transaction, claimed)
                return
            await end_job(transaction, claimed, JobState.WAITING if delay else JobState.READY, delay, error=error)

    async def _end(self, claimed: ClaimedJob, key: str | None) -> None:
        """Delete the job, and give the account the stored picture, if there is one.

        If the account has another address by now, run again. Raise LeaseLost.
        """
        now = clock.now()
        async with self._pool.transaction() as transaction:
            if not await self._is_outdated(transaction, claimed):
                await delete_job(transaction, claimed)
                if key is not None:
                    await transaction.fetch(KEEP, {"id": self._id, "key": key, "now": now})
                    tell(transaction, claimed.workspace_id)
                return
            # The account may have its former copy still.
            if key is not None and key != self._key:
                await transaction.fetch(UNWANTED, {"key": key, "now": now})
            await self._run_anew(transaction, claimed)

    async def _is_outdated(self, transaction: Transaction, claimed: ClaimedJob) -> bool:
        """Lock the account and the job, and return whether the account has another address. Raise LeaseLost."""
        # The account before the job, as whoever connects the account does.
        rows = await transaction.fetch(LOCK, {"id": self._id})
        await lock_job(transaction, claimed)
        return (rows[0]["avatar_url"] if rows else None) != self._address

    async def _run_anew(self, transaction: Transaction, claimed: ClaimedJob) -> None:
        await end_job(transaction, replace(claimed, failures=0), JobState.READY)
        wake_workers(transaction, claimed.queue)


def avatars_part(installation: Installation) -> Part:
    """Return what a worker of this installation does for pictures of accounts, in the slots of NOTIFY_QUEUE."""
    slots = {NOTIFY_QUEUE: installation.settings.worker_slots[NOTIFY_QUEUE]}
    return Part(runners={AVATAR: AvatarRunner(installation)}, slots=slots, background={}, channels={})
