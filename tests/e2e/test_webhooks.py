"""A webhook in a browser: created, tested, sent again; and what a member is told."""

import pytest
from playwright.async_api import Browser, Page, expect

from clipcast.installation import Installation
from tests.e2e.people import OWNER, set_up, shoot, sign_in, working
from tests.e2e.test_pages import serious
from tests.webhooks.receiver import Reply, receiving

pytestmark = pytest.mark.browser


async def test_webhook_gets_a_delivery_and_it_is_sent_again(served: Installation, browser: Browser, page: Page) -> None:
    """The open page follows the delivery without a reload. Its pages are accessible, and fit a phone."""
    settings = served.settings.model_copy(update={"webhook_hosts": ("127.0.0.1",)})
    object.__setattr__(served, "settings", settings)
    base = await set_up(page, served)
    async with receiving(Reply(204)) as receiver, working(served):
        await page.goto(base + "/developers/webhooks")
        await page.get_by_label("Address").fill(receiver.url)
        await page.get_by_label("Note").fill("n8n")
        await page.get_by_role("button", name="Create webhook").click()
        secret = await page.locator("#new-secret").text_content()
        await shoot(page, "webhook-created")
        await page.get_by_role("button", name="Send a test event").click()
        await expect(page.locator("#live .status.completed")).to_be_visible()
        assert receiver.requests[0].verified(secret or "")["type"] == "webhook.test"
        assert secret not in await page.content()
        await page.get_by_role("button", name="Send again webhook.test").click()
        await receiver.until(2)
        await expect(page.locator("#live .status.completed")).to_be_visible()
        await page.get_by_role("link", name="webhook.test").click()
        await expect(page.locator("#sent-body")).to_contain_text("A test of this webhook.")
        await shoot(page, "webhook-delivery")
    paths = [page.url, page.url.partition("/deliveries")[0], base + "/developers/webhooks"]
    phone = await browser.new_page(viewport={"width": 390, "height": 800}, has_touch=True, color_scheme="dark")
    await sign_in(phone, served, OWNER[1], OWNER[2])
    try:
        for path in [*paths, base + "/settings/notifications"]:
            await page.goto(path)
            assert await serious(page) == [], path
            await phone.goto(path)
            assert await phone.evaluate("document.documentElement.scrollWidth") <= 390, path
            await shoot(phone, f"phone-{path.rpartition('/')[2]}")
    finally:
        await phone.close()
