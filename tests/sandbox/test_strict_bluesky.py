"""Tests that the sandbox rejects what Bluesky rejects: sessions over time, quotas and the video service.

tests/real_pds compares the responses of the PDS with those of a real server.
"""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from clipcast.clock import clock
from clipcast.sandbox.bluesky.identity import PDS
from clipcast.sandbox.bluesky.rules import APP_PASSWORD
from clipcast.testing.harness import ACCOUNT, Sandbox

XRPC, VIDEO = f"/{PDS}/xrpc", "/video.bsky.app/xrpc/app.bsky.video"
SERVER = f"{XRPC}/com.atproto.server"


async def sign_in(sandbox: Sandbox) -> dict[str, Any]:
    body = {"identifier": ACCOUNT, "password": APP_PASSWORD}
    return dict((await sandbox.client.post(f"{SERVER}.createSession", json=body)).json())


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def service_token(sandbox: Sandbox, access: str, **change: str) -> str:
    exp = str(int(clock.now().timestamp()) + 600)
    params = {"aud": f"did:web:{PDS}", "lxm": "com.atproto.repo.uploadBlob", "exp": exp} | change
    response = await sandbox.client.get(f"{SERVER}.getServiceAuth", params=params, headers=bearer(access))
    return str(response.json()["token"])


async def test_used_refresh_token_returns_the_same_successor_for_two_hours(sandbox: Sandbox) -> None:
    session = await sign_in(sandbox)
    refreshed = []
    for wait in (timedelta(), timedelta(minutes=90), timedelta(hours=1)):
        clock.move(wait)
        refreshed.append(await sandbox.client.post(f"{SERVER}.refreshSession", headers=bearer(session["refreshJwt"])))
    assert [response.status_code for response in refreshed] == [200, 200, 400]
    claims = [response.json()["refreshJwt"].split(".")[1] for response in refreshed[:2]]
    assert claims[0][-20:] == claims[1][-20:]  # equal token id and expiry
    assert refreshed[2].json()["error"] == "ExpiredToken"


async def test_token_of_another_kind_returns_invalid_token(sandbox: Sandbox) -> None:
    session = await sign_in(sandbox)
    wrong = await sandbox.client.post(f"{SERVER}.refreshSession", headers=bearer(session["accessJwt"]))
    assert (wrong.status_code, wrong.json()["error"]) == (400, "InvalidToken")
    wrong = await sandbox.client.get(f"{SERVER}.getSession", headers=bearer(session["refreshJwt"]))
    assert (wrong.status_code, wrong.json()["error"]) == (400, "InvalidToken")
    clock.move(timedelta(hours=3))
    late = await sandbox.client.get(f"{SERVER}.getSession", headers=bearer(session["accessJwt"]))
    assert (late.status_code, late.json()["error"]) == (400, "ExpiredToken")


async def test_31st_session_in_five_minutes_returns_429(sandbox: Sandbox) -> None:
    body = {"identifier": ACCOUNT, "password": "wrong"}
    responses = [await sandbox.client.post(f"{SERVER}.createSession", json=body) for _ in range(31)]
    assert {response.status_code for response in responses[:30]} == {401}
    assert (responses[30].status_code, responses[30].headers["retry-after"]) == (429, "300")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"aud": "did:web:video.bsky.app"}, "BadJwtAudience"),
        ({"lxm": "app.bsky.video.getUploadLimits"}, "BadJwtLexiconMethod"),
        (None, "BadJwtSignature"),
    ],
)
async def test_video_service_rejects_token_of_another_issuer_or_purpose(
    sandbox: Sandbox, change: dict[str, str] | None, error: str
) -> None:
    access = (await sign_in(sandbox))["accessJwt"]
    token = access if change is None else await service_token(sandbox, access, **change)
    body = {"sizeBytes": 5, "mimeType": "video/mp4"}
    rejected = await sandbox.client.post(f"{VIDEO}.startUpload", json=body, headers=bearer(token))
    assert (rejected.status_code, rejected.json()["error"]) == (401, error)


class Uploading:
    """Requests to the video service with one token."""

    def __init__(self, sandbox: Sandbox, token: str) -> None:
        self._client = sandbox.client
        self._headers = bearer(token)

    async def call(self, name: str, **options: Any) -> httpx2.Response:
        return await self._client.post(f"{VIDEO}.{name}", headers=self._headers, **options)

    async def part(self, job: str, number: int, content: bytes) -> httpx2.Response:
        return await self.call("uploadPart", params={"jobId": job, "partNumber": str(number)}, content=content)


async def test_part_of_wrong_size_is_rejected_and_part_can_be_repeated(sandbox: Sandbox) -> None:
    await sandbox.settings(bluesky={"part_bytes": 4, "check_media": False})
    uploading = Uploading(sandbox, await service_token(sandbox, (await sign_in(sandbox))["accessJwt"]))
    started = (await uploading.call("startUpload", json={"sizeBytes": 6, "mimeType": "video/mp4"})).json()
    job = started["jobId"]
    assert (started["partSizeBytes"], started["partCount"]) == (4, 2)
    assert (await uploading.part(job, 1, b"abc")).json()["error"] == "PartSizeMismatch"
    assert (await uploading.part(job, 3, b"abcd")).json()["error"] == "InvalidPartNumber"
    assert (await uploading.part("up0", 1, b"abcd")).json()["error"] == "UploadNotFound"
    assert (await uploading.part(job, 1, b"abcd")).is_success
    assert (await uploading.call("finishUpload", json={"jobId": job})).json()["error"] == "MissingParts"
    assert (await uploading.part(job, 1, b"abcd")).is_success
    assert (await uploading.part(job, 2, b"ef")).is_success
    first = (await uploading.call("finishUpload", json={"jobId": job})).json()
    again = (await uploading.call("finishUpload", json={"jobId": job})).json()
    assert first["completedJobId"] == again["completedJobId"] != job
    assert (await uploading.part(job, 1, b"abcd")).json()["error"] == "UploadAlreadyCompleted"


async def test_upload_beyond_a_limit_or_its_lifetime_is_rejected(sandbox: Sandbox) -> None:
    uploading = Uploading(sandbox, await service_token(sandbox, (await sign_in(sandbox))["accessJwt"]))
    body = {"sizeBytes": 6, "mimeType": "video/mp4"}
    for change, error in (
        ({"mimeType": "text/plain"}, "UnsupportedContentType"),
        ({"sizeBytes": 300_000_001}, "VideoTooLarge"),
        ({"sizeBytes": 5.5}, "InvalidRequest"),
        ({"durationMs": 601_000}, "VideoTooLong"),
    ):
        rejected = await uploading.call("startUpload", json=body | change)
        assert (rejected.status_code, rejected.json()["error"]) == (400, error)
    jobs = [(await uploading.call("startUpload", json=body)).json()["jobId"] for _ in range(20)]
    assert (await uploading.call("startUpload", json=body)).json()["error"] == "TooManyOpenUploads"
    assert (await uploading.call("abortUpload", json={"jobId": jobs[0]})).json() == {"state": "aborted"}
    assert (await uploading.call("startUpload", json=body)).is_success
    clock.move(timedelta(hours=25))
    late = Uploading(sandbox, await service_token(sandbox, (await sign_in(sandbox))["accessJwt"]))
    assert (await late.part(jobs[1], 1, b"abcdef")).json()["error"] == "UploadExpired"


async def test_upload_of_same_bytes_returns_the_first_job(sandbox: Sandbox) -> None:
    await sandbox.settings(bluesky={"check_media": False})
    session = await sign_in(sandbox)
    uploading = Uploading(sandbox, await service_token(sandbox, session["accessJwt"]))
    options: dict[str, Any] = {"params": {"did": session["did"], "name": "a.mp4"}, "content": b"abcdef"}
    uploading._headers |= {"Content-Type": "video/mp4"}
    first = await uploading.call("uploadVideo", **options)
    again = await uploading.call("uploadVideo", **options)
    assert (first.status_code, again.status_code) == (200, 409)
    assert (again.json()["error"], again.json()["jobId"]) == ("already_exists", first.json()["jobId"])
