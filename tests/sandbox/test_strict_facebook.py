"""Tests that the sandbox rejects what Facebook rejects. They send requests without Clipcast's client."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from clipcast.clock import clock
from clipcast.sandbox.facebook.oauth import SCOPES
from clipcast.sandbox.grants import Grant
from clipcast.testing.harness import Sandbox

GRAPH, RUPLOAD = "/graph.facebook.com/v26.0", "/rupload.facebook.com"


class Page:
    """A Page, with the tokens of the Page and of its person."""

    def __init__(self, sandbox: Sandbox, page_id: str, person: str, token: str) -> None:
        self._sandbox = sandbox
        self.id = page_id
        self.person = {"Authorization": f"Bearer {person}"}
        self.bearer = {"Authorization": f"Bearer {token}"}
        self.oauth = {"Authorization": f"OAuth {token}"}

    @classmethod
    async def open(cls, sandbox: Sandbox) -> "Page":
        page_id = (await sandbox.account("facebook"))["account_id"]
        simulator = sandbox.simulators["facebook"]
        grant = Grant("facebook", page_id, "app", SCOPES)
        simulator.grants.all.append(grant)
        person = simulator.issue(grant, long=True)
        headers = {"Authorization": f"Bearer {person}"}
        pages: list[dict[str, Any]] = []
        for after in (0, 2):
            params = {"fields": "id,access_token", "after": str(after)}
            response = await sandbox.client.get(f"{GRAPH}/me/accounts", params=params, headers=headers)
            pages += response.json()["data"]
        token = next(page["access_token"] for page in pages if page["id"] == page_id)
        return cls(sandbox, page_id, person, token)

    async def reel(self, headers: dict[str, str] | None = None, **form: str) -> httpx2.Response:
        url = f"{GRAPH}/{self.id}/video_reels"
        return await self._sandbox.client.post(url, data=form, headers=headers or self.bearer)

    async def send(self, url: str, content: bytes, **headers: str) -> httpx2.Response:
        path = url.replace("https:/", "")
        return await self._sandbox.client.post(path, content=content, headers=self.oauth | headers)

    async def uploaded(self) -> str:
        """Upload a video and return its id."""
        started = (await self.reel(upload_phase="start")).json()
        sent = await self.send(started["upload_url"], b"video", offset="0", file_size="5")
        assert sent.json() == {"success": True}
        return str(started["video_id"])


async def test_token_of_person_cannot_publish_and_token_of_page_cannot_read_person(sandbox: Sandbox) -> None:
    page = await Page.open(sandbox)
    assert (await page.reel(page.person, upload_phase="start")).json()["error"]["code"] == 100
    rejected = await sandbox.client.get(f"{GRAPH}/me/permissions", headers=page.bearer)
    assert rejected.json()["error"]["code"] == 2500


async def test_upload_host_rejects_bearer_scheme_and_wrong_offset(sandbox: Sandbox) -> None:
    page = await Page.open(sandbox)
    url = (await page.reel(upload_phase="start")).json()["upload_url"]
    bearer = await page.send(url, b"video", offset="0", file_size="5", Authorization=page.bearer["Authorization"])
    assert (bearer.status_code, bearer.json()["debug_info"]["type"]) == (401, "NotAuthorizedError")
    late = await page.send(url, b"deo", offset="2", file_size="5")
    assert late.json()["debug_info"]["type"] == "OffsetInvalidError"
    part = await page.send(url, b"vi", offset="0", file_size="5")
    assert part.json()["debug_info"]["type"] == "PartialRequestError"
    assert (await page.send(url, b"deo", offset="2", file_size="5")).json() == {"success": True}


async def test_upload_address_has_a_version_every_second_time(sandbox: Sandbox) -> None:
    page = await Page.open(sandbox)
    urls = [(await page.reel(upload_phase="start")).json()["upload_url"] for _ in range(2)]
    assert sum("/v26.0/" in url for url in urls) == 1


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"video_state": "LIVE"},
        {"video_state": "SCHEDULED"},
        {"video_state": "SCHEDULED", "scheduled_publish_time": "soon"},
        {"video_state": "SCHEDULED", "scheduled_publish_time": 60},
        {"video_state": "SCHEDULED", "scheduled_publish_time": 30 * 86_400},
        {"video_state": "SCHEDULED", "scheduled_publish_time": 999 * 86_400_000},
        {"video_state": "PUBLISHED", "scheduled_publish_time": 3600},
        {"video_state": "PUBLISHED", "description": "x" * 63_207},
        {"video_state": "PUBLISHED", "descripton": "x"},
        {"video_state": "PUBLISHED", "targeting": "everybody"},
    ],
)
async def test_finish_with_invalid_parameter_returns_code_100(sandbox: Sandbox, form: dict[str, Any]) -> None:
    page = await Page.open(sandbox)
    if isinstance(ahead := form.get("scheduled_publish_time"), int):
        form = form | {"scheduled_publish_time": str(int((clock.now() + timedelta(seconds=ahead)).timestamp()))}
    rejected = await page.reel(upload_phase="finish", video_id=await page.uploaded(), **form)
    assert (rejected.status_code, rejected.json()["error"]["code"]) == (400, 100)


async def test_finish_before_all_bytes_returns_code_6000(sandbox: Sandbox) -> None:
    page = await Page.open(sandbox)
    video = (await page.reel(upload_phase="start")).json()["video_id"]
    rejected = await page.reel(upload_phase="finish", video_id=video, video_state="PUBLISHED")
    assert rejected.json()["error"]["code"] == 6000


async def test_repeated_finish_makes_one_reel_and_31st_reel_of_a_day_is_rejected(sandbox: Sandbox) -> None:
    await sandbox.settings(facebook={"check_media": False})
    page = await Page.open(sandbox)
    video = await page.uploaded()
    for _ in range(2):
        done = await page.reel(upload_phase="finish", video_id=video, video_state="PUBLISHED")
        assert done.json() == {"success": True}
    assert len(await sandbox.posts("facebook")) == 1
    for n in range(30):
        last = await page.reel(upload_phase="finish", video_id=await page.uploaded(), video_state="PUBLISHED")
        assert last.is_success == (n < 29)
    assert last.json()["error"]["code"] == 613


async def test_deleted_scheduled_reel_is_not_published(sandbox: Sandbox) -> None:
    await sandbox.settings(facebook={"check_media": False})
    page = await Page.open(sandbox)
    video = await page.uploaded()
    at = str(int((clock.now() + timedelta(hours=1)).timestamp()))
    await page.reel(upload_phase="finish", video_id=video, video_state="SCHEDULED", scheduled_publish_time=at)
    assert (await sandbox.client.delete(f"{GRAPH}/{video}", headers=page.bearer)).json() == {"success": True}
    clock.move(timedelta(hours=2))
    assert await sandbox.posts("facebook") == []


async def test_chunk_at_wrong_offset_returns_the_right_offsets(sandbox: Sandbox) -> None:
    page = await Page.open(sandbox)
    url = f"{GRAPH}/{page.id}/videos"
    started = await sandbox.client.post(url, data={"upload_phase": "start", "file_size": "5"}, headers=page.bearer)
    session = started.json()
    assert (session["start_offset"], session["end_offset"]) == ("0", "5")
    form = {"upload_phase": "transfer", "upload_session_id": session["upload_session_id"], "start_offset": "3"}
    wrong = await sandbox.client.post(url, data=form, files={"video_file_chunk": b"eo"}, headers=page.bearer)
    error = wrong.json()["error"]
    assert (error["error_subcode"], error["error_data"]) == (1363037, {"start_offset": "0", "end_offset": "5"})


async def test_repeated_text_is_rejected_with_refuse_duplicates(sandbox: Sandbox) -> None:
    await sandbox.settings(facebook={"check_media": False, "refuse_duplicates": True})
    page = await Page.open(sandbox)
    order = {"upload_phase": "finish", "video_state": "PUBLISHED", "description": "Tide"}
    assert (await page.reel(video_id=await page.uploaded(), **order)).is_success
    assert (await page.reel(video_id=await page.uploaded(), **order)).json()["error"]["code"] == 506
