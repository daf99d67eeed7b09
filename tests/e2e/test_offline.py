"""Compose without a network: what is typed is kept and sent later, on a desk and in each step of a phone."""

from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Browser, Dialog, Page, expect
from sqlalchemy import func, select

from clipcast.database.models.posts import Draft, Item
from clipcast.installation import Installation
from tests.e2e.people import OWNER, add_clips, link_accounts, set_up, sign_in, upload

pytestmark = pytest.mark.browser


async def draft_text(installation: Installation, page: Page) -> str:
    async with installation.database.session() as session:
        draft = await session.get(Draft, UUID(page.url.split("/compose/")[1][:36]))
    return str(draft.content["text"]) if draft else ""


async def test_typed_words_survive_the_loss_of_the_network(
    served: Installation, page: Page, browser: Browser, clip: Path
) -> None:
    base = await set_up(page, served)
    await link_accounts(served, base, "youtube", "threads")
    await upload(page, base, clip)

    await page.goto(base + "/compose")
    await page.locator("#text").fill("Before")
    await expect(page.locator("#saved")).to_contain_text("Saved")
    await page.context.set_offline(True)
    await page.locator("#text").fill("Typed without a network")
    await expect(page.locator("#saved")).to_have_text("Not saved: no connection")
    await expect(page.locator("#notices")).to_contain_text("No connection")
    # A reload asks first.
    asked: list[str] = []

    async def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await dialog.dismiss()

    page.once("dialog", stay)
    await page.evaluate("setTimeout(() => location.reload())")
    await expect(page.locator("#text")).to_have_value("Typed without a network")
    await page.context.set_offline(False)
    await expect(page.locator("#saved")).to_contain_text("Saved")
    assert asked == ["beforeunload"]
    await expect(page.locator("#notices .bad")).to_have_count(0)
    assert await draft_text(served, page) == "Typed without a network"

    # Who leaves all the same finds the words when the draft is opened again.
    draft = page.url
    await page.context.set_offline(True)
    await page.locator("#text").fill("Left without a network")
    await expect(page.locator("#saved")).to_have_text("Not saved: no connection")
    page.once("dialog", lambda dialog: dialog.accept())
    await page.evaluate("setTimeout(() => location.assign('about:blank'))")
    await page.wait_for_url("about:blank")
    await page.context.set_offline(False)
    await page.goto(draft)
    await expect(page.locator("#text")).to_have_value("Left without a network")
    assert await draft_text(served, page) == "Left without a network"

    # On a phone, the network is gone in each of the four steps.
    phone = await browser.new_page(viewport={"width": 390, "height": 800}, has_touch=True)
    try:
        await sign_in(phone, served, OWNER[1], OWNER[2])
        await phone.goto(base + "/compose")
        await add_clips(phone, "clip")

        async def step(name: str) -> None:
            """Go on without a network, and get it back there."""
            await phone.context.set_offline(True)
            await phone.get_by_role("button", name=f"Next: {name}").click()

        async def back_online() -> None:
            await phone.context.set_offline(False)
            await expect(phone.locator("#saved [data-spot=saved] svg")).to_be_attached()

        await step("accounts")
        await phone.get_by_label("All of All accounts").click()
        await expect(phone.locator("#account-count")).to_have_text("2 of 2")
        await back_online()
        await step("words")
        await phone.locator("#text").fill("Words on a phone")
        await phone.locator("#title").fill("Title")
        await back_online()
        await expect(phone.locator("#problems")).to_contain_text("Ready: 2 items")
        await step("when")
        await phone.get_by_label("One time for all").check()
        await phone.get_by_label("Day and time").fill("2031-01-01T18:30")
        await phone.get_by_label("Now", exact=False).first.check()
        await phone.locator("#send").click()
        await expect(phone.locator("#notices")).to_contain_text("No connection")
        await phone.context.set_offline(False)
        await expect(phone.locator("#send")).to_be_enabled()
        await phone.locator("#send").click()
        await phone.wait_for_url("**/posts/**")
        async with served.database.session() as session:
            query = select(func.count()).where(Item.post_id == UUID(phone.url.rsplit("/", 1)[1]))
            assert (await session.execute(query)).scalar_one() == 2
    finally:
        await phone.close()
