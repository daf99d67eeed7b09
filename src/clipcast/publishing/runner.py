"""The runner: it runs one claimed item once and decides its outcome. All retries are decided in this module."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import structlog
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import aliased

from clipcast.clips.addresses import round_url
from clipcast.clock import clock
from clipcast.common.media import stored_media
from clipcast.common.settings import Settings
from clipcast.common.timestamps import format_timestamp
from clipcast.common.unavailable import DatabaseUnavailable, StorageUnavailable
from clipcast.common.vault import Vault, VaultError
from clipcast.connections.options import keep_limits
from clipcast.connections.status import REMOVED, why_unusable
from clipcast.connections.tokens import RefreshUnderWay, TokenKeeper
from clipcast.database import Database
from clipcast.database.hot_queries import Statement
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Item
from clipcast.jobs.claimed import ClaimedItem, ClaimedJob, ConnectionFacts, LeaseLost
from clipcast.jobs.journal import RENDITION, Journal
from clipcast.jobs.kinds import FINISH
from clipcast.jobs.outcomes import ItemOutcomes
from clipcast.jobs.pauses import paused_time
from clipcast.jobs.quota_counters import QuotaExceeded
from clipcast.jobs.quotas import Meter, MeteredHttp, Quotas
from clipcast.jobs.retry import next_try, spread
from clipcast.jobs.timeline import Timeline
from clipcast.jobs.versions import Action, Program, decide, pin
from clipcast.platforms.base import ClipFile, Platform, Published, PublishWarning, RenderCaptions
from clipcast.platforms.client import account_http, http_of, signed
from clipcast.platforms.errors import (
    InternalError,
    InvalidRequest,
    OutcomeUnknown,
    PublishError,
    ReconnectNeeded,
    TokenRefused,
    TransientError,
)
from clipcast.platforms.http import PlatformHttp
from clipcast.platforms.metadata import Metadata
from clipcast.platforms.public_fetch import PublicFetcher
from clipcast.platforms.registry import PLATFORMS
from clipcast.platforms.render_defaults import takes_captions, with_cover
from clipcast.platforms.responses import understood
from clipcast.platforms.transport import HttpClient
from clipcast.publishing.conversion import Blocked, Conversions, PinnedFileGone
from clipcast.publishing.publication import PublicationRun, Waiting
from clipcast.storage import Storage, StorageError

log = structlog.get_logger()

# Classes of errors that do not concern the video itself.
PASSING = ("transient", "rate_limited", "internal", "reconnect")
# The wait of a job whose program this worker turned out not to know.
OTHER_PROGRAM_PAUSE = timedelta(seconds=5)
# The wait for another process's token refresh, or for a render.
SOON = timedelta(seconds=1)
# The minimum wait before Clipcast reads an unreadable clip again.
STORAGE_PAUSE = timedelta(seconds=10)
# An item shows this error while its clip cannot be read. It waits without limit, and the attempt continues.
STORAGE_AWAY = TransientError(
    "storage_unavailable", "The storage of clips does not respond now. The item continues when it does.",
    actor="operator", fix="Check the storage: run `clipcast doctor`. The item needs nothing else.",
)  # fmt: skip
# An item shows this error if the worker's key differs from the key that encrypted the tokens.
KEY_MISMATCH = TransientError(
    "secret_key_mismatch", "A worker lacks the secret key of this installation. Another one continues the item.",
    actor="operator", fix="Give every process the same CLIPCAST_SECRET_KEY and restart it.",
)  # fmt: skip
# A render's captions never change: each run of a round sends the same.
CAPTIONS = Statement("""
    SELECT renders.captions
    FROM items JOIN renders ON renders.edit_setting_id = items.edit_id WHERE items.id = :id
""")


class Runner:
    """The resources that all runs of a worker share: database, HTTP client, keys."""

    def __init__(self, settings: Settings, database: Database, storage: Storage, vault: Vault) -> None:
        self._settings = settings
        self._database = database
        self._storage = storage
        self._vault = vault
        self._outcomes = ItemOutcomes(database)
        self._conversions = Conversions(database, storage)
        self._tokens = TokenKeeper(settings, database, vault)
        self._quotas = Quotas(settings, database)
        self._client = HttpClient()
        self._public_fetcher = PublicFetcher(self._client, settings.sandbox_base)
        # By task.
        self._runs: dict[asyncio.Task[None], PublicationRun] = {}

    async def close(self) -> None:
        await self._client.close()

    def may_end(self, task: asyncio.Task[None]) -> bool:
        """Return whether a guarded request of this task's run is under way."""
        return task in self._runs and self._runs[task].sending

    async def renew_idle(self) -> int:
        """Refresh the tokens that would expire for lack of use. Return the number of accounts."""
        return await self._tokens.renew_idle(PLATFORMS, self._client)

    async def run(self, claimed: ClaimedJob) -> None:
        """Run `claimed` to a decision. Save every error as the item's outcome; raise only CancelledError."""
        assert isinstance(claimed, ClaimedItem)
        timeline = Timeline(claimed.attempt_id)
        program = Program.of(PLATFORMS[claimed.item.platform])
        journal = Journal(self._database, self._vault, claimed, timeline, program)
        about = {
            "item_id": str(claimed.item.id),
            "platform": claimed.item.platform,
            "attempt": claimed.attempts,
        }
        try:
            await self._decide(claimed, journal, timeline)
        except LeaseLost:
            log.warning("lease_lost", **about)
        except asyncio.CancelledError:
            await asyncio.shield(self._release(claimed, timeline))
            raise
        except DatabaseUnavailable as error:
            # No outcome can be saved now. The lease expires, and a worker reclaims the item.
            log.error("database_unavailable", error=str(error), **about)
        except Exception:
            await self._save_internal_error(claimed, journal, about)

    async def _save_internal_error(self, claimed: ClaimedItem, journal: Journal, about: dict[str, Any]) -> None:
        """End the item of a run whose outcome could not be saved, with an error of constant texts."""
        log.exception("outcome_not_written", **about)
        error: PublishError = InternalError("internal_error", "Clipcast could not save the item's outcome.", final=True)
        timeline = Timeline(claimed.attempt_id)
        with suppress(LeaseLost, DatabaseUnavailable):
            if claimed.kind == FINISH:
                await self._outcomes.finished(claimed, timeline, None, [_unfinished(error)], error.message)
                return
            error = to_outcome_unknown(error) if journal.may_be_seen() else error
            await self._outcomes.failed(claimed, timeline, error, claimed.item.progress, 1, None)

    async def _release(self, claimed: ClaimedItem, timeline: Timeline) -> None:
        try:
            await self._outcomes.release(claimed, timeline)
        except (LeaseLost, DatabaseUnavailable):
            log.warning("not_released", item_id=str(claimed.item.id))

    async def _decide(self, claimed: ClaimedItem, journal: Journal, timeline: Timeline) -> None:
        run: PublicationRun | None = None
        live = claimed.kind == FINISH
        try:
            platform = PLATFORMS[claimed.item.platform]
            if not await self._continues(claimed, journal, timeline, platform):
                return
            await self._check_not_missed(claimed)
            if claimed.clip.rendition_id is None and claimed.clip.status != "ready":
                raise Waiting(SOON, "The render is not finished")
            http = http_of(platform, self._client, self._settings)
            run = await self._prepare(claimed, journal, timeline, platform, http)
            task = asyncio.current_task()
            assert task is not None
            self._runs[task] = run
            try:
                if live:
                    assert platform.finish is not None
                    before = Published(claimed.item.platform_post_id, claimed.item.platform_post_url)
                    with understood(remembers=journal.is_begun()):
                        after = await platform.finish(run, before)
                    if run.postponed:
                        raise run.postponed
                    # An unchanged result already has its public URL.
                    unchanged = (after.post_id, after.url) == (before.post_id, before.url)
                    shown = before if unchanged else _shown(after, http)
                    warnings = [*journal.warnings(), *after.warnings]
                    await self._outcomes.finished(
                        claimed, timeline, shown, warnings, "All steps after publishing ended."
                    )
                    return
                with understood(remembers=journal.is_begun()):
                    published = _shown(await platform.publish(run), http)
            except TokenRefused:
                await self._tokens.replace_refused(platform, http, claimed.connection)
                raise Waiting(timedelta(), "The platform rejected the access token; Clipcast refreshed it") from None
            finally:
                self._runs.pop(task, None)
            warned = replace(published, warnings=(*published.warnings, *_ignored(run.metadata)))
            await self._outcomes.published(claimed, timeline, warned)
        except Waiting as waiting:
            await self._outcomes.reschedule(
                claimed, timeline, journal.stage, journal.progress, waiting.delay, waiting.why
            )
        except Blocked as blocked:
            await self._outcomes.block(
                claimed, timeline, journal.progress, blocked.rendition_id, blocked.is_conversion, blocked.why
            )
        except PinnedFileGone as gone:
            await self._outcomes.start_over(claimed, timeline, str(gone))
        except QuotaExceeded as spent:
            delay, error = spent.wait or timedelta(), None if live else spent
            await self._outcomes.reschedule(
                claimed, timeline, journal.stage, journal.progress, delay, spent.message, error
            )
        except RefreshUnderWay:
            why = "Another process refreshes the account's tokens"
            await self._outcomes.reschedule(claimed, timeline, journal.stage, journal.progress, SOON, why)
        except PublishError as error:
            await self._failed(claimed, journal, timeline, error.settled(claimed.round), run, live)
        except (StorageUnavailable, VaultError) as away:
            shown_error = STORAGE_AWAY if isinstance(away, StorageUnavailable) else KEY_MISMATCH
            log.error(shown_error.code, error=str(away), item_id=str(claimed.item.id))
            await self._outcomes.reschedule(
                claimed, timeline, journal.stage, journal.progress, spread(STORAGE_PAUSE),
                shown_error.message, None if live else shown_error,
            )  # fmt: skip
        except (LeaseLost, DatabaseUnavailable):
            raise
        except Exception as error:
            log.exception("run_crashed", item_id=str(claimed.item.id))
            await self._failed(claimed, journal, timeline, _internal_error(error, journal), run, live)

    async def _continues(
        self, claimed: ClaimedItem, journal: Journal, timeline: Timeline, platform: Platform[Any]
    ) -> bool:
        """Return whether the current program runs this round. If another version began it, adopt it or let it go."""
        current = Program.of(platform)
        if claimed.program is None or (pinned := Program.parse(claimed.program)) == current:
            return True
        decision = decide(pinned, current, journal.saved(), claimed.kind == FINISH, platform.continues)
        match decision.action:
            case Action.CONTINUE:
                timeline.add("journal", "continued", detail=f"{pinned} began this round; {current} continues it.")
                await journal.replace(decision.entries)
            case Action.NEW_ROUND:
                why = f"{pinned} began this round. Nothing is visible, so {current} starts over."
                await self._outcomes.start_over(claimed, timeline, why)
                return False
            case Action.LEAVE:
                log.error("program_unknown", program=str(pinned), item_id=str(claimed.item.id))
                seen = journal.may_be_seen() or claimed.kind == FINISH
                why = f"{pinned} began this round, which {current} does not continue"
                await self._outcomes.leave(claimed, timeline, pin(pinned, seen), OTHER_PROGRAM_PAUSE, why)
                return False
        return True

    async def _failed(
        self,
        claimed: ClaimedItem,
        journal: Journal,
        timeline: Timeline,
        error: PublishError,
        run: PublicationRun | None,
        live: bool,
    ) -> None:
        if error.quota and error.wait:
            await self._meter(PLATFORMS[claimed.item.platform], claimed).block_until(error.quota, error.wait)
        if isinstance(error, ReconnectNeeded) and not live and await self._waits_for_owner(claimed, error):
            by = claimed.hold_until or clock.now() + self._settings.reconnect_grace
            if clock.now() < by:
                await self._outcomes.waiting_for_owner(claimed, timeline, error, journal.progress, by)
                return
        if not live:
            advanced = run is not None and run.advanced
            failures = 1 if advanced else claimed.failures + 1
            delay = next_try(error, failures)
            if delay is None and journal.may_be_seen() and not error.restart and not _is_verdict(error):
                error = to_outcome_unknown(error)
            await self._outcomes.failed(claimed, timeline, error, journal.progress, failures, delay)
            return
        # The video is live: no error may run `publish` again, nor change the item's status.
        delay = next_try(error, claimed.failures + 1)
        if delay is None:
            warnings = [*journal.warnings(), _unfinished(error)]
            await self._outcomes.finished(claimed, timeline, None, warnings, f"Given up after publishing: {error}")
        else:
            await self._outcomes.retry_finish(claimed, timeline, error, delay)

    async def _waits_for_owner(self, claimed: ClaimedItem, error: ReconnectNeeded) -> bool:
        """Return whether a person can fix this by reconnecting or resuming the account.

        Mark a connection that was active as one that needs to be reconnected.
        """
        connection = claimed.connection
        if connection.removed_at is not None:
            return False
        await self._tokens.disconnect(connection.id, connection.tokens_version, error.message)
        return True

    async def _check_not_missed(self, claimed: ClaimedItem) -> None:
        """Raise TransientError if a scheduled item starts more than CLIPCAST_MISSED_GRACE late.

        The time for which an operator paused its queue does not count.
        """
        begun = claimed.attempts > 1 or claimed.continued
        if claimed.scheduled_at is None or begun:
            return
        late = clock.now() - claimed.scheduled_at
        if late > self._settings.missed_grace:
            late -= await paused_time(self._database, claimed.queue, claimed.scheduled_at)
        if late > self._settings.missed_grace:
            raise TransientError(
                "missed_schedule",
                f"No worker ran when the item was due at {format_timestamp(claimed.scheduled_at)}. It is {late} late.",
                actor="operator",
                fix="Retry the item to publish it now. CLIPCAST_MISSED_GRACE sets how late is too late.",
                rejected=True,
                final=True,
            )

    async def _prepare(
        self, claimed: ClaimedItem, journal: Journal, timeline: Timeline, platform: Platform[Any], http: PlatformHttp
    ) -> PublicationRun:
        """Check all conditions for sending, and return the run. Raise the PublishError of a condition that fails."""
        connection = claimed.connection
        if connection.sandbox != (self._settings.sandbox_base is not None):
            belongs, runs = ("a sandbox", "real platforms") if connection.sandbox else ("a real platform", "a sandbox")
            raise InvalidRequest(
                "sandbox_mismatch", f"The connection belongs to {belongs}, but Clipcast runs against {runs}.",
                actor="operator", fix="Set or remove CLIPCAST_SANDBOX_URL, or use another connection.",
            )  # fmt: skip
        if connection.status != "active":
            raise _unusable(connection)
        clip = await self._conversions.choose(claimed, journal, lambda: self._limits_of(claimed, platform, http))
        tokens = await self._tokens.current(platform, http, connection)
        assert clip.sha256 is not None  # of every clip that is ready
        file = ClipFile(
            clip.file_name,
            clip.content_type,
            clip.sha256,
            stored_media(clip.media),
            lambda start, end: self._storage.read(clip.storage_key, start, end),
        )
        if claimed.round and not journal.is_begun() and not await file.is_readable():
            # An unreadable clip may be the cause of this round. Without the check, each round would use up an attempt.
            raise StorageUnavailable(f"{clip.storage_key} cannot be read")
        metadata = platform.metadata.model_validate(claimed.item.details)
        has_captions = takes_captions(metadata, clip.captions_size, clip.captions_language)
        captions = await self._captions_of(claimed, metadata) if has_captions else None
        return PublicationRun(
            claimed,
            journal,
            timeline,
            self._meter(platform, claimed),
            http.signed(tokens.access_token),
            lambda http: signed(platform, http, tokens),
            self._public_fetcher,
            file,
            captions,
            lambda: round_url(self._settings, self._vault, clip, claimed.item.id, claimed.round),
            lambda post_id: self._is_post_of_other_item(claimed, post_id),
            with_cover(metadata, clip.cover_at, file.media.duration),
        )

    async def _limits_of(self, claimed: ClaimedItem, platform: Platform[Any], http: PlatformHttp) -> dict[str, Any]:
        """Return the account's own limits from the platform, and keep them; none if it does not respond."""
        connection = claimed.connection
        tokens = await self._tokens.current(platform, http, connection)
        metered = MeteredHttp(account_http(platform, http, tokens), self._meter(platform, claimed))
        try:
            with understood():
                assert platform.options is not None  # of every platform that keeps options
                options = await platform.options(metered, connection.account_id, connection.profile)
        except (PublishError, QuotaExceeded) as error:
            log.warning("limits_unknown", item_id=str(claimed.item.id), reason=str(error))
            return {}
        return await keep_limits(self._database, platform, connection.id, options)

    async def _captions_of(self, claimed: ClaimedItem, metadata: Metadata) -> RenderCaptions:
        [row] = await self._database.hot_pool.fetch(CAPTIONS, {"id": claimed.item.id})
        return RenderCaptions(claimed.clip.captions_language or metadata.captions_language, row["captions"].encode())

    def _meter(self, platform: Platform[Any], claimed: ClaimedItem) -> Meter:
        return self._quotas.meter(platform, claimed.connection.account_id, claimed.connection.profile, claimed.closed)

    async def _is_post_of_other_item(self, claimed: ClaimedItem, post_id: str) -> bool:
        # An account that was connected again for another client has several connections.
        own, same = aliased(Connection), aliased(Connection)
        of_account = (
            select(same.id)
            .join(own, (own.workspace_id == same.workspace_id) & (own.platform == same.platform))
            .where(own.id == claimed.connection.id, own.account_id == same.account_id, own.sandbox == same.sandbox)
        )
        query = select(Item.id).where(
            Item.connection_id.in_(of_account), Item.platform_post_id == post_id, Item.id != claimed.item.id
        )
        async with self._database.connect() as connection:
            return (await connection.execute(query.limit(1))).first() is not None


def _internal_error(error: Exception, journal: Journal) -> InternalError:
    """Return the item's error for an exception of Clipcast's own code."""
    match error:
        case StorageError():
            return InternalError(
                "clip_damaged", f"The stored clip is damaged: {error}.",
                fix="Restore the clip in the storage and retry the item, or upload it again for a new post.",
                final=not journal.is_finished(RENDITION),  # the next run has a converted file made again
            )  # fmt: skip
        case DBAPIError() | asyncpg.PostgresError() | asyncpg.InterfaceError():
            # A retry would fail the same way. (An unavailable database raises DatabaseUnavailable instead.)
            reason = str(getattr(error, "orig", None) or error).split("\n", 1)[0]
            return InternalError("value_refused", f"The database rejects a value of this run: {reason}", final=True)
    return InternalError("internal_error", "Internal error of Clipcast.")


def _unusable(connection: ConnectionFacts) -> ReconnectNeeded:
    """Return the error of an item whose account is paused, removed, or needs to be reconnected."""
    if connection.removed_at is not None:
        return ReconnectNeeded("connection_removed", REMOVED)
    message, fix = why_unusable(connection.status, connection.status_reason)
    # A caller paused the account and can resume it; the account owner cannot.
    actor = "caller" if connection.status == "disabled" else None
    return ReconnectNeeded("connection_" + connection.status, message, fix=fix, actor=actor)


def _is_verdict(error: PublishError) -> bool:
    """Return whether the error decides about the video: it does not pass, and the platform or its rules say so."""
    own = error.kind == "media" and error.platform is None and not error.rejected  # the conversion's
    return error.kind not in PASSING and not own


def to_outcome_unknown(error: PublishError) -> OutcomeUnknown:
    """Return the error of an item that ran out of retries after a publishing request may have been sent."""
    return OutcomeUnknown(
        "outcome_unknown", f"The platform did not confirm whether the video is live. {error.message}",
        platform=error.platform,
    )  # fmt: skip


def _unfinished(error: PublishError) -> PublishWarning:
    """Return the warning of a live video whose remaining steps were given up."""
    message = f"The video is live, but a step after publishing failed. {error.message}"
    return PublishWarning("unfinished", message, error.fix)


def _ignored(metadata: Metadata) -> list[PublishWarning]:
    """Return a warning for each field of the metadata that the platform's API cannot carry in this kind of post."""
    fix = "Leave the field out, or choose a kind of post that supports it."
    return [PublishWarning("ignored", problem.message, fix) for problem in metadata.ignored()]


def _shown(published: Published, http: PlatformHttp) -> Published:
    """Return the result with the video's public URL, or without a URL if the platform's is unusable."""
    try:
        return replace(published, url=http.public(published.url) if published.url else None)
    except PublishError:
        return replace(published, url=None)
