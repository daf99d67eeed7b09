"""Quiet hours and digests: urgent notices come at once, the others at their time, by the wall clock of a zone."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from clipcast.clock import clock
from clipcast.database.models.notices import NoticeEntry
from clipcast.database.models.people import User
from clipcast.notices import service
from clipcast.notices.habits import DAILY, GATHER, WEEKLY, Habits
from clipcast.notices.words import EVENTS, URGENT
from tests.mail_server import MailServer, plain
from tests.notices.conftest import Office
from tests.times import move_to

LISBON, NEW_YORK, KOLKATA = ZoneInfo("Europe/Lisbon"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")
NIGHT = (time(22), time(7))
MINUTE = timedelta(minutes=1)


def at(text: str, zone: ZoneInfo = LISBON, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("quiet", "now", "end"),
    [
        (NIGHT, "2026-06-10T23:30", "2026-06-11T07:00"),
        (NIGHT, "2026-06-11T06:59", "2026-06-11T07:00"),
        (NIGHT, "2026-06-10T22:00", "2026-06-11T07:00"),
        (NIGHT, "2026-06-11T07:00", None),
        (NIGHT, "2026-06-10T21:59", None),
        ((time(12), time(14)), "2026-06-10T13:00", "2026-06-10T14:00"),
        ((time(12), time(14)), "2026-06-10T14:00", None),
        # The clock goes forward at 01:00, and back at 02:00: the quiet hours end by the clock on the wall.
        (NIGHT, "2026-03-28T23:00", "2026-03-29T07:00"),
        (NIGHT, "2026-10-24T23:00", "2026-10-25T07:00"),
        # One that ends in the hour that is left out ends an hour later by the wall, and at the same instant.
        ((time(22), time(1, 30)), "2026-03-28T23:00", "2026-03-29T02:30"),
        # One that ends in the hour that comes twice ends in the first of both.
        ((time(22), time(1, 30)), "2026-10-25T01:15", "2026-10-25T01:30"),
    ],
)
def test_quiet_hours_end_by_the_wall_clock(quiet: tuple[time, time], now: str, end: str | None) -> None:
    assert Habits(LISBON, quiet).quiet_end(at(now)) == (end and at(end))


def test_quiet_hours_end_once_when_an_hour_comes_twice() -> None:
    habits = Habits(LISBON, (time(22), time(1, 30)))
    assert habits.quiet_end(at("2026-10-25T01:15", fold=1)) is None


@pytest.mark.parametrize(
    ("habits", "now", "due"),
    [
        (Habits(LISBON, None, DAILY, time(8)), "2026-06-10T07:59", "2026-06-10T08:00"),
        (Habits(LISBON, None, DAILY, time(8)), "2026-06-10T08:00", "2026-06-11T08:00"),
        # 2026-06-10 is a Wednesday.
        (Habits(LISBON, None, WEEKLY, time(8), 0), "2026-06-10T07:59", "2026-06-15T08:00"),
        (Habits(LISBON, None, WEEKLY, time(8), 2), "2026-06-10T08:00", "2026-06-17T08:00"),
        # Across a change of the clock it stays eight o'clock, which is 23 hours later.
        (Habits(LISBON, None, DAILY, time(8)), "2026-03-28T08:00", "2026-03-29T08:00"),
        # A digest in quiet hours comes at their end.
        (Habits(LISBON, NIGHT, DAILY, time(6)), "2026-06-10T12:00", "2026-06-11T07:00"),
    ],
)
def test_digest_comes_at_its_time_of_day(habits: Habits, now: str, due: str) -> None:
    assert habits.due_at("email", False, at(now)) == at(due)


def test_urgent_notices_wait_for_nothing() -> None:
    """And a digest gathers e-mails only: a push message or a chat would show a part of it."""
    habits, night, noon = Habits(LISBON, NIGHT, DAILY), at("2026-06-10T23:30"), at("2026-06-10T12:00")
    for channel in ("email", "push", "chat"):
        assert habits.due_at(channel, True, night) == night + GATHER
    assert habits.due_at("push", False, noon) == noon + GATHER
    assert habits.due_at("push", False, night) == at("2026-06-11T07:00")
    assert set(EVENTS) >= URGENT >= {"item.failed", "item.needs_action", "connection.needs_reconnect"}


async def choose(office: Office, *types: str, **habits: Any) -> None:
    """Have the owner choose events by e-mail, and when these come. It is noon in New York."""
    async with office.installation.database.begin() as session:
        owner = office.users["owner"]
        await service.choose_events(session, owner, office.workspaces["Night Bakery"], "email", types)
        await service.choose_habits(session, owner, Habits(NEW_YORK, **habits))


def subjects(mail_server: MailServer) -> list[str]:
    return [mail["Subject"].removeprefix("Clipcast: ").partition(":")[0] for mail in mail_server.mails]


async def test_quiet_hours_hold_what_is_not_urgent(office: Office, mail_server: MailServer) -> None:
    """In the night a failure comes at once and alone. What is published comes in the morning, in one message."""
    move_to(23, NEW_YORK)
    await choose(office, "item.failed", "post.completed", quiet=NIGHT)
    await office.tell("post.completed", "post.completed")
    clock.move(GATHER)
    await office.send()
    assert subjects(mail_server) == []
    await office.tell("item.failed", "post.completed")
    clock.move(GATHER)
    await office.send()
    assert subjects(mail_server) == ["1 item has failed"]
    clock.move(MINUTE)
    assert await office.send() == 0, "the job waits for the morning, not for the next minute"
    move_to(7, NEW_YORK)
    await office.send()
    assert subjects(mail_server) == ["1 item has failed", "3 posts are published"]


async def test_quiet_hours_hold_also_when_no_worker_ran_before(office: Office, mail_server: MailServer) -> None:
    """A notice of the evening, whose worker comes back in the night, waits for the morning."""
    move_to(21, NEW_YORK)
    await choose(office, "post.completed", quiet=NIGHT)
    await office.tell("post.completed")
    move_to(23, NEW_YORK)
    await office.send()
    assert subjects(mail_server) == []
    move_to(7, NEW_YORK)
    await office.send()
    assert subjects(mail_server) == ["1 post is published"]


async def test_daily_digest_gathers_all_workspaces(office: Office, mail_server: MailServer) -> None:
    """One message at eight has a day of both workspaces. What is urgent comes before, without the rest."""
    await office.member(workspace="Harbour Films")
    move_to(12, NEW_YORK)
    await choose(office, "item.failed", "post.completed", digest=DAILY, digest_at=time(8))
    async with office.installation.database.begin() as session:
        mine = office.workspaces["Harbour Films"]
        await service.choose_events(session, office.users["owner"], mine, "email", ["render.completed"])
    await office.tell("post.completed")
    clock.move(timedelta(hours=3))
    await office.tell("render.completed", workspace="Harbour Films")
    await office.tell("item.failed")
    clock.move(GATHER)
    await office.send()
    assert subjects(mail_server) == ["1 item has failed"]
    move_to(8, NEW_YORK)
    for _ in range(3):
        await office.send()
        clock.move(MINUTE)
    assert subjects(mail_server) == ["1 item has failed", "1 post is published, 1 new clip is ready"]
    assert "Harbour Films" in plain(mail_server.mails[1])
    async with office.installation.database.session() as session:
        assert not (await session.scalars(select(NoticeEntry))).all()


async def test_person_who_ends_the_digest_gets_what_waits(office: Office, mail_server: MailServer) -> None:
    """And the zone of the person's account comes before the one of the page."""
    move_to(12, NEW_YORK)
    await choose(office, "post.completed", digest=WEEKLY)
    await office.tell("post.completed")
    clock.move(timedelta(hours=1))
    assert await office.send() == 0
    await choose(office, "post.completed")
    clock.move(GATHER)
    await office.send()
    assert subjects(mail_server) == ["1 post is published"]
    async with office.installation.database.begin() as session:
        (await session.get_one(User, office.users["owner"])).zone = KOLKATA.key
        assert (await service.habits_of(session, office.users["owner"])).zone == KOLKATA


async def test_failures_of_one_post_are_one_line(office: Office, mail_server: MailServer) -> None:
    """Eight items of a post that fail within seconds are one message with one line."""
    post = "0197a3c0-0000-7000-8000-000000000001"
    for _ in range(4):
        await office.tell("item.failed", "item.failed", post_id=post)
    await office.tell("item.failed")
    clock.move(GATHER)
    await office.send()
    [mail] = mail_server.mails
    assert mail["Subject"] == "Clipcast: 9 items have failed: Night Bakery"
    assert plain(mail).count("The video is too long.") == 2
    assert plain(mail).count(f"/posts/{post}\n") == 1
