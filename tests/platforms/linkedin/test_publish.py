"""LinkedIn's own behaviour: little text, parts, versions, expiring authorizations and unreadable posts."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipcast.clock import clock
from clipcast.jobs.claimed import LEASE
from clipcast.platforms.linkedin.metadata import little_text
from clipcast.sandbox.linkedin.rules import visible_text
from clipcast.testing.crash_injection import Killed, killed_at
from clipcast.testing.harness import Stage

TEXT = {"commentary": "Tide"}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", "plain"),
        ("(a) [b] {c}", r"\(a\) \[b\] \{c\}"),
        ("#fog", r"{hashtag|\#|fog}"),
        ("a #fog_bank!", r"a {hashtag|\#|fog\_bank}!"),
        ("C# and ##x", r"C\# and \#\#x"),
        ("me@example.org", r"me\@example.org"),
        ("back\\slash", r"back\\slash"),
        ("https://example.com/#pricing", r"https://example.com/\#pricing"),
        ("https://example.com/?a=1&b_c#top #fog", r"https://example.com/?a=1&b\_c\#top {hashtag|\#|fog}"),
        ("(https://example.com/#a) #fog", r"\(https://example.com/\#a\) {hashtag|\#|fog}"),
        ("https://video.example/@harbour/x_(y)", r"https://video.example/\@harbour/x\_\(y\)"),
        ("https://example.com/a\\b~c", r"https://example.com/a\\b\~c"),
        ("www.example.com/#a and example.com/#b", r"www.example.com/\#a and example.com/\#b"),
        ("HTTPS://EXAMPLE.COM/#A", r"HTTPS://EXAMPLE.COM/\#A"),
        ("v1.2 #fog, 3/#4", r"v1.2 {hashtag|\#|fog}, 3/\#4"),
    ],
)
def test_little_text_escapes_and_links_hashtags(text: str, written: str) -> None:
    """Reserved characters are escaped; hashtags become templates."""
    assert little_text(text) == written


@given(st.text(max_size=200))
def test_little_text_keeps_every_text_whole(text: str) -> None:
    """The simulator reads every text back unchanged."""
    assert visible_text(little_text(text)) == text


@pytest.mark.parametrize("metadata", [{}, {"commentary": ""}])
async def test_post_without_commentary_is_published(stage: Stage, metadata: dict[str, str]) -> None:
    """An absent or empty commentary is published as an empty text."""
    post_id = await stage.post(await stage.connect("linkedin"), "linkedin", metadata)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert [post["caption"] for post in await stage.sandbox.posts("linkedin")] == [""]


async def test_worker_killed_at_part_does_not_resend_stored_parts(stage: Stage, large_clip: Path) -> None:
    """After a crash, the next worker sends only the parts without a saved ETag."""
    edit = await stage.caller.upload(large_clip)
    post_id = await stage.post(await stage.connect("linkedin"), "linkedin", TEXT, edit)
    with killed_at("part", "after", 4), pytest.raises(Killed):
        await stage.worker.run_due()
    await stage.sandbox.forget_requests()
    clock.move(LEASE + timedelta(seconds=1))
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    [post] = await stage.sandbox.posts("linkedin")
    assert post["sha256"] == hashlib.sha256(large_clip.read_bytes()).hexdigest()
    assert (await stage.sandbox.requests("linkedin")).count("part") < 5  # 3 run at a time, so at least 1 was saved


@pytest.mark.parametrize("when", ["before", "after"])
async def test_lost_response_of_member_is_never_resent(stage: Stage, when: str) -> None:
    """A member's posts cannot be read: the item ends as `outcome_unknown`, and the fix names `force=true`."""
    post_id = await stage.post(await stage.connect("linkedin"), "linkedin", TEXT)
    with killed_at("post", when), pytest.raises(Killed):  # type: ignore[arg-type]
        await stage.worker.run_due()
    clock.move(LEASE + timedelta(seconds=1))
    await stage.run_until_ended(timedelta(minutes=5))  # no wait: the post cannot be read
    error = (await stage.item(post_id))["error"]
    assert (error["class"], error["actor"]) == ("outcome_unknown", "account_owner")
    assert "force=true" in error["fix"]
    assert len(await stage.sandbox.posts("linkedin")) == (1 if when == "after" else 0)


async def test_duplicate_error_after_resend_is_never_resent(stage: Stage) -> None:
    """The page's list lags, so Clipcast sends again. LinkedIn's rejection as duplicate proves the first request."""
    connection = await stage.connect("linkedin", sign_in_method="organization", connected="harbour.films.company")
    await stage.sandbox.settings(linkedin={"listing_delay_seconds": 7200})
    post_id = await stage.post(connection, "linkedin", TEXT)
    with killed_at("post", "after"), pytest.raises(Killed):
        await stage.worker.run_due()
    clock.move(LEASE + timedelta(seconds=1))
    await stage.run_until_ended(timedelta(minutes=7))
    item = await stage.item(post_id)
    assert item["error"]["class"] == "outcome_unknown"
    # LinkedIn compares only with the last minutes. Later, it would accept the same post again.
    for later in (timedelta(hours=1), timedelta(hours=2)):
        clock.move(later)
        await stage.caller.post(f"/posts/{post_id}/items/{item['id']}/retry")
        await stage.run_until_ended()
        assert len(await stage.sandbox.posts("linkedin")) == 1
    assert (await stage.item(post_id))["status"] == "published"


async def test_member_who_may_not_read_videos_is_published(stage: Stage) -> None:
    """Clipcast waits without reading the status, then posts."""
    await stage.sandbox.settings(linkedin={"members_read_videos": False, "processing_seconds": 5})
    post_id = await stage.post(await stage.connect("linkedin"), "linkedin", TEXT)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"


async def test_response_without_post_id_is_published(stage: Stage) -> None:
    """Without the header, the post is live and its id unknown."""
    await stage.sandbox.settings(linkedin={"omit_post_id": True})
    post_id = await stage.post(await stage.connect("linkedin"), "linkedin", TEXT)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], item["platform_post_id"]) == ("published", None)


async def test_retired_version_is_an_error_for_the_operator(stage: Stage) -> None:
    """The fix names CLIPCAST_LINKEDIN_VERSION."""
    connection = await stage.connect("linkedin")
    await stage.sandbox.settings(linkedin={"active_versions": ["203001"]})
    post_id = await stage.post(connection, "linkedin", TEXT)
    await stage.run_until_ended()
    error = (await stage.item(post_id))["error"]
    assert (error["code"], error["actor"]) == ("version_retired", "operator")
    assert "CLIPCAST_LINKEDIN_VERSION" in error["fix"]


async def test_app_without_refresh_tokens_publishes_until_expiry(stage: Stage) -> None:
    """After 60 days the item fails, and the account needs a reconnect."""
    await stage.sandbox.settings(linkedin={"refresh_tokens": False})
    connection = await stage.connect("linkedin")
    clock.move(timedelta(days=50))
    post_id = await stage.post(connection, "linkedin", TEXT)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    clock.move(timedelta(days=9, hours=23))
    post_id = await stage.post(connection, "linkedin", TEXT)
    clock.move(timedelta(hours=2))  # without a worker
    await stage.run_until_ended()
    assert (await stage.item(post_id))["error"]["code"] == "sign_in_expired"
    assert (await stage.caller.get(f"/connections/{connection}")).json()["status"] == "needs_reconnect"
