"""The first view of a page: it opens at its top, and shows what a person must see whole."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import update

from clipcast.database.models.clips import Render
from clipcast.database.models.connections import Connection
from clipcast.installation import Installation
from tests.e2e.people import connect, set_up, upload
from tests.e2e.test_posts import planned

pytestmark = pytest.mark.browser

# States of which a part is outside of what holds them, or outside of their own ground.
CUT = """() => [...document.querySelectorAll(".pill")].filter((one) => {
  const [own, row] = [one.getBoundingClientRect(), one.parentElement.getBoundingClientRect()];
  const words = one.querySelector("span:not(.sr)")?.getBoundingClientRect() ?? own;
  return own.width && (own.right > row.right + 1 || words.right > own.right || own.right > innerWidth);
}).map((one) => `${one.textContent.trim()} in ${one.parentElement.className}`)"""


async def test_page_with_tabs_opens_at_its_top_and_shows_the_open_tab(
    served: Installation, page: Page, clip: Path
) -> None:
    base = await set_up(page, served)
    for platform in ("TikTok", "Instagram"):
        await connect(page, base, platform)
    await upload(page, base, clip)
    [post, *_] = await planned(served, base)
    # So low that the tabs of the item lie below the screen.
    await page.set_viewport_size({"width": 390, "height": 300})
    await page.goto(f"{base}/posts/{post}", wait_until="load")
    await expect(page.get_by_role("heading", level=1)).to_be_in_viewport()
    assert await page.evaluate("scrollY") == 0
    await page.goto(f"{base}/posts?state=published")
    await expect(page.locator("#post-tabs [aria-current]")).to_be_in_viewport(ratio=0.95)
    await page.goto(f"{base}/posts?state=needs")
    await expect(page.locator("#post-tabs [aria-current]")).to_be_in_viewport(ratio=0.95)
    assert await page.evaluate("scrollY") == 0

    # Beside long names, the names give way, and not the state.
    async with served.database.begin() as session:
        await session.execute(update(Render).values(name="a-clip-with-a-very-long-name-without-a-space-" * 4))
        await session.execute(update(Connection).values(username="harbour" * 9, display_name="Harbour Films " * 9))
    for width in (1280, 390):
        await page.set_viewport_size({"width": width, "height": 850})
        for path in (f"/posts/{post}", "/posts", "/calendar?view=list", "/accounts", ""):
            await page.goto(base + path)
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
            assert await page.evaluate(CUT) == [], (width, path)
        # Each way has its whole head, and its box below it.
        await page.goto(base + "/settings/notifications")
        await expect(page.locator("table.ways th").last).to_be_visible()
        wide = "[...document.querySelectorAll('.wide:has(> .ways)')].map((one) => one.scrollWidth - one.clientWidth)"
        assert await page.evaluate(wide) == [0], width
