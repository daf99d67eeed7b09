"""Renders, and the signed URLs of their files."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from clipcast.api.endpoints.files import byte_range
from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.unavailable import StorageUnavailable
from clipcast.database.models.clips import Clip, UnwantedObject
from clipcast.database.models.jobs import Worker
from clipcast.installation import Installation
from clipcast.publishing.housekeeping import delete_expired
from clipcast.storage import Storage
from clipcast.testing.harness import Caller, Stage
from tests.storage.objects import objects


async def test_render_is_the_unchanged_clip(caller: Caller, clip: Path) -> None:
    content = clip.read_bytes()
    edit = await caller.upload(clip)
    listed = (await caller.get("/renders")).json()
    [render] = listed["renders"]
    assert listed["pagination"]["total_count"] == 1
    assert (render["edit_setting_id"], render["status"], render["progress"]) == (edit, "completed", 100)
    assert render["output_resolution"] == "540p"
    shown = (await caller.get(f"/renders/{render['render_id']}")).json()
    assert render.items() <= shown.items()
    assert (shown["edit"], shown["error"], shown["position"], shown["eta_seconds"]) == ({}, None, None, None)
    assert (shown["output"]["size"], shown["output"]["is_final"]) == (len(content), True)
    download = (await caller.get(f"/renders/{render['render_id']}/download")).json()
    assert download["filename"] == "clip.mp4"
    assert (await caller.http.get(download["url"])).content == content


async def test_completed_upload_can_be_posted_as_it_is(caller: Caller, clip: Path) -> None:
    content = clip.read_bytes()
    started = (await caller.post("/videos/upload", {"file_name": "a.mp4", "file_size": len(content)})).json()
    await caller.http.put(started["upload_url"], content=content)
    body = {"video_id": started["video_id"]}
    completed = await caller.post("/videos/upload/complete", body | {"file_name": "a.mp4"})
    again = await caller.post("/videos/upload/complete", body | {"file_name": "a.mp4"})
    first, second = await caller.post("/renders", body), await caller.post("/renders", body | {"name": "Tide"})
    for response in (again, first, second):
        assert response.status_code == 200
        assert response.json()["edit_setting_id"] == completed.json()["edit_setting_id"]
    assert (first.json()["from_cache"], first.json()["has_watermark"]) == (True, False)
    [render] = (await caller.get("/renders")).json()["renders"]
    assert (render["status"], render["name"]) == ("completed", "Tide")


async def test_range_request_returns_the_part(caller: Caller, clip: Path) -> None:
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
        ("bytes=0-" + "9" * 5000, (0, 10)),
        ("bytes=" + "9" * 5000 + "-", None),
        ("bytes=-" + "9" * 5000, (0, 10)),
        ("bytes=" + "0" * 5000 + "3-5", (3, 6)),
        ("bytes=\u0663-", (0, 10)),
    ],
)
def test_byte_range(header: str | None, expected: tuple[int, int] | None) -> None:
    assert byte_range(header, 10) == expected


async def test_delete_render_of_a_post_returns_409(stage: Stage) -> None:
    connection = await stage.connect("youtube")
    post_id = await stage.post(connection, "youtube", {"title": "Tide"})
    [render] = (await stage.caller.get("/renders")).json()["renders"]
    path = f"/renders/{render['render_id']}"
    refused = await stage.caller.call("DELETE", path)
    assert (refused.status_code, refused.json()["code"]) == (409, "render_in_use")
    assert (await stage.caller.call("DELETE", f"/posts/{post_id}")).status_code == 204
    assert (await stage.caller.call("DELETE", path)).status_code == 204
    assert (await stage.caller.get(path)).status_code == 404


@pytest.mark.parametrize("store_is_away", [False, True])
async def test_delete_render_closes_its_url_and_removes_its_file(
    installation: Installation, caller: Caller, clip: Path, monkeypatch: pytest.MonkeyPatch, store_is_away: bool
) -> None:
    """If the storage does not respond, housekeeping deletes the file later."""
    await caller.upload(clip)
    [render] = (await caller.get("/renders")).json()["renders"]
    url = (await caller.get(f"/renders/{render['render_id']}/download")).json()["url"]
    assert (await caller.http.get(url)).status_code == 200
    with monkeypatch.context() as patched:
        if store_is_away:
            patched.setattr(Storage, "delete", _away)
        assert (await caller.call("DELETE", f"/renders/{render['render_id']}")).status_code == 204
        response = await caller.http.get(url)
        assert (response.status_code, response.json()["code"]) == (410, "file_deleted")
        stored = await objects(installation.storage)
        assert bool(stored) is store_is_away
    await delete_expired(installation.database, installation.storage)
    assert await objects(installation.storage) == []
    async with installation.database.session() as session:
        assert (await session.execute(select(Clip))).scalars().all() == []
        assert (await session.execute(select(UnwantedObject))).scalars().all() == []


async def _away(self: Storage, key: str) -> None:
    raise StorageUnavailable("away")


async def test_delete_render_closes_the_thumbnail_url(caller: Caller, clip: Path) -> None:
    content = clip.read_bytes()
    started = (await caller.post("/videos/upload", {"file_name": "a.mp4", "file_size": len(content)})).json()
    await caller.http.put(started["upload_url"], content=content)
    video = (
        await caller.post("/videos/upload/complete", {"video_id": started["video_id"], "file_name": "a.mp4"})
    ).json()
    assert (await caller.http.get(video["thumbnail_url"])).status_code == 200
    render = (await caller.post("/renders", {"video_id": started["video_id"]})).json()
    assert (await caller.call("DELETE", f"/renders/{render['render_id']}")).status_code == 204
    assert (await caller.http.get(video["thumbnail_url"])).status_code == 410


@pytest.mark.parametrize(
    ("sent", "kept", "header"),
    [
        ("../../etc/passwd.mp4", "passwd.mp4", 'inline; filename="passwd.mp4"'),
        ("C:\\clips\\pier.mp4", "pier.mp4", 'inline; filename="pier.mp4"'),
        (
            "a\r\nSet-Cookie: x.mp4",
            "aSet-Cookie: x.mp4",
            "inline; filename=\"aSet-Cookie_ x.mp4\"; filename*=UTF-8''aSet-Cookie%3A%20x.mp4",
        ),
        ('say "hi".mp4', 'say "hi".mp4', "inline; filename=\"say _hi_.mp4\"; filename*=UTF-8''say%20%22hi%22.mp4"),
        (
            "\u6d77\u8fb9.mp4",
            "\u6d77\u8fb9.mp4",
            "inline; filename=\"__.mp4\"; filename*=UTF-8''%E6%B5%B7%E8%BE%B9.mp4",
        ),
        ("a\u202e4pm.mp4", "a4pm.mp4", 'inline; filename="a4pm.mp4"'),
    ],
)
async def test_file_name_is_cleaned_and_kept(caller: Caller, clip: Path, sent: str, kept: str, header: str) -> None:
    await caller.upload(clip, sent)
    [render] = (await caller.get("/renders")).json()["renders"]
    download = (await caller.get(f"/renders/{render['render_id']}/download")).json()
    assert download["filename"] == kept
    assert (await caller.http.head(download["url"])).headers["content-disposition"] == header


async def test_limits_count_the_slots_of_the_live_renderers(caller: Caller, installation: Installation) -> None:
    """The API's own settings say nothing about the renderers of other machines."""

    async def most() -> int:
        limits = (await caller.get("/renders/limits")).json()
        assert limits["usage"]["max_concurrent"] == limits["plan"]["max_concurrent_renders"]
        return int(limits["usage"]["max_concurrent"])

    usual = sum(installation.settings.renderer_slots.values())
    assert await most() == usual
    until = clock.now() + timedelta(minutes=1)
    rows = [
        ({"cpu": 7, "long": 2, "remux": 3}, until, False),
        ({"remux": 30, "network": 500}, until, False),
        ({"network": 64}, until, False),
        ({"cpu": 1000}, until, True),
        ({"cpu": 1000}, clock.now() - timedelta(seconds=1), False),
    ]
    async with installation.database.begin() as session:
        for slots, lease_until, drain in rows:
            worker = Worker(
                id=new_id(), name="x", engine="rows", version="1", slots=slots, free={}, programs=[],
                started_at=clock.now(), lease_until=lease_until, drain=drain,
            )  # fmt: skip
            session.add(worker)
    assert await most() == 42


async def test_limits_have_the_documented_fields(caller: Caller) -> None:
    limits = (await caller.get("/renders/limits")).json()
    assert set(limits["usage"]) == {"active_count", "queued_count", "total_pending", "max_concurrent"}
    assert limits["plan"]["watermark"] is False
