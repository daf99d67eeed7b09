"""The tasks of the compose page: many clips to many accounts, plans, tabs, checks, two widths of a desk and a phone."""

import struct
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import func, select

from clipcast.database.models.posts import Item
from clipcast.installation import Installation
from clipcast.platforms.registry import PLATFORMS
from clipcast.testing.harness import Sandbox
from tests.e2e.people import OWNER, add_clips, link_accounts, open_tab, set_up, shoot, sign_in
from tests.e2e.test_pages import serious
from tests.e2e.test_phone import SQUEEZED, TOO_WIDE

pytestmark = pytest.mark.browser

NAMES = ("one", "two", "three", "four", "five")
# Counts the presses of a finger or a mouse, over all pages.
COUNT = """addEventListener("pointerdown", () => {
  sessionStorage.presses = Number(sessionStorage.presses ?? 0) + 1;
}, true)"""


async def furnish(page: Page, installation: Installation, clip: Path, folder: Path) -> str:
    """Return the pages' address of a workspace with an account on every platform, and five clips."""
    base = await set_up(page, installation)
    await link_accounts(installation, base, *PLATFORMS)
    files = []
    for name in NAMES:
        files.append(folder / f"{name}.mp4")
        # An empty box makes each clip another one, so that none is a double.
        files[-1].write_bytes(clip.read_bytes() + struct.pack(">I4s8s", 16, b"free", name.encode()))
    await page.goto(base + "/clips")
    await page.locator("#files").set_input_files(files)
    await expect(page.get_by_role("link", name="Uploaded: open clip")).to_have_count(5)
    return base


async def test_five_clips_go_to_eight_accounts_in_twelve_presses(
    served: Installation, sandbox: Sandbox, page: Page, browser: Browser, clip: Path, tmp_path: Path
) -> None:
    base = await furnish(page, served, clip, tmp_path)
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.add_init_script(COUNT)
    await page.goto(base)
    await page.get_by_role("banner").get_by_role("link", name="New post").click()
    await add_clips(page, *NAMES)
    await page.get_by_label("All of All accounts").click()
    await expect(page.locator("#account-count")).to_have_text("8 of 8")
    await page.locator("#text").click()
    await page.keyboard.type("First light in the harbour")
    await page.keyboard.press("Tab")
    await page.keyboard.type("First light")
    await page.get_by_role("link", name="TikTok: choose who can watch").click()
    await page.keyboard.type("Only me")
    await page.keyboard.press("Tab")
    await page.get_by_role("link", name="choose board").click()
    await page.keyboard.press("ArrowDown")
    await expect(page.locator("#problems")).to_contain_text("Ready: 40 items")
    await shoot(page, "compose-1280")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_role("dialog", name="When should it go out?")).to_be_visible()
    await shoot(page, "compose-when")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_url("**/posts/**")
    assert int(await page.evaluate("sessionStorage.presses")) <= 12
    async with served.database.session() as session:
        query = select(func.count()).where(Item.post_id == UUID(page.url.rsplit("/", 1)[1]))
        assert (await session.execute(query)).scalar_one() == 40


@pytest.mark.parametrize(
    ("width", "height", "scheme"), [(1280, 800, "dark"), (820, 1100, "light"), (390, 800, "light")]
)
async def test_page_fits_each_screen_and_is_accessible(
    served: Installation, page: Page, browser: Browser, clip: Path, tmp_path: Path, width: int, height: int, scheme: str
) -> None:
    base = await furnish(page, served, clip, tmp_path)
    screen = await browser.new_page(
        viewport={"width": width, "height": height}, has_touch=width < 500, color_scheme=scheme
    )
    try:
        await sign_in(screen, served, OWNER[1], OWNER[2])
        await screen.goto(base + "/compose")
        await look(screen, f"compose-{width}-empty")
        await add_clips(screen, *NAMES)
        await step_on(screen, width, "accounts")
        await screen.get_by_label("All of All accounts").click()
        await expect(screen.locator("#account-count")).to_contain_text("8 of 8")
        await look(screen, f"compose-{width}-accounts")
        await step_on(screen, width, "words")
        await open_tab(screen, "TikTok")
        await look(screen, f"compose-{width}-words")
        await step_on(screen, width, "when")
        await screen.get_by_label("Spread out").check()
        await look(screen, f"compose-{width}-when")
    finally:
        await screen.close()


async def step_on(screen: Page, width: int, step: str) -> None:
    """Go to the next step of a phone; on a wider screen, open the sheet of the time in the end."""
    if width < 500:
        await screen.get_by_role("button", name=f"Next: {step}").click()
    elif step == "when":
        await screen.locator("#primary").click()


async def look(screen: Page, name: str) -> None:
    """Save a screenshot. Nothing is wider than the screen, squeezed, or inaccessible."""
    await shoot(screen, name)
    assert await serious(screen) == []
    assert await screen.evaluate(TOO_WIDE) == []
    assert await screen.evaluate(SQUEEZED) == []
    assert await screen.evaluate("document.documentElement.scrollWidth") <= await screen.evaluate("innerWidth")
