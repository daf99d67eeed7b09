"""Idempotency-Key, also under concurrency."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from clipcast.clock import clock
from clipcast.testing.harness import Caller, Stage
from clipcast.workspaces.service import create_key

METADATA = {"title": "Tide"}


async def body_of(stage: Stage) -> dict:
    connection, edit = await stage.connect("youtube"), await stage.caller.upload(stage.clip)
    target = {"connectionId": connection, "metadata": {"youtube": METADATA}}
    return {"videos": [{"editId": edit, "targets": [target]}]}


async def count_posts(caller: Caller) -> int:
    return (await caller.get("/posts")).json()["pagination"]["total_count"]


async def test_repeated_request_returns_the_first_response(stage: Stage) -> None:
    body, headers = await body_of(stage), {"Idempotency-Key": "one"}
    first = await stage.caller.post("/posts", body, headers=headers)
    second = await stage.caller.post("/posts", body, headers=headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second.headers["location"] == first.headers["location"]
    assert second.headers["idempotency-replayed"] == "true"
    assert await count_posts(stage.caller) == 1


async def test_concurrent_requests_with_one_key_create_one_post(stage: Stage) -> None:
    body, headers = await body_of(stage), {"Idempotency-Key": "one"}
    answers = await asyncio.gather(*(stage.caller.post("/posts", body, headers=headers) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["post_id"] for answer in answers}) == 1
    assert await count_posts(stage.caller) == 1


async def test_key_with_another_request_returns_422(stage: Stage) -> None:
    body, headers = await body_of(stage), {"Idempotency-Key": "one"}
    await stage.caller.post("/posts", body, headers=headers)
    body["scheduled_at"] = (clock.now() + timedelta(days=1)).isoformat()
    other = await stage.caller.post("/posts", body, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    elsewhere = await stage.caller.post("/videos/upload", {"file_name": "a.mp4", "file_size": 5}, headers=headers)
    assert elsewhere.status_code == 422


async def test_failed_request_leaves_the_key_unused(stage: Stage) -> None:
    body, headers = await body_of(stage), {"Idempotency-Key": "one"}
    wrong = body | {"scheduled": "tomorrow"}
    assert (await stage.caller.post("/posts", wrong, headers=headers)).status_code == 422
    assert (await stage.caller.post("/posts", body, headers=headers)).status_code == 201


async def test_key_expires_after_24_hours(stage: Stage) -> None:
    body, headers = await body_of(stage), {"Idempotency-Key": "one"}
    first = await stage.caller.post("/posts", body, headers=headers)
    clock.move(timedelta(hours=23))
    assert (await stage.caller.post("/posts", body, headers=headers)).json() == first.json()
    clock.move(timedelta(hours=2))
    later = await stage.caller.post("/posts", body, headers=headers)
    assert (later.status_code, later.json()["post_id"] == first.json()["post_id"]) == (201, False)


async def test_same_key_in_two_workspaces_creates_two_videos(stage: Stage) -> None:
    other = await Caller.create(stage.installation, stage.caller.http, "Other")
    body, headers = {"file_name": "a.mp4", "file_size": 5}, {"Idempotency-Key": "one"}
    first = await stage.caller.post("/videos/upload", body, headers=headers)
    second = await other.post("/videos/upload", body, headers=headers)
    assert first.json()["video_id"] != second.json()["video_id"]


async def test_limited_key_gets_no_response_of_another_key(stage: Stage) -> None:
    """The stored response holds what the limited key may not see: a webhook's secret, a link to all posts."""
    client = (await stage.caller.post("/clients", {"name": "Ours", "timezone": "UTC"})).json()
    async with stage.installation.database.begin() as session:
        workspace = UUID(stage.caller.workspace_id)
        _, secret = await create_key(session, "ours", [workspace], client_ids=[UUID(client["id"])])
    limited, headers = replace(stage.caller, key=secret), {"Idempotency-Key": "one"}
    whole = {"name": "Everything"}
    assert (await stage.caller.post("/review-links", whole, headers=headers)).status_code == 201
    refused = await limited.post("/review-links", whole, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "limited_to_clients")
    own = {"name": "Ours", "client_id": client["id"]}
    first, second = [await limited.post("/review-links", own, headers=headers) for _ in range(2)]
    assert (first.status_code, first.json()) == (201, second.json())
    assert second.headers["idempotency-replayed"] == "true"


async def test_repeat_during_a_long_first_request_returns_409(stage: Stage, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("clipcast.api.idempotency.PATIENCE", timedelta(seconds=1))
    body, headers = await body_of(stage), {"Idempotency-Key": "one"}
    async with stage.installation.database.connect() as connection:
        await connection.execute(
            text(
                "INSERT INTO idempotent_answers (workspace_id, key, fingerprint, created_at) VALUES (:w, 'one', '', :n)"
            ),
            {"w": stage.caller.workspace_id, "n": clock.now()},
        )
        answer = await stage.caller.post("/posts", body, headers=headers)
        await connection.rollback()
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_progress")
    assert "retry-after" in answer.headers


async def test_timeout_of_another_lock_returns_503_and_leaves_the_key_unused(stage: Stage, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("clipcast.api.idempotency.PATIENCE", timedelta(seconds=1))
    body, headers = await body_of(stage), {"Idempotency-Key": "one"}
    retry = f"/posts/{(await stage.caller.post('/posts', body)).json()['post_id']}/retry"
    async with stage.installation.database.connect() as connection:
        await connection.execute(text("SELECT FROM posts FOR UPDATE"))
        await connection.execute(text("SELECT FROM items FOR UPDATE"))
        answer = await stage.caller.post(retry, headers=headers)
        await connection.rollback()
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    again = await stage.caller.post(retry, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "no_failed_items"), "the key is free again"


async def test_invalid_key_returns_400(stage: Stage) -> None:
    for key in ("", "x" * 256):
        answer = await stage.caller.post("/posts", await body_of(stage), headers={"Idempotency-Key": key})
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")


async def test_two_keys_return_400_and_create_nothing(stage: Stage) -> None:
    twice = [("X-Api-Key", stage.caller.key), ("Idempotency-Key", "one"), ("Idempotency-Key", "two")]
    answer = await stage.caller.http.post("/api/v1/posts", json=await body_of(stage), headers=twice)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")
    assert "2 headers" in answer.json()["message"]
    assert (await stage.caller.get("/posts")).json()["posts"] == []


async def test_stored_response_is_encrypted(stage: Stage) -> None:
    body, headers = {"file_name": "a.mp4", "file_size": 5}, {"Idempotency-Key": "one"}
    first = await stage.caller.post("/videos/upload", body, headers=headers)
    async with stage.installation.database.connect() as connection:
        [row] = (await connection.execute(text("SELECT idempotent_answers::text FROM idempotent_answers"))).scalars()
        stored = (await connection.execute(text("SELECT sealed FROM idempotent_answers"))).scalar_one()
    token = first.json()["upload_url"].rsplit("/", 1)[1]
    assert token not in row
    assert token.encode() not in bytes(stored)
    assert (await stage.caller.post("/videos/upload", body, headers=headers)).json() == first.json()


async def test_unencrypted_stored_response_is_replayed(stage: Stage) -> None:
    body, headers = await body_of(stage), {"Idempotency-Key": "one"}
    first = await stage.caller.post("/posts", body, headers=headers)
    async with stage.installation.database.connect() as connection:
        clear = text("UPDATE idempotent_answers SET sealed = NULL, body = CAST(:body AS jsonb)")
        await connection.execute(clear, {"body": first.text})
    assert (await stage.caller.post("/posts", body, headers=headers)).json() == first.json()
    assert await count_posts(stage.caller) == 1
