"""One run of a platform's program: the verbs, and the only way to the network."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, NoReturn, TypeVar

import httpx2

from clipcast.clock import clock
from clipcast.common.unavailable import StorageUnavailable
from clipcast.jobs.journal import Journal
from clipcast.jobs.queue import ClaimedItem, Lease
from clipcast.jobs.quotas import Meter, QuotaExceeded
from clipcast.jobs.retry import next_try
from clipcast.jobs.timeline import Timeline
from clipcast.platforms.base import Absent, ClipFile, Found, Http, PublishWarning, Unknown
from clipcast.platforms.errors import OutcomeUnknown, PublishError, TokenRefused
from clipcast.platforms.public_fetch import PublicFetcher
from clipcast.platforms.responses import understood
from clipcast.storage import StorageError

T = TypeVar("T")
# The code that every platform's table of errors has for "this was posted already".
DUPLICATE = "duplicate"
# Seconds after any write before nothing but progress is written.
TOUCH_EVERY = 1.0
REQUEST_ID_HEADERS = ("x-tt-logid", "x-request-id", "x-guploader-uploadid", "x-fb-trace-id")


class Waiting(Exception):
    """The run has ended itself; the item is run again after `delay`."""

    def __init__(self, delay: timedelta, why: str) -> None:
        super().__init__(why)
        self.delay = delay
        self.why = why


class LeasedHttp:
    """What every single request of a run passes: counted, sent only while this worker holds the item, noted down."""

    def __init__(self, lease: Lease, timeline: Timeline, meter: Meter, http: Http) -> None:
        self._lease = lease
        self._timeline = timeline
        self._meter = meter
        self._http = http

    async def request(self, name: str, method: str, url: str, **options: Any) -> httpx2.Response:
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
    """The Publication of platforms/base.py, for one claimed item. Promises are documented there."""

    def __init__(
        self,
        work: ClaimedItem,
        journal: Journal,
        timeline: Timeline,
        meter: Meter,
        http: Http,
        sign: Callable[[Http], Http],
        outside: PublicFetcher,
        clip: ClipFile,
        media_url: Callable[[], str],
        is_post_of_other_item: Callable[[str], Awaitable[bool]],
        metadata: Any,
    ) -> None:
        self.item_id = str(work.item["id"])
        self.round: int = work.item["round"]
        self.clip = clip
        self.media_url = media_url
        self._is_post_of_other_item = is_post_of_other_item
        self.account_id: str = work.connection["account_id"]
        self.account: Mapping[str, Any] = work.connection["profile"]
        self.scopes = frozenset(work.connection["scopes"])
        self.username: str = work.connection["username"]
        self.metadata = metadata
        # A call that must not be cut off by a graceful stop is under way.
        self.sending = False
        # The upload is further than any run before it was: failures start counting anew. Progress never goes back,
        # not even when the program starts over, so that this can happen only so often.
        self.advanced = False
        # The first trouble of an optional step that may pass: `finish` must run again.
        self.postponed: PublishError | None = None
        self._failures: int = work.item["failures"]
        self._journal = journal
        self._timeline = timeline
        self._meter = meter
        self._http = sign(LeasedHttp(work.lease, timeline, meter, http))
        self._outside = outside

    async def request(self, name: str, method: str, url: str, **options: Any) -> httpx2.Response:
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
        sent_before, exists = self._journal.is_intended(name), f"{name}.exists"
        if sent_before:
            found_before = await reconcile()
            if isinstance(found_before, Absent) and self._journal.is_finished(exists):
                found_before = Unknown()  # the platform itself has said that it is there
            match found_before:
                case Found(result=found):
                    self._timeline.add("journal", name, detail="An earlier run had done it.")
                    await self._journal.finish(name, found)
                    return found
                case Unknown():
                    raise OutcomeUnknown(
                        "outcome_unknown", "The answer was lost, and the platform does not tell what became of it."
                    )
            self._timeline.add("journal", name, detail="An earlier run had not done it.")
            if (left := resend_after - self._journal.intent_age(name)) > timedelta():
                await self.wait(left, "The platform shows no trace yet; looking again before sending")
        await self._journal.intend(name, publishes)
        self.sending = True
        try:
            result = await send()
            await self._journal.finish(name, result)
        except PublishError as error:
            # A repeated request that is a duplicate tells of the request before it, which was taken for lost.
            is_own_duplicate = sent_before and error.code == DUPLICATE
            if is_own_duplicate:
                await self._journal.finish(exists, True)  # from now on, nothing sends it again
            if error.rejected and not is_own_duplicate:
                await self._journal.withdraw(name)
                raise
            if next_try(error, 1) is not None:
                raise  # the next run looks for it
            # A refusal that ends the item, yet may have come after the work was done: looked for at once.
            match await reconcile():
                case Found(result=found):
                    self._timeline.add("journal", name, detail=f"Done, although the platform answered {error}.")
                    await self._journal.finish(name, found)
                    return found
            if is_own_duplicate:
                raise OutcomeUnknown(
                    "outcome_unknown",
                    "The platform rejects the repeated request as a duplicate, and lists no post yet.",
                ) from error
            raise
        except StorageError:
            # The clip is damaged, so the platform never had the whole request. If it agrees, nothing is in doubt.
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
        await self._meter.learn(name, used, limit)

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
        return await self._outside.fetch(url, limit)
