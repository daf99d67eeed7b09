"""A new review link that is sent by e-mail: from the links, a client's page, and with a post."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI

from clipcast.common.ids import new_id
from clipcast.common.settings import load
from clipcast.installation import Installation
from clipcast.testing.harness import some_day
from clipcast.web import review_mail
from tests.mail_server import MailServer, html, plain
from tests.web.conftest import Visitor, form

TO = "marta@casa-verde.example"


@pytest.fixture
async def mail_server(application: FastAPI, installation: Installation) -> AsyncIterator[MailServer]:
    server = MailServer()
    await server.start()
    more = load(
        {}, data_dir=installation.settings.data_dir, mail_from="Clipcast <clipcast@example.org>",
        smtp_url=f"smtp://127.0.0.1:{server.port}?tls=none",
    )  # fmt: skip
    settings = installation.settings.model_copy(update={"smtp_url": more.smtp_url, "mail_from": more.mail_from})
    application.state.installation = replace(installation, settings=settings)
    yield server
    server.stop()


def link_in(page: str) -> str:
    return re.findall(r'id="review-link">([^<]+)<', page)[0]


async def test_new_link_is_sent_where_it_is_made(owner: Visitor, desk: dict[str, Any], mail_server: MailServer) -> None:
    """The e-mail has the address that the page shows, and says who asks; opening it decides nothing."""
    made = await owner.post("./clients", {"name": "Casa Verde", "timezone": "UTC", "color": "4"})
    client = made.headers["location"].rsplit("/", 1)[0]
    sent = form(desk, when="later", at=f"{some_day()}T18:30")
    post = (await owner.post(f"./compose/{new_id()}/send", sent)).headers["hx-redirect"]
    named = {"name": "Marta <b>", "email": TO}
    for path, fields in (
        ("./review/links", named),
        (f"{client}/reviewers/links", named),
        (f"{post}/review", {"review.new_link": "Marta", "review.email": TO}),
    ):
        page = await owner.post(path, fields)
        assert page.status_code == 200, path
        assert f"The link was sent to <bdi>{TO}</bdi>." in page.text
        mail = mail_server.mails[-1]
        assert TO in mail["To"]
        assert link_in(page.text) in plain(mail)
        assert f'href="{link_in(page.text)}"' in html(mail)
        assert "asks you to look at posts" in plain(mail)
    assert len(mail_server.mails) == 3
    assert (await owner.get("./settings")).text.count("review_link.mailed") == 3


async def test_repeated_request_of_a_press_makes_and_sends_one_link(
    owner: Visitor, desk: dict[str, Any], mail_server: MailServer
) -> None:
    """Also at the same time. The page shows the same address again; other fields are another press."""
    made = await owner.post("./clients", {"name": "Casa Verde", "timezone": "UTC", "color": "4"})
    own = made.headers["location"].rsplit("/", 1)[0] + "/reviewers"
    sent = form(desk, when="later", at=f"{some_day()}T18:30")
    post = (await owner.post(f"./compose/{new_id()}/send", sent)).headers["hx-redirect"]
    named = {"name": "Marta", "email": TO}
    for number, (page, path, fields) in enumerate(
        (
            ("./review/links", "./review/links", named),
            (own, f"{own}/links", named),
            (f"{post}/review", f"{post}/review", {"review.new_link": "Marta", "review.email": TO}),
        ),
        1,
    ):
        run = re.findall(r'name="run" value="([\w-]+)"', (await owner.get(page)).text)[0]
        answers = await asyncio.gather(*(owner.post(path, fields | {"run": run}) for _ in range(2)))
        first, second = sorted((one.text for one in answers), key=lambda one: "may have been sent" in one)
        assert f"The link was sent to <bdi>{TO}</bdi>." in first, path
        assert f"The e-mail to <bdi>{TO}</bdi> may have been sent." in second, path
        assert link_in(first) == link_in(second)
        assert len(mail_server.mails) == number
    links = await owner.get("./review/links")
    assert links.text.count("<bdi>Marta</bdi>") == 3
    run = re.findall(r'name="run" value="([\w-]+)"', links.text)[0]
    for number, address in enumerate((TO, "ana@casa-verde.example"), 4):
        assert "was sent to" in (await owner.post("./review/links", named | {"email": address, "run": run})).text
        assert len(mail_server.mails) == number


async def test_mail_server_that_does_not_respond_may_have_sent_it(
    owner: Visitor, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_mail, "TIMEOUT", 0.0)
    page = (await owner.post("./review/links", {"name": "Marta", "email": TO})).text
    said = f"The mail server does not respond. The e-mail to <bdi>{TO}</bdi> may have been sent."
    assert said in page
    assert "was not sent" not in page


async def test_link_that_could_not_be_sent_is_shown_with_the_reason(owner: Visitor, mail_server: MailServer) -> None:
    mail_server.replies["RCPT"] = "550 No such user"
    page = (await owner.post("./review/links", {"name": "Marta", "email": TO})).text
    assert f"The e-mail to <bdi>{TO}</bdi> was not sent. The mail server responds: 550 No such user." in page
    assert link_in(page)
    wrong = await owner.post("./review/links", {"name": "Marta", "email": "marta"})
    assert (wrong.status_code, "Write an e-mail address" in wrong.text) == (422, True)
    assert (await owner.get("./review/links")).text.count("<bdi>Marta</bdi>") == 1
    mail_server.replies.clear()
    for _ in range(19):
        await owner.post("./review/links", {"name": "x", "email": TO})
    assert "Too many e-mails." in (await owner.post("./review/links", {"name": "x", "email": TO})).text
    assert len(mail_server.mails) == 19


async def test_without_a_mail_server_no_page_asks_for_an_address(owner: Visitor) -> None:
    page = (await owner.get("./review/links")).text
    assert 'name="email"' not in page
    made = await owner.post("./review/links", {"name": "Marta", "email": TO})
    assert "No mail server is set up." in made.text
