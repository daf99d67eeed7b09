"""The data of the overview page: past days and due items."""

from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from clipcast.clock import clock
from clipcast.database.models.connections import Connection
from clipcast.posts import overview
from clipcast.testing.harness import Stage
from tests.times import move_to

TIKTOK = {"title": "x", "privacyLevel": "SELF_ONLY"}


async def test_overview_shows_published_and_failed_items(stage: Stage) -> None:
    zone = ZoneInfo("Pacific/Auckland")
    move_to(12, zone)
    workspace = UUID(stage.caller.workspace_id)
    connection = await stage.connect("tiktok")
    edit = await stage.caller.upload(stage.clip)
    await stage.post(connection, "tiktok", TIKTOK, edit)
    await stage.run_until_ended()
    refusal = {"error": {"code": "invalid_params", "message": "No", "log_id": "x"}}
    await stage.sandbox.fault("tiktok", "video_init", "before", "status", status=400, body=refusal)
    failed = await stage.post(connection, "tiktok", TIKTOK, edit)
    await stage.run_until_ended()
    at = (clock.now() + timedelta(days=2)).replace(microsecond=0)
    body = {"videos": [{"editId": edit, "targets": [{"connectionId": connection, "metadata": {"tiktok": TIKTOK}}]}]}
    await stage.caller.post("/posts", body | {"scheduled_at": at.isoformat()})
    today = clock.now().astimezone(zone).date()
    midnight, ends = (datetime.combine(day, time(), zone) for day in (today, today + timedelta(days=1)))
    async with stage.installation.database.session() as session:
        days = await overview.by_day(session, workspace, zone)
        late = await overview.lateness(session, workspace)
        of_today = await overview.today(session, workspace, midnight, ends)
        following = await overview.next_post(session, workspace)
        ahead = await overview.days_ahead(session, workspace, zone)
        [needy] = await overview.stuck_items(session, workspace)
    assert len(days) == overview.DAYS
    assert days[-1].date == str(today)
    assert (days[-1].published, days[-1].failed) == (1, 1)
    assert [(day.published, day.failed) for day in days[:-2]] == [(0, 0)] * 28
    assert late is not None
    assert late >= 0
    assert (of_today.out, of_today.to_go, len(of_today.past), of_today.ahead) == (2, 0, 2, [])
    assert following is not None
    assert following.scheduled_at == at
    assert ahead.by_account == {UUID(connection): {at.astimezone(zone).date(): {following.id}}}
    assert str(needy.post_id) == failed
    # The time that a person takes to retry is no lateness.
    clock.move(timedelta(hours=1))
    await stage.caller.post(f"/posts/{failed}/retry", {})
    await stage.run_until_ended()
    async with stage.installation.database.session() as session:
        late = await overview.lateness(session, workspace)
    assert late is not None
    assert late < 60


async def test_items_of_other_accounts_do_not_hide_those_that_wait_for_a_lost_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = UUID(stage.caller.workspace_id)
    for _ in range(2):
        connection = await stage.connect("tiktok")
        await stage.post(connection, "tiktok", TIKTOK)
    monkeypatch.setattr(overview, "WAITING_OF", 1)
    async with stage.installation.database.begin() as session:
        lost = update(Connection).values(status="needs_reconnect").where(Connection.id == UUID(connection))
        await session.execute(lost)
    async with stage.installation.database.session() as session:
        [(account, waiting)] = await overview.lost_accounts(session, workspace, 5)
    assert (str(account.id), waiting) == (connection, 1)


async def test_items_that_wait_for_a_lost_account_are_counted(stage: Stage) -> None:
    workspace = UUID(stage.caller.workspace_id)
    connection = await stage.connect("tiktok")
    await stage.post(connection, "tiktok", TIKTOK)
    async with stage.installation.database.begin() as session:
        assert await overview.lost_accounts(session, workspace, 5) == []
        await session.execute(update(Connection).values(status="needs_reconnect"))
    async with stage.installation.database.session() as session:
        [(account, waiting)] = await overview.lost_accounts(session, workspace, 5)
    assert (str(account.id), waiting) == (connection, 1)
