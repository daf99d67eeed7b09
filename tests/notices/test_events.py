"""From a change to a message: triggers write what members want, the router passes it on, a worker sends it."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp
from clipcast.database.models.events import Event
from clipcast.database.models.notices import NoticeEntry
from clipcast.database.models.people import Membership, User
from clipcast.installation import Installation
from clipcast.notices import service
from clipcast.notices.fan_out import fan_out
from clipcast.notices.listeners import refresh_listener, refresh_listeners
from clipcast.notices.words import EVENTS
from clipcast.publishing.worker import Worker
from clipcast.server.worker import make_worker
from clipcast.testing.harness import Stage
from clipcast.webhooks.events import RESERVED, TYPES
from clipcast.webhooks.router import Router
from tests.mail_server import MailServer, html, plain

TEXT = "Tide\r\nBcc: evil@example.org <b>"


async def with_member(stage: Stage, mail_server: MailServer) -> tuple[Installation, UUID]:
    """Return the stage's installation with a mail server, and the owner of its workspace."""
    url = f"smtp://clipcast:p%40ss%3Aword@127.0.0.1:{mail_server.port}?tls=none"
    settings = stage.installation.settings.model_copy(update={"smtp_url": url, "mail_from": "clipcast@example.org"})
    async with stage.installation.database.begin() as session:
        session.add(person := User(email="owner@example.org", name="Owner", password_hash="-"))
        await session.flush()
        session.add(Membership(user_id=person.id, workspace_id=UUID(stage.caller.workspace_id), role="owner"))
        owner = person.id
    installation = replace(stage.installation, settings=settings)
    await refresh_listeners(installation.database, settings)
    return installation, owner


async def work(installation: Installation, worker: Worker) -> None:
    """Route new events, and run what is due."""
    router = Router(installation, [partial(fan_out, has_mail=True)])
    while await router.route() or await worker.run_due():
        pass


def test_every_event_of_webhooks_has_words_for_members() -> None:
    assert set(EVENTS) == set(TYPES) - set(RESERVED)


async def test_missed_post_is_told_to_its_owner(stage: Stage, mail_server: MailServer) -> None:
    """An item that missed its time is one line with its caption, its account, the reason and a link to it."""
    installation, _ = await with_member(stage, mail_server)
    connection = await stage.connect("facebook")
    edit = await stage.caller.upload(stage.clip)
    target: dict[str, Any] = {"connectionId": connection, "metadata": {"facebook": {"description": TEXT}}}
    at = format_timestamp(clock.now() + timedelta(hours=1))
    body = {"videos": [{"editId": edit, "targets": [target]}], "scheduled_at": at}
    post_id = (await stage.caller.post("/posts", body)).json()["post_id"]
    clock.move(timedelta(hours=26))
    worker = make_worker(installation)
    await work(installation, worker)
    clock.move(timedelta(seconds=10))
    await work(installation, worker)
    await worker.close()
    [mail] = mail_server.mails
    item = await stage.item(post_id)
    assert item["error"]["code"] == "missed_schedule"
    assert mail["Subject"] == "Clipcast: 1 item needs you: Workspace"
    assert mail["Bcc"] is None
    base = f"{installation.settings.public_base}/w/{stage.caller.workspace_id}"
    link = f"{base}/posts/{post_id}#item-{(await stage.row(post_id)).id}"
    line = "- “Tide Bcc: evil@example.org <b>” to harbour.films on Facebook: " + item["error"]["message"]
    assert line in plain(mail)
    assert link in plain(mail)
    assert f'<a href="{link}">“Tide Bcc: evil@example.org &lt;b&gt;” to harbour.films on Facebook</a>' in html(mail)


async def test_end_of_a_post_is_told_to_whoever_chose_it(stage: Stage, mail_server: MailServer) -> None:
    """Events that the router derives reach members; what nobody chose is not even written."""
    installation, owner = await with_member(stage, mail_server)
    workspace = UUID(stage.caller.workspace_id)
    connection = await stage.connect("facebook")
    async with installation.database.session() as session:
        assert await session.scalar(select(func.count()).select_from(Event)) == 0
    async with installation.database.begin() as session:
        await service.choose_events(session, owner, workspace, "email", ["post.completed"])
        await refresh_listener(session, installation.settings, workspace)
    await stage.post(connection, "facebook", {"description": "Tide"})
    await stage.run_until_ended()
    worker = make_worker(installation)
    await work(installation, worker)
    clock.move(timedelta(seconds=10))
    await work(installation, worker)
    await worker.close()
    [mail] = mail_server.mails
    assert mail["Subject"] == "Clipcast: 1 post is published: Workspace"
    assert "- “Tide”\n" in plain(mail)
    async with installation.database.session() as session:
        assert await session.scalar(select(func.count()).select_from(NoticeEntry)) == 0
