"""Simulated browsers of people: forms sent over HTTP, with the headers that browsers send."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from clipcast.api.rate_limits import KeyLimiter
from clipcast.cli.browser import consent
from clipcast.common.ids import new_id
from clipcast.connections.links import make_link
from clipcast.installation import Installation

JSON = {"Content-Type": "application/json"}
PASSWORD = "copper-lantern-47-orchid"


@dataclass
class Visitor:
    """A browser with its own cookies."""

    client: httpx2.AsyncClient
    code: str  # of the first run
    base: str = ""
    headers: dict[str, str] = field(default_factory=lambda: {"Sec-Fetch-Site": "same-origin"})

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self.client.get(self._at(path), headers=self.headers | headers)

    async def post(self, path: str, form: dict[str, object] | None = None, **headers: str) -> httpx2.Response:
        return await self.client.post(self._at(path), data=form or {}, headers=self.headers | headers)

    def _at(self, path: str) -> str:
        """Return the address of a path. A path that begins with a dot is a page of the workspace."""
        return self.base + path[1:] if path.startswith(".") else path

    async def set_up(self, **changes: str) -> httpx2.Response:
        form = {
            "name": "Harbour Owner",
            "email": "Owner@Example.org ",
            "password": PASSWORD,
            "workspace": "Night Bakery",
            "code": self.code,
        }
        answer = await self.post("/setup", form | changes)
        if answer.status_code == 303:
            self.base = answer.headers["location"]
        return answer

    async def sign_in(self, email: str = "owner@example.org", password: str = PASSWORD, **more: str) -> httpx2.Response:
        return await self.post("/sign-in", {"email": email, "password": password} | more)


@pytest.fixture
async def visitors(
    application: FastAPI, installation: Installation, cheap_passwords: None
) -> AsyncIterator[Callable[[], Visitor]]:
    """Return a function that makes browsers."""
    application.state.installation, application.state.rate_limiter = installation, KeyLimiter()
    opened: list[httpx2.AsyncClient] = []

    def open_one() -> Visitor:
        transport = httpx2.ASGITransport(application)
        opened.append(httpx2.AsyncClient(transport=transport, base_url=installation.settings.public_base))
        return Visitor(opened[-1], installation.vault.setup_code())

    yield open_one
    for client in opened:
        await client.aclose()
    await application.state.request_log.close(installation.database.hot_pool)


@pytest.fixture
def visitor(visitors: Callable[[], Visitor]) -> Visitor:
    return visitors()


@pytest.fixture
async def owner(visitor: Visitor) -> Visitor:
    """Return the browser of the owner, after the first run."""
    assert (await visitor.set_up()).status_code == 303
    return visitor


@pytest.fixture
def invited(owner: Visitor, visitors: Callable[[], Visitor]) -> Callable[[str], Awaitable[Visitor]]:
    """Return a function that adds a new member in a role to the owner's workspace."""

    async def join(role: str) -> Visitor:
        made = await owner.post("./settings/invitations", {"role": role, "note": "Newcomer"})
        link = made.text.split('id="new-invitation">')[1].split("<")[0]
        member = visitors()
        form = {"name": "New Member", "email": f"new-{role}@example.org", "password": PASSWORD}
        joined = await member.post(link, form)
        assert joined.status_code == 303, joined.text
        member.base = owner.base
        return member

    return join


async def connect(owner: Visitor, installation: Installation, platform: str, account: str = "harbour.films") -> None:
    """Connect an account of the sandbox to the owner's workspace."""
    mounts = {installation.settings.public_base: owner.client._transport}
    link = make_link(installation, UUID(owner.base.rsplit("/", 1)[1]), platform)
    async with httpx2.AsyncClient(mounts=mounts, follow_redirects=True, trust_env=False) as browser:
        assert (await consent(browser, link, account)).status_code == 200


async def upload(owner: Visitor, clip: Path, name: str = "clip.mp4", more: bytes = b"") -> None:
    content = clip.read_bytes() + more
    body = json.dumps({"file_name": name, "file_size": len(content)})
    url = owner._at("./clips/uploads")
    started = (await owner.client.post(url, content=body, headers=owner.headers | JSON)).json()
    assert (await owner.client.put(started["upload_url"], content=content)).is_success
    done = json.dumps({"video_id": started["video_id"], "file_name": name})
    made = await owner.client.post(url + "/complete", content=done, headers=owner.headers | JSON)
    assert made.status_code == 200, made.text


async def chosen(owner: Visitor, name: str) -> list[str]:
    """Return the ids of the accounts, or of the clips, that the compose page offers."""
    if name == "clip":
        return re.findall(r'data-pick="([\w-]+)"', (await owner.get("./compose/library/clips")).text)
    page = (await owner.get(f"./compose/{new_id()}")).text
    return re.findall(rf'name="{name}"[^>]* value="([\w-]+)"', page)


@pytest.fixture
async def desk(owner: Visitor, installation: Installation, clip: Path) -> dict[str, Any]:
    """Return the ids of an owner's clip and accounts at TikTok and YouTube, as the forms name them."""
    for platform in ("tiktok", "youtube"):
        await connect(owner, installation, platform)
    await upload(owner, clip)
    youtube, tiktok = await chosen(owner, "account")
    [only] = await chosen(owner, "clip")
    return {"tiktok": tiktok, "youtube": youtube, "clip": only}


@pytest.fixture
async def studio(owner: Visitor, installation: Installation, clip: Path) -> dict[str, Any]:
    """Return the ids of an owner's three different clips and three accounts, as the forms name them."""
    for platform in ("tiktok", "youtube", "instagram"):
        await connect(owner, installation, platform)
    for number, name in enumerate(("one.mp4", "two.mp4", "three.mp4"), 9):
        # An empty box of MP4, which players skip.
        await upload(owner, clip, name, number.to_bytes(4, "big") + b"free" + b"-" * (number - 8))
    instagram, youtube, tiktok = await chosen(owner, "account")
    three, two, one = await chosen(owner, "clip")
    return {"tiktok": tiktok, "youtube": youtube, "instagram": instagram, "clips": [one, two, three]}


def form(desk: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "account": [desk["tiktok"]], "clip": [desk["clip"]], "title": "T", "text": "Hello",
        f"account.{desk['tiktok']}.privacyLevel": "SELF_ONLY", "when": "now", "at": "", "zone": "UTC",
    } | more  # fmt: skip
