"""Facebook's own behaviour: a choice of Pages, resumed bytes, chunks, drafts, schedules and a delayed finish."""

import hashlib
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from clipcast.cli.browser import Form
from clipcast.clips.sample import make_clip
from clipcast.clock import clock
from clipcast.connections.links import make_link
from clipcast.jobs.claimed import LEASE
from clipcast.sandbox.facebook.oauth import READ_ONLY, SHARED
from clipcast.testing.crash_injection import Killed, killed_at
from clipcast.testing.harness import ACCOUNT, Stage

TEXT = {"description": "Tide"}


async def open_choice(stage: Stage, browser: httpx2.AsyncClient) -> tuple[httpx2.Response, Form]:
    """Sign in and return the page with the choice of Pages."""
    page = await browser.get(make_link(stage.installation, UUID(stage.caller.workspace_id), "facebook"))
    form = Form()
    form.feed(page.text)
    fields = {"account": next(id for label, id in form.accounts.items() if ACCOUNT in label), "decision": "allow"}
    scopes = [value for name, value in form.fields if name == "scope"]
    query = next(value for name, value in form.fields if name == "query")
    page = await browser.post(page.url.join(form.action), data=fields | {"scope": scopes, "query": query})
    choice = Form()
    choice.feed(page.text)
    return page, choice


def browser_of(stage: Stage) -> httpx2.AsyncClient:
    mounts = {stage.installation.settings.public_base: stage.caller.http._transport}
    return httpx2.AsyncClient(mounts=mounts, follow_redirects=True, trust_env=False)


async def test_pages_are_offered_and_connected_by_choice(stage: Stage) -> None:
    """The page lists all Pages of both response pages, except one on which the person may not publish."""
    async with browser_of(stage) as browser:
        page, choice = await open_choice(stage, browser)
        assert set(choice.accounts) == {"Harbour Films (@harbour.films)", "Harbour Collective"}
        assert READ_ONLY[1] not in page.text
        state = dict(choice.fields)["state"]
        nothing = await browser.post(page.url.join(choice.action), data={"state": state})
        assert "Tick at least one" in nothing.text
        both = {"state": state, "account": list(choice.accounts.values())}
        done = await browser.post(page.url.join(choice.action), data=both)
        assert (done.status_code, "Harbour Films" in done.text, "Harbour Collective" in done.text) == (200, True, True)
        again = await browser.post(page.url.join(choice.action), data=both)
    assert again.status_code == 400
    found = (await stage.caller.get("/connections")).json()["connections"]
    assert {one["account_id"] for one in found} == set(choice.accounts.values())
    # Each Page publishes with its own token.
    shared = next(one["id"] for one in found if one["account_id"] == SHARED[0])
    post_id = await stage.post(shared, "facebook", TEXT)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert [post["account_id"] for post in await stage.sandbox.posts("facebook")] == [SHARED[0]]


async def test_choice_is_bound_to_browser_and_offered_pages(stage: Stage) -> None:
    """Another browser and a Page that was not offered connect nothing."""
    async with browser_of(stage) as browser, browser_of(stage) as thief:
        page, choice = await open_choice(stage, browser)
        state = dict(choice.fields)["state"]
        chosen = {"state": state, "account": list(choice.accounts.values())}
        stolen = await thief.post(page.url.join(choice.action), data=chosen)
        assert (stolen.status_code, "another browser" in stolen.text) == (400, True)
        other = await browser.post(page.url.join(choice.action), data={"state": state, "account": [READ_ONLY[0]]})
        assert "Tick at least one" in other.text
    assert (await stage.caller.get("/connections")).json()["connections"] == []


async def test_interrupted_reel_upload_resumes_at_offset(stage: Stage, large_clip: Path) -> None:
    """The second request starts at the bytes that Facebook holds."""
    edit = await stage.caller.upload(large_clip)
    await stage.sandbox.fault("facebook", "bytes", "within", "reset", bytes=9_000_000)
    post_id = await stage.post(await stage.connect("facebook"), "facebook", TEXT, edit)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    sent = (await stage.sandbox.client.get("/__sandbox/requests", params={"platform": "facebook"})).json()
    offsets = [int(one["headers"]["offset"]) for one in sent if one["request"] == "bytes"]
    assert offsets[0] == 0
    assert 0 < offsets[1] <= 9_000_000
    [post] = await stage.sandbox.posts("facebook")
    assert post["sha256"] == hashlib.sha256(large_clip.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def wide_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("wide") / "wide.mp4", seconds=4.2, width=640, height=360)


async def test_worker_killed_at_chunk_does_not_resend_stored_chunks(stage: Stage, large_clip: Path) -> None:
    """After a crash, Facebook returns the right offsets, and the next worker sends only the missing chunks."""
    edit = await stage.caller.upload(large_clip)
    post_id = await stage.post(await stage.connect("facebook"), "facebook", TEXT | {"mediaType": "VIDEO"}, edit)
    with killed_at("chunk", "after", 3), pytest.raises(Killed):
        await stage.worker.run_due()
    await stage.sandbox.forget_requests()
    clock.move(LEASE + timedelta(seconds=1))
    await stage.run_until_ended()
    item = await stage.item(post_id)
    [post] = await stage.sandbox.posts("facebook")
    assert (item["status"], item["platform_post_url"]) == ("published", post["url"])
    assert post["sha256"] == hashlib.sha256(large_clip.read_bytes()).hexdigest()
    # Of 5 chunks, 3 were stored. The first request is rejected with the right offsets, then 2 follow.
    assert (await stage.sandbox.requests("facebook")).count("chunk") == 3


@pytest.mark.parametrize("request_name", ["start", "chunk", "finish", "status"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_lost_response_of_page_video_publishes_once(
    stage: Stage, wide_clip: Path, request_name: str, when: str
) -> None:
    """A lost request or response at any step ends in one video with its fields."""
    edit = await stage.caller.upload(wide_clip)
    await stage.sandbox.fault("facebook", request_name, when, "reset")
    metadata = TEXT | {"mediaType": "VIDEO", "embeddable": False, "contentTags": ["tide"]}
    post_id = await stage.post(await stage.connect("facebook"), "facebook", metadata, edit)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    [post] = await stage.sandbox.posts("facebook")
    assert (post["metadata"]["embeddable"], post["metadata"]["content_tags"]) == ("false", '["tide"]')


async def test_vertical_page_video_kept_as_draft_fails_item(stage: Stage) -> None:
    """If Facebook keeps the video as a draft, the item ends as `kept_as_draft`."""
    await stage.sandbox.settings(facebook={"draft_trap": True})
    post_id = await stage.post(await stage.connect("facebook"), "facebook", TEXT | {"mediaType": "VIDEO"})
    await stage.run_until_ended()
    assert (await stage.item(post_id))["error"]["code"] == "kept_as_draft"
    assert await stage.sandbox.posts("facebook") == []


async def test_scheduled_publish_time_is_left_to_facebook(stage: Stage) -> None:
    """The item ends as published; Facebook publishes the video later."""
    at = clock.now() + timedelta(hours=5)
    metadata = TEXT | {"scheduledPublishTime": at.isoformat()}
    post_id = await stage.post(await stage.connect("facebook"), "facebook", metadata)
    await stage.run_until_ended(timedelta(minutes=30))
    assert (await stage.item(post_id))["status"] == "published"
    assert await stage.sandbox.posts("facebook") == []
    clock.move(timedelta(hours=5))
    assert len(await stage.sandbox.posts("facebook")) == 1


async def test_draft_is_delivered_unpublished(stage: Stage) -> None:
    """A draft ends the item as published without a public post."""
    post_id = await stage.post(await stage.connect("facebook"), "facebook", TEXT | {"videoState": "DRAFT"})
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert await stage.sandbox.posts("facebook") == []


@pytest.mark.parametrize("listing_readable", [True, False])
async def test_finish_with_delayed_effect_is_not_resent(stage: Stage, listing_readable: bool) -> None:
    """After a lost response, Clipcast waits until the status shows the effect of finish."""
    await stage.sandbox.settings(facebook={"finish_lag_seconds": 500, "listing_readable": listing_readable})
    post_id = await stage.post(await stage.connect("facebook"), "facebook", TEXT)
    with killed_at("finish", "after"), pytest.raises(Killed):
        await stage.worker.run_due()
    clock.move(LEASE + timedelta(seconds=1))
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert (await stage.sandbox.requests("facebook")).count("finish") == 1
    assert len(await stage.sandbox.posts("facebook")) == 1


async def test_unreadable_video_is_found_in_page_list(stage: Stage) -> None:
    """If the status cannot be read, the Page's list shows that finish took effect."""
    post_id = await stage.post(await stage.connect("facebook"), "facebook", TEXT)
    with killed_at("finish", "after"), pytest.raises(Killed):
        await stage.worker.run_due()
    await stage.sandbox.change_account("facebook", unreadable=True)
    clock.move(LEASE + timedelta(seconds=1))
    await stage.worker.run_due()
    await stage.sandbox.change_account("facebook", unreadable=False)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert (await stage.sandbox.requests("facebook")).count("finish") == 1


async def test_cover_and_invitations_follow_publishing(stage: Stage) -> None:
    """A lost request for the cover is repeated after publishing."""
    cover = f"{stage.sandbox.url}/__sandbox/picture.png"
    metadata = TEXT | {"thumbnailUrl": cover, "collaborators": ["123", "456"]}
    post_id = await stage.post(await stage.connect("facebook"), "facebook", metadata)
    await stage.sandbox.fault("facebook", "thumbnail", "before", "reset")
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    [post] = await stage.sandbox.posts("facebook")
    assert (post["metadata"]["thumbnail"], post["metadata"]["collaborators"]) == ("cover.png", ["123", "456"])


async def test_preflight_names_reel_limits_and_ignored_fields(stage: Stage, wide_clip: Path) -> None:
    """A wide clip is an error as a Reel and valid as a video; the place is ignored."""
    edit = await stage.caller.upload(wide_clip)
    target = {"connectionId": await stage.connect("facebook"), "metadata": {"facebook": TEXT}}
    body = {"videos": [{"editId": edit, "conform": "never", "targets": [target]}]}
    found = (await stage.caller.post("/posts/validate", body)).json()
    codes = ["picture_too_small", "picture_too_flat"]
    assert [(e["path"], e["code"]) for e in found["errors"]] == [("/videos/0/targets/0", code) for code in codes]
    target["metadata"] = {"facebook": TEXT | {"mediaType": "VIDEO", "placeId": "1"}}
    found = (await stage.caller.post("/posts/validate", body)).json()
    assert (found["errors"], [w["code"] for w in found["warnings"]]) == ([], ["ignored"])


@pytest.mark.parametrize(("code", "subcode"), [(6000, 1363045), (6000, None), (1, 1363045), (6001, None)])
async def test_unusable_file_is_uploaded_twice_then_fails(stage: Stage, code: int, subcode: int | None) -> None:
    """Error 6000/1363045 often passes with a second upload. Clipcast makes no third one."""
    error = {"code": code, "message": "from a test"} | ({"error_subcode": subcode} if subcode else {})
    await stage.sandbox.fault("facebook", "finish", "before", "status", status=400, body={"error": error}, times=100)
    post_id = await stage.post(await stage.connect("facebook"), "facebook", TEXT)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]["class"], item["error"]["code"]) == ("failed", "media", "processing_refused")
    assert (await stage.sandbox.requests("facebook")).count("start") == 2
    assert await stage.sandbox.posts("facebook") == []


async def test_unusable_file_that_passes_at_second_upload_is_published(stage: Stage) -> None:
    """A second upload that succeeds publishes one video."""
    error = {"error": {"code": 6000, "error_subcode": 1363045, "message": "from a test"}}
    await stage.sandbox.fault("facebook", "finish", "before", "status", status=400, body=error)
    post_id = await stage.post(await stage.connect("facebook"), "facebook", TEXT)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert len(await stage.sandbox.posts("facebook")) == 1


async def test_processing_that_fails_twice_is_a_media_error(stage: Stage) -> None:
    """A second failure ends the item with a media error."""
    await stage.connect("facebook")
    await stage.sandbox.change_account("facebook", media_failure=1363045)
    post_id = await stage.post(await stage.connect("facebook"), "facebook", TEXT)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["error"]["class"] == "media"
    assert (await stage.sandbox.requests("facebook")).count("finish") == 2
    assert await stage.sandbox.posts("facebook") == []


async def test_upload_error_at_third_attempt_is_a_media_error(stage: Stage) -> None:
    """`ProcessingFailedError` restarts twice, then the file is the cause."""
    body = {"debug_info": {"retriable": True, "type": "ProcessingFailedError", "message": "from a test"}}
    await stage.sandbox.fault("facebook", "bytes", "before", "status", status=400, body=body, times=100)
    post_id = await stage.post(await stage.connect("facebook"), "facebook", TEXT)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["error"]["class"], item["attempts"]) == ("media", 3)
    assert (await stage.sandbox.requests("facebook")).count("start") == 3
