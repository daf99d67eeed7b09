"""What tests of any platform check about an item and its video."""

import hashlib
from typing import Any

from clipcast.testing.case import Case
from clipcast.testing.harness import Stage


async def only_post(stage: Stage, case: Case) -> dict[str, Any]:
    """Return the one post that the platform has. It must be the clip, whole."""
    posts = await stage.sandbox.posts(case.platform)
    assert len(posts) == 1
    assert posts[0]["sha256"] == hashlib.sha256(stage.clip.read_bytes()).hexdigest()
    assert posts[0]["bytes"] == stage.clip.stat().st_size
    return posts[0]


async def exactly_one_video(stage: Stage, case: Case, post_id: str) -> None:
    item, posts = await stage.item(post_id), await stage.sandbox.posts(case.platform)
    if not case.certain and item["status"] == "failed":
        assert item["error"]["class"] == "outcome_unknown"
        assert len(posts) <= 1
        return
    assert item["status"] == "published", item["error"]
    assert [post["sha256"] for post in posts] == [hashlib.sha256(stage.clip.read_bytes()).hexdigest()]
    assert (case.caption_of(posts[0]), posts[0]["visibility"]) == (case.caption, case.visibility)
    assert (item["platform_post_id"], item["platform_post_url"]) == (posts[0]["post_id"], posts[0]["url"])
