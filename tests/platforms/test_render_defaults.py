"""The cover and captions of a render, as defaults of metadata."""

from typing import Any

import pytest

from clipcast.platforms.registry import PLATFORMS
from clipcast.platforms.render_defaults import left_out, takes_captions, with_cover

TIKTOK = {"privacyLevel": "SELF_ONLY"}
DRAFT = TIKTOK | {"postMode": "MEDIA_UPLOAD"}
BOARD = {"boardId": "1"}
CAPTIONS = {"captions": [{"lang": "en", "url": "https://example.com/a.vtt"}]}


def metadata(platform: str, fields: dict[str, Any]) -> Any:
    return PLATFORMS[platform].metadata.model_validate(fields)


@pytest.mark.parametrize(
    ("platform", "fields", "name", "at", "expected"),
    [
        ("tiktok", TIKTOK, "video_cover_timestamp_ms", 3.2, 3200),
        ("tiktok", TIKTOK, "video_cover_timestamp_ms", 1.001, 1001),
        ("tiktok", TIKTOK | {"videoCoverTimestampMs": 0}, "video_cover_timestamp_ms", 3.2, 0),
        ("tiktok", DRAFT, "video_cover_timestamp_ms", 3.2, None),
        ("instagram", {}, "thumb_offset", 3.2, 3200),
        ("instagram", {}, "thumb_offset", 4, 3900),
        ("instagram", {}, "thumb_offset", None, None),
        ("instagram", {"coverUrl": "https://example.com/a.jpg"}, "thumb_offset", 3.2, None),
        ("pinterest", BOARD, "cover_image_key_frame_time", 3.7, 3),
        ("pinterest", BOARD | {"coverImageUrl": "https://example.com/a.jpg"}, "cover_image_key_frame_time", 3.7, None),
    ],
)
def test_cover_is_the_default_of_the_platforms_field(
    platform: str, fields: dict[str, Any], name: str, at: float | None, expected: int | None
) -> None:
    found = with_cover(metadata(platform, fields), at, duration=4.0)
    assert getattr(found, name) == expected
    assert found.ignored() == metadata(platform, fields).ignored()


@pytest.mark.parametrize("platform", ["bluesky", "linkedin", "threads"])
def test_platform_without_a_cover_keeps_its_metadata(platform: str) -> None:
    written = metadata(platform, {"text": "x"} if platform != "linkedin" else {"commentary": "x"})
    assert with_cover(written, 1.0, 4.0) is written
    assert [
        (one.code, one.message.split(" ")[0]) for one in left_out(PLATFORMS[platform].title, written, 1.0, None)
    ] == [("cover_left_out", PLATFORMS[platform].title)]


def test_captions_go_where_they_fit_and_none_are_given() -> None:
    bluesky = metadata("bluesky", {})
    assert [takes_captions(bluesky, size, None) for size in (None, 20_000, 20_001)] == [False, True, False]
    assert not takes_captions(metadata("bluesky", CAPTIONS), 100, "en")
    assert not takes_captions(metadata("threads", {"text": "x"}), 100, "en")
    linkedin = metadata("linkedin", {"commentary": "x"})
    assert [takes_captions(linkedin, 100, one) for one in (None, "de", "en", "en-GB")] == [False, False, True, True]
    youtube = [metadata("youtube", {"title": "x"} | more) for more in ({}, {"defaultLanguage": "de"})]
    assert [takes_captions(one, 100, None) for one in youtube] == [False, True]


@pytest.mark.parametrize(
    ("platform", "fields", "cover_at", "size", "codes"),
    [
        ("tiktok", TIKTOK, 1.0, None, []),
        ("tiktok", DRAFT, 1.0, 100, ["cover_left_out", "captions_left_out"]),
        ("youtube", {"title": "x", "thumbnailUrl": "https://example.com/a.jpg"}, 1.0, None, []),
        ("youtube", {"title": "x"}, 1.0, 100, ["cover_left_out", "captions_left_out"]),
        ("bluesky", {}, None, 20_000, []),
        ("bluesky", {}, None, 20_001, ["captions_left_out"]),
        ("bluesky", CAPTIONS, None, 20_001, []),
    ],
)
def test_what_a_platform_does_not_get_is_a_warning(
    platform: str, fields: dict[str, Any], cover_at: float | None, size: int | None, codes: list[str]
) -> None:
    warnings = left_out(PLATFORMS[platform].title, metadata(platform, fields), cover_at, size)
    assert [one.code for one in warnings] == codes
    assert all(one.message.startswith(PLATFORMS[platform].title) for one in warnings)
