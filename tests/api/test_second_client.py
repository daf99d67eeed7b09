"""Every operation through the second client, which makes its tools from `openapi.json`.

It was written for a hosted service. It joins the base address with each path, follows no `$ref`, shows every parameter
as an argument but sends only those of the path and the query, and expects JSON or nothing in each response.
"""

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp
from clipcast.platforms import network
from clipcast.testing.harness import ACCOUNT, API, Stage, some_day
from clipcast.testing.media_files import make
from tests.clips.test_imports import file_handler, serving

METHODS = ("get", "put", "post", "patch", "delete")
CAPTIONS = b"1\n00:00:00,000 --> 00:00:02,000\nFirst light\n"


class SecondClient:
    """The client: a tool for each operation, by the snake_case of its id."""

    def __init__(self, http: httpx2.AsyncClient, key: str, document: dict[str, Any]) -> None:
        self._http, self._key = http, key
        self.tools: dict[str, tuple[str, str, dict[str, Any]]] = {}
        self.called: set[str] = set()
        for path, operations in document["paths"].items():
            for method in METHODS:
                if operation := operations.get(method):
                    name = re.sub(r"(?<!^)(?=[A-Z])", "_", operation["operationId"]).lower()
                    self.tools[name] = method, path, operation

    @classmethod
    async def load(cls, http: httpx2.AsyncClient, key: str) -> "SecondClient":
        return cls(http, key, (await http.get(f"{API}/openapi.json")).json())

    def arguments(self, name: str) -> set[str]:
        """Return what the client shows as the tool's arguments."""
        _, _, operation = self.tools[name]
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        return {one["name"] for one in operation.get("parameters", [])} | set(body.get("properties", {}))

    async def call(self, name: str, /, **arguments: Any) -> Any:
        method, path, operation = self.tools[name]
        assert arguments.keys() <= self.arguments(name), name
        places = {one["name"]: one["in"] for one in operation.get("parameters", [])}
        query = {}
        for one, place in places.items():
            if one in arguments and place == "path":
                path = path.replace(f"{{{one}}}", str(arguments[one]))
            elif one in arguments and place == "query":
                query[one] = arguments[one]
        body = {one: value for one, value in arguments.items() if one not in places}
        response = await self._http.request(
            method,
            f"{API}{path}",
            params=query or None,
            json=body if "requestBody" in operation else None,
            headers={"X-Api-Key": self._key},
        )
        assert response.is_success, f"{name}: {response.status_code} {response.text}"
        self.called.add(name)
        return json.loads(response.content) if response.content else None


@pytest.fixture
async def client(stage: Stage) -> SecondClient:
    return await SecondClient.load(stage.caller.http, stage.caller.key)


@pytest.fixture(scope="session")
def film(session_dir: Path) -> Path:
    """Make a wide recording of 4 s."""
    return make(session_dir / "film.mp4", seconds=4, size=(640, 360))


@pytest.fixture
async def address(film: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Serve the recording on this machine, which counts as a public host."""
    monkeypatch.setattr(network, "is_public", lambda _: True)
    async with serving(file_handler(film.read_bytes())) as base:
        yield f"{base}/film.mp4"


async def test_tools_are_complete_without_references(client: SecondClient) -> None:
    for name, (_, path, operation) in client.tools.items():
        assert operation["summary"], name
        assert operation["description"], name
        assert "$ref" not in json.dumps([operation.get("parameters", []), operation.get("requestBody", {})]), name
        assert {one["in"] for one in operation.get("parameters", [])} <= {"path", "query"}, name
        assert set(re.findall(r"{(\w+)}", path)) <= client.arguments(name), name
        kinds = {kind for response in operation["responses"].values() for kind in response.get("content", {})}
        assert kinds <= {"application/json", "application/problem+json"}, name


async def test_every_operation_works_as_a_tool(stage: Stage, client: SecondClient, film: Path, address: str) -> None:
    connection = await stage.connect("youtube")
    await read_the_account(client, connection)
    video = await upload(stage, client, film)
    imported = await client.call("import_video", url=address)
    assert (imported["title"], imported["width"]) == ("film", 640)
    assert (await client.call("get_video_info", url=address))["title"] == "film"
    await manage_assets(stage, client)
    render = await make_renders(stage, client, video)
    await find_clips(stage, client, video)
    await post(stage, client, connection, render["edit_setting_id"])
    await use_webhooks(client)
    await use_clients(client, connection, render["edit_setting_id"])
    await review_posts(client, connection, render["edit_setting_id"])
    await client.call("delete_render", render_id=render["render_id"])
    await client.call("delete_video", video_id=video)
    assert client.called == client.tools.keys()


async def read_the_account(client: SecondClient, connection: str) -> None:
    assert (await client.call("get_workspace"))["name"] == "Workspace"
    assert (await client.call("update_workspace", duplicates="warn"))["duplicates"] == "warn"
    assert (await client.call("get_balance"))["credits"] > 0
    assert (await client.call("list_balance_history", page=1, limit=20))["pagination"]["total_count"] == 0
    assert [one["id"] for one in (await client.call("list_connections", page=1))["connections"]] == [connection]
    assert (await client.call("get_connection", connection_id=connection))["username"] == ACCOUNT
    await client.call("get_connection_options", connection_id=connection)
    assert len((await client.call("list_platforms"))["platforms"]) == 8


async def upload(stage: Stage, client: SecondClient, film: Path) -> str:
    content = film.read_bytes()
    started = await client.call("start_upload", file_name="film.mp4", file_size=len(content))
    assert (await stage.caller.http.put(started["upload_url"], content=content)).status_code == 200
    video = started["video_id"]
    done = await client.call("complete_upload", video_id=video, file_name="film.mp4", duration=4.0)
    assert (done["title"], done["credits_cost"]) == ("film", 0)
    assert [one["video_id"] for one in (await client.call("list_videos", limit=10))["clips"]] == [video]
    return str(video)


async def manage_assets(stage: Stage, client: SecondClient) -> None:
    started = await client.call("start_asset_upload", file_name="captions.srt", file_size=len(CAPTIONS))
    assert (await stage.caller.http.put(started["upload_url"], content=CAPTIONS)).is_success
    await client.call("complete_asset_upload", asset_id=started["asset_id"])
    assert len((await client.call("list_assets"))["assets"]) == 1
    await client.call("delete_asset", asset_id=started["asset_id"])


async def make_renders(stage: Stage, client: SecondClient, video: str) -> dict[str, Any]:
    render: dict[str, Any] = await client.call("create_render", video_id=video, name="as it is")
    listed = (await client.call("list_renders", page=1, limit=5))["renders"]
    assert render["render_id"] in [one["render_id"] for one in listed]
    shown = await client.call("get_render", render_id=render["render_id"])
    assert (shown["status"], shown["progress"]) == ("completed", 100)
    file = await client.call("download_render", render_id=render["render_id"])
    assert (await stage.caller.http.get(file["url"])).status_code == 200
    job = await client.call("create_bulk_download", render_ids=[render["render_id"]])
    done = await client.call("get_bulk_download", job_id=job["job_id"])
    assert (await stage.caller.http.get(done["download_url"])).status_code == 200
    assert (await client.call("get_render_limits"))["usage"]["active_count"] == 0
    return render


async def find_clips(stage: Stage, client: SecondClient, video: str) -> None:
    made = await client.call("create_template", name="Slow", edit={"speed": 0.9})
    template = made["id"]
    await client.call("update_template", template_id=template, name="Slower")
    assert template in [one["id"] for one in (await client.call("list_templates", filter="mine"))["templates"]]
    submitted = await client.call("submit_video", video_id=video, timeframe={"start": 1, "end": 3})
    place = {"video_id": video, "submission_id": submitted["submission_id"]}
    assert (await client.call("get_submission", **place))["status"] == "completed"
    assert len((await client.call("list_submissions", video_id=video))["submissions"]) == 1
    [found] = (await client.call("list_found_clips", **place, min_rating=0))["clips"]
    await client.call("apply_template", **place, template_id=template, clip_ids=[found["id"]])
    render = await client.call("render_found_clip", **place, clip_id=found["id"])
    assert (render["status"], render["from_cache"]) == ("queued", False)
    await stage.renderer.run_due()
    await client.call("delete_found_clip", **place, clip_id=found["id"])
    await client.call("delete_submission", **place)
    await client.call("delete_template", template_id=template)


async def use_clients(client: SecondClient, connection: str, edit: str) -> None:
    made = await client.call("create_client", name="Harbour", timezone="Europe/Lisbon", color=3)
    place = {"client_id": made["id"]}
    await client.call("update_client", **place, name="Harbour Films", signature="Made in Lisbon.")
    tags = await client.call("create_hashtag_set", **place, name="Mornings", tags=["harbour", "#sunrise"])
    assert tags["tags"] == ["harbour", "sunrise"]
    await client.call("update_hashtag_set", **place, set_id=tags["id"], tags=["harbour"])
    assert [one["tags"] for one in (await client.call("list_hashtag_sets", **place))["hashtag_sets"]] == [["harbour"]]
    await client.call("delete_hashtag_set", **place, set_id=tags["id"])
    label = {"label_id": (await client.call("create_label", name="Winter"))["id"]}
    assert (await client.call("update_label", **label, name="Winter tide"))["name"] == "Winter tide"
    assert (await client.call("list_clients"))["clients"][0]["name"] == "Harbour Films"
    await client.call("update_connection", connection_id=connection, **place)
    times = [{"weekday": day, "at": "18:30"} for day in ("monday", "tuesday", "friday")]
    await client.call("set_posting_times", **place, times=times)
    assert len((await client.call("get_posting_times", **place))["times"]) == 3
    assert len((await client.call("list_next_times", **place, count=5))["times"]) == 5
    posts = []
    for title in ("Tide in", "Tide out"):
        target = {"connectionId": connection, "metadata": {"youtube": {"title": title}}}
        videos = [{"editId": edit, "targets": [target]}]
        posts.append((await client.call("create_post", videos=videos, schedule={"slot": "next"}))["post_id"])
    await client.call("set_post_labels", post_id=posts[0], labels=["Winter tide"])
    [winter] = (await client.call("list_labels"))["labels"]
    assert (await client.call("list_post_labels", post_id=posts[0]))["labels"] == [winter]
    assert [one["post_id"] for one in (await client.call("list_posts", label=winter["id"]))["posts"]] == posts[:1]
    await client.call("delete_label", label_id=winter["id"])
    before = (await client.call("get_post", post_id=posts[0]))["scheduled_at"]
    await client.call("swap_posts", **place, post_ids=posts)
    assert (await client.call("get_post", post_id=posts[1]))["scheduled_at"] == before
    assert await client.call("get_queue", **place)
    for one in posts:
        await client.call("delete_post", post_id=one)
    assert (await client.call("get_client", **place))["name"] == "Harbour Films"
    await client.call("delete_client", **place)


async def review_posts(client: SecondClient, connection: str, edit: str) -> None:
    link = await client.call("create_review_link", name="Ana", timezone="Europe/Lisbon")
    links = [one["id"] for one in (await client.call("list_review_links"))["links"]]
    assert links == [link["id"]]
    target = {"connectionId": connection, "metadata": {"youtube": {"title": "For Ana"}}}
    videos = [{"editId": edit, "targets": [target]}]
    made = await client.call("create_post", videos=videos, scheduled_at=f"{some_day()}T18:00:00Z")
    place = {"post_id": made["post_id"]}
    await client.call("send_for_review", **place, links=links, rule="any")
    await client.call("create_review_comment", **place, text="The first cut.", at_second=1.5)

    async def decision() -> dict[str, Any]:
        shown = await client.call("get_review", **place)
        return {**place, "reviewer_id": shown["reviewers"][0]["id"], "revision": shown["revision"]}

    await client.call("request_changes", **await decision(), text="Brighter, and without the gull.")
    assert (await client.call("list_reviews", state="changes_requested"))["reviews"]
    await client.call("approve_review", **await decision())
    await client.call("withdraw_review", **place)
    await client.call("delete_review", **place)
    await client.call("revoke_review_link", link_id=links[0])
    await client.call("delete_post", **place)


async def use_webhooks(client: SecondClient) -> None:
    made = await client.call("create_webhook", url="https://hooks.example/in", events=["post.completed"])
    place = {"webhook_id": made["id"]}
    assert (await client.call("list_webhooks"))["pagination"]["total_count"] == 1
    await client.call("update_webhook", **place, description="n8n")
    assert (await client.call("get_webhook", **place))["description"] == "n8n"
    assert (await client.call("rotate_webhook_secret", **place))["secret"] != made["secret"]
    await client.call("send_test_event", **place)
    [delivery] = (await client.call("list_webhook_deliveries", **place))["deliveries"]
    of_delivery = place | {"delivery_id": delivery["id"]}
    assert (await client.call("get_webhook_delivery", **of_delivery))["id"] == delivery["id"]
    await client.call("replay_webhook_delivery", **of_delivery)
    await client.call("replay_webhook_events", **place, since=format_timestamp(clock.now() - timedelta(hours=1)))
    await client.call("delete_webhook", **place)


async def post(stage: Stage, client: SecondClient, connection: str, edit: str) -> None:
    target = {"connectionId": connection, "metadata": {"youtube": {"title": "Harbour"}}}
    videos = [{"editId": edit, "targets": [target]}]
    assert (await client.call("validate_post", videos=videos))["valid"]
    at = f"{some_day()}T18:00:00Z"
    scheduled = (await client.call("create_post", videos=videos, scheduled_at=at))["post_id"]
    [item] = (await client.call("get_post", post_id=scheduled))["items"]
    place = {"post_id": scheduled, "item_id": item["id"]}
    metadata = {"youtube": {"title": "Harbour at dawn"}}
    await client.call("update_post", post_id=scheduled, scheduled_at=f"{some_day(1)}T18:00:00Z")
    await client.call("update_post_item", **place, metadata=metadata)
    assert (await client.call("get_post_item", **place))["metadata"] == metadata
    # The platform rejects it once, so that it can be retried.
    error = {"code": 400, "message": "Bad title.", "errors": [{"reason": "invalidTitle", "message": "Bad title."}]}
    await stage.sandbox.fault("youtube", "session", "before", "status", status=400, body={"error": error})
    await client.call("publish_post", post_id=scheduled)
    await stage.run_all()
    assert (await client.call("get_post", post_id=scheduled))["status"] == "failed"
    await stage.sandbox.clear_faults()
    await stage.sandbox.fault("youtube", "session", "before", "status", status=400, body={"error": error})
    assert (await client.call("retry_post", post_id=scheduled))["retried"]
    await stage.run_all()
    await stage.sandbox.clear_faults()
    await client.call("retry_post_item", **place)
    await stage.run_all()
    assert (await client.call("list_posts", status="completed"))["posts"][0]["post_id"] == scheduled
    assert (await client.call("list_post_item_attempts", **place))["attempts"]
    await client.call("delete_post_item", **place)
    another = await client.call("create_post", videos=videos, scheduled_at=at)
    await client.call("delete_post", post_id=another["post_id"])
