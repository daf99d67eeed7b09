"""Every page on a phone and on a desktop: nothing is wider than the screen, and the controls are within reach."""

import struct
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from clipcast.installation import Installation
from clipcast.testing.harness import Sandbox
from tests.e2e.people import OWNER, add_clips, connect, plan_for, send, set_up, shoot, sign_in, upload, who_can_watch

pytestmark = pytest.mark.browser

# Elements that reach over the screen's right edge. What is in a region that scrolls by itself may; the API reference
# is another's, and has such regions of its own.
TOO_WIDE = """() => {
  const wide = [];
  const regions = ".wide, pre, .plot, .tabs, .filters, .places, .chips";
  const within = (one) => {
    for (let up = one.parentElement?.closest(regions); up; up = up.parentElement?.closest(regions))
      if (["auto", "scroll"].includes(getComputedStyle(up).overflowX)) return true;
    return false;
  };
  const others = "svg *, #reference *, .sr, .sr *, details:not([open]) *, ol.scalar-toaster";
  for (const one of document.body.querySelectorAll("*")) {
    const box = one.getBoundingClientRect();
    if (box.width && box.right > innerWidth + 0.5 && !one.matches(others) && !within(one))
      wide.push(`${one.tagName} ${one.id} ${one.className} ${Math.round(box.right)}: ${one.textContent.slice(0, 60)}`);
  }
  return wide;
}"""
# Text that has so little room that words break into single letters.
SQUEEZED = """() => [...document.querySelectorAll("p, li, td, h1, h2, h3, div, span, a, small")]
  .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim().length > 10))
  .filter((one) => !one.closest("#reference, .sr"))
  .map((one) => [one, one.getBoundingClientRect()])
  .filter(([_, box]) => box.width > 1 && box.width < 60 && box.height > 60)
  .map(([one]) => `${one.tagName} ${one.className}: ${one.textContent.trim().slice(0, 60)}`)"""


async def furnish(page: Page, installation: Installation, clip: Path, folder: Path) -> list[str]:
    """Create a workspace in which every page has much content, and return the addresses of all pages."""
    root = installation.settings.public_base
    base = await set_up(page, installation, "The Harbour Collective of Photographers and Filmmakers")
    for platform in ("TikTok", "YouTube"):
        await connect(page, base, platform)
    long_name = folder / f"{'a-very-long-name-of-a-clip-without-any-space-' * 2}.mp4"
    # An empty box makes it another clip, so that none is a double.
    long_name.write_bytes(clip.read_bytes() + struct.pack(">I4s", 8, b"free"))
    for file in (clip, long_name):
        await upload(page, base, file)
    await page.goto(base + "/compose")
    for platform in ("TikTok", "YouTube"):
        await page.get_by_label(f"{platform} @harbour.films").check()
    await add_clips(page, "clip", long_name.stem)
    await expect(page.locator("#items")).to_have_text("4 items")
    await page.locator("#title").fill("Harbour" + "x" * 60)
    await page.locator("#text").fill("W" * 300)
    await who_can_watch(page)
    day = await page.evaluate("new Date(Date.now() + 5 * 86400000).toLocaleDateString('en-CA')")
    await plan_for(page, f"{day}T18:30")
    await expect(page.locator("#problems")).to_contain_text("Ready:")
    await send(page)
    await page.wait_for_url("**/posts/**")
    post = page.url
    await page.get_by_role("button", name="Copy to a draft").click()
    await page.wait_for_url("**/compose/**")
    draft = page.url
    await page.goto(base + "/developers/keys")
    await page.get_by_label("Name", exact=True).fill("n8n" + "k" * 80)
    await page.get_by_role("button", name="Create key").click()
    await expect(page.locator("#new-key")).to_be_visible()
    await page.goto(base + "/settings")
    await page.get_by_text("Invite", exact=True).click()
    await page.get_by_label("Invitee").fill("Newcomer" + "n" * 60)
    await page.get_by_role("button", name="Create invitation link").click()
    invitation = await page.locator("#new-invitation").text_content() or ""
    await page.goto(base + "/clips")
    path = await page.locator("#live a[href*='/clips/']").first.get_attribute("href")
    names = (
        "",
        "/accounts",
        "/clips",
        "/templates",
        "/drafts",
        "/posts",
        "/calendar",
        "/jobs",
        "/settings",
        "/developers/keys",
        "/developers/requests",
        "/reference",
    )
    return [
        *(base + name for name in names),
        root + (path or ""), base + "/compose", draft, post, root + "/account", root + "/nowhere",
        base + "/posts?from=soon&state=nonsense", invitation, root + "/sign-in",
    ]  # fmt: skip


async def test_every_page_fits_the_screen_and_keeps_its_navigation_within_reach(
    browser: Browser, served: Installation, sandbox: Sandbox, page: Page, clip: Path, tmp_path: Path
) -> None:
    paths = await furnish(page, served, clip, tmp_path)
    for width, height, scheme in ((390, 800, "dark"), (1280, 850, "light")):
        screen = await browser.new_page(
            viewport={"width": width, "height": height}, has_touch=width < 500, color_scheme=scheme
        )
        await sign_in(screen, served, OWNER[1], OWNER[2])
        found = []
        for path in paths:
            if path.endswith("/sign-in"):
                await screen.context.clear_cookies()
            await screen.goto(path)
            await shoot(screen, f"{width}-{scheme}-{paths.index(path)}")
            found += [f"{path}: {one}" for one in await screen.evaluate(TOO_WIDE)]
            found += [f"{path}: squeezed: {one}" for one in await screen.evaluate(SQUEEZED)]
            if await screen.evaluate("document.documentElement.scrollWidth") > width:
                found.append(f"{path}: scrolls sideways")
            if await screen.locator("nav[aria-label=Pages]").count() and not path.endswith("/reference"):
                for link in await screen.locator("nav[aria-label=Pages] a:visible").all():
                    box = await link.bounding_box()
                    if not box or box["x"] < 0 or box["x"] + box["width"] > width or box["y"] + box["height"] > height:
                        found.append(f"{path}: not within reach: {await link.text_content()} {box}")
        assert found == []
        await screen.close()


async def test_publish_is_within_reach_on_a_phone_without_scrolling(
    browser: Browser, served: Installation, sandbox: Sandbox, page: Page, clip: Path, tmp_path: Path
) -> None:
    paths = await furnish(page, served, clip, tmp_path)
    draft = next(path for path in paths if "/compose/" in path)
    phone = await browser.new_page(viewport={"width": 390, "height": 800}, has_touch=True)
    await sign_in(phone, served, OWNER[1], OWNER[2])
    await phone.goto(draft)
    for step in ("accounts", "words", "when"):
        button = phone.get_by_role("button", name=f"Next: {step}")
        for place in (0, 100_000):
            await phone.evaluate(f"document.querySelector('.panes').scrollTo(0, {place})")
            box = await button.bounding_box()
            assert box is not None
            assert 0 < box["y"] < box["y"] + box["height"] <= 800, place
        await button.click()
    # The way back leads through the steps, and nothing is lost.
    await phone.go_back()
    await expect(phone.get_by_label("Caption").first).to_have_value("W" * 300)
    await phone.get_by_role("button", name="Next: when").click()
    await phone.locator("#send").click()
    await phone.wait_for_url("**/posts/**")
    await phone.close()
