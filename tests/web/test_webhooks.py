"""The pages of webhooks, before a real receiver."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from fastapi import FastAPI
from pydantic_core import to_json

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.installation import Installation
from clipcast.server.worker import make_worker
from clipcast.webhooks import service
from clipcast.webhooks.events import RESERVED, TYPES
from clipcast.webhooks.router import Router
from tests.web.browser import sent
from tests.web.conftest import Visitor
from tests.webhooks.hooks import ADD
from tests.webhooks.receiver import Received, Receiver, Reply, receiving

PAGE = "./developers/webhooks"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
def allowing(owner: Visitor, application: FastAPI, installation: Installation) -> Installation:
    """Return the installation, which may send webhooks to this machine."""
    settings = installation.settings.model_copy(update={"webhook_hosts": ("127.0.0.1",)})
    application.state.installation = made = replace(installation, settings=settings)
    return made


async def deliver(installation: Installation) -> None:
    """Route new events, and send what is due."""
    router, worker = Router(installation), make_worker(installation)
    while await router.route():
        pass
    while await worker.run_due():
        pass
    await worker.close()


async def create(owner: Visitor, url: str, **more: object) -> tuple[str, str]:
    """Create a webhook in its form. Return its path and its secret."""
    made = await owner.post(PAGE, {"url": url, "which": "all"} | more)
    assert made.status_code == 200, made.text
    path = re.search(r'action="(/w/[^"]+/developers/webhooks/[0-9a-f-]+)/rotate"', made.text)
    secret = re.search(r'id="new-secret">([^<]+)<', made.text)
    assert path
    assert secret
    return path[1], secret[1]


async def test_webhook_is_created_tested_and_sent_again(
    owner: Visitor, allowing: Installation, receiver: Receiver
) -> None:
    """The secret is shown once and verifies what the receiver gets; the page shows each attempt and the body."""
    assert "No webhooks yet" in (await owner.get(PAGE)).text
    path, secret = await create(owner, receiver.url, description="n8n <b>")
    assert secret not in (await owner.get(path)).text
    assert "n8n &lt;b&gt;" in (await owner.get(PAGE)).text
    assert "Nothing was sent yet." in (await owner.get(path)).text
    receiver.replies.append(Reply(500, body=b"<script>no</script>"))
    tested = await owner.post(path + "/test")
    assert tested.headers["location"] == f"{path}?done=tested#deliveries"
    below = (await owner.get(f"{path}?done=tested")).text.partition('id="deliveries"')[2]
    assert "A test event is on its way." in below
    waiting = (await owner.get(path)).text
    assert 'hx-trigger="every 3s"' in waiting
    assert "Send now" in waiting
    await deliver(allowing)
    failing = (await owner.get(path)).text
    assert "The last request failed: It responded with 500: &lt;script&gt;no&lt;/script&gt;" in failing
    clock.move(timedelta(minutes=1))
    await deliver(allowing)
    done = (await owner.get(path)).text
    assert 'hx-trigger="refresh from:body"' in done
    delivery = re.search(rf'href="({path}/deliveries/[0-9a-f-]+)"', done)
    assert delivery
    shown = (await owner.get(delivery[1])).text
    assert shown.count('data-column="Response"') == 2
    first_at, second_at = re.findall(r'data-column="When"><time[^>]*>[^<]*, (\d\d:\d\d:\d\d) ', shown)
    assert first_at != second_at
    assert "webhook.test" in shown
    assert receiver.requests[0].body == receiver.requests[1].body
    again = await owner.post(delivery[1] + "/replay")
    assert again.status_code == 303
    await deliver(allowing)
    first, *_, last = receiver.requests
    assert len(receiver.requests) == 3
    assert (first.id, first.body) == (last.id, last.body)
    assert last.verified(secret)["type"] == "webhook.test"


async def test_rotated_secret_signs_beside_the_former(
    owner: Visitor, allowing: Installation, receiver: Receiver
) -> None:
    """The new secret is shown once. Requests have both signatures."""
    path, former = await create(owner, receiver.url)
    page = (await owner.post(path + "/rotate")).text
    found = re.search(r'id="new-secret">([^<]+)<', page)
    assert found
    await owner.post(path + "/test")
    await deliver(allowing)
    request: Received = receiver.requests[0]
    assert request.verified(former) == request.verified(found[1])


async def test_chosen_events_and_a_disabled_webhook(owner: Visitor, allowing: Installation, receiver: Receiver) -> None:
    """Only chosen events are sent, none while it is disabled, and those of the time before once they are replayed."""
    path, _ = await create(owner, receiver.url, which="some", events=["connection.connected", "nonsense"])
    form = sent((await owner.get(path)).text, "webhook-form")
    assert (form["which"], form["events"]) == (["some"], ["connection.connected"])
    # "All" wins over events that stay ticked: the form hides them.
    saved = await owner.post(path, form | {"which": ["all"], "description": ["all of it"]})
    assert saved.status_code == 303
    assert "All events" in (await owner.get(path)).text
    await owner.post(path + "/disable")
    page = (await owner.get(path)).text
    assert "Somebody disabled this webhook." in page
    assert "/test" not in page
    conflict = await owner.post(path + "/test")
    assert conflict.status_code == 409
    await owner.post(path + "/enable")
    assert "ready" in (await owner.get(path)).text
    replayed = await owner.post(path + "/replay", {"since": f"{clock.now() - timedelta(hours=1):%Y-%m-%dT%H:%M}"})
    assert "0 events are sent again." in replayed.text.partition('id="deliveries"')[2]
    for since in ("", "2020-01-01T00:00", "nonsense"):
        wrong = await owner.post(path + "/replay", {"since": since})
        assert 'id="since-problem"' in wrong.text
        assert wrong.status_code == 422
        assert "data-refused" in wrong.text
    assert (await owner.post(path + "/delete")).status_code == 303
    assert (await owner.get(path)).status_code == 404


async def test_replay_goes_on_with_the_next_events_by_a_button(
    owner: Visitor, allowing: Installation, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay sends so many events at once. The button sends those after them, and each of them once."""
    monkeypatch.setattr(service, "REPLAYED_MAX", 2)
    path, _ = await create(owner, receiver.url)
    rows = to_json([{"id": new_id(), "number": number} for number in range(5)]).decode()
    async with allowing.database.begin() as session:
        values = {"workspace_id": owner.base.split("/")[2], "rows": rows, "now": clock.now()}
        await session.execute(ADD, values)
    await deliver(allowing)
    first = sorted(request.id for request in receiver.requests)
    del receiver.requests[:]
    page = await owner.post(path + "/replay", {"since": f"{clock.now() - timedelta(hours=1):%Y-%m-%dT%H:%M}"})
    for number in (2, 2, 1):
        assert f"{number} event{'s are' if number > 1 else ' is'} sent again." in page.text
        assert ("There are more." in page.text) == ("Send the next ones again" in page.text) == (number == 2)
        if number == 2:
            page = await owner.post(path + "/replay", dict(sent(page.text, "rest-of-replay")))
    await deliver(allowing)
    assert sorted(request.id for request in receiver.requests) == first


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"url": ""}, "Give an address such as"),
        ({"url": "http://10.0.0.1/x"}, "The address uses http."),
        ({"url": "ftp://x.y"}, "The address uses ftp. Give an https address such as"),
        ({"url": "nowhere"}, "This is not an address."),
        ({"url": "https://10.0.0.1/x"}, "inside a private network"),
        ({"url": "https://example.org/", "which": "some"}, "Choose at least one event, or all."),
        ({"url": "https://example.org/", "description": "x" * 201}, "At most 200 characters"),
    ],
)
async def test_problem_stands_beside_its_field(
    owner: Visitor, allowing: Installation, form: dict[str, object], problem: str
) -> None:
    """The form keeps what was typed, on the list and on the page of a webhook."""
    path, _ = await create(owner, "https://hooks.example.org/")
    for action in (PAGE, path):
        refused = await owner.post(action, {"which": "all"} | form)
        assert refused.status_code == 422
        assert problem in refused.text
        assert f'value="{form["url"]}"' in refused.text


async def test_form_offers_every_event(owner: Visitor, allowing: Installation) -> None:
    page = (await owner.get(PAGE)).text
    assert re.findall(r'name="events" value="([a-z_.]+)"', page) == [type for type in TYPES if type not in RESERVED]


async def test_only_owners_see_webhooks(owner: Visitor, invited: Callable[[str], Awaitable[Visitor]]) -> None:
    """An address can hold a secret: an editor gets 403, and no link."""
    editor = await invited("editor")
    assert (await editor.get(PAGE)).status_code == 403
    assert (await editor.post(PAGE, {"url": "https://example.org/"})).status_code == 403
    assert "developers/webhooks" not in (await editor.get("./developers/keys")).text
    assert "developers/webhooks" in (await owner.get("./developers/keys")).text
