"""The demo's calls of the public API, and what it knows of its workspace."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from clipcast.cli.browser import consent
from clipcast.platforms.registry import PLATFORMS


class DemoFailed(Exception):
    """A step of the demo failed. The message names the step and the reason."""


@dataclass
class Demo:
    """The workspace, clip and accounts that the demo created, and their addresses."""

    base_url: str
    sandbox_url: str
    api_key: str = ""
    workspace_id: str = ""
    edit_id: str = ""
    connections: dict[str, str] | None = None
    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)
    email: str = "demo@example.org"
    password: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    # The address with which the demo's client reviews posts, once it is filled.
    review_link: str = ""
    # Whether its workspace holds everything that the demo creates.
    filled: bool = False

    def body(self, edit_id: str | None = None) -> dict[str, Any]:
        """Return a body for POST /posts that publishes a clip, by default the first one, to every account."""
        assert self.connections is not None
        targets = [
            {"connectionId": id, "metadata": {platform: self.metadata[platform]}}
            for platform, id in self.connections.items()
        ]
        return {"videos": [{"editId": edit_id or self.edit_id, "targets": targets}]}

    def client(self) -> httpx2.AsyncClient:
        """Return a client of its API, with its key."""
        headers = {"X-Api-Key": self.api_key}
        return httpx2.AsyncClient(base_url=f"{self.base_url}/api/v1", headers=headers, trust_env=False, timeout=60)


async def call(api: httpx2.AsyncClient, method: str, path: str, **options: Any) -> dict[str, Any]:
    """Return the JSON of a response. Raises DemoFailed if it is an error."""
    response = await api.request(method, path, **options)
    if not response.is_success:
        raise DemoFailed(f"{method} {path} returned {response.status_code}:\n{response.text}")
    content: dict[str, Any] = response.json()
    return content


async def upload(api: httpx2.AsyncClient, path: Path) -> str:
    """Upload a clip, create its render, and return its `editId`."""
    content = await asyncio.to_thread(path.read_bytes)
    begun = await call(api, "POST", "/videos/upload", json={"file_name": path.name, "file_size": len(content)})
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as plain:
        stored = await plain.put(begun["upload_url"], content=content)
    if stored.status_code != 200:
        raise DemoFailed(f"The API rejected the upload: {stored.text}")
    done = {"video_id": begun["video_id"], "file_name": path.name}
    await call(api, "POST", "/videos/upload/complete", json=done)
    render = await call(api, "POST", "/renders", json={"video_id": begun["video_id"]})
    return str(render["edit_setting_id"])


async def connect(platform: str, link: str, account: str) -> None:
    """Connect an account through the consent pages behind a link, as a person does in a browser."""
    async with httpx2.AsyncClient(follow_redirects=True, trust_env=False, timeout=30) as browser:
        page = await consent(browser, link, account)
    if page.status_code != 200:
        raise DemoFailed(f"Cannot connect the {platform} account:\n{page.text}")


async def example(platform: str, connection: str, api: httpx2.AsyncClient) -> dict[str, Any]:
    """Return the platform's example metadata, with the account's first choice for each required field it lacks."""
    metadata = dict(PLATFORMS[platform].metadata.example)
    if missing := required_fields(platform) - set(metadata):
        options = (await call(api, "GET", f"/connections/{connection}/options"))["options"]
        metadata |= {name: options[name][0]["id"] for name in sorted(missing)}
    return metadata


def required_fields(platform: str) -> set[str]:
    """Return the names of the metadata's fields without which nothing can be published."""
    fields = PLATFORMS[platform].metadata.model_fields
    return {one.alias or name for name, one in fields.items() if one.is_required()}
