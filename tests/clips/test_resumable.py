"""Uploads in parts (tus): HEAD returns the offset, PATCH receives the next part, and no byte is stored twice."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from clipcast.clips.turns import Turn
from clipcast.common.ids import parse_id
from clipcast.database.models.clips import Clip
from clipcast.installation import Installation
from clipcast.testing.harness import Caller

PIECE = "application/offset+octet-stream"


@pytest.fixture
async def started(caller: Caller, clip: Path) -> dict[str, Any]:
    body = {"file_name": "clip.mp4", "file_size": clip.stat().st_size}
    return (await caller.post("/videos/upload", body)).json()


async def send(caller: Caller, url: str, offset: int, content: Any, **headers: str) -> httpx2.Response:
    more = {"Upload-Offset": str(offset), "Content-Type": PIECE} | headers
    return await caller.http.patch(url, content=content, headers=more)


async def upload_position(caller: Caller, url: str) -> tuple[str, str]:
    response = await caller.http.head(url)
    assert response.headers["tus-resumable"] == "1.0.0"
    assert response.headers["cache-control"] == "no-store"
    return response.headers["upload-offset"], response.headers["upload-length"]


async def test_upload_in_parts_is_complete(
    caller: Caller, clip: Path, started: dict[str, Any], installation: Installation
) -> None:
    content, url, size = clip.read_bytes(), started["upload_url"], clip.stat().st_size
    assert await upload_position(caller, url) == ("0", str(size))
    for begin in range(0, size, 300_000):
        response = await send(caller, url, begin, content[begin : begin + 300_000])
        assert response.status_code == 204, response.text
        end = min(size, begin + 300_000)
        assert response.headers["upload-offset"] == str(end)
        assert await upload_position(caller, url) == (str(end), str(size))
    done = await caller.post("/videos/upload/complete", {"video_id": started["video_id"], "file_name": "clip.mp4"})
    assert done.json()["sha256"] == hashlib.sha256(content).hexdigest()
    assert await installation.storage.list(f"uploads/{started['video_id']}") == []
    assert await upload_position(caller, url) == (str(size), str(size))


async def test_bytes_before_a_disconnect_are_kept(
    caller: Caller, clip: Path, started: dict[str, Any], installation: Installation
) -> None:
    """The body ends early, because the browser disconnects."""
    from starlette.requests import ClientDisconnect

    from clipcast.api.endpoints.uploads import IncomingPart, _folder, _offset

    content = clip.read_bytes()

    async def lost() -> AsyncIterator[bytes]:
        yield content[:100_000]
        raise ClientDisconnect

    async with installation.database.session() as session:
        row = await session.get(Clip, parse_id(started["video_id"]))
    assert row is not None
    turn = await Turn.take(installation, row)
    await installation.storage.put(f"{_folder(row)}{0:020}-a", IncomingPart(installation, row, turn, 0).pieces(lost()))
    assert await _offset(installation, row) == 100_000
    assert await upload_position(caller, started["upload_url"]) == ("100000", str(len(content)))


async def test_overlapping_parts_are_stored_once(
    caller: Caller, clip: Path, started: dict[str, Any], installation: Installation
) -> None:
    """A browser repeats a request that it gave up, and both requests arrive."""
    content, folder = clip.read_bytes(), f"uploads/{started['video_id']}/"
    await installation.storage.put_bytes(f"{folder}{0:020}-a", content[:1000])
    await installation.storage.put_bytes(f"{folder}{0:020}-b", content[:5000])
    await installation.storage.put_bytes(f"{folder}{1000:020}-c", content[1000:9000])
    assert (await upload_position(caller, started["upload_url"]))[0] == "9000"
    response = await send(caller, started["upload_url"], 9000, content[9000:])
    assert response.status_code == 204
    done = await caller.post("/videos/upload/complete", {"video_id": started["video_id"], "file_name": "clip.mp4"})
    assert done.json()["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("offset", [1, 10**9, -1])
async def test_patch_at_a_wrong_offset_returns_409(caller: Caller, started: dict[str, Any], offset: int) -> None:
    response = await send(caller, started["upload_url"], offset, b"x")
    assert (response.status_code, response.json()["code"]) == (409, "wrong_offset")
    assert response.headers["upload-offset"] == "0"


async def test_patch_beyond_declared_size_returns_413(caller: Caller, clip: Path, started: dict[str, Any]) -> None:
    response = await send(caller, started["upload_url"], 0, clip.read_bytes() + b"more")
    assert (response.status_code, response.json()["code"]) == (413, "file_too_large")
    assert (await upload_position(caller, started["upload_url"]))[0] == "0"


async def test_patch_of_a_file_that_is_no_video_returns_415(caller: Caller, started: dict[str, Any]) -> None:
    response = await send(caller, started["upload_url"], 0, b"a letter, not a video")
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")
    assert (await upload_position(caller, started["upload_url"]))[0] == "0"


async def test_patch_with_another_content_type_returns_415(caller: Caller, started: dict[str, Any]) -> None:
    response = await send(caller, started["upload_url"], 0, b"x", **{"Content-Type": "video/mp4"})
    assert response.status_code == 415


async def test_patch_of_a_completed_upload_returns_409(caller: Caller, clip: Path, started: dict[str, Any]) -> None:
    content = clip.read_bytes()
    await caller.http.put(started["upload_url"], content=content)
    response = await send(caller, started["upload_url"], 0, content)
    assert (response.status_code, response.json()["code"]) == (409, "upload_completed")


async def test_upload_url_with_a_wrong_signature_returns_403(caller: Caller) -> None:
    url = f"{caller.http.base_url}/uploads/nonsense"
    assert (await send(caller, url, 0, b"x")).status_code == 403
    assert (await caller.http.head(url)).status_code == 403


async def test_patch_without_a_declared_size_needs_upload_length(
    caller: Caller, clip: Path, installation: Installation
) -> None:
    content = clip.read_bytes()
    started = (await caller.post("/videos/upload", {"file_name": "clip.mp4"})).json()
    url = started["upload_url"]
    head = await caller.http.head(url)
    assert (head.headers["upload-defer-length"], "upload-length" in head.headers) == ("1", False)
    for length in ({}, {"Upload-Length": "0"}, {"Upload-Length": "x"}):
        refused = await send(caller, url, 0, content[:300_000], **length)
        assert (refused.status_code, refused.json()["code"]) == (400, "upload_length_missing")
    most = str(installation.settings.max_upload_bytes + 1)
    refused = await send(caller, url, 0, content[:300_000], **{"Upload-Length": most})
    assert (refused.status_code, refused.json()["code"]) == (413, "file_too_large")
    first = await send(caller, url, 0, content[:300_000], **{"Upload-Length": str(len(content))})
    assert first.status_code == 204
    assert await upload_position(caller, url) == ("300000", str(len(content)))
    assert (await send(caller, url, 300_000, content[300_000:])).status_code == 204
    done = await caller.post("/videos/upload/complete", {"video_id": started["video_id"], "file_name": "clip.mp4"})
    assert done.json()["sha256"] == hashlib.sha256(content).hexdigest()
