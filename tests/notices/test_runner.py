"""Messages by e-mail: at most one a minute, none lost, each at least once."""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database.models.jobs import Job
from clipcast.database.models.notices import NoticeChannel, NoticeEntry
from clipcast.database.models.people import Membership
from clipcast.notices import runner as runners
from clipcast.notices import service
from clipcast.notices.fan_out import fan_out
from clipcast.notices.unsubscribe import Unsubscription
from tests.mail_server import MailServer, plain
from tests.notices.conftest import Office

GATHER, MINUTE = timedelta(seconds=10), timedelta(minutes=1)
ALMOST = timedelta(seconds=59)


async def count(office: Office, table: Any) -> int:
    async with office.installation.database.session() as session:
        return int(await session.scalar(select(func.count()).select_from(table)) or 0)


async def channel(office: Office) -> NoticeChannel:
    async with office.installation.database.session() as session:
        return (await session.scalars(select(NoticeChannel).where(NoticeChannel.channel == "email"))).one()


async def test_first_events_gather_and_come_as_one_mail(office: Office, mail_server: MailServer) -> None:
    """What happens within 10 s is one message, which answers to its sender and its headers."""
    await office.tell("item.failed")
    assert await office.send() == 0
    await office.tell("item.failed", "connection.needs_reconnect")
    clock.move(GATHER)
    assert await office.send() == 1
    [mail] = mail_server.mails
    assert mail["Subject"] == "Clipcast: 2 items have failed, 1 account must be connected again: Night Bakery"
    assert (mail["To"], mail["From"]) == ("owner <owner@example.org>", "Clipcast <clipcast@example.org>")
    assert mail_server.accepted[0].rcpt_tos == ["owner@example.org"]
    assert mail_server.sign_ins == [(b"clipcast", b"p@ss:word")]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert str(mail["List-Unsubscribe"]).startswith("<https://clips.example.org/notifications/end/")
    assert await count(office, NoticeEntry) == 0
    assert (await channel(office)).sent_at is not None


async def test_addresses_in_headers_arrive_raw_and_on_one_line(office: Office, mail_server: MailServer) -> None:
    """Mail programs neither unfold nor decode the address of an unsubscription (RFC 8058) and the Message-ID."""
    base = "https://" + "clips." * 30 + "example.org"
    settings = office.installation.settings.model_copy(update={"public_url": base})
    office.installation = replace(office.installation, settings=settings)
    await office.tell("item.failed")
    clock.move(GATHER)
    await office.send()
    content = mail_server.accepted[0].content
    assert isinstance(content, bytes)
    headers = dict(
        line.split(": ", 1) for line in content.decode("ascii").split("\r\n\r\n")[0].split("\r\n") if ": " in line
    )
    assert re.fullmatch(re.escape(f"<{base}/notifications/end/") + r"[\w.~=-]{100,}>", headers["List-Unsubscribe"])
    assert re.fullmatch(r"<[0-9a-f-]{36}@(clips\.){30}example\.org>", headers["Message-ID"])
    assert max(map(len, content.split(b"\r\n"))) < 998


@pytest.mark.usefixtures("stopped_clock")
async def test_second_message_waits_for_the_rest_of_the_minute(office: Office, mail_server: MailServer) -> None:
    """What happens meanwhile becomes one digest, a minute after the first message."""
    await office.tell("item.failed")
    clock.move(GATHER)
    await office.send()
    await office.tell("item.failed")
    clock.move(ALMOST)
    await office.tell("item.failed", "item.needs_action")
    await office.send()
    assert len(mail_server.mails) == 1
    clock.move(timedelta(seconds=2))
    await office.send()
    assert len(mail_server.mails) == 2
    assert mail_server.mails[1]["Subject"].startswith("Clipcast: 2 items have failed, 1 item needs you")


async def test_mails_of_all_workspaces_share_the_minute(office: Office, mail_server: MailServer) -> None:
    """A person with two workspaces gets one message about both."""
    await office.member(workspace="Harbour Films")
    await office.tell("item.failed")
    await office.tell("item.failed", "item.failed", workspace="Harbour Films")
    clock.move(GATHER)
    await office.send()
    clock.move(MINUTE)
    await office.send()
    [mail] = mail_server.mails
    assert mail["Subject"] == "Clipcast: 3 items have failed: Harbour Films and Night Bakery"
    assert "Night Bakery\n\n1 item has failed" in plain(mail)
    assert await count(office, NoticeEntry) == 0


async def test_event_during_sending_is_sent_a_minute_later(
    office: Office, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that comes while a message is sent finds its running job, and is not lost."""
    real = runners.send_mail

    async def send(*arguments: Any) -> None:
        await office.tell("job.dead")
        await real(*arguments)

    monkeypatch.setattr(runners, "send_mail", send)
    await office.tell("item.failed")
    clock.move(GATHER)
    await office.send()
    monkeypatch.setattr(runners, "send_mail", real)
    clock.move(MINUTE)
    await office.send()
    assert [mail["Subject"].partition(":")[2].strip().partition(":")[0] for mail in mail_server.mails] == [
        "1 item has failed", "1 job is dead",
    ]  # fmt: skip


async def test_message_of_a_killed_worker_is_sent_again_with_the_same_id(
    office: Office, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between sending and its note, a worker dies: another one repeats the message, after the minute."""
    await office.tell("item.failed")
    clock.move(GATHER)

    async def die(*_: object) -> None:
        raise runners.LeaseLost("killed")  # nothing is written after it

    with monkeypatch.context() as dying:
        dying.setattr(runners.NoticeRunner, "_finish", die)
        await office.send()
    assert len(mail_server.mails) == 1
    await office.tell("job.dead")
    clock.move(ALMOST)
    await office.send()  # reclaims the job of the worker, which has no lease any more
    assert len(mail_server.mails) == 1
    clock.move(timedelta(seconds=2))
    await office.send()
    first, second = mail_server.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert plain(first).partition("-- \n")[0] == plain(second).partition("-- \n")[0]
    clock.move(MINUTE)
    await office.send()
    assert "1 job is dead" in mail_server.mails[2]["Subject"]


async def test_dead_server_delays_and_loses_nothing_for_a_day(office: Office, mail_server: MailServer) -> None:
    """After a day without a server, two messages have everything: the one that was begun, and the rest."""
    mail_server.stop()
    await office.tell("item.failed")
    clock.move(GATHER)
    tries = 0
    for hour in range(24):
        tries += await office.send()
        if hour == 12:
            await office.tell("job.dead")
        clock.move(timedelta(hours=1))
    found = await channel(office)
    assert found.failing_since
    assert "cannot be reached" in str(found.error)
    assert tries <= 24
    await mail_server.start()
    await office.send()
    clock.move(MINUTE)
    await office.send()
    assert [mail["Subject"] for mail in mail_server.mails] == [
        "Clipcast: 1 item has failed: Night Bakery", "Clipcast: 1 job is dead: Night Bakery",
    ]  # fmt: skip
    found = await channel(office)
    assert (found.failing_since, found.error) == (None, None)


async def test_message_is_dropped_after_a_day_and_a_half(office: Office, mail_server: MailServer) -> None:
    mail_server.replies["DATA"] = "451 Try again later"
    await office.tell("item.failed")
    clock.move(GATHER)
    await office.send()
    assert await count(office, NoticeEntry) == 1
    clock.move(runners.GIVE_UP + MINUTE)
    await office.send()
    assert await count(office, NoticeEntry) == 0
    assert (await channel(office)).error == "Older notices were dropped. The mail server responds: 451 Try again later."


@pytest.mark.parametrize("stage", ["RCPT", "DATA"])
async def test_refused_message_is_not_repeated(office: Office, mail_server: MailServer, stage: str) -> None:
    """A 5xx response is final. The page shows it, and the next message is sent."""
    mail_server.replies[stage] = "550 No such user"
    await office.tell("item.failed")
    clock.move(GATHER)
    await office.send()
    assert await count(office, NoticeEntry) == 0
    assert (await channel(office)).error == "The mail server responds: 550 No such user."
    mail_server.replies.clear()
    await office.tell("item.failed")
    clock.move(MINUTE)
    await office.send()
    assert len(mail_server.mails) == 1


async def test_test_message_starts_a_repetition_earlier(office: Office, mail_server: MailServer) -> None:
    """Whoever has mended the server need not wait for the next repetition, but for the minute."""
    mail_server.replies["DATA"] = "451 Try again later"
    await office.tell("item.failed")
    clock.move(GATHER)
    for _ in range(5):
        await office.send()
        clock.move(timedelta(hours=1))
    await office.send()
    mail_server.replies.clear()
    async with office.installation.database.begin() as session:
        await service.send_test(session, office.users["owner"], office.workspaces["Night Bakery"], "email")
    assert await office.send() == 1
    assert not mail_server.mails
    for _ in range(2):
        clock.move(MINUTE)
        await office.send()
    assert [mail["Subject"] for mail in mail_server.mails] == [
        "Clipcast: 1 item has failed: Night Bakery", "Clipcast: Test message: Night Bakery",
    ]  # fmt: skip


async def test_two_workers_send_one_message(office: Office, mail_server: MailServer) -> None:
    """Two jobs of one person, in two workspaces, run at the same time and make one message."""
    for workspace in ("Harbour Films", "Third"):
        await office.member(workspace=workspace)
        await office.tell("item.failed", workspace=workspace)
    clock.move(GATHER)
    await asyncio.gather(office.send(), office.send())
    assert len(mail_server.mails) == 1


async def test_members_by_role_and_choice(office: Office, mail_server: MailServer) -> None:
    """Editors and owners are told of failures, owners of dead jobs; a viewer only of what they have chosen."""
    await office.member("editor", "editor")
    await office.member("viewer", "viewer")
    await office.member("quiet", "editor")
    mine = office.workspaces["Night Bakery"]
    async with office.installation.database.begin() as session:
        await service.choose_events(session, office.users["viewer"], mine, "email", ["post.completed", "job.dead"])
        await service.choose_events(session, office.users["quiet"], mine, "email", [])
    await office.tell("item.failed", "job.dead", "post.completed")
    clock.move(GATHER)
    await office.send()
    told = {mail["To"].addresses[0].username: mail["Subject"] for mail in mail_server.mails}
    assert told == {
        "owner": "Clipcast: 1 item has failed, 1 job is dead: Night Bakery",
        "editor": "Clipcast: 1 item has failed: Night Bakery",
        "viewer": "Clipcast: 1 post is published: Night Bakery",
    }


async def test_removed_member_is_not_told(office: Office, mail_server: MailServer) -> None:
    """What waits is deleted with the membership."""
    await office.member("editor", "editor")
    await office.tell("item.failed")
    async with office.installation.database.begin() as session:
        await session.execute(delete(Membership).where(Membership.user_id == office.users["editor"]))
    clock.move(GATHER)
    await office.send()
    assert [mail["To"] for mail in mail_server.mails] == ["owner <owner@example.org>"]
    assert await count(office, Job) == 0


async def test_without_a_mail_server_nothing_waits(office: Office) -> None:
    """Events from before the mail server are not sent when it is set up."""
    async with office.installation.database.hot_pool.transaction() as transaction:
        await fan_out(transaction, [new_id()], has_mail=False)
    assert await count(office, NoticeEntry) == 0


@pytest.mark.parametrize(
    "address", ["a,b@example.org", "<x>@example.org", "jörg@example.org", "a@[127.0.0.1", "a@bücher.example"]
)
async def test_odd_addresses_reach_nobody_else(office: Office, mail_server: MailServer, address: str) -> None:
    """An account's address is the only recipient, or the server's or Clipcast's refusal is shown."""
    await office.member(address, "editor")
    await office.tell("item.failed")
    clock.move(GATHER)
    await office.send()
    recipients = {to for envelope in mail_server.accepted for to in envelope.rcpt_tos}
    address = address.replace("bücher", "xn--bcher-kva")
    assert recipients <= {"owner@example.org", address}
    async with office.installation.database.session() as session:
        errors = await session.scalars(
            select(NoticeChannel.error).where(
                NoticeChannel.user_id != office.users["owner"], NoticeChannel.channel == "email"
            )
        )
        assert address in recipients or errors.one()
    assert await count(office, NoticeEntry) == 0


async def test_silent_mail_server_delays_no_chat(
    office: Office, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few mails at once wait for it, so that a slot of the queue is left. The others are sent later."""
    ended, real = asyncio.Event(), runners.NoticeRunner._postpone
    chats: list[str] = []
    delayed: list[Any] = []

    async def wait(*_: Any) -> None:
        await ended.wait()

    async def send_chat(_client: Any, _address: str, title: str, _body: str) -> None:
        chats.append(title)

    async def postpone(*arguments: Any) -> None:
        await real(*arguments)
        delayed.append(arguments)
        if len(delayed) == 3:
            ended.set()

    monkeypatch.setattr(runners.NoticeRunner, "_postpone", postpone)
    monkeypatch.setattr(runners, "send_mail", wait)
    monkeypatch.setattr(runners, "send_chat", send_chat)
    monkeypatch.setattr(runners, "MAIL_WAIT", 0.01)
    for number in range(runners.MAILS_MAX + 2):
        await office.member(f"member{number}")
    mine = office.workspaces["Night Bakery"]
    async with office.installation.database.begin() as session:
        vault = office.installation.vault
        await service.set_chat(session, vault, office.users["owner"], mine, "https://ntfy.sh/kiosk-nine")
    await office.tell("item.failed")
    clock.move(GATHER)
    await office.send(slots=20)
    assert len(chats) == 1
    assert await count(office, NoticeEntry) == 3
    monkeypatch.undo()
    clock.move(MINUTE)
    await office.send(slots=20)
    assert len(mail_server.mails) == 3
    assert await count(office, NoticeEntry) == await count(office, Job) == 0


async def test_end_of_all_mails_covers_workspaces_without_a_choice(office: Office, mail_server: MailServer) -> None:
    """A channel exists from the first event on. The end of one workspace's e-mails leaves the others."""
    for workspace in ("Second", "Third"):
        await office.member(workspace=workspace)
    await office.member("editor", "editor", "Third")
    owner = office.users["owner"]
    for ended, told in ((office.workspaces["Second"], ["editor", "owner"]), (None, ["editor"])):
        mail_server.accepted.clear()
        async with office.installation.database.begin() as session:
            await service.end_mails(session, Unsubscription(owner, ended))
        await office.tell("item.failed", workspace="Second")
        await office.tell("item.failed", workspace="Third")
        clock.move(2 * MINUTE)
        await office.send()
        assert sorted(mail["To"].addresses[0].username for mail in mail_server.mails) == told
    assert {mail["Subject"] for mail in mail_server.mails} == {"Clipcast: 1 item has failed: Third"}


async def test_clock_that_went_back_delays_no_mail(office: Office, mail_server: MailServer) -> None:
    await office.tell("item.failed")
    clock.move(GATHER)
    await office.send()
    clock.move(timedelta(days=-2))
    await office.tell("item.failed")
    clock.move(GATHER)
    await office.send()
    assert len(mail_server.mails) == 2


async def test_test_message_that_waits_beside_an_event_is_told_with_it(office: Office, mail_server: MailServer) -> None:
    async with office.installation.database.begin() as session:
        await service.send_test(session, office.users["owner"], office.workspaces["Night Bakery"], "email")
    await office.tell("item.failed")
    clock.move(GATHER)
    await office.send()
    [mail] = mail_server.mails
    assert mail["Subject"] == "Clipcast: test message, 1 item has failed: Night Bakery"
    assert plain(mail).startswith("Test message: notices of Night Bakery arrive here.\n\n1 item has failed")


async def test_message_that_cannot_be_written_is_dropped_like_any_other(
    office: Office, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: Any) -> None:
        raise KeyError("details")

    with monkeypatch.context() as broken:
        broken.setattr(runners, "notice_of", crash)
        await office.tell("item.failed")
        clock.move(GATHER)
        await office.send()
        assert await count(office, NoticeEntry) == 1
        assert str((await channel(office)).error).startswith("Internal error of Clipcast.")
        clock.move(runners.GIVE_UP + MINUTE)
        await office.send()
    assert await count(office, NoticeEntry) == await count(office, Job) == 0
    await office.tell("item.failed")
    clock.move(MINUTE)
    await office.send()
    assert len(mail_server.mails) == 1


def test_delays_do_not_shrink() -> None:
    assert list(runners.DELAYS) == sorted(runners.DELAYS)
    assert timedelta(seconds=runners.SEND_TIME) < runners.PAUSE
