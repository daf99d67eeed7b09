"""Assets: upload, check, list and delete."""

import struct
import zlib
from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import delete

from clipcast.clips.unwanted import delete_unwanted
from clipcast.database.models.workspaces import Workspace
from clipcast.installation import Installation
from clipcast.renders.captions import CAPTIONS_MAX
from clipcast.testing.harness import Caller
from tests.storage.objects import objects

SRT = "1\n00:00:01,000 --> 00:00:02,500\nשלום 👋\n"


def png(width: int, height: int) -> bytes:
    """Return a PNG whose header has this size. Its picture data is never read."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def webp(width: int, height: int) -> bytes:
    """Return the head of a WebP with alpha."""
    body = b"VP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + (width - 1).to_bytes(3, "little")
    body += (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


async def upload(caller: Caller, name: str, content: bytes) -> httpx2.Response:
    """Upload an asset, and return the response of the completion."""
    started = (await caller.post("/assets/upload", {"file_name": name})).json()
    stored = await caller.http.put(started["upload_url"], content=content)
    assert stored.status_code == 200, stored.text
    return await caller.post("/assets/upload/complete", {"asset_id": started["asset_id"]})


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.srt", SRT.encode(), {"count": 1, "duration": 2.5, "content_type": "application/x-subrip"}),
        ("a.VTT", b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n", {"kind": "captions", "count": 1}),
        ("logo.png", png(320, 100), {"kind": "image", "width": 320, "height": 100, "content_type": "image/png"}),
        ("logo.webp", webp(300, 200), {"kind": "image", "width": 300, "height": 200}),
        ("logo.png", png(4096, 1), {"kind": "image", "width": 4096}),
    ],
)  # fmt: skip
async def test_asset_is_checked_listed_and_deleted(
    installation: Installation, caller: Caller, name: str, content: bytes, expected: dict[str, Any]
) -> None:
    done = await upload(caller, name, content)
    assert done.status_code == 200, done.text
    asset = done.json()
    assert expected.items() <= asset.items()
    assert (asset["size"], asset["file_name"]) == (len(content), name)
    again = await caller.post("/assets/upload/complete", {"asset_id": asset["asset_id"]})
    assert again.json() == asset
    assert (await caller.get("/assets")).json()["assets"] == [asset]
    other = "image" if asset["kind"] == "captions" else "captions"
    assert (await caller.get("/assets", params={"kind": other})).json()["assets"] == []
    assert (await caller.call("DELETE", f"/assets/{asset['asset_id']}")).status_code == 204
    assert (await caller.call("DELETE", f"/assets/{asset['asset_id']}")).status_code == 404
    assert await objects(installation.storage) == []


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("logo.png", png(20_000, 20_000), ("picture_too_large", 4096, 20_000)),
        ("logo.webp", webp(4097, 10), ("picture_too_large", 4096, 4097)),
        ("logo.png", b"GIF89a" + bytes(100), ("not_an_image", None, None)),
        ("logo.png", png(0, 10), ("not_an_image", None, None)),
        ("logo.png", b"\x89PNG\r\n\x1a\n", ("not_an_image", None, None)),
        ("logo.png", png(320, 100)[:45], ("not_an_image", None, None)),
        ("logo.png", png(320, 100)[:-2], ("not_an_image", None, None)),
        ("logo.webp", webp(300, 200)[:-1], ("not_an_image", None, None)),
        ("logo.png", b"<html>", ("not_an_image", None, None)),
        ("a.srt", b"1\n00:00:01,000 --> 00:00:02,000\n" + b"x" * 199_000, ("caption_too_long", 500, 199_000)),
        ("a.srt", b"\x01\x02", ("captions_time_invalid", None, None)),
        ("a.srt", b"\x00\x01\x02", ("forbidden_character", None, None)),
        ("a.srt", SRT.encode().replace(b" ", b" \0"), ("forbidden_character", None, None)),
        ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n\0".encode("utf-16"), ("forbidden_character", None, None)),
        ("a.srt", b"", ("captions_empty", None, None)),
    ],
)
async def test_unusable_file_is_rejected(caller: Caller, name: str, content: bytes, expected: tuple[Any, ...]) -> None:
    done = await upload(caller, name, content)
    assert done.status_code == 422
    [problem] = done.json()["errors"]
    assert problem["path"] == "/asset_id"
    assert (problem["code"], problem.get("limit"), problem.get("actual")) == expected
    assert (await caller.get("/assets")).json()["assets"] == []


async def test_problems_of_captions_name_their_lines(caller: Caller) -> None:
    done = await upload(caller, "a.srt", b"1\n00:00:01,000 -> 00:00:02,000\n\n2\n00:00:09,000 --> 00:00:08,000\nB\n")
    messages = [problem["message"] for problem in done.json()["errors"]]
    assert [message[:7] for message in messages] == ["Line 1 ", "Line 5 "]


@pytest.mark.parametrize(("name", "limit"), [("a.srt", CAPTIONS_MAX), ("a.png", 5_000_000)])
async def test_too_large_a_file_is_rejected_while_it_arrives(
    installation: Installation, caller: Caller, name: str, limit: int
) -> None:
    declared = await caller.post("/assets/upload", {"file_name": name, "file_size": limit + 1})
    assert (declared.status_code, declared.json()["errors"][0]["limit"]) == (422, limit)
    started = (await caller.post("/assets/upload", {"file_name": name})).json()
    stored = await caller.http.put(started["upload_url"], content=bytes(limit + 1))
    assert (stored.status_code, stored.json()["code"]) == (413, "file_too_large")
    assert await objects(installation.storage) == []
    done = await caller.post("/assets/upload/complete", {"asset_id": started["asset_id"]})
    assert (done.status_code, done.json()["code"]) == (409, "upload_missing")


async def test_second_file_replaces_the_first_until_completion(installation: Installation, caller: Caller) -> None:
    started = (await caller.post("/assets/upload", {"file_name": "a.srt"})).json()
    for content in (b"broken", SRT.encode()):
        assert (await caller.http.put(started["upload_url"], content=content)).status_code == 200
    assert len(await objects(installation.storage)) == 1
    done = await caller.post("/assets/upload/complete", {"asset_id": started["asset_id"]})
    assert done.status_code == 200
    late = await caller.http.put(started["upload_url"], content=b"late")
    assert (late.status_code, late.json()["code"]) == (409, "upload_completed")


async def test_files_of_a_deleted_workspaces_assets_are_deleted(installation: Installation, caller: Caller) -> None:
    await upload(caller, "a.srt", SRT.encode())
    async with installation.database.begin() as session:
        await session.execute(delete(Workspace).where(Workspace.id == UUID(caller.workspace_id)))
    await delete_unwanted(installation.database, installation.storage)
    assert await objects(installation.storage) == []


@pytest.mark.parametrize("name", ["clip.mp4", "a.ass", "noextension", ".png.exe", ""])
async def test_other_file_types_are_rejected(caller: Caller, name: str) -> None:
    response = await caller.post("/assets/upload", {"file_name": name})
    assert (response.status_code, response.json()["errors"][0]["path"]) == (422, "/file_name")


async def test_assets_belong_to_their_workspace(installation: Installation, caller: Caller) -> None:
    asset_id = (await upload(caller, "a.srt", SRT.encode())).json()["asset_id"]
    stranger = await Caller.create(installation, caller.http, "Other")
    assert (await stranger.call("DELETE", f"/assets/{asset_id}")).status_code == 404
    assert (await stranger.post("/assets/upload/complete", {"asset_id": asset_id})).status_code == 404
    assert (await stranger.get("/assets")).json()["assets"] == []
    wrong = await caller.http.put("/uploads/assets/nonsense", content=b"x")
    assert (wrong.status_code, wrong.json()["code"]) == (403, "upload_url_expired")
