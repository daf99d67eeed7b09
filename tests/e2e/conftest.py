"""A real browser before the real application.

With SCREENSHOTS=1, tests save what they see in artifacts/, which git ignores. A failed one always does.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Generator
from pathlib import Path
from socket import create_server

import pytest
import uvicorn
from playwright.async_api import Browser, Page, async_playwright, expect
from pydantic import AnyHttpUrl

from clipcast.common.settings import Settings
from clipcast.installation import Installation
from clipcast.server.app import create_app

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ARTIFACTS = Path(__file__).parents[2] / "artifacts"
# A screenshot of a whole page takes as long as the page.
SHOOTS = bool(os.environ.get("SCREENSHOTS"))
FAILED = pytest.StashKey[bool]()
FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
# A busy machine is slow. What does not come fails in the end.
expect.set_options(timeout=20_000)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note for the `page` whether its test failed."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (Debian: apt install chromium)")
    async with async_playwright() as playwright:
        arguments = FLAGS + (["--no-sandbox"] if os.geteuid() == 0 else [])
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    # A service worker would hide requests from `page.route`. tests/e2e/test_notices.py is about it.
    page = await browser.new_page(
        viewport={"width": 1200, "height": 850}, timezone_id="America/Sao_Paulo", service_workers="block"
    )
    page.set_default_timeout(15_000)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on(
        "console",
        lambda said: (
            troubles.append(f"{said.location}: {said.text}") if "Content Security Policy" in said.text else None
        ),
    )
    yield page
    if SHOOTS or request.node.stash[FAILED]:
        ARTIFACTS.mkdir(exist_ok=True)
        await page.screenshot(path=ARTIFACTS / f"{request.node.name}.png", full_page=True)
    await page.close()
    # Whatever a test was about: no script of ours may fail, and no page may want what its policy forbids.
    assert troubles == []


@pytest.fixture
async def served(installation: Installation, cheap_passwords: None) -> AsyncIterator[Installation]:
    """Serve the installation on a real port, the one of its `settings.public_base`."""
    listening = create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    settings: Settings = installation.settings.model_copy(update={"public_url": AnyHttpUrl(f"http://127.0.0.1:{port}")})
    object.__setattr__(installation, "settings", settings)
    application = create_app(installation)
    # A failed test leaves pages open, whose event streams would never end.
    config = uvicorn.Config(application, log_level="warning", lifespan="off", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([listening]))
    while not server.started:
        await asyncio.sleep(0.005)
    yield installation
    server.should_exit, application.state.stopping = True, True
    await serving
