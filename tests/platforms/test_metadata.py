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
