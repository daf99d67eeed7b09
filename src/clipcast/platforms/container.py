"""The program of platforms that publish a container: create it, wait until it is ready, publish it, read it back.

Nothing is visible before the publishing call, and the container says afterwards whether it was published. One
container becomes one post, so after a lost answer the same container is published again, never a new one.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp
from clipcast.platforms.base import Absent, Found, Publication, Published, PublishWarning, Unknown
from clipcast.platforms.errors import InvalidRequest, OutcomeUnknown, PublishError, TransientError

State = Literal["in_progress", "finished", "published", "error", "expired"]
# Meta's names of them. One that is not here is a state that is still to end.
STATES: dict[str, State] = {
    "IN_PROGRESS": "in_progress",
    "FINISHED": "finished",
    "PUBLISHED": "published",
    "ERROR": "error",
    "EXPIRED": "expired",
}
# A publishing call may still be on its way for this long (Instagram sheet section 6, Threads sheet section 6).
QUIET = timedelta(minutes=10)
# How long a platform may take to fetch and convert the video.
PATIENCE = timedelta(minutes=60)
# A post may be stamped a little before we meant to publish it.
CLOCK_MARGIN = timedelta(minutes=1)
NOT_IDENTIFIED = PublishWarning(
    "post_not_identified", "The post is live, but it is not known which one it is.", "Look at the account's posts."
)
NO_ADDRESS = PublishWarning(
    "address_unknown", "The post is live, but its address is not known.", "Look at the account's posts."
)

Run = Publication[Any]


@dataclass(frozen=True)
class ContainerRequests:
    """The requests in which the platforms differ. All raise a PublishError of the class that fits."""

    # What the account has left, as `{"quota": {"used", "total", "seconds"}}`.
    options: Callable[[Run, str, Mapping[str, Any]], Awaitable[dict[str, Any]]]
    # Makes the container: its id, and where its bytes go (`url`) if it does not fetch them. Its answer may be lost:
    # nobody sees a container.
    create: Callable[[Run], Awaitable[dict[str, str]]]
    # Where the container stands, and the error of one that failed (which has published nothing).
    state: Callable[[Run, str], Awaitable[tuple[State, PublishError | None]]]
    # Publishes it; the post's id.
    publish: Callable[[Run, str], Awaitable[str]]
    # The id of the one post since an instant (ISO 8601) that can only be this one; None when that is not certain.
    search: Callable[[Run, str], Awaitable[str | None]]
    # The post's public address.
    permalink: Callable[[Run, str], Awaitable[str | None]]
    # Where the account's posts are, for a post whose own address is not known.
    account_url: Callable[[Run], str]
    # Sends the bytes of a container with a `url`, from wherever it stands.
    send: Callable[[Run, dict[str, str]], Awaitable[None]] | None = None


async def publish_container(p: Run, requests: ContainerRequests) -> Published:
    """Runs the program."""
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
        resend_after=QUIET,
    )
    return Published(post["id"], requests.account_url(p), needs_finish=True)


async def finish_container(p: Run, requests: ContainerRequests, published: Published) -> Published:
    """Look for what a lost answer left unknown: the post's id, and its address."""
    post_id = published.post_id or await p.optional("search", lambda: _identify(p, requests), NOT_IDENTIFIED)
    if post_id is None:
        return published
    url = await p.optional("permalink", lambda: _address(p, requests, post_id), NO_ADDRESS)
    return Published(post_id, url or requests.account_url(p))


async def _identify(p: Run, requests: ContainerRequests) -> str:
    since = (await p.step("container", _never))["at"]
    post_id = await requests.search(p, since)
    if post_id is None:  # lists lag
        raise TransientError("not_listed", "The account's list shows no post, or several, that could be this one.")
    return post_id


async def _address(p: Run, requests: ContainerRequests, post_id: str) -> str:
    url = await requests.permalink(p, post_id)
    if url is None:
        raise TransientError("no_address", "The platform gives none, as it does for a video flagged for copyright.")
    return url


async def _create(p: Run, requests: ContainerRequests) -> dict[str, str]:
    await _learn_quota(p, requests)
    at = format_timestamp(clock.now() - CLOCK_MARGIN)
    return await requests.create(p) | {"at": at or ""}


async def _learn_quota(p: Run, requests: ContainerRequests) -> None:
    """Others post for the account, too, so that only the platform knows what is left: better to ask than to run out
    with a container that dies of waiting.
    """
    try:
        quota = (await requests.options(p, p.account_id, p.account))["quota"]
    except (TransientError, InvalidRequest):
        return  # nothing depends on it: the platform itself keeps its limits
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
    if age > PATIENCE:
        raise TransientError(
            "processing_too_long", "The platform has not finished the video for an hour.", rejected=True, restart=True
        )
    await p.wait(poll_delay(age), "The platform is fetching and converting the video")


async def _publish(p: Run, requests: ContainerRequests, container: dict[str, str]) -> dict[str, str | None]:
    return {"id": await requests.publish(p, container["id"])}


async def _reconcile(
    p: Run, requests: ContainerRequests, container: dict[str, str]
) -> Found[dict[str, str | None]] | Absent | Unknown:
    try:
        state, _ = await requests.state(p, container["id"])
    except OutcomeUnknown:
        # The container can no longer be read; the account's posts may tell.
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
    """Between two looks at a container."""
    if age < timedelta(minutes=1):
        return timedelta(seconds=5)
    return timedelta(seconds=30) if age < timedelta(minutes=5) else timedelta(minutes=1)


def _not_fetched() -> TransientError:
    """Whatever the platform says of a video that it could not fetch whole, the video is not to blame."""
    return TransientError(
        "fetch_failed", "The platform could not fetch the video: the storage of clips does not respond now.",
        actor="operator", fix="Check the storage: run `clipcast doctor`. The item needs nothing else.",
        rejected=True, restart=True,
    )  # fmt: skip


def _expired() -> TransientError:
    """A container that expired was by definition never published."""
    return TransientError("container_expired", "The container was not published in time.", rejected=True, restart=True)


async def _never() -> dict[str, str]:
    raise AssertionError("a published item has its container in the journal")
