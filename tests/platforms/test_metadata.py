"""Messages of metadata errors name the field, the actual value, the limit and the fix."""

from typing import Any

import pytest
from pydantic import ValidationError

from clipcast.platforms.registry import PLATFORMS


@pytest.mark.parametrize(
    ("platform", "metadata", "message"),
    [
        ("facebook", {"title": "x" * 256}, "title is too long: 256 characters, maximum 255. Shorten it."),
        ("pinterest", {"boardId": "1", "altText": "x" * 501},
         "altText is too long: 501 characters, maximum 500. Shorten it."),
        ("pinterest", {"boardId": "1", "link": "https://a.example/" + "x" * 2031},
         "The URL is too long: 2049 characters, maximum 2048. Shorten it."),
        ("bluesky", {"tags": ["x" * 65]}, "The tag is too long: 65 characters, maximum 64. Shorten it."),
        ("youtube", {"title": "a<b"}, "title must not contain <. Remove it."),
    ],
)  # fmt: skip
def test_message_of_invalid_text_names_field_and_limit(platform: str, metadata: dict[str, Any], message: str) -> None:
    """The page shows the message without the path, so the message names the field."""
    with pytest.raises(ValidationError) as error:
        PLATFORMS[platform].metadata.model_validate(metadata)
    assert [one["msg"] for one in error.value.errors()] == [message]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_pages_offer_settings_of_the_account_again_and_nothing_of_a_clip(platform: str) -> None:
    model = PLATFORMS[platform].metadata
    names = {name: field.alias or name for name, field in model.model_fields.items()}
    captions = model.captions_file.field if model.captions_file else None
    of_a_clip = {*model.cover_fields, *([captions] if captions else [])}
    settings = set(model.remembered_fields)
    assert settings <= set(names.values())
    assert not settings & {model.text_field, model.title_field, *(names[one] for one in of_a_clip)}


def test_what_tiktok_wants_chosen_by_hand_is_not_offered_again() -> None:
    by_hand = {"privacyLevel", "disableComment", "disableDuet", "disableStitch"}
    by_hand |= {"brandContentToggle", "brandOrganicToggle", "isAigc"}
    assert not by_hand & set(PLATFORMS["tiktok"].metadata.remembered_fields)


def test_what_hides_a_post_is_not_offered_again() -> None:
    """A forgotten choice of the last post would cost the next one: it is a draft, or gone after a day."""
    kinds = {"videoState", "postMode", "mediaType"}
    assert not [name for name, one in PLATFORMS.items() if kinds & set(one.metadata.remembered_fields)]
