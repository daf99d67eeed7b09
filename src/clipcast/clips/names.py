"""Names that people give to folders and labels of clips."""

from clipcast.common.names import composed, invisible_in

FOLDER_MAX, LABEL_MAX = 200, 50


class NotAName(ValueError):
    """The text cannot be a name. The message says why."""


def clean_name(typed: str, maximum: int) -> str:
    """Return a name with composed characters and single spaces. Raise NotAName."""
    name = composed(typed)
    if not name:
        raise NotAName("The name is empty. Type at least 1 character.")
    if len(name) > maximum:
        raise NotAName(f"The name is too long: {len(name)} characters, maximum {maximum}. Shorten it.")
    if code := invisible_in(name):
        raise NotAName(f"The name contains the invisible character {code}. Remove it.")
    return name
