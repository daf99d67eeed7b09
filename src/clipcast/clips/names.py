"""Names that people give to folders and labels of clips."""

import unicodedata

FOLDER_MAX, LABEL_MAX = 200, 50
# They join letters and emoji, and are invisible by themselves.
JOINERS = "\u200c\u200d"


class NotAName(ValueError):
    """The text cannot be a name. The message says why."""


def clean_name(typed: str, maximum: int) -> str:
    """Return a name with composed characters and single spaces. Raise NotAName."""
    name = " ".join(unicodedata.normalize("NFC", typed).split())
    if not name:
        raise NotAName("The name is empty. Type at least 1 character.")
    if len(name) > maximum:
        raise NotAName(f"The name is too long: {len(name)} characters, maximum {maximum}. Shorten it.")
    if bad := next((one for one in name if not one.isprintable() and one not in JOINERS), None):
        raise NotAName(f"The name contains the invisible character U+{ord(bad):04X}. Remove it.")
    return name


def name_key(name: str) -> str:
    """Return what two names share that people take for one: upper and lower case, wide and narrow characters."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
