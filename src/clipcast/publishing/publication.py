"""One run of a platform's program: the verbs of the contract, and the run's only access to the network."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, NoReturn, TypeVar

from clipcast.clock import clock
from clipcast.common.unavailable import StorageUnavailable
from clipcast.jobs.claimed import ClaimedItem, Lease
from clipcast.jobs.journal import EXISTS, Journal
from clipcast.jobs.quota_counters import QuotaExceeded
from clipcast.jobs.quotas import Meter
from clipcast.jobs.retry import next_try
from clipcast.jobs.timeline import Timeline
from clipcast.platforms.base import Absent, ClipFile, Found, Http, PublishWarning, RenderCaptions, Unknown
from clipcast.platforms.errors import OutcomeUnknown, PublishError, TokenRefused
from clipcast.platforms.public_fetch import PublicFetcher
from clipcast.platforms.responses import Response, understood
from clipcast.storage import StorageError

T = TypeVar("T")
# Every platform's table of errors maps "this was posted already" to this code.
DUPLICATE = "duplicate"
# Seconds between two writes that save the progress alone.
TOUCH_EVERY = 1.0
REQUEST_ID_HEADERS = ("x-tt-logid", "x-request-id", "x-guploader-uploadid", "x-fb-trace-id")


class Waiting(Exception):
    """The end of a run that continues after `delay`."""

    def __init__(self, delay: timedelta, why: str) -> None:
        super().__init__(why)
        self.delay = delay
        self.why = why


class LeasedHttp:
    """A run's HTTP: it counts each request, sends it only under a valid lease, and records it in the timeline."""

    def __init__(self, lease: Lease, timeline: Timeline, meter: Meter, http: Http) -> None:
        self._lease = lease
        self._timeline = timeline
        self._meter = meter
        self._http = http

    async def request(self, name: str, method: str, url: str, **options: Any) -> Response:
        await self._meter.consume(name)
        self._lease.check()
        started = clock.now()
        content, headers = options.get("content"), options.get("headers") or {}
        size = int(headers.get("Content-Length", 0)) or (len(content) if isinstance(content, bytes) else None)
        try:
            response = await self._http.request(name, method, url, **options)
        except PublishError as error:
            self._timeline.add("request", name, started, detail=error.message)
            raise
        except (StorageUnavailable, StorageError) as error:
            self._timeline.add("request", name, started, detail=f"Given up: {error}")
            raise
        if response.is_error:
            await self._meter.refund(name, started)
        request_id = next((response.headers[h] for h in REQUEST_ID_HEADERS if h in response.headers), None)
        self._timeline.add(
            "request", name, started,
            http_status=response.status_code, bytes_sent=size, platform_request_id=request_id,
        )  # fmt: skip
        return response


class PublicationRun:
    """The Publication of platforms/base.py for one claimed item. Each verb is documented there."""

    def __init__(
        self,
        claimed: ClaimedItem,
        journal: Journal,
        timeline: Timeline,
        meter: Meter,
        http: Http,
        sign: Callable[[Http], Http],
        public_fetcher: PublicFetcher,
        clip: ClipFile,
        captions: RenderCaptions | None,
        media_url: Callable[[], str],
        is_post_of_other_item: Callable[[str], Awaitable[bool]],
        metadata: Any,
    ) -> None:
        self.item_id = str(claimed.item.id)
        self.round = claimed.round
        self.clip = clip
        self.captions = captions
        self.media_url = media_url
        self._is_post_of_other_item = is_post_of_other_item
        self.account_id = claimed.connection.account_id
        self.account: Mapping[str, Any] = claimed.connection.profile
        self.scopes = frozenset(claimed.connection.scopes)
        self.username = claimed.connection.username
        self.metadata = metadata
        # True while a guarded request is under way: a graceful stop lets it end.
        self.sending = False
        # True once the upload is further than in any earlier run: the count of failures then restarts. Progress never
        # decreases, even if the program starts over, so this restarts the count a bounded number of times.
        self.advanced = False
        # The first transient error of an optional step: `finish` must run again.
        self.postponed: PublishError | None = None
        self._failures = claimed.failures
        self._journal = journal
        self._timeline = timeline
        self._meter = meter
        self._http = sign(LeasedHttp(claimed.lease, timeline, meter, http))
        self._public_fetcher = public_fetcher

    async def request(self, name: str, method: str, url: str, **options: Any) -> Response:
        return await self._http.request(name, method, url, **options)

    async def step(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        if self._journal.is_finished(name):
            result: T = self._journal.result(name)
            return result
        result = await call()
        await self._journal.finish(name, result)
        return result

    async def send_once(
        self,
        name: str,
        send: Callable[[], Awaitable[T]],
        reconcile: Callable[[], Awaitable[Found[T] | Absent | Unknown]],
        resend_after: timedelta = timedelta(minutes=5),
        publishes: bool = True,
    ) -> T:
        if self._journal.is_finished(name):
            result: T = self._journal.result(name)
            return result
        sent_before, exists = self._journal.is_intended(name), name + EXISTS
        if sent_before:
            found_before = await reconcile()
            if isinstance(found_before, Absent) and self._journal.is_finished(exists):
                found_before = Unknown()  # the platform has rejected a repeated request as a duplicate: it exists
            match found_before:
                case Found(result=found):
                    self._timeline.add("journal", name, detail="The request of an earlier run took effect.")
                    await self._journal.finish(name, found)
                    return found
                case Unknown():
                    raise OutcomeUnknown(
                        "outcome_unknown", "The response was lost and the platform cannot confirm the post."
                    )
            self._timeline.add("journal", name, detail="The request of an earlier run did not take effect.")
            if (left := resend_after - self._journal.intent_age(name)) > timedelta():
                await self.wait(left, "The platform shows no post yet; Clipcast asks again before it sends")
        await self._journal.intend(name, publishes)
        self.sending = True
        try:
            result = await send()
            await self._journal.finish(name, result)
        except PublishError as error:
            # If the platform rejects the repeated request as a duplicate, the earlier request took effect after all.
            is_own_duplicate = sent_before and error.code == DUPLICATE
            if is_own_duplicate:
                await self._journal.finish(exists, True)  # no later run sends the request again
            if error.rejected and not is_own_duplicate:
                await self._journal.withdraw(name)
                raise
            if next_try(error, 1) is not None:
                raise  # the next run reconciles
            # The error ends the item, but the request may have taken effect before it: reconcile now.
            match await reconcile():
                case Found(result=found):
                    self._timeline.add(
                        "journal", name, detail=f"It took effect, although the platform returned {error}."
                    )
                    await self._journal.finish(name, found)
                    return found
            if is_own_duplicate:
                raise OutcomeUnknown(
                    "outcome_unknown",
                    "The platform rejects the repeated request as a duplicate, and lists no post yet.",
                ) from error
            raise
        except StorageError:
            # The clip is damaged, so the platform never received the whole request. If `reconcile` confirms that, the
            # intent is withdrawn.
            if isinstance(await reconcile(), Absent):
                await self._journal.withdraw(name)
            raise
        finally:
            self.sending = False
        return result

    async def optional(self, name: str, call: Callable[[], Awaitable[T]], missing: PublishWarning) -> T | None:
        if self._journal.has_warning(name):
            return None
        try:
            with understood():
                return await self.step(name, call)
        except (TokenRefused, QuotaExceeded):
            raise  # the runner waits, for new tokens or for the quota, and runs `finish` again
        except PublishError as raised:
            error = raised.settled(self.round)
            if next_try(error, self._failures + 1) is not None:
                self.postponed = self.postponed or error
            else:
                warning = replace(missing, message=f"{missing.message} {error.message}")
                await self._journal.warn(name, warning)
        return None

    async def wait(self, delay: timedelta, why: str) -> NoReturn:
        raise Waiting(delay, why)

    async def has_intent(self, name: str) -> bool:
        return self._journal.is_intended(name)

    async def is_post_of_other_item(self, post_id: str) -> bool:
        return await self._is_post_of_other_item(post_id)

    async def update_quota(self, name: str, used: int, limit: int) -> None:
        await self._meter.update(name, used, limit)

    async def time_since(self, name: str) -> timedelta:
        return self._journal.time_since(name)

    async def report_progress(self, stage: str, progress: int) -> None:
        if progress > self._journal.progress:
            self.advanced = self.advanced or stage == "uploading"
            self._journal.progress = progress
        self._journal.stage = stage
        if clock.monotonic() - self._journal.written_at >= TOUCH_EVERY:
            await self._journal.touch()

    async def fetch_public_url(self, url: str, limit: int) -> bytes:
        return await self._public_fetcher.fetch(url, limit)
