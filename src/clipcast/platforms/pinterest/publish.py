"""Publishing a video to Pinterest: register, upload, wait, create the Pin (docs/platforms/pinterest.md 2).

If the response to the Pin's creation is lost, only the board's list can show the Pin, and a miss proves nothing.
Clipcast searches for such a Pin and never creates it again by itself (docs/platforms/pinterest.md 6).
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp, parse_instant
from clipcast.platforms.base import Found, Publication, Published, Unknown
from clipcast.platforms.errors import PlatformAnswer, TransientError
from clipcast.platforms.matching import single_unmatched_post
from clipcast.platforms.multipart import form_around
from clipcast.platforms.pinterest.errors import PROCESSING_FAILED, parse_response, upload_error
from clipcast.platforms.pinterest.metadata import PinterestMetadata
from clipcast.platforms.pinterest.rules import API, CLOCK_MARGIN, PROCESSING_MAX, poll_delay

MEDIA = API + "/media"
PINS = API + "/pins"

VERSION = 1

Run = Publication[PinterestMetadata]


async def publish(p: Run) -> Published:
    """Upload the clip, wait until Pinterest has processed it and create the Pin."""
    await p.report_progress("preparing", 2)
    media = await p.step("media", lambda: _register(p))
    await p.report_progress("uploading", 5)
    await p.send_once("upload", lambda: _upload(p, media), lambda: _reconcile_upload(p, media), publishes=False)
    await p.report_progress("waiting", 80)
    await p.step("ready", lambda: _ready(p, media))
    began = await p.step("began", _now)
    await p.report_progress("publishing", 92)
    pin_id = await p.send_once("pin", lambda: _create(p, media), lambda: _reconcile(p, began))
    return Published(pin_id, f"https://www.pinterest.com/pin/{pin_id}/")


async def _register(p: Run) -> dict[str, Any]:
    """Register media, which is invisible. If its response is lost, Clipcast registers other media."""
    media = parse_response(await p.request("media", "POST", MEDIA, json={"media_type": "video"}))
    return {name: media[name] for name in ("media_id", "upload_url", "upload_parameters")}


async def _upload(p: Run, media: dict[str, Any]) -> None:
    """Send the clip in one POST with a signed policy. The upload cannot be resumed; the file comes last."""
    head, tail, content_type = form_around(media["upload_parameters"], "file", p.clip.file_name, p.clip.content_type)

    async def body() -> AsyncIterator[bytes]:
        yield head
        async for piece in p.clip.read(0, p.clip.size):
            yield piece
        yield tail

    response = await p.request(
        "upload",
        "POST",
        media["upload_url"],
        content=body(),
        headers={
            "Authorization": "",  # the policy is the credential
            "Content-Type": content_type,
            "Content-Length": str(len(head) + p.clip.size + len(tail)),
        },
    )
    if not response.is_success:
        raise upload_error(response)


async def _reconcile_upload(p: Run, media: dict[str, Any]) -> Found[None]:
    """Read whether the bytes arrived. If not, restart with new media: an upload address works once."""
    if await _status(p, media) == "registered":
        raise TransientError("upload_lost", "The upload did not arrive.", rejected=True, restart=True)
    return Found(None)


async def _ready(p: Run, media: dict[str, Any]) -> str:
    status = await _status(p, media)
    if status == "succeeded":
        return status
    if status == "failed":
        raise PROCESSING_FAILED.to_error(PlatformAnswer(200, status))
    age = await p.time_since("upload")
    if age > PROCESSING_MAX:
        raise TransientError(
            "processing_too_long", "Pinterest has not processed the video within 30 minutes.",
            rejected=True, restart=True,
        )  # fmt: skip
    await p.wait(poll_delay(age), "Pinterest is processing the video")


async def _status(p: Run, media: dict[str, Any]) -> str:
    return str(parse_response(await p.request("media_status", "GET", f"{MEDIA}/{media['media_id']}"))["status"])


async def _now() -> str:
    return format_timestamp(clock.now()) or ""


async def _create(p: Run, media: dict[str, Any]) -> str:
    source: dict[str, Any] = {"source_type": "video_id", "media_id": media["media_id"]}
    if p.metadata.cover_image_url:
        source["cover_image_url"] = p.metadata.cover_image_url
    else:
        cover = p.metadata.cover_image_key_frame_time
        source["cover_image_key_frame_time"] = 1 if cover is None else cover
    body = {"board_id": p.metadata.board_id, "media_source": source} | _texts(p.metadata)
    if p.metadata.ai_disclosures:
        body["ai_disclosures"] = {"values": p.metadata.ai_disclosures}
    return str(parse_response(await p.request("pin", "POST", PINS, json=body))["id"])


def _texts(metadata: PinterestMetadata) -> dict[str, str]:
    fields = {
        "board_section_id": metadata.board_section_id,
        "title": metadata.title,
        "description": metadata.description,
        "link": metadata.link,
        "alt_text": metadata.alt_text,
        "dominant_color": metadata.dominant_color,
    }
    return {name: value for name, value in fields.items() if value}


async def _reconcile(p: Run, began: str) -> Found[str] | Unknown:
    """Search the board for the only video Pin since `began` with the same texts."""
    params = {"page_size": "250"}
    url = f"{API}/boards/{p.metadata.board_id}/pins"
    pins = parse_response(await p.request("board_pins", "GET", url, params=params)).get("items", [])
    earliest = parse_instant(began) - CLOCK_MARGIN
    same = [pin for pin in pins if _created(pin) >= earliest and _looks_like(pin, p.metadata)]
    found = await single_unmatched_post(p, (str(pin["id"]) for pin in same))
    return Found(found) if found else Unknown()


def _looks_like(pin: dict[str, Any], metadata: PinterestMetadata) -> bool:
    ours = (metadata.title, metadata.description, metadata.alt_text, metadata.link or "")
    theirs = tuple(pin.get(name) or "" for name in ("title", "description", "alt_text", "link"))
    return (pin.get("media") or {}).get("media_type") == "video" and theirs == ours


def _created(pin: dict[str, Any]) -> datetime:
    """Return the Pin's creation time. Without a zone, it is UTC (docs/platforms/pinterest.md 6)."""
    instant = datetime.fromisoformat(str(pin["created_at"]))
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
