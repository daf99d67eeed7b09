"""The response times of the app's pages with the demo's data, compared with /healthz of the same server."""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.figures import Figure, percentile
from clipcast.testing.harness import free_port

PAGES = {
    "overview": "", "connections": "/connections", "clips": "/clips", "compose": "/compose", "drafts": "/drafts",
    "posts": "/posts", "calendar": "/calendar", "settings": "/settings", "reference": "/reference",
}  # fmt: skip
TIMES = 40
START = 90


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        ports = ["--port", str(free_port()), "--sandbox-port", str(free_port())]
        command = [sys.executable, "-m", "clipcast", "demo", "--plain", *ports, "--ready-file", str(ready)]
        demo = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
        try:
            for _ in range(START * 10):
                if ready.exists():
                    break
                await asyncio.sleep(0.1)
            return await _of_demo(json.loads(ready.read_text()))
        finally:
            demo.terminate()
            await demo.wait()


async def _of_demo(demo: dict[str, Any]) -> list[Figure]:
    async with httpx2.AsyncClient(base_url=demo["base_url"], trust_env=False) as browser:
        form = {"email": demo["email"], "password": demo["password"]}
        signed_in = await browser.post("/sign-in", data=form)
        base = (await browser.get(signed_in.headers["location"])).headers["location"]
        pages = {name: base + path for name, path in PAGES.items()}
        compose = await browser.get(pages["compose"])
        pages["compose"] = compose.headers["location"]
        posts = await browser.get(pages["posts"])
        pages["a post"] = next(
            part.split('"')[0] for part in posts.text.split('href="') if "/posts/" in part.split('"')[0]
        )
        bare = await _milliseconds(browser, "/healthz")
        figures = []
        for name, path in pages.items():
            found = await _milliseconds(browser, path)
            label = f"page: {name}, p50 (target: 100)"
            figures.append(Figure(label, percentile(found, 0.5), "ms", "/healthz", percentile(bare, 0.5)))
            figures.append(Figure("  p95", percentile(found, 0.95), "ms", "/healthz", percentile(bare, 0.95)))
        return figures


async def _milliseconds(browser: httpx2.AsyncClient, path: str) -> list[float]:
    taken = []
    for number in range(TIMES + 3):
        start = time.perf_counter()
        response = await browser.get(path)
        if number >= 3:  # the first requests fill caches
            taken.append(1000 * (time.perf_counter() - start))
        assert response.status_code == 200, (path, response.status_code)
    return taken
