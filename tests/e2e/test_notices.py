"""Notices in the app, live; the preferences; and the app on a phone: offline, shared videos, push messages."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import select

from clipcast.common.ids import new_id
from clipcast.database.models.events import Event
from clipcast.database.models.notices import NoticeHabits
from clipcast.installation import Installation
from clipcast.notices.fan_out import fan_out
from clipcast.web import phone as web_phone
from clipcast.web.pages import templates
from tests.e2e.people import set_up, shoot, until
from tests.e2e.test_pages import serious
from tests.e2e.test_phone import TOO_WIDE

pytestmark = pytest.mark.browser

# The titles of the notifications that are shown.
TITLES = (
    "navigator.serviceWorker.ready.then((one) => one.getNotifications()).then((all) => all.map((one) => one.title))"
)
SIZES = ((1280, 850), (820, 1100), (390, 800))
# A subscription of a browser, without its push service.
SUBSCRIBE = """
  const url = { "+": "-", "/": "_", "=": "" };
  const encoded = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/[+/=]/g, (one) => url[one]);
  PushManager.prototype.subscribe = async function ({ userVisibleOnly, applicationServerKey }) {
    if (!userVisibleOnly || applicationServerKey.length !== 87) throw new Error("wrong options");
    const pair = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]);
    const p256dh = encoded(new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
    const keys = { p256dh, auth: encoded(crypto.getRandomValues(new Uint8Array(16))) };
    return { toJSON: () => ({ endpoint: "https://push.example.net/send/1", expirationTime: null, keys }) };
  };
"""


async def tell(served: Installation, base: str, *types: str, **data: Any) -> None:
    """Have events happen in the workspace."""
    workspace = UUID(base.rsplit("/", 1)[1])
    ids = [new_id() for _ in types]
    async with served.database.begin() as session:
        for id, type in zip(ids, types, strict=True):
            session.add(Event(id=id, workspace_id=workspace, type=type, subject_id=new_id(), data=data))
    async with served.database.hot_pool.transaction() as transaction:
        await fan_out(transaction, ids, has_mail=False)


async def fits(page: Page, name: str) -> None:
    """Look at the page in all sizes and both themes."""
    for width, height in SIZES:
        await page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            assert await page.evaluate(TOO_WIDE) == []
            await shoot(page, f"{name}-{width}-{scheme}")
        assert await serious(page) == []


async def test_notices_arrive_live_and_are_read(served: Installation, page: Page) -> None:
    """The bell of any page counts them. One leads to its thing by its button, and is read by that."""
    base = await set_up(page, served)
    await page.goto(base + "/calendar")
    bell = page.locator("#bell")
    await expect(bell).to_have_accessible_name("Notices")
    await tell(served, base, "job.dead", "connection.needs_reconnect", kind="deliver", reason="Too long " + "W" * 200)
    await expect(bell).to_have_accessible_name("Notices 2 unread")
    await bell.click()
    await expect(page.locator("li.unread")).to_have_count(2)
    await tell(served, base, "review.commented", by="Ana", text="<b>صباح الخير</b> 🌊")
    await expect(page.locator("li.unread")).to_have_count(3)
    await expect(page.get_by_text("Ana: <b>صباح الخير</b> 🌊")).to_be_visible()
    await fits(page, "notices")
    dead = page.locator("li", has_text="1 job is dead")
    await dead.get_by_role("link", name="Open Job deliver").click()
    await page.wait_for_url("**/jobs#dead")
    await expect(bell).to_have_accessible_name("Notices 2 unread")
    await page.goto(base + "/notices?show=unread")
    await page.get_by_role("button", name="Mark read An account").click()
    await expect(bell).to_have_accessible_name("Notices 1 unread")
    await page.get_by_role("button", name="Mark all read").click()
    await expect(page.get_by_role("button", name="Mark all read")).to_have_count(0)
    await expect(bell).to_have_accessible_name("Notices")


async def test_person_chooses_quiet_hours_and_a_digest(served: Installation, page: Page) -> None:
    """A wrong time keeps what was typed."""
    base = await set_up(page, served)
    await page.goto(base + "/settings/notifications")
    await page.get_by_label("Quiet from").fill("22:00")
    save = page.locator("#habits").get_by_role("button", name="Save")
    await save.click()
    await expect(page.get_by_text("Give both times, or neither.")).to_be_visible()
    await expect(page.get_by_label("Quiet from")).to_have_value("22:00")
    await page.get_by_label("until").fill("07:00")
    await page.get_by_label("Gather e-mails in a digest").select_option("Every day")
    await save.click()
    await expect(page.get_by_text("Saved for all your workspaces.")).to_be_visible()
    async with served.database.session() as session:
        habits = (await session.scalars(select(NoticeHabits))).one()
    assert (habits.quiet_from, habits.quiet_until, habits.digest) == (time(22), time(7), "daily")
    await expect(page.get_by_text("These times are in America/Sao_Paulo.")).to_be_visible()
    await fits(page, "notifications")


@pytest.fixture
async def phone(browser: Browser, served: Installation) -> AsyncIterator[Page]:
    """A phone whose browser runs service workers."""
    context = await browser.new_context(viewport={"width": 390, "height": 800}, has_touch=True)
    await context.grant_permissions(["notifications"], origin=served.settings.public_base)
    await context.add_init_script(SUBSCRIBE)
    page = await context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    assert troubles == []
    await context.close()


async def test_pages_work_under_the_service_worker_of_a_former_release(
    served: Installation, phone: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pages of a new release get its files, and its offline page replaces the kept one."""
    base = await set_up(phone, served)
    await phone.evaluate("navigator.serviceWorker.ready.then(() => true)")
    await phone.reload()
    assert await phone.evaluate("navigator.serviceWorker.controller !== null")
    former = await phone.evaluate("caches.keys()")

    # The new release has other files at other addresses, and another offline page.
    was, page_was = templates.env.globals["static"], web_phone._offline
    monkeypatch.setitem(templates.env.globals, "static", lambda path: f"{was(path)}of2")
    monkeypatch.setattr(web_phone, "_offline", lambda: page_was().replace("No connection", "New: no connection"))
    asked: list[str] = []
    phone.on("request", lambda request: asked.append(request.url))
    await phone.goto(base + "/posts")
    await expect(phone.get_by_role("heading", name="Posts", exact=True)).to_be_visible()
    assert any("app.css" in one and one.endswith("of2") for one in asked)
    await phone.locator("[data-palette]").click()
    await expect(phone.get_by_role("dialog", name="Search and commands")).to_be_visible()
    assert await phone.evaluate("getComputedStyle(document.body).display") == "grid"

    await phone.evaluate("navigator.serviceWorker.ready.then((one) => one.update())")
    await until(phone, f"caches.keys().then((now) => now.length === 1 && now[0] !== {former[0]!r})")
    await phone.context.set_offline(True)
    await phone.goto(base + "/calendar")
    await expect(phone.get_by_role("heading", name="New: no connection")).to_be_visible()
    await phone.context.set_offline(False)
    await expect(phone.locator(".calendar")).to_be_visible()


async def test_app_on_a_phone(served: Installation, phone: Page, clip: Path) -> None:
    """Offline it says what is kept and keeps no page of the person; it takes shared videos, and shows push messages."""
    base = await set_up(phone, served)
    await phone.evaluate("navigator.serviceWorker.ready.then(() => true)")
    await phone.goto(base + "/calendar")
    await expect(phone.get_by_role("heading", name="No connection")).to_have_count(0)

    # Offline.
    await phone.context.set_offline(True)
    await phone.goto(base + "/posts")
    await expect(phone.get_by_role("heading", name="No connection")).to_be_visible()
    await expect(phone.get_by_text("Scheduled posts go out on time.")).to_be_visible()
    assert phone.url == base + "/posts"
    for width, height in SIZES:
        await phone.set_viewport_size({"width": width, "height": height})
        assert await phone.evaluate(TOO_WIDE) == []
        await shoot(phone, f"offline-{width}")
    assert await serious(phone) == []
    await phone.context.set_offline(False)
    await expect(phone.get_by_role("heading", name="Posts", exact=True)).to_be_visible()
    kept = """async () => {
      const found = [];
      for (const name of await caches.keys())
        for (const one of await (await caches.open(name)).keys()) found.push(new URL(one.url).pathname);
      return found.sort();
    }"""
    parts = await phone.evaluate(kept)
    assert parts[0] == "/offline"
    assert [one for one in parts if not one.startswith(("/offline", "/static/"))] == []

    # Another app shares a video.
    await phone.evaluate("""() => {
      const form = document.createElement("form");
      form.method = "post"; form.action = "/share"; form.enctype = "multipart/form-data";
      form.innerHTML = '<input type="file" name="videos" id="shared-file">';
      document.body.append(form);
    }""")
    await phone.locator("#shared-file").set_input_files(clip)
    await phone.evaluate("document.getElementById('shared-file').form.submit()")
    await phone.wait_for_url(base + "/clips*")
    await expect(phone.get_by_role("link", name="Uploaded: open clip")).to_be_visible()
    await expect(phone.locator("#live").get_by_text(clip.stem)).to_be_visible()
    assert await phone.evaluate(kept) == parts

    # Push messages.
    await phone.goto(base + "/settings/notifications")
    await phone.get_by_role("button", name="Turn on for this device").click()
    await expect(phone.get_by_text("(this device)")).to_be_visible()
    await expect(phone.get_by_text("Push messages are on for this device.")).to_be_visible()
    await deliver(phone, served, {"title": "1 item has failed", "body": "Tide", "path": "/x", "tag": "t", "badge": 2})
    await until(phone, TITLES, ["1 item has failed"])
    await deliver(phone, served, {"title": "2 items have failed", "body": "Tide", "path": "/x", "tag": "t", "badge": 3})
    await until(phone, TITLES, ["2 items have failed"])
    await shoot(phone, "push-390")
    await phone.get_by_role("button", name="Turn off on").click()
    await expect(phone.get_by_role("button", name="Turn on for this device")).to_be_visible()

    # Nothing stays after a sign-out.
    await phone.get_by_role("button", name="More").click()
    await phone.locator("#more-pages").get_by_role("button", name="Sign out").click()
    await phone.wait_for_url("**/sign-in")
    await until(phone, TITLES, [])
    assert await phone.evaluate(kept) == parts


async def deliver(page: Page, served: Installation, message: dict[str, Any]) -> None:
    """Deliver a push message to the page's service worker, as the browser does when it has decrypted one."""
    session = await page.context.new_cdp_session(page)
    found: dict[str, str] = {}
    told, origin = asyncio.Event(), served.settings.public_base

    def note(event: dict[str, Any]) -> None:
        found.update(_ids(event))
        if origin + "/" in found:
            told.set()

    session.on("ServiceWorker.workerRegistrationUpdated", note)
    await session.send("ServiceWorker.enable")
    await asyncio.wait_for(told.wait(), 20)
    values = {"origin": origin, "registrationId": found[origin + "/"], "data": json.dumps(message)}
    await session.send("ServiceWorker.deliverPushMessage", values)
    await session.detach()


def _ids(event: dict[str, Any]) -> dict[str, str]:
    return {one["scopeURL"]: one["registrationId"] for one in event["registrations"] if not one["isDeleted"]}
