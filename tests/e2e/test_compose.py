"""Composing several clips for several accounts in a real browser, with and without words of their own."""

import struct
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Page, expect

from clipcast.installation import Installation
from clipcast.posts import repository
from clipcast.testing.harness import Sandbox
from tests.e2e.people import add_clips, connect, open_tab, plan_for, send, set_up, shoot, upload, who_can_watch

pytestmark = pytest.mark.browser

NAMES = ("one", "two", "three")


async def begin(page: Page, installation: Installation, clip: Path, folder: Path) -> str:
    """Three clips and three accounts, all chosen on a new compose page; the address of the workspace's pages."""
    base = await set_up(page, installation)
    for platform in ("TikTok", "YouTube", "Instagram"):
        await connect(page, base, platform)
    for name in NAMES:
        file = folder / f"{name}.mp4"
        # An empty box makes each clip another one, so that none is a double.
        file.write_bytes(clip.read_bytes() + struct.pack(">I4s8s", 16, b"free", name.encode()))
        await upload(page, base, file)
    await page.goto(base + "/compose")
    for platform in ("TikTok", "YouTube", "Instagram"):
        await page.get_by_label(f"{platform} @harbour.films", exact=True).check()
    await add_clips(page, *NAMES)
    await expect(page.locator("#items")).to_have_text("9 items")
    await page.locator("#title").fill("Harbour")
    await page.locator("#text").fill("For all")
    await who_can_watch(page)
    await expect(page.locator("#problems")).to_contain_text("Ready:")
    return base


async def said(installation: Installation, page: Page) -> dict[tuple[str, str], str]:
    """Return the caption of each item of the post on the page, by clip and platform."""
    async with installation.database.session() as session:
        items = await repository.get_items(session, UUID(page.url.rsplit("/", 1)[1]))
    assert len(items) == 9
    ids = sorted({item.edit_id for item in items})  # made in this order
    fields = {"tiktok": "title", "youtube": "description", "instagram": "caption"}
    return {(NAMES[ids.index(one.edit_id)], one.platform): one.details[fields[one.platform]] for one in items}


async def test_nine_targets_are_posted_reopened_edited_and_copied(
    served: Installation, sandbox: Sandbox, page: Page, clip: Path, tmp_path: Path
) -> None:
    base = await begin(page, served, clip, tmp_path)
    draft = page.url
    # The draft is opened again from the list of drafts.
    await page.goto(base + "/drafts")
    await page.get_by_role("link", name="For all", exact=True).click()
    await page.wait_for_url(draft)
    await expect(page.locator("#text")).to_have_value("For all")
    day = await page.evaluate("new Date(Date.now() + 5 * 86400000).toLocaleDateString('en-CA')")
    await plan_for(page, f"{day}T18:30")
    await expect(page.locator("#problems")).to_contain_text("Ready:")
    await send(page)
    await page.wait_for_url("**/posts/**")
    assert set((await said(served, page)).values()) == {"For all"}
    first = page.url
    await page.get_by_role("button", name="Edit").click()
    await page.wait_for_url("**/compose/**")
    await expect(page.get_by_role("heading", name="Edit a scheduled post")).to_be_visible()
    await expect(page.locator("#text")).to_have_value("For all")
    await page.locator("#text").fill("Better for all")
    await open_tab(page, "Instagram")
    await expect(page.locator("#preview-instagram")).to_contain_text("Better for all")
    await send(page)
    await page.wait_for_url(lambda url: "/posts/" in url and url != first)
    assert set((await said(served, page)).values()) == {"Better for all"}
    await page.get_by_role("button", name="Copy to a draft").click()
    await page.wait_for_url("**/compose/**")
    await expect(page.locator("#items")).to_have_text("9 items")
    await expect(page.locator("#text")).to_have_value("Better for all")


async def test_nine_targets_with_own_words_are_posted_edited_and_copied_as_typed(
    served: Installation, sandbox: Sandbox, page: Page, clip: Path, tmp_path: Path
) -> None:
    await begin(page, served, clip, tmp_path)
    # Words of one clip, of one account, and of one clip at one account.
    await page.get_by_text("Own caption for two").click()
    await page.locator("details", has_text="Own caption for two").get_by_label("Caption").fill("For the second")
    await expect(page.locator("#problems")).to_contain_text("Ready:")
    youtube, instagram = page.locator("#form-youtube"), page.locator("#form-instagram")
    await open_tab(page, "YouTube")
    await youtube.get_by_label("Different for @harbour.films").check()
    await youtube.locator("fieldset").get_by_label("Description").first.fill("For YouTube")
    await open_tab(page, "Instagram")
    await instagram.get_by_text("Different for one clip").click()
    await instagram.get_by_label("three on @harbour.films").check()
    await instagram.locator("[id^='target-']").get_by_label("Caption").fill("For the third on Instagram")
    await instagram.locator("[id^='target-']").get_by_label("Caption").blur()
    await page.get_by_label("Clip in the preview").select_option(label="three")
    await expect(page.locator("#preview-instagram")).to_contain_text("For the third on Instagram")
    await expect(page.locator("#problems")).to_contain_text("Ready:")
    await shoot(page, "compose-nine-own-words")
    await page.reload()
    await expect(instagram.locator("[id^='target-']").get_by_label("Caption")).to_have_value(
        "For the third on Instagram"
    )
    expected = {
        (name, platform): "For the second" if name == "two" else "For all"
        for name in NAMES
        for platform in ("tiktok", "youtube", "instagram")
    }
    expected |= {(name, "youtube"): "For YouTube" for name in NAMES}
    expected["three", "instagram"] = "For the third on Instagram"
    await send(page)
    await page.wait_for_url("**/posts/**")
    assert await said(served, page) == expected
    first = page.url
    await page.get_by_role("button", name="Copy to a draft").click()
    await page.wait_for_url("**/compose/**")
    await expect(page.locator("#problems")).to_contain_text("Ready:")
    day = await page.evaluate("new Date(Date.now() + 5 * 86400000).toLocaleDateString('en-CA')")
    await plan_for(page, f"{day}T18:30")
    await expect(page.locator("#problems")).to_contain_text("Ready:")
    await send(page)
    await page.wait_for_url(lambda url: "/posts/" in url and url != first)
    assert await said(served, page) == expected
    second = page.url
    await page.get_by_role("button", name="Edit").click()
    await page.wait_for_url("**/compose/**")
    await expect(page.locator("#problems")).to_contain_text("Ready:")
    await send(page)
    await page.wait_for_url(lambda url: "/posts/" in url and url not in (first, second))
    assert await said(served, page) == expected


async def test_a_zone_is_found_by_its_city(served: Installation, page: Page, clip: Path) -> None:
    base = await set_up(page, served)
    await connect(page, base, "TikTok")
    await upload(page, base, clip)
    await page.goto(base + "/compose")
    await page.get_by_label("TikTok @harbour.films").check()
    await add_clips(page, "clip")
    await who_can_watch(page)
    day = await page.evaluate("new Date(Date.now() + 5 * 86400000).toLocaleDateString('en-CA')")
    await plan_for(page, f"{day}T18:30")
    await expect(page.locator("#problems")).to_contain_text("Ready:")
    assert await page.locator("#zones option[value='Asia/Tokyo']").text_content() == "Tokyo"
    await page.get_by_label("Time zone").fill("Tokyo")
    await page.get_by_label("Time zone").blur()
    beside = page.locator(".field", has=page.get_by_label("Time zone")).locator(".problem")
    await expect(beside).to_contain_text("Did you mean Asia/Tokyo?")
    await expect(page.locator("#problems")).to_contain_text("The time zone")
    await send(page)
    # The response of a rejected post leads to the field in the open sheet. After Back, its problem leads there again.
    await expect(page.get_by_label("Time zone")).to_be_focused()
    await page.locator("#when").get_by_role("button", name="Back").last.click()
    await expect(page.locator("#when")).to_be_hidden()
    await page.locator("#problems").get_by_role("link", name="The time zone").click()
    await expect(page.get_by_label("Time zone")).to_have_value("Tokyo")
    await page.get_by_label("Time zone").fill("Asia/Tokyo")
    await page.get_by_label("Time zone").blur()
    await expect(page.locator("#problems")).to_contain_text("Ready:")
    await page.locator("#when").get_by_role("button", name="Back").last.click()
    await page.get_by_role("button", name="More ways").click()
    await page.get_by_role("button", name="Show as curl").click()
    await expect(page.locator("#curl")).to_contain_text(f"{day}T09:30:00.000Z")


async def test_field_with_an_impossible_value_stops_no_save_and_no_other_plan(
    served: Installation, page: Page, clip: Path
) -> None:
    """The server says what is wrong with it. A browser that checks fields would send nothing of the form."""
    base = await set_up(page, served)
    await connect(page, base, "YouTube")
    await upload(page, base, clip)
    await page.goto(base + "/compose")
    await page.get_by_label("YouTube @harbour.films").check()
    await add_clips(page, "clip")
    day = await page.evaluate("new Date(Date.now() + 5 * 86400000).toLocaleDateString('en-CA')")
    await plan_for(page, f"{day}T18:30")
    await page.get_by_label("Spread out").check()
    await page.get_by_label("Days from one clip to the next").fill("0")
    sheet = page.locator("#when")
    await expect(sheet).to_contain_text("Choose a number from 1 to 90.")
    await page.get_by_label("Now", exact=False).first.check()
    await expect(sheet.locator("#send")).to_have_text("Publish 1 item")
    await page.get_by_label("Spread out").check()
    await sheet.get_by_role("button", name="Back").last.click()
    await page.locator("#title").fill("Typed after that")
    await expect(page.locator("#preview")).to_contain_text("Typed after that")
    await page.reload()
    await expect(page.locator("#title")).to_have_value("Typed after that")


async def test_fields_that_the_browser_cannot_read_stop_no_save_and_the_sheet_shows_what_is_sent(
    served: Installation, sandbox: Sandbox, page: Page, clip: Path, tmp_path: Path
) -> None:
    await begin(page, served, clip, tmp_path)
    day = await page.evaluate("new Date(Date.now() + 5 * 86400000).toLocaleDateString('en-CA')")
    sheet, plan, send_it = page.locator("#when"), page.locator("#plan li"), page.locator("#send")
    await page.locator("#primary").click()
    await page.get_by_label("Spread out").check()
    await page.get_by_label("Day and time").fill(f"{day}T10:00")
    await expect(plan).to_have_count(3)
    days = page.get_by_label("Days from one clip to the next")
    for number in ("0", "1.5"):
        await days.fill(number)
        await expect(sheet).to_contain_text("Choose a number from 1 to 90.")
        await days.fill("2")
        await expect(sheet).not_to_contain_text("Choose a number from 1 to 90.")
    # With the save held back, the sheet shows no plan of another choice, and a press before the new plan sends nothing.
    await days.fill("0")
    await expect(sheet).to_contain_text("Choose a number from 1 to 90.")
    await page.route(lambda url: url.endswith(page.url.rsplit("/", 1)[1]), lambda route: route.abort())
    await page.get_by_role("radio", name="Now").check()
    await expect(send_it).to_have_text("Publish 9 items")
    await expect(plan).to_have_count(0)
    await page.get_by_label("Spread out").check()
    await expect(send_it).to_have_text("Schedule 9 items")
    await days.fill("3")
    await send_it.click()
    await expect(page.locator("#replanned")).to_be_focused()
    await expect(plan).to_have_count(3)
    await page.unroute_all()
    # A half-typed date, in the sheet and in a platform's field.
    await page.get_by_label("One time for all").check()
    await page.get_by_label("Day and time").fill("")
    await page.get_by_label("Day and time").press_sequentially("1220")
    await send_it.click()
    await expect(sheet).to_contain_text("Choose a day and a time.")
    await page.get_by_role("radio", name="Now").check()
    await page.keyboard.press("Escape")
    await expect(page.locator("#problems")).to_contain_text("Ready: 9 items")
    await open_tab(page, "TikTok")
    cover = page.locator("[id='platform.tiktok.videoCoverTimestampMs']")
    await cover.evaluate("one => { const more = one.closest('details'); if (more) more.open = true; }")
    await cover.fill("1500.5")
    await expect(page.locator("#problems")).to_contain_text("1 to fix")
    await cover.fill("1500")
    await expect(page.locator("#problems")).to_contain_text("Ready: 9 items")
