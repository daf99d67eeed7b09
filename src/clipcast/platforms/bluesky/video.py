"""Bluesky's video service: turns the clip into a blob on the account's server.

See docs/platforms/bluesky.md 2, steps 1 to 3.
"""

import asyncio
from typing import Any

from clipcast.clock import clock
from clipcast.platforms.base import Http, Publication
from clipcast.platforms.bluesky.errors import JOB_UNKNOWN, error_name, job_error, parse_response, parse_video_response
from clipcast.platforms.bluesky.identity import service_did
from clipcast.platforms.bluesky.metadata import BlueskyMetadata
from clipcast.platforms.bluesky.rules import PROCESSING_MAX, SERVICE_TOKEN_LIFE, VIDEO, poll_delay
from clipcast.platforms.errors import PlatformAnswer, TransientError
from clipcast.platforms.parts import send_parts

SERVICE = f"{VIDEO}/app.bsky.video"
UPLOAD_BLOB = "com.atproto.repo.uploadBlob"
# The statuses of a service without uploads in parts.
NO_PARTS = (404, 501)

Run = Publication[BlueskyMetadata]


async def upload_video(p: Run, origin: str) -> dict[str, Any]:
    """Upload the clip and wait until it is processed. Return the blob exactly as the service returned it."""
    token = ServiceToken(p, origin)
    upload = await p.step("upload", lambda: _start(p, token))
    await p.report_progress("uploading", 5)
    if upload["parts"]:
        await send_parts(p, upload["parts"], lambda number: _send_part(p, token, upload, number + 1))
        job_id = await p.step("job", lambda: _finish(p, token, upload))
    else:
        job_id = await p.step("job", lambda: _send_whole(p, token))
    await p.report_progress("waiting", 80)
    blob: dict[str, Any] = await p.step("blob", lambda: _blob(p, job_id))
    return blob


async def service_token(http: Http, origin: str, audience: str, method: str) -> str:
    """Return a token of the account's server for another service."""
    expires = int((clock.now() + SERVICE_TOKEN_LIFE).timestamp())
    params = {"aud": audience, "lxm": method, "exp": str(expires)}
    url = f"{origin}/xrpc/com.atproto.server.getServiceAuth"
    return str(parse_response(await http.request("service_auth", "GET", url, params=params))["token"])


class ServiceToken:
    """The token for the video service, renewed after a third of its lifetime.

    Its audience is the account's server, not the video service: the service keeps the last token and uses it to store
    the blob there once the video is processed.
    """

    def __init__(self, p: Run, origin: str) -> None:
        self._p = p
        self._origin = origin
        self._token = ""
        self._fresh_until = clock.now()
        self._asking = asyncio.Lock()

    async def headers(self) -> dict[str, str]:
        """Return the header with a token that is not older than a third of its lifetime."""
        async with self._asking:  # parts are sent concurrently
            if clock.now() >= self._fresh_until:
                self._token = await service_token(self._p, self._origin, service_did(self._origin), UPLOAD_BLOB)
                self._fresh_until = clock.now() + SERVICE_TOKEN_LIFE / 3
        return {"Authorization": f"Bearer {self._token}"}


async def _start(p: Run, token: ServiceToken) -> dict[str, Any]:
    """Open an upload, which is invisible. If its response is lost, Clipcast opens another."""
    media = p.clip.media
    body = {
        "sizeBytes": p.clip.size,
        "mimeType": p.clip.content_type,
        "name": _name(p),
        "durationMs": int(media.duration * 1000),
        "width": media.width,
        "height": media.height,
    }
    headers = await token.headers()
    response = await p.request("start", "POST", f"{SERVICE}.startUpload", json=body, headers=headers)
    if response.status_code in NO_PARTS:
        return {"id": None, "size": 0, "parts": 0}
    opened = parse_video_response(response)
    return {"id": opened["jobId"], "size": opened["partSizeBytes"], "parts": opened["partCount"]}


async def _send_part(p: Run, token: ServiceToken, upload: dict[str, Any], number: int) -> None:
    """Send one part. Sending it again is harmless."""
    first = (number - 1) * upload["size"]
    end = min(first + upload["size"], p.clip.size)
    response = await p.request(
        "part",
        "POST",
        f"{SERVICE}.uploadPart",
        params={"jobId": upload["id"], "partNumber": str(number)},
        content=p.clip.read(first, end),
        headers=await token.headers()
        | {"Content-Type": "application/octet-stream", "Content-Length": str(end - first)},
    )
    if error_name(response) != "UploadAlreadyCompleted":
        parse_video_response(response)


async def _finish(p: Run, token: ServiceToken, upload: dict[str, Any]) -> str:
    """Join the parts and return the job's id. A repeat returns the same job."""
    headers, body = await token.headers(), {"jobId": upload["id"]}
    finished = parse_video_response(
        await p.request("finish", "POST", f"{SERVICE}.finishUpload", json=body, headers=headers)
    )
    return str(finished["completedJobId"])


async def _send_whole(p: Run, token: ServiceToken) -> str:
    """Send the clip in one request and return the job's id. A repeat of the same bytes returns the same job."""
    response = await p.request(
        "upload",
        "POST",
        f"{SERVICE}.uploadVideo",
        params={"did": p.account_id, "name": _name(p)},
        content=p.clip.read(0, p.clip.size),
        headers=await token.headers() | {"Content-Type": p.clip.content_type, "Content-Length": str(p.clip.size)},
    )
    if error_name(response) == "already_exists":
        return str(response.json()["jobId"])
    job = _job(parse_video_response(response))
    if not job.get("jobId"):
        raise job_error(job)
    return str(job["jobId"])


async def _blob(p: Run, job_id: str) -> dict[str, Any]:
    """Wait until the job has ended and return its blob. An unlisted state counts as running."""
    headers = {"Authorization": ""}  # this request needs no token
    response = await p.request("job", "GET", f"{SERVICE}.getJobStatus", params={"jobId": job_id}, headers=headers)
    if response.status_code == 400 and error_name(response) == "InvalidRequest":
        raise JOB_UNKNOWN.to_error(PlatformAnswer(400, "InvalidRequest"))
    job = _job(parse_video_response(response))
    if job.get("state") == "JOB_STATE_COMPLETED" and job.get("blob"):
        blob: dict[str, Any] = job["blob"]
        return blob
    if job.get("state") == "JOB_STATE_FAILED":
        raise job_error(job)
    age = await p.time_since("job")
    if age > PROCESSING_MAX:
        raise TransientError(
            "processing_too_long", "Bluesky has not processed the video within 60 minutes.",
            rejected=True, restart=True,
        )  # fmt: skip
    await p.wait(poll_delay(age), "Bluesky is processing the video")


def _job(body: dict[str, Any]) -> dict[str, Any]:
    """Return a job's status. Some responses wrap it in `jobStatus`."""
    job: dict[str, Any] = body.get("jobStatus", body)
    return job


def _name(p: Run) -> str:
    extension = p.clip.file_name.rsplit(".", 1)[-1]
    return f"clipcast-{p.item_id}-{p.round}.{extension}"
