"""Keys, scopes and workspaces."""

from datetime import timedelta

import httpx2
import pytest

from clipcast.clock import clock
from clipcast.installation import Installation
from clipcast.testing.harness import API, Caller
from clipcast.workspaces.service import SCOPES, create_key, create_workspace, revoke


async def test_request_without_a_valid_key_returns_401(http: httpx2.AsyncClient) -> None:
    answer = await http.get(API + "/workspace")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["code"], problem["status"]) == ("unauthorized", 401)
    assert problem["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "The request has no API key."),
        ({"X-Api-Key": ""}, "The request has no API key."),
        ({"Authorization": "Basic dXNlcjpwYXNz"}, "The request has no API key."),
        ({"Authorization": "Bearer "}, "The request has no API key."),
        ({"X-Api-Key": "clipcast_wrong"}, "The API key is wrong, expired or revoked."),
        ({"Authorization": "Bearer clipcast_wrong"}, "The API key is wrong, expired or revoked."),
    ],
)
async def test_missing_and_wrong_key_have_different_messages(
    http: httpx2.AsyncClient, headers: dict[str, str], message: str
) -> None:
    answer = await http.get(API + "/workspace", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == "unauthorized"
    assert answer.json()["detail"].startswith(message)


@pytest.mark.parametrize("headers", [{"X-Api-Key": "{}"}, {"Authorization": "Bearer {}"}])
async def test_key_is_accepted_as_header_and_as_bearer_token(
    http: httpx2.AsyncClient, caller: Caller, headers: dict[str, str]
) -> None:
    sent = {name: value.format(caller.key) for name, value in headers.items()}
    answer = await http.get(API + "/workspace", headers=sent)
    assert answer.status_code == 200
    assert answer.json() == {
        "id": caller.workspace_id,
        "name": "Workspace",
        "plan": "self-hosted",
        "role": "owner",
        "seats": 1,
        "conform": "auto",
        "duplicates": "warn",
        "created_at": answer.json()["created_at"],
    }


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        ("posts:read", "GET", "/posts"),
        ("posts:write", "POST", "/posts"),
        ("posts:write", "DELETE", "/posts/x"),
        ("connections:read", "GET", "/connections"),
        ("renders:read", "GET", "/renders"),
        ("renders:write", "POST", "/renders"),
    ],
)
async def test_operation_without_its_scope_returns_403(
    installation: Installation, http: httpx2.AsyncClient, scope: str, method: str, path: str
) -> None:
    others = tuple(one for one in SCOPES if one != scope)
    without = await Caller.create(installation, http, "W", others)
    answer = await without.call(method, path, json={})
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert answer.json()["required_scope"] == scope


async def test_revoked_or_expired_key_returns_401(installation: Installation, http: httpx2.AsyncClient) -> None:
    async with installation.database.begin() as session:
        workspace = await create_workspace(session, "W")
        revoked, first = await create_key(session, "a", [workspace.id])
        _, second = await create_key(session, "b", [workspace.id], expires_at=clock.now() + timedelta(days=1))
        revoke(revoked)
    assert (await http.get(API + "/workspace", headers={"X-Api-Key": first})).status_code == 401
    assert (await http.get(API + "/workspace", headers={"X-Api-Key": second})).status_code == 200
    clock.move(timedelta(days=2))
    assert (await http.get(API + "/workspace", headers={"X-Api-Key": second})).status_code == 401


async def test_a_key_of_several_workspaces(installation: Installation, http: httpx2.AsyncClient) -> None:
    async with installation.database.begin() as session:
        one, two, other = [await create_workspace(session, name) for name in ("One", "Two", "Other")]
        _, key = await create_key(session, "k", [one.id, two.id])
    headers = {"X-Api-Key": key}
    unnamed = await http.get(API + "/workspace", headers=headers)
    assert (unnamed.status_code, unnamed.json()["code"]) == (400, "workspace_required")
    assert {row["name"] for row in unnamed.json()["workspaces"]} == {"One", "Two"}
    named = await http.get(API + "/workspace", headers=headers | {"X-Workspace-Id": str(two.id)})
    assert named.json()["name"] == "Two"
    foreign = await http.get(API + "/workspace", headers=headers | {"X-Workspace-Id": str(other.id)})
    assert foreign.status_code == 404


@pytest.mark.usefixtures("stopped_clock")
async def test_request_beyond_the_rate_limit_returns_429(
    installation: Installation, http: httpx2.AsyncClient, caller: Caller
) -> None:
    object.__setattr__(installation, "settings", installation.settings.model_copy(update={"rate_limit_per_minute": 3}))
    answers = [await caller.get("/workspace") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].json()["code"] == "rate_limited"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 120
