"""Tests that the sandbox rejects what TikTok rejects. They send requests without Clipcast's client."""

import hashlib
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from clipcast.cli.browser import Form
from clipcast.testing.harness import ACCOUNT, Sandbox

LOOPBACK = "http://127.0.0.1:5000/back"
VERIFIER = "v" * 43
CHALLENGE = hashlib.sha256(VERIFIER.encode()).hexdigest()
GOOD = {
    "client_key": "k", "response_type": "code", "scope": "user.info.basic,video.publish", "redirect_uri": LOOPBACK,
    "state": "s", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
}  # fmt: skip
AUTHORIZE = "/www.tiktok.com/v2/auth/authorize/"
TOKEN = "/open.tiktokapis.com/v2/oauth/token/"


async def consent(sandbox: Sandbox, query: dict[str, str]) -> dict[str, list[str]]:
    """Allow the request and return the parameters of the redirect."""
    page = await sandbox.client.get(AUTHORIZE + "?" + urlencode(query))
    form = Form()
    form.feed(page.text)
    account = next(id for label, id in form.accounts.items() if ACCOUNT in label)
    scopes = [value for name, value in form.fields if name == "scope"]
    hidden = dict(field for field in form.fields if field[0] == "query")
    data = {"account": account, "decision": "allow", "scope": scopes, **hidden}
    back = await sandbox.client.post(form.action, data=data)
    return parse_qs(urlsplit(back.headers["location"]).query)


async def exchange(sandbox: Sandbox, **changes: Any) -> httpx2.Response:
    code = (await consent(sandbox, GOOD))["code"][0].replace("%2A", "*").replace("%21", "!")
    form = {
        "client_key": "k", "client_secret": "x", "grant_type": "authorization_code", "code": code,
        "redirect_uri": LOOPBACK, "code_verifier": VERIFIER,
    }  # fmt: skip
    return await sandbox.client.post(TOKEN, data=form | changes)


@pytest.mark.parametrize(
    "change",
    [
        {"client_key": "", "client_id": "k"},
        {"scope": "user.info.basic video.publish"},
        {"scope": "user.info.everything"},
        {"redirect_uri": "http://example.org/back"},
        {"redirect_uri": "https://example.org/back?x=1"},
        {"redirect_uri": "http://127.0.0.1/back"},
        {"code_challenge": ""},
        {"state": ""},
    ],
)
async def test_tiktok_consent_with_invalid_parameter_returns_400(sandbox: Sandbox, change: dict[str, str]) -> None:
    response = await sandbox.client.get(AUTHORIZE + "?" + urlencode(GOOD | change))
    assert response.status_code == 400


async def test_tiktok_refresh_ends_the_previous_refresh_token(sandbox: Sandbox) -> None:
    response = (await exchange(sandbox)).json()
    assert (response["expires_in"], response["refresh_expires_in"]) == (7200, 15_552_000)
    assert response["access_token"].startswith("act.")
    form = {"client_key": "k", "client_secret": "x", "grant_type": "refresh_token"}
    first = await sandbox.client.post(TOKEN, data=form | {"refresh_token": response["refresh_token"]})
    assert first.json()["refresh_token"] != response["refresh_token"]
    again = await sandbox.client.post(TOKEN, data=form | {"refresh_token": response["refresh_token"]})
    assert again.json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code": "wrong"}, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:5001/back"}, "invalid_grant"),
        ({"code_verifier": "w" * 43}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"client_secret": ""}, "invalid_client"),
    ],
)
async def test_tiktok_token_with_invalid_parameter_returns_400(
    sandbox: Sandbox, change: dict[str, str], error: str
) -> None:
    response = await exchange(sandbox, **change)
    assert (response.status_code, response.json()["error"]) == (400, error)
    assert response.json()["log_id"]


async def test_tiktok_code_that_is_not_decoded_is_invalid(sandbox: Sandbox) -> None:
    code = (await consent(sandbox, GOOD))["code"][0]
    assert "%2A" in code
    assert (await exchange(sandbox, code=code)).json()["error"] == "invalid_grant"


async def test_tiktok_field_outside_the_granted_scopes_returns_401(sandbox: Sandbox) -> None:
    token = (await exchange(sandbox)).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    url = "/open.tiktokapis.com/v2/user/info/"
    rejected = await sandbox.client.get(url, params={"fields": "open_id,username"}, headers=headers)
    assert (rejected.status_code, rejected.json()["error"]["code"]) == (401, "scope_not_authorized")


async def test_tiktok_seventh_init_in_a_minute_returns_429(sandbox: Sandbox) -> None:
    await sandbox.settings(tiktok={"rate_limits": True})
    token = (await exchange(sandbox)).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    url = "/open.tiktokapis.com/v2/post/publish/video/init/"
    statuses = [(await sandbox.client.post(url, json={}, headers=headers)).status_code for _ in range(7)]
    assert statuses == [400] * 6 + [429]


@pytest.mark.parametrize(
    ("size", "chunk", "count", "status"),
    [
        (4_000_000, 4_000_000, 1, 200),
        (4_000_000, 5_000_000, 1, 400),
        (64_000_001, 64_000_000, 1, 400),
        (64_000_001, 10_000_000, 7, 400),
        (64_000_001, 10_000_000, 6, 200),
        (20_000_000, 4_000_000, 5, 400),
        (0, 0, 0, 400),
    ],
)
async def test_tiktok_init_checks_the_chunk_sizes(
    sandbox: Sandbox, size: int, chunk: int, count: int, status: int
) -> None:
    token = (await exchange(sandbox)).json()["access_token"]
    source = {"source": "FILE_UPLOAD", "video_size": size, "chunk_size": chunk, "total_chunk_count": count}
    info = {"privacy_level": "SELF_ONLY", "brand_content_toggle": False}
    response = await sandbox.client.post(
        "/open.tiktokapis.com/v2/post/publish/video/init/",
        json={"post_info": info, "source_info": source},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert response.status_code == status


async def test_tiktok_pull_needs_a_verified_address(sandbox: Sandbox) -> None:
    token = (await exchange(sandbox)).json()["access_token"]
    body = {
        "post_info": {"privacy_level": "SELF_ONLY", "brand_content_toggle": False},
        "source_info": {"source": "PULL_FROM_URL", "video_url": "https://media.example/a.mp4"},
    }
    headers = {"Authorization": f"Bearer {token}"}
    url = "/open.tiktokapis.com/v2/post/publish/video/init/"
    rejected = await sandbox.client.post(url, json=body, headers=headers)
    assert (rejected.status_code, rejected.json()["error"]["code"]) == (403, "url_ownership_unverified")
    await sandbox.settings(tiktok={"verified_prefixes": ["https://media.example/"]})
    taken = (await sandbox.client.post(url, json=body, headers=headers)).json()["data"]
    assert "upload_url" not in taken
    cancel = "/open.tiktokapis.com/v2/post/publish/cancel/"
    done = await sandbox.client.post(cancel, json={"publish_id": taken["publish_id"]}, headers=headers)
    assert done.json()["error"]["code"] == "ok"
    again = await sandbox.client.post(cancel, json={"publish_id": taken["publish_id"]}, headers=headers)
    assert again.json()["error"]["code"] == "publish_not_cancellable"
