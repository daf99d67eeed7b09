"""The control routes that users test their own integrations with."""

import pytest

from clipcast.testing.harness import Sandbox, Stage


async def test_posts_have_the_documented_shape(stage: Stage) -> None:
    await stage.post(await stage.connect("youtube"), "youtube", {"title": "Tide"})
    await stage.run_until_ended()
    [post] = await stage.sandbox.posts()
    assert set(post) == {
        "platform", "account_id", "post_id", "url", "caption", "visibility", "sha256", "bytes", "created_at",
        "metadata",
    }  # fmt: skip
    assert await stage.sandbox.posts("tiktok") == []
    page = await stage.sandbox.client.get(post["url"])
    assert "Tide" in page.text
    media = await stage.sandbox.client.get(
        f"/__sandbox/media/youtube/{post['post_id']}", headers={"Range": "bytes=0-9"}
    )
    assert (media.status_code, len(media.content)) == (206, 10)
    deleted = await stage.sandbox.client.delete(f"/__sandbox/posts/youtube/{post['post_id']}")
    assert deleted.status_code == 204
    assert await stage.sandbox.posts() == []


async def test_secrets_are_masked_in_what_was_received(stage: Stage) -> None:
    await stage.post(await stage.connect("tiktok"), "tiktok", {"privacyLevel": "SELF_ONLY"})
    await stage.run_until_ended()
    received = (await stage.sandbox.client.get("/__sandbox/requests", params={"platform": "tiktok"})).json()
    assert [r["request"] for r in received][:3] == ["token", "user_info", "creator_info"]
    assert {r["headers"]["authorization"] for r in received if "authorization" in r["headers"]} == {"***"}
    chunk = next(r for r in received if r["request"] == "chunk")
    assert chunk["query"]["upload_token"] == "***"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/__sandbox/faults", {"platform": "tiktok"}, 422),
        ("POST", "/__sandbox/faults", {"platform": "myspace", "request": "x", "when": "after", "kind": "reset"}, 422),
        ("POST", "/__sandbox/faults", {"platform": "tiktok", "request": "x", "when": "soon", "kind": "reset"}, 422),
        ("PATCH", "/__sandbox/settings", {"tiktok": {"nothing": 1}}, 422),
        ("PATCH", "/__sandbox/settings", [], 422),
        ("PATCH", "/__sandbox/accounts/tiktok/nobody", {}, 404),
        ("POST", "/__sandbox/accounts/myspace", {"username": "x"}, 404),
        ("POST", "/__sandbox/accounts/tiktok", {}, 422),
        ("POST", "/__sandbox/clock", {"seconds": -1}, 422),
        ("POST", "/__sandbox/clock", {}, 422),
        ("DELETE", "/__sandbox/posts/tiktok/1", None, 404),
    ],
)
async def test_wrong_orders_are_refused(sandbox: Sandbox, method: str, path: str, body: object, status: int) -> None:
    answer = await sandbox.client.request(method, path, json=body)
    assert answer.status_code == status
    assert answer.json()["detail"]


async def test_unknown_account_flags_name_the_known_ones(sandbox: Sandbox) -> None:
    account = await sandbox.account("tiktok")
    answer = await sandbox.client.patch(f"/__sandbox/accounts/tiktok/{account['account_id']}", json={"bannd": True})
    assert answer.status_code == 422
    assert "banned" in answer.json()["detail"]


async def test_faults_are_listed_and_used_up(sandbox: Sandbox) -> None:
    await sandbox.fault("tiktok", "user_info", "before", "status", status=418, times=2)
    url = "/open.tiktokapis.com/v2/user/info/"
    assert [(await sandbox.client.get(url)).status_code for _ in range(3)] == [418, 418, 401]
    assert (await sandbox.client.get("/__sandbox/faults")).json() == []


@pytest.mark.parametrize(
    ("platform", "changes", "named"),
    [
        ("tiktok", {"processing_seconds": "2"}, "processing_seconds"),
        ("tiktok", {"processing_seconds": -1}, "processing_seconds"),
        ("tiktok", {"oauth_error_status": 99_999}, "oauth_error_status"),
        ("youtube", {"error_style": "xml"}, "error_style"),
        ("bluesky", {"part_bytes": 0}, "part_bytes"),
        ("linkedin", {"active_versions": "202609"}, "active_versions"),
    ],
)
async def test_setting_of_another_kind_is_refused(
    sandbox: Sandbox, platform: str, changes: dict[str, object], named: str
) -> None:
    before = (await sandbox.client.get("/__sandbox/settings")).json()
    answer = await sandbox.client.patch("/__sandbox/settings", json={platform: changes})
    assert (answer.status_code, named in answer.json()["detail"]) == (422, True)
    assert (await sandbox.client.get("/__sandbox/settings")).json() == before
