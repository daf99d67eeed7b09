"""Publishing a video to Threads: a container, then `threads_publish` (docs/platforms/threads.md 2).

Threads fetches the clip into the container.
"""

from typing import Any

from clipcast.common.timestamps import parse_instant
from clipcast.platforms.base import Publication, Published
from clipcast.platforms.container import STATES, ContainerRequests, State, finish_container, publish_container
from clipcast.platforms.errors import InvalidRequest, OutcomeUnknown, PublishError
from clipcast.platforms.graph import graph_permalink
from clipcast.platforms.matching import single_unmatched_post
from clipcast.platforms.threads.errors import CODES, container_error, parse_response
from clipcast.platforms.threads.metadata import ThreadsMetadata
from clipcast.platforms.threads.options import options
from clipcast.platforms.threads.rules import API

FIELDS = ("text", "reply_control", "topic_tag", "alt_text", "location_id")
SWITCHES = ("is_spoiler_media", "enable_reply_approvals")

VERSION = 2
# Version 1 read the address in `finish`, which does so still after a failure.
CONTINUES = {1: dict}

Run = Publication[ThreadsMetadata]


async def publish(p: Run) -> Published:
    """Create a container with the clip and publish it."""
    return await publish_container(p, REQUESTS)


async def finish(p: Run, published: Published) -> Published:
    """Read the post's address."""
    return await finish_container(p, REQUESTS, published)


async def _create(p: Run) -> dict[str, str]:
    form = {"media_type": "VIDEO", "video_url": p.media_url()}
    form |= {name: str(value) for name in FIELDS if (value := getattr(p.metadata, name))}
    form |= {name: "true" for name in SWITCHES if getattr(p.metadata, name)}
    if p.metadata.allowlisted_country_codes:
        form["allowlisted_country_codes"] = ",".join(p.metadata.allowlisted_country_codes)
    response = await p.request("create", "POST", f"{API}/{p.account_id}/threads", form=form)
    return {"id": str(parse_response(response)["id"])}


async def _state(p: Run, container: str) -> tuple[State, PublishError | None]:
    params = {"fields": "id,status,error_message"}
    try:
        body = parse_response(await p.request("status", "GET", f"{API}/{container}", params=params))
    except InvalidRequest as error:
        raise OutcomeUnknown("container_unreadable", error.message, platform=error.platform) from error
    state = STATES.get(str(body.get("status")), "in_progress")
    return state, container_error(str(body.get("error_message") or "UNKNOWN")) if state == "error" else None


async def _publish(p: Run, container: str) -> str:
    url, form = f"{API}/{p.account_id}/threads_publish", {"creation_id": container}
    return str(parse_response(await p.request("publish", "POST", url, form=form))["id"])


async def _search(p: Run, since: str) -> str | None:
    """Return the id of the only video since then with the same text; None proves nothing."""
    params = {
        "fields": "id,text,timestamp,permalink,media_type",
        "since": str(int(parse_instant(since).timestamp())),
        "limit": "25",
    }
    posts: list[dict[str, Any]] = parse_response(await p.request("posts", "GET", f"{API}/me/threads", params=params))[
        "data"
    ]
    same = [post for post in posts if post.get("media_type") == "VIDEO" and post.get("text", "") == p.metadata.text]
    return await single_unmatched_post(p, (str(post["id"]) for post in same))


async def _permalink(p: Run, post_id: str) -> str | None:
    return await graph_permalink(p, f"{API}/{post_id}", CODES)


REQUESTS = ContainerRequests(
    options=options,
    create=_create,
    state=_state,
    publish=_publish,
    search=_search,
    permalink=_permalink,
    account_url=lambda p: f"https://www.threads.com/@{p.username}",
)
