"""Uploads whose requests are lost, refused or cancelled, and that go on elsewhere."""

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Page, Request, Route, expect
from sqlalchemy import delete

from clipcast.database.models.people import SignInSession
from clipcast.installation import Installation
from tests.e2e.people import OWNER, set_up

pytestmark = pytest.mark.browser
START, END = "**/clips/uploads", "**/clips/uploads/complete*"


async def test_upload_goes_on_after_what_failed_before_and_after_its_pieces(
    served: Installation, page: Page, clip: Path
) -> None:
    base = await set_up(page, served)
    await page.goto(base + "/clips")
    rows, again = page.locator("#uploads"), page.get_by_role("button", name="Try again")
    done = page.get_by_role("link", name="Uploaded: open clip")

    async def lose(route: Route) -> None:
        await route.abort("connectionreset")

    async def lose_response(route: Route) -> None:
        await route.fetch()
        await route.fulfill(status=503)

    await page.route(START, lose, times=1)
    await page.locator("#files").set_input_files(clip)
    await expect(rows).to_contain_text("No connection")
    await page.route(END, lose_response, times=1)
    await again.click()
    await expect(rows).to_contain_text("The server returned 503")
    async with served.database.begin() as session:
        await session.execute(delete(SignInSession))
    await again.click()
    dialog = page.get_by_role("dialog", name="Your session has ended")
    await expect(rows).to_contain_text("Sign in")
    await expect(dialog.get_by_label("E-mail")).to_have_value(OWNER[1])
    await dialog.get_by_label("Password").fill(OWNER[2])
    await dialog.get_by_role("button", name="Sign in").click()
    await expect(done).to_have_count(1)
    await expect(page.locator("#live").get_by_role("link", name="clip")).to_have_count(1)


async def test_upload_begins_anew_ends_when_cancelled_and_belongs_to_its_page(
    served: Installation, page: Page, clip: Path
) -> None:
    base = await set_up(page, served)
    await page.goto(base + "/clips")
    done = page.get_by_role("link", name="Uploaded: open clip")
    starts: list[str] = []
    pieces: list[str] = []

    def note(request: Request) -> None:
        if request.method == "PATCH":
            pieces.append(request.url)
        elif request.url.endswith("/clips/uploads"):
            starts.append(str(request.post_data_json["file_name"]))

    page.on("request", note)

    def named(name: str) -> dict[str, str | bytes]:
        return {"name": name, "mimeType": "video/mp4", "buffer": clip.read_bytes()}

    # An address that has ended: the file goes to another.
    address = re.compile("(?<!clips)/uploads/")
    await page.route(address, lambda one: one.fulfill(status=403), times=1)
    await page.locator("#files").set_input_files(named("late.mp4"))  # type: ignore[arg-type]
    await expect(done).to_have_count(1)
    assert (starts, len(pieces)) == (["late.mp4"] * 2, 1)

    # Only the response to its last piece was lost, and its address has ended since: it is not sent again.
    async def lose_response(route: Route) -> None:
        if route.request.method != "PATCH":
            return await route.continue_()
        await route.fetch()
        await route.fulfill(status=403)

    await page.route(address, lose_response)
    await page.locator("#files").set_input_files(named("there.mp4"))  # type: ignore[arg-type]
    await expect(done).to_have_count(2)
    assert (starts[2:], len(pieces)) == (["there.mp4"], 2)
    await page.unroute(address, lose_response)

    # Cancelled while it starts: nothing of it is sent, then or by the next page.
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        asked.set()
        await go_on.wait()
        await route.continue_()

    await page.route(START, hold, times=1)
    await page.locator("#files").set_input_files(named("cancelled.mp4"))  # type: ignore[arg-type]
    await asked.wait()
    async with page.expect_response(START):
        await page.get_by_role("button", name="Cancel cancelled.mp4").click()
        go_on.set()
    await page.route(START, lambda one: one.abort("connectionreset"), times=1)
    await page.locator("#files").set_input_files(named("elsewhere.mp4"))  # type: ignore[arg-type]
    await expect(page.locator("#uploads")).to_contain_text("No connection")

    # It goes on where the person is, and gets into no draft that did not ask for it.
    await page.goto(base + "/compose")
    await expect(done).to_have_count(1)
    assert starts[3:] == ["cancelled.mp4", "elsewhere.mp4", "elsewhere.mp4"]
    assert len(pieces) == 3
    await page.locator("#files").set_input_files(named("own.mp4"))  # type: ignore[arg-type]
    await expect(page.locator("#strip li")).to_have_count(1)
    await expect(page.locator("#strip")).to_contain_text("own")
    await expect(done).to_have_count(1)
