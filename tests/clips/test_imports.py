"""POST /videos/import: videos are imported from addresses of public hosts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from aiohttp import web
from sqlalchemy import delete, select

from clipcast.clips import imports
from clipcast.clips.unwanted import delete_unwanted
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.database.models.clips import Clip
from clipcast.database.models.workspaces import Workspace
from clipcast.installation import Installation
from clipcast.platforms import network
from clipcast.testing.harness import Caller, free_port
from tests.storage.objects import objects

Handler = Callable[[web.Request], object]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """Serve every path with `handler`, and yield the address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)  # type: ignore[arg-type]
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


@pytest.fixture
def any_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count this machine as public."""
    monkeypatch.setattr(network, "is_public", lambda address: True)


def file_handler(content: bytes, kind: str = "video/mp4", **headers: str) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(body=content, content_type=kind, headers=headers)

    return handle


@pytest.mark.usefixtures("any_host")
@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        ("/media/My%20clip.mp4?token=1", "video/mp4", "My clip.mp4"),
        ("/watch", "video/mp4", "watch.mp4"),
        ("/", "application/octet-stream", "video.mp4"),
        ("/..%2f..%2fetc%2fpasswd", "video/quicktime", "passwd.mov"),
        ("/a.exe", "video/mp4", "a.exe.mp4"),
    ],
)
async def test_media_file_is_imported(caller: Caller, clip: Path, path: str, kind: str, name: str) -> None:
    content = clip.read_bytes()
    async with serving(file_handler(content, kind)) as address:
        response = await caller.post("/videos/import", {"url": address + path})
    assert response.status_code == 200, response.text
    video = response.json()
    assert (video["file_name"], video["size"], video["container"]) == (name, len(content), "mp4")
    assert (video["platform"], video["credits_cost"]) == ("upload", 0)
    assert (await caller.get("/clips")).json()["clips"][0]["video_id"] == video["video_id"]
    render = await caller.post("/renders", {"video_id": video["video_id"]})
    assert (render.status_code, render.json()["edit_setting_id"]) == (200, video["edit_setting_id"])


@pytest.mark.usefixtures("any_host")
@pytest.mark.parametrize("path", ["/videos/import", "/clips/info"])
async def test_file_name_of_the_caller_comes_first(caller: Caller, clip: Path, path: str) -> None:
    async with serving(file_handler(clip.read_bytes())) as address:
        response = await caller.post(path, {"url": f"{address}/a.mp4", "file_name": "../Tide.mov"})
        assert (response.json()["file_name"], response.json()["container"]) == ("Tide.mov", "mp4")
        wrong = await caller.post(path, {"url": f"{address}/a.mp4", "file_name": "tide.exe"})
    assert [one["path"] for one in wrong.json()["errors"]] == ["/file_name"]


@pytest.mark.usefixtures("any_host")
async def test_repeated_import_with_a_key_is_one_import(installation: Installation, caller: Caller, clip: Path) -> None:
    """One after the other it downloads once. At the same time, the later one is discarded."""
    content, fetched, together = clip.read_bytes(), [], asyncio.Barrier(2)

    async def handle(request: web.Request) -> web.Response:
        fetched.append(request.path)
        if request.path == "/both.mp4":
            await together.wait()
        return web.Response(body=content, content_type="video/mp4")

    async with serving(handle) as address:

        async def imported(path: str) -> httpx2.Response:
            return await caller.post("/videos/import", {"url": address + path}, headers={"Idempotency-Key": path})

        again = [await imported("/one.mp4") for _ in range(2)]
        both = await asyncio.gather(imported("/both.mp4"), imported("/both.mp4"))
    assert fetched == ["/one.mp4", "/both.mp4", "/both.mp4"]
    for first, second in (again, both):
        assert (first.status_code, first.json()) == (200, second.json())
    async with installation.database.session() as session:
        assert (await session.execute(select(Clip.status))).scalars().all() == ["ready", "ready"]
    assert len([key for key, _ in await installation.storage.list("clips/")]) == 2


@pytest.mark.usefixtures("any_host")
@pytest.mark.parametrize(("lost", "status"), [("the database", 503), ("the workspace", 404)])
async def test_import_that_cannot_be_recorded_leaves_no_file(
    installation: Installation, caller: Caller, clip: Path, monkeypatch: pytest.MonkeyPatch, lost: str, status: int
) -> None:
    received = imports.receive

    async def receive(*args: Any) -> tuple[int, str]:
        found = await received(*args)
        if lost == "the database":
            raise DatabaseUnavailable("away")
        async with installation.database.begin() as session:
            await session.execute(delete(Workspace))
        await delete_unwanted(installation.database, installation.storage)
        await installation.storage.put_bytes(args[2], b"late")
        return found

    monkeypatch.setattr(imports, "receive", receive)
    async with serving(file_handler(clip.read_bytes())) as address:
        assert (await caller.post("/videos/import", {"url": f"{address}/a.mp4"})).status_code == status
    assert await objects(installation.storage) == []
    async with installation.database.session() as session:
        assert (await session.execute(select(Clip))).scalars().all() == []


@pytest.mark.usefixtures("any_host")
async def test_redirect_is_followed(caller: Caller, clip: Path) -> None:
    content = clip.read_bytes()

    async def handle(request: web.Request) -> web.Response:
        if request.path == "/old":
            return web.Response(status=302, headers={"Location": "/new.mp4"})
        return web.Response(body=content, content_type="video/mp4")

    async with serving(handle) as address:
        response = await caller.post("/videos/import", {"url": f"{address}/old"})
    assert response.json()["file_name"] == "new.mp4"


async def stored(installation: Installation, caller: Caller) -> tuple[list[object], int]:
    clips = (await caller.get("/clips")).json()["pagination"]["total_count"]
    return await objects(installation.storage), clips  # type: ignore[return-value]


@pytest.mark.usefixtures("any_host")
@pytest.mark.parametrize(
    ("handler", "code"),
    [
        (file_handler(b"<html>", "text/html"), "not_a_media_file"),
        (file_handler(b"<html>" * 100, "video/mp4"), "unsupported_media_type"),
        (file_handler(b"x" * 5000, "video/mp4"), "unsupported_media_type"),
        (file_handler(b"x" * 200_001, "video/mp4"), "file_too_large"),
        (file_handler(b"x", "video/mp4", **{"Content-Encoding": "gzip"}), "fetch_failed"),
        (file_handler(b"", "video/mp4"), "not_a_video"),
    ],
)
async def test_file_that_is_no_video_is_rejected(
    installation: Installation, caller: Caller, handler: Handler, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = installation.settings.model_copy(update={"max_upload_bytes": 200_000})
    object.__setattr__(installation, "settings", small)
    async with serving(handler) as address:
        response = await caller.post("/videos/import", {"url": f"{address}/a.mp4"})
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["code"] == code
    assert await stored(installation, caller) == ([], 0)


@pytest.mark.usefixtures("any_host")
async def test_endless_file_without_a_length_is_stopped_at_the_limit(
    installation: Installation, caller: Caller, clip: Path
) -> None:
    limit = clip.stat().st_size + 10_000
    object.__setattr__(installation, "settings", installation.settings.model_copy(update={"max_upload_bytes": limit}))

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "video/mp4"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(clip.read_bytes())
        try:
            while True:
                await response.write(bytes(65536))
        except ConnectionError:
            return response

    async with serving(handle) as address:
        response = await caller.post("/videos/import", {"url": f"{address}/a.mp4"})
    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "file_too_large")
    assert await stored(installation, caller) == ([], 0)


@pytest.mark.usefixtures("any_host")
async def test_slow_server_is_given_up(
    installation: Installation, caller: Caller, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "IMPORT_TIME", 0.2)
    release = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "video/mp4"})
        await response.prepare(request)
        await response.write(clip.read_bytes()[:1000])
        await release.wait()
        return response

    async with serving(handle) as address:
        response = await caller.post("/videos/import", {"url": f"{address}/a.mp4"})
        release.set()
    assert (response.status_code, response.json()["code"]) == (503, "fetch_failed")
    assert "retry-after" in response.headers
    assert await stored(installation, caller) == ([], 0)


@pytest.mark.usefixtures("any_host")
@pytest.mark.parametrize(("status", "expected"), [(404, 422), (403, 422), (500, 503), (429, 503)])
async def test_error_of_the_server(caller: Caller, status: int, expected: int) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(status=status)

    async with serving(handle) as address:
        response = await caller.post("/videos/import", {"url": f"{address}/a.mp4"})
    assert response.status_code == expected


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://127.0.0.1/a.mp4", "address_not_public"),
        ("http://localhost:8000/a.mp4", "address_not_public"),
        ("http://10.0.0.1/a.mp4", "address_not_public"),
        ("http://169.254.169.254/latest/meta-data", "address_not_public"),
        ("http://[::1]/a.mp4", "address_not_public"),
        ("http://[::ffff:10.0.0.1]/a.mp4", "address_not_public"),
        ("http://0x7f000001/a.mp4", "fetch_failed"),
        ("http://0/a.mp4", "fetch_failed"),
        ("http://2130706433/a.mp4", "fetch_failed"),
        ("https://xn--a/a.mp4", "fetch_failed"),
        ("file:///etc/passwd", "fetch_failed"),
        ("ftp://example.org/a.mp4", "fetch_failed"),
        ("not an address", "fetch_failed"),
    ],
)
async def test_private_and_odd_addresses_are_refused(caller: Caller, url: str, code: str) -> None:
    response = await caller.post("/videos/import", {"url": url})
    assert response.status_code == 422
    [problem] = response.json()["errors"]
    assert (problem["path"], problem["code"]) == ("/url", code)
    assert problem["message"].endswith("Send the http or https address of a media file on a public host.")


async def test_host_that_resolves_to_a_private_address_is_refused(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check is after the look-up: the name may belong to anybody."""

    def resolve(*_: object, **__: object) -> list[object]:
        return [(2, 1, 6, "", ("192.168.1.1", 80))]

    monkeypatch.setattr("clipcast.platforms.names.getaddrinfo", resolve)
    response = await caller.post("/videos/import", {"url": "http://media.example.org/a.mp4"})
    assert response.json()["errors"][0]["code"] == "address_not_public"


async def test_redirect_to_a_private_address_is_refused(
    installation: Installation, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "is_public", lambda address: address == "127.0.0.1")

    async def handle(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://10.1.2.3/a.mp4"})

    async with serving(handle) as address:
        response = await caller.post("/videos/import", {"url": f"{address}/a.mp4"})
    assert response.json()["errors"][0]["code"] == "address_not_public"
    assert await stored(installation, caller) == ([], 0)
