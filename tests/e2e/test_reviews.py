"""A review from sending to approving, by a member and by a client without a sign-in and without a script."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from playwright.async_api import Browser, Page, expect

from clipcast.clock import clock
from clipcast.installation import Installation
from clipcast.testing.harness import Caller, Sandbox
from clipcast.workspaces.service import create_key
from tests.e2e.people import connect, send, set_up, shoot, upload
from tests.e2e.test_pages import serious

pytestmark = pytest.mark.browser

WORDS = "Your monstera is not dramatic. It is thirsty.\nHere is how to tell: <b>one finger</b>, ten seconds 🌿 مرحبا"
SIZES = ((1280, "light"), (390, "dark"), (1280, "dark"), (390, "light"))


async def scheduled(page: Page, base: str, installation: Installation, clip: Path, number: int) -> list[str]:
    """Create posts for later by the API and return the addresses of their pages."""
    workspace = base.rsplit("/", 1)[1]
    async with installation.database.begin() as session:
        _, key = await create_key(session, "demo", [UUID(workspace)])
    async with httpx2.AsyncClient(base_url=installation.settings.public_base, trust_env=False) as http:
        caller = Caller(http, key, workspace)
        edit = await caller.upload(clip)
        [account] = (await caller.get("/connections")).json()["connections"]
        found = []
        for day in range(number):
            metadata = {"tiktok": {"title": f"{WORDS} {day or ''}".strip(), "privacyLevel": "SELF_ONLY"}}
            body = {
                "videos": [{"editId": edit, "targets": [{"connectionId": account["id"], "metadata": metadata}]}],
                "scheduled_at": (clock.now() + timedelta(days=day + 1)).isoformat(),
            }
            made = await caller.post("/posts", body)
            assert made.status_code == 201, made.text
            found.append(f"{base}/posts/{made.json()['post_id']}")
    return found


async def looked_at(page: Page, name: str) -> None:
    """Check a page in both themes, on a desk and on a phone: accessible, and no wider than the window."""
    for width, scheme in SIZES:
        await page.set_viewport_size({"width": width, "height": 850})
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
        await shoot(page, f"review-{name}-{width}-{scheme}")
    assert await serious(page) == [], name
    await page.emulate_media(color_scheme="dark")
    assert await serious(page) == [], name
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size({"width": 1280, "height": 850})


async def test_post_is_sent_for_review_commented_changed_and_approved(
    served: Installation, sandbox: Sandbox, page: Page, browser: Browser, clip: Path
) -> None:
    base = await set_up(page, served)
    await connect(page, base, "TikTok")
    await page.goto(base + "/review")
    await expect(page.get_by_role("heading", name="Nothing waits for an approval")).to_be_visible()
    first, second = await scheduled(page, base, served, clip, 2)
    # To a client, by a new link, and to oneself.
    await page.goto(first + "/review")
    await page.get_by_label("Harbour Owner").check()
    await page.get_by_label("New link for").fill("Casa Verde Plants & a very long name without an end 🌿 مرحبا")
    await page.get_by_label("Everybody of them").check()
    await page.get_by_label("Message").fill("The new cut is in.")
    await looked_at(page, "send")
    await page.get_by_role("button", name="Send for review").click()
    link = str(await page.locator("#review-link").text_content())
    await page.goto(second + "/review")
    await page.get_by_label("Casa Verde Plants").check()
    await page.get_by_role("button", name="Send for review").click()
    await expect(page.locator(".pill")).to_contain_text("In review")
    await expect(page.locator(".side a[href$='/review'] .nav-count").first).to_contain_text("1")
    await page.goto(base + "/review/links")
    await expect(page.get_by_role("row", name="Casa Verde Plants")).to_be_visible()
    await looked_at(page, "links")

    # The client has no sign-in, and no script.
    client = await browser.new_page(java_script_enabled=False, viewport={"width": 1280, "height": 850})
    await client.goto(link)
    await expect(client.get_by_role("heading", name="2 posts for you to review")).to_be_visible()
    # What they have decided goes below what waits.
    post = client.locator(f"#{await client.locator('article').first.get_attribute('id')}")
    await expect(post).to_contain_text("<b>one finger</b>, ten seconds 🌿 مرحبا")
    await post.get_by_text("Ask for a change").click()
    await post.get_by_label("Your name").fill("Zoë")
    await post.get_by_label("What to change").fill("Can we show the finger test a second longer?")
    await post.get_by_label("At which time").fill("0:03")
    await post.get_by_role("button", name="Send the request").click()
    await expect(post).to_contain_text("You asked for a change")

    # The member sees it, answers and changes the words: all are asked again.
    await page.goto(base + "/review?state=changes_requested")
    await expect(page.locator(".comments")).to_contain_text("at 0:03")
    await page.get_by_role("button", name="at 0:03").click()
    await page.wait_for_function("() => document.querySelector('.review .player').currentTime > 0")
    await page.keyboard.press("c")
    await expect(page.get_by_role("textbox", name="Comment")).to_be_focused()
    await page.get_by_role("textbox", name="Comment").fill("Done, it is 2 s longer now.")
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator(".comments")).to_contain_text("Done, it is 2 s longer now.")
    await looked_at(page, "one")
    await page.get_by_role("button", name="Edit", exact=True).click()
    await page.wait_for_url("**/compose/**")
    await page.locator("#text, #form-tiktok textarea").first.fill("Other words")
    await send(page)
    await page.wait_for_url("**/posts/**")
    await client.goto(link)
    await expect(post).to_contain_text("Other words")
    await expect(post).to_contain_text("Done, it is 2 s longer now.")
    for width, scheme in SIZES:
        await client.set_viewport_size({"width": width, "height": 850})
        await client.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        await shoot(client, f"review-link-{width}-{scheme}")
    await post.get_by_role("button", name="Approve").click()
    await expect(post).to_contain_text("You approved it")
    # Where the button was.
    await expect(post.get_by_text("You approved it")).to_be_in_viewport()
    await page.goto(base + "/review")
    await page.get_by_role("link", name="Other words").first.click()
    await expect(page.locator(".reviewers")).to_contain_text("approved it")
    await page.wait_for_load_state()  # the keys are there
    await page.keyboard.press("a")
    await expect(page.locator(".one .pill")).to_contain_text("Approved")
    await expect(page.locator(".side a[href$='/review'] .nav-count .count")).to_have_count(0)
    await looked_at(page, "approved")
    await client.close()

    # With a script, the page of the link is accessible, too.
    await page.goto(link)
    await looked_at(page, "link-approved")
    # Its time passes: the other post is shown as expired, and gets a new time.
    clock.move(timedelta(days=3))
    await page.goto(base + "/review?state=expired")
    await expect(page.get_by_text("Not approved in time", exact=True).first).to_be_visible()
    await looked_at(page, "expired")


async def test_client_that_wants_an_approval_turns_publish_into_send_for_review(
    served: Installation, sandbox: Sandbox, page: Page, clip: Path
) -> None:
    """An owner chooses the reviewers of a client. Compose then sends for review, also what is scheduled."""
    base = await set_up(page, served)
    await connect(page, base, "TikTok")
    await upload(page, base, clip)
    await page.goto(base + "/clients")
    await page.get_by_label("Name").fill("Casa Verde Plants 🌿 مرحبا and a long name")
    await page.get_by_role("button", name="Create client").click()
    await page.get_by_label("@harbour.films").check()
    await page.get_by_role("button", name="Add the chosen ones").click()
    await page.get_by_role("link", name="Reviewers").click()
    await page.get_by_label("New link for").fill("Casa Verde & everybody who works there 🌿")
    await page.get_by_role("button", name="Create link").click()
    await expect(page.locator("#review-link")).to_contain_text("/r/")
    await page.get_by_label("Anybody of these").check()
    await page.get_by_label("Harbour Owner").check()
    await page.get_by_label("Casa Verde & everybody").check()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_label("Anybody of these")).to_be_checked()
    await looked_at(page, "reviewers")
    await page.goto(base + "/settings")
    await page.get_by_text("Invite", exact=True).click()
    await page.get_by_label("Only these clients").check()
    await looked_at(page, "settings")
    await page.goto(base + "/compose")
    await page.get_by_role("button", name="Add", exact=True).click()
    await page.locator("[data-pick]").first.click()
    await page.get_by_role("button", name="Done").click()
    await page.get_by_label("@harbour.films").check()
    await page.get_by_label("Caption").first.fill(WORDS)
    await expect(page.locator("#primary")).to_contain_text("Send for review")
    await page.locator("#primary").click()
    await expect(page.locator("#when")).to_contain_text("It goes out after approval")
