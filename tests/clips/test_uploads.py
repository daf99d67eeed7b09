"""Uploads of clips, and the files that are rejected."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from clipcast.clips import service, turns
from clipcast.clock import clock
from clipcast.installation import Installation
from clipcast.installation.storage_mark import KEY
from clipcast.testing.harness import Caller
from tests.rendering.corpus import make
from tests.rendering.corpus_files import FILES


async def start(caller: Caller, size: int, name: str = "clip.mp4") -> dict[str, Any]:
    response = await caller.post("/videos/upload", {"file_name": name, "file_size": size})
    assert response.status_code == 200, response.text
    return response.json()


async def complete(caller: Caller, video_id: str) -> httpx2.Response:
    return await caller.post("/videos/upload/complete", {"video_id": video_id, "file_name": "clip.mp4"})


def stored(installation: Installation) -> list[Path]:
    media = installation.settings.data_dir / "media"
    return [path for path in media.rglob("*") if path.is_file() and path != media / KEY]


async def test_uploaded_clip_is_probed(installation: Installation, caller: Caller, clip: Path) -> None:
    content = clip.read_bytes()
    started = await start(caller, len(content))
    assert set(started) == {"video_id", "upload_url", "expires_in"}
    put = await caller.http.put(started["upload_url"], content=content)
    assert put.status_code == 200
    lie = {"video_id": started["video_id"], "file_name": "Pier.mp4", "duration": 99, "width": 1, "height": 1}
    video = (await caller.post("/videos/upload/complete", lie)).json()
    assert (video["width"], video["height"], video["size"]) == (540, 960, len(content))
    assert 4 < video["duration"] < 4.5
    assert (video["title"], video["container"], video["video_codec"], video["audio_codec"]) == (
        "Pier", "mp4", "h264", "aac",
    )  # fmt: skip
    assert video["sha256"] == hashlib.sha256(content).hexdigest()
    thumbnail = await caller.http.get(video["thumbnail_url"])
    assert thumbnail.headers["content-type"] == "image/jpeg"
    assert thumbnail.content.startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({"file_name": "a.exe", "file_size": 5}, "/file_name", "unsupported_file_type"),
        ({"file_name": "", "file_size": 5}, "/file_name", "too_short"),
        ({"file_name": "a.mp4", "file_size": 0}, "/file_size", "too_small"),
        ({"file_name": "a.mp4", "file_size": -1}, "/file_size", "too_small"),
        ({"file_name": "a.mp4", "file_size": 3 * 1024**3}, "/file_size", "too_large"),
        ({"file_name": "a.mp4", "file_size": "5"}, "/file_size", "wrong_type"),
        ({"file_name": "a.mp4", "file_size": 5, "content_type": "text/html"}, "/content_type", "not_allowed"),
        ({"file_name": "a.mp4", "file_size": 5, "filesize": 5}, "/filesize", "unknown_field"),
    ],
)
async def test_start_of_an_invalid_upload_names_the_field(
    caller: Caller, body: dict[str, Any], path: str, code: str
) -> None:
    response = await caller.post("/videos/upload", body)
    assert response.status_code == 422
    assert [(e["path"], e["code"]) for e in response.json()["errors"]] == [(path, code)]


async def test_put_beyond_declared_size_returns_413_and_stores_nothing(
    installation: Installation, caller: Caller, clip: Path
) -> None:
    content = clip.read_bytes()
    started = await start(caller, len(content) - 1)

    async def pieces():  # type: ignore[no-untyped-def]
        yield content

    for body in (content, pieces()):
        response = await caller.http.put(started["upload_url"], content=body)
        assert (response.status_code, response.json()["code"]) == (413, "file_too_large")
    assert stored(installation) == []


async def test_put_without_declared_size_is_limited_by_the_setting(
    installation: Installation, caller: Caller, clip: Path
) -> None:
    content = clip.read_bytes()
    started = (await caller.post("/videos/upload", {"file_name": "clip.mp4"})).json()

    async def chunks(times: int) -> AsyncIterator[bytes]:
        for _ in range(times):
            yield content

    most = installation.settings.max_upload_bytes
    object.__setattr__(installation.settings, "max_upload_bytes", len(content))
    try:
        for body in (content * 2, chunks(2)):  # with and without Content-Length
            refused = await caller.http.put(started["upload_url"], content=body)
            assert (refused.status_code, refused.json()["code"]) == (413, "file_too_large")
            assert f"{len(content)} bytes, the maximum" in refused.json()["detail"]
        assert stored(installation) == []
        put = await caller.http.put(started["upload_url"], content=chunks(1))
        assert put.status_code == 200
    finally:
        object.__setattr__(installation.settings, "max_upload_bytes", most)
    done = (await complete(caller, started["video_id"])).json()
    assert (done["size"], done["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())


async def test_put_with_an_absurd_content_length_returns_413(caller: Caller) -> None:
    started = await start(caller, 1000)
    headers = {"Content-Length": "9" * 5000}
    response = await caller.http.put(started["upload_url"], content=b"x", headers=headers)
    assert (response.status_code, response.json()["code"]) == (413, "file_too_large")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_newest_of_parallel_uploads_of_one_clip_succeeds(
    installation: Installation, caller: Caller, clip: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Ten requests send the same file. The newest continues; the others end and store nothing."""
    monkeypatch.setattr(turns, "CHECKED_EVERY", 50_000)
    content = clip.read_bytes()
    started = await start(caller, len(content))
    all_wait, taken, sent = asyncio.Event(), 0, 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal taken, sent
        taken += 1
        if taken == 10:
            all_wait.set()
        yield content[:1000]
        await all_wait.wait()
        for at in range(1000, len(content), 10_000):
            sent += len(content[at : at + 10_000])
            yield content[at : at + 10_000]

    async def send() -> int:
        headers = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        response = await caller.http.request(method, started["upload_url"], content=body(), headers=headers)
        if response.status_code == 409:
            assert response.json()["code"] in ("upload_superseded", "upload_completed")
        return response.status_code

    statuses = await asyncio.gather(*(send() for _ in range(10)))
    assert sorted(statuses) == [200 if method == "PUT" else 204] + [409] * 9
    assert sent <= len(content) + 9 * 60_000
    assert (await complete(caller, started["video_id"])).status_code == 200
    assert len(stored(installation)) == 2  # the clip and its thumbnail


async def test_complete_upload_of_file_that_changes_meanwhile_returns_409(
    installation: Installation, caller: Caller, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The properties of one file are never saved for another."""
    content = clip.read_bytes()
    started = await start(caller, len(content))
    await caller.http.put(started["upload_url"], content=content)
    probe_upload = service.probe_upload

    async def meanwhile(*arguments: Any) -> Any:
        looked = await probe_upload(*arguments)
        assert (await caller.http.put(started["upload_url"], content=content)).status_code == 200
        return looked

    with monkeypatch.context() as patched:
        patched.setattr(service, "probe_upload", meanwhile)
        response = await complete(caller, started["video_id"])
    assert (response.status_code, response.json()["code"]) == (409, "upload_changed")
    assert (await complete(caller, started["video_id"])).status_code == 200


async def test_complete_upload_again_does_not_read_the_file_again(
    installation: Installation, caller: Caller, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = clip.read_bytes()
    started = await start(caller, len(content))
    await caller.http.put(started["upload_url"], content=content)
    first = (await complete(caller, started["video_id"])).json()
    monkeypatch.setattr(service, "examine", None)
    again = (await complete(caller, started["video_id"])).json()
    assert {**again, "thumbnail_url": None} == {**first, "thumbnail_url": None}


async def test_m4v_file_is_accepted(caller: Caller, clip: Path) -> None:
    content = clip.read_bytes()
    started = await start(caller, len(content), "a.m4v")
    await caller.http.put(started["upload_url"], content=content)
    video = (
        await caller.post("/videos/upload/complete", {"video_id": started["video_id"], "file_name": "a.m4v"})
    ).json()
    assert (video["container"], video["content_type"]) == ("mp4", "video/mp4")


@pytest.mark.parametrize(
    ("name", "container", "content_type"),
    [
        ("ordinary.avi", "avi", "video/x-msvideo"),
        ("ordinary.ts", "ts", "video/mp2t"),
        ("ordinary.mpg", "mpg", "video/mpeg"),
        ("ordinary.3gp", "3gp", "video/3gpp"),
        ("ordinary.wmv", "wmv", "video/x-ms-wmv"),
        ("ordinary.flv", "flv", "video/x-flv"),
    ],
)
async def test_file_in_another_container_is_accepted(
    caller: Caller, tmp_path: Path, name: str, container: str, content_type: str
) -> None:
    content = make(FILES[name].recipe, tmp_path).read_bytes()
    body = {"file_name": name, "file_size": len(content), "content_type": content_type}
    started = (await caller.post("/videos/upload", body)).json()
    assert (await caller.http.put(started["upload_url"], content=content)).status_code == 200
    response = await caller.post("/videos/upload/complete", {"video_id": started["video_id"], "file_name": name})
    video = response.json()
    assert response.status_code == 200, video
    assert (video["container"], video["content_type"], video["size"]) == (container, content_type, len(content))
    assert video["thumbnail_url"] is not None


async def test_clip_above_the_longest_duration_is_rejected(
    installation: Installation, caller: Caller, clip: Path
) -> None:
    content = clip.read_bytes()
    started = await start(caller, len(content))
    await caller.http.put(started["upload_url"], content=content)
    longest = installation.settings.max_clip_duration
    object.__setattr__(installation.settings, "max_clip_duration", timedelta(seconds=3))
    try:
        response = await complete(caller, started["video_id"])
    finally:
        object.__setattr__(installation.settings, "max_clip_duration", longest)
    assert response.status_code == 422
    [error] = response.json()["errors"]
    assert (error["path"], error["code"], error["limit"]) == ("/video_id", "too_long_to_convert", 3)
    assert 4 < error["actual"] < 4.5
    assert (await complete(caller, started["video_id"])).status_code == 200


async def test_rejection_of_a_truncated_file_has_both_sizes(caller: Caller, clip: Path) -> None:
    whole = clip.read_bytes()
    content = whole[:-1000]
    started = await start(caller, len(content))
    await caller.http.put(started["upload_url"], content=content)
    [error] = (await complete(caller, started["video_id"])).json()["errors"]
    assert (error["code"], error["actual"]) == ("file_cut_off", len(content))
    assert len(content) < error["limit"] <= len(whole)


async def test_put_of_fewer_bytes_than_declared_returns_400_and_can_be_repeated(
    installation: Installation, caller: Caller, clip: Path
) -> None:
    content = clip.read_bytes()
    started = await start(caller, len(content))
    response = await caller.http.put(started["upload_url"], content=content[:-1])
    assert (response.status_code, response.json()["code"]) == (400, "upload_incomplete")
    assert stored(installation) == []
    assert (await complete(caller, started["video_id"])).json()["code"] == "upload_missing"
    # The same URL accepts another upload.
    assert (await caller.http.put(started["upload_url"], content=content)).status_code == 200


async def test_put_of_a_text_file_returns_415_and_stores_nothing(installation: Installation, caller: Caller) -> None:
    started = await start(caller, 1000)
    response = await caller.http.put(started["upload_url"], content=b"This is no video. " * 55 + b"x" * 10)
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")
    assert stored(installation) == []


@pytest.mark.parametrize("keep", [0.3, 0.02])
async def test_truncated_video_without_index_returns_file_cut_off(caller: Caller, clip: Path, keep: float) -> None:
    content = clip.read_bytes()
    content = content[: int(len(content) * keep)].replace(b"moov", b"free")
    started = await start(caller, len(content))
    await caller.http.put(started["upload_url"], content=content)
    response = await complete(caller, started["video_id"])
    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "file_cut_off")
    assert (await caller.post("/renders", {"video_id": started["video_id"]})).json()["code"] == "upload_not_completed"


async def test_put_of_a_completed_upload_returns_409(installation: Installation, caller: Caller, clip: Path) -> None:
    content = clip.read_bytes()
    started = await start(caller, len(content))
    await caller.http.put(started["upload_url"], content=content)
    assert (await complete(caller, started["video_id"])).status_code == 200
    again = await caller.http.put(started["upload_url"], content=content)
    assert (again.status_code, again.json()["code"]) == (409, "upload_completed")
    assert len(stored(installation)) == 2  # the clip and its thumbnail


async def test_expired_or_changed_upload_url_is_rejected(caller: Caller, clip: Path) -> None:
    content = clip.read_bytes()
    started = await start(caller, len(content))
    url = started["upload_url"]
    for wrong in (url[:-2] + ("aa" if url[-2:] != "aa" else "bb"), url.rsplit("/", 1)[0] + "/x"):
        assert (await caller.http.put(wrong, content=content)).status_code == 403
    clock.move(timedelta(hours=3))
    assert (await caller.http.put(url, content=content)).json()["code"] == "upload_url_expired"


async def test_address_of_a_long_upload_is_valid_while_bytes_arrive(caller: Caller, clip: Path) -> None:
    content = clip.read_bytes()
    started = await start(caller, len(content))
    third = len(content) // 3 + 1
    for offset in range(0, len(content), third):
        headers = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        piece = content[offset : offset + third]
        sent = await caller.http.patch(started["upload_url"], content=piece, headers=headers)
        assert sent.status_code == 204, sent.text
        clock.move(timedelta(minutes=100))
    assert (await complete(caller, started["video_id"])).status_code == 200
    clock.move(timedelta(minutes=21))
    assert (await caller.http.head(started["upload_url"])).status_code == 403


async def test_other_workspace_cannot_complete_the_upload(
    installation: Installation, caller: Caller, clip: Path
) -> None:
    other = await Caller.create(installation, caller.http, "Other")
    started = await start(caller, 10)
    assert (await complete(other, started["video_id"])).status_code == 404
    assert (await other.post("/renders", {"video_id": started["video_id"]})).status_code == 404
