"""A person connects an account in a browser, and watches a published video."""

from uuid import UUID

import pytest
from playwright.async_api import Page, expect

from clipcast.connections.links import make_link
from clipcast.installation import Installation
from clipcast.sandbox.bluesky.rules import APP_PASSWORD
from clipcast.testing.harness import Caller, Stage
from tests.e2e.people import shoot

pytestmark = pytest.mark.browser
PLATFORMS = ("tiktok", "youtube")


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_an_account_is_connected(served: Installation, caller: Caller, page: Page, platform: str) -> None:
    await page.goto(make_link(served, UUID(caller.workspace_id), platform))
    await page.get_by_label("The Night Bakery").check()
    await page.get_by_role("button", name="Allow").click()
    await expect(page.get_by_role("heading")).to_contain_text("account connected")
    await expect(page.get_by_text("The Night Bakery")).to_be_visible()
    [connection] = (await caller.get("/connections")).json()["connections"]
    assert (connection["platform"], connection["username"]) == (platform, "night_bakery")


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_declined_consent_shows_that_nothing_was_connected(
    served: Installation, caller: Caller, page: Page, platform: str
) -> None:
    await page.goto(make_link(served, UUID(caller.workspace_id), platform))
    await page.get_by_role("button", name="Deny").click()
    await expect(page.get_by_role("heading")).to_have_text("The account was not connected")
    assert (await caller.get("/connections")).json()["connections"] == []


async def test_partial_consent_names_the_missing_permission(served: Installation, caller: Caller, page: Page) -> None:
    await page.goto(make_link(served, UUID(caller.workspace_id), "tiktok"))
    await page.get_by_label("video.publish").uncheck()
    await page.get_by_role("button", name="Allow").click()
    await expect(page.get_by_text("Missing: video.publish")).to_be_visible()
    assert (await caller.get("/connections")).json()["connections"] == []


async def test_invalid_link_shows_an_error(served: Installation, page: Page) -> None:
    await page.goto(f"{served.settings.public_base}/connect/nonsense")
    await expect(page.get_by_text("wrong, has expired, was used already")).to_be_visible()


async def test_text_of_the_platform_is_never_markup(served: Installation, caller: Caller, page: Page) -> None:
    await page.goto(make_link(served, UUID(caller.workspace_id), "tiktok"))
    query = await page.locator("input[name=query]").input_value()
    state = next(part.split("=")[1] for part in query.split("&") if part.startswith("state="))
    hostile = "<img src=x onerror=document.title='owned'>"
    await page.goto(
        f"{served.settings.public_base}/connect/tiktok/callback?state={state}&error=x&error_description={hostile}"
    )
    await expect(page.get_by_text("onerror")).to_be_visible()
    assert "owned" not in await page.title()


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_the_published_video_plays(served: Installation, stage: Stage, page: Page, platform: str) -> None:
    metadata = {"title": "Fog over the pier <b>", "privacyLevel": "PUBLIC_TO_EVERYONE"}
    if platform == "youtube":
        metadata = {"title": "Fog over the pier"}
    post_id = await stage.post(await stage.connect(platform), platform, metadata)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    await page.goto(item["platform_post_url"])
    await expect(page.get_by_role("heading")).to_have_text(metadata["title"])
    await page.wait_for_function("() => document.querySelector('video').readyState >= 2")
    assert await page.evaluate("document.querySelector('video').videoWidth") == 540
    await page.wait_for_function("() => document.querySelector('video').currentTime > 0")


async def test_person_chooses_the_pages_to_connect(served: Installation, caller: Caller, page: Page) -> None:
    await page.goto(make_link(served, UUID(caller.workspace_id), "facebook"))
    await page.get_by_label("The Night Bakery").check()
    await page.get_by_role("button", name="Allow").click()
    await expect(page.get_by_role("heading")).to_have_text("Choose Facebook accounts")
    await page.get_by_role("button", name="Connect").click()
    await expect(page.get_by_role("alert")).to_have_text("Tick at least one account.")
    await page.get_by_label("Harbour Collective").check()
    await page.get_by_label("The Night Bakery").check()
    await shoot(page, "choose_pages")
    await page.get_by_role("button", name="Connect").click()
    await expect(page.get_by_role("heading")).to_have_text("Facebook accounts connected")
    found = (await caller.get("/connections")).json()["connections"]
    assert {one["display_name"] for one in found} == {"Harbour Collective", "The Night Bakery"}


async def test_account_is_connected_by_handle_and_app_password(
    served: Installation, caller: Caller, page: Page
) -> None:
    await page.goto(make_link(served, UUID(caller.workspace_id), "bluesky"))
    await page.get_by_label("Handle").fill("night-bakery.bsky.social")
    await page.get_by_label("App password").fill("wrong")
    await page.get_by_role("button", name="Connect").click()
    await expect(page.get_by_role("alert")).to_contain_text("password is wrong")
    await expect(page.get_by_label("Handle")).to_have_value("night-bakery.bsky.social")
    await expect(page.get_by_label("App password")).to_have_value("")
    await shoot(page, "sign_in_form")
    await page.get_by_label("App password").fill(APP_PASSWORD)
    await page.get_by_role("button", name="Connect").click()
    await expect(page.get_by_role("heading")).to_have_text("Bluesky account connected")
    [connection] = (await caller.get("/connections")).json()["connections"]
    assert connection["username"] == "night-bakery.bsky.social"


async def test_handle_leads_to_the_server_of_the_account(served: Installation, caller: Caller, page: Page) -> None:
    await page.goto(make_link(served, UUID(caller.workspace_id), "bluesky", "oauth"))
    await page.get_by_label("Handle").fill("harbour.films")
    await page.get_by_role("button", name="Connect").click()
    await page.get_by_label("Harbour Films").check()
    await page.get_by_role("button", name="Allow").click()
    await expect(page.get_by_role("heading")).to_have_text("Bluesky account connected")
