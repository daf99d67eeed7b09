"""Compose without a network: what is typed is kept and sent later, on a desk and in each step of a phone."""

import asyncio
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Browser, Dialog, Page, expect
from sqlalchemy import func, select

from clipcast.database.models.posts import Draft, Item
from clipcast.installation import Installation
from tests.e2e.people import OWNER, add_clips, cut_response, link_accounts, set_up, shoot, sign_in, until, upload

pytestmark = pytest.mark.browser

# The number of drafts whose words the browser keeps.
KEPT = "() => Object.keys(localStorage).filter((key) => key.startsWith('clipcast-draft')).length"


async def begin_draft(page: Page, base: str) -> str:
    """Save a new draft, and return its address."""
    await page.goto(base + "/compose")
    await page.locator("#text").fill("Before")
    await expect(page.locator("#saved")).to_contain_text("Saved")
    return page.url


async def leave(page: Page, words: str) -> None:
    """Type, and leave before the pause that saves."""
    await page.evaluate(
        """(words) => {
        const field = document.getElementById("text");
        field.value = words;
        field.dispatchEvent(new Event("input", { bubbles: true }));
        location.assign("about:blank");
    }""",
        words,
    )
    await page.wait_for_url("about:blank")


async def draft_text(installation: Installation, page: Page) -> str:
    return await draft_text_of(installation, page.url)


async def draft_text_of(installation: Installation, address: str) -> str:
    async with installation.database.session() as session:
        draft = await session.get(Draft, UUID(address.split("/compose/")[1][:36]))
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
    await expect(page.locator("#no-connection")).to_contain_text("No connection")
    # A reload asks first.
    async with page.expect_event("dialog") as asked:
        await page.evaluate("setTimeout(() => location.reload())")
    dialog: Dialog = await asked.value
    assert dialog.type == "beforeunload"
    await dialog.dismiss()
    await expect(page.locator("#text")).to_have_value("Typed without a network")
    await page.context.set_offline(False)
    await expect(page.locator("#saved")).to_contain_text("Saved")
    await expect(page.locator("#no-connection")).to_have_count(0)
    assert await draft_text(served, page) == "Typed without a network"

    # A response that breaks off is lost, too.
    await cut_response(page)
    await page.locator("#text").fill("Typed while the response broke off")
    await expect(page.locator("#saved")).to_have_text("Not saved: no connection")
    await expect(page.locator("#no-connection")).to_contain_text("No connection")
    await page.locator("#text").fill("Typed after that")
    await expect(page.locator("#saved")).to_contain_text("Saved")
    await expect(page.locator("#no-connection")).to_have_count(0)

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
        # A list that did not come says why, and comes when the network is back.
        await phone.context.set_offline(True)
        await phone.get_by_role("button", name="Add", exact=True).click()
        await expect(phone.locator("#library #no-connection")).to_be_in_viewport()
        await phone.context.set_offline(False)
        await expect(phone.locator("#library .pick-tile")).to_have_count(1)
        await phone.keyboard.press("Escape")
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
        await expect(phone.locator(".step-bar")).to_contain_text("2 accounts · 2 items")
        await back_online()
        await step("words")
        await phone.locator("#text").fill("Words on a phone")
        await phone.locator("#title").fill("Title")
        await back_online()
        await expect(phone.locator("#problems")).to_contain_text("Ready: 2 items")
        # The bar that says so lies on top, and covers neither the steps nor the way on.
        await phone.context.set_offline(True)
        await phone.locator("#text").fill("Words without a network")
        await expect(phone.locator("#no-connection")).to_be_in_viewport()
        await step("when")
        await phone.get_by_label("One time for all").check()
        await phone.get_by_label("Day and time").fill("2031-01-01T18:30")
        await phone.get_by_label("Now", exact=False).first.check()
        await phone.locator("#send").click()
        # What was pressed is not done later: the page says so until it is pressed again.
        lost = phone.locator("#when #no-connection")
        await expect(lost).to_be_in_viewport()
        await expect(lost).to_have_text("Not published: no connection. Press again when it is back.")
        await phone.context.set_offline(False)
        await expect(phone.locator("#send")).to_be_enabled()
        await expect(phone.locator("#saved [data-spot=saved] svg")).to_be_attached()
        await expect(lost).to_have_text("Not published: the connection was lost. It is back: press again.")
        await phone.locator("#send").click()
        await phone.wait_for_url("**/posts/**")
        async with served.database.session() as session:
            query = select(func.count()).where(Item.post_id == UUID(phone.url.rsplit("/", 1)[1]))
            assert (await session.execute(query)).scalar_one() == 2
    finally:
        await phone.close()


async def test_words_typed_just_before_leaving_survive_an_ended_session(
    served: Installation, page: Page, clip: Path
) -> None:
    """A browser says that it has sent a beacon, not that the server accepted it."""
    base = await set_up(page, served)
    draft = await begin_draft(page, base)
    await page.context.clear_cookies()
    await leave(page, "Typed at last")
    assert await draft_text_of(served, draft) == "Before"
    await sign_in(page, served)
    await page.goto(draft)
    await expect(page.locator("#text")).to_have_value("Typed at last")
    assert await draft_text_of(served, draft) == "Typed at last"
    # With a session, the next page finds that the server has the words, and the browser drops them.
    await expect(page.locator("#saved [data-spot=saved] svg")).to_be_attached()
    await leave(page, "Typed with a session")
    async with asyncio.timeout(30):
        while await draft_text_of(served, draft) != "Typed with a session":
            await asyncio.sleep(0.05)
    await page.goto(base + "/drafts")
    await until(page, KEPT, 0)


async def test_words_of_a_draft_that_was_deleted_are_offered_without_asking_again(
    served: Installation, page: Page
) -> None:
    base = await set_up(page, served)
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if one.url.endswith("/holds") else None)
    for words, choice in (("Typed for the harbour", "Save as a new draft"), ("Not wanted", "Discard")):
        draft = await begin_draft(page, base)
        await leave(page, words)
        await page.request.post(draft + "/delete", headers={"Origin": served.settings.public_base})
        offer = page.get_by_role("status").filter(has_text=f"Not saved: “{words}”")
        # It stays until it is answered, and only the first page asks the server.
        for where in ("/drafts", "/clips"):
            await page.goto(base + where)
            await expect(offer).to_be_visible()
        assert asked == [draft + "/holds"]
        asked.clear()
        await shoot(page, "kept-words")
        await offer.get_by_role("button", name=choice).click()
        if choice != "Discard":
            await page.wait_for_url("**/compose/*")
            assert page.url != draft
            await expect(page.locator("#text")).to_have_value(words)
        await expect(offer).to_have_count(0)
        await until(page, KEPT, 0)
    await page.goto(base + "/drafts")
    await expect(page.locator("[data-row]")).to_have_count(1)
