"""The Bluesky platform against a real server: session, blob, own record key, lost answers, revoked passwords."""

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from clipcast.cli.browser import Form
from clipcast.clock import clock
from clipcast.connections.links import make_link
from clipcast.database.models.connections import Connection
from clipcast.jobs.claimed import LEASE
from clipcast.platforms.bluesky.publish import record_key
from clipcast.sandbox.bluesky.identity import PDS
from clipcast.sandbox.bluesky.rules import APP_PASSWORD, POST
from clipcast.testing.crash_injection import Killed, When, killed_at
from clipcast.testing.harness import ACCOUNT, Stage
from tests.real_pds.conftest import RealPds

pytestmark = pytest.mark.real_pds
TEXT = {"text": "Tide \U0001f30a #sea", "alt": "A sea", "langs": ["en"]}


async def sign_in(stage: Stage, handle: str, password: str) -> httpx2.Response:
    mounts = {stage.installation.settings.public_base: stage.caller.http._transport}
    async with httpx2.AsyncClient(mounts=mounts, trust_env=False) as browser:
        page = await browser.get(make_link(stage.installation, UUID(stage.caller.workspace_id), "bluesky"))
        form = Form()
        form.feed(page.text)
        typed = dict(form.fields) | {"identifier": handle, "password": password}
        return await browser.post(page.url.join(form.action), data=typed)


async def connect(stage: Stage, pds: RealPds) -> str:
    page = await sign_in(stage, pds.handle, pds.app_password)
    assert page.status_code == 200, page.text
    [found] = (await stage.caller.get("/connections")).json()["connections"]
    assert (found["account_id"], found["username"]) == (pds.did, pds.handle)
    return str(found["id"])


async def exactly_one_post(stage: Stage, pds: RealPds, post_id: str) -> dict[str, Any]:
    item, [record] = await stage.item(post_id), pds.posts()
    assert (item["status"], item["platform_post_id"]) == ("published", record["uri"])
    content = pds.bytes_of(record["value"]["embed"]["video"]["ref"]["$link"])
    assert hashlib.sha256(content).hexdigest() == hashlib.sha256(stage.clip.read_bytes()).hexdigest()
    value: dict[str, Any] = record["value"]
    return value


async def test_a_post(real_stage: Stage, pds: RealPds) -> None:
    post_id = await real_stage.post(await connect(real_stage, pds), "bluesky", TEXT | {"threadgate": []})
    await real_stage.run_until_ended()
    record = await exactly_one_post(real_stage, pds, post_id)
    assert (record["text"], record["langs"], record["embed"]["alt"]) == (TEXT["text"], ["en"], "A sea")
    [facet] = record["facets"]
    assert record["text"].encode()[facet["index"]["byteStart"] : facet["index"]["byteEnd"]] == b"#sea"


@pytest.mark.parametrize("request_name", ["session", "did", "service_auth", "part", "finish", "job", "put"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_killed_worker(real_stage: Stage, pds: RealPds, request_name: str, when: When) -> None:
    if request_name == "session":
        with killed_at("session", when), pytest.raises(Killed):
            await sign_in(real_stage, pds.handle, pds.app_password)
    post_id = await real_stage.post(await connect(real_stage, pds), "bluesky", TEXT)
    if request_name != "session":
        with killed_at(request_name, when), pytest.raises(Killed):
            await real_stage.worker.run_due()
        clock.move(LEASE + timedelta(seconds=1))
    await real_stage.run_until_ended()
    await exactly_one_post(real_stage, pds, post_id)


async def test_the_accounts_own_password_is_refused(real_stage: Stage, pds: RealPds) -> None:
    page = await sign_in(real_stage, pds.handle, "the-account's-own")
    assert (page.status_code, "own password" in page.text) == (400, True)
    page = await sign_in(real_stage, pds.handle, "wrong")
    assert (page.status_code, "password is wrong" in page.text) == (400, True)


async def test_a_session_is_refreshed(real_stage: Stage, pds: RealPds) -> None:
    connection = await connect(real_stage, pds)
    async with real_stage.installation.database.begin() as session:  # the real server's clock cannot be moved
        row = await session.get_one(Connection, UUID(connection))
        row.issued_at, row.expires_at = clock.now() - timedelta(hours=2), clock.now() + timedelta(minutes=1)
    post_id = await real_stage.post(connection, "bluesky", TEXT)
    await real_stage.run_until_ended()
    await exactly_one_post(real_stage, pds, post_id)
    async with real_stage.installation.database.session() as session:
        assert (await session.get_one(Connection, UUID(connection))).tokens_version == 2


async def test_a_revoked_app_password_needs_the_owner(real_stage: Stage, pds: RealPds) -> None:
    connection = await connect(real_stage, pds)
    revoked = pds.xrpc("POST", "com.atproto.server.revokeAppPassword", json={"name": "clipcast"})
    assert revoked.is_success
    clock.move(timedelta(hours=3))
    post_id = await real_stage.post(connection, "bluesky", TEXT)
    await real_stage.run_until_ended()
    error = (await real_stage.item(post_id))["error"]
    assert (error["class"], error["code"]) == ("reconnect", "grant_refused")
    assert (await real_stage.caller.get(f"/connections/{connection}")).json()["status"] == "needs_reconnect"
    assert pds.posts() == []


async def test_a_blob_that_is_too_large_for_the_server(real_stage: Stage, pds: RealPds, large_clip: Path) -> None:
    edit = await real_stage.caller.upload(large_clip)
    post_id = await real_stage.post(await connect(real_stage, pds), "bluesky", TEXT, edit)
    await real_stage.run_until_ended()
    error = (await real_stage.item(post_id))["error"]
    assert (error["class"], error["code"]) == ("media", "file_too_large")


def calls(did: str, record: dict[str, Any], key: str) -> list[tuple[str, str, dict[str, Any]]]:
    """What both servers are asked, in order: method, name, what is sent."""
    write = {"repo": did, "collection": POST, "rkey": key, "validate": True, "record": record}
    put = write | {"swapRecord": None}
    place = {"repo": did, "collection": POST, "rkey": key}
    audience = {"aud": "did:web:video.bsky.app", "lxm": "app.bsky.video.getUploadLimits"}
    too_long = put | {"record": record | {"text": "x" * 301}}
    return [
        ("GET", "com.atproto.repo.getRecord", {"params": place}),
        ("POST", "com.atproto.repo.putRecord", {"json": put}),
        ("POST", "com.atproto.repo.putRecord", {"json": put}),
        ("POST", "com.atproto.repo.putRecord", {"json": put | {"record": record | {"text": "other"}}}),
        ("POST", "com.atproto.repo.createRecord", {"json": write}),
        ("GET", "com.atproto.repo.getRecord", {"params": place}),
        ("POST", "com.atproto.repo.putRecord", {"json": put | {"rkey": "job-123"}}),
        ("POST", "com.atproto.repo.putRecord", {"json": too_long}),
        ("POST", "com.atproto.repo.putRecord", {"json": put | {"rkey": record_key(1), "record": without_blob(record)}}),
        ("POST", "com.atproto.repo.deleteRecord", {"json": place}),
        ("POST", "com.atproto.repo.deleteRecord", {"json": place}),
        ("GET", "com.atproto.server.getServiceAuth", {"params": audience}),
        ("GET", "com.atproto.server.getServiceAuth", {"params": audience | {"exp": "9999999999"}}),
        (
            "GET",
            "com.atproto.server.getServiceAuth",
            {"params": audience | {"lxm": "com.atproto.server.createAppPassword"}},
        ),
        ("GET", "com.atproto.server.getSession", {"headers": {"Authorization": "Bearer nonsense"}}),
        ("GET", "com.atproto.server.getSession", {"headers": {"Authorization": ""}}),
        ("POST", "com.atproto.server.createSession", {"json": {"identifier": did, "password": "wrong"}}),
    ]


def without_blob(record: dict[str, Any]) -> dict[str, Any]:
    """The record with a blob that no server has."""
    blob = record["embed"]["video"] | {"ref": {"$link": "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"}}
    return record | {"embed": record["embed"] | {"video": blob}}


async def answers(
    client: httpx2.AsyncClient, url: str, owner: dict[str, str], did: str, content: bytes
) -> list[tuple[Any, ...]]:
    """What a server answers to `calls`: status, name of the error, whether there was a commit; and the blob's name."""
    headers = owner | {"Content-Type": "video/mp4"}
    stored = await client.post(f"{url}/com.atproto.repo.uploadBlob", content=content, headers=headers)
    embed = {"$type": "app.bsky.embed.video", "video": stored.json()["blob"]}
    record = {"$type": POST, "text": "Tide", "createdAt": "2026-11-01T10:00:00.000Z", "embed": embed}
    seen: list[tuple[Any, ...]] = [("uploadBlob", stored.status_code, stored.json()["blob"])]
    for method, name, options in calls(did, record, record_key(1_700_000_000_000_000)):
        headers = {k: v for k, v in (owner | options.pop("headers", {})).items() if v}
        answer = await client.request(method, f"{url}/{name}", headers=headers, **options)
        found = answer.json()
        seen.append((name, answer.status_code, found.get("error"), "commit" in found))
    return seen


async def test_the_simulator_answers_as_the_real_server(stage: Stage, pds: RealPds) -> None:
    """For every call on which the platform's code relies."""
    did = stage.sandbox.simulators["bluesky"].find_account(ACCOUNT).account_id
    url, content = f"{stage.sandbox.url}/{PDS}/xrpc", stage.clip.read_bytes()
    async with httpx2.AsyncClient(trust_env=False) as client:
        login = {"identifier": ACCOUNT, "password": APP_PASSWORD}
        session = (await client.post(f"{url}/com.atproto.server.createSession", json=login)).json()
        owner = {"Authorization": f"Bearer {session['accessJwt']}"}
        simulated = await answers(client, url, owner, did, content)
        real = await answers(client, f"{pds.url}/xrpc", pds.owner, pds.did, content)
    assert [pair for pair in zip(simulated, real, strict=True) if pair[0] != pair[1]] == []
