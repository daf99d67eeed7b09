"""The runner of webhooks: each run sends the due deliveries of one webhook, and records what came of them."""

import asyncio
from datetime import timedelta

import structlog

from clipcast.clock import clock
from clipcast.common.vault import VaultError
from clipcast.installation import Installation
from clipcast.jobs.claimed import ClaimedJob
from clipcast.jobs.retry import spread
from clipcast.jobs.runs import lock_job, run_to_decision
from clipcast.jobs.wake import wake_router
from clipcast.platforms.errors import PublishError
from clipcast.platforms.transport import HttpClient
from clipcast.webhooks.jobs import end_job
from clipcast.webhooks.outcomes import Health, lock_webhook, read_webhook
from clipcast.webhooks.run import Run
from clipcast.webhooks.sending import Sender
from clipcast.webhooks.signing import signers_of

log = structlog.get_logger()

KEY_PAUSE = timedelta(minutes=1)


class DeliverRunner:
    """What runs the jobs of webhooks in a worker."""

    def __init__(self, installation: Installation) -> None:
        self._settings = installation.settings
        self._database = installation.database
        self._vault = installation.vault
        self._client = HttpClient(named=True)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    def may_end(self, task: asyncio.Task[None]) -> bool:
        """Return False: another worker goes on, and repeats only what has no response yet."""
        return False

    async def run(self, claimed: ClaimedJob) -> None:
        """Run `claimed` to a decision. Save every error as its outcome; raise only CancelledError."""
        await run_to_decision(claimed, self._decide, self)

    async def failed(self, claimed: ClaimedJob, error: PublishError) -> None:
        """Run the job again later: its deliveries are kept."""
        await self.again(claimed, KEY_PAUSE, error)

    async def again(
        self, claimed: ClaimedJob, delay: timedelta = timedelta(), error: PublishError | None = None
    ) -> None:
        """Run the job again after `delay`."""
        async with self._database.hot_pool.transaction() as transaction:
            await lock_job(transaction, claimed)
            await end_job(transaction, claimed, clock.now() + delay, is_failing=bool(error))

    async def _decide(self, claimed: ClaimedJob) -> None:
        webhook = await read_webhook(self._database.hot_pool, claimed.subject_id)
        if webhook is None:
            return  # it was deleted, and its job with it
        try:
            signers = signers_of(webhook, self._vault, clock.now())
        except VaultError as error:
            log.error("key_mismatch", error=str(error), webhook_id=str(webhook.id))
            await self.again(claimed, spread(KEY_PAUSE))
            return
        health = Health.of(webhook)
        if not health.is_disabled:
            sender = Sender(self._client, self._settings, webhook.url, signers)
            await Run(self._database, claimed, sender, health).send_due()
        await self._end(claimed, health)

    async def _end(self, claimed: ClaimedJob, health: Health) -> None:
        async with self._database.hot_pool.transaction() as transaction:
            webhook = await lock_webhook(transaction, health.id)
            if webhook is None:
                return
            await lock_job(transaction, claimed)
            if webhook.updated_at != health.updated_at:  # what was found out is of its former address, or reset
                health = Health.of(webhook)
            elif await health.save(transaction):
                wake_router(transaction)
            await end_job(transaction, claimed, health.not_before, health.is_failing)
