"""Renders, and the signed files behind them."""

from pathlib import Path

import pytest

from clipcast.clips.files import byte_range
from tests.harness import Caller, Stage


async def test_a_render_is_the_clip_as_it_is(caller: Caller, clip: Path) -> None:
    content = clip.read_bytes()
    edit = await caller.upload(clip)
    listed = (await caller.get("/renders")).json()
    [render] = listed["renders"]
    assert listed["pagination"]["total_count"] == 1
    assert (render["edit_setting_id"], render["status"], render["progress"]) == (edit, "completed", 100)
    assert render["output_resolution"] == "540x960"
    shown = (await caller.get(f"/renders/{render['render_id']}")).json()
    assert shown == render
    download = (await caller.get(f"/renders/{render['render_id']}/download")).json()
    assert download["filename"] == "clip.mp4"
    assert (await caller.http.get(download["url"])).content == content


async def test_the_same_render_comes_from_the_cache(caller: Caller, clip: Path) -> None:
    content = clip.read_bytes()
    started = (await caller.post("/videos/upload", {"file_name": "a.mp4", "file_size": len(content)})).json()
    await caller.http.put(started["upload_url"], content=content)
    body = {"video_id": started["video_id"]}
    await caller.post("/videos/upload/complete", body | {"file_name": "a.mp4"})
    first, second = await caller.post("/renders", body), await caller.post("/renders", body)
    assert (first.status_code, second.status_code) == (202, 200)
    assert (first.json()["from_cache"], second.json()["from_cache"]) == (False, True)
    assert first.json()["render_id"] == second.json()["render_id"]
    assert first.json()["has_watermark"] is False


async def test_ranges(caller: Caller, clip: Path) -> None:
    content = clip.read_bytes()
    await caller.upload(clip)
    [render] = (await caller.get("/renders")).json()["renders"]
    url = (await caller.get(f"/renders/{render['render_id']}/download")).json()["url"]
    part = await caller.http.get(url, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(content)}"
    tail = await caller.http.get(url, headers={"Range": "bytes=-10"})
    assert (tail.status_code, tail.content) == (206, content[-10:])
    beyond = await caller.http.get(url, headers={"Range": f"bytes={len(content)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(content)}")
    head = await caller.http.head(url)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(content)), b"")
    assert head.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, (0, 10)),
        ("bytes=0-", (0, 10)),
        ("bytes=0-0", (0, 1)),
        ("bytes=3-99", (3, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-99", (0, 10)),
        ("bytes=10-", None),
        ("bytes=-0", None),
        ("bytes=5-3", (0, 10)),
        ("bytes=0-1,3-4", (0, 10)),
        ("lines=0-1", (0, 10)),
        ("bytes=-", (0, 10)),
    ],
)
def test_byte_range(header: str | None, expected: tuple[int, int] | None) -> None:
    assert byte_range(header, 10) == expected


async def test_a_posted_render_is_not_deleted(stage: Stage) -> None:
    connection = await stage.connect("youtube")
    post_id = await stage.post(connection, "youtube", {"title": "Tide"})
    [render] = (await stage.caller.get("/renders")).json()["renders"]
    path = f"/renders/{render['render_id']}"
    refused = await stage.caller.call("DELETE", path)
    assert (refused.status_code, refused.json()["code"]) == (409, "render_in_use")
    assert (await stage.caller.call("DELETE", f"/posts/{post_id}")).status_code == 204
    assert (await stage.caller.call("DELETE", path)).status_code == 204
    assert (await stage.caller.get(path)).status_code == 404


async def test_limits(caller: Caller) -> None:
    limits = (await caller.get("/renders/limits")).json()
    assert set(limits["usage"]) == {"active_count", "queued_count", "total_pending", "max_concurrent"}
    assert limits["plan"]["watermark"] is False
