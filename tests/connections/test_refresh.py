"""Access tokens are refreshed before they expire, at different times, and not during guarded requests."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from clipcast.clock import clock
from clipcast.connections.tokens import REFRESH_AT, REFRESH_SPREAD, refresh_due
from clipcast.database.models.connections import Connection
from clipcast.testing.harness import Stage
from clipcast.testing.loop_time import move_loop_time

HOUR = timedelta(hours=1)
METADATA = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}


def due_after(connection: Any, share: float) -> bool:
    now = clock.now()
    return refresh_due(connection, now - share * 2 * HOUR, now + (1 - share) * 2 * HOUR)


def test_accounts_refresh_at_different_times_before_the_end() -> None:
    accounts = [uuid4() for _ in range(300)]
    assert not any(due_after(one, REFRESH_AT - REFRESH_SPREAD - 0.01) for one in accounts)
    assert all(due_after(one, REFRESH_AT + 0.01) for one in accounts)
    half = sum(due_after(one, REFRESH_AT - REFRESH_SPREAD / 2) for one in accounts)
    assert 90 < half < 210
    assert not refresh_due(accounts[0], clock.now() - 1000 * HOUR, None)


def test_token_without_lifetime_is_due() -> None:
    now = clock.now() - HOUR
    assert refresh_due(uuid4(), now, now)


@pytest.mark.parametrize(("spent", "refreshes"), [(0.8, 0), (0.95, 1)])
async def test_refresh_waits_for_guarded_request_unless_the_end_is_near(
    stage: Stage, spent: float, refreshes: int
) -> None:
    """One item sends its last bytes while another item of the account starts."""
    connection, edit = await stage.connect("tiktok"), await stage.caller.upload(stage.clip)
    await stage.sandbox.fault("tiktok", "chunk", "after", "delay", seconds=60)
    first = await stage.post(connection, "tiktok", METADATA, edit)
    sending = asyncio.create_task(stage.worker.run_due())
    while "chunk" not in await stage.sandbox.requests("tiktok"):
        await asyncio.sleep(0.02)
    # Move the token's lifetime so that this share of it is over.
    async with stage.installation.database.begin() as session:
        row = await session.get_one(Connection, UUID(connection))
        life = row.expires_at - row.issued_at
        row.issued_at, row.expires_at = clock.now() - spent * life, clock.now() + (1 - spent) * life
    second = await stage.post(connection, "tiktok", METADATA, edit)
    other = stage.new_worker()
    await other.run_due()
    assert (await stage.sandbox.requests("tiktok")).count("refresh") == refreshes
    move_loop_time(60)
    await sending
    third = await stage.post(connection, "tiktok", METADATA, edit)
    await other.run_due()
    assert (await stage.sandbox.requests("tiktok")).count("refresh") == 1
    await other.close()
    await stage.run_until_ended()
    for post in (first, second, third):
        assert (await stage.item(post))["status"] == "published"
