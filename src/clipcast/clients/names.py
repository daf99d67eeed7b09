"""Names that people give to clients and hashtag sets."""

from pydantic_core import PydanticCustomError

from clipcast.common.names import composed, invisible_in

NAME_MAX = 60


def clean_name(typed: str) -> str:
    """Return a name with composed characters and single spaces. Raise PydanticCustomError if it cannot be a name."""
    name = composed(typed)
    if not name:
        raise PydanticCustomError("too_short", "The name is empty. Write at least 1 character.")
    if len(name) > NAME_MAX:
        raise PydanticCustomError(
            "too_long",
            "Too long: {actual} characters, maximum {limit}. Shorten it.",
            {"actual": len(name), "limit": NAME_MAX},
        )
    if code := invisible_in(name):
        raise PydanticCustomError(
            "invalid", "The name contains the invisible character {code}. Remove it.", {"code": code}
        )
    return name
