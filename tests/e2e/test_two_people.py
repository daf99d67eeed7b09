"""Two people at two browsers, with the same draft."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route, expect

from clipcast.installation import Installation
from tests.e2e.people import add_clips, connect, set_up, shoot, sign_in, upload

pytestmark = pytest.mark.browser


async def test_two_tabs_that_edit_one_draft_see_both_versions(
    served: Installation, page: Page, browser: Browser, clip: Path
) -> None:
    base = await set_up(page, served)
    await connect(page, base, "TikTok")
    await upload(page, base, clip)
    await page.goto(base + "/compose")
    await page.get_by_label("TikTok @harbour.films").check()
    await add_clips(page, "clip")
    await page.locator("#text").fill("As it was")
    preview = "#preview-tiktok"  # it shows what was saved
    await expect(page.locator(preview)).to_contain_text("As it was")
    other = await browser.new_page()
    await sign_in(other, served)
    await other.goto(page.url)
    await expect(other.locator("#text")).to_have_value("As it was")
    # A page is never in its own way, however many of its saves come after each other.
    await other.locator("#text").fill("Theirs")
    await expect(other.locator(preview)).to_contain_text("Theirs")
    await other.locator("#text").press_sequentially(" and more", delay=60)
    await other.locator("#text").blur()
    await expect(other.locator(preview)).to_contain_text("Theirs and more")
    await expect(other.locator("#conflict")).to_have_count(0)
    await other.reload()
    await expect(other.locator("#text")).to_have_value("Theirs and more")
    await page.locator("#text").fill("Mine")
    conflict = page.get_by_role("alert").filter(has_text="You changed this draft in another tab")
    await expect(conflict).to_contain_text("Theirs and more")
    await expect(conflict.locator("td", has_text="Mine")).to_be_visible()
    await expect(page.locator("#text")).to_have_value("Mine")
    await shoot(page, "two-people-conflict")
    # The click leaves the text field, which saves the draft as well. Its late response must not undo the choice.
    kept, ended = asyncio.Event(), asyncio.Event()

    async def respond_late(route: Route) -> None:
        response = await route.fetch()
        await kept.wait()
        await route.fulfill(response=response)
        ended.set()

    await page.route(lambda url: "/compose/" in url and "?" not in url, respond_late, times=1)
    async with page.expect_response(lambda one: "?over=" in one.url):
        await conflict.get_by_role("button", name="Keep this one").click()
    await expect(conflict).to_be_hidden()
    await page.evaluate("""() => {
        const place = document.getElementById("conflict-place");
        const note = () => { if (document.getElementById("conflict")) place.dataset.cameBack = ""; };
        new MutationObserver(note).observe(place, { childList: true, subtree: true });
    }""")
    kept.set()
    await ended.wait()
    # A page shows its responses one after another: the next one comes after the late one, if that is shown at all.
    await page.locator("#text").fill("Mine, once more")
    await expect(page.locator(preview)).to_contain_text("Mine, once more")
    await expect(page.locator("#conflict-place")).not_to_have_attribute("data-came-back", "")
    await page.reload()
    await expect(page.locator("#text")).to_have_value("Mine, once more")
    # Now the other one learns of it, and keeps both.
    await other.locator("#text").fill("Theirs again")
    await expect(other.locator("#conflict")).to_contain_text("Mine, once more")
    await other.get_by_role("button", name="Keep both").click()
    await other.wait_for_url(lambda url: url != page.url)
    await expect(other.locator("#text")).to_have_value("Theirs again")
    await expect(other.locator("#conflict")).to_have_count(0)
    await other.close()
