"""Bodies that cannot be read, or not stored."""

import json

import httpx2
import pytest

from clipcast.testing.harness import Caller

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
        (b'"\\ud800"', 422, "validation_failed"),
        (b"[" * 200_000, 422, "validation_failed"),
        (b"9" * 5000, 400, "invalid_json"),
        (b'{"videos": 1e999}', 422, "validation_failed"),
        (b'{"videos": Infinity}', 400, "invalid_json"),
        (b"\xef\xbb\xbf{}", 400, "invalid_json"),
        ("{}".encode("utf-16"), 400, "invalid_json"),
        (b"[" + b"[]," * 600_000 + b"1]", 422, "validation_failed"),
        (b'{"a":' * 60 + b"1" + b"}" * 60, 422, "validation_failed"),
        (b"[]", 422, "validation_failed"),
        (b"null", 422, "validation_failed"),
        (b" " * (8 * 1024 * 1024 + 1), 413, "body_too_large"),
        (b'{"videos": "' + b"x" * 10_000_000 + b'"}', 413, "body_too_large"),
    ],
)
async def test_unreadable_body_returns_its_code(caller: Caller, content: bytes, status: int, code: str) -> None:
    answer = await send(caller, content)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_body_of_another_type_returns_415(caller: Caller, kind: str) -> None:
    answer = await send(caller, b"{}", {"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_nul_in_a_text_is_reported_with_its_path(caller: Caller) -> None:
    body = {"videos": [{"editId": "a\x00b", "targets": []}], "x\x00y": 1}
    answer = await send(caller, json.dumps(body).encode())
    assert answer.status_code == 422
    assert {(e["path"], e["code"]) for e in answer.json()["errors"]} == {
        ("/videos/0/editId", "forbidden_character"),
        ("", "forbidden_character"),
    }


@pytest.mark.parametrize("path", ["/posts/not-a-uuid", "/renders/%F0%9F%8C%8A", "/connections/''"])
async def test_unknown_id_returns_404(caller: Caller, path: str) -> None:
    answer = await caller.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("query", [{"page": 0}, {"limit": 101}, {"limit": "x"}, {"status": "nope"}])
async def test_invalid_query_parameter_returns_422(caller: Caller, query: dict[str, object]) -> None:
    answer = await caller.get("/posts", params=query)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert answer.json()["errors"]


async def test_unknown_path_returns_404_and_wrong_method_405(caller: Caller) -> None:
    assert (await caller.get("/nothing")).json()["code"] == "not_found"
    wrong = await caller.call("PUT", "/posts")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")


async def test_internal_error_shows_no_internals(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr("clipcast.posts.repository.list_posts", broken)
    answer = await caller.get("/posts")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"] == answer.json()["request_id"]


def problems_in(answer: httpx2.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return [(problem["path"], problem["code"]) for problem in answer.json()["errors"]]


@pytest.mark.parametrize("method", ["POST /posts", "POST /posts/validate", "PATCH /posts/x", "POST /renders"])
@pytest.mark.parametrize(
    ("content", "path"),
    [
        ('{"scheduled_at": "2099-01-01T00:00:00Z", "scheduled_at": null}', "/scheduled_at"),
        ('{"videos": [], "v\\u0069deos": []}', "/videos"),
        ('{"videos": [{"targets": [{"metadata": {"tiktok": {"a/b": 1, "a/b": 2}}}]}]}',
         "/videos/0/targets/0/metadata/tiktok/a~1b"),
        ('{"a": [[{"b": {"c": 1, "d": 1, "d": 1, "d": 2}}]]}', "/a/0/0/b/d"),
    ],
)  # fmt: skip
async def test_repeated_key_is_reported_with_its_path(caller: Caller, method: str, content: str, path: str) -> None:
    verb, where = method.split()
    answer = await caller.call(verb, where, content=content.encode(), headers=JSON)
    assert problems_in(answer) == [(path, "duplicate_key")]
    assert path.rsplit("/", 1)[1].replace("~1", "/") in answer.json()["errors"][0]["message"]


async def test_every_repeated_key_is_reported(caller: Caller) -> None:
    answer = await send(
        caller, b'{"a": {"x": 1, "x": 1}, "b": [{"y": 1, "y": 1, "z": 0, "z": 0}], "a": {"w": 1, "w": 2}}'
    )
    assert problems_in(answer) == [
        ("/a", "duplicate_key"),
        ("/a/w", "duplicate_key"),
        ("/b/0/y", "duplicate_key"),
        ("/b/0/z", "duplicate_key"),
    ]


async def test_lone_surrogate_is_reported_with_its_path(caller: Caller) -> None:
    answer = await send(caller, b'{"videos": [{"editId": "a\\ud83d"}], "\\udc00": 1, "ok": "\\ud83d\\ude00"}')
    assert problems_in(answer) == [("/videos/0/editId", "forbidden_character"), ("", "forbidden_character")]


async def test_object_with_too_many_fields_is_one_problem(caller: Caller) -> None:
    body = {f"field{number}": 1 for number in range(100_000)}
    answer = await send(caller, json.dumps(body).encode())
    assert problems_in(answer) == [("", "too_many_fields")]
    assert answer.json()["errors"][0]["actual"] == 100_000


async def test_problems_beyond_a_hundred_are_counted(caller: Caller) -> None:
    body = {"videos": [{f"f{number}": 1 for number in range(90)} for _ in range(3)]}
    answer = await send(caller, json.dumps(body).encode())
    problem = answer.json()
    assert len(problem["errors"]) == 100
    # 90 unknown and two missing fields in each.
    assert problem["detail"].startswith("101 problems, of which the first 100 are listed")
    assert problem["more_errors"] == 1
    assert len(answer.content) < 50_000


async def test_many_targets_with_unknown_fields_return_422(caller: Caller) -> None:
    target = {f"f{number}": 1 for number in range(90)}
    body = json.dumps({"videos": [{"editId": "x", "targets": [target] * 50}] * 40}).encode()
    answer = await send(caller, body)
    assert answer.json()["errors"][0]["code"] == "too_many_problems"
    checked = await caller.call("POST", "/posts/validate", content=body, headers=JSON)
    assert len(checked.json()["errors"]) <= 100


@pytest.mark.parametrize(
    ("method", "body", "meant"),
    [
        ("POST /posts", {"scheduledAt": None}, "scheduled_at"),
        ("POST /posts", {"sheduled_at": None}, "scheduled_at"),
        ("POST /posts", {"vidoes": []}, "videos"),
        ("POST /posts", {"videos": [{"editid": "x"}]}, "editId"),
        ("POST /posts", {"videos": [{"target": []}]}, "targets"),
        ("POST /posts", {"videos": [{"targets": [{"metdata": {}}]}]}, "metadata"),
        ("PATCH /posts/x", {"items": [{"meta_data": {}}]}, "metadata"),
        # What exists elsewhere, or is far from it, is no help.
        ("POST /posts", {"targets": []}, None),
        ("POST /posts", {"metadata": {}}, None),
        ("PATCH /posts/x", {"videos": []}, None),
        ("PATCH /posts/x", {"status": "pending"}, None),
        ("PATCH /posts/x", {"item_id": "x"}, None),
        ("POST /posts", {"x" * 5000: 1}, None),
    ],
)
async def test_only_close_names_of_the_same_place_are_suggested(
    caller: Caller, method: str, body: dict[str, object], meant: str | None
) -> None:
    verb, path = method.split()
    response = await caller.call(verb, path, json=body)
    [message] = [one["message"] for one in response.json()["errors"] if one["code"] == "unknown_field"]
    assert message.endswith(f"Did you mean {meant!r}?" if meant else ". Remove it.")


async def test_very_long_text_is_rejected_without_counting_it(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    from clipcast.platforms.bluesky import metadata

    counted: list[int] = []
    limit = metadata.Limit(300, lambda text: counted.append(len(text)) or len(text), "characters")
    assert limit.measure("x" * 9600) == 9600
    assert limit.measure("e\u0301" * 2_000_000) == 4_000_000
    assert counted == [9600]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/posts", "GET, POST"),
        ("/posts/x", "DELETE, GET, PATCH"),
        ("/posts/validate", "DELETE, GET, PATCH, POST"),
        ("/renders/x", "DELETE, GET"),
        ("/workspace", "GET, PATCH"),
    ],
)
async def test_allow_lists_every_method(caller: Caller, path: str, allowed: str) -> None:
    answer = await caller.call("PUT", path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert allowed in answer.json()["detail"]


async def test_message_equals_detail(caller: Caller) -> None:
    problem = (await caller.get("/posts/x")).json()
    assert problem["message"] == problem["detail"]
