"""POST /renders/bulk-download: several renders as one archive, which is made while it is sent."""

import asyncio
import io
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import select
from starlette.types import Message

from clipcast.api.endpoints import archives as endpoints
from clipcast.clock import clock
from clipcast.database.models.clips import BulkDownload, Render
from clipcast.installation import Installation
from clipcast.publishing.housekeeping import delete_expired
from clipcast.renders.archives import Names
from clipcast.storage import Reader, Storage, StorageError
from clipcast.testing.harness import Caller, Stage

PATH = "/renders/bulk-download"


async def upload(caller: Caller, clip: Path, name: str) -> str:
    """Upload a file, and return the id of its render."""
    edit = await caller.upload(clip, name)
    renders = (await caller.get("/renders")).json()["renders"]
    return next(str(one["render_id"]) for one in renders if one["edit_setting_id"] == edit)


async def ordered(caller: Caller, *render_ids: str) -> dict[str, Any]:
    response = await caller.post(PATH, {"render_ids": list(render_ids)})
    assert response.status_code == 202, response.text
    made: dict[str, Any] = response.json()
    return made


async def test_archive_has_all_files_under_names_of_their_own(caller: Caller, clip: Path) -> None:
    names = ["clip.mp4", "CLIP.mp4", "Früh (1).mov", "..mp4", "CON.mp4"]
    ids = [await upload(caller, clip, name) for name in names]
    made = await ordered(caller, *ids, ids[0])
    assert (made["status"], made["progress"], made["file_count"], made["missing"]) == ("completed", 100, 5, [])
    shown = (await caller.get(f"{PATH}/{made['job_id']}")).json()
    assert shown.keys() == made.keys()
    assert shown["filename"].endswith(".zip")
    for url in (made["download_url"], shown["download_url"]):
        head = await caller.http.head(url)
        response = await caller.http.get(url)
        for one in (head, response):
            assert (one.status_code, one.headers["content-length"]) == (200, str(made["size"]))
            assert shown["filename"] in one.headers["content-disposition"]
        assert len(response.content) == made["size"]
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["clip.mp4", "CLIP (2).mp4", "Früh (1).mov", "clip (3).mp4", "_CON.mp4"]
        assert {archive.read(name) for name in archive.namelist()} == {clip.read_bytes()}


def test_names_are_no_paths_and_differ() -> None:
    names = Names()
    written = [
        "a/b",
        "../../etc/passwd",
        "A-B",
        "a\u202eb",
        "nul.x",
        "MISSING",
        "x" * 300,
        "x\N{CLAPPER BOARD}" * 300,
        "9:16",
        "..",
        "e\u0301",
        "é",
    ]
    found = [names.add(one, ".txt") for one in written]
    assert found == [
        "a-b.txt", "-..-etc-passwd.txt", "A-B (2).txt", "ab.txt", "_nul.x.txt", "MISSING (2).txt", f"{'x' * 200}.txt",
        "x\N{CLAPPER BOARD}" * 40 + ".txt",
        "9-16.txt", "clip.txt", "é.txt", "é (2).txt",
    ]  # fmt: skip


async def test_render_under_way_is_waited_for(stage: Stage) -> None:
    caller = stage.caller
    plain = await upload(caller, stage.clip, "clip.mp4")
    video = (await caller.get(f"/renders/{plain}")).json()["video_id"]
    cut = (await caller.post("/renders", {"video_id": video, "name": "Cut", "trim": {"start": 0, "end": 1}})).json()
    made = await ordered(caller, plain, cut["render_id"])
    assert (made["status"], made["progress"], made["download_url"]) == ("processing", 50, None)
    assert (made["file_count"], made["missing"]) == (1, [])
    await stage.renderer.run_due()
    shown = (await caller.get(f"{PATH}/{made['job_id']}")).json()
    assert (shown["status"], shown["progress"], shown["file_count"]) == ("completed", 100, 2)
    content = (await caller.http.get(shown["download_url"])).content
    assert zipfile.ZipFile(io.BytesIO(content)).namelist() == ["clip.mp4", "Cut.mp4"]


async def test_render_without_a_file_is_reported(installation: Installation, caller: Caller, clip: Path) -> None:
    ids = [await upload(caller, clip, f"{name}.mp4") for name in "abc"]
    made = await ordered(caller, *ids)
    assert (await caller.call("DELETE", f"/renders/{ids[0]}")).status_code == 204
    async with installation.database.session() as session:
        render = await session.get_one(Render, UUID(ids[1]))
    await installation.storage.delete(render.clip.storage_key)
    shown = (await caller.get(f"{PATH}/{made['job_id']}")).json()
    assert [(one["render_id"], one["code"]) for one in shown["missing"]] == [(ids[0], "render_deleted")]
    response = await caller.http.get(made["download_url"])
    assert response.headers["content-length"] == str(len(response.content))
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["MISSING.txt", "c.mp4"]
        report = archive.read("MISSING.txt").decode()
    assert f"{ids[0]}: The render was deleted." in report
    assert f"{ids[1]}: The stored file of b.mp4 is missing." in report
    for id in ids[1:]:
        await caller.call("DELETE", f"/renders/{id}")
    assert (await caller.get(f"{PATH}/{made['job_id']}")).json()["status"] == "failed"
    assert (await caller.http.get(made["download_url"])).json()["code"] == "render_not_completed"


async def test_unknown_ids_are_listed(installation: Installation, caller: Caller, clip: Path) -> None:
    mine = await upload(caller, clip, "clip.mp4")
    other = await Caller.create(installation, caller.http, "Other")
    theirs = await upload(other, clip, "clip.mp4")
    response = await caller.post(PATH, {"render_ids": [mine, theirs, "invented"]})
    assert response.status_code == 422
    assert [(one["path"], one["code"]) for one in response.json()["errors"]] == [
        ("/render_ids/1", "not_found"), ("/render_ids/2", "not_found")
    ]  # fmt: skip
    for ids in ([], [mine] * 101):
        assert (await caller.post(PATH, {"render_ids": ids})).status_code == 422
    made = await ordered(other, theirs)
    for job in ("invented", made["job_id"], theirs):
        assert (await caller.get(f"{PATH}/{job}")).status_code == 404
    assert (await caller.http.get("/archives/invented")).status_code == 403


async def test_download_ends_with_its_time(installation: Installation, caller: Caller, clip: Path) -> None:
    made = await ordered(caller, await upload(caller, clip, "clip.mp4"))
    clock.move(timedelta(hours=7))
    assert (await caller.http.get(made["download_url"])).json()["code"] == "file_url_expired"
    fresh = (await caller.get(f"{PATH}/{made['job_id']}")).json()
    assert (await caller.http.head(fresh["download_url"])).status_code == 200
    clock.move(timedelta(hours=18))
    assert (await caller.get(f"{PATH}/{made['job_id']}")).status_code == 404
    await delete_expired(installation.database, installation.storage)
    async with installation.database.session() as session:
        assert (await session.execute(select(BulkDownload))).all() == []


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> list[Reader]:
    """Return the readers of stored files that are open."""
    opened: list[Reader] = []
    original = Storage.open_in_thread

    def open_in_thread(self: Storage, *args: Any) -> Reader:
        reader = original(self, *args)
        opened.append(reader)
        close = reader.close

        def closed() -> None:
            opened.remove(reader)
            close()

        reader.close = closed
        return reader

    monkeypatch.setattr(Storage, "open_in_thread", open_in_thread)
    return opened


class Client:
    """A connection at the level of the server, which leaves or stalls after the first piece of a file."""

    def __init__(self, stalls: bool, readers: list[Reader]) -> None:
        self._stalls = stalls
        self._readers = readers
        self._gone = asyncio.Event()
        self.opened = 0

    async def receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] != "http.response.body" or not self._readers:
            return
        self.opened = len(self._readers)
        if not self._stalls:
            self._gone.set()
        await asyncio.Event().wait()


@pytest.mark.parametrize("stalls", [False, True])
async def test_reader_that_leaves_or_stalls_frees_everything(
    caller: Caller, clip: Path, readers: list[Reader], monkeypatch: pytest.MonkeyPatch, stalls: bool
) -> None:
    monkeypatch.setattr("clipcast.renders.archives.PIECE", 1000)
    monkeypatch.setattr(endpoints, "STALLED", 0.01 if stalls else 60)
    made = await ordered(caller, await upload(caller, clip, "clip.mp4"))
    path = httpx2.URL(made["download_url"]).path
    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:8000")], "client": ("127.0.0.1", 1), "scheme": "http", "http_version": "1.1",
        "asgi": {"version": "3.0", "spec_version": "2.3"}, "server": ("127.0.0.1", 8000), "root_path": "",
    }  # fmt: skip
    client = Client(stalls, readers)
    transport = caller.http._transport
    assert isinstance(transport, httpx2.ASGITransport)
    async with asyncio.timeout(20):
        await transport.app(scope, client.receive, client.send)  # type: ignore[arg-type]
    assert (client.opened, readers, endpoints.ArchiveResponse.sending) == (1, [], 0)


async def test_file_that_is_cut_off_ends_the_download(
    installation: Installation, caller: Caller, clip: Path, readers: list[Reader]
) -> None:
    ids = [await upload(caller, clip, "a.mp4"), await upload(caller, clip, "b.mp4")]
    made = await ordered(caller, *ids)
    async with installation.database.session() as session:
        render = await session.get_one(Render, UUID(ids[1]))
    await installation.storage.put_bytes(render.clip.storage_key, clip.read_bytes()[:-1])
    with pytest.raises(StorageError, match="1 bytes early"):
        await caller.http.get(made["download_url"])
    assert (readers, endpoints.ArchiveResponse.sending) == ([], 0)


async def test_too_many_downloads_wait(caller: Caller, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "SENT_AT_ONCE", 0)
    made = await ordered(caller, await upload(caller, clip, "clip.mp4"))
    response = await caller.http.get(made["download_url"])
    assert (response.status_code, response.json()["code"]) == (503, "downloads_busy")
    assert response.headers["retry-after"] == "30"
