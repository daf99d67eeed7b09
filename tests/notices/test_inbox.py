"""Notices in the app: one for each post and type of event, unread until they are read."""

from uuid import UUID

from sqlalchemy import select

from clipcast.common.ids import new_id
from clipcast.database.models.events import Event
from clipcast.database.models.jobs import Job
from clipcast.notices import inbox, service
from clipcast.notices.channels import APP
from clipcast.notices.inbox import Shown
from tests.notices.conftest import Office


async def channel(office: Office, user: str = "owner") -> UUID:
    async with office.installation.database.begin() as session:
        return await inbox.inbox_of(session, office.users[user], office.workspaces["Night Bakery"])


async def shown(office: Office, user: str = "owner", **options: bool) -> list[Shown]:
    mine = await channel(office, user)
    async with office.installation.database.session() as session:
        return await inbox.list_notices(session, mine, **options)


async def unread(office: Office, user: str = "owner") -> int:
    async with office.installation.database.session() as session:
        return await inbox.unread(session, office.users[user], office.workspaces["Night Bakery"])


async def read(office: Office, ids: list[UUID] | None = None) -> None:
    mine = await channel(office)
    async with office.installation.database.begin() as session:
        await inbox.mark_read(session, mine, ids)


async def test_failures_of_one_post_are_one_notice(office: Office) -> None:
    """It counts all since it was read, and is unread again when another item fails."""
    post = str(new_id())
    await office.tell("item.failed", "item.failed", post_id=post)
    await office.tell("item.failed", post_id=post)
    [one] = await shown(office)
    assert (one.headline, one.why, one.urgent, one.button) == (
        "3 items have failed",
        "The video is too long.",
        True,
        "Open",
    )
    assert one.path == f"/w/{office.workspaces['Night Bakery']}/posts/{post}"
    assert await unread(office) == 1
    await read(office)
    assert await unread(office) == 0
    assert await shown(office, only_unread=True) == []
    assert [one.is_read for one in await shown(office)] == [True]
    await office.tell("item.failed", post_id=post)
    [again] = await shown(office)
    assert (again.id, again.headline, again.is_read) == (one.id, "1 item has failed", False)


async def test_same_thing_twice_counts_once(office: Office) -> None:
    """Items count by themselves, and comments by each; anything else is one."""
    post, item, account = str(new_id()), str(new_id()), str(new_id())
    for _ in range(2):
        await office.tell("item.failed", "item.failed", post_id=post, item_id=item)
        await office.tell("connection.needs_reconnect", item_id=account)
        await office.tell("review.commented", post_id=post)
    assert {one.headline for one in await shown(office)} == {
        "1 item has failed", "1 account must be connected again", "2 new comments"
    }  # fmt: skip
    await office.tell("item.failed", post_id=post)
    assert "2 items have failed" in {one.headline for one in await shown(office)}


async def test_items_that_fail_in_turns_count_once_each(office: Office) -> None:
    """A, B, A are two items. When the notice was read, they count anew."""
    post, first, second = (str(new_id()) for _ in range(3))
    for item in (first, second, first, second):
        await office.tell("item.failed", post_id=post, item_id=item)
    assert [one.headline for one in await shown(office)] == ["2 items have failed"]
    await read(office)
    for item in (second, first, second):
        await office.tell("item.failed", post_id=post, item_id=item)
    assert [one.headline for one in await shown(office)] == ["2 items have failed"]


async def test_item_that_needs_somebody_is_not_told_as_failed_as_well(office: Office) -> None:
    item, post = str(new_id()), str(new_id())
    await office.tell("item.failed", "item.needs_action", item_id=item, post_id=post, reason="missed_schedule")
    assert [one.headline for one in await shown(office)] == ["1 item needs you"]


async def test_each_member_has_their_own(office: Office) -> None:
    """By role and choice, without an e-mail, a chat or a job. A removed member's are deleted."""
    await office.member("editor", "editor")
    await office.member("viewer", "viewer")
    async with office.installation.database.begin() as session:
        mine = office.workspaces["Night Bakery"]
        await service.choose_events(session, office.users["editor"], mine, APP, ["post.completed", "job.dead"])
        await service.choose_events(session, office.users["editor"], mine, "email", [])
        await service.choose_events(session, office.users["owner"], mine, "email", [])
    await office.tell("post.completed", "connection.needs_reconnect", "job.dead")
    assert [one.headline for one in await shown(office, "editor")] == ["1 post is published"]
    assert {one.button for one in await shown(office)} == {"Reconnect", "Open"}
    assert await shown(office, "viewer") == []
    await read(office)
    assert await unread(office, "editor") == 1
    async with office.installation.database.session() as session:
        assert not (await session.scalars(select(Job))).all()


async def test_list_goes_on_page_by_page(office: Office) -> None:
    """Newest first, each once, though many come at one instant. With its event, a notice goes."""
    await office.tell(*["connection.needs_reconnect"] * (inbox.PAGE + 3))
    first = await shown(office)
    assert len(first) == inbox.PAGE + 1
    mine = await channel(office)
    async with office.installation.database.begin() as session:
        rest = await inbox.list_notices(session, mine, before=first[inbox.PAGE - 1].id)
        assert len({one.id for one in [*first[: inbox.PAGE], *rest]}) == inbox.PAGE + 3
        for event in await session.scalars(select(Event)):
            await session.delete(event)
    assert await shown(office) == []


async def test_count_ends_at_a_hundred(office: Office) -> None:
    await office.tell(*["item.needs_action"] * (inbox.COUNTED + 5))
    assert await unread(office) == inbox.COUNTED
