"""The recipes of callers' edits: pure, from the facts of the files."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from clipcast.common.media import Media
from clipcast.common.validation import problems_of
from clipcast.rendering.recipe import Action, Cue, Focus, Recipe, Sound, Trim, Watermark
from clipcast.renders.edit_schemas import EditBody, RenderBody
from clipcast.renders.edits import Compiled, Materials, Part, compile_edit, edit_key, independent

MEDIA = Media("mp4", 1_000_000, 60.0, 1080, 1920, 30.0, "h264", "aac")
WIDE = replace(MEDIA, width=1920, height=1080)
SILENT = replace(MEDIA, audio_codec=None)
FOREIGN = replace(MEDIA, container="webm", video_codec="vp9", audio_codec="opus")
CUES = Part("c" * 64, cues=(Cue(1.0, 2.0, "Hello"), Cue(50.0, 70.0, "Late")))
WATERMARK = Part("d" * 64)
INTRO, OUTRO = Part("e" * 64, replace(MEDIA, duration=3.0)), Part("f" * 64, replace(MEDIA, duration=2.0))
ALL = Materials(CUES, WATERMARK, INTRO, OUTRO)
MAX_DURATION = 3600.0


def body(**fields: Any) -> EditBody:
    return EditBody.model_validate(fields)


def compiled(media: Media = MEDIA, materials: Materials | None = None, **fields: Any) -> Compiled:
    named = {name: getattr(ALL, name) for name in vars(ALL) if name in fields}
    return compile_edit(body(**fields), media, materials or Materials(**named), MAX_DURATION)


def recipe(media: Media = MEDIA, **fields: Any) -> Recipe:
    result = compiled(media, **fields)
    assert result.problems == []
    assert result.recipe is not None
    return result.recipe


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"resolution": "1080p"},
        {"aspect_ratio": "9:16"},
        {"trim": {"start": 0, "end": 60}},
        {"trim": {"start": 0, "end": 60.04}},
        {"speed": 1.0},
        {"fade": {}},
        {"audio": {}},
        {"audio": {"silent_track": True}},
        {"cover": {"at": 3.2}},
        {"captions": {"text": "x", "mode": "sidecar"}},
    ],
)
@pytest.mark.parametrize("media", [MEDIA, FOREIGN])
def test_edit_that_changes_nothing_is_the_video_as_it_is(fields: dict[str, Any], media: Media) -> None:
    result = compiled(media, **fields)
    assert (result.recipe, result.problems, result.duration) == (None, [], 60.0)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"captions": {"text": "x"}}, ()),
        ({"captions": {"text": "x", "mode": "sidecar"}}, (Cue(1.0, 2.0, "Hello"), Cue(50.0, 60.0, "Late"))),
        (
            {"captions": {"text": "x", "mode": "sidecar"}, "speed": 2, "intro": {"video_id": "x"}},
            (Cue(4.0, 5.0, "Hello"),),
        ),
    ],
)
def test_captions_beside_the_video_have_the_times_of_the_result(
    fields: dict[str, Any], expected: tuple[Cue, ...]
) -> None:
    assert compiled(**fields).sidecar == expected


def test_sound_of_the_result_is_predicted() -> None:
    """A silent track is one, also of a muted video. The sound of an intro is heard before a silent video."""
    found = [
        compiled(media, audio=audio, **fields).output
        for media, audio, fields in (
            (MEDIA, {"mute": True}, {}),
            (MEDIA, {"mute": True, "silent_track": True}, {}),
            (SILENT, {}, {"intro": {"video_id": "x"}}),
            (SILENT, {"mute": True}, {"intro": {"video_id": "x"}}),
            (SILENT, {}, {"speed": 2}),
        )
    ]
    assert [one and one.audio_codec for one in found] == [None, "aac", "aac", None, None]


@pytest.mark.parametrize(
    ("fields", "media", "action"),
    [
        ({"strip_metadata": True}, MEDIA, Action.REMUX),
        ({"strip_metadata": True}, FOREIGN, Action.VIDEO),
        ({"strip_metadata": True}, replace(MEDIA, edit_list="cut"), Action.VIDEO),
        ({"strip_metadata": True}, replace(MEDIA, audio_delay=0.5), Action.AUDIO),
        ({"strip_metadata": True}, replace(MEDIA, container="avi"), Action.VIDEO),
        ({"audio": {"mute": True}}, replace(MEDIA, container="wmv"), Action.VIDEO),
        ({"audio": {"loudness": -14}}, replace(MEDIA, container="mpg"), Action.VIDEO),
        ({"strip_metadata": True}, replace(MEDIA, container="ts"), Action.AUDIO),
        ({"trim": {"start": 1, "precision": "keyframe"}}, MEDIA, Action.REMUX),
        ({"trim": {"start": 1, "precision": "keyframe"}}, replace(MEDIA, audio_codec="opus"), Action.AUDIO),
        ({"trim": {"start": 1}}, MEDIA, Action.VIDEO),
        ({"audio": {"mute": True}}, MEDIA, Action.AUDIO),
        ({"audio": {"loudness": -14}}, MEDIA, Action.AUDIO),
        ({"audio": {"silent_track": True}}, SILENT, Action.AUDIO),
        ({"audio": {"mute": True}}, FOREIGN, Action.VIDEO),
        ({"speed": 2}, MEDIA, Action.VIDEO),
        ({"resolution": "720p"}, MEDIA, Action.VIDEO),
        ({"aspect_ratio": "1:1"}, MEDIA, Action.VIDEO),
        ({"fade": {"in": 0.5}}, MEDIA, Action.VIDEO),
        ({"captions": {"text": "x"}}, MEDIA, Action.VIDEO),
        ({"watermark": {"asset_id": "x"}}, MEDIA, Action.VIDEO),
        ({"intro": {"video_id": "x"}}, MEDIA, Action.VIDEO),
    ],
)
def test_cheapest_action_is_chosen(fields: dict[str, Any], media: Media, action: Action) -> None:
    assert recipe(media, **fields).action == action


@pytest.mark.parametrize(
    ("media", "fields", "size"),
    [
        (MEDIA, {"resolution": "720p"}, (720, 1280)),
        (WIDE, {"aspect_ratio": "9:16"}, (1080, 1920)),
        (WIDE, {"aspect_ratio": "9:16", "fit": "crop"}, (608, 1080)),
        (WIDE, {"aspect_ratio": "1:1"}, (1080, 1080)),
        (MEDIA, {"aspect_ratio": "4:5"}, (1080, 1350)),
        (MEDIA, {"aspect_ratio": "4:5", "fit": "crop"}, (1080, 1350)),
        (MEDIA, {"aspect_ratio": "16:9", "resolution": "720p"}, (1280, 720)),
        (replace(MEDIA, width=4320, height=7680), {"speed": 2}, (2160, 3840)),
        (replace(MEDIA, width=853, height=481), {"speed": 2}, (852, 480)),
        (replace(MEDIA, width=1, height=3), {"speed": 2}, (16, 16)),
    ],
)
def test_canvas_is_even_and_never_larger_than_the_source(
    media: Media, fields: dict[str, Any], size: tuple[int, int]
) -> None:
    picture = recipe(media, **fields).picture
    assert picture
    assert (picture.width, picture.height) == size


def test_every_field_reaches_the_recipe() -> None:
    result = compiled(
        WIDE,
        trim={"start": 10, "end": 50},
        aspect_ratio="9:16",
        fit="crop",
        focus=[{"at": 0, "x": 0.2}, {"at": 5, "x": 0.8, "y": 0.1}],
        speed=2,
        fade={"in": 0.5, "out": 1},
        audio={"loudness": -14, "silent_track": True},
        captions={"asset_id": "x", "style": {"size": 0.05, "uppercase": True, "outline": None}},
        watermark={"asset_id": "x", "position": "top_left", "width": 0.2, "opacity": 1, "margin": 0},
        intro={"video_id": "x"},
        outro={"video_id": "x"},
    )
    made = result.recipe
    assert made
    assert made.picture
    assert made.edit.captions
    assert made.picture.focus == (Focus(0, 0.2, 0.5), Focus(5, 0.8, 0.1))
    assert made.picture.fit == "crop"
    assert made.sound == Sound(loudness=-14, silent_track=True)
    assert made.edit.trim == Trim(10, 50, "exact")
    assert (made.edit.speed, made.edit.fade_in, made.edit.fade_out) == (2, 0.5, 1)
    assert made.edit.captions.cues == (Cue(1.0, 2.0, "Hello"),)
    assert (made.edit.captions.style.size, made.edit.captions.style.outline) == (0.05, None)
    assert made.edit.watermark == Watermark(1, "top_left", 0.2, 1, 0)
    assert (made.edit.intro, made.edit.outro) == (2, 3)
    assert ALL.inputs() == [WATERMARK, INTRO, OUTRO]
    assert result.duration == 20 + 3 + 2
    assert result.output
    assert (result.output.duration, result.output.width, result.output.height) == (25, 608, 1080)
    assert [one.code for one in result.warnings] == ["after_the_end"]


@pytest.mark.parametrize(("start", "is_kept"), [(59.97, True), (59.98, True), (59.99, False)])
def test_trim_to_the_end_may_begin_within_the_last_frame(start: float, is_kept: bool) -> None:
    """The last frame of 30 a second begins at 59.9667 s: half of it and more counts as one."""
    for trim in ({"start": start}, {"start": start, "end": 60}):
        assert [one.code for one in compiled(trim=trim).problems] == ([] if is_kept else ["trim_empty"])


def test_trim_of_less_than_half_the_last_frame_states_the_half_frame() -> None:
    [problem] = compiled(trim={"start": 59.99}).problems
    assert problem.limit == 0.016667
    assert problem.message == (
        "The trim is too short: 0.01 s, minimum 0.01667 s, at the end of the video. Choose an earlier start."
    )


def test_trim_that_ends_before_it_starts_is_named_so() -> None:
    [problem] = compiled(trim={"start": 3, "end": 1.5}).problems
    assert problem.message == (
        "The end of the trim, 1.5 s, is before its start, 3 s. Choose a later end, or an earlier start."
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"trim": {"start": 1, "end": 61}}, [("/trim/end", "after_the_end", 60.0, 61.0)]),
        ({"trim": {"start": 60}}, [("/trim/start", "after_the_end", 60.0, 60.0)]),
        ({"trim": {"start": 2, "end": 2}}, [("/trim", "trim_empty", 0.033333, 0)]),
        ({"trim": {"start": 2, "end": 1}}, [("/trim", "trim_empty", 0.033333, 0)]),
        ({"trim": {"start": 60.0, "end": 1}}, [("/trim/start", "after_the_end", 60.0, 60.0)]),
        ({"trim": {"start": 2, "end": 2.03}}, [("/trim", "trim_empty", 0.033333, pytest.approx(0.03))]),
        ({"cover": {"at": 61}}, [("/cover/at", "after_the_end", 60.0, 61.0)]),
        ({"fade": {"in": 9, "out": 9}, "speed": 4}, [("/fade", "fade_too_long", 15.0, 18.0)]),
        ({"focus": {"at": 61}, "fit": "crop"}, [("/focus/0/at", "after_the_end", 60.0, 61.0)]),
        ({"focus": {"x": 0.1}}, [("/focus", "without_effect", None, None)]),
        ({"cover": {"at": 60}}, [("/cover/at", "after_the_end", 60.0, 60.0)]),
        ({"cover": {"at": 62}, "outro": {"video_id": "x"}}, [("/cover/at", "after_the_end", 62.0, 62.0)]),
        (
            {"captions": {"text": "x"}, "trim": {"start": 0, "end": 0.5}},
            [("/captions", "after_the_end", 0.5, 1.0)],
        ),
        (
            {"trim": {"start": 1, "precision": "keyframe"}, "resolution": "720p"},
            [("/trim/precision", "keyframe_not_possible", None, None)],
        ),
        (
            {"trim": {"start": 1, "precision": "keyframe"}, "cover": {"at": 3}},
            [("/trim/precision", "keyframe_not_possible", None, None)],
        ),
        (
            {"trim": {"start": 1, "precision": "keyframe"}, "captions": {"text": "x", "mode": "sidecar"}},
            [("/trim/precision", "keyframe_not_possible", None, None)],
        ),
        (
            {"trim": {"start": 59, "end": 99}, "cover": {"at": 99}, "fade": {"in": 2}, "focus": {"at": 99}},
            [
                ("/trim/end", "after_the_end", 60.0, 99.0),
                ("/fade", "fade_too_long", 1.0, 2.0),
                ("/cover/at", "after_the_end", 1.0, 99.0),
                ("/focus/0/at", "after_the_end", 1.0, 99.0),
                ("/focus", "without_effect", None, None),
            ],
        ),
    ],
)
def test_all_problems_are_listed_with_limit_and_actual(fields: dict[str, Any], expected: list[Any]) -> None:
    result = compiled(**fields)
    assert [(one.path, one.code, one.limit, one.actual) for one in result.problems] == expected
    assert result.recipe is None


@pytest.mark.parametrize(
    "fields",
    [
        {"trim": {"start": 2, "end": 2.04}},
        {"trim": {"start": 59.96}},
        {"trim": {"start": 59.9667, "end": 60}},
        {"trim": {"start": 1, "end": 60.05}},
    ],
)
def test_trim_of_one_frame_or_to_just_past_the_end_is_possible(fields: dict[str, Any]) -> None:
    assert recipe(**fields).edit.trim


@pytest.mark.parametrize(
    ("media", "fields", "paths"),
    [
        (MEDIA, {"fit": "crop", "focus": {"x": 0}}, ["/focus"]),
        (MEDIA, {"fit": "crop", "aspect_ratio": "9:16"}, ["/fit"]),
        (MEDIA, {"fit": "crop", "aspect_ratio": "1:1", "focus": {"x": 0}}, []),
        (MEDIA, {"audio": {"loudness": -14, "mute": True}}, ["/audio/loudness"]),
        (MEDIA, {"audio": {"loudness": -14}}, []),
        (SILENT, {"audio": {"loudness": -14}}, ["/audio/loudness"]),
        (SILENT, {"audio": {"loudness": -14}, "outro": {"video_id": "x"}}, []),
    ],
)
def test_what_has_no_effect_is_named(media: Media, fields: dict[str, Any], paths: list[str]) -> None:
    result = compiled(media, **fields)
    assert result.problems == []
    assert [(one.path, one.code) for one in result.warnings] == [(path, "without_effect") for path in paths]


@pytest.mark.parametrize(
    ("fields", "duration", "path", "actual"),
    [
        ({"speed": 0.25}, 1000, "/speed", 4000),
        ({"speed": 0.25, "outro": {"video_id": "x"}}, 1000, "/speed", 4002),
        ({"outro": {"video_id": "x"}}, 3599, "/outro", 3601),
        ({"speed": 4}, 16_000, "", 4000),
        ({"aspect_ratio": "1:1"}, 4000, "", 4000),
    ],
)
def test_result_that_is_too_long_is_rejected_at_a_field_that_makes_it_long(
    fields: dict[str, Any], duration: int, path: str, actual: int
) -> None:
    result = compiled(replace(MEDIA, duration=duration), **fields)
    assert [(one.path, one.code, one.limit, one.actual) for one in result.problems] == [
        (path, "too_long_to_convert", MAX_DURATION, actual)
    ]
    assert independent(result.problems, {"trim"}) == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({}, {"speed": 1.0, "fit": "pad_blur"}, True),
        ({"trim": {"start": 0.0, "end": 3}}, {"trim": {"end": 3.0}}, True),
        ({"pad_color": "#abcdef"}, {"pad_color": "#ABCDEF"}, True),
        ({"focus": {"x": 0.1}}, {"focus": [{"x": 0.1}]}, True),
        ({"captions": {"asset_id": "a"}}, {"captions": {"text": "b"}}, True),
        ({"captions": {"asset_id": "a"}}, {"captions": {"asset_id": "a", "mode": "sidecar"}}, False),
        ({"speed": 2}, {"speed": 2.5}, False),
        ({}, {"strip_metadata": True}, False),
    ],
)
def test_equal_edits_have_equal_keys(one: dict[str, Any], other: dict[str, Any], same: bool) -> None:
    keys = [
        edit_key("a" * 64, body(**fields), Materials(captions=CUES if "captions" in fields else None))
        for fields in (one, other)
    ]
    assert (keys[0] == keys[1]) is same
    assert edit_key("b" * 64, body(**one), Materials(captions=CUES if "captions" in one else None)) != keys[0]


def test_name_and_platforms_do_not_change_the_edit() -> None:
    whole = RenderBody.model_validate({"video_id": "x", "name": "A", "conform_for": ["tiktok"], "speed": 2})
    assert whole.edit().canonical() == {"speed": 2.0}


@pytest.mark.parametrize(
    ("fields", "paths"),
    [
        ({"focus": {"x": 2, "z": 1}}, ["/focus/x", "/focus/z"]),
        ({"focus": [{"x": 0.1}, {"x": 3}]}, ["/focus/1/x"]),
        ({"focus": [{}] * 101}, ["/focus"]),
        ({"focus": []}, ["/focus"]),
        ({"speed": 0.1, "resolution": "4k", "fit": "stretch"}, ["/resolution", "/fit", "/speed"]),
        ({"aspect_ratio": "100:1"}, ["/aspect_ratio"]),
        ({"aspect_ratio": "0:1"}, ["/aspect_ratio"]),
        ({"pad_color": "red"}, ["/pad_color"]),
        ({"captions": {"text": "x", "language": "Portuguese!", "style": {"size": 1}}},
         ["/captions/language", "/captions/style/size"]),
        ({"captions": {"text": "x" * 200_001}}, ["/captions/text"]),
        ({"audio": {"loudness": -3}}, ["/audio/loudness"]),
        ({"trim": {"start": -1}}, ["/trim/start"]),
        ({"filter": "drawtext"}, ["/filter"]),
    ],
)  # fmt: skip
def test_invalid_fields_are_named_by_their_path(fields: dict[str, Any], paths: list[str]) -> None:
    with pytest.raises(ValidationError) as raised:
        body(**fields)
    assert [one.path for one in problems_of(raised.value, EditBody)] == paths
