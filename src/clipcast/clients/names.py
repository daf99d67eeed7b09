"""Names that people give to clients and hashtag sets."""

import unicodedata

from pydantic_core import PydanticCustomError

NAME_MAX = 60
# They join letters and emoji: "family" is three emoji with joiners.
JOINERS = "\u200c\u200d"


def clean_name(typed: str) -> str:
    """Return a name with composed characters and single spaces. Raise PydanticCustomError if it cannot be a name."""
    name = " ".join(unicodedata.normalize("NFC", typed).split())
    if not name:
        raise PydanticCustomError("too_short", "The name is empty. Write at least 1 character.")
    if len(name) > NAME_MAX:
        raise PydanticCustomError(
            "too_long",
            "Too long: {actual} characters, maximum {limit}. Shorten it.",
            {"actual": len(name), "limit": NAME_MAX},
        )
    if bad := next((one for one in name if not one.isprintable() and one not in JOINERS), None):
        raise PydanticCustomError(
            "invalid", "The name contains the invisible character {code}. Remove it.", {"code": f"U+{ord(bad):04X}"}
        )
    return name


def name_key(name: str) -> str:
    """Return what two names share that people take for one: upper and lower case, wide and narrow characters."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
