"""The texts of messages: short, on one line each, escaped."""

from typing import Any

import pytest

from clipcast.common.ids import new_id
from clipcast.notices.digest import LINES_MAX, Notice, notice_of, one_line, write_message
from clipcast.notices.words import EVENTS, OWNERS_ONLY, defaults_of
from clipcast.platforms.registry import PLATFORMS

BASE, PAGE, END = "https://clips.example.org", "/account#notifications", "https://clips.example.org/notifications/end/t"
WORKSPACE = new_id()


def notice(type: str = "item.failed", **changes: Any) -> Notice:
    values: dict[str, Any] = {
        "type": type, "workspace_id": WORKSPACE, "workspace": "Night Bakery", "subject": new_id(), "about": "An item",
        "why": "Too long.", "path": "/w/1/posts/2",
    }  # fmt: skip
    return Notice(**values | changes)


def row(type: str, **changes: Any) -> dict[str, Any]:
    empty = dict.fromkeys(
        ("post_id", "item_id", "connection_id", "details", "platform", "username", "clip_id", "file_name")
    )
    values = {"type": type, "workspace_id": WORKSPACE, "workspace": "Night Bakery", "subject_id": new_id(), "data": {}}
    return empty | values | changes


def test_item_is_named_by_its_caption_and_account() -> None:
    """A caption with line ends, controls and markup stays one plain line, cut to its beginning."""
    details = {"title": "First\r\nBcc: evil@example.org\u202e<b>light</b> " + "x" * 200}
    post, item = new_id(), new_id()
    found = notice_of(
        row(
            "item.failed", platform="tiktok", username="harbour.films", details=details, post_id=post, item_id=item,
            data={"error": {"message": "The video\nis too long."}},
        )
    )  # fmt: skip
    assert found.about.startswith("“First Bcc: evil@example.org <b>light</b> xxx")
    assert found.about.endswith("…” to harbour.films on TikTok")
    assert (found.why, found.path) == ("The video is too long.", f"/w/{WORKSPACE}/posts/{post}#item-{item}")


def test_every_event_has_words_and_a_page() -> None:
    """Also for rows that were deleted meanwhile, and platforms that are no longer installed."""
    for type in EVENTS:
        for platform in (None, "gone", *PLATFORMS):
            found = notice_of(
                row(type, platform=platform, data={"kind": "deliver", "error": "503", "reason": "failures"})
            )
            assert found.about
            assert found.path.startswith(f"/w/{WORKSPACE}/")


def test_headlines_and_lines_of_a_digest() -> None:
    """Events are grouped by type; a long group is cut; an item that needs somebody is not told as failed as well."""
    both = new_id()
    many = [notice("post.completed") for _ in range(LINES_MAX + 5)]
    found = write_message(
        new_id(),
        [*many, notice("job.dead"), notice(subject=both), notice("item.needs_action", subject=both), notice()],
        BASE, PAGE, END,
    )  # fmt: skip
    assert found.subject == "Clipcast: 1 item has failed, 1 item needs you, 1 job is dead, more: Night Bakery"
    assert "15 posts are published" in found.text
    assert "- and 5 more" in found.text
    assert found.text.count("- An item") == LINES_MAX + 3
    assert found.text.endswith(f"Change what you get: {BASE}{PAGE}\nEnd these e-mails: {END}\n")
    assert END not in found.chat


def test_html_escapes_every_text() -> None:
    """Names and reasons cannot add markup or leave an attribute."""
    evil = '"><script>alert(1)</script><a href="https://evil.example.org">'
    found = write_message(
        new_id(), [notice(workspace=evil, about=evil, why=evil), notice(workspace_id=new_id())], BASE, PAGE, END
    )
    assert "<script" not in found.html
    assert 'href="https://evil' not in found.html
    assert found.html.count("<a href=") == 4


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\nb\tc\x00\x1b[31m", "a b c [31m"),
        (None, ""),
        (7, "7"),
        ("👩\u200d🍳", "👩\u200d🍳"),
        ("x" * 20, "x" * 9 + "…"),
    ],
)
def test_one_line(text: object, shown: str) -> None:
    assert one_line(text, 10) == shown


def test_words_are_short_sentences() -> None:
    """Each event has other words; the defaults are those that need somebody."""
    assert len({words.choice for words in EVENTS.values()}) == len(EVENTS)
    for words in EVENTS.values():
        assert words.one.startswith("1 ")
        assert words.many.startswith("{} ")
        assert len(words.choice) <= 60
    of_reviews = {type for type in EVENTS if type.startswith("review.")}
    failures = {"item.failed", "item.needs_action", "connection.needs_reconnect"}
    assert set(defaults_of("editor")) == failures | of_reviews
    assert set(defaults_of("owner")) == {*defaults_of("editor"), *OWNERS_ONLY}
    assert defaults_of("viewer") == []
