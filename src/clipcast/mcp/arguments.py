"""The values of a tool's arguments: checked against its schema, and made the key of what the tool creates."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from clipcast.mcp.api import ToolError

TYPES: dict[str, type] = {"string": str, "array": list, "object": dict, "boolean": bool}
NUMBERS = ("integer", "number")
KEY = "idempotency_key"
KEY_SCHEMA = {
    "type": "string",
    "maxLength": 100,
    "description": "Pass a new value to do the same again within 24 hours.",
}


def key_of(*meant: Any) -> str:
    """Return the Idempotency-Key of what these values mean: a repeated call finds what the first one created."""
    text = json.dumps(meant, sort_keys=True, separators=(",", ":"))
    return f"mcp-{hashlib.sha256(text.encode()).hexdigest()[:40]}"


def check_values(arguments: Mapping[str, Any], properties: Mapping[str, Any], required: Sequence[str]) -> None:
    """Raise ToolError for the first argument whose value is none of its schema. null stands for no value."""
    for name, value in arguments.items():
        if value is None and name not in required:
            continue
        if wrong := _problem(value, properties[name], name):
            fix = f"Pass it as its schema says: {properties[name].get('description', '')}".strip()
            raise ToolError("invalid_argument", wrong, fix)


def _problem(value: Any, schema: Mapping[str, Any], name: str) -> str:
    """Return what is wrong with a value; "" if nothing is."""
    kind, shown = schema.get("type"), f"{name} is {str(value)[:60]!r}"
    if kind in NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int | float) or (kind == "integer" and value % 1 != 0):
            return f"{shown}, which is no {kind}."
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            return f"{shown}. It must be from {schema.get('minimum')} to {schema.get('maximum')}."
    elif kind in TYPES and not isinstance(value, TYPES[kind]):
        return f"{shown}, which is no {kind}."
    elif kind == "array":
        if len(value) < schema.get("minItems", 0):
            return f"{name} is empty."
        return next(filter(None, (_problem(one, schema["items"], f"{name}[{n}]") for n, one in enumerate(value))), "")
    elif kind == "object":
        rest = schema.get("additionalProperties", {})
        return next(filter(None, (_problem(one, rest, f"{name}.{key}") for key, one in value.items())), "")
    elif kind == "string" and len(value) > schema.get("maxLength", len(value)):
        return f"{name} has {len(value)} characters, maximum {schema['maxLength']}."
    elif kind == "string" and len(value) < schema.get("minLength", 0):
        return f"{name} is empty."
    return ""
