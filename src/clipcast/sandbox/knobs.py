"""Validation of the settings of platforms and the flags of accounts, which tests change."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, StrictBool, TypeAdapter, ValidationError

TEN_YEARS = 10 * 366 * 86_400

Seconds = Annotated[float, Field(ge=0, le=TEN_YEARS)]
Count = Annotated[int, Field(ge=0, le=10**15)]
Status = Annotated[int, Field(ge=200, le=599)]

# The accepted type for a default of each type, unless the platform declares another.
BY_TYPE: dict[type, Any] = {
    bool: StrictBool,
    int: Count,
    float: Seconds,
    str: str,
    list: list[str],
    dict: dict[str, str],
}


def knob_problem(changes: Mapping[str, Any], defaults: Mapping[str, Any], kinds: Mapping[str, Any]) -> str | None:
    """Return the first error of the changes, an unknown name or a value of a wrong type, or None."""
    for name, value in changes.items():
        if name not in defaults:
            return f"{name} is unknown. Choose from: {', '.join(sorted(defaults))}."
        kind = kinds[name] if name in kinds else BY_TYPE[type(defaults[name])]
        try:
            TypeAdapter(kind).validate_python(value, strict=True)
        except ValidationError as error:
            return f"{name}: {error.errors()[0]['msg']}."
    return None
