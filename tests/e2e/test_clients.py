"""A client's posting times and its queue in a browser. Many clients are seen in tests/e2e/test_seeded.py."""

import re
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import select

from clipcast.database.models.clips import Render
from clipcast.installation import Installation
from clipcast.posts.service import create_post
from tests.e2e.people import connect, set_up, shoot, upload

pytestmark = pytest.mark.browser


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
    await expect(page).to_have_url(f"{base}/accounts?client={client}")
    await page.get_by_role("link", name="Show all").click()
    await expect(page).to_have_url(f"{base}/accounts")


async def _queue_two_posts(installation: Installation, base: str) -> None:
    """Create two posts at the next posting times, as a caller of the API would."""
    workspace = UUID(base.rsplit("/", 1)[1])
    async with installation.database.session() as session:
        edit = (await session.scalars(select(Render.edit_setting_id))).first()
    for title in ("Tide one", "Tide two"):
        target = {"connectionId": "@harbour.films", "metadata": {"youtube": {"title": title}}}
        body = {"videos": [{"editId": str(edit), "targets": [target]}], "schedule": {"slot": "next"}}
        await create_post(installation.database.hot_pool, workspace, body, installation.settings)
