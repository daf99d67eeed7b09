"""All requests of the first client, in a person's order.

It was written for a hosted service. Only the base address is another one.
"""

import io
import re
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from clipcast.platforms import network
from clipcast.renders.renderer import Renderer
from clipcast.testing.harness import API, Stage, some_day
from clipcast.testing.media_files import make
from tests.clips.test_imports import file_handler, serving


@pytest.fixture
async def renderer(stage: Stage) -> AsyncIterator[Renderer]:
    found = stage.new_renderer()
    yield found
    await found.close()


@pytest.fixture(scope="session")
def recording(session_dir: Path) -> Path:
    """Make a wide recording of 12 s, of which a part is published."""
    return make(session_dir / "recording.mp4", seconds=12, size=(640, 360))


# The requests that the client knows, with {} for an id.
REQUESTS = {
    "GET /workspace", "GET /balance", "GET /balance/history", "GET /clips", "DELETE /clips/{}", "POST /videos/upload",
    "PUT upload_url", "POST /videos/upload/complete", "POST /clips/info", "POST /clips", "GET /clips/{}/submissions",
    "GET /clips/{}/submissions/{}", "DELETE /clips/{}/submissions/{}", "GET /clips/{}/submissions/{}/clips",
    "POST /clips/{}/submissions/{}/apply_template", "DELETE /clips/{}/submissions/{}/clips/{}", "GET /templates",
    "POST /clips/{}/submissions/{}/clips/{}/render", "GET /renders", "GET /renders/limits", "GET /renders/{}",
    "GET /renders/{}/download", "DELETE /renders/{}", "POST /renders/bulk-download", "GET /renders/bulk-download/{}",
    "POST /posts", "GET /posts", "GET /posts/{}", "PATCH /posts/{}", "DELETE /posts/{}", "POST /posts/{}/publish",
    "POST /posts/{}/items/{}/retry", "DELETE /posts/{}/items/{}", "GET /connections",
}  # fmt: skip
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
# A rejection by YouTube that does not pass.
REASONS = [{"reason": "invalidTitle", "message": "Bad title."}]
REJECTED = {"error": {"code": 400, "message": "Bad title.", "errors": REASONS}}


class FirstClient:
    """The requests of the client, with the fields that it sends and reads."""

    def __init__(self, stage: Stage) -> None:
        self._http = stage.caller.http
        self._key = stage.caller.key
        self.sent: set[str] = set()

    async def call(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        response = await self._http.request(
            method, f"{API}{path}", json=body, params=params or None, headers={"X-Api-Key": self._key}
        )
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        self.sent.add(f"{method} {ID.sub('{}', path)}")
        return response.json() if response.content else None

    async def put(self, url: str, content: bytes) -> httpx2.Response:
        self.sent.add("PUT upload_url")
        return await self._http.put(url, content=content)


async def test_every_request_of_the_first_client_is_answered(
    stage: Stage, renderer: Renderer, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person goes from a file to a published post, then tries the rest and tidies up."""
    connection = await stage.connect("youtube")
    client = FirstClient(stage)
    assert (await client.call("GET", "/workspace"))["name"] == "Workspace"
    assert [one["id"] for one in (await client.call("GET", "/connections"))["connections"]] == [connection]
    assert (await client.call("GET", "/balance"))["current_balance"] > 0
    filters = {"page": 1, "limit": 20, "type": "debit", "reference_type": "render"}
    assert (await client.call("GET", "/balance/history", **filters))["pagination"]["total_count"] == 0

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
    listed = await client.call("GET", f"/clips/{video['video_id']}/submissions", page=1, limit=20)
    assert listed["pagination"]["total_count"] == 1
    submission = await client.call("GET", base)
    assert (submission["status"], submission["clips_count"], submission["error_code"]) == ("completed", 1, None)
    [found] = (await client.call("GET", f"{base}/clips", min_rating=0, limit=10))["clips"]
    assert (found["start_time"], found["end_time"]) == (2.0, 8.0)

    await client.call("POST", f"{base}/apply_template", {"template_id": templates[0]["id"], "clip_ids": [found["id"]]})
    render = await client.call("POST", f"{base}/clips/{found['id']}/render")
    assert (render["status"], render["has_watermark"], render["from_cache"]) == ("queued", False, False)
    assert (await client.call("GET", "/renders/limits"))["usage"]["total_pending"] == 1
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
    await change_posts(stage, client, render["edit_setting_id"], target)
    await download_several(stage, client, render["render_id"])
    await import_by_address(client, content, monkeypatch)

    await client.call("DELETE", f"/posts/{post['post_id']}")
    await client.call("DELETE", f"/renders/{render['render_id']}")
    await client.call("DELETE", f"{base}/clips/{found['id']}")
    await client.call("DELETE", base)
    for one in (await client.call("GET", "/clips"))["clips"]:
        await client.call("DELETE", f"/clips/{one['video_id']}")
    assert (await client.call("GET", "/clips"))["clips"] == []
    assert (client.sent, len(client.sent)) == (REQUESTS, 34)


async def change_posts(stage: Stage, client: FirstClient, edit: str, target: dict[str, Any]) -> None:
    """Move a scheduled post, publish it now, retry what failed, and delete it."""
    body = {"videos": [{"editId": edit, "targets": [target]}], "scheduled_at": f"{some_day()}T18:00:00-03:00"}
    scheduled = await client.call("POST", "/posts", body)
    assert (scheduled["status"], scheduled["item_count"]) == ("pending", 1)
    path = f"/posts/{scheduled['post_id']}"
    moved = await client.call("PATCH", path, {"scheduled_at": f"{some_day(1)}T18:00:00-03:00"})
    assert moved["scheduled_at"] == f"{some_day(1)}T21:00:00.000Z"
    await stage.sandbox.fault("youtube", "session", "before", "status", status=400, body=REJECTED)
    await client.call("POST", f"{path}/publish")
    await stage.run_all()
    [item] = (await client.call("GET", path))["items"]
    assert (item["status"], item["error"]["code"]) == ("failed", "invalid_metadata")
    await stage.sandbox.clear_faults()
    assert (await client.call("POST", f"{path}/items/{item['id']}/retry"))["status"] in ("pending", "processing")
    await stage.run_all()
    assert (await client.call("GET", "/posts", page=1, limit=1))["posts"][0]["status"] == "completed"
    await client.call("DELETE", f"{path}/items/{item['id']}")


async def download_several(stage: Stage, client: FirstClient, render_id: str) -> None:
    job = await client.call("POST", "/renders/bulk-download", {"render_ids": [render_id]})
    done = await client.call("GET", f"/renders/bulk-download/{job['job_id']}")
    archive = await stage.caller.http.get(done["download_url"])
    with zipfile.ZipFile(io.BytesIO(archive.content)) as found:
        assert found.testzip() is None
        assert len(found.namelist()) == 1


async def import_by_address(client: FirstClient, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "is_public", lambda _: True)
    async with serving(file_handler(content)) as address:
        video = await client.call("POST", "/clips/info", {"url": f"{address}/rec.mp4"})
    assert (video["title"], video["platform"], video["credits_cost"]) == ("rec", "upload", 0)
