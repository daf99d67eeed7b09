"""Every page: accessible, without a request to elsewhere, on a phone and in the dark; and true without a reload."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from clipcast.installation import Installation
from clipcast.testing.harness import Sandbox, some_day
from tests.e2e.people import (
    OWNER,
    add_clips,
    connect,
    open_tab,
    plan_for,
    send,
    set_up,
    shoot,
    sign_in,
    upload,
    who_can_watch,
    working,
)

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "frontend" / "dev" / "axe.js"
PAGES = ("", "/connections", "/clients", "/clips", "/templates", "/compose", "/drafts", "/posts", "/review",
         "/review/links", "/calendar", "/jobs", "/settings",
         "/settings/notifications", "/notices", "/developers/webhooks",
         "/developers/keys", "/developers/requests")  # fmt: skip


async def furnish(page: Page, installation: Installation, clip: Path) -> str:
    """Create a workspace in which every page has content, and return the address of its pages."""
    base = await set_up(page, installation)
    await connect(page, base, "TikTok")
    await upload(page, base, clip)
    for when in ("now", "later"):
        await page.goto(base + "/compose")
        await page.get_by_label("TikTok @harbour.films").check()
        await add_clips(page, "clip")
        await who_can_watch(page)
        if when == "later":
            await plan_for(page, f"{some_day()}T18:30")
        await expect(page.locator("#problems")).to_contain_text("Ready:")
        await send(page)
        await page.wait_for_url("**/posts/**")
    return base


async def serious(page: Page) -> list[str]:
    """Return the serious accessibility violations that axe-core finds."""
    # Colours that are still changing have no contrast yet.
    await page.evaluate("for (const one of document.getAnimations()) one.finish()")
    await page.evaluate(AXE.read_text())
    found = await page.evaluate("axe.run({ resultTypes: ['violations'] })")
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_is_accessible(
    served: Installation, sandbox: Sandbox, page: Page, clip: Path, scheme: str
) -> None:
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    elsewhere: list[str] = []
    page.on("request", lambda request: elsewhere.append(request.url) if _outside(request.url, served) else None)
    base = await furnish(page, served, clip)
    paths = [base + path for path in PAGES]
    paths += [await _first_link(page, base + "/posts", "/posts/"), await _first_link(page, base + "/clips", "/clips/")]
    paths += [served.settings.public_base + "/account", served.settings.public_base + "/nowhere"]
    for path in paths:
        await page.goto(path)
        assert await serious(page) == [], path
        place = path.removeprefix(base).removeprefix(served.settings.public_base).strip("/")
        name = {"": "overview"}.get(place, place.partition("/")[0] + ("-one" if "/" in place else ""))
        await shoot(page, f"page-{name}-{scheme}")
    await page.context.clear_cookies()
    await page.goto(served.settings.public_base + "/sign-in")
    assert await serious(page) == []
    assert [url for url in elsewhere if not url.startswith(sandbox.url)] == []


async def test_the_compose_page_in_use_is_accessible(served: Installation, page: Page, clip: Path) -> None:
    base = await set_up(page, served)
    for platform in ("TikTok", "YouTube"):
        await connect(page, base, platform)
    await upload(page, base, clip)
    await page.goto(base + "/compose")
    for platform in ("TikTok", "YouTube"):
        await page.get_by_label(f"{platform} @harbour.films").check()
    await add_clips(page, "clip")
    await open_tab(page, "YouTube")
    await expect(page.locator("#preview-youtube")).to_be_visible()
    await page.locator("#form-youtube").get_by_label("Different for @harbour.films").check()
    await expect(page.locator("#problems")).to_contain_text("to fix")
    assert await serious(page) == []


async def test_api_reference_loads_nothing_from_other_servers(served: Installation, page: Page) -> None:
    elsewhere: list[str] = []
    page.on("request", lambda request: elsewhere.append(request.url) if _outside(request.url, served) else None)
    base = await set_up(page, served)
    await page.goto(base + "/reference")
    await expect(page.get_by_role("heading", name="Create a post")).to_be_visible(timeout=30_000)
    await shoot(page, "page-reference")
    assert elsewhere == []


async def test_no_page_scrolls_sideways_on_a_phone(
    browser: Browser, served: Installation, page: Page, clip: Path
) -> None:
    base = await furnish(page, served, clip)
    phone = await browser.new_page(viewport={"width": 390, "height": 800}, has_touch=True)
    await sign_in(phone, served, OWNER[1], OWNER[2])
    for path in PAGES:
        await phone.goto(base + path)
        width = await phone.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, path
        await shoot(phone, f"phone-{path.strip('/') or 'overview'}")
    await phone.close()


async def test_open_page_shows_changes_without_a_reload(served: Installation, page: Page, clip: Path) -> None:
    base = await furnish(page, served, clip)
    await page.goto(base + "/posts")
    await expect(page.locator("#live tr .pill.live")).to_have_count(1)
    async with working(served):
        await expect(page.locator("#live tr .pill.good")).to_have_count(1)


async def test_app_works_by_keyboard_alone(served: Installation, page: Page) -> None:
    base = await set_up(page, served)
    await page.goto(base)
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.textContent.trim()") == "Calendar":
            break
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/calendar")
    await expect(page.get_by_role("link", name="Month")).to_be_visible()


def _outside(url: str, installation: Installation) -> bool:
    return not url.startswith((installation.settings.public_base, "data:", "blob:"))


async def _first_link(page: Page, path: str, part: str) -> str:
    await page.goto(path)
    href = await page.locator(f"#live a[href*='{part}']").first.get_attribute("href")
    assert href is not None
    return path.split("/w/")[0] + href
