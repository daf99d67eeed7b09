"""Free posting times: the windows of clients, and the index that finds the posts in them."""

from datetime import timedelta
from uuid import UUID

from clipcast.clients.slots import TAKEN, slots_between
from clipcast.clients.time_schemas import JITTER_MAX
from clipcast.clients.times import ON_TIME
from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp, parse_instant
from clipcast.database import Database
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Item
from clipcast.testing.harness import Stage
from tests.database.plans import fill_table, of_many, plan_of_hot
from tests.posts.test_schedule import Desk


async def test_post_takes_a_posting_time_only_within_the_window_of_its_own_client(stage: Stage) -> None:
    """Clients whose times vary have longer windows. They are searched together, and not mixed."""
    exact = await Desk(stage).open("youtube")
    varied = await Desk(stage).open("youtube:tidepool", client="Borda", jitter_minutes=JITTER_MAX)
    [shown] = await exact.preview(1)
    slot_at = parse_instant(shown)
    later = ON_TIME + timedelta(seconds=30)
    assert later < timedelta(minutes=JITTER_MAX)
    scheduled = {"schedule": None, "scheduled_at": format_timestamp(slot_at + later)}
    await exact.post(**scheduled)
    taken = (await varied.post(**scheduled))["post_id"]
    workspace, clients = UUID(stage.caller.workspace_id), [UUID(desk.client) for desk in (exact, varied)]
    executor = stage.installation.database.hot_pool
    found = await slots_between(executor, workspace, clients, slot_at, slot_at + timedelta(hours=1))
    assert {slot.client_id: slot.post_ids for slot in found} == {clients[0]: (), clients[1]: (UUID(taken),)}


async def test_search_for_posts_in_windows_reads_the_index_alone(database: Database) -> None:
    async with database.session() as session:
        await fill_table(session, Connection, 300)
        await fill_table(
            session, Item, 3000, connection_id=of_many, status=lambda _: "pending", goes_at=lambda _: clock.now()
        )
        plan = (await plan_of_hot(session, TAKEN)).splitlines()
    [scan] = [number for number, line in enumerate(plan) if "Index Only Scan using ix_items_unfinished" in line]
    assert "Index Cond" in plan[scan + 1], plan
    assert "goes_at" in plan[scan + 1], plan
