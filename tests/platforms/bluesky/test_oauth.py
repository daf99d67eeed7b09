"""OAuth at Bluesky: client documents instead of registered apps, proofs and mix-ups."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
from joserfc.jwk import ECKey
from pydantic import AnyHttpUrl

from clipcast.cli.browser import answer, consent
from clipcast.clock import clock
from clipcast.connections.links import make_link
from clipcast.platforms.bluesky.dpop import proof
from clipcast.platforms.bluesky.oauth import BlueskyOAuth, client_key
from clipcast.sandbox.bluesky.identity import ENTRYWAY, PDS
from clipcast.server.app import create_app
from clipcast.testing.harness import ACCOUNT, Caller, Stage

PUBLIC = "https://clips.example.org"


@pytest.fixture
async def public_stage(stage: Stage) -> AsyncIterator[Stage]:
    """Return a stage with a public address, which makes it a confidential client."""
    settings = stage.installation.settings.model_copy(update={"public_url": AnyHttpUrl(PUBLIC)})
    installation = replace(stage.installation, settings=settings)
    transport = httpx2.ASGITransport(create_app(installation))
    async with httpx2.AsyncClient(transport=transport, base_url=PUBLIC) as http:
        stage.sandbox.state.client = httpx2.AsyncClient(mounts={PUBLIC: transport}, trust_env=False)
        public = Stage(installation, await Caller.create(installation, http, "Public"), stage.sandbox, stage.clip)
        yield public
        await public.close()


async def test_confidential_client_publishes_after_60_days(public_stage: Stage) -> None:
    """With a public address, the authorization lives longer than 2 weeks."""
    connection = await public_stage.connect("bluesky", sign_in_method="oauth")
    clock.move(timedelta(days=60))
    post_id = await public_stage.post(connection, "bluesky", {"text": "Tide"})
    await public_stage.run_until_ended()
    assert (await public_stage.item(post_id))["status"] == "published"


async def test_client_document_describes_installation(public_stage: Stage) -> None:
    """The document names its own URL and the public key alone."""
    document = (await public_stage.caller.http.get("/connect/bluesky/client.json")).json()
    assert document["client_id"] == f"{PUBLIC}/connect/bluesky/client.json"
    assert document["redirect_uris"] == [f"{PUBLIC}/connect/bluesky/callback"]
    assert document["dpop_bound_access_tokens"] is True
    [key] = document["jwks"]["keys"]
    assert "d" not in key
    app = BlueskyOAuth().own_app(PUBLIC, b"x" * 32)
    assert client_key(app).as_dict(private=False) == client_key(app).as_dict(private=False)


async def test_client_document_without_public_address_returns_404(stage: Stage) -> None:
    """Other platforms have no such document."""
    for platform in ("bluesky", "tiktok", "nothing"):
        assert (await stage.caller.http.get(f"/connect/{platform}/client.json")).status_code == 404


async def test_public_client_authorization_ends_after_two_weeks(stage: Stage) -> None:
    """Preflight warns about a later post, and the item ends as `grant_refused`."""
    connection = await stage.connect("bluesky", sign_in_method="oauth")
    clock.move(timedelta(days=10))
    await stage.post(connection, "bluesky", {"text": "Tide"})
    await stage.run_until_ended()
    edit = await stage.caller.upload(stage.clip)
    target = {"connectionId": connection, "metadata": {"bluesky": {"text": "Tide"}}}
    at = (clock.now() + timedelta(days=5)).isoformat()
    body = {"videos": [{"editId": edit, "targets": [target]}], "scheduled_at": at}
    found = (await stage.caller.post("/posts/validate", body)).json()
    assert [w["code"] for w in found["warnings"]] == ["sign_in_ends_before"]
    clock.move(timedelta(days=5))
    post_id = (await stage.caller.post("/posts", body | {"scheduled_at": None})).json().get("post_id")
    await stage.run_until_ended()
    assert (await stage.item(post_id))["error"]["code"] == "grant_refused"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"iss": "https://evil.example"}, "another server"),
        ({"iss": ""}, "another server"),
        ({"code": "wrong"}, "Invalid code"),
    ],
)
async def test_callback_with_wrong_issuer_or_code_connects_nothing(
    stage: Stage, change: dict[str, str], said: str
) -> None:
    """Clipcast rejects a callback of another server."""
    mounts = {stage.installation.settings.public_base: stage.caller.http._transport}
    async with httpx2.AsyncClient(mounts=mounts, trust_env=False) as browser:
        page = await browser.get(make_link(stage.installation, UUID(stage.caller.workspace_id), "bluesky", "oauth"))
        away = await answer(browser, page, ACCOUNT)
        assert away is not None
        asked = await browser.get(away.headers["location"])
        back = await answer(browser, asked, ACCOUNT)
        assert back is not None
        url = httpx2.URL(back.headers["location"]).copy_merge_params(change)
        done = await browser.get(url)
    assert (done.status_code, said in done.text) == (400, True)
    assert (await stage.caller.get("/connections")).json()["connections"] == []


async def test_authorization_of_other_account_connects_nothing(stage: Stage) -> None:
    """The authorized account must be the one of the form."""
    mounts = {stage.installation.settings.public_base: stage.caller.http._transport}
    async with httpx2.AsyncClient(mounts=mounts, trust_env=False, follow_redirects=True) as browser:
        page = await browser.get(make_link(stage.installation, UUID(stage.caller.workspace_id), "bluesky", "oauth"))
        asked = await answer(browser, page, ACCOUNT)
        assert asked is not None
        done = await answer(browser, asked, "night-bakery")
    assert done is not None
    assert (done.status_code, "another account" in done.text) == (400, True)


async def test_missing_scope_is_named_and_connects_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page names the scope that the authorization lacks."""
    monkeypatch.setattr("clipcast.platforms.bluesky.oauth.SCOPE", "atproto blob:video/*")
    link = make_link(stage.installation, UUID(stage.caller.workspace_id), "bluesky", "oauth")
    mounts = {stage.installation.settings.public_base: stage.caller.http._transport}
    async with httpx2.AsyncClient(mounts=mounts, trust_env=False, follow_redirects=True) as browser:
        page = await consent(browser, link, ACCOUNT)
    assert (page.status_code, "repo:app.bsky.feed.post" in page.text) == (400, True)


@pytest.mark.parametrize(
    "change",
    [
        {"method": "GET"},
        {"url": f"https://{PDS}/oauth/par"},
        {"access_token": "x"},
    ],
)
async def test_sandbox_rejects_proof_of_other_request(stage: Stage, change: dict[str, Any]) -> None:
    """A proof is valid only for its method, URL and token."""
    key, url = ECKey.generate_key("P-256"), f"https://{ENTRYWAY}/oauth/par"
    form = {"client_id": "http://localhost", "scope": "atproto", "state": "s", "code_challenge": "c",
            "code_challenge_method": "S256", "redirect_uri": "http://127.0.0.1/"}  # fmt: skip
    client = stage.sandbox.client
    challenge = await client.post(f"/{ENTRYWAY}/oauth/par", data=form, headers={"DPoP": proof(key, "POST", url)})
    assert challenge.json()["error"] == "use_dpop_nonce"
    monkey = {"method": "POST", "url": url} | change
    sent = proof(key, monkey["method"], monkey["url"], monkey.get("access_token"))
    refused = await client.post(f"/{ENTRYWAY}/oauth/par", data=form, headers={"DPoP": sent})
    assert refused.status_code == 400
    assert (await client.post(f"/{ENTRYWAY}/oauth/par", data=form)).json()["error"] == "invalid_dpop_proof"
