"""What is special about Facebook: Pages to choose from, resumed bytes, chunks, drafts, schedules, queued orders."""

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
from clipcast.jobs.queue import LEASE
from clipcast.sandbox.facebook.oauth import READ_ONLY, SHARED
from tests.crash.crash_injection import Killed, killed_at
from tests.harness import ACCOUNT, Stage

TEXT = {"description": "Tide"}


async def open_choice(stage: Stage, browser: httpx2.AsyncClient) -> tuple[httpx2.Response, Form]:
    """Signs in and comes to the page with the choice."""
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


async def test_pages_are_chosen(stage: Stage) -> None:
    """All Pages of the person are offered, over two answers, but for the one they may not publish on."""
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


async def test_a_choice_belongs_to_one_browser_and_offers_only_what_was_signed_in_for(stage: Stage) -> None:
    async with browser_of(stage) as browser, browser_of(stage) as thief:
        page, choice = await open_choice(stage, browser)
        state = dict(choice.fields)["state"]
        chosen = {"state": state, "account": list(choice.accounts.values())}
        stolen = await thief.post(page.url.join(choice.action), data=chosen)
        assert (stolen.status_code, "another browser" in stolen.text) == (400, True)
        other = await browser.post(page.url.join(choice.action), data={"state": state, "account": [READ_ONLY[0]]})
        assert "Tick at least one" in other.text
    assert (await stage.caller.get("/connections")).json()["connections"] == []


async def test_an_upload_goes_on_where_it_stopped(stage: Stage, large_clip: Path) -> None:
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


async def test_a_page_video_goes_in_chunks(stage: Stage, large_clip: Path) -> None:
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
    # Of five, three had been sent; the first one's offset is refused with the right one.
    assert (await stage.sandbox.requests("facebook")).count("chunk") == 3


@pytest.mark.parametrize("request_name", ["start", "chunk", "finish", "status"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_page_video_survives_every_lost_answer(
    stage: Stage, wide_clip: Path, request_name: str, when: str
) -> None:
    edit = await stage.caller.upload(wide_clip)
    await stage.sandbox.fault("facebook", request_name, when, "reset")
    metadata = TEXT | {"mediaType": "VIDEO", "embeddable": False, "contentTags": ["tide"]}
    post_id = await stage.post(await stage.connect("facebook"), "facebook", metadata, edit)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    [post] = await stage.sandbox.posts("facebook")
    assert (post["metadata"]["embeddable"], post["metadata"]["content_tags"]) == ("false", '["tide"]')


async def test_a_vertical_page_video_that_stays_a_draft_is_said_so(stage: Stage) -> None:
    await stage.sandbox.settings(facebook={"draft_trap": True})
    post_id = await stage.post(await stage.connect("facebook"), "facebook", TEXT | {"mediaType": "VIDEO"})
    await stage.run_until_ended()
    assert (await stage.item(post_id))["error"]["code"] == "kept_as_draft"
    assert await stage.sandbox.posts("facebook") == []


async def test_facebook_publishes_at_its_time_without_us(stage: Stage) -> None:
    at = clock.now() + timedelta(hours=5)
    metadata = TEXT | {"scheduledPublishTime": at.isoformat()}
    post_id = await stage.post(await stage.connect("facebook"), "facebook", metadata)
    await stage.run_until_ended(timedelta(minutes=30))
    assert (await stage.item(post_id))["status"] == "published"
    assert await stage.sandbox.posts("facebook") == []
    clock.move(timedelta(hours=5))
    assert len(await stage.sandbox.posts("facebook")) == 1


async def test_a_draft_is_delivered(stage: Stage) -> None:
    post_id = await stage.post(await stage.connect("facebook"), "facebook", TEXT | {"videoState": "DRAFT"})
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert await stage.sandbox.posts("facebook") == []


@pytest.mark.parametrize("listing_readable", [True, False])
async def test_an_order_that_shows_only_later_is_not_given_twice(stage: Stage, listing_readable: bool) -> None:
    await stage.sandbox.settings(facebook={"finish_lag_seconds": 500, "listing_readable": listing_readable})
    post_id = await stage.post(await stage.connect("facebook"), "facebook", TEXT)
    with killed_at("finish", "after"), pytest.raises(Killed):
        await stage.worker.run_due()
    clock.move(LEASE + timedelta(seconds=1))
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert (await stage.sandbox.requests("facebook")).count("finish") == 1
    assert len(await stage.sandbox.posts("facebook")) == 1


async def test_a_video_that_cannot_be_read_is_found_in_the_list(stage: Stage) -> None:
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


async def test_cover_and_invitations_come_last(stage: Stage) -> None:
    cover = f"{stage.sandbox.url}/__sandbox/picture.png"
    metadata = TEXT | {"thumbnailUrl": cover, "collaborators": ["123", "456"]}
    post_id = await stage.post(await stage.connect("facebook"), "facebook", metadata)
    await stage.sandbox.fault("facebook", "thumbnail", "before", "reset")
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    [post] = await stage.sandbox.posts("facebook")
    assert (post["metadata"]["thumbnail"], post["metadata"]["collaborators"]) == ("cover.png", ["123", "456"])


async def test_what_a_reel_is_not_is_named_before_anything_is_sent(stage: Stage, wide_clip: Path) -> None:
    edit = await stage.caller.upload(wide_clip)
    target = {"connectionId": await stage.connect("facebook"), "metadata": {"facebook": TEXT}}
    body = {"videos": [{"editId": edit, "targets": [target]}]}
    found = (await stage.caller.post("/posts/validate", body)).json()
    assert [(e["path"], e["code"]) for e in found["errors"]] == [("/videos/0/targets/0", "picture_too_small")]
    target["metadata"] = {"facebook": TEXT | {"mediaType": "VIDEO", "placeId": "1"}}
    found = (await stage.caller.post("/posts/validate", body)).json()
    assert (found["errors"], [w["code"] for w in found["warnings"]]) == ([], ["ignored"])


@pytest.mark.parametrize(("code", "subcode"), [(6000, 1363045), (6000, None), (1, 1363045), (6001, None)])
async def test_unusable_file_is_sent_once_more_then_refused(stage: Stage, code: int, subcode: int | None) -> None:
    """Facebook's 6000/1363045 often passes with a second upload; a third one is never made."""
    error = {"code": code, "message": "told by a test"} | ({"error_subcode": subcode} if subcode else {})
    await stage.sandbox.fault("facebook", "finish", "before", "status", status=400, body={"error": error}, times=100)
    post_id = await stage.post(await stage.connect("facebook"), "facebook", TEXT)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]["class"], item["error"]["code"]) == ("failed", "media", "processing_refused")
    assert (await stage.sandbox.requests("facebook")).count("start") == 2
    assert await stage.sandbox.posts("facebook") == []


async def test_unusable_file_that_passes_once_more_is_published(stage: Stage) -> None:
    error = {"error": {"code": 6000, "error_subcode": 1363045, "message": "told by a test"}}
    await stage.sandbox.fault("facebook", "finish", "before", "status", status=400, body=error)
    post_id = await stage.post(await stage.connect("facebook"), "facebook", TEXT)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert len(await stage.sandbox.posts("facebook")) == 1


async def test_processing_that_fails_twice_is_the_files_fault(stage: Stage) -> None:
    await stage.connect("facebook")
    await stage.sandbox.change_account("facebook", media_failure=1363045)
    post_id = await stage.post(await stage.connect("facebook"), "facebook", TEXT)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["error"]["class"] == "media"
    assert (await stage.sandbox.requests("facebook")).count("finish") == 2
    assert await stage.sandbox.posts("facebook") == []


async def test_a_file_that_is_refused_again_and_again_is_the_files_fault(stage: Stage) -> None:
    body = {"debug_info": {"retriable": True, "type": "ProcessingFailedError", "message": "told by a test"}}
    await stage.sandbox.fault("facebook", "bytes", "before", "status", status=400, body=body, times=100)
    post_id = await stage.post(await stage.connect("facebook"), "facebook", TEXT)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["error"]["class"], item["attempts"]) == ("media", 3)
    assert (await stage.sandbox.requests("facebook")).count("start") == 3
