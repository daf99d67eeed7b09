"""A form that shows stored metadata and is sent back untouched returns the same metadata."""

import re
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from clipcast.platforms.registry import PLATFORMS
from clipcast.web import forms, post_page
from clipcast.web.forms import FormField, fields_of, read
from clipcast.web.pages import templates
from tests.web.browser import sent

TOKYO = ZoneInfo("Asia/Tokyo")
PAGE = templates.env.from_string(
    '{% from "parts/form_field.html" import form_field with context %}<form id="compose">'
    "{% for one in fields %}"
    '{{ form_field(one, "p." ~ one.name, said, forms, zone, {}, inherits=inherits) }}'
    "{% endfor %}"
    "</form>"
)


def value_of(one: FormField) -> Any:
    """Something that the field may hold, which is not its default, and awkward where that is possible."""
    match one.kind:
        case "flag":
            return not one.default
        case "number":
            return 7
        case "choice":
            return next(choice for choice in reversed(one.choices) if choice != one.default)
        case "choices":
            return [one.choices[-1]]
        case "words":
            return ["sea, at night", 'a "quoted" word', "plain"]
        case "numbers":
            return [6, 28]
        case "instant":
            return "2027-07-01T17:30:45.500Z"
        case "group":
            return {inner.name: value_of(inner) for inner in one.fields}
        case "rows":
            return [{inner.name: value_of(inner) for inner in one.fields}] * 2
    return " <b>First</b> line\nsecond & last, with a comma "


def sent_back(platform: str, said: dict[str, Any], inherits: bool) -> dict[str, Any]:
    fields = fields_of(PLATFORMS[platform].metadata)
    page = PAGE.render(fields=fields, said=said, forms=forms, zone=TOKYO, inherits=inherits)
    return read(fields, sent(page), "p", TOKYO, inherits)


@pytest.mark.parametrize("inherits", [False, True])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_untouched_form_returns_the_metadata_that_it_showed(platform: str, inherits: bool) -> None:
    """A browser that sends an untouched form back changes nothing."""
    said = {one.name: value_of(one) for one in fields_of(PLATFORMS[platform].metadata)}
    assert sent_back(platform, said, inherits) == said


@pytest.mark.parametrize("inherits", [False, True])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_untouched_form_keeps_lists_that_are_empty_on_purpose(platform: str, inherits: bool) -> None:
    said = {one.name: [] for one in fields_of(PLATFORMS[platform].metadata) if one.optional_list}
    assert sent_back(platform, said, inherits) == said


@pytest.mark.parametrize("platform", PLATFORMS)
def test_inheriting_form_keeps_values_that_equal_the_default(platform: str) -> None:
    """A value of an account or a target overrides its platform's value, even if it equals the default."""
    said = {
        one.name: one.default
        for one in fields_of(PLATFORMS[platform].metadata)
        if one.kind in ("flag", "choice") and one.default is not None
    }
    assert sent_back(platform, said, True) == said


def all_fields(fields: tuple[FormField, ...]) -> Iterator[FormField]:
    for one in fields:
        yield one
        yield from all_fields(one.fields)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_choices_and_help_are_in_words(platform: str) -> None:
    """Constants of the API, such as SELF_ONLY, are not shown; two choices of a field have different titles."""
    for one in all_fields(fields_of(PLATFORMS[platform].metadata)):
        titles = [one.title_of(choice) for choice in one.choices]
        assert len(set(titles)) == len(titles), one.name
        for title in titles:
            assert re.fullmatch(r"[A-Z][\w ,'-]*", title), (one.name, title)
            assert "_" not in title, (one.name, title)
        assert not re.search("[A-Z]{2,}_[A-Z]", one.help), (one.name, one.help)


def test_value_of_a_text_field_is_shown_as_it_is() -> None:
    by_name = {one.name: one for one in fields_of(PLATFORMS["tiktok"].metadata)}
    assert by_name["privacyLevel"].title_of("SELF_ONLY") == "Only me"
    assert by_name["title"].title_of("SELF_ONLY") == "SELF_ONLY"


OPPOSITE = [(platform, name) for platform, one in PLATFORMS.items() for name in one.metadata.opposite_fields]


@pytest.mark.parametrize(("platform", "name"), OPPOSITE)
def test_flag_that_forbids_is_a_switch_that_allows(platform: str, name: str) -> None:
    """What is off in the form is true in the request, so that no label says the opposite of its switch."""
    [one] = [one for one in fields_of(PLATFORMS[platform].metadata) if one.name == name]
    assert one.label.startswith(("Allow ", "Show "))
    for value in (False, True):
        page = PAGE.render(fields=[one], said={name: value}, forms=forms, zone=TOKYO, inherits=False)
        assert (" checked" in page) is not value
        assert read((one,), sent(page), "p", TOKYO) == ({name: True} if value else {})
        assert post_page.in_words(one, value) == ("No" if value else "Yes")
