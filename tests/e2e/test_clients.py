"""Clients, posting times and the queue in a browser, with forty clients and 300 accounts, on three widths."""

import gzip
import re
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import select

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.names import name_key
from clipcast.database.models.clients import Client
from clipcast.database.models.clips import Render
from clipcast.database.models.connections import Connection
from clipcast.installation import Installation
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.service import create_post
from tests.e2e.people import OWNER, connect, set_up, shoot, sign_in, upload
from tests.e2e.test_pages import serious
from tests.e2e.test_phone import TOO_WIDE

pytestmark = pytest.mark.browser

NAMES = ("شركة الفجر للتجميل والعناية", "👩‍🍳 Küche & Söhne", "<b>bold</b> & “quoted”", "W" * 60)


async def seed(installation: Installation, base: str, clients: int = 40, accounts: int = 300) -> list[UUID]:
    """Add clients with names that are hard to show, and accounts in each state. Return the clients' ids."""
    workspace = UUID(base.rsplit("/", 1)[1])
    names = [*NAMES, *(f"Client {number:02}" for number in range(len(NAMES), clients))]
    made = [
        Client(id=new_id(), workspace_id=workspace, name=name, name_key=name_key(name), color=number % 12 + 1,
               timezone="Europe/Lisbon")
        for number, name in enumerate(names)
    ]  # fmt: skip
    platforms, now = list(PLATFORMS), clock.now()
    async with installation.database.begin() as session:
        session.add_all(made)
        await session.flush()
        session.add_all(
            Connection(
                workspace_id=workspace, client_id=made[number % 40].id if number % 41 else None,
                platform=platforms[number % len(platforms)], account_id=f"a{number}", scopes=[], sandbox=True,
                username="w" * 60 if number == 3 else f"account.{number}", display_name=NAMES[number % len(NAMES)],
                status="needs_reconnect" if number % 30 == 0 else "disabled" if number % 31 == 0 else "active",
                status_reason="The password was changed." if number % 30 == 0 else None, profile={},
                tokens=installation.vault.seal(None), issued_at=now, renewable=number % 37 != 0,
                signed_in_until=now + timedelta(days=2) if number % 37 == 0 else None,
            )
            for number in range(accounts)
        )  # fmt: skip
    return [one.id for one in made]


async def test_client_from_its_first_posting_time_to_its_queue(served: Installation, page: Page, clip: Path) -> None:
    """A client gets an account and times; posts that take them exchange their places; paused days send them on."""
    base = await set_up(page, served)
    await connect(page, base, "YouTube")
    await upload(page, base, clip)
    await page.goto(base + "/clients")
    await page.get_by_label("Name").fill("Alba Skincare")
    await page.get_by_label("Time zone").fill("Europe/Lisbon")
    await page.get_by_role("radio", name="teal").check()
    await page.get_by_role("button", name="Create client").click()
    await expect(page.get_by_role("heading", name="Alba Skincare")).to_be_visible()
    await page.get_by_label("@harbour.films").check()
    await page.get_by_role("button", name="Add the chosen ones").click()
    await page.get_by_role("link", name="Posting times").click()
    await expect(page.get_by_text("No posting times yet")).to_be_visible()
    await page.get_by_label("Add a time").fill("18:30")
    await page.get_by_role("button", name="Add", exact=True).click()  # on all days
    await expect(page.get_by_text("7 a week")).to_be_visible()
    await expect(page.get_by_role("button", name="Remove Sun 18:30")).to_be_visible()
    await expect(page.get_by_role("link", name="Fill")).to_have_count(14)
    await page.get_by_role("switch").check()
    await expect(page.get_by_role("switch")).to_be_checked()

    client = page.url.split("/clients/")[1].split("/")[0]
    await _queue_two_posts(served, base)
    await expect(page.locator("#live .title")).to_have_text(["Tide one", "Tide two"])  # without a reload
    await page.get_by_role("button", name=re.compile("^Later.*Tide one")).click()
    await expect(page.locator("#live .title")).to_have_text(["Tide two", "Tide one"])
    await shoot(page, "client-times")
    day = await page.evaluate("new Date(Date.now()).toLocaleDateString('en-CA', {timeZone: 'Europe/Lisbon'})")
    await page.get_by_label("From").fill(day)
    await page.get_by_label("to", exact=True).fill(day)
    await page.get_by_role("button", name="Pause these days").click()
    await expect(page.get_by_text("The days are paused.")).to_be_visible()

    # The client in the address stays from page to page, until it is left.
    await page.get_by_label("Pages").get_by_role("link", name="Alba Skincare").click()
    await expect(page).to_have_url(f"{base}/posts?client={client}")
    await page.get_by_label("Pages").get_by_role("link", name="Accounts").click()
    await expect(page).to_have_url(f"{base}/connections?client={client}")
    await page.get_by_role("link", name="Show all").click()
    await expect(page).to_have_url(f"{base}/connections")


async def _queue_two_posts(installation: Installation, base: str) -> None:
    """Create two posts at the next posting times, as a caller of the API would."""
    workspace = UUID(base.rsplit("/", 1)[1])
    async with installation.database.session() as session:
        edit = (await session.scalars(select(Render.edit_setting_id))).first()
    for title in ("Tide one", "Tide two"):
        target = {"connectionId": "@harbour.films", "metadata": {"youtube": {"title": title}}}
        body = {"videos": [{"editId": str(edit), "targets": [target]}], "schedule": {"slot": "next"}}
        await create_post(installation.database.hot_pool, workspace, body, installation.settings)


async def test_forty_clients_and_300_accounts_fit_every_screen(
    browser: Browser, served: Installation, page: Page
) -> None:
    """Nothing is wider than the screen, axe-core finds nothing serious, and the pages stay light."""
    base = await set_up(page, served)
    clients = await seed(served, base)
    own = f"{base}/clients/{clients[3]}"
    await page.goto(own + "/times")
    await page.get_by_role("button", name="Add", exact=True).click()
    weights: dict[str, int] = {}
    for width, scheme in ((1280, "light"), (820, "dark"), (390, "dark")):
        screen = await browser.new_page(
            viewport={"width": width, "height": 850},
            has_touch=width < 500,
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        await sign_in(screen, served, OWNER[1], OWNER[2])
        for path in (f"{base}/clients", f"{base}/connections", f"{base}/connections?client={clients[0]}",
                     *(f"{own}/{tab}" for tab in ("times", "accounts", "words", "settings"))):  # fmt: skip
            response = await screen.goto(path)
            assert response is not None
            weights[path] = len(gzip.compress(await response.body()))
            assert await screen.evaluate(TOO_WIDE) == [], (width, path)
            assert await screen.evaluate("document.documentElement.scrollWidth") <= width, (width, path)
            if width != 820:
                assert await serious(screen) == [], (width, scheme, path)
            name = path.removeprefix(base).replace(str(clients[3]), "").partition("?")[0].strip("/").replace("/", "-")
            await shoot(screen, f"clients-{name}-{'client-' if '?' in path else ''}{width}-{scheme}")
        await screen.close()
    assert max(weights.values()) < 25_000, weights
