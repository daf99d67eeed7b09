"""Free times on the overview, the keyboard's list of each page, and an item as a sheet on a phone, with many posts."""

from uuid import UUID

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import func, select

from clipcast.database.models.posts import Item
from clipcast.installation import Installation
from clipcast.testing.seeding import Sizes, seed
from tests.e2e.people import OWNER, set_up, shoot, sign_in
from tests.e2e.test_pages import serious
from tests.e2e.test_phone import SQUEEZED, TOO_WIDE

pytestmark = pytest.mark.browser

# What the keyboard's list of each page has beside the keys of all pages.
LISTED = {
    "/posts": {"Lists"},
    "/calendar?view=month": {"Calendar"},
    "/compose": {"Compose"},
    "/settings": set(),
}


async def largest_post(installation: Installation) -> UUID:
    async with installation.database.session() as session:
        query = select(Item.post_id).group_by(Item.post_id).order_by(func.count().desc()).limit(1)
        return (await session.execute(query)).scalar_one()


async def test_pages_of_a_planner_on_a_desk_and_a_phone(served: Installation, page: Page, browser: Browser) -> None:
    base = await set_up(page, served)
    await seed(served, UUID(base.rsplit("/", 1)[1]), Sizes(accounts=60, clients=8, clips=30, posts=400))
    post = f"{base}/posts/{await largest_post(served)}"

    # `?` lists the keys that work on a page, and no others.
    for path, places in LISTED.items():
        await page.goto(base + path)
        await page.locator("h1").first.click()
        await page.keyboard.press("?")
        keys = page.get_by_role("dialog", name="Keyboard")
        await expect(keys).to_be_visible()
        assert set(await keys.locator("h3").all_text_contents()) == {"Everywhere"} | places, path
        await page.keyboard.press("Escape")
    await page.goto(base + "/posts")
    await page.keyboard.press("g")
    await page.keyboard.press("r")
    await page.wait_for_url("**/review")

    # A free time of the overview composes for it.
    await page.goto(base)
    await shoot(page, "planner-overview-1200")
    free = page.locator("table.ahead a.pips").first
    name = await free.text_content()
    await free.click()
    await page.wait_for_url("**/compose/**")
    assert name
    assert "client=" in page.url

    # A group of accounts folds, and stays folded when another item is chosen.
    await page.goto(post)
    groups = page.locator("[data-fold]")
    if await groups.count():
        await groups.first.click()
        await expect(groups.first).to_have_attribute("aria-expanded", "false")
    cell = page.locator("a.cell:visible").last
    await cell.click()
    await expect(cell).to_have_attribute("aria-current", "true")
    if await groups.count():
        await expect(groups.first).to_have_attribute("aria-expanded", "false")
    await shoot(page, "planner-post-1200")

    for scheme in ("light", "dark"):
        phone = await browser.new_page(viewport={"width": 390, "height": 800}, has_touch=True, color_scheme=scheme)
        try:
            await sign_in(phone, served, OWNER[1], OWNER[2])
            for path in ("", "/calendar?view=week"):
                await phone.goto(base + path)
                await shoot(phone, f"planner-{path.strip('/').partition('?')[0] or 'overview'}-390-{scheme}")
                assert await phone.evaluate(TOO_WIDE) == []
                assert await serious(phone) == []
            await phone.goto(post + "?show=all")
            panel = phone.locator("#panel")
            await expect(panel).to_be_hidden()
            opener = phone.locator("a.cell:visible").first
            id = await opener.get_attribute("id")
            await opener.click()
            await expect(panel).to_be_in_viewport()
            await shoot(phone, f"planner-post-390-{scheme}")
            assert await phone.evaluate(TOO_WIDE) == []
            assert await phone.evaluate(SQUEEZED) == []
            assert await serious(phone) == []
            await phone.keyboard.press("Escape")
            await expect(panel).to_be_hidden()
            await expect(phone.locator(f"#{id}")).to_be_focused()
        finally:
            await phone.close()
