"""Every page with 300 accounts and 10 000 posts on four screens, in both themes; and its main tasks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import select

import clipcast.web
from clipcast.audit.service import Actor
from clipcast.common.ids import new_id
from clipcast.database.models.clips import Clip
from clipcast.database.models.people import User
from clipcast.database.models.plans import PlanState
from clipcast.database.models.submissions import RenderTemplate
from clipcast.installation import Installation
from clipcast.posts.plans import stored
from clipcast.reviews.links import create_link
from clipcast.testing.seeding import HARD_NAMES, RARE_WORD, Seeded, seed
from clipcast.webhooks.schemas import CreateWebhook
from clipcast.webhooks.service import create_webhook, send_test
from tests.e2e.people import set_up, upload
from tests.e2e.test_pages import outside, serious
from tests.e2e.test_phone import TOO_WIDE

pytestmark = pytest.mark.browser

WIDTHS = (1280, 820, 390, 320)
PHONE = 390
# What is no page of the app: files, parts of pages, the live stream. The reference is another's, and has a test of its
# own. The gallery is the demo's.
NO_PAGE = re.compile(
    r"[.]csv$|/(file|source|thumbnail|timeline|strip|picture|cues|converted|logo|avatar|events|palette|reference|gallery)$"
    r"|/connections\b|/accounts/(new|connect)\b|/compose/(library|accounts)/|/calendar/|/notices/bell|/import/{plan_id}/"
    r"|:path}/"
)
# Pages over whose edge nothing reaches, but in a line that scrolls; those of lists on the narrowest phone, too.
OF_CLIENTS = re.compile("/(clients|accounts)")
LISTS = re.compile("/(posts|drafts|clips|w/[^/]+/accounts)([?]|$)")
# Parts of a header or of a navigation that lie on each other.
OVERLAPS = """() => {
  const rows = "header.side, nav[aria-label=Pages] ul, main header, main .spread, [role=tablist], nav.tabs";
  const shown = (one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    && !one.matches(".sr, dialog, [popover]");
  const found = [];
  for (const row of document.querySelectorAll(rows)) {
    // On a phone, the button of a new post has its place between the links of the bar.
    const children = [...row.children]
      .flatMap((one) => innerWidth < 768 && one.matches("nav[aria-label=Pages]")
        ? [...one.querySelectorAll(":scope > ul > li:not([aria-hidden])")] : [one]);
    const parts = children.filter(shown).map((one) => [one, one.getBoundingClientRect()])
      .filter(([, box]) => box.width > 1 && box.height > 1);
    for (const [number, [one, a]] of parts.entries())
      for (const [other, b] of parts.slice(number + 1))
        if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
            && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1)
          found.push(`${one.outerHTML.slice(0, 90)} lies on ${other.outerHTML.slice(0, 90)}`);
  }
  return found;
}"""


@dataclass(frozen=True)
class Crowd:
    """A workspace with very much in it, and the values of the parameters of paths: an example of each thing."""

    base: str
    seeded: Seeded
    examples: dict[str, str]


async def crowded(page: Page, installation: Installation, clip: Path) -> Crowd:
    base = await set_up(page, installation, "The Harbour Collective of Photographers and Filmmakers")
    await upload(page, base, clip)
    workspace, actor = UUID(base.rsplit("/", 1)[1]), Actor("user", new_id(), "Owner", "")
    async with installation.database.session() as session:
        like, user = (await session.scalars(select(Clip))).one(), (await session.scalars(select(User))).one()
    seeded = await seed(installation, workspace, like=like, reviewer_id=user.id)
    async with installation.database.begin() as session:
        template = RenderTemplate(workspace_id=workspace, name="W" * 60, edit={"aspect_ratio": "1:1"})
        session.add(template)
        _, link = await create_link(session, installation.settings, workspace, "مقهى الميناء", "UTC", actor)
        wanted = CreateWebhook(url="https://example.org/hook", description="Planner")
        webhook, _ = await create_webhook(installation, session, workspace, wanted, actor)
        delivery = await send_test(session, workspace, str(webhook.id))
        rows = f"files,to,text,at\n{'W' * 60},studio.0001,{HARD_NAMES[1]},2030-01-01 12:00\n" * 30
        plan = await stored.keep(session, workspace, rows.encode(), "plan.csv", "UTC", user.name)
    begun = await stored.begin(installation, workspace, str(plan.id), PlanState.CHECKING)
    assert begun
    await stored.check(installation, begun)
    examples = {
        "workspace_id": workspace, "client_id": seeded.clients[0], "render_id": seeded.renders[-1],
        "connection_id": seeded.accounts[0].id, "post_id": seeded.newest["in_review"], "draft_id": seeded.drafts[-1],
        "request_id": seeded.requests[-1], "template_id": template.id, "webhook_id": webhook.id,
        "delivery_id": delivery.id, "plan_id": plan.id, "platform": "pinterest", "token": link.rsplit("/", 1)[1],
    }  # fmt: skip
    return Crowd(base, seeded, {name: str(value) for name, value in examples.items()})


def routes_of(router: Any) -> Iterator[str]:
    """Yield the paths for GET of a router, and of those that it includes."""
    for route in router.routes:
        if included := getattr(route, "original_router", None):
            yield from routes_of(included)
        elif "GET" in (getattr(route, "methods", None) or ()):
            yield route.path


def pages_of(crowd: Crowd) -> list[str]:
    """Return the paths of all pages, each with an example of what it shows; and of some with many rows."""
    modules = [import_module(one.name) for one in iter_modules(clipcast.web.__path__, "clipcast.web.")]
    found = {path for one in modules if hasattr(one, "router") for path in routes_of(one.router)}
    own = (path for path in found if path.startswith(("/w/", "/r/")) or path == "/account")
    wanted = sorted(path for path in own if not NO_PAGE.search(path))
    base = f"/w/{crowd.examples['workspace_id']}"
    return [
        *(path.format_map(crowd.examples) for path in wanted),
        *(f"{base}/calendar?view={view}" for view in ("week", "list")),
        *(f"{base}/posts/{post}" for post in (crowd.seeded.large_post, crowd.seeded.newest["check"])),
        f"{base}/posts?state=needs&q=nothing-has-this",
        *(f"{base}/{one}?client={crowd.seeded.clients[1]}" for one in ("posts", "connections")),
    ]  # fmt: skip


async def look(page: Page) -> list[str]:
    """Return what is wrong with the page that is open: on four screens, and for axe in both themes."""
    found = await serious(page)
    await page.emulate_media(color_scheme="dark")
    found += await serious(page, "color-contrast")  # themes differ in nothing else
    await page.emulate_media(color_scheme="light")
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 800})
        if (wide := await page.evaluate("document.documentElement.scrollWidth")) > width:
            found.append(f"{wide} px wide on {width}")
        found += [f"on {width}: {one}" for one in await page.evaluate(OVERLAPS)]
        if LISTS.search(page.url) or (width >= PHONE and OF_CLIENTS.search(page.url)):
            found += [f"too wide on {width}: {one}" for one in await page.evaluate(TOO_WIDE)]
        if width == PHONE:
            # At the end of a page, the bar lies on nothing.
            await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
            found += [f"on {width}: {one}" for one in await serious(page)]
    return found


@pytest.mark.timeout(400)
async def test_every_page_with_very_much_in_it_fits_each_screen_and_is_accessible(
    served: Installation, page: Page, clip: Path
) -> None:
    elsewhere: list[str] = []
    crowd = await crowded(page, served, clip)
    page.on("request", lambda request: elsewhere.append(request.url) if outside(request.url, served) else None)
    await page.emulate_media(reduced_motion="reduce", color_scheme="light")
    found: list[str] = []
    looked = 0
    for path in pages_of(crowd):
        await page.set_viewport_size({"width": WIDTHS[0], "height": 800})
        response = await page.goto(served.settings.public_base + path)
        assert response is not None
        if response.ok and await page.locator("html[lang]").count() == 0:
            continue  # a part of a page
        looked += 1
        if not response.ok or await page.locator("main").count() != 1:
            found.append(f"{path}: {response.status}, or no page")
        found += [f"{path}: {one}" for one in await look(page)]
    await page.context.clear_cookies()
    await page.goto(served.settings.public_base + "/sign-in")
    found += await look(page)
    assert not found, "\n".join(found)
    assert looked > 40
    assert elsewhere == []


@pytest.mark.timeout(400)
async def test_main_tasks_with_very_much_on_three_screens(served: Installation, page: Page, clip: Path) -> None:
    crowd = await crowded(page, served, clip)
    for width in (1280, 820, PHONE):
        await page.set_viewport_size({"width": width, "height": 800})
        await turn_pages(page, crowd)
        await search_and_filter(page, crowd)
        await copy_all(page, crowd)
        await read_the_calendar(page, crowd, width)
        await compose(page, crowd, width)


async def turn_pages(page: Page, crowd: Crowd) -> None:
    """Turn to older rows of each long list."""
    for path, rows in (("/posts", "tr[data-row]"), ("/clips", "li[data-row]"), ("/developers/requests", "tbody tr")):
        await page.goto(crowd.base + path)
        number = await page.locator(rows).count()
        first = await page.locator(f"{rows} a").first.get_attribute("href")
        await page.locator("a[rel=next]").first.click()
        await expect(page.locator(f"{rows} a[href='{first}']")).to_have_count(0)
        await expect(page.locator(rows)).to_have_count(number)


async def search_and_filter(page: Page, crowd: Crowd) -> None:
    """Find all captions with a word, then the posts of one client only."""
    await page.goto(crowd.base + "/posts")
    rows = page.locator("#live tr[data-row]")
    await page.get_by_role("searchbox", name="Search").fill(RARE_WORD)
    await page.keyboard.press("Enter")
    await expect(rows).to_have_count(crowd.seeded.rare)
    await expect(rows.filter(has_text=RARE_WORD)).to_have_count(crowd.seeded.rare)
    for path in ("/posts", "/calendar", "/clips", "/accounts", ""):
        await page.goto(f"{crowd.base}{path}?client={crowd.seeded.clients[4]}")
        await expect(page.locator(".only-client")).to_contain_text("Orchid House 4")


async def copy_all(page: Page, crowd: Crowd) -> None:
    """Act on all posts that match, of which the page shows some."""
    account = crowd.seeded.accounts[4].id
    await page.goto(f"{crowd.base}/posts?account={account}")
    await page.get_by_role("checkbox", name="Choose all").check()
    await page.get_by_label("that match").check()
    bar = page.get_by_role("toolbar")
    number = int(re.sub(r"\D", "", await bar.locator("[data-chosen]").inner_text()))
    assert number == crowd.seeded.by_account[account]
    await bar.get_by_role("button", name="Use again").click()
    await expect(page.locator("#notices")).to_contain_text(f"{number} posts copied.")


async def read_the_calendar(page: Page, crowd: Crowd, width: int) -> None:
    """Look at a month, at a full day of it, and at weeks. A phone has neither: it gets the list."""
    await page.goto(crowd.base + "/calendar?view=month")
    await expect(page.locator("[data-day] [id^=post-]:visible").first).to_be_visible()
    more = page.locator("[data-day] li.more a:visible").first
    if width == PHONE:
        # It gets the list at once. The rest of a day is among the posts.
        await expect(page.locator("[data-view=list] [id^=post-]").first).to_be_visible()
        day = await more.locator("xpath=ancestor::*[@data-day]").get_attribute("data-day")
        await more.click()
        await expect(page).to_have_url(f"{crowd.base}/posts?from={day}&to={day}")
        await expect(page.locator("tr[data-row]").first).to_be_visible()
        return
    await more.click()
    await expect(page.locator("[data-view=list] [id^=post-]").first).to_be_visible()
    await page.get_by_role("link", name="Week", exact=True).click()
    await expect(page.locator("[data-view=week] [id^=post-]").first).to_be_visible()
    day = await page.locator("[data-day]").first.get_attribute("data-day")
    await page.get_by_role("link", name="Later").click()
    await expect(page.locator(f"[data-day='{day}']")).to_have_count(0)


async def compose(page: Page, crowd: Crowd, width: int) -> None:
    """Find an account among 300, and choose all accounts of its client."""
    await page.goto(crowd.base + "/compose")
    if width == PHONE:
        await page.get_by_role("button", name="Next: accounts").click()
    await page.get_by_role("searchbox", name="Find an account").fill("studio.0004")
    await page.locator("#found").get_by_label("studio.0004").check()
    await expect(page.locator("#account-count")).to_contain_text("1 of 300")
    await page.get_by_role("searchbox", name="Find an account").fill("")
    await page.get_by_label("All of Orchid House 4").check()
    await expect(page.locator("#account-count")).to_contain_text("of 300")
