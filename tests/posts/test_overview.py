"""The data of the overview page: past days and due items."""

from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from clipcast.clock import clock
from clipcast.posts import overview
from clipcast.testing.harness import Stage

TIKTOK = {"title": "x", "privacyLevel": "SELF_ONLY"}


async def test_overview_shows_published_and_failed_items(stage: Stage) -> None:
    workspace = UUID(stage.caller.workspace_id)
    connection = await stage.connect("tiktok")
    edit = await stage.caller.upload(stage.clip)
    await stage.post(connection, "tiktok", TIKTOK, edit)
    await stage.run_until_ended()
    refusal = {"error": {"code": "invalid_params", "message": "No", "log_id": "x"}}
    await stage.sandbox.fault("tiktok", "video_init", "before", "status", status=400, body=refusal)
    failed = await stage.post(connection, "tiktok", TIKTOK, edit)
    await stage.run_until_ended()
    at = (clock.now() + timedelta(days=2)).isoformat()
    body = {"videos": [{"editId": edit, "targets": [{"connectionId": connection, "metadata": {"tiktok": TIKTOK}}]}]}
    await stage.caller.post("/posts", body | {"scheduled_at": at})
    async with stage.installation.database.session() as session:
        days = await overview.by_day(session, workspace, ZoneInfo("Pacific/Auckland"))
        [(due, count)] = await overview.due_next(session, workspace)
        [needy] = await overview.stuck_items(session, workspace)
        assert await overview.queue_depth(session, workspace, clock.now()) == (0, 0)
    assert len(days) == overview.DAYS
    assert days[-1].date == str(clock.now().astimezone(ZoneInfo("Pacific/Auckland")).date())
    assert (days[-1].published, days[-1].failed) == (1, 1)
    assert days[-1].seconds_p50 is not None
    assert days[-1].seconds_p50 >= 0
    assert [(day.published, day.failed, day.seconds_p50) for day in days[:-2]] == [(0, 0, None)] * 28
    assert (due.scheduled_at is not None, count) == (True, 1)
    assert str(needy.post_id) == failed


async def test_queue_depth_counts_waiting_and_running_items(stage: Stage) -> None:
    workspace = UUID(stage.caller.workspace_id)
    connection = await stage.connect("tiktok")
    await stage.post(connection, "tiktok", TIKTOK)
    async with stage.installation.database.session() as session:
        assert await overview.queue_depth(session, workspace, clock.now()) == (1, 0)
    assert len(await stage.claim()) == 1
    async with stage.installation.database.session() as session:
        assert await overview.queue_depth(session, workspace, clock.now()) == (0, 1)
