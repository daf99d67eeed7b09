"""Publishing a video to Quillmere: create it, send the file, wait, publish it."""

from datetime import timedelta

from clipcast.platforms.base import Absent, Found, Publication, Published
from clipcast.platforms.errors import PlatformAnswer, TransientError
from clipcast_platform_quillmere.errors import PROCESSING_FAILED, parse_response
from clipcast_platform_quillmere.metadata import QuillmereMetadata
from clipcast_platform_quillmere.rules import API, PROCESSING_MAX, poll_delay

VIDEOS = API + "/videos"

VERSION = 1

Run = Publication[QuillmereMetadata]


async def publish(p: Run) -> Published:
    """Run the program of one item. It can start from the top at any time: the journal holds the completed steps."""
    await p.report_progress("preparing", 2)
    video = await p.step("video", lambda: _create(p))
    await p.report_progress("uploading", 5)
    await p.step("file", lambda: _send_file(p, video))
    await p.report_progress("waiting", 80)
    await p.step("ready", lambda: _ready(p, video))
    await p.report_progress("publishing", 92)
    # Quillmere rejects a second publication of the same video, so Clipcast resends at once if the first is absent.
    url = await p.send_once(
        "publish", lambda: _publish(p, video), lambda: _reconcile(p, video), resend_after=timedelta()
    )
    return Published(video, url)


async def _create(p: Run) -> str:
    """Create a video, which is invisible. If its response is lost, Clipcast creates another."""
    response = await p.request("create", "POST", VIDEOS, json={"bytes": p.clip.size})
    return str(parse_response(response)["id"])


async def _send_file(p: Run, video: str) -> None:
    """Send the file. Sending it again is harmless."""
    response = await p.request(
        "file",
        "PUT",
        f"{VIDEOS}/{video}/file",
        content=p.clip.read(0, p.clip.size),
        headers={"Content-Type": "video/mp4", "Content-Length": str(p.clip.size)},
    )
    parse_response(response)


async def _ready(p: Run, video: str) -> None:
    status, _ = await _status(p, video)
    age = await p.time_since("file")
    if status == "failed":
        raise PROCESSING_FAILED.to_error(PlatformAnswer(200, status))
    if status == "ready":
        return
    if age > PROCESSING_MAX:
        raise TransientError(
            "processing_too_long", "Quillmere has not processed the video within 10 minutes.",
            rejected=True, restart=True,
        )  # fmt: skip
    await p.wait(poll_delay(age), "Quillmere is processing the video")


async def _publish(p: Run, video: str) -> str:
    body = {"caption": p.metadata.caption, "audience": p.metadata.audience}
    response = await p.request("publish", "POST", f"{VIDEOS}/{video}/publish", json=body)
    return str(parse_response(response)["url"])


async def _reconcile(p: Run, video: str) -> Found[str] | Absent:
    """Read whether the video was published. Nothing but `publish` publishes it, so the status is proof."""
    status, url = await _status(p, video)
    return Found(url) if status == "published" else Absent()


async def _status(p: Run, video: str) -> tuple[str, str]:
    body = parse_response(await p.request("status", "GET", f"{VIDEOS}/{video}"))
    return str(body["status"]), str(body.get("url"))
