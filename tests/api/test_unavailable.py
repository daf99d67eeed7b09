"""A storage or a database that does not respond, or is full, causes 503 responses, and no item fails for it."""

import dataclasses
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from clipcast.clips.unwanted import delete_unwanted, record_unwanted
from clipcast.common.unavailable import StorageUnavailable
from clipcast.database import Database
from clipcast.database.models.clips import UnwantedObject
from clipcast.installation import Installation
from clipcast.installation.storage_mark import KEY
from clipcast.publishing.housekeeping import delete_expired
from clipcast.storage import PART, Storage
from clipcast.testing.harness import Caller, Stage
from tests.storage.s3 import S3Server, s3_server

TIKTOK = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    with s3_server(monkeypatch) as server:
        yield server


@pytest.fixture
def installation(request: pytest.FixtureRequest, installation: Installation, tmp_path: Path) -> Installation:
    """Return an installation. Its clips are in S3 if the test uses `s3`."""
    if "s3" not in request.fixturenames:
        return installation
    return dataclasses.replace(installation, storage=Storage(request.getfixturevalue("s3").url, tmp_path))


def is_unavailable(response: httpx2.Response, layer: str) -> bool:
    shown = response.json()
    assert response.status_code == 503, response.text
    assert int(response.headers["Retry-After"]) > 0
    assert response.headers["content-type"] == "application/problem+json"
    assert "127.0.0.1" not in response.text
    return bool(shown["code"] == f"{layer}_unavailable" and f"The {layer}" in shown["detail"])


async def started(caller: Caller, size: int) -> dict[str, Any]:
    answer = await caller.post("/videos/upload", {"file_name": "clip.mp4", "file_size": size})
    assert answer.status_code == 200
    return dict(answer.json())


async def test_unavailable_s3_returns_503_for_every_request_and_loses_nothing(
    s3: S3Server, stage: Stage, clip: Path
) -> None:
    caller, http, content = stage.caller, stage.caller.http, clip.read_bytes()
    upload, pieces = await started(caller, len(content)), await started(caller, len(content))
    tus = {"Content-Type": "application/offset+octet-stream", "Tus-Resumable": "1.0.0"}
    half = len(content) // 2
    first = await http.patch(pieces["upload_url"], content=content[:half], headers=tus | {"Upload-Offset": "0"})
    assert first.status_code == 204
    done = {"video_id": upload["video_id"], "file_name": "clip.mp4"}

    s3.stop()
    assert is_unavailable(await http.put(upload["upload_url"], content=content), "storage")
    assert is_unavailable(
        await http.patch(pieces["upload_url"], content=b"x", headers=tus | {"Upload-Offset": str(half)}), "storage"
    )
    s3.start()

    head = await http.head(pieces["upload_url"])
    assert head.headers["Upload-Offset"] == str(half)
    rest = await http.patch(pieces["upload_url"], content=content[half:], headers=tus | {"Upload-Offset": str(half)})
    assert rest.status_code == 204
    assert (await http.put(upload["upload_url"], content=content)).is_success

    s3.stop()
    key = {"Idempotency-Key": "complete"}
    assert is_unavailable(await caller.post("/videos/upload/complete", done, headers=key), "storage")
    s3.start()
    completed = await caller.post("/videos/upload/complete", done, headers=key)
    assert completed.status_code == 200, completed.text
    video = completed.json()
    render = (await caller.post("/renders", {"video_id": upload["video_id"]})).json()
    download = (await caller.get(f"/renders/{render['render_id']}/download")).json()["url"]

    s3.stop()
    for address in (download, video["thumbnail_url"]):
        assert is_unavailable(await http.get(address), "storage")
        assert is_unavailable(await http.get(address, headers={"Range": "bytes=0-9"}), "storage")
    s3.start()
    assert (await http.get(download)).content == content
    assert (await http.get(video["thumbnail_url"])).status_code == 200
    assert not [one for one in s3.listed() if "/uploads/" in one]


async def test_unavailable_s3_makes_items_wait(s3: S3Server, stage: Stage) -> None:
    connection = await stage.connect("tiktok")
    post = await stage.post(connection, "tiktok", TIKTOK)
    s3.stop()
    await stage.worker.run_due()
    item = await stage.item(post)
    assert (item["status"], item["error"]["code"], item["error"]["actor"]) == (
        "processing", "storage_unavailable", "operator",
    )  # fmt: skip
    s3.start()
    await stage.run_until_ended()
    assert (await stage.item(post))["status"] == "published"
    assert len(await stage.sandbox.posts("tiktok")) == 1


async def test_objects_are_deleted_when_s3_responds_again(s3: S3Server, installation: Installation) -> None:
    await installation.storage.put_bytes("a", b"1")
    async with installation.database.begin() as session:
        await record_unwanted(session, "a", "folder/")
    s3.stop()
    await delete_unwanted(installation.database, installation.storage, "a", "folder/")
    with pytest.raises(StorageUnavailable):
        await installation.storage.delete("a")
    s3.start()
    await delete_expired(installation.database, installation.storage)
    assert s3.listed() == [f"media/{KEY}"]
    async with installation.database.session() as session:
        assert (await session.execute(select(UnwantedObject))).scalars().all() == []


async def test_large_object_is_read_from_s3_in_parts(s3: S3Server, installation: Installation) -> None:
    content = os.urandom(PART + 12_345)

    async def pieces() -> Any:
        yield content

    await installation.storage.put("large", pieces())
    for start, end in ((0, len(content)), (PART - 5, PART + 5), (17, 18)):
        assert b"".join([piece async for piece in installation.storage.read("large", start, end)]) == content[start:end]


async def test_missing_bucket_raises_storage_unavailable(s3: S3Server, installation: Installation) -> None:
    client = s3.client()
    client.delete_bucket(Bucket="clips")
    try:
        with pytest.raises(StorageUnavailable):
            await installation.storage.put_bytes("a", b"1")
        with pytest.raises(StorageUnavailable):
            [_ async for _ in installation.storage.read("a", 0, 1)]
    finally:
        client.create_bucket(Bucket="clips")


@contextmanager
def full_disk(folder: Path) -> Iterator[Callable[[], None]]:
    """Mount a disk of 2 MB; yield a function that fills it."""
    folder.mkdir(exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted: {mounted.stderr.strip()}")

    def fill() -> None:
        ballast = os.open(folder / "ballast", os.O_WRONLY | os.O_CREAT)
        with suppress(OSError):
            while os.write(ballast, bytes(4096)):
                pass
        os.close(ballast)

    try:
        yield fill
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


async def test_full_disk_returns_503_and_accepts_the_upload_later(
    installation: Installation, caller: Caller, clip: Path, tmp_path: Path
) -> None:
    content = clip.read_bytes()
    with full_disk(tmp_path / "disk") as fill:
        object.__setattr__(installation, "storage", Storage(None, tmp_path / "disk"))
        upload = await started(caller, len(content))
        fill()
        assert is_unavailable(await caller.http.put(upload["upload_url"], content=content), "storage")
        (tmp_path / "disk" / "ballast").unlink()
        assert (await caller.http.put(upload["upload_url"], content=content)).is_success


async def test_missing_object_returns_404_and_not_503(installation: Installation, caller: Caller, clip: Path) -> None:
    await caller.upload(clip)
    [render] = (await caller.get("/renders")).json()["renders"]
    download = (await caller.get(f"/renders/{render['render_id']}/download")).json()["url"]
    for key, _ in await installation.storage.list("clips"):
        await installation.storage.delete(key)
    lost = await caller.http.get(download)
    assert (lost.status_code, lost.json()["code"]) == (404, "file_missing")


async def test_upload_with_a_missing_file_is_rejected_and_not_503(
    installation: Installation, caller: Caller, clip: Path
) -> None:
    content = clip.read_bytes()
    upload = await started(caller, len(content))
    assert (await caller.http.put(upload["upload_url"], content=content)).is_success
    for key, _ in await installation.storage.list("clips"):
        await installation.storage.delete(key)
    lost = await caller.post("/videos/upload/complete", {"video_id": upload["video_id"], "file_name": "clip.mp4"})
    assert (lost.status_code, lost.json()["code"]) == (409, "upload_missing")


async def test_unavailable_database_returns_503_to_programs_and_people(
    installation: Installation, caller: Caller
) -> None:
    there = installation.database
    object.__setattr__(installation, "database", Database("postgresql://u:p@127.0.0.1:1/x"))
    try:
        for method, path in (
            ("GET", "/posts"),
            ("GET", "/connections"),
            ("POST", "/posts"),
            ("POST", "/videos/upload"),
        ):
            assert is_unavailable(await caller.call(method, path, json={}), "database")
        page = await caller.http.get("/sign-in", headers={"Cookie": "session=x"})
        assert page.status_code in (200, 503)
        page = await caller.http.get("/")
        assert page.status_code == 503
        assert "The database of this Clipcast does not respond now. Try again in 10 s." in page.text
        assert page.headers["Retry-After"] == "10"
        assert "request_id" not in page.text
    finally:
        await installation.database.close()
        object.__setattr__(installation, "database", there)
    assert (await caller.get("/posts")).status_code == 200


async def test_full_database_returns_503(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL reports a full disk as 53100, like its other lacks of resources; so does this trigger."""
    installation = caller.http._transport.app.state.installation  # type: ignore[attr-defined]
    async with installation.database.connect() as connection:
        for sql in (
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$",
            "CREATE TRIGGER full_disk BEFORE INSERT ON clips FOR EACH ROW EXECUTE FUNCTION full_disk()",
        ):
            await connection.exec_driver_sql(sql)
    try:
        assert is_unavailable(await caller.post("/videos/upload", {"file_name": "a.mp4", "file_size": 9}), "database")
    finally:
        async with installation.database.connect() as connection:
            await connection.exec_driver_sql("DROP FUNCTION full_disk CASCADE")
    assert (await caller.post("/videos/upload", {"file_name": "a.mp4", "file_size": 9})).status_code == 200
