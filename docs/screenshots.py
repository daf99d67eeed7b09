"""Takes the pictures in docs/images: `make screenshots`. Runs a demo of its own, and looks at its pages."""

import asyncio
import json
import os
import shutil
import socket
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from playwright.async_api import Page, async_playwright
from rich.console import Console

IMAGES = Path(__file__).parent / "images"
SIZE = {"width": 1280, "height": 800}
START = 90
TEXT = "First light in the harbour, before the boats go out. #harbour #morning"


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
            with console.status("Waiting for the demo"):
                for _ in range(START * 10):
                    if ready.exists():
                        break
                    await asyncio.sleep(0.1)
            await _shoot(json.loads(ready.read_text()), chromium, console)
        finally:
            demo.terminate()
            await demo.wait()


async def _shoot(demo: dict[str, Any], chromium: str, console: Console) -> None:
    IMAGES.mkdir(exist_ok=True)
    await _schedule(demo)
    async with async_playwright() as playwright:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=chromium, args=flags)
        page = await browser.new_page(viewport=SIZE, timezone_id="Europe/Lisbon", locale="en-GB")
        await page.goto(demo["base_url"] + "/sign-in")
        await page.get_by_label("E-mail").fill(demo["email"])
        await page.get_by_label("Password").fill(demo["password"])
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url("**/w/**")
        base = page.url
        for name, path in (("overview", ""), ("connections", "/connections"), ("clips", "/clips")):
            await page.goto(base + path)
            await _save(page, name, console)
        await page.goto(base + "/calendar")
        await page.locator(".entry").last.wait_for()
        await _save(page, "calendar", console)
        await page.goto(base + "/posts")
        await page.locator("tr", has_text="published").get_by_role("link").first.click()
        await page.wait_for_url("**/posts/*-*")
        await _save(page, "post", console)
        await _compose(page, base)
        await _save(page, "compose", console)
        await browser.close()


async def _schedule(demo: dict[str, Any]) -> None:
    """Something for the coming days, so that the calendar has it."""
    targets = [
        {"connectionId": demo["connections"]["bluesky"], "metadata": {"bluesky": {"text": TEXT}}},
        {"connectionId": demo["connections"]["youtube"], "metadata": {"youtube": {"title": "First light"}}},
    ]
    async with httpx2.AsyncClient(headers={"X-Api-Key": demo["api_key"]}, trust_env=False) as api:
        for days in (1, 2, 4):
            at = (datetime.now().astimezone() + timedelta(days=days)).replace(
                hour=18, minute=30, second=0, microsecond=0
            )
            body = {"videos": [{"editId": demo["edit_id"], "targets": targets}], "scheduled_at": at.isoformat()}
            answer = await api.post(demo["base_url"] + "/api/v1/posts", json=body)
            answer.raise_for_status()


async def _compose(page: Page, base: str) -> None:
    await page.goto(base + "/compose")
    for platform in ("TikTok", "YouTube", "Bluesky"):
        await page.get_by_label(f"{platform} @harbour.films").check()
    await page.get_by_role("button", name="Add", exact=True).click()
    await page.locator("#library").get_by_label("harbour").check()
    await page.keyboard.press("Escape")
    await page.locator("#title").fill("First light in the harbour")
    await page.locator("#text").fill(TEXT)
    await page.get_by_role("tab", name="TikTok").click()
    await page.locator("#form-tiktok").get_by_label("Who can watch").first.select_option("PUBLIC_TO_EVERYONE")
    await page.locator("#preview-tiktok", has_text="First light").wait_for()
    await page.get_by_text("Ready:").wait_for()
    await page.evaluate("document.activeElement.blur()")


async def _save(page: Page, name: str, console: Console) -> None:
    await page.wait_for_timeout(400)
    await page.screenshot(path=IMAGES / f"{name}.png")
    console.print(f"docs/images/{name}.png")


if __name__ == "__main__":
    asyncio.run(main())
