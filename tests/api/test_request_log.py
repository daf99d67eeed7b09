"""The request log: what it keeps, what it leaves out, and what it never holds."""

import json
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, text

from clipcast.api.request_log import BODY_MAX, WAITING_MAX, RequestLog
from clipcast.audit import requests
from clipcast.audit.requests import LIFETIME, RequestFilter, delete_old_requests, list_requests
from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database.models.requests import LoggedRequest
from clipcast.installation import Installation
from clipcast.publishing.housekeeping import delete_expired
from clipcast.testing.harness import Caller, Stage


async def logged(
    application: FastAPI, installation: Installation, caller: Caller, wanted: RequestFilter | None = None
) -> Sequence[LoggedRequest]:
    await application.state.request_log.close(installation.database.hot_pool)
    async with installation.database.session() as session:
        found, _ = await list_requests(session, UUID(caller.workspace_id), wanted or RequestFilter())
        return found


async def test_changes_and_refusals_are_logged(
    application: FastAPI, installation: Installation, caller: Caller
) -> None:
    await caller.get("/posts")
    await caller.get("/posts?limit=0")
    made = await caller.post("/webhooks", {"url": "http://10.0.0.1/"})
    missing = await caller.call("DELETE", f"/posts/{new_id()}")
    rows = await logged(application, installation, caller)
    assert [(row.method, row.path.split("/")[3].split("?")[0], row.status) for row in rows] == [
        ("DELETE", "posts", 404), ("POST", "webhooks", 422), ("GET", "posts", 422),
    ]  # fmt: skip
    newest = rows[0]
    assert str(newest.id) == missing.headers["x-request-id"]
    assert (newest.code, newest.key_name, newest.is_replay, newest.request_body) == ("not_found", "test", False, None)
    assert json.loads(rows[1].response_body or "") == made.json()
    assert json.loads(rows[1].request_body or "") == {"url": "http://10.0.0.1/"}
    refused = await logged(application, installation, caller, RequestFilter(refused=True, search="webh"))
    assert [row.id for row in refused] == [rows[1].id]


async def test_requests_without_a_valid_key_are_not_logged(
    application: FastAPI, installation: Installation, caller: Caller
) -> None:
    other = Caller(caller.http, "clipcast_wrong", caller.workspace_id)
    assert (await other.post("/posts", {})).status_code == 401
    assert await logged(application, installation, caller) == []


async def test_repeated_request_is_marked(stage: Stage, application: FastAPI) -> None:
    connection, edit = await stage.connect("youtube"), await stage.caller.upload(stage.clip)
    target = {"connectionId": connection, "metadata": {"youtube": {"title": "Tide"}}}
    for _ in range(2):
        await stage.caller.post(
            "/posts", {"videos": [{"editId": edit, "targets": [target]}]}, headers={"Idempotency-Key": "one"}
        )
    rows = await logged(application, stage.installation, stage.caller, RequestFilter(search="/posts"))
    assert [(row.status, row.is_replay) for row in rows] == [(201, True), (201, False)]


async def test_rows_hold_no_secret(application: FastAPI, installation: Installation, caller: Caller) -> None:
    started = (await caller.post("/videos/upload", {"file_name": "a.mp4", "file_size": 9})).json()
    await caller.post("/webhooks?token=hunter2", {"url": "https://me:hunter2@127.0.0.1/hook?key=hunter2"})
    make = await caller.post("/webhooks", {"url": "https://hook.eu1.make.com/hunter2abcdefghijklmnopqrstuvwx"})
    assert make.status_code == 201
    await caller.post("/webhooks", {"url": "http://127.0.0.1/services/hunter2"})
    rows = await logged(application, installation, caller)
    assert [row.path for row in rows] == [
        "/api/v1/webhooks", "/api/v1/webhooks", "/api/v1/webhooks?token=***", "/api/v1/videos/upload"
    ]  # fmt: skip
    async with installation.database.connect() as connection:
        kept = str((await connection.execute(text("SELECT logged_requests::text FROM logged_requests"))).all())
    assert started["video_id"] in kept
    for secret in (started["upload_url"].rsplit("/", 1)[1], "hunter2", caller.key):
        assert secret not in kept


@pytest.mark.parametrize(
    "body",
    [b"\x00\xff", b"[" * 100_000, b'{"a": "\\u0000\\ud800"}', b'{"a": 1e999}', json.dumps("x" * BODY_MAX).encode()],
)
async def test_odd_bodies_are_logged_or_left_out(
    application: FastAPI, installation: Installation, caller: Caller, body: bytes
) -> None:
    response = await caller.call("POST", "/posts", content=body, headers={"Content-Type": "application/json"})
    assert 400 <= response.status_code < 500
    [row] = await logged(application, installation, caller)
    assert (row.status, row.code) == (response.status_code, response.json()["code"])


async def test_flood_is_bounded(installation: Installation, caller: Caller) -> None:
    log = RequestLog()
    row = {
        "workspace_id": caller.workspace_id, "key_id": str(new_id()), "key_name": "test", "method": "POST",
        "path": "/", "status": 201, "code": "", "is_replay": False, "milliseconds": 1, "request_body": None,
        "response_body": None, "created_at": clock.now().isoformat(),
    }  # fmt: skip
    for _ in range(WAITING_MAX + 10):
        log.add(installation.database.hot_pool, row | {"id": str(new_id())})
    await log.close(installation.database.hot_pool)
    async with installation.database.session() as session:
        assert await session.scalar(select(func.count()).select_from(LoggedRequest)) == WAITING_MAX


async def test_requests_of_a_deleted_workspace_are_dropped(
    application: FastAPI, installation: Installation, caller: Caller
) -> None:
    """The others of the same moment are saved."""
    gone = await Caller.create(installation, caller.http, "Gone")
    await gone.post("/posts", {})
    await caller.post("/posts", {})
    async with installation.database.begin() as session:
        await session.execute(text("DELETE FROM workspaces WHERE id = :id"), {"id": UUID(gone.workspace_id)})
    assert len(await logged(application, installation, caller)) == 1


async def test_old_requests_are_deleted(
    application: FastAPI, installation: Installation, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        await caller.post("/posts", {})
    rows = await logged(application, installation, caller)
    monkeypatch.setattr(requests, "KEPT_MAX", 3)
    async with installation.database.begin() as session:
        await delete_old_requests(session)
    assert [row.id for row in await logged(application, installation, caller)] == [row.id for row in rows[:3]]
    clock.move(LIFETIME + timedelta(minutes=1))
    await delete_expired(installation.database, installation.storage)
    assert await logged(application, installation, caller) == []
