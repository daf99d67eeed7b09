"""Two people at two browsers, with the same draft."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route, expect
from sqlalchemy import update

from clipcast.database.models.connections import Connection
from clipcast.installation import Installation
from tests.e2e.people import add_clips, connect, plan_for, send, set_up, shoot, sign_in, upload

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


async def test_conflict_is_shown_before_any_sheet_on_desktop_and_phone(
    served: Installation, page: Page, browser: Browser, clip: Path
) -> None:
    """Whether the page hears of it, or first learns of it when it sends the draft."""
    base = await set_up(page, served)
    await connect(page, base, "YouTube")
    await upload(page, base, clip)
    await page.goto(base + "/compose")
    await page.get_by_label("YouTube @harbour.films").check()
    await add_clips(page, "clip")
    await page.locator("#title").fill("As it was")
    await expect(page.locator("#saved")).to_have_text("Saved")
    phone = await browser.new_page(viewport={"width": 390, "height": 800}, service_workers="block")
    await sign_in(phone, served)
    conflict = "You changed this draft in another tab"
    # Nobody types on the phone, which shows its first step.
    await phone.goto(page.url)
    await expect(phone.locator("#items")).to_have_text("1 item")
    await page.locator("#title").fill("Changed")
    shown = phone.locator("#conflict")
    await expect(shown).to_contain_text(conflict)
    await expect(shown).to_be_focused()
    await expect(shown).to_be_in_viewport()
    await expect(shown).not_to_contain_text("did not save")
    # Without events, the response to Publish says it. The sheet of the time goes away.
    for one in (phone, page):
        await one.route("**/events?*", lambda route: route.abort())
        await one.goto(page.url.split("#")[0])
        await expect(one.locator("#items")).to_have_text("1 item")
    other = await browser.new_page()
    await sign_in(other, served)
    await other.goto(page.url)
    await other.locator("#title").fill("Changed again")
    await expect(other.locator("#saved")).to_have_text("Saved")
    await expect(other.locator("#preview")).to_contain_text("Changed again")
    for _ in range(3):
        await phone.locator("[data-step-next]").click()
    for one in (phone, page):
        await send(one)
        shown = one.locator("#conflict")
        await expect(shown).to_contain_text(conflict)
        await expect(one.locator("#when")).to_be_hidden()
        await expect(shown).to_be_focused()
        await expect(shown).to_be_in_viewport()
    await phone.close()
    await other.close()


async def test_sheet_of_the_time_begins_at_the_checked_choice(served: Installation, page: Page, clip: Path) -> None:
    base = await set_up(page, served)
    await connect(page, base, "YouTube")
    await upload(page, base, clip)
    await page.goto(base + "/compose")
    await page.get_by_label("YouTube @harbour.films").check()
    await add_clips(page, "clip")
    # As the server chooses the next free times for accounts with posting times.
    chosen = page.locator("[name=when][value=later]")
    await page.locator("#when-auto").evaluate("one => one.value = ''")
    await chosen.evaluate("one => one.checked = true")
    for width in (1200, 390):
        await page.set_viewport_size({"width": width, "height": 850})
        if width == 390:
            for _ in range(3):
                await page.locator("[data-step-next]").click()
        else:
            await page.keyboard.press("Control+Enter")
        await expect(chosen).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(page.locator("#when")).to_be_hidden()


async def test_open_page_of_a_post_says_that_somebody_removed_it(
    served: Installation, page: Page, browser: Browser, clip: Path
) -> None:
    base = await set_up(page, served)
    for platform in ("YouTube", "TikTok"):
        await connect(page, base, platform)
    await upload(page, base, clip)
    await page.goto(base + "/compose")
    await page.get_by_label("YouTube @harbour.films").check()
    await add_clips(page, "clip")
    await page.locator("#title").fill("To be removed")
    day = await page.evaluate("new Date(Date.now() + 5 * 86400000).toLocaleDateString('en-CA')")
    await plan_for(page, f"{day}T18:30")
    await send(page)
    await page.wait_for_url("**/posts/**")
    other = await browser.new_page()
    await sign_in(other, served)
    await other.goto(page.url)
    # An account of an edited post stays chosen when it can be used no more: the count is of all accounts.
    async with served.database.begin() as session:
        await session.execute(update(Connection).where(Connection.platform == "youtube").values(status="disabled"))
    await other.get_by_role("button", name="Edit").click()
    await other.wait_for_url("**/compose/**")
    await expect(other.locator(".accg small")).to_have_text("1 of 2")
    await other.get_by_label("TikTok @harbour.films").check()
    await expect(other.locator(".accg small")).to_have_text("2 of 2")
    await other.goto(page.url)
    await other.get_by_label("More actions").click()
    await other.get_by_role("button", name="Remove post").click()
    await other.locator("#confirm-yes").click()
    await other.wait_for_url("**/posts")
    gone = page.get_by_role("alert").filter(has_text="This post was removed meanwhile.")
    await expect(gone.get_by_role("link", name="All posts")).to_be_visible()
    await expect(page.get_by_role("heading", name="To be removed")).to_be_visible()
    await other.close()


async def test_check_of_a_paused_account_leads_to_where_its_problem_stands(
    served: Installation, page: Page, clip: Path
) -> None:
    base = await set_up(page, served)
    await connect(page, base, "YouTube")
    await upload(page, base, clip)
    await page.goto(base + "/compose")
    await page.get_by_label("YouTube @harbour.films").check()
    await add_clips(page, "clip")
    async with served.database.begin() as session:
        await session.execute(update(Connection).values(status="disabled"))
    await page.locator("#title").fill("Typed")
    await page.locator("#problems [data-field]", has_text="The account is paused.").click()
    await expect(page.locator(":focus")).to_have_text("YouTube @harbour.films: The account is paused.")
