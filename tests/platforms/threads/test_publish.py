"""What is special about Threads: its way of counting, and its numbers."""

import pytest

from clipcast.platforms.threads.metadata import threads_length
from clipcast.sandbox.threads.rules import text_length
from tests.harness import Stage


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("abc", 3),
        ("\u00e9\u00df\u4e2d", 3),
        ("\U0001f30a", 4),
        ("a\U0001f30ab", 6),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", 18),
        ("\U0001f1e7\U0001f1f7", 8),
        ("\u2764\ufe0f", 6),
        ("1", 1),
        ("#", 1),
    ],
)
def test_an_emoji_costs_its_bytes(text: str, length: int) -> None:
    assert threads_length(text) == length
    assert text_length(text) == length


async def test_an_id_beyond_javascripts_numbers_is_kept_whole(stage: Stage) -> None:
    connection = await stage.connect("threads")
    shown = (await stage.caller.get(f"/connections/{connection}")).json()
    assert shown["account_id"] == (await stage.sandbox.account("threads"))["account_id"]
    assert int(shown["account_id"]) > 2**53


async def test_who_is_no_tester_is_told(stage: Stage) -> None:
    await stage.sandbox.settings(threads={"testers_only": True})
    await stage.sandbox.change_account("threads", tester=False)
    with pytest.raises(AssertionError, match="not a tester"):
        await stage.connect("threads")


async def test_the_topic_and_switches_arrive(stage: Stage) -> None:
    metadata = {"text": "Tide", "topicTag": "sea", "replyControl": "mentioned_only", "isSpoilerMedia": True}
    await stage.post(await stage.connect("threads"), "threads", metadata)
    await stage.run_until_ended()
    [post] = await stage.sandbox.posts("threads")
    assert post["metadata"] == {
        "media_type": "VIDEO",
        "text": "Tide",
        "topic_tag": "sea",
        "reply_control": "mentioned_only",
        "is_spoiler_media": "true",
    }
