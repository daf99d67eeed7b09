"""The devices on the page of notifications: turned on by the browser, listed, and turned off."""

import json
from collections.abc import Awaitable, Callable

import httpx2
from sqlalchemy import func, select

from clipcast.database.models.notices import PushDevice
from clipcast.installation import Installation
from tests.notices.test_push import BrowserOfTests, encoded
from tests.web.browser import sent
from tests.web.conftest import JSON, PASSWORD, Visitor

PAGE = "./settings/notifications"


async def turn_on(visitor: Visitor, endpoint: str = "https://push.example.net/send/secret-1") -> httpx2.Response:
    browser = BrowserOfTests("x")
    body = {
        "endpoint": endpoint, "expirationTime": None,
        "keys": {"p256dh": encoded(browser.public), "auth": encoded(browser.auth)},
    }  # fmt: skip
    headers = visitor.headers | JSON | {"User-Agent": "Firefox <b>147</b>"}
    return await visitor.client.post("/account/push", content=json.dumps(body), headers=headers)


async def count(installation: Installation) -> int:
    async with installation.database.session() as session:
        return (await session.execute(select(func.count()).select_from(PushDevice))).scalar_one()


async def test_device_is_listed_tested_and_turned_off(owner: Visitor, installation: Installation) -> None:
    """The page shows the browser and its push service, and no part of the address. Only urgent events are chosen."""
    page = (await owner.get(PAGE)).text
    assert "No device yet." in page
    assert "data-turn-on" in page
    first, again = [(await owner.get("/account/push/key")).json()["key"] for _ in range(2)]
    assert first == again
    assert len(first) == 87
    assert (await turn_on(owner)).status_code == 204
    page = (await owner.get(PAGE)).text
    assert "Firefox &lt;b&gt;147&lt;/b&gt; (this device)" in page
    assert "by push.example.net" in page
    assert "secret-1" not in page
    assert "data-turn-on" not in page
    chosen = sent(page, "choices-form")["push"]
    assert "item.failed" in chosen
    assert "review.approved" not in chosen
    assert (await owner.post(PAGE + "/push/test")).status_code == 303
    remove = page.split('action="/account/push/')[1].split('"')[0]
    gone = await owner.post(f"/account/push/{remove}", {"next": owner.base + "/settings/notifications#push"})
    assert gone.headers["location"].endswith("/settings/notifications#push")
    assert await count(installation) == 0


async def test_odd_subscriptions_and_other_peoples_devices_are_refused(
    owner: Visitor, invited: Callable[[str], Awaitable[Visitor]], installation: Installation
) -> None:
    wrong = await turn_on(owner, "http://127.0.0.1/hook")
    assert wrong.status_code == 422
    assert "not an https address" in wrong.json()["detail"]
    assert "127.0.0.1/hook" not in wrong.text
    headers = owner.headers | JSON
    assert (await owner.client.post("/account/push", content="{}", headers=headers)).status_code == 422
    cross = headers | {"Sec-Fetch-Site": "cross-site"}
    assert (await owner.client.post("/account/push", content="{}", headers=cross)).status_code == 403
    await turn_on(owner)
    editor = await invited("editor")
    page = (await owner.get(PAGE)).text
    remove = page.split('action="/account/push/')[1].split('"')[0]
    await editor.post(f"/account/push/{remove}")
    assert await count(installation) == 1
    assert "No device yet." in (await editor.get(PAGE)).text


async def test_device_ends_when_its_browser_is_signed_out(owner: Visitor, installation: Installation) -> None:
    """By its person there, by another browser, or by a new password."""
    await turn_on(owner)
    await owner.post("/sign-out")
    assert await count(installation) == 0
    await owner.sign_in()
    await turn_on(owner)
    other = Visitor(httpx2.AsyncClient(transport=owner.client._transport, base_url=owner.client.base_url), "")
    await other.sign_in()
    await turn_on(other, "https://push.example.net/send/secret-2")
    assert await count(installation) == 2
    new = PASSWORD + "-and-more"
    await other.post("/account/password", {"old": PASSWORD, "new": new})
    assert await count(installation) == 1
    await other.client.aclose()


async def test_number_for_the_icon_counts_what_needs_somebody(owner: Visitor, visitor: Visitor) -> None:
    assert (await owner.get("/account/needs")).json() == {"needs": 0}
    await owner.post("/sign-out")
    assert (await owner.get("/account/needs")).status_code == 303
