"""Publishing a video to TikTok: init (an invisible task), chunks, last chunk, status (docs/platforms/tiktok.md 2).

TikTok posts by itself once it holds the last chunk. A task accepts each byte range once and yields one post: if the
status shows that the last chunk is missing, Clipcast sends it again at once (docs/platforms/tiktok.md 6).
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from clipcast.platforms.base import Absent, Found, Publication, Published, PublishWarning, Unknown
from clipcast.platforms.errors import (
    InvalidRequest,
    MediaRejected,
    OutcomeUnknown,
    PlatformAnswer,
    PublishError,
    TransientError,
)
from clipcast.platforms.http import ambiguous_response
from clipcast.platforms.rules import DURATION_TOLERANCE
from clipcast.platforms.tiktok.errors import task_error
from clipcast.platforms.tiktok.metadata import TikTokMetadata
from clipcast.platforms.tiktok.requests import call, creator_info
from clipcast.platforms.tiktok.rules import (
    PROCESSING_MAX,
    UPLOAD_LIFETIME,
    ChunkPlan,
    plan_chunks,
    poll_delay,
)

DIRECT_INIT = "/v2/post/publish/video/init/"
INBOX_INIT = "/v2/post/publish/inbox/video/init/"
STATUS = "/v2/post/publish/status/fetch/"
DELIVERED = ("PUBLISH_COMPLETE", "SEND_TO_USER_INBOX")
NO_ADDRESS = PublishWarning(
    "address_unknown", "TikTok returned no address of the post within 24 hours. It may be in review or removed.",
    "Check the account in the TikTok app.",
)  # fmt: skip

VERSION = 1

Run = Publication[TikTokMetadata]


async def publish(p: Run) -> Published:
    """Upload the clip and wait until TikTok has posted it, or delivered it as a draft."""
    await p.report_progress("preparing", 2)
    plan = plan_chunks(p.clip.size)
    task = await p.step("init", lambda: _init(p, plan))
    await p.report_progress("uploading", 5)
    if plan.count > 1:
        await p.step("chunks", lambda: _send_chunks(p, task, plan))
    await p.send_once(
        "last_chunk", lambda: _send_last(p, task, plan), lambda: _reconcile(p, task), resend_after=timedelta()
    )
    await p.report_progress("waiting", 85)
    status = await _status(p, task)
    match status["status"]:
        case "FAILED":
            raise task_error(str(status.get("fail_reason", "")))
        case "PUBLISH_COMPLETE" | "SEND_TO_USER_INBOX":
            return _published(p, status)
    age = await p.time_since("last_chunk")
    if age > PROCESSING_MAX:
        raise OutcomeUnknown("no_verdict", "TikTok has processed the video for 24 hours without a result.")
    await p.wait(poll_delay(age), "TikTok is processing the video")


async def finish(p: Run, published: Published) -> Published:
    """Read the post's id. TikTok withholds it until moderation ends, and for private posts always."""
    age = await p.time_since("last_chunk")
    if age > PROCESSING_MAX:
        return replace(published, warnings=(NO_ADDRESS,))
    task = await p.step("init", _not_saved)
    status = await _status(p, task)
    if (found := _published(p, status)).post_id:
        return found
    await p.wait(poll_delay(age), "TikTok has not returned the post's id yet")


async def _init(p: Run, plan: ChunkPlan) -> dict[str, Any]:
    """Open an upload task. If its response is lost, nobody has its address, so it can never publish."""
    source = {
        "source": "FILE_UPLOAD",
        "video_size": plan.size,
        "chunk_size": plan.chunk_size,
        "total_chunk_count": plan.count,
    }
    if p.metadata.post_mode == "MEDIA_UPLOAD":
        data = await call(p, "inbox_init", INBOX_INIT, {"source_info": source})
    else:
        await _check_creator(p)
        data = await call(p, "video_init", DIRECT_INIT, {"post_info": _post_info(p.metadata), "source_info": source})
    return {"publish_id": data["publish_id"], "upload_url": data["upload_url"]}


async def _check_creator(p: Run) -> None:
    """Check the creator's options right before init; fail, never substitute (docs/platforms/tiktok.md 2.1)."""
    info = await creator_info(p)
    options = info.get("privacy_level_options", [])
    if p.metadata.privacy_level not in options:
        raise InvalidRequest(
            "privacy_level_not_offered",
            f"The account does not offer {p.metadata.privacy_level} now. It offers: {', '.join(options)}.",
            fix="Post again with one of the account's current options.",
            rejected=True,
        )
    longest = info.get("max_video_post_duration_sec")
    if longest and p.clip.media.duration > longest + DURATION_TOLERANCE:
        raise MediaRejected(
            "video_too_long",
            f"The video is too long: {p.clip.media.duration:.1f} s, maximum {longest} s for this account.",
            rejected=True,
        )  # fmt: skip


def _post_info(metadata: TikTokMetadata) -> dict[str, Any]:
    info: dict[str, Any] = {
        "privacy_level": metadata.privacy_level,
        "disable_comment": metadata.disable_comment,
        "disable_duet": metadata.disable_duet,
        "disable_stitch": metadata.disable_stitch,
        "brand_content_toggle": metadata.brand_content_toggle,
        "brand_organic_toggle": metadata.brand_organic_toggle,
        "is_aigc": metadata.is_aigc,
    }
    if metadata.title:
        info["title"] = metadata.title
    if metadata.video_cover_timestamp_ms is not None:
        info["video_cover_timestamp_ms"] = metadata.video_cover_timestamp_ms
    return info


async def _send_chunks(p: Run, task: dict[str, Any], plan: ChunkPlan) -> None:
    """Send all chunks but the last, from the first that TikTok does not hold."""
    status = await _status(p, task)
    index = int(status.get("uploaded_bytes") or 0) // plan.chunk_size
    while index < plan.count - 1:
        await _put(p, task, plan, index)
        index += 1
        await p.report_progress("uploading", 5 + 75 * index // plan.count)


async def _send_last(p: Run, task: dict[str, Any], plan: ChunkPlan) -> None:
    await _put(p, task, plan, plan.count - 1)


async def _put(p: Run, task: dict[str, Any], plan: ChunkPlan, index: int) -> None:
    first, end = plan.bounds(index)
    response = await p.request(
        "chunk",
        "PUT",
        task["upload_url"],
        content=p.clip.read(first, end),
        headers={
            "Authorization": "",  # the address is the credential (docs/platforms/tiktok.md 2.4)
            "Content-Type": p.clip.content_type,
            "Content-Length": str(end - first),
            "Content-Range": f"bytes {first}-{end - 1}/{plan.size}",
        },
    )
    if response.status_code in (201, 206):
        return
    answer = PlatformAnswer(response.status_code, message=response.text[:300] or None)
    if response.status_code == 416:
        raise TransientError("out_of_step", "The chunk does not follow the bytes that TikTok holds.", platform=answer)
    if response.status_code in (403, 404):
        raise await _expired(p, task, answer)
    if response.status_code == 400:
        raise InvalidRequest("chunk_refused", "TikTok rejects the chunk.", platform=answer, rejected=True)
    raise ambiguous_response(response)


async def _expired(p: Run, task: dict[str, Any], answer: PlatformAnswer) -> PublishError:
    """Return the error of an upload address that has expired.

    A new task is safe only once this one can no longer accept bytes (docs/platforms/tiktok.md 6).
    """
    status = await _status(p, task)
    complete = int(status.get("uploaded_bytes") or 0) >= p.clip.size
    left = UPLOAD_LIFETIME - await p.time_since("init")
    if status["status"] == "FAILED" or (not complete and left <= timedelta()):
        return TransientError(
            "upload_expired", "The upload has expired: it lives 1 hour.", platform=answer, rejected=True, restart=True
        )
    wait = max(left, timedelta(seconds=5))
    return TransientError("upload_gone", "TikTok no longer finds the upload.", platform=answer, wait=wait)


async def _reconcile(p: Run, task: dict[str, Any]) -> Found[None] | Absent | Unknown:
    try:
        status = await _status(p, task)
    except OutcomeUnknown:
        return Unknown()
    if status["status"] in (*DELIVERED, "FAILED") or int(status.get("uploaded_bytes") or 0) >= p.clip.size:
        return Found(None)
    return Absent()


async def _status(p: Run, task: dict[str, Any]) -> dict[str, Any]:
    return await call(p, "status", STATUS, {"publish_id": task["publish_id"]})


def _published(p: Run, status: dict[str, Any]) -> Published:
    # The spelling is TikTok's. The value is a list, for some accounts a scalar (docs/platforms/tiktok.md 2.7).
    ids = status.get("publicaly_available_post_id") or []
    ids = ids if isinstance(ids, list) else [ids]
    profile = f"https://www.tiktok.com/@{p.username}"
    if not ids:
        public = p.metadata.privacy_level == "PUBLIC_TO_EVERYONE" and p.metadata.post_mode == "DIRECT_POST"
        return Published(None, profile, needs_finish=public)
    return Published(str(ids[0]), f"{profile}/video/{ids[0]}")


async def _not_saved() -> dict[str, Any]:
    raise AssertionError("a published item has its task in the journal")
