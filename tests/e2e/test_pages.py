"""Pages are true without a reload, work by keyboard alone, and load nothing from other servers."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from clipcast.installation import Installation
from clipcast.testing.harness import some_day
from tests.e2e.people import (
    add_clips,
    connect,
    open_tab,
    plan_for,
    send,
    set_up,
    shoot,
    upload,
    who_can_watch,
    working,
)

pytestmark = pytest.mark.browser

SEEN = """(value) => {
  for (const one of document.querySelectorAll("tbody, tr")) one.style.contentVisibility = value;
}"""
AXE = Path(__file__).parents[2] / "frontend" / "dev" / "axe.js"


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


async def serious(page: Page, *rules: str) -> list[str]:
    """Return the serious accessibility violations that axe-core finds by these rules, or by all."""
    # Colours that are still changing have no contrast yet.
    await page.evaluate("for (const one of document.getAnimations()) one.finish()")
    # Rows that nobody sees yet have no true place.
    await page.evaluate(SEEN, "visible")
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text())
    # axe leaves this rule of WCAG 2.2 out unless it is asked for.
    chosen = {"runOnly": list(rules)} if rules else {"rules": {"target-size": {"enabled": True}}}
    options = {"resultTypes": ["violations"]} | chosen
    found = await page.evaluate("options => axe.run(options)", options)
    await page.evaluate(SEEN, "")
    for one in found["violations"]:
        # What lies half below the bar of a phone is scrolled out from there.
        one["nodes"] = [node for node in one["nodes"] if not any(map(is_covered, node["any"]))]
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical") and one["nodes"]
    ]


def is_covered(check: dict[str, Any]) -> bool:
    """Return whether a check of axe is about a part that another one covers."""
    data = check["data"] if isinstance(check["data"], dict) else {}
    return str(data.get("messageKey")).startswith("partiallyObscured")


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
    page.on("request", lambda request: elsewhere.append(request.url) if outside(request.url, served) else None)
    base = await set_up(page, served)
    await page.goto(base + "/reference")
    await expect(page.get_by_role("heading", name="Create a post")).to_be_visible(timeout=30_000)
    await shoot(page, "page-reference")
    assert elsewhere == []


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


def outside(url: str, installation: Installation) -> bool:
    """Return whether an address is that of another server."""
    return not url.startswith((installation.settings.public_base, "data:", "blob:"))
