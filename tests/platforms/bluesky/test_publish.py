"""Bluesky's own behaviour: record keys, jobs, app passwords and other servers."""

import hashlib
import re
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from clipcast.cli.browser import Form
from clipcast.clock import clock
from clipcast.connections.links import make_link
from clipcast.jobs.claimed import LEASE
from clipcast.platforms.bluesky.publish import record_key
from clipcast.sandbox.bluesky.rules import APP_PASSWORD, MAIN_PASSWORD, TID
from clipcast.testing.crash_injection import Killed, killed_at
from clipcast.testing.harness import ACCOUNT, Stage

TEXT = {"text": "Tide"}


def test_record_keys_sort_by_time() -> None:
    """Keys are valid TIDs and sort like their times."""
    assert record_key(0).startswith("22222222222")
    keys = [record_key(microseconds) for microseconds in (1, 1_000, 1_700_000_000_000_000, 1_800_000_000_000_000)]
    assert keys == sorted(keys)
    assert all(TID.fullmatch(key) for key in keys)


async def test_record_has_requested_fields(stage: Stage) -> None:
    """The record has the facets, labels and gates of the metadata."""
    text = "Tide \U0001f30a #sea @harbour.films"
    metadata = {"text": text, "alt": "A sea", "threadgate": [], "disableEmbedding": True, "labels": ["nudity"]}
    post_id = await stage.post(await stage.connect("bluesky"), "bluesky", metadata)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    [post] = await stage.sandbox.posts("bluesky")
    record, did = post["metadata"], post["account_id"]
    assert item["platform_post_url"].endswith(
        f"/bsky.app/profile/{did}/post/{item['platform_post_id'].rsplit('/')[-1]}"
    )
    assert record["embed"]["aspectRatio"] == {"width": 540, "height": 960}
    assert [facet["index"] for facet in record["facets"]] == [
        {"byteStart": 10, "byteEnd": 14}, {"byteStart": 15, "byteEnd": 29},
    ]  # fmt: skip
    assert record["facets"][1]["features"][0]["did"] == did
    simulator = stage.sandbox.simulators["bluesky"]
    key = item["platform_post_id"].rsplit("/")[-1]
    assert simulator.records[did, "app.bsky.feed.threadgate", key]["allow"] == []
    assert simulator.records[did, "app.bsky.feed.postgate", key]["post"] == item["platform_post_id"]


async def test_worker_killed_at_part_does_not_resend_stored_parts(stage: Stage, large_clip: Path) -> None:
    """After a crash, the next worker sends only the parts that were not saved."""
    edit = await stage.caller.upload(large_clip)
    post_id = await stage.post(await stage.connect("bluesky"), "bluesky", TEXT, edit)
    with killed_at("part", "after", 4), pytest.raises(Killed):
        await stage.worker.run_due()
    await stage.sandbox.forget_requests()
    clock.move(LEASE + timedelta(seconds=1))
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    [post] = await stage.sandbox.posts("bluesky")
    assert post["sha256"] == hashlib.sha256(large_clip.read_bytes()).hexdigest()
    assert (await stage.sandbox.requests("bluesky")).count("part") < 4  # 3 run at a time, so at least 1 was saved


async def test_service_without_parts_gets_one_request(stage: Stage) -> None:
    """A repeat of the same bytes returns the first job."""
    await stage.sandbox.settings(bluesky={"multipart": False})
    connection = await stage.connect("bluesky")
    post_id = await stage.post(connection, "bluesky", TEXT)
    await stage.sandbox.fault("bluesky", "upload", "after", "reset")
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    # The repeat of the same bytes returned the first job.
    assert (await stage.sandbox.requests("bluesky")).count("upload") == 2
    assert len(stage.sandbox.simulators["bluesky"].jobs) == 1
    assert len(await stage.sandbox.posts("bluesky")) == 1


async def test_service_token_expired_during_processing_uploads_again(stage: Stage) -> None:
    """The service cannot store the blob: the item uploads again."""
    await stage.sandbox.settings(bluesky={"processing_seconds": 2000})
    post_id = await stage.post(await stage.connect("bluesky"), "bluesky", TEXT)
    await stage.worker.run_due()
    clock.move(timedelta(seconds=2001))
    await stage.sandbox.settings(bluesky={"processing_seconds": 1900})
    await stage.worker.run_due()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]["code"]) == ("processing", "blob_not_stored")
    await stage.sandbox.settings(bluesky={"processing_seconds": 0})
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"


async def test_blob_that_server_dropped_is_uploaded_again(stage: Stage) -> None:
    """If the server no longer has the blob, the item uploads again."""
    post_id = await stage.post(await stage.connect("bluesky"), "bluesky", TEXT)
    with killed_at("put", "before"), pytest.raises(Killed):
        await stage.worker.run_due()
    clock.move(timedelta(hours=7))
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert len(await stage.sandbox.posts("bluesky")) == 1


async def test_captions_are_uploaded_as_blobs(stage: Stage) -> None:
    """The record links the WebVTT file as a blob."""
    url = f"{stage.sandbox.url}/__sandbox/subtitles.vtt"
    metadata = TEXT | {"captions": [{"lang": "en", "url": url}]}
    post_id = await stage.post(await stage.connect("bluesky"), "bluesky", metadata)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    [post] = await stage.sandbox.posts("bluesky")
    assert post["metadata"]["embed"]["captions"][0]["file"]["mimeType"] == "text/vtt"


async def test_moved_account_is_resolved_again(stage: Stage) -> None:
    """Its old server rejects the request; the directory names the new one."""
    error = {"error": "AccountNotFound", "message": "from a test"}
    await stage.sandbox.fault("bluesky", "put", "before", "status", status=403, body=error)
    post_id = await stage.post(await stage.connect("bluesky"), "bluesky", TEXT)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert (await stage.sandbox.requests("bluesky")).count("did") >= 3


async def test_lost_refresh_response_is_repeated(stage: Stage) -> None:
    """The old token yields the same new one for 2 hours (docs/platforms/bluesky.md 0.7)."""
    connection = await stage.connect("bluesky")
    clock.move(timedelta(hours=3))
    await stage.sandbox.fault("bluesky", "refresh", "after", "reset")
    post_id = await stage.post(connection, "bluesky", TEXT)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"identifier": ACCOUNT, "password": "wrong"}, "password", "the password is wrong"),
        ({"identifier": ACCOUNT, "password": MAIN_PASSWORD}, "password", "own password"),
        ({"identifier": "nobody.here", "password": APP_PASSWORD}, "identifier", "nobody.here"),
        ({"identifier": "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa", "password": APP_PASSWORD}, "identifier", "does not exist"),
        ({"identifier": ACCOUNT, "password": ""}, "password", "Missing: App password"),
        ({"identifier": ACCOUNT, "password": APP_PASSWORD, "server": "user@host"}, "server", "not a server"),
        ({"identifier": ACCOUNT, "password": APP_PASSWORD, "server": "https://["}, "server", "not a server"),
        ({"identifier": ACCOUNT, "password": APP_PASSWORD, "server": "https://host:port"}, "server", "not a server"),
    ],
)
async def test_rejected_form_shows_error_beside_field_and_can_be_resent(
    stage: Stage, typed: dict[str, str], field: str, said: str
) -> None:
    """The form shows one error at its field, keeps no password, and accepts corrected values."""
    mounts = {stage.installation.settings.public_base: stage.caller.http._transport}
    async with httpx2.AsyncClient(mounts=mounts, trust_env=False) as browser:
        page = await browser.get(make_link(stage.installation, UUID(stage.caller.workspace_id), "bluesky"))
        form = Form()
        form.feed(page.text)
        url = page.url.join(form.action)
        state = dict(form.fields)["state"]
        refused = await browser.post(url, data={"state": state} | typed)
        assert refused.status_code == 400
        beside = re.findall(f'<p class="problem" role="alert" id="{field}-problem">([^<]*)</p>', refused.text)
        assert said in "".join(beside)
        assert refused.text.count('class="problem"') == 1
        assert APP_PASSWORD not in refused.text
        right = {"state": state, "identifier": f"@{ACCOUNT}", "password": APP_PASSWORD}
        assert (await browser.post(url, data=right)).status_code == 200
    [connection] = (await stage.caller.get("/connections")).json()["connections"]
    assert re.fullmatch("did:plc:[a-z2-7]{24}", connection["account_id"])


async def test_options_return_quota(stage: Stage) -> None:
    """The options contain the video service's figures."""
    connection = await stage.connect("bluesky")
    found = (await stage.caller.get(f"/connections/{connection}/options")).json()["options"]
    assert found["quota"] == {
        "canUpload": True, "remainingVideos": 25, "remainingBytes": 10_000_000_000, "message": None,
    }  # fmt: skip
