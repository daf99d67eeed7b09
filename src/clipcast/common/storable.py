"""What PostgreSQL can keep: text without U+0000 and lone surrogates, numbers that JSON has, and all of it bounded."""

import math
import re
from typing import Any

# PostgreSQL has no U+0000 in text; a surrogate alone is no character, and has no UTF-8.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\ufffd"
# A response nests a few levels.
DEPTH_MAX = 64


def storable(text: str, most: int | None = None) -> str:
    """Return `text` with U+FFFD for what cannot be stored, and at most `most` characters of it."""
    cut = text if most is None or len(text) <= most else text[: most - 1] + "…"
    return UNSTORABLE.sub(REPLACEMENT, cut) if UNSTORABLE.search(cut) else cut


def storable_json(value: Any, depth: int = DEPTH_MAX) -> Any:
    """Return a JSON value with every string in it storable. Raises ValueError for what is no JSON, or too deep."""
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
