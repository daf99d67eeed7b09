"""Media rules: the facts that break each rule, the tolerances, and that GET /platforms lists all rules."""

from dataclasses import replace
from typing import Any

import pytest

from clipcast.common.media import Media
from clipcast.platforms.registry import PLATFORMS
from clipcast.platforms.rules import CHECKS, MediaRules
from clipcast.rendering.planner import plan
from clipcast.rendering.recipe import Action
from clipcast.testing.harness import Caller

# A clip that is valid on every platform without a warning.
GOOD = Media("mp4", 5_000_000, 10.0, 1080, 1920, 30.0, "h264", "aac", audio_rate=48_000, audio_channels=2,
             edit_list="delay")  # fmt: skip


def check(platform: str, media: Media, kind: str | None = None) -> tuple[list[str], list[str]]:
    """Return the codes of errors and warnings."""
    rules = PLATFORMS[platform].media_kinds[kind] if kind else PLATFORMS[platform].media
    errors, warnings = rules.check(media)
    return [one.code for one in errors], [one.code for one in warnings]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_rules_good_clip_breaks_none(platform: str) -> None:
    for kind in (None, *PLATFORMS[platform].media_kinds):
        assert check(platform, GOOD, kind) == ([], [])


@pytest.mark.parametrize("platform", ["instagram", "threads"])
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"audio_codec": "ac3"}, "audio_codec_not_supported"),
        ({"audio_codec": "mp3"}, "audio_codec_not_supported"),
        ({"audio_codec": "pcm_s16le"}, "audio_codec_not_supported"),
        ({"audio_rate": 96_000}, "audio_rate_too_high"),
        ({"audio_channels": 6}, "too_many_audio_channels"),
        ({"container": "mkv"}, "container_not_supported"),
        ({"video_codec": "vp9"}, "video_codec_not_supported"),
        ({"chroma": "4:2:2"}, "chroma_not_supported"),
        ({"interlaced": True}, "interlaced"),
        ({"closed_gop": False}, "open_gop"),
        ({"index_first": False}, "index_at_the_end"),
        ({"video_bit_rate": 101_000_000}, "bit_rate_too_high"),
        ({"width": 1921, "height": 1080}, "picture_too_wide"),
        ({"width": 10, "height": 1200}, "picture_too_tall"),
        ({"fragmented": True}, "fragmented"),
        ({"damaged": True}, "damaged"),
    ],
)
def test_meta_rules_are_errors(platform: str, change: dict[str, Any], code: str) -> None:
    assert check(platform, replace(GOOD, **change)) == ([code], [])


@pytest.mark.parametrize("platform", ["instagram", "threads"])
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"edit_list": "cut"}, "edit_list"),
        ({"bit_depth": 10}, "bit_depth_too_high"),
        ({"hdr": "hlg"}, "hdr"),
        ({"video_codec": "hevc", "video_tag": "hev1"}, "hev1"),
        ({"mirrored": True}, "mirrored"),
    ],
)
def test_meta_advice_is_a_warning(platform: str, change: dict[str, Any], code: str) -> None:
    assert check(platform, replace(GOOD, **change)) == ([], [code])


@pytest.mark.parametrize("container", ["webm", "mkv"])
@pytest.mark.parametrize(
    ("platform", "taken"),
    [("tiktok", {"webm"}), ("instagram", set()), ("threads", set()), ("bluesky", set()), ("linkedin", set()),
     ("pinterest", set())],
)  # fmt: skip
def test_containers_match_documentation(platform: str, taken: set[str], container: str) -> None:
    errors, _ = check(platform, replace(GOOD, container=container))
    assert errors == ([] if container in taken else ["container_not_supported"])


@pytest.mark.parametrize("platform", ["youtube", "facebook"])
def test_platform_that_converts_formats_only_warns(platform: str) -> None:
    media = replace(GOOD, container="mkv", video_codec="prores", audio_codec="pcm_s16le")
    codes = ["container_not_supported", "video_codec_not_supported", "audio_codec_not_supported"]
    assert check(platform, media) == ([], codes)


@pytest.mark.parametrize("platform", ["youtube", "facebook"])
def test_codec_that_is_no_common_one_is_converted_even_there(platform: str) -> None:
    media = replace(GOOD, container="mkv", video_codec="ffv1", audio_codec="flac")
    codes = ["container_not_supported", "audio_codec_not_supported"]
    assert check(platform, media) == (["video_codec_not_supported"], codes)
    planned = plan(media, PLATFORMS[platform].media)
    assert (planned.action, planned.problems, planned.output.video_codec) == (Action.VIDEO, [], "h264")


@pytest.mark.parametrize(
    ("platform", "change", "code"),
    [
        ("bluesky", {"video_codec": "vp9"}, "video_codec_not_supported"),
        ("bluesky", {"audio_codec": "opus"}, "audio_codec_not_supported"),
        ("linkedin", {"audio_codec": "mp3"}, "audio_codec_not_supported"),
        ("linkedin", {"container": "mov"}, "container_not_supported"),
        ("bluesky", {"container": "mov"}, "container_not_supported"),
        ("threads", {"audio_bit_rate": 64_000}, "audio_bit_rate_too_low"),
        ("threads", {"audio_bit_rate": 192_000}, "audio_bit_rate_too_high"),
        ("tiktok", {"duration_in_header": False}, "duration_not_stated"),
    ],
)
def test_format_rules_are_errors(platform: str, change: dict[str, Any], code: str) -> None:
    assert check(platform, replace(GOOD, **change)) == ([code], [])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"duration": 91.0}, "video_too_long"),
        ({"duration": 2.0}, "video_too_short"),
        ({"width": 500, "height": 889}, "picture_too_small"),
        ({"frame_rate": 75.0}, "frame_rate_too_high"),
        ({"variable_frame_rate": True}, "frame_rate_varies"),
        ({"chroma": "4:4:4"}, "chroma_not_supported"),
        ({"interlaced": True}, "interlaced"),
        ({"closed_gop": False}, "open_gop"),
        ({"width": 1080, "height": 1080}, "picture_too_flat"),
    ],
)
def test_reel_error_names_alternative(change: dict[str, Any], code: str) -> None:
    media = replace(GOOD, **change)
    rules = PLATFORMS["facebook"].media_kinds["REELS"]
    errors, _ = rules.check(media)
    assert {one.code for one in errors} == {code}
    assert all("mediaType VIDEO" in one.message for one in errors)
    assert check("facebook", media)[0] == []


def test_file_without_sound_breaks_the_rule_of_sound() -> None:
    rules = replace(PLATFORMS["linkedin"].media, needs_sound=True)
    silent = replace(GOOD, audio_codec=None, audio_rate=None, audio_channels=None)
    assert [one.code for one in rules.check(silent)[0]] == ["no_sound"]
    assert PLATFORMS["linkedin"].media.check(silent) == ([], [])


def test_story_of_an_hour_is_one_error() -> None:
    """The limits of a kind replace those of the platform."""
    assert check("instagram", replace(GOOD, duration=3600.0), "STORIES")[0] == ["video_too_long"]


@pytest.mark.parametrize(("rate", "fits"), [(60.001, True), (60.03, True), (60.3, True), (75, False),
                                            (22.98, True), (22.5, False), (23.976, True)])  # fmt: skip
@pytest.mark.parametrize("platform", ["tiktok", "instagram", "threads"])
def test_frame_rates_are_compared_with_tolerance(platform: str, rate: float, fits: bool) -> None:
    assert (check(platform, replace(GOOD, frame_rate=rate))[0] == []) is fits


@pytest.mark.parametrize(("duration", "fits"), [(60.04, True), (60.06, False), (2.96, True), (2.94, False)])
def test_durations_are_compared_with_tolerance(duration: float, fits: bool) -> None:
    assert (check("instagram", replace(GOOD, duration=duration), "STORIES")[0] == []) is fits


@pytest.mark.parametrize(("width", "height", "fits"), [(606, 1080, True), (600, 1080, False), (1924, 1080, True)])
def test_aspects_are_compared_with_tolerance(width: int, height: int, fits: bool) -> None:
    assert (check("facebook", replace(GOOD, width=width, height=height))[0] == []) is fits


def test_every_rule_has_a_check() -> None:
    """A limit without a check would have no effect."""
    others = {"docs_url", "advised_audio_bit_rate", "canvas_aspect", "soft", "alternative"}
    assert {check.rule for check in CHECKS} | others == set(MediaRules.__dataclass_fields__)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (312_000_000, "The file is too large: 312 MB, maximum 300 MB. Upload a smaller file."),
        (1_234_567_890, "The file is too large: 1.235 GB, maximum 300 MB. Upload a smaller file."),
        (300_000_001, "The file is too large: 300000001 bytes, maximum 300000000 bytes. Upload a smaller file."),
    ],
)
def test_size_in_message_has_unit_and_differs_from_limit(size: int, message: str) -> None:
    """Sizes are rounded, unless rounding would make them equal."""
    [error], _ = PLATFORMS["bluesky"].media.check(replace(GOOD, size=size))
    assert error.message == message


@pytest.mark.parametrize("size", [0, 999, 74_999])
def test_file_below_minimum_size_is_an_error(size: int) -> None:
    """The message of any size can be written."""
    assert check("linkedin", replace(GOOD, size=size)) == (["file_too_small"], [])


@pytest.mark.parametrize("platform", PLATFORMS)
def test_soft_names_rules(platform: str) -> None:
    for rules in (PLATFORMS[platform].media, *PLATFORMS[platform].media_kinds.values()):
        assert rules.soft <= {check.rule for check in CHECKS}


@pytest.mark.parametrize(
    ("platform", "change", "advice"),
    [
        ("youtube", {"audio_codec": "opus"}, "The platform advises AAC, the sound is Opus."),
        ("facebook", {"container": "webm"}, "The platform advises MOV, MP4, the file is WebM."),
        ("tiktok", {"video_tag": "hev1"}, "The HEVC video is marked hev1, so Apple's players reject it."),
    ],
)
def test_soft_rule_advises_and_demands_nothing(platform: str, change: dict[str, Any], advice: str) -> None:
    _, warnings = PLATFORMS[platform].media.check(replace(GOOD, **change))
    [message] = [one.message for one in warnings]
    assert message == f"{advice} This is advice: the clip is published anyway."


async def test_get_platforms_lists_all_limits(caller: Caller) -> None:
    """GET /platforms has every limit that an error can name, also for sound and for each kind."""
    listed = {one["name"]: one for one in (await caller.get("/platforms")).json()["platforms"]}
    for name, platform in PLATFORMS.items():
        assert listed[name]["media"] == platform.media.as_dict()
        assert set(listed[name]["media"]) == set(MediaRules.__dataclass_fields__)
    threads = listed["threads"]["media"]
    assert (threads["audio_codecs"], threads["max_audio_channels"], threads["max_audio_rate"]) == (["aac"], 2, 48_000)
    assert listed["instagram"]["media_by_kind"]["mediaType"]["STORIES"]["max_duration"] == 60
    assert listed["facebook"]["media_by_kind"]["mediaType"]["REELS"]["min_height"] == 960
    assert listed["tiktok"]["media_by_kind"]["postMode"]["MEDIA_UPLOAD"]["max_duration"] == 600
    assert listed["youtube"]["media_by_kind"] == {}
