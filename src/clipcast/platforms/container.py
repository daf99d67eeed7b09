"""The program of platforms that publish a container: create it, wait until it is ready, publish it, read it back.

Nothing is visible before the publishing request, and afterwards the container's state shows whether it was published.
One container becomes one post: after a lost response, Clipcast publishes the same container again, never a new one.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp
from clipcast.platforms.base import Absent, Found, Publication, Published, PublishWarning, Unknown
from clipcast.platforms.errors import InvalidRequest, OutcomeUnknown, PublishError, TransientError
from clipcast.platforms.responses import understood

State = Literal["in_progress", "finished", "published", "error", "expired"]
# The states by Meta's names. Any other name counts as `in_progress`.
STATES: dict[str, State] = {
    "IN_PROGRESS": "in_progress",
    "FINISHED": "finished",
    "PUBLISHED": "published",
    "ERROR": "error",
    "EXPIRED": "expired",
}
# A publishing request can take effect this long after it was sent (docs/platforms/instagram.md 6,
# docs/platforms/threads.md 6).
RESEND_AFTER = timedelta(minutes=10)
# The longest time that a platform may take to fetch and convert the video.
PROCESSING_MAX = timedelta(minutes=60)
# The platform's clock can be behind ours when a post is searched for.
CLOCK_MARGIN = timedelta(minutes=1)
NOT_IDENTIFIED = PublishWarning(
    "post_not_identified", "The post is live, but Clipcast cannot identify it.", "Check the account's posts."
)
NO_ADDRESS = PublishWarning(
    "address_unknown", "The post is live, but the platform has not returned its address.", "Check the account's posts."
)

Run = Publication[Any]


@dataclass(frozen=True)
class ContainerRequests:
    """The requests in which the platforms differ. All raise the PublishError that fits."""

    # Returns the account's publishing quota, as `{"quota": {"used", "total", "seconds"}}`.
    options: Callable[[Run, str, Mapping[str, Any]], Awaitable[dict[str, Any]]]
    # Creates the container. Returns its `id`, and the upload address (`url`) if Clipcast sends the bytes. Its response
    # may be lost: a container is not visible.
    create: Callable[[Run], Awaitable[dict[str, str]]]
    # Returns the container's state, and the error of a failed one (which has published nothing).
    state: Callable[[Run, str], Awaitable[tuple[State, PublishError | None]]]
    # Publishes the container and returns the post's id.
    publish: Callable[[Run, str], Awaitable[str]]
    # Returns the id of the only post since an instant (ISO 8601) that matches this item; None if that is uncertain.
    search: Callable[[Run, str], Awaitable[str | None]]
    # Returns the post's public address.
    permalink: Callable[[Run, str], Awaitable[str | None]]
    # Returns the address of the account's posts, for a post without an address of its own.
    account_url: Callable[[Run], str]
    # Sends the bytes that a container with a `url` does not hold yet.
    send: Callable[[Run, dict[str, str]], Awaitable[None]] | None = None


async def publish_container(p: Run, requests: ContainerRequests) -> Published:
    """Create the container, wait until it is ready and publish it."""
    await p.report_progress("preparing", 2)
    container = await p.step("container", lambda: _create(p, requests))
    if requests.send and "url" in container:
        send = requests.send
        await p.report_progress("uploading", 5)
        await p.step("bytes", lambda: send(p, container))
    await p.report_progress("waiting", 20)
    await p.step("ready", lambda: _ready(p, requests, container))
    await p.report_progress("publishing", 80)
    post = await p.send_once(
        "publish",
        lambda: _publish(p, requests, container),
        lambda: _reconcile(p, requests, container),
        resend_after=RESEND_AFTER,
    )
    url = await _address_if_returned(p, requests, post["id"]) if post["id"] else None
    return Published(post["id"], url or requests.account_url(p), needs_finish=url is None)


async def finish_container(p: Run, requests: ContainerRequests, published: Published) -> Published:
    """Read the post's address if `publish_container` could not, and its id if the response was lost."""
    post_id = published.post_id or await p.optional("search", lambda: _identify(p, requests), NOT_IDENTIFIED)
    if post_id is None:
        return published
    url = await p.optional("permalink", lambda: _address(p, requests, post_id), NO_ADDRESS)
    return Published(post_id, url or requests.account_url(p))


async def _identify(p: Run, requests: ContainerRequests) -> str:
    since = (await p.step("container", _not_saved))["at"]
    post_id = await requests.search(p, since)
    if post_id is None:  # lists lag
        raise TransientError("not_listed", "The account's list shows no matching post, or more than one.")
    return post_id


async def _address_if_returned(p: Run, requests: ContainerRequests, post_id: str) -> str | None:
    """Return the post's address, or None after any failure: the post is live, and `finish_container` reads it later."""
    try:
        with understood():
            return await _address(p, requests, post_id)
    except PublishError:
        return None


async def _address(p: Run, requests: ContainerRequests, post_id: str) -> str:
    url = await requests.permalink(p, post_id)
    if url is None:
        raise TransientError("no_address", "The platform returns none; it withholds it if it flags copyright.")
    return url


async def _create(p: Run, requests: ContainerRequests) -> dict[str, str]:
    await _update_quota(p, requests)
    at = format_timestamp(clock.now() - CLOCK_MARGIN)
    return await requests.create(p) | {"at": at or ""}


async def _update_quota(p: Run, requests: ContainerRequests) -> None:
    """Update the quota `posts` from the platform's figures.

    Other apps post for the account, too. Without this check, a finished container could expire while the item waits.
    """
    try:
        quota = (await requests.options(p, p.account_id, p.account))["quota"]
    except (TransientError, InvalidRequest):
        return  # the figures only save time: the platform enforces its limits itself
    await p.update_quota("posts", quota["used"], quota["total"])


async def _ready(p: Run, requests: ContainerRequests, container: dict[str, str]) -> str:
    try:
        state, error = await requests.state(p, container["id"])
    except OutcomeUnknown as unreadable:  # nothing has been published yet
        raise TransientError(
            "container_unreadable", unreadable.message, platform=unreadable.platform, wait=timedelta(minutes=1)
        ) from unreadable
    match state:
        case "finished" | "published":
            return state
        case "error" | "expired":
            if "url" not in container and not await p.clip.is_readable():
                raise _not_fetched()
            raise error or _expired()
    age = await p.time_since("bytes" if "url" in container else "container")
    if age > PROCESSING_MAX:
        raise TransientError(
            "processing_too_long", "The platform has not processed the video within 60 minutes.",
            rejected=True, restart=True,
        )  # fmt: skip
    await p.wait(poll_delay(age), "The platform is fetching and converting the video")


async def _publish(p: Run, requests: ContainerRequests, container: dict[str, str]) -> dict[str, str | None]:
    return {"id": await requests.publish(p, container["id"])}


async def _reconcile(
    p: Run, requests: ContainerRequests, container: dict[str, str]
) -> Found[dict[str, str | None]] | Absent | Unknown:
    try:
        state, _ = await requests.state(p, container["id"])
    except OutcomeUnknown:
        # The container can no longer be read. The account's list of posts is the only evidence left.
        post_id = await requests.search(p, container["at"])
        return Found({"id": post_id}) if post_id else Unknown()
    match state:
        case "published":
            return Found({"id": await requests.search(p, container["at"])})
        case "finished" | "in_progress":
            return Absent()
        case "expired":
            raise _expired()
    post_id = await requests.search(p, container["at"])
    return Found({"id": post_id}) if post_id else Unknown()


def poll_delay(age: timedelta) -> timedelta:
    """Return the time until the next request for the container's state."""
    if age < timedelta(minutes=1):
        return timedelta(seconds=5)
    return timedelta(seconds=30) if age < timedelta(minutes=5) else timedelta(minutes=1)


def _not_fetched() -> TransientError:
    """Return the error of a fetch that failed while the storage was down: the file is not the cause."""
    return TransientError(
        "fetch_failed", "The platform could not fetch the video: Clipcast's storage does not respond.",
        actor="operator", fix="Run `clipcast doctor` and restore the storage. Clipcast retries the item itself.",
        rejected=True, restart=True,
    )  # fmt: skip


def _expired() -> TransientError:
    """Return the error of an expired container, which by definition was never published."""
    return TransientError("container_expired", "The container expired unpublished.", rejected=True, restart=True)


async def _not_saved() -> dict[str, str]:
    raise AssertionError("a published item has its container in the journal")
