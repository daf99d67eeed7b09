"""Forms made from the metadata models: a filled-in form becomes the metadata of an API request."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from fastapi import Request
from starlette.types import Message

from clipcast import web
from clipcast.platforms.registry import PLATFORMS
from clipcast.web.forms import TEXT_MAX, FilledForm, counts, fields_of, label_of, read, read_form, shown_value

TEMPLATES = Path(web.__file__).parent / "templates"
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
def test_untouched_form_of_defaults_returns_no_metadata(platform: str) -> None:
    """A browser sends each field back with the value that the page showed."""
    form: dict[str, list[str]] = {}
    for one in fields_of(PLATFORMS[platform].metadata):
        value = shown_value(one, {}, LISBON)
        if one.kind == "flag":
            form[f"p.{one.name}"] = ["off", "on"] if value else ["off"]
        elif one.kind not in ("group", "rows", "choices"):
            form[f"p.{one.name}"] = [str(value)]
    assert read(fields_of(PLATFORMS[platform].metadata), form, "p", LISBON) == {}


async def form_of(*pairs: tuple[str, str]) -> FilledForm:
    async def receive() -> Message:
        return {"type": "http.request", "body": urlencode(pairs).encode(), "more_body": False}

    headers = [(b"content-type", b"application/x-www-form-urlencoded")]
    return await read_form(Request({"type": "http", "headers": headers}, receive))


async def test_read_form_removes_unstorable_characters_and_names_the_field() -> None:
    form = await form_of(("title", "a\x00b"), ("text", "One\r\nTwo"), ("text\x00", "x"), ("tag", "1"), ("tag", "2"))
    assert form.values == {"title": ["ab"], "text": ["One\r\nTwo"], "tag": ["1", "2"]}
    assert form.one("text") == "One\nTwo"
    assert set(form.problems) == {"title"}
    assert "(U+0000)" in form.problems["title"]


async def test_read_form_with_a_lone_surrogate_reports_the_field() -> None:
    """A multipart body may name a charset that encodes lone surrogates."""
    body = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\na\\ud800b\r\n--x--\r\n'

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    kind = b"multipart/form-data; boundary=x; charset=unicode_escape"
    form = await read_form(Request({"type": "http", "headers": [(b"content-type", kind)]}, receive))
    assert form.one("text") == "ab"
    assert "(U+D800)" in form.problems["text"]


async def test_read_form_cuts_a_field_that_is_too_long() -> None:
    form = await form_of(("text", "x" * (TEXT_MAX + 1)))
    assert len(form.one("text")) == TEXT_MAX
    assert f"At most {TEXT_MAX} characters; this had {TEXT_MAX + 1}." in form.problems["text"]


def test_read_returns_each_kind_of_field() -> None:
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


def test_words_with_commas_are_quoted_and_read_back() -> None:
    field = next(one for one in fields_of(PLATFORMS["youtube"].metadata) if one.name == "tags")
    words = ["sea, at night", "plain", 'a "quoted" one']
    shown = shown_value(field, {"tags": words}, LISBON)
    assert shown == '"sea, at night", plain, a "quoted" one'
    assert typed("youtube", tags=shown) == {"tags": words}


def test_time_without_a_known_zone_stays_as_typed() -> None:
    fields = fields_of(PLATFORMS["youtube"].metadata)
    assert read(fields, {"p.publishAt": ["2027-07-01T18:30"]}, "p", None) == {"publishAt": "2027-07-01T18:30"}


def test_invalid_number_and_time_stay_as_typed_for_validation() -> None:
    """Validation reports the problem beside the field."""
    assert typed("tiktok", videoCoverTimestampMs="soon") == {"videoCoverTimestampMs": "soon"}
    assert typed("youtube", publishAt="tomorrow") == {"publishAt": "tomorrow"}


def test_optional_list_left_out_differs_from_an_empty_one() -> None:
    assert typed("bluesky") == {}
    assert typed("bluesky", threadgate__limited="on") == {"threadgate": []}
    assert typed("bluesky", threadgate__limited="on", threadgate=["mentioned"]) == {"threadgate": ["mentioned"]}
    assert typed("bluesky", threadgate=["mentioned"]) == {}


def test_account_overrides_a_platform_value_with_the_default() -> None:
    assert typed("youtube", privacyStatus="public", embeddable="on") == {}
    assert typed("youtube", True, privacyStatus="public", embeddable="on", title="", tags="") == {
        "privacyStatus": "public", "embeddable": True,
    }  # fmt: skip
    assert typed("youtube", True, privacyStatus="", embeddable="") == {}
    # An empty list means nobody, and differs from no list.
    assert typed("bluesky", True, threadgate__limited="on") == {"threadgate": []}


def test_counts_use_the_platforms_unit() -> None:
    def count(platform: str, name: str, text: str) -> list[int]:
        field = next(one for one in fields_of(PLATFORMS[platform].metadata) if one.name == name)
        return [one.used for one in counts(field, text)]

    assert count("tiktok", "title", "🌅") == [2]
    assert count("youtube", "description", "🌅") == [4]
    assert count("bluesky", "text", "👩‍👩‍👧") == [1, 18]
    assert count("instagram", "caption", "é") == [1]


def test_label_of_splits_field_names_into_words() -> None:
    assert label_of("selfDeclaredMadeForKids") == "Self declared made for kids"
    assert label_of("thumbnailUrl") == "Thumbnail address"
    assert label_of("boardId") == "Board ID"


def test_browser_stops_no_form_that_sends_itself() -> None:
    """It cannot show what it finds wrong in a field that is hidden. The server judges."""
    forms = [tag for path in TEMPLATES.rglob("*.html") for tag in re.findall(r"<form\b[^>]*>", path.read_text())]
    sending = [tag for tag in forms if re.search(r'hx-post[^>]*hx-trigger="[^"]*\b(input|change)\b|id="filters"', tag)]
    assert len(sending) > 3
    assert [tag for tag in sending if " novalidate" not in tag] == []
