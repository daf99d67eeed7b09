"""Publishing a video to Instagram: a container, then `media_publish` (docs/platforms/instagram.md 2).

Instagram fetches the clip into the container. With Facebook Login, Clipcast sends its bytes.
"""

import json
from typing import Any

from clipcast.common.timestamps import parse_instant
from clipcast.platforms.base import Publication, Published
from clipcast.platforms.container import STATES, ContainerRequests, State, finish_container, publish_container
from clipcast.platforms.errors import PublishError
from clipcast.platforms.graph import graph_permalink
from clipcast.platforms.instagram.errors import CODES, UPLOAD_TYPES, container_error, parse_response
from clipcast.platforms.instagram.metadata import InstagramMetadata
from clipcast.platforms.instagram.options import options
from clipcast.platforms.instagram.rules import API, BY_FACEBOOK, FACEBOOK_API
from clipcast.platforms.matching import single_unmatched_post
from clipcast.platforms.rupload import held, send_rest, upload_address, upload_error

VERSION = 2
# Version 1 read the address in `finish`, which does so still after a failure.
CONTINUES = {1: dict}

Run = Publication[InstagramMetadata]


async def publish(p: Run) -> Published:
    """Create a container with the clip and publish it."""
    return await publish_container(p, REQUESTS)


async def finish(p: Run, published: Published) -> Published:
    """Read the post's address."""
    return await finish_container(p, REQUESTS, published)


def _api(p: Run) -> str:
    return FACEBOOK_API if p.account.get("way") == BY_FACEBOOK else API


async def _create(p: Run) -> dict[str, str]:
    by_bytes = p.account.get("way") == BY_FACEBOOK
    source = {"upload_type": "resumable"} if by_bytes else {"video_url": p.media_url()}
    form = {"media_type": p.metadata.media_type} | source | _fields(p.metadata)
    made = parse_response(await p.request("create", "POST", f"{_api(p)}/{p.account_id}/media", form=form))
    container = {"id": str(made["id"])}
    return container | {"url": upload_address(str(made["uri"]), container["id"])} if by_bytes else container


async def _send(p: Run, container: dict[str, str]) -> None:
    """Send the bytes that Instagram does not hold yet."""
    params = {"fields": "id,status_code,video_status"}
    body = parse_response(await p.request("upload_status", "GET", f"{_api(p)}/{container['id']}", params=params))
    offset = held(body.get("video_status", {}).get("uploading_phase", {}))
    if offset < p.clip.size:
        response = await send_rest(p, container["url"], offset)
        if not response.is_success:
            raise upload_error(response, UPLOAD_TYPES, CODES)


def _fields(metadata: InstagramMetadata) -> dict[str, str]:
    fields: dict[str, Any] = {}
    if metadata.media_type == "REELS":
        fields = {
            "caption": metadata.caption,
            "share_to_feed": "true" if metadata.share_to_feed else "false",
            "cover_url": metadata.cover_url,
            "collaborators": json.dumps(metadata.collaborators) if metadata.collaborators else None,
            "audio_name": metadata.audio_name,
        }
        if metadata.trial_graduation_strategy:
            fields["trial_params"] = json.dumps({"graduation_strategy": metadata.trial_graduation_strategy})
    if metadata.thumb_offset is not None:
        fields["thumb_offset"] = str(metadata.thumb_offset)
    if metadata.user_tags:
        fields["user_tags"] = json.dumps([{"username": name} for name in metadata.user_tags])
    fields["location_id"] = metadata.location_id
    fields["is_ai_generated"] = "true" if metadata.is_ai_generated else None
    return {name: value for name, value in fields.items() if value}


async def _state(p: Run, container: str) -> tuple[State, PublishError | None]:
    params = {"fields": "id,status_code,status"}
    body = parse_response(await p.request("status", "GET", f"{_api(p)}/{container}", params=params))
    state = STATES.get(str(body.get("status_code")), "in_progress")
    return state, container_error(str(body.get("status") or "")) if state == "error" else None


async def _publish(p: Run, container: str) -> str:
    url, form = f"{_api(p)}/{p.account_id}/media_publish", {"creation_id": container}
    return str(parse_response(await p.request("publish", "POST", url, form=form))["id"])


async def _search(p: Run, since: str) -> str | None:
    """Return the id of the only post since then with the same kind and caption; None proves nothing."""
    edge, kind = ("stories", "STORY") if p.metadata.media_type == "STORIES" else ("media", "REELS")
    params = {
        "fields": "id,caption,timestamp,permalink,media_product_type",
        "since": str(int(parse_instant(since).timestamp())),
    }
    posts: list[dict[str, Any]] = parse_response(
        await p.request("posts", "GET", f"{_api(p)}/{p.account_id}/{edge}", params=params)
    )["data"]
    caption = p.metadata.caption if kind == "REELS" else ""
    same = [post for post in posts if post.get("media_product_type") == kind and (post.get("caption") or "") == caption]
    return await single_unmatched_post(p, (str(post["id"]) for post in same))


async def _permalink(p: Run, post_id: str) -> str | None:
    return await graph_permalink(p, f"{_api(p)}/{post_id}", CODES)


REQUESTS = ContainerRequests(
    options=options,
    create=_create,
    send=_send,
    state=_state,
    publish=_publish,
    search=_search,
    permalink=_permalink,
    account_url=lambda p: f"https://www.instagram.com/{p.username}/",
)
