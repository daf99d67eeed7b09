"""Forms made from the metadata models: what is typed becomes what a caller would have written."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from clipcast.platforms.registry import PLATFORMS
from clipcast.web.forms import counts, fields_of, label_of, read, shown_value

LISBON = ZoneInfo("Europe/Lisbon")


def typed(platform: str, inherits: bool = False, **values: Any) -> dict[str, Any]:
    form = {f"p.{name.replace('__', '.')}": v if isinstance(v, list) else [v] for name, v in values.items()}
    return read(fields_of(PLATFORMS[platform].metadata), form, "p", LISBON, inherits)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_field_of_every_platform_has_a_form(platform: str) -> None:
    model = PLATFORMS[platform].metadata
    fields = {one.name: one for one in fields_of(model)}
    assert set(fields) == {info.alias for info in model.model_fields.values()}
    kinds = {"text", "long", "number", "flag", "choice", "choices", "words", "numbers", "instant", "group", "rows"}
    assert {one.kind for one in fields.values()} <= kinds
    assert model.text_field in fields
    assert set(model.offered_fields) <= set(fields)
    assert all(one.choices for one in fields.values() if one.kind in ("choice", "choices"))


@pytest.mark.parametrize("platform", PLATFORMS)
def test_an_untouched_form_says_nothing(platform: str) -> None:
    """Each field as it is shown at first is sent back, as browsers do."""
    form: dict[str, list[str]] = {}
    for one in fields_of(PLATFORMS[platform].metadata):
        value = shown_value(one, {}, LISBON)
        if one.kind == "flag":
            form[f"p.{one.name}"] = ["off", "on"] if value else ["off"]
        elif one.kind not in ("group", "rows", "choices"):
            form[f"p.{one.name}"] = [str(value)]
    assert read(fields_of(PLATFORMS[platform].metadata), form, "p", LISBON) == {}


def test_every_kind() -> None:
    assert typed("youtube", title="A <b>", tags="one, two words,\nthree,,", embeddable=["off"]) == {
        "title": "A <b>", "tags": ["one", "two words", "three"], "embeddable": False,
    }  # fmt: skip
    assert typed("youtube", publishAt="2027-07-01T18:30") == {"publishAt": "2027-07-01T17:30:00.000Z"}
    assert typed("youtube", privacyStatus="public", selfDeclaredMadeForKids=["off", "on"]) == {
        "selfDeclaredMadeForKids": True
    }
    assert typed("tiktok", videoCoverTimestampMs=" 1500 ") == {"videoCoverTimestampMs": 1500}
    assert typed("bluesky", labels=["sexual", "nudity"]) == {"labels": ["sexual", "nudity"]}
    assert typed("facebook", targeting__countries="PT, BR", targeting__ageMin="18", targeting__locales="6, x") == {
        "targeting": {"countries": ["PT", "BR"], "ageMin": 18, "locales": [6, "x"]}
    }
    assert typed(
        "bluesky", captions__0__lang="pt", captions__0__url="https://a.example/x.vtt", captions__1__lang=""
    ) == {"captions": [{"lang": "pt", "url": "https://a.example/x.vtt"}]}


def test_what_cannot_be_read_goes_on_to_the_rules() -> None:
    """They say what is wrong with it, beside the field."""
    assert typed("tiktok", videoCoverTimestampMs="soon") == {"videoCoverTimestampMs": "soon"}
    assert typed("youtube", publishAt="tomorrow") == {"publishAt": "tomorrow"}


def test_leaving_out_and_leaving_empty_differ() -> None:
    assert typed("bluesky") == {}
    assert typed("bluesky", threadgate__limited="on") == {"threadgate": []}
    assert typed("bluesky", threadgate__limited="on", threadgate=["mentioned"]) == {"threadgate": ["mentioned"]}
    assert typed("bluesky", threadgate=["mentioned"]) == {}


def test_an_account_may_go_back_to_what_is_usual() -> None:
    assert typed("youtube", privacyStatus="public", embeddable="on") == {}
    assert typed("youtube", True, privacyStatus="public", embeddable="on", title="", tags="") == {
        "privacyStatus": "public", "embeddable": True,
    }  # fmt: skip
    assert typed("youtube", True, privacyStatus="", embeddable="") == {}


def test_counters_count_as_the_platform_does() -> None:
    def count(platform: str, name: str, text: str) -> list[int]:
        field = next(one for one in fields_of(PLATFORMS[platform].metadata) if one.name == name)
        return [one.used for one in counts(field, text)]

    assert count("tiktok", "title", "🌅") == [2]
    assert count("youtube", "description", "🌅") == [4]
    assert count("bluesky", "text", "👩‍👩‍👧") == [1, 18]
    assert count("instagram", "caption", "é") == [1]


def test_labels() -> None:
    assert label_of("selfDeclaredMadeForKids") == "Self declared made for kids"
    assert label_of("thumbnailUrl") == "Thumbnail address"
    assert label_of("boardId") == "Board ID"
