"""From a fresh installation to a published and a scheduled post, with nothing but a browser."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Page, expect

from clipcast.common.timestamps import parse_instant
from clipcast.installation import Installation
from clipcast.testing.harness import Sandbox, some_day
from clipcast.web.times import shown
from tests.e2e.people import add_clips, connect, open_tab, plan_for, send, set_up, shoot, upload, who_can_watch, working

pytestmark = pytest.mark.browser


async def test_new_installation_publishes_and_schedules_posts(
    served: Installation, sandbox: Sandbox, page: Page, clip: Path
) -> None:
    base = await set_up(page, served)
    await expect(page.get_by_role("heading", name="First steps")).to_be_visible()
    await shoot(page, "journey-1-first-run")
    for platform in ("TikTok", "YouTube"):
        await connect(page, base, platform)
    await shoot(page, "journey-2-connections")
    await upload(page, base, clip)
    await expect(page.get_by_role("link", name="clip", exact=True)).to_be_visible()
    await shoot(page, "journey-3-clips")

    await page.goto(base + "/compose")
    await page.get_by_label("TikTok @harbour.films").check()
    await page.get_by_label("YouTube @harbour.films").check()
    await add_clips(page, "clip")
    await expect(page.locator("#items")).to_have_text("2 items")
    await page.locator("#title").fill("First light <b>in</b> the harbour")
    await page.locator("#text").fill("First light in the harbour 🌅 #harbour")
    # Preflight speaks beside the field that it is about, before anything is sent.
    await expect(page.locator("#problems")).to_contain_text("YouTube: title must not contain <")
    await expect(page.locator("#problems")).to_contain_text("TikTok: choose who can watch.")
    await expect(page.locator("#form-all .counter", has_text="38 / 2\u202f200").first).to_be_visible()
    await shoot(page, "journey-4-compose-problems")
    await page.locator("#title").fill("First light in the harbour")
    await who_can_watch(page, "PUBLIC_TO_EVERYONE")
    await expect(page.locator("#problems")).to_have_text("Ready: 2 items")
    await open_tab(page, "YouTube")
    await expect(page.locator("#preview-youtube")).to_contain_text("First light in the harbour")
    await page.get_by_role("button", name="More ways").click()
    await page.get_by_role("button", name="Show as curl").click()
    await expect(page.locator("#curl")).to_contain_text('"privacyLevel": "PUBLIC_TO_EVERYONE"')
    await page.keyboard.press("Escape")
    await shoot(page, "journey-5-compose")

    async with working(served):
        await send(page)
        await page.wait_for_url("**/posts/**")
        # The page follows by itself.
        await expect(page.locator("#post-status")).to_have_text("Published")
    await shoot(page, "journey-6-published")
    posts = await sandbox.posts()
    assert sorted(post["platform"] for post in posts) == ["tiktok", "youtube"]
    async with page.expect_popup() as opened:
        await page.get_by_role("link", name="Open on").first.click()
    await expect((await opened.value).get_by_text("First light in the harbour").first).to_be_visible()

    await page.get_by_role("button", name="Copy to a draft").click()
    await page.wait_for_url("**/compose/**")
    await plan_for(page, f"{some_day()}T18:30")
    at = shown(parse_instant(f"{some_day()}T18:30:00-03:00"), ZoneInfo("America/Sao_Paulo"))
    await expect(page.locator("#when").get_by_text(at)).to_be_visible()
    await send(page)
    await expect(page.locator("#post-status")).to_have_text("Scheduled")
    await shoot(page, "journey-7-scheduled")
    await page.goto(base + "/posts?state=scheduled")
    await expect(page.get_by_role("link", name="First light in the harbour")).to_be_visible()
    assert len(await sandbox.posts()) == 2
