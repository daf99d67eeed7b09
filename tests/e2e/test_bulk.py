"""Many posts at once in a browser: a CSV becomes posts, which are labelled, listed under a saved view, and exported."""

from pathlib import Path

import pytest
from playwright.async_api import Page, Route, expect
from sqlalchemy import delete

from clipcast.database.models.people import SignInSession
from clipcast.installation import Installation
from clipcast.testing.harness import ACCOUNT, some_day
from clipcast.web import bulk
from tests.e2e.people import OWNER, connect, cut_response, set_up, shoot, upload
from tests.e2e.test_pages import serious

pytestmark = pytest.mark.browser

HEAD = "files,to,text,at,timezone"
NAME = f"threads:@{ACCOUNT}"


def rows(*changed: tuple[int, str]) -> bytes:
    """Return a file of 120 rows, some of them changed."""
    lines = [f"clip,{NAME},Caption {n},{some_day()} {n // 60 + 9:02}:{n % 60:02},Europe/Lisbon" for n in range(120)]
    for number, text in changed:
        lines[number] = text
    return "\r\n".join([HEAD, *lines]).encode()


async def drop(page: Page, name: str, content: bytes) -> None:
    await page.locator("#csv-file").set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})


async def fits(page: Page, name: str) -> None:
    """Check the page at three widths and in both themes, and keep pictures of it."""
    for width, scheme in ((1280, "light"), (820, "dark"), (390, "light")):
        await page.set_viewport_size({"width": width, "height": 850})
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, width)
        assert await serious(page) == [], (name, width)
        await shoot(page, f"bulk-{name}-{width}-{scheme}")
    await page.set_viewport_size({"width": 1280, "height": 850})


async def test_a_csv_is_corrected_and_scheduled_and_its_posts_are_labelled_and_exported(
    served: Installation, page: Page, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 50)
    monkeypatch.setattr(bulk, "SECONDS", 600)
    base = await set_up(page, served)
    await connect(page, base, "Threads")
    await upload(page, base, clip)

    # The session ends before the file is dropped: it is sent after the password.
    await page.goto(base + "/posts")
    await page.get_by_role("link", name="Import").click()
    await expect(page.get_by_role("heading", name="Import posts from a CSV")).to_be_visible()
    await fits(page, "import")
    await page.evaluate("""() => {
        const dataTransfer = new DataTransfer();
        for (const name of ["a.csv", "b.csv"]) dataTransfer.items.add(new File(["to"], name, { type: "text/csv" }));
        document.dispatchEvent(new DragEvent("drop", { dataTransfer, cancelable: true }));
    }""")
    await expect(page.locator("#notices")).to_have_text("One CSV at a time.")
    async with served.database.begin() as session:
        await session.execute(delete(SignInSession))
    wrong = (
        (70, f"other.mp4,{NAME},{'x' * 600},{some_day()} 18:00,Europe/Lisbon"),
        (71, "clip,,No account,,"),
    )
    await drop(page, "winter.csv", rows(*wrong))
    dialog = page.locator("#sign-in-again")
    await dialog.get_by_label("E-mail").fill(OWNER[1])
    await dialog.get_by_label("Password").fill(OWNER[2])
    await dialog.get_by_role("button", name="Sign in").click()

    # Every problem of every row, at once; nothing can be created.
    await expect(page.get_by_role("heading", name="2 rows have problems; nothing is created")).to_be_visible()
    await expect(page.locator("#line-72")).to_contain_text("The library has no clip 'other.mp4'. Upload it.")
    await expect(page.locator("#line-72")).to_contain_text("too long")
    await expect(page.locator("#line-73")).to_contain_text("The row has no account.")
    await expect(page.get_by_role("button", name="Schedule 120 posts")).to_be_disabled()
    await fits(page, "problems")
    # A missing clip is uploaded here, and the rows are checked again.
    other = {
        "name": "other.mp4",
        "mimeType": "video/mp4",
        "buffer": clip.read_bytes() + (9).to_bytes(4, "big") + b"free-",
    }
    await page.locator("#csv-clips").set_input_files(other)
    await expect(page.locator("[data-missing]")).to_have_count(0)
    await expect(page.locator("#line-72")).not_to_contain_text("The library has no clip")

    # The corrected file: all rows, page by page, as they would be posted.
    await drop(page, "winter.csv", rows())
    await expect(page.get_by_role("heading", name="Ready: 120 posts, 120 items")).to_be_visible()
    await expect(page.locator("ul.csv-rows > li")).to_have_count(50)
    await expect(page.locator("#line-2")).to_contain_text("as written:")  # the viewer is in another zone
    await page.get_by_role("link", name="After").click()
    await expect(page.locator("#line-72")).to_contain_text("Caption 70")
    await fits(page, "ready")
    await page.get_by_role("button", name="Schedule 120 posts").click()
    await expect(page.get_by_role("heading", name="120 posts are created")).to_be_visible()
    await page.get_by_role("link", name="Show the posts").click()

    # All that match are labelled; the filters are saved under a name.
    tabs = page.get_by_role("navigation", name="Posts by state")
    await expect(tabs.get_by_role("link", name="All 120")).to_be_visible()
    await page.get_by_role("checkbox", name="Choose all 50 on this page").check()
    await page.get_by_role("checkbox", name="All 120 that match").check()
    await page.get_by_role("toolbar").get_by_role("button", name="Label").click()
    labels = page.get_by_role("dialog", name="Label posts")
    await labels.get_by_label("Put on").fill("Winter")

    # The connection breaks between two requests: the page says how far it got, and continues.
    async def break_second(route: Route) -> None:
        await (route.abort() if "so_far" in (route.request.post_data or "") else route.continue_())

    await page.route("**/posts/bulk", break_second)
    await labels.get_by_role("button", name="Label").click()
    broken = page.locator("#notices").get_by_role("alert")
    await expect(broken).to_contain_text("The connection broke. At least 50 of 120 posts are through.")
    await fits(page, "broken")
    await page.unroute("**/posts/bulk")
    await page.locator("#notices").get_by_role("button", name="Continue").click()
    await expect(page.locator("#notices")).to_contain_text("120 posts labelled.")
    await expect(page.locator("tr[data-row] .post-label")).to_have_count(50)
    # The response breaks off: its press can be continued, and does nothing twice.
    await page.get_by_role("checkbox", name="Choose Caption 119").check()
    await page.get_by_role("toolbar").get_by_role("button", name="Label").click()
    await labels.get_by_label("Put on").fill("Winter")
    await cut_response(page)
    await labels.get_by_role("button", name="Label").click()
    await expect(broken).to_contain_text("The connection broke. The action may be done in part.")
    await page.locator("#notices").get_by_role("button", name="Continue").click()
    await expect(page.locator("#notices")).to_contain_text("1 post labelled.")
    # Two of them are sent for review.
    await page.get_by_role("checkbox", name="Choose Caption 119").check()
    await page.get_by_role("checkbox", name="Choose Caption 118").check()
    review = page.get_by_role("dialog", name="Send for review")
    open_review = page.get_by_role("toolbar").get_by_role("button", name="Send for review")
    async with page.expect_request("**/posts/bulk/reviewers") as asked:
        await open_review.click()
    assert ((await asked.value).post_data or "").count("chosen=") == 2
    await review.get_by_label("Harbour Owner").check()
    # What is ticked and typed stays when the dialog is opened again.
    await review.get_by_label("Message").fill("Look at the ending")
    await review.get_by_role("button", name="Cancel").click()
    async with page.expect_response("**/posts/bulk/reviewers"):
        await open_review.click()
    await expect(review.get_by_label("Message")).to_have_value("Look at the ending")
    await expect(review.get_by_label("Harbour Owner")).to_be_checked()
    assert await serious(page) == []
    # The session has ended: the press is sent again after the password.
    async with served.database.begin() as session:
        await session.execute(delete(SignInSession))
    await review.get_by_role("button", name="Send for review").click()
    await dialog.get_by_label("E-mail").fill(OWNER[1])
    await dialog.get_by_label("Password").fill(OWNER[2])
    await expect(page.locator("[data-begun]")).to_have_count(0)
    await dialog.get_by_role("button", name="Sign in").click()
    await expect(page.locator("#notices")).to_contain_text("2 posts sent for review.")
    await expect(page.locator("tr[data-row]").filter(has_text="In review")).to_have_count(2)
    await page.get_by_role("group", name="Filters").get_by_label("Label").select_option("Winter")
    await page.get_by_role("button", name="Save this view").click()
    view = page.get_by_role("dialog", name="Save this view")
    await view.get_by_label("Name").fill("Winter campaign")
    await view.get_by_role("button", name="Save").click()
    chip = page.get_by_role("navigation", name="Saved views").get_by_role("link", name="Winter campaign")
    await expect(chip).to_have_attribute("aria-current", "true")
    await fits(page, "list")
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Export").click()
    exported = (await (await downloading.value).path()).read_text("utf-8-sig")
    assert exported.count(NAME) == 120
