"""Publishing a video to YouTube: a resumable upload as private, then an update (docs/platforms/youtube.md 2).

The video exists once its last byte is stored, so the intent is committed before the request with that byte. A complete
session repeats its final response: a lost response can be read again (docs/platforms/youtube.md 6). The update to
another visibility is repeatable, and a video that an ambiguous upload leaves behind stays private.
"""

import re
from datetime import timedelta
from typing import Any

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp, parse_instant
from clipcast.platforms.base import Absent, Found, Publication, Published, PublishWarning, RenderCaptions, Unknown
from clipcast.platforms.errors import OutcomeUnknown, PlatformAnswer, PolicyRejected, ReconnectNeeded, TransientError
from clipcast.platforms.http import ambiguous_response, retry_after
from clipcast.platforms.multipart import related
from clipcast.platforms.responses import Response
from clipcast.platforms.youtube.account import my_channel
from clipcast.platforms.youtube.errors import error_from, parse_response, processing_error
from clipcast.platforms.youtube.metadata import YouTubeMetadata
from clipcast.platforms.youtube.rules import (
    API,
    CHUNK,
    PROCESSING_MAX,
    THUMBNAIL,
    UPLOAD,
    poll_delay,
)

VIDEOS = API + "/videos"
PLAYLIST_ITEMS = API + "/playlistItems"
GONE = (404, 410)
INCOMPLETE = 308
EXISTS = 409
# The platform's clock can be behind ours when an upload is searched for.
CLOCK_MARGIN = timedelta(minutes=10)
NO_THUMBNAIL = PublishWarning(
    "thumbnail_not_set", "The video has no thumbnail of its own.", "Set the thumbnail in YouTube Studio."
)
NO_CAPTIONS = PublishWarning(
    "captions_not_set", "The video has no captions of the render.", "Add the captions in YouTube Studio."
)
NOT_IN_PLAYLIST = PublishWarning(
    "not_in_playlist", "The video is not in the playlist.", "Add the video to the playlist in YouTube Studio."
)

VERSION = 2
CONTINUES = {1: dict}

Run = Publication[YouTubeMetadata]


async def publish(p: Run) -> Published:
    """Upload the clip, wait until YouTube has processed it and set its visibility."""
    await p.report_progress("preparing", 2)
    session = await p.step("session", lambda: _open_session(p))
    await p.report_progress("uploading", 5)
    if p.clip.size > CHUNK:
        session |= await p.step("bytes", lambda: _send_until_last(p, session))
    sent_before = await p.has_intent("last_bytes")
    video_id = await p.send_once(
        "last_bytes",
        lambda: _send_last(p, session, sent_before),
        lambda: _reconcile(p, session),
        resend_after=timedelta(),  # a session yields one video, even if its last byte is sent twice
    )
    await p.report_progress("waiting", 85)
    await p.step("processed", lambda: _processed(p, video_id))
    if p.metadata.privacy != "private" or p.metadata.publish_at:
        await p.report_progress("publishing", 92)
        await p.step("visible", lambda: _make_visible(p, video_id))
    needs_finish = bool(p.metadata.thumbnail_url or p.metadata.playlist_id or p.captions)
    return Published(video_id, f"https://www.youtube.com/watch?v={video_id}", needs_finish)


async def finish(p: Run, published: Published) -> Published:
    """Set the thumbnail, add the captions, and add the video to the playlist. All may be repeated."""
    video_id = published.post_id
    assert video_id is not None
    if p.metadata.thumbnail_url:
        await p.optional("thumbnail", lambda: _set_thumbnail(p, video_id), NO_THUMBNAIL)
    if captions := p.captions:
        await p.optional("captions", lambda: _add_captions(p, video_id, captions), NO_CAPTIONS)
    if p.metadata.playlist_id:
        await p.optional("playlist", lambda: _add_to_playlist(p, video_id), NOT_IN_PLAYLIST)
    return published


async def _open_session(p: Run) -> dict[str, Any]:
    """Open an upload session. Without bytes it creates nothing: a lost response costs one of the daily uploads."""
    channel = await my_channel(p)
    if channel["id"] != p.account_id:
        raise ReconnectNeeded(
            "wrong_account", f"The authorization belongs to another channel: {channel['id']}.", rejected=True
        )
    body = _resource(p.metadata)
    response = await p.request(
        "session",
        "POST",
        UPLOAD + "/videos",
        params={
            "uploadType": "resumable",
            "part": ",".join(sorted(body)),
            "notifySubscribers": "true" if p.metadata.notify_subscribers else "false",
        },
        json=body,
        headers={
            "X-Upload-Content-Length": str(p.clip.size),
            "X-Upload-Content-Type": p.clip.content_type,
            "Slug": _slug(p),
        },
    )
    if not response.is_success or "location" not in response.headers:
        raise error_from(response, opens_a_session=True)
    return {"uri": response.headers["location"], "opened_at": format_timestamp(clock.now())}


def _resource(metadata: YouTubeMetadata) -> dict[str, Any]:
    snippet: dict[str, Any] = {
        "title": metadata.title,
        "description": metadata.description,
        "tags": metadata.tags,
        "categoryId": metadata.category_id,
    }
    if metadata.default_language:
        snippet["defaultLanguage"] = metadata.default_language
    resource = {"snippet": snippet, "status": {"privacyStatus": "private"} | _unchanging_status(metadata)}
    if metadata.recording_date:
        resource["recordingDetails"] = {"recordingDate": format_timestamp(metadata.recording_date)}
    return resource


def _unchanging_status(metadata: YouTubeMetadata) -> dict[str, Any]:
    """Return all status fields but the privacy. An update replaces the whole part (docs/platforms/youtube.md 2.7)."""
    return {
        "selfDeclaredMadeForKids": metadata.self_declared_made_for_kids,
        "containsSyntheticMedia": metadata.contains_synthetic_media,
        "embeddable": metadata.embeddable,
        "license": metadata.license,
        "publicStatsViewable": metadata.public_stats_viewable,
    }


def _slug(p: Run) -> str:
    """Return a unique file name, by which an ambiguous upload is identified."""
    extension = p.clip.file_name.rsplit(".", 1)[-1]
    return f"clipcast-{p.item_id}-{p.round}.{extension}"


async def _send_until_last(p: Run, session: dict[str, Any]) -> dict[str, Any]:
    """Send the chunks before the last, from the first byte that the session does not hold. Return the new offset.

    YouTube may keep any part of a chunk, so the last chunk starts at the offset that YouTube reports.
    """
    offset = _stored(await _ask(p, session), session)
    while p.clip.size - offset > CHUNK:
        response = await _put(p, session, offset, offset + CHUNK)
        stored = _stored(response, session)
        if stored <= offset:
            raise TransientError("no_progress", "YouTube did not store the bytes.", wait=retry_after(response))
        offset = stored
        await p.report_progress("uploading", 5 + 75 * offset // p.clip.size)
    return {"uri": session["uri"], "offset": offset}


async def _send_last(p: Run, session: dict[str, Any], sent_before: bool) -> str:
    """Send the bytes that complete the upload. Return the video's id."""
    offset = session.get("offset", 0)
    if sent_before:
        response = await _ask(p, session)
        if response.status_code != INCOMPLETE:
            return _video_id(response)
        offset = _stored(response, session)
    while True:
        response = await _put(p, session, offset, p.clip.size)
        if response.status_code in GONE and not sent_before:
            raise _session_gone(response)
        if response.status_code != INCOMPLETE:
            return _video_id(response)
        stored = _stored(response, session)
        if stored <= offset:
            raise TransientError("no_progress", "YouTube did not store the last bytes.", wait=retry_after(response))
        offset = stored


async def _reconcile(p: Run, session: dict[str, Any]) -> Found[str] | Absent | Unknown:
    """Read the session's final response. If the session is gone, search the channel."""
    response = await _ask(p, session)
    if response.status_code == INCOMPLETE:
        return Absent()
    if response.is_success and (video_id := _id_in(response)):
        return Found(video_id)
    if response.status_code not in GONE and not response.is_success:
        raise error_from(response)
    return await _search_uploads(p, session)


async def _search_uploads(p: Run, session: dict[str, Any]) -> Found[str] | Unknown:
    """Search the newest uploads for the file name and size. A miss proves nothing: the list may lag."""
    params = {"part": "contentDetails", "playlistId": p.account["uploads_playlist"], "maxResults": "50"}
    entries = parse_response(await p.request("uploads", "GET", PLAYLIST_ITEMS, params=params)).get("items", [])
    if not entries:
        return Unknown()
    ids = ",".join(entry["contentDetails"]["videoId"] for entry in entries)
    params = {"part": "snippet,status,fileDetails", "id": ids}
    earliest = parse_instant(session["opened_at"]) - CLOCK_MARGIN
    for video in parse_response(await p.request("videos", "GET", VIDEOS, params=params)).get("items", []):
        details = video.get("fileDetails", {})
        if (
            details.get("fileName") == _slug(p)
            and int(details.get("fileSize", -1)) == p.clip.size
            and parse_instant(video["snippet"]["publishedAt"]) >= earliest
        ):
            return Found(str(video["id"]))
    return Unknown()


async def _ask(p: Run, session: dict[str, Any]) -> Response:
    """Return the session's status: 308 with its stored bytes, or its final response again."""
    headers = {"Content-Length": "0", "Content-Range": f"bytes */{p.clip.size}"}
    response = await p.request("session_status", "PUT", session["uri"], content=b"", headers=headers)
    if response.status_code == 401:
        raise error_from(response)
    return response


async def _put(p: Run, session: dict[str, Any], first: int, end: int) -> Response:
    headers = {
        "Content-Type": p.clip.content_type,
        "Content-Length": str(end - first),
        "Content-Range": f"bytes {first}-{end - 1}/{p.clip.size}",
    }
    return await p.request("bytes", "PUT", session["uri"], content=p.clip.read(first, end), headers=headers)


def _stored(response: Response, session: dict[str, Any]) -> int:
    """Return the number of bytes that the session holds. Raise the error of any response but the protocol's 308."""
    if response.status_code in GONE:
        raise _session_gone(response)
    if response.status_code != INCOMPLETE:
        raise error_from(response)
    if moved := response.headers.get("location"):
        session["uri"] = moved  # saved with the result of `bytes`
    match = re.fullmatch(r"bytes=0-(\d+)", response.headers.get("range", ""))
    return int(match[1]) + 1 if match else 0


def _session_gone(response: Response) -> TransientError:
    """Return the error of a session that is gone before its last byte was sent. It has published nothing."""
    return TransientError(
        "session_expired", "The upload session has expired.", rejected=True, restart=True,
        platform=PlatformAnswer(response.status_code),
    )  # fmt: skip


def _video_id(response: Response) -> str:
    if not response.is_success:
        raise error_from(response)
    video_id = _id_in(response)
    if video_id is None:
        raise ambiguous_response(response)
    return video_id


def _id_in(response: Response) -> str | None:
    try:
        return str(response.json()["id"])
    except (ValueError, KeyError, TypeError):
        return None


async def _processed(p: Run, video_id: str) -> dict[str, Any]:
    """Wait until YouTube has processed the video. Raise the error of a video that it rejects."""
    params = {"part": "status,processingDetails,snippet,contentDetails", "id": video_id}
    found = parse_response(await p.request("videos", "GET", VIDEOS, params=params)).get("items", [])
    if not found:
        raise PolicyRejected(
            "video_removed", "The uploaded video is no longer on the channel.",
            fix="Check the channel: a person or YouTube removed the video.",
        )  # fmt: skip
    status: dict[str, Any] = found[0]["status"]
    if status["uploadStatus"] in ("failed", "rejected", "deleted"):
        raise processing_error(status)
    if status["uploadStatus"] == "processed":
        return {"privacy": status.get("privacyStatus")}
    age = await p.time_since("last_bytes")
    if age > PROCESSING_MAX:
        raise OutcomeUnknown("no_verdict", "YouTube has processed the video for 24 hours without a result.")
    await p.wait(poll_delay(age), "YouTube is processing the video")


async def _make_visible(p: Run, video_id: str) -> str:
    """Set the final visibility. Setting the same value twice changes nothing."""
    status = {"privacyStatus": p.metadata.privacy} | _unchanging_status(p.metadata)
    if p.metadata.publish_at:
        if p.metadata.publish_at > clock.now():
            status["publishAt"] = format_timestamp(p.metadata.publish_at)
        else:  # the time has passed: the item is late
            status["privacyStatus"] = "public"
    body = {"id": video_id, "status": status}
    updated = parse_response(await p.request("videos_update", "PUT", VIDEOS, params={"part": "status"}, json=body))
    privacy = updated.get("status", {}).get("privacyStatus", status["privacyStatus"])
    if privacy != status["privacyStatus"]:
        raise PolicyRejected(
            "privacy_not_applied",
            f"The video is on the channel as {privacy}; YouTube did not make it {status['privacyStatus']}.",
            fix="Change the video's visibility in YouTube Studio, and check the channel's upload defaults.",
        )
    return str(privacy)


async def _set_thumbnail(p: Run, video_id: str) -> None:
    """Set the thumbnail once the video is processed.

    On a Short, YouTube accepts an earlier thumbnail and does not show it (docs/platforms/youtube.md 2.5).
    """
    params = {"part": "processingDetails", "id": video_id}
    found = parse_response(await p.request("videos", "GET", VIDEOS, params=params)).get("items", [])
    if found and found[0].get("processingDetails", {}).get("processingStatus") == "processing":
        raise TransientError("not_processed_yet", "YouTube is still processing the video.", wait=timedelta(minutes=1))
    image = await p.fetch_public_url(str(p.metadata.thumbnail_url), THUMBNAIL.max_bytes)
    url, headers = UPLOAD + "/thumbnails/set", {"Content-Type": THUMBNAIL.media_type(image)}
    parse_response(
        await p.request("thumbnail", "POST", url, params={"videoId": video_id}, content=image, headers=headers)
    )


async def _add_captions(p: Run, video_id: str, captions: RenderCaptions) -> None:
    """Add the render's captions. A repeat changes nothing: a video has one track of a name and language."""
    snippet = {"videoId": video_id, "language": captions.language, "name": "", "isDraft": False}
    body, content_type = related({"snippet": snippet}, captions.content, "text/vtt")
    params = {"uploadType": "multipart", "part": "snippet"}
    response = await p.request(
        "captions", "POST", UPLOAD + "/captions", params=params, content=body, headers={"Content-Type": content_type}
    )
    if response.status_code != EXISTS:
        parse_response(response)


async def _add_to_playlist(p: Run, video_id: str) -> None:
    """Add the video unless it is in the playlist: a repeat may add it twice (docs/platforms/youtube.md 2.6)."""
    playlist = str(p.metadata.playlist_id)
    params = {"part": "id", "playlistId": playlist, "videoId": video_id}
    if parse_response(await p.request("playlist", "GET", PLAYLIST_ITEMS, params=params)).get("items"):
        return
    snippet = {"playlistId": playlist, "resourceId": {"kind": "youtube#video", "videoId": video_id}}
    body = {"snippet": snippet}
    parse_response(await p.request("playlist_insert", "POST", PLAYLIST_ITEMS, params={"part": "snippet"}, json=body))
