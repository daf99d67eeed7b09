"""Signatures in captions, and hashtags as people type them."""

import pytest
from pydantic_core import PydanticCustomError

from clipcast.clients.words import TAGS_MAX, read_tags, with_signature


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("Tide", "Tide\n\nMade in Lisbon"),
        ("", "Made in Lisbon"),
        ("Tide\n\n#sea #harbour", "Tide\n\nMade in Lisbon\n\n#sea #harbour"),
        ("Tide\n#sea\n\n#harbour\n", "Tide\n\nMade in Lisbon\n\n#sea\n\n#harbour"),
        ("#sea #harbour", "Made in Lisbon\n\n#sea #harbour"),
        ("We love #sea", "We love #sea\n\nMade in Lisbon"),
        ("Tide\n\nMade in Lisbon\n\n#sea", "Tide\n\nMade in Lisbon\n\n#sea"),
    ],
)
def test_signature_stands_once_between_the_caption_and_the_hashtags(text: str, result: str) -> None:
    assert with_signature(text, "Made in Lisbon") == result
    assert with_signature(result, "Made in Lisbon") == result
    assert with_signature(text, "") == text


def test_hashtags_are_read_in_every_spelling() -> None:
    assert read_tags("#sea, harbour #sea\n##شروق a\u0308") == ["sea", "harbour", "شروق", "ä"]
    for typed, code in ((" #, ", "too_short"), (" ".join(f"t{n}" for n in range(TAGS_MAX + 1)), "too_long")):
        with pytest.raises(PydanticCustomError) as caught:
            read_tags(typed)
        assert caught.value.type == code
