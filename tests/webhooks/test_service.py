"""Webhooks by the API: who may do what, which addresses are accepted, secrets, tests and replays."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import structlog
from sqlalchemy import text
from standardwebhooks import Webhook as Signer
from standardwebhooks import WebhookVerificationError

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.testing.harness import Caller
from clipcast.webhooks import service
from clipcast.webhooks.retention import KEPT, delete_old
from clipcast.webhooks.service import WEBHOOKS_MAX
from tests.webhooks.hooks import Hooks
from tests.webhooks.receiver import Receiver, Reply

URL = "https://hooks.example/in"


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({"url": "http://hooks.example/"}, "/url", "https_required"),
        ({"url": "https://10.0.0.7/"}, "/url", "address_not_public"),
        ({"url": "https://[::ffff:127.0.0.1]/"}, "/url", "address_not_public"),
        ({"url": "https://localhost/"}, "/url", "address_not_public"),
        ({"url": "https://user:pass@hooks.example/"}, "/url", "invalid"),
        ({"url": "ftp://hooks.example/"}, "/url", "https_required"),
        ({"url": "https://127.1/"}, "/url", "invalid"),
        ({"url": "https://2130706433/"}, "/url", "invalid"),
        ({"url": "https://0x7f.1/"}, "/url", "invalid"),
        ({"url": "https://0/"}, "/url", "invalid"),
        ({"url": "https://a..b/"}, "/url", "invalid"),
        ({"url": "https://xn--a/"}, "/url", "invalid"),
        ({"url": "https://xn--/"}, "/url", "invalid"),
        ({"url": "https://a.xn--/"}, "/url", "invalid"),
        ({"url": "https://hooks.example/a\r\nX: y"}, "/url", "invalid"),
        ({"url": "https://hooks.example:0/"}, "/url", "invalid"),
        ({"url": "https://hooks.example/in#part"}, "/url", "invalid"),
        ({"url": "https://hooks.example/" + "\u00e9" * 1000}, "/url", "too_long"),
        ({"url": "https://hooks.example/" + "x" * 2048}, "/url", "too_long"),
        ({"url": URL, "events": []}, "/events", "too_short"),
        ({"url": URL, "events": ["item.removed"]}, "/events/0", "not_available"),
        ({"url": URL, "events": ["item.lost"]}, "/events/0", "not_allowed"),
        ({"url": URL, "description": "x" * 201}, "/description", "too_long"),
    ],
)
async def test_webhook_that_cannot_work_is_rejected_with_its_field(
    hooks: Hooks, body: dict[str, Any], path: str, code: str
) -> None:
    response = await hooks.caller.post("/webhooks", body)
    assert response.status_code == 422, response.text
    [problem] = response.json()["errors"]
    assert (problem["path"], problem["code"]) == (path, code), problem


async def test_webhooks_are_listed_changed_and_deleted_in_their_workspace_alone(hooks: Hooks) -> None:
    made = await hooks.create(URL, events=["post.completed"], description="n8n")
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert (made["status"], made["events"], made["description"]) == ("active", ["post.completed"], "n8n")
    assert await hooks.show(made) == made
    other = await Caller.create(hooks.installation, hooks.caller.http, "Other")
    assert (await other.get(f"/webhooks/{made['id']}")).status_code == 404
    assert (await other.get("/webhooks")).json()["webhooks"] == []
    path = f"/webhooks/{made['id']}"
    changed = await hooks.caller.call("PATCH", path, json={"events": None, "enabled": False})
    assert changed.json()["status"] == "disabled"
    assert (changed.json()["events"], changed.json()["description"]) == (None, "n8n")
    assert (await hooks.caller.post(f"{path}/test")).json()["code"] == "webhook_disabled"
    assert (await hooks.caller.call("PATCH", path, json={"enabled": True})).json()["status"] == "active"
    assert (await hooks.caller.get("/webhooks")).json()["pagination"]["total_count"] == 1
    assert (await hooks.caller.call("DELETE", path)).status_code == 204
    async with hooks.installation.database.connect() as connection:
        for table in ("webhooks", "event_listeners"):
            assert (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0


async def test_address_is_stored_as_it_is_sent(hooks: Hooks, receiver: Receiver) -> None:
    text = receiver.url.replace("http", "HTTP") + "/a b HTTP/1.1"
    made = await hooks.create(text)
    assert made["url"] == f"{receiver.url}/a%20b%20HTTP/1.1"
    await hooks.happen_to()
    await hooks.deliver()
    assert [request.path for request in receiver.requests] == ["/hooks/a%20b%20HTTP/1.1"]
    assert (await hooks.create("https://8.8.8.8/"))["url"] == "https://8.8.8.8/"


async def test_continued_replay_sends_each_event_once(
    hooks: Hooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also events of one moment, and those whose times are not in the order of their sequence."""
    monkeypatch.setattr(service, "REPLAYED_MAX", 5)
    webhook = await hooks.create(receiver.url)
    body = {"since": (clock.now() - timedelta(minutes=1)).isoformat()}
    await hooks.happen_to(12)
    async with hooks.installation.database.begin() as session:
        await session.execute(text("UPDATE events SET created_at = created_at - interval '1 s' WHERE sequence % 2 = 0"))
    await hooks.deliver()
    sent, counts = {request.id for request in receiver.requests}, []
    del receiver.requests[:]
    while body.get("after") is not None or not counts:
        replayed = (await hooks.caller.post(f"/webhooks/{webhook['id']}/replay", body)).json()
        counts.append(replayed["replayed"])
        body["after"] = replayed["continue_after"]
    await hooks.deliver()
    assert counts == [5, 5, 2]
    assert len(receiver.requests) == 12
    assert {request.id for request in receiver.requests} == sent


async def test_workspace_has_at_most_so_many_webhooks(hooks: Hooks) -> None:
    for _ in range(WEBHOOKS_MAX):
        await hooks.create(URL)
    response = await hooks.caller.post("/webhooks", {"url": URL})
    assert (response.status_code, response.json()["code"]) == (409, "too_many_webhooks")


async def test_key_needs_the_scopes_of_webhooks(hooks: Hooks) -> None:
    made = await hooks.create(URL)
    reader = await Caller.create(hooks.installation, hooks.caller.http, "Reader", ("webhooks:read",))
    assert (await reader.get("/webhooks")).status_code == 200
    for method, path in (("POST", "/webhooks"), ("POST", f"/webhooks/{made['id']}/rotate")):
        response = await reader.call(method, path, json={"url": URL})
        assert response.json()["required_scope"] == "webhooks:write"
    poster = await Caller.create(hooks.installation, hooks.caller.http, "Poster", ("posts:read",))
    assert (await poster.get("/webhooks")).json()["required_scope"] == "webhooks:read"


async def test_rotated_secret_and_the_former_one_verify_for_a_day(hooks: Hooks, receiver: Receiver) -> None:
    webhook = await hooks.create(receiver.url)
    rotated = (await hooks.caller.post(f"/webhooks/{webhook['id']}/rotate")).json()
    await hooks.happen_to()
    await hooks.deliver()
    clock.move(timedelta(hours=24, minutes=1))
    await hooks.happen_to()
    await hooks.deliver()
    [both, new] = receiver.requests
    assert len(both.headers["webhook-signature"].split()) == 2
    assert len(new.headers["webhook-signature"].split()) == 1
    assert both.verified(webhook["secret"]) == both.verified(rotated["secret"])
    new.headers["webhook-timestamp"] = both.headers["webhook-timestamp"]
    with pytest.raises(WebhookVerificationError):
        new.verified(webhook["secret"])


async def test_each_rotated_secret_signs_for_its_own_day(hooks: Hooks, receiver: Receiver) -> None:
    """A second rotation does not end what the first one promised."""
    webhook = await hooks.create(receiver.url)
    path, secrets = f"/webhooks/{webhook['id']}/rotate", [webhook["secret"]]
    for _ in range(2):
        secrets.append((await hooks.caller.post(path)).json()["secret"])
        clock.move(timedelta(hours=10))
    await hooks.happen_to()
    await hooks.deliver()
    clock.move(timedelta(hours=5))
    await hooks.happen_to()
    await hooks.deliver()
    for request, valid in zip(receiver.requests, (secrets, secrets[1:]), strict=True):
        at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
        signed = {Signer(secret).sign(request.id, at, request.body.decode()) for secret in valid}
        assert set(request.headers["webhook-signature"].split()) == signed
    statuses = [(await hooks.caller.post(path)).status_code for _ in range(service.FORMER_MAX)]
    assert statuses == [200] * (service.FORMER_MAX - 1) + [409]


async def test_replay_sends_what_waits_for_a_retry_at_once(hooks: Hooks, receiver: Receiver) -> None:
    receiver.replies = [Reply(500)] * 2
    webhook = await hooks.create(receiver.url)
    since = clock.now()
    await hooks.happen_to(2)
    await hooks.deliver()
    assert {one["status"] for one in await hooks.deliveries(webhook)} == {"pending"}
    await hooks.caller.post(f"/webhooks/{webhook['id']}/replay", {"since": since.isoformat()})
    await hooks.deliver()
    assert {one["status"] for one in await hooks.deliveries(webhook)} == {"delivered"}
    assert len(receiver.requests) == 4


async def test_test_goes_to_its_webhook_alone_and_is_shown_with_its_body(hooks: Hooks, receiver: Receiver) -> None:
    webhook = await hooks.create(receiver.url, events=["post.completed"])
    await hooks.create(receiver.url)
    sent = (await hooks.caller.post(f"/webhooks/{webhook['id']}/test")).json()
    assert (sent["type"], sent["status"]) == ("webhook.test", "pending")
    await hooks.deliver()
    [request] = receiver.requests
    assert request.verified(webhook["secret"])["data"]["webhook_id"] == webhook["id"]
    shown = (await hooks.caller.get(f"/webhooks/{webhook['id']}/deliveries/{sent['id']}")).json()
    assert (shown["status"], shown["event_id"], shown["body"]) == ("delivered", request.id, request.event)


async def test_webhook_gets_its_types_alone_and_replays_what_it_missed(hooks: Hooks, receiver: Receiver) -> None:
    webhook = await hooks.create(receiver.url, events=["item.failed"])
    await hooks.create(receiver.url, events=["post.deleted"])
    item, start = new_id(), clock.now()
    await hooks.happen(item)
    await hooks.deliver()
    path = f"/webhooks/{webhook['id']}"
    await hooks.caller.call("PATCH", path, json={"enabled": False})
    await hooks.happen(item, item)
    await hooks.deliver()
    assert len(receiver.requests) == 1
    await hooks.caller.call("PATCH", path, json={"enabled": True})
    replayed = await hooks.caller.post(f"{path}/replay", {"since": start.isoformat()})
    assert (replayed.status_code, replayed.json()) == (202, {"replayed": 3, "continue_after": None})
    await hooks.deliver()
    first, *again = receiver.requests
    assert [request.event["sequence"] for request in again] == sorted(
        {request.event["sequence"] for request in receiver.requests}
    )
    assert (again[0].id, again[0].body) == (first.id, first.body)
    newest = (await hooks.deliveries(webhook))[0]
    response = await hooks.caller.post(f"{path}/deliveries/{newest['id']}/replay")
    assert (response.status_code, response.json()["attempts"]) == (202, 0)
    await hooks.deliver()
    assert receiver.requests[-1].id == newest["event_id"]
    long_ago = {"since": (start - KEPT - timedelta(days=1)).isoformat()}
    assert (await hooks.caller.post(f"{path}/replay", long_ago)).json()["errors"][0]["code"] == "too_early"


async def test_old_events_are_deleted_with_their_deliveries(hooks: Hooks, receiver: Receiver) -> None:
    await hooks.create(receiver.url)
    await hooks.happen_to(2)
    await hooks.deliver()
    clock.move(KEPT)
    await hooks.happen_to()
    await hooks.deliver()
    await delete_old(hooks.installation.database)
    assert len(await hooks.rows()) == 1


async def test_tables_and_logs_hold_no_secret_and_no_address(hooks: Hooks, receiver: Receiver) -> None:
    lines = io.StringIO()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(lines))
    webhook = await hooks.create(receiver.url + "?token=of-the-address")
    rotated = (await hooks.caller.post(f"/webhooks/{webhook['id']}/rotate")).json()
    await hooks.happen_to(2)
    await hooks.deliver()
    async with hooks.installation.database.connect() as connection:
        stored = ""
        for table in ("webhooks", "events", "deliveries", "jobs", "audit_entries", "idempotent_answers"):
            stored += str((await connection.execute(text(f"SELECT t::text FROM {table} t"))).scalars().all())
    for secret in (webhook["secret"], rotated["secret"]):
        assert secret.removeprefix("whsec_") not in stored
        assert secret.removeprefix("whsec_") not in lines.getvalue()
    assert stored.count("of-the-address") == 1
    assert "of-the-address" not in lines.getvalue()
    async with hooks.installation.database.session() as session:
        actions = (await session.execute(text("SELECT action, subject FROM audit_entries ORDER BY id"))).all()
    assert [tuple(row) for row in actions] == [
        ("webhook.created", "Webhook 127.0.0.1"), ("webhook.secret_rotated", "Webhook 127.0.0.1")
    ]  # fmt: skip
    assert UUID(webhook["id"])
