"""`clipcast mcp` as agents start it, with the official client of the protocol."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from clipcast.testing.harness import ACCOUNT, Caller, Stage, running, some_day
from mcp import Client, MCPError, StdioServerParameters
from tests.mcp.conftest import Person
from tests.mcp.test_http import call, refused
from tests.platforms.raw_server import head, raw_server

Start = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def start(served: str, caller: Caller) -> Start:
    """Return a function that starts the command and connects to it."""

    @asynccontextmanager
    async def open_client(person: Person | None = None, mode: str = "auto", **environ: str) -> AsyncIterator[Client]:
        environ = {"CLIPCAST_URL": served, "CLIPCAST_API_KEY": caller.key, "NO_PROXY": "*"} | environ
        command = StdioServerParameters(command=sys.executable, args=["-m", "clipcast", "mcp"], env=environ)
        async with Client(command, mode=mode, elicitation_callback=person and person.answer) as client:
            yield client

    return open_client


async def test_one_call_takes_a_file_to_its_accounts(
    stage: Stage, start: Start, person: Person, tmp_path: Path
) -> None:
    await stage.connect("bluesky")
    await stage.connect("threads")
    clip = tmp_path / "first light.MP4"
    clip.write_bytes(stage.clip.read_bytes())
    arguments = {"file": str(clip), "to": [f"bluesky:@{ACCOUNT}", f"threads:@{ACCOUNT}"], "text": "First light"}
    async with running(stage.worker), start(person) as client:
        assert (
            "file"
            in {tool.name: tool for tool in (await client.list_tools()).tools}["publish_file"].input_schema[
                "properties"
            ]
        )
        checked = await call(client, "publish_file", **arguments, dry_run=True)
        published = await call(client, "publish_file", **arguments)
        again = await call(client, "publish_file", **arguments)
        another = await call(client, "publish_file", **arguments, idempotency_key="2", allow_duplicate=True)
    assert (checked["valid"], checked["edit_id"]) == (True, published["edit_id"])
    assert [item["status"] for item in published["items"]] == ["published", "published"]
    assert again["post_id"] == published["post_id"]
    assert another["post_id"] != published["post_id"]
    assert person.questions == [f"Publish {clip} now to {', '.join(arguments['to'])}? Text: First light"] * 3
    assert len(await stage.sandbox.posts()) == 4
    assert len((await stage.caller.get("/clips")).json()["clips"]) == 1


async def test_upload_that_is_gone_begins_anew(stage: Stage, start: Start) -> None:
    await stage.connect("youtube")
    post = {"file": str(stage.clip), "to": [f"@{ACCOUNT}"], "title": "Harbour", "dry_run": True}
    async with start(mode="legacy") as client:
        first = await call(client, "publish_file", **post)
        [video] = (await call(client, "list_videos"))["clips"]
        await call(client, "delete_video", video_id=video["video_id"])
        second = await call(client, "publish_file", **post)
        third = await call(client, "publish_file", **post)
    assert first["edit_id"] != second["edit_id"] == third["edit_id"]


async def test_post_that_was_deleted_is_named(stage: Stage, start: Start) -> None:
    await stage.connect("bluesky")
    post = {"file": str(stage.clip), "to": [f"@{ACCOUNT}"], "text": "Harbour", "at": f"{some_day()}T10:00:00Z"}
    async with start() as client:
        first = await call(client, "publish_file", **post)
        await call(client, "delete_post", post_id=first["post_id"])
        error = await refused(client, "publish_file", **post)
        again = await call(client, "publish_file", **post, idempotency_key="2")
    assert (error["code"], error["post_id"]) == ("not_found", first["post_id"])
    assert "was deleted" in error["fix"]
    assert again["post_id"] != first["post_id"]


async def test_only_video_files_leave_the_machine(stage: Stage, start: Start, tmp_path: Path, person: Person) -> None:
    await stage.connect("threads")
    post = {"to": [f"threads:@{ACCOUNT}"], "text": "Tide"}
    person.action = "decline"
    secret = tmp_path / "id_rsa"
    secret.write_text("secret")
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "link.mp4").symlink_to(secret)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("This is no video." * 100)
    async with start() as client:
        for name, code in (
            ("id_rsa", "not_a_video"), ("pipe.mp4", "not_a_file"), ("folder.mp4", "not_a_file"),
            ("link.mp4", "not_a_video"), ("none.mp4", "file_not_found"), ("a\0b.mp4", "file_not_found"),
            ("empty.mp4", "usage"), ("text.mp4", "unsupported_media_type"),
        ):  # fmt: skip
            assert (await refused(client, "publish_file", file=str(tmp_path / name), **post))["code"] == code, name
        assert (await call(client, "list_videos"))["clips"] == []
    async with start(person) as client:
        assert (await refused(client, "publish_file", file=str(secret), **post))["code"] == "declined"


def test_command_without_a_key_says_how_to_give_one(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    environ["CLIPCAST_URL"] = "http://127.0.0.1:1"
    command = [sys.executable, "-m", "clipcast", "mcp"]
    done = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "clipcast login http://127.0.0.1:1" in done.stderr


async def test_unreachable_installation_and_wrong_key_are_named(start: Start) -> None:
    async with start(CLIPCAST_URL="http://127.0.0.1:1") as client:
        with pytest.raises(MCPError, match="connection_failed"):
            await client.list_tools()
        error = await refused(client, "list_posts")
        assert "CLIPCAST_URL" in error["fix"]
    async with start(CLIPCAST_API_KEY="clipcast_wrong") as client:
        error = await refused(client, "list_posts")
    assert (error["code"], "CLIPCAST_API_KEY" in error["fix"]) == ("unauthorized", True)


@pytest.mark.parametrize(
    "document", [{"paths": {"/pets": {"get": {}}}}, {"paths": []}, [], {"info": {"title": "Clipcast"}}]
)
async def test_description_of_another_product_is_named(start: Start, document: Any) -> None:
    body = json.dumps(document).encode()
    response = head("Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close") + body
    async with raw_server(response) as url, start(CLIPCAST_URL=url) as client:
        error = await refused(client, "list_posts")
    assert (error["code"], error["fix"]) == ("unexpected_response", "Correct CLIPCAST_URL.")


async def test_saved_login_needs_no_environment(stage: Stage, start: Start, served: str, tmp_path: Path) -> None:
    connection = await stage.connect("youtube")
    (tmp_path / "clipcast").mkdir()
    (tmp_path / "clipcast" / "logins.json").write_text(
        json.dumps({"current": served, "keys": {served: stage.caller.key}})
    )
    async with start(CLIPCAST_URL="", CLIPCAST_API_KEY="", XDG_CONFIG_HOME=str(tmp_path)) as client:
        [content] = (await client.read_resource(f"clipcast://connections/{connection}")).contents
    shown: Any = json.loads(content.text)  # type: ignore[union-attr]
    assert shown["username"] == ACCOUNT
