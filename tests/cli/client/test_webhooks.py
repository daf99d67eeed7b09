"""`clipcast webhooks`: events reach a machine without a public address, signed as the original."""

import asyncio
import json
import os
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clipcast.cli.client import webhooks
from clipcast.sdk.webhooks import signer_of
from clipcast.testing.harness import ACCOUNT
from tests.cli.client.conftest import Shell
from tests.webhooks.hooks import Hooks
from tests.webhooks.receiver import Reply, receiving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw1h2k3l4m5n6o"


@pytest.fixture
def hooks(shell: Shell) -> Hooks:
    return Hooks.of(shell.served.stage.installation, shell.served.stage.caller)


def interrupt_after(monkeypatch: pytest.MonkeyPatch, events: int) -> None:
    """Press Ctrl-C when so many events were printed."""
    tell, left = webhooks._tell, events

    def counted(*arguments: Any) -> None:
        nonlocal left
        tell(*arguments)
        left -= 1
        if not left:
            raise KeyboardInterrupt

    monkeypatch.setattr(webhooks, "_tell", counted)
    monkeypatch.setattr(webhooks, "PAUSE", 0.01)


async def test_listen_prints_and_forwards_events_in_order(
    shell: Shell, hooks: Hooks, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shell.served.stage.connect("threads")
    interrupt_after(monkeypatch, 2)
    # A listener of this machine that was killed, and one of another machine.
    gone = await hooks.create(f"{webhooks.ADDRESS}999999999", description=webhooks._description(999999999))
    other = await hooks.create(
        f"{webhooks.ADDRESS}999999999", description="clipcast webhooks listen (other, 999999999)"
    )
    async with receiving() as receiver:
        command = ["webhooks", "listen", "--forward", receiver.url, "--secret", SECRET, "--event", "item.published"]
        listening = asyncio.create_task(shell.run(*command, "--event", "post.completed"))
        while len(await webhook_ids(shell)) < 2 or gone["id"] in await webhook_ids(shell):
            await asyncio.sleep(0.01)
        posted = await shell.run("post", str(clip), "--to", f"threads:@{ACCOUNT}", "--text", "Tide", "--json")
        await shell.served.stage.run_until_ended()
        await hooks.route()
        done = await listening
        assert done.code == 130, done.err
        assert [request.verified(SECRET)["type"] for request in receiver.requests] == [
            "item.published", "post.completed"
        ]  # fmt: skip
    lines = done.out.splitlines()
    assert ["item.published" in lines[0], "post.completed" in lines[1], len(lines)] == [True, True, 2]
    assert all(line.endswith("-> 200") and posted.json["post_id"] in line for line in lines)
    assert await webhook_ids(shell) == {other["id"]}


async def test_delivery_that_moves_to_the_next_page_is_new_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that happens between two pages moves all others by one place."""
    pages = {1: [{"id": "3"}, {"id": "2"}], 2: [{"id": "2"}, {"id": "1"}]}

    class Listing:
        def list_webhook_deliveries(self, _: str, page: int, limit: int) -> dict[str, Any]:
            return {"deliveries": pages[page], "pagination": {"has_next_page": page == 1}}

    opened: Any = SimpleNamespace(client=Listing())
    assert [one["id"] for one in webhooks._new(opened, "w", set())] == ["3", "2", "1"]


async def test_receiver_that_does_not_respond_is_named(
    shell: Shell, hooks: Hooks, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_after(monkeypatch, 1)
    place = "127.0.0.1:1"
    command = ["webhooks", "listen", "--forward", f"http://{place}/", "--json"]
    listening = asyncio.create_task(shell.run(*command))
    while not await webhook_ids(shell):
        await asyncio.sleep(0.01)
    await shell.served.stage.connect("threads")
    await hooks.route()
    done = await listening
    assert json.loads(done.out)["body"]["type"] == "connection.connected"
    assert json.loads(done.out)["forwarded"].startswith(f"{place} is not reachable")
    assert "whsec_" in done.err
    assert f"{socket.gethostname()[:60]}, {os.getpid()}" in webhooks._description(os.getpid())


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("8482", "http://localhost:8482/"),
        (":8482", "http://localhost:8482/"),
        ("localhost:3000/hooks", "http://localhost:3000/hooks"),
        ("ftp://localhost/", "http://localhost:3000/hooks"),
        ("", "http://localhost:3000/hooks"),
    ],
)
async def test_other_forward_is_refused_with_the_right_form(shell: Shell, text: str, form: str) -> None:
    refused = await shell.run("webhooks", "listen", "--forward", text)
    assert (refused.code, refused.err.strip()) == (2, f"--forward {text!r} is not an address. Write it as {form}.")
    assert await webhook_ids(shell) == set()


@pytest.mark.parametrize("secret", ["nope", "", "whsec_nope", "whsec_%"])
async def test_secret_of_no_webhook_is_refused(shell: Shell, secret: str) -> None:
    refused = await shell.run("webhooks", "listen", "--secret", secret)
    assert (refused.code, "--secret is not a secret of a webhook." in refused.err) == (2, True)
    unused = await shell.run("webhooks", "listen", "--secret", SECRET)
    assert (unused.code, "Add --forward ADDRESS" in unused.err) == (2, True)
    assert await webhook_ids(shell) == set()


async def test_proxy_gets_nothing_that_goes_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    body = '{"type":"item.published"}'
    async with receiving() as receiver, receiving(Reply(502)) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)

        def forward(address: str) -> list[str]:
            with webhooks._forwarding(address, signer_of(SECRET)) as send:
                assert send
                return [send(id, body) for id in ("a", "b")]

        for host in ("127.0.0.1", "localhost"):
            address = f"http://{host}:{receiver.port}/hooks"
            assert await asyncio.to_thread(forward, address) == ["200", "200"]
        assert await asyncio.to_thread(forward, "http://hooks.example/in") == ["502", "502"]
    assert [(request.id, request.body.decode()) for request in receiver.requests] == [("a", body), ("b", body)] * 2
    assert len(proxy.requests) == 2


async def test_webhooks_are_created_listed_and_deleted(shell: Shell) -> None:
    private = await shell.run("webhooks", "create", "http://10.0.0.1/")
    assert (private.code, "  url: The address" in private.err) == (2, True)
    made = await shell.run("webhooks", "create", "https://hooks.example.org/x", "--event", "item.failed", "--json")
    assert (made.code, made.json["secret"].startswith("whsec_")) == (0, True), made.err
    listed = await shell.run("webhooks", "list")
    assert listed.out.split() == [made.json["id"], "active", "https://hooks.example.org/x", "item.failed"]
    assert (await shell.run("webhooks", "delete", made.json["id"])).code == 2
    assert (await shell.run("webhooks", "delete", made.json["id"], "--yes")).code == 0
    assert await webhook_ids(shell) == set()


async def webhook_ids(shell: Shell) -> set[str]:
    found = (await shell.served.stage.caller.get("/webhooks")).json()["webhooks"]
    return {one["id"] for one in found}
