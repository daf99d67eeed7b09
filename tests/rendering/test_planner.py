"""The planner: every plan's output keeps the rules, nothing costs more than it must, and equal needs share a file."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from clipcast.common.media import Media
from clipcast.platforms.registry import PLATFORMS
from clipcast.platforms.rules import CHECKS, MP4, MediaRules
from clipcast.rendering.planner import CURES, FROM_CHEAPEST, Plan, _recipe, after, estimate_seconds, plan, usual_rate
from clipcast.rendering.recipe import Action, Edit, Fit, Picture, Recipe, Sound, Trim

# A file that every platform takes as it is.
GOOD = Media("mp4", 5_000_000, 20.0, 1080, 1920, 30.0, "h264", "aac", audio_rate=48_000, audio_channels=2,
             audio_profile="LC", audio_bit_rate=128_000, video_bit_rate=2_000_000, video_tag="avc1")  # fmt: skip
RULES = {
    (name, kind): rules
    for name, platform in PLATFORMS.items()
    for kind, rules in (("", platform.media), *platform.media_kinds.items())
}
# Problems of files that no conversion may solve: nothing is cut off.
LENGTHS = {"video_too_long", "video_too_short"}
TOO_LONG = LENGTHS | {"file_too_large"}


def files() -> st.SearchStrategy[Media]:
    """Return files of all kinds that the probe can find."""
    return st.builds(
        Media,
        container=st.sampled_from(["mp4", "mov", "webm", "mkv", "avi", "ts", "3gp"]),
        size=st.integers(1, 40_000_000_000),
        duration=st.floats(0.04, 16_000),
        width=st.integers(1, 9000),
        height=st.integers(1, 9000),
        frame_rate=st.one_of(st.floats(0, 300), st.sampled_from([24.0, 23.976, 29.97, 30.0, 59.94, 60.001])),
        video_codec=st.sampled_from(["h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "prores", "mjpeg"]),
        audio_codec=st.sampled_from([None, "aac", "mp3", "opus", "ac3", "pcm_s16le"]),
        mirrored=st.booleans(),
        variable_frame_rate=st.booleans(),
        square_pixels=st.booleans(),
        interlaced=st.booleans(),
        bit_depth=st.sampled_from([8, 10, 12]),
        chroma=st.sampled_from(["4:2:0", "4:2:2", "4:4:4"]),
        hdr=st.sampled_from([None, "pq", "hlg"]),
        closed_gop=st.booleans(),
        video_bit_rate=st.one_of(st.none(), st.integers(1000, 400_000_000)),
        audio_profile=st.sampled_from([None, "LC", "HE-AAC"]),
        audio_rate=st.one_of(st.none(), st.sampled_from([8000, 22_050, 44_100, 48_000, 96_000])),
        audio_channels=st.one_of(st.none(), st.integers(1, 8)),
        audio_bit_rate=st.one_of(st.none(), st.integers(1000, 5_000_000)),
        index_first=st.booleans(),
        fragmented=st.booleans(),
        edit_list=st.sampled_from(["none", "delay", "cut"]),
        video_tag=st.sampled_from([None, "avc1", "hvc1", "hev1"]),
        audio_delay=st.floats(-1, 1),
        other_tracks=st.integers(0, 3),
        duration_in_header=st.booleans(),
        damaged=st.booleans(),
    ).map(_without_facts_of_no_sound)


def _without_facts_of_no_sound(media: Media) -> Media:
    if media.audio_codec is not None:
        return media
    return replace(
        media, audio_profile=None, audio_rate=None, audio_channels=None, audio_bit_rate=None, audio_delay=0.0
    )


def plugin_rules() -> st.SearchStrategy[MediaRules]:
    """Return rules as a plugin may have them, which some file can keep."""
    return st.builds(
        MediaRules,
        docs_url=st.just(""),
        containers=st.just(MP4),
        video_codecs=st.sampled_from([frozenset({"h264"}), frozenset({"h264", "vp9"})]),
        max_bytes=st.integers(500_000_000, 5_000_000_000),
        max_duration=st.just(600),
        min_frame_rate=st.sampled_from([None, 10, 25]),
        max_frame_rate=st.sampled_from([None, 30, 50]),
        min_edge=st.sampled_from([None, 240, 601]),
        max_width=st.sampled_from([None, 720, 1081]),
        max_height=st.sampled_from([None, 1280, 1081]),
        min_aspect=st.sampled_from([None, 0.5, 0.8]),
        max_aspect=st.sampled_from([None, 0.8, 1, 1.91]),
        max_video_bit_rate=st.sampled_from([None, 5_000_000]),
        max_audio_rate=st.sampled_from([None, 44_100]),
        max_audio_channels=st.sampled_from([None, 1]),
        max_audio_bit_rate=st.sampled_from([None, 96_000]),
        needs_sound=st.booleans(),
        constant_frame_rate=st.booleans(),
        sdr=st.booleans(),
        soft=st.sets(st.sampled_from([check.rule for check in CHECKS])).map(frozenset),
    )


FITS = st.sampled_from(["pad_blur", "pad", "crop"])


def codes(found: Plan) -> set[str]:
    return {problem.code for problem in found.problems}


@pytest.mark.parametrize("target", RULES, ids="-".join)
@settings(max_examples=60)
@given(media=files(), fit=FITS)
def test_output_breaks_no_rule_and_needs_nothing_more(target: tuple[str, str], media: Media, fit: Fit) -> None:
    rules = RULES[target]
    found = plan(media, rules, fit)
    _expect_done(found, rules, fit)


def _expect_done(found: Plan, rules: MediaRules, fit: Fit) -> None:
    """Expect that a plan's output has only problems of its length, and that a plan for it is to do nothing."""
    errors, warnings = rules.check(found.output)
    allowed = TOO_LONG if "video_too_long" in codes(found) else LENGTHS
    assert codes(found) == {problem.code for problem in errors} <= allowed
    if "file_too_large" not in codes(found):
        assert plan(found.output, rules, fit) == Plan(None, (), found.output, errors, warnings)


@settings(max_examples=200)
@given(media=files(), rules=plugin_rules(), fit=FITS)
@example(
    media=replace(GOOD, width=1952, height=1081),
    rules=MediaRules("", MP4, frozenset({"h264"}), 500_000_000, 600, min_edge=601, max_width=1081),
    fit="pad_blur",
)
def test_output_keeps_the_rules_of_a_plugin(media: Media, rules: MediaRules, fit: Fit) -> None:
    _expect_done(plan(media, rules, fit), rules, fit)


@settings(max_examples=200)
@given(media=files(), target=st.sampled_from(sorted(RULES)))
def test_no_cheaper_action_suffices(media: Media, target: tuple[str, str]) -> None:
    rules = RULES[target]
    found = plan(media, rules)
    broken = {problem.code for both in rules.check(media) for problem in both}
    for action in FROM_CHEAPEST[1 : FROM_CHEAPEST.index(found.action)]:
        cheaper = _recipe(media, rules, broken, action, "pad_blur")
        left = rules.check(after(media, cheaper))[0] if cheaper else rules.check(media)[0]
        assert {problem.code for problem in left} & CURES.keys()


@settings(max_examples=300)
@given(media=files())
def test_post_to_all_platforms_encodes_pictures_twice_at_most(media: Media) -> None:
    """Once in the picture's own shape, and once in that of a Reel. Longer clips may have to be made smaller for some,
    and the limits of long edges part extreme shapes."""
    media = replace(
        media,
        size=min(media.size, 250_000_000),
        duration=min(media.duration, 60),
        height=min(max(media.height, media.width // 5 + 1), media.width * 5),
    )
    rules = [platform.media_kinds.get("REELS", platform.media) for platform in PLATFORMS.values()]
    limits = [limit for one in rules for limit in (one.min_aspect, one.max_aspect) if limit]
    # Even edges move a shape that is as narrow as a platform takes.
    assume(all(abs(media.width / media.height / limit - 1) > 0.02 for limit in limits))
    found = [plan(media, one) for one in rules]
    assert len({one.recipe for one in found if one.recipe and one.recipe.picture}) <= 2


@settings(max_examples=200)
@given(media=files(), target=st.sampled_from(sorted(RULES)), fit=FITS)
def test_picture_is_even_and_within_the_profile(media: Media, target: tuple[str, str], fit: Fit) -> None:
    recipe = plan(media, RULES[target], fit).recipe
    if recipe is None or recipe.picture is None:
        return
    picture = recipe.picture
    assert (picture.width % 2, picture.height % 2) == (0, 0)
    assert 23 * 0.995 <= picture.rate[0] / picture.rate[1] <= 60.3
    assert picture.bit_rate is None or picture.bit_rate <= picture.max_bit_rate
    if 9 / 16 <= media.width / media.height <= 16 / 9:
        assert (min(picture.width, picture.height), max(picture.width, picture.height)) <= (1080, 1920)


def test_every_problem_of_a_file_has_a_cure_or_none() -> None:
    """A new rule has to say what mends it."""
    uncurable = LENGTHS | {"video_very_short"}
    assert {check.code for check in CHECKS} == CURES.keys() | uncurable


@pytest.mark.parametrize("target", RULES, ids="-".join)
def test_good_file_is_sent_as_it_is(target: tuple[str, str]) -> None:
    found = plan(GOOD, RULES[target])
    assert (found.recipe, found.action, found.output, found.problems) == (None, "nothing", GOOD, [])


@pytest.mark.parametrize(
    ("platform", "change", "action", "reasons"),
    [
        ("linkedin", {"container": "mov"}, "remux", ("container_not_supported",)),
        ("linkedin", {"size": 20_000}, "remux", ("file_too_small",)),
        ("instagram", {"index_first": False, "video_codec": "hevc", "video_tag": "hev1"}, "remux",
         ("index_at_the_end", "hev1")),
        ("instagram", {"fragmented": True}, "remux", ("fragmented",)),
        # Remux cannot keep what an edit list hides, and MP4 holds no Opus here.
        ("instagram", {"index_first": False, "edit_list": "cut"}, "video", ("index_at_the_end", "edit_list")),
        ("linkedin", {"container": "mkv", "audio_codec": "opus", "audio_profile": None}, "audio",
         ("container_not_supported", "audio_codec_not_supported")),
        ("linkedin", {"container": "mov", "audio_delay": 0.5}, "audio", ("container_not_supported",)),
        ("linkedin", {"container": "ts"}, "audio", ("container_not_supported",)),
        ("linkedin", {"container": "avi"}, "video", ("container_not_supported",)),
        ("linkedin", {"container": "wmv"}, "video", ("container_not_supported",)),
        ("linkedin", {"container": "mpg"}, "video", ("container_not_supported",)),
        ("threads", {"audio_bit_rate": 192_000}, "audio", ("audio_bit_rate_too_high",)),
        ("threads", {"audio_bit_rate": 64_000}, "audio", ("audio_bit_rate_too_low",)),
        ("linkedin", {"video_codec": "hevc"}, "video", ("video_codec_not_supported",)),
        ("threads", {"container": "flv"}, "audio", ("container_not_supported",)),
        # Soft rules are kept when a file is made, and cause none.
        ("instagram", {"hdr": "hlg", "bit_depth": 10}, "nothing", ()),
        ("instagram", {"hdr": "hlg", "bit_depth": 10, "interlaced": True}, "video",
         ("interlaced", "bit_depth_too_high", "hdr")),
        ("facebook", {"container": "avi", "video_codec": "mpeg4", "audio_codec": "mp3"}, "nothing", ()),
        ("youtube", {"container": "webm", "video_codec": "vp9", "audio_codec": "opus", "hdr": "pq"}, "nothing", ()),
        ("youtube", {"damaged": True}, "video", ("damaged",)),
        ("tiktok", {"container": "webm", "video_codec": "vp9", "audio_codec": "opus"}, "nothing", ()),
        ("tiktok", {"container": "webm", "video_codec": "vp9", "audio_codec": "opus", "duration_in_header": False},
         "video", ("duration_not_stated", "audio_codec_not_supported")),
        ("tiktok", {"frame_rate": 120.0}, "video", ("frame_rate_too_high",)),
    ],
)  # fmt: skip
def test_plan_is_the_cheapest_cure(
    platform: str, change: dict[str, Any], action: str, reasons: tuple[str, ...]
) -> None:
    found = plan(replace(GOOD, **change), PLATFORMS[platform].media)
    assert (found.action, set(found.reasons), found.problems) == (action, set(reasons), [])


@pytest.mark.parametrize(
    ("width", "height", "kind", "fit", "canvas"),
    [
        (1920, 1080, "REELS", "pad_blur", (1080, 1920)),
        (1920, 1080, "REELS", "crop", (608, 1080)),
        (1080, 1080, "REELS", "pad", (1080, 1920)),
        (640, 360, "REELS", "pad_blur", (640, 1138)),
        (360, 640, "REELS", "pad_blur", (540, 960)),
        (3840, 2160, "", "pad_blur", (1920, 1080)),
        (2160, 3840, "", "pad_blur", (1080, 1920)),
        (1081, 1921, "", "pad_blur", (1080, 1920)),
        (853, 480, "", "pad_blur", (852, 480)),
        (176, 144, "", "pad_blur", (440, 360)),
        (2560, 1080, "", "pad_blur", (1920, 1080)),
        (2560, 1080, "", "crop", (1920, 1080)),
        (500, 1200, "", "pad_blur", (676, 1200)),
    ],
)
def test_canvas_is_the_nearest_legal_shape(
    width: int, height: int, kind: str, fit: Fit, canvas: tuple[int, int]
) -> None:
    """Facebook takes 9:16 for Reels and 9:16 to 16:9 for other videos."""
    rules = RULES["facebook", kind]
    recipe = plan(replace(GOOD, width=width, height=height, damaged=True), rules, fit).recipe
    assert recipe
    assert recipe.picture
    assert (recipe.picture.width, recipe.picture.height) == canvas


@pytest.mark.parametrize(
    ("rate", "varies", "expected"),
    [
        (30.02, False, (30, 1)), (29.97, False, (30000, 1001)), (59.94, False, (60000, 1001)),
        (60.001, False, (60, 1)), (23.976, False, (24000, 1001)), (120.0, False, (60, 1)), (75.0, False, (75, 2)),
        (240.0, False, (60, 1)), (15.0, False, (30, 1)), (2.0, True, (30, 1)), (0.0, False, (30, 1)),
        (51.4, True, (60000, 1001)), (29.3, True, (30000, 1001)), (48.0, False, (48, 1)), (27.5, False, (55, 2)),
    ],
)  # fmt: skip
def test_rate_is_a_usual_one(rate: float, varies: bool, expected: tuple[int, int]) -> None:
    media = replace(GOOD, frame_rate=rate, variable_frame_rate=varies, damaged=True)
    recipe = plan(media, PLATFORMS["instagram"].media).recipe
    assert recipe
    assert recipe.picture
    assert recipe.picture.rate == expected


def test_part_of_a_long_video_takes_as_long_as_a_short_one() -> None:
    recipe = Recipe(Picture(1080, 1920, (30, 1)), Sound())
    short, long = GOOD, replace(GOOD, duration=4 * 3600.0)
    part = estimate_seconds(long, recipe, output=replace(GOOD, duration=GOOD.duration / 2))
    assert part < estimate_seconds(short, recipe) < 600 < estimate_seconds(long, recipe)


@pytest.mark.parametrize(
    ("duration", "rate", "bit_rate", "short_edge"),
    [(60.0, 30.0, None, 1080), (120.0, 60.0, 12_000_000, 1080), (600.0, 30.0, 3_710_000, 1080),
     (890.0, 30.0, 2_460_000, 720), (890.0, 60.0, 2_460_000, 540)],
)  # fmt: skip
def test_limited_size_lowers_the_bit_rate_then_the_picture(
    duration: float, rate: float, bit_rate: int | None, short_edge: int
) -> None:
    """Instagram takes 300 MB."""
    media = replace(GOOD, duration=duration, frame_rate=rate, size=400_000_000)
    found = plan(media, PLATFORMS["instagram"].media)
    assert found.recipe
    assert found.recipe.picture
    assert (found.recipe.picture.bit_rate, found.recipe.picture.width) == (bit_rate, short_edge)
    assert found.reasons == ("file_too_large",)
    assert found.output.size <= 300_000_000
    assert found.recipe.max_bytes == (None if bit_rate is None else 300_000_000)


def test_file_that_no_bit_rate_makes_small_enough_stays_an_error() -> None:
    rules = MediaRules("", MP4, frozenset({"h264"}), 1_000_000, None)
    media = replace(GOOD, duration=3600.0, size=900_000_000)
    assert codes(plan(media, rules)) == {"file_too_large"}
    found = plan(replace(media, container="avi"), rules)
    assert (codes(found), found.action) == ({"file_too_large"}, "video")


def test_length_stays_an_error_beside_a_conversion() -> None:
    found = plan(replace(GOOD, container="webm", duration=2.0), PLATFORMS["linkedin"].media)
    assert codes(found) == {"video_too_short"}
    assert (found.action, found.reasons) == ("remux", ("container_not_supported",))


@pytest.mark.parametrize(
    "change",
    [{"container": "webm", "video_codec": "vp9", "audio_codec": "opus", "duration_in_header": False},
     {"container": "mkv", "video_codec": "prores", "audio_codec": "pcm_s16le", "chroma": "4:2:2", "bit_depth": 10,
      "audio_bit_rate": 1_536_000, "width": 2160, "height": 3840},
     {"container": "avi", "video_codec": "mpeg4", "audio_codec": "mp3", "frame_rate": 15.0, "width": 176,
      "height": 314}],
)  # fmt: skip
def test_platforms_share_one_file(change: dict[str, Any]) -> None:
    """One encode serves all platforms whose rules ask for no other shape."""
    media = replace(GOOD, **change)
    recipes = [plan(media, platform.media).recipe for platform in PLATFORMS.values()]
    assert len({recipe.key("sha256") for recipe in recipes if recipe and recipe.picture}) == 1


def test_sound_is_copied_where_it_fits() -> None:
    media = replace(GOOD, damaged=True)
    linkedin = PLATFORMS["linkedin"].media
    recipe = plan(media, linkedin).recipe
    assert recipe
    assert recipe.sound is None
    for change in ({"audio_bit_rate": 256_000}, {"audio_channels": 6}, {"audio_profile": "HE-AAC"},
                   {"audio_codec": "mp3"}, {"edit_list": "cut"}, {"audio_delay": 0.3}):  # fmt: skip
        recipe = plan(replace(media, **change), linkedin).recipe
        assert recipe
        assert recipe.sound == Sound()
    silent = replace(media, audio_codec=None, audio_rate=None, audio_channels=None, audio_bit_rate=None)
    recipe = plan(silent, linkedin).recipe
    assert recipe
    assert recipe.sound is None


def test_silent_track_is_added_where_sound_is_a_must() -> None:
    rules = replace(PLATFORMS["linkedin"].media, needs_sound=True)
    silent = replace(GOOD, audio_codec=None, audio_rate=None, audio_channels=None, audio_bit_rate=None)
    found = plan(silent, rules)
    assert (found.action, found.reasons, found.output.audio_codec) == (Action.AUDIO, ("no_sound",), "aac")


def test_after_an_edit_has_the_new_length() -> None:
    recipe = Recipe(Picture(1080, 1920, (30, 1)), Sound(), edit=Edit(trim=Trim(2.0, 12.0), speed=2.0, intro=1, outro=2))
    output = after(GOOD, recipe, {1: replace(GOOD, duration=3.0), 2: replace(GOOD, duration=1.5)})
    assert (output.duration, output.video_duration, output.audio_duration) == (9.5, 9.5, 9.5)
    assert after(GOOD, Recipe(edit=Edit(trim=Trim(5.0, 50.0)))).duration == 15.0
    muted = after(GOOD, Recipe(sound=Sound(mute=True)))
    assert (muted.audio_codec, muted.duration, muted.size < GOOD.size) == (None, 20.0, True)


@pytest.mark.parametrize(
    ("rate", "varies", "usual"),
    [
        (29.97, False, Fraction(30000, 1001)),
        (30.0, False, Fraction(30)),
        (60.001, False, Fraction(60)),
        (120.0, False, Fraction(60)),
        (119.88, False, Fraction(60000, 1001)),
        (2.0, False, Fraction(30)),
        (48.0, False, Fraction(48)),
        (48.0, True, Fraction(50)),
        (23.976, False, Fraction(24000, 1001)),
        (1000.0, False, Fraction(125, 4)),
    ],
)
def test_usual_rate(rate: float, varies: bool, usual: Fraction) -> None:
    assert usual_rate(replace(GOOD, frame_rate=rate, variable_frame_rate=varies)) == usual
