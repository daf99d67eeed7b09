"""Templates of posts and next free times in a browser: saved, used, and added to a client's queue from the calendar."""

from datetime import time
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import func, select, update

from clipcast.clients.words import with_signature
from clipcast.common.ids import new_id
from clipcast.database.models.clients import Client, HashtagSet, PostingTimeRow
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Item
from clipcast.installation import Installation
from tests.e2e.people import OWNER, add_clips, link_accounts, set_up, shoot, upload
from tests.e2e.test_pages import serious

pytestmark = pytest.mark.browser


async def give_times(installation: Installation, base: str) -> None:
    """Give all accounts to a client that posts twice a day."""
    client = new_id()
    async with installation.database.begin() as session:
        session.add(Client(id=client, workspace_id=UUID(base.rsplit("/", 1)[1]), name="Alba", name_key="alba",
                           color=2, timezone="UTC"))  # fmt: skip
        await session.flush()
        for weekday in range(7):
            for hour in (9, 18):
                session.add(PostingTimeRow(client_id=client, weekday=weekday, at=time(hour, 30)))
        await session.execute(update(Connection).values(client_id=client))


async def test_template_brings_words_and_accounts_and_drafts_go_into_the_queue(
    served: Installation, page: Page, clip: Path
) -> None:
    base = await set_up(page, served)
    await link_accounts(served, base, "threads", "bluesky")
    await give_times(served, base)
    await upload(page, base, clip)

    await page.goto(base + "/compose")
    await expect(page.locator("#primary")).to_have_text("Publish")
    await page.get_by_label("All of Alba").click()
    # All accounts have posting times: these are the default, until a person chooses.
    await expect(page.locator("#primary")).to_have_text("Schedule")
    await expect(page.locator("[name=when][value=next]")).to_be_checked()
    await page.locator("#text").fill("First light in the harbour")
    await page.get_by_role("button", name="Templates").first.click()
    dialog = page.get_by_role("dialog", name="Templates")
    await dialog.get_by_label("Save this draft as a template").fill("Mornings")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("button", name="Use Mornings")).to_be_visible()
    await dialog.get_by_text("Change Mornings").click()
    await dialog.get_by_label("Name", exact=True).fill("Early mornings")
    await dialog.get_by_role("button", name="Rename").click()
    await expect(dialog.get_by_role("button", name="Use Early mornings")).to_be_visible()
    assert await serious(page) == []
    await shoot(page, "templates")

    # Used in another draft that has words already: a question first.
    await page.goto(base + "/compose")
    await add_clips(page, "clip")
    await page.locator("#text").fill("Typed before")
    await page.get_by_role("button", name="Templates").first.click()
    await dialog.get_by_role("button", name="Use Early mornings").click()
    confirm = page.get_by_role("dialog", name="Replace the words and accounts of this draft?")
    await confirm.get_by_role("button", name="Use").click()
    await expect(page.locator("#text")).to_have_value("First light in the harbour")
    await expect(page.locator("#account-count")).to_have_text("2 of 2")
    await expect(page.locator("#strip li")).to_have_count(1)
    await expect(page.locator("#problems")).to_contain_text("Ready: 2 items")
    await page.locator("#primary").click()
    await expect(page.locator("#plan li")).to_have_count(1)
    await shoot(page, "compose-next")
    # A person's choice stays.
    await page.get_by_label("Now", exact=False).first.check()
    await page.keyboard.press("Escape")
    await page.locator("#text").fill("First light in the harbour again")
    await expect(page.locator("#primary")).to_have_text("Publish")

    await page.goto(base + "/calendar?view=week")
    await shoot(page, "calendar-loose")
    await page.get_by_role("button", name="Add all to queues").click()
    await page.locator("#confirm-yes").click()
    # The first draft has no clip; the second one is scheduled.
    await expect(page.locator("#notices")).to_contain_text("1 draft is in the queue.")
    await expect(page.locator("#notices")).to_contain_text("1 of 2 could not be added")
    await expect(page.locator(".loose li")).to_have_count(1)
    async with served.database.session() as session:
        query = select(func.count()).where(Item.slot_at.is_not(None), Item.status == "pending")
        assert (await session.execute(query)).scalar_one() == 2


# What an extension of the browser does to fields, such as a password manager.
STYLE_FIELDS = "() => { for (const one of document.querySelectorAll('dialog input')) one.style.caretColor = 'red'; }"


async def test_dialogs_that_come_anew_set_no_style_that_the_policy_forbids(served: Installation, page: Page) -> None:
    base = await set_up(page, served)
    await page.goto(base + "/compose")
    await page.locator("#text").fill("First light in the harbour")
    await page.get_by_role("button", name="Templates").first.click()
    dialog = page.get_by_role("dialog", name="Templates")
    await dialog.get_by_label("Save this draft as a template").fill("Mornings")
    await page.evaluate(STYLE_FIELDS)
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("button", name="Use Mornings")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.context.clear_cookies()
    await page.locator("#text").fill("Later")
    again = page.get_by_role("dialog", name="Your session has ended")
    await again.get_by_label("E-mail").fill(OWNER[1])
    await again.get_by_label("Password").fill("wrong")
    await page.evaluate(STYLE_FIELDS)
    await page.keyboard.press("Enter")
    await expect(again.get_by_role("alert")).to_contain_text("password is wrong")


async def test_signature_stands_before_hashtags_whichever_comes_first(served: Installation, page: Page) -> None:
    base = await set_up(page, served)
    await link_accounts(served, base, "threads")
    await give_times(served, base)
    async with served.database.begin() as session:
        client = (await session.scalars(update(Client).values(signature="- Alba").returning(Client.id))).one()
        tags = ["ok", "OK"]
        session.add(HashtagSet(id=new_id(), client_id=client, name="Usual", name_key="usual", tags=tags))
    await page.goto(base + "/compose")
    await page.get_by_label("All of Alba").click()
    chips = [page.locator("#form-all .inserts").get_by_role("button", name=name) for name in ("Usual", "Signature")]
    for order in (chips, chips[::-1]):
        for typed in ("Plain words.", "", "Words\n\n#typed"):
            await page.locator("#text").fill(typed)
            for chip in order:
                await chip.click()
            words, _, own = typed.partition("\n\n")
            wanted = "\n\n".join(part for part in (words, "- Alba", own, "#ok #OK") if part)
            await expect(page.locator("#text")).to_have_value(wanted)
            assert with_signature(typed, "- Alba") in wanted
