"""Values that PostgreSQL can store: text without U+0000 and lone surrogates, finite numbers, limited depth."""

import math
import re
from typing import Any

# PostgreSQL rejects U+0000 in text. A lone surrogate is not a character and has no UTF-8 form.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\ufffd"
# Far more than the nesting of platforms' responses.
DEPTH_MAX = 64


def storable(text: str, most: int | None = None) -> str:
    """Return at most `most` characters of `text`, with U+FFFD in place of characters that cannot be stored."""
    cut = text if most is None or len(text) <= most else text[: most - 1] + "…"
    return UNSTORABLE.sub(REPLACEMENT, cut) if UNSTORABLE.search(cut) else cut


def storable_json(value: Any, depth: int = DEPTH_MAX) -> Any:
    """Return a JSON value in which every string is storable.

    Raises ValueError for a value that is not JSON, or that nests deeper than `depth`.
    """
    match value:
        case str():
            return storable(value)
        case bool() | None:
            return value
        case float() if not math.isfinite(value):
            raise ValueError("a number that JSON does not have")
        case int() | float():
            return value
    if depth == 0:
        raise ValueError("nested too deep")
    match value:
        case dict():
            return {storable(str(name)): storable_json(one, depth - 1) for name, one in value.items()}
        case list() | tuple():
            return [storable_json(one, depth - 1) for one in value]
    raise ValueError(f"no JSON: {type(value).__name__}")
