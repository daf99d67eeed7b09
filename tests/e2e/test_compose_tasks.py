"""The tasks of the compose page: many clips to many accounts, plans, tabs, checks, two widths of a desk and a phone."""

import struct
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import select

from clipcast.database.models.posts import Item
from clipcast.installation import Installation
from clipcast.platforms.registry import PLATFORMS
from clipcast.testing.harness import Sandbox
from tests.e2e.people import OWNER, add_clips, link_accounts, open_tab, send, set_up, shoot, sign_in, upload
from tests.e2e.test_pages import serious
from tests.e2e.test_phone import SQUEEZED, TOO_WIDE

pytestmark = pytest.mark.browser

NAMES = ("one", "two", "three", "four", "five")
# Counts the presses of a finger or a mouse, over all pages, and the lists that opened by themselves.
COUNT = """addEventListener("pointerdown", () => {
  sessionStorage.presses = Number(sessionStorage.presses ?? 0) + 1;
}, true);
const show = HTMLSelectElement.prototype.showPicker;
HTMLSelectElement.prototype.showPicker = function () {
  show.call(this);
  sessionStorage.lists = Number(sessionStorage.lists ?? 0) + 1;
};"""


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


async def test_five_clips_go_to_eight_accounts_in_ten_presses(
    served: Installation, sandbox: Sandbox, page: Page, browser: Browser, clip: Path, tmp_path: Path
) -> None:
    """With a mouse alone, and with all that the eight platforms require. Only the caption is typed. The presses:

    New post (1); Add (2); all clips of the day (3); Done (4); all accounts (5); the caption (6); the check that opens
    the list of TikTok's "Who can watch" (7), and the choice in it (8); Publish (9); and Publish 40 items (10).
    Pinterest's board is that of the last post. YouTube's title comes from the caption.
    """
    base = await furnish(page, served, clip, tmp_path)
    board = await pin(page, base)
    await begin_pin(page, base)
    note = page.locator("#form-pinterest .as-last")
    await expect(note).to_have_text("As in the last post")
    await page.locator(BOARDS).select_option(index=1)
    await expect(note).to_have_count(0)
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.add_init_script(COUNT)
    await page.goto(base)
    await page.evaluate("sessionStorage.presses = 0")
    await page.get_by_role("banner").get_by_role("link", name="New post").click()
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.locator("#library .pick-tile")).to_have_count(5)
    tiles = await page.locator("#library .pick-tile .name").all_inner_texts()
    await page.locator("#library [data-pick-all]").click()
    await page.locator("#library").get_by_role("button", name="Done").click()
    # The library shows the newest first, and a post begins with the oldest.
    await expect(page.locator("#strip li .name")).to_have_text(tiles[::-1])
    await page.get_by_label("All of All accounts").click()
    await expect(page.locator("#account-count")).to_have_text("8 of 8")
    await page.locator("#text").click()
    await page.keyboard.type("First light in the harbour")
    await page.get_by_role("link", name="TikTok: choose who can watch").click()
    # The browser's own list shows no presses to the page.
    await page.locator("[id='platform.tiktok.privacyLevel']").select_option("SELF_ONLY")
    assert await page.evaluate("sessionStorage.lists") == "1"
    in_the_list = 1
    await expect(page.locator("#problems")).to_contain_text("Ready: 40 items")
    await shoot(page, "compose-1280")
    await page.locator("#primary").click()
    await expect(page.get_by_role("dialog", name="When should it go out?")).to_be_visible()
    await shoot(page, "compose-when")
    await page.locator("#send").click()
    await page.wait_for_url("**/posts/**")
    assert int(await page.evaluate("sessionStorage.presses")) + in_the_list <= 10
    async with served.database.session() as session:
        query = select(Item.platform, Item.details).where(Item.post_id == UUID(page.url.rsplit("/", 1)[1]))
        items = [(platform, details) for platform, details in await session.execute(query)]
    assert len(items) == 40
    assert [details["boardId"] for platform, details in items if platform == "pinterest"] == [board] * 5
    assert {details["privacyLevel"] for platform, details in items if platform == "tiktok"} == {"SELF_ONLY"}


BOARDS = "#form-pinterest select[name$='.boardId']"


async def begin_pin(page: Page, base: str) -> None:
    """Begin a post to Pinterest, and open the tab of its settings."""
    await page.goto(base + "/compose")
    await add_clips(page, "one")
    await page.locator("#accounts").get_by_label("Pinterest").check()
    await open_tab(page, "Pinterest")


async def pin(page: Page, base: str) -> str:
    """Send a post to the last of an account's boards, and return the board."""
    await begin_pin(page, base)
    boards = page.locator(BOARDS)
    board = await boards.locator("option").last.get_attribute("value")
    await boards.select_option(board)
    await expect(page.locator("#problems")).to_contain_text("Ready: 1 item")
    await send(page)
    await page.wait_for_url("**/posts/**")
    assert board
    return board


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
    # The panes scroll, the page does not: its header stays.
    assert await screen.evaluate("document.documentElement.scrollHeight") <= await screen.evaluate("innerHeight")


async def test_what_is_missing_is_asked_for_where_it_is_and_review_is_one_of_the_ways(
    served: Installation, page: Page, clip: Path
) -> None:
    base = await set_up(page, served)
    await link_accounts(served, base, "youtube", "threads")
    await upload(page, base, clip)
    await page.set_viewport_size({"width": 1280, "height": 600})
    await page.goto(base + "/compose")
    await add_clips(page, "clip")
    await page.get_by_label("All of All accounts").click()
    await page.locator("#text").fill("First light")
    await expect(page.locator("#problems")).to_contain_text("Ready: 2 items")
    sheet = page.get_by_role("dialog", name="When should it go out?")
    await page.locator("#primary").click()
    await page.get_by_label("One time for all").check()
    await page.locator("#send").click()
    await expect(page.locator("#at")).to_be_focused()
    await expect(sheet).to_be_visible()
    await shoot(page, "compose-missing-day")
    await page.keyboard.press("Escape")
    await expect(sheet).to_be_hidden()
    await page.get_by_role("link", name="Choose a day and a time").click()
    await expect(page.locator("#at")).to_be_focused()
    await page.get_by_label("Now", exact=False).first.check()
    await page.keyboard.press("Escape")
    # No jump has moved the page itself.
    assert await page.evaluate("[scrollY, document.querySelector('main').scrollTop]") == [0, 0]
    assert await page.evaluate("document.documentElement.scrollHeight") <= 600
    await page.get_by_role("button", name="More ways").click()
    await page.locator("#more-ways").get_by_role("button", name="Send for review").click()
    reviewers = page.get_by_role("dialog", name="Send for review")
    await reviewers.get_by_role("button", name="Send for review").click()
    await expect(reviewers).to_contain_text("Choose who must approve it.")
    await reviewers.get_by_label(OWNER[0]).check()
    await shoot(page, "compose-for-review")
    assert await serious(page) == []
    await reviewers.get_by_role("button", name="Send for review").click()
    await page.wait_for_url("**/posts/**")
    await expect(page.locator("main")).to_contain_text("In review")


async def test_clips_are_chosen_by_day_by_range_or_singly_by_touch_and_by_keyboard(
    served: Installation, page: Page, browser: Browser, clip: Path, tmp_path: Path
) -> None:
    base = await furnish(page, served, clip, tmp_path)
    await page.goto(base + "/compose")
    await page.get_by_role("button", name="Add", exact=True).click()
    library, chosen = page.locator("#library"), page.locator("#strip li")
    all_of_day = library.get_by_label("Choose all: ")
    await all_of_day.press("Space")
    await expect(chosen).to_have_count(5)
    await library.get_by_label("three", exact=True).uncheck()
    await expect(chosen).to_have_count(4)
    assert await all_of_day.evaluate("(box) => [box.checked, box.indeterminate]") == [False, True]
    await all_of_day.check()
    await all_of_day.uncheck()
    await expect(chosen).to_have_count(0)
    await library.locator(".pick-tile").first.click()
    await library.locator(".pick-tile").nth(4).click(modifiers=["Shift"])
    await expect(all_of_day).to_be_checked()
    # What a search found is under one heading.
    await library.get_by_label("Find a clip by its name").fill("t")
    await expect(library.locator(".pick-tile")).to_have_count(2)
    await library.get_by_label("Choose all: Found").uncheck()
    await expect(chosen).to_have_count(3)
    phone = await browser.new_page(viewport={"width": 320, "height": 640}, has_touch=True)
    try:
        await sign_in(phone, served, OWNER[1], OWNER[2])
        await phone.goto(base + "/compose")
        await phone.get_by_role("button", name="Add", exact=True).tap()
        await phone.locator("#library .pick-day > label").tap()
        await expect(phone.locator("#strip li")).to_have_count(5)
        box = await phone.locator("#library .pick-day > label").bounding_box()
        assert box is not None
        assert box["height"] >= 44
        await look(phone, "compose-320-library")
    finally:
        await phone.close()
