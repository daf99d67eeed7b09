"""Publishing a video to LinkedIn: parts, finalize, wait, post (docs/platforms/linkedin.md 2).

A member's posts cannot be read. If the response to such a post is lost, a person must check: Clipcast never sends it
again by itself. A page's posts can be read, and each has its own video (docs/platforms/linkedin.md 6).
"""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from clipcast.platforms.base import Absent, Found, Publication, Published, PublishWarning, RenderCaptions, Unknown
from clipcast.platforms.errors import OutcomeUnknown, PlatformAnswer, PublishError, ReconnectNeeded, TransientError
from clipcast.platforms.http import ambiguous_response
from clipcast.platforms.linkedin.errors import PROCESSING_FAILED, parse_response, upload_error
from clipcast.platforms.linkedin.metadata import LinkedInMetadata, little_text
from clipcast.platforms.linkedin.rules import (
    API,
    BLIND_WAIT_BASE,
    BLIND_WAIT_MAX,
    BLIND_WAIT_PER_BYTE,
    CAPTIONS_PATIENCE,
    ORGANIZATION,
    PROCESSING_MAX,
    poll_delay,
)
from clipcast.platforms.multipart import form_around
from clipcast.platforms.parts import send_parts
from clipcast.platforms.subtitles import srt_of

VIDEOS = API + "/videos"
POSTS = API + "/posts"
WAITING = "WAITING_UPLOAD"
NO_ADDRESS = PublishWarning(
    "address_unknown", "LinkedIn accepted the post without returning its address.", "Check the account's activity."
)

NO_CAPTIONS = PublishWarning(
    "captions_not_set", "The video has no captions of the render.", "Add the captions on LinkedIn, in the post's menu."
)
# The only values that are known to work (docs/platforms/linkedin.md 2.4).
CAPTIONS_ABOUT = {
    "format": "SRT",
    "formattedForEasyReader": True,
    "largeText": True,
    "source": "USER_PROVIDED",
    "locale": {"variant": "AMERICAN", "country": "US", "language": "EN"},
    "transcriptType": "CLOSED_CAPTION",
}

VERSION = 2
CONTINUES = {1: dict}

Run = Publication[LinkedInMetadata]


async def publish(p: Run) -> Published:
    """Upload the clip, wait until LinkedIn has processed it and create the post."""
    await p.report_progress("preparing", 2)
    video = await p.step("video", lambda: _initialize(p, with_captions=p.captions is not None))
    warnings: tuple[PublishWarning, ...] = ()
    if (captions := p.captions) and video.get("captions_url"):
        refusal = await p.step("captions", lambda: _send_captions(p, video, captions))
        if refusal is not None:  # LinkedIn may wait for announced captions, so the video is announced again
            video = await p.step("video_alone", lambda: _initialize(p, with_captions=False))
            warnings = (replace(NO_CAPTIONS, message=f"{NO_CAPTIONS.message} {refusal}"),)
    await p.report_progress("uploading", 5)
    etags = await send_parts(p, len(video["parts"]), lambda number: _send_part(p, video["parts"][number]))
    await p.send_once(
        "finalize",
        lambda: _finalize(p, video, etags),
        lambda: _reconcile_finalize(p, video),
        resend_after=timedelta(),
        publishes=False,
    )
    await p.report_progress("waiting", 80)
    await p.step("ready", lambda: _ready(p, video))
    await p.report_progress("publishing", 92)
    urn = await p.send_once("post", lambda: _post(p, video), lambda: _reconcile_post(p, video))
    if urn is None:
        return Published(None, _activity(p), warnings=(*warnings, NO_ADDRESS))
    return Published(urn, f"https://www.linkedin.com/feed/update/{urn}/", warnings=warnings)


async def _initialize(p: Run, with_captions: bool) -> dict[str, Any]:
    """Open an upload, which is invisible. If its response is lost, Clipcast opens another."""
    request = {
        "owner": _author(p),
        "fileSizeBytes": p.clip.size,
        "uploadCaptions": with_captions,
        "uploadThumbnail": False,
    }
    body = {"initializeUploadRequest": request}
    opened = parse_response(
        await p.request("initialize", "POST", VIDEOS, params={"action": "initializeUpload"}, json=body)
    )
    value = opened["value"]
    parts = [[part["uploadUrl"], part["firstByte"], part["lastByte"]] for part in value["uploadInstructions"]]
    video = {"urn": value["video"], "token": value["uploadToken"], "parts": parts}
    return video | ({"captions_url": value["captionsUploadUrl"]} if with_captions else {})


async def _send_captions(p: Run, video: dict[str, Any], captions: RenderCaptions) -> str | None:
    """Send the captions to their own address. Return why LinkedIn does not take them, or None.

    A video is published without them. Temporary errors are raised only while the upload is CAPTIONS_PATIENCE old.
    """
    about = {"metadata": json.dumps(CAPTIONS_ABOUT)}
    before, after, content_type = form_around(about, "file", "captions.srt", "application/x-subrip")
    content, headers = before + srt_of(captions.content) + after, {"Content-Type": content_type}
    try:
        response = await p.request("captions", "POST", video["captions_url"], content=content, headers=headers)
        if response.is_success:
            return None
        raise upload_error(response)
    except PublishError as error:
        passes = isinstance(error, TransientError) and not error.restart
        if passes and await p.time_since("video") < CAPTIONS_PATIENCE:
            raise
        return error.message


async def _send_part(p: Run, part: list[Any]) -> str:
    """Send one part to its own address and return its ETag. Sending it again is harmless."""
    url, first, last = part
    response = await p.request(
        "part",
        "PUT",
        url,
        content=p.clip.read(first, last + 1),
        headers={
            "Authorization": "",  # the address is the credential
            "Content-Type": "application/octet-stream",
            "Content-Length": str(last + 1 - first),
        },
    )
    if not response.is_success:
        raise upload_error(response)
    if "etag" not in response.headers:
        raise ambiguous_response(response)
    return str(response.headers["etag"]).strip('"')


async def _finalize(p: Run, video: dict[str, Any], etags: list[str]) -> None:
    """Join the parts, in their order."""
    request = {"video": video["urn"], "uploadToken": video["token"], "uploadedPartIds": etags}
    body = {"finalizeUploadRequest": request}
    parse_response(await p.request("finalize", "POST", VIDEOS, params={"action": "finalizeUpload"}, json=body))


async def _reconcile_finalize(p: Run, video: dict[str, Any]) -> Found[None] | Absent:
    """Read whether the parts were joined. If members may not read it, joining them again is harmless."""
    return Absent() if await _status(p, video) in (WAITING, None) else Found(None)


async def _ready(p: Run, video: dict[str, Any]) -> str:
    status = await _status(p, video)
    age = await p.time_since("finalize")
    if status == "AVAILABLE":
        return status
    if status == "PROCESSING_FAILED":
        raise PROCESSING_FAILED.to_error(PlatformAnswer(200, status))
    if status is None:
        if age >= min(BLIND_WAIT_MAX, BLIND_WAIT_BASE + p.clip.size * BLIND_WAIT_PER_BYTE):
            return "waited for"
    elif age > PROCESSING_MAX:
        raise TransientError(
            "processing_too_long", "LinkedIn has not processed the video within 60 minutes.",
            rejected=True, restart=True,
        )  # fmt: skip
    await p.wait(poll_delay(age), "LinkedIn is processing the video")


async def _status(p: Run, video: dict[str, Any]) -> str | None:
    """Return the video's status, or None if the member may not read it."""
    try:
        return str(
            parse_response(await p.request("video_status", "GET", f"{VIDEOS}/{_quoted(video['urn'])}"))["status"]
        )
    except ReconnectNeeded as error:
        if error.platform and error.platform.http_status == 403:
            return None
        raise


async def _post(p: Run, video: dict[str, Any]) -> str | None:
    media = {"id": video["urn"]} | ({"title": p.metadata.title} if p.metadata.title else {})
    body = {
        "author": _author(p),
        "commentary": little_text(p.metadata.commentary),
        "visibility": p.metadata.visibility,
        "distribution": {
            "feedDistribution": "MAIN_FEED",
            "targetEntities": [],
            "thirdPartyDistributionChannels": [],
        },
        "content": {"media": media},
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": p.metadata.is_reshare_disabled_by_author,
    }
    response = await p.request("post", "POST", POSTS, json=body)
    parse_response(response)
    # Only this header contains the id. Without it, the post is live all the same (docs/platforms/linkedin.md 0.1).
    return response.headers.get("x-restli-id")


async def _reconcile_post(p: Run, video: dict[str, Any]) -> Found[str | None] | Absent | Unknown:
    if _is_page(p):
        return await _search_page(p, video)
    raise OutcomeUnknown(
        "outcome_unknown",
        "The response was lost, and LinkedIn does not allow apps to read a member's posts.",
        fix="Check the profile's activity. If the post is not there, retry the item with `force=true`.",
        final=True,
    )


async def _search_page(p: Run, video: dict[str, Any]) -> Found[str | None] | Absent:
    """Search the page's newest posts for the one with the item's video."""
    params = {"author": _author(p), "q": "author", "count": "20", "sortBy": "LAST_MODIFIED"}
    response = await p.request("finder", "GET", POSTS, params=params, headers={"X-RestLi-Method": "FINDER"})
    for post in parse_response(response).get("elements", []):
        if post.get("content", {}).get("media", {}).get("id") == video["urn"]:
            return Found(str(post["id"]))
    return Absent()


def _is_page(p: Run) -> bool:
    return p.account.get("way") == ORGANIZATION


def _author(p: Run) -> str:
    return f"urn:li:{'organization' if _is_page(p) else 'person'}:{p.account_id}"


def _activity(p: Run) -> str:
    """Return the address of the account's posts, for a post without an address of its own."""
    return f"https://www.linkedin.com/company/{p.account_id}/" if _is_page(p) else "https://www.linkedin.com/in/me/"


def _quoted(urn: str) -> str:
    return urn.replace(":", "%3A")
