"""The run of a job `notify`: it sends one message of a channel, at least once and at most one a minute."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.settings import Settings
from clipcast.common.vault import Vault, VaultError
from clipcast.database import Database
from clipcast.database.hot_queries import Transaction
from clipcast.database.models.jobs import JobState
from clipcast.jobs.claimed import ClaimedJob
from clipcast.jobs.runs import delete_job, end_job, lock_job, run_to_decision
from clipcast.notices import repository
from clipcast.notices.channels import CHAT, EMAIL, PUSH
from clipcast.notices.chat import send_chat
from clipcast.notices.devices import signing_key
from clipcast.notices.digest import Message, PushContent, notice_of, push_content, write_message
from clipcast.notices.habits import GATHER, habits_of_row
from clipcast.notices.mail import send_mail, write_mail
from clipcast.notices.outcome import Delayed, Refused
from clipcast.notices.push import Gone, Subscription, authorization, contact_of, send_push
from clipcast.notices.unsubscribe import unsubscribe_address
from clipcast.notices.words import OWNERS_ONLY
from clipcast.platforms.errors import PublishError
from clipcast.platforms.transport import HttpClient
from clipcast.posts.overview import needs_of_person

log = structlog.get_logger()

# Between the beginnings of two messages of a person by one channel, repetitions included.
PAUSE = timedelta(minutes=1)
# Seconds for one message; less than PAUSE, so that no other run sends the same one meanwhile.
SEND_TIME = 50.0
# Connections of one worker to the mail server, and the seconds of waiting for one in a slot of the queue. Chats go on
# while a mail server does not respond.
MAILS_MAX = 4
MAIL_WAIT = 5.0
# Before each repetition of a message that the server did not accept. The last one is repeated until GIVE_UP.
DELAYS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 15, 30, 60))
# A message whose oldest entry has waited for longer is dropped. A server that is away for a day loses nothing.
GIVE_UP = timedelta(hours=36)
NO_DEVICE = "No device gets push messages any more. Turn them on again on a device."
SETTINGS_OF_ALL = "/account#notifications"


@dataclass(frozen=True)
class Chosen:
    """A message whose entries are chosen, and its recipient. `rows` are those of `repository.PENDING`."""

    message_id: UUID
    rows: list[Any]
    channels: list[UUID]
    oldest: datetime
    channel: str
    user_id: UUID
    # The encrypted address of a chat.
    address: bytes | None


class NoticeRunner:
    """The resources that all runs share."""

    def __init__(self, settings: Settings, database: Database, vault: Vault, client: HttpClient | None = None) -> None:
        self._settings = settings
        self._database = database
        self._vault = vault
        self._client = client or HttpClient()
        self._runs: set[asyncio.Task[None]] = set()
        self._mails = asyncio.Semaphore(MAILS_MAX)

    async def close(self) -> None:
        await self._client.close()

    def may_end(self, task: asyncio.Task[None]) -> bool:
        """Return whether the task sends a message: that takes seconds, and a message that is stopped is sent twice."""
        return task in self._runs

    async def run(self, claimed: ClaimedJob) -> None:
        """Run `claimed` to a decision. Save every error as its outcome; raise only CancelledError."""
        await run_to_decision(claimed, self._decide, self)

    async def failed(self, claimed: ClaimedJob, error: PublishError) -> None:
        """Run the job again later: its entries are kept."""
        await self.again(claimed, DELAYS[-1], error)

    async def again(
        self, claimed: ClaimedJob, delay: timedelta = timedelta(), error: PublishError | None = None
    ) -> None:
        """Run the job again after `delay`."""
        async with self._database.hot_pool.transaction() as transaction:
            await end_job(transaction, claimed, JobState.WAITING if delay else JobState.READY, delay, error=error)

    async def _decide(self, claimed: ClaimedJob) -> None:
        chosen = await self._choose(claimed)
        if chosen is None:
            return
        about = {"message_id": str(chosen.message_id), "channel": chosen.channel}
        try:
            await self._send(claimed, chosen)
        except Refused as error:
            log.warning("notice_refused", reason=str(error), **about)
            await self._finish(claimed, chosen, str(error))
        except Delayed as error:
            if clock.now() - chosen.oldest > GIVE_UP:
                log.error("notice_dropped", reason=str(error), **about)
                await self._finish(claimed, chosen, f"Older notices were dropped. {error}")
            else:
                log.warning("notice_delayed", reason=str(error), **about)
                await self._postpone(claimed, chosen, str(error))
        else:
            log.info("notice_sent", **about)
            await self._finish(claimed, chosen, None)

    async def _choose(self, claimed: ClaimedJob) -> Chosen | None:
        """Choose what the message holds. Return None, and end the run, if there is nothing, or it is too soon."""
        now = clock.now()
        async with self._database.hot_pool.transaction() as transaction:
            rows = await transaction.fetch(repository.LOCK, {"id": claimed.subject_id})
            channels = [row["id"] for row in rows]
            # A time far in the future is from before the clock was set back.
            times = [row["attempted_at"] for row in rows if row["attempted_at"]]
            last = max((time for time in times if time <= now + PAUSE), default=None)
            if last is not None and last + PAUSE > now:
                await self._end_unless_waiting(transaction, claimed, channels, last + PAUSE)
                return None
            if rows:
                await self._keep_quiet(transaction, rows[0]["user_id"], channels, now)
            # With what is still being gathered.
            wanted = {"channels": channels, "message_id": new_id(), "soon": now + GATHER}
            entries = await transaction.fetch(repository.CHOOSE, wanted)
            if not entries:
                await self._end_unless_waiting(transaction, claimed, channels, now)
                return None
            message_id = entries[0]["message_id"]
            seen = {"message_id": message_id, "owners_only": list(OWNERS_ONLY)}
            found = await transaction.fetch(repository.PENDING, seen)
            if not found:
                await transaction.fetch(repository.DROP, {"message_id": message_id})
                await lock_job(transaction, claimed)
                await self._end_unless_waiting(transaction, claimed, channels, now)
                return None
            await transaction.fetch(repository.ATTEMPT, {"channels": channels, "now": now})
        own = next(row for row in rows if row["id"] == claimed.subject_id)
        oldest = min(entry["created_at"] for entry in entries)
        return Chosen(message_id, found, channels, oldest, own["channel"], own["user_id"], own["address"])

    async def _keep_quiet(self, transaction: Transaction, user_id: UUID, channels: list[UUID], now: datetime) -> None:
        """Let what is not urgent wait for the end of the quiet hours, if now is in them."""
        [habits] = await transaction.fetch(repository.HABITS, {"user_id": user_id})
        if until := habits_of_row(habits).quiet_end(now):
            await transaction.fetch(repository.POSTPONE, {"channels": channels, "until": until})

    def _write(self, chosen: Chosen) -> Message:
        workspaces = list(dict.fromkeys(row["workspace_id"] for row in chosen.rows))
        only = workspaces[0] if len(workspaces) == 1 else None
        page = f"/w/{only}/settings/notifications" if only else SETTINGS_OF_ALL
        end = unsubscribe_address(self._settings, self._vault, chosen.user_id, only) if chosen.channel == EMAIL else ""
        notices = [notice_of(row) for row in chosen.rows if row["event_id"]]
        tested = [row["workspace"] for row in chosen.rows if not row["event_id"]]
        return write_message(chosen.message_id, notices, self._settings.public_base, page, end, tested)

    async def _send(self, claimed: ClaimedJob, chosen: Chosen) -> None:
        """Send the message within SEND_TIME. Raise Refused, Delayed or LeaseLost."""
        claimed.lease.check()
        task = asyncio.current_task()
        assert task is not None
        self._runs.add(task)
        try:
            send = {EMAIL: self._send_mail, PUSH: self._push, CHAT: self._send_chat}[chosen.channel]
            async with asyncio.timeout(SEND_TIME):
                await send(chosen, self._write(chosen))
        except (Refused, Delayed):
            raise
        except TimeoutError as error:
            raise Delayed(f"The server takes more than {SEND_TIME:.0f} s.") from error
        except Exception as error:
            log.exception("notice_crashed", channel_id=str(claimed.subject_id))
            raise Delayed("Internal error of Clipcast. The worker's log has it.") from error
        finally:
            self._runs.discard(task)

    async def _send_mail(self, chosen: Chosen, message: Message) -> None:
        if self._settings.smtp is None:
            raise Delayed("No mail server is set up. The operator sets CLIPCAST_SMTP_URL.")
        person = chosen.rows[0]
        mail = write_mail(message, person["email"], person["name"], self._settings, clock.now())
        try:
            await asyncio.wait_for(self._mails.acquire(), MAIL_WAIT)
        except TimeoutError as error:
            raise Delayed("The mail server is busy with other messages.") from error
        try:
            await send_mail(mail, self._settings)
        finally:
            self._mails.release()

    async def _send_chat(self, chosen: Chosen, message: Message) -> None:
        if chosen.address is None:
            raise Refused("The chat was removed.")
        try:
            address = str(self._vault.open(chosen.address))
        except VaultError as error:
            raise Delayed("A worker lacks the secret key of this installation.") from error
        await send_chat(self._client, address, message.subject, message.chat)

    async def _push(self, chosen: Chosen, message: Message) -> None:
        """Send the message to each of the person's devices that has not got it yet.

        Raise Delayed if a device may get it later, or else Refused if no device has it.
        """
        pool = self._database.hot_pool
        devices = await pool.fetch(repository.DEVICES, {"user_id": chosen.user_id, "message_id": chosen.message_id})
        try:
            async with self._database.begin() as session:
                key = await signing_key(session, self._vault)
                needs = await needs_of_person(session, chosen.user_id)
            subscriptions = {
                one["id"]: Subscription.of(self._vault.open(one["subscription"]))
                for one in devices
                if not one["has_it"]
            }
        except VaultError as error:
            raise Delayed("A worker lacks the secret key of this installation.") from error
        content = push_content(message, needs)
        pushes = [self._push_to(id, one, content, key, chosen) for id, one in subscriptions.items()]
        problems = await asyncio.gather(*pushes)
        for problem in problems:
            if isinstance(problem, Delayed):
                raise problem
        # The page shows a refusal beside its device. It matters here if no device has the message.
        if None not in problems and len(subscriptions) == len(devices):
            raise next((one for one in problems if one and str(one) != NO_DEVICE), Refused(NO_DEVICE))

    async def _push_to(
        self, id: UUID, subscription: Subscription, content: PushContent, key: str, chosen: Chosen
    ) -> Refused | Delayed | None:
        """Send the message to a device, and note how that went. Return why it did not get it."""
        pool, now = self._database.hot_pool, clock.now()
        signed = authorization(key, subscription.address, contact_of(self._settings), now)
        try:
            await send_push(self._client, subscription, content.body, signed, content.tag, content.is_urgent)
        except Gone:
            await pool.fetch(repository.DEVICE_GONE, {"id": id})
            return Refused(NO_DEVICE)
        except (Refused, Delayed) as error:
            await pool.fetch(repository.NOT_PUSHED, {"id": id, "error": str(error)})
            return error
        else:
            await pool.fetch(repository.PUSHED, {"id": id, "message_id": chosen.message_id, "now": now})
        return None

    async def _finish(self, claimed: ClaimedJob, chosen: Chosen, error: str | None) -> None:
        """Delete the message's entries. If others came meanwhile, run again after the pause."""
        async with self._database.hot_pool.transaction() as transaction:
            await transaction.fetch(repository.LOCK_CHANNELS, {"channels": chosen.channels})
            # Before the look at what waits: who adds entries locks the job after that, and so either sees its end or is
            # seen by it.
            await lock_job(transaction, claimed)
            values = {"message_id": chosen.message_id, "now": clock.now(), "error": error}
            await transaction.fetch(repository.SENT, values)
            claimed.failures = 0
            await self._end_unless_waiting(transaction, claimed, chosen.channels, clock.now() + PAUSE)

    async def _postpone(self, claimed: ClaimedJob, chosen: Chosen, error: str) -> None:
        async with self._database.hot_pool.transaction() as transaction:
            await transaction.fetch(repository.LOCK_CHANNELS, {"channels": chosen.channels})
            delay = DELAYS[min(claimed.failures, len(DELAYS) - 1)]
            claimed.failures += 1
            await end_job(transaction, claimed, JobState.WAITING, delay)
            values = {"message_id": chosen.message_id, "now": clock.now(), "error": error}
            await transaction.fetch(repository.FAILED, values)

    async def _end_unless_waiting(
        self, transaction: Transaction, claimed: ClaimedJob, channels: list[UUID], earliest: datetime
    ) -> None:
        """Delete the job, or run it again, not before `earliest`, when an entry is due. Raise LeaseLost."""
        [first] = await transaction.fetch(repository.WAITING, {"channels": channels})
        if first["due_at"] is not None:
            delay = max(first["due_at"], earliest) - clock.now()
            await end_job(transaction, claimed, JobState.WAITING, max(delay, timedelta()))
        else:
            await delete_job(transaction, claimed)
