"""Destructive actions need a confirmation. Keys and invitations are shown once."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from clipcast.installation import Installation
from clipcast.testing.harness import Sandbox
from tests.e2e.people import OWNER, connect, set_up, shoot, sign_in

pytestmark = pytest.mark.browser


async def test_destructive_action_needs_a_confirmation(served: Installation, sandbox: Sandbox, page: Page) -> None:
    base = await set_up(page, served)
    await connect(page, base, "TikTok")
    account = page.locator("a[href*='/accounts/0']").first
    await account.click()
    await page.wait_for_url("**/accounts/*")
    dialog = page.locator("#confirm")
    await page.get_by_role("button", name="Remove").click()
    await expect(dialog).to_contain_text("Published videos stay live")
    await shoot(page, "settings-confirm")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_be_hidden()
    await page.reload()
    await expect(page.locator("#main")).to_contain_text("@harbour.films")
    await page.get_by_role("button", name="Pause").click()
    await dialog.get_by_role("button", name="Pause").click()
    await expect(page.locator(".accounts-table .pill")).to_have_text("Paused")
    await account.click()
    await page.wait_for_url("**/accounts/*")
    await page.get_by_role("button", name="Resume").click()
    await expect(page.locator(".status.disabled")).to_have_count(0)
    await account.click()
    await page.wait_for_url("**/accounts/*")
    await page.get_by_role("button", name="Remove").click()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await page.get_by_role("button", name="Remove").click()
    await dialog.get_by_role("button", name="Remove").click()
    await expect(page.get_by_text("TikTok has ended the access.")).to_be_visible()


async def test_a_key_is_shown_once_and_works_in_the_playground(served: Installation, page: Page) -> None:
    base = await set_up(page, served)
    await page.goto(base + "/developers/keys")
    await page.get_by_label("Name", exact=True).fill("n8n")
    await page.get_by_role("button", name="Create key").click()
    key = await page.locator("#new-key").text_content()
    await shoot(page, "settings-key")
    object.__setattr__(served, "settings", served.settings.model_copy(update={"playground_key": key}))
    await page.goto(base + "/developers/keys")
    assert key not in await page.content()
    await page.goto(base + "/reference")
    await page.get_by_role("button", name="Test Request (post /posts)").click()
    async with page.expect_response("**/api/v1/posts?*") as answered:
        await page.get_by_role("button", name="Send").first.click()
    # The key was filled in; the example names no clip of this workspace.
    assert (await answered.value).status == 422
    assert (await (await answered.value).json())["code"] == "validation_failed"


async def test_invited_person_joins_the_workspace(
    served: Installation, browser: Browser, page: Page, tmp_path: Path
) -> None:
    base = await set_up(page, served)
    await page.goto(base + "/settings")
    await page.get_by_text("Invite", exact=True).click()
    await page.get_by_label("Invitee").fill("Newcomer")
    await page.get_by_label("Role", exact=True).select_option("viewer")
    await page.get_by_role("button", name="Create invitation link").click()
    link = await page.locator("#new-invitation").text_content()
    guest = await browser.new_page()
    await guest.goto(link or "")
    await guest.get_by_label("Your name").fill("New Member")
    await guest.get_by_label("E-mail").fill("member@example.org")
    await guest.get_by_label("Password").fill(OWNER[2])
    await guest.get_by_role("button", name="Join").click()
    await expect(guest.get_by_text("Night Bakery").first).to_be_visible()
    await expect(guest.get_by_role("link", name="New post")).to_have_count(0)
    await page.goto(base + "/settings")
    await page.get_by_label("Role of New Member").select_option("editor")
    await expect(page.locator("#audit")).to_contain_text("Member role changed")
    await guest.reload()
    await expect(guest.get_by_role("link", name="New post").first).to_be_visible()
    await guest.get_by_role("button", name="Sign out").click()
    await sign_in(guest, served, "member@example.org", OWNER[2])
    await guest.close()


async def test_part_of_notifications_is_saved_where_it_is_and_the_others_stay(served: Installation, page: Page) -> None:
    """What was done and what is wrong are in view, on a page that is longer than the window."""
    base = await set_up(page, served)
    await page.set_viewport_size({"width": 390, "height": 600})
    await page.goto(base + "/settings/notifications")
    tick = page.locator("#choices [type=checkbox]").first
    was = await tick.is_checked()
    await tick.set_checked(not was)
    await page.locator("#habits button").click()
    await expect(page.locator("#habits .notice")).to_be_in_viewport()
    assert await tick.is_checked() != was
    await page.get_by_label("Quiet from").fill("22:00")
    await page.locator("#habits button").click()
    await expect(page.locator("#quiet-until-problem")).to_be_in_viewport()
    assert await tick.is_checked() != was
    await page.goto(base + "/settings")
    await page.locator("#workspace-name").evaluate("field => { field.value = ' '; field.form.noValidate = true; }")
    await page.locator("form[action$='/settings/name'] button").click()
    await page.wait_for_url("**/settings/name")
    field = page.locator("#workspace-name")
    await expect(field).to_be_focused()
    await expect(field).to_be_in_viewport()
