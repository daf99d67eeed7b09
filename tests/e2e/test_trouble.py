"""What goes wrong in the middle: an ended session, a lost connection, a refused item, a hostile text."""

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route, expect
from sqlalchemy import delete

from clipcast.database.models.people import SignInSession
from clipcast.installation import Installation
from clipcast.testing.harness import Sandbox
from tests.e2e.people import OWNER, add_clips, connect, held_until, send, set_up, shoot, upload, who_can_watch, working

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>{{7*7}}"


async def compose(page: Page, base: str, platform: str = "TikTok") -> None:
    await page.goto(base + "/compose")
    await page.get_by_label(f"{platform} @harbour.films").check()
    await add_clips(page, "clip")
    if platform == "TikTok":
        await who_can_watch(page)


async def test_ended_session_loses_nothing_while_composing(served: Installation, page: Page, clip: Path) -> None:
    base = await set_up(page, served)
    await connect(page, base, "TikTok")
    await upload(page, base, clip)
    await compose(page, base)
    await expect(page.locator("#problems")).to_contain_text("Ready:")
    async with served.database.begin() as session:
        await session.execute(delete(SignInSession))
    await page.locator("#text").fill("Typed after the session had ended")
    dialog = page.get_by_role("dialog", name="Your session has ended")
    await expect(dialog).to_be_visible()
    await expect(page.locator("#saved")).to_have_text("Not saved: sign in again")
    await shoot(page, "trouble-session-ended")
    await dialog.get_by_label("E-mail").fill(OWNER[1])
    await dialog.get_by_label("Password").fill("wrong")
    await dialog.get_by_role("button", name="Sign in").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("password is wrong")
    await dialog.get_by_label("Password").fill(OWNER[2])
    await dialog.get_by_role("button", name="Sign in").click()
    await expect(dialog).to_be_hidden()
    await expect(page.locator("#text")).to_have_value("Typed after the session had ended")
    # It is saved by itself: the page can be loaded anew.
    await expect(page.locator("#preview-tiktok")).to_contain_text("Typed after the session had ended")
    await page.reload()
    await expect(page.locator("#text")).to_have_value("Typed after the session had ended")
    await send(page)
    await page.wait_for_url("**/posts/**")


async def test_unreachable_server_loses_nothing_while_composing(served: Installation, page: Page, clip: Path) -> None:
    base = await set_up(page, served)
    await connect(page, base, "TikTok")
    await upload(page, base, clip)
    await compose(page, base)
    await expect(page.locator("#problems")).to_contain_text("Ready:")
    await page.context.set_offline(True)
    await page.locator("#text").fill("Typed on a train")
    await expect(page.get_by_role("alert")).to_contain_text("keeps what you typed")
    await page.context.set_offline(False)
    await expect(page.locator("#preview-tiktok")).to_contain_text("Typed on a train")


async def test_words_that_the_server_did_not_take_or_no_script_saw_are_kept(served: Installation, page: Page) -> None:
    base = await set_up(page, served)
    there = asyncio.Event()
    saves: list[str] = []
    # To ask whether a colleague has saved is no save.
    is_save = re.compile(r"/compose/[^/]+(/send)?$").search
    page.on("request", lambda one: saves.append(one.url) if one.method == "POST" and is_save(one.url) else None)

    # Before the scripts of the page are there.
    await page.route("**/htmx.js*", held_until(there))
    await page.goto(base + "/compose", wait_until="commit")
    await page.locator("#text").fill("Typed early")
    there.set()
    await expect(page.locator("#saved")).to_have_text("Saved")
    path = page.url
    await page.goto(path)
    await expect(page.locator("#text")).to_have_value("Typed early")
    # A page that nobody has touched saves nothing.
    saves.clear()
    await page.reload()
    await page.evaluate("new Promise((done) => setTimeout(done, 10))")
    assert saves == []

    async def fail(route: Route) -> None:
        await route.fulfill(status=500)

    # A server that fails: another response in between is none to the save, and the browser keeps the words.
    await page.route(path, fail)
    await page.locator("#text").fill("Typed while the server failed")
    await expect(page.locator("#saved")).to_have_text("Not saved: the server failed")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.locator("#library-clips")).to_contain_text("clip")
    await page.keyboard.press("Escape")
    await expect(page.locator("#saved")).to_have_text("Not saved: the server failed")
    page.once("dialog", lambda dialog: dialog.accept())
    await page.goto(base + "/posts")
    await page.unroute(path)
    await page.goto(path)
    await expect(page.locator("#saved")).to_have_text("Saved")
    await expect(page.locator("#text")).to_have_value("Typed while the server failed")


async def test_upload_continues_after_a_lost_connection(served: Installation, page: Page, large_clip: Path) -> None:
    base = await set_up(page, served)
    await page.goto(base + "/clips")
    sent: list[int] = []
    broken = 0

    async def break_some(route: Route) -> None:
        nonlocal broken
        if route.request.method != "PATCH":
            return await route.continue_()
        sent.append(int((await route.request.all_headers())["upload-offset"]))
        if broken < 2 and len(sent) > 1:
            broken += 1
            return await route.abort("connectionreset")
        return await route.continue_()

    await page.route("**/uploads/*", break_some)
    await page.locator("#files").set_input_files(large_clip)
    await expect(page.get_by_role("link", name="Uploaded: open clip")).to_be_visible(timeout=30_000)
    assert broken == 2
    # The first piece was never sent again.
    assert sent == [0, 16777216, 16777216, 16777216]
    await page.get_by_role("link", name="Uploaded: open clip").click()
    await page.wait_for_function("() => document.querySelector('video')?.videoWidth === 540")
    await shoot(page, "trouble-upload")


async def test_upload_continues_after_the_page_was_closed(served: Installation, page: Page, large_clip: Path) -> None:
    base = await set_up(page, served)
    await page.goto(base + "/clips")

    opened_again = False

    async def only_the_first(route: Route) -> None:
        if not opened_again and route.request.method == "PATCH" and route.request.headers["upload-offset"] != "0":
            return await route.abort("connectionreset")
        return await route.continue_()

    # The route stays: its removal would let a waiting request of the closed page through.
    await page.route("**/uploads/*", only_the_first)
    await page.locator("#files").set_input_files(large_clip)
    await expect(page.get_by_text("The upload continues when it is back.")).to_be_visible()
    await page.goto("about:blank")
    opened_again = True
    offsets: list[str] = []
    page.on("request", lambda one: offsets.append(one.headers["upload-offset"]) if one.method == "PATCH" else None)
    # Any page of the app continues it.
    await page.goto(base + "/posts")
    await expect(page.get_by_role("link", name="Uploaded: open clip")).to_be_visible(timeout=30_000)
    assert offsets == ["16777216"]


async def test_file_that_is_not_a_video_is_rejected(served: Installation, page: Page, tmp_path: Path) -> None:
    base = await set_up(page, served)
    await page.goto(base + "/clips")
    fake = tmp_path / "<b>holiday.mp4"
    fake.write_bytes(b"This is a letter, not a video." * 100)
    await page.locator("#files").set_input_files(fake)
    await expect(page.locator("#uploads")).to_contain_text("not MP4, MOV, WebM, Matroska")
    text = tmp_path / "notes.txt"
    text.write_text("x")
    await page.locator("#files").set_input_files(text)
    await expect(page.locator("#uploads")).to_contain_text("Use a file name that ends in")
    # More than fits is refused before anything is sent.
    await page.evaluate("""() => {
        const file = new File([], "huge.mp4");
        Object.defineProperty(file, "size", { value: 3 * 1024 ** 3 });
        const drop = new Event("drop", { cancelable: true, bubbles: true });
        drop.dataTransfer = { files: [file] };
        document.getElementById("drop").dispatchEvent(drop);
    }""")
    await expect(page.locator("#uploads")).to_contain_text("The file is too large: 3221225472 bytes")


async def test_markup_in_texts_is_shown_as_text(
    served: Installation, sandbox: Sandbox, page: Page, clip: Path, browser: Browser
) -> None:
    base = await set_up(page, served, HOSTILE[:90])
    created = await sandbox.client.post(
        "/__sandbox/accounts/tiktok", json={"username": "hostile.films", "display_name": HOSTILE}
    )
    assert created.status_code == 201, created.text
    await page.goto(base + "/accounts/connect")
    await page.get_by_role("link", name="Connect TikTok", exact=True).click()
    await page.get_by_label("@hostile.films").check()
    await page.get_by_role("button", name="Allow").click()
    await expect(page.get_by_text("Connected TikTok")).to_be_visible()
    await upload(page, base, clip)
    await page.goto(base + "/compose")
    await page.get_by_label("TikTok @hostile.films").check()
    await add_clips(page, "clip")
    await who_can_watch(page)
    await page.locator("#text").fill(HOSTILE)
    await expect(page.locator("#preview-tiktok")).to_contain_text("onerror")
    await expect(page.locator("#problems")).to_contain_text("Ready:")
    await send(page)
    await page.wait_for_url("**/posts/**")
    await page.get_by_role("link", name="Developer", exact=True).click()
    await expect(page.get_by_label("Metadata")).to_contain_text("onerror")
    for path in ("", "/posts", "/calendar", "/accounts", "/settings"):
        await page.goto(base + path)
        await page.wait_for_timeout(100)
        assert "owned" not in await page.title()


async def test_failed_item_is_retried_on_its_page(
    served: Installation, sandbox: Sandbox, page: Page, clip: Path
) -> None:
    base = await set_up(page, served)
    await connect(page, base, "TikTok")
    await upload(page, base, clip)
    await sandbox.fault(
        "tiktok",
        "video_init",
        "before",
        "status",
        status=400,
        body={"error": {"code": "invalid_params", "message": "No", "log_id": "x"}},
    )
    await compose(page, base)
    await expect(page.locator("#problems")).to_contain_text("Ready:")
    async with working(served):
        await send(page)
        await page.wait_for_url("**/posts/**")
        await expect(page.locator("#post-status")).to_have_text("Failed")
        await shoot(page, "trouble-failed")
        await page.get_by_text("What happened").click()
        await expect(page.get_by_role("heading", name="Attempt 1: failed")).to_be_visible()
        await page.get_by_role("button", name="Try again").click()
        await expect(page.locator("#post-status")).to_have_text("Published")
    assert len(await sandbox.posts("tiktok")) == 1


async def test_reconnect_rejects_the_wrong_account_and_continues_the_item(
    served: Installation, sandbox: Sandbox, page: Page, clip: Path
) -> None:
    base = await set_up(page, served)
    await connect(page, base, "TikTok")
    await upload(page, base, clip)
    await compose(page, base)
    await expect(page.locator("#problems")).to_contain_text("Ready:")
    await sandbox.change_account("tiktok", revoked=True)
    async with working(served):
        await send(page)
        await page.wait_for_url("**/posts/**")
        reconnect = page.get_by_role("link", name="Reconnect @harbour.films")
        await expect(reconnect).to_be_visible()
        await shoot(page, "trouble-reconnect")
        post = page.url
        await sandbox.change_account("tiktok", revoked=False)
        await reconnect.click()
        await page.get_by_label("The Night Bakery").check()
        await page.get_by_role("button", name="Allow").click()
        # The wrong account: nothing is connected, and the page says which one is still missing.
        await expect(page.get_by_role("heading", name="You signed in as another account")).to_be_visible()
        await expect(page.get_by_text("@harbour.films is not reconnected")).to_be_visible()
        await page.goto(post)
        await reconnect.click()
        await page.get_by_label("Harbour Films").check()
        await page.get_by_role("button", name="Allow").click()
        await expect(page.get_by_text("Connected TikTok")).to_be_visible()
        await page.goto(post)
        await expect(page.locator("#post-status")).to_have_text("Published")
    assert len(await sandbox.posts("tiktok")) == 1


async def test_a_client_connects_by_a_link(served: Installation, page: Page, browser: Browser) -> None:
    base = await set_up(page, served)
    await page.goto(base + "/accounts")
    await page.get_by_role("link", name="Connect", exact=True).click()
    await page.get_by_label("Somebody else, by link").check()
    await page.get_by_role("button", name="Get a link for YouTube").click()
    link = await page.locator(".connect-link").text_content()
    client = await browser.new_page()
    await client.goto(link or "")
    await client.get_by_label("Harbour Films").check()
    await client.get_by_role("button", name="Allow").click()
    await expect(client.get_by_role("heading")).to_have_text("YouTube account connected")
    # The owner's page knows without a reload.
    await expect(page.locator("#live")).to_contain_text("@harbour.films")
    await client.goto(link or "")
    await expect(client.get_by_text("was used already")).to_be_visible()
    await client.close()


async def test_late_response_does_not_undo_typing(served: Installation, page: Page, clip: Path) -> None:
    base = await set_up(page, served)
    await connect(page, base, "TikTok")
    await upload(page, base, clip)
    await compose(page, base)
    await expect(page.locator("#problems")).to_contain_text("Ready:")
    typed = asyncio.Event()
    await page.route("**/compose/*", held_until(typed), times=1)
    async with page.expect_request("**/compose/*"):
        await page.locator("#title").fill("First")
        await page.locator("#title").blur()
    await page.locator("#title").fill("Second")
    await page.locator("#text").press_sequentially("Typed while the first response was on its way")
    typed.set()
    await expect(page.locator("#preview-tiktok")).to_contain_text("on its way")
    await expect(page.locator("#title")).to_have_value("Second")
    await page.reload()
    await expect(page.locator("#title")).to_have_value("Second")
