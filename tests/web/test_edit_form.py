"""The form of an edit: to the body of POST /renders, and back."""

from typing import Any

import pytest

from clipcast.renders.captions import parse_captions
from clipcast.renders.edit_schemas import EditBody
from clipcast.web.edit_form import ROWS_MAX, field_of, filled, read_edit, read_seconds, show_seconds
from clipcast.web.forms import FilledForm

DURATION = 100.0


def form_of(**fields: str | list[str]) -> FilledForm:
    """Return the form of an untouched page with these fields changed; `__` stands for the dots of a name."""
    form = filled({}, DURATION)
    for name, value in fields.items():
        form.values[name.replace("__", ".")] = [value] if isinstance(value, str) else value
    return form


def edit_of(**fields: str | list[str]) -> dict[str, Any]:
    form = form_of(**fields)
    edit = read_edit(form, DURATION)
    assert edit is not None, form.problems
    return edit.canonical()


def problems_of(**fields: str | list[str]) -> dict[str, str]:
    form = form_of(**fields)
    assert read_edit(form, DURATION) is None
    return form.problems


@pytest.mark.parametrize(
    ("text", "seconds"), [("1:05.5", 65.5), ("65,25", 65.25), ("0:00", 0), ("1:02:03", 3723), (" 7 ", 7)]
)
def test_typed_time_is_read(text: str, seconds: float) -> None:
    assert read_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "1:", "-3", "1e9", "1:2:3:4", "NaN", "٣"])
def test_other_text_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="Type a time"):
        read_seconds(text)


@pytest.mark.parametrize("text", ["9:99", "1:60", "1:75:00", "0:60.5"])
def test_time_of_more_than_59_seconds_or_minutes_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="at most 59 seconds"):
        read_seconds(text)


@pytest.mark.parametrize("seconds", [0, 4.2, 59.999, 60, 61.5, 3599.04, 3600, 7325.123])
def test_shown_time_is_read_as_the_same_time(seconds: float) -> None:
    assert read_seconds(show_seconds(seconds)) == seconds


def test_untouched_form_changes_nothing() -> None:
    assert edit_of() == {}


def test_end_at_the_end_of_the_clip_keeps_the_whole_clip() -> None:
    assert edit_of(trim__end="1:39.99") == {}
    assert edit_of(trim__start="6", trim__end="100") == {"trim": {"start": 6.0}}
    assert edit_of(trim__end="1:34.5") == {"trim": {"end": 94.5}}


def test_shape_sends_only_what_its_way_uses() -> None:
    assert edit_of(aspect_ratio="9:16", pad_color="#FF0000") == {"aspect_ratio": "9:16"}
    assert edit_of(aspect_ratio="9:16", fit="pad", pad_color="#ff0000") == {
        "aspect_ratio": "9:16", "fit": "pad", "pad_color": "#FF0000",
    }  # fmt: skip
    assert edit_of(aspect_ratio="1:1", fit="crop", focus__x="25") == {
        "aspect_ratio": "1:1", "fit": "crop", "focus": [{"x": 0.25}],
    }  # fmt: skip
    assert edit_of(fit="crop", focus__x="25") == {}


def test_typed_captions_become_a_text_with_their_times() -> None:
    edit = edit_of(
        captions__from="typed", cue__start=["2", "0", ""], cue__end=["3.5", "1:00", ""],
        cue__text=["Second\r\nline", "First", ""], captions__style__outlined="",
    )  # fmt: skip
    cues = parse_captions(edit["captions"]["text"]).cues
    assert [(cue.start, cue.end, cue.text) for cue in cues] == [(0, 60, "First"), (2, 3.5, "Second\nline")]
    assert edit["captions"]["style"] == {"outline": None}


def test_problems_of_typed_captions_name_their_number() -> None:
    assert problems_of(captions__from="typed", cue__start=["2"], cue__end=["2"], cue__text=["x"]) == {
        "cue": "Caption 1 ends at or before its start. Correct its times."
    }
    assert (
        "Caption 2: Type a time"
        in problems_of(captions__from="typed", cue__start=["0", "soon"], cue__end=["1", "2"], cue__text=["x", "y"])[
            "cue"
        ]
    )
    assert "at least one caption" in problems_of(captions__from="typed")["cue"]
    arrows = problems_of(
        captions__from="typed", cue__start=["0", "1"], cue__end=["1", "2"], cue__text=["x -> y", "x --> y"]
    )
    assert arrows["cue"].startswith("Caption 2 contains -->")


def test_problems_are_at_their_fields() -> None:
    problems = problems_of(
        speed="9", trim__start="soon", audio__loudness="loud", captions__from="file", captions__language="%",
        watermark__asset_id="some", watermark__width="0",
    )  # fmt: skip
    assert problems == {
        "speed": "Type a number from 0.25 to 4.",
        "trim.start": "Type a time such as 1:05.5, or seconds such as 65.5.",
        "audio.loudness": "Type a number, such as 1.5.",
        "captions.asset_id": "Choose a file, or upload one.",
        "captions.language": "Use a language tag such as en or pt-BR.",
        "watermark.width": "Type a number from 1 to 100.",
    }


@pytest.mark.parametrize(
    ("pointer", "field"),
    [("/trim/end", "trim.end"), ("/trim", "trim.end"), ("/focus/0/x", "focus.x"), ("/captions/text", "cue"),
     ("/watermark/asset_id", "watermark.asset_id"), ("/speed", "speed")],
)  # fmt: skip
def test_paths_of_the_body_are_fields_of_the_form(pointer: str, field: str) -> None:
    assert field_of(pointer) == field


EDITS: list[dict[str, Any]] = [
    {"trim": {"start": 1.5, "end": 31.04, "precision": "keyframe"}, "resolution": "1080p", "strip_metadata": True},
    {"aspect_ratio": "4:5", "fit": "crop", "focus": [{"x": 0.25, "y": 0.333}]},
    {"aspect_ratio": "4:5", "fit": "crop", "focus": [{"x": 0.2}, {"at": 4.0, "x": 0.9}]},
    {"aspect_ratio": "2:3", "fit": "pad", "pad_color": "#00FF88"},
    {"speed": 1.25, "fade": {"in": 0.5, "out": 1.0}, "audio": {"loudness": -14.0, "mute": True}},
    {"captions": {"text": "1\n00:00:01,000 --> 00:00:02,500\nHello\n", "mode": "sidecar", "language": "pt-BR"}},
    {"captions": {"asset_id": "some", "style": {"size": 0.05, "background": "#112233", "max_lines": 3}}},
    {"watermark": {"asset_id": "some", "position": "top_left", "width": 0.2, "opacity": 0.5, "margin": 0.0}},
    {"cover": {"at": 3.2}, "intro": {"video_id": "a"}, "outro": {"video_id": "b"}},
]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: "-".join(edit))
def test_stored_edit_is_the_same_after_the_form(edit: dict[str, Any]) -> None:
    canonical = EditBody.model_validate(edit).canonical()
    form = filled(canonical, DURATION)
    read = read_edit(form, DURATION)
    assert read is not None, form.problems
    assert read.canonical() == canonical


def test_moving_focus_is_replaced_when_a_person_changes_it() -> None:
    form = filled({"aspect_ratio": "4:5", "fit": "crop", "focus": [{"x": 0.2}, {"at": 4.0, "x": 0.9}]}, DURATION)
    form.values["focus.x"] = ["30"]
    read = read_edit(form, DURATION)
    assert read is not None
    assert read.canonical()["focus"] == [{"x": 0.3}]


@pytest.mark.parametrize(
    "points",
    [
        "[" * 4000 + "]" * 4000,
        "[" * 100_000,
        f'[{{"x": {"9" * 4000}, "y": 0.5}}]',
        '["text"]',
        '{"0": 1}',
        '[{"x": []}]',
    ],
    ids=lambda points: points[:9],
)
def test_points_that_no_page_sends_are_left_out(points: str) -> None:
    assert edit_of(aspect_ratio="1:1", fit="crop", focus__x="25", focus__points=points)["focus"] == [{"x": 0.25}]


def test_second_point_without_a_usable_number_is_a_problem() -> None:
    for number in ("NaN", "1e400", "9" * 4000):
        points = f'[{{"x": 0.25, "y": 0.5}}, {{"x": {number}}}]'
        assert "focus.x" in problems_of(aspect_ratio="1:1", fit="crop", focus__x="25", focus__points=points)


def test_many_captions_are_one_text() -> None:
    text = "\n".join(f"{n}\n00:{n // 60:02}:{n % 60:02},000 --> 00:{n // 60:02}:{n % 60:02},500\nx\n"
                     for n in range(ROWS_MAX + 1))  # fmt: skip
    form = filled({"captions": {"text": text}}, 1000)
    assert form.all("cue.start") == []
    read = read_edit(form, 1000)
    assert read is not None
    assert len(parse_captions(read.captions.text if read.captions and read.captions.text else "").cues) == ROWS_MAX + 1
