"""Tools over HTTP, with the official client of the protocol: both of its eras."""

import json
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from mcp.types import ElicitResult

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp
from clipcast.installation import Installation
from clipcast.testing.harness import ACCOUNT, Caller, Stage, running, some_day
from mcp import Client, MCPError
from tests.clips.test_imports import any_host, file_handler, serving
from tests.mcp.conftest import Connect, Person

__all__ = ["any_host"]

HELLO = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}  # fmt: skip
ACCEPTS = {"Accept": "application/json, text/event-stream"}
ERAS = pytest.mark.parametrize("mode", ["auto", "legacy"])


async def call(client: Client, name: str, **arguments: Any) -> Any:
    """Call a tool that must succeed, and return its result."""
    result = await client.call_tool(name, arguments)
    assert not result.is_error, result.content
    return result.structured_content


async def refused(client: Client, name: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool that must fail, and return its error."""
    result = await client.call_tool(name, arguments)
    assert result.is_error, result.structured_content
    error: dict[str, Any] = result.structured_content["error"]
    assert error["message"]
    assert error["fix"]
    assert error["code"] in result.content[0].text  # type: ignore[union-attr]
    return error


@ERAS
async def test_tools_are_the_operations_and_publish_file(connect: Connect, http: httpx2.AsyncClient, mode: str) -> None:
    document = (await http.get("/api/v1/openapi.json")).json()
    operations = {one["operationId"]: one for path in document["paths"].values() for one in path.values()}
    async with connect(mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert len(tools) == len(operations) + 1
    assert {"publish_file", "create_post", "list_posts", "retry_post_item", "start_upload"} <= tools.keys()
    create = tools["create_post"]
    assert {
        "videos",
        "common",
        "scheduled_at",
        "timezone",
        "schedule",
        "review",
        "partial",
        "allow_duplicate",
        "idempotency_key",
    } == create.input_schema["properties"].keys()
    assert create.input_schema["required"] == ["videos"]
    assert create.description == operations["createPost"]["description"]
    assert create.annotations
    assert create.annotations.destructive_hint
    assert tools["list_posts"].annotations
    assert tools["list_posts"].annotations.read_only_hint
    assert "file" not in tools["publish_file"].input_schema["properties"]
    shown = json.dumps([tool.model_dump(mode="json", exclude_none=True) for tool in tools.values()])
    assert "$ref" not in shown
    assert len(shown) < 150_000


@ERAS
async def test_one_call_publishes_a_clip(stage: Stage, connect: Connect, mode: str) -> None:
    await stage.connect("bluesky")
    await stage.connect("threads")
    edit = await stage.caller.upload(stage.clip)
    to, seen = [f"bluesky:@{ACCOUNT}", f"threads:@{ACCOUNT}"], []

    async def follow(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total, message))

    async with running(stage.worker), connect(mode) as client:
        arguments = {"edit_id": edit, "to": to, "text": "First light"}
        result = await client.call_tool("publish_file", arguments, progress_callback=follow)
        assert not result.is_error, result.content
        again = await call(client, "publish_file", **arguments)
    published = result.structured_content
    assert [item["status"] for item in published["items"]] == ["published", "published"]
    assert [item["account"] for item in published["items"]] == to
    assert all(item["url"] for item in published["items"])
    assert again["post_id"] == published["post_id"]
    assert len(await stage.sandbox.posts()) == 2
    assert seen[-1] == (1.0, 1.0, "2 of 2 accounts are done")


async def test_clip_of_the_agents_side_is_uploaded_and_published(stage: Stage, connect: Connect) -> None:
    await stage.connect("youtube")
    content = stage.clip.read_bytes()
    async with connect() as client:
        started = await call(client, "start_upload", file_name="dawn.mp4", file_size=len(content))
        post = {"video_id": started["video_id"], "to": [f"@{ACCOUNT}"], "title": "Harbour", "wait_seconds": 0}
        assert (await refused(client, "publish_file", **post))["code"] == "upload_missing"
        assert (await stage.caller.http.put(started["upload_url"], content=content)).is_success
        checked = await client.call_tool(
            "publish_file", post | {"settings": {"youtube": {"tags": "x"}}, "dry_run": True}
        )
        assert checked.is_error
        assert checked.structured_content["errors"][0]["path"].endswith("/metadata/youtube/tags")
        settings = {"youtube": {"privacyStatus": "unlisted"}}
        assert (await call(client, "publish_file", **post, settings=settings, dry_run=True))["valid"]
        assert (await call(client, "list_posts"))["posts"] == []
        made = await call(client, "publish_file", **post, settings=settings)
        assert [one["file_name"] for one in (await call(client, "list_videos"))["clips"]] == ["dawn.mp4"]
    assert made["status"] == "processing"
    assert "get_post" in made["next"]
    assert (await stage.item(made["post_id"]))["metadata"] == {"youtube": {"title": "Harbour"} | settings["youtube"]}


async def test_double_is_refused_with_the_earlier_post_until_the_person_allows_it(
    stage: Stage, connect: Connect
) -> None:
    await stage.connect("bluesky")
    arguments = {"edit_id": await stage.caller.upload(stage.clip), "to": [f"@{ACCOUNT}"], "text": "First light"}
    async with connect() as client:
        made = await call(client, "publish_file", **arguments, wait_seconds=0)
        error = await refused(client, "publish_file", **arguments, idempotency_key="again")
        assert (error["code"], "allow_duplicate: true" in error["fix"]) == ("duplicate_content", True)
        assert made["post_id"] in error["message"]
        repeated = await call(client, "publish_file", **arguments, wait_seconds=0)
        allowed = await call(client, "publish_file", **arguments, wait_seconds=0, allow_duplicate=True)
    assert repeated["post_id"] == made["post_id"] != allowed["post_id"]
    assert len((await stage.caller.get("/posts")).json()["posts"]) == 2


@ERAS
async def test_repeated_creation_returns_the_first_response(stage: Stage, connect: Connect, mode: str) -> None:
    connection = await stage.connect("bluesky")
    videos = [{"editId": await stage.caller.upload(stage.clip), "targets": [{"connectionId": connection}]}]
    post = {"videos": videos, "common": {"text": "First light"}, "scheduled_at": f"{some_day()}T18:00:00Z"}
    async with connect(mode) as client:
        made = await call(client, "create_post", **post)
        again = await call(client, "create_post", **post)
        another = await call(client, "create_post", **post, idempotency_key="2")
        allowed = await call(client, "create_post", **post, idempotency_key="3", allow_duplicate=True)
        posts = (await call(client, "list_posts"))["posts"]
        hook = {"url": "https://example.org/hooks", "events": ["post.failed"]}
        first, second = await call(client, "create_webhook", **hook), await call(client, "create_webhook", **hook)
        assert first["id"] == second["id"] != (await call(client, "create_webhook", **hook, description="b"))["id"]
        invalid = {"videos": [], "common": {}}
        assert (await refused(client, "create_post", **invalid))["code"] == "validation_failed"
        assert (await refused(client, "create_post", **invalid))["code"] == "validation_failed"
    assert again.pop("repeated").startswith("Nothing was created")
    assert again == made
    [warning] = another["warnings"]
    assert (warning["code"], made["post_id"] in warning["message"]) == ("duplicate_content", True)
    assert "warnings" not in made | allowed
    assert {one["post_id"] for one in posts} == {made["post_id"], another["post_id"], allowed["post_id"]}


async def test_call_ends_where_a_person_must_act(stage: Stage, connect: Connect) -> None:
    connection = await stage.connect("tiktok")
    settings = {"tiktok": {"privacyLevel": "SELF_ONLY"}}
    arguments = {"edit_id": await stage.caller.upload(stage.clip), "to": [connection], "settings": settings}
    async with connect() as client:
        await call(client, "publish_file", **arguments, wait_seconds=0)
        clock.move(timedelta(minutes=5))
        await stage.sandbox.change_account("tiktok", revoked=True)
        await stage.run_until_ended(timedelta(minutes=5))
        result = await call(client, "publish_file", **arguments)
    [item] = result["items"]
    assert (item["status"], item["error"]["actor"]) == ("processing", "account_owner")
    assert item["waits_until"] > str(format_timestamp(clock.now()))
    assert result["next"].startswith("A person must act")


async def test_scheduled_clip_needs_no_question_and_no_wait(stage: Stage, connect: Connect, person: Person) -> None:
    await stage.connect("youtube")
    post = {"edit_id": await stage.caller.upload(stage.clip), "to": [f"youtube:@{ACCOUNT}"], "title": "Harbour"}
    async with connect(person=person) as client:
        made = await call(client, "publish_file", **post, at=f"{some_day()} 18:00", timezone="America/Sao_Paulo")
    assert (made["status"], made["scheduled_at"]) == ("pending", f"{some_day()}T21:00:00.000Z")
    assert person.questions == []


@ERAS
@pytest.mark.parametrize("action", ["accept", "decline", "cancel"])
async def test_person_decides_before_a_post_is_published_or_deleted(
    stage: Stage, connect: Connect, person: Person, mode: str, action: str
) -> None:
    connection = await stage.connect("youtube")
    edit = await stage.caller.upload(stage.clip)
    person.action = action
    target = {"connectionId": connection, "metadata": {"youtube": {"title": "Harbour"}}}
    videos = [{"editId": edit, "targets": [target]}]
    file = {"edit_id": edit, "to": [f"@{ACCOUNT}"], "title": "T", "wait_seconds": 0}
    async with connect(mode, person) as client:
        scheduled = await call(client, "create_post", videos=videos, scheduled_at=f"{some_day()}T18:00:00Z")
        results = [
            await client.call_tool("create_post", {"videos": videos}),
            await client.call_tool("publish_post", {"post_id": scheduled["post_id"]}),
            await client.call_tool("publish_file", file),
            await client.call_tool("delete_post", {"post_id": scheduled["post_id"]}),
        ]
        left = (await call(client, "list_posts"))["posts"]
    assert len(person.questions) == 4
    assert person.questions[0] == f"Publish now to youtube:@{ACCOUNT}? Text: Harbour"
    assert person.questions[2] == f"Publish {edit} now to @{ACCOUNT}? Text: T"
    assert [result.is_error for result in results] == [action != "accept"] * 4
    assert len(left) == (2 if action == "accept" else 1)
    if action != "accept":
        assert {result.structured_content["error"]["code"] for result in results} == {"declined"}
        assert left[0]["status"] == "pending"


async def test_agreement_to_one_call_is_none_to_another(connect: Connect, person: Person) -> None:
    async with connect(person=person) as client:

        async def delete(post_id: str, **more: Any) -> Any:
            arguments = {"post_id": post_id}
            return await client.session.call_tool("delete_post", arguments, allow_input_required=True, **more)

        asked = await delete("a")
        answers = dict.fromkeys(asked.input_requests, ElicitResult(action="accept", content={}))
        with pytest.raises(MCPError, match="requestState"):
            await delete("b", input_responses=answers, request_state=asked.request_state)
        assert (await delete("a", input_responses=answers)).result_type == "input_required"
        agreed = await delete("a", input_responses=answers, request_state=asked.request_state)
    assert agreed.structured_content["error"]["code"] == "not_found"


async def test_errors_have_code_message_and_fix(stage: Stage, connect: Connect) -> None:
    invented = "0198c7a4-6a0e-7cc1-9c5e-1f2d3c4b5a69"
    await stage.connect("youtube")
    async with connect() as client:
        assert (await refused(client, "get_post", post_id=invented))["code"] == "not_found"
        assert (await refused(client, "get_post", post_id="the newest"))["code"] == "not_found"
        assert (await refused(client, "get_post", post_id=".."))["code"] == "invalid_id"
        assert (await refused(client, "get_post", post_id="../connections"))["code"] == "not_found"
        assert (await refused(client, "get_post"))["code"] == "argument_missing"
        for wrong in (None, 7, {"a": 1}, [invented], True):
            error = await refused(client, "get_post", post_id=wrong)
            assert (error["code"], "post_id is " in error["message"]) == ("invalid_argument", True)
        for name, value in (("limit", "5"), ("limit", 0), ("page", 1.5), ("status", ["failed"])):
            assert (await refused(client, "list_posts", **{name: value}))["code"] == "invalid_argument", name
        assert (await refused(client, "retry_post_item", post_id=invented, item_id=invented, force="no"))[
            "code"
        ] == "invalid_argument"
        assert (await refused(client, "create_post", videos=[], idempotency_key=7))["code"] == "invalid_argument"
        unknown = await refused(client, "list_posts", limt=5)
        assert (unknown["code"], "limit" in unknown["fix"]) == ("unknown_argument", True)
        invalid = await refused(client, "create_post", videos=[{"editId": invented, "targets": []}])
        assert invalid["code"] == "validation_failed"
        assert {one["path"] for one in invalid["errors"]} >= {"/videos/0/targets"}
        for arguments, code in (
            ({"to": ["@x"]}, "one_clip_needed"),
            ({"to": ["@x"], "edit_id": invented, "video_id": invented}, "one_clip_needed"),
            ({"to": ["@x"], "file": "/etc/passwd"}, "unknown_argument"),
            ({"to": [], "edit_id": invented}, "invalid_argument"),
            ({"to": "@x", "edit_id": invented}, "invalid_argument"),
            ({"to": ["@x"], "edit_id": invented, "settings": {"youtube": 1}}, "invalid_argument"),
            ({"to": ["youtube:@x"], "edit_id": invented, "settings": {"tiktok": {"title": "x"}}}, "usage"),
            ({"to": ["@x"], "edit_id": invented, "wait_seconds": 601}, "invalid_argument"),
            ({"to": None, "edit_id": invented}, "invalid_argument"),
            ({"to": ["@x", ""], "edit_id": invented}, "invalid_argument"),
            ({"to": ["@x"], "edit_id": invented, "tags": "harbour"}, "invalid_argument"),
            ({"to": ["@x"], "edit_id": invented, "tags": ["harbour", 7]}, "invalid_argument"),
            ({"to": ["@x"], "edit_id": invented, "title": 7}, "invalid_argument"),
            ({"to": ["@x"], "edit_id": invented, "wait_seconds": True}, "invalid_argument"),
            ({"to": ["@x"], "edit_id": invented, "dry_run": "no"}, "invalid_argument"),
            ({"to": ["@x"], "edit_id": invented, "idempotency_key": "k" * 101}, "invalid_argument"),
            ({"to": ["@x"], "edit_id": invented, "title": None}, "validation_failed"),
            ({"to": ["@x"], "edit_id": invented}, "validation_failed"),
            ({"to": ["@x"], "video_id": invented}, "validation_failed"),
            ({"to": [f"youtube:@{ACCOUNT}"], "video_id": invented, "title": "T"}, "not_found"),
            ({"to": ["@x"], "url": "http://127.0.0.1/a.mp4"}, "validation_failed"),
            ({"to": ["@x"], "url": "http://["}, "validation_failed"),
            ({"to": ["@x"], "url": str(stage.clip)}, "invalid_argument"),
            ({"to": ["@x"], "url": f"file://{stage.clip}"}, "invalid_argument"),
        ):
            assert (await refused(client, "publish_file", **arguments))["code"] == code, arguments
        tried = await client.call_tool("publish_file", {"to": ["@x"], "edit_id": invented, "dry_run": True})
        assert tried.is_error
        assert {one["path"] for one in tried.structured_content["errors"]} >= {"/videos/0/editId"}
        with pytest.raises(MCPError, match="no tool 'delete_everything'"):
            await client.call_tool("delete_everything", {})


async def test_account_of_several_platforms_is_named_with_the_choices(stage: Stage, connect: Connect) -> None:
    for platform in ("youtube", "threads"):
        await stage.connect(platform)
    edit = await stage.caller.upload(stage.clip)
    async with connect() as client:
        error = await refused(client, "publish_file", edit_id=edit, to=[f"@{ACCOUNT}"], text="First light")
    assert error["errors"][0]["limit"] == [f"threads:@{ACCOUNT}", f"youtube:@{ACCOUNT}"]


@ERAS
async def test_posts_connections_and_platforms_are_resources(stage: Stage, connect: Connect, mode: str) -> None:
    connection = await stage.connect("youtube")
    post = await stage.post(connection, "youtube", {"title": "Harbour"})

    async def read(address: str) -> Any:
        [content] = (await client.read_resource(address)).contents
        return json.loads(content.text)  # type: ignore[union-attr]

    async with connect(mode) as client:
        listed = {one.uri for one in (await client.list_resources()).resources}
        assert listed >= {f"clipcast://posts/{post}", f"clipcast://connections/{connection}", "clipcast://platforms"}
        templates = (await client.list_resource_templates()).resource_templates
        assert {one.uri_template for one in templates} >= {"clipcast://posts/{post_id}", "clipcast://platforms/{name}"}
        assert (await read("clipcast://posts"))["posts"][0]["post_id"] == post
        assert (await read(f"clipcast://posts/{post}"))["items"][0]["platform"] == "youtube"
        assert (await read(f"clipcast://connections/{connection}"))["username"] == ACCOUNT
        assert len((await read("clipcast://platforms"))["platforms"]) == 8
        assert "title" in (await read("clipcast://platforms/youtube"))["metadata_schema"]["properties"]
        for address in (
            "clipcast://keys",
            f"clipcast://posts/{connection}",
            "file:///etc/passwd",
            "clipcast://posts/a/b",
        ):
            with pytest.raises(MCPError):
                await client.read_resource(address)


async def test_keys_are_those_of_the_api(served: str, caller: Caller, connect: Connect) -> None:
    async with connect(**{"X-Api-Key": caller.key}) as client:
        assert (await call(client, "get_workspace"))["name"] == "Workspace"
    async with httpx2.AsyncClient(trust_env=False) as http:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        for headers in ({}, {"X-Api-Key": "wrong"}, {"Authorization": f"Bearer {caller.key}x"}):
            answer = await http.post(f"{served}/mcp", json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
            where = f'resource_metadata="{served}/.well-known/oauth-protected-resource/mcp"'
            assert where in answer.headers["www-authenticate"]


async def test_key_without_a_scope_is_told_which(
    installation: Installation, http: httpx2.AsyncClient, connect: Connect
) -> None:
    reader = await Caller.create(installation, http, "Readers", ("posts:read",))
    async with connect(**{"X-Api-Key": reader.key}) as client:
        assert (await call(client, "list_posts"))["posts"] == []
        error = await refused(client, "list_connections")
    assert (error["code"], error["required_scope"]) == ("scope_missing", "connections:read")


async def test_session_belongs_to_its_key(
    installation: Installation, http: httpx2.AsyncClient, served: str, caller: Caller
) -> None:
    stranger = await Caller.create(installation, http, "Strangers")
    async with httpx2.AsyncClient(trust_env=False, headers=ACCEPTS) as client:
        opened = await client.post(f"{served}/mcp", json=HELLO, headers={"X-Api-Key": caller.key})
        session = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
        listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
        theirs = await client.post(f"{served}/mcp", json=listing, headers=session | {"X-Api-Key": stranger.key})
        assert theirs.status_code == 404
        own = await client.post(f"{served}/mcp", json=listing, headers=session | {"X-Api-Key": caller.key})
        assert own.status_code == 200
        ended = await client.delete(f"{served}/mcp", headers=session | {"X-Api-Key": caller.key})
        assert ended.status_code == 200


async def test_sessions_of_one_workspace_leave_room_for_others(
    installation: Installation, http: httpx2.AsyncClient, served: str, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clipcast.server.mcp.SESSIONS_OF_WORKSPACE_MAX", 2)
    stranger = await Caller.create(installation, http, "Strangers")
    async with httpx2.AsyncClient(trust_env=False, headers=ACCEPTS) as client:

        async def open_session(key: str) -> httpx2.Response:
            return await client.post(f"{served}/mcp", json=HELLO, headers={"X-Api-Key": key})

        opened = [await open_session(caller.key) for _ in range(3)]
        assert [one.status_code for one in opened] == [200, 200, 503]
        assert (await open_session(stranger.key)).status_code == 200
        session = {"Mcp-Session-Id": opened[0].headers["mcp-session-id"], "X-Api-Key": caller.key}
        await client.delete(f"{served}/mcp", headers=session)
        assert (await open_session(caller.key)).status_code == 200


@pytest.mark.usefixtures("any_host")
async def test_invalid_call_imports_nothing(stage: Stage, connect: Connect) -> None:
    """Accounts, texts and times are checked before the clip library grows."""
    await stage.connect("threads")
    to = [f"threads:@{ACCOUNT}"]
    async with serving(file_handler(stage.clip.read_bytes())) as address, connect() as client:
        clip = {"url": f"{address}/latest.mp4", "text": "Tide"}
        for wrong in ({"to": ["threads:@nobody"]}, {"to": to, "at": "2020-01-01T00:00:00Z"}):
            error = await refused(client, "publish_file", **clip, **wrong)
            assert (error["code"], len(error["errors"])) == ("validation_failed", 1)
            checked = await client.call_tool("publish_file", clip | wrong | {"dry_run": True})
            assert (checked.is_error, checked.structured_content["edit_id"]) == (True, None)
        assert (await call(client, "list_videos"))["clips"] == []
        at = clock.now() + timedelta(minutes=5)
        made = await call(client, "publish_file", **clip, to=to, at=format_timestamp(at))
        clock.move(timedelta(minutes=10))
        again = await call(client, "publish_file", **clip, to=to, at=format_timestamp(at))
        assert again["post_id"] == made["post_id"]


@pytest.mark.usefixtures("any_host")
async def test_address_is_imported_anew_for_another_publication(stage: Stage, connect: Connect) -> None:
    await stage.connect("threads")
    async with serving(file_handler(stage.clip.read_bytes())) as address, connect() as client:

        async def edit_of(**more: Any) -> Any:
            arguments = {"url": f"{address}/latest.mp4", "to": [f"threads:@{ACCOUNT}"], "text": "Tide"} | more
            return (await call(client, "publish_file", **arguments, dry_run=True))["edit_id"]

        first = await edit_of()
        assert await edit_of(wait_seconds=7) == first
        assert len({first, await edit_of(idempotency_key="2"), await edit_of(text="Ebb")}) == 3
        for video in (await call(client, "list_videos"))["clips"]:
            await call(client, "delete_video", video_id=video["video_id"])
        again = await edit_of()
        assert again not in (None, first)
        assert await edit_of() == again


async def test_pages_of_other_sites_reach_nothing(served: str, caller: Caller) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    async with httpx2.AsyncClient(trust_env=False, headers={"X-Api-Key": caller.key}) as http:
        for headers, status in (
            ({"Host": "attacker.example"}, 421),
            ({"Origin": "https://attacker.example"}, 403),
            ({"Origin": "https://attacker.example", "Sec-Fetch-Site": "cross-site"}, 403),
            ({"Origin": "null"}, 403),
        ):
            answer = await http.post(f"{served}/mcp", json=body, headers=headers)
            assert answer.status_code == status, headers


async def test_there_is_no_stream_to_open(served: str, caller: Caller) -> None:
    async with httpx2.AsyncClient(trust_env=False, headers={"X-Api-Key": caller.key}) as http:
        answer = await http.get(f"{served}/mcp", headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, POST")
