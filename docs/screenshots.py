"""Takes the pictures in docs/images: `make screenshots`. Runs a demo of its own, and looks at its filled workspace."""

import asyncio
import base64
import json
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright
from rich.console import Console

IMAGES = Path(__file__).parent / "images"
DESK, PHONE = (1280, 800), (390, 844)
# Seconds until the demo has filled its workspace.
START = 300
WEBP = {"format": "webp", "quality": 80}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def main() -> None:
    console = Console()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("There is no Chromium on this machine (Debian: apt install chromium).")
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        ports = ["--port", str(_free_port()), "--sandbox-port", str(_free_port())]
        command = [sys.executable, "-m", "clipcast", "demo", *ports, "--ready-file", str(ready)]
        demo = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
        try:
            with console.status("Waiting until the demo has filled its workspace"):
                filled = await _filled(ready)
            IMAGES.mkdir(exist_ok=True)
            async with async_playwright() as playwright:
                flags = ["--no-sandbox"] if os.geteuid() == 0 else []
                browser = await playwright.chromium.launch(executable_path=chromium, args=flags)
                for size in (DESK, PHONE):
                    await _shoot(browser, filled, size, console)
                await browser.close()
        finally:
            demo.terminate()
            await demo.wait()


async def _filled(ready: Path) -> dict[str, Any]:
    """Wait until the demo says that it has filled its workspace, and return what it says."""
    for _ in range(START * 2):
        if (found := _read(ready)).get("filled"):
            return found
        await asyncio.sleep(0.5)
    sys.exit("The demo has not filled its workspace.")


def _read(ready: Path) -> dict[str, Any]:
    return dict(json.loads(ready.read_text())) if ready.exists() else {}


async def _shoot(browser: Browser, demo: dict[str, Any], size: tuple[int, int], console: Console) -> None:
    """Take the pictures of all pages on a screen of this size, in both themes."""
    width, height = size
    phone = size == PHONE
    context = await browser.new_context(
        viewport={"width": width, "height": height}, has_touch=phone, is_mobile=phone, timezone_id="Europe/Lisbon",
        locale="en-GB", reduced_motion="reduce",
    )  # fmt: skip
    page = await context.new_page()
    await page.goto(demo["base_url"] + "/sign-in")
    await page.get_by_label("E-mail").fill(demo["email"])
    await page.get_by_label("Password").fill(demo["password"])
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/w/**")
    base = page.url
    addresses = {
        "overview": base,
        "calendar": base + "/calendar",
        "compose": await _first(page, base + "/drafts", "/compose/0", "Light, twice"),
        "post": await _first(page, base + "/posts?q=commission", "/posts/0"),
        "review": await _first(page, base + "/review", "/review/0", "palms"),
        "clips": base + "/clips",
    }
    for name, address in addresses.items():
        await page.goto(address)
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            await _save(page, f"{name}{'-phone' if phone else ''}-{scheme}", console)
    await context.close()


async def _first(page: Page, address: str, beginning: str, words: str = "") -> str:
    """Return the first address of a list that contains this beginning of an id, of a link with these words."""
    await page.goto(address)
    links = page.locator(f"main a[href*='{beginning}']").filter(has_text=words)
    return str(await links.first.evaluate("link => link.href"))


async def _save(page: Page, name: str, console: Console) -> None:
    await page.wait_for_load_state("networkidle")
    await page.evaluate("document.activeElement?.blur()")
    await page.wait_for_timeout(400)
    session = await page.context.new_cdp_session(page)
    taken = await session.send("Page.captureScreenshot", WEBP)
    await session.detach()
    path = IMAGES / f"{name}.webp"
    path.write_bytes(base64.b64decode(taken["data"]))
    console.print(f"docs/images/{path.name}  {path.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    asyncio.run(main())
