"""Pages that stay open while something changes, or is slow: what is there stays, and a press counts once."""

import asyncio
import re

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import update

from clipcast.database.models.connections import Connection
from clipcast.installation import Installation
from tests.e2e.people import held_until, link_accounts, set_up

pytestmark = pytest.mark.browser


async def refreshed(page: Page) -> None:
    """Load the changes of the open page, as an event of the server does."""
    await page.evaluate("""() => new Promise((done) => {
        document.addEventListener("htmx:after:swap", () => done(), { once: true });
        htmx.trigger(document.body, "refresh");
    })""")


async def test_link_for_a_client_and_what_is_open_stay_when_the_page_changes(served: Installation, page: Page) -> None:
    base = await set_up(page, served)
    await link_accounts(served, base, "tiktok")
    async with served.database.begin() as session:
        [id] = await session.scalars(update(Connection).values(status="needs_reconnect").returning(Connection.id))
    for path in ("", "/accounts", f"/accounts/{id}"):
        await page.goto(base + path)
        await page.get_by_role("button", name="Link for the client").click()
        if path == "":
            await page.get_by_text("As a table").click()
        await expect(page.locator(f"#link-of-{id} .connect-link")).to_contain_text("/connect/")
        await refreshed(page)
        await expect(page.locator(f"#link-of-{id} .connect-link")).to_contain_text("/connect/")
        if path == "":
            await expect(page.locator("#days")).to_be_visible()
    # A list that is loaded once is loaded again if it has not arrived.
    await page.goto(base + "/calendar")
    await page.get_by_text("All accounts").click()
    await page.route("**/calendar/accounts?*", lambda one: one.abort(), times=1)
    find = page.get_by_label("Find an account")
    async with page.expect_event("requestfailed"):
        await find.focus()
    await find.blur()
    await find.focus()
    await expect(page.locator(".found li")).to_contain_text("@harbour.films")


async def test_response_that_is_not_what_the_page_wants_leaves_the_page_whole(served: Installation, page: Page) -> None:
    base = await set_up(page, served)
    await page.goto(base + "/posts/import")
    await page.get_by_text("Paste rows instead").click()
    await page.get_by_label("Rows, the first one").fill(" ")
    await page.get_by_role("button", name="Check the rows").click()
    await expect(page.locator("#paste [role=alert]")).to_be_visible()
    await expect(page.get_by_label("Rows, the first one")).to_have_value(" ")
    # The scripts of the page listen as before.
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("dialog", name="Search and commands")).to_be_visible()
    await page.keyboard.press("Escape")
    table = {"name": "plan.csv", "mimeType": "text/csv", "buffer": b"files,to,text\r\nclip,youtube:@nobody,Words\r\n"}
    await page.locator("#csv-file").set_input_files(table)  # type: ignore[arg-type]
    await page.wait_for_url(re.compile("/posts/import/[0-9a-f-]{36}"))
    # A proxy whose server is away answers for it.
    await page.goto(base + "/posts")
    away = "<html><body><h1>502 Bad Gateway</h1></body></html>"
    # The page's own refresh, when its events begin, may come first and get this response.
    async with page.expect_response(lambda one: one.status == 502):
        await page.route(
            lambda url: url.startswith(base + "/posts?"),
            lambda one: one.fulfill(status=502, content_type="text/html", body=away),
            times=1,
        )
        await page.evaluate("htmx.trigger(document.body, 'refresh')")
    await refreshed(page)
    await expect(page.get_by_role("heading", name="No posts yet")).to_be_visible()


async def test_press_counts_once_and_not_before_its_question(served: Installation, page: Page) -> None:
    base = await set_up(page, served)
    there = asyncio.Event()
    posts: list[str] = []
    page.on("request", lambda one: posts.append(one.url) if one.method == "POST" else None)

    # By plain http, browsers have no clipboard.
    await page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    await page.goto(base + "/developers/keys")
    await page.get_by_label("Name").fill("CI")
    # Pressed again while the response is on its way.
    await page.route("**/developers/keys", held_until(there), times=1)
    twice = """(button) => new Promise((done) => {
        button.click();
        setTimeout(() => { button.click(); done(); }, 20);
    })"""
    await page.get_by_role("button", name="Create key").evaluate(twice)
    there.set()
    key = await page.locator("#new-key").text_content()
    assert posts == [base + "/developers/keys"]
    await page.get_by_role("button", name="Copy key").click()
    await expect(page.get_by_role("button", name="Copy key")).to_have_attribute("data-copied", "yes")
    assert await page.evaluate("getSelection().toString()") == key

    # A question comes also before the page's script.
    there.clear()
    await page.route("**/app.js*", held_until(there), times=1)
    await page.goto(base + "/developers/keys", wait_until="commit")
    await page.get_by_role("button", name="Revoke CI").click()
    await expect(page.get_by_role("dialog", name="Revoke CI?")).to_be_visible()
    await page.get_by_role("button", name="Cancel").click()
    there.set()
    await expect(page.get_by_role("button", name="Revoke CI")).to_be_visible()
    assert len(posts) == 1

    # Enter means what was typed, not the entries of the text before.
    there.clear()
    await page.reload()
    await page.keyboard.press("Control+k")
    await expect(page.locator("#palette-entries [role=option]").first).to_be_visible()
    await page.route("**/palette?*", held_until(there))
    await page.get_by_role("combobox").fill("calendar")
    await page.keyboard.press("Enter")
    there.set()
    await page.wait_for_url("**/calendar")

    # Another action of a form is done after the first, and a second press of the first is not.
    there.clear()
    posts.clear()
    await link_accounts(served, base, "youtube")
    await page.goto(base + "/accounts")
    await page.get_by_label("Choose YouTube @harbour.films").check()
    await page.locator("#add-label").evaluate("(field) => { field.value = 'Main'; }")
    await page.route("**/accounts/bulk", held_until(there), times=1)
    press = "(button) => button.form.requestSubmit(button)"
    pause, label = page.locator("button[value=pause]"), page.locator("button[value=label]")
    async with page.expect_request("**/accounts/bulk"):
        await pause.evaluate(press)
    await pause.evaluate(press)
    await label.evaluate(press)
    there.set()
    account = page.locator(".accounts-table [data-row]")
    await expect(account).to_contain_text("Main")
    await expect(account).to_contain_text("Paused")
    assert posts == [base + "/accounts/bulk"] * 2
