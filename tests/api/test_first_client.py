"""The way of the first client, from a file to a published post, with only the requests that it knows.

It was written for a hosted service. Only the base address is another one.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from clipcast.renders.renderer import Renderer
from clipcast.testing.harness import API, Stage
from clipcast.testing.media_files import make


@pytest.fixture
async def renderer(stage: Stage) -> AsyncIterator[Renderer]:
    found = Renderer(stage.installation.settings, stage.installation.database, stage.installation.storage)
    yield found
    await found.close()


@pytest.fixture(scope="session")
def recording(session_dir: Path) -> Path:
    """Make a wide recording of 12 s, of which a part is published."""
    return make(session_dir / "recording.mp4", seconds=12, size=(640, 360))


class FirstClient:
    """The requests of the client, with the fields that it sends and reads."""

    def __init__(self, stage: Stage) -> None:
        self._http = stage.caller.http
        self._key = stage.caller.key

    async def call(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        response = await self._http.request(
            method, f"{API}{path}", json=body, params=params or None, headers={"X-Api-Key": self._key}
        )
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    async def put(self, url: str, content: bytes) -> httpx2.Response:
        return await self._http.put(url, content=content)


async def test_first_client_goes_from_a_file_to_a_published_post(
    stage: Stage, renderer: Renderer, recording: Path
) -> None:
    connection = await stage.connect("youtube")
    client = FirstClient(stage)
    assert (await client.call("GET", "/balance"))["current_balance"] > 0
    assert (await client.call("GET", "/balance/history", page=1, limit=20))["pagination"]["total_count"] == 0

    content = recording.read_bytes()
    started = await client.call("POST", "/videos/upload", {"file_name": "rec.mp4", "file_size": len(content)})
    assert (await client.put(started["upload_url"], content)).status_code == 200
    video = await client.call(
        "POST",
        "/videos/upload/complete",
        {"video_id": started["video_id"], "file_name": "rec.mp4", "duration": 12.0, "width": 640, "height": 360},
    )
    assert (video["title"], video["credits_cost"], video["force_watermark"]) == ("rec", 0, False)
    library = await client.call("GET", "/clips", page=1, limit=20, sort="created_at_desc")
    assert [one["video_id"] for one in library["clips"]] == [video["video_id"]]

    templates = (await client.call("GET", "/templates", page=1, limit=20, filter="community"))["templates"]
    assert {"id", "name"} <= templates[0].keys()
    submitted = await client.call(
        "POST",
        "/clips",
        {
            "video_id": video["video_id"],
            "strategy_id": templates[0]["id"],
            "source_language": "auto",
            "timeframe": {"start": 2, "end": 8},
        },
    )
    assert (submitted["video_id"], submitted["credits_charged"]) == (video["video_id"], 0)
    base = f"/clips/{video['video_id']}/submissions/{submitted['submission_id']}"
    submission = await client.call("GET", base)
    assert (submission["status"], submission["clips_count"], submission["error_code"]) == ("completed", 1, None)
    [found] = (await client.call("GET", f"{base}/clips", min_rating=0, limit=10))["clips"]
    assert (found["start_time"], found["end_time"]) == (2.0, 8.0)

    render = await client.call("POST", f"{base}/clips/{found['id']}/render")
    assert (render["status"], render["has_watermark"], render["from_cache"]) == ("queued", False, False)
    assert (await client.call("GET", "/renders", status="processing"))["renders"][0]["render_id"] == render["render_id"]
    await renderer.run_due()
    done = await client.call("GET", f"/renders/{render['render_id']}")
    assert (done["status"], done["progress"]) == ("completed", 100)
    file = await client.call("GET", f"/renders/{render['render_id']}/download")
    assert (await stage.caller.http.get(file["url"])).status_code == 200
    again = await client.call("POST", f"{base}/clips/{found['id']}/render")
    assert (again["from_cache"], again["render_id"]) == (True, render["render_id"])

    target = {"connectionId": connection, "metadata": {"youtube": {"title": "Harbour"}}}
    post = await client.call("POST", "/posts", {"videos": [{"editId": render["edit_setting_id"], "targets": [target]}]})
    await stage.run_all()
    shown = await client.call("GET", f"/posts/{post['post_id']}")
    assert (shown["status"], shown["items"][0]["error"]) == ("completed", None)
    assert shown["items"][0]["platform_post_url"]
    [live] = await stage.sandbox.posts("youtube")
    assert live["post_id"] == shown["items"][0]["platform_post_id"]
    downloaded = (await stage.caller.http.get(file["url"])).content
    assert len(downloaded) != len(content)
    await client.call("DELETE", f"/posts/{post['post_id']}")
    await client.call("DELETE", f"/clips/{video['video_id']}")
    assert (await client.call("GET", "/clips"))["clips"] == []
