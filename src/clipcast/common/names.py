"""Names that people type: one form for what looks the same, and one rule for all of them.

A name has letters, marks, digits, signs and emoji of any script. Invisible characters are taken out, such as those that
change the direction of what follows. Joiners stay where they join: within emoji, and between letters of scripts that
need them, such as Persian.
"""

import re
import unicodedata

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from clipcast.common.problems import Problem, ValidationFailed

# They join letters and emoji, and are invisible by themselves.
JOINERS = "\u200c\u200d"
INVISIBLE = {"Cc", "Cf", "Cs"}
# Letters and signs that fill a place with nothing: the fillers of Hangul, an empty Braille cell, a joiner of graphemes.
BLANK = "\u115f\u1160\u3164\uffa0\u2800\u034f"
# The combining class of the signs that take the vowel from a letter of an Indic script. A joiner after one shapes it.
VIRAMA = 9
# The flags of parts of countries: a black flag, invisible letters, and their end.
FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e007a]{3,6}\U000e007f")


def tidy_name(typed: str) -> str:
    """Return a name with composed characters and single spaces, without invisible characters.

    Nothing is left of a name that shows nothing.
    """
    line = " ".join(unicodedata.normalize("NFC", typed).split())
    flags = {place for found in FLAG.finditer(line) for place in range(*found.span())}
    shown = (one for place, one in enumerate(line) if place in flags or _is_shown(line, place))
    name = " ".join("".join(shown).split())
    return name if any(unicodedata.category(one)[0] not in "MZ" for one in name) else ""


def _is_shown(line: str, place: int) -> bool:
    one = line[place]
    if one not in JOINERS:
        return unicodedata.category(one) not in INVISIBLE and one not in BLANK
    # A joiner joins what follows to a mark, an emoji or a letter of a script from right to left. Or it ends a virama.
    before, after = line[place - 1] if place else " ", line[place + 1 : place + 2]
    category = unicodedata.category(before)
    joins = category[0] == "M" or category in ("So", "Sk", "Cn") or unicodedata.bidirectional(before) in ("AL", "R")
    return unicodedata.combining(before) == VIRAMA or (joins and after.strip() != "")


def clean_name(typed: str, maximum: int) -> str:
    """Return a name as `tidy_name` does. Raise PydanticCustomError if it is empty or too long."""
    name = tidy_name(typed)
    if not name:
        raise PydanticCustomError("too_short", "The name is empty. Type at least 1 character.")
    if len(name) > maximum:
        raise PydanticCustomError(
            "too_long",
            "Too long: {actual} characters, maximum {limit}. Shorten it.",
            {"actual": len(name), "limit": maximum},
        )
    return name


def require_name(typed: str, maximum: int, path: str = "/name") -> str:
    """Return a name as `clean_name` does. Raise ValidationFailed with the problem at `path`."""
    try:
        return clean_name(typed, maximum)
    except PydanticCustomError as error:
        raise ValidationFailed([Problem(path, error.type, error.message())]) from None


def name_of_at_most(maximum: int) -> AfterValidator:
    """Return the check of a field of a model that holds a name."""
    return AfterValidator(lambda typed: clean_name(typed, maximum))


def name_key(name: str) -> str:
    """Return what two names share that people take for one: upper and lower case, wide and narrow characters."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
