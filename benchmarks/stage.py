"""An installation for a benchmark: real processes on this machine."""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx2
import psutil

from clipcast.cli.browser import consent
from clipcast.clips.sample import make_clip
from clipcast.common.settings import load
from clipcast.connections.links import make_link
from clipcast.installation import Installation, open_installation
from clipcast.platforms.registry import PLATFORMS
from clipcast.testing.harness import free_port
from clipcast.workspaces.service import create_key, create_workspace

START = 60
# Quotas that no benchmark uses up. Clipcast still counts them.
QUOTAS = " ".join(
    f"{platform.name}.{quota.name}=900000000"
    for platform in PLATFORMS.values()
    for quota in platform.quotas
    if quota.limit is not None
)


@dataclass
class Stage:
    """An installation with a workspace and a key, whose processes a benchmark starts."""

    installation: Installation
    environ: dict[str, str]
    api_url: str
    sandbox_url: str
    key: str
    workspace_id: str
    api: psutil.Process | None = None

    @asynccontextmanager
    async def process(self, *arguments: str) -> AsyncIterator[psutil.Process]:
        """Run one `clipcast` process and stop it at the end."""
        started = await asyncio.create_subprocess_exec(sys.executable, "-m", "clipcast", *arguments, env=self.environ)
        try:
            yield psutil.Process(started.pid)
        finally:
            with suppress(ProcessLookupError):  # the benchmark itself kills some
                started.terminate()
            await started.wait()

    def database_cpu(self) -> float:
        """Return the CPU seconds of the database's processes until now, ended ones included."""
        folder = self.environ["CLIPCAST_DATA_DIR"]
        return sum(cpu(process, ended=True) for process in psutil.process_iter() if _works_in(process, folder))

    def client(self) -> httpx2.AsyncClient:
        headers = {"X-Api-Key": self.key}
        return httpx2.AsyncClient(base_url=self.api_url + "/api/v1", headers=headers, trust_env=False, timeout=120)

    async def connect(self, platform: str, username: str) -> str:
        """Connect a new account of the sandbox and return the connection's id."""
        async with httpx2.AsyncClient(trust_env=False, follow_redirects=True) as browser:
            await browser.post(f"{self.sandbox_url}/__sandbox/accounts/{platform}", json={"username": username})
            page = await consent(
                browser, make_link(self.installation, UUID(self.workspace_id), platform), f"@{username})"
            )
            assert page.status_code == 200, page.text
        async with self.client() as api:
            found = (await api.get("/connections", params={"limit": 100})).json()["connections"]
        return next(one["id"] for one in found if one["username"] == username)

    async def upload(self, path: Path) -> str:
        """Upload a file in pieces, create its render, and return its `editId`."""
        size = path.stat().st_size

        async def pieces() -> AsyncIterator[bytes]:
            with path.open("rb") as file:
                while piece := await asyncio.to_thread(file.read, 1024 * 1024):
                    yield piece

        async with self.client() as api:
            started = (await api.post("/videos/upload", json={"file_name": "a.mp4", "file_size": size})).json()
            headers = {"Content-Length": str(size)}
            stored = await api.put(started["upload_url"], content=pieces(), headers=headers)
            assert stored.status_code == 200, stored.text
            body = {"video_id": started["video_id"]}
            done = await api.post("/videos/upload/complete", json=body | {"file_name": "a.mp4"})
            assert done.status_code == 200, done.text
            return (await api.post("/renders", json=body)).json()["edit_setting_id"]

    async def sandbox_settings(self, **platforms: dict[str, object]) -> None:
        async with httpx2.AsyncClient(trust_env=False) as client:
            response = await client.patch(f"{self.sandbox_url}/__sandbox/settings", json=platforms)
            assert response.status_code == 200, response.text


@asynccontextmanager
async def open_stage() -> AsyncIterator[Stage]:
    """Run the database, a sandbox without delays and limits, and the API. The benchmark starts the workers."""
    with tempfile.TemporaryDirectory(prefix="clipcast-bench-") as folder:
        api_port, sandbox_port = free_port(), free_port()
        settings = load(
            {},
            data_dir=Path(folder),
            public_url=f"http://127.0.0.1:{api_port}",
            sandbox_url=f"http://127.0.0.1:{sandbox_port}",
            rate_limit_per_minute=10_000_000,
            worker_concurrency=64,
            quotas=QUOTAS,
        )
        environ = {key: value for key, value in os.environ.items() if not key.startswith("CLIPCAST_")} | {
            "CLIPCAST_DATA_DIR": folder,
            "CLIPCAST_PUBLIC_URL": settings.public_base,
            "CLIPCAST_SANDBOX_URL": str(settings.sandbox_base),
            "CLIPCAST_RATE_LIMIT_PER_MINUTE": "10000000",
            "CLIPCAST_WORKER_CONCURRENCY": "64",
            "CLIPCAST_LOG_LEVEL": "error",
            "CLIPCAST_QUOTAS": QUOTAS,
            "CLIPCAST_SUPERVISED": "",
        }
        async with open_installation(settings) as installation:
            async with installation.database.begin() as session:
                workspace = await create_workspace(session, "Benchmark")
                _, key = await create_key(session, "benchmark", [workspace.id])
            stage = Stage(
                installation, environ, settings.public_base, str(settings.sandbox_base), key, str(workspace.id)
            )
            async with (
                stage.process("sandbox", "--port", str(sandbox_port)),
                stage.process("api", "--port", str(api_port), "--no-first-run") as stage.api,
            ):
                await until_ready(f"{stage.sandbox_url}/__sandbox/settings")
                await until_ready(f"{stage.api_url}/healthz")
                await stage.sandbox_settings(
                    tiktok={
                        "processing_seconds": 0, "moderation_seconds": 0, "rate_limits": False,
                        "daily_post_cap": 10_000_000, "check_media": False,
                    },
                    youtube={"processing_seconds": 0, "quotas": False, "check_media": False},
                    **{
                        platform: {"processing_seconds": 0, "check_media": False}
                        for platform in ("instagram", "threads", "pinterest", "linkedin", "facebook", "bluesky")
                    },
                )  # fmt: skip
                yield stage


def cpu(process: psutil.Process, ended: bool = False) -> float:
    """Return the CPU seconds of a process until now, with those of its `ended` children.

    It grows in steps of 10 ms.
    """
    times = process.cpu_times()
    children: float = times.children_user + times.children_system
    return float(times.user + times.system) + (children if ended else 0.0)


def _works_in(process: psutil.Process, folder: str) -> bool:
    try:
        return process.name() == "postgres" and process.cwd().startswith(folder)
    except psutil.Error:
        return False


async def until_ready(url: str) -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        for _ in range(START * 20):
            try:
                if (await client.get(url)).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            await asyncio.sleep(0.05)
    raise RuntimeError(f"{url} did not come up")


def small_clip(folder: Path) -> Path:
    """Make a small clip, so that its bytes take little of the measured time."""
    return make_clip(folder / "small.mp4", seconds=4.5, width=540, height=960, quality=51)


def large_clip(folder: Path, size: int) -> Path:
    """Make a clip and pad it to `size` bytes, which players skip."""
    content = small_clip(folder).read_bytes()
    path = folder / f"large-{size}.mp4"
    padding = size - len(content)
    with path.open("wb") as file:
        file.write(content + (1).to_bytes(4, "big") + b"free" + padding.to_bytes(8, "big"))
        left = padding - 16
        block = os.urandom(1024 * 1024)
        while left:
            file.write(block[:left])
            left -= min(left, len(block))
    return path
