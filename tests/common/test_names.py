"""Names that people type: what stays of them, and what two of them share."""

import pytest
from pydantic_core import PydanticCustomError

from clipcast.common.names import clean_name, name_key, tidy_name

WALES = "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f"


@pytest.mark.parametrize(
    "name",
    [
        "Ana María Gonçalves", "مرحبا", "שלום", "می\u200cخواهم", "क्\u200dष", "ക്\u200d", "한글", "東京 2",
        "👩\u200d🍳 Ana", "👩🏽\u200d🚒", "❤️\u200d🔥", "🏳️\u200d🌈 Club", f"Rugby {WALES}", "a&b <i>", "4️⃣ O'Neill",
    ],
)  # fmt: skip
def test_letters_marks_signs_and_emoji_stay(name: str) -> None:
    """Of every script, with the joiners that they need."""
    assert tidy_name(name) == name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("  Winter \n\u2028 menu\t", "Winter menu"),
        ("Jose\u0301", "José"),
        ("Alba\u202eniks\u202c", "Albaniks"),
        ("\u2068Ana\u2069\u200e", "Ana"),
        ("\ufeffA\u00add\u0000a\u001b\x7f", "Ada"),
        ("Ca\u200csa\u200d", "Casa"),
        ("می\u200c", "می"),
        ("👩\u200d\u200d🍳", "👩\u200d🍳"),
        ("a\U000e0067\U000e007f", "a"),
        ("\ud800Ana", "Ana"),
        (" \u200d \u202e", ""),
        ("❤️\u200d", "❤️"),
        ("x\u0302\u200c", "x\u0302"),
        ("\u3164\u115f", ""),
        ("\ufe0f", ""),
    ],
)
def test_what_cannot_be_seen_is_taken_out(typed: str, name: str) -> None:
    """Controls, changes of direction, and joiners that join nothing: two names that look equal are equal."""
    assert tidy_name(typed) == name
    assert tidy_name(name) == name


def test_name_is_counted_as_it_is_kept() -> None:
    assert clean_name("x" * 5 + "\u202e", 5) == "xxxxx"
    for typed, code in (("\u202e ", "too_short"), ("x" * 6, "too_long")):
        with pytest.raises(PydanticCustomError) as refused:
            clean_name(typed, 5)
        assert refused.value.type == code
    assert "6 characters, maximum 5" in refused.value.message()


def test_names_that_differ_by_case_or_width_have_one_key() -> None:
    assert name_key("ＷINTER") == name_key("winter")
    assert name_key("Straße") == name_key("STRASSE")
