"""Accounts in a browser: connected from the dialog and by a client's link, and acted on together, on three widths."""

import asyncio
import io
import re

import pytest
from PIL import Image
from playwright.async_api import Browser, Locator, Page, expect

from clipcast.installation import Installation
from clipcast.testing.harness import Sandbox
from tests.e2e.people import OWNER, link_accounts, set_up, shoot, sign_in, working
from tests.e2e.test_pages import serious
from tests.e2e.test_phone import TOO_WIDE

pytestmark = pytest.mark.browser


async def allow(page: Page, account: str = "Harbour Films") -> None:
    """Allow the access at the platform."""
    await page.get_by_label(account).check()
    await page.get_by_role("button", name="Allow").click()


async def test_account_is_connected_for_a_client_by_a_member_and_by_the_client(
    served: Installation, sandbox: Sandbox, page: Page, browser: Browser
) -> None:
    base = await set_up(page, served)
    await page.goto(base + "/clients")
    await page.get_by_label("Name").fill("Alba Skincare")
    await page.get_by_label("Time zone").fill("Europe/Lisbon")
    await page.get_by_role("button", name="Create client").click()
    await expect(page.get_by_role("heading", name="Alba Skincare")).to_be_visible()
    client = page.url.split("/clients/")[1].split("/")[0]

    # A logo, which then stands beside the client's name.
    await page.get_by_role("link", name="Settings").last.click()
    await page.get_by_label("Picture").set_input_files({"name": "x.png", "mimeType": "image/png", "buffer": b"no"})
    await expect(page.locator("#logo-problem")).to_contain_text("not a readable picture")
    picture = io.BytesIO()
    Image.new("RGB", (64, 64), "#d9507a").save(picture, "PNG")
    await page.get_by_label("Name", exact=True).fill("Alba, half typed")
    await page.get_by_label("Picture").set_input_files(
        {"name": "logo.png", "mimeType": "image/png", "buffer": picture.getvalue()}
    )
    await expect(page.get_by_role("button", name="Remove logo")).to_be_visible()
    await expect(page.get_by_label("Pages").locator("img.client-logo")).to_be_visible()
    # Removing it leaves what is being typed.
    await page.get_by_role("button", name="Remove logo").click()
    await expect(page.locator("img.client-logo")).to_have_count(0)
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Alba, half typed")
    await page.get_by_label("Picture", exact=True).set_input_files(
        {"name": "logo.png", "mimeType": "image/png", "buffer": picture.getvalue()}
    )
    await expect(page.get_by_label("Pages").locator("img.client-logo")).to_be_visible()
    await expect(page.locator("img#client-mark")).to_be_visible()
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Alba, half typed")
    await shoot(page, "accounts-client-settings")

    # The dialog: for a client, first by the member.
    await page.goto(base + "/accounts")
    await page.get_by_role("link", name="Connect", exact=True).click()
    dialog = page.get_by_role("dialog", name="Connect an account")
    await expect(dialog.get_by_role("link", name="Connect TikTok")).to_be_visible()
    await shoot(page, "accounts-dialog")
    await dialog.get_by_label("For which client").select_option("Alba Skincare")
    await expect(dialog.locator(f"a[href*='client={client}']").first).to_be_visible()
    await dialog.get_by_role("link", name="Connect TikTok").click()
    await allow(page)
    await expect(page.get_by_text("It belongs to Alba Skincare.")).to_be_visible()

    # Then by the client, with a link.
    await page.get_by_role("link", name="Connect", exact=True).click()
    await dialog.get_by_label("For which client").select_option("Alba Skincare")
    await dialog.get_by_label("Somebody else, by link").check()
    await dialog.get_by_role("button", name="Create link").click()
    link = await dialog.locator(".connect-link").text_content() or ""
    stranger = await browser.new_page(viewport={"width": 390, "height": 800}, has_touch=True, color_scheme="dark")
    await stranger.goto(link)
    await expect(stranger.get_by_role("heading", name="Connect your accounts")).to_be_visible()
    assert await serious(stranger) == []
    await shoot(stranger, "accounts-client-link-390-dark")
    await stranger.get_by_role("link", name="Connect YouTube").click()
    await allow(stranger)
    await expect(stranger.get_by_role("status")).to_contain_text("@harbour.films is connected.")
    # The member's page knows without a reload.
    await page.keyboard.press("Escape")
    await expect(page.locator(".accounts-table [data-row]")).to_have_count(2)
    await expect(page.locator("#links")).to_contain_text("Last used")
    await page.get_by_role("button", name="Revoke the link of Alba Skincare").click()
    await expect(page.locator("#links")).to_have_count(0)
    await stranger.goto(link)
    await expect(stranger.get_by_role("heading", name="There is nothing here")).to_be_visible()
    await stranger.close()


async def test_accounts_are_acted_on_together_on_every_width(
    served: Installation, sandbox: Sandbox, page: Page, browser: Browser
) -> None:
    base = await set_up(page, served)
    await link_accounts(served, base, "tiktok", "youtube", "threads")
    for name in ("Alba Skincare", "Orbit Books"):
        await page.request.post(base + "/clients", form={"name": name, "timezone": "Europe/Lisbon"})
    for width, scheme in ((1280, "light"), (820, "dark"), (390, "light")):
        screen = await browser.new_page(
            viewport={"width": width, "height": 850},
            has_touch=width < 500,
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        await sign_in(screen, served, OWNER[1], OWNER[2])
        await screen.goto(base + "/accounts")
        rows, notices = screen.locator(".accounts-table [data-row]"), screen.locator("#notices")
        await expect(rows).to_have_count(3)

        # Choose all, move them, and take that back.
        await screen.get_by_label("Choose all of no client").check()
        await expect(screen.locator("[data-bulk] [data-chosen]")).to_have_text("3")
        await screen.get_by_role("button", name="Move").click()
        await screen.get_by_label("Client", exact=True).last.select_option("Orbit Books")
        await screen.get_by_role("dialog").get_by_role("button", name="Move").click()
        await expect(notices).to_contain_text("3 accounts moved to Orbit Books.")
        await expect(screen.get_by_role("button", name=re.compile("Orbit Books"))).to_be_visible()
        await notices.get_by_role("button", name="Undo").click()
        await expect(notices).to_contain_text("3 accounts moved back.")
        await notices.get_by_role("button", name="Dismiss").click()

        # Pause one; what cannot be done is said.
        await screen.get_by_label("Choose TikTok @harbour.films").check()
        await screen.get_by_role("button", name="Pause").click()
        await expect(notices).to_contain_text("1 account paused.")
        await expect(rows.filter(has_text="TikTok")).to_contain_text("Paused")
        await screen.get_by_label("Choose TikTok @harbour.films").check()
        await screen.get_by_label("Choose YouTube @harbour.films").check()
        await screen.get_by_role("button", name="Pause").click()
        await expect(notices).to_contain_text("1 of 2 could not be paused")
        await expect(notices).to_contain_text("it is paused already.")
        await notices.get_by_role("button", name="Undo the others").click()
        await expect(notices).to_contain_text("1 account resumed.")
        await notices.get_by_role("button", name="Dismiss").click()
        await screen.get_by_label("Choose TikTok @harbour.films").check()
        await screen.get_by_role("button", name="Resume").click()
        await screen.locator("#confirm").get_by_role("button", name="Resume").click()
        await expect(notices).to_contain_text("1 account resumed.")
        await notices.get_by_role("button", name="Dismiss").click()

        # Label one, and find it by that.
        await screen.get_by_label("Choose Threads @harbour.films").check()
        await screen.get_by_role("button", name="Label").click()
        await screen.get_by_label("Add labels").fill(f"Main {width}")
        await screen.get_by_role("dialog").get_by_role("button", name="Label").click()
        await expect(rows.filter(has_text="Threads")).to_contain_text(f"Main {width}")
        await notices.get_by_role("button", name="Dismiss").click()

        # A group folds, and stays so on another visit.
        fold = screen.get_by_role("button", name=re.compile("No client"))
        await fold.click()
        await expect(rows.first).to_be_hidden()
        await screen.reload()
        await expect(fold).to_have_attribute("aria-expanded", "false")
        await expect(rows.first).to_be_hidden()
        await fold.click()
        await shoot(screen, f"accounts-{width}-{scheme}")
        assert await screen.evaluate(TOO_WIDE) == [], width
        assert await serious(screen) == [], width

        # Its page, and the dialog as a page.
        await rows.filter(has_text="Threads").get_by_role("link").first.click()
        await expect(screen.get_by_text("Id for the API")).to_be_visible()
        await expect(screen.get_by_text("250 of 250 left")).to_be_visible()
        for path in ("", base + "/accounts/connect", base + "/accounts/guide/tiktok"):
            if path:
                await screen.goto(path)
            await shoot(screen, f"accounts-{path.rpartition('/')[2] or 'one'}-{width}-{scheme}")
            assert await screen.evaluate(TOO_WIDE) == [], (width, path)
            assert await serious(screen) == [], (width, path)
        await screen.close()


async def pictured(avatars: Locator, visibility: str) -> list[bytes]:
    """Return a screenshot of each avatar, whose own picture has this CSS `visibility`."""
    await avatars.locator("img").evaluate("(one, value) => { one.style.visibility = value }", visibility)
    return [await one.screenshot(caret="initial") for one in await avatars.all()]


async def test_picture_of_an_account_takes_the_place_of_its_initials(
    served: Installation, sandbox: Sandbox, page: Page, browser: Browser
) -> None:
    base = await set_up(page, served)
    await link_accounts(served, base, "tiktok")
    await page.goto(base + "/accounts")
    first = page.locator(".accounts-table .account-avatar").first
    await expect(first).to_have_text("HF")
    before = await first.bounding_box()
    async with working(served):
        # The open page shows it by itself, at the place of the initials.
        await expect(first.locator("img")).to_have_js_property("naturalWidth", 96)
    assert await first.bounding_box() == before
    await link_accounts(served, base, "threads")
    for width, scheme in ((1280, "light"), (390, "dark")):
        screen = await browser.new_page(
            viewport={"width": width, "height": 850},
            has_touch=width < 500,
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        await sign_in(screen, served, OWNER[1], OWNER[2])
        avatars = screen.locator(".accounts-table .account-avatar")
        # A picture that does not load leaves the initials, without the sign of a broken one.
        await screen.route("**/avatar?v=*", lambda route: route.abort())
        async with screen.expect_event("requestfailed"):
            await screen.goto(base + "/accounts")
        await expect(avatars.locator("img")).to_have_js_property("complete", True)
        # While the page still settles, two pictures can differ by more than the sign. With a sign, all pairs do.
        async with asyncio.timeout(15):
            while await pictured(avatars, "visible") != await pictured(avatars, "hidden"):
                await asyncio.sleep(0.1)
        await screen.unroute("**/avatar?v=*")
        await screen.reload()
        await expect(avatars.locator("img")).to_have_js_property("naturalWidth", 96)
        # The other account has its initials alone.
        await expect(avatars).to_have_count(2)
        assert await screen.evaluate(TOO_WIDE) == []
        assert await serious(screen) == []
        await shoot(screen, f"accounts-pictures-{width}-{scheme}")
        await screen.close()
