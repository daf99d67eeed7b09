"""Names that people type: one form for what looks the same."""

import unicodedata

# They join letters and emoji, and are invisible by themselves.
JOINERS = "\u200c\u200d"


def composed(typed: str) -> str:
    """Return a text with composed characters and single spaces."""
    return " ".join(unicodedata.normalize("NFC", typed).split())


def invisible_in(name: str) -> str | None:
    """Return the code of the first invisible character, such as `U+202E`; None without one."""
    bad = next((one for one in name if not one.isprintable() and one not in JOINERS), None)
    return f"U+{ord(bad):04X}" if bad else None


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


def name_key(name: str) -> str:
    """Return what two names share that people take for one: upper and lower case, wide and narrow characters."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
