"""Tokens of unused accounts are renewed before they expire, and preflight reports those that cannot be renewed."""

from datetime import timedelta
from typing import Any

import pytest

from clipcast.clock import clock
from clipcast.testing.harness import Stage

METADATA: dict[str, dict[str, Any]] = {
    "linkedin": {"commentary": "Tide"},
    "instagram": {"caption": "Tide"},
    "facebook": {"description": "Tide"},
}


async def shown(stage: Stage, connection: str) -> dict[str, Any]:
    return (await stage.caller.get(f"/connections/{connection}")).json()


async def test_idle_account_stays_connected(stage: Stage) -> None:
    """Instagram's tokens live 60 days, and only a valid token can be renewed."""
    connection = await stage.connect("instagram")
    first = (await shown(stage, connection))["expires_at"]
    assert await stage.worker.renew_idle() == 0
    clock.move(timedelta(days=50))
    assert await stage.worker.renew_idle() == 1
    assert await stage.worker.renew_idle() == 0
    assert (await shown(stage, connection))["expires_at"] > first
    clock.move(timedelta(days=30))
    post_id = await stage.post(connection, "instagram", METADATA["instagram"])
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"


async def test_short_token_with_a_long_refresh_token_is_not_renewed_early(stage: Stage) -> None:
    await stage.connect("bluesky")
    clock.move(timedelta(days=60))
    assert await stage.worker.renew_idle() == 0
    clock.move(timedelta(days=10))
    assert await stage.worker.renew_idle() == 1


@pytest.mark.parametrize(("change", "status"), [({"revoked": True}, "needs_reconnect"), (None, "active")])
async def test_only_a_rejected_renewal_disconnects(stage: Stage, change: dict[str, Any] | None, status: str) -> None:
    connection = await stage.connect("instagram")
    clock.move(timedelta(days=50))
    if change:
        await stage.sandbox.change_account("instagram", **change)
    else:
        await stage.sandbox.fault("instagram", "refresh", "before", "status", status=503)
    assert await stage.worker.renew_idle() == 0
    assert (await shown(stage, connection))["status"] == status


async def validate_at(stage: Stage, platform: str, connection: str, days: int) -> dict[str, Any]:
    edit = await stage.caller.upload(stage.clip)
    target = {"connectionId": connection, "metadata": {platform: METADATA[platform]}}
    at = (clock.now() + timedelta(days=days)).isoformat()
    body = {"videos": [{"editId": edit, "targets": [target]}], "scheduled_at": at}
    return (await stage.caller.post("/posts/validate", body)).json()


async def test_post_after_the_end_of_the_authorization_is_rejected(stage: Stage) -> None:
    """LinkedIn gives most apps no refresh token: after 60 days the member must authorize again."""
    await stage.sandbox.settings(linkedin={"refresh_tokens": False})
    connection = await stage.connect("linkedin")
    assert (await validate_at(stage, "linkedin", connection, 59))["errors"] == []
    [error] = (await validate_at(stage, "linkedin", connection, 61))["errors"]
    assert (error["path"], error["code"]) == ("/videos/0/targets/0/connectionId", "sign_in_ends_before")


async def test_post_after_the_end_of_a_renewable_authorization_is_a_warning(stage: Stage) -> None:
    connection = await stage.connect("instagram")
    found = await validate_at(stage, "instagram", connection, 100)
    assert (found["valid"], [w["code"] for w in found["warnings"]]) == (True, ["sign_in_ends_before"])


async def test_authorization_without_an_end_gives_no_warning(stage: Stage) -> None:
    connection = await stage.connect("facebook")
    found = await validate_at(stage, "facebook", connection, 360)
    assert (found["errors"], found["warnings"]) == ([], [])
