"""Tests of the control routes."""

import re
from pathlib import Path

import pytest

from clipcast.testing.harness import Sandbox, Stage

FAULT = {"platform": "tiktok", "request": "chunk", "when": "after", "kind": "reset"}


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


async def test_secrets_are_masked_in_received_requests(stage: Stage) -> None:
    await stage.post(await stage.connect("tiktok"), "tiktok", {"privacyLevel": "SELF_ONLY"})
    await stage.run_until_ended()
    received = (await stage.sandbox.client.get("/__sandbox/requests", params={"platform": "tiktok"})).json()
    assert [r["request"] for r in received][:3] == ["token", "user_info", "creator_info"]
    assert {r["headers"]["authorization"] for r in received if "authorization" in r["headers"]} == {"***"}
    chunk = next(r for r in received if r["request"] == "chunk")
    assert chunk["query"]["upload_token"] == "***"


async def test_requests_are_removed_of_one_platform_or_all(stage: Stage) -> None:
    for platform in ("tiktok", "threads"):
        await stage.connect(platform)
    sandbox, path = stage.sandbox.client, "/__sandbox/requests"
    for params, left in (({"platform": "tiktok"}, {"threads"}), ({}, set())):
        assert (await sandbox.delete(path, params=params)).status_code == 204
        assert {one["platform"] for one in (await sandbox.get(path)).json()} == left


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/__sandbox/faults", {"platform": "tiktok"}, 422),
        ("POST", "/__sandbox/faults", {"platform": "myspace", "request": "x", "when": "after", "kind": "reset"}, 422),
        ("POST", "/__sandbox/faults", {"platform": "tiktok", "request": "x", "when": "soon", "kind": "reset"}, 422),
        ("POST", "/__sandbox/faults", FAULT | {"time": 2}, 422),
        ("GET", "/__sandbox/posts?platform=myspace", None, 422),
        ("GET", "/__sandbox/requests?platform=myspace", None, 422),
        ("DELETE", "/__sandbox/requests?platform=myspace", None, 422),
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
async def test_invalid_control_request_returns_its_status_and_detail(
    sandbox: Sandbox, method: str, path: str, body: object, status: int
) -> None:
    response = await sandbox.client.request(method, path, json=body)
    assert response.status_code == status
    assert response.json()["detail"]


async def test_unknown_account_flag_returns_422_with_the_valid_flags(sandbox: Sandbox) -> None:
    account = await sandbox.account("tiktok")
    response = await sandbox.client.patch(f"/__sandbox/accounts/tiktok/{account['account_id']}", json={"bannd": True})
    assert response.status_code == 422
    assert "banned" in response.json()["detail"]


@pytest.mark.parametrize(
    ("platform", "named"), [("tiktok", "creator_info"), ("facebook", "chunk"), ("*", "session_status")]
)
async def test_fault_of_unknown_request_returns_422_with_the_accepted_names(
    sandbox: Sandbox, platform: str, named: str
) -> None:
    """A misspelled name would never fire."""
    for request, status in (("creator_inf", 422), ("", 422), (named, 201), ("*", 201)):
        fault = FAULT | {"platform": platform, "request": request}
        response = await sandbox.client.post("/__sandbox/faults", json=fault)
        assert response.status_code == status
        if status == 422:
            assert f" {named}, " in response.json()["detail"]
            assert response.json()["detail"].endswith(", or *.")
    assert len((await sandbox.client.get("/__sandbox/faults")).json()) == 2


def test_documented_requests_are_those_that_a_fault_can_name(sandbox: Sandbox) -> None:
    for section in Path("docs/sandbox.md").read_text().split("\n## ")[1:]:
        heading, _, text = section.partition("\n")
        listed = re.search(r"^Requests: (.*?)\n\n", text, re.MULTILINE | re.DOTALL)
        if listed is None:
            continue
        simulators = [one for one in sandbox.simulators.values() if one.title in heading]
        assert simulators
        documented = set(re.findall("`([a-z_]+)`", listed[1]))
        named = {name for one in simulators for name in one.request_names}
        # Facebook's tokens are not renewed, so its page does not list the request.
        assert documented | {"refresh"} == named | {"refresh"}, heading


async def test_fault_ends_after_its_times(sandbox: Sandbox) -> None:
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
async def test_setting_of_wrong_type_returns_422_and_changes_nothing(
    sandbox: Sandbox, platform: str, changes: dict[str, object], named: str
) -> None:
    before = (await sandbox.client.get("/__sandbox/settings")).json()
    response = await sandbox.client.patch("/__sandbox/settings", json={platform: changes})
    assert (response.status_code, named in response.json()["detail"]) == (422, True)
    assert (await sandbox.client.get("/__sandbox/settings")).json() == before
