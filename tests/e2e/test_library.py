"""The clips library in a browser: many uploads in a tray, then folders, labels and the bin."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Page, Route, expect

from clipcast.installation import Installation
from tests.e2e.people import held_until, set_up, shoot
from tests.e2e.test_pages import serious

pytestmark = pytest.mark.browser


async def test_many_uploads_go_on_from_page_to_page(
    served: Installation, page: Page, clip: Path, tmp_path: Path
) -> None:
    base = await set_up(page, served)
    names = ["Serum routine.mp4", "<b>holiday.mp4", "x" * 200 + ".mp4"]
    files = []
    for number, name in enumerate(names):
        files.append(tmp_path / name)
        files[-1].write_bytes(clip.read_bytes() + b"\0" * (8 + number))
    is_open = False

    async def hold(route: Route) -> None:
        if route.request.method == "PATCH" and not is_open:
            return await route.abort("connectionreset")
        return await route.continue_()

    chosen = asyncio.Event()

    await page.route("**/uploads/*", hold)
    await page.route("**/drop.js*", held_until(chosen))
    await page.goto(base + "/clips", wait_until="commit")
    await expect(page.get_by_text("Drop your first clip here")).to_be_visible()
    # Files chosen before the page's script is there are uploaded, too.
    await page.locator("#files").set_input_files(files)
    chosen.set()
    await expect(page.locator("#uploads li")).to_have_count(3)
    await expect(page.get_by_text("Uploading 1 of 3")).to_be_visible()
    # The next page has the tray with the same files, and sends them.
    await page.goto(base + "/posts")
    await expect(page.locator("#uploads .name")).to_have_text(names)
    is_open = True
    await expect(page.get_by_role("link", name="Uploaded: open clip")).to_have_count(3, timeout=30_000)
    await expect(page.get_by_text("3 of 3 uploaded")).to_be_visible()
    await shoot(page, "library-tray")
    await page.get_by_role("button", name="Close the list of uploads").click()
    await expect(page.locator("#tray")).to_be_hidden()

    await page.goto(base + "/clips")
    await expect(page.locator(".clip-tile")).to_have_count(3)
    await page.get_by_role("button", name="New folder").click()
    await page.get_by_label("Name", exact=True).fill("Winter menu")
    await page.get_by_role("button", name="Create folder").click()
    await expect(page.get_by_text("This folder is empty")).to_be_visible()
    await page.get_by_role("link", name="All clips").click()
    await page.get_by_label("Choose Serum routine").check()
    await page.get_by_label("Choose <b>holiday").check()
    await page.get_by_role("button", name="Move").click()
    await page.get_by_label("Folder", exact=True).select_option("Winter menu")
    await page.locator("#move-clips").get_by_role("button", name="Move").click()
    await expect(page.get_by_text("2 clips moved to Winter menu.")).to_be_visible()
    await page.get_by_label("Choose Serum routine").check()
    await page.get_by_role("button", name="Label").click()
    await page.get_by_label("Add labels").fill("autumn")
    await page.get_by_label("Add labels").press("Enter")
    await expect(page.get_by_text("1 clip labelled.")).to_be_visible()
    await expect(page.locator(".clip-tile").get_by_role("link", name="autumn")).to_be_visible()
    await page.get_by_label("Choose Serum routine").check()
    await page.get_by_role("button", name="Delete").click()
    await expect(page.locator(".clip-tile")).to_have_count(2)
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator(".clip-tile")).to_have_count(3)
    for width in (1280, 820, 390):
        await page.set_viewport_size({"width": width, "height": 844})
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            assert await serious(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await shoot(page, f"library-{width}")
