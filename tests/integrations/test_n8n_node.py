"""The n8n node passes n8n's linters, publishes, and starts workflows by webhooks."""

import json
from datetime import UTC, datetime

from standardwebhooks import Webhook

from tests.integrations.conftest import N8n, run_tool

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw1h2k3l4m5n6o"


def test_linters_of_n8n_find_nothing(tools: None) -> None:
    linted = run_tool("eslint/bin/eslint.js", "--max-warnings", "0", ".")
    assert linted.returncode == 0, linted.stdout + linted.stderr


async def test_node_publishes_a_file_of_the_workflow(n8n: N8n) -> None:
    stage = n8n.served.stage
    for platform in ("bluesky", "youtube"):
        await stage.connect(platform)
    assert len((await n8n("check"))["result"]["connections"]) == 1
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
    assert "no_failed_items" in answer["error"]


async def test_node_publishes_a_clip_that_clipcast_has_later(n8n: N8n) -> None:
    stage = n8n.served.stage
    await stage.connect("bluesky")
    edit_id = await stage.caller.upload(stage.clip)
    parameters = {
        "resource": "post", "operation": "publish", "source": "clip", "editSettingId": edit_id,
        "accounts": "bluesky:@harbour.films", "text": "First light",
    }  # fmt: skip
    fields = {"scheduledAt": "2027-01-24T18:00:00", "timezone": "America/Sao_Paulo", "idempotencyKey": "harbour"}
    [created] = await n8n.run(**parameters, additionalFields=fields)
    assert created["scheduled_at"] == "2027-01-24T21:00:00.000Z"
    assert await n8n.run(**parameters, additionalFields=fields) == [created]
    accounts = await n8n.run(resource="account", operation="getAll", limit=1)
    assert [account["platform"] for account in accounts] == ["bluesky"]
    answer = await n8n("run", parameters=parameters | {"additionalFields": {"platformFields": "{"}})
    assert answer == {"error": "Platform Fields is not valid JSON"}


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
