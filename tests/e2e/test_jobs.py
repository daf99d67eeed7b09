"""The page of the jobs: it fits every screen, and its buttons work without JavaScript."""

from pathlib import Path

import httpx2
import pytest
from playwright.async_api import Browser, Page, expect

from clipcast.common.ids import parse_id
from clipcast.installation import Installation
from clipcast.jobs.kinds import NETWORK, QUARANTINE
from clipcast.jobs.pauses import PLATFORM, WORKSPACE, pause
from clipcast.jobs.workers import WorkerFacts, reclaim_expired, register
from clipcast.testing.harness import Caller, Sandbox, Stage
from clipcast.workspaces.service import SCOPES, create_key
from tests.e2e.people import connect, set_up, shoot, sign_in
from tests.e2e.test_phone import SQUEEZED, TOO_WIDE

pytestmark = pytest.mark.browser


async def furnish(page: Page, installation: Installation, sandbox: Sandbox, clip: Path) -> str:
    """Make a dead job, pauses and a worker, and return the address of the workspace's pages."""
    base = await set_up(page, installation, "The Harbour Collective of Photographers and Filmmakers")
    await connect(page, base, "TikTok")
    workspace = base.rsplit("/", 1)[1]
    async with installation.database.begin() as session:
        _, key = await create_key(session, "test", [parse_id(workspace)], SCOPES)  # type: ignore[list-item]
    async with httpx2.AsyncClient(base_url=installation.settings.public_base, trust_env=False) as http:
        stage = Stage(installation, Caller(http, key, workspace), sandbox, clip)
        [connection] = (await stage.caller.get("/connections")).json()["connections"]
        await stage.post(connection["id"], "tiktok", {"title": "Tide", "privacyLevel": "SELF_ONLY"})
        for queue in (NETWORK, NETWORK, QUARANTINE):
            [claimed] = await stage.claim(queue=queue)
            evidence = {"signal": "SIGKILL", "exit_code": None, "peak_memory_bytes": 734_003_200}
            await reclaim_expired(installation.database, claimed.lease.worker.id, evidence)
        await stage.close()
    async with installation.database.begin() as session:
        await pause(session, PLATFORM, "tiktok", "clipcast jobs pause on harbour-7")
        await pause(session, WORKSPACE, workspace, "clipcast jobs pause on harbour-7")
    await register(installation.database, WorkerFacts("harbour-7:4711", "rows", "0.1.0", {NETWORK: 32}, {}))
    return base


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_jobs_page_fits_the_screen_and_works_without_scripts(
    browser: Browser, served: Installation, sandbox: Sandbox, page: Page, clip: Path, scheme: str
) -> None:
    base = await furnish(page, served, sandbox, clip)
    for width in (390, 1280):
        screen = await browser.new_page(viewport={"width": width, "height": 850}, color_scheme=scheme)
        await sign_in(screen, served)
        pages = screen.locator("nav[aria-label=Pages]")
        if width == 390:  # the bar of a phone has no room for it
            await pages.get_by_role("button", name="More").click()
            menu = screen.locator("#more-pages")
        else:
            menu = pages
        await menu.get_by_role("link", name="Jobs", exact=True).click()
        await expect(screen.get_by_role("heading", name="Dead jobs")).to_be_visible()
        await shoot(screen, f"jobs-{width}-{scheme}")
        assert await screen.evaluate(TOO_WIDE) == []
        assert await screen.evaluate(SQUEEZED) == []
        await expect(pages.locator("a:visible")).to_have_count(3 if width == 390 else 10)
        await screen.close()
    plain = await browser.new_page(java_script_enabled=False, viewport={"width": 390, "height": 850})
    await sign_in(plain, served)
    await plain.goto(base + "/jobs")
    await plain.get_by_role("button", name="Resume TikTok").click()
    await expect(plain.get_by_text("TikTok, in all workspaces")).to_have_count(0)
    await plain.get_by_role("button", name="Retry").click()
    await expect(plain.get_by_text("No job is dead.")).to_be_visible()
    await plain.close()
