"""/readyz checks each part that requests need; /livez checks the process alone."""

import asyncio
import dataclasses
from collections import namedtuple
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from clipcast.clock import clock
from clipcast.common.unavailable import StorageUnavailable
from clipcast.database import Database
from clipcast.installation import Installation
from clipcast.operations import health
from clipcast.operations.health import Health, health_app
from clipcast.storage import Storage


async def ready(http: httpx2.AsyncClient, path: str = "/readyz") -> tuple[int, dict[str, Any]]:
    response = await http.get(path)
    return response.status_code, response.json()


async def only_trouble(installation: Installation, name: str) -> str:
    found = {key: value for key, value in (await Health(installation).check()).items() if value}
    assert list(found) == [name]
    return str(found[name])


async def test_process_that_works_is_ready(http: httpx2.AsyncClient) -> None:
    checks = {"database": "ok", "hot_database": "ok", "storage": "ok", "disk": "ok"}
    for path in ("/readyz", "/healthz"):
        assert await ready(http, path) == (200, {"status": "ok", "checks": checks})
    assert await ready(http, "/livez") == (200, {"status": "ok"})


async def test_process_without_its_database_is_alive_and_not_ready(
    http: httpx2.AsyncClient, installation: Installation
) -> None:
    there = installation.database
    object.__setattr__(installation, "database", Database("postgresql://u:secret@127.0.0.1:1/x"))
    try:
        response = await http.get("/readyz")
        assert response.status_code == 503
        shown = response.json()
        assert shown["status"] == "unavailable"
        assert shown["checks"]["storage"] == "ok"
        assert "does not work now" in shown["checks"]["database"]
        assert "does not work now" in shown["checks"]["hot_database"]
        assert "127.0.0.1" not in response.text
        assert (await ready(http, "/livez"))[0] == 200
    finally:
        await installation.database.close()
        object.__setattr__(installation, "database", there)


async def test_hot_pool_that_does_not_respond_makes_not_ready(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(installation.database.hot_pool, "fetch", never)
    monkeypatch.setattr(health, "PATIENCE", 2.0)
    assert "did not respond within" in await only_trouble(installation, "hot_database")


async def test_check_that_does_not_end_is_reported_and_not_repeated(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, begun = asyncio.Event(), []

    async def silent(*_: object) -> None:
        begun.append(1)
        try:
            await asyncio.Event().wait()
        finally:
            await ended.wait()  # as closing a connection to a silent server does

    monkeypatch.setattr(installation.database.hot_pool, "fetch", silent)
    monkeypatch.setattr(health, "PATIENCE", 1.0)
    checks = Health(installation)
    for _ in range(2):
        found = await checks.check()
        assert "did not respond within" in str(found["hot_database"])
        clock.move(timedelta(seconds=2))
    assert len(begun) == 1
    ended.set()


async def test_storage_that_rejects_writes_makes_not_ready(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise StorageUnavailable("No space left on device")

    monkeypatch.setattr(Storage, "put_bytes", full)
    assert "does not work" in await only_trouble(installation, "storage")


async def test_full_disk_makes_not_ready(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(100, 99, 1024**2))
    assert await only_trouble(installation, "disk") == (
        "Too little space is free in the data directory: 1 MiB, minimum 100 MiB."
    )


async def test_clock_that_differs_from_the_databases_makes_not_ready(installation: Installation) -> None:
    clock.move(timedelta(minutes=3))
    assert "clock differs from this process's by 180 s" in await only_trouble(installation, "database")


async def test_results_are_remembered_and_checks_do_not_pile_up(installation: Installation, tmp_path: Path) -> None:
    class Counted(Storage):
        writes = 0

        async def put_bytes(self, key: str, content: bytes) -> None:
            Counted.writes += 1
            await super().put_bytes(key, content)

    checks = Health(dataclasses.replace(installation, storage=Counted(None, tmp_path)))
    await asyncio.gather(*(checks.check() for _ in range(20)))
    assert Counted.writes == 1
    clock.move(timedelta(seconds=health.STORAGE_REMEMBERED + 1))
    await checks.check()
    assert Counted.writes == 2
    assert not [key for key, _ in await installation.storage.list("health")]


async def test_worker_that_looks_for_no_items_is_not_alive(installation: Installation) -> None:
    checks, looked = Health(installation), clock.monotonic()
    checks.last_search = lambda: looked
    transport = httpx2.ASGITransport(health_app(checks))
    async with httpx2.AsyncClient(transport=transport, base_url="http://worker") as http:
        assert (await http.get("/livez")).status_code == 200
        assert (await http.get("/readyz")).status_code == 200
        looked -= health.SEARCH_WITHIN + 1
        assert (await http.get("/livez")).json() == {"status": "stuck"}
        unready = await http.get("/readyz")
        assert (unready.status_code, "worker" in unready.json()["checks"]) == (503, True)
