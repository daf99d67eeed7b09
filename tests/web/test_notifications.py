"""The page of what a member is told, and the link that ends e-mails."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import delete, func, select

from clipcast.common.ids import new_id
from clipcast.common.settings import load
from clipcast.database.models.events import EventListener
from clipcast.database.models.jobs import Job
from clipcast.database.models.notices import NoticeChannel, NoticeEntry
from clipcast.database.models.people import Membership, User
from clipcast.installation import Installation
from clipcast.notices.channels import CHANNELS
from clipcast.notices.listeners import refresh_listeners
from clipcast.notices.unsubscribe import unsubscribe_address
from clipcast.notices.words import EVENTS, OWNERS_ONLY, defaults_of, urgent_of
from tests.web.browser import sent
from tests.web.conftest import Visitor

PAGE = "./settings/notifications"
SLACK = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"


@pytest.fixture
def mailing(owner: Visitor, application: FastAPI, installation: Installation) -> Installation:
    """Return the installation with a mail server."""
    more = load(
        {}, data_dir=installation.settings.data_dir, smtp_url="smtp://127.0.0.1:9?tls=none", mail_from="a@b.org"
    )
    settings = installation.settings.model_copy(update={"smtp_url": more.smtp_url, "mail_from": more.mail_from})
    application.state.installation = made = replace(installation, settings=settings)
    return made


def part_of(page: str, id: str) -> str:
    return page.partition(f'<section class="card" id="{id}"')[2].partition("</section>")[0]


async def test_each_part_says_what_was_done_and_is_shown_again_alone(owner: Visitor, mailing: Installation) -> None:
    """So what is typed into the other parts stays."""
    for path, typed, part, said in (
        ("", {"email": ["post.completed"]}, "choices", "Saved."),
        ("/habits", {"digest": "none", "digest_day": "0"}, "habits", "Saved for all your workspaces."),
        ("/email/test", {}, "email", "A test message is on its way."),
        ("/chat", {"address": SLACK}, "chat", "Send a test message to try it."),
        ("/chat/test", {}, "chat", "A test message is on its way."),
        ("/chat/remove", {}, "chat", "The chat is removed."),
    ):
        where, _, view = (await owner.post(PAGE + path, typed)).headers["location"].partition("#")
        page = (await owner.get(where)).text
        assert view == part
        assert said in part_of(page, part), path
        assert page.count('<p class="notice" role="status">') == 1, path
    forms = re.findall(r'<form[^>]* method="post" action="[^"]*/settings/notifications[^>]*>', page)
    for one in forms:
        view = one.split("#")[1].split('"')[0]
        assert f'hx-target="#{view}" hx-select="#{view}"' in one


async def listened(installation: Installation) -> list[str] | None:
    async with installation.database.session() as session:
        return await session.scalar(select(EventListener.types))


async def test_defaults_are_checked_and_saved_choices_stay(owner: Visitor, mailing: Installation) -> None:
    """An untouched page saves what it shows. A choice of an event that is derived listens for its sources."""
    page = (await owner.get(PAGE)).text
    form = sent(page, "choices-form")
    own = defaults_of("owner")
    assert {name: sorted(types) for name, types in form.items()} == {
        "app": sorted(own), "email": sorted(own), "push": sorted(urgent_of("owner")), "chat": sorted(own),
    }  # fmt: skip
    assert page.count('type="checkbox"') == len(CHANNELS) * len(EVENTS)
    not_set_up = '<small class="block">not set up</small></th>'
    assert f'E-mail</th><th scope="col">Push{not_set_up}<th scope="col">Chat{not_set_up}' in page
    await refresh_listeners(mailing.database, mailing.settings)
    assert await listened(mailing) == sorted(defaults_of("owner"))
    saved = await owner.post(PAGE, {"email": ["post.completed", "nonsense"]})
    assert saved.status_code == 303
    assert sent((await owner.get(PAGE)).text, "choices-form") == {"email": ["post.completed"]}
    made_of = {"item.published", "item.failed", "post.updated"}
    assert set(await listened(mailing) or ()) == {*defaults_of("owner"), *made_of}


async def test_only_what_somebody_is_told_is_written(owner: Visitor, installation: Installation) -> None:
    """The defaults for the app, and what is chosen for a way that is set up. Without members, nothing."""
    page = (await owner.get(PAGE)).text
    assert "CLIPCAST_SMTP_URL" in page
    await owner.post(PAGE, {"email": ["item.failed"], "chat": ["item.published"]})
    assert await listened(installation) == sorted(defaults_of("owner"))
    await owner.post(PAGE + "/chat", {"address": SLACK})
    assert await listened(installation) == sorted([*defaults_of("owner"), "item.published"])
    await owner.post(PAGE + "/chat/remove")
    assert await listened(installation) == sorted(defaults_of("owner"))
    async with installation.database.begin() as session:
        await session.execute(delete(Membership))
    await refresh_listeners(installation.database, installation.settings)
    assert await listened(installation) is None


async def test_quiet_hours_and_digest_are_saved_in_the_zone_of_the_page(owner: Visitor) -> None:
    """Wrong times come back with their problem. In another zone, the page names the one of the choice."""
    owner.client.cookies.set("clipcast_zone", "Europe/Lisbon")
    page = (await owner.get(PAGE)).text
    assert "These times are in Europe/Lisbon." in page
    form = sent(page, "habits-form")
    assert form == {
        "quiet_from": [""], "quiet_until": [""], "digest": ["none"], "digest_day": ["0"], "digest_at": ["08:00"],
    }  # fmt: skip
    wanted = {
        "quiet_from": "22:00",
        "quiet_until": "06:30",
        "digest": "weekly",
        "digest_day": "4",
        "digest_at": "09:15",
    }
    saved = await owner.post(PAGE + "/habits", wanted)
    where, _, part = saved.headers["location"].partition("#")
    assert where.endswith("?done=habits-saved")
    assert "Saved for all your workspaces." in part_of((await owner.get(where)).text, part)
    owner.client.cookies.set("clipcast_zone", "Asia/Tokyo")
    page = (await owner.get(PAGE)).text
    assert {name: value for name, [value] in sent(page, "habits-form").items()} == wanted
    assert "These times are in Europe/Lisbon. <em>Save</em> moves them to Asia/Tokyo" in page
    for change, problem in (
        ({"quiet_from": ""}, "Give both times, or neither."),
        ({"quiet_from": "06:30"}, "Quiet hours end at another time than they begin."),
        ({"quiet_from": "25:00"}, "Give a time such as 22:00."),
        ({"digest": "hourly"}, "Choose one of the list."),
        ({"digest_day": "7"}, "Choose a day of the list."),
    ):
        answer = await owner.post(PAGE + "/habits", wanted | change)
        assert (answer.status_code, problem in answer.text) == (422, True), change
    assert (await owner.post(PAGE + "/habits", {"digest": "none", "digest_day": "0"})).status_code == 303
    assert sent((await owner.get(PAGE)).text, "habits-form")["quiet_from"] == [""]


async def test_chat_address_is_masked_tested_and_removed(owner: Visitor, installation: Installation) -> None:
    """Whoever can write to the chat by the address does not learn it from the page."""
    wrong = await owner.post(PAGE + "/chat", {"address": "json://127.0.0.1/secret"})
    assert wrong.status_code == 422
    assert "Clipcast does not send to such an address." in wrong.text
    assert "127.0.0.1/secret" not in wrong.text
    assert (await owner.post(PAGE + "/chat", {"address": f"  {SLACK}\n"})).status_code == 303
    page = (await owner.get(PAGE)).text
    assert "Slack: <code>https://hooks.slack.com/…7FQ</code>" in page
    assert SLACK not in page
    tests = [await owner.post(f"{PAGE}/{name}/test") for name in ("chat", "email", "carrier-pigeon")]
    assert {one.status_code for one in tests} == {303}
    async with installation.database.session() as session:
        assert await session.scalar(select(func.count()).select_from(NoticeEntry)) == 2
        assert await session.scalar(select(func.count()).where(Job.kind == "notify")) == 2
    await owner.post(PAGE + "/chat/remove")
    assert "No chat yet" in (await owner.get(PAGE)).text
    async with installation.database.session() as session:
        assert await session.scalar(select(func.count()).select_from(NoticeEntry)) == 1


async def test_roles_see_what_they_may_choose(
    owner: Visitor, invited: Callable[[str], Awaitable[Visitor]], mailing: Installation
) -> None:
    """A viewer begins with nothing, and cannot choose what only owners can act on."""
    viewer = await invited("viewer")
    page = (await viewer.get(PAGE)).text
    assert sent(page, "choices-form") == {}
    assert not [type for type in OWNERS_ONLY if f'value="{type}"' in page]
    await viewer.post(PAGE, {"email": [*OWNERS_ONLY, "item.failed"]})
    assert sent((await viewer.get(PAGE)).text, "choices-form") == {"email": ["item.failed"]}
    assert "/settings/notifications" in (await viewer.get("/account")).text


async def test_link_ends_mails_only_when_posted(
    owner: Visitor, visitors: Callable[[], Visitor], mailing: Installation
) -> None:
    """Opening the link changes nothing. A mail program's POST without a session ends the e-mails."""
    async with mailing.database.session() as session:
        person = (await session.scalars(select(User))).one()
    await owner.post(PAGE + "/email/test")
    workspace = UUID(owner.base.rsplit("/", 1)[1])
    address = unsubscribe_address(mailing.settings, mailing.vault, person.id, workspace)
    path = address.removeprefix(mailing.settings.public_base)
    stranger = visitors()
    stranger.headers = {}
    opened = await stranger.get(path)
    assert "Stop all e-mails to owner@example.org about Night Bakery?" in opened.text
    assert sent((await owner.get(PAGE)).text, "choices-form")["email"]
    form = re.search(r'<form method="post" action="([^"]+)"', opened.text)
    assert form
    assert form[1] == path
    done = await stranger.post(path, {"List-Unsubscribe": "One-Click"})
    assert "gets no more e-mails about Night Bakery" in done.text
    assert "email" not in sent((await owner.get(PAGE)).text, "choices-form")
    async with mailing.database.session() as session:
        assert await session.scalar(select(func.count()).select_from(NoticeEntry)) == 0
        assert (await session.scalars(select(NoticeChannel.events).where(NoticeChannel.channel == "email"))).one() == []
    gone = unsubscribe_address(mailing.settings, mailing.vault, person.id, new_id())
    for wrong in (path[:-3], "/notifications/end/x", gone.removeprefix(mailing.settings.public_base)):
        assert (await stranger.post(wrong)).status_code == 404
        assert "wrong or has expired" in (await stranger.get(wrong)).text
