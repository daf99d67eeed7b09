"""Bodies that cannot be read, or not stored."""

import json

import httpx2
import pytest

from tests.harness import Caller

JSON = {"Content-Type": "application/json"}


async def send(caller: Caller, content: bytes, headers: dict[str, str] = JSON) -> httpx2.Response:
    return await caller.call("POST", "/posts", content=content, headers=headers)


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "invalid_json"),
        (b"{", 400, "invalid_json"),
        (b"\xff\xfe", 400, "invalid_json"),
        (b'{"videos": NaN}', 400, "invalid_json"),
        (b'"\\ud800"', 400, "invalid_json"),
        (b"[" * 200_000, 400, "invalid_json"),
        (b'{"a":' * 60 + b"1" + b"}" * 60, 422, "validation_failed"),
        (b"[]", 422, "validation_failed"),
        (b"null", 422, "validation_failed"),
        (b" " * (8 * 1024 * 1024 + 1), 413, "body_too_large"),
        (b'{"videos": "' + b"x" * 10_000_000 + b'"}', 413, "body_too_large"),
    ],
)
async def test_unreadable(caller: Caller, content: bytes, status: int, code: str) -> None:
    answer = await send(caller, content)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_not_json(caller: Caller, kind: str) -> None:
    answer = await send(caller, b"{}", {"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_nul_is_named_where_it_stands(caller: Caller) -> None:
    body = {"videos": [{"editId": "a\x00b", "targets": []}], "x\x00y": 1}
    answer = await send(caller, json.dumps(body).encode())
    assert answer.status_code == 422
    assert {(e["path"], e["code"]) for e in answer.json()["errors"]} == {
        ("/videos/0/editId", "forbidden_character"),
        ("", "forbidden_character"),
    }


@pytest.mark.parametrize("path", ["/posts/not-a-uuid", "/renders/%F0%9F%8C%8A", "/connections/''"])
async def test_unknown_ids_are_not_found(caller: Caller, path: str) -> None:
    answer = await caller.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("query", [{"page": 0}, {"limit": 101}, {"limit": "x"}, {"status": "nope"}])
async def test_unusable_parameters(caller: Caller, query: dict[str, object]) -> None:
    answer = await caller.get("/posts", params=query)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert answer.json()["errors"]


async def test_unknown_paths_and_methods(caller: Caller) -> None:
    assert (await caller.get("/nothing")).json()["code"] == "not_found"
    wrong = await caller.call("PUT", "/posts")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")


async def test_an_error_of_ours_shows_nothing_of_itself(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr("clipcast.posts.repository.list_posts", broken)
    answer = await caller.get("/posts")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
