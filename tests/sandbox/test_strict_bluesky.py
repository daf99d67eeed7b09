"""The Bluesky sandbox refuses what Bluesky refuses. What a PDS answers is compared with a real one in tests/real_pds;
here is what no such server is needed, or to be had, for: sessions over time, quotas, and the video service."""

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
    answer = await sandbox.client.get(f"{SERVER}.getServiceAuth", params=params, headers=bearer(access))
    return str(answer.json()["token"])


async def test_a_used_refresh_token_leads_to_the_same_successor_for_two_hours(sandbox: Sandbox) -> None:
    session = await sign_in(sandbox)
    refreshed = []
    for wait in (timedelta(), timedelta(minutes=90), timedelta(hours=1)):
        clock.move(wait)
        refreshed.append(await sandbox.client.post(f"{SERVER}.refreshSession", headers=bearer(session["refreshJwt"])))
    assert [answer.status_code for answer in refreshed] == [200, 200, 400]
    claims = [answer.json()["refreshJwt"].split(".")[1] for answer in refreshed[:2]]
    assert claims[0][-20:] == claims[1][-20:]  # the same id and end
    assert refreshed[2].json()["error"] == "ExpiredToken"


async def test_each_kind_of_token_is_for_its_own_calls(sandbox: Sandbox) -> None:
    session = await sign_in(sandbox)
    wrong = await sandbox.client.post(f"{SERVER}.refreshSession", headers=bearer(session["accessJwt"]))
    assert (wrong.status_code, wrong.json()["error"]) == (400, "InvalidToken")
    wrong = await sandbox.client.get(f"{SERVER}.getSession", headers=bearer(session["refreshJwt"]))
    assert (wrong.status_code, wrong.json()["error"]) == (400, "InvalidToken")
    clock.move(timedelta(hours=3))
    late = await sandbox.client.get(f"{SERVER}.getSession", headers=bearer(session["accessJwt"]))
    assert (late.status_code, late.json()["error"]) == (400, "ExpiredToken")


async def test_thirty_sign_ins_in_five_minutes(sandbox: Sandbox) -> None:
    body = {"identifier": ACCOUNT, "password": "wrong"}
    answers = [await sandbox.client.post(f"{SERVER}.createSession", json=body) for _ in range(31)]
    assert {answer.status_code for answer in answers[:30]} == {401}
    assert (answers[30].status_code, answers[30].headers["retry-after"]) == (429, "300")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"aud": "did:web:video.bsky.app"}, "BadJwtAudience"),
        ({"lxm": "app.bsky.video.getUploadLimits"}, "BadJwtLexiconMethod"),
        (None, "BadJwtSignature"),
    ],
)
async def test_the_video_service_wants_the_servers_word(
    sandbox: Sandbox, change: dict[str, str] | None, error: str
) -> None:
    access = (await sign_in(sandbox))["accessJwt"]
    token = access if change is None else await service_token(sandbox, access, **change)
    body = {"sizeBytes": 5, "mimeType": "video/mp4"}
    refused = await sandbox.client.post(f"{VIDEO}.startUpload", json=body, headers=bearer(token))
    assert (refused.status_code, refused.json()["error"]) == (401, error)


class Uploading:
    def __init__(self, sandbox: Sandbox, token: str) -> None:
        self._client = sandbox.client
        self._headers = bearer(token)

    async def call(self, name: str, **options: Any) -> httpx2.Response:
        return await self._client.post(f"{VIDEO}.{name}", headers=self._headers, **options)

    async def part(self, job: str, number: int, content: bytes) -> httpx2.Response:
        return await self.call("uploadPart", params={"jobId": job, "partNumber": str(number)}, content=content)


async def test_parts_are_exact_and_may_come_again(sandbox: Sandbox) -> None:
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


async def test_uploads_expire_and_are_limited(sandbox: Sandbox) -> None:
    uploading = Uploading(sandbox, await service_token(sandbox, (await sign_in(sandbox))["accessJwt"]))
    body = {"sizeBytes": 6, "mimeType": "video/mp4"}
    for change, error in (
        ({"mimeType": "text/plain"}, "UnsupportedContentType"),
        ({"sizeBytes": 300_000_001}, "VideoTooLarge"),
        ({"sizeBytes": 5.5}, "InvalidRequest"),
        ({"durationMs": 601_000}, "VideoTooLong"),
    ):
        refused = await uploading.call("startUpload", json=body | change)
        assert (refused.status_code, refused.json()["error"]) == (400, error)
    jobs = [(await uploading.call("startUpload", json=body)).json()["jobId"] for _ in range(20)]
    assert (await uploading.call("startUpload", json=body)).json()["error"] == "TooManyOpenUploads"
    assert (await uploading.call("abortUpload", json={"jobId": jobs[0]})).json() == {"state": "aborted"}
    assert (await uploading.call("startUpload", json=body)).is_success
    clock.move(timedelta(hours=25))
    late = Uploading(sandbox, await service_token(sandbox, (await sign_in(sandbox))["accessJwt"]))
    assert (await late.part(jobs[1], 1, b"abcdef")).json()["error"] == "UploadExpired"


async def test_the_same_bytes_are_known(sandbox: Sandbox) -> None:
    await sandbox.settings(bluesky={"check_media": False})
    session = await sign_in(sandbox)
    uploading = Uploading(sandbox, await service_token(sandbox, session["accessJwt"]))
    options: dict[str, Any] = {"params": {"did": session["did"], "name": "a.mp4"}, "content": b"abcdef"}
    uploading._headers |= {"Content-Type": "video/mp4"}
    first = await uploading.call("uploadVideo", **options)
    again = await uploading.call("uploadVideo", **options)
    assert (first.status_code, again.status_code) == (200, 409)
    assert (again.json()["error"], again.json()["jobId"]) == ("already_exists", first.json()["jobId"])
