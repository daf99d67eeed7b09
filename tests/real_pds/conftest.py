"""A real Bluesky server, with the sandbox's video service in front of it. Skipped where `make real-pds` was not run."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import Response
from yarl import URL

from clipcast.clock import clock
from clipcast.platforms.http import PlatformHttp
from clipcast.sandbox.bluesky.identity import PLC
from clipcast.sandbox.bluesky.posting import Bluesky
from clipcast.sandbox.bluesky.video import Job
from clipcast.sandbox.state import Account, Upload
from clipcast.testing.harness import Stage, free_port

FOLDER = Path(__file__).parent
NODE = FOLDER / "node_modules" / ".node"
START = 60


@dataclass
class RealPds:
    """The server, and one account on it."""

    url: str
    plc: str
    did: str
    handle: str
    app_password: str
    owner: dict[str, str]

    def xrpc(self, method: str, nsid: str, **options: Any) -> httpx2.Response:
        """A call as the account's owner."""
        headers = self.owner | options.pop("headers", {})
        return httpx2.request(method, f"{self.url}/xrpc/{nsid}", headers=headers, trust_env=False, **options)

    def posts(self) -> list[dict[str, Any]]:
        params = {"repo": self.did, "collection": "app.bsky.feed.post"}
        found: list[dict[str, Any]] = self.xrpc("GET", "com.atproto.repo.listRecords", params=params).json()["records"]
        return found

    def bytes_of(self, cid: str) -> bytes:
        return self.xrpc("GET", "com.atproto.sync.getBlob", params={"did": self.did, "cid": cid}).content

    def new_app_password(self, name: str) -> str:
        made = self.xrpc("POST", "com.atproto.server.createAppPassword", json={"name": name})
        return str(made.json()["password"])


@pytest.fixture(scope="session")
def real_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Its address, and the directory's."""
    if not NODE.exists():
        pytest.skip("No real PDS is installed; `make real-pds` does that where npm and a C++ compiler are.")
    ports = free_port(), free_port()
    folder = tmp_path_factory.mktemp("pds")
    command = [str(NODE), "start.mjs", str(folder), *map(str, ports)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=FOLDER, stdout=log, stderr=log)
    url = f"http://localhost:{ports[0]}"
    try:
        _wait_for(url, process, folder / "log")
        yield url, f"http://localhost:{ports[1]}"
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx2.get(f"{url}/xrpc/_health", trust_env=False).is_success:
                return
        except httpx2.TransportError:
            time.sleep(0.2)
    raise AssertionError(f"the PDS did not start:\n{log.read_text()}")


@pytest.fixture
def pds(real_server: tuple[str, str]) -> RealPds:
    """A new account with an app password."""
    url, plc = real_server
    handle = f"tide{time.monotonic_ns()}.test"
    body = {"handle": handle, "email": f"{handle}@example.org", "password": "the-account's-own"}
    made = httpx2.post(f"{url}/xrpc/com.atproto.server.createAccount", json=body, trust_env=False).json()
    account = RealPds(url, plc, made["did"], handle, "", {"Authorization": f"Bearer {made['accessJwt']}"})
    account.app_password = account.new_app_password("clipcast")
    return account


@pytest.fixture
def real_stage(stage: Stage, pds: RealPds, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A stage whose Bluesky is the real server; only the video service, which is not to be had, is simulated."""
    simulator = stage.sandbox.simulators["bluesky"]
    account = Account("bluesky", pds.did, pds.handle, pds.handle, dict(simulator.default_flags))
    simulator.state.accounts["bluesky", pds.did] = account
    video = _VideoServiceOf(pds, simulator)
    monkeypatch.setattr(simulator, "service_claims", video.claims)
    monkeypatch.setattr(simulator, "_process", video.process)

    def address(self: PlatformHttp, url: URL) -> URL:
        path = url.raw_path_qs
        if url.host == PLC:
            return URL(pds.plc + path)
        if url.host == "public.api.bsky.app":
            return URL(pds.url + path)
        ours = str(url).startswith(pds.url)
        return url if ours else URL(f"{stage.sandbox.url}/{url.host}{path}")

    monkeypatch.setattr(PlatformHttp, "address", address)
    return stage


class _VideoServiceOf:
    """Takes tokens as they come, for the PDS verifies them when it is handed the blob."""

    def __init__(self, pds: RealPds, simulator: Bluesky) -> None:
        self._pds = pds
        self._simulator = simulator

    def claims(self, request: Request, audience: str, method: str) -> dict[str, Any] | Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return {"iss": self._pds.did, "exp": time.time() + 3600, "token": token}

    async def process(self, claims: dict[str, Any], upload: Upload, mime: str) -> Job:
        job = Job(f"real{len(self._simulator.jobs)}", claims["iss"], upload, mime, clock.now(), claims["exp"])
        self._simulator.jobs[job.job_id] = job
        headers = {"Authorization": f"Bearer {claims['token']}", "Content-Type": mime}
        async with httpx2.AsyncClient(trust_env=False) as client:
            url = f"{self._pds.url}/xrpc/com.atproto.repo.uploadBlob"
            stored = await client.post(url, content=upload.path.read_bytes(), headers=headers)
        if stored.status_code == 413:
            job.failure = ("pds_upload_unsupported_blob_size", stored.text)
        elif not stored.is_success:
            job.failure = ("pds_upload_failure", stored.text)
        else:
            job.blob = stored.json()["blob"]
        return job
