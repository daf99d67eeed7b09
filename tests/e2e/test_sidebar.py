"""What the sidebar says of the accounts and the workers follows changes, at a desk and on a phone."""

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import update

from clipcast.database.models.connections import Connection
from clipcast.database.models.people import User
from clipcast.installation import Installation
from tests.e2e.people import link_accounts, set_up, shoot, working

pytestmark = pytest.mark.browser


async def test_sidebar_follows_the_accounts_and_the_workers(page: Page, served: Installation) -> None:
    base = await set_up(page, served)
    await link_accounts(served, base, "youtube")
    refresh = "htmx.trigger(document.body, 'refresh')"
    await page.goto(base + "/clips")
    health, dot, copy = (page.locator(one) for one in ("#health", "#needy-dot .dot", "#needy-copy .count"))
    counted = page.get_by_role("link", name="Accounts 1 needs you")
    await expect(health).to_have_text("Nothing is being published")
    await expect(dot).to_have_count(0)
    async with working(served):
        async with served.database.begin() as session:
            await session.execute(update(Connection).values(status="needs_reconnect"))
        await page.evaluate(refresh)
        await expect(counted).to_be_visible()
        await expect(health).to_have_text("Publishing is running")
        await shoot(page, "sidebar-1280")
        await page.set_viewport_size({"width": 390, "height": 800})
        await expect(dot).to_be_visible()
        await shoot(page, "sidebar-390")
        await page.get_by_role("button", name="More").click()
        await expect(copy).to_be_visible()
        await shoot(page, "sidebar-390-more")
        # What was swapped follows, too.
        async with served.database.begin() as session:
            await session.execute(update(Connection).values(status="active"))
        await page.evaluate(refresh)
        await expect(dot).to_have_count(0)
        await expect(copy).to_have_count(0)
        await page.set_viewport_size({"width": 1280, "height": 850})
        await expect(health).to_be_visible()
        await expect(counted).to_have_count(0)
    # A long name leaves the rest in view.
    async with served.database.begin() as session:
        await session.execute(update(User).values(name="Maximilian Alexander von Hohenberg " * 3))
    await page.set_viewport_size({"width": 1280, "height": 720})
    await page.reload()
    name = await page.locator(".who a[href='/account']").bounding_box()
    assert name
    assert name["height"] < 60
    await expect(health).to_be_in_viewport()
