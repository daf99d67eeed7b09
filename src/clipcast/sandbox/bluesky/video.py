"""Bluesky's video service: uploads, jobs and their blobs (docs/platforms/bluesky.md 2, 8)."""

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clipcast.clock import clock
from clipcast.sandbox.bluesky.answers import xrpc_error
from clipcast.sandbox.bluesky.identity import PDS_DID
from clipcast.sandbox.bluesky.repo import UPLOAD_BLOB, Repository
from clipcast.sandbox.bluesky.rules import MAX_SECONDS, MAX_VIDEO, media_problem
from clipcast.sandbox.faults import Interrupted, body_pieces
from clipcast.sandbox.inputs import at_most, json_object, number, shaped
from clipcast.sandbox.media.reading import DURATION_TOLERANCE
from clipcast.sandbox.state import Upload

VIDEO = "video.bsky.app"
VIDEO_DID = f"did:web:{VIDEO}"
LIMITS = "app.bsky.video.getUploadLimits"
TYPES = ("video/mp4", "video/mpeg", "video/webm", "video/quicktime", "image/gif")
UPLOAD_LIFETIME = timedelta(hours=24)
MAX_OPEN = 20
FAILED, COMPLETED = "JOB_STATE_FAILED", "JOB_STATE_COMPLETED"


class StartUpload(BaseModel):
    """The body of a request to start an upload in parts."""

    sizeBytes: int = Field(ge=1)
    mimeType: str = Field(min_length=3, max_length=255)
    name: str = Field("", max_length=256)
    durationMs: int = 0


@dataclass
class Parts:
    """An upload in parts."""

    job_id: str
    did: str
    size: int
    mime: str
    part_size: int
    expires_at: datetime
    received: dict[int, bytes] = field(default_factory=dict)
    completed_job: str | None = None

    @property
    def count(self) -> int:
        return -(-self.size // self.part_size)

    def length(self, number: int) -> int:
        return min(self.part_size, self.size - (number - 1) * self.part_size)


@dataclass
class Job:
    job_id: str
    did: str
    upload: Upload
    mime: str
    began_at: datetime
    # The service stores the blob with the app's token. The job fails if the token expires first.
    token_expires_at: float
    failure: tuple[str, str] | None = None  # failureCode, message
    blob: dict[str, Any] | None = None


class VideoService(Repository):
    """The service that processes videos and stores their blobs."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.uploads: dict[str, Parts] = {}
        self.jobs: dict[str, Job] = {}
        self._by_content: dict[tuple[str, str], Job] = {}
        self.numbers = itertools.count(1)

    def _caller(self, request: Request) -> dict[str, Any] | Response:
        """Return the claims of the request's token, or an error response."""
        claims = self.service_claims(request, PDS_DID, UPLOAD_BLOB)
        if isinstance(claims, Response):
            return claims
        flags = self.account(claims["iss"]).flags
        if flags["unconfirmed_email"]:
            # The service wraps this error, with an empty job id (docs/platforms/bluesky.md 2, step 2a).
            job = {"jobId": "", "did": claims["iss"], "state": FAILED, "error": "unconfirmed_email"}
            return JSONResponse({"jobStatus": job | {"message": "Confirm your email address to upload videos"}}, 401)
        if flags["may_not_upload"]:
            return xrpc_error(403, "UploadForbidden", "User is not allowed to upload videos")
        if self.settings["uploads_disabled"]:
            return xrpc_error(503, "ServiceOverloaded", "Uploading is disabled at the moment")
        if not self.settings["daily_videos"]:
            return xrpc_error(400, "DailyLimitExceeded", "You have uploaded too many videos today")
        return claims

    async def upload_limits(self, request: Request) -> Response:
        claims = self.service_claims(request, VIDEO_DID, LIMITS)
        if isinstance(claims, Response):
            return claims
        may = not self.account(claims["iss"]).flags["may_not_upload"]
        left = {"remainingDailyVideos": self.settings["daily_videos"], "remainingDailyBytes": 10_000_000_000}
        return JSONResponse({"canUpload": may} | left)

    async def upload_video(self, request: Request) -> Response:
        claims = self._caller(request)
        if isinstance(claims, Response):
            return claims
        query = request.query_params
        if query.get("did") != claims["iss"] or not query.get("name"):
            return xrpc_error(400, "InvalidRequest", "did and name are required")
        mime = request.headers.get("content-type", "")
        if mime not in TYPES:
            return xrpc_error(400, "UnsupportedContentType", "The content type is not supported")
        upload = self.state.new_upload()
        try:
            with upload.open() as file:
                async for piece in body_pieces(request):
                    upload.add(file, piece)
        except Interrupted:
            return xrpc_error(400, "InvalidRequest", "aborted")
        same = self._by_content.get((claims["iss"], upload.sha256))
        if same is not None:
            status = {"jobId": same.job_id, "did": same.did, "state": COMPLETED, "error": "already_exists"}
            return JSONResponse(status | {"message": "Video already processed"}, 409)
        job = await self._process(claims, upload, mime)
        return JSONResponse({"jobId": job.job_id, "did": job.did, "state": "JOB_STATE_CREATED"})  # not wrapped

    async def _process(self, claims: dict[str, Any], upload: Upload, mime: str) -> Job:
        job = Job(f"job{next(self.numbers)}", claims["iss"], upload, mime, clock.now(), claims["exp"])
        failure = self.account(job.did).flags["job_failure"]
        if failure:
            job.failure = (failure, f"{failure}, set by the sandbox")
        elif self.settings["check_media"]:
            problem = media_problem(await self.read_upload(upload))
            job.failure = ("validation_failure", problem) if problem else None
        self.jobs[job.job_id] = self._by_content[job.did, upload.sha256] = job
        return job

    async def job_status(self, request: Request) -> Response:
        """Return the job's status. The request needs no token."""
        job = self.jobs.get(request.query_params.get("jobId", ""))
        if job is None:
            return xrpc_error(400, "InvalidRequest", "Job not found")
        return JSONResponse({"jobStatus": self._status(job)})

    def _status(self, job: Job) -> dict[str, Any]:
        about: dict[str, Any] = {"jobId": job.job_id, "did": job.did}
        age, needed = (clock.now() - job.began_at).total_seconds(), self.settings["processing_seconds"]
        if self.settings["never_finish"] or age < needed:
            # JOB_STATE_POLISHING is undocumented. A client must accept unknown states.
            state = "JOB_STATE_ENCODING" if age < needed / 2 else "JOB_STATE_POLISHING"
            return about | {"state": state, "progress": min(99, int(100 * age / max(needed, 1)))}
        if job.failure is None and job.blob is None:
            if job.began_at.timestamp() + needed > job.token_expires_at:
                job.failure = ("pds_upload_failure", "The PDS refused the token")
            elif job.upload.size > self.settings["blob_limit"]:
                job.failure = ("pds_upload_unsupported_blob_size", "The PDS does not take blobs of this size")
            else:
                job.blob = self.store(job.did, job.upload, job.mime).as_dict()
        if job.failure is not None:
            code, message = job.failure
            return about | {"state": FAILED, "failureCode": code, "error": message, "message": message}
        return about | {"state": COMPLETED, "progress": 100, "blob": job.blob}

    async def start_upload(self, request: Request) -> Response:
        if not self.settings["multipart"]:
            return xrpc_error(501, "MethodNotImplemented", "Method Not Implemented")
        claims = self._caller(request)
        if isinstance(claims, Response):
            return claims
        body = shaped(StartUpload, await json_object(request))
        size, mime = body.sizeBytes, body.mimeType
        if mime not in TYPES:
            return xrpc_error(400, "UnsupportedContentType", "The content type is not supported")
        if size > MAX_VIDEO:
            return xrpc_error(400, "VideoTooLarge", "The video is too large")
        if body.durationMs > (MAX_SECONDS + DURATION_TOLERANCE) * 1000:
            return xrpc_error(400, "VideoTooLong", "The video is too long")
        open_now = [one for one in self.uploads.values() if one.did == claims["iss"] and one.completed_job is None]
        if len(open_now) >= MAX_OPEN:
            return xrpc_error(400, "TooManyOpenUploads", "Finish or abort an upload first")
        part_size = self.settings["part_bytes"]
        upload = Parts(f"up{next(self.numbers)}", claims["iss"], size, mime, part_size, clock.now() + UPLOAD_LIFETIME)
        self.uploads[upload.job_id] = upload
        started = {"jobId": upload.job_id, "partSizeBytes": part_size, "partCount": upload.count}
        return JSONResponse(started | {"expiresAt": upload.expires_at.isoformat()})

    def _upload(self, claims: dict[str, Any], job_id: object) -> Parts | Response:
        upload = self.uploads.get(str(job_id))
        if upload is None or upload.did != claims["iss"]:
            return xrpc_error(404, "UploadNotFound", "There is no such upload")
        if clock.now() > upload.expires_at:
            return xrpc_error(400, "UploadExpired", "The upload has expired")
        return upload

    async def upload_part(self, request: Request) -> Response:
        claims = self._caller(request)
        if isinstance(claims, Response):
            return claims
        upload = self._upload(claims, request.query_params.get("jobId"))
        if isinstance(upload, Response):
            return upload
        if upload.completed_job:
            return xrpc_error(400, "UploadAlreadyCompleted", "The upload is complete")
        part = number(request.query_params.get("partNumber"))
        if part is None or not 1 <= part <= upload.count:
            return xrpc_error(400, "InvalidPartNumber", "There is no such part")
        length = upload.length(part)
        try:
            content = await at_most(body_pieces(request), length)
        except Interrupted:
            return xrpc_error(400, "PartSizeMismatch", "aborted")
        if content is None or len(content) != length:
            return xrpc_error(400, "PartSizeMismatch", f"Part {part} must have {length} bytes")
        upload.received[part] = content
        return JSONResponse({"partNumber": part, "sizeBytes": length})

    async def finish_upload(self, request: Request) -> Response:
        claims = self._caller(request)
        if isinstance(claims, Response):
            return claims
        upload = self._upload(claims, (await json_object(request)).get("jobId"))
        if isinstance(upload, Response):
            return upload
        if upload.completed_job is None:
            if len(upload.received) != upload.count:
                return xrpc_error(400, "MissingParts", "Not all parts were received")
            whole = self.state.new_upload()
            with whole.open() as file:
                for number in sorted(upload.received):
                    whole.add(file, upload.received[number])
            job = await self._process(claims, whole, upload.mime)
            upload.completed_job, upload.received = job.job_id, {}
        status = self._status(self.jobs[upload.completed_job])
        return JSONResponse({"completedJobId": upload.completed_job, "jobStatus": status})

    async def upload_status(self, request: Request) -> Response:
        claims = self._caller(request)
        if isinstance(claims, Response):
            return claims
        upload = self._upload(claims, request.query_params.get("jobId"))
        if isinstance(upload, Response):
            return upload
        state = "completed" if upload.completed_job else "created"
        about = {"partSizeBytes": upload.part_size, "partCount": upload.count, "state": state}
        about |= {"receivedParts": sorted(upload.received), "expiresAt": upload.expires_at.isoformat()}
        return JSONResponse(about | ({"completedJobId": upload.completed_job} if upload.completed_job else {}))

    async def abort_upload(self, request: Request) -> Response:
        claims = self._caller(request)
        if isinstance(claims, Response):
            return claims
        upload = self._upload(claims, (await json_object(request)).get("jobId"))
        if isinstance(upload, Response):
            return upload
        if upload.completed_job:
            return xrpc_error(400, "UploadNotReady", "The upload is complete")
        del self.uploads[upload.job_id]
        return JSONResponse({"state": "aborted"})
