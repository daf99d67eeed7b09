"""Tests of recent changes of the platforms and of their rules for files, without Clipcast's client."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from clipcast.sandbox.bluesky.identity import PDS
from clipcast.sandbox.bluesky.rules import APP_PASSWORD, POST
from clipcast.sandbox.grants import Grant
from clipcast.sandbox.media import read_path
from clipcast.sandbox.pinterest.oauth import SCOPES as PINTEREST_SCOPES
from clipcast.sandbox.tiktok.rules import SCOPES as TIKTOK_SCOPES
from clipcast.sandbox.youtube.rules import SCOPES as YOUTUBE_SCOPES
from clipcast.testing.harness import Sandbox
from clipcast.testing.media_files import make

TIKTOK = "/open.tiktokapis.com/v2/post/publish"
THREADS = "/graph.threads.net/v1.0"
PINTEREST = "/api.pinterest.com/v5"
DRAFT = {"source_info": {"source": "FILE_UPLOAD", "video_size": 5, "chunk_size": 5, "total_chunk_count": 1}}
JSON = "application/json; charset=UTF-8"


async def signed_in(sandbox: Sandbox, platform: str, scopes: Any) -> dict[str, str]:
    """Return the headers of an authorization with these scopes."""
    account = await sandbox.account(platform)
    simulator = sandbox.simulators[platform]
    grant = Grant(platform, account["account_id"], "app", frozenset(scopes))
    simulator.grants.all.append(grant)
    return {"Authorization": f"Bearer {simulator.grants.issue_access(grant, 'token', 3600)}"}


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [(JSON, b"{}", 200), (JSON, b"[]", 400), (JSON, b"", 400), ("application/json", b"{}", 400), ("", b"{}", 400)],
)
async def test_tiktok_creator_info_requires_an_empty_object(
    sandbox: Sandbox, content_type: str, body: bytes, status: int
) -> None:
    headers = await signed_in(sandbox, "tiktok", TIKTOK_SCOPES) | {"Content-Type": content_type}
    response = await sandbox.client.post(f"{TIKTOK}/creator_info/query/", content=body, headers=headers)
    assert response.status_code == status


async def test_tiktok_sixth_pending_draft_is_rejected_until_inbox_is_emptied(sandbox: Sandbox) -> None:
    headers = await signed_in(sandbox, "tiktok", TIKTOK_SCOPES)

    async def draft() -> httpx2.Response:
        return await sandbox.client.post(f"{TIKTOK}/inbox/video/init/", json=DRAFT, headers=headers)

    assert [(await draft()).status_code for _ in range(6)] == [200] * 5 + [403]
    assert (await draft()).json()["error"]["code"] == "spam_risk_too_many_pending_share"
    await sandbox.change_account("tiktok", inbox_emptied=True)
    assert (await draft()).status_code == 200


async def test_youtube_session_beyond_the_channels_limit_returns_400(sandbox: Sandbox) -> None:
    headers = await signed_in(sandbox, "youtube", YOUTUBE_SCOPES)
    headers |= {"X-Upload-Content-Length": "5", "X-Upload-Content-Type": "video/mp4"}

    async def upload() -> httpx2.Response:
        query = {"uploadType": "resumable", "part": "snippet"}
        body = {"snippet": {"title": "Tide"}}
        url = "/www.googleapis.com/upload/youtube/v3/videos"
        return await sandbox.client.post(url, params=query, json=body, headers=headers)

    await sandbox.change_account("youtube", upload_limit_reached=True)
    rejected = await upload()
    assert (rejected.status_code, rejected.json()["error"]["errors"][0]["reason"]) == (400, "uploadLimitExceeded")
    await sandbox.change_account("youtube", upload_limit_reached=False)
    assert (await upload()).status_code == 200


async def test_pinterest_pin_with_section_of_another_board_returns_404(sandbox: Sandbox) -> None:
    headers = await signed_in(sandbox, "pinterest", PINTEREST_SCOPES)
    boards = (await sandbox.client.get(f"{PINTEREST}/boards", headers=headers)).json()["items"]
    listed = [
        (await sandbox.client.get(f"{PINTEREST}/boards/{board['id']}/sections", headers=headers)).json()["items"]
        for board in boards
    ]
    assert [[section["name"] for section in sections] for sections in listed] == [["North", "South"], []]
    pin = {"board_id": boards[1]["id"], "board_section_id": listed[0][0]["id"],
           "media_source": {"source_type": "video_id", "media_id": "1", "cover_image_key_frame_time": 0}}  # fmt: skip
    rejected = await sandbox.client.post(f"{PINTEREST}/pins", json=pin, headers=headers)
    assert (rejected.status_code, rejected.json()["code"]) == (404, 2031)
    wrong = await sandbox.client.post(
        f"{PINTEREST}/pins", json=pin | {"ai_disclosures": {"values": ["AI"]}}, headers=headers
    )
    assert wrong.status_code == 400


async def test_threads_location_without_its_scope_returns_400(sandbox: Sandbox) -> None:
    form = {"media_type": "VIDEO", "video_url": "http://127.0.0.1:1/a.mp4", "location_id": "1"}
    scopes = {"threads_basic", "threads_content_publish"}
    for more, status in ((set[str](), 400), ({"threads_location_tagging"}, 200)):
        headers = await signed_in(sandbox, "threads", scopes | more)
        response = await sandbox.client.post(f"{THREADS}/me/threads", data=form, headers=headers)
        assert response.status_code == status


@pytest.mark.parametrize("version", ["v22.0", "v26.0", "v27.0"])
async def test_graph_serves_available_versions_and_rejects_later_ones(sandbox: Sandbox, version: str) -> None:
    response = await sandbox.client.get(f"/graph.facebook.com/{version}/me/accounts")
    assert response.json()["error"]["code"] == 190
    later = await sandbox.client.get("/graph.facebook.com/v28.0/me/accounts")
    assert later.json()["error"]["code"] == 2500


async def test_container_failure_ends_after_its_times(sandbox: Sandbox) -> None:
    simulator = sandbox.simulators["threads"]
    account = await sandbox.account("threads")
    await sandbox.change_account("threads", container_failure="UNKNOWN", container_failure_times=1)
    form = {"upload_type": "resumable"}
    made = [await simulator.make(account["account_id"], form) for _ in range(2)]
    assert [container.failure for container in made] == ["UNKNOWN", None]


@pytest.mark.parametrize(
    ("options", "threads"),
    [
        ({}, None),
        ({"sound": None}, None),
        ({"sound": "ac3"}, "FAILED_PROCESSING_AUDIO"),
        ({"sound": "mp3"}, "FAILED_PROCESSING_AUDIO"),
        ({"sound_rate": 96_000}, "FAILED_PROCESSING_AUDIO"),
        ({"layout": "5.1"}, "INVALID_AUDIO_CHANNELS"),
        ({"container": {}}, "FAILED_PROCESSING_VIDEO"),
        ({"pix_fmt": "yuv422p"}, "FAILED_PROCESSING_VIDEO"),
        ({"rate": 12}, "INVALID_FRAME_RATE"),
    ],
)
async def test_file_that_breaks_a_rule_fails_on_threads_and_instagram(
    sandbox: Sandbox, tmp_path: Path, options: dict[str, Any], threads: str | None
) -> None:
    reading = read_path(make(tmp_path / "a.mp4", seconds=4, **options))
    assert sandbox.simulators["threads"].media_failure(reading, {}) == threads
    rejected = sandbox.simulators["instagram"].media_failure(reading, {"media_type": "REELS"})
    assert rejected == ("2207026" if threads else None)


async def test_bluesky_record_without_video_is_stored_and_not_listed(sandbox: Sandbox) -> None:
    xrpc = f"/{PDS}/xrpc/com.atproto"
    did = (await sandbox.account("bluesky"))["account_id"]
    body = {"identifier": did, "password": APP_PASSWORD}
    session = (await sandbox.client.post(f"{xrpc}.server.createSession", json=body)).json()
    headers = {"Authorization": f"Bearer {session['accessJwt']}"}
    record = {"$type": POST, "text": "Only words", "createdAt": "2026-11-27T09:00:00Z"}
    place = {"repo": did, "collection": POST, "rkey": "3lbvgxhhhhs2a"}
    put = await sandbox.client.post(f"{xrpc}.repo.putRecord", json=place | {"record": record}, headers=headers)
    assert put.status_code == 200
    assert (await sandbox.client.get(f"{xrpc}.repo.getRecord", params=place)).json()["value"] == record
    assert await sandbox.posts("bluesky") == []


@pytest.mark.parametrize(
    ("platform", "path", "query"),
    [
        ("youtube", "/www.googleapis.com/youtube/v3/playlistItems", {"maxResults": "abc"}),
        ("threads", f"{THREADS}/me/threads", {"since": "x"}),
        ("threads", f"{THREADS}/me/threads", {"limit": "abc"}),
        ("pinterest", f"{PINTEREST}/boards", {"page_size": "abc"}),
    ],
)
async def test_query_with_invalid_number_returns_400(
    sandbox: Sandbox, platform: str, path: str, query: dict[str, str]
) -> None:
    scopes = {"youtube": YOUTUBE_SCOPES, "threads": {"threads_basic"}, "pinterest": PINTEREST_SCOPES}[platform]
    headers = await signed_in(sandbox, platform, scopes)
    playlist = next(iter(sandbox.simulators["youtube"].playlists))
    response = await sandbox.client.get(path, params={"playlistId": playlist} | query, headers=headers)
    assert (response.status_code, next(iter(query)) in response.text) == (400, True)
