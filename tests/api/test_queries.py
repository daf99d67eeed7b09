"""A query parameter that an operation does not declare is named, and nothing is done."""

import re
from typing import Any

import pytest
from fastapi.dependencies.utils import get_flat_params

from clipcast.api import queries
from clipcast.server.app import describe_components
from clipcast.testing.harness import Caller, Stage

OPERATIONS = [
    (method.upper(), re.sub(r"\{[^}]*\}", "0198c7a4-9f63-7a24-8b1d-3c4d5e6f7a8b", path))
    for path, operations in describe_components()["paths"].items()
    for method in operations
]
# The parameters that clients of the original API send.
ORIGINAL = (
    ("/balance/history", ("page", "limit", "type", "reference_type")),
    ("/clips", ("page", "limit", "sort")),
    ("/clips/{id}/submissions", ("page", "limit")),
    ("/clips/{id}/submissions/{id}/clips", ("min_rating", "limit")),
    ("/templates", ("page", "limit", "filter", "sort")),
    ("/renders", ("page", "limit", "status")),
    ("/posts", ("page", "limit", "status")),
    ("/connections", ("page", "limit", "platform")),
)


async def test_unknown_query_parameter_is_rejected_by_every_operation(caller: Caller) -> None:
    for method, path in OPERATIONS:
        response = await caller.call(method, path, params={"zzz": "1"})
        found = [(one["path"], one["code"]) for one in response.json().get("errors", ())]
        assert (response.status_code, found) == (422, [("/query/zzz", "unknown_parameter")]), (method, path)


async def test_misspelt_query_parameter_is_named_with_the_near_one(caller: Caller) -> None:
    for method, path, query, advice in (
        ("POST", "/posts/csv", "dryrun=true", "Did you mean 'dry_run'?"),
        ("POST", "/posts", "partail=true", "Did you mean 'partial'?"),
        ("GET", "/posts", "stauts=failed", "Did you mean 'status'?"),
        ("GET", "/connections", "platfrom=tiktok", "Did you mean 'platform'?"),
        ("POST", "/posts", "dry_run=true", "Remove it. This operation accepts partial."),
        ("GET", "/workspace", "dry_run", "Remove it. This operation accepts none."),
    ):
        response = await caller.call(method, f"{path}?{query}")
        expected = f"There is no query parameter {query.split('=')[0]!r}. {advice}"
        assert (response.status_code, [one["message"] for one in response.json()["errors"]]) == (422, [expected])


async def test_misspelt_dry_run_of_a_plan_creates_nothing(stage: Stage) -> None:
    edit = await stage.caller.upload(stage.clip)
    await stage.connect("bluesky", "harbour.films")
    content = f"edit_id,to,text\n{edit},bluesky:@harbour.films,First light\n".encode()
    headers = {"Content-Type": "text/csv"}
    checked = await stage.caller.call("POST", "/posts/csv?dry_run=true", content=content, headers=headers)
    assert (checked.status_code, checked.json()["errors"]) == (200, [])
    response = await stage.caller.call("POST", "/posts/csv?dryrun=true", content=content, headers=headers)
    assert response.status_code == 422
    assert (await stage.caller.get("/posts")).json()["posts"] == []


async def test_repeated_query_parameter_is_rejected(caller: Caller) -> None:
    response = await caller.get("/posts?limit=5&limit=7&page=1")
    problem: dict[str, Any] = {
        "path": "/query/limit",
        "code": "repeated_parameter",
        "message": "The query parameter 'limit' is given 2 times. Give it once.",
        "limit": 1,
        "actual": 2,
    }
    assert (response.status_code, response.json()["errors"]) == (422, [problem])


async def test_request_without_a_key_returns_401(caller: Caller) -> None:
    response = await caller.http.get("/api/v1/posts?stauts=failed")
    assert response.status_code == 401


async def test_parameters_of_an_operation_are_collected_once(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    collected = []

    def collect(dependant: Any) -> Any:
        collected.append(dependant)
        return get_flat_params(dependant)

    monkeypatch.setattr(queries, "get_flat_params", collect)
    for path in ("/posts?limit=5", "/posts?limit=7", "/renders?limit=5", "/posts?limit=9"):
        assert (await caller.get(path)).status_code == 200
    assert len(collected) <= 2  # the tests share the operations: an earlier one may have collected them


def test_parameters_of_the_original_are_declared() -> None:
    declared = {
        re.sub(r"\{[^}]*\}", "{id}", path): {one.get("name") for one in operations["get"]["parameters"]}
        for path, operations in describe_components()["paths"].items()
        if "get" in operations
    }
    missing = {(path, name) for path, names in ORIGINAL for name in names if name not in declared[path]}
    assert missing == set()
