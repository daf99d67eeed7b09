"""Runs one claimed item once, and decides what becomes of it. The only place that retries anything."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import httpx2
import structlog
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from clipcast.clips.addresses import round_url
from clipcast.clock import clock
from clipcast.common.media import stored_media
from clipcast.common.settings import Settings
from clipcast.common.timestamps import format_timestamp
from clipcast.common.unavailable import DatabaseUnavailable, StorageUnavailable
from clipcast.common.vault import Vault, VaultError
from clipcast.connections.status import REMOVED, why_unusable
from clipcast.connections.tokens import RefreshUnderWay, TokenKeeper
from clipcast.database import Database
from clipcast.database.models.posts import Item
from clipcast.jobs.journal import Journal
from clipcast.jobs.outcomes import Outcomes
from clipcast.jobs.queue import ClaimedItem, LeaseLost
from clipcast.jobs.quotas import Meter, QuotaExceeded, Quotas
from clipcast.jobs.retry import next_try, spread
from clipcast.jobs.timeline import Timeline
from clipcast.platforms.base import ClipFile, Platform, Published, PublishWarning
from clipcast.platforms.client import http_of, signed
from clipcast.platforms.errors import (
    InternalError,
    InvalidRequest,
    OutcomeUnknown,
    PublishError,
    ReconnectNeeded,
    TokenRefused,
    TransientError,
)
from clipcast.platforms.http import Clients, PlatformHttp, make_client
from clipcast.platforms.metadata import Metadata
from clipcast.platforms.public_fetch import PublicFetcher
from clipcast.platforms.registry import PLATFORMS
from clipcast.platforms.responses import understood
from clipcast.publishing.publication import PublicationRun, Waiting
from clipcast.storage import Storage, StorageError

log = structlog.get_logger()

# Classes that say nothing about the video itself.
PASSING = ("transient", "rate_limited", "internal", "reconnect")
# Until a refresh by another process, or a render, is looked at again.
SOON = timedelta(seconds=1)
# Until a clip that could not be read is tried again, at least.
STORAGE_PAUSE = timedelta(seconds=10)
# What an item says while its clip cannot be read. It waits as long as that takes, and no attempt is used up.
STORAGE_AWAY = TransientError(
    "storage_unavailable", "The storage of clips does not respond now. The item continues when it does.",
    actor="operator", fix="Check the storage: run `clipcast doctor`. The item needs nothing else.",
)  # fmt: skip
# The same where this worker has another key than the process that encrypted the tokens.
KEY_MISMATCH = TransientError(
    "secret_key_mismatch", "A worker lacks the secret key of this installation. Another one continues the item.",
    actor="operator", fix="Give every process the same CLIPCAST_SECRET_KEY and restart it.",
)  # fmt: skip


class Runner:
    """What every run shares: the database, the HTTP client, the keys."""

    def __init__(self, settings: Settings, database: Database, storage: Storage, vault: Vault) -> None:
        self._settings = settings
        self._database = database
        self._storage = storage
        self._vault = vault
        self._outcomes = Outcomes(database)
        self._tokens = TokenKeeper(settings, database, vault)
        self._quotas = Quotas(settings, database)
        self._clients = Clients()
        self._client = make_client()
        self._outside = PublicFetcher(self._client, settings.sandbox_base)
        # The runs whose irreversible call is under way, which a graceful stop lets end.
        self.runs: dict[asyncio.Task[None], PublicationRun] = {}

    async def close(self) -> None:
        await self._clients.close()
        await self._client.aclose()

    async def renew_idle(self) -> int:
        """Renews the sign-ins that nobody has used for so long that they would end."""
        return await self._tokens.renew_idle(PLATFORMS, self._client)

    async def run(self, work: ClaimedItem) -> None:
        """Runs `work` to a decision. Never raises but for cancellation: what goes wrong is written down."""
        timeline = Timeline(work.attempt_id)
        journal = Journal(self._database, self._vault, work, timeline)
        about = {"item_id": str(work.item["id"]), "platform": work.item["platform"], "attempt": work.item["attempts"]}
        try:
            with self._clients.one() as client:
                await self._decide(work, journal, timeline, client)
        except LeaseLost:
            log.warning("lease_lost", **about)
        except asyncio.CancelledError:
            await asyncio.shield(self._hand_over(work, timeline))
            raise
        except DatabaseUnavailable as error:
            # Nothing can be written down now. The lease ends by itself, and the item is taken up again.
            log.error("database_unavailable", error=str(error), **about)
        except Exception:
            await self._cannot_write_down(work, journal, about)

    async def _cannot_write_down(self, work: ClaimedItem, journal: Journal, about: dict[str, Any]) -> None:
        """Ends a run of which not even the outcome could be written: with nothing but words of ours."""
        log.exception("outcome_not_written", **about)
        error: PublishError = InternalError("internal_error", "Clipcast could not save what became of it.", final=True)
        timeline = Timeline(work.attempt_id)
        with suppress(LeaseLost, DatabaseUnavailable):
            if work.item["status"] == "published":
                await self._outcomes.finished(work, timeline, None, [_unfinished(error)], error.message)
                return
            error = to_outcome_unknown(error) if journal.may_be_seen() else error
            await self._outcomes.failed(work, timeline, error, work.item["progress"], 1, None)

    async def _hand_over(self, work: ClaimedItem, timeline: Timeline) -> None:
        try:
            await self._outcomes.release(work, timeline)
        except (LeaseLost, DatabaseUnavailable):
            log.warning("not_handed_over", item_id=str(work.item["id"]))

    async def _decide(
        self, work: ClaimedItem, journal: Journal, timeline: Timeline, client: httpx2.AsyncClient
    ) -> None:
        run: PublicationRun | None = None
        live = work.item["status"] == "published"
        try:
            platform = PLATFORMS[work.item["platform"]]
            self._check_not_missed(work)
            if work.clip["status"] != "ready":
                raise Waiting(SOON, "The render is not finished")
            http = http_of(platform, client, self._settings)
            run = await self._prepare(work, journal, timeline, platform, http)
            task = asyncio.current_task()
            assert task is not None
            self.runs[task] = run
            try:
                if live:
                    assert platform.finish is not None
                    before = Published(work.item["platform_post_id"], work.item["platform_post_url"])
                    with understood(remembers=bool(work.journal)):
                        after = await platform.finish(run, before)
                    if run.postponed:
                        raise run.postponed
                    # What `finish` did not change has its public address already.
                    unchanged = (after.post_id, after.url) == (before.post_id, before.url)
                    shown = before if unchanged else _shown(after, http)
                    warnings = [*journal.warnings(), *after.warnings]
                    await self._outcomes.finished(work, timeline, shown, warnings, "Everything is done.")
                    return
                with understood(remembers=bool(work.journal)):
                    published = _shown(await platform.publish(run), http)
            except TokenRefused:
                await self._tokens.replace_refused(platform, http, work.connection)
                raise Waiting(timedelta(), "The access token was refused and has been refreshed") from None
            finally:
                self.runs.pop(task, None)
            warned = replace(published, warnings=(*published.warnings, *_ignored(run.metadata)))
            await self._outcomes.published(work, timeline, warned)
        except Waiting as waiting:
            await self._outcomes.reschedule(work, timeline, journal.stage, journal.progress, waiting.delay, waiting.why)
        except QuotaExceeded as spent:
            delay, error = spent.wait or timedelta(), None if live else spent
            await self._outcomes.reschedule(
                work, timeline, journal.stage, journal.progress, delay, spent.message, error
            )
        except RefreshUnderWay:
            why = "The account's tokens are being refreshed"
            await self._outcomes.reschedule(work, timeline, journal.stage, journal.progress, SOON, why)
        except PublishError as error:
            await self._failed(work, journal, timeline, error.settled(work.item["round"]), run, live)
        except (StorageUnavailable, VaultError) as away:
            ours = STORAGE_AWAY if isinstance(away, StorageUnavailable) else KEY_MISMATCH
            log.error(ours.code, error=str(away), item_id=str(work.item["id"]))
            await self._outcomes.reschedule(
                work, timeline, journal.stage, journal.progress, spread(STORAGE_PAUSE),
                ours.message, None if live else ours,
            )  # fmt: skip
        except (LeaseLost, DatabaseUnavailable):
            raise
        except Exception as error:
            log.exception("run_crashed", item_id=str(work.item["id"]))
            await self._failed(work, journal, timeline, _ours(error), run, live)

    async def _failed(
        self,
        work: ClaimedItem,
        journal: Journal,
        timeline: Timeline,
        error: PublishError,
        run: PublicationRun | None,
        live: bool,
    ) -> None:
        if error.quota and error.wait:
            await self._meter(PLATFORMS[work.item["platform"]], work).block_until(error.quota, error.wait)
        if isinstance(error, ReconnectNeeded) and not live and await self._waits_for_owner(work, error):
            by = work.item["reconnect_by"] or clock.now() + self._settings.reconnect_grace
            if clock.now() < by:
                await self._outcomes.waiting_for_owner(work, timeline, error, journal.progress, by)
                return
        if not live:
            advanced = run is not None and run.advanced
            failures = 1 if advanced else work.item["failures"] + 1
            delay = next_try(error, failures)
            if delay is None and journal.may_be_seen() and not error.restart and error.kind in PASSING:
                error = to_outcome_unknown(error)
            await self._outcomes.failed(work, timeline, error, journal.progress, failures, delay)
            return
        # After "the platform accepted it" nothing may reach the publishing code, nor undo the item's status.
        delay = next_try(error, work.item["failures"] + 1)
        if delay is None:
            warnings = [*journal.warnings(), _unfinished(error)]
            await self._outcomes.finished(work, timeline, None, warnings, f"Given up after publishing: {error}")
        else:
            await self._outcomes.retry_finish(work, timeline, error, delay)

    async def _waits_for_owner(self, work: ClaimedItem, error: ReconnectNeeded) -> bool:
        """Whether a person can mend this by reconnecting or resuming the account.

        A connection that was in use says from now on that it needs to be reconnected.
        """
        connection = work.connection
        if connection["removed_at"] is not None:
            return False
        await self._tokens.disconnect(connection["id"], connection["tokens_version"], error.message)
        return True

    def _check_not_missed(self, work: ClaimedItem) -> None:
        """Raises when a scheduled item begins so late that nobody may want it any more."""
        begun = work.item["attempts"] > 1 or work.item["goes_on"]
        if work.scheduled_at is None or begun:
            return
        late = clock.now() - work.scheduled_at
        if late > self._settings.missed_grace:
            raise TransientError(
                "missed_schedule",
                f"No worker ran when the item was due at {format_timestamp(work.scheduled_at)}. It is {late} late.",
                actor="operator",
                fix="Retry the item to publish it now. CLIPCAST_MISSED_GRACE sets how late is too late.",
                rejected=True,
                final=True,
            )

    async def _prepare(
        self, work: ClaimedItem, journal: Journal, timeline: Timeline, platform: Platform[Any], http: PlatformHttp
    ) -> PublicationRun:
        """Checks what must hold before anything is sent. Raises the PublishError of what does not."""
        connection = work.connection
        if connection["sandbox"] != (self._settings.sandbox_base is not None):
            belongs, runs = (
                ("a sandbox", "real platforms") if connection["sandbox"] else ("a real platform", "a sandbox")
            )
            raise InvalidRequest(
                "sandbox_mismatch", f"The connection belongs to {belongs}, but Clipcast runs against {runs}.",
                actor="operator", fix="Set or remove CLIPCAST_SANDBOX_URL, or use another connection.",
            )  # fmt: skip
        if connection["status"] != "active":
            raise _unusable(connection)
        tokens = await self._tokens.current(platform, http, connection)
        clip = work.clip
        file = ClipFile(
            clip["file_name"],
            clip["content_type"],
            clip["sha256"],
            stored_media(clip["media"]),
            lambda start, end: self._storage.read(clip["storage_key"], start, end),
        )
        if work.item["round"] and not work.journal and not await file.is_readable():
            # It may have begun anew because of that, and would do so again until its tries are used up.
            raise StorageUnavailable(f"{clip['storage_key']} cannot be read")
        metadata = platform.metadata.model_validate(work.item["details"])
        return PublicationRun(
            work,
            journal,
            timeline,
            self._meter(platform, work),
            http.signed(tokens.access_token),
            lambda http: signed(platform, http, tokens),
            self._outside,
            file,
            lambda: round_url(self._settings, self._vault, clip, work.item["id"], work.item["round"]),
            lambda post_id: self._is_post_of_other_item(work, post_id),
            metadata,
        )

    def _meter(self, platform: Platform[Any], work: ClaimedItem) -> Meter:
        return self._quotas.meter(platform, work.connection["account_id"], work.connection["profile"], work.closed)

    async def _is_post_of_other_item(self, work: ClaimedItem, post_id: str) -> bool:
        query = select(Item.id).where(
            Item.connection_id == work.connection["id"], Item.platform_post_id == post_id, Item.id != work.item["id"]
        )
        async with self._database.connect() as connection:
            return (await connection.execute(query.limit(1))).first() is not None


def _ours(error: Exception) -> InternalError:
    """The error of an item for what went wrong in Clipcast itself."""
    match error:
        case StorageError():
            return InternalError(
                "clip_damaged", f"The stored clip cannot be read any more: {error}.",
                fix="Restore the clip in the storage and retry the item, or upload it again for a new post.",
                final=True,
            )  # fmt: skip
        case DBAPIError() | asyncpg.PostgresError() | asyncpg.InterfaceError():
            # It reads the same the next time. An unavailable database is another error.
            reason = str(getattr(error, "orig", None) or error).split("\n", 1)[0]
            return InternalError("value_refused", f"The database refuses a value of this run: {reason}", final=True)
    return InternalError("internal_error", "Clipcast met an error of its own.")


def _unusable(connection: dict[str, Any]) -> ReconnectNeeded:
    """What keeps an item from an account that is paused, removed, or needs to be reconnected."""
    if connection["removed_at"] is not None:
        return ReconnectNeeded("connection_removed", REMOVED)
    message, fix = why_unusable(connection["status"], connection["status_reason"])
    # Whoever paused the account resumes it; its owner at the platform has nothing to do.
    actor = "caller" if connection["status"] == "disabled" else None
    return ReconnectNeeded("connection_" + connection["status"], message, fix=fix, actor=actor)


def to_outcome_unknown(error: PublishError) -> OutcomeUnknown:
    """What a passing trouble becomes that did not pass after the video was, or may have been, sent to be seen."""
    return OutcomeUnknown(
        "outcome_unknown", f"It is not known whether the video is live. {error.message}",
        platform=error.platform,
    )  # fmt: skip


def _unfinished(error: PublishError) -> PublishWarning:
    """Return what an item is told whose video is live, when what comes after it was given up."""
    message = f"The video is live, but not everything after that could be done. {error.message}"
    return PublishWarning("unfinished", message, error.fix)


def _ignored(metadata: Metadata) -> list[PublishWarning]:
    """Return what the caller said but the platform was not told, as it has no place for it in a post of this kind."""
    fix = "Leave the field out, or post in a way that carries it."
    return [PublishWarning("ignored", problem.message, fix) for problem in metadata.ignored()]


def _shown(published: Published, http: PlatformHttp) -> Published:
    """The result with the address where people see the video, if the platform named a usable one."""
    try:
        return replace(published, url=http.public(published.url) if published.url else None)
    except PublishError:
        return replace(published, url=None)
