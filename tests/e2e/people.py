"""Frequent actions of people in the app."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import httpx2
from playwright.async_api import Page, Route, expect

from clipcast.cli.browser import consent
from clipcast.connections.links import make_link
from clipcast.installation import Installation
from clipcast.renders.renderer import Renderer
from clipcast.server.worker import make_worker
from tests.e2e.conftest import ARTIFACTS, SHOOTS

OWNER = ("Harbour Owner", "owner@example.org", "copper-lantern-47-orchid")


async def set_up(page: Page, installation: Installation, workspace: str = "Night Bakery") -> str:
    """Complete the first run, and return the address of the workspace's pages."""
    await page.goto(f"{installation.settings.public_base}/setup?code={installation.vault.setup_code()}")
    await page.get_by_label("Your name").fill(OWNER[0])
    await page.get_by_label("E-mail").fill(OWNER[1])
    await page.get_by_label("Password").fill(OWNER[2])
    await page.get_by_label("Workspace").fill(workspace)
    await page.get_by_role("button", name="Create workspace").click()
    await expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    return page.url


async def sign_in(page: Page, installation: Installation, email: str = OWNER[1], password: str = OWNER[2]) -> None:
    await page.goto(installation.settings.public_base + "/sign-in")
    await page.get_by_label("E-mail").fill(email)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/w/**")


async def connect(page: Page, base: str, platform: str, account: str = "Harbour Films") -> None:
    """Connect an account by OAuth, from the dialog of the accounts page and back to it."""
    await page.goto(base + "/accounts/connect")
    # The first link of a platform is that of its default sign-in method.
    await page.get_by_role("link", name=re.compile(rf"^Connect {platform}\b")).first.click()
    await page.get_by_label(account).check()
    await page.get_by_role("button", name="Allow").click()
    await expect(page.get_by_text(f"Connected {platform}")).to_be_visible()


async def upload(page: Page, base: str, clip: Path) -> None:
    """Upload a file on the clips page."""
    await page.goto(base + "/clips")
    await page.locator("#files").set_input_files(clip)
    await expect(page.get_by_role("link", name="Uploaded: open clip")).to_be_visible()


def held_until(event: asyncio.Event) -> Callable[[Route], Awaitable[None]]:
    """Return a handler for `Page.route` that holds requests until the event is set."""

    async def hold(route: Route) -> None:
        await event.wait()
        await route.continue_()

    return hold


async def shoot(page: Page, name: str) -> None:
    """Save a screenshot, if they are wanted (conftest.py)."""
    if not SHOOTS:
        return
    ARTIFACTS.mkdir(exist_ok=True)
    # Hiding the caret would set style attributes, which the pages' Content-Security-Policy forbids.
    await page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True, caret="initial")


@asynccontextmanager
async def working(installation: Installation) -> AsyncIterator[None]:
    """Run a worker, which publishes due items and delivers events."""
    stop = asyncio.Event()
    worker = asyncio.create_task(make_worker(installation).run(stop))
    yield
    stop.set()
    await worker


@asynccontextmanager
async def rendering(installation: Installation) -> AsyncIterator[None]:
    """Run a renderer, which makes clips of edits."""
    stop = asyncio.Event()
    renderer = asyncio.create_task(
        Renderer(installation.settings, installation.database, installation.storage).run(stop)
    )
    yield
    stop.set()
    await renderer


async def link_accounts(installation: Installation, base: str, *platforms: str) -> None:
    """Connect an account on each of these platforms without a screen."""
    for platform in platforms:
        link = make_link(installation, UUID(base.rsplit("/", 1)[1]), platform)
        async with httpx2.AsyncClient(follow_redirects=True, trust_env=False) as browser:
            assert (await consent(browser, link, "harbour.films")).status_code == 200, platform


async def cut_response(page: Page) -> None:
    """Have the next response to a POST break off after its headers."""
    await page.evaluate("""() => {
        const plain = window.fetch;
        window.fetch = async (...given) => {
            const response = await plain(...given);
            if (given[1]?.method !== "POST") return response;
            window.fetch = plain;
            const body = new ReadableStream({ start: (one) => one.error(new TypeError("cut")) });
            return new Response(body, { status: response.status, headers: response.headers });
        };
    }""")


async def until(page: Page, script: str, wanted: object = True) -> None:
    """Wait until the result of a script, which may be a promise, is the wanted one.

    Playwright's own wait counts a promise as true. It needs a function, too: the pages' policy forbids text.
    """
    async with asyncio.timeout(30):
        while await page.evaluate(script) != wanted:
            await asyncio.sleep(0.05)


async def add_clips(page: Page, *names: str) -> None:
    """Add clips from the library on the compose page."""
    await page.get_by_role("button", name="Add", exact=True).click()
    for name in names:
        await page.locator("#library").get_by_label(name, exact=True).check()
    await page.keyboard.press("Escape")
    await expect(page.locator("#strip li")).to_have_count(len(names))


async def open_tab(page: Page, name: str) -> None:
    """Open a tab of the compose page."""
    await page.get_by_role("tab", name=name).click()


async def who_can_watch(page: Page, value: str = "SELF_ONLY") -> None:
    """Choose who can watch the post on TikTok."""
    await open_tab(page, "TikTok")
    await page.locator("#form-tiktok").get_by_label("Who can watch").first.select_option(value)
    await open_tab(page, "All")


async def plan_for(page: Page, at: str) -> None:
    """Open the sheet of the time, and choose a local day and time."""
    await page.locator("#primary").click()
    await page.get_by_label("One time for all").check()
    await page.get_by_label("Day and time").fill(at)


async def send(page: Page) -> None:
    """Send the post of the compose page as planned."""
    if not await page.locator("#when").evaluate("sheet => sheet.open"):
        await page.locator("#primary").click()
    await page.locator("#send").click()
