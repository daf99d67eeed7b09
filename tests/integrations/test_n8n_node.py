"""The n8n node passes n8n's linters, publishes, and starts workflows by webhooks."""

import json
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook

from clipcast.testing.harness import some_day
from clipcast.webhooks.events import TYPES
from tests.integrations.conftest import N8n, run_tool

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw1h2k3l4m5n6o"


def test_linters_of_n8n_find_nothing(tools: None) -> None:
    linted = run_tool("eslint/bin/eslint.js", "--max-warnings", "0", ".")
    assert linted.returncode == 0, linted.stdout + linted.stderr


async def test_node_publishes_a_file_of_the_workflow(n8n: N8n) -> None:
    stage = n8n.served.stage
    for platform in ("bluesky", "youtube"):
        await stage.connect(platform)
    assert len((await n8n("check"))["result"][0]["connections"]) == 1
    choices = (await n8n("options", property="accounts"))["result"]
    assert [choice["name"].partition(":")[0] for choice in choices] == ["bluesky", "youtube"]
    for streamed in (False, True):
        [created] = await n8n.run(
            file={"path": str(stage.clip), "streamed": streamed},
            resource="post",
            operation="publish",
            accounts=[choice["value"] for choice in choices],
            text="First light",
            additionalFields={
                "title": "Harbour",
                "tags": "harbour, morning",
                "platformFields": json.dumps({"youtube": {"privacyStatus": "unlisted"}}),
            },
        )
        assert created["item_count"] == 2
    await stage.run_until_ended()
    [post] = await n8n.run(resource="post", operation="get", postId=created["post_id"], wait=5)
    assert post["status"] == "completed"
    bluesky, youtube = (item["metadata"][item["platform"]] for item in post["items"])
    assert bluesky["text"] == youtube["description"] == "First light"
    assert (youtube["title"], youtube["tags"]) == ("Harbour", ["harbour", "morning"])
    assert youtube["privacyStatus"] == "unlisted"
    answer = await n8n("run", parameters={"resource": "post", "operation": "retry", "postId": created["post_id"]})
    assert answer["error"].startswith("The post has no failed item.")


async def test_node_publishes_a_clip_that_clipcast_has_later(n8n: N8n) -> None:
    stage = n8n.served.stage
    await stage.connect("bluesky")
    edit_id = await stage.caller.upload(stage.clip)
    parameters = {
        "resource": "post", "operation": "publish", "source": "clip", "editSettingId": edit_id,
        "accounts": "bluesky:@harbour.films", "text": "First light",
    }  # fmt: skip
    fields = {"scheduledAt": f"{some_day()}T18:00:00", "timezone": "America/Sao_Paulo", "idempotencyKey": "harbour"}
    [created] = await n8n.run(**parameters, additionalFields=fields)
    assert created["scheduled_at"] == f"{some_day()}T21:00:00.000Z"
    assert await n8n.run(**parameters, additionalFields=fields) == [created]
    accounts = await n8n.run(resource="account", operation="getAll", limit=1)
    assert [account["platform"] for account in accounts] == ["bluesky"]
    answer = await n8n("run", parameters=parameters | {"additionalFields": {"platformFields": "{"}})
    assert answer["error"].startswith("Platform Fields is not valid JSON")
    answer = await n8n("run", parameters=parameters | {"accounts": "bluesky:@harbour.films, @nobody"})
    assert "/videos/0/targets/1/connectionId: There is no account '@nobody'" in answer["error"]


async def test_trigger_creates_changes_and_deletes_its_webhook(n8n: N8n) -> None:
    stage, saved = n8n.served.stage, {}

    async def call(method: str, events: list[str]) -> Any:
        nonlocal saved
        arguments = {"parameters": {"events": events}, "address": "https://n8n.example.org/webhook/1", "saved": saved}
        answer = (await n8n("hook", method=method, **arguments))["result"]
        saved = answer["saved"]
        return answer["result"]

    async def shown() -> list[dict[str, Any]]:
        webhooks: list[dict[str, Any]] = (await stage.caller.get("/webhooks")).json()["webhooks"]
        return webhooks

    assert not await call("checkExists", ["item.failed"])
    assert await call("create", ["item.failed"])
    [webhook] = await shown()
    assert (webhook["url"], webhook["events"]) == ("https://n8n.example.org/webhook/1", ["item.failed"])
    assert webhook["description"] == "n8n: Harbour"
    assert saved["secret"].startswith("whsec_")
    await stage.caller.call("PATCH", f"/webhooks/{webhook['id']}", json={"enabled": False})
    assert await call("checkExists", [])
    [webhook] = await shown()
    assert (webhook["status"], webhook["events"]) == ("active", None)
    for _ in range(2):
        assert await call("delete", [])
        assert (await shown(), saved) == ([], {})
    saved = {"webhookId": webhook["id"]}
    assert not await call("checkExists", [])
    refused = await n8n("hook", method="create", parameters={"events": []}, address="a", saved={})
    assert "/url: This is not an address." in refused["error"]


async def test_trigger_offers_all_types_of_events(n8n: N8n) -> None:
    assert set((await n8n("events"))["result"]) == set(TYPES)


async def test_trigger_accepts_what_the_webhook_signed_in_the_last_minutes(n8n: N8n) -> None:
    body = json.dumps({"type": "post.completed", "data": {"post_id": "é"}}, ensure_ascii=False)

    async def accepts(age: int = 0, **change: str) -> bool:
        at = datetime.fromtimestamp(datetime.now(UTC).timestamp() - age, UTC)
        # During a rotation, a request has two signatures.
        signatures = "v1,bm8= " + Webhook(SECRET).sign("event", at, body)
        headers = {"id": "event", "timestamp": str(int(at.timestamp())), "signature": signatures} | change
        sent = {f"webhook-{name}": value for name, value in headers.items()}
        answer = (await n8n("webhook", headers=sent, body=body, saved={"secret": SECRET}))["result"]
        event = {"event_id": "event"} | json.loads(body)
        assert answer in ({"workflowData": [[{"json": event}]]}, {"noWebhookResponse": True, "code": 401})
        return "workflowData" in answer

    assert await accepts()
    assert await accepts(age=-200)
    for age in (400, -400):
        assert not await accepts(age=age)
    for change in (
        {"id": "another"}, {"timestamp": "soon"}, {"signature": "v1,"}, {"signature": "v1a,bm8="}, {"signature": ""}
    ):  # fmt: skip
        assert not await accepts(**change)
