"""Problems from pydantic's errors: Clipcast's codes and messages, and suggestions for misspelt names."""

import difflib
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import core_schema

from clipcast.common.problems import PROBLEMS_MAX, Problem

# With more errors than this, building their details would take too long.
COUNTED_MAX = 20_000
NAME_MAX = 40

BUILTIN = set(get_args(core_schema.ErrorType))

# Clipcast's code and message for each of pydantic's error types. Pydantic's other types are `invalid`.
RULES: dict[str, tuple[str, str]] = {
    "missing": ("required", "This field is required."),
    "literal_error": ("not_allowed", "Use {expected}."),
    "enum": ("not_allowed", "Use {expected}."),
    "string_type": ("wrong_type", 'Must be text in quotes, such as "text".'),
    "string_too_short": ("too_short", "Too short: {actual} characters, minimum {min_length}. Write more."),
    "string_too_long": ("too_long", "Too long: {actual} characters, maximum {max_length}. Shorten it."),
    "string_pattern_mismatch": ("invalid", "Must have the form {pattern}. Correct it."),
    "int_type": ("wrong_type", "Must be a whole number without quotes, such as 5."),
    "int_parsing": ("invalid", "Must be a whole number, such as 5."),
    "int_parsing_size": ("too_large", "The number is too large. Use a smaller one."),
    "int_from_float": ("wrong_type", "Must be a whole number, such as 5. Leave the fraction out."),
    "float_type": ("wrong_type", "Must be a number without quotes, such as 1.5."),
    "float_parsing": ("invalid", "Must be a number, such as 1.5."),
    "finite_number": ("invalid", "The number is too large. Use a smaller one."),
    "bool_type": ("wrong_type", "Must be true or false, without quotes."),
    "bool_parsing": ("invalid", "Must be true or false."),
    "list_type": ("wrong_type", "Must be a list, such as [...]."),
    "dict_type": ("wrong_type", "Must be an object, such as {{...}}."),
    "model_type": ("wrong_type", "Must be an object, such as {{...}}."),
    "model_attributes_type": ("wrong_type", "Must be an object, such as {{...}}."),
    "none_required": ("wrong_type", "Must be null. Leave the field out."),
    "too_short": ("too_short", "Too few: there are {actual_length}, minimum {min_length}. Add more."),
    "too_long": ("too_long", "Too many: there are {actual_length}, maximum {max_length}. Remove some."),
    "greater_than_equal": ("too_small", "Too small: {actual}, minimum {ge}. Use a larger number."),
    "greater_than": ("too_small", "Too small: {actual}, must be more than {gt}. Use a larger number."),
    "less_than_equal": ("too_large", "Too large: {actual}, maximum {le}. Use a smaller number."),
    "less_than": ("too_large", "Too large: {actual}, must be less than {lt}. Use a smaller number."),
}
INVALID = ("invalid", "This value is invalid. See the field's description in the API reference.")
LIMITS = ("limit", "max_length", "min_length", "le", "ge", "lt", "gt")


def problems_of(error: ValidationError, model: type[BaseModel] | None = None, prefix: str = "") -> list[Problem]:
    """Return pydantic's errors as problems under `prefix`: at most PROBLEMS_MAX, and one that counts the rest.

    `model` is the validated model. Its field names are the suggestions for misspelt names.
    """
    count = error.error_count()
    if count > COUNTED_MAX:
        message = f"There are {count} problems, probably one problem many times. Start with a smaller body."
        return [Problem(prefix, "too_many_problems", message, PROBLEMS_MAX, count)]
    details = error.errors(include_url=False)
    problems = [problem_of(detail, model).under(prefix) for detail in details[:PROBLEMS_MAX]]
    if count > PROBLEMS_MAX:
        message = (
            f"There are {count - PROBLEMS_MAX} more problems, which are not listed. Correct the listed ones first."
        )
        problems.append(Problem(prefix, "too_many_problems", message, PROBLEMS_MAX, count))
    return problems


def problem_of(detail: Any, model: type[BaseModel] | None = None) -> Problem:
    """Return one error of `ValidationError.errors` as a problem."""
    kind, location, context = detail["type"], detail["loc"], dict(detail.get("ctx") or {})
    path = "".join("/" + pointer_part(part) for part in location)
    if kind == "extra_forbidden":
        name = str(location[-1])
        near = closest(name, names_at(model, location[:-1])) if model else None
        advice = f"Did you mean {near!r}?" if near else "Remove it."
        return Problem(path[:500], "unknown_field", f"There is no field {name[:NAME_MAX]!r}. {advice}")
    if "actual" not in context and isinstance(detail.get("input"), str | int | float):
        value = detail["input"]
        context["actual"] = len(value) if kind.startswith("string_too") else str(value)[:NAME_MAX]
    limit = next((context[name] for name in LIMITS if name in context), None)
    actual = context.get("actual_length", context.get("actual"))
    if kind in RULES and (kind not in ("too_long", "too_short") or "field_type" in context):
        code, message = RULES[kind][0], RULES[kind][1].format(**{"actual": "", "actual_length": "more"} | context)
    elif kind == "value_error":
        code, message = "invalid", str(context.get("error", INVALID[1]))
    elif kind in BUILTIN and kind not in RULES:
        code, message = INVALID
    else:  # an error of a validator of Clipcast; some have the names of pydantic's types
        code, message = kind, detail["msg"]
    return Problem(path[:500], code, message, limit, actual if limit is not None else None)


def pointer_part(part: object) -> str:
    """Return one part of a JSON pointer (RFC 6901)."""
    return str(part).replace("~", "~0").replace("/", "~1")


def closest(name: str, names: Sequence[str]) -> str | None:
    """Return the entry of `names` that a misspelt `name` most likely means, or None if none is close."""
    if len(name) > NAME_MAX:
        return None
    plain = {_plain(one): one for one in names}
    if meant := plain.get(_plain(name)):
        return meant
    near = [one for one in names if abs(len(one) - len(name)) <= 2]
    return next(iter(difflib.get_close_matches(name, near, 1, 0.8)), None)


def _plain(name: str) -> str:
    """Return one form for the spellings `scheduledAt`, `scheduled-at` and `scheduled_at`."""
    return name.lower().replace("_", "").replace("-", "")


def names_at(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """Return the names of the fields at a location in a body, as callers write them."""
    types: list[Any] = [model]
    for part in location:
        if isinstance(part, int):
            types = [inner for kind in types if get_origin(kind) is list for inner in _types(get_args(kind)[0])]
        else:
            types = [
                inner
                for kind in types
                if _is_model(kind)
                for name, field in kind.model_fields.items()
                if part in (name, field.alias)
                for inner in _types(field.annotation)
            ]
    return [field.alias or name for kind in types if _is_model(kind) for name, field in kind.model_fields.items()]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _types(annotation: Any) -> Iterator[Any]:
    """Yield the types that a field may have: without `Annotated`, and each member of a union."""
    if get_origin(annotation) is Annotated:
        yield from _types(get_args(annotation)[0])
    elif get_origin(annotation) is list or not get_args(annotation):
        yield annotation
    else:
        for one in get_args(annotation):
            yield from _types(one)
