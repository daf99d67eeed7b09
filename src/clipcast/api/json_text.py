"""A strict JSON parser: no repeated keys, no text that PostgreSQL cannot store, no value that takes long to check."""

import json
import math
from collections.abc import Iterator
from itertools import islice
from typing import Any

from clipcast.common.problems import PROBLEMS_MAX, AppError, Problem, ValidationFailed
from clipcast.common.validation import pointer_part

MAX_DEPTH = 32
# No object of the API has more than 40 fields.
MAX_FIELDS = 100
# The largest post has 5000 targets with about 40 values each. The count includes separators inside strings.
MAX_VALUES = 500_000
LONG = 1_000_000


class _Repeating(dict[str, Any]):
    """An object with repeated keys."""

    repeated: list[str]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    keys = [key for key, _ in pairs]
    repeating = _Repeating(made)
    repeating.repeated = sorted(key for key in made if keys.count(key) > 1) if len(keys) <= MAX_FIELDS else []
    return repeating


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def parse_json(content: bytes) -> Any:
    """Return the value of a JSON text.

    Raises AppError 400 if the text is not JSON, and ValidationFailed with the path of each value that is not accepted.
    """
    if len(content) > LONG and sum(map(content.count, (b",", b":", b"[", b"{"))) > MAX_VALUES:
        message = f"The body has more than {MAX_VALUES} values. Send fewer targets in one request."
        raise ValidationFailed([Problem("", "too_many_values", message, MAX_VALUES)])
    try:
        value = _decoder.decode(content.decode())
    except UnicodeDecodeError:
        raise AppError(400, "invalid_json", "The body is not UTF-8. Encode it as UTF-8.") from None
    except RecursionError:
        message = f"The body is nested too deeply: maximum {MAX_DEPTH} levels. Flatten it."
        problem = Problem("", "too_deep", message, MAX_DEPTH)
        raise ValidationFailed([problem]) from None
    except json.JSONDecodeError as error:
        where = f"{error.msg} at line {error.lineno} column {error.colno}"
        raise AppError(400, "invalid_json", f"The body is not valid JSON: {where}. Correct it there.") from None
    except ValueError as error:  # NaN, Infinity, and integers of thousands of digits
        message = str(error) if "JSON" in str(error) else "a number has too many digits"
        raise AppError(400, "invalid_json", f"The body is not valid JSON: {message}.") from None
    # Valid JSON in UTF-8 holds NUL and surrogates only as escapes. Without such an escape, no string needs a check.
    has_escapes = b"\\u0000" in content or b"\\ud" in content or b"\\uD" in content
    if has_escapes or not _is_plain(value):
        problems = list(islice(_problems(value, "", 0), PROBLEMS_MAX))
        if problems:
            raise ValidationFailed(problems)
    return value


def _is_plain(value: Any) -> bool:
    """Return whether the value needs no further check, strings aside.

    Every request pays for this check, so it walks the value level by level instead of recursing.
    """
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        inner: list[Any] = []
        for node in level:
            kind = type(node)
            if kind is dict:
                if len(node) > MAX_FIELDS:
                    return False
                inner.extend(node.values())
            elif kind is list:
                inner.extend(node)
            elif kind is _Repeating or (kind is float and math.isinf(node)):
                return False
        if not inner:
            return True
        level = inner
    return False


def _problems(value: Any, path: str, depth: int) -> Iterator[Problem]:
    if depth > MAX_DEPTH:
        message = f"The value is nested too deeply: maximum {MAX_DEPTH} levels. Flatten it."
        yield Problem(path, "too_deep", message, MAX_DEPTH)
    elif isinstance(value, str):
        if forbidden := _forbidden(value):
            yield Problem(path, "forbidden_character", f"The text contains {forbidden}. Remove it.")
    elif isinstance(value, float) and math.isinf(value):
        yield Problem(path, "too_large", "The number is too large. Use a smaller one.")
    elif isinstance(value, dict):
        if len(value) > MAX_FIELDS:
            message = f"The object has {len(value)} fields, maximum {MAX_FIELDS}. Remove the unknown ones."
            yield Problem(path, "too_many_fields", message, MAX_FIELDS, len(value))
            return
        for key in getattr(value, "repeated", ()):
            message = f"The object repeats the key {_shown(key)}. Keep one of them."
            yield Problem(f"{path}/{pointer_part(_shown(key))}", "duplicate_key", message)
        for key, inner in value.items():
            if forbidden := _forbidden(key):
                yield Problem(path, "forbidden_character", f"A field name contains {forbidden}. Remove it.")
            else:
                yield from _problems(inner, f"{path}/{pointer_part(key[:200])}", depth + 1)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _problems(inner, f"{path}/{index}", depth + 1)


def _forbidden(text: str) -> str | None:
    if "\x00" in text:
        return "the character NUL (U+0000)"
    if not text.isascii() and any("\ud800" <= one <= "\udfff" for one in text):
        return "half of a surrogate pair (U+D800 to U+DFFF)"
    return None


def _shown(key: str) -> str:
    return key[:100].encode("utf-8", "replace").decode()
