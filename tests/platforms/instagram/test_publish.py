"""Instagram's own behaviour: Stories, errors of live posts, similar posts and clip addresses."""

from datetime import timedelta
from pathlib import Path

import pytest

from clipcast.clips.sample import make_clip
from clipcast.clock import clock
from clipcast.jobs.claimed import LEASE
from clipcast.platforms.http import PlatformHttp
from clipcast.testing.crash_injection import Killed, killed_at
from clipcast.testing.harness import Stage

CAPTION = {"caption": "Tide"}


@pytest.mark.parametrize(
    ("caption", "codes"),
    [
        ("#a #b #c #d #e", []),
        ("#a #b #c #d #e #f", ["too_many_hashtags"]),
        ("#a #b #c #d #e https://example.org/#f", []),
    ],
)
async def test_caption_with_6_hashtags_is_a_warning(stage: Stage, caption: str, codes: list[str]) -> None:
    """Preflight warns above 5 hashtags. A `#` in a web address does not count."""
    edit = await stage.caller.upload(stage.clip)
    target = {"connectionId": await stage.connect("instagram"), "metadata": {"instagram": {"caption": caption}}}
    found = (await stage.caller.post("/posts/validate", {"videos": [{"editId": edit, "targets": [target]}]})).json()
    assert (found["valid"], [warning["code"] for warning in found["warnings"]]) == (True, codes)


async def test_live_post_is_found_after_error_2207051(stage: Stage) -> None:
    """Code 4/2207051 can come while the post is live (docs/platforms/instagram.md 0.5)."""
    connection = await stage.connect("instagram")
    await stage.sandbox.change_account("instagram", blocks_but_posts=True)
    post_id = await stage.post(connection, "instagram", CAPTION)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    [post] = await stage.sandbox.posts("instagram")
    assert (item["status"], item["platform_post_id"]) == ("published", post["post_id"])


async def test_error_2207051_without_post_fails_item(stage: Stage) -> None:
    """If the container was not published, the item ends as `action_blocked`."""
    connection = await stage.connect("instagram")
    error = {"error": {"code": 4, "error_subcode": 2207051, "message": "blocked"}}
    await stage.sandbox.fault("instagram", "publish", "before", "status", status=400, body=error, times=100)
    post_id = await stage.post(connection, "instagram", CAPTION)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["error"]["code"] == "action_blocked"
    assert await stage.sandbox.posts("instagram") == []


async def test_container_finished_after_publish_is_not_published_again(stage: Stage) -> None:
    """A container can show minutes later that it was published: Clipcast waits."""
    await stage.sandbox.settings(instagram={"finished_after_publish_seconds": 300})
    connection = await stage.connect("instagram")
    post_id = await stage.post(connection, "instagram", CAPTION)
    with killed_at("publish", "after"), pytest.raises(Killed):
        await stage.worker.run_due()
    clock.move(LEASE + timedelta(seconds=1))
    await stage.sandbox.forget_requests()
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert "publish" not in await stage.sandbox.requests("instagram")
    assert len(await stage.sandbox.posts("instagram")) == 1


async def test_similar_post_of_other_item_is_not_matched(stage: Stage) -> None:
    """Clipcast finds the lost id because the other post belongs to another item."""
    connection = await stage.connect("instagram")
    first = await stage.post(connection, "instagram", CAPTION)
    await stage.run_until_ended()
    second = await stage.post(connection, "instagram", CAPTION)
    with killed_at("publish", "after"), pytest.raises(Killed):
        await stage.worker.run_due()
    clock.move(LEASE + timedelta(seconds=1))
    await stage.run_until_ended()
    items = [await stage.item(post) for post in (first, second)]
    assert [item["status"] for item in items] == ["published", "published"]
    assert {item["platform_post_id"] for item in items} == {
        post["post_id"] for post in await stage.sandbox.posts("instagram")
    }
    assert len(await stage.sandbox.posts("instagram")) == 2


async def test_similar_post_made_by_hand_leaves_id_unknown(stage: Stage) -> None:
    """Two posts match, so Clipcast chooses none: the item is published without an id."""
    connection = await stage.connect("instagram")
    by_hand = await stage.post(connection, "instagram", CAPTION)
    await stage.run_until_ended()
    await stage.caller.call(
        "DELETE", f"/posts/{by_hand}"
    )  # without a record in Clipcast, the post counts as made by hand
    post_id = await stage.post(connection, "instagram", CAPTION)
    with killed_at("publish", "after"), pytest.raises(Killed):
        await stage.worker.run_due()
    clock.move(LEASE + timedelta(seconds=1))
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], item["platform_post_id"]) == ("published", None)
    assert item["platform_post_url"].endswith("/www.instagram.com/harbour.films/")
    assert len(await stage.sandbox.posts("instagram")) == 2


async def test_story_is_published_without_caption(stage: Stage, tmp_path: Path) -> None:
    """Preflight warns about the caption and rejects a Story over 60 s."""
    connection = await stage.connect("instagram")
    edit = await stage.caller.upload(stage.clip)
    target = {"connectionId": connection, "metadata": {"instagram": CAPTION | {"mediaType": "STORIES"}}}
    body = {"videos": [{"editId": edit, "targets": [target]}]}
    checked = (await stage.caller.post("/posts/validate", body)).json()
    assert [(w["path"].rsplit("/", 1)[-1], w["code"]) for w in checked["warnings"]] == [("caption", "ignored")]
    post_id = (await stage.caller.post("/posts", body)).json()["post_id"]
    await stage.run_until_ended()
    [post] = await stage.sandbox.posts("instagram")
    assert (await stage.item(post_id))["platform_post_url"] == post["url"]
    assert (post["metadata"]["media_type"], post["caption"]) == ("STORIES", "")
    long = await stage.caller.upload(make_clip(tmp_path / "long.mp4", seconds=61, width=64, height=64))
    body["videos"][0]["editId"] = long
    errors = (await stage.caller.post("/posts/validate", body)).json()["errors"]
    assert [(e["code"], e["limit"]) for e in errors] == [("video_too_long", 60)]


async def test_clip_address_closes_after_publishing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instagram can fetch the clip, also in ranges, until the item is published."""
    seen: list[str] = []
    original = PlatformHttp.request

    async def request(self, name, *arguments, **options):  # type: ignore[no-untyped-def]
        if name == "create":
            seen.append(options["form"]["video_url"])
        return await original(self, name, *arguments, **options)

    monkeypatch.setattr(PlatformHttp, "request", request)
    await stage.sandbox.settings(instagram={"processing_seconds": 60})
    await stage.post(await stage.connect("instagram"), "instagram", CAPTION)
    await stage.worker.run_due()
    assert (await stage.caller.http.get(seen[0])).content == stage.clip.read_bytes()
    part = await stage.caller.http.get(seen[0], headers={"Range": "bytes=0-9"})
    assert part.status_code == 206
    await stage.run_until_ended()
    closed = await stage.caller.http.get(seen[0])
    assert (closed.status_code, closed.json()["code"]) == (410, "file_url_closed")


@pytest.mark.parametrize(
    ("url", "reachable"),
    [
        ("https://clips.example.org", True),
        ("http://clips.example.org", False),
        ("https://127.0.0.1:8000", False),
        ("https://10.0.0.5", False),
        ("https://studio.local", False),
        ("https://localhost", False),
    ],
)
def test_is_reachable_requires_public_https(url: str, reachable: bool) -> None:
    """Only a public https address is reachable for Instagram."""
    from clipcast.common.settings import load
    from clipcast.posts.preflight import is_reachable

    assert is_reachable(load({}, public_url=url)) is reachable
