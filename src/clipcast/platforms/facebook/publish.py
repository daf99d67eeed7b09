"""Publishing a video to Facebook: start (an id), bytes, finish (docs/platforms/facebook.md 2).

The id exists before anything is visible, and one id becomes one video. After a lost response, Clipcast reads the status
of this id and sends the same finish again, never a new start (docs/platforms/facebook.md 6).
"""

import json
from datetime import timedelta
from functools import partial
from typing import Any

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp, parse_instant
from clipcast.platforms.base import Absent, Found, Publication, Published, PublishWarning, Unknown
from clipcast.platforms.errors import (
    InvalidRequest,
    MediaRejected,
    OutcomeUnknown,
    PlatformAnswer,
    PolicyRejected,
    PublishError,
    TransientError,
)
from clipcast.platforms.facebook.chunks import send_chunks
from clipcast.platforms.facebook.errors import (
    CODES,
    UPLOAD_REFUSED,
    UPLOAD_TYPES,
    parse_response,
    phase_error,
)
from clipcast.platforms.facebook.metadata import FacebookMetadata
from clipcast.platforms.facebook.rules import API, PROCESSING_MAX, RESEND_AFTER, THUMBNAIL, poll_delay
from clipcast.platforms.multipart import form_around
from clipcast.platforms.rupload import held, send_rest, upload_address, upload_error

FIELDS = "status,published,permalink_url,post_id,scheduled_publish_time"
PHASES = ("uploading_phase", "processing_phase", "publishing_phase")
# Both spellings occur (docs/platforms/facebook.md 2.4).
COMPLETE = ("complete", "completed")
DEAD = ("expired", "upload_failed", "error")
# The platform's clock can be behind ours when a video is searched for.
CLOCK_MARGIN = timedelta(minutes=1)
NO_THUMBNAIL = PublishWarning(
    "thumbnail_not_set", "The video has no cover of its own.", "Set the cover on the Page, in the video's settings."
)

VERSION = 1

Run = Publication[FacebookMetadata]


async def publish(p: Run) -> Published:
    """Upload the clip and wait until Facebook has published, scheduled or drafted it."""
    await p.report_progress("preparing", 2)
    video = await p.step("video", lambda: _start(p))
    await p.report_progress("uploading", 5)
    await p.step("bytes", lambda: _send(p, video))
    await p.report_progress("publishing", 80)
    await p.send_once("finish", lambda: _finish(p, video), lambda: _reconcile(p, video), resend_after=RESEND_AFTER)
    await p.report_progress("waiting", 85)
    url = await p.step("live", lambda: _live(p, video))
    needs_finish = bool(p.metadata.thumbnail_url or p.metadata.collaborators)
    return Published(video["id"], url, needs_finish)


async def finish(p: Run, published: Published) -> Published:
    """Set the cover and invite the collaborators. Both steps may be repeated."""
    video_id = published.post_id
    assert video_id is not None
    if p.metadata.thumbnail_url:
        await p.optional("thumbnail", lambda: _set_thumbnail(p, video_id), NO_THUMBNAIL)
    for page in p.metadata.collaborators if p.metadata.media_type == "REELS" else ():
        await p.optional(f"collaborator {page}", partial(_invite, p, video_id, page), _not_invited(page))
    return published


def _not_invited(page: str) -> PublishWarning:
    return PublishWarning(
        "collaborator_not_invited",
        f"The Page {page} was not invited.",
        "Invite the Page as a collaborator on Facebook.",
    )


def _edge(p: Run) -> str:
    return f"{API}/{p.account_id}/" + ("video_reels" if p.metadata.media_type == "REELS" else "videos")


async def _start(p: Run) -> dict[str, Any]:
    """Get an id, which is invisible. If its response is lost, Clipcast gets another."""
    at = format_timestamp(clock.now() - CLOCK_MARGIN)
    form = {"upload_phase": "start"}
    if p.metadata.media_type == "VIDEO":
        form["file_size"] = str(p.clip.size)
        started = parse_response(await p.request("start_video", "POST", _edge(p), form=form))
        return {
            "id": str(started["video_id"]),
            "session": started["upload_session_id"],
            "end": started["end_offset"],
            "at": at,
        }
    started = parse_response(await p.request("start", "POST", _edge(p), form=form))
    video_id = str(started["video_id"])
    return {"id": video_id, "url": upload_address(str(started["upload_url"]), video_id), "at": at}


async def _send(p: Run, video: dict[str, Any]) -> None:
    """Send the bytes that Facebook does not hold yet."""
    if p.metadata.media_type == "VIDEO":
        await send_chunks(p, _edge(p), video["session"], int(video["end"]))
        return
    offset = await _held(p, video)
    if offset == p.clip.size:
        return
    response = await send_rest(p, video["url"], offset)
    if not response.is_success:
        raise upload_error(response, UPLOAD_TYPES, CODES)


async def _held(p: Run, video: dict[str, Any]) -> int:
    """Return the number of bytes that Facebook holds."""
    try:
        status = (await _read(p, video, "upload_status"))["status"]
    except OutcomeUnknown as unreadable:  # nothing has been published yet
        raise TransientError(
            "upload_unreadable", unreadable.message, platform=unreadable.platform, wait=timedelta(seconds=30)
        ) from unreadable
    if status.get("video_status") in DEAD:
        raise UPLOAD_REFUSED.to_error(PlatformAnswer(200, str(status["video_status"])))
    return held(status.get("uploading_phase", {}))


async def _finish(p: Run, video: dict[str, Any]) -> None:
    """Request the publication. Facebook only accepts the request; the status shows the outcome."""
    form = {"upload_phase": "finish"} | _fields(p.metadata)
    if p.metadata.media_type == "REELS":
        form |= {"video_id": video["id"], "video_state": p.metadata.state}
    else:
        form |= {"upload_session_id": video["session"]}
        form |= {"published": "true" if p.metadata.state == "PUBLISHED" else "false"}
        if p.metadata.state != "PUBLISHED":
            form["unpublished_content_type"] = p.metadata.state
    parse_response(await p.request("finish", "POST", _edge(p), form=form))


def _fields(metadata: FacebookMetadata) -> dict[str, str]:
    fields: dict[str, str | None] = {"description": metadata.description, "title": metadata.title}
    if metadata.scheduled_publish_time:
        fields["scheduled_publish_time"] = str(int(metadata.scheduled_publish_time.timestamp()))
    if metadata.targeting:
        targeting = {
            "geo_locations": {"countries": metadata.targeting.countries} if metadata.targeting.countries else None,
            "age_min": metadata.targeting.age_min,
            "locales": metadata.targeting.locales,
        }
        fields["targeting"] = json.dumps({name: value for name, value in targeting.items() if value})
    fields["is_ai_generated"] = "true" if metadata.is_ai_generated else None
    if metadata.media_type == "REELS":
        fields["place"] = metadata.place_id
    else:
        fields["embeddable"] = None if metadata.embeddable else "false"
        fields["no_story"] = "true" if metadata.no_story else None
        fields["content_tags"] = json.dumps(metadata.content_tags) if metadata.content_tags else None
    return {name: value for name, value in fields.items() if value}


async def _reconcile(p: Run, video: dict[str, Any]) -> Found[None] | Absent | Unknown:
    """Read whether finish arrived. It only queues work, so `Absent` proves nothing for some minutes."""
    try:
        body = await _read(p, video, "status")
    except OutcomeUnknown:
        return Found(None) if await _is_listed(p, video) else Unknown()
    publishing = body["status"].get("publishing_phase", {})
    if publishing.get("status", "not_started") != "not_started" or body.get("scheduled_publish_time"):
        return Found(None)
    if _failed(body["status"]):
        return Found(None)  # the video will not be published; `_live` raises its error
    return Found(None) if await _is_listed(p, video) else Absent()


async def _is_listed(p: Run, video: dict[str, Any]) -> bool:
    """Return whether the Page's list has the video. Some apps may not read that list."""
    since = str(int(parse_instant(video["at"]).timestamp()))
    try:
        found = parse_response(await p.request("list", "GET", _edge(p), params={"fields": "id", "since": since}))
    except InvalidRequest:
        return False
    return video["id"] in [str(one["id"]) for one in found.get("data", [])]


async def _live(p: Run, video: dict[str, Any]) -> str:
    """Wait until the video has the requested state: live, scheduled or draft. Return its address."""
    body = await _read(p, video, "status")
    if error := _failed(body["status"]):
        raise error
    if _has_requested_state(p, body):
        return _address(p, video, body.get("permalink_url"))
    publishing = body["status"].get("publishing_phase", {})
    if publishing.get("publish_status") == "draft" and p.metadata.state == "PUBLISHED":
        raise PolicyRejected(
            "kept_as_draft", "Facebook keeps the video as a draft and did not publish it.",
            fix="Publish the draft on the Page, or post the clip with mediaType REELS.",
        )  # fmt: skip
    age = await p.time_since("finish")
    if age > PROCESSING_MAX:
        raise OutcomeUnknown("no_verdict", "Facebook has processed the video for 60 minutes without a result.")
    await p.wait(poll_delay(age), "Facebook is processing the video")


def _has_requested_state(p: Run, body: dict[str, Any]) -> bool:
    publishing = body["status"].get("publishing_phase", {})
    complete = publishing.get("status") in COMPLETE
    state = str(publishing.get("publish_status", ""))
    match p.metadata.state:
        case "SCHEDULED":
            return bool(body.get("scheduled_publish_time")) or state in ("scheduled", "published")
        case "DRAFT":
            return bool(complete or body["status"].get("processing_phase", {}).get("status") in COMPLETE)
    return state == "published" or bool(complete and state not in ("draft", "scheduled"))


def _failed(status: dict[str, Any]) -> PublishError | None:
    """Return the error of the first phase that has one. The overall status may still be `processing`."""
    for name in PHASES:
        phase = status.get(name, {})
        if phase.get("status") == "error":
            return phase_error(name, phase)
    if status.get("video_status") in DEAD:
        return MediaRejected("processing_refused", "Facebook cannot process the file.", rejected=True, restart=True)
    return None


def _address(p: Run, video: dict[str, Any], permalink: str | None) -> str:
    """Return the public address. Facebook sometimes returns it without its host, or not at all."""
    if permalink:
        return permalink if permalink.startswith("https://") else "https://www.facebook.com" + permalink
    if p.metadata.media_type == "REELS":
        return f"https://www.facebook.com/reel/{video['id']}/"
    return f"https://www.facebook.com/watch/{video['id']}/"


async def _read(p: Run, video: dict[str, Any], name: str) -> dict[str, Any]:
    body = parse_response(await p.request(name, "GET", f"{API}/{video['id']}", params={"fields": FIELDS}))
    return {"status": {}} | body


async def _set_thumbnail(p: Run, video_id: str) -> None:
    image = await p.fetch_public_url(str(p.metadata.thumbnail_url), THUMBNAIL.max_bytes)
    media_type = THUMBNAIL.media_type(image)
    name = "cover." + media_type.removeprefix("image/").replace("jpeg", "jpg")
    head, tail, content_type = form_around({"is_preferred": "true"}, "source", name, media_type)
    url, headers = f"{API}/{video_id}/thumbnails", {"Content-Type": content_type}
    parse_response(await p.request("thumbnail", "POST", url, content=head + image + tail, headers=headers))


async def _invite(p: Run, video_id: str, page: str) -> None:
    url = f"{API}/{video_id}/collaborators"
    parse_response(await p.request("collaborator", "POST", url, params={"target_id": page}))
