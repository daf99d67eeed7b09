"""Whether a response is one of Clipcast: servers of other products answer with JSON, too."""

from __future__ import annotations

import types
from functools import cache
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from clipcast.sdk import models

SCALARS: dict[Any, Any] = {str: str, int: int, float: (int, float), bool: bool, type(None): type(None)}


def fits(value: Any, name: str) -> bool:
    """Return whether a value has the form of one of the models in `name`, such as `PlanCreated | PlanChecked`."""
    return any(_fits(value, getattr(models, one)) for one in name.split(" | "))


def _fits(value: Any, kind: Any) -> bool:
    if is_typeddict(kind):
        return isinstance(value, dict) and _has_fields(value, kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in arguments)
    if origin is list:
        return isinstance(value, list) and all(_fits(one, arguments[0]) for one in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(one, arguments[1]) for one in value.values())
    if origin is Literal:
        # Later versions have further values.
        return isinstance(value, type(arguments[0]))
    return kind is Any or isinstance(value, SCALARS[kind])


def _has_fields(value: dict[str, Any], kind: Any) -> bool:
    required, optional = _fields_of(kind)
    # A server of an earlier version lacks some.
    missing = sum(name not in value for name in required)
    fields = required | optional
    return 2 * missing <= len(required) and all(_fits(one, fields.get(name, Any)) for name, one in value.items())


@cache
def _fields_of(kind: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    required, optional = {}, {}
    for name, one in get_type_hints(kind, include_extras=True).items():
        if get_origin(one) is NotRequired:
            optional[name] = get_args(one)[0]
        else:
            required[name] = one
    return required, optional
